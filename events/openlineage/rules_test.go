package openlineage

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"ledgerline/events"
)

// conforming is an event that breaks no rule; the cases below break one each.
const conforming = `{
  "eventType": "COMPLETE",
  "eventTime": "2026-01-08T09:30:00Z",
  "producer": "https://example.com/p",
  "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
  "run": {"runId": "019127df-0850-72bc-b214-b255290588a6", "facets": {}},
  "job": {"namespace": "n", "name": "j", "facets": {}},
  "inputs": [{"namespace": "db", "name": "in", "facets": {}, "inputFacets": {}}],
  "outputs": [{"namespace": "db", "name": "out", "facets": {}, "outputFacets": {}}]
}`

const base = `"_producer": "https://example.com/p", "_schemaURL": "https://example.com/s.json"`

// Places in the conforming event to put something into.
const (
	runFacets    = `88a6", "facets": {`
	jobFacets    = `"j", "facets": {`
	inputDataset = `"in", "facets": {`
	inputFacets  = `"inputFacets": {`
	outDataset   = `"out", "facets": {`
	outFacets    = `"outputFacets": {`
)

func replaced(t testing.TB, old, new string) []byte {
	t.Helper()
	if strings.Count(conforming, old) != 1 {
		t.Fatalf("%q stands %d times in the conforming event", old, strings.Count(conforming, old))
	}
	return []byte(strings.Replace(conforming, old, new, 1))
}

func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []string // "pointer rule"
	}{
		{"conforming", `"eventType"`, `"eventType"`, nil},
		{"nanoseconds", `09:30:00Z`, `09:30:00.123456789Z`, nil},
		{"offset", `09:30:00Z`, `17:30:00+08:00`, nil},
		{"no event type", `"eventType": "COMPLETE",`, ``, nil},
		{"unknown member", `"eventType"`, `"x.y-z": {"a": [null]}, "eventType"`, nil},
		{"old version", `2-0-2/OpenLineage.json#/$defs/`, `1-0-5/OpenLineage.json#/definitions/`, nil},
		{"no zone", `09:30:00Z`, `09:30:00.5`, []string{"/eventTime openlineage.time-zone"}},
		{"space in time", `08T09:30:00Z`, `08 09:30:00Z`, []string{"/eventTime openlineage.date-time"}},
		{"zone without colon", `09:30:00Z`, `09:30:00+0800`, []string{"/eventTime openlineage.date-time"}},
		{"Java zone name", `09:30:00Z`, `09:30+08:00[Asia/Shanghai]`, []string{"/eventTime openlineage.date-time"}},
		{"no producer", `"producer": "https://example.com/p",`, ``, []string{"/producer openlineage.required"}},
		{"producer is no URI", `"https://example.com/p"`, `"airflow"`, []string{"/producer openlineage.uri"}},
		{"producer with a space", `"https://example.com/p"`, `"https://example.com/a b"`, []string{"/producer openlineage.uri"}},
		{"no schemaURL", `"schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",`, ``, []string{"/schemaURL openlineage.required"}},
		{"schemaURL of another kind", `$defs/RunEvent`, `$defs/JobEvent`, []string{"/schemaURL openlineage.event-kind"}},
		{"event type in lower case", `COMPLETE`, `complete`, []string{"/eventType openlineage.enum"}},
		{"event type null", `"COMPLETE"`, `null`, []string{"/eventType openlineage.type"}},
		{"run id is no UUID", `019127df-0850`, `scheduled__2026`, []string{"/run/runId openlineage.uuid"}},
		{"inputs is an object", `"inputs": [{"namespace": "db", "name": "in", "facets": {}, "inputFacets": {}}]`, `"inputs": {}`, []string{"/inputs openlineage.type"}},
		{"input without a name", `"name": "in", `, ``, []string{"/inputs/0/name openlineage.required", "/inputs/0 openlineage.identity"}},
		{"input with an empty name", `"in"`, `""`, []string{"/inputs/0 openlineage.identity"}},
		{"input with a long name", `"in"`, `"` + strings.Repeat("表", 1366) + `"`, []string{"/inputs/0 openlineage.limit"}},
		{"NUL in a name", `"in"`, `"i\u0000n"`, []string{"/inputs/0 openlineage.identity"}},
		{"facet is a string", jobFacets, jobFacets + `"custom": "x"`, []string{"/job/facets/custom openlineage.type"}},
		{"facet without base", jobFacets, jobFacets + `"a/b~c": {}`, []string{"/job/facets/a~1b~0c/_producer openlineage.required", "/job/facets/a~1b~0c/_schemaURL openlineage.required"}},
		{"custom facet", jobFacets, jobFacets + `"spark.logical-plan": {` + base + `, "plan": [{"deep": [[]]}]}`, nil},
		{"deleted job facet", jobFacets, jobFacets + `"sql": {` + base + `, "_deleted": true}`, nil},
		{"not deleted after all", jobFacets, jobFacets + `"sql": {` + base + `, "_deleted": false}`, []string{"/job/facets/sql/query openlineage.required"}},
		{"deleted run facet", runFacets, runFacets + `"x": {` + base + `, "_deleted": true}`, []string{"/run/facets/x/_deleted openlineage.deleted"}},
		{"deleted input facet", inputFacets, inputFacets + `"x": {` + base + `, "_deleted": true}`, []string{"/inputs/0/inputFacets/x/_deleted openlineage.deleted"}},
		{"deleted output facet", outFacets, outFacets + `"x": {` + base + `, "_deleted": true}`, []string{"/outputs/0/outputFacets/x/_deleted openlineage.deleted"}},
		{"facet of another place", jobFacets, jobFacets + `"schema": {` + base + `}`, []string{"/job/facets/schema openlineage.facet-place"}},
		{"dataset lineage outside a DatasetEvent", outDataset, outDataset + `"lineage": {` + base + `, "inputs": []}`, []string{"/outputs/0/facets/lineage openlineage.facet-place"}},
		{"old name of parent", runFacets, runFacets + `"parentRun": {` + base + `, "run": {"runId": "r"}, "job": {"namespace": "n", "name": "p"}}`, []string{"/run/facets/parentRun openlineage.facet-name"}},
		{"parent without job", runFacets, runFacets + `"parent": {` + base + `, "run": {"runId": "019127df-0850-72bc-b214-b255290588a6"}}`,
			[]string{"/run/facets/parent/job openlineage.required", "/run/facets/parent/job openlineage.identity"}},
		{"forwarded facets", runFacets, runFacets + `"parent": {` + base + `, "run": {"runId": "019127df-0850-72bc-b214-b255290588a6", "facets": {"x": {` + base + `}}}, "job": {"namespace": "n", "name": "p", "facets": {"y-z": {"_producer": "https://example.com/p"}}}}`,
			[]string{"/run/facets/parent/job/facets/y-z/_schemaURL openlineage.required"}},
		{"wrong lifecycle", outDataset, outDataset + `"lifecycleStateChange": {` + base + `, "lifecycleStateChange": "MOVE"}`, []string{"/outputs/0/facets/lifecycleStateChange/lifecycleStateChange openlineage.enum"}},
		{"integer with a fraction", outFacets, outFacets + `"outputStatistics": {` + base + `, "rowCount": 1.5}`, []string{"/outputs/0/outputFacets/outputStatistics/rowCount openlineage.integer"}},
		{"integer written as 1e3", outFacets, outFacets + `"outputStatistics": {` + base + `, "rowCount": 1e3}`, nil},
		{"no window", jobFacets, jobFacets + `"jobType": {` + base + `, "processingType": "STREAMING", "integration": "X", "emissionPattern": {"eventTrigger": "PERIODIC", "eventContentMode": "ACCUMULATIVE", "windowDuration": 0}}`,
			[]string{"/job/facets/jobType/emissionPattern/windowDuration openlineage.integer"}},
		{"lineage source of an unknown type", jobFacets, jobFacets + `"lineage": {` + base + `, "entries": [{"type": "JOB", "inputs": [{"type": "FILE", "namespace": "n", "name": "f"}]}]}`,
			[]string{"/job/facets/lineage/entries/0/inputs/0/type openlineage.enum"}},
		{"lineage of a dataset without a name", jobFacets, jobFacets + `"lineage": {` + base + `, "entries": [{"type": "DATASET", "inputs": []}]}`,
			[]string{"/job/facets/lineage/entries/0/namespace openlineage.required", "/job/facets/lineage/entries/0/name openlineage.required", "/job/facets/lineage/entries/0 openlineage.identity"}},
		{"half a job", jobFacets, jobFacets + `"lineage": {` + base + `, "entries": [{"type": "JOB", "name": "x", "inputs": []}]}`,
			[]string{"/job/facets/lineage/entries/0/namespace openlineage.required", "/job/facets/lineage/entries/0 openlineage.identity"}},
		{"lineage beyond the outputs", jobFacets, jobFacets + `"lineage": {` + base + `, "entries": [{"type": "DATASET", "namespace": "db", "name": "other", "inputs": []}]}`,
			[]string{"/job/facets/lineage/entries/0 openlineage.boundary"}},
		{"column without input fields", outDataset, outDataset + `"columnLineage": {` + base + `, "fields": {"a.b": {}}}`, []string{"/outputs/0/facets/columnLineage/fields/a.b/inputFields openlineage.required"}},
		{"comparison without a side", inputFacets, inputFacets + `"subset": {` + base + `, "inputCondition": {"type": "compare", "left": {"type": "field", "field": "a"}, "comparison": "EQUAL"}}`,
			[]string{"/inputs/0/inputFacets/subset/inputCondition/right openlineage.required"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _, err := Read(replaced(t, c.old, c.new))
			if err != nil {
				t.Fatal(err)
			}
			admissible(t, e)
			wantFindings(t, e.Verdict, c.want)
		})
	}
}

func wantFindings(t *testing.T, v events.Verdict, want []string) {
	t.Helper()
	var got []string
	conformant := true
	for _, f := range v.Findings {
		got = append(got, f.Pointer+" "+f.Rule)
		conformant = conformant && f.Rule == limit
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	if v.Conformant != conformant {
		t.Errorf("conformant is %v with %q", v.Conformant, got)
	}
	if err := Strict(v); (err == nil) != (len(want) == 0) {
		t.Errorf("strictly, %q is %v", got, err)
	}
}

// The kind is decided by the members; what oneOf would not admit is found.
func TestKinds(t *testing.T) {
	const head = `{"eventTime": "2026-01-08T09:30:00Z", "producer": "https://example.com/p", "schemaURL": "https://example.com/s"`
	const run, job, dataset = `, "run": {"runId": "019127df-0850-72bc-b214-b255290588a6"}`, `, "job": {"namespace": "n", "name": "j"}`, `, "dataset": {"namespace": "db", "name": "t"}`
	for _, c := range []struct {
		name, members, kind string
		want                []string
	}{
		{"run event", run + job, events.OpenLineageRun, nil},
		{"run event with a dataset", run + job + dataset, events.OpenLineageRun, nil},
		{"job event", job, events.OpenLineageJob, nil},
		{"job event with a null run", job + `, "run": null`, events.OpenLineageJob, []string{"/run openlineage.event-kind"}},
		{"dataset event", dataset, events.OpenLineageDataset, nil},
		{"dataset event with a run", dataset + run, events.OpenLineageDataset, nil},
		{"dataset event with a job", dataset + job, events.OpenLineageDataset, []string{"/job openlineage.event-kind"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _, err := Read([]byte(head + c.members + "}"))
			if err != nil {
				t.Fatal(err)
			}
			admissible(t, e)
			if e.Kind != c.kind {
				t.Errorf("the kind is %s, want %s", e.Kind, c.kind)
			}
			wantFindings(t, e.Verdict, c.want)
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, old, new, rule, field string
	}{
		{"run without job", `"job": {"namespace": "n", "name": "j", "facets": {}},`, ``, "openlineage.identity", ""},
		{"nobody", `"run": {"runId": "019127df-0850-72bc-b214-b255290588a6", "facets": {}},
  "job": {"namespace": "n", "name": "j", "facets": {}},`, ``, "openlineage.identity", ""},
		{"run without id", `"runId": "019127df-0850-72bc-b214-b255290588a6"`, `"runId": null`, "openlineage.identity", "/run"},
		{"run is a string", `{"runId": "019127df-0850-72bc-b214-b255290588a6", "facets": {}}`, `"r"`, "openlineage.identity", "/run"},
		{"empty namespace", `"n",`, `"",`, "openlineage.identity", "/job"},
		{"empty name", `"j"`, `""`, "openlineage.identity", "/job"},
		{"long name", `"j"`, `"` + strings.Repeat("j", events.MaxName) + `"`, "openlineage.limit", "/job"},
		{"no time", `"eventTime": "2026-01-08T09:30:00Z",`, ``, "openlineage.event-time", "/eventTime"},
		{"time is a number", `"2026-01-08T09:30:00Z"`, `1767864600000`, "openlineage.event-time", "/eventTime"},
		{"no day", `2026-01-08T`, `2026-02-30T`, "openlineage.event-time", "/eventTime"},
		{"year 0", `2026-01-08T09:30:00Z`, `0000-01-08T09:30:00Z`, "openlineage.event-time", "/eventTime"},
		{"clock never set", `2026-01-08T09:30:00Z`, `1970-01-01T00:00:00Z`, "openlineage.event-time", "/eventTime"},
		{"not JSON", `"inputs": [`, `"inputs": [,`, "openlineage.json", "/inputs"},
		{"cut short", `"outputFacets": {}}]
}`, `"outputFacets"`, "openlineage.json", "/outputs/0/outputFacets"},
		{"more after it", `"outputFacets": {}}]
}`, `"outputFacets": {}}]} {}`, "openlineage.json", ""},
		{"bad UTF-8", `"in"`, "\"\xff\"", "openlineage.json", "/inputs/0/name"},
		{"duplicate", `"eventType": "COMPLETE"`, `"eventType": "COMPLETE", "eventType": "FAIL"`, "openlineage.duplicate", "/eventType"},
		{"duplicate in an unknown facet", jobFacets, jobFacets + `"x": {"a": [{"b": 1, "b": 2}]}`, "openlineage.duplicate", "/job/facets/x/a/0/b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Read(replaced(t, c.old, c.new))
			wantRefusal(t, err, c.rule, c.field)
		})
	}
	for name, text := range map[string]string{"empty": ``, "null": `null`, "array": `[]`, "string": `"x"`} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Read([]byte(text))
			wantRefusal(t, err, "openlineage.json", "")
		})
	}
}

func wantRefusal(t *testing.T, err error, rule, field string) {
	t.Helper()
	var r *events.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal by %s", err, rule)
	}
	if r.Rule != rule || r.Field != field || r.Detail == "" || r.Fix == "" {
		t.Errorf("refused by %s at %q (%s; %s), want %s at %q", r.Rule, r.Field, r.Detail, r.Fix, rule, field)
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"empty", ` [ ] `, nil},
		{"verbatim", "[ {\"a\" : 1}\n, {\"a\":1,\"a\":2} ,3]", []string{`{"a" : 1}`, `{"a":1,"a":2}`, `3`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts, err := Split([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range parts {
				got = append(got, string(p))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	for name, c := range map[string][2]string{
		"object":    {`{}`, "openlineage.batch"},
		"nothing":   {``, "openlineage.json"},
		"cut short": {`[{}`, "openlineage.json"},
		"more":      {`[] []`, "openlineage.json"},
		"too many":  {`[` + strings.Repeat(`1,`, maxBatch) + `1]`, "openlineage.limit"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Split([]byte(c[0]))
			wantRefusal(t, err, c[1], "")
		})
	}
}
