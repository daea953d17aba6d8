package relay

import (
	"context"
	"errors"
	"mime"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"go.opentelemetry.io/otel/trace"

	"ledgerline/events"
)

// publish carries committed events to JetStream.
func (rs *Relays) publish(ctx context.Context, r *relay, router *message.Router, p Publish) error {
	to, err := newPublisher(p.NATS, p.Name, rs.o.Logger)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = to.Close() }) // never fails
	return rs.follow(ctx, r, router, p.Outgoing, to, func(typ string) string { return p.Subject + "." + typ })
}

// ingest records what a stream of JetStream brings.
func (rs *Relays) ingest(ctx context.Context, r *relay, router *message.Router, i Ingest) error {
	from, err := newSubscriber(i.NATS, i.Name, rs.o.Logger, min(rs.o.LongestPause, time.Second), func(err error) { rs.failed(r, err) })
	if err != nil {
		return err
	}
	dead := func(next message.HandlerFunc) message.HandlerFunc { // nowhere to put it: it stays with the broker
		return func(msg *message.Message) ([]*message.Message, error) {
			out, err := next(msg)
			if refused(err) {
				err = &stopError{errors.Join(errors.New("message "+msg.UUID+" is refused, and there is no dead-letter subject"), err)}
			}
			return out, err
		}
	}
	if i.DeadLetter != "" {
		letters, err := newPublisher(NATS{URL: i.URL, Credentials: i.Credentials}, i.Name, rs.o.Logger)
		if err != nil {
			return errors.Join(err, from.Close())
		}
		context.AfterFunc(ctx, func() { _ = letters.Close() }) // never fails
		if dead, err = middleware.PoisonQueueWithFilter(deadLetters{letters, rs, r}, i.DeadLetter, refused); err != nil {
			return errors.Join(err, from.Close())
		}
	}
	h := router.AddConsumerHandler(r.name, i.Subject, from, func(msg *message.Message) error { return rs.record(r, i.TokenFile, msg) })
	// Inside the retries, so that dead letters that cannot be sent are tried again.
	h.AddMiddleware(dead)
	return nil
}

// refused tells whether the ledger refuses an event for good. What may be accepted
// another time, such as one of an overloaded ledger, is tried again: the broker holds
// what comes after it.
func refused(err error) bool {
	_, ok := errors.AsType[*events.Refusal](err)
	return ok
}

// record records the events of a message; it is acknowledged when they are durable.
func (rs *Relays) record(r *relay, tokenFile string, msg *message.Message) (err error) {
	span := rs.span(msg.Context(), r, trace.SpanKindConsumer, msg, -1)
	defer func() { endSpan(span, err) }()
	batch, err := decode(msg)
	if err != nil {
		return err
	}
	token, err := readToken(tokenFile)
	if err != nil {
		return err
	}
	if _, err := rs.append(msg.Context(), token, batch); err != nil {
		return err
	}
	rs.relayed(r, int64(len(batch)))
	return nil
}

// decode reads a message as the NATS binding of CloudEvents says: structured, in
// binary mode with ce- headers, or a batch. The error is a *events.Refusal.
func decode(msg *message.Message) ([]events.Event, error) {
	header := make(map[string][]string, len(msg.Metadata))
	for k, v := range msg.Metadata {
		header[k] = []string{v}
	}
	media, _, err := mime.ParseMediaType(firstOf(msg.Metadata, "content-type", "Content-Type"))
	if err != nil {
		media = ""
	}
	var e events.Event
	switch {
	case media == events.MediaTypeBatch:
		return events.DecodeBatch(msg.Payload)
	case media != events.MediaTypeStructured && firstOf(msg.Metadata, "ce-specversion", "Ce-Specversion") != "":
		e, err = events.DecodeBinary(header, msg.Payload)
	default:
		e, err = events.DecodeStructured(msg.Payload)
	}
	return []events.Event{e}, err
}

func firstOf(m message.Metadata, names ...string) string {
	for _, n := range names {
		if v := m.Get(n); v != "" {
			return v
		}
	}
	return ""
}

// deadLetters publishes refused messages. Their ids are not those of the messages
// that were refused, which a stream that holds both would take for duplicates.
type deadLetters struct {
	*publisher
	relays *Relays
	relay  *relay
}

// Publish implements message.Publisher.
func (d deadLetters) Publish(topic string, messages ...*message.Message) error {
	for _, m := range messages {
		letter := m.Copy()
		letter.UUID = "refused-" + m.UUID
		letter.SetContext(m.Context())
		if err := d.publisher.Publish(topic, letter); err != nil {
			return err
		}
		d.relay.note(func(s *Progress) { s.Refused++ })
		d.relays.o.Logger.Warn("a message was refused; it is at the dead-letter subject", "relay", d.relay.name, "message", m.UUID, "subject", topic, "reason", m.Metadata.Get(middleware.ReasonForPoisonedKey))
	}
	return nil
}
