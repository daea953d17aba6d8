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

// TestDeclaredOn: what was declared on a date follows the times that events claim,
// as far as they were known at the position; without a date the newest claim
// counts.
func TestDeclaredOn(t *testing.T) {
	w := lineageViews(t,
		olJob("j", day(1, 1), inputs(olInput("a")), plain("x")),
		olJob("j", day(1, 10), inputs(olInput("b")), plain("x")),
		olJob("j", day(1, 5), inputs(olInput("late")), plain("x")), // told late: never the newest
		olRun("r", "j", "COMPLETE", day(1, 2), inputs(olInput("seen")), plain("x")))
	for _, c := range []struct {
		at   int64
		on   events.Time
		want string
	}{
		{4, day(1, 3), "a"}, {4, day(1, 5), "late"}, {4, day(1, 9), "late"}, {4, day(1, 10), "b"}, {4, day(1, 28), "b"}, {4, 0, "b"},
		{2, day(1, 7), "a"}, {2, day(1, 12), "b"}, {1, day(1, 12), "a"}, {4, day(1, 1) - 1, ""}, {1, 0, "a"},
	} {
		_, edges, g := lineageOf(t, viewAt(t, w.v, c.at), LineageQuery{Node: "dataset:pg/x", Direction: Up, View: ViewDeclared, ValidAt: c.on})
		want := []string{}
		if c.want != "" {
			want = []string{"dataset:pg/" + c.want + " reads job:etl/j", "job:etl/j writes dataset:pg/x"}
		}
		equal(t, fmt.Sprintf("known at %d, on %v", c.at, c.on), edges, want)
		for _, e := range g.Edges {
			if !e.Declared || e.Runs != 0 {
				t.Errorf("edge %+v", e)
			}
		}
	}
	for _, q := range []LineageQuery{
		{Node: "run:r", View: ViewRun, Run: "r", ValidAt: 1}, {Node: "job:etl/j", Graph: GraphControl, ValidAt: 1}, {Node: "job:etl/j", Graph: GraphHierarchy, ValidAt: 1},
	} {
		_, err := w.Lineage(ctx, q)
		if contradiction := (*QueryError)(nil); !errors.As(err, &contradiction) || contradiction.Field != "valid_at" {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// TestInForceOn asks what was in force on a date as known at a position, of every
// view, of a path and of a difference: what is told late is of its own date, and
// not known before.
func TestInForceOn(t *testing.T) {
	w := lineageViews(t,
		olJob("j", day(1, 1), inputs(olInput("a")), plain("x")),
		olRun("r", "j", "COMPLETE", day(1, 10), inputs(olInput("seen")), plain("x")),
		olJob("j", day(1, 5), inputs(olInput("late")), plain("x")),
		olRun("early", "j", "COMPLETE", day(1, 3), inputs(olInput("missed")), plain("x")))
	for _, c := range []struct {
		view LineageView
		at   int64
		on   events.Time
		want string // the datasets read
	}{
		{ViewCumulative, 4, day(1, 1) - 1, ""}, {ViewCumulative, 4, day(1, 1), "a"}, {ViewCumulative, 4, day(1, 3), "a missed"}, {ViewCumulative, 4, day(1, 5), "late missed"},
		{ViewCumulative, 4, day(1, 10), "late missed seen"}, {ViewCumulative, 4, 0, "late missed seen"}, {ViewCumulative, 3, day(1, 10), "late seen"},
		{ViewCumulative, 2, day(1, 10), "a seen"}, {ViewCumulative, 2, day(1, 9), "a"}, {"", 1, day(1, 10), "a"},
		{ViewObserved, 4, day(1, 9), "missed"}, {ViewObserved, 4, day(1, 10), "missed seen"}, {ViewObserved, 2, day(1, 9), ""},
		{ViewDeclared, 4, day(1, 10), "late"}, {ViewDeclared, 2, day(1, 10), "a"},
	} {
		v := viewAt(t, w.v, c.at)
		nodes, _, _ := lineageOf(t, v, LineageQuery{Node: "dataset:pg/x", Direction: Up, View: c.view, ValidAt: c.on})
		what := fmt.Sprintf("%s known at %d, on %v", c.view, c.at, c.on)
		got, known := []string{}, []string{"a"}
		for _, n := range nodes {
			if name, ok := strings.CutPrefix(n, "1 dataset:pg/"); ok {
				got = append(got, name)
			}
		}
		equal(t, what, got, strings.Fields(c.want))
		for i, name := range []string{"seen", "late", "missed"} {
			if c.at >= int64(i)+2 {
				known = append(known, name)
			}
		}
		for _, name := range known { // a path leads from each of them, and from no other
			list, err := v.Paths(ctx, PathQuery{From: "dataset:pg/" + name, To: "dataset:pg/x", View: c.view, ValidAt: c.on})
			if err != nil {
				t.Fatal(err)
			}
			if leads := len(list.Paths) > 0; leads != slices.Contains(strings.Fields(c.want), name) {
				t.Errorf("%s: that a path leads from %s is %v", what, name, leads)
			}
		}
	}
	diff := func(from int64, validFrom, validAt events.Time) (out []string) {
		d, err := w.LineageDiff(ctx, viewAt(t, w.v, from), validFrom, LineageQuery{Node: "dataset:pg/x", Direction: Up, ValidAt: validAt})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range d.Nodes {
			out = append(out, n.Change+" "+n.ID)
		}
		return out
	}
	equal(t, "what was learned of a date", diff(2, 0, day(1, 5)), []string{"removed dataset:pg/a", "added dataset:pg/late", "added dataset:pg/missed"})
	equal(t, "between two dates", diff(4, day(1, 3), day(1, 5)), []string{"removed dataset:pg/a", "added dataset:pg/late"})
	equal(t, "of one date, as known now", diff(4, 0, day(1, 5)), nil)
}

// TestDeclaredOnInAnyOrder: on a date that is after all claims, what was declared
// on it is what is known to be declared, in whatever order events came.
func TestDeclaredOnInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var claims []claim
		for i := range rapid.IntRange(1, 8).Draw(rt, "events") {
			names := []string{"a", "b", "c", "x", "y"}
			in, out := rapid.SampledFrom(names).Draw(rt, "in"), rapid.SampledFrom(names).Draw(rt, "out")
			o := olOutput(out, in)
			if rapid.Bool().Draw(rt, "columns") {
				o = olOutput(out, in, "k", rapid.SampledFrom([]string{"k", "l"}).Draw(rt, "field"))
			}
			claims = append(claims, olJob(rapid.SampledFrom([]string{"j", "k"}).Draw(rt, "job"), day(1, rapid.IntRange(1, 9).Draw(rt, "day"))+events.Time(i), inputs(olInput(in)), outputs(o)))
		}
		w := lineageViews(t, claims...)
		for _, n := range []string{"dataset:pg/a", "dataset:pg/x", "job:etl/j"} {
			q := LineageQuery{Node: n, View: ViewDeclared}
			known, err := w.Lineage(ctx, q)
			if unknown := (*UnknownNodeError)(nil); errors.As(err, &unknown) {
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			q.ValidAt = day(2, 1)
			on, err := w.Lineage(ctx, q)
			if err != nil {
				rt.Fatal(err)
			}
			if got, want := fmt.Sprintf("%+v", on), fmt.Sprintf("%+v", known); got != want {
				rt.Fatalf("%s\n got %s\nwant %s", n, got, want)
			}
		}
	})
}

// TestLoose: orphans, dead ends and what is both, as of a position, in parts.
func TestLoose(t *testing.T) {
	linked := olInput("alias")
	linked.Symlinks = []events.DatasetRef{{Namespace: "pg", Name: "mid"}}
	dropped := events.LineageOutput{Namespace: "pg", Name: "gone"}
	dropped.Lifecycle.Change = lifecycleDrop
	w := lineageViews(t,
		olRun("r", "j", "COMPLETE", 1, inputs(olInput("src")), plain("mid")),
		olRun("s", "k", "COMPLETE", 2, inputs(linked), plain("end")),
		olRun("u", "source", "COMPLETE", 3, inputs(olInput("alone")), nil),
		olRun("v", "drop", "COMPLETE", 4, nil, outputs(dropped)))
	list := func(at int64, kind LooseKind, limit int) (names []string) {
		q := LooseQuery{Kind: kind, Page: Page{Limit: limit}}
		for {
			l, err := viewAt(t, w.v, at).Loose(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range l.Datasets {
				names = append(names, n.Name)
			}
			if q.Cursor = l.Next; l.Next == "" {
				return names
			}
		}
	}
	equal(t, "orphans", list(4, LooseOrphan, 0), []string{"src", "alone"}) // alias is another name of mid
	equal(t, "orphans, one at a time", list(4, LooseOrphan, 1), []string{"src", "alone"})
	equal(t, "dead ends", list(4, LooseDeadEnd, 0), []string{"end"})
	equal(t, "dead ends earlier", list(1, LooseDeadEnd, 0), []string{"mid"})
	equal(t, "neither", list(4, LooseIsolated, 0), nil)
	if _, err := w.Loose(ctx, LooseQuery{Kind: "what"}); err == nil {
		t.Error("a kind that is none was taken")
	}
	if _, err := w.Loose(ctx, LooseQuery{Kind: LooseOrphan, Page: Page{Cursor: "x"}}); err == nil {
		t.Error("a foreign cursor was taken")
	}
}

// TestTrace: a value comes from the runs that wrote it last before the day, and
// these from the runs before them, not from what other runs did.
func TestTrace(t *testing.T) {
	load := func(id string, d int, from string) claim {
		return olRun(id, "load", "COMPLETE", day(1, d), inputs(olInput(from)), outputs(olOutput("mid", from, "id", "id")))
	}
	use := func(id string, d int) claim {
		return olRun(id, "use", "COMPLETE", day(1, d), inputs(olInput("mid")), outputs(olOutput("end", "mid", "id", "key", "day", "day")))
	}
	w := lineageViews(t, load("l1", 1, "first"), use("u1", 2), load("l3", 3, "second"), use("u4", 4), load("l5", 5, "third"))
	steps := func(q TraceQuery) (out []string) {
		trace, err := w.Trace(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range trace.Steps {
			out = append(out, fmt.Sprint(s.Depth, " ", s.Run, " ", s.Wrote, " < ", strings.Join(s.Read, ",")))
		}
		return append(out, trace.LimitsHit...)
	}
	equal(t, "on day 2", steps(TraceQuery{Node: "dataset:pg/end", On: day(1, 2)}), []string{"1 u1 dataset:pg/end < dataset:pg/mid", "2 l1 dataset:pg/mid < dataset:pg/first"})
	equal(t, "on day 4", steps(TraceQuery{Node: "dataset:pg/end", On: day(1, 4)}), []string{"1 u4 dataset:pg/end < dataset:pg/mid", "2 l3 dataset:pg/mid < dataset:pg/second"})
	equal(t, "the newest, a column", steps(TraceQuery{Node: "column:pg/end#key"}), []string{"1 u4 column:pg/end#key < column:pg/mid#id", "2 l3 column:pg/mid#id < column:pg/second#id"})
	other := olRun("u6", "mark", "COMPLETE", day(1, 6), inputs(olInput("mid")), outputs(olOutput("end", "mid", "id", "flag")))
	silent := olRun("u7", "copy", "COMPLETE", day(1, 7), inputs(olInput("mid")), plain("end"))
	w = lineageViews(t, load("l1", 1, "first"), use("u1", 2), other, silent)
	equal(t, "a column that a later run did not write", steps(TraceQuery{Node: "column:pg/end#key", On: day(1, 6)}), []string{"1 u1 column:pg/end#key < column:pg/mid#id", "2 l1 column:pg/mid#id < column:pg/first#id"})
	equal(t, "a column that it wrote", steps(TraceQuery{Node: "column:pg/end#flag", On: day(1, 6), Depth: 1}), []string{"1 u6 column:pg/end#flag < column:pg/mid#id", LimitDepth})
	equal(t, "a run that does not say which columns it wrote", steps(TraceQuery{Node: "dataset:pg/end", Depth: 1}), []string{"1 u7 dataset:pg/end < dataset:pg/mid", LimitDepth})
	w = lineageViews(t, load("l1", 1, "first"), use("u1", 2), load("l3", 3, "second"), use("u4", 4), load("l5", 5, "third"))
	equal(t, "before all", steps(TraceQuery{Node: "dataset:pg/end", On: day(1, 1)}), nil)
	equal(t, "one step", steps(TraceQuery{Node: "dataset:pg/end", Depth: 1}), []string{"1 u4 dataset:pg/end < dataset:pg/mid", LimitDepth})
	if _, err := w.Trace(ctx, TraceQuery{Node: "job:etl/use"}); err == nil {
		t.Error("a job was traced")
	}
}

// TestDifferences: columns that are declared and not observed, and the other way
// round, are found; where only one side is told, nothing is.
func TestDifferences(t *testing.T) {
	w := lineageViews(t,
		olJob("j", 1, inputs(olInput("s")), outputs(olOutput("x", "s", "id", "id", "born", "age"))),
		olRun("r", "j", "COMPLETE", 2, inputs(olInput("s")), outputs(olOutput("x", "s", "id", "id", "phone", "age"))),
		olRun("u", "k", "COMPLETE", 3, inputs(olInput("x")), outputs(olOutput("y", "x", "id", "id"))))
	for _, node := range []string{"dataset:pg/x", "job:etl/j"} {
		list, err := w.Differences(ctx, DifferenceQuery{Node: node})
		if err != nil || len(list.Differences) != 1 {
			t.Fatalf("%s: %+v %v", node, list, err)
		}
		d := list.Differences[0]
		if d.From != "dataset:pg/s" || d.To != "dataset:pg/x" || !slices.Equal(d.DeclaredOnly, []ColumnPair{{"born", "age"}}) ||
			!slices.Equal(d.ObservedOnly, []ColumnPair{{"phone", "age"}}) || !slices.Equal(d.Declared, []int64{1}) || !slices.Equal(d.Observed, []int64{2}) {
			t.Errorf("%s: %+v", node, d)
		}
	}
	list, err := w.Differences(ctx, DifferenceQuery{Node: "dataset:pg/y"})
	if err != nil || len(list.Differences) != 0 {
		t.Errorf("told by runs only: %+v %v", list, err)
	}
	list, err = viewAt(t, w.v, 1).Differences(ctx, DifferenceQuery{Node: "dataset:pg/x"})
	if err != nil || len(list.Differences) != 0 {
		t.Errorf("before a run: %+v %v", list, err)
	}
	if _, err := w.Differences(ctx, DifferenceQuery{Node: "column:pg/x#id"}); err == nil {
		t.Error("a column was compared")
	}
}

// TestDifferencesByOtherNames: what is declared of one name of a dataset is compared with
// what runs showed of another, and told once.
func TestDifferencesByOtherNames(t *testing.T) {
	file := olOutput("path/x", "path/s", "id", "id", "phone", "age")
	file.Symlinks = []events.DatasetRef{{Namespace: "pg", Name: "x"}}
	read := olInput("path/s")
	read.Symlinks = []events.DatasetRef{{Namespace: "pg", Name: "s"}}
	w := lineageViews(t,
		olJob("j", day(1, 1), inputs(olInput("s")), outputs(olOutput("x", "s", "id", "id", "born", "age"))),
		olRun("r", "j", "COMPLETE", day(1, 2), inputs(read), outputs(file)),
		olRun("q", "k", "COMPLETE", day(1, 3), inputs(read), outputs(olOutput("plain", "s", "id", "id"))))
	for _, node := range []string{"dataset:pg/x", "dataset:pg/path/x", "job:etl/j", ""} {
		list, err := w.Differences(ctx, DifferenceQuery{Node: node})
		if err != nil || len(list.Differences) != 1 || len(list.Runs) != 1 {
			t.Fatalf("%s: %+v %v", node, list, err)
		}
		d, run := list.Differences[0], list.Runs[0]
		if d.From != "dataset:pg/s" || !slices.Equal(d.DeclaredOnly, []ColumnPair{{"born", "age"}}) || !slices.Equal(d.ObservedOnly, []ColumnPair{{"phone", "age"}}) {
			t.Errorf("%s: %+v", node, d)
		}
		if run.Run != "r" || !slices.Equal(run.Undeclared, []events.ColumnRef{{Namespace: "pg", Name: "path/s", Field: "phone"}}) ||
			!slices.Equal(run.Unseen, []events.ColumnRef{{Namespace: "pg", Name: "s", Field: "born"}}) {
			t.Errorf("%s: %+v", node, run)
		}
	}
}

// TestRunDifferences: a run is compared with what was declared on the day it began,
// by its job and by the dataset itself, however late that was told; and says who has
// recorded that it differed.
func TestRunDifferences(t *testing.T) {
	column := func(name, field string) events.ColumnRef {
		return events.ColumnRef{Namespace: "pg", Name: name, Field: field}
	}
	declared := func(at events.Time, pairs ...string) claim {
		return olJob("j", at, inputs(olInput("s")), outputs(olOutput("x", "s", pairs...)))
	}
	ran := func(id string, at events.Time, pairs ...string) claim {
		return olRun(id, "j", "COMPLETE", at, inputs(olInput("s")), outputs(olOutput("x", "s", pairs...)))
	}
	w := lineageViews(t,
		declared(day(1, 1), "id", "id", "born", "age"),               // 1
		ran("before", day(1, 1)-1, "phone", "phone"),                 // 2
		ran("first", day(1, 2), "id", "id", "phone", "age"),          // 3
		declared(day(1, 4), "id", "id", "phone", "age"),              // 4
		ran("good", day(1, 5), "id", "id", "phone", "age"),           // 5
		olRun("silent", "j", "COMPLETE", day(1, 6), nil, plain("x")), // 6
		claim{at: day(1, 7), data: &events.DifferenceObserved{Run: "first", Job: events.JobRef{Namespace: "etl", Name: "j"}, Unseen: []events.ColumnRef{column("s", "born")}}},
		received(t, sent(8, aDataset(dataset("x", columnsOf("s.more>more"))))), // 8: beside what the job declares
		ran("last", day(1, 9), "id", "id", "phone", "age"),                     // 9
		declared(day(1, 3), "id", "id"),                      // 10: told late, of before "good"
		ran("between", day(1, 3), "id", "id", "born", "age")) // 11
	runs := func(at int64, node string) (out []string) {
		list, err := viewAt(t, w.v, at).Differences(ctx, DifferenceQuery{Node: node})
		if err != nil || !list.Complete {
			t.Fatal(list.LimitsHit, err)
		}
		for _, d := range list.Runs {
			line := d.Run
			for sign, refs := range map[string][]events.ColumnRef{" +": d.Undeclared, " -": d.Unseen} {
				for _, r := range refs {
					line += sign + r.Name + "." + r.Field
				}
			}
			out = append(out, fmt.Sprint(strings.Join(slices.Sorted(strings.FieldsSeq(line)), " "), d.Recorded))
		}
		return out
	}
	for _, c := range []struct {
		at   int64
		node string
		want []string
	}{
		{11, "run:before", nil}, {11, "run:good", nil}, {11, "run:silent", nil},
		{3, "run:first", []string{"+s.phone -s.born first[]"}}, {7, "run:first", []string{"+s.phone -s.born first[7]"}},
		{9, "run:last", []string{"-s.more -x.more last[]"}},
		{11, "run:between", []string{"+s.born +x.age between[]"}},
		{3, "dataset:pg/x", []string{"+s.phone -s.born first[]"}}, {5, "dataset:pg/x", nil}, {9, "job:etl/j", []string{"-s.more -x.more last[]"}},
		{11, "job:etl/j", []string{"+s.born +x.age between[]"}},
	} {
		equal(t, fmt.Sprint(c.node, " at ", c.at), runs(c.at, c.node), c.want)
	}
}

// TestDifferencesAreBounded: of a job with very many outputs some are compared, and
// the answer says so.
func TestDifferencesAreBounded(t *testing.T) {
	var outs []events.LineageOutput
	for i := range maxOutputs + 1 {
		outs = append(outs, olOutput(fmt.Sprint("x", i), "s", "id", "id"))
	}
	w := lineageViews(t, olRun("r", "j", "COMPLETE", 1, inputs(olInput("s")), outs), olRun("u", "k", "COMPLETE", 1, inputs(olInput("s")), outs[:1]))
	for node, want := range map[string]string{"job:etl/j": LimitOutputs, "job:etl/k": "", "dataset:pg/x0": ""} {
		list, err := w.Differences(ctx, DifferenceQuery{Node: node})
		if err != nil || strings.Join(list.LimitsHit, " ") != want || list.Complete != (want == "") {
			t.Errorf("%s: %v %v %v", node, list.Complete, list.LimitsHit, err)
		}
	}
}

// TestParts: told in parts, a graph is the same, each node and edge once, nearest
// first, and an edge only when its ends have come.
func TestParts(t *testing.T) {
	w := scripted(t)
	for _, q := range []LineageQuery{
		{Node: "dataset:pg/clean"}, {Node: "dataset:pg/raw", Direction: Down, Columns: true}, {Node: "entry:E1", Dropped: true}, {Node: "job:etl/clean", Depth: 1},
		{Node: "run:r3", Direction: Up}, {Node: "job:etl/clean", Graph: GraphHierarchy}, {Node: "dataset:pg/raw", MaxNodes: 4}, {Node: "column:pg/clean#id"},
	} {
		want, err := w.Lineage(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		got := Graph{Node: want.Node, Direction: want.Direction, Nodes: []Node{}, Edges: []Edge{}}
		known, depth := make(map[string]bool), 0
		got.LimitsHit, err = w.LineageParts(ctx, q, func(p GraphPart) error {
			if p.Depth < depth {
				t.Errorf("%+v: depth %d after %d", q, p.Depth, depth)
			}
			depth = p.Depth
			for _, n := range p.Nodes {
				if known[n.ID] {
					t.Errorf("%+v: node %s twice", q, n.ID)
				}
				known[n.ID] = true
			}
			for _, e := range p.Edges {
				if !known[e.From] || !known[e.To] {
					t.Errorf("%+v: edge %s → %s before its ends", q, e.From, e.To)
				}
			}
			got.Nodes, got.Edges = append(got.Nodes, p.Nodes...), append(got.Edges, p.Edges...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got.Nodes, func(a, b Node) int { return a.Depth - b.Depth })
		slices.SortStableFunc(got.Nodes, func(a, b Node) int {
			if a.Depth != b.Depth {
				return a.Depth - b.Depth
			}
			return strings.Compare(a.ID, b.ID)
		})
		slices.SortFunc(got.Edges, byEnds)
		got.Complete = len(got.LimitsHit) == 0
		g, err1 := json.Marshal(got)
		x, err2 := json.Marshal(want)
		if err := errors.Join(err1, err2); err != nil || string(g) != string(x) {
			t.Errorf("%+v: %v\n got %s\nwant %s", q, err, g, x)
		}
	}
	stop := errors.New("enough")
	if _, err := w.LineageParts(ctx, LineageQuery{Node: "dataset:pg/raw"}, func(GraphPart) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("telling ended with %v", err)
	}
}

// TestDifferenceUnderTwoNames: a column that one run read under two names of its dataset
// is one difference, under the first of them, however often it is asked for.
func TestDifferenceUnderTwoNames(t *testing.T) {
	both := olOutput("x", "path/s", "id", "id", "phone", "age")
	both.ColumnLineage = append(both.ColumnLineage, olOutput("x", "s", "id", "id", "phone", "age").ColumnLineage...)
	read := olInput("path/s")
	read.Symlinks = []events.DatasetRef{{Namespace: "pg", Name: "s"}}
	w := lineageViews(t,
		olJob("j", day(1, 1), inputs(olInput("s")), outputs(olOutput("x", "s", "id", "id"))),
		olRun("r", "j", "COMPLETE", day(1, 2), inputs(read, olInput("s")), outputs(both)))
	want := []events.ColumnRef{{Namespace: "pg", Name: "path/s", Field: "phone"}, {Namespace: "pg", Name: "x", Field: "age"}}
	for range 20 {
		list, err := w.Differences(ctx, DifferenceQuery{Node: "dataset:pg/x"})
		if err != nil || len(list.Runs) != 1 || !slices.Equal(list.Runs[0].Undeclared, want) {
			t.Fatalf("%+v %v", list.Runs, err)
		}
	}
}
