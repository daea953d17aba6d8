// Package demo is the demo: a fictional province's events, told through the
// public HTTP API.
//
// Between August 2025 and March 2026 the departments of the province of Yunze
// (云泽省) publish a catalog, agree to share data, call one another's data,
// report bad data and run the jobs that fuse it. No person or body in it is
// real; the law, the shapes of the data and the troubles are. Two agreements
// are late, one is disputed, one leaks, one job reads what nobody granted it:
// each can be found in the ledger again, and the tests of this package know
// where.
//
// The story is told in steps, each with the time at which it is recorded, so
// that "as of 31 December 2025" has an answer. To record a step at its own time
// the ledger that hears the story runs on a replayed clock. That is for fiction
// only: in a ledger that is meant to prove anything, recorded time comes from
// the clock of the machine, and history from before the ledger is imported and
// marked as such (agreement A00 shows how).
//
// Everything here is constant: the same bytes on every run, so that loading
// twice, or resuming a load, records nothing twice.
package demo

import (
	"slices"
	"sync"
	"time"
)

// Step is one thing that is recorded.
type Step struct {
	// At is when the ledger records it: some seconds after it happened, or days.
	At time.Time
	// Kind says what Body is and what is done with it.
	Kind string
	// Body is a CloudEvent in structured JSON, an OpenLineage event, or which bulletin
	// is to be issued or summary to be sealed.
	Body []byte
	// Note says in a few words what happens, for people watching.
	Note string
}

// The kinds of steps.
const (
	KindEvent       = "event"       // POST /v1/events
	KindOpenLineage = "openlineage" // POST /api/v1/lineage
	KindBulletin    = "bulletin"    // computed by the ledger, then POST /v1/events
	KindSummary     = "summary"     // likewise
)

// Opening is when the ledger of the story is created: before its first step.
func Opening() time.Time { return on("2025-08-01 08:00") }

// Story returns every step in the order in which it is recorded. The caller
// must not change the bodies.
func Story() []Step { return slices.Clone(story()) }

var story = sync.OnceValue(func() []Step {
	var steps []Step
	for _, part := range []func() []Step{
		partySteps, lawSteps, catalogSteps, requestSteps, agreementSteps, afterSteps, publicSteps, accessSteps, batchSteps, deliverySteps,
		measureSteps, issueSteps, bulletinSteps, runSteps,
	} {
		steps = append(steps, part()...)
	}
	// Stable: what is recorded at the same time stays in the order it was told.
	slices.SortStableFunc(steps, func(a, b Step) int { return a.At.Compare(b.At) })
	return steps
})

// china is the zone of the story: UTC+8, without daylight saving time.
var china = time.FixedZone("CST", 8*60*60)

// on reads a local time of the story, "2006-01-02 15:04". The story is constant,
// so a time that cannot be read is a mistake in this package.
func on(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, china)
	if err != nil {
		panic("demo: " + err.Error())
	}
	return t
}

// day reads a date of the story and returns its first moment.
func day(s string) time.Time { return on(s + " 00:00") }

// find returns the element of a table with the id; the tables are constant, so a
// missing one is a mistake in this package.
func find[T any](table []T, id string, of func(T) string) T {
	i := slices.IndexFunc(table, func(v T) bool { return of(v) == id })
	if i < 0 {
		panic("demo: nothing is called " + id)
	}
	return table[i]
}
