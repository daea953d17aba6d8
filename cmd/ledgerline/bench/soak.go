package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ledgerline/api"
	"ledgerline/events"
	"ledgerline/ledger"
)

// soakQuestions are asked in turn: lists, single things, pages, proofs, lineage, the past,
// and some that are refused.
var soakQuestions = []string{
	"/v1/events?limit=20", "/v1/catalog/entries?limit=20", "/v1/catalog/entries/DS0001", "/v1/catalog/entries/DS0002?as_of=1000", "/v1/accesses?limit=20",
	"/v1/agreements?limit=20", "/v1/findings?limit=20", "/v1/status", "/metrics", "/v1/proofs/inclusion?position=0", "/v1/proofs/consistency?from=1",
	"/v1/records/700", "/v1/lineage/loose?kind=orphan&limit=20", "/v1/lineage?node=job:airflow/job0004", "/v1/agreements/A0007",
	"/v1/catalog/entries?text=DS0011", "/", "/catalog", "/events", "/lineage?node=job:airflow/job0004", "/findings?limit=20", "/log/checkpoint",
	"/v1/catalog/entries/none", "/v1/findings?limit=-1",
}

// soakFill is how many events fill what the book and the views keep of the latest: of
// 65,536 subjects and identities, and of 16 MiB of rows.
const soakFill = 150_000

// A Soak is a steady load of events and questions over a long time, to see whether
// memory and goroutines stay as they are.
//
// It begins with a ledger of so many events that what is kept of the latest ones, up to
// a bound, is full: else filling it would look like growth. For the first quarter of the
// time it warms up. In the second and third, events of
// every kind come in beside the questions: what memory grows by then is what views and
// indexes keep of an event, and is judged by the event. In the last quarter nothing
// new comes: events that are there already are sent again. What grows then is lost.
type Soak struct {
	Minutes float64
	// Rate is how many events, and how many questions, are sent in a second.
	Rate int
	Out  io.Writer // gets a line for each sample, and the verdict
}

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
	if _, err := fmt.Fprintf(k.Out, "recording %d events first\n", soakFill); err != nil {
		return false, err
	}
	if err := w.fill(ctx, s, l, soakFill); err != nil {
		return false, err
	}
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
	last := []byte(nil)
	all.Go(func() {
		load.pace(lctx, k.Rate, func(int) error {
			if last == nil || !load.repeat.Load() {
				var err error
				if last, err = events.EncodeStructured(sendable(w)); err != nil {
					return err
				}
			}
			return load.do(lctx, http.MethodPost, "/v1/events", last)
		})
	})
	all.Go(func() {
		load.pace(lctx, k.Rate, func(n int) error {
			return load.do(lctx, http.MethodGet, soakQuestions[n%len(soakQuestions)], nil)
		})
	})
	all.Go(func() { load.pace(lctx, 1, func(int) error { return load.follow(lctx, l.Head()) }) })
	return k.watch(ctx, load, func() (events, stores float64, err error) {
		book, index, err := l.Memory()
		if err != nil {
			return 0, 0, err
		}
		view, err := v.At(-1)
		if err != nil {
			return 0, 0, err
		}
		views := view.Memory()
		for _, m := range []ledger.Memory{book, index, views} {
			stores += float64(m.Cache + m.Memtables)
		}
		return float64(l.Head().Size), stores, view.Close()
	})
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

// soakLoad sends requests and counts what came of them.
type soakLoad struct {
	base         string
	client       *http.Client
	done, failed atomic.Int64
	repeat       atomic.Bool           // nothing new is to be sent
	pause        sync.RWMutex          // held, to read, by each request
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
		l.pause.RLock()
		err := do(n)
		l.pause.RUnlock()
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

// follow begins to follow the events, takes the last one and goes away.
func (l *soakLoad) follow(ctx context.Context, head ledger.Head) (err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/v1/events/stream?from=%d", l.base, head.Size-1), nil)
	if err != nil {
		return err
	}
	res, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, res.Body.Close()) }()
	_, err = io.ReadFull(res.Body, make([]byte, 64))
	return err
}

// do sends a request. That some are refused is part of the load; none may fail.
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
	if err == nil && res.StatusCode >= 500 {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, res.Status, text)
	}
	return err
}
