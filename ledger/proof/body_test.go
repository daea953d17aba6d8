package proof

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// encMode and decMode are the CBOR library in the profile of the format. It is
// the oracle of this package's own codec.
var (
	encMode = must(cbor.CoreDetEncOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   64,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func uintp(n uint64) *uint64 { return &n }

// fullBody uses every label.
func fullBody() *Body {
	salt := [32]byte{1}
	return &Body{
		ID: "0198c5a2-6d10-7c3e-9f1b-3a52c7f0e001", Type: "catalog.entry.published", Schema: 1,
		Source: "https://catalog.example/dept/transport", Subject: [2]string{"entry", "traffic-accidents"},
		Time: 1767864600000000, EffectiveFrom: 1767888000000000, EffectiveTo: 1799424000000000,
		Principal: "principal:catalog", Actor: "actor:7f3a", Party: "party:transport", OnBehalfOf: "party:province",
		Producer: &Producer{ID: "catalog-1", Seq: 42}, Correlation: "case-9", Causation: "0198c5a2-6d10-7c3e-9f1b-3a52c7f0e000",
		ExpectedVersion: uintp(0), Grade: "internal", Retention: "10y", Imported: true,
		Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Data:  []byte("\xa2\x65title\x66\xe9\x81\x93\xe8\xb7\xaf\x66number\x38\x63"),
		Facets: []FacetRef{
			{Name: "contact", MediaType: "application/json", Owner: "person:5d1c", Commit: CommitFacet(&salt, []byte(`"a"`))},
			{Name: "remark", MediaType: "text/plain", Commit: CommitFacet(&salt, []byte("b"))},
		},
		Signature: []byte{0xd2},
		Names:     []Name{{KindEntry, "traffic-accidents"}, {KindDataset, "postgres://db:5432", "traffic.public.accidents"}},
	}
}

// leastBody uses only the labels that every body has.
func leastBody() *Body {
	return &Body{
		ID: "1", Type: "ledger.genesis", Schema: 1, Source: "ledger", Subject: [2]string{"ledger", testOrigin},
		Principal: "operator", Data: []byte{0xa0},
	}
}

func TestBodyEqualsLibrary(t *testing.T) {
	negative := leastBody()
	negative.Time, negative.EffectiveFrom = -1, -1<<63
	for _, b := range []*Body{fullBody(), leastBody(), negative} {
		enc, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		want, err := encMode.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(enc, want) {
			t.Errorf("got  %x\nwant %x", enc, want)
		}
		read, err := ParseBody(enc)
		if err != nil || !reflect.DeepEqual(read, b) {
			t.Errorf("read back as %+v, %v\nwant %+v", read, err, b)
		}
	}
}

// Every byte string made from a body by changing, dropping or adding a byte is
// refused, or is another body with that as its one encoding.
func TestBodyMutations(t *testing.T) {
	enc, err := fullBody().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	mutations(enc, func(m []byte) {
		b, err := ParseBody(m)
		if err != nil {
			return
		}
		if again, err := encMode.Marshal(b); err != nil || !bytes.Equal(again, m) {
			t.Fatalf("%x is read as %+v", m, b)
		}
	})
}

// Each field alone matters to the commitment, so each must change the bytes.
func TestBodyEveryFieldCounts(t *testing.T) {
	enc, err := fullBody().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	fields := reflect.TypeFor[Body]()
	for i := range fields.NumField() {
		b := fullBody()
		reflect.ValueOf(b).Elem().Field(i).SetZero()
		if again, err := b.Marshal(); err == nil && bytes.Equal(again, enc) {
			t.Errorf("without %s the body has the same bytes", fields.Field(i).Name)
		}
	}
}

func TestBodyRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Body){
		"no id":               func(b *Body) { b.ID = "" },
		"no type":             func(b *Body) { b.Type = "" },
		"no source":           func(b *Body) { b.Source = "" },
		"no principal":        func(b *Body) { b.Principal = "" },
		"no subject":          func(b *Body) { b.Subject[1] = "" },
		"schema 0":            func(b *Body) { b.Schema = 0 },
		"number too large":    func(b *Body) { b.Schema = 1 << 63 },
		"not UTF-8":           func(b *Body) { b.Actor = "\xff" },
		"kind not UTF-8":      func(b *Body) { b.Subject[0] = "\xff" },
		"name not UTF-8":      func(b *Body) { b.Names[0][1] = "\xff" },
		"owner not UTF-8":     func(b *Body) { b.Facets[0].Owner = "\xff" },
		"sequence too large":  func(b *Body) { b.Producer.Seq = 1 << 63 },
		"version too large":   func(b *Body) { b.ExpectedVersion = uintp(1 << 63) },
		"producer without id": func(b *Body) { b.Producer.ID = "" },
		"no data":             func(b *Body) { b.Data = nil },
		"data not a map":      func(b *Body) { b.Data = []byte{0x80} },
		"data with more after": func(b *Body) {
			b.Data = append(slices.Clone(b.Data), 0x16, 0x80)
		},
		"facets unsorted":      func(b *Body) { slices.Reverse(b.Facets) },
		"facet twice":          func(b *Body) { b.Facets[1].Name = b.Facets[0].Name },
		"facet without a name": func(b *Body) { b.Facets[0].Name = "" },
		"name of unknown kind": func(b *Body) { b.Names[0][0] = "person" },
		"name without a part":  func(b *Body) { b.Names[0] = b.Names[0][:1] },
		"name twice":           func(b *Body) { b.Names[1] = b.Names[0] },
		"continues nothing":    func(b *Body) { b.Type = ContinuedType },
		"continuation and names": func(b *Body) {
			c := Continuation{ID: "a", Source: "b", Part: 1, Keys: []Hash{{1}}}
			b.Type, b.Data = ContinuedType, c.Data()
		},
	} {
		b := fullBody()
		spoil(b)
		if enc, err := b.Marshal(); err == nil {
			t.Errorf("%s: written as %x", name, enc)
		}
	}
}

// rejectedData are CBOR items outside the profile, with the reason.
var rejectedData = []struct{ why, hex string }{
	{"integer not in its shortest form", "a161611817"},
	{"integer above 2^63-1", "a161611b8000000000000000"},
	{"integer below -2^63", "a161613b8000000000000000"},
	{"float", "a16161f93c00"},
	{"undefined", "a16161f7"},
	{"simple value 0", "a16161e0"},
	{"simple value in two bytes", "a16161f820"},
	{"tag", "a16161c000"},
	{"key repeated", "a2616100616101"},
	{"keys out of order", "a2616200616100"},
	{"longer key before a shorter", "a262616100616200"},
	{"key not text", "a10000"},
	{"key of a nested map not text", "a16161a10000"},
	{"array of indefinite length", "a161619fff"},
	{"text of indefinite length", "a161617f6161ff"},
	{"map of indefinite length", "bfff"},
	{"text not UTF-8", "a1616161ff"},
	{"length not in its shortest form", "a16161780161"},
	{"ends too early", "a16161"},
	{"array of 2^40 elements", "a161619b0000010000000000"},
	{"reserved bits", "a161611c"},
	{"nested 33 levels deep", "a16161" + strings.Repeat("81", 31) + "80"},
}

func TestDataProfile(t *testing.T) {
	for _, r := range rejectedData {
		data, err := hex.DecodeString(r.hex)
		if err != nil {
			t.Fatal(err)
		}
		b := leastBody()
		b.Data = data
		if enc, err := b.Marshal(); err == nil {
			t.Errorf("%s: written as %x", r.why, enc)
		}
		if v, err := ViewJSON(data); err == nil {
			t.Errorf("%s: viewed as %s", r.why, v)
		}
	}
	nested := func(depth int) []byte {
		b := []byte{0xa1, 0x61, 'a'}
		return append(append(b, bytes.Repeat([]byte{0x81}, depth-1)...), 0)
	}
	b := leastBody()
	b.Data = nested(MaxDepth)
	if _, err := b.Marshal(); err != nil {
		t.Errorf("depth %d: %v", MaxDepth, err)
	}
	b.Data = nested(MaxDepth + 1)
	if _, err := b.Marshal(); err == nil {
		t.Errorf("depth %d was accepted", MaxDepth+1)
	}
}

func TestBodyKeys(t *testing.T) {
	got := fullBody().Keys()
	want := sortKeys([]Hash{
		Key(KindType, "catalog.entry.published"),
		Key(KindSubject, "entry", "traffic-accidents"),
		Key(KindPrincipal, "principal:catalog"),
		Key(KindParty, "party:transport"),
		Key(KindEntry, "traffic-accidents"),
		Key(KindDataset, "postgres://db:5432", "traffic.public.accidents"),
	})
	if !slices.Equal(got, want) || len(got) != 6 {
		t.Errorf("got %v\nwant %v", got, want)
	}
	same := fullBody()
	same.Names = append(same.Names, Name{KindParty, "party:transport"})
	if len(same.Keys()) != 6 {
		t.Error("a key named twice counts twice")
	}
}

// A record's key and a part of one cannot be mistaken for another's.
func TestKeyIsInjective(t *testing.T) {
	names := []Name{
		{"entry", "a", "b"}, {"entry", "ab"}, {"entry", "a", "b", ""}, {"entry", "a"}, {"dataset", "a"},
		{"entry", "a\x00b"}, {"entry", "", "ab"}, {"entry", "a", ""}, {"entrya", ""},
	}
	seen := make(map[Hash]Name)
	for _, n := range names {
		if other, ok := seen[n.Key()]; ok {
			t.Errorf("%q and %q have one key", n, other)
		}
		seen[n.Key()] = n
		enc := must(encMode.Marshal(n))
		if n.Key() != sha(append([]byte("ledgerline/key/v1\x00"), enc...)) {
			t.Errorf("%q: key is not the hash of the library's encoding", n)
		}
	}
}

func TestContinuations(t *testing.T) {
	for _, names := range []int{0, 1020, 1021, 1022, 2020, 2021, 3500} {
		b := leastBody()
		b.Type, b.Party = "lineage.openlineage.received", "party:transport"
		for i := range names {
			b.Names = append(b.Names, Name{KindDataset, "ns", strconv.Itoa(i)})
		}
		keys := b.Keys()
		got := slices.Clone(keys[:min(len(keys), MaxKeys)])
		var after []*Body
		for i, c := range b.Continuations() {
			next := leastBody()
			next.ID, next.Type, next.Data = b.ID+"#"+strconv.Itoa(i+1), ContinuedType, c.Data()
			enc, err := next.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			read, err := ParseBody(enc)
			if err != nil {
				t.Fatal(err)
			}
			own := read.Keys()
			if want := sortKeys(append(leastKeys(next), c.Keys...)); !slices.Equal(own, want) || len(own) > MaxKeys {
				t.Errorf("%d names: continuation %d has %d keys, not its own and the %d carried", names, c.Part, len(own), len(c.Keys))
			}
			got = append(got, c.Keys...)
			after = append(after, read)
		}
		if !slices.Equal(got, keys) {
			t.Errorf("%d names: leaf and %d continuations hold %d of %d keys", names, len(after), len(got), len(keys))
		}
		if err := CheckContinued(b, after); err != nil {
			t.Errorf("%d names: %v", names, err)
		}
		if len(after) > 0 {
			if err := CheckContinued(b, after[1:]); err == nil {
				t.Errorf("%d names: a missing continuation was not seen", names)
			}
			if err := CheckContinued(b, slices.Repeat([]*Body{fullBody()}, len(after))); err == nil {
				t.Errorf("%d names: other records were taken for continuations", names)
			}
		}
	}
}

func leastKeys(b *Body) []Hash {
	return []Hash{Key(KindType, b.Type), Key(KindSubject, b.Subject[0], b.Subject[1]), Key(KindPrincipal, b.Principal)}
}

func BenchmarkParseBody(b *testing.B) {
	enc, err := fullBody().Marshal()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseBody(enc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshalBody(b *testing.B) {
	body := fullBody()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := body.Marshal(); err != nil {
			b.Fatal(err)
		}
	}
}
