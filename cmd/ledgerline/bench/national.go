package bench

import (
	"fmt"
	"math/rand/v2"
	"time"

	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// A national is a country's share of events: bodies, catalog entries, agreements,
// runs of jobs whose graph is twelve jobs deep, issues and, most of all, calls. Its
// events are numbered, and each is a function of its number, so that a load which was
// broken off goes on where it ended.
type national struct {
	parties, entries, agreements, jobs int
	runs, issues, accesses             int
	starts                             []int // the number of the first event of each phase
	total                              int
}

// newNational is the profile at a scale: 1 stands for ten million calls.
func newNational(scale float64) *national {
	n := func(v int) int { return max(13, int(float64(v)*scale)) }
	w := &national{
		parties: n(300), entries: n(40_000), agreements: n(4_000), jobs: n(3_000), runs: n(30_000), issues: n(5_000), accesses: n(10_000_000),
	}
	at := 0
	for _, size := range []int{2*w.parties + regions, len(w.law()), eventsOfEntry * w.entries, eventsOfAgreement * w.agreements, w.later()} {
		w.starts = append(w.starts, at)
		at += size
	}
	w.total = at
	return w
}

// How many events an entry, an agreement, a run and an issue have.
const (
	eventsOfEntry     = 6
	eventsOfAgreement = 5
	eventsOfRun       = 2
	eventsOfIssue     = 5
	regions           = 31
	layers            = 13 // of datasets, with twelve of jobs between them
	columnsOfEntry    = 5
)

// later is how many events follow when all is set up.
func (w *national) later() int { return eventsOfRun*w.runs + eventsOfIssue*w.issues + w.accesses }

// The year in which everything happens, after the time in which it is set up.
var (
	nationalSetup = time.Date(2024, 12, 1, 0, 0, 0, 0, time.UTC)
	nationalYear  = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	nationalEnd   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// when is the time at which an event is recorded, and claims to have happened.
func (w *national) when(i int) events.Time {
	from, to, first, last := nationalSetup, nationalYear, 0, w.starts[4]
	if i >= last {
		from, to, first, last = nationalYear, nationalEnd, last, w.total
	}
	return events.TimeOf(from.Add(time.Duration(float64(to.Sub(from)) * float64(i-first) / float64(last-first))))
}

// event is the event of a number.
func (w *national) event(i int) events.Event {
	at := w.when(i)
	var data events.Data
	switch k := i; {
	case i < w.starts[1]:
		data = w.body(k, at)
	case i < w.starts[2]:
		data = w.law()[k-w.starts[1]]
	case i < w.starts[3]:
		data = w.catalog(k - w.starts[2])
	case i < w.starts[4]:
		data = w.sharing(k-w.starts[3], at)
	default:
		data = w.use(k-w.starts[4], at)
	}
	return events.Event{ID: nationalID(i), Source: nationalSource, Type: typeOf(data), Schema: 1, Time: at, Principal: "dev", Data: data}
}

const nationalSource = "https://national.example/platform"

func nationalID(i int) string { return fmt.Sprintf("n-%011d", i) }

// typeOf names the type of some data.
func typeOf(data events.Data) string { return nationalTypes[fmt.Sprintf("%T", data)] }

var nationalTypes = func() map[string]string {
	types := map[string]string{}
	for _, t := range events.Types() {
		types[fmt.Sprintf("%T", t.NewData())] = t.Name
	}
	return types
}()

// law are the calendars and the pack that terms are counted by.
func (w *national) law() (list []events.Data) {
	for _, text := range rulepack.Calendars() {
		if n, err := rulepack.ParseCalendar([]byte(text)); err == nil && n.Calendar().ID == "cn" {
			list = append(list, &events.CalendarPublished{Calendar: "cn", Version: n.Calendar().Version, By: w.party(0), Content: text})
		}
	}
	for _, text := range rulepack.Packs() {
		if p, err := rulepack.ParsePack([]byte(text)); err == nil && p.ID == "cn-809-2025" {
			list = append(list, &events.RulePackPublished{Pack: p.ID, Version: p.Version, By: w.party(0), Content: text})
		}
	}
	return list
}

func (w *national) party(i int) string     { return fmt.Sprintf("P%05d", i%w.parties) }
func (w *national) entry(i int) string     { return fmt.Sprintf("E%06d", i%w.entries) }
func (w *national) agreement(i int) string { return fmt.Sprintf("A%06d", i%w.agreements) }
func (w *national) job(i int) string       { return fmt.Sprintf("job%05d", i%w.jobs) }
func (w *national) region(i int) string    { return fmt.Sprintf("%02d0000", 11+i%regions) }
func (w *national) head(i int) string      { return "head-" + w.party(i) }
func column(i int) string                  { return fmt.Sprintf("c%d", i%columnsOfEntry) }

const nationalStore = "postgres://exchange.example:5432"

func (w *national) table(entry int) string { return "public.t" + w.entry(entry)[1:] }

// body registers a party, and then designates its sharing body. The first is the
// competent department of all regions.
func (w *national) body(k int, at events.Time) events.Data {
	if k >= 2*w.parties {
		return &events.RoleAssigned{Party: w.party(0), Role: events.RoleAuthority, Scope: w.region(k - 2*w.parties), Basis: "cn809"}
	}
	i := k / 2
	if k%2 == 1 {
		return &events.SharingBodyDesignated{Party: w.party(i), Unit: "sharing body", Head: w.head(i), From: at}
	}
	kind := "department"
	if i == 0 {
		kind = "authority"
	}
	return &events.PartyRegistered{Party: w.party(i), Name: "机关 " + w.party(i), NameEN: "Body " + w.party(i), Kind: kind, Region: w.region(i), Level: "provincial"}
}

// subjects are what entries are about.
var subjects = []struct{ zh, en string }{
	{"户籍人口", "population"}, {"死亡登记", "deaths"}, {"婚姻登记", "marriages"}, {"市场主体", "market entities"}, {"社会保险", "social insurance"}, {"机动车", "vehicles"},
	{"不动产", "real estate"}, {"纳税人", "taxpayers"}, {"医疗机构", "hospitals"}, {"学籍", "pupils"}, {"环境监测", "environment"}, {"气象", "weather"}, {"交通流量", "traffic"},
}

// catalog brings an entry into force, step by step.
func (w *national) catalog(k int) events.Data {
	i := k / eventsOfEntry
	id, by := w.entry(i), w.party(i)
	switch k % eventsOfEntry {
	case 0:
		s := subjects[i%len(subjects)]
		d := &events.EntryDrafted{
			Entry: id, Version: 1, Provider: by, Title: s.zh + "信息 " + id, TitleEN: s.en + " " + id, UpdateFrequency: "daily", Grade: "general-2", Region: w.region(0),
			Sharing: events.Sharing{Attribute: events.SharingConditional, Range: "departments", Purposes: []string{purpose}},
		}
		if i%50 != 0 { // one in fifty cannot be had
			d.Resources = []events.Resource{{Namespace: nationalStore, Name: w.table(i), Method: "api"}}
		}
		for c := range columnsOfEntry {
			d.Items = append(d.Items, events.EntryItem{ID: column(c), Name: "数据项 " + column(c), Type: "text"})
		}
		return d
	case 1:
		return &events.EntryAssessed{Entry: id, Version: 1, By: by, Kind: events.AssessSecrecy, Result: "passed"}
	case 2:
		return &events.EntryAssessed{Entry: id, Version: 1, By: by, Kind: events.AssessPersonal, Result: "passed"}
	case 3:
		return &events.EntryDepartmentApproved{Entry: id, Version: 1, By: by, Approver: w.head(i), ApproverRole: events.RoleDepartmentHead}
	case 4:
		return &events.EntrySubmitted{Entry: id, Version: 1, By: by, To: w.party(0), SubmissionKind: events.SubmissionFirst}
	}
	return &events.EntryPublished{Entry: id, Version: 1, By: w.party(0)}
}

// shared is the entry of an agreement, and who gets it.
func (w *national) shared(i int) (entry, consumer int) {
	entry = i * 7 % w.entries
	return entry, entry + 1 + i%7
}

// sharing is a request, and the agreement and the provision that follow on it.
func (w *national) sharing(k int, at events.Time) events.Data {
	i := k / eventsOfAgreement
	e, c := w.shared(i)
	request, provider, consumer := "R-"+w.agreement(i), w.party(e), w.party(c)
	items := []string{column(0), column(1), column(2)}
	basis := []events.LegalBasis{{Instrument: "cn809", Article: "20"}}
	end := events.TimeOf(nationalEnd.AddDate(1, 0, 0))
	switch k % eventsOfAgreement {
	case 0:
		return &events.RequestSubmitted{
			Request: request, Provider: provider, Consumer: consumer, Asks: []events.Ask{{Entry: w.entry(e), EntryVersion: 1, Items: items}}, Purposes: []string{purpose},
			LegalBasis: basis, Scenario: "核对", Necessity: "无其他来源", Method: "api", Term: events.Period{From: at, To: end}, ApprovedBy: w.head(c),
		}
	case 1:
		return &events.RequestReceived{Request: request, By: provider}
	case 2:
		return &events.RequestAnswered{Request: request, By: provider, Outcome: events.StageGranted, ApprovedBy: w.head(e)}
	case 3:
		return &events.AgreementActivated{
			Agreement: w.agreement(i), Request: request, Provider: provider, Consumer: consumer, Grants: []events.Grant{{Entry: w.entry(e), EntryVersion: 1, Items: items}},
			Purposes: []string{purpose}, Method: "api", ValidFrom: at, ValidTo: end, Onward: events.OnwardForbidden, LegalBasis: basis, ApprovedBy: w.head(e),
		}
	}
	return &events.ProvisionAvailable{Provision: "V-" + w.agreement(i), Agreement: w.agreement(i), By: provider, Method: "api", FirstAvailable: at, Channel: "exchange"}
}

// use is what happens when all is set up: steps of runs and of issues are spread
// evenly between the calls.
func (w *national) use(k int, at events.Time) events.Data {
	runs := eventsOfRun * w.runs
	steps := runs + eventsOfIssue*w.issues
	step := k * steps / w.later()
	if (k+1)*steps/w.later() == step {
		return w.call(k, at)
	}
	run := step * runs / steps
	if (step+1)*runs/steps > run {
		return w.run(run, at)
	}
	return w.issue(step - run)
}

// call is one call for data. One in five hundred reads a column that was not granted,
// one in a hundred is denied.
func (w *national) call(k int, at events.Time) events.Data {
	rng := rand.New(rand.NewPCG(uint64(k), 1))
	i := rng.IntN(w.agreements)
	e, c := w.shared(i)
	id, credential := fmt.Sprintf("call-%011d", k), "key-"+w.party(c)
	if k%100 == 99 {
		return &events.CallDenied{
			Call: id, Provider: w.party(e), Consumer: w.party(c), Agreement: w.agreement(i), Purpose: purpose, Entry: w.entry(e), EntryVersion: 1, Method: "api",
			Columns: []string{column(3)}, Reason: "column_not_granted", Credential: credential,
		}
	}
	d := &events.AccessRecorded{
		Call: id, Provider: w.party(e), Consumer: w.party(c), Agreement: w.agreement(i), AgreementVersion: 1, Purpose: purpose, Entry: w.entry(e), EntryVersion: 1,
		Method: "api", Columns: []string{column(0), column(1)}, RowCount: 1, Result: events.AccessOK, Credential: credential,
	}
	if k%500 == 0 {
		d.Columns = []string{column(0), column(4)}
	}
	return d
}

// run is the start or the end of a run, which reads two datasets of a layer and
// writes one of the next.
func (w *national) run(k int, at events.Time) events.Data {
	r := k / eventsOfRun
	j := r % w.jobs
	layer := j % (layers - 1)
	of := func(layer, i int) int { return (i%(w.entries/layers))*layers + layer }
	d := &events.OpenLineageReceived{
		Kind: events.OpenLineageRun, EventType: [2]string{"START", "COMPLETE"}[k%2], EventTime: at, Run: fmt.Sprintf("01890a5d-ac96-774b-bcce-%012x", r),
		Job: events.JobRef{Namespace: "scheduler", Name: w.job(j)}, LineageFrom: events.LineageFromColumns, Verdict: events.Verdict{Conformant: true}, Digest: fmt.Sprintf("%064x", k),
	}
	out := events.LineageOutput{Namespace: nationalStore, Name: w.table(of(layer+1, j))}
	for n := range 2 {
		in := events.LineageInput{Namespace: nationalStore, Name: w.table(of(layer, j+n*17))}
		for c := range columnsOfEntry {
			in.Fields = append(in.Fields, events.LineageField{Name: column(c), Type: "text"})
		}
		out.ColumnLineage = append(out.ColumnLineage, events.ColumnLineage{Field: column(n), Inputs: []events.ColumnInput{{
			Namespace: in.Namespace, Name: in.Name, Field: column(n), Transformations: []events.Transformation{{Type: "DIRECT", Subtype: "IDENTITY"}},
		}}})
		d.Inputs = append(d.Inputs, in)
	}
	d.Outputs = []events.LineageOutput{out}
	return d
}

// issue is a step of an issue, up to its correction.
func (w *national) issue(k int) events.Data {
	i := k / eventsOfIssue
	id := fmt.Sprintf("Q%06d", i)
	e, c := w.shared(i)
	switch k % eventsOfIssue {
	case 0:
		return &events.QualityIssueReported{
			Issue: id, By: w.party(c), Agreement: w.agreement(i), Entry: w.entry(e), Items: []string{column(1)}, Dimension: "GB36344:0302", Symptom: "missing", Severity: "minor",
			Count: 1 + i%100, Description: "数据缺失 missing in some rows",
		}
	case 1:
		return &events.QualityIssueAccepted{Issue: id, By: w.party(0)}
	case 2:
		return &events.QualityIssueAssigned{Issue: id, By: w.party(0), To: w.party(e), Capacity: "source"}
	case 3:
		return &events.CorrectionReceived{Issue: id, By: w.party(e), From: w.party(c)}
	}
	return &events.CorrectionAnswered{Issue: id, By: w.party(e), Verdict: events.VerdictConfirmed, Action: "fixed"}
}
