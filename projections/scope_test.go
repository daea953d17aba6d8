package projections

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ledgerline/events"
)

// scopedBook holds both years, and three more bodies of two cities whose codes begin
// alike: what two of them share, and jobs that one of them runs.
func scopedBook(t testing.TB) *book {
	b := longScript(newBook(t))
	at := func(t events.Time, d events.Data) claim { return claim{at: t, data: d} }
	body := func(id, region string) claim {
		return at(day(7, 1), &events.PartyRegistered{Party: id, Name: "机关 " + id, Kind: "department", Region: region, Level: "city"})
	}
	e6 := draft("E6", "P6", "Registry 登记 six", []events.Resource{{Namespace: "pg", Name: "report", Method: "api"}}, "id")
	shared := activate("A6", "E6", "id")
	shared.Provider, shared.Consumer, shared.ValidFrom, shared.ValidTo = "P6", "P7", day(7, 5), day(12, 1)
	call := access("A6", "id")
	call.Provider, call.Consumer, call.Entry = "P6", "P7", "E6"
	beyond := access("A6", "phone")
	beyond.Provider, beyond.Consumer, beyond.Entry = "P6", "P7", "E6"
	run := olRun("r7", "stage", "COMPLETE", day(7, 8), inputs(olInput("report", "id")), outputs(olOutput("stage7", "report", "id", "id")))
	run.data.(*events.OpenLineageReceived).Job.Namespace = "etl7"
	b.add(slices.Concat([]claim{at(day(7, 1), &events.RoleAssigned{Party: "P1", Role: events.RoleAuthority, Scope: "331000"}), body("P6", "331000"), body("P7", "331100"), body("P8", "331002"),
		at(day(7, 1), &events.RoleAssigned{Party: "P7", Role: events.RoleOperator, Scope: "etl7"}), at(day(7, 2), e6)}, inForce("E6", "P6"), []claim{
		at(day(7, 3), draft("E7", "P7", "登记 of seven", nil, "id")), at(day(7, 4), draft("E8", "P8", "eight", nil, "id")),
		at(day(7, 5), shared), at(day(7, 6), call), at(day(7, 7), beyond), run,
		at(day(7, 9), &events.QualityIssueReported{Issue: "Q6", By: "P7", Entry: "E6", Items: []string{"id"}, Dimension: "d", Symptom: "wrong", Severity: "minor", Description: "x"}),
		{at: day(7, 10), party: "P8", number: 900, data: &events.QualityIssueReported{Issue: "Q7", By: "P8", Entry: "E1", Items: []string{"id"}, Dimension: "d", Symptom: "wrong", Severity: "minor", Description: "x"}},
	})...)
	return b
}

// scopesTried are read in every way. P4 was merged into P3, and P5 has nothing.
var scopesTried = []Scope{
	{Parties: []string{"P2"}}, {Parties: []string{"P3"}}, {Parties: []string{"P5"}}, {Parties: []string{"P9"}}, {Parties: []string{"P6", "P8"}},
	{Regions: []string{"331000"}}, {Regions: []string{"3311"}}, {Regions: []string{"99"}}, {Regions: []string{"000000"}}, {Parties: []string{"P1"}, Regions: []string{"33"}},
}

// brute tells of parties whether a scope covers them, from the list of all.
func brute(t *testing.T, w *View, s Scope) func(parties ...string) bool {
	t.Helper()
	list, err := w.Parties(ctx, PartyQuery{Page: Page{Limit: MaxLimit}})
	if err != nil || list.Next != "" {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, id := range s.Parties {
		seen[id] = true
	}
	for range list.Parties { // as often as mergers may follow on each other
		for _, p := range list.Parties {
			for _, area := range s.Regions {
				whole := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(area, "00"), "00"), "00")
				seen[p.ID] = seen[p.ID] || strings.HasPrefix(p.Region, whole)
			}
			seen[p.ID] = seen[p.ID] || seen[p.Successor] && p.Successor != ""
		}
	}
	return func(parties ...string) bool {
		return slices.ContainsFunc(parties, func(p string) bool { return seen[p] })
	}
}

// heldTo reads a list within a scope in pages of several sizes, and holds rows and counts
// to those of all rows that sees keeps.
func heldTo[T any](t *testing.T, what string, w *View, s Scope, all []T, sees func(*T) bool, page func(*View, Page) ([]T, string, error)) {
	t.Helper()
	var want []T
	for i := range all {
		if sees(&all[i]) {
			want = append(want, all[i])
		}
	}
	for _, limit := range []int{1, 2, 7, MaxLimit} {
		var got []T
		var withheld int64
		p := Page{Limit: limit}
		for range len(all) + 2 {
			bound := w.Within(s)
			rows, next, err := page(bound, p)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			got, withheld = append(got, rows...), withheld+bound.Withheld()
			if p.Cursor = next; next == "" {
				break
			}
		}
		gotText, err := json.Marshal(got)
		wantText, err2 := json.Marshal(want)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(gotText, wantText) || p.Cursor != "" {
			t.Fatalf("%s by %d within %v:\n got %s\nwant %s", what, limit, s, gotText, wantText)
		}
		if n := int64(len(all) - len(want)); withheld != n {
			t.Errorf("%s by %d within %v: %d are said to be withheld, and %d are", what, limit, s, withheld, n)
		}
	}
}

// TestScopeOfLists holds every list within every scope to all its rows.
func TestScopeOfLists(t *testing.T) {
	b := scopedBook(t)
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	w := current(t, v)
	whole := Page{Limit: MaxLimit}
	provider := map[string]string{}
	entries, err := w.Entries(ctx, EntryQuery{Page: whole})
	for _, e := range entries.Entries {
		provider[e.ID] = e.Provider
	}
	agreements, err2 := w.Agreements(ctx, AgreementQuery{Page: whole})
	of := map[string]Agreement{}
	for _, a := range agreements.Agreements {
		of[a.ID] = a
	}
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	for _, s := range scopesTried {
		sees := brute(t, w, s)
		for _, q := range []EntryQuery{{}, {Stage: "drafted"}, {ValidAt: day(8, 1)}, {Provider: "P6"}, {Region: "990000", Facets: true}} {
			all, err := w.Entries(ctx, EntryQuery{Stage: q.Stage, ValidAt: q.ValidAt, Provider: q.Provider, Region: q.Region, Page: whole})
			if err != nil {
				t.Fatal(err)
			}
			heldTo(t, fmt.Sprintf("entries %+v", q), w, s, all.Entries, func(e *Entry) bool { return sees(e.Provider) }, func(w *View, p Page) ([]Entry, string, error) {
				q.Page = p
				l, err := w.Entries(ctx, q)
				shown := slices.DeleteFunc(slices.Clone(all.Entries), func(e Entry) bool { return !sees(e.Provider) })
				if l.Facets != nil { // counts say nothing of what is withheld
					of := map[string]int{}
					for _, e := range shown {
						of[e.Provider]++
					}
					if fmt.Sprint(l.Facets.Provider) != fmt.Sprint(of) || l.Total != len(shown) {
						t.Errorf("facets within %v: %v of %d, want %v", s, l.Facets.Provider, l.Total, of)
					}
				} else if q.ValidAt == 0 && l.Total != len(shown) {
					t.Errorf("%d in all within %v, want %d", l.Total, s, len(shown))
				}
				return l.Entries, l.Next, err
			})
		}
		heldTo(t, "agreements", w, s, agreements.Agreements, func(a *Agreement) bool { return sees(a.Provider, a.Consumer) }, func(w *View, p Page) ([]Agreement, string, error) {
			l, err := w.Agreements(ctx, AgreementQuery{Page: p})
			return l.Agreements, l.Next, err
		})
		everyRow(t, "parties", w, s, func(p *Party) bool { return sees(p.ID) }, func(w *View, p Page) ([]Party, string, error) {
			l, err := w.Parties(ctx, PartyQuery{Page: p})
			return l.Parties, l.Next, err
		})
		everyRow(t, "requests", w, s, func(r *Request) bool { return sees(r.Provider, r.Consumer) }, func(w *View, p Page) ([]Request, string, error) {
			l, err := w.Requests(ctx, RequestQuery{Page: p})
			return l.Requests, l.Next, err
		})
		everyRow(t, "shares", w, s, func(x *Share) bool { return sees(x.Provider, x.Consumer) }, func(w *View, p Page) ([]Share, string, error) {
			l, err := w.Shares(ctx, ShareQuery{Page: p})
			return l.Shares, l.Next, err
		})
		for _, q := range []AccessQuery{{}, {FlaggedOnly: true}, {Entry: "E6"}} {
			everyRow(t, fmt.Sprintf("accesses %+v", q), w, s, func(a *Access) bool { return sees(a.Provider, a.Consumer) }, func(w *View, p Page) ([]Access, string, error) {
				q.Page = p
				l, err := w.Accesses(ctx, q)
				return l.Accesses, l.Next, err
			})
		}
		everyRow(t, "producers", w, s, func(x *Producer) bool { return sees(x.Party) }, func(w *View, p Page) ([]Producer, string, error) {
			l, err := w.Producers(ctx, ProducerQuery{Page: p})
			return l.Producers, l.Next, err
		})
		everyRow(t, "findings", w, s, func(f *Finding) bool { return sees(f.By, f.Provider, f.Assigned) }, func(w *View, p Page) ([]Finding, string, error) {
			l, err := w.Findings(ctx, FindingQuery{Page: p})
			return l.Findings, l.Next, err
		})
		everyRow(t, "duties", w, s, func(d *Duty) bool { return sees(d.Party, d.Was) }, func(w *View, p Page) ([]Duty, string, error) {
			l, err := w.Duties(ctx, DutyQuery{Page: p})
			return l.Duties, l.Next, err
		})
		everyRow(t, "disposals", w, s, func(d *Disposal) bool { return sees(d.Provider, d.Consumer) }, func(w *View, p Page) ([]Disposal, string, error) {
			l, err := w.Disposals(ctx, DisposalQuery{Page: p})
			return l.Disposals, l.Next, err
		})
		everyRow(t, "violations", w, s, func(x *Violation) bool {
			a := of[x.Agreement]
			return sees(x.Party, a.Provider, a.Consumer, provider[x.Entry])
		}, func(w *View, p Page) ([]Violation, string, error) {
			l, err := w.Violations(ctx, ViolationQuery{Page: p})
			return l.Violations, l.Next, err
		})
		everyRow(t, "catalog diff", w, s, func(d *EntryDiff) bool { return sees(d.Entry.Provider) }, func(w *View, p Page) ([]EntryDiff, string, error) {
			l, err := w.CatalogDiff(ctx, viewAt(t, v, 20), 0, 0, p)
			return l.Entries, l.Next, err
		})
		// What concerns whom among records is found in another way: by the names that lists
		// of records are selected by.
		concerned := map[int64]bool{}
		note := func(q TimelineQuery) {
			q.Page = whole
			l, err := w.Timeline(ctx, q)
			if err != nil || l.Next != "" {
				t.Fatal(err)
			}
			for _, row := range l.Rows {
				concerned[row.Position] = true
			}
		}
		for _, id := range []string{"P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8"} {
			if sees(id) {
				note(TimelineQuery{Party: id})
			}
		}
		for id, p := range provider {
			if sees(p) {
				note(TimelineQuery{Entry: id})
			}
		}
		note(TimelineQuery{TypePrefix: "reference."})
		note(TimelineQuery{TypePrefix: "ledger.genesis"})
		if sees("P7") {
			note(TimelineQuery{Subject: events.Subject{Kind: events.KindRun, ID: "r7"}})
		}
		for _, q := range []TimelineQuery{{}, {Descending: true}, {TypePrefix: "lineage."}, {Party: "P2"}} {
			everyRow(t, fmt.Sprintf("records %+v", q), w, s, func(r *TimelineRow) bool { return concerned[r.Position] }, func(w *View, p Page) ([]TimelineRow, string, error) {
				q.Page = p
				l, err := w.Timeline(ctx, q)
				return l.Rows, l.Next, err
			})
		}
		for at := range w.Position() {
			row, ok, err := w.Within(s).Record(at)
			hidden, err2 := w.Within(s).Hidden(ctx, at)
			if err != nil || err2 != nil || ok != concerned[at] || ok != (row.Type != "") || hidden[at] == ok {
				t.Errorf("record %d within %v: %v %v %v %v", at, s, ok, hidden, err, err2)
			}
		}
	}
}

// everyRow is heldTo with all rows read at once.
func everyRow[T any](t *testing.T, what string, w *View, s Scope, sees func(*T) bool, page func(*View, Page) ([]T, string, error)) {
	t.Helper()
	all, next, err := page(w, Page{Limit: MaxLimit})
	if err != nil || next != "" {
		t.Fatalf("%s: %v %q", what, err, next)
	}
	heldTo(t, what, w, s, all, sees, page)
}

// TestScopeHidesWords: what is withheld is not searched, so that no question tells what is
// in it.
func TestScopeHidesWords(t *testing.T) {
	b := scopedBook(t)
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	w := current(t, v)
	s := Scope{Parties: []string{"P7"}}
	for _, at := range []events.Time{0, day(8, 1)} {
		var counts []int64
		for _, text := range []string{"登记", "six", "Pensions", "nowhere", "P6"} {
			bound := w.Within(s)
			l, err := bound.Entries(ctx, EntryQuery{Text: text, ValidAt: at})
			if err != nil || (len(l.Entries) == 1) != (text == "登记" && at == 0) {
				t.Errorf("%q: %+v %v", text, l.Entries, err)
			}
			counts = append(counts, bound.Withheld())
		}
		if slices.Min(counts) != slices.Max(counts) || counts[0] == 0 {
			t.Errorf("how much is withheld depends on the words: %v", counts)
		}
	}
	var counts []int64
	for _, text := range []string{"E1", "nowhere"} {
		bound := w.Within(s)
		if _, err := bound.Timeline(ctx, TimelineQuery{Text: text, Page: Page{Limit: MaxLimit}}); err != nil {
			t.Fatal(err)
		}
		counts = append(counts, bound.Withheld())
	}
	if counts[0] != counts[1] {
		t.Errorf("how many records are withheld depends on the words: %v", counts)
	}
}

// TestScopeOfOne: what is asked for by its id is not there for who may not see it.
func TestScopeOfOne(t *testing.T) {
	b := scopedBook(t)
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	w := current(t, v)
	for _, s := range scopesTried {
		sees, bound := brute(t, w, s), w.Within(s)
		for what, c := range map[string]struct {
			want bool
			ask  func() (bool, error)
		}{
			"party P2":      {sees("P2"), func() (bool, error) { _, ok, err := bound.Party(ctx, "P2", 0); return ok, err }},
			"its history":   {sees("P2"), func() (bool, error) { l, err := bound.PartyHistory(ctx, "P2"); return len(l) > 0, err }},
			"agreement A6":  {sees("P6", "P7"), func() (bool, error) { _, ok, err := bound.Agreement(ctx, "A6", 0); return ok, err }},
			"its states":    {sees("P6", "P7"), func() (bool, error) { l, err := bound.AgreementHistory(ctx, "A6"); return len(l) > 0, err }},
			"request R1":    {sees("P2", "P3"), func() (bool, error) { _, ok, err := bound.Request(ctx, "R1", 0); return ok, err }},
			"entry E6":      {sees("P6"), func() (bool, error) { _, ok, err := bound.Entry(ctx, "E6", 0); return ok, err }},
			"E6 in force":   {sees("P6"), func() (bool, error) { _, ok, err := bound.Entry(ctx, "E6", day(8, 1)); return ok, err }},
			"its versions":  {sees("P6"), func() (bool, error) { l, err := bound.EntryHistory(ctx, "E6"); return len(l) > 0, err }},
			"finding Q6":    {sees("P6", "P7"), func() (bool, error) { _, ok, err := bound.Finding(ctx, "Q6", 0); return ok, err }},
			"attributed":    {sees("P6", "P7"), func() (bool, error) { _, ok, err := bound.Attribute(ctx, "Q6", 0); return ok, err }},
			"run r7":        {sees("P6", "P7"), func() (bool, error) { _, ok, err := bound.Run(ctx, "r7"); return ok, err }},
			"node E6":       {sees("P6"), func() (bool, error) { return known(bound.ResolveNode(ctx, "entry:E6")) }},
			"node report":   {sees("P6"), func() (bool, error) { return known(bound.ResolveNode(ctx, "dataset:pg/report")) }},
			"node column":   {sees("P6"), func() (bool, error) { return known(bound.ResolveNode(ctx, "column:pg/report#id")) }},
			"node stage7":   {sees("P7"), func() (bool, error) { return known(bound.ResolveNode(ctx, "dataset:pg/stage7")) }},
			"node job":      {sees("P6", "P7"), func() (bool, error) { return known(bound.ResolveNode(ctx, "job:etl7/stage")) }},
			"node of none":  {false, func() (bool, error) { return known(bound.ResolveNode(ctx, "dataset:pg/loop")) }},
			"what is not":   {false, func() (bool, error) { return known(bound.ResolveNode(ctx, "dataset:pg/stage8")) }},
			"lineage of it": {sees("P7"), func() (bool, error) { return known(bound.Lineage(ctx, LineageQuery{Node: "dataset:pg/stage7"})) }},
			"a difference": {sees("P7"), func() (bool, error) {
				return known(bound.LineageDiff(ctx, viewAt(t, v, 30), 0, LineageQuery{Node: "dataset:pg/stage7"}))
			}},
		} {
			if got, err := c.ask(); err != nil || got != c.want {
				t.Errorf("%s within %v: %v, %v; want %v", what, s, got, err, c.want)
			}
		}
	}
}

// known is false for a node that is not known, and says then that nothing like it is
// offered.
func known[T any](_ T, err error) (bool, error) {
	if unknown := (*UnknownNodeError)(nil); errors.As(err, &unknown) {
		if len(unknown.Near) > 0 {
			return false, fmt.Errorf("others are offered: %v", unknown.Near)
		}
		return false, nil
	}
	return err == nil, err
}

// TestScopeOfGraphs holds every answer about lineage to the whole one, node by node.
func TestScopeOfGraphs(t *testing.T) {
	b := scopedBook(t)
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	w := current(t, v)
	ask := LineageQuery{Node: "dataset:pg/report", Dropped: true, Depth: 50}
	whole, err := w.Lineage(ctx, ask)
	if err != nil || len(whole.Nodes) < 8 {
		t.Fatalf("%+v %v", whole, err)
	}
	for _, s := range scopesTried {
		sees := brute(t, w, s)
		visible := bruteNodes(t, w, sees)
		if !visible("dataset:pg/report") {
			continue // it is not there: see TestScopeOfOne
		}
		nodes, edges, withheld := []string{}, 0, int64(0)
		for _, n := range whole.Nodes {
			if visible(n.ID) {
				nodes = append(nodes, n.ID)
				for _, e := range n.Entries {
					if !visible("entry:" + e) {
						withheld++
					}
				}
			} else {
				withheld++
			}
		}
		for _, e := range whole.Edges {
			if visible(e.From) && visible(e.To) {
				edges++
			}
		}
		bound := w.Within(s)
		g, err := bound.Lineage(ctx, ask)
		got := []string{}
		for _, n := range g.Nodes {
			got = append(got, n.ID)
		}
		if err != nil || !slices.Equal(got, nodes) || len(g.Edges) != edges || bound.Withheld() != withheld {
			t.Errorf("within %v: %v with %d edges, %d withheld, %v; want %v, %d, %d", s, got, len(g.Edges), bound.Withheld(), err, nodes, edges, withheld)
		}
		bound = w.Within(s)
		got = got[:0]
		parts := 0
		_, err = bound.LineageParts(ctx, ask, func(p GraphPart) error {
			for _, n := range p.Nodes {
				got = append(got, n.ID)
			}
			parts += len(p.Edges)
			return nil
		})
		slices.Sort(got)
		slices.Sort(nodes)
		if err != nil || len(got) != len(nodes) || parts != edges || bound.Withheld() != withheld {
			t.Errorf("in parts within %v: %v with %d edges, %d withheld, %v", s, got, parts, bound.Withheld(), err)
		}

		impact, err := w.Impact(ctx, ImpactQuery{Node: "dataset:pg/report"})
		bound = w.Within(s)
		mine, err2 := bound.Impact(ctx, ImpactQuery{Node: "dataset:pg/report"})
		left := len(impact.Nodes) - len(mine.Nodes) + len(impact.Entries) - len(mine.Entries)
		for _, n := range mine.Nodes {
			if !visible(n.ID) {
				t.Errorf("%s is affected within %v", n.ID, s)
			}
		}
		if err := errors.Join(err, err2); err != nil || bound.Withheld() < int64(left) {
			t.Errorf("impact within %v: %d of %d withheld, %v", s, bound.Withheld(), left, err)
		}
		paths, err := w.Paths(ctx, PathQuery{From: "dataset:pg/report", To: "dataset:pg/stage7"})
		if err != nil || len(paths.Paths) == 0 {
			t.Fatal(paths, err)
		}
		if visible("dataset:pg/stage7") {
			bound = w.Within(s)
			mine, err := bound.Paths(ctx, PathQuery{From: "dataset:pg/report", To: "dataset:pg/stage7"})
			n := 0
			for _, p := range paths.Paths {
				if !slices.ContainsFunc(p.Nodes, func(id string) bool { return !visible(id) }) {
					n++
				}
			}
			if err != nil || len(mine.Paths) != n || bound.Withheld() != int64(len(paths.Paths)-n) {
				t.Errorf("paths within %v: %d, %d withheld, %v; want %d of %d", s, len(mine.Paths), bound.Withheld(), err, n, len(paths.Paths))
			}
		}
		exposure, err := w.Exposure(ctx, ExposureQuery{Node: "dataset:pg/report"})
		bound = w.Within(s)
		seen, err2 := bound.Exposure(ctx, ExposureQuery{Node: "dataset:pg/report"})
		n := 0
		for _, e := range exposure.Exposed {
			if sees(e.Provider, e.Consumer) {
				n++
			}
		}
		for _, id := range seen.Entries {
			if !visible("entry:" + id) {
				t.Errorf("entry %s is exposed within %v", id, s)
			}
		}
		left = len(exposure.Exposed) - n + exposure.Reached - seen.Reached + len(exposure.Entries) - len(seen.Entries) + len(exposure.Entitled) - len(seen.Entitled)
		if err := errors.Join(err, err2); err != nil || len(seen.Exposed) != n || bound.Withheld() != int64(left) {
			t.Errorf("exposure within %v: %d, %d withheld, %v; want %d, %d", s, len(seen.Exposed), bound.Withheld(), err, n, left)
		}
	}
	for _, s := range scopesTried {
		visible := bruteNodes(t, w, brute(t, w, s))
		everyRow(t, "loose", w, s, func(n *Node) bool { return visible(n.ID) }, func(w *View, p Page) ([]Node, string, error) {
			l, err := w.Loose(ctx, LooseQuery{Kind: LooseDeadEnd, Page: p})
			for i := range l.Datasets {
				l.Datasets[i].Entries = nil
			}
			return l.Datasets, l.Next, err
		})
	}
}

// bruteNodes tells of nodes whether a reader may see them, from whole answers only: who
// provides the entries of a dataset, else who runs the jobs that write it.
func bruteNodes(t *testing.T, w *View, sees func(...string) bool) func(id string) bool {
	t.Helper()
	provider := map[string]string{}
	entries, err := w.Entries(ctx, EntryQuery{Page: Page{Limit: MaxLimit}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries.Entries {
		provider[e.ID] = e.Provider
	}
	around := func(id string) Graph {
		g, err := w.Lineage(ctx, LineageQuery{Node: id, Dropped: true, Depth: 1})
		if err != nil {
			t.Fatal(id, err)
		}
		return g
	}
	dataset := func(id string) bool {
		n, err := w.ResolveNode(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range n.Entries {
			if sees(provider[e]) {
				return true
			}
		}
		return len(n.Entries) == 0 && id == "dataset:pg/stage7" && sees("P7")
	}
	return func(id string) bool {
		kind, rest, _ := strings.Cut(id, ":")
		switch kind {
		case NodeEntry:
			return sees(provider[rest])
		case NodeColumn:
			table, _, _ := strings.Cut(rest, "#")
			return dataset("dataset:" + table)
		case NodeDataset:
			return dataset(id)
		}
		if id == "job:etl7/stage" && sees("P7") {
			return true
		}
		for _, n := range around(id).Nodes {
			if n.Kind == NodeDataset && dataset(n.ID) {
				return true
			}
		}
		return false
	}
}

// TestScopeOfBulletins: figures count what may be seen, and say how much was left out.
func TestScopeOfBulletins(t *testing.T) {
	b := scopedBook(t)
	v := newBlockedViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	w := current(t, v)
	q := BulletinQuery{From: day(1, 1), To: day(12, 28)}
	figures := func(w *View) map[string]int64 {
		b, err := w.Bulletin(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]int64{}
		for _, f := range b.Figures {
			out[f.ID] = f.Count
		}
		return out
	}
	all, native := figures(w), false
	for _, s := range scopesTried {
		sees, bound := brute(t, w, s), w.Within(s)
		got := figures(bound)
		calls, err := bound.Accesses(ctx, AccessQuery{FlaggedOnly: true, Imported: &native, Page: Page{Limit: MaxLimit}})
		if err != nil || got["access.beyond"] != int64(len(calls.Accesses)) {
			t.Errorf("calls beyond within %v: %d of %d, want %d, %v", s, got["access.beyond"], all["access.beyond"], len(calls.Accesses), err)
		}
		want := int64(0)
		list, err := w.Findings(ctx, FindingQuery{Page: Page{Limit: MaxLimit}})
		for _, f := range list.Findings {
			if sees(f.By, f.Provider, f.Assigned) {
				want++
			}
		}
		if err != nil || got["quality.reported"] != want {
			t.Errorf("issues within %v: %d, want %d, %v", s, got["quality.reported"], want, err)
		}
		for id, n := range got {
			if n > all[id] {
				t.Errorf("%s within %v: %d of %d", id, s, n, all[id])
			}
		}
		if everything := slices.Contains(s.Regions, "000000"); !everything && bound.Withheld() == 0 {
			t.Errorf("nothing is withheld within %v", s)
		}
	}
}

// TestScopeLaw: what a reader with a scope gets as of a position is what it would get
// from a fresh build of the records up to there.
func TestScopeLaw(t *testing.T) {
	b := scopedBook(t)
	whole := newBlockedViews(t, b.Ledger)
	build(t, whole, b.Head().Size)
	for n := int64(0); n < b.Head().Size; n += 17 {
		fresh := newBlockedViews(t, b.Ledger)
		build(t, fresh, n+1)
		for _, s := range []Scope{{Parties: []string{"P2"}}, {Regions: []string{"99"}}} {
			got, want := viewAt(t, whole, n).Within(s), viewAt(t, fresh, n).Within(s)
			same(t, fmt.Sprintf("within %v at %d", s, n), answers(t, got), answers(t, want))
			if got.Withheld() != want.Withheld() {
				t.Errorf("within %v at %d: %d withheld, want %d", s, n, got.Withheld(), want.Withheld())
			}
		}
	}
}

// TestInArea: codes go by pairs of digits.
func TestInArea(t *testing.T) {
	for _, c := range []struct {
		area, region string
		in           bool
	}{
		{"330000", "330100", true}, {"331000", "331002", true}, {"331000", "331100", false}, {"331000", "331000", true}, {"33", "331100", true},
		{"3310", "331100", false}, {"3310", "331002", true}, {"000000", "110000", true}, {"330100", "330000", false}, {"330100", "", false},
		{"000000", "", false}, {"330102", "330102001", true}, {"EU-1", "EU-1", true}, {"EU-1", "EU-2", false},
	} {
		if InArea(c.area, c.region) != c.in {
			t.Errorf("%s in %s: %v", c.region, c.area, !c.in)
		}
	}
}
