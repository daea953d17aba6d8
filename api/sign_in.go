package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// People sign in at a browser with a bearer token that they paste, or at the identity
// provider (OpenID Connect, authorization code flow with PKCE). What comes of it is a
// session: see session.go.

const signInPath = "/sign-in"

type signInQuery struct {
	pageQuery
	Next string `query:"next" doc:"the page of this server to go on to"`
}

type signInPage struct {
	*page
	Next     string
	Problem  *Problem
	Provider string // whose people may sign in there; empty: there is none
	Already  bool
	Ended    bool // the browser holds the cookie of a session that is no more
}

// localPath is a path of this server to go on to, and the start page for anything else: a
// link must not lead somebody who just signed in to another site.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	if strings.HasPrefix(u.Path, signInPath) {
		return "/"
	}
	return u.RequestURI()
}

func serveSignIn(s *Server, w http.ResponseWriter, r *http.Request, q signInQuery) error {
	return s.signInPage(w, r, q.pageQuery, http.StatusOK, localPath(q.Next), nil)
}

func (s *Server) signInPage(w http.ResponseWriter, r *http.Request, q pageQuery, status int, next string, failed *Problem) error {
	p := newPage(w, r, q, "title-sign-in")
	signedIn := callOf(r).caller.authenticated
	d := signInPage{page: &p, Next: next, Problem: failed, Already: signedIn, Ended: !signedIn && failed == nil && s.cookie(r, sessionCookie) != ""}
	p.SignIn = "" // this is where
	if s.o.OIDC != nil {
		d.Provider = s.o.OIDC.signInAt()
	}
	w.Header().Set("Cache-Control", "no-store")
	return renderStatus(w, r, status, "sign_in.html", d)
}

// formSignIn takes a token that somebody pasted.
func formSignIn() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		if err := s.maySignIn(r); err != nil {
			return err
		}
		if err := r.ParseForm(); err != nil {
			return problem(http.StatusBadRequest, "body.syntax", sayf("the form cannot be read: %v", err), sayf("send it from the page %s", signInPath))
		}
		next := localPath(r.PostForm.Get("next"))
		q := pageQuery{Lang: knownLanguage(r.PostForm.Get("lang"))}
		text := strings.TrimSpace(r.PostForm.Get("token"))
		if text == "" {
			return problem(http.StatusBadRequest, "sign-in.token", "no token is given", "paste the token that an operator made for you: ledgerline token create").at("token")
		}
		held, err := s.signIn(r, text)
		if err != nil {
			return s.failedSignIn(w, r, q, next, err)
		}
		s.begin(w, r, held)
		w.Header().Set("Location", next)
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}, content{http.StatusSeeOther, "text/html", nil, "signed in: leads to next"})
	return e.reads(content{0, "application/x-www-form-urlencoded", nil, "token; next, lang"})
}

// signIn checks a token that was pasted.
func (s *Server) signIn(r *http.Request, text string) (session, error) {
	now := s.o.Now()
	ends := now.Add(s.o.Limits.SessionLength)
	c, err := s.bearer(r.Context(), text)
	if err != nil {
		return session{}, err
	}
	if strings.HasPrefix(text, tokenPrefix) && s.o.Tokens != nil {
		token, err := s.o.Tokens.Check(text, now)
		if err != nil {
			return session{}, err
		}
		return session{token: token, principal: c.Principal, ends: ends}, nil
	}
	return session{principal: c.Principal, ends: earlier(ends, c.until)}, nil
}

func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// begin begins a session. One that the browser had before ends.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, held session) {
	if old := s.cookie(r, sessionCookie); old != "" {
		s.sessions.end(old)
	}
	w.Header().Set("Cache-Control", "no-store")
	s.setCookie(w, r, sessionCookie, s.sessions.begin(held), held.ends.Sub(s.o.Now()))
	callOf(r).caller = caller{Principal: held.principal, authenticated: true, session: true} // for the log
}

// failedSignIn says on the page why somebody could not sign in. Who fails often has to
// wait; a token that is right is always taken, so that nobody can lock others out.
func (s *Server) failedSignIn(w http.ResponseWriter, r *http.Request, q pageQuery, next string, err error) error {
	said := problemOf(err)
	if said.Status == http.StatusUnauthorized {
		if busy := s.failures.take("from "+address(r), s.o.Now()); busy != nil {
			limited := problemOf(busy)
			said = problem(limited.Status, "sign-in.rate", "too many tokens were tried that do not work", "wait for the time in Retry-After, then try again").after(limited.retryAfter)
		}
	}
	if said.Status >= http.StatusInternalServerError {
		return said
	}
	if said.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(said.wait()))
	}
	callOf(r).rule = said.Rule
	s.metrics.problems.WithLabelValues(said.Rule).Inc()
	return s.signInPage(w, r, q, said.Status, next, said)
}

// formSignOut ends a session.
func formSignOut() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		if secret := s.cookie(r, sessionCookie); secret != "" {
			s.sessions.end(secret)
		}
		s.setCookie(w, r, sessionCookie, "", 0)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", signInPath)
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}, content{http.StatusSeeOther, "text/html", nil, "signed out: leads to the page to sign in"})
	return e.reads(content{0, "application/x-www-form-urlencoded", nil, "nothing"})
}

// toSignIn leads somebody at a browser, who asks for a page that needs somebody, to where
// people sign in; false if that would not help.
func (s *Server) toSignIn(rt route, w http.ResponseWriter, r *http.Request, err error) bool {
	page := len(rt.answers) > 0 && rt.answers[0].media == "text/html"
	said := problemOf(err)
	if rt.method != get || !page || said.Rule != "auth.required" || !strings.Contains(r.Header.Get("Accept"), "text/html") || s.o.Tokens == nil && s.o.OIDC == nil || s.maySignIn(r) != nil {
		return false
	}
	values := url.Values{"next": {r.URL.RequestURI()}}
	if lang := knownLanguage(r.URL.Query().Get("lang")); lang != "" {
		values.Set("lang", lang)
	}
	callOf(r).rule = said.Rule
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", withQuery(signInPath, values))
	w.WriteHeader(http.StatusSeeOther)
	return true
}

// A flow is a sign-in at the provider that is under way. The browser that began it keeps
// it, sealed, in a cookie: nobody can take up room here by beginning many.
type flow struct {
	State, Verifier, Nonce, Next, Lang string
	Ends                               time.Time
}

const (
	flowLength = 10 * time.Minute
	// longestFlow leaves room for the name and the attributes of the cookie in the 4,096
	// bytes that a browser takes of one at least (RFC 6265 §6.1).
	longestFlow = 3500
)

// newFlowSeal makes the seal of this process: a flow does not outlast it.
func newFlowSeal() (cipher.AEAD, error) {
	var key [32]byte
	rand.Read(key[:]) // never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (s *Server) sealFlow(x flow) (string, error) {
	b, err := json.Marshal(x, jsontext.AllowInvalidUTF8(true))
	return base64.RawURLEncoding.EncodeToString(s.flows.Seal(nil, nil, b, nil)), err
}

// openFlow is the flow in a cookie; false if it was not sealed by this process, or is over.
func (s *Server) openFlow(cookie string) (x flow, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return flow{}, false
	}
	b, err := s.flows.Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(b, &x) != nil {
		return flow{}, false
	}
	return x, s.o.Now().Before(x.Ends)
}

// leadToProvider begins a sign-in at the identity provider.
func leadToProvider() endpoint {
	e := endpoint{query: reflect.TypeFor[signInQuery](), answers: []content{{http.StatusSeeOther, "text/html", nil, "leads to the identity provider"}}}
	params := paramsOf(e.query)
	e.serve = func(s *Server, w http.ResponseWriter, r *http.Request) error {
		var q signInQuery
		if err := parseQuery(r, params, &q); err != nil {
			return err
		}
		if err := s.maySignIn(r); err != nil {
			return err
		}
		if s.o.OIDC == nil || s.o.OIDC.signInAt() == "" {
			return problem(http.StatusNotFound, "sign-in.provider", "people do not sign in at an identity provider here", sayf("sign in with a token: %s", signInPath))
		}
		at, err := s.o.OIDC.offers(r.Context())
		if err != nil {
			return problem(http.StatusServiceUnavailable, "auth.unavailable", saidOf(errProvider), "try again after the time in Retry-After").after(5 * time.Second).because(err)
		}
		x := flow{State: randomText(), Verifier: randomText(), Nonce: randomText(), Next: localPath(q.Next), Lang: knownLanguage(q.Lang), Ends: s.o.Now().Add(flowLength)}
		sealed, err := s.sealFlow(x)
		if len(sealed) > longestFlow { // a page of such an address is not gone on to
			x.Next = "/"
			sealed, err = s.sealFlow(x)
		}
		if err != nil {
			return err
		}
		s.setCookie(w, r, flowCookie, sealed, flowLength)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", s.o.OIDC.leadTo(at, s.callbackURL(r), x))
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	return e
}

// callbackURL is where the provider leads people back to.
func (s *Server) callbackURL(r *http.Request) string {
	if s.o.PublicURL != "" {
		return strings.TrimRight(s.o.PublicURL, "/") + signInPath + "/callback"
	}
	scheme := "http"
	if s.overTLS(r) {
		scheme = "https"
	}
	return scheme + "://" + r.Host + signInPath + "/callback"
}

type callbackQuery struct {
	Code        string `query:"code" doc:"what the provider gives for a token"`
	State       string `query:"state" doc:"which sign-in it is for"`
	Error       string `query:"error" doc:"why the provider gives none"`
	Description string `query:"error_description" doc:"the same in words"`
	Issuer      string `query:"iss" doc:"who answers (RFC 9207)"`
}

// fromProvider ends a sign-in at the identity provider. Providers add parameters of their
// own, which are left alone.
func fromProvider() endpoint {
	return endpoint{
		query: reflect.TypeFor[callbackQuery](), answers: []content{{http.StatusSeeOther, "text/html", nil, "signed in: leads to the page that was asked for"}},
		serve: func(s *Server, w http.ResponseWriter, r *http.Request) error {
			v := r.URL.Query()
			return backFromProvider(s, w, r, callbackQuery{v.Get("code"), v.Get("state"), v.Get("error"), v.Get("error_description"), v.Get("iss")})
		},
	}
}

func backFromProvider(s *Server, w http.ResponseWriter, r *http.Request, q callbackQuery) error {
	if s.o.OIDC == nil {
		return problem(http.StatusNotFound, "sign-in.provider", "people do not sign in at an identity provider here", sayf("sign in with a token: %s", signInPath))
	}
	x, ok := s.openFlow(s.cookie(r, flowCookie))
	s.setCookie(w, r, flowCookie, "", 0)
	lang := pageQuery{Lang: x.Lang}
	fail := func(err error) error { return s.failedSignIn(w, r, lang, localPath(x.Next), err) }
	if !ok || x.State != q.State { // begun in another browser, or long ago
		return fail(problem(http.StatusUnauthorized, "sign-in.state", "this sign-in was not begun here, or too long ago", "begin again"))
	}
	if q.Error != "" || q.Issuer != "" && q.Issuer != s.o.OIDC.o.Issuer {
		return fail(problem(http.StatusUnauthorized, "sign-in.refused", sayf("the identity provider did not sign you in: %s", clip(q.Error+" "+q.Description)), "try again, or ask whoever runs the provider"))
	}
	p, until, err := s.o.OIDC.redeem(r.Context(), s.callbackURL(r), q.Code, x)
	switch {
	case errors.Is(err, errProvider):
		return problem(http.StatusServiceUnavailable, "auth.unavailable", saidOf(errProvider), "try again after the time in Retry-After").after(5 * time.Second).because(err)
	case errors.Is(err, errBadToken):
		return fail(problem(http.StatusUnauthorized, "auth.token", "the identity provider's answer does not check", "begin again").because(err))
	case err != nil:
		return fail(problem(http.StatusUnauthorized, "auth.claims", saidOf(err), "have the identity provider put the claims right: docs/operating.md lists them"))
	}
	s.begin(w, r, session{principal: p, ends: earlier(s.o.Now().Add(s.o.Limits.SessionLength), until)})
	w.Header().Set("Location", localPath(x.Next))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
