package projections

import (
	"fmt"

	"ledgerline/projections/graph"
)

// A lens is a view of the edges.
type lens struct {
	// need and mixed are the states that count, for the graph to look at.
	need, mixed graph.State
	// row tells what the view knows of an edge, from the edge's row.
	row func(graph.Edge, *edgeRow)
	// see, if not nil, looks at each edge instead: what the view knows of it, and
	// false if it is not in the view.
	see func(graph.Edge) (edgeRow, bool, error)
	// ever says that see is to look at edges that have ended, too.
	ever bool
}

// state is the state of an edge in the view; 0 if it is not in it.
func (l *lens) state(s graph.State) graph.State {
	if s&l.need == 0 {
		return 0
	}
	return s & (l.need | l.mixed)
}

// lens makes the view that a question names.
func (r *reader) lens(q LineageQuery) (*lens, error) {
	if (q.From != 0 || q.To != 0) && q.View != ViewObserved {
		return nil, &QueryError{"view", "a window of time belongs to view=observed"}
	}
	if q.Run != "" && q.View != ViewRun {
		return nil, &QueryError{"view", "a run belongs to view=run"}
	}
	if q.View != "" && q.View != ViewCumulative && q.Graph != "" && q.Graph != GraphData {
		return nil, &QueryError{"view", "control flow and hierarchy have the cumulative view only"}
	}
	if q.ValidAt != 0 && (q.View == ViewRun || (q.Graph != "" && q.Graph != GraphData)) {
		return nil, &QueryError{"valid_at", "a date belongs to the graph of data flow, and not to one run of it"}
	}
	on := &declaration{r, q.ValidAt, make(map[uint32]edgeSet)}
	seen := &observation{r: r, runs: make(map[string]edgeSet), told: make(map[string]bool), wanted: func(_ string, run *runRow) bool {
		return (q.To == 0 || run.Begun < q.To) && (q.From == 0 || run.Heard >= q.From) && (q.ValidAt == 0 || run.Begun <= q.ValidAt)
	}}
	switch q.View {
	case ViewDeclared:
		if q.ValidAt != 0 {
			return on.lens(), nil
		}
		return &lens{need: graph.Declared, mixed: graph.MixedDeclared, row: declaredEdges}, nil
	case ViewObserved:
		return seen.lens(), nil
	case ViewRun:
		if q.Run == "" {
			return nil, &QueryError{"run", "view=run needs the id of a run; the edges of view=observed name them"}
		}
		known, err := r.find(entityKey(tRun, q.Run), new(runRow))
		if err == nil && !known {
			err = &UnknownNodeError{Node: NodeRun + ":" + q.Run}
		}
		seen.wanted = func(id string, _ *runRow) bool { return id == q.Run }
		return seen.lens(), err
	case ViewCumulative, "":
		if q.ValidAt != 0 {
			return either(on, seen), nil
		}
		return &lens{
			need: graph.Observed | graph.Declared, mixed: graph.MixedObserved | graph.MixedDeclared,
			row: func(graph.Edge, *edgeRow) {},
		}, nil
	}
	return nil, &QueryError{"view", fmt.Sprintf("%q is not a view", q.View)}
}

// either is the view of what is in one of the two, or in both.
func either(d *declaration, o *observation) *lens {
	see := func(e graph.Edge) (edgeRow, bool, error) {
		row, declared, err := d.edge(e)
		if err != nil {
			return row, false, err
		}
		seen, observed, err := o.edge(e)
		switch {
		case err != nil || !observed:
			return row, declared, err
		case declared:
			seen.First, seen.Declared, seen.MixedDeclared = min(seen.First, row.First), row.Declared, row.MixedDeclared
		}
		return seen, true, nil
	}
	return &lens{need: graph.Observed | graph.Declared, mixed: graph.MixedObserved | graph.MixedDeclared, see: see, ever: true}
}

func declaredEdges(_ graph.Edge, row *edgeRow) {
	row.Runs, row.ImportedRuns = 0, 0
	if row.Run != "" { // what Last tells is not about the declaration
		row.Run, row.Time = "", 0
	}
}

// An observation is the view of what certain runs showed.
type observation struct {
	r      *reader
	wanted func(id string, run *runRow) bool
	runs   map[string]edgeSet // nil if a run is not wanted
	told   map[string]bool    // runs from before the ledger
}

func (o *observation) lens() *lens {
	return &lens{need: graph.Observed, mixed: graph.MixedObserved, see: o.edge}
}

// edge keeps what the wanted runs showed of an edge. Which runs showed it at all
// is found among the versions of its row. It counts all runs, and names the
// latest events.
func (o *observation) edge(e graph.Edge) (edgeRow, bool, error) {
	seen := edgeRow{First: latest}
	counted := make(map[string]bool)
	err := o.r.history(edgeKey(e), o.r.at, func(row row) (bool, error) {
		var v edgeRow
		if err := row.decode(&v); err != nil {
			return false, err
		}
		if v.Last != row.position || v.Run == "" {
			return true, nil
		}
		run, err := o.run(v.Run)
		if err != nil {
			return false, err
		}
		mixed, ok := run[e]
		if !ok {
			return true, nil
		}
		if seen.Last == 0 {
			seen.Last, seen.Run, seen.Time = v.Last, v.Run, v.Time
		}
		if seen.First = v.Last; !counted[v.Run] {
			counted[v.Run] = true
			seen.Runs, seen.Mixed = seen.Runs+1, seen.Mixed+one(mixed)
			seen.ImportedRuns += one(o.told[v.Run])
		}
		if len(seen.Events) < EdgeEvents {
			seen.Events = append(seen.Events, v.Last)
		}
		return true, nil
	})
	return seen, seen.Runs > 0, err
}

// run reads a run's edges, each once.
func (o *observation) run(id string) (edgeSet, error) {
	edges, known := o.runs[id]
	if known {
		return edges, nil
	}
	var row runRow
	_, err := o.r.find(entityKey(tRun, id), &row)
	o.told[id] = row.FirstImported
	if err == nil && o.wanted(id, &row) {
		edges, err = row.edges(o.r, id)
	}
	o.runs[id] = edges
	return edges, err
}
