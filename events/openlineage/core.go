package openlineage

import (
	"bytes"
	"fmt"
)

// eventShapes are the three kinds of event of core 2-0-2. Members of the other
// kinds that JSON Schema's oneOf does not admit are remarked on.
var eventShapes = map[string]*shape{
	runEvent: event(runEvent,
		may("eventType", enum(eventTypes...)),
		must("run", object(must("runId", uuid), may("facets", facetsAt(onRun)))),
		must("job", jobShape), may("inputs", inputs), may("outputs", outputs)),
	jobEvent: event(jobEvent,
		may("run", anything.but("openlineage.event-kind", "may not stand in a JobEvent, and the event has no run identity")),
		must("job", jobShape), may("inputs", inputs), may("outputs", outputs)),
	datasetEvent: event(datasetEvent,
		may("job", anything.but("openlineage.event-kind", "stands beside a dataset and no run: the event is both a JobEvent and a DatasetEvent")),
		must("dataset", datasetShape(facetsAt(onStatic)))),
}

var eventTypes = []string{"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}

var (
	jobShape = object(must("namespace", text), must("name", text), may("facets", facetsAt(onJob)))
	inputs   = list(datasetShape(facetsAt(onDataset), may("inputFacets", facetsAt(onInput))))
	outputs  = list(datasetShape(facetsAt(onDataset), may("outputFacets", facetsAt(onOutput))))
)

func datasetShape(facets *shape, more ...member) *shape {
	return object(append(more, must("namespace", text), must("name", text), may("facets", facets))...)
}

func event(kind string, more ...member) *shape {
	return object(append(more, must("eventTime", dateTime), must("producer", uri), must("schemaURL", schemaURL(kind)))...)
}

// schemaURL is a URI whose fragment, if it names a kind of event, names this one.
func schemaURL(kind string) *shape {
	return &shape{kind: '"', format: func(s []byte) (rule, detail string) {
		named := string(s[bytes.LastIndexByte(s, '/')+1:])
		if named != kind && (named == runEvent || named == jobEvent || named == datasetEvent) {
			return "openlineage.event-kind", fmt.Sprintf("says %s, but the event has the shape of a %s and is read as that", named, kind)
		}
		return uriFormat(s)
	}}
}
