package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"

	"github.com/go-chi/chi/v5"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Standing says what an answer speaks for. Every answer to a question carries
// it: a list is never silently cut.
type Standing struct {
	// Position is the last record the answer takes into account, and Time when
	// the ledger recorded it. Position is -1, without a time, before the first.
	Position int64       `json:"position"`
	Time     events.Time `json:"time,omitzero"`
	// CheckpointSize is the number of records under the published checkpoint. A
	// position below it can be proven against /log/checkpoint.
	CheckpointSize int64 `json:"checkpoint_size"`
	// Complete is false if there is more than the answer holds; LimitsHit then
	// says why.
	Complete  bool     `json:"complete"`
	LimitsHit []string `json:"limits_hit"`
	// Withheld counts what belongs to the answer, or to this part of a list, and is left
	// out because the caller may not see it. It is there for callers whose right to read is
	// bound, and where content is withheld. Says puts it in words.
	Withheld *int64 `json:"withheld,omitzero"`
	Says     string `json:"says,omitzero"`
	// Basis is there if the answer was asked to be proven complete.
	Basis *Basis `json:"basis,omitzero"`
}

// answer is the form of every JSON answer to a question: the members of the
// result beside "ledger".
type answer[R any] struct {
	Ledger Standing `json:"ledger"`
	Result R        `json:",embed"`
}

// reading is what every question about the views can be asked with.
type reading struct {
	AsOf  Moment `query:"as_of" doc:"answer with what the ledger knew then: a position, or an RFC 3339 time. Default: all the views have applied"`
	After *int64 `query:"after" doc:"wait until the views have applied this position, to read what was just written" min:"0"`
}

func (q reading) when() reading { return q }

// paging is what every list can be asked with.
type paging struct {
	Limit  int    `query:"limit" doc:"most rows to return" default:"100" min:"1" max:"1000"`
	Cursor string `query:"cursor" doc:"the next member of the answer before: continues it, at the position it spoke for"`
}

func (p paging) cursor() string { return p.Cursor }

// A question is a request to the views as of one position.
type question struct {
	s    *Server
	r    *http.Request
	w    http.ResponseWriter
	ctx  context.Context
	view *projections.View
	// inner is the views' own cursor out of the one the client sent.
	inner     string
	limitsHit []string
	basis     *Basis // set if the answer was proven complete
}

// ask opens the views at the moment a request asks about. The question must be
// closed.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, q reading, cursor string) (*question, error) {
	c := &question{s: s, w: w, r: r, ctx: r.Context()}
	if q.After != nil {
		if err := s.waitApplied(c.ctx, *q.After); err != nil {
			return nil, err
		}
	}
	at := s.o.Views.Applied()
	if q.AsOf.given {
		var err error
		if at, err = s.resolve(c.ctx, q.AsOf, "as_of"); err != nil {
			return nil, err
		}
	}
	if cursor != "" {
		position, inner, err := openCursor(r, callOf(r).caller.scope(), cursor)
		if err != nil {
			return nil, err
		}
		if q.AsOf.given && position != at {
			return nil, problem(http.StatusBadRequest, "cursor.position", sayf("the cursor continues an answer as of position %d, not %d", position, at), "leave as_of out, or leave the cursor out").at("cursor")
		}
		at, c.inner = position, inner
	}
	view, err := s.viewAt(c.ctx, at)
	if err != nil {
		return nil, err
	}
	c.view = view.Within(callOf(r).caller.scope())
	return c, nil
}

func (c *question) close() error { return c.view.Close() }

// resolve turns a moment into a position of the book.
func (s *Server) resolve(ctx context.Context, m Moment, field string) (int64, error) {
	if !m.byTime {
		if last := s.o.Ledger.Head().Size - 1; m.position > last {
			return 0, problem(http.StatusNotFound, "position.unknown", sayf("there is no position %d yet", m.position), sayf("the last one is %d", last)).at(field)
		}
		return m.position, nil
	}
	at, err := s.o.Ledger.PositionAt(ctx, m.time)
	if err != nil {
		return 0, problemOf(err).at(field)
	}
	if at < 0 {
		return 0, problem(http.StatusNotFound, "time.before-ledger", sayf("at %s this ledger had not begun", m.time), "ask for a later time; position 0 is the beginning").at(field)
	}
	return at, nil
}

// viewAt opens the views at a position of the book, waiting for them to reach it.
func (s *Server) viewAt(ctx context.Context, at int64) (*projections.View, error) {
	view, err := s.o.Views.At(at)
	var behind *projections.NotAppliedError
	if errors.As(err, &behind) {
		if err := s.waitApplied(ctx, at); err != nil {
			return nil, err
		}
		view, err = s.o.Views.At(at)
	}
	if err == nil {
		view.Charge(s.costOf(ctx))
	}
	return view, err
}

// costOf counts what the questions of one request look at, all of them together.
func (s *Server) costOf(ctx context.Context) *projections.Cost {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok { // the server asks itself
		return nil
	}
	if c.cost == nil {
		c.cost = projections.NewCost(s.o.Limits.QueryCost)
	}
	return c.cost
}

// waitApplied waits, within Limits.Wait, until the views have applied a position.
func (s *Server) waitApplied(ctx context.Context, position int64) error {
	bounded, cancel := context.WithTimeout(ctx, s.o.Limits.Wait)
	defer cancel()
	err := s.o.Views.Wait(bounded, position)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return problem(http.StatusGatewayTimeout, "after.not-reached",
			sayf("the views did not reach position %d within %s; they are at %d", position, s.o.Limits.Wait, s.o.Views.Applied()),
			"ask again; if the position was acknowledged the views will reach it")
	}
	return err
}

// page is the part of a list that a request asks for.
func (c *question) page(p paging) projections.Page {
	return projections.Page{Limit: min(p.Limit, c.s.o.Limits.ResultLimit), Cursor: c.inner}
}

// next seals the views' cursor for the client, and says in the answer and in a
// Link header that there is more.
func (c *question) next(cursor *string) {
	if *cursor == "" {
		return
	}
	*cursor = sealCursor(c.r, callOf(c.r).caller.scope(), c.view.Position(), *cursor)
	c.hit("limit")
	target := *c.r.URL
	values := target.Query()
	values.Set("cursor", *cursor)
	values.Del("after")
	target.RawQuery = values.Encode()
	c.w.Header().Set("Link", "<"+target.RequestURI()+`>; rel="next"`)
}

// hit notes that a limit cut the answer.
func (c *question) hit(limits ...string) { c.limitsHit = append(c.limitsHit, limits...) }

func (c *question) standing() Standing {
	st := c.s.standing(c.view.Position(), c.view.Recorded(), c.limitsHit...)
	st.Basis = c.basis
	if c.view.Scoped() {
		st.withhold(c.view.Withheld())
	}
	return st
}

func (s *Server) standing(position int64, recorded events.Time, limitsHit ...string) Standing {
	return Standing{
		Position: position, Time: recorded, CheckpointSize: s.publishedSize(),
		Complete: len(limitsHit) == 0, LimitsHit: limitsHit,
	}
}

// headStanding is what answers straight from the book speak for: its head.
func (s *Server) headStanding() Standing {
	head := s.o.Ledger.Head()
	return s.standing(head.Size-1, head.Time)
}

// publishedSize reads the size out of the published checkpoint, whose second
// line it is.
func (s *Server) publishedSize() int64 {
	lines := bytes.SplitN(s.o.Ledger.PublishedCheckpoint(), []byte("\n"), 3)
	if len(lines) < 3 {
		return 0
	}
	n, err := strconv.ParseInt(string(lines[1]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// A cursor for clients is the position the list speaks for, a digest of what was
// asked, and the views' own cursor. So the parts of a list agree with each
// other, whatever is appended between them, and a cursor of one question is not
// taken for an answer to another. It is of one scope: another leaves other rows out.
func sealCursor(r *http.Request, scope projections.Scope, position int64, inner string) string {
	b := binary.AppendVarint(nil, position)
	b = append(b, askedDigest(r, scope)...)
	return base64.RawURLEncoding.EncodeToString(append(b, inner...))
}

func openCursor(r *http.Request, scope projections.Scope, cursor string) (position int64, inner string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, "", foreignCursor("the cursor is not one of ours")
	}
	position, n := binary.Varint(b)
	if n <= 0 || len(b) < n+askedSize || position < -1 {
		return 0, "", foreignCursor("the cursor is not one of ours")
	}
	if !bytes.Equal(b[n:n+askedSize], askedDigest(r, scope)) {
		return 0, "", foreignCursor("the cursor belongs to another question")
	}
	return position, string(b[n+askedSize:]), nil
}

func foreignCursor(why string) *Problem {
	return problem(http.StatusBadRequest, "cursor.foreign", why, "take the cursor from the next member of an answer to the same question, or leave it out to begin at the first row").at("cursor")
}

const askedSize = 8

// askedDigest tells questions apart: the path and the filters, without what may
// change from one part of a list to the next. It guards against mistakes, not
// against forgery, which gains nothing.
func askedDigest(r *http.Request, scope projections.Scope) []byte {
	values := r.URL.Query()
	for _, name := range []string{"cursor", "limit", "after", "as_of", "lang"} {
		values.Del(name)
	}
	asked := r.URL.Path + "?" + values.Encode()
	if !scope.All() {
		asked += "\n" + sayScope(scope)
	}
	sum := sha256.Sum256([]byte(asked))
	return sum[:askedSize]
}

// pathValue returns a part of the path, decoded: identifiers may hold slashes,
// which clients send as %2F.
func pathValue(r *http.Request, name string) (string, error) {
	raw := chi.URLParam(r, name)
	if r.URL.RawPath == "" {
		return raw, nil // chi matched the decoded path
	}
	s, err := url.PathUnescape(raw)
	if err != nil {
		return "", problem(http.StatusBadRequest, "path.encoding", "the path cannot be decoded", "percent-encode the identifier").because(err)
	}
	return s, nil
}

// pathPosition reads a position from the path.
func pathPosition(r *http.Request) (int64, error) {
	s := chi.URLParam(r, "position")
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || s[0] == '+' {
		return 0, problem(http.StatusBadRequest, "path.position", sayf("%q is not a position", clip(s)), "positions are whole numbers from 0").at("position")
	}
	return n, nil
}

// unknownNode helps somebody who misspelt a node, or whose text means several.
func unknownNode(e *projections.UnknownNodeError) *Problem {
	status, rule, fix := http.StatusNotFound, "node.unknown", sayf("nodes are named dataset:{namespace}/{name}, column:{namespace}/{name}#{field}, job:{namespace}/{name}, run:{uuid} or entry:{id}")
	if e.Ambiguous {
		status, rule = http.StatusBadRequest, "node.ambiguous"
	}
	if len(e.Near) > 0 {
		fix = sayf("use one of: %s", strings.Join(e.Near, ", "))
	}
	return problem(status, rule, saidOf(e), fix).at("node")
}

// notFound is the problem of an identifier that names nothing as of a position, or
// nothing that the caller may see.
func notFound(kind, id string, at int64) *Problem {
	return problem(http.StatusNotFound, kind+".unknown", sayf("no %v is called %q as of position %d", docText(kind), clip(id), at), "see the list, or ask as of another time")
}

// writeJSON answers with v. The body is made before the first byte is sent, so
// that what cannot be encoded is still an error.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	opts := []json.Options{json.FormatNilSliceAsNull(false), json.Deterministic(true)}
	if strings.Contains(r.Header.Get("Accept"), "text/html") { // a browser: a person reads it
		opts = append(opts, jsontext.WithIndent("  "))
	}
	body, err := json.Marshal(v, opts...)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	w.Header().Add("Vary", "Accept")
	writeBody(w, r, status, "application/json", append(body, '\n'))
	return nil
}

// writeBody answers with bytes. Errors of Write mean that the client is gone.
func writeBody(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-cache")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}
