package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// Ledger is an open book. Its methods may be called from any goroutine.
type Ledger struct {
	dir         string
	opts        Options
	db          *pebble.DB
	origin      string
	secret      []byte // salts bodies and names OpenLineage events; kept in the book
	salter      *proof.Salter
	keys        *proof.KeyCache
	first       proof.Hash              // what the chain starts from: the prev of record 0
	signing     atomic.Pointer[signing] // with the durable head; only the landing goroutine stores it
	changingKey sync.Mutex              // held by the one change of keys that is going on
	owners      *owners
	logs        logFS
	erasing     sync.Mutex // held by the one erasure that is going on
	holders     holders
	seen        *seen
	warm        warmth
	kept        keptCells
	tiles       tileCache
	patrol      patrol
	witness     *witness

	head      atomic.Pointer[Head] // durable; only the landing goroutine stores it
	published struct {
		sync.Mutex // guards what follows
		at         time.Time
		head       *Head
		byHand     bool // only Publish moves it
	}

	queue   queue
	flying  atomic.Bool   // a pool is applied and not yet durable; there is never a second
	flights chan *pool    // capacity 1: that pool, on its way to the landing goroutine
	landed  chan struct{} // capacity 1: it landed, or failed to
	stop    chan struct{} // closed once: end both goroutines
	done    chan struct{} // closed when both have ended
	end     sync.Once
	failure atomic.Pointer[error] // why the ledger stopped by itself
	uses    uses                  // of db, by readers
	index   *indexer

	// turn is held by who orders: the sequencer, or a caller that is alone. It guards
	// what follows.
	turn      sync.Mutex
	admission admission
	leafBuf   []byte
	tail      struct {
		edge    edge       // after the last applied record
		leaf    proof.Hash // of the last applied record
		signing *signing   // who signs the head after it

		mu    sync.Mutex // guards what follows, which PositionAt shares
		size  int64      // positions given, applied or not
		time  int64      // of the last position given
		asked int64      // latest moment a question was answered for
	}
}

// Head is the durable end of the book at one moment.
type Head struct {
	// Size is the number of records; the last has position Size-1.
	Size int64
	// Root is the RFC 6962 root over the Size records.
	Root proof.Hash
	// Time is the recorded time of the last record.
	Time events.Time
	// Checkpoint is the signed note over origin, size and root.
	Checkpoint []byte

	receipt string // Checkpoint, as all receipts of one commit share it
	edge    edge
	leaf    proof.Hash
	next    chan struct{} // closed when a later head is published
}

// headRow is the stored head. It is not signed: Ed25519 is deterministic, and the
// signature is made while the row is being synced.
type headRow struct {
	_    struct{} `cbor:",toarray"`
	Size int64
	Root proof.Hash
	Leaf proof.Hash
	Time int64
}

// settings are made when a ledger is created and never change.
type settings struct {
	Format uint64 `cbor:"format"`
	Origin string `cbor:"origin"`
	Secret []byte `cbor:"secret"`
	VKey   string `cbor:"vkey"` // of the first key
	// First is the prev of record 0: the hash of the genesis parameters.
	First proof.Hash `cbor:"first"`
}

// format is the version of the book's rows. A program refuses a newer one.
const format = 1

// Create makes a new ledger in dir and opens it. It makes a signing key unless
// Options.KeyFile holds one already, and refuses with ErrExists if there is a
// ledger.
func Create(dir string, o Options) (*Ledger, error) {
	o = o.withDefaults(dir)
	if err := checkOrigin(o.Origin); err != nil {
		return nil, err
	}
	if _, err := o.FS.Stat(bookDir(o.FS, dir)); err == nil {
		return nil, fmt.Errorf("creating a ledger in %s: %w", dir, ErrExists)
	}
	if cp, _, err := readWitness(o.FS, o.HeadFile); err != nil || cp != nil {
		return nil, errors.Join(fmt.Errorf("creating a ledger in %s: the head witness %s is there, so a ledger was: restore its book, or name another directory", dir, o.HeadFile), err)
	}
	keys, err := createKey(o)
	if err != nil {
		return nil, fmt.Errorf("creating the signing key: %w", err)
	}
	l := newLedger(dir, o, nil)
	if l.db, err = openBook(o, dir, bookOptions{create: true, logs: &l.logs}); err != nil {
		return nil, fmt.Errorf("creating the book: %w", err)
	}
	if err := l.begin(keys); err != nil {
		return nil, errors.Join(fmt.Errorf("creating a ledger in %s: %w", dir, err), l.abandon())
	}
	return l, nil
}

// begin writes the settings and the genesis record of a new book.
func (l *Ledger) begin(keys *signing) error {
	genesis := &events.Genesis{
		Origin: l.opts.Origin, Keys: keys.vkeys, Format: format, Limits: l.opts.Limits.recorded(),
		Predecessor: string(l.opts.Predecessor),
	}
	data, err := encMode.Marshal(genesis)
	if err != nil {
		return err
	}
	s := settings{Format: format, Origin: l.opts.Origin, Secret: make([]byte, 32), VKey: keys.newest(), First: proof.GenesisPrev(data)}
	rand.Read(s.Secret)
	b, err := encMode.Marshal(s)
	if err != nil {
		return err
	}
	if err := l.db.Set(metaKey("settings"), b, pebble.Sync); err != nil {
		return err
	}
	if err := l.db.Set(metaKey("fold"), []byte{events.Fold}, pebble.Sync); err != nil {
		return err
	}
	if err := l.adopt(s); err != nil {
		return err
	}
	l.signing.Store(keys)
	l.tail.leaf, l.tail.signing = s.First, keys
	head, err := l.signHead(keys, edge{}, s.First, 0)
	if err != nil {
		return err
	}
	if err := createWitness(l.opts.FS, l.opts.HeadFile, head.Checkpoint); err != nil {
		return fmt.Errorf("making the head witness: %w", err)
	}
	if err := l.start(head, 1); err != nil {
		return err
	}
	_, err = l.append(context.Background(), []events.Event{l.own(genesis, "ledger.genesis", "genesis")})
	return err
}

// own makes an event that the ledger says itself.
func (l *Ledger) own(data events.Data, typ, id string) events.Event {
	return events.Event{
		ID: id, Source: "ledger:" + l.origin, Type: typ, Schema: 1,
		Time: events.TimeOf(l.opts.Now()), Principal: "ledger", Data: data,
	}
}

func (l Limits) recorded() map[string]int64 {
	return map[string]int64{"batch_events": int64(l.BatchEvents), "event_bytes": l.EventBytes, "batch_bytes": l.BatchBytes}
}

// Open opens the ledger in dir. It refuses with ErrNotExist if there is none and
// with a *DamageError if the book does not hold what was acknowledged.
func Open(dir string, o Options) (*Ledger, error) {
	o = o.withDefaults(dir)
	witnessed, seq, _, err := lookInto(dir, o)
	if err != nil {
		return nil, err
	}
	// Whoever put the book or the head witness here may have failed to sync that,
	// and a power cut would take back what is acknowledged from now on.
	if err := errors.Join(syncDir(o.FS, dir), syncDir(o.FS, o.FS.PathDir(o.HeadFile))); err != nil {
		return nil, fmt.Errorf("opening %s: syncing the directory: %w", dir, err)
	}
	l := newLedger(dir, o, nil)
	if l.db, err = openBook(o, dir, bookOptions{logs: &l.logs}); err != nil {
		return nil, openFailed(dir, o, err, witnessed)
	}
	if err := l.resume(witnessed, seq); err != nil {
		return nil, errors.Join(err, l.abandon())
	}
	if o.ConfirmClock != "" {
		if err := l.confirmClock(o.ConfirmClock); err != nil {
			return nil, errors.Join(fmt.Errorf("recording that the clock is confirmed: %w", err), l.Close())
		}
	}
	if err := l.repeatErasures(context.Background()); err != nil {
		return nil, errors.Join(fmt.Errorf("completing the erasures: %w", err), l.Close())
	}
	return l, nil
}

// lookInto finds out, without a change to anything, whether the ledger in dir can be opened,
// and gives the checkpoint of its head witness and its number, if there is one.
func lookInto(dir string, o Options) (witnessed []byte, seq uint64, t tail, err error) {
	if _, err := o.FS.Stat(bookDir(o.FS, dir)); err != nil {
		if !errors.Is(err, errNotExist) { // whoever takes that for none would begin another
			return nil, 0, t, fmt.Errorf("opening %s: whether there is a ledger cannot be seen: %w", dir, err)
		}
		if cp, _, werr := readWitness(o.FS, o.HeadFile); werr == nil && cp != nil {
			return nil, 0, t, lost(cp, "the book is gone, but its head witness is not", nil)
		}
		return nil, 0, t, fmt.Errorf("opening %s: %w", dir, ErrNotExist)
	}
	if witnessed, seq, err = readWitness(o.FS, o.HeadFile); err == nil {
		t, err = inspectBook(dir, o, witnessed)
	}
	return witnessed, seq, t, err
}

// Inspection is what Inspect saw.
type Inspection struct {
	Size      int64       // how many records there are
	Time      events.Time // the recorded time of the last
	Witnessed bool        // there is a head witness
}

// Inspect tells whether Open would open the ledger in dir, with the errors of Open, and
// changes nothing: it makes no head witness, completes no erasure, and leaves the log of
// the storage as it is. It takes no clock, and reads the end of the log, not all of it.
func Inspect(dir string, o Options) (Inspection, error) {
	o = o.withDefaults(dir)
	witnessed, _, t, err := lookInto(dir, o)
	if err == nil {
		_, _, err = newLedger(dir, o, nil).readErasures()
	}
	return Inspection{t.row.Size, events.Time(t.row.Time), witnessed != nil}, err
}

// inspect checks that an existing book can be gone on with: it has the key, it
// ends as its head says, and it holds what was acknowledged.
func (l *Ledger) inspect(witnessed []byte) (tail, error) {
	s, err := readSettings(l.db)
	if err != nil {
		return tail{}, beginningLost(witnessed, err)
	}
	if err := l.adopt(s); err != nil {
		return tail{}, err
	}
	t, err := readTail(l.db)
	if errors.Is(err, errNoBeginning) {
		return t, beginningLost(witnessed, err)
	}
	if err != nil {
		return t, err
	}
	keys, err := l.readSigning(s.VKey, t.row.Size)
	if err != nil {
		return t, err
	}
	if err := l.armed(keys); err != nil {
		return t, err
	}
	l.signing.Store(keys)
	if err := l.checkWitness(t, witnessed); err != nil {
		return t, err
	}
	return t, l.checkLast(t)
}

// resume takes up after the end of an existing book.
func (l *Ledger) resume(witnessed []byte, seq uint64) error {
	t, err := l.inspect(witnessed)
	if err != nil {
		return err
	}
	keys := l.signing.Load()
	if err := l.tidyKeys(keys); err != nil {
		return err
	}
	l.tail.edge, l.tail.leaf, l.tail.signing = t.edge, t.row.Leaf, keys
	l.tail.size, l.tail.time = t.row.Size, t.row.Time
	head, err := l.signHead(keys, t.edge, t.row.Leaf, t.row.Time)
	if err != nil {
		return err
	}
	if err := l.refold(); err != nil {
		return err
	}
	if witnessed == nil {
		l.opts.Logger.Warn("there was no head witness; a new one starts here, and a rollback to before it would go unnoticed", "file", l.opts.HeadFile, "size", head.Size)
		if err := createWitness(l.opts.FS, l.opts.HeadFile, head.Checkpoint); err != nil {
			return fmt.Errorf("making the head witness: %w", err)
		}
		seq = 1
	}
	if err := l.start(head, seq); err != nil {
		return err
	}
	if witnessed != nil && !bytes.Equal(witnessed, head.Checkpoint) {
		// It had not heard of the last heads when the power went. A rollback of what is
		// acknowledged must not go unnoticed until somebody appends.
		l.witness.remember(head.Checkpoint)
	}
	return nil
}

func newLedger(dir string, o Options, db *pebble.DB) *Ledger {
	l := &Ledger{
		dir: dir, opts: o, db: db, owners: newOwners(o.FS, dir), logs: logFS{o.FS, new(atomic.Bool)},
		keys:    proof.NewKeyCache(),
		queue:   queue{more: make(chan struct{}, 1)},
		uses:    uses{idle: make(chan struct{}, 1)},
		flights: make(chan *pool, 1), landed: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	l.index = newIndexer(l)
	return l
}

func (l *Ledger) adopt(s settings) error {
	if s.Format > format {
		return fmt.Errorf("the book has format %d, and this program knows none above %d: use the program that wrote it, or a newer one; nothing was changed", s.Format, format)
	}
	if s.Format < format {
		return fmt.Errorf("the book has format %d, and this program reads format %d only: what to do about older ones is in docs/operating.md, \"Upgrade\"; nothing was changed", s.Format, format)
	}
	l.origin, l.secret, l.first = s.Origin, s.Secret, s.First
	l.salter = proof.NewSalter(s.Secret)
	return nil
}

// start begins to take events after head.
func (l *Ledger) start(head *Head, witnessSeq uint64) (err error) {
	if l.witness, err = openWitness(l.opts.FS, l.opts.HeadFile, witnessSeq, l.opts.Logger); err != nil {
		return err
	}
	l.admission = newAdmission(head.Size)
	l.seen = newSeen(head.Size, l.opts.SeenBytes)
	if err := l.loadSeen(); err != nil {
		return errors.Join(err, l.witness.close())
	}
	l.head.Store(head) // from here on abandon waits for the goroutines
	l.published.head = head
	go l.sequence()
	go l.land()
	l.index.start()
	return nil
}

// confirmClock records that an operator vouches for a clock that jumped.
func (l *Ledger) confirmClock(reason string) error {
	before, now := l.Head().Time, events.TimeOf(l.opts.Now())
	ev := l.own(&events.ClockConfirmed{Before: before, After: now, Reason: reason}, "ledger.clock.confirmed", fmt.Sprintf("clock-%d", l.Head().Size))
	req, err := l.prepare([]events.Event{ev})
	if err != nil {
		return err
	}
	req.confirms = true
	if err := l.queue.push(req, l.opts.Limits); err != nil {
		return err
	}
	_, err = receipts(req, <-req.done)
	return err
}

// Close ends the ledger: what is durable stays, what still waits is refused with
// ErrClosed.
func (l *Ledger) Close() error {
	l.halt(ErrClosed)
	<-l.done
	ierr := l.index.close()
	l.uses.close()
	err := errors.Join(ierr, l.witness.close())
	if f := l.failure.Load(); f != nil {
		err = errors.Join(*f, err)
	} else if err == nil {
		err = l.flush()
	}
	return errors.Join(err, l.db.Close())
}

// flushWait bounds how long closing waits for the flush.
const flushWait = 10 * time.Second

// flush writes what is only in the log into tables, so that neither the next Open
// nor a verification has to replay it. Nothing rests on it: what a disk that is
// full or slow leaves in the log is replayed.
func (l *Ledger) flush() error {
	defer bookLog(l.opts.Logger).EndOnPanic("closing")
	done, err := l.db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-done:
	case <-time.After(flushWait):
		l.opts.Logger.Warn("closing without waiting longer for the flush; the log is replayed at the next start")
	}
	return nil
}

// abandon closes what a failed Create or Open had got to.
func (l *Ledger) abandon() error {
	if l.head.Load() == nil {
		return l.db.Close() // the goroutines were not started
	}
	return l.Close()
}

// fatal stops the ledger for good: after a storage error nothing more can be
// promised, and a restart recovers what is durable.
func (l *Ledger) fatal(doing string, err error) {
	err = fmt.Errorf("%s: %w", doing, err)
	l.failure.CompareAndSwap(nil, &err)
	l.opts.Logger.Error("the ledger stops; restart it to recover what is durable", "error", err)
	l.halt(fmt.Errorf("%w after a storage error: %w", ErrClosed, err))
}

func (l *Ledger) halt(reason error) {
	left := l.queue.close(reason)
	l.end.Do(func() { close(l.stop) })
	for _, r := range left {
		r.done <- outcome{err: reason}
	}
}

// Failed tells why the ledger stopped by itself; nil while it works.
func (l *Ledger) Failed() error {
	if f := l.failure.Load(); f != nil {
		return *f
	}
	return nil
}

// Origin is the name of the log in its checkpoints.
func (l *Ledger) Origin() string { return l.origin }

func checkOrigin(origin string) error {
	if origin == "" || strings.ContainsAny(origin, " +\n\t") || len(origin) > 255 {
		return fmt.Errorf("the origin %q cannot name a log: use a schema-less URL such as ledger.example/yunze, without spaces or plus signs", origin)
	}
	return nil
}

// DiskBytes is what the book takes on the disk now, its log included.
func (l *Ledger) DiskBytes() (uint64, error) {
	if err := l.uses.begin(); err != nil {
		return 0, err
	}
	defer l.uses.end()
	return l.db.Metrics().DiskSpaceUsage(), nil
}
