package projections

import (
	"context"
	"slices"

	"ledgerline/projections/graph"
)

// Moments lists the positions, up to the view's, at which what is known about an
// edge of the lineage graph at one of the nodes changed: it came, went, came to be
// declared or observed, or other columns went over it. They are ascending, each
// once. That another run showed an edge is no change. Nodes that are not in the
// graph of data flow, such as entries, have none.
func (w *View) Moments(ctx context.Context, nodes []Node) (moments []int64, err error) {
	err = w.read(func(r *reader) error {
		g, err := r.graph()
		if err != nil {
			return err
		}
		// What ends and begins again at once, in the same state, did not change.
		turns := make(map[graph.Turn]bool)
		for _, n := range nodes {
			if err := ctx.Err(); err != nil {
				return err
			}
			if nodeKinds[n.Kind] == 0 {
				continue
			}
			if seen, err := r.seesNode(vertex{n.Kind, n.Namespace, n.Name, n.Field}); err != nil {
				return err
			} else if !seen {
				continue
			}
			number, err := r.node(vertex{Kind: n.Kind, Namespace: n.Namespace, Name: n.Name})
			if err != nil {
				return err
			}
			if number == 0 {
				continue
			}
			g.Turns(number, func(t graph.Turn) {
				if t.State &= graph.Observed | graph.Declared; t.State != 0 && t.Kind != graph.Same {
					turns[t] = true
				}
			})
		}
		for t := range turns {
			opposite := t
			opposite.Begins = !t.Begins
			if !turns[opposite] {
				moments = append(moments, t.Position)
			}
		}
		return nil
	})
	slices.Sort(moments)
	return slices.Compact(moments), err
}
