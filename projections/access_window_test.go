package projections

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"ledgerline/events"
)

// TestAccessWindow: whatever late or early accesses are recorded, a window of time
// lists those that a look at all of them finds, as of every position.
func TestAccessWindow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		b.add(party("P1"), party("P2"), party("P3"))
		now := b.Head().Time
		for i := range rapid.IntRange(1, 8).Draw(rt, "accesses") {
			at := now - events.Time(rapid.Int64Range(-4, 40_000).Draw(rt, "minutes late"))*60_000_000
			d := events.Data(access("", "id"))
			if rapid.Bool().Draw(rt, "a batch") {
				until := at + events.Time(rapid.Int64Range(1, 2_000).Draw(rt, "minutes long"))*60_000_000
				d = &events.BatchSealed{
					Batch: fmt.Sprint(i), Provider: "P2", Producer: fmt.Sprint("g", i), Consumer: "P3", Entry: "E1", Period: events.Period{From: at, To: until},
					Purposes: []string{"statistics"}, CountOK: 1, First: 1, Last: 1, Root: make([]byte, 32),
				}
				at = now
			}
			b.add(claim{at: at, data: d, imported: rapid.IntRange(0, 9).Draw(rt, "imported") == 0})
		}
		v := newViews(t, b.Ledger)
		build(t, v, b.Head().Size)
		for n := range b.Head().Size {
			w := viewAt(t, v, n)
			all, err := w.Accesses(ctx, AccessQuery{Page: Page{Limit: MaxLimit}})
			if err != nil {
				rt.Fatal(err)
			}
			from := now - events.Time(rapid.Int64Range(-2_100, 41_000).Draw(rt, "from"))*60_000_000
			to := from + events.Time(rapid.Int64Range(1, 10_000).Draw(rt, "length"))*60_000_000
			for _, window := range [][2]events.Time{{from, to}, {from, 0}, {0, to}} {
				var want []int64
				for _, a := range all.Accesses {
					if a.overlaps(window[0], window[1]) {
						want = append(want, a.Position)
					}
				}
				list, err := w.Accesses(ctx, AccessQuery{From: window[0], To: window[1], Page: Page{Limit: MaxLimit}})
				if err != nil {
					rt.Fatal(err)
				}
				var got []int64
				for _, a := range list.Accesses {
					got = append(got, a.Position)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					rt.Fatalf("from %s to %s as of %d: %v, want %v", window[0], window[1], n, got, want)
				}
			}
		}
	})
}
