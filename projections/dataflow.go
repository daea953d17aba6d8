package projections

import (
	"cmp"
	"slices"

	"ledgerline/events"
)

// A dataflow is where data came from according to one contributor (a run, a job,
// a dataset): what follows from all it has told. All lists are sorted sets.
type dataflow struct {
	Inputs  []Dataset `json:"inputs"`
	Outputs []Dataset `json:"outputs"`
	// Explicit are the outputs for which Flows tells where they came from. With
	// Complete (an OpenLineage lineage facet) Flows tells it for all.
	Explicit []Dataset    `json:"explicit"`
	Complete bool         `json:"complete"`
	Flows    []columnFlow `json:"flows"`
	// Reads, Writes and Feeds are flows into, out of and between jobs that explicit
	// lineage names.
	Reads  []link    `json:"reads"`
	Writes []link    `json:"writes"`
	Feeds  []jobPair `json:"feeds"`
	// Origins are datasets said to have nothing upstream; Nothing says that the job
	// reads nothing.
	Origins []Dataset `json:"origins"`
	Nothing bool      `json:"nothing"`
}

// link ties a job and a dataset.
type link struct {
	Job     events.JobRef `json:"job"`
	Dataset Dataset       `json:"dataset"`
}

func (l link) compare(o link) int {
	return cmp.Or(compareJobs(l.Job, o.Job), l.Dataset.compare(o.Dataset))
}

// jobPair ties two jobs.
type jobPair struct {
	From events.JobRef `json:"from"`
	To   events.JobRef `json:"to"`
}

func (p jobPair) compare(o jobPair) int {
	return cmp.Or(compareJobs(p.From, o.From), compareJobs(p.To, o.To))
}

func compareJobs(a, b events.JobRef) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// Stored edges that are not, or not under this name, edges of an answer. An
// origin leads from a vertex to itself and says that nothing is upstream of it.
const (
	edgeFlow   = "flow"
	edgeOrigin = "origin"
)

// edgeID identifies a stored edge.
type edgeID struct {
	Kind     string
	From, To vertex
	// Job is that of a flow; zero if a dataset declares the flow.
	Job events.JobRef
	// Detail tells edges apart that are equal otherwise: of a flow the hash of its
	// columns, of a control edge its rules.
	Detail string
}

// down and up are the edge's keys by its beginning and by its end.
func (id edgeID) down() []byte { return id.key(tDown, id.From, id.To) }
func (id edgeID) up() []byte   { return id.key(tUp, id.To, id.From) }

func (id edgeID) key(t table, near, far vertex) []byte {
	return entityKey(t, near.Kind, near.Namespace, near.Name, id.Kind, far.Kind, far.Namespace, far.Name, id.Job.Namespace, id.Job.Name, id.Detail)
}

// edgesOf is the prefix of the keys of all edges of a kind at a vertex; of all
// kinds without one.
func edgesOf(t table, v vertex, kind ...string) []byte {
	return entityKey(t, append([]string{v.Kind, v.Namespace, v.Name}, kind...)...)
}

// edgeAt reads an edge from its key.
func edgeAt(key []byte) (edgeID, error) {
	p, err := parts(key)
	if err != nil {
		return edgeID{}, err
	}
	near, far := vertex{Kind: p[0], Namespace: p[1], Name: p[2]}, vertex{Kind: p[4], Namespace: p[5], Name: p[6]}
	id := edgeID{Kind: p[3], From: near, To: far, Job: events.JobRef{Namespace: p[7], Name: p[8]}, Detail: p[9]}
	if table(key[0]) == tUp {
		id.From, id.To = far, near
	}
	return id, nil
}

// edgeRow is kept under the edge's key by its beginning; the key by its end
// only says that there is one. A version whose position is Last is a moment at
// which the edge was shown; other versions change the counts alone.
type edgeRow struct {
	_     struct{} `cbor:",toarray"`
	First int64
	Last  int64
	// Runs and Declared count the contributors, Mixed and MixedDeclared those for
	// which the edge is mixed: see lineage.go.
	Runs, Declared       int64
	Mixed, MixedDeclared int64
	// Run is the run that showed the edge at Last, empty if that was a declaration;
	// Time is the time which that event claims.
	Run  string
	Time events.Time
	// Events are the latest records, newest first.
	Events []int64
}

// edges lists what a contributor contributes: each edge, and whether it is
// mixed. job is zero for a dataset's own declaration, which has no inputs and
// outputs.
func (f *dataflow) edges(job events.JobRef, out map[edgeID]bool) {
	v := jobVertex(job)
	add := func(id edgeID, mixed bool) { out[id] = out[id] || mixed }
	reads := func(d Dataset, by vertex, mixed bool) {
		add(edgeID{Kind: EdgeReads, From: datasetVertex(d), To: by}, mixed)
	}
	writes := func(by vertex, d Dataset, mixed bool) {
		add(edgeID{Kind: EdgeWrites, From: by, To: datasetVertex(d)}, mixed)
	}
	origin := func(v vertex) { add(edgeID{Kind: edgeOrigin, From: v, To: v}, false) }
	if job != (events.JobRef{}) {
		mixes := false
		for _, d := range f.Outputs {
			_, explicit := slices.BinarySearchFunc(f.Explicit, d, Dataset.compare)
			mixed := !f.Complete && !explicit
			mixes = mixes || mixed
			writes(v, d, mixed)
		}
		for _, d := range f.Inputs {
			reads(d, v, mixes)
		}
		if f.Nothing {
			origin(v)
		}
	}
	for _, flow := range f.Flows {
		add(edgeID{Kind: edgeFlow, From: datasetVertex(flow.From), To: datasetVertex(flow.To), Job: job, Detail: string(flow.Columns)}, false)
		if job != (events.JobRef{}) { // the source need not be among the inputs
			reads(flow.From, v, false)
		}
	}
	for _, l := range f.Reads {
		reads(l.Dataset, jobVertex(l.Job), false)
	}
	for _, l := range f.Writes {
		writes(jobVertex(l.Job), l.Dataset, false)
	}
	for _, p := range f.Feeds {
		add(edgeID{Kind: EdgeFeeds, From: jobVertex(p.From), To: jobVertex(p.To)}, false)
	}
	for _, d := range f.Origins {
		origin(datasetVertex(d))
	}
}

// A contributor is who shows edges at a record: a run, or a declaration if run
// is empty.
type contributor struct {
	run  string
	time events.Time // claimed by the event
}

// contribute moves the edges' rows from what a contributor contributed before to
// what it contributes now. touched is what the event itself shows.
func contribute(b *batch, by contributor, before, now, touched map[edgeID]bool) error {
	shown := make(map[edgeID]bool, len(touched))
	for id := range touched { // the columns may have been merged with earlier ones
		id.Detail = ""
		shown[id] = true
	}
	for id, mixed := range now {
		was, had := before[id]
		plain := id
		plain.Detail = ""
		show := shown[plain] || !had
		if had && was == mixed && !show {
			continue
		}
		if err := updateEdge(b, id, func(e *edgeRow) {
			e.count(by, one(!had), one(mixed)-one(was))
			if e.First == 0 {
				e.First = b.at
			}
			if show {
				e.show(by, b.at)
			}
		}); err != nil {
			return err
		}
	}
	for id, was := range before {
		if _, still := now[id]; still {
			continue
		}
		if err := updateEdge(b, id, func(e *edgeRow) { e.count(by, -1, -one(was)) }); err != nil {
			return err
		}
	}
	return nil
}

func (e *edgeRow) count(by contributor, n, mixed int64) {
	if by.run != "" {
		e.Runs, e.Mixed = e.Runs+n, e.Mixed+mixed
	} else {
		e.Declared, e.MixedDeclared = e.Declared+n, e.MixedDeclared+mixed
	}
}

func (e *edgeRow) show(by contributor, at int64) {
	e.Run, e.Time = by.run, by.time
	if e.Last != at {
		e.Last = at
		e.Events = slices.Insert(e.Events[:min(len(e.Events), EdgeEvents-1)], 0, at)
	}
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
	k := id.down()
	before, err := recall[edgeRow](b, k)
	if err != nil {
		return err
	}
	var row edgeRow
	known := before != nil
	if known {
		row = *before
	}
	change(&row)
	if row.Runs == 0 && row.Declared == 0 {
		b.remove(id.up())
		b.remove(k)
		return nil
	}
	if !known {
		if err := b.put(id.up(), nil); err != nil {
			return err
		}
	}
	return keep(b, k, &row)
}
