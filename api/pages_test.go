package api

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// TestPagesServed looks at every page in both languages.
func TestPagesServed(t *testing.T) {
	f := newFixture(t, nil)
	empty := f.get("/")
	if empty.status != 200 {
		t.Fatalf("the page of a ledger that has just begun: %d %s", empty.status, empty.body)
	}
	f.tell()
	for _, p := range []string{"/", "/docs", "/events/0", "/events/9", "/events/11"} {
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
			for _, never := range []string{"<script", " style=", "<style", "javascript:", "http-equiv", "https://cdn"} {
				if strings.Contains(text, never) {
					t.Errorf("%s holds %q, which its policy forbids", p, never)
				}
			}
			if headings := regexp.MustCompile(`<h([1-6])`).FindAllStringSubmatch(text, -1); len(headings) == 0 || headings[0][1] != "1" || strings.Count(text, "<h1") != 1 {
				t.Errorf("%s: the headings are not in order", p)
			}
			if q := f.get(p+"?lang="+lang, "Accept-Language", "de"); !strings.Contains(string(q.body), `<html lang="`+lang+`">`) {
				t.Errorf("%s: lang=%s is not heeded", p, lang)
			}
		}
	}
	if r := f.get("/events/9"); !strings.Contains(string(r.body), "两周未更新") || !strings.Contains(string(r.body), "/v1/proofs/inclusion?position=9") {
		t.Errorf("the page of an event: %s", r.body)
	}
	if r := f.get("/style.css"); r.status != 200 || r.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the style sheet: %d", r.status)
	}
}

// TestPagesEscape: what events say is shown, not run.
func TestPagesEscape(t *testing.T) {
	f := newFixture(t, nil)
	f.post(strings.ReplaceAll(registered("D01"), "部门 D01", `<script>alert(1)</script>`))
	f.caughtUp()
	for _, p := range []string{"/", "/events/1"} {
		if r := f.get(p); strings.Contains(string(r.body), "<script>alert") {
			t.Errorf("%s runs what an event says", p)
		}
	}
}

// TestStartLinks follows every link of the start page.
func TestStartLinks(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	body := string(f.get("/").body)
	links := regexp.MustCompile(`href="(/[^"]*)"`).FindAllStringSubmatch(body, -1)
	if len(links) < 30 {
		t.Errorf("only %d links", len(links))
	}
	for _, l := range links {
		if r := f.get(strings.ReplaceAll(l[1], "&amp;", "&")); r.status != 200 {
			t.Errorf("%s: %d %s", l[1], r.status, r.body)
		}
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
	for _, file := range files {
		b, err := web.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.T "([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = true
		}
	}
	for key, text := range texts {
		if text[0] == "" || text[1] == "" || text[0] == text[1] && key != "title-start" {
			t.Errorf("%s lacks a language: %q", key, text)
		}
		named := strings.HasPrefix(key, "ask-") || strings.HasPrefix(key, "title-") || strings.Contains(" parties entries agreements accesses flagged findings datasets runs ", " "+key+" ")
		if !used[key] && !named {
			t.Errorf("%s is used nowhere", key)
		}
		delete(used, key)
	}
	if len(used) > 0 {
		t.Errorf("without a text: %v", used)
	}
}
