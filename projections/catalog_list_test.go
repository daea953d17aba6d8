package projections

import (
	"reflect"
	"testing"
)

// TestListedAsRead: an entry in a list is what it is when it is read by itself, on
// pages of any length, as of any position.
func TestListedAsRead(t *testing.T) {
	b := longScript(newBook(t))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	listed, attached, marked := 0, 0, 0
	for at := range b.Head().Size {
		w := viewAt(t, v, at)
		for limit := 1; limit <= 3; limit++ {
			n := 0
			for q := (EntryQuery{Page: Page{Limit: limit}}); ; {
				list, err := w.Entries(ctx, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range list.Entries {
					want, ok, err := w.Entry(ctx, e.ID, 0)
					if err != nil || !ok || !reflect.DeepEqual(e, want) {
						t.Fatalf("as of %d, %v %v\n got %+v\nwant %+v", at, ok, err, e, want)
					}
					n, listed, attached, marked = n+1, listed+1, attached+len(e.Attached), marked+len(e.Marks)
				}
				if q.Cursor = list.Next; q.Cursor == "" {
					if n != list.Total {
						t.Fatalf("as of %d, by %d: %d entries of %d", at, limit, n, list.Total)
					}
					break
				}
			}
		}
	}
	if listed == 0 || attached == 0 || marked == 0 {
		t.Errorf("%d entries, %d resources, %d marks: the script shows too little", listed, attached, marked)
	}
}
