package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// IndexOptions say how the completeness index is kept. It is made beside the
// append path, by a goroutine of its own that follows the durable head; now and
// then its root is recorded as an event, a commitment. The zero value serves.
type IndexOptions struct {
	// Records and Age make a commitment due: so many records are not covered, or
	// one has not been for so long. Defaults 32,768 and one minute. Events of the
	// ledger itself alone never make one due, nor do they count for Age.
	Records int64
	Age     time.Duration
	// ProofRecords is the most records one proof shows; default 100,000.
	ProofRecords int
	// CacheBytes is how much of the index's block cache is there whatever is written;
	// default 64 MiB.
	CacheBytes int64
	// Off keeps no index, and there are no proofs of completeness.
	Off bool
}

func (o IndexOptions) withDefaults() IndexOptions {
	if o.Records == 0 {
		o.Records = 32_768
	}
	if o.Age == 0 {
		o.Age = time.Minute
	}
	if o.ProofRecords == 0 {
		o.ProofRecords = 100_000
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	return o
}

const (
	// indexRun is how many records are brought into the index at once.
	indexRun = 16_384
	// indexPause is the least time between commitments that are asked for: reading
	// must not fill the log.
	indexPause = 100 * time.Millisecond
	// indexRetry is how long a failed commitment waits to be tried again.
	indexRetry = time.Second
)

// indexer keeps the completeness index.
type indexer struct {
	l      *Ledger
	dir    string
	asked  chan chan error // a commitment is wanted now
	done   chan struct{}   // closed when run has ended
	cancel context.CancelFunc

	// Owned by run.
	store *indexStore
	// other is the first record not covered that is not the ledger's own; or, if
	// there is none, the first not looked at. since is when it was found.
	other   int64
	found   bool
	since   time.Time
	lastAsk time.Time // when a commitment was made because it was asked for

	mu   sync.RWMutex // guards what follows
	view *indexView
	err  error // why there is no view

	memory atomic.Pointer[Memory] // as of the last commitment
}

// indexView is the index as of one commitment, to prove from.
type indexView struct {
	commit int64 // position of the commitment
	size   int64
	tree   proof.IndexTree
	rows   *pebble.Snapshot
	end    int64 // size, if the rows are of a later commitment; or else 0
}

func newIndexer(l *Ledger) *indexer {
	return &indexer{
		l: l, dir: l.opts.FS.PathJoin(l.dir, "index"), asked: make(chan chan error), done: make(chan struct{}),
		err: fmt.Errorf("%w: it is being taken up", ErrNoIndex),
	}
}

// start begins to follow the book.
func (x *indexer) start() {
	if x.l.opts.Index.Off {
		x.err = fmt.Errorf("%w: it is switched off", ErrNoIndex)
		close(x.done)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	x.cancel = cancel
	go x.run(ctx)
}

// close ends run and the store.
func (x *indexer) close() error {
	if x.cancel != nil {
		x.cancel()
	}
	<-x.done
	x.show(nil, ErrClosed)
	if x.store == nil {
		return nil
	}
	return x.store.close()
}

// run follows the durable head until the ledger ends. Whatever goes wrong with
// the index never stops the book.
func (x *indexer) run(ctx context.Context) {
	defer close(x.done)
	err := x.open(ctx)
	for {
		if err != nil {
			x.fail(err)
			if !x.sleep(ctx, indexRetry) {
				return
			}
			if x.store == nil {
				err = x.open(ctx)
				continue
			}
		}
		var reply chan error
		if reply, err = x.wait(ctx); err == nil && reply != nil {
			x.sleep(ctx, time.Until(x.lastAsk.Add(indexPause)))
			x.lastAsk = time.Now()
		}
		if err == nil {
			err = x.commit(ctx)
		}
		if reply != nil {
			reply <- err
		}
		if ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return
		}
	}
}

// sleep waits, and reports whether there is anything left to do.
func (x *indexer) sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// fail reports that the index cannot go on for now. A commitment made before can
// still be proven from.
func (x *indexer) fail(err error) {
	if errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) {
		return
	}
	x.l.opts.Logger.Error("the completeness index cannot go on, and is tried again; appending goes on", "error", err)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.view == nil {
		x.err = fmt.Errorf("%w: %w", ErrNoIndex, err)
	}
}

// wait returns when a commitment is due, with whom to tell if it was asked for.
func (x *indexer) wait(ctx context.Context) (chan error, error) {
	o := x.l.opts.Index
	for {
		head := x.l.head.Load()
		due, err := x.look(ctx, head.Size)
		if err != nil {
			return nil, err
		}
		if due && head.Size-x.size() >= o.Records {
			return nil, nil
		}
		var late <-chan time.Time
		if due {
			late = time.After(time.Until(x.since.Add(o.Age)))
		}
		select {
		case <-head.next:
		case <-late:
			return nil, nil
		case reply := <-x.asked:
			// The head may have moved since it was looked at.
			if due, err = x.look(ctx, x.l.head.Load().Size); due {
				return reply, nil
			}
			if reply <- err; err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ErrClosed
		case <-x.l.stop:
			return nil, ErrClosed
		}
	}
}

// size is how many records the newest commitment covers.
func (x *indexer) size() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.view == nil {
		return 0
	}
	return x.view.size
}

// look finds out whether a record before end that is not the ledger's own is not
// covered by a commitment.
func (x *indexer) look(ctx context.Context, end int64) (bool, error) {
	if x.found || x.other >= end {
		return x.found, nil
	}
	err := x.l.scanRows(ctx, x.other, end, func(position int64, row []byte) (bool, error) {
		_, b, err := splitRecordRow(row)
		if err != nil {
			return false, err
		}
		body, err := proof.ParseBody(b)
		if err != nil {
			return false, err
		}
		x.other, x.found = position, !body.Public()
		return !x.found, nil
	})
	switch {
	case err != nil:
	case x.found:
		x.since = time.Now()
	default:
		x.other = end
	}
	return x.found, err
}

// commit brings all durable records into the index and records its root.
func (x *indexer) commit(ctx context.Context) error {
	head := x.l.Head()
	if err := x.advance(ctx, head.Size); err != nil {
		return err
	}
	root := x.store.tree.Root()
	ev := x.l.own(&events.IndexCommitted{Algorithm: proof.IndexAlgorithm, Root: root[:], Size: uint64(head.Size)},
		proof.IndexCommittedType, fmt.Sprintf("index-%d", head.Size))
	receipts, err := x.l.append(ctx, []events.Event{ev})
	if err != nil {
		return err
	}
	x.committed(receipts[0].Position, head.Size)
	return nil
}

// committed makes the state of the store, which a commitment covers, the one to
// prove from.
func (x *indexer) committed(position, size int64) {
	x.show(&indexView{commit: position, size: size, tree: x.store.tree, rows: x.store.db.NewSnapshot()}, nil)
	x.other, x.found = size, false
	memory := MemoryOf(x.store.db)
	x.memory.Store(&memory)
}

// show replaces the view, once nobody reads the old one.
func (x *indexer) show(v *indexView, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.view != nil {
		if cerr := x.view.rows.Close(); cerr != nil {
			x.l.opts.Logger.Warn("closing the last state of the completeness index", "error", cerr)
		}
	}
	x.view, x.err = v, err
}

// advance brings the records before end into the index, a run at a time. Each is
// held to the tree first: the index becomes evidence.
func (x *indexer) advance(ctx context.Context, end int64) error {
	for from := x.store.meta.Size; from < end; from = x.store.meta.Size {
		run := indexed{entries: make(map[proof.Hash][]proof.IndexEntry), size: min(from+indexRun, end)}
		if err := x.l.indexRecords(ctx, from, &run); err != nil {
			return err
		}
		if err := x.store.add(run); err != nil {
			return err
		}
	}
	return nil
}

// indexRecords gathers the entries of the records from a position on.
func (l *Ledger) indexRecords(ctx context.Context, from int64, run *indexed) error {
	tiles := l.durableTiles()
	prev, err := l.prev(tiles, from)
	if err != nil {
		return err
	}
	var hashes []proof.Hash
	return l.scanRows(ctx, from, run.size, func(position int64, row []byte) (bool, error) {
		r, _, err := l.rebuild(position, prev, row)
		if err != nil {
			return false, err
		}
		if hashes == nil || position%tileWidth == 0 {
			if hashes, err = tiles.tile(0, position/tileWidth); err != nil {
				return false, err
			}
		}
		if r.Hash != hashes[position%tileWidth] {
			return false, errors.New("it is not the one that was acknowledged")
		}
		leaf, err := proof.ParseLeaf(r.Leaf)
		if err != nil {
			return false, err
		}
		e := proof.IndexEntry{Position: position, Time: leaf.Time, Leaf: r.Hash}
		for _, key := range leaf.Keys {
			run.entries[key] = append(run.entries[key], e)
		}
		prev, run.last = r.Hash, r.Hash
		return true, nil
	})
}
