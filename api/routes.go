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
		{post, "/v1/events", "Append events: one CloudEvent, a batch (all or nothing) or a stream of lines", writers, postEvents(), exampleEvent},
		{get, "/v1/events", "List records, filtered, in order of position", readers, viewed(listEvents), "?type=catalog.&limit=20"},
		{get, "/v1/events/stream", "Follow records as server-sent events; resume with Last-Event-ID", witnesses, followEvents(), "?from=0"},
		{get, "/v1/events/{position}", "One record: the event as a CloudEvent, with what the ledger added", readers, direct(getEvent).filters(), ""},
		{get, "/v1/events/{position}/facets/{name}", "A part kept beside the event, such as the raw OpenLineage body", witnesses, getFacet(), ""},
		{get, "/v1/records/{position}", "The evidence behind one record: leaf, body and salt, byte for byte", witnesses, direct(getRecord).filters(), ""},

		{get, "/v1/catalog/entries", "Search the catalog", readers, viewed(listEntries), "?text=population&stage=published"},
		{get, "/v1/catalog/entries/{id}", "One catalog entry, as known then and in force then", readers, viewed(getEntry), ""},
		{get, "/v1/catalog/entries/{id}/history", "Every step of a catalog entry, with what changed", readers, viewed(getEntryHistory), ""},
		{get, "/v1/catalog/diff", "What was added, changed and withdrawn between two moments", readers, viewed(diffCatalog), "?from=0"},
		{get, "/v1/catalog/export", "The whole catalog as of a moment, as DCAT 3 (JSON-LD), CSV or Parquet", exporters, exportCatalog(), "?format=dcat"},
		{get, "/v1/catalog/summary/{period}", "What a region has in its catalog at the end of a period: a list under one root, and whether what was sealed agrees", readers, getRegionSummary(), "?region=990000"},
		{get, "/v1/catalog/hook-rate", "How many entries that have to be shared can really be had, and which cannot", readers, viewed(getHookRate), ""},
		{get, "/v1/parties", "List the registered parties", readers, viewed(listParties), ""},
		{get, "/v1/parties/{id}", "One party", readers, viewed(getParty), ""},
		{get, "/v1/parties/{id}/history", "Every state of a party: names, regions, roles, mergers", readers, viewed(getPartyHistory), ""},
		{get, "/v1/requests", "List requests: who asked whom for what, and what came of it", readers, viewed(listRequests), "?state=granted"},
		{get, "/v1/requests/{id}", "One request", readers, viewed(getRequest), ""},
		{get, "/v1/agreements", "List agreements: who shares what with whom, for what, until when", readers, viewed(listAgreements), "?state=active"},
		{get, "/v1/agreements/{id}", "One agreement", readers, viewed(getAgreement), ""},
		{get, "/v1/shares", "Who shared what with whom and when", readers, viewed(listShares), ""},
		{get, "/v1/accesses", "Recorded calls, sealed batches of calls and declared gaps, judged against the agreement active at the time", witnesses, viewed(listAccesses), "?flagged=true"},
		{post, "/v1/uses", "Who used data about one person, and why: the calls that name the person, found by the keyed reference", witnesses, listUses(), `{"person":"sha256:00"}`},
		{get, "/v1/producers", "Who numbers its events or calls, how far, and which numbers are missing", readers, viewed(listProducers), "?gaps=true"},
		{get, "/v1/findings", "List quality issues. Where columns are not as declared follows from lineage: GET /v1/lineage/differences", readers, viewed(listFindings), "?state=reported"},
		{get, "/v1/findings/{id}", "One quality issue", readers, viewed(getFinding), ""},
		{get, "/v1/findings/{id}/attribution", "Where faulty data came from, and what the records say of whose responsibility", readers, viewed(getAttribution), ""},
		{get, "/v1/checks", "What tests of data found: measurements by published rules, and assertions and tests of OpenLineage runs", readers, viewed(listChecks), "?outcome=fail"},
		{get, "/v1/duties", "What has to be done by when, and whether it was: with the rule, the pack and the calendar", readers, viewed(listDuties), "?state=breached"},
		{get, "/v1/disposals", "Duties to dispose of shared data, and what became of them", readers, viewed(listDisposals), "?state=open"},
		{get, "/v1/due", "What has fallen due by itself and is not recorded yet: ends of terms, and the duties these open", readers, direct(listDue), ""},
		{post, "/v1/due", "Record what has fallen due by itself. Doing it again changes nothing", administrators, postDue(), `{}`},
		{get, "/v1/violations", "Rules broken, by whom, with the records that show it", readers, viewed(listViolations), ""},
		{get, "/v1/bulletins/{period}", "How sharing went in a period: each figure with the records behind it, to be computed again by anybody", readers, getBulletin(), "?region=990000"},
		{get, "/v1/lineage", "The graph around a dataset, column, job, run or entry, as JSON, a picture, DOT, PROV or OpenLineage", readers, lineage(), "?node=dataset:warehouse/sales&direction=up"},
		{get, "/v1/lineage/path", "How data got from one node to another: the shortest paths first", readers, viewed(getPaths), "?from=dataset:warehouse/orders&to=dataset:warehouse/sales"},
		{get, "/v1/lineage/impact", "All that was made from a node, the entries that describe it, and who holds these", readers, viewed(getImpact), "?node=dataset:warehouse/orders"},
		{get, "/v1/lineage/diff", "What changed around a node between two moments", readers, viewed(diffLineage), "?node=dataset:warehouse/sales&from=0"},
		{get, "/v1/lineage/trace", "Where a value came from: the run that wrote it on a day, the runs that wrote what this read, and so on", readers, viewed(getTrace), "?node=dataset:warehouse/sales"},
		{get, "/v1/lineage/differences", "Where declared and observed columns differ: everywhere, or at a dataset, job or run", readers, viewed(listDifferences), ""},
		{get, "/v1/lineage/loose", "Datasets where the graph begins or ends: orphans and dead ends", readers, viewed(listLoose), "?kind=orphan"},
		{get, "/v1/exposure", "Who got a node or anything made from it within a window, under which agreement", witnesses, viewed(getExposure), "?node=dataset:warehouse/orders"},
		{get, "/v1/runs/{id}", "One run of a job, folded from its events", readers, viewed(getRun), ""},

		{post, "/api/v1/lineage", "Receive one OpenLineage event (RunEvent, JobEvent or DatasetEvent)", writers, postLineage(), exampleRunEvent},
		{post, "/api/v1/lineage/batch", "Receive an array of OpenLineage events, each on its own", writers, postLineageBatch(), "[" + exampleRunEvent + "]"},
		{post, "/v1/lineage/differences", "Record which runs read or wrote other columns than were declared when they began", writers, postDifferences(), `{"node":"dataset:warehouse/sales"}`},

		{post, "/v1/erasures", "Erase content: all of an owner's, or single facets. That it existed stays proven", administrators, postErasure(), `{"id":"order-2026-4","facets":[{"position":13,"name":"description"}],"ground":"order 2026-4"}`},
		{get, "/v1/holds", "What may not be erased, and why", holdReaders, direct(listHolds), ""},
		{post, "/v1/holds", "Keep content from being erased", administrators, postHold(), `{"hold":"case-12","names":[{"kind":"agreement","parts":["A02"]}],"ground":"court order 12"}`},
		{post, "/v1/holds/{id}/release", "End a hold", administrators, postRelease(), `{"ground":"settled"}`},

		{get, "/v1/proofs/inclusion", "Proof that a record is in the log, as C2SP tlog-proof text or JSON", readers, proveInclusion(), "?position=0"},
		{get, "/v1/proofs/time", "What outsiders show about when a record was made: the timestamped heads around it", readers, direct(proveTime).neutral(), "?position=0"},
		{get, "/v1/proofs/consistency", "Proof that the log at one size begins with the log at an earlier size", readers, direct(proveConsistency).neutral(), "?from=1"},
		{post, "/v1/evidence", "A bundle that proves an answer to somebody who does not trust this server: a ZIP, checked offline", exporters, postEvidence(), `{"events":{"positions":[0]}}`},
		{get, "/v1/proofs/completeness", "Proof that certain records, and no others, bear a name within a window: nothing was left out", witnesses, proveCompleteness(), "?key=entry:DS02"},
		{get, "/log/checkpoint", "The published checkpoint, a C2SP signed note", anybody, checkpoint(), ""},
		{get, "/log/body/{position}", "The body of an event of the ledger about itself, which is public", logReaders, publicBody(), ""},
		{get, "/log/tile/entries/*", "Entry bundles, C2SP tlog-tiles: <N>[.p/<W>]", mirrors, entryTile(), ""},
		{get, "/log/tile/*", "Hash tiles, C2SP tlog-tiles: <L>/<N>[.p/<W>]", logReaders, hashTile().neutral(), ""},

		{get, "/v1/status", "Head, checkpoint, views and counts", everybody, direct(getStatus).filters().watches(), ""},
		{get, "/healthz", "The process is up", anybody, direct(getHealth), ""},
		{get, "/readyz", "The views have caught up with the book; 503 until they have", anybody, readiness(), ""},
		{get, "/metrics", "Prometheus metrics", watchers, raw(serveMetrics, text("text/plain")).watches(), ""},
		{get, "/debug/pprof/*", "Profiles of the process, for go tool pprof: heap, goroutine, profile?seconds=10, …", administrators, profiles().watches(), ""},

		{get, "/", "Start page", anybody, pageEndpoint(serveStart), ""},
		{get, "/sign-in", "Where people sign in at a browser", anybody, pageEndpoint(serveSignIn).neutral(), ""},
		{post, "/sign-in", "Begins a session with a token that was pasted", anybody, formSignIn(), "token=llt_x"},
		{post, "/sign-out", "Ends a session", anybody, formSignOut(), ""},
		{get, "/sign-in/provider", "Leads to the identity provider, to sign in there", anybody, leadToProvider(), ""},
		{get, "/sign-in/callback", "Where the identity provider leads people back to", anybody, fromProvider(), "?state=x&code=x"},
		{get, "/events", "Records, filtered, for reading", readers, viewedPage("timeline.html", "title-records", showTimeline), ""},
		{get, "/investigate", "Who touched a node within a window and who got it or anything made from it, for reading", witnesses, viewedPage("investigate.html", "title-investigate", showInvestigation), ""},
		{get, "/case", "Records collected by an investigation, with the evidence for them, for reading", witnesses, viewedPage("case.html", "title-case", showCase), ""},
		{post, "/case", "Adds records to a case: leads to its address, and records nothing", witnesses, formCase(), "add=0"},
		{post, "/evidence", "The evidence bundle that a form of a page asks for", exporters, formEvidence(), "position=0"},
		{get, "/events/{position}", "One record, for reading, with how to check it", readers, pageEndpoint(serveEvent), ""},
		{get, "/catalog", "Search the catalog, for reading", readers, viewedPage("catalog.html", "title-catalog", showCatalog), ""},
		{get, "/catalog/changes", "What changed in the catalog between two moments, for reading", readers, viewedPage("changes.html", "title-changes", showChanges), ""},
		{get, "/entries/{id}", "One catalog entry with all that is about it, for reading", readers, viewedPage("entry.html", "title-entry", showEntry), ""},
		{get, "/lineage", "The graph around a node, for reading", readers, viewedPage("lineage.html", "title-lineage", showLineage), ""},
		{get, "/lineage/part", "What changes on the page with the same address when one moves on, for its script", readers, viewedPage("lineage_part.html", "title-lineage", showLineagePart), "?node=dataset:warehouse/sales"},
		{get, "/lineage/picture", "The picture of the page with the same address, as a document of its own", readers, servePicture().filters(), "?node=dataset:warehouse/sales"},
		{get, "/lineage/differences", "Where declared and observed columns differ, for reading", readers, viewedPage("differences.html", "title-differences", showDifferences), ""},
		{get, "/sharing", "Agreements, for reading", readers, viewedPage("sharing.html", "title-sharing", showSharing), ""},
		{get, "/agreements/{id}", "One agreement, what it went through and its use, for reading", readers, viewedPage("agreement.html", "title-agreement", showAgreement), ""},
		{get, "/requests/{id}", "One request, by when it had to be answered and what came of it, for reading", readers, viewedPage("request.html", "title-request", showRequest), ""},
		{get, "/uses", "What a body, an official or a credential read, when and under which agreement, for reading", witnesses, viewedPage("uses.html", "title-uses", showUses), "?consumer=D03"},
		{post, "/uses", "Who used data about one person, for reading: the person's reference is in the form", witnesses, formUses(), "person=sha256:00"},
		{get, "/accesses", "Recorded calls, for reading", witnesses, viewedPage("accesses.html", "title-accesses", showAccesses), ""},
		{get, "/findings", "Quality issues, for reading", readers, viewedPage("findings.html", "title-findings", showFindings), ""},
		{get, "/findings/{id}", "One quality issue, for reading", readers, viewedPage("finding.html", "title-finding", showFinding), ""},
		{get, "/duties", "What has to be done by when, for reading", readers, viewedPage("duties.html", "title-duties", showDuties), ""},
		{get, "/violations", "Rules broken, for reading", readers, viewedPage("violations.html", "title-violations", showViolations), ""},
		{get, "/parties", "The registered parties, for reading", readers, viewedPage("parties.html", "title-parties", showParties), ""},
		{get, "/bulletin", "How sharing went in a period, for reading and printing", readers, viewedPage("bulletin.html", "title-bulletin", showBulletin), ""},
		{get, "/health", "How the book, those who attest it and the views are doing, for reading", readers, viewedPage("health.html", "title-health", showHealth), ""},
		{get, "/docs", "This API, for reading", anybody, raw(serveDocs, text("text/html")), ""},
		{get, "/openapi.json", "This API, for programs (OpenAPI 3.1)", anybody, raw(serveOpenAPI, content{200, "application/json", nil, ""}), ""},
		{get, "/style.css", "The style sheet of the pages", pageFiles, webFile("style.css", "text/css"), ""},
		{get, "/picture.css", "The style sheet of pictures within pages", pageFiles, pictureStyle(), ""},
		{get, "/frame.js", "Suggests while one types, on every page", pageFiles, webFile("frame.js", "text/javascript"), ""},
		{get, "/explorer.js", "Moves about in the picture of the lineage page", pageFiles, webFile("explorer.js", "text/javascript"), ""},
		{get, "/proof.js", "Checks the proof of a record in the browser, for its page", pageFiles, webFile("proof.js", "text/javascript"), ""},
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
