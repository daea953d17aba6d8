package projections

import "ledgerline/events"

// Accesses are kept by position, and asked for by when they were made. How late any
// was recorded until then, and how early, bounds the positions at which those of a
// window of time can stand.

// The counters of the latest and the earliest access, in minutes after it was made and
// before it was over; and of those from before the ledger, which are as late as can be
// and do not count as late.
const (
	accessesLate     = "accesses/late"
	accessesEarly    = "accesses/early"
	accessesImported = "accesses/imported"
)

// lateAccess notes how late and how early an access was recorded, if none was more so.
func (b *batch) lateAccess(a *Access) error {
	if err := b.raise(accessesEarly, minutes(max(a.Time, a.Until)-a.Recorded)); err != nil {
		return err
	}
	if a.Imported {
		return b.count(accessesImported, 1)
	}
	return b.raise(accessesLate, minutes(a.Recorded-a.Time))
}

// minutes is how many begun minutes a span has; none if it is negative.
func minutes(t events.Time) int64 { return int64(max(0, t+60_000_000-1) / 60_000_000) }

// raise makes a counter at least n.
func (b *batch) raise(name string, n int64) error {
	now, err := b.counted(name)
	for err == nil && now < n {
		step := min(n-now, 30_000) // a counter takes no longer steps
		now += step
		err = b.count(name, step)
	}
	return err
}

// accessPositions are the positions, both included, at which accesses of [from, to)
// can stand; zero bounds are open.
func (w *View) accessPositions(from, to events.Time) (low, high int64, err error) {
	high = w.at
	counts := map[string]int64{accessesLate: 0, accessesEarly: 0, accessesImported: 0}
	if from == 0 && to == 0 {
		return 0, high, nil
	}
	err = w.read(func(r *reader) error {
		for name := range counts {
			row, ok, err := r.get(entityKey(tCount, name))
			if err == nil && ok {
				counts[name], err = counted(row, r.at)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && from != 0 {
		low, err = w.positionBefore(from - events.Time(counts[accessesEarly])*60_000_000)
		low++
	}
	if err == nil && to != 0 && counts[accessesImported] == 0 {
		high, err = w.positionBefore(to + events.Time(counts[accessesLate])*60_000_000)
	}
	return low, high, err
}
