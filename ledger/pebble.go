package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// StoreLog passes on what Pebble says of a store.
type StoreLog struct {
	To *slog.Logger
	// Name stands before it.
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
	s.To.Error(s.Unwritable, "pebble", fmt.Sprintf(format, args...))
	os.Exit(2)
}

// EndOnPanic, deferred around a commit, ends the process when Pebble panics. It does where
// its log cannot be written, and goes on holding its locks: whoever recovered would wait
// for them for ever at the next commit.
func (s StoreLog) EndOnPanic() {
	if r := recover(); r != nil {
		s.Fatalf("%v", r)
	}
}

// EndOnFailedFlushes ends the process when flushes fail again and again. Pebble repeats
// them at once and without end, and opening waits for it: on a full disk the program would
// spin without a word.
func (s StoreLog) EndOnFailedFlushes(l *pebble.EventListener) {
	g := &flushGuard{log: s}
	l.FlushEnd, l.BackgroundError = g.flushEnd, g.backgroundError
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
		g.log.Fatalf("writing a table: %v", err)
	}
}

// OpenPebble is pebble.Open, which panics where a directory cannot be synced.
func OpenPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		r := recover()
		if failed, ok := r.(error); ok {
			err = fmt.Errorf("syncing the directory of the store: %w", failed)
		} else if r != nil {
			panic(r)
		}
	}()
	return pebble.Open(dir, o)
}
