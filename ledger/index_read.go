package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/ledger/proof"
)

// indexReader reads the rows of the index in one state of the store, for one
// caller at a time.
type indexReader struct {
	r  pebble.Reader
	it *pebble.Iterator // over all rows; made when it is first needed
	// changed are leaves, sorted by key, that take the place of those stored.
	changed []proof.IndexLeaf
	// end, if it is not 0, is how many records the leaves are over: fewer than the
	// rows are, and as they were then.
	end  int64
	logs *keyLogReader // made when it is first needed
}

func (x *indexReader) iter() (*pebble.Iterator, error) {
	if x.it == nil {
		var err error
		if x.it, err = x.r.NewIter(nil); err != nil {
			return nil, err
		}
	}
	return x.it, nil
}

func (x *indexReader) close() (err error) {
	if x.it != nil {
		err = x.it.Close()
	}
	if x.logs != nil {
		err = errors.Join(err, x.logs.close())
	}
	return err
}

// leaves is a proof.LeafSource.
func (x *indexReader) leaves(prefix proof.Hash, bits int) ([]proof.IndexLeaf, error) {
	it, err := x.iter()
	if err != nil {
		return nil, err
	}
	last := lastWith(prefix, bits)
	after := func(k proof.Hash) bool { return string(k[:]) > string(last[:]) }
	from := sort.Search(len(x.changed), func(i int) bool { return string(x.changed[i].Key[:]) >= string(prefix[:]) })
	changed := x.changed[from:]
	changed = changed[:sort.Search(len(changed), func(i int) bool { return after(changed[i].Key) })]

	out := make([]proof.IndexLeaf, 0, len(changed)+8)
	for it.SeekGE(indexKey(indexKeyRow, prefix)); it.Valid(); it.Next() {
		row := it.Key()
		if row[0] != indexKeyRow {
			break
		}
		if len(row) != 1+proof.HashSize {
			return nil, fmt.Errorf("%w: there is a key of %d bytes", errIndexRows, len(row)-1)
		}
		key := proof.Hash(row[1:])
		if after(key) {
			break
		}
		for len(changed) > 0 && string(changed[0].Key[:]) < string(key[:]) {
			out, changed = append(out, changed[0]), changed[1:]
		}
		if len(changed) > 0 && changed[0].Key == key {
			out, changed = append(out, changed[0]), changed[1:]
			continue
		}
		log, err := decodeKeyLog(it.Value())
		if err != nil {
			return nil, err
		}
		leaf, ok := log.Leaf(key), true
		if x.end > 0 {
			if leaf, ok, err = x.pastLeaf(key, &log, x.end); err != nil {
				return nil, err
			}
		}
		if ok {
			out = append(out, leaf)
		}
	}
	return append(out, changed...), it.Error()
}

// lastWith is the highest key that begins with a number of bits of prefix.
func lastWith(prefix proof.Hash, bits int) proof.Hash {
	for i := bits; i < 8*proof.HashSize; i++ {
		if i%8 == 0 {
			for j := i / 8; j < proof.HashSize; j++ {
				prefix[j] = 0xff
			}
			break
		}
		prefix[i/8] |= 1 << (7 - i%8)
	}
	return prefix
}

// keyLogReader reads the logs of keys, one at a time.
type keyLogReader struct {
	key      proof.Hash
	entries  *pebble.Iterator // stands at the row that is kept
	subtrees *pebble.Iterator
	first    uint64 // index of the first entry in row
	row      []byte // entries of one row; it is read again and again while searching
}

func newKeyLogReader(r pebble.Reader, key proof.Hash) (*keyLogReader, error) {
	k := &keyLogReader{key: key}
	var err error
	if k.entries, err = rowsOfKind(r, indexEntryRow); err != nil {
		return nil, err
	}
	if k.subtrees, err = rowsOfKind(r, indexSubtreeRow); err != nil {
		return nil, errors.Join(err, k.entries.Close())
	}
	return k, nil
}

func rowsOfKind(r pebble.Reader, row byte) (*pebble.Iterator, error) {
	return r.NewIter(&pebble.IterOptions{LowerBound: []byte{row}, UpperBound: []byte{row + 1}})
}

// use turns to the log of another key.
func (k *keyLogReader) use(key proof.Hash) { k.key, k.row = key, k.row[:0] }

// reader is for proving from the log.
func (k *keyLogReader) reader() proof.KeyReader {
	return proof.KeyReader{Entry: k.entry, Subtree: k.subtree}
}

func (k *keyLogReader) close() error { return errors.Join(k.entries.Close(), k.subtrees.Close()) }

// entry reads the entry at an index.
func (k *keyLogReader) entry(i uint64) (proof.IndexEntry, error) {
	n := uint64(len(k.row) / indexEntrySize)
	if i < k.first || i-k.first >= n {
		var ok bool
		if n > 0 && i == k.first+n {
			ok = k.entries.Next()
		} else {
			ok = k.entries.SeekLT(indexEntryKey(k.key, i+1))
		}
		if !ok {
			return proof.IndexEntry{}, errors.Join(k.lost(i), k.entries.Error())
		}
		if err := k.read(k.entries, i); err != nil {
			return proof.IndexEntry{}, err
		}
	}
	return decodeEntry(k.row[(i-k.first)*indexEntrySize:]), nil
}

// read takes the row that the iterator stands at, which has to hold entry i.
func (k *keyLogReader) read(it *pebble.Iterator, i uint64) error {
	row := it.Key()
	if len(row) != 1+proof.HashSize+8 || proof.Hash(row[1:1+proof.HashSize]) != k.key {
		return k.lost(i)
	}
	k.first = binary.BigEndian.Uint64(row[1+proof.HashSize:])
	k.row = append(k.row[:0], it.Value()...)
	if n := uint64(len(k.row) / indexEntrySize); len(k.row)%indexEntrySize != 0 || i < k.first || i-k.first >= n {
		return k.lost(i)
	}
	return nil
}

func (k *keyLogReader) lost(i uint64) error {
	k.row = k.row[:0]
	return fmt.Errorf("%w: entry %d of a key is missing", errIndexRows, i)
}

func decodeEntry(b []byte) proof.IndexEntry {
	return proof.IndexEntry{
		Position: int64(binary.BigEndian.Uint64(b)), Time: int64(binary.BigEndian.Uint64(b[8:])),
		Leaf: proof.Hash(b[16:indexEntrySize]),
	}
}

// subtree hashes the 2^level entries from index·2^level on.
func (k *keyLogReader) subtree(level int, index uint64) (proof.Hash, error) {
	stored := level / tileHeight
	n := 1 << (level - stored*tileHeight)
	hashes := make([]proof.Hash, 0, n)
	from := index * uint64(n)
	if stored == 0 {
		for i := from; len(hashes) < n; i++ {
			e, err := k.entry(i)
			if err != nil {
				return proof.Hash{}, err
			}
			hashes = append(hashes, e.Hash())
		}
		return subtreeRoot(hashes), nil
	}
	it := k.subtrees
	for ok := it.SeekGE(indexSubtreeKey(k.key, stored, from)); ok && len(hashes) < n; ok = it.Next() {
		if string(it.Key()) != string(indexSubtreeKey(k.key, stored, from+uint64(len(hashes)))) || len(it.Value()) != proof.HashSize {
			break
		}
		hashes = append(hashes, proof.Hash(it.Value()))
	}
	if err := it.Error(); err != nil {
		return proof.Hash{}, err
	}
	if len(hashes) < n {
		return proof.Hash{}, fmt.Errorf("%w: subtree %d of level %d of a key is missing", errIndexRows, from+uint64(len(hashes)), stored)
	}
	return subtreeRoot(hashes), nil
}
