package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
)

// A Workload makes events, the same ones from the same seed. Each stands alone
// on what setup recorded, so that any number of writers may send them in any
// order and none is refused.
type Workload struct {
	rng  *rand.Rand
	next int // of ids
	at   events.Time
}

const (
	parties    = 50
	entries    = 300
	agreements = 300
	jobs       = 400
)

func NewWorkload() *Workload {
	return &Workload{
		rng: rand.New(rand.NewPCG(1, 2)),
		at:  events.TimeOf(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)),
	}
}

var columns = []string{"gmsfhm", "xm", "swrq", "djjg", "zxrq", "lxdh", "zz", "ly"}

const purpose = "benefit_eligibility"

// event gives data an id, and a time some milliseconds after the event before.
func (w *Workload) event(typ string, data events.Data) events.Event {
	w.next++
	w.at += events.Time(1000 + w.rng.IntN(10_000))
	return events.Event{
		ID: fmt.Sprintf("e-%012d", w.next), Source: "https://exchange.example/platform", Type: typ, Schema: 1, Time: w.at,
		Principal: "dev", Data: data, // whom a server without tokens takes everybody for
	}
}

func party(i int) string     { return fmt.Sprintf("P%03d", i%parties) }
func entry(i int) string     { return fmt.Sprintf("DS%04d", i%entries) }
func agreement(i int) string { return fmt.Sprintf("A%04d", i%agreements) }

// setup are the parties, published entries and agreements in force that the
// other events speak of.
func (w *Workload) setup() (list []events.Event) {
	for i := range parties {
		kind := "department"
		if i == 0 {
			kind = "authority" // the competent department of all
		}
		list = append(list, w.event("party.body.registered", &events.PartyRegistered{
			Party: party(i), Name: "机关 " + party(i), Kind: kind, Region: "990000", Level: "provincial",
		}))
	}
	for i := range entries {
		list = append(list,
			w.event("catalog.entry.drafted", w.draft(entry(i), i)),
			w.event("catalog.entry.assessed", &events.EntryAssessed{Entry: entry(i), Version: 1, By: party(i), Kind: events.AssessSecrecy, Result: "passed"}),
			w.event("catalog.entry.assessed", &events.EntryAssessed{Entry: entry(i), Version: 1, By: party(i), Kind: events.AssessPersonal, Result: "passed"}),
			w.event("catalog.entry.department_approved", &events.EntryDepartmentApproved{
				Entry: entry(i), Version: 1, By: party(i), Approver: "head", ApproverRole: events.RoleDepartmentHead}),
			w.event("catalog.entry.submitted", &events.EntrySubmitted{Entry: entry(i), Version: 1, By: party(i), To: party(0), SubmissionKind: events.SubmissionFirst}),
			w.event("catalog.entry.published", &events.EntryPublished{Entry: entry(i), Version: 1, By: party(0)}))
	}
	for i := range agreements {
		list = append(list, w.event("share.agreement.activated", w.activation(agreement(i), i)))
	}
	return list
}

func (w *Workload) draft(id string, i int) *events.EntryDrafted {
	d := &events.EntryDrafted{
		Entry: id, Version: 1, Provider: party(i), Title: "死亡登记信息 " + id, UpdateFrequency: "daily", Grade: "general-2", Region: "990000",
		Sharing:   events.Sharing{Attribute: events.SharingConditional, Range: "departments", Purposes: []string{purpose}},
		Resources: []events.Resource{{Namespace: "postgres://exchange:5432", Name: dataset(i), Method: "api"}},
	}
	for _, c := range columns[:4+i%5] {
		d.Items = append(d.Items, events.EntryItem{ID: c, Name: "数据项 " + c, Type: "text"})
	}
	return d
}

func (w *Workload) activation(id string, i int) *events.AgreementActivated {
	return &events.AgreementActivated{
		Agreement: id, Provider: party(i), Consumer: party(i + 1), Grants: []events.Grant{{Entry: entry(i), EntryVersion: 1, Items: columns[:3]}},
		Purposes: []string{purpose}, Method: "api", ValidFrom: w.at - 86_400_000_000, ValidTo: w.at + 365*86_400_000_000, Onward: events.OnwardForbidden,
		LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "21"}},
	}
}

func dataset(i int) string { return fmt.Sprintf("public.t%04d", i) }

// access is one call for data. One in fifty reads a column that was not granted.
func (w *Workload) access() events.Event {
	i := w.rng.IntN(agreements)
	d := &events.AccessRecorded{
		Call: fmt.Sprintf("call-%012d", w.next), Provider: party(i), Consumer: party(i + 1), Agreement: agreement(i), AgreementVersion: 1,
		Purpose: purpose, Entry: entry(i), EntryVersion: 1, Method: "api", Columns: columns[:1+w.rng.IntN(3)],
		RowCount: 1, Result: events.AccessOK,
	}
	if w.next%50 == 0 {
		d.Columns = columns[2:4]
	}
	return w.event("access.call.recorded", d)
}

// Accesses are n calls for data.
func (w *Workload) Accesses(n int) []events.Event {
	list := make([]events.Event, n)
	for i := range list {
		list[i] = w.access()
	}
	return list
}

// act is an event that is checked: a rule, of an owner that has to be registered, in
// the version that has to be next.
func (w *Workload) act() events.Event {
	i := w.rng.IntN(entries)
	return w.event("quality.rule.published", &events.QualityRulePublished{
		Rule: fmt.Sprintf("rule-%09d", w.next), Version: 1, Owner: party(i), Dimension: "GB36344:0302", Expression: "check_digit(gmsfhm)",
		Entry: entry(i), Items: columns[:1], Threshold: 995_000, Severity: "minor",
	})
}

// fact is one of about the same size that is taken as it comes: a measurement.
func (w *Workload) fact() events.Event {
	i := w.rng.IntN(entries)
	return w.event("quality.run.completed", &events.QualityRunCompleted{
		Run: fmt.Sprintf("run-%09d", w.next), By: party(i), Entry: entry(i), EntryVersion: 1,
		Results: []events.QualityResult{{Rule: "rule-1", RuleVersion: 1, Item: columns[0], Conforming: 99, Measured: 100, Pass: true}}, Engine: "check_digit",
	})
}

// mixed are n events of all kinds: of 100, 40 calls for data, 20 events of
// lineage runs (the start and the end of each), 15 drafts of catalog entries, 15
// quality issues and 10 agreements.
func (w *Workload) mixed(n int) []events.Event {
	list := make([]events.Event, n)
	for i := range list {
		switch k := w.next % 20; {
		case k < 8:
			list[i] = w.access()
		case k < 12:
			list[i] = w.lineage()
		case k < 15:
			list[i] = w.event("catalog.entry.drafted", w.draft(fmt.Sprintf("NEW%09d", w.next), entries+w.next))
		case k < 18:
			j := w.rng.IntN(agreements)
			list[i] = w.event("quality.issue.reported", &events.QualityIssueReported{
				Issue: fmt.Sprintf("Q%09d", w.next), By: party(j + 1), Agreement: agreement(j), Entry: entry(j), Items: columns[1:2],
				Dimension: "GB36344:0302", Symptom: "missing", Severity: "minor", Count: 1 + w.rng.IntN(100),
				Description: "出生日期为空 no date of birth in some rows",
			})
		default:
			list[i] = w.event("share.agreement.activated", w.activation(fmt.Sprintf("NEWA%09d", w.next), w.rng.IntN(entries)))
		}
	}
	return list
}

// lineage is an event of a run that reads two or three datasets and writes one,
// with the columns that went from one to the other.
func (w *Workload) lineage() events.Event {
	run, state := w.next/2, "START"
	if w.next%2 == 1 {
		state = "COMPLETE"
	}
	job := run % jobs
	d := &events.OpenLineageReceived{
		Kind: events.OpenLineageRun, EventType: state, EventTime: w.at, Run: fmt.Sprintf("01890a5d-ac96-774b-bcce-%012x", run),
		Job: events.JobRef{Namespace: "airflow", Name: fmt.Sprintf("job%04d", job)}, LineageFrom: events.LineageFromColumns,
		Verdict: events.Verdict{Conformant: true}, Digest: fmt.Sprintf("%064x", w.next),
	}
	out := events.LineageOutput{Namespace: "postgres://exchange:5432", Name: dataset((job + 1) % entries)}
	for i := range 2 + job%2 {
		in := events.LineageInput{Namespace: "postgres://exchange:5432", Name: dataset(max(job-i*7, 0) % entries)}
		for _, c := range columns[:4] {
			in.Fields = append(in.Fields, events.LineageField{Name: c, Type: "text"})
		}
		c := columns[i]
		out.ColumnLineage = append(out.ColumnLineage, events.ColumnLineage{Field: c, Inputs: []events.ColumnInput{{
			Namespace: in.Namespace, Name: in.Name, Field: c, Transformations: []events.Transformation{{Type: "DIRECT", Subtype: "IDENTITY"}},
		}}})
		d.Inputs = append(d.Inputs, in)
	}
	d.Outputs = []events.LineageOutput{out}
	return w.event("lineage.openlineage.received", d)
}

// Book makes a ledger in dir that holds the setup.
func (w *Workload) Book(ctx context.Context, s *Session, dir string) (*ledger.Ledger, error) {
	l, err := ledger.Create(dir, ledger.Options{Origin: "ledger.example/bench", Logger: s.Logger})
	if err != nil {
		return nil, err
	}
	if _, err := l.Append(ctx, w.setup()...); err != nil {
		return nil, firstError(err, l.Close())
	}
	return l, nil
}

// fill appends n events of the mix in batches.
func (w *Workload) fill(ctx context.Context, s *Session, l *ledger.Ledger, n int) error {
	const batch = 1000
	for done := 0; done < n; done += batch {
		s.say(int64(done), int64(n), "filling a ledger with %d events", n)
		if _, err := l.Append(ctx, w.mixed(min(batch, n-done))...); err != nil {
			return err
		}
	}
	return nil
}

// firstError is err, or what closing said if all else went well.
func firstError(err, closing error) error {
	if err != nil {
		return err
	}
	return closing
}
