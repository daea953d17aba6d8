package demo

import (
	"time"

	"ledgerline/events"
)

// The systems that report events, as CloudEvents sources.
const (
	catalogSource = "https://catalog.sjj.yunze.example"
	gatewaySource = "https://gateway.sjj.yunze.example"
	qualitySource = "https://quality.sjj.yunze.example"
)

// record makes a step of an event that reaches the ledger some seconds after it
// happened.
func record(e events.Event, note string) Step {
	lag := time.Second + time.Duration(draw(8_000, e.Source, e.ID))*time.Millisecond
	return recordAt(e.Time.Std().In(china).Add(lag), e, note)
}

// recordAt makes a step of an event that is recorded at a given time.
func recordAt(at time.Time, e events.Event, note string) Step {
	e.Schema = 1
	body, err := events.EncodeStructured(e)
	if err != nil {
		panic("demo: " + err.Error())
	}
	return Step{at, KindEvent, body, note}
}
