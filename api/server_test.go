package api

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// buffer is a log that several goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestAccessLog: the access log names route, status, principal and request, and holds
// no body, no query and no token.
func TestAccessLog(t *testing.T) {
	var log buffer
	f := newFixture(t, func(o *Options) { o.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	f.post(registered("D01"), "X-Request-Id", "mine-1")
	f.get("/v1/events/1?x=hidden", "Authorization", "Bearer llt_secret")
	f.get("/v1/events?type=hidden")
	got := log.String()
	for _, must := range []string{`"request":"mine-1"`, `"route":"/v1/events"`, `"route":"/v1/events/{position}"`, `"status":201`, `"status":401`, `"principal":"dev"`} {
		if !strings.Contains(got, must) {
			t.Errorf("the log lacks %s: %s", must, got)
		}
	}
	for _, never := range []string{"hidden", "secret", "部门"} {
		if strings.Contains(got, never) {
			t.Errorf("the log holds %s: %s", never, got)
		}
	}
	if r := f.get("/healthz", "X-Request-Id", "a b\"c"); strings.Contains(r.header.Get("X-Request-Id"), " ") {
		t.Error("a request id of any text is taken over")
	}
}

// TestPanics: a handler that panics is a 500 that says nothing, and a log line
// that says all.
func TestPanics(t *testing.T) {
	var log buffer
	f := newFixture(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	h := withCall(f.server.observe(f.server.recoverPanics(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the inner reason") }))))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "inner reason") || !strings.Contains(w.Body.String(), `"rule":"internal"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "inner reason") {
		t.Errorf("the log does not say: %s", log.String())
	}
}

// TestProblemTable goes through the errors below this package.
func TestProblemTable(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		rule   string
		retry  bool
	}{
		{&events.Refusal{Rule: "a.b", Class: events.Malformed}, 400, "a.b", false},
		{&events.Refusal{Rule: "a.b", Class: events.Illegal}, 409, "a.b", false},
		{&events.Refusal{Rule: "a.b", Class: events.Stale}, 412, "a.b", false},
		{&events.Refusal{Rule: "a.b", Class: events.Conflict}, 409, "a.b", false},
		{&events.Refusal{Rule: "a.b", Class: events.TooLarge}, 413, "a.b", false},
		{&events.Refusal{Rule: "a.b", Class: events.Forbidden}, 403, "a.b", false},
		{fmt.Errorf("doing: %w", ledger.ErrOverloaded), 503, "ledger.overloaded", true},
		{ledger.ErrClosed, 503, "ledger.closing", true},
		{&ledger.ClockError{Bound: time.Hour}, 503, "ledger.clock", true},
		{&ledger.DamageError{What: "x", LastProvable: 7}, 500, "ledger.damaged", false},
		{&ledger.PositionError{Position: 9, Head: 7}, 404, "position.unknown", false},
		{&ledger.FutureError{}, 400, "time.future", false},
		{&projections.NotAppliedError{Position: 9, Applied: 7}, 503, "views.behind", true},
		{&projections.UnknownNodeError{Node: "x"}, 404, "node.unknown", false},
		{&projections.UnknownNodeError{Node: "x", Ambiguous: true, Near: []string{"y"}}, 400, "node.ambiguous", false},
		{&projections.CursorError{Cursor: "x"}, 400, "cursor.foreign", false},
		{&http.MaxBytesError{Limit: 3}, 413, "body.too-large", false},
		{errors.New("the inner reason"), 500, "internal", false},
	} {
		p := problemOf(c.err)
		if p.Status != c.status || p.Rule != c.rule || p.retryAfter > 0 != c.retry || strings.Contains(p.Detail, "inner") {
			t.Errorf("%v: %+v", c.err, p)
		}
		if d := new(ledger.DamageError); errors.As(c.err, &d) && (p.LastProvable == nil || *p.LastProvable != 7) {
			t.Errorf("damage does not name the last provable position: %+v", p)
		}
	}
}

// TestBusy: more writers than allowed are told to come again.
func TestBusy(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.ConcurrentWrites = 1 })
	release, err := f.server.writeSlot()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/events", "/api/v1/lineage", "/api/v1/lineage/batch"} {
		r := f.do("POST", path, "{}", "Content-Type", "application/json")
		if r.status != 503 || r.header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %v", path, r.status, r.header)
		}
	}
	release()
	f.post(registered("D01"))
}

// TestMetrics: what happened is counted.
func TestMetrics(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.CertificateExpires = func() time.Time { return time.Unix(1_767_862_800, 0) } })
	f.tell()
	f.do("POST", "/v1/events", registered("D01"), "Content-Type", "application/json")
	f.do("POST", "/v1/events", ce("x", "party.body.registered", `{}`), "Content-Type", "application/json")
	f.get("/v1/nothing")
	for i := range 20 { // whatever a client makes up
		f.do(fmt.Sprint("MADEUP", i), "/v1/status", "")
	}
	got := string(f.get("/metrics").body)
	for _, must := range []string{
		"ledgerline_appended_total 15", "ledgerline_repeated_total 1", `ledgerline_refusals_total{rule="field.required"} 1`, "ledgerline_durable_size 16",
		`ledgerline_http_requests_total{method="POST",route="/v1/events",status="201"} 13`, `ledgerline_http_requests_total{method="GET",route="none",status="404"} 1`, `ledgerline_http_requests_total{method="_OTHER",route="none",status="405"} 20`,
		`ledgerline_store_memory_bytes{store="book",what="cache"}`, `ledgerline_store_memory_bytes{store="views",what="memtables"}`,
		`ledgerline_view_lag_positions{view="`, `ledgerline_http_problems_total{rule="route.unknown"} 1`,
		"ledgerline_certificate_expiry_timestamp_seconds 1.7678628e+09",
	} {
		if !strings.Contains(got, must) {
			t.Errorf("the metrics lack %s", must)
		}
	}
}

// TestHead: HEAD is GET without the body.
func TestHead(t *testing.T) {
	f := newFixture(t, nil)
	for _, path := range []string{"/healthz", "/log/checkpoint", "/", "/v1/nothing"} {
		head, get := f.do("HEAD", path, ""), f.get(path)
		if head.status != get.status || len(head.body) != 0 || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
			t.Errorf("%s: %d %v, GET gives %d %v", path, head.status, head.header, get.status, get.header)
		}
	}
}
