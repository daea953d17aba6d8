package ledger

import (
	"encoding/binary"
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

// TestPartsRefused: rows of earlier trees that cannot be are refused, and nothing is
// made of them.
func TestPartsRefused(t *testing.T) {
	row := func(base, total uint64, rest ...byte) []byte {
		return append(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, base), total), rest...)
	}
	part := func(node byte) []byte { return append([]byte{0, node}, make([]byte, proof.HashSize)...) }
	for name, v := range map[string][]byte{
		"empty":           nil,
		"half a header":   row(1, 1)[:pastHeader-1],
		"half a part":     row(1, 1, part(1)[1:]...),
		"negative base":   row(1<<63, 1, part(1)...),
		"negative total":  row(1, 1<<63, part(1)...),
		"no such node":    row(1, 1, part(0)...),
		"node too far in": row(1, 1, append([]byte{0x80, 0}, make([]byte, proof.HashSize)...)...),
	} {
		if _, _, err := decodeParts(v, nil); !errors.Is(err, errIndexRows) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, parts, err := decodeParts(row(1, 1, part(1)...), nil); err != nil || p != (pastTrees{1, 1}) || len(parts) != 1 {
		t.Errorf("the root alone: %+v, %v, %v", p, parts, err)
	}
}
