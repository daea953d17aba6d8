package proof

import (
	"fmt"
	"testing"

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
