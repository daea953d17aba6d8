package projections

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"ledgerline/ledger"
)

// A projection makes rows from events. apply is a function of the event and of
// the rows made from the events before it, and of nothing else: no clock, no
// randomness, no order of maps.
type projection struct {
	name string
	// version is that of the rows' form and meaning. A change throws the views
	// away and builds them anew.
	version uint64
	apply   func(*batch, *ledger.Entry) error
}

// projections are applied to each event in this order. Later ones read rows of
// earlier ones: an access is judged by its agreement, and the timeline notes
// what follows from an event's names.
var projections = []projection{
	{"parties", 1, applyParties},
	{"catalog", 1, applyCatalog},
	{"agreements", 1, applyAgreements},
	{"accesses", 1, applyAccesses},
	{"findings", 1, applyFindings},
	{"lineage", 2, applyLineage},
	{"timeline", 1, applyTimeline},
}

// versions are what the rows of the store have to be of.
func (v *Views) versions() map[string]uint64 {
	m := make(map[string]uint64, len(v.projections))
	for _, p := range v.projections {
		m[p.name] = p.version
	}
	return m
}

// apply applies a run of events and commits rows and position in one batch. What
// was applied before is skipped, so that a run may be sent again.
func (v *Views) apply(ctx context.Context, r run) (err error) {
	v.applying.Lock()
	defer v.applying.Unlock()
	applied := v.Applied()
	if r.From > applied+1 {
		return fmt.Errorf("the run from %d to %d leaves a gap: the views have applied %d", r.From, r.To, applied)
	}
	if r.To <= applied+1 {
		return nil
	}
	b := v.store.begin()
	defer func() { err = firstError(err, b.close()) }()
	last := ledger.Entry{Position: applied}
	for e, err := range v.ledger.Scan(ctx, applied+1, r.To) {
		if err != nil {
			return fmt.Errorf("reading the book for the views: %w", err)
		}
		b.at = e.Position
		for _, p := range v.projections {
			if err := v.noteDamage(p.apply(b, &e)); err != nil {
				return fmt.Errorf("view %s at position %d: %w", p.name, e.Position, err)
			}
		}
		last = e
	}
	if last.Position != r.To-1 {
		return fmt.Errorf("the book ended at position %d within the run from %d to %d", last.Position, r.From, r.To)
	}
	hash, err := v.ledger.LeafHash(last.Position)
	if err != nil {
		return fmt.Errorf("reading the book for the views: %w", err)
	}
	if err := b.commit(meta{Layout: layoutVersion, Views: v.versions(), Applied: last.Position, Hash: hash[:]}); err != nil {
		return v.noteDamage(err)
	}
	v.advance(last)
	return nil
}

// catchUpLength is the run length while many events are waiting.
const catchUpLength = 4096

// Run feeds the views from the book until ctx ends, and then returns nil. It
// returns early only with the error that stopped a projection, after retries: a
// record is never skipped. Only one Run may be going on.
func (v *Views) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// What Watermill calls information is of use to its developers.
	logger := watermill.NewSlogLoggerWithLevelMapping(v.log, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	router, err := message.NewRouter(message.RouterConfig{}, logger)
	if err != nil {
		return err
	}
	fail := func(err error) {
		v.fail(err)
		stop()
	}
	f := &feed{
		ledger:  v.ledger,
		closing: make(chan struct{}),
		start:   func(string) (int64, error) { return v.Applied() + 1, nil },
		length: func(waiting int64) int64 {
			if waiting >= catchUpLength {
				return catchUpLength
			}
			return v.runLength
		},
		message: runMessage,
		failed:  fail,
	}
	router.AddConsumerHandler("views", "ledger", f, func(msg *message.Message) error {
		r, err := runOf(msg)
		if err != nil {
			return err
		}
		return v.apply(msg.Context(), r)
	}).AddMiddleware(
		func(next message.HandlerFunc) message.HandlerFunc { // outermost: what is left after retries
			return func(msg *message.Message) ([]*message.Message, error) {
				out, err := next(msg)
				if err != nil && ctx.Err() == nil {
					fail(err)
				}
				return out, err
			}
		},
		middleware.Retry{
			MaxRetries: 5, InitialInterval: 50 * time.Millisecond, MaxInterval: time.Second, Multiplier: 2, Logger: logger,
			ShouldRetry: func(p middleware.RetryParams) bool { return ctx.Err() == nil && !isDamage(p.Err) },
		}.Middleware,
		middleware.Recoverer,
	)
	if err := router.Run(ctx); err != nil && ctx.Err() == nil {
		fail(err)
	}
	return v.failure()
}
