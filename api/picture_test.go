package api

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"ledgerline/projections"
)

// TestPictureOrder: the order in which a graph is told does not show in its
// picture.
func TestPictureOrder(t *testing.T) {
	for _, columns := range []bool{false, true} {
		g := flowGraph(40, columns)
		want := newPicture(g, nil, 0).svg(Standing{Complete: true})
		for seed := range uint64(5) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			rnd.Shuffle(len(g.Nodes), func(i, j int) { g.Nodes[i], g.Nodes[j] = g.Nodes[j], g.Nodes[i] })
			rnd.Shuffle(len(g.Edges), func(i, j int) { g.Edges[i], g.Edges[j] = g.Edges[j], g.Edges[i] })
			if got := newPicture(g, nil, 0).svg(Standing{Complete: true}); !bytes.Equal(got, want) {
				t.Fatalf("columns=%v: another order, another picture (%d and %d bytes)", columns, len(got), len(want))
			}
		}
	}
}

// TestPictureLimits: what is too much for a picture is left out, farthest first,
// and said: as a whole and at the boxes where something is missing.
func TestPictureLimits(t *testing.T) {
	fan := projections.Graph{Node: "dataset:n/hub", Nodes: []projections.Node{{ID: "dataset:n/hub", Kind: projections.NodeDataset, Namespace: "n", Name: "hub"}}}
	for i := range 1000 {
		id := fmt.Sprintf("job:n/j%04d", i)
		fan.Nodes = append(fan.Nodes, projections.Node{ID: id, Kind: projections.NodeJob, Namespace: "n", Name: id[6:], Depth: 1 + i/500})
		fan.Edges = append(fan.Edges, projections.Edge{From: "dataset:n/hub", To: id, Kind: projections.EdgeReads, Runs: 1})
	}
	p := newPicture(fan, nil, 0)
	if len(p.boxes) != maxBoxes || p.total != 1001 {
		t.Errorf("shows %d of %d", len(p.boxes), p.total)
	}
	if slices.ContainsFunc(p.boxes, func(b *pictureBox) bool { return b.depth > 1 }) {
		t.Error("shows what is far and leaves out what is near")
	}
	drawing := string(p.svg(Standing{LimitsHit: []string{limitPicture, projections.LimitDepth}}))
	for _, want := range []string{`data-shown="300" data-total="1001"`, "Showing 300 of 1001 boxes", "not drawn: 701 after", "beyond the depth asked for", `data-complete="false"`} {
		if !strings.Contains(drawing, want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
	if n := strings.Count(drawing, `class="box job"`); n != 299+1 { // and one in the legend
		t.Errorf("%d jobs drawn", n)
	}

	dense := projections.Graph{} // within the boxes, beyond the segments
	for i := range 200 {
		id := fmt.Sprintf("dataset:n/%03d", i)
		dense.Nodes = append(dense.Nodes, projections.Node{ID: id, Kind: projections.NodeDataset, Namespace: "n", Name: id[10:], Depth: i})
		for j := range i {
			dense.Edges = append(dense.Edges, projections.Edge{From: dense.Nodes[j].ID, To: id, Kind: projections.EdgeDerives, Runs: 1})
		}
	}
	dense.Node = dense.Nodes[0].ID
	p = newPicture(dense, nil, 0)
	if p.arrangement.segments > maxSegments || len(p.boxes) == len(dense.Nodes) || len(p.boxes) < 10 {
		t.Errorf("%d segments, %d boxes", p.arrangement.segments, len(p.boxes))
	}

	wide := projections.Graph{Node: "column:n/a#c060"} // a dataset of many columns
	for i := range 100 {
		field := fmt.Sprintf("c%03d", i)
		wide.Nodes = append(wide.Nodes,
			projections.Node{ID: "column:n/a#" + field, Kind: projections.NodeColumn, Namespace: "n", Name: "a", Field: field},
			projections.Node{ID: "column:n/b#" + field, Kind: projections.NodeColumn, Namespace: "n", Name: "b", Field: field})
		wide.Edges = append(wide.Edges, projections.Edge{From: "column:n/a#" + field, To: "column:n/b#" + field, Kind: projections.EdgeDerives, Runs: 1})
	}
	drawing = string(newPicture(wide, nil, 0).svg(Standing{Complete: true}))
	for _, want := range []string{"… 60 more columns", `<text class="this"`, "column:n/a#c060"} {
		if !strings.Contains(drawing, want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
}

// TestPictureSame: several edges between two places are one arrow, columns are
// rows, and what is the same box in two answers has the same id.
func TestPictureSame(t *testing.T) {
	g := smallGraph()
	p := newPicture(g, nil, 0)
	if len(p.boxes) != 8 || len(p.arrows) != 8 {
		t.Fatalf("%d boxes, %d arrows", len(p.boxes), len(p.arrows))
	}
	id := svgID(boxIdentity(g.Nodes[0]))
	other := projections.Graph{Node: g.Node, Nodes: g.Nodes[:1]}
	for _, drawing := range [][]byte{p.svg(Standing{}), newPicture(other, nil, 1).svg(Standing{})} {
		if bytes.Count(drawing, []byte(`id="`+id+`"`)) != 1 {
			t.Errorf("no %s in %.300s", id, drawing)
		}
	}
}

func TestTextWidth(t *testing.T) {
	for s, want := range map[string]float64{"": 0, "数据血缘": 48, "数据 ab": 24 + 3.6 + 7 + 7.2, "한국": 24, "ｶﾞ": 20, "e\u0301": 7.0, "🔒": 16.5} {
		if got := textWidth(s, 12, false); got < want-0.5 || got > want+0.5 {
			t.Errorf("%q is taken for %.1f px wide, not %.1f", s, got, want)
		}
	}
	if textWidth("数据", 24, false) != 48 || textWidth("a", 12, true) <= textWidth("a", 12, false) {
		t.Error("size and weight do not count")
	}
	average := textWidth("oracle://db.gat.yunze.example:1521/RKGL.HKGL.HKJBXX", 12, false) / 51
	if average < 6 || average > 7.4 {
		t.Errorf("ASCII is %.2f px on the average", average)
	}
}

func FuzzFitText(f *testing.F) {
	for _, s := range []string{"a", "数据血缘审计账本", "e\u0301e\u0301e\u0301e\u0301", strings.Repeat("long_name.", 400), "\xff\xfe", "🔒🔒🔒🔒🔒🔒🔒🔒"} {
		f.Add(s, 60.0)
	}
	f.Add("🔒🔒\xf0\x9fr\x92\xf0\x9f\vB\f\xb7b0\x1a\x94WZ'\x92\U00039512🔒\xf0X\x94\x92🔒", 235.0) // as wide as that, and a rounding more
	f.Fuzz(func(t *testing.T, s string, width float64) {
		if width < 12 || width > 1000 {
			return
		}
		s = plainText(s)
		got := fitText(s, width, 12, false)
		if !utf8.ValidString(got) {
			t.Fatalf("%q", got)
		}
		if got != s && textWidth(got, 12, false) > width+0.001 {
			t.Fatalf("%q is %.1f wide, not %.1f", got, textWidth(got, 12, false), width)
		}
		if got == s && len(s) < 512 && textWidth(s, 12, false) > width+0.001 {
			t.Fatalf("%q was not shortened", s)
		}
	})
}

// smallGraph has one of everything.
func smallGraph() projections.Graph {
	node := func(kind, namespace, name string, depth int) projections.Node {
		id := kind + ":" + name
		if namespace != "" {
			id = kind + ":" + namespace + "/" + name
		}
		return projections.Node{ID: id, Kind: kind, Namespace: namespace, Name: name, Depth: depth, First: int64(depth)}
	}
	run := node(projections.NodeRun, "", runID, 1)
	run.State = "COMPLETE"
	entry := node(projections.NodeEntry, "", "DS02", 0)
	entry.Title = "户籍注销信息"
	sales := node(projections.NodeDataset, "warehouse", "sales", 0)
	sales.Entries = []string{"DS02"}
	g := projections.Graph{
		Node: "dataset:warehouse/sales", Direction: projections.Both, Complete: true,
		Nodes: []projections.Node{
			sales, entry, node(projections.NodeDataset, "warehouse", "orders", 1), node(projections.NodeJob, "etl", "merge", 1), run,
			node(projections.NodeDataset, "lake", "sales", 0),
			{ID: "column:warehouse/orders#amount", Kind: projections.NodeColumn, Namespace: "warehouse", Name: "orders", Field: "amount", Depth: 1},
			{ID: "dataset:tmp/old", Kind: projections.NodeDataset, Namespace: "tmp", Name: "old", Depth: 1, Dropped: true, Origin: true},
			node(projections.NodeJob, "etl", "daily", 2),
		},
		Edges: []projections.Edge{
			{From: "job:etl/daily", To: "job:etl/merge", Kind: projections.EdgePrecedes, First: 6, Last: 6, Declared: true, Dependency: &projections.Dependency{Type: "DIRECT_INVOCATION"}},
			{From: "dataset:warehouse/orders", To: "job:etl/merge", Kind: projections.EdgeReads, First: 3, Last: 9, Runs: 2, Events: []int64{9, 3}},
			{From: "job:etl/merge", To: "dataset:warehouse/sales", Kind: projections.EdgeWrites, First: 3, Last: 9, Runs: 2, Events: []int64{9, 3}},
			{From: "job:etl/merge", To: "dataset:warehouse/orders", Kind: projections.EdgeWrites, First: 4, Last: 4, Declared: true},
			{From: "dataset:tmp/old", To: "job:etl/merge", Kind: projections.EdgeReads, First: 3, Last: 3, Runs: 1},
			{From: "job:etl/merge", To: "run:" + runID, Kind: projections.EdgeRuns, First: 3, Last: 9, Runs: 1},
			{From: "entry:DS02", To: "dataset:warehouse/sales", Kind: projections.EdgeResource, First: 2, Last: 2, Declared: true},
			{From: "dataset:lake/sales", To: "dataset:warehouse/sales", Kind: projections.EdgeSameAs, First: 5, Last: 5},
			{From: "column:warehouse/orders#amount", To: "dataset:warehouse/orders", Kind: projections.EdgePartOf},
		},
	}
	return g
}
