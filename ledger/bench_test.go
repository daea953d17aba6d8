package ledger

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"ledgerline/events"
)

// diskLog creates a ledger on disk.
func diskLog(b *testing.B) *Ledger {
	b.Helper()
	l, err := Create(b.TempDir(), Options{Origin: "ledger.example/bench"})
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

// benchEvent is a call as a platform records it, without personal facets.
func benchEvent(n int64) events.Event {
	return event(fmt.Sprintf("call-%012d", n), "access.call.recorded", &events.AccessRecorded{
		Call: fmt.Sprintf("call-%012d", n), Provider: fmt.Sprintf("P%03d", n%50), Consumer: "P777", Agreement: "A02", AgreementVersion: 1,
		Purpose: "benefit_eligibility", Entry: "DS02", EntryVersion: 1, Method: "api", Columns: []string{"gmsfhm", "swrq"},
		RowCount: 1, Result: events.AccessOK,
	})
}

// BenchmarkAppend appends single events by a number of producers at once, then
// batches by one. ns/op is per event.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64, 256} {
		b.Run(fmt.Sprint("writers=", writers), func(b *testing.B) {
			l := diskLog(b)
			var n atomic.Int64
			b.SetParallelism((writers + 1) / 2) // times GOMAXPROCS
			if writers == 1 {
				for b.Loop() {
					if _, err := l.Append(ctx, benchEvent(n.Add(1))); err != nil {
						b.Fatal(err)
					}
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := l.Append(ctx, benchEvent(n.Add(1))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "events/s")
		})
	}
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			l := diskLog(b)
			n := appendBatches(b, l, size, b.N)
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// appendBatches appends at least n events.
func appendBatches(b *testing.B, l *Ledger, size, n int) (sent int64) {
	b.Helper()
	for int(sent) < n {
		batch := make([]events.Event, size)
		for i := range batch {
			batch[i] = benchEvent(l.Head().Size + int64(i))
		}
		if _, err := l.Append(ctx, batch...); err != nil {
			b.Fatal(err)
		}
		sent += int64(size)
	}
	return sent
}

const benchSize = 50_000

// BenchmarkVerify verifies a store on disk. ns/op is per run.
func BenchmarkVerify(b *testing.B) {
	dir := b.TempDir()
	l, err := Create(dir, Options{Origin: "ledger.example/bench"})
	if err != nil {
		b.Fatal(err)
	}
	appendBatches(b, l, 1000, benchSize)
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := Verify(ctx, dir, VerifyOptions{})
		if err != nil || !r.OK() {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(benchSize*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkInclusion(b *testing.B) {
	l := diskLog(b)
	appendBatches(b, l, 1000, benchSize)
	at := int64(0)
	for b.Loop() {
		at = (at + 7919) % benchSize
		if _, err := l.ProveInclusion(at, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScan reads runs of events. ns/op is per event.
func BenchmarkScan(b *testing.B) {
	l := diskLog(b)
	appendBatches(b, l, 1000, benchSize)
	b.ResetTimer()
	n := 0
	for n < b.N {
		for e, err := range l.Scan(ctx, 0, min(benchSize, int64(b.N-n))) {
			if err != nil || strings.HasPrefix(e.Event.ID, "x") {
				b.Fatal(e, err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}
