package openlineage

// The structs below are the parts of an event that facts are made of. Where a
// facet is a pointer, nil says that the event does not have it.

type wireEvent struct {
	EventType string
	EventTime string
	Producer  string
	SchemaURL string
	Run       wireRun
	Job       wireJob
	Dataset   wireDataset
	Inputs    []wireDataset
	Outputs   []wireDataset
}

type wireID struct {
	Namespace string
	Name      string
}

// wireBase is in every facet that can be deleted.
type wireBase struct {
	Deleted bool
}

type wireRun struct {
	RunID  string
	Facets struct {
		Parent *wireParent
		// ParentRun is what Airflow's client called the parent facet until 2022.
		ParentRun       *wireParent
		NominalTime     *wireNominal
		JobDependencies *wireDependencies
		Tests           []wireCheck
	}
}

type wireNominal struct{ Start, End string }

type wireDependencies struct{ Upstream, Downstream []wireDependency }

type wireParent struct {
	Run  wireRunID
	Job  wireID
	Root struct {
		Run wireRunID
		Job wireID
	}
}

type wireDependency struct {
	Job      wireID
	Run      wireRunID
	Type     string
	Sequence string
	Status   string
}

type wireRunID struct {
	RunID string
}

type wireJob struct {
	wireID
	Facets struct {
		JobType *wireJobType
		Lineage *wireLineage
	}
}

type wireJobType struct {
	wireBase
	ProcessingType string
	ContentMode    string // of its emission pattern
}

// wireLineage is explicit lineage as told of a job.
type wireLineage struct {
	wireBase
	Entries []wireEntry
}

type wireDataset struct {
	wireID
	Facets *wireDatasetFacets
	// Read and Written are the numbers of rows of the statistics facets.
	Read, Written count
	// Asserted are the assertions of the input facets; those of the dataset facets
	// stand there.
	Asserted []wireCheck
}

// wireCheck is an assertion about a dataset, or a test of a run. Success is of the
// first, Status of the second.
type wireCheck struct {
	Type     string
	Name     string
	Column   string
	Severity string
	Status   string
	Success  *bool
}

type wireDatasetFacets struct {
	Schema        *wireSchema
	Symlinks      *wireSymlinks
	ColumnLineage *wireColumnLineage
	Lifecycle     *wireLifecycle
	Lineage       *wireDatasetLineage
	Asserted      []wireCheck
}

type wireSchema struct {
	wireBase
	Fields []wireField
}

type wireSymlinks struct {
	wireBase
	Identifiers []wireID
}

type wireLifecycle struct {
	wireBase
	Change   string
	Previous wireID
}

// wireDatasetLineage is explicit lineage as told of a dataset.
type wireDatasetLineage struct {
	wireBase
	wireFlows
}

type wireField struct {
	Name   string
	Type   string
	Fields []wireField
}

type wireColumnLineage struct {
	wireBase
	Fields  []wireColumn
	Dataset []wireSource
}

// wireColumn is a column and what went into it. Columns are sorted by name.
type wireColumn struct {
	Name   string
	Inputs []wireSource
	// TransformationType is of columnLineage 1-0-0: IDENTITY or MASKED, for all
	// inputs at once.
	TransformationType string
}

// wireFlows is what flows into one target of explicit lineage.
type wireFlows struct {
	Inputs []wireSource
	Fields []wireColumn
}

type wireEntry struct {
	wireID
	Type  string
	RunID string
	wireFlows
}

// wireSource is a source of column lineage or of explicit lineage; only the
// latter has a type and a run.
type wireSource struct {
	wireID
	Type            string
	RunID           string
	Field           string
	Transformations []wireTransformation
}

type wireTransformation struct {
	Type    string
	Subtype string
	Masking bool
}

// A count is a whole number that may be written as one with a fraction of zero,
// and may be absent.
type count struct {
	n     int64
	known bool
}
