package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"ledgerline/events"
)

// RoleAnonymous stands for those without a token where roles are kept from fields. Nobody
// can be given it.
const RoleAnonymous Role = anonymous

// Withholding says from which fields of events the holders of a role are kept, by role;
// under RoleAnonymous, from which those without a token.
type Withholding map[Role][]string

// check refuses roles and fields that there are not.
func (w Withholding) check() error {
	for role, fields := range w {
		if _, err := ParseRole(string(role)); err != nil && role != RoleAnonymous {
			return err
		}
		if err := events.CheckWithheld(fields); err != nil {
			return err
		}
	}
	return nil
}

// fieldQuestion is what others asked, as it was recorded. It may hold what a field holds,
// and goes along with any field that somebody is kept from.
const fieldQuestion = "question"

// from lists the fields that a caller is kept from: its own, and those of each of its
// roles.
func (w Withholding) from(c caller) []string {
	if c.free {
		return nil
	}
	out := slices.Clone(c.Withhold)
	for _, role := range c.Roles {
		out = append(out, w[role]...)
	}
	if !c.authenticated {
		out = append(out, w[RoleAnonymous]...)
	}
	if len(out) > 0 {
		out = append(out, fieldQuestion)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// keptFrom tells whether the caller of a request is kept from a field.
func keptFrom(r *http.Request, field string) bool {
	return slices.Contains(callOf(r).caller.withheld, field)
}

// encodeFor writes an event for the caller of a request, less the fields that it is kept
// from, which are named.
func encodeFor(r *http.Request, e events.Event) (text []byte, withheld []string, err error) {
	return events.EncodeWithout(e, callOf(r).caller.withheld)
}

// bearers tells which of some records bear, in the bytes that were hashed, a field that
// the caller of a request is kept from. Such a body is shown whole or not at all.
func (s *Server) bearers(ctx context.Context, r *http.Request, positions ...int64) (map[int64]bool, error) {
	fields := callOf(r).caller.withheld
	if len(fields) == 0 {
		return nil, nil
	}
	out := map[int64]bool{}
	for _, at := range positions {
		e, err := s.o.Ledger.Get(ctx, at)
		if err != nil {
			return nil, err
		}
		bears, err := e.Event.Bears(fields)
		if err != nil {
			return nil, err
		}
		if bears {
			out[at] = true
		}
	}
	return out, nil
}

// unseenBodies tells of which records the caller of a request may not see the bytes: they
// lie outside its scope, or bear a field that it is kept from.
func (s *Server) unseenBodies(r *http.Request, positions ...int64) (map[int64]bool, error) {
	hidden, err := s.hiddenFrom(r, positions...)
	if err != nil {
		return nil, err
	}
	bears, err := s.bearers(r.Context(), r, positions...)
	if hidden == nil {
		return bears, err
	}
	maps.Copy(hidden, bears)
	return hidden, err
}

// showBody refuses the bytes of a record that bears a field from which the caller of a
// request is kept.
func (s *Server) showBody(r *http.Request, position int64) error {
	bears, err := s.bearers(r.Context(), r, position)
	if err == nil && bears[position] {
		err = withheldField(r, "position")
	}
	return err
}

func withheldField(r *http.Request, field string) *Problem {
	c := callOf(r).caller
	return problem(http.StatusForbidden, "field.withheld", sayf("%s is kept from the fields %s", c.Name, strings.Join(c.withheld, ", ")),
		"read the record at /v1/events/{position}, which leaves them out, or use the token of somebody who may see them").at(field)
}
