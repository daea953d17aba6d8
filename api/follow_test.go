package api

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"ledgerline/events"
)

// frames reads server-sent events until n came, and returns their ids.
func (f *fixture) frames(n int, path string, headers ...string) (ids []string, close func()) {
	f.t.Helper()
	r, err := http.NewRequest("GET", f.http.URL+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		f.t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for len(ids) < n && lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			if !lines.Scan() || !strings.HasPrefix(lines.Text(), `data: {"position":`+id+`,`) {
				f.t.Fatalf("after id %s: %q", id, lines.Text())
			}
			ids = append(ids, id)
		}
	}
	if err := lines.Err(); err != nil {
		f.t.Fatal(err)
	}
	return ids, func() { resp.Body.Close() }
}

// TestFollow: from a position, resumed after the last id, filtered, and live.
func TestFollow(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.Heartbeat = 20 * time.Millisecond })
	f.tell()
	for _, c := range []struct {
		path, last, want string
		n                int
	}{
		{"?from=0", "", "0 1 2 3", 4},
		{"?from=0", "4", "5 6 7", 3},
		{"?from=0&type=catalog.", "", "3 4 5", 3},
		{"?type=access.", "3", "11 12", 2},
	} {
		headers := []string{}
		if c.last != "" {
			headers = []string{"Last-Event-ID", c.last}
		}
		ids, done := f.frames(c.n, "/v1/events/stream"+c.path, headers...)
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s after %q: %s, want %s", c.path, c.last, got, c.want)
		}
		done()
	}
	next := f.ledger.Head().Size
	resp, err := http.Get(f.http.URL + "/v1/events/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	beat := false
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), ":") && !beat { // it lives; now something happens
			beat = true
			f.post(registered("D77"))
		}
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			if id != fmt.Sprint(next) || !beat {
				t.Errorf("got %s, want %d after a heartbeat", id, next)
			}
			break
		}
	}
	// The server ends the stream when it drains.
	if err := f.server.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream did not end well: %v", err)
	}
	if r := f.get("/v1/events/stream"); r.status != http.StatusServiceUnavailable {
		t.Errorf("following a server that stops: %d", r.status)
	}
}

// TestFollowersBounded: one more than allowed is told to come later.
func TestFollowersBounded(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.StreamClients = 1 })
	_, done := f.frames(1, "/v1/events/stream?from=0")
	defer done()
	if p := f.get("/v1/events/stream").problem(t); p.Rule != "stream.clients" {
		t.Errorf("%+v", p)
	}
}

// TestFollowerDropped: a client that does not read is dropped, and holds up
// nobody.
func TestFollowerDropped(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.Timeout = 100 * time.Millisecond })
	conn, err := net.Dial("tcp", f.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "GET /v1/events/stream?from=0 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if first, err := bufio.NewReaderSize(conn, 16).ReadString('\n'); err != nil || !strings.Contains(first, "200") {
		t.Fatalf("%q, %v", first, err)
	}
	long := strings.Repeat("长", 1300)
	for i := 0; f.server.followers.open() > 0; i++ { // until more is sent than the buffers between hold
		batch := make([]events.Event, 100)
		for j := range batch {
			if batch[j], err = events.DecodeStructured([]byte(strings.ReplaceAll(registered(fmt.Sprint("P", i, "-", j)), "部门", long))); err != nil {
				t.Fatal(err)
			}
			batch[j].Principal = "test"
		}
		if _, err := f.ledger.Append(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
		if i > 300 {
			t.Fatal("a client that does not read is still followed")
		}
	}
}
