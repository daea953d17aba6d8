package api

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"ledgerline/events"
	"ledgerline/projections"
)

// explorerAt gets the lineage page of the story's main dataset with parameters.
func (f *fixture) explorerAt(params ...string) string {
	f.t.Helper()
	values := url.Values{"node": {"dataset:hive/pop.main"}, "lang": {"en"}}
	for i := 0; i+1 < len(params); i += 2 {
		values.Set(params[i], params[i+1])
	}
	r := f.get("/lineage?" + values.Encode())
	if r.status != 200 {
		f.t.Fatalf("%v: %d %s", params, r.status, r.body)
	}
	return html.UnescapeString(string(r.body))
}

// boxesOn are the nodes of the boxes on a page, with their codes.
func boxesOn(page string) map[string]string {
	boxes := make(map[string]string)
	for _, m := range regexp.MustCompile(`id="ll-([0-9a-f]+)" class="box [^"]*" data-node="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		boxes[m[2]] = m[1]
	}
	return boxes
}

// TestExplorer: what one opens, expands and collapses shows, boxes say how many
// neighbours are not drawn, and none of it changes what the tables call the graph.
func TestExplorer(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	for _, run := range []string{
		`{"eventType":"COMPLETE","eventTime":"2026-01-08T01:00:00Z","run":{"runId":"0198c5a2-6d10-7c3e-9f1b-3a52c7f0e0a1"},"job":{"namespace":"etl","name":"report"},"inputs":[{"namespace":"hive","name":"pop.main"}],"outputs":[{"namespace":"hive","name":"pop.report"}],"producer":"https://e.org","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}`,
		`{"eventType":"COMPLETE","eventTime":"2026-01-08T01:10:00Z","run":{"runId":"0198c5a2-6d10-7c3e-9f1b-3a52c7f0e0a2"},"job":{"namespace":"etl","name":"mail"},"inputs":[{"namespace":"hive","name":"pop.report"}],"outputs":[{"namespace":"hive","name":"pop.mail"}],"producer":"https://e.org","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}`,
	} {
		if r := f.do("POST", "/api/v1/lineage", run); r.status != 201 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	f.caughtUp()
	near := f.explorerAt("depth", "1")
	boxes := boxesOn(near)
	if boxes["dataset:hive/pop.mail"] != "" || boxes["dataset:hive/pop.report"] == "" || !strings.Contains(near, "not drawn: 1 after") || !strings.Contains(near, pictureWords["limit.depth"][0]) {
		t.Errorf("one step: %v; the box beyond is not told of: %t", boxes, strings.Contains(near, "not drawn"))
	}
	report := boxes["dataset:hive/pop.report"]
	more := f.explorerAt("depth", "1", "more", report)
	if got := boxesOn(more); got["dataset:hive/pop.mail"] == "" || strings.Contains(more, "not drawn") || strings.Contains(more, pictureWords["limit.depth"][0]) {
		t.Errorf("expanded: %v", got)
	}
	less := f.explorerAt("depth", "3", "less", report)
	if got := boxesOn(less); got["dataset:hive/pop.mail"] != "" || got["dataset:hive/pop.report"] == "" || !strings.Contains(less, "not drawn: 1 after") {
		t.Errorf("collapsed: %v", got)
	}
	main := boxes["dataset:hive/pop.main"]
	if open := f.explorerAt("open", main); !strings.Contains(open, `data-node="column:`) {
		t.Errorf("no column is listed: %s", open)
	}
	lit := f.explorerAt("select", report, "mark", "up")
	for node, class := range map[string]string{"dataset:hive/pop.main": "lit", "dataset:hive/pop.mail": "dim"} {
		if !regexp.MustCompile(`class="box [^"]*\b` + class + `\b[^"]*" data-node="` + node + `"`).MatchString(lit) {
			t.Errorf("%s is not %s", node, class)
		}
	}
	if !strings.Contains(f.explorerAt("select", report, "mark", "path"), `class="box job lit"`) {
		t.Error("the way between the two is not lit")
	}
	picture := f.get("/lineage/picture?node=dataset:hive/pop.main&depth=1&more=" + report)
	if checkSVG(t, picture.body); !strings.Contains(string(picture.body), `data-node="dataset:hive/pop.mail"`) || strings.Contains(string(picture.body), "<a ") {
		t.Errorf("the picture is not that of the page: %s", picture.body)
	}
}

// TestExplorerCompares: what came and went between two moments is told as the
// difference of the API tells it, and moments are when the graph changed.
func TestExplorerCompares(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	page := f.explorerAt("compare", "8")
	var diff struct{ projections.LineageDiff }
	f.get("/v1/lineage/diff?node=dataset:hive/pop.main&direction=both&depth=3&from=8").into(t, &diff)
	for _, n := range diff.Nodes {
		if !strings.Contains(page, "<code>"+n.ID+"</code>") {
			t.Errorf("%s was %s and is not on the page", n.ID, n.Change)
		}
	}
	if len(diff.Nodes) == 0 || strings.Count(page, `class="box dataset focus added"`) != 1 {
		t.Errorf("%d nodes differ; the dataset is not marked as added", len(diff.Nodes))
	}
	moments := regexp.MustCompile(`<option value="(\d+)"`).FindAllStringSubmatch(page, -1)
	if len(moments) == 0 {
		t.Fatal("no moment is offered")
	}
	if after := f.get("/lineage?node=dataset:hive/pop.main&compare=15&as_of=8", "Accept", "text/html"); after.status != 400 {
		t.Errorf("compared with what comes later: %d", after.status)
	}
	if wrong := f.get("/lineage?node=dataset:hive/pop.main&compare=soon", "Accept", "text/html"); wrong.status != 400 {
		t.Errorf("compared with no moment: %d", wrong.status)
	}
}

// TestWhatChanged: what of a node or a line differs is told, not only that it does.
func TestWhatChanged(t *testing.T) {
	en := page{}
	field := func(names ...string) (out []events.LineageField) {
		for _, n := range names {
			out = append(out, events.LineageField{Name: n, Type: "text"})
		}
		return out
	}
	before, after := &projections.Node{Fields: field("id", "died"), Entries: []string{"DS1"}}, &projections.Node{Fields: field("id", "died_on"), Dropped: true, Entries: []string{"DS1", "DS2"}}
	for got, want := range map[string]string{
		strings.Join(en.nodeChanges(before, after), "; "): "it was dropped; Catalog entries: + DS2; columns: + died_on text, − died text",
		strings.Join(en.nodeChanges(after, before), "; "): "it is there again; Catalog entries: − DS2; columns: + died text, − died_on text",
		strings.Join(en.nodeChanges(nil, after), "; "):    "",
		strings.Join(en.edgeChanges(&projections.Edge{Masking: true}, &projections.Edge{Declared: true, Transformations: []string{"DIRECT"}}), "; "): "it is declared now; it hides values no more; transformations: + DIRECT",
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// TestUnagreed: a flow from one party's dataset to another's is marked where no
// agreement is known that covers it, and not where one is.
func TestUnagreed(t *testing.T) {
	g := func(reads, writes string) projections.Graph {
		return projections.Graph{
			Nodes: []projections.Node{
				{ID: "dataset:a", Kind: projections.NodeDataset, Entries: []string{reads}}, {ID: "job:j", Kind: projections.NodeJob},
				{ID: "dataset:b", Kind: projections.NodeDataset, Entries: []string{writes}},
			},
			Edges: []projections.Edge{{From: "dataset:a", To: "job:j", Kind: projections.EdgeReads}, {From: "job:j", To: "dataset:b", Kind: projections.EdgeWrites}},
		}
	}
	f := newFixture(t, nil)
	f.tell()
	other := strings.NewReplacer("DS02", "DS99", "hj.death", "hj.other", "D01", "D03")
	for _, e := range story() {
		if strings.Contains(e, `"type":"catalog.entry.`) {
			f.post(strings.NewReplacer(`"id":"`, `"id":"x-`).Replace(other.Replace(e)))
		}
	}
	f.caughtUp()
	view, err := f.views.At(f.views.Applied())
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	c := &question{s: f.server, ctx: t.Context(), view: view}
	for _, of := range []struct {
		reads, writes string
		missing       int
	}{{"DS02", "DS99", 0}, {"DS99", "DS02", 1}, {"DS02", "DS02", 0}} { // A02 gives DS02 to D03
		got, err := c.unagreed(&page{}, g(of.reads, of.writes))
		if err != nil || len(got) != of.missing {
			t.Errorf("%s to %s: %v %v", of.reads, of.writes, got, err)
		}
	}
}

// TestCase: a case is its address: what a form adds is in it, each record once,
// and it refuses what no record is.
func TestCase(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	r := f.do("POST", "/case", "records=9&add=12&add=5&add=9&node=entry:DS02&lang=en&title=Leak", "Content-Type", "application/x-www-form-urlencoded")
	if r.status != 200 || !strings.Contains(string(r.body), "<h1>Leak</h1>") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	page := string(r.body)
	for _, want := range []string{`href="/events/5?lang=en"`, `href="/events/9?lang=en"`, `href="/events/12?lang=en"`, `name="positions" value="5.9.12"`, "records=5.12"} {
		if !strings.Contains(html.UnescapeString(page), want) {
			t.Errorf("the case lacks %s", want)
		}
	}
	if b := f.do("POST", "/evidence", "positions=5.9.12", "Content-Type", "application/x-www-form-urlencoded"); b.status != 200 || !strings.HasPrefix(string(b.body), "PK") {
		t.Errorf("the bundle: %d", b.status)
	}
	for path, status := range map[string]int{"/case?records=9999": 404, "/case?records=x": 400, "/case?records=-1": 400, "/case?records=12&as_of=9": 404, "/case?records=" + strings.Repeat("1.", 10): 200} {
		if r := f.get(path); r.status != status {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}
