package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// BenchmarkIndexKeepsUp appends at a steady 20,000 events a second, in batches of
// 100 by four producers, to a ledger that keeps no index and to one that does with
// the default options, in turn. It tells the rate that was reached, the processor
// time for each event, and how far the newest commitment was behind the durable
// head at worst, in records and in time; and it says what follows: the index keeps
// up if the rate was reached with it and the lag stayed within what makes a
// commitment due and what may arrive while it is made, as much again. If the rate was
// not reached without the index either, nothing follows: the machine is too slow, or
// others use it. One op is five seconds of each.
func BenchmarkIndexKeepsUp(b *testing.B) {
	const rate, producers, batch, seconds = 20_000, 4, 100, 5
	bare, l := diskLog(b), diskLogWith(b, Options{})
	var next int64
	var alone, with, worst, behind, reached, bareReached []float64
	steady := func(l *Ledger) (perSecond, micros float64) {
		start, used := time.Now(), cpuSeconds()
		var wg sync.WaitGroup
		for p := range int64(producers) {
			wg.Go(func() {
				const every = time.Second * batch * producers / rate
				for i := range int64(rate * seconds / batch / producers) {
					time.Sleep(time.Until(start.Add(time.Duration(i) * every)))
					evs := make([]events.Event, batch)
					for j := range evs {
						evs[j] = benchEvent(next + (i*batch+int64(j))*producers + p)
					}
					if _, err := l.Append(ctx, evs...); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		return rate * seconds / time.Since(start).Seconds(), (cpuSeconds() - used) * 1e6 / (rate * seconds)
	}
	for b.Loop() {
		barePerSecond, micros := steady(bare)
		bareReached, alone = append(bareReached, barePerSecond), append(alone, micros)
		lag := watchLag(l)
		perSecond, micros := steady(l)
		reached, with = append(reached, perSecond), append(with, micros)
		records, late := lag()
		worst, behind = append(worst, float64(records)), append(behind, late.Seconds())
		next += rate * seconds
	}
	b.ReportMetric(middleOf(reached), "events/s")
	b.ReportMetric(middleOf(alone), "cpu-us/event-without")
	b.ReportMetric(middleOf(with), "cpu-us/event")
	b.ReportMetric(middleOf(worst), "lag-records")
	b.ReportMetric(middleOf(behind), "lag-s")
	b.ReportMetric(middleOf(bareReached), "events/s-without")
	const almost, bound = 0.99 * rate, 2 * 32_768
	switch lag := middleOf(worst); {
	case middleOf(bareReached) < almost:
		b.Logf("no verdict: without the index, %.0f of %d events/s were reached", middleOf(bareReached), rate)
	case middleOf(reached) < almost:
		b.Logf("the index does not keep up: with it %.0f events/s were reached, without it %.0f", middleOf(reached), middleOf(bareReached))
	case lag > bound:
		b.Logf("the index does not keep up: it was %.0f records behind, more than %d", lag, bound)
	default:
		b.Logf("the index keeps up: at %.0f events/s it was %.0f records behind at worst", middleOf(reached), lag)
	}
}

// diskLogWith is diskLog with options.
func diskLogWith(b *testing.B, o Options) *Ledger {
	b.Helper()
	o.Origin = "ledger.example/bench"
	l, err := Create(b.TempDir(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}

func middleOf(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// watchLag watches how far the newest commitment is behind the durable head until
// the function it returns is called, which tells the worst it saw: in records, and
// in time since the last record that is covered was the head.
func watchLag(l *Ledger) func() (int64, time.Duration) {
	done, ended := make(chan struct{}), make(chan struct{})
	var worst int64
	var behind time.Duration
	go func() {
		defer close(ended)
		type mark struct {
			size int64
			at   time.Time
		}
		var marks []mark // heads not covered yet
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case now := <-tick.C:
				state, err := l.IndexState()
				head := l.Head().Size
				if err != nil && !errors.Is(err, ErrNoIndex) {
					return
				}
				marks = append(marks, mark{head, now})
				for len(marks) > 0 && marks[0].size <= state.Size {
					marks = marks[1:]
				}
				worst = max(worst, head-state.Size)
				if len(marks) > 0 {
					behind = max(behind, now.Sub(marks[0].at))
				}
			}
		}
	}()
	return func() (int64, time.Duration) {
		close(done)
		<-ended
		return worst, behind
	}
}

// fillLog appends events in batches, without an index so that it takes no time.
func fillLog(b *testing.B, dir string, n int64) {
	b.Helper()
	l, err := Create(dir, Options{Origin: "ledger.example/bench", Index: IndexOptions{Off: true}})
	if err != nil {
		b.Fatal(err)
	}
	for at := int64(0); at < n; at += 1000 {
		evs := make([]events.Event, min(1000, n-at))
		for i := range evs {
			evs[i] = benchEvent(at + int64(i))
		}
		if _, err := l.Append(ctx, evs...); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkIndexAnew makes the index of 200,000 events from the records.
func BenchmarkIndexAnew(b *testing.B) {
	const n = 200_000
	dir := b.TempDir()
	fillLog(b, dir, n)
	l, err := Open(dir, Options{Index: IndexOptions{Off: true}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	}()
	for b.Loop() {
		x := newIndexer(l)
		if x.store, err = openIndexStore(l.opts, b.TempDir()); err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(x.advance(ctx, n), x.store.close()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkProveCompleteness proves a window of 100 records of a key that 1,000,000
// bear. It tells how many bytes the proof has beside the records: all but their
// leaves, bodies and salts.
func BenchmarkProveCompleteness(b *testing.B) {
	n := int64(1_000_000)
	if testing.Short() {
		n = 100_000
	}
	dir := b.TempDir()
	fillLog(b, dir, n)
	l, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	}()
	if err := l.CommitIndex(ctx); err != nil {
		b.Fatal(err)
	}
	names := []proof.Name{{"entry", "DS02"}}
	var size, rest, at int64
	used := cpuSeconds()
	for b.Loop() {
		at = (at*7919 + 104_729) % (n - 200)
		from, err := l.timeOf(1 + at)
		if err != nil {
			b.Fatal(err)
		}
		to, err := l.timeOf(1 + at + 100)
		if err != nil {
			b.Fatal(err)
		}
		p, shown, err := l.ProveCompleteness(ctx, proof.Question{Names: names, From: from, To: to}, 0)
		if err != nil || shown.Matches != 100 || !shown.Closed {
			b.Fatalf("%+v, %v", shown, err)
		}
		size = int64(len(p.Marshal()))
		p.Records = nil
		rest = int64(len(p.Marshal()))
	}
	b.ReportMetric((cpuSeconds()-used)*1e3/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(size), "bytes")
	b.ReportMetric(float64(rest), "bytes-beside-records")
}

// BenchmarkPastTrees makes the index of records of seven keys each, of which one is
// new, two are among 10,000 and four are everywhere, with a commitment after every
// 20, 1,000 or 30,000. It tells how many bytes earlier trees take for a record, and
// all rows, and what a lookup and a window of 100 cost as of a random commitment.
func BenchmarkPastTrees(b *testing.B) {
	for _, c := range []struct{ n, every int64 }{{60_000, 20}, {300_000, 1_000}, {1_200_000, 30_000}} {
		b.Run(fmt.Sprintf("records=%d/every=%d", c.n, c.every), func(b *testing.B) {
			s, err := openIndexStore(Options{}.withDefaults(b.TempDir()), filepath.Join(b.TempDir(), "index"))
			if err != nil {
				b.Fatal(err)
			}
			hot := proof.Key("entry", "hot")
			var sizes []int64
			rng := rand.New(rand.NewPCG(1, 2))
			for s.meta.Size < c.n {
				run := indexed{entries: map[proof.Hash][]proof.IndexEntry{}, size: s.meta.Size + c.every}
				for at := s.meta.Size; at < run.size; at++ {
					e := proof.IndexEntry{Position: at, Time: at, Leaf: proof.Hash{byte(at), byte(at >> 8), byte(at >> 16)}}
					for _, key := range []proof.Hash{hot, {1}, {2}, {3}, proof.Key("party", fmt.Sprint(rng.IntN(10_000))), proof.Key("party", fmt.Sprint(rng.IntN(10_000))), proof.Key("entry", fmt.Sprint(at))} {
						run.entries[key] = append(run.entries[key], e)
					}
				}
				if err := s.add(run); err != nil {
					b.Fatal(err)
				}
				sizes = append(sizes, run.size)
			}
			if err := errors.Join(s.db.Flush(), s.db.Compact(ctx, []byte{0}, []byte{255}, false)); err != nil {
				b.Fatal(err)
			}
			trees, err := s.db.EstimateDiskUsage([]byte{indexPartsRow}, []byte{indexPartsRow + 1})
			if err != nil {
				b.Fatal(err)
			}
			all, err := s.db.EstimateDiskUsage([]byte{0}, []byte{255})
			if err != nil {
				b.Fatal(err)
			}
			used := cpuSeconds()
			for b.Loop() {
				size := sizes[rng.IntN(len(sizes))]
				tree, err := treeOver(s.db, size)
				if err != nil {
					b.Fatal(err)
				}
				rows := indexReader{r: s.db, end: size}
				lookup, err := tree.Lookup(hot, rows.leaves)
				if err == nil {
					var log *keyLogReader
					if log, err = newKeyLogReader(s.db, hot); err == nil {
						_, _, _, err = proof.ProvePart(lookup, hot, size/2, size/2+100, log.reader())
						err = errors.Join(err, log.close())
					}
				}
				if err := errors.Join(err, rows.close()); err != nil || lookup.Leaf.Count != uint64(size) {
					b.Fatalf("%+v, %v", lookup.Leaf, err)
				}
			}
			b.ReportMetric((cpuSeconds()-used)*1e3/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(trees)/float64(c.n), "tree-bytes/record")
			b.ReportMetric(float64(all)/float64(c.n), "index-bytes/record")
			if err := s.close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
