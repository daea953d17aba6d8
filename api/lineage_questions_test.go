package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"ledgerline/events"
)

// TestLineageInParts: a graph told in parts ends with a line that says what it
// speaks for; a node that is not known is a problem, not a part.
func TestLineageInParts(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	f.caughtUp()
	r := f.get("/v1/lineage?node=dataset:hive/pop.main&format=ndjson")
	if r.status != http.StatusOK || r.header.Get("Content-Type") != mediaTypeLines {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	lines := strings.Split(strings.TrimSpace(string(r.body)), "\n")
	nodes, edges, depth := 0, 0, 0
	for i, text := range lines {
		var line lineageLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if last := i == len(lines)-1; (line.Ledger != nil) != last || (line.Part == nil) != last || (last && !line.Ledger.Complete) {
			t.Errorf("line %d: %s", i, text)
			continue
		}
		if line.Part != nil {
			if line.Part.Depth < depth {
				t.Errorf("depth %d after %d", line.Part.Depth, depth)
			}
			nodes, edges, depth = nodes+len(line.Part.Nodes), edges+len(line.Part.Edges), line.Part.Depth
		}
	}
	var whole struct{ Nodes, Edges []struct{} }
	if err := json.Unmarshal(f.get("/v1/lineage?node=dataset:hive/pop.main").body, &whole, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	if nodes != len(whole.Nodes) || edges != len(whole.Edges) || nodes < 2 {
		t.Errorf("%d nodes and %d edges in parts, %d and %d in one", nodes, edges, len(whole.Nodes), len(whole.Edges))
	}
	if r := f.get("/v1/lineage?node=dataset:hive/nowhere&format=ndjson"); r.status != http.StatusNotFound {
		t.Errorf("an unknown node: %d %s", r.status, r.body)
	}
}

// TestLineageQuestions asks each question once over HTTP.
func TestLineageQuestions(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	f.caughtUp()
	for path, want := range map[string]string{
		"/v1/lineage/trace?node=dataset:hive/pop.main":                                                                      `"wrote":"dataset:hive/pop.main"`,
		"/v1/lineage/trace?node=dataset:hive/pop.main&on=2001-01-01T00:00:00Z":                                              `"steps":[]`,
		"/v1/lineage/differences?node=dataset:hive/pop.main":                                                                `"differences":[]`,
		"/v1/lineage/loose?kind=orphan":                                                                                     `"id":"dataset:postgres://pop:5432/hj.death"`,
		"/v1/lineage/loose?kind=dead_end":                                                                                   `"id":"dataset:hive/pop.main"`,
		"/v1/lineage?node=dataset:hive/pop.main&view=declared&valid_at=2026-03-01T00:00:00Z":                                `"edges":[]`,
		"/v1/lineage?node=dataset:hive/pop.main&valid_at=2026-03-01T00:00:00Z":                                              `"kind":"reads"`,
		"/v1/lineage?node=dataset:hive/pop.main&valid_at=2025-03-01T00:00:00Z":                                              `"edges":[]`,
		"/v1/lineage/path?from=dataset:postgres://pop:5432/hj.death&to=dataset:hive/pop.main&valid_at=2026-03-01T00:00:00Z": `"shortest":1`,
		"/v1/lineage/path?from=dataset:postgres://pop:5432/hj.death&to=dataset:hive/pop.main&valid_at=2025-03-01T00:00:00Z": `"shortest":0`,
		"/v1/lineage/diff?node=dataset:hive/pop.main&from=15&to=15&valid_from=2025-03-01T00:00:00Z":                         `"change":"added"`,
	} {
		if r := f.get(path); r.status != http.StatusOK || !strings.Contains(string(r.body), want) {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	for _, path := range []string{"/v1/lineage/trace?node=job:etl/x", "/v1/lineage/loose?kind=odd", "/v1/lineage?node=job:etl/merge&graph=control&valid_at=2026-03-01T00:00:00Z", "/v1/lineage/differences?node=dataset:hive/pop.main&namespace=hive"} {
		if r := f.get(path); r.status/100 != 4 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

// TestDifferencesAreRecorded: a run that read other columns than its job declares is
// a finding; it is recorded once, and then the answer names the record.
func TestDifferencesAreRecorded(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	declared := strings.NewReplacer(`"eventType":"COMPLETE",`, "", `"run":{"runId":"`+runID+`"},`, "", `"swrq"`, `"csrq"`, "2026-01-07T", "2026-01-06T", "/RunEvent", "/JobEvent")
	if r := f.do("POST", "/api/v1/lineage", declared.Replace(runEvent("COMPLETE"))); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	f.caughtUp()
	const path = "/v1/lineage/differences"
	type found struct {
		Runs []struct {
			Run                string
			Undeclared, Unseen []events.ColumnRef
			Recorded           []int64
		} `json:"runs"`
		Receipts []receipt `json:"receipts"`
	}
	asked := func(method string, status int) (got found) {
		t.Helper()
		r := f.get(path + "?node=run:" + runID)
		if method == "POST" {
			r = f.do(method, path, `{"node":"run:`+runID+`"}`, "Content-Type", "application/json")
			f.caughtUp()
		}
		if r.status != status {
			t.Fatalf("%s: %d %s", method, r.status, r.body)
		}
		if err := json.Unmarshal(r.body, &got, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		return got
	}
	column := func(field string) []events.ColumnRef {
		return []events.ColumnRef{{Namespace: "postgres://pop:5432", Name: "hj.death", Field: field}}
	}
	before := asked("GET", http.StatusOK)
	if len(before.Runs) != 1 || before.Runs[0].Run != runID || len(before.Runs[0].Recorded) != 0 ||
		!slices.Equal(before.Runs[0].Undeclared, column("swrq")) || !slices.Equal(before.Runs[0].Unseen, column("csrq")) {
		t.Fatalf("%+v", before)
	}
	first := asked("POST", http.StatusCreated)
	again := asked("POST", http.StatusOK)
	if len(first.Receipts) != 1 || len(again.Receipts) != 1 || first.Receipts[0] != again.Receipts[0] {
		t.Fatalf("%+v, then %+v", first.Receipts, again.Receipts)
	}
	position := first.Receipts[0].Position
	everywhere := f.get(path)
	if page := f.get("/lineage/differences?lang=zh-CN"); !strings.Contains(string(everywhere.body), `"run":"`+runID+`"`) ||
		!strings.Contains(string(page.body), "<code>csrq → ") || !strings.Contains(string(page.body), "<code>swrq → ") || !strings.Contains(string(page.body), runID) {
		t.Errorf("without a node: %s\n%s", everywhere.body, page.body)
	}
	if r := f.get("/findings?lang=en"); !strings.Contains(string(r.body), `href="/lineage/differences?lang=en"`) {
		t.Errorf("the quality issues do not lead to them: %s", r.body)
	}
	if first := f.get(path + "?limit=1"); first.header.Get("Link") == "" || strings.Contains(string(first.body), `"complete":true`) {
		t.Errorf("a part: %v %s", first.header, first.body)
	}
	if after := asked("GET", http.StatusOK); len(after.Runs) != 1 || !slices.Equal(after.Runs[0].Recorded, []int64{position}) {
		t.Errorf("%+v, recorded at %d", after, position)
	}
	if r := f.get("/v1/events?dataset=postgres://pop:5432/hj.death&type=lineage.observed_difference"); !strings.Contains(string(r.body), fmt.Sprintf(`"position":%d`, position)) {
		t.Errorf("the timeline of the dataset does not tell it: %s", r.body)
	}
	for body, status := range map[string]int{`{"node":"dataset:hive/nowhere"}`: 404, `{"node":"column:hive/pop.main#died"}`: 400, `{}`: 400, `{"what":1}`: 400, ``: 400} {
		if r := f.do("POST", path, body, "Content-Type", "application/json"); r.status != status {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
}
