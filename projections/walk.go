package projections

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"ledgerline/events"
)

// A walk collects the graph around a vertex.
type walk struct {
	r        *reader
	columns  bool
	depth    int
	maxNodes int

	nodes map[vertex]int // depth
	edges map[graphEdge]*Edge
	limit map[string]bool

	// Of the direction being walked: which vertices were reached, those whose
	// neighbours are still to be found, and what was read of the jobs.
	dir     Direction
	reached map[vertex]bool
	queue   []queued
	jobs    map[vertex][]stored
	pairs   map[string][]columnPair
}

type queued struct {
	at    vertex
	depth int
}

// graphEdge identifies an edge of the answer, in which flows with different
// columns are one.
type graphEdge struct {
	from, to vertex
	kind     string
	job      events.JobRef
}

// stored is an edge as it is kept.
type stored struct {
	id  edgeID
	row edgeRow
}

func newWalk(r *reader, start vertex, q LineageQuery) *walk {
	w := &walk{
		r: r, columns: q.Columns || start.Kind == NodeColumn, depth: q.Depth, maxNodes: q.MaxNodes,
		nodes: make(map[vertex]int), edges: make(map[graphEdge]*Edge), limit: make(map[string]bool), pairs: make(map[string][]columnPair),
	}
	if w.depth <= 0 {
		w.depth = DefaultDepth
	}
	if w.maxNodes <= 0 {
		w.maxNodes = DefaultNodes
	}
	w.depth, w.maxNodes = min(w.depth, MaxDepth), min(w.maxNodes, MaxNodes)
	w.add(start, 0)
	return w
}

// add puts a vertex in the answer; false if there is no room.
func (w *walk) add(v vertex, depth int) bool {
	if old, ok := w.nodes[v]; ok {
		w.nodes[v] = min(old, depth)
		return true
	}
	if len(w.nodes) >= w.maxNodes {
		w.limit[LimitNodes] = true
		return false
	}
	w.nodes[v] = depth
	return true
}

// reach adds a vertex and, the first time in this direction, queues it.
func (w *walk) reach(v vertex, depth int) bool {
	if !w.add(v, depth) {
		return false
	}
	if !w.reached[v] {
		w.reached[v] = true
		w.queue = append(w.queue, queued{v, depth})
	}
	return true
}

// link adds an edge if it is not there yet. Both ends must have been added.
func (w *walk) link(kind string, from, to vertex, job events.JobRef, row edgeRow) *Edge {
	k := graphEdge{from, to, kind, job}
	if w.edges[k] == nil {
		w.edges[k] = &Edge{Kind: kind, First: row.First, Last: row.Last, Runs: row.Runs, Declared: row.Declared > 0, Events: slices.Clone(row.Events)}
	}
	return w.edges[k]
}

// join is link for edges of which several are kept: flows with other columns.
func (w *walk) join(kind string, from, to vertex, job events.JobRef, rows []edgeRow) *Edge {
	total := edgeRow{First: latest}
	for _, row := range rows {
		total.First, total.Last = min(total.First, row.First), max(total.Last, row.Last)
		total.Runs, total.Declared = total.Runs+row.Runs, total.Declared+row.Declared
		total.Events = append(total.Events, row.Events...)
	}
	slices.Sort(total.Events)
	total.Events = slices.Compact(total.Events)
	slices.Reverse(total.Events)
	total.Events = total.Events[:min(len(total.Events), EdgeEvents)]
	return w.link(kind, from, to, job, total)
}

// run walks one direction to the limits.
func (w *walk) run(ctx context.Context, start vertex, dir Direction) error {
	w.dir, w.reached, w.queue, w.jobs = dir, map[vertex]bool{}, nil, map[vertex][]stored{}
	if err := w.seed(ctx, start); err != nil {
		return err
	}
	for len(w.queue) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		next := w.queue[0]
		w.queue = w.queue[1:]
		if err := w.expand(ctx, next.at, next.depth); err != nil {
			return err
		}
	}
	return nil
}

// seed queues what the walk begins with: the start itself, or for a job, a run
// or an entry the datasets at it.
func (w *walk) seed(ctx context.Context, start vertex) error {
	switch start.Kind {
	case NodeDataset, NodeColumn:
		w.reach(start, 0)
	case NodeJob:
		edges, err := w.edgesAt(ctx, start)
		if err != nil {
			return err
		}
		for _, e := range edges {
			w.step(e.other(w.dir), 1, e)
		}
	case NodeRun:
		return w.seedRun(start)
	case NodeEntry:
		e, _, err := w.r.entry(start.Name, 0)
		if err != nil {
			return err
		}
		for _, res := range e.Resources {
			to := datasetVertex(Dataset{res.Namespace, res.Name})
			if w.reach(to, 0) {
				w.link(EdgeResource, start, to, events.JobRef{}, edgeRow{First: e.Position, Last: e.Position, Events: []int64{e.Position}, Declared: 1})
			}
		}
	}
	return nil
}

// seedRun begins with what this run read or wrote, not with what other runs of
// its job did.
func (w *walk) seedRun(start vertex) error {
	var run runRow
	if _, err := w.r.find(start.key(), &run); err != nil {
		return err
	}
	job := jobVertex(run.Job)
	if w.add(job, 0) {
		w.link(EdgeRuns, job, start, events.JobRef{}, edgeRow{First: run.First, Last: run.Last, Runs: 1, Events: []int64{run.Last}})
	}
	for id := range run.Flow.edges() {
		if (w.dir == Down && id.From != job) || (w.dir == Up && id.To != job) {
			continue
		}
		e, ok, err := w.read(id)
		if err != nil {
			return err
		}
		if ok {
			w.step(e.other(w.dir), 1, e)
		}
	}
	return nil
}

// other is the end of an edge that lies further in a direction.
func (s stored) other(dir Direction) vertex {
	if dir == Down {
		return s.id.To
	}
	return s.id.From
}

// step reaches a vertex over reads and writes; the jobs between are added at the
// depth of the step. Nothing is added if there is no room for all.
func (w *walk) step(to vertex, depth int, over ...stored) {
	for _, e := range over {
		for _, end := range []vertex{e.id.From, e.id.To} {
			if end.Kind == NodeJob && !w.add(end, depth) {
				return
			}
		}
	}
	if to.Kind != NodeJob && !w.reach(to, depth) {
		return
	}
	for _, e := range over {
		kind := e.id.Kind
		if kind == edgeFlow {
			kind = EdgeDerives
		}
		w.link(kind, e.id.From, e.id.To, events.JobRef{}, e.row)
	}
}

// expand finds the neighbours of a vertex in the direction of the walk.
func (w *walk) expand(ctx context.Context, v vertex, depth int) error {
	if err := w.sameAs(v, depth); err != nil {
		return err
	}
	edges, err := w.edgesAt(ctx, datasetVertex(v.dataset()))
	if err != nil {
		return err
	}
	if w.columns {
		return w.expandColumns(ctx, v, depth, edges)
	}
	for _, e := range edges {
		if depth >= w.depth {
			if w.nodesMissing(e) {
				w.limit[LimitDepth] = true
			}
			continue
		}
		if e.id.Kind == edgeFlow {
			err = w.expandFlow(e, depth+1)
		} else {
			err = w.expandJob(ctx, e, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nodesMissing reports whether an edge leads to what is not in the answer.
func (w *walk) nodesMissing(e stored) bool {
	_, ok := w.nodes[e.other(w.dir)]
	return !ok
}

// expandFlow follows what a job or dataset says came from what.
func (w *walk) expandFlow(e stored, depth int) error {
	if e.id.Job == (events.JobRef{}) {
		w.step(e.other(w.dir), depth, e)
		return nil
	}
	job := jobVertex(e.id.Job)
	over := make([]stored, 0, 2)
	for _, id := range []edgeID{{Kind: EdgeReads, From: e.id.From, To: job}, {Kind: EdgeWrites, From: job, To: e.id.To}} {
		half, ok, err := w.read(id)
		if err != nil {
			return err
		}
		if !ok { // declared for a target that is not among the outputs
			half = stored{id, e.row}
		}
		over = append(over, half)
	}
	w.step(e.other(w.dir), depth, over...)
	return nil
}

// expandJob goes to a job and, if what came from what is not told, to all at its
// other side.
func (w *walk) expandJob(ctx context.Context, e stored, depth int) error {
	job := e.other(w.dir)
	w.step(job, depth, e)
	across, err := w.across(ctx, e, job)
	for _, far := range across {
		w.step(far.other(w.dir), depth, e, far)
	}
	return err
}

// across lists the edges at the other side of a job that a mixed edge leads to:
// none if the edge is not mixed.
func (w *walk) across(ctx context.Context, e stored, job vertex) ([]stored, error) {
	if e.row.Mixed == 0 {
		return nil, nil
	}
	if far, ok := w.jobs[job]; ok {
		return far, nil
	}
	far, err := w.edgesAt(ctx, job)
	far = slices.DeleteFunc(far, func(f stored) bool { return f.row.Mixed == 0 })
	w.jobs[job] = far
	return far, err
}

// expandColumns follows the columns of the flows at a column, or at all columns
// of a dataset.
func (w *walk) expandColumns(ctx context.Context, v vertex, depth int, edges []stored) error {
	rows := make(map[graphEdge][]edgeRow)
	pairs := make(map[graphEdge][]columnPair)
	for _, e := range edges {
		if e.id.Kind != edgeFlow {
			far, err := w.across(ctx, e, e.other(w.dir))
			if err != nil {
				return err
			}
			if len(far) > 0 {
				w.limit[LimitColumns] = true
			}
			continue
		}
		all, err := w.columnsOf(e.id.Columns)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			w.limit[LimitColumns] = true
		}
		for _, p := range all {
			k := graphEdge{e.id.From.column(p.From), e.id.To.column(p.To), EdgeDerives, e.id.Job}
			near, _ := k.towards(w.dir)
			if v.Field == "" || near.Field == "" || near.Field == v.Field {
				rows[k] = append(rows[k], e.row)
				pairs[k] = append(pairs[k], p)
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(rows), compareEdges) {
		near, far := k.towards(w.dir)
		if depth >= w.depth {
			if _, ok := w.nodes[far]; !ok {
				w.limit[LimitDepth] = true
			}
			continue
		}
		if !w.add(near, depth) || !w.reach(far, depth+1) {
			continue
		}
		if near != v { // from a dataset to its columns, or the other way
			column, dataset := near, v
			if near.Field == "" {
				column, dataset = v, near
			}
			w.link(EdgePartOf, column, dataset, events.JobRef{}, rows[k][0])
		}
		e := w.join(EdgeDerives, k.from, k.to, k.job, rows[k])
		merged := mergePairs(unifyEnds(pairs[k]))
		e.Transformations, e.Masking = merged[0].Transformations, merged[0].Masking
	}
	return nil
}

// unifyEnds drops what is equal in all pairs of one edge.
func unifyEnds(pairs []columnPair) []columnPair {
	out := slices.Clone(pairs)
	for i := range out {
		out[i].From, out[i].To = "", ""
	}
	return out
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

// sameAs goes over to the other names of a dataset, at no distance.
func (w *walk) sameAs(v vertex, depth int) error {
	var d datasetRow
	if _, err := w.r.find(v.dataset().key(), &d); err != nil {
		return err
	}
	for _, other := range d.SameAs {
		to := datasetVertex(other)
		if v.Field != "" {
			to = to.column(v.Field)
		}
		if w.reach(to, depth) {
			from, to := v, to
			if compareVertices(from, to) > 0 { // one edge, whichever end was first
				from, to = to, from
			}
			w.link(EdgeSameAs, from, to, events.JobRef{}, edgeRow{First: d.First, Last: d.First, Events: []int64{}})
		}
	}
	return nil
}

// edgesAt reads the edges at a vertex in the direction of the walk.
func (w *walk) edgesAt(ctx context.Context, v vertex) ([]stored, error) {
	t := tDown
	if w.dir == Up {
		t = tUp
	}
	var out []stored
	err := w.r.each(ctx, edgesOf(t, v), nil, func(row row) (bool, error) {
		id, err := edgeAt(row.entity)
		if err != nil {
			return false, err
		}
		e := stored{id: id}
		if t == tDown {
			err = row.decode(&e.row)
		} else {
			e, _, err = w.read(id)
		}
		out = append(out, e)
		return true, err
	})
	return out, err
}

// read reads one edge.
func (w *walk) read(id edgeID) (stored, bool, error) {
	e := stored{id: id}
	ok, err := w.r.find(id.down(), &e.row)
	return e, ok, err
}

// columnsOf reads the columns of a flow, each set once.
func (w *walk) columnsOf(hash string) ([]columnPair, error) {
	if hash == "" {
		return nil, nil
	}
	if p, ok := w.pairs[hash]; ok {
		return p, nil
	}
	var p []columnPair
	_, err := w.r.find(entityKey(tColumns, hash), &p)
	w.pairs[hash] = p
	return p, err
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
		g.Nodes = append(g.Nodes, n)
	}
	slices.SortFunc(g.Nodes, func(a, b Node) int { return cmp.Or(cmp.Compare(a.Depth, b.Depth), cmp.Compare(a.ID, b.ID)) })
	for _, k := range slices.SortedFunc(maps.Keys(w.edges), compareEdges) {
		e := *w.edges[k]
		e.From, e.To = texts[k.from], texts[k.to]
		if k.job != (events.JobRef{}) {
			e.Job = jobVertex(k.job).text()
		}
		g.Edges = append(g.Edges, e)
	}
	g.LimitsHit = append(g.LimitsHit, slices.Sorted(maps.Keys(w.limit))...)
	g.Complete = len(g.LimitsHit) == 0
	return g, nil
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
