package bench

import (
	"path/filepath"
	"testing"
)

// BenchmarkRebuild builds all views anew from 20,000 events of the mix, again and again.
func BenchmarkRebuild(b *testing.B) {
	w, s := NewWorkload(), &Session{Dir: b.TempDir()}
	l, err := w.Book(b.Context(), s, filepath.Join(s.Dir, "book"))
	if err != nil {
		b.Fatal(err)
	}
	if err := w.fill(b.Context(), s, l, 20_000); err != nil {
		b.Fatal(err)
	}
	v, stop, err := s.running(b.Context(), l, filepath.Join(s.Dir, "views"))
	if err != nil {
		b.Fatal(err)
	}
	if err := v.Wait(b.Context(), l.Head().Size-1); err != nil {
		b.Fatal(err)
	}
	records := 0.0
	spent := processor()
	for b.Loop() {
		r, err := v.Rebuild(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		records += float64(r.Records)
	}
	b.ReportMetric(1e6*(processor()-spent)/records, "cpu-µs/event")
	b.ReportMetric(records/b.Elapsed().Seconds(), "events/s")
	if err := firstError(stop(), l.Close()); err != nil {
		b.Fatal(err)
	}
}
