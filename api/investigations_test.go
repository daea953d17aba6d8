package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"ledgerline/projections"
)

func asked(path string, params ...string) string {
	v := url.Values{}
	for i := 0; i < len(params); i += 2 {
		v.Set(params[i], params[i+1])
	}
	return path + "?" + v.Encode()
}

// TestInvestigations: who can be asked about, from where to where, with what
// effect and to whom; each answer says what it speaks for.
func TestInvestigations(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	const register, merged = "dataset:postgres://pop:5432/hj.death", "dataset:hive/pop.main"
	for _, c := range []struct{ path, says string }{
		{asked("/v1/lineage/path", "from", register, "to", merged), `"shortest":1`},
		{asked("/v1/lineage/path", "from", "entry:DS02", "to", merged), `"nodes":["entry:DS02","` + register + `","` + merged + `"]`},
		{asked("/v1/lineage/path", "from", "column:postgres://pop:5432/hj.death#swrq", "to", "column:hive/pop.main#died"), `"kind":"derives"`},
		{asked("/v1/lineage/path", "from", merged, "to", register), `"paths":[]`},
		{asked("/v1/lineage/impact", "node", register), `"agreement":"A02"`},
		{asked("/v1/lineage/impact", "node", "column:postgres://pop:5432/hj.death#swrq"), `"items":["swrq"]`},
		{asked("/v1/lineage/impact", "node", merged), `"entries":[]`},
		{asked("/v1/lineage/diff", "node", merged, "from", "13", "to", "15"), `"change":"added"`},
		{asked("/v1/lineage/diff", "node", merged, "from", "14", "to", "15"), `"nodes":[],"edges":[]`},
		{asked("/v1/exposure", "node", register), `"consumer":"D03"`},
		{asked("/v1/exposure", "node", register, "to", "2026-01-01T00:00:00Z"), `"exposed":[]`},
		{asked("/v1/lineage", "node", merged, "view", "observed", "from", "2026-01-07T00:00:00Z", "to", "2026-01-08T00:00:00Z"), `"run":"` + runID},
		{asked("/v1/lineage", "node", merged, "view", "observed", "from", "2026-01-08T00:00:00Z"), `"edges":[]`},
		{asked("/v1/lineage", "node", merged, "view", "declared"), `"edges":[]`},
		{asked("/v1/lineage", "node", merged, "view", "run", "run", runID), `hj.death`},
		{asked("/v1/lineage", "node", "job:etl/merge", "graph", "hierarchy"), `"edges":[]`},
	} {
		r := f.get(c.path)
		if r.status != 200 || !strings.Contains(string(r.body), c.says) {
			t.Errorf("%s: %d, no %s in %s", c.path, r.status, c.says, r.body)
		} else if st := standingOf(t, r); st.Time == 0 || !st.Complete {
			t.Errorf("%s speaks for %+v", c.path, st)
		}
	}
	for _, c := range []struct {
		path   string
		status int
		rule   string
	}{
		{asked("/v1/lineage/path", "from", register, "to", "dataset:hive/pop.mian"), 404, "node.unknown"},
		{asked("/v1/lineage/path", "from", register), 400, "query.required"},
		{asked("/v1/lineage/impact", "node", "nothing"), 404, "node.unknown"},
		{asked("/v1/lineage/impact", "node", merged, "as_of", "9"), 404, "node.unknown"},
		{asked("/v1/lineage/diff", "node", merged, "from", "11", "to", "10"), 400, "diff.order"},
		{asked("/v1/exposure", "node", register, "from", "yesterday"), 400, "query.value"},
		{asked("/v1/lineage", "node", merged, "view", "run"), 400, "query.contradiction"},
		{asked("/v1/lineage", "node", merged, "view", "run", "run", "none"), 404, "node.unknown"},
		{asked("/v1/lineage", "node", merged, "from", "2026-01-08T00:00:00Z"), 400, "query.contradiction"},
		{asked("/v1/lineage", "node", merged, "view", "declared", "graph", "control"), 400, "query.contradiction"},
	} {
		r := f.get(c.path)
		p := r.problem(t)
		if r.status != c.status || p.Rule != c.rule {
			t.Errorf("%s: %d %s", c.path, r.status, r.body)
		}
		if strings.Contains(c.path, "mian") && (p.Field != "to" || !strings.Contains(p.Fix, merged)) {
			t.Errorf("no help for a misspelt target: %+v", p)
		}
	}
	var paths struct{ projections.PathList }
	f.get(asked("/v1/lineage/path", "from", register, "to", merged)).into(t, &paths)
	if e := paths.Paths[0].Steps[0].Edges; len(e) != 2 || e[0].Kind != projections.EdgeReads || e[1].To != merged || len(e[1].Events) != 2 {
		t.Errorf("the step is shown by %+v", e)
	}
}

// TestCustomFacets: what no standard knows comes back byte for byte, dots, dashes
// and nesting included, and takes no part in the lineage.
func TestCustomFacets(t *testing.T) {
	f := newFixture(t, nil)
	body := strings.Replace(runEvent("COMPLETE"), `"run":{"runId":"`+runID+`"}`, `"run":{"runId":"`+runID+`","facets":{
		"spark.logicalPlan": {"_producer":"https://example.org/etl","_schemaURL":"https://example.org/plan.json","plan":[ {"node" : "Project", "n": 1.50} ]},
		"environment-properties": {"_producer":"https://example.org/etl","_schemaURL":"https://example.org/env.json","部门":"统计","inputs":[{"namespace":"not","name":"lineage"}]}}}`, 1)
	var rc receipt
	f.do("POST", "/api/v1/lineage", body).into(t, &rc)
	f.caughtUp()
	if raw := f.get(fmt.Sprintf("/v1/events/%d/facets/openlineage", rc.Position)); string(raw.body) != body {
		t.Errorf("the event came back as %s", raw.body)
	}
	if r := f.get(asked("/v1/lineage", "node", "job:etl/merge")); strings.Contains(string(r.body), "not/lineage") {
		t.Errorf("a custom facet became lineage: %s", r.body)
	}
}
