package demo

import (
	"crypto/sha256"
	"fmt"
	"time"

	"ledgerline/events"
)

// traffic is what goes through the gateway under an agreement, too much to record
// call by call: each shift of six hours is sealed as one batch.
type traffic struct {
	agreement string
	from, to  string // days, the last not included
	calls     int    // in a shift, about
	rows      int    // of a call, about
	without   string // an item that is no longer granted
}

// traffics begin after the day of delivery. What the household check reads follows
// its runs, call by call.
var traffics = []traffic{
	{agreement: "A01", from: "2025-08-21", to: "2026-03-31", calls: 3_400, rows: 1},
	{agreement: "A04", from: "2025-11-13", to: "2026-03-31", calls: 700, rows: 1},
	{agreement: "A05", from: "2025-10-28", to: "2026-03-31", calls: 600, rows: 2},
	{agreement: "A06", from: "2025-11-22", to: "2026-03-31", calls: 900, rows: 1},
	{agreement: "A09", from: "2025-12-02", to: "2026-03-31", calls: 2_600, rows: 1},
	{agreement: "A10", from: "2025-12-11", to: "2026-03-31", calls: 800, rows: 1},
	{agreement: "A11", from: "2025-12-20", to: "2026-01-16", calls: 1_900, rows: 1},
	{agreement: "A11", from: "2026-02-10", to: "2026-03-31", calls: 1_900, rows: 1, without: "lxdh"},
	{agreement: "A12", from: "2026-01-09", to: "2026-03-31", calls: 1_200, rows: 1},
	{agreement: "A14", from: "2026-01-21", to: "2026-03-10", calls: 400, rows: 1},
	{agreement: "A15", from: "2026-03-28", to: "2026-03-31", calls: 300, rows: 1},
}

// lost are the calls of the days on which the interface to the residence permits was
// down (Q14): the gateway numbered them and kept no record.
var lost = struct {
	agreement, from, to string
	calls               uint64
}{"A12", "2026-02-25", "2026-02-28", 1_204}

const shift = 6 * time.Hour

// batchSteps seal the traffic. The gateway numbers the calls of each agreement by
// themselves, and hands in the batches of a day after midnight.
func batchSteps() []Step {
	var steps []Step
	numbers := map[string]*chain{}
	for _, t := range traffics {
		c := numbers[t.agreement]
		if c == nil {
			c = &chain{producer: "gateway-2/" + t.agreement}
			numbers[t.agreement] = c
		}
		for _, d := range every(day(t.from), day(t.to), 1) {
			if t.agreement == lost.agreement && !d.Before(day(lost.from)) && d.Before(day(lost.to)) {
				if d.Equal(day(lost.from)) {
					steps = append(steps, c.gap())
				}
				continue
			}
			for at := d; at.Before(d.AddDate(0, 0, 1)); at = at.Add(shift) {
				steps = append(steps, c.seal(t, at))
			}
		}
	}
	return steps
}

// chain is how far the numbers of a producer have come, and the root of its last
// batch.
type chain struct {
	producer string
	last     uint64
	previous []byte
}

// seal is the batch of the shift that begins at a time. Nobody keeps call records
// in a story, so the root is not that of a tree over them.
func (c *chain) seal(t traffic, from time.Time) Step {
	a := agreementOf(t.agreement)
	entry, to := a.grants[0].entry, from.Add(shift)
	id := a.id + "-" + from.Format("20060102T15")
	calls := t.calls/2 + int(draw(uint64(t.calls), "calls", id))
	denied := int(draw(uint64(calls/200)+1, "denied", id))
	root := sha256.Sum256([]byte("batch/" + id))
	d := &events.BatchSealed{
		Batch: id, Provider: a.provider, Producer: c.producer, Consumer: a.consumer, Agreement: a.id, Entry: entry, EntryVersion: versionAt(entry, from),
		Period: events.Period{From: events.TimeOf(from), To: events.TimeOf(to)}, Purposes: []string{a.purpose}, Columns: except(a.itemsOf(entry), t.without),
		CountOK: calls - denied, CountDenied: denied, Rows: (calls - denied) * t.rows, First: c.last + 1, Last: c.last + uint64(calls),
		Root: root[:], Previous: c.previous,
	}
	if a.region != "" {
		d.Regions = []string{a.region}
	}
	c.last, c.previous = d.Last, d.Root
	return recordAt(time.Date(from.Year(), from.Month(), from.Day()+1, 0, 20, 0, 0, china), events.Event{
		ID: "batch-" + id, Source: gatewaySource, Type: "access.batch.sealed", Time: events.TimeOf(to), Party: a.provider, Data: d,
	}, fmt.Sprintf("%d calls of %s to %s are sealed", calls, a.consumer, entry))
}

// gap declares the numbers that were lost.
func (c *chain) gap() Step {
	a := agreementOf(lost.agreement)
	d := &events.GapDeclared{
		Gap: "GAP-" + a.id, Provider: a.provider, Producer: c.producer, By: a.provider,
		Period: events.Period{From: events.TimeOf(day(lost.from)), To: events.TimeOf(day(lost.to))},
		First:  c.last + 1, Last: c.last + lost.calls, Cause: "outage",
		Description: "接口中断，调用日志未保存 The interface was down, and the log of calls was not kept",
	}
	c.last = d.Last
	return record(events.Event{
		ID: "gap-" + a.id, Source: gatewaySource, Type: "access.gap.declared", Time: events.TimeOf(day(lost.to).Add(10 * time.Minute)), Party: a.provider, Data: d,
	}, "D01 declares that records of calls to DS03 are missing")
}

// except leaves an item out.
func except(items []string, item string) []string {
	var left []string
	for _, i := range items {
		if i != item {
			left = append(left, i)
		}
	}
	return left
}
