package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger"
)

// benchAppend: writers commit events, one or a batch at a time, to a ledger and
// to a bare Pebble store.
func benchAppend(ctx context.Context, s *Session) (err error) {
	w := NewWorkload()
	dir, err := s.MakeDir()
	if err != nil {
		return err
	}
	l, err := w.Book(ctx, s, dir)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, l.Close()) }()
	r, err := s.raw()
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, r.close()) }()
	for _, c := range []struct {
		writers, batch, events int
		rate, p50, p99         Goal
	}{
		{1, 1, 500, Goal{}, Goal{Most: 1.10}, Goal{}},
		{64, 1, 10_000, Goal{Least: 0.90}, Goal{}, Goal{Most: 1.2}},
		{256, 1, 20_000, Goal{Least: 0.90}, Goal{}, Goal{Most: 1.2}},
		{1024, 1, 20_000, Goal{Least: 0.90}, Goal{}, Goal{Most: 1.2}},
		{4, 100, 20_000, Goal{Least: 0.75}, Goal{}, Goal{}},
		{4, 1000, 40_000, Goal{Least: 0.75}, Goal{}, Goal{}},
	} {
		n := max(s.Events(c.events), c.batch*c.writers)
		name := fmt.Sprintf("%d writers", c.writers)
		if c.batch > 1 {
			name += fmt.Sprintf(", batches of %d", c.batch)
		}
		measures := []Measure{{"rate", "events/s", c.rate}, {"p50", "s", c.p50}, {"p99", "s", c.p99}}
		var evs []events.Event
		if err := s.Compare(ctx, name, "raw Pebble", measures, func(ctx context.Context) (Sample, error) {
			evs = w.Accesses(n)
			return Drive(ctx, c.writers, c.batch, evs, func(ctx context.Context, evs []events.Event) error {
				_, err := l.Append(ctx, evs...)
				return err
			})
		}, func(ctx context.Context) (Sample, error) {
			return Drive(ctx, c.writers, c.batch, evs, r.append)
		}); err != nil {
			return err
		}
	}
	if err := s.checked(ctx, 0); err != nil {
		return err
	}
	return s.checked(ctx, s.Events(140_000))
}

// checked has writers append acts, each checked against the states of what it names,
// and facts of about the same size, which are not, to a ledger that recorded a number of
// calls since what the checks look at.
func (s *Session) checked(ctx context.Context, calls int) (err error) {
	const writers = 256
	w := NewWorkload()
	l, err := w.checkedBook(ctx, s, calls)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, l.Close()) }()
	n := max(s.Events(20_000), writers)
	turn := func(make func() events.Event) func(context.Context) (Sample, error) {
		return func(ctx context.Context) (Sample, error) {
			evs := slices.Collect(func(yield func(events.Event) bool) {
				for range n {
					if !yield(make()) {
						return
					}
				}
			})
			return Drive(ctx, writers, 1, evs, func(ctx context.Context, evs []events.Event) error {
				_, err := l.Append(ctx, evs...)
				return err
			})
		}
	}
	return s.Compare(ctx, fmt.Sprintf("checked acts, 256 writers, %d calls after what they name", calls), "unchecked facts", []Measure{{"rate", "events/s", Goal{Least: 1 / 1.25}}, {"p50", "s", Goal{}}}, turn(w.act), turn(w.fact))
}

// checkedBook makes a ledger that has recorded a number of calls since its setup: after
// 131,072 it no longer remembers what that was about. It keeps no index: a commitment
// falls on one turn and not on the next, and costs both alike.
func (w *Workload) checkedBook(ctx context.Context, s *Session, calls int) (*ledger.Ledger, error) {
	dir, err := s.MakeDir()
	if err != nil {
		return nil, err
	}
	l, err := ledger.Create(dir, ledger.Options{Origin: "ledger.example/bench", Logger: s.Logger, Index: ledger.IndexOptions{Off: true}})
	if err != nil {
		return nil, err
	}
	if _, err := l.Append(ctx, w.setup()...); err != nil {
		return nil, firstError(err, l.Close())
	}
	for ; calls > 0; calls -= 1000 {
		if _, err := l.Append(ctx, w.Accesses(min(calls, 1000))...); err != nil {
			return nil, firstError(err, l.Close())
		}
	}
	return l, nil
}

// Drive has a number of writers commit work, a batch at a time.
func Drive[T any](ctx context.Context, writers, batch int, work []T, commit func(context.Context, []T) error) (Sample, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([]float64, len(work)/batch)
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range writers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(took) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				from := time.Now()
				if err := commit(ctx, work[i*batch:(i+1)*batch]); err != nil {
					cancel(err)
					return
				}
				took[i] = time.Since(from).Seconds()
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	elapsed := time.Since(start).Seconds()
	slices.Sort(took)
	return Sample{
		"rate": float64(len(took)*batch) / elapsed,
		"p50":  took[len(took)/2], "p99": took[len(took)*99/100],
	}, nil
}

// raw is a bare Pebble store with the options of the book. It is given what
// events leave there — for each a record row with its share of the tree, an
// identity row and a version row; for each commit a state row and a head row —
// and asks nothing, hashes nothing and encodes nothing.
type raw struct {
	db   *pebble.DB
	next atomic.Int64
	body [350]byte // as much as a record of Workload.access holds
}

func (s *Session) raw() (*raw, error) {
	dir, err := s.MakeDir()
	if err != nil {
		return nil, err
	}
	const memtable = 64 << 20
	cache := ledger.NewCache(256<<20, memtable)
	defer cache.Unref()
	o := &pebble.Options{
		Cache: cache, FormatMajorVersion: 24, MemTableSize: memtable, MemTableStopWritesThreshold: 4,
		L0CompactionThreshold: 2, L0StopWritesThreshold: 1000, Logger: quiet{},
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = 32 << 10
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	db, err := pebble.Open(dir, o)
	if err != nil {
		return nil, err
	}
	r := &raw{db: db}
	for i := range r.body { // a quarter of it does not compress, as hashes do not
		r.body[i] = "abcdefgh"[i%8]
		if i%4 == 0 {
			r.body[i] = byte(rand.Uint32())
		}
	}
	return r, nil
}

// quiet drops what Pebble tells about its work.
type quiet struct{ pebble.Logger }

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...)) // Pebble relies on it not to return
}

func (r *raw) close() error { return r.db.Close() }

func (r *raw) append(_ context.Context, evs []events.Event) error { return r.commit(len(evs)) }

// commit writes and syncs the rows of n events.
func (r *raw) commit(n int) (err error) {
	b := r.db.NewBatch()
	defer func() { err = firstError(err, b.Close()) }()
	var at [8]byte
	var hash [33]byte
	set := func(table byte, key, value []byte) {
		if err == nil {
			err = b.Set(append([]byte{table}, key...), value, nil)
		}
	}
	for range n {
		binary.BigEndian.PutUint64(at[:], uint64(r.next.Add(1)))
		for i := range 4 {
			binary.BigEndian.PutUint64(hash[8*i:], rand.Uint64())
		}
		set('r', at[:], append(r.body[:], hash[:32]...))
		set('i', hash[:32], at[:])
		set('v', append(hash[:16], at[:]...), at[:])
	}
	set('s', hash[:32], at[:])
	set('h', nil, make([]byte, 80))
	if err != nil {
		return err
	}
	return b.Commit(pebble.Sync)
}
