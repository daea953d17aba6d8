package demo

import (
	"slices"
	"testing"
	"time"

	"ledgerline/events"
)

// These are the investigations whose answers are known. They are checked over the
// data itself, so that what a ledger answers can be held against it.

// at finds the event of an id and tells when it is recorded.
func at(t *testing.T, all []told, id string) told {
	t.Helper()
	i := slices.IndexFunc(all, func(e told) bool { return e.event.ID == id })
	if i < 0 {
		t.Fatalf("no event has the id %s", id)
	}
	return all[i]
}

func TestWhenThingsHappened(t *testing.T) {
	all := toldEvents(t)
	for _, c := range []struct{ id, typ, day string }{
		{"DS06-v1-returned-20250807", "catalog.entry.returned", "2025-08-07"},
		{"DS06-v1-published-20250815", "catalog.entry.published", "2025-08-15"},
		{"DS03-v1-published-20250806", "catalog.entry.published", "2025-08-06"},
		{"DS03-v2-revised-20260105", "catalog.entry.revised", "2026-01-05"},
		{"DS03-v2-submitted-20260107", "catalog.entry.submitted", "2026-01-07"},
		{"DS03-v2-published-20260108", "catalog.entry.published", "2026-01-08"},
		{"DS26-v1-withdrawn-20251124", "catalog.entry.withdrawn", "2025-11-24"},
		{"A00-D01-activated", "share.agreement.activated", "2025-08-12"}, // recorded; signed in 2023
		{"A00-D02-activated", "share.agreement.activated", "2025-08-12"},
		{"A00-D03-activated", "share.agreement.activated", "2025-08-12"},
		{"A01-activated", "share.agreement.activated", "2025-08-12"},
		{"A02-activated", "share.agreement.activated", "2025-08-28"},
		{"A03-activated", "share.agreement.activated", "2025-09-02"},
		{"A04-activated", "share.agreement.activated", "2025-10-20"},
		{"A05-activated", "share.agreement.activated", "2025-10-10"},
		{"A06-activated", "share.agreement.activated", "2025-10-28"},
		{"A07-activated", "share.agreement.activated", "2025-10-14"},
		{"A08-activated", "share.agreement.activated", "2025-11-07"},
		{"A09-activated", "share.agreement.activated", "2025-11-14"},
		{"A10-activated", "share.agreement.activated", "2025-11-20"},
		{"A11-activated", "share.agreement.activated", "2025-12-05"},
		{"A12-activated", "share.agreement.activated", "2025-12-12"},
		{"A13-activated", "share.agreement.activated", "2025-12-26"},
		{"A14-activated", "share.agreement.activated", "2026-01-13"},
		{"A15-activated", "share.agreement.activated", "2026-03-05"},
		{"A11-suspended", "share.agreement.suspended", "2026-01-16"},
		{"A11-resumed", "share.agreement.resumed", "2026-02-09"},
		{"A14-fulfilled", "share.agreement.fulfilled", "2026-03-10"},
		{"Q01-closed", "quality.issue.closed", "2025-12-24"},
	} {
		e := at(t, all, c.id)
		if got := e.At.In(china).Format(time.DateOnly); got != c.day || e.event.Type != c.typ {
			t.Errorf("%s is a %s recorded on %s, want %s on %s", c.id, e.event.Type, got, c.typ, c.day)
		}
	}
	for _, e := range all {
		if old := e.event.Time.Std().Year() == 2023; old != e.event.Imported {
			t.Errorf("%s happened at %s, and imported is %v", e.event.ID, e.event.Time, e.event.Imported)
		}
	}
}

// S1: the date of death in the match came from the police's deregistrations, by
// the run of 3 December 2025, when the hospitals' certificates were no source yet.
func TestWhereTheDateOfDeathCameFrom(t *testing.T) {
	runs := toldRuns(t)
	sources := func(entry, column string, from, to time.Time) []string {
		var ids []string
		for _, r := range runs {
			if r.EventType != "COMPLETE" || r.EventTime.Std().Before(from) || !r.EventTime.Std().Before(to) {
				continue
			}
			for _, out := range r.Outputs {
				if out.Name != entryOf(entry).table.name {
					continue
				}
				for _, c := range out.ColumnLineage {
					for _, in := range c.Inputs {
						if c.Field == column {
							ids = append(ids, in.Name)
						}
					}
				}
			}
		}
		return ids
	}
	name := func(id string) string { return entryOf(id).table.name }
	if got, want := sources("DS23", "swrq", day("2025-12-03"), day("2025-12-04")), []string{name("DS02"), name("DS08")}; !slices.Equal(got, want) {
		t.Errorf("on 3 December DS23.swrq is made from %v, want %v", got, want)
	}
	if got, want := sources("DS25", "swrq", day("2025-12-01"), day("2026-01-01")), []string{name("DS23")}; !slices.Equal(got, want) {
		t.Errorf("in December DS25.swrq is made from %v, want %v", got, want)
	}
	for _, c := range []struct {
		from, to time.Time
		want     bool
	}{{Opening(), day("2026-03-30"), false}, {day("2026-03-30"), day("2026-04-01"), true}} {
		if got := slices.Contains(sources("DS23", "swrq", c.from, c.to), name("DS06")); got != c.want {
			t.Errorf("from %s to %s DS06 is a source of DS23.swrq: %v, want %v", c.from, c.to, got, c.want)
		}
	}
	// The late provision: what A02 granted on 28 August was first read on 14 October.
	all := toldEvents(t)
	first := slices.IndexFunc(all, func(e told) bool {
		d, ok := e.event.Data.(*events.AccessRecorded)
		return ok && d.Agreement == "A02"
	})
	if first < 0 {
		t.Fatal("A02 is never used")
	}
	if got := all[first].At.In(china).Format(time.DateOnly); got != "2025-10-14" {
		t.Errorf("A02 is first used on %s, want 2025-10-14", got)
	}
}

// S2: one agreement grants telephone numbers, and one call took them all.
func TestWhoTookTheTelephoneNumbers(t *testing.T) {
	all := toldEvents(t)
	var grants []string
	for _, a := range dataOf[events.AgreementActivated](all) {
		for _, g := range a.Grants {
			if g.Entry == "DS23" && slices.Contains(g.Items, "lxdh") {
				grants = append(grants, a.Agreement)
			}
		}
	}
	if !slices.Equal(grants, []string{"A11"}) {
		t.Errorf("telephone numbers are granted by %v, want A11 alone", grants)
	}
	leak := at(t, all, "GW20260114214000.000-D03-DS23")
	d := leak.event.Data.(*events.AccessRecorded)
	if d.RowCount != 182_406 || d.Agreement != "A11" || d.Operator != "X2" || !slices.Equal(d.Columns, []string{"xm", "lxdh"}) || d.Result != events.AccessOK {
		t.Errorf("the leak is %+v", d)
	}
	resumed := at(t, all, "A11-resumed").event.Data.(*events.AgreementResumed)
	if want := []events.ItemRef{{Entry: "DS23", Item: "lxdh"}}; !slices.Equal(resumed.ItemsRemoved, want) {
		t.Errorf("A11 is resumed without %v, want %v", resumed.ItemsRemoved, want)
	}
	for _, r := range toldRuns(t) {
		if at := r.EventTime.Std(); r.Job.Name == "si.match_death" && at.After(on("2026-01-16 18:00")) && at.Before(on("2026-02-09 09:00")) {
			t.Errorf("the match ran at %s, while A11 was suspended", at)
		}
	}
}

// mandate is what the data bureau may collect without an agreement.
var mandate = []string{"DS01", "DS02", "DS03", "DS05", "DS06", "DS07", "DS08", "DS10", "DS11", "DS14", "DS15", "DS18"}

// S4: every input of every run is covered by ownership, mandate or an agreement
// for just its columns, but for the city's household check reading DS20.
func TestInputsWithoutAuthority(t *testing.T) {
	byTable := map[string]entry{}
	for _, e := range entries {
		byTable[e.table.name] = e
	}
	owners := map[string]string{}
	for _, j := range append(slices.Clone(jobs), nightly) {
		owners[j.name] = j.owner
	}
	var first time.Time
	uncovered := map[string]int{}
	for _, r := range toldRuns(t) {
		owner := owners[r.Job.Name]
		read := map[string][]string{}
		for _, out := range r.Outputs {
			for _, c := range append(slices.Clone(out.ColumnLineage), events.ColumnLineage{Inputs: out.DatasetLineage}) {
				for _, in := range c.Inputs {
					read[in.Name] = append(read[in.Name], in.Field)
				}
			}
		}
		for table, columns := range read {
			e := byTable[table]
			if e.provider == owner || owner == "D07" && slices.Contains(mandate, e.id) {
				continue
			}
			id := covering(owner, e.id, r.EventTime.Std())
			if id == "" {
				uncovered[owner+" "+r.Job.Name+" "+e.id]++
				if first.IsZero() {
					first = r.EventTime.Std().In(china)
				}
				continue
			}
			for _, c := range columns {
				if !slices.Contains(agreementOf(id).itemsOf(e.id), c) {
					t.Errorf("%s reads %s.%s, which %s does not grant", r.Job.Name, e.id, c, id)
				}
			}
		}
	}
	if len(uncovered) != 1 || uncovered["C02 aid.household_check DS20"] != 6 {
		t.Errorf("inputs without authority: %v, want six runs of C02's check reading DS20", uncovered)
	}
	if got := first.Format(time.DateOnly); got != "2026-01-16" {
		t.Errorf("DS20 is first read without authority on %s, want 2026-01-16", got)
	}
}

// Nine answered calls break a rule of their agreement; the tour promises them.
func TestCallsThatBreakARule(t *testing.T) {
	type state struct {
		active   bool
		granted  map[string][]string
		purposes []string
	}
	now := map[string]*state{}
	broken := map[string]int{}
	for _, e := range toldEvents(t) {
		switch d := e.event.Data.(type) {
		case *events.AgreementActivated:
			s := &state{true, map[string][]string{}, d.Purposes}
			for _, g := range d.Grants {
				s.granted[g.Entry] = g.Items
			}
			now[d.Agreement] = s
		case *events.AgreementSuspended:
			now[d.Agreement].active = false
		case *events.AgreementResumed:
			now[d.Agreement].active = true
			for _, r := range d.ItemsRemoved {
				now[d.Agreement].granted[r.Entry] = slices.DeleteFunc(now[d.Agreement].granted[r.Entry], func(i string) bool { return i == r.Item })
			}
		case *events.AgreementFulfilled:
			now[d.Agreement].active = false
		case *events.AccessRecorded:
			if d.Result != events.AccessOK {
				continue
			}
			a := now[d.Agreement]
			switch {
			case a == nil:
				broken["no agreement: "+d.Consumer+" "+d.Entry]++
			case !a.active:
				broken["not active: "+d.Agreement]++
			case !slices.Contains(a.purposes, d.Purpose):
				broken["purpose: "+d.Agreement]++
			default:
				for _, c := range d.Columns {
					if !slices.Contains(a.granted[d.Entry], c) {
						broken["column: "+d.Agreement+" "+c]++
					}
				}
			}
		}
	}
	want := map[string]int{"no agreement: C02 DS20": 6, "not active: A11": 1, "purpose: A12": 1, "column: A09 lxdh": 1}
	for k, n := range broken {
		if want[k] != n {
			t.Errorf("%d calls break a rule (%s), want %d", n, k, want[k])
		}
	}
	if len(broken) != len(want) {
		t.Errorf("calls break rules in these ways: %v, want %v", broken, want)
	}
}
