package api

import (
	"fmt"
	"strings"
	"testing"
)

const called = `{"call":%q,"provider":"D01","consumer":"D03","agreement":"A02","purpose":"benefit_eligibility","entry":"DS02","entry_version":1,"method":"api","columns":["gmsfhm"],"row_count":1,"subject_count":1,"result":"ok","data_subject":"person-9f3a","query":"gmsfhm = 4711"}`

// TestErasures: content is erased by owner and by facet, under holds, and every
// answer about it says so.
func TestErasures(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	f.post(ce("p1", "access.call.recorded", fmt.Sprintf(called, "p1")))
	position := f.ledger.Head().Size - 1
	at := fmt.Sprint(position)
	for _, name := range []string{"data_subject", "query"} {
		if r := f.do("GET", "/v1/events/"+at+"/facets/"+name, ""); r.status != 200 {
			t.Fatalf("%s before: %d %s", name, r.status, r.body)
		}
	}
	const media = "application/json"
	post := func(path, body string, want int) reply {
		t.Helper()
		r := f.do("POST", path, body, "Content-Type", media)
		if r.status != want {
			t.Fatalf("POST %s %s: %d %s", path, body, r.status, r.body)
		}
		return r
	}

	post("/v1/holds", `{"hold":"case-12","owners":["person-9f3a"],"ground":"court order 12"}`, 201)
	var holds struct {
		Holds []struct {
			Hold   string   `json:"hold"`
			Owners []string `json:"owners"`
		} `json:"holds"`
	}
	f.do("GET", "/v1/holds", "").into(t, &holds)
	if len(holds.Holds) != 1 || holds.Holds[0].Hold != "case-12" || strings.Contains(fmt.Sprint(holds), "person") {
		t.Errorf("the holds are %+v", holds)
	}
	if p := post("/v1/erasures", `{"id":"e1","owner":"person-9f3a","ground":"PIPL:47"}`, 409).problem(t); p.Rule != "erasure.held" || !strings.Contains(p.Detail, "case-12") {
		t.Errorf("held: %+v", p)
	}
	post("/v1/holds/case-12/release", `{"ground":"settled"}`, 201)
	if p := post("/v1/holds/case-12/release", `{"ground":"settled"}`, 409).problem(t); p.Rule != "hold.in-force" {
		t.Errorf("released twice: %+v", p)
	}

	var done struct {
		Facets   int `json:"facets"`
		Receipts []struct {
			Position int64 `json:"position"`
		} `json:"receipts"`
	}
	post("/v1/erasures", `{"id":"e1","owner":"person-9f3a","ground":"PIPL:47","reason":"asked"}`, 201).into(t, &done)
	if done.Facets != 2 || len(done.Receipts) != 1 {
		t.Fatalf("erased: %+v", done)
	}
	by := done.Receipts[0].Position
	post("/v1/erasures", `{"id":"e1","owner":"person-9f3a","ground":"PIPL:47","reason":"asked"}`, 200).into(t, &done)
	if done.Receipts[0].Position != by {
		t.Errorf("erased again: %+v", done)
	}
	if p := f.do("GET", "/v1/events/"+at+"/facets/query", "").problem(t); p.Status != 410 || !strings.Contains(p.Detail, fmt.Sprint(by)) {
		t.Errorf("the facet: %+v", p)
	}
	var event struct {
		Facets []eventFacet `json:"facets"`
	}
	f.do("GET", "/v1/events/"+at, "").into(t, &event)
	for _, facet := range event.Facets {
		if !facet.Erased || facet.ErasedBy != by {
			t.Errorf("the event shows %+v", facet)
		}
	}
	var record recordJSON
	f.do("GET", "/v1/records/"+at, "").into(t, &record)
	for _, facet := range record.Facets {
		if facet.ErasedBy != by {
			t.Errorf("the record shows %+v", facet)
		}
	}
	f.caughtUp()
	if r := f.do("GET", "/events/"+at, ""); !strings.Contains(string(r.body), fmt.Sprintf("/events/%d", by)) {
		t.Error("the page does not lead to the erasure")
	}
	if p := post("/v1/erasures", `{"id":"e2","owner":"person-9f3a","ground":"x","colour":"red"}`, 400).problem(t); p.Rule != "body.json" || p.Field != "/colour" {
		t.Errorf("an unknown member: %+v", p)
	}
}
