package projections

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
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
	// View, Window, ValidAt and Run are those of LineageQuery.
	View    LineageView
	Window  Window
	ValidAt events.Time
	Run     string
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
	// MixesRuns are the jobs of this step whose runs differ, as Node.MixesRuns has it:
	// the step may be of no single run.
	MixesRuns []string `json:"mixes_runs,omitempty"`
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
			View: q.View, From: q.Window.From, To: q.Window.To, ValidAt: q.ValidAt, Run: q.Run,
		})
		if err != nil {
			return err
		}
		walk.hops = make(map[hop][]graphEdge)
		if err := walk.run(ctx, graph.Down); err != nil {
			return err
		}
		end, err := walk.arrive(to)
		if err != nil {
			return err
		}
		s, err := newSearch(walk, end, q)
		if err != nil {
			return err
		}
		if err := s.all(ctx); err != nil {
			return err
		}
		if list, err = s.list(); err != nil {
			return err
		}
		return s.keepPaths(&list)
	})
	return list, err
}

// keepPaths keeps the paths of which the reader may see every node.
func (s *search) keepPaths(list *PathList) (err error) {
	r := s.w.r
	if r.sight == nil {
		return nil
	}
	texts, err := s.w.texts()
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	for spot, text := range texts {
		v, err := s.w.names.full(spot)
		if err == nil {
			seen[text], err = r.seesNode(v)
		}
		if err != nil {
			return err
		}
	}
	list.Paths, err = keepSeen(r, list.Paths, func(p *Path) (bool, error) {
		return !slices.ContainsFunc(p.Nodes, func(n string) bool { return !seen[n] }), nil
	})
	if list.Shortest = 0; len(list.Paths) > 0 {
		list.Shortest = len(list.Paths[0].Steps)
	}
	return err
}

// arrive ties a target that is no dataset or column to the datasets where paths
// to it end, and returns its number.
func (w *walk) arrive(to vertex) (graph.Spot, error) {
	end, err := w.names.spot(to)
	if err != nil {
		return end, err
	}
	tie := func(d Dataset, kind string, row edgeRow) error {
		s, err := w.names.spot(datasetVertex(d))
		if err != nil {
			return err
		}
		if depth, reached := w.nodes[s]; reached && w.add(end, depth) {
			k := graphEdge{from: s, to: end, kind: kind}
			w.link(k, row)
			w.passed(w.ways[0], s, end, k)
		}
		return nil
	}
	switch to.Kind {
	case NodeEntry:
		e, _, err := w.r.entry(to.Name, 0)
		if err != nil {
			return end, err
		}
		for _, res := range e.Resources {
			row := edgeRow{First: e.Position, Last: e.Position, Declared: 1, Events: []int64{e.Position}}
			if err := tie(Dataset{res.Namespace, res.Name}, EdgeResource, row); err != nil {
				return end, err
			}
		}
	case NodeRun:
		var run runRow
		if _, err := w.r.find(to.key(), &run); err != nil {
			return end, err
		}
		for _, d := range run.now().Inputs {
			row := edgeRow{First: run.First, Last: run.Last, Runs: 1, Run: to.Name, Events: []int64{run.Last}}
			if err := tie(d, EdgeReads, row); err != nil {
				return end, err
			}
		}
	}
	return end, nil
}

// A search enumerates simple paths in what a walk has found.
type search struct {
	w        *walk
	from, to graph.Spot
	q        PathQuery
	next     map[graph.Spot][]graph.Spot // by name
	left     map[graph.Spot]int          // fewest steps from a node to the target
	work     int
	longer   bool // some way was left because it is longer than the length tried
	paths    [][]graph.Spot
	limit    map[string]bool
}

func newSearch(w *walk, to graph.Spot, q PathQuery) (*search, error) {
	s := &search{w: w, from: w.at, to: to, q: q, next: make(map[graph.Spot][]graph.Spot), left: map[graph.Spot]int{to: 0}, limit: maps.Clone(w.limit)}
	before := make(map[graph.Spot][]graph.Spot)
	named := make(map[graph.Spot]vertex)
	for h := range w.hops {
		s.next[h.from] = append(s.next[h.from], h.to)
		before[h.to] = append(before[h.to], h.from)
		v, err := w.names.full(h.to)
		if err != nil {
			return nil, err
		}
		named[h.to] = v
	}
	for _, list := range s.next {
		slices.SortFunc(list, func(a, b graph.Spot) int { return compareVertices(named[a], named[b]) })
	}
	for queue := []graph.Spot{to}; len(queue) > 0; queue = queue[1:] {
		for _, v := range before[queue[0]] {
			if _, known := s.left[v]; !known {
				s.left[v] = s.left[queue[0]] + 1
				queue = append(queue, v)
			}
		}
	}
	return s, nil
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
		if err := s.extend(ctx, []graph.Spot{s.from}, map[graph.Spot]bool{s.from: true}, length); err != nil || s.cut() {
			return err
		}
	}
	return nil
}

// cut reports whether the search has to end.
func (s *search) cut() bool { return s.limit[LimitPaths] || s.limit[LimitWork] }

// extend continues a path that has exactly left steps to go.
func (s *search) extend(ctx context.Context, path []graph.Spot, passed map[graph.Spot]bool, left int) error {
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
func (s *search) list() (PathList, error) {
	s.w.nodes[s.to] += 0 // it is named even if nothing leads to it
	texts, err := s.w.texts()
	if err != nil {
		return PathList{}, err
	}
	list := PathList{From: texts[s.from], To: texts[s.to], Paths: []Path{}, LimitsHit: append([]string{}, slices.Sorted(maps.Keys(s.limit))...)}
	mixing := make(map[graph.Spot]bool)
	for _, p := range s.paths {
		path := Path{Nodes: []string{}, Steps: []Step{}}
		for i, v := range p {
			path.Nodes = append(path.Nodes, texts[v])
			if i == 0 {
				continue
			}
			step := Step{From: texts[p[i-1]], To: texts[v], Edges: []Edge{}}
			for _, k := range s.w.hops[hop{p[i-1], v}] {
				e, err := s.w.edge(k, texts)
				if err != nil {
					return list, err
				}
				step.Edges = append(step.Edges, e)
				if k.kind != EdgeReads {
					continue
				}
				mixes, asked := mixing[k.to]
				if !asked {
					if mixes, err = s.w.mixes(k.to); err != nil {
						return list, err
					}
					mixing[k.to] = mixes
				}
				if mixes {
					step.MixesRuns = append(step.MixesRuns, texts[k.to])
				}
			}
			slices.Sort(step.MixesRuns)
			slices.SortFunc(step.Edges, byEnds)
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
	return list, nil
}
