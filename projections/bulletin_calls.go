package projections

import (
	"cmp"
	"errors"
	"slices"

	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// bulletinFlagged is how many rules that calls broke a bulletin looks at: those recorded
// last.
const bulletinFlagged = 100_000

// usedWithin is how long before the end an agreement was used to be one that is in use.
const usedWithin = 90 * 24 * 60 * 60 * 1_000_000

// A caller is what of a bulletin the calls between two parties belong to.
type caller struct {
	known, provider, consumer bool // of what is asked for
	withheld                  bool
	used                      bool // an agreement that was called under
}

// callers are those of a tally, by the number of their names less one.
type callers struct {
	*tally
	r    *reader
	list []caller
}

// of finds a caller; names begin with agreement, provider and consumer.
func (x *callers) of(names uint32) (*caller, error) {
	if n := int(names) - 1; n >= 0 && n < len(x.list) && x.list[n].known {
		return &x.list[n], nil
	}
	texts, err := x.named(names)
	if err != nil {
		return nil, err
	}
	c := &x.list[names-1]
	c.known, c.provider, c.consumer = true, x.tally.of(texts[1]), x.tally.of(texts[2])
	if x.sight != nil && (c.provider || c.consumer) {
		seen, err := x.seen(x.r, texts[1], texts[2])
		if err != nil {
			return nil, err
		}
		c.withheld = !seen
	}
	return c, nil
}

// pause ends a long count when nobody waits for it any more.
func (t *tally) pause() error {
	if t.visited++; t.visited%4096 == 0 {
		return t.ctx.Err()
	}
	return nil
}

// calls counts the calls made in the period, those of sealed batches included: a
// batch counts where it begins.
func (t *tally) calls(r *reader) error {
	success := t.figure("access.success", UnitMillionths, rulepack.Text{EN: "calls answered, of those made", ZH: "调用成功率"})
	x := &callers{t, r, make([]caller, len(t.names))}
	low, high, err := t.w.accessPositions(t.q.From, t.q.To)
	if err != nil {
		return err
	}
	others, err := t.otherCalls(x, success, low, high)
	if err != nil {
		return err
	}
	err = r.answered(t.w.store.blockWidth, low, high, func(l *callBlock, from, to int64) (bool, error) {
		if l.Last < t.q.From || l.First >= t.q.To {
			return true, nil
		}
		if l.First < t.q.From || l.Last >= t.q.To {
			return false, nil
		}
		return x.block(l, success, others, from, to)
	}, func(low, high int64) error {
		return r.callByCall(low, high, func(e *taped) error {
			if err := t.pause(); err != nil || !t.within(e.times[0]) {
				return err
			}
			c, err := x.of(e.names)
			if err != nil {
				return err
			}
			if c.withheld {
				t.sight.withhold(1)
				return nil
			}
			if c.used = true; !c.provider {
				return nil
			}
			answered, refused, err := r.callsOf(e)
			success.Count += answered
			success.Of += answered + refused
			success.name(&success.Counted, e.position)
			return err
		})
	})
	if err != nil {
		return err
	}
	t.used = x.used()
	return t.flags(x, low, high)
}

// used are the agreements that were called under.
func (x *callers) used() map[string]bool {
	used := 0
	for i := range x.list {
		if x.list[i].used {
			used++
		}
	}
	out := make(map[string]bool, used)
	for n, c := range x.list {
		if c.used {
			out[x.names[n][0]] = true
		}
	}
	return out
}

// otherCalls counts what no block does: calls that were not answered, and what is from
// before the ledger. It returns where these stand, the latest first.
func (t *tally) otherCalls(x *callers, success *Figure, low, high int64) (others []int64, err error) {
	err = x.r.tape(tapeOthers, low, high, true, func(e *taped) error {
		others = append(others, e.position)
		if err := t.pause(); err != nil || !t.within(e.times[0]) {
			return err
		}
		c, err := x.of(e.names)
		if err != nil {
			return err
		}
		switch {
		case c.withheld:
			t.sight.withhold(1)
		case e.imported:
			if c.provider || c.consumer {
				t.native(true, e.position)
			}
		case c.provider && e.state&callRefused != 0:
			_, refused, err := x.r.callsOf(e)
			success.Of += refused
			success.name(&success.Others, e.position)
			return err
		}
		return nil
	})
	return others, err
}

// block counts the calls of a whole block, if it can do so without a look at each: they
// are named already, or they are all of one provider, whose list names them.
func (x *callers) block(l *callBlock, success *Figure, others []int64, from, to int64) (bool, error) {
	records := int64(0)
	for i := range l.Cells {
		c, err := x.of(l.Cells[i].Names)
		if err != nil {
			return false, err
		}
		if c.provider && !c.withheld {
			records += l.Cells[i].Records
		}
	}
	if records > 0 && len(success.Counted) < FigureEvents {
		if x.q.Party == "" || x.sight != nil {
			return false, nil
		}
		list, err := x.r.postings(accessBy("provider", x.q.Party), from, to, true)
		if err != nil {
			return false, err
		}
		for len(success.Counted) < FigureEvents && err == nil {
			var position int64
			var more bool
			if position, more, err = list.step(); !more {
				break
			}
			if _, other := slices.BinarySearchFunc(others, position, func(o, p int64) int { return cmp.Compare(p, o) }); !other {
				success.name(&success.Counted, position)
				records--
			}
		}
		if err = firstError(err, list.close()); err != nil {
			return false, err
		}
	}
	success.Omitted += int(records)
	for i := range l.Cells {
		cell := &l.Cells[i]
		c := &x.list[cell.Names-1]
		switch {
		case c.withheld:
			x.sight.withhold(int(cell.Records))
		case c.provider:
			success.Count += cell.Answered
			success.Of += cell.Answered + cell.Refused
			fallthrough
		default:
			c.used = true
		}
	}
	return true, x.ctx.Err()
}

// flags counts the calls and batches that broke a rule, and keeps what they broke.
func (t *tally) flags(x *callers, low, high int64) error {
	beyond := t.figure("access.beyond", UnitCount, rulepack.Text{EN: "calls and batches that broke a rule", ZH: "越权事件数"})
	of := map[string]*Figure{
		RuleColumnNotGranted:  t.figure("access.beyond_columns", UnitCount, rulepack.Text{EN: "of these, beyond the columns granted", ZH: "其中超出授权数据项"}),
		RulePurposeNotGranted: t.figure("access.beyond_purpose", UnitCount, rulepack.Text{EN: "of these, for a purpose not granted", ZH: "其中超出授权用途"}),
		RuleOutsideTerm:       t.figure("access.beyond_term", UnitCount, rulepack.Text{EN: "of these, outside the term", ZH: "其中超出授权期限"}),
	}
	last := int64(-1)
	return x.r.tape(tapeFlags, low, high, true, func(e *taped) error {
		if err := t.pause(); err != nil || e.imported || !t.within(e.times[0]) {
			return err
		}
		c, err := x.of(e.names)
		if err != nil {
			return err
		}
		if !c.provider && !c.consumer { // whoever a violation is of is one of the two
			return nil
		}
		if shown := int64(e.times[1]) - 1; shown >= 0 { // what it broke may be from before the ledger
			if told, err := x.r.imported(shown); err != nil {
				return err
			} else if told {
				if !c.withheld {
					t.native(true, e.position)
				}
				return nil
			}
		}
		if len(t.flagged) < bulletinFlagged {
			t.flagged = append(t.flagged, *e)
		} else {
			t.limit(LimitAccesses)
		}
		if c.withheld || !c.consumer {
			return nil
		}
		if e.position != last {
			last = e.position
			beyond.add(true, e.position)
		}
		if rule, err := e.rule(); err != nil {
			return err
		} else if f := of[rule]; f != nil {
			f.add(true, e.position)
		}
		return nil
	})
}

// rule is the one that an entry of tapeFlags says was broken.
func (e *taped) rule() (string, error) {
	if e.state == 0 || int(e.state) > len(rulesOfAccess) {
		return "", badTape(e)
	}
	return rulesOfAccess[e.state-1], nil
}

// agreements counts those in force at the end of the period by their use in it, and
// those that ended in it by the disposal of what was had under them. The consumer
// answers for both.
func (t *tally) agreements(r *reader) error {
	used := t.figure("agreement.used", UnitMillionths, rulepack.Text{EN: "agreements in force that were used in the period", ZH: "应用率"})
	lately := t.figure("agreement.used_90_days", UnitMillionths, rulepack.Text{EN: "agreements in force that were used in the 90 days before the end", ZH: "近 90 日应用率"})
	recorded := t.figure("agreement.use_recorded", UnitMillionths, rulepack.Text{EN: "agreements in force whose use was written down in the period", ZH: "记录完备率"})
	disposed := t.figure("agreement.disposed", UnitMillionths, rulepack.Text{EN: "agreements that ended, and whose data was disposed of", ZH: "处置率"})
	now := t.now()
	var order []string // in which they ended
	ended, accepted, written, late := map[string]int64{}, map[string]int64{}, map[string][]int64{}, map[string]bool{}
	told := map[uint32]bool{} // names of agreements from before the ledger
	list, err := r.things(tapeAgreements, false, func(e *taped) bool {
		if e.imported {
			told[e.names] = true
		}
		return within(now, e.times[0], e.times[1])
	})
	if err != nil {
		return err
	}
	defer list.release()
	before := map[string]bool{}
	for n := range told {
		names, err := t.named(n)
		if err != nil {
			return err
		}
		before[names[0]] = true
	}
	err = r.tape(tapeShares, 0, r.at, true, func(e *taped) error {
		names, err := t.named(e.names)
		if err != nil {
			return err
		}
		agreement, in := names[0], t.within(e.times[0]) && !e.imported
		if e.state == shareEnded && t.within(e.times[0]) && t.of(names[2]) && before[agreement] { // however that is told
			in = false
			if shown, err := t.shown(r, names[1], names[2]); err != nil || !shown {
				return err
			}
			t.native(true, e.position)
		}
		if e.state == shareDelivered && !e.imported && within(e.times[0], now-usedWithin, now+1) {
			late[agreement] = true
		}
		switch {
		case e.state == shareAccepted && !e.imported:
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
	type counted struct {
		agreement string
		position  int64
	}
	var inForce []counted
	unused := map[string]bool{} // lately, as far as is known yet
	for n := range list.last {
		a := &list.last[n]
		if a.position < 0 || a.state&agreementActive == 0 || !within(now, a.times[2], a.times[3]) {
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
		inForce = append(inForce, counted{names[0], a.position})
		if !late[names[0]] {
			unused[names[0]] = true
		}
	}
	if err := t.usedLately(r, now, unused); err != nil {
		return err
	}
	for _, a := range inForce {
		used.add(t.used[a.agreement], a.position)
		lately.add(!unused[a.agreement], a.position)
		recorded.add(len(written[a.agreement]) > 0, append(written[a.agreement], a.position)...)
	}
	return nil
}

// errEnough ends a walk over what would change nothing any more.
var errEnough = errors.New("enough")

// usedLately takes out of some agreements those that were called under not long before a
// time. Whole blocks mostly tell of all of them, and what they leave is not read then.
func (t *tally) usedLately(r *reader, now events.Time, unused map[string]bool) error {
	from := now - usedWithin
	low, high, err := t.w.accessPositions(from, now+1)
	if err != nil {
		return err
	}
	x := &callers{t, r, make([]caller, len(t.names))}
	called := func(names uint32) error {
		c, err := x.of(names)
		if err != nil || c.withheld || c.used {
			return err
		}
		c.used = true
		if delete(unused, x.names[names-1][0]); len(unused) == 0 {
			return errEnough
		}
		return nil
	}
	if len(unused) == 0 {
		return nil
	}
	var rest [][2]int64
	err = r.answered(t.w.store.blockWidth, low, high, func(l *callBlock, _, _ int64) (bool, error) {
		whole := l.First >= from && l.Last <= now
		for i := 0; whole && i < len(l.Cells); i++ {
			if err := called(l.Cells[i].Names); err != nil {
				return false, err
			}
		}
		return whole || l.Last < from || l.First > now, t.ctx.Err()
	}, func(low, high int64) error {
		rest = append(rest, [2]int64{low, high})
		return nil
	})
	for _, p := range rest {
		if err != nil {
			break
		}
		err = r.callByCall(p[0], p[1], func(e *taped) error {
			if err := t.pause(); err != nil || !within(e.times[0], from, now+1) {
				return err
			}
			return called(e.names)
		})
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
