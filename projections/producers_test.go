package projections

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ledgerline/events"
	"ledgerline/ledger"
)

// sealed is a batch of calls of gateway-1 with the numbers first to last, made in
// the minute that begins at a time.
func sealed(agreement string, from events.Time, first, last uint64, columns ...string) *events.BatchSealed {
	return &events.BatchSealed{
		Batch: fmt.Sprintf("B%d", first), Provider: "P2", Producer: "gateway-1", Consumer: "P3", Agreement: agreement, Entry: "E3",
		Period: events.Period{From: from, To: from + 60_000_000}, Purposes: []string{"statistics"}, Columns: columns,
		CountOK: int(last - first + 1), Rows: 7, First: first, Last: last, Root: root(last),
	}
}

// root is the root of the batch that ends with a number.
func root(last uint64) []byte { return bytes.Repeat([]byte{byte(last)}, 32) }

// gap declares the numbers first to last of gateway-1 missing.
func gap(first, last uint64) *events.GapDeclared {
	return &events.GapDeclared{
		Gap: fmt.Sprintf("G%d", first), Provider: "P2", Producer: "gateway-1", By: "P2", Period: events.Period{From: day(6, 25), To: day(6, 26)},
		First: first, Last: last, Cause: "outage",
	}
}

// numbered goes on after the second year: events and calls that are numbered, some
// of which are missing, declared, late, or there twice.
func numbered() []claim {
	calls := activate("A3", "E3", "id")
	calls.Purposes = []string{"statistics"}
	chained := sealed("A3", day(6, 26), 11, 20, "id")
	chained.Previous = root(10)
	unchained := sealed("A3", day(6, 29), 61, 70, "id", "date")
	single := func() *events.AccessRecorded {
		a := access("A3", "id")
		a.Entry, a.Purpose = "E3", "statistics"
		return a
	}
	return []claim{
		{at: day(6, 25), data: calls},
		{at: day(6, 25), data: sealed("A3", day(6, 25), 1, 10, "id")},
		{at: day(6, 26), data: chained},
		{at: day(6, 27), data: sealed("A3", day(6, 27), 41, 50, "id")}, // 21 to 40 are missing
		{at: day(6, 27), data: gap(21, 30)},
		{at: day(6, 27), data: sealed("A3", day(6, 26), 31, 35, "id")}, // late
		{at: day(6, 28), data: gap(51, 60)},                            // before anything shows it
		{at: day(6, 29), data: unchained},
		{at: day(6, 30), data: sealed("A3", day(6, 30), 65, 75, "id")}, // 65 to 70 again
		{at: day(6, 30), number: 1, data: single()},
		{at: day(6, 30), number: 2, data: single()},
		{at: day(6, 30), number: 4, data: single()},
		{at: day(6, 30), number: 5, data: single()},
		{at: day(6, 30), number: 5, data: single()},
		{at: day(6, 30), number: 9, data: single()},
		{at: day(6, 30), number: 3, data: single()},
	}
}

func producers(t *testing.T, w *View, q ProducerQuery) (out []string) {
	t.Helper()
	list, err := w.Producers(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Producers {
		line := fmt.Sprintf("%s %s to %d", p.Numbers, p.ID, p.Last)
		for _, m := range p.Missing {
			line += fmt.Sprintf(" %d-%d", m.First, m.Last)
			if m.Declared != 0 {
				line += " declared"
			}
		}
		out = append(out, line)
	}
	return out
}

// TestInvariant_I28: the sealed batches of a producer neither overlap nor leave a
// gap that is not declared, and no more do the numbers of its events.
func TestInvariant_I28(t *testing.T) {
	w := grown(t)
	equal(t, "numbers", producers(t, w, ProducerQuery{Gaps: true}), []string{
		"calls gateway-1 to 75 21-30 declared 36-40 51-60 declared", "events gateway-1 to 9 6-8",
	})
	equal(t, "of nobody", producers(t, w, ProducerQuery{Party: "P9"}), nil)
	list, err := w.Violations(ctx, ViolationQuery{From: day(6, 25), Page: Page{Limit: MaxLimit}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range list.Violations {
		got = append(got, v.Rule+" "+v.Party)
	}
	slices.Sort(got)
	equal(t, "violations", got, []string{
		RuleBatchOverlaps + " P2", RuleBatchUnchained + " P2", RuleColumnNotGranted + " P3", RuleNumberRepeated + " ", RuleSequenceGap + " ", RuleSequenceGap + " P2",
	})
	// As of the record after the first batch beyond a gap, all of it was missing.
	at := list.Violations[slices.IndexFunc(list.Violations, func(v Violation) bool { return v.Rule == RuleSequenceGap && v.Party == "P2" })].Events[0]
	equal(t, "then", producers(t, viewAt(t, w.v, at), ProducerQuery{}), []string{"calls gateway-1 to 50 21-40"})
}

// TestInvariant_I13: calls are in order only if the agreement was active when they
// were made, for the columns and the purpose; a batch over all of its time.
func TestInvariant_I13(t *testing.T) {
	b := newBook(t)
	b.add(party("P1"), party("P2"), party("P3"), claim{at: day(1, 2), data: draft("E3", "P2", "t", nil, "id", "date")})
	b.add(inForce("E3", "P2")...)
	a := activate("A", "E3", "id")
	a.Purposes, a.Scope, a.ValidTo = []string{"statistics"}, events.Scope{Region: "990100"}, day(5, 1)
	noon := day(3, 1)
	b.add(claim{at: day(2, 1), data: a}, claim{at: noon, data: &events.AgreementSuspended{Agreement: "A", By: "P1", Cause: "x"}},
		claim{at: day(4, 1), data: &events.AgreementResumed{Agreement: "A", By: "P1"}},
		claim{at: day(5, 2), data: &events.AgreementExpired{Agreement: "A", By: "P1"}})
	const minute = 60_000_000
	cases := []struct {
		name   string
		from   events.Time
		change func(*events.BatchSealed)
		want   []string
	}{
		{"in order", day(2, 2), nil, nil},
		{"before the term", day(2, 1) - minute, nil, []string{RuleAgreementNotActive, RuleOutsideTerm}},
		{"from before the term into it", day(2, 1) - minute/2, nil, []string{RuleAgreementNotActive, RuleOutsideTerm}},
		{"up to the suspension", noon - minute, nil, nil},
		{"into the suspension", noon - minute/2, nil, []string{RuleAgreementNotActive}},
		{"suspended", noon, nil, []string{RuleAgreementNotActive}},
		{"out of the suspension", day(4, 1) - minute/2, nil, []string{RuleAgreementNotActive}},
		{"resumed", day(4, 1), nil, nil},
		{"beyond the term", day(5, 1) - minute/2, nil, []string{RuleOutsideTerm}},
		{"expired", day(5, 2), nil, []string{RuleAgreementNotActive, RuleOutsideTerm}},
		{"a column", day(2, 2), func(d *events.BatchSealed) { d.Columns = []string{"id", "date"} }, []string{RuleColumnNotGranted}},
		{"one of two purposes", day(2, 2), func(d *events.BatchSealed) { d.Purposes = []string{"statistics", "credit"} }, []string{RulePurposeNotGranted}},
		{"one of two regions", day(2, 2), func(d *events.BatchSealed) { d.Regions = []string{"990102", "990200"} }, []string{RuleRegionNotGranted}},
		{"another entry", day(2, 2), func(d *events.BatchSealed) { d.Entry = "E9" }, []string{RuleEntryNotGranted}},
		{"of another", day(2, 2), func(d *events.BatchSealed) { d.Consumer = "P1" }, []string{RuleConsumerMismatch}},
		{"none", day(2, 2), func(d *events.BatchSealed) { d.Agreement = "" }, []string{RuleNoAgreement}},
		{"all denied", noon, func(d *events.BatchSealed) { d.CountOK, d.CountDenied, d.Rows = 0, d.CountOK, 0 }, nil},
	}
	at := make([]int64, len(cases))
	last := uint64(0)
	for i, c := range cases {
		d := sealed("A", c.from, last+1, last+2, "id")
		if last > 0 {
			d.Previous = root(last)
		}
		d.Regions = []string{"990102"}
		if c.change != nil {
			c.change(d)
		}
		last += 2
		at[i] = b.add(claim{at: c.from + minute, data: d})
	}
	w := latestView(t, b)
	list, err := w.Accesses(ctx, AccessQuery{Type: typeBatch, Page: Page{Limit: MaxLimit}})
	if err != nil || len(list.Accesses) != len(cases) {
		t.Fatalf("%d batches %v", len(list.Accesses), err)
	}
	slices.Reverse(list.Accesses)
	for i, got := range list.Accesses {
		var rules []string
		for _, f := range got.Flags {
			rules = append(rules, f.Rule)
		}
		if got.Position != at[i] || !slices.Equal(rules, cases[i].want) {
			t.Errorf("%s: position %d flags %v (%+v), want %d %v", cases[i].name, got.Position, rules, got.Flags, at[i], cases[i].want)
		}
	}
	for name, q := range map[string]AccessQuery{
		"that ends in the window":   {From: noon, To: noon + 1, Type: typeBatch},
		"that begins in the window": {From: noon - minute/2, To: noon - minute/2 + 1, Type: typeBatch},
	} {
		if list, err := w.Accesses(ctx, q); err != nil || len(list.Accesses) == 0 {
			t.Errorf("a batch %s is not listed (%v)", name, err)
		}
	}
}

// TestNumbersTaken holds a producer's runs to a set of numbers: whatever the order
// in which numbers come and gaps are declared, what is missing is what nobody sent.
func TestNumbersTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Producer
		sent, declared := map[uint64]bool{}, map[uint64]bool{}
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			first := rapid.Uint64Range(1, 40).Draw(t, "first")
			last := first + rapid.Uint64Range(0, 5).Draw(t, "more")
			e := &ledger.Entry{Position: int64(i + 1)}
			if rapid.Bool().Draw(t, "gap") {
				p.declare(first, last, e)
				for n := first; n <= last; n++ {
					declared[n] = true
				}
				continue
			}
			again := false
			for n := first; n <= last; n++ {
				again, sent[n] = again || sent[n], true
				delete(declared, n)
			}
			if got := p.take(first, last, e); got != again {
				t.Fatalf("%d to %d again: %v, want %v", first, last, got, again)
			}
		}
		next := uint64(1)
		for _, m := range p.Missing {
			for ; next < m.First; next++ {
				if !sent[next] {
					t.Fatalf("%d is not known to be missing: %+v", next, p)
				}
			}
			for ; next <= m.Last; next++ {
				if sent[next] || (m.Declared != 0) != declared[next] {
					t.Fatalf("%d was sent %v, declared %v: %+v", next, sent[next], declared[next], p)
				}
			}
		}
		for ; next <= p.Last; next++ {
			if !sent[next] {
				t.Fatalf("%d is not known to be missing: %+v", next, p)
			}
		}
	})
}

// TestImportedNumbers: how the events of another system were numbered there says
// nothing about this ledger.
func TestImportedNumbers(t *testing.T) {
	b := newBook(t)
	b.add(claim{at: day(1, 1), imported: true, number: 7, data: access("", "id")}, claim{at: day(1, 1), imported: true, data: sealed("", day(1, 1), 8, 9)},
		claim{at: day(1, 1), imported: true, data: gap(1, 3)})
	equal(t, "producers", producers(t, latestView(t, b), ProducerQuery{}), nil)
}

// TestMissingRunsBounded: what is not listed is counted.
func TestMissingRunsBounded(t *testing.T) {
	var p Producer
	for n := range uint64(MissingRuns + 5) {
		p.take(3*n+3, 3*n+3, &ledger.Entry{Position: int64(n)}) // two are missing before each
	}
	if len(p.Missing) != MissingRuns || p.Unlisted != 10 {
		t.Errorf("%d runs, %d numbers unlisted", len(p.Missing), p.Unlisted)
	}

	p = Producer{}
	const last = 10 * MissingRuns
	p.take(last, last, &ledger.Entry{}) // all before are missing, as where a backlog is sent in any order
	taken := uint64(1)
	for n := uint64(2); n < last; n += 2 {
		p.take(n, n, &ledger.Entry{})
		taken++
		missing := p.Unlisted
		for _, m := range p.Missing {
			missing += m.Last - m.First + 1
		}
		if len(p.Missing) > MissingRuns || missing < last-taken {
			t.Fatalf("after %d: %d runs, %d numbers missing of %d", n, len(p.Missing), missing, last-taken)
		}
	}
	p.declare(1, last+1, &ledger.Entry{Position: 1})
	if len(p.Missing) > MissingRuns {
		t.Errorf("%d runs after a declaration", len(p.Missing))
	}
}
