package relay

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ledgerline/events"
	"ledgerline/ledger"
)

// patience bounds every wait of the tests; none of them waits for time to pass.
const patience = 60 * time.Second

// broker is a NATS server in this process, which can be stopped and started again on
// its port, with what its streams hold.
type broker struct {
	t    *testing.T
	o    server.Options
	s    *server.Server
	conn *nats.Conn
	js   jetstream.JetStream

	mu   sync.Mutex
	made map[string]bool // streams
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t, made: make(map[string]bool), o: server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true}}
	b.start()
	b.o.Port = b.s.Addr().(*net.TCPAddr).Port
	var err error
	if b.conn, err = nats.Connect(b.url(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if b.js, err = jetstream.New(b.conn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.conn.Close()
		b.stop()
	})
	return b
}

func (b *broker) url() string { return "nats://127.0.0.1:" + fmt.Sprint(b.o.Port) }

func (b *broker) start() {
	b.t.Helper()
	o := b.o
	s, err := server.NewServer(&o)
	if err != nil {
		b.t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(patience) {
		b.t.Fatal("the NATS server does not start")
	}
	b.s = s
}

func (b *broker) stop() {
	b.s.Shutdown()
	b.s.WaitForShutdown()
}

// stream makes a stream.
func (b *broker) stream(name string, subjects ...string) {
	b.t.Helper()
	if err := b.make(name, subjects...); err != nil {
		b.t.Fatal(err)
	}
}

// make makes a stream if it did not make one of the name before. It does not send the same
// configuration again: NATS has a data race between that and making a consumer.
func (b *broker) make(name string, subjects ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.made[name] {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := b.js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: subjects}); err != nil {
		return err
	}
	b.made[name] = true
	return nil
}

// ctx ends with the test's patience.
func (b *broker) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	b.t.Cleanup(cancel)
	return ctx
}

// messages reads the first n messages of a stream, waiting for them.
func (b *broker) messages(stream string, n int) []jetstream.Msg {
	b.t.Helper()
	c, err := b.js.OrderedConsumer(b.ctx(), stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		b.t.Fatal(err)
	}
	var list []jetstream.Msg
	for deadline := time.Now().Add(patience); len(list) < n; {
		if time.Now().After(deadline) {
			b.t.Fatalf("stream %s has %d messages, want %d", stream, len(list), n)
		}
		batch, err := c.Fetch(n-len(list), jetstream.FetchMaxWait(time.Second))
		if err != nil {
			continue // the server is being restarted
		}
		for m := range batch.Messages() {
			list = append(list, m)
		}
	}
	return list
}

// size is how many messages a stream holds.
func (b *broker) size(stream string) uint64 {
	b.t.Helper()
	s, err := b.js.Stream(b.ctx(), stream)
	if err != nil {
		b.t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// book is a ledger in memory.
func newBook(t *testing.T) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Create("book", ledger.Options{Origin: "ledger.example/relay", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// issue is an event that is always accepted, with an erasable part.
func issue(t *testing.T, id string) events.Event {
	t.Helper()
	text, err := events.EncodeStructured(events.Event{
		ID: id, Source: "urn:test", Type: "quality.issue.reported", Schema: 1, Time: 1,
		Data: &events.QualityIssueReported{Issue: id, By: "P", Entry: "E", Dimension: "d", Symptom: "wrong", Severity: "minor", Description: "no date of death"},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.DecodeStructured(text)
	if err != nil {
		t.Fatal(err)
	}
	e.Principal = "tester"
	return e
}

// add records issues.
func add(t *testing.T, l *ledger.Ledger, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := l.Append(context.Background(), issue(t, id)); err != nil {
			t.Fatal(err)
		}
	}
}

// record is Append without a server: the token is the principal.
func record(l *ledger.Ledger) Append {
	return func(ctx context.Context, principal string, batch []events.Event) ([]ledger.Receipt, error) {
		for i := range batch {
			batch[i].Principal = principal
		}
		return l.Append(ctx, batch...)
	}
}

// run runs relays, with short pauses unless others are wanted; the returned function ends them.
func run(t *testing.T, c Config, o Options, in Append) (*Relays, func()) {
	t.Helper()
	o.FirstPause, o.LongestPause = cmp.Or(o.FirstPause, 5*time.Millisecond), cmp.Or(o.LongestPause, 50*time.Millisecond)
	rs, err := New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { rs.Run(ctx, in); close(done) }()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return rs, stop
}

// until waits until the status of the only relay is as wanted.
func until(t *testing.T, rs *Relays, want func(Progress) bool) Progress {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		s := rs.Status()[0]
		if want(s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("the relay does not come to what is wanted: %+v", s)
		}
	}
}
