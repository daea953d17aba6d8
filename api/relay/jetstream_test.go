package relay

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
)

// TestPubSub holds the two ends at JetStream to Watermill's own suite. Each topic is a
// stream, because the suite sends one message to several topics, which one stream
// would take for duplicates.
//
// ExactlyOnceDelivery does not apply: who crashes before it acknowledges gets a
// message again. Contexts do not travel, consumers in groups are for many readers, and
// there is no service to restart.
func TestPubSub(t *testing.T) {
	b := newBroker(t)
	tests.TestPubSub(t, tests.Features{
		GuaranteedOrder: true, GuaranteedOrderWithSingleSubscriber: true, Persistent: true, NewSubscriberReceivesOldMessages: true,
		ForceShort: true, // fewer messages, the same tests
	}, func(t *testing.T) (message.Publisher, message.Subscriber) {
		p, err := newPublisher(NATS{URL: b.url()}, "suite", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(patience); !p.conn.IsConnected(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) { // on a busy machine it may take some tries
				t.Fatal("no connection")
			}
		}
		return anyTopic{p, b}, &manyTopics{broker: b}
	}, nil)
}

// anyTopic makes the streams that it publishes to.
type anyTopic struct {
	*publisher
	broker *broker
}

func (a anyTopic) Publish(topic string, messages ...*message.Message) error {
	if err := a.broker.make(topic, topic); err != nil {
		return err
	}
	return a.publisher.Publish(topic, messages...)
}

// manyTopics has a subscriber for each subscription: ours have one, as a consumer has
// one filter.
type manyTopics struct {
	broker *broker

	mu     sync.Mutex
	closed bool
	list   []*subscriber
}

func (m *manyTopics) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errors.New("closed")
	}
	if err := m.broker.make(topic, topic); err != nil {
		return nil, err
	}
	s, err := newSubscriber(NATS{URL: m.broker.url(), Stream: topic}, watermill.NewShortUUID(), slog.New(slog.DiscardHandler), time.Millisecond, func(error) {})
	if err != nil {
		return nil, err
	}
	m.list = append(m.list, s)
	return s.Subscribe(ctx, topic)
}

func (m *manyTopics) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, s := range m.list {
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}
