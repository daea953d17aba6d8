package projections

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// The lineage view keeps nodes (datasets with their columns, jobs, runs) and
// edges. An edge is observed by runs and declared by jobs and datasets; each of
// these contributes a set of edges, which grows with every event of a run and is
// replaced by every event of a job or dataset. What a contributor contributes is
// kept with it, so that an edge's row can count its contributors exactly, in
// whatever order and however often their events come.
//
// Three kinds of edges are stored. "reads" and "writes" lie between a dataset and
// a job. "flow" lies between two datasets and says that this job made one from
// the other; it carries the columns. Where a run reports inputs and outputs but
// not what came from what, its reads and writes are mixed: any of its outputs may
// come from any of its inputs. A walk passes through a job from a mixed read to a
// mixed write, or along a flow: so no n × m edges are stored, and a job that
// tells what came from what leads nowhere else.

// datasetRow is a dataset that a record mentioned.
type datasetRow struct {
	First  int64      `json:"first"`
	Fields []fieldRow `json:"fields"` // sorted by name
	// SameAs are other names of it: symlinks, and names before and after a RENAME.
	SameAs []Dataset `json:"same_as"`
	// Entries are the catalog entries that describe it, sorted.
	Entries []string `json:"entries"`
}

type fieldRow struct {
	Name  string `json:"name"`
	First int64  `json:"first"`
}

// field finds a column; -1 if it is not known.
func (d *datasetRow) field(name string) int {
	i, ok := slices.BinarySearchFunc(d.Fields, name, func(f fieldRow, name string) int { return cmp.Compare(f.Name, name) })
	if !ok {
		return -1
	}
	return i
}

// jobRow is a job that a record mentioned.
type jobRow struct {
	First int64 `json:"first"`
	Runs  int64 `json:"runs"`
}

// runRow is a run, folded from its events in whatever order they came.
type runRow struct {
	First   int64         `json:"first"`
	Last    int64         `json:"last"`
	Job     events.JobRef `json:"job"`
	Seen    bool          `json:"seen"`    // a START
	Running bool          `json:"running"` // a RUNNING
	Started events.Time   `json:"started"` // of the earliest START
	// Terminal is COMPLETE, FAIL or ABORT, and Ended the time of that event. If a
	// run claims several ends, the latest counts.
	Terminal string      `json:"terminal"`
	Ended    events.Time `json:"ended"`
	Flow     dataflow    `json:"flow"`
}

// The states of runs that have not ended.
const (
	runNew     = "NEW"
	runStarted = "START"
	runRunning = "RUNNING"
)

func (r *runRow) state() string {
	switch {
	case r.Terminal != "":
		return r.Terminal
	case r.Running:
		return runRunning
	case r.Seen:
		return runStarted
	}
	return runNew
}

// see folds the state of an event. A terminal state wins over all others, OTHER
// says nothing about the state, and a late START reopens nothing.
func (r *runRow) see(d *events.OpenLineageReceived) {
	switch d.EventType {
	case runStarted:
		if !r.Seen || d.EventTime < r.Started {
			r.Started = d.EventTime
		}
		r.Seen = true
	case runRunning:
		r.Running = true
	case "COMPLETE", "FAIL", "ABORT":
		// Equal times are told apart by name, so that order plays no part.
		if c := cmp.Compare(d.EventTime, r.Ended); r.Terminal == "" || c > 0 || (c == 0 && d.EventType > r.Terminal) {
			r.Terminal, r.Ended = d.EventType, d.EventTime
		}
	}
	if job := d.Job; r.Job == (events.JobRef{}) || (job != r.Job && job != (events.JobRef{}) && cmp.Or(cmp.Compare(job.Namespace, r.Job.Namespace), cmp.Compare(job.Name, r.Job.Name)) < 0) {
		r.Job = job // events of one run should name one job; if not, one is chosen whatever the order
	}
}

// applyLineage folds OpenLineage events.
func applyLineage(b *batch, e *ledger.Entry) error {
	d, ok := e.Event.Data.(*events.OpenLineageReceived)
	if !ok {
		return nil
	}
	if err := noteDatasets(b, d); err != nil {
		return err
	}
	flow, columns := flowOf(d)
	if err := noteColumns(b, &flow, columns); err != nil {
		return err
	}
	switch d.Kind {
	case events.OpenLineageRun:
		return applyRun(b, d, flow)
	case events.OpenLineageJob:
		if err := noteJob(b, d.Job, 0); err != nil {
			return err
		}
		return applyDeclared(b, jobVertex(d.Job), flow, func(before dataflow) dataflow {
			if !d.InputsKnown {
				flow.Inputs = before.Inputs
			}
			if !d.OutputsKnown {
				flow.Outputs, flow.Explicit = before.Outputs, before.Explicit
			}
			if d.LineageFrom == "" && len(d.JobDeleted) == 0 && !d.OutputsKnown {
				flow.Flows, flow.Complete, flow.Reads, flow.Writes = before.Flows, before.Complete, before.Reads, before.Writes
			}
			return flow
		})
	}
	if d.LineageFrom == "" && !slices.Contains(d.Dataset.Deleted, "columnLineage") && !slices.Contains(d.Dataset.Deleted, "lineage") {
		return nil // says nothing about lineage
	}
	return applyDeclared(b, datasetVertex(Dataset{d.Dataset.Namespace, d.Dataset.Name}), flow, func(dataflow) dataflow { return flow })
}

func applyRun(b *batch, d *events.OpenLineageReceived, flow dataflow) error {
	k := entityKey(tRun, d.Run)
	var run runRow
	known, err := b.get(k, &run)
	if err != nil {
		return err
	}
	var runs int64
	if !known {
		run.First, runs = b.at, 1
		if err := b.count("runs", 1); err != nil {
			return err
		}
	}
	before := run.Flow
	run.see(d)
	flow.Job = run.Job
	if run.Flow, err = merge(b, before, flow); err != nil {
		return err
	}
	run.Flow.Job, run.Last = run.Job, b.at
	if err := noteJob(b, run.Job, runs); err != nil {
		return err
	}
	if err := contribute(b, before.edges(), run.Flow.edges(), flow.edges(), func(e *edgeRow, n int64) { e.Runs += n }); err != nil {
		return err
	}
	return b.put(k, run)
}

// applyDeclared replaces what a job or dataset declares.
func applyDeclared(b *batch, by vertex, touched dataflow, next func(before dataflow) dataflow) error {
	k := entityKey(tDeclared, by.Kind, by.Namespace, by.Name)
	var before dataflow
	if _, err := b.get(k, &before); err != nil {
		return err
	}
	now := next(before)
	if err := contribute(b, before.edges(), now.edges(), touched.edges(), func(e *edgeRow, n int64) { e.Declared += n }); err != nil {
		return err
	}
	return b.put(k, now)
}

// noteDatasets keeps the datasets an event mentions, their columns and names.
func noteDatasets(b *batch, d *events.OpenLineageReceived) error {
	note := func(ds Dataset, fields []events.LineageField, symlinks []events.DatasetRef, change events.Lifecycle) error {
		if ds == (Dataset{}) {
			return nil
		}
		names := make([]string, 0, len(fields))
		for _, f := range fields {
			names = append(names, f.Name)
		}
		if err := noteDataset(b, ds, names); err != nil {
			return err
		}
		if change.Previous != (events.DatasetRef{}) {
			symlinks = append(slices.Clone(symlinks), change.Previous)
		}
		for _, s := range symlinks {
			if err := noteSame(b, ds, Dataset(s)); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range d.Inputs {
		in := &d.Inputs[i]
		if err := note(Dataset{in.Namespace, in.Name}, in.Fields, in.Symlinks, in.Lifecycle); err != nil {
			return err
		}
	}
	for i := range d.Outputs {
		o := &d.Outputs[i]
		if err := note(Dataset{o.Namespace, o.Name}, o.Fields, o.Symlinks, o.Lifecycle); err != nil {
			return err
		}
	}
	o := &d.Dataset
	return note(Dataset{o.Namespace, o.Name}, o.Fields, o.Symlinks, o.Lifecycle)
}

// noteDataset makes sure that a dataset and columns of it are known.
func noteDataset(b *batch, ds Dataset, fields []string) error {
	return updateDataset(b, ds, func(row *datasetRow) (changed bool) {
		for _, name := range fields {
			if i, found := slices.BinarySearchFunc(row.Fields, name, func(f fieldRow, name string) int { return cmp.Compare(f.Name, name) }); !found && name != "" {
				row.Fields = slices.Insert(row.Fields, i, fieldRow{name, b.at})
				changed = true
			}
		}
		return changed
	})
}

// noteSame notes that two names are of one dataset, at both.
func noteSame(b *batch, a, z Dataset) error {
	if a == z {
		return nil
	}
	for _, pair := range [][2]Dataset{{a, z}, {z, a}} {
		if err := updateDataset(b, pair[0], func(row *datasetRow) bool {
			i, found := slices.BinarySearchFunc(row.SameAs, pair[1], Dataset.compare)
			if !found {
				row.SameAs = slices.Insert(row.SameAs, i, pair[1])
			}
			return !found
		}); err != nil {
			return err
		}
	}
	return nil
}

// updateDataset changes a dataset's row, making it if it is new. change reports
// whether there is something to write.
func updateDataset(b *batch, ds Dataset, change func(*datasetRow) bool) error {
	var row datasetRow
	known, err := b.get(ds.key(), &row)
	if err != nil {
		return err
	}
	if !known {
		row.First = b.at
		if err := b.count("datasets", 1); err != nil {
			return err
		}
	}
	if !change(&row) && known {
		return nil
	}
	return b.put(ds.key(), row)
}

func noteJob(b *batch, job events.JobRef, runs int64) error {
	k := jobVertex(job).key()
	var row jobRow
	known, err := b.get(k, &row)
	if err != nil || (known && runs == 0) || job == (events.JobRef{}) {
		return err
	}
	if !known {
		row.First = b.at
		if err := b.count("jobs", 1); err != nil {
			return err
		}
	}
	row.Runs += runs
	return b.put(k, row)
}

// A columnPair says that a column of the source went into a column of the
// target. An empty field is the dataset as a whole: an empty To is what every
// column depends on (a filter, a join key), kept once and not per column.
type columnPair struct {
	From            string   `json:"from"`
	To              string   `json:"to"`
	Transformations []string `json:"transformations"`
	Masking         bool     `json:"masking"`
}

// comparePairs orders pairs by their columns.
func comparePairs(a, b columnPair) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

// mergePairs unites sets of pairs; equal pairs unite their transformations.
func mergePairs(sets ...[]columnPair) []columnPair {
	type ends struct{ from, to string }
	all := make(map[ends]columnPair)
	for _, set := range sets {
		for _, p := range set {
			k := ends{p.From, p.To}
			have := all[k]
			have.From, have.To, have.Masking = p.From, p.To, have.Masking || p.Masking
			have.Transformations = slices.Concat(have.Transformations, p.Transformations)
			slices.Sort(have.Transformations)
			have.Transformations = slices.Compact(have.Transformations)
			all[k] = have
		}
	}
	return slices.SortedFunc(maps.Values(all), comparePairs)
}

// putColumns stores a set of pairs under its hash and returns the hash; empty
// for no pairs. Runs of a job mostly repeat the same columns, so that a run costs
// one small row and not one per column.
func putColumns(b *batch, pairs []columnPair) (string, error) {
	if len(pairs) == 0 {
		return "", nil
	}
	body, err := rowEncoding.Marshal(pairs)
	if err != nil {
		return "", fmt.Errorf("views: encoding columns: %w", err)
	}
	sum := sha256.Sum256(body)
	k := entityKey(tColumns, string(sum[:]))
	if known, err := b.has(k); err != nil || known {
		return string(sum[:]), err
	}
	return string(sum[:]), b.put(k, pairs)
}

// noteColumns stores an event's column pairs, points its flows to them, and
// keeps the columns they name.
func noteColumns(b *batch, f *dataflow, columns map[flowEnds][]columnPair) error {
	for i := range f.Flows {
		flow := &f.Flows[i]
		pairs := mergePairs(columns[flow.flowEnds])
		var from, to []string
		for _, p := range pairs {
			from, to = append(from, p.From), append(to, p.To)
		}
		if err := noteDataset(b, flow.From, from); err != nil {
			return err
		}
		if err := noteDataset(b, flow.To, to); err != nil {
			return err
		}
		hash, err := putColumns(b, pairs)
		if err != nil {
			return err
		}
		flow.Columns = []byte(hash)
	}
	for _, l := range slices.Concat(f.Reads, f.Writes) {
		if err := noteJob(b, l.Job, 0); err != nil {
			return err
		}
		if err := noteDataset(b, l.Dataset, nil); err != nil {
			return err
		}
	}
	return nil
}

// merge adds what an event says to what its run said before.
func merge(b *batch, was, said dataflow) (dataflow, error) {
	now := dataflow{
		Job:      said.Job,
		Complete: was.Complete || said.Complete,
		Inputs:   unite(was.Inputs, said.Inputs, Dataset.compare),
		Outputs:  unite(was.Outputs, said.Outputs, Dataset.compare),
		Explicit: unite(was.Explicit, said.Explicit, Dataset.compare),
		Reads:    unite(was.Reads, said.Reads, link.compare),
		Writes:   unite(was.Writes, said.Writes, link.compare),
	}
	flows := make(map[flowEnds]columnFlow)
	for _, f := range was.Flows {
		flows[f.flowEnds] = f
	}
	for _, f := range said.Flows {
		old, ok := flows[f.flowEnds]
		if ok && !bytes.Equal(old.Columns, f.Columns) {
			var a, z []columnPair
			if err := b.columns(string(old.Columns), &a); err != nil {
				return now, err
			}
			if err := b.columns(string(f.Columns), &z); err != nil {
				return now, err
			}
			hash, err := putColumns(b, mergePairs(a, z))
			if err != nil {
				return now, err
			}
			f.Columns = []byte(hash)
		}
		flows[f.flowEnds] = f
	}
	now.Flows = slices.SortedFunc(maps.Values(flows), func(a, z columnFlow) int { return a.flowEnds.compare(z.flowEnds) })
	return now, nil
}

// columns reads a set of pairs by its hash.
func (b *batch) columns(hash string, into *[]columnPair) error {
	if hash == "" {
		return nil
	}
	_, err := b.get(entityKey(tColumns, hash), into)
	return err
}

// unite is the sorted union of two sets.
func unite[T any](a, b []T, compare func(T, T) int) []T {
	all := slices.SortedFunc(slices.Values(slices.Concat(a, b)), compare)
	return slices.CompactFunc(all, func(x, y T) bool { return compare(x, y) == 0 })
}
