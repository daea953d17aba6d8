package projections

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"ledgerline/projections/graph"
)

// A walk collects the graph around a vertex, in two steps. The graph in memory
// finds what is reached and how far it is, all of it; of this the nearest
// MaxNodes are kept. Then the edges between those are gathered
// (walk_edges.go, walk_columns.go), and named and described from their rows
// (walk_answer.go). So an answer that is cut holds what is nearest, in whatever
// order the graph keeps its edges.
//
// Within a walk a node is a number, and a column a number and that of its name.
type walk struct {
	r        *reader
	g        graph.View
	kind     graph.Kind
	see      *lens
	columns  bool
	depth    int
	maxNodes int
	dropped  bool // walk through dropped datasets
	several  bool // the view is of what several runs showed

	start    vertex
	at       graph.Spot // of start
	nodes    map[graph.Spot]int
	edges    map[graphEdge]*Edge
	fresh    []graphEdge // keys of edges in the order in which they were found
	limit    map[string]bool
	datasets map[uint32]*datasetRow
	names    names
	seen     map[graph.Edge]seenEdge // through a lens that looks at each edge
	pairs    map[uint32][]columnPair
	same     map[uint32][]uint32       // all names of a dataset, by each; nil until one is asked for
	runs     map[string]*RunDifference // that were compared; nil if a run differs in nothing
	// hops, if not nil, collects which node leads to which, in the direction of data
	// flow, and over which edges: a path may pass through a job only where the walk
	// did.
	hops map[hop][]graphEdge
	ways []*way
}

// way is a walk in one direction.
type way struct {
	dir     graph.Direction
	seeds   [][]graph.Spot
	levels  [][]graph.Spot // those that the walk went on from, sorted
	jobs    [][]uint32     // those on the way to them, sorted
	crossed map[uint32]bool
}

type hop struct{ from, to graph.Spot }

// maxHops bounds what a search for paths keeps: one job with n inputs and m
// outputs alone makes n × m.
const maxHops = 500_000

var graphKinds = map[GraphKind]graph.Kind{"": graph.Flow, GraphData: graph.Flow, GraphControl: graph.Precedes, GraphHierarchy: graph.Started}

func newWalk(r *reader, start vertex, q LineageQuery) (*walk, error) {
	w := &walk{
		r: r, kind: graphKinds[q.Graph], columns: q.Columns || start.Kind == NodeColumn, depth: q.Depth, maxNodes: q.MaxNodes, dropped: q.Dropped, start: start,
		nodes: make(map[graph.Spot]int), edges: make(map[graphEdge]*Edge), limit: make(map[string]bool),
		datasets: make(map[uint32]*datasetRow), seen: make(map[graph.Edge]seenEdge), pairs: make(map[uint32][]columnPair),
		names: names{r: r, nodes: make(map[uint32]vertex), words: make(map[uint32]string)},
	}
	var err error
	if w.see, err = r.lens(q); err != nil {
		return nil, err
	}
	w.several = q.View != ViewRun && q.View != ViewDeclared
	if w.g, err = r.graph(); err != nil {
		return nil, err
	}
	if w.see.ever {
		w.g = w.g.Ever()
	}
	if w.depth <= 0 {
		w.depth = DefaultDepth
	}
	if w.maxNodes <= 0 {
		w.maxNodes = DefaultNodes
	}
	w.depth, w.maxNodes = min(w.depth, MaxDepth), min(w.maxNodes, MaxNodes)
	if w.at, err = w.names.spot(start); err != nil {
		return nil, err
	}
	w.nodes[w.at] = 0
	return w, nil
}

// related reports whether the walk is of control flow or hierarchy.
func (w *walk) related() bool { return w.kind != graph.Flow }

// run walks in each of the directions, and gathers the edges.
func (w *walk) run(ctx context.Context, directions ...graph.Direction) error {
	if err := w.find(ctx, directions...); err != nil {
		return err
	}
	for _, way := range w.ways {
		for depth := range way.levels {
			if err := w.gatherLevel(ctx, way, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// find walks in each of the directions, and keeps the nearest nodes.
func (w *walk) find(ctx context.Context, directions ...graph.Direction) error {
	for _, dir := range directions {
		way := &way{dir: dir, crossed: make(map[uint32]bool)}
		w.ways = append(w.ways, way)
		if err := w.seed(way); err != nil {
			return err
		}
		reach := w.reach
		if w.columns && !w.related() {
			reach = w.reachColumns
		}
		if err := reach(ctx, way); err != nil {
			return err
		}
	}
	w.keepNearest()
	return nil
}

// limits lists the limits that were hit, in order.
func (w *walk) limits() []string { return append([]string{}, slices.Sorted(maps.Keys(w.limit))...) }

// reach finds what lies in a direction.
func (w *walk) reach(ctx context.Context, way *way) error {
	q := graph.Query{
		Direction: way.dir, Graph: w.kind, Depth: w.depth, Need: w.see.need, Mixed: w.see.mixed, See: w.looking(),
		Dropped: w.dropped || w.related(), Visible: w.at.Node, Spend: w.r.cost.spend,
	}
	if w.start.Kind == NodeJob && !w.related() {
		q.Known = []uint32{w.at.Node}
	}
	for _, level := range way.seeds {
		nodes := make([]uint32, 0, len(level))
		for _, s := range level {
			nodes = append(nodes, s.Node)
		}
		q.Seeds = append(q.Seeds, nodes)
	}
	found, err := w.g.Reach(ctx, q)
	if err != nil {
		return err
	}
	for _, l := range found.Levels {
		slices.Sort(l.Nodes)
		slices.Sort(l.Jobs)
		level := make([]graph.Spot, 0, len(l.Nodes))
		for _, n := range l.Nodes {
			level = append(level, graph.Spot{Node: n})
		}
		way.levels, way.jobs = append(way.levels, level), append(way.jobs, l.Jobs)
	}
	w.limited(found.Hidden, found.Deeper)
	return nil
}

// reachColumns is reach from column to column.
func (w *walk) reachColumns(ctx context.Context, way *way) error {
	found, err := w.g.ReachColumns(ctx, graph.ColumnQuery{
		Direction: way.dir, Depth: w.depth, Need: w.see.need, See: w.looking(), Dropped: w.dropped, Visible: w.at.Node, Seeds: way.seeds, Spend: w.r.cost.spend,
	})
	if err != nil {
		return err
	}
	for _, l := range found.Levels {
		slices.SortFunc(l, compareSpots)
		way.levels, way.jobs = append(way.levels, l), append(way.jobs, nil)
	}
	w.limited(found.Hidden, found.Deeper)
	return nil
}

func (w *walk) limited(hidden, deeper bool) {
	if hidden {
		w.limit[LimitDropped] = true
	}
	if deeper {
		w.limit[LimitDepth] = true
	}
}

func compareSpots(a, b graph.Spot) int {
	return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Field, b.Field))
}

// keepNearest puts what was reached in the answer, the nearest first, while there
// is room.
func (w *walk) keepNearest() {
	for depth := range max(len(w.ways[0].levels), len(w.ways[len(w.ways)-1].levels)) {
		for _, way := range w.ways {
			if depth >= len(way.levels) {
				continue
			}
			for _, s := range way.levels[depth] {
				w.add(s, depth)
			}
			for _, j := range way.jobs[depth] {
				w.add(graph.Spot{Node: j}, depth)
			}
		}
	}
}

// add puts a node in the answer; false if there is no room.
func (w *walk) add(s graph.Spot, depth int) bool {
	if old, ok := w.nodes[s]; ok {
		w.nodes[s] = min(old, depth)
		return true
	}
	if len(w.nodes) >= w.maxNodes {
		w.limit[LimitNodes] = true
		return false
	}
	w.nodes[s] = depth
	return true
}

// has reports whether all of these are in the answer.
func (w *walk) has(spots ...graph.Spot) bool {
	for _, s := range spots {
		if _, ok := w.nodes[s]; !ok {
			return false
		}
	}
	return true
}

// seed finds what the walk begins with: the start itself, or for a job, a run or
// an entry the datasets at it.
func (w *walk) seed(way *way) error {
	switch {
	case w.related() || w.start.Kind == NodeDataset || w.start.Kind == NodeColumn:
		if int(w.at.Node) < len(w.g.Nodes()) { // a run of which nothing else is told has no number
			way.seeds = [][]graph.Spot{{w.at}}
		}
		return nil
	case w.start.Kind == NodeJob:
		return w.seedEdges(way, w.at.Node, func(graph.Edge) bool { return true })
	case w.start.Kind == NodeRun:
		return w.seedRun(way)
	}
	e, _, err := w.r.entry(w.start.Name, 0)
	if err != nil {
		return err
	}
	var seeds []graph.Spot
	for _, res := range e.Resources {
		to, err := w.names.spot(datasetVertex(Dataset{res.Namespace, res.Name}))
		if err != nil {
			return err
		}
		if d, err := w.dataset(to.Node); err != nil {
			return err
		} else if d.Gone && !w.dropped {
			w.limit[LimitDropped] = true
			continue
		}
		if seeds = append(seeds, to); w.add(to, 0) {
			k := graphEdge{from: w.at, to: to, kind: EdgeResource}
			w.link(k, edgeRow{First: e.Position, Last: e.Position, Events: []int64{e.Position}, Declared: 1})
			w.passed(way, w.at, to, k)
		}
	}
	way.seeds = [][]graph.Spot{seeds}
	return nil
}

// seedRun begins with what this run read or wrote, not with what other runs of
// its job did.
func (w *walk) seedRun(way *way) error {
	var run runRow
	if _, err := w.r.find(w.start.key(), &run); err != nil {
		return err
	}
	job, err := w.names.spot(jobVertex(run.Job))
	if err != nil {
		return err
	}
	if w.add(job, 0) {
		w.link(graphEdge{from: job, to: w.at, kind: EdgeRuns}, edgeRow{First: run.First, Last: run.Last, Runs: 1, Events: []int64{run.Last}})
	}
	edges, err := run.edges(w.r, w.start.Name)
	if err != nil {
		return err
	}
	return w.seedEdges(way, job.Node, func(e graph.Edge) bool {
		_, its := edges[e]
		return its
	})
}

// seedEdges begins with what lies at a job.
func (w *walk) seedEdges(way *way, job uint32, wanted func(graph.Edge) bool) error {
	edges, err := w.edgesAt(way.dir, job)
	if err != nil {
		return err
	}
	var seeds []graph.Spot
	for _, e := range edges {
		if k := e.id.Kind; (k != graph.Reads && k != graph.Writes && k != graph.Feeds) || !wanted(e.id) {
			continue
		}
		far := graph.Spot{Node: e.other(way.dir)}
		if e.id.Kind != graph.Feeds {
			if d, err := w.dataset(far.Node); err != nil {
				return err
			} else if d.Gone && !w.dropped {
				w.limit[LimitDropped] = true
				continue
			}
			seeds = append(seeds, far)
		}
		if !w.add(far, 1) || !w.add(graph.Spot{Node: job}, 1) {
			continue
		}
		if err := w.linkStored(e); err != nil {
			return err
		}
		w.passed(way, w.at, far, e.shown())
	}
	way.seeds = [][]graph.Spot{nil, seeds}
	return nil
}

// dataset reads a dataset's row, each once.
func (w *walk) dataset(n uint32) (*datasetRow, error) {
	if d, ok := w.datasets[n]; ok {
		return d, nil
	}
	v, err := w.names.vertex(n)
	if err != nil {
		return nil, err
	}
	d := new(datasetRow)
	_, err = w.r.find(v.dataset().key(), d)
	w.datasets[n] = d
	return d, err
}

// passed notes that one node leads to another, for paths.
func (w *walk) passed(way *way, near, far graph.Spot, over ...graphEdge) {
	if w.hops == nil || near == far {
		return
	}
	h := hop{near, far}
	if way.dir == graph.Up {
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

// names are the names of numbers, each read once. A vertex that has no number is
// given one that the graph does not know.
type names struct {
	r     *reader
	nodes map[uint32]vertex
	words map[uint32]string
	made  uint32
}

// spot is the number of a vertex.
func (n *names) spot(v vertex) (s graph.Spot, err error) {
	field := v.Field
	if v.Field != "" {
		v = datasetVertex(v.dataset())
	}
	if nodeKinds[v.Kind] != 0 {
		if s.Node, err = n.r.node(v); err != nil {
			return s, err
		}
	}
	if s.Node == 0 {
		for m, known := range n.nodes { // made before
			if m > maxNumber && known == v {
				s.Node = m
			}
		}
	}
	if s.Node == 0 {
		n.made++
		s.Node = maxNumber + n.made
	}
	n.nodes[s.Node] = v
	if field == "" {
		return s, nil
	}
	if s.Field, err = n.r.word(field); err == nil && s.Field == 0 {
		n.made++
		s.Field = maxNumber + n.made
	}
	n.words[s.Field] = field
	return s, err
}

// vertex is the name of a node.
func (n *names) vertex(node uint32) (vertex, error) {
	if v, ok := n.nodes[node]; ok {
		return v, nil
	}
	v, err := n.r.vertex(node)
	n.nodes[node] = v
	return v, err
}

// full is the name of a node or column.
func (n *names) full(s graph.Spot) (vertex, error) {
	v, err := n.vertex(s.Node)
	if err != nil || s.Field == 0 {
		return v, err
	}
	text, ok := n.words[s.Field]
	if !ok {
		if text, err = n.r.text(s.Field); err != nil {
			return v, err
		}
		n.words[s.Field] = text
	}
	return v.column(text), nil
}
