package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// access says who may use a route.
type access struct {
	roles []Role
	// public routes are open to anybody. Reads are with Options.PublicReads, those of
	// the log with Options.PublicLog.
	public, reads, log bool
	// files are what pages are made of. They are counted by themselves, so that a page
	// that says that somebody asks too much still looks like one.
	files bool
	// record says as what an answer is recorded, if it is.
	record recordAs
}

// recordAs says whether it is recorded that somebody got an answer, and as what.
type recordAs int

const (
	recordNothing recordAs = iota
	recordRead             // ledger.read.recorded
	recordExport           // ledger.export.made
)

// Who may use routes. Sensitive history is who touched whose data, and the content
// that stands beside the records.
var (
	anybody        = access{public: true}
	pageFiles      = access{public: true, files: true}
	everybody      = access{roles: allRoles, reads: true}
	readers        = access{roles: []Role{RoleRegistrar, RoleReviewer, RoleProvider, RoleConsumer, RoleOperator, RoleAuditor, RoleAdmin}, reads: true}
	witnesses      = access{roles: []Role{RoleReviewer, RoleProvider, RoleConsumer, RoleAuditor}, record: recordRead}
	exporters      = access{roles: []Role{RoleRegistrar, RoleReviewer, RoleProvider, RoleConsumer, RoleAuditor}, record: recordExport}
	writers        = access{roles: []Role{RoleRegistrar, RoleReviewer, RoleProvider, RoleConsumer, RoleOperator, RoleIngest}}
	logReaders     = access{roles: readers.roles, reads: true, log: true}
	mirrors        = access{roles: []Role{RoleAuditor}, log: true}
	administrators = access{roles: []Role{RoleAdmin}}
	holdReaders    = access{roles: []Role{RoleReviewer, RoleAuditor, RoleAdmin}}
	watchers       = access{roles: []Role{RoleOperator, RoleAuditor, RoleAdmin}}
)

// devPrincipal signs the writes of nobody in particular in development mode.
const devPrincipal = "dev"

// anonymous is the principal of those who did not authenticate.
const anonymous = "anonymous"

// caller is who is asking.
type caller struct {
	Principal
	authenticated bool
	// free callers may do everything: those without a token in development mode.
	free bool
	// session: it is somebody who signed in at a browser.
	session bool
	// until is when what the identity provider said ends; zero for others.
	until time.Time
	// withheld are the fields that it is kept from: see Withholding.
	withheld []string
}

// may reports whether the caller may use routes of that access.
func (s *Server) may(c caller, who access) bool {
	return who.public || c.free || who.reads && s.o.PublicReads || who.log && s.o.PublicLog || c.has(who.roles)
}

// identify reads the bearer token of a request or, without one, the cookie of a
// session. Neither is an anonymous caller; a token that does not work is an error
// even where none is needed, because its holder believes to be somebody.
func (s *Server) identify(r *http.Request) (caller, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		if c, found, err := s.bySession(r.Context(), r); found || err != nil {
			return c, err
		}
		if s.o.Dev {
			return caller{Principal: Principal{Name: s.o.DevPrincipal}, free: true}, nil
		}
		return caller{Principal: Principal{Name: anonymous}}, nil
	}
	scheme, text, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return caller{}, problem(http.StatusUnauthorized, "auth.scheme", "only bearer tokens are known here", "send Authorization: Bearer llt_…")
	}
	return s.bearer(r.Context(), strings.TrimSpace(text))
}

// bearer finds the principal of a bearer token.
func (s *Server) bearer(ctx context.Context, text string) (caller, error) {
	if s.o.OIDC != nil && !strings.HasPrefix(text, tokenPrefix) {
		p, until, err := s.o.OIDC.check(ctx, text)
		switch {
		case errors.Is(err, errProvider):
			return caller{}, problem(http.StatusServiceUnavailable, "auth.unavailable", saidOf(errProvider), "try again after the time in Retry-After").after(5 * time.Second).because(err)
		case errors.Is(err, errBadToken):
			return caller{}, problem(http.StatusUnauthorized, "auth.token", saidOf(errBadToken), "get a new token from the identity provider").because(err)
		case err != nil:
			return caller{}, problem(http.StatusUnauthorized, "auth.claims", saidOf(err), "have the identity provider put the claims right: docs/operating.md lists them")
		}
		return caller{Principal: p, authenticated: true, until: until}, nil
	}
	if s.o.Tokens == nil {
		return caller{}, problem(http.StatusUnauthorized, "auth.token", saidOf(errBadToken), "this server has no tokens; make one with: ledgerline token")
	}
	tok, err := s.o.Tokens.Check(text, s.o.Now())
	if errors.Is(err, errBadToken) {
		return caller{}, problem(http.StatusUnauthorized, "auth.token", saidOf(err), "use a token that was made with: ledgerline token")
	}
	if err != nil {
		return caller{}, unreadableTokens(err)
	}
	return caller{Principal: tok.principal(), authenticated: true}, nil
}

func unreadableTokens(err error) *Problem {
	return problem(http.StatusServiceUnavailable, "auth.unavailable", "the tokens cannot be read at the moment", "an operator finds the reason in the server's log").because(err)
}

// authorize lets a request through if its caller may use the route.
func (s *Server) authorize(r *http.Request, who access) error {
	c, err := s.identify(r)
	if !c.free {
		from := c.Name
		if !c.authenticated {
			from = "from " + address(r)
		}
		if who.files {
			from = "files " + from
		}
		if busy := s.rates.take(from, s.o.Now()); busy != nil {
			return busy
		}
	}
	if err != nil {
		return err
	}
	c.withheld = s.o.Withhold.from(c)
	callOf(r).caller = c
	return s.allow(c, who)
}

// still finds out again who asks, of a request that goes on for long: a token that was
// revoked meanwhile, or may read less, counts as it is now.
func (s *Server) still(r *http.Request, who access) (caller, error) {
	c := callOf(r).caller
	if !c.until.IsZero() { // the identity provider said until when
		if s.o.Now().Before(c.until) {
			return c, nil
		}
		return c, problem(http.StatusUnauthorized, "auth.token", "the token has expired meanwhile", "get a new one from the identity provider, and go on from where you were")
	}
	c, err := s.identify(r)
	if err != nil {
		return c, err
	}
	c.withheld = s.o.Withhold.from(c)
	callOf(r).caller = c
	return c, s.allow(c, who)
}

// allow refuses a caller who may not use routes of that access.
func (s *Server) allow(c caller, who access) error {
	switch {
	case s.may(c, who):
		return nil
	case !c.authenticated:
		return problem(http.StatusUnauthorized, "auth.required", sayf("this route needs a token with one of the roles %s", roleNames(who.roles)), "send Authorization: Bearer with a token made by: ledgerline token")
	default:
		return problem(http.StatusForbidden, "auth.role", sayf("%s holds none of the roles %s", c.Name, roleNames(who.roles)), "use a token with one of them")
	}
}

// says is who may, in words.
func (a access) says(names func([]Role) string) phrase {
	switch {
	case a.public:
		return sayf("Open to anybody.")
	case len(a.roles) == len(allRoles):
		return sayf("Needs a token, of any role.")
	}
	return sayf("Needs one of the roles %s.", names(a.roles))
}
