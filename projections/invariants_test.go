package projections

import (
	"fmt"
	"testing"

	"ledgerline/events"
)

// TestInvariant_I24: what a dataset is in the catalog is told by the versions that
// existed then, and a cycle across runs is walked once around.
func TestInvariant_I24(t *testing.T) {
	b := newBook(t)
	b.add(party("P1"), party("P2"))
	whole := func(name string) []events.LineageOutput {
		return outputs(events.LineageOutput{Namespace: "pg", Name: name})
	}
	before := b.add(olRun("r1", "there", "COMPLETE", day(2, 1), inputs(olInput("raw")), whole("clean")),
		olRun("r2", "back", "COMPLETE", day(2, 2), inputs(olInput("clean")), whole("raw")))
	b.add(claim{at: day(2, 3), data: draft("E1", "P2", "t", []events.Resource{{Namespace: "pg", Name: "clean", Method: "api"}}, "id")})
	b.add(inForce("E1", "P2")...)
	w := latestView(t, b)
	for at, want := range map[int64]string{before: "[]", w.Position(): "[E1]"} {
		g, err := viewAt(t, w.v, at).Lineage(ctx, LineageQuery{Node: "dataset:pg/raw", Direction: Up, Depth: MaxDepth})
		if err != nil || !g.Complete || len(g.Edges) != 4 {
			t.Fatalf("around: %+v %v", g, err)
		}
		for _, n := range g.Nodes {
			if n.ID == "dataset:pg/clean" && fmt.Sprint(n.Entries) != want {
				t.Errorf("at %d it is described by %v, want %s", at, n.Entries, want)
			}
		}
	}
}
