package graph

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Step is what one record changed. A graph is the sum of its steps.
type Step struct {
	Position int64
	Changes  []Change
	Sets     []ColumnSet
}

// Change is the change of an edge from one state to another. It is told what the
// state was, so that a new edge need not be looked for. One from a state to the
// same says that the edge was told and does not hold: only View.Ever has it.
type Change struct {
	Edge
	Was, Is State
}

// ColumnSet is a set of pairs of columns. Its number is the next one that was
// not used.
type ColumnSet struct {
	ID    uint32
	Pairs []Pair
}

// Pair says that one column went into another. Columns are numbers of names; 0
// is the dataset as a whole.
type Pair struct{ From, To uint32 }

// check reports what cannot be kept.
func (s *Step) check() error {
	for i := range s.Changes {
		if c := &s.Changes[i]; c.From == 0 || c.Kind >= kinds || c.Job > maxTagged || c.Set > maxTagged {
			return fmt.Errorf("lineage graph, step of position %d: change %+v is not possible", s.Position, *c)
		}
	}
	return nil
}

// The stored form of a step, all numbers as uvarints:
//
//	changes ‖ (kind ‖ was<<4|is ‖ from ‖ to ‖ [job ‖ set])… ‖ (id ‖ pairs ‖ (from ‖ to)…)…
//
// Job and set are there for kinds that bear them. The position is that of the row.

// Append writes a step's stored form.
func (s *Step) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s.Changes)))
	for _, c := range s.Changes {
		b = append(b, byte(c.Kind), byte(c.Was<<4|c.Is))
		b = binary.AppendUvarint(b, uint64(c.From))
		b = binary.AppendUvarint(b, uint64(c.To))
		if c.Kind.flows() {
			b = binary.AppendUvarint(b, uint64(c.Job))
			b = binary.AppendUvarint(b, uint64(c.Set))
		}
	}
	for _, c := range s.Sets {
		b = binary.AppendUvarint(b, uint64(c.ID))
		b = binary.AppendUvarint(b, uint64(len(c.Pairs)))
		for _, p := range c.Pairs {
			b = binary.AppendUvarint(b, uint64(p.From))
			b = binary.AppendUvarint(b, uint64(p.To))
		}
	}
	return b
}

var errStep = errors.New("lineage graph: a stored step cannot be read")

// Parse reads a step's stored form into s, using its memory again.
func (s *Step) Parse(position int64, b []byte) error {
	s.Position, s.Changes, s.Sets = position, s.Changes[:0], s.Sets[:0]
	ok := true
	number := func() uint32 {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > open {
			ok, b = false, nil
			return 0
		}
		b = b[n:]
		return uint32(v)
	}
	for n := number(); ok && n > 0; n-- {
		if len(b) < 2 || Kind(b[0]) >= kinds {
			return errStep
		}
		c := Change{Edge: Edge{Kind: Kind(b[0])}, Was: State(b[1] >> 4), Is: State(b[1] & 15)}
		b = b[2:]
		if c.From, c.To = number(), number(); c.Kind.flows() {
			c.Job, c.Set = number(), number()
		}
		s.Changes = append(s.Changes, c)
	}
	for ok && len(b) > 0 {
		c := ColumnSet{ID: number()}
		n := int(number())
		if n > len(b)/2 {
			return errStep
		}
		c.Pairs = make([]Pair, n)
		for i := range c.Pairs {
			c.Pairs[i] = Pair{number(), number()}
		}
		s.Sets = append(s.Sets, c)
	}
	if !ok {
		return errStep
	}
	return s.check()
}
