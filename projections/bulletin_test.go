package projections

import (
	"slices"
	"strings"
	"testing"

	"ledgerline/events"
)

// figureOf finds a figure; the zero figure if the bulletin has none of that id.
func figureOf(b Bulletin, id string) Figure {
	for _, f := range b.Figures {
		if f.ID == id {
			return f
		}
	}
	return Figure{}
}

// TestBulletin counts a month by hand: two requests, of which one was answered late,
// an agreement that was used and one that was not, calls of which one broke a rule.
func TestBulletin(t *testing.T) {
	b := sharing(t)
	b.add(law(t, cst(t, "2025-08-01", 0), "cn 2025", "cn 2026", "cn-809-2025 2")...)
	positions := map[string]int64{}
	for _, r := range []struct{ id, received, answered, outcome string }{
		{"R1", "2025-09-01", "2025-09-12", events.StageGranted}, // due on the 15th
		{"R2", "2025-09-01", "2025-09-24", events.StageRefused},
		{"R3", "2025-09-22", "2025-10-09", events.StageGranted}, // of the next month
	} {
		positions[r.id] = b.add(
			claim{at: cst(t, r.received, 8), data: &events.RequestSubmitted{
				Request: r.id, Provider: "P2", Consumer: "P3", Asks: []events.Ask{{Entry: "C", EntryVersion: 1, Items: []string{"id"}}},
				Purposes: []string{"benefit_eligibility"}, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "20"}}, Scenario: "s", Necessity: "n",
				Method: "api", Term: events.Period{From: cst(t, r.received, 0), To: cst(t, "2027-01-01", 0)}, ApprovedBy: "head-P3",
			}},
			claim{at: cst(t, r.received, 9), data: &events.RequestReceived{Request: r.id, By: "P2"}})
		d := &events.RequestAnswered{Request: r.id, By: "P2", Outcome: r.outcome, ApprovedBy: "head-P2"}
		if r.outcome == events.StageRefused {
			d.Ground, d.Basis, d.Reasons = "not_in_duty", "cn809 21", []string{"no"}
		}
		b.add(claim{at: cst(t, r.answered, 10), data: d})
	}
	for _, id := range []string{"A1", "A2"} {
		from := cst(t, "2025-09-01", 0)
		b.add(claim{at: from, data: &events.AgreementActivated{
			Agreement: id, Provider: "P2", Consumer: "P3", Grants: []events.Grant{{Entry: "C", EntryVersion: 1, Items: []string{"id"}}}, Purposes: []string{"statistics"},
			Method: "api", ValidFrom: from, ValidTo: cst(t, "2026-09-01", 0), Onward: events.OnwardForbidden, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "21"}},
		}})
	}
	for i, c := range []events.AccessRecorded{
		{Call: "c1", Agreement: "A1", Columns: []string{"id"}, Result: events.AccessOK},
		{Call: "c2", Agreement: "A1", Columns: []string{"date"}, Result: events.AccessOK}, // not granted
		{Call: "c3", Agreement: "A1", Columns: []string{"id"}, Result: events.AccessError},
		{Call: "c4", Agreement: "A1", Columns: []string{"id"}, Result: events.AccessOK}, // in October
	} {
		c.Provider, c.Consumer, c.Entry, c.Method, c.Purpose = "P2", "P3", "C", "api", "statistics"
		at := cst(t, "2025-09-20", 9+i)
		if c.Call == "c4" {
			at = cst(t, "2025-10-01", 0)
		}
		positions[c.Call] = b.add(claim{at: at, data: &c})
	}
	w := latestView(t, b)
	ask := func(q BulletinQuery) Bulletin {
		q.From, q.To = cst(t, "2025-09-01", 0), cst(t, "2025-10-01", 0)
		got, err := w.Bulletin(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	all := ask(BulletinQuery{})
	for id, want := range map[string]int64{
		"catalog.published": 2, "request.granted": 500_000, "request.refused": 1, "request.answer_time": (11*24 + 1) * 3600,
		"request.met": 0, "request.refused_with_basis": 1, "request.answer_time_p90": (23*24 + 1) * 3600, "request.answer_days": 9, "request.answer_days_p90": 17,
		"duty/cn-809-2025/DL-02": 500_000, "access.success": 666_666, "access.beyond": 1, "agreement.used": 500_000, "agreement.use_recorded": 0,
		"violation/cn-809-2025/39.4": 1, "violation/cn-809-2025/40.2": 1,
	} {
		if f := figureOf(all, id); f.Value == nil || *f.Value != want {
			t.Errorf("%s: %+v, want %d", id, f, want)
		}
	}
	if f := figureOf(all, "agreement.disposed"); f.Value != nil || f.ID == "" {
		t.Errorf("a share of nothing has the value %+v", f)
	}
	if f := figureOf(all, "access.beyond"); !slices.Equal(f.Counted, []int64{positions["c2"]}) {
		t.Errorf("the call that broke a rule is %v, want %d", f.Counted, positions["c2"])
	}
	if f := figureOf(all, "access.success"); !slices.Equal(f.Counted, []int64{positions["c2"], positions["c1"]}) || !slices.Equal(f.Others, []int64{positions["c3"]}) {
		t.Errorf("the calls are %v and %v", f.Counted, f.Others)
	}
	for _, q := range []struct {
		q    BulletinQuery
		id   string
		want int64
	}{
		{BulletinQuery{Party: "P3"}, "catalog.published", 0}, {BulletinQuery{Party: "P3"}, "access.beyond", 1}, {BulletinQuery{Party: "P2"}, "access.beyond", 0},
		{BulletinQuery{Party: "P2"}, "catalog.published", 2}, {BulletinQuery{Region: "110000"}, "catalog.published", 0}, {BulletinQuery{Region: "990000"}, "catalog.published", 2},
	} {
		if f := figureOf(ask(q.q), q.id); f.Value == nil || *f.Value != q.want {
			t.Errorf("%+v, %s: %+v, want %d", q.q, q.id, f, q.want)
		}
	}
	if zone, err := w.Zone(); err != nil || zone.String() != "Asia/Shanghai" {
		t.Errorf("the zone is %v, %v", zone, err)
	}
}

// TestBulletinKeepsImportedApart: what is from before the ledger is no native evidence,
// and makes no figure but its own.
func TestBulletinKeepsImportedApart(t *testing.T) {
	b := sharing(t)
	from := cst(t, "2025-09-02", 0)
	var imported []int64
	for _, old := range []events.Data{
		&events.AgreementActivated{
			Agreement: "A0", Provider: "P2", Consumer: "P3", Grants: []events.Grant{{Entry: "C", EntryVersion: 1, Items: []string{"id"}}}, Purposes: []string{"statistics"},
			Method: "api", ValidFrom: from, ValidTo: cst(t, "2026-09-01", 0), Onward: events.OnwardForbidden, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "21"}},
		},
		&events.AccessRecorded{Call: "c0", Provider: "P2", Consumer: "P3", Agreement: "A0", Entry: "C", Method: "api", Purpose: "statistics", Columns: []string{"date"}, Result: events.AccessOK},
		&events.QualityIssueReported{Issue: "Q0", By: "P3", Entry: "C", Dimension: "GB36344:0302", Symptom: "wrong", Severity: "major", Description: "d"},
	} {
		imported = append(imported, b.add(claim{at: from, imported: true, data: old}))
	}
	got, err := latestView(t, b).Bulletin(ctx, BulletinQuery{From: cst(t, "2025-09-01", 0), To: cst(t, "2025-10-01", 0)})
	if err != nil {
		t.Fatal(err)
	}
	f := figureOf(got, "imported")
	slices.Sort(f.Counted)
	if f.Value == nil || *f.Value != 3 || !slices.Equal(f.Counted, imported) {
		t.Errorf("told about the time before: %+v, want the records %v", f, imported)
	}
	for _, id := range []string{"access.success", "access.beyond", "agreement.used", "agreement.use_recorded", "quality.reported"} {
		if f := figureOf(got, id); f.Count != 0 || f.Of != 0 {
			t.Errorf("%s counts what is from before the ledger: %+v", id, f)
		}
	}
	// What natively happens to them rests on what was told, and makes no figure either.
	continued := []int64{
		b.add(claim{at: from, data: &events.AgreementSuspended{Agreement: "A0", By: "P2", Cause: "review"}}),
		b.add(claim{at: from, data: &events.AgreementResumed{Agreement: "A0", By: "P2", Cause: "review"}}),
		b.add(claim{at: from, data: &events.QualityIssueAccepted{Issue: "Q0", By: "P2"}}),
	}
	later, err := latestView(t, b).Bulletin(ctx, BulletinQuery{From: cst(t, "2025-09-01", 0), To: cst(t, "2025-10-01", 0)})
	if err != nil {
		t.Fatal(err)
	}
	f = figureOf(later, "imported")
	for _, position := range []int64{continued[1], imported[1], imported[2], continued[2]} {
		if !slices.Contains(f.Counted, position) {
			t.Errorf("told about the time before, and continued: %+v lacks %d", f, position)
		}
	}
	if *f.Value != 3 {
		t.Errorf("told about the time before, and continued: %d things, want 3", *f.Value)
	}
	for _, id := range []string{"agreement.used", "agreement.use_recorded", "quality.reported"} {
		if f := figureOf(later, id); f.Count != 0 || f.Of != 0 {
			t.Errorf("%s counts what was told about the time before and continued: %+v", id, f)
		}
	}
	for _, f := range got.Figures {
		if strings.HasPrefix(f.ID, "violation/") && slices.ContainsFunc(imported, func(p int64) bool { return slices.Contains(f.Counted, p) }) {
			t.Errorf("a violation counts what is from before the ledger: %+v", f)
		}
	}
}
