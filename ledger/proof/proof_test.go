package proof

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// hashReader gives x/mod's tlog the hashes of a log that it stored itself.
type hashReader []Hash

func (r hashReader) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, x := range indexes {
		out[i] = r[x]
	}
	return out, nil
}

// Every inclusion proof of every small log, made by one Merkle library, is what
// the other makes and is accepted for its own leaf, and for no other.
func TestInclusionExhaustive(t *testing.T) {
	const most = 33
	l := newTestLog(t, most)
	var stored hashReader
	for i, leaf := range l.leaves {
		more, err := tlog.StoredHashes(int64(i), leaf, stored)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	for size := 1; size <= most; size++ {
		if root, err := tlog.TreeHash(int64(size), stored); err != nil || root != l.checkpoint(size).Root {
			t.Fatalf("size %d: the libraries differ on the root: %v", size, err)
		}
		for at := range size {
			p := l.inclusion(at, size)
			other, err := tlog.ProveRecord(int64(size), int64(at), stored)
			if err != nil || !slices.Equal(other, p.Hashes) {
				t.Fatalf("size %d position %d: the libraries differ on the path: %v", size, at, err)
			}
			read, err := ParseInclusion(p.Marshal())
			if err != nil || !reflect.DeepEqual(read, p) {
				t.Fatalf("size %d position %d: read back as %+v, %v", size, at, read, err)
			}
			if leaf, c, err := p.CheckLeaf(l.leaves[at], testOrigin, l.verifier); err != nil || c != l.checkpoint(size) || leaf.Position != uint64(at) {
				t.Fatalf("size %d position %d: %+v, %v", size, at, c, err)
			}
			for wrong := range l.leaves {
				if _, err := p.Check(LeafHash(l.leaves[wrong]), testOrigin, l.verifier); (err == nil) != (wrong == at) {
					t.Fatalf("size %d: proof of %d for leaf %d: %v", size, at, wrong, err)
				}
			}
		}
	}
}

// Every consistency proof of every pair of small sizes is accepted, and for no
// other pair of sizes.
func TestConsistencyExhaustive(t *testing.T) {
	const most = 24
	l := newTestLog(t, most)
	for to := 0; to <= most; to++ {
		for from := 0; from <= to; from++ {
			c := l.consistency(from, to)
			f, s, err := c.Check(testOrigin, l.verifier)
			if err != nil || f != l.checkpoint(from) || s != l.checkpoint(to) {
				t.Fatalf("%d to %d: %v", from, to, err)
			}
			enc, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			var read Consistency
			if err := json.Unmarshal(enc, &read); err != nil || !reflect.DeepEqual(read, c) {
				t.Fatalf("%d to %d: read back as %+v, %v", from, to, read, err)
			}
			if from == 0 || from == to {
				continue
			}
			for wrong := 1; wrong < to; wrong++ {
				c.From = string(l.signed(wrong))
				if _, _, err := c.Check(testOrigin, l.verifier); (err == nil) != (wrong == from) {
					t.Fatalf("proof of %d to %d accepted for %d: %v", from, to, wrong, err)
				}
			}
		}
	}
}

func TestConsistencyRefuses(t *testing.T) {
	l := newTestLog(t, 9)
	fork := newTestLog(t, 5)
	fork.tree.AppendData([]byte("another history"))

	good := l.consistency(5, 9)
	for name, c := range map[string]Consistency{
		"shrinking log":       {From: good.To, To: good.From, Hashes: good.Hashes},
		"fork at one size":    {From: string(l.signed(6)), To: string(fork.signed(6))},
		"hashes from nothing": {From: string(l.signed(0)), To: good.To, Hashes: good.Hashes},
		"one hash missing":    {From: good.From, To: good.To, Hashes: good.Hashes[1:]},
		"one hash too many":   {From: good.From, To: good.To, Hashes: append(slices.Clone(good.Hashes), Hash{})},
		"unsigned checkpoint": {From: l.checkpoint(5).Text(), To: good.To, Hashes: good.Hashes},
		"hashes in wrong order": {From: good.From, To: good.To, Hashes: func() []Hash {
			h := slices.Clone(good.Hashes)
			slices.Reverse(h)
			return h
		}()},
	} {
		if _, _, err := c.Check(testOrigin, l.verifier); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}

	enc, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{
		"unknown member":  strings.Replace(string(enc), `{`, `{"x":1,`, 1),
		"repeated member": strings.Replace(string(enc), `{`, `{"hashes":[],`, 1),
		"other case":      strings.Replace(string(enc), `"from"`, `"From"`, 1),
		"missing member":  `{"from":"a","to":"b"}`,
		"null member":     `{"from":"a","to":"b","hashes":null}`,
		"short hash":      `{"from":"a","to":"b","hashes":["AAAA"]}`,
		"something after": string(enc) + "{}",
		"not an object":   `[]`,
		"not UTF-8":       strings.Replace(string(enc), "ledger", "\xff", 1),
	} {
		var c Consistency
		if err := c.UnmarshalJSON([]byte(s)); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
}
