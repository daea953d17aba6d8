package projections

import "fmt"

// A lens is a view of the stored edges: it reports whether an edge is in the
// view, and changes the edge's row to what the view knows of it. Of the two
// counts of mixed contributors it leaves the one that the view goes by in Mixed.
type lens func(*stored) (bool, error)

// lens makes the view that a question names.
func (r *reader) lens(q LineageQuery) (lens, error) {
	if (q.From != 0 || q.To != 0) && q.View != ViewObserved {
		return nil, &QueryError{"view", "a window of time belongs to view=observed"}
	}
	if q.Run != "" && q.View != ViewRun {
		return nil, &QueryError{"view", "a run belongs to view=run"}
	}
	if q.View != "" && q.View != ViewCumulative && q.Graph != "" && q.Graph != GraphData {
		return nil, &QueryError{"view", "control flow and hierarchy have the cumulative view only"}
	}
	switch q.View {
	case ViewDeclared:
		return declaredEdges, nil
	case ViewObserved:
		o := &observation{r: r, runs: make(map[string]*observedRun), wanted: func(_ string, run *runRow) bool {
			return (q.To == 0 || run.Begun < q.To) && (q.From == 0 || run.Heard >= q.From)
		}}
		return o.edge, nil
	case ViewRun:
		if q.Run == "" {
			return nil, &QueryError{"run", "view=run needs the id of a run; the edges of view=observed name them"}
		}
		known, err := r.find(entityKey(tRun, q.Run), new(runRow))
		if err == nil && !known {
			err = &UnknownNodeError{Node: NodeRun + ":" + q.Run}
		}
		o := &observation{r: r, runs: make(map[string]*observedRun), wanted: func(id string, _ *runRow) bool { return id == q.Run }}
		return o.edge, err
	case ViewCumulative, "":
		return allEdges, nil
	}
	return nil, &QueryError{"view", fmt.Sprintf("%q is not a view", q.View)}
}

func allEdges(e *stored) (bool, error) {
	e.row.Mixed += e.row.MixedDeclared
	return true, nil
}

func declaredEdges(e *stored) (bool, error) {
	e.row.Mixed, e.row.Runs = e.row.MixedDeclared, 0
	if e.row.Run != "" { // what Last tells is not about the declaration
		e.row.Run, e.row.Time = "", 0
	}
	return e.row.Declared > 0, nil
}

// An observation is the view of what certain runs showed.
type observation struct {
	r      *reader
	wanted func(id string, run *runRow) bool
	runs   map[string]*observedRun
}

// observedRun is what a wanted run contributes; nothing if it is not wanted.
type observedRun struct{ edges map[edgeID]bool }

// edge keeps what the wanted runs showed of an edge. Which runs showed it at all
// is found among the versions of its row. It counts all runs, and names the
// latest events.
func (o *observation) edge(e *stored) (bool, error) {
	seen := edgeRow{First: latest}
	counted := make(map[string]bool)
	err := o.r.history(e.id.down(), o.r.at, func(row row) (bool, error) {
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
		mixed, ok := run.edges[e.id]
		if !ok {
			return true, nil
		}
		if seen.Last == 0 {
			seen.Last, seen.Run, seen.Time = v.Last, v.Run, v.Time
		}
		if seen.First = v.Last; !counted[v.Run] {
			counted[v.Run] = true
			seen.Runs, seen.Mixed = seen.Runs+1, seen.Mixed+one(mixed)
		}
		if len(seen.Events) < EdgeEvents {
			seen.Events = append(seen.Events, v.Last)
		}
		return true, nil
	})
	e.row = seen
	return seen.Runs > 0, err
}

// run reads a run's edges, each once.
func (o *observation) run(id string) (*observedRun, error) {
	if run, ok := o.runs[id]; ok {
		return run, nil
	}
	var row runRow
	if _, err := o.r.find(entityKey(tRun, id), &row); err != nil {
		return nil, err
	}
	run := new(observedRun)
	if o.wanted(id, &row) {
		run.edges = row.edges(id)
	}
	o.runs[id] = run
	return run, nil
}
