package api

import (
	"cmp"
	"net/url"
	"strconv"

	"ledgerline/projections"
)

// The page of what changed in the catalog between two moments.

type changesPageQuery struct {
	momentQuery
	paging
	From string `query:"from" doc:"the earlier moment, as as_of. Default: the beginning of the ledger"`
}

type changesPage struct {
	*page
	Query changesPageQuery
	Diff  projections.CatalogDiff
	Rows  []entryChange
	// Since are other earlier moments to compare with.
	Since []link
}

// entryChange is what happened to an entry, with its fields as text.
type entryChange struct {
	projections.EntryDiff
	Rows []changeRow
}

func showChanges(c *question, q changesPageQuery, p *page) (any, error) {
	d := changesPage{page: p, Query: q}
	from, err := momentQuery{AsOf: cmp.Or(q.From, "0")}.moment()
	if err != nil {
		return nil, problemOf(err).at("from")
	}
	for _, l := range p.Earlier() {
		u, err := url.Parse(l.Href)
		if err != nil {
			return nil, err
		}
		values := p.without("from", "cursor")
		values.Set("from", u.Query().Get("as_of"))
		d.Since = append(d.Since, link{l.Name, withQuery(p.path, values)})
	}
	if c.view.Position() < 0 {
		return d, nil
	}
	if d.Diff, err = diffCatalog(c, diffQuery{paging: q.paging, From: from}); err != nil {
		return nil, err
	}
	for _, e := range d.Diff.Entries {
		rows, err := p.changeRows(e.Fields)
		if err != nil {
			return nil, err
		}
		d.Rows = append(d.Rows, entryChange{e, rows})
	}
	values, err := valuesOf([]any{"from", d.Diff.From, "to", d.Diff.To})
	p.JSON = withQuery("/v1/catalog/diff", values)
	return d, err
}

// FromText is the earlier moment as it was given.
func (d changesPage) FromText() string {
	return cmp.Or(d.Query.From, strconv.FormatInt(d.Diff.From, 10))
}
