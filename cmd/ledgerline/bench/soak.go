package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ledgerline/api"
	"ledgerline/events"
)

// soakQuestions are asked in turn while events of every kind come in.
var soakQuestions = []string{
	"/v1/events?limit=20", "/v1/catalog/entries?limit=20", "/v1/catalog/entries/DS0001", "/v1/accesses?limit=20", "/v1/agreements?limit=20",
	"/v1/findings?limit=20", "/v1/status", "/metrics", "/v1/proofs/inclusion?position=0", "/v1/lineage/loose?kind=orphan&limit=20", "/",
}

// A Soak is a steady load of events and questions over a long time, to see whether
// memory and goroutines stay as they are.
type Soak struct {
	Minutes float64
	// Rate is how many events, and how many questions, are sent in a second.
	Rate int
	Out  io.Writer // gets a line for each sample, and the verdict
}

// soakSamples is how often memory and goroutines are looked at, after a collection
// of garbage.
const soakSamples = 40

// soakGrowth is how much the heap may grow from the second quarter of the time to the
// last and be called flat: what views and indexes keep of new events in memory is
// growth that is meant.
const soakGrowth = 1.2

// A sample of a soak.
type soakSample struct{ heap, goroutines float64 }

// Run runs the load in the session's directory and tells whether it was flat.
func (k Soak) Run(ctx context.Context, s *Session) (flat bool, err error) {
	w, dir := NewWorkload(), s.Dir
	l, err := w.Book(ctx, s, dir)
	if err != nil {
		return false, err
	}
	defer func() { err = firstError(err, l.Close()) }()
	v, stop, err := s.running(ctx, l, filepath.Join(dir, "views"))
	if err != nil {
		return false, err
	}
	defer func() { err = firstError(err, stop()) }()
	if err := v.Wait(ctx, l.Head().Size-1); err != nil { // questions are about what is there
		return false, err
	}
	h, err := api.New(api.Options{Ledger: l, Views: v, Dev: true, Logger: s.Logger})
	if err != nil {
		return false, err
	}
	srv, err := listen(h)
	if err != nil {
		return false, err
	}
	defer func() { err = firstError(err, srv.close()) }()

	load := &soakLoad{base: strings.TrimSuffix(srv.url, "/v1/events"), client: &http.Client{Timeout: time.Minute}}
	defer load.client.CloseIdleConnections()
	lctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer func() { cancel(); all.Wait() }()
	all.Go(func() {
		load.pace(lctx, k.Rate, func(int) error {
			text, err := events.EncodeStructured(sendable(w))
			if err != nil {
				return err
			}
			return load.do(lctx, http.MethodPost, "/v1/events", text)
		})
	})
	all.Go(func() {
		load.pace(lctx, k.Rate, func(n int) error {
			return load.do(lctx, http.MethodGet, soakQuestions[n%len(soakQuestions)], nil)
		})
	})
	samples, err := k.watch(ctx, load)
	if err != nil {
		return false, err
	}
	return k.verdict(samples)
}

// sendable is the next event of the mix that clients may send: the ledger makes some
// from others.
func sendable(w *Workload) events.Event {
	for {
		e := w.mixed(1)[0]
		if t, ok := events.Lookup(e.Type); ok && !t.Derived {
			return e
		}
	}
}

// watch takes samples until the time is over.
func (k Soak) watch(ctx context.Context, load *soakLoad) (samples []soakSample, err error) {
	every := time.NewTicker(time.Duration(k.Minutes * float64(time.Minute) / soakSamples))
	defer every.Stop()
	began := time.Now()
	for range soakSamples {
		select {
		case <-every.C:
		case <-ctx.Done():
			return samples, ctx.Err()
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		g := runtime.NumGoroutine()
		samples = append(samples, soakSample{float64(m.HeapAlloc), float64(g)})
		if _, err := fmt.Fprintf(k.Out, "%6.1f min  heap %7.1f MiB  from the system %7.1f MiB  %4d goroutines  %8d requests  %d failed\n",
			time.Since(began).Minutes(), float64(m.HeapAlloc)/(1<<20), float64(m.Sys)/(1<<20), g, load.done.Load(), load.failed.Load()); err != nil {
			return samples, err
		}
	}
	if n := load.failed.Load(); n > 0 {
		return samples, fmt.Errorf("%d requests failed, such as: %w", n, *load.why.Load())
	}
	return samples, nil
}

// verdict compares the last quarter with the second: the first warms up.
func (k Soak) verdict(samples []soakSample) (flat bool, err error) {
	part := func(of []soakSample, f func(soakSample) float64) float64 {
		vs := make([]float64, len(of))
		for i, s := range of {
			vs[i] = f(s)
		}
		return median(vs)
	}
	n := len(samples) / 4
	second, last := samples[n:2*n], samples[len(samples)-n:]
	heap := func(s soakSample) float64 { return s.heap }
	goroutines := func(s soakSample) float64 { return s.goroutines }
	h1, h2, g1, g2 := part(second, heap), part(last, heap), part(second, goroutines), part(last, goroutines)
	flat = h2 <= h1*soakGrowth && g2 <= g1+5
	word := "flat"
	if !flat {
		word = "NOT flat"
	}
	_, err = fmt.Fprintf(k.Out, "%s: heap %.1f to %.1f MiB, goroutines %.0f to %.0f (medians of the second and of the last quarter)\n", word, h1/(1<<20), h2/(1<<20), g1, g2)
	return flat, err
}

// soakLoad sends requests and counts what came of them.
type soakLoad struct {
	base         string
	client       *http.Client
	done, failed atomic.Int64
	why          atomic.Pointer[error] // the last failure
}

// pace does something rate times a second, one after the other.
func (l *soakLoad) pace(ctx context.Context, rate int, do func(n int) error) {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := do(n)
		if ctx.Err() != nil {
			return
		}
		l.done.Add(1)
		if err != nil {
			l.why.Store(&err)
			l.failed.Add(1)
		}
	}
}

func (l *soakLoad) do(ctx context.Context, method, path string, body []byte) (err error) {
	r, err := http.NewRequestWithContext(ctx, method, l.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", events.MediaTypeStructured)
	res, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, res.Status, text)
	}
	return err
}
