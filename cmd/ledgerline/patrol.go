package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"ledgerline/ledger"
)

// patrolFlags say how a server verifies its book in the background.
type patrolFlags struct {
	rate  float64 // MiB a second; 0: not at all
	every time.Duration
}

func (f *patrolFlags) flags(c *cobra.Command) {
	c.Flags().Float64Var(&f.rate, "patrol-rate", 4, "MiB a second that the background verification reads at most; 0 switches it off")
	c.Flags().DurationVar(&f.every, "patrol-every", 24*time.Hour, "how often the background verification begins with the whole book again")
}

func (f *patrolFlags) check() error {
	if f.rate < 0 || f.every <= 0 {
		return usage("--patrol-rate must not be negative, and --patrol-every must be above 0; --patrol-rate 0 switches the background verification off")
	}
	return nil
}

// start lets the patrol run until stop is called.
func (f *patrolFlags) start(ctx context.Context, book *ledger.Ledger, logger *slog.Logger) (stop func()) {
	if f.rate == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		o := ledger.PatrolOptions{Rate: max(1, int64(f.rate*(1<<20))), Every: f.every}
		if err := book.Patrol(ctx, o); err != nil {
			logger.Error("the book is not verified in the background any more; the server goes on", "err", err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
