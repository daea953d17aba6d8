package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"ledgerline/events"
	"ledgerline/projections/scheduler"
)

// scheduleConfig says how a server records what falls due by itself.
type scheduleConfig struct {
	Every interval `toml:"every" usage:"how often to record what has fallen due by itself, such as the end of an agreement's term; 0 switches it off"`
}

func (c scheduleConfig) check() error {
	if c.Every < 0 {
		return usage("--schedule-every must not be negative; 0 switches the scheduler off")
	}
	return nil
}

// start lets the scheduler run until stop is called.
func (c scheduleConfig) start(ctx context.Context, s *store, logger *slog.Logger) (stop func()) {
	if c.Every == 0 {
		return func() {}
	}
	return background(ctx, func(ctx context.Context) { scheduler.New(s.book, s.views, logger).Run(ctx, time.Duration(c.Every)) })
}

func dueCommand(p *program) *cobra.Command {
	var t target
	var record, asJSON bool
	c := &cobra.Command{
		Use:   "due",
		Short: "Show what has fallen due by itself, or record it",
		Long: `Due shows what follows from the records and the time alone and is not recorded yet:
agreements whose term has ended, duties to dispose of data that the end of an
agreement opens, catalog entries of merged parties that have to be brought up to
date, records that were kept as long as a rule pack asks.

With --record it is recorded, at the time at which it fell due. Doing that again, or
on two machines, changes nothing. A server does it by itself: see serve
--schedule-every.`,
		Example: `  ledgerline due --server http://127.0.0.1:8420
  ledgerline due --record --dir led`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := t.connect(c.Context(), p)
			if err != nil {
				return err
			}
			var body []byte
			if record {
				_, body, err = cl.post(c.Context(), "/v1/due", http.Header{"Content-Type": {"application/json"}}, []byte("{}"))
			} else {
				body, err = cl.get(c.Context(), "/v1/due", nil)
			}
			if err := errors.Join(err, cl.close()); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(body)
			}
			var answer struct {
				Due []struct {
					ID       string         `json:"id"`
					Type     string         `json:"type"`
					Subject  events.Subject `json:"subject"`
					Time     events.Time    `json:"time"`
					Position *int64         `json:"position"`
				} `json:"due"`
			}
			if err := json.Unmarshal(body, &answer); err != nil {
				return fmt.Errorf("reading the answer of /v1/due: %w; is the server of another version?", err)
			}
			table := newTable("FELL DUE", "TYPE", "SUBJECT", "RECORDED AT")
			for _, d := range answer.Due {
				at := ""
				if d.Position != nil {
					at = number(*d.Position)
				}
				table.row(local(d.Time), d.Type, d.Subject.String(), at)
			}
			return table.write(p.out, "nothing has fallen due")
		},
	}
	t.writerFlags(c)
	c.Flags().BoolVar(&record, "record", false, "record it")
	c.Flags().BoolVar(&asJSON, "json", false, "print the answer as the server gave it, in JSON")
	return c
}
