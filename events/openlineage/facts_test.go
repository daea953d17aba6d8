package openlineage

import (
	"reflect"
	"testing"

	"ledgerline/events"
)

func read(t *testing.T, old, new string) *events.OpenLineageReceived {
	t.Helper()
	e, _, err := Read(replaced(t, old, new))
	if err != nil {
		t.Fatal(err)
	}
	admissible(t, e)
	return e
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestTimes(t *testing.T) {
	var want events.Time
	if err := want.UnmarshalText([]byte("2026-01-08T01:30:00.123456Z")); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"2026-01-08T01:30:00.123456Z", "2026-01-08T01:30:00.123456999Z", "2026-01-08T09:30:00.123456+08:00",
		"2026-01-08t01:30:00.123456z", "2026-01-08T01:30:00,123456Z", "2026-01-08T01:30:00.123456", "2026-01-08 01:30:00.123456",
		"2026-01-08 09:30:00.123456 +0800", "2026-01-08T09:30:00.123456+08", "2026-01-08T09:30:00.123456+08:00[Asia/Shanghai]",
	} {
		if got, rule, _ := readTime(text); events.TimeOf(got) != want {
			t.Errorf("%s is read as %v (%s)", text, got, rule)
		}
	}
	for _, text := range []string{"", "now", "2026-01-08", "2026-01-08T25:00:00Z", "1767864600", "[", " ", "0001-01-01T00:00:00+08:00"} {
		if got, _, _ := readTime(text); !got.IsZero() {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func TestAbsentAndEmpty(t *testing.T) {
	const in = `"inputs": [{"namespace": "db", "name": "in", "facets": {}, "inputFacets": {}}],`
	e := read(t, in, "")
	same(t, "absent", e.InputsKnown, false)
	e = read(t, in, `"inputs": null,`)
	same(t, "null", e.InputsKnown, false)
	e = read(t, in, `"inputs": [],`)
	same(t, "empty", e.InputsKnown, true)
	same(t, "the inputs", len(e.Inputs), 0)
}

func TestSchemaFields(t *testing.T) {
	e := read(t, inputDataset, inputDataset+`"schema": {`+base+`, "fields": [
		{"name": "id", "type": "bigint"},
		{"name": "address", "type": "struct", "description": "where they live", "fields": [{"name": "ci.ty", "type": "string"}, {"name": "geo", "fields": [{"name": "📍", "type": 7}]}]},
		{"name": ""}, "x", {"name": "last"}]}`)
	same(t, "fields", e.Inputs[0].Fields, []events.LineageField{
		{Name: "id", Type: "bigint"}, {Name: "address", Type: "struct"}, {Name: "address.ci.ty", Type: "string"},
		{Name: "address.geo"}, {Name: "address.geo.📍"}, {Name: "last"}})
	same(t, "no schema", e.Outputs[0].Fields, []events.LineageField(nil))
	e = read(t, inputDataset, inputDataset+`"schema": {`+base+`}`)
	same(t, "schema without fields", e.Inputs[0].Fields, []events.LineageField{})
	e = read(t, inputDataset, inputDataset+`"schema": {`+base+`, "_deleted": true}`)
	same(t, "deleted schema", e.Inputs[0].Fields, []events.LineageField(nil))
	same(t, "deleted", e.Inputs[0].Deleted, []string{"schema"})
}

func TestColumnLineage(t *testing.T) {
	e := read(t, outDataset, outDataset+`"columnLineage": {`+base+`, "fields": {
		"b": {"inputFields": [{"namespace": "db", "name": "in", "field": "y", "transformations": [{"type": "DIRECT", "subtype": "IDENTITY", "masking": true, "description": "md5(y)"}, {"type": "INDIRECT", "subtype": "JOIN"}]}]},
		"a": {"inputFields": [{"namespace": "db", "name": "in", "field": "x"}, {"namespace": "", "name": "in", "field": "z"}], "transformationType": "MASKED"},
		"c": {"inputFields": [{"namespace": "db", "name": "in", "field": "x", "type": "JOB"}], "transformationType": "IDENTITY"},
		"d": {}},
		"dataset": [{"namespace": "db", "name": "in", "field": "k", "transformations": [{"type": "INDIRECT", "subtype": "FILTER"}]}]}`)
	same(t, "from", e.LineageFrom, events.LineageFromColumns)
	x := events.ColumnInput{Namespace: "db", Name: "in", Field: "x"}
	masked, identity := x, x
	masked.Transformations = []events.Transformation{{Type: "DIRECT", Masking: true}}
	identity.Transformations = []events.Transformation{{Type: "DIRECT", Subtype: "IDENTITY"}}
	same(t, "columns", e.Outputs[0].ColumnLineage, []events.ColumnLineage{
		{Field: "a", Inputs: []events.ColumnInput{masked}},
		{Field: "b", Inputs: []events.ColumnInput{{Namespace: "db", Name: "in", Field: "y",
			Transformations: []events.Transformation{{Type: "DIRECT", Subtype: "IDENTITY", Masking: true}, {Type: "INDIRECT", Subtype: "JOIN"}}}}},
		{Field: "c", Inputs: []events.ColumnInput{identity}},
		{Field: "d"}})
	same(t, "dataset", e.Outputs[0].DatasetLineage, []events.ColumnInput{
		{Namespace: "db", Name: "in", Field: "k", Transformations: []events.Transformation{{Type: "INDIRECT", Subtype: "FILTER"}}}})

	e = read(t, outDataset, outDataset+`"columnLineage": {`+base+`, "_deleted": true, "fields": {"a": {"inputFields": []}}}`)
	same(t, "from a deleted facet", e.LineageFrom, "")
	same(t, "deleted", e.Outputs[0].Deleted, []string{"columnLineage"})
}

// Explicit lineage is all there is: columnLineage beside it does not count.
func TestExplicitLineage(t *testing.T) {
	const entries = jobFacets + `"lineage": {` + base + `, "entries": [
		{"type": "DATASET", "namespace": "db", "name": "out", "inputs": [{"type": "DATASET", "namespace": "db", "name": "in"}], "fields": {"a": {"inputs": [{"type": "DATASET", "namespace": "db", "name": "in", "field": "x"}]}}},
		{"type": "DATASET", "namespace": "db", "name": "out", "inputs": [{"type": "JOB", "namespace": "n", "name": "up", "runId": "019127df-0850-72bc-b214-b255290588a6"}]},
		{"type": "DATASET", "namespace": "db", "name": "second", "inputs": []},
		{"type": "JOB", "inputs": [{"type": "DATASET", "namespace": "db", "name": "in", "field": "x"}, {"type": "JOB"}]}]}`
	in := events.ColumnInput{Namespace: "db", Name: "in"}
	inX := events.ColumnInput{Namespace: "db", Name: "in", Field: "x"}
	e := read(t, jobFacets, entries)
	same(t, "from", e.LineageFrom, events.LineageFromFacet)
	same(t, "outputs", e.Outputs, []events.LineageOutput{
		{Namespace: "db", Name: "out",
			ColumnLineage:  []events.ColumnLineage{{Field: "a", Inputs: []events.ColumnInput{inX}}},
			DatasetLineage: []events.ColumnInput{in, {Namespace: "n", Name: "up", Job: true, Run: "019127df-0850-72bc-b214-b255290588a6"}}},
		{Namespace: "db", Name: "second", DatasetLineage: []events.ColumnInput{}}})
	same(t, "jobs", e.JobLineage, []events.JobLineage{
		{Job: events.JobRef{Namespace: "n", Name: "j"}, Inputs: []events.ColumnInput{inX, {Namespace: "n", Name: "j", Job: true}}}})

	both := `"columnLineage": {` + base + `, "fields": {"b": {"inputFields": []}}}`
	e = read(t, `"j", "facets": {}},
  "inputs": [{"namespace": "db", "name": "in", "facets": {}, "inputFacets": {}}],
  "outputs": [{"namespace": "db", "name": "out", "facets": {}`, `"j", "facets": {"lineage": {`+base+`, "entries": []}}},
  "inputs": [{"namespace": "db", "name": "in", "facets": {}, "inputFacets": {}}],
  "outputs": [{"namespace": "db", "name": "out", "facets": {`+both+`}`)
	same(t, "from both", e.LineageFrom, events.LineageFromFacet)
	same(t, "columns of the weaker", e.Outputs[0].ColumnLineage, []events.ColumnLineage(nil))

	e = read(t, jobFacets, jobFacets+`"lineage": {`+base+`, "_deleted": true}`)
	same(t, "from deleted", e.LineageFrom, "")
	same(t, "deleted", e.JobDeleted, []string{"lineage"})
}

// A DatasetEvent has no job that a source without a name could be.
func TestDatasetEventLineage(t *testing.T) {
	e, _, err := Read(put(onStatic, []byte(`{"lineage": {`+base+`, "inputs": [{"type": "JOB"}, {"type": "JOB", "namespace": "n", "name": "j"}], "fields": {"a": {"inputs": []}}},
		"columnLineage": {`+base+`, "fields": {"b": {"inputFields": []}}}}`)))
	if err != nil {
		t.Fatal(err)
	}
	admissible(t, e)
	same(t, "from", e.LineageFrom, events.LineageFromFacet)
	same(t, "sources", e.Dataset.DatasetLineage, []events.ColumnInput{{Namespace: "n", Name: "j", Job: true}})
	same(t, "columns", e.Dataset.ColumnLineage, []events.ColumnLineage{{Field: "a"}})
	wantFindings(t, e.Verdict, []string{"/dataset/facets/lineage/inputs/0 openlineage.identity"})

	e, _, err = Read(put(onStatic, []byte(`{"columnLineage": {`+base+`, "fields": {"b": {"inputFields": []}}}}`)))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "from columns", e.LineageFrom, events.LineageFromColumns)
	same(t, "columns alone", e.Dataset.ColumnLineage, []events.ColumnLineage{{Field: "b"}})
}

func TestDatasetFacts(t *testing.T) {
	e := read(t, outDataset, outDataset+`"symlinks": {`+base+`, "identifiers": [{"namespace": "hive", "name": "default.t", "type": "TABLE"}, {"namespace": "hive"}]},
		"lifecycleStateChange": {`+base+`, "lifecycleStateChange": "RENAME", "previousIdentifier": {"namespace": "db", "name": "old"}}`)
	same(t, "symlinks", e.Outputs[0].Symlinks, []events.DatasetRef{{Namespace: "hive", Name: "default.t"}})
	same(t, "lifecycle", e.Outputs[0].Lifecycle, events.Lifecycle{Change: "RENAME", Previous: events.DatasetRef{Namespace: "db", Name: "old"}})

	for text, want := range map[string]int64{"0": 0, "42": 42, "1.5e1": 15, "9223372036854775807": 1<<63 - 1} {
		e = read(t, outFacets, outFacets+`"outputStatistics": {`+base+`, "rowCount": `+text+`}`)
		if e.Outputs[0].Rows == nil || *e.Outputs[0].Rows != want {
			t.Errorf("%s rows are read as %v", text, e.Outputs[0].Rows)
		}
	}
	for _, text := range []string{`"many"`, `1.5`, `1e400`, `9223372036854775808`, `null`} {
		e = read(t, inputFacets, inputFacets+`"inputStatistics": {`+base+`, "rowCount": `+text+`}`)
		if e.Inputs[0].Rows != nil {
			t.Errorf("%s rows are read as %v", text, *e.Inputs[0].Rows)
		}
	}
}

func TestRunFacts(t *testing.T) {
	const parent = `{` + base + `, "run": {"runId": "r"}, "job": {"namespace": "n", "name": "dag"}, "root": {"run": {"runId": "rr"}, "job": {"namespace": "n", "name": "root"}}}`
	want := events.RunParent{Run: "r", Job: events.JobRef{Namespace: "n", Name: "dag"}, RootRun: "rr", RootJob: events.JobRef{Namespace: "n", Name: "root"}}
	for _, name := range []string{"parent", "parentRun"} {
		e := read(t, runFacets, runFacets+`"`+name+`": `+parent)
		same(t, name, e.Parent, want)
	}
	e := read(t, runFacets, runFacets+`"nominalTime": {`+base+`, "nominalStartTime": "2026-01-08T00:00:00", "nominalEndTime": "tomorrow"}`)
	if got := e.NominalTime.Start.String(); got != "2026-01-08T00:00:00Z" || e.NominalTime.End != 0 {
		t.Errorf("the nominal time is %+v", e.NominalTime)
	}
	e = read(t, runFacets, runFacets+`"jobDependencies": {`+base+`, "upstream": [{"job": {"namespace": "n", "name": "before"}, "run": {"runId": "019127df-0850-72bc-b214-b255290588a6"},
		"dependency_type": "IMPLICIT", "sequence_trigger_rule": "FINISH_TO_START", "status_trigger_rule": "EXECUTE_EVERY_TIME"}, {"job": {"name": "nameless"}}],
		"downstream": [{"job": {"namespace": "n", "name": "after"}}]}`)
	same(t, "dependencies", e.Dependencies, []events.JobDependency{
		{Job: events.JobRef{Namespace: "n", Name: "before"}, Run: "019127df-0850-72bc-b214-b255290588a6", Type: "IMPLICIT", Sequence: "FINISH_TO_START", Status: "EXECUTE_EVERY_TIME"},
		{Downstream: true, Job: events.JobRef{Namespace: "n", Name: "after"}}})
	e = read(t, runFacets, runFacets+`"jobDependencies": {`+base+`}`)
	same(t, "no dependencies", e.Dependencies, []events.JobDependency{})
	e = read(t, jobFacets, jobFacets+`"jobType": {`+base+`, "processingType": "STREAMING", "integration": "FLINK", "emissionPattern": {"eventTrigger": "PERIODIC", "eventContentMode": "COMPLETE_SNAPSHOT"}}`)
	same(t, "processing", e.ProcessingType, "STREAMING")
	same(t, "snapshot", e.CompleteSnapshot, true)
	e = read(t, jobFacets, jobFacets+`"jobType": {`+base+`, "_deleted": true}`)
	same(t, "deleted", e.JobDeleted, []string{"jobType"})
	e = read(t, `COMPLETE`, `DONE`)
	same(t, "unknown event type", e.EventType, "")
}

// TestChecks: assertions of datasets, in either place that clients send them, and the
// tests of a run, which are of the dataset that the event is about if it is one.
func TestChecks(t *testing.T) {
	assertions := `"dataQualityAssertions": {` + base + `, "assertions": [
		{"assertion": "not_null", "column": "id", "success": true},
		{"assertion": "accepted", "name": "known kinds", "column": "kind", "success": false, "severity": "warn", "actual": "secret"},
		{"assertion": "odd", "success": "no"}, {"assertion": "silent"}]}`
	pass := events.LineageCheck{Dataset: events.DatasetRef{Namespace: "db", Name: "in"}, Assertion: "not_null", Column: "id", Outcome: "pass"}
	fail := events.LineageCheck{Dataset: pass.Dataset, Assertion: "accepted", Name: "known kinds", Column: "kind", Outcome: "fail", Severity: "warn"}
	const in = `"inputs": [{"namespace": "db", "name": "in", "facets": {}, "inputFacets": {}}],`
	for _, place := range []string{`"facets": {` + assertions + `}`, `"inputFacets": {` + assertions + `}`} {
		e := read(t, in, `"inputs": [{"namespace": "db", "name": "in", `+place+`}],`)
		same(t, place, e.Checks, []events.LineageCheck{pass, fail})
		same(t, "what tells no outcome is a finding", len(e.Verdict.Findings) >= 2, true)
	}

	const run = `"run": {"runId": "`
	test := `"test": {` + base + `, "tests": [{"name": "unique_id", "type": "unique", "status": "FAIL", "severity": "error", "params": {"column_name": "id"}}, {"name": "n", "status": "unknown"}]}`
	for _, c := range []struct {
		in   string
		want events.DatasetRef
	}{{`"inputs": [{"namespace": "db", "name": "in"}], "outputs": [],`, pass.Dataset}, {`"inputs": [{"namespace": "db", "name": "in"}], "outputs": [{"namespace": "db", "name": "out"}],`, events.DatasetRef{}}} {
		raw := `{"eventType": "COMPLETE", "eventTime": "2026-01-08T01:30:00Z", ` + run + `0198c5a2-6d10-7c3e-9f1b-3a52c7f0e001", "facets": {` + test + `}},
			"job": {"namespace": "dbt", "name": "test"}, ` + c.in + ` "producer": "https://example.org", "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}`
		e, _, err := Read([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		admissible(t, e)
		same(t, c.in, e.Checks, []events.LineageCheck{{Dataset: c.want, Assertion: "unique", Name: "unique_id", Column: "id", Outcome: "fail", Severity: "error"}})
	}
}
