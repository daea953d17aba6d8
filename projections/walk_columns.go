package projections

import (
	"context"
	"maps"
	"slices"

	"ledgerline/events"
)

// expandColumns follows the columns of the flows at a column, or at all columns
// of a dataset.
func (w *walk) expandColumns(ctx context.Context, v vertex, depth int, edges []stored) error {
	rows := make(map[graphEdge][]edgeRow)
	pairs := make(map[graphEdge][]columnPair)
	for _, e := range edges {
		if e.id.Kind != edgeFlow {
			if e.id.Kind != EdgeReads && e.id.Kind != EdgeWrites {
				continue
			}
			far, err := w.across(ctx, e, e.other(w.dir))
			if err != nil {
				return err
			}
			if len(far) > 0 {
				w.limit[LimitColumns] = true
			}
			continue
		}
		all, err := w.columnsOf(e.id.Detail)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			w.limit[LimitColumns] = true
		}
		for _, p := range all {
			k := graphEdge{e.id.From.column(p.From), e.id.To.column(p.To), EdgeDerives, e.id.Job}
			near, _ := k.towards(w.dir)
			if v.Field == "" || near.Field == "" || near.Field == v.Field {
				rows[k] = append(rows[k], e.row)
				pairs[k] = append(pairs[k], p)
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(rows), compareEdges) {
		near, far := k.towards(w.dir)
		if depth >= w.depth {
			if _, ok := w.nodes[far]; !ok {
				w.limit[LimitDepth] = true
			}
			continue
		}
		if hidden, err := w.hidden(far); err != nil {
			return err
		} else if hidden || !w.add(near, depth) {
			continue
		}
		if room, err := w.reach(far, depth+1); err != nil {
			return err
		} else if !room {
			continue
		}
		if near != v { // from a dataset to its columns, or the other way
			column, dataset := near, v
			if near.Field == "" {
				column, dataset = v, near
			}
			w.link(EdgePartOf, column, dataset, events.JobRef{}, rows[k][0])
			w.passed(v, near, graphEdge{column, dataset, EdgePartOf, events.JobRef{}})
		}
		w.passed(near, far, k)
		e := w.join(EdgeDerives, k.from, k.to, k.job, rows[k])
		merged := mergePairs(unifyEnds(pairs[k]))
		e.Transformations, e.Masking = merged[0].Transformations, merged[0].Masking
	}
	return nil
}

// unifyEnds drops what is equal in all pairs of one edge.
func unifyEnds(pairs []columnPair) []columnPair {
	out := slices.Clone(pairs)
	for i := range out {
		out[i].From, out[i].To = "", ""
	}
	return out
}

// columnsOf reads the columns of a flow, each set once.
func (w *walk) columnsOf(hash string) ([]columnPair, error) {
	if hash == "" {
		return nil, nil
	}
	if p, ok := w.pairs[hash]; ok {
		return p, nil
	}
	var p []columnPair
	_, err := w.r.find(entityKey(tColumns, hash), &p)
	w.pairs[hash] = p
	return p, err
}
