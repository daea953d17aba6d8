package relay

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.opentelemetry.io/otel/trace"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// out carries committed events to a publisher.
type out struct {
	relays *Relays
	relay  *relay
	Outgoing
	to       message.Publisher
	topic    func(typ string) string
	position *position
	sent     int64 // the position after the last that was taken, kept or not
}

// runLength is how many records go out before the position is kept again: so many
// may be sent twice after a crash.
const runLength = 64

// follow adds a handler that sends the book from where the relay stands on.
func (rs *Relays) follow(ctx context.Context, r *relay, router *message.Router, o Outgoing, to message.Publisher, topic func(string) string) error {
	p, err := openPosition(filepath.Join(rs.o.Dir, r.name), rs.o.Ledger, func() int64 {
		if o.From == "now" {
			return rs.o.Ledger.Head().Size
		}
		return 0
	})
	if err != nil {
		return err
	}
	w := &out{relays: rs, relay: r, Outgoing: o, to: to, topic: topic, position: p}
	r.note(func(s *Progress) { s.Position = p.next })
	feed := projections.NewFeed(rs.o.Ledger, p.next, runLength, func(err error) { // the book failed, and its server stops
		rs.o.Logger.Error("a relay cannot follow the book any more", "relay", r.name, "error", err)
	})
	router.AddConsumerHandler(r.name, "ledger", feed, w.send)
	return nil
}

// send sends a run of records. When it fails and is called again, it goes on where
// it failed.
func (w *out) send(msg *message.Message) error {
	_, to, err := projections.RunOf(msg)
	if err != nil {
		return err
	}
	for w.position.next < to {
		next, list, err := w.read(msg.Context(), w.position.next, to)
		if err != nil {
			return err
		}
		if err := w.publish(msg.Context(), list); err != nil {
			return err
		}
		if err := w.position.save(next); err != nil {
			return err
		}
		w.relay.note(func(s *Progress) { s.Position = next })
	}
	return nil
}

// publish sends messages one after the other: a later one must not arrive where an
// earlier one did not. When it fails and is called again, it goes on with the one
// that failed.
func (w *out) publish(ctx context.Context, list []outgoing) error {
	for _, m := range list {
		if m.position < w.sent {
			continue
		}
		err := w.relays.untilTaken(ctx, w.relay, func() error {
			span := w.relays.span(ctx, w.relay, trace.SpanKindProducer, m.msg, m.position)
			err := w.to.Publish(w.topic(m.typ), m.msg)
			endSpan(span, err)
			if err != nil {
				return fmt.Errorf("position %d: %w", m.position, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		w.sent = m.position + 1
		w.relays.relayed(w.relay, 1)
	}
	return nil
}

// outgoing is a message made of a record.
type outgoing struct {
	position int64
	typ      string
	msg      *message.Message
}

// helpingBytes bounds what is read before it is sent, so that no iterator of the
// book stays open while the other side takes its time.
const helpingBytes = 1 << 20

// read makes messages of the records of [from, to) that are wanted, or of the first
// of them. It returns the position after the last that it looked at.
func (w *out) read(ctx context.Context, from, to int64) (next int64, list []outgoing, err error) {
	size := 0
	for next = from; next < to && size < helpingBytes; next++ {
		e, err := w.relays.o.Ledger.Get(ctx, next)
		if err != nil {
			return 0, nil, fmt.Errorf("reading position %d: %w", next, err)
		}
		if !w.wants(e.Event.Type) {
			continue
		}
		text, err := encode(w.relays.o.Ledger.Origin(), e, w.Outgoing)
		if err != nil {
			return 0, nil, fmt.Errorf("position %d: %w", next, err)
		}
		leaf, err := w.relays.o.Ledger.LeafHash(next)
		if err != nil {
			return 0, nil, fmt.Errorf("position %d: %w", next, err)
		}
		msg := message.NewMessage(hex.EncodeToString(leaf[:]), text)
		msg.SetContext(ctx)
		msg.Metadata.Set("content-type", events.MediaTypeStructured)
		if e.Event.Trace != "" {
			msg.Metadata.Set("traceparent", e.Event.Trace)
		}
		list, size = append(list, outgoing{next, e.Event.Type, msg}), size+len(text)
	}
	return next, list, nil
}

// encode writes a record as a CloudEvent. The event stands in it as its producer
// stated it: time is when it happened, as claimed. What the ledger added has names of
// its own: recordedtime is when it was recorded, and ledgerorigin and ledgerposition
// say where.
func encode(origin string, e ledger.Entry, o Outgoing) ([]byte, error) {
	var names []string
	if !o.Erasable {
		e.Event.Facets = slices.DeleteFunc(slices.Clone(e.Event.Facets), func(f events.Facet) bool {
			if !f.Erased && f.Name != events.OpenLineageFacet { // which is no part of the event
				names = append(names, f.Name)
			}
			return !f.Erased
		})
	}
	text, fields, err := events.EncodeWithout(e.Event, o.Withhold)
	if err != nil {
		return nil, err
	}
	withheld := strings.Join(append(names, fields...), ",")
	var added bytes.Buffer
	enc := jsontext.NewEncoder(&added)
	err = enc.WriteToken(jsontext.BeginObject)
	for _, a := range [][2]string{
		{"ledgerorigin", origin}, {"ledgerposition", strconv.FormatInt(e.Position, 10)},
		{"recordedtime", e.Recorded.String()}, {"principal", e.Event.Principal}, {"withheld", withheld},
	} {
		if err == nil && a[1] != "" {
			err = enc.WriteToken(jsontext.String(a[0]))
			if err == nil {
				err = json.MarshalEncode(enc, a[1])
			}
		}
	}
	if err == nil {
		err = enc.WriteToken(jsontext.EndObject) // of which the event's members become the rest
	}
	if err != nil {
		return nil, err
	}
	return slices.Concat(bytes.TrimRight(added.Bytes(), "}\n"), []byte(","), text[1:]), nil
}
