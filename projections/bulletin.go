package projections

import (
	"context"
	"math/bits"
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
	BulletinVersion = 4
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
	// LimitsHit says why the figures do not count everything: LimitAccesses, LimitRows.
	LimitsHit []string `json:"limits_hit,omitzero"`
}

// Figure is one number of a bulletin, with the records behind it.
type Figure struct {
	// ID is stable, such as access.success or duty/cn-809-2025/DL-02.
	ID    string        `json:"id"`
	Title rulepack.Text `json:"title"`
	// Unit is count, millionths (of a share), seconds or working_days.
	Unit string `json:"unit"`
	// Value is absent for a share of nothing, the median of nothing, and working days
	// without a calendar.
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
	UnitCount       = "count"
	UnitMillionths  = "millionths"
	UnitSeconds     = "seconds"
	UnitWorkingDays = "working_days"
)

// LimitRows: a figure of measurements leaves some out, since no number would hold all the
// rows that they speak of.
const LimitRows = "max_rows"

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
		w: w.whole(), sight: w.sight, ctx: ctx, q: q, figures: map[string]*Figure{}, spans: map[string]span{},
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
		for _, count := range []func(*reader) error{t.catalog, t.refreshes, t.requests, t.duties, t.quality, t.recurred, t.measures, t.calls, t.agreements, t.violations} {
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
	spans   map[string]span
	used    map[string]bool // agreements that were called or delivered under
	names   [][]string      // what numbers on tapes stand for
	book    *rulebook       // nil: nothing is published
	missed  []Violation     // duties that were not done in time
	flagged []taped         // rules that calls broke, the latest first
	visited int             // entries of tapes, about
	in      map[string]bool // the bodies of the region; nil: no region was asked for
	sight   *sight          // what may be counted; nil: everything
}

// A span is what a median is taken of, or a percentile.
type span struct {
	took    []int64
	percent int
}

// limit notes why the figures do not count everything.
func (t *tally) limit(why string) {
	if !slices.Contains(t.LimitsHit, why) {
		t.LimitsHit = append(t.LimitsHit, why)
	}
}

// took adds to what a percentile is taken of.
func (t *tally) took(f *Figure, percent int, value int64, events ...int64) {
	f.add(true, events...)
	t.spans[f.ID] = span{append(t.spans[f.ID].took, value), percent}
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

// finish works out the value. A percentile is the least that so many in a hundred do not
// exceed.
func (t *tally) finish(f Figure) Figure {
	value := func(v int64) { f.Value = &v }
	switch of := t.spans[f.ID]; {
	case f.Unit == UnitCount:
		value(f.Count)
	case f.Unit == UnitMillionths && f.Of > 0:
		value(millionths(f.Count, f.Of))
	case len(of.took) > 0:
		slices.Sort(of.took)
		value(of.took[(len(of.took)*of.percent+99)/100-1])
	}
	return f
}

// millionths is what share n is of a whole that is not less, rounded down.
func millionths(n, whole int64) int64 {
	hi, lo := bits.Mul64(uint64(n), 1_000_000)
	share, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(share)
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

// requests counts those answered in the period. One that was granted is met when what
// was granted has been made available, as far as is known; one that was withdrawn was not
// answered.
func (t *tally) requests(r *reader) error {
	granted := t.figure("request.granted", UnitMillionths, rulepack.Text{EN: "requests granted, in full or in part, of those answered", ZH: "同意共享率"})
	met := t.figure("request.met", UnitMillionths, rulepack.Text{EN: "requests granted and provided, of those answered", ZH: "共享满足率"})
	refused := t.figure("request.refused", UnitCount, rulepack.Text{EN: "requests refused", ZH: "拒绝共享数"})
	based := t.figure("request.refused_with_basis", UnitCount, rulepack.Text{EN: "of these, refusals that name a legal basis", ZH: "其中载明依据的拒绝数"})
	half := t.figure("request.answer_time", UnitSeconds, rulepack.Text{EN: "median time from receipt to answer", ZH: "答复时长中位数"})
	most := t.figure("request.answer_time_p90", UnitSeconds, rulepack.Text{EN: "time from receipt to answer that nine in ten did not exceed", ZH: "答复时长第 90 百分位数"})
	halfDays := t.figure("request.answer_days", UnitWorkingDays, rulepack.Text{EN: "median of working days from receipt to answer", ZH: "答复工作日数中位数"})
	mostDays := t.figure("request.answer_days_p90", UnitWorkingDays, rulepack.Text{EN: "working days from receipt to answer that nine in ten did not exceed", ZH: "答复工作日数第 90 百分位数"})
	provided := map[string]int64{} // requests by when something was first made available
	err := r.tape(tapeShares, 0, r.at, false, func(e *taped) error {
		if e.state != shareAvailable || e.imported {
			return nil
		}
		names, err := t.named(e.names)
		if err == nil && names[3] != "" && provided[names[3]] == 0 {
			provided[names[3]] = e.position
		}
		return err
	})
	if err != nil {
		return err
	}
	return t.things(r, tapeRequests, func(q *taped, about func() []int64) error {
		answered, received := q.times[0], q.times[1]
		if answered == 0 || !t.within(answered) {
			return nil
		}
		names, err := t.named(q.names)
		if err != nil {
			return err
		}
		provider, consumer := names[0], names[1]
		if !t.of(provider) {
			return nil
		}
		if shown, err := t.shown(r, provider, consumer); err != nil || !shown {
			return err
		}
		records := about()
		if !t.native(q.imported, records...) {
			return nil
		}
		no := q.state&requestRefused != 0
		granted.add(!no, records...)
		if at := provided[names[2]]; at != 0 && !no {
			met.add(true, append(slices.Clone(records), at)...)
		} else {
			met.add(false, records...)
		}
		if no {
			refused.add(true, records...)
			if q.state&requestBased != 0 {
				based.add(true, records...)
			}
		}
		if received == 0 {
			return nil
		}
		took := int64((answered - received) / 1_000_000)
		t.took(half, 50, took, records...)
		t.took(most, 90, took, records...)
		if days, ok := t.workingDays(received, answered); ok {
			t.took(halfDays, 50, days, records...)
			t.took(mostDays, 90, days, records...)
		}
		return nil
	})
}

// workingDays counts those after the day of a moment up to that of another, as deadlines
// do, by the calendar published last; false if none is.
func (t *tally) workingDays(from, to events.Time) (int64, bool) {
	if t.book == nil || len(t.book.calendars) == 0 {
		return 0, false
	}
	return int64(t.book.calendars[len(t.book.calendars)-1].WorkingDays(from.Std(), to.Std())), true
}

// duties counts, for each rule that sets a term, what was due in the period and
// what of it was done in time. What was missed are violations, if the rule says so.
func (t *tally) duties(r *reader) error {
	begun := len(t.order)
	mergers := r.successions()
	err := t.things(r, tapeDuties, func(d *taped, records func() []int64) error {
		before, done := d.times[0], d.times[1]
		if !t.within(before) && (before == 0 || !t.within(before-1)) {
			return nil
		}
		names, err := t.named(d.names)
		if err != nil {
			return err
		}
		pack, version, rule, code, party, title := names[0], names[1], names[2], names[3], names[4], rulepack.Text{EN: names[5], ZH: names[6]}
		state := dutyState(before, done, d.state != dutyUndetermined, t.w.recorded)
		if (state == DutyLate || state == DutyBreached) && code != "" && t.within(before) && !d.imported {
			holder, err := mergers.holder(party, done, before) // who had it when it was missed
			if err != nil {
				return err
			}
			v := Violation{Rule: rule, Code: code, Title: title, Pack: pack, PackVersion: version, Party: holder, Time: before, Events: records()}
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
		if !d.imported {
			t.figure("duty/"+pack+"/"+rule, UnitMillionths, rulepack.Text{EN: "done in time: " + title.EN, ZH: "及时率：" + title.ZH}).add(state == DutyMet, records()...)
		} else {
			t.native(true, records()...)
		}
		return nil
	})
	slices.SortFunc(t.order[begun:], func(a, b *Figure) int { return strings.Compare(a.ID, b.ID) })
	return err
}

// things visits the things of a tape in the order in which the book brought them up.
// Most are of no other use; the records about one are put together for who asks.
func (t *tally) things(r *reader, of tape, visit func(e *taped, records func() []int64) error) error {
	list, err := r.things(of, true, nil)
	if err != nil {
		return err
	}
	defer list.release()
	n := 0
	records := func() []int64 { return list.records(n) }
	for n = range list.last {
		if err := visit(&list.last[n], records); err != nil {
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
	found := make([]Violation, 0, len(t.missed)+len(t.flagged))
	keep := func(broken ...Violation) {
		for _, v := range broken {
			if t.of(v.Party) {
				found = append(found, v)
			}
		}
	}
	judged := func(v Violation) {
		if t.within(v.Time) {
			keep(t.book.judge(v, nil)...)
		}
	}
	keep(t.missed...)
	if err := r.shownByRecord(t.ctx, judged); err != nil {
		return err
	}
	if err := r.uncovered(t.names, t.within, judged); err != nil {
		return err
	}
	if err := t.unrecorded(r, judged); err != nil {
		return err
	}
	for i := range t.flagged {
		e := &t.flagged[i]
		names, err := t.named(e.names)
		if err != nil {
			return err
		}
		broken, err := t.book.brokenBy(e, names)
		if err != nil {
			return err
		}
		keep(broken...)
	}
	type kind struct{ rule, pack, code string }
	figures := map[kind]*Figure{}
	for _, v := range sortedViolations(found) {
		if shown, err := t.showsViolation(r, v); err != nil {
			return err
		} else if !shown {
			continue
		}
		if imported, err := r.imported(v.Events...); err != nil {
			return err
		} else if !t.native(imported, v.Events...) {
			continue
		}
		k := kind{v.Rule, v.Pack, v.Code}
		if figures[k] == nil {
			figures[k] = t.violated(v)
		}
		figures[k].add(true, v.Events...)
	}
	return nil
}

// violated is the figure that counts violations of a kind, with the title of the first.
func (t *tally) violated(v *Violation) *Figure {
	if v.Code == "" {
		return t.figure("violation/"+v.Rule, UnitCount, rulepack.Text{EN: "violations: " + v.Rule, ZH: "违规：" + v.Rule})
	}
	return t.figure("violation/"+v.Pack+"/"+v.Code, UnitCount, rulepack.Text{
		EN: strings.TrimSpace("violations: " + v.Code + " " + v.Title.EN), ZH: strings.TrimSpace("违规：" + v.Code + " " + v.Title.ZH),
	})
}

// unrecorded is reader.unrecorded, of agreements that ended in the period.
func (t *tally) unrecorded(r *reader, found func(Violation)) error {
	mergers := r.successions()
	list, err := r.things(tapeAgreements, false, nil)
	if err != nil {
		return err
	}
	defer list.release()
	for n := range list.last {
		a := &list.last[n]
		if a.imported || a.state&agreementEnded == 0 || !t.within(a.times[0]) {
			continue
		}
		names, err := t.named(a.names)
		if err != nil {
			return err
		}
		var row Agreement
		known, err := r.find(entityKey(tAgreement, names[0]), &row)
		if err != nil {
			return err
		}
		if !known {
			return badTape(a)
		}
		if err := r.unrecordedOf(t.ctx, &row, mergers, found); err != nil {
			return err
		}
	}
	return nil
}

// Zone is where days begin and end: that of the calendar published last, or UTC if
// none is.
func (w *View) Zone() (zone *time.Location, err error) {
	err = w.read(func(r *reader) error {
		book, err := r.rulebook()
		if err == nil {
			zone, err = book.zone()
		}
		return err
	})
	return zone, err
}

// zone is View.Zone.
func (book *rulebook) zone() (*time.Location, error) {
	if book == nil || len(book.calendars) == 0 {
		return time.UTC, nil
	}
	return time.LoadLocation(book.calendars[len(book.calendars)-1].Calendar().Zone)
}
