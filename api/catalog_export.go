package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"ledgerline/events"
	"ledgerline/projections"
)

type exportQuery struct {
	reading
	validAt
	Text     string `query:"text" doc:"words that must occur, as for /v1/catalog/entries"`
	Provider string `query:"provider" doc:"the providing party's id"`
	Region   string `query:"region" doc:"the region code"`
	Stage    string `query:"stage" doc:"stage of the entry" enum:"drafted,department_approved,submitted,returned,published,withdrawn"`
	Sharing  string `query:"sharing" doc:"sharing attribute" enum:"unconditional,conditional,not_shared"`
	Grade    string `query:"grade" doc:"the grade of the data" enum:"core,important,general-1,general-2,general-3,general-4"`
	Update   string `query:"update_frequency" doc:"how often it is brought up to date" enum:"realtime,daily,weekly,monthly,quarterly,yearly,other"`
	imported
	handedOn
	Format string `query:"format" doc:"form of the export: DCAT 3 as JSON-LD, one line for each item as CSV, or one row for each entry as Parquet" enum:"dcat,csv,parquet" default:"dcat"`
}

// catalogView is the view that exports are made of.
const catalogView = "catalog"

// exportOf is what an export speaks for.
type exportOf struct {
	Standing
	origin      string
	head        []byte // hash of the record at the position; nil before the first
	validAt     events.Time
	viewVersion uint64
}

// A catalogFile takes entries, run by run, and is ended.
type catalogFile interface {
	write([]projections.Entry) error
	end() error
}

// catalogForms are the forms of an export.
var catalogForms = map[string]struct {
	media, extension string
	begin            func(io.Writer, exportOf) (catalogFile, error)
}{
	"dcat":    {"application/ld+json", "jsonld", newCatalogDCAT},
	"csv":     {"text/csv; charset=utf-8", "csv", newCatalogCSV},
	"parquet": {"application/vnd.apache.parquet", "parquet", newCatalogParquet},
}

// exportCatalog gives the whole catalog as of a moment: nothing is paged, and no more
// than a run of entries is in memory. Headers Ledgerline-* say what it speaks for.
func exportCatalog() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, q exportQuery) (err error) {
		c, err := s.ask(w, r, q.reading, "")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.close()) }()
		callOf(r).export.handedOn = q.handedOn
		return c.exportCatalog(q)
	})
	e = e.filters().twice()
	e.answers = []content{
		{http.StatusOK, "application/ld+json", nil, "format=dcat: DCAT 3 as JSON-LD; what DCAT has no word for stands under the ledgerline namespace"},
		{http.StatusOK, "text/csv", nil, "format=csv: RFC 4180, a line for each item, with a header; text that a spreadsheet would take for a formula has an apostrophe before it. Where something is withheld, a last line without an entry says so: in words under title, how much under withheld"},
		{http.StatusOK, "application/vnd.apache.parquet", nil, "format=parquet: Apache Parquet, a row for each entry with its items as a list of structs; the metadata says what it speaks for"},
	}
	return e
}

func (c *question) exportCatalog(q exportQuery) error {
	if c.view.Scoped() { // how much is withheld is said before the first entry, and known after the last
		if err := c.eachEntry(q, func([]projections.Entry) error { return nil }); err != nil {
			return err
		}
	}
	at := exportOf{Standing: c.standing(), origin: c.s.o.Ledger.Origin(), validAt: q.ValidAt}
	c.sayStanding()
	for _, v := range c.s.o.Views.Status() {
		if v.Name == catalogView {
			at.viewVersion = v.Version
		}
	}
	if at.Position >= 0 {
		head, err := c.s.o.Ledger.LeafHash(at.Position)
		if err != nil {
			return err
		}
		at.head = head[:]
	}
	form := catalogForms[q.Format]
	whole := func(w io.Writer) error {
		x, err := form.begin(w, at)
		if err == nil {
			err = c.eachEntry(q, x.write)
		}
		if err == nil {
			err = x.end()
		}
		return err
	}
	return c.download(form.media, fmt.Sprintf("catalog-%d.%s", at.Position, form.extension), whole)
}

// eachEntry visits the entries that a query selects, run by run.
func (c *question) eachEntry(q exportQuery, visit func([]projections.Entry) error) error {
	page := projections.Page{Limit: projections.MaxLimit}
	for {
		list, err := c.view.Entries(c.ctx, projections.EntryQuery{
			Text: q.Text, Provider: q.Provider, Region: q.Region, Stage: q.Stage, Sharing: q.Sharing, Grade: q.Grade, UpdateFrequency: q.Update,
			Imported: q.Imported, ValidAt: q.ValidAt, Page: page,
		})
		if err != nil {
			return err
		}
		if len(list.Entries) > 0 {
			if err := visit(list.Entries); err != nil {
				return err
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return nil
		}
	}
}

// disputes lists the issues that mark an item.
func disputes(e projections.Entry, item string) (issues []string) {
	for _, m := range e.Marks {
		if len(m.Items) == 0 || slices.Contains(m.Items, item) {
			issues = append(issues, m.Issue)
		}
	}
	return issues
}

func exportTime(t events.Time) string {
	if t == 0 {
		return ""
	}
	return t.String()
}
