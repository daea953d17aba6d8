package proof

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/mod/sumdb/tlog"
)

// Every call of a batch is proven by its path, and nothing else is.
func TestBatchProof(t *testing.T) {
	for n := 1; n <= 17; n++ {
		var records [][]byte
		for i := range n {
			records = append(records, fmt.Appendf(nil, `{"n":%d,"salt":"%d"}`, i, i*7))
		}
		root, err := BatchRoot(records)
		if err != nil {
			t.Fatal(err)
		}
		if n == 1 && root != tlog.RecordHash(records[0]) {
			t.Error("the root over one record is its leaf hash (RFC 6962)")
		}
		for i := range records {
			p, err := ProveCall(records, int64(i))
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckCall(p, root, int64(n), records[i]); err != nil {
				t.Errorf("%d of %d: %v", i, n, err)
			}
			for j := range records {
				if err := CheckCall(p, root, int64(n), records[j]); j != i && err == nil {
					t.Errorf("record %d passes with the proof of %d", j, i)
				}
			}
			if err := CheckCall(p, root, int64(n+1), records[i]); err == nil {
				t.Error("a batch of another size passes")
			}
			root[0] ^= 1
			if err := CheckCall(p, root, int64(n), records[i]); err == nil {
				t.Error("another root passes")
			}
			root[0] ^= 1
			for k := range p.Path {
				p.Path[k][5] ^= 1
				if err := CheckCall(p, root, int64(n), records[i]); err == nil {
					t.Error("a changed path passes")
				}
				p.Path[k][5] ^= 1
			}
			p.Index = int64(n)
			if err := CheckCall(p, root, int64(n), records[i]); err == nil {
				t.Error("a place past the end passes")
			}
		}
	}
	if _, err := BatchRoot(nil); err == nil {
		t.Error("an empty batch has a root")
	}
	if _, err := ProveCall([][]byte{{1}}, 1); err == nil {
		t.Error("a record that is not there is proven")
	}
}

// TestSealedCall: a call with its path is checked against the body that seals its batch,
// and no change of either passes.
func TestSealedCall(t *testing.T) {
	var records [][]byte
	for i := range 7 {
		records = append(records, fmt.Appendf(nil, "call %d", i))
	}
	root, err := BatchRoot(records)
	if err != nil {
		t.Fatal(err)
	}
	body := func(typ string, schema, first, last uint64) *Body {
		data, err := cbor.Marshal(map[string]any{"batch": "B", "first": first, "last": last, "root": root[:]})
		if err != nil {
			t.Fatal(err)
		}
		return &Body{Type: typ, Schema: schema, Data: data}
	}
	for _, b := range []*Body{body("access.call.recorded", 1, 5, 11), body(SealedType, 2, 5, 11), body(SealedType, 1, 0, 6), body(SealedType, 1, 7, 6), {Type: SealedType, Schema: 1, Data: []byte{0xff}}} {
		if _, ok := b.Seals(); ok {
			t.Errorf("%+v seals a batch", b)
		}
	}
	batch, ok := body(SealedType, 1, 5, 11).Seals()
	if !ok || batch != (SealedBatch{5, 11, root}) {
		t.Fatalf("%+v", batch)
	}
	for number := range uint64(14) {
		call, err := ProveSealed(batch, 17, records, number)
		if in := number >= 5 && number <= 11; (err == nil) != in {
			t.Errorf("%d: %v", number, err)
		}
		if err != nil {
			continue
		}
		text, err := json.Marshal(call)
		if err != nil {
			t.Fatal(err)
		}
		var back SealedCall
		if err := json.Unmarshal(text, &back); err != nil || back.Position != 17 {
			t.Fatalf("%s: %v", text, err)
		}
		if err := back.Check(batch); err != nil {
			t.Errorf("%d: %v", number, err)
		}
		for what, change := range map[string]func(c *SealedCall, b *SealedBatch){
			"record": func(c *SealedCall, _ *SealedBatch) { c.Record = append([]byte{}, c.Record[1:]...) },
			"number": func(c *SealedCall, _ *SealedBatch) { c.Number = 5 + (c.Number-4)%7 },
			"path":   func(c *SealedCall, _ *SealedBatch) { c.Path = append([]Hash{{1}}, c.Path[1:]...) },
			"short":  func(c *SealedCall, _ *SealedBatch) { c.Path = c.Path[:len(c.Path)-1] },
			"range":  func(_ *SealedCall, b *SealedBatch) { b.First, b.Last = b.First+1, b.Last+1 },
			"last":   func(_ *SealedCall, b *SealedBatch) { b.Last += 8 },
			"root":   func(_ *SealedCall, b *SealedBatch) { b.Root[3] ^= 1 },
		} {
			c, b := back, batch
			if change(&c, &b); c.Check(b) == nil {
				t.Errorf("call %d passes with another %s", number, what)
			}
		}
	}
	if _, err := ProveSealed(batch, 17, records[1:], 6); err == nil {
		t.Error("a record is missing, and nobody says so")
	}
	records[0], records[1] = records[1], records[0]
	if _, err := ProveSealed(batch, 17, records, 6); err == nil {
		t.Error("records in another order are taken for those that were sealed")
	}
	if err := new(SealedCall).UnmarshalJSON([]byte(`{"position":1,"number":5,"record":"","path":[],"more":1}`)); err == nil {
		t.Error("an unknown member is passed over")
	}
}
