package events

import (
	"errors"
	"flag"
	"fmt"
	"maps"
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

func (w world) states(e Event, signer []byte) States {
	return States{Recorded: sampleNow, Signer: signer, Time: e.Time, Imported: e.Imported, Of: func(s Subject) any {
		if state, ok := w[s]; ok {
			return state
		}
		return StateOf(s.Kind)
	}}
}

// admit checks an event and, if it may happen, applies it.
func (w world) admit(s step) error {
	t, ok := Lookup(s.typ)
	if !ok {
		return unknownType(s.typ)
	}
	e := sampleEvent(s.typ)
	e.Data, e.Imported = s.data, s.imported
	if s.at != 0 {
		e.Time, e.EffectiveFrom, e.EffectiveTo = s.at, 0, 0
	}
	if err := e.Validate(sampleNow); err != nil {
		return err
	}
	if err := e.Split(); err != nil {
		return err
	}
	if err := t.Check(e.Data, w.states(e, s.signer)); err != nil {
		return err
	}
	if t.Stateful() {
		state, ok := w[s.data.Subject()]
		if !ok {
			state = t.NewState()
		}
		w[s.data.Subject()] = t.Apply(e.Data, state)
	}
	return nil
}

// A step is an event in a history or a case.
type step struct {
	name     string
	typ      string
	data     Data
	imported bool
	at       Time // 0: the sample's
	signer   []byte
}

// of is a step of the type with the sample's data, named by the type.
func of(typ string) step { return step{name: typ, typ: typ, data: samples()[typ]} }

// all are such steps.
func all(types ...string) []step {
	var out []step
	for _, t := range types {
		out = append(out, of(t))
	}
	return out
}

func submit(version int, kind string) step {
	return step{name: fmt.Sprintf("submitted v%d %s", version, kind), typ: "catalog.entry.submitted",
		data: &EntrySubmitted{Entry: "DS02", Version: version, By: "D01", To: "D07", SubmissionKind: kind}}
}
func revise(version int) step {
	return step{name: fmt.Sprintf("revised v%d", version), typ: "catalog.entry.revised", data: revision(version)}
}
func publish(version int) step {
	return step{name: fmt.Sprintf("published v%d", version), typ: "catalog.entry.published", data: &EntryPublished{Entry: "DS02", Version: version, By: "D07"}}
}
func giveBack(version int) step {
	return step{name: fmt.Sprintf("returned v%d", version), typ: "catalog.entry.returned", data: &EntryReturned{Entry: "DS02", Version: version, By: "D07", Reasons: []string{"x"}}}
}
func assess(version int, kind, result string) step {
	return step{name: fmt.Sprintf("assessed v%d %s %s", version, kind, result), typ: "catalog.entry.assessed",
		data: &EntryAssessed{Entry: "DS02", Version: version, By: "D01", Kind: kind, Result: result}}
}
func approve(version int) step {
	return step{name: fmt.Sprintf("approved v%d", version), typ: "catalog.entry.department_approved",
		data: &EntryDepartmentApproved{Entry: "DS02", Version: version, By: "D01", Approver: "head-1", ApproverRole: RoleDepartmentHead}}
}

// approved are the steps from a draft to its department's approval.
func approved(version int) []step {
	return []step{assess(version, AssessSecrecy, "passed"), assess(version, AssessPersonal, "passed"), approve(version)}
}

func answer(outcome string) step {
	a := &RequestAnswered{Request: "R02", By: "D01", Outcome: outcome, ApprovedBy: "head-D01"}
	if outcome != StageGranted {
		a.Ground, a.Reasons = "not_necessary", []string{"x"}
	}
	if outcome == StagePartlyGranted {
		a.Grants = []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"swrq"}}}
	}
	return step{name: "answered " + outcome, typ: "share.request.answered", data: a}
}

func register(id, kind string) step {
	return step{name: "registered " + id, typ: "party.body.registered", data: &PartyRegistered{Party: id, Name: id, Kind: kind, Region: "990000", Level: "provincial"}}
}

func head(party string) step {
	return step{name: "head of " + party, typ: "party.sharing_body.designated", data: &SharingBodyDesignated{Party: party, Unit: "sharing", Head: "head-" + party, From: at(1, 1)}}
}

var (
	drafted   = step{name: "drafted v1", typ: "catalog.entry.drafted", data: ptr(draft())}
	withdrawn = step{name: "withdrawn", typ: "catalog.entry.withdrawn", data: &EntryWithdrawn{Entry: "DS02", By: "D07", Reason: "x"}}
	activated = step{name: "activated", typ: "share.agreement.activated", data: agreement()}
	suspended = step{name: "suspended", typ: "share.agreement.suspended", data: &AgreementSuspended{Agreement: "A02", By: "D07", Cause: "x"}}
	resumed   = step{name: "resumed less swrq", typ: "share.agreement.resumed", data: &AgreementResumed{Agreement: "A02", By: "D07", ItemsRemoved: []ItemRef{{"DS02", "swrq"}}}}
	ended     = step{name: "terminated", typ: "share.agreement.terminated", data: &AgreementTerminated{Agreement: "A02", By: "D03", Cause: "x"}}
	expired   = step{name: "expired", typ: "share.agreement.expired", data: &AgreementExpired{"A02", "D07"}, at: at(12, 30)}
	reported  = step{name: "reported", typ: "quality.issue.reported", data: &QualityIssueReported{
		Issue: "Q03", By: "D03", Entry: "DS02", Dimension: "GB36344:0301", Symptom: "wrong", Severity: "minor", Description: "x"}}
	held     = step{name: "held", typ: "ledger.hold.placed", data: &HoldPlaced{Hold: "case-12", Records: []int64{7}, Ground: "x"}}
	heldMore = step{name: "held for another case", typ: "ledger.hold.placed", data: &HoldPlaced{Hold: "case-13", Records: []int64{7}, Ground: "x"}}
	released = step{name: "released", typ: "ledger.hold.released", data: &HoldReleased{Hold: "case-12", Ground: "x"}}

	// bodies are those that the histories need: two departments with the heads of
	// their sharing bodies, the competent department, a platform.
	bodies    = []step{register("D01", "department"), register("D03", "department"), register("D07", "authority"), register("X1", "platform"), head("D01"), head("D03")}
	inForce   = slices.Concat([]step{drafted}, approved(1), []step{submit(1, "first"), publish(1)})
	version2  = slices.Concat(inForce, []step{revise(2)}, approved(2))
	requested = slices.Concat(inForce, all("share.request.submitted"))
	received  = slices.Concat(requested, all("share.request.received"))
	granted   = slices.Concat(received, []step{answer(StageGranted)})
	active    = slices.Concat(granted, []step{activated})
)

// then appends steps to a history.
func then(history []step, more ...step) []step { return slices.Concat(history, more) }

// changed is a step with its data changed.
func changed[D any, P interface {
	*D
	Data
}](s step, name string, change func(P)) step {
	d := *s.data.(P)
	change(&d)
	s.name, s.data = s.name+" "+name, P(&d)
	return s
}

// run admits the bodies and a history, which must all be admitted.
func run(t *testing.T, history []step) world {
	t.Helper()
	w := world{}
	for _, s := range slices.Concat(bodies, history) {
		if err := w.admit(s); err != nil {
			t.Fatalf("history %s: %s: %v", namesOf(history), s.name, err)
		}
	}
	return w
}

// The rules, as a text: every history that leads to a state, crossed with every
// act on that kind of subject. A changed rule is a changed line.
func TestRules(t *testing.T) {
	var out strings.Builder
	for _, g := range ruleGroups() {
		said := map[string]bool{}
		for _, history := range g.histories {
			fmt.Fprintf(&out, "%s: after %s\n", g.title, namesOf(history))
			w := run(t, history)
			for _, act := range g.acts {
				fmt.Fprintf(&out, "\t%s: %s\n", act.name, outcome(t, maps.Clone(w), act, said))
			}
			out.WriteString("\n")
		}
		for _, text := range sortedKeys(said) {
			fmt.Fprintf(&out, "%s says %s\n", g.title, text)
		}
		out.WriteString("\n")
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

// outcome tells what comes of a step, and notes what a refusal says.
func outcome(t *testing.T, w world, s step, said map[string]bool) string {
	err := w.admit(s)
	if err == nil {
		b, err := json.Marshal(w[s.data.Subject()], json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 400 { // the histories show what the rest says
			return "ok → " + stageLabel(w[s.data.Subject()])
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
	said[fmt.Sprintf("%s: %s; %s", r.Rule, r.Detail, r.Fix)] = true
	return fmt.Sprintf("refused by %s%s, %s being %s", r.Rule, at, r.Subject, r.State)
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

// The needs of an act cover every state its check reads, in all the histories of
// the rules: what is read ahead, the sequencer need not read. What a state names
// is read later, where it decides; such are the parties that one stands for.
func TestNeedsCoverCheck(t *testing.T) {
	for _, g := range ruleGroups() {
		for _, history := range g.histories {
			w := run(t, history)
			for _, act := range g.acts {
				typ, _ := Lookup(act.typ)
				needs := append(typ.Needs(act.data), act.data.Subject())
				s := w.states(Event{Time: at(12, 1)}, nil)
				inner := s.Of
				s.Of = func(sub Subject) any {
					if !slices.Contains(needs, sub) && sub.Kind != KindParty {
						t.Errorf("%s reads %s, which it does not need", act.typ, sub)
					}
					return inner(sub)
				}
				_ = typ.Check(act.data, s) // only what it reads matters here
			}
		}
	}
}
