package graph

import (
	"cmp"
	"slices"
	"sync/atomic"
	"unsafe"
)

// The spans of edges. end is written to while others read: it is reached through
// sync/atomic, except by who writes.

// flow is a span of a Flow or Precedes at its beginning. The upper three bits of
// set are its tag: Observed and Declared, and whether it is a Precedes.
type flow struct{ to, begin, end, job, set uint32 }

// back is the same span at its end, where the upper bits of job are the tag. It
// does without the set, which is found at the beginning.
type back struct{ from, begin, end, job uint32 }

// link is a span of another edge, at either end.
type link struct {
	other, begin, end uint32
	kind              Kind
	state             State
}

const tagShift = 29

func tagOf(k Kind, s State) uint32 { return (uint32(s&(Observed|Declared)) | uint32(k)<<2) << tagShift }

func untag(v uint32) (k Kind, s State) { return Kind(v >> (tagShift + 2)), State(v >> tagShift & 3) }

func compareFlows(a, b flow) int {
	return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(a.job, b.job), cmp.Compare(a.edge(), b.edge()), cmp.Compare(a.begin, b.begin))
}

// edge is what tells flows of the same ends and job apart: kind and set.
func (f flow) edge() uint32 {
	k, _ := untag(f.set)
	return f.set&maxTagged | uint32(k)<<tagShift
}

func compareLinks(a, b link) int {
	return cmp.Or(cmp.Compare(a.other, b.other), cmp.Compare(a.kind, b.kind), cmp.Compare(a.begin, b.begin))
}

// csr is an adjacency array: list[off[n]:off[n+1]] are the spans at node n.
type csr[T any] struct {
	off  []uint32
	list []T
}

func (c *csr[T]) at(n uint32) []T {
	if int(n)+1 >= len(c.off) {
		return nil
	}
	return c.list[c.off[n]:c.off[n+1]]
}

// arrays are spans in order: by node, then as compareFlows and compareLinks do.
type arrays struct {
	out  csr[flow]
	in   csr[back]
	down csr[link]
	up   csr[link]
}

func (a *arrays) bytes() int64 {
	return int64(unsafe.Sizeof(flow{}))*int64(len(a.out.list)) + int64(unsafe.Sizeof(back{}))*int64(len(a.in.list)) +
		int64(unsafe.Sizeof(link{}))*int64(len(a.down.list)+len(a.up.list)) +
		4*int64(len(a.out.off)+len(a.in.off)+len(a.down.off)+len(a.up.off))
}

// newArrays makes the arrays of the backward direction from those of the
// forward. Spans that begin in order of their nodes arrive in that order.
func newArrays(out csr[flow], down csr[link], nodes int) *arrays {
	a := &arrays{out: out, down: down}
	a.in = spread(nodes, out, func(n uint32, f *flow) (uint32, back) {
		return f.to, back{n, f.begin, f.end, f.job | f.set&^maxTagged}
	})
	a.up = spread(nodes, down, func(n uint32, l *link) (uint32, link) {
		return l.other, link{n, l.begin, l.end, l.kind, l.state}
	})
	return a
}

// spread sorts spans by their other end.
func spread[F, T any](nodes int, from csr[F], turn func(n uint32, f *F) (uint32, T)) (to csr[T]) {
	if len(from.list) == 0 {
		return to
	}
	to.off, to.list = make([]uint32, nodes+1), make([]T, len(from.list))
	each := func(do func(at uint32, t T)) {
		for n := range len(from.off) - 1 {
			for i := from.off[n]; i < from.off[n+1]; i++ {
				do(turn(uint32(n), &from.list[i]))
			}
		}
	}
	each(func(at uint32, _ T) { to.off[at]++ })
	sum := uint32(0)
	for n, count := range to.off { // to where each node's spans begin
		to.off[n], sum = sum, sum+count
	}
	each(func(at uint32, t T) {
		to.list[to.off[at]] = t
		to.off[at]++
	})
	copy(to.off[1:], to.off) // each was left at its node's end
	to.off[0] = 0
	return to
}

// openFlow finds the open span of an edge among sorted ones; nil if there is none.
func openFlow(list []flow, e Edge) *flow {
	want := flow{to: e.To, job: e.Job, set: e.Set | tagOf(e.Kind, 0), begin: open}
	i, _ := slices.BinarySearchFunc(list, want, compareFlows)
	if i == 0 {
		return nil
	}
	if f := &list[i-1]; f.to == want.to && f.job == want.job && f.edge() == want.edge() && f.end == open {
		return f
	}
	return nil
}

// openBack finds an open span that began at begin. Spans that differ in their set
// alone are as good as each other.
func openBack(list []back, e Edge, begin uint32) *back {
	i, _ := slices.BinarySearchFunc(list, back{from: e.From, job: e.Job}, func(a, b back) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.job&maxTagged, b.job))
	})
	for ; i < len(list) && list[i].from == e.From && list[i].job&maxTagged == e.Job; i++ {
		if k, _ := untag(list[i].job); k == e.Kind && list[i].begin == begin && list[i].end == open {
			return &list[i]
		}
	}
	return nil
}

// openLink finds the open span of a link.
func openLink(list []link, other uint32, kind Kind) *link {
	i, _ := slices.BinarySearchFunc(list, link{other: other, kind: kind, begin: open}, compareLinks)
	if i == 0 {
		return nil
	}
	if l := &list[i-1]; l.other == other && l.kind == kind && l.end == open {
		return l
	}
	return nil
}

// lasts reports whether a span holds step t.
func lasts(begin uint32, end *uint32, t uint32) bool { return begin <= t && t < atomic.LoadUint32(end) }
