// Peers measures a ledger beside databases that people chain events in: PostgreSQL
// with a trigger that chains rows, PostgreSQL's COPY with the chain computed by the
// client, and SQLite. It is a module of its own, so that the product depends on
// none of them. README.md says how to run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"ledgerline/cmd/ledgerline/bench"
	"ledgerline/events"
	"ledgerline/ledger"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context) (err error) {
	dsn := flag.String("postgres", "", "connection string of a PostgreSQL that may be written to, such as \"host=/tmp/pg user=bench dbname=postgres\"; empty: it is left out")
	dir := flag.String("dir", os.TempDir(), "work in a new directory within this one")
	var s bench.Session
	flag.IntVar(&s.Rounds, "rounds", 5, "turns that each case and its peer take")
	flag.Float64Var(&s.Scale, "scale", 1, "multiply the numbers of events by this")
	flag.Parse()
	if s.Dir, err = os.MkdirTemp(*dir, "ledgerline-peers-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
	var subjects []bench.Subject
	if *dsn == "" {
		fmt.Fprintln(os.Stderr, "PostgreSQL is left out: give --postgres")
	} else {
		subjects = append(subjects, bench.Subject{Name: "postgres", Run: func(ctx context.Context, s *bench.Session) error { return besidePostgres(ctx, s, *dsn) }})
	}
	subjects = append(subjects, bench.Subject{Name: "sqlite", Run: besideSQLite})
	report, err := s.Run(ctx, subjects...)
	return errors.Join(report.Write(os.Stdout), err)
}

// A peer commits events whose rows are chained by hash.
type peer interface {
	// append commits a batch; a batch is durable whole when it returns.
	append(ctx context.Context, rows []row) error
}

// row is an event as a peer stores it.
type row struct {
	id   string
	body []byte // JSON
}

// a contest is one comparison of a ledger with a peer.
type contest struct {
	name, beside           string
	writers, batch, events int
	goal                   bench.Goal
	peer                   peer
}

// compare has a ledger in a directory of its own and the peer commit the same
// events in turn.
func compare(ctx context.Context, s *bench.Session, contests []contest) (err error) {
	dir, err := s.MakeDir()
	if err != nil {
		return err
	}
	w := bench.NewWorkload()
	l, err := w.Book(ctx, s, filepath.Join(dir, "ledger"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, c := range contests {
		if err := meet(ctx, s, w, l, c); err != nil {
			return err
		}
	}
	return nil
}

func meet(ctx context.Context, s *bench.Session, w *bench.Workload, l *ledger.Ledger, c contest) error {
	var evs []events.Event
	return s.Compare(ctx, c.name, c.beside, []bench.Measure{{What: "rate", Unit: "events/s", Goal: c.goal}, {What: "p50", Unit: "s"}},
		func(ctx context.Context) (bench.Sample, error) {
			evs = w.Accesses(max(s.Events(c.events)/c.batch, c.writers) * c.batch)
			return bench.Drive(ctx, c.writers, c.batch, evs, func(ctx context.Context, evs []events.Event) error {
				_, err := l.Append(ctx, evs...)
				return err
			})
		}, func(ctx context.Context) (bench.Sample, error) {
			rows := make([]row, len(evs))
			for i, ev := range evs { // the peer is given bytes; it decodes and checks nothing
				body, err := events.EncodeStructured(ev)
				if err != nil {
					return nil, err
				}
				rows[i] = row{ev.ID, body}
			}
			return bench.Drive(ctx, c.writers, c.batch, rows, c.peer.append)
		})
}
