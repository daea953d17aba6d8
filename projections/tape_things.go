package projections

import (
	"fmt"
	"math"
	"slices"
)

// things are how the things of a tape stand as of the reader's position, and the
// records about each. They have to be released.
type things struct {
	last   []taped     // by number less one; without a position (-1) nothing is known of it
	newest []int       // the newest entry about each
	linked []tapedLink // all entries
	r      *reader
}

// A tapedLink leads from an entry to the one before it about the same thing.
type tapedLink struct {
	position int64
	before   int // -1: there is none
}

// things reads a tape whole. Of each thing it keeps the last entry that counts; nil:
// the last.
func (r *reader) things(t tape, counts func(*taped) bool) (*things, error) {
	s, ok := r.s.scratch.Get().(*things)
	if !ok {
		s = new(things)
	}
	s.last, s.newest, s.linked, s.r = s.last[:0], s.newest[:0], s.linked[:0], r
	err := r.tape(t, 0, r.at, false, func(e *taped) error {
		if e.thing == 0 || e.thing > math.MaxInt32 {
			return damagedBy(fmt.Errorf("an entry at %d is of no thing", e.position))
		}
		for int(e.thing) > len(s.last) {
			s.last, s.newest = append(s.last, taped{position: -1}), append(s.newest, -1)
		}
		last, newest := &s.last[e.thing-1], &s.newest[e.thing-1]
		s.linked = append(s.linked, tapedLink{e.position, *newest})
		*newest = len(s.linked) - 1
		if counts == nil || counts(e) {
			*last = *e
		}
		return nil
	})
	if err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// release gives back the memory, which the next things are read into: a country has
// 40,000 of a kind.
func (s *things) release() {
	r := s.r
	s.r = nil
	r.s.scratch.Put(s)
}

// records are those about a thing, in their order.
func (s *things) records(n int) (out []int64) {
	for i := s.newest[n]; i >= 0; i = s.linked[i].before {
		out = append(out, s.linked[i].position)
	}
	slices.Reverse(out)
	return out
}
