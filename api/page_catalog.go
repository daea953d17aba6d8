package api

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"

	"github.com/go-json-experiment/json"
)

// How much of each list stands on a page that is about something else. Where
// there is more, the page says so and links to the list.
const (
	entryAgreements = 20
	entryAccesses   = 20
	entryFindings   = 20
	entryRequests   = 20
	entryDepth      = 2
	offeredParties  = 200
	offeredEntries  = 50
)

const anomalyFlagged = "access.anomaly.flagged"

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
	Facets   []facetPart
	// Downloads are the files of all that matches.
	Downloads []link
}

// facetPart counts what matches by one of its properties, each value a link that
// narrows the list to it.
type facetPart struct {
	Name   string
	Values []facetValue
}

type facetValue struct {
	Word, Href string
	N          int
	Chosen     bool
}

// facets lists the properties of all that matches. Choosing a value again takes
// it away.
func (p page) facets(f *projections.Facets, names map[string]string) (parts []facetPart) {
	for _, of := range []struct {
		param, title, word string
		counts             map[string]int
	}{
		{"stage", "stage", "stage", f.Stage}, {"sharing", "sharing-attribute", "sharing", f.Sharing}, {"provider", "provider", "", f.Provider},
		{"grade", "grade", "grade", f.Grade}, {"update_frequency", "frequency", "frequency", f.UpdateFrequency}, {"region", "region", "", f.Region}, {"imported", "imported", "truth", f.Imported},
	} {
		part := facetPart{Name: of.title}
		if of.param == "imported" && of.counts["true"] == 0 && p.query.Get(of.param) == "" { // most ledgers have nothing from before them
			continue
		}
		for _, value := range slices.Sorted(maps.Keys(of.counts)) {
			if value == "" {
				continue
			}
			values := p.without("cursor", of.param)
			v := facetValue{N: of.counts[value], Chosen: p.query.Get(of.param) == value, Word: value}
			if !v.Chosen {
				values.Set(of.param, value)
			}
			v.Href = withQuery(p.path, values)
			if of.word != "" {
				v.Word = p.Word(of.word, value)
			} else if name := names[value]; name != "" {
				v.Word = name
			}
			part.Values = append(part.Values, v)
		}
		if len(part.Values) > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}

// downloads are the forms in which all that a page of the catalog selects can be had.
func (p page) downloads() (links []link) {
	values := p.without("cursor", "limit", "lang", "facets", "as_of")
	if p.Standing.Position >= 0 {
		values.Set("as_of", strconv.FormatInt(p.Standing.Position, 10))
	}
	for _, form := range []link{{"DCAT 3", "dcat"}, {"CSV", "csv"}, {"Parquet", "parquet"}} {
		values.Set("format", form.Href)
		links = append(links, link{form.Name, withQuery("/v1/catalog/export", values)})
	}
	return links
}

func showCatalog(c *question, q catalogPageQuery, p *page) (any, error) {
	q.Facets = true
	list, err := listEntries(c, q.entriesQuery)
	if err != nil {
		return nil, err
	}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	names := make(map[string]string)
	for _, of := range parties.Parties {
		names[of.ID] = of.Name
	}
	return catalogPage{
		page: p, Facets: p.facets(list.Facets, names), Downloads: p.downloads(), List: list, Parties: parties.Parties, Query: q,
		Filtered: q.Text != "" || q.Provider != "" || q.Stage != "" || q.Sharing != "" || q.Region != "" || q.Grade != "" || q.Update != "" || q.Imported != "" || q.ValidAt != 0,
		Stages:   []string{events.StageDrafted, events.StageApproved, events.StageSubmitted, events.StageReturned, events.StagePublished, events.StageWithdrawn},
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
	Checks      []projections.Check // those that failed
	Versions    []versionRow
	Requests    []projections.Request
	MoreAsked   bool // there are more requests than that
	Agreements  projections.AgreementList
	Accesses    projections.AccessList
	Findings    projections.FindingList
	Anomalies   projections.Timeline // of calls for it
	Around      *lineagePage         // what it came from and went into
	codeSets    projections.Timeline // the latest that were published, newest first
	HistoryJSON string
	Strip       strip
	Plot        plot
}

// Disputed are the marks that an item bears, or the entry as a whole if item is
// empty.
func (d entryPage) Disputed(item string) (marks []projections.Mark) {
	for _, m := range d.Entry.Marks {
		if slices.Contains(m.Items, item) || item == "" && len(m.Items) == 0 {
			marks = append(marks, m)
		}
	}
	return marks
}

// Failed are the checks of an item that failed, or those of no item of the entry if
// item is empty.
func (d entryPage) Failed(item string) (checks []projections.Check) {
	for _, k := range d.Checks {
		if slices.ContainsFunc(k.On, func(on events.ItemRef) bool { return on.Entry == d.Entry.ID && on.Item == item }) {
			checks = append(checks, k)
		}
	}
	return checks
}

// Edition is the page of the latest publication of a code set, if there was one.
func (d entryPage) Edition(codeSet string) (string, error) {
	for _, row := range d.codeSets.Rows {
		if row.Subject.ID == codeSet {
			return d.Href("/events/" + strconv.FormatInt(row.Position, 10))
		}
	}
	return "", nil
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
	d := entryPage{page: p, Entry: e, Checks: got.FailedChecks}
	p.Title = e.Title + " · Ledgerline"
	history, err := getEntryHistory(c, reading{})
	if err != nil {
		return nil, err
	}
	if d.Versions, err = p.versionRows(history.Versions); err != nil {
		return nil, err
	}
	if d.Strip, err = p.entryStrip(history.Versions); err != nil {
		return nil, err
	}
	if d.Plot, err = c.accessPlot(p, projections.AccessQuery{Entry: e.ID}, "entry", e.ID); err != nil {
		return nil, err
	}
	if d.Requests, d.MoreAsked, err = c.requestsFor(e.ID, entryRequests); err != nil {
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
	if d.Anomalies, err = c.latest(anomalyFlagged, projections.TimelineQuery{Entry: e.ID}); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(e.Items, func(it events.EntryItem) bool { return it.CodeSet != "" }) {
		q := projections.TimelineQuery{TypePrefix: "reference.codeset.published", Descending: true, Page: projections.Page{Limit: projections.MaxLimit}}
		if d.codeSets, err = c.view.Timeline(c.ctx, q); err != nil {
			return nil, err
		}
	}
	if d.Around, err = c.around(p, e.ID); err != nil {
		return nil, err
	}
	path := p.ID("/v1/catalog/entries", e.ID)
	if d.HistoryJSON, err = p.Data(path + "/history"); err != nil {
		return nil, err
	}
	return d, c.twin(p, path)
}

// versionRows puts the newest step first and writes values as people read them.
func (p page) versionRows(versions []projections.EntryVersion) ([]versionRow, error) {
	rows := make([]versionRow, len(versions))
	for i, v := range versions {
		row := versionRow{EntryVersion: v, First: i == 0}
		var err error
		if row.Changes, err = p.changeRows(v.Changed); err != nil {
			return nil, err
		}
		rows[len(rows)-1-i] = row
	}
	return rows, nil
}

// changeRows writes changed fields as people read them.
func (p page) changeRows(changes []projections.FieldChange) (rows []changeRow, err error) {
	for _, change := range changes {
		before, err := p.valueText(change.Field, change.Before)
		if err != nil {
			return nil, err
		}
		after, err := p.valueText(change.Field, change.After)
		if err != nil {
			return nil, err
		}
		rows = append(rows, changeRow{change.Field, before, after})
	}
	return rows, nil
}

// FieldText names the path of a field, such as items/swrq/type, in words.
func (p page) FieldText(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = p.Word("field", part)
	}
	return strings.Join(parts, " › ")
}

// valueText writes the value of a field, given by its path: codes by their words, times
// as they are shown elsewhere, nothing for an absent one.
func (p page) valueText(path string, v any) (string, error) {
	name := path[strings.LastIndexByte(path, '/')+1:]
	switch v := v.(type) {
	case nil:
		return "", nil
	case bool:
		return p.Word("truth", strconv.FormatBool(v)), nil
	case string:
		return p.toldText(name, v), nil
	case []any:
		parts := make([]string, len(v))
		for i, of := range v {
			text, err := p.valueText(path, of)
			if err != nil {
				return "", err
			}
			parts[i] = text
		}
		return strings.Join(parts, p.texts("comma")), nil
	case map[string]any:
		var parts []string
		for _, member := range slices.Sorted(maps.Keys(v)) {
			text, err := p.valueText(member, v[member])
			if err != nil {
				return "", err
			}
			parts = append(parts, p.Word("field", member)+p.texts("colon")+text)
		}
		return strings.Join(parts, p.texts("semicolon")), nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("writing a changed value: %w", err)
	}
	return string(b), nil
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
