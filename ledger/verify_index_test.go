package ledger

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// TestVerifyIndex: a commitment that does not follow from the records before it is
// found and placed, however it got there.
func TestVerifyIndex(t *testing.T) {
	root := func(b byte) []byte { return append(make([]byte, 31), b) }
	for name, c := range map[string]struct {
		commit func(good proof.Hash, size uint64) *events.IndexCommitted
		kind   string
	}{
		"right": {func(good proof.Hash, size uint64) *events.IndexCommitted {
			return &events.IndexCommitted{Algorithm: proof.IndexAlgorithm, Root: good[:], Size: size}
		}, ""},
		"another root": {func(good proof.Hash, size uint64) *events.IndexCommitted {
			return &events.IndexCommitted{Algorithm: proof.IndexAlgorithm, Root: root(1), Size: size}
		}, IndexWrong},
		"over records after it": {func(good proof.Hash, size uint64) *events.IndexCommitted {
			return &events.IndexCommitted{Algorithm: proof.IndexAlgorithm, Root: good[:], Size: size + 2}
		}, IndexWrong},
		"over more than there are": {func(good proof.Hash, size uint64) *events.IndexCommitted {
			return &events.IndexCommitted{Algorithm: proof.IndexAlgorithm, Root: good[:], Size: size + 1000}
		}, IndexWrong},
		"over no more than the one before": {func(good proof.Hash, size uint64) *events.IndexCommitted {
			return &events.IndexCommitted{Algorithm: proof.IndexAlgorithm, Root: good[:], Size: 11}
		}, IndexWrong},
		"by another algorithm": {func(good proof.Hash, size uint64) *events.IndexCommitted {
			return &events.IndexCommitted{Algorithm: "ledgerline/index/v2", Root: good[:], Size: size}
		}, Unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			tl := newTestLog(t, Options{})
			tl.fill("a", 10)
			tl.commitIndex()
			tl.fill("b", 600)
			leaves, _ := tl.auditIndex()
			var index proof.Index
			for i := range leaves {
				hash, err := tl.LeafHash(int64(i))
				if err != nil {
					t.Fatal(err)
				}
				if err := index.Add(&leaves[i], hash); err != nil {
					t.Fatal(err)
				}
			}
			at := tl.Head().Size
			ev := tl.own(c.commit(index.Root(), uint64(at)), proof.IndexCommittedType, "forged")
			if _, err := tl.Ledger.append(ctx, []events.Event{ev}); err != nil {
				t.Fatal(err)
			}
			if _, err := tl.Append(ctx, party(1), party(2), party(3)); err != nil {
				t.Fatal(err)
			}
			tl.close()
			r := verifyStore(t, tl.fs, VerifyOptions{})
			if c.kind == "" {
				if !r.OK() {
					t.Fatalf("found %+v", r.Findings)
				}
				return
			}
			if len(r.Findings) != 1 || r.Findings[0].Kind != c.kind || r.Findings[0].From != at || r.Findings[0].To != at {
				t.Fatalf("found %+v, want one %s at position %d", r.Findings, c.kind, at)
			}
		})
	}
}

// TestIndexAfterWrongCommit: a ledger whose newest commitment is wrong proves
// nothing from it, says so, and goes on with a right one.
func TestIndexAfterWrongCommit(t *testing.T) {
	tl := newTestLog(t, Options{FS: vfs.NewMem()})
	tl.fill("a", 10)
	tl.commitIndex()
	tl.fill("b", 10)
	ev := tl.own(&events.IndexCommitted{Algorithm: proof.IndexAlgorithm, Root: make([]byte, 32), Size: 20}, proof.IndexCommittedType, "forged")
	if _, err := tl.Ledger.append(ctx, []events.Event{ev}); err != nil {
		t.Fatal(err)
	}
	tl.adoptCommits()
	tl.reopen()
	tl.fill("c", 10)
	tl.commitIndex()
	got := tl.proven(proof.Question{Names: []proof.Name{{"principal", "tester"}}, To: proof.EndOfTime}, 0)
	if got.Matches != 30 {
		t.Fatalf("%d records are proven, 30 were appended", got.Matches)
	}
}
