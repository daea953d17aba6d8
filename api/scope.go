package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"ledgerline/projections"
)

// scoping says what a route gives a caller whose right to read is bound to parties or
// regions.
type scoping int

const (
	// scopeRefused: nothing. What it tells cannot be cut to what the caller may see.
	scopeRefused scoping = iota
	// scopeFiltered: what lies within the scope; what is withheld is counted.
	scopeFiltered
	// scopeNeutral: the same as others get. It tells nothing of any party.
	scopeNeutral
)

// scope is what the caller may read. It is the one place that says so: answers are made
// from a view within it, and what is read from the book is held to it.
func (c caller) scope() projections.Scope {
	return projections.Scope{Parties: c.ReadParties, Regions: c.ReadRegions, Fields: c.withheld}
}

// withinScope refuses a route that tells what cannot be cut to the caller's scope.
func (s *Server) withinScope(rt route, c caller) error {
	if rt.who.public || rt.scoping != scopeRefused || c.scope().EveryRecord() {
		return nil
	}
	return problem(http.StatusForbidden, "scope.unsupported", sayf("%s may read about %s; what this route tells cannot be cut to that", c.Name, sayScope(c.scope())),
		"use the token of somebody who may read everything")
}

// sayScope is a scope in words.
func sayScope(s projections.Scope) string {
	var parts []string
	if len(s.Parties) > 0 {
		parts = append(parts, "parties "+strings.Join(s.Parties, ", "))
	}
	if len(s.Regions) > 0 {
		parts = append(parts, "regions "+strings.Join(s.Regions, ", "))
	}
	if len(s.Fields) > 0 {
		parts = append(parts, "no fields "+strings.Join(s.Fields, ", "))
	}
	return strings.Join(parts, " and ")
}

// withhold notes how much is withheld, and says so.
func (st *Standing) withhold(n int64) {
	st.Withheld = &n
	what := "complete for"
	if !st.Complete {
		what = "a part of"
	}
	st.Says = fmt.Sprintf("%s what you may see, %d withheld", what, n)
}

// hiddenFrom tells which of some records, all of which are in the book, the caller of a
// request may not see, as far as is known now.
func (s *Server) hiddenFrom(r *http.Request, positions ...int64) (hidden map[int64]bool, err error) {
	scope := callOf(r).caller.scope()
	if scope.EveryRecord() || len(positions) == 0 {
		return nil, nil
	}
	view, err := s.viewAt(r.Context(), max(s.o.Views.Applied(), slices.Max(positions)))
	if err != nil {
		return nil, err
	}
	hidden, err = view.Within(scope).Hidden(r.Context(), positions...)
	return hidden, joinClose(err, view)
}

// showRecord refuses a record that the caller may not see. That there is one at the
// position is no secret.
func (s *Server) showRecord(r *http.Request, position int64) error {
	hidden, err := s.hiddenFrom(r, position)
	if err == nil && hidden[position] {
		err = outsideScope(r, position)
	}
	return err
}

func outsideScope(r *http.Request, position int64) *Problem {
	c := callOf(r).caller
	return problem(http.StatusForbidden, "scope.outside", sayf("the record at position %d lies outside what %s may see: %s", position, c.Name, sayScope(c.scope())),
		"ask for another record, or use the token of somebody who may see this one")
}
