package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
)

// Options says how to create or open a ledger. The zero value serves, except
// that Create needs an Origin.
type Options struct {
	// Origin names the log in its checkpoints, as C2SP tlog-checkpoint asks: a
	// schema-less URL such as "ledger.example/yunze". Create only.
	Origin string
	// FS holds the store; nil is the disk.
	FS vfs.FS
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Logger receives what an operator should know; nil discards it.
	Logger *slog.Logger
	// HeadFile is the head witness, by default DIR/head. Keep it where backups of
	// DIR/book do not reach: it is what notices that an old one was restored.
	HeadFile string
	// KeyFile holds the signing key, by default DIR/keys/ledger.key.
	KeyFile string
	// CacheBytes is how much of Pebble's block cache is there whatever is written, by
	// default 256 MiB.
	CacheBytes int64
	// SeenBytes bounds the memory of the filter that tells new events and new subjects
	// from those that are in the book already: 2 bytes for each, by default 128 MiB at
	// most, which is for 33 million events with a subject each. With more it errs more
	// often, and each error costs a read.
	SeenBytes int64
	// Limits bound what is accepted; zero fields take their defaults.
	Limits Limits
	// Index says how the completeness index is kept; zero fields take their defaults.
	Index IndexOptions
	// Predecessor is the last provable signed checkpoint of the ledger that this
	// one succeeds after a loss. Create only.
	Predecessor []byte
	// ConfirmClock, if not empty, is an operator's reason to accept a clock that
	// jumped beyond Limits.ClockBehind or ClockAhead; it is recorded as an event. Open only.
	ConfirmClock string
}

// Limits bound what the ledger accepts. A request beyond one is refused with the
// limit named.
type Limits struct {
	BatchEvents int   // events in one Append; default 10,000
	EventBytes  int64 // stored bytes of one event, facets included; default 64 MiB
	BatchBytes  int64 // stored bytes of one Append; default 128 MiB
	QueueEvents int   // events waiting for the sequencer; default 65,536
	QueueBytes  int64 // stored bytes waiting for the sequencer; default 512 MiB
	// ClockBehind and ClockAhead bound how far the clock may be behind or ahead of
	// the last record; defaults 5 minutes and 366 days. Beyond them nothing is
	// recorded until an operator confirms, because one wrong jump would stamp all
	// the future: recorded time never goes back.
	ClockBehind, ClockAhead time.Duration
}

func (l Limits) withDefaults() Limits {
	set := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	if l.BatchEvents == 0 {
		l.BatchEvents = 10_000
	}
	if l.QueueEvents == 0 {
		l.QueueEvents = 65_536
	}
	set(&l.EventBytes, 64<<20)
	set(&l.BatchBytes, 128<<20)
	set(&l.QueueBytes, 512<<20)
	if l.ClockBehind == 0 {
		l.ClockBehind = 5 * time.Minute
	}
	if l.ClockAhead == 0 {
		l.ClockAhead = 366 * 24 * time.Hour
	}
	return l
}

func (o Options) withDefaults(dir string) Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.HeadFile == "" {
		o.HeadFile = o.FS.PathJoin(dir, "head")
	}
	if o.KeyFile == "" {
		o.KeyFile = o.FS.PathJoin(dir, "keys", "ledger.key")
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 256 << 20
	}
	if o.SeenBytes == 0 {
		o.SeenBytes = 128 << 20
	}
	o.Limits = o.Limits.withDefaults()
	o.Index = o.Index.withDefaults()
	return o
}

var (
	// ErrExists: Create found a ledger where it was to make one.
	ErrExists = errors.New("there is a ledger already")
	// ErrNotExist: Open found no ledger. Creating one is a deliberate act.
	ErrNotExist = errors.New("there is no ledger here; create one with: ledgerline init")
	// ErrClosed: the ledger was closed, or stopped by a fatal storage error.
	ErrClosed = errors.New("the ledger is closed")
	// ErrOverloaded: too much waits for the sequencer. Nothing was recorded; retry
	// later.
	ErrOverloaded = errors.New("too many events are waiting to be recorded; retry later")
	// ErrNoIndex: nothing can be proven complete now: the completeness index is
	// switched off, being taken up, or cannot be read. The error says which.
	ErrNoIndex = errors.New("there is no completeness index to prove from")
	// ErrNoTile: the tile, or that width of it, is not published yet.
	ErrNoTile = errors.New("no such tile in the published tree")
)

// DamageError says that the store no longer holds what it acknowledged.
type DamageError struct {
	What string // what was found
	// LastProvable is the last position whose records still hash to a head this
	// ledger signed; -1 if none can be shown.
	LastProvable int64
	Fix          string
	Err          error
}

func (e *DamageError) Error() string {
	s := "the book is damaged: " + e.What
	if e.LastProvable >= 0 {
		s += fmt.Sprintf("; last provable position: %d", e.LastProvable)
	} else {
		s += "; last provable position: none without a verification"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Fix != "" {
		s += "; " + e.Fix
	}
	return s
}

func (e *DamageError) Unwrap() error { return e.Err }

// PositionError says that a position is beyond the durable head.
type PositionError struct{ Position, Head int64 }

func (e *PositionError) Error() string {
	return fmt.Sprintf("there is no record at position %d; the last is %d", e.Position, e.Head)
}

// FutureError says that a question was asked about a time that has not come.
type FutureError struct{ Asked, Now events.Time }

func (e *FutureError) Error() string {
	return fmt.Sprintf("%s is in the future (it is %s): what will be known then is not known now", e.Asked, e.Now)
}

// ClockError says that the clock is too far from the last record to be believed.
type ClockError struct {
	Clock, Last events.Time
	Bound       time.Duration
}

func (e *ClockError) Error() string {
	where := "ahead of"
	if e.Clock < e.Last {
		where = "behind"
	}
	return fmt.Sprintf("the clock says %s, %s the last record of %s by more than %s; nothing is recorded until the clock is right or an operator confirms it (serve --confirm-clock REASON)",
		e.Clock, where, e.Last, e.Bound)
}
