package projections

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// PathQuery asks how data got from one node to another.
type PathQuery struct {
	// From and To are nodes as ResolveNode reads them. An entry stands for the
	// datasets that it describes, a job or run for what it wrote or read.
	From, To string
	// Columns asks for paths between columns. A column at either end implies it.
	Columns bool
	// MaxPaths and MaxLength bound the answer: how many paths, and how many steps
	// each. 0 means DefaultPaths and DefaultDepth; more than MaxPaths or MaxDepth
	// means these.
	MaxPaths, MaxLength int
	// View, Window and Run are those of LineageQuery.
	View   LineageView
	Window Window
	Run    string
}

// Bounds of PathQuery.
const (
	DefaultPaths = 10
	MaxPaths     = 1000
)

// PathList is how data got from one node to another.
type PathList struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Shortest is the number of steps of the shortest path; 0 if there is none.
	Shortest int `json:"shortest"`
	// Paths pass no node twice. The shorter come first, then by their nodes.
	Paths []Path `json:"paths"`
	// Complete is false if there may be more paths. LimitsHit then says why: one of
	// the limits of Graph, LimitPaths, LimitLength or LimitWork.
	Complete  bool     `json:"complete"`
	LimitsHit []string `json:"limits_hit"`
}

// The reasons for which a list of paths is not complete, beside those of Graph.
const (
	LimitPaths  = "max_paths"  // MaxPaths was reached
	LimitLength = "max_length" // there are longer ones than MaxLength
	LimitWork   = "max_work"   // the search was given up
)

// Path is one way from node to node.
type Path struct {
	Nodes []string `json:"nodes"`
	Steps []Step   `json:"steps"`
}

// Step is one step of a path and the edges that show it: those of every job that
// makes this step.
type Step struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Edges []Edge `json:"edges"`
}

// pathWork bounds how many steps a search for paths tries: their number can grow
// exponentially.
const pathWork = 500_000

// Paths lists the ways from one node to another in the direction of data flow,
// dropped datasets included. The error is an *UnknownNodeError if one of the
// nodes is not known.
func (w *View) Paths(ctx context.Context, q PathQuery) (list PathList, err error) {
	err = w.read(func(r *reader) error {
		from, err := r.resolve(ctx, q.From)
		if err != nil {
			return err
		}
		to, err := r.resolve(ctx, q.To)
		if err != nil {
			return err
		}
		if q.MaxLength <= 0 {
			q.MaxLength = DefaultDepth
		}
		if q.MaxPaths <= 0 {
			q.MaxPaths = DefaultPaths
		}
		q.MaxLength, q.MaxPaths = min(q.MaxLength, MaxDepth), min(q.MaxPaths, MaxPaths)
		walk, err := newWalk(r, from, LineageQuery{
			Direction: Down, Depth: q.MaxLength, Columns: q.Columns || to.Kind == NodeColumn, MaxNodes: MaxNodes, Dropped: true,
			View: q.View, From: q.Window.From, To: q.Window.To, Run: q.Run,
		})
		if err != nil {
			return err
		}
		walk.hops = make(map[hop][]graphEdge)
		if err := walk.run(ctx, from, Down); err != nil {
			return err
		}
		if err := walk.arrive(to); err != nil {
			return err
		}
		s := newSearch(walk, from, to, q)
		if err := s.all(ctx); err != nil {
			return err
		}
		list = s.list()
		return nil
	})
	return list, err
}

// arrive ties a target that is no dataset or column to the datasets where paths
// to it end.
func (w *walk) arrive(to vertex) error {
	w.dir = Down
	tie := func(d Dataset, kind string, row edgeRow) {
		v := datasetVertex(d)
		if _, reached := w.nodes[v]; reached && w.add(to, w.nodes[v]) {
			k := graphEdge{from: v, to: to, kind: kind}
			w.link(k.kind, k.from, k.to, k.job, row)
			w.passed(v, to, k)
		}
	}
	switch to.Kind {
	case NodeEntry:
		e, _, err := w.r.entry(to.Name, 0)
		for _, res := range e.Resources {
			tie(Dataset{res.Namespace, res.Name}, EdgeResource, edgeRow{First: e.Position, Last: e.Position, Declared: 1, Events: []int64{e.Position}})
		}
		return err
	case NodeRun:
		var run runRow
		_, err := w.r.find(to.key(), &run)
		for _, d := range run.now().Inputs {
			tie(d, EdgeReads, edgeRow{First: run.First, Last: run.Last, Runs: 1, Run: to.Name, Events: []int64{run.Last}})
		}
		return err
	}
	return nil
}

// A search enumerates simple paths in what a walk has found.
type search struct {
	w        *walk
	from, to vertex
	q        PathQuery
	next     map[vertex][]vertex // sorted
	left     map[vertex]int      // fewest steps from a vertex to the target
	work     int
	longer   bool // some way was left because it is longer than the length tried
	paths    [][]vertex
	limit    map[string]bool
}

func newSearch(w *walk, from, to vertex, q PathQuery) *search {
	s := &search{w: w, from: from, to: to, q: q, next: make(map[vertex][]vertex), left: map[vertex]int{to: 0}, limit: maps.Clone(w.limit)}
	before := make(map[vertex][]vertex)
	for h := range w.hops {
		s.next[h.from] = append(s.next[h.from], h.to)
		before[h.to] = append(before[h.to], h.from)
	}
	for _, list := range s.next {
		slices.SortFunc(list, compareVertices)
	}
	for queue := []vertex{to}; len(queue) > 0; queue = queue[1:] {
		for _, v := range before[queue[0]] {
			if _, known := s.left[v]; !known {
				s.left[v] = s.left[queue[0]] + 1
				queue = append(queue, v)
			}
		}
	}
	return s
}

// all finds the paths of each length in turn, the shortest first: so when a limit
// cuts the search, the shortest are there.
func (s *search) all(ctx context.Context) error {
	shortest, reachable := s.left[s.from]
	if !reachable || s.from == s.to {
		return nil
	}
	s.longer = true
	for length := shortest; s.longer; length++ {
		if length > s.q.MaxLength {
			s.limit[LimitLength] = true
			return nil
		}
		s.longer = false
		if err := s.extend(ctx, []vertex{s.from}, map[vertex]bool{s.from: true}, length); err != nil || s.cut() {
			return err
		}
	}
	return nil
}

// cut reports whether the search has to end.
func (s *search) cut() bool { return s.limit[LimitPaths] || s.limit[LimitWork] }

// extend continues a path that has exactly left steps to go.
func (s *search) extend(ctx context.Context, path []vertex, passed map[vertex]bool, left int) error {
	if s.work++; s.work > pathWork {
		s.limit[LimitWork] = true
		return ctx.Err()
	}
	at := path[len(path)-1]
	if left == 0 {
		if at == s.to {
			if len(s.paths) == s.q.MaxPaths {
				s.limit[LimitPaths] = true
				return nil
			}
			s.paths = append(s.paths, slices.Clone(path))
		}
		return nil
	}
	for _, v := range s.next[at] {
		need, leads := s.left[v]
		if !leads || passed[v] || (v == s.to && left > 1) {
			continue
		}
		if need > left-1 {
			s.longer = true
			continue
		}
		passed[v] = true
		if err := s.extend(ctx, append(path, v), passed, left-1); err != nil {
			return err
		}
		delete(passed, v)
		if s.cut() {
			return nil
		}
	}
	return nil
}

// list writes the answer down.
func (s *search) list() PathList {
	texts := s.w.texts()
	text := func(v vertex) string {
		if t, ok := texts[v]; ok {
			return t
		}
		return v.text() // the target, if nothing leads to it
	}
	list := PathList{From: text(s.from), To: text(s.to), Paths: []Path{}, LimitsHit: append([]string{}, slices.Sorted(maps.Keys(s.limit))...)}
	for _, p := range s.paths {
		path := Path{Nodes: []string{}, Steps: []Step{}}
		for i, v := range p {
			path.Nodes = append(path.Nodes, text(v))
			if i == 0 {
				continue
			}
			step := Step{From: text(p[i-1]), To: text(v), Edges: []Edge{}}
			keys := s.w.hops[hop{p[i-1], v}]
			slices.SortFunc(keys, compareEdges)
			for _, k := range keys {
				step.Edges = append(step.Edges, s.w.edge(k, texts))
			}
			path.Steps = append(path.Steps, step)
		}
		list.Paths = append(list.Paths, path)
	}
	slices.SortStableFunc(list.Paths, func(a, b Path) int {
		return cmp.Or(cmp.Compare(len(a.Steps), len(b.Steps)), slices.Compare(a.Nodes, b.Nodes))
	})
	if len(list.Paths) > 0 {
		list.Shortest = len(list.Paths[0].Steps)
	}
	list.Complete = len(list.LimitsHit) == 0
	return list
}
