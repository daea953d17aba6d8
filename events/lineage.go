package events

// The lineage vocabulary. Runs, jobs and datasets have no state that a rule
// reads: what a run did is a reported fact, and the order in which its events
// arrive means nothing (late, repeated and missing ones are the normal case).
// The folds over these facts belong to the views.

// KindRun, KindJob and KindDataset are the subjects of OpenLineage events.
const (
	KindRun     = "run"
	KindJob     = "job"
	KindDataset = "dataset"
)

// The values of OpenLineageReceived.Kind.
const (
	OpenLineageRun     = "run"
	OpenLineageJob     = "job"
	OpenLineageDataset = "dataset"
)

// The values of OpenLineageReceived.LineageFrom.
const (
	LineageFromFacet   = "lineage"
	LineageFromColumns = "columnLineage"
)

// OpenLineageFacet names the facet that holds an OpenLineage event's body as
// it was received (decompressed), media type application/json, without owner.
const OpenLineageFacet = "openlineage"

var (
	openLineageKinds = []string{OpenLineageRun, OpenLineageJob, OpenLineageDataset}
	runEventTypes    = []string{"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}
	lineageSources   = []string{LineageFromFacet, LineageFromColumns}
)

var lineageTypes = []Type{
	derived(fact[OpenLineageReceived]("lineage.openlineage.received")),
}

// OpenLineageReceived says that an OpenLineage event (core 2-0-2) arrived, and
// what it says about data flow. The fields are extracted from the raw body,
// which is kept beside it as the facet named OpenLineageFacet: what is not
// extracted here stays readable there until it is erased. Extraction is lenient
// and changes nothing but form; Verdict tells how well the body kept to the
// specification.
type OpenLineageReceived struct {
	// Kind is the shape of the event: run, job or dataset. The body's shape
	// decides, not its schemaURL.
	Kind string `json:"kind"`
	// EventType is START, RUNNING, COMPLETE, ABORT, FAIL or OTHER; empty if the
	// run event gives none, and for job and dataset events.
	EventType string `json:"event_type,omitzero"`
	// EventTime is the body's eventTime. One without a zone is read as UTC and
	// noted in Verdict.
	EventTime Time `json:"event_time"`
	// Run is the run id of a run event, as sent: a UUID if it conforms.
	Run string `json:"run,omitzero"`
	// Job is given by run and job events.
	Job JobRef `json:"job,omitzero"`
	// Dataset is what a dataset event describes; for other kinds it is zero.
	Dataset LineageOutput `json:"dataset,omitzero"`
	// Parent is the run that started this one, from the parent run facet.
	Parent RunParent `json:"parent,omitzero"`
	// Dependencies are the jobs that this run waits for or that wait for it, from
	// the job dependencies run facet: who starts after whom, not what data flows.
	// Nil if there is no such facet.
	Dependencies []JobDependency `json:"dependencies,omitzero"`
	// LineageFrom is the facet that tells what was made from what: "lineage" (all
	// edges between datasets are given, none may be inferred), "columnLineage"
	// (for the outputs that have one), or empty: any output may come from any
	// input.
	LineageFrom string `json:"lineage_from,omitzero"`
	// JobLineage has the jobs to which a lineage facet says data flowed.
	JobLineage []JobLineage `json:"job_lineage,omitzero"`
	// JobDeleted names the job facets bearing facts that the event deletes:
	// jobType, lineage.
	JobDeleted []string `json:"job_deleted,omitzero"`
	// Inputs and Outputs are the datasets read and written.
	Inputs  []LineageInput  `json:"inputs,omitzero"`
	Outputs []LineageOutput `json:"outputs,omitzero"`
	// InputsKnown and OutputsKnown tell an empty array ("known to read nothing")
	// from an absent one ("not said").
	InputsKnown  bool `json:"inputs_known,omitzero"`
	OutputsKnown bool `json:"outputs_known,omitzero"`
	// ProcessingType is the job type facet's: BATCH, STREAMING or SERVICE.
	ProcessingType string `json:"processing_type,omitzero"`
	// CompleteSnapshot marks that each event of the run tells all of one window, so
	// that the run's events do not add up (job type facet, emission pattern).
	CompleteSnapshot bool `json:"complete_snapshot,omitzero"`
	// NominalTime is the time the run was scheduled for.
	NominalTime NominalTime `json:"nominal_time,omitzero"`
	// Checks are what was tested and how it came out, of the facets
	// dataQualityAssertions and test.
	Checks []LineageCheck `json:"checks,omitzero"`
	// SchemaURL is the body's schemaURL, which names the version it claims to
	// follow; Producer is the URI of the code that sent it.
	SchemaURL string `json:"version_of_schema,omitzero"`
	Producer  string `json:"producer_uri,omitzero"`
	// Verdict is how far the body keeps to the specification.
	Verdict Verdict `json:"verdict"`
	// Digest is the hex form of the keyed digest of the body. It outlives the
	// body's erasure and identifies nobody without the book's secret.
	Digest string `json:"digest"`
}

// JobRef names an OpenLineage job.
type JobRef struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// DatasetRef names an OpenLineage dataset.
type DatasetRef struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// RunParent is the run and job that started a run, and the root of the whole
// hierarchy where the parent facet names it.
type RunParent struct {
	Run     string `json:"run,omitzero"`
	Job     JobRef `json:"job,omitzero"`
	RootRun string `json:"root_run,omitzero"`
	RootJob JobRef `json:"root_job,omitzero"`
}

// JobDependency is a job, and a run of it if one is meant, that comes before this
// run or, with Downstream, after it. Type, Sequence and Status are the facet's
// dependency_type, sequence_trigger_rule and status_trigger_rule, as sent.
type JobDependency struct {
	Downstream bool   `json:"downstream,omitzero"`
	Job        JobRef `json:"job"`
	Run        string `json:"run,omitzero"`
	Type       string `json:"type,omitzero"`
	Sequence   string `json:"sequence,omitzero"`
	Status     string `json:"status,omitzero"`
}

// NominalTime is the interval a run is for, [Start, End); End may be zero.
type NominalTime struct {
	Start Time `json:"start"`
	End   Time `json:"end,omitzero"`
}

// LineageInput is a dataset read.
type LineageInput struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Fields are the columns of its schema facet; nil if it has no such facet.
	Fields []LineageField `json:"fields,omitzero"`
	// Symlinks are the other names its symlinks facet gives it; nil if it has no
	// such facet.
	Symlinks []DatasetRef `json:"symlinks,omitzero"`
	// Lifecycle is what happened to the dataset itself, if the event says so.
	Lifecycle Lifecycle `json:"lifecycle,omitzero"`
	// Deleted names the facets bearing facts that the event deletes: schema,
	// symlinks, columnLineage, lifecycleStateChange, lineage.
	Deleted []string `json:"deleted,omitzero"`
	// Rows is the number of rows read, nil if not said.
	Rows *int64 `json:"rows,omitzero"`
}

// Lifecycle is a change of a dataset itself: ALTER, CREATE, DROP, OVERWRITE,
// RENAME or TRUNCATE. Previous is the name it had before a RENAME.
type Lifecycle struct {
	Change   string     `json:"change"`
	Previous DatasetRef `json:"previous,omitzero"`
}

// LineageOutput is a dataset written, or the dataset a dataset event describes.
type LineageOutput struct {
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Fields    []LineageField `json:"fields,omitzero"`
	Symlinks  []DatasetRef   `json:"symlinks,omitzero"`
	Lifecycle Lifecycle      `json:"lifecycle,omitzero"`
	Deleted   []string       `json:"deleted,omitzero"`
	// Rows is the number of rows written, nil if not said.
	Rows *int64 `json:"rows,omitzero"`
	// ColumnLineage says, column by column, what was read to make it. It comes
	// from the lineage facet if there is one, else from columnLineage.
	ColumnLineage []ColumnLineage `json:"column_lineage,omitzero"`
	// DatasetLineage lists what the dataset as a whole depends on: columns that
	// bear on every column (a filter, a join key), kept once and not repeated
	// under each, and from a lineage facet also whole datasets and jobs. Empty but
	// not nil, it says that there is nothing upstream.
	DatasetLineage []ColumnInput `json:"dataset_lineage,omitzero"`
}

// LineageField is a column of a schema facet. A nested column has a dotted
// path as its name.
type LineageField struct {
	Name string `json:"name"`
	Type string `json:"type,omitzero"`
}

// ColumnLineage is one output column and the columns it was made from.
type ColumnLineage struct {
	Field  string        `json:"field"`
	Inputs []ColumnInput `json:"inputs,omitzero"`
}

// ColumnInput is a column that was read; Field is empty where the source names
// the dataset only.
type ColumnInput struct {
	Namespace       string           `json:"namespace"`
	Name            string           `json:"name"`
	Field           string           `json:"field,omitzero"`
	Transformations []Transformation `json:"transformations,omitzero"`
	// Job marks a source that is a job and not a dataset; Run is then the run of
	// it that is meant, if one is. A lineage facet alone can say so.
	Job bool   `json:"job,omitzero"`
	Run string `json:"run,omitzero"`
}

// JobLineage is a job and what flowed into it, as a lineage facet says. Run is
// the run of it that is meant, if one is.
type JobLineage struct {
	Job    JobRef        `json:"job"`
	Run    string        `json:"run,omitzero"`
	Inputs []ColumnInput `json:"inputs,omitzero"`
}

// Transformation is how an input column was used: DIRECT (IDENTITY,
// TRANSFORMATION, AGGREGATION) or INDIRECT (JOIN, GROUP_BY, FILTER, SORT,
// WINDOW, CONDITIONAL). Masking marks that the value was obscured.
type Transformation struct {
	Type    string `json:"type"`
	Subtype string `json:"subtype,omitzero"`
	Masking bool   `json:"masking,omitzero"`
}

// The outcomes of a check.
const (
	CheckPassed  = "pass"
	CheckFailed  = "fail"
	CheckSkipped = "skip"
)

var checkOutcomes = []string{CheckPassed, CheckFailed, CheckSkipped}

// LineageCheck is one test of data and its outcome. What was expected and what was
// found stay in the body, since either could be personal.
type LineageCheck struct {
	// Dataset is what was tested. The test facet names none: its tests are of the one
	// dataset that the event reads or writes, or of the run alone.
	Dataset DatasetRef `json:"dataset,omitzero"`
	// Assertion is the kind of test as sent, such as not_null; Name its name, if it
	// has one; Column the column tested, if it is one.
	Assertion string `json:"assertion,omitzero"`
	Name      string `json:"name,omitzero"`
	Column    string `json:"column,omitzero"`
	// Outcome is pass, fail or skip.
	Outcome string `json:"outcome"`
	// Severity is as sent: error or warn; empty if not said.
	Severity string `json:"severity,omitzero"`
}

// Verdict is how far an OpenLineage body keeps to the specification. A body
// that could be understood is kept whatever the verdict.
type Verdict struct {
	Conformant bool      `json:"conformant"`
	Findings   []Finding `json:"findings,omitzero"`
}

// Finding is one departure from the specification.
type Finding struct {
	// Pointer is the JSON pointer of the place in the body.
	Pointer string `json:"pointer"`
	// Rule is a stable identifier of what was broken.
	Rule string `json:"rule"`
	// Detail says what was found and how it was read. It quotes no values that
	// could be personal.
	Detail string `json:"detail,omitzero"`
}

// Subject is the run, the job or the dataset, by Kind. Job and dataset ids are
// namespace + "/" + name.
func (e *OpenLineageReceived) Subject() Subject {
	switch e.Kind {
	case OpenLineageJob:
		return Subject{KindJob, e.Job.Namespace + "/" + e.Job.Name}
	case OpenLineageDataset:
		return Subject{KindDataset, e.Dataset.Namespace + "/" + e.Dataset.Name}
	}
	return Subject{KindRun, e.Run}
}

// names lists every dataset mentioned, under all its names: a dataset can be
// found by a symlink, and by a column lineage that mentions it.
func (e *OpenLineageReceived) names() []Name {
	var out []Name
	dataset := func(namespace, name string) {
		if namespace != "" || name != "" {
			out = append(out, datasetName(namespace, name))
		}
	}
	symlinks := func(refs []DatasetRef) {
		for _, r := range refs {
			dataset(r.Namespace, r.Name)
		}
	}
	columns := func(inputs []ColumnInput) {
		for _, in := range inputs {
			if !in.Job {
				dataset(in.Namespace, in.Name)
			}
		}
	}
	output := func(o *LineageOutput) {
		dataset(o.Namespace, o.Name)
		symlinks(o.Symlinks)
		dataset(o.Lifecycle.Previous.Namespace, o.Lifecycle.Previous.Name)
		for _, c := range o.ColumnLineage {
			columns(c.Inputs)
		}
		columns(o.DatasetLineage)
	}
	output(&e.Dataset)
	for _, in := range e.Inputs {
		dataset(in.Namespace, in.Name)
		symlinks(in.Symlinks)
		dataset(in.Lifecycle.Previous.Namespace, in.Lifecycle.Previous.Name)
	}
	for i := range e.Outputs {
		output(&e.Outputs[i])
	}
	for _, j := range e.JobLineage {
		columns(j.Inputs)
	}
	return out
}

// validate holds the body to no more than the ledger needs: a body that strays
// from OpenLineage is kept, with a verdict that says so.
func (e *OpenLineageReceived) validate(c checker) {
	c.oneOf("kind", e.Kind, openLineageKinds)
	c.optionOf("event_type", e.EventType, runEventTypes)
	c.time("event_time", e.EventTime)
	switch e.Kind {
	case OpenLineageRun:
		c.required("run", e.Run, MaxName)
	case OpenLineageJob:
		c.required("job/name", e.Job.Name, MaxName)
	case OpenLineageDataset:
		c.required("dataset/name", e.Dataset.Name, MaxName)
	}
	c.text("run", e.Run, MaxName)
	e.Job.validate(c.in("job"))
	e.Dataset.validate(c.in("dataset"))
	c.text("parent/run", e.Parent.Run, MaxName)
	e.Parent.Job.validate(c.in("parent/job"))
	c.text("parent/root_run", e.Parent.RootRun, MaxName)
	e.Parent.RootJob.validate(c.in("parent/root_job"))
	for i := range e.Dependencies {
		e.Dependencies[i].validate(c.at("dependencies", i))
	}
	for i := range e.Inputs {
		e.Inputs[i].validate(c.at("inputs", i))
	}
	for i := range e.Outputs {
		e.Outputs[i].validate(c.at("outputs", i))
	}
	c.optionOf("lineage_from", e.LineageFrom, lineageSources)
	c.texts("job_deleted", e.JobDeleted, MaxCode)
	for i := range e.JobLineage {
		e.JobLineage[i].validate(c.at("job_lineage", i))
	}
	c.text("processing_type", e.ProcessingType, MaxCode)
	c.optionalTime("nominal_time/start", e.NominalTime.Start)
	c.optionalTime("nominal_time/end", e.NominalTime.End)
	for i := range e.Checks {
		e.Checks[i].validate(c.at("checks", i))
	}
	c.text("version_of_schema", e.SchemaURL, MaxName)
	c.text("producer_uri", e.Producer, MaxName)
	for i, f := range e.Verdict.Findings {
		at := c.at("verdict/findings", i)
		at.text("pointer", f.Pointer, MaxName)
		at.required("rule", f.Rule, MaxCode)
		at.text("detail", f.Detail, MaxName)
	}
	c.required("digest", e.Digest, MaxCode)
}

func (r JobRef) validate(c checker) {
	c.text("namespace", r.Namespace, MaxName)
	c.text("name", r.Name, MaxName)
}

func (r DatasetRef) validate(c checker) {
	c.text("namespace", r.Namespace, MaxName)
	c.text("name", r.Name, MaxName)
}

func (j *JobLineage) validate(c checker) {
	j.Job.validate(c.in("job"))
	c.text("run", j.Run, MaxName)
	for i := range j.Inputs {
		j.Inputs[i].validate(c.at("inputs", i))
	}
}

func (d *JobDependency) validate(c checker) {
	d.Job.validate(c.in("job"))
	c.text("run", d.Run, MaxName)
	c.text("type", d.Type, MaxCode)
	c.text("sequence", d.Sequence, MaxCode)
	c.text("status", d.Status, MaxCode)
}

func (k *LineageCheck) validate(c checker) {
	k.Dataset.validate(c.in("dataset"))
	c.text("assertion", k.Assertion, MaxName)
	c.text("name", k.Name, MaxName)
	c.text("column", k.Column, MaxName)
	c.oneOf("outcome", k.Outcome, checkOutcomes)
	c.text("severity", k.Severity, MaxCode)
}

func (l Lifecycle) validate(c checker) {
	c.text("change", l.Change, MaxCode)
	l.Previous.validate(c.in("previous"))
}

func (d *LineageInput) validate(c checker) {
	DatasetRef{d.Namespace, d.Name}.validate(c)
	d.Lifecycle.validate(c.in("lifecycle"))
	c.texts("deleted", d.Deleted, MaxCode)
	validateFields(c, d.Fields)
	for i, s := range d.Symlinks {
		s.validate(c.at("symlinks", i))
	}
}

func (d *LineageOutput) validate(c checker) {
	DatasetRef{d.Namespace, d.Name}.validate(c)
	d.Lifecycle.validate(c.in("lifecycle"))
	c.texts("deleted", d.Deleted, MaxCode)
	validateFields(c, d.Fields)
	for i, s := range d.Symlinks {
		s.validate(c.at("symlinks", i))
	}
	for i, col := range d.ColumnLineage {
		at := c.at("column_lineage", i)
		at.text("field", col.Field, MaxName)
		for j := range col.Inputs {
			col.Inputs[j].validate(at.at("inputs", j))
		}
	}
	for i := range d.DatasetLineage {
		d.DatasetLineage[i].validate(c.at("dataset_lineage", i))
	}
}

func validateFields(c checker, fields []LineageField) {
	for i, f := range fields {
		at := c.at("fields", i)
		at.text("name", f.Name, MaxName)
		at.text("type", f.Type, MaxText) // a nested type's text can be long
	}
}

func (in *ColumnInput) validate(c checker) {
	DatasetRef{in.Namespace, in.Name}.validate(c)
	c.text("field", in.Field, MaxName)
	c.text("run", in.Run, MaxName)
	for i, t := range in.Transformations {
		at := c.at("transformations", i)
		at.text("type", t.Type, MaxCode)
		at.text("subtype", t.Subtype, MaxCode)
	}
}
