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
	{"parties", 3, applyParties},
	{catalogView, 7, applyCatalog},
	{"requests", 3, applyRequests},
	{"agreements", 7, applyAgreements},
	{"shares", 2, applyShares},
	{"disposals", 2, applyDisposals},
	{"producers", 2, applyProducers},
	{"accesses", 10, applyAccesses},
	{"findings", 4, applyFindings},
	{"duties", 6, applyDuties},
	{"violations", 5, applyViolations},
	{lineageView, 6, applyLineage},
	{"checks", 3, applyChecks},
	{"coverage", 3, applyCoverage},
	{bulletinsView, 5, applyBulletins},
	{"timeline", 7, applyTimeline},
}

const (
	catalogView   = "catalog"
	bulletinsView = "bulletins"
)

// versions are what the rows of the store have to be of.
func (v *Views) versions() map[string]uint64 {
	m := make(map[string]uint64, len(v.projections))
	for _, p := range v.projections {
		m[p.name] = p.version
	}
	return m
}

// apply applies a run of events to the store that is read from. What was applied
// before is skipped, so that a run may be sent again.
func (v *Views) apply(ctx context.Context, r run) error {
	v.applying.Lock()
	defer v.applying.Unlock()
	if applied := v.Applied(); r.From > applied+1 {
		return fmt.Errorf("the run from %d to %d leaves a gap: the views have applied %d", r.From, r.To, applied)
	}
	return v.applyTo(ctx, v.store, run{v.Applied() + 1, r.To}, v.advance)
}

// applyTo applies a run to a store, which has applied what is before it, in one
// or more batches: rows and position are committed together. advance is told of
// the last record of each.
func (v *Views) applyTo(ctx context.Context, s *store, r run, advance func(ledger.Entry)) (err error) {
	if r.From >= r.To {
		return nil
	}
	g, err := s.lineage.loaded(ctx)
	if err != nil {
		return err
	}
	bulk := r.To-r.From >= min(v.bulkLength, ingestLength)
	b := s.begin()
	defer func() { err = firstError(err, b.close()) }()
	commit := func(last ledger.Entry) error {
		hash, err := v.ledger.LeafHash(last.Position)
		if err != nil {
			return fmt.Errorf("reading the book for the views: %w", err)
		}
		m := meta{Layout: layoutVersion, Views: v.versions(), Applied: last.Position, Hash: hash[:]}
		if bulk {
			err = b.ingest(ctx, m)
		} else {
			err = b.commit(m)
		}
		for _, step := range b.steps {
			if err == nil {
				if err = g.Apply(step); err != nil {
					err = damagedBy(err)
				}
			}
		}
		if err == nil {
			advance(last)
		}
		return s.noteDamage(err)
	}
	next := r.From
	var e ledger.Entry
	for read, err := range v.ledger.Scan(ctx, r.From, r.To) {
		if err != nil {
			return fmt.Errorf("reading the book for the views: %w", err)
		}
		e = read
		b.at, b.counts = e.Position, b.counts[:0]
		for _, p := range v.projections {
			if err := s.noteDamage(p.apply(b, &e)); err != nil {
				return fmt.Errorf("view %s at position %d: %w", p.name, e.Position, err)
			}
		}
		if err := b.keepStep(); err != nil {
			return err
		}
		if next = e.Position + 1; next < r.To && b.size < batchBytes {
			continue
		}
		if err := commit(e); err != nil {
			return err
		}
		if err := b.close(); err != nil {
			return err
		}
		b = s.begin()
	}
	if next != r.To {
		return fmt.Errorf("the book ended at position %d within the run from %d to %d", next-1, r.From, r.To)
	}
	return nil
}

// batchBytes bounds the rows of one batch, which are held in memory twice while
// it is committed.
const batchBytes = 48 << 20

// bulkLength is the most records of a run while very many are waiting, which
// begins with ingestLength. Runs of that many are written to tables, see
// batch.ingest.
const (
	bulkLength   = 1 << 16
	ingestLength = 1 << 13
)

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
			if waiting >= min(v.bulkLength, ingestLength) {
				return v.bulkLength
			}
			return v.runLength
		},
		message: runMessage,
		failed:  fail,
	}
	handler := router.AddConsumerHandler("views", "ledger", f, func(msg *message.Message) error {
		r, err := runOf(msg)
		if err != nil {
			return err
		}
		return v.apply(msg.Context(), r)
	})
	if v.watch != nil {
		handler.AddMiddleware(v.watch)
	}
	handler.AddMiddleware(
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
