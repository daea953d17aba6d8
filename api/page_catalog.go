package api

import (
	"bytes"
	"fmt"

	"ledgerline/events"
	"ledgerline/projections"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// How much of each list stands on a page that is about something else. Where
// there is more, the page says so and links to the list.
const (
	entryAgreements = 20
	entryAccesses   = 20
	entryFindings   = 20
	entryDepth      = 2
	offeredParties  = 200
	offeredEntries  = 50
)

type catalogPageQuery struct {
	momentQuery
	entriesQuery
}

type catalogPage struct {
	*page
	List projections.EntryList
	// Parties are offered as providers to choose from.
	Parties  []projections.Party
	Query    catalogPageQuery
	Filtered bool
	Stages   []string
	Sharings []string
}

func showCatalog(c *question, q catalogPageQuery, p *page) (any, error) {
	list, err := listEntries(c, q.entriesQuery)
	if err != nil {
		return nil, err
	}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	return catalogPage{
		page: p, List: list, Parties: parties.Parties, Query: q,
		Filtered: q.Text != "" || q.Provider != "" || q.Stage != "" || q.Sharing != "" || q.Region != "" || q.ValidAt != 0,
		Stages:   []string{events.StageDrafted, events.StageSubmitted, events.StageReturned, events.StagePublished, events.StageWithdrawn},
		Sharings: []string{events.SharingUnconditional, events.SharingConditional, events.SharingNotShared},
	}, c.twin(p, "/v1/catalog/entries")
}

type entryPageQuery struct {
	momentQuery
	validAt
}

type entryPage struct {
	*page
	Entry       projections.Entry
	Versions    []versionRow
	Agreements  projections.AgreementList
	Accesses    projections.AccessList
	Findings    projections.FindingList
	Lineage     lineagePart
	HistoryJSON string
}

// versionRow is a step of an entry with its changes as text.
type versionRow struct {
	projections.EntryVersion
	Changes []changeRow
	First   bool // there is nothing before it to differ from
}

type changeRow struct{ Field, Before, After string }

func showEntry(c *question, q entryPageQuery, p *page) (any, error) {
	got, err := getEntry(c, entryQuery{validAt: q.validAt})
	if err != nil {
		return nil, err
	}
	e := got.Entry
	d := entryPage{page: p, Entry: e}
	p.Title = e.Title + " · Ledgerline"
	history, err := getEntryHistory(c, reading{})
	if err != nil {
		return nil, err
	}
	if d.Versions, err = versionRows(history.Versions); err != nil {
		return nil, err
	}
	if d.Agreements, err = c.view.Agreements(c.ctx, projections.AgreementQuery{Entry: e.ID, Page: projections.Page{Limit: entryAgreements}}); err != nil {
		return nil, err
	}
	if d.Accesses, err = c.view.Accesses(c.ctx, projections.AccessQuery{Entry: e.ID, Page: projections.Page{Limit: entryAccesses}}); err != nil {
		return nil, err
	}
	if d.Findings, err = c.view.Findings(c.ctx, projections.FindingQuery{Entry: e.ID, Page: projections.Page{Limit: entryFindings}}); err != nil {
		return nil, err
	}
	if d.Lineage, err = c.lineagePart(projections.LineageQuery{Node: projections.NodeEntry + ":" + e.ID, Direction: projections.Both, Depth: entryDepth}); err != nil {
		return nil, err
	}
	path := p.ID("/v1/catalog/entries", e.ID)
	if d.HistoryJSON, err = p.Data(path + "/history"); err != nil {
		return nil, err
	}
	return d, c.twin(p, path)
}

// versionRows puts the newest step first and writes values as people read them.
func versionRows(versions []projections.EntryVersion) ([]versionRow, error) {
	rows := make([]versionRow, len(versions))
	for i, v := range versions {
		row := versionRow{EntryVersion: v, First: i == 0}
		for _, change := range v.Changed {
			before, err := valueText(change.Before)
			if err != nil {
				return nil, err
			}
			after, err := valueText(change.After)
			if err != nil {
				return nil, err
			}
			row.Changes = append(row.Changes, changeRow{change.Field, before, after})
		}
		rows[len(rows)-1-i] = row
	}
	return rows, nil
}

// valueText writes a JSON value: a text without its quotes, nothing for an
// absent one.
func valueText(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.SpaceAfterComma(true), jsontext.SpaceAfterColon(true))
	if err != nil {
		return "", fmt.Errorf("writing a changed value: %w", err)
	}
	return string(bytes.TrimSpace(b)), nil
}

type partiesPageQuery struct {
	momentQuery
	partiesQuery
}

type partiesPage struct {
	*page
	List projections.PartyList
}

func showParties(c *question, q partiesPageQuery, p *page) (any, error) {
	list, err := listParties(c, q.partiesQuery)
	if err != nil {
		return nil, err
	}
	return partiesPage{p, list}, c.twin(p, "/v1/parties")
}
