package projections

import (
	"fmt"
	"testing"

	"ledgerline/events"
)

// grown is a view of both years.
func grown(t *testing.T) *View {
	t.Helper()
	b := longScript(newBook(t))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	return current(t, v)
}

func TestPartyHistory(t *testing.T) {
	w := grown(t)
	history, err := w.PartyHistory(ctx, "P4")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range history {
		got = append(got, fmt.Sprint(p.Type, " ", p.Name, " ", p.Region, " ", p.State, " ", len(p.Roles), " ", p.Successor))
	}
	equal(t, "history", got, []string{
		"party.body.registered 机关 P4 990000 registered 0 ", "party.body.renamed 新名 P4 990100 registered 0 ",
		"party.role.assigned 新名 P4 990100 registered 1 ", "party.role.revoked 新名 P4 990100 registered 0 ",
		"party.body.merged 新名 P4 990100 merged 0 P3",
	})
	for at, state := range map[events.Time]string{0: "merged", day(6, 2): "registered", day(7, 2): "merged"} {
		if p, ok, err := w.Party(ctx, "P4", at); err != nil || !ok || p.State != state {
			t.Errorf("P4 at %s is %+v (%v)", at, p, err)
		}
	}
	if _, ok, err := w.Party(ctx, "P4", day(1, 1)-1); ok || err != nil {
		t.Errorf("before it was registered: %v %v", ok, err)
	}
	if p, _, err := w.Party(ctx, "P3", 0); err != nil || fmt.Sprint(p.Predecessors) != "[P4]" {
		t.Errorf("the successor: %+v %v", p, err)
	}
	merged, err := w.Parties(ctx, PartyQuery{State: "merged"})
	if err != nil || len(merged.Parties) != 1 {
		t.Errorf("merged: %v %v", merged, err)
	}
}

func TestRequests(t *testing.T) {
	w := grown(t)
	r, ok, err := w.Request(ctx, "R1", 0)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if r.State != events.StageGranted || r.Submitted != day(6, 3) || r.Supplemented != day(6, 4) || r.Answered != day(6, 6) || r.Extended != 5 ||
		r.ExtendedBy != "P1" || len(r.Events) != 6 || len(r.Granted) != 1 || r.AnswerApprover != "head-P2" || r.ConsumerName == "" {
		t.Errorf("%+v", r)
	}
	if r, _, err := w.Request(ctx, "R1", day(6, 3)); err != nil || r.State != events.StageReceived {
		t.Errorf("on the day it was received: %+v %v", r, err)
	}
	for _, c := range []struct {
		q    RequestQuery
		want int
	}{
		{RequestQuery{Provider: "P2", Consumer: "P3", Entry: "E3", Column: "date", Purpose: "statistics", State: "granted"}, 1},
		{RequestQuery{Entry: "E3", Column: "phone"}, 0}, {RequestQuery{Consumer: "P2"}, 0}, {RequestQuery{Party: "P2"}, 1}, {RequestQuery{Party: "P3"}, 1}, {RequestQuery{Party: "P1"}, 0}, {RequestQuery{From: day(6, 4)}, 0},
		{RequestQuery{ValidAt: day(6, 5), State: "supplemented"}, 1}, {RequestQuery{ValidAt: day(6, 2)}, 0},
	} {
		if list, err := w.Requests(ctx, c.q); err != nil || len(list.Requests) != c.want {
			t.Errorf("%+v: %d, want %d (%v)", c.q, len(list.Requests), c.want, err)
		}
	}
}

func TestAgreementsAmendedAndEnded(t *testing.T) {
	w := grown(t)
	for at, want := range map[events.Time]string{0: "fulfilled 2", day(6, 8): "active 1 2", day(6, 9): "active 2 1", day(7, 1): "fulfilled 2 1"} {
		a, ok, err := w.Agreement(ctx, "A2", at)
		got := fmt.Sprint(a.State, " ", a.Version)
		if at != 0 {
			got += fmt.Sprint(" ", len(a.Grants[0].Items))
		}
		if err != nil || !ok || got != want {
			t.Errorf("A2 at %s: %s, want %s (%v)", at, got, want, err)
		}
	}
	far, err := w.Accesses(ctx, AccessQuery{Agreement: "A2", FlaggedOnly: true, From: day(6, 10)})
	if err != nil || len(far.Accesses) != 1 || far.Accesses[0].Flags[0].Rule != RuleRegionNotGranted {
		t.Errorf("calls for another region: %+v %v", far, err)
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		granted, region string
		want            bool
	}{
		{"", "990000", true}, {"990000", "990102", true}, {"990100", "990102", true}, {"990102", "990100", false}, {"990100", "990200", false},
		{"990102", "990102001004", true}, {"990102001", "990102001004", true}, {"990102001", "990102002", false}, {"EU", "EU", true}, {"EU", "FR", false},
		{"990000", "980000", false},
	} {
		if got := covers(c.granted, c.region); got != c.want {
			t.Errorf("%s covers %s: %v", c.granted, c.region, got)
		}
	}
}

func TestImportedIsKeptApart(t *testing.T) {
	w := grown(t)
	yes, no := true, false
	accesses := func(q AccessQuery) int {
		list, err := w.Accesses(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Accesses)
	}
	if all, old, native := accesses(AccessQuery{}), accesses(AccessQuery{Imported: &yes}), accesses(AccessQuery{Imported: &no}); old != 1 || native != all-1 {
		t.Errorf("%d calls, %d imported, %d native", all, old, native)
	}
	shares, err := w.Shares(ctx, ShareQuery{Imported: &yes})
	if err != nil || len(shares.Shares) != 1 || !shares.Shares[0].Imported {
		t.Errorf("imported shares: %+v %v", shares, err)
	}
	rows, err := w.Timeline(ctx, TimelineQuery{Imported: &yes})
	if err != nil || len(rows.Rows) != 1 || !rows.Rows[0].Imported {
		t.Errorf("imported records: %+v %v", rows, err)
	}
}

func TestSharesTellTheWholeStory(t *testing.T) {
	w := grown(t)
	list, err := w.Shares(ctx, ShareQuery{Entry: "E3", Column: "id"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, s := range list.Shares {
		got[s.Type]++
		if s.Provider != "P2" || s.Consumer != "P3" {
			t.Errorf("%s is of %q and %q", s.Type, s.Provider, s.Consumer)
		}
	}
	for _, typ := range []string{"share.request.submitted", "share.request.answered", "share.agreement.activated", "share.agreement.amended", "share.provision.made_available",
		"share.delivery.completed", "share.delivery.acknowledged", "share.onward.requested", "share.onward.refused", "share.agreement.fulfilled",
		"disposal.duty.opened", "disposal.performed", "disposal.rejected", "disposal.accepted", "access.call.recorded"} {
		if got[typ] == 0 {
			t.Errorf("%s is not told", typ)
		}
	}
	byPurpose, err := w.Shares(ctx, ShareQuery{Purpose: "statistics", Provider: "P2", From: day(6, 10), To: day(6, 11)})
	if err != nil || len(byPurpose.Shares) != 2 {
		t.Errorf("by purpose in a window: %+v %v", byPurpose, err)
	}
}

func TestMarksAndAttachments(t *testing.T) {
	w := grown(t)
	marked := position(t, w, "quality.issue.marked", 1)
	unmarked := position(t, w, "quality.issue.unmarked", 0)
	entry := func(id string, at int64) Entry {
		e, ok, err := viewAt(t, w.v, at).Entry(ctx, id, 0)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return e
	}
	for _, id := range []string{"E2", "E3"} {
		if e := entry(id, marked); len(e.Marks) != 1 || e.Marks[0].Issue != "Q2" {
			t.Errorf("%s is marked with %+v", id, e.Marks)
		}
		if e := entry(id, unmarked); len(e.Marks) != 0 {
			t.Errorf("%s is still marked with %+v", id, e.Marks)
		}
	}
	attached, detached := position(t, w, "catalog.resource.refreshed", 0), position(t, w, "catalog.resource.detached", 0)
	e := entry("E3", attached)
	if len(e.Attached) != 1 || e.Attached[0].Dataset.Name != "extra" || e.Attached[0].Rows != 5 || len(e.Sources) != 1 || e.Sources[0].Party != "P2" {
		t.Errorf("attached: %+v, sources %+v", e.Attached, e.Sources)
	}
	if e := entry("E3", detached); len(e.Attached) != 0 {
		t.Errorf("detached: %+v", e.Attached)
	}
	rate, err := viewAt(t, w.v, attached).HookRate(ctx, "")
	if err != nil || rate.Shareable != 1 || rate.Hooked != 1 {
		t.Errorf("hook rate %+v (%v)", rate, err)
	}
	if rate, err = viewAt(t, w.v, detached).HookRate(ctx, ""); err != nil || fmt.Sprint(rate.Unhooked) != "[E3]" {
		t.Errorf("hook rate %+v (%v)", rate, err)
	}
	if e := entry("E3", position(t, w, "catalog.entry.suspended", 0)); !e.Suspended {
		t.Error("the suspension does not show")
	}
	for at, want := range map[events.Time]bool{day(6, 16): false, day(6, 17): true, day(6, 18): false} {
		if e, ok, err := w.Entry(ctx, "E3", at); err != nil || !ok || e.Suspended != want {
			t.Errorf("E3 at %s: suspended %v (%v %v)", at, e.Suspended, ok, err)
		}
	}
}
