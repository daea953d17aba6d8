package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"ledgerline/projections"
)

type lineageQuery struct {
	reading
	Node      string                `query:"node,required" doc:"where to begin: dataset:{namespace}/{name}, column:{namespace}/{name}#{field}, job:{namespace}/{name}, run:{uuid} or entry:{id}"`
	Direction projections.Direction `query:"direction" doc:"where to go" enum:"up,down,both" default:"both"`
	Depth     int                   `query:"depth" doc:"how many steps from dataset to dataset" default:"20" min:"1" max:"1000"`
	Columns   bool                  `query:"columns" doc:"edges between columns instead of datasets"`
	MaxNodes  int                   `query:"max_nodes" doc:"most nodes to return; what is left out is said" default:"2000" min:"1" max:"50000"`
	Format    string                `query:"format" doc:"form of the answer" enum:"json,dot" default:"json"`
}

// lineage answers with the graph around a node, as JSON or as DOT.
func lineage() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, q lineageQuery) error {
		c, err := s.ask(w, r, q.reading, "")
		if err != nil {
			return err
		}
		graph, err := c.view.Lineage(c.ctx, projections.LineageQuery{
			Node: q.Node, Direction: q.Direction, Depth: q.Depth, Columns: q.Columns, MaxNodes: q.MaxNodes,
		})
		c.hit(graph.LimitsHit...)
		standing := c.standing()
		if err := errors.Join(err, c.close()); err != nil {
			return err
		}
		if q.Format == "dot" {
			writeBody(w, r, http.StatusOK, "text/vnd.graphviz; charset=utf-8", dot(graph, standing))
			return nil
		}
		return writeJSON(w, r, http.StatusOK, answer[projections.Graph]{standing, graph})
	})
	e.answers = []content{ok[answer[projections.Graph]](http.StatusOK, "format=json"), {http.StatusOK, "text/vnd.graphviz", nil, "format=dot"}}
	return e
}

// dot writes a graph in Graphviz' language, left to right as data flows. What
// the graph speaks for stands in a comment and in its label.
func dot(g projections.Graph, st Standing) []byte {
	var b bytes.Buffer
	complete := "complete"
	if !st.Complete {
		complete = "cut by " + strings.Join(st.LimitsHit, ", ")
	}
	fmt.Fprintf(&b, "// %s, as of position %d, %s\n", strings.ReplaceAll(g.Node, "\n", " "), st.Position, complete)
	fmt.Fprintf(&b, "digraph lineage {\n  rankdir=LR; node [shape=box];\n  label=%s;\n", dotQuote(fmt.Sprintf("as of position %d, %s", st.Position, complete)))
	for _, n := range g.Nodes {
		label := n.ID
		if n.Title != "" {
			label += "\n" + n.Title
		}
		shape := ""
		if n.Kind == projections.NodeJob || n.Kind == projections.NodeRun {
			shape = ", shape=ellipse"
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
