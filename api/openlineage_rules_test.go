package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// The oracle, over HTTP: what a consumer of OpenLineage has to make of events, with
// a case for each rule of the specification's semantics. Package projections has
// more cases of most, and all of as-of; here it is what clients send and are told.

// lineageRules are the rules; each has a case of its name or beginning with it.
var lineageRules = []string{
	"facets are replaced whole", "_deleted removes and does not restore", "a run adds up", "snapshots do not add up", "a terminal state wins",
	"order and duplicates do not matter", "lineage facet before columnLineage before inputs × outputs", "an empty list is not an absent one", "declarations replace",
	"symlinks join", "RENAME and DROP", "hierarchy and control flow are graphs of their own", "columns and what all of them depend on", "unknown facets come back", "names of any kind",
}

// lineageRule is a case: events, and what is then answered to each question.
type lineageRule struct {
	name   string
	events []string
	// want has answers by path; see drawnAnswer.
	want map[string]string
}

// exported tells whether an answer is a graph that its export brings back whole: one
// that says itself that it is, and has edges, behind which the exported events are.
func exported(path, drawn string) bool {
	return strings.HasPrefix(path, "/v1/lineage") && strings.Contains(drawn, " ") && !strings.Contains(drawn, "removed") && !strings.Contains(drawn, " | ")
}

const facetBase = `"_producer":"https://example.org/p","_schemaURL":"https://example.org/f.json"`

// olEvent is an event of a day in January.
func olEvent(day int, members ...string) string {
	return fmt.Sprintf(`{"eventTime":"2026-01-%02dT12:00:00Z","producer":"https://example.org/p","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json",%s}`, day, strings.Join(members, ","))
}

// runOf names a run, numbered, of a job and its state.
func runOf(n int, job, state string, facets ...string) string {
	return fmt.Sprintf(`"eventType":%q,"run":{"runId":%q,"facets":{%s}},%s`, state, numbered(n), strings.Join(facets, ","), jobOf(job))
}

func numbered(n int) string { return fmt.Sprintf("0198c5a2-6d10-7c3e-9f1b-%012d", n) }

func jobOf(name string, facets ...string) string {
	return fmt.Sprintf(`"job":{"namespace":"etl","name":%q,"facets":{%s}}`, name, strings.Join(facets, ","))
}

func table(name string, facets ...string) string {
	return fmt.Sprintf(`{"namespace":"pg","name":%q,"facets":{%s}}`, name, strings.Join(facets, ","))
}

func reads(tables ...string) string    { return `"inputs":[` + strings.Join(tables, ",") + `]` }
func wrote(tables ...string) string    { return `"outputs":[` + strings.Join(tables, ",") + `]` }
func facetOf(name, body string) string { return fmt.Sprintf(`%q:{%s,%s}`, name, facetBase, body) }
func describing(dataset string) string { return `"dataset":` + dataset }
func source(name, field string) string {
	return fmt.Sprintf(`{"namespace":"pg","name":%q,"field":%q}`, name, field)
}
func fromColumns(columns string) string { return facetOf("columnLineage", `"fields":{`+columns+`}`) }

func fromColumn(to, from, field string) string {
	return fmt.Sprintf(`%q:{"inputFields":[%s]}`, to, source(from, field))
}

func explicitly(to string, from ...string) string {
	var list []string
	for _, name := range from {
		list = append(list, fmt.Sprintf(`{"type":"DATASET","namespace":"pg","name":%q}`, name))
	}
	return facetOf("lineage", fmt.Sprintf(`"entries":[{"type":"DATASET","namespace":"pg","name":%q,"inputs":[%s]}]`, to, strings.Join(list, ",")))
}

// about is the path of a question about a node of this oracle.
func about(node, more string) string {
	return "/v1/lineage?node=" + url.QueryEscape(node) + "&direction=up" + more
}

func lineageCases() []lineageRule {
	strange := []string{"s3://b/a:b c", "/x y/z#1/😀表", strings.Repeat("n", 4000)}
	var odd []string
	for _, name := range strange {
		odd = append(odd, fmt.Sprintf(`{"namespace":%q,"name":%q}`, strange[0], name))
	}
	parent := facetOf("parent", fmt.Sprintf(`"run":{"runId":%q},"job":{"namespace":"etl","name":"dag"}`, numbered(9)))
	depends := facetOf("jobDependencies", `"upstream":[{"job":{"namespace":"etl","name":"before"}}]`)
	snapshot := facetOf("jobType", `"processingType":"STREAMING","integration":"FLINK","emissionPattern":{"eventTrigger":"PERIODIC","eventContentMode":"COMPLETE_SNAPSHOT"}`)
	window := func(day int, in, out string) string {
		return olEvent(day, strings.Replace(runOf(1, "j", "RUNNING"), `"name":"j","facets":{`, `"name":"j","facets":{`+snapshot, 1), reads(table(in)), wrote(table(out, fromColumns(fromColumn("k", in, "k")))))
	}
	return []lineageRule{
		{"facets are replaced whole", []string{
			olEvent(1, describing(table("x", facetOf("schema", `"fields":[{"name":"a"},{"name":"b"}]`), fromColumns(fromColumn("a", "s", "a")+","+fromColumn("b", "s", "b"))))),
			olEvent(2, describing(table("x", facetOf("schema", `"fields":[{"name":"a"}]`), fromColumns(fromColumn("a", "s", "b"))))),
		}, map[string]string{about("dataset:pg/x", "&columns=true"): "s#b derives x#a, x#a part_of x", about("column:pg/x#b", ""): "x#b removed"}},
		{"_deleted removes and does not restore", []string{
			olEvent(1, describing(table("x", fromColumns(fromColumn("a", "s", "a"))))),
			olEvent(2, describing(table("x", fromColumns(fromColumn("a", "t", "a"))))),
			olEvent(3, describing(table("x", facetOf("columnLineage", `"_deleted":true`)))),
		}, map[string]string{about("dataset:pg/x", ""): "x"}},
		{"a run adds up", []string{
			olEvent(1, runOf(1, "j", "START"), reads(table("a"))),
			olEvent(2, runOf(1, "j", "RUNNING"), reads(table("b"))),
			olEvent(3, runOf(1, "j", "COMPLETE"), wrote(table("x"))),
		}, map[string]string{about("dataset:pg/x", ""): "(j) writes x, a reads (j), b reads (j)"}},
		{"snapshots do not add up", []string{window(1, "a", "x"), window(2, "b", "y")},
			map[string]string{about("dataset:pg/x", ""): "(j) writes x, a reads (j)", about("dataset:pg/y", ""): "(j) writes y, b reads (j)"}},
		{"a terminal state wins", []string{
			olEvent(1, runOf(1, "j", "OTHER")), olEvent(2, runOf(1, "j", "START")), olEvent(3, runOf(1, "j", "FAIL")), olEvent(4, runOf(1, "j", "RUNNING")),
			olEvent(5, runOf(1, "j", "OTHER")), olEvent(1, runOf(2, "j", "OTHER")), olEvent(1, strings.Replace(runOf(3, "j", ""), `"eventType":"",`, "", 1), reads(table("a"))),
		}, map[string]string{"/v1/runs/" + numbered(1): "FAIL", "/v1/runs/" + numbered(2): "NEW", "/v1/runs/" + numbered(3): "NEW"}},
		{"order and duplicates do not matter", []string{ // of one run, type and time, and differing in facets
			olEvent(1, runOf(1, "j", "COMPLETE"), reads(table("a")), wrote(table("x"))),
			olEvent(1, runOf(1, "j", "COMPLETE"), reads(table("a", symlinkTo("path"))), wrote(table("x"))),
			olEvent(1, runOf(1, "j", "START")), olEvent(2, runOf(1, "j", "COMPLETE")),
		}, map[string]string{about("dataset:pg/x", ""): "(j) writes x, a reads (j), a same_as path", "/v1/runs/" + numbered(1): "COMPLETE"}},
		{"lineage facet before columnLineage before inputs × outputs", []string{
			olEvent(1, runOf(1, "j", "COMPLETE"), reads(table("a"), table("b")), wrote(table("x"), table("y", fromColumns(fromColumn("k", "a", "k"))))),
			olEvent(2, strings.Replace(runOf(2, "k", "COMPLETE"), `"name":"k","facets":{`, `"name":"k","facets":{`+explicitly("z", "b"), 1),
				reads(table("a"), table("b")), wrote(table("z", fromColumns(fromColumn("k", "a", "k"))))),
		}, map[string]string{
			about("dataset:pg/x", ""): "(j) writes x, a reads (j), b reads (j)", about("dataset:pg/y", ""): "(j) writes y, a reads (j)",
			about("dataset:pg/z", ""): "(k) writes z, b reads (k)", about("job:etl/k", ""): "a reads (k), b reads (k)",
		}},
		{"an empty list is not an absent one", []string{
			olEvent(1, runOf(1, "j", "COMPLETE"), reads(), wrote(table("x"))), olEvent(1, runOf(2, "k", "COMPLETE"), wrote(table("y"))),
		}, map[string]string{about("dataset:pg/x", ""): "(j) origin, (j) writes x", about("dataset:pg/y", ""): "(k) writes y"}},
		{"declarations replace", []string{
			olEvent(1, jobOf("j"), reads(table("a")), wrote(table("x"))), olEvent(2, jobOf("j"), reads(table("b")), wrote(table("x"))),
			olEvent(1, describing(table("y", facetOf("lineage", `"inputs":[{"type":"DATASET","namespace":"pg","name":"c"}]`)))),
			olEvent(2, describing(table("y", facetOf("lineage", `"inputs":[{"type":"DATASET","namespace":"pg","name":"d"}]`)))),
		}, map[string]string{
			about("dataset:pg/x", ""): "(j) writes x, b reads (j)", about("dataset:pg/y", ""): "d derives y",
			about("dataset:pg/x", "&valid_at=2026-01-01T12:00:00Z"): "(j) writes x, a reads (j)",
		}},
		{"symlinks join", []string{
			olEvent(1, runOf(1, "j", "COMPLETE"), reads(table("a")), wrote(table("path"))),
			olEvent(2, runOf(2, "k", "COMPLETE"), reads(table("name", symlinkTo("path"))), wrote(table("x"))),
		}, map[string]string{about("dataset:pg/x", ""): "(j) writes path, (k) writes x, a reads (j), name reads (k), name same_as path"}},
		{"RENAME and DROP", []string{
			olEvent(1, runOf(1, "j", "COMPLETE"), reads(table("a")), wrote(table("old"))),
			olEvent(2, runOf(2, "k", "COMPLETE"), wrote(table("new", facetOf("lifecycleStateChange", `"lifecycleStateChange":"RENAME","previousIdentifier":{"namespace":"pg","name":"old"}`)))),
			olEvent(3, runOf(3, "l", "COMPLETE"), reads(table("new")), wrote(table("tmp"))),
			olEvent(4, runOf(4, "m", "COMPLETE"), reads(table("tmp")), wrote(table("x"))),
			olEvent(5, runOf(5, "drop", "COMPLETE"), wrote(table("tmp", facetOf("lifecycleStateChange", `"lifecycleStateChange":"DROP"`)))),
		}, map[string]string{
			about("dataset:pg/new", ""): "(j) writes old, (k) writes new, a reads (j), new same_as old", about("dataset:pg/x", ""): "(m) writes x | dropped",
		}},
		{"hierarchy and control flow are graphs of their own", []string{
			olEvent(1, runOf(1, "task", "COMPLETE", parent, depends), reads(table("a")), wrote(table("x"))),
		}, map[string]string{
			about("dataset:pg/x", ""): "(task) writes x, a reads (task)", about("job:etl/task", "&graph=hierarchy"): "(dag) started (task)",
			about("job:etl/task", "&graph=control"): "(before) precedes (task)",
		}},
		{"columns and what all of them depend on", []string{
			olEvent(1, runOf(1, "j", "COMPLETE"), reads(table("s")), wrote(table("x", facetOf("columnLineage", `"fields":{`+fromColumn("a", "s", "a")+`},"dataset":[`+source("s", "filter")+`]`)))),
		}, map[string]string{about("column:pg/x#a", ""): "s#a derives x#a, s#filter derives x, x#a part_of x"}},
		{"unknown facets come back", []string{olEvent(1, runOf(1, "j", "COMPLETE", facetOf("spark.logical-plan", `"plan":[{"deep":[[{"a.b-c":null}]]}]`)), reads(table("a")), wrote(table("x")))},
			map[string]string{"/v1/runs/" + numbered(1): "COMPLETE"}},
		{"names of any kind", []string{olEvent(1, runOf(1, "j", "COMPLETE"), reads(odd...), wrote(table("x")))},
			map[string]string{about("dataset:pg/x", ""): "(j) writes x, " + strings.Join(slices.Sorted(slices.Values([]string{strange[1] + " reads (j)", strange[2] + " reads (j)", strange[0] + " reads (j)"})), ", ")}},
	}
}

func symlinkTo(name string) string {
	return facetOf("symlinks", fmt.Sprintf(`"identifiers":[{"namespace":"pg","name":%q,"type":"TABLE"}]`, name))
}

// drawnAnswer writes an answer in one line: a run's state, or a graph's edges and the
// nodes about which there is something to say, jobs in parentheses.
func drawnAnswer(t *testing.T, body []byte) string {
	t.Helper()
	var a struct {
		Run struct{ State string } `json:"run"`
		// Nodes and edges of a graph.
		Nodes []struct {
			ID, Kind, Namespace, Name, Field string
			Dropped, Removed, Origin         bool
		} `json:"nodes"`
		Edges     []struct{ From, To, Kind string } `json:"edges"`
		LimitsHit []string                          `json:"limits_hit"`
	}
	if err := json.Unmarshal(body, &a, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if a.Run.State != "" {
		return a.Run.State
	}
	names, edged := make(map[string]string), make(map[string]bool)
	var out []string
	for _, n := range a.Nodes {
		names[n.ID] = n.Name
		switch n.Kind {
		case "job":
			names[n.ID] = "(" + n.Name + ")"
		case "column":
			names[n.ID] = n.Name + "#" + n.Field
		}
	}
	for _, e := range a.Edges {
		edged[e.From], edged[e.To] = true, true
		out = append(out, names[e.From]+" "+e.Kind+" "+names[e.To])
	}
	for _, n := range a.Nodes {
		says := names[n.ID]
		for word, is := range map[string]bool{" dropped": n.Dropped, " removed": n.Removed, " origin": n.Origin} {
			if is {
				says += word
			}
		}
		if says != names[n.ID] || !edged[n.ID] {
			out = append(out, says)
		}
	}
	slices.Sort(out)
	line := strings.Join(out, ", ")
	if len(a.LimitsHit) > 0 {
		line += " | " + strings.Join(a.LimitsHit, " ")
	}
	return line
}

// TestLineageRules posts the events of each case, in order and one by one, and then
// to another server from the last to the first and each twice, as a batch; asks, and
// gets every event back byte for byte.
func TestLineageRules(t *testing.T) {
	covered := make(map[string]bool)
	for _, c := range lineageCases() {
		covered[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			ask := func(f *fixture, how string) {
				t.Helper()
				f.caughtUp()
				for path, want := range c.want {
					r := f.get(path)
					if r.status != http.StatusOK {
						t.Errorf("%s, %s: %d %s", how, path, r.status, r.body)
					} else if got := drawnAnswer(t, r.body); got != want {
						t.Errorf("%s, %s\n got %s\nwant %s", how, path, got, want)
					}
				}
			}
			f := newFixture(t, nil)
			for i, e := range c.events {
				if r := f.do("POST", "/api/v1/lineage", e, "Content-Type", "application/json"); r.status != http.StatusCreated {
					t.Fatalf("%d %s\n%s", r.status, r.body, e)
				}
				if r := f.get(fmt.Sprintf("/v1/events/%d/facets/openlineage", i+1)); string(r.body) != e {
					t.Errorf("event %d came back as %s", i, r.body)
				}
			}
			ask(f, "in order")
			back := newFixture(t, nil)
			batch := slices.Concat(c.events, c.events)
			slices.Reverse(batch)
			r := back.do("POST", "/api/v1/lineage/batch", "["+strings.Join(batch, ",")+"]", "Content-Type", "application/json")
			if r.status != http.StatusOK || !strings.Contains(string(r.body), `"status":"success"`) {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if n := back.ledger.Head().Size; n != int64(len(c.events))+1 {
				t.Errorf("%d records of %d events, each sent twice", n, len(c.events))
			}
			ask(back, "backwards and twice")
			for path, want := range c.want {
				if !exported(path, want) {
					continue
				}
				r := f.get(path + "&format=openlineage")
				again := newFixture(t, nil)
				if sent := again.do("POST", "/api/v1/lineage/batch", string(r.body), "Content-Type", "application/json"); sent.status != http.StatusOK {
					t.Fatalf("%s: %d %s", path, sent.status, sent.body)
				}
				again.caughtUp()
				if got := drawnAnswer(t, again.get(path).body); got != want {
					t.Errorf("exported and sent to another ledger, %s\n got %s\nwant %s", path, got, want)
				}
			}
		})
	}
	for _, rule := range lineageRules {
		if !covered[rule] {
			t.Errorf("no case of the rule: %s", rule)
		}
	}
}
