package projections

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ledgerline/events"
)

// pastAndPresent is what a ledger begins with, and two years of the same things under
// other names: what happened before the ledger, and what happens in it.
func pastAndPresent(t *testing.T) (begin, past, present []claim) {
	begin = append([]claim{party("P1"), party("P2"), party("P3")}, law(t, cst(t, "2025-08-01", 0), "cn 2025", "cn 2026", "cn-809-2025 2")...)
	at := func(d events.Data) claim { return claim{at: day(6, 20), data: d} }
	stray := draft("E4", "P3", "使用 Uses", []events.Resource{{Namespace: "pg", Name: "uses", Method: "database"}}, "id")
	last := draft("E5", "P2", "挂接 Hooked", nil, "id")
	more := slices.Concat([]claim{
		at(stray),
		olRun("r5", "use", "COMPLETE", day(6, 20), inputs(olInput("raw", "id")), outputs(olOutput("uses", "raw", "id", "id"))), // E1 is of P2
		at(&events.QualityRulePublished{Rule: "QR1", Version: 1, Owner: "P2", Dimension: "GB36344:0201", Expression: "x", Entry: "E3", Severity: "minor"}),
		at(&events.QualityRunCompleted{Run: "QM1", By: "P2", Entry: "E3", Results: []events.QualityResult{{Rule: "QR1", RuleVersion: 1, Item: "id", Conforming: 2, Measured: 3}}}),
		at(&events.QualityRunCompleted{Run: "QM2", By: "P2", Entry: "E3", Results: []events.QualityResult{{Rule: "QR0", Item: "id", Conforming: 2, Measured: 3}}}),
		at(&events.DuplicateCollectionReported{Report: "DC1", By: "P3", Collector: "P1", Items: []string{"id"}, Entry: "E3"}),
		at(&events.RectificationOrdered{Rectification: "RO1", By: "P1", Party: "P3", Agreement: "A3", Violation: "cn809:40.3", Due: day(7, 1)}),
		at(&events.UsageRecorded{Record: "U1", Agreement: "A3", By: "P3", Period: events.Period{From: day(6, 1), To: day(6, 20)}, Scenario: "x", Process: "x", Effect: "x", Storage: "internal", Copies: 1}),
		at(&events.ProvisionAvailable{Provision: "V2", Agreement: "A3", By: "P2", Method: "api", FirstAvailable: day(6, 25)}),
		at(&events.ProvisionChanged{Provision: "V2", Agreement: "A3", By: "P2", Cause: "x"}),
		at(&events.QualityIssueReported{Issue: "Q3", By: "P3", Entry: "E3", Items: []string{"id"}, Dimension: "GB36344:0302", Symptom: "wrong", Severity: "major", Description: "x"}),
		at(last),
	}, inForce("E5", "P2"), []claim{
		at(&events.ResourceAttached{Resource: "RS5", Entry: "E5", By: "P2", Dataset: events.DatasetRef{Namespace: "pg", Name: "hooked"}, Method: "api"}),
		{at: day(6, 21), data: &events.ResourceRefreshed{Resource: "RS5", Entry: "E5", Period: events.Period{From: day(6, 20), To: day(6, 21)}, Rows: 5}},
	})
	for _, c := range slices.Concat(scenario(), secondYear(), numbered(), more) {
		switch d := c.data.(type) {
		case *events.PartyRegistered:
			if slices.ContainsFunc(begin, func(o claim) bool { r, ok := o.data.(*events.PartyRegistered); return ok && r.Party == d.Party }) {
				continue
			}
		case *events.SharingBodyDesignated:
			begin = append(begin, c)
			continue
		}
		c.imported = true
		past = append(past, c)
	}
	ids := map[string]bool{"P4": true, "P5": true, "pg": true, "etl": true, "A9": true, "Q9": true}
	for _, c := range past {
		if s := c.data.Subject(); s.Kind != events.KindParty {
			ids[s.ID] = true
		}
		if d, ok := c.data.(*events.OpenLineageReceived); ok && d.Run != "" {
			ids[d.Run] = true
		}
	}
	for _, shared := range []string{"P1", "P2", "P3"} {
		delete(ids, shared)
	}
	for _, c := range past {
		c.imported = false
		var said any
		text, err := json.Marshal(c.data)
		if err == nil {
			err = json.Unmarshal(text, &said)
		}
		if err == nil {
			text, err = json.Marshal(renamed(said, ids))
		}
		for _, typ := range events.Types() {
			if fmt.Sprintf("%T", typ.NewData()) == fmt.Sprintf("%T", c.data) {
				c.data = typ.NewData()
			}
		}
		if err == nil {
			err = json.Unmarshal(text, c.data)
		}
		if err != nil {
			t.Fatal(err)
		}
		present = append(present, c)
	}
	return begin, past, present
}

// renamed gives things other names.
func renamed(said any, ids map[string]bool) any {
	switch said := said.(type) {
	case string:
		if ids[said] {
			return "N" + said
		}
	case []any:
		for i := range said {
			said[i] = renamed(said[i], ids)
		}
	case map[string]any:
		for name := range said {
			said[name] = renamed(said[name], ids)
		}
	}
	return said
}

// viewOf is what a book with these claims answers.
func viewOf(t *testing.T, claims ...[]claim) *View {
	b := newBook(t)
	b.add(slices.Concat(claims...)...)
	return latestView(t, b)
}

var periods = []BulletinQuery{
	{From: day(1, 1), To: day(10, 1)}, {From: day(1, 1), To: day(10, 1), Party: "P2"}, {From: day(1, 1), To: day(10, 1), Party: "P3"},
	{From: day(1, 1), To: day(10, 1), Region: "990000"}, {From: day(2, 1), To: day(3, 1)}, {From: day(6, 1), To: day(7, 1)},
}

// TestImportedIsInNoFigure: whatever is told about the time before the ledger, all that is
// answered of what happened in it, figures and lists, is what a ledger answers that was
// told nothing; and if the same is told natively, the figures are others.
func TestImportedIsInNoFigure(t *testing.T) {
	begin, past, present := pastAndPresent(t)
	alone, apart := viewOf(t, begin, present), viewOf(t, begin, past, present)
	for i := range past {
		past[i].imported = false
	}
	together := viewOf(t, begin, past, present)
	first := int64(len(begin)) + 1
	if is, err := apart.Imported(first-1, first+int64(len(past))); err != nil || is {
		t.Errorf("native records are imported: %v", err)
	}
	if is, err := apart.Imported(first); err != nil || !is {
		t.Errorf("the first record about the time before is not: %v", err)
	}

	want, got := native(t, alone, first, 0), native(t, apart, first, int64(len(past)))
	for name := range want {
		if got[name] != want[name] {
			a, b := strings.Split(want[name], "\n"), strings.Split(got[name], "\n")
			for n := 0; n < max(len(a), len(b)); n++ {
				if n >= len(a) || n >= len(b) || a[n] != b[n] {
					t.Errorf("%s, line %d:\n got %s\nwant %s", name, n, strings.Join(b[n:min(n+3, len(b))], "\n"), strings.Join(a[n:min(n+3, len(a))], "\n"))
					break
				}
			}
		}
	}
	for i, q := range periods {
		without, with := figuresById(t, alone, q), figuresById(t, together, q)
		for id, f := range without {
			if o := with[id]; f.Count+f.Of > 0 && o.Count+o.Of <= f.Count+f.Of {
				t.Errorf("period %d: %s counts %d of %d, and with as much again %d of %d", i, id, f.Count, f.Of, o.Count, o.Of)
			}
		}
	}
	if f := figuresById(t, alone, periods[0]); len(f) < 35 {
		t.Errorf("too few figures to tell: %d", len(f))
	}
	if f := figuresById(t, apart, periods[0])["imported"]; f.Count < 20 {
		t.Errorf("told about the time before: %d things", f.Count)
	}
}

func figuresById(t *testing.T, w *View, q BulletinQuery) map[string]Figure {
	b, err := w.Bulletin(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Figure{}
	for _, f := range b.Figures {
		out[f.ID] = f
	}
	return out
}

// native is all that a view answers of what happened in the ledger, as lines of JSON: what
// is marked as imported is left out, and so is the figure for it. Positions from first on
// are those of the records less added, and times of recording are left out.
func native(t *testing.T, w *View, first, added int64) map[string]string {
	out, no := map[string]string{}, new(bool)
	say := func(name string, answer any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := json.Marshal(answer)
		var said any
		if err == nil {
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.UseNumber()
			err = decoder.Decode(&said)
		}
		if err == nil {
			text, err = json.MarshalIndent(nativeOf(said, first, added), "", " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(text)
	}
	all := Page{Limit: MaxLimit}
	for i, q := range periods {
		b, err := w.Bulletin(ctx, q)
		b.Figures = slices.DeleteFunc(b.Figures, func(f Figure) bool { return f.ID == "imported" })
		slices.SortFunc(b.Figures, func(a, b Figure) int { return strings.Compare(a.ID, b.ID) })
		say(fmt.Sprint("bulletin ", i), b.Figures, err)
	}
	hooked, err := w.HookRate(ctx, "")
	hooked.Imported = 0
	say("hook rate", hooked, err)
	for _, on := range []events.Time{0, day(6, 21)} {
		entries, err := w.Entries(ctx, EntryQuery{Imported: "false", ValidAt: on, Facets: true, Page: all})
		say(fmt.Sprint("entries ", on), entries, err)
		requests, err := w.Requests(ctx, RequestQuery{ValidAt: on, Page: all})
		say(fmt.Sprint("requests ", on), requests.Requests, err)
		agreements, err := w.Agreements(ctx, AgreementQuery{Imported: no, ValidAt: on, Page: all})
		say(fmt.Sprint("agreements ", on), agreements.Agreements, err)
		findings, err := w.Findings(ctx, FindingQuery{ValidAt: on, Page: all})
		say(fmt.Sprint("findings ", on), findings.Findings, err)
		disposals, err := w.Disposals(ctx, DisposalQuery{ValidAt: on, Page: all})
		say(fmt.Sprint("disposals ", on), disposals.Disposals, err)
		checks, err := w.Checks(ctx, CheckQuery{ValidAt: on, Page: all})
		say(fmt.Sprint("checks ", on), checks.Checks, err)
	}
	duties, err := w.Duties(ctx, DutyQuery{Imported: no, Page: all})
	say("duties", duties.Duties, err)
	violations, err := w.Violations(ctx, ViolationQuery{Imported: no, Page: all})
	say("violations", violations.Violations, err)
	accesses, err := w.Accesses(ctx, AccessQuery{Imported: no, Page: all})
	say("accesses", accesses.Accesses, err)
	shares, err := w.Shares(ctx, ShareQuery{Imported: no, Page: all})
	say("shares", shares.Shares, err)
	timeline, err := w.Timeline(ctx, TimelineQuery{Imported: no, Page: all})
	say("timeline", timeline.Rows[1:], err) // the first has the time of today
	producers, err := w.Producers(ctx, ProducerQuery{Page: all})
	say("producers", producers.Producers, err)
	for _, id := range []string{"NE1", "NE3"} {
		history, err := w.EntryHistory(ctx, id)
		say("history of "+id, history, err)
		changed, err := w.CatalogDiff(ctx, viewAt(t, w.v, first-1), 0, 0, all)
		say("what changed", slices.DeleteFunc(changed.Entries, func(d EntryDiff) bool { return d.Entry.Imported }), err)
	}
	for _, columns := range []bool{false, true} {
		lineage, err := w.Lineage(ctx, LineageQuery{Node: "dataset:Npg/raw", Columns: columns})
		say(fmt.Sprint("lineage ", columns), lineage, err)
		impact, err := w.Impact(ctx, ImpactQuery{Node: "dataset:Npg/raw", Columns: columns})
		say(fmt.Sprint("impact ", columns), impact, err)
		exposure, err := w.Exposure(ctx, ExposureQuery{Node: "dataset:Npg/raw", Columns: columns})
		exposure.Gaps = nil // of the same provider
		say(fmt.Sprint("exposure ", columns), exposure, err)
	}
	attribution, _, err := w.Attribute(ctx, "NQ1", 0)
	say("attribution", attribution, err)
	trace, err := w.Trace(ctx, TraceQuery{Node: "dataset:Npg/clean"})
	say("trace", trace, err)
	differences, err := w.Differences(ctx, DifferenceQuery{Node: "dataset:Npg/clean"})
	say("differences", differences, err)
	return out
}

// numbersCalls tells whether first and last in an object are the numbers of a producer.
func numbersCalls(of map[string]any) bool {
	return of["producer"] != nil || of["numbers"] != nil || of["position"] != nil && of["first"] != nil // the last is of numbers that are missing
}

var (
	positionNames = map[string]bool{"position": true, "events": true, "first": true, "last": true, "counted": true, "others": true, "declared": true, "observed": true, "traced_at": true}
	lastNumber    = regexp.MustCompile(`/\d+$`)
)

// nativeOf is what of an answer is not marked.
func nativeOf(said any, first, added int64) any {
	moved := func(text string) string {
		if p, err := strconv.ParseInt(text, 10, 64); err == nil && p >= first {
			return fmt.Sprint(p - added)
		}
		return text
	}
	switch said := said.(type) {
	case []any:
		list := []any{}
		for _, v := range said {
			if m, ok := v.(map[string]any); !ok || m["imported"] != true {
				list = append(list, nativeOf(v, first, added))
			}
		}
		return list
	case map[string]any:
		numbers := numbersCalls(said)
		for name, v := range said {
			switch v := v.(type) {
			case json.Number:
				if positionNames[name] && !(numbers && (name == "first" || name == "last")) {
					said[name] = moved(v.String())
				}
			case string:
				if (name == "id" || name == "duty") && lastNumber.MatchString(v) {
					at := lastNumber.FindStringIndex(v)[0] + 1
					said[name] = v[:at] + moved(v[at:])
				}
			case []any:
				list := nativeOf(v, first, added).([]any)
				for i, p := range list {
					if n, ok := p.(json.Number); ok && positionNames[name] {
						list[i] = moved(n.String())
					}
				}
				said[name] = list
			case map[string]any:
				said[name] = nativeOf(v, first, added)
			}
			if name == "recorded" || name == "id" && said["source"] == "/tests" || name == "predecessors" {
				delete(said, name)
			}
		}
	}
	return said
}

// TestImportedIsMarked: whatever an answer says that names a record about the time before
// the ledger is marked.
func TestImportedIsMarked(t *testing.T) {
	begin, past, present := pastAndPresent(t)
	w := viewOf(t, begin, past, present)
	first := int64(len(begin)) + 1
	var text bytes.Buffer
	text.Write(answers(t, w))
	say := func(answer any, err error) {
		if err == nil {
			err = json.NewEncoder(&text).Encode(answer)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	attribution, _, err := w.Attribute(ctx, "Q1", 0)
	say(attribution, err)
	trace, err := w.Trace(ctx, TraceQuery{Node: "dataset:pg/clean"})
	say(trace, err)
	for _, node := range []string{"dataset:pg/clean", "run:r3", ""} {
		differences, err := w.Differences(ctx, DifferenceQuery{Node: node})
		say(differences, err)
	}
	for _, columns := range []bool{false, true} {
		impact, err := w.Impact(ctx, ImpactQuery{Node: "dataset:pg/raw", Columns: columns})
		say(impact, err)
	}
	x := &marking{from: first, to: first + int64(len(past)) - 1}
	for decoder := json.NewDecoder(&text); decoder.More(); {
		var said any
		if err := decoder.Decode(&said); err != nil {
			t.Fatal(err)
		}
		x.look("", said)
	}
	for _, problem := range x.found {
		t.Error(problem)
	}
	if x.marked < 500 {
		t.Errorf("%d records about the time before are named: too few to tell", x.marked)
	}
}

type marking struct {
	from, to int64
	marked   int
	found    []string
}

// look looks for records that no mark stands beside, or around.
func (x *marking) look(path string, said any) {
	switch said := said.(type) {
	case []any:
		for _, v := range said {
			x.look(path, v)
		}
	case map[string]any:
		if said["imported"] == true || said["id"] == "imported" {
			x.marked++
			return
		}
		_, node := said["depth"]
		numbers := numbersCalls(said)
		for name, v := range said {
			switch at := path + "/" + name; {
			case node && name == "first": // a name's first mention is no evidence
			case numbers && (name == "first" || name == "last"):
			default:
				x.name(at, name, v, said)
			}
			x.look(path+"/"+name, v)
		}
	}
}

func (x *marking) name(path, name string, said any, of map[string]any) {
	if !positionNames[name] || len(x.found) > 20 {
		return
	}
	list, ok := said.([]any)
	if !ok {
		list = []any{said}
	}
	for _, v := range list {
		if p, ok := v.(float64); ok && int64(p) >= x.from && int64(p) <= x.to {
			text, _ := json.Marshal(of)
			x.found = append(x.found, fmt.Sprintf("%s names record %v, and nothing marks it: %.600s", path, p, text))
			return
		}
	}
}

// TestImportedGivesNothing: what is told about the time before the ledger makes nothing of
// native things better or worse: an entry with a resource, an issue one that came back, an
// agreement disposed of, a call beyond what was granted.
func TestImportedGivesNothing(t *testing.T) {
	b := sharing(t)
	from := cst(t, "2025-09-02", 0)
	agreed := func(id string) *events.AgreementActivated {
		return &events.AgreementActivated{
			Agreement: id, Provider: "P2", Consumer: "P3", Grants: []events.Grant{{Entry: "C", EntryVersion: 1, Items: []string{"id"}}}, Purposes: []string{"statistics"},
			Method: "api", ValidFrom: from, ValidTo: cst(t, "2026-09-01", 0), Onward: events.OnwardForbidden, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "21"}},
		}
	}
	issue := func(id string) *events.QualityIssueReported {
		return &events.QualityIssueReported{Issue: id, By: "P3", Entry: "C", Items: []string{"id"}, Dimension: "GB36344:0302", Symptom: "wrong", Severity: "major", Description: "d"}
	}
	for _, old := range []events.Data{
		&events.ResourceAttached{Resource: "R0", Entry: "C", By: "P2", Dataset: events.DatasetRef{Namespace: "pg", Name: "c"}, Method: "api"},
		issue("Q0"), &events.QualityIssueAccepted{Issue: "Q0", By: "P1"}, &events.QualityIssueAssigned{Issue: "Q0", By: "P1", To: "P2", Capacity: "source"},
		&events.CorrectionReceived{Issue: "Q0", By: "P2", From: "P3"}, &events.CorrectionAnswered{Issue: "Q0", By: "P2", Verdict: events.VerdictConfirmed, Action: "fixed"},
		&events.QualityIssueRectified{Issue: "Q0", By: "P2"}, &events.QualityIssueRechecked{Issue: "Q0", By: "P3", Outcome: "pass"}, &events.QualityIssueClosed{Issue: "Q0", By: "P2", Outcome: events.OutcomeFixed, Reason: "x"}, agreed("A0"),
	} {
		b.add(claim{at: from, imported: true, data: old})
	}
	call := &events.AccessRecorded{Call: "c0", Provider: "P2", Consumer: "P3", Agreement: "A0", Entry: "C", Method: "api", Purpose: "statistics", Columns: []string{"date"}, Result: events.AccessOK}
	b.add(claim{at: from + 1, data: call}, claim{at: from + 1, data: issue("Q1")},
		claim{at: from + 1, data: agreed("A1")}, claim{at: from + 2, data: &events.AgreementFulfilled{Agreement: "A1", By: "P3"}},
		claim{at: from + 2, data: &events.DisposalOpened{Disposal: "A1", Agreement: "A1", By: "P1", Provider: "P2", Consumer: "P3", Cause: events.StageFulfilled, Method: "erase"}},
		claim{at: from + 2, data: &events.DisposalPerformed{Disposal: "A1", Agreement: "A1", By: "P3", Method: "erase", Evidence: "e"}},
		claim{at: from + 2, imported: true, data: &events.DisposalAccepted{Disposal: "A1", Agreement: "A1", By: "P2"}},
		claim{at: from + 2, data: &events.AgreementFulfilled{Agreement: "A0", By: "P3"}})
	w := latestView(t, b)
	for id, want := range map[string][2]int64{
		"catalog.hooked": {0, 2}, "quality.recurred": {0, 1}, "agreement.disposed": {0, 1}, "access.success": {1, 1}, "access.beyond": {0, 0}, "access.beyond_columns": {0, 0},
	} {
		f := figuresById(t, w, BulletinQuery{From: cst(t, "2025-09-01", 0), To: cst(t, "2025-10-01", 0)})[id]
		if [2]int64{f.Count, f.Of} != want {
			t.Errorf("%s is %d of %d, want %v", id, f.Count, f.Of, want)
		}
	}
	if h, err := w.HookRate(ctx, ""); err != nil || !slices.Equal(h.Unhooked, []string{"C", "U"}) {
		t.Errorf("not hooked: %+v %v", h, err)
	}
	if e, _, err := w.Entry(ctx, "C", 0); err != nil || e.Imported || len(e.Attached) != 1 || !e.Attached[0].Imported {
		t.Errorf("the entry: %+v %v", e, err)
	}
	// Who attaches it anew, says so natively.
	b.add(claim{at: from + 3, data: &events.ResourceDetached{Resource: "R0", Entry: "C", By: "P2"}},
		claim{at: from + 4, data: &events.ResourceAttached{Resource: "R0", Entry: "C", By: "P2", Dataset: events.DatasetRef{Namespace: "pg", Name: "c"}, Method: "api"}})
	if h, err := latestView(t, b).HookRate(ctx, ""); err != nil || !slices.Equal(h.Unhooked, []string{"U"}) {
		t.Errorf("not hooked natively: %+v %v", h, err)
	}
}
