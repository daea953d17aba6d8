package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"ledgerline/cmd/ledgerline/bench"
)

func benchSoak(p *program, s *bench.Session) *cobra.Command {
	k := bench.Soak{Out: p.out}
	c := &cobra.Command{
		Use:   "soak",
		Short: "Load a server steadily for long, and tell whether memory and goroutines stay flat",
		Long: `Soak sends events of every kind and questions of every kind at a steady rate, and
looks at memory and goroutines 80 times in all. In the last quarter of the time it
sends nothing that is new: what grows then is lost. The trend of each part of the time
is held to a tolerance that is printed with it (docs/performance.md). The exit code is 1
if memory or goroutines are not flat.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if k.Minutes <= 0 || k.Rate < 1 {
				return usage("--minutes is above 0 and --rate at least 1")
			}
			if s.Logger, err = p.logger(slog.LevelWarn); err != nil {
				return err
			}
			if s.Dir, err = os.MkdirTemp(s.Dir, "ledgerline-soak-"); err != nil {
				return fmt.Errorf("making a directory to work in: %w", err)
			}
			defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
			flat, err := k.Run(c.Context(), s)
			if err == nil && !flat {
				err = errShown
			}
			return err
		},
	}
	c.Flags().Float64Var(&k.Minutes, "minutes", 30, "how long")
	c.Flags().IntVar(&k.Rate, "rate", 50, "events, and questions, a second")
	return c
}
