package projections

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// What is downstream of a node concerns people through the catalog: a dataset
// reached may be described by entries, an entry is shared under agreements, and
// calls are made under these. impact.go asks who holds what, exposure.go who got
// what.

// reached is what a walk downstream has come to.
type reached struct {
	node     string // as resolved
	nodes    []Node
	entries  map[string]*reachedEntry
	datasets map[Dataset]*reachedDataset
	limits   []string
	// columns is set if only some columns of the datasets are reached.
	columns bool
}

type reachedDataset struct {
	id    string
	depth int
	// fields are the columns reached; whole is set if the dataset is as such, and
	// not only some of its columns.
	fields map[string]bool
	whole  bool
}

type reachedEntry struct {
	depth    int
	datasets []Dataset // sorted
}

// downstream walks from a node to all that was made from it, the node included,
// dropped datasets too: what was made from them is still there.
func (r *reader) downstream(ctx context.Context, q LineageQuery) (*reached, error) {
	start, err := r.resolve(ctx, q.Node)
	if err != nil {
		return nil, err
	}
	q.Direction, q.Dropped = Down, true
	w, err := newWalk(r, start, q)
	if err != nil {
		return nil, err
	}
	if err := w.run(ctx, graph.Down); err != nil {
		return nil, err
	}
	g, err := w.graph(Down)
	if err != nil {
		return nil, err
	}
	out := &reached{
		node: g.Node, nodes: g.Nodes, limits: g.LimitsHit, columns: w.columns,
		entries: make(map[string]*reachedEntry), datasets: make(map[Dataset]*reachedDataset),
	}
	whole := map[string]bool{g.Node: true}
	for _, e := range g.Edges {
		whole[e.To] = whole[e.To] || e.Kind != EdgePartOf
	}
	for _, n := range g.Nodes {
		if n.Kind == NodeDataset || n.Kind == NodeColumn {
			out.add(n, whole[n.ID])
		}
	}
	if start.Kind == NodeEntry {
		out.entry(start.Name, 0)
	}
	for _, d := range slices.SortedFunc(maps.Keys(out.datasets), Dataset.compare) {
		var row datasetRow
		if _, err := r.find(d.key(), &row); err != nil {
			return nil, err
		}
		for _, entry := range row.Entries {
			e := out.entry(entry, out.datasets[d].depth)
			e.datasets = append(e.datasets, d)
		}
	}
	return out, nil
}

func (t *reached) add(n Node, whole bool) {
	d := Dataset{n.Namespace, n.Name}
	have := t.datasets[d]
	if have == nil {
		have = &reachedDataset{id: datasetVertex(d).text(), depth: n.Depth, fields: make(map[string]bool)}
		t.datasets[d] = have
	}
	have.depth = min(have.depth, n.Depth)
	if n.Kind == NodeColumn {
		have.fields[n.Field] = true
	} else {
		have.whole = have.whole || whole
	}
}

func (t *reached) entry(id string, depth int) *reachedEntry {
	e := t.entries[id]
	if e == nil {
		e = &reachedEntry{depth: depth}
		t.entries[id] = e
	}
	e.depth = min(e.depth, depth)
	return e
}

// items lists the items of an entry that hold reached columns: nil for all of
// them, empty for none.
func (t *reached) items(e *Entry) []string {
	if !t.columns {
		return nil
	}
	items := []string{}
	for _, res := range e.Resources {
		d := t.datasets[Dataset{res.Namespace, res.Name}]
		if d == nil {
			continue
		}
		for _, it := range e.Items {
			if column := cmp.Or(res.Columns[it.ID], it.ID); d.whole || d.fields[column] {
				items = append(items, it.ID)
			}
		}
	}
	slices.Sort(items)
	return slices.Compact(items)
}

// common lists what is in both; all of b if a is nil, which means everything.
func common(a, b []string) []string {
	if a == nil {
		return append([]string{}, b...)
	}
	out := []string{}
	for _, x := range b {
		if slices.Contains(a, x) {
			out = append(out, x)
		}
	}
	return out
}

// granting lists the agreements that grant something of one of the entries, in
// the state at a date (0: the latest known), ordered by id.
func (r *reader) granting(ctx context.Context, entries map[string]*reachedEntry, validAt, now events.Time) (all []Agreement, err error) {
	err = r.each(ctx, entityKey(tAgreement), nil, func(row row) (bool, error) {
		id, err := parts(row.entity)
		if err != nil {
			return false, err
		}
		a, ok, err := r.agreement(id[0], validAt, now)
		if ok && err == nil && slices.ContainsFunc(a.Grants, func(g events.Grant) bool { return entries[g.Entry] != nil }) {
			all = append(all, a)
		}
		return true, err
	})
	return all, err
}
