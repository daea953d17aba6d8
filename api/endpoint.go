package api

import (
	"errors"
	"net/http"
	"reflect"
)

// A route is one line of the table of routes: what the router serves and what
// the API description says, from one place.
type route struct {
	method, path, summary string
	who                   access
	endpoint
	// example is a query or a body to try it with.
	example string
}

// An endpoint is a handler with all that is known about its shape.
type endpoint struct {
	query   reflect.Type // struct of query parameters; nil: it takes none
	accepts []content    // bodies it reads
	answers []content    // what it answers when all is well
	// stream marks endpoints that go on for as long as the client wishes.
	stream bool
	// remade marks endpoints whose answer is too long to be kept back until its digest is
	// recorded: they make it twice, and call the record of the call in between.
	remade bool
	// appends marks endpoints that take a place among those who append.
	appends bool
	// always marks endpoints that tell how the server is doing.
	always bool
	// scoping is what a caller with a scope gets.
	scoping scoping
	serve   func(s *Server, w http.ResponseWriter, r *http.Request) error
}

// content is a body of one media type.
type content struct {
	status int // of an answer
	media  string
	schema reflect.Type // nil: text or bytes that JSON Schema does not describe
	doc    string
}

// timed is a query about the views: one that says as of when.
type timed interface{ when() reading }

// paged is a query that may continue a list.
type paged interface{ cursor() string }

// viewed makes an endpoint of a function that answers from the views as of one
// position. The shape of query and answer are those of its types.
func viewed[Q timed, R any](answerOf func(*question, Q) (R, error)) endpoint {
	t := reflect.TypeFor[Q]()
	params := paramsOf(t)
	return endpoint{
		query:   t,
		answers: []content{{http.StatusOK, "application/json", reflect.TypeFor[answer[R]](), ""}},
		scoping: scopeFiltered, // ask gives a view that is bound to the caller's scope
		serve: func(s *Server, w http.ResponseWriter, r *http.Request) (err error) {
			var q Q
			if err := parseQuery(r, params, &q); err != nil {
				return err
			}
			cursor := ""
			if p, ok := any(q).(paged); ok {
				cursor = p.cursor()
			}
			c, err := s.ask(w, r, q.when(), cursor)
			if err != nil {
				return err
			}
			result, err := answerOf(c, q)
			standing := c.standing()
			if err := errors.Join(err, c.close()); err != nil {
				return err
			}
			return writeJSON(w, r, http.StatusOK, answer[R]{standing, result})
		},
	}
}

// direct makes an endpoint of a function that answers with JSON from the book.
func direct[Q, R any](answerOf func(*Server, *http.Request, Q) (R, error)) endpoint {
	t := reflect.TypeFor[Q]()
	params := paramsOf(t)
	return endpoint{
		query:   t,
		answers: []content{{http.StatusOK, "application/json", reflect.TypeFor[R](), ""}},
		serve: func(s *Server, w http.ResponseWriter, r *http.Request) error {
			var q Q
			if err := parseQuery(r, params, &q); err != nil {
				return err
			}
			result, err := answerOf(s, r, q)
			if err != nil {
				return err
			}
			return writeJSON(w, r, http.StatusOK, result)
		},
	}
}

// raw makes an endpoint of a handler that writes its answer itself.
func raw[Q any](serve func(*Server, http.ResponseWriter, *http.Request, Q) error, answers ...content) endpoint {
	t := reflect.TypeFor[Q]()
	params := paramsOf(t)
	return endpoint{
		query:   t,
		answers: answers,
		serve: func(s *Server, w http.ResponseWriter, r *http.Request) error {
			var q Q
			if err := parseQuery(r, params, &q); err != nil {
				return err
			}
			return serve(s, w, r, q)
		},
	}
}

// reads says which bodies an endpoint reads.
func (e endpoint) reads(accepts ...content) endpoint { e.accepts = accepts; return e }

// streams marks an endpoint that goes on for as long as the client wishes.
func (e endpoint) streams() endpoint { e.stream = true; return e }

// twice marks an endpoint that makes its answer twice.
func (e endpoint) twice() endpoint { e.remade = true; return e }

// writes marks an endpoint that appends.
func (e endpoint) writes() endpoint { e.appends = true; return e }

// watches marks an endpoint that tells how the server is doing: it is answered however
// many others ask, as those are that are open to anybody.
func (e endpoint) watches() endpoint { e.always = true; return e }

// filters marks an endpoint that gives callers what lies within their scope.
func (e endpoint) filters() endpoint { e.scoping = scopeFiltered; return e }

// neutral marks an endpoint that tells nothing of any party.
func (e endpoint) neutral() endpoint { e.scoping = scopeNeutral; return e }

// none is the query of routes that take no parameters.
type none struct{}
