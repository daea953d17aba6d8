package proof

import (
	"errors"
	"fmt"
	"slices"
	"sort"
)

// An IndexTree is the binary Merkle prefix tree over the keys of the index. A
// subtree without keys hashes to 32 zero bytes, one with a single key is that
// key's leaf, and every other is a node over the keys whose next bit is 0 and
// those whose next bit is 1. So the set of leaves alone decides its shape.
//
// A tree never changes: [IndexTree.With] returns another that shares what is the
// same. Inner nodes are kept down to groups of few keys; the leaves of a group
// are kept too or, if the tree was made with a source of leaves, asked for when
// they are needed. The zero value is the tree without keys.
type IndexTree struct{ root *indexNode }

// An indexNode is an inner node, if it has children, or else a group of keys.
type indexNode struct {
	hash     Hash
	children [2]*indexNode
	leaves   []IndexLeaf // of a group, sorted; none if the leaves come from a source
	count    int         // keys in a group
}

// group tells a group of keys from an inner node.
func (n *indexNode) group() bool { return n.children == [2]*indexNode{} }

// groupKeys is the most keys in a group. Changing one key costs hashing its
// group anew; memory is kept for each group.
const groupKeys = 16

// A LeafSource returns all leaves whose keys begin with the given number of bits
// of prefix, sorted.
type LeafSource func(prefix Hash, bits int) ([]IndexLeaf, error)

// NewIndexTree makes a tree of all leaves of a source, which it does not keep.
func NewIndexTree(source LeafSource) (IndexTree, error) {
	root, err := loadTree(source, Hash{}, 0)
	return IndexTree{root}, err
}

// loadBits is the depth from which on a whole subtree is loaded at once.
const loadBits = 8

func loadTree(source LeafSource, prefix Hash, depth int) (*indexNode, error) {
	if depth == loadBits {
		leaves, err := source(prefix, depth)
		if err != nil || len(leaves) == 0 {
			return nil, err
		}
		return growNode(leaves, depth, false), nil
	}
	var children [2]*indexNode
	for bit := range children {
		var err error
		if children[bit], err = loadTree(source, setBit(prefix, depth, bit), depth+1); err != nil {
			return nil, err
		}
	}
	if children[0].keys()+children[1].keys() > groupKeys {
		return joinNodes(children), nil
	}
	leaves, err := source(prefix, depth) // few keys: one group after all
	if err != nil || len(leaves) == 0 {
		return nil, err
	}
	return growNode(leaves, depth, false), nil
}

// keys counts the keys under a node, or says that there are more than a group's.
func (n *indexNode) keys() int {
	switch {
	case n == nil:
		return 0
	case n.group():
		return n.count
	}
	return groupKeys + 1
}

func setBit(prefix Hash, i, bit int) Hash {
	prefix[i/8] |= byte(bit) << (7 - i%8)
	return prefix
}

// growNode makes the node over leaves whose keys share their first depth bits.
func growNode(leaves []IndexLeaf, depth int, keep bool) *indexNode {
	if len(leaves) <= groupKeys {
		n := &indexNode{hash: hashLeaves(leaves, depth), count: len(leaves)}
		if keep {
			n.leaves = leaves
		}
		return n
	}
	var children [2]*indexNode
	for bit, part := range splitLeaves(leaves, depth) {
		if len(part) > 0 {
			children[bit] = growNode(part, depth+1, keep)
		}
	}
	return joinNodes(children)
}

func joinNodes(children [2]*indexNode) *indexNode {
	return &indexNode{hash: indexNodeHash(children[0].hashOf(), children[1].hashOf()), children: children}
}

// hashOf is the hash of a node; none is a subtree without keys.
func (n *indexNode) hashOf() Hash {
	if n == nil {
		return emptyIndex
	}
	return n.hash
}

// splitLeaves parts sorted leaves by the bit of their keys at depth.
func splitLeaves(leaves []IndexLeaf, depth int) [2][]IndexLeaf {
	at := sort.Search(len(leaves), func(i int) bool { return keyBit(&leaves[i].Key, depth) == 1 })
	return [2][]IndexLeaf{leaves[:at:at], leaves[at:]}
}

// hashLeaves is the hash of the subtree at depth over sorted leaves.
func hashLeaves(leaves []IndexLeaf, depth int) Hash {
	switch len(leaves) {
	case 0:
		return emptyIndex
	case 1:
		return leaves[0].Hash()
	}
	parts := splitLeaves(leaves, depth)
	return indexNodeHash(hashLeaves(parts[0], depth+1), hashLeaves(parts[1], depth+1))
}

// Root returns the hash of the tree.
func (t IndexTree) Root() Hash { return t.root.hashOf() }

// With returns the tree with some leaves added or replaced. They are sorted by
// unique keys. The source, if the tree's leaves come from one, must know them
// already.
func (t IndexTree) With(changed []IndexLeaf, source LeafSource) (IndexTree, error) {
	if len(changed) == 0 {
		return t, nil
	}
	root, err := t.root.with(changed, Hash{}, 0, source)
	return IndexTree{root}, err
}

func (n *indexNode) with(changed []IndexLeaf, prefix Hash, depth int, source LeafSource) (*indexNode, error) {
	if n == nil {
		return growNode(changed, depth, source == nil), nil
	}
	if n.group() {
		if source == nil {
			return growNode(mergeLeaves(n.leaves, changed), depth, true), nil
		}
		leaves, err := source(prefix, depth)
		if err != nil {
			return nil, err
		}
		return growNode(leaves, depth, false), nil
	}
	children := n.children
	for bit, part := range splitLeaves(changed, depth) {
		if len(part) == 0 {
			continue
		}
		var err error
		if children[bit], err = children[bit].with(part, setBit(prefix, depth, bit), depth+1, source); err != nil {
			return nil, err
		}
	}
	return joinNodes(children), nil
}

// mergeLeaves merges sorted leaves; of two with one key the changed one stays.
func mergeLeaves(old, changed []IndexLeaf) []IndexLeaf {
	out := make([]IndexLeaf, 0, len(old)+len(changed))
	for len(old) > 0 && len(changed) > 0 {
		c := compareKeys(old[0], changed[0])
		if c < 0 {
			out, old = append(out, old[0]), old[1:]
			continue
		}
		if c == 0 {
			old = old[1:]
		}
		out, changed = append(out, changed[0]), changed[1:]
	}
	return append(append(out, old...), changed...)
}

// An IndexLookup shows what the prefix tree holds for a key: the siblings on the
// path from the root down, and the leaf where the path ends. If that is the leaf
// of another key, or there is none, no record bears the key.
type IndexLookup struct {
	Siblings []Hash
	Leaf     *IndexLeaf
}

// Lookup looks up a key. The source is that of the tree, if it has one.
func (t IndexTree) Lookup(key Hash, source LeafSource) (IndexLookup, error) {
	var out IndexLookup
	n, prefix, depth := t.root, Hash{}, 0
	for n != nil && !n.group() {
		bit := keyBit(&key, depth)
		out.Siblings = append(out.Siblings, n.children[1-bit].hashOf())
		n, prefix, depth = n.children[bit], setBit(prefix, depth, bit), depth+1
	}
	if n == nil {
		return out, nil
	}
	leaves := n.leaves
	if source != nil {
		var err error
		if leaves, err = source(prefix, depth); err != nil {
			return out, err
		}
	}
	for ; len(leaves) > 1; depth++ {
		bit, parts := keyBit(&key, depth), splitLeaves(leaves, depth)
		out.Siblings = append(out.Siblings, hashLeaves(parts[1-bit], depth+1))
		leaves = parts[bit]
	}
	if len(leaves) == 1 {
		leaf := leaves[0]
		out.Leaf = &leaf
	}
	return out, nil
}

// Check reports whether the tree of the given root holds what the lookup shows
// of the key, and returns the key's leaf: none if no record bears it.
func (l *IndexLookup) Check(key, root Hash) (*IndexLeaf, error) {
	if len(l.Siblings) > 8*HashSize {
		return nil, fmt.Errorf("looking up a key: %d siblings are more than a key has bits", len(l.Siblings))
	}
	h := emptyIndex
	if l.Leaf != nil {
		if l.Leaf.Count == 0 {
			return nil, errors.New("looking up a key: a leaf counts at least one record")
		}
		if sharedBits(&key, &l.Leaf.Key) < len(l.Siblings) {
			return nil, errors.New("looking up a key: the leaf shown does not stand on the key's path")
		}
		h = l.Leaf.Hash()
	}
	for i, sibling := range slices.Backward(l.Siblings) {
		if keyBit(&key, i) == 0 {
			h = indexNodeHash(h, sibling)
		} else {
			h = indexNodeHash(sibling, h)
		}
	}
	if h != root {
		return nil, errors.New("looking up a key: the path does not lead to the root of the index")
	}
	if l.Leaf == nil || l.Leaf.Key != key {
		return nil, nil
	}
	return l.Leaf, nil
}
