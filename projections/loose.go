package projections

import (
	"context"
	"strconv"

	"ledgerline/projections/graph"
)

// LooseKind is a way in which a dataset is not tied into the graph.
type LooseKind string

// The kinds: nothing is known to lead to it, though nobody says that it has no
// source; nothing is known to be made from it; both.
const (
	LooseOrphan   LooseKind = "orphan"
	LooseDeadEnd  LooseKind = "dead_end"
	LooseIsolated LooseKind = "isolated"
)

// LooseQuery asks for datasets that are not tied into the graph of data flow.
type LooseQuery struct {
	Kind LooseKind
	// Namespace, if not empty, is that of the datasets.
	Namespace string
	Page
}

// LooseList is one part of the answer, in the order in which the datasets became
// known.
type LooseList struct {
	Datasets []Node `json:"datasets"`
	Next     string `json:"next,omitempty"`
}

// Loose lists datasets where the graph of data flow begins or ends, in the
// cumulative view. Dropped datasets are left out; what is told of another name of
// a dataset counts for it.
func (w *View) Loose(ctx context.Context, q LooseQuery) (LooseList, error) {
	list := LooseList{Datasets: []Node{}}
	up, down := q.Kind != LooseDeadEnd, q.Kind != LooseOrphan
	if q.Kind != LooseOrphan && q.Kind != LooseDeadEnd && q.Kind != LooseIsolated {
		return list, &QueryError{"kind", strconv.Quote(string(q.Kind)) + " is not one of orphan, dead_end and isolated"}
	}
	first := uint64(1)
	if q.Cursor != "" {
		last, err := strconv.ParseUint(q.Cursor, 10, 32)
		if err != nil {
			return list, &CursorError{q.Cursor}
		}
		first = last + 1
	}
	return list, w.read(func(r *reader) error {
		g, err := r.graph()
		if err != nil {
			return err
		}
		nodes := g.Nodes()
		for n := first; n < uint64(len(nodes)); n++ {
			node := uint32(n)
			if n%4096 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if nodes[n] != graph.Dataset || g.Dropped(node) {
				continue
			}
			loose, err := looseIn(ctx, r.cost, g, node, up, down)
			if err != nil {
				return err
			}
			if !loose {
				continue
			}
			v, known, err := r.named(node)
			if err != nil || !known { // the others were named later, too
				return err
			}
			if q.Namespace != "" && v.Namespace != q.Namespace {
				continue
			}
			d, err := r.describe(v, node)
			if err != nil {
				return err
			}
			if up && !down && d.Origin {
				continue
			}
			if seen, err := r.seesNode(v); err != nil {
				return err
			} else if !seen {
				r.withhold(1)
				continue
			}
			if err := r.keepEntries(&d); err != nil {
				return err
			}
			if list.Datasets = append(list.Datasets, d); len(list.Datasets) == q.limit() {
				list.Next = strconv.FormatUint(n, 10)
				return nil
			}
		}
		return nil
	})
}

// looseIn reports whether nothing leads to a dataset, or on from it, or neither.
func looseIn(ctx context.Context, cost *Cost, g graph.View, n uint32, up, down bool) (bool, error) {
	for _, way := range []struct {
		asked bool
		dir   graph.Direction
	}{{up, graph.Up}, {down, graph.Down}} {
		if !way.asked {
			continue
		}
		r, err := g.Reach(ctx, graph.Query{Direction: way.dir, Seeds: [][]uint32{{n}}, Visible: n, Dropped: true, Spend: cost.spend})
		if err != nil || r.Deeper {
			return false, err
		}
	}
	return true, nil
}
