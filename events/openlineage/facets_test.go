package openlineage

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
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
