package openlineage

// A place is where a facet stands. Dataset facets of a DatasetEvent are told
// apart from those on the inputs and outputs of a job, because explicit lineage
// of a dataset may only stand in the first.
type place uint

const (
	onRun place = 1 << iota
	onJob
	onDataset // of a RunEvent or JobEvent
	onStatic  // the dataset of a DatasetEvent
	onInput
	onOutput
)

// A facet is one of the standard facets: where it may stand and which members
// it has beside those of every facet. Members of which the specification says
// no more than that they are strings are listed; all others are admitted.
type facet struct {
	name    string
	places  place
	members []member
}

// facetBase has the bits of the members required of every facet.
const facetBase = 1<<0 | 1<<1

// shape of the facet at one of its places.
func (f facet) shape(at place) *shape {
	deleted := boolean
	if at&(onJob|onDataset|onStatic) == 0 {
		deleted = boolean.but("openlineage.deleted", "only job and dataset facets can be deleted")
	}
	base := []member{must("_producer", uri), must("_schemaURL", uri), may("_deleted", deleted)}
	s := object(append(base, f.members...)...)
	s.deletable = true
	return s
}

// facetsAt is the shape of the facets at a place: the standard ones as they are
// specified, any other with the members of every facet.
func facetsAt(at place) *shape {
	var members []member
	seen := make(map[string]bool)
	add := func(name string, s *shape) {
		if !seen[name] {
			seen[name] = true
			members = append(members, may(name, s))
		}
	}
	for _, f := range standardFacets {
		if f.places&at != 0 {
			add(f.name, f.shape(at))
		}
	}
	custom := facet{}.shape(at)
	for _, f := range standardFacets {
		add(f.name, custom.but("openlineage.facet-place", "is a standard facet that may not stand here"))
	}
	if at == onRun {
		add("parentRun", custom.but("openlineage.facet-name", "is the old name of the parent facet"))
	}
	s := object(members...)
	s.rest = custom
	return s
}

// Shapes that standard facets share.
var (
	jobID        = object(must("namespace", text), must("name", text))
	runID        = object(must("runId", uuid))
	datasetID    = jobID
	parentJob    = object(must("namespace", text), must("name", text), may("facets", dictionary(facet{}.shape(onJob))))
	parentRun    = object(must("runId", uuid), may("facets", dictionary(facet{}.shape(onRun))))
	owners       = []member{may("owners", list(object(must("name", text), may("type", text))))}
	document     = []member{must("description", text), may("contentType", text)}
	dependencies = list(object(must("job", jobID), may("run", runID), may("dependency_type", text),
		may("sequence_trigger_rule", text), may("status_trigger_rule", text)))
	transformations = list(object(must("type", text), may("subtype", text), may("description", text), may("masking", boolean)))
	inputFields     = list(object(must("namespace", text), must("name", text), must("field", text), may("transformations", transformations)))
	lineageInputs   = list(lineageNode(may("field", text), may("runId", uuid), may("transformations", transformations)))
	lineageFields   = dictionary(object(must("inputs", lineageInputs)))
	statistics      = []member{may("rowCount", integer), may("size", integer), may("fileCount", integer)}
	qualityMetrics  = []member{may("rowCount", integer), may("bytes", integer), may("fileCount", integer), may("lastUpdated", dateTime),
		must("columnMetrics", dictionary(object(may("nullCount", integer), may("distinctCount", integer), may("sum", number),
			may("count", number), may("min", number), may("max", number), may("quantiles", dictionary(number)))))}
)

// lineageNode is a source or target of explicit lineage: a dataset, or a job
// that is the event's own if it bears no name.
func lineageNode(members ...member) *shape {
	members = append(members, must("type", text), may("namespace", text), may("name", text))
	return object(members...).when("DATASET", "namespace", "name").when("JOB").allOrNone("namespace", "name")
}

// tags of a run or job; those of a dataset may also name a field.
func tags(more ...member) []member {
	return []member{may("tags", list(object(append(more, must("key", text), must("value", text), may("source", text))...)))}
}

// schemaFields nest: a field of a struct type has fields.
func schemaFields() *shape {
	fields := list(nil)
	fields.items = object(must("name", text), may("type", text), may("description", text),
		may("ordinal_position", integer), may("fields", fields))
	return fields
}

// subsetCondition says which part of a dataset is meant. Conditions nest; those
// of a comparison are its two sides.
func subsetCondition() *shape {
	nested := new(shape)
	*nested = *object(must("type", text), may("left", nested), may("right", nested), may("operator", text), may("comparison", text),
		may("field", text), may("value", text), may("locations", list(text)),
		may("partitions", list(object(may("identifier", text), must("dimensions", dictionary(nil))))))
	return nested.
		when("binary", "left", "right", "operator").
		when("compare", "left", "right", "comparison").
		when("location", "locations").
		when("partition", "partitions").
		when("field", "field").
		when("literal", "value")
}

// standardFacets are the facets under spec/facets of OpenLineage, each as in its
// newest version at core 2-0-2; older versions require no more. The facets a
// parent facet forwards are for convenience: no more is wanted of them than of any.
var standardFacets = []facet{
	{"parent", onRun, []member{must("run", parentRun), must("job", parentJob), may("root", object(must("run", parentRun), must("job", parentJob)))}},
	{"nominalTime", onRun, []member{must("nominalStartTime", dateTime), may("nominalEndTime", dateTime)}},
	{"errorMessage", onRun, []member{must("message", text), must("programmingLanguage", text), may("stackTrace", text)}},
	{"externalQuery", onRun, []member{must("externalQueryId", text), must("source", text)}},
	{"extractionError", onRun, []member{must("totalTasks", integer), must("failedTasks", integer),
		must("errors", list(object(must("errorMessage", text), may("stackTrace", text), may("task", text), may("taskNumber", integer))))}},
	{"processing_engine", onRun, []member{must("version", text), may("name", text), may("openlineageAdapterVersion", text)}},
	{"environmentVariables", onRun, []member{must("environmentVariables", list(object(must("name", text), must("value", text))))}},
	{"executionParameters", onRun, []member{may("parameters", list(object(must("key", text), may("name", text), may("description", text), may("value", text))))}},
	{"jobDependencies", onRun, []member{may("upstream", dependencies), may("downstream", dependencies), may("trigger_rule", text)}},
	{"test", onRun, []member{must("tests", list(object(must("name", text), must("status", text), may("severity", text), may("type", text),
		may("description", text), may("expected", text), may("actual", text), may("content", text), may("contentType", text), may("params", dictionary(nil)))))}},
	{"tags", onRun | onJob, tags()},

	{"sql", onJob, []member{must("query", text), may("dialect", text)}},
	{"sourceCode", onJob, []member{must("language", text), must("sourceCode", text)}},
	{"sourceCodeLocation", onJob, []member{must("type", text), must("url", uri), may("repoUrl", text), may("path", text),
		may("version", text), may("tag", text), may("branch", text), may("pullRequestNumber", text)}},
	{"documentation", onJob | onDataset | onStatic, document},
	{"ownership", onJob | onDataset | onStatic, owners},
	{"jobType", onJob, []member{must("processingType", text), must("integration", text), may("jobType", text),
		may("emissionPattern", object(must("eventTrigger", text), must("eventContentMode", text), may("windowDuration", positive)))}},
	{"lineage", onJob, []member{must("entries", list(lineageNode(may("runId", uuid), may("inputs", lineageInputs), may("fields", lineageFields))))}},
	{"lineage", onStatic, []member{may("inputs", lineageInputs), may("fields", lineageFields),
		may("entries", anything.but("openlineage.facet-place", "belongs to the lineage of a job"))}},

	{"schema", onDataset | onStatic, []member{may("fields", schemaFields())}},
	{"dataSource", onDataset | onStatic, []member{may("name", text), may("uri", uri)}},
	{"lifecycleStateChange", onDataset | onStatic, []member{may("previousIdentifier", datasetID),
		must("lifecycleStateChange", enum("ALTER", "CREATE", "DROP", "OVERWRITE", "RENAME", "TRUNCATE"))}},
	{"version", onDataset | onStatic, []member{must("datasetVersion", text)}},
	{"columnLineage", onDataset | onStatic, []member{may("dataset", inputFields), must("fields", dictionary(object(
		must("inputFields", inputFields), may("transformationDescription", text), may("transformationType", text))))}},
	{"symlinks", onDataset | onStatic, []member{may("identifiers", list(object(must("namespace", text), must("name", text), must("type", text))))}},
	{"storage", onDataset | onStatic, []member{must("storageLayer", text), may("fileFormat", text)}},
	{"catalog", onDataset | onStatic, []member{must("framework", text), must("type", text), must("name", text), may("metadataUri", text),
		may("warehouseUri", text), may("source", text), may("catalogProperties", dictionary(text))}},
	{"hierarchy", onDataset | onStatic, []member{must("hierarchy", list(object(must("type", text), must("name", text))))}},
	{"datasetType", onDataset | onStatic, []member{must("datasetType", text), may("subType", text)}},
	{"dataQualityMetrics", onDataset | onStatic | onInput, qualityMetrics},
	{"tags", onDataset | onStatic, tags(may("field", text))},
	// Declared as an input facet, named a dataset facet, and sent as both.
	{"dataQualityAssertions", onDataset | onStatic | onInput, []member{must("assertions", list(object(must("assertion", text), must("success", boolean),
		may("column", text), may("severity", text), may("name", text), may("description", text), may("expected", text), may("actual", text),
		may("content", text), may("contentType", text), may("params", dictionary(nil)))))}},

	{"inputStatistics", onInput, statistics},
	{"outputStatistics", onOutput, statistics},
	{"subset", onInput, []member{must("inputCondition", subsetCondition())}},
	{"subset", onOutput, []member{must("outputCondition", subsetCondition())}},
}
