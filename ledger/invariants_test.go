package ledger

import (
	"errors"
	"testing"

	"ledgerline/events"
)

// TestInvariant_I01: the versions of a subject have no gaps, and who believes in an
// older one is refused.
func TestInvariant_I01(t *testing.T) {
	tl := newTestLog(t, Options{})
	subject := access("a1", "person").Data.Subject()
	for want := range uint64(4) {
		if got, err := tl.SubjectVersion(subject); err != nil || got != want {
			t.Fatalf("version %d, want %d (%v)", got, want, err)
		}
		e := access(string(rune('a'+want)), "person")
		e.ExpectedVersion = &want
		tl.append(e)
	}
	stale, old := access("late", "person"), uint64(3)
	stale.ExpectedVersion = &old
	var r *events.Refusal
	if _, err := tl.Append(ctx, stale); !errors.As(err, &r) || r.Rule != "subject.version" {
		t.Errorf("a stale event: %v", err)
	}
}

// TestInvariant_I22: an erasure leaves every record and its hash, the digest of what
// is gone, and who decided it.
func TestInvariant_I22(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(access("a1", "person-a"))
	before, err := tl.Record(1)
	if err != nil {
		t.Fatal(err)
	}
	done := tl.erase(Erasure{ID: "1", Owner: "person-a", Reason: "asked"}, 2) // the subject and the query
	after, err := tl.Record(1)
	if err != nil || after.Hash != before.Hash {
		t.Errorf("the record is another one after the erasure (%v)", err)
	}
	if f := tl.facet(1); !f.Erased || f.ErasedBy != done.Receipts[0].Position {
		t.Errorf("the facet is %+v", f)
	}
	e, err := tl.Get(ctx, done.Receipts[0].Position)
	if err != nil || e.Event.Type != "ledger.payload.erased" {
		t.Errorf("the decision is %s (%v)", e.Event.Type, err)
	}
}

// TestInvariant_I26: the same source and id again is the same result and no second
// record; with other content it is refused.
func TestInvariant_I26(t *testing.T) {
	tl := newTestLog(t, Options{})
	first := tl.append(access("a1", "person"))[0]
	size := tl.Head().Size
	if again := tl.append(access("a1", "person"))[0]; !again.Repeated || again.Position != first.Position || tl.Head().Size != size {
		t.Errorf("again: %+v, %d records", again, tl.Head().Size)
	}
	var r *events.Refusal
	if _, err := tl.Append(ctx, access("a1", "somebody else")); !errors.As(err, &r) || r.Class != events.Conflict {
		t.Errorf("the same id with other content: %v", err)
	}
}
