package projections

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ledgerline/events"
)

// TestCatalogDiffByDate: what differs between two dates as known at one moment, and
// what was learned of one date between two; corrections recorded late count from when
// they took effect, as far as they were known.
func TestCatalogDiffByDate(t *testing.T) {
	b := newBook(t)
	d := draft("E1", "P2", "title", nil, "id")
	published := b.add(slices.Concat([]claim{party("P1"), party("P2"), party("P3"), {at: day(1, 2), data: d}}, inForce("E1", "P2"))...)
	second := revise(d, 2)
	second.Title = "late"
	// Recorded last, in force from 1 March on.
	late := b.add(slices.Concat([]claim{{at: day(5, 1), data: second}}, approve(day(5, 2), "E1", "P2", 2),
		[]claim{{at: day(5, 2), data: submit("E1", 2, events.SubmissionUpdate)}, {at: day(5, 3), effective: day(3, 1), data: publish("E1", 2)}})...)
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	for _, c := range []struct {
		from, to           int64
		validFrom, validAt events.Time
		want               string
	}{
		{late, late, day(1, 1), day(2, 1), "E1 added"},
		{late, late, day(2, 1), day(4, 1), "E1 changed"},
		{late, late, day(4, 1), day(2, 1), "E1 changed"},
		{late, late, day(4, 1), day(1, 1), "E1 withdrawn"},
		{late, late, day(2, 1), day(2, 5), ""},
		{late, late, day(3, 1), day(4, 1), ""},
		{published, published, day(2, 1), day(4, 1), ""}, // the second version was not known
		{published, late, 0, day(2, 1), ""},              // nor did it change what was in force then
		{published, late, 0, day(4, 1), "E1 changed"},    // this was learned
		{3, published, 0, day(4, 1), "E1 added"},
		{3, published, 0, day(1, 1), ""},
	} {
		diff, err := viewAt(t, v, c.to).CatalogDiff(ctx, viewAt(t, v, c.from), c.validFrom, c.validAt, Page{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range diff.Entries {
			got = append(got, e.ID+" "+e.Change)
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("from %d to %d, in force at %v and %v: got %q, want %q", c.from, c.to, c.validFrom, c.validAt, text, c.want)
		}
	}
	w := viewAt(t, v, late)
	if _, err := w.CatalogDiff(ctx, w, day(1, 1), 0, Page{}); err == nil {
		t.Error("one date alone is compared with nothing")
	}
}

// TestSharesAndAccessesByDate: what had happened by a date, as known at a position,
// with the parties' names of then.
func TestSharesAndAccessesByDate(t *testing.T) {
	b := newBook(t)
	base := b.add(slices.Concat([]claim{party("P1"), party("P2"), party("P3"), {at: day(1, 2), data: draft("E1", "P2", "title", nil, "id", "date")}}, inForce("E1", "P2"))...)
	b.add(
		claim{at: day(2, 1), data: activate("A1", "E1", "id")},
		claim{at: day(3, 1), data: access("A1", "id")},
		claim{at: day(4, 1), effective: day(2, 15), data: &events.AgreementSuspended{Agreement: "A1", By: "P1", Cause: "told late"}},
		claim{at: day(2, 20), data: access("A1", "id")}, // recorded last
		claim{at: day(5, 1), data: &events.PartyRenamed{Party: "P3", Name: "new name", Basis: "x"}},
	)
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	for _, c := range []struct {
		at     int64
		on     events.Time
		shares string
		calls  int
		name   string
	}{
		{base + 5, 0, "call suspended call activated", 2, "new name"},
		{base + 5, day(2, 10), "activated", 0, ""},
		{base + 5, day(2, 15), "suspended activated", 0, ""},
		{base + 5, day(2, 20), "call suspended activated", 1, ""},
		{base + 2, day(2, 20), "activated", 0, ""},
		{base + 3, day(2, 20), "suspended activated", 0, ""},
		{base + 4, day(3, 1), "call suspended call activated", 2, ""},
		{base, day(3, 1), "", 0, ""},
	} {
		w := viewAt(t, v, c.at)
		shares, err := w.Shares(ctx, ShareQuery{ValidAt: c.on})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range shares.Shares {
			kind := s.Type[strings.LastIndexByte(s.Type, '.')+1:]
			if kind == "recorded" {
				kind = "call"
			}
			got = append(got, kind)
		}
		calls, err := w.Accesses(ctx, AccessQuery{ValidAt: c.on})
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("known at %d, on %v", c.at, c.on)
		if text := strings.Join(got, " "); text != c.shares || len(calls.Accesses) != c.calls {
			t.Errorf("%s: %q and %d calls, want %q and %d", what, text, len(calls.Accesses), c.shares, c.calls)
		}
		if c.name != "" && shares.PartyNames["P3"] != c.name || c.name == "" && len(shares.Shares) > 0 && shares.PartyNames["P3"] == "new name" {
			t.Errorf("%s: the names are %v", what, shares.PartyNames)
		}
	}
}

// TestGapsAreNamed: where the provider of what was asked for declared that records of
// calls are missing, the list says so at its place; a gap of another provider is none
// of it.
func TestGapsAreNamed(t *testing.T) {
	gap := func(id, provider string, at events.Time) claim {
		return claim{at: at, data: &events.GapDeclared{Gap: id, Provider: provider, Producer: "g", By: provider, Period: events.Period{From: at - 60_000_000, To: at}, Cause: "outage"}}
	}
	b := newBook(t)
	b.add(slices.Concat([]claim{party("P1"), party("P2"), party("P3"), {at: day(1, 2), data: draft("E1", "P2", "title", nil, "id", "date")}}, inForce("E1", "P2"))...)
	b.add(claim{at: day(2, 1), data: activate("A1", "E1", "id")}, claim{at: day(3, 1), data: access("A1", "id")},
		gap("G1", "P2", day(3, 2)), gap("other", "P1", day(3, 3)), claim{at: day(3, 4), data: access("A1", "id")}, gap("G2", "P2", day(6, 1)))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	w := viewAt(t, v, b.Head().Size-1)
	for _, c := range []struct {
		q    AccessQuery
		want string
	}{
		{AccessQuery{Agreement: "A1", Gaps: true}, "G2 call G1 call"},
		{AccessQuery{Entry: "E1", To: day(5, 1), Gaps: true}, "call G1 call"},
		{AccessQuery{Consumer: "P3", Gaps: true}, "G2 call other G1 call"}, // whoever provided
		{AccessQuery{Consumer: "P3", Provider: "P2", Result: events.AccessOK, Gaps: true}, "G2 call G1 call"},
		{AccessQuery{Agreement: "A1", Type: "access.call.recorded", Gaps: true}, "call call"},
		{AccessQuery{Agreement: "A1"}, "call call"},
	} {
		var got []string
		for c.q.Limit = 2; ; {
			list, err := w.Accesses(ctx, c.q)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range list.Accesses {
				if a.Gap != nil {
					got = append(got, a.Gap.ID)
				} else {
					got = append(got, "call")
				}
			}
			if c.q.Cursor = list.Next; list.Next == "" {
				break
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%+v: got %q, want %q", c.q, text, c.want)
		}
	}
	for _, c := range []struct {
		q    TimelineQuery
		want int
	}{{TimelineQuery{Agreement: "A1", Gaps: true}, 5}, {TimelineQuery{Agreement: "A1"}, 3}, {TimelineQuery{Agreement: "A1", TypePrefix: "access.call", Gaps: true}, 2}} {
		list, err := w.Timeline(ctx, c.q)
		if err != nil || len(list.Rows) != c.want {
			t.Errorf("%+v: %d rows, %v", c.q, len(list.Rows), err)
		}
	}
}

// TestUsesOfAPerson: the calls about a person are found by the reference that they
// were recorded under, erased or not, and no others.
func TestUsesOfAPerson(t *testing.T) {
	b := newBook(t)
	about := func(person string, at events.Time) claim {
		a := access("", "id")
		a.DataSubject, a.Query = person, "q"
		return claim{at: at, data: a}
	}
	first := b.add(about("ref:a", day(2, 1)))
	b.add(about("ref:b", day(2, 2)), claim{at: day(2, 3), data: access("", "id")}, about("ref:a", day(2, 4)))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	for _, c := range []struct {
		q    AccessQuery
		want int
	}{
		{AccessQuery{Person: "ref:a"}, 2}, {AccessQuery{Person: "ref:b"}, 1}, {AccessQuery{Person: "ref:c"}, 0}, {AccessQuery{}, 4},
		{AccessQuery{Person: "ref:a", From: day(2, 2)}, 1}, {AccessQuery{Person: "ref:a", ValidAt: day(2, 2)}, 1},
	} {
		list, err := viewAt(t, v, b.Head().Size-1).Accesses(ctx, c.q)
		if err != nil || len(list.Accesses) != c.want {
			t.Errorf("%+v: %d calls, %v", c.q, len(list.Accesses), err)
		}
	}
	list, err := viewAt(t, v, first).Accesses(ctx, AccessQuery{Person: "ref:a"})
	if err != nil || len(list.Accesses) != 1 {
		t.Errorf("as of the first: %d calls, %v", len(list.Accesses), err)
	}
}
