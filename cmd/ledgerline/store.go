package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace"

	"ledgerline/api"
	"ledgerline/api/relay"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// places are the files of a ledger that may be kept outside its directory.
type places struct{ head, key string }

func (f *places) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.head, "head-file", "", "the head witness; keep it where backups of the directory do not reach (default DIR/head)")
	c.Flags().StringVar(&f.key, "key-file", "", "the signing key (default DIR/keys/ledger.key)")
}

// storeOptions says how to open a directory.
type storeOptions struct {
	places
	logger       *slog.Logger
	now          func() time.Time // nil: the system's clock
	confirmClock string
	tracer       trace.Tracer // nil: nothing is traced
}

// store is a ledger directory opened by this process: the book, and the views
// that follow it.
type store struct {
	dir   string
	book  *ledger.Ledger
	views *projections.Views
	// tokens are those of the directory.
	tokens *api.Tokens
	// relays connect a served ledger with brokers; nil: it is not.
	relays *relay.Relays

	stopViews context.CancelFunc
	viewsDone chan error
}

// openStore opens the directory and lets the views run. It returns once they
// have caught up with the book.
func openStore(ctx context.Context, dir string, o storeOptions) (*store, error) {
	if err := enoughDescriptors(); err != nil {
		return nil, err
	}
	book, err := ledger.Open(dir, ledger.Options{
		Now: o.now, Logger: o.logger, HeadFile: o.head, KeyFile: o.key, ConfirmClock: o.confirmClock,
	})
	if err != nil {
		return nil, openError(dir, err)
	}
	s, err := follow(ctx, dir, book, o.logger, o.tracer)
	if err != nil {
		return nil, errors.Join(err, book.Close())
	}
	if err := s.caughtUp(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openError adds to an error of opening a ledger what its user can do.
func openError(dir string, err error) error {
	var damage *ledger.DamageError
	switch {
	case errors.As(err, &damage): // it names its own way out
		return &failure{exitNo, fmt.Errorf("opening %s: %w", dir, err), ""}
	case errors.Is(err, ledger.ErrNotExist):
		return cannot(fmt.Sprintf("create one with: ledgerline init --dir %s --origin NAME", dir), "opening %s: %w", dir, err)
	case errors.Is(err, fs.ErrPermission):
		return cannot("run the command as the user whose directory it is: runuser -u ledgerline -- ledgerline …", "opening %s: %w", dir, err)
	case errors.Is(err, syscall.EAGAIN):
		return cannot("ask the server that has it open with --server URL, or stop it first", "opening %s: %w", dir, err)
	}
	return fmt.Errorf("opening %s: %w", dir, err)
}

// follow opens the views of a book and runs them.
func follow(ctx context.Context, dir string, book *ledger.Ledger, logger *slog.Logger, tracer trace.Tracer) (*store, error) {
	views, err := projections.Open(filepath.Join(dir, "views"), book, projections.Options{Logger: logger, Watch: relay.Spans(tracer)})
	if err != nil {
		return nil, fmt.Errorf("opening the views of %s: %w", dir, err)
	}
	tokens, err := api.LoadTokens(tokensFile(dir))
	if err != nil {
		return nil, errors.Join(err, views.Close())
	}
	// The views outlive ctx: Close stops them, after the last request.
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &store{dir: dir, book: book, views: views, tokens: tokens, stopViews: stop, viewsDone: make(chan error, 1)}
	go func() {
		err := views.Run(run)
		if err != nil {
			logger.Error("a view has stopped; the book still records", "error", err)
		}
		s.viewsDone <- err
	}()
	return s, nil
}

// caughtUp waits until the views have applied all that the book holds now.
func (s *store) caughtUp(ctx context.Context) error {
	if err := s.views.Wait(ctx, s.book.Head().Size-1); err != nil {
		return fmt.Errorf("waiting for the views of %s: %w", s.dir, err)
	}
	return nil
}

// handler returns the API over the store.
func (s *store) handler(o api.Options) (*api.Server, error) {
	o.Tokens = s.tokens
	o.Ledger, o.Views, o.Version = s.book, s.views, buildVersion()
	return api.New(o)
}

// showCatchUp is caughtUp with progress.
func (s *store) showCatchUp(ctx context.Context, p *program) error {
	total := s.book.Head().Size
	bar := newProgress(p.err, "rebuilding")
	defer bar.end()
	done := make(chan error, 1)
	go func() { done <- s.caughtUp(ctx) }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			applied := s.views.Applied() + 1
			bar.show(applied, total, fmt.Sprintf("%d of %d records", applied, total))
		}
	}
}

func tokensFile(dir string) string { return filepath.Join(dir, "tokens.json") }

// Close stops the views, then closes the book.
func (s *store) Close() error {
	s.stopViews()
	err := <-s.viewsDone
	return errors.Join(err, s.views.Close(), s.book.Close())
}

// holdsLedger reports whether there is a book in dir.
func holdsLedger(dir string) (bool, error) {
	_, err := os.Stat(filepath.Join(dir, "book"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
