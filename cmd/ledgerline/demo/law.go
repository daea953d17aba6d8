package demo

import (
	"time"

	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// notices are when the State Council announced the holidays of a year, by the
// version of the calendar that knows them.
var notices = map[string]string{"2025": "2025-08-01 09:05", "2026": "2025-11-04 16:00"}

// lawSteps publish the regulation that the story is under, and the calendars its
// deadlines are counted by, each when it was known.
func lawSteps() []Step {
	publish := func(at time.Time, typ, id string, data events.Data, note string) Step {
		return recordAt(at, events.Event{
			ID: id, Source: catalogSource, Type: typ, Time: events.TimeOf(at), Party: "D07", Actor: actor("D07", "registrar"), Data: data,
		}, note)
	}
	var steps []Step
	for _, text := range rulepack.Calendars() {
		n, err := rulepack.ParseCalendar([]byte(text))
		if err != nil {
			panic("demo: " + err.Error()) // shipped with the program
		}
		c := n.Calendar()
		if at, told := notices[c.Version]; told && c.ID == "cn" {
			steps = append(steps, publish(on(at), "reference.calendar.published", "calendar-cn-"+c.Version,
				&events.CalendarPublished{Calendar: c.ID, Version: c.Version, By: "D07", Content: text},
				"the working days of "+c.Version+" are known"))
		}
	}
	for _, text := range rulepack.Packs() {
		p, err := rulepack.ParsePack([]byte(text))
		if err != nil {
			panic("demo: " + err.Error())
		}
		if p.ID == "cn-809-2025" {
			steps = append(steps, publish(on("2025-08-01 09:05"), "reference.rulepack.published", "rulepack-"+p.ID,
				&events.RulePackPublished{Pack: p.ID, Version: p.Version, By: "D07", Content: text}, "the regulation takes effect"))
		}
	}
	return steps
}
