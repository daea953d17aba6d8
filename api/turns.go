package api

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Who is refused because there is too much to do is told in Retry-After when to come back
// (RFC 9110 §10.2.3). If all were told the same, all would come back in the same second.
// So they get turns, one after the other, at the pace at which requests are answered.

const (
	// LongestTurn bounds what turns add: beyond it they are dealt out at random within it.
	LongestTurn = 10 * time.Second
	// slowestPace is how many turns there are in a second, however little is answered.
	slowestPace = 10
)

// turns are given to those who are refused. The zero value is ready for use.
type turns struct {
	mu   sync.Mutex
	last time.Time // the last one that was given
}

// next is how long the next one who is refused is to wait, in whole seconds, 1 at least,
// where so many can be answered in a second.
func (t *turns) next(now time.Time, pace float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last.Before(now) {
		t.last = now
	}
	t.last = t.last.Add(time.Duration(float64(time.Second) / max(pace, slowestPace)))
	wait := t.last.Sub(now)
	if wait > LongestTurn {
		t.last = now.Add(LongestTurn)
		return time.Second * time.Duration(1+rand.Int64N(int64(LongestTurn/time.Second)))
	}
	return time.Second * time.Duration(math.Ceil(wait.Seconds()))
}

// paced tells how many requests were answered in a second lately.
type paced struct {
	answered atomic.Int64 // since then

	mu    sync.Mutex
	since time.Time
	pace  float64
}

// done counts a request that was answered.
func (p *paced) done() { p.answered.Add(1) }

// at is the pace of the last second or more that was looked at.
func (p *paced) at(now time.Time) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if passed := now.Sub(p.since); passed >= time.Second {
		p.pace, p.since = float64(p.answered.Swap(0))/passed.Seconds(), now
	}
	return p.pace
}
