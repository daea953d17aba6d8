package projections

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"ledgerline/projections/graph"
)

// lineageView is the name of the view whose graph is kept in memory.
const lineageView = "lineage"

// loading is the lineage graph, and how far its loading is. It is loaded from the
// steps in the store when the views are opened, and then follows what is applied.
type loading struct {
	stop        context.CancelFunc
	done        chan struct{} // closed when graph or err is set
	graph       *graph.Graph
	err         error
	read, total atomic.Int64 // records
}

// LoadingError is returned for a question that needs what is still being loaded: the
// lineage graph, or the index of the catalog's words.
type LoadingError struct {
	What          string
	Loaded, Total int64 // records; of the index that is made at a start, catalog entries
}

func (e *LoadingError) Error() string {
	return fmt.Sprintf("the %s is being loaded: %d of %d so far; ask again in a moment", e.What, e.Loaded, e.Total)
}

// loadPatience is how long a question waits for the graph. A small one is there
// by then.
const loadPatience = 2 * time.Second

// Loaded waits until the lineage graph and the catalog's index of words are in memory, as
// far as the views had come when they were opened, or cannot be: Status says which.
func (v *Views) Loaded(ctx context.Context) error {
	v.mu.Lock()
	s := v.store
	v.mu.Unlock()
	for _, done := range []chan struct{}{s.lineage.done, s.search.making.made} {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// startLoading begins to load the graph of a store that has applied so much.
// failed is told why it cannot be loaded.
func (s *store) startLoading(applied int64, failed func(error)) {
	ctx, stop := context.WithCancel(context.Background())
	l := &s.lineage
	l.stop, l.done = stop, make(chan struct{})
	l.total.Store(applied + 1)
	go func() {
		defer close(l.done)
		began := time.Now()
		if l.graph, l.err = s.loadGraph(ctx); l.err != nil {
			l.err = fmt.Errorf("loading the lineage graph: %w", l.err)
			if ctx.Err() == nil {
				failed(l.err)
			}
			return
		}
		if l.read.Load() > 0 {
			size := l.graph.Size()
			s.log.Info("views: lineage graph loaded", "edges", size.Spans, "nodes", size.Nodes, "bytes", size.Bytes, "took", time.Since(began))
		}
	}()
}

// end stops what goes on in the background.
func (l *loading) end() {
	if l.stop == nil {
		return
	}
	l.stop()
	<-l.done
	if l.graph != nil {
		l.graph.Wait()
	}
}

// progress reports whether the graph is still being loaded, and how far that is.
func (l *loading) progress() (loading bool, read, total int64) {
	select {
	case <-l.done:
		return false, 0, 0
	default:
		return true, l.read.Load(), l.total.Load()
	}
}

// loaded waits for the graph.
func (l *loading) loaded(ctx context.Context) (*graph.Graph, error) {
	select {
	case <-l.done:
		return l.graph, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// graph is the lineage graph as of the view's position.
func (w *View) graph() (graph.View, error) {
	ctx, cancel := context.WithTimeout(context.Background(), loadPatience)
	defer cancel()
	l := &w.store.lineage
	g, err := l.loaded(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		_, read, total := l.progress()
		return graph.View{}, &LoadingError{"lineage graph", read, total}
	}
	if err != nil {
		return graph.View{}, err
	}
	return g.At(w.at), nil
}

// loadGraph reads all steps.
func (s *store) loadGraph(ctx context.Context) (*graph.Graph, error) {
	l := graph.NewLoader()
	var step graph.Step
	err := s.every(tStep, func(r row) error {
		if err := step.Parse(r.position, r.body); err != nil {
			return damagedBy(fmt.Errorf("step of position %d: %w", r.position, err))
		}
		if err := l.Add(&step); err != nil {
			return damagedBy(err)
		}
		s.lineage.read.Store(r.position + 1)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	return l.Graph(graph.Options{Logger: s.log}), nil
}
