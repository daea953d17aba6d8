package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Watermill's own adapter drops what JetStream says about a message that was
// published, prefetches, and leaves one that it cannot read to be sent for ever: see
// docs/decisions/0020.

// answerWait bounds how long an answer of the broker is waited for.
const answerWait = 5 * time.Second

// connect makes a connection that outlives the server at its other end: it is made
// even when that is down, and made again whenever it is lost.
func connect(n NATS, name string, logger *slog.Logger) (*nats.Conn, error) {
	o := []nats.Option{
		nats.Name("ledgerline " + name), nats.Timeout(answerWait), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectBufSize(-1), // what is not sent has failed: the relay tries again, in order
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				logger.Warn("the connection to NATS is lost", "relay", name, "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			logger.Debug("from NATS", "relay", name, "error", err)
		}),
	}
	if n.Credentials != "" {
		o = append(o, nats.UserCredentials(n.Credentials))
	}
	return nats.Connect(n.URL, o...)
}

// publisher is a Watermill publisher to JetStream. It returns when the stream has
// taken every message, in order. The UUID of a message is its Nats-Msg-Id, by which
// the stream knows one that is sent again within its window of duplicates.
type publisher struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	stream string // that has to take the messages; empty: any
}

func newPublisher(n NATS, name string, logger *slog.Logger) (*publisher, error) {
	conn, err := connect(n, name, logger)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &publisher{conn, js, n.Stream}, nil
}

// Publish implements message.Publisher; the topic is the subject.
func (p *publisher) Publish(topic string, messages ...*message.Message) error {
	for _, m := range messages {
		out := nats.NewMsg(topic)
		out.Data = m.Payload
		for k, v := range m.Metadata {
			out.Header.Set(k, v)
		}
		options := []jetstream.PublishOpt{jetstream.WithMsgID(m.UUID), jetstream.WithRetryAttempts(0)}
		if p.stream != "" {
			options = append(options, jetstream.WithExpectStream(p.stream))
		}
		ctx, cancel := context.WithTimeout(m.Context(), answerWait)
		_, err := p.js.PublishMsg(ctx, out, options...)
		cancel()
		if errors.Is(err, jetstream.ErrNoStreamResponse) {
			return fmt.Errorf("publishing to %s: no stream takes this subject, or JetStream is down: %w", topic, err)
		}
		if err != nil {
			return fmt.Errorf("publishing to %s: %w", topic, err)
		}
	}
	return nil
}

// Close implements message.Publisher.
func (p *publisher) Close() error {
	p.conn.Close()
	return nil
}

// subscriber is a Watermill subscriber to a durable consumer of JetStream, which
// keeps the position. One message is under way at a time, so they come in order; a
// nack, or a crash, brings the same one again. The topic is a filter of subjects.
type subscriber struct {
	conn     *nats.Conn
	js       jetstream.JetStream
	stream   string
	consumer string // the durable name
	failed   func(error)
	pause    time.Duration // between tries

	mu      sync.Mutex
	closed  bool
	closing chan struct{}
	subs    sync.WaitGroup
}

func newSubscriber(n NATS, name string, logger *slog.Logger, pause time.Duration, failed func(error)) (*subscriber, error) {
	conn, err := connect(n, name, logger)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &subscriber{conn: conn, js: js, stream: n.Stream, consumer: name, failed: failed, pause: pause, closing: make(chan struct{})}, nil
}

// Subscribe implements message.Subscriber.
func (s *subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("the subscriber is closed")
	}
	ctx, cancel := context.WithCancel(ctx)
	out := make(chan *message.Message)
	s.subs.Go(func() {
		defer close(out)
		defer cancel()
		for ctx.Err() == nil {
			if err := s.consume(ctx, topic, out); ctx.Err() == nil && err != nil {
				s.failed(err)
				select {
				case <-time.After(s.pause):
				case <-ctx.Done():
				}
			}
		}
	})
	s.subs.Go(func() { // Close ends what ctx would end
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	})
	return out, nil
}

// consume takes messages until ctx ends, or the consumer fails.
func (s *subscriber) consume(ctx context.Context, topic string, out chan<- *message.Message) error {
	setup, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	c, err := s.js.CreateOrUpdateConsumer(setup, s.stream, jetstream.ConsumerConfig{
		Durable: s.consumer, FilterSubject: topic, AckPolicy: jetstream.AckExplicitPolicy,
		MaxAckPending: 1, MaxDeliver: -1, AckWait: ackWait,
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("there is no stream %s; make it at the broker: %w", s.stream, err)
	}
	if err != nil {
		return fmt.Errorf("the consumer %s of stream %s: %w", s.consumer, s.stream, err)
	}
	for {
		// A request for one message, not an iterator, which asks ahead and can lose what it
		// asked for when a message is sent again.
		wait, cancel := context.WithTimeout(ctx, answerWait)
		m, err := c.Next(jetstream.FetchContext(wait))
		cancel()
		switch {
		case ctx.Err() != nil && err != nil:
			return ctx.Err()
		case errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoMessages) || errors.Is(err, context.DeadlineExceeded):
			continue // there was nothing
		case err != nil:
			return err
		}
		if err := s.deliver(ctx, m, out); err != nil {
			return err
		}
	}
}

// ackWait is after how long without a word of ours the broker sends a message again.
// That is how long the next life waits for what this one had in hand.
const ackWait = 5 * time.Second

// deliver hands a message on and tells the broker what became of it.
func (s *subscriber) deliver(ctx context.Context, m jetstream.Msg, out chan<- *message.Message) error {
	msg, err := received(m)
	if err != nil {
		return err
	}
	mctx, cancel := context.WithCancel(ctx)
	defer cancel()
	msg.SetContext(mctx)
	select {
	case out <- msg:
	case <-ctx.Done():
		return errors.Join(m.Nak(), ctx.Err())
	}
	working := time.NewTicker(ackWait / 3)
	defer working.Stop()
	for {
		select {
		case <-msg.Acked():
			answer, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWait)
			defer cancel()
			return m.DoubleAck(answer) // if it is lost the message comes again, and finds its receipt
		case <-msg.Nacked():
			return m.NakWithDelay(s.pause)
		case <-working.C:
			if err := m.InProgress(); err != nil {
				return err
			}
		case <-ctx.Done():
			return errors.Join(m.Nak(), ctx.Err())
		}
	}
}

// received makes a Watermill message. A header of several values becomes one value,
// with commas, so that none is lost unseen.
func received(m jetstream.Msg) (*message.Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	id := m.Headers().Get(nats.MsgIdHdr)
	if id == "" {
		id = fmt.Sprintf("%s-%d", meta.Stream, meta.Sequence.Stream)
	}
	msg := message.NewMessage(id, m.Data())
	for k, values := range m.Headers() {
		if k != nats.MsgIdHdr && !strings.HasPrefix(k, "Nats-") {
			msg.Metadata.Set(k, strings.Join(values, ","))
		}
	}
	return msg, nil
}

// Close implements message.Subscriber.
func (s *subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.subs.Wait()
	_ = s.conn.FlushTimeout(time.Second) // a nack that gets lost is late, no more
	s.conn.Close()
	return nil
}
