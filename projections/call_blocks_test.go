package projections

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"ledgerline/events"
)

// unblocked are the answers of a view that reads calls one by one.
func unblocked(t testing.TB, w *View, ask func() Bulletin) (blocks, entries string) {
	t.Helper()
	width := w.store.blockWidth
	defer func() { w.store.blockWidth = width }()
	say := func(b Bulletin) (out string) {
		for _, f := range b.Figures {
			value := int64(-1)
			if f.Value != nil {
				value = *f.Value
			}
			out += fmt.Sprintln(f.ID, value, f.Count, f.Of, f.Counted, f.Others, f.Omitted)
		}
		return out + fmt.Sprint(b.LimitsHit)
	}
	blocks = say(ask())
	w.store.blockWidth = 1 << 40
	return blocks, say(ask())
}

// TestBlocksChangeNothing: a bulletin says the same whether it takes calls from blocks or
// reads them one by one, where it lists all of them and where these are too many.
func TestBlocksChangeNothing(t *testing.T) {
	b := sharing(t)
	b.add(party("P4"), party("P5"))
	start := cst(t, "2025-09-01", 0)
	entryOf := map[string]string{"P2": "C"}
	for _, p := range []string{"P3", "P4", "P5"} {
		entryOf[p] = "C-" + p
		b.add(claim{at: start, data: draft(entryOf[p], p, "目录", nil, "id", "date")})
		b.add(inForce(entryOf[p], p)...)
	}
	pairs := [][2]string{{"P2", "P3"}, {"P2", "P4"}, {"P4", "P3"}, {"P3", "P2"}, {"P5", "P2"}}
	for i, of := range pairs {
		b.add(claim{at: start, data: &events.AgreementActivated{
			Agreement: fmt.Sprint("A", i), Provider: of[0], Consumer: of[1], Grants: []events.Grant{{Entry: entryOf[of[0]], EntryVersion: 1, Items: []string{"id"}}}, Purposes: []string{"statistics"},
			Method: "api", ValidFrom: start, ValidTo: cst(t, "2026-09-01", 0), Onward: events.OnwardForbidden, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "21"}},
		}})
	}
	const calls = 6000
	var claims []claim
	for i := range calls {
		n := i * i * 7 % 11 // P5 provides nothing before the end
		n = []int{0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3}[n]
		if i == calls-20 {
			n = 4
		}
		at := start + events.Time(i)*60*60*1_000_000
		if i%500 == 3 { // recorded late
			at -= 40 * 24 * 60 * 60 * 1_000_000
		}
		d := &events.AccessRecorded{
			Call: fmt.Sprint("c", i), Agreement: fmt.Sprint("A", n), Provider: pairs[n][0], Consumer: pairs[n][1], Entry: entryOf[pairs[n][0]], Method: "api", Purpose: "statistics", Columns: []string{"id"}, Result: events.AccessOK,
		}
		c := claim{at: at, data: d}
		switch {
		case i%41 == 0:
			d.Columns = []string{"date"}
		case i%37 == 0:
			d.Result = events.AccessError
		case i%301 == 0:
			c.imported = true
		case i%97 == 0:
			c.data = &events.BatchSealed{
				Batch: fmt.Sprint("b", i), Producer: "gw-" + pairs[n][0], Provider: pairs[n][0], Consumer: pairs[n][1], Agreement: d.Agreement, Entry: d.Entry, Period: events.Period{From: at, To: at + 60_000_000},
				First: uint64(10*i + 1), Last: uint64(10*i + 10), CountOK: i % 11, CountDenied: 10 - i%11, Rows: 1, Purposes: []string{"statistics"}, Columns: []string{"id"}, Root: make([]byte, 32),
			}
		}
		claims = append(claims, c)
	}
	b.add(claims...)
	v := newViews(t, b.Ledger)
	v.blockWidth, v.store.blockWidth = 128, 128
	build(t, v, b.Head().Size)
	whole := viewAt(t, v, b.Head().Size-1)
	check := func(rt rapid.TB, w *View, q BulletinQuery) (named bool) {
		withheld := []int64{}
		blocks, entries := unblocked(t, w, func() Bulletin {
			before := w.Withheld()
			got, err := w.Bulletin(ctx, q)
			if err != nil {
				rt.Fatal(err)
			}
			named = figureOf(got, "access.success").Omitted > 0
			withheld = append(withheld, w.Withheld()-before)
			return got
		})
		if blocks != entries || withheld[0] != withheld[1] {
			rt.Errorf("from blocks (%d withheld)\n%s\none by one (%d)\n%s", withheld[0], blocks, withheld[1], entries)
		}
		return named
	}
	// What chance may miss: a bulletin that names some of its calls only, and one that names all.
	if !check(t, whole, BulletinQuery{From: start, To: start + calls*60*60*1_000_000}) {
		t.Error("a bulletin of all calls names each of them")
	}
	if check(t, whole, BulletinQuery{From: start, To: start + 48*60*60*1_000_000}) {
		t.Error("a bulletin of two days does not name each of its calls")
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := whole
		if rapid.IntRange(0, 3).Draw(rt, "past") == 0 {
			w = viewAt(t, v, rapid.Int64Range(0, whole.Position()).Draw(rt, "at"))
		}
		q := BulletinQuery{From: start + events.Time(rapid.IntRange(0, calls).Draw(rt, "from"))*60*60*1_000_000}
		q.To = q.From + events.Time(rapid.IntRange(1, calls).Draw(rt, "hours"))*60*60*1_000_000
		switch rapid.IntRange(0, 2).Draw(rt, "of") {
		case 1:
			q.Party = rapid.SampledFrom([]string{"P2", "P3", "P4", "P5"}).Draw(rt, "party")
		case 2:
			q.Region = "990000"
		}
		if rapid.IntRange(0, 3).Draw(rt, "scope") == 0 {
			w = w.Within(Scope{Parties: []string{rapid.SampledFrom([]string{"P2", "P3", "P4", "P5"}).Draw(rt, "seen")}})
		}
		check(rt, w, q)
	})
}
