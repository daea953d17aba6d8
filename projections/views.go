package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Options of the views. The zero value is usable.
type Options struct {
	FS     vfs.FS       // nil: the disk
	Logger *slog.Logger // nil: discards
	// CacheBytes is how much of the block cache is there whatever is written; 0 means
	// 128 MiB.
	CacheBytes int64
	// RunLength is the most records applied in one batch while the views keep up;
	// 0 means 4096. Views far behind take larger runs.
	RunLength int
	// Watch is around the handling of each run of the feed, retries included, for
	// tracing; nil: nothing is. RunOf tells which records a message speaks of.
	Watch message.HandlerMiddleware
}

// Views are the rows built from one book. They are safe for concurrent use.
type Views struct {
	ledger      *ledger.Ledger
	projections []projection
	dir         string
	fs          vfs.FS
	cacheBytes  int64
	lock        *pebble.Lock // of dir
	log         *slog.Logger
	runLength   int64
	bulkLength  int64
	blockWidth  int64 // of stores: see call_blocks.go
	watch       message.HandlerMiddleware

	building sync.Mutex // held by Rebuild
	applying sync.Mutex // held while a run is applied

	mu         sync.Mutex
	store      *store // that is read from; changed under applying as well
	applied    int64
	recorded   events.Time   // of applied
	moved      chan struct{} // closed when applied or stopped changes
	stopped    error         // what stopped the projections
	rebuilding bool
	closed     bool
}

var errClosed = errors.New("the views are closed")

// Open opens the views in dir, creating them if they do not exist. Views that
// are damaged, ahead of the book, of another book or of another version are
// thrown away, which is logged, and built anew by Run.
func Open(dir string, l *ledger.Ledger, o Options) (*Views, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 128 << 20
	}
	if o.RunLength <= 0 {
		o.RunLength = 4096
	}
	v := &Views{
		ledger: l, projections: projections, dir: dir, fs: o.FS, cacheBytes: o.CacheBytes, log: o.Logger,
		runLength: int64(o.RunLength), bulkLength: bulkLength, blockWidth: callBlockWidth, watch: o.Watch, applied: -1, moved: make(chan struct{}),
	}
	if err := v.openDir(); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("opening the views in %s: this user may not write there: give it the directory with all that is in it: %w", dir, err)
		}
		return nil, fmt.Errorf("opening the views in %s: %w; if it stays so, stop the server and delete the directory: it is rebuilt from the book", dir, err)
	}
	v.rebuilding = v.applied < 0
	v.store.startLoading(v.applied, func(err error) { v.fail(v.store.noteDamage(err)) })
	v.startSearch(v.store, v.applied)
	return v, nil
}

// openDir locks the directory and opens the store in it, or a new one if that
// cannot be used.
func (v *Views) openDir() (err error) {
	if err := v.fs.MkdirAll(v.dir, 0o755); err != nil {
		return err
	}
	if err := syncDir(v.fs, v.fs.PathDir(v.dir)); err != nil {
		return err
	}
	if v.lock, err = pebble.LockDirectory(v.dir, v.fs); err != nil {
		return fmt.Errorf("another process may be using the views: %w", err)
	}
	err = v.openCurrent()
	if unfit := (*unfitError)(nil); errors.As(err, &unfit) || isDamage(err) {
		v.log.Warn("views: the store cannot be used and is built anew from the book", "dir", v.dir, "reason", err)
		err = v.openNew()
	}
	if err != nil {
		return errors.Join(err, v.lock.Close())
	}
	if err := v.removeOthers(v.store.dir); err != nil {
		return errors.Join(err, v.store.close(), v.lock.Close())
	}
	return nil
}

// adopt takes over from where the store stands, if it stands in this book.
func (v *Views) adopt(s *store) error {
	m, ok, err := s.meta()
	if err != nil || !ok {
		return err
	}
	if m.Layout != layoutVersion || !maps.Equal(m.Views, v.versions()) {
		return &unfitError{fmt.Sprintf("its rows are of version %d %v, this program makes %d %v", m.Layout, m.Views, layoutVersion, v.versions())}
	}
	head := v.ledger.Head()
	if m.Applied >= head.Size {
		return &unfitError{fmt.Sprintf("it has applied position %d, and the book ends at %d", m.Applied, head.Size-1)}
	}
	hash, err := v.ledger.LeafHash(m.Applied)
	if err != nil {
		return err
	}
	if !bytes.Equal(hash[:], m.Hash) {
		return &unfitError{fmt.Sprintf("it was built from another book: position %d is another record", m.Applied)}
	}
	r, err := s.reader(m.Applied)
	if err != nil {
		return err
	}
	e, _, err := r.event(m.Applied)
	if err := firstError(err, r.close()); err != nil {
		return err
	}
	v.applied, v.recorded = m.Applied, e.Recorded
	return nil
}

// Close waits for open Views to be closed and closes the store. End Run, and
// Rebuild, first.
func (v *Views) Close() error {
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return nil
	}
	v.closed = true
	v.wake()
	v.mu.Unlock()
	v.building.Lock()
	defer v.building.Unlock()
	v.applying.Lock()
	defer v.applying.Unlock()
	return errors.Join(v.store.close(), v.lock.Close())
}

// advance makes a run that was committed visible. The last record is e.
func (v *Views) advance(e ledger.Entry) {
	head := v.ledger.Head()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.applied, v.recorded = e.Position, e.Recorded
	if v.rebuilding && e.Position >= head.Size-1 {
		v.rebuilding = false
		v.log.Info("views: built from the book", "applied", e.Position)
	}
	v.wake()
}

// wake tells those who wait. The caller holds mu.
func (v *Views) wake() {
	close(v.moved)
	v.moved = make(chan struct{})
}

// fail notes what stopped the projections.
func (v *Views) fail(err error) {
	v.log.Error("views: stopped; they answer as of what they have applied, and need a restart", "applied", v.Applied(), "error", err)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped == nil {
		v.stopped = err
	}
	v.wake()
}

func (v *Views) failure() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.stopped
}

// Applied is the last position every view has applied, -1 if none.
func (v *Views) Applied() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.applied
}

// Lag is how many records the views have yet to apply; 0 while they are being
// built, and when they have stopped: then waiting for them helps nobody.
func (v *Views) Lag() int64 {
	last := v.ledger.Head().Size - 1
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.rebuilding || v.stopped != nil {
		return 0
	}
	return max(last-v.applied, 0)
}

// Wait returns when the views have applied position, or with the context's
// error, or with the error that stopped a projection.
func (v *Views) Wait(ctx context.Context, position int64) error {
	for {
		v.mu.Lock()
		applied, stopped, closed, moved := v.applied, v.stopped, v.closed, v.moved
		v.mu.Unlock()
		switch {
		case applied >= position:
			return nil
		case stopped != nil:
			return stopped
		case closed:
			return errClosed
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// At reads the views as of position (the position included; -1 is before the
// first record). The error is a *NotAppliedError if the views have not reached
// it. The view must be closed.
func (v *Views) At(position int64) (*View, error) {
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return nil, errClosed
	}
	if position > v.applied {
		v.mu.Unlock()
		return nil, &NotAppliedError{position, v.applied}
	}
	v.store.readers.Add(1)
	w := &View{v: v, store: v.store, at: max(position, -1), recorded: v.recorded, closed: sync.OnceFunc(v.store.readers.Done)}
	current := position == v.applied
	v.mu.Unlock()
	if w.at < 0 {
		w.recorded = 0
	} else if !current {
		if err := w.read(func(r *reader) error {
			e, ok, err := r.event(position)
			if err == nil && !ok {
				err = fmt.Errorf("views: position %d has no row", position)
			}
			w.recorded = e.Recorded
			return err
		}); err != nil {
			w.closed()
			return nil, err
		}
	}
	return w, nil
}

// ViewStatus says how far one view is.
type ViewStatus struct {
	Name    string `json:"name"`
	Version uint64 `json:"version"`
	// Applied is the last position applied, -1 if none. Head is the book's last
	// durable position; Lag how many positions lie between.
	Applied int64 `json:"applied"`
	Head    int64 `json:"head"`
	Lag     int64 `json:"lag"`
	// LagSeconds is the recorded time between the two; 0 when caught up, and while
	// nothing has been applied.
	LagSeconds float64 `json:"lag_seconds"`
	// Rebuilding is set from a start with an empty store until the views first
	// reach the head.
	Rebuilding bool `json:"rebuilding"`
	// Loading is set from a start until the lineage graph, or the catalog's index of
	// words, is in memory: so far it stands for Loaded of Total records, or entries of
	// the catalog.
	Loading bool  `json:"loading,omitempty"`
	Loaded  int64 `json:"loaded,omitempty"`
	Total   int64 `json:"total,omitempty"`
	// Err is the error that stopped the views; empty while they are healthy.
	Err string `json:"error,omitempty"`
}

// Status reports every view. All advance together, so they differ in name and
// version only.
func (v *Views) Status() []ViewStatus {
	head := v.ledger.Head()
	v.mu.Lock()
	defer v.mu.Unlock()
	s := ViewStatus{Applied: v.applied, Head: head.Size - 1, Rebuilding: v.rebuilding}
	if s.Lag = max(s.Head-s.Applied, 0); s.Lag > 0 && s.Applied >= 0 {
		s.LagSeconds = head.Time.Std().Sub(v.recorded.Std()).Seconds()
	}
	if v.stopped != nil {
		s.Err = v.stopped.Error()
	}
	out := make([]ViewStatus, 0, len(v.projections))
	for _, p := range v.projections {
		s.Name, s.Version = p.name, p.version
		switch s.Loading, s.Loaded, s.Total = false, 0, 0; p.name {
		case lineageView:
			s.Loading, s.Loaded, s.Total = v.store.lineage.progress()
		case catalogView:
			s.Loading, s.Loaded, s.Total = v.store.search.making.progress()
		}
		out = append(out, s)
	}
	return out
}
