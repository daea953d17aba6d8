package api

import (
	"ledgerline/projections"
)

type dutiesQuery struct {
	reading
	validAt
	paging
	Party string `query:"party" doc:"id of the party that has to act"`
	Rule  string `query:"rule" doc:"id of the rule, such as DL-02"`
	Case  string `query:"case" doc:"what the duty is about, such as the id of a request"`
	State string `query:"state" doc:"state of the duty when it is asked about" enum:"open,met,late,breached,undetermined"`
}

func listDuties(c *question, q dutiesQuery) (projections.DutyList, error) {
	list, err := c.view.Duties(c.ctx, projections.DutyQuery{
		Party: q.Party, Rule: q.Rule, Case: q.Case, State: q.State, ValidAt: q.ValidAt, Page: c.page(q.paging),
	})
	c.next(&list.Next)
	return list, err
}

type violationsQuery struct {
	reading
	paging
	window
	Party     string `query:"party" doc:"id of the party that broke the rule"`
	Code      string `query:"code" doc:"code of the violation in its rule pack, such as 39.4"`
	Rule      string `query:"rule" doc:"what was found: a deadline's id, or a rule such as access.no-agreement"`
	Agreement string `query:"agreement" doc:"id of the agreement concerned"`
	Entry     string `query:"entry" doc:"id of the catalog entry concerned"`
}

func listViolations(c *question, q violationsQuery) (projections.ViolationList, error) {
	list, err := c.view.Violations(c.ctx, projections.ViolationQuery{
		Party: q.Party, Code: q.Code, Rule: q.Rule, Agreement: q.Agreement, Entry: q.Entry, From: q.From, To: q.To, Page: c.page(q.paging),
	})
	c.next(&list.Next)
	c.hit(list.LimitsHit...)
	return list, err
}
