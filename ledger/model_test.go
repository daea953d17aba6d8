package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"ledgerline/events"
)

// TestRandomOperations runs random operations against a slice of events and
// checks every invariant after each.
func TestRandomOperations(t *testing.T) {
	rng := seeded(t)
	for range fewer(3) {
		r := &randomRun{testLog: newTestLog(t, Options{}), rng: rng, parties: make(map[string]bool), issues: make(map[string]string)}
		r.append(party(1), party(2), access("facet-probe", "person-0"))
		r.parties["P001"], r.parties["P002"] = true, true
		for range 50 {
			r.step()
			r.check()
		}
		r.close()
	}
}

// A randomRun knows as much of the rules as it needs to say in advance what is
// refused.
type randomRun struct {
	*testLog
	rng     *rand.Rand
	count   int
	parties map[string]bool   // registered
	issues  map[string]string // stage by issue
	sent    []events.Event    // what was admitted, for repeats
}

func (r *randomRun) step() {
	r.t.Helper()
	switch op := r.rng.IntN(100); {
	case op < 30:
		r.send(1)
	case op < 50:
		r.send(2 + r.rng.IntN(40))
	case op < 75:
		r.sendBad()
	case op < 85:
		r.repeat()
	case op < 95:
		r.sendConcurrently()
	default:
		r.reopen()
	}
}

// id names a fresh event.
func (r *randomRun) id() string {
	r.count++
	return fmt.Sprintf("e%d", r.count)
}

// legal makes an event that the rules admit now and notes what it changes.
func (r *randomRun) legal() events.Event {
	id := r.id()
	var ev events.Event
	switch r.rng.IntN(7) {
	case 0:
		ev = party(100 + r.count)
		r.parties[ev.Data.Subject().ID] = true
	case 1:
		ev = access(id, "")
	case 2:
		ev = access(id, fmt.Sprintf("person-%d", r.rng.IntN(3)))
	case 3:
		ev = lineage(id, r.rng.IntN(20))
		if r.rng.IntN(40) == 0 { // about where keys need a continuation
			ev = lineage(id, 1015+r.rng.IntN(10))
		}
	case 4:
		about := fmt.Sprintf("Q%d", r.rng.IntN(30))
		if r.issues[about] == events.StageReported {
			ev = closing(id, about)
			r.issues[about] = events.StageClosed
			break
		}
		fallthrough
	default:
		about := fmt.Sprintf("Q%d", r.rng.IntN(30))
		ev = issue(id, about)
		if r.issues[about] == "" {
			r.issues[about] = events.StageReported
		}
	}
	r.decorate(&ev)
	return ev
}

// decorate sets some attributes that no rule reads.
func (r *randomRun) decorate(ev *events.Event) {
	if r.rng.IntN(3) > 0 {
		return
	}
	ev.Time = events.Time(1 + r.rng.Int64N(1<<40))
	ev.EffectiveFrom, ev.EffectiveTo = ev.Time+1, ev.Time+2
	ev.Actor, ev.Party, ev.OnBehalfOf = "actor", "P001", "P002"
	ev.Producer = &events.ProducerSeq{ID: "p", Seq: uint64(r.count)}
	ev.Correlation, ev.Causation, ev.Grade, ev.Retention = "case", "cause", "general-1", "short"
	ev.Imported, ev.Trace = true, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
}

// expect sets the version that the subject will have, earlier events of the
// batch included.
func (r *randomRun) expect(batch []events.Event, ev *events.Event) {
	if r.rng.IntN(3) == 0 {
		v := r.version(batch, ev.Data.Subject())
		ev.ExpectedVersion = &v
	}
}

func (r *randomRun) version(batch []events.Event, sub events.Subject) uint64 {
	n := len(r.model.subjects[sub])
	for _, ev := range batch {
		if ev.Data.Subject() == sub {
			n++
		}
	}
	return uint64(n)
}

func (r *randomRun) batch(n int) []events.Event {
	var batch []events.Event
	for range n {
		ev := r.legal()
		r.expect(batch, &ev)
		batch = append(batch, ev)
	}
	return batch
}

func (r *randomRun) send(n int) {
	r.t.Helper()
	batch := r.batch(n)
	r.sent = append(r.sent, batch...)
	r.append(batch...)
}

// repeat sends events again, mixed with new ones.
func (r *randomRun) repeat() {
	r.t.Helper()
	if len(r.sent) == 0 {
		return
	}
	batch := r.batch(r.rng.IntN(3))
	r.sent = append(r.sent, batch...)
	for _, i := range r.rng.Perm(len(r.sent) - len(batch))[:min(3, len(r.sent)-len(batch))] {
		batch = append(batch, r.sent[i])
	}
	r.append(batch...)
}

// sendConcurrently sends facts at once, some of them twice: each must be there
// once, and both senders get the same place.
func (r *randomRun) sendConcurrently() {
	r.t.Helper()
	evs := make([]events.Event, 12)
	for i := range evs {
		evs[i] = access(r.id(), "person-c")
	}
	receipts := make([]Receipt, 2*len(evs))
	var wg sync.WaitGroup
	for i := range receipts {
		wg.Go(func() {
			rs, err := r.Append(ctx, evs[i%len(evs)])
			if err != nil {
				r.t.Errorf("appending %s: %v", evs[i%len(evs)].ID, err)
				return
			}
			receipts[i] = rs[0]
		})
	}
	wg.Wait()
	if r.t.Failed() {
		r.t.FailNow()
	}
	order := slices.Clone(receipts)
	slices.SortFunc(order, func(a, b Receipt) int { return int(a.Position - b.Position) })
	for i := range evs {
		a, b := receipts[i], receipts[i+len(evs)]
		if a.Position != b.Position || a.LeafHash != b.LeafHash || a.Repeated == b.Repeated {
			r.t.Fatalf("%s sent twice at once got %+v and %+v", evs[i].ID, a, b)
		}
	}
	for _, rec := range order {
		i := slices.IndexFunc(evs, func(ev events.Event) bool { return ev.ID == rec.ID })
		if _, ok := r.model.ids[identity{evs[i].Source, rec.ID}]; ok {
			continue
		}
		if rec.Position != r.model.next() {
			r.t.Fatalf("%s is at %d; the next free position was %d", rec.ID, rec.Position, r.model.next())
		}
		r.model.put(rec.Position, evs[i])
		r.sent = append(r.sent, evs[i])
	}
}

// sendBad puts one bad event among good ones: nothing of the batch may happen.
func (r *randomRun) sendBad() {
	r.t.Helper()
	parties, issues := clone(r.parties), clone(r.issues)
	before := r.batch(r.rng.IntN(4))
	bad, want := r.bad(before)
	want.Index = len(before)
	r.parties, r.issues = parties, issues
	batch := append(before, bad)
	if want.Class != events.Malformed && want.Rule != "type.reserved" {
		batch = append(batch, access(r.id(), ""))
	}
	r.refuse(want, batch...)
}

func clone[K comparable, V any](m map[K]V) map[K]V {
	out := make(map[K]V, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// bad makes an event that has to be refused after those before it.
func (r *randomRun) bad(before []events.Event) (events.Event, events.Refusal) {
	ev := access(r.id(), "")
	switch r.rng.IntN(11) {
	case 0:
		stale := r.version(before, ev.Data.Subject()) + 1 + uint64(r.rng.IntN(3))
		ev.ExpectedVersion = &stale
		return ev, events.Refusal{Rule: "subject.version", Class: events.Stale}
	case 1:
		again := party(1)
		again.ID = ev.ID
		return again, events.Refusal{Rule: "party.registered-once", Class: events.Illegal}
	case 2:
		return closing(ev.ID, "Q-unknown"), events.Refusal{Rule: "issue.open", Class: events.Illegal}
	case 3:
		ev.Principal = "somebody else"
		return ev, events.Refusal{Rule: "source.bound", Class: events.Forbidden}
	case 4:
		ev.Type, ev.Data = "ledger.clock.confirmed", &events.ClockConfirmed{Before: 1, After: 2, Reason: "mine"}
		return ev, events.Refusal{Rule: "type.reserved", Class: events.Forbidden}
	case 5:
		ev.Data.(*events.AccessRecorded).Method = "carrier pigeon"
		return ev, events.Refusal{Rule: "field.enum"}
	case 6:
		if len(before) > 0 {
			ev.ID = before[0].ID
			return ev, events.Refusal{Rule: "id.repeated-in-batch", Class: events.Conflict}
		}
		fallthrough
	case 7:
		ev.ID = "reg-P001"
		return ev, events.Refusal{Rule: "id.other-content", Class: events.Conflict}
	case 8:
		if len(r.sent) > 0 { // the same but for one attribute
			other := r.sent[r.rng.IntN(len(r.sent))]
			other.Correlation += "x"
			return other, events.Refusal{Rule: "id.other-content", Class: events.Conflict}
		}
		fallthrough
	default:
		// A facet's bytes are content too.
		other := access("facet-probe", "person-0")
		other.Data.(*events.AccessRecorded).Query += " limit 1"
		return other, events.Refusal{Rule: "id.other-content", Class: events.Conflict}
	}
}

// TestUnknownType is apart from the random bad events because no event of an
// unknown type can be split or compared.
func TestUnknownType(t *testing.T) {
	tl := newTestLog(t, Options{})
	ev := access("a", "")
	ev.Type = "acces.call.recorded"
	tl.refuse(events.Refusal{Rule: "type.unknown"}, ev)
	tl.check()
}

func TestLimits(t *testing.T) {
	tl := newTestLog(t, Options{Limits: Limits{BatchEvents: 5, EventBytes: 4000, BatchBytes: 9000}})
	tl.append(party(1), party(2), party(3), party(4), party(5))
	tl.refuse(events.Refusal{Rule: "limit.batch-events", Class: events.TooLarge, Index: 5},
		access("a1", ""), access("a2", ""), access("a3", ""), access("a4", ""), access("a5", ""), access("a6", ""))
	large := access("b", "person")
	large.Data.(*events.AccessRecorded).Query = string(make([]byte, 0)) + fmt.Sprintf("%04000d", 7)
	tl.refuse(events.Refusal{Rule: "limit.event-bytes", Class: events.TooLarge, Index: 1}, access("b0", ""), large)
	var batch []events.Event
	for i := range 4 {
		ev := access(fmt.Sprintf("c%d", i), "")
		ev.Data.(*events.AccessRecorded).Query = fmt.Sprintf("%02500d", i)
		batch = append(batch, ev)
	}
	tl.refuse(events.Refusal{Rule: "limit.batch-bytes", Class: events.TooLarge, Index: 3}, batch...)
	tl.append(batch[:3]...)
	tl.check()
}

// TestOverload fills the queue while the sequencer is held up: what does not fit
// is refused at once, and what was taken in is recorded.
func TestOverload(t *testing.T) {
	tl := newTestLog(t, Options{Limits: Limits{QueueEvents: 3}})
	tl.Ledger.tail.mu.Lock() // the sequencer stops where it gives positions
	var wg sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for i := range 20 {
		wg.Go(func() {
			_, err := tl.Append(ctx, access(fmt.Sprint(i), ""))
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, ErrOverloaded) {
				if refused++; refused == 10 { // at most 3 wait and 3 are taken
					tl.Ledger.tail.mu.Unlock()
				}
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	tl.model.partial = true
	tl.check()
	if got := int(tl.Head().Size); got != 1+20-refused {
		t.Fatalf("%d records, %d of 20 refused", got, refused)
	}
}

// TestContinuationIdentity: the id under which a continuation is stored must not
// take that of an event, before or after.
func TestContinuationIdentity(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(access("big#keys-1", ""))
	tl.append(lineage("big", 2500))
	tl.append(access("big#keys-2", ""))
	tl.check()
	tl.append(access("big#keys-1", ""), access("big#keys-2", ""))
	tl.check()
	tl.verify()
}

// TestCallerKeepsItsEvents: Append may not write into what the caller holds, who
// may send the same slice twice at once or go on after a timeout.
func TestCallerKeepsItsEvents(t *testing.T) {
	tl := newTestLog(t, Options{})
	batch := []events.Event{access("a", "person"), access("b", "")}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := tl.Append(ctx, batch...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(batch[0].Facets) != 0 || batch[0].Data.(*events.AccessRecorded).Query == "" {
		t.Fatalf("the caller's event was changed: %+v", batch[0])
	}
}
