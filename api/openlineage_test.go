package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ledgerline/events"
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
		{"/api/v1/lineage", runEvent("START") + " ", nil, 201}, // other bytes, another event
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
		if same := rc.Position == first.Position && rc.ID == first.ID; same != (i < 4) {
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
