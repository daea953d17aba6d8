package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"ledgerline/ledger/proof"
)

// The rows of the completeness index, in a store of their own: they follow from
// the records, are written without a sync and without a log, and are made anew
// if they are lost or damaged. Integers are big endian.
//
//	'm'                        indexMeta: which records the rows are made of
//	'k' key                    uvarint count ‖ peaks(32 each): the key's log, to append to
//	'e' key ‖ first(8)         entries from index first on, as came in one batch, none across
//	                           a multiple of 256: position(8) ‖ time(8) ‖ leaf hash(32) each
//	's' key ‖ level(1) ‖ n(8)  root over the 256^level entries from n·256^level on, level from 1
//	't' size(8)                parts of the prefix tree over the first size records: see index_past.go
//
// Rows 'e', 's' and 't' are written once. With them any subtree of a key's log is
// hashed from at most 128 others. The inner nodes of the newest prefix tree are kept
// in memory only, down to groups of some keys.
const (
	indexMetaRow    = 'm'
	indexKeyRow     = 'k'
	indexEntryRow   = 'e'
	indexSubtreeRow = 's'
	indexPartsRow   = 't'
)

const (
	indexEntrySize = 8 + 8 + proof.HashSize
	indexFormat    = 2 // since 2, rows 't'
)

// indexMeta says what the rows are made of. They are taken up again only if the
// book still holds these records.
type indexMeta struct {
	_      struct{} `cbor:",toarray"`
	Format uint64
	Size   int64
	Last   proof.Hash // leaf hash of record Size-1
	Root   proof.Hash // of the prefix tree
}

// indexStore is the index over the first records of the book.
type indexStore struct {
	db   *pebble.DB
	meta indexMeta
	tree proof.IndexTree
	past pastTrees
}

// openIndexStore opens the store in dir, or makes one, and loads its tree.
func openIndexStore(o Options, dir string) (*indexStore, error) {
	if err := makeDir(o.FS, dir); err != nil {
		return nil, err
	}
	const memtable = 32 << 20
	cache := NewCache(o.Index.CacheBytes, memtable)
	defer cache.Unref() // the store holds its own reference
	log := StoreLog{o.Logger, "completeness index", "the process ends because the completeness index cannot be written; nothing is lost, it follows from the book"}
	p := &pebble.Options{
		FS: o.FS, Cache: cache, FormatMajorVersion: pebbleFormat, DisableWAL: true,
		MemTableSize: memtable, MemTableStopWritesThreshold: 4, L0CompactionThreshold: 4, L0StopWritesThreshold: 1000,
		// A read that meets damage must not end the process: the rows are made anew.
		EventListener: &pebble.EventListener{DataCorruption: func(info pebble.DataCorruptionInfo) {
			o.Logger.Error("the completeness index is damaged", "file", info.Path, "error", info.Details)
		}},
	}
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := log.Open(dir, p)
	if err != nil {
		return nil, err
	}
	s := &indexStore{db: db, meta: indexMeta{Format: indexFormat}}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

var errIndexRows = errors.New("the rows of the completeness index do not fit together")

// load reads what the rows are made of and hashes all keys.
func (s *indexStore) load() error {
	v, closer, err := s.db.Get([]byte{indexMetaRow})
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := errors.Join(decMode.Unmarshal(v, &s.meta), closer.Close()); err != nil {
		return err
	}
	if s.meta.Format != indexFormat {
		return fmt.Errorf("%w: they have format %d", errIndexRows, s.meta.Format)
	}
	r := indexReader{r: s.db}
	if s.tree, err = proof.NewIndexTree(r.leaves); err == nil && s.tree.Root() != s.meta.Root {
		err = fmt.Errorf("%w: the keys do not have the root they had", errIndexRows)
	}
	if err == nil {
		s.past, err = readPast(s.db, s.meta.Size)
	}
	return errors.Join(err, r.close())
}

// close makes the rows durable. What is lost if that fails is made again.
func (s *indexStore) close() error { return errors.Join(s.db.Flush(), s.db.Close()) }

// indexed is what a run of records adds to the index: the entries of each key.
type indexed struct {
	entries map[proof.Hash][]proof.IndexEntry
	size    int64      // records covered with this run
	last    proof.Hash // leaf hash of the last
}

// add brings a run of records into the index.
func (s *indexStore) add(run indexed) (err error) {
	keys := slices.SortedFunc(maps.Keys(run.entries), proof.CompareHashes)
	b := s.db.NewBatch()
	defer func() { err = errors.Join(err, b.Close()) }()
	changed := make([]proof.IndexLeaf, len(keys))
	for i, key := range keys {
		log, err := s.log(key)
		if err == nil {
			err = addEntries(b, key, &log, run.entries[key])
		}
		if err != nil {
			return err
		}
		changed[i] = log.Leaf(key)
	}
	r := indexReader{r: s.db, changed: changed}
	tree, err := s.tree.With(changed, r.leaves)
	if err := errors.Join(err, r.close()); err != nil {
		return err
	}
	past, err := s.past.add(b, run.size, s.tree, tree)
	if err != nil {
		return err
	}
	meta := indexMeta{Format: indexFormat, Size: run.size, Last: run.last, Root: tree.Root()}
	v, err := encMode.Marshal(meta)
	if err != nil {
		return err
	}
	if err := b.Set([]byte{indexMetaRow}, v, nil); err != nil {
		return err
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return err
	}
	s.meta, s.tree, s.past = meta, tree, past
	return nil
}

func (s *indexStore) log(key proof.Hash) (proof.KeyLog, error) {
	v, closer, err := s.db.Get(indexKey(indexKeyRow, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return proof.KeyLog{}, nil
	}
	if err != nil {
		return proof.KeyLog{}, err
	}
	log, err := decodeKeyLog(v)
	return log, errors.Join(err, closer.Close())
}

// addEntries appends to the log of a key and writes its rows.
func addEntries(b *pebble.Batch, key proof.Hash, log *proof.KeyLog, entries []proof.IndexEntry) error {
	var row []byte
	first := log.Count
	for _, e := range entries {
		row = binary.BigEndian.AppendUint64(row, uint64(e.Position))
		row = binary.BigEndian.AppendUint64(row, uint64(e.Time))
		row = append(row, e.Leaf[:]...)
		h := e.Hash()
		if (log.Count+1)%tileWidth != 0 {
			log.Add(h)
			continue
		}
		if err := addSubtrees(b, key, *log, h); err != nil {
			return err
		}
		log.Add(h)
		if err := b.Set(indexEntryKey(key, first), row, nil); err != nil {
			return err
		}
		row, first = row[:0], log.Count
	}
	if len(row) > 0 {
		if err := b.Set(indexEntryKey(key, first), row, nil); err != nil {
			return err
		}
	}
	return b.Set(indexKey(indexKeyRow, key), encodeKeyLog(log), nil)
}

// addSubtrees writes the roots of the subtrees that an entry makes whole. They are
// made of the entry and of as many of the log's last peaks as their height.
func addSubtrees(b *pebble.Batch, key proof.Hash, log proof.KeyLog, entry proof.Hash) error {
	for level := 1; (log.Count+1)%(1<<(tileHeight*level)) == 0; level++ {
		height := tileHeight * level
		sub := proof.KeyLog{Count: 1<<height - 1, Peaks: slices.Clone(log.Peaks[len(log.Peaks)-height:])}
		sub.Add(entry)
		root := sub.Root()
		if err := b.Set(indexSubtreeKey(key, level, log.Count>>height), root[:], nil); err != nil {
			return err
		}
	}
	return nil
}

func indexKey(row byte, key proof.Hash) []byte { return append([]byte{row}, key[:]...) }

func indexEntryKey(key proof.Hash, first uint64) []byte {
	return binary.BigEndian.AppendUint64(indexKey(indexEntryRow, key), first)
}

func indexSubtreeKey(key proof.Hash, level int, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(indexKey(indexSubtreeRow, key), byte(level)), n)
}

func encodeKeyLog(log *proof.KeyLog) []byte {
	v := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64+len(log.Peaks)*proof.HashSize), log.Count)
	return append(v, packHashes(log.Peaks)...)
}

func decodeKeyLog(v []byte) (proof.KeyLog, error) {
	count, n := binary.Uvarint(v)
	if n <= 0 || count == 0 || len(v)-n != bits.OnesCount64(count)*proof.HashSize {
		return proof.KeyLog{}, fmt.Errorf("%w: a key's log cannot be read", errIndexRows)
	}
	peaks, err := unpackHashes(v[n:])
	return proof.KeyLog{Count: count, Peaks: peaks}, err
}
