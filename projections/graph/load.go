package graph

import (
	"cmp"
	"fmt"
	"slices"
)

// A Loader makes a graph of all its steps at once, which is quicker and takes
// less memory than applying them one by one. Add them in order.
type Loader struct {
	flows   []flowChange
	links   []linkChange
	opened  [2]int // spans of flows and of links
	steps   []int64
	nodes   []NodeKind
	sets    []columnSet
	dropped []Change
	when    []uint32 // steps of dropped
	renamed bool
}

type flowChange struct {
	from, to, job, set, at uint32 // set with its tag; without one the edge ends
	told                   bool   // and does not hold
}

type linkChange struct {
	from, to, at uint32
	kind         Kind
	state        State
	told         bool
}

// NewLoader returns a loader without steps.
func NewLoader() *Loader {
	return &Loader{steps: []int64{-1}, nodes: []NodeKind{0}, sets: []columnSet{{}}}
}

// Add adds a step, keeping nothing of it.
func (l *Loader) Add(s *Step) error {
	if err := s.check(); err != nil {
		return err
	}
	if s.Position <= l.steps[len(l.steps)-1] {
		return fmt.Errorf("lineage graph: the step of position %d comes after that of %d", s.Position, l.steps[len(l.steps)-1])
	}
	at := uint32(len(l.steps))
	l.steps = append(l.steps, s.Position)
	for _, c := range s.Sets {
		l.sets = putSet(l.sets, c)
	}
	for _, c := range s.Changes {
		l.nodes = putNodes(l.nodes, &c)
		opens := 0
		if c.Is != 0 {
			opens = 1
		}
		switch {
		case c.Kind == Born:
		case c.Kind == Dropped:
			l.dropped, l.when = append(l.dropped, c), append(l.when, at)
		case c.Kind.flows():
			l.opened[0] += opens
			l.flows = append(l.flows, flowChange{c.From, c.To, c.Job, c.Set | tagOf(c.Kind, c.Is), at, c.Was == c.Is})
		default:
			l.opened[1] += opens
			l.renamed = l.renamed || c.Kind == Same
			l.links = append(l.links, linkChange{c.From, c.To, at, c.Kind, c.Is, c.Was == c.Is})
		}
	}
	return nil
}

// Graph returns the graph and empties the loader.
func (l *Loader) Graph(o Options) *Graph {
	nodes := len(l.nodes)
	out := group(nodes, l.flows, l.opened[0], func(c *flowChange) uint32 { return c.from },
		func(a, b flowChange) int { return compareFlows(a.span(), b.span()) },
		func(c *flowChange, next *flowChange) (flow, bool) {
			f := c.span()
			_, state := untag(f.set)
			if next != nil && next.to == c.to && next.job == c.job && next.span().edge() == f.edge() {
				f.end = next.at
			}
			if c.told {
				f.end = f.begin
			}
			return f, state != 0
		})
	l.flows = nil
	down := group(nodes, l.links, l.opened[1], func(c *linkChange) uint32 { return c.from },
		func(a, b linkChange) int {
			return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(a.kind, b.kind), cmp.Compare(a.at, b.at))
		},
		func(c *linkChange, next *linkChange) (link, bool) {
			s := link{c.to, c.at, open, c.kind, c.state}
			if next != nil && next.to == c.to && next.kind == c.kind {
				s.end = next.at
			}
			if c.told {
				s.end = s.begin
			}
			return s, c.state != 0
		})
	l.links = nil
	g := newGraph(o, newArrays(out, down, nodes), slices.Clip(l.steps), slices.Clip(l.nodes), slices.Clip(l.sets))
	for i, c := range l.dropped {
		g.dropped.change(c.From, l.when[i], c.Is != 0)
	}
	g.renamed.Store(l.renamed)
	*l = *NewLoader()
	return g
}

func (c *flowChange) span() flow { return flow{c.to, c.at, open, c.job, c.set} }

// group turns changes into spans, sorted by node and then by edge and step. n is
// how many spans there will be.
func group[C, T any](nodes int, changes []C, n int, node func(*C) uint32, compare func(a, b C) int, span func(c, next *C) (T, bool)) (to csr[T]) {
	if len(changes) == 0 {
		return to
	}
	off := make([]uint32, nodes+1)
	for i := range changes {
		off[node(&changes[i])+1]++
	}
	for i := range nodes {
		off[i+1] += off[i]
	}
	order, next := make([]uint32, len(changes)), slices.Clone(off)
	for i := range changes {
		at := &next[node(&changes[i])]
		order[*at] = uint32(i)
		*at++
	}
	to.off, to.list = next, make([]T, 0, n)
	var at []C
	to.off[0] = 0
	for v := range nodes {
		at = at[:0]
		for _, i := range order[off[v]:off[v+1]] {
			at = append(at, changes[i])
		}
		slices.SortFunc(at, compare)
		for i := range at {
			var following *C
			if i+1 < len(at) {
				following = &at[i+1]
			}
			if s, ok := span(&at[i], following); ok {
				to.list = append(to.list, s)
			}
		}
		to.off[v+1] = uint32(len(to.list))
	}
	return to
}
