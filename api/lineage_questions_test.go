package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
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
	for _, path := range []string{"/v1/lineage/trace?node=job:etl/x", "/v1/lineage/loose?kind=odd", "/v1/lineage?node=job:etl/merge&graph=control&valid_at=2026-03-01T00:00:00Z", "/v1/lineage/differences"} {
		if r := f.get(path); r.status/100 != 4 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}
