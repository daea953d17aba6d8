package bench

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// soakSamples is how often memory and goroutines are looked at; every other time it is
// told. More would be felt: each collects garbage twice.
const soakSamples = 80

// What may grow and be called flat. Docs/performance.md gives the reasons.
const (
	// soakEventBytes is for an event that is recorded: what views and indexes keep of it
	// in memory, and the states and rows of the latest, until the oldest of these go.
	soakEventBytes = 4 << 10
	// soakHeap is for all that is kept at any time, beside caches and memtables.
	soakHeap = 768 << 20
	// soakLost and soakLostPart are bytes, and a part of what there was, over a quarter of
	// the time in which nothing is recorded: what a measurement is off by.
	soakLost, soakLostPart = 2 << 20, 0.01
	// soakGoroutines is by how many they may differ over a part of the time.
	soakGoroutines = 3
)

// A sample of a soak, taken after a collection of garbage. Memory is in bytes.
type soakSample struct {
	at         float64 // seconds
	events     float64 // recorded so far
	heap       float64 // that is in use, without what the storage engine has of it
	resident   float64 // of the process, without the storage engine's; 0 where the machine does not say
	stores     float64 // the storage engine's: caches and memtables, which are bounded
	goroutines float64
}

// watch takes samples until the time is over, and judges them. Of the book it wants to
// know how many events it holds, and what the stores keep in memory.
func (k Soak) watch(ctx context.Context, load *soakLoad, book func() (events, stores float64, err error)) (flat bool, err error) {
	every := time.NewTicker(time.Duration(k.Minutes * float64(time.Minute) / soakSamples))
	defer every.Stop()
	began := time.Now()
	var samples []soakSample
	for i := range soakSamples {
		select {
		case <-every.C:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		load.repeat.Store(i >= soakSamples*3/4)
		s, err := sampleMemory(load, book)
		if err != nil {
			return false, err
		}
		s.at = time.Since(began).Seconds()
		if samples = append(samples, s); i%2 != 1 {
			continue
		}
		if _, err := fmt.Fprintf(k.Out, "%6.1f min  %8.0f events  heap %6.1f MiB  resident %6.1f MiB, and %6.1f MiB of the stores  %4.0f goroutines  %8d requests  %d failed\n",
			s.at/60, s.events, s.heap/(1<<20), s.resident/(1<<20), s.stores/(1<<20), s.goroutines, load.done.Load(), load.failed.Load()); err != nil {
			return false, err
		}
	}
	if n := load.failed.Load(); n > 0 {
		return false, fmt.Errorf("%d requests failed, such as: %w", n, *load.why.Load())
	}
	return k.verdict(samples)
}

// sampleMemory looks while no request is under way: what these hold comes and goes.
func sampleMemory(load *soakLoad, book func() (events, stores float64, err error)) (s soakSample, err error) {
	load.pause.Lock()
	defer load.pause.Unlock()
	runtime.GC()         // what pools keep goes with the second
	debug.FreeOSMemory() // collects garbage, and gives back what is free
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if s.events, s.stores, err = book(); err != nil {
		return s, err
	}
	s.heap, s.goroutines = float64(m.HeapAlloc), float64(runtime.NumGoroutine())
	if !storesOutside() {
		s.heap -= s.stores
	}
	if kb, err := strconv.ParseFloat(strings.TrimSuffix(procField("/proc/self/status", "RssAnon"), " kB"), 64); err == nil {
		s.resident = kb*1024 - s.stores
	}
	return s, nil
}

// storesOutside tells whether caches and memtables lie outside the heap: where this
// program is built with cgo.
func storesOutside() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"})
}

// verdict judges the time while events came, and the time while none did.
func (k Soak) verdict(samples []soakSample) (flat bool, err error) {
	n := len(samples) / 4
	recording, repeating := samples[n:3*n], samples[3*n+n/8:] // the views catch up first
	flat = true
	say := func(ok bool, format string, args ...any) {
		word := "flat"
		if !ok {
			word, flat = "NOT flat", false
		}
		if err == nil {
			_, err = fmt.Fprintf(k.Out, word+": "+format+"\n", args...)
		}
	}
	heap := func(s soakSample) float64 { return s.heap }
	perEvent := slope(recording, func(s soakSample) float64 { return s.events }, heap)
	say(perEvent <= soakEventBytes, "heap, by %.0f bytes an event while they came (at most %d)", perEvent, soakEventBytes)
	highest := heap(slices.MaxFunc(samples, func(a, b soakSample) int { return cmp.Compare(a.heap, b.heap) }))
	say(highest <= soakHeap, "heap, at most %.0f MiB in use (at most %d)", highest/(1<<20), soakHeap>>20)
	lost, most := drift(repeating, heap), soakLost+soakLostPart*heap(repeating[0])
	say(lost <= most, "heap, by %.1f MiB while none came (at most %.1f)", lost/(1<<20), most/(1<<20))
	// While events come memtables fill, which are counted whole from the beginning.
	if resident := func(s soakSample) float64 { return s.resident }; resident(samples[0]) > 0 {
		lost, most := drift(repeating, resident), 2*(soakLost+soakLostPart*resident(repeating[0]))
		say(lost <= most, "resident memory, by %.1f MiB while none came (at most %.1f)", lost/(1<<20), most/(1<<20))
	}
	goroutines := func(s soakSample) float64 { return s.goroutines }
	a, b := drift(recording, goroutines), drift(repeating, goroutines)
	say(max(a, b) <= soakGoroutines, "goroutines, by %.1f while events came and %.1f while none did (at most %d)", a, b, soakGoroutines)
	return flat, err
}

// drift is how much something grew over the time of samples, by its slope.
func drift(samples []soakSample, of func(soakSample) float64) float64 {
	at := func(s soakSample) float64 { return s.at }
	return slope(samples, at, of) * (samples[len(samples)-1].at - samples[0].at)
}

// slope is the median of the slopes between all pairs of samples (Theil and Sen): a
// third of the samples may be off without moving it much.
func slope(samples []soakSample, x, y func(soakSample) float64) float64 {
	var all []float64
	for i, a := range samples {
		for _, b := range samples[i+1:] {
			if d := x(b) - x(a); math.Abs(d) > 0 {
				all = append(all, (y(b)-y(a))/d)
			}
		}
	}
	return median(all)
}
