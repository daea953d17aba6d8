package proof

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
)

// viewedBodies are bodies that between them take every way through a View.
func viewedBodies() map[string]*Body {
	c := Continuation{ID: "a", Source: "b", Part: 1, Keys: []Hash{{1}, {2}}}
	continued := leastBody()
	continued.Type, continued.Data = ContinuedType, c.Data()
	many := leastBody()
	many.Type = "lineage.openlineage.received"
	for i := range MaxKeys + 10 {
		many.Names = append(many.Names, Name{KindDataset, "pg", strconv.Itoa(i)})
	}
	some := leastBody()
	some.Type, some.Names = "lineage.openlineage.received", many.Names[:20]
	twice := fullBody() // its party is a name as well
	twice.Names = append(twice.Names, Name{KindParty, twice.Party})
	return map[string]*Body{"full": fullBody(), "least": leastBody(), "continued": continued, "many": many, "some": some, "twice": twice}
}

// sameView compares a view with the body that ParseBody reads.
func sameView(v *View, b *Body) error {
	got := []string{string(v.ID), string(v.Type), string(v.Source), string(v.SubjectKind), string(v.SubjectID), string(v.Principal), string(v.Party), string(v.Data)}
	want := []string{b.ID, b.Type, b.Source, b.Subject[0], b.Subject[1], b.Principal, b.Party, string(b.Data)}
	if !slices.Equal(got, want) || v.Schema != b.Schema || v.Public() != b.Public() || v.Names() != len(b.Names) {
		return fmt.Errorf("viewed as %q\nparsed as %q", got, want)
	}
	if len(v.Facets) != len(b.Facets) {
		return fmt.Errorf("%d facets, not %d", len(v.Facets), len(b.Facets))
	}
	for i, f := range v.Facets {
		if r := (FacetRef{Name: string(f.Name), MediaType: string(f.MediaType), Owner: string(f.Owner), Commit: f.Commit}); r != b.Facets[i] {
			return fmt.Errorf("facet %d is %+v, not %+v", i, r, b.Facets[i])
		}
	}
	return nil
}

// A view is read where a body is, and says the same. One view serves for all, as
// in a verification, so what an earlier body left in it must not show.
func TestViewEqualsParse(t *testing.T) {
	var v View
	for name, b := range viewedBodies() {
		enc := must(b.Marshal())
		if err := v.Read(enc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := sameView(&v, b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(enc) > 2000 {
			continue // its parts are those of the others
		}
		mutations(enc, func(m []byte) {
			want, perr := ParseBody(m)
			verr := v.Read(m)
			if (perr == nil) != (verr == nil) {
				t.Fatalf("%s: %x\nis parsed with %v\nviewed with %v", name, m, perr, verr)
			}
			if perr != nil {
				return
			}
			if err := sameView(&v, want); err != nil {
				t.Fatalf("%s: %x: %v", name, m, err)
			}
		})
	}
}

func TestViewAllocatesNothing(t *testing.T) {
	enc := must(fullBody().Marshal())
	var v View
	h := NewRehasher([]byte("secret"))
	if n := testing.AllocsPerRun(100, func() {
		if err := v.Read(enc); err != nil {
			t.Fatal(err)
		}
		h.LeafHash(1, Hash{}, 2, enc, &v)
	}); n != 0 {
		t.Errorf("%v allocations for a body that is read again", n)
	}
}

// Hashing again gives what a leaf put together field by field has, in any order
// of bodies: what is remembered of one must not show in another.
func TestRehash(t *testing.T) {
	secret := []byte("the book's")
	h := NewRehasher(secret)
	var v View
	for round := range 3 {
		for name, b := range viewedBodies() {
			enc := must(b.Marshal())
			var salt [32]byte
			if !b.Public() {
				salt = BodySalt(secret, b.Source, b.ID)
			}
			keys := b.Keys()
			l := Leaf{Version: LeafVersion, Position: uint64(round), Prev: Hash{byte(round)}, Time: 7, Keys: keys[:min(len(keys), MaxKeys)], Body: CommitBody(&salt, enc)}
			if err := v.Read(enc); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, want := h.LeafHash(int64(round), Hash{byte(round)}, 7, enc, &v), LeafHash(l.Append(nil)); got != want {
				t.Fatalf("%s, round %d: hashed to %s, not %s", name, round, got, want)
			}
			if got := h.SubjectKey(&v); got != Key(KindSubject, b.Subject[0], b.Subject[1]) {
				t.Fatalf("%s: the subject's key is %s", name, got)
			}
		}
	}
	// More names than there are slots, so that they take slots from one another.
	for i := range 5000 {
		n := Name{KindEntry, strconv.Itoa(i % 2500)}
		if got := h.known.key(appendTexts(nil, n...)); got != n.Key() {
			t.Fatalf("%q has key %s, not %s", n, got, n.Key())
		}
	}
}

func FuzzView(f *testing.F) {
	for _, b := range viewedBodies() {
		f.Add(must(b.Marshal()))
	}
	var v View
	f.Fuzz(func(t *testing.T, enc []byte) {
		b, perr := ParseBody(enc)
		if verr := v.Read(enc); (perr == nil) != (verr == nil) {
			t.Fatalf("%x\nis parsed with %v\nviewed with %v", enc, perr, verr)
		}
		if perr != nil {
			return
		}
		if err := sameView(&v, b); err != nil {
			t.Fatalf("%x: %v", enc, err)
		}
	})
}

// BenchmarkView takes apart and hashes again a body like most: ns/op is per record.
func BenchmarkView(b *testing.B) {
	enc := must(fullBody().Marshal())
	var v View
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if err := v.Read(enc); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hash", func(b *testing.B) {
		h := NewRehasher([]byte("secret"))
		for b.Loop() {
			h.LeafHash(1, Hash{}, 2, enc, &v)
		}
	})
}
