package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ledgerline/ledger"
	"ledgerline/projections"
)

// A running server holds its directory alone, so what needs the open book is
// asked of it: through a Unix socket in the directory, DIR/control, that only
// its owner can open. POST /backup?to=DIR is answered with the backup's manifest,
// POST /keys/rotate and POST /keys/retire with the change of keys, and POST /rebuild with a line of rebuildStep for each step, the last of which says
// how it ended.

func controlFile(dir string) string { return filepath.Join(dir, "control") }

// control answers on the socket until the returned function is called. A server
// without one still serves: then a backup has to wait until it is stopped.
func (s *store) control(logger *slog.Logger) (stop func()) {
	path := controlFile(s.dir)
	// The book is locked, so a socket that is there was left by a killed server.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		logger.Warn("no online backups: the control socket cannot be replaced", "error", err)
		return func() {}
	}
	ln, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		logger.Warn("no online backups: the control socket cannot be made", "error", err)
		return func() {}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /backup", func(w http.ResponseWriter, r *http.Request) {
		m, err := s.book.Backup(r.Context(), r.FormValue("to"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		logger.Info("backed up", "to", r.FormValue("to"), "records", m.Size)
		b, err := json.Marshal(m)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Write(b) // an error here means that the asker is gone
	})
	mux.HandleFunc("POST /rebuild", s.answerRebuild)
	mux.HandleFunc("POST /keys/rotate", s.answerKeyChange((*ledger.Ledger).AddKey))
	mux.HandleFunc("POST /keys/retire", s.answerKeyChange((*ledger.Ledger).RetireKey))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go srv.Serve(ln) // ends by stop
	return func() {
		if err := srv.Close(); err != nil { // removes the socket
			logger.Warn("closing the control socket", "error", err)
		}
	}
}

// errNoServer says that no server has the directory open.
var errNoServer = errors.New("no server has the directory open")

// askBackup lets the server that has dir open make a backup.
func askBackup(ctx context.Context, dir, to string) (m ledger.Manifest, err error) {
	to, err = filepath.Abs(to) // the server may run elsewhere
	if err != nil {
		return m, err
	}
	c, done, err := askControl(ctx, dir)
	if err != nil {
		return m, err
	}
	defer done()
	res, err := c.request(ctx, http.MethodPost, "/backup", url.Values{"to": {to}}, nil, nil)
	if err != nil {
		return m, cannot("the running server makes the copy, as its own user and in its own surroundings: name a directory that it may make there", "asking the server that has %s open: %w", dir, err)
	}
	defer res.Body.Close()
	return m, json.UnmarshalRead(res.Body, &m)
}

// askControl returns a client of the server that has dir open, to be used until
// done is called.
func askControl(ctx context.Context, dir string) (c *client, done func(), err error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", controlFile(dir))
	}
	probe, err := dial(ctx, "", "")
	if err != nil {
		return nil, nil, errNoServer
	}
	if err := probe.Close(); err != nil {
		return nil, nil, err
	}
	transport := &http.Transport{DialContext: dial}
	return &client{base: &url.URL{Scheme: "http", Host: "control"}, http: &http.Client{Transport: transport}}, transport.CloseIdleConnections, nil
}

// rebuildStep is a line of the answer to POST /rebuild.
type rebuildStep struct {
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
	// SwapMicros is set in the last line, or Error.
	SwapMicros *int64 `json:"swap_micros,omitempty"`
	Error      string `json:"error,omitempty"`
}

// answerRebuild rebuilds the views and tells how far it is. An asker who goes away
// ends it.
func (s *store) answerRebuild(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	tell := func(step rebuildStep) {
		b, err := json.Marshal(step)
		if err == nil {
			_, err = w.Write(append(b, '\n'))
		}
		if err == nil {
			err = http.NewResponseController(w).Flush()
		}
		if err != nil {
			cancel()
		}
	}
	var last time.Time
	done, err := s.views.Rebuild(ctx, func(done, total int64) {
		if now := time.Now(); now.Sub(last) > 100*time.Millisecond {
			last = now
			tell(rebuildStep{Done: done, Total: total})
		}
	})
	if err != nil {
		tell(rebuildStep{Error: err.Error()})
		return
	}
	swap := done.Swap.Microseconds()
	tell(rebuildStep{Done: done.Records, Total: done.Records, SwapMicros: &swap})
}

// askRebuild lets the server that has dir open rebuild its views beside those that
// it answers from.
func askRebuild(ctx context.Context, dir string, progress func(done, total int64)) (projections.Rebuilt, error) {
	none := projections.Rebuilt{}
	c, done, err := askControl(ctx, dir)
	if err != nil {
		return none, err
	}
	defer done()
	res, err := c.request(ctx, http.MethodPost, "/rebuild", nil, nil, nil)
	if err != nil {
		return none, fmt.Errorf("asking the server that has %s open: %w", dir, err)
	}
	defer res.Body.Close()
	for dec := jsontext.NewDecoder(res.Body); ; {
		var step rebuildStep
		err := json.UnmarshalDecode(dec, &step)
		switch {
		case ctx.Err() != nil:
			return none, errors.New("interrupted; the views are as they were")
		case err != nil:
			return none, fmt.Errorf("the server went away during the rebuild; the views are as they were: %w", err)
		case step.Error != "":
			return none, errors.New(step.Error)
		case step.SwapMicros != nil:
			return projections.Rebuilt{Records: step.Done, Swap: time.Duration(*step.SwapMicros) * time.Microsecond}, nil
		}
		progress(step.Done, step.Total)
	}
}
