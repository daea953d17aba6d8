package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"ledgerline/events"
)

// What every page about the ledger's content shares: as of when it speaks, how
// its links carry that on, and where its JSON twin is.

// momentQuery is what every such page can be asked with. Its as_of stands in for that
// of the JSON query beside it: it takes what people type, too.
type momentQuery struct {
	pageQuery
	AsOf string `query:"as_of" doc:"show what the ledger knew then: a position, a date, or a time; UTC unless it says otherwise. Default: now"`
}

func (a momentQuery) asking() momentQuery { return a }

type askedPage interface{ asking() momentQuery }

// moment reads a Moment as people type it: 2026-01-31, 2026-01-31 09:30, or what
// Moment takes. A date alone means its first instant.
func (a momentQuery) moment() (m Moment, err error) {
	s := strings.TrimSpace(a.AsOf)
	if s == "" {
		return Moment{}, nil
	}
	const date = len("2006-01-02")
	if len(s) > date && s[date] == ' ' {
		s = s[:date] + "T" + s[date+1:]
	}
	if len(s) >= date && strings.Count(s[:date], "-") == 2 {
		switch len(s) {
		case date:
			s += "T00:00:00Z"
		case len("2006-01-02T15:04"):
			s += ":00Z"
		case len("2006-01-02T15:04:05"):
			s += "Z"
		}
	}
	if err := m.UnmarshalText([]byte(s)); err != nil {
		return m, problem(http.StatusBadRequest, "query.value", sayf("%s: %v", "as_of", err), "as_of is a position such as 42, a date such as 2026-01-31, or a time such as 2026-01-31 09:30 (UTC)").at("as_of")
	}
	return m, nil
}

// pageEndpoint makes an endpoint of a handler that answers with a page.
func pageEndpoint[Q any](serve func(*Server, http.ResponseWriter, *http.Request, Q) error) endpoint {
	t := reflect.TypeFor[Q]()
	params := paramsOf(t)
	return endpoint{
		query: t, answers: []content{text("text/html")}, scoping: scopeFiltered,
		serve: func(s *Server, w http.ResponseWriter, r *http.Request) error {
			var q Q
			if err := parseQuery(r, params, &q); err != nil {
				return err
			}
			return serve(s, w, r, q)
		},
	}
}

// viewedPage makes an endpoint of a function that fills a page from the views as
// of one position. What the function returns is what the template is given; it
// embeds the page.
func viewedPage[Q askedPage](template, title string, fill func(*question, Q, *page) (any, error)) endpoint {
	return pageEndpoint(func(s *Server, w http.ResponseWriter, r *http.Request, q Q) error {
		cursor := ""
		if p, ok := any(q).(paged); ok {
			cursor = p.cursor()
		}
		p := newPage(w, r, q.asking().pageQuery, title)
		c, err := s.askForPage(w, r, q.asking(), cursor, &p)
		if err != nil {
			return err
		}
		data, err := fill(c, q, &p)
		standing := c.standing()
		p.Standing = &standing // with the limits hit
		if err := errors.Join(err, c.close()); err != nil {
			return err
		}
		w.Header().Del("ETag") // of the JSON answer, which this is not
		return render(w, r, template, data)
	})
}

// askForPage opens the views at the moment a page is asked about and notes on
// the page what it speaks for.
func (s *Server) askForPage(w http.ResponseWriter, r *http.Request, q momentQuery, cursor string, p *page) (*question, error) {
	moment, err := q.moment()
	if err != nil {
		return nil, err
	}
	latest := s.o.Views.Applied()
	c, err := s.ask(w, r, reading{AsOf: moment}, cursor)
	if err != nil {
		return nil, err
	}
	p.speaksFor(c.standing(), latest)
	if err := errors.Join(s.labelsFrom(c.view, p.moment(s.o.Now()), p), s.dates(r.Context(), p)); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// dates notes from when on and until when the past can be looked at.
func (s *Server) dates(ctx context.Context, p *page) error {
	if s.o.Ledger.Head().Size == 0 {
		return nil
	}
	first, err := s.o.Ledger.Get(ctx, 0)
	if err != nil {
		return err
	}
	p.begun, p.now = first.Recorded.Std(), s.o.Now()
	return nil
}

// speaksFor notes what the page's content is as of. A page is about the past if
// the views knew more when it was asked for.
func (p *page) speaksFor(standing Standing, latest int64) {
	p.Standing = &standing
	p.Past = standing.Position < latest
	p.asOf = strings.TrimSpace(p.query.Get("as_of"))
	if p.asOf == "" && p.Past { // a list continued: what follows from it stays there
		p.asOf = strconv.FormatInt(standing.Position, 10)
	}
}

// moment is when what a page says is so: the time of its position if it is about the
// past, else now.
func (p *page) moment(now time.Time) events.Time {
	if p.Past {
		return p.Standing.Time
	}
	return events.TimeOf(now)
}

// Href links to a page at the same moment and in the same language. The pairs
// are names and values of parameters; empty values are left out.
func (p page) Href(path string, pairs ...any) (string, error) {
	values, err := valuesOf(pairs)
	if err != nil {
		return "", err
	}
	p.carry(values)
	return withQuery(path, values), nil
}

// Data links to a JSON answer, a picture or a proof as of the page's position.
func (p page) Data(path string, pairs ...any) (string, error) {
	values, err := valuesOf(pairs)
	if err != nil {
		return "", err
	}
	if p.Standing != nil && p.Standing.Position >= 0 {
		values.Set("as_of", strconv.FormatInt(p.Standing.Position, 10))
	}
	return withQuery(path, values), nil
}

// ID makes a path below another, with an identifier that may hold anything.
func (p page) ID(path, id string) string { return path + "/" + url.PathEscape(id) }

// without is the query the page was asked with, less some parameters.
func (p page) without(names ...string) url.Values {
	values := url.Values{}
	for name, v := range p.query {
		if len(v) > 0 && v[0] != "" && !slices.Contains(names, name) {
			values.Set(name, v[0])
		}
	}
	return values
}

// NowHref is this page without the moment.
func (p page) NowHref() string { return withQuery(p.path, p.without("as_of", "cursor")) }

// FirstHref is the first part of this list.
func (p page) FirstHref() string { return withQuery(p.path, p.without("cursor")) }

// Continued tells whether this is a later part of a list.
func (p page) Continued() bool { return p.query.Get("cursor") != "" }

// NextHref is the next part of this list.
func (p page) NextHref(cursor string) string {
	values := p.without("cursor")
	values.Set("cursor", cursor)
	return withQuery(p.path, values)
}

// Path is the page's own, for its forms.
func (p page) Path() string { return p.path }

type field struct{ Name, Value string }

// DocsHref is the description of the API, which is the same at every moment.
func (p page) DocsHref() string {
	values := url.Values{}
	if p.chosen != "" {
		values.Set("lang", p.chosen)
	}
	return withQuery("/docs", values)
}

// part is what a table that stands on several pages is given.
type part struct {
	page
	Rows any
}

// With gives rows to such a table.
func (p page) With(rows any) part { return part{p, rows} }

// Kept are the fields that the form for the moment hands on.
func (p page) Kept() []field { return fieldsOf(p.without("as_of", "cursor")) }

// Carried are the fields that the other forms hand on.
func (p page) Carried() []field {
	values := url.Values{}
	p.carry(values)
	return fieldsOf(values)
}

// Day is the moment if it is a date, for the date picker.
func (p page) Day() string {
	if _, err := time.Parse(time.DateOnly, p.asOf); err != nil {
		return ""
	}
	return p.asOf
}

// FirstDay is the first date that can be looked at: at its first instant, the
// ledger had begun.
func (p page) FirstDay() string {
	if p.begun.IsZero() {
		return ""
	}
	return p.begun.UTC().Add(24*time.Hour - 1).Format(time.DateOnly)
}

// Earlier are this page at a few earlier moments, as far back as the ledger goes.
func (p page) Earlier() (links []link) {
	for _, e := range []struct {
		name                string
		years, months, days int
	}{{"day-ago", 0, 0, 1}, {"week-ago", 0, 0, 7}, {"month-ago", 0, 1, 0}, {"year-ago", 1, 0, 0}} {
		t := p.now.UTC().AddDate(-e.years, -e.months, -e.days)
		if p.begun.IsZero() || t.Before(p.begun) {
			break
		}
		values := p.without("as_of", "cursor")
		values.Set("as_of", t.Format(time.DateOnly))
		if day, _ := time.Parse(time.DateOnly, values.Get("as_of")); day.Before(p.begun) {
			break
		}
		links = append(links, link{e.name, withQuery(p.path, values)})
	}
	return links
}

// AsOf is the moment as the page's links carry it; empty for now.
func (p page) AsOf() string { return p.asOf }

// Ask is the question of an evidence form.
func (p page) Ask(name, value string) []field { return []field{{name, value}} }

// AsOfField hands the moment on to forms whose answer has no language.
func (p page) AsOfField() []field {
	if p.asOf == "" {
		return nil
	}
	return []field{{"as_of", p.asOf}}
}

func (p page) carry(values url.Values) {
	if p.asOf != "" {
		values.Set("as_of", p.asOf)
	}
	if p.chosen != "" {
		values.Set("lang", p.chosen)
	}
}

func fieldsOf(values url.Values) []field {
	var list []field
	for name := range values {
		list = append(list, field{name, values.Get(name)})
	}
	slices.SortFunc(list, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func valuesOf(pairs []any) (url.Values, error) {
	values := url.Values{}
	if len(pairs)%2 != 0 {
		return nil, errors.New("a link's parameters come as names and values")
	}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, errors.New("a link's parameter has no name")
		}
		value := ""
		switch v := pairs[i+1].(type) {
		case string:
			value = v
		case int64:
			value = strconv.FormatInt(v, 10)
		case int:
			value = strconv.Itoa(v)
		case bool:
			if v {
				value = "true"
			}
		default:
			return nil, errors.New("the parameter " + name + " of a link is neither text nor number")
		}
		if value != "" {
			values.Set(name, value)
		}
	}
	return values, nil
}

func withQuery(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// twin says where the page's content is to be had as JSON: at path, with the
// filters the page was asked with, as of the same position, and from the same
// row on.
func (c *question) twin(p *page, path string) error {
	u, err := url.Parse(path)
	if err != nil {
		return err
	}
	values := p.without("lang", "as_of", "cursor")
	if c.view.Position() >= 0 {
		values.Set("as_of", strconv.FormatInt(c.view.Position(), 10))
	}
	u.RawQuery = values.Encode()
	if c.inner != "" {
		values.Set("cursor", sealCursor(&http.Request{URL: u}, callOf(c.r).caller.scope(), c.view.Position(), c.inner))
		u.RawQuery = values.Encode()
	}
	p.JSON = u.RequestURI()
	return nil
}

// SubjectHref is the page about what a record is about; empty if there is none.
func (p page) SubjectHref(s events.Subject) (string, error) {
	switch s.Kind {
	case events.KindEntry:
		return p.Href(p.ID("/entries", s.ID))
	case events.KindAgreement:
		return p.Href(p.ID("/agreements", s.ID))
	case events.KindIssue:
		return p.Href(p.ID("/findings", s.ID))
	case events.KindRequest:
		return p.Href(p.ID("/requests", s.ID))
	case events.KindAccess: // the calls of a provider
		return p.Href("/accesses", "provider", s.ID)
	}
	return "", nil
}

// CaseHref is the page about what a duty is about; empty if there is none.
func (p page) CaseHref(kind, id string) (string, error) {
	return p.SubjectHref(events.Subject{Kind: kind, ID: id})
}

// ValidAt is the date as of which the page tells what was in force; empty for none.
func (p page) ValidAt() string { return p.query.Get("valid_at") }

// LatestHref is this page without that date.
func (p page) LatestHref() string { return withQuery(p.path, p.without("valid_at", "cursor")) }
