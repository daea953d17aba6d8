package api

import (
	"slices"
	"strconv"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"
)

// A strip draws the states of a thing in a row: those it went through, the one it
// is in, and those that usually follow.
type strip struct {
	Label string
	Steps []stripStep
}

type stripStep struct {
	Word string
	Mark string // done, now, bad (now, and against a rule) or ahead
	Href string // of the record that brought it about
	Time events.Time
}

// went is a state that a thing came into.
type went struct {
	word     string
	state    string
	position int64
	time     events.Time
}

// The usual ways of things. Where a step has alternatives, they are listed.
var (
	entryWay     = [][]string{{events.StageDrafted}, {"department_approved"}, {events.StageSubmitted}, {events.StagePublished}}
	agreementWay = [][]string{{events.StageActive}, {events.StageExpired, events.StageTerminated, events.StageFulfilled}}
	requestWay   = [][]string{{"submitted"}, {"received"}, {"granted", "partially_granted", "refused"}}
	findingWay   = [][]string{{"reported"}, {"accepted"}, {"assigned"}, {"rectified"}, {"rechecked"}, {"closed"}}
	dutyWay      = [][]string{{projections.DutyOpen}, {projections.DutyMet, projections.DutyLate, projections.DutyBreached}}
)

// ended are the states after which nothing usually follows.
var ended = []string{"withdrawn", "rejected", "refused", "granted", "partially_granted", "closed", "terminated", "expired", "fulfilled", "met", "late", "breached", "undetermined"}

// strip draws what a thing went through, oldest first. Words are of a kind.
func (p page) strip(label, kind string, way [][]string, through []went) (strip, error) {
	s := strip{Label: label}
	for i, w := range through {
		step := stripStep{Word: w.word, Mark: "done", Time: w.time}
		if step.Word == "" {
			step.Word = p.Word(kind, w.state)
		}
		if i == len(through)-1 {
			step.Mark = "now"
		}
		if w.position >= 0 {
			var err error
			if step.Href, err = p.Href("/events/" + strconv.FormatInt(w.position, 10)); err != nil {
				return s, err
			}
		}
		s.Steps = append(s.Steps, step)
	}
	if len(through) == 0 {
		return s, nil
	}
	s.Steps = append(s.Steps, p.ahead(kind, way, through)...)
	return s, nil
}

// ahead are the steps that usually follow: those of the way behind the last of it
// that was reached.
func (p page) ahead(kind string, way [][]string, through []went) (steps []stripStep) {
	if slices.Contains(ended, through[len(through)-1].state) {
		return nil
	}
	reached := -1
	for i := len(through) - 1; i >= 0 && reached < 0; i-- {
		reached = slices.IndexFunc(way, func(or []string) bool { return slices.Contains(or, through[i].state) })
	}
	for _, or := range way[reached+1:] {
		steps = append(steps, stripStep{Word: p.either(kind, or), Mark: "ahead"})
	}
	return steps
}

// either names states of which one comes about.
func (p page) either(kind string, or []string) string {
	words := make([]string, len(or))
	for i, state := range or {
		words[i] = p.Word(kind, state)
	}
	return strings.Join(words, " / ")
}

// Dots is the strip of a row in a list, which knows the state only.
func (p page) Dots(kind, state string) strip {
	way := map[string][][]string{"stage": entryWay, "agreement": agreementWay, "request": requestWay, "finding": findingWay, "duty": dutyWay}[kind]
	word := "state"
	if kind == "stage" {
		word = kind
	}
	s := strip{Label: p.Word(word, state)}
	at := slices.IndexFunc(way, func(or []string) bool { return slices.Contains(or, state) })
	mark := "now"
	switch state {
	case projections.DutyLate, projections.DutyBreached, "returned", "refused", "suspended", "terminated", "withdrawn":
		mark = "bad"
	}
	if at < 0 { // it left the usual way
		return strip{s.Label, []stripStep{{Word: s.Label, Mark: mark}}}
	}
	for i, or := range way {
		step := stripStep{Word: p.either(word, or), Mark: "done"}
		switch {
		case i == at:
			step = stripStep{Word: s.Label, Mark: mark}
		case i > at:
			step.Mark = "ahead"
		}
		s.Steps = append(s.Steps, step)
	}
	return s
}

// entryStrip draws the life of a catalog entry.
func (p page) entryStrip(versions []projections.EntryVersion) (strip, error) {
	var through []went
	for _, v := range versions {
		state, word := v.Entry.Stage, ""
		if v.Entry.Suspended {
			state, word = "suspended", p.Word("state", "suspended")
		}
		if n := len(through); n == 0 || through[n-1].state != state {
			through = append(through, went{word, state, v.Position, v.Entry.ValidFrom})
		}
	}
	return p.strip(p.texts("stage"), "stage", entryWay, through)
}

// agreementStrip draws the life of an agreement, oldest first.
func (p page) agreementStrip(states []projections.Agreement) (strip, error) {
	var through []went
	for _, a := range states {
		if n := len(through); n == 0 || through[n-1].state != a.State {
			through = append(through, went{"", a.State, a.Position, a.Since})
		}
	}
	return p.strip(p.texts("state"), "state", agreementWay, through)
}

// findingStrip draws the life of a quality issue from its records, oldest first.
func (p page) findingStrip(rows []projections.TimelineRow, state string) (strip, error) {
	var through []went
	for _, r := range rows {
		_, step, ok := strings.Cut(r.Type, "quality.issue.")
		if !ok {
			continue
		}
		through = append(through, went{p.Word("event", r.Type), step, r.Position, r.Time})
	}
	if n := len(through); n > 0 {
		through[n-1].state = state
	}
	return p.strip(p.texts("state"), "state", findingWay, through)
}

// texts is T for texts that are there: a test holds the names to it.
func (p page) texts(key string) string { return texts[key][p.language] }
