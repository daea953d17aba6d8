package ledger

import (
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger/proof"
)

// An edge that leaves are appended to has the roots and tiles that the tree of x/mod
// has, and is the same as one read anew from those tiles.
func TestEdge(t *testing.T) {
	const n = 1<<16 + 3*256 + 5 // up to the second level of tiles
	var e edge
	var stored []proof.Hash // as tlog numbers them
	full := make(map[[2]int64][]proof.Hash)
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]proof.Hash, error) {
		out := make([]proof.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i := int64(0); i < n; i++ {
		before, root := e.clone(), e.root()
		leaf := proof.Hash(identityOf(int(i)))
		var tiles []tile
		tiles = e.append(leaf, tiles)
		hashes, err := tlog.StoredHashesForRecordHash(i, leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		for _, tl := range tiles {
			full[[2]int64{int64(tl.level), tl.n}] = tl.hashes
		}
		if i > 600 && (i+1)%8192 > 1 && i < n-2 {
			continue // what differs does so around full tiles; and this is slow
		}
		if before.root() != root {
			t.Fatalf("appending leaf %d changed the edge before it", i)
		}
		want, err := tlog.TreeHash(i+1, reader)
		if err != nil {
			t.Fatal(err)
		}
		if e.root() != want {
			t.Fatalf("the root of %d leaves is %s, not %s", i+1, e.root(), want)
		}
		read, err := buildEdge(i+1, func(level int, at int64) ([]proof.Hash, error) {
			if hashes, ok := full[[2]int64{int64(level), at}]; ok {
				return hashes, nil
			}
			return e.levels[level], nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(read.peaks, e.peaks) {
			t.Fatalf("read anew, the edge of %d leaves has peaks %v, not %v", i+1, read.peaks, e.peaks)
		}
	}
	if len(full) != n/256+1 {
		t.Fatalf("%d tiles became full, not %d", len(full), n/256+1)
	}
}
