package api

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The page on which somebody at a browser is told why something cannot be shown.
// Programs get problem+json: see problem.go.

// forPeople tells whether a request is somebody's at a browser, who asks for a page or
// sends a form of one. What is for programs answers as to programs there, too.
func forPeople(r *http.Request) bool {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return false
	}
	for _, programs := range []string{"/v1/", "/api/", "/log/", "/debug/"} {
		if strings.HasPrefix(r.URL.Path, programs) {
			return false
		}
	}
	return true
}

// writeProblemPage answers with a page that says what p is.
func (s *Server) writeProblemPage(w http.ResponseWriter, r *http.Request, p *Problem) error {
	out := *p
	out.Instance = instance(r)
	shared := newPage(w, r, pageQuery{Lang: knownLanguage(cmp.Or(r.URL.Query().Get("lang"), r.PostForm.Get("lang")))}, "title-problem")
	if r.Method == post { // what a form was sent to is no page
		shared.path, shared.query = "/", nil
	}
	if shared.SignIn = ""; out.Status == http.StatusUnauthorized && (s.o.Tokens != nil || s.o.OIDC != nil) {
		values := url.Values{}
		if r.Method == get {
			values.Set("next", r.URL.RequestURI())
		}
		shared.SignIn = withQuery(signInPath, values)
	}
	problemHeaders(w, &out)
	return renderStatus(w, r, out.Status, "problem.html", problemPage{&shared, &out, shared.problemText(&out), shared.Sentence(p.detail), shared.Sentence(p.fix)})
}

type problemPage struct {
	*page
	Problem     *Problem
	What        string
	Detail, Fix toldSentence
}

// Without is the parameter of the address that the problem is with; empty if it is
// with none, or with the moment, which has a link of its own.
func (p problemPage) Without() string {
	if p.Problem.Field == "as_of" || !p.query.Has(p.Problem.Field) {
		return ""
	}
	return p.Problem.Field
}

// WithoutHref is this page without that parameter.
func (p problemPage) WithoutHref() string {
	return withQuery(p.path, p.without(p.Problem.Field, "cursor"))
}

// OtherMoment tells whether the address asks for a moment.
func (p problemPage) OtherMoment() bool { return p.query.Get("as_of") != "" }

// Wait is after how many seconds to try again; 0 if that is not said.
func (p problemPage) Wait() int { return p.Problem.wait() }

// Ours tells whether it is no fault of the request.
func (p problemPage) Ours() bool { return p.Problem.Status >= http.StatusInternalServerError }

// problemText says what kind of problem it is.
func (p page) problemText(said *Problem) string {
	switch said.Status {
	case http.StatusNotFound, http.StatusGone:
		if strings.HasPrefix(said.Rule, "route.") {
			return p.texts("problem-address")
		}
		return p.texts("problem-absent")
	case http.StatusUnauthorized:
		return p.texts("problem-unknown")
	case http.StatusForbidden:
		return p.texts("problem-forbidden")
	case http.StatusTooManyRequests:
		return p.texts("problem-limit")
	case http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return p.texts("problem-too-much")
	}
	if said.Status >= http.StatusInternalServerError {
		return p.texts("problem-server")
	}
	return p.texts("problem-asked")
}

func knownLanguage(lang string) string {
	if slices.Contains(languages[:], lang) || lang == "zh" {
		return lang
	}
	return ""
}
