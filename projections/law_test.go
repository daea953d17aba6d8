package projections

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"ledgerline/events"
)

// TestLaw: for every n, what At(n) answers equals what a fresh build from the
// first n+1 records answers, and so do the rows, byte for byte.
func TestLaw(t *testing.T) {
	b := longScript(newBook(t))
	size := b.Head().Size
	whole, tables, ingested := newBlockedViews(t, b.Ledger), newBlockedViews(t, b.Ledger), newBlockedViews(t, b.Ledger)
	build(t, whole, size)
	build(t, tables, size)
	ingested.bulkLength = 5
	for n := int64(0); n < size; n += 7 { // the last run is short, and not ingested
		build(t, ingested, min(n+7, size))
	}
	if err := tables.store.db.Flush(); err != nil { // rows in tables, and in memory, are found in different ways
		t.Fatal(err)
	}
	for n := range size {
		fresh := newBlockedViews(t, b.Ledger)
		build(t, fresh, n+1)
		want := answers(t, viewAt(t, fresh, n))
		for name, v := range map[string]*Views{"in memory": whole, "in tables": tables, "ingested": ingested} {
			same(t, fmt.Sprintf("rows %s at %d", name, n), rows(t, v, n), rows(t, fresh, n))
			same(t, fmt.Sprintf("answers %s at %d", name, n), answers(t, viewAt(t, v, n)), want)
		}
	}
}

// TestBeforeTheFirst: as of the position before the first record nothing is known.
func TestBeforeTheFirst(t *testing.T) {
	b := longScript(newBook(t))
	v := newBlockedViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	w := viewAt(t, v, -1)
	if p, err := w.Parties(ctx, PartyQuery{}); err != nil || len(p.Parties) > 0 {
		t.Errorf("parties: %v %v", p, err)
	}
	if l, err := w.Timeline(ctx, TimelineQuery{}); err != nil || len(l.Rows) > 0 {
		t.Errorf("timeline: %v %v", l, err)
	}
	if _, ok, err := w.Run(ctx, "r1"); err != nil || ok {
		t.Errorf("run: %v %v", ok, err)
	}
	_, err := w.Lineage(ctx, LineageQuery{Node: "dataset:pg/raw"})
	if unknown := (*UnknownNodeError)(nil); !errors.As(err, &unknown) {
		t.Errorf("lineage: %v", err)
	}
}

// TestRunsDoNotMatter: how events are cut into runs, and runs that come again,
// leave no trace in the rows.
func TestRunsDoNotMatter(t *testing.T) {
	b := longScript(newBook(t))
	size := b.Head().Size
	whole := newBlockedViews(t, b.Ledger)
	build(t, whole, size)
	rapid.Check(t, func(rt *rapid.T) {
		cut := newBlockedViews(t, b.Ledger)
		for cut.Applied()+1 < size {
			from := rapid.Int64Range(0, cut.Applied()+1).Draw(rt, "from")
			to := rapid.Int64Range(from, size).Draw(rt, "to")
			if err := cut.apply(context.Background(), run{from, to}); err != nil {
				rt.Fatal(err)
			}
		}
		same(t, "rows", rows(t, cut, size), rows(t, whole, size))
	})
}

// TestLawRandom holds random histories to the law at random positions.
func TestLawRandom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		b.add(party("P1"), party("P2"), party("P3"))
		for _, claims := range rapid.SliceOfN(rapid.Custom(randomClaims), 1, 60).Draw(rt, "claims") {
			for _, c := range claims {
				b.try(c)
			}
		}
		size := b.Head().Size
		whole := newBlockedViews(t, b.Ledger)
		build(t, whole, size)
		n := rapid.Int64Range(0, size-1).Draw(rt, "n")
		fresh := newBlockedViews(t, b.Ledger)
		build(t, fresh, n+1)
		same(t, fmt.Sprintf("rows at %d", n), rows(t, whole, n), rows(t, fresh, n))
		same(t, fmt.Sprintf("answers at %d", n), answers(t, viewAt(t, whole, n)), answers(t, viewAt(t, fresh, n)))
	})
}

// randomClaims draws from few names, so that events meet: one event, or those that
// lead to one.
func randomClaims(t *rapid.T) []claim {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	entry := pick("entry", "E1", "E2", "E3")
	version := rapid.IntRange(1, 3).Draw(t, "version")
	agreement := pick("agreement", "A1", "A2")
	columns := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"id", "date", "phone"}), 1, 3, rapid.ID).Draw(t, "columns")
	at := day(1, 1) + events.Time(rapid.IntRange(0, 300).Draw(t, "days"))*86_400_000_000
	var resources []events.Resource
	for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"raw", "clean"}), rapid.ID).Draw(t, "resources") {
		resources = append(resources, events.Resource{Namespace: "pg", Name: name, Method: "api"})
	}
	d := draft(entry, pick("provider", "P2", "P3"), "title", resources, "id", "date", "phone")
	call := access(pick("under", agreement, ""), columns...)
	call.Entry = entry
	data := []events.Data{
		d, revise(d, version), submit(entry, version, pick("kind", events.SubmissionFirst, events.SubmissionUpdate, events.SubmissionWithdrawal)),
		publish(entry, version), &events.EntryReturned{Entry: entry, Version: version, By: "P1", Reasons: []string{"x"}},
		&events.EntryWithdrawn{Entry: entry, By: "P1", Reason: "x"},
		activate(agreement, entry, columns...), &events.AgreementSuspended{Agreement: agreement, By: "P1", Cause: "x"},
		&events.AgreementResumed{Agreement: agreement, By: "P1", ItemsRemoved: []events.ItemRef{{Entry: entry, Item: columns[0]}}},
		call, call, deny(agreement, "rate", columns...),
		&events.QualityIssueReported{Issue: "Q1", By: "P3", Entry: entry, Dimension: "d", Symptom: "wrong", Severity: "minor", Description: "x"},
		&events.QualityIssueClosed{Issue: "Q1", By: "P3", Outcome: "wont_fix", Reason: "x"}, &events.QualityIssueReopened{Issue: "Q1", By: "P3", Reason: "x"},
		&events.QualityRulePublished{Rule: "R1", Version: 1, Owner: "P1", Dimension: "GB36344:0201", Expression: "x", Entry: entry, Severity: "minor"},
		&events.ResourceAttached{Resource: "RS1", Entry: entry, By: "P2", Dataset: events.DatasetRef{Namespace: "pg", Name: "raw"}, Method: "api"},
		&events.ResourceDetached{Resource: "RS1", Entry: entry, By: "P2"},
		&events.ResourceRefreshed{Resource: "RS1", Entry: entry, Period: events.Period{From: at - 1, To: at}},
		&events.QualityRunCompleted{Run: pick("measurement", "m1", "m2"), By: "P1", Entry: entry, Results: []events.QualityResult{{Rule: "R1", Item: columns[0], Measured: 1}}},
	}
	if i := rapid.IntRange(0, 2*len(data)).Draw(t, "which"); i < len(data) {
		c := claim{at: at, data: data[i]}
		if rapid.Bool().Draw(t, "dated") {
			c.effective = at + 86_400_000_000
		}
		c.imported = rapid.IntRange(0, 4).Draw(t, "imported") == 0
		if _, ok := c.data.(*events.EntrySubmitted); ok {
			return append(approve(at, entry, "P2", version), c)
		}
		return []claim{c}
	}
	return []claim{randomLineage(t, at)}
}

func randomLineage(t *rapid.T, at events.Time) claim {
	names := []string{"raw", "clean", "report", "other"}
	var in []events.LineageInput
	var out []events.LineageOutput
	for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID).Draw(t, "inputs") {
		in = append(in, olInput(n, "id"))
	}
	for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID).Draw(t, "outputs") {
		o := olOutput(n, "raw")
		if rapid.Bool().Draw(t, "columns") {
			o = olOutput(n, rapid.SampledFrom(names).Draw(t, "source"), "id", rapid.SampledFrom([]string{"id", "day"}).Draw(t, "field"))
		}
		out = append(out, o)
	}
	job := rapid.SampledFrom([]string{"clean", "report"}).Draw(t, "job")
	if rapid.IntRange(0, 4).Draw(t, "declared") == 0 {
		return olJob(job, at, in, out)
	}
	c := olRun(rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "run"), job, rapid.SampledFrom([]string{"START", "RUNNING", "COMPLETE", "FAIL", "OTHER", ""}).Draw(t, "state"), at, in, out)
	d := c.data.(*events.OpenLineageReceived)
	for _, n := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 2).Draw(t, "checked") {
		d.Checks = append(d.Checks, olCheck(n, rapid.SampledFrom([]string{"id", "day", ""}).Draw(t, "column"), rapid.SampledFrom(gravity).Draw(t, "outcome")))
	}
	if rapid.IntRange(0, 4).Draw(t, "facet") == 0 {
		d.LineageFrom = events.LineageFromFacet
	}
	if rapid.IntRange(0, 4).Draw(t, "more") == 0 && len(out) > 0 {
		o := &d.Outputs[0]
		o.Lifecycle.Change = rapid.SampledFrom([]string{"DROP", "CREATE", "RENAME"}).Draw(t, "change")
		if o.Lifecycle.Change == "RENAME" {
			o.Lifecycle.Previous = events.DatasetRef{Namespace: "pg", Name: "other"}
		}
		o.Symlinks = []events.DatasetRef{{Namespace: "pg", Name: rapid.SampledFrom(names).Draw(t, "symlink")}}
		d.CompleteSnapshot = rapid.Bool().Draw(t, "snapshot")
		d.Parent = events.RunParent{Run: "r1", Job: events.JobRef{Namespace: "etl", Name: "clean"}}
	}
	return c
}
