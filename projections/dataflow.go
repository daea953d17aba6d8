package projections

import (
	"cmp"
	"slices"

	"ledgerline/events"
)

// A dataflow is what one contributor (a run, a job, a dataset) says about where
// data came from. All lists are sorted sets.
type dataflow struct {
	Job     events.JobRef `json:"job"` // zero for a dataset's own declaration
	Inputs  []Dataset     `json:"inputs"`
	Outputs []Dataset     `json:"outputs"`
	// Explicit are the outputs for which Flows tells where they came from. With
	// Complete (an OpenLineage lineage facet) Flows tells it for all.
	Explicit []Dataset    `json:"explicit"`
	Complete bool         `json:"complete"`
	Flows    []columnFlow `json:"flows"`
	// Reads and Writes are flows into and out of jobs that explicit lineage names.
	Reads  []link `json:"reads"`
	Writes []link `json:"writes"`
}

type flowEnds struct {
	From Dataset `json:"from"`
	To   Dataset `json:"to"`
}

func (f flowEnds) compare(o flowEnds) int { return cmp.Or(f.From.compare(o.From), f.To.compare(o.To)) }

// columnFlow is a flow between datasets and the hash of its columns; no hash if
// the columns are not known.
type columnFlow struct {
	flowEnds
	Columns []byte `json:"columns"`
}

// link ties a job and a dataset.
type link struct {
	Job     events.JobRef `json:"job"`
	Dataset Dataset       `json:"dataset"`
}

func (l link) compare(o link) int {
	return cmp.Or(cmp.Compare(l.Job.Namespace, o.Job.Namespace), cmp.Compare(l.Job.Name, o.Job.Name), l.Dataset.compare(o.Dataset))
}

// flowOf reads an event's dataflow, and the columns of its flows.
func flowOf(d *events.OpenLineageReceived) (dataflow, map[flowEnds][]columnPair) {
	f := dataflow{Job: d.Job, Complete: d.LineageFrom == events.LineageFromFacet}
	columns := make(map[flowEnds][]columnPair)
	for _, in := range d.Inputs {
		f.Inputs = append(f.Inputs, Dataset{in.Namespace, in.Name})
	}
	for i := range d.Outputs {
		f.addOutput(&d.Outputs[i], columns)
	}
	if d.Kind == events.OpenLineageDataset {
		f.addOutput(&d.Dataset, columns)
		f.Job, f.Outputs, f.Explicit = events.JobRef{}, nil, nil // it is not said who writes it
	}
	for _, j := range d.JobLineage {
		for _, in := range j.Inputs {
			if !in.Job {
				f.Reads = append(f.Reads, link{j.Job, Dataset{in.Namespace, in.Name}})
			}
		}
	}
	f.Inputs = unite(f.Inputs, nil, Dataset.compare)
	f.Outputs = unite(f.Outputs, nil, Dataset.compare)
	f.Explicit = unite(f.Explicit, nil, Dataset.compare)
	f.Reads = unite(f.Reads, nil, link.compare)
	f.Writes = unite(f.Writes, nil, link.compare)
	for ends := range columns {
		f.Flows = append(f.Flows, columnFlow{flowEnds: ends})
	}
	slices.SortFunc(f.Flows, func(a, b columnFlow) int { return a.flowEnds.compare(b.flowEnds) })
	return f, columns
}

// addOutput adds an output and what it says it was made from. Only sources make
// it explicit: clients are known to send column lineage without any.
func (f *dataflow) addOutput(o *events.LineageOutput, columns map[flowEnds][]columnPair) {
	to := Dataset{o.Namespace, o.Name}
	f.Outputs = append(f.Outputs, to)
	add := func(in *events.ColumnInput, field string) {
		source := Dataset{in.Namespace, in.Name}
		f.Explicit = append(f.Explicit, to)
		if in.Job {
			f.Writes = append(f.Writes, link{events.JobRef(source), to})
			return
		}
		ends := flowEnds{source, to}
		pairs := columns[ends]
		if in.Field != "" || field != "" {
			pairs = append(pairs, pairOf(in, field))
		}
		columns[ends] = pairs
	}
	for _, c := range o.ColumnLineage {
		for i := range c.Inputs {
			add(&c.Inputs[i], c.Field)
		}
	}
	for i := range o.DatasetLineage {
		add(&o.DatasetLineage[i], "")
	}
}

func pairOf(in *events.ColumnInput, field string) columnPair {
	p := columnPair{From: in.Field, To: field}
	for _, t := range in.Transformations {
		name := t.Type
		if t.Subtype != "" {
			name += "/" + t.Subtype
		}
		p.Transformations = append(p.Transformations, name)
		p.Masking = p.Masking || t.Masking
	}
	return p
}

// The kinds of stored edges beside EdgeReads and EdgeWrites.
const edgeFlow = "flow"

// edgeID identifies a stored edge.
type edgeID struct {
	Kind     string
	From, To vertex
	// Job and Columns are those of a flow: the job (zero if a dataset declares the
	// flow) and the hash of its columns.
	Job     events.JobRef
	Columns string
}

// down and up are the edge's keys by its beginning and by its end.
func (id edgeID) down() []byte { return id.key(tDown, id.From, id.To) }
func (id edgeID) up() []byte   { return id.key(tUp, id.To, id.From) }

func (id edgeID) key(t table, near, far vertex) []byte {
	return entityKey(t, near.Kind, near.Namespace, near.Name, id.Kind, far.Kind, far.Namespace, far.Name, id.Job.Namespace, id.Job.Name, id.Columns)
}

// edgesOf is the prefix of the keys of all edges at a vertex.
func edgesOf(t table, v vertex) []byte { return entityKey(t, v.Kind, v.Namespace, v.Name) }

// edgeAt reads an edge from its key.
func edgeAt(key []byte) (edgeID, error) {
	p, err := parts(key)
	if err != nil {
		return edgeID{}, err
	}
	near, far := vertex{Kind: p[0], Namespace: p[1], Name: p[2]}, vertex{Kind: p[4], Namespace: p[5], Name: p[6]}
	id := edgeID{Kind: p[3], From: near, To: far, Job: events.JobRef{Namespace: p[7], Name: p[8]}, Columns: p[9]}
	if table(key[0]) == tUp {
		id.From, id.To = far, near
	}
	return id, nil
}

// edgeRow is kept under the edge's key by its beginning; the key by its end
// only says that there is one.
type edgeRow struct {
	First    int64 `json:"first"`
	Last     int64 `json:"last"`
	Runs     int64 `json:"runs"`
	Declared int64 `json:"declared"`
	// Mixed counts the contributors for which the edge is mixed: see lineage.go.
	Mixed int64 `json:"mixed"`
	// Events are the latest records, newest first.
	Events []int64 `json:"events"`
}

// edges lists what a contributor contributes: each edge, and whether it is mixed.
func (f dataflow) edges() map[edgeID]bool {
	out := make(map[edgeID]bool)
	job := jobVertex(f.Job)
	add := func(id edgeID, mixed bool) { out[id] = out[id] || mixed }
	reads := func(d Dataset, by vertex, mixed bool) {
		add(edgeID{Kind: EdgeReads, From: datasetVertex(d), To: by}, mixed)
	}
	writes := func(by vertex, d Dataset, mixed bool) {
		add(edgeID{Kind: EdgeWrites, From: by, To: datasetVertex(d)}, mixed)
	}
	mixes := false
	if f.Job == (events.JobRef{}) { // a dataset's own declaration has flows only
		f.Inputs, f.Outputs = nil, nil
	}
	for _, d := range f.Outputs {
		_, explicit := slices.BinarySearchFunc(f.Explicit, d, Dataset.compare)
		mixed := !f.Complete && !explicit
		mixes = mixes || mixed
		writes(job, d, mixed)
	}
	for _, d := range f.Inputs {
		reads(d, job, mixes)
	}
	for _, flow := range f.Flows {
		add(edgeID{Kind: edgeFlow, From: datasetVertex(flow.From), To: datasetVertex(flow.To), Job: f.Job, Columns: string(flow.Columns)}, false)
		if f.Job != (events.JobRef{}) { // the source need not be among the inputs
			reads(flow.From, job, false)
		}
	}
	for _, l := range f.Reads {
		reads(l.Dataset, jobVertex(l.Job), false)
	}
	for _, l := range f.Writes {
		writes(jobVertex(l.Job), l.Dataset, false)
	}
	return out
}

// contribute moves the edges' rows from what a contributor contributed before to
// what it contributes now. touched is what the event itself shows; count adds to
// the row's number of contributors.
func contribute(b *batch, before, now, touched map[edgeID]bool, count func(e *edgeRow, n int64)) error {
	shown := make(map[edgeID]bool, len(touched))
	for id := range touched { // the columns may have been merged with earlier ones
		id.Columns = ""
		shown[id] = true
	}
	for id, mixed := range now {
		was, had := before[id]
		plain := id
		plain.Columns = ""
		if had && was == mixed && !shown[plain] {
			continue
		}
		if err := updateEdge(b, id, func(e *edgeRow) {
			e.Mixed += one(mixed) - one(was)
			if !had {
				count(e, 1)
			}
			if e.First == 0 {
				e.First = b.at
			}
			if (shown[plain] || !had) && e.Last != b.at {
				e.Last = b.at
				e.Events = slices.Insert(e.Events[:min(len(e.Events), EdgeEvents-1)], 0, b.at)
			}
		}); err != nil {
			return err
		}
	}
	for id, was := range before {
		if _, still := now[id]; still {
			continue
		}
		if err := updateEdge(b, id, func(e *edgeRow) {
			e.Mixed -= one(was)
			count(e, -1)
		}); err != nil {
			return err
		}
	}
	return nil
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// updateEdge changes an edge's row, making it if it is new and removing it when
// nobody contributes it any more.
func updateEdge(b *batch, id edgeID, change func(*edgeRow)) error {
	var row edgeRow
	known, err := b.get(id.down(), &row)
	if err != nil {
		return err
	}
	change(&row)
	if row.Runs == 0 && row.Declared == 0 {
		if err := b.remove(id.up()); err != nil {
			return err
		}
		return b.remove(id.down())
	}
	if !known {
		if err := b.put(id.up(), nil); err != nil {
			return err
		}
	}
	return b.put(id.down(), row)
}
