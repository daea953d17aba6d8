package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ledgerline/ledger/proof"
)

// madeLog is a log made by hand, as a server would publish it.
type madeLog struct {
	t              *testing.T
	leaves, bodies [][]byte
	index          proof.Index
}

func (l *madeLog) add(typ string, data []byte) {
	l.t.Helper()
	body := &proof.Body{ID: fmt.Sprint(len(l.leaves)), Type: typ, Schema: 1, Source: "urn:test", Subject: [2]string{"ledger", "self"}, Principal: "p", Data: data}
	enc, err := body.Marshal()
	if err != nil {
		l.t.Fatal(err)
	}
	leaf := proof.Leaf{Version: 1, Position: uint64(len(l.leaves)), Time: int64(len(l.leaves) + 1), Keys: body.Keys(), Body: proof.CommitBody(new([32]byte), enc)}
	if n := len(l.leaves); n > 0 {
		leaf.Prev = proof.LeafHash(l.leaves[n-1])
	}
	raw := leaf.Append(nil)
	l.leaves, l.bodies = append(l.leaves, raw), append(l.bodies, enc)
	if err := l.index.Add(&leaf, proof.LeafHash(raw)); err != nil {
		l.t.Fatal(err)
	}
}

// commitData is {"root", "size", "algorithm"} in CBOR, for sizes below 24.
func commitData(c proof.IndexCommit) []byte {
	b := append([]byte("\xa3\x64root\x58\x20"), c.Root[:]...)
	b = append(b, "\x64size"...)
	b = append(b, byte(c.Size))
	return append(append(b, "\x69algorithm"...), append([]byte{0x60 + byte(len(c.Algorithm))}, c.Algorithm...)...)
}

// TestIndexAudit: who has only the leaves of a log finds a commitment that is wrong,
// and no fault in those that are right.
func TestIndexAudit(t *testing.T) {
	right := proof.IndexCommit{Algorithm: proof.IndexAlgorithm}
	for name, c := range map[string]struct {
		edit func(*proof.IndexCommit)
		want string
	}{
		"right":             {func(*proof.IndexCommit) {}, ""},
		"over fewer":        {nil, ""}, // records came between
		"another root":      {func(c *proof.IndexCommit) { c.Root[3] ^= 1 }, "commits to the index root"},
		"over later ones":   {func(c *proof.IndexCommit) { c.Size += 2 }, "only those before it"},
		"over no more":      {func(c *proof.IndexCommit) { c.Size = 3 }, "an earlier one was over 3"},
		"another algorithm": {func(c *proof.IndexCommit) { c.Algorithm = "ledgerline/index" }, "a newer one is needed"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &madeLog{t: t}
			commit := func(edit func(*proof.IndexCommit)) {
				made := right
				made.Root, made.Size = l.index.Root(), l.index.Size()
				if edit == nil {
					l.add("a.b.happened", []byte{0xa0})
				} else {
					edit(&made)
				}
				l.add(proof.IndexCommittedType, commitData(made))
			}
			for range 3 {
				l.add("a.b.happened", []byte{0xa0})
			}
			commit(func(*proof.IndexCommit) {})
			l.add("a.b.happened", []byte{0xa0})
			commit(c.edit)

			cl := inProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var at int
				if _, err := fmt.Sscanf(r.URL.Path, "/log/body/%d", &at); err != nil {
					http.NotFound(w, r)
					return
				}
				w.Write(l.bodies[at])
			}))
			defer cl.close()
			var audit indexAudit
			var got []string
			for _, raw := range l.leaves {
				leaf, err := proof.ParseLeaf(raw)
				if err != nil {
					t.Fatal(err)
				}
				wrong, err := audit.add(t.Context(), cl, raw, leaf)
				if err != nil {
					t.Fatal(err)
				}
				if wrong != "" {
					got = append(got, wrong)
				}
			}
			if c.want == "" && (len(got) != 0 || audit.commits != 2) {
				t.Errorf("found %q, %d commitments compared", got, audit.commits)
			}
			if c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// TestDescribeComplete: what is withheld, and what is not closed, is said.
func TestDescribeComplete(t *testing.T) {
	c := &proof.Complete{Question: proof.Question{Names: []proof.Name{{"dataset", "ns", "t"}}, To: proof.EndOfTime}, Size: 9, Matches: 1, Withheld: 1}
	c.Records = []proof.CompleteRecord{{Leaf: proof.Leaf{Position: 4}, Matches: true}, {Leaf: proof.Leaf{Position: 5}}}
	text := strings.Join(describeComplete(c), "\n")
	for _, want := range []string{"2 records bear dataset ns/t", "4, recorded", "withheld", "1 records are withheld", "still open: records after position 8", "data derived"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\n  5,") {
		t.Errorf("it lists a record that does not match:\n%s", text)
	}
}
