package ledger

import (
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger/proof"
)

// A tileCache keeps tiles that were read, with the nodes inside them: a proof needs
// the roots of a dozen subtrees of up to 128 hashes, and hashing those anew would
// be nearly all that it costs. Those high in the tree are part of every proof.
// Two generations bound its memory; what is used moves to the newer.
type tileCache struct {
	mu           sync.RWMutex // guards what follows
	newer, older map[tileAt]*knownTile
}

type tileAt struct {
	level int
	n     int64
}

// A knownTile never changes. nodes[h] has the roots of the complete subtrees of
// height h: of a full tile 256 hashes at height 0 and 2 at height 7. Those above
// height 0 may be missing.
type knownTile struct{ nodes [tileHeight][]proof.Hash }

// tilesKnown is how many tiles a generation has, of 16 KiB each: enough for proofs
// all over half a million records.
const tilesKnown = 2048

func (c *tileCache) get(at tileAt) *knownTile {
	c.mu.RLock()
	known, new := c.newer[at]
	if !new {
		known = c.older[at]
	}
	c.mu.RUnlock()
	if !new && known != nil {
		c.put(at, known)
	}
	return known
}

// put keeps a tile, unless more of it is known.
func (c *tileCache) put(at tileAt, t *knownTile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(at, t)
}

func (c *tileCache) keep(at tileAt, t *knownTile) {
	if known := c.newer[at]; known != nil && len(known.nodes[0]) >= len(t.nodes[0]) && len(known.nodes[1]) >= len(t.nodes[1]) {
		return
	}
	if len(c.newer) >= tilesKnown || c.newer == nil {
		c.older, c.newer = c.newer, make(map[tileAt]*knownTile)
	}
	c.newer[at] = t
}

// node returns the i-th node of a height above 0 in a tile, of which these hashes
// are there. The tile may grow, but what is there stays the same.
func (c *tileCache) node(at tileAt, hashes []proof.Hash, height int, i int64) proof.Hash {
	if known := c.get(at); known != nil && i < int64(len(known.nodes[height])) {
		return known.nodes[height][i]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.newer[at]
	if known == nil {
		known = new(knownTile)
	}
	known = known.grow(hashes)
	c.keep(at, known)
	return known.nodes[height][i]
}

// grow returns the tile with all the nodes that these hashes make.
func (t *knownTile) grow(hashes []proof.Hash) *knownTile {
	grown := *t
	if len(hashes) > len(grown.nodes[0]) {
		grown.nodes[0] = hashes
	}
	for h := 1; h < tileHeight; h++ {
		below, nodes := grown.nodes[h-1], grown.nodes[h]
		if len(nodes) == len(below)/2 {
			continue
		}
		nodes = append(make([]proof.Hash, 0, len(below)/2), nodes...)
		for i := len(nodes); i < len(below)/2; i++ {
			nodes = append(nodes, tlog.NodeHash(below[2*i], below[2*i+1]))
		}
		grown.nodes[h] = nodes
	}
	return &grown
}
