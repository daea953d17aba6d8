package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger"
	"ledgerline/ledger/proof"
)

// benchVerify: a store is verified whole, and in turn its bytes are hashed from
// memory on as many processors: body, leaf and a node of the tree for each
// record.
func benchVerify(ctx context.Context, s *Session) error {
	w := NewWorkload()
	dir, err := s.MakeDir()
	if err != nil {
		return err
	}
	l, err := w.Book(ctx, s, dir)
	if err != nil {
		return err
	}
	records, err := s.records(ctx, w, l)
	if err := firstError(err, l.Close()); err != nil {
		return err
	}
	for _, workers := range []int{1, runtime.GOMAXPROCS(0)} {
		rate := func(from time.Time) Sample { return Sample{"rate": float64(len(records)) / time.Since(from).Seconds()} }
		err := s.Compare(ctx, fmt.Sprintf("%d records, %d workers", len(records), workers), "hashing alone",
			[]Measure{{"rate", "events/s", Goal{Least: 0.60}}},
			func(ctx context.Context) (Sample, error) {
				from := time.Now()
				r, err := ledger.Verify(ctx, dir, ledger.VerifyOptions{Workers: workers})
				if err == nil && !r.OK() {
					err = errors.New("the ledger is not what it was")
				}
				return rate(from), err
			}, func(context.Context) (Sample, error) {
				from := time.Now()
				hashAll(records, workers)
				return rate(from), nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// records fills a ledger and reads what it holds.
func (s *Session) records(ctx context.Context, w *Workload, l *ledger.Ledger) ([]ledger.Record, error) {
	if err := w.fill(ctx, s, l, s.Events(100_000)); err != nil {
		return nil, err
	}
	records := make([]ledger.Record, l.Head().Size)
	for i := range records {
		var err error
		if records[i], err = l.Record(int64(i)); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func hashAll(records []ledger.Record, workers int) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			var node proof.Hash
			for i := w; i < len(records); i += workers {
				proof.CommitBody(&records[i].Salt, records[i].Body)
				node = tlog.NodeHash(node, proof.LeafHash(records[i].Leaf))
			}
		})
	}
	wg.Wait()
}
