package api

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"
)

type lineageQuery struct {
	reading
	lineageView
	Node      string                `query:"node,required" doc:"where to begin: dataset:{namespace}/{name}, column:{namespace}/{name}#{field}, job:{namespace}/{name}, run:{uuid} or entry:{id}"`
	Direction projections.Direction `query:"direction" doc:"where to go" enum:"up,down,both" default:"both"`
	Depth     int                   `query:"depth" doc:"how many steps from dataset to dataset" default:"20" min:"1" max:"1000"`
	Columns   bool                  `query:"columns" doc:"edges between columns instead of datasets"`
	MaxNodes  int                   `query:"max_nodes" doc:"most nodes to return, the nearest; what is left out is said. Above 50000 for format=ndjson only" default:"2000" min:"1" max:"500000"`
	Format    string                `query:"format" doc:"form of the answer" enum:"json,ndjson,dot,svg,prov,openlineage" default:"json"`
	Lang      string                `query:"lang" doc:"language of a picture's own words. Default: as Accept-Language says" enum:"en,zh,zh-CN"`
}

// lineage answers with the graph around a node: as JSON, whole or in parts, in Graphviz' language,
// as a picture, in the terms of W3C PROV, or as the OpenLineage events behind it.
func lineage() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, q lineageQuery) error {
		if q.Format == "openlineage" {
			if err := s.openContent(r); err != nil {
				return err
			}
		}
		c, err := s.ask(w, r, q.reading, "")
		if err != nil {
			return err
		}
		asked := projections.LineageQuery{
			Node: q.Node, Direction: q.Direction, Depth: q.Depth, Columns: q.Columns, MaxNodes: q.MaxNodes,
			Graph: q.Graph, View: q.View, From: q.From, To: q.To, ValidAt: q.ValidAt, Run: q.Run, Dropped: q.Dropped,
		}
		if q.Format == "ndjson" {
			return errors.Join(streamLineage(c, asked), c.close())
		}
		graph, err := c.view.Lineage(c.ctx, asked)
		c.hit(graph.LimitsHit...)
		var write func() error
		if err == nil {
			write, err = lineageForm(c, q, graph)
		}
		if err := errors.Join(err, c.close()); err != nil {
			return err
		}
		return write()
	})
	e = e.filters()
	e.answers = []content{
		ok[answer[projections.Graph]](http.StatusOK, "format=json"),
		{http.StatusOK, mediaTypeLines, reflect.TypeFor[lineageLine](), "format=ndjson, a part a line, nearest first; the last line says for what the answer speaks"},
		ok[provDocument](http.StatusOK, "format=prov, as PROV-JSON"),
		ok[[]openLineageEvent](http.StatusOK, "format=openlineage, the latest events behind each edge as they were received; headers Ledgerline-* say as of when and whether that is all"),
		{http.StatusOK, "text/vnd.graphviz", nil, "format=dot"},
		{http.StatusOK, "image/svg+xml", nil, "format=svg, at most 300 boxes; the picture says what it leaves out"},
	}
	return e
}

// lineageForm looks up what the format asked for needs beyond the graph, and
// returns what writes the answer when the view is closed.
func lineageForm(c *question, q lineageQuery, graph projections.Graph) (write func() error, err error) {
	body := func(media string, content func() []byte) func() error {
		return func() error {
			writeBody(c.w, c.r, http.StatusOK, media, content())
			return nil
		}
	}
	switch q.Format {
	case "dot":
		standing := c.standing()
		return body("text/vnd.graphviz; charset=utf-8", func() []byte { return dot(graph, standing) }), nil
	case "svg":
		titles, err := titlesOf(c.ctx, c.view, graph)
		if err != nil {
			return nil, err
		}
		p := newPicture(graph, titles, pictureLanguage(c.w, c.r, q.Lang))
		if len(p.boxes) < p.total {
			c.hit(limitPicture)
		}
		standing := c.standing()
		c.w.Header().Set("Content-Security-Policy", svgPolicy)
		return body("image/svg+xml", func() []byte { return p.svg(standing) }), nil
	case "prov":
		facts, err := c.provFacts(graph)
		return func() error { return writeJSON(c.w, c.r, http.StatusOK, prov(graph, facts)) }, err
	case "openlineage":
		received, err := c.openLineage(graph)
		c.sayStanding()
		return body("application/json", func() []byte { return received }), err
	default:
		standing := c.standing()
		return func() error {
			return writeJSON(c.w, c.r, http.StatusOK, answer[projections.Graph]{standing, graph})
		}, nil
	}
}

// Limits of an export as OpenLineage events.
const (
	maxExportEvents = 10_000
	maxExportBytes  = 64 << 20
)

// openLineage is an array of the OpenLineage events that the graph names as the
// latest behind its edges, byte for byte as they were received, in the order of
// the ledger. Events made up from the graph would not be honest: a graph around a
// node holds only those inputs and outputs of a job that lie on the way, and does
// not tell what one run did from what the job has done in all.
func (c *question) openLineage(g projections.Graph) ([]byte, error) {
	seen := make(map[int64]bool)
	for _, e := range g.Edges {
		for _, at := range e.Events {
			seen[at] = true
		}
	}
	if len(seen) > maxExportEvents {
		return nil, tooMuchToExport(sayf("%d records are behind the graph, more than %d", len(seen), maxExportEvents))
	}
	body, erased := []byte("["), false
	for _, at := range slices.Sorted(maps.Keys(seen)) {
		if seen, err := c.view.Shows(at); err != nil {
			return nil, err
		} else if !seen {
			continue
		}
		e, err := c.s.o.Ledger.Get(c.ctx, at)
		if err != nil {
			return nil, err
		}
		for _, f := range e.Event.Facets { // none in records of the catalog
			if f.Name != events.OpenLineageFacet {
				continue
			}
			if f.Erased {
				erased = true
				continue
			}
			if c.view.LeavesOut(f.Name) {
				continue
			}
			if len(body) > 1 {
				body = append(body, ",\n"...)
			}
			if body = append(body, f.Bytes...); len(body) > maxExportBytes {
				return nil, tooMuchToExport(sayf("the events behind the graph are longer than %d MiB", maxExportBytes>>20))
			}
		}
	}
	if erased {
		c.hit("erased")
	}
	return append(body, "]\n"...), nil
}

func tooMuchToExport(detail phrase) *Problem {
	return problem(http.StatusBadRequest, "export.too-large", detail, "ask for less depth or one direction, or read the records one by one: /v1/events/{position}/facets/openlineage").at("format")
}

// sayStanding says in headers what an answer speaks for that has no place for it.
func (c *question) sayStanding() {
	st, h := c.standing(), c.w.Header()
	h.Set("Ledgerline-Position", strconv.FormatInt(st.Position, 10))
	h.Set("Ledgerline-Checkpoint-Size", strconv.FormatInt(st.CheckpointSize, 10))
	h.Set("Ledgerline-Complete", strconv.FormatBool(st.Complete))
	if st.Withheld != nil {
		h.Set("Ledgerline-Withheld", strconv.FormatInt(*st.Withheld, 10))
	}
	if len(st.LimitsHit) > 0 {
		h.Set("Ledgerline-Limits-Hit", strings.Join(st.LimitsHit, ", "))
	}
}

// pictureLanguage is the language of a picture's own words.
func pictureLanguage(w http.ResponseWriter, r *http.Request, asked string) int {
	if asked == "" {
		w.Header().Add("Vary", "Accept-Language")
		asked = languages[0]
		if prefersChinese(r.Header.Get("Accept-Language")) {
			asked = languages[1]
		}
	}
	if strings.HasPrefix(asked, "zh") {
		return 1
	}
	return 0
}

// dot writes a graph in Graphviz' language, left to right as data flows. What
// the graph speaks for stands in a comment and in its label.
func dot(g projections.Graph, st Standing) []byte {
	var b bytes.Buffer
	complete := "complete"
	if !st.Complete {
		complete = "cut by " + strings.Join(st.LimitsHit, ", ")
	}
	if st.Withheld != nil {
		complete += fmt.Sprintf(", %s", st.Says)
	}
	fmt.Fprintf(&b, "// %s, as of position %d, %s\n", strings.ReplaceAll(g.Node, "\n", " "), st.Position, complete)
	fmt.Fprintf(&b, "digraph lineage {\n  rankdir=LR; node [shape=box];\n  label=%s;\n", dotQuote(fmt.Sprintf("as of position %d, %s", st.Position, complete)))
	for _, n := range g.Nodes {
		label := n.ID
		if n.Title != "" {
			label += "\n" + n.Title
		}
		if n.MixesRuns {
			label += "\n" + pictureWords["mixes"][0]
		}
		shape := ""
		if n.Kind == projections.NodeJob || n.Kind == projections.NodeRun {
			shape = ", shape=ellipse"
		}
		if n.MixesRuns {
			shape += ", tooltip=" + dotQuote(pictureWords["mixes-means"][0])
		}
		fmt.Fprintf(&b, "  %s [label=%s%s];\n", dotQuote(n.ID), dotQuote(label), shape)
	}
	for _, e := range g.Edges {
		style := ""
		if !e.Declared && e.Runs == 0 {
			style = ", style=dashed"
		}
		fmt.Fprintf(&b, "  %s -> %s [label=%s%s];\n", dotQuote(e.From), dotQuote(e.To), dotQuote(e.Kind), style)
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// dotQuote writes a DOT string. In it only the quote is special, and backslash
// sequences are layout, so a backslash of the data is doubled.
func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

type runAnswer struct {
	Run projections.Run `json:"run"`
}

func getRun(c *question, _ reading) (runAnswer, error) {
	id, err := pathValue(c.r, "id")
	if err != nil {
		return runAnswer{}, err
	}
	run, ok, err := c.view.Run(c.ctx, id)
	if err == nil && !ok {
		err = notFound("run", id, c.view.Position())
	}
	return runAnswer{run}, err
}
