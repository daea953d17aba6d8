package projections

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"ledgerline/projections/graph"
)

// stored is an edge as it is kept, and its state in the view that was asked for.
type stored struct {
	id    graph.Edge
	state graph.State
}

// seenEdge is what a lens that looks at each edge saw.
type seenEdge struct {
	row   edgeRow
	state graph.State
}

const mixedState = graph.MixedObserved | graph.MixedDeclared

// looking is the lens as the graph calls it; nil if states say all.
func (w *walk) looking() func(graph.Edge, graph.State) (graph.State, error) {
	if w.see.see == nil {
		return nil
	}
	return func(e graph.Edge, _ graph.State) (graph.State, error) {
		s, err := w.look(e)
		return s.state, err
	}
}

// look looks at an edge through such a lens, once.
func (w *walk) look(e graph.Edge) (s seenEdge, err error) {
	s, ok := w.seen[e]
	if ok {
		return s, nil
	}
	row, in, err := w.see.see(e)
	if s.row = row; in {
		s.state = row.state()
	}
	w.seen[e] = s
	return s, err
}

// inView is an edge's state in the view; 0 if it is not in it.
func (w *walk) inView(e graph.Edge, s graph.State) (graph.State, error) {
	if w.see.see == nil || e.Kind == graph.Same {
		return w.see.state(s), nil
	}
	seen, err := w.look(e)
	return seen.state, err
}

// edgesAt lists the edges at a node that are in the view, in order.
func (w *walk) edgesAt(dir graph.Direction, node uint32) (out []stored, err error) {
	w.g.Each(dir, node, func(e graph.Edge, s graph.State) bool {
		if e.Kind != graph.Same {
			s, err = w.inView(e, s)
		}
		if s != 0 {
			out = append(out, stored{e, s})
		}
		return err == nil
	})
	byEdge := func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.id.Kind, b.id.Kind), cmp.Compare(a.id.From, b.id.From), cmp.Compare(a.id.To, b.id.To), cmp.Compare(a.id.Job, b.id.Job), cmp.Compare(a.id.Set, b.id.Set))
	}
	slices.SortFunc(out, byEdge)
	return slices.CompactFunc(out, func(a, b stored) bool { return a.id == b.id }), err
}

// row reads what the view knows of an edge.
func (w *walk) row(e graph.Edge) (edgeRow, error) {
	if w.see.see != nil {
		s, err := w.look(e)
		return s.row, err
	}
	var row edgeRow
	_, err := w.r.find(edgeKey(e), &row)
	w.see.row(e, &row)
	return row, err
}

// other is the node of an edge that lies further in a direction.
func (s stored) other(dir graph.Direction) uint32 {
	if dir == graph.Down {
		return s.id.To
	}
	return s.id.From
}

var edgeKinds = map[graph.Kind]string{
	graph.Flow: EdgeDerives, graph.Precedes: EdgePrecedes, graph.Reads: EdgeReads, graph.Writes: EdgeWrites, graph.Feeds: EdgeFeeds,
	graph.Started: EdgeStarted, graph.Same: EdgeSameAs,
}

// shown is the edge of the answer that a stored one between nodes stands for.
func (s stored) shown() graphEdge {
	return graphEdge{from: graph.Spot{Node: s.id.From}, to: graph.Spot{Node: s.id.To}, kind: edgeKinds[s.id.Kind]}
}

// linkStored puts a stored edge in the answer.
func (w *walk) linkStored(e stored) error {
	k := e.shown()
	if w.edges[k] != nil {
		return nil
	}
	row, err := w.row(e.id)
	if err == nil {
		w.link(k, row)
	}
	return err
}

// gatherLevel finds the edges between nodes of the answer, going again from those
// of a level that the walk went on from.
func (w *walk) gatherLevel(ctx context.Context, way *way, depth int) error {
	for _, s := range way.levels[depth] {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !w.has(s) {
			continue
		}
		edges, err := w.edgesAt(way.dir, s.Node)
		if err != nil {
			return err
		}
		last := depth >= w.depth
		switch {
		case w.related():
			err = w.gatherRelated(way, edges, last)
		case w.columns:
			err = w.gatherColumns(way, s, depth, edges)
		default:
			err = w.gatherFlow(way, s, edges, last)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gatherFlow gathers the edges of data flow at a dataset.
func (w *walk) gatherFlow(way *way, at graph.Spot, edges []stored, last bool) error {
	for _, e := range edges {
		var err error
		switch {
		case e.id.Kind == graph.Same:
			err = w.gatherName(way, at, e)
		case last:
		case e.id.Kind == graph.Flow:
			err = w.gatherDerived(way, at, e)
		case e.id.Kind == graph.Reads || e.id.Kind == graph.Writes:
			err = w.gatherJob(way, at, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gatherDerived gathers what a job or dataset says came from what.
func (w *walk) gatherDerived(way *way, at graph.Spot, e stored) error {
	far := graph.Spot{Node: e.other(way.dir)}
	if !w.has(far) {
		return nil
	}
	if e.id.Job == 0 {
		if err := w.linkStored(e); err != nil {
			return err
		}
		w.passed(way, at, far, e.shown())
		return nil
	}
	if !w.has(graph.Spot{Node: e.id.Job}) {
		return nil
	}
	var over []graphEdge
	for _, id := range []graph.Edge{{Kind: graph.Reads, From: e.id.From, To: e.id.Job}, {Kind: graph.Writes, From: e.id.Job, To: e.id.To}} {
		state, err := w.inView(id, w.g.Link(id))
		if err != nil {
			return err
		}
		k := stored{id: id}.shown()
		switch {
		case w.edges[k] != nil:
		case state != 0:
			err = w.linkStored(stored{id, state})
		default: // declared for a target that is not among the outputs
			var row edgeRow
			if row, err = w.row(e.id); err == nil {
				w.link(k, row)
			}
		}
		if err != nil {
			return err
		}
		over = append(over, k)
	}
	w.passed(way, at, far, over...)
	return nil
}

// gatherJob gathers the edge to a job and, if what came from what is not told,
// those at its other side.
func (w *walk) gatherJob(way *way, at graph.Spot, e stored) error {
	job := e.other(way.dir)
	if !w.has(graph.Spot{Node: job}) {
		return nil
	}
	if err := w.linkStored(e); err != nil {
		return err
	}
	w.passed(way, at, graph.Spot{Node: job}, e.shown())
	if e.state&mixedState == 0 || (way.crossed[job] && w.hops == nil) { // n inputs × m outputs, gathered as n + m
		return nil
	}
	across, err := w.across(way.dir, job)
	if err != nil {
		return err
	}
	for _, f := range across {
		far := graph.Spot{Node: f.other(way.dir)}
		if !w.has(far) {
			continue
		}
		if err := w.linkStored(f); err != nil {
			return err
		}
		w.passed(way, at, far, e.shown(), f.shown())
	}
	way.crossed[job] = true
	return nil
}

// across lists the edges at the other side of a job that a mixed edge leads to.
func (w *walk) across(dir graph.Direction, job uint32) ([]stored, error) {
	far, err := w.edgesAt(dir, job)
	return slices.DeleteFunc(far, func(f stored) bool {
		return (f.id.Kind != graph.Reads && f.id.Kind != graph.Writes) || f.state&mixedState == 0
	}), err
}

// gatherName gathers the link to another name of a dataset or column.
func (w *walk) gatherName(way *way, at graph.Spot, e stored) error {
	to := graph.Spot{Node: e.other(way.dir), Field: at.Field}
	if !w.has(to) {
		return nil
	}
	d, err := w.dataset(at.Node)
	if err != nil {
		return err
	}
	v, err := w.names.full(at)
	if err != nil {
		return err
	}
	other, err := w.names.full(to)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(d.SameAs, func(n sameName) bool { return n.Dataset == other.dataset() })
	if i < 0 {
		return nil
	}
	k := graphEdge{from: at, to: to, kind: EdgeSameAs}
	if compareVertices(v, other) > 0 { // one edge, whichever end was first
		k.from, k.to = to, at
	}
	first := d.SameAs[i].First
	w.link(k, edgeRow{First: first, Last: first, Events: []int64{first}})
	w.passed(way, at, to, k)
	return nil
}

// gatherRelated gathers the edges of control flow or hierarchy.
func (w *walk) gatherRelated(way *way, edges []stored, last bool) error {
	for _, e := range edges {
		if last || e.id.Kind != w.kind || !w.has(graph.Spot{Node: e.other(way.dir)}) {
			continue
		}
		if w.edges[e.shown()] != nil {
			continue
		}
		if err := w.linkStored(e); err != nil {
			return err
		}
		if e.id.Kind != graph.Precedes {
			continue
		}
		text, err := w.r.text(e.id.Set)
		if err != nil {
			return err
		}
		if rules := strings.Split(text, ruleSeparator); len(rules) == 3 {
			w.edges[e.shown()].Dependency = &Dependency{Type: rules[0], Sequence: rules[1], Status: rules[2]}
		}
	}
	return nil
}
