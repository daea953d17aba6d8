package bench

import (
	"context"
	"fmt"
	"testing"

	"ledgerline/events"
)

// BenchmarkChecked has 256 writers append acts that are checked, and facts that are not,
// in turn, to a new ledger and to one that has recorded much since what the checks look
// at. What it tells is processor time.
func BenchmarkChecked(b *testing.B) {
	for _, calls := range []int{0, 140_000} {
		b.Run(fmt.Sprintf("after=%d", calls), func(b *testing.B) { benchChecked(b, calls) })
	}
}

func benchChecked(b *testing.B, calls int) {
	const writers, turn = 256, 20_000
	w := NewWorkload()
	l, err := w.checkedBook(b.Context(), &Session{Dir: b.TempDir(), Scale: 1}, calls)
	if err != nil {
		b.Fatal(err)
	}
	commit := func(ctx context.Context, evs []events.Event) error {
		_, err := l.Append(ctx, evs...)
		return err
	}
	var acts, facts float64
	for b.Loop() {
		for _, k := range []struct {
			make  func() events.Event
			spent *float64
		}{{w.act, &acts}, {w.fact, &facts}} {
			evs := make([]events.Event, turn)
			for i := range evs {
				evs[i] = k.make()
			}
			from := processor()
			if _, err := Drive(b.Context(), writers, 1, evs, commit); err != nil {
				b.Fatal(err)
			}
			*k.spent += processor() - from
		}
	}
	b.ReportMetric(1e6*acts/float64(turn*b.N), "cpu-µs/act")
	b.ReportMetric(1e6*facts/float64(turn*b.N), "cpu-µs/fact")
	b.ReportMetric(acts/facts, "of-fact")
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}
