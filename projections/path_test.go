package projections

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// ways writes paths as their nodes, datasets by name.
func ways(t *testing.T, w *View, q PathQuery) ([]string, PathList) {
	t.Helper()
	list, err := w.Paths(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range list.Paths {
		out = append(out, strings.NewReplacer("dataset:pg/", "", "column:pg/", "").Replace(strings.Join(p.Nodes, ">")))
		if len(p.Steps) != len(p.Nodes)-1 {
			t.Errorf("%d steps between %d nodes", len(p.Steps), len(p.Nodes))
		}
		for i, s := range p.Steps {
			if s.From != p.Nodes[i] || s.To != p.Nodes[i+1] || len(s.Edges) == 0 {
				t.Errorf("step %d of %v: %+v", i, p.Nodes, s)
			}
		}
	}
	return out, list
}

func pathViews(t *testing.T, events ...object) *View {
	t.Helper()
	var claims []claim
	for _, e := range events {
		claims = append(claims, received(t, e))
	}
	return lineageViews(t, claims...)
}

// TestPathsPassWhereDataDid: two flows through one job do not cross.
func TestPathsPassWhereDataDid(t *testing.T) {
	w := pathViews(t,
		sent(1, aRun("r1/j", "COMPLETE"), reading(ds("a"), ds("b")), writing(ds("x", columnsOf("a.k>k")), ds("y", columnsOf("b.k>k")))),
		sent(2, aRun("r2/k", "COMPLETE"), reading(ds("x")), writing(ds("z", columnsOf("x.k>k")))),
		sent(3, aRun("r3/l", "COMPLETE"), reading(ds("a")), writing(ds("z"))),
		sent(4, aRun("r4/back", "COMPLETE"), reading(ds("z")), writing(ds("a"))), // a cycle
		sent(5, aDataset(dataset("z", symlinksTo("s3")))))
	for _, c := range []struct {
		q    PathQuery
		want string
	}{
		{PathQuery{From: "dataset:pg/a", To: "dataset:pg/z"}, "a>z, a>x>z"},
		{PathQuery{From: "dataset:pg/a", To: "dataset:pg/y"}, ""},
		{PathQuery{From: "dataset:pg/b", To: "dataset:pg/z"}, ""},
		{PathQuery{From: "column:pg/a#k", To: "column:pg/z#k"}, "a#k>x#k>z#k"},
		{PathQuery{From: "dataset:pg/a", To: "column:pg/x#k"}, "a>a#k>x#k"},
		{PathQuery{From: "dataset:pg/x", To: "dataset:pg/s3"}, "x>z>s3"},
		{PathQuery{From: "dataset:pg/z", To: "dataset:pg/x"}, "z>a>x"},
		{PathQuery{From: "dataset:pg/a", To: "dataset:pg/a"}, ""},
		{PathQuery{From: "job:etl/j", To: "dataset:pg/z"}, "job:etl/j>x>z"},
		{PathQuery{From: "dataset:pg/a", To: "job:etl/k"}, "a>x>job:etl/k"},
		{PathQuery{From: "run:r1", To: "run:r2"}, "run:r1>x>run:r2"},
		{PathQuery{From: "dataset:pg/a", To: "dataset:pg/z", View: ViewObserved, Window: Window{To: day(1, 3)}}, "a>x>z"},
	} {
		got, list := ways(t, w, c.q)
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%+v: got %v, want %s", c.q, got, c.want)
		}
		if len(got) > 0 && list.Shortest != strings.Count(got[0], ">") {
			t.Errorf("%+v: shortest %d", c.q, list.Shortest)
		}
		if c.q.Columns || strings.HasPrefix(c.q.From+c.q.To, "column") {
			continue // some job told no columns
		}
		if !list.Complete && c.q.From != "dataset:pg/a" {
			t.Errorf("%+v: limits hit: %v", c.q, list.LimitsHit)
		}
	}
	_, err := w.Paths(ctx, PathQuery{From: "dataset:pg/a", To: "dataset:pg/nowhere"})
	if unknown := (*UnknownNodeError)(nil); !errors.As(err, &unknown) || unknown.Node != "dataset:pg/nowhere" {
		t.Errorf("an unknown target: %v", err)
	}
}

// TestPathLimits: a ladder of n rungs has 2^n paths. What is given is the
// shortest, and what cut the search is said.
func TestPathLimits(t *testing.T) {
	var events []object
	step := func(from, to string) {
		events = append(events, sent(1, aRun("r"+from+to+"/"+from+to, "COMPLETE"), reading(ds(from)), writing(ds(to))))
	}
	const rungs = 8
	for i := range rungs {
		at, next := fmt.Sprint("n", i), fmt.Sprint("n", i+1)
		step(at, next)
		step(at, at+"by")
		step(at+"by", next)
	}
	w := pathViews(t, events...)
	q := PathQuery{From: "dataset:pg/n0", To: fmt.Sprint("dataset:pg/n", rungs)}
	got, list := ways(t, w, q)
	if len(got) != DefaultPaths || list.Complete || !slices.Contains(list.LimitsHit, LimitPaths) || list.Shortest != rungs {
		t.Errorf("%d paths, shortest %d, limits %v", len(got), list.Shortest, list.LimitsHit)
	}
	q.MaxPaths = 1000
	if got, list = ways(t, w, q); len(got) != 1<<rungs || !list.Complete {
		t.Errorf("%d paths of %d, limits %v", len(got), 1<<rungs, list.LimitsHit)
	}
	if len(slices.Compact(slices.Sorted(slices.Values(got)))) != 1<<rungs {
		t.Error("a path is there twice")
	}
	q.MaxLength = rungs
	if got, list = ways(t, w, q); len(got) != 1 || !slices.Contains(list.LimitsHit, LimitLength) {
		t.Errorf("%d paths of the shortest length, limits %v", len(got), list.LimitsHit)
	}
	q.MaxLength = rungs - 1
	if got, list = ways(t, w, q); len(got) != 0 || list.Complete {
		t.Errorf("%d paths shorter than the shortest, limits %v", len(got), list.LimitsHit)
	}
}

// TestWideJob: a job with many inputs and many outputs, none of which is told to
// come from another, costs their sum and not their product.
func TestWideJob(t *testing.T) {
	const n = 800
	var in, out []any
	for i := range n {
		in, out = append(in, ds(fmt.Sprint("in", i))), append(out, ds(fmt.Sprint("out", i)))
	}
	w := pathViews(t, sent(1, aRun("r1/split", "COMPLETE"), reading(ds("root")), writing(in...)), sent(2, aRun("r2/wide", "COMPLETE"), reading(in...), writing(out...)))
	start := time.Now()
	g, err := w.Lineage(ctx, LineageQuery{Node: "dataset:pg/root", Direction: Down, MaxNodes: MaxNodes})
	if err != nil || !g.Complete || len(g.Nodes) != 2*n+3 || len(g.Edges) != 3*n+1 {
		t.Errorf("%d nodes, %d edges, limits %v, %v", len(g.Nodes), len(g.Edges), g.LimitsHit, err)
	}
	if took := time.Since(start); took > 5*time.Second { // a walk of the product takes minutes
		t.Errorf("it took %s", took)
	}
	list, err := w.Paths(ctx, PathQuery{From: "dataset:pg/root", To: "dataset:pg/out7"})
	if err != nil || list.Complete || !slices.Contains(list.LimitsHit, LimitWork) {
		t.Errorf("paths through the product: limits %v, %v", list.LimitsHit, err)
	}
}
