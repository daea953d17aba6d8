package projections

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ledgerline/events"
)

// lineageOf asks for a graph and writes it as sorted lines: "depth node" and
// "from kind to".
func lineageOf(t *testing.T, w *View, q LineageQuery) (nodes, edges []string, g Graph) {
	t.Helper()
	g, err := w.Lineage(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range g.Nodes {
		nodes = append(nodes, fmt.Sprint(n.Depth, " ", n.ID))
	}
	for _, e := range g.Edges {
		edges = append(edges, e.From+" "+e.Kind+" "+e.To)
	}
	return nodes, edges, g
}

func lineageViews(t *testing.T, claims ...claim) *View {
	t.Helper()
	b := newBook(t)
	b.add(claims...)
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	return current(t, v)
}

func plain(names ...string) (out []events.LineageOutput) {
	for _, n := range names {
		out = append(out, events.LineageOutput{Namespace: "pg", Name: n})
	}
	return out
}

// TestLineagePrecedence: an explicit lineage leads only where it says, inputs and
// outputs alone lead from each to each.
func TestLineagePrecedence(t *testing.T) {
	both := inputs(olInput("a"), olInput("b"))
	downOfA := func(w *View) []string {
		nodes, _, g := lineageOf(t, w, LineageQuery{Node: "dataset:pg/a", Direction: Down})
		if !g.Complete {
			t.Errorf("limits hit: %v", g.LimitsHit)
		}
		return nodes
	}
	equal(t, "inputs × outputs", downOfA(lineageViews(t, olRun("r", "j", "COMPLETE", 1, both, plain("x", "y")))),
		[]string{"0 dataset:pg/a", "1 dataset:pg/x", "1 dataset:pg/y", "1 job:etl/j"})
	byColumn := outputs(olOutput("x", "a", "c", "c"), olOutput("y", "b", "c", "c"))
	equal(t, "columnLineage", downOfA(lineageViews(t, olRun("r", "j", "COMPLETE", 1, both, byColumn))),
		[]string{"0 dataset:pg/a", "1 dataset:pg/x", "1 job:etl/j"})
	equal(t, "columnLineage of one output", downOfA(lineageViews(t, olRun("r", "j", "COMPLETE", 1, both, append(plain("z"), byColumn...)))),
		[]string{"0 dataset:pg/a", "1 dataset:pg/x", "1 dataset:pg/z", "1 job:etl/j"})
	facet := olRun("r", "j", "COMPLETE", 1, both, append(plain("z"), byColumn...))
	facet.data.(*events.OpenLineageReceived).LineageFrom = events.LineageFromFacet
	equal(t, "lineage facet", downOfA(lineageViews(t, facet)), []string{"0 dataset:pg/a", "1 dataset:pg/x", "1 job:etl/j"})
	equal(t, "told by a later event of the run", downOfA(lineageViews(t,
		olRun("r", "j", "START", 1, both, plain("x", "y")), olRun("r", "j", "COMPLETE", 2, nil, byColumn))),
		[]string{"0 dataset:pg/a", "1 dataset:pg/x", "1 job:etl/j"})
	equal(t, "told by another run only", downOfA(lineageViews(t,
		olRun("r", "j", "COMPLETE", 1, both, plain("x", "y")), olRun("s", "j", "COMPLETE", 2, both, byColumn))),
		[]string{"0 dataset:pg/a", "1 dataset:pg/x", "1 dataset:pg/y", "1 job:etl/j"})
}

// TestDeclaredIsReplaced: a job's declaration replaces the one before, from then
// on; what runs observed stays.
func TestDeclaredIsReplaced(t *testing.T) {
	w := lineageViews(t,
		olJob("j", 1, inputs(olInput("a")), plain("x")),
		olRun("r", "j", "COMPLETE", 2, inputs(olInput("a")), plain("x")),
		olJob("j", 3, inputs(olInput("b")), plain("x")))
	up := func(at int64) []string {
		_, edges, _ := lineageOf(t, viewAt(t, w.v, at), LineageQuery{Node: "dataset:pg/x", Direction: Up})
		return edges
	}
	equal(t, "declared", up(1), []string{"dataset:pg/a reads job:etl/j", "job:etl/j writes dataset:pg/x"})
	equal(t, "observed and declared", up(3), []string{"dataset:pg/a reads job:etl/j", "dataset:pg/b reads job:etl/j", "job:etl/j writes dataset:pg/x"})
	_, _, g := lineageOf(t, w, LineageQuery{Node: "dataset:pg/x", Direction: Up})
	if a, b := g.Edges[0], g.Edges[1]; a.Declared || a.Runs != 1 || !b.Declared || b.Runs != 0 || b.First != 3 || !slices.Equal(a.Events, []int64{2, 1}) {
		t.Errorf("edges of a %+v and b %+v", a, b)
	}

	w = lineageViews(t, olJob("j", 1, inputs(olInput("a")), plain("x")), olJob("j", 3, inputs(olInput("b")), plain("x")))
	_, edges, _ := lineageOf(t, w, LineageQuery{Node: "dataset:pg/x", Direction: Up})
	equal(t, "no longer declared", edges, []string{"dataset:pg/b reads job:etl/j", "job:etl/j writes dataset:pg/x"})
}

// TestColumns: a column leads to the columns made from it, through datasets, and
// says where it is not known what became of it.
func TestColumns(t *testing.T) {
	filtered := olOutput("mid", "src", "id", "key", "born", "age")
	filtered.DatasetLineage = []events.ColumnInput{{Namespace: "pg", Name: "src", Field: "alive", Transformations: []events.Transformation{{Type: "INDIRECT", Subtype: "FILTER"}}}}
	w := lineageViews(t,
		olRun("m", "make", "COMPLETE", 1, nil, plain("src")), // reads nothing: no column came from anywhere
		olRun("r", "one", "COMPLETE", 1, inputs(olInput("src", "id", "born", "alive")), outputs(filtered)),
		olRun("s", "two", "COMPLETE", 2, inputs(olInput("mid")), outputs(olOutput("end", "mid", "age", "age_group"))),
		olRun("u", "three", "COMPLETE", 3, inputs(olInput("end")), plain("far")))
	nodes, edges, g := lineageOf(t, w, LineageQuery{Node: "column:pg/src#born", Direction: Down})
	equal(t, "down from born", nodes, []string{"0 column:pg/src#born", "1 column:pg/mid#age", "2 column:pg/end#age_group"})
	equal(t, "edges", edges, []string{"column:pg/mid#age derives column:pg/end#age_group", "column:pg/src#born derives column:pg/mid#age"})
	equal(t, "limits", g.LimitsHit, []string{LimitColumns}) // job three told no columns
	if e := g.Edges[1]; e.Job != "job:etl/one" || e.Runs != 1 || !slices.Equal(e.Transformations, []string{"DIRECT/IDENTITY"}) {
		t.Errorf("edge %+v", e)
	}
	_, edges, g = lineageOf(t, w, LineageQuery{Node: "column:pg/end#age_group", Direction: Up})
	equal(t, "up to the filter, which is kept once", edges, []string{
		"column:pg/mid#age derives column:pg/end#age_group", "column:pg/mid#age part_of dataset:pg/mid",
		"column:pg/src#alive derives dataset:pg/mid", "column:pg/src#born derives column:pg/mid#age"})
	if !g.Complete {
		t.Errorf("limits hit: %v", g.LimitsHit)
	}
	_, edges, _ = lineageOf(t, w, LineageQuery{Node: "column:pg/src#alive", Direction: Down})
	equal(t, "down from the filter, through all columns", edges, []string{
		"column:pg/mid#age derives column:pg/end#age_group", "column:pg/mid#age part_of dataset:pg/mid", "column:pg/src#alive derives dataset:pg/mid"})
}

// TestWalks takes a walk from every kind of node of the scenario, which holds a
// cycle.
func TestWalks(t *testing.T) {
	w := scripted(t)
	for _, c := range []struct {
		q     LineageQuery
		nodes string
	}{
		{LineageQuery{Node: "dataset:pg/clean", Direction: Up, Depth: 1}, "0 dataset:pg/clean, 1 dataset:pg/raw, 1 dataset:pg/raw2, 1 job:etl/clean"},
		{LineageQuery{Node: "job:etl/report", Direction: Up, Depth: 1}, "0 job:etl/report, 1 dataset:pg/clean, 1 dataset:pg/other"},
		{LineageQuery{Node: "run:r3", Direction: Up, Depth: 1}, "0 job:etl/clean, 0 run:r3, 1 dataset:pg/extra, 1 dataset:pg/raw"},
		{LineageQuery{Node: "entry:E1", Direction: Down, Depth: 1}, "0 dataset:pg/clean, 0 dataset:pg/raw, 0 entry:E1, 1 dataset:pg/report, 1 job:etl/clean, 1 job:etl/report"},
	} {
		nodes, _, _ := lineageOf(t, w, c.q)
		if got := strings.Join(nodes, ", "); got != c.nodes {
			t.Errorf("%+v\n got %s\nwant %s", c.q, got, c.nodes)
		}
	}
	nodes, _, g := lineageOf(t, w, LineageQuery{Node: "dataset:pg/raw", Direction: Down})
	if !g.Complete || !slices.Contains(nodes, "0 dataset:pg/raw") || !slices.Contains(nodes, "3 dataset:pg/loop") {
		t.Errorf("around the cycle: %v %v", nodes, g.LimitsHit)
	}
}

// TestLimitsAreHonest: a graph that is cut says so, one that is not does not, and
// no edge leads to a node that was cut.
func TestLimitsAreHonest(t *testing.T) {
	var claims []claim
	for i := range 20 { // a chain
		claims = append(claims, olRun(fmt.Sprint("r", i), fmt.Sprint("j", i), "COMPLETE", 1, inputs(olInput(fmt.Sprint("d", i))), plain(fmt.Sprint("d", i+1))))
	}
	w := lineageViews(t, claims...)
	for _, c := range []struct {
		depth, nodes int
		limits       string
		want         int
	}{
		{20, 41, "", 41}, {0, 0, "", 41}, {19, 0, LimitDepth, 39}, {1, 0, LimitDepth, 3}, {20, 40, LimitNodes, 40}, {0, 1, LimitNodes, 1},
	} {
		nodes, _, g := lineageOf(t, w, LineageQuery{Node: "dataset:pg/d0", Direction: Down, Depth: c.depth, MaxNodes: c.nodes})
		if got := strings.Join(g.LimitsHit, " "); got != c.limits || g.Complete != (c.limits == "") || len(nodes) != c.want {
			t.Errorf("%+v: %d nodes, limits %q", c, len(nodes), got)
		}
		known := make(map[string]bool)
		for _, n := range g.Nodes {
			known[n.ID] = true
		}
		for _, e := range g.Edges {
			if !known[e.From] || !known[e.To] {
				t.Errorf("%+v: edge %s → %s leads out of the answer", c, e.From, e.To)
			}
		}
	}
}

// TestSymlinks: another name of a dataset is a step of no length, from the moment
// it was told.
func TestSymlinks(t *testing.T) {
	linked := olInput("table")
	linked.Symlinks = []events.DatasetRef{{Namespace: "s3", Name: "bucket/path"}}
	w := lineageViews(t,
		olRun("r", "load", "COMPLETE", 1, inputs(olInput("src")), outputs(events.LineageOutput{Namespace: "s3", Name: "bucket/path"})),
		olRun("s", "use", "COMPLETE", 2, inputs(olInput("table")), plain("out")),
		olRun("u", "use", "COMPLETE", 3, inputs(linked), plain("out")))
	up := func(at int64) []string {
		nodes, _, _ := lineageOf(t, viewAt(t, w.v, at), LineageQuery{Node: "dataset:pg/out", Direction: Up})
		return nodes
	}
	equal(t, "before", up(2), []string{"0 dataset:pg/out", "1 dataset:pg/table", "1 job:etl/use"})
	equal(t, "after", up(3), []string{"0 dataset:pg/out", "1 dataset:pg/table", "1 dataset:s3/bucket/path", "1 job:etl/use", "2 dataset:pg/src", "2 job:etl/load"})
}

// TestResolve: names hold slashes and "#"; the text is read by what is known.
func TestResolve(t *testing.T) {
	out := events.LineageOutput{Namespace: "hdfs://nn:8020", Name: "/data/x#1", Fields: []events.LineageField{{Name: "a#b"}}}
	twins := []events.LineageOutput{{Namespace: "a/b", Name: "c"}, {Namespace: "a", Name: "b/c"}}
	w := lineageViews(t, olRun("r", "j", "COMPLETE", 1, inputs(olInput("population")), append(twins, out)))
	for text, want := range map[string]vertex{
		"dataset:hdfs://nn:8020//data/x#1":           {Kind: NodeDataset, Namespace: "hdfs://nn:8020", Name: "/data/x#1"},
		"column:hdfs://nn:8020//data/x#1#a#b":        {Kind: NodeColumn, Namespace: "hdfs://nn:8020", Name: "/data/x#1", Field: "a#b"},
		"dataset:hdfs:%2F%2Fnn:8020/%2Fdata%2Fx%231": {Kind: NodeDataset, Namespace: "hdfs://nn:8020", Name: "/data/x#1"},
		"dataset:a%2Fb/c":                            {Kind: NodeDataset, Namespace: "a/b", Name: "c"},
		"job:etl/j":                                  {Kind: NodeJob, Namespace: "etl", Name: "j"},
		"run:r":                                      {Kind: NodeRun, Name: "r"},
	} {
		n, err := w.ResolveNode(ctx, text)
		if got := (vertex{n.Kind, n.Namespace, n.Name, n.Field}); err != nil || got != want {
			t.Errorf("%s: %v %+v", text, err, got)
		}
	}
	for text, near := range map[string]string{
		"dataset:a/b/c": "dataset:a/b%2Fc dataset:a%2Fb/c", "dataset:pg/poplation": "dataset:pg/population", "run:x": "", "what": "", "table:pg/population": "",
	} {
		_, err := w.ResolveNode(ctx, text)
		unknown := (*UnknownNodeError)(nil)
		if !errors.As(err, &unknown) || strings.Join(unknown.Near, " ") != near || unknown.Ambiguous != (text == "dataset:a/b/c") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := viewAt(t, w.v, 0).ResolveNode(ctx, "job:etl/j"); err == nil {
		t.Error("a job was known before it was recorded")
	}
	nodes, _, _ := lineageOf(t, w, LineageQuery{Node: "dataset:pg/population", Direction: Down})
	if !slices.Contains(nodes, "1 dataset:a%2Fb/c") || !slices.Contains(nodes, "1 dataset:a/b%2Fc") {
		t.Errorf("names that read alike are not told apart: %v", nodes)
	}
}

// TestOrderAndDuplicates: the events of runs, in any order and repeated, come to
// the same states and the same edges with the same numbers of runs.
func TestOrderAndDuplicates(t *testing.T) {
	both := inputs(olInput("a"), olInput("b"))
	told := []claim{
		olRun("r1", "j", "START", day(1, 1), both, nil),
		olRun("r1", "j", "RUNNING", day(1, 2), nil, plain("x")),
		olRun("r1", "j", "OTHER", day(1, 5), inputs(olInput("c")), nil),
		olRun("r1", "j", "COMPLETE", day(1, 3), nil, outputs(olOutput("x", "a", "c", "c"))),
		olRun("r2", "j", "START", day(1, 1), both, plain("x", "y")),
		olRun("r2", "j", "FAIL", day(1, 2), nil, outputs(olOutput("x", "a", "c", "c", "d", "d"))),
		olRun("r2", "j", "COMPLETE", day(1, 2), nil, outputs(olOutput("x", "a", "e", "e"))),
		olRun("r3", "j", "", day(1, 2), inputs(olInput("a")), plain("y")),
	}
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.Permutation(told).Draw(rt, "order")
		for _, i := range rapid.SliceOf(rapid.IntRange(0, len(told)-1)).Draw(rt, "again") {
			order = append(order, told[i])
		}
		if got, want := outcome(t, lineageViews(t, order...)), outcome(t, lineageViews(t, told...)); got != want {
			rt.Fatalf("\n got %s\nwant %s", got, want)
		}
	})
}

// outcome is what does not depend on positions: run states, edges and counts.
func outcome(t *testing.T, w *View) string {
	var out strings.Builder
	for _, id := range []string{"r1", "r2", "r3"} {
		run, _, err := w.Run(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		run.First, run.Last = 0, 0
		fmt.Fprintf(&out, "%+v\n", run)
	}
	for _, q := range []LineageQuery{{Node: "job:etl/j"}, {Node: "dataset:pg/x", Columns: true}} {
		g, err := w.Lineage(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range g.Nodes {
			g.Nodes[i].First = 0
		}
		for i := range g.Edges {
			g.Edges[i].First, g.Edges[i].Last, g.Edges[i].Events, g.Edges[i].Run, g.Edges[i].Time = 0, 0, nil, "", 0 // all of the last record
		}
		b, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", b)
	}
	return out.String()
}

func TestRunStates(t *testing.T) {
	w := lineageViews(t,
		olRun("late", "j", "COMPLETE", day(1, 2), nil, nil), olRun("late", "j", "START", day(1, 1), nil, nil), olRun("late", "j", "OTHER", day(1, 3), nil, nil),
		olRun("two", "j", "COMPLETE", day(1, 2), nil, nil), olRun("two", "j", "FAIL", day(1, 3), nil, nil),
		olRun("other", "j", "OTHER", day(1, 2), nil, nil), olRun("on", "j", "RUNNING", day(1, 2), nil, nil))
	for id, want := range map[string]string{"late": "COMPLETE", "two": "FAIL", "other": "NEW", "on": "RUNNING"} {
		run, ok, err := w.Run(ctx, id)
		if err != nil || !ok || run.State != want {
			t.Errorf("run %s: %v %v %s, want %s", id, err, ok, run.State, want)
		}
	}
	if run, _, _ := w.Run(ctx, "late"); run.Started != day(1, 1) || run.Ended != day(1, 2) {
		t.Errorf("run late: %+v", run)
	}
}

// A job whose runs read and wrote different things, and do not tell what came from
// what, says so where several runs count.
func TestJobsThatMixRuns(t *testing.T) {
	run := func(id, job string, at int, in, out []string) claim {
		var from []events.LineageInput
		for _, name := range in {
			from = append(from, olInput(name))
		}
		return olRun(id, job, "COMPLETE", day(1, at), from, plain(out...))
	}
	tells := olOutput("x", "a", "id", "id")
	w := lineageViews(t,
		run("1", "differs", 1, []string{"a"}, []string{"x"}), // 1
		run("2", "differs", 2, []string{"b"}, []string{"y"}), // 2
		run("3", "same", 1, []string{"a", "b"}, []string{"x"}),
		run("4", "same", 2, []string{"a", "b"}, []string{"x"}),
		olRun("5", "tells", "COMPLETE", day(1, 1), inputs(olInput("a")), outputs(tells)),
		olRun("6", "tells", "COMPLETE", day(1, 2), inputs(olInput("a"), olInput("b")), outputs(tells)),
		run("7", "reads", 1, []string{"a"}, nil),
		run("8", "reads", 2, []string{"b"}, nil))
	mixing := func(at int64, q LineageQuery) (out []string) {
		q.Direction = Both
		g, err := viewAt(t, w.v, at).Lineage(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range g.Nodes {
			if n.MixesRuns {
				out = append(out, n.Name)
			}
		}
		return out
	}
	equal(t, "cumulative", mixing(8, LineageQuery{Node: "dataset:pg/a"}), []string{"differs"})
	equal(t, "before the second run", mixing(1, LineageQuery{Node: "dataset:pg/a"}), nil)
	equal(t, "observed", mixing(8, LineageQuery{Node: "dataset:pg/a", View: ViewObserved}), []string{"differs"})
	equal(t, "of one run", mixing(8, LineageQuery{Node: "dataset:pg/a", View: ViewRun, Run: "1"}), nil)
	list, err := viewAt(t, w.v, 8).Paths(ctx, PathQuery{From: "dataset:pg/a", To: "dataset:pg/y"})
	if err != nil || len(list.Paths) != 1 { // which no run went
		t.Fatalf("%v %+v", err, list)
	}
	equal(t, "a step of a path", list.Paths[0].Steps[0].MixesRuns, []string{"job:etl/differs"})
	list, err = viewAt(t, w.v, 8).Paths(ctx, PathQuery{From: "dataset:pg/a", To: "dataset:pg/x", View: ViewRun, Run: "1"})
	if err != nil || len(list.Paths) != 1 || list.Paths[0].Steps[0].MixesRuns != nil {
		t.Fatalf("%v %+v", err, list)
	}
	many := make([]string, mostMixed+1)
	for i := range many {
		many[i] = fmt.Sprint("d", i)
	}
	w = lineageViews(t, run("1", "wide", 1, many, []string{"x"}), run("2", "wide", 2, many, []string{"x"}))
	equal(t, "of too many edges to look at", mixing(2, LineageQuery{Node: "dataset:pg/x"}), []string{"wide"})
}
