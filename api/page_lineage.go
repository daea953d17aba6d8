package api

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"ledgerline/projections"
)

// The page of the lineage graph: a picture, and a table that says the same to
// those who do not see it.

// pageEdges is how many edges a page lists; the JSON answer has them all.
const pageEdges = 500

type lineagePageQuery struct {
	momentQuery
	Node      string                `query:"node" doc:"where to begin, named as for /v1/lineage"`
	Direction projections.Direction `query:"direction" doc:"where to go" enum:"up,down,both" default:"both"`
	Depth     int                   `query:"depth" doc:"how many steps from dataset to dataset" default:"3" min:"1" max:"1000"`
	Columns   bool                  `query:"columns" doc:"edges between columns instead of datasets"`
}

type lineagePage struct {
	*page
	Query lineagePageQuery
	// Directions are those to choose from.
	Directions []projections.Direction
	Lineage    lineagePart
	// Unknown is set if the node asked for names nothing, or several things, then.
	Unknown *projections.UnknownNodeError
	Entries []projections.Entry // to begin with, if no node is asked for
	More    bool                // there are more entries than that
}

// lineagePart is a graph as pages show it.
type lineagePart struct {
	Graph  projections.Graph
	Titles map[string]string // of entries, by node
	Rows   []projections.Edge
	Depth  int
	// Columns tells whether columns were asked for.
	Columns bool
}

// Cut tells whether edges are left out of the table.
func (l lineagePart) Cut() bool { return len(l.Rows) < len(l.Graph.Edges) }

// lineagePart asks for a graph.
func (c *question) lineagePart(q projections.LineageQuery) (lineagePart, error) {
	graph, err := c.view.Lineage(c.ctx, q)
	if err != nil {
		return lineagePart{}, err
	}
	titles := make(map[string]string)
	for _, n := range graph.Nodes {
		if n.Title != "" {
			titles[n.ID] = n.Title
		}
	}
	return lineagePart{Graph: graph, Titles: titles, Rows: graph.Edges[:min(len(graph.Edges), pageEdges)], Depth: q.Depth, Columns: q.Columns}, nil
}

func showLineage(c *question, q lineagePageQuery, p *page) (any, error) {
	d := lineagePage{page: p, Query: q, Directions: []projections.Direction{projections.Both, projections.Up, projections.Down}}
	if q.Node == "" {
		list, err := c.view.Entries(c.ctx, projections.EntryQuery{Page: projections.Page{Limit: offeredEntries}})
		if err != nil {
			return nil, err
		}
		d.Entries, d.More = list.Entries, list.Next != ""
		p.JSON, err = p.Data("/v1/catalog/entries", "limit", offeredEntries)
		return d, err
	}
	p.Title = q.Node + " · Ledgerline"
	var err error
	d.Lineage, err = c.lineagePart(projections.LineageQuery{Node: q.Node, Direction: q.Direction, Depth: q.Depth, Columns: q.Columns})
	if errors.As(err, &d.Unknown) { // the form stays, so that the name can be put right
		p.JSON, err = p.Data("/v1/lineage", "node", q.Node)
		return d, err
	}
	if err != nil {
		return nil, err
	}
	c.hit(d.Lineage.Graph.LimitsHit...)
	p.JSON, err = p.lineageData(d.Lineage, "json")
	return d, err
}

// Picture is where a graph is to be had as a picture in the page's language.
func (p page) Picture(l lineagePart) (string, error) { return p.lineageData(l, "svg") }

func (p page) lineageData(l lineagePart, format string) (string, error) {
	pairs := []any{"node", l.Graph.Node, "direction", string(l.Graph.Direction), "depth", l.Depth, "columns", l.Columns, "format", format}
	if format == "svg" {
		pairs = append(pairs, "lang", p.Lang)
	}
	return p.Data("/v1/lineage", pairs...)
}

// Limits says, in words, why a graph is not the whole answer.
func (p page) Limits(l lineagePart) []string {
	var list []string
	for _, limit := range l.Graph.LimitsHit {
		if words, ok := pictureWords["limit."+limit]; ok {
			list = append(list, words[p.language])
		} else {
			list = append(list, fmt.Sprintf(pictureWords["limit"][p.language], limit))
		}
	}
	return list
}

// NodeHref is the page of an entry, or else the graph around the node.
func (p page) NodeHref(node string) (string, error) {
	if id, ok := strings.CutPrefix(node, projections.NodeEntry+":"); ok {
		return p.Href("/entries/" + url.PathEscape(id))
	}
	return p.Href("/lineage", "node", node)
}
