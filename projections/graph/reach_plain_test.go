package graph

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPlainWalks holds plain walks over many nodes, some of whose edges ended, lie in
// the overlay or go through jobs, against the walk that is asked about each edge.
func TestPlainWalks(t *testing.T) {
	const datasets, jobs = 3000, 300
	rng := rand.New(rand.NewPCG(1, 2))
	state := func() State { return []State{Observed, Declared, Observed | Declared}[rng.IntN(3)] }
	l := NewLoader()
	var live []Change
	step := func(position int64) *Step {
		s := &Step{Position: position}
		touched := make(map[Edge]bool)
		add := func(c Change) {
			if !touched[c.Edge] {
				touched[c.Edge] = true
				s.Changes = append(s.Changes, c)
				if c.Is != 0 {
					live = append(live, c)
				}
			}
		}
		for range 40 {
			if len(live) > 0 && rng.IntN(4) == 0 { // one ends
				i := rng.IntN(len(live))
				e := live[i].Edge
				if was := live[i].Is; !touched[e] {
					live = slices.Delete(live, i, i+1)
					add(Change{Edge: e, Was: was})
				}
				continue
			}
			n := uint32(1 + rng.IntN(datasets-1))
			far := n + 1 + uint32(rng.IntN(datasets-int(n)))
			job := uint32(datasets + 1 + rng.IntN(jobs))
			e := Edge{Kind: Flow, From: n, To: far, Set: uint32(1 + len(s.Changes))}
			is := state()
			switch rng.IntN(6) {
			case 0:
				e.Job = job
			case 1:
				e, is = Edge{Kind: Reads, From: n, To: job}, Observed|MixedObserved
			case 2:
				e, is = Edge{Kind: Writes, From: job, To: far}, Observed|MixedObserved
			case 3:
				e = Edge{Kind: Reads, From: n, To: job}
			}
			if !slices.ContainsFunc(live, func(c Change) bool { return c.Edge == e }) {
				add(Change{Edge: e, Is: is})
			}
		}
		return s
	}
	for p := range int64(150) {
		if err := l.Add(step(p)); err != nil {
			t.Fatal(err)
		}
	}
	g := l.Graph(Options{FoldEdges: 1 << 20})
	for p := range int64(50) {
		if err := g.Apply(step(150 + p)); err != nil {
			t.Fatal(err)
		}
	}
	most := 0
	for range 300 {
		v := g.At(int64(rng.IntN(200)))
		q := Query{Direction: Direction(rng.IntN(2)), Depth: 1 + rng.IntN(30), Need: []State{0, Observed, Declared}[rng.IntN(3)]}
		for range 1 + rng.IntN(40) {
			q.Seeds = append(q.Seeds, []uint32{uint32(1 + rng.IntN(datasets))})
		}
		plain, err := v.Reach(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		need := q.Need
		if need == 0 {
			need = Observed | Declared
		}
		q.See = func(_ Edge, s State) (State, error) {
			if s&need == 0 {
				return 0, nil
			}
			return s, nil
		}
		asked, err := v.Reach(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if plain.Deeper != asked.Deeper || len(plain.Levels) != len(asked.Levels) {
			t.Fatalf("%d levels, deeper %v; want %d, %v", len(plain.Levels), plain.Deeper, len(asked.Levels), asked.Deeper)
		}
		for depth := range plain.Levels {
			got, want := plain.Levels[depth], asked.Levels[depth]
			slices.Sort(got.Nodes)
			slices.Sort(want.Nodes)
			if !slices.Equal(got.Nodes, want.Nodes) || !slices.Equal(got.Sorted(), want.Sorted()) {
				t.Fatalf("at depth %d %v, want %v", depth, got, want)
			}
		}
		most = max(most, plain.Count())
	}
	if most < 10*together {
		t.Errorf("no walk came to more than %d nodes", most)
	}
}
