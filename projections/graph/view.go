package graph

import (
	"cmp"
	"slices"
)

// Direction is a direction of walking along edges.
type Direction int

// Down is where data went, Up where it came from.
const (
	Down Direction = iota
	Up
)

// View is a graph as of a position. It is safe for concurrent use and costs
// nothing to keep.
type View struct {
	g     *Graph
	s     *snapshot
	t     uint32
	nodes []NodeKind
	ever  bool
}

// At returns the graph as of a position, which must have been applied: the graph
// cannot tell it from one at which nothing changed.
func (g *Graph) At(position int64) View {
	steps := *g.steps.Load()
	i, found := slices.BinarySearch(steps, position)
	if !found {
		i--
	}
	// The snapshot after the steps: it holds at least these.
	return View{g: g, s: g.now.Load(), t: uint32(max(i, 0)), nodes: *g.nodes.Load()}
}

// Nodes returns the kinds of all nodes known when the view was made, by number;
// those first named after its position are among them.
func (v View) Nodes() []NodeKind { return v.nodes }

// Dropped reports whether a dataset is dropped.
func (v View) Dropped(node uint32) bool { return v.g.dropped.at(node, v.t) }

// Ever is the view in which edges that ended before its position are there as well,
// maybe more than once. Names and dropped datasets stay as of the position. Who
// walks in it decides by Query.See.
func (v View) Ever() View {
	v.ever = true
	return v
}

// lasts reports whether an edge's span is in the view.
func (v View) lasts(begin uint32, end *uint32, k Kind) bool {
	return lasts(begin, end, v.t) || (v.ever && k != Same && begin <= v.t)
}

// Each visits the edges at a node in a direction, with their states, until visit
// returns false. The order is not told: it changes with a fold.
func (v View) Each(d Direction, node uint32, visit func(Edge, State) bool) {
	base, over := v.s.base, v.s.over.at(node)
	if d == Down {
		_ = v.flows(base.out.at(node), node, 0, visit) && v.flows(over.out, node, 0, visit) &&
			v.links(base.down.at(node), node, d, visit) && v.links(over.down, node, d, visit)
		return
	}
	_ = v.backs(node, over, visit) && v.links(base.up.at(node), node, d, visit) && v.links(over.up, node, d, visit)
}

// flows visits those of a list of flows from a node that lead to another; to all
// if that is 0.
func (v View) flows(list []flow, from, to uint32, visit func(Edge, State) bool) bool {
	for i := range list {
		f := &list[i]
		k, state := untag(f.set)
		if (to != 0 && f.to != to) || !v.lasts(f.begin, &f.end, k) {
			continue
		}
		if !visit(Edge{k, from, f.to, f.job, f.set & maxTagged}, state) {
			return false
		}
	}
	return true
}

func (v View) links(list []link, node uint32, d Direction, visit func(Edge, State) bool) bool {
	for i := range list {
		l := &list[i]
		if !v.lasts(l.begin, &l.end, l.kind) {
			continue
		}
		e := Edge{Kind: l.kind, From: node, To: l.other}
		if d == Up {
			e.From, e.To = l.other, node
		}
		if !visit(e, l.state) {
			return false
		}
	}
	return true
}

// backs visits the flows into a node where their sets are: at their beginning,
// once for each node there.
func (v View) backs(node uint32, over *delta, visit func(Edge, State) bool) bool {
	seen := make(map[uint32]bool) // what the overlay holds is in no order
	for _, list := range [][]back{v.s.base.in.at(node), over.in} {
		last := uint32(0)
		for i := range list {
			b := &list[i]
			if b.from == last || !v.lasts(b.begin, &b.end, Flow) || seen[b.from] {
				continue
			}
			if last = b.from; len(over.in) > 0 {
				seen[last] = true
			}
			if base := v.s.base.out.at(b.from); !v.flows(span(base, node), b.from, node, visit) || !v.flows(v.s.over.at(b.from).out, b.from, node, visit) {
				return false
			}
		}
	}
	return true
}

// span is the part of sorted flows that lead to a node.
func span(list []flow, to uint32) []flow {
	first, _ := slices.BinarySearchFunc(list, to, func(f flow, to uint32) int { return cmp.Compare(f.to, to) })
	n, _ := slices.BinarySearchFunc(list[first:], to, func(f flow, to uint32) int {
		if f.to == to {
			return -1
		}
		return 1
	})
	return list[first : first+n]
}

// Link is the state of an edge that bears no job: 0 if it is not there. It looks
// where fewer recent edges lie.
func (v View) Link(e Edge) State {
	base, near := v.s.base.down.at(e.From), e.To
	recent := v.s.over.at(e.From).down
	if up := v.s.over.at(e.To).up; len(up) < len(recent) {
		recent, near = up, e.From
	}
	first, _ := slices.BinarySearchFunc(base, link{other: e.To, kind: e.Kind}, compareLinks)
	for i := first; i < len(base) && base[i].other == e.To && base[i].kind == e.Kind; i++ {
		if l := &base[i]; v.lasts(l.begin, &l.end, e.Kind) {
			return l.state
		}
	}
	for i := range recent {
		if l := &recent[i]; l.other == near && l.kind == e.Kind && v.lasts(l.begin, &l.end, e.Kind) {
			return l.state
		}
	}
	return 0
}
