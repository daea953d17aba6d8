package projections

import (
	"slices"
	"testing"
)

// TestMoments: a graph changes when an edge is first shown, declared or withdrawn,
// and not when another run shows what was known. Each moment is one at which the
// answer differs from that before, and at no other position does it.
func TestMoments(t *testing.T) {
	events := []object{
		sent(1, aRun("r1", "COMPLETE"), reading(ds("a")), writing(ds("b"))),
		sent(2, aRun("r2", "COMPLETE"), reading(ds("a")), writing(ds("b"))),
		sent(3, aJob("j"), reading(ds("a"), ds("c")), writing(ds("b"))),
		sent(4, aRun("r3/other", "COMPLETE"), reading(ds("x")), writing(ds("y"))),
		sent(5, aJob("j"), reading(ds("a")), writing(ds("b"))),
		sent(6, aRun("r4", "START"), reading(ds("a"))),
	}
	var claims []claim
	for _, e := range events {
		claims = append(claims, received(t, e))
	}
	w := lineageViews(t, claims...)
	q := LineageQuery{Node: "dataset:pg/b"}
	g, err := w.Lineage(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Moments(t.Context(), g.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	var want []int64
	before := ""
	for at := int64(0); at <= w.Position(); at++ {
		now := ""
		view := viewAt(t, w.v, at)
		if g, err := view.Lineage(t.Context(), q); err == nil {
			for _, e := range g.Edges {
				now += e.From + e.To + e.Kind
				if e.Declared {
					now += " declared"
				}
			}
		}
		if now != before {
			want, before = append(want, at), now
		}
	}
	if len(want) != 3 || !slices.Equal(got, want) {
		t.Errorf("moments %v, and the answer changed at %v", got, want)
	}
	early := viewAt(t, w.v, want[1]-1)
	if got, err := early.Moments(t.Context(), g.Nodes); err != nil || !slices.Equal(got, want[:1]) {
		t.Errorf("as of earlier: %v %v", got, err)
	}
}
