package api

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"ledgerline/projections"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// A call is what is known about a request beside the request itself. The first
// middleware makes it; later ones and the handlers fill it in; the access log
// and the metrics read it at the end.
type call struct {
	id     string
	trace  string // of the span, if requests are traced
	caller caller
	// rule is that of the problem it was answered with; err is what went wrong
	// on our side, or with the connection.
	rule string
	err  error
	// conn is the answer as the HTTP server gave it, and wire what the client sends of
	// a stream of lines, before it is decoded.
	conn http.ResponseWriter
	wire *wireReader
	// cost is what its questions looked at; nil: it asked none.
	cost *projections.Cost
	// record records what the caller is about to get, of an endpoint that makes its
	// answer twice; nil: that is not recorded.
	record func(taken) error
	// export is what is said of a file that the caller takes out.
	export exportSaid
}

type callKey struct{}

func callOf(r *http.Request) *call {
	c, ok := r.Context().Value(callKey{}).(*call)
	if !ok {
		panic("api: request without a call: the middleware withCall is missing")
	}
	return c
}

// instance is the name of a request in problems and in the log.
func instance(r *http.Request) string { return "urn:ledgerline:request:" + callOf(r).id }

// withCall gives each request an id: the client's own if it is a plain word,
// so that its log and ours can be joined, else a random one.
func withCall(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !plainWord(id) {
			var b [12]byte
			rand.Read(b[:]) // never fails
			id = hex.EncodeToString(b[:])
		}
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, &call{id: id, conn: w})))
	})
}

func plainWord(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// observe writes the access log and counts the request. Neither ever sees a
// body, a query, a header or a token: the route's pattern stands for the path.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		r, span := s.beginSpan(r)
		s.metrics.inFlight.Inc()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			s.metrics.inFlight.Dec()
			route := "none"
			if rc := chi.RouteContext(r.Context()); rc != nil && rc.RoutePattern() != "" {
				route = rc.RoutePattern()
			}
			status := ww.Status()
			if status == 0 {
				status = http.StatusOK
			}
			elapsed := time.Since(start)
			endSpan(span, r, route, status)
			s.metrics.requests.WithLabelValues(methodLabel(r.Method), route, strconv.Itoa(status)).Inc()
			s.metrics.seconds.WithLabelValues(route).Observe(elapsed.Seconds())
			c := callOf(r)
			level := slog.LevelInfo
			attrs := []slog.Attr{
				slog.String("request", c.id), slog.String("method", r.Method), slog.String("route", route),
				slog.Int("status", status), slog.Int("bytes", ww.BytesWritten()), slog.Duration("elapsed", elapsed),
				slog.String("principal", c.caller.Name), slog.String("remote", r.RemoteAddr),
			}
			if c.trace != "" {
				attrs = append(attrs, slog.String("trace", c.trace))
			}
			if c.rule != "" {
				attrs = append(attrs, slog.String("rule", c.rule))
			}
			if c.err != nil {
				level = slog.LevelWarn
				attrs = append(attrs, slog.String("error", c.err.Error()))
			}
			s.o.Logger.LogAttrs(r.Context(), level, "request", attrs...)
		}()
		next.ServeHTTP(ww, r)
	})
}

// recoverPanics turns a panic of a handler into a 500. http.ErrAbortHandler is
// the one panic that is meant.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.o.Logger.Error("a handler panicked", "request", callOf(r).id, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			if ww, ok := w.(middleware.WrapResponseWriter); ok && ww.Status() != 0 {
				panic(http.ErrAbortHandler) // an answer half sent must not look whole
			}
			s.fail(w, r, fmt.Errorf("panic: %v", v))
		}()
		next.ServeHTTP(w, r)
	})
}

// contentPolicy lets pages load the style sheet, pictures and scripts of this
// server, and lets these ask this server; nothing else, and nothing written into a
// page. Pictures may come from a script's own memory, to be turned into PNG.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self' blob:; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses writes that a browser makes on behalf of another site.
// Clients that are not browsers send neither header and are let through.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := protection.Check(r); err != nil {
			s.fail(w, r, problem(http.StatusForbidden, "origin.foreign", "a page of another site may not write here", "send the request from a program, or from a page of this server").because(err))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// timeout bounds how long an answer may take. Routes that stream bound each of
// their steps instead.
func (s *Server) timeout(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.o.Limits.Timeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// bodies decodes Content-Encoding and bounds what a body may take. A stream of
// lines may be of any length, because no more than a chunk of it is ever held;
// everything else is at most Limits.BodyBytes, before and after decoding.
func (s *Server) bodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		stream := isStream(r)
		if stream {
			callOf(r).wire = &wireReader{ReadCloser: r.Body}
			r.Body = callOf(r).wire
		} else {
			if r.ContentLength > s.o.Limits.BodyBytes {
				s.fail(w, r, &http.MaxBytesError{Limit: s.o.Limits.BodyBytes})
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, s.o.Limits.BodyBytes)
		}
		body, err := decoded(r, s.o.Limits.BodyBytes, stream)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if !stream {
			held := &heldBody{ReadCloser: body, w: w, held: &s.held}
			defer held.giveBack()
			body = held
		}
		r.Body = body
		next.ServeHTTP(w, r)
	})
}

// readWhole reads a body, into one piece of memory where its length is told and not
// beyond what few bodies are.
func readWhole(r *http.Request) ([]byte, error) {
	const most = 64 << 10
	var b bytes.Buffer
	b.Grow(bytes.MinRead + int(min(max(r.ContentLength, 0), most)))
	_, err := b.ReadFrom(r.Body)
	return b.Bytes(), err
}

// decoded undoes the Content-Encoding of a request.
func decoded(r *http.Request, limit int64, stream bool) (io.ReadCloser, error) {
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	if encoding == "" || encoding == "identity" {
		return r.Body, nil
	}
	packed := &countingReader{r: r.Body}
	var plain io.ReadCloser
	var err error
	switch encoding {
	case "gzip", "x-gzip":
		plain, err = gzip.NewReader(packed)
	case "deflate":
		plain, err = newDeflateReader(packed)
	default:
		return nil, problem(http.StatusUnsupportedMediaType, "body.encoding", sayf("the content encoding %q is not known here", clip(encoding)), "send gzip, deflate or no encoding").at("Content-Encoding")
	}
	if err != nil {
		return nil, badEncoding(err)
	}
	// What was decoded is described by the rest of the request as if it had
	// been sent plain.
	r.Header.Del("Content-Encoding")
	r.ContentLength = -1
	return &bombReader{plain: plain, packed: packed, limit: limit, stream: stream}, nil
}

// badEncoding is what went wrong while a body was unpacked.
func badEncoding(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return badBody(err)
	}
	return problem(http.StatusBadRequest, "body.encoding", "the body is not what its content encoding says", "compress it again, or send it without an encoding").at("Content-Encoding").because(err)
}

// newDeflateReader reads HTTP's deflate, which is zlib (RFC 9110 §8.4.1.2), and
// the bare deflate that some clients send in its place.
func newDeflateReader(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReader(r)
	head, err := buffered.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(buffered)
	}
	return flate.NewReader(buffered), nil
}

// wireReader notes that a body has ended.
type wireReader struct {
	io.ReadCloser
	ended bool
}

func (b *wireReader) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// maxRatio is how many times its size a compressed stream may unfold to once it
// is longer than a body may be. Events compress 5 to 50 times; a bomb 1000 times.
const maxRatio = 200

// bombReader reads decompressed bytes and stops where they exceed what an honest
// body would hold.
type bombReader struct {
	plain  io.ReadCloser
	packed *countingReader
	limit  int64
	stream bool
	n      int64
}

func (b *bombReader) Read(p []byte) (int, error) {
	n, err := b.plain.Read(p)
	b.n += int64(n)
	if b.n > b.limit && (!b.stream || b.n/maxRatio > b.packed.n) {
		return 0, &http.MaxBytesError{Limit: b.limit}
	}
	var tooLong *http.MaxBytesError
	if err != nil && err != io.EOF && !errors.As(err, &tooLong) {
		err = badEncoding(err)
	}
	return n, err
}

func (b *bombReader) Close() error { return b.plain.Close() }
