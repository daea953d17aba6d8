package rulepack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Pack is a set of rules of one legal order, in one version.
type Pack struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Title   Text   `json:"title"`
	// Source is where the law can be read.
	Source string `json:"source"`
	// Calendar is the id of the calendar that its deadlines are counted by; empty if it
	// has none.
	Calendar   string      `json:"calendar"`
	Deadlines  []Deadline  `json:"deadlines"`
	Violations []Violation `json:"violations"`
	Retention  []Retention `json:"retention"`
	// Labels are what fields and the values of code lists are called.
	Labels Labels `json:"labels"`
}

// Text is a label in both languages of the pages.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// Deadline is a clock: what starts it, how long it runs, what stops it.
type Deadline struct {
	ID    string `json:"id"`
	Title Text   `json:"title"`
	// Basis is the provision it follows from.
	Basis string `json:"basis"`
	// Starts begins a duty, Stops ends it, and Restarts, if there are any, begin its
	// count anew. The events of one duty have the same case.
	Starts   Trigger   `json:"starts"`
	Stops    []Trigger `json:"stops"`
	Restarts []Trigger `json:"restarts,omitzero"`
	// Length is how long it runs; DueField instead is the field of the starting
	// event that says when it is due, where that is set case by case.
	Length   Period `json:"length,omitzero"`
	DueField string `json:"due_field,omitzero"`
	// Extension says how it can be made longer; nil if it cannot.
	Extension *Extension `json:"extension,omitzero"`
	// Duty is who has to act: provider, consumer, authority or operator; Party the
	// field of the starting event that names it.
	Duty  string `json:"duty"`
	Party string `json:"party"`
	// Violation is the code of a miss; empty if the law names none.
	Violation string `json:"violation,omitzero"`
}

// Trigger selects events. A field is one of the event's data, or one of what the
// data names: request.sharing, request.provider, request.consumer,
// agreement.request, entry.provider.
type Trigger struct {
	Event string `json:"event"`
	// When lists, by field of the event's data, the values that fit.
	When map[string][]string `json:"when,omitzero"`
	// Case is the field of the event's data that says which case it belongs to.
	Case string `json:"case"`
	// From is the field of the event's data that holds the moment to count from;
	// empty for the event's own time.
	From string `json:"from,omitzero"`
}

// Extension says how a deadline can be made longer, once.
type Extension struct {
	// Event grants it, on the same case as the start; its field days says how much.
	// Granted after the deadline it counts for nothing.
	Event Trigger `json:"event"`
	// AtMost is the longest extension, counted from the end of the deadline.
	AtMost Period `json:"at_most"`
}

// Granted is how much longer a deadline becomes if so much is granted, in the unit of
// AtMost: no more than that.
func (x *Extension) Granted(length int) Period {
	p := x.AtMost
	for _, n := range []*int{&p.Hours, &p.Days, &p.WorkingDays, &p.Months, &p.Years} {
		*n = min(*n, length)
	}
	return p
}

// Violation is a rule that can be found broken.
type Violation struct {
	Code  string `json:"code"`
	Title Text   `json:"title"`
	Basis string `json:"basis"`
	// By is whose violation it is: provider, consumer, authority or operator.
	By string `json:"by"`
	// Flags are the rules of the ledger whose breach, found in a reported fact, is
	// this violation, such as access.no-agreement.
	Flags []string `json:"flags,omitzero"`
}

// Retention says how long records of a class are kept at least; in days, months or
// years.
type Retention struct {
	Class string `json:"class"`
	Title Text   `json:"title"`
	Basis string `json:"basis"`
	Keep  Period `json:"keep"`
}

// duties are the parts a party can have in a rule.
var duties = []string{"provider", "consumer", "authority", "operator"}

// Check tells what is wrong with a pack, naming the field; nil if nothing is.
func (p *Pack) Check() error {
	if p.ID == "" || p.Version == "" || p.Calendar == "" && len(p.Deadlines) > 0 {
		return errors.New("id, version, calendar: a pack with deadlines needs all three, since deadlines name them, any other the first two")
	}
	codes := make(map[string]bool)
	for i, v := range p.Violations {
		if v.Code == "" || codes[v.Code] || !slices.Contains(duties, v.By) {
			return fmt.Errorf("violations/%d: %q needs a code of its own, and by one of %s", i, v.Code, strings.Join(duties, ", "))
		}
		codes[v.Code] = true
	}
	ids := make(map[string]bool)
	for i, d := range p.Deadlines {
		if d.ID == "" || ids[d.ID] {
			return fmt.Errorf("deadlines/%d/id: %q is missing or used twice", i, d.ID)
		}
		ids[d.ID] = true
		if err := d.check(codes); err != nil {
			return fmt.Errorf("deadlines/%d (%s): %w", i, d.ID, err)
		}
	}
	classes := make(map[string]bool)
	for i, r := range p.Retention {
		if r.Class == "" || classes[r.Class] {
			return fmt.Errorf("retention/%d/class: %q is missing or used twice", i, r.Class)
		}
		classes[r.Class] = true
		if err := r.Keep.Check(); err != nil {
			return fmt.Errorf("retention/%d/keep: %w", i, err)
		}
		if r.Keep.Hours > 0 || r.Keep.WorkingDays > 0 {
			return fmt.Errorf("retention/%d/keep: records are kept for days, months or years", i)
		}
	}
	return p.Labels.check()
}

func (d *Deadline) check(codes map[string]bool) error {
	if !slices.Contains(duties, d.Duty) {
		return fmt.Errorf("duty: %q is not one of %s", d.Duty, strings.Join(duties, ", "))
	}
	if d.Violation != "" && !codes[d.Violation] {
		return fmt.Errorf("violation: the pack has no %q", d.Violation)
	}
	if d.Party == "" {
		return errors.New("party: a duty is somebody's")
	}
	if len(d.Stops) == 0 {
		return errors.New("stops: a deadline that nothing meets cannot be told from a breach")
	}
	for _, t := range slices.Concat([]Trigger{d.Starts}, d.Stops, d.Restarts) {
		if t.Event == "" || t.Case == "" {
			return errors.New("starts, stops: each needs an event and a case")
		}
	}
	if x := d.Extension; x != nil {
		if x.Event.Event == "" || x.Event.Case == "" {
			return errors.New("extension/event: it needs an event and a case")
		}
		if err := x.AtMost.Check(); err != nil {
			return fmt.Errorf("extension/at_most: %w", err)
		}
	}
	if d.DueField != "" {
		if d.Length != (Period{}) || d.Extension != nil {
			return errors.New("due_field: a deadline set case by case has neither length nor extension")
		}
		return nil
	}
	if err := d.Length.Check(); err != nil {
		return fmt.Errorf("length: %w", err)
	}
	return nil
}

// ParsePack reads and checks a pack.
func ParsePack(b []byte) (*Pack, error) {
	var p Pack
	if err := parse(b, &p); err != nil {
		return nil, err
	}
	return &p, p.Check()
}

// ParseCalendar reads, checks and compiles a calendar.
func ParseCalendar(b []byte) (*Counter, error) {
	var c Calendar
	if err := parse(b, &c); err != nil {
		return nil, err
	}
	return c.Compile()
}

// parse reads strictly: a misspelt member would silently be a rule left out.
func parse(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}
