package projections

import (
	"slices"

	"ledgerline/events/rulepack"
)

// bulletinFlagged is how many calls that broke a rule a bulletin looks at: the latest
// recorded. All others it counts without a look at each.
const bulletinFlagged = 100_000

// A caller is what of a bulletin the calls between two parties belong to.
type caller struct {
	known, provider, consumer bool // of what is asked for
	withheld                  bool
	used                      bool // an agreement that was called under
}

// calls counts the calls made in the period, those of sealed batches included: a
// batch counts where it begins.
func (t *tally) calls(r *reader) error {
	success := t.figure("access.success", UnitMillionths, rulepack.Text{EN: "calls answered, of those made", ZH: "调用成功率"})
	beyond := t.figure("access.beyond", UnitCount, rulepack.Text{EN: "calls and batches that broke a rule", ZH: "越权事件数"})
	t.used = map[string]bool{}
	low, high, err := t.w.accessPositions(t.q.From, t.q.To)
	if err != nil {
		return err
	}
	callers := make([]caller, len(t.names))
	visited := 0
	err = r.tape(tapeCalls, low, high, true, func(e *taped) error {
		if visited++; visited%4096 == 0 && t.ctx.Err() != nil {
			return t.ctx.Err()
		}
		if !t.within(e.times[0]) {
			return nil
		}
		names, err := t.named(e.names)
		if err != nil {
			return err
		}
		c := &callers[e.names-1]
		if !c.known {
			c.known, c.provider, c.consumer = true, t.of(names[1]), t.of(names[2])
			if t.sight != nil && (c.provider || c.consumer) {
				seen, err := t.seen(r, names[1], names[2])
				if err != nil {
					return err
				}
				c.withheld = !seen
			}
		}
		// Whoever a violation is of is one of the two.
		if e.state&callFlagged != 0 && !e.imported && (c.provider || c.consumer) {
			if len(t.flagged) < bulletinFlagged {
				t.flagged = append(t.flagged, e.position)
			} else {
				t.limit(LimitAccesses)
			}
		}
		if c.withheld {
			t.sight.withhold(1)
			return nil
		}
		if e.imported {
			if c.provider || c.consumer {
				t.native(true, e.position)
			}
			return nil
		}
		if e.state&callAnswered != 0 {
			c.used = true
		}
		if c.provider && e.state&(callAnswered|callRefused) != 0 {
			if err := t.countCalls(r, success, e); err != nil {
				return err
			}
		}
		if e.state&callFlagged != 0 && c.consumer {
			beyond.add(true, e.position)
		}
		return nil
	})
	for n, c := range callers {
		if c.used {
			t.used[t.names[n][0]] = true
		}
	}
	return err
}

// countCalls counts one call, or those of a batch.
func (t *tally) countCalls(r *reader, success *Figure, e *taped) error {
	answered, refused := int64(e.state&callAnswered), int64(e.state&callRefused>>1)
	if e.state&callBatch != 0 {
		a, ok, err := r.access(e.position)
		if err != nil {
			return err
		}
		if !ok {
			return badTape(e)
		}
		got, not := a.calls()
		answered, refused = int64(got), int64(not)
	}
	success.Count += answered
	success.Of += answered + refused
	if answered > 0 {
		success.name(&success.Counted, e.position)
	} else {
		success.name(&success.Others, e.position)
	}
	return nil
}

// agreements counts those in force at the end of the period by their use in it, and
// those that ended in it by the disposal of what was had under them. The consumer
// answers for both.
func (t *tally) agreements(r *reader) error {
	used := t.figure("agreement.used", UnitMillionths, rulepack.Text{EN: "agreements in force that were used in the period", ZH: "应用率"})
	recorded := t.figure("agreement.use_recorded", UnitMillionths, rulepack.Text{EN: "agreements in force whose use was written down in the period", ZH: "记录完备率"})
	disposed := t.figure("agreement.disposed", UnitMillionths, rulepack.Text{EN: "agreements that ended, and whose data was disposed of", ZH: "处置率"})
	var order []string // in which they ended
	ended, accepted, written := map[string]int64{}, map[string]int64{}, map[string][]int64{}
	err := r.tape(tapeShares, 0, r.at, true, func(e *taped) error {
		names, err := t.named(e.names)
		if err != nil {
			return err
		}
		agreement, in := names[0], t.within(e.times[0]) && !e.imported
		switch {
		case e.state == shareAccepted:
			accepted[agreement] = e.position
		case in && e.state == shareWritten:
			written[agreement] = append(written[agreement], e.position)
		case in && e.state == shareDelivered:
			t.used[agreement] = true
		case in && e.state == shareEnded && t.of(names[2]):
			if shown, err := t.shown(r, names[1], names[2]); err != nil || !shown {
				return err
			}
			if ended[agreement] == 0 {
				order = append(order, agreement)
			}
			ended[agreement] = e.position
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(order)
	for _, id := range order {
		if at, ok := accepted[id]; ok {
			disposed.add(true, ended[id], at)
		} else {
			disposed.add(false, ended[id])
		}
	}
	now := t.now()
	list, err := r.things(tapeAgreements, func(e *taped) bool { return within(now, e.times[0], e.times[1]) })
	if err != nil {
		return err
	}
	for n := range list.last {
		a := &list.last[n]
		if a.position < 0 || a.state != agreementActive || !within(now, a.times[2], a.times[3]) {
			continue
		}
		names, err := t.named(a.names)
		if err != nil {
			return err
		}
		if !t.of(names[2]) {
			continue
		}
		if shown, err := t.shown(r, names[1], names[2]); err != nil {
			return err
		} else if !shown {
			continue
		}
		if !t.native(a.imported, a.position) {
			continue
		}
		used.add(t.used[names[0]], a.position)
		recorded.add(len(written[names[0]]) > 0, append(written[names[0]], a.position)...)
	}
	return nil
}
