package graph

import (
	"cmp"
	"context"
	"slices"
)

// columnSet is a set of pairs in both orders.
type columnSet struct{ down, up []Pair }

func (c *columnSet) bytes() int64 { return int64(len(c.down)+len(c.up))*8 + 48 }

// putSet notes a set. Numbers come in order, so that what readers hold is not
// written to.
func putSet(sets []columnSet, c ColumnSet) []columnSet {
	if int(c.ID) < len(sets) {
		return sets
	}
	for int(c.ID) > len(sets) {
		sets = append(sets, columnSet{})
	}
	s := columnSet{slices.Clone(c.Pairs), slices.Clone(c.Pairs)}
	slices.SortFunc(s.down, func(a, b Pair) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	slices.SortFunc(s.up, func(a, b Pair) int { return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From)) })
	return append(sets, s)
}

// Spot is a column of a dataset, or the dataset as a whole if Field is 0.
type Spot struct{ Node, Field uint32 }

// ColumnQuery asks what a walk from column to column comes to. What it shares
// with Query means the same.
type ColumnQuery struct {
	Direction   Direction
	Seeds       [][]Spot
	Depth       int
	Need, Mixed State
	See         func(Edge, State) (State, error)
	Dropped     bool
	Visible     uint32
	Spend       func(nodes int64) error
}

// ReachedColumns is what a walk from column to column came to, by depth.
type ReachedColumns struct {
	Levels         [][]Spot
	Hidden, Deeper bool
}

// ReachColumns walks along the columns of flows, breadth first. From a dataset as
// a whole all its columns lead on, and what all columns depend on leads to the
// dataset as a whole.
func (v View) ReachColumns(ctx context.Context, q ColumnQuery) (*ReachedColumns, error) {
	if q.Need == 0 {
		q.Need = Observed | Declared
	}
	out := new(ReachedColumns)
	seen := make(map[Spot]bool)
	var cur, next []Spot
	reach := func(s Spot, level *[]Spot) {
		switch {
		case seen[s]:
		case !q.Dropped && s.Node != q.Visible && v.Dropped(s.Node):
			out.Hidden = true
		default:
			seen[s] = true
			*level = append(*level, s)
		}
	}
	sets := *v.g.sets.Load()
	p := &pace{ctx: ctx, spend: q.Spend}
	for depth := 0; ; depth++ {
		cur, next = next, nil
		if depth < len(q.Seeds) {
			for _, s := range q.Seeds[depth] {
				reach(s, &cur)
			}
		}
		if len(cur) == 0 && depth >= len(q.Seeds) {
			return out, p.end()
		}
		for i := 0; i < len(cur) && v.g.renamed.Load(); i++ { // grows; other names come first, since they are nearer
			v.Each(q.Direction, cur[i].Node, func(e Edge, _ State) bool {
				if e.Kind == Same {
					reach(Spot{other(e, q.Direction), cur[i].Field}, &cur)
				}
				return true
			})
		}
		hidden, last := out.Hidden, depth >= q.Depth
		for i := 0; i < len(cur) && !out.Deeper; i++ {
			if err := p.step(); err != nil {
				return nil, err
			}
			var err error
			at := cur[i]
			v.Each(q.Direction, at.Node, func(e Edge, s State) bool {
				if e.Kind != Flow || int(e.Set) >= len(sets) {
					return true
				}
				if q.See != nil {
					s, err = q.See(e, s)
				}
				if s&q.Need != 0 && err == nil {
					far := other(e, q.Direction)
					sets[e.Set].each(q.Direction, at.Field, func(field uint32) { reach(Spot{far, field}, &next) })
				}
				return err == nil
			})
			if err != nil {
				return nil, err
			}
			out.Deeper = last && (len(next) > 0 || out.Hidden != hidden)
		}
		if out.Levels = append(out.Levels, cur); last {
			out.Hidden = hidden
			return out, p.end()
		}
	}
}

// each visits the columns to which a column leads: those that come from it, and
// those that depend on the dataset as a whole; all of them from the dataset as a
// whole.
func (c *columnSet) each(d Direction, field uint32, visit func(uint32)) {
	list, near := c.down, func(p Pair) uint32 { return p.From }
	if d == Up {
		list, near = c.up, func(p Pair) uint32 { return p.To }
	}
	run := func(from int, only uint32, all bool) {
		for _, p := range list[from:] {
			if !all && near(p) != only {
				return
			}
			if d == Down {
				visit(p.To)
			} else {
				visit(p.From)
			}
		}
	}
	if field == 0 {
		run(0, 0, true)
		return
	}
	run(0, 0, false) // the dataset as a whole sorts first
	at, _ := slices.BinarySearchFunc(list, field, func(p Pair, f uint32) int { return cmp.Compare(near(p), f) })
	run(at, field, false)
}
