package projections

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"ledgerline/events"
	"ledgerline/ledger"
)

// TestPubSub holds the feed, with runs of one event, to Watermill's own suite for
// subscribers. Each topic is a ledger of its own, which a publisher made for the
// test appends to.
//
// Features that do not apply: ConsumerGroups, since a feed keeps no positions for
// others (a view keeps its own, with its rows); ExactlyOnceDelivery, since a nack
// sends a run again and a new subscription begins at the start; ContextPreserved,
// since a book keeps no contexts; RestartServiceCommand, since there is no service
// (TestReconnect skips itself without one, TestConsumerGroups without groups).
func TestPubSub(t *testing.T) {
	ts := &topics{t: t, books: make(map[string]*book)}
	pubSub := func(t *testing.T) (message.Publisher, message.Subscriber) {
		s := &topicSubscriber{topics: ts, feeds: make(map[string]*feed)}
		return topicPublisher{ts}, s
	}
	tests.TestPubSub(t, tests.Features{
		GuaranteedOrder: true, GuaranteedOrderWithSingleSubscriber: true, Persistent: true, NewSubscriberReceivesOldMessages: true,
		ForceShort: true, // fewer messages, the same tests
	}, pubSub, nil)
}

// topics holds a book per topic.
type topics struct {
	t     *testing.T
	mu    sync.Mutex
	books map[string]*book
}

func (ts *topics) book(topic string) *book {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.books[topic] == nil {
		ts.books[topic] = newBook(ts.t)
	}
	return ts.books[topic]
}

// wire is a Watermill message inside an event.
type wire struct {
	UUID     string
	Metadata message.Metadata
	Payload  []byte
}

// topicPublisher appends each message to the topic's book, as a quality issue
// with the message as the text of its description.
type topicPublisher struct{ topics *topics }

func (p topicPublisher) Publish(topic string, messages ...*message.Message) error {
	b := p.topics.book(topic)
	var batch []events.Event
	for _, m := range messages {
		text, err := json.Marshal(wire{m.UUID, m.Metadata, m.Payload})
		if err != nil {
			return err
		}
		batch = append(batch, events.Event{
			ID: m.UUID, Source: "/watermill", Type: "quality.issue.reported", Schema: 1, Time: 1, Principal: "tester",
			Data: &events.QualityIssueReported{Issue: m.UUID, By: "P", Entry: "E", Dimension: "d", Symptom: "wrong", Severity: "minor", Description: string(text)},
		})
	}
	_, err := b.Append(context.Background(), batch...)
	return err
}

func (p topicPublisher) Close() error { return nil }

// topicSubscriber subscribes to the feed of the topic's book.
type topicSubscriber struct {
	topics *topics
	mu     sync.Mutex
	closed bool
	feeds  map[string]*feed
}

func (s *topicSubscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errFeedClosed
	}
	if s.feeds[topic] == nil {
		b := s.topics.book(topic)
		s.feeds[topic] = &feed{
			ledger: b.Ledger, closing: make(chan struct{}),
			start:  func(string) (int64, error) { return 1, nil }, // after the genesis
			length: func(int64) int64 { return 1 },
			message: func(ctx context.Context, r run) (*message.Message, error) {
				e, err := b.Get(ctx, r.From)
				if err != nil {
					return nil, err
				}
				if err := e.Event.Merge(); err != nil {
					return nil, err
				}
				var m wire
				if err := json.Unmarshal([]byte(e.Event.Data.(*events.QualityIssueReported).Description), &m); err != nil {
					return nil, err
				}
				msg := message.NewMessage(m.UUID, m.Payload)
				msg.Metadata = m.Metadata
				return msg, nil
			},
			failed: func(err error) {
				if !errors.Is(err, ledger.ErrClosed) { // the suite leaves subscriptions open at its end
					s.topics.t.Error(err)
				}
			},
		}
	}
	return s.feeds[topic].Subscribe(ctx, topic)
}

func (s *topicSubscriber) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, f := range s.feeds {
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// TestRunFollows: views that run see what is appended, and stop cleanly.
func TestRunFollows(t *testing.T) {
	b := script(newBook(t))
	v := newViews(t, b.Ledger)
	stop := runViews(t, v)
	wait(t, v, b.Head().Size-1)
	p := b.add(party("P4"))
	wait(t, v, p)
	if _, ok, err := current(t, v).Party(context.Background(), "P4", 0); err != nil || !ok {
		t.Errorf("party P4: %v %v", ok, err)
	}
	for _, s := range v.Status() {
		if s.Applied != p || s.Lag != 0 || s.Rebuilding || s.Err != "" {
			t.Errorf("status %+v", s)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestStopsAndSaysSo: a projection that cannot go on stops the views after
// retries, skips nothing, and goes on after a restart.
func TestStopsAndSaysSo(t *testing.T) {
	b := newBook(t)
	v := newViews(t, b.Ledger)
	tries := 0
	v.projections = append(slices.Clip(v.projections), projection{"broken", 1, func(b *batch, _ *ledger.Entry) error {
		if b.at == 2 {
			tries++
			panic("a bug")
		}
		return nil
	}})
	b.add(party("P1"), party("P2"), party("P3"))
	v.runLength = 1
	err := v.Run(context.Background())
	if err == nil || v.Status()[0].Err == "" {
		t.Fatalf("a broken view went on: %v", err)
	}
	if v.Applied() != 1 || tries < 2 {
		t.Errorf("applied %d after %d tries, want 1 after some", v.Applied(), tries)
	}
	if err := v.Wait(context.Background(), 3); err == nil {
		t.Error("waiting for a stopped view succeeded")
	}
}

// runViews starts Run; the result ends it and returns its error.
func runViews(t *testing.T, v *Views) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	return stop
}

func wait(t *testing.T, v *Views, position int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := v.Wait(ctx, position); err != nil {
		t.Fatalf("waiting for position %d, at %d: %v", position, v.Applied(), errors.Join(err, v.failure()))
	}
}

// TestReadsWhileApplying: what a view at a position answers stays the same while
// later records are applied.
func TestReadsWhileApplying(t *testing.T) {
	b := script(newBook(t))
	v := newViews(t, b.Ledger)
	v.runLength = 2
	stop := runViews(t, v)
	wait(t, v, 20)
	early := viewAt(t, v, 20)
	want := answers(t, early)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 50 {
			b.add(claim{at: day(6, 1), data: access("A1", "id")})
		}
	})
	for range 5 {
		same(t, "answers at 20", answers(t, early), want)
	}
	wg.Wait()
	wait(t, v, b.Head().Size-1)
	c, err := current(t, v).Counts(ctx)
	if err != nil || c.Events != b.Head().Size || c.Accesses != 60 {
		t.Errorf("counts %+v, %v", c, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
