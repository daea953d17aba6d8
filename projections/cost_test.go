package projections

import (
	"errors"
	"reflect"
	"testing"
)

// costly are questions of every kind over the scenario.
var costly = map[string]func(w *View) (any, error){
	"timeline":          func(w *View) (any, error) { return w.Timeline(ctx, TimelineQuery{}) },
	"timeline of words": func(w *View) (any, error) { return w.Timeline(ctx, TimelineQuery{Text: "nothing has this"}) },
	"timeline of a type": func(w *View) (any, error) {
		return w.Timeline(ctx, TimelineQuery{TypePrefix: "access.", Descending: true})
	},
	"entries":       func(w *View) (any, error) { return w.Entries(ctx, EntryQuery{}) },
	"entry":         func(w *View) (any, error) { e, _, err := w.Entry(ctx, "E1", 0); return e, err },
	"entry history": func(w *View) (any, error) { return w.EntryHistory(ctx, "E1") },
	"parties":       func(w *View) (any, error) { return w.Parties(ctx, PartyQuery{}) },
	"agreements":    func(w *View) (any, error) { return w.Agreements(ctx, AgreementQuery{}) },
	"accesses":      func(w *View) (any, error) { return w.Accesses(ctx, AccessQuery{}) },
	"shares":        func(w *View) (any, error) { return w.Shares(ctx, ShareQuery{}) },
	"findings":      func(w *View) (any, error) { return w.Findings(ctx, FindingQuery{}) },
	"duties":        func(w *View) (any, error) { return w.Duties(ctx, DutyQuery{}) },
	"violations":    func(w *View) (any, error) { return w.Violations(ctx, ViolationQuery{}) },
	"lineage":       func(w *View) (any, error) { return w.Lineage(ctx, LineageQuery{Node: "entry:E1"}) },
	"columns":       func(w *View) (any, error) { return w.Lineage(ctx, LineageQuery{Node: "entry:E1", Columns: true}) },
	"impact":        func(w *View) (any, error) { return w.Impact(ctx, ImpactQuery{Node: "entry:E1"}) },
	"exposure":      func(w *View) (any, error) { return w.Exposure(ctx, ExposureQuery{Node: "entry:E1"}) },
	"loose":         func(w *View) (any, error) { return w.Loose(ctx, LooseQuery{Kind: "orphan"}) },
}

// TestCost: every question is charged for what it looks at, the same each time. One that
// may look at just as much answers as ever; with one unit less it ends with an error
// that tells the cost and the bound, and answers nothing short of it.
func TestCost(t *testing.T) {
	w := scripted(t)
	for name, ask := range costly {
		t.Run(name, func(t *testing.T) {
			want, err := ask(w) // what is loaded once is loaded now
			if err != nil {
				t.Fatal(err)
			}
			under := func(most int64) (*Cost, any, error) {
				c := NewCost(most)
				charged := viewAt(t, w.v, w.Position())
				charged.Charge(c)
				got, err := ask(charged)
				return c, got, err
			}
			c, got, err := under(1 << 40)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("charged: %v, %v", got, err)
			}
			spent := c.Spent()
			if spent == 0 {
				t.Fatal("it is not charged")
			}
			if c, got, err = under(spent); err != nil || !reflect.DeepEqual(got, want) || c.Spent() != spent {
				t.Errorf("at the bound of %d: spent %d, %v", spent, c.Spent(), err)
			}
			for _, most := range []int64{0, spent / 2, spent - 1} {
				_, _, err = under(most)
				var over *CostError
				if !errors.As(err, &over) || over.Limit != most || over.Cost <= most {
					t.Errorf("%d of %d: %v", most, spent, err)
				}
			}
		})
	}
}

// TestCostGrows: a question that looks at more is charged more.
func TestCostGrows(t *testing.T) {
	b := script(newBook(t))
	last := int64(0)
	for n := range 4 {
		for range 50 {
			b.add(claim{at: day(6, 1), data: access("A1", "id")})
		}
		v := newViews(t, b.Ledger)
		build(t, v, b.Head().Size)
		w, c := current(t, v), NewCost(1<<40)
		w.Charge(c)
		if _, err := w.Accesses(ctx, AccessQuery{Page: Page{Limit: MaxLimit}}); err != nil {
			t.Fatal(err)
		}
		if c.Spent() < last+50 {
			t.Errorf("%d calls more cost %d, before %d", 50*n, c.Spent(), last)
		}
		last = c.Spent()
	}
}
