package api

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"

	"github.com/go-json-experiment/json"
)

// lineOf is a line of the answer to a stream: a receipt or a problem.
type lineOf struct {
	receipt
	Problem
}

func (l *lineOf) UnmarshalJSON(b []byte) error {
	if bytes.Contains(b, []byte(problemPrefix)) {
		return json.Unmarshal(b, &l.Problem)
	}
	return json.Unmarshal(b, &l.receipt)
}

func (f *fixture) stream(body string, headers ...string) []lineOf {
	f.t.Helper()
	r := f.do("POST", "/v1/events", body, append([]string{"Content-Type", "application/x-ndjson"}, headers...)...)
	if r.status != 200 || r.header.Get("Content-Type") != "application/x-ndjson" {
		f.t.Fatalf("%d %s", r.status, r.body)
	}
	var out []lineOf
	for b := range bytes.Lines(r.body) {
		var l lineOf
		reply{body: b}.into(f.t, &l)
		out = append(out, l)
	}
	return out
}

// TestStream: one answer a line, in order, going on after refusals of every
// kind; a repeat is named as one.
func TestStream(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.BodyBytes = 4 << 10 })
	body := strings.Join([]string{
		registered("D01"), "", `{"not":`, registered("D02"), registered("D01"), "   ",
		ce("x", "party.body.registered", `{"party":"D02","name":"x","kind":"department","region":"990000","level":"provincial"}`),
		`{"` + strings.Repeat("x", 5<<10) + `"}`, registered("D03"), oneLine(ce("e1", "catalog.entry.drafted", entryData("DS1", 1, "a"))),
		ce("p", "catalog.entry.published", `{"entry":"DS1","version":1,"by":"D01"}`), registered("D04"), // no newline at the end
	}, "\n")
	got := f.stream(body)
	want := []string{"1", "event.json", "2", "1 again", "party.registered-once", "line.too-large", "3", "4", "entry.submitted", "5"}
	for i, l := range got {
		said := fmt.Sprint(l.Position)
		if l.Repeated {
			said += " again"
		}
		if l.Rule != "" {
			said = l.Rule
			if l.Index == nil || *l.Index != i {
				t.Errorf("line %d: the problem is numbered %v", i, l.Index)
			}
		}
		if i >= len(want) || said != want[i] {
			t.Errorf("line %d: %s, want %v", i, said, want[i:min(i+1, len(want))])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines for %d events", len(got), len(want))
	}
}

// TestStreamKeepsOrder: many lines, more than a run holds, some of them bad,
// stand in the ledger as they were sent.
func TestStreamKeepsOrder(t *testing.T) {
	f := newFixture(t, nil)
	var body strings.Builder
	const n = 3000
	for i := range n {
		if i%97 == 5 {
			fmt.Fprintln(&body, registered("P4")) // there already: a repeat
		} else if i%311 == 8 {
			fmt.Fprintln(&body, "{}")
		} else {
			fmt.Fprintln(&body, registered(fmt.Sprint("P", i)))
		}
	}
	got := f.stream(gzipped(body.String()), "Content-Encoding", "gzip")
	if len(got) != n {
		t.Fatalf("%d answers for %d lines", len(got), n)
	}
	last := int64(0)
	for i, l := range got {
		switch {
		case i%97 == 5:
			if !l.Repeated || l.Position != got[4].Position {
				t.Fatalf("line %d: %+v", i, l)
			}
		case i%311 == 8:
			if l.Rule != "field.required" {
				t.Fatalf("line %d: %+v", i, l)
			}
		default:
			if l.Position != last+1 {
				t.Fatalf("line %d stands at %d after %d", i, l.Position, last)
			}
			last = l.Position
		}
	}
}

// TestStreamAnswersWhileOpen: a client that sends a line and waits gets its
// receipt before it sends the next.
func TestStreamAnswersWhileOpen(t *testing.T) {
	f := newFixture(t, nil)
	body, send := io.Pipe()
	r, err := http.NewRequest("POST", f.http.URL+"/v1/events", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	go fmt.Fprintln(send, registered("D01"))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for i := 1; i <= 3; i++ {
		if !lines.Scan() || !strings.Contains(lines.Text(), fmt.Sprintf(`"position":%d,`, i)) {
			t.Fatalf("line %d: %q, %v", i, lines.Text(), lines.Err())
		}
		if i < 3 {
			fmt.Fprintln(send, registered(fmt.Sprint("D", i, 1)))
		}
	}
	if err := send.Close(); err != nil {
		t.Fatal(err)
	}
	if lines.Scan() {
		t.Errorf("a line too many: %s", lines.Text())
	}
}

// TestIdleStreamsLeavePlaces: a stream that waits for its client holds no place among
// those who append, and a caller gets another while more are free than it has.
func TestIdleStreamsLeavePlaces(t *testing.T) {
	tokens, bearer := principals(t)
	f := newFixture(t, func(o *Options) {
		o.Dev, o.Tokens, o.Limits.ConcurrentWrites, o.Limits.StreamClients = false, tokens, 1, 3
	})
	open := func(who Role, line string) (answer string) {
		body, send := io.Pipe()
		t.Cleanup(func() { send.Close() })
		r, err := http.NewRequest("POST", f.http.URL+"/v1/events", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-ndjson")
		r.Header.Set("Authorization", "Bearer "+bearer[who])
		go fmt.Fprintln(send, line)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		lines := bufio.NewScanner(resp.Body)
		if !lines.Scan() {
			t.Fatal(lines.Err())
		}
		return lines.Text()
	}
	for i := range 2 {
		if got := open(RoleRegistrar, registered(fmt.Sprint("D0", i))); !strings.Contains(got, `"position"`) {
			t.Fatalf("stream %d: %s", i, got)
		}
	}
	if got := open(RoleRegistrar, registered("D03")); !strings.Contains(got, `"stream.clients"`) {
		t.Errorf("the third of three streams by the same caller: %s", got)
	}
	if r := f.do("POST", "/v1/events", registered("D04"), "Content-Type", "application/cloudevents+json", "Authorization", "Bearer "+bearer[RoleRegistrar]); r.status != http.StatusCreated {
		t.Errorf("beside idle streams: %d %s", r.status, r.body)
	}
	if got := open(RoleIngest, "{}"); strings.Contains(got, "stream.clients") {
		t.Errorf("the third of three streams, by another caller: %s", got)
	}
	if got := open(RoleProvider, "{}"); !strings.Contains(got, `"stream.clients"`) {
		t.Errorf("the fourth of three streams: %s", got)
	}
}

// TestIdleStreamsWantNoProcessor: a stream counts among the requests by which congestion is
// judged while its lines are appended, and not while it waits for its client.
func TestIdleStreamsWantNoProcessor(t *testing.T) {
	var f *fixture
	working := make(chan int64, 1)
	f = newFixture(t, func(o *Options) {
		o.Limits.ProcessorWait = time.Hour
		o.Append = func(ctx context.Context, batch ...events.Event) ([]ledger.Receipt, error) {
			working <- f.server.congestion.underWay.Load()
			return o.Ledger.Append(ctx, batch...)
		}
	})
	idle := func() {
		t.Helper()
		for f.server.congestion.underWay.Load() != 0 { // until it waits for the next line
			time.Sleep(time.Millisecond)
		}
	}
	body, send := io.Pipe()
	defer send.Close()
	r, err := http.NewRequest("POST", f.http.URL+"/v1/events", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	go fmt.Fprintln(send, registered("D01"))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for i := range 3 {
		if i > 0 {
			idle()
			fmt.Fprintln(send, registered(fmt.Sprint("D0", i+1)))
		}
		if !lines.Scan() || !strings.Contains(lines.Text(), `"position"`) {
			t.Fatalf("line %d: %s %v", i, lines.Text(), lines.Err())
		}
		if n := <-working; n != 1 {
			t.Errorf("line %d: %d requests are under way", i, n)
		}
	}
	send.Close()
	for lines.Scan() {
	}
	idle()
	if r := f.get("/v1/parties"); r.status != http.StatusOK {
		t.Fatal(r.status)
	}
	idle()
}

// TestStreamDrains: a server that stops ends an open stream between two commits
// and says what was not recorded.
func TestStreamDrains(t *testing.T) {
	f := newFixture(t, nil)
	body, send := io.Pipe()
	defer send.Close()
	r, err := http.NewRequest("POST", f.http.URL+"/v1/events", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	go fmt.Fprintln(send, registered("D01"))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() {
		t.Fatal(lines.Err())
	}
	if err := f.server.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || !strings.Contains(lines.Text(), `"rule":"server.stopping"`) || !strings.Contains(lines.Text(), `"index":1`) {
		t.Errorf("the end of the stream: %q, %v", lines.Text(), lines.Err())
	}
	if r := f.do("POST", "/v1/events", registered("D02"), "Content-Type", "application/x-ndjson"); r.status != 503 || r.header.Get("Retry-After") == "" {
		t.Errorf("a stream after the end: %d", r.status)
	}
}

// TestStreamsShareAConnection: a stream leaves nothing on its connection that
// would end the requests after it.
func TestStreamsShareAConnection(t *testing.T) {
	f := newFixture(t, nil)
	for i := range 2000 {
		if got := f.stream("0\n0"); len(got) != 2 || got[0].Rule != "event.json" || got[1].Rule != "event.json" {
			t.Fatalf("stream %d: %+v", i, got)
		}
		if i%500 == 0 { // an end that is no end
			if got := f.stream(gzipped("0\n0")[:20], "Content-Encoding", "gzip"); len(got) == 0 || got[len(got)-1].Rule != "body.encoding" {
				t.Fatalf("a stream cut short: %+v", got)
			}
		}
	}
}

// FuzzStream: whatever is sent, each line that is not blank gets one answer, and
// the ledger holds what was acknowledged.
func FuzzStream(f *testing.F) {
	f.Add([]byte(registered("D01") + "\n{}\n\n" + registered("D01")))
	f.Add([]byte("\n\n\r\n\x00"))
	f.Add([]byte{})
	f.Add([]byte(`[{"specversion":"1.0"}]` + "\n" + `"x"`))
	fx := newFixture(f, func(o *Options) { o.Limits.BodyBytes = 2 << 10 })
	f.Fuzz(func(t *testing.T, body []byte) {
		fx := *fx
		fx.t = t
		before := fx.ledger.Head().Size
		want := 0
		for line := range bytes.SplitSeq(body, []byte("\n")) {
			if len(bytes.TrimSpace(line)) > 0 {
				want++
			}
		}
		recorded := int64(0)
		got := fx.stream(string(body))
		for _, l := range got {
			if l.Rule == "" && !l.Repeated {
				recorded++
			}
		}
		if len(got) != want || fx.ledger.Head().Size-before != recorded {
			t.Errorf("%d answers for %d lines; %d receipts for %d records", len(got), want, recorded, fx.ledger.Head().Size-before)
		}
	})
}

// TestStreamLeavesNothingBehind: what a client sends of a stream after the server has
// given it up is not taken for another request, and does not make the server panic.
func TestStreamLeavesNothingBehind(t *testing.T) {
	f := newFixture(t, nil)
	srv := httptest.NewUnstartedServer(f.server)
	srv.Config.ErrorLog = log.New(panicWriter{t}, "", 0)
	srv.Start()
	defer srv.Close()
	head := "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"
	chunk := func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }
	second := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	whole := gzipped("{}\n")
	for _, c := range []struct {
		name, sent string
		answers    int
	}{
		{"read to its end", head + "\r\n" + chunk("{}\n") + "0\r\n\r\n" + second, 2},
		{"no such encoding within", head + "Content-Encoding: gzip\r\n\r\n" + chunk(whole) + chunk("no gzip at all") + chunk(strings.Repeat(second, 3000)) + "0\r\n\r\n" + second, 1},
		{"no chunk", head + "\r\n" + chunk("{}\n") + second + second, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(30 * time.Second))
			if _, err := io.WriteString(conn, c.sent); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			for i := range c.answers {
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatalf("answer %d: %v", i, err)
				}
				if b, err := io.ReadAll(res.Body); err != nil || len(b) == 0 {
					t.Fatalf("answer %d is not whole: %q, %v", i, b, err)
				}
			}
			if c.answers == 1 {
				if more, err := io.ReadAll(in); err != nil || len(more) > 0 {
					t.Errorf("there is more: %.200q, %v", more, err)
				}
			}
		})
	}
}
