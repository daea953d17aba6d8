package projections

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"ledgerline/ledger"
)

// A feed is a Watermill subscriber over a ledger. It sends one message per run of
// committed events, in order, and waits for its ack before the next; a nack sends
// the same run again. It never passes the durable head.
//
// The wait is what keeps events in order: Watermill's router handles each message
// in a goroutine of its own. Middleware that acks early or puts failed messages
// aside (InstantAck, PoisonQueue) would skip events and must not be used.
type feed struct {
	ledger *ledger.Ledger
	// start is the first position that a new subscription to the topic gets.
	start func(topic string) (int64, error)
	// length is how many events the next run may hold while so many are waiting.
	length func(waiting int64) int64
	// message makes the message of a run. It may fail only for good.
	message func(ctx context.Context, r run) (*message.Message, error)
	// failed is told what ended a subscription before its time.
	failed func(error)

	mu      sync.Mutex
	closed  bool
	closing chan struct{} // made by who makes the feed, closed by Close
	subs    sync.WaitGroup
}

// NewFeed returns a Watermill subscriber over a ledger for those who are not views: it
// sends a message for each run of at most length records from start on, in order, and
// waits for its ack before the next. RunOf tells which records a message speaks of.
// failed is told what ended a subscription before its time.
//
// It keeps no position: a new subscription begins at start again.
func NewFeed(l *ledger.Ledger, start, length int64, failed func(error)) message.Subscriber {
	return &feed{
		ledger: l, closing: make(chan struct{}), message: runMessage, failed: failed,
		start:  func(string) (int64, error) { return start, nil },
		length: func(int64) int64 { return length },
	}
}

// RunOf reads which records a message of a feed speaks of: positions [from, to).
func RunOf(msg *message.Message) (from, to int64, err error) {
	r, err := runOf(msg)
	return r.From, r.To, err
}

// run is a run of events: positions [From, To).
type run struct{ From, To int64 }

var errFeedClosed = errors.New("the feed is closed")

// Subscribe begins a subscription at the topic's start. The channel is closed
// when ctx ends or the feed is closed, and after a failure.
func (f *feed) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errFeedClosed
	}
	from, err := f.start(topic)
	if err != nil {
		return nil, fmt.Errorf("where to start the feed %q: %w", topic, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	out := make(chan *message.Message)
	f.subs.Go(func() {
		defer close(out)
		defer cancel()
		if err := f.follow(ctx, from, out); ctx.Err() == nil {
			f.failed(fmt.Errorf("feed %q: %w", topic, err))
		}
	})
	f.subs.Go(func() { // Close ends what ctx would end
		select {
		case <-f.closing:
			cancel()
		case <-ctx.Done():
		}
	})
	return out, nil
}

// Close ends all subscriptions and returns when their channels are closed.
func (f *feed) Close() error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.closing)
	}
	f.mu.Unlock()
	f.subs.Wait()
	return nil
}

// follow sends run after run until ctx ends, or something fails: it always
// returns an error.
func (f *feed) follow(ctx context.Context, from int64, out chan<- *message.Message) error {
	for head := f.ledger.Head(); ; {
		for head.Size <= from {
			var err error
			if head, err = f.ledger.Next(ctx, head); err != nil {
				return err
			}
		}
		next := run{from, from + min(head.Size-from, f.length(head.Size-from))}
		if err := f.deliver(ctx, next, out); err != nil {
			return err
		}
		if from = next.To; from == head.Size {
			head = f.ledger.Head()
		}
	}
}

// deliver sends a run until it is acked.
func (f *feed) deliver(ctx context.Context, r run, out chan<- *message.Message) error {
	for {
		msg, err := f.message(ctx, r)
		if err != nil {
			return err
		}
		acked, err := f.send(ctx, msg, out)
		if err != nil || acked {
			return err
		}
	}
}

func (f *feed) send(ctx context.Context, msg *message.Message, out chan<- *message.Message) (acked bool, err error) {
	mctx, cancel := context.WithCancel(ctx)
	defer cancel()
	msg.SetContext(mctx)
	select {
	case out <- msg:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	select {
	case <-msg.Acked():
		return true, nil
	case <-msg.Nacked():
		return false, ctx.Err()
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// runMessage carries no events, only where they are: what is handled is what the
// book holds.
func runMessage(_ context.Context, r run) (*message.Message, error) {
	from, to := strconv.FormatInt(r.From, 10), strconv.FormatInt(r.To, 10)
	msg := message.NewMessage(from+"-"+to, nil)
	msg.Metadata.Set("from", from)
	msg.Metadata.Set("to", to)
	return msg, nil
}

// runOf reads what runMessage wrote.
func runOf(msg *message.Message) (run, error) {
	from, err1 := strconv.ParseInt(msg.Metadata.Get("from"), 10, 64)
	to, err2 := strconv.ParseInt(msg.Metadata.Get("to"), 10, 64)
	return run{from, to}, errors.Join(err1, err2)
}
