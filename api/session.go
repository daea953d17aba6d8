package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A session is somebody who signed in at a browser: what the server keeps behind a
// cookie. It ends by itself, when its holder signs out, and when the token that it
// was begun with is revoked, expires or is put in another's name. The server forgets all
// sessions when it stops.
type session struct {
	// token is what was signed in with; it is looked up again for each request, so that a
	// session never outlives what it rests on. Without an id the principal is one of the
	// identity provider, which vouched for it until ends.
	token     Token
	principal Principal
	ends      time.Time
}

// How often one address may try tokens that do not work: so many at once, then one in six
// seconds.
const (
	failuresRate  = 1.0 / 6
	failuresBurst = 10
)

// sessions are those that go on. The zero value is not usable; see newSessions.
type sessions struct {
	most int
	now  func() time.Time

	mu sync.Mutex
	by map[[sha256.Size]byte]session // by the digest of the cookie
}

func newSessions(most int, now func() time.Time) *sessions {
	return &sessions{most: most, now: now, by: make(map[[sha256.Size]byte]session)}
}

// begin keeps a session and returns its cookie's value. Where there is no room, those
// that have ended make some; else the one that ends first does.
func (s *sessions) begin(held session) string {
	secret := randomText()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.by) >= s.most {
		now := s.now()
		var first [sha256.Size]byte
		var ends time.Time
		for key, x := range s.by {
			if !now.Before(x.ends) {
				delete(s.by, key)
			} else if ends.IsZero() || x.ends.Before(ends) {
				first, ends = key, x.ends
			}
		}
		if len(s.by) >= s.most {
			delete(s.by, first)
		}
	}
	s.by[sha256.Sum256([]byte(secret))] = held
	return secret
}

// find returns the session of a cookie.
func (s *sessions) find(secret string) (session, bool) {
	key := sha256.Sum256([]byte(secret))
	s.mu.Lock()
	defer s.mu.Unlock()
	held, ok := s.by[key]
	if ok && !s.now().Before(held.ends) {
		delete(s.by, key)
		return session{}, false
	}
	return held, ok
}

func (s *sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, sha256.Sum256([]byte(secret)))
}

// randomText is a secret of 256 bits.
func randomText() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// The cookies: of a session, and of a sign-in at the provider that is under way. The
// prefix makes browsers hold to what such a cookie promises (RFC 6265bis §4.1.3.2): it is
// sent to this host alone, over TLS.
const (
	sessionCookie = "__Host-ledgerline"
	flowCookie    = "__Host-ledgerline-flow"
)

// overTLS tells whether the browser speaks TLS, to this server or to the proxy before it.
func (s *Server) overTLS(r *http.Request) bool { return r.TLS != nil || s.o.BehindProxy }

// cookieName is the name of a cookie as the browser is to keep it. Over plain HTTP, which
// is for the loopback interface alone, it bears no prefix: browsers would refuse it.
func (s *Server) cookieName(r *http.Request, name string) string {
	if s.overTLS(r) {
		return name
	}
	return strings.TrimPrefix(name, "__Host-")
}

// setCookie sets a cookie, or with no value takes it away.
func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, name, value string, lasts time.Duration) {
	c := &http.Cookie{Name: s.cookieName(r, name), Value: value, Path: "/", Secure: s.overTLS(r), HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(lasts.Seconds())}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// cookie reads a cookie; empty if there is none.
func (s *Server) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(r, name))
	if err != nil {
		return ""
	}
	return c.Value
}

// maySignIn refuses to take secrets over a connection that others can listen to.
func (s *Server) maySignIn(r *http.Request) error {
	if s.overTLS(r) || onLoopback(r.Host) {
		return nil
	}
	return problem(http.StatusForbidden, "sign-in.insecure", "nobody signs in over plain HTTP from elsewhere: the token and the session could be read on the way",
		"use https, or have the operator start the server with --tls-cert, or with --behind-proxy when a proxy speaks TLS")
}

// onLoopback tells whether a host, as the browser named it, is this machine itself.
func onLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// bySession finds who a request comes from by its cookie. A session reads, and sends the
// forms of pages; it appends nothing: that takes a token.
func (s *Server) bySession(ctx context.Context, r *http.Request) (c caller, found bool, err error) {
	secret := s.cookie(r, sessionCookie)
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if secret == "" || !reads && (strings.HasPrefix(r.URL.Path, "/v1/") || strings.HasPrefix(r.URL.Path, "/api/")) {
		return caller{}, false, nil
	}
	if !s.overTLS(r) && !onLoopback(r.Host) {
		return caller{}, false, nil
	}
	held, ok := s.sessions.find(secret)
	if !ok {
		return caller{}, false, nil
	}
	p := held.principal
	if held.token.ID != "" {
		token, known, err := s.o.Tokens.Still(held.token, s.o.Now())
		if err != nil {
			return caller{}, false, unreadableTokens(err)
		}
		if !known {
			s.sessions.end(secret)
			return caller{}, false, nil
		}
		p = token.principal()
	}
	return caller{Principal: p, authenticated: true, session: true}, true, nil
}
