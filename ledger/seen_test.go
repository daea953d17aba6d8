package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

func identityOf(n int) [32]byte {
	return sha256.Sum256(binary.AppendUvarint(nil, uint64(n)))
}

// The filter never denies what it was given, errs as rarely as it has to, and
// keeps to its memory.
func TestSeenFilter(t *testing.T) {
	const n = 300_000
	for _, c := range []struct {
		limit int64
		errs  float64 // share of unknown identities it may take for known ones
	}{{64 << 20, 0.01}, {100 << 10, 1}} {
		s := newSeen(0, c.limit)
		for i := range n {
			s.add(identityOf(i))
		}
		wrong := 0
		for i := range n {
			if s.never(identityOf(i)) {
				t.Fatalf("limit %d: identity %d was added, and was never seen", c.limit, i)
			}
			if !s.never(identityOf(n + i)) {
				wrong++
			}
		}
		if share := float64(wrong) / n; share > c.errs {
			t.Errorf("limit %d: %.3f of unknown identities are taken for known ones, more than %.3f", c.limit, share, c.errs)
		}
		var bytes int64
		for _, p := range *s.parts.Load() {
			bytes += int64(len(p.blocks)) * 64
		}
		if bytes > c.limit {
			t.Errorf("the filter takes %d bytes, more than %d", bytes, c.limit)
		}
	}
}

// A filter that has not been loaded rules nothing out.
func TestSeenFilterNotLoaded(t *testing.T) {
	s := newSeen(10, 1<<20)
	if s.never(identityOf(1)) {
		t.Fatal("an identity is ruled out before those in the book were read")
	}
	s.add(identityOf(2))
	if s.never(identityOf(2)) {
		t.Fatal("an identity that was added is ruled out")
	}
}

// After a restart every event is known again, while the filter is being loaded and
// when it is; a new event is told apart once it is.
func TestSeenAfterRestart(t *testing.T) {
	tl := newTestLog(t, Options{})
	var sent []events.Event
	for i := range 40 {
		sent = append(sent, issue(fmt.Sprint("i", i), "Q1"))
		tl.append(sent[i])
	}
	for range 3 {
		tl.reopen()
		tl.append(sent...) // the harness expects the old receipts
	}
	<-tl.seen.loaded
	tl.append(sent...)
	for i := range sent {
		if tl.seen.never(idHash(sent[i].Source, sent[i].ID)) {
			t.Fatalf("event %d is in the book, and was never seen", i)
		}
	}
	if !tl.seen.never(idHash("/tests", "another")) {
		t.Fatal("the loaded filter takes a new identity for a known one, of 41")
	}
	tl.check()
}

// What a subject went through is known after a restart, while the filter is being loaded
// and when it is, whoever remembers nothing else: a subject that the filter took for new
// would be given its first version again, and its rules a state of nothing.
func TestSubjectsSeenAfterRestart(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(party(1))
	for i := range 40 {
		tl.append(issue(fmt.Sprint("i", i), fmt.Sprint("Q", i)))
	}
	tl.reopen()
	tl.append(closing("c0", "Q0")) // perhaps before the filter is whole
	<-tl.seen.loaded
	if !tl.seen.never(proof.Key(events.NameSubject, "issue", "new")) {
		t.Fatal("the loaded filter takes a new subject for a known one, of 41")
	}
	for i := range 40 {
		id := fmt.Sprint("Q", i)
		if tl.seen.never(proof.Key(events.NameSubject, "issue", id)) {
			t.Fatalf("%s is in the book, and was never seen", id)
		}
		if i > 0 {
			tl.append(closing(fmt.Sprint("c", i), id))
		}
		tl.refuse(events.Refusal{Rule: "issue.open", Class: events.Illegal}, closing(fmt.Sprint("d", i), id))
	}
	tl.refuse(events.Refusal{Rule: "issue.open", Class: events.Illegal}, closing("n", "new"))
	tl.check()
}

// Whatever callers are told to be warm, the rules see the true state.
func TestWarmthIsAHint(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(party(1), issue("i1", "Q1"), issue("i2", "Q2"))
	tl.reopen() // the sequencer remembers nothing
	for _, id := range []string{"Q1", "Q2", "Q3"} {
		tl.warm.put(proof.Key(events.NameSubject, "issue", id))
	}
	tl.append(closing("c1", "Q1"))
	tl.refuse(events.Refusal{Rule: "issue.open", Class: events.Illegal}, closing("c2", "Q1"))
	tl.warm.clear()
	tl.append(closing("c3", "Q2"))
	tl.refuse(events.Refusal{Rule: "issue.open", Class: events.Illegal}, closing("c4", "Q2"))
	tl.check()
}

// A state that a caller read for an earlier event is only used while the sequencer knows
// of all that changed since.
func TestKeptStatesAreAHint(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(party(1), issue("i1", "Q1"), issue("i2", "Q2"))
	tl.reopen() // the sequencer remembers nothing
	kept := func(id string) subjectCell {
		t.Helper()
		subject := proof.Key(events.NameSubject, "issue", id)
		r := aheadReader{l: tl.Ledger, asOf: tl.Head().Size}
		var a lookahead
		if err := r.readCell(&a, "issue", subject); err != nil {
			t.Fatal(err)
		}
		c := tl.kept.get(subject)
		if c == nil || c.cell.version != 1 || c.asOf != r.asOf {
			t.Fatalf("the state of %s is not kept: %+v", id, c)
		}
		return *c
	}
	old := []subjectCell{kept("Q1"), kept("Q2")}
	tl.append(closing("c1", "Q1"))
	tl.kept.put(old[0]) // by a caller that was slow
	tl.refuse(events.Refusal{Rule: "issue.open", Class: events.Illegal}, closing("c2", "Q1"))

	tl.append(closing("c3", "Q2"))
	tl.turn.Lock() // the sequencer forgets
	tl.admission = newAdmission(tl.Head().Size)
	tl.warm.clear()
	tl.kept.floor.Store(tl.admission.cells.floor)
	tl.turn.Unlock()
	for i, id := range []string{"Q1", "Q2"} {
		tl.kept.put(old[i])
		if c := tl.kept.get(old[i].subject); c != nil {
			t.Errorf("the state of %s as of %d is given out, from before %d", id, c.asOf, tl.kept.floor.Load())
		}
	}
	tl.kept.floor.Store(0) // as if a caller had asked just before
	tl.refuse(events.Refusal{Rule: "issue.open", Class: events.Illegal}, closing("c4", "Q1"), closing("c5", "Q2"))
	tl.refuse(events.Refusal{Rule: "issue.open", Class: events.Illegal}, closing("c6", "Q2"))
	tl.check()
}
