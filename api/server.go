// Package api serves a ledger over HTTP: appending, questions as of any past
// moment, proofs, the C2SP log, OpenLineage, and pages for people.
//
// Where to read next: routes.go (everything the server answers, one table),
// endpoint.go (how a function becomes a route), answer.go (as of when, and how
// complete), problem.go (how it says no), append.go and ndjson.go (writing).
package api

import (
	"cmp"
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"ledgerline/api/relay"
	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/ledger/notary"
	"ledgerline/projections"
	"ledgerline/projections/scheduler"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"go.opentelemetry.io/otel/trace"
)

// Options of a server. Ledger and Views are required; the rest may be zero.
type Options struct {
	Ledger *ledger.Ledger
	Views  *projections.Views
	Logger *slog.Logger // nil: discards
	// Notary has heads attested by outsiders; nil: nobody attests.
	Notary *notary.Notary
	// Tokens are the bearer tokens; nil: there are none.
	Tokens *Tokens
	// Dev lets anybody do everything, under the principal DevPrincipal, "dev" by
	// default.
	Dev          bool
	DevPrincipal string
	// OIDC takes the tokens of an identity provider; nil: there is none.
	OIDC *OIDC
	// UnrecordedReads leaves out the records of who read sensitive history and who took
	// files out, which nobody does in development mode.
	UnrecordedReads bool
	// BehindProxy says that a proxy speaks TLS with browsers, and this server with it.
	// PublicURL is how browsers reach the server, where a request does not tell: the
	// identity provider leads people back there.
	BehindProxy bool
	PublicURL   string
	// PublicReads lets anybody read, save for sensitive history; PublicLog lets
	// anybody mirror the log, leaves included.
	PublicReads, PublicLog bool
	// CertificateExpires tells when the certificate does that the server is reached with;
	// zero if there is none, nil likewise.
	CertificateExpires func() time.Time
	// Withhold says from which fields the holders of roles are kept.
	Withhold Withholding
	// StrictOpenLineage refuses OpenLineage events that do not conform to the
	// specification, instead of recording them with the verdict.
	StrictOpenLineage bool
	// Relays tells how the ways to brokers and webhooks are doing; nil: there are none.
	Relays func() []relay.Progress
	// Tracer makes spans of requests and appends; nil: nothing is traced.
	Tracer trace.Tracer
	// Version is the program's, for /v1/status.
	Version string
	Now     func() time.Time // nil: the system clock
	Limits  Limits
	// Append records events in the place of Ledger.Append, if not nil: a benchmark
	// takes the store away to measure the rest.
	Append func(context.Context, ...events.Event) ([]ledger.Receipt, error)
}

// Server answers HTTP for one ledger. It is an http.Handler.
type Server struct {
	o       Options
	handler http.Handler
	metrics *metrics
	due     *scheduler.Scheduler
	writes  chan struct{} // a slot per append under way
	reads   chan struct{} // a slot per other answer
	held    holding
	// congestion refuses those who would wait too long for a processor.
	congestion *congestion
	// pace is that at which requests are answered, refused whom it sends away.
	pace    paced
	refused turns
	rates   *rates
	// Of people who sign in: sessions, the seal of sign-ins at the provider under way, and
	// who tried tokens that do not work.
	sessions *sessions
	flows    cipher.AEAD
	failures *rates
	// Of streams: who follows, and who sends lines.
	followers, senders *places
	started            events.Time

	packLabels keptLabels
	history    history

	stop chan struct{} // closed when the server is to drain
	// following counts what Drain waits for: followers and streamed appends. The
	// mutex keeps them from beginning while it waits.
	mu        sync.Mutex
	stopping  bool
	following sync.WaitGroup
}

// New makes a server.
func New(o Options) (*Server, error) {
	if o.Ledger == nil || o.Views == nil {
		return nil, errors.New("making a server: it needs a ledger and its views")
	}
	if err := o.Withhold.check(); err != nil {
		return nil, fmt.Errorf("making a server: withhold: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Relays == nil {
		o.Relays = func() []relay.Progress { return nil }
	}
	if o.Append == nil {
		o.Append = o.Ledger.Append
	}
	o.DevPrincipal = cmp.Or(o.DevPrincipal, devPrincipal)
	o.Limits = o.Limits.withDefaults()
	s := &Server{
		o: o, stop: make(chan struct{}), started: events.TimeOf(o.Now()),
		writes: make(chan struct{}, o.Limits.ConcurrentWrites), followers: newPlaces(o.Limits.StreamClients), senders: newPlaces(o.Limits.StreamClients),
		reads: make(chan struct{}, o.Limits.ConcurrentReads), held: holding{most: o.Limits.HeldBytes}, rates: newRates(o.Limits), congestion: newCongestion(o.Limits),
	}
	s.sessions = newSessions(o.Limits.Sessions, o.Now)
	var err error
	if s.flows, err = newFlowSeal(); err != nil {
		return nil, err
	}
	s.failures = newRates(Limits{Rate: failuresRate, Burst: failuresBurst})
	s.due = scheduler.New(o.Ledger, o.Views, o.Logger)
	s.metrics = newMetrics(s)
	s.handler = s.router()
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Drain ends the streams, which otherwise would keep an http.Server from shutting
// down, and waits for them until ctx ends. Followers can resume where they were;
// a streamed append ends between two commits and says so. Call it before
// http.Server.Shutdown.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	if !s.stopping {
		s.stopping = true
		close(s.stop)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.following.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// follow counts a stream that Drain has to wait for, unless the server is
// draining already.
func (s *Server) follow() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return problem(http.StatusServiceUnavailable, "server.stopping", "the server is being stopped", "connect again when it is back").after(5 * time.Second)
	}
	s.following.Add(1)
	return nil
}

func (s *Server) router() http.Handler {
	m := chi.NewRouter()
	m.Use(withCall, s.observe, s.recoverPanics, securityHeaders, s.bound, s.sameOrigin, s.bodies, middleware.GetHead)
	for _, rt := range routes() {
		h := s.handle(rt)
		if !rt.stream {
			h = s.timeout(h)
		}
		m.Method(rt.method, rt.path, h)
		if strings.HasPrefix(rt.path, openLineagePath) {
			m.Method(rt.method, rt.path+"/", h) // some OpenLineage clients end the path so
		}
	}
	m.NotFound(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, problem(http.StatusNotFound, "route.unknown", "there is nothing at this path", "see /docs for what there is"))
	})
	m.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, problem(http.StatusMethodNotAllowed, "route.method", sayf("this path does not take %s", clip(r.Method)), "see the Allow header and /docs"))
	})
	return m
}

// handle makes an http.Handler of a route: who may, then the endpoint, then the
// one place where errors become answers.
func (s *Server) handle(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !rt.who.public && !rt.always {
			leave, err := s.congestion.enter(time.Now())
			if err != nil {
				s.fail(w, r, err)
				return
			}
			if rt.stream && r.Method == http.MethodGet { // it mostly sleeps
				leave()
			} else {
				defer leave()
			}
		}
		err := forSenders(rt, s.authorize(r, rt.who))
		if err == nil {
			err = s.withinScope(rt, callOf(r).caller)
		}
		if err == nil {
			err = s.serve(rt, w, r)
		}
		if err == nil {
			s.pace.done()
		} else if !s.toSignIn(rt, w, r, err) {
			s.fail(w, r, err)
		}
	})
}

// serve answers when there is room. Who appends takes a place of its own, and so does
// who follows; signs of life are always given.
func (s *Server) serve(rt route, w http.ResponseWriter, r *http.Request) error {
	if !rt.stream && !rt.appends && !rt.who.public && !rt.always {
		release, err := s.readSlot()
		if err != nil {
			return err
		}
		defer release()
	}
	if rt.stream && r.Method == http.MethodGet { // what reads lines bounds each of its reads
		if err := deadlines(w, time.Time{}, time.Time{}); err != nil {
			return err
		}
	}
	if rt.who.record != recordNothing && !s.o.UnrecordedReads && !callOf(r).caller.free {
		return s.recording(rt, w, r)
	}
	return rt.serve(s, w, r)
}

// fail answers with the problem that err is: to somebody at a browser in a page.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.inTurn(problemOf(err))
	callOf(r).rule = p.Rule
	if p.Status >= http.StatusInternalServerError { // what is wrong with a request may quote it
		callOf(r).err = err
	}
	s.metrics.problems.WithLabelValues(p.Rule).Inc()
	if forPeople(r) {
		err := s.writeProblemPage(w, r, p)
		if err == nil {
			return
		}
		callOf(r).err = err // nothing was sent yet
	}
	writeProblem(w, r, p)
}

// inTurn has clients whose requests cannot be answered now come back one after the other.
func (s *Server) inTurn(p *Problem) *Problem {
	if p.retryAfter <= 0 || p.Status < http.StatusInternalServerError || p.Rule == "limit.rate" { // who sends too much has turns already
		return p
	}
	now, q := time.Now(), *p
	return q.after(p.retryAfter - time.Second + s.refused.next(now, s.pace.at(now)))
}
