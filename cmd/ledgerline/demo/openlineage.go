package demo

import (
	"bytes"
	"encoding/json"
	"time"
)

// The OpenLineage events of the story are what a scheduler with the OpenLineage
// integration would send: RunEvents of core 2-0-2 with the facets of its day.
// See https://openlineage.io/docs/spec/object-model.

const (
	runEventSchema = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
	facetSchemas   = "https://openlineage.io/spec/facets/"
)

type runEvent struct {
	EventType string        `json:"eventType"`
	EventTime string        `json:"eventTime"`
	Run       runPart       `json:"run"`
	Job       jobPart       `json:"job"`
	Inputs    []datasetPart `json:"inputs"`
	Outputs   []datasetPart `json:"outputs"`
	Producer  string        `json:"producer"`
	SchemaURL string        `json:"schemaURL"`
}

type runPart struct {
	RunID  string         `json:"runId"`
	Facets map[string]any `json:"facets,omitempty"`
}

type jobPart struct {
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Facets    map[string]any `json:"facets,omitempty"`
}

type datasetPart struct {
	Namespace    string         `json:"namespace"`
	Name         string         `json:"name"`
	Facets       map[string]any `json:"facets,omitempty"`
	InputFacets  map[string]any `json:"inputFacets,omitempty"`
	OutputFacets map[string]any `json:"outputFacets,omitempty"`
}

// facet holds what every facet must bear.
type facet struct {
	Producer  string `json:"_producer"`
	SchemaURL string `json:"_schemaURL"`
}

// facetOf names the schema of a facet: its version, its file and its definition
// in the file, which bear the same name.
func facetOf(producer, version, name string) facet {
	return facet{producer, facetSchemas + version + "/" + name + ".json#/$defs/" + name}
}

type nominalTimeFacet struct {
	facet
	Start string `json:"nominalStartTime"`
	End   string `json:"nominalEndTime"`
}

type engineFacet struct {
	facet
	Name    string `json:"name"`
	Version string `json:"version"`
	Adapter string `json:"openlineageAdapterVersion"`
}

type parentFacet struct {
	facet
	Run  runPart `json:"run"`
	Job  jobPart `json:"job"`
	Root struct {
		Run runPart `json:"run"`
		Job jobPart `json:"job"`
	} `json:"root"`
}

type errorFacet struct {
	facet
	Message  string `json:"message"`
	Language string `json:"programmingLanguage"`
}

type jobTypeFacet struct {
	facet
	ProcessingType string `json:"processingType"`
	Integration    string `json:"integration"`
	JobType        string `json:"jobType"`
}

type ownershipFacet struct {
	facet
	Owners []ownerPart `json:"owners"`
}

type ownerPart struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type documentationFacet struct {
	facet
	Description string `json:"description"`
	ContentType string `json:"contentType"`
}

type sqlFacet struct {
	facet
	Query   string `json:"query"`
	Dialect string `json:"dialect"`
}

type schemaFacet struct {
	facet
	Fields []schemaField `json:"fields"`
}

type schemaField struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description"`
	Ordinal     int    `json:"ordinal_position"`
}

type dataSourceFacet struct {
	facet
	Name string `json:"name"`
	URI  string `json:"uri"`
}

type statisticsFacet struct {
	facet
	RowCount int64 `json:"rowCount"`
}

type assertionsFacet struct {
	facet
	Assertions []assertion `json:"assertions"`
}

type assertion struct {
	Assertion string `json:"assertion"`
	Column    string `json:"column"`
	Success   bool   `json:"success"`
	Severity  string `json:"severity"`
}

type columnLineageFacet struct {
	facet
	Fields map[string]inputFields `json:"fields"`
	// Dataset lists what decides which rows there are at all: join keys and
	// filters. Said once here, not under every field.
	Dataset []inputField `json:"dataset,omitempty"`
}

type inputFields struct {
	InputFields []inputField `json:"inputFields"`
}

type inputField struct {
	Namespace       string           `json:"namespace"`
	Name            string           `json:"name"`
	Field           string           `json:"field"`
	Transformations []transformation `json:"transformations"`
}

type transformation struct {
	Type        string `json:"type"`
	Subtype     string `json:"subtype"`
	Description string `json:"description"`
	Masking     bool   `json:"masking"`
}

// encode writes a constant of this package as JSON, without escaping the < and >
// of its SQL.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("demo: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// stamp writes a time as OpenLineage clients do: RFC 3339 with milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
