package rulepack

import (
	"errors"
	"fmt"
	"time"
)

// Period is the length of a deadline. Exactly one field is set.
type Period struct {
	Hours       int `json:"hours,omitzero"`
	Days        int `json:"days,omitzero"`
	WorkingDays int `json:"working_days,omitzero"`
	Months      int `json:"months,omitzero"`
	Years       int `json:"years,omitzero"`
}

// maxPeriod bounds a period, whatever its unit, so that counting it stays cheap.
const maxPeriod = 10_000

// Check tells what is wrong with a period; nil if nothing is.
func (p Period) Check() error {
	set := 0
	for _, n := range []int{p.Hours, p.Days, p.WorkingDays, p.Months, p.Years} {
		if n < 0 || n > maxPeriod {
			return fmt.Errorf("a period is from 1 to %d, not %d", maxPeriod, n)
		}
		if n > 0 {
			set++
		}
	}
	if set != 1 {
		return errors.New("a period needs exactly one of hours, days, working_days, months, years")
	}
	return nil
}

// Ago is the day that lies a period of days, months or years before t.
func (p Period) Ago(t time.Time) time.Time { return t.AddDate(-p.Years, -p.Months, -p.Days) }

// Due is when a deadline ends.
type Due struct {
	// Day is the last day on which it can be met.
	Day Date `json:"day"`
	// Before is the instant at which it is missed: the end of Day, or for a period
	// in hours that hour itself.
	Before time.Time `json:"before"`
	// Calendar and CalendarVersion name what it was counted by.
	Calendar        string `json:"calendar"`
	CalendarVersion string `json:"calendar_version"`
	// Provisional: the calendar ends before Day. Days beyond it were counted Monday
	// to Friday, and the due date may move when their holidays are known.
	Provisional bool `json:"provisional,omitzero"`
}

// Due counts a period from an instant.
//
// The first day does not count; a day ends at 24:00 in the calendar's zone (Civil
// Code of the PRC Art. 201, 203; Regulation (EEC, Euratom) 1182/71 Art. 3). If the
// last day of a period in days, months or years is a rest day, the period ends on
// the next working day; periods in working days end on one anyway. Hours are
// counted through.
func (n *Counter) Due(start time.Time, p Period) (Due, error) {
	if err := p.Check(); err != nil {
		return Due{}, err
	}
	d := Due{Calendar: n.calendar.ID, CalendarVersion: n.calendar.Version}
	first := n.DateOf(start)
	if p.Hours > 0 {
		d.Before = start.Add(time.Duration(p.Hours) * time.Hour).In(n.zone)
		d.Day = DateOf(d.Before)
		return d, nil
	}
	d.Day = n.last(first, p)
	d.Before = (d.Day + 1).Start(n.zone)
	d.Provisional = p.WorkingDays > 0 && !n.Covers(first) || !n.Covers(d.Day)
	return d, nil
}

// last returns the last day of a period of whole days that starts on a day.
func (n *Counter) last(day Date, p Period) Date {
	for range p.WorkingDays {
		day = n.nextWorking(day + 1)
	}
	if p.WorkingDays > 0 {
		return day
	}
	return n.nextWorking((day + Date(p.Days)).addMonths(p.Months + 12*p.Years))
}

// nextWorking returns the first working day from d on.
func (n *Counter) nextWorking(d Date) Date {
	for !n.Working(d) {
		d++
	}
	return d
}

// WorkingDays counts the working days after the day of start up to and including
// that of end: how much of a deadline was used. It is 0 if end is not later.
func (n *Counter) WorkingDays(start, end time.Time) int {
	used := 0
	for d := n.DateOf(start) + 1; d <= n.DateOf(end); d++ {
		if n.Working(d) {
			used++
		}
	}
	return used
}
