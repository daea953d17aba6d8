package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/go-json-experiment/json"
)

// TestPagesSpeakOneLanguage: every page of the demo speaks its language. What is not
// the program's own words was recorded by somebody, and is marked.
func TestPagesSpeakOneLanguage(t *testing.T) {
	d := tellDemo(t)
	recorded := d.recorded()
	for _, lang := range []string{"zh-CN", "en"} {
		t.Run(lang, func(t *testing.T) { pagesSpeakOneLanguage(t, told{t, d.url, d.book}, recorded, lang) })
	}
}

// sameInBoth are words that are the same in both languages: of programs, formats, units and
// notations.
var sameInBoth = strings.Fields(`Ledgerline English JSON API CSV Parquet SVG PNG DOT PROV PROV-JSON ZIP UTC OpenLineage OpenAPI DCAT JSON-LD CloudEvents CloudEvent CBOR Prometheus
	Ed25519 SHA-256 WebCrypto metrics Tab https RFC HTTP C2SP tlog-proof tlog-tiles Bearer Accept Allow Accept-Language Last-Event-ID Retry-After ETag Cookie ID MiB KiB GiB B
	RunEvent JobEvent DatasetEvent GDPR Ledgerline-* ce-`)

// One page of each shape is looked at, a path with its kinds of parameters, and at most
// so many of a path.
const crawled = 8

// pagesSpeakOneLanguage follows the links of the demo's pages in a language.
func pagesSpeakOneLanguage(t *testing.T, d told, recorded *recordedTexts, lang string) {
	look := func(body []byte, at string) []string {
		page, err := readPage(body)
		asked, _ := url.PathUnescape(at)
		if err != nil {
			t.Errorf("%s: %v", at, err)
		}
		if page.lang != lang || page.title == "" {
			t.Errorf("%s is in %q, its title is %q", at, page.lang, page.title)
		}
		// The description of the API, and what is said of a wrong address, name parameters
		// within their sentences; that each has its Chinese is tested where they are made.
		naming := strings.HasPrefix(at, "/docs") || page.refused
		for _, s := range page.texts {
			if naming && lang != "en" && (strings.ContainsFunc(s.text, isHan) || strings.ContainsAny(s.text, "；、=")) {
				continue
			}
			for _, word := range strangers(s, lang) {
				if !recorded.has(word) && !strings.Contains(asked, word) {
					t.Errorf("%s: %q in %q (%s)", at, word, s.text, s.where)
				} else if lang == "en" && s.where == "text" && s.lang != "zh" {
					t.Errorf("%s: %q is not marked as Chinese", at, word)
				}
			}
		}
		return page.links
	}
	wrong := []string{ // pages that say no, and those that nothing leads to
		"/entries/none", "/agreements/none", "/findings/none", "/events/99999999", "/catalog?colour=red", "/catalog?as_of=soon", "/accesses?flagged=maybe", "/catalog?limit=0", "/catalog?as_of=2099-01-01",
		"/lineage?node=dataset:nowhere", "/investigate?node=entry:none", "/bulletin?period=soon", "/bulletin?region=990100&period=2025-11", "/case?records=x", "/case?records=9.12&title=x", "/sign-in", "/docs",
		"/catalog?text=nothing-like-it", "/sharing?state=expired&party=none", "/accesses?entry=none", "/findings?entry=none", "/duties?party=none", "/violations?party=none", "/events?text=nothing-like-it", "/duties?state=breached",
		"/violations", "/accesses?flagged=true", "/?as_of=0", "/catalog?as_of=0", "/lineage?as_of=0", "/lineage?node=entry:DS23&compare=100", "/lineage?node=entry:DS23&columns=true", "/investigate?node=entry:DS23",
	}
	todo, shapes, pages := append([]string{"/"}, wrong...), make(map[string]int), 0
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		status, body := d.page(at, lang)
		if status >= 500 {
			t.Errorf("%s: %d", at, status)
			continue
		}
		for _, l := range look(body, at) {
			shape := shapeOf(l)
			path, _, _ := strings.Cut(shape, "?")
			if shape == "" || shapes[shape] > 0 || shapes[path] >= crawled {
				continue
			}
			pages++
			shapes[shape]++
			shapes[path]++
			todo = append(todo, l)
		}
	}
	if pages < 40 {
		t.Errorf("only %d pages", pages)
	}
}

// shapeOf is a link's path without identifiers, and the names of its parameters; empty
// if it leads to no page.
func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func shapeOf(link string) string {
	u, err := url.Parse(link)
	if err != nil || !strings.HasPrefix(link, "/") || u.Query().Has("lang") {
		return ""
	}
	path := regexp.MustCompile(`^/(entries|agreements|findings|requests|parties|persons|uses|events)/.+`).ReplaceAllString(u.Path, "/$1/x")
	if regexp.MustCompile(`^/(v1|log|openapi|api|metrics|debug|style|picture|lineage/picture|sign-out|healthz|readyz)|\.(css|js|svg)$`).MatchString(path) {
		return ""
	}
	return path + "?" + strings.Join(slices.Sorted(maps.Keys(u.Query())), "&")
}

func (d told) page(path, lang string) (int, []byte) {
	d.Helper()
	r, err := http.NewRequest(http.MethodGet, d.url+path, nil)
	if err != nil {
		d.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", lang)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		d.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		d.Fatal(err)
	}
	return answer.StatusCode, body
}

// recordedTexts are the texts of everything that was recorded: those that cannot be
// codes, all of them, and the names of who and what.
type recordedTexts struct {
	free, all string
	exact     map[string]bool
	known     map[string]bool // what was asked before
}

// recorded reads them all.
func (d told) recorded() *recordedTexts {
	d.Helper()
	var free, all strings.Builder
	r := &recordedTexts{exact: make(map[string]bool), known: make(map[string]bool)}
	seen := make(map[string]bool)
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if seen[v] {
				return
			}
			seen[v] = true
			all.WriteString(v + "\n")
			if strings.ContainsFunc(v, func(r rune) bool { return r == ' ' || r > 127 }) { // else it may be a code
				free.WriteString(v + "\n")
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for name, x := range v {
				all.WriteString(name + "\n")
				walk(x)
			}
		}
	}
	for at := range d.book.Head().Size {
		e, err := d.book.Get(context.Background(), at)
		if err != nil {
			d.Fatal(err)
		}
		b, err := json.Marshal(e.Event.Data)
		if err != nil {
			d.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			d.Fatal(err)
		}
		walk(v)
		for _, f := range e.Event.Facets {
			walk(string(f.Bytes))
		}
		for _, name := range []string{e.Event.Source, e.Event.ID, e.Event.Actor, e.Event.Principal, e.Event.Party} {
			r.exact[name] = true
		}
	}
	r.free, r.all = free.String(), all.String()
	return r
}

// has tells whether somebody recorded a text: a sentence or a name. That a code such as
// "conditional" was recorded does not make it a word of a page.
func (r *recordedTexts) has(text string) bool {
	known, asked := r.known[text]
	if !asked {
		known = r.exact[text] || r.holds(text)
		r.known[text] = known
	}
	return known
}

// nodePrefix begins the name of a node.
var nodePrefix = regexp.MustCompile(`^(dataset|column|job|run|entry):`)

func (r *recordedTexts) holds(text string) bool {
	if node := nodePrefix.ReplaceAllString(text, ""); node != text { // its parts are recorded
		return !slices.ContainsFunc(strings.FieldsFunc(node, func(c rune) bool { return strings.ContainsRune("/#", c) }), func(part string) bool { return !strings.Contains(r.all, part) })
	}
	if strings.ContainsFunc(text, unicode.IsDigit) || strings.ContainsAny(text, "/:@#.") || strings.ContainsFunc(text, func(c rune) bool { return c > 127 }) {
		return strings.Contains(r.all, text)
	}
	return strings.Contains(r.free, text)
}

// A shownText is a text of a page: where it stands, and the language it is marked as.
type shownText struct{ text, lang, where string }

type shownPage struct {
	lang, title string
	texts       []shownText
	links       []string
	refused     bool // it says why something cannot be shown
}

// readPage reads a page: its texts, and those of attributes that people are shown or
// told. Code is left out, and what is marked as English.
func readPage(body []byte) (p shownPage, err error) {
	d := xml.NewDecoder(strings.NewReader(string(body)))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	type element struct{ name, lang string }
	stack := []element{{}}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		top := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			top.name = token.Name.Local
			for _, a := range token.Attr {
				if a.Name.Local == "lang" {
					if top.lang = a.Value; top.name == "html" {
						p.lang = a.Value
					}
				}
				p.refused = p.refused || a.Name.Local == "class" && a.Value == "refusal"
			}
			for _, a := range token.Attr {
				switch name := a.Name.Local; {
				case slices.Contains([]string{"aria-label", "title", "alt", "placeholder", "aria-valuetext", "data-none", "data-now"}, name), name == "value" && top.name == "button":
					p.texts = append(p.texts, shownText{a.Value, top.lang, top.name + "/" + name})
				case name == "href" && top.name == "a":
					p.links = append(p.links, a.Value)
				}
			}
			stack = append(stack, top)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			text := strings.TrimSpace(string(token))
			if top.name == "title" {
				p.title += text
			}
			if text == "" || slices.ContainsFunc(stack, func(e element) bool { return slices.Contains([]string{"code", "pre", "script", "style"}, e.name) }) {
				continue
			}
			where := "text"
			if slices.ContainsFunc(stack, func(e element) bool { return slices.Contains([]string{"svg", "option", "title", "datalist"}, e.name) }) {
				where = "within " + top.name
			}
			p.texts = append(p.texts, shownText{text, top.lang, where})
		}
	}
}

var (
	transformation = regexp.MustCompile(`^(IN)?DIRECT(/[A-Z_]+)?$`) // as OpenLineage has it
	englishRun     = regexp.MustCompile(`[A-Za-z][A-Za-z0-9_./:#@*'’-]*(?: +[A-Za-z][A-Za-z0-9_./:#@*'’-]*)*`)
	keyOfVerifier  = regexp.MustCompile(`^\S+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$`)
	placeholder    = regexp.MustCompile(`^[0-9TZ:. -]+$`)
)

// strangers are the words of a text that are not of a language.
func strangers(s shownText, lang string) (out []string) {
	if lang == "en" {
		if s.text == "简体中文" {
			return nil
		}
		return strings.FieldsFunc(s.text, func(r rune) bool { return !unicode.Is(unicode.Han, r) })
	}
	path := strings.HasPrefix(s.text, "/") && !strings.Contains(s.text, " ")
	if s.lang == "en" || path || len(s.text) > 30 && !strings.ContainsAny(s.text, " ，。：") && strings.HasSuffix(s.text, "=") || keyOfVerifier.MatchString(s.text) || placeholder.MatchString(s.text) {
		return nil
	}
	for _, run := range englishRun.FindAllString(s.text, -1) {
		words := slices.DeleteFunc(strings.Fields(run), func(w string) bool {
			w = strings.Trim(w, ".:-'")
			return slices.Contains(sameInBoth, w) || len(w) < 2 || transformation.MatchString(w)
		})
		if len(words) > 0 {
			out = append(out, strings.Join(words, " "))
		}
	}
	return out
}
