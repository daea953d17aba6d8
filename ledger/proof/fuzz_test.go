package proof

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
)

func FuzzParseLeaf(f *testing.F) {
	l := randomLeaf(rand.New(rand.NewPCG(5, 6)), 2)
	f.Add(l.Append(nil))
	f.Add([]byte{0x86, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseLeaf(b)
		if err == nil && !bytes.Equal(l.Append(nil), b) {
			t.Fatalf("%x is read as %+v, which is written otherwise", b, l)
		}
		// The library reads more, but what it reads and writes back unchanged
		// with sorted keys and this version is a leaf.
		var o leafOracle
		if decMode.Unmarshal(b, &o) != nil || o.Version != LeafVersion || o.Position > maxInt || o.Time < 0 || len(o.Keys) > MaxKeys {
			return
		}
		if again := must(encMode.Marshal(o)); !bytes.Equal(again, b) || len(sortKeys(slices.Clone(o.Keys))) != len(o.Keys) {
			return
		}
		for i := 1; i < len(o.Keys); i++ {
			if bytes.Compare(o.Keys[i-1][:], o.Keys[i][:]) >= 0 {
				return
			}
		}
		if err != nil {
			t.Fatalf("%x is a leaf, but refused: %v", b, err)
		}
	})
}

func FuzzParseBody(f *testing.F) {
	c := Continuation{ID: "a", Source: "b", Part: 1, Keys: []Hash{{1}}}
	continued := leastBody()
	continued.Type, continued.Data = ContinuedType, c.Data()
	for _, b := range []*Body{fullBody(), leastBody(), continued} {
		f.Add(must(b.Marshal()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		body, err := ParseBody(b)
		if err != nil {
			return
		}
		if again, err := body.Marshal(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is read as %+v, which is written otherwise: %v", b, body, err)
		}
		if again, err := encMode.Marshal(body); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is read as %+v, which the library writes otherwise: %v", b, body, err)
		}
		if err := decMode.Unmarshal(b, new(Body)); err != nil {
			t.Fatalf("%x: the library refuses it: %v", b, err)
		}
		if len(body.Keys()) < 3 {
			t.Fatalf("%d keys", len(body.Keys()))
		}
		if _, err := ViewJSON(body.Data); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever Marshal writes, ParseBody reads and the library writes likewise.
func FuzzMarshalBody(f *testing.F) {
	f.Add("id", "actor", "part", "text/plain", uint64(1), int64(-1), []byte{0xa0})
	f.Add("id", "\xff", "", "", uint64(1)<<63, int64(0), []byte{0xa0, 0x16, 0x80})
	f.Fuzz(func(t *testing.T, id, actor, part, media string, n uint64, at int64, data []byte) {
		b := leastBody()
		b.ID, b.Actor, b.EffectiveTo, b.ExpectedVersion, b.Data = id, actor, at, &n, data
		b.Names, b.Facets = []Name{{KindEntry, part}}, []FacetRef{{Name: "f", MediaType: media, Owner: actor}}
		enc, err := b.Marshal()
		if err != nil {
			return
		}
		if _, err := ParseBody(enc); err != nil {
			t.Fatalf("%+v is written as %x, which is refused: %v", b, enc, err)
		}
		if want := must(encMode.Marshal(b)); !bytes.Equal(enc, want) {
			t.Fatalf("%+v\n got %x\nwant %x", b, enc, want)
		}
	})
}

func FuzzViewJSON(f *testing.F) {
	f.Add([]byte("\xa1\x61a\x82\x00\x20"))
	for _, r := range rejectedData {
		f.Add(must(hex.DecodeString(r.hex)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ViewJSON(b)
		if err == nil && !json.Valid(v) {
			t.Fatalf("%x is viewed as %q", b, v)
		}
	})
}

func FuzzDecodeFacet(f *testing.F) {
	f.Add(EncodeFacet(new([32]byte), []byte("text")))
	f.Fuzz(func(t *testing.T, b []byte) {
		salt, got, err := DecodeFacet(b)
		if err == nil && !bytes.Equal(EncodeFacet(&salt, got), b) {
			t.Fatalf("%x is read as what is written otherwise", b)
		}
	})
}

func FuzzOpenFacet(f *testing.F) {
	f.Add([]byte("twelve bytes and a tag of 16"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, err := OpenFacet(new([32]byte), "s", "i", "n", b); err == nil {
			t.Fatalf("%x opened", b)
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	l := newTestLog(f, 3)
	f.Add(l.signed(3))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := OpenCheckpoint(b, testOrigin, l.verifier)
		if err == nil && c != l.checkpoint(3) {
			t.Fatalf("%q opened as %+v", b, c)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(newTestLog(f, 3).checkpoint(3).Text())
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseCheckpoint(text); err == nil && (c.Text() != text || c.Size < 0) {
			t.Fatalf("%q is read as %+v", text, c)
		}
	})
}

func FuzzParseInclusion(f *testing.F) {
	l := newTestLog(f, 5)
	f.Add(l.inclusion(2, 5).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseInclusion(b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Marshal(), b) {
			t.Fatalf("%q is read as %+v, which is written otherwise", b, p)
		}
		if _, err := p.Check(LeafHash(l.leaves[2]), testOrigin, l.verifier); err == nil && p.Position != 2 {
			t.Fatalf("%q proves record 2 elsewhere", b)
		}
	})
}

func FuzzConsistency(f *testing.F) {
	f.Add(must(json.Marshal(newTestLog(f, 5).consistency(2, 5))))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Consistency
		if c.UnmarshalJSON(b) != nil {
			return
		}
		again := must(json.Marshal(c))
		var d Consistency
		if err := json.Unmarshal(again, &d); err != nil {
			t.Fatalf("%q: cannot be read again: %v", again, err)
		}
	})
}

func FuzzReceipt(f *testing.F) {
	r, _ := testReceipt(f)
	f.Add(must(json.Marshal(r)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		if err != nil {
			return
		}
		if again, err := ParseReceipt(must(json.Marshal(r))); err != nil || again != r {
			t.Fatalf("%q is read as %+v and then as %+v, %v", b, r, again, err)
		}
	})
}

func FuzzDecodeSlots(f *testing.F) {
	a, b := must(EncodeSlot(1, []byte("a\n"))), must(EncodeSlot(2, []byte("b\n")))
	f.Add(append(bytes.Clone(a), b...))
	f.Add(a)
	f.Fuzz(func(t *testing.T, file []byte) {
		seq, c, ok := DecodeSlots(file)
		if !ok {
			return
		}
		slot, err := EncodeSlot(seq, c)
		if err != nil || !bytes.Contains(file, slot) {
			t.Fatalf("read %d %q, which no slot of the file holds: %v", seq, c, err)
		}
	})
}

func FuzzSplitBundle(f *testing.F) {
	f.Add(AppendEntry(AppendEntry(nil, []byte("one")), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		leaves, err := SplitBundle(b)
		if err != nil {
			return
		}
		var again []byte
		for _, l := range leaves {
			again = AppendEntry(again, l)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("%x is split into what is written otherwise", b)
		}
	})
}
