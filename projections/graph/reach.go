package graph

import (
	"context"
	"slices"
	"sync/atomic"
)

// Query asks what a walk comes to.
type Query struct {
	Direction Direction
	// Graph is Flow for data flow, or Precedes or Started.
	Graph Kind
	// Seeds are where to begin, by depth.
	Seeds [][]uint32
	// Known are nodes that are not to be told.
	Known []uint32
	// Depth is how many steps to go.
	Depth int
	// Need are the states of which an edge has to have one, Mixed those of which a
	// mixed edge has one; 0 means all. See, if not nil, decides instead: it returns
	// what is to be taken for the edge's state.
	Need, Mixed State
	See         func(Edge, State) (State, error)
	// Dropped says to go through dropped datasets. Visible is shown even if it is
	// dropped.
	Dropped bool
	Visible uint32
	// Spend, if not nil, is told of nodes that the walk went on from, some thousands at
	// a time. Its error ends the walk.
	Spend func(nodes int64) error
}

// Reached is what a walk came to, each node once and at its least depth.
type Reached struct {
	Levels []Level
	// Hidden is set if dropped datasets were left out, Deeper if more lies beyond
	// Depth.
	Hidden, Deeper bool
}

// Level is what lies at one depth. The order within is not told: it changes with
// a fold.
type Level struct {
	// Nodes were walked on from, but for those of the last level. Jobs lie on the
	// way to nodes of this level.
	Nodes, Jobs []uint32
}

// Count is how many nodes and jobs there are.
func (r *Reached) Count() (n int) {
	for _, l := range r.Levels {
		n += len(l.Nodes) + len(l.Jobs)
	}
	return n
}

// marks are what a walk works with: bits of the nodes that it has come to and of
// the jobs that it has crossed, and lists of them. They are kept for the next
// walk, which costs less than to make them.
type marks struct {
	seen, crossed []uint64
	nodes, jobs   []uint32
	at            bounds
	touched       uint32 // means nothing: what is read into the cache has to be used
}

func (g *Graph) marks(nodes int) *marks {
	m, _ := g.scratch.Get().(*marks)
	if words := (nodes + 63) / 64; m == nil || len(m.seen) < words {
		m = &marks{seen: make([]uint64, words+words/8), crossed: make([]uint64, words+words/8)}
	}
	return m
}

func mark(set []uint64, n uint32) bool {
	w, bit := &set[n>>6], uint64(1)<<(n&63)
	if *w&bit != 0 {
		return false
	}
	*w |= bit
	return true
}

// reaching is a walk over nodes.
type reaching struct {
	*marks
	v              View
	q              *Query
	hidden, deeper bool
	err            error

	recent bool // there is an overlay to look into
	hides  bool // datasets may have been dropped
}

// checkEvery is how many nodes a walk goes on from before it asks whether anybody
// still waits for it.
const checkEvery = 1 << 12

// pace counts the nodes that a walk goes on from, and asks now and then whether it may
// go on.
type pace struct {
	ctx   context.Context
	spend func(nodes int64) error
	steps int64
}

func (p *pace) step() error {
	if p.steps++; p.steps%checkEvery != 0 {
		return nil
	}
	return p.ask(checkEvery)
}

// end tells of the last nodes.
func (p *pace) end() error { return p.ask(p.steps % checkEvery) }

func (p *pace) ask(nodes int64) error {
	if err := p.ctx.Err(); err != nil || p.spend == nil {
		return err
	}
	return p.spend(nodes)
}

// Reach walks along edges, breadth first. Data goes along flows, and through a
// job from its mixed reads to its mixed writes; jobs on the way are told, but not
// walked on from. Other names of a dataset are no further than it.
func (v View) Reach(ctx context.Context, q Query) (*Reached, error) {
	if q.Need == 0 {
		q.Need = Observed | Declared
	}
	if q.Mixed == 0 {
		q.Mixed = MixedObserved | MixedDeclared
	}
	nodes := len(v.nodes)
	for _, list := range append(q.Seeds[:len(q.Seeds):len(q.Seeds)], q.Known) {
		for _, n := range list {
			nodes = max(nodes, int(n)+1)
		}
	}
	w := &reaching{
		marks: v.g.marks(nodes), v: v, q: &q,
		recent: v.s.over.spans.Load() > 0, hides: !q.Dropped && v.g.dropped.any.Load(),
	}
	defer w.release()
	for _, n := range q.Known {
		mark(w.seen, n)
	}
	p := &pace{ctx: ctx, spend: q.Spend}
	ends, err := w.run(p)
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return nil, err
	}
	out := &Reached{Hidden: w.hidden, Deeper: w.deeper, Levels: make([]Level, 0, len(ends))}
	allNodes, allJobs := slices.Clone(w.nodes), slices.Clone(w.jobs)
	from := levelEnd{}
	for _, to := range ends {
		out.Levels = append(out.Levels, Level{allNodes[from.nodes:to.nodes:to.nodes], allJobs[from.jobs:to.jobs:to.jobs]})
		from = to
	}
	return out, nil
}

// levelEnd is where a level ends in the lists of nodes and jobs.
type levelEnd struct{ nodes, jobs int }

// run walks level by level, and returns where each ends.
func (w *reaching) run(p *pace) (ends []levelEnd, err error) {
	from := 0
	for depth := 0; ; depth++ {
		if depth < len(w.q.Seeds) {
			for _, n := range w.q.Seeds[depth] {
				w.reach(n)
			}
		}
		if w.q.Graph == Flow && w.v.g.renamed.Load() {
			for i := from; i < len(w.nodes); i++ { // grows; other names come first, since they are nearer
				w.names(w.nodes[i])
			}
		}
		end := levelEnd{len(w.nodes), len(w.jobs)}
		if ends = append(ends, end); end.nodes == from && depth+1 >= len(w.q.Seeds) {
			return ends, nil // jobs alone lead nowhere
		}
		hidden, last := w.hidden, depth >= w.q.Depth
		for plain := w.plain(); plain && !last && from < end.nodes; {
			level := w.nodes[from:min(from+checkEvery, end.nodes)]
			w.fromAll(level)
			if err := p.ask(int64(len(level))); err != nil {
				return nil, err
			}
			from += len(level)
		}
		for ; from < end.nodes && !w.deeper; from++ {
			if err := p.step(); err != nil {
				return nil, err
			}
			if w.from(w.nodes[from]); w.err != nil {
				return nil, w.err
			}
			w.deeper = last && (len(w.nodes) > end.nodes || len(w.jobs) > end.jobs || w.hidden != hidden)
		}
		if last {
			w.hidden = hidden // what lies beyond is of no concern
			return ends, nil
		}
	}
}

// release clears what the walk marked.
func (w *reaching) release() {
	if len(w.nodes) > len(w.seen)/8 {
		clear(w.seen) // one pass costs less than so many places
	} else {
		for _, n := range w.nodes {
			w.seen[n>>6] = 0
		}
	}
	for _, list := range [2][]uint32{w.jobs, w.q.Known} {
		for _, n := range list {
			w.seen[n>>6], w.crossed[n>>6] = 0, 0
		}
	}
	w.nodes, w.jobs = w.nodes[:0], w.jobs[:0]
	w.v.g.scratch.Put(w.marks)
}

// reach adds a node, unless it was reached before or is not to be seen.
func (w *reaching) reach(n uint32) {
	if word, bit := &w.seen[n>>6], uint64(1)<<(n&63); *word&bit == 0 && !(w.hides && w.hide(n)) {
		*word |= bit
		w.nodes = append(w.nodes, n)
	}
}

// hide reports whether a dataset is dropped and not asked for.
func (w *reaching) hide(n uint32) bool {
	if n == w.q.Visible || !w.v.Dropped(n) {
		return false
	}
	w.hidden = true
	return true
}

// job adds a job that lies on the way.
func (w *reaching) job(n uint32) {
	if mark(w.seen, n) {
		w.jobs = append(w.jobs, n)
	}
}

// names goes over to the other names of a dataset.
func (w *reaching) names(n uint32) {
	for _, list := range [2][]link{w.v.s.base.down.at(n), w.v.s.over.at(n).down} {
		for i := range list {
			if l := &list[i]; l.kind == Same && lasts(l.begin, &l.end, w.v.t) {
				w.reach(l.other)
			}
		}
	}
}

// from goes on from a node.
func (w *reaching) from(n uint32) {
	base := w.v.s.base
	switch {
	case w.q.See != nil || w.q.Graph != Flow:
		w.fromEach(n)
	case w.q.Direction == Down:
		w.flows(base.out.at(n))
		w.links(base.down.at(n))
	default:
		w.backs(base.in.at(n))
		w.links(base.up.at(n))
	}
	if !w.recent || w.q.See != nil || w.q.Graph != Flow {
		return
	}
	if over := w.v.s.over.at(n); w.q.Direction == Down {
		w.flows(over.out)
		w.links(over.down)
	} else {
		w.backs(over.in)
		w.links(over.up)
	}
}

// flows and backs say in place what reach and lasts say, the latter as one
// comparison, which wraps around where t is before the span; and they know that at
// a dataset no flow is a Precedes.
func (w *reaching) flows(list []flow) {
	t, need, seen, nodes := w.v.t, uint32(w.q.Need&(Observed|Declared))<<tagShift, w.seen, w.nodes
	for i := range list {
		f := &list[i]
		if t-f.begin >= atomic.LoadUint32(&f.end)-f.begin || f.set&need == 0 {
			continue
		}
		n := f.to
		if word, bit := &seen[n>>6], uint64(1)<<(n&63); *word&bit == 0 {
			if w.hides && w.hide(n) {
				continue
			}
			*word |= bit
			nodes = append(nodes, n)
		}
		if f.job != 0 {
			w.job(f.job)
		}
	}
	w.nodes = nodes
}

func (w *reaching) backs(list []back) {
	t, need, seen, nodes := w.v.t, uint32(w.q.Need&(Observed|Declared))<<tagShift, w.seen, w.nodes
	for i := range list {
		b := &list[i]
		if t-b.begin >= atomic.LoadUint32(&b.end)-b.begin || b.job&need == 0 {
			continue
		}
		n := b.from
		if word, bit := &seen[n>>6], uint64(1)<<(n&63); *word&bit == 0 {
			if w.hides && w.hide(n) {
				continue
			}
			*word |= bit
			nodes = append(nodes, n)
		}
		if job := b.job & maxTagged; job != 0 {
			w.job(job)
		}
	}
	w.nodes = nodes
}

// arrive comes to a dataset by a job.
func (w *reaching) arrive(n, job uint32) {
	w.reach(n)
	if job != 0 && w.seen[n>>6]&(1<<(n&63)) != 0 {
		w.job(job)
	}
}

// links goes through jobs, over reads and writes.
func (w *reaching) links(list []link) {
	t := w.v.t
	for i := range list {
		l := &list[i]
		if (l.kind != Reads && l.kind != Writes) || l.state&w.q.Need == 0 || !lasts(l.begin, &l.end, t) {
			continue
		}
		w.job(l.other)
		if l.state&w.q.Mixed != 0 && mark(w.crossed, l.other) {
			w.across(l.other)
		}
	}
}

// across goes on from a job to all that may have come from what it mixes.
func (w *reaching) across(job uint32) {
	base, over, kind := &w.v.s.base.down, w.v.s.over.at(job).down, Writes
	if w.q.Direction == Up {
		base, over, kind = &w.v.s.base.up, w.v.s.over.at(job).up, Reads
	}
	for _, list := range [2][]link{base.at(job), over} {
		for i := range list {
			l := &list[i]
			if l.kind == kind && l.state&w.q.Need != 0 && l.state&w.q.Mixed != 0 && lasts(l.begin, &l.end, w.v.t) {
				w.reach(l.other)
			}
		}
	}
}

// fromEach is from for the graphs of control and hierarchy, and where See decides
// about each edge.
func (w *reaching) fromEach(n uint32) {
	w.v.Each(w.q.Direction, n, func(e Edge, s State) bool {
		if e.Kind != w.q.Graph && (w.q.Graph != Flow || (e.Kind != Reads && e.Kind != Writes)) {
			return true
		}
		if s = w.see(e, s); s == 0 {
			return w.err == nil
		}
		switch job := other(e, w.q.Direction); {
		case w.q.Graph != Flow:
			w.reach(job)
		case e.Kind == Flow:
			w.arrive(job, e.Job)
		default:
			w.job(job)
			if s&w.q.Mixed == 0 || !mark(w.crossed, job) {
				break
			}
			w.v.Each(w.q.Direction, job, func(f Edge, s State) bool {
				if f.Kind == Reads || f.Kind == Writes {
					if s = w.see(f, s); s&w.q.Mixed != 0 {
						w.reach(other(f, w.q.Direction))
					}
				}
				return w.err == nil
			})
		}
		return w.err == nil
	})
}

// other is the end of an edge that lies further in a direction.
func other(e Edge, d Direction) uint32 {
	if d == Down {
		return e.To
	}
	return e.From
}

// see is the state of an edge in the view that was asked for, 0 if it is not in
// it.
func (w *reaching) see(e Edge, s State) State {
	if w.q.See == nil {
		if s&w.q.Need == 0 {
			return 0
		}
		return s
	}
	s, err := w.q.See(e, s)
	if err != nil {
		w.err = err
	}
	return s
}

// Sorted returns the nodes and jobs of a level in order.
func (l Level) Sorted() []uint32 {
	all := slices.Concat(l.Nodes, l.Jobs)
	slices.Sort(all)
	return all
}
