package projections

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ledgerline/events"
)

// figuresOf asks for the bulletin of a period, as of the end of a book.
func figuresOf(t testing.TB, b *book, from, to events.Time) Bulletin {
	t.Helper()
	got, err := latestView(t, b).Bulletin(ctx, BulletinQuery{From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestNineItems: an entry that lacks any item of Article 13 is not complete.
func TestNineItems(t *testing.T) {
	whole := func() *events.EntryDrafted {
		d := draft("E", "P2", "t", nil, "id")
		d.Format, d.ClassPath, d.Sharing.Methods = "database", []string{"1"}, []string{"api"}
		return d
	}
	for name, c := range map[string]struct {
		change func(*events.EntryDrafted)
		want   bool
	}{
		"whole":         {func(*events.EntryDrafted) {}, true},
		"no name":       {func(d *events.EntryDrafted) { d.Title = "" }, false},
		"no data items": {func(d *events.EntryDrafted) { d.Items = nil }, false},
		"no provider":   {func(d *events.EntryDrafted) { d.Provider = "" }, false},
		"no format":     {func(d *events.EntryDrafted) { d.Format = "" }, false},
		"no frequency":  {func(d *events.EntryDrafted) { d.UpdateFrequency = "" }, false},
		"no attribute":  {func(d *events.EntryDrafted) { d.Sharing.Attribute = "" }, false},
		"no method":     {func(d *events.EntryDrafted) { d.Sharing.Methods = nil }, false},
		"no range":      {func(d *events.EntryDrafted) { d.Sharing.Range = "" }, false},
		"no purposes":   {func(d *events.EntryDrafted) { d.Sharing.Purposes = nil }, false},
		"no class":      {func(d *events.EntryDrafted) { d.ClassPath = nil }, false},
		"no grade":      {func(d *events.EntryDrafted) { d.Grade = "" }, false},
		"unconditional": {func(d *events.EntryDrafted) {
			d.Sharing = events.Sharing{Attribute: "unconditional", Methods: []string{"api"}}
		}, true},
		"no method at all": {func(d *events.EntryDrafted) { d.Sharing = events.Sharing{Attribute: "unconditional"} }, false},
		"not shared": {func(d *events.EntryDrafted) {
			d.Sharing = events.Sharing{Attribute: "not_shared", Reason: "r", Basis: "b"}
		}, true},
		"without a basis": {func(d *events.EntryDrafted) { d.Sharing = events.Sharing{Attribute: "not_shared", Reason: "r"} }, false},
	} {
		d := whole()
		if c.change(d); nineItems(d) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}

// TestLater: a month later is on the same day, or the last of a shorter month, at the
// same time of day of the zone.
func TestLater(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, frequency string
		n               int
		want            string
	}{
		{"2026-01-31 08:00", "monthly", 1, "2026-02-28 08:00"}, {"2026-01-31 08:00", "monthly", 2, "2026-03-31 08:00"}, {"2026-03-28 08:00", "daily", 1, "2026-03-29 08:00"},
		{"2026-03-28 08:00", "weekly", 3, "2026-04-18 08:00"}, {"2025-11-30 08:00", "quarterly", 1, "2026-02-28 08:00"}, {"2024-02-29 08:00", "yearly", 1, "2025-02-28 08:00"},
	} {
		from, err := time.ParseInLocation("2006-01-02 15:04", c.from, zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := later(events.TimeOf(from), c.frequency, c.n, zone).Std().In(zone).Format("2006-01-02 15:04"); got != c.want {
			t.Errorf("%d times %s after %s: %s, want %s", c.n, c.frequency, c.from, got, c.want)
		}
		if longest := spanOf[c.frequency].longest; later(events.TimeOf(from), c.frequency, 1, zone)-events.TimeOf(from) > longest {
			t.Errorf("%s after %s is more than %d", c.frequency, c.from, longest)
		}
	}
}

// TestRefreshesInTime: what was expected of a resource in March, and came.
func TestRefreshesInTime(t *testing.T) {
	type step struct {
		at       events.Time
		what     string // attach, detach, withdraw, or when the next is expected, if that is said
		expected events.Time
	}
	for name, c := range map[string]struct {
		frequency string
		steps     []step
		so, of    int64
	}{
		"nothing is attached":    {"daily", nil, 0, 0},
		"each month":             {"monthly", []step{{day(1, 10), "attach", 0}, {day(2, 9), "", 0}, {day(3, 8), "", 0}}, 1, 1},
		"a day late":             {"monthly", []step{{day(1, 10), "attach", 0}, {day(2, 9), "", 0}, {day(3, 10), "", 0}}, 0, 1},
		"never":                  {"weekly", []step{{day(1, 10), "attach", 0}}, 0, 4},
		"never, by the month":    {"monthly", []step{{day(1, 31), "attach", 0}}, 0, 1},
		"not due":                {"yearly", []step{{day(1, 10), "attach", 0}, {day(3, 8), "", 0}}, 0, 0},
		"as it was said":         {"yearly", []step{{day(1, 10), "attach", 0}, {day(2, 10), "", day(3, 5)}, {day(3, 5), "", 0}}, 1, 1},
		"not as it was said":     {"other", []step{{day(1, 10), "attach", 0}, {day(2, 10), "", day(3, 5)}, {day(3, 6), "", 0}}, 0, 1},
		"said and never":         {"realtime", []step{{day(1, 10), "attach", 0}, {day(2, 10), "", day(3, 5)}}, 0, 1},
		"nothing said":           {"other", []step{{day(1, 10), "attach", 0}, {day(2, 10), "", 0}}, 0, 0},
		"early":                  {"monthly", []step{{day(1, 10), "attach", 0}, {day(2, 25), "", day(3, 20)}, {day(2, 26), "", day(4, 20)}}, 1, 1},
		"taken down":             {"weekly", []step{{day(2, 25), "attach", 0}, {day(3, 5), "detach", 0}}, 0, 1},
		"taken down in time":     {"weekly", []step{{day(2, 25), "attach", 0}, {day(3, 4), "detach", 0}}, 0, 0},
		"attached again":         {"weekly", []step{{day(2, 25), "attach", 0}, {day(2, 26), "detach", 0}, {day(3, 20), "attach", 0}, {day(3, 27), "", 0}}, 1, 1},
		"withdrawn":              {"weekly", []step{{day(2, 25), "attach", 0}, {day(3, 5), "withdraw", 0}}, 0, 1},
		"told of after a newer":  {"monthly", []step{{day(1, 10), "attach", 0}, {day(2, 9), "", 0}, {day(3, 20), "", 0}, {day(3, 8), "", 0}}, 0, 1},
		"told of late":           {"monthly", []step{{day(1, 10), "attach", 0}, {day(2, 9), "", 0}, {day(3, 8), "", 0}, {day(4, 8), "", 0}}, 1, 1},
		"before it was attached": {"weekly", []step{{day(3, 1), "", 0}, {day(3, 20), "attach", 0}, {day(3, 19), "", 0}, {day(3, 26), "", 0}}, 1, 1},
	} {
		b := newBook(t)
		b.add(party("P1"), party("P2"))
		d := draft("E1", "P2", "t", nil, "id")
		d.UpdateFrequency = c.frequency
		b.add(claim{at: day(1, 2), data: d})
		b.add(inForce("E1", "P2")...)
		for _, s := range c.steps {
			switch s.what {
			case "attach":
				b.add(claim{at: s.at, data: &events.ResourceAttached{Resource: "RS", Entry: "E1", By: "P2", Dataset: events.DatasetRef{Namespace: "pg", Name: "raw"}, Method: "api"}})
			case "detach":
				b.add(claim{at: s.at, data: &events.ResourceDetached{Resource: "RS", Entry: "E1", By: "P2"}})
			case "withdraw":
				b.add(claim{at: s.at, data: &events.EntryWithdrawn{Entry: "E1", By: "P1", Reason: "x"}})
			default:
				b.add(claim{at: s.at, data: &events.ResourceRefreshed{Resource: "RS", Entry: "E1", Period: events.Period{From: s.at - 1, To: s.at}, ExpectedBy: s.expected}})
			}
		}
		if f := figureOf(figuresOf(t, b, day(3, 1), day(4, 1)), "resource.refreshed_in_time"); f.Count != c.so || f.Of != c.of {
			t.Errorf("%s: %+v, want %d of %d", name, f, c.so, c.of)
		}
	}
}

// TestRecurred: an issue that is reported or reopened within 90 days of the closing of
// the same as put right.
func TestRecurred(t *testing.T) {
	type issue struct {
		items     []string
		dimension string
		entry     string
	}
	b := newBook(t)
	b.add(party("P1"), party("P2"), party("P3"))
	for _, e := range []string{"E1", "E2"} {
		b.add(claim{at: day(1, 2), data: draft(e, "P2", "t", nil, "id", "date")})
		b.add(inForce(e, "P2")...)
	}
	reported := func(id string, at events.Time, is issue) int64 {
		return b.add(claim{at: at, data: &events.QualityIssueReported{
			Issue: id, By: "P3", Entry: is.entry, Items: is.items, Dimension: is.dimension, Symptom: "wrong", Severity: "minor", Description: "x"}})
	}
	fixed := func(id string, at events.Time) int64 {
		return b.add(
			claim{at: at, data: &events.QualityIssueAccepted{Issue: id, By: "P1"}},
			claim{at: at, data: &events.QualityIssueAssigned{Issue: id, By: "P1", To: "P2", Capacity: "source"}},
			claim{at: at, data: &events.CorrectionReceived{Issue: id, By: "P2", From: "P3"}},
			claim{at: at, data: &events.CorrectionAnswered{Issue: id, By: "P2", Verdict: events.VerdictConfirmed, Action: "fixed", Reason: "x"}},
			claim{at: at, data: &events.QualityIssueRectified{Issue: id, By: "P2", Run: "r"}},
			claim{at: at, data: &events.QualityIssueRechecked{Issue: id, By: "P3", Outcome: "pass"}},
			claim{at: at, data: &events.QualityIssueClosed{Issue: id, By: "P3", Outcome: events.OutcomeFixed, Reason: "x"}})
	}
	first := reported("Q1", day(1, 10), issue{[]string{"id"}, "GB36344:0302", "E1"})
	closed := fixed("Q1", day(2, 1))
	want := map[bool][]int64{false: {first}}
	for i, c := range []struct {
		at  events.Time
		is  issue
		yes bool
	}{
		{day(1, 20), issue{[]string{"id"}, "GB36344:0302", "E1"}, false}, // before it was closed
		{day(2, 1), issue{[]string{"date", "id"}, "GB36344:0302", "E1"}, true},
		{day(2, 2), issue{[]string{"date"}, "GB36344:0302", "E1"}, false},
		{day(2, 2), issue{nil, "GB36344:0302", "E1"}, false},
		{day(2, 2), issue{[]string{"id"}, "GB36344:0301", "E1"}, false},
		{day(2, 2), issue{[]string{"id"}, "GB36344:0302", "E2"}, false},
		{day(5, 2), issue{[]string{"id"}, "GB36344:0302", "E1"}, true},      // 90 days
		{day(5, 2) + 1, issue{[]string{"id"}, "GB36344:0302", "E1"}, false}, // and a bit
	} {
		at := reported(fmt.Sprintf("R%d", i), c.at, c.is)
		if c.yes {
			want[true] = append(want[true], closed)
		}
		want[c.yes] = append(want[c.yes], at)
	}
	reported("R1", day(5, 1), issue{[]string{"id"}, "GB36344:0302", "E1"}) // of the same again: no new one
	want[true] = append(want[true], closed, b.add(claim{at: day(3, 1), data: &events.QualityIssueReopened{Issue: "Q1", By: "P3", Reason: "x"}}))
	b.add(claim{at: day(3, 2), data: &events.QualityIssueRejected{Issue: "R3", By: "P1", Reason: "x"}})
	want[false] = append(want[false], b.add(claim{at: day(3, 3), data: &events.QualityIssueReopened{Issue: "R3", By: "P3", Reason: "x"}}))
	f := figureOf(figuresOf(t, b, day(1, 1), day(12, 1)), "quality.recurred")
	slices.Sort(f.Counted)
	slices.Sort(want[true])
	if !slices.Equal(f.Counted, want[true]) || !slices.Equal(f.Others, want[false]) || f.Count != 3 || f.Of != 11 {
		t.Errorf("%+v, want %v", f, want)
	}
}

// TestMeasures: rows that conformed, by the characteristic that the rule is of; a run
// that is told of twice counts once.
func TestMeasures(t *testing.T) {
	b := newBook(t)
	b.add(party("P1"), party("P2"))
	b.add(claim{at: day(1, 2), data: draft("E1", "P2", "t", nil, "id")})
	b.add(inForce("E1", "P2")...)
	rule := func(id string, version int, dimension string) claim {
		return claim{at: day(1, 5), data: &events.QualityRulePublished{Rule: id, Version: version, Owner: "P1", Dimension: dimension, Expression: "x", Entry: "E1", Severity: "minor"}}
	}
	run := func(id string, at events.Time, results ...events.QualityResult) int64 {
		return b.add(claim{at: at, data: &events.QualityRunCompleted{Run: id, By: "P1", Entry: "E1", Results: results}})
	}
	b.add(rule("R1", 1, "GB36344:0201"), rule("R2", 1, "GB36344:0202"), rule("R3", 1, "dqv:x"), rule("R1", 2, "GB36344:0501"))
	m1 := run("m1", day(2, 1), events.QualityResult{Rule: "R1", RuleVersion: 1, Conforming: 3, Measured: 4}, events.QualityResult{Rule: "R2", Conforming: 5, Measured: 5, Pass: true})
	run("m1", day(2, 1), events.QualityResult{Rule: "R2", Conforming: 5, Measured: 5, Pass: true})
	m2 := run("m2", day(2, 2), events.QualityResult{Rule: "R1", Conforming: 0, Measured: 7}, events.QualityResult{Rule: "R3", Conforming: 1, Measured: 1}, events.QualityResult{Rule: "R9", Conforming: 1, Measured: 3})
	run("m3", day(4, 1), events.QualityResult{Rule: "R2", Conforming: 0, Measured: 100})
	got := figuresOf(t, b, day(2, 1), day(3, 1))
	for id, want := range map[string]Figure{
		"GB36344:02":  {Count: 8, Of: 9, Counted: []int64{m1}, Others: []int64{m1}},
		"GB36344:05":  {Count: 0, Of: 7, Others: []int64{m2}},
		"dqv:x":       {Count: 1, Of: 1, Counted: []int64{m2}},
		"unpublished": {Count: 1, Of: 3, Counted: []int64{m2}, Others: []int64{m2}},
	} {
		f := figureOf(got, "quality.conforming/"+id)
		if f.Count != want.Count || f.Of != want.Of || !slices.Equal(f.Counted, want.Counted) || !slices.Equal(f.Others, want.Others) || *f.Value != want.Count*1_000_000/want.Of || f.Title.ZH == "" {
			t.Errorf("%s: %+v, want %+v", id, f, want)
		}
	}
	if len(got.LimitsHit) > 0 {
		t.Errorf("limits hit: %v", got.LimitsHit)
	}
	run("m4", day(2, 3), events.QualityResult{Rule: "R3", Conforming: mostRows, Measured: mostRows})
	if got := figuresOf(t, b, day(2, 1), day(3, 1)); !slices.Equal(got.LimitsHit, []string{LimitRows}) || figureOf(got, "quality.conforming/dqv:x").Of != 1 {
		t.Errorf("more rows than a number holds: %v, %+v", got.LimitsHit, figureOf(got, "quality.conforming/dqv:x"))
	}
}

// TestPercentiles: of n, the least that half and nine tenths do not exceed.
func TestPercentiles(t *testing.T) {
	for n, want := range map[int][2]int64{1: {1, 1}, 2: {1, 2}, 3: {2, 3}, 9: {5, 9}, 10: {5, 9}, 11: {6, 10}, 20: {10, 18}} {
		for i, percent := range []int{50, 90} {
			x := &tally{spans: map[string]span{}}
			f := &Figure{ID: "x", Unit: UnitSeconds}
			for v := range n {
				x.took(f, percent, int64(n-v))
			}
			if got := x.finish(*f); *got.Value != want[i] || got.Count != int64(n) {
				t.Errorf("of 1 to %d: %d, want %d", n, *got.Value, want[i])
			}
		}
	}
}
