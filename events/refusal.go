package events

import (
	"fmt"
	"slices"
	"strings"
)

// Refusal says why an event was not admitted and what would be. It is the
// answer to the producer, so every field is written to be shown.
type Refusal struct {
	// Rule is a stable identifier, such as "agreement.items-granted" or
	// "field.required".
	Rule string
	// Class tells apart what the caller has to do; it decides the HTTP status.
	Class Class
	// Field is the JSON pointer of the offending field, if one is to blame.
	Field string
	// Subject and State are what the rule looked at, if it looked at a state.
	Subject Subject
	State   string
	// Detail says what is wrong; Fix says what would be accepted.
	Detail, Fix string
	// Index is the place of the event in its batch, from 0.
	Index int
}

// Class of a refusal.
type Class int

const (
	// Malformed: the event cannot be read as what it claims to be (400).
	Malformed Class = iota
	// Illegal: well formed, but the rule forbids it in the current state (409).
	Illegal
	// Stale: the expected subject version is not the current one (412).
	Stale
	// Conflict: the same source and id were used for other content (409).
	Conflict
	// TooLarge: a stated limit is exceeded (413).
	TooLarge
	// Forbidden: the principal may not do this (403).
	Forbidden
)

func (r *Refusal) Error() string {
	s := r.Rule + ": " + r.Detail
	if r.Field != "" {
		s = r.Rule + " at " + r.Field + ": " + r.Detail
	}
	if r.Fix != "" {
		s += "; " + r.Fix
	}
	return s
}

// illegal refuses an act in the present state of its subject.
func illegal(rule string, sub Subject, state, detail, fix string, args ...any) *Refusal {
	return &Refusal{Rule: rule, Class: Illegal, Subject: sub, State: state, Detail: detail, Fix: fmt.Sprintf(fix, args...)}
}

// malformed refuses an event for one of its fields.
func malformed(rule, field, detail, fix string) *Refusal {
	return &Refusal{Rule: rule, Class: Malformed, Field: field, Detail: detail, Fix: fix}
}

// unknownType refuses an event of a type that is not in the vocabulary. The fix is
// the word most likely meant, or the types of the same context, or the contexts.
func unknownType(name string) *Refusal {
	var known, beside, contexts []string
	begin, _, _ := strings.Cut(name, ".")
	for _, t := range Types() {
		if t.Reserved {
			continue
		}
		known = append(known, t.Name)
		context, _, _ := strings.Cut(t.Name, ".")
		if context == begin {
			beside = append(beside, t.Name)
		}
		if !slices.Contains(contexts, context) {
			contexts = append(contexts, context)
		}
	}
	fix := "types begin with one of " + list(contexts) + "; docs/events.md lists them"
	if near := nearest(name, known); near != "" {
		fix = fmt.Sprintf("did you mean %q?", near)
	} else if beside != nil {
		fix = "send one of " + list(beside)
	}
	return malformed("type.unknown", "/type", "no event type is named "+quote(name), fix)
}
