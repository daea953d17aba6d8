package openlineage

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// put returns an event whose one facet is at a place; the facet is given as an
// object of one member.
func put(at place, facet []byte) []byte {
	const head = `"eventTime": "2026-01-08T09:30:00Z", "producer": "https://example.com/p", "schemaURL": "https://example.com/s"`
	const dataset = `"namespace": "db", "name": "t"`
	const job = `"job": {"namespace": "n", "name": "j"`
	template := map[place]string{
		onRun:     job + `}, "run": {"runId": "019127df-0850-72bc-b214-b255290588a6", "facets": %s}`,
		onJob:     job + `, "facets": %s}`,
		onDataset: job + `}, "outputs": [{` + dataset + `, "facets": %s}]`,
		onStatic:  `"dataset": {` + dataset + `, "facets": %s}`,
		onInput:   job + `}, "inputs": [{` + dataset + `, "inputFacets": %s}]`,
		onOutput:  job + `}, "outputs": [{` + dataset + `, "outputFacets": %s}]`,
	}[at]
	return fmt.Appendf(nil, "{"+head+", "+template+"}", facet)
}

// placesOf tells by the file's name and content where the specification has the
// facet stand.
func placesOf(name string, facet []byte) place {
	schema, which, _ := strings.Cut(name, "-")
	switch {
	case schema == "LineageFacet" && which == "dataset-to-dataset.json":
		return onStatic
	case schema == "LineageFacet":
		return onJob
	case schema == "BaseSubsetDatasetFacet" && bytes.Contains(facet, []byte("inputCondition")):
		return onInput
	case schema == "BaseSubsetDatasetFacet":
		return onOutput
	case schema == "DataQualityAssertionsDatasetFacet", schema == "DataQualityMetricsInputDatasetFacet", schema == "DataQualityMetricsDatasetFacet":
		return onInput | onDataset | onStatic
	case strings.HasPrefix(schema, "Tags"):
		return onRun | onJob | onDataset | onStatic
	case strings.HasPrefix(schema, "Documentation"), strings.HasPrefix(schema, "Ownership"):
		return onJob | onDataset | onStatic
	case strings.HasSuffix(schema, "InputDatasetFacet"):
		return onInput
	case strings.HasSuffix(schema, "OutputDatasetFacet"):
		return onOutput
	case strings.HasSuffix(schema, "DatasetFacet"):
		return onDataset | onStatic
	case strings.HasSuffix(schema, "JobFacet"):
		return onJob
	case strings.HasSuffix(schema, "RunFacet"):
		return onRun
	}
	return 0
}

// The specification's own examples keep every rule where they may stand, and are
// found everywhere else.
func TestStandardFacets(t *testing.T) {
	files, err := filepath.Glob("testdata/facets/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no facets: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		facet := readFile(t, file)
		t.Run(name, func(t *testing.T) {
			places := placesOf(name, facet)
			if places == 0 {
				t.Fatal("its place is not known")
			}
			for at := onRun; at <= onOutput; at <<= 1 {
				e, _, err := Read(put(at, facet))
				if err != nil {
					t.Fatal(err)
				}
				admissible(t, e)
				misplaced := false
				for _, f := range e.Verdict.Findings {
					misplaced = misplaced || f.Rule == "openlineage.facet-place" || f.Rule == "openlineage.required"
					// The event around an example has none of the example's datasets.
					if places&at != 0 && f.Rule != "openlineage.boundary" {
						t.Errorf("at place %b it breaks %v", at, f)
					}
				}
				if places&at == 0 && !misplaced {
					t.Errorf("at place %b it is not found to be misplaced", at)
				}
			}
		})
	}
}

// No facet stands twice at a place, and none has more members, nor a place more
// facets, than a set of 64 bits can hold.
func TestFacetTable(t *testing.T) {
	at := make(map[string]place)
	for _, f := range standardFacets {
		if at[f.name]&f.places != 0 {
			t.Errorf("%s stands twice at place %b", f.name, at[f.name]&f.places)
		}
		at[f.name] |= f.places
		if n := len(f.members) + 3; n > 64 {
			t.Errorf("%s has %d members", f.name, n)
		}
	}
	for p := onRun; p <= onOutput; p <<= 1 {
		if n := len(facetsAt(p).names); n > 64 {
			t.Errorf("place %b has %d facets", p, n)
		}
	}
	// There are 38 schemas; documentation, ownership and dataQualityMetrics have two
	// each, tags has three.
	if len(at) != 33 {
		t.Errorf("the table has %d names", len(at))
	}
}

// The 38 schemas of standard facets: the name of each facet, where it stands, and the
// members that it must have beside those of every facet, as its schema says.
var facetSchemas = map[string]struct {
	name     string
	at       place
	required string
}{
	"ParentRunFacet":                      {"parent", onRun, "run job"},
	"NominalTimeRunFacet":                 {"nominalTime", onRun, "nominalStartTime"},
	"ErrorMessageRunFacet":                {"errorMessage", onRun, "message programmingLanguage"},
	"ExternalQueryRunFacet":               {"externalQuery", onRun, "externalQueryId source"},
	"ExtractionErrorRunFacet":             {"extractionError", onRun, "totalTasks failedTasks errors"},
	"ProcessingEngineRunFacet":            {"processing_engine", onRun, "version"},
	"EnvironmentVariablesRunFacet":        {"environmentVariables", onRun, "environmentVariables"},
	"ExecutionParametersRunFacet":         {"executionParameters", onRun, ""},
	"JobDependenciesRunFacet":             {"jobDependencies", onRun, ""},
	"TagsRunFacet":                        {"tags", onRun, ""},
	"TestRunFacet":                        {"test", onRun, "tests"},
	"SQLJobFacet":                         {"sql", onJob, "query"},
	"SourceCodeJobFacet":                  {"sourceCode", onJob, "language sourceCode"},
	"SourceCodeLocationJobFacet":          {"sourceCodeLocation", onJob, "type url"},
	"DocumentationJobFacet":               {"documentation", onJob, "description"},
	"OwnershipJobFacet":                   {"ownership", onJob, ""},
	"JobTypeJobFacet":                     {"jobType", onJob, "processingType integration"},
	"TagsJobFacet":                        {"tags", onJob, ""},
	"LineageFacet":                        {"lineage", onJob, "entries"},
	"SchemaDatasetFacet":                  {"schema", onDataset, ""},
	"DatasourceDatasetFacet":              {"dataSource", onDataset, ""},
	"DocumentationDatasetFacet":           {"documentation", onDataset, "description"},
	"OwnershipDatasetFacet":               {"ownership", onDataset, ""},
	"LifecycleStateChangeDatasetFacet":    {"lifecycleStateChange", onDataset, "lifecycleStateChange"},
	"DatasetVersionDatasetFacet":          {"version", onDataset, "datasetVersion"},
	"ColumnLineageDatasetFacet":           {"columnLineage", onDataset, "fields"},
	"SymlinksDatasetFacet":                {"symlinks", onDataset, ""},
	"StorageDatasetFacet":                 {"storage", onDataset, "storageLayer"},
	"CatalogDatasetFacet":                 {"catalog", onDataset, "framework type name"},
	"HierarchyDatasetFacet":               {"hierarchy", onDataset, "hierarchy"},
	"DatasetTypeDatasetFacet":             {"datasetType", onDataset, "datasetType"},
	"DataQualityMetricsDatasetFacet":      {"dataQualityMetrics", onDataset, "columnMetrics"},
	"TagsDatasetFacet":                    {"tags", onDataset, ""},
	"DataQualityAssertionsDatasetFacet":   {"dataQualityAssertions", onInput, "assertions"},
	"InputStatisticsInputDatasetFacet":    {"inputStatistics", onInput, ""},
	"DataQualityMetricsInputDatasetFacet": {"dataQualityMetrics", onInput, "columnMetrics"},
	"BaseSubsetDatasetFacet":              {"subset", onInput, "inputCondition"},
	"OutputStatisticsOutputDatasetFacet":  {"outputStatistics", onOutput, ""},
}

// The specification has examples of all facets but these.
var facetExamples = map[string]string{
	"CatalogDatasetFacet":         `"framework": "iceberg", "type": "jdbc", "name": "lake", "metadataUri": "jdbc:postgresql://lake", "warehouseUri": "s3://lake", "source": "spark", "catalogProperties": {"region": "north"}`,
	"ExecutionParametersRunFacet": `"parameters": [{"key": "p1", "name": "threads", "description": "how many", "value": "4"}]`,
	"JobDependenciesRunFacet": `"upstream": [{"job": {"namespace": "etl", "name": "before"}, "run": {"runId": "019127df-0850-72bc-b214-b255290588a6"}, "dependency_type": "IMPLICIT",
		"sequence_trigger_rule": "FINISH_TO_START", "status_trigger_rule": "EXECUTE_EVERY_TIME"}], "downstream": [{"job": {"namespace": "etl", "name": "after"}}], "trigger_rule": "ALL_SUCCESS"`,
	"TestRunFacet":                     `"tests": [{"name": "not_null", "status": "pass", "severity": "error", "type": "generic", "description": "d", "expected": "0", "actual": "0", "content": "select 1", "contentType": "sql", "params": {"column": "id"}}]`,
	"InputStatisticsInputDatasetFacet": `"rowCount": 3, "size": 100, "fileCount": 1`,
}

// TestEveryStandardFacet: there is an example of each of the 38 facets that conforms;
// without a member that its schema requires it does not, and the verdict names the
// member; without any other it does; and no member may be of another type.
func TestEveryStandardFacet(t *testing.T) {
	if len(facetSchemas) != 38 {
		t.Fatalf("%d schemas", len(facetSchemas))
	}
	for schema, f := range facetSchemas {
		t.Run(schema, func(t *testing.T) {
			text := []byte(`{"` + f.name + `": {` + base + ", " + facetExamples[schema] + `}}`)
			if facetExamples[schema] == "" {
				files, err := filepath.Glob("testdata/facets/" + schema + "-*.json")
				if err != nil || len(files) == 0 {
					t.Fatalf("there is no example: %v", err)
				}
				for _, file := range files {
					if text = readFile(t, file); placesOf(filepath.Base(file), text)&f.at != 0 {
						break
					}
				}
			}
			verdict := func(members map[string]jsontext.Value) (found []string) {
				facet, err := json.Marshal(map[string]any{f.name: members}, json.Deterministic(true))
				if err != nil {
					t.Fatal(err)
				}
				e, _, err := Read(put(f.at, facet))
				if err != nil {
					t.Fatal(err)
				}
				admissible(t, e)
				for _, f := range e.Verdict.Findings {
					if f.Rule != "openlineage.boundary" { // the event around the example has none of its datasets
						found = append(found, f.Pointer+" "+f.Rule)
					}
				}
				return found
			}
			var example map[string]map[string]jsontext.Value
			if err := json.Unmarshal(text, &example); err != nil {
				t.Fatal(err)
			}
			members := example[f.name]
			if found := verdict(members); found != nil {
				t.Fatalf("the example %s breaks %v", text, found)
			}
			required := append(strings.Fields(f.required), "_producer", "_schemaURL")
			for _, name := range required {
				if members[name] == nil {
					t.Errorf("the example has no %s, which is required", name)
				}
			}
			for name := range members {
				less := maps.Clone(members)
				delete(less, name)
				found := verdict(less)
				if slices.Contains(required, name) {
					if len(found) == 0 || !strings.HasSuffix(found[0], "/"+f.name+"/"+name+" openlineage.required") {
						t.Errorf("without %s: %v", name, found)
					}
				} else if found != nil {
					t.Errorf("without %s, which is not required: %v", name, found)
				}
				odd := maps.Clone(members)
				if odd[name] = jsontext.Value("[[]]"); strings.HasPrefix(string(members[name]), "[") {
					odd[name] = jsontext.Value("true")
				}
				if found := verdict(odd); len(found) == 0 || !strings.Contains(found[0], "/"+f.name+"/"+name) {
					t.Errorf("%s of another type: %v", name, found)
				}
			}
		})
	}
}
