package notary

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
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
	// Policy names the witnesses; nil: there are none. With one, the published
	// checkpoint moves as they cosign.
	Policy *Policy
	// CosignEvery is how long it takes at least from one cosigned head to the next: 2
	// seconds.
	CosignEvery time.Duration
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
	// Witnesses are those of the policy, Cosigned the newest head that met it.
	Witnesses []WitnessStatus `json:"witnesses,omitzero"`
	Cosigned  *CosignedStatus `json:"cosigned,omitzero"`
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

// New makes a notary. With a policy, the published checkpoint of the ledger moves only
// as the notary runs.
func New(o Options) (*Notary, error) {
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
	if o.CosignEvery == 0 {
		o.CosignEvery = defaultCosignEvery
	}
	n := &Notary{o: o}
	if o.Authority != nil {
		n.status.Authority = &AuthorityStatus{URL: o.Authority.URL}
	}
	if o.Policy == nil {
		return n, nil
	}
	for _, w := range o.Policy.witnesses {
		n.status.Witnesses = append(n.status.Witnesses, WitnessStatus{Name: w.key.Name(), URL: w.url})
	}
	o.Ledger.PublishByHand()
	return n, n.seen()
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
	s.Witnesses = slices.Clone(s.Witnesses)
	if s.Cosigned != nil {
		c := *s.Cosigned
		s.Cosigned = &c
	}
	return s
}

// Policy names the witnesses that are asked; nil if there are none.
func (n *Notary) Policy() *Policy { return n.o.Policy }

// Run asks the outsiders until ctx ends or the ledger is closed.
func (n *Notary) Run(ctx context.Context) {
	var wg sync.WaitGroup
	if n.o.Authority != nil {
		wg.Go(func() { n.anchors(ctx) })
	}
	if n.o.Policy != nil {
		wg.Go(func() { n.cosigning(ctx) })
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
