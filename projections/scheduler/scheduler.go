// Package scheduler records what falls due by itself: agreements whose term ended,
// duties that this or a merger opens, records that were kept long enough.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// A Scheduler finds what has fallen due and has the ledger record it. It keeps no
// state: what is recorded tells it where it was, and ids that follow from what is
// due keep two of them from recording it twice. It is safe for concurrent use.
type Scheduler struct {
	book  *ledger.Ledger
	views *projections.Views
	log   *slog.Logger

	mu      sync.Mutex
	refused map[string]bool // ids that were logged as refused
}

// New makes a scheduler for a ledger and its views, which have to be running. A nil
// logger discards.
func New(book *ledger.Ledger, views *projections.Views, log *slog.Logger) *Scheduler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{book: book, views: views, log: log, refused: make(map[string]bool)}
}

// Recorded is what a pass recorded, and where.
type Recorded struct {
	Due
	Position int64
}

// rounds bounds how often one thing that fell due can bring about another in a
// pass: an end, and the duty that it opens.
const rounds = 4

// Pass records all that has fallen due by the ledger's time, and what follows from
// that. What the rules refuse is left out and logged: somebody else was faster, or
// has to act first. After an error what was recorded stays, and the next pass goes
// on from there.
func (s *Scheduler) Pass(ctx context.Context) (done []Recorded, err error) {
	for range rounds {
		more, err := s.round(ctx)
		done = append(done, more...)
		if err != nil || len(more) == 0 {
			return done, err
		}
	}
	return done, nil
}

func (s *Scheduler) round(ctx context.Context) (done []Recorded, err error) {
	due, err := s.Due(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range due {
		receipt, err := s.book.FallDue(ctx, d.Type, d.ID, d.Time, d.Data)
		if refusal := (*events.Refusal)(nil); errors.As(err, &refusal) {
			s.note(d, refusal)
			continue
		}
		if err != nil {
			return done, fmt.Errorf("recording %s, which has fallen due: %w", d.ID, err)
		}
		if !receipt.Repeated {
			done = append(done, Recorded{d, receipt.Position})
		}
	}
	return done, nil
}

// note logs a refusal, once.
func (s *Scheduler) note(d Due, refusal *events.Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.refused[d.ID] {
		s.refused[d.ID] = true
		s.log.Warn("what has fallen due is not recorded", "id", d.ID, "type", d.Type, "reason", refusal)
	}
}

// Due lists what has fallen due by the ledger's time and is not recorded.
func (s *Scheduler) Due(ctx context.Context) (due []Due, err error) {
	if err := s.views.Wait(ctx, s.book.Head().Size-1); err != nil {
		return nil, err
	}
	now, err := s.book.Now()
	if err != nil {
		return nil, err
	}
	view, err := s.views.At(s.views.Applied())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	return find(ctx, s.book, view, now)
}

// Run makes a pass at once and then every so often, until ctx ends or the ledger is
// closed. A pass that failed is logged, and tried again.
func (s *Scheduler) Run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		done, err := s.Pass(ctx)
		for _, d := range done {
			s.log.Info("recorded what has fallen due", "type", d.Type, "id", d.ID, "position", d.Position)
		}
		switch {
		case ctx.Err() != nil || errors.Is(err, ledger.ErrClosed):
			return
		case err != nil:
			s.log.Error("looking for what has fallen due", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
