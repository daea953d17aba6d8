package events

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/quick"

	"github.com/go-json-experiment/json"
)

var update = flag.Bool("update", false, "rewrite golden files")

// A world is a set of subjects' states, moved as the ledger moves them.
type world map[Subject]any

func (w world) states() States {
	return States{Recorded: sampleNow, Of: func(s Subject) any {
		if state, ok := w[s]; ok {
			return state
		}
		return StateOf(s.Kind)
	}}
}

// admit checks an event and, if it may happen, applies it.
func (w world) admit(typ string, d Data) error {
	t, ok := Lookup(typ)
	if !ok {
		return unknownType(typ)
	}
	e := sampleEvent(typ)
	e.Data = d
	if err := e.Validate(sampleNow); err != nil {
		return err
	}
	if err := e.Split(); err != nil {
		return err
	}
	if err := t.Check(e.Data, w.states()); err != nil {
		return err
	}
	if t.Stateful() {
		state, ok := w[d.Subject()]
		if !ok {
			state = t.NewState()
		}
		w[d.Subject()] = t.Apply(e.Data, state)
	}
	return nil
}

// A step is an event in a history or a case.
type step struct {
	name string
	typ  string
	data Data
}

func submit(version int, kind string) step {
	return step{fmt.Sprintf("submitted v%d %s", version, kind), "catalog.entry.submitted", &EntrySubmitted{"DS02", version, "D07", kind}}
}
func revise(version int) step {
	return step{fmt.Sprintf("revised v%d", version), "catalog.entry.revised", revision(version)}
}
func publish(version int) step {
	return step{fmt.Sprintf("published v%d", version), "catalog.entry.published", &EntryPublished{Entry: "DS02", Version: version, By: "D07"}}
}
func giveBack(version int) step {
	return step{fmt.Sprintf("returned v%d", version), "catalog.entry.returned", &EntryReturned{Entry: "DS02", Version: version, By: "D07", Reasons: []string{"x"}}}
}

var (
	drafted   = step{"drafted v1", "catalog.entry.drafted", ptr(draft())}
	withdrawn = step{"withdrawn", "catalog.entry.withdrawn", &EntryWithdrawn{Entry: "DS02", By: "D07", Reason: "x"}}
	activated = step{"activated", "share.agreement.activated", agreement()}
	suspended = step{"suspended", "share.agreement.suspended", &AgreementSuspended{Agreement: "A02", By: "D07", Cause: "x"}}
	resumed   = step{"resumed less swrq", "share.agreement.resumed", &AgreementResumed{Agreement: "A02", By: "D07", ItemsRemoved: []ItemRef{{"DS02", "swrq"}}}}
	ended     = step{"terminated", "share.agreement.terminated", &AgreementTerminated{Agreement: "A02", By: "D03", Cause: "x"}}
	reported  = step{"reported", "quality.issue.reported", &QualityIssueReported{
		Issue: "Q1", By: "D03", Entry: "DS02", Dimension: "GB36344:0301", Symptom: "wrong", Severity: "minor", Description: "x"}}
	held     = step{"held", "ledger.hold.placed", &HoldPlaced{Hold: "case-12", Records: []int64{7}, Ground: "x"}}
	heldMore = step{"held for another case", "ledger.hold.placed", &HoldPlaced{Hold: "case-13", Records: []int64{7}, Ground: "x"}}
	released = step{"released", "ledger.hold.released", &HoldReleased{Hold: "case-12", Ground: "x"}}
	closed   = step{"closed", "quality.issue.closed", &QualityIssueClosed{Issue: "Q1", By: "D03", Outcome: "fixed", Reason: "x"}}
)

func register(id string) step {
	return step{"registered " + id, "party.body.registered", &PartyRegistered{Party: id, Name: id, Kind: "department", Region: "990000", Level: "provincial"}}
}

// changed is a step with its data changed.
func changed[D any, P interface {
	*D
	Data
}](s step, name string, change func(P)) step {
	d := *s.data.(P)
	change(&d)
	return step{s.name + " " + name, s.typ, P(&d)}
}

// The rules, as a text: every history that leads to a state, crossed with every
// act on that kind of subject. A changed rule is a changed line.
func TestRules(t *testing.T) {
	parties := []step{register("D01"), register("D03"), register("D07"), register("X1")}
	inForce := []step{drafted, submit(1, "first"), publish(1)}
	active := slices.Concat(inForce, []step{activated})
	groups := []struct {
		title     string
		histories [][]step
		acts      []step
	}{
		{"payload", [][]step{nil, {held}, {held, heldMore}, {held, released}}, []step{held, released,
			{"erased", "ledger.payload.erased", samples()["ledger.payload.erased"]}}},
		{"party", [][]step{nil, {register("D09")}}, []step{register("D09")}},
		{"entry", [][]step{
			nil, {drafted}, {drafted, submit(1, "first")}, {drafted, submit(1, "first"), giveBack(1)}, inForce,
			slices.Concat(inForce, []step{revise(2)}), slices.Concat(inForce, []step{revise(2), submit(2, "update")}),
			slices.Concat(inForce, []step{revise(2), submit(2, "update"), publish(2)}),
			slices.Concat(inForce, []step{submit(1, "withdrawal")}), slices.Concat(inForce, []step{submit(1, "withdrawal"), giveBack(1)}),
			slices.Concat(inForce, []step{withdrawn}),
		}, []step{
			drafted, revise(1), revise(2), revise(3), submit(1, "first"), submit(1, "update"), submit(2, "update"), submit(1, "withdrawal"),
			giveBack(1), giveBack(2), publish(1), publish(2),
			changed(publish(1), "by D01", func(e *EntryPublished) { e.By = "D01" }), withdrawn,
			changed(drafted, "of D99", func(e *EntryDrafted) { e.Provider = "D99" }),
			changed(submit(1, "first"), "to D99", func(e *EntrySubmitted) { e.To = "D99" }),
			changed(withdrawn, "by D99", func(e *EntryWithdrawn) { e.By = "D99" }),
		}},
		{"agreement", [][]step{
			nil, {drafted}, inForce, slices.Concat(inForce, []step{revise(2), submit(2, "update"), publish(2)}), slices.Concat(inForce, []step{withdrawn}),
			active, slices.Concat(active, []step{suspended}), slices.Concat(active, []step{suspended, resumed}), slices.Concat(active, []step{ended}),
		}, []step{
			activated,
			changed(activated, "v2", func(a *AgreementActivated) {
				a.Grants = []Grant{{Entry: "DS02", EntryVersion: 2, Items: []string{"swrq"}}}
			}),
			changed(activated, "not-shared item", func(a *AgreementActivated) {
				a.Grants = []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"swrq", "zxyy"}}}
			}),
			changed(activated, "unknown item", func(a *AgreementActivated) {
				a.Grants = []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"lxdh"}}}
			}),
			changed(activated, "to D99", func(a *AgreementActivated) { a.Consumer = "D99" }),
			changed(activated, "of D99", func(a *AgreementActivated) { a.Provider = "D99" }),
			changed(activated, "onward D99", func(a *AgreementActivated) { a.OnwardTo = []string{"D99"} }),
			suspended, resumed,
			changed(resumed, "and gmsfhm", func(a *AgreementResumed) { a.ItemsRemoved = []ItemRef{{"DS02", "swrq"}, {"DS02", "gmsfhm"}} }),
			changed(suspended, "by D99", func(a *AgreementSuspended) { a.By = "D99" }),
			ended, changed(ended, "by provider", func(a *AgreementTerminated) { a.By = "D01" }),
			changed(ended, "by provider, filed", func(a *AgreementTerminated) { a.By, a.FilingRef = "D01", "B-1" }),
		}},
		{"issue", [][]step{nil, {reported}, {reported, closed}, {reported, closed, reported}},
			[]step{reported, closed, changed(closed, "by D99", func(e *QualityIssueClosed) { e.By = "D99" })}},
	}
	var out strings.Builder
	for _, g := range groups {
		for _, history := range g.histories {
			fmt.Fprintf(&out, "%s: after %s\n", g.title, namesOf(history))
			for _, act := range g.acts {
				w := world{}
				for _, s := range slices.Concat(parties, history) {
					if err := w.admit(s.typ, s.data); err != nil {
						t.Fatalf("history %s: %s: %v", namesOf(history), s.name, err)
					}
				}
				fmt.Fprintf(&out, "\t%s: %s\n", act.name, outcome(t, w, act))
			}
			out.WriteString("\n")
		}
	}
	golden(t, "testdata/rules.txt", out.String())
}

func namesOf(history []step) string {
	if len(history) == 0 {
		return "nothing"
	}
	var names []string
	for _, s := range history {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

func outcome(t *testing.T, w world, s step) string {
	err := w.admit(s.typ, s.data)
	if err == nil {
		b, err := json.Marshal(w[s.data.Subject()], json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		return "ok → " + string(b)
	}
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("%s: not a refusal: %v", s.name, err)
	}
	if r.Class != Illegal || r.Detail == "" || r.Fix == "" || r.State == "" {
		t.Errorf("%s: a refusal by a rule of state says its class, state, detail and fix: %+v", s.name, r)
	}
	at := ""
	if r.Field != "" {
		at = " at " + r.Field
	}
	return fmt.Sprintf("refused by %s%s, %s being %s: %s; %s", r.Rule, at, r.Subject, r.State, r.Detail, r.Fix)
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./events -update", err)
	}
	if got != string(want) {
		a, b := strings.Split(string(want), "\n"), strings.Split(got, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("%s:%d differs; if that is meant: go test ./events -update\nwant %s\ngot  %s", file, i+1, a[i], b[i])
			}
		}
		t.Fatalf("%s has %d lines, got %d; if that is meant: go test ./events -update", file, len(a), len(b))
	}
}

// apply takes any data on any state: it never panics, and never writes into
// what the old state holds. check never panics either.
func TestApplyIsTotal(t *testing.T) {
	for _, typ := range Types() {
		if !typ.Stateful() {
			continue
		}
		t.Run(typ.Name, func(t *testing.T) {
			data, state := reflect.TypeOf(typ.NewData()), reflect.TypeOf(typ.NewState())
			property := reflect.MakeFunc(reflect.FuncOf([]reflect.Type{state, data, data}, []reflect.Type{reflect.TypeFor[bool]()}, false),
				func(in []reflect.Value) []reflect.Value {
					return []reflect.Value{reflect.ValueOf(totalOn(t, typ, in[0].Interface(), in[1].Interface().(Data), in[2].Interface().(Data)))}
				})
			if err := quick.Check(property.Interface(), &quick.Config{MaxCount: 200}); err != nil {
				t.Error(err)
			}
		})
	}
}

func totalOn(t *testing.T, typ Type, state any, datas ...Data) bool {
	if reflect.ValueOf(state).IsNil() {
		state = typ.NewState()
	}
	for _, d := range datas {
		if !typ.holds(d) {
			continue
		}
		s := States{Of: func(sub Subject) any {
			if sub == d.Subject() {
				return state
			}
			return StateOf(sub.Kind)
		}}
		typ.Needs(d)
		_ = typ.Check(d, s) // may refuse; may not panic
		before := fmt.Sprintf("%#v", state)
		next := typ.Apply(d, state)
		if after := fmt.Sprintf("%#v", state); after != before {
			t.Errorf("apply changed the state it was given:\n%s\n%s", before, after)
			return false
		}
		state = next
	}
	return true
}

// The needs of an act cover every state its check reads.
func TestNeedsCoverCheck(t *testing.T) {
	for _, typ := range Types() {
		d := samples()[typ.Name]
		needs := append(typ.Needs(d), d.Subject())
		for _, stage := range []string{"", StageDrafted, StageSubmitted, StagePublished, StageActive, StageSuspended, StageReported} {
			s := States{Of: func(sub Subject) any {
				found := false
				for _, n := range needs {
					found = found || n == sub
				}
				if !found {
					t.Errorf("%s reads %s, which it does not need", typ.Name, sub)
				}
				switch sub.Kind {
				case KindParty:
					return &Party{Registered: sub != d.Subject()}
				case KindEntry:
					return &Entry{Stage: stage, Version: 1, Published: 1, To: "D07", Versions: []EntryVersionState{{Version: 1, Published: true, Items: []string{"gmsfhm", "swrq"}}}}
				case KindAgreement:
					return &Agreement{Stage: stage, Grants: []GrantState{{"DS02", []string{"gmsfhm", "swrq"}}}}
				}
				return &Issue{Stage: stage}
			}}
			_ = typ.Check(d, s) // only what it reads matters here
		}
	}
}
