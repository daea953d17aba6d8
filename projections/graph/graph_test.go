package graph

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// naive is a graph as nobody would keep it: all changes in order.
type naive []Step

// at is the state of every edge, and which datasets are dropped, as of a position.
func (n naive) at(position int64) (edges map[Edge]State, gone map[uint32]bool) {
	edges, gone = make(map[Edge]State), make(map[uint32]bool)
	for _, s := range n {
		if s.Position > position {
			break
		}
		for _, c := range s.Changes {
			switch {
			case c.Kind == Dropped:
				gone[c.From] = c.Is != 0
			case c.Kind == Born || c.Was == c.Is:
			case c.Is == 0:
				delete(edges, c.Edge)
			default:
				edges[c.Edge] = c.Is
			}
		}
	}
	return edges, gone
}

const (
	datasets = 6 // 1…6
	jobs     = 3 // 7…9
)

// randomSteps draws steps over few nodes, so that edges come and go and come
// again.
func randomSteps(t *rapid.T) naive {
	var out naive
	states := make(map[Edge]State)
	gone := make(map[uint32]bool)
	ds, js := rapid.Uint32Range(1, datasets), rapid.Uint32Range(datasets+1, datasets+jobs)
	first := Step{Position: 2}
	for n := range uint32(datasets + jobs) {
		kind := Dataset
		if n >= datasets {
			kind = Job
		}
		first.Changes = append(first.Changes, Change{Edge: Edge{Kind: Born, From: n + 1, To: uint32(kind)}})
	}
	for i := range uint32(4) {
		pairs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Pair {
			return Pair{rapid.Uint32Range(0, 3).Draw(t, "from"), rapid.Uint32Range(0, 3).Draw(t, "to")}
		}), 1, 4).Draw(t, "pairs")
		first.Sets = append(first.Sets, ColumnSet{i + 1, pairs})
	}
	out = append(out, first)
	position := int64(2)
	for range rapid.IntRange(0, 60).Draw(t, "steps") {
		position += rapid.Int64Range(1, 4).Draw(t, "gap")
		s := Step{Position: position}
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			e := Edge{Kind: Kind(rapid.IntRange(0, int(Dropped)).Draw(t, "kind"))}
			mixed := State(0)
			switch e.Kind {
			case Flow:
				e.From, e.To, e.Set = ds.Draw(t, "from"), ds.Draw(t, "to"), rapid.Uint32Range(0, 4).Draw(t, "set")
				e.Job = rapid.SampledFrom([]uint32{0, datasets + 1, datasets + 2}).Draw(t, "job")
			case Reads:
				e.From, e.To, mixed = ds.Draw(t, "from"), js.Draw(t, "to"), MixedObserved|MixedDeclared
			case Writes:
				e.From, e.To, mixed = js.Draw(t, "from"), ds.Draw(t, "to"), MixedObserved|MixedDeclared
			case Precedes, Started, Feeds:
				e.From, e.To = js.Draw(t, "from"), js.Draw(t, "to")
			case Dropped:
				e.From = ds.Draw(t, "from")
				if slices.ContainsFunc(s.Changes, func(c Change) bool { return c.Edge == e }) {
					continue
				}
				s.Changes = append(s.Changes, Change{e, 0, State(1)})
				if gone[e.From] {
					s.Changes[len(s.Changes)-1].Is = 0
				}
				gone[e.From] = !gone[e.From]
				continue
			default:
				e.From, e.To = ds.Draw(t, "from"), ds.Draw(t, "to")
			}
			is := State(rapid.Uint8Range(0, 15).Draw(t, "state")) & (Observed | Declared | mixed)
			if is&(Observed|Declared) == 0 {
				is = 0
			}
			was := states[e]
			if was == 0 && is != 0 && rapid.IntRange(0, 9).Draw(t, "told only") == 0 && e.Kind != Same {
				was = is // told, and does not hold
			} else if was == is {
				continue
			}
			if slices.ContainsFunc(s.Changes, func(c Change) bool { return c.Edge == e }) {
				continue
			}
			s.Changes = append(s.Changes, Change{e, was, is})
			if was == is {
				continue
			}
			states[e] = is
			if e.Kind == Same && e.From != e.To { // both ways
				back := e
				back.From, back.To = e.To, e.From
				s.Changes = append(s.Changes, Change{back, was, is})
				states[back] = is
			}
		}
		out = append(out, s)
	}
	return out
}

type built struct {
	how string
	*Graph
}

// build makes a graph by each way there is.
func build(t *rapid.T, steps naive) []built {
	add := func(g *Graph, steps naive) *Graph {
		for i := range steps {
			stored := steps[i].Append(nil)
			var s Step
			if err := s.Parse(steps[i].Position, stored); err != nil {
				t.Fatal(err)
			}
			if err := g.Apply(&s); err != nil {
				t.Fatal(err)
			}
		}
		return g
	}
	load := func(steps naive) *Graph {
		l := NewLoader()
		for i := range steps {
			if err := l.Add(&steps[i]); err != nil {
				t.Fatal(err)
			}
		}
		return l.Graph(Options{})
	}
	cut := rapid.IntRange(0, len(steps)).Draw(t, "loaded")
	folding := New(Options{FoldEdges: rapid.IntRange(1, 20).Draw(t, "fold")})
	out := []built{
		{"one by one", add(New(Options{}), steps)}, {"loaded", load(steps)}, {"loaded and more", add(load(steps[:cut]), steps[cut:])},
		{"folding", add(folding, steps)},
	}
	folding.Wait()
	return out
}

// TestGraph holds a graph, however it came to be, to the naive one as of any
// position: its edges from both ends, and all that walks come to.
func TestGraph(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := randomSteps(rt)
		position := rapid.Int64Range(-1, steps[len(steps)-1].Position+2).Draw(rt, "position")
		edges, gone := steps.at(position)
		for _, g := range build(rt, steps) {
			v := g.At(position)
			checkEdges(rt, g.how, v, edges)
			checkEver(rt, g.how, v, steps, position)
			checkReach(rt, g.how, v, edges, gone)
			checkColumns(rt, g.how, v, steps[0].Sets, edges, gone)
		}
	})
}

func checkEdges(t *rapid.T, name string, v View, edges map[Edge]State) {
	for _, d := range []Direction{Down, Up} {
		found := make(map[Edge]State)
		for n := range uint32(datasets + jobs + 3) {
			v.Each(d, n, func(e Edge, s State) bool {
				if _, twice := found[e]; twice {
					t.Fatalf("%s: edge %+v twice", name, e)
				}
				found[e] = s
				return true
			})
		}
		if !maps.Equal(found, edges) {
			t.Fatalf("%s: edges\n got %v\nwant %v", name, found, edges)
		}
	}
	for e, s := range edges {
		if got := v.Link(e); !e.Kind.flows() && got != s {
			t.Fatalf("%s: link %+v is %d, not %d", name, e, got, s)
		}
	}
}

// checkEver: edges that ended, and those that were told only, are there for who
// asks for them.
func checkEver(t *rapid.T, name string, v View, steps naive, position int64) {
	want := make(map[Edge]bool)
	for _, s := range steps {
		for _, c := range s.Changes {
			if s.Position <= position && c.Kind < Same && c.Is != 0 {
				want[c.Edge] = true
			}
		}
	}
	for _, d := range []Direction{Down, Up} {
		found := make(map[Edge]bool)
		for n := range uint32(datasets + jobs + 1) {
			v.Ever().Each(d, n, func(e Edge, _ State) bool {
				if e.Kind != Same {
					found[e] = true
				}
				return true
			})
		}
		if !maps.Equal(found, want) {
			t.Fatalf("%s: edges that ever were\n got %v\nwant %v", name, found, want)
		}
	}
}

// checkReach compares walks with a walk over the naive graph that repeats until
// nothing gets nearer.
func checkReach(t *rapid.T, name string, v View, edges map[Edge]State, gone map[uint32]bool) {
	q := Query{
		Direction: Direction(rapid.IntRange(0, 1).Draw(t, "direction")), Depth: rapid.IntRange(0, 5).Draw(t, "depth"),
		Graph: rapid.SampledFrom([]Kind{Flow, Flow, Flow, Precedes, Started}).Draw(t, "graph"), Dropped: rapid.Bool().Draw(t, "dropped"),
	}
	if rapid.Bool().Draw(t, "declared") {
		q.Need, q.Mixed = Declared, MixedDeclared
	}
	start := rapid.Uint32Range(1, datasets).Draw(t, "start")
	if q.Graph != Flow {
		start = rapid.Uint32Range(datasets+1, datasets+jobs).Draw(t, "start")
	}
	q.Visible, q.Seeds = start, [][]uint32{{start}}
	nodes, jobsAt := naiveReach(q, start, edges, gone)
	need, mixed := q.Need, q.Mixed
	for _, see := range []bool{false, true} {
		if see { // the same, decided edge by edge
			q.See = func(_ Edge, s State) (State, error) {
				if need != 0 && s&need == 0 {
					return 0, nil
				}
				if mixed != 0 {
					s &^= (MixedObserved | MixedDeclared) &^ mixed
				}
				return s, nil
			}
		}
		r, err := v.Reach(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, gotJobs := make(map[uint32]int), make(map[uint32]int)
		for depth, l := range r.Levels {
			for _, n := range l.Nodes {
				got[n] = depth
			}
			for _, n := range l.Jobs {
				gotJobs[n] = depth
			}
		}
		if !maps.Equal(got, nodes) || !maps.Equal(gotJobs, jobsAt) {
			t.Fatalf("%s, see %v: %+v\n got %v %v\nwant %v %v", name, see, q, got, gotJobs, nodes, jobsAt)
		}
	}
}

func naiveReach(q Query, start uint32, edges map[Edge]State, gone map[uint32]bool) (nodes, jobs map[uint32]int) {
	if q.Need == 0 {
		q.Need, q.Mixed = Observed|Declared, MixedObserved|MixedDeclared
	}
	nodes, jobs = map[uint32]int{start: 0}, map[uint32]int{}
	ends := func(e Edge) (near, far uint32) {
		if q.Direction == Up {
			return e.To, e.From
		}
		return e.From, e.To
	}
	changed := false
	come := func(m map[uint32]int, n uint32, depth int) bool {
		if gone[n] && !q.Dropped && n != q.Visible {
			return false
		}
		if old, ok := m[n]; n != 0 && depth <= q.Depth && (!ok || depth < old) {
			m[n], changed = depth, true
		}
		return true
	}
	for changed = true; changed; {
		changed = false
		for e, s := range edges {
			near, far := ends(e)
			depth, ok := nodes[near]
			switch {
			case !ok:
			case q.Graph != Flow:
				if e.Kind == q.Graph && s&q.Need != 0 {
					come(nodes, far, depth+1)
				}
			case e.Kind == Same:
				come(nodes, far, depth)
			case s&q.Need == 0:
			case e.Kind == Flow:
				if come(nodes, far, depth+1) {
					come(jobs, e.Job, depth+1)
				}
			case e.Kind == Reads || e.Kind == Writes:
				come(jobs, far, depth+1)
				for f, s2 := range edges {
					near2, far2 := ends(f)
					if near2 == far && (f.Kind == Reads || f.Kind == Writes) && s&q.Mixed != 0 && s2&q.Mixed != 0 && s2&q.Need != 0 {
						come(nodes, far2, depth+1)
					}
				}
			}
		}
	}
	return nodes, jobs
}

func checkColumns(t *rapid.T, name string, v View, sets []ColumnSet, edges map[Edge]State, gone map[uint32]bool) {
	q := ColumnQuery{
		Direction: Direction(rapid.IntRange(0, 1).Draw(t, "column direction")), Depth: rapid.IntRange(0, 5).Draw(t, "column depth"),
		Dropped: rapid.Bool().Draw(t, "dropped columns"),
	}
	start := Spot{rapid.Uint32Range(1, datasets).Draw(t, "dataset"), rapid.Uint32Range(0, 3).Draw(t, "field")}
	q.Visible, q.Seeds = start.Node, [][]Spot{{start}}
	want := map[Spot]int{start: 0}
	for changed := true; changed; {
		changed = false
		come := func(s Spot, depth int) {
			if gone[s.Node] && !q.Dropped && s.Node != start.Node {
				return
			}
			if old, ok := want[s]; depth <= q.Depth && (!ok || depth < old) {
				want[s], changed = depth, true
			}
		}
		for e := range edges {
			for at, depth := range want {
				near, far := e.From, e.To
				if q.Direction == Up {
					near, far = far, near
				}
				if near != at.Node {
					continue
				}
				if e.Kind == Same {
					come(Spot{far, at.Field}, depth)
				}
				if e.Kind != Flow || e.Set == 0 {
					continue
				}
				for _, p := range sets[e.Set-1].Pairs {
					nearField, farField := p.From, p.To
					if q.Direction == Up {
						nearField, farField = farField, nearField
					}
					if at.Field == 0 || nearField == 0 || nearField == at.Field {
						come(Spot{far, farField}, depth+1)
					}
				}
			}
		}
	}
	r, err := v.ReachColumns(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[Spot]int)
	for depth, l := range r.Levels {
		for _, s := range l {
			got[s] = depth
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("%s: columns\n got %v\nwant %v", name, got, want)
	}
}

// TestReadWhileWriting: what a reader as of a position sees does not change, while
// edges come, go and are folded in.
func TestReadWhileWriting(t *testing.T) {
	g := New(Options{FoldEdges: 64})
	edge := func(i int) Edge { return Edge{Kind: Reads, From: 1, To: uint32(2 + i)} }
	add := func(i int, changes ...Change) {
		if err := g.Apply(&Step{Position: int64(i), Changes: changes}); err != nil {
			t.Error(err)
		}
	}
	const n = 2000
	add(0, Change{Edge{Kind: Born, From: 1, To: uint32(Dataset)}, 0, 0})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 1; i <= n; i++ {
			changes := []Change{{edge(i), 0, Observed}}
			if i%3 == 0 {
				changes = append(changes, Change{edge(i - 1), Observed, 0})
			}
			add(i, changes...)
		}
	}()
	seen := func(position int64) (count int) {
		g.At(position).Each(Down, 1, func(Edge, State) bool { count++; return true })
		return count
	}
	for at := int64(0); at < n; at = g.Applied() {
		if got, want := seen(at), int(at-at/3); got != want {
			t.Fatalf("as of %d there are %d edges, not %d", at, got, want)
		}
	}
	<-done
	g.Wait()
	for _, at := range []int64{10, 999, n} {
		if got, want := seen(at), int(at-at/3); got != want {
			t.Errorf("in the end, as of %d there are %d edges, not %d", at, got, want)
		}
	}
}

// TestBadSteps: what cannot be read or kept is refused.
func TestBadSteps(t *testing.T) {
	good := Step{Changes: []Change{{Edge{Flow, 1, 2, 3, 4}, 0, Declared}}, Sets: []ColumnSet{{4, []Pair{{1, 2}}}}}
	stored := good.Append(nil)
	for n := range len(stored) {
		var s Step
		if err := s.Parse(1, stored[:n]); err == nil && len(s.Sets) > 0 {
			t.Errorf("%d of %d bytes were read as %+v", n, len(stored), s)
		}
	}
	g := New(Options{})
	for _, c := range []Change{
		{Edge{Kind: Reads, From: 1, To: 2}, Observed, 0}, {Edge{Kind: Reads}, 0, Observed}, {Edge{Flow, 1, 2, maxTagged + 1, 0}, 0, Observed}, {Edge{Kind: kinds, From: 1}, 0, 0},
	} {
		if err := g.Apply(&Step{Position: 1, Changes: []Change{c}}); err == nil {
			t.Errorf("%+v was applied", c)
		}
	}
}

func FuzzParseStep(f *testing.F) {
	f.Add((&Step{Changes: []Change{{Edge{Flow, 1, 2, 3, 4}, 0, Declared}}, Sets: []ColumnSet{{4, []Pair{{1, 2}}}}}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again Step
		if s.Parse(1, b) != nil {
			return
		}
		if err := again.Parse(1, s.Append(nil)); err != nil || fmt.Sprint(again) != fmt.Sprint(s) {
			t.Fatalf("%+v is read back as %+v, %v", s, again, err)
		}
	})
}

// TestMillionFanOut: what a million jobs read, and one job that reads a million
// datasets, are walked with each edge looked at once.
func TestMillionFanOut(t *testing.T) {
	const n = 1_000_000
	l := NewLoader()
	s := &Step{Position: 1, Changes: make([]Change, 0, 2*n)}
	for i := range uint32(n) { // dataset 1 feeds n jobs; n datasets feed job 2, which makes dataset 3
		s.Changes = append(s.Changes, Change{Edge{Kind: Reads, From: 1, To: 10 + i}, 0, Observed | MixedObserved},
			Change{Edge{Kind: Reads, From: 10 + n + i, To: 2}, 0, Observed | MixedObserved})
	}
	s.Changes = append(s.Changes, Change{Edge{Kind: Writes, From: 2, To: 3}, 0, Observed | MixedObserved})
	if err := l.Add(s); err != nil {
		t.Fatal(err)
	}
	v := l.Graph(Options{}).At(1)
	for _, c := range []struct {
		dir         Direction
		from        uint32
		nodes, jobs int
	}{{Down, 1, 1, n}, {Up, 3, 1 + n, 1}, {Down, 10 + n, 2, 1}} {
		seen := 0
		r, err := v.Reach(context.Background(), Query{Direction: c.dir, Seeds: [][]uint32{{c.from}}, Depth: 3, See: func(_ Edge, s State) (State, error) { seen++; return s, nil }})
		if err != nil {
			t.Fatal(err)
		}
		nodes, jobs := 0, 0
		for _, level := range r.Levels {
			nodes, jobs = nodes+len(level.Nodes), jobs+len(level.Jobs)
		}
		if nodes != c.nodes || jobs != c.jobs || seen > 3*(c.nodes+c.jobs) {
			t.Errorf("from %d: %d nodes and %d jobs, want %d and %d; %d edges were looked at", c.from, nodes, jobs, c.nodes, c.jobs, seen)
		}
	}
}
