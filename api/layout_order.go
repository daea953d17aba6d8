package api

import (
	"cmp"
	"math"
	"slices"
)

// maxSweeps bounds the barycentre sweeps, half of them for each start. Most diagrams
// do not improve after ten.
const maxSweeps = 24

// order chooses the order in each layer and returns how many lines cross. It
// begins once from the left and once from the right, sweeps over the layers to
// and fro, sorting each by the mean place of what it is linked to in the layer
// before, and keeps the best order seen.
func (a *arrangement) order(work *budget) int {
	fewest, best := math.MaxInt, a.layers
	for _, fromLeft := range []bool{true, false} {
		a.startOrder(fromLeft)
		for sweep, stale := 0, 0; ; sweep++ {
			n := a.crossings()
			if stale++; n < fewest {
				fewest, best, stale = n, a.snapshot(), 0
			}
			if fewest == 0 || sweep == maxSweeps/2 || stale > 5 || !work.spend(4*a.segments) {
				break
			}
			a.sweep(sweep%2 == 0)
			a.transpose(work)
		}
	}
	a.layers = best
	for l := range a.layers {
		a.rank(l)
	}
	return fewest
}

// startOrder puts next to each other what is linked: nodes stand in the order in
// which a depth-first walk comes to them, from the left or from the right.
func (a *arrangement) startOrder(fromLeft bool) {
	far, starts := a.right, make([]int, 0, len(a.nodes))
	for v := range a.nodes {
		starts = append(starts, v)
	}
	before := func(v, w int) int { return cmp.Compare(a.nodes[v].layer, a.nodes[w].layer) }
	if slices.SortStableFunc(starts, before); !fromLeft {
		slices.Reverse(starts)
		far = a.left
	}
	layers := make([][]int, len(a.layers))
	seen := make([]bool, len(a.nodes))
	var visit func(v int)
	visit = func(v int) {
		if seen[v] {
			return
		}
		seen[v] = true
		l := a.nodes[v].layer
		layers[l] = append(layers[l], v)
		for _, e := range far[v] {
			visit(e.node)
		}
	}
	for _, v := range starts {
		visit(v)
	}
	a.layers = layers
	for l := range a.layers {
		a.rank(l)
	}
}

// rank numbers the ports of a layer after its order has changed.
func (a *arrangement) rank(layer int) {
	rank := 0
	for _, v := range a.layers[layer] {
		a.nodes[v].rank = rank
		rank += len(a.nodes[v].ports)
	}
}

func (a *arrangement) snapshot() [][]int {
	out := make([][]int, len(a.layers))
	for i := range out {
		out[i] = slices.Clone(a.layers[i])
	}
	return out
}

// sweep sorts the layers from one side to the other.
func (a *arrangement) sweep(toRight bool) {
	for i := range a.layers {
		layer, linked := i, a.left
		if !toRight {
			layer, linked = len(a.layers)-1-i, a.right
		}
		a.sortLayer(layer, linked)
	}
}

// sortLayer sorts a layer by the mean rank of the ports its nodes are linked to.
// Nodes without arrows stay where they are.
func (a *arrangement) sortLayer(layer int, linked [][]end) {
	type weighed struct {
		node int
		mean float64
	}
	nodes := a.layers[layer]
	var order []weighed
	var slots []int
	for i, v := range nodes {
		if len(linked[v]) == 0 {
			continue
		}
		sum := 0
		for _, e := range linked[v] {
			sum += a.nodes[e.node].rank + e.port
		}
		order = append(order, weighed{v, float64(sum) / float64(len(linked[v]))})
		slots = append(slots, i)
	}
	slices.SortStableFunc(order, func(x, y weighed) int { return cmp.Compare(x.mean, y.mean) })
	for i, slot := range slots {
		nodes[slot] = order[i].node
	}
	a.rank(layer)
}

// transpose exchanges neighbours for as long as that removes crossings.
func (a *arrangement) transpose(work *budget) {
	var up, down []int
	for improved := true; improved; {
		improved = false
		for _, nodes := range a.layers {
			for i := range len(nodes) - 1 {
				v, w := nodes[i], nodes[i+1]
				before, after := 0, 0
				for _, linked := range [][][]end{a.left, a.right} {
					up, down = a.ranks(up[:0], linked[v]), a.ranks(down[:0], linked[w])
					before += inversions(up, down)
					after += inversions(down, up)
				}
				if !work.spend(len(a.left[v]) + len(a.right[v]) + len(a.left[w]) + len(a.right[w])) {
					return
				}
				if after < before {
					nodes[i], nodes[i+1] = w, v
					a.nodes[w].rank = a.nodes[v].rank
					a.nodes[v].rank += len(a.nodes[w].ports)
					improved = true
				}
			}
		}
	}
}

// ranks lists the ranks of far ends, ascending.
func (a *arrangement) ranks(out []int, ends []end) []int {
	for _, e := range ends {
		out = append(out, a.nodes[e.node].rank+e.port)
	}
	slices.Sort(out)
	return out
}

// inversions counts the pairs of which the first, of the upper node, is beyond
// the second, of the lower one. Both are ascending.
func inversions(upper, lower []int) (n int) {
	i := 0
	for _, u := range upper {
		for i < len(lower) && lower[i] < u {
			i++
		}
		n += i
	}
	return n
}

// crossings counts the segments that cross, port by port, with a Fenwick tree
// (Barth, Mutzel and Jünger 2004).
func (a *arrangement) crossings() (total int) {
	for l := range len(a.layers) - 1 {
		last := a.layers[l+1][len(a.layers[l+1])-1]
		tree := make([]int, a.nodes[last].rank+len(a.nodes[last].ports)+1)
		type ranked struct{ u, v int }
		var segments []ranked
		for _, u := range a.layers[l] {
			for _, e := range a.right[u] {
				segments = append(segments, ranked{a.nodes[u].rank + e.own, a.nodes[e.node].rank + e.port})
			}
		}
		slices.SortFunc(segments, func(x, y ranked) int { return cmp.Or(cmp.Compare(x.u, y.u), cmp.Compare(x.v, y.v)) })
		for seen, s := range segments {
			notBeyond := 0
			for i := s.v + 1; i > 0; i -= i & -i {
				notBeyond += tree[i]
			}
			total += seen - notBeyond
			for i := s.v + 1; i < len(tree); i += i & -i {
				tree[i]++
			}
		}
	}
	return total
}
