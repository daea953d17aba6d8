package api

import (
	"math"
	"math/rand/v2"
	"net/http"
	"runtime"
	measured "runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How congestion is judged. Requests that are ready wait for a processor in the queue of
// the Go runtime, before any of our code can count them: places for answers fill up only
// with those that have run. So it is asked how long what was ready had to wait.
const (
	// congestionLook is how often that is asked, while requests come.
	congestionLook = 50 * time.Millisecond
	// congestionShare is the share of waits that have to be too long: what a handler
	// hands on runs at once, however many wait.
	congestionShare = 0.1
	// congestionRequests is how many requests for each processor have to be under way, or
	// to have come since it was asked last. What else makes goroutines wait, such as a
	// machine shared with others, does not go away by refusing a few.
	congestionRequests = 16
	// Of a thousand requests so many more are refused at a look at congestion, and half as
	// many again as before; without it, a quarter fewer. To refuse all at once would leave
	// the processors idle until these come again. A tenth is always let in.
	congestionStep, congestionMost = 50, 900
)

// congestion refuses some of the requests while those before them wait longer for a processor than
// they should.
type congestion struct {
	most time.Duration
	// waits reads how often goroutines have waited, by how long: runtime/metrics'
	// "/sched/latencies:seconds".
	waits func() *measured.Float64Histogram
	// draw gives a number below the one that it is given.
	draw func(int64) int64

	underWay, came atomic.Int64
	next           atomic.Int64 // when to ask again, in nanoseconds of Unix time
	refused        atomic.Int64 // of a thousand

	mu     sync.Mutex
	counts []uint64 // of the last look
}

func newCongestion(l Limits) *congestion {
	return &congestion{most: l.ProcessorWait, waits: schedulerWaits, draw: rand.Int64N}
}

func schedulerWaits() *measured.Float64Histogram {
	sample := []measured.Sample{{Name: "/sched/latencies:seconds"}}
	measured.Read(sample)
	if sample[0].Value.Kind() != measured.KindFloat64Histogram { // a runtime that does not tell
		return nil
	}
	return sample[0].Value.Float64Histogram()
}

// enter counts a request that has come, and refuses some while there is congestion. The
// returned function says that it has been answered.
func (c *congestion) enter(now time.Time) (leave func(), err error) {
	if c.most < 0 {
		return func() {}, nil
	}
	c.came.Add(1)
	if next := c.next.Load(); now.UnixNano() >= next && c.next.CompareAndSwap(next, now.Add(congestionLook).UnixNano()) {
		refused := c.refused.Load()
		switch over := c.look(); {
		case now.UnixNano()-next > int64(4*congestionLook): // waits of long ago say nothing
			refused = 0
		case over:
			refused = min(refused+refused/2+congestionStep, congestionMost)
		default:
			refused -= (refused + 3) / 4
		}
		c.refused.Store(refused)
	}
	if refused := c.refused.Load(); refused > 0 && c.draw(1000) < refused {
		return nil, problem(http.StatusServiceUnavailable, "server.busy", "requests wait too long for a processor", "ask again after the time in Retry-After").after(time.Second)
	}
	c.underWay.Add(1)
	return func() { c.underWay.Add(-1) }, nil
}

// rest and work say that a request which was let in waits for its client, and that it goes
// on: what takes no processor has nobody wait for one.
func (c *congestion) rest() { c.underWay.Add(-1) }
func (c *congestion) work() { c.underWay.Add(1) }

// look tells whether, since the last look, many requests waited for long.
func (c *congestion) look() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.waits()
	requests := c.came.Swap(0) + c.underWay.Load()
	if h == nil {
		return false
	}
	last := c.counts
	c.counts = slices.Clone(h.Counts)
	if len(last) != len(h.Counts) {
		return false
	}
	var all, long uint64
	for i, n := range h.Counts {
		n -= last[i]
		all += n
		if from := h.Buckets[i]; !math.IsInf(from, -1) && from >= c.most.Seconds() {
			long += n
		}
	}
	return requests >= int64(congestionRequests*runtime.GOMAXPROCS(0)) && float64(long) > congestionShare*float64(all)
}
