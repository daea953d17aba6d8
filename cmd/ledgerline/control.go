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

	"ledgerline/ledger"
)

// A running server holds its directory alone, so what needs the open book is
// asked of it: through a Unix socket in the directory, DIR/control, that only
// its owner can open. One request exists: POST /backup?to=DIR, the answer is the
// backup's manifest.

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
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", controlFile(dir))
	}
	probe, err := dial(ctx, "", "")
	if err != nil {
		return m, errNoServer
	}
	if err := probe.Close(); err != nil {
		return m, err
	}
	transport := &http.Transport{DialContext: dial}
	defer transport.CloseIdleConnections()
	c := &client{base: &url.URL{Scheme: "http", Host: "control"}, http: &http.Client{Transport: transport}}
	res, err := c.request(ctx, http.MethodPost, "/backup", url.Values{"to": {to}}, nil, nil)
	if err != nil {
		return m, fmt.Errorf("asking the server that has %s open: %w", dir, err)
	}
	defer res.Body.Close()
	return m, json.UnmarshalRead(res.Body, &m)
}
