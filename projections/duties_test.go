package projections

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// cst is an hour of a day in China.
func cst(t testing.TB, date string, hour int) events.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15 -0700", fmt.Sprintf("%s %d +0800", date, hour))
	if err != nil {
		t.Fatal(err)
	}
	return events.TimeOf(at)
}

// law publishes the shipped rule packs and calendars whose ids are given.
func law(t testing.TB, at events.Time, ids ...string) (out []claim) {
	t.Helper()
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	for _, text := range rulepack.Calendars() {
		n, err := rulepack.ParseCalendar([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if c := n.Calendar(); wanted[c.ID+" "+c.Version] {
			out = append(out, claim{at: at, data: &events.CalendarPublished{Calendar: c.ID, Version: c.Version, By: "P1", Content: text}})
		}
	}
	for _, text := range rulepack.Packs() {
		p, err := rulepack.ParsePack([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if wanted[p.ID+" "+p.Version] {
			out = append(out, claim{at: at, data: &events.RulePackPublished{Pack: p.ID, Version: p.Version, By: "P1", Content: text}})
		}
	}
	if len(out) != len(ids) {
		t.Fatalf("%d of %q are shipped", len(out), ids)
	}
	return out
}

// sharing is a book with an authority P1, a provider P2 and a consumer P3, an
// unconditional entry U and a conditional one C.
func sharing(t testing.TB) *book {
	t.Helper()
	b := newBook(t)
	start := cst(t, "2025-01-02", 9)
	b.add(party("P1"), party("P2"), party("P3"))
	for _, p := range []string{"P1", "P2", "P3"} {
		b.add(claim{at: start, data: &events.SharingBodyDesignated{Party: p, Unit: "sharing body", Head: "head-" + p, From: start}})
	}
	for _, id := range []string{"U", "C"} {
		d := draft(id, "P2", "目录 "+id, nil, "id", "date")
		if id == "U" {
			d.Sharing = events.Sharing{Attribute: events.SharingUnconditional}
		}
		b.add(claim{at: start, data: d})
		for _, c := range inForce(id, "P2") {
			c.at = start
			b.add(c)
		}
	}
	return b
}

// TestDeadlinesOfFifteenAgreements are the requests of a province, with the days
// on which they had to be answered and provided for, worked out by hand.
func TestDeadlinesOfFifteenAgreements(t *testing.T) {
	b := sharing(t)
	b.add(law(t, cst(t, "2025-08-01", 0), "cn 2025", "cn 2026", "cn-809-2025 2")...)
	type want struct{ due, state string }
	story := []struct {
		id, entry, received, extended, answered, outcome, provided string
		answer, provision                                          want
	}{
		{"A01", "U", "2025-08-11", "", "2025-08-12", "granted", "2025-08-20", want{"2025-08-12", DutyMet}, want{"2025-09-09", DutyMet}},
		{"A02", "C", "2025-08-18", "", "2025-08-28", "granted", "2025-10-14", want{"2025-09-01", DutyMet}, want{"2025-09-25", DutyLate}},
		{"A03", "C", "2025-08-20", "", "2025-09-02", "granted", "2025-09-19", want{"2025-09-03", DutyMet}, want{"2025-09-29", DutyMet}},
		{"A04", "C", "2025-09-01", "", "2025-09-12", "refused", "", want{"2025-09-15", DutyMet}, want{}},
		{"A05", "C", "2025-09-22", "", "2025-10-10", "granted", "2025-10-27", want{"2025-10-11", DutyMet}, want{"2025-11-06", DutyMet}},
		{"A06", "C", "2025-09-26", "2025-10-14", "2025-10-28", "granted", "2025-11-21", want{"2025-10-30", DutyMet}, want{"2025-11-25", DutyMet}},
		{"A07", "U", "2025-10-13", "", "2025-10-14", "granted", "2025-10-30", want{"2025-10-14", DutyMet}, want{"2025-11-11", DutyMet}},
		{"A08", "C+U", "2025-10-20", "", "2025-11-07", "granted", "2025-12-03", want{"2025-11-03", DutyLate}, want{"2025-12-05", DutyMet}},
		{"A09", "U+C", "2025-11-03", "", "2025-11-14", "granted", "2025-12-01", want{"2025-11-17", DutyMet}, want{"2025-12-12", DutyMet}},
		{"A10", "C", "2025-11-10", "", "2025-11-20", "granted", "2025-12-10", want{"2025-11-24", DutyMet}, want{"2025-12-18", DutyMet}},
		{"A11", "C", "2025-11-24", "", "2025-12-05", "granted", "2025-12-19", want{"2025-12-08", DutyMet}, want{"2026-01-05", DutyMet}},
		{"A12", "C", "2025-12-01", "", "2025-12-12", "granted", "2026-01-08", want{"2025-12-15", DutyMet}, want{"2026-01-12", DutyMet}},
		{"A13", "C", "2025-12-15", "", "2025-12-26", "granted", "2026-01-21", want{"2025-12-29", DutyMet}, want{"2026-01-26", DutyMet}},
		{"A14", "U", "2026-01-12", "", "2026-01-13", "granted", "2026-01-20", want{"2026-01-13", DutyMet}, want{"2026-02-10", DutyMet}},
		{"A15", "C", "2026-02-12", "", "2026-03-05", "granted", "2026-03-27", want{"2026-03-04", DutyLate}, want{"2026-04-02", DutyMet}},
	}
	// Asked for together, the stricter of two entries decides, whichever comes first.
	asks := map[string][]events.Ask{
		"U": {{Entry: "U", EntryVersion: 1, Items: []string{"id"}}}, "C": {{Entry: "C", EntryVersion: 1, Items: []string{"id"}}},
	}
	asks["C+U"], asks["U+C"] = append(asks["C"][:1:1], asks["U"]...), append(asks["U"][:1:1], asks["C"]...)
	for _, s := range story {
		request := "R" + s.id
		b.add(
			claim{at: cst(t, s.received, 8), data: &events.RequestSubmitted{
				Request: request, Provider: "P2", Consumer: "P3", Asks: asks[s.entry],
				Purposes: []string{"benefit_eligibility"}, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "20"}}, Scenario: "s", Necessity: "n",
				Method: "api", Term: events.Period{From: cst(t, s.received, 0), To: cst(t, "2027-01-01", 0)}, ApprovedBy: "head-P3",
			}},
			claim{at: cst(t, s.received, 9), data: &events.RequestReceived{Request: request, By: "P2"}})
		if s.id == "A10" { // asking for a supplement does not stop the clock
			b.add(claim{at: cst(t, "2025-11-12", 9), data: &events.SupplementRequested{Request: request, By: "P2", Missing: []string{"x"}}},
				claim{at: cst(t, "2025-11-14", 9), data: &events.RequestSupplemented{Request: request, By: "P3", Given: []string{"x"}}})
		}
		if s.extended != "" {
			b.add(claim{at: cst(t, s.extended, 9), data: &events.RequestExtended{
				Request: request, By: "P2", Days: 10, Authority: "P1", Consent: "c", ConsumerNotified: cst(t, s.extended, 9), Reason: "r",
			}})
		}
		answer := &events.RequestAnswered{Request: request, By: "P2", Outcome: s.outcome, ApprovedBy: "head-P2"}
		if s.outcome == events.StageRefused {
			answer.Ground, answer.Reasons = "not_in_duty", []string{"beyond stated duty"}
		}
		b.add(claim{at: cst(t, s.answered, 10), data: answer})
		if s.provided == "" {
			continue
		}
		a := activate(s.id, s.entry[:1], "id")
		a.Request, a.ValidFrom, a.ValidTo = request, cst(t, s.answered, 10), cst(t, "2027-01-01", 0)
		b.add(claim{at: cst(t, s.answered, 11), data: a})
		b.add(claim{at: cst(t, s.provided, 12), data: &events.ProvisionAvailable{
			Provision: "V" + s.id, Agreement: s.id, By: "P2", Method: "api", FirstAvailable: cst(t, s.provided, 11),
		}})
	}
	w := latestView(t, b)
	for _, s := range story {
		list, err := w.Duties(ctx, DutyQuery{Case: "R" + s.id, Page: Page{Limit: MaxLimit}})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]Duty{}
		for _, d := range list.Duties {
			got[d.Rule] = d
		}
		rule := "DL-02"
		if s.entry == "U" {
			rule = "DL-01"
		}
		check := func(rule string, w want) {
			t.Helper()
			d, ok := got[rule]
			if !ok && w == (want{}) {
				return
			}
			if d.Due != w.due || d.State != w.state || d.Party != "P2" || d.Pack != "cn-809-2025" || d.Calendar != "cn" || d.Provisional {
				t.Errorf("%s %s: due %s, %s (%+v); want %+v", s.id, rule, d.Due, d.State, d, w)
			}
		}
		check(rule, s.answer)
		check("DL-03", s.provision)
		if len(got) > 2 {
			t.Errorf("%s: %d duties: %+v", s.id, len(got), got)
		}
	}
	late, err := w.Violations(ctx, ViolationQuery{Page: Page{Limit: MaxLimit}})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, v := range late.Violations {
		found = append(found, v.Code+" "+v.Duty)
		if v.Title.EN != "answered or provided late without good reason" || v.Basis != "Art. 39(4)" {
			t.Errorf("%s is called %q, %s", v.Duty, v.Title.EN, v.Basis)
		}
	}
	if len(late.Violations) != 3 {
		t.Errorf("violations: %q, want those of A02, A08 and A15", found)
	}
	// The law of views, at some positions.
	whole := w.v
	for n := int64(20); n < b.Head().Size; n += 11 {
		fresh := newViews(t, b.Ledger)
		build(t, fresh, n+1)
		same(t, fmt.Sprintf("rows at %d", n), rows(t, whole, n), rows(t, fresh, n))
		same(t, fmt.Sprintf("answers at %d", n), answers(t, viewAt(t, whole, n)), answers(t, viewAt(t, fresh, n)))
	}
}

func latestView(t testing.TB, b *book) *View {
	t.Helper()
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	return viewAt(t, v, b.Head().Size-1)
}

// TestInvariant_I25: a deadline names its rule and calendar, and one published later
// moves no due date.
func TestInvariant_I25(t *testing.T) {
	b := sharing(t)
	b.add(law(t, cst(t, "2025-08-01", 0), "cn 2025", "cn-809-2025 2")...)
	ask := func(id, received string) {
		b.add(claim{at: cst(t, received, 8), data: &events.RequestSubmitted{
			Request: id, Provider: "P2", Consumer: "P3", Asks: []events.Ask{{Entry: "C", EntryVersion: 1, Items: []string{"id"}}},
			Purposes: []string{"benefit_eligibility"}, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "20"}}, Scenario: "s", Necessity: "n",
			Method: "api", Term: events.Period{From: cst(t, received, 0), To: cst(t, "2027-01-01", 0)}, ApprovedBy: "head-P3",
		}}, claim{at: cst(t, received, 9), data: &events.RequestReceived{Request: id, By: "P2"}})
	}
	ask("R1", "2025-12-26")
	b.add(law(t, cst(t, "2025-12-27", 0), "cn 2026")...)
	ask("R2", "2025-12-26")
	w := latestView(t, b)
	at := func(request string, now events.Time) Duty {
		t.Helper()
		list, err := w.Duties(ctx, DutyQuery{Case: request, ValidAt: now})
		if err != nil || len(list.Duties) != 1 {
			t.Fatalf("%s at %s: %d duties %v", request, now, len(list.Duties), err)
		}
		return list.Duties[0]
	}
	// The calendar of 2025 does not know that Sunday 2026-01-04 is worked, nor that
	// 2 January is a holiday.
	if d := at("R1", cst(t, "2026-01-05", 9)); !d.Provisional || d.CalendarVersion != "2025" || d.Due != "2026-01-09" || d.State != DutyOpen {
		t.Errorf("by the calendar of 2025: %+v", d)
	} else if d.LaterDue != "2026-01-12" || d.LaterCalendarVersion != "2026" {
		t.Errorf("the calendar of 2026 adds no note: %+v", d)
	}
	if d := at("R2", cst(t, "2026-01-05", 9)); d.Provisional || d.CalendarVersion != "2026" || d.Due != "2026-01-12" {
		t.Errorf("by the calendar of 2026: %+v", d)
	} else if d.LaterDue != "" {
		t.Errorf("there is no later calendar: %+v", d)
	}
	if d := at("R2", cst(t, "2026-01-12", 23)); d.State != DutyOpen {
		t.Errorf("in the last hour: %s", d.State)
	}
	if d := at("R2", cst(t, "2026-01-13", 0)); d.State != DutyBreached {
		t.Errorf("after the last hour: %s", d.State)
	}
}

// TestViolationsJudged: what a pack calls a broken rule, and that a rule no pack
// names is one all the same.
func TestViolationsJudged(t *testing.T) {
	for _, published := range []bool{false, true} {
		b := sharing(t)
		if published {
			b.add(law(t, cst(t, "2025-08-01", 0), "cn 2026", "cn-809-2025 2")...)
		}
		b.add(claim{at: day(3, 2), data: &events.ProvisionChanged{Provision: "V1", Agreement: "A1", By: "P2", Cause: "upgrade", FilingRef: "F1"}},
			claim{at: day(3, 3), data: &events.ProvisionChanged{Provision: "V1", Agreement: "A1", By: "P2", Cause: "upgrade", ConsultRef: "C1", FilingRef: "F1"}},
			claim{at: day(3, 4), data: access("", "id")})
		w := latestView(t, b)
		list, err := w.Violations(ctx, ViolationQuery{Page: Page{Limit: 1}})
		if err != nil || len(list.Violations) != 1 || list.Next == "" {
			t.Fatalf("%+v %v", list, err)
		}
		rest, err := w.Violations(ctx, ViolationQuery{Page: Page{Cursor: list.Next}})
		if err != nil || len(rest.Violations) == 0 || rest.Next != "" {
			t.Fatalf("%+v %v", rest, err)
		}
		unfiled, call := list.Violations[0], rest.Violations[0]
		code39, code40 := "", ""
		if published {
			code39, code40 = "39.7", "40.2"
		}
		if unfiled.Rule != RuleProvisionUnfiled || unfiled.Code != code39 || unfiled.Party != "P2" {
			t.Errorf("published %t: %+v", published, unfiled)
		}
		if call.Rule != RuleNoAgreement || call.Code != code40 || call.Party != "P3" {
			t.Errorf("published %t: %+v", published, call)
		}
		if _, err := w.Violations(ctx, ViolationQuery{Page: Page{Cursor: idCursor("x")}}); err == nil {
			t.Error("a foreign cursor is taken")
		}
	}
}

// TestViolationsDetermined: what a competent department names is a violation, with
// the records it rests on, in the words of the pack if one has the code.
func TestViolationsDetermined(t *testing.T) {
	b := sharing(t)
	b.add(law(t, cst(t, "2025-08-01", 0), "cn 2026", "cn-809-2025 2")...)
	ordered := b.add(claim{at: day(3, 2), data: &events.RectificationOrdered{
		Rectification: "T1", By: "P1", Party: "P3", Violation: "cn809:40.3", Due: day(4, 1), Facts: []uint64{2}, Demand: "erase it"}})
	found := b.add(claim{at: day(3, 3), data: &events.InspectionOpened{Inspection: "I1", By: "P1", Parties: []string{"P2"}, Scope: "s"}},
		claim{at: day(3, 4), data: &events.InspectionFinding{Inspection: "I1", By: "P1", Party: "P2", Violation: "local:7"}})
	list, err := latestView(t, b).Violations(ctx, ViolationQuery{Rule: RuleDetermined})
	if err != nil || len(list.Violations) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	if v := list.Violations[0]; v.Code != "40.3" || v.Pack != "cn-809-2025" || v.Party != "P3" || v.Title.EN == "" || !slices.Equal(v.Events, []int64{ordered, 2}) {
		t.Errorf("by an order: %+v", v)
	}
	if v := list.Violations[1]; v.Code != "7" || v.Pack != "" || v.Party != "P2" || !slices.Equal(v.Events, []int64{found}) {
		t.Errorf("by an inspection: %+v", v)
	}
}

// TestDueAtAToldTime: what is due at a time that somebody set is due on the last day before
// it, in the time zone of the law.
func TestDueAtAToldTime(t *testing.T) {
	for told, day := range map[string]string{
		"2026-04-01T00:00:00+08:00": "2026-03-31", "2026-04-01T07:30:00+08:00": "2026-04-01", "2026-04-01T00:00:00Z": "2026-04-01", "2026-04-01T17:00:00Z": "2026-04-02",
	} {
		b := sharing(t)
		b.add(law(t, cst(t, "2025-08-01", 0), "cn 2026", "cn-809-2025 2")...)
		at, err := time.Parse(time.RFC3339, told)
		if err != nil {
			t.Fatal(err)
		}
		b.add(claim{at: cst(t, "2026-03-02", 8), data: &events.RectificationOrdered{
			Rectification: "T1", By: "P1", Party: "P3", Violation: "cn809:40.3", Due: events.TimeOf(at), Facts: []uint64{2}, Demand: "erase it"}})
		list, err := latestView(t, b).Duties(ctx, DutyQuery{Case: "T1"})
		if err != nil || len(list.Duties) != 1 {
			t.Fatalf("%+v, %v", list.Duties, err)
		}
		if d := list.Duties[0]; d.Due != day || d.Before != events.TimeOf(at) {
			t.Errorf("told to be done before %s: due on %s, before %s; want %s", told, d.Due, d.Before, day)
		}
	}
}

// TestRulesThatNameNoTime: a pack whose deadline counts from a field that holds no time,
// or is due at one, stops no view: it counts from the event, and is undetermined.
func TestRulesThatNameNoTime(t *testing.T) {
	b := sharing(t)
	b.add(law(t, cst(t, "2025-08-01", 0), "cn 2026")...)
	b.add(claim{at: cst(t, "2025-08-02", 0), data: &events.RulePackPublished{Pack: "slip", Version: "1", By: "P1", Content: `{"id": "slip", "version": "1", "calendar": "cn", "title": {"en": "e", "zh": "z"},
		"deadlines": [
			{"id": "due", "duty": "provider", "party": "by", "due_field": "request", "starts": {"event": "share.request.received", "case": "request"}, "stops": [{"event": "share.request.answered", "case": "request"}]},
			{"id": "from", "duty": "provider", "party": "by", "length": {"hours": 1}, "starts": {"event": "share.request.received", "case": "request", "from": "by"}, "stops": [{"event": "share.request.answered", "case": "request"}]}
		]}`}})
	at := cst(t, "2026-03-02", 8)
	b.add(claim{at: at, data: &events.RequestSubmitted{
		Request: "R", Provider: "P2", Consumer: "P3", Asks: []events.Ask{{Entry: "C", EntryVersion: 1, Items: []string{"id"}}},
		Purposes: []string{"benefit_eligibility"}, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "20"}}, Scenario: "s", Necessity: "n",
		Method: "api", Term: events.Period{From: at, To: cst(t, "2027-01-01", 0)}, ApprovedBy: "head-P3",
	}}, claim{at: at, data: &events.RequestReceived{Request: "R", By: "P2"}})
	list, err := latestView(t, b).Duties(ctx, DutyQuery{Case: "R"})
	if err != nil || len(list.Duties) != 2 {
		t.Fatalf("%+v, %v", list.Duties, err)
	}
	if d := list.Duties[0]; d.Rule != "due" || d.State != DutyUndetermined || d.Undetermined == "" {
		t.Errorf("due at what is no time: %+v", d)
	}
	if d := list.Duties[1]; d.Rule != "from" || d.From != at || d.Before != at+60*60*1_000_000 {
		t.Errorf("counted from what is no time: %+v", d)
	}
}
