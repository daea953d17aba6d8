package openlineage

import (
	"strings"

	"ledgerline/events"
)

// assertions reads what was tested of a dataset. The specification declares the
// facet on inputs and names it one of datasets, and clients send it as both.
func (r *reader) assertions(at *path, w *wireDataset, f *events.OpenLineageReceived) {
	facet := func(at *path, checks []wireCheck) {
		at = at.member("dataQualityAssertions").member("assertions")
		for i := range checks {
			r.check(at.element(i), events.DatasetRef(w.wireID), &checks[i], f)
		}
	}
	if w.Facets != nil {
		facet(at.member("facets"), w.Facets.Asserted)
	}
	facet(at.member("inputFacets"), w.Asserted)
}

// tests reads what a run tested. The facet names no dataset: where the event is
// about one only, that was tested.
func (r *reader) tests(w *wireEvent, f *events.OpenLineageReceived) {
	var about events.DatasetRef
	one := true
	see := func(ref events.DatasetRef) {
		one = one && (about == events.DatasetRef{} || about == ref)
		about = ref
	}
	for i := range f.Inputs {
		see(events.DatasetRef{Namespace: f.Inputs[i].Namespace, Name: f.Inputs[i].Name})
	}
	for i := range f.Outputs {
		see(events.DatasetRef{Namespace: f.Outputs[i].Namespace, Name: f.Outputs[i].Name})
	}
	if !one {
		about = events.DatasetRef{}
	}
	at := root.member("run").member("facets").member("test").member("tests")
	for i := range w.Run.Facets.Tests {
		r.check(at.element(i), about, &w.Run.Facets.Tests[i], f)
	}
}

// check adds the outcome of one test. One without an outcome says nothing.
func (r *reader) check(at *path, about events.DatasetRef, w *wireCheck, f *events.OpenLineageReceived) {
	c := events.LineageCheck{
		Dataset: about, Outcome: strings.ToLower(w.Status),
		Assertion: r.text(at.member("assertion"), w.Type, events.MaxName), Name: r.text(at.member("name"), w.Name, events.MaxName),
		Column: r.text(at.member("column"), w.Column, events.MaxName), Severity: r.text(at.member("severity"), w.Severity, events.MaxCode),
	}
	if w.Success != nil {
		c.Outcome = events.CheckFailed
		if *w.Success {
			c.Outcome = events.CheckPassed
		}
	}
	switch c.Outcome {
	case events.CheckPassed, events.CheckFailed, events.CheckSkipped:
		f.Checks = append(f.Checks, c)
	default:
		r.leftOut(at, "openlineage.check-outcome", "it tells neither success nor a status of pass, fail or skip; it")
	}
}
