package api

import (
	"slices"

	"ledgerline/events"
	"ledgerline/projections"
)

// agreementAccesses is how many accesses the page of an agreement shows.
const agreementAccesses = 20

type sharingPageQuery struct {
	momentQuery
	agreementsQuery
}

type sharingPage struct {
	*page
	List     projections.AgreementList
	Query    sharingPageQuery
	Filtered bool
	Parties  []projections.Party
	States   []string
	// Requests are those of the same entry and parties; all states of them.
	Requests projections.RequestList
}

// sharingRequests is how many requests stand below the agreements.
const sharingRequests = 100

func showSharing(c *question, q sharingPageQuery, p *page) (any, error) {
	list, err := listAgreements(c, q.agreementsQuery)
	if err != nil {
		return nil, err
	}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	requests, err := c.view.Requests(c.ctx, projections.RequestQuery{
		Party: q.Party, Provider: q.Provider, Consumer: q.Consumer, Entry: q.Entry, ValidAt: q.ValidAt, Page: projections.Page{Limit: sharingRequests},
	})
	if err != nil {
		return nil, err
	}
	if q.Party != "" {
		requests.Requests = slices.DeleteFunc(requests.Requests, func(r projections.Request) bool { return r.Provider != q.Party && r.Consumer != q.Party })
	}
	return sharingPage{
		page: p, Requests: requests, List: list, Query: q, Parties: parties.Parties,
		Filtered: q.Party != "" || q.Provider != "" || q.Consumer != "" || q.Entry != "" || q.Dataset != "" || q.State != "" || q.ValidAt != 0,
		States:   []string{events.StageActive, events.StageSuspended, events.StageTerminated, events.StageExpired, events.StageFulfilled},
	}, c.twin(p, "/v1/agreements")
}

type agreementPageQuery struct{ momentQuery }

type agreementPage struct {
	*page
	Agreement projections.Agreement
	// States are what it went through, newest first.
	States   []projections.Agreement
	Accesses projections.AccessList
	// Anomalies are the latest that were flagged in calls under it.
	Anomalies projections.Timeline
	Strip     strip
	Plot      plot
}

func showAgreement(c *question, _ agreementPageQuery, p *page) (any, error) {
	got, err := getAgreement(c, agreementQuery{})
	if err != nil {
		return nil, err
	}
	d := agreementPage{page: p, Agreement: got.Agreement}
	id := got.Agreement.ID
	p.Title = id + " · Ledgerline"
	states, err := c.view.AgreementHistory(c.ctx, id)
	if err != nil {
		return nil, err
	}
	if d.Strip, err = p.agreementStrip(states); err != nil {
		return nil, err
	}
	if d.Plot, err = c.accessPlot(p, projections.AccessQuery{Agreement: id}, "agreement", id); err != nil {
		return nil, err
	}
	for i := len(states) - 1; i >= 0; i-- {
		d.States = append(d.States, states[i])
	}
	if d.Accesses, err = c.view.Accesses(c.ctx, projections.AccessQuery{Agreement: id, Page: projections.Page{Limit: agreementAccesses}}); err != nil {
		return nil, err
	}
	if d.Anomalies, err = c.latest(anomalyFlagged, projections.TimelineQuery{Agreement: id}); err != nil {
		return nil, err
	}
	return d, c.twin(p, p.ID("/v1/agreements", id))
}

type accessesPageQuery struct {
	momentQuery
	accessesQuery
}

type accessesPage struct {
	*page
	List     projections.AccessList
	Query    accessesPageQuery
	Filtered bool
	Parties  []projections.Party
	Plot     plot
}

// pairs are the filters of an address that asks for calls, without those of time.
func (q accessesQuery) pairs() []any {
	return []any{
		"provider", q.Provider, "consumer", q.Consumer, "agreement", q.Agreement, "entry", q.Entry, "dataset", q.Dataset, "column", q.Column, "purpose", q.Purpose,
		"credential", q.Credential, "system", q.System, "actor", q.Actor, "result", q.Result, "type", q.Type, "imported", q.Imported, "flagged", q.Flagged,
	}
}

// filtered tells whether anything is left out.
func (q accessesQuery) filtered() bool {
	pairs := q.pairs()
	for i := 1; i < len(pairs); i += 2 {
		if pairs[i] != "" && pairs[i] != false {
			return true
		}
	}
	return q.From != 0 || q.To != 0 || q.ValidAt != 0
}

func showAccesses(c *question, q accessesPageQuery, p *page) (any, error) {
	list, err := listAccesses(c, q.accessesQuery)
	if err != nil {
		return nil, err
	}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	query, err := c.accessQuery(q.accessesQuery)
	if err != nil {
		return nil, err
	}
	plot, err := c.accessPlot(p, query, q.pairs()...)
	if err != nil {
		return nil, err
	}
	return accessesPage{
		page: p, Plot: plot, List: list, Query: q, Parties: parties.Parties,
		Filtered: q.filtered(),
	}, c.twin(p, "/v1/accesses")
}

type findingsPageQuery struct {
	momentQuery
	findingsQuery
}

type findingsPage struct {
	*page
	List     projections.FindingList
	Query    findingsPageQuery
	Filtered bool
	Parties  []projections.Party
	States   []string
}

func showFindings(c *question, q findingsPageQuery, p *page) (any, error) {
	list, err := listFindings(c, q.findingsQuery)
	if err != nil {
		return nil, err
	}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	return findingsPage{
		page: p, List: list, Query: q, Parties: parties.Parties,
		Filtered: q.State != "" || q.Entry != "" || q.Party != "" || q.Severity != "" || q.Open,
		States:   []string{events.StageReported, "accepted", "rejected", "assigned", "rectified", "rechecked", events.StageClosed},
	}, c.twin(p, "/v1/findings")
}

type findingPageQuery struct{ momentQuery }

type findingPage struct {
	*page
	Finding projections.Finding
	// Records are those about it, oldest first.
	Records projections.Timeline
	Strip   strip
}

func showFinding(c *question, _ findingPageQuery, p *page) (any, error) {
	got, err := getFinding(c, entryQuery{})
	if err != nil {
		return nil, err
	}
	d := findingPage{page: p, Finding: got.Finding}
	p.Title = got.Finding.ID + " · Ledgerline"
	d.Records, err = c.view.Timeline(c.ctx, projections.TimelineQuery{Subject: events.Subject{Kind: events.KindIssue, ID: got.Finding.ID}})
	if err != nil {
		return nil, err
	}
	if d.Strip, err = p.findingStrip(d.Records.Rows, got.Finding.State); err != nil {
		return nil, err
	}
	return d, c.twin(p, p.ID("/v1/findings", got.Finding.ID))
}
