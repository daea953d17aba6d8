package api

import (
	"encoding/json"
	"strings"
	"testing"

	"ledgerline/projections"
)

// TestPagesMarkWhatIsImported: every page that shows something from before the ledger says
// so beside it, and lists can be narrowed to it or to the rest.
func TestPagesMarkWhatIsImported(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	old := func(id, typ, data string) int64 {
		return f.post(oneLine(ce(id, typ, data, "imported", "true"))).Position
	}
	old("o1", "share.agreement.activated", `{"agreement":"A00","provider":"D01","consumer":"D03","grants":[{"entry":"DS02","entry_version":1,"items":["gmsfhm"]}],"purposes":["audit"],"method":"api",
		"valid_from":"2020-01-01T00:00:00+08:00","valid_to":"2040-12-31T00:00:00+08:00","onward":"forbidden","legal_basis":[{"instrument":"cn809","article":"21"}]}`)
	call := `"provider":"D01","consumer":"D03","agreement":"A00","purpose":"audit","entry":"DS02","method":"api","columns":["swrq"],"row_count":7,"result":"ok"}`
	old("o2", "access.call.recorded", `{"call":"o2",`+call)
	old("o3", "quality.issue.reported", `{"issue":"Q00","by":"D03","entry":"DS02","items":["swrq"],"dimension":"GB36344:0302","symptom":"missing","severity":"major","description":"no date"}`)
	f.post(ce("o4", "access.call.recorded", `{"call":"o4",`+call)) // a native call, of what the agreement from before does not grant
	f.caughtUp()
	const mark = `<span class="mark">from before the ledger</span>`
	for page, times := range map[string]int{
		"/accesses": 2, "/sharing": 1, "/findings": 1, "/violations": 2, "/uses?consumer=D03": 2, "/investigate?node=entry:DS02": 2, "/entries/DS02": 3, "/events": 3, "/agreements/A00": 1,
	} {
		if got := strings.Count(string(f.get(page).body), mark); got < times {
			t.Errorf("%s marks %d things as from before the ledger, want %d at least", page, got, times)
		}
	}
	for path, want := range map[string]int{
		"/v1/violations?imported=true": 2, "/v1/violations?imported=false": -1, "/v1/accesses?imported=true": 1, "/v1/agreements?imported=true": 1,
		"/v1/catalog/entries?imported=true": 0, "/v1/duties?imported=true": 0, "/v1/events?imported=true": 3,
	} {
		var list map[string]json.RawMessage
		f.get(path).into(t, &list)
		var rows []struct {
			Imported bool `json:"imported"`
		}
		for _, name := range []string{"violations", "accesses", "agreements", "entries", "duties", "rows"} {
			if text, ok := list[name]; ok {
				if err := json.Unmarshal(text, &rows); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, r := range rows {
			if r.Imported == strings.HasSuffix(path, "false") {
				t.Errorf("%s lists what is imported: %v", path, r.Imported)
			}
		}
		if want >= 0 && len(rows) != want {
			t.Errorf("%s has %d rows, want %d", path, len(rows), want)
		}
	}
	// What they sum up is never of both.
	var exposure struct {
		Exposed []struct {
			Agreement string `json:"agreement"`
			Rows      int    `json:"rows"`
			Imported  bool   `json:"imported"`
		} `json:"exposed"`
	}
	f.get("/v1/exposure?node=entry:DS02").into(t, &exposure)
	sums := map[bool]int{}
	for _, e := range exposure.Exposed {
		if e.Agreement == "A00" {
			sums[e.Imported] += e.Rows
		}
	}
	if len(sums) != 2 || sums[true] != 7 || sums[false] != 7 {
		t.Errorf("rows by whether they are from before the ledger: %v", sums)
	}
}

// TestProvMarksWhatIsImported: in the terms of PROV, too.
func TestProvMarksWhatIsImported(t *testing.T) {
	text, err := json.Marshal(prov(projections.Graph{
		Nodes: []projections.Node{{ID: "run:r1", Kind: projections.NodeRun, Name: "r1"}, {ID: "entry:E1", Kind: projections.NodeEntry, Name: "E1"}},
		Edges: []projections.Edge{{From: "dataset:n/a", To: "job:n/j", Kind: projections.EdgeReads, Imported: true, ImportedRuns: 3, Runs: 4}},
	}, provFacts{
		runs: map[string]projections.Run{"r1": {ID: "r1", Imported: true}}, entries: map[string]projections.Entry{"E1": {ID: "E1", Provider: "P1", Imported: true}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), `"ledger:imported":true`); n != 3 || !strings.Contains(string(text), `"ledger:importedRuns":3`) {
		t.Errorf("%d marks: %s", n, text)
	}
}
