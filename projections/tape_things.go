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
	first  []int64     // the first record about each
	newest []int       // the newest entry about each
	linked []tapedLink // all entries, if the records about the things are asked for
	r      *reader
}

// A tapedLink leads from an entry to the one before it about the same thing.
type tapedLink struct {
	position int64
	before   int // -1: there is none
}

// things reads a tape whole, and which records are about what if these are asked for. Of
// each thing it keeps the last entry that counts; counts nil: the last.
func (r *reader) things(t tape, records bool, counts func(*taped) bool) (*things, error) {
	var s *things
	select {
	case s = <-r.s.scratch:
	default:
		s = new(things)
	}
	s.last, s.first, s.newest, s.linked, s.r = s.last[:0], s.first[:0], s.newest[:0], s.linked[:0], r
	err := r.tape(t, 0, r.at, false, func(e *taped) error {
		if e.thing == 0 || e.thing > math.MaxInt32 {
			return damagedBy(fmt.Errorf("an entry at %d is of no thing", e.position))
		}
		for int(e.thing) > len(s.last) {
			s.last, s.first, s.newest = append(s.last, taped{position: -1}), append(s.first, e.position), append(s.newest, -1)
		}
		n := e.thing - 1
		if records {
			s.linked = append(s.linked, tapedLink{e.position, s.newest[n]})
			s.newest[n] = len(s.linked) - 1
		}
		if counts == nil || counts(e) {
			s.last[n] = *e
		}
		return nil
	})
	if err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// keptThings is how many of them are kept to be read into again: a country has 40,000
// of a kind, which are some megabytes, and a bulletin reads half a dozen kinds.
const keptThings = 4

// release gives the memory back.
func (s *things) release() {
	r := s.r
	s.r = nil
	select {
	case r.s.scratch <- s:
	default: // enough are kept
	}
}

// records are those about a thing, in their order, if they were asked for.
func (s *things) records(n int) (out []int64) {
	for i := s.newest[n]; i >= 0; i = s.linked[i].before {
		out = append(out, s.linked[i].position)
	}
	slices.Reverse(out)
	return out
}
