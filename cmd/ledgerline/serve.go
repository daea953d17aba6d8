package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"ledgerline/api"
	"ledgerline/api/relay"
	"ledgerline/ledger"
)

const defaultAddr = "127.0.0.1:8420"

// shutdownGrace is how long requests under way may take to end when the server
// is told to stop.
const shutdownGrace = 10 * time.Second

func serveCommand(p *program) *cobra.Command {
	var check bool
	var confirmClock string
	var l *loading
	c := &cobra.Command{
		Use:   "serve --dir DIR",
		Short: "Serve a ledger over HTTP",
		Long: `Serve opens the directory and answers HTTP until it is interrupted. When it is
ready it prints one line, "listening on http://HOST:PORT", on standard output.

Everything but the checkpoint and /healthz takes a token (see: ledgerline token).
With --dev everybody who can reach it may do everything, so it listens on the
loopback interface alone. Where other machines can reach it there has to be TLS:
--tls-cert and --tls-key, or a proxy in front of it, and --behind-proxy.

Every flag is a variable of the environment as well, and a key of the file that
--config names: --patrol-every is $LEDGERLINE_PATROL_EVERY, and every in the
section [patrol]. Flags count for more than variables, variables for more than the
file. --check-config shows what would be in force, and tells whether the files that
it names can be used; it opens no ledger, and asks nobody.`,
		Example: `  ledgerline serve --dir led
  ledgerline serve --dir led --addr 127.0.0.1:0 --dev   # any free port, no tokens
  ledgerline serve --config ledgerline.toml --check-config`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := l.load(os.Environ()); err != nil {
				return err
			}
			p.logFormat, p.logLevel = l.Log.Format, l.Log.Level
			logger, err := p.logger(slog.LevelInfo)
			if err != nil {
				return err
			}
			for _, name := range l.unknownVariables(os.Environ()) {
				logger.Warn("a variable of the environment is no setting of this program", "name", name)
			}
			if err := l.check(); err != nil {
				return err
			}
			if check {
				return errors.Join(l.print(p), l.checkFiles())
			}
			l.boundHeap()
			return p.serve(c.Context(), l.config, confirmClock, logger)
		},
	}
	l = configFlags(c)
	c.Flags().BoolVar(&check, "check-config", false, "show the configuration that would be in force, and where each value comes from; serve nothing")
	c.Flags().StringVar(&confirmClock, "confirm-clock", "", "accept a clock that jumped, for this reason, which is recorded")
	return c
}

// check refuses what no server could be run with.
func (c *config) check() error {
	if c.Dir == "" {
		return usage("which ledger? give --dir DIR, or dir in the file of --config")
	}
	if err := c.relays().Check(); errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return cannot("see its files in the configuration", "%w", err)
	} else if err != nil {
		return usage("%w", err)
	}
	return errors.Join(c.Patrol.check(), c.Schedule.check(), c.Trace.check(), c.Limit.check(), c.Withhold.check(), c.checkExposure())
}

// checkFiles reads the files that the configuration names: whoever asks whether it is right
// is about to restart a server with it.
func (c *config) checkFiles() error {
	_, certErr := c.certificates(slog.New(slog.DiscardHandler))
	_, attestErr := c.attestation()
	return errors.Join(certErr, attestErr, c.OIDC.check())
}

// serve opens the ledger and answers until ctx ends.
func (p *program) serve(ctx context.Context, c *config, confirmClock string, logger *slog.Logger) error {
	certs, err := c.certificates(logger)
	if err != nil {
		return err
	}
	provider, err := c.OIDC.provider(ctx, logger)
	if err != nil {
		return err
	}
	ln, err := listen(c.Addr)
	if err != nil {
		return err
	}
	tracer, endSpans, err := c.Trace.start(ctx, logger)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer endSpans()
	s, err := openStore(ctx, c.Dir, storeOptions{places: places{head: c.HeadFile, key: c.KeyFile}, logger: logger, confirmClock: confirmClock, tracer: tracer})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	n, err := c.notary(s.book, logger)
	if err != nil {
		return errors.Join(err, ln.Close(), s.Close())
	}
	relays, err := relay.New(c.relays(), relay.Options{Ledger: s.book, Dir: filepath.Join(c.Dir, "relays"), Logger: logger, Tracer: tracer})
	if err != nil {
		return errors.Join(err, ln.Close(), s.Close())
	}
	s.relays = relays
	onHangup(ctx, func() {
		if certs != nil {
			certs.again()
		}
		if err := s.tokens.Reload(); err != nil {
			logger.Error("nobody can use a token", "error", err)
		}
		logger.Info("looked after changed files")
	})
	stop, stopPatrol, stopSchedule := attest(ctx, n), c.Patrol.start(ctx, s.book, logger), c.Schedule.start(ctx, s, logger)
	err = s.serve(ctx, ln, certs.tls(), api.Options{
		Logger: logger, Dev: c.Dev, PublicReads: c.PublicReads, PublicLog: c.PublicLog, Withhold: c.Withhold.byRole(), CertificateExpires: certs.expires, BehindProxy: c.BehindProxy, PublicURL: c.PublicURL, OIDC: provider, UnrecordedReads: c.UnrecordedReads,
		StrictOpenLineage: c.StrictOpenLineage, Notary: n, Tracer: tracer, Limits: c.Limit.limits(),
	}, p.out, func(string) {
		if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil { // without systemd there is none
			logger.Warn("the service manager could not be told that the server is ready", "error", err)
		}
	})
	stopSchedule()
	stopPatrol()
	stop()
	return errors.Join(err, s.Close())
}

// required marks flags that a command cannot do without.
func required(c *cobra.Command, flags ...string) *cobra.Command {
	for _, name := range flags {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that this program does not define
		}
	}
	return c
}

// listen takes the address before anything is opened or loaded.
func listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, cannot("stop what listens there, or choose another port: --addr 127.0.0.1:0 picks a free one", "listening on %s: the address is in use", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	return ln, nil
}

// serve answers HTTP on ln until ctx ends, then lets requests under way finish.
// Once it is ready it prints the one line on out and calls ready.
func (s *store) serve(ctx context.Context, ln net.Listener, secure *tls.Config, o api.Options, out io.Writer, ready func(url string)) error {
	o.Relays = s.relays.Status
	var err error
	if o.Limits.Connections, err = fewerConnections(o.Limits.Connections, o.Logger); err != nil {
		return errors.Join(err, ln.Close())
	}
	handler, err := s.handler(o)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	ln = handler.Listener(ln)
	if s.relays != nil {
		defer background(ctx, func(ctx context.Context) { s.relays.Run(ctx, handler.Record) })()
	}
	defer background(ctx, handler.KeepHistory)()
	srv := handler.HTTPServer()
	srv.ErrorLog = slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn)
	defer s.control(o.Logger)()
	failed := make(chan error, 1)
	url := "http://" + ln.Addr().String()
	if secure == nil {
		go func() { failed <- srv.Serve(ln) }()
	} else {
		srv.TLSConfig, url = secure, "https://"+ln.Addr().String()
		go func() { failed <- srv.ServeTLS(ln, "", "") }()
	}
	// Meanwhile /readyz is answered, and says how far it is.
	if s.views.Loaded(ctx) == nil {
		if _, err := fmt.Fprintln(out, "listening on "+url); err != nil {
			return errors.Join(err, srv.Close())
		}
		if ready != nil {
			ready(url)
		}
	}
	var stopped error
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %s: %w", ln.Addr(), err)
	case stopped = <-s.bookFailed(ctx):
		stopped = &failure{exitStorage, fmt.Errorf("the ledger stopped, and so does its server; what was acknowledged is safe: %w", stopped), "see to the disk, then start it again; ledgerline doctor tells whether it can"}
	case <-ctx.Done():
	}
	o.Logger.Info("stopping", "grace", shutdownGrace)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := errors.Join(handler.Drain(grace), srv.Shutdown(grace)); err != nil {
		o.Logger.Warn("requests were cut off", "error", err)
		return errors.Join(stopped, srv.Close())
	}
	return stopped
}

// background runs something beside the server until the returned function is called.
func background(ctx context.Context, run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// bookFailed tells why the ledger stopped by itself, if it does. To serve on would
// hide from who could restart it that nothing is recorded any more.
func (s *store) bookFailed(ctx context.Context) <-chan error {
	failed := make(chan error, 1)
	go func() {
		_, _ = s.book.Next(ctx, ledger.Head{Size: math.MaxInt64}) // never comes: it ends with ctx or the ledger
		if err := s.book.Failed(); err != nil {
			failed <- err
		}
	}()
	return failed
}
