package proof

import (
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"pgregory.net/rapid"
)

// A KeyLog has the root that the other Merkle library computes, at every size.
func TestKeyLog(t *testing.T) {
	other := testonly.New(rfc6962.DefaultHasher)
	var log KeyLog
	for i := range 300 {
		if want := Hash(other.HashAt(uint64(i))); log.Root() != want {
			t.Fatalf("%d entries: root %v, want %v", i, log.Root(), want)
		}
		e := IndexEntry{Position: int64(i * i), Time: int64(i), Leaf: Hash{byte(i)}}
		other.AppendData(e.append(nil))
		log.Add(e.Hash())
	}
}

// Every range of every small tree is proven, and the proof holds for nothing else.
func TestRangeExhaustive(t *testing.T) {
	const most = 20
	hashes := make([]Hash, most)
	for i := range hashes {
		hashes[i] = IndexEntry{Position: int64(i)}.Hash()
	}
	root := func(lo, hi uint64) Hash {
		var l KeyLog
		for _, h := range hashes[lo:hi] {
			l.Add(h)
		}
		return l.Root()
	}
	subtree := func(level int, i uint64) (Hash, error) { return root(i<<level, (i+1)<<level), nil }
	for n := uint64(1); n <= most; n++ {
		want := root(0, n)
		for from := uint64(0); from < n; from++ {
			for to := from + 1; to <= n; to++ {
				proof, err := ProveRange(from, to, n, subtree)
				if err != nil {
					t.Fatal(err)
				}
				if err := CheckRange(hashes[from:to], from, n, proof, want); err != nil {
					t.Fatalf("[%d, %d) of %d: %v", from, to, n, err)
				}
				for at := range n { // the size is bound to the root by the index
					if CheckRange(hashes[from:to], at, n, proof, want) == nil && at != from {
						t.Fatalf("[%d, %d) of %d passes from %d", from, to, n, at)
					}
				}
				for i := from; i < to; i++ {
					shown := slices.Clone(hashes[from:to])
					shown[i-from] = Hash{1}
					if CheckRange(shown, from, n, proof, want) == nil {
						t.Fatalf("[%d, %d) of %d: another entry %d passes", from, to, n, i)
					}
				}
				for _, bad := range [][]Hash{append(slices.Clone(proof), Hash{}), proof[:max(0, len(proof)-1)]} {
					if len(bad) != len(proof) && CheckRange(hashes[from:to], from, n, bad, want) == nil {
						t.Fatalf("[%d, %d) of %d: %d hashes pass instead of %d", from, to, n, len(bad), len(proof))
					}
				}
			}
		}
		for _, bad := range [][2]uint64{{0, 0}, {n, n + 1}, {1 << 63, 1<<63 + 1}} {
			if _, err := ProveRange(bad[0], bad[1], n, subtree); err == nil {
				t.Errorf("the range %v of %d is proven", bad, n)
			}
		}
		if CheckRange(hashes[:1], 1<<64-1, n, nil, want) == nil || CheckRange(nil, 0, n, []Hash{want}, want) == nil {
			t.Error("a range that cannot be passes")
		}
	}
}

// naiveTree is the hash of the prefix tree, from its definition.
func naiveTree(leaves []IndexLeaf, depth int) Hash {
	switch len(leaves) {
	case 0:
		return Hash{}
	case 1:
		return leaves[0].Hash()
	}
	var parts [2][]IndexLeaf
	for _, l := range leaves {
		bit := l.Key[depth/8] >> (7 - depth%8) & 1
		parts[bit] = append(parts[bit], l)
	}
	left, right := naiveTree(parts[0], depth+1), naiveTree(parts[1], depth+1)
	return sha256.Sum256(append(append([]byte(indexNodeDomain), left[:]...), right[:]...))
}

// leafSource finds leaves in a sorted slice.
func leafSource(leaves *[]IndexLeaf) LeafSource {
	return func(prefix Hash, bits int) ([]IndexLeaf, error) {
		var out []IndexLeaf
		for _, l := range *leaves {
			if sharedBits(&l.Key, &prefix) >= bits {
				out = append(out, l)
			}
		}
		return out, nil
	}
}

// Trees that grow in steps, with their leaves or with a source of them, are those
// of the definition, and older ones do not change.
func TestIndexTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		few := rapid.Bool().Draw(t, "few keys") // long shared prefixes
		var all []IndexLeaf
		var kept, sourced IndexTree
		source := leafSource(&all)
		old, oldRoot := kept, kept.Root()
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			var changed []IndexLeaf
			for range rapid.IntRange(0, 60).Draw(t, "changed") {
				l := IndexLeaf{Key: randomKey(rng, few), Count: rng.Uint64N(1000) + 1, Root: randomKey(rng, false)}
				if !slices.ContainsFunc(changed, func(o IndexLeaf) bool { return o.Key == l.Key }) {
					changed = append(changed, l)
				}
			}
			slices.SortFunc(changed, compareKeys)
			all = mergeLeaves(all, changed)
			var err error
			if kept, err = kept.With(changed, nil); err != nil {
				t.Fatal(err)
			}
			if sourced, err = sourced.With(changed, source); err != nil {
				t.Fatal(err)
			}
			loaded, err := NewIndexTree(source)
			if err != nil {
				t.Fatal(err)
			}
			want := naiveTree(all, 0)
			if kept.Root() != want || sourced.Root() != want || loaded.Root() != want {
				t.Fatalf("%d keys: roots %v, %v and %v, want %v", len(all), kept.Root(), sourced.Root(), loaded.Root(), want)
			}
			if old.Root() != oldRoot {
				t.Fatal("an older tree has changed")
			}
			old, oldRoot = kept, want
			checkLookups(t, kept, sourced, source, all, rng, few)
		}
	})
}

func randomKey(rng *rand.Rand, few bool) (k Hash) {
	for i := range k {
		k[i] = byte(rng.Uint32())
	}
	if few {
		for i := range 31 {
			k[i] = byte(rng.UintN(8) / 7 * rng.UintN(2))
		}
	}
	return k
}

func checkLookups(t *rapid.T, kept, sourced IndexTree, source LeafSource, all []IndexLeaf, rng *rand.Rand, few bool) {
	keys := []Hash{randomKey(rng, few), randomKey(rng, few)}
	for range min(5, len(all)) {
		keys = append(keys, all[rng.IntN(len(all))].Key)
	}
	for _, key := range keys {
		at, present := slices.BinarySearchFunc(all, IndexLeaf{Key: key}, compareKeys)
		a, err := kept.Lookup(key, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := sourced.Lookup(key, source)
		if err != nil || !slices.Equal(a.Siblings, b.Siblings) {
			t.Fatalf("the trees differ on the path of a key: %v", err)
		}
		got, err := a.Check(key, kept.Root())
		if err != nil || (got != nil) != present || present && *got != all[at] {
			t.Fatalf("lookup gives %+v, %v; present %v", got, err, present)
		}
		// What shows one key shows no other: not another leaf, nor absence of a key
		// that is there.
		for _, other := range all {
			l, err := a.Check(other.Key, kept.Root())
			if err == nil && other.Key != key && (l == nil || *l != other) {
				t.Fatalf("the lookup of %v shows %+v of %v", key, l, other.Key)
			}
		}
		if len(a.Siblings) > 0 {
			a.Siblings[rng.IntN(len(a.Siblings))][0] ^= 1
			if _, err := a.Check(key, kept.Root()); err == nil {
				t.Fatal("a lookup with a changed sibling passes")
			}
		}
	}
}

// The index of an auditor is that of its definition.
func TestIndex(t *testing.T) {
	l := newTestLog(t, 400)
	var x Index
	logs := map[Hash]*KeyLog{}
	for i, enc := range l.leaves {
		if i%37 == 0 {
			var leaves []IndexLeaf
			for key, log := range logs {
				leaves = append(leaves, log.Leaf(key))
			}
			if want := naiveTree(leaves, 0); x.Root() != want {
				t.Fatalf("%d records: root %v, want %v", i, x.Root(), want)
			}
		}
		leaf := must(ParseLeaf(enc))
		if err := x.Add(&leaf, LeafHash(enc)); err != nil {
			t.Fatal(err)
		}
		for _, key := range leaf.Keys {
			if logs[key] == nil {
				logs[key] = new(KeyLog)
			}
			logs[key].Add(IndexEntry{int64(i), leaf.Time, LeafHash(enc)}.Hash())
		}
		if err := x.Add(&leaf, LeafHash(enc)); err == nil {
			t.Fatal("a record is taken in twice")
		}
	}
}
