package api

import (
	"fmt"
	"slices"

	"ledgerline/events"
	"ledgerline/projections"
)

// The page of a request: what was asked for, what was granted of it, by when it had to
// be answered, and what came of it.

// typeSubmitted is the event that begins a request.
const typeSubmitted = "share.request.submitted"

// requestRecords is how many records the page of a request shows; the timeline has all.
const requestRecords = 100

type requestPageQuery struct {
	momentQuery
	validAt
}

type requestPage struct {
	*page
	Request projections.Request
	// States are what it went through, newest first.
	States []projections.Request
	Strip  strip
	Asks   []askRow
	// Duties are the deadlines that are counted for it.
	Duties     projections.DutyList
	Agreements projections.AgreementList
	Records    projections.Timeline
}

// askRow is what was asked for of an entry, beside what was granted of it.
type askRow struct {
	Entry          string
	Version        int
	Items, Granted []string
	Refused        []string // asked for, and not granted although it was answered
	Masking        map[string]string
}

// askRows compares what was asked for with what was granted.
func askRows(r projections.Request) []askRow {
	var rows []askRow
	for _, a := range r.Asks {
		row := askRow{Entry: a.Entry, Version: a.EntryVersion, Items: a.Items}
		for _, g := range r.Granted {
			if g.Entry == a.Entry {
				row.Granted, row.Masking = append(row.Granted, g.Items...), g.Masking
			}
		}
		if r.Answered != 0 {
			row.Refused = slices.DeleteFunc(slices.Clone(a.Items), func(item string) bool { return slices.Contains(row.Granted, item) })
		}
		rows = append(rows, row)
	}
	return rows
}

func showRequest(c *question, q requestPageQuery, p *page) (any, error) {
	got, err := getRequest(c, entryQuery{validAt: q.validAt})
	if err != nil {
		return nil, err
	}
	r := got.Request
	d := requestPage{page: p, Request: r, Asks: askRows(r)}
	p.Title = r.ID + " · Ledgerline"
	states, err := c.view.RequestHistory(c.ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if d.Strip, err = p.requestStrip(states, q.ValidAt); err != nil {
		return nil, err
	}
	slices.Reverse(states)
	d.States = states
	if d.Duties, err = c.view.Duties(c.ctx, projections.DutyQuery{Case: r.ID, ValidAt: q.ValidAt, Page: projections.Page{Limit: projections.MaxLimit}}); err != nil {
		return nil, err
	}
	d.Duties.Duties = slices.DeleteFunc(d.Duties.Duties, func(d projections.Duty) bool { return d.CaseKind != events.KindRequest })
	if d.Agreements, err = c.view.Agreements(c.ctx, projections.AgreementQuery{Consumer: r.Consumer, Request: r.ID, ValidAt: q.ValidAt}); err != nil {
		return nil, err
	}
	d.Records, err = c.view.Timeline(c.ctx, projections.TimelineQuery{Subject: events.Subject{Kind: events.KindRequest, ID: r.ID}, Page: projections.Page{Limit: requestRecords}})
	if err != nil {
		return nil, err
	}
	return d, c.twin(p, p.ID("/v1/requests", r.ID))
}

// requestStrip draws the life of a request, oldest first: what had taken effect by a
// date, or all if that is 0.
func (p page) requestStrip(states []projections.Request, validAt events.Time) (strip, error) {
	way, extended := requestWay, 0
	var through []went
	for _, r := range states {
		if validAt != 0 && r.Since > validAt {
			continue
		}
		if r.State == events.StageSupplementRequested { // what is missing has to be given before it can go on
			way = slices.Insert(slices.Clone(requestWay), 2, []string{events.StageSupplemented})
		}
		word := ""
		if r.Extended > extended {
			word, extended = fmt.Sprintf(p.texts("request-extended"), r.Extended), r.Extended
		} else if n := len(through); n > 0 && through[n-1].state == r.State {
			continue
		}
		through = append(through, went{word, r.State, r.Position, r.Since})
	}
	return p.strip(p.texts("state"), "state", way, through)
}

// requestsFor lists the requests for an entry, the newest first, and whether there are
// more than that.
func (c *question) requestsFor(entry string, most int) (list []projections.Request, more bool, err error) {
	rows, err := c.view.Timeline(c.ctx, projections.TimelineQuery{TypePrefix: typeSubmitted, Entry: entry, Descending: true, Page: projections.Page{Limit: most}})
	if err != nil {
		return nil, false, err
	}
	for _, row := range rows.Rows {
		r, ok, err := c.view.Request(c.ctx, row.Subject.ID, 0)
		if err != nil {
			return nil, false, err
		}
		if ok {
			list = append(list, r)
		}
	}
	return list, rows.Next != "", nil
}
