package api

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var malformed = flag.Int("malformed", 3000, "how many malformed requests TestMalformedRequests sends")

// TestMalformedRequests sends requests that are wrong in their framing, headers,
// parameters or bodies, some of them bombs, while slow clients hold connections.
// Whatever they are, they are the client's fault: none is answered with a 5xx, and
// nothing comes of them. The exceptions are the two that HTTP asks for itself: 501 to
// a transfer coding that is not known (RFC 9112 §6.1) and 505 to a version of HTTP
// that is not. With -malformed 1000000 it is the long run of docs/reliability.md.
func TestMalformedRequests(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.ConcurrentReads, o.Limits.BodyBytes = 1024, 1<<20 })
	f.tell()
	f.caughtUp()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = f.server.HTTPServer()
	srv.Config.ErrorLog = log.New(panicWriter{t}, "", 0)
	srv.Start()
	defer srv.Close()
	size := f.ledger.Head().Size
	var sent, answered atomic.Int64
	var classes [6]atomic.Int64 // of the answers, by the first digit of their status
	ctx, cancel := context.WithCancel(t.Context())
	var slow, wg sync.WaitGroup
	for w := range 4 {
		slow.Go(func() { dribble(ctx, t, srv.Listener.Addr().String(), rand.New(rand.NewPCG(uint64(w), 8))) })
	}
	const workers = 4
	for w := range workers {
		wg.Go(func() {
			m := &mangler{r: rand.New(rand.NewPCG(uint64(w), 7)), table: routes()}
			var conn net.Conn
			var in *bufio.Reader
			for sent.Add(1) <= int64(*malformed) && !t.Failed() {
				if conn == nil {
					var err error
					if conn, err = net.Dial("tcp", srv.Listener.Addr().String()); err != nil {
						t.Error(err)
						return
					}
					in = bufio.NewReader(conn)
				}
				text := m.request()
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				status, ends, said := 0, true, []byte(nil)
				if _, err := io.WriteString(conn, text); err == nil {
					if half, ok := conn.(*net.TCPConn); ok && (m.cut || m.framing) {
						half.CloseWrite() // the request ends here
					}
					if res, err := http.ReadResponse(in, m.asked); err == nil {
						said, err = io.ReadAll(res.Body)
						status, ends = res.StatusCode, err != nil || res.Close
						res.Body.Close()
					}
				}
				if status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported {
					t.Errorf("answered with %d:\n%.2000s\n%.500s", status, text, said)
				}
				if status > 0 {
					answered.Add(1)
					classes[min(status/100, 5)].Add(1)
				}
				if ends || m.cut || m.framing {
					conn.Close()
					conn = nil
				}
			}
			if conn != nil {
				conn.Close()
			}
		})
	}
	wg.Wait()
	cancel()
	slow.Wait()
	if got := f.ledger.Head().Size; got != size {
		t.Errorf("%d records came of malformed requests", got-size)
	}
	if answered.Load() < int64(*malformed)/2 {
		t.Errorf("%d answers to %d requests: they were hardly understood as requests", answered.Load(), *malformed)
	}
	t.Logf("%d requests, %d answers: %d of 2xx, %d of 3xx, %d of 4xx, %d of 501 and 505", *malformed, answered.Load(), classes[2].Load(), classes[3].Load(), classes[4].Load(), classes[5].Load())
}

// panicWriter fails a test when an HTTP server logs that a request made it panic.
type panicWriter struct{ t *testing.T }

func (w panicWriter) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("panic")) {
		w.t.Errorf("%s", b)
	}
	return len(b), nil
}

// dribble is a client that sends a byte now and then, of requests that it never ends,
// until ctx does. If it is answered, it is its own fault as well.
func dribble(ctx context.Context, t *testing.T, addr string, r *rand.Rand) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Error(err)
			return
		}
		begun := []string{
			"GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: ",
			"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\nContent-Length: 99999\r\n\r\n{",
			"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
			"POST /v1/evidence HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 99999\r\n\r\n\x1f",
		}[r.IntN(4)]
		for i := 0; ctx.Err() == nil && i < 400; i++ { // 20 s: longer than headers may take
			next := "x"
			if i < len(begun) {
				next = begun[i : i+1]
			}
			if _, err := io.WriteString(conn, next); err != nil {
				break // it was cut off
			}
			<-tick.C
		}
		conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		said, _ := io.ReadAll(io.LimitReader(conn, 64)) // mostly there is none: it was not done
		if bytes.Contains(said, []byte("HTTP/1.1 5")) {
			t.Errorf("a slow client is answered %q", said)
		}
		conn.Close()
	}
}

// mangler makes requests out of the table of routes and breaks each in some way.
type mangler struct {
	r     *rand.Rand
	table []route
	// cut: the request ends in the middle; framing: who reads it may see several.
	cut, framing bool
	asked        *http.Request
}

func (m *mangler) pick(list ...string) string { return list[m.r.IntN(len(list))] }

// junk is text that means nothing in most places.
func (m *mangler) junk() string {
	return m.pick("", "x", "-1", "99999999999999999999", "%00", "%ff%fe", "%2e%2e%2f", "'%22", "2026-13-45", "NaN", "true", "%E4%BA%91", "entry:", "dataset:%23", "[]", "{}", strings.Repeat("9", 300), "+1", "0x10", "1e9", "%F0%9F%92%A9")
}

func (m *mangler) request() string {
	m.cut, m.framing = false, false
	rt := m.table[m.r.IntN(len(m.table))]
	for rt.path == "/v1/events/stream" || strings.HasPrefix(rt.path, "/debug/") { // they go on for as long as one asks
		rt = m.table[m.r.IntN(len(m.table))]
	}
	path := strings.NewReplacer("{position}", m.junk()+"x", "{id}", "x"+m.junk(), "{name}", "x"+m.junk(), "*", m.junk()).Replace(rt.path)
	var query []string
	for _, p := range paramsOf(rt.query) {
		if m.r.IntN(3) == 0 {
			query = append(query, p.name+"="+m.junk())
		}
	}
	query = append(query, m.junk()+"="+m.junk())
	m.asked = &http.Request{Method: rt.method}
	body, media := "", ""
	if rt.method == post {
		if len(rt.accepts) > 0 {
			media = rt.accepts[m.r.IntN(len(rt.accepts))].media
		}
		body = m.body(rt.example)
	}
	head := "Host: x\r\nContent-Type: " + media + "\r\n"
	if m.r.IntN(4) == 0 {
		head += m.pick("If-Match: nonsense\r\n", "Last-Event-ID: -3\r\n", "Content-Encoding: gzip\r\n", "Content-Encoding: br\r\n", "Authorization: Bearer llt_0_x\r\n", "Authorization: Basic eDp5\r\n",
			"Ce-Specversion: 2.0\r\n", "Ce-Id: %\r\n", "X-Request-Id: \x80\r\n", "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n", "Accept: \xff\r\n", "Range: bytes=9-1\r\n", "Expect: miracles\r\n", "Accept-Language: ;;;q=x\r\n")
	}
	if m.r.IntN(200) == 0 {
		return m.bomb(rt)
	}
	length := len(body)
	switch m.r.IntN(12) {
	case 0:
		m.cut = true
		length += 1 + m.r.IntN(50)
	case 1:
		m.framing = true
		head += m.pick("Content-Length: -1\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: cow\r\n", "Content-Length: 3\r\n", "Host: y\r\n", ": no name\r\n", "no colon\r\n")
	case 2:
		m.framing = true
		return m.pick("GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00", "get / HTTP/1.1\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET http:// HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + "\r\n\r\n"
	case 3:
		rt.method = m.pick("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "QUERY", "CONNECT", "X")
		m.asked.Method = rt.method
		m.framing = rt.method == "CONNECT"
	}
	return fmt.Sprintf("%s %s?%s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", rt.method, path, strings.Join(query, "&"), head, length, body)
}

// body breaks an example so that it cannot be what it was.
func (m *mangler) body(example string) string {
	b := []byte(example)
	if len(b) < 4 {
		return m.pick("", "[", `{"a":`, "\x00")
	}
	switch m.r.IntN(5) {
	case 0:
		return string(b[:m.r.IntN(len(b)-2)+1])
	case 1:
		b[m.r.IntN(len(b))] = 0xff // not UTF-8
		return string(b)
	case 2:
		return string(b) + m.pick("}", "]", ",", "x")
	case 3:
		return m.pick("null", "[]", "{}", "1", `""`, `[[[]]]`, `{"specversion":1}`, `[{}]`, `{"eventType":[]}`, `{"events":{"positions":[-1]}}`, `{"events":{"positions":[1e99]}}`)
	default:
		return strings.Replace(string(b), ":", m.pick("::", " ", ":,", ":\x01"), 1+m.r.IntN(3))
	}
}

// bomb is a request that is small, or seems so, and wants to unfold beyond measure. The
// connection is of no use after it.
func (m *mangler) bomb(rt route) string {
	m.framing, m.asked = true, &http.Request{Method: rt.method}
	deep := strings.Repeat(m.pick("[", `{"a":`, `[{"a":`), 20_000+m.r.IntN(50_000))
	head, body := "", ""
	switch m.r.IntN(5) {
	case 0:
		head = strings.Repeat("X-A: b\r\n", 3000+m.r.IntN(10_000))
	case 1:
		head = "X-A: " + strings.Repeat("a", 60_000+m.r.IntN(60_000)) + "\r\n"
	case 2:
		return rt.method + " /" + strings.Repeat(m.pick("a", "/", "%2f", "?a=b&"), 30_000) + " HTTP/1.1\r\nHost: x\r\n\r\n"
	case 3:
		head, body = "Content-Encoding: gzip\r\n", packedBombs[m.r.IntN(len(packedBombs))]
	default:
		body = deep
	}
	if rt.method == post && len(rt.accepts) > 0 {
		head += "Content-Type: " + rt.accepts[m.r.IntN(len(rt.accepts))].media + "\r\n"
	}
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", rt.method, strings.NewReplacer("{position}", "0", "{id}", "x", "{name}", "x", "*", "0/0").Replace(rt.path), head, len(body), body)
}

// packedBombs are bodies that unfold a thousandfold: to what no event is, or to more of
// it than a body may be.
var packedBombs = []string{
	gzipped(strings.Repeat(" ", 4<<20)), gzipped(strings.Repeat("[", 900_000)), gzipped(strings.Repeat("\n", 8<<20)),
	gzipped(`{"specversion":"1.0","id":"` + strings.Repeat("a", 4<<20) + `"}`), gzipped(strings.Repeat(" ", 1<<20))[:300],
}
