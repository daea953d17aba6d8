package api

import "ledgerline/projections"

type dutiesPageQuery struct {
	momentQuery
	dutiesQuery
}

type dutiesPage struct {
	*page
	List     projections.DutyList
	Query    dutiesPageQuery
	Filtered bool
	Parties  []projections.Party
	States   []string
	// Needs are the latest that were announced: what is due on them, a pack may say. None
	// where the list is narrowed to duties.
	Needs projections.Timeline
}

func showDuties(c *question, q dutiesPageQuery, p *page) (any, error) {
	list, err := listDuties(c, q.dutiesQuery)
	if err != nil {
		return nil, err
	}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	d := dutiesPage{
		page: p, List: list, Query: q, Parties: parties.Parties, Filtered: q.Party != "" || q.Rule != "" || q.Case != "" || q.State != "" || q.Entry != "" || q.Imported != "",
		States: []string{projections.DutyOpen, projections.DutyMet, projections.DutyLate, projections.DutyBreached, projections.DutyUndetermined},
	}
	if q.Rule == "" && q.Case == "" && q.State == "" && q.Entry == "" && q.Imported == "" {
		if d.Needs, err = c.latest("share.need.announced", projections.TimelineQuery{Party: q.Party}); err != nil {
			return nil, err
		}
	}
	return d, c.twin(p, "/v1/duties")
}

type violationsPageQuery struct {
	momentQuery
	violationsQuery
}

type violationsPage struct {
	*page
	List     projections.ViolationList
	Query    violationsPageQuery
	Filtered bool
	Parties  []projections.Party
}

func showViolations(c *question, q violationsPageQuery, p *page) (any, error) {
	list, err := listViolations(c, q.violationsQuery)
	if err != nil {
		return nil, err
	}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	return violationsPage{
		page: p, List: list, Query: q, Parties: parties.Parties,
		Filtered: q.Party != "" || q.Code != "" || q.Rule != "" || q.Agreement != "" || q.Entry != "" || q.From != 0 || q.To != 0 || q.Imported != "",
	}, c.twin(p, "/v1/violations")
}
