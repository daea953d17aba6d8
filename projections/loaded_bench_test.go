package projections

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/projections/graph"
)

// BenchmarkLoadGraph loads graphs of ten million edges from the steps in a store on
// the disk, as a start of the server does: of datasets, where two or three others
// went into each and some of the edges end again, and of jobs that tell columns,
// with one of 100,000 sets of ten columns for each flow.
func BenchmarkLoadGraph(b *testing.B) {
	const edges = 10_000_000
	for _, c := range []struct {
		name    string
		columns int // pairs in a set; 0: no sets
	}{{"datasets", 0}, {"columns", 10}} {
		b.Run(c.name, func(b *testing.B) {
			fs, dir := vfs.Default, b.TempDir()
			s, err := openStore(dir, fs, 128<<20, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			if err := writeSteps(b.Context(), s, edges, c.columns); err != nil {
				b.Fatal(err)
			}
			if err := s.db.Close(); err != nil {
				b.Fatal(err)
			}
			var size graph.Size
			before := processorTime(b)
			for b.Loop() {
				s, err := openStore(dir, fs, 128<<20, slog.New(slog.DiscardHandler))
				if err != nil {
					b.Fatal(err)
				}
				g, err := s.loadGraph(context.Background())
				if err != nil {
					b.Fatal(err)
				}
				size = g.Size()
				if err := s.db.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(processorTime(b).Seconds()/float64(b.N)-before.Seconds()/float64(b.N), "cpu-s/load")
			b.ReportMetric(float64(size.Spans), "edges")
			b.ReportMetric(float64(size.Nodes), "nodes")
			b.ReportMetric(float64(size.Bytes)/1e6, "MB")
			b.ReportMetric(float64(size.Columns)/1e6, "MB-of-columns")
		})
	}
}

// writeSteps writes the steps of a graph with so many edges: a record for each
// dataset that tells what went into it.
func writeSteps(ctx context.Context, s *store, edges, columns int) error {
	const layers, sets = 20, 100_000
	rng := rand.New(rand.NewPCG(3, uint64(edges)))
	width := edges * 2 / 5 / layers
	b := s.begin()
	told := make([]graph.Edge, 0, edges)
	keep := func() error {
		if err := b.keepStep(); err != nil {
			return err
		}
		b.steps = nil
		if b.size < batchBytes {
			return nil
		}
		if err := b.ingest(ctx, meta{}); err != nil {
			return err
		}
		b = s.begin()
		return nil
	}
	for i := range edges * 2 / 5 {
		b.at = int64(i)
		to, layer := uint32(i+1), i/width
		b.step.change(graph.Change{Edge: graph.Edge{Kind: graph.Born, From: to, To: uint32(graph.Dataset)}, Is: graph.Declared})
		for range min(layer, 1) * (2 + rng.IntN(2)) {
			e := graph.Edge{Kind: graph.Flow, From: uint32((layer-1)*width + rng.IntN(width) + 1), To: to}
			if columns > 0 {
				e.Set = uint32(min(len(told)+1, sets))
				if len(told) < sets {
					set := graph.ColumnSet{ID: e.Set}
					for c := range uint32(columns) {
						set.Pairs = append(set.Pairs, graph.Pair{From: 1 + (c+e.Set)%100, To: 1 + c})
					}
					b.step.sets = append(b.step.sets, set)
				}
			}
			b.step.change(graph.Change{Edge: e, Is: graph.Declared})
			told = append(told, e)
		}
		if err := keep(); err != nil {
			return err
		}
	}
	// Since edges of one dataset may be the same, only the first of a hundred ends.
	for i := 0; i < len(told); i += 100 {
		b.at = int64(edges + i)
		b.step.change(graph.Change{Edge: told[i], Was: graph.Declared})
		if err := keep(); err != nil {
			return err
		}
	}
	return b.ingest(ctx, meta{})
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
