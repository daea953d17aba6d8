package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"sync/atomic"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// loadBatch is how many events are appended at once.
const loadBatch = 2000

// Load makes or continues, in dir, a ledger that holds the national profile at the
// session's scale, and builds its views. Broken off, it goes on where it ended when it
// is called again with the same dir and scale.
//
// The ledger is told each event at the time at which it happened, by a clock that
// follows the events: such a ledger proves nothing.
func (s *Session) Load(ctx context.Context, dir string) (err error) {
	w := newNational(s.Scale)
	l, clock, err := s.nationalBook(dir, true)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, l.Close()) }()
	done, err := w.loaded(l)
	if err != nil {
		return err
	}
	from, began := done, time.Now()
	for done < w.total {
		evs := make([]events.Event, min(loadBatch, w.total-done))
		for i := range evs {
			evs[i] = w.event(done + i)
		}
		clock.Store(int64(evs[len(evs)-1].Time))
		if _, err := l.Append(ctx, evs...); err != nil {
			return fmt.Errorf("loading event %d of %d: %w", done, w.total, err)
		}
		done += len(evs)
		s.say(int64(done), int64(w.total), "%s of %s events", number(float64(done)), number(float64(w.total)))
	}
	if done > from {
		s.tell(fmt.Sprintf("%s events", number(float64(done-from))), "appended", "events/s", float64(done-from)/time.Since(began).Seconds(), Goal{})
	}
	v, stop, err := s.running(ctx, l, filepath.Join(dir, "views"))
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, stop()) }()
	began, from = time.Now(), int(v.Applied())
	if err := s.watch(ctx, l, v); err != nil {
		return err
	}
	if built := int(v.Applied()) - from; built > 0 {
		s.tell(fmt.Sprintf("%s events", number(float64(built))), "in the views", "events/s", float64(built)/time.Since(began).Seconds(), Goal{})
	}
	return nil
}

// watch waits for the views to catch up, and says how far they are.
func (s *Session) watch(ctx context.Context, l *ledger.Ledger, v *projections.Views) error {
	last := l.Head().Size - 1
	for {
		turn, cancel := context.WithTimeout(ctx, time.Second)
		err := v.Wait(turn, last)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
		s.say(v.Applied(), last, "building the views: %s of %s", number(float64(v.Applied())), number(float64(last)))
	}
}

// nationalBook opens the ledger of a load, or creates it, under a clock that is set to
// the end of the profile's year or, for loading, to each event.
func (s *Session) nationalBook(dir string, create bool) (*ledger.Ledger, *atomic.Int64, error) {
	clock := new(atomic.Int64)
	o := ledger.Options{Origin: "ledger.example/national", Logger: s.Logger, Now: func() time.Time { return events.Time(clock.Load()).Std() }}
	clock.Store(int64(events.TimeOf(nationalEnd)))
	if create {
		clock.Store(int64(events.TimeOf(nationalSetup)))
		l, err := ledger.Create(dir, o)
		if !errors.Is(err, ledger.ErrExists) {
			return l, clock, err
		}
	}
	l, err := ledger.Open(dir, o)
	return l, clock, err
}

// loaded is how many of the profile's events the ledger holds: they were appended in
// order, whole batches at a time.
func (w *national) loaded(l *ledger.Ledger) (int, error) {
	var failed error
	n := sort.Search(w.total, func(i int) bool {
		_, known, err := l.Find(nationalSource, nationalID(i))
		failed = firstError(failed, err)
		return !known
	})
	return n, failed
}
