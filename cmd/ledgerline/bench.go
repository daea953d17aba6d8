package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"ledgerline/cmd/ledgerline/bench"
)

func benchCommand(p *program) *cobra.Command {
	var s bench.Session
	var asJSON bool
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure this program on this machine, beside baselines",
		Long: `Bench measures beside baselines: each round runs ours, then the baseline, and the
ratio is taken inside the round, since absolute figures of a machine that others
use say little. What the baselines are is written in docs/performance.md.

It works in a directory of its own, which it removes, on the disk of --dir. An
interrupt ends it and tells what was measured until then.`,
		Example: `  ledgerline bench all --dir /var/tmp
  ledgerline bench views --scale 10 --json`,
	}
	measure := func(name, short string, subjects ...bench.Subject) {
		sub := &cobra.Command{
			Use: name, Short: short, Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return p.bench(c.Context(), s, asJSON, subjects) },
		}
		c.AddCommand(sub)
	}
	for _, sub := range bench.Subjects() {
		measure(sub.Name, "Measure "+sub.Short, sub)
	}
	measure("all", "Measure everything, one after the other", bench.Subjects()...)
	f := c.PersistentFlags()
	f.StringVar(&s.Dir, "dir", os.TempDir(), "work in a new directory within this one; not on a disk that lies in memory")
	f.IntVar(&s.Rounds, "rounds", 5, "turns that each case and its baseline take")
	f.Float64Var(&s.Scale, "scale", 1, "multiply the numbers of events by this")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON")
	return c
}

// bench runs subjects in a temporary directory and prints what they measured.
func (p *program) bench(ctx context.Context, s bench.Session, asJSON bool, subjects []bench.Subject) (err error) {
	if s.Rounds < 1 || s.Scale <= 0 {
		return usage("--rounds is at least 1 and --scale above 0")
	}
	if s.Logger, err = p.logger(slog.LevelWarn); err != nil {
		return err
	}
	if s.Dir, err = os.MkdirTemp(s.Dir, "ledgerline-bench-"); err != nil {
		return fmt.Errorf("making a directory to work in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
	bar := newProgress(p.err, "measuring")
	s.Progress = bar.show
	report, err := s.Run(ctx, subjects...)
	bar.end()
	if asJSON {
		return errors.Join(json.MarshalWrite(p.out, report, jsontext.Multiline(true)), err)
	}
	return errors.Join(report.Write(p.out), err)
}
