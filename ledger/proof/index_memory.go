package proof

import (
	"errors"
	"fmt"
	"slices"
)

// An Index is the completeness index over the first records of a log, held in
// memory: what an auditor makes of the leaves to compare with what the log has
// committed to. It takes some 300 bytes for each key. The zero value is the index
// over no records.
type Index struct {
	size    int64
	logs    map[Hash]*KeyLog
	tree    IndexTree
	changed map[Hash]bool // keys whose leaves are not in the tree yet
}

// Add takes in the next record: its leaf, and the hash of that.
func (x *Index) Add(leaf *Leaf, hash Hash) error {
	if leaf.Position != uint64(x.size) {
		return fmt.Errorf("adding to the index: record %d does not follow %d others", leaf.Position, x.size)
	}
	if x.logs == nil {
		x.logs, x.changed = make(map[Hash]*KeyLog), make(map[Hash]bool)
	}
	entry := IndexEntry{Position: x.size, Time: leaf.Time, Leaf: hash}.Hash()
	for _, key := range leaf.Keys {
		log := x.logs[key]
		if log == nil {
			log = new(KeyLog)
			x.logs[key] = log
		}
		log.Add(entry)
		x.changed[key] = true
	}
	x.size++
	return nil
}

// Size returns the number of records taken in.
func (x *Index) Size() int64 { return x.size }

// Root returns the root of the prefix tree: what an [IndexCommit] of this size
// has to say.
func (x *Index) Root() Hash { return x.settle().Root() }

// Lookup shows what the index holds for a key.
func (x *Index) Lookup(key Hash) IndexLookup {
	l, err := x.settle().Lookup(key, nil)
	if err != nil {
		panic(err) // only a source of leaves can fail
	}
	return l
}

// settle brings the changed leaves into the tree.
func (x *Index) settle() IndexTree {
	leaves := make([]IndexLeaf, 0, len(x.changed))
	for key := range x.changed {
		leaves = append(leaves, x.logs[key].Leaf(key))
	}
	slices.SortFunc(leaves, compareKeys)
	tree, err := x.tree.With(leaves, nil)
	if err != nil {
		panic(err) // only a source of leaves can fail
	}
	x.tree = tree
	clear(x.changed)
	return tree
}

// IndexCommittedType is the type of the event by which a log commits to its
// index. Its body is public.
const IndexCommittedType = "ledger.index.committed"

// An IndexCommit is what that event says: the root of the index over the first
// Size records.
type IndexCommit struct {
	Algorithm string // IndexAlgorithm
	Root      Hash
	Size      int64
}

// IndexCommit reads the commitment from the body of such an event.
func (b *Body) IndexCommit() (IndexCommit, error) {
	var c IndexCommit
	if b.Type != IndexCommittedType {
		return c, fmt.Errorf("reading a commitment to the index: the event is a %s", b.Type)
	}
	r := reader{b: b.Data}
	if n := r.expect(cborMap, "commitment"); n != 3 {
		r.fail(errors.New("commitment does not have 3 fields"))
	}
	r.label("root")
	r.hash(&c.Root, "root")
	r.label("size")
	c.Size = int64(r.uint("size"))
	r.label("algorithm")
	c.Algorithm = r.text("algorithm")
	if err := r.end(); err != nil {
		return IndexCommit{}, fmt.Errorf("reading a commitment to the index: %w", err)
	}
	return c, nil
}

// CheckIndexCommit reads the commitment in a record, which is public: the body
// must be the one that the leaf commits to, made by the algorithm that this
// program knows, over records before it.
func CheckIndexCommit(leaf, body []byte) (IndexCommit, error) {
	if err := CheckRecord(leaf, body, new([32]byte)); err != nil {
		return IndexCommit{}, err
	}
	b, err := ParseBody(body)
	if err != nil {
		return IndexCommit{}, err
	}
	c, err := b.IndexCommit()
	if err != nil {
		return IndexCommit{}, err
	}
	if c.Algorithm != IndexAlgorithm {
		return IndexCommit{}, fmt.Errorf("the index is committed to by %q, and this program knows %q: a newer one is needed to check it", c.Algorithm, IndexAlgorithm)
	}
	l, err := ParseLeaf(leaf)
	if err != nil {
		return IndexCommit{}, err
	}
	if c.Size < 1 || uint64(c.Size) > l.Position {
		return IndexCommit{}, fmt.Errorf("record %d commits to an index over %d records, and only those before it can be in it", l.Position, c.Size)
	}
	return c, nil
}
