package api

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"ledgerline/events"
	"ledgerline/projections"
)

// The page of uses: what a body, an official or a credential read, when, under which
// agreement; and who used data about one person.

type usesPageQuery struct {
	momentQuery
	accessesQuery
}

type usesPage struct {
	*page
	Query usesPageQuery
	// Person is whom the calls are about, if that is asked; it stands in no address.
	Person  string
	Asked   bool
	Parties []projections.Party
	// Consumers are those to begin with, if nothing is asked for.
	Consumers []projections.Party
	Rows      []useRow
	Cut       bool // more calls fit than were looked at
	Looked    int  // how many are, at most
	Batches   bool // there may be more in sealed batches
	Plot      plot
	// Made are the records of use that consumers keep themselves, the newest first.
	Made projections.Timeline
	List projections.AccessList
}

// useRow is what one consumer had of an entry under one agreement for one purpose.
type useRow struct {
	Consumer, ConsumerName, Agreement, Entry, Purpose string
	Calls, Denied, Rows, Flagged                      int
	Columns                                           []string
	First, Last                                       events.Time
	Events                                            []int64 // the latest, the last first
	More                                              bool
	Imported                                          bool // all of it is from before the ledger
}

// typeUsage is a record of use that a consumer keeps.
const typeUsage = "usage.record.made"

// useRecords is how many records a row of uses names.
const useRecords = 5

// usesMade is how many records of use the page shows.
const usesMade = 20

// uses sums up calls by what they had in common.
type useKey struct {
	consumer, agreement, entry, purpose string
	imported                            bool
}

func (k useKey) compare(o useKey) int {
	return cmp.Or(cmp.Compare(k.consumer, o.consumer), cmp.Compare(k.agreement, o.agreement), cmp.Compare(k.entry, o.entry), cmp.Compare(k.purpose, o.purpose), cmp.Compare(strconv.FormatBool(k.imported), strconv.FormatBool(o.imported)))
}

type uses struct {
	rows   map[useKey]*useRow
	points []plotPoint
}

// add counts a call, or the calls of a sealed batch. Gaps are no use: they are listed
// and drawn.
func (u *uses) add(a projections.Access, names map[string]string) {
	u.points = append(u.points, plotPoint{a.Time, accessClass(a)})
	if a.Gap != nil {
		return
	}
	purpose := a.Purpose
	if a.Batch != nil && len(a.Batch.Purposes) == 1 {
		purpose = a.Batch.Purposes[0]
	}
	key := useKey{a.Consumer, a.Agreement, a.Entry, purpose, a.Imported}
	row := u.rows[key]
	if row == nil {
		row = &useRow{Consumer: a.Consumer, ConsumerName: names[a.Consumer], Agreement: a.Agreement, Entry: a.Entry, Purpose: purpose, First: a.Time, Last: a.Time, Imported: a.Imported}
		u.rows[key] = row
	}
	switch {
	case a.Batch != nil:
		row.Calls, row.Denied = row.Calls+a.Batch.Calls, row.Denied+a.Batch.Denied
	case a.Result == events.AccessOK || a.Result == events.AccessEmpty:
		row.Calls++
	default:
		row.Denied++
	}
	row.Rows += a.RowCount
	if len(a.Flags) > 0 {
		row.Flagged++
	}
	if a.Result != events.AccessDenied { // what was asked for in vain was not read
		for _, column := range a.Columns {
			if !slices.Contains(row.Columns, column) {
				row.Columns = append(row.Columns, column)
			}
		}
	}
	row.First, row.Last = min(row.First, a.Time), max(row.Last, a.Time, a.Until)
	if row.More = row.More || len(row.Events) == useRecords; !row.More {
		row.Events = append(row.Events, a.Position)
	}
}

// sorted are the rows, the latest use first.
func (u *uses) sorted() []useRow {
	var rows []useRow
	for _, key := range slices.SortedFunc(maps.Keys(u.rows), useKey.compare) {
		rows = append(rows, *u.rows[key])
	}
	slices.SortStableFunc(rows, func(a, b useRow) int { return int(min(1, max(-1, b.Last-a.Last))) })
	return rows
}

func showUses(c *question, q usesPageQuery, p *page) (any, error) {
	d := usesPage{page: p, Query: q, Looked: plotAccesses}
	if c.r.Method == post {
		d.Person = c.r.PostForm.Get("person")
		if err := checkPerson(d.Person, "person"); err != nil {
			return nil, err
		}
	}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	d.Parties = parties.Parties
	a := q.accessesQuery
	d.Asked = d.Person != "" || a.filtered()
	if !d.Asked {
		if d.Consumers, err = c.consumers(); err != nil {
			return nil, err
		}
		return d, c.twin(p, "/v1/accesses")
	}
	asked := projections.AccessQuery{Person: d.Person, From: a.From, To: a.To, ValidAt: a.ValidAt, Gaps: true}
	pairs := []any(nil)
	if d.Person == "" {
		if d.List, err = listAccesses(c, a); err != nil {
			return nil, err
		}
		if asked, err = c.accessQuery(a); err != nil {
			return nil, err
		}
		pairs = a.pairs()
	} else {
		if d.List, err = c.usesOf(d.Person, a.window, a.ValidAt, a.paging); err != nil {
			return nil, err
		}
		d.Batches = slices.Contains(c.limitsHit, limitBatches)
	}
	sum := uses{rows: make(map[useKey]*useRow)}
	if d.Cut, err = c.eachAccess(asked, sum.add); err != nil {
		return nil, err
	}
	d.Rows = sum.sorted()
	if d.Plot, err = p.accessBars(sum.points, d.Cut, pairs); err != nil {
		return nil, err
	}
	if d.Person != "" {
		return d, nil
	}
	if a.Consumer != "" || a.Agreement != "" || a.Entry != "" || a.Actor != "" {
		d.Made, err = c.view.Timeline(c.ctx, projections.TimelineQuery{
			TypePrefix: typeUsage, Party: a.Consumer, Agreement: a.Agreement, Entry: a.Entry, Actor: a.Actor, Descending: true, Page: projections.Page{Limit: usesMade},
		})
		if err != nil {
			return nil, err
		}
	}
	return d, c.twin(p, "/v1/accesses")
}

// consumers are the bodies that hold agreements, in order of their ids.
func (c *question) consumers() ([]projections.Party, error) {
	list, err := c.view.Agreements(c.ctx, projections.AgreementQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	names := make(map[string]string)
	for _, a := range list.Agreements {
		names[a.Consumer] = a.ConsumerName
	}
	var out []projections.Party
	for _, id := range slices.Sorted(maps.Keys(names)) {
		out = append(out, projections.Party{ID: id, Name: names[id]})
	}
	return out, nil
}

// MadeAsked tells whether the question is one that records of use can answer.
func (d usesPage) MadeAsked() bool {
	return d.Person == "" && (d.Query.Consumer != "" || d.Query.Agreement != "" || d.Query.Entry != "" || d.Query.Actor != "")
}

// Again are the fields that ask for the next part about the same person.
func (d usesPage) Again() []field {
	return append(fieldsOf(d.without("cursor")), field{"person", d.Person}, field{"cursor", d.List.Next})
}

// formUses answers who used data about one person. The person's reference comes in the
// body, so that it stands in no address, history or log.
func formUses() endpoint {
	shown := viewedPage("uses.html", "title-uses", showUses)
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		if err := r.ParseForm(); err != nil {
			return problem(http.StatusBadRequest, "body.syntax", sayf("the form cannot be read: %v", err), "send it from the page /uses, or ask POST /v1/uses")
		}
		values := url.Values{}
		for name, v := range r.PostForm {
			if name != "person" && v[0] != "" {
				values.Set(name, v[0])
			}
		}
		asked := r.Clone(r.Context())
		asked.URL.RawQuery = values.Encode()
		w.Header().Set("Cache-Control", "no-store")
		return shown.serve(s, w, asked)
	}, text("text/html")).filters()
	return e.reads(content{0, "application/x-www-form-urlencoded", nil, "person; and what /uses can be asked with"})
}
