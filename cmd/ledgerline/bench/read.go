package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// benchRead: a small ledger and one with ten times as many events are asked and
// appended to, and a whole catalog is listed.
func benchRead(ctx context.Context, s *Session) error {
	if err := s.tenTimes(ctx); err != nil {
		return err
	}
	return s.wholeCatalog(ctx)
}

// tenTimes asks two ledgers the same in turn.
func (s *Session) tenTimes(ctx context.Context) (err error) {
	size := s.Events(30_000)
	small, err := s.asked(ctx, size)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, small.close()) }()
	large, err := s.asked(ctx, 10*size)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, large.close()) }()
	for n, q := range readQuestions {
		s.say(int64(n), int64(len(readQuestions)), "asking: %s", q.what)
		before, after, err := inTurn(ctx, q, small, large)
		if err != nil {
			return fmt.Errorf("%s: %w", q.what, err)
		}
		s.tell(fmt.Sprintf("%d events", size), q.what, "s", before, q.most)
		f := Figure{Case: "ten times the events", What: q.what, Unit: "s", Ours: after, Beside: fmt.Sprintf("at %d", size), Baseline: before, Ratio: after / before}
		g := Goal{Most: 1.3}
		f.Goal, f.Met = g.String(), g.met(f.Ratio)
		s.add(f)
	}
	return nil
}

// asked is a ledger with its views that questions are put to, and those of its past.
type asked struct {
	w    *Workload
	l    *ledger.Ledger
	v    *projections.Views
	past *projections.View
	stop func() error
	i    int // of the question
}

// asked makes a ledger of the mix, and waits for its views.
func (s *Session) asked(ctx context.Context, size int) (_ *asked, err error) {
	a := &asked{w: NewWorkload()}
	dir, err := s.MakeDir()
	if err != nil {
		return nil, err
	}
	if a.l, err = a.w.Book(ctx, s, dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = firstError(err, a.close())
		}
	}()
	if a.v, a.stop, err = s.running(ctx, a.l, filepath.Join(dir, "views")); err != nil {
		return nil, err
	}
	if err := a.w.fill(ctx, s, a.l, size); err != nil {
		return nil, err
	}
	s.say(0, 1, "waiting for the views")
	if err := a.v.Wait(ctx, a.l.Head().Size-1); err != nil {
		return nil, err
	}
	a.past, err = a.v.At(a.v.Applied() / 2)
	return a, err
}

func (a *asked) close() (err error) {
	if a.past != nil {
		err = a.past.Close()
	}
	if a.stop != nil {
		err = firstError(err, a.stop())
	}
	return firstError(err, a.l.Close())
}

type readQuestion struct {
	what string
	n    int // how often it is asked
	most Goal
	ask  func(ctx context.Context, a *asked) error
}

// readQuestions are asked of both ledgers. Their answers are as long in either: of
// what the ten times larger one has more of, no more is asked for.
var readQuestions = []readQuestion{
	{"append p50", 200, Goal{}, func(ctx context.Context, a *asked) error {
		_, err := a.l.Append(ctx, a.w.access())
		return err
	}},
	{"inclusion proof", 500, Goal{Most: 50e-6}, func(_ context.Context, a *asked) error {
		_, err := a.l.ProveInclusion(int64(a.i)*7919%(a.l.Head().Size-1), 0)
		return err
	}},
	{"as-of row", 1000, Goal{Most: 10e-6}, func(ctx context.Context, a *asked) error {
		_, _, err := a.past.Party(ctx, party(a.i), 0)
		return err
	}},
	{"as-of entry", 1000, Goal{}, func(ctx context.Context, a *asked) error {
		_, _, err := a.past.Entry(ctx, entry(a.i), 0)
		return err
	}},
	{"latest 100 of a party", 100, Goal{}, func(ctx context.Context, a *asked) error {
		_, err := a.past.Timeline(ctx, projections.TimelineQuery{Party: party(a.i), Descending: true})
		return err
	}},
	{"latest 5 of an entry", 500, Goal{}, func(ctx context.Context, a *asked) error {
		_, err := a.past.Timeline(ctx, projections.TimelineQuery{Entry: entry(a.i), Descending: true, Page: projections.Page{Limit: 5}})
		return err
	}},
	{"latest 100 accesses", 100, Goal{}, func(ctx context.Context, a *asked) error {
		_, err := a.past.Accesses(ctx, projections.AccessQuery{Purpose: purpose})
		return err
	}},
	{"latest 5 of an agreement", 500, Goal{}, func(ctx context.Context, a *asked) error {
		_, err := a.past.Accesses(ctx, projections.AccessQuery{Agreement: agreement(a.i), Page: projections.Page{Limit: 5}})
		return err
	}},
}

// inTurn puts a question to both ledgers, some times to the one and then to the
// other, and returns the medians in seconds.
func inTurn(ctx context.Context, q readQuestion, ledgers ...*asked) (first, second float64, err error) {
	const turns = 10
	took := make([][]float64, len(ledgers))
	for range turns {
		for n, a := range ledgers {
			for range (q.n + turns - 1) / turns {
				if err := ctx.Err(); err != nil {
					return 0, 0, err
				}
				a.i++
				from := time.Now()
				if err := q.ask(ctx, a); err != nil {
					return 0, 0, err
				}
				took[n] = append(took[n], time.Since(from).Seconds())
			}
		}
	}
	return median(took[0]), median(took[1]), nil
}

// wholeCatalog lists a catalog of 200,000 entries as of a past position, page by
// page. The first question of all makes the index that tells which they are.
func (s *Session) wholeCatalog(ctx context.Context) (err error) {
	size := s.Events(200_000)
	w := NewWorkload()
	dir, err := s.MakeDir()
	if err != nil {
		return err
	}
	l, err := w.Book(ctx, s, dir)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, l.Close()) }()
	const batch = 1000
	for done := 0; done < size; done += batch {
		s.say(int64(done), int64(size), "filling a catalog of %d entries", size)
		var list []events.Event
		for range min(batch, size-done) {
			list = append(list, w.event("catalog.entry.drafted", w.draft(fmt.Sprintf("NEW%09d", w.next), entries+w.next)))
		}
		if _, err := l.Append(ctx, list...); err != nil {
			return err
		}
	}
	s.say(0, 1, "waiting for the views")
	v, stop, err := s.running(ctx, l, filepath.Join(dir, "views"))
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, stop()) }()
	if err := v.Wait(ctx, l.Head().Size-1); err != nil {
		return err
	}
	past, err := v.At(v.Applied() - v.Applied()/100)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, past.Close()) }()
	began := time.Now()
	if _, err := past.Entries(ctx, projections.EntryQuery{Page: projections.Page{Limit: 1}}); err != nil {
		return err
	}
	first := time.Since(began).Seconds()
	var took []float64
	listed := 0
	spent := processor()
	for range s.Rounds {
		from := time.Now()
		listed = 0
		for q := (projections.EntryQuery{Page: projections.Page{Limit: projections.MaxLimit}}); ; {
			list, err := past.Entries(ctx, q)
			if err != nil {
				return err
			}
			listed += len(list.Entries)
			if q.Cursor = list.Next; q.Cursor == "" {
				break
			}
		}
		took = append(took, time.Since(from).Seconds())
	}
	of := fmt.Sprintf("catalog of %d entries", listed)
	s.tell(of, "first question of all", "s", first, Goal{})
	s.tell(of, "all, as of the past", "s", median(took), Goal{Most: 0.5})
	if spent > 0 {
		s.tell(of, "processor", "µs/entry", 1e6*(processor()-spent)/float64(s.Rounds*listed), Goal{})
	}
	return nil
}
