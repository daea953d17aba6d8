package projections

import (
	"cmp"
	"encoding/binary"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
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

func (f *dataflow) code(c *coder) {
	list(c, &f.Inputs, (*Dataset).code)
	list(c, &f.Outputs, (*Dataset).code)
	list(c, &f.Explicit, (*Dataset).code)
	c.bool(&f.Complete)
	list(c, &f.Flows, (*columnFlow).code)
	list(c, &f.Reads, (*link).code)
	list(c, &f.Writes, (*link).code)
	list(c, &f.Feeds, (*jobPair).code)
	list(c, &f.Origins, (*Dataset).code)
	c.bool(&f.Nothing)
}

func (f *dataflow) equal(o *dataflow) bool {
	return f.Complete == o.Complete && f.Nothing == o.Nothing && slices.Equal(f.Inputs, o.Inputs) && slices.Equal(f.Outputs, o.Outputs) &&
		slices.Equal(f.Explicit, o.Explicit) && slices.Equal(f.Flows, o.Flows) && slices.Equal(f.Reads, o.Reads) &&
		slices.Equal(f.Writes, o.Writes) && slices.Equal(f.Feeds, o.Feeds) && slices.Equal(f.Origins, o.Origins)
}

// link ties a job and a dataset.
type link struct {
	Job     events.JobRef `json:"job"`
	Dataset Dataset       `json:"dataset"`
}

func (l *link) code(c *coder) {
	codeJob(&l.Job, c)
	l.Dataset.code(c)
}

func (l link) compare(o link) int {
	return cmp.Or(compareJobs(l.Job, o.Job), l.Dataset.compare(o.Dataset))
}

// jobPair ties two jobs.
type jobPair struct {
	From events.JobRef `json:"from"`
	To   events.JobRef `json:"to"`
}

func (p *jobPair) code(c *coder) {
	codeJob(&p.From, c)
	codeJob(&p.To, c)
}

func (p jobPair) compare(o jobPair) int {
	return cmp.Or(compareJobs(p.From, o.From), compareJobs(p.To, o.To))
}

func compareJobs(a, b events.JobRef) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// Edges are kept under their numbers: see numbers.go. kindOrigin is no edge of the
// graph: it leads from a node to itself and says that nothing is upstream of it.
const kindOrigin graph.Kind = 255

func edgeKey(e graph.Edge) []byte {
	k := append(make([]byte, 0, 32), byte(tEdge), byte(e.Kind))
	for _, n := range [...]uint32{e.From, e.To, e.Job, e.Set} {
		k = binary.BigEndian.AppendUint32(k, n)
	}
	return k
}

// edgeRow is what is known of an edge beside its state, which the graph has. A
// version whose position is Last is a moment at which the edge was shown; other
// versions change the counts alone.
type edgeRow struct {
	First int64
	Last  int64
	// Runs and Declared count the contributors, Mixed and MixedDeclared those for
	// which the edge is mixed: see lineage.go.
	Runs, Declared       int64
	ImportedRuns         int64 // of Runs, that began so, see contributor
	Mixed, MixedDeclared int64
	// Run is the run that showed the edge at Last, empty if that was a declaration;
	// Time is the time which that event claims.
	Run  string
	Time events.Time
	// Events are the latest records, newest first.
	Events []int64
}

func (e *edgeRow) code(c *coder) {
	integer(c, &e.First)
	integer(c, &e.Last)
	integer(c, &e.Runs)
	integer(c, &e.Declared)
	integer(c, &e.ImportedRuns)
	integer(c, &e.Mixed)
	integer(c, &e.MixedDeclared)
	c.text(&e.Run)
	integer(c, &e.Time)
	integerList(c, &e.Events)
}

// edgeSet are edges, and which of them are mixed.
type edgeSet map[graph.Edge]bool

func (s edgeSet) add(e graph.Edge, mixed bool) { s[e] = s[e] || mixed }

// edges lists what a contributor contributes. job is zero for a dataset's own
// declaration, which has no inputs and outputs.
func (f *dataflow) edges(n numbering, job events.JobRef, out edgeSet) error {
	nodes := &numbers{n: n}
	by := nodes.job(job)
	if job != (events.JobRef{}) {
		mixes := false
		for _, d := range f.Outputs {
			_, explicit := slices.BinarySearchFunc(f.Explicit, d, Dataset.compare)
			mixed := !f.Complete && !explicit
			mixes = mixes || mixed
			out.add(graph.Edge{Kind: graph.Writes, From: by, To: nodes.dataset(d)}, mixed)
		}
		for _, d := range f.Inputs {
			out.add(graph.Edge{Kind: graph.Reads, From: nodes.dataset(d), To: by}, mixes)
		}
		if f.Nothing {
			out.add(graph.Edge{Kind: kindOrigin, From: by, To: by}, false)
		}
	}
	for _, flow := range f.Flows {
		from := nodes.dataset(flow.From)
		out.add(graph.Edge{Kind: graph.Flow, From: from, To: nodes.dataset(flow.To), Job: by, Set: flow.Columns}, false)
		if job != (events.JobRef{}) { // the source need not be among the inputs
			out.add(graph.Edge{Kind: graph.Reads, From: from, To: by}, false)
		}
	}
	for _, l := range f.Reads {
		out.add(graph.Edge{Kind: graph.Reads, From: nodes.dataset(l.Dataset), To: nodes.job(l.Job)}, false)
	}
	for _, l := range f.Writes {
		out.add(graph.Edge{Kind: graph.Writes, From: nodes.job(l.Job), To: nodes.dataset(l.Dataset)}, false)
	}
	for _, p := range f.Feeds {
		out.add(graph.Edge{Kind: graph.Feeds, From: nodes.job(p.From), To: nodes.job(p.To)}, false)
	}
	for _, d := range f.Origins {
		o := nodes.dataset(d)
		out.add(graph.Edge{Kind: kindOrigin, From: o, To: o}, false)
	}
	return nodes.err
}

// numbers asks for numbers until one cannot be had.
type numbers struct {
	n   numbering
	err error
}

func (n *numbers) of(v vertex) (number uint32) {
	if n.err == nil {
		number, n.err = n.n.node(v)
	}
	return number
}

func (n *numbers) dataset(d Dataset) uint32   { return n.of(datasetVertex(d)) }
func (n *numbers) job(j events.JobRef) uint32 { return n.of(jobVertex(j)) }

// A contributor is who shows edges at a record: a run, or a declaration if run
// is empty.
type contributor struct {
	run      string
	time     events.Time // claimed by the event
	imported bool        // a run from before the ledger: its first record is
}

// contribute moves the edges' rows from what a contributor contributed before to
// what it contributes now. touched is what the event itself shows.
func contribute(b *batch, by contributor, before, now, touched edgeSet) error {
	shown := make(map[graph.Edge]bool, len(touched))
	for e := range touched {
		shown[plainEdge(e)] = true
	}
	for e, mixed := range now {
		was, had := before[e]
		show := shown[plainEdge(e)] || !had
		if had && was == mixed && !show {
			continue
		}
		if err := updateEdge(b, e, func(row *edgeRow) {
			row.count(by, one(!had), one(mixed)-one(was))
			if row.First == 0 {
				row.First = b.at
			}
			if show {
				row.show(by, b.at)
			}
		}); err != nil {
			return err
		}
	}
	for e, was := range before {
		if _, still := now[e]; still {
			continue
		}
		if err := updateEdge(b, e, func(row *edgeRow) { row.count(by, -1, -one(was)) }); err != nil {
			return err
		}
	}
	return nil
}

// plainEdge is an edge without its columns, which may have been merged with
// earlier ones.
func plainEdge(e graph.Edge) graph.Edge {
	e.Set = 0
	return e
}

func (e *edgeRow) count(by contributor, n, mixed int64) {
	if by.run != "" {
		e.Runs, e.Mixed = e.Runs+n, e.Mixed+mixed
		if by.imported {
			e.ImportedRuns += n
		}
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

// state is what the graph knows of the row.
func (e *edgeRow) state() (s graph.State) {
	for _, part := range []struct {
		n int64
		s graph.State
	}{{e.Runs, graph.Observed}, {e.Declared, graph.Declared}, {e.Mixed, graph.MixedObserved}, {e.MixedDeclared, graph.MixedDeclared}} {
		if part.n > 0 {
			s |= part.s
		}
	}
	return s
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// updateEdge changes an edge's row, making it if it is new and removing it when
// nobody contributes it any more.
func updateEdge(b *batch, e graph.Edge, change func(*edgeRow)) error {
	k := edgeKey(e)
	var before *edgeRow
	if b.born == 0 || max(e.From, e.To, e.Job) < b.born || b.s.newest.get(k) != nil { // else the store need not be asked
		var err error
		if before, err = recall[edgeRow](b, k); err != nil {
			return err
		}
	}
	var row edgeRow
	if before != nil {
		row = *before
	}
	was := row.state()
	change(&row)
	is := row.state()
	if was != is && e.Kind != kindOrigin {
		b.step.change(graph.Change{Edge: e, Was: was, Is: is})
	}
	if is == 0 {
		b.remove(k)
		return nil
	}
	b.put(k, &row)
	return nil
}
