package projections

import (
	"cmp"
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// RunDifference says that a run read or wrote other columns than were declared on
// the day it began. It is what lineage.observed_difference.recorded records.
type RunDifference struct {
	Run   string        `json:"run"`
	Job   events.JobRef `json:"job"`
	Begun events.Time   `json:"begun"` // the earliest time that its events claim
	// Undeclared were seen and not declared, Unseen declared and not seen. Both are
	// sorted.
	Undeclared []events.ColumnRef `json:"undeclared"`
	Unseen     []events.ColumnRef `json:"unseen"`
	// Recorded are the records that say of this run that it differed, newest first;
	// empty if nobody has recorded it.
	Recorded []int64 `json:"recorded"`
	// Imported: a record of the run, or one of these, is from before the ledger, and so no
	// native evidence.
	Imported bool `json:"imported,omitempty"`
}

// runDifference compares a run with what its job and the datasets that it wrote
// declared on the day it began. Of an output only one of the two is told: nothing
// differs there. It returns nil if nothing does.
func (r *reader) runDifference(ctx context.Context, id string) (*RunDifference, error) {
	var run runRow
	if _, err := r.find(entityKey(tRun, id), &run); err != nil {
		return nil, err
	}
	edges, err := run.edges(r, id)
	if err != nil {
		return nil, err
	}
	declared, err := newWalk(r, jobVertex(run.Job), LineageQuery{View: ViewDeclared, ValidAt: run.Begun})
	if err != nil {
		return nil, err
	}
	observed := make(map[uint32]toldRefs) // by output
	for e := range edges {
		if e.Kind == graph.Flow && e.Set != 0 {
			if err := declared.refs(e, observed); err != nil {
				return nil, err
			}
		}
	}
	d := &RunDifference{Run: id, Job: run.Job, Begun: run.Begun, Undeclared: []events.ColumnRef{}, Unseen: []events.ColumnRef{}}
	said := make(map[uint32]toldRefs)
	for to, seen := range observed {
		names, err := declared.sameAs(to)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			flows, err := declared.edgesAt(graph.Up, name)
			if err != nil {
				return nil, err
			}
			for _, e := range flows {
				if e.id.Kind == graph.Flow && e.id.Set != 0 && (e.id.Job == 0 || e.id.Job == declared.at.Node) {
					if err := declared.refs(e.id, said); err != nil {
						return nil, err
					}
				}
			}
		}
		if len(said[to]) > 0 {
			d.Undeclared = append(d.Undeclared, refsBeyond(seen, said[to])...)
			d.Unseen = append(d.Unseen, refsBeyond(said[to], seen)...)
		}
	}
	if len(d.Undeclared)+len(d.Unseen) == 0 {
		return nil, nil
	}
	d.Undeclared, d.Unseen = unite(d.Undeclared, nil, compareRefs), unite(d.Unseen, nil, compareRefs)
	if d.Recorded, err = r.recordedDifferences(ctx, id); err == nil {
		d.Imported, err = r.imported(d.Recorded...)
		d.Imported = d.Imported || run.Imported
	}
	return d, err
}

// toldRefs are columns as they were told, by what they are: a dataset under the first of
// its names, and the column.
type toldRefs map[toldRef]events.ColumnRef

type toldRef struct {
	dataset uint32
	field   string
}

// refs adds the columns of a flow, at both ends, to those of its output.
func (w *walk) refs(e graph.Edge, to map[uint32]toldRefs) error {
	pairs, err := w.columnsOf(e.Set)
	if err != nil {
		return err
	}
	output, err := w.first(e.To)
	if err != nil {
		return err
	}
	if to[output] == nil {
		to[output] = make(toldRefs)
	}
	for _, end := range []struct {
		node  uint32
		field func(ColumnPair) string
	}{{e.From, func(p ColumnPair) string { return p.From }}, {e.To, func(p ColumnPair) string { return p.To }}} {
		v, err := w.names.vertex(end.node)
		if err != nil {
			return err
		}
		dataset, err := w.first(end.node)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			ref := events.ColumnRef{Namespace: v.Namespace, Name: v.Name, Field: end.field(ColumnPair{p.From, p.To})}
			at := toldRef{dataset, ref.Field}
			if told, ok := to[output][at]; !ok || compareRefs(ref, told) < 0 { // flows come in any order
				to[output][at] = ref
			}
		}
	}
	return nil
}

// refsBeyond lists what a has beyond b.
func refsBeyond(a, b toldRefs) (out []events.ColumnRef) {
	for what, ref := range a {
		if _, both := b[what]; !both {
			out = append(out, ref)
		}
	}
	return out
}

func compareRefs(a, b events.ColumnRef) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Field, b.Field))
}

// recordedDifferences are the records that say that a run differed.
func (r *reader) recordedDifferences(ctx context.Context, run string) ([]int64, error) {
	out := []int64{}
	s := selection{
		groups: [][][]byte{group(eventBy(name{events.NameSubject, events.KindRun, run})), group(eventBy(name{kind: events.NameType, first: "lineage.observed_difference.recorded"}))},
		high:   r.at, descending: true,
	}
	err := s.walk(ctx, r, func(position int64) (bool, error) {
		out = append(out, position)
		return len(out) < EdgeEvents, nil
	})
	return out, err
}

// latestRun is the run that showed an edge last; empty if none did.
func (r *reader) latestRun(e graph.Edge) (id string, err error) {
	err = r.history(edgeKey(e), r.at, func(row row) (bool, error) {
		var v edgeRow
		err := row.decode(&v)
		id = v.Run
		return id == "", err
	})
	return id, err
}

// runDifferences compares the runs that wrote datasets last, one for each job.
func (w *walk) runDifferences(ctx context.Context, writes []stored) (out []RunDifference, err error) {
	var runs []string
	for _, e := range writes {
		if e.state&graph.Observed == 0 {
			continue
		}
		id, err := w.r.latestRun(e.id)
		if err != nil {
			return nil, err
		}
		if id != "" {
			runs = append(runs, id)
		}
	}
	for _, id := range unite(runs, nil, cmp.Compare[string]) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, compared := w.runs[id] // a run may have written very many datasets
		if !compared {
			if d, err = w.r.runDifference(ctx, id); err != nil {
				return nil, err
			}
			if w.runs == nil {
				w.runs = make(map[string]*RunDifference)
			}
			w.runs[id] = d
		}
		if d != nil {
			out = append(out, *d)
		}
	}
	slices.SortFunc(out, func(a, b RunDifference) int { return cmp.Or(cmp.Compare(b.Begun, a.Begun), cmp.Compare(a.Run, b.Run)) })
	return out, nil
}
