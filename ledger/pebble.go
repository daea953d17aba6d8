package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// ExitStorage is the exit code with which the process ends where a store cannot go on.
// Nothing that was acknowledged is lost; it may be started again when the disk has been
// seen to.
const ExitStorage = 4

// StoreLog passes on what Pebble says of a store. Where that cannot go on, the process ends
// with one last line, which says what was being done and what to do next.
type StoreLog struct {
	To *slog.Logger
	// Name is the store's: book, completeness index, views.
	Name string
	// Unwritable says what it means that the process ends because the store cannot be
	// written.
	Unwritable string
}

// Infof implements pebble.Logger.
func (s StoreLog) Infof(format string, args ...any) {
	s.To.Debug(s.Name + ": " + fmt.Sprintf(format, args...))
}

// Errorf implements pebble.Logger.
func (s StoreLog) Errorf(format string, args ...any) {
	s.To.Error(s.Name + ": " + fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger. It must not return: Pebble calls it when a log write
// failed, and a store that goes on after that serves what it never made durable.
func (s StoreLog) Fatalf(format string, args ...any) {
	s.end("the storage's own work", fmt.Sprintf(format, args...))
}

func (s StoreLog) end(doing, why string) {
	s.To.Error(s.Unwritable, "store", s.Name, "doing", doing, "error", why, "next", "see to the disk, then start it again; ledgerline doctor tells whether it can", "exit", ExitStorage)
	os.Exit(ExitStorage)
}

// EndOnPanic, deferred around what writes, ends the process when Pebble panics. It does
// where its log cannot be written, and goes on holding its locks: whoever recovered would
// wait for them for ever at the next commit.
func (s StoreLog) EndOnPanic(doing string) {
	if r := recover(); r != nil {
		s.end(doing, fmt.Sprint(r))
	}
}

// Open opens a store. From then on the process ends where Pebble would spin, or die without
// a word:
//
//   - When flushes fail again and again: Pebble repeats them at once and without end, and
//     opening waits for it.
//   - When a log cannot be begun in a store that is open: Pebble panics with a lock given
//     back that is given back again on the way out, which nobody can recover from.
//
// pebble.Open itself panics where a directory cannot be synced: that is an error here.
func (s StoreLog) Open(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	g := &flushGuard{log: s}
	var opened atomic.Bool
	o.Logger, o.EventListener.FlushEnd, o.EventListener.BackgroundError = s, g.flushEnd, g.backgroundError
	o.EventListener.WALCreated = func(info pebble.WALCreateInfo) {
		if info.Err != nil && opened.Load() {
			s.end("beginning a new log", info.Err.Error())
		}
	}
	defer func() {
		r := recover()
		if failed, ok := r.(error); ok {
			err = fmt.Errorf("syncing the directory of the store: %w", failed)
		} else if r != nil {
			panic(r)
		}
	}()
	db, err = pebble.Open(dir, o)
	opened.Store(err == nil)
	return db, err
}

// maxFailedFlushes is how often in a row a flush may fail.
const maxFailedFlushes = 3

type flushGuard struct {
	log StoreLog

	mu     sync.Mutex // guards what follows
	last   error      // of the last flush
	failed int        // flushes in a row
}

// flushEnd notes how a flush ended. Pebble calls it an error as well that there
// was nothing to write; only what is reported to backgroundError too has failed.
func (g *flushGuard) flushEnd(info pebble.FlushInfo) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last = info.Err; g.last == nil {
		g.failed = 0
	}
}

func (g *flushGuard) backgroundError(err error) {
	g.log.Errorf("background work failed and is repeated: %v", err)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil || !errors.Is(err, g.last) {
		return
	}
	if g.failed++; g.failed == maxFailedFlushes {
		g.log.end("writing a table from memory", err.Error())
	}
}
