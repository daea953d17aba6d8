package bench

import (
	"context"
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
	w := newWorkload()
	dir, err := s.dir()
	if err != nil {
		return err
	}
	l, err := w.book(ctx, s, dir)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, l.Close()) }()
	if err := s.visible(ctx, w, l, filepath.Join(dir, "views")); err != nil {
		return err
	}
	if err := w.fill(ctx, s, l, s.events(200_000)); err != nil {
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
func (s *Session) visible(ctx context.Context, w *workload, l *ledger.Ledger, dir string) (err error) {
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
	evs := w.mixed(s.events(200_000))
	start := time.Now()
	_, err = drive(ctx, producers, batch, evs, func(turn context.Context, evs []events.Event) error {
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
	s.tell("events until visible", "rate", "events/s", float64(len(evs))/elapsed, goal{Least: 20_000})
	s.tell("events until visible", "lag p50", "s", lags[len(lags)/2], goal{})
	s.tell("events until visible", "lag max", "s", lags[len(lags)-1], goal{Most: 1})
	_, peak := resident()
	s.tell("events until visible", "memory", "MiB", peak/(1<<20), goal{})
	return nil
}

// catchUp lets views that lag behind catch up.
func (s *Session) catchUp(ctx context.Context, l *ledger.Ledger, dir string) error {
	from := time.Now()
	v, stop, err := s.running(ctx, l, dir)
	if err != nil {
		return err
	}
	lag := l.Head().Size - 1 - v.Applied()
	err = v.Wait(ctx, l.Head().Size-1)
	elapsed := time.Since(from).Seconds()
	if err := firstError(err, stop()); err != nil {
		return err
	}
	s.tell("catching up", "rate", "events/s", float64(lag)/elapsed, goal{Least: 200_000})
	return nil
}
