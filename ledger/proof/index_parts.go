package proof

// An IndexPart is a subtree of an [IndexTree]: the one over all keys that begin
// with the first Bits bits of Prefix, of which the rest is zero.
type IndexPart struct {
	Prefix Hash
	Bits   int
	Hash   Hash
}

// Parts returns the parts at a depth, and the groups of keys above it, that the
// tree has and an earlier one, which it was made of by [IndexTree.With], has not.
// Those of all trees from the empty one on give the tree again: [JoinIndexParts].
func (t IndexTree) Parts(earlier IndexTree, depth int) []IndexPart {
	return t.root.parts(earlier.root, Hash{}, 0, depth, nil)
}

func (n *indexNode) parts(earlier *indexNode, prefix Hash, at, depth int, out []IndexPart) []IndexPart {
	if n == nil || n == earlier {
		return out
	}
	if n.group() || at == depth {
		return append(out, IndexPart{prefix, at, n.hash})
	}
	var before [2]*indexNode
	if earlier != nil {
		before = earlier.children
	}
	for bit, child := range n.children {
		out = child.parts(before[bit], setBit(prefix, at, bit), at+1, depth, out)
	}
	return out
}

// JoinIndexParts makes a tree of parts. One that comes later takes the place of an
// earlier one, or of the group of keys that it came from. To look up keys in the
// tree takes a source of leaves.
func JoinIndexParts(parts []IndexPart) IndexTree {
	root := new(indexNode)
	for _, p := range parts {
		n := root
		for i := range p.Bits {
			child := &n.children[keyBit(&p.Prefix, i)]
			if *child == nil {
				*child = new(indexNode)
			}
			n = *child
		}
		n.hash = p.Hash
	}
	if len(parts) == 0 {
		return IndexTree{}
	}
	root.rehash()
	return IndexTree{root}
}

// rehash hashes the inner nodes anew.
func (n *indexNode) rehash() Hash {
	if n == nil {
		return emptyIndex
	}
	if !n.group() {
		n.hash = indexNodeHash(n.children[0].rehash(), n.children[1].rehash())
	}
	return n.hash
}
