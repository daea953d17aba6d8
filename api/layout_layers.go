package api

import (
	"math"
	"slices"
)

// layersOf gives each of n boxes a layer such that every arrow leads to a later
// layer, except those that close a cycle, which lead to an earlier one, and those
// from a box to itself. No layer is empty.
func layersOf(n int, arrows []arrow) []int {
	g := newAcyclic(n, arrows)
	layer := make([]int, n)
	for _, v := range g.order { // the longest path from a source
		for _, u := range g.before[v] {
			layer[v] = max(layer[v], layer[u]+1)
		}
	}
	g.tighten(layer)
	return packed(layer)
}

// acyclic is a graph without cycles, each arrow once.
type acyclic struct {
	before, after [][]int
	order         []int // every vertex after those before it
}

// newAcyclic turns around the arrows that lead back to a box on the way to it,
// going depth first from the boxes without an arrow to them and then from the
// others, in order.
func newAcyclic(n int, arrows []arrow) acyclic {
	next, incoming := make([][]int, n), make([]int, n)
	for _, l := range arrows {
		if l.from.box != l.to.box {
			next[l.from.box] = append(next[l.from.box], l.to.box)
		}
	}
	for v := range next {
		slices.Sort(next[v])
		next[v] = slices.Compact(next[v])
		for _, to := range next[v] {
			incoming[to]++
		}
	}
	const (
		fresh = iota
		onTheWay
		done
	)
	g := acyclic{before: make([][]int, n), after: make([][]int, n)}
	state := make([]int, n)
	join := func(u, v int) {
		if !slices.Contains(g.after[u], v) {
			g.after[u], g.before[v] = append(g.after[u], v), append(g.before[v], u)
		}
	}
	var visit func(v int)
	visit = func(v int) {
		state[v] = onTheWay
		for _, to := range next[v] {
			if state[to] == onTheWay {
				join(to, v)
				continue
			}
			join(v, to)
			if state[to] == fresh {
				visit(to)
			}
		}
		state[v] = done
		g.order = append(g.order, v)
	}
	for _, sources := range []bool{true, false} {
		for v := range n {
			if state[v] == fresh && (incoming[v] == 0 || !sources) {
				visit(v)
			}
		}
	}
	// A vertex is done after all it leads to, an arrow turned around included.
	slices.Reverse(g.order)
	return g
}

// tightenings bounds the passes of tighten; a few are enough to come to rest.
const tightenings = 12

// tighten moves each box towards the side where it has more arrows, as far as
// these let it. The sum of the lengths never grows.
func (g acyclic) tighten(layer []int) {
	for pass := range tightenings {
		changed := false
		for i := range g.order {
			v := g.order[i]
			if pass%2 == 0 {
				v = g.order[len(g.order)-1-i]
			}
			to, pull := layer[v], len(g.after[v])-len(g.before[v])
			switch {
			case pull > 0:
				to = math.MaxInt
				for _, u := range g.after[v] {
					to = min(to, layer[u]-1)
				}
			case pull < 0:
				to = math.MinInt
				for _, u := range g.before[v] {
					to = max(to, layer[u]+1)
				}
			}
			changed = changed || to != layer[v]
			layer[v] = to
		}
		if !changed {
			return
		}
	}
}

// packed numbers the layers in use from 0.
func packed(layer []int) []int {
	used := slices.Compact(slices.Sorted(slices.Values(layer)))
	out := make([]int, len(layer))
	for i, l := range layer {
		out[i], _ = slices.BinarySearch(used, l)
	}
	return out
}
