// Package relay connects a ledger with the outside through Watermill: committed
// events go out to brokers and webhooks, and events come in from brokers.
//
// Out: a subscriber follows the book, in order; what it brings is published event by
// event, and the position after the last that was taken is kept in a file. A crash
// between the two sends events again, never out of order and never fewer. Nothing is
// skipped: what the other side does not take is tried again until it does.
//
// In: a durable consumer of the broker hands over one message at a time, which is
// acknowledged when its events are durable in the book. A message that comes twice
// finds its receipt. What the ledger refuses goes to the dead-letter subject with the
// reason, or stops the relay if there is none.
//
// Where to read next: config.go (what can be set), out.go, in.go, jetstream.go and
// webhook.go (the ends), position.go.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/trace"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Append records events that came in, under the principal of a bearer token.
type Append func(ctx context.Context, token string, batch []events.Event) ([]ledger.Receipt, error)

// Options of relays. Ledger and Dir are required.
type Options struct {
	Ledger *ledger.Ledger
	// Dir is where positions are kept, a file for each relay that goes out.
	Dir    string
	Logger *slog.Logger // nil: discards
	Tracer trace.Tracer // nil: nothing is traced
	// FirstPause is how long a failed step waits before it is tried again, doubling up
	// to LongestPause; 0 means 500 ms and 1 minute.
	FirstPause, LongestPause time.Duration
}

// Relays run what a Config names.
type Relays struct {
	o      Options
	append Append
	list   []*relay
}

// relay is one way out or in, with how it is doing.
type relay struct {
	name, kind string
	// handlers adds the relay's handler to a router, which runs it.
	handlers func(ctx context.Context, r *relay, router *message.Router) error

	mu     sync.Mutex
	status Progress
}

// Progress tells how a relay is doing.
type Progress struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // publish, webhook or ingest
	// Position is the next record to go out, Lag how many there are from it on. A
	// relay that comes in has neither.
	Position int64 `json:"position"`
	Lag      int64 `json:"lag"`
	// Relayed counts the events that went through since the start, Refused those that
	// went to the dead letters.
	Relayed int64 `json:"relayed"`
	Refused int64 `json:"refused"`
	// Failures counts the tries that failed since the last that did not; Error is why,
	// or why the relay has stopped for good.
	Failures int64  `json:"failures"`
	Error    string `json:"error,omitempty"`
	Stopped  bool   `json:"stopped"`
}

// New makes the relays of a configuration. They do nothing before Run.
func New(c Config, o Options) (*Relays, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FirstPause == 0 {
		o.FirstPause = 500 * time.Millisecond
	}
	if o.LongestPause == 0 {
		o.LongestPause = time.Minute
	}
	rs := &Relays{o: o}
	add := func(name, kind string, h func(context.Context, *relay, *message.Router) error) {
		rs.list = append(rs.list, &relay{name: name, kind: kind, handlers: h, status: Progress{Name: name, Kind: kind}})
	}
	for _, p := range c.Publish {
		add(p.Name, "publish", func(ctx context.Context, r *relay, router *message.Router) error {
			return rs.publish(ctx, r, router, p)
		})
	}
	for _, w := range c.Webhook {
		add(w.Name, "webhook", func(ctx context.Context, r *relay, router *message.Router) error {
			return rs.webhook(ctx, r, router, w)
		})
	}
	for _, i := range c.Ingest {
		add(i.Name, "ingest", func(ctx context.Context, r *relay, router *message.Router) error { return rs.ingest(ctx, r, router, i) })
	}
	return rs, nil
}

// Run relays until ctx ends. A relay that has to stop says so in its status and in
// the log, and the others go on. It may be called once.
func (rs *Relays) Run(ctx context.Context, record Append) {
	rs.append = record
	var all sync.WaitGroup
	for _, r := range rs.list {
		all.Go(func() {
			err := rs.run(ctx, r)
			if err == nil {
				err = errors.New("it cannot follow its source any more")
			}
			if ctx.Err() == nil {
				r.note(func(s *Progress) { s.Error, s.Stopped = err.Error(), true })
				rs.o.Logger.Error("a relay has stopped; set right what it says and restart the server", "relay", r.name, "kind", r.kind, "error", err)
			}
		})
	}
	all.Wait()
}

// run runs one relay until ctx ends or it cannot go on.
func (rs *Relays) run(ctx context.Context, r *relay) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// What Watermill calls information is of use to its developers.
	logger := watermill.NewSlogLoggerWithLevelMapping(rs.o.Logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug, slog.LevelError: slog.LevelDebug})
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second}, logger)
	if err != nil {
		return err
	}
	router.AddMiddleware(
		func(next message.HandlerFunc) message.HandlerFunc { // outermost: what no retry will cure
			return func(msg *message.Message) ([]*message.Message, error) {
				out, err := next(msg)
				if stopped := (*stopError)(nil); errors.As(err, &stopped) {
					stop(stopped)
				}
				return out, err
			}
		},
		middleware.Retry{
			MaxRetries: 1 << 30, InitialInterval: rs.o.FirstPause, MaxInterval: rs.o.LongestPause, Multiplier: 2, RandomizationFactor: 0.2,
			ShouldRetry: func(p middleware.RetryParams) bool {
				stopped := (*stopError)(nil)
				if ctx.Err() != nil || errors.As(p.Err, &stopped) {
					return false
				}
				rs.failed(r, p.Err)
				return true
			},
		}.Middleware,
		middleware.Recoverer,
	)
	if err := r.handlers(ctx, r, router); err != nil {
		return err
	}
	err = router.Run(ctx)
	if stopped := (*stopError)(nil); errors.As(context.Cause(ctx), &stopped) {
		return stopped
	}
	return err
}

// untilTaken tries to send a message until it is taken. The pauses begin anew with each:
// a receiver that refuses one now and then is not waited for like one that is down.
func (rs *Relays) untilTaken(ctx context.Context, r *relay, try func() error) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval, pause.Multiplier, pause.RandomizationFactor = rs.o.FirstPause, rs.o.LongestPause, 2, 0.2
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := try()
		if stopped := (*stopError)(nil); errors.As(err, &stopped) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, _ time.Duration) { rs.failed(r, err) }))
	return err
}

// stopError is why a relay cannot go on however often it tries.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }
func (e *stopError) Unwrap() error { return e.err }

// failed notes a try that failed. The first of several is logged.
func (rs *Relays) failed(r *relay, err error) {
	first := false
	r.note(func(s *Progress) {
		first = s.Failures == 0
		s.Failures++
		s.Error = err.Error()
	})
	if first {
		rs.o.Logger.Warn("a relay is held up; it tries again until it is not", "relay", r.name, "kind", r.kind, "error", err)
	}
}

// relayed notes events that went through.
func (rs *Relays) relayed(r *relay, n int64) {
	var failures int64
	r.note(func(s *Progress) {
		failures = s.Failures
		s.Relayed += n
		s.Failures, s.Error = 0, ""
	})
	if failures > 0 {
		rs.o.Logger.Info("a relay goes on", "relay", r.name, "kind", r.kind, "failures", failures)
	}
}

func (r *relay) note(change func(*Progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.status)
}

// Status tells how each relay is doing. A nil Relays has none.
func (rs *Relays) Status() []Progress {
	if rs == nil {
		return nil
	}
	head := rs.o.Ledger.Head().Size
	list := make([]Progress, len(rs.list))
	for i, r := range rs.list {
		r.note(func(s *Progress) { list[i] = *s })
		if r.kind != "ingest" {
			list[i].Lag = max(head-list[i].Position, 0)
		}
	}
	return list
}

// errOf names the relay in an error.
func errOf(name string, err error) error { return fmt.Errorf("relay %s: %w", name, err) }
