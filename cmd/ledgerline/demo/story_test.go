package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"ledgerline/events"
	"ledgerline/events/openlineage"
)

// told is a step with its event decoded.
type told struct {
	Step
	event events.Event
}

// toldEvents decodes the CloudEvents of the story, strictly, in order.
func toldEvents(t *testing.T) []told {
	t.Helper()
	var all []told
	for _, s := range Story() {
		if s.Kind != KindEvent {
			continue
		}
		e, err := events.DecodeStructured(s.Body)
		if err != nil {
			t.Fatalf("%s: %v\n%s", s.Note, err, s.Body)
		}
		if err := e.Merge(); err != nil {
			t.Fatalf("%s: %v", s.Note, err)
		}
		all = append(all, told{s, e})
	}
	return all
}

// toldRuns reads the OpenLineage events of the story, in order.
func toldRuns(t *testing.T) []*events.OpenLineageReceived {
	t.Helper()
	var all []*events.OpenLineageReceived
	for _, s := range Story() {
		if s.Kind != KindOpenLineage {
			continue
		}
		r, _, err := openlineage.Read(s.Body)
		if err != nil {
			t.Fatalf("%s: %v\n%s", s.Note, err, s.Body)
		}
		if !r.Verdict.Conformant {
			t.Fatalf("%s does not conform: %+v\n%s", s.Note, r.Verdict.Findings, s.Body)
		}
		all = append(all, r)
	}
	return all
}

// dataOf selects the events whose data is a D.
func dataOf[D any](all []told) []*D {
	var list []*D
	for _, e := range all {
		if d, ok := any(e.event.Data).(*D); ok {
			list = append(list, d)
		}
	}
	return list
}

func TestStoryIsOrdered(t *testing.T) {
	steps := Story()
	at := Opening()
	for i, s := range steps {
		if s.At.Before(at) {
			t.Errorf("step %d (%s) is recorded at %s, before the one before it", i, s.Note, s.At)
		}
		if s.Note == "" {
			t.Errorf("step %d says nothing", i)
		}
		at = s.At
	}
	if end := day("2026-04-01"); !at.Before(end) {
		t.Errorf("the last step is at %s, after March 2026", at)
	}
}

// A change of the story is welcome; this test only says that there was one.
// Ledgers that were loaded before it would record the changed events beside the
// old ones, or refuse them.
const storyHash = "8a21ac0cb2594b3df81e923ea1c072093aaca9fd98c2d811259eaceb47bd7e2a"

func TestStoryIsTheSameEveryTime(t *testing.T) {
	h := sha256.New()
	for _, s := range Story() {
		fmt.Fprintf(h, "%d %s %d\n", s.At.UnixMicro(), s.Kind, len(s.Body))
		h.Write(s.Body)
		io.WriteString(h, "\n")
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != storyHash {
		t.Errorf("the story's hash is %s; if the change is meant, set storyHash to it", got)
	}
}

func TestCounts(t *testing.T) {
	got := map[string]int{}
	for _, e := range toldEvents(t) {
		got[e.event.Type]++
	}
	runs := map[string]bool{}
	jobs := map[string]bool{}
	for _, r := range toldRuns(t) {
		got[r.EventType]++
		runs[r.Run] = true
		jobs[r.Job.Name] = true
	}
	got["runs"], got["jobs"] = len(runs), len(jobs)
	calls := 0
	for _, b := range dataOf[events.BatchSealed](toldEvents(t)) {
		calls += b.CountOK + b.CountDenied
	}
	if millions := fmt.Sprintf("%.1f million", float64(calls)/1e6); !strings.Contains(Tour(""), millions) {
		t.Errorf("the tour does not say that batches stand for %s calls", millions)
	}
	want := map[string]int{
		"access.batch.sealed": 4308, "access.call.denied": 6, "access.call.recorded": 304, "access.gap.declared": 1,
		"catalog.entry.assessed": 82, "catalog.entry.department_approved": 41, "catalog.entry.drafted": 26, "catalog.entry.published": 40,
		"catalog.entry.returned": 1, "catalog.entry.revised": 15, "catalog.entry.submitted": 42, "catalog.entry.withdrawn": 1,
		"catalog.resource.attached": 1, "catalog.resource.detached": 1, "catalog.resource.refreshed": 6, "catalog.update_duty.closed": 1,
		"catalog.update_duty.opened": 3,
		"correction.propagated":      1, "correction.request.answered": 51, "correction.request.received": 51,
		"disposal.accepted": 1, "disposal.duty.opened": 1, "disposal.performed": 1,
		"dispute.closed": 1, "dispute.coordinated": 1, "dispute.escalated": 1, "dispute.negotiated": 1, "dispute.raised": 1,
		"oversight.rectification.accepted": 1, "oversight.rectification.ordered": 1, "oversight.rectification.reported": 1,
		"party.body.merged": 1, "party.body.registered": 13, "party.role.assigned": 15, "party.sharing_body.designated": 11,
		"quality.issue.accepted": 53, "quality.issue.assigned": 53, "quality.issue.closed": 52, "quality.issue.marked": 2, "quality.issue.rechecked": 50,
		"quality.issue.rectified": 50, "quality.issue.reported": 60, "quality.issue.unmarked": 1, "quality.rule.published": 16,
		"quality.run.completed":        112,
		"reference.calendar.published": 2, "reference.rulepack.published": 2,
		"rights.request.answered": 1, "rights.request.received": 1,
		"security.incident.closed": 1, "security.incident.contained": 1, "security.incident.detected": 1, "security.incident.reported": 1,
		"share.agreement.activated": 18, "share.agreement.fulfilled": 1, "share.agreement.resumed": 1, "share.agreement.suspended": 1,
		"share.delivery.acknowledged": 64, "share.delivery.completed": 64, "share.provision.changed": 1, "share.provision.made_available": 15,
		"share.recall.confirmed": 1, "share.recall.issued": 1, "share.request.answered": 16, "share.request.extended": 1, "share.request.received": 15,
		"share.request.submitted": 15, "share.request.supplement_requested": 1, "share.request.supplemented": 1, "share.return_flow.delivered": 6,
		"usage.duplicate_collection.reported": 1, "usage.record.made": 2,
		"COMPLETE": 1904, "FAIL": 6, "START": 1910, "jobs": 14, "runs": 1910,
	}
	if !maps.Equal(got, want) {
		t.Errorf("the story has %v, want %v", got, want)
	}
	for _, n := range []string{"13 bodies", "26 catalog", "40 versions", "18 agreements", "310 single calls", "4308 batches", "60 findings", "1910 runs of 14 jobs"} {
		if !strings.Contains(Tour(""), n) {
			t.Errorf("the tour does not say %q", n)
		}
	}
}

// Every event is valid when it is recorded, its id is its own, and every act is
// admitted in the state that the story has then reached.
func TestTheLedgerWillAdmitTheStory(t *testing.T) {
	states := map[events.Subject]any{}
	seen := map[[2]string]bool{}
	for _, e := range toldEvents(t) {
		recorded := events.TimeOf(e.At)
		if err := e.event.Validate(recorded); err != nil {
			t.Errorf("%s: %v", e.Note, err)
		}
		if key := [2]string{e.event.Source, e.event.ID}; seen[key] {
			t.Errorf("%s: the id %s is used twice", e.Note, e.event.ID)
		} else {
			seen[key] = true
		}
		typ, _ := events.Lookup(e.event.Type)
		sub := e.event.Data.Subject()
		err := typ.Check(e.event.Data, events.States{Recorded: recorded, Time: e.event.Time, Imported: e.event.Imported, Of: func(s events.Subject) any {
			if state, ok := states[s]; ok {
				return state
			}
			return events.StateOf(s.Kind)
		}})
		if err != nil {
			t.Errorf("%s: %v", e.Note, err)
		}
		if !typ.Stateful() {
			continue
		}
		if states[sub] == nil {
			states[sub] = typ.NewState()
		}
		states[sub] = typ.Apply(e.event.Data, states[sub])
	}
}

// What the events refer to is there.
func TestReferencesResolve(t *testing.T) {
	all := toldEvents(t)
	known := map[string]bool{} // parties
	items := map[string]map[int][]string{}
	tables := map[events.DatasetRef]string{}
	runs := map[string]bool{}
	for _, r := range toldRuns(t) {
		runs[r.Run] = true
	}
	for _, p := range dataOf[events.PartyRegistered](all) {
		known[p.Party] = true
	}
	draft := func(d *events.EntryDrafted) {
		if items[d.Entry] == nil {
			items[d.Entry] = map[int][]string{}
		}
		items[d.Entry][d.Version] = nil
		for _, it := range d.Items {
			items[d.Entry][d.Version] = append(items[d.Entry][d.Version], it.ID)
		}
		for _, r := range d.Resources {
			tables[events.DatasetRef{Namespace: r.Namespace, Name: r.Name}] = d.Entry
		}
		for _, id := range append(slices.Clone(d.DerivedFrom), d.Entry) {
			entryOf(id) // panics for an unknown one
		}
	}
	for _, d := range dataOf[events.EntryDrafted](all) {
		draft(d)
	}
	for _, d := range dataOf[events.ResourceAttached](all) {
		tables[d.Dataset] = d.Entry
	}
	for _, d := range dataOf[events.EntryRevised](all) {
		draft((*events.EntryDrafted)(d))
	}
	within := func(what, entry string, version int, columns []string) {
		for _, c := range columns {
			if !slices.Contains(items[entry][version], c) {
				t.Errorf("%s: %s v%d has no item %s", what, entry, version, c)
			}
		}
	}
	parties := func(what string, ids ...string) {
		for _, id := range ids {
			if id != "" && !known[id] {
				t.Errorf("%s: no party %s", what, id)
			}
		}
	}
	agreements := map[string]bool{"": true}
	for _, a := range dataOf[events.AgreementActivated](all) {
		agreements[a.Agreement] = true
		for _, g := range a.Grants {
			within(a.Agreement, g.Entry, g.EntryVersion, g.Items)
			e := entryOf(g.Entry)
			if e.provider != a.Provider {
				t.Errorf("%s of %s grants %s, which is %s's", a.Agreement, a.Provider, g.Entry, e.provider)
			}
			// A grant keeps to the purposes of what is shared on conditions.
			if e.sharing == conditional && !slices.Contains(e.purposes, a.Purposes[0]) {
				t.Errorf("%s grants %s for %s, which its conditions do not name", a.Agreement, g.Entry, a.Purposes[0])
			}
		}
	}
	for _, a := range dataOf[events.AccessRecorded](all) {
		within(a.Call, a.Entry, a.EntryVersion, a.Columns)
		parties(a.Call, a.Provider, a.Consumer, a.Operator)
		if tables[a.Dataset] != a.Entry || !agreements[a.Agreement] || a.Provider != entryOf(a.Entry).provider {
			t.Errorf("%s names %v, %s and %q, which do not belong together", a.Call, a.Dataset, a.Provider, a.Agreement)
		}
	}
	for _, q := range dataOf[events.QualityIssueReported](all) {
		within(q.Issue, q.Entry, q.EntryVersion, q.Items)
		parties(q.Issue, q.By)
		if tables[q.Dataset] != q.Entry || !agreements[q.Agreement] || q.Run != "" && !runs[q.Run] {
			t.Errorf("%s names %v, %q and run %q, which do not belong together", q.Issue, q.Dataset, q.Agreement, q.Run)
		}
	}
	for _, q := range dataOf[events.QualityIssueClosed](all) {
		if q.FixedByRun != "" && !runs[q.FixedByRun] {
			t.Errorf("%s was fixed by the unknown run %s", q.Issue, q.FixedByRun)
		}
	}
}

// Every column that a run names is a column of the table as it then was, and
// every run that starts ends.
func TestRunsAreWhole(t *testing.T) {
	open := map[string]bool{}
	for _, r := range toldRuns(t) {
		switch r.EventType {
		case "START":
			open[r.Run] = true
		default:
			if !open[r.Run] {
				t.Errorf("run %s ends without having begun", r.Run)
			}
			delete(open, r.Run)
		}
		if r.EventType != "COMPLETE" {
			continue
		}
		columns := map[string]bool{}
		add := func(namespace, name string, fields []events.LineageField) {
			for _, f := range fields {
				columns[namespace+"/"+name+"#"+f.Name] = true
			}
		}
		for _, in := range r.Inputs {
			add(in.Namespace, in.Name, in.Fields)
		}
		for _, out := range r.Outputs {
			read := slices.Clone(out.DatasetLineage)
			for _, c := range out.ColumnLineage {
				if !slices.ContainsFunc(out.Fields, func(f events.LineageField) bool { return f.Name == c.Field }) {
					t.Errorf("%s makes the column %s, which %s does not have", r.Job.Name, c.Field, out.Name)
				}
				read = append(read, c.Inputs...)
			}
			if len(read) == 0 {
				t.Errorf("%s at %s says nothing of columns", r.Job.Name, r.EventTime)
			}
			for _, c := range read {
				if !columns[c.Namespace+"/"+c.Name+"#"+c.Field] {
					t.Errorf("%s reads %s#%s, which is no column of its inputs", r.Job.Name, c.Name, c.Field)
				}
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("%d runs never end", len(open))
	}
}

// The gateway numbers its calls without gaps, in the order in which the ledger
// hears of them; some of them late.
func TestTheGatewayNumbersItsCalls(t *testing.T) {
	seq, late := uint64(0), 0
	for _, e := range toldEvents(t) {
		if e.event.Producer == nil {
			continue
		}
		if seq++; e.event.Producer.Seq != seq {
			t.Fatalf("call %s has the number %d, want %d", e.event.ID, e.event.Producer.Seq, seq)
		}
		if e.At.Sub(e.event.Time.Std()) > time.Hour {
			late++
		}
	}
	if late != 3 {
		t.Errorf("%d calls are recorded late, want 3", late)
	}
}
