package api

import (
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"ledgerline/projections"
)

// page gets a page in English and returns its text.
func (f *fixture) page(path string) string {
	f.t.Helper()
	r := f.get(path, "Accept", "text/html", "Accept-Language", "en")
	if r.status != http.StatusOK {
		f.t.Fatalf("%s: %d %s", path, r.status, r.body)
	}
	return html.UnescapeString(string(r.body))
}

// TestRequestPage: the page of a request shows what was asked for and granted, the
// deadlines with the rule and the calendar, what came of it, and how it stood earlier.
func TestRequestPage(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	f.answered()
	page := f.page("/requests/R03")
	for _, must := range []string{
		`<li class="done"><a href="/events/`, "to be supplemented", "supplemented", `aria-current="step"`, "granted in part", "not necessary", "DL-02", "cn-809-2025", "calendar cn",
		`href="/agreements/A03"`, "<code>gmsfhm</code> </td>", texts["reasons-in-record"][0], `href="/requests/R03?valid_at=2026-01-07T01%3A00%3A00Z"`, `name="request" value="R03"`, `href="/v1/requests/R03?as_of=`,
	} {
		if !strings.Contains(page, must) {
			t.Errorf("the page of the request lacks %q", must)
		}
	}
	if open := f.page("/requests/R02"); !strings.Contains(open, texts["not-answered"][0]) || !strings.Contains(open, texts["nothing-came"][0]) || !strings.Contains(open, `<li class="ahead">`) {
		t.Errorf("a request that was not answered: %s", open)
	}
	if r := f.get("/requests/R03?valid_at=2025-12-31T00:00:00Z", "Accept", "text/html"); r.status != http.StatusNotFound {
		t.Errorf("before it was made: %d", r.status)
	}
	dated := f.page("/requests/R03?valid_at=2026-01-08T00:00:00Z")
	if !strings.Contains(dated, texts["in-force-at"][0]) || !strings.Contains(dated, `href="/requests/R03"`) {
		t.Errorf("as in force on a day: %s", dated)
	}
	for _, from := range []string{"/sharing", "/entries/DS02", "/agreements/A03", "/duties", "/investigate?node=entry:DS02"} {
		if !strings.Contains(f.page(from), `href="/requests/R03"`) {
			t.Errorf("%s does not lead to the request", from)
		}
	}
	var list struct {
		Agreements []projections.Agreement `json:"agreements"`
	}
	if f.get("/v1/agreements?request=R03").into(t, &list); len(list.Agreements) != 1 || list.Agreements[0].ID != "A03" {
		t.Errorf("agreements of the request: %+v", list)
	}
	if r := f.do(post, "/evidence", "request=R03", "Content-Type", "application/x-www-form-urlencoded"); r.status != http.StatusOK || r.header.Get("Content-Type") != "application/zip" {
		t.Errorf("the bundle of a request: %d %s", r.status, r.body)
	}
}

// TestUsesPage: what a body, an official or a credential read is summed up, and agrees
// with the calls that the API lists.
func TestUsesPage(t *testing.T) {
	f := newFixture(t, nil)
	if begun := f.page("/uses"); !strings.Contains(begun, texts["nothing-to-use"][0]) {
		t.Errorf("of a ledger that has just begun: %s", begun)
	}
	f.tell()
	f.answered()
	if begin := f.page("/uses"); !strings.Contains(begin, `href="/uses?consumer=D03"`) {
		t.Errorf("nothing to begin with: %s", begin)
	}
	page := f.page("/uses?consumer=D03")
	for _, must := range []string{`<td class="number">2</td><td class="number">0</td><td class="number">2</td><td class="number">1</td>`, `href="/agreements/A02"`, `href="/agreements/A03"`, "usage.record.made", "U03", "<code>swrq</code>", `href="/v1/accesses?as_of=`} {
		if !strings.Contains(page, must) {
			t.Errorf("the uses of D03 lack %q", must)
		}
	}
	byActor := f.page("/uses?actor=official-7c")
	if !strings.Contains(byActor, "A03") || strings.Contains(byActor, `href="/agreements/A02"`) || !strings.Contains(byActor, "U03") {
		t.Errorf("what an official read: %s", byActor)
	}
	var calls struct {
		Accesses []projections.Access `json:"accesses"`
	}
	if f.get("/v1/accesses?actor=official-7c").into(t, &calls); len(calls.Accesses) != 1 || calls.Accesses[0].Call != "c3" {
		t.Errorf("the calls of an official: %+v", calls)
	}
	if none := f.page("/uses?actor=nobody"); !strings.Contains(none, texts["no-uses"][0]) || !strings.Contains(none, texts["no-uses-made"][0]) {
		t.Errorf("of nobody: %s", none)
	}
	if earlier := f.page("/uses?consumer=D03&as_of=11"); strings.Contains(earlier, "A03") {
		t.Errorf("as of earlier: %s", earlier)
	}
	for _, from := range []string{"/accesses", "/sharing", "/entries/DS02", "/agreements/A03", "/investigate?node=entry:DS02", "/parties"} {
		if !strings.Contains(f.page(from), `href="/uses`) {
			t.Errorf("%s does not lead to the uses", from)
		}
	}
}

// TestUsesOfPerson: who asks about a person sends the reference in a form; it stands in
// no address, link or record of the question.
func TestUsesOfPerson(t *testing.T) {
	tokens, bearer := principals(t)
	f := newFixture(t, func(o *Options) { o.Tokens = tokens })
	f.tell()
	f.answered()
	ask := func(form url.Values) reply {
		t.Helper()
		return f.do(post, "/uses", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html", "Accept-Language", "en", "Authorization", "Bearer "+bearer[RoleAuditor])
	}
	r := ask(url.Values{"person": {"person-9f3a"}, "from": {"2026-01-01T00:00:00Z"}})
	body := html.UnescapeString(string(r.body))
	if r.status != http.StatusOK || r.header.Get("Cache-Control") != "no-store" || !strings.Contains(body, `href="/agreements/A03"`) || strings.Contains(body, `href="/agreements/A02"`) {
		t.Errorf("who used data about the person: %d %v %s", r.status, r.header, body)
	}
	for _, l := range linksOf(string(r.body)) {
		if strings.Contains(l, "9f3a") {
			t.Errorf("the reference stands in the address %s", l)
		}
	}
	f.caughtUp()
	last, err := f.ledger.Get(t.Context(), f.ledger.Head().Size-1)
	if err != nil || last.Event.Type != "ledger.read.recorded" {
		t.Fatalf("that it was asked is not recorded: %+v %v", last.Event, err)
	}
	if said := string(f.get("/v1/events/"+strconv.FormatInt(last.Position, 10), "Authorization", "Bearer "+bearer[RoleAuditor]).body); strings.Contains(said, "9f3a") || !strings.Contains(said, "POST /uses") {
		t.Errorf("what is recorded of the question: %s", said)
	}
	if r := ask(url.Values{"person": {"person-0000"}, "lang": {"zh-CN"}}); r.status != http.StatusOK || !strings.Contains(string(r.body), texts["nobody-used"][1]) {
		t.Errorf("nobody used data about somebody else: %d %s", r.status, r.body)
	}
	if r := ask(url.Values{"from": {"2026-01-01T00:00:00Z"}}); r.status != http.StatusBadRequest || !strings.Contains(string(r.body), texts["problem"][0]) {
		t.Errorf("about nobody: %d %s", r.status, r.body)
	}
	if r := ask(url.Values{"person": {"x"}, "colour": {"red"}}); r.status != http.StatusBadRequest {
		t.Errorf("with a parameter that is none: %d", r.status)
	}
	if r := ask(url.Values{"person": {"person-9f3a"}, "limit": {"1"}}); r.status != http.StatusOK || strings.Contains(string(r.body), `name="cursor"`) {
		t.Errorf("one call is all: %d", r.status)
	}
}
