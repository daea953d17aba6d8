package api

import (
	"html"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ledgerline/projections"
)

// allPages are the pages of a ledger that was told the story.
var allPages = []string{
	"/", "/docs", "/events/0", "/events/13", "/events/11", "/catalog", "/catalog?text=" + url.QueryEscape("死亡") + "&stage=published",
	"/entries/DS02", "/entries/DS02?as_of=3", "/lineage", "/lineage?node=entry:DS02", "/lineage?node=dataset:hive/pop.main&direction=up&depth=1&columns=true",
	"/lineage?node=dataset:nowhere", "/sharing", "/catalog/changes", "/catalog/changes?from=8", "/catalog/changes?from=2&as_of=5", "/requests/R02", "/requests/R03", "/requests/R03?valid_at=2026-01-08T00:00:00Z", "/uses", "/uses?consumer=D03", "/uses?actor=official-7c", "/uses?entry=nothing-like-it", "/sharing?state=terminated", "/agreements/A02", "/accesses", "/accesses?flagged=true",
	"/findings", "/findings/Q1", "/parties", "/catalog?as_of=1", "/?as_of=4",
	"/lineage?node=entry:DS02&compare=8", "/lineage?node=dataset:hive/pop.main&find=merge", "/health", "/sign-in?next=/catalog", "/bulletin", "/bulletin?period=2026-01&party=D01", "/case", "/case?records=9.12&title=x",
	"/investigate?node=entry:DS02&kind=access&case=12",
	"/duties", "/duties?state=breached", "/violations", "/violations?code=39.4", "/lineage/differences", "/lineage/differences?node=dataset:hive/pop.main", "/lineage/differences?node=dataset:nowhere",
	"/events", "/events?type=access.&order=desc", "/events?text=nothing-like-it", "/investigate", "/investigate?node=entry:DS02&from=2026-01-01T00:00:00Z",
	"/investigate?node=column:postgres://pop:5432/hj.death%23swrq&columns=true", "/investigate?node=dataset:nowhere",
}

// withParam adds a parameter to the address of a page.
func withParam(page, param string) string {
	if strings.Contains(page, "?") {
		return page + "&" + param
	}
	return page + "?" + param
}

// linksOf are the addresses on this server that a page refers to.
func linksOf(body string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`(?:href|src)="(/[^"]*)"`).FindAllStringSubmatch(body, -1) {
		list = append(list, html.UnescapeString(m[1]))
	}
	return list
}

// TestPagesServed looks at every page in both languages.
func TestPagesServed(t *testing.T) {
	f := newFixture(t, nil)
	for page, why := range map[string]string{
		"/": "", "/catalog": "no-entries", "/catalog?stage=published": "none-match-entries", "/lineage": "nothing-to-begin", "/sharing": "no-agreements",
		"/accesses": "no-accesses", "/accesses?flagged=true": "none-match-accesses", "/findings": "no-findings", "/parties": "no-parties",
		"/events": "", "/investigate": "nothing-to-begin", "/lineage/differences": "no-differences", "/duties": "no-duties", "/violations": "no-violations", "/duties?state=open": "none-match-duties", "/violations?code=39.4": "none-match-violations",
	} {
		empty := f.get(page, "Accept-Language", "en")
		if empty.status != 200 || why != "" && !strings.Contains(string(empty.body), texts[why][0]) {
			t.Errorf("%s of a ledger that has just begun: %d %s", page, empty.status, empty.body)
		}
	}
	f.tell()
	f.answered()
	for _, p := range allPages {
		for lang, header := range map[string]string{"en": "en-GB,en;q=0.9,zh;q=0.1", "zh-CN": "fr, zh-TW, en"} {
			r := f.get(p, "Accept-Language", header)
			text := string(r.body)
			if r.status != 200 || r.header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Fatalf("%s: %d", p, r.status)
			}
			for _, must := range []string{`<html lang="` + lang + `">`, "<main", "<h1>", "<nav", `name="viewport"`, "</html>"} {
				if !strings.Contains(text, must) {
					t.Errorf("%s in %s lacks %s", p, lang, must)
				}
			}
			for _, never := range []string{"<script>", "<script src", " style=", "<style", "javascript:", "http-equiv", "https://cdn"} {
				if strings.Contains(text, never) {
					t.Errorf("%s holds %q, which its policy forbids", p, never)
				}
			}
			if headings := regexp.MustCompile(`<h([1-6])`).FindAllStringSubmatch(text, -1); len(headings) == 0 || headings[0][1] != "1" || strings.Count(text, "<h1") != 1 {
				t.Errorf("%s: the headings are not in order", p)
			}
			if q := f.get(withParam(p, "lang="+lang), "Accept-Language", "de"); !strings.Contains(string(q.body), `<html lang="`+lang+`">`) {
				t.Errorf("%s: lang=%s is not heeded", p, lang)
			}
		}
	}
	if r := f.get("/events/13"); !strings.Contains(string(r.body), "两周未更新") || !strings.Contains(string(r.body), "/v1/proofs/inclusion?position=13") {
		t.Errorf("the page of an event: %s", r.body)
	}
	if r := f.get("/style.css"); r.status != 200 || r.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the style sheet: %d", r.status)
	}
}

// TestPagesEscape: what events say is shown, not run, wherever it is shown.
func TestPagesEscape(t *testing.T) {
	f := newFixture(t, nil)
	const hostile = `\"><script>alert(1)</script>\"' onload='x`
	for _, e := range story() {
		for _, said := range []string{"部门 D01", "户籍注销信息", "死亡日期", "省级部门", "两周未更新"} {
			e = strings.ReplaceAll(e, said, hostile)
		}
		f.post(e)
	}
	job := strings.ReplaceAll(strings.ReplaceAll(runEvent("COMPLETE"), "pop.main", "pop"+hostile), `"name":"merge"`, `"name":"`+hostile+`"`)
	if r := f.do("POST", "/api/v1/lineage", job); r.status != 201 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	f.caughtUp()
	asked := url.QueryEscape(`"><script>alert(1)</script>`)
	shown := 0
	for _, p := range append(allPages, "/catalog?text="+asked, "/catalog?provider="+asked, "/lineage?node="+asked, "/accesses?entry="+asked, "/sharing?as_of="+asked, "/findings/"+asked) {
		body := string(f.get(p, "Accept", "text/html").body)
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "' onload='") || strings.Contains(body, "\" onload=") {
			t.Errorf("%s runs what an event says", p)
		}
		if strings.Contains(body, "&lt;script&gt;alert") {
			shown++
		}
	}
	if shown < 12 {
		t.Errorf("only %d pages show what the events say", shown)
	}
}

// TestPageLinks follows every link of every page: nothing leads nowhere, and the
// moment and the language go on from page to page.
func TestPageLinks(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	seen := make(map[string]bool)
	todo := []string{"/", "/?as_of=8&lang=zh-CN"}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		r := f.get(at)
		if r.status != 200 {
			t.Errorf("%s: %d %s", at, r.status, r.body)
		}
		if !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
			continue
		}
		past := strings.Contains(at, "as_of=8") && !strings.HasPrefix(at, "/v1/")
		if past != strings.Contains(string(r.body), texts["past"][1]) && past != strings.Contains(string(r.body), texts["past"][0]) {
			t.Errorf("%s does not say that it shows the past", at)
		}
		for _, l := range linksOf(string(r.body)) {
			if past && !strings.Contains(l, "as_of=") && regexp.MustCompile(`^/(catalog|entries|lineage|sharing|agreements|accesses|findings|parties|events)`).MatchString(l) && l != now(at) {
				t.Errorf("%s links to %s, which is not as of then", at, l)
			}
			if !seen[l] && !(dressed(at) && strings.HasPrefix(l, "/lineage?")) {
				seen[l] = true
				todo = append(todo, l)
			}
		}
	}
	if len(seen) < 150 {
		t.Errorf("only %d links", len(seen))
	}
}

// dressed tells whether a lineage page is not as it looks at first: what its
// links lead to are the same pages in ever more combinations.
func dressed(at string) bool {
	u, err := url.Parse(at)
	return err == nil && slices.ContainsFunc(append([]string{"compare"}, chosenParams...), u.Query().Has)
}

// now is the address of a page without its moment.
func now(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	values := u.Query()
	values.Del("as_of")
	return withQuery(u.EscapedPath(), values)
}

// TestPageMoments: a page says what it speaks for, whatever way the moment was
// given, and its twin speaks for the same.
func TestPageMoments(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	f.answered()
	for typed, want := range map[string]string{
		"3": "3", " 12 ": "12", "20260131": "20260131", "2026-01-31": "2026-01-31T00:00:00Z", "2026-01-31 09:30": "2026-01-31T09:30:00Z", "2026-01-31T09:30:15": "2026-01-31T09:30:15Z",
		"2026-01-31T09:30:15.5+08:00": "2026-01-31T01:30:15.5Z", "2026-01-31 09:30:15Z": "2026-01-31T09:30:15Z", "": "", "soon": "?", "-1": "?", "2026-13-01": "?", "31.1.2026": "?",
	} {
		m, err := momentQuery{AsOf: typed}.moment()
		got := ""
		switch {
		case err != nil:
			got = "?"
		case m.byTime:
			got = m.time.String()
		case m.given:
			got = strconv.FormatInt(m.position, 10)
		}
		if got != want {
			t.Errorf("%q is %q, not %q", typed, got, want)
		}
	}
	then := string(f.get("/entries/DS02?as_of=3", "Accept-Language", "en").body)
	if !strings.Contains(then, texts["past"][0]) || !strings.Contains(then, words["stage/drafted"][0]) || strings.Contains(then, "A02") || strings.Contains(then, "Q1") {
		t.Errorf("the entry as of its first step: %s", then)
	}
	twin := regexp.MustCompile(`href="(/v1/catalog/entries/DS02\?as_of=3)"`).FindStringSubmatch(then)
	if twin == nil {
		t.Fatal("no JSON twin")
	}
	if st := standingOf(t, f.get(twin[1])); st.Position != 3 {
		t.Errorf("the twin speaks for %+v", st)
	}
	for page, status := range map[string]int{
		"/catalog?as_of=1999-01-01": 404, "/catalog?as_of=soon": 400, "/catalog?as_of=9999": 404, "/catalog?colour=red": 400,
		"/entries/none": 404, "/entries/DS02?as_of=2": 404, "/events/9?as_of=8": 404, "/agreements/none": 404, "/findings/none": 404,
	} {
		r := f.get(page, "Accept", "text/html", "Accept-Language", "en")
		if r.status != status || !strings.Contains(string(r.body), texts["problem"][0]) {
			t.Errorf("%s to a browser: %d %s", page, r.status, r.body)
		}
		if p := f.get(page).problem(t); p.Status != status {
			t.Errorf("%s to a program: %+v", page, p)
		}
	}
	for page, link := range map[string]string{ // leads out of what is wrong, and promises no JSON
		"/accesses?flagged=maybe&entry=DS02": `href="/accesses?entry=DS02"`, "/catalog?colour=red": `href="/catalog"`, "/catalog?as_of=soon&text=a": `href="/catalog?text=a"`,
	} {
		r := f.get(page, "Accept", "text/html", "Accept-Language", "en")
		if !strings.Contains(string(r.body), link) || strings.Contains(string(r.body), texts["footer"][0]) {
			t.Errorf("%s: no %s in %s, or it can be had as JSON", page, link, r.body)
		}
	}
	if r := f.get("/accesses?flagged=maybe"); !strings.Contains(r.problem(t).Fix, "true or false") {
		t.Errorf("a flag that is none: %s", r.body)
	}
}

// TestPagePaging walks a list on its page and at its twin: each part holds what
// its twin holds, and language and moment hold on.
func TestPagePaging(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	at, parts := "/parties?limit=1&lang=zh-CN", []string{}
	for at != "" && len(parts) < 5 {
		body := string(f.get(at).body)
		parts = append(parts, body)
		if twin := regexp.MustCompile(`href="(/v1/parties\?[^"]*)"`).FindStringSubmatch(body); twin != nil {
			var list struct {
				Parties []projections.Party `json:"parties"`
			}
			f.get(html.UnescapeString(twin[1])).into(t, &list)
			if len(list.Parties) != 1 || !strings.Contains(body, list.Parties[0].Name) {
				t.Errorf("%s and its twin %s differ: %v", at, twin[1], list)
			}
		} else {
			t.Errorf("%s has no twin", at)
		}
		at = ""
		if next := regexp.MustCompile(`rel="next" href="([^"]*)"`).FindStringSubmatch(body); next != nil {
			at = html.UnescapeString(next[1])
		}
	}
	if len(parts) != 3 || !strings.Contains(parts[0], "部门 D01") || !strings.Contains(parts[1], "部门 D03") || !strings.Contains(parts[1], `lang="zh-CN"`) {
		t.Errorf("%d parts: %v", len(parts), parts)
	}
}

// TestPageFacts: what the pages are for is on them.
func TestPageFacts(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	for page, says := range map[string][]string{
		"/catalog?text=" + url.QueryEscape("死亡"): {"户籍注销信息", `href="/entries/DS02"`},
		"/entries/DS02":                    {"公民身份号码", "not assessed", "A02", "Q1", "⚑", "column not granted", "submitted", "/v1/lineage?as_of=15", "format=svg", `class="graph"`, "open quality issues: 1", "hj.death", "/v1/proofs/inclusion?position=9"},
		"/lineage?node=entry:DS02":         {`href="/events/14"`, `href="/events/15"`, "merge", "is read by"},
		"/lineage?node=dataset:pop.main":   {texts["node-unknown"][0]},
		"/lineage?node=entry:DS02&depth=1": {`value="1"`, "depth=1"},
		"/sharing":                         {"A02", "D03", "active"},
		"/agreements/A02":                  {"cn809", "activated", "forbidden", "⚑"},
		"/accesses?flagged=true":           {"column not granted", "access.column-not-granted", `href="/events/12"`},
		"/findings":                        {"Q1", "stale", "major"},
		"/findings/Q1":                     {"timeliness", `href="/events/13"`},
		"/parties":                         {"Department D03", "/catalog?provider=D03"},
		"/":                                {`href="/catalog"`, `href="/accesses?flagged=true"`, `action="/catalog"`},
	} {
		r := f.get(page, "Accept-Language", "en")
		for _, must := range says {
			if !strings.Contains(html.UnescapeString(string(r.body)), must) {
				t.Errorf("%s does not say %s", page, must)
			}
		}
	}
	if body := string(f.get("/accesses?flagged=true").body); strings.Contains(body, `href="/events/7"`) {
		t.Errorf("a lawful access is among the flagged")
	}
}

// TestStartForStrangers: who may not read sees the checkpoint and no records.
func TestStartForStrangers(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	f.server.o.Dev = false
	body := string(f.get("/").body)
	if !strings.Contains(body, "ledger.example/test") || strings.Contains(body, "catalog.entry") || strings.Contains(body, "/v1/catalog") {
		t.Errorf("a stranger sees %s", body)
	}
}

// TestTexts: every text is there in both languages and used by some page.
func TestTexts(t *testing.T) {
	used := make(map[string]bool)
	files, err := fs.Glob(web, "web/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	kinds := make(map[string]bool)
	for _, file := range files {
		b, err := web.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.(?:T|None) "([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`\.Word "([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
			kinds[m[1]] = true
		}
	}
	code, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range code {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.texts\("([^"]+)"\)`).FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`(?:Word|strip)\([^"()]*(?:\([^()]*\)[^"()]*)?"([a-z]+)"`).FindAllStringSubmatch(string(b), -1) {
			kinds[m[1]] = true
		}
	}
	for key, text := range texts {
		if text[0] == "" || text[1] == "" || text[0] == text[1] && key != "title-start" {
			t.Errorf("%s lacks a language: %q", key, text)
		}
		named := strings.HasPrefix(key, "ask-") || strings.HasSuffix(key, "-ago") || strings.HasPrefix(key, "title-") || strings.HasPrefix(key, "nav-") || strings.Contains(" parties entries agreements accesses flagged findings datasets runs ", " "+key+" ")
		if !used[key] && !named {
			t.Errorf("%s is used nowhere", key)
		}
		delete(used, key)
	}
	if len(used) > 0 {
		t.Errorf("without a text: %v", used)
	}
	for _, kind := range wordKinds { // by the field that holds the value
		kinds[kind] = true
	}
	forms, err := os.ReadFile("../projections/wordings.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\{[a-z_]+:([a-z]+)\}`).FindAllStringSubmatch(string(forms), -1) {
		kinds[m[1]] = true
	}
	for key, text := range words {
		kind, _, _ := strings.Cut(key, "/")
		if text[0] == "" || text[1] == "" || text[0] == text[1] || !kinds[kind] {
			t.Errorf("the word %s lacks a language or a page: %q", key, text)
		}
	}
	for _, rt := range routes() { // what a filter offers has a word; kind is of something else on each route, format of the answer
		for _, p := range paramsOf(rt.query) {
			for _, value := range p.enum {
				if _, ok := (page{}).label(p.name, value); !ok && kinds[p.name] && p.name != "kind" && p.name != "format" && words[p.name+"/"+value][0] == "" {
					t.Errorf("%s=%s has no word", p.name, value)
				}
			}
		}
	}
}
