package demo

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// A run of a job, with what the scheduler knows of it.
type run struct {
	job        job
	start, end time.Time
	failure    string // the error, if it failed
	parent     *run
}

// runSteps tells the runs: START and COMPLETE, or FAIL, of each. The schedulers
// hand in what happened once an hour.
func runSteps() []Step {
	var steps []Step
	for _, r := range runs() {
		last := "COMPLETE"
		if r.failure != "" {
			last = "FAIL"
		}
		steps = append(steps,
			Step{handedIn(r.start), KindOpenLineage, encode(r.event("START")), r.job.id + " starts"},
			Step{handedIn(r.end), KindOpenLineage, encode(r.event(last)), r.job.id + " " + last},
		)
	}
	return steps
}

// handedIn is the next full hour, and a second.
func handedIn(t time.Time) time.Time {
	return t.Truncate(time.Hour).Add(time.Hour + time.Second)
}

// runs is the schedule. The libraries are made anew every night, of which the
// story tells one a week until the end of September, and from 2 October on each
// of 180; the rest runs by the week, the fortnight or the month.
var runs = sync.OnceValue(func() []run {
	var rs []run
	for _, d := range append(every(day("2025-08-13"), day("2025-10-02"), 7), every(day("2025-10-02"), day("2026-03-31"), 1)...) {
		rs = append(rs, night(d)...)
	}
	for _, d := range every(day("2025-10-02"), day("2026-03-31"), 1) {
		for i, id := range []string{"J06", "J08", "J09", "J09b"} {
			rs = append(rs, newRun(jobOf(id), d.Add(4*time.Hour+time.Duration(i)*15*time.Minute), nil))
		}
	}
	for _, d := range every(day("2025-08-21"), day("2026-03-31"), 7) {
		rs = append(rs, newRun(jobOf("J07"), d.Add(5*time.Hour+20*time.Minute), nil))
	}
	// The interface to the residence permits was down for three days (Q14).
	retry := newRun(jobOf("J05"), on("2026-02-27 10:20"), nil)
	rs = append(rs, retry)
	for m := range 8 {
		month := time.Date(2025, time.August+time.Month(m), 1, 0, 0, 0, 0, china)
		rs = append(rs, newRun(jobOf("J12"), month.AddDate(0, 0, 27).Add(18*time.Hour), nil))
	}
	// The match with deaths began when agreement A11 delivered, and paused while
	// it was suspended.
	for _, d := range []string{"2025-12-22", "2026-01-05", "2026-02-10", "2026-03-05"} {
		rs = append(rs, newRun(jobOf("J10"), day(d).Add(6*time.Hour), nil))
	}
	for _, d := range every(day("2025-08-15"), day("2026-03-28"), 14) {
		rs = append(rs, newRun(jobOf("J11"), d.Add(10*time.Hour), nil))
	}
	return rs
})

// night is one run of the nightly workflow with the jobs it starts in turn.
func night(d time.Time) []run {
	workflow := &run{job: nightly, start: d.Add(2 * time.Hour), end: d.Add(3*time.Hour + 15*time.Minute)}
	var rs []run
	for _, j := range libraryJobs {
		if !j.parent {
			continue
		}
		r := newRun(j, workflow.start.Add(time.Duration(1+len(rs))*12*time.Minute), workflow)
		if j.id == "J05" && !d.Before(day("2026-02-25")) && d.Before(day("2026-02-28")) {
			r.failure = "ORA-12170: TNS:Connect timeout occurred (db.gat.yunze.example:1521)"
			workflow.failure = "task " + j.name + " failed"
		}
		rs = append(rs, r)
	}
	return append(rs, *workflow)
}

// newRun gives a run its length: some minutes, different from day to day.
func newRun(j job, start time.Time, parent *run) run {
	d := 2*time.Minute + time.Duration(draw(500_000, j.name, stamp(start)))*time.Millisecond
	return run{job: j, start: start, end: start.Add(d), parent: parent}
}

// every lists the days from one to another, that one not included.
func every(from, to time.Time, days int) []time.Time {
	var ds []time.Time
	for d := from; d.Before(to); d = d.AddDate(0, 0, days) {
		ds = append(ds, d)
	}
	return ds
}

// id is the run's UUID: version 5 of RFC 9562, over its job and start.
func (r run) id() string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(r.job.namespace()+"/"+r.job.name+"@"+stamp(r.start))).String()
}

// draw picks a number below n that looks drawn and is always the same.
func draw(n uint64, seed ...string) uint64 {
	h := sha256.New()
	for _, s := range seed {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return binary.BigEndian.Uint64(h.Sum(nil)) % n
}

func (j job) namespace() string { return jobNamespace[j.owner] }

// producer is the code that sends an owner's events: its scheduler's adapter.
func (j job) producer() string {
	host := strings.TrimPrefix(j.namespace(), "dolphinscheduler://")
	return "https://" + host + "/openlineage-adapter/1.4.0"
}

// event is the OpenLineage event of a state of the run. The first one names the
// datasets; the last one says what was read and written, column by column.
func (r run) event(state string) runEvent {
	told := runEvent{
		EventType: state,
		EventTime: stamp(r.start),
		Run:       runPart{RunID: r.id(), Facets: r.runFacets(state)},
		Job:       jobPart{r.job.namespace(), r.job.name, r.jobFacets()},
		Inputs:    []datasetPart{},
		Outputs:   []datasetPart{},
		Producer:  r.job.producer(),
		SchemaURL: runEventSchema,
	}
	if state != "START" {
		told.EventTime = stamp(r.end)
	}
	if r.job.versions == nil {
		return told // the workflow reads and writes nothing itself
	}
	v := r.job.version(r.start)
	for _, id := range v.inputs() {
		e, _ := entryAt(id, r.start)
		d := r.dataset(e, state)
		if state == "COMPLETE" {
			d.InputFacets = map[string]any{"inputStatistics": statisticsFacet{
				r.facet("1-0-0", "InputStatisticsInputDatasetFacet"), r.rows(id)}}
			if tested := r.assertions(id); tested != nil {
				d.InputFacets["dataQualityAssertions"] = assertionsFacet{r.facet("1-1-0", "DataQualityAssertionsDatasetFacet"), tested}
			}
		}
		told.Inputs = append(told.Inputs, d)
	}
	out := r.dataset(entryOf(v.output), state)
	if state == "COMPLETE" {
		out.Facets["columnLineage"] = r.columnLineage(v)
		out.OutputFacets = map[string]any{"outputStatistics": statisticsFacet{
			r.facet("1-0-2", "OutputStatisticsOutputDatasetFacet"), r.rows(v.output)}}
	}
	told.Outputs = append(told.Outputs, out)
	return told
}

// assertions are what a run tests of what it reads. That two persons bear one number
// shows every night since it was reported (Q05).
func (r run) assertions(id string) []assertion {
	switch id {
	case "DS01":
		return []assertion{{"unique", "gmsfhm", r.start.Before(on("2025-10-15 15:20")), "error"}}
	case "DS08":
		return []assertion{{"not_null", "gmsfhm", true, "error"}}
	}
	return nil
}

func (r run) facet(version, name string) facet { return facetOf(r.job.producer(), version, name) }

func (r run) runFacets(state string) map[string]any {
	fs := map[string]any{
		"nominalTime": nominalTimeFacet{r.facet("1-0-1", "NominalTimeRunFacet"),
			stamp(r.start), stamp(r.start.AddDate(0, 0, 1))},
		"processing_engine": engineFacet{r.facet("1-1-1", "ProcessingEngineRunFacet"),
			"Apache DolphinScheduler", "3.2.2", "1.4.0"},
	}
	if p := r.parent; p != nil {
		f := parentFacet{facet: r.facet("1-2-0", "ParentRunFacet"),
			Run: runPart{RunID: p.id()}, Job: jobPart{Namespace: p.job.namespace(), Name: p.job.name}}
		f.Root.Run, f.Root.Job = f.Run, f.Job
		fs["parent"] = f
	}
	if state == "FAIL" {
		fs["errorMessage"] = errorFacet{r.facet("1-0-1", "ErrorMessageRunFacet"), r.failure, "SQL"}
	}
	return fs
}

func (r run) jobFacets() map[string]any {
	kind := "TASK"
	if r.job.versions == nil {
		kind = "WORKFLOW"
	}
	fs := map[string]any{
		"jobType": jobTypeFacet{r.facet("2-0-4", "JobTypeJobFacet"), "BATCH", "DOLPHINSCHEDULER", kind},
		"ownership": ownershipFacet{r.facet("1-0-1", "OwnershipJobFacet"),
			[]ownerPart{{"party:" + r.job.owner, "OWNER"}}},
		"documentation": documentationFacet{r.facet("1-1-0", "DocumentationJobFacet"), r.job.title, "text/plain"},
	}
	if r.job.versions != nil {
		fs["sql"] = sqlFacet{r.facet("1-1-0", "SQLJobFacet"), r.job.version(r.start).sql, r.job.dialect}
	}
	return fs
}

func (r run) dataset(e entry, state string) datasetPart {
	d := datasetPart{Namespace: e.table.namespace, Name: e.table.name, Facets: map[string]any{
		"dataSource": dataSourceFacet{r.facet("1-0-1", "DatasourceDatasetFacet"), e.table.namespace, e.table.namespace},
	}}
	if state == "COMPLETE" {
		d.Facets["schema"] = schemaFacet{r.facet("1-2-0", "SchemaDatasetFacet"), schemaFields(e)}
	}
	return d
}

func (r run) columnLineage(v jobVersion) columnLineageFacet {
	f := columnLineageFacet{
		facet:   r.facet("1-2-0", "ColumnLineageDatasetFacet"),
		Fields:  map[string]inputFields{},
		Dataset: inputFieldsOf(v.keys),
	}
	for _, c := range v.columns {
		f.Fields[c.name] = inputFields{inputFieldsOf(c.from)}
	}
	return f
}

func inputFieldsOf(sources []source) []inputField {
	var fs []inputField
	for _, s := range sources {
		id, item := s.split()
		t := entryOf(id).table
		fs = append(fs, inputField{t.namespace, t.name, item,
			[]transformation{{s.typ, s.subtype, s.note, s.masking}}})
	}
	return fs
}

// schemaFields are the columns of an entry's table. The story's tables name
// their columns as the catalog names its items.
func schemaFields(e entry) []schemaField {
	fs := make([]schemaField, len(e.items))
	for i, it := range e.items {
		fs[i] = schemaField{it.id, sqlType(it.typ), it.title + " " + it.titleEN, i + 1}
	}
	return fs
}

// sqlType turns the catalog's short type into SQL's.
func sqlType(typ string) string {
	var precision, scale int
	switch typ[0] {
	case 'C':
		return "VARCHAR(" + typ[1:] + ")"
	case 'N':
		if n, err := fmt.Sscanf(typ, "N%d.%d", &precision, &scale); n != 2 {
			panic("demo: type " + typ + ": " + err.Error())
		}
		return fmt.Sprintf("DECIMAL(%d,%d)", precision, scale)
	}
	plain := map[string]string{"D": "DATE", "T": "TIMESTAMP", "I": "INTEGER", "L": "BOOLEAN"}
	return plain[typ]
}

// rows is how many rows of an entry the run read or wrote: about one in a
// hundred of those there are.
func (r run) rows(entry string) int64 {
	size := uint64(40_000)
	if slices.Contains([]string{"DS01", "DS15", "DS16", "DS23"}, entry) {
		size = 900_000
	}
	return int64(size/2 + draw(size, r.id(), entry))
}
