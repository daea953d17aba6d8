package projections

import (
	"slices"
	"testing"

	"ledgerline/events"
)

// TestInvariant_I30: every input of a run is covered by ownership, mandate or an
// agreement in force when it ran, or is flagged.
func TestInvariant_I30(t *testing.T) {
	b := newBook(t)
	b.add(party("P1"), party("P2"), party("P3"), party("P4"), party("P5"))
	described := func(name string) []events.Resource {
		return []events.Resource{{Namespace: "pg", Name: name, Method: "database"}}
	}
	free := draft("E5", "P2", "t", described("free"), "id")
	free.Sharing = events.Sharing{Attribute: events.SharingUnconditional}
	for _, d := range []*events.EntryDrafted{
		draft("E1", "P2", "t", described("raw"), "id"), draft("E2", "P3", "t", described("report"), "id"),
		draft("E3", "P5", "t", described("library"), "id"), draft("E4", "P2", "t", described("own"), "id"), free,
	} {
		b.add(claim{at: day(1, 2), data: d})
		b.add(inForce(d.Entry, d.Provider)...)
	}
	b.add(claim{at: day(1, 5), data: &events.RoleAssigned{Party: "P5", Role: events.RoleCollector, Scope: "E3"}},
		claim{at: day(2, 1), data: activate("A1", "E1", "id")},
		claim{at: day(3, 1), data: &events.AgreementSuspended{Agreement: "A1", By: "P1", Cause: "x"}})
	run := func(id, job, in, out string, at events.Time) claim {
		return olRun(id, job, "COMPLETE", at, inputs(olInput(in)), outputs(events.LineageOutput{Namespace: "pg", Name: out}))
	}
	cases := []struct {
		job  string
		runs []claim
		want string // party and entry flagged
	}{
		{"own", []claim{run("1", "own", "raw", "own", day(2, 5))}, ""},
		{"in force", []claim{run("2", "in force", "raw", "report", day(2, 5))}, ""},
		{"early", []claim{run("3", "early", "raw", "report", day(1, 31))}, "P3 E1"},
		{"suspended", []claim{run("4", "suspended", "raw", "report", day(2, 6)), run("5", "suspended", "raw", "report", day(3, 5)), run("6", "suspended", "raw", "report", day(3, 4))}, "P3 E1"},
		{"mandate", []claim{run("7", "mandate", "raw", "library", day(3, 5))}, ""},
		{"mandate for another", []claim{olRun("8", "mandate for another", "COMPLETE", day(3, 5), inputs(olInput("raw")), outputs(events.LineageOutput{Namespace: "pg", Name: "report"}))}, "P3 E1"},
		{"unconditional", []claim{run("9", "unconditional", "free", "report", day(3, 5))}, ""},
		{"no entry", []claim{run("10", "no entry", "other", "report", day(3, 5))}, ""},
		{"nobody's", []claim{run("11", "nobody's", "raw", "scratch", day(3, 5))}, ""},
		{"in two events", []claim{olRun("12", "in two events", "START", day(3, 5), inputs(olInput("raw")), nil),
			olRun("12", "in two events", "COMPLETE", day(3, 6), nil, outputs(events.LineageOutput{Namespace: "pg", Name: "report"}))}, "P3 E1"},
	}
	pushed := run("14", "pushed", "raw", "report", day(3, 5)) // by P2, whose data it is
	pushed.data.(*events.OpenLineageReceived).Job.Namespace = "etl of P2"
	b.add(claim{at: day(1, 5), data: &events.RoleAssigned{Party: "P2", Role: events.RoleOperator, Scope: "etl of P2"}}, pushed,
		claim{at: day(1, 5), data: &events.RoleRevoked{Party: "P2", Role: events.RoleOperator, Scope: "etl of P2"}})
	claimed := run("13", "named", "raw", "scratch", day(3, 5))
	claimed.party = "P4"
	for _, c := range cases {
		b.add(c.runs...)
	}
	b.add(claimed)
	w := latestView(t, b)
	list, err := w.Violations(ctx, ViolationQuery{Rule: RuleInputNotCovered, Page: Page{Limit: MaxLimit}})
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, v := range list.Violations {
		got = append(got, v.Party+" "+v.Entry+" "+v.Detail[:len("the job etl/")+3])
	}
	for _, c := range append(cases, struct {
		job  string
		runs []claim
		want string
	}{"named", nil, "P4 E1"}) {
		if c.want != "" {
			want = append(want, c.want+" the job etl/"+c.job[:3])
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	equal(t, "flagged", got, want)
	for _, v := range list.Violations {
		if v.Time == day(3, 4) && len(v.Events) == 2 { // of "suspended": the earliest run, told last
			return
		}
	}
	t.Errorf("the first run without authority is not named: %+v", list.Violations)
}
