package projections

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger"
)

// benchBook holds a catalog, agreements, many accesses and runs: one run in ten
// records.
func benchBook(b *testing.B, n int) *book {
	bk := newBook(b)
	bk.add(party("P1"), party("P2"), party("P3"))
	bk.add(claim{at: day(1, 2), data: draft("E1", "P2", "Death register", []events.Resource{{Namespace: "pg", Name: "d0", Method: "api"}}, "id", "date")})
	bk.add(inForce("E1", "P2")...)
	bk.add(claim{at: day(2, 1), data: activate("A1", "E1", "id", "date")})
	var batch []events.Event
	for i := range n {
		c := claim{at: day(2, 2), data: access("A1", "id", "date")}
		if i%10 == 0 {
			c = olRun(fmt.Sprint("run", i), fmt.Sprint("job", i%50), "COMPLETE", day(2, 2), inputs(olInput(fmt.Sprint("d", i%50), "id", "date")),
				outputs(olOutput(fmt.Sprint("d", i%50+1), fmt.Sprint("d", i%50), "id", "id", "date", "date")))
		}
		if batch = append(batch, bk.event(c)); len(batch) == 1000 || i == n-1 {
			if _, err := bk.Append(context.Background(), batch...); err != nil {
				b.Fatal(err)
			}
			batch = nil
		}
	}
	return bk
}

// BenchmarkApply measures events applied, in runs as while keeping up (256, 4096)
// and as while catching up (bulkLength).
func BenchmarkApply(b *testing.B) {
	for _, length := range []int64{256, 4096, bulkLength} {
		b.Run(fmt.Sprint(length), func(b *testing.B) {
			bk := benchBook(b, b.N)
			v, err := Open(b.TempDir(), bk.Ledger, Options{FS: vfs.Default})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			size := bk.Head().Size
			for v.Applied()+1 < size {
				if err := v.apply(context.Background(), run{v.Applied() + 1, min(v.Applied()+1+length, size)}); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(size)/b.Elapsed().Seconds(), "events/s")
			if err := v.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkAlone builds each projection by itself, as a rebuild does, and none at all,
// which is what reading the events and noting how far one is costs.
func BenchmarkAlone(b *testing.B) {
	bk := benchBook(b, 50_000)
	size := bk.Head().Size
	alone := []projection{{name: "none", apply: func(*batch, *ledger.Entry) error { return nil }}}
	for _, p := range append(alone, projections...) {
		b.Run(p.name, func(b *testing.B) {
			var spent time.Duration
			for b.Loop() {
				b.StopTimer()
				v, err := Open(b.TempDir(), bk.Ledger, Options{FS: vfs.Default})
				if err != nil {
					b.Fatal(err)
				}
				v.projections = []projection{p}
				b.StartTimer()
				before := processor(b)
				for v.Applied()+1 < size {
					if err := v.apply(context.Background(), run{v.Applied() + 1, min(v.Applied()+1+bulkLength, size)}); err != nil {
						b.Fatal(err)
					}
				}
				spent += processor(b) - before
				b.StopTimer()
				if err := v.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			events := float64(size) * float64(b.N)
			b.ReportMetric(float64(spent.Microseconds())/events, "cpu-µs/event")
			b.ReportMetric(events/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// processor is the processor time of the process so far.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRead measures questions as of a past position.
func BenchmarkRead(b *testing.B) {
	const n = 50_000
	bk := benchBook(b, n)
	v := newViews(b, bk.Ledger)
	for v.Applied()+1 < bk.Head().Size {
		build(b, v, min(v.Applied()+1+4096, bk.Head().Size))
	}
	w := viewAt(b, v, n/2)
	ask := func(name string, q func() error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := q(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	ctx := context.Background()
	ask("entry", func() error { _, _, err := w.Entry(ctx, "E1", 0); return err })
	ask("agreement", func() error { _, _, err := w.Agreement(ctx, "A1", 0); return err })
	ask("timeline100", func() error {
		_, err := w.Timeline(ctx, TimelineQuery{Entry: "E1", Descending: true})
		return err
	})
	ask("accesses100", func() error { _, err := w.Accesses(ctx, AccessQuery{Consumer: "P3"}); return err })
	ask("lineage150nodes", func() error {
		_, err := w.Lineage(ctx, LineageQuery{Node: "dataset:pg/d0", Direction: Down, Depth: 100})
		return err
	})
	ask("columns", func() error {
		_, err := w.Lineage(ctx, LineageQuery{Node: "column:pg/d0#id", Direction: Down, Depth: 100})
		return err
	})
}

// BenchmarkApplyLineage measures OpenLineage events applied: starts and ends of
// runs of 200 jobs, each reading three datasets of twenty columns and writing one.
func BenchmarkApplyLineage(b *testing.B) {
	columns := make([]string, 20)
	for i := range columns {
		columns[i] = fmt.Sprint("column", i)
	}
	bk := newBook(b)
	var batch []events.Event
	for i := range b.N {
		job := i / 2 % 200
		out := olOutput(fmt.Sprint("d", job+1), fmt.Sprint("d", job))
		var in []events.LineageInput
		for j := range 3 {
			in = append(in, olInput(fmt.Sprint("d", max(job-j, 0)), columns...))
			for _, c := range columns {
				out.ColumnLineage = append(out.ColumnLineage, events.ColumnLineage{Field: c, Inputs: []events.ColumnInput{{Namespace: "pg", Name: in[j].Name, Field: c}}})
			}
		}
		c := olRun(fmt.Sprint("run", i/2), fmt.Sprint("job", job), []string{"START", "COMPLETE"}[i%2], day(2, 2)+events.Time(i), in, outputs(out))
		if batch = append(batch, bk.event(c)); len(batch) == 500 || i == b.N-1 {
			if _, err := bk.Append(context.Background(), batch...); err != nil {
				b.Fatal(err)
			}
			batch = nil
		}
	}
	v, err := Open(b.TempDir(), bk.Ledger, Options{FS: vfs.Default})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for size := bk.Head().Size; v.Applied()+1 < size; {
		build(b, v, min(v.Applied()+257, size))
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	if err := v.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkApplyWide measures the OpenLineage events of a bulk import: of runs of ever
// new jobs, each of which makes a dataset of twenty others, applied as a rebuild does.
func BenchmarkApplyWide(b *testing.B) {
	bk := newBook(b)
	var batch []events.Event
	random := rand.New(rand.NewPCG(1, 2))
	for i := range b.N {
		var in []events.LineageInput
		for range 20 {
			in = append(in, olInput(fmt.Sprint("d", random.IntN(i+20))))
		}
		c := olRun(fmt.Sprintf("0198c5a2-6d10-7c3e-9f1b-%012d", i), fmt.Sprint("job", i), "COMPLETE", day(2, 2)+events.Time(i), in, plain(fmt.Sprint("d", i+20)))
		if batch = append(batch, bk.event(c)); len(batch) == 500 || i == b.N-1 {
			if _, err := bk.Append(context.Background(), batch...); err != nil {
				b.Fatal(err)
			}
			batch = nil
		}
	}
	v, err := Open(b.TempDir(), bk.Ledger, Options{FS: vfs.Default})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	before := processor(b)
	for size := bk.Head().Size; v.Applied()+1 < size; {
		if err := v.apply(context.Background(), run{v.Applied() + 1, min(v.Applied()+1+bulkLength, size)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processor(b)-before).Microseconds())/float64(b.N), "cpu-µs/event")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.StopTimer()
	if err := v.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkList lists a catalog of 20,000 entries as of a past position, page by
// page; the index that tells which they are is made before.
func BenchmarkList(b *testing.B) {
	const n = 20_000
	bk := newBook(b)
	bk.add(party("P1"), party("P2"))
	var batch []events.Event
	for i := range n {
		d := draft(fmt.Sprintf("E%06d", i*7919%n), "P2", "Death register", []events.Resource{{Namespace: "pg", Name: fmt.Sprint("d", i), Method: "api"}}, "id", "date", "name", "cause")
		if batch = append(batch, bk.event(claim{at: day(1, 2), data: d})); len(batch) == 1000 {
			if _, err := bk.Append(context.Background(), batch...); err != nil {
				b.Fatal(err)
			}
			batch = nil
		}
	}
	v := newViews(b, bk.Ledger)
	for v.Applied()+1 < bk.Head().Size {
		build(b, v, min(v.Applied()+1+4096, bk.Head().Size))
	}
	w := viewAt(b, v, bk.Head().Size-1-n/10)
	list := func() (listed int) {
		for q := (EntryQuery{Page: Page{Limit: MaxLimit}}); ; {
			page, err := w.Entries(context.Background(), q)
			if err != nil {
				b.Fatal(err)
			}
			listed += len(page.Entries)
			if q.Cursor = page.Next; q.Cursor == "" {
				return listed
			}
		}
	}
	listed := list()
	for b.Loop() {
		list()
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N*listed), "µs/entry")
}
