package proof

import (
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// memory holds hashes as x/mod/sumdb/tlog stores them.
type memory []tlog.Hash

func (m *memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = (*m)[at]
	}
	return out, nil
}

// TestFork: two heads of histories that differ are shown to be a fork at every pair of
// sizes, and two heads of one history never are.
func TestFork(t *testing.T) {
	signer, verifier := testKey(t, testOrigin, 7)
	v := note.VerifierList(verifier)
	hashes := func(n, parts int) tlog.HashReader {
		var stored memory
		for i := range n {
			data := []byte{byte(i)}
			if i >= parts {
				data = append(data, 'x')
			}
			more, err := tlog.StoredHashes(int64(i), data, &stored)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, more...)
		}
		return &stored
	}
	const most = 9
	one := hashes(most, most)
	sign := func(r tlog.HashReader, size int64) string {
		root, err := tlog.TreeHash(size, r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Checkpoint{Origin: testOrigin, Size: size, Root: root}.Sign(signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for parts := range most {
		two := hashes(most, parts)
		for older := int64(1); older <= most; older++ {
			for newer := older; newer <= most; newer++ {
				f := Fork{Older: sign(one, older), Newer: sign(two, newer)}
				var err error
				if f.Root, err = tlog.TreeHash(older, two); err != nil {
					t.Fatal(err)
				}
				if f.Hashes, err = tlog.ProveTree(newer, older, two); err != nil {
					t.Fatal(err)
				}
				b, err := f.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				var read Fork
				if err := read.UnmarshalJSON(b); err != nil {
					t.Fatal(err)
				}
				_, _, err = read.Check(testOrigin, v)
				if differ := older > int64(parts); (err == nil) != differ {
					t.Fatalf("heads of %d and %d records that part at %d: %v", older, newer, parts, err)
				}
				// What is made up about the later log does not follow from its head.
				lie := read
				lie.Root[0] ^= 1
				if _, _, err := lie.Check(testOrigin, v); err == nil {
					t.Fatalf("heads of %d and %d records: a root that nobody signed makes a fork", older, newer)
				}
				if len(read.Hashes) > 0 {
					lie = read
					lie.Hashes = append([]Hash{}, read.Hashes...)
					lie.Hashes[0][0] ^= 1
					if _, _, err := lie.Check(testOrigin, v); err == nil {
						t.Fatalf("heads of %d and %d records: hashes that nobody signed make a fork", older, newer)
					}
				}
			}
		}
	}
}
