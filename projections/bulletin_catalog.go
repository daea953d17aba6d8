package projections

import (
	"slices"
	"time"

	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// nineItems tells whether an entry is clear about the nine items that Article 13 of the
// Regulations on Government Data Sharing (State Council Order 809) asks for: name, data
// items, providing unit, data format, update frequency, sharing attribute, method of
// sharing, conditions of use, and class and grade. What is not shared has no method; a
// reason and a basis stand in the place of its conditions. What is shared without
// condition has none.
func nineItems(d *events.EntryDrafted) bool {
	s := &d.Sharing
	var shared bool
	switch s.Attribute {
	case events.SharingNotShared:
		shared = s.Reason != "" && s.Basis != ""
	case events.SharingConditional:
		shared = len(s.Methods) > 0 && s.Range != "" && len(s.Purposes) > 0
	case events.SharingUnconditional:
		shared = len(s.Methods) > 0
	}
	return shared && d.Title != "" && len(d.Items) > 0 && d.Provider != "" && d.Format != "" && d.UpdateFrequency != "" && len(d.ClassPath) > 0 && d.Grade != ""
}

// catalog counts what was in force at the end of the period.
func (t *tally) catalog(r *reader) error {
	published := t.figure("catalog.published", UnitCount, rulepack.Text{EN: "catalog entries in force at the end", ZH: "期末在用目录条目数"})
	fresh := t.figure("catalog.published_anew", UnitCount, rulepack.Text{EN: "of these, versions that came into force in the period", ZH: "其中本期发布的版本数"})
	complete := t.figure("catalog.complete", UnitMillionths, rulepack.Text{EN: "entries in force that are clear about all nine items of Article 13", ZH: "目录完整率"})
	hooked := t.figure("catalog.hooked", UnitMillionths, rulepack.Text{EN: "shareable entries with a resource", ZH: "挂接率"})
	return r.inForce(t.names, t.now(), func(e *entryInForce) error {
		if !t.of(e.provider) {
			return nil
		}
		if shown, err := t.shown(r, e.provider); err != nil || !shown {
			return err
		}
		if !t.native(e.imported, e.position) {
			return nil
		}
		published.add(true, e.position)
		if t.within(e.from) {
			fresh.add(true, e.position)
		}
		complete.add(e.complete, e.position)
		if e.sharing != events.SharingNotShared {
			hooked.add(e.hooked, e.position)
			if !e.hooked && e.toldHooked != 0 {
				t.native(true, e.toldHooked)
			}
		}
		return nil
	})
}

// entryInForce is what of a catalog entry was in force at a date.
type entryInForce struct {
	id, provider, sharing, region string
	from                          events.Time
	position                      int64
	hooked                        bool  // it can be had: it has a resource, or names one
	toldHooked                    int64 // the record from before the ledger that hooks it; 0: there is none
	complete                      bool  // see nineItems
	imported                      bool
}

// inForce visits the catalog entries in force at a date, in the order in which the book
// brought them up, each good until the next. Resources are as of the reader's position.
func (r *reader) inForce(names [][]string, at events.Time, visit func(*entryInForce) error) error {
	resources, err := r.things(tapeResources, false, nil)
	if err != nil {
		return err
	}
	defer resources.release()
	attached, told := map[string]bool{}, map[string]int64{}
	for n := range resources.last {
		e := &resources.last[n]
		if e.state&resourceAttached != 0 {
			texts, err := textsOf(names, e.names)
			if err != nil {
				return err
			}
			if e.imported {
				told[texts[0]] = max(told[texts[0]], e.position)
			} else {
				attached[texts[0]] = true
			}
		}
	}
	list, err := r.things(tapeEntries, false, func(e *taped) bool { return within(at, e.times[0], e.times[1]) })
	if err != nil {
		return err
	}
	defer list.release()
	var in entryInForce
	for n := range list.last {
		e := &list.last[n]
		if e.position < 0 || e.state&entryPublished == 0 {
			continue
		}
		texts, err := textsOf(names, e.names)
		if err != nil {
			return err
		}
		in = entryInForce{
			id: texts[0], provider: texts[1], sharing: texts[2], region: texts[3], from: e.times[0], position: e.position,
			hooked: e.state&entryResources != 0 || attached[texts[0]], complete: e.state&entryComplete != 0, imported: e.imported,
			toldHooked: told[texts[0]],
		}
		if err := visit(&in); err != nil {
			return err
		}
	}
	return nil
}

// A refreshWait is for the next refresh of a resource: begun by being attached or refreshed, and
// over with the next refresh, or when the resource is detached.
type refreshWait struct {
	began taped
	// ended is when the wait was over, by the record of the refresh; -1 if there was none.
	ended events.Time
	by    int64
	late  bool // the refresh is from before the ledger
}

// refreshing is what the figure of refreshes is counted with.
type refreshing struct {
	*tally
	figure   *Figure
	zone     *time.Location
	versions map[string][]taped // of entries, in the order recorded; nil until they are asked for
}

// refreshes counts the refreshes that were expected in the period, and those that came in
// time. The next is expected when the last one says, or else after as long as the entry's
// update frequency; and if it does not come, again each time as long after that. It is of
// the version that was in force when the wait began, while the entry is in force.
//
// What is recorded in between counts: a refresh that is told of after a newer one moves
// nothing.
func (t *tally) refreshes(r *reader) error {
	x := refreshing{tally: t, figure: t.figure("resource.refreshed_in_time", UnitMillionths, rulepack.Text{EN: "refreshes of resources that came in time, of those expected", ZH: "数据更新及时率"})}
	var err error
	if x.zone, err = t.book.zone(); err != nil {
		return err
	}
	var open []taped // waits that are not over, by number of the resource less one
	err = r.tape(tapeResources, 0, r.at, false, func(e *taped) (err error) {
		for int(e.thing) > len(open) {
			open = append(open, taped{position: -1})
		}
		began := &open[e.thing-1]
		refreshed, attached, waiting := e.state&resourceRefreshed != 0, e.state&resourceAttached != 0, began.position >= 0
		switch {
		case waiting && refreshed:
			if e.times[0] >= began.times[0] {
				err = x.expect(r, &refreshWait{*began, e.times[0], e.position, e.imported})
				*began = *e
			}
		case waiting && !attached:
			err = x.expect(r, &refreshWait{*began, e.times[0], -1, false})
			*began = taped{position: -1}
		case !waiting && attached && !refreshed:
			*began = *e
			began.times[1] = 0
		}
		return err
	})
	for _, began := range open {
		if err == nil && began.position >= 0 {
			err = x.expect(r, &refreshWait{began, t.now() + 1, -1, false})
		}
	}
	return err
}

// published lists what was published and withdrawn of an entry.
func (x *refreshing) published(r *reader, entry string) ([]taped, error) {
	if x.versions != nil {
		return x.versions[entry], nil
	}
	x.versions = map[string][]taped{}
	err := r.tape(tapeEntries, 0, r.at, false, func(e *taped) error {
		names, err := x.named(e.names)
		if err == nil {
			x.versions[names[0]] = append(x.versions[names[0]], *e)
		}
		return err
	})
	return x.versions[entry], err
}

// inForceOf is the version in force at a time: of those that had taken effect the one
// recorded last; nil if none was.
func inForceOf(versions []taped, at events.Time) *taped {
	for i := range slices.Backward(versions) {
		if within(at, versions[i].times[0], versions[i].times[1]) {
			if versions[i].state&entryPublished == 0 {
				return nil
			}
			return &versions[i]
		}
	}
	return nil
}

// expect counts what was expected in the period of one wait.
func (x *refreshing) expect(r *reader, w *refreshWait) error {
	began, first, now := w.began.times[0], w.began.times[1], x.now()
	// What came before the period was expected before it, unless it came early.
	if w.ended < x.q.From && (first != 0 && first < x.q.From || first == 0 && began < x.q.From-spanOf["yearly"].longest) || first > now || first == 0 && began > now {
		return nil
	}
	names, err := x.named(w.began.names)
	if err != nil {
		return err
	}
	of, err := x.published(r, names[0])
	if err != nil {
		return err
	}
	declared := inForceOf(of, began)
	if declared == nil {
		return nil
	}
	texts, err := x.named(declared.names)
	if err != nil {
		return err
	}
	provider, frequency := texts[1], frequencies[declared.state>>entryFrequency]
	if !x.of(provider) || first == 0 && frequency == "" {
		return nil
	}
	if first == 0 {
		first = later(began, frequency, 1, x.zone)
	}
	n := 0 // the first that can fall into the period
	if frequency != "" && first < x.q.From {
		n = max(0, int((x.q.From-first)/spanOf[frequency].longest)-1)
	}
	for ; ; n++ {
		due := first
		if n > 0 {
			due = later(first, frequency, n, x.zone)
		}
		if due > now || (n > 0 || w.by < 0) && due >= w.ended {
			return nil
		}
		inTime := w.by >= 0 && w.ended <= due
		if x.within(due) && inForceOf(of, due) != nil {
			if err := x.expected(r, w, provider, inTime); err != nil {
				return err
			}
		}
		if inTime || frequency == "" {
			return nil
		}
	}
}

// expected counts one refresh that was to come.
func (x *refreshing) expected(r *reader, w *refreshWait, provider string, inTime bool) error {
	if shown, err := x.shown(r, provider); err != nil || !shown {
		return err
	}
	records := []int64{w.began.position}
	if w.by >= 0 {
		records = append(records, w.by)
	}
	if x.native(w.began.imported || w.late, records...) {
		x.figure.add(inTime, records...)
	}
	return nil
}

// spanOf is how long an update frequency is: in days or months, and no less in time.
var spanOf = map[string]struct {
	days, months int
	longest      events.Time
}{
	"daily": {1, 0, 25 * hour}, "weekly": {7, 0, (7*24 + 1) * hour}, "monthly": {0, 1, 32 * 24 * hour},
	"quarterly": {0, 3, 93 * 24 * hour}, "yearly": {0, 12, 367 * 24 * hour},
}

const hour = 60 * 60 * 1_000_000

// later is n times an update frequency after a time, at the same time of day; on the last
// day of a month that has no such day.
func later(at events.Time, frequency string, n int, zone *time.Location) events.Time {
	from, span := at.Std().In(zone), spanOf[frequency]
	to := from.AddDate(0, span.months*n, span.days*n)
	if span.months > 0 && to.Day() != from.Day() {
		to = to.AddDate(0, 0, -to.Day())
	}
	return events.TimeOf(to)
}
