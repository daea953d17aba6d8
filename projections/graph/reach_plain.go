package graph

import (
	"slices"
	"sync/atomic"
)

// Most walks are plain: over data flow, where nothing was dropped and spans alone
// decide. There a walk spends its time on what the processor cannot foresee, whether
// a span holds a step and whether a node was reached before. So here neither is a
// branch: what lies at the other end is written behind the list of nodes, and the
// list grows by it or by nothing. Without wrong guesses the processor fetches the
// spans of the next nodes while it waits for those of this one.

func (w *reaching) plain() bool { return w.q.See == nil && w.q.Graph == Flow && !w.hides }

// fromAll goes on from nodes of a plain walk.
func (w *reaching) fromAll(level []uint32) {
	base := w.v.s.base
	links := &base.up
	if w.q.Direction == Down {
		links = &base.down
		w.allFlows(level)
	} else {
		w.allBacks(level)
	}
	if len(links.list) > 0 {
		for _, n := range level {
			w.links(links.at(n))
		}
	}
	if !w.recent {
		return
	}
	for _, n := range level {
		if over := w.v.s.over.at(n); w.q.Direction == Down {
			w.flows(over.out)
			w.links(over.down)
		} else {
			w.backs(over.in)
			w.links(over.up)
		}
	}
}

// holds is 1 if a span holds step t and has one of the needed tags, else 0.
func holds(t, begin, end, tagged, need uint32) uint64 {
	has := tagged & need
	return (uint64(t-begin) - uint64(end-begin)) >> 63 & uint64((has|-has)>>31)
}

// together is how many nodes are looked at together: first where their spans lie,
// then whether there are any, and only then what they say. The first two wait for
// memory that is not in the cache, and so the processor waits for all of them at
// once and not for one after the other.
const together = 32

// bounds are where the spans of some nodes lie.
type bounds [together]struct{ from, to uint32 }

// find finds where the spans of nodes lie, and how many they are.
func (b *bounds) find(off, nodes []uint32) (n int) {
	for i, node := range nodes {
		b[i].from, b[i].to = 0, 0
		if int(node)+1 < len(off) {
			b[i].from, b[i].to = off[node], off[node+1]
		}
		n += int(b[i].to - b[i].from)
	}
	return n
}

func (w *reaching) allFlows(level []uint32) {
	t, need, seen, nodes := w.v.t, uint32(w.q.Need&(Observed|Declared))<<tagShift, w.seen, w.nodes
	base, at := &w.v.s.base.out, &w.at
	for len(level) > 0 {
		some := level[:min(together, len(level))]
		level = level[len(some):]
		last := len(nodes)
		nodes = slices.Grow(nodes, at.find(base.off, some))
		nodes = nodes[:cap(nodes)]
		for i := range some {
			if b := at[i&(together-1)]; b.from < b.to {
				w.touched += base.list[b.from].begin + base.list[b.to-1].begin
			}
		}
		for i := range some {
			list := base.list[at[i&(together-1)].from:at[i&(together-1)].to]
			for i := range list {
				f := &list[i]
				n := f.to
				holds, word, at := holds(t, f.begin, atomic.LoadUint32(&f.end), f.set, need), &seen[n>>6], n&63
				is := holds &^ (*word >> at)
				*word |= is << at
				nodes[last] = n
				last += int(is)
				if f.job != 0 && holds != 0 {
					w.job(f.job)
				}
			}
		}
		nodes = nodes[:last]
	}
	w.nodes = nodes
}

func (w *reaching) allBacks(level []uint32) {
	t, need, seen, nodes := w.v.t, uint32(w.q.Need&(Observed|Declared))<<tagShift, w.seen, w.nodes
	base, at := &w.v.s.base.in, &w.at
	for len(level) > 0 {
		some := level[:min(together, len(level))]
		level = level[len(some):]
		last := len(nodes)
		nodes = slices.Grow(nodes, at.find(base.off, some))
		nodes = nodes[:cap(nodes)]
		for i := range some {
			if b := at[i&(together-1)]; b.from < b.to {
				w.touched += base.list[b.from].begin + base.list[b.to-1].begin
			}
		}
		for i := range some {
			list := base.list[at[i&(together-1)].from:at[i&(together-1)].to]
			for i := range list {
				b := &list[i]
				n := b.from
				holds, word, at := holds(t, b.begin, atomic.LoadUint32(&b.end), b.job, need), &seen[n>>6], n&63
				is := holds &^ (*word >> at)
				*word |= is << at
				nodes[last] = n
				last += int(is)
				if job := b.job & maxTagged; job != 0 && holds != 0 {
					w.job(job)
				}
			}
		}
		nodes = nodes[:last]
	}
	w.nodes = nodes
}
