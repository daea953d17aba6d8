package api

import (
	"errors"

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

type investigatePageQuery struct {
	momentQuery
	window
	Node    string `query:"node" doc:"what may have got out or was touched: a node, named as for /v1/lineage"`
	Columns bool   `query:"columns" doc:"only what the columns reach"`
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
	d := investigatePage{page: p, Query: q}
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
	touched := projections.TimelineQuery{From: q.From, To: q.To, Descending: true, Page: projections.Page{Limit: touchedRecords}}
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
	d.exhibits()
	return d, c.twin(p, "/v1/exposure")
}
