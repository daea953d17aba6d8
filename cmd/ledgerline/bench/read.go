package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"ledgerline/ledger"
	"ledgerline/projections"
)

// benchRead: a ledger with its views is asked and appended to, and then again
// when it holds ten times as many events.
func benchRead(ctx context.Context, s *Session) (err error) {
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
	v, stop, err := s.running(ctx, l, filepath.Join(dir, "views"))
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, stop()) }()
	small := s.Events(30_000)
	var before, after Sample
	for _, size := range []struct {
		add int
		got *Sample
	}{{small, &before}, {9 * small, &after}} {
		if err := w.fill(ctx, s, l, size.add); err != nil {
			return err
		}
		s.say(0, 1, "waiting for the views")
		if err := v.Wait(ctx, l.Head().Size-1); err != nil {
			return err
		}
		if *size.got, err = s.ask(ctx, w, l, v); err != nil {
			return err
		}
	}
	bounds := map[string]Goal{"as-of row": {Most: 10e-6}, "inclusion proof": {Most: 50e-6}}
	for _, what := range []string{"append p50", "inclusion proof", "as-of row", "as-of entry", "timeline of 100", "accesses of 100"} {
		s.tell(fmt.Sprintf("%d events", small), what, "s", before[what], bounds[what])
		f := Figure{Case: "ten times the events", What: what, Unit: "s", Ours: after[what], Beside: fmt.Sprintf("at %d", small), Baseline: before[what], Ratio: after[what] / before[what]}
		if g := (Goal{Most: 1.3}); what == "append p50" || what == "inclusion proof" || what == "as-of row" {
			f.Goal, f.Met = g.String(), g.met(f.Ratio)
		}
		s.add(f)
	}
	return s.wholeCatalog(ctx, v)
}

// ask measures questions in turn, several rounds of each, and returns medians in
// seconds.
func (s *Session) ask(ctx context.Context, w *Workload, l *ledger.Ledger, v *projections.Views) (_ Sample, err error) {
	past, err := v.At(v.Applied() / 2)
	if err != nil {
		return nil, err
	}
	defer func() { err = firstError(err, past.Close()) }()
	i := 0
	questions := []struct {
		what string
		n    int
		ask  func() error
	}{
		{"append p50", 200, func() error { _, err := l.Append(ctx, w.access()); return err }},
		{"inclusion proof", 500, func() error {
			_, err := l.ProveInclusion(int64(i)*7919%(l.Head().Size-1), 0)
			return err
		}},
		{"as-of row", 1000, func() error { _, _, err := past.Party(ctx, party(i), 0); return err }},
		{"as-of entry", 1000, func() error { _, _, err := past.Entry(ctx, entry(i), 0); return err }},
		{"timeline of 100", 50, func() error {
			_, err := past.Timeline(ctx, projections.TimelineQuery{Entry: entry(i), Descending: true})
			return err
		}},
		{"accesses of 100", 50, func() error {
			_, err := past.Accesses(ctx, projections.AccessQuery{Agreement: agreement(i)})
			return err
		}},
	}
	got := Sample{}
	for _, q := range questions {
		s.say(int64(len(got)), int64(len(questions)), "asking: %s", q.what)
		var took []float64
		for range q.n {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			i++
			from := time.Now()
			if err := q.ask(); err != nil {
				return nil, fmt.Errorf("%s: %w", q.what, err)
			}
			took = append(took, time.Since(from).Seconds())
		}
		got[q.what] = median(took)
	}
	return got, nil
}

// wholeCatalog lists all entries as of a past position, page by page. The first
// question of all makes the index that tells which they are.
func (s *Session) wholeCatalog(ctx context.Context, v *projections.Views) (err error) {
	past, err := v.At(v.Applied() - v.Applied()/10)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, past.Close()) }()
	began := time.Now()
	if _, err := past.Entries(ctx, projections.EntryQuery{Page: projections.Page{Limit: 1}}); err != nil {
		return err
	}
	first := time.Since(began).Seconds()
	from, n := time.Now(), 0
	for q := (projections.EntryQuery{Page: projections.Page{Limit: projections.MaxLimit}}); ; {
		list, err := past.Entries(ctx, q)
		if err != nil {
			return err
		}
		n += len(list.Entries)
		if q.Cursor = list.Next; q.Cursor == "" {
			break
		}
	}
	each := time.Since(from).Seconds() / float64(n)
	s.tell(fmt.Sprintf("catalog of %d entries, first question", n), "for 200,000", "s", first/float64(n)*200_000, Goal{})
	s.tell(fmt.Sprintf("catalog of %d entries, as of the past", n), "for 200,000", "s", each*200_000, Goal{Most: 0.5})
	return nil
}
