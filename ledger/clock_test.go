package ledger

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ledgerline/events"
)

func TestClockWithinBounds(t *testing.T) {
	c := newClock()
	tl := newTestLog(t, Options{Now: c.read})
	tl.append(party(1))
	before := tl.Head().Time
	c.move(-4 * time.Minute) // as a step of NTP does
	tl.append(party(2), party(3))
	if got := tl.Head().Time; got != before+2 {
		t.Fatalf("with the clock behind, the time went from %s to %s", before, got)
	}
	tl.check()
	c.move(300 * 24 * time.Hour)
	tl.append(party(4))
	if got := tl.Head().Time; got != events.TimeOf(c.now) {
		t.Fatalf("the record bears %s at %s", got, c.now)
	}
	tl.check()
}

// TestClockBeyondBounds: one wrong jump would stamp all the future, so nothing is
// recorded until an operator confirms the clock.
func TestClockBeyondBounds(t *testing.T) {
	for name, jump := range map[string]time.Duration{"behind": -time.Hour, "ahead": 400 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			tl := newTestLog(t, Options{Now: c.read})
			tl.append(party(1))
			head := tl.Head()
			c.move(jump)
			_, err := tl.Append(ctx, party(2))
			var ce *ClockError
			if !errors.As(err, &ce) || ce.Last != head.Time || ce.Clock != events.TimeOf(c.now) {
				t.Fatalf("with the clock an age %s: %v", name, err)
			}
			if !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "--confirm-clock") {
				t.Fatalf("the error does not say what is wrong and what to do: %v", err)
			}
			if tl.Head().Size != head.Size {
				t.Fatal("something was recorded")
			}
			tl.check() // reading goes on
			tl.reopen()
			if _, err := tl.Append(ctx, party(2)); !errors.As(err, &ce) {
				t.Fatalf("after a restart: %v", err)
			}
			tl.opts.ConfirmClock = "the board's battery was replaced"
			tl.reopen()
			tl.opts.ConfirmClock = ""
			confirmed, err := tl.Get(ctx, 2)
			if err != nil {
				t.Fatal(err)
			}
			d, ok := confirmed.Event.Data.(*events.ClockConfirmed)
			if !ok || d.Before != head.Time || d.After != events.TimeOf(c.now) || d.Reason == "" {
				t.Fatalf("the confirmation is %+v", confirmed.Event.Data)
			}
			tl.model.put(2, confirmed.Event)
			tl.append(party(2), party(3))
			tl.check()
			if jump < 0 {
				if got, want := tl.Head().Time, head.Time+3; got != want {
					t.Fatalf("the time went to %s, not %s", got, want)
				}
				c.move(2 * time.Hour) // the clock catches up
				tl.append(party(4))
			}
			if got := tl.Head().Time; jump < 0 && got != events.TimeOf(c.now) {
				t.Fatalf("the record bears %s at %s", got, c.now)
			}
			tl.check()
			tl.verify()
		})
	}
}

func TestPositionAtFuture(t *testing.T) {
	c := newClock()
	tl := newTestLog(t, Options{Now: c.read})
	now := events.TimeOf(c.now)
	if p, err := tl.PositionAt(ctx, now); err != nil || p != 0 {
		t.Fatalf("now: %d, %v", p, err)
	}
	var f *FutureError
	if _, err := tl.PositionAt(ctx, now+1); !errors.As(err, &f) || f.Asked != now+1 {
		t.Fatalf("a microsecond from now: %v", err)
	}
	if p, err := tl.PositionAt(ctx, 1); err != nil || p != -1 {
		t.Fatalf("before the genesis: %d, %v", p, err)
	}
	// Asked about this very moment, what is recorded in it comes later.
	tl.append(party(1))
	if got := tl.Head().Time; got <= now {
		t.Fatalf("a record got %s after %s was answered for", got, now)
	}
	if p, err := tl.PositionAt(ctx, now); err != nil || p != 0 {
		t.Fatalf("asked again: %d, %v", p, err)
	}
	tl.check()
}

// TestPositionAtIsFinal asks for the present while others append. Whatever was
// answered has to be the answer for ever.
func TestPositionAtIsFinal(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.model.partial = true
	type answer struct {
		at       events.Time
		position int64
	}
	var mu sync.Mutex
	var answers []answer
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				at := events.TimeOf(time.Now())
				p, err := tl.PositionAt(ctx, at)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				answers = append(answers, answer{at, p})
				enough := len(answers) > 20_000
				mu.Unlock()
				select {
				case <-stop:
					return
				default:
					if enough {
						return
					}
				}
			}
		})
	}
	var load sync.WaitGroup
	for w := range 4 {
		load.Go(func() {
			for n := range 60 {
				if _, err := tl.Append(ctx, access(fmt.Sprintf("w%d-%d", w, n), ""), access(fmt.Sprintf("w%d-%d'", w, n), "")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	load.Wait()
	close(stop)
	wg.Wait()
	times := make([]events.Time, 0, tl.Head().Size)
	for e, err := range tl.Scan(ctx, 0, tl.Head().Size) {
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, e.Recorded)
	}
	for _, a := range answers {
		if a.position >= 0 && times[a.position] > a.at {
			t.Fatalf("asked for %s, got position %d of %s", a.at, a.position, times[a.position])
		}
		if next := a.position + 1; next < int64(len(times)) && times[next] <= a.at {
			t.Fatalf("asked for %s, got position %d; but position %d has %s", a.at, a.position, next, times[next])
		}
	}
	tl.check()
}
