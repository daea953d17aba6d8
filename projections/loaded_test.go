package projections

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"ledgerline/projections/graph"
)

// TestGraphFollowsRows: as of any position, the graph in memory has the edges
// whose rows say that somebody shows them, in the state that they say; whether it
// followed what was applied or was loaded from the store.
func TestGraphFollowsRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		for _, c := range rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) claim {
			return randomLineage(rt, day(1, rapid.IntRange(1, 28).Draw(rt, "day")))
		}), 1, 40).Draw(rt, "claims") {
			b.try(c)
		}
		v := newViews(t, b.Ledger)
		size := b.Head().Size
		for v.Applied()+1 < size {
			if err := v.apply(ctx, run{v.Applied() + 1, min(size, v.Applied()+1+rapid.Int64Range(1, 9).Draw(rt, "run"))}); err != nil {
				rt.Fatal(err)
			}
		}
		followed, err := v.store.lineage.loaded(ctx)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := v.store.loadGraph(ctx)
		if err != nil {
			rt.Fatal(err)
		}
		at := rapid.Int64Range(-1, size-1).Draw(rt, "at")
		want := edgeStates(rt, v, at)
		for how, g := range map[string]*graph.Graph{"followed": followed, "loaded": again} {
			if got := graphStates(g.At(at)); !maps.Equal(got, want) {
				rt.Fatalf("%s, as of %d\n got %v\nwant %v", how, at, got, want)
			}
		}
	})
}

// edgeStates reads the states of all edges from their rows.
func edgeStates(t *rapid.T, v *Views, at int64) map[graph.Edge]graph.State {
	out := make(map[graph.Edge]graph.State)
	r, err := v.store.reader(at)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.each(ctx, []byte{byte(tEdge)}, nil, func(row row) (bool, error) {
		var e edgeRow
		if err := row.decode(&e); err != nil {
			return false, err
		}
		var n [4]uint32
		for i := range n {
			for _, b := range row.entity[2+4*i : 6+4*i] {
				n[i] = n[i]<<8 | uint32(b)
			}
		}
		if kind := graph.Kind(row.entity[1]); kind != kindOrigin {
			out[graph.Edge{Kind: kind, From: n[0], To: n[1], Job: n[2], Set: n[3]}] = e.state()
		}
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	return out
}

func graphStates(g graph.View) map[graph.Edge]graph.State {
	out := make(map[graph.Edge]graph.State)
	for n := range g.Nodes() {
		g.Each(graph.Down, uint32(n), func(e graph.Edge, s graph.State) bool {
			if e.Kind != graph.Same { // kept with the datasets, not among the edges
				out[e] = s
			}
			return true
		})
	}
	return out
}

// TestGraphIsLoaded: views that were closed and opened again answer as before, as of
// every position, and go on from there.
func TestGraphIsLoaded(t *testing.T) {
	b := script(newBook(t))
	size := b.Head().Size
	whole := newViews(t, b.Ledger)
	build(t, whole, size)
	fs := vfs.NewMem()
	open := func() *Views {
		v, err := Open("views", b.Ledger, Options{FS: fs, CacheBytes: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for to := int64(3); to < size+3; to += 3 {
		v := open()
		if err := v.apply(ctx, run{v.Applied() + 1, min(to, size)}); err != nil {
			t.Fatal(err)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	v := open()
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	for n := range size {
		same(t, fmt.Sprintf("answers at %d", n), answers(t, viewAt(t, v, n)), answers(t, viewAt(t, whole, n)))
	}
}

// TestLoading: while the graph is being loaded a question about it is refused, and
// says how far it is; other questions are answered.
func TestLoading(t *testing.T) {
	b := script(newBook(t))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	whole := v.store.lineage.done
	v.store.lineage.done = make(chan struct{}) // as if it were not there yet
	v.store.lineage.read.Store(3)
	v.store.lineage.total.Store(7)
	w := current(t, v)
	loading := (*LoadingError)(nil)
	if _, err := w.Lineage(ctx, LineageQuery{Node: "dataset:pg/raw"}); !errors.As(err, &loading) || *loading != (LoadingError{"lineage graph", 3, 7}) {
		t.Errorf("a question got %v", err)
	}
	if _, ok, err := w.Entry(ctx, "E1", 0); err != nil || !ok {
		t.Errorf("an entry: %v %v", ok, err)
	}
	for _, s := range v.Status() {
		if s.Loading != (s.Name == lineageView) {
			t.Errorf("status %+v", s)
		}
	}
	brief, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := v.store.lineage.loaded(brief); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting ended with %v", err)
	}
	v.store.lineage.done = whole
}
