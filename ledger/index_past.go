package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/ledger/proof"
)

// The prefix tree of every earlier state of the index can be had again, to prove
// from the commitments to it. Kept are its subtrees at depth pastDepth, and the
// groups of keys above that, whenever they change; what is below is made again from
// the logs of its keys, which only grow: the index as of a size is that of the
// entries below it.
//
//	't' size(8)   base(8) ‖ total(8) ‖ parts: node(2) ‖ hash(32) each
//
// base is the size of a row that holds all parts; from there on up to this row there
// are total parts, of which the later ones take the place of earlier ones. A node is
// counted as in a heap: 1 is the root, 2n and 2n+1 are below n.

const (
	// pastDepth: the subtree of a key holds one in 1,024 keys, of which a proof from an
	// old commitment makes the leaves again.
	pastDepth = 10
	// pastParts is how many parts are written at most until a row holds all again,
	// 1,024 at most.
	pastParts = 8192

	pastPartSize = 2 + proof.HashSize
	pastHeader   = 8 + 8
)

// pastTrees is where the rows of earlier trees end.
type pastTrees struct {
	base  int64 // size of the last row that holds all parts
	total int64 // parts from there on
}

// readPast reads where the rows up to that of a size end.
func readPast(r pebble.Reader, size int64) (p pastTrees, err error) {
	v, closer, err := r.Get(indexPartsKey(size))
	if errors.Is(err, pebble.ErrNotFound) {
		return p, fmt.Errorf("%w: the tree over %d records is missing", errIndexRows, size)
	}
	if err != nil {
		return p, err
	}
	p, _, err = decodeParts(v, nil)
	return p, errors.Join(err, closer.Close())
}

// add writes the row of a tree, and returns where the rows end then.
func (p pastTrees) add(b *pebble.Batch, size int64, earlier, tree proof.IndexTree) (pastTrees, error) {
	parts := tree.Parts(earlier, pastDepth)
	p.total += int64(len(parts))
	if p.base == 0 || p.total > pastParts {
		parts = tree.Parts(proof.IndexTree{}, pastDepth)
		p = pastTrees{base: size, total: int64(len(parts))}
	}
	v := binary.BigEndian.AppendUint64(make([]byte, 0, pastHeader+len(parts)*pastPartSize), uint64(p.base))
	v = binary.BigEndian.AppendUint64(v, uint64(p.total))
	for _, part := range parts {
		node := uint16(1)<<part.Bits | binary.BigEndian.Uint16(part.Prefix[:])>>(16-part.Bits)
		v = append(binary.BigEndian.AppendUint16(v, node), part.Hash[:]...)
	}
	return p, b.Set(indexPartsKey(size), v, nil)
}

func indexPartsKey(size int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{indexPartsRow}, uint64(size))
}

// decodeParts reads a row, and appends its parts to those of others.
func decodeParts(v []byte, parts []proof.IndexPart) (pastTrees, []proof.IndexPart, error) {
	bad := fmt.Errorf("%w: the parts of an earlier tree cannot be read", errIndexRows)
	if len(v) < pastHeader || (len(v)-pastHeader)%pastPartSize != 0 {
		return pastTrees{}, nil, bad
	}
	p := pastTrees{int64(binary.BigEndian.Uint64(v)), int64(binary.BigEndian.Uint64(v[8:]))}
	if p.base < 0 || p.total < 0 {
		return pastTrees{}, nil, bad
	}
	for v = v[pastHeader:]; len(v) > 0; v = v[pastPartSize:] {
		node := binary.BigEndian.Uint16(v)
		depth := bits.Len16(node) - 1
		if depth < 0 || depth > pastDepth {
			return p, nil, bad
		}
		part := proof.IndexPart{Bits: depth, Hash: proof.Hash(v[2:pastPartSize])}
		binary.BigEndian.PutUint16(part.Prefix[:], (node^1<<depth)<<(16-depth))
		parts = append(parts, part)
	}
	return p, parts, nil
}

// treeOver makes the prefix tree over the first size records again.
func treeOver(r pebble.Reader, size int64) (tree proof.IndexTree, err error) {
	p, err := readPast(r, size)
	if err != nil {
		return tree, err
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: indexPartsKey(p.base), UpperBound: indexPartsKey(size + 1)})
	if err != nil {
		return tree, err
	}
	parts := make([]proof.IndexPart, 0, min(p.total, pastParts+1<<pastDepth))
	for it.First(); it.Valid() && err == nil; it.Next() {
		_, parts, err = decodeParts(it.Value(), parts)
	}
	if err = errors.Join(err, it.Error(), it.Close()); err != nil {
		return tree, err
	}
	if int64(len(parts)) != p.total {
		return tree, fmt.Errorf("%w: %d of %d parts of the tree over %d records are there", errIndexRows, len(parts), p.total, size)
	}
	return proof.JoinIndexParts(parts), nil
}

// pastLeaf is the leaf of a key as it was over the first end records; ok is false if
// none of them bears the key. newest is the log of now.
func (x *indexReader) pastLeaf(key proof.Hash, newest *proof.KeyLog, end int64) (leaf proof.IndexLeaf, ok bool, err error) {
	if x.logs == nil {
		if x.logs, err = newKeyLogReader(x.r, proof.Hash{}); err != nil {
			return leaf, false, err
		}
	}
	x.logs.use(key)
	if e, err := x.logs.entry(newest.Count - 1); err != nil || e.Position < end {
		return newest.Leaf(key), err == nil, err
	}
	if e, err := x.logs.entry(0); err != nil || e.Position >= end {
		return leaf, false, err
	}
	leaf, err = x.logs.reader().LeafBefore(key, newest.Count, end)
	return leaf, err == nil, err
}

// ErrNoCommitment: at the position that was given, there is no commitment to the
// completeness index that can be proven from.
var ErrNoCommitment = errors.New("there is no commitment to the completeness index")

// at is the view to prove from as of the commitment at a position, or the newest if
// that is 0. The caller holds x.mu while it is used.
func (x *indexer) at(commit int64) (*indexView, error) {
	v, err := x.current()
	if err != nil || commit == 0 || commit == v.commit {
		return v, err
	}
	if commit < 0 || commit > v.commit {
		return nil, fmt.Errorf("%w at position %d", ErrNoCommitment, commit)
	}
	_, body, err := x.l.readBody(commit)
	if err != nil {
		return nil, err
	}
	if body.Type != proof.IndexCommittedType {
		return nil, fmt.Errorf("%w at position %d: it holds a %s", ErrNoCommitment, commit, body.Type)
	}
	c, err := body.IndexCommit()
	if err != nil {
		return nil, fmt.Errorf("position %d: %w", commit, err)
	}
	past := &indexView{commit: commit, size: c.Size, rows: v.rows, end: c.Size}
	past.tree, err = treeOver(v.rows, c.Size)
	if err == nil && past.tree.Root() != c.Root {
		err = fmt.Errorf("%w: they have the root %s over %d records, and position %d commits to %s", errIndexRows, past.tree.Root(), c.Size, commit, c.Root)
	}
	return past, err
}

// IndexCommitOver returns the position of the first commitment to the index that is
// over the record at a position. The error is an ErrNoIndex, or an ErrNoCommitment
// if there is none yet: see [Ledger.CommitIndex].
func (l *Ledger) IndexCommitOver(position int64) (commit int64, err error) {
	if err := l.uses.begin(); err != nil {
		return 0, err
	}
	defer l.uses.end()
	l.index.mu.RLock()
	defer l.index.mu.RUnlock()
	v, err := l.index.current()
	if err != nil {
		return 0, err
	}
	if position >= v.size {
		return 0, fmt.Errorf("%w over the record at position %d", ErrNoCommitment, position)
	}
	// Commitments are records like others: the index tells where they stand, all but
	// the newest.
	key := proof.Key(proof.KindType, proof.IndexCommittedType)
	rows := indexReader{r: v.rows}
	earlier, err := v.tree.Lookup(key, rows.leaves)
	if err := errors.Join(err, rows.close()); err != nil {
		return 0, err
	}
	if earlier.Leaf == nil || earlier.Leaf.Key != key {
		return v.commit, nil
	}
	log, err := newKeyLogReader(v.rows, key)
	if err != nil {
		return 0, err
	}
	commit = v.commit
	sort.Search(int(earlier.Leaf.Count), func(i int) bool {
		if err != nil {
			return true
		}
		var e proof.IndexEntry
		var body *proof.Body
		var c proof.IndexCommit
		if e, err = log.entry(uint64(i)); err == nil {
			if _, body, err = l.readBody(e.Position); err == nil {
				c, err = body.IndexCommit()
			}
		}
		over := err == nil && c.Size > position
		if over {
			commit = e.Position
		}
		return over
	})
	return commit, errors.Join(err, log.close())
}
