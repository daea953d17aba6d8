package projections

import "testing"

// TestBytes: every table belongs to a view, and rows have sizes.
func TestBytes(t *testing.T) {
	for tab := tCount; tab < tables; tab++ {
		if tableOf[tab] == "" {
			t.Errorf("table %d belongs to no view", tab)
		}
	}
	b := script(newBook(t))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	sizes, err := v.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range tableOf {
		if _, ok := sizes[view]; !ok {
			t.Errorf("nothing is said of %s: %v", view, sizes)
		}
	}
	for _, view := range []string{"accesses", "catalog", "counts", "lineage", "timeline"} { // the scenario has rows of
		if sizes[view] == 0 {
			t.Errorf("%s takes nothing: %v", view, sizes)
		}
	}
}
