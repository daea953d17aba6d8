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
	BulletinVersion = 1
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
	for _, count := range []func() error{t.bodies, t.catalog, t.requests, t.duties, t.quality, t.calls, t.agreements, t.violations} {
		if err := count(); err != nil {
			return Bulletin{}, err
		}
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

// shows is shown with a reader of its own.
func (t *tally) shows(parties ...string) (shown bool, err error) {
	if t.sight == nil {
		return true, nil
	}
	err = t.w.read(func(r *reader) error {
		shown, err = t.shown(r, parties...)
		return err
	})
	return shown, err
}

func (t *tally) showsViolation(v *Violation) (shown bool, err error) {
	if t.sight == nil {
		return true, nil
	}
	err = t.w.read(func(r *reader) error {
		r.sight = t.sight
		concerned, err := r.ofAgreement(v.Agreement, v.Entry, v.Party)
		if err == nil {
			shown, err = r.shows(concerned...)
		}
		return err
	})
	return shown, err
}

// now is the end of the period, or when the view's position was recorded if that
// is before.
func (t *tally) now() events.Time { return min(t.q.To-1, t.w.recorded) }

func (t *tally) within(at events.Time) bool { return within(at, t.q.From, t.q.To) }

// catalog counts what was in force at the end of the period.
func (t *tally) catalog() error {
	published := t.figure("catalog.published", UnitCount, rulepack.Text{EN: "catalog entries in force at the end", ZH: "期末在用目录条目数"})
	fresh := t.figure("catalog.published_anew", UnitCount, rulepack.Text{EN: "of these, versions that came into force in the period", ZH: "其中本期发布的版本数"})
	hooked := t.figure("catalog.hooked", UnitMillionths, rulepack.Text{EN: "shareable entries with a resource", ZH: "挂接率"})
	page := Page{Limit: MaxLimit}
	for {
		list, err := t.w.Entries(t.ctx, EntryQuery{ValidAt: t.now(), Page: page})
		if err != nil {
			return err
		}
		for _, e := range list.Entries {
			if !t.of(e.Provider) {
				continue
			}
			if shown, err := t.shows(e.Provider); err != nil {
				return err
			} else if !shown {
				continue
			}
			published.add(true, e.Position)
			if t.within(e.ValidFrom) {
				fresh.add(true, e.Position)
			}
			if e.Sharing.Attribute != events.SharingNotShared {
				hooked.add(len(e.Attached)+len(e.Resources) > 0, e.Position)
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return nil
		}
	}
}

// requests counts those answered in the period.
func (t *tally) requests() error {
	granted := t.figure("request.granted", UnitMillionths, rulepack.Text{EN: "requests granted, in full or in part, of those answered", ZH: "共享满足率"})
	refused := t.figure("request.refused", UnitCount, rulepack.Text{EN: "requests refused", ZH: "拒绝共享数"})
	took := t.figure("request.answer_time", UnitSeconds, rulepack.Text{EN: "median time from receipt to answer", ZH: "答复时长中位数"})
	return t.w.read(func(r *reader) error {
		return r.each(t.ctx, entityKey(tRequest), nil, func(row row) (bool, error) {
			var q Request
			if err := row.decode(&q); err != nil {
				return false, err
			}
			if q.Answered == 0 || !t.within(q.Answered) || !t.of(q.Provider) {
				return true, nil
			}
			if shown, err := t.shown(r, q.Provider, q.Consumer); err != nil || !shown {
				return err == nil, err
			}
			granted.add(q.State != events.StageRefused, q.Events...)
			if q.State == events.StageRefused {
				refused.add(true, q.Events...)
			}
			if q.Received != 0 {
				took.add(true, q.Events...)
				t.seconds[took.ID] = append(t.seconds[took.ID], int64((q.Answered-q.Received)/1_000_000))
			}
			return true, nil
		})
	})
}

// duties counts, for each rule that sets a term, what was due in the period and
// what of it was done in time.
func (t *tally) duties() error {
	return t.w.read(func(r *reader) error {
		return r.each(t.ctx, entityKey(tDuty), nil, func(row row) (bool, error) {
			var d Duty
			if err := row.decode(&d); err != nil {
				return false, err
			}
			state := d.at(t.w.recorded)
			if d.Before == 0 || !t.within(d.Before-1) || !t.of(d.Party) || state == DutyOpen {
				return true, nil
			}
			if shown, err := t.shown(r, d.Party); err != nil || !shown {
				return err == nil, err
			}
			t.figure("duty/"+d.Pack+"/"+d.Rule, UnitMillionths, rulepack.Text{
				EN: "done in time: " + d.Title.EN, ZH: "及时率：" + d.Title.ZH}).add(state == DutyMet, d.Events...)
			return true, nil
		})
	})
}

// quality counts the issues reported in the period and what became of them.
func (t *tally) quality() error {
	reported := t.figure("quality.reported", UnitCount, rulepack.Text{EN: "quality issues reported", ZH: "质量问题数"})
	closed := t.figure("quality.rectified", UnitMillionths, rulepack.Text{EN: "confirmed issues that were put right", ZH: "整改率"})
	return t.w.read(func(r *reader) error {
		return r.each(t.ctx, entityKey(tFinding), nil, func(row row) (bool, error) {
			var f Finding
			if err := row.decode(&f); err != nil {
				return false, err
			}
			if !t.within(f.Reported) || !t.of(f.Provider) {
				return true, nil
			}
			if shown, err := t.shown(r, f.concerns()...); err != nil || !shown {
				return err == nil, err
			}
			reported.add(true, f.Events...)
			if f.Verdict == events.VerdictConfirmed || f.Verdict == events.VerdictPartly {
				closed.add(f.Outcome == events.OutcomeFixed, f.Events...)
			}
			return true, nil
		})
	})
}

// violations counts the rules broken since some time in the period, by their codes.
func (t *tally) violations() error {
	page := Page{Limit: MaxLimit}
	for {
		list, err := t.w.Violations(t.ctx, ViolationQuery{From: t.q.From, To: t.q.To, Party: t.q.Party, Page: page})
		if err != nil {
			return err
		}
		for _, v := range list.Violations {
			if !t.of(v.Party) {
				continue
			}
			if shown, err := t.showsViolation(&v); err != nil {
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
		t.LimitsHit = unite(t.LimitsHit, list.LimitsHit, strings.Compare)
		if page.Cursor = list.Next; page.Cursor == "" {
			return nil
		}
	}
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
