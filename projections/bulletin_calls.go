package projections

import (
	"maps"
	"slices"

	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// bulletinAccesses is how many accesses, and how many events of sharing, a bulletin
// looks at: the latest recorded.
const bulletinAccesses = 100_000

// each visits the rows of an entity from low to high, the latest first: those that
// lists name, or all of them without lists, which are read one after the other and not
// looked for. It says so if there are more than it looks at.
func (t *tally) each(entity []byte, lists [][]byte, low, high int64, visit func(*reader, row) error) error {
	seen := 0
	look := func(r *reader, row row) (more bool, err error) {
		if seen++; seen > bulletinAccesses {
			t.LimitsHit = []string{LimitAccesses}
			return false, nil
		}
		return true, visit(r, row)
	}
	return t.w.read(func(r *reader) error {
		if lists == nil {
			return r.history(entity, high, func(row row) (bool, error) {
				if row.position < low {
					return false, nil
				}
				if err := t.ctx.Err(); err != nil {
					return false, err
				}
				return look(r, row)
			})
		}
		s := selection{groups: [][][]byte{lists}, low: low, high: high, descending: true}
		return s.walk(t.ctx, r, func(position int64) (bool, error) {
			row, ok, err := r.getAt(entity, position)
			if err != nil || !ok || row.position != position {
				return true, err
			}
			return look(r, row)
		})
	})
}

// calls counts the calls made in the period, those of sealed batches included: a
// batch counts where it begins.
func (t *tally) calls() error {
	success := t.figure("access.success", UnitMillionths, rulepack.Text{EN: "calls answered, of those made", ZH: "调用成功率"})
	beyond := t.figure("access.beyond", UnitCount, rulepack.Text{EN: "calls and batches that broke a rule", ZH: "越权事件数"})
	t.used = map[string]bool{}
	var lists [][]byte
	if t.q.Party != "" {
		lists = group(accessBy("provider", t.q.Party), accessBy("consumer", t.q.Party))
	}
	low, high, err := t.w.accessPositions(t.q.From, t.q.To)
	if err != nil {
		return err
	}
	return t.each(accessKey, lists, low, high, func(r *reader, row row) error {
		var a Access
		if err := row.decode(&a); err != nil || !t.within(a.Time) {
			return err
		}
		if t.of(a.Provider) || t.of(a.Consumer) {
			if shown, err := t.shown(r, a.Provider, a.Consumer); err != nil || !shown {
				return err
			}
		}
		answered, denied := a.calls()
		if answered > 0 {
			t.used[a.Agreement] = true
		}
		if answered+denied > 0 && t.of(a.Provider) {
			success.Count += int64(answered)
			success.Of += int64(answered + denied)
			if answered > 0 {
				success.name(&success.Counted, a.Position)
			} else {
				success.name(&success.Others, a.Position)
			}
		}
		if len(a.Flags) > 0 && t.of(a.Consumer) {
			beyond.add(true, a.Position)
		}
		return nil
	})
}

// agreements counts those in force at the end of the period by their use in it, and
// those that ended in it by the disposal of what was had under them. The consumer
// answers for both.
func (t *tally) agreements() error {
	used := t.figure("agreement.used", UnitMillionths, rulepack.Text{EN: "agreements in force that were used in the period", ZH: "应用率"})
	recorded := t.figure("agreement.use_recorded", UnitMillionths, rulepack.Text{EN: "agreements in force whose use was written down in the period", ZH: "记录完备率"})
	disposed := t.figure("agreement.disposed", UnitMillionths, rulepack.Text{EN: "agreements that ended, and whose data was disposed of", ZH: "处置率"})
	ended, accepted, written := map[string]int64{}, map[string]int64{}, map[string][]int64{}
	err := t.each(shareKey, nil, 0, t.w.at, func(r *reader, row row) error {
		var s Share
		if err := row.decode(&s); err != nil {
			return err
		}
		in := t.within(s.Time)
		switch {
		case s.Type == "disposal.accepted":
			accepted[s.Agreement] = s.Position
		case in && s.Type == "usage.record.made":
			written[s.Agreement] = append(written[s.Agreement], s.Position)
		case in && s.delivers():
			t.used[s.Agreement] = true
		case in && slices.Contains([]string{events.StageTerminated, events.StageExpired, events.StageFulfilled}, s.State) && t.of(s.Consumer):
			if shown, err := t.shown(r, s.Provider, s.Consumer); err != nil || !shown {
				return err
			}
			ended[s.Agreement] = s.Position
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(ended)) {
		if at, ok := accepted[id]; ok {
			disposed.add(true, ended[id], at)
		} else {
			disposed.add(false, ended[id])
		}
	}
	page := Page{Limit: MaxLimit}
	for {
		list, err := t.w.Agreements(t.ctx, AgreementQuery{ValidAt: t.now(), Page: page})
		if err != nil {
			return err
		}
		for _, a := range list.Agreements {
			if !a.InForce || !t.of(a.Consumer) {
				continue
			}
			if shown, err := t.shows(a.Provider, a.Consumer); err != nil {
				return err
			} else if !shown {
				continue
			}
			used.add(t.used[a.ID], a.Position)
			recorded.add(len(written[a.ID]) > 0, append(written[a.ID], a.Position)...)
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return nil
		}
	}
}
