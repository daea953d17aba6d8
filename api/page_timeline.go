package api

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ledgerline/events"
	"ledgerline/projections"
)

// The pages of what was recorded: all of it, and what an investigation asks about
// one thing.

type timelinePageQuery struct {
	momentQuery
	eventsQuery
}

type timelinePage struct {
	*page
	List     projections.Timeline
	Query    timelinePageQuery
	Filtered bool
	Parties  []projections.Party
	Orders   []string
}

func showTimeline(c *question, q timelinePageQuery, p *page) (any, error) {
	list, err := listEvents(c, q.eventsQuery)
	if err != nil {
		return nil, err
	}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	e := q.eventsQuery
	return timelinePage{
		page: p, List: list, Query: q, Parties: parties.Parties, Orders: []string{"asc", "desc"},
		Filtered: e.Type != "" || e.Subject != "" || e.Party != "" || e.Entry != "" || e.Agreement != "" || e.Dataset != "" ||
			e.Actor != "" || e.Text != "" || e.Principal != "" || e.From != 0 || e.To != 0,
	}, c.twin(p, "/v1/events")
}

// latest are the newest records of a type that a page about something else shows.
func (c *question) latest(typ string, q projections.TimelineQuery) (projections.Timeline, error) {
	q.TypePrefix, q.Descending, q.Limit = typ, true, latestRecords
	return c.view.Timeline(c.ctx, q)
}

const latestRecords = 10

type investigatePageQuery struct {
	momentQuery
	window
	Node    string `query:"node" doc:"what may have got out or was touched: a node, named as for /v1/lineage"`
	Columns bool   `query:"columns" doc:"only what the columns reach"`
	Kind    string `query:"kind" doc:"of the records about it, only those of a kind" enum:"catalog,share,access,quality,lineage"`
	Party   string `query:"party" doc:"of the records about it, only those that name a party"`
	Case    string `query:"case" doc:"records collected so far: positions joined by dots"`
}

type investigatePage struct {
	*page
	Query investigatePageQuery
	// Unknown is set if the node asked for names nothing, or several things, then.
	Unknown  *projections.UnknownNodeError
	Exposure projections.Exposure
	// Touched are the latest records about the node itself within the window.
	Touched projections.Timeline
	Entries []projections.Entry // to begin with, if no node is asked for
	// Exhibits are the bundles that prove what is shown.
	Exhibits []exhibitForm
	Plot     plot
	Kinds    []string
	Parties  []projections.Party
}

// Taken tells whether a record is in the case already.
func (d investigatePage) Taken(position int64) bool {
	return slices.Contains(strings.Split(d.Query.Case, "."), strconv.FormatInt(position, 10))
}

// exhibitForm asks for an evidence bundle.
type exhibitForm struct {
	Name   string
	Fields []field
}

// exhibits are the bundles behind an investigation: the node's lineage, and each
// agreement under which somebody got something or may have.
func (d *investigatePage) exhibits() {
	d.Exhibits = append(d.Exhibits, exhibitForm{d.Query.Node, []field{{"lineage", d.Exposure.Node}}})
	seen := make(map[string]bool)
	add := func(agreement string) {
		if agreement != "" && !seen[agreement] {
			seen[agreement] = true
			d.Exhibits = append(d.Exhibits, exhibitForm{agreement, []field{{"agreement", agreement}}})
		}
	}
	for _, e := range d.Exposure.Exposed {
		add(e.Agreement)
	}
	for _, e := range d.Exposure.Entitled {
		add(e.Agreement)
	}
}

// How far an investigation looks. Limits hit are said on the page.
const (
	investigateDepth = 20
	investigateNodes = 50_000
)

// touchedRecords is how many records an investigation shows; the timeline has all.
const touchedRecords = 50

// showInvestigation answers who touched a thing within a window of time, and who
// got it or anything made from it.
func showInvestigation(c *question, q investigatePageQuery, p *page) (any, error) {
	d := investigatePage{page: p, Query: q, Kinds: []string{"catalog", "share", "access", "quality", "lineage"}}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	d.Parties = parties.Parties
	if q.Node == "" {
		list, err := c.view.Entries(c.ctx, projections.EntryQuery{Page: projections.Page{Limit: offeredEntries}})
		d.Entries = list.Entries
		return d, err
	}
	p.Title = q.Node + " · Ledgerline"
	node, err := c.view.ResolveNode(c.ctx, q.Node)
	if errors.As(err, &d.Unknown) { // the form stays, so that the name can be put right
		p.JSON, err = p.Data("/v1/exposure", "node", q.Node)
		return d, err
	}
	if err != nil {
		return nil, err
	}
	d.Exposure, err = getExposure(c, exposureQuery{Node: q.Node, window: q.window, Columns: q.Columns, Depth: investigateDepth, MaxNodes: investigateNodes})
	if err != nil {
		return nil, err
	}
	touched := projections.TimelineQuery{From: q.From, To: q.To, Party: q.Party, Descending: true, Page: projections.Page{Limit: touchedRecords}}
	if q.Kind != "" {
		touched.TypePrefix = q.Kind + "."
	}
	switch node.Kind {
	case projections.NodeEntry:
		touched.Entry = node.Name
	case projections.NodeDataset, projections.NodeColumn:
		touched.Dataset = projections.Dataset{Namespace: node.Namespace, Name: node.Name}
	case projections.NodeJob:
		touched.Subject = events.Subject{Kind: events.KindJob, ID: node.Namespace + "/" + node.Name}
	default:
		touched.Subject = events.Subject{Kind: events.KindRun, ID: node.Name}
	}
	if d.Touched, err = c.view.Timeline(c.ctx, touched); err != nil {
		return nil, err
	}
	if d.Plot, err = c.touchedPlot(p, touched, node); err != nil {
		return nil, err
	}
	d.exhibits()
	return d, c.twin(p, "/v1/exposure")
}

// touchedPlot draws when a thing was touched, by what was done, over all records
// that the query selects, whatever the table shows of them.
func (c *question) touchedPlot(p *page, q projections.TimelineQuery, node projections.Node) (plot, error) {
	broken := make(map[int64]bool)
	calls := projections.AccessQuery{FlaggedOnly: true, From: q.From, To: q.To, Entry: q.Entry, Dataset: q.Dataset, Page: projections.Page{Limit: projections.MaxLimit}}
	if q.Entry != "" || q.Dataset != (projections.Dataset{}) {
		list, err := c.view.Accesses(c.ctx, calls)
		if err != nil {
			return plot{}, err
		}
		for _, a := range list.Accesses {
			broken[a.Position] = true
		}
	}
	var points []plotPoint
	cut := false
	for q.Page = (projections.Page{Limit: projections.MaxLimit}); !cut; {
		list, err := c.view.Timeline(c.ctx, q)
		if err != nil {
			return plot{}, err
		}
		for _, row := range list.Rows {
			points = append(points, plotPoint{row.Recorded, recordClass(row.Type, broken[row.Position])})
		}
		if list.Next == "" {
			break
		}
		q.Page.Cursor = list.Next
		cut = len(points) >= plotAccesses
	}
	g, err := p.plot(points, []plotKey{
		{"fine", p.texts("plot-calls-fine")}, {"denied", p.texts("plot-denied")}, {"flag", p.texts("plot-flag")}, {"quality", p.texts("plot-quality")}, {"other", p.texts("plot-other")},
	}, func(from, to time.Time) (string, error) {
		return p.Href("/investigate", "node", node.ID, "from", from.Format(time.RFC3339), "to", to.Format(time.RFC3339))
	})
	g.Label = fmt.Sprintf(p.texts("plot-records"), len(points))
	if g.Caption = g.Label + " " + p.texts("plot-recorded"); cut {
		g.Caption += " " + p.texts("plot-cut")
	}
	return g, err
}

// recordClass is how a record is drawn.
func recordClass(typ string, broken bool) string {
	switch {
	case broken:
		return "flag"
	case typ == "access.call.denied":
		return "denied"
	case strings.HasPrefix(typ, "access.") && typ != "access.gap.declared":
		return "fine"
	case strings.HasPrefix(typ, "quality.") || strings.HasPrefix(typ, "correction."):
		return "quality"
	}
	return "other"
}
