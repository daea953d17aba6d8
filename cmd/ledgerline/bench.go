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
	c.AddCommand(benchLoad(p, &s, &asJSON), benchQuestions(p, &s, &asJSON), benchSoak(p, &s))
	f := c.PersistentFlags()
	f.StringVar(&s.Dir, "dir", os.TempDir(), "work in a new directory within this one; not on a disk that lies in memory")
	f.IntVar(&s.Rounds, "rounds", 5, "turns that each case and its baseline take")
	f.Float64Var(&s.Scale, "scale", 1, "multiply the numbers of events by this")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON")
	return c
}

// bench runs subjects in a temporary directory and prints what they measured.
func (p *program) bench(ctx context.Context, s bench.Session, asJSON bool, subjects []bench.Subject) (err error) {
	if s.Dir, err = os.MkdirTemp(s.Dir, "ledgerline-bench-"); err != nil {
		return fmt.Errorf("making a directory to work in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
	return p.measured(s, asJSON, "measuring", func(s *bench.Session) (*bench.Report, error) { return s.Run(ctx, subjects...) })
}

// measured shows how far a measurement is, and prints what it measured.
func (p *program) measured(s bench.Session, asJSON bool, what string, run func(*bench.Session) (*bench.Report, error)) (err error) {
	if s.Rounds < 1 || s.Scale <= 0 {
		return usage("--rounds is at least 1 and --scale above 0")
	}
	if s.Logger, err = p.logger(slog.LevelWarn); err != nil {
		return err
	}
	bar := newProgress(p.err, what)
	s.Progress = bar.show
	report, err := run(&s)
	bar.end()
	if asJSON {
		return errors.Join(json.MarshalWrite(p.out, report, jsontext.Multiline(true)), err)
	}
	return errors.Join(report.Write(p.out), err)
}

// profiles of what can be loaded.
const nationalProfile = "national"

func benchLoad(p *program, s *bench.Session, asJSON *bool) *cobra.Command {
	profile := ""
	c := &cobra.Command{
		Use:   "load DIR",
		Short: "Load a ledger of a country's size, or go on with a load that was broken off",
		Long: `Load makes in DIR a ledger with ten million calls for data, 40,000 catalog entries of
300 bodies and 3,000 jobs, or as many as --scale says, and builds its views.
Interrupted, it goes on where it ended when it is called again with the same
directory and scale.

The ledger runs on a clock that follows its events, through the year 2025: it is for
measuring, and proves nothing.`,
		Example: `  ledgerline bench load /var/tmp/national --profile national --scale 0.1
  ledgerline bench questions /var/tmp/national --scale 0.1`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if profile != nationalProfile {
				return usage("--profile %s: the only profile is %s", profile, nationalProfile)
			}
			return p.measured(*s, *asJSON, "loading", func(s *bench.Session) (*bench.Report, error) {
				return s.Run(c.Context(), bench.Subject{Name: "load", Run: func(ctx context.Context, s *bench.Session) error { return s.Load(ctx, args[0]) }})
			})
		},
	}
	c.Flags().StringVar(&profile, "profile", nationalProfile, "what to load: national")
	return c
}

func benchQuestions(p *program, s *bench.Session, asJSON *bool) *cobra.Command {
	return &cobra.Command{
		Use:   "questions DIR",
		Short: "Put the twenty-five questions to a ledger that load made, over HTTP",
		Long: `Questions serves the ledger in DIR to itself, puts each of the questions of
docs/questions.md forty times, about something else each time, and tells the median
and the 95th percentile. --scale is that of the load.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.measured(*s, *asJSON, "asking", func(s *bench.Session) (*bench.Report, error) {
				return s.Run(c.Context(), bench.Subject{Name: "questions", Run: func(ctx context.Context, s *bench.Session) error { return s.Questions(ctx, args[0]) }})
			})
		},
	}
}
