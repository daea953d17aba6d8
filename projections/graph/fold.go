package graph

import (
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// pendingChange is a change that came while a fold was going on.
type pendingChange struct {
	at uint32
	Change
}

// startFold folds the overlay into new arrays, in the background, if it has grown
// enough. The caller holds mu.
func (g *Graph) startFold() {
	s := g.now.Load()
	limit := g.foldEdges
	if limit <= 0 {
		limit = max(1<<16, (len(s.base.out.list)+len(s.base.down.list))/8)
	}
	if g.folding || int(s.over.spans.Load()) < limit {
		return
	}
	g.folding, g.pending = true, nil
	cut, nodes := uint32(len(*g.steps.Load())), len(*g.nodes.Load())
	g.folded.Go(func() {
		began := time.Now()
		base := s.fold(cut, nodes)
		g.mu.Lock()
		defer g.mu.Unlock()
		next := newSnapshot(base)
		pending := g.pending
		g.folding, g.pending = false, nil
		for _, p := range pending {
			if err := g.change(next, p.at, p.Change); err != nil {
				g.foldEdges = math.MaxInt // the overlay is as good as it was
				g.log.Error("lineage graph: recent edges cannot be folded in; restart to load the graph anew", "error", err)
				return
			}
		}
		g.now.Store(next)
		g.log.Debug("lineage graph: recent edges folded in", "spans", len(base.out.list)+len(base.down.list), "took", time.Since(began))
	})
}

// Wait returns when no fold is going on.
func (g *Graph) Wait() { g.folded.Wait() }

// fold makes arrays of a snapshot as it was before step cut. Steps from cut on
// may be written meanwhile: what they open is left out, what they end is open.
func (s *snapshot) fold(cut uint32, nodes int) *arrays {
	until := func(end *uint32) uint32 {
		if v := atomic.LoadUint32(end); v < cut {
			return v
		}
		return open
	}
	out := merge(nodes, &s.base.out, &s.over, func(d *delta) []flow { return d.out }, compareFlows, func(f *flow) (flow, bool) {
		return flow{f.to, f.begin, until(&f.end), f.job, f.set}, f.begin < cut
	})
	down := merge(nodes, &s.base.down, &s.over, func(d *delta) []link { return d.down }, compareLinks, func(l *link) (link, bool) {
		return link{l.other, l.begin, until(&l.end), l.kind, l.state}, l.begin < cut
	})
	return newArrays(out, down, nodes)
}

// merge makes one sorted array of an array and the overlay's lists. take copies a
// span, and says whether it belongs.
func merge[T any](nodes int, base *csr[T], over *overlay, recent func(*delta) []T, compare func(a, b T) int, take func(*T) (T, bool)) (to csr[T]) {
	n := len(base.list)
	over.each(func(_ uint32, d *delta) { n += len(recent(d)) })
	if n == 0 {
		return to
	}
	to.off, to.list = make([]uint32, nodes+1), make([]T, 0, n)
	for node := range uint32(nodes) {
		begin := len(to.list)
		for _, list := range [][]T{base.at(node), recent(over.at(node))} {
			for i := range list {
				if t, ok := take(&list[i]); ok {
					to.list = append(to.list, t)
				}
			}
		}
		if len(to.list)-begin > len(base.at(node)) {
			slices.SortFunc(to.list[begin:], compare)
		}
		to.off[node+1] = uint32(len(to.list))
	}
	return to
}
