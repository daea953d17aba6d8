package projections

import (
	"fmt"
	"slices"

	"ledgerline/events"
)

func party(id string) claim {
	kind := "department"
	if id == "P1" {
		kind = "authority"
	}
	return claim{at: day(1, 1), data: &events.PartyRegistered{Party: id, Name: "机关 " + id, Kind: kind, Region: "990000", Level: "provincial"}}
}

func items(ids ...string) []events.EntryItem {
	var out []events.EntryItem
	for _, id := range ids {
		out = append(out, events.EntryItem{ID: id, Name: "项 " + id, Type: "text"})
	}
	return out
}

func draft(entry, provider, title string, resources []events.Resource, columns ...string) *events.EntryDrafted {
	return &events.EntryDrafted{
		Entry: entry, Version: 1, Provider: provider, Title: title, Items: items(columns...), UpdateFrequency: "daily", Grade: "general-2",
		Region: "990000", Sharing: events.Sharing{Attribute: events.SharingConditional, Range: "departments", Purposes: []string{"benefit_eligibility"}},
		Resources: resources,
	}
}

func revise(d *events.EntryDrafted, version int) *events.EntryRevised {
	r := events.EntryRevised(*d)
	r.Version = version
	return &r
}

// approve is what an entry needs before it is submitted, on one day.
func approve(at events.Time, entry, provider string, version int) []claim {
	assessed := func(kind string) claim {
		return claim{at: at, data: &events.EntryAssessed{Entry: entry, Version: version, By: provider, Kind: kind, Result: "passed"}}
	}
	return []claim{assessed(events.AssessSecrecy), assessed(events.AssessPersonal), {at: at, data: &events.EntryDepartmentApproved{
		Entry: entry, Version: version, By: provider, Approver: "head", ApproverRole: events.RoleDepartmentHead}}}
}

func submit(entry string, version int, kind string) *events.EntrySubmitted {
	return &events.EntrySubmitted{Entry: entry, Version: version, By: "P2", To: "P1", SubmissionKind: kind}
}

func publish(entry string, version int) *events.EntryPublished {
	return &events.EntryPublished{Entry: entry, Version: version, By: "P1"}
}

func activate(id, entry string, columns ...string) *events.AgreementActivated {
	return &events.AgreementActivated{
		Agreement: id, Provider: "P2", Consumer: "P3", Grants: []events.Grant{{Entry: entry, EntryVersion: 1, Items: columns}},
		Purposes: []string{"benefit_eligibility"}, Method: "api", ValidFrom: day(2, 1), ValidTo: day(12, 1), Onward: events.OnwardForbidden,
		LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "21"}},
	}
}

func access(agreement string, columns ...string) *events.AccessRecorded {
	return &events.AccessRecorded{
		Call: "c", Provider: "P2", Consumer: "P3", Agreement: agreement, Purpose: "benefit_eligibility", Entry: "E1", Method: "api",
		Columns: columns, RowCount: 1, Result: events.AccessOK,
	}
}

func deny(agreement, reason string, columns ...string) *events.CallDenied {
	return &events.CallDenied{
		Call: "d", Provider: "P2", Consumer: "P3", Agreement: agreement, Purpose: "benefit_eligibility", Entry: "E1", Method: "api",
		Columns: columns, Reason: reason,
	}
}

// inForce is what brings the first version of a drafted entry into force.
func inForce(entry, provider string) []claim {
	s := submit(entry, 1, events.SubmissionFirst)
	s.By = provider
	return append(approve(day(1, 3), entry, provider, 1), claim{at: day(1, 3), data: s}, claim{at: day(1, 4), data: publish(entry, 1)})
}

func olInput(name string, fields ...string) events.LineageInput {
	in := events.LineageInput{Namespace: "pg", Name: name}
	for _, f := range fields {
		in.Fields = append(in.Fields, events.LineageField{Name: f})
	}
	return in
}

// olOutput is an output whose columns come from columns of one source, pairs
// "source column", "own column".
func olOutput(name, source string, pairs ...string) events.LineageOutput {
	out := events.LineageOutput{Namespace: "pg", Name: name}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.ColumnLineage = append(out.ColumnLineage, events.ColumnLineage{Field: pairs[i+1], Inputs: []events.ColumnInput{{
			Namespace: "pg", Name: source, Field: pairs[i], Transformations: []events.Transformation{{Type: "DIRECT", Subtype: "IDENTITY"}},
		}}})
	}
	return out
}

func olRun(run, job, state string, at events.Time, in []events.LineageInput, out []events.LineageOutput) claim {
	d := &events.OpenLineageReceived{
		Kind: events.OpenLineageRun, EventType: state, EventTime: at, Run: run, Job: events.JobRef{Namespace: "etl", Name: job},
		Inputs: in, Outputs: out, Verdict: events.Verdict{Conformant: true}, Digest: "d",
	}
	for _, o := range out {
		if o.ColumnLineage != nil {
			d.LineageFrom = events.LineageFromColumns
		}
	}
	return claim{at: at, data: d}
}

func olJob(job string, at events.Time, in []events.LineageInput, out []events.LineageOutput) claim {
	c := olRun("", job, "", at, in, out)
	d := c.data.(*events.OpenLineageReceived)
	d.Kind, d.InputsKnown, d.OutputsKnown = events.OpenLineageJob, true, true
	return c
}

func inputs(in ...events.LineageInput) []events.LineageInput     { return in }
func outputs(out ...events.LineageOutput) []events.LineageOutput { return out }

// scenario is a year in a small province: it takes every event type of the
// vocabulary through every state that a view shows.
func scenario() []claim {
	raw := []events.Resource{{Namespace: "pg", Name: "raw", Method: "database"}}
	e1 := draft("E1", "P2", "死亡登记 Death register", raw, "id", "date", "phone")
	v2 := draft("E1", "P2", "死亡登记 Death register", append(raw, events.Resource{Namespace: "pg", Name: "clean", Method: "api"}), "id", "date", "phone", "place")
	at := func(t events.Time, d events.Data) claim { return claim{at: t, data: d} }
	late := access("A1", "id")
	denied := deny("A1", "suspended", "id")
	bare := access("", "id")
	elsewhere := access("A1", "id", "phone")
	elsewhere.Purpose, elsewhere.Entry = "statistics", "E2"
	return slices.Concat([]claim{
		party("P1"), party("P2"), party("P3"),
		at(day(1, 2), e1),
	}, approve(day(1, 3), "E1", "P2", 1), []claim{
		at(day(1, 3), submit("E1", 1, events.SubmissionFirst)),
		at(day(1, 4), &events.EntryReturned{Entry: "E1", Version: 1, By: "P1", Reasons: []string{"no code"}}),
		at(day(1, 5), revise(e1, 1)),
	}, approve(day(1, 6), "E1", "P2", 1), []claim{
		at(day(1, 6), submit("E1", 1, events.SubmissionFirst)),
		{at: day(1, 7), effective: day(1, 10), data: publish("E1", 1)},
		at(day(1, 8), draft("E2", "P3", "Pensions paid", nil, "id", "amount")),
		olJob("clean", day(1, 9), inputs(olInput("raw", "id", "date")), outputs(events.LineageOutput{Namespace: "pg", Name: "clean"})),
		at(day(2, 1), activate("A1", "E1", "id", "date")),
		olRun("r1", "clean", "START", day(2, 2), inputs(olInput("raw", "id", "date")), nil),
		olRun("r1", "clean", "COMPLETE", day(2, 3), nil, outputs(olOutput("clean", "raw", "id", "id", "date", "day"))),
		at(day(2, 4), access("A1", "id")),
		at(day(2, 5), access("A1", "id", "phone")),
		at(day(1, 15), access("A1", "id")), // before the term
		at(day(2, 6), bare),
		at(day(2, 7), elsewhere),
		at(day(2, 8), &events.QualityIssueReported{Issue: "Q1", By: "P3", Agreement: "A1", Entry: "E1", Items: []string{"date"},
			Dataset: events.DatasetRef{Namespace: "pg", Name: "clean"}, Dimension: "GB36344:0302", Symptom: "missing", Severity: "major", Description: "dates missing"}),
		at(day(3, 1), &events.AgreementSuspended{Agreement: "A1", By: "P1", Cause: "quality"}),
		at(day(3, 2), late),                  // while suspended
		at(day(2, 20), access("A1", "date")), // late, but made before
		at(day(3, 3), denied),
		at(day(3, 4), access("A9", "id")), // never heard of
		at(day(3, 5), &events.AgreementResumed{Agreement: "A1", By: "P1", ItemsRemoved: []events.ItemRef{{Entry: "E1", Item: "date"}}}),
		at(day(3, 6), access("A1", "date")),
		at(day(3, 7), revise(v2, 2)),
	}, approve(day(3, 8), "E1", "P2", 2), []claim{
		at(day(3, 8), submit("E1", 2, events.SubmissionUpdate)),
		{at: day(3, 9), effective: day(4, 1), data: publish("E1", 2)},
		olRun("r2", "report", "COMPLETE", day(3, 10), inputs(olInput("clean"), olInput("other")), outputs(events.LineageOutput{Namespace: "pg", Name: "report"})),
		olRun("r1", "clean", "START", day(2, 2), inputs(olInput("raw", "id", "date")), nil), // again, late
		olRun("r3", "clean", "FAIL", day(3, 11), inputs(olInput("raw", "id", "date"), olInput("extra")), outputs(olOutput("clean", "raw", "id", "id"))),
		olJob("clean", day(3, 12), inputs(olInput("raw2")), outputs(events.LineageOutput{Namespace: "pg", Name: "clean"})),
		{at: day(3, 13), data: &events.OpenLineageReceived{Kind: events.OpenLineageDataset, EventTime: day(3, 13), LineageFrom: events.LineageFromColumns,
			Dataset: olOutput("loop", "report", "n", "n"), Digest: "d"}},
		olRun("r4", "back", "COMPLETE", day(3, 14), inputs(olInput("loop")), outputs(events.LineageOutput{Namespace: "pg", Name: "raw"})), // a cycle
		at(day(3, 15), &events.QualityIssueReported{Issue: "Q1", By: "P2", Entry: "E1", Items: []string{"id"}, Dimension: "GB36344:0302", Symptom: "missing", Severity: "major", Description: "more"}),
		at(day(3, 16), &events.QualityIssueAccepted{Issue: "Q1", By: "P1"}),
		at(day(3, 16), &events.QualityIssueAssigned{Issue: "Q1", By: "P1", To: "P2", Capacity: "source"}),
		at(day(3, 16), &events.CorrectionReceived{Issue: "Q1", By: "P2", From: "P3"}),
		at(day(3, 16), &events.CorrectionAnswered{Issue: "Q1", By: "P2", Verdict: events.VerdictConfirmed, Action: "fixed"}),
		at(day(3, 16), &events.QualityIssueRectified{Issue: "Q1", By: "P2"}),
		at(day(3, 16), &events.QualityIssueRechecked{Issue: "Q1", By: "P3", Outcome: "pass"}),
		at(day(3, 16), &events.QualityIssueClosed{Issue: "Q1", By: "P2", Outcome: "fixed", Reason: "backfilled"}),
		at(day(5, 1), &events.AgreementTerminated{Agreement: "A1", By: "P2", Cause: "ended", ConsultRef: "K1", FilingRef: "F1"}),
		at(day(5, 2), submit("E1", 2, events.SubmissionWithdrawal)),
		at(day(5, 3), &events.EntryWithdrawn{Entry: "E1", By: "P1", Reason: "merged"}),
	})
}

// secondYear goes on where the first ended: all that an entry, a request, an
// agreement, an issue and a party can go through besides.
func secondYear() []claim {
	at := func(t events.Time, d events.Data) claim { return claim{at: t, data: d} }
	e3 := draft("E3", "P2", "殡葬 Burials", nil, "id", "date")
	attached := &events.ResourceAttached{Resource: "RS1", Entry: "E3", By: "P2", Dataset: events.DatasetRef{Namespace: "pg", Name: "raw"}, Method: "api"}
	moved := events.ResourceChanged(*attached)
	moved.Dataset.Name = "extra"
	asked := &events.RequestSubmitted{
		Request: "R1", Provider: "P2", Consumer: "P3", Asks: []events.Ask{{Entry: "E3", EntryVersion: 1, Items: []string{"id", "date"}}},
		Purposes: []string{"statistics"}, LegalBasis: []events.LegalBasis{{Instrument: "cn809"}}, Scenario: "x", Necessity: "x", Method: "api",
		Term: events.Period{From: day(6, 1), To: day(12, 1)}, ApprovedBy: "head-P3",
	}
	head := func(party string) claim {
		return at(day(6, 1), &events.SharingBodyDesignated{Party: party, Unit: "u", Head: "head-" + party, From: day(1, 1)})
	}
	granted := activate("A2", "E3", "id", "date")
	granted.Request = "R1"
	amended := &events.AgreementAmended{Agreement: "A2", Version: 2, By: "P2", Grants: []events.Grant{{Entry: "E3", EntryVersion: 1, Items: []string{"id"}}},
		Purposes: []string{"statistics"}, Scope: events.Scope{Region: "990000"}, Method: "batch", ValidTo: day(12, 31), Onward: events.OnwardForbidden}
	far := access("A2", "id")
	far.Entry, far.Purpose, far.Region = "E3", "statistics", "110000"
	old := access("A2", "id")
	old.Entry, old.Purpose = "E3", "statistics"
	issue := &events.QualityIssueReported{Issue: "Q2", By: "P3", Entry: "E3", Items: []string{"date"}, Dimension: "d", Symptom: "wrong", Severity: "minor", Description: "x"}
	return slices.Concat([]claim{
		party("P4"), party("P5"),
		at(day(6, 1), &events.PartyRenamed{Party: "P4", Name: "新名 P4", Region: "990100", Level: "city", Basis: "b"}),
		at(day(6, 1), &events.RoleAssigned{Party: "P4", Role: events.RoleSource, Scope: "deaths"}),
		at(day(6, 1), &events.RoleRevoked{Party: "P4", Role: events.RoleSource, Scope: "deaths"}),
		{at: day(6, 1), effective: day(7, 1), data: &events.PartyMerged{Party: "P4", Into: "P3", Basis: "b"}},
		at(day(6, 1), &events.PartyDissolved{Party: "P5", Basis: "b"}),
		head("P2"), head("P3"), at(day(6, 1), e3),
	}, inForce("E3", "P2"), []claim{
		at(day(6, 2), &events.SourceDesignated{Entry: "E3", Items: []string{"date"}, Party: "P2", By: "P1", Basis: "b"}),
		at(day(6, 2), attached), at(day(6, 2), &moved),
		at(day(6, 3), &events.ResourceRefreshed{Resource: "RS1", Entry: "E3", Period: events.Period{From: day(6, 1), To: day(6, 2)}, Rows: 5, ExpectedBy: day(6, 4)}),
		at(day(6, 3), &events.ResourceRefreshed{Resource: "RS9", Entry: "E3", Period: events.Period{From: day(6, 1), To: day(6, 2)}}), // never attached
		at(day(6, 3), asked), at(day(6, 3), &events.RequestReceived{Request: "R1", By: "P2"}),
		at(day(6, 4), &events.SupplementRequested{Request: "R1", By: "P2", Missing: []string{"x"}}),
		at(day(6, 4), &events.RequestSupplemented{Request: "R1", By: "P3", Given: []string{"x"}}),
		at(day(6, 5), &events.RequestExtended{Request: "R1", By: "P2", Days: 5, Authority: "P1", Consent: "c", ConsumerNotified: day(6, 5), Reason: "x"}),
		at(day(6, 6), &events.RequestAnswered{Request: "R1", By: "P2", Outcome: events.StageGranted, ApprovedBy: "head-P2"}),
		at(day(6, 7), granted), at(day(6, 7), &events.ProvisionAvailable{Provision: "V1", Agreement: "A2", By: "P2", Method: "api", FirstAvailable: day(6, 7)}),
		at(day(6, 8), &events.DeliveryCompleted{Delivery: "L1", Agreement: "A2", By: "P2", Entry: "E3", Items: []string{"id"}, Period: events.Period{From: day(6, 7), To: day(6, 8)}, Rows: 3, Digest: "d"}),
		at(day(6, 8), &events.DeliveryAcknowledged{Delivery: "L1", Agreement: "A2", By: "P3", Rows: 3, Digest: "d"}),
		at(day(6, 9), amended), at(day(6, 10), far), at(day(6, 10), old),
		at(day(6, 11), &events.OnwardRequested{Onward: "O1", Agreement: "A2", By: "P3", Provider: "P2", To: "P1", Items: []events.ItemRef{{Entry: "E3", Item: "id"}}, Purposes: []string{"statistics"}, Reason: "x"}),
		at(day(6, 11), &events.OnwardRefused{Onward: "O1", Agreement: "A2", By: "P2", Reason: "x"}),
		at(day(6, 12), issue), at(day(6, 12), &events.QualityIssueAccepted{Issue: "Q2", By: "P1"}),
		at(day(6, 12), &events.QualityIssueMarked{Issue: "Q2", By: "P1", Entry: "E3", Items: []string{"date"}}),
		at(day(6, 12), &events.QualityIssueMarked{Issue: "Q2", By: "P1", Entry: "E2", Items: []string{"id"}}),
		at(day(6, 13), &events.QualityIssueTraced{Issue: "Q2", By: "P1", Origins: []events.Origin{{Entry: "E1", Party: "P2"}}, AsOf: 3}),
		at(day(6, 13), &events.QualityIssueAssigned{Issue: "Q2", By: "P1", To: "P3", Capacity: "fusing"}),
		at(day(6, 13), &events.QualityIssueTransferred{Issue: "Q2", By: "P3", To: "P2", Capacity: "source", Reason: "x"}),
		at(day(6, 13), &events.CorrectionReceived{Issue: "Q2", By: "P2", From: "P3"}),
		at(day(6, 14), &events.CorrectionAnswered{Issue: "Q2", By: "P2", Verdict: events.VerdictUnfounded, Action: "refused", Reason: "x"}),
		at(day(6, 14), &events.CorrectionPropagated{Issue: "Q2", By: "P2", Recipients: []events.Recipient{{Party: "P3", Agreement: "A2", Told: day(6, 14)}}}),
		at(day(6, 14), &events.CorrectionPropagated{Issue: "Q9", By: "P2", Recipients: []events.Recipient{{Party: "P3", Told: day(6, 14)}}}), // never reported
		at(day(6, 15), &events.QualityIssueUnmarked{Issue: "Q2", By: "P1"}),
		at(day(6, 15), &events.QualityIssueClosed{Issue: "Q2", By: "P3", Outcome: "unfounded", Reason: "x"}),
		at(day(6, 15), &events.AccountabilityDetermined{Issue: "Q2", By: "P1", Party: "P2", Ground: "g", Facts: []uint64{3}}),
		at(day(6, 16), &events.QualityIssueReopened{Issue: "Q2", By: "P3", Reason: "x"}),
		at(day(6, 17), &events.EntrySuspended{Entry: "E3", By: "P1", Reason: "x"}),
		at(day(6, 18), &events.EntryResumed{Entry: "E3", By: "P1"}),
		at(day(6, 19), &events.SourceRelieved{Entry: "E3", Items: []string{"date"}, Party: "P2", By: "P1", Basis: "b"}),
		at(day(6, 19), &events.ResourceDetached{Resource: "RS1", Entry: "E3", By: "P2"}),
		at(day(6, 20), &events.AgreementFulfilled{Agreement: "A2", By: "P3"}),
		at(day(6, 21), &events.DisposalOpened{Disposal: "W1", Agreement: "A2", By: "P1", Provider: "P2", Consumer: "P3", Cause: events.StageFulfilled, Method: "erase"}),
		at(day(6, 22), &events.DisposalPerformed{Disposal: "W1", Agreement: "A2", By: "P3", Method: "erase", Evidence: "e"}),
		at(day(6, 23), &events.DisposalRejected{Disposal: "W1", Agreement: "A2", By: "P2", Reason: "x"}),
		at(day(6, 24), &events.DisposalPerformed{Disposal: "W1", Agreement: "A2", By: "P3", Method: "erase", Evidence: "e"}),
		at(day(6, 25), &events.DisposalAccepted{Disposal: "W1", Agreement: "A2", By: "P2"}),
		{at: day(5, 1), imported: true, data: old},
		byHand("H1", day(6, 1), day(5, 1), 0, "form", "id"), byHand("H2", day(6, 2), 0, day(7, 1), "raw", ""),
		byHand("H1", day(6, 26), 0, 0, "", ""), byHand("H1", day(6, 27), 0, 0, "letter", "id"),
	})
}

// script is a book that holds the scenario.
func script(b *book) *book {
	for i, c := range scenario() {
		if p := b.add(c); p != int64(i)+1 {
			panic(fmt.Sprintf("event %d at position %d", i, p))
		}
	}
	return b
}

// longScript is a book that holds both years.
func longScript(b *book) *book {
	script(b).add(slices.Concat(secondYear(), numbered())...)
	return b
}
