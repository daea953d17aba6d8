package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ledgerline/ledger"
	"ledgerline/projections"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/go-json-experiment/json"
)

// fixture is a server over a ledger in memory.
type fixture struct {
	t      testing.TB
	server *Server
	ledger *ledger.Ledger
	views  *projections.Views
	http   *httptest.Server
}

// testNow is what the ledgers of the tests take for the time when they begin.
var testNow = time.Date(2026, 1, 8, 1, 30, 0, 0, time.UTC)

// testClock goes on by a millisecond whenever it is asked.
func testClock() func() time.Time {
	var mu sync.Mutex
	now := testNow
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Millisecond)
		return now
	}
}

func newFixture(t testing.TB, change func(*Options)) *fixture {
	t.Helper()
	f := newIdleFixture(t, change)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- f.views.Run(ctx) }()
	t.Cleanup(func() { // before the stores are closed
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("the views stopped: %v", err)
		}
	})
	return f
}

// newIdleFixture is a server whose views do not move.
func newIdleFixture(t testing.TB, change func(*Options)) *fixture {
	t.Helper()
	fs, clock := vfs.NewMem(), testClock()
	l, err := ledger.Create("book", ledger.Options{Origin: "ledger.example/test", FS: fs, Now: clock,
		Index: ledger.IndexOptions{Age: 1000 * time.Hour}}) // a slow machine must not add a record
	if err != nil {
		t.Fatal(err)
	}
	v, err := projections.Open("views", l, projections.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Ledger: l, Views: v, Dev: true, Now: clock, Limits: Limits{Wait: 5 * time.Second, ProcessorWait: -1}} // tests share the machine with others
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, server: s, ledger: l, views: v, http: httptest.NewServer(s)}
	t.Cleanup(func() {
		if err := s.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		f.http.Close()
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// problem reads the reply as a problem.
func (r reply) problem(t testing.TB) Problem {
	t.Helper()
	var p Problem
	if r.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("not a problem: %d %s: %.300s", r.status, r.header.Get("Content-Type"), r.body)
	}
	if err := json.Unmarshal(r.body, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// into reads the reply as JSON.
func (r reply) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("%v in %.300s", err, r.body)
	}
}

// do sends a request, and holds what comes back to the API description.
func (f *fixture) do(method, path, body string, headers ...string) reply {
	f.t.Helper()
	r, err := http.NewRequest(method, f.http.URL+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	out := reply{resp.StatusCode, resp.Header, b}
	if err := conforms(r, out); err != nil {
		f.t.Errorf("%s %s: the answer is not as described: %v\n%.600s", method, path, err, b)
	}
	if out.header.Get("X-Content-Type-Options") != "nosniff" || out.header.Get("Content-Security-Policy") == "" || out.header.Get("X-Request-Id") == "" {
		f.t.Errorf("%s %s: lacks the headers every answer has: %v", method, path, out.header)
	}
	return out
}

func (f *fixture) get(path string, headers ...string) reply {
	f.t.Helper()
	return f.do(http.MethodGet, path, "", headers...)
}

// post sends a structured event and wants it recorded.
func (f *fixture) post(event string, headers ...string) receipt {
	f.t.Helper()
	r := f.do(http.MethodPost, "/v1/events", event, append([]string{"Content-Type", "application/cloudevents+json"}, headers...)...)
	if r.status != http.StatusCreated {
		f.t.Fatalf("not recorded: %d %s", r.status, r.body)
	}
	var rc receipt
	r.into(f.t, &rc)
	return rc
}

// caughtUp waits until the views show all that is recorded.
func (f *fixture) caughtUp() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := f.views.Wait(ctx, f.ledger.Head().Size-1); err != nil {
		f.t.Fatalf("the views did not catch up: %v", err)
	}
}

type receipt struct {
	ID         string `json:"id"`
	Source     string `json:"source"`
	Position   int64  `json:"position"`
	Time       string `json:"time"`
	LeafHash   string `json:"leaf_hash"`
	Checkpoint string `json:"checkpoint"`
	Repeated   bool   `json:"repeated"`
}

var description = sync.OnceValues(func() (routers.Router, error) {
	b, err := openAPIDocument()
	if err != nil {
		return nil, err
	}
	var doc object
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	closeObjects(doc)
	if b, err = json.Marshal(doc); err != nil {
		return nil, err
	}
	loaded, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(loaded)
})

// closeObjects refuses members that are not described, which the description
// itself leaves open for the future.
func closeObjects(v any) {
	switch v := v.(type) {
	case object:
		if _, ok := v["properties"].(object); ok && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, inner := range v {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range v {
			closeObjects(inner)
		}
	}
}

// conforms holds a JSON answer to the API description.
func conforms(r *http.Request, got reply) error {
	media := got.header.Get("Content-Type")
	if r.Method == http.MethodHead || media != "application/json" && media != "application/problem+json" {
		return nil
	}
	router, err := description()
	if err != nil {
		return err
	}
	plain := r.Clone(context.Background())
	plain.URL.Scheme, plain.URL.Host, plain.Host = "", "", ""
	plain.URL.Path = strings.TrimSuffix(plain.URL.Path, "/")
	route, params, err := router.FindRoute(plain)
	if err != nil {
		if media == "application/problem+json" {
			return nil // a path that is not there
		}
		return fmt.Errorf("finding the route: %w", err)
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: plain, PathParams: params, Route: route},
		Status:                 got.status, Header: got.header,
	}
	if media == "application/problem+json" {
		input.Status = 599 // described as default, whatever its status
	}
	return openapi3filter.ValidateResponse(context.Background(), input.SetBodyBytes(bytes.Clone(got.body)))
}
