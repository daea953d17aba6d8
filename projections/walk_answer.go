package projections

import (
	"cmp"
	"maps"
	"slices"

	"ledgerline/events"
)

// graphEdge identifies an edge of the answer, in which flows with different
// columns are one.
type graphEdge struct {
	from, to vertex
	kind     string
	job      events.JobRef
}

// towards orders an edge's ends by the direction of the walk.
func (k graphEdge) towards(dir Direction) (near, far vertex) {
	if dir == Down {
		return k.from, k.to
	}
	return k.to, k.from
}

func compareVertices(a, b vertex) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Field, b.Field))
}

func compareEdges(a, b graphEdge) int {
	return cmp.Or(compareVertices(a.from, b.from), compareVertices(a.to, b.to), cmp.Compare(a.kind, b.kind),
		cmp.Compare(a.job.Namespace, b.job.Namespace), cmp.Compare(a.job.Name, b.job.Name))
}

// link adds an edge if it is not there yet. Both ends must have been added.
func (w *walk) link(kind string, from, to vertex, job events.JobRef, row edgeRow) *Edge {
	k := graphEdge{from, to, kind, job}
	if w.edges[k] == nil {
		w.edges[k] = &Edge{
			Kind: kind, First: row.First, Last: row.Last, Runs: row.Runs, Declared: row.Declared > 0, Run: row.Run, Time: row.Time,
			Events: slices.Clone(row.Events),
		}
	}
	return w.edges[k]
}

// join is link for edges of which several are kept: flows with other columns.
func (w *walk) join(kind string, from, to vertex, job events.JobRef, rows []edgeRow) *Edge {
	total := edgeRow{First: latest}
	for _, row := range rows {
		if row.Last > total.Last {
			total.Last, total.Run, total.Time = row.Last, row.Run, row.Time
		}
		total.First = min(total.First, row.First)
		total.Runs, total.Declared = total.Runs+row.Runs, total.Declared+row.Declared
		total.Events = append(total.Events, row.Events...)
	}
	slices.Sort(total.Events)
	total.Events = slices.Compact(total.Events)
	slices.Reverse(total.Events)
	total.Events = total.Events[:min(len(total.Events), EdgeEvents)]
	return w.link(kind, from, to, job, total)
}

// graph writes the answer down in order.
func (w *walk) graph(start vertex, dir Direction) (Graph, error) {
	texts := w.texts()
	g := Graph{Node: texts[start], Direction: dir, Nodes: []Node{}, Edges: []Edge{}, LimitsHit: []string{}}
	for v, depth := range w.nodes {
		n, err := w.r.node(v)
		if err != nil {
			return g, err
		}
		n.ID, n.Depth = texts[v], depth
		if v == start && v.Kind == NodeDataset {
			d, err := w.dataset(v.dataset())
			if err != nil {
				return g, err
			}
			n.Fields = d.Schema.Fields
		}
		g.Nodes = append(g.Nodes, n)
	}
	slices.SortFunc(g.Nodes, func(a, b Node) int { return cmp.Or(cmp.Compare(a.Depth, b.Depth), cmp.Compare(a.ID, b.ID)) })
	for _, k := range slices.SortedFunc(maps.Keys(w.edges), compareEdges) {
		g.Edges = append(g.Edges, w.edge(k, texts))
	}
	g.LimitsHit = append(g.LimitsHit, slices.Sorted(maps.Keys(w.limit))...)
	g.Complete = len(g.LimitsHit) == 0
	return g, nil
}

// edge is an edge as the answer shows it.
func (w *walk) edge(k graphEdge, texts map[vertex]string) Edge {
	e := *w.edges[k]
	e.From, e.To = texts[k.from], texts[k.to]
	if k.job != (events.JobRef{}) {
		e.Job = jobVertex(k.job).text()
	}
	return e
}

// texts gives each vertex its text form, the exact one where the plain form is
// that of several.
func (w *walk) texts() map[vertex]string {
	uses := make(map[string]int, len(w.nodes))
	for v := range w.nodes {
		uses[v.text()]++
	}
	out := make(map[vertex]string, len(w.nodes))
	for v := range w.nodes {
		if out[v] = v.text(); uses[out[v]] > 1 {
			out[v] = v.exact()
		}
	}
	return out
}
