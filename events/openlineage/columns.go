package openlineage

import "ledgerline/events"

// columns reads a columnLineage facet. Sources of the whole dataset stay one
// list, however many columns there are.
func (r *reader) columns(at *path, w *wireColumnLineage, out *events.LineageOutput) {
	out.ColumnLineage = []events.ColumnLineage{}
	fields := at.member("fields")
	for i := range w.Fields {
		col := &w.Fields[i]
		name := col.Name
		if !r.column(fields, name) {
			continue
		}
		inputs := r.sources(fields.member(name).member("inputFields"), col.Inputs, nil, nil)
		for j := range inputs {
			if len(inputs[j].Transformations) == 0 && col.TransformationType != "" {
				inputs[j].Transformations = legacy(r.text(fields.member(name).member("transformationType"), col.TransformationType, events.MaxCode))
			}
		}
		out.ColumnLineage = append(out.ColumnLineage, events.ColumnLineage{Field: name, Inputs: inputs})
	}
	if w.Dataset != nil {
		out.DatasetLineage = r.sources(at.member("dataset"), w.Dataset, []events.ColumnInput{}, nil)
	}
}

// legacy translates the transformationType of columnLineage 1-0-0, which knew
// only direct derivations.
func legacy(kind string) []events.Transformation {
	switch kind {
	case "":
		return nil
	case "MASKED":
		return []events.Transformation{{Type: "DIRECT", Masking: true}}
	}
	return []events.Transformation{{Type: "DIRECT", Subtype: kind}}
}

// derivation reads the explicit lineage of the dataset that a DatasetEvent
// describes or, if there is none, its columnLineage.
func (r *reader) derivation(w *wireDataset, f *events.OpenLineageReceived) {
	if w.Facets == nil {
		return
	}
	facets := root.member("dataset").member("facets")
	if l := w.Facets.Lineage; l != nil && !l.Deleted {
		f.LineageFrom = events.LineageFromFacet
		r.flows(facets.member("lineage"), &l.wireFlows, &f.Job, &f.Dataset)
		return
	}
	if c := w.Facets.ColumnLineage; c != nil && !c.Deleted {
		f.LineageFrom = events.LineageFromColumns
		r.columns(facets.member("columnLineage"), c, &f.Dataset)
	}
}

// explicit reads the entries of a job's lineage facet: those of a dataset go to
// that output, those of a job to the event's job lineage.
func (r *reader) explicit(entries []wireEntry, f *events.OpenLineageReceived) {
	outputs := make(map[events.DatasetRef]int, len(f.Outputs))
	for i, o := range f.Outputs {
		outputs[events.DatasetRef{Namespace: o.Namespace, Name: o.Name}] = i
	}
	list := root.member("job").member("facets").member("lineage").member("entries")
	for i := range entries {
		w, at := &entries[i], list.element(i)
		if w.Type == "JOB" {
			r.jobEntry(at, w, f)
			continue
		}
		id, ok := named[events.DatasetRef](r, at, w.wireID)
		if !ok {
			continue
		}
		n, ok := outputs[id]
		if !ok {
			r.found(at, "openlineage.boundary", "is the target of lineage and not among the outputs; it is taken as one of them")
			n = len(f.Outputs)
			outputs[id] = n
			f.Outputs = append(f.Outputs, events.LineageOutput{Namespace: id.Namespace, Name: id.Name})
		}
		r.flows(at, &w.wireFlows, &f.Job, &f.Outputs[n])
	}
}

// jobEntry reads an entry whose target is a job: the event's own if it bears no
// name.
func (r *reader) jobEntry(at *path, w *wireEntry, f *events.OpenLineageReceived) {
	job := f.Job
	if w.wireID != (wireID{}) {
		var ok bool
		if job, ok = named[events.JobRef](r, at, w.wireID); !ok {
			return
		}
	}
	f.JobLineage = append(f.JobLineage, events.JobLineage{
		Job: job, Run: r.text(at.member("runId"), w.RunID, events.MaxName),
		Inputs: r.sources(at.member("inputs"), w.Inputs, nil, &f.Job),
	})
}

// flows adds to an output what explicit lineage says flowed into it. Several
// entries for one dataset add up.
func (r *reader) flows(at *path, w *wireFlows, own *events.JobRef, out *events.LineageOutput) {
	if w.Inputs != nil {
		if out.DatasetLineage == nil {
			out.DatasetLineage = []events.ColumnInput{} // an empty list is a statement
		}
		out.DatasetLineage = r.sources(at.member("inputs"), w.Inputs, out.DatasetLineage, own)
	}
	fields := at.member("fields")
	for i := range w.Fields {
		col := &w.Fields[i]
		if !r.column(fields, col.Name) {
			continue
		}
		inputs := r.sources(fields.member(col.Name).member("inputs"), col.Inputs, nil, own)
		out.ColumnLineage = append(out.ColumnLineage, events.ColumnLineage{Field: col.Name, Inputs: inputs})
	}
}

// column tells whether the facts can keep the name of a column.
func (r *reader) column(fields *path, name string) bool {
	if name == "" {
		r.leftOut(fields, "openlineage.identity", "a column has no name; it")
		return false
	}
	return r.text(fields.member(name), name, events.MaxName) != ""
}

// sources appends the sources that have an identity. In explicit lineage one may
// be a job, and a job without a name is the event's own, which a DatasetEvent
// does not have. In column lineage own is nil and every source is a dataset.
func (r *reader) sources(at *path, ws []wireSource, to []events.ColumnInput, own *events.JobRef) []events.ColumnInput {
	for i := range ws {
		w, at := &ws[i], at.element(i)
		in := events.ColumnInput{Job: own != nil && w.Type == "JOB"}
		id := w.wireID
		if in.Job && id == (wireID{}) {
			id = wireID(*own)
		}
		ref, ok := named[events.DatasetRef](r, at, id)
		if !ok {
			continue
		}
		in.Namespace, in.Name = ref.Namespace, ref.Name
		if in.Job {
			in.Run = r.text(at.member("runId"), w.RunID, events.MaxName)
		} else {
			in.Field = r.text(at.member("field"), w.Field, events.MaxName)
		}
		for j, t := range w.Transformations {
			at := at.member("transformations").element(j)
			in.Transformations = append(in.Transformations, events.Transformation{
				Type:    r.text(at.member("type"), t.Type, events.MaxCode),
				Subtype: r.text(at.member("subtype"), t.Subtype, events.MaxCode),
				Masking: t.Masking,
			})
		}
		to = append(to, in)
	}
	return to
}
