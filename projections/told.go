package projections

import (
	"slices"

	"ledgerline/events"
)

// told is all that one contributor (a run, a job, a dataset) has said about where
// data came from. It is a fold that gives the same result in whatever order and
// however often its events come: sets that only grow, and facets of which the one
// with the newest stamp counts.
type told struct {
	Inputs  mentions `json:"inputs"`
	Outputs mentions `json:"outputs"`
	// Columns are the columnLineage facets, one per output, sorted by it.
	Columns []columnsFacet `json:"columns"`
	// Lineage are the lineage facets that count, none said before Deleted: of a
	// run all, since its events add up, of a job or dataset the newest.
	Lineage []lineageFacet `json:"lineage"`
	Deleted stamp          `json:"deleted"`
}

func (t *told) code(c *coder) {
	t.Inputs.code(c)
	t.Outputs.code(c)
	list(c, &t.Columns, (*columnsFacet).code)
	list(c, &t.Lineage, (*lineageFacet).code)
	t.Deleted.code(c)
}

// mentions are an event's inputs or outputs. Known tells an empty list ("reads
// nothing") from an absent one ("not said").
type mentions struct {
	At       stamp     `json:"at"`
	Known    bool      `json:"known"`
	Datasets []Dataset `json:"datasets"`
}

func (m *mentions) code(c *coder) {
	m.At.code(c)
	c.bool(&m.Known)
	list(c, &m.Datasets, (*Dataset).code)
}

// columnsFacet is what an output's columnLineage facet says; nothing if it was
// deleted.
type columnsFacet struct {
	Output Dataset      `json:"output"`
	At     stamp        `json:"at"`
	Flows  []columnFlow `json:"flows"`
}

func (f *columnsFacet) code(c *coder) {
	f.Output.code(c)
	f.At.code(c)
	list(c, &f.Flows, (*columnFlow).code)
}

// lineageFacet is what a lineage facet says.
type lineageFacet struct {
	At    stamp        `json:"at"`
	Flows []columnFlow `json:"flows"`
	// Reads and Writes are flows into and out of jobs, Feeds flows from job to job.
	Reads  []link    `json:"reads"`
	Writes []link    `json:"writes"`
	Feeds  []jobPair `json:"feeds"`
	// Origins are datasets said to have nothing upstream.
	Origins []Dataset `json:"origins"`
}

func (l *lineageFacet) code(c *coder) {
	l.At.code(c)
	list(c, &l.Flows, (*columnFlow).code)
	list(c, &l.Reads, (*link).code)
	list(c, &l.Writes, (*link).code)
	list(c, &l.Feeds, (*jobPair).code)
	list(c, &l.Origins, (*Dataset).code)
}

// equal reports whether two facets say the same, at whatever time.
func (l lineageFacet) equal(o lineageFacet) bool {
	return slices.Equal(l.Flows, o.Flows) && slices.Equal(l.Reads, o.Reads) &&
		slices.Equal(l.Writes, o.Writes) && slices.Equal(l.Feeds, o.Feeds) && slices.Equal(l.Origins, o.Origins)
}

// saidBy is what one event says. It keeps the datasets, columns and jobs that
// the event names.
func saidBy(b *batch, d *events.OpenLineageReceived) (t told, err error) {
	at := stampOf(d)
	t.Inputs = mentions{At: at, Known: d.InputsKnown || len(d.Inputs) > 0}
	for _, in := range d.Inputs {
		t.Inputs.Datasets = append(t.Inputs.Datasets, Dataset{in.Namespace, in.Name})
	}
	t.Inputs.Datasets = unite(t.Inputs.Datasets, nil, Dataset.compare)
	targets := d.Outputs
	if d.Kind == events.OpenLineageDataset {
		targets = []events.LineageOutput{d.Dataset}
	} else {
		t.Outputs = mentions{At: at, Known: d.OutputsKnown || len(d.Outputs) > 0}
		for i := range d.Outputs {
			t.Outputs.Datasets = append(t.Outputs.Datasets, Dataset{d.Outputs[i].Namespace, d.Outputs[i].Name})
		}
		t.Outputs.Datasets = unite(t.Outputs.Datasets, nil, Dataset.compare)
	}
	if slices.Contains(d.JobDeleted, "lineage") || slices.Contains(d.Dataset.Deleted, "lineage") {
		t.Deleted = at
	}
	if d.LineageFrom == events.LineageFromFacet {
		l, err := explicitLineage(b, d, targets)
		if err == nil {
			t.Lineage = []lineageFacet{l}
		}
		return t, err
	}
	for i := range targets {
		o := &targets[i]
		if o.ColumnLineage == nil && o.DatasetLineage == nil && !slices.Contains(o.Deleted, "columnLineage") {
			continue
		}
		var s sources
		s.add(o)
		c := columnsFacet{Output: Dataset{o.Namespace, o.Name}, At: at}
		if c.Flows, err = putFlows(b, s.columns); err != nil {
			return t, err
		}
		t.addColumns(c)
	}
	return t, nil
}

// explicitLineage reads a lineage facet, whose targets the reader of the event
// has put among the outputs.
func explicitLineage(b *batch, d *events.OpenLineageReceived, targets []events.LineageOutput) (lineageFacet, error) {
	var s sources
	for i := range targets {
		s.add(&targets[i])
	}
	for _, j := range d.JobLineage {
		for _, in := range j.Inputs {
			if in.Job {
				s.feeds = append(s.feeds, jobPair{events.JobRef{Namespace: in.Namespace, Name: in.Name}, j.Job})
			} else {
				s.reads = append(s.reads, link{j.Job, Dataset{in.Namespace, in.Name}})
			}
		}
	}
	l := lineageFacet{
		At: stampOf(d), Reads: unite(s.reads, nil, link.compare), Writes: unite(s.writes, nil, link.compare),
		Feeds: unite(s.feeds, nil, jobPair.compare), Origins: unite(s.origins, nil, Dataset.compare),
	}
	for _, k := range slices.Concat(l.Reads, l.Writes) {
		if err := noteJob(b, k.Job, 0); err != nil {
			return l, err
		}
		if err := noteDataset(b, k.Dataset, nil); err != nil {
			return l, err
		}
	}
	for _, p := range l.Feeds {
		if err := noteJob(b, p.From, 0); err != nil {
			return l, err
		}
		if err := noteJob(b, p.To, 0); err != nil {
			return l, err
		}
	}
	var err error
	l.Flows, err = putFlows(b, s.columns)
	return l, err
}

// sources collects what outputs say they were made from.
type sources struct {
	columns map[flowEnds][]columnPair
	reads   []link
	writes  []link
	feeds   []jobPair
	origins []Dataset
}

func (s *sources) add(o *events.LineageOutput) {
	to := Dataset{o.Namespace, o.Name}
	if s.columns == nil {
		s.columns = make(map[flowEnds][]columnPair)
	}
	any := false
	add := func(in *events.ColumnInput, field string) {
		any = true
		source := Dataset{in.Namespace, in.Name}
		if in.Job {
			s.writes = append(s.writes, link{events.JobRef(source), to})
			return
		}
		ends := flowEnds{source, to}
		pairs := s.columns[ends]
		if in.Field != "" || field != "" {
			pairs = append(pairs, pairOf(in, field))
		}
		s.columns[ends] = pairs
	}
	for _, c := range o.ColumnLineage {
		for i := range c.Inputs {
			add(&c.Inputs[i], c.Field)
		}
	}
	for i := range o.DatasetLineage {
		add(&o.DatasetLineage[i], "")
	}
	if !any && o.DatasetLineage != nil {
		s.origins = append(s.origins, to)
	}
}

// add folds what an event says: into what a run said, which adds up, or over
// what a job or dataset said, which is replaced.
func (t *told) add(said told, addUp bool) {
	t.Inputs.add(said.Inputs, addUp)
	t.Outputs.add(said.Outputs, addUp)
	for _, c := range said.Columns {
		t.addColumns(c)
	}
	if said.Deleted.compare(t.Deleted) > 0 {
		t.Deleted = said.Deleted
	}
	for _, l := range said.Lineage {
		i := slices.IndexFunc(t.Lineage, l.equal)
		switch {
		case i < 0:
			t.Lineage = append(t.Lineage, l)
		case l.At.supersedes(t.Lineage[i].At):
			t.Lineage[i] = l
		}
	}
	slices.SortFunc(t.Lineage, func(a, b lineageFacet) int { return a.At.compare(b.At) })
	t.Lineage = slices.DeleteFunc(t.Lineage, func(l lineageFacet) bool {
		// Saying and deleting at once is no more than deleting.
		return t.Deleted != (stamp{}) && t.Deleted.supersedes(l.At)
	})
	if n := len(t.Lineage); !addUp && n > 1 {
		t.Lineage = t.Lineage[n-1:]
	}
}

func (m *mentions) add(said mentions, addUp bool) {
	switch {
	case !said.Known:
	case addUp:
		m.Known, m.Datasets = true, unite(m.Datasets, said.Datasets, Dataset.compare)
	case said.At.supersedes(m.At):
		*m = said
	}
}

func (t *told) addColumns(c columnsFacet) {
	i, found := slices.BinarySearchFunc(t.Columns, c.Output, func(c columnsFacet, o Dataset) int { return c.Output.compare(o) })
	switch {
	case !found:
		t.Columns = slices.Insert(t.Columns, i, c)
	case c.At.supersedes(t.Columns[i].At):
		t.Columns[i] = c
	}
}

// flow is the dataflow that follows: from the lineage facets if there are any,
// else from the columnLineage facets, and for outputs without one from inputs ×
// outputs. A columnLineage facet without any source says nothing: clients are
// known to send such.
//
// merge unites flows: mergeFlows of a batch, or unite of what cannot meet.
func (t *told) flow(merge func(...[]columnFlow) ([]columnFlow, error)) (f dataflow, err error) {
	f.Inputs, f.Outputs = t.Inputs.Datasets, t.Outputs.Datasets
	f.Nothing = t.Inputs.Known && len(t.Inputs.Datasets) == 0
	var flows [][]columnFlow
	if len(t.Lineage) > 0 {
		f.Complete = true
		for _, l := range t.Lineage {
			flows = append(flows, l.Flows)
			f.Reads, f.Writes = unite(f.Reads, l.Reads, link.compare), unite(f.Writes, l.Writes, link.compare)
			f.Feeds, f.Origins = unite(f.Feeds, l.Feeds, jobPair.compare), unite(f.Origins, l.Origins, Dataset.compare)
		}
		f.Nothing = f.Nothing && len(f.Reads)+len(f.Feeds) == 0
		f.Flows, err = merge(flows...)
		return f, err
	}
	for _, c := range t.Columns {
		_, output := slices.BinarySearchFunc(f.Outputs, c.Output, Dataset.compare)
		if len(c.Flows) > 0 && (output || !t.Outputs.Known) {
			f.Explicit, flows = append(f.Explicit, c.Output), append(flows, c.Flows)
		}
	}
	f.Flows, err = merge(flows...)
	return f, err
}

// says reports whether anything is said about dataflow at all.
func (t *told) says() bool {
	return t.Inputs.Known || t.Outputs.Known || len(t.Columns)+len(t.Lineage) > 0 || t.Deleted != (stamp{})
}

// equal reports whether two events say the same, at whatever time.
func (t *told) equal(o *told) bool {
	same := func(a, b mentions) bool { return a.Known == b.Known && slices.Equal(a.Datasets, b.Datasets) }
	return same(t.Inputs, o.Inputs) && same(t.Outputs, o.Outputs) && slices.EqualFunc(t.Lineage, o.Lineage, lineageFacet.equal) &&
		slices.EqualFunc(t.Columns, o.Columns, func(a, b columnsFacet) bool {
			return a.Output == b.Output && slices.Equal(a.Flows, b.Flows)
		})
}
