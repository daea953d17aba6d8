package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
)

// TestOpenLineage: as clients send it: once, again, gzipped, with a slash.
func TestOpenLineage(t *testing.T) {
	f := newFixture(t, nil)
	var first receipt
	for i, c := range []struct {
		path, body string
		headers    []string
		status     int
	}{
		{"/api/v1/lineage", runEvent("START"), []string{"Content-Type", "application/json"}, 201},
		{"/api/v1/lineage", runEvent("START"), []string{"Content-Type", "application/json"}, 200},
		{"/api/v1/lineage/", runEvent("START"), []string{"Content-Type", "application/json; charset=utf-8"}, 200},
		{"/api/v1/lineage", gzipped(runEvent("START")), []string{"Content-Encoding", "gzip"}, 200},
		{"/api/v1/lineage?tenant=a&tenant=b", runEvent("START"), []string{"X-Tenant", "a"}, 200}, // for a proxy, as clients can be set to send
		{"/api/v1/lineage", runEvent("START") + " ", nil, 201},                                   // other bytes, another event
	} {
		r := f.do("POST", c.path, c.body, c.headers...)
		if r.status != c.status {
			t.Fatalf("%d: %d %s", i, r.status, r.body)
		}
		var rc receipt
		r.into(t, &rc)
		if i == 0 {
			first = rc
		}
		if same := rc.Position == first.Position && rc.ID == first.ID; same != (i < 5) {
			t.Errorf("%d: receipt %+v", i, rc)
		}
	}
	if first.Source != "openlineage:dev" {
		t.Errorf("source %q", first.Source)
	}
	raw := f.get(fmt.Sprintf("/v1/events/%d/facets/openlineage", first.Position))
	if string(raw.body) != runEvent("START") || raw.header.Get("Content-Disposition") != "attachment" {
		t.Errorf("the raw body came back as %d bytes, %v", len(raw.body), raw.header)
	}
	e, err := f.ledger.Get(t.Context(), first.Position)
	if err != nil {
		t.Fatal(err)
	}
	if facts, ok := e.Event.Data.(*events.OpenLineageReceived); !ok || facts.Digest != first.ID || facts.Run != runID {
		t.Errorf("the facts are %+v", e.Event.Data)
	}
}

// TestOpenLineageLarge: bodies of over 20 MB occur, and compress well.
func TestOpenLineageLarge(t *testing.T) {
	f := newFixture(t, nil)
	plan := strings.Repeat("SELECT a FROM b JOIN c ON d; ", 23<<20/29)
	large := strings.Replace(runEvent("COMPLETE"), `"namespace":"etl","name":"merge"`, `"namespace":"etl","name":"merge","facets":{"sql":{"_producer":"https://example.org/etl","_schemaURL":"https://openlineage.io/spec/facets/1-1-0/SQLJobFacet.json","query":"`+plan+`"}}`, 1)
	if len(large) < 23_000_000 {
		t.Fatalf("not large: %d bytes", len(large))
	}
	if r := f.do("POST", "/api/v1/lineage", gzipped(large), "Content-Encoding", "gzip"); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := f.do("POST", "/api/v1/lineage", large); r.status != http.StatusOK {
		t.Errorf("the same, plain: %d %s", r.status, r.body)
	}
	if r := f.get("/v1/events/1/facets/openlineage"); len(r.body) != len(large) {
		t.Errorf("came back as %d bytes of %d", len(r.body), len(large))
	}
}

// TestOpenLineageTooLarge: beyond the limit a client is told the limit, with a status
// on which it does not try again.
func TestOpenLineageTooLarge(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.BodyBytes = 1 << 20 })
	long := strings.Replace(runEvent("START"), `"name":"merge"`, `"name":"`+strings.Repeat("n", 1<<20)+`"`, 1)
	for how, r := range map[string]reply{
		"plain": f.do("POST", "/api/v1/lineage", long), "packed": f.do("POST", "/api/v1/lineage/", gzipped(long), "Content-Encoding", "gzip"),
	} {
		if p := r.problem(t); r.status != http.StatusRequestEntityTooLarge || p.Rule != "body.too-large" || !strings.Contains(p.Detail, "1048576") {
			t.Errorf("%s: %d %s", how, r.status, r.body)
		}
	}
}

// TestOpenLineageAnswersInTime: an event that is not durable in time is answered with
// 503 before clients give up, and when it is sent again it gets the receipt of the
// record that it became.
func TestOpenLineageAnswersInTime(t *testing.T) {
	release := make(chan struct{})
	slow := true
	f := newFixture(t, func(o *Options) {
		o.Limits.SenderWait = time.Millisecond
		o.Append = func(ctx context.Context, batch ...events.Event) ([]ledger.Receipt, error) {
			if !slow {
				ctx = context.WithoutCancel(ctx)
				return o.Ledger.Append(ctx, batch...)
			}
			<-ctx.Done()
			go func() { // it becomes durable after all
				defer close(release)
				if _, err := o.Ledger.Append(context.WithoutCancel(ctx), batch...); err != nil {
					t.Error(err)
				}
			}()
			return nil, fmt.Errorf("waiting: %w", ctx.Err())
		}
	})
	r := f.do("POST", "/api/v1/lineage", runEvent("START"))
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") != "1" || r.problem(t).Rule != "openlineage.slow" {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	<-release
	slow = false
	if r := f.do("POST", "/api/v1/lineage", runEvent("START")); r.status != http.StatusOK {
		t.Errorf("sent again: %d %s", r.status, r.body)
	}
}

// TestOpenLineageUnderLoad: whatever keeps a ledger from taking an event now, clients
// of OpenLineage are told so with the status on which they repeat.
func TestOpenLineageUnderLoad(t *testing.T) {
	tokens, bearer := principals(t)
	var fail error
	f := newFixture(t, func(o *Options) {
		o.Dev, o.Tokens, o.Limits.Rate, o.Limits.Burst, o.Limits.ConcurrentWrites = false, tokens, 1e-6, 3, 1
		o.Append = func(ctx context.Context, batch ...events.Event) ([]ledger.Receipt, error) { return nil, fail }
	})
	for rule, set := range map[string]func() (undo func()){
		"ledger.overloaded": func() func() { f.server.writes <- struct{}{}; return func() { <-f.server.writes } },
		"views.far-behind":  func() func() { fail = errViewsFarBehind; return func() {} },
		"openlineage.slow":  func() func() { fail = context.DeadlineExceeded; return func() {} },
	} {
		undo := set()
		r := f.do("POST", "/api/v1/lineage", runEvent("START"), "Authorization", "Bearer "+bearer[RoleOperator])
		if undo(); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || r.problem(t).Rule != rule {
			t.Errorf("%s: %d %v %s", rule, r.status, r.header, r.body)
		}
	}
	for path, status := range map[string]int{"/api/v1/lineage": 503, "/api/v1/lineage/batch/": 503, "/v1/events": 429} { // the three before were all
		r := f.do("POST", path, runEvent("START"), "Authorization", "Bearer "+bearer[RoleOperator])
		if r.status != status || r.header.Get("Retry-After") == "" || r.problem(t).Rule != "limit.rate" {
			t.Errorf("%s, too often: %d %v %s", path, r.status, r.header, r.body)
		}
	}
}

// TestOpenLineageBatch: each event on its own.
func TestOpenLineageBatch(t *testing.T) {
	f := newFixture(t, nil)
	r := f.do("POST", "/api/v1/lineage/batch", "["+runEvent("START")+`,{"eventTime":"x"},`+runEvent("COMPLETE")+","+runEvent("START")+"]", "Content-Type", "application/json")
	var got batchAnswerRead
	r.into(t, &got)
	if r.status != 200 || got.Status != "partial_success" || got.Summary != (batchSummary{4, 3, 1, 0, 1}) || len(got.Receipts) != 3 || got.FailedEvents[0].Index != 1 || got.FailedEvents[0].Retriable {
		t.Errorf("%d %s", r.status, r.body)
	}
	if n := f.ledger.Head().Size; n != 3 {
		t.Errorf("%d records, want genesis and two", n)
	}
	if r := f.do("POST", "/api/v1/lineage/batch/", "["+runEvent("START")+"]"); r.status != 200 || !strings.Contains(string(r.body), `"status":"success"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
}

type batchAnswerRead struct {
	Status       string        `json:"status"`
	Summary      batchSummary  `json:"summary"`
	FailedEvents []failedEvent `json:"failed_events"`
	Receipts     []receipt     `json:"receipts"`
}

// TestOpenLineageStrict: a strict server refuses what a lenient one records with
// its verdict.
func TestOpenLineageStrict(t *testing.T) {
	lax := strings.Replace(runEvent("START"), "2026-01-07T01:30:00Z", "2026-01-07T01:30:00", 1)
	if r := newFixture(t, nil).do("POST", "/api/v1/lineage", lax); r.status != 201 {
		t.Errorf("lenient: %d %s", r.status, r.body)
	}
	strict := newFixture(t, func(o *Options) { o.StrictOpenLineage = true })
	if r := strict.do("POST", "/api/v1/lineage", lax); r.status != 400 || r.problem(t).Field != "/eventTime" {
		t.Errorf("strict: %d %s", r.status, r.body)
	}
	if r := strict.do("POST", "/api/v1/lineage", runEvent("START")); r.status != 201 {
		t.Errorf("strict, of a good event: %d %s", r.status, r.body)
	}
}
