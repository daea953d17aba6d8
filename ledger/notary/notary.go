package notary

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Options say who attests, and how often. Ledger is required.
type Options struct {
	Ledger *ledger.Ledger
	Logger *slog.Logger // nil discards
	// Authority timestamps heads; nil: nobody does.
	Authority *Authority
	// AnchorEvery is how long it takes at least from one anchor to the next: 10
	// minutes. A ledger that nobody writes to makes none.
	AnchorEvery time.Duration
	// Timeout bounds each request: 20 s.
	Timeout time.Duration
	Client  *http.Client     // nil is one of its own
	Now     func() time.Time // nil is the system's clock
}

// A Notary asks the outsiders. Run does the work; its methods may be called from
// any goroutine.
type Notary struct {
	o Options

	mu     sync.Mutex // guards what follows
	status Status
}

// Status says how the outsiders are doing.
type Status struct {
	// Authority is nil if none is configured.
	Authority *AuthorityStatus `json:"authority,omitzero"`
}

// AuthorityStatus says how the timestamping authority is doing.
type AuthorityStatus struct {
	URL string `json:"url"`
	// Size and Time are those of the last anchor; absent before the first.
	Size int64       `json:"size,omitzero"`
	Time events.Time `json:"time,omitzero"`
	// Failures counts those since the last success; Error is the last of them.
	Failures int    `json:"failures"`
	Error    string `json:"error,omitzero"`
}

// New makes a notary.
func New(o Options) *Notary {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.AnchorEvery == 0 {
		o.AnchorEvery = 10 * time.Minute
	}
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Notary{o: o}
	if o.Authority != nil {
		n.status.Authority = &AuthorityStatus{URL: o.Authority.URL}
	}
	return n
}

// Status returns how the outsiders are doing.
func (n *Notary) Status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.status
	if s.Authority != nil {
		a := *s.Authority
		s.Authority = &a
	}
	return s
}

// Run asks the outsiders until ctx ends or the ledger is closed.
func (n *Notary) Run(ctx context.Context) {
	var wg sync.WaitGroup
	if n.o.Authority != nil {
		wg.Go(func() { n.anchors(ctx) })
	}
	wg.Wait()
}

// sleep waits; false if ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// backoff is how long to wait after a number of failures in a row.
func backoff(every time.Duration, failures int) time.Duration {
	return min(every<<min(failures, 4), max(every, time.Hour))
}
