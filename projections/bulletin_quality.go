package projections

import (
	"slices"
	"strings"

	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// quality counts the issues reported in the period and what became of them.
func (t *tally) quality(r *reader) error {
	reported := t.figure("quality.reported", UnitCount, rulepack.Text{EN: "quality issues reported", ZH: "质量问题数"})
	closed := t.figure("quality.rectified", UnitMillionths, rulepack.Text{EN: "confirmed issues that were put right", ZH: "整改率"})
	return t.things(r, tapeFindings, func(f *taped, about func() []int64) error {
		if !t.within(f.times[0]) {
			return nil
		}
		names, err := t.named(f.names)
		if err != nil || !t.of(names[1]) {
			return err
		}
		if shown, err := t.shown(r, names[:3]...); err != nil || !shown {
			return err
		}
		records := about()
		if !t.native(f.imported, records...) {
			return nil
		}
		reported.add(true, records...)
		if f.state&findingConfirmed != 0 {
			closed.add(f.state&findingFixed != 0, records...)
		}
		return nil
	})
}

// recurrence is within what time an issue that comes back was not put right.
const recurrence = 90 * 24 * 60 * 60 * 1_000_000

// A flaw is what is wrong when issues are about the same: an item, or the entry as a
// whole, by a quality dimension. Issues name no rule; the dimension stands for it.
type flaw struct{ entry, dimension, item string }

func flawsOf(names []string) (out []flaw) {
	for _, item := range names[5:] {
		out = append(out, flaw{names[3], names[4], item})
	}
	if len(out) == 0 {
		out = append(out, flaw{names[3], names[4], ""})
	}
	return out
}

// A closing is when an issue was closed as put right, and the record of it.
type closing struct {
	at       events.Time
	position int64
}

// A broughtIssue is one that was reported or reopened.
type broughtIssue struct {
	taped
	at       events.Time
	reopened bool
	after    []closing // of the issue itself, if it was reopened
}

// recurred counts, of the issues reported or reopened in the period, those that are
// about what was closed as put right not long before.
func (t *tally) recurred(r *reader) error {
	figure := t.figure("quality.recurred", UnitMillionths, rulepack.Text{EN: "issues reported or reopened within 90 days after the same was put right", ZH: "复发率"})
	var last []taped // by number less one
	var list []broughtIssue
	brought := func(b broughtIssue) {
		if t.within(b.at) {
			list = append(list, b)
		}
	}
	closed := map[flaw][]closing{} // not long before the period, or in it
	err := r.tape(tapeFindings, 0, r.at, false, func(e *taped) error {
		for int(e.thing) > len(last) {
			last = append(last, taped{position: -1})
		}
		before := last[e.thing-1]
		last[e.thing-1] = *e
		was, is := before.state&findingOver != 0, e.state&findingOver != 0
		fixed := before.state&findingFixed != 0
		switch {
		case before.position < 0:
			brought(broughtIssue{taped: *e, at: e.times[0]})
		case was && !is:
			b := broughtIssue{taped: *e, at: e.times[1], reopened: true}
			if fixed {
				b.after = []closing{{before.times[2], before.position}}
			}
			brought(b)
		case is && !fixed && e.state&findingFixed != 0 && !e.imported && (t.q.From == 0 || within(e.times[2], t.q.From-recurrence, t.q.To)):
			names, err := t.named(e.names)
			if err != nil {
				return err
			}
			for _, f := range flawsOf(names) {
				closed[f] = append(closed[f], closing{e.times[2], e.position})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, b := range list {
		names, err := t.named(b.names)
		if err != nil {
			return err
		}
		if !t.of(names[1]) {
			continue
		}
		shown := t.shown
		if !b.reopened { // what is withheld, or from before the ledger, was counted as reported
			shown = t.seen
		}
		if ok, err := shown(r, names[:3]...); err != nil {
			return err
		} else if !ok {
			continue
		}
		if b.imported {
			if b.reopened {
				t.native(true, b.position)
			}
			continue
		}
		if !b.reopened {
			for _, f := range flawsOf(names) {
				b.after = append(b.after, closed[f]...)
			}
		}
		if c, ok := b.comesBack(); ok {
			figure.add(true, c.position, b.position)
		} else {
			figure.add(false, b.position)
		}
	}
	return nil
}

// comesBack finds the closing that was in vain: the latest not long before.
func (b *broughtIssue) comesBack() (latest closing, ok bool) {
	for _, c := range b.after {
		if c.at <= b.at && b.at-c.at <= recurrence && (!ok || c.at > latest.at) {
			latest, ok = c, true
		}
	}
	return latest, ok
}

// The characteristics of GB/T 36344-2018, by the first two digits of an indicator's code.
var characteristics = map[string]rulepack.Text{
	"GB36344:01": {EN: "conformity", ZH: "规范性"},
	"GB36344:02": {EN: "completeness", ZH: "完整性"},
	"GB36344:03": {EN: "accuracy", ZH: "准确性"},
	"GB36344:04": {EN: "consistency", ZH: "一致性"},
	"GB36344:05": {EN: "timeliness", ZH: "时效性"},
	"GB36344:06": {EN: "accessibility", ZH: "可访问性"},
}

// characteristic is the quality dimension that a code belongs to: of an indicator of
// GB/T 36344 its characteristic, of another scheme the code itself.
func characteristic(code string) string {
	if short := code[:min(len(code), len("GB36344:00"))]; len(code) == len("GB36344:0000") && characteristics[short].EN != "" {
		return short
	}
	return code
}

// mostRows bounds the rows of a figure: more are no longer exact in all readers of JSON.
const mostRows = 1 << 53

// measures counts, for each quality dimension, the rows that conformed of those measured
// in the period. Who answers for the entry answers for them.
func (t *tally) measures(r *reader) error {
	begun := len(t.order)
	unknown := rulepack.Text{EN: "rows that conformed to rules that nobody had published", ZH: "规则合格率：未发布的规则"}
	counted, others := map[*Figure]int64{}, map[*Figure]int64{} // the record named last
	err := t.things(r, tapeMeasures, func(m *taped, _ func() []int64) error {
		if !t.within(m.times[0]) {
			return nil
		}
		names, err := t.named(m.names)
		if err != nil {
			return err
		}
		provider, by := names[1], names[2]
		if !t.of(provider) {
			return nil
		}
		if shown, err := t.shown(r, provider, by); err != nil || !shown {
			return err
		}
		if !t.native(m.imported, m.position) {
			return nil
		}
		id, title := "unpublished", unknown
		if names[0] != "" {
			id = characteristic(names[0])
			text, ok := characteristics[id]
			if !ok {
				text = rulepack.Text{EN: id, ZH: id}
			}
			title = rulepack.Text{EN: "rows that conformed to their rules: " + text.EN, ZH: "规则合格率：" + text.ZH}
		}
		f := t.figure("quality.conforming/"+id, UnitMillionths, title)
		conforming, measured := int64(m.times[1]), int64(m.times[2])
		if measured > mostRows-f.Of {
			t.limit(LimitRows)
			return nil
		}
		f.Count, f.Of = f.Count+conforming, f.Of+measured
		if last, named := counted[f]; conforming > 0 && (!named || last != m.position) {
			counted[f] = m.position
			f.name(&f.Counted, m.position)
		}
		if last, named := others[f]; conforming < measured && (!named || last != m.position) {
			others[f] = m.position
			f.name(&f.Others, m.position)
		}
		return nil
	})
	slices.SortFunc(t.order[begun:], func(a, b *Figure) int { return strings.Compare(a.ID, b.ID) })
	return err
}
