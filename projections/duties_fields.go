package projections

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"ledgerline/events"
	"ledgerline/events/rulepack"
	"ledgerline/ledger"
)

// A trigger reads the fields of an event that rules name.
type trigger struct {
	b      *batch
	e      *ledger.Entry
	fields map[string]any // the event's data as JSON, when it was needed
}

// fits tells whether an event is one that a rule waits for, and of which case.
func (x *trigger) fits(t *rulepack.Trigger) (ok bool, id string, err error) {
	if t.Event != x.e.Event.Type {
		return false, "", nil
	}
	for name, values := range t.When {
		v, err := x.field(name)
		if err != nil || !slices.Contains(values, v) {
			return false, "", err
		}
	}
	id, err = x.field(t.Case)
	return id != "", id, err
}

// moment is what a rule counts from.
func (x *trigger) moment(t *rulepack.Trigger) (events.Time, error) {
	if t.From == "" {
		return x.e.Event.Time, nil
	}
	at, _, err := x.time(t.From)
	return at, err
}

// time reads a field that holds a time. Where it does not, which the pack's author may
// not have noticed, it is that of the event, and told is false.
func (x *trigger) time(name string) (t events.Time, told bool, err error) {
	text, err := x.field(name)
	if err != nil {
		return 0, false, err
	}
	told = t.UnmarshalText([]byte(text)) == nil
	return cmp.Or(t, x.e.Event.Time), told, nil
}

// field reads a field of the event's data, or of what the data names. One that is
// not there is empty.
func (x *trigger) field(name string) (string, error) {
	switch name {
	case "agreement.request":
		id, err := x.field("agreement")
		if err != nil {
			return "", err
		}
		a, err := recall[Agreement](x.b, entityKey(tAgreement, id))
		if err != nil || a == nil {
			return "", err
		}
		return a.Request, nil
	case "entry.provider":
		id, err := x.field("entry")
		if err != nil {
			return "", err
		}
		content, err := x.b.latestContent(id)
		return content.Provider, err
	case "request.provider", "request.consumer", "request.sharing":
		id, err := x.field("request")
		if err != nil {
			return "", err
		}
		q, err := recall[Request](x.b, entityKey(tRequest, id))
		if err != nil || q == nil {
			return "", err
		}
		switch name {
		case "request.provider":
			return q.Provider, nil
		case "request.consumer":
			return q.Consumer, nil
		}
		return x.sharing(q.Asks)
	}
	if x.fields == nil {
		text, err := json.Marshal(x.e.Event.Data)
		if err == nil {
			err = json.Unmarshal(text, &x.fields)
		}
		if err != nil {
			return "", fmt.Errorf("reading the data of a %s for the rules: %w", x.e.Event.Type, err)
		}
	}
	switch v := x.fields[name].(type) {
	case string:
		return v, nil
	case float64: // whole numbers well below 2^53: days, versions
		return fmt.Sprintf("%.0f", v), nil
	}
	return "", nil
}

// strictness orders sharing attributes.
var strictness = []string{events.SharingUnconditional, events.SharingConditional, events.SharingNotShared}

// sharing is the sharing attribute of what is asked for: the strictest one if it
// is of several entries.
func (x *trigger) sharing(asks []events.Ask) (string, error) {
	strictest := 0
	for _, a := range asks {
		content, err := x.b.content(a.Entry, a.EntryVersion)
		if err != nil {
			return "", err
		}
		strictest = max(strictest, slices.Index(strictness, content.Sharing.Attribute))
	}
	return strictness[strictest], nil
}
