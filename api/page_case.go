package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"
)

// A case is a list of records that an investigation collects. It is kept nowhere:
// its address is all there is of it, to be kept and passed on.

// caseRecords bounds a case, so that its address stays one.
const caseRecords = 200

type casePageQuery struct {
	momentQuery
	Title   string `query:"title" doc:"what the case is called"`
	Records string `query:"records" doc:"positions joined by dots"`
	Node    string `query:"node" doc:"what was investigated last"`
}

type casePage struct {
	*page
	Query casePageQuery
	Rows  []caseRow
	// Exhibits are the bundles that show all about what the records are about.
	Exhibits []exhibitForm
}

type caseRow struct {
	projections.TimelineRow
	Drop string
}

func showCase(c *question, q casePageQuery, p *page) (any, error) {
	positions, err := parsePositions(q.Records)
	if err != nil {
		return nil, err
	}
	d := casePage{page: p, Query: q}
	if q.Title != "" {
		p.Title = q.Title + " · Ledgerline"
	}
	if err := c.checkCase(positions); err != nil {
		return nil, err
	}
	seen := make(map[events.Subject]bool)
	for _, at := range positions {
		row, ok, err := c.view.Record(at)
		if err != nil {
			return nil, err
		}
		if !ok && c.view.Scoped() {
			return nil, outsideScope(c.r, at)
		}
		if !ok {
			return nil, fmt.Errorf("position %d has no row in the timeline", at)
		}
		others := slices.DeleteFunc(slices.Clone(positions), func(p int64) bool { return p == at })
		values := p.without("records")
		if len(others) > 0 {
			values.Set("records", joinPositions(others))
		}
		d.Rows = append(d.Rows, caseRow{row, withQuery("/case", values)})
		if s := row.Subject; !seen[s] {
			seen[s] = true
			switch s.Kind {
			case events.KindAgreement, events.KindEntry, events.KindIssue, events.KindRequest:
				d.Exhibits = append(d.Exhibits, exhibitForm{s.String(), []field{{s.Kind, s.ID}}})
			}
		}
	}
	p.JSON = ""
	return d, nil
}

// checkCase refuses records that were not known as of the page's moment.
func (c *question) checkCase(positions []int64) error {
	for _, at := range positions {
		if at > c.view.Position() {
			return problem(http.StatusNotFound, "position.unknown", sayf("there is no position %d as of %d", at, c.view.Position()), "take it out of the case, or look as of a later moment").at("records")
		}
	}
	return nil
}

// parsePositions reads positions joined by dots, each once, ascending.
func parsePositions(text string) (positions []int64, err error) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '.' || r == ',' || r == ' ' }) {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil || n < 0 {
			return nil, problem(http.StatusBadRequest, "query.value", sayf("%q is not a position", clip(part)), "positions are whole numbers from 0, joined by dots").at("records")
		}
		positions = append(positions, n)
	}
	slices.Sort(positions)
	positions = slices.Compact(positions)
	if len(positions) > caseRecords {
		return nil, problem(http.StatusBadRequest, "limit.case-records", sayf("a case holds %d records at most, not %d", caseRecords, len(positions)), "make two of it").at("records")
	}
	return positions, nil
}

func joinPositions(positions []int64) string {
	parts := make([]string, len(positions))
	for i, p := range positions {
		parts[i] = strconv.FormatInt(p, 10)
	}
	return strings.Join(parts, ".")
}

// formCase takes what a form adds to a case, and leads to the case's own address.
// Nothing is recorded.
func formCase() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		if err := r.ParseForm(); err != nil {
			return problem(http.StatusBadRequest, "body.syntax", sayf("the form cannot be read: %v", err), "send it from a page of this server")
		}
		f := r.PostForm
		positions, err := parsePositions(strings.Join(append(f["add"], f.Get("records")), "."))
		if err != nil {
			return err
		}
		values := url.Values{}
		for _, name := range []string{"title", "node", "as_of", "lang"} {
			if v := f.Get(name); v != "" {
				values.Set(name, v)
			}
		}
		if len(positions) > 0 {
			values.Set("records", joinPositions(positions))
		}
		w.Header().Set("Location", withQuery("/case", values))
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}, content{http.StatusSeeOther, "text/html", nil, "leads to the case"}).neutral()
	return e.reads(content{0, "application/x-www-form-urlencoded", nil, "records, add (any number), title, node, as_of, lang"})
}
