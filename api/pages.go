package api

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ledgerline/events/rulepack"
	"ledgerline/projections"
)

//go:embed web
var web embed.FS

// pages are the templates, in the order of languages: they differ in how dates are
// written.
var pages = func() (of [2]*template.Template) {
	of[0] = template.Must(template.ParseFS(web, "web/*.html"))
	of[1] = template.Must(template.Must(of[0].Clone()).Parse(chineseDates))
	return of
}()

type pageQuery struct {
	Lang string `query:"lang" doc:"language of the page. Default: as Accept-Language says" enum:"en,zh,zh-CN"`
}

// languages are those of texts, in its order.
var languages = [2]string{"en", "zh-CN"}

// page is what every page has.
type page struct {
	Title string
	Lang  string
	// JSON is where the content of the page is to be had for programs.
	JSON string
	// Standing is what the page speaks for; nil if it is not about what the ledger
	// holds. Past is set if more was known when it was asked for.
	Standing *Standing
	Past     bool

	// Who is signed in at the browser, as what, and what of it may be read; empty for
	// nobody. SignIn is where to do so; empty if nobody can.
	Who, Roles, Scope, SignIn string

	language int
	labels   []rulepack.Labels // of the packs in force, what took effect last at the end
	path     string            // its own
	query    url.Values        // it was asked with
	// What its links carry on: the language if it was chosen, the moment if it was.
	chosen, asOf string
	begun, now   time.Time // of the ledger; zero on pages that speak for no moment
}

func newPage(w http.ResponseWriter, r *http.Request, q pageQuery, title string) page {
	// A path that begins with two slashes would be another host in a link.
	path := "/" + strings.TrimLeft(r.URL.EscapedPath(), "/")
	p := page{Lang: q.Lang, chosen: q.Lang, path: path, query: r.URL.Query()}
	if q.Lang == "" {
		if p.Lang = languages[0]; prefersChinese(r.Header.Get("Accept-Language")) {
			p.Lang = languages[1]
		}
	}
	if strings.HasPrefix(p.Lang, "zh") {
		p.Lang, p.language = languages[1], 1
	}
	p.Title = texts[title][p.language]
	w.Header().Set("Content-Language", p.Lang)
	w.Header().Set("Vary", "Accept, Accept-Language, Cookie")
	if c := callOf(r).caller; c.session {
		p.Who, p.Roles, p.Scope = c.Name, p.roles(c.Roles), p.scope(c.scope())
	} else if !c.free && !c.authenticated && r.Method == get {
		p.SignIn = withQuery(signInPath, url.Values{"next": {r.URL.RequestURI()}})
	}
	return p
}

// roles are roles in the page's language.
func (p page) roles(list []Role) string {
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = p.Word("role", string(r))
	}
	return strings.Join(names, p.texts("comma"))
}

// scope is a scope in the page's language.
func (p page) scope(s projections.Scope) string {
	var parts []string
	if len(s.Parties) > 0 {
		parts = append(parts, p.texts("scope-of-parties")+" "+strings.Join(s.Parties, p.texts("comma")))
	}
	if len(s.Regions) > 0 {
		parts = append(parts, p.texts("scope-of-regions")+" "+strings.Join(s.Regions, p.texts("comma")))
	}
	if len(s.Fields) > 0 {
		parts = append(parts, p.texts("scope-of-fields")+" "+strings.Join(s.Fields, p.texts("comma")))
	}
	return strings.Join(parts, p.texts("semicolon"))
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

// speaks is the page's language, by its place among languages.
func (p page) speaks() int { return p.language }

// T returns a text in the page's language.
func (p page) T(key string) (string, error) {
	t, ok := texts[key]
	if !ok {
		return "", fmt.Errorf("no text is called %q", key)
	}
	return t[p.language], nil
}

// None is a text that says that there is nothing, in the page's language: to a reader with
// a scope, nothing of what that reader may see.
func (p page) None(key string) (string, error) {
	text, err := p.T(key)
	if err == nil && p.Standing != nil && p.Standing.Withheld != nil {
		text = p.texts("within-scope") + text
	}
	return text, err
}

// Word returns what a value of the vocabulary means, in the page's language, or
// the value itself if nobody has a word for it.
func (p page) Word(kind, value string) string { return cmp.Or(p.WordOf(kind, value), value) }

// WordOf is Word, or nothing if nobody has a word for it.
func (p page) WordOf(kind, value string) string {
	if label, ok := p.label(kind, value); ok {
		return label
	}
	if w, ok := words[kind+"/"+value]; ok {
		return w[p.language]
	}
	return ""
}

type languageLink struct {
	Code, Name, Href string
	Current          bool
}

// Languages are the languages to choose from, each with this page in it. A list
// begins again: its cursors belong to the language too.
func (p page) Languages() []languageLink {
	links := []languageLink{{Code: "en", Name: "English"}, {Code: "zh-CN", Name: "简体中文"}}
	for i := range links {
		values := p.without("lang", "cursor")
		values.Set("lang", links[i].Code)
		links[i].Href, links[i].Current = withQuery(p.path, values), i == p.language
	}
	return links
}

type navLink struct {
	Key, Href string
	Current   bool
}

// Navigation are the pages to begin at.
func (p page) Navigation() ([]navLink, error) {
	var links []navLink
	for _, n := range []struct {
		key, path string
		below     []string // beginnings of the paths of the pages below it
	}{
		{"nav-catalog", "/catalog", []string{"/catalog/", "/entries/"}}, {"nav-lineage", "/lineage", []string{"/lineage/"}}, {"nav-investigate", "/investigate", []string{"/case"}},
		{"nav-sharing", "/sharing", []string{"/agreements/", "/requests/"}}, {"nav-accesses", "/accesses", []string{"/uses"}}, {"nav-findings", "/findings", []string{"/findings/"}},
		{"nav-duties", "/duties", nil}, {"nav-violations", "/violations", nil}, {"nav-bulletin", "/bulletin", nil}, {"nav-parties", "/parties", nil},
		{"nav-records", "/events", []string{"/events/"}}, {"nav-health", "/health", nil},
	} {
		href, err := p.Href(n.path)
		if err != nil {
			return nil, err
		}
		current := p.path == n.path || slices.ContainsFunc(n.below, func(b string) bool { return strings.HasPrefix(p.path, b) })
		links = append(links, navLink{n.key, href, current})
	}
	return links, nil
}

// render answers with a page, made before the first byte is sent.
func render(w http.ResponseWriter, r *http.Request, name string, data any) error {
	return renderStatus(w, r, http.StatusOK, name, data)
}

func renderStatus(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	var b bytes.Buffer
	language := 0
	p, ok := data.(interface{ speaks() int })
	if ok {
		language = p.speaks()
	}
	if err := pages[language].ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("rendering the page: %w", err)
	}
	body := b.Bytes()
	if ok && language == 0 {
		body = markChinese(body)
	}
	writeBody(w, r, status, "text/html; charset=utf-8", body)
	return nil
}

// webFile serves a file that the pages refer to.
func webFile(name, media string) endpoint {
	return raw(func(_ *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		b, err := web.ReadFile("web/" + name)
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "public, max-age=300")
		writeBody(w, r, http.StatusOK, media+"; charset=utf-8", b)
		return nil
	}, text(media))
}

// pictureStyle serves the style sheet of pictures for those that stand within a
// page, where it is held to them.
func pictureStyle() endpoint {
	return raw(func(_ *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		w.Header().Set("Cache-Control", "public, max-age=300")
		writeBody(w, r, http.StatusOK, "text/css; charset=utf-8", []byte(".drawn{"+svgStyle+"}"))
		return nil
	}, text("text/css"))
}
