package bench

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// benchViews: events of all kinds until they are visible in every view, while
// they are being written and afterwards.
func benchViews(ctx context.Context, s *Session) (err error) {
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
	if err := s.visible(ctx, w, l, filepath.Join(dir, "views")); err != nil {
		return err
	}
	if err := w.fill(ctx, s, l, s.Events(200_000)); err != nil {
		return err
	}
	return s.catchUp(ctx, l, filepath.Join(dir, "views"))
}

// running opens views and runs them until stop is called.
func (s *Session) running(ctx context.Context, l *ledger.Ledger, dir string) (v *projections.Views, stop func() error, err error) {
	if v, err = projections.Open(dir, l, projections.Options{Logger: s.Logger}); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	return v, func() error {
		cancel()
		return firstError(<-done, v.Close())
	}, nil
}

// visible has four producers append batches of 100 as fast as they may, with no
// more than window events that are recorded and not yet visible, and tells how
// many events a second become visible, and how long after its acknowledgement
// each batch does.
func (s *Session) visible(ctx context.Context, w *Workload, l *ledger.Ledger, dir string) (err error) {
	const producers, batch, window = 4, 100, 10_000
	v, stop, err := s.running(ctx, l, dir)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, stop()) }()
	if err := v.Wait(ctx, l.Head().Size-1); err != nil {
		return err
	}
	var mu sync.Mutex
	var lags []float64
	var waits sync.WaitGroup
	var failed error
	evs := w.mixed(s.Events(200_000))
	start, spent := time.Now(), processor()
	_, err = Drive(ctx, producers, batch, evs, func(turn context.Context, evs []events.Event) error {
		rs, err := l.Append(turn, evs...)
		if err != nil {
			return err
		}
		acked, last := time.Now(), rs[len(rs)-1].Position
		waits.Go(func() {
			err := v.Wait(ctx, last)
			mu.Lock()
			defer mu.Unlock()
			lags = append(lags, time.Since(acked).Seconds())
			failed = firstError(failed, err)
		})
		return v.Wait(turn, last-window)
	})
	waits.Wait()
	if err := firstError(err, failed); err != nil {
		return err
	}
	elapsed := time.Since(start).Seconds()
	slices.Sort(lags)
	s.tell("events until visible", "rate", "events/s", float64(len(evs))/elapsed, Goal{Least: 20_000})
	s.tell("events until visible", "lag p50", "s", lags[len(lags)/2], Goal{})
	s.tell("events until visible", "lag max", "s", lags[len(lags)-1], Goal{Most: 1})
	s.tellProcessor("events until visible", spent, float64(len(evs)))
	if peak := peakMemory(); peak > 0 {
		s.tell("events until visible", "memory", "MiB", peak/(1<<20), Goal{})
	}
	return nil
}

// catchUp lets views that lag behind catch up, builds them anew, and tells what
// their rows take.
func (s *Session) catchUp(ctx context.Context, l *ledger.Ledger, dir string) (err error) {
	s.say(0, 1, "catching up")
	from, spent := time.Now(), processor()
	v, stop, err := s.running(ctx, l, dir)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, stop()) }()
	lag := float64(l.Head().Size - 1 - v.Applied())
	if err := v.Wait(ctx, l.Head().Size-1); err != nil {
		return err
	}
	s.tell("catching up", "rate", "events/s", lag/time.Since(from).Seconds(), Goal{Least: 200_000})
	s.tellProcessor("catching up", spent, lag)

	spent = processor()
	r, err := v.Rebuild(ctx, func(done, total int64) { s.say(done, total, "rebuilding") })
	if err != nil {
		return err
	}
	s.tell("rebuilding all views", "rate", "events/s", float64(r.Records)/r.Took.Seconds(), Goal{Least: 200_000})
	s.tellProcessor("rebuilding all views", spent, float64(r.Records))
	s.tell("rebuilding all views", "swap", "s", r.Swap.Seconds(), Goal{Most: 0.05})
	sizes, err := v.Bytes()
	if err != nil {
		return err
	}
	total := 0.0
	for _, view := range slices.Sorted(maps.Keys(sizes)) {
		s.tell("bytes of "+view, "disk", "B/event", float64(sizes[view])/float64(r.Records), Goal{})
		total += float64(sizes[view])
	}
	s.tell("bytes of all views", "disk", "B/event", total/float64(r.Records), Goal{})
	return nil
}

// tellProcessor tells the processor time that an event took, if the machine says:
// it is what a machine that others use distorts least.
func (s *Session) tellProcessor(of string, before, events float64) {
	if before > 0 {
		s.tell(of, "processor", "µs/event", 1e6*(processor()-before)/events, Goal{})
	}
}
