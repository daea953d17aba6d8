package projections

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// DifferenceQuery asks where what is declared and what runs showed differ.
type DifferenceQuery struct {
	// Node is a dataset, of which what leads to it is compared, a job: all that it
	// makes, or a run. Empty: all datasets but dropped ones, a part of the list at a time.
	Node string
	// Namespace, if not empty, is that of the datasets written. It and Page belong to a
	// query without a node.
	Namespace string
	Page
}

// DifferenceList is the answer.
type DifferenceList struct {
	Node string `json:"node,omitempty"`
	// Differences are ordered by To and From; of all datasets, in the order in which
	// those written became known, and by From. Of a run there are none: what it shows is
	// in Runs.
	Differences []Difference `json:"differences"`
	// Runs are those that wrote what is asked about last, each job's latest, where
	// they differ from what was declared when they began; the newest first. Of all
	// datasets, they are in the order of these; one that wrote several may stand in
	// several parts.
	Runs []RunDifference `json:"runs"`
	// Complete is false if LimitOutputs was hit or there is a Next.
	Complete  bool     `json:"complete"`
	LimitsHit []string `json:"limits_hit"`
	Next      string   `json:"next,omitempty"`
}

// LimitOutputs: a job has more outputs, or a dataset more jobs that write it, than
// are compared.
const LimitOutputs = "max_outputs"

// maxOutputs is how many are compared.
const maxOutputs = 1000

// Difference is a finding: columns are declared to go from one dataset to another
// that no run showed, or the other way round.
type Difference struct {
	From         string       `json:"from"`
	To           string       `json:"to"`
	DeclaredOnly []ColumnPair `json:"declared_only"`
	ObservedOnly []ColumnPair `json:"observed_only"`
	// Declared and Observed are the latest records behind each side, newest first,
	// at most EdgeEvents.
	Declared []int64 `json:"declared"`
	Observed []int64 `json:"observed"`
	// Imported: one of these is from before the ledger, and so no native evidence.
	Imported bool `json:"imported,omitempty"`
}

// ColumnPair says that one column goes into another; an empty name is the dataset
// as a whole.
type ColumnPair struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Differences compares, for each dataset that is written, the columns that are
// declared to go into it with those that runs showed, and each latest run with what
// was declared when it began. What is told of another name of a dataset counts for it.
// A dataset of which only one of the two is told differs in nothing. The error is an *UnknownNodeError if the
// node is not known.
func (w *View) Differences(ctx context.Context, q DifferenceQuery) (list DifferenceList, err error) {
	list = DifferenceList{Node: q.Node, Differences: []Difference{}, Runs: []RunDifference{}, LimitsHit: []string{}}
	if q.Node == "" {
		return list, w.read(func(r *reader) error { return r.allDifferences(ctx, q, &list) })
	}
	if q.Namespace != "" || q.Cursor != "" {
		return list, &QueryError{"node", "a namespace or a cursor belongs to the list of all datasets, without a node"}
	}
	err = w.read(func(r *reader) error {
		start, err := r.resolve(ctx, q.Node)
		if err != nil {
			return err
		}
		walk, err := newWalk(r, start, LineageQuery{})
		if err != nil {
			return err
		}
		dir := graph.Down
		switch start.Kind {
		case NodeRun:
			d, err := r.runDifference(ctx, start.Name)
			if err == nil && d != nil {
				list.Runs = append(list.Runs, *d)
			}
			list.Complete = true
			return cmp.Or(err, r.keepRuns(&list))
		case NodeDataset:
			dir = graph.Up
		case NodeJob:
		default:
			return &QueryError{"node", "what is declared and observed is compared of a dataset, a job or a run"}
		}
		asked, targets := []uint32{walk.at.Node}, []uint32{walk.at.Node}
		if start.Kind == NodeDataset {
			if asked, err = walk.sameAs(walk.at.Node); err != nil {
				return err
			}
		}
		writes, err := walk.writes(dir, asked)
		if err != nil {
			return err
		}
		if start.Kind == NodeJob {
			if targets, err = walk.written(writes); err != nil {
				return err
			}
		}
		runs, err := walk.runDifferences(ctx, writes)
		if err != nil {
			return err
		}
		list.Runs = append(list.Runs, runs...)
		for _, to := range targets {
			if err := ctx.Err(); err != nil {
				return err
			}
			found, err := walk.differences(to)
			if err != nil {
				return err
			}
			list.Differences = append(list.Differences, found...)
		}
		slices.SortFunc(list.Differences, func(a, b Difference) int { return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From)) })
		list.LimitsHit = walk.limits()
		list.Complete = len(list.LimitsHit) == 0
		return r.keepRuns(&list)
	})
	return list, err
}

// writes are the edges from jobs to datasets at some nodes, at most maxOutputs.
func (w *walk) writes(dir graph.Direction, nodes []uint32) (writes []stored, err error) {
	for _, node := range nodes {
		edges, err := w.edgesAt(dir, node)
		if err != nil {
			return nil, err
		}
		writes = append(writes, slices.DeleteFunc(edges, func(e stored) bool { return e.id.Kind != graph.Writes })...)
	}
	if len(writes) > maxOutputs {
		writes, w.limit[LimitOutputs] = writes[:maxOutputs], true
	}
	return writes, nil
}

// written are the datasets that edges lead to, each under one name.
func (w *walk) written(writes []stored) (out []uint32, err error) {
	seen := make(map[uint32]bool)
	for _, e := range writes {
		first, err := w.first(e.id.To)
		if err != nil {
			return nil, err
		}
		if !seen[first] {
			out, seen[first] = append(out, e.id.To), true
		}
	}
	return out, nil
}

// sameAs lists all names of a dataset, sorted, its own among them: what is told of one
// is told of all.
func (w *walk) sameAs(node uint32) ([]uint32, error) {
	if known, ok := w.same[node]; ok {
		return known, nil
	}
	names := []uint32{node}
	for i := 0; i < len(names); i++ {
		looked := int64(1)
		w.g.Each(graph.Down, names[i], func(e graph.Edge, _ graph.State) bool {
			if looked++; e.Kind == graph.Same && !slices.Contains(names, e.To) {
				names = append(names, e.To)
			}
			return true
		})
		if err := w.r.cost.spend(looked); err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	if w.same == nil {
		w.same = make(map[uint32][]uint32)
	}
	for _, name := range names {
		w.same[name] = names
	}
	return names, nil
}

// first is the first of the names of a dataset.
func (w *walk) first(node uint32) (uint32, error) {
	names, err := w.sameAs(node)
	if err != nil {
		return 0, err
	}
	return names[0], nil
}

// keepRuns keeps the runs that the reader may see, and of their columns those of datasets
// that it may see.
func (r *reader) keepRuns(list *DifferenceList) (err error) {
	sees := func(c *events.ColumnRef) (bool, error) {
		return r.seesNode(datasetVertex(Dataset{c.Namespace, c.Name}))
	}
	list.Runs, err = keepSeen(r, list.Runs, func(d *RunDifference) (bool, error) {
		if seen, err := r.seesNode(vertex{Kind: NodeRun, Name: d.Run}); err != nil || !seen {
			return false, err
		}
		var err error
		if d.Undeclared, err = keepSeen(r, d.Undeclared, sees); err == nil {
			d.Unseen, err = keepSeen(r, d.Unseen, sees)
		}
		return true, err
	})
	return err
}

// toldColumns are the columns of flows between two datasets on one side.
type toldColumns struct {
	pairs  map[ColumnPair]bool
	events []int64
}

// differences compares the flows into a dataset, whichever of their names the two
// sides call it and its sources.
func (w *walk) differences(to uint32) (out []Difference, err error) {
	names, err := w.sameAs(to)
	if err != nil {
		return nil, err
	}
	var edges []stored
	for _, name := range names {
		at, err := w.edgesAt(graph.Up, name)
		if err != nil {
			return nil, err
		}
		edges = append(edges, at...)
	}
	sides := map[graph.State]map[uint32]*toldColumns{graph.Declared: {}, graph.Observed: {}}
	sources := make(map[uint32]uint32) // by their first names, as they were told
	for _, e := range edges {
		if e.id.Kind != graph.Flow || e.id.Set == 0 {
			continue
		}
		pairs, err := w.columnsOf(e.id.Set)
		if err != nil {
			return nil, err
		}
		row, err := w.row(e.id)
		if err != nil {
			return nil, err
		}
		source, err := w.first(e.id.From)
		if err != nil {
			return nil, err
		}
		for side, flows := range sides {
			if e.state&side == 0 {
				continue
			}
			t := flows[source]
			if t == nil {
				t = &toldColumns{pairs: make(map[ColumnPair]bool)}
				flows[source] = t
			}
			if told, ok := sources[source]; !ok || e.id.From < told {
				sources[source] = e.id.From
			}
			for _, p := range pairs {
				t.pairs[ColumnPair{p.From, p.To}] = true
			}
			t.events = append(t.events, row.Events...)
		}
	}
	if len(sides[graph.Declared]) == 0 || len(sides[graph.Observed]) == 0 {
		return nil, nil
	}
	for source, n := range sources {
		declared, observed := sides[graph.Declared][source], sides[graph.Observed][source]
		d := Difference{DeclaredOnly: declared.less(observed), ObservedOnly: observed.less(declared), Declared: declared.latest(), Observed: observed.latest()}
		if d.Imported, err = w.r.imported(slices.Concat(d.Declared, d.Observed)...); err != nil {
			return nil, err
		}
		if len(d.DeclaredOnly)+len(d.ObservedOnly) == 0 {
			continue
		}
		seen := true
		for _, end := range []struct {
			node uint32
			text *string
		}{{n, &d.From}, {to, &d.To}} { // one dataset may be both
			v, err := w.names.vertex(end.node)
			if err != nil {
				return nil, err
			}
			sees, err := w.r.seesNode(v)
			if err != nil {
				return nil, err
			}
			*end.text, seen = v.text(), seen && sees
		}
		if !seen {
			w.r.withhold(1)
			continue
		}
		out = append(out, d)
	}
	return out, nil
}

// less lists the pairs that the other side does not have.
func (t *toldColumns) less(o *toldColumns) []ColumnPair {
	out := []ColumnPair{}
	if t == nil {
		return out
	}
	for p := range t.pairs {
		if o == nil || !o.pairs[p] {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b ColumnPair) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return out
}

func (t *toldColumns) latest() []int64 {
	if t == nil {
		return []int64{}
	}
	seen := make(map[int64]bool)
	for _, e := range t.events {
		seen[e] = true
	}
	all := slices.Sorted(maps.Keys(seen))
	slices.Reverse(all)
	return all[:min(len(all), EdgeEvents)]
}
