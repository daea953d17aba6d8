package api

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"ledgerline/projections"
)

// Limits of a picture. What is beyond them is left out, farthest first, and the
// picture says so at the boxes concerned and as a whole.
const (
	maxBoxes    = 300
	maxSegments = 4000
	maxRows     = 40 // columns listed in a dataset
	// layoutWork is a few times what the largest pictures allowed take to come to
	// rest; see BenchmarkPicture.
	layoutWork budget = 3_000_000
)

// A picture is a lineage graph as boxes and arrows. Columns are rows of the box
// of their dataset, and several edges between the same places are one arrow.
type picture struct {
	graph  projections.Graph
	boxes  []*pictureBox // ordered by identity
	arrows []pictureArrow
	// total is how many boxes the whole graph has.
	total    int
	language int // of its own words, as in languages

	arrangement *arrangement
}

// A pictureBox is a dataset with its columns, a job, a run or a catalog entry.
type pictureBox struct {
	identity string // unique, in order of which boxes stand
	id       string // as the API names it
	node     projections.Node
	// known is unset for a dataset of which the graph has columns only.
	known   bool
	depth   int
	focus   bool           // it is what was asked for
	entries []catalogTitle // it is a resource of
	rows    []pictureRow
	hidden  int // columns that are not listed
	w, h    float64
	lines   []pictureLine  // its text
	port    map[string]int // of the columns, by field
	leftOut [2]int         // how many neighbours are not drawn: before, after
	accent  accent
}

// An accent is what a page adds to a part of a picture.
type accent struct {
	href     string
	change   string   // between two moments; empty: none
	flags    []string // what is wrong
	selected bool
	lit, dim bool
	hit      bool // it is among what was searched for
}

type pictureRow struct {
	node  projections.Node
	focus bool
}

// A pictureArrow stands for all edges of a kind between two places.
type pictureArrow struct {
	arrow
	edges  []projections.Edge // at least one
	accent accent
}

// newPicture chooses what is drawn of a graph, all or the boxes nearest to the
// node asked for, in one of the languages.
func newPicture(g projections.Graph, titles catalogTitles, language int) *picture {
	p := &picture{graph: g, language: language}
	p.draw(boxesOf(g, titles), nil)
	return p
}

// draw chooses among boxes, the nearest first. Those beyond are not drawn: boxes
// next to them say that they are there.
func (p *picture) draw(boxes, beyond []*pictureBox) {
	p.total = len(boxes)
	edges := edgesOf(p.graph, slices.Concat(boxes, beyond))
	fits := func(keep int) bool {
		p.choose(boxes[:keep], edges)
		a, ok := arrange(p.diagram(), maxSegments)
		p.arrangement = a
		return ok
	}
	if keep := min(len(boxes), maxBoxes); !fits(keep) {
		// The most that fit: one box always does, as it has no neighbours.
		fits(max(1, sort.Search(keep, func(n int) bool { return n > 0 && !fits(n) })-1))
	}
}

// A pictureEdge is an edge of the graph between the boxes it is drawn at.
type pictureEdge struct {
	from, to         *pictureBox
	fromPort, toPort int
	edge             projections.Edge
}

// edgesOf finds the boxes of the edges. That a column is part of its dataset is
// not among them, being drawn as a row.
func edgesOf(g projections.Graph, boxes []*pictureBox) []pictureEdge {
	type place struct {
		box  *pictureBox
		port int
	}
	places := make(map[string]place, len(g.Nodes))
	for _, b := range boxes {
		if b.known {
			places[b.id] = place{b, 0}
		}
		for _, row := range b.rows {
			places[row.node.ID] = place{b, b.port[row.node.Field]}
		}
	}
	var out []pictureEdge
	for _, e := range g.Edges {
		from, to := places[e.From], places[e.To]
		if from.box != nil && to.box != nil && e.Kind != projections.EdgePartOf {
			out = append(out, pictureEdge{from.box, to.box, from.port, to.port, e})
		}
	}
	return out
}

// boxIdentity is the box a node is drawn in. Quoting keeps the parts apart,
// whatever is in them.
func boxIdentity(n projections.Node) string {
	kind := n.Kind
	if kind == projections.NodeColumn {
		kind = projections.NodeDataset
	}
	return fmt.Sprintf("%s %q %q", kind, n.Namespace, n.Name)
}

// boxesOf collects the boxes of a graph, nearest to the node asked for first.
func boxesOf(g projections.Graph, titles catalogTitles) []*pictureBox {
	boxes := make(map[string]*pictureBox)
	var all []*pictureBox
	for _, n := range g.Nodes {
		identity := boxIdentity(n)
		b := boxes[identity]
		if b == nil {
			b = &pictureBox{identity: identity, id: n.ID, node: n, depth: n.Depth}
			boxes[identity] = b
			all = append(all, b)
		}
		b.depth = min(b.depth, n.Depth)
		if n.Kind == projections.NodeColumn {
			b.rows = append(b.rows, pictureRow{n, n.ID == g.Node})
			continue
		}
		b.known, b.id, b.node, b.focus = true, n.ID, n, n.ID == g.Node
	}
	for _, b := range all {
		if !b.known { // only its columns are in the graph
			n := b.node
			b.node = projections.Node{Kind: projections.NodeDataset, Namespace: n.Namespace, Name: n.Name, Depth: b.depth, First: n.First}
			b.id = projections.NodeDataset + ":" + n.Namespace + "/" + n.Name
			for _, row := range b.rows {
				b.node.First = min(b.node.First, row.node.First)
			}
		}
		b.entries = titles.of(b)
		b.listRows()
	}
	slices.SortFunc(all, func(x, y *pictureBox) int {
		return cmp.Or(cmp.Compare(x.depth, y.depth), cmp.Compare(x.identity, y.identity))
	})
	return all
}

// listRows orders the columns and gives them ports; 0 is the dataset itself.
// Columns for which there is no room share the last.
func (b *pictureBox) listRows() {
	slices.SortFunc(b.rows, func(x, y pictureRow) int {
		switch {
		case x.focus == y.focus:
			return cmp.Compare(x.node.Field, y.node.Field)
		case x.focus: // first, so that it is listed whatever happens
			return -1
		}
		return 1
	})
	b.hidden = max(0, len(b.rows)-maxRows)
	b.port = make(map[string]int, len(b.rows))
	for i, row := range b.rows {
		b.port[row.node.Field] = min(i, maxRows) + 1
	}
}

// choose draws some boxes, and the edges between them.
func (p *picture) choose(boxes []*pictureBox, edges []pictureEdge) {
	p.boxes = slices.SortedFunc(slices.Values(boxes), func(x, y *pictureBox) int { return cmp.Compare(x.identity, y.identity) })
	index := make(map[*pictureBox]int, len(p.boxes))
	for i, b := range p.boxes {
		index[b], b.leftOut = i, [2]int{}
	}
	type pair struct{ from, to *pictureBox }
	type place struct {
		arrow
		kind string
	}
	leftOut, arrows := make(map[pair]bool), make(map[place]int)
	p.arrows = p.arrows[:0]
	for _, e := range edges {
		i, drawn := index[e.from]
		j, alsoDrawn := index[e.to]
		if !drawn || !alsoDrawn {
			if away := (pair{e.from, e.to}); !leftOut[away] {
				leftOut[away] = true
				e.from.leftOut[1]++
				e.to.leftOut[0]++
			}
			continue
		}
		at := place{arrow{port{i, e.fromPort}, port{j, e.toPort}}, e.edge.Kind}
		k, ok := arrows[at]
		if !ok {
			k = len(p.arrows)
			arrows[at] = k
			p.arrows = append(p.arrows, pictureArrow{arrow: at.arrow})
		}
		p.arrows[k].edges = append(p.arrows[k].edges, e.edge)
	}
	for _, a := range p.arrows {
		slices.SortFunc(a.edges, func(x, y projections.Edge) int {
			return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To), cmp.Compare(x.Job, y.Job))
		})
	}
	slices.SortFunc(p.arrows, func(x, y pictureArrow) int {
		return cmp.Or(cmp.Compare(x.from.box, y.from.box), cmp.Compare(x.from.port, y.from.port),
			cmp.Compare(x.to.box, y.to.box), cmp.Compare(x.to.port, y.to.port), cmp.Compare(x.edges[0].Kind, y.edges[0].Kind))
	})
}
