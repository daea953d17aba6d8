package api

// Heights are found layer by layer: each node would best be level with what it is
// linked to, and neighbours must keep their distance. The sum of squares of the
// deviations is least for an isotonic regression, which pooling adjacent
// violators finds exactly and in linear time.
//
// Products are converted to float64 before they are added, which forbids fusing
// the two (Go specification, Floating-point operators): processors that can fuse
// would round otherwise than those that cannot, and draw another picture.

// placeSweeps is how often the layers are gone over, to and fro.
const placeSweeps = 10

// Weights of a line between two nodes: long lines, through dummies, matter more,
// because a bend in them is seen.
const (
	weightShort = 1.0
	weightEnd   = 2.0
	weightLong  = 8.0
)

// place gives every node its height, the topmost 0.
func (a *arrangement) place() {
	for _, nodes := range a.layers { // one below the other to begin with
		y := 0.0
		for i, v := range nodes {
			if i > 0 {
				y += a.distance(nodes[i-1], v)
			}
			a.nodes[v].y = y
		}
	}
	for sweep := range placeSweeps {
		for i := range a.layers {
			layer := i
			if sweep%2 == 1 {
				layer = len(a.layers) - 1 - i
			}
			switch {
			case sweep >= placeSweeps-2: // both sides, to settle
				a.level(layer, a.left, a.right)
			case sweep%2 == 0:
				a.level(layer, a.left)
			default:
				a.level(layer, a.right)
			}
		}
	}
	top := 0.0
	for i, n := range a.nodes {
		if i == 0 || n.y < top {
			top = n.y
		}
	}
	for i := range a.nodes {
		a.nodes[i].y -= top
	}
}

// distance is how far the top of w must be below the top of v, its neighbour.
func (a *arrangement) distance(v, w int) float64 {
	gap := 22.0
	switch dummies := a.nodes[v].dummy; {
	case dummies && a.nodes[w].dummy:
		gap = 12
	case dummies || a.nodes[w].dummy:
		gap = 16
	}
	return a.nodes[v].h + gap
}

// level moves the nodes of a layer towards the heights of those linked to them.
func (a *arrangement) level(layer int, sides ...[][]end) {
	nodes := a.layers[layer]
	want, weight, below := make([]float64, len(nodes)), make([]float64, len(nodes)), make([]float64, len(nodes))
	for i, v := range nodes {
		if i > 0 {
			below[i] = below[i-1] + a.distance(nodes[i-1], v)
		}
		sum, total := 0.0, 0.0
		for _, linked := range sides {
			for _, e := range linked[v] {
				w := a.weight(v, e.node)
				sum += float64(w * (a.nodes[e.node].y + a.nodes[e.node].ports[e.port] - a.nodes[v].ports[e.own]))
				total += w
			}
		}
		want[i], weight[i] = a.nodes[v].y, 0.01
		if total > 0 {
			want[i], weight[i] = sum/total, total
		}
		want[i] -= below[i]
	}
	for i, y := range isotonic(want, weight) {
		a.nodes[nodes[i]].y = y + below[i]
	}
}

func (a *arrangement) weight(v, w int) float64 {
	switch {
	case a.nodes[v].dummy && a.nodes[w].dummy:
		return weightLong
	case a.nodes[v].dummy || a.nodes[w].dummy:
		return weightEnd
	}
	return weightShort
}

// isotonic returns the sequence that never falls and is nearest to want, by
// weighted squares. Weights are positive.
func isotonic(want, weight []float64) []float64 {
	type block struct {
		mean, weight float64
		n            int
	}
	var blocks []block
	for i := range want {
		b := block{want[i], weight[i], 1}
		for len(blocks) > 0 && blocks[len(blocks)-1].mean >= b.mean {
			p := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			total := p.weight + b.weight
			b = block{(float64(p.mean*p.weight) + float64(b.mean*b.weight)) / total, total, p.n + b.n}
		}
		blocks = append(blocks, b)
	}
	out := make([]float64, 0, len(want))
	for _, b := range blocks {
		for range b.n {
			out = append(out, b.mean)
		}
	}
	return out
}
