package api

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:embed web
var web embed.FS

var pages = template.Must(template.ParseFS(web, "web/*.html"))

type pageQuery struct {
	Lang string `query:"lang" doc:"language of the page. Default: as Accept-Language says" enum:"en,zh,zh-CN"`
}

// languages are those of texts, in its order.
var languages = [2]string{"en", "zh-CN"}

// page is what every page has.
type page struct {
	Title string
	Lang  string
	// LangQuery carries a language that was chosen on to the next page.
	LangQuery string
	language  int
}

func newPage(w http.ResponseWriter, r *http.Request, q pageQuery, title string) page {
	p := page{Lang: q.Lang}
	if q.Lang != "" {
		p.LangQuery = "?lang=" + q.Lang
	} else if p.Lang = languages[0]; prefersChinese(r.Header.Get("Accept-Language")) {
		p.Lang = languages[1]
	}
	if strings.HasPrefix(p.Lang, "zh") {
		p.Lang, p.language = languages[1], 1
	}
	p.Title = texts[title][p.language]
	w.Header().Set("Content-Language", p.Lang)
	w.Header().Set("Vary", "Accept-Language")
	return p
}

// prefersChinese reads which of the two languages comes first (RFC 9110
// §12.5.4). Weights are rarely given out of order, and a link is at hand.
func prefersChinese(accept string) bool {
	for _, tag := range strings.Split(strings.ToLower(accept), ",") {
		switch tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";"); {
		case strings.HasPrefix(tag, "zh"):
			return true
		case strings.HasPrefix(tag, "en"):
			return false
		}
	}
	return false
}

// T returns a text in the page's language.
func (p page) T(key string) (string, error) {
	t, ok := texts[key]
	if !ok {
		return "", fmt.Errorf("no text is called %q", key)
	}
	return t[p.language], nil
}

type languageLink struct {
	Code, Name string
	Current    bool
}

// Languages are the languages to choose from.
func (p page) Languages() []languageLink {
	return []languageLink{{"en", "English", p.language == 0}, {"zh-CN", "简体中文", p.language == 1}}
}

// render answers with a page, made before the first byte is sent.
func render(w http.ResponseWriter, r *http.Request, name string, data any) error {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("rendering the page: %w", err)
	}
	writeBody(w, r, http.StatusOK, "text/html; charset=utf-8", b.Bytes())
	return nil
}

func serveStyle(_ *Server, w http.ResponseWriter, r *http.Request, _ none) error {
	b, err := web.ReadFile("web/style.css")
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeBody(w, r, http.StatusOK, "text/css; charset=utf-8", b)
	return nil
}

type startPage struct {
	page
	Origin, VerifierKey string
	Head                ledger.Head
	Published           int64
	Checkpoint          string
	MayRead             bool
	Applied             int64
	Counts              []countLink
	Views               []projections.ViewStatus
	Recent              []projections.TimelineRow
	Examples            []link
}

type countLink struct {
	Name string
	N    int64
	Href string
}

type link struct{ Name, Href string }

// recentRecords is how many records the start page shows.
const recentRecords = 20

func serveStart(s *Server, w http.ResponseWriter, r *http.Request, q pageQuery) error {
	p := startPage{
		page:   newPage(w, r, q, "title-start"),
		Origin: s.o.Ledger.Origin(), VerifierKey: s.o.Ledger.VerifierKey(), Head: s.o.Ledger.Head(),
		Published: s.publishedSize(), Checkpoint: string(s.o.Ledger.PublishedCheckpoint()),
		MayRead: s.may(callOf(r).caller, accessRead), Views: s.o.Views.Status(),
	}
	if p.MayRead {
		if err := s.fillStart(r, &p); err != nil {
			return err
		}
	}
	return render(w, r, "start.html", p)
}

// fillStart adds what only readers may see.
func (s *Server) fillStart(r *http.Request, p *startPage) (err error) {
	view, err := s.o.Views.At(s.o.Views.Applied())
	if err != nil {
		return err
	}
	defer func() { err = joinClose(err, view) }()
	p.Applied = view.Position()
	n, err := view.Counts(r.Context())
	if err != nil {
		return err
	}
	p.Counts = []countLink{
		{"parties", n.Parties, "/v1/parties"}, {"entries", n.Entries, "/v1/catalog/entries"}, {"agreements", n.Agreements, "/v1/agreements"},
		{"accesses", n.Accesses, "/v1/accesses"}, {"flagged", n.FlaggedAccesses, "/v1/accesses?flagged=true"}, {"findings", n.Findings, "/v1/findings"},
		{"datasets", n.Datasets, ""}, {"runs", n.Runs, ""},
	}
	list, err := view.Timeline(r.Context(), projections.TimelineQuery{Descending: true, Page: projections.Page{Limit: recentRecords}})
	if err != nil {
		return err
	}
	p.Recent = list.Rows
	p.Examples = []link{
		{"ask-catalog", "/v1/catalog/entries?stage=published"}, {"ask-shares", "/v1/shares"}, {"ask-flagged", "/v1/accesses?flagged=true"},
		{"ask-timeline", "/v1/events?order=desc"}, {"ask-diff", "/v1/catalog/diff?from=0"},
		{"ask-past", "/v1/catalog/entries?as_of=" + strconv.FormatInt(max(0, view.Position()/2), 10)},
		{"ask-proof", "/v1/proofs/inclusion?position=" + strconv.FormatInt(max(0, p.Head.Size-1), 10)},
	}
	return s.lineageExample(r, view, p)
}

// lineageExample adds a question about a dataset that is there.
func (s *Server) lineageExample(r *http.Request, view *projections.View, p *startPage) error {
	rows, err := view.Timeline(r.Context(), projections.TimelineQuery{TypePrefix: openLineageType, Descending: true, Page: projections.Page{Limit: 1}})
	if err != nil || len(rows.Rows) == 0 {
		return err
	}
	e, err := s.o.Ledger.Get(r.Context(), rows.Rows[0].Position)
	if err != nil {
		return err
	}
	facts, ok := e.Event.Data.(*events.OpenLineageReceived)
	if ok && len(facts.Outputs) > 0 {
		node := "dataset:" + facts.Outputs[0].Namespace + "/" + facts.Outputs[0].Name
		p.Examples = append(p.Examples, link{"ask-lineage", "/v1/lineage?node=" + url.QueryEscape(node)})
	}
	return nil
}

type eventPage struct {
	page
	Event                          eventAnswer
	Type, Subject, JSON            string
	Happened                       events.Time
	VerifierKey                    string
	Previous, Next                 bool
	PreviousPosition, NextPosition int64
}

func serveEvent(s *Server, w http.ResponseWriter, r *http.Request, q pageQuery) error {
	position, err := pathPosition(r)
	if err != nil {
		return err
	}
	event, err := s.event(r.Context(), position)
	if err != nil {
		return err
	}
	var facts struct {
		Type    string      `json:"type"`
		Subject string      `json:"subject"`
		Time    events.Time `json:"time"`
	}
	pretty := jsontext.Value(bytes.Clone(event.Event))
	if err := errors.Join(json.Unmarshal(event.Event, &facts), pretty.Indent(jsontext.WithIndent("  "))); err != nil {
		return fmt.Errorf("reading back position %d: %w", position, err)
	}
	return render(w, r, "event.html", eventPage{
		page: newPage(w, r, q, "title-record"), Event: event,
		Type: facts.Type, Subject: facts.Subject, Happened: facts.Time, JSON: string(pretty), VerifierKey: s.o.Ledger.VerifierKey(),
		Previous: position > 0, PreviousPosition: position - 1, Next: position+1 < s.o.Ledger.Head().Size, NextPosition: position + 1,
	})
}
