package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"ledgerline/api"
	"ledgerline/cmd/ledgerline/demo"
	"ledgerline/ledger"
)

// demoOrigin marks a directory as a demo, which is served with open doors; no
// other ledger ever is.
const demoOrigin = "ledger.example/yunze-demo"

func demoCommand(p *program) *cobra.Command {
	var dir, addr string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Load a fictional province's story into a ledger and serve it",
		Long: `Demo makes a ledger, tells it the story of a fictional province (its departments,
catalog, agreements, calls, data faults and jobs) through the public API, serves
it, and says what to look at. Without --dir it uses a temporary directory.

A directory that holds the demo already is served again as it is. Everybody who
can reach the server may write to it: it is for looking around, not for keeping
anything.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			logger, err := p.logger(slog.LevelWarn)
			if err != nil {
				return err
			}
			ln, err := listen(addr)
			if err != nil {
				return err
			}
			s, err := p.openDemo(c.Context(), dir, logger)
			if err != nil {
				return errors.Join(err, ln.Close())
			}
			err = s.serve(c.Context(), ln, nil, api.Options{Logger: logger, Dev: true}, p.out, func(url string) {
				tour := strings.ReplaceAll(demo.Tour(url), "--dir DIR", "--dir "+s.dir)
				fmt.Fprintf(p.err, "\n%s\nthe ledger is in %s; stop with Ctrl-C\n", tour, s.dir)
			})
			return errors.Join(err, s.Close())
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "directory for the demo's ledger (default: a temporary one)")
	c.Flags().StringVar(&addr, "addr", defaultAddr, "host and port to listen on; port 0 picks a free one")
	return c
}

// openDemo opens the demo in dir, loading it first if it is not there.
func (p *program) openDemo(ctx context.Context, dir string, logger *slog.Logger) (*store, error) {
	if dir == "" {
		temp, err := os.MkdirTemp("", "ledgerline-demo-")
		if err != nil {
			return nil, fmt.Errorf("making a temporary directory: %w", err)
		}
		dir = filepath.Join(temp, "ledger")
	}
	there, err := holdsLedger(dir)
	if err != nil {
		return nil, err
	}
	o := storeOptions{logger: logger}
	if !there {
		if err := p.loadDemo(ctx, dir, logger); err != nil {
			return nil, err
		}
		// The story was recorded on a replayed clock. From here on it is the
		// system's, and the ledger says so.
		o.confirmClock = "demo: the replayed story ends here"
	}
	s, err := openStore(ctx, dir, o)
	if err != nil {
		return nil, err
	}
	if origin := s.book.Origin(); origin != demoOrigin {
		err := no("serve it with: ledgerline serve --dir "+dir, "%s holds the ledger %s, not the demo; the demo lets everybody write", dir, origin)
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// loadDemo tells the story to a new ledger beside dir and moves it there once it
// is whole, so that a load that was broken off leaves no half of it.
func (p *program) loadDemo(ctx context.Context, dir string, logger *slog.Logger) (err error) {
	if held, err := os.ReadDir(dir); err == nil && len(held) > 0 {
		return cannot("name a new directory, or an empty one", "making the demo: %s is not empty", dir)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return fmt.Errorf("making the demo's directory: %w", err)
	}
	loading, err := os.MkdirTemp(parent, filepath.Base(dir)+".loading-")
	if err != nil {
		return fmt.Errorf("making the demo's directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(loading))
		}
	}()
	fmt.Fprintf(p.err, "loading the demo into %s\n", dir)
	if err := p.tellStory(ctx, loading, logger); err != nil {
		return err
	}
	// Rename replaces nothing; an empty directory may be in the way.
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("moving the demo into place: %w", err)
	}
	if err := os.Rename(loading, dir); err != nil {
		return fmt.Errorf("moving the demo into place: %w", err)
	}
	return nil
}

// tellStory loads the demo into a new ledger through its HTTP API.
func (p *program) tellStory(ctx context.Context, dir string, logger *slog.Logger) (err error) {
	var clock replayClock
	clock.set(demo.Opening())
	book, err := ledger.Create(dir, ledger.Options{Origin: demoOrigin, Now: clock.now, Logger: logger})
	if err != nil {
		return fmt.Errorf("creating the demo's ledger: %w", err)
	}
	s, err := follow(ctx, dir, book, logger, nil)
	if err != nil {
		return errors.Join(err, book.Close())
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	handler, err := s.handler(api.Options{Logger: slog.New(slog.DiscardHandler), Dev: true, Now: clock.now})
	if err != nil {
		return err
	}
	c := inProcess(handler)
	defer func() { err = errors.Join(err, c.close()) }()
	bar := newProgress(p.err, "loading")
	defer bar.end()
	err = demo.Load(ctx, c.http, c.base.String(), "", clock.set, func(done, total int) {
		bar.show(int64(done), int64(total), fmt.Sprintf("%d of %d steps", done, total))
	})
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted while loading the demo")
		}
		return err
	}
	return s.caughtUp(ctx)
}

// replayClock shows the time it was set to.
type replayClock struct{ micro atomic.Int64 }

func (c *replayClock) set(t time.Time) { c.micro.Store(t.UnixMicro()) }
func (c *replayClock) now() time.Time  { return time.UnixMicro(c.micro.Load()) }
