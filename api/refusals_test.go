package api

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
)

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

// TestRefusals holds every kind of bad input to the status and the rule it is
// told, and to having changed nothing.
func TestRefusals(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.BodyBytes = 64 << 10; o.Limits.BatchEvents = 3 })
	f.tell()
	size := f.ledger.Head().Size
	party := func(data string) string { return ce("new", "party.body.registered", data) }
	whole := `{"party":"D09","name":"x","kind":"department","region":"990000","level":"provincial"`
	structured, batch := "application/cloudevents+json", "application/cloudevents-batch+json"
	const events, lineage = "POST /v1/events", "POST /api/v1/lineage"
	for _, c := range []struct {
		name, request, body string
		headers             []string // the first is Content-Type
		status              int
		rule, field         string
	}{
		{"not JSON", events, `{`, []string{structured}, 400, "event.json", ""},
		{"empty body", events, ``, []string{structured}, 400, "event.json", ""},
		{"unknown type", events, ce("x", "party.body.registred", whole+`}`), []string{structured}, 400, "type.unknown", "/type"},
		{"reserved type", events, ce("x", "ledger.genesis", `{}`), []string{structured}, 403, "type.reserved", "/type"},
		{"missing field", events, party(`{"party":"D09"}`), []string{structured}, 400, "field.required", "/data/name"},
		{"extra field", events, party(whole + `,"colour":"red"}`), []string{structured}, 400, "field.unknown", "/data/colour"},
		{"extra attribute", events, ce("x", "party.body.registered", whole+`}`, "colour", `"red"`), []string{structured}, 400, "attribute.unknown", "/colour"},
		{"principal claimed", events, ce("x", "party.body.registered", whole+`}`, "principal", `"boss"`), []string{structured}, 400, "attribute.unknown", "/principal"},
		{"field twice", events, party(whole + `,"name":"y"}`), []string{structured}, 400, "field.duplicate", "/data/name"},
		{"field in another case", events, party(strings.Replace(whole, `"name"`, `"Name"`, 1) + `}`), []string{structured}, 400, "field.unknown", "/data/Name"},
		{"wrong enum", events, party(strings.Replace(whole, "provincial", "galactic", 1) + `}`), []string{structured}, 400, "field.enum", "/data/level"},
		{"bad time", events, strings.Replace(party(whole+`}`), "2026-01-07T09:00:00+08:00", "yesterday", 1), []string{structured}, 400, "attribute.type", "/time"},
		{"time to come", events, strings.Replace(party(whole+`}`), "2026-01-07", "2026-02-07", 1), []string{structured}, 400, "event.time-future", "/time"},
		{"not UTF-8", events, party(strings.Replace(whole, `"x"`, "\"\xff\"", 1) + `}`), []string{structured}, 400, "field.text", "/data/name"},
		{"wrong media type", events, party(whole + `}`), []string{"text/xml"}, 415, "body.media-type", "Content-Type"},
		{"no media type", events, party(whole + `}`), []string{""}, 415, "body.media-type", "Content-Type"},
		{"binary without id", events, whole + `}`, []string{"application/json", "Ce-Specversion", "1.0", "Ce-Source", "urn:test", "Ce-Type", "party.body.registered", "Ce-Time", "2026-01-07T09:00:00Z"}, 400, "field.required", "/id"},
		{"other content", events, ce("e1", "catalog.entry.drafted", entryData("DS02", 1, "另一个标题")), []string{structured}, 409, "id.other-content", "/id"},
		{"illegal transition", events, ce("x", "catalog.entry.published", `{"entry":"DS02","version":1,"by":"D01"}`), []string{structured}, 409, "entry.submitted", ""},
		{"registered twice", events, ce("x", "party.body.registered", strings.Replace(whole, "D09", "D01", 1)+`}`), []string{structured}, 409, "party.registered-once", ""},
		{"stale by header", events, ce("x", "catalog.entry.revised", entryData("DS02", 2, "新")), []string{structured, "If-Match", `"1"`}, 412, "subject.version", "/expectedversion"},
		{"stale by attribute", events, ce("x", "catalog.entry.revised", entryData("DS02", 2, "新"), "expectedversion", "1"), []string{structured}, 412, "subject.version", "/expectedversion"},
		{"If-Match not a version", events, ce("x", "catalog.entry.revised", entryData("DS02", 2, "新")), []string{structured, "If-Match", `*`}, 400, "if-match.syntax", "If-Match"},
		{"If-Match against attribute", events, ce("x", "catalog.entry.revised", entryData("DS02", 2, "新"), "expectedversion", "3"), []string{structured, "If-Match", `"2"`}, 400, "if-match.differs", "If-Match"},
		{"If-Match of a batch", events, "[" + registered("D09") + "]", []string{batch, "If-Match", `"1"`}, 400, "if-match.batch", "If-Match"},
		{"empty batch", events, "[]", []string{batch}, 400, "batch.empty", ""},
		{"batch not an array", events, registered("D09"), []string{batch}, 400, "event.json", ""},
		{"batch with one bad", events, "[" + registered("D09") + "," + party(`{}`) + "]", []string{batch}, 400, "field.required", "/data/party"},
		{"batch with one illegal", events, "[" + registered("D09") + "," + ce("x", "party.body.registered", strings.Replace(whole, "D09", "D01", 1)+`}`) + "]", []string{batch}, 409, "party.registered-once", ""},
		{"oversize batch", events, "[" + registered("D05") + "," + registered("D06") + "," + registered("D07") + "," + registered("D08") + "]", []string{batch}, 413, "limit.batch-events", ""},
		{"oversize body", events, party(whole + `,"name_en":"` + strings.Repeat("x", 70<<10) + `"}`), []string{structured}, 413, "body.too-large", ""},
		{"oversize field", events, party(whole + `,"name_en":"` + strings.Repeat("x", 5<<10) + `"}`), []string{structured}, 400, "field.length", "/data/name_en"},
		{"gzip that is none", events, "plain", []string{structured, "Content-Encoding", "gzip"}, 400, "body.encoding", "Content-Encoding"},
		{"gzip cut short", events, gzipped(registered("D09"))[:60], []string{structured, "Content-Encoding", "gzip"}, 400, "body.encoding", "Content-Encoding"},
		{"gzip bomb", events, gzipped(strings.Repeat(" ", 1<<20)), []string{structured, "Content-Encoding", "gzip"}, 413, "body.too-large", ""},
		{"unknown encoding", events, "x", []string{structured, "Content-Encoding", "br"}, 415, "body.encoding", "Content-Encoding"},
		{"parameter of a post", events + "?dry=1", registered("D09"), []string{structured}, 400, "query.unknown", "dry"},
		{"written from a foreign page", events, registered("D09"), []string{structured, "Origin", "https://evil.example"}, 403, "origin.foreign", ""},

		{"OpenLineage not JSON", lineage, `{`, []string{"application/json"}, 400, "openlineage.json", ""},
		{"OpenLineage of nothing", lineage, `{"eventTime":"2026-01-07T01:30:00Z"}`, []string{"application/json"}, 400, "openlineage.identity", ""},
		{"OpenLineage without time", lineage, `{"job":{"namespace":"a","name":"b"}}`, []string{"application/json"}, 400, "openlineage.event-time", "/eventTime"},
		{"OpenLineage batch not an array", lineage + "/batch", `{}`, []string{"application/json"}, 400, "openlineage.batch", ""},

		{"unknown position", "GET /v1/events/999999", "", nil, 404, "position.unknown", ""},
		{"position not a number", "GET /v1/events/latest", "", nil, 400, "path.position", "position"},
		{"negative position", "GET /v1/records/-1", "", nil, 400, "path.position", "position"},
		{"unknown record", "GET /v1/records/999999", "", nil, 404, "position.unknown", ""},
		{"unknown facet", "GET /v1/events/1/facets/none", "", nil, 404, "facet.unknown", ""},
		{"as of a position to come", "GET /v1/catalog/entries?as_of=999999", "", nil, 404, "position.unknown", "as_of"},
		{"as of a time to come", "GET /v1/catalog/entries?as_of=2099-01-01T00:00:00Z", "", nil, 400, "time.future", "as_of"},
		{"as of before the beginning", "GET /v1/catalog/entries?as_of=1999-01-01T00:00:00Z", "", nil, 404, "time.before-ledger", "as_of"},
		{"as of nonsense", "GET /v1/catalog/entries?as_of=now", "", nil, 400, "query.value", "as_of"},
		{"as of a time without zone", "GET /v1/catalog/entries?as_of=2026-01-08T00:00:00", "", nil, 400, "query.value", "as_of"},
		{"valid at nonsense", "GET /v1/catalog/entries?valid_at=12", "", nil, 400, "query.value", "valid_at"},
		{"misspelt filter", "GET /v1/accesses?flaged=true", "", nil, 400, "query.unknown", "flaged"},
		{"filter twice", "GET /v1/accesses?entry=a&entry=b", "", nil, 400, "query.repeated", "entry"},
		{"wrong value", "GET /v1/catalog/entries?stage=lost", "", nil, 400, "query.value", "stage"},
		{"limit too large", "GET /v1/events?limit=100000", "", nil, 400, "query.value", "limit"},
		{"limit zero", "GET /v1/events?limit=0", "", nil, 400, "query.value", "limit"},
		{"no cursor of ours", "GET /v1/events?cursor=xyz", "", nil, 400, "cursor.foreign", "cursor"},
		{"query that cannot be read", "GET /v1/events?type=%zz", "", nil, 400, "query.syntax", ""},
		{"subject without kind", "GET /v1/events?subject=DS02", "", nil, 400, "query.value", "subject"},
		{"id without source", "GET /v1/events?id=e1", "", nil, 400, "query.value", "source"},
		{"unknown entry", "GET /v1/catalog/entries/none", "", nil, 404, "entry.unknown", ""},
		{"entry before it was", "GET /v1/catalog/entries/DS02?as_of=1", "", nil, 404, "entry.unknown", ""},
		{"history of an unknown entry", "GET /v1/catalog/entries/none/history", "", nil, 404, "entry.unknown", ""},
		{"unknown party", "GET /v1/parties/none", "", nil, 404, "party.unknown", ""},
		{"unknown agreement", "GET /v1/agreements/none", "", nil, 404, "agreement.unknown", ""},
		{"unknown finding", "GET /v1/findings/none", "", nil, 404, "finding.unknown", ""},
		{"unknown run", "GET /v1/runs/none", "", nil, 404, "run.unknown", ""},
		{"diff without from", "GET /v1/catalog/diff", "", nil, 400, "query.required", "from"},
		{"diff backwards", "GET /v1/catalog/diff?from=5&to=3", "", nil, 400, "diff.order", "from"},
		{"lineage of nothing", "GET /v1/lineage", "", nil, 400, "query.required", "node"},
		{"lineage of the unknown", "GET /v1/lineage?node=dataset:nowhere/none", "", nil, 404, "node.unknown", "node"},
		{"lineage as a picture", "GET /v1/lineage?node=dataset:hive/pop.main&format=png", "", nil, 400, "query.value", "format"},
		{"proof of the unknown", "GET /v1/proofs/inclusion?position=999999", "", nil, 404, "position.unknown", ""},
		{"proof in a small tree", "GET /v1/proofs/inclusion?position=3&size=2", "", nil, 404, "position.unknown", ""},
		{"proof without position", "GET /v1/proofs/inclusion", "", nil, 400, "query.required", "position"},
		{"consistency backwards", "GET /v1/proofs/consistency?from=3&to=2", "", nil, 400, "proof.order", "from"},
		{"consistency of the unknown", "GET /v1/proofs/consistency?from=999999", "", nil, 404, "position.unknown", "from"},
		{"consistency to the unknown", "GET /v1/proofs/consistency?from=1&to=999999", "", nil, 404, "position.unknown", ""},
		{"stream from nowhere", "GET /v1/events/stream?from=999999", "", nil, 404, "position.unknown", ""},
		{"stream after nonsense", "GET /v1/events/stream", "", []string{"", "Last-Event-ID", "x"}, 400, "stream.last-event-id", "Last-Event-ID"},
		{"tile level with a zero", "GET /log/tile/00/000", "", nil, 404, "tile.path", ""},
		{"tile beyond the tree", "GET /log/tile/0/007", "", nil, 404, "tile.unpublished", ""},
		{"unknown route", "GET /v1/nothing", "", nil, 404, "route.unknown", ""},
		{"unknown method", "DELETE /v1/events", "", nil, 405, "route.method", ""},
		{"unknown token", "GET /v1/status", "", []string{"", "Authorization", "Bearer llt_x"}, 401, "auth.token", ""},
		{"unknown scheme", "GET /v1/status", "", []string{"", "Authorization", "Basic eDp5"}, 401, "auth.scheme", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := *f
			f.t = t
			headers := []string{}
			if len(c.headers) > 0 {
				if c.headers[0] != "" {
					headers = append(headers, "Content-Type", c.headers[0])
				}
				headers = append(headers, c.headers[1:]...)
			}
			method, path, _ := strings.Cut(c.request, " ")
			r := f.do(method, path, c.body, headers...)
			p := r.problem(t)
			if r.status != c.status || p.Status != c.status || p.Rule != c.rule || p.Field != c.field {
				t.Errorf("got %d %s at %q, want %d %s at %q\n%s", r.status, p.Rule, p.Field, c.status, c.rule, c.field, r.body)
			}
			if p.Type != "urn:ledgerline:problem:"+p.Rule || p.Title == "" || p.Detail == "" || p.Fix == "" || p.Instance == "" {
				t.Errorf("the problem does not say all it should: %s", r.body)
			}
			if f.ledger.Head().Size != size {
				t.Fatal("what was refused changed the ledger")
			}
		})
	}
}

// TestRefusalNamesThePlace: of a batch the index, of an illegal act the subject
// and its state.
func TestRefusalNamesThePlace(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	bad := ce("x", "catalog.entry.published", `{"entry":"DS02","version":1,"by":"D01"}`)
	p := f.do("POST", "/v1/events", "["+registered("D09")+","+bad+"]", "Content-Type", "application/cloudevents-batch+json").problem(t)
	if p.Index == nil || *p.Index != 1 || p.Subject == nil || fmt.Sprint(*p.Subject) != "entry/DS02" || p.State == "" {
		t.Errorf("the refusal does not name its place: %+v", p)
	}
}
