package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"ledgerline/api"
)

// target is where a command finds its ledger: a server, or a directory that it
// opens itself. Both answer the same requests.
type target struct {
	server, dir, tokenFile string
	// principal is who writes, when a directory is opened; empty means "dev", as
	// with serve --dev.
	principal string
}

func (t *target) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&t.server, "server", os.Getenv("LEDGERLINE_SERVER"), "ask this server, such as http://127.0.0.1:8420 (or $LEDGERLINE_SERVER)")
	f.StringVar(&t.dir, "dir", "", "open this ledger directory; no server may have it open")
	f.StringVar(&t.tokenFile, "token-file", "", "file with the bearer token for --server (or the token itself in $LEDGERLINE_TOKEN)")
}

// writerFlags are those of commands that record something.
func (t *target) writerFlags(c *cobra.Command) {
	t.flags(c)
	c.Flags().StringVar(&t.principal, "principal", "", `who writes, with --dir (default "dev", as with serve --dev)`)
}

// client talks HTTP to a target.
type client struct {
	base  *url.URL
	token string
	http  *http.Client
	// close releases what a directory target opened.
	close func() error
}

// connect opens the target. The client must be closed.
func (t *target) connect(ctx context.Context, p *program) (*client, error) {
	switch {
	case t.dir != "": // a flag counts for more than the environment
		return t.open(ctx, p)
	case t.server != "":
	default:
		return nil, usage("which ledger? give --server URL or --dir DIR")
	}
	base, err := url.Parse(strings.TrimSuffix(t.server, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, usage("--server %s: want a URL such as http://127.0.0.1:8420", t.server)
	}
	token := os.Getenv("LEDGERLINE_TOKEN")
	if t.tokenFile != "" {
		b, err := os.ReadFile(t.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("reading the token: %w", err)
		}
		token = strings.TrimSpace(string(b))
	}
	return &client{base: base, token: token, http: &http.Client{}, close: func() error { return nil }}, nil
}

// open serves the directory to this process alone, over pipes in memory.
func (t *target) open(ctx context.Context, p *program) (*client, error) {
	logger, err := p.logger(slog.LevelWarn)
	if err != nil {
		return nil, err
	}
	s, err := openStore(ctx, t.dir, storeOptions{logger: logger})
	if err != nil {
		return nil, err
	}
	c, err := t.local(s)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	served := c.close
	c.close = func() error { return errors.Join(served(), s.Close()) }
	return c, nil
}

// local makes a client of an opened directory. Who can open the directory can
// write to it under any name, whatever a server would say.
func (t *target) local(s *store) (*client, error) {
	handler, err := s.handler(api.Options{Dev: true, DevPrincipal: t.principal})
	if err != nil {
		return nil, err
	}
	return inProcess(handler), nil
}

// inProcess returns a client of a handler in this process.
func inProcess(h http.Handler) *client {
	ln := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: h}
	go srv.Serve(ln) // ends with ErrServerClosed, by close
	transport := &http.Transport{DialContext: ln.dial, MaxIdleConnsPerHost: 64}
	return &client{
		base: &url.URL{Scheme: "http", Host: "ledger"},
		http: &http.Client{Transport: transport},
		close: func() error {
			transport.CloseIdleConnections()
			return srv.Close()
		},
	}
}

// pipeListener is a network of one process.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil } // http.Server closes a listener once
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "in process"} }

// request sends a request and returns the answer if its status is a 2xx. Any
// other becomes an error that carries the server's own words and fix.
func (c *client) request(ctx context.Context, method, path string, query url.Values, header http.Header, body io.Reader) (*http.Response, error) {
	u := c.base.JoinPath(path) // path may hold %2F
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", u, err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(c.base, err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, readProblem(res)
}

func unreachable(base *url.URL, err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	fix := "is the server running there? start one with: ledgerline serve --dir DIR"
	return cannot(fix, "asking %s: %w", base, err)
}

// readProblem turns an answer that is not a 2xx into an error.
func readProblem(res *http.Response) error {
	const most = 1 << 20
	b, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return fmt.Errorf("reading the answer %s of %s: %w", res.Status, res.Request.URL.Path, err)
	}
	var p api.Problem
	if json.Unmarshal(b, &p) != nil || p.Rule == "" {
		return fmt.Errorf("%s answered %s: %s", res.Request.URL.Path, res.Status, bytes.TrimSpace(b))
	}
	return problemError(&p)
}

// problemError is a problem as this program reports it: a refusal, or something
// that is not there, is an answer; the rest could not be done.
func problemError(p *api.Problem) error {
	where := ""
	if p.Index != nil && *p.Index > 0 {
		where = fmt.Sprintf("event %d: ", *p.Index)
	}
	if p.Field != "" {
		where += p.Field + ": "
	}
	code := exitCannot
	switch p.Status {
	case http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusGone:
		code = exitNo
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusForbidden:
		if p.Index != nil { // an event that was read and refused
			code = exitNo
		}
	}
	return &failure{code, fmt.Errorf("%s: %s%s", p.Rule, where, p.Detail), p.Fix}
}

// maxAnswer bounds what is read into memory of an answer: who checks a server does not
// trust it.
const maxAnswer = 1 << 30

// answerOf reads an answer whole, and closes it.
func answerOf(res *http.Response, path string) ([]byte, error) {
	defer res.Body.Close()
	b, err := readAtMost(res.Body, maxAnswer)
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	return b, nil
}

// readAtMost is io.ReadAll for no more than so many bytes.
func readAtMost(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("there are more than %d bytes", most)
	}
	return b, err
}

// get asks for JSON and returns it as it came.
func (c *client) get(ctx context.Context, path string, query url.Values) (jsontext.Value, error) {
	res, err := c.request(ctx, http.MethodGet, path, query, http.Header{"Accept": {"application/json"}}, nil)
	if err != nil {
		return nil, err
	}
	return answerOf(res, path)
}

// post sends a body and returns the status and the answer.
func (c *client) post(ctx context.Context, path string, header http.Header, body []byte) (int, []byte, error) {
	res, err := c.request(ctx, http.MethodPost, path, nil, header, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	b, err := answerOf(res, path)
	return res.StatusCode, b, err
}

// question asks what is said in the body, with a query.
func (c *client) question(ctx context.Context, path string, query url.Values, body []byte) ([]byte, error) {
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	res, err := c.request(ctx, http.MethodPost, path, query, header, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return answerOf(res, path)
}

// getText asks for a text, such as a checkpoint or a proof.
func (c *client) getText(ctx context.Context, path string, query url.Values) ([]byte, error) {
	res, err := c.request(ctx, http.MethodGet, path, query, http.Header{"Accept": {"text/plain, application/octet-stream"}}, nil)
	if err != nil {
		return nil, err
	}
	return answerOf(res, path)
}

// printJSON writes an answer indented, as the server gave it.
func (p *program) printJSON(v jsontext.Value) error {
	v = v.Clone()
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("the answer is not JSON: %w", err)
	}
	_, err := fmt.Fprintf(p.out, "%s\n", bytes.TrimSpace(v))
	return err
}
