package api

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// TestTurns: those who are refused at once are told to come back in as many as can be
// answered a second, and never later than is bounded.
func TestTurns(t *testing.T) {
	var all turns
	told := func(many int, now time.Time, pace float64) map[time.Duration]int {
		seconds := make(map[time.Duration]int)
		for range many {
			seconds[all.next(now, pace)/time.Second]++
		}
		return seconds
	}
	now := testNow
	if got := told(1, now, 0); got[1] != 1 {
		t.Errorf("a single one: %v", got)
	}
	now = now.Add(time.Minute)
	for second, many := range told(4000, now, 1000) {
		if second < 1 || second > 4 || many < 990 || many > 1010 {
			t.Errorf("of 4,000, with 1,000 answered a second, %d are told %d s", many, second)
		}
	}
	// Those turns are taken: who comes a second later is behind them.
	if got := told(500, now.Add(time.Second), 1000); got[4] < 490 {
		t.Errorf("a second later: %v", got)
	}
	// More than can be answered within the bound are spread over it.
	now = now.Add(time.Minute)
	got := told(100_000, now, 1000)
	for second := time.Duration(1); second <= LongestTurn/time.Second; second++ {
		if got[second] < 9000 || got[second] > 11_000 { // a standard deviation is about 90
			t.Errorf("of 100,000, %d are told %d s", got[second], second)
		}
	}
	if len(got) != int(LongestTurn/time.Second) {
		t.Errorf("%v", got)
	}
	if got := told(1, now.Add(LongestTurn), 1000); got[1] != 1 {
		t.Errorf("when all of that is over: %v", got)
	}

	var p paced
	for range 300 {
		p.done()
	}
	p.since = now
	if got := p.at(now.Add(500 * time.Millisecond)); got != 0 {
		t.Errorf("before a second: %g", got)
	}
	if got := p.at(now.Add(2 * time.Second)); got != 150 {
		t.Errorf("300 in two seconds: %g a second", got)
	}
	if got := p.at(now.Add(4 * time.Second)); got != 0 {
		t.Errorf("nothing since: %g", got)
	}
}

// TestRefusedInTurns: clients that a server has no room for are told different times, and
// a principal's requests beyond its rate as well.
func TestRefusedInTurns(t *testing.T) {
	tokens, bearer := principals(t)
	f := newFixture(t, func(o *Options) {
		o.Dev, o.Tokens, o.Limits.ConcurrentReads = false, tokens, 1
		o.Limits.Rate, o.Limits.Burst = 20, 60
		o.Now = func() time.Time { return testNow }
	})
	waits := func(status, many int) map[int]int {
		seconds := make(map[int]int)
		for range many {
			r := f.get("/v1/parties", "Authorization", "Bearer "+bearer[RoleOperator])
			wait, err := strconv.Atoi(r.header.Get("Retry-After"))
			if err != nil || r.status != status {
				t.Fatalf("%d %v %s", r.status, r.header, r.body)
			}
			seconds[wait]++
		}
		return seconds
	}
	f.server.reads <- struct{}{}
	if got := waits(http.StatusServiceUnavailable, 60); len(got) < 3 || got[0] > 0 {
		t.Errorf("without room: %v", got)
	}
	if got := waits(http.StatusTooManyRequests, 60); len(got) < 3 || got[0] > 0 {
		t.Errorf("beyond the rate: %v", got)
	}
}
