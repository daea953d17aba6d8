package api

import (
	"html"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestProblemPages: whoever asks for a page and does not get it is told so in a page, in
// their language, with what programs are told; what is for programs stays as it is.
func TestProblemPages(t *testing.T) {
	tokens, bearer := principals(t)
	open := newFixture(t, nil)
	open.tell()
	closed := newFixture(t, func(o *Options) { o.Dev, o.Tokens = false, tokens })
	costly := newFixture(t, func(o *Options) { o.Limits.QueryCost = 1 })
	costly.tell()
	slow := newFixture(t, func(o *Options) { o.Dev, o.PublicReads, o.Limits.Rate, o.Limits.Burst = false, true, 0.01, 1 })
	slow.get("/catalog")
	for _, c := range []struct {
		f            *fixture
		path, bearer string
		status       int
		rule, says   string
	}{
		{open, "/nothing-here", "", 404, "route.unknown", "problem-address"},
		{open, "/entries/none", "", 404, "entry.unknown", "problem-absent"},
		{open, "/requests/none", "", 404, "request.unknown", "problem-absent"},
		{open, "/lineage?node=entry:DS02&compare=999", "", 404, "position.unknown", "problem-absent"},
		{open, "/uses?colour=red", "", 400, "query.unknown", "problem-asked"},
		{closed, "/uses", bearer[RoleAdmin], 403, "auth.role", "problem-forbidden"},
		{costly, "/investigate?node=entry:DS02", "", 422, "query.cost", "problem-too-much"},
		{slow, "/catalog", "", 429, "limit.rate", "problem-limit"},
	} {
		for language, lang := range languages {
			headers := []string{"Accept", "text/html", "Accept-Language", lang}
			if c.bearer != "" {
				headers = append(headers, "Authorization", "Bearer "+c.bearer)
			}
			r := c.f.get(c.path, headers...)
			body := html.UnescapeString(string(r.body))
			if r.status != c.status || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") || r.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %v", c.path, r.status, r.header)
			}
			for _, must := range []string{texts[c.says][language], "<code>" + c.rule + "</code>", `<html lang="` + lang + `">`, `href="/`} {
				if !strings.Contains(body, must) {
					t.Errorf("%s in %s lacks %q: %s", c.path, lang, must, body)
				}
			}
			if (c.status == 429) != (r.header.Get("Retry-After") != "") || (c.status == 429) != strings.Contains(body, texts["problem-wait"][language]) {
				t.Errorf("%s: when to come back: %q", c.path, r.header.Get("Retry-After"))
			}
		}
		headers := []string(nil)
		if c.bearer != "" {
			headers = []string{"Authorization", "Bearer " + c.bearer}
		}
		if p := c.f.get(c.path, headers...).problem(t); p.Status != c.status || p.Rule != c.rule {
			t.Errorf("%s to a program: %+v", c.path, p)
		}
	}
	if r := slow.get("/style.css"); r.status != http.StatusOK {
		t.Errorf("a page that says that too much was asked has no style: %d", r.status)
	}
	if r := open.get("/v1/entries", "Accept", "text/html"); r.problem(t).Status != http.StatusNotFound {
		t.Errorf("what is for programs: %d", r.status)
	}
	// Who holds the cookie of a session that is no more is told so where one signs in.
	p := newPerson(t, closed.http)
	if r := p.do(get, "/sign-in?lang=en", nil); strings.Contains(string(r.body), texts["session-ended"][0]) {
		t.Errorf("a session ended that there never was: %s", r.body)
	}
	p.signIn(bearer[RoleAuditor], "/")
	clear(closed.server.sessions.by)
	if r := p.do(get, "/sign-in?lang=en", nil); !strings.Contains(string(r.body), texts["session-ended"][0]) {
		t.Errorf("after the session: %s", r.body)
	}
}

// TestEmptyWithinScope: a page that has nothing for a reader with a scope does not say that
// there is nothing.
func TestEmptyWithinScope(t *testing.T) {
	tokens, err := LoadTokens(t.TempDir() + "/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	bound := mint(t, tokens, Principal{Name: "bound", Roles: []Role{RoleAuditor}, ReadParties: []string{"D99"}}, testNow.AddDate(1, 0, 0))
	f := newFixture(t, func(o *Options) { o.Tokens = tokens })
	f.tell()
	f.answered()
	for _, page := range []string{"/catalog", "/sharing", "/accesses", "/uses?consumer=D03", "/findings", "/duties", "/violations", "/catalog/changes", "/investigate"} {
		r := f.get(page, "Accept", "text/html", "Accept-Language", "en", "Authorization", "Bearer "+bound)
		if body := string(r.body); r.status != http.StatusOK || !strings.Contains(body, texts["within-scope"][0]) {
			t.Errorf("%s: %d %s", page, r.status, body)
		}
		if body := string(f.get(page, "Accept", "text/html", "Accept-Language", "en").body); strings.Contains(body, texts["within-scope"][0]) {
			t.Errorf("%s speaks of a scope to somebody without one", page)
		}
	}
}

// TestProblemLinksStayHere: a path that begins with slashes names no other host in the links
// of the page that says that there is nothing.
func TestProblemLinksStayHere(t *testing.T) {
	f := newFixture(t, nil)
	for _, path := range []string{"//elsewhere.example/x", "///elsewhere.example/x?lang=en"} {
		r := f.get(path, "Accept", "text/html")
		if r.status != http.StatusNotFound || !strings.Contains(string(r.body), `href="/elsewhere.example/x`) || strings.Contains(string(r.body), `="//`) {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

// TestChineseDurations: durations in what is refused are what they are.
func TestChineseDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		10 * time.Second: "10 秒", 20 * time.Second: "20 秒", time.Minute: "1 分", 90 * time.Second: "1 分 30 秒", 10 * time.Minute: "10 分", 5 * time.Minute: "5 分",
		100 * time.Millisecond: "100 毫秒", time.Hour: "1 小时", 20*time.Hour + 30*time.Minute: "20 小时 30 分", 366 * 24 * time.Hour: "8784 小时", time.Hour + time.Second: "1 小时 0 分 1 秒", 0: "0 秒",
	} {
		if got := chineseDuration(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
