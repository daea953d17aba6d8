package openlineage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"ledgerline/events"
)

// A reader makes facts of an event. What it has to leave out it adds to the
// verdict.
type reader struct {
	verdict *verdict
	paths   int // bytes spent on the dotted paths of nested columns
}

// A path is a place in the event. It is a chain on the stack, made into a
// pointer only for a finding.
type path struct {
	up    *path
	name  string
	index int // of the element, where name is empty
}

func (p *path) member(name string) *path { return &path{up: p, name: name} }
func (p *path) element(i int) *path      { return &path{up: p, index: i} }

func (p *path) pointer() jsontext.Pointer {
	switch {
	case p == nil:
		return ""
	case p.name == "":
		return jsontext.Pointer(fmt.Sprintf("%s/%d", p.up.pointer(), p.index))
	}
	return p.up.pointer().AppendToken(p.name)
}

var root *path

// event makes the facts of an event of this kind. It refuses one whose own
// identity or time cannot be read.
func (r *reader) event(kind string, w *wireEvent) (*events.OpenLineageReceived, error) {
	f := &events.OpenLineageReceived{
		Producer:  r.text(root.member("producer"), w.Producer, events.MaxName),
		SchemaURL: r.text(root.member("schemaURL"), w.SchemaURL, events.MaxName),
	}
	if err := identity(kind, w, f); err != nil {
		return nil, err
	}
	t, _, _ := readTime(w.EventTime)
	f.EventTime = events.TimeOf(t)
	if t.IsZero() || f.EventTime == 0 {
		return nil, malformed("openlineage.event-time", "/eventTime", "the event tells no time that can be read",
			"send the time at which it happened, such as 2026-01-08T09:30:00Z")
	}
	if kind == datasetEvent {
		f.Dataset, _ = r.dataset(root.member("dataset"), &w.Dataset, false)
		r.derivation(&w.Dataset, f)
		r.assertions(root.member("dataset"), &w.Dataset, f)
		return f, nil
	}
	if kind == runEvent && slices.Contains(eventTypes, w.EventType) {
		f.EventType = w.EventType
	}
	r.run(&w.Run, f)
	r.job(&w.Job, f)
	r.datasets(w, f)
	r.tests(w, f)
	if l := w.Job.Facets.Lineage; l != nil && !l.Deleted {
		r.explicit(l.Entries, f)
	}
	return f, nil
}

// identity reads what the event is about.
func identity(kind string, w *wireEvent, f *events.OpenLineageReceived) error {
	switch kind {
	case datasetEvent:
		f.Kind = events.OpenLineageDataset
		return identifies("/dataset", w.Dataset.Namespace, w.Dataset.Name)
	case runEvent:
		f.Kind, f.Run = events.OpenLineageRun, w.Run.RunID
		if err := identifies("/run", f.Run); err != nil {
			return err
		}
	default:
		f.Kind = events.OpenLineageJob
	}
	f.Job = events.JobRef(w.Job.wireID)
	return identifies("/job", f.Job.Namespace, f.Job.Name)
}

// identifies refuses names that cannot stand for what the event is about. They
// are limited together, because the event's subject joins them by a slash.
func identifies(at string, names ...string) error {
	for _, name := range names {
		if unnamed(name) {
			return malformed("openlineage.identity", at, "its namespace, name or id is absent, empty or holds a NUL character", "send a name")
		}
	}
	if n := len(strings.Join(names, "/")); n > events.MaxName {
		return tooLarge(at, fmt.Sprintf("its names are %d bytes long together", n), fmt.Sprintf("send at most %d bytes", events.MaxName))
	}
	return nil
}

// unnamed tells whether a name is none: empty, or with the character that ends a
// string for many readers.
func unnamed(name string) bool { return name == "" || strings.IndexByte(name, 0) >= 0 }

func (r *reader) run(w *wireRun, f *events.OpenLineageReceived) {
	facets := root.member("run").member("facets")
	parent, at := w.Facets.Parent, facets.member("parent")
	if parent == nil {
		parent, at = w.Facets.ParentRun, facets.member("parentRun")
	}
	if parent != nil {
		f.Parent.Run = r.text(at.member("run").member("runId"), parent.Run.RunID, events.MaxName)
		f.Parent.Job, _ = named[events.JobRef](r, at.member("job"), parent.Job)
		if parent.Root.Job != (wireID{}) {
			f.Parent.RootJob, _ = named[events.JobRef](r, at.member("root").member("job"), parent.Root.Job)
		}
		f.Parent.RootRun = r.text(at.member("root").member("run").member("runId"), parent.Root.Run.RunID, events.MaxName)
	}
	if d := w.Facets.JobDependencies; d != nil {
		at := facets.member("jobDependencies")
		f.Dependencies = []events.JobDependency{} // an empty facet replaces one before it
		r.dependencies(at.member("upstream"), d.Upstream, false, f)
		r.dependencies(at.member("downstream"), d.Downstream, true, f)
	}
	if n := w.Facets.NominalTime; n != nil {
		start, _, _ := readTime(n.Start)
		end, _, _ := readTime(n.End)
		if !start.IsZero() {
			f.NominalTime.Start = events.TimeOf(start)
			if !end.IsZero() {
				f.NominalTime.End = events.TimeOf(end)
			}
		}
	}
}

// dependencies reads what comes before the run or after it.
func (r *reader) dependencies(at *path, ws []wireDependency, downstream bool, f *events.OpenLineageReceived) {
	for i := range ws {
		w, at := &ws[i], at.element(i)
		job, ok := named[events.JobRef](r, at.member("job"), w.Job)
		if !ok {
			continue
		}
		f.Dependencies = append(f.Dependencies, events.JobDependency{
			Downstream: downstream, Job: job,
			Run:      r.text(at.member("run").member("runId"), w.Run.RunID, events.MaxName),
			Type:     r.text(at.member("dependency_type"), w.Type, events.MaxCode),
			Sequence: r.text(at.member("sequence_trigger_rule"), w.Sequence, events.MaxCode),
			Status:   r.text(at.member("status_trigger_rule"), w.Status, events.MaxCode),
		})
	}
}

func (r *reader) job(w *wireJob, f *events.OpenLineageReceived) {
	facets := root.member("job").member("facets")
	if t := w.Facets.JobType; t != nil && t.Deleted {
		f.JobDeleted = append(f.JobDeleted, "jobType")
	} else if t != nil {
		f.ProcessingType = r.text(facets.member("jobType").member("processingType"), t.ProcessingType, events.MaxCode)
		f.CompleteSnapshot = t.ContentMode == "COMPLETE_SNAPSHOT"
	}
	switch l := w.Facets.Lineage; {
	case l != nil && l.Deleted:
		f.JobDeleted = append(f.JobDeleted, "lineage")
	case l != nil:
		f.LineageFrom = events.LineageFromFacet
	}
}

// datasets reads the inputs and outputs. Under explicit lineage their
// columnLineage facets do not count.
func (r *reader) datasets(w *wireEvent, f *events.OpenLineageReceived) {
	f.InputsKnown, f.OutputsKnown = w.Inputs != nil, w.Outputs != nil
	at := root.member("inputs")
	for i := range w.Inputs {
		in, ok := r.dataset(at.element(i), &w.Inputs[i], false)
		if !ok {
			continue
		}
		r.assertions(at.element(i), &w.Inputs[i], f)
		f.Inputs = append(f.Inputs, events.LineageInput{
			Namespace: in.Namespace, Name: in.Name, Fields: in.Fields, Symlinks: in.Symlinks,
			Lifecycle: in.Lifecycle, Deleted: in.Deleted, Rows: in.Rows,
		})
	}
	columns := f.LineageFrom != events.LineageFromFacet
	at = root.member("outputs")
	for i := range w.Outputs {
		out, ok := r.dataset(at.element(i), &w.Outputs[i], columns)
		if !ok {
			continue
		}
		r.assertions(at.element(i), &w.Outputs[i], f)
		if out.ColumnLineage != nil || out.DatasetLineage != nil {
			f.LineageFrom = events.LineageFromColumns
		}
		f.Outputs = append(f.Outputs, out)
	}
}

// dataset reads an input, an output or the dataset of a DatasetEvent, the facts
// of an output being the most that there are; columns tells whether its
// columnLineage counts. It reports false, with a finding, for one without
// identity.
func (r *reader) dataset(at *path, w *wireDataset, columns bool) (events.LineageOutput, bool) {
	id, ok := named[events.DatasetRef](r, at, w.wireID)
	out := events.LineageOutput{Namespace: id.Namespace, Name: id.Name}
	if !ok {
		return out, false
	}
	for _, rows := range [...]*count{&w.Written, &w.Read} {
		if rows.known {
			out.Rows = &rows.n
		}
	}
	if w.Facets == nil {
		return out, true
	}
	f, at := w.Facets, at.member("facets")
	if s := f.Schema; s != nil && s.Deleted {
		out.Deleted = append(out.Deleted, "schema")
	} else if s != nil {
		out.Fields = r.fields(at.member("schema").member("fields"), make([]events.LineageField, 0, len(s.Fields)), "", s.Fields)
	}
	if s := f.Symlinks; s != nil && s.Deleted {
		out.Deleted = append(out.Deleted, "symlinks")
	} else if s != nil {
		out.Symlinks = r.symlinks(at.member("symlinks").member("identifiers"), s.Identifiers)
	}
	if c := f.ColumnLineage; c != nil && c.Deleted {
		out.Deleted = append(out.Deleted, "columnLineage")
	} else if c != nil && columns {
		r.columns(at.member("columnLineage"), c, &out)
	}
	if l := f.Lifecycle; l != nil && l.Deleted {
		out.Deleted = append(out.Deleted, "lifecycleStateChange")
	} else if l != nil {
		r.lifecycle(at.member("lifecycleStateChange"), l.Change, l.Previous, &out.Lifecycle)
	}
	if l := f.Lineage; l != nil && l.Deleted {
		out.Deleted = append(out.Deleted, "lineage")
	}
	return out, true
}

// fields appends the columns of a schema and, after each, those nested in it.
func (r *reader) fields(at *path, to []events.LineageField, prefix string, fields []wireField) []events.LineageField {
	for i := range fields { // a path is made only for what is amiss: there are many columns
		w := &fields[i]
		name := prefix + w.Name
		if prefix != "" {
			r.paths += len(name)
		}
		switch {
		case unnamed(w.Name):
			r.leftOut(at.element(i), "openlineage.identity", "the column has no name; it")
			continue
		case len(name) > events.MaxName || r.paths > maxPaths:
			r.leftOut(at.element(i), limit, "the column's path is too long; it")
			if r.paths > maxPaths {
				return to // each further column would cost a copy of the prefix
			}
			continue
		}
		kind := w.Type
		if !keepable(kind, events.MaxText) {
			kind = r.text(at.element(i).member("type"), kind, events.MaxText)
		}
		to = append(to, events.LineageField{Name: name, Type: kind})
		if len(w.Fields) > 0 {
			to = r.fields(at.element(i).member("fields"), to, name+".", w.Fields)
		}
	}
	return to
}

func (r *reader) symlinks(at *path, ids []wireID) []events.DatasetRef {
	refs := []events.DatasetRef{}
	for i, id := range ids {
		if ref, ok := named[events.DatasetRef](r, at.element(i), id); ok {
			refs = append(refs, ref)
		}
	}
	return refs
}

func (r *reader) lifecycle(at *path, change string, previous wireID, to *events.Lifecycle) {
	to.Change = r.text(at.member("lifecycleStateChange"), change, events.MaxCode)
	if previous != (wireID{}) {
		to.Previous, _ = named[events.DatasetRef](r, at.member("previousIdentifier"), previous)
	}
}

// named reads the identity of a dataset or job. It reports false, with a
// finding, for one without, which is then left out of the facts.
func named[ref events.DatasetRef | events.JobRef](r *reader, at *path, id wireID) (ref, bool) {
	switch {
	case unnamed(id.Namespace) || unnamed(id.Name):
		r.leftOut(at, "openlineage.identity", "its namespace or name is absent, empty or holds a NUL character; it")
	case len(id.Namespace) > events.MaxName || len(id.Name) > events.MaxName:
		r.leftOut(at, limit, fmt.Sprintf("its namespace or name is over %d bytes long; it", events.MaxName))
	default:
		return ref(id), true
	}
	return ref{}, false
}

// keepable tells whether the facts can keep a string.
func keepable(s string, max int) bool { return len(s) <= max && strings.IndexByte(s, 0) < 0 }

// text returns a string that the facts can keep, or "" with a finding.
func (r *reader) text(at *path, s string, max int) string {
	if keepable(s, max) {
		return s
	}
	r.leftOut(at, limit, fmt.Sprintf("the text is over %d bytes long or holds a NUL character; it", max))
	return ""
}

func (r *reader) leftOut(at *path, rule, why string) {
	r.found(at, rule, why+" is left out of the facts and stands in the body alone")
}

func (r *reader) found(at *path, rule, detail string) {
	if r.verdict.room() {
		r.verdict.add(at.pointer(), rule, detail)
	}
}
