package graph

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// The overlay holds, for each node that changed since the arrays were made, the
// spans that were opened at it. Who reads takes a node's delta as it stands;
// spans that are too new for it begin after its step.
type overlay struct {
	chunks atomic.Pointer[[]atomic.Pointer[chunk]]
	spans  atomic.Int64
}

const chunkBits = 10

type chunk [1 << chunkBits]atomic.Pointer[delta]

// delta is never changed: a longer one takes its place. Their lists share memory,
// since what lies beyond a list's end is nobody's yet.
type delta struct {
	out      []flow
	in       []back
	down, up []link
}

var noDelta = new(delta)

// recentBytes is about what a span in the overlay takes, both ends and the
// writer's note of it included.
const recentBytes = 150

func newSnapshot(base *arrays) *snapshot {
	s := &snapshot{base: base, recent: make(map[Edge]ends)}
	s.over.chunks.Store(new([]atomic.Pointer[chunk]))
	return s
}

// at is never nil.
func (o *overlay) at(node uint32) *delta {
	chunks := *o.chunks.Load()
	if i := int(node >> chunkBits); i < len(chunks) {
		if c := chunks[i].Load(); c != nil {
			if d := c[node&(1<<chunkBits-1)].Load(); d != nil {
				return d
			}
		}
	}
	return noDelta
}

// put replaces a node's delta. Only who writes calls it.
func (o *overlay) put(node uint32, d *delta) {
	chunks, i := *o.chunks.Load(), int(node>>chunkBits)
	if i >= len(chunks) {
		more := make([]atomic.Pointer[chunk], max(i+1, 2*len(chunks)))
		for j := range chunks {
			more[j].Store(chunks[j].Load())
		}
		chunks = more
		o.chunks.Store(&chunks)
	}
	c := chunks[i].Load()
	if c == nil {
		c = new(chunk)
		chunks[i].Store(c)
	}
	c[node&(1<<chunkBits-1)].Store(d)
}

// each visits every delta in order of nodes.
func (o *overlay) each(visit func(node uint32, d *delta)) {
	chunks := *o.chunks.Load()
	for i := range chunks {
		c := chunks[i].Load()
		if c == nil {
			continue
		}
		for j := range c {
			if d := c[j].Load(); d != nil {
				visit(uint32(i<<chunkBits|j), d)
			}
		}
	}
}

// ends is where an open span of the overlay lies in the lists of its two ends.
type ends struct{ from, to int }

// openSpan adds a span at both its ends.
func (s *snapshot) openSpan(at uint32, e Edge, state State) {
	from := *s.over.at(e.From)
	if e.Kind.flows() {
		from.out = append(from.out, flow{e.To, at, open, e.Job, e.Set | tagOf(e.Kind, state)})
	} else {
		from.down = append(from.down, link{e.To, at, open, e.Kind, state})
	}
	s.over.put(e.From, &from)
	to := *s.over.at(e.To) // after the put: an edge may lead back to its node
	if e.Kind.flows() {
		to.in = append(to.in, back{e.From, at, open, e.Job | tagOf(e.Kind, state)})
		s.recent[e] = ends{len(from.out) - 1, len(to.in) - 1}
	} else {
		to.up = append(to.up, link{e.From, at, open, e.Kind, state})
		s.recent[e] = ends{len(from.down) - 1, len(to.up) - 1}
	}
	s.over.put(e.To, &to)
	s.over.spans.Add(1)
}

// closeSpan sets the end of an edge's open span at both its ends.
func (s *snapshot) closeSpan(at uint32, e Edge) error {
	var down, up *uint32
	i, recent := s.recent[e]
	switch {
	case recent && e.Kind.flows():
		down, up = &s.over.at(e.From).out[i.from].end, &s.over.at(e.To).in[i.to].end
	case recent:
		down, up = &s.over.at(e.From).down[i.from].end, &s.over.at(e.To).up[i.to].end
	case e.Kind.flows():
		if f := openFlow(s.base.out.at(e.From), e); f != nil {
			down = &f.end
			if b := openBack(s.base.in.at(e.To), e, f.begin); b != nil {
				up = &b.end
			}
		}
	default:
		if l := openLink(s.base.down.at(e.From), e.To, e.Kind); l != nil {
			down = &l.end
		}
		if l := openLink(s.base.up.at(e.To), e.From, e.Kind); l != nil {
			up = &l.end
		}
	}
	if down == nil || up == nil {
		return fmt.Errorf("edge %+v ends and was not there", e)
	}
	atomic.StoreUint32(down, at)
	atomic.StoreUint32(up, at)
	delete(s.recent, e)
	return nil
}

// dropped keeps when datasets were dropped. Few are, so it is never folded.
type dropped struct {
	any   atomic.Bool
	times sync.Map // node → []period
}

type period struct{ begin, end uint32 }

// change begins or ends a period. Who reads keeps the list that it has.
func (d *dropped) change(node, at uint32, gone bool) {
	var list []period
	if v, ok := d.times.Load(node); ok {
		list = append(list, v.([]period)...)
	}
	if gone {
		list = append(list, period{at, open})
	} else if n := len(list); n > 0 {
		list[n-1].end = at
	}
	d.times.Store(node, list)
	d.any.Store(true)
}

func (d *dropped) at(node, t uint32) bool {
	if !d.any.Load() {
		return false
	}
	v, ok := d.times.Load(node)
	if !ok {
		return false
	}
	for _, p := range v.([]period) {
		if p.begin <= t && t < p.end {
			return true
		}
	}
	return false
}
