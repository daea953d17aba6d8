package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/ledger/proof"
)

// pastKeys draws the keys of an index: few at first, so that groups of keys split.
// Half of them are much alike, so that a kept subtree holds many of those.
func pastKeys(rng *rand.Rand, kinds int) proof.Hash {
	n := rng.IntN(1 + rng.IntN(kinds))
	key := proof.Key("entry", fmt.Sprint(n))
	if n%2 == 0 {
		key[0] = 0xff * byte(n/2%2)
	}
	return key
}

// TestPastTrees: the tree over every earlier number of records is the one it was,
// and so are the leaves of the keys in it; through closing, and with rows that hold
// all parts between.
func TestPastTrees(t *testing.T) {
	rng := seeded(t)
	const kinds, runs = 12_000, 120
	o := Options{FS: vfs.NewMem()}.withDefaults(testDir)
	s, err := openIndexStore(o, "index")
	if err != nil {
		t.Fatal(err)
	}
	type state struct {
		size int64
		root proof.Hash
	}
	var states []state
	logs := map[proof.Hash][]proof.IndexEntry{}
	for position, full := int64(0), 0; len(states) < runs; {
		run := indexed{entries: map[proof.Hash][]proof.IndexEntry{}}
		for range 1 + rng.IntN(1+rng.IntN(kinds/3)) {
			key := pastKeys(rng, 1+kinds*(len(states)+1)/runs)
			e := proof.IndexEntry{Position: position, Time: position * 10, Leaf: proof.Hash{byte(rng.Uint32())}}
			position++
			run.entries[key] = append(run.entries[key], e)
			logs[key] = append(logs[key], e)
		}
		run.size = position
		if err := s.add(run); err != nil {
			t.Fatal(err)
		}
		states = append(states, state{position, s.tree.Root()})
		if s.past.base == position {
			full++
		}
		if len(states) == runs && full < 2 {
			t.Fatalf("%d rows hold all parts; want several: %+v", full, s.past)
		}
		if rng.IntN(runs/4) == 0 {
			if err := s.close(); err != nil {
				t.Fatal(err)
			}
			if s, err = openIndexStore(o, "index"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 3 * runs {
		as := states[i%runs]
		tree, err := treeOver(s.db, as.size)
		if err != nil || tree.Root() != as.root {
			t.Fatalf("over %d records: the root is %s, %v; it was %s", as.size, tree.Root(), err, as.root)
		}
		key := pastKeys(rng, kinds)
		rows := indexReader{r: s.db, end: as.size}
		lookup, err := tree.Lookup(key, rows.leaves)
		if err := errors.Join(err, rows.close()); err != nil {
			t.Fatal(err)
		}
		leaf, err := lookup.Check(key, as.root)
		if err != nil {
			t.Fatalf("over %d records: %v", as.size, err)
		}
		var log proof.KeyLog
		for _, e := range logs[key] {
			if e.Position < as.size {
				log.Add(e.Hash())
			}
		}
		if (leaf == nil) != (log.Count == 0) || leaf != nil && *leaf != log.Leaf(key) {
			t.Fatalf("over %d records: the leaf is %+v; it was %+v", as.size, leaf, log.Leaf(key))
		}
	}
	if _, err := treeOver(s.db, states[0].size+states[len(states)-1].size); !errors.Is(err, errIndexRows) {
		t.Fatalf("a tree over records that there are not: %v", err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}
