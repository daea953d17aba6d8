package projections

import (
	"maps"
	"slices"

	"ledgerline/projections/graph"
)

// gatherColumns gathers the edges between columns of the flows at a column, or at
// all columns of a dataset.
func (w *walk) gatherColumns(way *way, at graph.Spot, depth int, edges []stored) error {
	rows := make(map[graphEdge][]edgeRow)
	pairs := make(map[graphEdge][]columnPair)
	for _, e := range edges {
		switch e.id.Kind {
		case graph.Same:
			if err := w.gatherName(way, at, e); err != nil {
				return err
			}
		case graph.Reads, graph.Writes:
			if err := w.unknownColumns(way, e); err != nil {
				return err
			}
		case graph.Flow:
			all, err := w.columnsOf(e.id.Set)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				w.limit[LimitColumns] = true
			}
			if depth >= w.depth || len(all) == 0 {
				continue
			}
			row, err := w.row(e.id)
			if err != nil {
				return err
			}
			for _, p := range all {
				k := graphEdge{from: graph.Spot{Node: e.id.From, Field: p.FromWord}, to: graph.Spot{Node: e.id.To, Field: p.ToWord}, kind: EdgeDerives, job: e.id.Job}
				near, far := k.towards(way.dir)
				if w.has(far) && (at.Field == 0 || near.Field == 0 || near.Field == at.Field) {
					rows[k] = append(rows[k], row)
					pairs[k] = append(pairs[k], p)
				}
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(rows), compareEdges) {
		near, far := k.towards(way.dir)
		if !w.add(near, depth) {
			continue
		}
		if near != at { // from a dataset to its columns, or the other way
			column, dataset := near, at
			if near.Field == 0 {
				column, dataset = at, near
			}
			if err := w.gatherPart(way, at, near, column, dataset); err != nil {
				return err
			}
		}
		w.passed(way, near, far, k)
		if w.edges[k] != nil {
			continue
		}
		e := w.join(k, rows[k])
		merged := mergePairs(unifyEnds(pairs[k]))
		e.Transformations, e.Masking = merged[0].Transformations, merged[0].Masking
	}
	return nil
}

// gatherPart gathers the step between a column and its dataset. What shows it is
// the record that first named the column.
func (w *walk) gatherPart(way *way, at, near, column, dataset graph.Spot) error {
	d, err := w.dataset(dataset.Node)
	if err != nil {
		return err
	}
	v, err := w.names.full(column)
	if err != nil {
		return err
	}
	row := edgeRow{First: d.First, Last: d.First, Events: []int64{d.First}}
	if i := d.field(v.Field); i >= 0 {
		first := d.Fields[i].First
		row = edgeRow{First: first, Last: first, Events: []int64{first}}
	}
	part := graphEdge{from: column, to: dataset, kind: EdgePartOf}
	w.link(part, row)
	w.passed(way, at, near, part)
	return nil
}

// unknownColumns notes a job that leads on, and does not tell which columns do.
func (w *walk) unknownColumns(way *way, e stored) error {
	if e.state&mixedState == 0 {
		return nil
	}
	job := e.other(way.dir)
	leads, known := way.crossed[job]
	if !known {
		far, err := w.across(way.dir, job)
		if err != nil {
			return err
		}
		leads = len(far) > 0
		way.crossed[job] = leads
	}
	if leads {
		w.limit[LimitColumns] = true
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

// columnsOf reads a set of columns, once.
func (w *walk) columnsOf(set uint32) ([]columnPair, error) {
	if set == 0 {
		return nil, nil
	}
	if p, ok := w.pairs[set]; ok {
		return p, nil
	}
	var p []columnPair
	_, err := w.r.find(numberKey(tColumnSet, set), (*columnsRow)(&p))
	w.pairs[set] = p
	return p, err
}
