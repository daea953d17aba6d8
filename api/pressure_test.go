package api

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	measured "runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestQueryCost: a question that would look at more than it may is refused with the
// bound, the cost it came to and how to ask for less; one at the bound is answered, and
// no request is charged for another.
func TestQueryCost(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.QueryCost = 60 })
	var lines strings.Builder
	for i := range 100 {
		fmt.Fprintln(&lines, registered(fmt.Sprint("P", i)))
	}
	f.stream(lines.String())
	f.caughtUp()
	for _, c := range []struct {
		path   string
		status int
	}{
		{"/v1/parties?limit=1", 200},
		{"/v1/parties?limit=20", 200},
		{"/v1/parties?limit=100", 422},
		{"/v1/events?text=nothing+has+this", 422},
		{"/v1/events?text=nothing+has+this&from_position=none", 400},
		{"/parties?limit=100", 422},
		{"/v1/parties/P1", 200},
	} {
		for range 2 { // the second is charged like the first
			r := f.get(c.path)
			if r.status != c.status {
				t.Errorf("%s: %d, want %d: %.300s", c.path, r.status, c.status, r.body)
				continue
			}
			if c.status == 422 && strings.HasPrefix(c.path, "/v1/") {
				if p := r.problem(t); p.Rule != "query.cost" || !strings.Contains(p.Detail, "looked at 61 rows and nodes") || !strings.Contains(p.Detail, "it may look at 60") || !strings.Contains(p.Fix, "limit.query-cost") {
					t.Errorf("%s: %+v", c.path, p)
				}
			}
		}
	}
}

// TestDatasetNamesAreCharged: to find a dataset and its other names is part of the question.
func TestDatasetNamesAreCharged(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.QueryCost = 1 })
	f.tell()
	if r := f.get("/v1/proofs/completeness?key=dataset:hive/pop.main"); r.status != 422 || r.problem(t).Rule != "query.cost" {
		t.Errorf("%d %.300s", r.status, r.body)
	}
}

// TestMemoryUnderPressure: many more clients than there are places ask for the largest
// answers, and as many send large bodies. What the server holds for them follows from
// its limits, not from how many they are.
func TestMemoryUnderPressure(t *testing.T) {
	const clients, reads, body, held = 150, 4, 1 << 20, 6 << 20
	f := newFixture(t, func(o *Options) {
		o.Limits.ConcurrentReads, o.Limits.BodyBytes, o.Limits.HeldBytes, o.Limits.ConcurrentWrites = reads, 2*body, held, reads
	})
	var lines strings.Builder
	for i := range 1500 {
		fmt.Fprintln(&lines, registered(fmt.Sprint("P", i)))
	}
	f.stream(lines.String())
	f.caughtUp()
	paths := []string{"/v1/events?limit=1000", "/v1/parties?limit=1000", "/v1/catalog/export?format=dcat", "/events?limit=1000"}
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is garbage already says little

	var most atomic.Uint64
	watched := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			most.Store(max(most.Load(), heapNow()))
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	peak := func() uint64 { return most.Swap(0) }
	ask := func(path string) int {
		res, err := http.Get(f.http.URL + path)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Error(err)
		}
		return res.StatusCode
	}
	// What one answer takes, one at a time.
	runtime.GC()
	base := heapNow()
	peak()
	for _, path := range paths {
		if status := ask(path); status != 200 {
			t.Fatalf("%s: %d", path, status)
		}
	}
	one := max(peak(), base+4<<20) - base

	var answered, sentAway atomic.Int64
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := range 3 {
				status := 0
				if c%3 == 0 { // spaces, and then no event
					res, err := http.Post(f.http.URL+"/v1/events", "application/cloudevents+json", io.LimitReader(spaces{}, body))
					if err != nil {
						continue // refused while it was sent
					}
					res.Body.Close()
					status = res.StatusCode
				} else {
					status = ask(paths[(c+i)%len(paths)])
				}
				switch status {
				case http.StatusServiceUnavailable:
					sentAway.Add(1)
				case http.StatusOK, http.StatusBadRequest:
					answered.Add(1)
				default:
					t.Errorf("answered with %d", status)
				}
			}
		})
	}
	all.Wait()
	close(stop)
	<-watched
	// Twice, because a body is held packed and unpacked and an answer as rows and as text;
	// 100 KiB for each connection, at both of its ends.
	bound := base + 2*(held+2*reads*one) + clients*(100<<10)
	if got := most.Load(); got > bound {
		t.Errorf("%d MiB of heap for %d clients, more than %d", got>>20, clients, bound>>20)
	}
	if answered.Load() == 0 || sentAway.Load() == 0 {
		t.Errorf("%d answered, %d sent away: there was no pressure", answered.Load(), sentAway.Load())
	}
	t.Logf("before %d MiB, one answer %d MiB; under pressure %d MiB of at most %d; %d answered, %d sent away", base>>20, one>>20, most.Load()>>20, bound>>20, answered.Load(), sentAway.Load())
}

// heapNow is what lies on the heap, garbage that is not collected yet included. Unlike
// runtime.ReadMemStats it stops nobody.
func heapNow() uint64 {
	s := []measured.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	measured.Read(s)
	return s[0].Value.Uint64()
}

// spaces go on for ever.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
