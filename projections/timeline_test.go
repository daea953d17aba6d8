package projections

import (
	"testing"

	"ledgerline/events"
)

func TestTimelineByActorAndText(t *testing.T) {
	b := newBook(t)
	var last int64
	for _, c := range []struct{ party, name, actor string }{{"P1", "省民政厅", "a1"}, {"P2", "省税务局", "a2"}, {"P3", "市民政局", "a1"}} {
		ev := b.event(claim{at: day(1, 1), data: &events.PartyRegistered{Party: c.party, Name: c.name, Kind: "department", Region: "990000", Level: "provincial"}})
		ev.Actor = c.actor
		rs, err := b.Append(ctx, ev)
		if err != nil {
			t.Fatal(err)
		}
		last = rs[0].Position
	}
	v := newViews(t, b.Ledger)
	build(t, v, last+1)
	w := current(t, v)
	for _, c := range []struct {
		q    TimelineQuery
		want []string
	}{
		{TimelineQuery{Actor: "a1"}, []string{"P1", "P3"}},
		{TimelineQuery{Actor: "a3"}, nil},
		{TimelineQuery{Text: "民政"}, []string{"P1", "P3"}},
		{TimelineQuery{Text: "民政 Party/p3"}, []string{"P3"}},
		{TimelineQuery{Text: "民政", Actor: "a2"}, nil},
		{TimelineQuery{Text: "民政", Descending: true, Page: Page{Limit: 1}}, []string{"P3"}},
	} {
		list, err := w.Timeline(ctx, c.q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range list.Rows {
			got = append(got, row.Subject.ID)
		}
		equal(t, "actor "+c.q.Actor+", text "+c.q.Text, got, c.want)
	}
}
