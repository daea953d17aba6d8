package projections

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// What would take quadratic time or room if it were kept naively. Work is counted,
// not timed.

// TestFanOutIsLinear: a job of n inputs and n outputs leaves 2n edges in the graph
// and as many rows, and an answer about it holds no more.
func TestFanOutIsLinear(t *testing.T) {
	for _, n := range []int{50, 200} {
		var in []events.LineageInput
		var out []string
		for i := range n {
			in, out = append(in, olInput(fmt.Sprint("in", i))), append(out, fmt.Sprint("out", i))
		}
		told := []claim{olRun("r", "j", "START", 1, in, nil), olRun("r", "j", "COMPLETE", 2, nil, plain(out...)), olRun("r", "j", "COMPLETE", 2, nil, plain(out...))}
		w := lineageViews(t, told...)
		g, err := w.graph()
		if err != nil {
			t.Fatal(err)
		}
		kept, rows := 0, 0
		for node := range g.Nodes() {
			g.Each(graph.Down, uint32(node), func(graph.Edge, graph.State) bool { kept++; return true })
		}
		if err := w.store.every(tEdge, func(row) error { rows++; return nil }); err != nil {
			t.Fatal(err)
		}
		if kept != 2*n || rows > 5*n {
			t.Errorf("%d inputs and outputs: %d edges in %d rows", n, kept, rows)
		}
		answer, err := w.Lineage(ctx, LineageQuery{Node: "dataset:pg/in0", Direction: Down})
		if err != nil || len(answer.Edges) != n+1 || len(answer.Nodes) != n+2 || !answer.Complete {
			t.Errorf("%d outputs: %d edges, %d nodes, %v %v", n, len(answer.Edges), len(answer.Nodes), answer.LimitsHit, err)
		}
		few, err := w.Lineage(ctx, LineageQuery{Node: "dataset:pg/in0", Direction: Down, MaxNodes: 10})
		if err != nil || len(few.Nodes) != 10 || strings.Join(few.LimitsHit, " ") != LimitNodes {
			t.Errorf("cut: %d nodes, %v %v", len(few.Nodes), few.LimitsHit, err)
		}
	}
}

// TestRepeatedRunsAreLinear: that a run tells the same again, and that a job runs
// again, adds to rows in proportion and to the graph not at all.
func TestRepeatedRunsAreLinear(t *testing.T) {
	count := func(runs int) (spans, rows int) {
		var told []claim
		for r := range runs {
			for _, state := range []string{"START", "RUNNING", "COMPLETE"} {
				told = append(told, olRun(fmt.Sprint("r", r), "j", state, events.Time(1+r), inputs(olInput("a"), olInput("b")), outputs(olOutput("x", "a", "k", "k"))))
			}
		}
		w := lineageViews(t, told...)
		g, err := w.graph()
		if err != nil {
			t.Fatal(err)
		}
		for node := range g.Nodes() {
			g.Ever().Each(graph.Down, uint32(node), func(graph.Edge, graph.State) bool { spans++; return true })
		}
		for table := range tableOf {
			if tableOf[table] == lineageView {
				if err := w.store.every(table, func(row) error { rows++; return nil }); err != nil {
					t.Fatal(err)
				}
			}
		}
		return spans, rows
	}
	spans, few := count(10)
	same, many := count(40)
	if spans != same {
		t.Errorf("ten runs leave %d spans in the graph, forty %d", spans, same)
	}
	if many > 4*few {
		t.Errorf("ten runs leave %d rows, forty %d", few, many)
	}
}

// TestStrangeNames: names of any kind are found, walked and told apart.
func TestStrangeNames(t *testing.T) {
	names := []string{"a:b", "a/b", "a b", "😀", "a%2Fb", "a#b", strings.Repeat("長", 1365), " ", "\\", "a\nb", `"`}
	var told []claim
	for i, name := range names {
		told = append(told, olRun(fmt.Sprint("r", i), name, "COMPLETE", 1, inputs(olInput(name)), plain("x")))
	}
	w := lineageViews(t, told...)
	g, err := w.Lineage(ctx, LineageQuery{Node: "dataset:pg/x", Direction: Up, Depth: 1})
	if err != nil || len(g.Edges) != 2*len(names) || len(g.Nodes) != 2*len(names)+1 {
		t.Fatalf("%d edges and %d nodes of %d names: %v", len(g.Edges), len(g.Nodes), len(names), err)
	}
	for _, n := range g.Nodes { // each is found again by the name that the answer gives it
		again, err := w.ResolveNode(ctx, n.ID)
		if err != nil || again.Namespace != n.Namespace || again.Name != n.Name {
			t.Errorf("%.60q: %+v %v", n.ID, again, err)
		}
	}
	if _, err := w.ResolveNode(ctx, "dataset:"+strings.Repeat("/", 9000)); !errors.As(err, new(*UnknownNodeError)) {
		t.Errorf("a very long name: %v", err)
	}
	column := "column:" + strings.Repeat("/#", 4000)
	if n := len(readings(column)); n > 2*maxReadings {
		t.Errorf("a column's name is read in %d ways", n)
	}
	if _, err := w.ResolveNode(ctx, column); !errors.As(err, new(*UnknownNodeError)) {
		t.Errorf("a column's name that can be split in very many ways: %v", err)
	}
}

// TestSplitsByTheHundred: a name full of what separates names is found, and where it
// could be split in too many ways by its exact form.
func TestSplitsByTheHundred(t *testing.T) {
	for _, marks := range []int{60, 600} {
		name, field := strings.Repeat("a/", marks), strings.Repeat("b#", marks)
		w := lineageViews(t, olRun("r", "j", "COMPLETE", day(1, 1), inputs(olInput(name, field)), outputs(olOutput("x", name, field, "c"))))
		column := vertex{NodeColumn, "pg", name, field}
		for text, found := range map[string]bool{column.text(): marks == 60, column.exact(): true} {
			_, err := w.ResolveNode(ctx, text)
			if unknown := (*UnknownNodeError)(nil); found && err != nil || !found && !errors.As(err, &unknown) {
				t.Errorf("%d marks: %.60q is found: %v, want %v", marks, text, err, found)
			}
		}
	}
}
