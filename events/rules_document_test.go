package events

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRulesDocument keeps docs/rules.md in step with the rules: it is what they
// answer, in every stage of every subject, to every type of event.
func TestRulesDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# What may happen when

<!-- made by: go test ./events -run TestRulesDocument -update -->

Each table is one kind of subject: its stages across, the types of events down. A cell says to what stage an accepted event leads, or
which rule refuses it. A refusal names the rule, the stage and what would be accepted instead. Types marked *fact* are reported facts:
they are accepted in every stage, and a view flags what they break; types without a table are facts of subjects that have no stages.
The rules below a table are asked beside the stage.
`)
	covered := map[string]bool{}
	for _, g := range ruleGroups() {
		writeRules(t, &b, g, covered)
	}
	for _, typ := range Types() {
		if typ.Stateful() && !covered[typ.Name] {
			t.Errorf("%s is in no group of rules", typ.Name)
		}
	}
	golden(t, filepath.Join("..", "docs", "rules.md"), b.String())
}

func writeRules(t *testing.T, b *strings.Builder, g ruleGroup, covered map[string]bool) {
	var stages, types []string
	worlds := map[string][]world{} // by stage: those of one stage may differ in what is refused
	for _, h := range g.histories {
		w := run(t, h)
		stage := stageLabel(w[g.subject])
		if worlds[stage] == nil {
			stages = append(stages, stage)
		}
		worlds[stage] = append(worlds[stage], w)
	}
	rules := map[string]string{}
	cells := map[[2]string][]string{} // by type and stage: where accepted acts lead, or else the first refusal
	for _, act := range g.acts {
		if !covered[act.typ] {
			covered[act.typ], types = true, append(types, act.typ)
		}
		for _, stage := range stages {
			for _, w := range worlds[stage] {
				k := [2]string{act.typ, stage}
				next := cell(t, maps.Clone(w), g.subject, act, rules)
				accepted := strings.HasPrefix(next, "→")
				switch {
				case len(cells[k]) == 0, accepted && !strings.HasPrefix(cells[k][0], "→"):
					cells[k] = []string{next}
				case accepted && !slices.Contains(cells[k], next):
					cells[k] = append(cells[k], next)
				}
			}
		}
	}
	fmt.Fprintf(b, "\n## %s\n\n| | %s |\n|---|%s\n", g.title, strings.Join(stages, " | "), strings.Repeat("---|", len(stages)))
	for _, name := range types {
		typ, _ := Lookup(name)
		fmt.Fprintf(b, "| `%s`", name)
		if typ.Fact {
			b.WriteString(" *fact*")
		}
		for _, stage := range stages {
			fmt.Fprintf(b, " | %s", strings.Join(cells[[2]string{name, stage}], "<br>"))
		}
		b.WriteString(" |\n")
	}
	b.WriteString("\n")
	for _, rule := range sortedKeys(rules) {
		if !strings.HasSuffix(rule, ".stage") {
			fmt.Fprintf(b, "- `%s`: %s\n", rule, rules[rule])
		}
	}
}

// cell tries an act and notes the rule that refuses it, with its first example.
func cell(t *testing.T, w world, sub Subject, act step, rules map[string]string) string {
	err := w.admit(act)
	if err == nil {
		return "→ " + stageLabel(w[sub])
	}
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("%s: not a refusal: %v", act.name, err)
	}
	if rules[r.Rule] == "" {
		rules[r.Rule] = r.Detail + "; " + r.Fix
	}
	return "`" + r.Rule + "`"
}

// stageLabel names the stage of a state.
func stageLabel(state any) string {
	if state == nil {
		return "(none)"
	}
	if e, ok := state.(*Entry); ok {
		return regexp.MustCompile(` v\d+`).ReplaceAllString(e.stage(), "")
	}
	if p, ok := state.(*Payload); ok {
		return fmt.Sprintf("%d held", len(p.Holds))
	}
	if s, ok := state.(*Signers); ok {
		var keys []string
		for _, k := range s.Keys {
			keys = append(keys, k.State)
		}
		if s.Required {
			keys = append(keys, "signing required")
		}
		return strings.Join(keys, ", ")
	}
	v := reflect.ValueOf(state).Elem()
	if f := v.FieldByName("Stage"); f.IsValid() {
		if f.String() == "" {
			return "(none)"
		}
		return f.String()
	}
	return fmt.Sprintf("version %d", v.FieldByName("Version").Int())
}
