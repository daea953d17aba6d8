package projections

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/ledger/faultfs"
	"ledgerline/ledger/proof"
)

var (
	simSeed  = flag.Uint64("seed", 0, "replay the simulation of this seed; 0 draws a fresh one")
	simSteps = flag.Int("steps", 4_000, "steps of the simulation")
)

// TestSimulation drives book, feed and views over a file system that loses power
// and fails, step after step: appends, repeats, refusals, reads of the past, proofs,
// steps of the clock, restarts, power cuts, failing writes and syncs, old copies of
// the book put back, views deleted and damaged. After each step it checks what has
// to hold, and at each restart everything.
//
// The seed fixes what is done, with which content, and which operation fails in
// which way; when the goroutines of Pebble and of the ledger run, it does not fix.
func TestSimulation(t *testing.T) {
	seed, steps := *simSeed, *simSteps
	if seed == 0 {
		seed = rand.Uint64()
	}
	if testing.Short() {
		steps = min(steps, 500)
	}
	t.Logf("replay with: go test ./projections -run '^TestSimulation$' -seed %d -steps %d", seed, steps)
	s := &simulation{t: t, rng: rand.New(rand.NewPCG(seed, 1)), did: make(map[string]int)}
	s.create()
	for s.steps = 1; s.steps <= steps && !t.Failed(); s.steps++ {
		s.step()
	}
	if !t.Failed() {
		s.restart("end")
		s.close()
	}
	t.Logf("%d steps: %v", s.steps-1, s.did)
}

// A simulation is one ledger after the other, each with what has to hold of it.
type simulation struct {
	t     *testing.T
	rng   *rand.Rand
	steps int
	did   map[string]int

	fs    *faultfs.FS
	now   atomic.Int64 // microseconds
	book  *ledger.Ledger
	views *Views
	stop  context.CancelFunc
	done  chan error
	armed int // steps since a fault was set, 0: none is

	said    []said // by position
	heads   map[int64]string
	pending []events.Event // sent and not answered
	old     *vfs.MemFS     // the store as it was at some clean end
	oldSize int64
	ids     int
}

// said is an acknowledged record, and how many accesses and parties there were
// with it.
type said struct {
	event             events.Event
	leaf              proof.Hash
	accesses, parties int64
}

// worldSize is when a ledger gives way to a new one, so that checking everything
// stays quick.
const worldSize = 500

var errDied = errors.New("the process died")

func (s *simulation) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("step %d: "+format, append([]any{s.steps}, args...)...)
}

func (s *simulation) options() ledger.Options {
	return ledger.Options{
		Origin: "ledger.test/simulation", FS: s.fs, CacheBytes: 1 << 20, Logger: s.fs.Logger(),
		Now: func() time.Time { return time.UnixMicro(s.now.Load()) }, Index: ledger.IndexOptions{Off: true},
	}
}

func (s *simulation) create() {
	s.did["ledgers"]++
	s.fs = faultfs.New(vfs.NewCrashableMem())
	s.now.Store(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC).UnixMicro())
	s.said, s.heads, s.pending, s.old, s.armed = nil, make(map[int64]string), nil, nil, 0
	b, err := ledger.Create("ledger", s.options())
	if err != nil {
		s.fatalf("creating: %v", err)
	}
	s.book = b
	genesis, err := b.Get(context.Background(), 0)
	if err != nil {
		s.fatalf("%v", err)
	}
	leaf, err := b.LeafHash(0)
	if err != nil {
		s.fatalf("%v", err)
	}
	s.remember(genesis.Event, leaf)
	s.openViews()
}

func (s *simulation) remember(e events.Event, leaf proof.Hash) {
	r := said{event: e, leaf: leaf}
	if n := len(s.said); n > 0 {
		r.accesses, r.parties = s.said[n-1].accesses, s.said[n-1].parties
	}
	switch e.Data.(type) {
	case *events.AccessRecorded:
		r.accesses++
	case *events.PartyRegistered:
		r.parties++
	}
	s.said = append(s.said, r)
}

func (s *simulation) openViews() {
	v, err := Open("ledger/views", s.book, Options{FS: s.fs, Logger: s.fs.Logger(), CacheBytes: 1 << 20})
	if err != nil {
		s.fatalf("opening the views: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.views, s.stop, s.done = v, stop, make(chan error, 1)
	done := s.done
	go func() { done <- v.Run(ctx) }()
}

// alive runs something that may never return, because the process died in it. It may
// also begin only after that was noticed: what it works on must not be read of s,
// where the next process's may stand by then.
func (s *simulation) alive(op func() error) error {
	if s.armed == 0 {
		return op()
	}
	result := make(chan error, 1)
	go func() { result <- op() }()
	select {
	case err := <-result:
		return err
	case <-s.fs.Ended():
		return errDied
	case <-time.After(2 * time.Minute):
		s.fatalf("it hangs")
	}
	return nil
}

// step does one thing.
func (s *simulation) step() {
	ok := true
	switch op := s.rng.IntN(1000); {
	case op < 560:
		ok = s.append()
	case op < 620:
		ok = s.repeat()
	case op < 660:
		ok = s.refused()
	case op < 800:
		ok = s.look()
	case op < 880:
		ok = s.prove()
	case op < 930:
		s.tick()
	case op < 970:
		s.arm()
	case op < 985:
		s.cut("power cut")
	default:
		s.restart("restart")
	}
	switch {
	case !ok:
		s.cut("after a fault")
	case s.armed > 0 && s.fs.Fired():
		s.did["faults without an effect that shows"]++
		s.cut("after a fault")
	case s.armed > 40:
		s.fs.Disarm()
		s.armed = 0
	case s.armed > 0:
		s.armed++
	}
	s.invariants()
	if len(s.said) > worldSize {
		s.restart("end")
		s.close()
		s.create()
	}
}

// invariants holds after every step.
func (s *simulation) invariants() {
	head := s.book.Head()
	if head.Size != int64(len(s.said)) {
		s.fatalf("%d records, and %d were acknowledged", head.Size, len(s.said))
	}
	s.released(head.Checkpoint)
	s.released(s.book.PublishedCheckpoint())
	last := s.said[head.Size-1]
	if leaf, err := s.book.LeafHash(head.Size - 1); err != nil || leaf != last.leaf {
		s.fatalf("the last record has hash %s, and was acknowledged with %s (%v)", leaf, last.leaf, err)
	}
	if applied := s.views.Applied(); applied >= head.Size {
		s.fatalf("the views have applied position %d of %d records", applied, head.Size)
	}
}

// released notes a signed head that others could see: two of one size that differ
// are a fork.
func (s *simulation) released(checkpoint []byte) {
	lines := strings.SplitN(string(checkpoint), "\n", 3)
	var size int64
	if _, err := fmt.Sscan(lines[1], &size); err != nil {
		s.fatalf("%q is no checkpoint", checkpoint)
	}
	if old, ok := s.heads[size]; ok && old != string(checkpoint) {
		s.fatalf("a fork was signed:\n%s\n%s", old, checkpoint)
	}
	s.heads[size] = string(checkpoint)
}

// fresh makes an event that the rules admit.
func (s *simulation) fresh() events.Event {
	s.ids++
	id := fmt.Sprintf("e%d", s.ids)
	e := events.Event{ID: id, Source: "/simulation", Schema: 1, Time: 1, Principal: "tester"}
	switch s.rng.IntN(4) {
	case 0:
		e.Type, e.Data = "party.body.registered", &events.PartyRegistered{Party: id, Name: id, Kind: "department", Region: "990000", Level: "provincial"}
	case 1:
		e.Type, e.Data = "quality.issue.reported", &events.QualityIssueReported{Issue: id, By: "P1", Entry: "E1", Dimension: "GB36344:0302", Symptom: "wrong", Severity: "minor", Description: "seen by " + id}
	default:
		d := &events.AccessRecorded{Call: id, Provider: "P1", Consumer: "P2", Purpose: "benefit", Entry: "E1", Method: "api", Columns: []string{"a"}, RowCount: 3, Result: events.AccessOK, Query: "for " + id}
		if s.rng.IntN(4) == 0 {
			d.DataSubject = fmt.Sprintf("person-%d", s.rng.IntN(8))
		}
		e.Type, e.Data = "access.call.recorded", d
	}
	return e
}

func (s *simulation) append() bool {
	n := 1
	if s.rng.IntN(4) == 0 {
		n += s.rng.IntN(12)
	}
	batch := make([]events.Event, n)
	for i := range batch {
		batch[i] = s.fresh()
	}
	s.now.Add(1 + s.rng.Int64N(1_000_000))
	s.did["appends"]++
	s.pending = batch
	return s.send(batch, len(s.said), false)
}

// repeat sends a batch of old again: it gets the old places, and records nothing.
func (s *simulation) repeat() bool {
	at := 1 + s.rng.IntN(max(1, len(s.said)-1))
	if at >= len(s.said) {
		return true
	}
	s.did["repeats"]++
	return s.send([]events.Event{s.said[at].event}, at, true)
}

// send appends events that have to get the positions from first on; false if the
// ledger is no more.
func (s *simulation) send(batch []events.Event, first int, repeated bool) bool {
	var receipts []ledger.Receipt
	book := s.book
	err := s.alive(func() (err error) {
		receipts, err = book.Append(context.Background(), batch...)
		return err
	})
	if err != nil {
		if !s.fs.Fired() {
			s.fatalf("without a fault, appending gives %v", err)
		}
		s.did["appends that failed"]++
		return false
	}
	for i, r := range receipts {
		if r.Position != int64(first+i) || r.Repeated != repeated {
			s.fatalf("event %d of the batch is at %d, repeated %v; want %d", i, r.Position, r.Repeated, first+i)
		}
		if !repeated {
			s.remember(batch[i], r.LeafHash)
		} else if r.LeafHash != s.said[first+i].leaf {
			s.fatalf("position %d was acknowledged with another hash", r.Position)
		}
	}
	if !repeated {
		s.pending = nil
	}
	s.released([]byte(receipts[0].Checkpoint))
	if s.rng.IntN(16) == 0 {
		if _, err := receipts[0].Check(s.book.Origin(), s.book.Keys()); err != nil {
			s.fatalf("the receipt: %v", err)
		}
	}
	return true
}

// refused sends a batch whose last event may not happen: nothing of it does.
func (s *simulation) refused() bool {
	bad := s.fresh()
	bad.Type, bad.Data = "quality.issue.closed", &events.QualityIssueClosed{Issue: "unknown", By: "P1", Outcome: "fixed", Reason: "none"}
	s.did["refusals"]++
	book, good := s.book, s.fresh()
	err := s.alive(func() error {
		_, err := book.Append(context.Background(), good, bad)
		return err
	})
	if r := (*events.Refusal)(nil); errors.As(err, &r) && r.Rule == "issue.open" {
		return true
	}
	if err == nil || !s.fs.Fired() {
		s.fatalf("an event that may not happen gets %v", err)
	}
	return false
}

// look reads the views as of now and as of some past position.
func (s *simulation) look() bool {
	last := int64(len(s.said)) - 1
	s.did["looks"]++
	views, known, past := s.views, s.said, s.rng.Int64N(last+1)
	err := s.alive(func() error {
		patient, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := views.Wait(patient, last); err != nil {
			return err
		}
		for _, at := range []int64{last, past} {
			if err := s.lookAt(views, known[at], at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !s.fs.Fired() {
		s.fatalf("without a fault, looking gives %v", err)
	}
	return err == nil
}

var errWrongAnswer = errors.New("a wrong answer")

func (s *simulation) lookAt(views *Views, want said, at int64) error {
	w, err := views.At(at)
	if err != nil {
		return err
	}
	counts, err := w.Counts(context.Background())
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if counts.Events != at+1 || counts.Accesses != want.accesses || counts.Parties != want.parties {
		s.t.Errorf("step %d: as of %d the views count %d events, %d accesses, %d parties; want %d, %d, %d", s.steps, at, counts.Events, counts.Accesses, counts.Parties, at+1, want.accesses, want.parties)
		return errWrongAnswer
	}
	return nil
}

// prove asks for a proof, of a record or that an older head is a beginning.
func (s *simulation) prove() bool {
	s.did["proofs"]++
	v := s.book.Keys()
	size := 1 + s.rng.Int64N(int64(len(s.said)))
	position := s.rng.Int64N(size)
	if s.rng.IntN(2) == 0 {
		p, err := s.book.ProveInclusion(position, size)
		if err == nil {
			_, err = p.Check(s.said[position].leaf, s.book.Origin(), v)
		}
		if err != nil {
			s.fatalf("the proof of position %d of %d: %v", position, size, err)
		}
		return true
	}
	c, err := s.book.ProveConsistency(position+1, size)
	if err != nil {
		s.fatalf("proving %d to %d: %v", position+1, size, err)
	}
	if old, ok := s.heads[position+1]; ok {
		c.From = old // what somebody kept
	}
	if _, _, err := c.Check(s.book.Origin(), v); err != nil {
		s.fatalf("a released head of %d records is not a beginning of %d: %v", position+1, size, err)
	}
	return true
}

// tick steps the clock: within the bounds that is borne, beyond them nothing is
// recorded until it is right again.
func (s *simulation) tick() {
	s.did["clock steps"]++
	if s.rng.IntN(4) > 0 {
		s.now.Add(s.rng.Int64N(2*240e6) - 240e6) // 4 minutes
		s.rightClock()
		return
	}
	right := s.now.Load()
	s.now.Store(int64(s.book.Head().Time) + []int64{-3600e6, 400 * 24 * 3600e6}[s.rng.IntN(2)])
	book, e := s.book, s.fresh()
	err := s.alive(func() error {
		_, err := book.Append(context.Background(), e)
		return err
	})
	if c := (*ledger.ClockError)(nil); !errors.As(err, &c) && !s.fs.Fired() {
		s.fatalf("with a clock that jumped, appending gives %v", err)
	}
	s.now.Store(right)
}

// rightClock keeps small steps from adding up to a large one.
func (s *simulation) rightClock() {
	if last := int64(s.book.Head().Time); s.now.Load() < last-200e6 {
		s.now.Store(last)
	}
}

// arm lets one of the operations to come fail.
func (s *simulation) arm() {
	if s.armed > 0 {
		return
	}
	var ops []faultfs.Op
	for op := range s.fs.Seen() {
		if op.Do != "make" && op.Do != "remove" {
			ops = append(ops, op)
		}
	}
	slices.SortFunc(ops, func(a, b faultfs.Op) int { return strings.Compare(a.String(), b.String()) })
	if s.rng.IntN(3) > 0 { // what is done all the time
		ops = slices.DeleteFunc(ops, func(op faultfs.Op) bool {
			return !strings.HasSuffix(op.File, ".log") && !strings.HasSuffix(op.File, "/head")
		})
	}
	if len(ops) == 0 {
		return
	}
	f := faultfs.Fault{Op: ops[s.rng.IntN(len(ops))], N: 1 + s.rng.IntN(3), Err: []error{syscall.EIO, syscall.ENOSPC}[s.rng.IntN(2)]}
	f.Effect = []faultfs.Effect{faultfs.Nothing, faultfs.Half, faultfs.All}[s.rng.IntN(3)]
	f.Onwards, f.Ends = s.rng.IntN(3) == 0, s.rng.IntN(4) == 0
	s.fs.Arm(f)
	s.armed = 1
	s.did["faults set"]++
}

// cut cuts the power and starts again on what is left.
func (s *simulation) cut(why string) {
	s.did[why]++
	left := s.fs.CutPower([]int{0, 0, 50, 100}[s.rng.IntN(4)], s.rng)
	if !s.died() {
		s.fs.Revive()
		s.end()
	}
	s.start(left)
}

func (s *simulation) died() bool {
	select {
	case <-s.fs.Ended():
		return true
	default:
		return false
	}
}

// end closes all, which may fail, but not for ever.
func (s *simulation) end() (err error) {
	ended := make(chan error, 1)
	go func() {
		s.stop()
		ended <- errors.Join(<-s.done, s.views.Close(), s.book.Close())
	}()
	select {
	case err = <-ended:
	case <-s.fs.Ended():
		err = errDied
	case <-time.After(2 * time.Minute):
		s.fatalf("closing hangs")
	}
	return err
}

// close ends without a fault.
func (s *simulation) close() {
	if err := s.end(); err != nil {
		s.fatalf("closing: %v", err)
	}
}

// restart ends cleanly and starts again, after something was done to the files
// meanwhile.
func (s *simulation) restart(why string) {
	if s.armed > 0 {
		s.cut("power cut")
		return
	}
	s.did[why]++
	s.close()
	mem := s.fs.CutPower(100, s.rng) // everything: nobody cut the power
	switch s.rng.IntN(6) {
	case 0:
		s.did["views deleted"]++
		if err := mem.RemoveAll("ledger/views"); err != nil {
			s.fatalf("%v", err)
		}
	case 1:
		s.damageViews(mem)
	case 2:
		s.rollBack(mem)
	case 3:
		s.old, s.oldSize = mem.CrashClone(vfs.CrashCloneCfg{}), int64(len(s.said))
	}
	s.start(mem)
}

func (s *simulation) damageViews(mem *vfs.MemFS) {
	names, err := mem.List("ledger/views")
	if err != nil {
		s.fatalf("%v", err)
	}
	slices.Sort(names)
	name := names[s.rng.IntN(len(names))]
	if name == "LOCK" {
		return
	}
	s.did["views damaged"]++
	path := mem.PathJoin("ledger/views", name)
	f, err := mem.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		s.fatalf("%v", err)
	}
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		at := s.rng.Int64N(info.Size())
		b := make([]byte, min(info.Size()-at, 1+s.rng.Int64N(64)))
		if s.rng.IntN(2) == 0 {
			_, _ = f.ReadAt(b, at)
			b[0] ^= 1 << s.rng.IntN(8)
		}
		if _, err := f.WriteAt(b, at); err != nil {
			s.fatalf("%v", err)
		}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		s.fatalf("%v", err)
	}
}

// rollBack puts an old copy of the book in its place, which has to be refused.
func (s *simulation) rollBack(mem *vfs.MemFS) {
	if s.old == nil || s.oldSize == int64(len(s.said)) {
		return
	}
	s.did["old copies put back"]++
	fs := mem.CrashClone(vfs.CrashCloneCfg{})
	if err := fs.RemoveAll("ledger/book"); err != nil {
		s.fatalf("%v", err)
	}
	if _, err := vfs.Clone(s.old, fs, "ledger/book", "ledger/book"); err != nil {
		s.fatalf("%v", err)
	}
	o := s.options()
	o.FS, o.Logger = fs, nil
	_, err := ledger.Open("ledger", o)
	if d := (*ledger.DamageError)(nil); !errors.As(err, &d) || d.LastProvable != s.oldSize-1 {
		s.fatalf("an old copy with %d of %d records gets %v", s.oldSize, len(s.said), err)
	}
}

// start opens what is there and checks all of it.
func (s *simulation) start(mem *vfs.MemFS) {
	s.fs, s.armed = faultfs.New(mem), 0
	if s.rng.IntN(4) == 0 {
		s.did["verifications"]++
		r, err := ledger.Verify(context.Background(), "ledger", ledger.VerifyOptions{FS: mem, Workers: 1})
		if err != nil || !r.OK() {
			s.fatalf("verifying: %+v, %v", r, err)
		}
	}
	b, err := ledger.Open("ledger", s.options())
	if err != nil {
		s.fatalf("%d acknowledged, opening gives %v", len(s.said), err)
	}
	s.book = b
	s.adopt()
	for p, want := range s.said {
		if leaf, err := b.LeafHash(int64(p)); err != nil || leaf != want.leaf {
			s.fatalf("position %d was acknowledged with %s and has %s (%v)", p, want.leaf, leaf, err)
		}
	}
	for size, checkpoint := range s.heads {
		now, err := b.CheckpointAt(size)
		if err != nil || string(now) != checkpoint {
			s.fatalf("the released head of %d records is\n%s\nand now\n%s (%v)", size, checkpoint, now, err)
		}
	}
	s.rightClock()
	s.openViews()
	s.checkViews()
}

// adopt finds out what became of events that were not answered: all of their
// batch is there, or nothing.
func (s *simulation) adopt() {
	size, before := s.book.Head().Size, int64(len(s.said))
	if size != before && size != before+int64(len(s.pending)) {
		s.fatalf("%d records after the start; %d were acknowledged, and a batch of %d was not answered", size, before, len(s.pending))
	}
	for p := before; p < size; p++ {
		e, err := s.book.Get(context.Background(), p)
		if err != nil || e.Event.ID != s.pending[p-before].ID {
			s.fatalf("position %d holds %s, not %s (%v)", p, e.Event.ID, s.pending[p-before].ID, err)
		}
		leaf, err := s.book.LeafHash(p)
		if err != nil {
			s.fatalf("%v", err)
		}
		s.remember(s.pending[p-before], leaf)
	}
	if size > before {
		s.did["unanswered batches found"]++
	} else if len(s.pending) > 0 {
		s.did["unanswered batches gone"]++
	}
	s.pending = nil
}

// checkViews lets the views catch up and compares them with views built anew. Damage
// may show when rows are read; then they are built anew at the next start.
func (s *simulation) checkViews() {
	last := int64(len(s.said)) - 1
	for try := 0; ; try++ {
		patient, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := s.views.Wait(patient, last)
		cancel()
		if err == nil {
			past := s.rng.Int64N(last + 1)
			err = errors.Join(s.lookAt(s.views, s.said[last], last), s.lookAt(s.views, s.said[past], past))
		}
		if err == nil {
			break
		}
		if try > 0 || errors.Is(err, errWrongAnswer) {
			s.fatalf("the views after a start: %v", err)
		}
		s.did["views built anew after damage showed"]++
		s.stop()
		<-s.done
		if err := s.views.Close(); err != nil {
			s.t.Logf("closing damaged views: %v", err)
		}
		s.openViews()
	}
	if s.rng.IntN(8) > 0 {
		return
	}
	s.did["views compared row by row"]++
	whole, err := Open("whole", s.book, Options{FS: vfs.NewMem(), CacheBytes: 1 << 20})
	if err != nil {
		s.fatalf("%v", err)
	}
	build(s.t, whole, last+1)
	same(s.t, "rows after a start", rows(s.t, s.views, last), rows(s.t, whole, last))
	if err := whole.Close(); err != nil {
		s.fatalf("%v", err)
	}
}
