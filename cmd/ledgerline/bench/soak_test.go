package bench

import (
	"io"
	"math/rand/v2"
	"testing"
)

// TestSoakVerdict: what is kept of events and what a measurement is off by is flat;
// what is lost by the request, and goroutines that stay, are not.
func TestSoakVerdict(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const hour, perSecond = 3600.0, 50.0
	for _, c := range []struct {
		name                            string
		perEvent, perHour, noise, stays float64
		flat                            bool
	}{
		{"nothing grows", 0, 0, 0, 0, true},
		{"nothing grows, and it is measured badly", 0, 0, 8 << 20, 0, true},
		{"views keep of events", 800, 0, 2 << 20, 0, true},
		{"more than an event is kept of each", 6000, 0, 2 << 20, 0, false},
		{"a kilobyte is lost for every tenth question", 0, 1000 * perSecond / 10 * hour, 2 << 20, 0, false},
		{"a goroutine stays for every hundredth question", 0, 0, 0, perSecond / 100 * hour, false},
	} {
		var samples []soakSample
		for i := range soakSamples {
			at := float64(i) / soakSamples * hour
			s := soakSample{at: at, events: 1000 + perSecond*min(at, hour*3/4)}
			s.heap = 40<<20 + s.events*c.perEvent + c.perHour*at/hour + c.noise*r.Float64()
			if i%20 == 7 {
				s.heap *= 2 // somebody asked for much just then
			}
			s.resident, s.goroutines = 1.5*s.heap, 80+float64(r.IntN(5))+c.stays*at/hour
			samples = append(samples, s)
		}
		if flat, err := (Soak{Out: io.Discard}).verdict(samples); flat != c.flat || err != nil {
			t.Errorf("%s: flat is %v, %v", c.name, flat, err)
		}
	}
}
