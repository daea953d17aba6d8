package proof

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// leafOracle is the leaf as the CBOR library sees it.
type leafOracle struct {
	_        struct{} `cbor:",toarray"`
	Version  uint64
	Position uint64
	Prev     Hash
	Time     int64
	Keys     []Hash
	Body     Hash
}

func randomLeaf(r *rand.Rand, keys int) Leaf {
	hash := func() (h Hash) {
		for i := range h {
			h[i] = byte(r.Uint32())
		}
		return h
	}
	l := Leaf{
		Version: LeafVersion, Position: r.Uint64() >> (1 + r.UintN(63)), Prev: hash(),
		Time: r.Int64() >> r.UintN(63), Keys: make([]Hash, 0, keys), Body: hash(),
	}
	for range keys {
		l.Keys = append(l.Keys, hash())
	}
	l.Keys = sortKeys(l.Keys)
	return l
}

func TestLeafEqualsLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	leaves := []Leaf{
		{Version: 1, Keys: []Hash{}},
		{Version: 1, Position: math.MaxInt64, Time: math.MaxInt64, Keys: []Hash{}},
		randomLeaf(r, MaxKeys),
	}
	for i := range 500 {
		leaves = append(leaves, randomLeaf(r, i%40))
	}
	for _, l := range leaves {
		got := l.Append([]byte("before"))[len("before"):]
		want, err := encMode.Marshal(leafOracle{Version: l.Version, Position: l.Position, Prev: l.Prev, Time: l.Time, Keys: l.Keys, Body: l.Body})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("leaf %+v\n got %x\nwant %x", l, got, want)
		}
		read, err := ParseLeaf(got)
		if err != nil || !reflect.DeepEqual(read, l) {
			t.Fatalf("read back as %+v, %v\nwant %+v", read, err, l)
		}
		if len(got) > maxLeaf || len(got) > math.MaxUint16 {
			t.Fatalf("a leaf of %d bytes", len(got))
		}
	}
}

// Every other byte string made from a leaf by changing, dropping or adding a
// byte is refused, or is another leaf.
func TestLeafMutations(t *testing.T) {
	l := randomLeaf(rand.New(rand.NewPCG(3, 4)), 3)
	enc := l.Append(nil)
	mutations(enc, func(b []byte) {
		got, err := ParseLeaf(b)
		if err == nil && (reflect.DeepEqual(got, l) || !bytes.Equal(got.Append(nil), b)) {
			t.Fatalf("%x is read as %+v", b, got)
		}
	})
}

// mutations calls f with every byte string that differs from b in one byte,
// that lacks one byte, or that has one more.
func mutations(b []byte, f func([]byte)) {
	for i := range b {
		m := bytes.Clone(b)
		for x := 1; x < 256; x++ {
			m[i] = b[i] ^ byte(x)
			f(m)
		}
		f(append(bytes.Clone(b[:i]), b[i+1:]...))
		f(append(append(bytes.Clone(b[:i]), 0), b[i:]...))
	}
	f(append(bytes.Clone(b), 0))
}

func TestLeafAppendPanics(t *testing.T) {
	for name, l := range map[string]Leaf{
		"no version":    {},
		"negative time": {Version: 1, Time: -1},
		"position":      {Version: 1, Position: 1 << 63},
		"equal keys":    {Version: 1, Keys: make([]Hash, 2)},
		"unsorted keys": {Version: 1, Keys: []Hash{{2}, {1}}},
		"too many keys": {Version: 1, Keys: make([]Hash, MaxKeys+1)},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			l.Append(nil)
		}()
	}
}

func BenchmarkLeaf(b *testing.B) {
	l := Leaf{Version: 1, Position: 1 << 20, Time: 1767864600000000, Keys: fullBody().Keys()}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		l.Prev = LeafHash(l.Append(buf))
	}
}

func BenchmarkKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Key(KindDataset, "postgres://db:5432", "traffic.public.accidents")
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	l := Leaf{Version: 1, Keys: fullBody().Keys()}
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { LeafHash(l.Append(buf)) }); n != 0 {
		t.Errorf("Append and LeafHash allocate %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { Key(KindDataset, "postgres://db:5432", "traffic.public.accidents") }); n != 0 {
		t.Errorf("Key allocates %v times", n)
	}
}
