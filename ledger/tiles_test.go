package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"

	"ledgerline/ledger/proof"
)

// Nodes that are remembered are those that hashing anew gives, while the tree
// grows, several ask at once, and more tiles are asked for than are kept.
func TestTileNodes(t *testing.T) {
	rng := seeded(t)
	leaf := func(i int64) proof.Hash {
		return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	full := make(map[tileAt][]proof.Hash)
	var e edge
	var edges []edge
	const size = 2*tileWidth*tileWidth + 700
	for i := range int64(size) {
		var tiles []tile
		e = e.clone()
		for _, f := range e.append(leaf(i), tiles) {
			full[tileAt{f.level, f.n}] = f.hashes
		}
		if rng.IntN(500) == 0 || i == size-1 {
			edges = append(edges, e.clone())
		}
	}
	cache := new(tileCache)
	load := func(level int, n int64) ([]proof.Hash, error) { return full[tileAt{level, n}], nil }
	var wg sync.WaitGroup
	for w := range 4 {
		rng := rand.New(rand.NewPCG(rng.Uint64(), uint64(w)))
		wg.Go(func() {
			for range fewer(4000) {
				e := edges[rng.IntN(len(edges))]
				level := rng.IntN(18)
				if e.size>>level == 0 {
					continue
				}
				n := rng.Int64N(e.size >> level)
				want, err := tileReader{edge: e, load: load}.node(level, n)
				got, gerr := tileReader{edge: e, load: load, nodes: cache}.node(level, n)
				if err != nil || gerr != nil || got != want {
					t.Errorf("node %d of level %d of %d leaves is %s, not %s (%v, %v)", n, level, e.size, got, want, gerr, err)
					return
				}
			}
		})
	}
	wg.Wait()
	for n := range int64(3 * tilesKnown) { // whatever is put there
		cache.put(tileAt{9, n}, &knownTile{})
	}
	if kept := len(cache.newer) + len(cache.older); kept > 2*tilesKnown {
		t.Errorf("%d tiles are kept, more than %d", kept, 2*tilesKnown)
	}
}
