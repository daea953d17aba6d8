package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// An ack is what a producer was told.
type ack struct {
	event   events.Event
	receipt Receipt
}

// acks collects what the producers of a load were told, in any order.
type acks struct {
	mu  sync.Mutex
	all []ack
}

func (a *acks) add(sent []events.Event, receipts []Receipt) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, r := range receipts {
		a.all = append(a.all, ack{sent[i], r})
	}
	return len(a.all)
}

func (a *acks) until() []ack {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[:len(a.all):len(a.all)]
}

// batchOf is the load of the crash tests: batches whose size stands in the ids,
// so that a torn one shows.
func batchOf(worker, n, size int) []events.Event {
	batch := make([]events.Event, size)
	for i := range batch {
		id := fmt.Sprintf("w%d-n%d-%d/%d", worker, n, i, size)
		switch i % 3 {
		case 0:
			batch[i] = access(id, fmt.Sprintf("person-%d-%d", worker, n%4))
		case 1:
			batch[i] = issue(id, fmt.Sprintf("Q%d", n%5))
		default:
			batch[i] = lineage(id, 2)
		}
	}
	return batch
}

// A crash is a copy of the file system as a power cut would leave it, and what
// had been acknowledged before.
type crash struct {
	fs   *vfs.MemFS
	acks []ack
}

// TestCrashUnderLoad cuts the power again and again while producers append. What
// was acknowledged has to be there, and no acknowledged head may be forked.
func TestCrashUnderLoad(t *testing.T) {
	for _, percent := range []int{0, 50, 100} {
		t.Run(fmt.Sprintf("unsynced=%d%%", percent), func(t *testing.T) {
			rng := seeded(t)
			for i, c := range crashes(t, percent, rng, Options{}) {
				checkCrash(t, fmt.Sprintf("crash %d", i), c)
			}
		})
	}
}

func crashes(t *testing.T, percent int, rng *rand.Rand, o Options) []crash {
	const workers, perPoint = 6, 40
	points := int64(fewer(12))
	fs := vfs.NewCrashableMem()
	o.FS = fs
	tl := newTestLog(t, o)
	var mu sync.Mutex // guards out and rng
	var out []crash
	var told acks
	cut := func() {
		mu.Lock()
		defer mu.Unlock()
		known := told.until() // before the copy is made: all of it has to be there
		out = append(out, crash{fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}), known})
	}
	cut() // right after Create
	var next atomic.Int64
	next.Store(perPoint)
	var wg sync.WaitGroup
	for w := range workers {
		size := []int{1, 1, 1, 2, 5, 17}[w]
		wg.Go(func() {
			for n := 0; ; n++ {
				batch := batchOf(w, n, size)
				receipts, err := tl.Append(ctx, batch...)
				if err != nil {
					t.Errorf("appending: %v", err)
					return
				}
				count := int64(told.add(batch, receipts))
				if at := next.Load(); count >= at && next.CompareAndSwap(at, at+perPoint) {
					cut()
				}
				if count >= points*perPoint {
					return
				}
			}
		})
	}
	wg.Wait()
	return out
}

// checkCrash reopens what a power cut left.
func checkCrash(t *testing.T, name string, c crash) {
	t.Helper()
	if report := verifyStore(t, c.fs, VerifyOptions{}); !report.OK() {
		t.Fatalf("%s, %d acknowledged: verifying found %+v", name, len(c.acks), report.Findings)
	}
	l, err := Open(testDir, Options{FS: c.fs, CacheBytes: 8 << 20})
	if err != nil {
		t.Fatalf("%s, %d acknowledged: %v", name, len(c.acks), err)
	}
	tl := &testLog{Ledger: l, t: t, fs: c.fs, opts: Options{FS: c.fs}, model: newModel()}
	defer tl.close()
	tl.adopt(c.acks)
	tl.check()
	tl.checkAcknowledged(c.acks)
	tl.checkWhole()
	before := tl.model.size
	tl.append(party(900), access("after the crash", "person-0-0"))
	if tl.model.size != before+2 {
		t.Fatalf("%s: %d records after two more than %d", name, tl.model.size, before)
	}
	tl.check()
}

// adopt builds the model from the acknowledgements and from what else is there.
func (tl *testLog) adopt(known []ack) {
	tl.t.Helper()
	acked := make(map[int64]events.Event)
	for _, a := range known {
		acked[a.receipt.Position] = a.event
	}
	for e, err := range tl.Scan(ctx, 0, tl.Head().Size) {
		if err != nil {
			tl.t.Fatal(err)
		}
		if ev, ok := acked[e.Position]; ok {
			tl.model.put(e.Position, ev)
			continue
		}
		got, err := tl.Get(ctx, e.Position)
		if err != nil {
			tl.t.Fatal(err)
		}
		tl.model.put(e.Position, got.Event)
	}
}

// checkAcknowledged asserts that every receipt still holds.
func (tl *testLog) checkAcknowledged(known []ack) {
	tl.t.Helper()
	head := tl.Head()
	heads := make(map[string]bool)
	for _, a := range known {
		r := a.receipt
		if r.Position >= head.Size {
			tl.t.Fatalf("acknowledged position %d is lost: %d records are left", r.Position, head.Size)
		}
		leaf, err := tl.LeafHash(r.Position)
		if err != nil || leaf != r.LeafHash {
			tl.t.Fatalf("position %d was acknowledged with leaf %s and has %s (%v)", r.Position, r.LeafHash, leaf, err)
		}
		heads[r.Checkpoint] = true
	}
	for signed := range heads {
		cp, err := proof.OpenCheckpoint([]byte(signed), tl.Origin(), verifiers(tl.Ledger))
		if err != nil {
			tl.t.Fatal(err)
		}
		now, err := tl.CheckpointAt(cp.Size)
		if err != nil {
			tl.t.Fatalf("the acknowledged head of %d records: %v", cp.Size, err)
		}
		if string(now) != signed {
			tl.t.Fatalf("the acknowledged head of %d records is forked:\n%s\n%s", cp.Size, signed, now)
		}
	}
}

// checkWhole asserts that batches are there as a whole or not at all, in order.
func (tl *testLog) checkWhole() {
	tl.t.Helper()
	for p := int64(0); p < tl.model.size; p++ {
		id := tl.model.events[p].ID
		var prefix string
		var i, size int
		if at := strings.LastIndexByte(id, '-'); strings.HasPrefix(id, "w") && at > 0 {
			prefix = id[:at]
			if _, err := fmt.Sscanf(id[at:], "-%d/%d", &i, &size); err != nil {
				tl.t.Fatal(err)
			}
		}
		if i == 0 && size > 1 && tl.model.events[p+int64(size)-1].ID != fmt.Sprintf("%s-%d/%d", prefix, size-1, size) {
			tl.t.Fatalf("batch %s at position %d is torn", prefix, p)
		}
	}
}

// TestCrashThenCrash cuts the power again while the ledger takes up after the
// first cut, several times over.
func TestCrashThenCrash(t *testing.T) {
	rng := seeded(t)
	fs := vfs.NewCrashableMem()
	newTestLog(t, Options{FS: fs})
	var told acks
	for round := range fewer(12) {
		fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		// Without the index: see newTestLog.
		l, err := Open(testDir, Options{FS: fs, CacheBytes: 8 << 20, Index: IndexOptions{Off: true}})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		tl := &testLog{Ledger: l, t: t, fs: fs, model: newModel()}
		t.Cleanup(tl.close)
		tl.adopt(told.until())
		tl.check()
		tl.checkAcknowledged(told.until())
		for n := range rng.IntN(4) {
			batch := batchOf(round, n, 1+rng.IntN(90))
			told.add(batch, tl.append(batch...))
		}
	}
}

// TestHeadWitnessFails: when the head witness cannot be written, a rollback would
// go unnoticed, so appends stop with an error that says so; nothing acknowledged
// is lost, and a restart goes on.
func TestHeadWitnessFails(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpFileWriteAt, errorfs.OpFileSync} {
		t.Run(fmt.Sprint("op ", kind), func(t *testing.T) {
			var broken atomic.Bool
			full := errors.New("no space left on device")
			mem := vfs.NewMem()
			fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if broken.Load() && op.Kind == kind && strings.HasSuffix(op.Path, "/head") {
					return full
				}
				return nil
			}))
			l, err := Create(testDir, Options{FS: fs, Origin: "ledger.example/test", CacheBytes: 8 << 20})
			if err != nil {
				t.Fatal(err)
			}
			var told acks
			add := func(batch []events.Event) error {
				sent := append([]events.Event(nil), batch...)
				receipts, err := l.Append(ctx, batch...)
				if err == nil {
					told.add(sent, receipts)
				}
				return err
			}
			if err := add(batchOf(0, 0, 10)); err != nil {
				t.Fatal(err)
			}
			broken.Store(true)
			deadline := time.Now().Add(30 * time.Second)
			for n := 1; err == nil && time.Now().Before(deadline); n++ {
				err = add(batchOf(0, n, 3))
			}
			if !errors.Is(err, full) {
				t.Fatalf("appends go on, or stop with %v", err)
			}
			if _, err := l.Append(ctx, access("more", "")); !errors.Is(err, ErrClosed) || !errors.Is(err, full) {
				t.Fatalf("after that, appending gives %v", err)
			}
			// Repeats and refusals rest on records too, and may not be answered.
			if _, err := l.Append(ctx, batchOf(0, 0, 10)...); !errors.Is(err, ErrClosed) {
				t.Fatalf("after that, a repeat gives %v", err)
			}
			if l.Failed() == nil {
				t.Fatal("the ledger does not say that it failed")
			}
			if err := l.Close(); !errors.Is(err, full) {
				t.Fatalf("closing gives %v", err)
			}
			broken.Store(false)
			checkCrash(t, "restart", crash{mem, told.until()})
		})
	}
}

// TestOutcomesWaitForTheirGround: a pool without records rests on those before
// it, so it may not be released as good after they failed.
func TestOutcomesWaitForTheirGround(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(access("a", ""))
	boom := error(errors.New("the disk is gone"))
	tl.failure.Store(&boom)
	defer tl.failure.Store(nil)
	p := tl.newPool()
	if _, err := tl.landPool(p); !errors.Is(err, boom) {
		t.Fatalf("a pool of repeats lands with %v after the pool before it failed", err)
	}
}
