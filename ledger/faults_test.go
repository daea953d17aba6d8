package ledger

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger/faultfs"
	"ledgerline/ledger/proof"
)

var update = flag.Bool("update", false, "write the table in docs/reliability.md anew")

var long = flag.Bool("long", false, "try every fault in every way, and more random steps: some minutes")

// A life is a process that has a ledger open, on a file system that fails.
type life struct {
	t    *testing.T
	fs   *faultfs.FS
	opts Options
	*Ledger

	mu    sync.Mutex // guards what follows
	acks  []ack
	heads map[int64]string // signed heads that left the ledger, by size
	// refusals counts operations that gave an error and could be repeated.
	refusals int
	once     bool // the fault comes once, so that repeating has to help
}

func newLife(t *testing.T, mem *vfs.MemFS) *life {
	fs := faultfs.New(mem)
	return &life{t: t, fs: fs, heads: make(map[int64]string),
		opts: Options{FS: fs, Origin: "ledger.example/test", CacheBytes: 1 << 20, Logger: fs.Logger(), Index: IndexOptions{Off: true}}}
}

// released notes a signed head that others have seen. Two of one size that
// differ are a fork.
func (p *life) released(checkpoint string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	release(p.t, p.heads, checkpoint)
}

func release(t *testing.T, heads map[int64]string, checkpoint string) {
	t.Helper()
	lines := strings.SplitN(checkpoint, "\n", 4)
	var size int64
	if len(lines) < 4 {
		t.Errorf("%q is no checkpoint", checkpoint)
	} else if _, err := fmt.Sscan(lines[1], &size); err != nil {
		t.Error(err)
	}
	if old, ok := heads[size]; ok && old != checkpoint {
		t.Errorf("a fork was signed:\n%s\n%s", old, checkpoint)
	}
	heads[size] = checkpoint
}

// again runs an operation, and once more if it was refused by a fault that comes
// once: then it has to succeed.
func (p *life) again(op func() error) error {
	err := op()
	if err == nil || p.stopped() || !p.fs.Fired() {
		return err
	}
	p.refusals++
	if !p.once {
		return err
	}
	if err = op(); err != nil && !p.stopped() && !p.ended() {
		p.t.Errorf("refused once, and when repeated: %v", err)
	}
	return err
}

func (p *life) stopped() bool { return p.Ledger != nil && p.Failed() != nil }

func (p *life) ended() bool {
	select {
	case <-p.fs.Ended():
		return true
	default:
		return false
	}
}

// send appends a batch and remembers what the producer was told.
func (p *life) send(batch ...events.Event) error {
	sent := slices.Clone(batch)
	return p.again(func() error {
		receipts, err := p.Append(ctx, batch...)
		if err != nil {
			return err
		}
		p.mu.Lock()
		for i, r := range receipts {
			p.acks = append(p.acks, ack{sent[i], r})
		}
		p.mu.Unlock()
		p.released(receipts[0].Checkpoint)
		p.released(string(p.PublishedCheckpoint()))
		return nil
	})
}

// settle waits until the head witness has written and synced the durable head, so
// that the operations of one run are those of the next.
func (p *life) settle(syncs int) {
	op := faultfs.Op{File: "ledger/head", Do: "sync"}
	for deadline := time.Now().Add(10 * time.Second); p.witness.failed() == nil && !p.stopped() && !p.ended(); time.Sleep(time.Millisecond) {
		if p.fs.Seen()[op] > syncs {
			return
		}
		if time.Now().After(deadline) {
			p.t.Error("the head witness was not synced")
			return
		}
	}
}

// sendAndSettle is send, with the head witness written before the next step.
func (p *life) sendAndSettle(batch ...events.Event) error {
	before := p.fs.Seen()[faultfs.Op{File: "ledger/head", Do: "sync"}]
	if err := p.send(batch...); err != nil {
		return err
	}
	p.settle(before)
	return nil
}

func (p *life) open() error {
	return p.again(func() (err error) {
		p.Ledger, err = Open(testDir, p.opts)
		return err
	})
}

func (p *life) create() (err error) {
	before := p.fs.Seen()[faultfs.Op{File: "ledger/head", Do: "sync"}]
	if p.Ledger, err = Create(testDir, p.opts); err != nil {
		p.refusals++
		return err
	}
	p.released(string(p.Head().Checkpoint))
	p.settle(before)
	return nil
}

// A scenario is a way through the program in which every change of storage is
// failed in turn.
type scenario struct {
	name   string
	before func(t *testing.T) *vfs.MemFS // what the process finds
	run    func(p *life) error
	// ends: Pebble takes the process down for errors of its log here, so the
	// process ends where the fault is.
	ends bool
	// index: the completeness index is kept, and only what is done to it fails.
	index bool
	// beside: some operations are done beside the others, so they are not quite the
	// same every time.
	beside bool
	// operations and faults are how many there are at least.
	operations, faults int
	// after is what is expected after a fault.
	after string
	// check looks at what is left after a power cut, beside what holds for every
	// scenario.
	check func(t *testing.T, p *life, left *vfs.MemFS)
}

var scenarios = []scenario{
	{name: "create and append", operations: 80, faults: 220,
		after:  "creating or appending is refused, the ledger stops or the process ends; an interrupted creation says so and can be made again",
		before: nothing, run: func(p *life) error {
			if err := p.create(); err != nil {
				return err
			}
			if err := p.sendAndSettle(party(1)); err != nil {
				return err
			}
			return p.sendAndSettle(access("a", "person-1"), issue("b", "Q1"), lineage("c", 3))
		}},
	{name: "open and append", operations: 45, faults: 135,
		after:  "opening or appending is refused, the ledger stops or the process ends",
		before: func(t *testing.T) *vfs.MemFS { return usedFor(t, 245) }, run: func(p *life) error {
			if err := p.open(); err != nil {
				return err
			}
			if err := p.sendAndSettle(access("d", "person-2")); err != nil {
				return err
			}
			return p.sendAndSettle(batchOf(0, 0, 12)...) // fills a tile
		}},
	{name: "flush and compact", operations: 95, faults: 270,
		after:  "repeated by the storage, or the process ends",
		before: used, ends: true, beside: true, run: func(p *life) error {
			if err := p.open(); err != nil {
				return err
			}
			for i := range 3 {
				if err := p.sendAndSettle(batchOf(1, i, 5)...); err != nil {
					return err
				}
				if err := p.db.Flush(); err != nil { // Pebble repeats it until it succeeds
					return err
				}
			}
			return p.db.Compact(ctx, []byte{0}, []byte{0xff}, false)
		}},
	{name: "open without a head witness", operations: 30, faults: 90,
		after: "opening is refused, the ledger stops or the process ends",
		before: func(t *testing.T) *vfs.MemFS {
			fs := used(t)
			if err := errors.Join(fs.Remove(testDir+"/head"), syncDir(fs, testDir)); err != nil {
				t.Fatal(err)
			}
			return fs
		}, run: func(p *life) error {
			if err := p.open(); err != nil {
				return err
			}
			return p.sendAndSettle(party(7))
		}},
	{name: "fold all states anew", operations: 28, faults: 85,
		after: "opening is refused or the process ends; the next start folds again",
		before: func(t *testing.T) *vfs.MemFS {
			return usedFor(t, 20, func(db *pebble.DB) error { return db.Set(metaKey("fold"), []byte{events.Fold - 1}, pebble.Sync) })
		}, run: func(p *life) error {
			if err := p.open(); err != nil {
				return err
			}
			return p.sendAndSettle(closing("e", "log"))
		}, check: func(t *testing.T, p *life, left *vfs.MemFS) {
			// Verify derives the states from the records.
			if report := verifyStore(t, left, VerifyOptions{}); !report.OK() {
				t.Errorf("verifying found %+v", report.Findings)
			}
		}},
	{name: "back up", operations: 55, faults: 165,
		after:  "the backup is refused, and a directory without its manifest is no backup; the ledger goes on",
		before: used, run: func(p *life) error {
			if err := p.open(); err != nil {
				return err
			}
			if err := p.sendAndSettle(party(8)); err != nil {
				return err
			}
			n := 0
			err := p.again(func() error {
				n++
				m, err := p.Backup(ctx, fmt.Sprint("backup-", n))
				if err == nil {
					p.released(m.Checkpoint)
				}
				return err
			})
			if err != nil {
				return err
			}
			return p.sendAndSettle(party(9))
		}, check: checkBackups},
	{name: "keep the completeness index", operations: 18, faults: 55,
		after: "the index is made again; the book goes on",
		index: true, beside: true, before: used, run: func(p *life) error {
			if err := p.open(); err != nil {
				return err
			}
			if err := p.sendAndSettle(party(8)); err != nil {
				return err
			}
			err := p.again(func() error {
				patient, cancel := context.WithTimeout(ctx, 5*time.Second) // the index is retried until it works
				defer cancel()
				return p.CommitIndex(patient)
			})
			if err != nil {
				return err
			}
			l := p.Ledger
			p.Ledger = nil
			return l.Close() // which writes what the index holds
		}},
	{name: "restore", operations: 45, faults: 130,
		after:  "restoring is refused and can be repeated",
		before: lostBook, run: func(p *life) error {
			err := p.again(func() error {
				_, err := Restore(ctx, "backup", testDir, RestoreOptions{FS: p.fs})
				if _, serr := p.fs.Stat(bookDir(p.fs, testDir)); serr == nil && p.fs.Fired() {
					return nil // in place all the same, which whoever asks again is told
				}
				return err
			})
			if err != nil {
				return err
			}
			if err := p.open(); err != nil {
				return err
			}
			return p.sendAndSettle(party(9))
		}, check: func(t *testing.T, p *life, left *vfs.MemFS) {
			if _, err := left.Stat(bookDir(left, testDir)); err == nil {
				return // the general check opens it
			}
			if _, err := Restore(ctx, "backup", testDir, RestoreOptions{FS: left}); err != nil {
				t.Errorf("an interrupted restore cannot be repeated: %v", err)
			}
		}},
}

func nothing(*testing.T) *vfs.MemFS { return vfs.NewCrashableMem() }

// used is a store that a process left when it was killed: records in the log. (No tables: when a disk fails while Pebble opens a
// store whose tables it begins to compact, it may panic in a goroutine of its own,
// and take the test along. The process would have ended anyway.)
func used(t *testing.T) *vfs.MemFS { return usedFor(t, 20) }

func usedFor(t *testing.T, n int, edits ...func(db *pebble.DB) error) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	tl := newTestLog(t, Options{FS: fs, CacheBytes: 1 << 20})
	tl.append(party(1), party(2))
	tl.fill("log", n)
	for _, edit := range edits {
		if err := edit(tl.db); err != nil {
			t.Fatal(err)
		}
	}
	witnessed(t, tl.Ledger, fs)
	left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
	tl.close()
	return left
}

// lostBook is a store whose book is gone, and a backup of it that is new enough.
func lostBook(t *testing.T) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	tl := newTestLog(t, Options{FS: fs, CacheBytes: 1 << 20})
	tl.append(party(1), party(2))
	tl.fill("x", 20)
	tl.backup("backup")
	tl.close()
	dropBook(t, fs, testDir)
	if err := syncDir(fs, testDir); err != nil {
		t.Fatal(err)
	}
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
}

// faultModes are the ways in which an operation fails.
var faultModes = []faultfs.Fault{
	{Effect: faultfs.Nothing, Err: syscall.EIO},
	{Effect: faultfs.All, Err: syscall.EIO},
	{Effect: faultfs.Half, Err: syscall.ENOSPC},
	{Effect: faultfs.Nothing, Err: syscall.EIO, Onwards: true},
	{Effect: faultfs.All, Err: syscall.EIO, Onwards: true},
	{Effect: faultfs.Half, Err: syscall.ENOSPC, Onwards: true},
}

// TestEveryChangeFails lets every write, sync, creation, rename, link and removal
// of every scenario fail, in every way, and cuts the power afterwards.
func TestEveryChangeFails(t *testing.T) {
	faultfs.CheckTable(t, "../docs/reliability.md", "book", tableRows(), *update)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			template := s.before(t)
			points, acked := s.dry(t, template)
			var trials []faultfs.Fault
			for _, op := range slices.SortedFunc(maps.Keys(points), func(a, b faultfs.Op) int { return strings.Compare(a.String(), b.String()) }) {
				for n := 1; n <= points[op]; n++ {
					for i, mode := range faultModes {
						if mode.Effect == faultfs.Half && op.Do != "write" {
							continue
						}
						if !*long && i > 1 && i != 2+n%4 {
							continue // the first two always, the others in turn
						}
						mode.Op, mode.N = op, n
						mode.Ends = s.ends && (mode.Onwards || op.File == "ledger/book/N.log")
						mode.Onwards = mode.Onwards && !s.ends
						trials = append(trials, mode)
					}
				}
			}
			outcomes := make(map[string]int)
			var mu sync.Mutex
			var all sync.WaitGroup
			next := make(chan faultfs.Fault)
			for range 8 { // they wait for the head witness most of the time
				all.Go(func() {
					for fault := range next {
						t.Run(fault.String(), func(t *testing.T) {
							outcome := s.try(t, template, acked, fault)
							mu.Lock()
							defer mu.Unlock()
							outcomes[outcome]++
						})
					}
				})
			}
			if sum(points) < s.operations || len(trials) < s.faults {
				t.Errorf("only %d operations are seen, to fail in %d ways; the table says %d and %d", sum(points), len(trials), s.operations, s.faults)
			}
			for i, fault := range trials {
				if !testing.Short() || i%7 == 0 {
					next <- fault
				}
			}
			close(next)
			all.Wait()
			t.Logf("%d operations fail in %d ways: %v", sum(points), len(trials), outcomes)
		})
	}
}

// tableRows are the rows of the scenarios in docs/reliability.md.
func tableRows() []string {
	rows := []string{"| way through the program | operations, at least | faults, at least | after the fault | observed |", "|---|---|---|---|---|"}
	for _, s := range scenarios {
		rows = append(rows, fmt.Sprintf("| %s | %d | %d | %s | held in all |", s.name, s.operations, s.faults, s.after))
	}
	return rows
}

func sum(points map[faultfs.Op]int) (n int) {
	for _, k := range points {
		n += k
	}
	return n
}

// dry runs the scenario without a fault and returns the operations it consists
// of, and what the store held before.
func (s scenario) dry(t *testing.T, template *vfs.MemFS) (map[faultfs.Op]int, []ack) {
	t.Helper()
	p := newLife(t, whole(template))
	p.opts.Index.Off = !s.index
	known := p.known()
	p.fs.Arm(faultfs.Fault{})
	if err := s.run(p); err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	seen := p.fs.Seen()
	maps.DeleteFunc(seen, func(op faultfs.Op, _ int) bool { return s.index && !strings.HasPrefix(op.File, "ledger/index") })
	if p.Ledger != nil {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return seen, known
}

// whole copies a file system in which everything is durable.
func whole(fs *vfs.MemFS) *vfs.MemFS { return fs.CrashClone(vfs.CrashCloneCfg{}) }

// known are the acknowledgements of those who wrote before: receipts of all that
// a sound store holds.
func (p *life) known() (out []ack) {
	p.t.Helper()
	copied := whole(p.fs.FS.(*vfs.MemFS))
	if _, err := copied.Stat(bookDir(copied, testDir)); err != nil {
		return nil
	}
	l, err := Open(testDir, Options{FS: copied, CacheBytes: 1 << 20})
	if err != nil {
		p.t.Fatal(err)
	}
	head := l.Head()
	for position := range head.Size {
		e, err := l.Get(ctx, position)
		if err != nil {
			p.t.Fatal(err)
		}
		leaf, err := l.LeafHash(position)
		if err != nil {
			p.t.Fatal(err)
		}
		out = append(out, ack{e.Event, Receipt{Receipt: proof.Receipt{Position: position, LeafHash: leaf, Checkpoint: string(head.Checkpoint)}}})
	}
	if err := l.Close(); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// try runs the scenario with one fault, cuts the power, and checks what is left.
func (s scenario) try(t *testing.T, template *vfs.MemFS, known []ack, fault faultfs.Fault) (outcome string) {
	p := newLife(t, whole(template))
	p.opts.Index.Off = !s.index
	p.acks, p.once = slices.Clone(known), !fault.Onwards
	p.fs.Arm(fault)
	done := make(chan error, 1)
	go func() {
		err := errors.New("the process ended")
		defer func() { done <- err }() // also when the goroutine is ended
		err = s.run(p)
	}()
	var err error
	select {
	case err = <-done:
	case <-p.fs.Ended():
	case <-time.After(60 * time.Second):
		t.Error("it hangs")
		p.fs.Kill()
		return "hangs"
	}
	switch {
	case p.ended():
		outcome = "the process ends"
	case p.stopped():
		outcome = "the ledger stops"
	case !p.fs.Fired() && s.beside:
		outcome = "the operation did not come"
	case !p.fs.Fired():
		t.Errorf("the fault was not met; the scenario gives %v", err)
	case err != nil || p.refusals > 0:
		outcome = "the operation is refused"
	default:
		outcome = "it goes on"
	}
	rng := rand.New(rand.NewPCG(uint64(fault.N), 0))
	percents := []int{0, 100} // what was synced and no more; everything
	if *long {
		percents = []int{0, 50, 100}
	}
	for _, percent := range percents {
		s.survives(t, p, p.fs.CutPower(percent, rng))
	}
	if outcome != "the process ends" && p.Ledger != nil {
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			gone := error(os.ErrClosed)
			p.failure.CompareAndSwap(nil, &gone) // so that it does not try to flush
			_ = p.Close()
		}()
		select {
		case <-closed:
		case <-p.fs.Ended(): // by closing
		case <-time.After(60 * time.Second):
			t.Error("closing hangs")
		}
	}
	return outcome
}

// survives checks what a power cut left: what was acknowledged is there and
// verifies, no signed head is contradicted, and appending goes on.
func (s scenario) survives(t *testing.T, p *life, left *vfs.MemFS) {
	t.Helper()
	p.mu.Lock()
	acks, heads := slices.Clone(p.acks), maps.Clone(p.heads)
	p.mu.Unlock()
	if s.check != nil {
		s.check(t, p, whole(left))
	}
	if s.name == "restore" {
		if _, err := left.Stat(bookDir(left, testDir)); err != nil {
			return // not restored yet; check tried it
		}
	}
	opts := Options{FS: left, Origin: "ledger.example/test", CacheBytes: 1 << 20, Index: IndexOptions{Off: !s.index}}
	if witnessed, _, err := readWitness(left, testDir+"/head"); err != nil {
		t.Errorf("the head witness: %v", err)
	} else if witnessed != nil {
		release(t, heads, string(witnessed))
	}
	l, err := Open(testDir, opts)
	if err != nil {
		if len(acks) > 0 || !beginsAnew(t, left, opts, err) {
			t.Errorf("%d acknowledged, opening gives: %v", len(acks), err)
		}
		return
	}
	tl := &testLog{Ledger: l, t: t, fs: left, opts: opts}
	release(t, heads, string(l.Head().Checkpoint))
	tl.checkAcknowledged(acks)
	r, err := l.Append(ctx, access("after the cut", "person-9"), party(99))
	if err != nil {
		t.Errorf("appending after the cut: %v", err)
	} else {
		release(t, heads, r[0].Checkpoint)
	}
	if s.index {
		if err := l.CommitIndex(ctx); err != nil {
			t.Errorf("committing to the index after the cut: %v", err)
		}
	}
	tl.close()
	if report := verifyStore(t, left, VerifyOptions{}); !report.OK() {
		t.Errorf("verifying found %+v", report.Findings)
	}
}

// beginsAnew reports whether a store that cannot be opened is a creation that was
// interrupted, says so, and can be made again after its directory was removed.
func beginsAnew(t *testing.T, fs *vfs.MemFS, o Options, err error) bool {
	t.Helper()
	if !errors.Is(err, ErrNotExist) && !errors.Is(err, errNoBeginning) {
		return false
	}
	if err := fs.RemoveAll(testDir); err != nil {
		t.Error(err)
	}
	l, err := Create(testDir, o)
	if err != nil {
		t.Errorf("creating anew: %v", err)
		return false
	}
	return l.Close() == nil
}

// checkBackups: a directory that says it is a backup restores to all that it
// says; any other is refused.
func checkBackups(t *testing.T, p *life, left *vfs.MemFS) {
	t.Helper()
	for _, backup := range []string{"backup-1", "backup-2"} {
		if _, err := left.Stat(backup); err != nil {
			continue
		}
		fs := whole(left) // beside the owners' keys, which no backup holds
		dropBook(t, fs, testDir)
		m, err := Restore(ctx, backup, testDir, RestoreOptions{FS: fs, HeadFile: "no head"})
		if err != nil {
			if !strings.Contains(err.Error(), "not a complete backup") {
				t.Errorf("restoring %s: %v", backup, err)
			}
			continue
		}
		r, err := Verify(ctx, testDir, VerifyOptions{FS: fs, HeadFile: "no head", Since: []byte(m.Checkpoint)})
		if err != nil || !r.OK() || r.Size < m.Size {
			t.Errorf("%s: %+v, %v", backup, r, err)
		}
	}
}

// TestHeadWitnessCatchesUp: a head witness that lost its last heads in a power cut
// learns of them at the next start, before anybody appends.
func TestHeadWitnessCatchesUp(t *testing.T) {
	tl := newTestLog(t, Options{})
	older := string(tl.Head().Checkpoint)
	tl.append(party(1), party(2))
	tl.close()
	if err := createWitness(tl.fs, testDir+"/head", []byte(older)); err != nil {
		t.Fatal(err)
	}
	tl.reopen()
	newest := tl.Head().Checkpoint
	tl.close()
	got, _, err := readWitness(tl.fs, testDir+"/head")
	if err != nil || string(got) != string(newest) {
		t.Fatalf("the head witness holds\n%s\nwant\n%s (%v)", got, newest, err)
	}
	tl.reopen()
}
