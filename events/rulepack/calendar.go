package rulepack

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // for machines that have no zones of their own
)

// Calendar tells working days from rest days, in one jurisdiction. Beyond From
// and To only weekends are known. It is data: Compile makes it count.
type Calendar struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	// Zone is the IANA time zone in which days begin and end.
	Zone string `json:"zone"`
	// From and To are the first and the last day covered. A calendar without
	// holidays of its own covers every day and leaves both out.
	From Date `json:"from,omitzero"`
	To   Date `json:"to,omitzero"`
	// Sources are the official notices behind the data.
	Sources []string `json:"sources,omitzero"`
	// Rest are the days off beside Saturdays and Sundays, as first and last day of
	// each holiday. Days in it that are a weekend anyway are harmless.
	Rest []Holiday `json:"rest,omitzero"`
	// Work are the Saturdays and Sundays on which work is made up for (调休).
	Work []Date `json:"work,omitzero"`
}

// Holiday is a run of days off, both ends included.
type Holiday struct {
	Name string `json:"name"`
	From Date   `json:"from"`
	To   Date   `json:"to"`
}

// A Counter is a calendar ready to count with. It never changes, so any number of
// goroutines may use it.
type Counter struct {
	calendar Calendar
	zone     *time.Location
	turned   map[Date]bool // days that are not what their weekday says; true: working
}

// Compile checks a calendar and makes it ready to count with.
func (c Calendar) Compile() (*Counter, error) {
	if c.ID == "" || c.Version == "" {
		return nil, errors.New("id, version: a calendar needs both, since deadlines name them")
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil || c.Zone == "" || c.Zone == "Local" {
		return nil, fmt.Errorf("zone: %q is not an IANA time zone such as Asia/Shanghai", c.Zone)
	}
	if c.To < c.From {
		return nil, fmt.Errorf("to: %s is before from, %s", c.To, c.From)
	}
	n := &Counter{calendar: c, zone: zone, turned: make(map[Date]bool)}
	for i, h := range c.Rest {
		if h.To < h.From || h.To-h.From > maxHoliday || !n.Covers(h.From) || !n.Covers(h.To) {
			return nil, fmt.Errorf("rest/%d: %s to %s is not a run of at most %d days within the calendar", i, h.From, h.To, maxHoliday+1)
		}
		for d := h.From; d <= h.To; d++ {
			n.turned[d] = false
		}
	}
	for i, d := range c.Work {
		if _, rest := n.turned[d]; rest || !weekend(d) || !n.Covers(d) {
			return nil, fmt.Errorf("work/%d: %s is not a Saturday or Sunday within the calendar and outside its holidays", i, d)
		}
		n.turned[d] = true
	}
	return n, nil
}

// maxHoliday bounds a holiday, so that a slip of the pen in a year does not make
// a year of rest.
const maxHoliday = 30

// Calendar returns what the counter was compiled from.
func (n *Counter) Calendar() Calendar { return n.calendar }

// Covers tells whether the calendar knows the holidays around a day.
func (n *Counter) Covers(d Date) bool {
	c := &n.calendar
	return c.From == 0 && c.To == 0 || d >= c.From && d <= c.To
}

// Working tells whether a day is a working day.
func (n *Counter) Working(d Date) bool {
	if working, ok := n.turned[d]; ok {
		return working
	}
	return !weekend(d)
}

// DateOf returns the day that an instant falls on where the calendar is in force.
func (n *Counter) DateOf(t time.Time) Date { return DateOf(t.In(n.zone)) }

func weekend(d Date) bool { return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday }
