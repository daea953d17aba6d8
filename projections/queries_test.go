package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ledgerline/events"
)

var ctx = context.Background()

// scripted opens a view of the whole scenario.
func scripted(t *testing.T) *View {
	t.Helper()
	b := script(newBook(t))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	return current(t, v)
}

// position finds the n-th record (from 0) of a type in the scenario.
func position(t *testing.T, w *View, typ string, n int) int64 {
	t.Helper()
	list, err := w.Timeline(ctx, TimelineQuery{TypePrefix: typ})
	if err != nil {
		t.Fatal(err)
	}
	return list.Rows[n].Position
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestCatalog(t *testing.T) {
	w := scripted(t)
	published := position(t, w, "catalog.entry.published", 0)
	again := position(t, w, "catalog.entry.published", 1)

	// Known on K: drafted only, then published, then withdrawn.
	for _, c := range []struct {
		at                 int64
		stage              string
		version, published int
	}{
		{published - 1, events.StageSubmitted, 1, 0},
		{published, events.StagePublished, 1, 1},
		{again - 1, events.StageSubmitted, 2, 1},
		{again, events.StagePublished, 2, 2},
		{w.Position(), events.StageWithdrawn, 2, 0},
	} {
		e, ok, err := viewAt(t, w.v, c.at).Entry(ctx, "E1", 0)
		if err != nil || !ok || e.Stage != c.stage || e.Version != c.version || e.Published != c.published {
			t.Errorf("E1 as of %d: %v %v %s v%d, in force v%d; want %+v", c.at, err, ok, e.Stage, e.Version, e.Published, c)
		}
	}
	// In force on D: nothing before January 10, version 1 until April, then 2.
	for _, c := range []struct {
		on       events.Time
		at       int64
		version  int
		from, to events.Time
	}{
		{day(1, 9), w.Position(), 0, 0, 0},
		{day(1, 10), w.Position(), 1, day(1, 10), day(4, 1)},
		{day(3, 20), w.Position(), 1, day(1, 10), day(4, 1)},
		{day(4, 1), w.Position(), 2, day(4, 1), day(5, 3)},
		{day(4, 1), again - 1, 1, day(1, 10), 0}, // known before version 2 was published
		{day(5, 3), w.Position(), 0, 0, 0},
	} {
		e, ok, err := viewAt(t, w.v, c.at).Entry(ctx, "E1", c.on)
		if err != nil || ok != (c.version > 0) || e.Version != c.version || e.ValidFrom != c.from || e.ValidTo != c.to {
			t.Errorf("E1 in force on %s as of %d: %v %v v%d [%s, %s), want %+v", c.on, c.at, err, ok, e.Version, e.ValidFrom, e.ValidTo, c)
		}
	}
	for text, want := range map[string][]string{
		"死亡": {"E1"}, "DEATH": {"E1"}, "ｄｅａｔｈ 登记": {"E1"}, "pensions 机关": {"E2"}, "项 phone": {"E1"}, "nowhere": nil, "": {"E1", "E2"},
	} {
		list, err := w.Entries(ctx, EntryQuery{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, e := range list.Entries {
			ids = append(ids, e.ID)
		}
		equal(t, "search "+text, ids, want)
	}
}

func TestEntryHistory(t *testing.T) {
	w := scripted(t)
	steps, err := w.EntryHistory(ctx, "E1")
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, s := range steps {
		types = append(types, strings.TrimPrefix(s.Type, "catalog.entry."))
	}
	equal(t, "steps", types, strings.Fields("drafted assessed assessed department_approved submitted returned revised assessed assessed department_approved submitted published "+
		"revised assessed assessed department_approved submitted published submitted withdrawn"))
	var fields []string
	for _, c := range steps[12].Changed { // the second version
		fields = append(fields, c.Field)
	}
	equal(t, "changed by version 2", fields, []string{"assessments", "items/place", "resources/pg/clean", "stage", "valid_from", "version"})
}

func TestCatalogDiff(t *testing.T) {
	w := scripted(t)
	first := position(t, w, "catalog.entry.drafted", 0)
	middle := viewAt(t, w.v, position(t, w, "catalog.entry.published", 1))
	change := func(d CatalogDiff, err error) (out []string) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range d.Entries {
			out = append(out, e.ID+" "+e.Change)
		}
		return out
	}
	equal(t, "before the first", change(middle.CatalogDiff(ctx, viewAt(t, w.v, first-1), 0, 0, Page{})), []string{"E1 added", "E2 added"})
	equal(t, "after the first", change(middle.CatalogDiff(ctx, viewAt(t, w.v, first), 0, 0, Page{})), []string{"E1 changed", "E2 added"})
	equal(t, "to the end", change(w.CatalogDiff(ctx, middle, 0, 0, Page{})), []string{"E1 withdrawn"})
	if _, err := middle.CatalogDiff(ctx, w, 0, 0, Page{}); err == nil {
		t.Error("a difference backwards was given")
	}
}

func TestAgreements(t *testing.T) {
	w := scripted(t)
	suspended := position(t, w, "share.agreement.suspended", 0)
	for _, c := range []struct {
		at      int64
		on      events.Time
		state   string
		inForce bool
	}{
		{w.Position(), 0, events.StageTerminated, false},
		{w.Position(), day(2, 15), events.StageActive, true},
		{w.Position(), day(3, 2), events.StageSuspended, false},
		{w.Position(), day(4, 1), events.StageActive, true},
		{suspended - 1, day(3, 2), events.StageActive, true}, // not yet known to be suspended
		{w.Position(), day(1, 31), "", false},
	} {
		list, err := viewAt(t, w.v, c.at).Agreements(ctx, AgreementQuery{Party: "P3", Entry: "E1", ValidAt: c.on})
		if err != nil {
			t.Fatal(err)
		}
		state, inForce := "", false
		if len(list.Agreements) == 1 {
			state, inForce = list.Agreements[0].State, list.Agreements[0].InForce
		}
		if state != c.state || inForce != c.inForce {
			t.Errorf("A1 on %s as of %d: %q %v, want %+v", c.on, c.at, state, inForce, c)
		}
	}
	a, _, err := w.Agreement(ctx, "A1", 0)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "items left after the resumption", a.Grants[0].Items, []string{"id"})
	list, err := w.Agreements(ctx, AgreementQuery{Dataset: Dataset{"pg", "clean"}})
	if err != nil || len(list.Agreements) != 1 {
		t.Errorf("agreements on pg/clean: %v %v", list, err)
	}
}

// TestAccessesAreJudged goes through the calls of the scenario in order.
func TestAccessesAreJudged(t *testing.T) {
	w := scripted(t)
	list, err := w.Accesses(ctx, AccessQuery{})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list.Accesses)
	var got []string
	for _, a := range list.Accesses {
		var rules []string
		for _, f := range a.Flags {
			rules = append(rules, strings.TrimPrefix(f.Rule, "access."))
			if len(f.Events) == 0 || f.Events[len(f.Events)-1] != a.Position {
				t.Errorf("flag %+v does not name its record", f)
			}
		}
		got = append(got, strings.Join(rules, " "))
	}
	equal(t, "rules broken", got, []string{
		"", "column-not-granted", "agreement-not-active outside-term", "no-agreement", "purpose-not-granted entry-not-granted",
		"agreement-not-active", "", "", "no-agreement", "column-not-granted",
	})
	count := func(q AccessQuery) int {
		list, err := w.Accesses(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Accesses)
	}
	for _, c := range []struct {
		q    AccessQuery
		want int
	}{
		{AccessQuery{FlaggedOnly: true}, 7},
		{AccessQuery{Agreement: "A1"}, 8},
		{AccessQuery{Agreement: "A1", Column: "phone"}, 2},
		{AccessQuery{Entry: "E2"}, 1},
		{AccessQuery{Result: events.AccessDenied}, 1},
		{AccessQuery{From: day(2, 4), To: day(2, 6)}, 2},
		{AccessQuery{Consumer: "P1"}, 0},
	} {
		if got := count(c.q); got != c.want {
			t.Errorf("accesses %+v: %d, want %d", c.q, got, c.want)
		}
	}
}

func TestShares(t *testing.T) {
	w := scripted(t)
	for _, c := range []struct {
		q    ShareQuery
		want int
	}{
		{ShareQuery{}, 14},
		{ShareQuery{Provider: "P2", Consumer: "P3"}, 14},
		{ShareQuery{Entry: "E1", Column: "phone"}, 1},
		{ShareQuery{Entry: "E1", Column: "date"}, 4}, // granted, suspended, read twice
		{ShareQuery{From: day(5, 1)}, 1},
		{ShareQuery{Consumer: "P2"}, 0},
	} {
		list, err := w.Shares(ctx, c.q)
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Shares) != c.want {
			t.Errorf("shares %+v: %d, want %d", c.q, len(list.Shares), c.want)
		}
	}
}

func TestFindings(t *testing.T) {
	w := scripted(t)
	f, ok, err := w.Finding(ctx, "Q1", 0)
	if err != nil || !ok {
		t.Fatal(err, ok)
	}
	if f.State != events.StageClosed || f.By != "P3" || f.Provider != "P2" || f.Outcome != "fixed" || f.Closed != day(3, 16) || len(f.Events) != 9 {
		t.Errorf("finding %+v", f)
	}
	equal(t, "items of both reports", f.Items, []string{"date", "id"})
	before, _, err := viewAt(t, w.v, f.Position-1).Finding(ctx, "Q1", 0)
	if err != nil || before.State != events.StageRechecked {
		t.Errorf("before it was closed: %v %+v", err, before)
	}
	list, err := w.Findings(ctx, FindingQuery{Party: "P2", State: events.StageClosed})
	if err != nil || len(list.Findings) != 1 {
		t.Errorf("findings at P2: %v %v", list, err)
	}
}

func TestTimeline(t *testing.T) {
	w := scripted(t)
	types := func(q TimelineQuery) (out []string) {
		list, err := w.Timeline(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.Rows {
			out = append(out, r.Type)
		}
		return out
	}
	if got := types(TimelineQuery{}); int64(len(got)) != w.Position()+1 || got[0] != "ledger.genesis" {
		t.Errorf("%d rows, want %d", len(got), w.Position()+1)
	}
	// The closing names neither entry nor agreement; they follow.
	if got := types(TimelineQuery{Agreement: "A1", TypePrefix: "quality."}); len(got) != 7 {
		t.Errorf("quality of A1: %v", got)
	}
	if got := types(TimelineQuery{Entry: "E1", TypePrefix: "quality.issue.closed"}); len(got) != 1 {
		t.Errorf("closings at E1: %v", got)
	}
	// The suspension names P1 and the agreement; provider and entry follow.
	equal(t, "of P2 and E1", types(TimelineQuery{Party: "P2", Entry: "E1", TypePrefix: "share.agreement.s"}), []string{"share.agreement.suspended"})
	// A run names datasets; the entry follows once it describes them.
	equal(t, "runs at E1", types(TimelineQuery{Entry: "E1", Subject: events.Subject{Kind: events.KindRun, ID: "r1"}}),
		[]string{"lineage.openlineage.received", "lineage.openlineage.received", "lineage.openlineage.received"})
	// The job of a run follows.
	if got := types(TimelineQuery{Subject: events.Subject{Kind: events.KindJob, ID: "etl/clean"}}); len(got) != 6 {
		t.Errorf("of job etl/clean: %v", got)
	}
	after := position(t, w, "quality.issue.closed", 0)
	if got := types(TimelineQuery{After: &after}); int64(len(got)) != w.Position()-after {
		t.Errorf("after %d: %v", after, got)
	}
	recorded := viewAt(t, w.v, after).Recorded()
	if got := types(TimelineQuery{From: recorded}); int64(len(got)) != w.Position()-after+1 {
		t.Errorf("from %s: %v", recorded, got)
	}
	if got := types(TimelineQuery{To: recorded}); int64(len(got)) != after {
		t.Errorf("to %s: %d rows, want %d", recorded, len(got), after)
	}
}

// TestPages: a list read in parts is the list.
func TestPages(t *testing.T) {
	w := scripted(t)
	for _, descending := range []bool{false, true} {
		var got []int64
		for p := (Page{Limit: 3}); ; {
			list, err := w.Timeline(ctx, TimelineQuery{Party: "P3", Descending: descending, Page: p})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list.Rows {
				got = append(got, r.Position)
			}
			if p.Cursor = list.Next; p.Cursor == "" {
				break
			}
		}
		whole, err := w.Timeline(ctx, TimelineQuery{Party: "P3", Descending: descending})
		if err != nil {
			t.Fatal(err)
		}
		var want []int64
		for _, r := range whole.Rows {
			want = append(want, r.Position)
		}
		equal(t, "timeline", got, want)
	}
	var ids []string
	for p := (Page{Limit: 1}); ; {
		list, err := w.Parties(ctx, PartyQuery{Page: p})
		if err != nil {
			t.Fatal(err)
		}
		for _, party := range list.Parties {
			ids = append(ids, party.ID)
		}
		if p.Cursor = list.Next; p.Cursor == "" {
			break
		}
	}
	equal(t, "parties", ids, []string{"P1", "P2", "P3"})
	for _, cursor := range []string{"x", "!", idCursor("P1")} {
		_, err := w.Timeline(ctx, TimelineQuery{Page: Page{Cursor: cursor}})
		if bad := (*CursorError)(nil); !errors.As(err, &bad) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

func TestCounts(t *testing.T) {
	c, err := scripted(t).Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c.EventsByType = nil
	want := Counts{
		Events: int64(len(scenario())) + 1, Parties: 3, Entries: 2, EntriesByStage: map[string]int64{"drafted": 1, "withdrawn": 1},
		Agreements: 1, AgreementsByState: map[string]int64{"terminated": 1}, Accesses: 10, FlaggedAccesses: 7,
		Findings: 1, FindingsByState: map[string]int64{"closed": 1}, Datasets: 7, Jobs: 3, Runs: 4,
	}
	if got, want := fmt.Sprintf("%+v", c), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("counts\n got %s\nwant %s", got, want)
	}
}
