package demo

import (
	"fmt"
	"time"

	"ledgerline/events"
)

// deliverySteps tells what was handed over under the agreements that deliver by
// batch, half an hour before the consumer reads it, and what the consumer says that
// it got. What flows back to a city is told as such.
func deliverySteps() []Step {
	var steps []Step
	for _, u := range usages {
		if a := agreementOf(u.agreement); a.method == "batch" {
			last := on(a.provided).AddDate(0, 0, -u.days)
			for _, c := range u.calls() {
				steps = append(steps, a.delivered(c, last)...)
				last = c.at
			}
		}
	}
	return steps
}

// delivered is the delivery that a call reads: what changed since the one before.
func (a agreement) delivered(c call, since time.Time) []Step {
	at := c.at.Add(-30 * time.Minute)
	id := fmt.Sprintf("DL-%s-%s-%s", a.id, c.entry, at.Format("20060102"))
	period := events.Period{From: events.TimeOf(since), To: events.TimeOf(at)}
	event := func(at time.Time, typ, party string, data events.Data) events.Event {
		return events.Event{
			ID: id + "-" + typ, Source: gatewaySource, Type: "share." + typ, Time: events.TimeOf(at), Party: party, Correlation: "case-" + a.id, Data: data,
		}
	}
	if a.purpose == purposeReturn {
		return []Step{record(event(at, "return_flow.delivered", a.provider, &events.ReturnFlowDelivered{
			Delivery: id, From: a.provider, To: a.consumer, Agreement: a.id, Entry: c.entry, EntryVersion: versionAt(c.entry, at), Items: c.columns,
			Region: a.region, Period: period, Rows: c.rows, Digest: digest(id), Complete: true,
		}), "the city's rows of "+c.entry+" flow back to "+a.consumer)}
	}
	return []Step{
		record(event(at, "delivery.completed", a.provider, &events.DeliveryCompleted{
			Delivery: id, Agreement: a.id, By: a.provider, Provision: "P-" + a.id, Entry: c.entry, EntryVersion: versionAt(c.entry, at), Items: c.columns,
			Period: period, Rows: c.rows, Digest: digest(id),
		}), a.provider+" delivers "+c.entry+" to "+a.consumer),
		record(event(c.at.Add(20*time.Minute), "delivery.acknowledged", a.consumer, &events.DeliveryAcknowledged{
			Delivery: id, Agreement: a.id, By: a.consumer, Rows: c.rows, Digest: digest(id),
		}), a.consumer+" has "+c.entry),
	}
}
