package ledger

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger/proof"
)

const (
	tileWidth  = 256 // hashes in a full tile, as C2SP tlog-tiles fixes it
	tileHeight = 8   // levels of the tree in a tile
)

// edge is the right edge of the tree: for each tile level the hashes of the tile
// that is not full yet. With the full tiles it is the whole tree.
//
// A published edge is immutable: append writes only beyond the published lengths
// of levels and starts a new array when a tile is full; peaks are copied.
type edge struct {
	size   int64
	levels [][]proof.Hash
	// peaks are the roots of the complete subtrees that the tree consists of, the
	// largest first: one for each bit of size.
	peaks []proof.Hash
}

// A tile is a full tile on its way to the store.
type tile struct {
	level  int
	n      int64
	hashes []proof.Hash
}

// append adds a leaf and returns the tiles that became full, lowest first. It
// hashes one node for a leaf on average: what tiles and roots need is among them.
func (e *edge) append(leaf proof.Hash, full []tile) []tile {
	before, h := e.size, leaf
	e.size++
	full = e.put(0, h, full)
	for height := 1; before&1 == 1; height++ {
		last := len(e.peaks) - 1
		h = tlog.NodeHash(e.peaks[last], h)
		e.peaks = e.peaks[:last]
		if height%tileHeight == 0 {
			full = e.put(height/tileHeight, h, full)
		}
		before >>= 1
	}
	e.peaks = append(e.peaks, h)
	return full
}

// put appends a hash to the partial tile of a level.
func (e *edge) put(level int, h proof.Hash, full []tile) []tile {
	for len(e.levels) <= level {
		e.levels = append(e.levels, nil)
	}
	hashes := e.levels[level]
	if hashes == nil {
		hashes = make([]proof.Hash, 0, tileWidth)
	}
	hashes = append(hashes, h)
	if len(hashes) < tileWidth {
		e.levels[level] = hashes
		return full
	}
	e.levels[level] = nil
	return append(full, tile{level, e.size>>(tileHeight*(level+1)) - 1, hashes})
}

// clone returns an edge that can be appended to without changing e. The arrays of
// levels are shared: only the newest edge is ever appended to.
func (e *edge) clone() edge {
	return edge{e.size, slices.Clone(e.levels), slices.Clone(e.peaks)}
}

// findPeaks sets the peaks of an edge that was read.
func (e *edge) findPeaks() {
	e.peaks = nil
	for _, hashes := range slices.Backward(e.levels) { // highest level, leftmost subtree first
		for width := tileWidth / 2; width > 0; width /= 2 {
			if len(hashes) >= width {
				e.peaks = append(e.peaks, subtreeRoot(hashes[:width]))
				hashes = hashes[width:]
			}
		}
	}
}

// root is the RFC 6962 hash of the tree.
func (e *edge) root() proof.Hash {
	if len(e.peaks) == 0 {
		h, _ := tlog.TreeHash(0, nil) // SHA-256 of nothing; needs no reader
		return h
	}
	last := len(e.peaks) - 1
	root := e.peaks[last]
	for _, h := range slices.Backward(e.peaks[:last]) {
		root = tlog.NodeHash(h, root)
	}
	return root
}

// subtreeRoot hashes a power of two of sibling subtrees into one.
func subtreeRoot(hashes []proof.Hash) proof.Hash {
	switch len(hashes) {
	case 1:
		return hashes[0]
	case 2:
		return tlog.NodeHash(hashes[0], hashes[1])
	}
	var buf [tileWidth / 2]proof.Hash
	level := buf[:len(hashes)/2]
	for i := range level {
		level[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
	}
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return level[0]
}

// tileReader reads the hashes of the tree as of an edge: full tiles from the
// store, the rest from the edge.
type tileReader struct {
	edge  edge
	load  func(level int, n int64) ([]proof.Hash, error)
	nodes *tileCache // of the tree that the edge ends; nil: inner nodes are hashed each time
}

// tile returns the hashes of a tile, all that the edge's size has of it.
func (r tileReader) tile(level int, n int64) ([]proof.Hash, error) {
	if level < 0 || n < 0 {
		return nil, ErrNoTile
	}
	count := r.edge.size >> (tileHeight * level) // hashes at this level
	full := count / tileWidth
	switch {
	case n < full:
		return r.load(level, n)
	case n > full || count == full*tileWidth: // n*tileWidth could overflow
		return nil, ErrNoTile
	case level >= len(r.edge.levels):
		return nil, errEdge
	}
	return r.edge.levels[level], nil
}

// errEdge: the edge was not read because it is damaged. Only a verification goes
// on without it.
var errEdge = errors.New("the right edge of the tree is damaged")

// ReadHashes implements tlog.HashReader.
func (r tileReader) ReadHashes(indexes []int64) ([]proof.Hash, error) {
	out := make([]proof.Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		h, err := r.node(level, n)
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}

// node returns the hash of the n-th complete subtree of height level.
func (r tileReader) node(level int, n int64) (proof.Hash, error) {
	width := int64(1) << (level % tileHeight)
	first := n * width
	hashes, err := r.tile(level/tileHeight, first/tileWidth)
	if err != nil {
		return proof.Hash{}, fmt.Errorf("reading the tree at level %d, node %d: %w", level, n, err)
	}
	within := first % tileWidth
	if within+width > int64(len(hashes)) {
		return proof.Hash{}, fmt.Errorf("reading the tree at level %d, node %d: %w", level, n, ErrNoTile)
	}
	if width > 1 && r.nodes != nil {
		return r.nodes.node(tileAt{level / tileHeight, first / tileWidth}, hashes, level%tileHeight, within/width), nil
	}
	return subtreeRoot(hashes[within : within+width]), nil
}

func packHashes(hashes []proof.Hash) []byte {
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for i := range hashes {
		out = append(out, hashes[i][:]...)
	}
	return out
}

func unpackHashes(b []byte) ([]proof.Hash, error) {
	if len(b)%tlog.HashSize != 0 {
		return nil, fmt.Errorf("%d bytes are not a whole number of hashes", len(b))
	}
	out := make([]proof.Hash, len(b)/tlog.HashSize)
	for i := range out {
		copy(out[i][:], b[i*tlog.HashSize:])
	}
	return out, nil
}
