package rulepack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// Labels are what people call the fields of events and the values of code lists, by
// kind and value: Labels["sharing"]["conditional"]. They say nothing about what is
// allowed, so a label for a value that no event has is harmless.
type Labels map[string]map[string]Text

// LabelKinds are the kinds of what can have a label: the fields of events, and the
// code lists, named for the field that holds the code, or for what it is of.
func LabelKinds() []string {
	return []string{
		"action", "approver_role", "basis", "basis_rank", "capacity", "cause", "confidence", "data_status", "dimension", "field", "format", "frequency", "grade", "ground", "item", "kind",
		"legal", "level", "masking", "method", "onward", "outcome", "personal", "purpose", "reason", "result", "role", "severity", "sharing", "submission_kind",
		"symptom", "trigger", "verdict",
	}
}

// Bounds of a label: characters of a text, bytes of the value that it is for.
const (
	maxLabel      = 120
	maxLabelValue = 64
)

// Of returns the label of a value.
func (l Labels) Of(kind, value string) (Text, bool) {
	t, ok := l[kind][value]
	return t, ok
}

// UnmarshalJSON reads labels. A value that is named twice is refused: it would
// depend on the reader which label counts.
func (l *Labels) UnmarshalJSON(b []byte) error {
	var of map[string]map[string]Text
	if err := json.Unmarshal(b, &of, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("labels: %w", err)
	}
	*l = of
	return nil
}

// check tells what is wrong with labels, naming the member.
func (l Labels) check() error {
	for _, kind := range slices.Sorted(maps.Keys(l)) {
		if !slices.Contains(LabelKinds(), kind) {
			return fmt.Errorf("labels/%s: labels are of %s", kind, strings.Join(LabelKinds(), ", "))
		}
		for _, value := range slices.Sorted(maps.Keys(l[kind])) {
			if value == "" || len(value) > maxLabelValue {
				return fmt.Errorf("labels/%s/%s: a label is for a value of 1 to %d bytes", kind, value, maxLabelValue)
			}
			t := l[kind][value]
			for i, text := range []string{t.EN, t.ZH} {
				if strings.TrimSpace(text) != text || text == "" || utf8.RuneCountInString(text) > maxLabel || strings.ContainsFunc(text, unicode.IsControl) {
					return fmt.Errorf("labels/%s/%s/%s: a label has 1 to %d characters on one line, in both languages", kind, value, []string{"en", "zh"}[i], maxLabel)
				}
			}
		}
	}
	return nil
}

// ShippedLabels are those of the packs that come with the program. They are for
// where no pack in force says what something is called.
var ShippedLabels = sync.OnceValue(func() Labels {
	all := make(Labels)
	for _, text := range Packs() {
		p, err := ParsePack([]byte(text))
		if err != nil {
			panic(err) // embedded: a mistake of this package, found by its tests
		}
		for kind, of := range p.Labels {
			if all[kind] == nil {
				all[kind] = make(map[string]Text)
			}
			maps.Copy(all[kind], of)
		}
	}
	return all
})
