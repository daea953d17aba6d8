package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// BulletinMetrics names the definitions of a bulletin's figures, BulletinVersion
// their version: other definitions have another.
const (
	BulletinMetrics = "ledgerline-bulletin"
	BulletinVersion = 2
)

// BulletinQuery asks for the figures of a period, [From, To).
type BulletinQuery struct {
	From, To events.Time
	// Party counts what it answers for only; Region what bodies of that area do.
	Party, Region string
}

// Bulletin is how sharing went in a period. It is a function of the records up to
// Position and of nothing else, so that anybody who has them can compute it again.
type Bulletin struct {
	From      events.Time `json:"from"`
	To        events.Time `json:"to"`
	Party     string      `json:"party,omitzero"`
	Region    string      `json:"region,omitzero"`
	MetricSet string      `json:"metric_set"`
	// ViewVersion is that of the definitions.
	ViewVersion uint64   `json:"view_version"`
	Figures     []Figure `json:"figures"`
	// LimitsHit says why the figures do not count everything: LimitAccesses.
	LimitsHit []string `json:"limits_hit,omitzero"`
}

// Figure is one number of a bulletin, with the records behind it.
type Figure struct {
	// ID is stable, such as access.success or duty/cn-809-2025/DL-02.
	ID    string        `json:"id"`
	Title rulepack.Text `json:"title"`
	// Unit is count, millionths (of a share) or seconds.
	Unit string `json:"unit"`
	// Value is absent for a share of nothing and the median of nothing.
	Value *int64 `json:"value,omitzero"`
	// Count of Of is what a share is made of.
	Count int64 `json:"count"`
	Of    int64 `json:"of,omitzero"`
	// Counted are the records behind Count, Others those behind the rest of Of, each
	// at most FigureEvents; Omitted is how many more there are.
	Counted []int64 `json:"counted"`
	Others  []int64 `json:"others,omitzero"`
	Omitted int     `json:"omitted,omitzero"`
}

// FigureEvents is how many records a figure names of each kind.
const FigureEvents = 1000

// Units of figures.
const (
	UnitCount      = "count"
	UnitMillionths = "millionths"
	UnitSeconds    = "seconds"
)

// Values are the figures by id, as the event oversight.bulletin.issued bears them.
func (b *Bulletin) Values() map[string]int64 {
	values := map[string]int64{}
	for _, f := range b.Figures {
		if f.Value != nil {
			values[f.ID] = *f.Value
		}
	}
	return values
}

// Bulletin computes the figures of a period, as known at the view's position.
func (w *View) Bulletin(ctx context.Context, q BulletinQuery) (Bulletin, error) {
	t := &tally{
		w: w.whole(), sight: w.sight, ctx: ctx, q: q, figures: map[string]*Figure{}, seconds: map[string][]int64{},
		Bulletin: Bulletin{From: q.From, To: q.To, Party: q.Party, Region: q.Region, MetricSet: BulletinMetrics, ViewVersion: BulletinVersion},
	}
	if err := t.bodies(); err != nil {
		return Bulletin{}, err
	}
	err := t.w.read(func(r *reader) (err error) {
		if t.book, err = r.rulebook(); err != nil {
			return err
		}
		if t.names, err = r.names(t.w.store); err != nil {
			return err
		}
		for _, count := range []func(*reader) error{t.catalog, t.requests, t.duties, t.quality, t.calls, t.agreements, t.violations} {
			if err := count(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Bulletin{}, err
	}
	for _, f := range t.order {
		t.Figures = append(t.Figures, t.finish(*f))
	}
	return t.Bulletin, nil
}

// tally counts for a bulletin.
type tally struct {
	Bulletin
	w       *View
	ctx     context.Context
	q       BulletinQuery
	figures map[string]*Figure
	order   []*Figure
	seconds map[string][]int64 // of what a median is taken
	used    map[string]bool    // agreements that were called or delivered under
	names   [][]string         // what numbers on tapes stand for
	book    *rulebook          // nil: nothing is published
	missed  []Violation        // duties that were not done in time
	flagged []int64            // calls that broke a rule, the latest first
	in      map[string]bool    // the bodies of the region; nil: no region was asked for
	sight   *sight             // what may be counted; nil: everything
}

// figure returns the figure of an id, which it begins if it is new.
func (t *tally) figure(id, unit string, title rulepack.Text) *Figure {
	f := t.figures[id]
	if f == nil {
		f = &Figure{ID: id, Title: title, Unit: unit, Counted: []int64{}}
		t.figures[id] = f
		t.order = append(t.order, f)
	}
	return f
}

// add counts one thing with the records that show it. A share counts it as one of
// those that are so, or as one of the others.
func (f *Figure) add(so bool, events ...int64) {
	list := &f.Others
	if so {
		f.Count++
		list = &f.Counted
	}
	if f.Unit == UnitMillionths {
		f.Of++
	}
	for _, e := range events {
		f.name(list, e)
	}
}

func (f *Figure) name(list *[]int64, event int64) {
	if len(*list) < FigureEvents {
		*list = append(*list, event)
	} else {
		f.Omitted++
	}
}

// finish works out the value.
func (t *tally) finish(f Figure) Figure {
	value := func(v int64) { f.Value = &v }
	switch took := t.seconds[f.ID]; {
	case f.Unit == UnitCount:
		value(f.Count)
	case f.Unit == UnitMillionths && f.Of > 0:
		value(f.Count * 1_000_000 / f.Of)
	case f.Unit == UnitSeconds && len(took) > 0:
		slices.Sort(took)
		value(took[(len(took)-1)/2])
	}
	return f
}

// bodies finds the parties of the region.
func (t *tally) bodies() error {
	if t.q.Region == "" {
		return nil
	}
	t.in = map[string]bool{}
	page := Page{Limit: MaxLimit}
	for {
		list, err := t.w.Parties(t.ctx, PartyQuery{Page: page})
		if err != nil {
			return err
		}
		for _, p := range list.Parties {
			t.in[p.ID] = covers(t.q.Region, p.Region)
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return nil
		}
	}
}

// native tells whether something happened in the ledger's time. What is from before it is
// no native evidence: it is counted by itself, and in no other figure.
func (t *tally) native(imported bool, events ...int64) bool {
	if imported {
		t.figure("imported", UnitCount, rulepack.Text{EN: "told about the time before the ledger, and in no other figure", ZH: "账本启用前补录、不计入其他指标的事项数"}).add(true, events...)
	}
	return !imported
}

// of reports whether what a party answers for counts.
func (t *tally) of(party string) bool {
	return matches(t.q.Party, party) && (t.in == nil || t.in[party])
}

// shown tells whether what concerns these parties may be counted, and counts what may not
// as withheld.
func (t *tally) shown(r *reader, parties ...string) (bool, error) {
	r.sight = t.sight
	defer func() { r.sight = nil }()
	return r.shows(parties...)
}

// seen is shown without counting.
func (t *tally) seen(r *reader, parties ...string) (bool, error) {
	r.sight = t.sight
	defer func() { r.sight = nil }()
	return r.sees(parties...)
}

func (t *tally) showsViolation(r *reader, v *Violation) (bool, error) {
	if t.sight == nil {
		return true, nil
	}
	r.sight = t.sight
	concerned, err := r.ofAgreement(v.Agreement, v.Entry, v.Party)
	if err != nil {
		return false, err
	}
	return t.shown(r, concerned...)
}

// now is the end of the period, or when the view's position was recorded if that
// is before.
func (t *tally) now() events.Time { return min(t.q.To-1, t.w.recorded) }

func (t *tally) within(at events.Time) bool { return within(at, t.q.From, t.q.To) }

// catalog counts what was in force at the end of the period.
func (t *tally) catalog(r *reader) error {
	published := t.figure("catalog.published", UnitCount, rulepack.Text{EN: "catalog entries in force at the end", ZH: "期末在用目录条目数"})
	fresh := t.figure("catalog.published_anew", UnitCount, rulepack.Text{EN: "of these, versions that came into force in the period", ZH: "其中本期发布的版本数"})
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
		if e.sharing != events.SharingNotShared {
			hooked.add(e.hooked, e.position)
		}
		return nil
	})
}

// requests counts those answered in the period.
func (t *tally) requests(r *reader) error {
	granted := t.figure("request.granted", UnitMillionths, rulepack.Text{EN: "requests granted, in full or in part, of those answered", ZH: "共享满足率"})
	refused := t.figure("request.refused", UnitCount, rulepack.Text{EN: "requests refused", ZH: "拒绝共享数"})
	took := t.figure("request.answer_time", UnitSeconds, rulepack.Text{EN: "median time from receipt to answer", ZH: "答复时长中位数"})
	return t.things(r, tapeRequests, func(q *taped, names []string, records []int64) error {
		answered, received := q.times[0], q.times[1]
		provider, consumer := names[0], names[1]
		if answered == 0 || !t.within(answered) || !t.of(provider) {
			return nil
		}
		if shown, err := t.shown(r, provider, consumer); err != nil || !shown {
			return err
		}
		if !t.native(q.imported, records...) {
			return nil
		}
		granted.add(q.state != requestRefused, records...)
		if q.state == requestRefused {
			refused.add(true, records...)
		}
		if received != 0 {
			took.add(true, records...)
			t.seconds[took.ID] = append(t.seconds[took.ID], int64((answered-received)/1_000_000))
		}
		return nil
	})
}

// duties counts, for each rule that sets a term, what was due in the period and
// what of it was done in time. What was missed are violations, if the rule says so.
func (t *tally) duties(r *reader) error {
	begun := len(t.order)
	mergers := r.successions()
	err := t.things(r, tapeDuties, func(d *taped, names []string, records []int64) error {
		before, done := d.times[0], d.times[1]
		pack, version, rule, code, party, title := names[0], names[1], names[2], names[3], names[4], rulepack.Text{EN: names[5], ZH: names[6]}
		state := dutyState(before, done, d.state != dutyUndetermined, t.w.recorded)
		if (state == DutyLate || state == DutyBreached) && code != "" && t.within(before) {
			holder, err := mergers.holder(party, done, before) // who had it when it was missed
			if err != nil {
				return err
			}
			v := Violation{Rule: rule, Code: code, Title: title, Pack: pack, PackVersion: version, Party: holder, Time: before, Events: slices.Clone(records)}
			if c, ok := t.book.violation(pack, version, code); ok {
				v.Title = c.Title
			}
			t.missed = append(t.missed, v)
		}
		if before == 0 || !t.within(before-1) || !t.of(party) || state == DutyOpen {
			return nil
		}
		if shown, err := t.shown(r, party); err != nil || !shown {
			return err
		}
		t.figure("duty/"+pack+"/"+rule, UnitMillionths, rulepack.Text{EN: "done in time: " + title.EN, ZH: "及时率：" + title.ZH}).add(state == DutyMet, records...)
		return nil
	})
	slices.SortFunc(t.order[begun:], func(a, b *Figure) int { return strings.Compare(a.ID, b.ID) })
	return err
}

// quality counts the issues reported in the period and what became of them.
func (t *tally) quality(r *reader) error {
	reported := t.figure("quality.reported", UnitCount, rulepack.Text{EN: "quality issues reported", ZH: "质量问题数"})
	closed := t.figure("quality.rectified", UnitMillionths, rulepack.Text{EN: "confirmed issues that were put right", ZH: "整改率"})
	return t.things(r, tapeFindings, func(f *taped, names []string, records []int64) error {
		if !t.within(f.times[0]) || !t.of(names[1]) {
			return nil
		}
		if shown, err := t.shown(r, names...); err != nil || !shown {
			return err
		}
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

// things visits the things of a tape in the order in which the book brought them up.
func (t *tally) things(r *reader, of tape, visit func(e *taped, names []string, records []int64) error) error {
	list, err := r.things(of, nil)
	if err != nil {
		return err
	}
	for n := range list.last {
		e := &list.last[n]
		names, err := t.named(e.names)
		if err != nil {
			return err
		}
		if err := visit(e, names, list.records(n)); err != nil {
			return err
		}
		if n%1024 == 0 && t.ctx.Err() != nil {
			return t.ctx.Err()
		}
	}
	return nil
}

// named are the texts that a number stands for.
func (t *tally) named(n uint32) ([]string, error) { return textsOf(t.names, n) }

// violations counts the rules broken since some time in the period, by their codes.
func (t *tally) violations(r *reader) error {
	found := t.missed
	judged := func(v Violation) {
		if t.within(v.Time) {
			found = append(found, t.book.judge(v, nil)...)
		}
	}
	if err := r.shownByItself(t.ctx, judged); err != nil {
		return err
	}
	for _, position := range t.flagged {
		a, ok, err := r.access(position)
		if err != nil {
			return err
		}
		if ok {
			found = append(found, t.book.judgeAccess(&a)...)
		}
	}
	sortViolations(found)
	for _, v := range found {
		if !matches(t.q.Party, v.Party) || !t.of(v.Party) {
			continue
		}
		if shown, err := t.showsViolation(r, &v); err != nil {
			return err
		} else if !shown {
			continue
		}
		id, title := "violation/"+v.Rule, rulepack.Text{EN: "violations: " + v.Rule, ZH: "违规：" + v.Rule}
		if v.Code != "" {
			id = fmt.Sprintf("violation/%s/%s", v.Pack, v.Code)
			title = rulepack.Text{EN: strings.TrimSpace("violations: " + v.Code + " " + v.Title.EN), ZH: strings.TrimSpace("违规：" + v.Code + " " + v.Title.ZH)}
		}
		t.figure(id, UnitCount, title).add(true, v.Events...)
	}
	return nil
}

// Zone is where days begin and end: that of the calendar published last, or UTC if
// none is.
func (w *View) Zone() (zone *time.Location, err error) {
	zone = time.UTC
	err = w.read(func(r *reader) error {
		book, err := r.rulebook()
		if err != nil || book == nil || len(book.calendars) == 0 {
			return err
		}
		zone, err = time.LoadLocation(book.calendars[len(book.calendars)-1].Calendar().Zone)
		return err
	})
	return zone, err
}
