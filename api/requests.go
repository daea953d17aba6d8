package api

import (
	"ledgerline/events"
	"ledgerline/projections"
)

type requestsQuery struct {
	reading
	validAt
	paging
	window
	Party    string `query:"party" doc:"id of the provider or the consumer"`
	Provider string `query:"provider" doc:"id of the party asked"`
	Consumer string `query:"consumer" doc:"id of the party that asks"`
	Entry    string `query:"entry" doc:"id of a catalog entry asked for"`
	Column   string `query:"column" doc:"id of an item asked for"`
	Purpose  string `query:"purpose" doc:"a purpose it is asked for"`
	State    string `query:"state" doc:"state of the request" enum:"submitted,received,supplement_requested,supplemented,granted,partially_granted,refused,withdrawn"`
}

func listRequests(c *question, q requestsQuery) (projections.RequestList, error) {
	list, err := c.view.Requests(c.ctx, projections.RequestQuery{
		Party: q.Party, Provider: q.Provider, Consumer: q.Consumer, Entry: q.Entry, Column: q.Column, Purpose: q.Purpose, State: q.State,
		From: q.From, To: q.To, ValidAt: q.ValidAt, Page: c.page(q.paging),
	})
	c.next(&list.Next)
	return list, err
}

type requestAnswer struct {
	SubjectVersion uint64              `json:"subject_version"`
	Request        projections.Request `json:"request"`
}

func getRequest(c *question, q entryQuery) (requestAnswer, error) {
	id, err := pathValue(c.r, "id")
	if err != nil {
		return requestAnswer{}, err
	}
	request, ok, err := c.view.Request(c.ctx, id, q.ValidAt)
	if err != nil {
		return requestAnswer{}, err
	}
	if !ok {
		return requestAnswer{}, notFound("request", id, c.view.Position())
	}
	version, err := c.subjectVersion(events.Subject{Kind: events.KindRequest, ID: id})
	return requestAnswer{version, request}, err
}
