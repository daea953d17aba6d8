package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"ledgerline/events"
	"ledgerline/ledger"
)

// ids are n names of events.
func ids(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s%03d", prefix, i)
	}
	return list
}

// sent is what is looked at of a CloudEvent that went out.
type sent struct {
	ID, Source, Type, Time                            string
	LedgerOrigin, LedgerPosition, RecordedTime        string
	Principal, Withheld, Traceparent, Erased, Subject string
	Data                                              map[string]any
}

func parse(t *testing.T, b []byte) sent {
	t.Helper()
	var s sent
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return s
}

// TestPublish: committed events arrive in order, as CloudEvents that tell the claimed
// time from the recorded one; erasable content goes only where it is asked for.
func TestPublish(t *testing.T) {
	b, l := newBroker(t), newBook(t)
	b.stream("LEDGER", "ledger.>")
	b.stream("ALL", "all.>")
	spans := tracetest.NewInMemoryExporter()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)).Tracer("test")
	traced := issue(t, "traced")
	traced.Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if _, err := l.Append(context.Background(), traced); err != nil {
		t.Fatal(err)
	}
	add(t, l, ids("q", 100)...)
	dir := t.TempDir()
	_, stop := run(t, Config{Publish: []Publish{
		{Name: "bus", NATS: NATS{URL: b.url(), Stream: "LEDGER"}, Subject: "ledger.events", Outgoing: Outgoing{Types: []string{"quality."}}},
		{Name: "all", NATS: NATS{URL: b.url(), Stream: "ALL"}, Subject: "all", Outgoing: Outgoing{Erasable: true}},
	}}, Options{Ledger: l, Dir: dir, Tracer: tracer}, record(l))
	for i, m := range b.messages("LEDGER", 101) {
		s := parse(t, m.Data())
		if want := fmt.Sprint(i + 1); s.LedgerPosition != want || m.Subject() != "ledger.events.quality.issue.reported" || m.Headers().Get("content-type") != "application/cloudevents+json" {
			t.Fatalf("message %d is position %s at %s, %v", i, s.LedgerPosition, m.Subject(), m.Headers())
		}
		if s.Time != "1970-01-01T00:00:00.000001Z" || s.RecordedTime <= "2020" || s.LedgerOrigin != "ledger.example/relay" || s.Principal != "tester" {
			t.Fatalf("claimed and recorded: %+v", s)
		}
		if s.Withheld != "description" || s.Data["description"] != nil || s.Erased != "" {
			t.Fatalf("erasable content went out, or is called erased: %s", m.Data())
		}
		if trace := m.Headers().Get("traceparent"); (i == 0) != strings.Contains(trace, "0af7651916cd43dd8448eb211c80319c") {
			t.Fatalf("message %d has the trace %q", i, trace)
		}
	}
	all := b.messages("ALL", 102) // the genesis as well
	if !json.Valid(all[1].Data()) {
		t.Errorf("not JSON: %s", all[1].Data())
	}
	if first, last := parse(t, all[0].Data()), parse(t, all[101].Data()); first.Type != "ledger.genesis" || last.Data["description"] != "no date of death" || last.Withheld != "" {
		t.Errorf("%+v\n%+v", first, last)
	}
	stop()
	if !slices.ContainsFunc(spans.GetSpans(), func(s tracetest.SpanStub) bool {
		return s.Name == "relay bus" && s.SpanContext.TraceID().String() == "0af7651916cd43dd8448eb211c80319c"
	}) {
		t.Error("what went out is no span of the event's trace")
	}
}

// TestBrokerDown: what is recorded while the broker is down, or is being restarted,
// arrives when it is back: all of it, in order.
func TestBrokerDown(t *testing.T) {
	b, l := newBroker(t), newBook(t)
	b.stream("LEDGER", "ledger.>")
	b.stop()
	rs, _ := run(t, Config{Publish: []Publish{{Name: "bus", NATS: NATS{URL: b.url(), Stream: "LEDGER"}, Subject: "ledger"}}}, Options{Ledger: l, Dir: t.TempDir()}, record(l))
	until(t, rs, func(s Progress) bool { return s.Failures > 0 && s.Error != "" && s.Lag == 1 })
	b.start()
	want := 1
	for range 3 {
		add(t, l, ids(fmt.Sprint(want, "-"), 20)...)
		b.stop()
		add(t, l, ids(fmt.Sprint(want, "+"), 20)...)
		b.start()
		want += 40
	}
	until(t, rs, func(s Progress) bool { return s.Lag == 0 && s.Position == int64(want) && s.Error == "" })
	for i, m := range b.messages("LEDGER", want) {
		if s := parse(t, m.Data()); s.LedgerPosition != fmt.Sprint(i) {
			t.Fatalf("message %d is position %s", i, s.LedgerPosition)
		}
	}
	if n := b.size("LEDGER"); n != uint64(want) {
		t.Errorf("the stream has %d messages, want %d: it knows what it had by the ids", n, want)
	}
}

// hook is a receiver of webhooks.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	status func(n int) int // of the n-th request
	n      int
	ids    []string
	events []sent
}

func newHook(t *testing.T, secret string, status func(int) int) *hook {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{status: status}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		if err != nil {
			t.Error(err)
		}
		code := h.status(h.n)
		h.n++
		if code == http.StatusOK {
			h.ids = append(h.ids, r.Header.Get("webhook-id"))
			h.events = append(h.events, parse(t, body))
		}
		if code == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(code)
	}))
	t.Cleanup(h.Close)
	return h
}

// positions are those that were taken, in order, those that came again left out.
func (h *hook) positions() (list []string, again int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := map[string]bool{}
	for i, e := range h.events {
		if seen[h.ids[i]] {
			again++
			continue
		}
		seen[h.ids[i]] = true
		list = append(list, e.LedgerPosition)
	}
	return list, again
}

func (h *hook) check(t *testing.T, n int) (again int) {
	t.Helper()
	got, again := h.positions()
	for i, p := range got {
		if p != fmt.Sprint(i) {
			t.Fatalf("what arrived first at place %d is position %s: %v", i, p, got)
		}
	}
	if len(got) != n {
		t.Fatalf("%d positions arrived, want %d", len(got), n)
	}
	return again
}

const secret, newSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"

func secretFile(t *testing.T, secrets ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(strings.Join(secrets, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestWebhook: messages are signed so that another's library verifies them, sent until
// they are taken, in order; and a secret can be changed in steps.
func TestWebhook(t *testing.T) {
	l := newBook(t)
	add(t, l, ids("q", 20)...)
	h := newHook(t, newSecret, func(n int) int {
		return []int{200, 500, 302, 200, 429}[n%5]
	})
	c := Config{Webhook: []Webhook{{Name: "audit", URL: h.URL, SecretFile: secretFile(t, secret, newSecret)}}}
	rs, _ := run(t, c, Options{Ledger: l, Dir: t.TempDir()}, record(l))
	until(t, rs, func(s Progress) bool { return s.Lag == 0 })
	if again := h.check(t, 21); again != 0 {
		t.Errorf("%d messages came again, though they were taken", again)
	}
}

// TestPausesBeginAnew: a receiver that refuses each message once gets all of them
// without longer and longer pauses in between.
func TestPausesBeginAnew(t *testing.T) {
	l := newBook(t)
	add(t, l, ids("q", 40)...)
	h := newHook(t, secret, func(n int) int { return []int{503, 200}[n%2] })
	rs, _ := run(t, Config{Webhook: []Webhook{{Name: "audit", URL: h.URL, SecretFile: secretFile(t, secret)}}},
		Options{Ledger: l, Dir: t.TempDir(), FirstPause: time.Millisecond, LongestPause: 24 * time.Hour}, record(l))
	until(t, rs, func(s Progress) bool { return s.Lag == 0 })
	h.check(t, 41)
}

// sharedBuffer takes a log that the router goes on with after it said that it ended.
type sharedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *sharedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *sharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestWebhookAddress: neither the log nor the status shows more of the address of a webhook
// than its host, for the rest may be what its receiver tells friends by.
func TestWebhookAddress(t *testing.T) {
	h := newHook(t, secret, func(int) int { return http.StatusOK })
	h.Close()
	var log sharedBuffer
	rs, stop := run(t, Config{Webhook: []Webhook{{Name: "audit", URL: h.URL + "/hooks/OPEN?key=SESAME", SecretFile: secretFile(t, secret)}}},
		Options{Ledger: newBook(t), Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, record(nil))
	s := until(t, rs, func(s Progress) bool { return s.Failures > 0 })
	stop()
	host := strings.TrimPrefix(h.URL, "http://")
	for what, text := range map[string]string{"the log": log.String(), "the status": s.Error} {
		if !strings.Contains(text, host) || strings.Contains(text, "OPEN") || strings.Contains(text, "SESAME") {
			t.Errorf("%s says %s", what, text)
		}
	}
}

// TestWebhookGone: a receiver that says that nobody wants more stops the relay, which
// says so, and keeps its place.
func TestWebhookGone(t *testing.T) {
	l := newBook(t)
	add(t, l, "q")
	h := newHook(t, secret, func(n int) int { return []int{200, 410}[n] })
	rs, _ := run(t, Config{Webhook: []Webhook{{Name: "audit", URL: h.URL, SecretFile: secretFile(t, secret)}}}, Options{Ledger: l, Dir: t.TempDir()}, record(l))
	s := until(t, rs, func(s Progress) bool { return s.Stopped })
	if !strings.Contains(s.Error, "410") || s.Lag == 0 {
		t.Errorf("%+v", s)
	}
}

// TestKilledBeforeTheSave: a relay that dies after its messages were taken and before
// the position is kept sends them again when it is back: none is lost, none comes
// before an earlier one, and each bears the id that it had.
func TestKilledBeforeTheSave(t *testing.T) {
	l, dir := newBook(t), t.TempDir()
	h := newHook(t, secret, func(int) int { return http.StatusOK })
	c := Config{Webhook: []Webhook{{Name: "audit", URL: h.URL, SecretFile: secretFile(t, secret)}}}
	file := filepath.Join(dir, "audit")
	for round := range 3 {
		add(t, l, ids(fmt.Sprint("a", round, "-"), 30)...)
		rs, stop := run(t, c, Options{Ledger: l, Dir: dir}, record(l))
		until(t, rs, func(s Progress) bool { return s.Lag == 0 })
		stop()
		old, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		add(t, l, ids(fmt.Sprint("b", round, "-"), 30)...)
		rs, stop = run(t, c, Options{Ledger: l, Dir: dir}, record(l))
		until(t, rs, func(s Progress) bool { return s.Lag == 0 })
		stop()
		// As if the last keeping of the position had not happened.
		if err := os.WriteFile(file, old, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rs, _ := run(t, c, Options{Ledger: l, Dir: dir}, record(l))
	until(t, rs, func(s Progress) bool { return s.Lag == 0 })
	if again := h.check(t, 181); again != 90 {
		t.Errorf("%d messages came again, want the 30 of each round", again)
	}
}

// failing is a publisher that fails when it is told to.
type failing struct{ fails func(*message.Message) error }

func (f failing) Publish(_ string, messages ...*message.Message) error { return f.fails(messages[0]) }
func (f failing) Close() error                                         { return nil }

// TestGoesOnWhereItFailed: within one life, what was taken is not sent again because a
// later one failed, or the position could not be kept.
func TestGoesOnWhereItFailed(t *testing.T) {
	l := newBook(t)
	add(t, l, ids("q", 9)...)
	var got []string
	tries := 0
	file := filepath.Join(t.TempDir(), "p")
	if err := os.MkdirAll(filepath.Join(file, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	rs := &Relays{o: Options{Ledger: l, Logger: slog.New(slog.DiscardHandler), FirstPause: 1, LongestPause: 1}}
	w := &out{relays: rs, relay: &relay{}, position: &position{file: file, ledger: l}, topic: func(string) string { return "" },
		to: failing{func(m *message.Message) error {
			if tries++; tries%3 == 0 {
				return errors.New("not now")
			}
			got = append(got, parse(t, m.Payload).LedgerPosition)
			return nil
		}}}
	msg := message.NewMessage("run", nil)
	msg.Metadata = message.Metadata{"from": "0", "to": "10"}
	if w.send(msg) == nil {
		t.Error("the position was kept where nothing can be")
	}
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	if err := w.send(msg); err != nil {
		t.Error(err)
	}
	if strings.Join(got, " ") != "0 1 2 3 4 5 6 7 8 9" || w.position.next != 10 {
		t.Errorf("went out: %v, position %d", got, w.position.next)
	}
}

// TestForeignPosition: a position that is not of this book stops the relay before it
// sends anything.
func TestForeignPosition(t *testing.T) {
	l, other := newBook(t), newBook(t)
	add(t, l, "q1", "q2")
	add(t, other, "q1", "x2", "x3", "x4")
	kept := func(l *ledger.Ledger, next int64) string {
		file := filepath.Join(t.TempDir(), "audit")
		if err := (&position{file: file, ledger: l}).save(next); err != nil {
			t.Fatal(err)
		}
		return file
	}
	broken := filepath.Join(t.TempDir(), "audit")
	if err := os.WriteFile(broken, []byte(`{"next": 1`), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(t.TempDir(), "audit")
	if err := os.WriteFile(newer, []byte(`{"format": 2, "next": 0}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"another record": kept(other, 2), "beyond the end": kept(other, 5), "broken": broken, "of a newer program": newer} {
		t.Run(name, func(t *testing.T) {
			h := newHook(t, secret, func(int) int { return http.StatusOK })
			rs, _ := run(t, Config{Webhook: []Webhook{{Name: "audit", URL: h.URL, SecretFile: secretFile(t, secret)}}}, Options{Ledger: l, Dir: filepath.Dir(file)}, record(l))
			until(t, rs, func(s Progress) bool { return s.Stopped && s.Error != "" })
			h.check(t, 0)
		})
	}
}

// TestFromNow: a new relay can leave out what is there already.
func TestFromNow(t *testing.T) {
	l := newBook(t)
	add(t, l, "q1", "q2")
	h := newHook(t, secret, func(int) int { return http.StatusOK })
	rs, _ := run(t, Config{Webhook: []Webhook{{Name: "audit", URL: h.URL, SecretFile: secretFile(t, secret), Outgoing: Outgoing{From: "now"}}}}, Options{Ledger: l, Dir: t.TempDir()}, record(l))
	until(t, rs, func(s Progress) bool { return s.Position == 3 })
	add(t, l, "q3")
	until(t, rs, func(s Progress) bool { return s.Position == 4 })
	if got, _ := h.positions(); !slices.Equal(got, []string{"3"}) {
		t.Errorf("went out: %v", got)
	}
}

// TestWithheldFields: what a relay is to withhold does not go out, and is named.
func TestWithheldFields(t *testing.T) {
	l := newBook(t)
	e, err := events.DecodeStructured([]byte(`{"specversion":"1.0","id":"c1","source":"urn:test","type":"access.call.recorded","time":"2026-01-07T09:00:00+08:00","actor":"SECRETactor","data":{"call":"c1","provider":"D01","consumer":"D03",
		"purpose":"p","entry":"DS02","method":"api","row_count":1,"result":"ok","credential":"SECRETkey","query":"SECRETquery"}}`))
	if err != nil {
		t.Fatal(err)
	}
	e.Principal = "test"
	rcs, err := l.Append(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := l.Get(t.Context(), rcs[0].Position)
	if err != nil {
		t.Fatal(err)
	}
	for withheld, o := range map[string]Outgoing{
		"":                       {Erasable: true},
		"query":                  {},
		"query,actor":            {Withhold: []string{"actor"}},
		"query,actor,credential": {Erasable: true, Withhold: []string{"actor", "credential", "query"}},
	} {
		text, err := encode(l.Origin(), entry, o)
		if err != nil {
			t.Fatal(err)
		}
		secrets := 3
		if withheld != "" {
			secrets -= 1 + strings.Count(withheld, ",")
		}
		if got := strings.Count(string(text), "SECRET"); got != secrets || withheld != "" && !strings.Contains(string(text), `"withheld":"`+withheld+`"`) {
			t.Errorf("%+v: %s", o, text)
		}
	}
	if err := (Outgoing{Withhold: []string{"provider"}}).check(); err == nil {
		t.Error("a field that nobody can be kept from is taken")
	}
}
