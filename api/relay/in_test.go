package relay

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"ledgerline/events"
	"ledgerline/ledger"
)

// send publishes a structured event to a subject.
func (b *broker) send(subject, body string, header ...string) {
	b.t.Helper()
	m := nats.NewMsg(subject)
	m.Data = []byte(body)
	for i := 0; i < len(header); i += 2 {
		m.Header.Add(header[i], header[i+1])
	}
	if _, err := b.js.PublishMsg(b.ctx(), m); err != nil {
		b.t.Fatal(err)
	}
}

func structured(t *testing.T, id string) string {
	t.Helper()
	text, err := events.EncodeStructured(issue(t, id))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// recorded are the ids of the records after the genesis.
func recorded(t *testing.T, l *ledger.Ledger) (list []string) {
	t.Helper()
	for e, err := range l.Scan(context.Background(), 1, l.Head().Size) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Event.ID)
		if e.Event.Principal != "bus" {
			t.Errorf("event %s is recorded under %q", e.Event.ID, e.Event.Principal)
		}
	}
	return list
}

func ingestConfig(b *broker, dead string) Config {
	file := filepath.Join(b.t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("bus\n"), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return Config{Ingest: []Ingest{{Name: "in", NATS: NATS{URL: b.url(), Stream: "IN"}, Subject: "in.>", TokenFile: file, DeadLetter: dead}}}
}

// TestIngest: events in every form that CloudEvents has for NATS are recorded in the
// order of the stream; those that come again find their records; those that are
// refused go to the dead letters with the reason, and hold nobody up.
func TestIngest(t *testing.T) {
	b, l := newBroker(t), newBook(t)
	b.stream("IN", "in.>")
	b.stream("DEAD", "dead")
	b.send("in.a", structured(t, "q1"), "content-type", "application/cloudevents+json")
	b.send("in.a", "["+structured(t, "q2")+","+structured(t, "q3")+"]", "Content-Type", "application/cloudevents-batch+json; charset=utf-8")
	b.send("in.a", `{"issue":"q4","by":"P","entry":"E","dimension":"d","symptom":"wrong","severity":"minor","description":"x"}`,
		"ce-specversion", "1.0", "ce-id", "q4", "ce-source", "urn:test", "ce-type", "quality.issue.reported", "ce-time", "2026-01-07T09:00:00Z", "content-type", "application/json")
	b.send("in.b", `{"specversion":"1.0"}`)
	b.send("in.b", "no JSON at all")
	b.send("in.b", strings.Replace(structured(t, "q1"), "minor", "major", 1)) // another content under an id that is taken
	b.send("in.a", structured(t, "q1"))                                       // again
	b.send("in.a", structured(t, "q5"))
	rs, stop := run(t, ingestConfig(b, "dead"), Options{Ledger: l, Dir: t.TempDir()}, record(l))
	s := until(t, rs, func(s Progress) bool { return s.Relayed+s.Refused == 9 })
	if got := recorded(t, l); !slices.Equal(got, []string{"q1", "q2", "q3", "q4", "q5"}) || s.Error != "" || s.Refused != 3 {
		t.Errorf("recorded: %v, %+v", got, s)
	}
	for i, m := range b.messages("DEAD", int(s.Refused)) {
		want := []string{"field", "JSON", "q1", ""}[i]
		if reason := m.Headers().Get("reason_poisoned"); reason == "" || !strings.Contains(strings.ToLower(reason+string(m.Data())), strings.ToLower(want)) {
			t.Errorf("dead letter %d: %q for %s", i, reason, m.Data())
		}
	}
	stop()
	// Another life goes on where the consumer is.
	b.send("in.a", structured(t, "q6"))
	rs, _ = run(t, ingestConfig(b, "dead"), Options{Ledger: l, Dir: t.TempDir()}, record(l))
	until(t, rs, func(s Progress) bool { return s.Relayed == 1 })
	if n := l.Head().Size; n != 7 {
		t.Errorf("the book has %d records, want 7", n)
	}
}

// TestRefusedWithoutDeadLetters: the relay stops at what the ledger refuses and says
// why; nothing behind it is recorded, and it is still there in another life.
func TestRefusedWithoutDeadLetters(t *testing.T) {
	b, l := newBroker(t), newBook(t)
	b.stream("IN", "in.>")
	b.send("in.a", structured(t, "q1"))
	b.send("in.a", `{"specversion":"1.0"}`)
	b.send("in.a", structured(t, "q2"))
	for range 2 {
		rs, stop := run(t, ingestConfig(b, ""), Options{Ledger: l, Dir: t.TempDir()}, record(l))
		s := until(t, rs, func(s Progress) bool { return s.Stopped })
		if !strings.Contains(s.Error, "refused") || !strings.Contains(s.Error, "dead-letter") {
			t.Errorf("it says %q", s.Error)
		}
		stop()
	}
	if got := recorded(t, l); !slices.Equal(got, []string{"q1"}) {
		t.Errorf("recorded: %v", got)
	}
}

// TestBackPressure: while the ledger takes nothing, messages wait at the broker, in
// order; a broker that is restarted meanwhile, and answers that are lost after the
// events were recorded, lose nothing.
func TestBackPressure(t *testing.T) {
	b, l := newBroker(t), newBook(t)
	b.stream("IN", "in.>")
	want := ids("q", 40)
	for _, id := range want {
		b.send("in.a", structured(t, id))
	}
	var calls atomic.Int64
	busy := func(ctx context.Context, principal string, batch []events.Event) ([]ledger.Receipt, error) {
		n := calls.Add(1)
		if n <= 5 {
			return nil, ledger.ErrOverloaded
		}
		receipts, err := record(l)(ctx, principal, batch)
		if n%3 == 0 {
			return nil, fmt.Errorf("the answer of call %d is lost", n)
		}
		return receipts, err
	}
	rs, _ := run(t, ingestConfig(b, ""), Options{Ledger: l, Dir: t.TempDir()}, busy)
	until(t, rs, func(s Progress) bool { return s.Relayed >= 10 })
	b.stop()
	b.start()
	until(t, rs, func(Progress) bool { return l.Head().Size == 41 })
	if got := recorded(t, l); !slices.Equal(got, want) {
		t.Errorf("recorded: %v", got)
	}
}

// TestNoStream: a stream that is not there is told, and taken up when it is made.
func TestNoStream(t *testing.T) {
	b, l := newBroker(t), newBook(t)
	rs, _ := run(t, ingestConfig(b, ""), Options{Ledger: l, Dir: t.TempDir()}, record(l))
	until(t, rs, func(s Progress) bool { return strings.Contains(s.Error, "there is no stream IN") })
	b.stream("IN", "in.>")
	b.send("in.a", structured(t, "q1"))
	until(t, rs, func(s Progress) bool { return s.Relayed == 1 && s.Error == "" })
}
