package ledger

import (
	"errors"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// maxFailedFlushes is how often in a row a flush may fail.
const maxFailedFlushes = 3

// A flushGuard ends the process when flushes fail again and again. Pebble repeats
// them at once and without end, and opening waits for it: on a full disk the
// program would spin without a word.
type flushGuard struct {
	logger pebbleLogger

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
	g.logger.Errorf("background work failed and is repeated: %v", err)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil || !errors.Is(err, g.last) {
		return
	}
	if g.failed++; g.failed == maxFailedFlushes {
		g.logger.Fatalf("writing a table: %v", err)
	}
}

// endOnPanic, deferred around a commit, ends the process when Pebble panics. It
// does where its log cannot be written, and goes on holding its locks: whoever
// recovered would wait for them for ever at the next commit.
func (p pebbleLogger) endOnPanic() {
	if r := recover(); r != nil {
		p.Fatalf("%v", r)
	}
}

// commit applies a batch. It can be read from then on, and is durable when its
// SyncWait returns.
func (l *Ledger) commit(b *pebble.Batch) error {
	defer pebbleLogger{l.opts.Logger}.endOnPanic()
	return l.db.ApplyNoSyncWait(b, pebble.Sync)
}
