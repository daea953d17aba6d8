package projections

import (
	"cmp"
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// TraceQuery asks where the value of a dataset or column came from on a day.
type TraceQuery struct {
	Node  string      // a dataset or column, as ResolveNode reads it
	On    events.Time // the run that wrote it last, begun at this time or before; 0: the newest
	Depth int         // as in LineageQuery
}

// Trace is where a value came from: the run that wrote it, the runs that wrote
// what this read, and so on.
type Trace struct {
	Node  string      `json:"node"`
	Steps []TraceStep `json:"steps"` // by depth, then by what was written
	// Complete is false if a limit of LimitsHit was hit.
	Complete  bool     `json:"complete"`
	LimitsHit []string `json:"limits_hit"`
}

// TraceStep is a run that wrote a value which the value asked for came from.
type TraceStep struct {
	Depth       int                `json:"depth"` // 1 for the run that wrote the node asked for
	Wrote       string             `json:"wrote"` // dataset or column
	Run         string             `json:"run"`
	Job         string             `json:"job"`
	State       string             `json:"state"`
	Begun       events.Time        `json:"begun"` // the earliest time that its events claim
	Ended       events.Time        `json:"ended,omitzero"`
	NominalTime events.NominalTime `json:"nominal_time,omitzero"`
	// Read are the datasets or columns that went into it. Those that no earlier run
	// is known to have written have no step of their own.
	Read []string `json:"read"`
	// Last is the position of the newest record of the run.
	Last int64 `json:"last"`
	// Imported: a record of the run is from before the ledger, and so no native evidence.
	Imported bool `json:"imported,omitempty"`
}

// Trace follows a value back from run to run: for each thing that a run read, to
// the run that wrote it last and had begun before. The error is an
// *UnknownNodeError if the node is not known.
func (w *View) Trace(ctx context.Context, q TraceQuery) (out Trace, err error) {
	err = w.read(func(r *reader) error {
		start, err := r.resolve(ctx, q.Node)
		if err != nil {
			return err
		}
		if start.Kind != NodeDataset && start.Kind != NodeColumn {
			return &QueryError{"node", "a value is traced from a dataset or column"}
		}
		walk, err := newWalk(r, start, LineageQuery{Depth: q.Depth, MaxNodes: MaxNodes})
		if err != nil {
			return err
		}
		t := &tracing{walk: walk, at: map[traced]bool{}, seen: map[string]bool{}}
		return t.trace(ctx, q.On, &out)
	})
	return out, err
}

type traced struct {
	spot graph.Spot
	run  string
}

type tracing struct {
	*walk
	at map[traced]bool
	// seen tells of datasets and columns whether the reader may see them.
	seen map[string]bool
}

// tracePoint is a value at a time: what is looked for is who wrote it before.
type tracePoint struct {
	spot   graph.Spot
	before events.Time // 0: whenever
	depth  int
}

func (t *tracing) trace(ctx context.Context, on events.Time, out *Trace) error {
	*out = Trace{Steps: []TraceStep{}}
	if on != 0 {
		on++ // begun at that time or before
	}
	for queue := []tracePoint{{t.walk.at, on, 1}}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if err := ctx.Err(); err != nil {
			return err
		}
		id, run, err := t.wrote(p)
		if err != nil {
			return err
		}
		if run == nil || t.at[traced{p.spot, id}] {
			continue
		}
		if p.depth > t.depth {
			t.limit[LimitDepth] = true
			continue
		}
		if len(out.Steps) >= t.maxNodes {
			t.limit[LimitNodes] = true
			break
		}
		t.at[traced{p.spot, id}] = true
		read, err := t.sources(p.spot, id, run)
		if err != nil {
			return err
		}
		step := TraceStep{
			Depth: p.depth, Run: id, Job: jobVertex(run.Job).text(), State: run.state(), Begun: run.Begun, Ended: run.Ended,
			NominalTime: run.Nominal.Said, Read: []string{}, Last: run.Last, Imported: run.Imported,
		}
		if step.Wrote, err = t.textOf(p.spot); err != nil {
			return err
		}
		for _, s := range read {
			text, err := t.textOf(s)
			if err != nil {
				return err
			}
			step.Read = append(step.Read, text)
			queue = append(queue, tracePoint{s, run.Begun, p.depth + 1})
		}
		slices.Sort(step.Read)
		out.Steps = append(out.Steps, step)
	}
	var err error
	out.Node, err = t.textOf(t.walk.at)
	slices.SortFunc(out.Steps, func(a, b TraceStep) int {
		return cmp.Or(cmp.Compare(a.Depth, b.Depth), cmp.Compare(a.Wrote, b.Wrote), cmp.Compare(a.Run, b.Run))
	})
	out.LimitsHit = t.limits()
	out.Complete = len(out.LimitsHit) == 0
	return cmp.Or(err, t.keepSteps(out))
}

func (t *tracing) textOf(s graph.Spot) (string, error) {
	v, err := t.names.full(s)
	if err == nil {
		t.seen[v.text()], err = t.r.seesNode(v)
	}
	return v.text(), err
}

// keepSteps keeps the steps that wrote what the reader may see, and of what they read
// what it may see.
func (t *tracing) keepSteps(out *Trace) (err error) {
	out.Steps, err = keepSeen(t.r, out.Steps, func(s *TraceStep) (bool, error) {
		if !t.seen[s.Wrote] {
			return false, nil
		}
		var err error
		s.Read, err = keepSeen(t.r, s.Read, func(text *string) (bool, error) { return t.seen[*text], nil })
		return true, err
	})
	return err
}

// wrote finds the run that wrote a dataset or column last, among those begun before
// a time; nil if there is none. Of runs begun at one time the greater id counts.
func (t *tracing) wrote(p tracePoint) (id string, run *runRow, err error) {
	edges, err := t.edgesAt(graph.Up, p.spot.Node)
	if err != nil {
		return "", nil, err
	}
	looked := make(map[string]bool)
	for _, e := range edges {
		if e.id.Kind != graph.Writes || e.state&graph.Observed == 0 {
			continue
		}
		if err := t.r.history(edgeKey(e.id), t.r.at, func(row row) (bool, error) {
			var v edgeRow
			if err := row.decode(&v); err != nil || v.Run == "" || looked[v.Run] {
				return err == nil, err
			}
			looked[v.Run] = true
			var found runRow
			if _, err := t.r.find(entityKey(tRun, v.Run), &found); err != nil {
				return false, err
			}
			if p.before != 0 && found.Begun >= p.before || run != nil && cmp.Or(cmp.Compare(found.Begun, run.Begun), cmp.Compare(v.Run, id)) < 0 {
				return true, nil
			}
			makes, err := t.makes(p.spot, v.Run, &found)
			if makes {
				id, run = v.Run, &found
			}
			return true, err
		}); err != nil {
			return "", nil, err
		}
	}
	return id, run, nil
}

// makes reports whether a run that writes a dataset wrote the column asked for: one
// that says which columns it made wrote no others.
func (t *tracing) makes(to graph.Spot, id string, run *runRow) (bool, error) {
	if to.Field == 0 {
		return true, nil
	}
	edges, err := run.edges(t.r, id)
	if err != nil {
		return false, err
	}
	named := false
	for e := range edges {
		if e.Kind != graph.Flow || e.To != to.Node {
			continue
		}
		pairs, err := t.columnsOf(e.Set)
		if err != nil {
			return false, err
		}
		for _, p := range pairs {
			if p.ToWord == to.Field {
				return true, nil
			}
			named = named || p.ToWord != 0
		}
	}
	return !named, nil
}

// sources are what a run made a dataset or column from: as it says, or all that it
// read.
func (t *tracing) sources(to graph.Spot, id string, run *runRow) ([]graph.Spot, error) {
	edges, err := run.edges(t.r, id)
	if err != nil {
		return nil, err
	}
	var out []graph.Spot
	mixed := false
	for e, m := range edges {
		switch {
		case e.Kind == graph.Writes && e.To == to.Node:
			mixed = mixed || m
		case e.Kind != graph.Flow || e.To != to.Node:
		case to.Field == 0:
			out = append(out, graph.Spot{Node: e.From})
		default:
			pairs, err := t.columnsOf(e.Set)
			if err != nil {
				return nil, err
			}
			if len(pairs) == 0 {
				t.limit[LimitColumns] = true
			}
			for _, p := range pairs {
				if p.ToWord == to.Field || p.ToWord == 0 {
					out = append(out, graph.Spot{Node: e.From, Field: p.FromWord})
				}
			}
		}
	}
	for e, m := range edges {
		if mixed && m && e.Kind == graph.Reads {
			out = append(out, graph.Spot{Node: e.From})
			if to.Field != 0 {
				t.limit[LimitColumns] = true
			}
		}
	}
	return unite(out, nil, compareSpots), nil
}
