package projections

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSplitOfKeys holds byEntity to what Pebble asks of a comparer: a version is
// told from its entity whatever bytes both consist of, the part before it splits
// into itself, and keys are ordered by the parts and then newest first.
func TestSplitOfKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringOf(rapid.RuneFrom([]rune{0, 1, 'a', 'é'})) // the bytes that escape, end and mark
		draw := func(name string) (p []string, position int64, entity, key []byte) {
			p = rapid.SliceOfN(part, 0, 3).Draw(t, name)
			position = rapid.OneOf(rapid.SampledFrom([]int64{0, 1, math.MaxInt64}), rapid.Int64Min(0)).Draw(t, name+" position")
			entity = entityKey(tEntry, p...)
			return p, position, entity, appendVersion(entity, position)
		}
		p, position, entity, key := draw("a")
		if n := byEntity.Split(entity); n != len(entity) {
			t.Fatalf("the entity %x splits at %d: it has no version", entity, n)
		}
		n := byEntity.Split(key)
		if n != len(entity)+versionMark {
			t.Fatalf("%x splits at %d, not behind the entity %x", key, n, entity)
		}
		if again := byEntity.Split(key[:n]); again != n {
			t.Fatalf("the prefix %x splits again, at %d", key[:n], again)
		}
		if e, at, err := splitVersion(key); err != nil || !bytes.Equal(e, entity) || at != position {
			t.Fatalf("%x is read as version %d of %x, %v", key, at, e, err)
		}
		p2, position2, _, key2 := draw("b")
		want := cmp.Or(slices.Compare(p, p2), cmp.Compare(position2, position))
		if got := byEntity.Compare(key, key2); got != want {
			t.Fatalf("%q at %d and %q at %d: ordered %d, want %d", p, position, p2, position2, got, want)
		}
	})
}
