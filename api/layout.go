package api

import "slices"

// layout*.go place the boxes of a picture in layers from left to right, in the
// steps of Sugiyama, Tagawa and Toda (1981): cycles are broken and layers
// assigned (layout_layers.go), the order in each layer is chosen so that few
// lines cross (layout_order.go), and heights so that lines are short and straight
// (layout_place.go).
//
// All of it is a pure function of the diagram: no clock, no chance, no order of a
// map. Work is bounded by counting it, so that the same question draws the same
// picture on every machine, however busy.

// A diagram is what is to be laid out. Its order decides between layouts that are
// equally good; callers keep it independent of where the parts came from.
type diagram struct {
	boxes  []box
	arrows []arrow
}

// A box has a size in pixels and ports, given by their distances from its top,
// ascending. Each port is at both sides of the box.
type box struct {
	w, h  float64
	ports []float64
}

// An arrow goes from a port to a port.
type arrow struct{ from, to port }

type port struct{ box, port int }

type point struct{ x, y float64 }

// A layout says where things are, in pixels from the top left.
type layout struct {
	w, h  float64
	boxes []point // top left corners, in the diagram's order
	layer []int   // of each box, from 0 at the left
	lanes []lane  // of the arrows, in the diagram's order
	// segments and crossings are those between neighbouring layers.
	segments, crossings int
}

// A lane is the way of an arrow. Its points come in pairs with a straight line
// between, and a curve from each pair to the next; the curves lie between the
// layers, where there are no boxes.
type lane struct {
	points []point
	// closes is set if the arrow closes a cycle: it goes from right to left, or
	// from a box to itself. In the latter case there is one pair, of two points at
	// the right of the box, to be joined by an arc.
	closes bool
}

// A node is a box or a dummy. A dummy is the place where arrows pass a layer.
type node struct {
	layer int
	h     float64
	ports []float64
	dummy bool
	// rank of the first port among all ports of the layer, top to bottom.
	rank int
	y    float64 // of the top
}

// An end is the far end of a segment as seen from a node.
type end struct {
	own  int // port of the node
	node int
	port int
}

// An arrangement is a layout in the making.
type arrangement struct {
	diagram diagram
	nodes   []node  // the boxes, then the dummies
	layers  [][]int // nodes by layer, top to bottom
	// left and right are the segments at each node.
	left, right [][]end
	// chains are the dummies of the arrows between two boxes that are not in
	// neighbouring layers; arrows between the same boxes share them.
	chains   map[[2]int][]int
	segments int
}

// span orders the boxes of an arrow by layer.
func (a *arrangement) span(w arrow) (from, to port) {
	if a.nodes[w.from.box].layer > a.nodes[w.to.box].layer {
		return w.to, w.from
	}
	return w.from, w.to
}

// arrange assigns layers. It reports false, having done little, if that makes
// more than maxSegments segments.
func arrange(d diagram, maxSegments int) (*arrangement, bool) {
	a := &arrangement{diagram: d, nodes: make([]node, len(d.boxes)), chains: make(map[[2]int][]int)}
	for i, l := range layersOf(len(d.boxes), d.arrows) {
		a.nodes[i] = node{layer: l, h: d.boxes[i].h, ports: d.boxes[i].ports}
	}
	if a.countSegments(maxSegments) > maxSegments {
		return nil, false
	}
	for _, w := range d.arrows {
		from, to := a.span(w)
		pair := [2]int{from.box, to.box}
		if _, ok := a.chains[pair]; ok {
			continue
		}
		for at := a.nodes[from.box].layer + 1; at < a.nodes[to.box].layer; at++ {
			a.chains[pair] = append(a.chains[pair], len(a.nodes))
			a.nodes = append(a.nodes, node{layer: at, dummy: true, ports: []float64{0}})
		}
	}
	a.connect()
	return a, true
}

// countSegments counts the segments that connect will make, or stops when there
// are too many.
func (a *arrangement) countSegments(most int) (n int) {
	seen := make(map[[2]port]bool)
	count := func(from, to port, segments int) {
		if key := [2]port{from, to}; !seen[key] {
			seen[key] = true
			n += segments
		}
	}
	const chain = -1 // stands for the dummies, which do not exist yet
	for _, w := range a.diagram.arrows {
		from, to := a.span(w)
		switch length := a.nodes[to.box].layer - a.nodes[from.box].layer; {
		case length == 1:
			count(from, to, 1)
		case length > 1:
			count(from, port{to.box, chain}, 1)
			count(port{from.box, chain}, to, 1)
			count(port{from.box, chain}, port{to.box, chain}, length-2)
		}
		if n > most {
			break
		}
	}
	return n
}

// connect makes the segments.
func (a *arrangement) connect() {
	a.left, a.right = make([][]end, len(a.nodes)), make([][]end, len(a.nodes))
	seen := make(map[[2]port]bool)
	join := func(u, v port) {
		if seen[[2]port{u, v}] {
			return
		}
		seen[[2]port{u, v}] = true
		a.right[u.box] = append(a.right[u.box], end{u.port, v.box, v.port})
		a.left[v.box] = append(a.left[v.box], end{v.port, u.box, u.port})
		a.segments++
	}
	for _, w := range a.diagram.arrows {
		from, to := a.span(w)
		if from.box == to.box {
			continue
		}
		at := from
		for _, dummy := range a.chains[[2]int{from.box, to.box}] {
			join(at, port{dummy, 0})
			at = port{dummy, 0}
		}
		join(at, to)
	}
	for i, n := range a.nodes {
		for len(a.layers) <= n.layer {
			a.layers = append(a.layers, nil)
		}
		a.layers[n.layer] = append(a.layers[n.layer], i)
	}
}

// Distances between boxes, in pixels.
const (
	layerGap = 64.0 // between layers, at least
	fanGap   = 1.5  // more for each line that passes between the layers
	mostGap  = 200.0
	loopOut  = 26.0 // how far the arc of a loop goes out
	// backShift is how far below its ports an arrow runs that closes a cycle.
	backShift = 6.0
)

// solve chooses order and heights, and measures the picture.
func (a *arrangement) solve(work budget) layout {
	out := layout{boxes: make([]point, len(a.diagram.boxes)), layer: make([]int, len(a.diagram.boxes)), segments: a.segments}
	out.crossings = a.order(&work)
	a.place()
	lefts, rights := a.columns()
	for i, b := range a.diagram.boxes {
		n := a.nodes[i]
		out.layer[i] = n.layer
		out.boxes[i] = point{(lefts[n.layer] + rights[n.layer] - b.w) / 2, n.y}
		out.h = max(out.h, n.y+n.h)
	}
	for _, n := range a.nodes {
		out.h = max(out.h, n.y+n.h)
	}
	if len(rights) > 0 {
		out.w = rights[len(rights)-1] + loopOut
	}
	for _, w := range a.diagram.arrows {
		out.lanes = append(out.lanes, a.lane(w, out.boxes, lefts, rights))
	}
	return out
}

// columns gives the left and right bounds of each layer: as wide as its widest
// box, and further apart where more lines have to get from one to the next.
func (a *arrangement) columns() (lefts, rights []float64) {
	x := 0.0
	for _, nodes := range a.layers {
		width, lines := 0.0, 0
		for _, n := range nodes {
			if n < len(a.diagram.boxes) {
				width = max(width, a.diagram.boxes[n].w)
			}
			lines += len(a.right[n])
		}
		lefts, rights = append(lefts, x), append(rights, x+width)
		x += width + min(layerGap+fanGap*float64(lines), mostGap)
	}
	return lefts, rights
}

// lane lists the points of an arrow.
func (a *arrangement) lane(w arrow, corners []point, lefts, rights []float64) lane {
	at := func(p port) (left, right, y float64) {
		b, corner := a.diagram.boxes[p.box], corners[p.box]
		return corner.x, corner.x + b.w, corner.y + b.ports[p.port]
	}
	if w.from.box == w.to.box {
		_, x, y1 := at(w.from)
		_, _, y2 := at(w.to)
		if y1 == y2 {
			y1, y2 = y1-5, y2+5
		}
		return lane{[]point{{x, y1}, {x, y2}}, true}
	}
	from, to := a.span(w)
	_, x, y := at(from)
	points := []point{{x, y}, {rights[a.nodes[from.box].layer], y}}
	for _, d := range a.chains[[2]int{from.box, to.box}] {
		n := a.nodes[d]
		points = append(points, point{lefts[n.layer], n.y}, point{rights[n.layer], n.y})
	}
	x, _, y = at(to)
	points = append(points, point{lefts[a.nodes[to.box].layer], y}, point{x, y})
	closes := from != w.from
	if closes { // beside the arrow that goes the other way, if there is one
		for i := range points {
			points[i].y += backShift
		}
		slices.Reverse(points)
	}
	return lane{points, closes}
}

// A budget is how much work is left, in segments looked at.
type budget int

// spend takes from the budget; false if it is used up.
func (b *budget) spend(n int) bool {
	*b -= budget(n)
	return *b > 0
}
