package api

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ledgerline/projections"

	"pgregory.net/rapid"
)

// flowGraph is a lineage graph such as there are in warehouses: n datasets in
// layers, each made from one to four of the layers before, with jobs between or
// with columns.
func flowGraph(n int, columns bool) projections.Graph {
	rnd := rand.New(rand.NewPCG(uint64(n), 7))
	const layers = 5
	dataset := func(i int) projections.Node {
		name := fmt.Sprintf("库%d.表_%03d", i%layers, i)
		return projections.Node{ID: "dataset:postgres://db/" + name, Kind: projections.NodeDataset, Namespace: "postgres://db", Name: name, First: int64(i), Depth: i * layers / n}
	}
	var g projections.Graph
	column := func(i, field int) string {
		d := dataset(i)
		return fmt.Sprintf("column:%s/%s#字段_%d", d.Namespace, d.Name, field)
	}
	const fields = 6
	for i := range n {
		g.Nodes = append(g.Nodes, dataset(i))
		for f := range fields {
			if columns {
				d := dataset(i)
				g.Nodes = append(g.Nodes, projections.Node{ID: column(i, f), Kind: projections.NodeColumn, Namespace: d.Namespace, Name: d.Name, Field: fmt.Sprintf("字段_%d", f), First: int64(i)})
			}
		}
		layer := i * layers / n
		if layer == 0 {
			continue
		}
		job := projections.Node{ID: fmt.Sprintf("job:etl/make_%03d", i), Kind: projections.NodeJob, Namespace: "etl", Name: fmt.Sprintf("make_%03d", i), Depth: layer}
		if !columns {
			g.Nodes = append(g.Nodes, job)
			g.Edges = append(g.Edges, projections.Edge{From: job.ID, To: dataset(i).ID, Kind: projections.EdgeWrites, Runs: 1})
		}
		first := layer * n / layers
		for range 1 + rnd.IntN(4) {
			from := rnd.IntN(first)
			if rnd.IntN(4) > 0 { // mostly from nearby in the layer before
				from = max(0, min(first-1, i-n/layers+rnd.IntN(5)-2))
			}
			if !columns {
				g.Edges = append(g.Edges, projections.Edge{From: dataset(from).ID, To: job.ID, Kind: projections.EdgeReads, Runs: 1})
				continue
			}
			for f := range fields {
				if rnd.IntN(2) == 0 {
					g.Edges = append(g.Edges, projections.Edge{From: column(from, rnd.IntN(fields)), To: column(i, f), Kind: projections.EdgeDerives, Job: job.ID, Runs: 1})
				}
			}
		}
	}
	g.Node, g.Direction = g.Nodes[0].ID, projections.Both
	return g
}

// anyDiagram draws diagrams with cycles, loops and several ports.
func anyDiagram(t *rapid.T) diagram {
	var d diagram
	n := rapid.IntRange(1, 25).Draw(t, "boxes")
	for range n {
		b := box{w: float64(rapid.IntRange(20, 200).Draw(t, "w")), ports: []float64{10}}
		for range rapid.IntRange(0, 4).Draw(t, "ports") {
			b.ports = append(b.ports, b.ports[len(b.ports)-1]+18)
		}
		b.h = b.ports[len(b.ports)-1] + 12
		d.boxes = append(d.boxes, b)
	}
	end := func(name string) port {
		i := rapid.IntRange(0, n-1).Draw(t, name)
		return port{i, rapid.IntRange(0, len(d.boxes[i].ports)-1).Draw(t, name+" port")}
	}
	for range rapid.IntRange(0, 60).Draw(t, "arrows") {
		d.arrows = append(d.arrows, arrow{end("from"), end("to")})
	}
	return d
}

// TestLayoutProperties: whatever the diagram, boxes do not overlap, arrows go
// from left to right unless they say that they close a cycle, and do not run
// through boxes, and the same diagram is laid out the same.
func TestLayoutProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDiagram(t)
		a, ok := arrange(d, math.MaxInt)
		if !ok {
			t.Fatal("refused")
		}
		if n := a.countSegments(math.MaxInt); n != a.segments {
			t.Fatalf("counted %d segments, made %d", n, a.segments)
		}
		work := budget(rapid.IntRange(0, 20_000).Draw(t, "work"))
		l := a.solve(work)
		checkLayout(t, d, l)
		if again, _ := arrange(d, math.MaxInt); !reflect.DeepEqual(l, again.solve(work)) {
			t.Fatal("laid out differently the second time")
		}
	})
}

// fatal is what checkLayout needs of a test.
type fatal interface{ Fatalf(string, ...any) }

func checkLayout(t fatal, d diagram, l layout) {
	for i, b := range d.boxes {
		at := l.boxes[i]
		if at.x < 0 || at.y < 0 || at.x+b.w > l.w || at.y+b.h > l.h+1e-6 {
			t.Fatalf("box %d is outside the picture", i)
		}
		for j := range i {
			other, size := l.boxes[j], d.boxes[j]
			if at.x < other.x+size.w && other.x < at.x+b.w && at.y < other.y+size.h+9.9 && other.y < at.y+b.h+9.9 {
				t.Fatalf("boxes %d and %d overlap or touch: %v %v", i, j, at, other)
			}
		}
	}
	for i, w := range d.arrows {
		lane := l.lanes[i]
		from, to := l.layer[w.from.box], l.layer[w.to.box]
		if lane.closes != (from >= to) {
			t.Fatalf("arrow %d goes from layer %d to %d, closes %v", i, from, to, lane.closes)
		}
		if from == to && w.from.box != w.to.box {
			t.Fatalf("arrow %d stays in layer %d", i, from)
		}
		for k := 1; k < len(lane.points); k++ {
			p, q := lane.points[k-1], lane.points[k]
			if w.from.box != w.to.box && !lane.closes && p.x > q.x+1e-6 {
				t.Fatalf("arrow %d turns back", i)
			}
			if k%2 == 1 && p.y != q.y && w.from.box != w.to.box {
				t.Fatalf("arrow %d is not straight inside a layer", i)
			}
			for j, b := range d.boxes { // the straight parts; curves lie between the layers
				if at := l.boxes[j]; k%2 == 1 && j != w.from.box && j != w.to.box && p.y > at.y && p.y < at.y+b.h && min(p.x, q.x) < at.x+b.w && max(p.x, q.x) > at.x {
					t.Fatalf("arrow %d runs through box %d", i, j)
				}
			}
		}
	}
}

// TestCrossingsCount compares the count with one that looks at every pair.
func TestCrossingsCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, _ := arrange(anyDiagram(t), math.MaxInt)
		got := a.order(new(budget))
		slow := 0
		for l := range a.layers {
			var all [][2]int
			for _, u := range a.layers[l] {
				for _, e := range a.right[u] {
					all = append(all, [2]int{a.nodes[u].rank + e.own, a.nodes[e.node].rank + e.port})
				}
			}
			for i, x := range all {
				for _, y := range all[:i] {
					if (x[0]-y[0])*(x[1]-y[1]) < 0 {
						slow++
					}
				}
			}
		}
		if got != slow {
			t.Fatalf("counted %d, there are %d", got, slow)
		}
	})
}

// TestIsotonic: the result never falls, and no small move makes it better.
func TestIsotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Float64Range(-50, 50), 1, 12).Draw(t, "want")
		weight := rapid.SliceOfN(rapid.Float64Range(0.1, 8), len(want), len(want)).Draw(t, "weight")
		cost := func(at []float64) (c float64) {
			for i := range at {
				c += weight[i] * (at[i] - want[i]) * (at[i] - want[i])
			}
			return c
		}
		at := isotonic(want, weight)
		if !slices.IsSorted(at) {
			t.Fatalf("falls: %v", at)
		}
		for i := range at {
			for j := i; j < len(at); j++ {
				for _, by := range []float64{0.01, -0.01} {
					moved := slices.Clone(at)
					for k := i; k <= j; k++ {
						moved[k] += by
					}
					if slices.IsSorted(moved) && cost(moved) < cost(at)-1e-9 {
						t.Fatalf("%v is nearer to %v than %v", moved, want, at)
					}
				}
			}
		}
	})
}

// TestLayoutGolden notices when pictures of the usual sizes get worse.
func TestLayoutGolden(t *testing.T) {
	var b strings.Builder
	for _, columns := range []bool{false, true} {
		for _, n := range []int{5, 50, 200} {
			p := newPicture(flowGraph(n, columns), nil, 0)
			l := p.arrangement.solve(layoutWork)
			checkLayout(t, p.diagram(), l)
			fmt.Fprintf(&b, "datasets=%d columns=%v: boxes=%d of %d arrows=%d layers=%d segments=%d crossings=%d size=%.0fx%.0f\n",
				n, columns, len(p.boxes), p.total, len(p.arrows), slices.Max(l.layer)+1, l.segments, l.crossings, l.w, l.h)
		}
	}
	const file = "testdata/layout.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != b.String() {
		t.Errorf("(%v) layouts have changed; if for the better: go test ./api -run TestLayoutGolden -update\ngot\n%swant\n%s", err, &b, want)
	}
}

// TestLayoutWork: what is too large is cut down in bounded work, whatever its shape.
func TestLayoutWork(t *testing.T) {
	chain := diagram{}
	for i := range 300 {
		chain.boxes = append(chain.boxes, box{100, 40, []float64{20}})
		for j := range i {
			chain.arrows = append(chain.arrows, arrow{port{j, 0}, port{i, 0}})
		}
	}
	if _, ok := arrange(chain, maxSegments); ok {
		t.Error("44 850 arrows over up to 300 layers were taken")
	}
	deep := newAcyclic(2, []arrow{{port{0, 0}, port{1, 0}}, {port{1, 0}, port{0, 0}}})
	if len(deep.after[0])+len(deep.after[1]) != 1 {
		t.Errorf("a cycle of two is left with %v", deep.after)
	}
}

func BenchmarkPicture(b *testing.B) {
	for _, columns := range []bool{false, true} {
		for _, n := range []int{50, 200} {
			b.Run(fmt.Sprintf("datasets=%d/columns=%v", n, columns), func(b *testing.B) {
				g, size := flowGraph(n, columns), 0
				for b.Loop() {
					p := newPicture(g, nil, 0)
					size = len(p.svg(Standing{Complete: true}))
				}
				b.ReportMetric(float64(size)/1024, "KiB")
			})
		}
	}
}
