package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"ledgerline/events"
)

// LineageDiff is what changed around a node between two moments.
type LineageDiff struct {
	Node  string     `json:"node"`
	From  int64      `json:"from"` // position of the earlier view
	To    int64      `json:"to"`
	Nodes []NodeDiff `json:"nodes"` // ordered by id
	Edges []EdgeDiff `json:"edges"` // ordered by from, to, kind and job
	// Complete is false if one of the two graphs is not complete; what differs may
	// then be no more than the cut.
	Complete  bool     `json:"complete"`
	LimitsHit []string `json:"limits_hit"`
}

// NodeDiff is a node that came, went or changed. Before and After are nil where
// there is none.
type NodeDiff struct {
	ID     string `json:"id"`
	Change string `json:"change"` // ChangeAdded, ChangeRemoved or ChangeChanged
	Before *Node  `json:"before,omitempty"`
	After  *Node  `json:"after,omitempty"`
}

// EdgeDiff is an edge that came, went or changed. That more runs showed it is no
// change; that it is declared now, or transforms otherwise, is.
type EdgeDiff struct {
	Change string `json:"change"`
	Before *Edge  `json:"before,omitempty"`
	After  *Edge  `json:"after,omitempty"`
}

// ChangeRemoved is the change of what is no longer there.
const ChangeRemoved = "removed"

// LineageDiff says what differs around a node between the earlier view and w, q
// being asked of both: at from for what was in force at validFrom in the place of
// q.ValidAt, if that is given. So with both views at one position it compares two
// dates, and with one date what was known of it at two positions. A node that was
// not known then has nothing around it. The error is an *UnknownNodeError if it is
// not known at w.
func (w *View) LineageDiff(ctx context.Context, from *View, validFrom events.Time, q LineageQuery) (LineageDiff, error) {
	if from.at > w.at {
		return LineageDiff{}, fmt.Errorf("a difference needs the earlier position first: %d is after %d", from.at, w.at)
	}
	if w.sight != nil {
		if _, err := w.ResolveNode(ctx, q.Node); err != nil {
			return LineageDiff{}, err
		}
	}
	after, err := w.whole().Lineage(ctx, q)
	if err != nil {
		return LineageDiff{}, err
	}
	q.ValidAt = cmp.Or(validFrom, q.ValidAt)
	before, err := from.whole().Lineage(ctx, q)
	if unknown := (*UnknownNodeError)(nil); errors.As(err, &unknown) && !unknown.Ambiguous {
		before, err = Graph{}, nil
	}
	if err != nil {
		return LineageDiff{}, err
	}
	d := LineageDiff{Node: after.Node, From: from.at, To: w.at, Nodes: []NodeDiff{}, Edges: []EdgeDiff{}}
	d.LimitsHit = append([]string{}, unite(before.LimitsHit, after.LimitsHit, cmp.Compare[string])...)
	d.Complete = len(d.LimitsHit) == 0
	byID := func(a, b Node) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(before.Nodes, byID)
	slices.SortFunc(after.Nodes, byID)
	pairUp(before.Nodes, after.Nodes, byID, func(b, a *Node) {
		if change := changeOf(b, a, sameNode); change != "" {
			d.Nodes = append(d.Nodes, NodeDiff{ID: cmp.Or(b, a).ID, Change: change, Before: b, After: a})
		}
	})
	slices.SortFunc(before.Edges, byEnds)
	slices.SortFunc(after.Edges, byEnds)
	pairUp(before.Edges, after.Edges, byEnds, func(b, a *Edge) {
		if change := changeOf(b, a, sameEdge); change != "" {
			d.Edges = append(d.Edges, EdgeDiff{change, b, a})
		}
	})
	return d, w.read(func(r *reader) error { return r.keepChanges(&d, before.Nodes, after.Nodes) })
}

// keepChanges keeps the changes of nodes that the reader may see, and of edges between
// such. Both are counted.
func (r *reader) keepChanges(d *LineageDiff, before, after []Node) error {
	if r.sight == nil {
		return nil
	}
	seen, err := r.seesNodes(append(before, after...))
	if err != nil {
		return err
	}
	d.Nodes, err = keepSeen(r, d.Nodes, func(n *NodeDiff) (bool, error) {
		if !seen[n.ID] {
			return false, nil
		}
		for _, node := range []*Node{n.Before, n.After} {
			if node == nil {
				continue
			}
			if err := r.keepEntries(node); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	d.Edges, err = keepSeen(r, d.Edges, func(e *EdgeDiff) (bool, error) {
		edge := cmp.Or(e.After, e.Before)
		return seen[edge.From] && seen[edge.To], nil
	})
	return err
}

// byEnds orders the edges of an answer.
func byEnds(a, b Edge) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Job, b.Job))
}

// changeOf names the change from one to the other; empty if they are the same.
func changeOf[T any](before, after *T, same func(a, b *T) bool) string {
	switch {
	case before == nil:
		return ChangeAdded
	case after == nil:
		return ChangeRemoved
	case !same(before, after):
		return ChangeChanged
	}
	return ""
}

// sameNode leaves the distance aside, which other nodes decide.
func sameNode(a, b *Node) bool {
	return a.Title == b.Title && a.State == b.State && a.Dropped == b.Dropped && a.Removed == b.Removed && a.Origin == b.Origin &&
		slices.Equal(a.Entries, b.Entries) && slices.Equal(a.Fields, b.Fields)
}

func sameEdge(a, b *Edge) bool {
	return a.Declared == b.Declared && a.Masking == b.Masking && slices.Equal(a.Transformations, b.Transformations)
}

// pairUp walks two sorted lists and visits what is in either, with nil for the
// one that lacks it.
func pairUp[T any](a, b []T, compare func(a, b T) int, visit func(a, b *T)) {
	for len(a) > 0 || len(b) > 0 {
		c := 0
		switch {
		case len(a) == 0:
			c = 1
		case len(b) == 0:
			c = -1
		default:
			c = compare(a[0], b[0])
		}
		var x, y *T
		if c <= 0 {
			x, a = &a[0], a[1:]
		}
		if c >= 0 {
			y, b = &b[0], b[1:]
		}
		visit(x, y)
	}
}
