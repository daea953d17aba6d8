package rulepack

import (
	"fmt"
	"time"
)

// Date is a day of the proleptic Gregorian calendar without a zone: the number
// of days since 1970-01-01. Its text form is 2026-03-04.
type Date int32

// DateOf returns the day that t falls on in t's own location.
func DateOf(t time.Time) Date { return dateOf(t.Date()) }

func dateOf(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

const secondsPerDay = 24 * 60 * 60

// ParseDate reads a date such as 2026-03-04.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date such as 2026-03-04", s)
	}
	return DateOf(t), nil
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// Year returns the year the day is in.
func (d Date) Year() int { return d.utc().Year() }

// Start returns the first instant of the day in a zone.
func (d Date) Start(zone *time.Location) time.Time {
	year, month, day := d.utc().Date()
	return time.Date(year, month, day, 0, 0, 0, 0, zone)
}

// addMonths returns the same day some months later, or the last day of that
// month if it has no such day (Regulation 1182/71 Art. 3(2)(c)).
func (d Date) addMonths(n int) Date {
	year, month, day := d.utc().Date()
	first := time.Date(year, month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return dateOf(first.Year(), first.Month(), min(day, last))
}

func (d Date) utc() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

func (d Date) String() string { return d.utc().Format(time.DateOnly) }

// MarshalText writes the date as 2026-03-04.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a date such as 2026-03-04.
func (d *Date) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDate(string(b))
	return err
}
