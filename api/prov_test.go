package api

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"ledgerline/projections"
)

// provRelations are the members of a PROV-JSON document that hold relations, with
// the attributes their ends have and what these must name: the rules of the
// schema of the W3C submission, for those relations that we write.
var provRelations = map[string][2][2]string{
	"used":             {{"prov:activity", "activity"}, {"prov:entity", "entity"}},
	"wasGeneratedBy":   {{"prov:activity", "activity"}, {"prov:entity", "entity"}},
	"wasDerivedFrom":   {{"prov:generatedEntity", "entity"}, {"prov:usedEntity", "entity"}},
	"wasAttributedTo":  {{"prov:entity", "entity"}, {"prov:agent", "agent"}},
	"wasInformedBy":    {{"prov:informed", "activity"}, {"prov:informant", "activity"}},
	"wasStartedBy":     {{"prov:activity", "activity"}, {"prov:starter", "activity"}},
	"wasInfluencedBy":  {{"prov:influencee", "activity"}, {"prov:influencer", "activity"}},
	"specializationOf": {{"prov:specificEntity", "entity"}, {"prov:generalEntity", "entity"}},
	"alternateOf":      {{"prov:alternate1", "entity"}, {"prov:alternate2", "entity"}},
	"hadMember":        {{"prov:collection", "entity"}, {"prov:entity", "entity"}},
}

var (
	provQName = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*):((?:[A-Za-z0-9_./-]|%[0-9A-F]{2})+)$`)
	provBlank = regexp.MustCompile(`^_:[A-Za-z0-9]+$`)
)

// checkProv holds a document to the rules of PROV-JSON.
func checkProv(t *testing.T, doc object) {
	t.Helper()
	prefix := doc["prefix"].(object)
	qualified := func(name any) string {
		s, _ := name.(string)
		m := provQName.FindStringSubmatch(s)
		if m == nil || (prefix[m[1]] == nil && m[1] != "prov" && m[1] != "xsd") {
			t.Errorf("%v is not a qualified name", name)
		}
		return s
	}
	for member, value := range doc {
		if member == "prefix" {
			continue
		}
		ends, relation := provRelations[member]
		if !relation && member != "entity" && member != "activity" && member != "agent" {
			t.Errorf("member %s", member)
		}
		for id, r := range value.(object) {
			attributes := r.(object)
			if relation && !provBlank.MatchString(id) {
				t.Errorf("%s is called %q", member, id)
			}
			if !relation {
				qualified(id)
			}
			for _, end := range ends {
				if end[0] == "" {
					continue
				}
				if kind, _ := doc[end[1]].(object); kind[qualified(attributes[end[0]])] == nil {
					t.Errorf("%s %s: %s names no %s: %v", member, id, end[0], end[1], attributes[end[0]])
				}
			}
			for name, v := range attributes {
				qualified(name)
				checkProvValue(t, name, v, qualified)
			}
		}
	}
}

func checkProvValue(t *testing.T, name string, v any, qualified func(any) string) {
	t.Helper()
	switch v := v.(type) {
	case string:
		if strings.HasSuffix(name, "Time") {
			if _, err := time.Parse(time.RFC3339, v); err != nil {
				t.Error(err)
			}
		}
	case float64, bool:
	case []any:
		for _, one := range v {
			checkProvValue(t, name, one, qualified)
		}
	case object:
		qualified(v["type"])
		if v["type"] == "prov:QUALIFIED_NAME" {
			qualified(v["$"])
		}
		if len(v) != 2 {
			t.Errorf("%s: %v", name, v)
		}
	default:
		t.Errorf("%s is %T", name, v)
	}
}

// TestLineageProv asks for the terms of PROV over HTTP.
func TestLineageProv(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	for node, want := range map[string][]string{
		"dataset:hive/pop.main": {"used", "wasGeneratedBy"},
		"run:" + runID:          {"used", "wasGeneratedBy", "wasInfluencedBy"},
		"entry:DS02":            {"specializationOf", "wasAttributedTo"},
	} {
		var doc object
		f.get("/v1/lineage?format=prov&columns=false&node="+url.QueryEscape(node)).into(t, &doc)
		checkProv(t, doc)
		for _, relation := range want {
			if doc[relation] == nil {
				t.Errorf("%s: no %s in %v", node, relation, doc)
			}
		}
		answer := doc["entity"].(object)["ledger:answer"].(object)
		if answer["ledger:position"].(float64) < 1 || !strings.Contains(answer["ledger:checkpoint"].(string), "ledger.example/test") || answer["ledger:complete"] != true {
			t.Errorf("%s: the answer does not say what it speaks for: %v", node, answer)
		}
	}
	var doc object
	f.get("/v1/lineage?format=prov&node=run:"+runID).into(t, &doc)
	run := doc["activity"].(object)["run:"+runID].(object)
	if run["prov:startTime"] != "2026-01-07T01:30:00Z" || run["ledger:state"] != "COMPLETE" {
		t.Errorf("%v", run)
	}
	f.get("/v1/lineage?format=prov&node=entry:DS02").into(t, &doc)
	if doc["agent"].(object)["agent:D01"].(object)["prov:label"] != "部门 D01" {
		t.Errorf("the provider is not an agent: %v", doc["agent"])
	}
}

// TestProvNames: each node has a name of its own, which can be read back.
func TestProvNames(t *testing.T) {
	seen := make(map[string]string)
	for _, node := range []string{
		"dataset:a/b", "dataset:a%2Fb", "dataset:a/b/", "dataset:/", "dataset:.", "column:s3://桶/表 一#列:1", "column:a/b#c", "job:a/b", `dataset:x"y\z`, "dataset:a/-", "run:" + runID,
	} {
		id := provID(node)
		if !provQName.MatchString(id) {
			t.Errorf("%s is called %s", node, id)
		}
		if back, err := url.PathUnescape(id); err != nil || back != node {
			t.Errorf("%s reads back as %s (%v)", id, back, err)
		}
		if seen[id] != "" {
			t.Errorf("%s and %s are both called %s", node, seen[id], id)
		}
		seen[id] = node
	}
}

// TestProvEdges: every kind of edge is said once, and columns without their
// datasets and jobs get both.
func TestProvEdges(t *testing.T) {
	g := smallGraph()
	g.Edges = append(g.Edges, projections.Edge{
		From: "column:warehouse/orders#amount", To: "column:lake/x#y", Kind: projections.EdgeDerives, Job: "job:etl/other", Transformations: []string{"DIRECT/IDENTITY"}, Masking: true, Runs: 1, Events: []int64{7},
	})
	for _, kind := range []string{projections.EdgeFeeds, projections.EdgeStarted, projections.EdgePrecedes} {
		g.Edges = append(g.Edges, projections.Edge{From: "job:etl/merge", To: "job:etl/merge", Kind: kind})
	}
	g.Nodes = append(g.Nodes, projections.Node{ID: "column:lake/x#y", Kind: projections.NodeColumn, Namespace: "lake", Name: "x", Field: "y"})
	d := prov(g, provFacts{origin: "o", standing: Standing{LimitsHit: []string{"depth"}}})
	if len(d.Used) != 2 || len(d.WasGeneratedBy) != 2 || len(d.WasDerivedFrom) != 1 || len(d.AlternateOf) != 1 || len(d.SpecializationOf) != 1 || len(d.WasInfluencedBy) != 3 || len(d.WasInformedBy) != 1 || len(d.WasStartedBy) != 1 || len(d.HadMember) != 2 {
		t.Errorf("%+v", d)
	}
	derivation := d.WasDerivedFrom["_:derivation1"]
	if derivation["prov:activity"] != "job:etl/other" || derivation["ledger:masking"] != true || d.Activity["job:etl/other"] == nil || d.Entity["dataset:lake/x"] == nil {
		t.Errorf("%v", derivation)
	}
}

// TestLineageOpenLineage: the events behind a graph come back as they were sent,
// and another ledger that is sent them has the same graph.
func TestLineageOpenLineage(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	const question = "/v1/lineage?node=dataset:hive/pop.main"
	r := f.get(question + "&format=openlineage")
	if r.status != http.StatusOK || r.header.Get("Ledgerline-Complete") != "true" || r.header.Get("Ledgerline-Position") == "" {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	if !bytes.Contains(r.body, []byte(runEvent("COMPLETE"))) {
		t.Errorf("not as it was sent: %s", r.body)
	}
	copied := newFixture(t, nil)
	if sent := copied.do("POST", "/api/v1/lineage/batch", string(r.body), "Content-Type", "application/json"); sent.status != http.StatusOK {
		t.Fatalf("%d %s", sent.status, sent.body)
	}
	copied.caughtUp()
	var graphs [2]projections.Graph
	for i, from := range []*fixture{f, copied} {
		from.get(question).into(t, &graphs[i])
	}
	if len(graphs[0].Edges) == 0 || len(graphs[0].Edges) != len(graphs[1].Edges) {
		t.Errorf("%v became %v", graphs[0].Edges, graphs[1].Edges)
	}
	for i, e := range graphs[0].Edges {
		if o := graphs[1].Edges[i]; o.From != e.From || o.To != e.To || o.Kind != e.Kind || o.Runs != e.Runs {
			t.Errorf("%v became %v", e, o)
		}
	}
}
