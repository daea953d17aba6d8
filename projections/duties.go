package projections

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"ledgerline/events"
	"ledgerline/events/rulepack"
	"ledgerline/ledger"
)

// The states of a duty at a time.
const (
	DutyOpen         = "open"         // not done, and not due yet
	DutyMet          = "met"          // done in time
	DutyLate         = "late"         // done, but after it was due
	DutyBreached     = "breached"     // due, and not done
	DutyUndetermined = "undetermined" // when it is due cannot be told: see Duty.Undetermined
)

// Duty is something that a published rule says has to be done by a day.
type Duty struct {
	// ID is made of what the duty follows from: pack, rule, case, and the position
	// of the record that began it.
	ID          string        `json:"id"`
	Rule        string        `json:"rule"`
	Title       rulepack.Text `json:"title"`
	Basis       string        `json:"basis"`
	Pack        string        `json:"pack"`
	PackVersion string        `json:"pack_version"`
	// Role is what Party is in the rule: provider, consumer, authority or operator.
	Role  string `json:"role"`
	Party string `json:"party"`
	// Was is the party that it began with, if that was merged into Party before it was
	// done.
	Was string `json:"was,omitempty" row:"-"`
	// CaseKind and Case name what the duty is about, such as request and R-17.
	CaseKind string `json:"case_kind"`
	Case     string `json:"case"`
	// Entry is the catalog entry that it is about, if the record that began it names one.
	Entry string `json:"entry,omitempty"`
	// Trigger and Instrument say why there is a duty to update: law_change,
	// state_council_decision, duty_change or other, and what changed.
	Trigger    string `json:"trigger,omitempty"`
	Instrument string `json:"instrument,omitempty"`
	// From is what it is counted from, as claimed: of a duty to update, when the change
	// took effect.
	From events.Time `json:"from"`
	// Due is the last day on which it can be done, Before the end of that day; by
	// Calendar in that version.
	Due             string      `json:"due,omitempty"`
	Before          events.Time `json:"before,omitzero"`
	Calendar        string      `json:"calendar,omitempty"`
	CalendarVersion string      `json:"calendar_version,omitempty"`
	// LaterDue is when it would be due by LaterCalendarVersion, a version of the calendar
	// that was published after it began, if that is another day. It moves nothing.
	LaterDue             string `json:"later_due,omitempty" row:"-"`
	LaterCalendarVersion string `json:"later_calendar_version,omitempty" row:"-"`
	// Provisional is set if the calendar did not know the holidays around Due.
	Provisional bool `json:"provisional,omitempty"`
	// Undetermined says why it is not known when the duty is due; Why is what it is
	// made of.
	Undetermined string  `json:"undetermined,omitempty" row:"-"`
	Why          Wording `json:"-"`
	// Extended is by how much it was made longer, in the unit of the rule.
	Extended int `json:"extended,omitempty"`
	// Done is when it was done, as claimed; 0 if it was not.
	Done  events.Time `json:"done,omitzero"`
	State string      `json:"state"`
	// Violation is the code of a miss, if the rule has one.
	Violation string `json:"violation,omitempty"`
	// Events are the positions of the records that began, moved and ended it.
	Events []int64 `json:"events"`
	// Imported: one of these is from before the ledger, and so no native evidence.
	Imported bool `json:"imported,omitempty"`
	// Number counts duties, in the order in which the book brings them up.
	Number uint32 `json:"-"`
}

func (d *Duty) code(c *coder) {
	c.texts(&d.ID, &d.Rule)
	codeText(&d.Title, c)
	c.texts(&d.Basis, &d.Pack, &d.PackVersion, &d.Role, &d.Party, &d.CaseKind, &d.Case, &d.Entry, &d.Trigger, &d.Instrument)
	integer(c, &d.From)
	c.text(&d.Due)
	integer(c, &d.Before)
	c.texts(&d.Calendar, &d.CalendarVersion)
	c.bool(&d.Provisional)
	d.Why.code(c)
	d.Undetermined = d.Why.String()
	integer(c, &d.Extended)
	integer(c, &d.Done)
	c.texts(&d.State, &d.Violation)
	integerList(c, &d.Events)
	c.bool(&d.Imported)
	integer(c, &d.Number)
}

// DutyQuery selects duties; empty fields select everything.
type DutyQuery struct {
	Party, Rule, Case, State, Entry string
	// ValidAt is the time at which the state is asked for; 0 for when the view's
	// position was recorded.
	ValidAt events.Time
	// Imported selects what rests on records from before the ledger, or if false the
	// rest; nil both.
	Imported *bool
	Page
}

// DutyList is one part of a list of duties, ordered by id.
type DutyList struct {
	Duties []Duty `json:"duties"`
	Next   string `json:"next,omitempty"`
	// PartyNames are the names of the parties in the list, by id, as of the position and
	// date asked for.
	PartyNames map[string]string `json:"party_names"`
}

// openKey holds the id of the duty that is open for a case under a version of a
// rule.
func openKey(p *pack, rule, id string) []byte {
	return entityKey(tDutyOpen, p.published.ID, p.published.Version, rule, id)
}

// applyDuties begins, moves and ends duties by the rule packs published so far.
func applyDuties(b *batch, e *ledger.Entry) error {
	if err := applyReference(b, e); err != nil {
		return err
	}
	book, err := b.rulebook()
	if err != nil || book == nil || !book.triggers[e.Event.Type] {
		return err
	}
	x := &trigger{b: b, e: e}
	for i := range book.packs {
		for j := range book.packs[i].Deadlines {
			if err := x.move(book, &book.packs[i], &book.packs[i].Deadlines[j]); err != nil {
				return err
			}
		}
	}
	for _, p := range book.inForce(e.Event.Time) {
		for j := range p.Deadlines {
			if err := x.begin(book, &p, &p.Deadlines[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// move ends, extends or restarts the duty that is open for the event's case.
func (x *trigger) move(book *rulebook, p *pack, d *rulepack.Deadline) error {
	change := func(t *rulepack.Trigger, do func(*Duty) error) error {
		fits, id, err := x.fits(t)
		if err != nil || !fits {
			return err
		}
		open, err := recall[textRow](x.b, openKey(p, d.ID, id))
		if err != nil || open == nil || *open == "" {
			return err
		}
		duty, known, err := draw[Duty](x.b, entityKey(tDuty, string(*open)))
		if err != nil || !known {
			return err
		}
		duty.Events, duty.Imported = append(duty.Events, x.e.Position), duty.Imported || x.e.Event.Imported
		if err := do(&duty); err != nil {
			return err
		}
		if duty.Done != 0 {
			x.b.put(openKey(p, d.ID, id), new(textRow))
		}
		x.b.put(entityKey(tDuty, string(*open)), &duty)
		return nil
	}
	for i := range d.Stops {
		t := &d.Stops[i]
		err := change(t, func(duty *Duty) (err error) {
			duty.Done, err = x.moment(t)
			return err
		})
		if err != nil {
			return err
		}
	}
	for i := range d.Restarts {
		t := &d.Restarts[i]
		err := change(t, func(duty *Duty) (err error) {
			if duty.From, err = x.moment(t); err == nil {
				err = x.count(book, p, d, duty)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if d.Extension == nil {
		return nil
	}
	return change(&d.Extension.Event, func(duty *Duty) error { return x.extend(book, d, duty) })
}

// begin begins a duty, unless one is open for the case already.
func (x *trigger) begin(book *rulebook, p *pack, d *rulepack.Deadline) error {
	fits, id, err := x.fits(&d.Starts)
	if err != nil || !fits {
		return err
	}
	open, err := recall[textRow](x.b, openKey(p, d.ID, id))
	if err != nil || open != nil && *open != "" {
		return err
	}
	duty := Duty{
		ID:   fmt.Sprintf("%s/%s/%s/%d", p.published.ID, d.ID, id, x.e.Position),
		Rule: d.ID, Title: d.Title, Basis: d.Basis, Pack: p.published.ID, PackVersion: p.published.Version, Role: d.Duty,
		CaseKind: d.Starts.Case, Case: id, Violation: d.Violation, Events: []int64{x.e.Position}, Imported: x.e.Event.Imported,
	}
	if duty.Party, err = x.field(d.Party); err != nil {
		return err
	}
	if duty.Entry, err = x.field("entry"); err != nil {
		return err
	}
	if o, ok := x.e.Event.Data.(*events.UpdateDutyOpened); ok {
		duty.Trigger, duty.Instrument = o.Trigger, o.Basis
	}
	if duty.From, err = x.moment(&d.Starts); err != nil {
		return err
	}
	if err := x.count(book, p, d, &duty); err != nil {
		return err
	}
	if err := x.b.count("duties", 1); err != nil {
		return err
	}
	if duty.Number, err = x.b.nth("duties"); err != nil {
		return err
	}
	x.b.put(openKey(p, d.ID, id), (*textRow)(&duty.ID))
	x.b.put(entityKey(tDuty, duty.ID), &duty)
	x.b.putOnce(dutyOfKey("case", duty.Case, duty.ID), markRow{})
	x.b.putOnce(dutyOfKey("rule", duty.Rule, duty.ID), markRow{})
	return nil
}

// dutyOfKey marks a duty under its case and its rule; without an id it is the prefix
// of all of these.
func dutyOfKey(kind, value string, id ...string) []byte {
	return entityKey(tDutyOf, append([]string{kind, value}, id...)...)
}

// count works out when a duty is due.
func (x *trigger) count(book *rulebook, p *pack, d *rulepack.Deadline, duty *Duty) error {
	if d.DueField != "" {
		due, told, err := x.time(d.DueField)
		if err != nil {
			return err
		}
		if !told {
			duty.Why = say(saidNoDue)
			duty.Undetermined = duty.Why.String()
			return nil
		}
		// The day on which it may be done at last, where the law applies.
		last := (due - 1).Std()
		day := rulepack.DateOf(last)
		if c, ok := book.calendarOf(p.Calendar); ok {
			day = c.DateOf(last)
		}
		duty.Before, duty.Due = due, day.String()
		return nil
	}
	c, ok := book.calendarOf(p.Calendar)
	if !ok {
		duty.Why = say(saidNoCalendar, p.Calendar)
		duty.Undetermined = duty.Why.String()
		return nil
	}
	due, err := c.Due(duty.From.Std(), d.Length)
	if err != nil {
		return err
	}
	duty.due(due)
	return nil
}

func (d *Duty) due(due rulepack.Due) {
	d.Due, d.Before = due.Day.String(), events.TimeOf(due.Before)
	d.Calendar, d.CalendarVersion, d.Provisional = due.Calendar, due.CalendarVersion, due.Provisional
}

// extend counts on from the day a duty was due, by the calendar it was counted
// by. What is granted after that day, or beyond what the rule allows, counts for
// nothing.
func (x *trigger) extend(book *rulebook, d *rulepack.Deadline, duty *Duty) error {
	text, err := x.field("days")
	if err != nil {
		return err
	}
	days, err := strconv.Atoi(text)
	if err != nil || x.e.Event.Time >= duty.Before || duty.Before == 0 {
		return nil
	}
	i := slices.IndexFunc(book.calendars, func(c calendar) bool {
		return c.published.ID == duty.Calendar && c.published.Version == duty.CalendarVersion
	})
	if i < 0 {
		return nil
	}
	length := d.Extension.Granted(days)
	duty.Extended = max(length.Hours, length.Days, length.WorkingDays, length.Months, length.Years)
	due, err := book.calendars[i].Due(duty.Before.Std().Add(-1), length)
	if err != nil {
		return err
	}
	duty.due(due)
	return nil
}

// recount notes on a duty when it would be due by the newest version of its calendar.
func (book *rulebook) recount(duty *Duty) error {
	if book == nil {
		return nil
	}
	newest, ok := book.calendarOf(duty.Calendar)
	if !ok || newest.published.Version == duty.CalendarVersion {
		return nil
	}
	for _, p := range book.packs {
		if p.published.ID != duty.Pack || p.published.Version != duty.PackVersion {
			continue
		}
		i := slices.IndexFunc(p.Deadlines, func(d rulepack.Deadline) bool { return d.ID == duty.Rule })
		if i < 0 {
			continue
		}
		due, err := newest.Due(duty.From.Std(), p.Deadlines[i].Length)
		if err == nil && duty.Extended > 0 {
			due, err = newest.Due(due.Before.Add(-1), p.Deadlines[i].Extension.Granted(duty.Extended))
		}
		if err == nil && due.Day.String() != duty.Due {
			duty.LaterDue, duty.LaterCalendarVersion = due.Day.String(), due.CalendarVersion
		}
		return err
	}
	return nil
}

// at says what state a duty is in at a time.
func (d *Duty) at(now events.Time) string {
	return dutyState(d.Before, d.Done, d.Undetermined == "", now)
}

func dutyState(before, done events.Time, determined bool, now events.Time) string {
	did := done != 0 && done <= now
	switch {
	case !determined && !did:
		return DutyUndetermined
	case did && (done < before || before == 0):
		return DutyMet
	case did:
		return DutyLate
	case now >= before:
		return DutyBreached
	}
	return DutyOpen
}

// Duties lists what has to be done, by when, and whether it was.
func (w *View) Duties(ctx context.Context, q DutyQuery) (DutyList, error) {
	list := DutyList{Duties: []Duty{}}
	now := q.ValidAt
	if now == 0 {
		now = w.recorded
	}
	var err error
	var mergers *successions
	var book *rulebook
	prefix := entityKey(tDuty)
	switch {
	case q.Case != "":
		prefix = dutyOfKey("case", q.Case)
	case q.Rule != "":
		prefix = dutyOfKey("rule", q.Rule)
	}
	list.Next, err = w.pageOfEntities(ctx, prefix, q.Page, func(r *reader, id string, row row) (_ bool, err error) {
		var d Duty
		if table(prefix[0]) == tDuty {
			err = row.decode(&d)
		} else {
			_, err = r.find(entityKey(tDuty, id), &d)
		}
		if err != nil {
			return false, err
		}
		if mergers == nil {
			mergers = r.successions()
			if book, err = r.rulebook(); err != nil {
				return false, err
			}
		}
		holder, err := mergers.holder(d.Party, d.Done, now)
		if err != nil {
			return false, err
		}
		if holder != d.Party {
			d.Was, d.Party = d.Party, holder
		}
		d.State = d.at(now)
		if q.ValidAt != 0 && d.From > now || !matches(q.Party, d.Party) || !matches(q.Rule, d.Rule) || !matches(q.Case, d.Case) || !matches(q.State, d.State) || !matches(q.Entry, d.Entry) ||
			q.Imported != nil && *q.Imported != d.Imported {
			return false, nil
		}
		if ok, err := r.shows(d.Party, d.Was); err != nil || !ok {
			return false, err
		}
		if err := book.recount(&d); err != nil {
			return false, err
		}
		list.Duties = append(list.Duties, d)
		return true, nil
	})
	if err != nil {
		return list, err
	}
	var ids []string
	for _, d := range list.Duties {
		ids = append(ids, d.Party, d.Was)
	}
	list.PartyNames, err = w.partyNames(q.ValidAt, ids)
	return list, err
}
