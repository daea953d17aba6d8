package graph

import (
	"context"
	"slices"
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

// marks are the nodes that a walk has come to, and the jobs that it has crossed.
// They are kept for the next walk, which costs less than to make them.
type marks struct{ seen, crossed []uint64 }

func (g *Graph) marks(nodes int) *marks {
	m, _ := g.scratch.Get().(*marks)
	if words := (nodes + 63) / 64; m == nil || len(m.seen) < words {
		m = &marks{make([]uint64, words+words/8), make([]uint64, words+words/8)}
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
	v         View
	q         *Query
	m         *marks
	out       *Reached
	cur, next Level
	err       error
}

// checkEvery is how many nodes a walk goes on from before it asks whether anybody
// still waits for it.
const checkEvery = 1 << 12

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
	for _, seeds := range q.Seeds {
		for _, s := range seeds {
			nodes = max(nodes, int(s)+1)
		}
	}
	for _, n := range q.Known {
		nodes = max(nodes, int(n)+1)
	}
	w := &reaching{v: v, q: &q, m: v.g.marks(nodes), out: new(Reached)}
	defer w.release()
	for _, n := range q.Known {
		mark(w.m.seen, n)
	}
	steps := 0
	for depth := 0; ; depth++ {
		w.cur, w.next = w.next, Level{}
		if depth < len(q.Seeds) {
			for _, n := range q.Seeds[depth] {
				w.reach(n, &w.cur)
			}
		}
		if len(w.cur.Nodes)+len(w.cur.Jobs) == 0 && depth >= len(q.Seeds) {
			return w.out, nil
		}
		if q.Graph == Flow && v.g.renamed.Load() {
			for i := 0; i < len(w.cur.Nodes); i++ { // grows; other names come first, since they are nearer
				w.names(w.cur.Nodes[i])
			}
		}
		hidden, last := w.out.Hidden, depth >= q.Depth
		for i := 0; i < len(w.cur.Nodes) && w.err == nil && !w.out.Deeper; i++ {
			if steps++; steps%checkEvery == 0 && ctx.Err() != nil {
				w.keep()
				return nil, ctx.Err()
			}
			w.from(w.cur.Nodes[i])
			w.out.Deeper = last && (len(w.next.Nodes)+len(w.next.Jobs) > 0 || w.out.Hidden != hidden)
		}
		if w.keep(); w.err != nil {
			return nil, w.err
		}
		if last {
			w.out.Hidden = hidden // what lies beyond is of no concern
			return w.out, nil
		}
	}
}

func (w *reaching) keep() { w.out.Levels = append(w.out.Levels, w.cur) }

// release clears what the walk marked.
func (w *reaching) release() {
	clearAll := func(l Level) {
		for _, n := range l.Nodes {
			w.m.seen[n>>6] = 0
		}
		for _, n := range l.Jobs {
			w.m.seen[n>>6], w.m.crossed[n>>6] = 0, 0
		}
	}
	for _, l := range w.out.Levels {
		clearAll(l)
	}
	clearAll(w.cur)
	clearAll(w.next)
	clearAll(Level{Jobs: w.q.Known})
	w.v.g.scratch.Put(w.m)
}

// reach adds a node to a level, unless it was reached before or is not to be seen.
func (w *reaching) reach(n uint32, level *Level) {
	if w.m.seen[n>>6]&(1<<(n&63)) != 0 {
		return
	}
	if !w.q.Dropped && n != w.q.Visible && w.v.Dropped(n) {
		w.out.Hidden = true
		return
	}
	mark(w.m.seen, n)
	level.Nodes = append(level.Nodes, n)
}

// job adds a job that lies on the way.
func (w *reaching) job(n uint32) {
	if mark(w.m.seen, n) {
		w.next.Jobs = append(w.next.Jobs, n)
	}
}

// names goes over to the other names of a dataset.
func (w *reaching) names(n uint32) {
	for _, list := range [2][]link{w.v.s.base.down.at(n), w.v.s.over.at(n).down} {
		for i := range list {
			if l := &list[i]; l.kind == Same && lasts(l.begin, &l.end, w.v.t) {
				w.reach(l.other, &w.cur)
			}
		}
	}
}

// from goes on from a node.
func (w *reaching) from(n uint32) {
	base, over := w.v.s.base, w.v.s.over.at(n)
	switch {
	case w.q.See != nil || w.q.Graph != Flow:
		w.fromEach(n)
	case w.q.Direction == Down:
		w.flows(base.out.at(n))
		w.flows(over.out)
		w.links(base.down.at(n))
		w.links(over.down)
	default:
		w.backs(base.in.at(n))
		w.backs(over.in)
		w.links(base.up.at(n))
		w.links(over.up)
	}
}

func (w *reaching) flows(list []flow) {
	t, need := w.v.t, w.q.Need
	for i := range list {
		f := &list[i]
		if k, state := untag(f.set); k != Flow || state&need == 0 || !lasts(f.begin, &f.end, t) {
			continue
		}
		w.arrive(f.to, f.job)
	}
}

func (w *reaching) backs(list []back) {
	t, need := w.v.t, w.q.Need
	for i := range list {
		b := &list[i]
		if k, state := untag(b.job); k != Flow || state&need == 0 || !lasts(b.begin, &b.end, t) {
			continue
		}
		w.arrive(b.from, b.job&maxTagged)
	}
}

// arrive comes to a dataset by a job.
func (w *reaching) arrive(n, job uint32) {
	before := len(w.next.Nodes)
	w.reach(n, &w.next)
	if job != 0 && (len(w.next.Nodes) > before || w.m.seen[n>>6]&(1<<(n&63)) != 0) {
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
		if l.state&w.q.Mixed != 0 && mark(w.m.crossed, l.other) {
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
				w.reach(l.other, &w.next)
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
			w.reach(job, &w.next)
		case e.Kind == Flow:
			w.arrive(job, e.Job)
		default:
			w.job(job)
			if s&w.q.Mixed == 0 || !mark(w.m.crossed, job) {
				break
			}
			w.v.Each(w.q.Direction, job, func(f Edge, s State) bool {
				if f.Kind == Reads || f.Kind == Writes {
					if s = w.see(f, s); s&w.q.Mixed != 0 {
						w.reach(other(f, w.q.Direction), &w.next)
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
