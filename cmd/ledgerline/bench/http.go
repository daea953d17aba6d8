package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"ledgerline/api"
	"ledgerline/events"
	"ledgerline/ledger"
)

// benchHTTP: clients post events, alone and in batches, to a server, and to the
// same server with its store replaced by nothing, and by raw Pebble. Clients and
// server share the machine. The views are open and do not run: what they cost is
// told by views.
func benchHTTP(ctx context.Context, s *Session) (err error) {
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
	raw, err := s.raw()
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, raw.close()) }()
	receipt, err := oneReceipt(ctx, w, l)
	if err != nil {
		return err
	}
	nothing := func(_ context.Context, evs ...events.Event) ([]ledger.Receipt, error) {
		rs := make([]ledger.Receipt, len(evs))
		for i := range rs {
			rs[i] = receipt
		}
		return rs, nil
	}
	pebble := func(ctx context.Context, evs ...events.Event) ([]ledger.Receipt, error) {
		if err := raw.commit(len(evs)); err != nil {
			return nil, err
		}
		return nothing(ctx, evs...)
	}
	v, stop, err := s.running(ctx, l, filepath.Join(dir, "views"))
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, stop()) }()
	serve := func(store func(context.Context, ...events.Event) ([]ledger.Receipt, error)) (*server, error) {
		h, err := api.New(api.Options{Ledger: l, Views: v, Dev: true, Append: store, Logger: s.Logger, Limits: api.Limits{ViewLag: -1, ProcessorWait: -1, ConcurrentWrites: 1024}})
		if err != nil {
			return nil, err
		}
		return listen(h)
	}
	for _, c := range []struct {
		clients, batch, events int
		beside                 string
		store                  func(context.Context, ...events.Event) ([]ledger.Receipt, error)
		rate                   Goal
	}{
		{1, 1, 500, "raw Pebble", pebble, Goal{}},
		{256, 1, 10_000, "no store", nothing, Goal{Least: 0.80}},
		{256, 1, 10_000, "raw Pebble", pebble, Goal{}},
		{4, 100, 20_000, "raw Pebble", pebble, Goal{}},
		{4, 1000, 40_000, "raw Pebble", pebble, Goal{Least: 0.60}},
	} {
		if err := s.overHTTP(ctx, w, c.clients, c.batch, c.events, c.beside, c.rate, serve, c.store); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) overHTTP(ctx context.Context, w *Workload, clients, batch, n int, beside string, rate Goal,
	serve func(func(context.Context, ...events.Event) ([]ledger.Receipt, error)) (*server, error),
	store func(context.Context, ...events.Event) ([]ledger.Receipt, error),
) (err error) {
	ours, err := serve(nil)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, ours.close()) }()
	other, err := serve(store)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, other.close()) }()
	name := fmt.Sprintf("%d clients", clients)
	if batch > 1 {
		name += fmt.Sprintf(", batches of %d", batch)
	}
	n = max(s.Events(n)/batch, clients)
	var bodies [][]byte
	return s.Compare(ctx, name, beside, []Measure{{"rate", "events/s", rate}, {"p50", "s", Goal{}}, {"p99", "s", Goal{}}},
		func(ctx context.Context) (Sample, error) {
			if bodies, err = requests(w, n, batch); err != nil {
				return nil, err
			}
			return ours.post(ctx, clients, batch, bodies)
		}, func(ctx context.Context) (Sample, error) { return other.post(ctx, clients, batch, bodies) })
}

// oneReceipt records an event for a receipt to answer with.
func oneReceipt(ctx context.Context, w *Workload, l *ledger.Ledger) (ledger.Receipt, error) {
	rs, err := l.Append(ctx, w.access())
	if err != nil {
		return ledger.Receipt{}, err
	}
	return rs[0], nil
}

// requests are n bodies of events, each a batch if that is more than one.
func requests(w *Workload, n, batch int) ([][]byte, error) {
	bodies := make([][]byte, n)
	for i := range bodies {
		parts := make([][]byte, batch)
		for j := range parts {
			var err error
			if parts[j], err = events.EncodeStructured(w.access()); err != nil {
				return nil, err
			}
		}
		if bodies[i] = parts[0]; batch > 1 {
			bodies[i] = fmt.Appendf(nil, "[%s]", bytes.Join(parts, []byte(",")))
		}
	}
	return bodies, nil
}

// server serves a handler on a port of its own.
type server struct {
	api  *api.Server
	http http.Server
	url  string
	done chan error
}

func listen(h *api.Server) (*server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{api: h, url: "http://" + ln.Addr().String() + "/v1/events", done: make(chan error, 1)}
	s.http.Handler = h
	go func() { s.done <- s.http.Serve(ln) }()
	return s, nil
}

func (s *server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := firstError(s.api.Drain(ctx), s.http.Shutdown(ctx))
	if served := <-s.done; served != http.ErrServerClosed {
		err = firstError(err, served)
	}
	return err
}

// post has a number of clients, each with a connection of its own, send bodies.
func (s *server) post(ctx context.Context, clients, batch int, bodies [][]byte) (Sample, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	media := events.MediaTypeStructured
	if batch > 1 {
		media = events.MediaTypeBatch
	}
	got, err := Drive(ctx, clients, 1, bodies, func(ctx context.Context, body [][]byte) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body[0]))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", media)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(resp.Body)
		if err := firstError(err, resp.Body.Close()); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusCreated {
			return fmt.Errorf("POST %s: %s: %.300s", s.url, resp.Status, answer)
		}
		return nil
	})
	if err == nil {
		got["rate"] *= float64(batch)
	}
	return got, err
}
