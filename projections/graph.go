package projections

import (
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// Direction of a lineage question.
type Direction string

// The directions: where data came from, where it went, or both (each on its own:
// what is upstream or downstream of the node, not their siblings).
const (
	Up   Direction = "up"
	Down Direction = "down"
	Both Direction = "both"
)

// ways are the directions to walk in.
func (d Direction) ways() []graph.Direction {
	switch d {
	case Up:
		return []graph.Direction{graph.Up}
	case Down:
		return []graph.Direction{graph.Down}
	}
	return []graph.Direction{graph.Up, graph.Down}
}

// LineageQuery asks for the graph around a node.
type LineageQuery struct {
	Node      string    // as ResolveNode reads it
	Direction Direction // empty: Both
	// Depth is how many steps from dataset to dataset to go; 0 means
	// DefaultDepth, and more than MaxDepth means MaxDepth.
	Depth int
	// Columns asks for edges between columns instead of datasets. A dataset then
	// stands for all its columns. Asking for a column implies it.
	Columns bool
	// MaxNodes bounds the answer; 0 means DefaultNodes, more than MaxNodes means
	// MaxNodes.
	MaxNodes int
	// Graph is which of the three graphs to walk; empty means GraphData.
	Graph GraphKind
	// View is which edges count; empty means ViewCumulative.
	View LineageView
	// From and To bound ViewObserved, [From, To): it has the runs of which some
	// event claims a time within, or events before and after. Zero is open.
	From, To events.Time
	// ValidAt asks for what was in force on that date, as known at the view's
	// position: what was declared, from events that claim no later time, and what runs
	// showed that had begun by then. Other names and drops of datasets stay as known
	// at the position. 0 is all that was known at the position, whatever the times.
	ValidAt events.Time
	// Run is the run of ViewRun.
	Run string
	// Dropped shows datasets that were dropped and walks through them. Without it
	// they are left out, which LimitsHit says.
	Dropped bool
}

// Window is a stretch of time, [From, To); zero is open.
type Window struct{ From, To events.Time }

// GraphKind is one of the three graphs.
type GraphKind string

// The graphs: what data went where, which job or run starts after which, and
// which started which. Only jobs and runs lie in the last two.
const (
	GraphData      GraphKind = "data"
	GraphControl   GraphKind = "control"
	GraphHierarchy GraphKind = "hierarchy"
)

// LineageView is a choice of edges.
type LineageView string

// The views. An edge is declared by jobs and datasets, from an event of theirs
// until another replaces it; it is observed at each event of a run that shows it.
const (
	ViewCumulative LineageView = "cumulative" // whatever is declared or was ever observed
	ViewDeclared   LineageView = "declared"   // what is declared
	ViewObserved   LineageView = "observed"   // what runs showed within a window of time
	ViewRun        LineageView = "run"        // what one run showed
)

// Bounds of LineageQuery.
const (
	DefaultDepth = 20
	MaxDepth     = 1000
	DefaultNodes = 2000
	MaxNodes     = 50000
)

// Graph is the answer to a lineage question.
type Graph struct {
	Node      string    `json:"node"` // the node asked for, as resolved
	Direction Direction `json:"direction"`
	Nodes     []Node    `json:"nodes"` // ordered by depth, then id
	Edges     []Edge    `json:"edges"` // ordered by from, to, kind and job
	// Complete is false if the graph is not the whole answer; LimitsHit then says
	// why: LimitDepth, LimitNodes or LimitColumns.
	Complete  bool     `json:"complete"`
	LimitsHit []string `json:"limits_hit"`
}

// Edge says that data went from one node to another.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Kind is one of the Edge constants.
	Kind string `json:"kind"`
	// Job is the job behind an EdgeDerives; empty if a dataset declares it itself.
	Job string `json:"job,omitempty"`
	// Transformations of a column edge, such as "DIRECT/IDENTITY"; Masking is set
	// if one of them hides the value.
	Transformations []string `json:"transformations,omitempty"`
	Masking         bool     `json:"masking,omitempty"`
	// First and Last are the positions of the first and the latest record that
	// show the edge, Runs how many runs showed it. Declared is set if a job or
	// dataset declares it now.
	First    int64 `json:"first"`
	Last     int64 `json:"last"`
	Runs     int64 `json:"runs"`
	Declared bool  `json:"declared,omitempty"`
	// Run is the run that showed the edge at Last; empty if that was a declaration.
	// Time is the time that the event at Last claims; zero if it is not kept.
	Run  string      `json:"run,omitempty"`
	Time events.Time `json:"time,omitzero"`
	// Dependency are the rules of an EdgePrecedes.
	Dependency *Dependency `json:"dependency,omitempty"`
	// Events are the latest records behind the edge, at most EdgeEvents, newest
	// first.
	Events []int64 `json:"events"`
	// Imported: of First, Last and Events one is from before the ledger, and so no native
	// evidence. ImportedRuns is how many of Runs are from then.
	Imported     bool  `json:"imported,omitempty"`
	ImportedRuns int64 `json:"imported_runs,omitempty"`
}

// Dependency is how control flows from one job or run to another, in the words
// of the event: dependency type, sequence and status trigger rule.
type Dependency struct {
	Type     string `json:"type,omitempty"`
	Sequence string `json:"sequence,omitempty"`
	Status   string `json:"status,omitempty"`
}

// The kinds of edges.
const (
	EdgeReads    = "reads"    // dataset to job
	EdgeWrites   = "writes"   // job to dataset
	EdgeDerives  = "derives"  // dataset or column to dataset or column, by a job
	EdgeFeeds    = "feeds"    // job to job, where explicit lineage says so
	EdgePrecedes = "precedes" // job to job or run to run: the second starts after the first
	EdgeStarted  = "started"  // job to job or run to run: the first started the second
	EdgeRuns     = "runs"     // job to run
	EdgeResource = "resource" // entry to the dataset that it describes
	EdgeSameAs   = "same_as"  // dataset or column to another name of it (symlink, rename)
	EdgePartOf   = "part_of"  // column to its dataset, where a walk passes between them
)

// The reasons for which a graph is not complete.
const (
	LimitDepth = "depth"     // Depth was reached and there is more beyond
	LimitNodes = "max_nodes" // MaxNodes was reached
	// LimitColumns: some job on the way reported datasets but not columns, so
	// that what the column went through there is not known.
	LimitColumns = "columns_unknown"
	// LimitDropped: datasets that were dropped, and what lies behind them, are left
	// out.
	LimitDropped = "dropped"
)

// EdgeEvents is how many records an edge names; the runs between hold the rest.
const EdgeEvents = 5

// Lineage walks the graph around a node, breadth first. Cycles are walked once. An
// answer that MaxNodes cuts holds the nearest nodes.
// The error is an *UnknownNodeError if the node is not known, and a *QueryError
// for a question that contradicts itself.
func (w *View) Lineage(ctx context.Context, q LineageQuery) (g Graph, err error) {
	err = w.read(func(r *reader) error {
		start, err := r.resolve(ctx, q.Node)
		if err != nil {
			return err
		}
		if q.Direction == "" {
			q.Direction = Both
		}
		walk, err := newWalk(r, start, q)
		if err != nil {
			return err
		}
		if err := walk.run(ctx, q.Direction.ways()...); err != nil {
			return err
		}
		if g, err = walk.graph(q.Direction); err != nil {
			return err
		}
		return r.keepGraph(&g)
	})
	return g, err
}

// seesNodes tells which of some nodes the reader may see, by their ids.
func (r *reader) seesNodes(nodes []Node) (seen map[string]bool, err error) {
	seen = make(map[string]bool, len(nodes))
	for _, n := range nodes {
		if seen[n.ID], err = r.seesNode(vertex{n.Kind, n.Namespace, n.Name, n.Field}); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// keepGraph keeps the nodes that the reader may see, and the edges between them. Nodes
// are counted, edges go with them.
func (r *reader) keepGraph(g *Graph) error {
	if r.sight == nil {
		return nil
	}
	seen, err := r.seesNodes(g.Nodes)
	if err != nil {
		return err
	}
	g.Nodes, err = keepSeen(r, g.Nodes, func(n *Node) (bool, error) {
		if !seen[n.ID] {
			return false, nil
		}
		return true, r.keepEntries(n)
	})
	if err != nil {
		return err
	}
	g.Edges = slices.DeleteFunc(g.Edges, func(e Edge) bool { return !seen[e.From] || !seen[e.To] })
	return nil
}

// keepEntries keeps the entries of a node that the reader may see.
func (r *reader) keepEntries(n *Node) error {
	entries, err := keepSeen(r, n.Entries, func(id *string) (bool, error) { return r.seesNode(vertex{Kind: NodeEntry, Name: *id}) })
	if n.Entries = entries; len(entries) == 0 {
		n.Entries = nil
	}
	return err
}

// QueryError is returned for a question whose parts do not fit together.
type QueryError struct {
	// Field is the part that does not fit.
	Field, Reason string
}

func (e *QueryError) Error() string { return e.Reason }

// Run is a run of a job, folded from its events in whatever order they came.
type Run struct {
	ID  string        `json:"id"`
	Job events.JobRef `json:"job"`
	// State is NEW until a START or later is seen; a terminal state is final.
	State   string      `json:"state"`
	Started events.Time `json:"started,omitzero"` // earliest START, as claimed
	Ended   events.Time `json:"ended,omitzero"`   // of the terminal event
	// NominalTime is the interval that the run is for.
	NominalTime events.NominalTime `json:"nominal_time,omitzero"`
	// Parent is the run that started it, and the root of the hierarchy.
	Parent events.RunParent `json:"parent,omitzero"`
	// Dependencies are the jobs it waits for and those that wait for it.
	Dependencies []events.JobDependency `json:"dependencies"`
	// Inputs and Outputs are what all its events together say it read and wrote or,
	// if each of them tells a whole window, the newest. Known tells an empty list
	// from one that was not told.
	Inputs       []Dataset `json:"inputs"`
	Outputs      []Dataset `json:"outputs"`
	InputsKnown  bool      `json:"inputs_known"`
	OutputsKnown bool      `json:"outputs_known"`
	First        int64     `json:"first"`
	Last         int64     `json:"last"`
	// Imported: one of its records is from before the ledger, and so no native evidence.
	Imported bool `json:"imported,omitempty"`
}

// Run returns a run by its id; false if there is none.
func (w *View) Run(ctx context.Context, id string) (run Run, ok bool, err error) {
	err = w.read(func(r *reader) error {
		var row runRow
		if ok, err = r.find(entityKey(tRun, id), &row); err != nil || !ok {
			return err
		}
		if ok, err = r.seesNode(vertex{Kind: NodeRun, Name: id}); err != nil || !ok {
			return err
		}
		said, flow := &row.Told, row.now()
		if n := len(row.Windows); n > 0 {
			said = &row.Windows[n-1].Told
		}
		run = Run{
			ID: id, Job: row.Job, State: row.state(), Started: row.Started, Ended: row.Ended, NominalTime: row.Nominal.Said, Parent: row.Parent.Said,
			Dependencies: append([]events.JobDependency{}, row.Depends.Said...),
			Inputs:       append([]Dataset{}, flow.Inputs...), Outputs: append([]Dataset{}, flow.Outputs...),
			InputsKnown: said.Inputs.Known, OutputsKnown: said.Outputs.Known, First: row.First, Last: row.Last, Imported: row.Imported,
		}
		sees := func(d *Dataset) (bool, error) { return r.seesNode(datasetVertex(*d)) }
		if run.Inputs, err = keepSeen(r, run.Inputs, sees); err == nil {
			run.Outputs, err = keepSeen(r, run.Outputs, sees)
		}
		if err != nil {
			return err
		}
		return r.keepRelatives(&run)
	})
	return run, ok, err
}
