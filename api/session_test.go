package api

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// person is a browser with cookies that does not follow redirects.
type person struct {
	t    *testing.T
	base string
	http *http.Client
}

func newPerson(t *testing.T, server *httptest.Server) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := *server.Client()
	c.Jar, c.CheckRedirect = jar, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &person{t, server.URL, &c}
}

func (p *person) do(method, path string, form url.Values, headers ...string) reply {
	p.t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = p.base + path
	}
	r, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	resp, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, body}
}

func (p *person) signIn(token, next string) reply {
	p.t.Helper()
	return p.do(post, "/sign-in", url.Values{"token": {token}, "next": {next}})
}

// TestSignIn: a token that was pasted begins a session that reads pages, sends their
// forms, appends nothing, and ends when it should.
func TestSignIn(t *testing.T) {
	tokens, bearer := principals(t)
	bound := mint(t, tokens, Principal{Name: "bound", Roles: []Role{RoleAuditor}, ReadParties: []string{"D01"}}, time.Time{})
	f := newFixture(t, func(o *Options) { o.Dev, o.Tokens = false, tokens })
	for _, e := range story()[:2] {
		f.do(post, "/v1/events", e, "Content-Type", "application/cloudevents+json", "Authorization", "Bearer "+bearer[RoleRegistrar])
	}
	f.caughtUp()
	p := newPerson(t, f.http)
	r := p.do(get, "/parties?lang=zh-CN", nil)
	if r.status != http.StatusSeeOther || r.header.Get("Location") != "/sign-in?lang=zh-CN&next=%2Fparties%3Flang%3Dzh-CN" {
		t.Errorf("a page without a session: %d %s", r.status, r.header.Get("Location"))
	}
	if r := p.do(get, "/v1/parties", nil); r.status != http.StatusUnauthorized {
		t.Errorf("what is for programs leads somewhere: %d", r.status)
	}
	for _, lang := range []string{"en", "zh-CN"} {
		if r := p.do(get, "/sign-in?next=/parties&lang="+lang, nil); r.status != 200 || !strings.Contains(string(r.body), texts["token-hint"][map[string]int{"en": 0, "zh-CN": 1}[lang]]) || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("the page to sign in: %d %s", r.status, r.body)
		}
	}
	r = p.signIn(bound, "/parties?lang=en")
	cookie := r.header.Get("Set-Cookie")
	if r.status != http.StatusSeeOther || r.header.Get("Location") != "/parties?lang=en" || !strings.HasPrefix(cookie, "ledgerline=") ||
		!strings.Contains(cookie, "; HttpOnly") || !strings.Contains(cookie, "; SameSite=Lax") || !strings.Contains(cookie, "Path=/") || strings.Contains(cookie, "Domain") || strings.Contains(cookie, bound) {
		t.Errorf("signed in: %d %v", r.status, r.header)
	}
	r = p.do(get, "/parties?lang=en", nil)
	if text := string(r.body); r.status != 200 || !strings.Contains(text, "<strong>bound</strong> (auditor)") || !strings.Contains(text, "parties D01") || !strings.Contains(text, "Department D01") && !strings.Contains(text, "部门 D01") || strings.Contains(text, "部门 D03") {
		t.Errorf("the page: %d %s", r.status, text)
	}
	if r := p.do(post, "/v1/events", url.Values{}, "Content-Type", "application/cloudevents+json"); r.status != http.StatusUnauthorized {
		t.Errorf("a session appends: %d %s", r.status, r.body)
	}
	size := f.ledger.Head().Size
	if r := p.do(post, "/evidence", url.Values{"position": {"1"}}); r.status != 200 || r.header.Get("Content-Type") != "application/zip" {
		t.Errorf("a bundle: %d %s", r.status, r.body)
	}
	e, err := f.ledger.Get(t.Context(), size)
	if err != nil || e.Event.Type != "ledger.export.made" || e.Event.Principal != "bound" {
		t.Errorf("who took the bundle is not recorded: %+v %v", e.Event, err)
	}
	if r := p.do(post, "/evidence", url.Values{"position": {"1"}}, "Sec-Fetch-Site", "cross-site"); r.status != http.StatusForbidden || !strings.Contains(string(r.body), "<code>origin.foreign</code>") {
		t.Errorf("another site sends the form: %d %s", r.status, r.body)
	}
	if r := p.do(post, "/sign-out", url.Values{}, "Origin", "https://evil.example"); r.status != http.StatusForbidden {
		t.Errorf("another site signs out: %d", r.status)
	}

	// It ends by signing out, on the server as well.
	kept := p.http.Jar.Cookies(mustURL(t, p.base))[0].Value
	if r := p.do(post, "/sign-out", url.Values{}); r.status != http.StatusSeeOther || !strings.Contains(r.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signing out: %d %v", r.status, r.header)
	}
	if r := newPerson(t, f.http).do(get, "/parties", nil, "Cookie", "ledgerline="+kept); r.status != http.StatusSeeOther {
		t.Errorf("after signing out: %d", r.status)
	}
	// It ends when the token is revoked, and another's cookie is nobody's.
	p.signIn(bound, "/")
	if r := p.do(get, "/parties", nil); r.status != 200 {
		t.Errorf("%d", r.status)
	}
	list, err := tokens.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range list {
		if tok.Principal == "bound" {
			if _, err := tokens.Revoke(tok.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r := p.do(get, "/parties", nil); r.status != http.StatusSeeOther {
		t.Errorf("after the token was revoked: %d", r.status)
	}
	if r := p.do(get, "/parties", nil, "Cookie", "ledgerline=AAAA"); r.status != http.StatusSeeOther {
		t.Errorf("a cookie of nobody: %d", r.status)
	}
	// Who tries many tokens has to wait; a right one is taken all the same.
	waited := false
	for range failuresBurst + 1 {
		r = p.signIn(flip(bearer[RoleAuditor]), "/")
		if waited = r.status == http.StatusTooManyRequests; !waited && r.status != http.StatusUnauthorized {
			t.Errorf("a token that is wrong: %d %s", r.status, r.body)
		}
	}
	if !waited || r.header.Get("Retry-After") == "" || !strings.Contains(string(r.body), "sign-in.rate") || strings.Contains(string(r.body), "llt_") {
		t.Errorf("trying on and on: %d %s", r.status, r.body)
	}
	if r := p.signIn(bearer[RoleAuditor], "/"); r.status != http.StatusSeeOther {
		t.Errorf("a token that is right: %d %s", r.status, r.body)
	}
	// Not over plain HTTP from elsewhere.
	if r := p.do(post, "/sign-in", url.Values{"token": {bearer[RoleAuditor]}}, "Host", "ledger.example"); r.status != http.StatusForbidden || !strings.Contains(string(r.body), "sign-in.insecure") {
		t.Errorf("plain HTTP from elsewhere: %d %s", r.status, r.body)
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestSessionOverTLS: over TLS the cookie is one that only this host gets, and only so.
func TestSessionOverTLS(t *testing.T) {
	tokens, bearer := principals(t)
	f := newFixture(t, func(o *Options) { o.Dev, o.Tokens = false, tokens })
	tls := httptest.NewTLSServer(f.server)
	defer tls.Close()
	p := newPerson(t, tls)
	r := p.signIn(bearer[RoleAuditor], "//evil.example/")
	if cookie := r.header.Get("Set-Cookie"); r.header.Get("Location") != "/" || !strings.HasPrefix(cookie, "__Host-ledgerline=") || !strings.Contains(cookie, "; Secure") || !strings.Contains(cookie, "Path=/;") {
		t.Errorf("%d %v", r.status, r.header)
	}
	if r := p.do(get, "/parties", nil); r.status != 200 {
		t.Errorf("%d", r.status)
	}
}

// TestSessionsEnd: a session ends by itself, and there are never more than may be.
func TestSessionsEnd(t *testing.T) {
	now := testNow
	s := newSessions(2, func() time.Time { return now })
	var secrets []string
	for i, lasts := range []time.Duration{2, 1, 3} {
		secrets = append(secrets, s.begin(session{principal: Principal{Name: fmt.Sprint(i)}, ends: now.Add(lasts * time.Hour)}))
	}
	for i, want := range []bool{true, false, true} {
		if held, ok := s.find(secrets[i]); ok != want || ok && held.principal.Name != fmt.Sprint(i) {
			t.Errorf("session %d: %+v %v", i, held, ok)
		}
	}
	if _, plain := s.by[sha256.Sum256([]byte(secrets[0]))]; !plain || len(s.by) != 2 {
		t.Errorf("%d are kept", len(s.by))
	}
	now = now.Add(2 * time.Hour)
	if _, ok := s.find(secrets[0]); ok {
		t.Error("it goes on past its end")
	}
	s.begin(session{ends: now.Add(time.Hour)})
	if _, ok := s.find(secrets[2]); !ok {
		t.Error("one that goes on made room for one that had ended")
	}
}

func TestLocalPath(t *testing.T) {
	for next, want := range map[string]string{
		"/parties?lang=en": "/parties?lang=en", "/entries/a%2Fb": "/entries/a%2Fb", "": "/", "parties": "/", "//evil.example": "/", "/\\evil.example": "/",
		"https://evil.example/": "/", "javascript:alert(1)": "/", "/sign-in/provider": "/", "/a\r\nb": "/", "/%0d%0a": "/%0d%0a", "/\t/evil.example": "/",
	} {
		if got := localPath(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

// TestSignInAtProvider: the authorization code flow, and what is not one.
func TestSignInAtProvider(t *testing.T) {
	i := newIssuer(t)
	clock := func() time.Time { return testNow }
	provider, err := NewOIDC(t.Context(), OIDCOptions{Issuer: i.http.URL, Audience: "ledgerline", ClientID: "pages", ClientSecret: "s", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(o *Options) { o.Dev, o.OIDC, o.Now = false, provider, clock })
	i.claims = map[string]any{"aud": "pages", "read_parties": []string{"D01"}, "exp": testNow.Add(time.Minute).Unix()}
	begin := func(p *person) (back string) {
		r := p.do(get, "/sign-in/provider?next=/parties", nil)
		to := mustURL(t, r.header.Get("Location"))
		q := to.Query()
		if r.status != http.StatusSeeOther || q.Get("response_type") != "code" || q.Get("client_id") != "pages" || q.Get("code_challenge_method") != "S256" || q.Get("scope") != "openid profile" ||
			len(q.Get("state")) < 40 || len(q.Get("nonce")) < 40 || q.Get("redirect_uri") != f.http.URL+"/sign-in/callback" || !strings.Contains(r.header.Get("Set-Cookie"), "ledgerline-flow=") {
			t.Fatalf("%d %s", r.status, to)
		}
		r = p.do(get, to.String(), nil)
		return r.header.Get("Location")
	}
	p := newPerson(t, f.http)
	if r := p.do(get, "/sign-in", nil); !strings.Contains(string(r.body), `href="/sign-in/provider?next=`) {
		t.Errorf("the page does not offer it: %s", r.body)
	}
	back := begin(p)
	r := p.do(get, back, nil)
	if r.status != http.StatusSeeOther || r.header.Get("Location") != "/parties" {
		t.Fatalf("back: %d %s", r.status, r.body)
	}
	if r := p.do(get, "/parties", nil); r.status != 200 || !strings.Contains(string(r.body), "oidc:u1") || !strings.Contains(string(r.body), "parties D01") {
		t.Errorf("signed in: %d %s", r.status, r.body)
	}
	if r := p.do(get, back, nil); r.status != http.StatusUnauthorized {
		t.Errorf("a second time: %d", r.status)
	}
	if r := newPerson(t, f.http).do(get, begin(newPerson(t, f.http)), nil); r.status != http.StatusUnauthorized || !strings.Contains(string(r.body), "sign-in.state") {
		t.Errorf("in another browser: %d %s", r.status, r.body)
	}
	// A page is gone on to if its address leaves the cookie as long as browsers take it.
	for next, want := range map[string]string{
		"/events?text=" + strings.Repeat("x", 1500): "/events?text=" + strings.Repeat("x", 1500),
		"/events?text=" + strings.Repeat("x", 4000): "/", "/events?text=" + strings.Repeat(`"`, 1500): "/", "/events?text=" + strings.Repeat("\xff", 1000): "/",
	} {
		q := newPerson(t, f.http)
		to := q.do(get, "/sign-in/provider?next="+url.QueryEscape(next), nil).header
		back := q.do(get, to.Get("Location"), nil).header.Get("Location")
		if got := q.do(get, back, nil).header.Get("Location"); len(to.Get("Set-Cookie")) > 4096 || got != want {
			t.Errorf("%.20q of %d bytes: a cookie of %d bytes leads to %.20q", next, len(next), len(to.Get("Set-Cookie")), got)
		}
	}
	for what, claims := range map[string]map[string]any{
		"another nonce":    {"aud": "pages", "nonce": "n"},
		"another audience": {"aud": "ledgerline"},
		"expired":          {"aud": "pages", "exp": testNow.Add(-time.Minute).Unix()},
		"no role of ours":  {"aud": "pages", "roles": []string{"wiki-editor"}},
	} {
		i.claims = claims
		q := newPerson(t, f.http)
		if r := q.do(get, begin(q), nil); r.status != http.StatusUnauthorized || len(q.http.Jar.Cookies(mustURL(t, q.base))) > 0 {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	q := newPerson(t, f.http)
	back = begin(q)
	if r := q.do(get, strings.Replace(back, "code=c1", "error=access_denied", 1), nil); r.status != http.StatusTooManyRequests && r.status != http.StatusUnauthorized || !strings.Contains(string(r.body), "sign-in.r") {
		t.Errorf("refused there: %d %s", r.status, r.body)
	}
}

// TestFlowsAreSealed: a browser gives back the sign-in that this server began, or none.
func TestFlowsAreSealed(t *testing.T) {
	f := newIdleFixture(t, func(o *Options) { o.Now = func() time.Time { return testNow } })
	sealed := func(s *Server, x flow) string {
		t.Helper()
		c, err := s.sealFlow(x)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	x := flow{State: "s", Verifier: "v", Nonce: "n", Next: "/events?text=\xff\"", Lang: "en", Ends: testNow.Add(time.Second)}
	c := sealed(f.server, x)
	if got, ok := f.server.openFlow(c); !ok || got.State != "s" || got.Verifier != "v" || got.Nonce != "n" || !strings.HasPrefix(got.Next, "/events?text=") || got.Lang != "en" {
		t.Errorf("%+v %t", got, ok)
	}
	if sealed(f.server, x) == c || strings.Contains(c, "events") {
		t.Error("it is not sealed anew each time")
	}
	before := newIdleFixture(t, nil)
	over := x
	over.Ends = testNow
	for what, c := range map[string]string{"none": "", "no base64": "~", "changed": c[:8] + "AAAA" + c[12:], "cut": c[:len(c)-4], "short": "AAAA", "of a server before": sealed(before.server, x), "over": sealed(f.server, over)} {
		if _, ok := f.server.openFlow(c); ok {
			t.Errorf("a flow is taken that is %s", what)
		}
	}
}

// TestSessionOfProviderEnds: it does not outlast what the provider vouched for.
func TestSessionOfProviderEnds(t *testing.T) {
	now := testNow
	i := newIssuer(t)
	clock := func() time.Time { return now }
	provider, err := NewOIDC(t.Context(), OIDCOptions{Issuer: i.http.URL, Audience: "ledgerline", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(o *Options) { o.Dev, o.OIDC, o.Now = false, provider, clock })
	p := newPerson(t, f.http)
	if r := p.signIn(i.sign(t, map[string]any{"exp": testNow.Add(time.Minute).Unix()}), "/"); r.status != http.StatusSeeOther {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := p.do(get, "/parties", nil); r.status != 200 {
		t.Errorf("%d", r.status)
	}
	now = now.Add(time.Minute)
	if r := p.do(get, "/parties", nil); r.status != http.StatusSeeOther {
		t.Errorf("past the end of the token: %d", r.status)
	}
}

// TestSignInInBrowser signs somebody in and out in a real browser, whose page's policy
// holds all the while.
func TestSignInInBrowser(t *testing.T) {
	ctx := browser(t)
	tokens, _ := principals(t)
	bound := mint(t, tokens, Principal{Name: "bound", Roles: []Role{RoleAuditor, RoleReviewer}, ReadParties: []string{"D01"}}, time.Time{})
	f := newFixture(t, func(o *Options) { o.Tokens = tokens })
	f.tell()
	closed, err := New(Options{Ledger: f.ledger, Views: f.views, Tokens: tokens, Now: f.server.o.Now, Limits: f.server.o.Limits})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(closed)
	defer server.Close()
	complaints := attend(t, ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/parties?lang=zh-CN")); err != nil {
		t.Fatal(err)
	}
	awaitPage(t, ctx, "led to sign in", "/sign-in", `document.documentElement.lang == "zh-CN" && document.querySelector("#token")`)
	if err := chromedp.Do(ctx, chromedp.SendKeys("#token", bound+"\r")); err != nil {
		t.Fatal(err)
	}
	awaitPage(t, ctx, "signed in", "/parties", `document.querySelector(".who").innerText.includes("bound") && document.querySelector(".withheld").innerText.includes("在您的可见范围内完整") && document.cookie == ""`)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`{const form = document.querySelector('form[action="/sign-out"]'); form.querySelector("button").click(); true}`)); err != nil {
		t.Fatal(err)
	}
	awaitPage(t, ctx, "signed out", "/sign-in", `!document.querySelector('form[action="/sign-out"]')`)
	for _, c := range complaints() {
		if !strings.Contains(c, "favicon") {
			t.Errorf("the browser complains: %s", c)
		}
	}
}
