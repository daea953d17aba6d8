package projections

import (
	"fmt"
	"slices"
	"testing"

	"ledgerline/events"
)

// byHand declares, or with no source withdraws, an edge of clean's columns.
func byHand(id string, at, from, until events.Time, source, field string) claim {
	if source == "" {
		return claim{at: at, effective: from, data: &events.EdgeWithdrawn{Edge: id, By: "P1", Reason: "x"}}
	}
	return claim{at: at, effective: from, until: until, data: &events.EdgeDeclared{
		Edge: id, By: "P1", From: events.ColumnRef{Namespace: "pg", Name: source, Field: field}, To: events.ColumnRef{Namespace: "pg", Name: "paper", Field: field},
		Job: events.JobRef{Namespace: "etl", Name: "clerk"}, Confidence: "likely", Reason: "x", Transformation: events.Transformation{Type: "DIRECT", Subtype: "IDENTITY"},
	}}
}

// TestEdgesByHand: an edge that a person declares is in the graph from the record
// that declares it to the one that withdraws it; on a date, the act counts that was
// recorded last of those in effect, until it ends.
func TestEdgesByHand(t *testing.T) {
	w := lineageViews(t, party("P1"),
		byHand("E-1", day(1, 5), 0, 0, "form", "name"),                 // 2
		byHand("E-2", day(1, 6), day(1, 1), day(2, 1), "register", ""), // 3: told late, and ends
		byHand("E-1", day(1, 20), 0, 0, "", ""),                        // 4
		byHand("E-1", day(1, 21), day(3, 1), 0, "letter", ""),          // 5: another source, and not yet
		olJob("clerk", day(1, 22), inputs(olInput("counter")), plain("paper")),
	)
	for _, c := range []struct {
		at   int64
		on   events.Time
		want []string
	}{
		{1, 0, nil}, {2, 0, []string{"form"}}, {3, 0, []string{"form", "register"}}, {4, 0, []string{"register"}}, {5, 0, []string{"letter", "register"}},
		{6, 0, []string{"counter", "letter", "register"}},
		{3, day(1, 3), []string{"register"}}, {3, day(1, 5), []string{"form", "register"}}, {2, day(1, 3), []string{}}, {3, day(2, 1), []string{"form"}},
		{4, day(1, 19), []string{"form", "register"}}, {4, day(1, 20), []string{"register"}}, {4, day(2, 1), []string{}},
		{5, day(1, 19), []string{"form", "register"}}, {5, day(2, 2), []string{}}, {5, day(3, 1), []string{"letter"}},
	} {
		for _, view := range []LineageView{ViewDeclared, ViewCumulative} {
			v, got := viewAt(t, w.v, c.at), []string(nil)
			q := LineageQuery{Node: "dataset:pg/paper", Direction: Up, View: view, ValidAt: c.on}
			if c.at > 1 {
				g, err := v.Lineage(ctx, q)
				if err != nil {
					t.Fatal(err)
				}
				got = []string{}
				for _, n := range g.Nodes {
					if n.Kind == NodeDataset && n.Depth == 1 {
						got = append(got, n.Name)
					}
				}
			}
			equal(t, fmt.Sprintf("%s known at %d, on %v", view, c.at, c.on), got, c.want)
		}
	}
	_, edges, g := lineageOf(t, viewAt(t, w.v, 2), LineageQuery{Node: "column:pg/paper#name", Direction: Up})
	equal(t, "columns", edges, []string{"column:pg/form#name derives column:pg/paper#name"})
	if e := g.Edges[0]; !e.Declared || e.Job != "job:etl/clerk" || !slices.Equal(e.Events, []int64{2}) || !slices.Equal(e.Transformations, []string{"DIRECT/IDENTITY"}) {
		t.Errorf("%+v", e)
	}
	if _, edges, _ = lineageOf(t, viewAt(t, w.v, 2), LineageQuery{Node: "job:etl/clerk", View: ViewObserved}); len(edges) != 0 {
		t.Errorf("observed: %v", edges)
	}
	if list, err := w.Loose(ctx, LooseQuery{Kind: LooseOrphan}); err != nil || slices.ContainsFunc(list.Datasets, func(n Node) bool { return n.Kind != NodeDataset }) {
		t.Errorf("loose: %+v %v", list, err)
	}
}
