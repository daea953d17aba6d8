package projections

import (
	"fmt"
	"slices"
	"testing"

	"ledgerline/events"
)

// TestSelectiveLists: a list that is read by what is asked for holds what the list of
// everything holds of it, as of every tenth position, page by page; and so does the
// catalog in force, whose entries are read side by side.
func TestSelectiveLists(t *testing.T) {
	b := longScript(newBook(t))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	for at := int64(-1); at < b.Head().Size; at += 10 {
		w := viewAt(t, v, at)
		for _, on := range []events.Time{0, day(3, 20), day(8, 1)} {
			agreementsSelected(t, w, on)
			entriesSelected(t, w, on)
		}
	}
	list, err := current(t, v).Agreements(ctx, AgreementQuery{})
	if err != nil || len(list.Agreements) < 2 {
		t.Fatalf("too little to select from: %v, %d agreements", err, len(list.Agreements))
	}
}

// TestSelectiveDuties is the same of duties: five requests, two of them answered.
func TestSelectiveDuties(t *testing.T) {
	b := sharing(t)
	b.add(law(t, cst(t, "2025-08-01", 0), "cn 2025", "cn 2026", "cn-809-2025 2")...)
	for i := range 5 {
		request, at := fmt.Sprint("R", i), cst(t, fmt.Sprintf("2025-09-%02d", 1+i), 9)
		b.add(claim{at: at, data: &events.RequestSubmitted{
			Request: request, Provider: "P2", Consumer: "P3", Asks: []events.Ask{{Entry: "C", EntryVersion: 1, Items: []string{"id"}}},
			Purposes: []string{"benefit_eligibility"}, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "20"}}, Scenario: "s", Necessity: "n",
			Method: "api", Term: events.Period{From: at, To: cst(t, "2027-01-01", 0)}, ApprovedBy: "head-P3",
		}}, claim{at: at, data: &events.RequestReceived{Request: request, By: "P2"}})
		if i < 2 {
			b.add(claim{at: at, data: &events.RequestAnswered{Request: request, By: "P2", Outcome: "granted", ApprovedBy: "head-P2"}})
		}
	}
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	for at := int64(-1); at < b.Head().Size; at += 3 {
		for _, on := range []events.Time{0, cst(t, "2025-09-03", 10), cst(t, "2025-10-20", 10)} {
			dutiesSelected(t, viewAt(t, v, at), on)
		}
	}
	list, err := current(t, v).Duties(ctx, DutyQuery{})
	if err != nil || len(list.Duties) < 5 {
		t.Fatalf("too little to select from: %v, %d duties", err, len(list.Duties))
	}
}

// paged reads a list three rows at a time.
func paged(t *testing.T, read func(Page) (ids []string, next string, err error)) (all []string) {
	t.Helper()
	for p := (Page{Limit: 3}); ; {
		ids, next, err := read(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ids...)
		if p.Cursor = next; next == "" {
			return all
		}
	}
}

func agreementsSelected(t *testing.T, w *View, on events.Time) {
	t.Helper()
	all, err := w.Agreements(ctx, AgreementQuery{ValidAt: on})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []AgreementQuery{
		{Entry: "E1"}, {Entry: "E2"}, {Entry: "none"}, {Party: "P2"}, {Party: "P3"}, {Consumer: "P3"}, {Provider: "P2"}, {Provider: "P3"}, {Entry: "E1", Consumer: "P3"}, {Party: "P2", Column: "id"},
	} {
		q.ValidAt = on
		var want []string
		for _, a := range all.Agreements {
			if matches(q.Provider, a.Provider) && matches(q.Consumer, a.Consumer) && (q.Party == "" || q.Party == a.Provider || q.Party == a.Consumer) &&
				slices.ContainsFunc(a.Grants, func(g events.Grant) bool {
					return matches(q.Entry, g.Entry) && (q.Column == "" || slices.Contains(g.Items, q.Column))
				}) {
				want = append(want, a.ID)
			}
		}
		got := paged(t, func(p Page) (ids []string, next string, err error) {
			q.Page = p
			list, err := w.Agreements(ctx, q)
			for _, a := range list.Agreements {
				ids = append(ids, a.ID)
			}
			return ids, list.Next, err
		})
		equal(t, fmt.Sprintf("agreements of %+v as of %d", q, w.Position()), got, want)
	}
}

func dutiesSelected(t *testing.T, w *View, on events.Time) {
	t.Helper()
	all, err := w.Duties(ctx, DutyQuery{ValidAt: on})
	if err != nil {
		t.Fatal(err)
	}
	queries := []DutyQuery{{Case: "none"}, {Rule: "none"}}
	for _, d := range all.Duties {
		queries = append(queries, DutyQuery{Case: d.Case}, DutyQuery{Rule: d.Rule}, DutyQuery{Case: d.Case, Rule: d.Rule})
	}
	for _, q := range queries {
		q.ValidAt = on
		var want []string
		for _, d := range all.Duties {
			if matches(q.Case, d.Case) && matches(q.Rule, d.Rule) {
				want = append(want, d.ID)
			}
		}
		got := paged(t, func(p Page) (ids []string, next string, err error) {
			q.Page = p
			list, err := w.Duties(ctx, q)
			for _, d := range list.Duties {
				ids = append(ids, d.ID)
			}
			return ids, list.Next, err
		})
		slices.Sort(want)
		equal(t, fmt.Sprintf("duties of %+v as of %d", q, w.Position()), slices.Sorted(slices.Values(got)), want)
	}
}

func entriesSelected(t *testing.T, w *View, on events.Time) {
	t.Helper()
	all, err := w.Entries(ctx, EntryQuery{ValidAt: on})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []EntryQuery{{}, {Provider: "P2"}, {Region: "990000"}, {Region: "none"}, {Stage: events.StagePublished}, {Grade: "general-2", UpdateFrequency: "daily"}} {
		q.ValidAt = on
		var want []string
		for _, e := range all.Entries {
			if e.selected(q) && e.holds(nil) {
				want = append(want, e.ID)
			}
			one, ok, err := w.Entry(ctx, e.ID, on)
			if err != nil || !ok || fmt.Sprintf("%+v", one) != fmt.Sprintf("%+v", e) {
				t.Errorf("entry %s by itself: %v %v %+v, in the list %+v", e.ID, err, ok, one, e)
			}
		}
		got := paged(t, func(p Page) (ids []string, next string, err error) {
			q.Page = p
			list, err := w.Entries(ctx, q)
			for _, e := range list.Entries {
				ids = append(ids, e.ID)
			}
			return ids, list.Next, err
		})
		equal(t, fmt.Sprintf("entries of %+v as of %d", q, w.Position()), got, want)
	}
}

// TestAccessesBySystem: calls are found by the application that made them, answered and
// denied ones; a batch names none.
func TestAccessesBySystem(t *testing.T) {
	b := longScript(newBook(t))
	var want []int64
	for i, system := range []string{"pensions", "console", "pensions", ""} {
		call, denied := access("A3", "id"), deny("A3", "rate", "id")
		call.System, denied.System = system, system
		for _, d := range []events.Data{call, denied} {
			if at := b.add(claim{at: day(7, 1+i), data: d}); system == "pensions" {
				want = append(want, at)
			}
		}
	}
	slices.Reverse(want) // the last recorded first
	list, err := latestView(t, b).Accesses(ctx, AccessQuery{System: "pensions"})
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, a := range list.Accesses {
		if got = append(got, a.Position); a.System != "pensions" {
			t.Errorf("%d is of %q", a.Position, a.System)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the calls of one application are %v, want %v", got, want)
	}
	if list, err := latestView(t, b).Accesses(ctx, AccessQuery{System: "pensions", Result: events.AccessDenied}); err != nil || len(list.Accesses) != 2 {
		t.Errorf("denied to it: %+v %v", list.Accesses, err)
	}
}
