package api

import (
	"errors"
	"net/http"
	"strings"
)

// access says who may call a route.
type access string

const (
	accessPublic access = "public" // anybody
	accessRead   access = "read"   // the read role, or anybody with AnonymousReads or Dev
	accessWrite  access = "write"  // the write role, or anybody with Dev
	accessAdmin  access = "admin"  // the admin role, or anybody with Dev
)

// devPrincipal signs the writes of nobody in particular in development mode.
const devPrincipal = "dev"

// anonymous is the principal of those who did not authenticate.
const anonymous = "anonymous"

// caller is who is asking.
type caller struct {
	principal     string
	authenticated bool
	token         Token
}

// may reports whether the caller may use routes of that access.
func (s *Server) may(c caller, who access) bool {
	switch who {
	case accessPublic:
		return true
	case accessRead:
		return s.o.Dev || s.o.AnonymousReads || c.token.Allows(RoleRead)
	case accessAdmin:
		return c.token.Allows(RoleAdmin) || s.o.Dev && !c.authenticated
	default:
		return c.token.Allows(RoleWrite) || s.o.Dev && !c.authenticated
	}
}

// identify reads the bearer token of a request. No token is an anonymous
// caller; a token that does not work is an error even where none is needed,
// because its holder believes to be somebody.
func (s *Server) identify(r *http.Request) (caller, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		if s.o.Dev {
			return caller{principal: devPrincipal}, nil
		}
		return caller{principal: anonymous}, nil
	}
	scheme, text, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return caller{}, problem(http.StatusUnauthorized, "auth.scheme", "only bearer tokens are known here", "send Authorization: Bearer llt_…")
	}
	if s.o.Tokens == nil {
		return caller{}, problem(http.StatusUnauthorized, "auth.token", errBadToken.Error(), "this server has no tokens; make one with: ledgerline token")
	}
	tok, err := s.o.Tokens.Check(strings.TrimSpace(text), s.o.Now())
	if errors.Is(err, errBadToken) {
		return caller{}, problem(http.StatusUnauthorized, "auth.token", err.Error(), "use a token that was made with: ledgerline token")
	}
	if err != nil {
		return caller{}, problem(http.StatusServiceUnavailable, "auth.unavailable", "the tokens cannot be read at the moment", "an operator finds the reason in the server's log").because(err)
	}
	return caller{principal: tok.Principal, authenticated: true, token: tok}, nil
}

// authorize lets a request through if its caller may use the route.
func (s *Server) authorize(r *http.Request, who access) error {
	c, err := s.identify(r)
	if err != nil {
		return err
	}
	callOf(r).caller = c
	switch {
	case s.may(c, who):
		return nil
	case !c.authenticated:
		return problem(http.StatusUnauthorized, "auth.required", "this route needs a token with the role "+string(who), "send Authorization: Bearer with a token made by: ledgerline token")
	default:
		return problem(http.StatusForbidden, "auth.role", "the token lacks the role "+string(who), "use a token with the role "+string(who))
	}
}
