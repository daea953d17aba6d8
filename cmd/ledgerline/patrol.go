package main

import (
	"context"
	"log/slog"
	"time"

	"ledgerline/ledger"
)

// patrolConfig says how a server verifies its book in the background.
type patrolConfig struct {
	Rate  float64  `toml:"rate" usage:"MiB a second that the background verification reads at most; 0 switches it off"`
	Every interval `toml:"every" usage:"how often the background verification begins with the whole book again"`
}

func (c patrolConfig) check() error {
	if c.Rate < 0 || c.Every <= 0 {
		return usage("--patrol-rate must not be negative, and --patrol-every must be above 0; --patrol-rate 0 switches the background verification off")
	}
	return nil
}

// start lets the patrol run until stop is called.
func (c patrolConfig) start(ctx context.Context, book *ledger.Ledger, logger *slog.Logger) (stop func()) {
	if c.Rate == 0 {
		return func() {}
	}
	return background(ctx, func(ctx context.Context) {
		o := ledger.PatrolOptions{Rate: max(1, int64(c.Rate*(1<<20))), Every: time.Duration(c.Every)}
		if err := book.Patrol(ctx, o); err != nil {
			logger.Error("the book is not verified in the background any more; the server goes on", "error", err)
		}
	})
}
