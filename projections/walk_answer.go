package projections

import (
	"cmp"
	"slices"
	"strings"

	"ledgerline/projections/graph"
)

// graphEdge identifies an edge of the answer, in which flows with different
// columns are one.
type graphEdge struct {
	from, to graph.Spot
	kind     string
	job      uint32
}

// towards orders an edge's ends by the direction of the walk.
func (k graphEdge) towards(dir graph.Direction) (near, far graph.Spot) {
	if dir == graph.Down {
		return k.from, k.to
	}
	return k.to, k.from
}

func compareVertices(a, b vertex) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Field, b.Field))
}

func compareEdges(a, b graphEdge) int {
	return cmp.Or(compareSpots(a.from, b.from), compareSpots(a.to, b.to), cmp.Compare(a.kind, b.kind), cmp.Compare(a.job, b.job))
}

// link adds an edge if it is not there yet. Both ends must have been added.
func (w *walk) link(k graphEdge, row edgeRow) *Edge {
	if w.edges[k] == nil {
		w.edges[k] = &Edge{
			Kind: k.kind, First: row.First, Last: row.Last, Runs: row.Runs, ImportedRuns: row.ImportedRuns, Declared: row.Declared > 0, Run: row.Run, Time: row.Time,
			Events: slices.Clone(row.Events),
		}
		w.fresh = append(w.fresh, k)
	}
	return w.edges[k]
}

// join is link for edges of which several are kept: flows with other columns.
func (w *walk) join(k graphEdge, rows []edgeRow) *Edge {
	total := edgeRow{First: latest}
	for _, row := range rows {
		if row.Last > total.Last {
			total.Last, total.Run, total.Time = row.Last, row.Run, row.Time
		}
		total.First = min(total.First, row.First)
		total.Runs, total.Declared = total.Runs+row.Runs, total.Declared+row.Declared
		total.ImportedRuns += row.ImportedRuns
		total.Events = append(total.Events, row.Events...)
	}
	slices.Sort(total.Events)
	total.Events = slices.Compact(total.Events)
	slices.Reverse(total.Events)
	total.Events = total.Events[:min(len(total.Events), EdgeEvents)]
	return w.link(k, total)
}

// graph writes the answer down in order.
func (w *walk) graph(dir Direction) (Graph, error) {
	texts, err := w.texts()
	if err != nil {
		return Graph{}, err
	}
	g := Graph{Node: texts[w.at], Direction: dir, Nodes: []Node{}, Edges: []Edge{}}
	for s, depth := range w.nodes {
		n, err := w.node(s, texts[s], depth)
		if err != nil {
			return g, err
		}
		g.Nodes = append(g.Nodes, n)
	}
	slices.SortFunc(g.Nodes, func(a, b Node) int { return cmp.Or(cmp.Compare(a.Depth, b.Depth), cmp.Compare(a.ID, b.ID)) })
	for k := range w.edges {
		e, err := w.edge(k, texts)
		if err != nil {
			return g, err
		}
		g.Edges = append(g.Edges, e)
	}
	slices.SortFunc(g.Edges, byEnds)
	g.LimitsHit = w.limits()
	g.Complete = len(g.LimitsHit) == 0
	return g, nil
}

// node is a node as the answer shows it.
func (w *walk) node(s graph.Spot, text string, depth int) (Node, error) {
	v, err := w.names.full(s)
	if err != nil {
		return Node{}, err
	}
	n, err := w.r.describe(v, s.Node)
	if err != nil {
		return n, err
	}
	n.ID, n.Depth = text, depth
	if v.Kind == NodeJob {
		n.MixesRuns, err = w.mixesRuns(s.Node, v)
		return n, err
	}
	if s == w.at && v.Kind == NodeDataset {
		d, err := w.dataset(s.Node)
		n.Fields = d.Schema.Fields
		return n, err
	}
	return n, nil
}

// mostMixed is how many edges of a job are looked at to tell whether its runs differ;
// if it has more, they may.
const mostMixed = 64

// mixesRuns tells whether a walk passes through a job by what several runs, which may
// differ, read and wrote.
func (w *walk) mixesRuns(node uint32, v vertex) (bool, error) {
	if w.kind != graph.Flow || !w.several {
		return false, nil
	}
	var j jobRow
	if _, err := w.r.find(v.key(), &j); err != nil || j.Runs < 2 {
		return false, err
	}
	var mixed []graph.Edge
	sides := 0
	for _, dir := range []graph.Direction{graph.Up, graph.Down} {
		before := len(mixed)
		w.g.Each(dir, node, func(e graph.Edge, s graph.State) bool {
			if (e.Kind == graph.Reads || e.Kind == graph.Writes) && s&graph.MixedObserved != 0 {
				mixed = append(mixed, e)
			}
			return len(mixed) <= before+mostMixed
		})
		if len(mixed) > before {
			sides++
		}
	}
	if sides < 2 || len(mixed) > mostMixed {
		return sides == 2, nil
	}
	for _, e := range mixed {
		var row edgeRow
		if _, err := w.r.find(edgeKey(e), &row); err != nil || row.Runs < j.Runs {
			return err == nil, err
		}
	}
	return false, nil
}

// mixes is mixesRuns of a node that may be something else.
func (w *walk) mixes(s graph.Spot) (bool, error) {
	v, err := w.names.full(s)
	if err != nil || v.Kind != NodeJob {
		return false, err
	}
	return w.mixesRuns(s.Node, v)
}

// edge is an edge as the answer shows it.
func (w *walk) edge(k graphEdge, texts map[graph.Spot]string) (Edge, error) {
	e := *w.edges[k]
	e.From, e.To = texts[k.from], texts[k.to]
	var err error
	if e.Imported, err = w.r.imported(append(e.Events[:len(e.Events):len(e.Events)], e.First, e.Last)...); err != nil {
		return e, err
	}
	if k.job != 0 {
		job, err := w.names.vertex(k.job)
		if err != nil {
			return e, err
		}
		e.Job = job.text()
	}
	return e, nil
}

// texts gives each node its text form, the exact one where the plain form is that
// of several or could be read as an exact one.
func (w *walk) texts() (map[graph.Spot]string, error) {
	uses, out := make(map[string]int, len(w.nodes)), make(map[graph.Spot]string, len(w.nodes))
	for s := range w.nodes {
		v, err := w.names.full(s)
		if err != nil {
			return nil, err
		}
		out[s] = v.text()
		uses[out[s]]++
	}
	for s, text := range out {
		if uses[text] > 1 || strings.Contains(text, "%") {
			v, err := w.names.full(s)
			if err != nil {
				return nil, err
			}
			out[s] = v.exact()
		}
	}
	return out, nil
}
