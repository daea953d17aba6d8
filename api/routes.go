package api

import (
	"net/http"
	"reflect"
)

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// routes is everything this server answers. The router, the OpenAPI document
// and the page of documentation are all made from this table.
func routes() []route {
	return []route{
		{post, "/v1/events", "Append events: one CloudEvent, a batch (all or nothing) or a stream of lines", accessWrite, postEvents(), exampleEvent},
		{get, "/v1/events", "List records, filtered, in order of position", accessRead, viewed(listEvents), "?type=catalog.&limit=20"},
		{get, "/v1/events/stream", "Follow records as server-sent events; resume with Last-Event-ID", accessRead, followEvents(), "?from=0"},
		{get, "/v1/events/{position}", "One record: the event as a CloudEvent, with what the ledger added", accessRead, direct(getEvent), ""},
		{get, "/v1/events/{position}/facets/{name}", "A part kept beside the event, such as the raw OpenLineage body", accessRead, getFacet(), ""},
		{get, "/v1/records/{position}", "The evidence behind one record: leaf, body and salt, byte for byte", accessRead, direct(getRecord), ""},

		{get, "/v1/catalog/entries", "Search the catalog", accessRead, viewed(listEntries), "?text=population&stage=published"},
		{get, "/v1/catalog/entries/{id}", "One catalog entry, as known then and in force then", accessRead, viewed(getEntry), ""},
		{get, "/v1/catalog/entries/{id}/history", "Every step of a catalog entry, with what changed", accessRead, viewed(getEntryHistory), ""},
		{get, "/v1/catalog/diff", "What was added, changed and withdrawn between two moments", accessRead, viewed(diffCatalog), "?from=0"},
		{get, "/v1/catalog/export", "The whole catalog as of a moment, as DCAT 3 (JSON-LD) or CSV", accessRead, exportCatalog(), "?format=dcat"},
		{get, "/v1/catalog/hook-rate", "How many entries that have to be shared can really be had, and which cannot", accessRead, viewed(getHookRate), ""},
		{get, "/v1/parties", "List the registered parties", accessRead, viewed(listParties), ""},
		{get, "/v1/parties/{id}", "One party", accessRead, viewed(getParty), ""},
		{get, "/v1/parties/{id}/history", "Every state of a party: names, regions, roles, mergers", accessRead, viewed(getPartyHistory), ""},
		{get, "/v1/requests", "List requests: who asked whom for what, and what came of it", accessRead, viewed(listRequests), "?state=granted"},
		{get, "/v1/requests/{id}", "One request", accessRead, viewed(getRequest), ""},
		{get, "/v1/agreements", "List agreements: who shares what with whom, for what, until when", accessRead, viewed(listAgreements), "?state=active"},
		{get, "/v1/agreements/{id}", "One agreement", accessRead, viewed(getAgreement), ""},
		{get, "/v1/shares", "Who shared what with whom and when", accessRead, viewed(listShares), ""},
		{get, "/v1/accesses", "Recorded calls, sealed batches of calls and declared gaps, judged against the agreement active at the time", accessRead, viewed(listAccesses), "?flagged=true"},
		{get, "/v1/producers", "Who numbers its events or calls, how far, and which numbers are missing", accessRead, viewed(listProducers), "?gaps=true"},
		{get, "/v1/findings", "List quality issues", accessRead, viewed(listFindings), "?state=reported"},
		{get, "/v1/findings/{id}", "One quality issue", accessRead, viewed(getFinding), ""},
		{get, "/v1/duties", "What has to be done by when, and whether it was: with the rule, the pack and the calendar", accessRead, viewed(listDuties), "?state=breached"},
		{get, "/v1/violations", "Rules broken, by whom, with the records that show it", accessRead, viewed(listViolations), ""},
		{get, "/v1/bulletins/{period}", "How sharing went in a period: each figure with the records behind it, to be computed again by anybody", accessRead, getBulletin(), "?region=990000"},
		{get, "/v1/lineage", "The graph around a dataset, column, job, run or entry, as JSON, a picture, DOT, PROV or OpenLineage", accessRead, lineage(), "?node=dataset:warehouse/sales&direction=up"},
		{get, "/v1/lineage/path", "How data got from one node to another: the shortest paths first", accessRead, viewed(getPaths), "?from=dataset:warehouse/orders&to=dataset:warehouse/sales"},
		{get, "/v1/lineage/impact", "All that was made from a node, the entries that describe it, and who holds these", accessRead, viewed(getImpact), "?node=dataset:warehouse/orders"},
		{get, "/v1/lineage/diff", "What changed around a node between two moments", accessRead, viewed(diffLineage), "?node=dataset:warehouse/sales&from=0"},
		{get, "/v1/lineage/trace", "Where a value came from: the run that wrote it on a day, the runs that wrote what this read, and so on", accessRead, viewed(getTrace), "?node=dataset:warehouse/sales"},
		{get, "/v1/lineage/differences", "Columns that are declared to go into a dataset and were not observed, and the other way round", accessRead, viewed(listDifferences), "?node=dataset:warehouse/sales"},
		{get, "/v1/lineage/loose", "Datasets where the graph begins or ends: orphans and dead ends", accessRead, viewed(listLoose), "?kind=orphan"},
		{get, "/v1/exposure", "Who got a node or anything made from it within a window, under which agreement", accessRead, viewed(getExposure), "?node=dataset:warehouse/orders"},
		{get, "/v1/runs/{id}", "One run of a job, folded from its events", accessRead, viewed(getRun), ""},

		{post, "/api/v1/lineage", "Receive one OpenLineage event (RunEvent, JobEvent or DatasetEvent)", accessWrite, postLineage(), exampleRunEvent},
		{post, "/api/v1/lineage/batch", "Receive an array of OpenLineage events, each on its own", accessWrite, postLineageBatch(), "[" + exampleRunEvent + "]"},

		{post, "/v1/erasures", "Erase content: all of an owner's, or single facets. That it existed stays proven", accessAdmin, postErasure(), `{"id":"order-2026-4","facets":[{"position":13,"name":"description"}],"ground":"order 2026-4"}`},
		{get, "/v1/holds", "What may not be erased, and why", accessRead, direct(listHolds), ""},
		{post, "/v1/holds", "Keep content from being erased", accessAdmin, postHold(), `{"hold":"case-12","names":[{"kind":"agreement","parts":["A02"]}],"ground":"court order 12"}`},
		{post, "/v1/holds/{id}/release", "End a hold", accessAdmin, postRelease(), `{"ground":"settled"}`},

		{get, "/v1/proofs/inclusion", "Proof that a record is in the log, as C2SP tlog-proof text or JSON", accessRead, proveInclusion(), "?position=0"},
		{get, "/v1/proofs/time", "What outsiders show about when a record was made: the timestamped heads around it", accessRead, direct(proveTime), "?position=0"},
		{get, "/v1/proofs/consistency", "Proof that the log at one size begins with the log at an earlier size", accessRead, direct(proveConsistency), "?from=1"},
		{post, "/v1/evidence", "A bundle that proves an answer to somebody who does not trust this server: a ZIP, checked offline", accessRead, postEvidence(), `{"events":{"positions":[0]}}`},
		{get, "/v1/proofs/completeness", "Proof that certain records, and no others, bear a name within a window: nothing was left out", accessRead, proveCompleteness(), "?key=entry:DS02"},
		{get, "/log/checkpoint", "The published checkpoint, a C2SP signed note", accessPublic, checkpoint(), ""},
		{get, "/log/body/{position}", "The body of an event of the ledger about itself, which is public", accessRead, publicBody(), ""},
		{get, "/log/tile/entries/*", "Entry bundles, C2SP tlog-tiles: <N>[.p/<W>]", accessRead, entryTile(), ""},
		{get, "/log/tile/*", "Hash tiles, C2SP tlog-tiles: <L>/<N>[.p/<W>]", accessRead, hashTile(), ""},

		{get, "/v1/status", "Head, checkpoint, views and counts", accessRead, direct(getStatus), ""},
		{get, "/healthz", "The process is up", accessPublic, direct(getHealth), ""},
		{get, "/readyz", "The views have caught up with the book; 503 until they have", accessPublic, readiness(), ""},
		{get, "/metrics", "Prometheus metrics", accessPublic, raw(serveMetrics, text("text/plain")), ""},
		{get, "/debug/pprof/*", "Profiles of the process, for go tool pprof: heap, goroutine, profile?seconds=10, …", accessAdmin, profiles(), ""},

		{get, "/", "Start page", accessPublic, pageEndpoint(serveStart), ""},
		{get, "/events", "Records, filtered, for reading", accessRead, viewedPage("timeline.html", "title-records", showTimeline), ""},
		{get, "/investigate", "Who touched a node within a window and who got it or anything made from it, for reading", accessRead, viewedPage("investigate.html", "title-investigate", showInvestigation), ""},
		{post, "/evidence", "The evidence bundle that a form of a page asks for", accessRead, formEvidence(), "position=0"},
		{get, "/events/{position}", "One record, for reading, with how to check it", accessRead, pageEndpoint(serveEvent), ""},
		{get, "/catalog", "Search the catalog, for reading", accessRead, viewedPage("catalog.html", "title-catalog", showCatalog), ""},
		{get, "/entries/{id}", "One catalog entry with all that is about it, for reading", accessRead, viewedPage("entry.html", "title-entry", showEntry), ""},
		{get, "/lineage", "The graph around a node, for reading", accessRead, viewedPage("lineage.html", "title-lineage", showLineage), ""},
		{get, "/lineage/picture", "The picture of the page with the same address, as a document of its own", accessRead, servePicture(), "?node=dataset:warehouse/sales"},
		{get, "/sharing", "Agreements, for reading", accessRead, viewedPage("sharing.html", "title-sharing", showSharing), ""},
		{get, "/agreements/{id}", "One agreement, what it went through and its use, for reading", accessRead, viewedPage("agreement.html", "title-agreement", showAgreement), ""},
		{get, "/accesses", "Recorded calls, for reading", accessRead, viewedPage("accesses.html", "title-accesses", showAccesses), ""},
		{get, "/findings", "Quality issues, for reading", accessRead, viewedPage("findings.html", "title-findings", showFindings), ""},
		{get, "/findings/{id}", "One quality issue, for reading", accessRead, viewedPage("finding.html", "title-finding", showFinding), ""},
		{get, "/duties", "What has to be done by when, for reading", accessRead, viewedPage("duties.html", "title-duties", showDuties), ""},
		{get, "/violations", "Rules broken, for reading", accessRead, viewedPage("violations.html", "title-violations", showViolations), ""},
		{get, "/parties", "The registered parties, for reading", accessRead, viewedPage("parties.html", "title-parties", showParties), ""},
		{get, "/health", "How the book, those who attest it and the views are doing, for reading", accessRead, viewedPage("health.html", "title-health", showHealth), ""},
		{get, "/docs", "This API, for reading", accessPublic, raw(serveDocs, text("text/html")), ""},
		{get, "/openapi.json", "This API, for programs (OpenAPI 3.1)", accessPublic, raw(serveOpenAPI, content{200, "application/json", nil, ""}), ""},
		{get, "/style.css", "The style sheet of the pages", accessPublic, webFile("style.css", "text/css"), ""},
		{get, "/picture.css", "The style sheet of pictures within pages", accessPublic, pictureStyle(), ""},
		{get, "/frame.js", "Suggests while one types, on every page", accessPublic, webFile("frame.js", "text/javascript"), ""},
		{get, "/explorer.js", "Moves about in the picture of the lineage page", accessPublic, webFile("explorer.js", "text/javascript"), ""},
		{get, "/proof.js", "Checks the proof of a record in the browser, for its page", accessPublic, webFile("proof.js", "text/javascript"), ""},
	}
}

// text is an answer that is not JSON.
func text(media string) content { return content{http.StatusOK, media, nil, ""} }

// ok is a JSON answer in the shape of T.
func ok[T any](status int, doc string) content {
	return content{status, "application/json", reflect.TypeFor[T](), doc}
}

const exampleEvent = `{"specversion":"1.0","id":"register-transport-1","source":"https://example.org/registry","type":"party.body.registered","time":"2025-01-08T09:30:00+08:00","data":{"party":"transport","name":"Department of Transport","kind":"department","region":"990000","level":"provincial"}}`

const exampleRunEvent = `{"eventType":"COMPLETE","eventTime":"2025-01-08T01:30:00Z","run":{"runId":"0198c5a2-6d10-7c3e-9f1b-3a52c7f0e001"},"job":{"namespace":"etl","name":"daily"},"inputs":[{"namespace":"warehouse","name":"orders"}],"outputs":[{"namespace":"warehouse","name":"sales"}],"producer":"https://example.org/etl","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}`
