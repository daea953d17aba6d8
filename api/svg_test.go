package api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ledgerline/projections"
)

// svgElements are all elements and attributes that a picture may have.
var svgElements = map[string][]string{
	"svg":    {"xmlns", "width", "height", "viewBox", "role", "lang", "aria-label", "aria-describedby", "data-node", "data-position", "data-checkpoint-size", "data-complete", "data-shown", "data-total", "data-crossings"},
	"title":  nil,
	"desc":   {"id"},
	"style":  nil,
	"defs":   nil,
	"marker": {"id", "viewBox", "refX", "refY", "markerWidth", "markerHeight", "markerUnits", "orient"},
	"path":   {"id", "class", "d", "marker-end"},
	"rect":   {"class", "x", "y", "width", "height", "rx"},
	"circle": {"cx", "cy", "r"},
	"use":    {"class", "href", "x", "y"},
	"text":   {"class", "x", "y"},
	"g":      {"id", "class", "transform", "data-node", "data-first", "data-last", "data-depth", "data-from", "data-to", "data-kind", "data-cycle"},
}

// checkSVG reads a picture as XML and wants nothing in it but what we write.
func checkSVG(t *testing.T, drawing []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(drawing))
	ids := make(map[string]bool)
	inStyle := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("not XML: %v in %.2000s", err, drawing)
		}
		switch token := token.(type) {
		case xml.StartElement:
			allowed, ok := svgElements[token.Name.Local]
			if !ok {
				t.Fatalf("element %s", token.Name.Local)
			}
			inStyle = token.Name.Local == "style"
			for _, a := range token.Attr {
				if !slices.Contains(allowed, a.Name.Local) {
					t.Fatalf("attribute %s of %s", a.Name.Local, token.Name.Local)
				}
				if a.Name.Local == "id" {
					if ids[a.Value] {
						t.Fatalf("id %s is there twice", a.Value)
					}
					ids[a.Value] = true
				}
				if a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#ll-") {
					t.Fatalf("href %q", a.Value)
				}
			}
		case xml.CharData:
			if inStyle && string(token) != svgStyle {
				t.Fatalf("style %q", token)
			}
			inStyle = false
		case xml.Comment, xml.ProcInst, xml.Directive:
			t.Fatalf("a picture has no %T", token)
		}
	}
}

// hostileGraph puts a text wherever the data may put one.
func hostileGraph(s string) (projections.Graph, catalogTitles) {
	nodes := []projections.Node{
		{ID: "dataset:" + s, Kind: projections.NodeDataset, Namespace: s, Name: s},
		{ID: "column:" + s, Kind: projections.NodeColumn, Namespace: s, Name: s, Field: s},
		{ID: "job:" + s, Kind: projections.NodeJob, Namespace: s, Name: s, MixesRuns: true},
		{ID: "run:" + s, Kind: projections.NodeRun, Name: s, State: s},
		{ID: "entry:" + s, Kind: projections.NodeEntry, Name: s, Title: s},
	}
	g := projections.Graph{Node: "dataset:" + s, Direction: projections.Up, Nodes: nodes}
	for i, from := range nodes {
		to := nodes[(i+1)%len(nodes)]
		g.Edges = append(g.Edges, projections.Edge{From: from.ID, To: to.ID, Kind: projections.EdgeDerives, Job: "job:" + s, Transformations: []string{s}, Runs: 1})
	}
	return g, catalogTitles{boxIdentity(nodes[0]): {{s, s}}}
}

// FuzzSVG: whatever a thing is called, its picture is a well-formed picture with
// our elements only.
func FuzzSVG(f *testing.F) {
	for _, s := range []string{
		"", "plain", `"><script>alert(1)</script>`, "</title><style>*{}</style>", "' onload='x", "]]>", "<!--", "&amp;&#0;", "a\x00b\x0b\x1b", "\xff\xfe\xed\xa0\x80",
		"\u202egnp.exe", "\ufffe\uffff", "line\nbreak\r\n\ttab", "数据\u3000血缘", strings.Repeat("é", 4000), "%d%s%!(EXTRA)", "url(#x)", "🏳️‍🌈",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, titles := hostileGraph(s)
		p := newPicture(g, titles, 0)
		checkSVG(t, p.svg(Standing{LimitsHit: []string{"depth", "something new"}}))
	})
}

// TestSVGPolicy: the policy allows the style sheet as it stands in the document.
func TestSVGPolicy(t *testing.T) {
	drawing := newPicture(smallGraph(), nil, 0).svg(Standing{})
	if bytes.Count(drawing, []byte("<style>"+svgStyle+"</style>")) != 1 || strings.ContainsAny(svgStyle, "&<\r") {
		t.Error("the style sheet does not stand in the document byte for byte")
	}
	if strings.Contains(svgPolicy, "unsafe") || !strings.HasPrefix(svgPolicy, "default-src 'none'; style-src 'sha256-") {
		t.Error(svgPolicy)
	}
	for _, colour := range regexp.MustCompile(`#[0-9a-f]+`).FindAllString(svgStyle, -1) {
		if len(colour) != 7 {
			t.Errorf("colour %s", colour)
		}
	}
}

// TestSVGGolden keeps one small picture to look at. Open it in a browser.
func TestSVGGolden(t *testing.T) {
	titles := catalogTitles{boxIdentity(smallGraph().Nodes[0]): {{"DS02", "户籍注销信息"}}}
	got := newPicture(smallGraph(), titles, 0).svg(Standing{Position: 42, CheckpointSize: 40, Complete: true})
	checkSVG(t, got)
	const file = "testdata/picture.svg"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs (%v); if for the better: go test ./api -run TestSVGGolden -update", file, err)
	}
}

// TestMixingIsShown: a job that mixes several runs is marked in every form of a graph and
// at the steps of paths.
func TestMixingIsShown(t *testing.T) {
	f := newFixture(t, nil)
	for i, e := range []string{
		olEvent(1, runOf(1, "differs", "COMPLETE"), `"inputs":[`+table("a")+`],"outputs":[`+table("x")+`]`),
		olEvent(2, runOf(2, "differs", "COMPLETE"), `"inputs":[`+table("b")+`],"outputs":[`+table("y")+`]`),
	} {
		if r := f.do("POST", "/api/v1/lineage", e); r.status != http.StatusCreated {
			t.Fatalf("%d: %d %s", i, r.status, r.body)
		}
	}
	f.caughtUp()
	const graph, path = "/v1/lineage?node=dataset:pg/a", "/v1/lineage/path?from=dataset:pg/a&to=dataset:pg/y"
	job := f.get("/lineage?node=job:etl/differs&lang=en")
	code := regexp.MustCompile(`id="ll-([0-9a-f]+)" class="box job`).FindStringSubmatch(string(job.body))
	if code == nil {
		t.Fatalf("no box of the job: %s", job.body)
	}
	for address, want := range map[string][]string{
		graph:                                   {`"mixes_runs":true`},
		graph + "&format=svg&lang=en":           {`class="box job mixes"`, ">mixes several runs</text>", ">job that mixes what several runs read and wrote</text>", "may be of no single run.</title>"},
		graph + "&format=svg&lang=zh":           {">混合多次运行</text>", ">混合多次运行读写内容的作业</text>", "可能不属于任何一次运行。</title>"},
		graph + "&format=dot":                   {`\nmixes several runs"`, `tooltip="The runs of this job`},
		graph + "&format=prov":                  {`"ledger:mixesRuns":true`},
		path:                                    {`"mixes_runs":["job:etl/differs"]`},
		"/lineage?node=dataset:pg/a&lang=en":    {"Jobs that mix several runs (1)", ">mixes several runs</text>"},
		"/lineage?node=dataset:pg/a&lang=zh-CN": {"混合多次运行的作业（1）"},
		"/lineage?node=job:etl/differs&lang=en&select=" + code[1]: {"<strong>mixes several runs</strong> The runs of this job"},
	} {
		r := f.get(address)
		for _, w := range want {
			if !strings.Contains(string(r.body), w) {
				t.Errorf("%s: no %s in %s", address, w, r.body)
			}
		}
	}
	if one := f.get(graph + "&view=run&run=" + numbered(1) + "&format=svg&lang=en"); strings.Contains(string(one.body), "mixes several") {
		t.Error("one run mixes several")
	}
}

// TestLineageSVG asks for pictures over HTTP.
func TestLineageSVG(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	node := "/v1/lineage?format=svg&node=" + url.QueryEscape("dataset:hive/pop.main")
	r := f.get(node)
	if r.status != http.StatusOK || r.header.Get("Content-Type") != "image/svg+xml" || r.header.Get("Content-Security-Policy") != svgPolicy {
		t.Fatalf("%d %v", r.status, r.header)
	}
	checkSVG(t, r.body)
	for _, want := range []string{`data-node="job:etl/merge"`, `data-kind="writes"`, `role="img"`, `aria-label="Lineage of dataset:hive/pop.main`, "as of position", "Data flows from left to right", `data-last="`} {
		if !strings.Contains(string(r.body), want) {
			t.Errorf("no %s in %s", want, r.body)
		}
	}
	if zh := f.get(node + "&lang=zh-CN"); !strings.Contains(string(zh.body), "的血缘") || !strings.Contains(string(zh.body), `lang="zh-CN"`) {
		t.Error("not in Chinese")
	}
	if zh := f.get(node, "Accept-Language", "zh-CN,en;q=0.5"); !strings.Contains(string(zh.body), "的血缘") || !strings.Contains(zh.header.Get("Vary"), "Accept-Language") {
		t.Error("not in the language of the request")
	}
	entry := f.get("/v1/lineage?format=svg&columns=true&node=entry:DS02")
	if checkSVG(t, entry.body); strings.Count(string(entry.body), "户籍注销信息</text>") != 2 { // the entry, and its dataset
		t.Errorf("the title of the entry is not at both: %s", entry.body)
	}
	if unknown := f.get("/v1/lineage?format=svg&node=dataset:no/such"); unknown.status != http.StatusNotFound {
		t.Errorf("%d", unknown.status)
	}
}
