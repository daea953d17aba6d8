package projections

import (
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// The lineage view keeps nodes (datasets with their columns, jobs, runs) and
// edges. An edge is observed by runs and declared by jobs and datasets; each of
// these contributes a set of edges, which grows with every event of a run and is
// replaced by every event of a job or dataset. What a contributor has told is
// kept with it (told.go), so that an edge's row can count its contributors
// exactly, in whatever order and however often their events come.
//
// Three graphs are kept. Data flow has these edges: "reads" and "writes" lie
// between a dataset and a job. "flow" lies between two datasets and says that
// this job made one from the other; it carries the columns. Where a run reports
// inputs and outputs but not what came from what, its reads and writes are mixed:
// any of its outputs may come from any of its inputs. A walk passes through a job
// from a mixed read to a mixed write, or along a flow: so no n × m edges are
// stored, and a job that tells what came from what leads nowhere else.
//
// Control flow (who starts after whom) and hierarchy (who started whom) lie
// between jobs and between runs, and no walk of data flow takes them.
//
// An edge is in two places. The graph in memory (package graph) knows its state
// and when that changed, from the steps kept with the rows; walks go there. Its
// row tells who showed it, and is read for the edges of an answer.

// jobRow is a job that a record mentioned.
type jobRow struct {
	First int64 `json:"first"`
	Runs  int64 `json:"runs"`
}

func (r *jobRow) code(c *coder) {
	integer(c, &r.First)
	integer(c, &r.Runs)
}

// runRow is a run, folded from its events in whatever order they came.
type runRow struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
	// FirstImported: First is from before the ledger; Imported: some record is.
	FirstImported bool `json:"first_imported,omitempty"`
	Imported      bool `json:"imported,omitempty"`
	// Begun and Heard are the earliest and the latest time that its events claim.
	Begun   events.Time   `json:"begun"`
	Heard   events.Time   `json:"heard"`
	Job     events.JobRef `json:"job"`
	Seen    bool          `json:"seen"`    // a START
	Running bool          `json:"running"` // a RUNNING
	Started events.Time   `json:"started"` // of the earliest START
	// Terminal is COMPLETE, FAIL or ABORT, and Ended the time of that event. If a
	// run claims several ends, the latest counts.
	Terminal string      `json:"terminal"`
	Ended    events.Time `json:"ended"`
	// Parent, Nominal and Depends are the newest facets.
	Parent  parentFacet  `json:"parent"`
	Nominal nominalFacet `json:"nominal"`
	Depends dependsFacet `json:"depends"`
	// Told is what its events add up to, Flow the dataflow that follows. Events that
	// are complete snapshots do not add up: each is a window of its own.
	Told    told     `json:"told"`
	Flow    dataflow `json:"flow"`
	Windows []window `json:"windows"` // sorted by time
}

func (r *runRow) code(c *coder) {
	integer(c, &r.First)
	integer(c, &r.Last)
	c.bools(&r.FirstImported, &r.Imported)
	integer(c, &r.Begun)
	integer(c, &r.Heard)
	codeJob(&r.Job, c)
	c.bools(&r.Seen, &r.Running)
	integer(c, &r.Started)
	c.text(&r.Terminal)
	integer(c, &r.Ended)
	r.Parent.code(c)
	r.Nominal.code(c)
	r.Depends.code(c)
	r.Told.code(c)
	r.Flow.code(c)
	list(c, &r.Windows, (*window).code)
}

type parentFacet struct {
	At   stamp            `json:"at"`
	Said events.RunParent `json:"said"`
}

func (f *parentFacet) code(c *coder) {
	f.At.code(c)
	codeParent(&f.Said, c)
}

type nominalFacet struct {
	At   stamp              `json:"at"`
	Said events.NominalTime `json:"said"`
}

func (f *nominalFacet) code(c *coder) {
	f.At.code(c)
	integer(c, &f.Said.Start)
	integer(c, &f.Said.End)
}

type dependsFacet struct {
	At   stamp                  `json:"at"`
	Said []events.JobDependency `json:"said"`
}

func (f *dependsFacet) code(c *coder) {
	f.At.code(c)
	list(c, &f.Said, codeDependency)
}

// window is the dataflow of one complete snapshot, and when it was said last.
type window struct {
	At   stamp    `json:"at"`
	Told told     `json:"told"`
	Flow dataflow `json:"flow"`
}

func (w *window) code(c *coder) {
	w.At.code(c)
	w.Told.code(c)
	w.Flow.code(c)
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
	if r.Begun == 0 || d.EventTime < r.Begun {
		r.Begun = d.EventTime
	}
	r.Heard = max(r.Heard, d.EventTime)
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
		if c := d.EventTime - r.Ended; r.Terminal == "" || c > 0 || (c == 0 && d.EventType > r.Terminal) {
			r.Terminal, r.Ended = d.EventType, d.EventTime
		}
	}
	if none := (events.JobRef{}); r.Job == none || (d.Job != none && compareJobs(d.Job, r.Job) < 0) {
		r.Job = d.Job // events of one run should name one job; if not, one is chosen whatever the order
	}
	at := stampOf(d)
	if d.Parent != (events.RunParent{}) && at.supersedes(r.Parent.At) {
		r.Parent = parentFacet{at, d.Parent}
	}
	if d.NominalTime.Start != 0 && at.supersedes(r.Nominal.At) {
		r.Nominal = nominalFacet{at, d.NominalTime}
	}
	if d.Dependencies != nil && at.supersedes(r.Depends.At) {
		r.Depends = dependsFacet{at, d.Dependencies}
	}
}

// edges lists all that a run contributes to the three graphs.
func (r *runRow) edges(n numbering, id string) (edgeSet, error) {
	out := make(edgeSet)
	if err := r.Flow.edges(n, r.Job, out); err != nil {
		return nil, err
	}
	for i := range r.Windows {
		if err := r.Windows[i].Flow.edges(n, r.Job, out); err != nil {
			return nil, err
		}
	}
	return out, relationEdges(n, id, r.Job, r.Parent.Said, r.Depends.Said, out)
}

// shows reports whether a run surely contributes the same edges as another: it may
// be that it does and this is false.
func (r *runRow) shows(o *runRow) bool {
	return len(r.Windows)+len(o.Windows) == 0 && r.Job == o.Job && r.Flow.equal(&o.Flow) && r.Parent.Said == o.Parent.Said &&
		slices.Equal(r.Depends.Said, o.Depends.Said)
}

// now is the dataflow of the run as it stands: of its newest window, if it tells
// windows.
func (r *runRow) now() *dataflow {
	if n := len(r.Windows); n > 0 {
		return &r.Windows[n-1].Flow
	}
	return &r.Flow
}

// applyLineage folds OpenLineage events, and edges declared by hand.
func applyLineage(b *batch, e *ledger.Entry) error {
	d, ok := e.Event.Data.(*events.OpenLineageReceived)
	if !ok {
		return applyHandmade(b, e)
	}
	if err := noteDatasets(b, d); err != nil {
		return err
	}
	said, err := saidBy(b, d)
	if err != nil {
		return err
	}
	switch d.Kind {
	case events.OpenLineageRun:
		return applyRun(b, e, d, said)
	case events.OpenLineageJob:
		if err := noteJob(b, d.Job, 0); err != nil {
			return err
		}
		return applyDeclared(b, d, jobVertex(d.Job), said)
	}
	return applyDeclared(b, d, datasetVertex(Dataset{d.Dataset.Namespace, d.Dataset.Name}), said)
}

func applyRun(b *batch, e *ledger.Entry, d *events.OpenLineageReceived, said told) error {
	k := entityKey(tRun, d.Run)
	run, known, err := draw[runRow](b, k)
	if err != nil {
		return err
	}
	if !known {
		run.First, run.FirstImported, run.Heard = b.at, e.Event.Imported, d.EventTime
		if err := b.count("runs", 1); err != nil {
			return err
		}
	}
	before, err := run.edges(b, d.Run)
	if err != nil {
		return err
	}
	was := run
	run.see(d)
	run.Last, run.Imported = b.at, run.Imported || e.Event.Imported
	if was.Job != run.Job {
		if err := noteJob(b, was.Job, -1); err != nil {
			return err
		}
		if err := noteJob(b, run.Job, 1); err != nil {
			return err
		}
	}
	if err := noteRelated(b, d); err != nil {
		return err
	}
	shown := runRow{Job: run.Job, Parent: parentFacet{Said: d.Parent}, Depends: dependsFacet{Said: d.Dependencies}}
	if shown.Flow, err = said.flow(b.mergeFlows); err != nil {
		return err
	}
	if d.CompleteSnapshot && said.says() {
		run.addWindow(window{stampOf(d), said, shown.Flow})
	} else {
		run.Told.add(said, true)
		run.Flow = shown.Flow
		if !run.Told.equal(&said) {
			if run.Flow, err = run.Told.flow(b.mergeFlows); err != nil {
				return err
			}
		}
	}
	// Most runs tell the same from their start to their end.
	now, touched := before, before
	if !run.shows(&was) {
		if now, err = run.edges(b, d.Run); err != nil {
			return err
		}
		touched = now
	}
	if !shown.shows(&run) {
		if touched, err = shown.edges(b, d.Run); err != nil {
			return err
		}
	}
	if err := contribute(b, contributor{run: d.Run, time: d.EventTime, imported: run.FirstImported}, before, now, touched); err != nil {
		return err
	}
	b.put(k, &run)
	return nil
}

// addWindow keeps a snapshot; one that says what another said moves that one's
// time only.
func (r *runRow) addWindow(w window) {
	i := slices.IndexFunc(r.Windows, func(o window) bool { return o.Told.equal(&w.Told) })
	switch {
	case i < 0:
		r.Windows = append(r.Windows, w)
	case w.At.supersedes(r.Windows[i].At):
		r.Windows[i] = w
	}
	slices.SortFunc(r.Windows, func(a, b window) int { return a.At.compare(b.At) })
}

// applyDeclared replaces what a job or dataset declares.
func applyDeclared(b *batch, d *events.OpenLineageReceived, by vertex, said told) error {
	k := entityKey(tDeclared, by.Kind, by.Namespace, by.Name)
	all, known, err := draw[told](b, k)
	if err != nil || (!known && !said.says()) {
		return err
	}
	edges := func(t *told) (edgeSet, error) {
		flow, err := t.flow(b.mergeFlows)
		if err != nil {
			return nil, err
		}
		out := make(edgeSet)
		return out, flow.edges(b, d.Job, out)
	}
	before, err := edges(&all)
	if err != nil {
		return err
	}
	all.add(said, false)
	now, err := edges(&all)
	if err != nil {
		return err
	}
	shown, err := edges(&said)
	if err != nil {
		return err
	}
	if err := contribute(b, contributor{time: d.EventTime}, before, now, shown); err != nil {
		return err
	}
	if err := keepStatement(b, d, by, said, shown); err != nil {
		return err
	}
	b.put(k, &all)
	return nil
}

// noteJob makes sure that a job is known and adds to the number of its runs.
func noteJob(b *batch, job events.JobRef, runs int64) error {
	var row jobRow
	before, err := recall[jobRow](b, b.look(tJob, job.Namespace, job.Name))
	if err != nil || (before != nil && runs == 0) || job == (events.JobRef{}) {
		return err
	}
	if before != nil {
		row = *before
	} else {
		row.First = b.at
		if err := b.count("jobs", 1); err != nil {
			return err
		}
		if _, err := jobOf(b, job); err != nil {
			return err
		}
	}
	row.Runs += runs
	b.put(jobVertex(job).key(), &row)
	return nil
}
