package api

import (
	"cmp"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"ledgerline/projections"

	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"
)

// Limits bound what clients can ask of the server. Zero fields take the defaults
// given here; docs/limits.md lists them with what a client is told.
type Limits struct {
	// Connections bounds how many connections are open at once: 4,096. Further ones are
	// not answered before others are closed.
	Connections int
	// HeaderBytes bounds the first line and the headers of a request: 64 KiB.
	HeaderBytes int
	// BodyBytes bounds a request body before and after decoding, and a line of a
	// stream: 32 MiB, because OpenLineage events of over 20 MB occur.
	BodyBytes int64
	// HeldBytes bounds the decoded bodies that are held at once, of all requests
	// together: 256 MiB.
	HeldBytes int64
	// BatchEvents bounds the events of a batch: 10,000.
	BatchEvents int
	// ResultLimit bounds the rows of one answer: 1,000.
	ResultLimit int
	// QueryCost bounds what the questions of one request look at, wanted or not: rows,
	// blocks of posting lists, and nodes of the lineage graph that are gone on from:
	// 5,000,000, which is seconds of a processor.
	QueryCost int64
	// StreamClients bounds how many follow the events at once, and how many send streams
	// of lines: 256 of each. A caller may open one more while more are free than it has.
	StreamClients int
	// ConcurrentWrites bounds how many append at once: 256, a stream of lines only while
	// it does; ConcurrentReads how many other answers are worked out at once: 128.
	ConcurrentWrites, ConcurrentReads int
	// ProcessorWait bounds how long requests may wait for a processor, while many are
	// under way, before others are refused: 100 ms; negative: no bound. It is judged by
	// how long what was ready to run had to wait lately.
	ProcessorWait time.Duration
	// Rate is how many requests a second a principal may send, and Burst how many at
	// once: 1,000 and 2,000. Who has no token is counted by address. Negative: no
	// bound. In development mode nobody is counted.
	Rate  float64
	Burst int
	// Sessions bounds how many people may be signed in at browsers: 10,000. SessionLength is
	// how long one stays so: 8 hours, and no longer than the token lasts.
	Sessions      int
	SessionLength time.Duration
	// ViewLag bounds how many records the views may be behind the book before those
	// who append have to wait for them, at most for Wait, and are then refused:
	// 250,000; negative: no bound. Views that are being built, or have stopped, hold
	// nobody up.
	ViewLag int
	// Wait bounds how long a question, or an append, waits for the views: 10 s.
	Wait time.Duration
	// SenderWait bounds how long a client of OpenLineage waits until its event is
	// durable: 4 s, as these clients give up after 5.
	SenderWait time.Duration
	// Timeout bounds how long any one answer, or step of a stream, takes, sending and
	// receiving included: 60 s.
	Timeout time.Duration
	// Heartbeat is how often an idle stream of events says that it lives: 15 s.
	Heartbeat time.Duration
	// ReadyLag is how far, in recorded time, the views may be behind the book and
	// still be called ready: 30 s.
	ReadyLag time.Duration
}

// DefaultLimits are the defaults.
func DefaultLimits() Limits {
	return Limits{
		Connections: 4096, HeaderBytes: 64 << 10, BodyBytes: 32 << 20, HeldBytes: 256 << 20, BatchEvents: 10_000, ResultLimit: projections.MaxLimit, QueryCost: 5_000_000,
		StreamClients: 256, ConcurrentWrites: 256, ConcurrentReads: 128, ProcessorWait: 100 * time.Millisecond, Rate: 1000, Burst: 2000, Sessions: 10_000, SessionLength: 8 * time.Hour, ViewLag: 250_000,
		Wait: 10 * time.Second, SenderWait: 4 * time.Second, Timeout: time.Minute, Heartbeat: 15 * time.Second, ReadyLag: 30 * time.Second,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	fill(&l.Connections, d.Connections)
	fill(&l.HeaderBytes, d.HeaderBytes)
	fill(&l.BodyBytes, d.BodyBytes)
	fill(&l.HeldBytes, d.HeldBytes)
	fill(&l.BatchEvents, d.BatchEvents)
	fill(&l.ResultLimit, d.ResultLimit)
	fill(&l.QueryCost, d.QueryCost)
	fill(&l.StreamClients, d.StreamClients)
	fill(&l.ConcurrentWrites, d.ConcurrentWrites)
	fill(&l.ConcurrentReads, d.ConcurrentReads)
	fill(&l.ProcessorWait, d.ProcessorWait)
	fill(&l.Rate, d.Rate)
	fill(&l.Burst, d.Burst)
	fill(&l.Sessions, d.Sessions)
	fill(&l.SessionLength, d.SessionLength)
	fill(&l.ViewLag, d.ViewLag)
	fill(&l.Wait, d.Wait)
	fill(&l.SenderWait, d.SenderWait)
	fill(&l.Timeout, d.Timeout)
	fill(&l.Heartbeat, d.Heartbeat)
	fill(&l.ReadyLag, d.ReadyLag)
	return l
}

func fill[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// HTTPServer returns a server of s that cuts off clients who send their headers
// slowly, or too many of them. Bodies and answers are bounded by s itself. What it
// listens on is to be bounded by Listener.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: s.o.Limits.HeaderBytes,
		ConnState: s.metrics.connection}
}

// Listener bounds how many connections of ln are open at once. The system keeps those
// that come beyond that waiting: to refuse them would be answering them.
func (s *Server) Listener(ln net.Listener) net.Listener {
	return netutil.LimitListener(ln, s.o.Limits.Connections)
}

// bound sets how long the client may take to send the rest of its request, and to
// take the answer, before anything is read of it: who is refused, too, may leave a body
// unsent that the HTTP server waits for. Streams bound each of their steps.
func (s *Server) bound(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now, t := time.Now(), s.o.Limits.Timeout
		if err := deadlines(w, now.Add(t+t/8), now.Add(2*t)); err != nil { // an answer that took too long is told so
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// deadlines sets until when the rest of a request has to be there, and its answer taken.
func deadlines(w http.ResponseWriter, sent, taken time.Time) error {
	control := http.NewResponseController(w)
	return errors.Join(supported(control.SetReadDeadline(sent)), supported(control.SetWriteDeadline(taken)))
}

// readSlot takes a place among the answers that are worked out at once, or refuses:
// who waits in a queue would only wait longer the more join it.
func (s *Server) readSlot() (release func(), err error) {
	select {
	case s.reads <- struct{}{}:
		return func() { <-s.reads }, nil
	default:
		return nil, problem(http.StatusServiceUnavailable, "server.busy", "as many answers as the server allows are being worked out", "ask again after the time in Retry-After").after(time.Second)
	}
}

// places bound how many streams of a kind are open at once. A caller gets another while
// more are free than it has: one alone gets half of them, one who comes then half of the
// rest, and so on. So who keeps streams open and idle leaves others theirs, and somebody
// new finds a place until the very last is taken.
type places struct {
	most int

	mu    sync.Mutex
	taken int
	by    map[string]int
}

func newPlaces(most int) *places { return &places{most: most, by: make(map[string]int)} }

// take gives the caller of a request a place, or refuses.
func (p *places) take(r *http.Request) (release func(), err error) {
	who := cmp.Or(callOf(r).caller.Name, address(r))
	p.mu.Lock()
	defer p.mu.Unlock()
	if free := p.most - p.taken; p.by[who] >= free {
		return nil, problem(http.StatusServiceUnavailable, "stream.clients", sayf("%d streams are yours and %d are free: who has as many as are free gets no more", p.by[who], free),
			"end one, try again later, or ask without a stream").after(10 * time.Second)
	}
	p.taken++
	p.by[who]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.taken--
		if p.by[who]--; p.by[who] == 0 {
			delete(p.by, who)
		}
	}, nil
}

// open is how many are taken.
func (p *places) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// holding counts the bytes of the bodies that are held at once.
type holding struct {
	most int64
	now  atomic.Int64
}

// heldBody counts a body while it is read. Its bytes are given back when its request
// has been answered.
type heldBody struct {
	io.ReadCloser
	w    http.ResponseWriter
	held *holding
	n    int64
}

func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	if b.held.now.Add(int64(n)) > b.held.most {
		b.w.Header().Set("Connection", "close") // do not wait for the rest of it
		return 0, problem(http.StatusServiceUnavailable, "server.bodies", "the bodies of the requests under way take all the memory that the server allows them", "send it again after the time in Retry-After; nothing was recorded").after(time.Second)
	}
	return n, err
}

func (b *heldBody) giveBack() { b.held.now.Add(-b.n) }

// rates holds each principal to the rate of requests that it may send.
type rates struct {
	limit rate.Limit
	burst int

	mu sync.Mutex
	by map[string]*sender
	// swept is when those were last left out that need no counting.
	swept time.Time
	// rest is shared by those for whom there is no room.
	rest *sender
}

// A sender is who is counted, and told when to come back.
type sender struct {
	*rate.Limiter
	refused turns
}

// maxRates is for how many principals and addresses it is counted.
const maxRates = 10_000

func newRates(l Limits) *rates {
	if l.Rate < 0 {
		return nil
	}
	r := &rates{limit: rate.Limit(l.Rate), burst: l.Burst, by: make(map[string]*sender)}
	r.rest = r.sender()
	return r
}

// take counts a request of a principal, or of an address; the problem tells when the
// next will be taken.
func (r *rates) take(who string, now time.Time) error {
	if r == nil {
		return nil
	}
	l := r.of(who, now)
	if l.AllowN(now, 1) {
		return nil
	}
	missing := 1 - l.TokensAt(now)
	wait := max(time.Duration(missing/float64(r.limit)*float64(time.Second)), l.refused.next(now, float64(r.limit)))
	return problem(http.StatusTooManyRequests, "limit.rate", sayf("more than %g requests a second were sent", float64(r.limit)),
		"slow down: send again after the time in Retry-After, or many events in one request").after(time.Duration(math.Ceil(wait.Seconds())) * time.Second)
}

func (r *rates) sender() *sender { return &sender{Limiter: rate.NewLimiter(r.limit, r.burst)} }

func (r *rates) of(who string, now time.Time) *sender {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l, ok := r.by[who]; ok {
		return l
	}
	if len(r.by) >= maxRates && now.Sub(r.swept) >= time.Second { // looking at all of them takes time
		r.swept = now
		for name, l := range r.by {
			if l.TokensAt(now) >= float64(r.burst) { // as good as new
				delete(r.by, name)
			}
		}
	}
	if len(r.by) >= maxRates {
		return r.rest
	}
	l := r.sender()
	r.by[who] = l
	return l
}

// address is where a request comes from, without the port.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
