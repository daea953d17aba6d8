package api

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestRate: a principal that sends too much is told to wait, and nobody else is.
func TestRate(t *testing.T) {
	tokens, bearer := principals(t)
	var now atomic.Int64
	f := newFixture(t, func(o *Options) {
		o.Dev, o.Tokens, o.Limits.Rate, o.Limits.Burst = false, tokens, 2, 3
		o.Now = func() time.Time { return testNow.Add(time.Duration(now.Load())) }
	})
	get := func(who Role) reply { return f.get("/v1/status", "Authorization", "Bearer "+bearer[who]) }
	for i := range 3 {
		if r := get(RoleOperator); r.status != http.StatusOK {
			t.Fatalf("request %d: %d", i, r.status)
		}
	}
	r := get(RoleOperator)
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") != "1" || r.problem(t).Rule != "limit.rate" {
		t.Errorf("too many: %d %v %s", r.status, r.header, r.body)
	}
	if r := get(RoleAuditor); r.status != http.StatusOK {
		t.Errorf("another principal: %d", r.status)
	}
	for range 3 { // guessing tokens counts for the address
		f.get("/v1/status", "Authorization", "Bearer llt_guess")
	}
	if r := f.get("/v1/status", "Authorization", "Bearer llt_guess"); r.status != http.StatusTooManyRequests {
		t.Errorf("guesses go on: %d", r.status)
	}
	now.Add(int64(500 * time.Millisecond))
	if r := get(RoleOperator); r.status != http.StatusOK {
		t.Errorf("half a second later: %d", r.status)
	}
	if r := get(RoleOperator); r.status != http.StatusTooManyRequests {
		t.Errorf("one more: %d", r.status)
	}
}

// TestRatesAreBounded: counting whoever comes takes no more memory than is set aside.
func TestRatesAreBounded(t *testing.T) {
	r := newRates(Limits{Rate: 1, Burst: 2})
	now := testNow
	for i := range 3 * maxRates {
		if err := r.take(fmt.Sprint("from ", i), now); err != nil && i < maxRates {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if len(r.by) > maxRates {
		t.Errorf("%d are counted", len(r.by))
	}
	now = now.Add(time.Minute)
	if err := r.take("somebody new", now); err != nil || len(r.by) != 1 {
		t.Errorf("a minute later %d are counted: %v", len(r.by), err)
	}
}

// TestPlaces: however many callers take all streams that they get, somebody new finds one
// until the very last is taken, and what is given back is there for others.
func TestPlaces(t *testing.T) {
	request := func(who string) *http.Request {
		r := httptest.NewRequest("GET", "/", nil)
		return r.WithContext(context.WithValue(r.Context(), callKey{}, &call{caller: caller{Principal: Principal{Name: who}}}))
	}
	for _, most := range []int{1, 2, 3, 16, 255, 256, 1000} {
		p := newPlaces(most)
		var releases []func()
		for callers := 0; p.open() < most; callers++ {
			who, before := fmt.Sprint("caller ", callers), p.open()
			for {
				release, err := p.take(request(who))
				if err != nil {
					break
				}
				releases = append(releases, release)
			}
			if got, want := p.open()-before, (most-before+1)/2; got != want || got == 0 {
				t.Fatalf("%d streams, %d taken: another caller gets %d, want %d", most, before, got, want)
			}
		}
		if _, err := p.take(request("somebody")); err == nil {
			t.Errorf("one more than %d is let in", most)
		}
		for _, release := range releases {
			release()
		}
		if p.open() != 0 || len(p.by) != 0 {
			t.Errorf("%d streams are open, of %d callers, when all have ended", p.open(), len(p.by))
		}
	}
}

// TestBusyReads: while as many answers are worked out as may be, others are sent away at
// once, and signs of life are given all the same.
func TestBusyReads(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.ConcurrentReads = 2 })
	f.caughtUp()
	if err := f.views.Loaded(t.Context()); err != nil { // until then /readyz says otherwise
		t.Fatal(err)
	}
	for range 2 {
		f.server.reads <- struct{}{}
	}
	r := f.get("/v1/parties")
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") != "1" || r.problem(t).Rule != "server.busy" {
		t.Errorf("%d %v %s", r.status, r.header, r.body)
	}
	for _, path := range []string{"/healthz", "/log/checkpoint", "/readyz", "/v1/status", "/metrics", "/debug/pprof/heap"} {
		if r := f.get(path); r.status != http.StatusOK {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	f.post(registered("P1")) // who appends has places of its own
	<-f.server.reads
	if r := f.get("/v1/parties"); r.status != http.StatusOK {
		t.Errorf("with room: %d", r.status)
	}
}

// TestHeldBodies: many clients with large bodies that come slowly get no more of the
// memory than is set aside; the others are sent away, and all of it comes back.
func TestHeldBodies(t *testing.T) {
	const clients, size, most = 40, 1 << 20, 4 << 20
	f := newFixture(t, func(o *Options) { o.Limits.BodyBytes, o.Limits.HeldBytes = 2*size, most })
	var wg sync.WaitGroup
	var refused, took atomic.Int64
	answered := make(chan struct{}, clients)
	release := make(chan struct{})
	for i := range clients {
		wg.Go(func() {
			body, in := io.Pipe()
			go func() {
				text := ce(fmt.Sprint("big-", i), "party.body.registered", `{"party":"P`+fmt.Sprint(i)+`","name":"x","kind":"department","region":"990000","level":"provincial"}`)
				in.Write([]byte(text[:len(text)-1]))
				in.Write(bytes.Repeat([]byte(" "), size))
				<-release
				in.Write([]byte("}"))
				in.Close()
			}()
			req, err := http.NewRequest("POST", f.http.URL+"/v1/events", body)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/cloudevents+json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			switch {
			case res.StatusCode == http.StatusCreated:
				took.Add(1)
			case res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "":
				refused.Add(1)
				answered <- struct{}{}
			default:
				t.Errorf("%s", res.Status)
			}
		})
	}
	// Those for whom there is no room are told so while the others are still held.
	for range clients - most/size {
		select {
		case <-answered:
		case <-time.After(30 * time.Second):
			t.Fatalf("%d clients of %d were sent away, %d bytes are held", refused.Load(), clients, f.server.held.now.Load())
		}
	}
	if held := f.server.held.now.Load(); held > most {
		t.Errorf("%d bytes are held", held)
	}
	close(release)
	wg.Wait()
	if took.Load() == 0 || took.Load()+refused.Load() != clients {
		t.Errorf("%d were taken, %d refused", took.Load(), refused.Load())
	}
	if held := f.server.held.now.Load(); held != 0 {
		t.Errorf("%d bytes were not given back", held)
	}
}

// pipes is a listener whose connections have no buffers: what one side does not read
// the other cannot write.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial gives both ends of a new connection, ours first.
func (p *pipes) dial() (ours, theirs net.Conn) {
	ours, theirs = net.Pipe()
	p.conns <- theirs
	return ours, theirs
}

// TestSlowClients: who neither sends nor takes what was begun is cut off, whatever it is
// told, and learns why where it has not begun to get an answer.
func TestSlowClients(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.Timeout = 2 * time.Second }) // an answer leaves in less, on any machine
	srv := f.server.HTTPServer()
	srv.ReadHeaderTimeout = 2 * time.Second
	var mu sync.Mutex
	closed := map[net.Conn]chan struct{}{}
	of := func(conn net.Conn) chan struct{} {
		mu.Lock()
		defer mu.Unlock()
		if closed[conn] == nil {
			closed[conn] = make(chan struct{})
		}
		return closed[conn]
	}
	srv.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(of(conn))
		}
	}
	ln := &pipes{make(chan net.Conn), make(chan struct{})}
	go srv.Serve(ln)
	defer srv.Close()
	whole := f.get("/openapi.json").body
	post := func(path, header, body string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n" + header + "\r\n" + body
	}
	var all sync.WaitGroup
	for _, c := range []struct {
		name, sent, says string
		take             int // bytes of the answer before it takes no more; -1: it goes on to send, little by little
	}{
		{"headers", "GET /v1/status HTTP/1.1\r\nHost: x\r\n", "", 0},
		{"body", post("/api/v1/lineage", "Content-Type: application/json\r\n", "{"), "body.slow", 0},
		{"event", post("/v1/events", "Content-Type: application/cloudevents+json\r\n", "{"), "body.slow", 0},
		{"packed", post("/v1/events", "Content-Encoding: gzip\r\n", ""), "body.slow", 0},
		{"packed, begun", post("/v1/events", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", gzipped("{")[:12]), "body.slow", 0},
		{"line", post("/v1/events", "Content-Type: application/x-ndjson\r\n", "{"), "stream.idle", 0},
		{"a line, by and by", strings.Replace(post("/v1/events", "Content-Type: application/x-ndjson\r\n", "{"), ": 100", ": 1000000", 1), "stream.idle", -1},
		{"an event, by and by", strings.Replace(post("/v1/events", "Content-Type: application/json\r\n", "{"), ": 100", ": 1000000", 1), "body.slow", -1},
		{"refused: token", post("/v1/events", "Authorization: Bearer llt_guess\r\n", ""), " 401 ", 0},
		{"refused: origin", post("/v1/events", "Sec-Fetch-Site: cross-site\r\n", ""), " 403 ", 0},
		{"refused: path", post("/nowhere", "", ""), " 404 ", 0},
		{"refused: method", post("/healthz", "", ""), " 405 ", 0},
		{"answer", "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", "", 1},
	} {
		all.Go(func() {
			conn, theirs := ln.dial()
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(60 * time.Second))
			if _, err := io.WriteString(conn, c.sent); err != nil {
				t.Errorf("%s: %v", c.name, err)
				return
			}
			if c.take < 0 {
				all.Go(func() {
					for err := error(nil); err == nil; time.Sleep(20 * time.Millisecond) {
						_, err = io.WriteString(conn, " ")
					}
				})
			}
			if _, err := io.ReadFull(conn, make([]byte, max(c.take, 0))); err != nil {
				t.Errorf("%s: %v", c.name, err)
				return
			}
			if c.take > 0 {
				select {
				case <-of(theirs):
				case <-time.After(60 * time.Second):
					t.Errorf("%s: the connection stays", c.name)
					return
				}
			}
			b, err := io.ReadAll(conn)
			if err != nil {
				t.Errorf("%s: the connection stays: %v", c.name, err)
			}
			if !bytes.Contains(b, []byte(c.says)) || len(b) >= len(whole) {
				t.Errorf("%s: %d bytes: %.1200s", c.name, len(b), b)
			}
		})
	}
	all.Wait()
}

// TestBombs: headers, JSON and packed bodies that would unfold beyond all measure are
// refused for what they are.
func TestBombs(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.BodyBytes, o.Limits.HeaderBytes = 1<<20, 8<<10 })
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = f.server.HTTPServer()
	srv.Start()
	defer srv.Close()
	deep := strings.Repeat(`[`, 500_000)
	deepData := ce("x", "party.body.registered", `{"party":`+strings.Repeat(`{"a":`, 100_000)+`1`+strings.Repeat(`}`, 100_000)+`}`)
	for _, c := range []struct {
		name, path, media, encoding, body, header string
		status                                    int
	}{
		{"many headers", "/v1/status", "", "", "", strings.Repeat("X-A: b\r\n", 4000), 431},
		{"a long header", "/v1/status", "", "", "", "X-A: " + strings.Repeat("a", 64<<10) + "\r\n", 431},
		{"a long path", "/v1/events/" + strings.Repeat("9", 64<<10), "", "", "", "", 431},
		{"deep JSON", "/v1/events", "application/cloudevents+json", "", deep, "", 400},
		{"a deep batch", "/v1/events", "application/cloudevents-batch+json", "", deep, "", 400},
		{"deep data", "/v1/events", "application/cloudevents+json", "", deepData, "", 400},
		{"deep lineage", "/api/v1/lineage", "application/json", "", deep, "", 400},
		{"gzip", "/v1/events", "application/cloudevents+json", "gzip", gzipped(strings.Repeat(" ", 200<<20)), "", 413},
		{"gzip in lines", "/v1/events", "application/x-ndjson", "gzip", gzipped(strings.Repeat("\n", 400<<20)), "", 200},
		{"deep question", "/v1/evidence", "application/json", "", deep, "", 400},
	} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		method := "GET"
		head := c.header
		if c.media != "" {
			method = "POST"
			head += fmt.Sprintf("Content-Type: %s\r\nContent-Length: %d\r\n", c.media, len(c.body))
		}
		if c.encoding != "" {
			head += "Content-Encoding: " + c.encoding + "\r\n"
		}
		go io.WriteString(conn, method+" "+c.path+" HTTP/1.1\r\nHost: x\r\n"+head+"\r\n"+c.body) // it may be cut off
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		b, _ := io.ReadAll(res.Body) // what is cut off was answered
		if res.StatusCode != c.status || c.status == 200 && !bytes.Contains(b, []byte("too-large")) {
			t.Errorf("%s: %s %.300s", c.name, res.Status, b)
		}
		conn.Close()
	}
}
