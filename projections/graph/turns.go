package graph

import "sync/atomic"

// A Turn is the beginning or the end of a span of an edge.
type Turn struct {
	Edge
	Position int64
	State    State
	Begins   bool
}

// Turns visits where the spans of the edges at a node begin and end, up to the
// view's position. The order is not told, and a turn may come more than once.
func (v View) Turns(node uint32, visit func(Turn)) {
	steps := *v.g.steps.Load()
	turn := func(e Edge, s State, begin uint32, end *uint32) {
		if begin > 0 && begin <= v.t {
			visit(Turn{e, steps[begin], s, true})
		}
		if last := atomic.LoadUint32(end); last <= v.t {
			visit(Turn{e, steps[last], s, false})
		}
	}
	flows := func(list []flow, from, to uint32) {
		for i := range list {
			if f := &list[i]; to == 0 || f.to == to {
				k, state := untag(f.set)
				turn(Edge{k, from, f.to, f.job, f.set & maxTagged}, state, f.begin, &f.end)
			}
		}
	}
	base, over := v.s.base, v.s.over.at(node)
	flows(base.out.at(node), node, 0)
	flows(over.out, node, 0)
	from := make(map[uint32]bool)
	for _, list := range [][]back{base.in.at(node), over.in} {
		for i := range list {
			from[list[i].from] = true
		}
	}
	for n := range from {
		flows(span(base.out.at(n), node), n, 0)
		flows(v.s.over.at(n).out, n, node)
	}
	for _, l := range []struct {
		list []link
		up   bool
	}{{base.down.at(node), false}, {over.down, false}, {base.up.at(node), true}, {over.up, true}} {
		for i := range l.list {
			n := &l.list[i]
			e := Edge{Kind: n.kind, From: node, To: n.other}
			if l.up {
				e.From, e.To = n.other, node
			}
			turn(e, n.state, n.begin, &n.end)
		}
	}
}
