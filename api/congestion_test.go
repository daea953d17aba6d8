package api

import (
	"bytes"
	"net/http"
	"runtime"
	measured "runtime/metrics"
	"testing"
	"time"
)

// TestCongestion: who comes is refused while many requests are under way and what is ready
// waits for long, and for no other reason.
func TestCongestion(t *testing.T) {
	many := congestionRequests * runtime.GOMAXPROCS(0)
	var quick, slow uint64
	c := newCongestion(Limits{ProcessorWait: 100 * time.Millisecond})
	c.waits = func() *measured.Float64Histogram {
		return &measured.Float64Histogram{Counts: []uint64{quick, slow}, Buckets: []float64{0, .1, 1}}
	}
	drawn := int64(0)
	c.draw = func(int64) int64 { return drawn }
	now := testNow
	// step lets a while pass, in which requests came and waits were as they are said to
	// be, and tells whether the next is refused.
	step := func(after time.Duration, requests int, waitedLittle, waitedLong uint64) bool {
		for range requests {
			if leave, err := c.enter(now); err == nil {
				leave()
			}
		}
		quick, slow = quick+waitedLittle, slow+waitedLong
		now = now.Add(after)
		leave, err := c.enter(now)
		if err == nil {
			leave()
		}
		return err != nil
	}
	for _, s := range []struct {
		name      string
		after     time.Duration
		requests  int
		quick     uint64
		slow      uint64
		isRefused bool
	}{
		{"not asked yet", congestionLook / 2, 1, 500, 0, false},
		{"few requests", congestionLook, many / 2, 0, 1000, false},
		{"quick ones", congestionLook, many, 1000, 50, false},
		{"congestion", congestionLook, many, 800, 200, true},
		{"the same, not asked again yet", congestionLook / 2, many, 1000, 0, true},
		{"it ends", congestionLook, many, 1000, 0, true},
		{"long ago", time.Minute, many, 0, 1000, false},
	} {
		if got := step(s.after, s.requests, s.quick, s.slow); got != s.isRefused {
			t.Errorf("%s: refused %t, want %t", s.name, got, s.isRefused)
		}
	}
	// The longer it lasts the more are refused, but not all; and fewer from when it ends.
	refused := func(waitedLong uint64) int64 {
		drawn = congestionMost
		defer func() { drawn = 0 }()
		step(congestionLook, many, 800, waitedLong)
		return c.refused.Load()
	}
	last := int64(-1)
	for range 6 {
		now := refused(200)
		if now <= last || now > congestionMost {
			t.Errorf("%d of a thousand are refused, after %d", now, last)
		}
		last = now
	}
	if last != congestionMost {
		t.Errorf("%d of a thousand are refused at last", last)
	}
	for range 30 {
		if now := refused(0); now >= last && last > 0 {
			t.Errorf("%d of a thousand are still refused, after %d", now, last)
		} else {
			last = now
		}
	}
	if last != 0 {
		t.Errorf("%d of a thousand are refused long after it ended", last)
	}
	// Requests that are slow count for as long as they are under way.
	for range many {
		if _, err := c.enter(now); err != nil {
			t.Fatal(err)
		}
	}
	for range 30 {
		step(congestionLook, 0, 1000, 0)
	}
	if !step(congestionLook, 0, 0, 1000) {
		t.Error("with many under way, none new: let in")
	}
	off := newCongestion(Limits{ProcessorWait: -1})
	off.refused.Store(1000)
	if _, err := off.enter(now); err != nil {
		t.Error(err)
	}
	if schedulerWaits() == nil {
		t.Error("the runtime does not tell how long goroutines wait")
	}
}

// TestCongestedServer: the refusal says when to come back, and signs of life are given.
func TestCongestedServer(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.ProcessorWait = time.Hour })
	f.server.congestion.refused.Store(1000)
	f.server.congestion.next.Store(1 << 62) // nobody asks again
	for _, r := range []reply{f.get("/v1/parties"), f.get("/catalog"), f.do("POST", "/v1/events", registered("P1"), "Content-Type", "application/cloudevents+json")} {
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") != "1" || !bytes.Contains(r.body, []byte("server.busy")) {
			t.Errorf("%d %v %s", r.status, r.header, r.body)
		}
	}
	for _, path := range []string{"/healthz", "/log/checkpoint", "/v1/status", "/metrics", "/debug/pprof/heap"} {
		if r := f.get(path); r.status != http.StatusOK {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	f.server.congestion.refused.Store(0)
	if r := f.get("/v1/parties"); r.status != http.StatusOK {
		t.Errorf("afterwards: %d", r.status)
	}
}
