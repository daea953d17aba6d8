package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"

	"github.com/go-json-experiment/json"
)

// A Problem is the one form in which this API says no: an RFC 9457 problem
// details object. Type and Rule are stable and meant for programs; Detail and
// Fix are meant for the person who has to do something about it.
type Problem struct {
	// Type is "urn:ledgerline:problem:" followed by Rule.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitzero"`
	// Instance names the request, for finding it in the server's log.
	Instance string `json:"instance,omitzero"`
	// Rule identifies what was broken, such as "agreement.items-granted".
	Rule string `json:"rule"`
	// Field is the JSON pointer of the offending field, or the name of the
	// offending query parameter or header.
	Field string `json:"field,omitzero"`
	// Subject and State are what the rule looked at, if it looked at a state.
	Subject *events.Subject `json:"subject,omitzero"`
	State   string          `json:"state,omitzero"`
	// Index is the place of the refused event in its batch or stream, from 0.
	Index *int `json:"index,omitzero"`
	// LastProvable is, when the store is damaged, the last position that can
	// still be proven.
	LastProvable *int64 `json:"last_provable,omitzero"`
	// Fix says what would be accepted, or what to do next.
	Fix string `json:"fix,omitzero"`

	// detail and fix are what Detail and Fix are made of.
	detail, fix phrase
	retryAfter  time.Duration
	// cause is logged and never sent.
	cause error
}

const problemPrefix = "urn:ledgerline:problem:"

func (p *Problem) Error() string {
	if p.cause != nil {
		return fmt.Sprintf("%s: %s: %v", p.Rule, p.Detail, p.cause)
	}
	return p.Rule + ": " + p.Detail
}

func (p *Problem) Unwrap() error { return p.cause }

// problem makes a problem. Detail and fix are constant, or what sayf makes, so that
// pages can say them in their language: see phrase.
func problem[D, F sentence](status int, rule string, detail D, fix F) *Problem {
	p := &Problem{Type: problemPrefix + rule, Title: http.StatusText(status), Status: status, Rule: rule, detail: phraseOf(detail), fix: phraseOf(fix)}
	p.Detail, p.Fix = p.detail.Error(), p.fix.Error()
	return p
}

// Said and Fixed are Detail and Fix, for pages to say in their language.
func (p *Problem) Said() phrase  { return p.detail }
func (p *Problem) Fixed() phrase { return p.fix }

// at names the field that is to blame.
func (p *Problem) at(field string) *Problem { p.Field = field; return p }

// because keeps the error behind the problem for the log.
func (p *Problem) because(err error) *Problem { p.cause = err; return p }

// after tells the client when to come back.
func (p *Problem) after(d time.Duration) *Problem { p.retryAfter = d; return p }

// refusalStatus is how the classes of refusals read in HTTP.
var refusalStatus = map[events.Class]int{
	events.Malformed: http.StatusBadRequest,
	events.Illegal:   http.StatusConflict,
	events.Stale:     http.StatusPreconditionFailed,
	events.Conflict:  http.StatusConflict,
	events.TooLarge:  http.StatusRequestEntityTooLarge,
	events.Forbidden: http.StatusForbidden,
}

// problemOf is the one table from errors to what a client is told. What it does
// not know is a fault of ours: 500, logged in full and shown as nothing.
func problemOf(err error) *Problem {
	var (
		p          *Problem
		refusal    *events.Refusal
		damage     *ledger.DamageError
		position   *ledger.PositionError
		future     *ledger.FutureError
		clock      *ledger.ClockError
		notApplied *projections.NotAppliedError
		loading    *projections.LoadingError
		unknown    *projections.UnknownNodeError
		question   *projections.QueryError
		cursor     *projections.CursorError
		cost       *projections.CostError
		field      *projections.FieldError
		tooLong    *http.MaxBytesError
		proofSize  *ledger.ProofSizeError
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &refusal):
		return refused(refusal)
	case errors.As(err, &position):
		return problem(http.StatusNotFound, "position.unknown", saidOf(err), sayf("ask for a position from 0 to %d", position.Head))
	case errors.As(err, &future):
		return problem(http.StatusBadRequest, "time.future", saidOf(err), "ask for a time that has passed: what will be known then cannot be known now")
	case errors.As(err, &notApplied):
		return problem(http.StatusServiceUnavailable, "views.behind", saidOf(err), "try again: the views are catching up with the book").after(time.Second)
	case errors.As(err, &loading):
		return problem(http.StatusServiceUnavailable, "views.loading", saidOf(err), "try again: /readyz and /v1/status tell how far it is").after(time.Second)
	case errors.As(err, &question):
		return problem(http.StatusBadRequest, "query.contradiction", saidOf(err), "see /docs for the parameters that go together").at(question.Field)
	case errors.As(err, &field):
		return problem(http.StatusForbidden, "field.withheld", saidOf(err), "ask by another field, or use the token of somebody who may see this one").at(field.Field)
	case errors.As(err, &cost):
		return problem(http.StatusUnprocessableEntity, "query.cost", saidOf(err), "ask for less: a shorter window, a filter that fits fewer records, fewer steps (depth), or a part at a time; the operator's bound is limit.query-cost")
	case errors.As(err, &unknown):
		return unknownNode(unknown)
	case errors.As(err, &cursor):
		return foreignCursor("the cursor is not one of this list")
	case errors.As(err, &tooLong):
		return problem(http.StatusRequestEntityTooLarge, "body.too-large", sayf("the body is longer than %d bytes", tooLong.Limit), "send fewer events at a time, or a stream (application/x-ndjson)")
	case errors.Is(err, ledger.ErrOverloaded):
		return problem(http.StatusServiceUnavailable, "ledger.overloaded", "more events are waiting to be written than the ledger holds in its queue", "send again after the time in Retry-After: an event that was written after all will get its old receipt").after(time.Second)
	case errors.Is(err, errViewsFarBehind):
		return problem(http.StatusServiceUnavailable, "views.far-behind", "what was recorded already is not visible yet in more records than the server allows", "send again after the time in Retry-After; nothing was recorded").after(time.Second)
	case errors.As(err, &proofSize):
		return problem(http.StatusUnprocessableEntity, "proof.too-many-records", saidOf(err), "narrow the window with from and to, or ask for a rarer name")
	case errors.Is(err, ledger.ErrNoCommitment):
		return problem(http.StatusNotFound, "commit.unknown", saidOf(err), "take the position of an event of the type ledger.index.committed, or give as_of").at("commit")
	case errors.Is(err, ledger.ErrNoIndex):
		return problem(http.StatusServiceUnavailable, "index.none", saidOf(err), "try again when the index has been taken up; see index in /v1/status").after(time.Second)
	case errors.Is(err, ledger.ErrClosed):
		return problem(http.StatusServiceUnavailable, "ledger.closing", "the ledger is being closed", "send again when it is back: an event that was written after all will get its old receipt").after(5 * time.Second)
	case errors.As(err, &clock):
		return problem(http.StatusServiceUnavailable, "ledger.clock", saidOf(err), "an operator has to set the clock right, or confirm it when opening the ledger").after(time.Minute)
	case errors.As(err, &damage):
		q := problem(http.StatusInternalServerError, "ledger.damaged", damage.What, damage.Fix).because(err)
		last := damage.LastProvable
		q.LastProvable = &last
		return q
	case errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusGatewayTimeout, "request.timeout", "the answer was not ready within the time allowed", "narrow the question, or try again").after(time.Second).because(err)
	case errors.Is(err, context.Canceled):
		return problem(http.StatusRequestTimeout, "request.canceled", "the client left before its answer was ready", "try again, and wait for the answer").because(err)
	}
	return problem(http.StatusInternalServerError, "internal", "the server could not answer; the reason is in its log under this instance", "try again; if it stays, tell the operator the instance").because(err)
}

func refused(r *events.Refusal) *Problem {
	p := problem(refusalStatus[r.Class], r.Rule, r.Detail, r.Fix).at(r.Field)
	if r.Subject != (events.Subject{}) {
		sub := r.Subject
		p.Subject = &sub
	}
	p.State = r.State
	index := r.Index
	p.Index = &index
	return p
}

// writeProblem answers with p. The body is made before the first byte is sent.
func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	out := *p
	out.Instance = instance(r)
	body, err := json.Marshal(&out)
	if err != nil { // a state or a detail that is not UTF-8
		body = []byte(`{"type":"` + problemPrefix + `internal","title":"Internal Server Error","status":500,"rule":"internal"}`)
		out.Status = http.StatusInternalServerError
	}
	problemHeaders(w, &out)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(out.Status)
	if r.Method != http.MethodHead {
		w.Write(append(body, '\n')) // an error here means the client is gone
	}
}

// problemHeaders sets what every answer that is a problem has, whatever its form.
func problemHeaders(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")
	if wait := p.wait(); wait > 0 {
		h.Set("Retry-After", strconv.Itoa(wait))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="ledgerline"`)
	}
}

// wait is after how many seconds the client should come back; 0: that is not said.
func (p *Problem) wait() int {
	if p.retryAfter <= 0 {
		return 0
	}
	return int(max(1, p.retryAfter/time.Second))
}
