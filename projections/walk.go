package projections

import (
	"context"
	"slices"

	"ledgerline/events"
)

// A walk collects the graph around a vertex.
type walk struct {
	r        *reader
	kind     GraphKind
	see      lens
	columns  bool
	depth    int
	maxNodes int
	dropped  bool // walk through dropped datasets

	start    vertex
	nodes    map[vertex]int // depth
	edges    map[graphEdge]*Edge
	limit    map[string]bool
	datasets map[Dataset]*datasetState
	// hops, if not nil, collects which vertex leads to which, in the direction of
	// data flow, and over which edges: a path may pass through a job only where the
	// walk did.
	hops map[hop][]graphEdge

	// Of the direction being walked: which vertices were reached, those whose
	// neighbours are still to be found, and what was read of the jobs.
	dir     Direction
	reached map[vertex]bool
	queue   []queued
	jobs    map[vertex][]stored
	crossed map[vertex]bool // jobs of which all that lies across was reached
	pairs   map[string][]columnPair
}

type hop struct{ from, to vertex }

// maxHops bounds what a search for paths keeps: one job with n inputs and m
// outputs alone makes n × m.
const maxHops = 500_000

// datasetState is a dataset's row and whether it is dropped.
type datasetState struct {
	datasetRow
	gone bool
}

type queued struct {
	at    vertex
	depth int
}

// stored is an edge as it is kept.
type stored struct {
	id  edgeID
	row edgeRow
}

func newWalk(r *reader, start vertex, q LineageQuery) (*walk, error) {
	w := &walk{
		r: r, kind: q.Graph, columns: q.Columns || start.Kind == NodeColumn, depth: q.Depth, maxNodes: q.MaxNodes, dropped: q.Dropped, start: start,
		nodes: make(map[vertex]int), edges: make(map[graphEdge]*Edge), limit: make(map[string]bool),
		datasets: make(map[Dataset]*datasetState), pairs: make(map[string][]columnPair),
	}
	var err error
	if w.see, err = r.lens(q); err != nil {
		return nil, err
	}
	if w.depth <= 0 {
		w.depth = DefaultDepth
	}
	if w.maxNodes <= 0 {
		w.maxNodes = DefaultNodes
	}
	w.depth, w.maxNodes = min(w.depth, MaxDepth), min(w.maxNodes, MaxNodes)
	w.add(start, 0)
	return w, nil
}

// related reports whether the walk is of control flow or hierarchy.
func (w *walk) related() bool { return w.kind == GraphControl || w.kind == GraphHierarchy }

// kindsAt lists the kinds of stored edges that the walk takes from a vertex.
func (w *walk) kindsAt(v vertex) []string {
	switch {
	case w.kind == GraphControl:
		return []string{EdgePrecedes}
	case w.kind == GraphHierarchy:
		return []string{EdgeStarted}
	case (v.Kind == NodeJob) == (w.dir == Down):
		return []string{EdgeWrites, kindBeside(v)}
	}
	return []string{EdgeReads, kindBeside(v)}
}

// kindBeside is the kind of edges between vertices of one kind.
func kindBeside(v vertex) string {
	if v.Kind == NodeJob {
		return EdgeFeeds
	}
	return edgeFlow
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
func (w *walk) reach(v vertex, depth int) (bool, error) {
	if hidden, err := w.hidden(v); hidden || err != nil || !w.add(v, depth) {
		return false, err
	}
	if !w.reached[v] {
		w.reached[v] = true
		w.queue = append(w.queue, queued{v, depth})
	}
	return true, nil
}

// hidden reports whether a vertex is not to be shown, being of a dropped dataset
// that was not asked for.
func (w *walk) hidden(v vertex) (bool, error) {
	if w.dropped || (v.Kind != NodeDataset && v.Kind != NodeColumn) || (v.Namespace == w.start.Namespace && v.Name == w.start.Name) {
		return false, nil
	}
	d, err := w.dataset(v.dataset())
	if err != nil || !d.gone {
		return false, err
	}
	w.limit[LimitDropped] = true
	return true, nil
}

// dataset reads a dataset's row, each once.
func (w *walk) dataset(ds Dataset) (*datasetState, error) {
	if d, ok := w.datasets[ds]; ok {
		return d, nil
	}
	d := new(datasetState)
	if _, err := w.r.find(ds.key(), &d.datasetRow); err != nil {
		return nil, err
	}
	var err error
	d.gone, err = w.r.dropped(ds, &d.datasetRow)
	w.datasets[ds] = d
	return d, err
}

// passed notes that one vertex leads to another, for paths.
func (w *walk) passed(near, far vertex, over ...graphEdge) {
	if w.hops == nil || near == far {
		return
	}
	h := hop{near, far}
	if w.dir == Up {
		h = hop{far, near}
	}
	if len(w.hops) >= maxHops {
		w.limit[LimitWork] = true
		return
	}
	for _, e := range over {
		if !slices.Contains(w.hops[h], e) {
			w.hops[h] = append(w.hops[h], e)
		}
	}
}

// run walks one direction to the limits.
func (w *walk) run(ctx context.Context, start vertex, dir Direction) error {
	w.dir, w.reached, w.queue, w.jobs, w.crossed = dir, map[vertex]bool{}, nil, map[vertex][]stored{}, map[vertex]bool{}
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
	switch {
	case w.related() || start.Kind == NodeDataset || start.Kind == NodeColumn:
		_, err := w.reach(start, 0)
		return err
	case start.Kind == NodeJob:
		edges, err := w.edgesAt(ctx, start)
		if err != nil {
			return err
		}
		for _, e := range edges {
			if err := w.step(start, e.other(w.dir), 1, e); err != nil {
				return err
			}
		}
		return nil
	case start.Kind == NodeRun:
		return w.seedRun(start)
	}
	e, _, err := w.r.entry(start.Name, 0)
	if err != nil {
		return err
	}
	for _, res := range e.Resources {
		to := datasetVertex(Dataset{res.Namespace, res.Name})
		room, err := w.reach(to, 0)
		if err != nil {
			return err
		}
		if room {
			w.link(EdgeResource, start, to, events.JobRef{}, edgeRow{First: e.Position, Last: e.Position, Events: []int64{e.Position}, Declared: 1})
			w.passed(start, to, graphEdge{start, to, EdgeResource, events.JobRef{}})
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
	for id := range run.edges(start.Name) {
		if !slices.Contains(w.kindsAt(job), id.Kind) || (w.dir == Down && id.From != job) || (w.dir == Up && id.To != job) {
			continue
		}
		e, ok, err := w.read(id)
		if err != nil {
			return err
		}
		if ok {
			if err := w.step(start, e.other(w.dir), 1, e); err != nil {
				return err
			}
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

// shown is the edge of the answer that a stored edge between datasets and jobs
// stands for.
func (s stored) shown() graphEdge {
	kind := s.id.Kind
	if kind == edgeFlow {
		kind = EdgeDerives
	}
	return graphEdge{s.id.From, s.id.To, kind, events.JobRef{}}
}

// step goes from a vertex to another over reads and writes; the jobs between are
// added at the depth of the step. Nothing is added if there is no room for all.
func (w *walk) step(near, to vertex, depth int, over ...stored) error {
	if hidden, err := w.hidden(to); hidden || err != nil {
		return err
	}
	for _, e := range over {
		for _, end := range []vertex{e.id.From, e.id.To} {
			if end.Kind == NodeJob && !w.add(end, depth) {
				return nil
			}
		}
	}
	if to.Kind != NodeJob {
		if room, err := w.reach(to, depth); !room || err != nil {
			return err
		}
	}
	for _, e := range over {
		k := e.shown()
		w.link(k.kind, k.from, k.to, k.job, e.row)
		w.passed(near, to, k)
	}
	return nil
}

// expand finds the neighbours of a vertex in the direction of the walk.
func (w *walk) expand(ctx context.Context, v vertex, depth int) error {
	if w.related() {
		return w.expandRelation(ctx, v, depth)
	}
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
			err = w.expandFlow(v, e, depth+1)
		} else {
			err = w.expandJob(ctx, v, e, depth+1)
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
func (w *walk) expandFlow(v vertex, e stored, depth int) error {
	if e.id.Job == (events.JobRef{}) {
		return w.step(v, e.other(w.dir), depth, e)
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
	return w.step(v, e.other(w.dir), depth, over...)
}

// expandJob goes to a job and, if what came from what is not told, to all at its
// other side.
func (w *walk) expandJob(ctx context.Context, v vertex, e stored, depth int) error {
	job := e.other(w.dir)
	if err := w.step(v, job, depth, e); err != nil {
		return err
	}
	across, err := w.across(ctx, e, job)
	if err != nil || (w.crossed[job] && w.hops == nil) { // n inputs × m outputs, walked as n + m
		return err
	}
	for _, far := range across {
		if err := w.step(v, far.other(w.dir), depth, e, far); err != nil {
			return err
		}
	}
	w.crossed[job] = w.crossed[job] || len(across) > 0
	return nil
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

// sameAs goes over to the other names of a dataset, at no distance.
func (w *walk) sameAs(v vertex, depth int) error {
	d, err := w.dataset(v.dataset())
	if err != nil {
		return err
	}
	for _, other := range d.SameAs {
		to := datasetVertex(other.Dataset)
		if v.Field != "" {
			to = to.column(v.Field)
		}
		room, err := w.reach(to, depth)
		if err != nil {
			return err
		}
		if room {
			k := graphEdge{v, to, EdgeSameAs, events.JobRef{}}
			if compareVertices(v, to) > 0 { // one edge, whichever end was first
				k.from, k.to = to, v
			}
			w.link(k.kind, k.from, k.to, k.job, edgeRow{First: other.First, Last: other.First, Events: []int64{other.First}})
			w.passed(v, to, k)
		}
	}
	return nil
}

// edgesAt reads the edges at a vertex in the direction of the walk.
func (w *walk) edgesAt(ctx context.Context, v vertex) (out []stored, err error) {
	t := tDown
	if w.dir == Up {
		t = tUp
	}
	for _, kind := range w.kindsAt(v) {
		if err := w.r.each(ctx, edgesOf(t, v, kind), nil, func(row row) (bool, error) {
			id, err := edgeAt(row.entity)
			if err != nil {
				return false, err
			}
			e := stored{id: id}
			if t == tDown {
				err = row.decode(&e.row)
			} else {
				_, err = w.r.find(id.down(), &e.row)
			}
			if err != nil {
				return false, err
			}
			seen, err := w.see(&e)
			if seen {
				out = append(out, e)
			}
			return true, err
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// read reads one edge.
func (w *walk) read(id edgeID) (stored, bool, error) {
	e := stored{id: id}
	ok, err := w.r.find(id.down(), &e.row)
	if err == nil && ok {
		ok, err = w.see(&e)
	}
	return e, ok, err
}
