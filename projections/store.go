package projections

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/ledger"
)

// formatVersion is Pebble's newest on-disk format of v2.1.7, pinned by number:
// in the default (oldest) one, damage in the middle of the log reads as its end.
const formatVersion = pebble.FormatMajorVersion(24)

// damagedFile marks a store in which damage was met while it was open, so that
// the next Open does not trust it. Pebble's own Open does not read sstables.
const damagedFile = "damaged"

type store struct {
	db  *pebble.DB
	fs  vfs.FS
	dir string
	log *slog.Logger
	// opts are Pebble's, for tables that are written past it.
	opts *pebble.Options
	// readers counts the Views that read from it; damaged is for the first damage.
	readers sync.WaitGroup
	damaged sync.Once

	lineage loading // the lineage graph of these rows
	search  searchIndex
	names   keptNames
	scratch chan *things // memory to read things into, see tape_things.go
	// books has the rulebook that was read last.
	books atomic.Pointer[readBook]

	// Of batches, one of which is open at a time.
	newest   newest
	counters map[string]*counter
	numbers  map[table]uint32  // the last given
	flows    map[string]uint32 // sets of columns by flowKey
	batches  uint64            // begun so far
	book     keptBook
	block    *openBlock // nil: not followed yet
	// blockWidth is how many records a block of calls is of.
	blockWidth int64
}

// unfitError says why a store has to be built anew.
type unfitError struct{ reason string }

func (e *unfitError) Error() string { return e.reason }

// openStore opens or creates the Pebble store in dir, which the caller has locked.
// The error is an *unfitError if it cannot be opened.
func openStore(dir string, fs vfs.FS, cacheBytes int64, log *slog.Logger) (_ *store, err error) {
	s := &store{fs: fs, dir: dir, log: log, counters: make(map[string]*counter), numbers: make(map[table]uint32), flows: make(map[string]uint32), blockWidth: callBlockWidth}
	s.search.searched = newSearched()
	s.scratch = make(chan *things, keptThings)
	s.newest.clear()
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if _, err := fs.Stat(fs.PathJoin(dir, damagedFile)); err == nil {
		return nil, &unfitError{"damage was met when it was last open"}
	}
	const memtable = 64 << 20
	cache := ledger.NewCache(cacheBytes, memtable)
	defer cache.Unref()
	o := &pebble.Options{
		FS:                          fs,
		Cache:                       cache,
		FormatMajorVersion:          formatVersion,
		Comparer:                    byEntity,
		MemTableSize:                memtable,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       200,
		EventListener: &pebble.EventListener{
			DataCorruption: func(i pebble.DataCorruptionInfo) { s.markDamaged(errors.New(i.String())) },
		},
	}
	// Most reads ask for one entity, and while views are built often for one that is
	// new: the filters say so without a look at the tables.
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	s.opts = o
	if s.db, err = rowsLog(log).Open(dir, o); err != nil && !ofSurroundings(err) {
		return nil, &unfitError{err.Error()}
	}
	return s, err
}

// ofSurroundings reports whether an error is not about the store, but about what
// it lacks around it. To build the views anew would not help, and would take away
// sound ones.
func ofSurroundings(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// byEntity orders keys by their bytes and tells Pebble where the version begins,
// so that its filters are filters of entities. It does not shorten keys between
// blocks: a shortened one would have no version.
var byEntity = func() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "ledgerline.views"
	c.Split = splitKey
	c.Separator = func(dst, a, _ []byte) []byte { return append(dst, a...) }
	c.Successor = func(dst, a []byte) []byte { return append(dst, a...) }
	return &c
}()

// markDamaged makes the next Open throw the store away.
func (s *store) markDamaged(cause error) {
	s.log.Error("views: the store is damaged; it is rebuilt at the next start", "error", cause)
	f, err := s.fs.Create(s.fs.PathJoin(s.dir, damagedFile), vfs.WriteCategoryUnspecified)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		s.log.Error("views: cannot mark the store as damaged; delete its directory by hand", "dir", s.dir, "error", err)
	}
}

// noteDamage makes the next Open rebuild the views if err says that their rows
// are damaged. It returns err.
func (s *store) noteDamage(err error) error {
	if isDamage(err) {
		s.damaged.Do(func() { s.markDamaged(err) })
	}
	return err
}

// isDamage reports whether err says that the views' stored bytes are not what was
// written. Damage to the book is another matter.
func isDamage(err error) bool {
	if err == nil {
		return false
	}
	book := (*ledger.DamageError)(nil)
	return pebble.IsCorruptionError(err) && !errors.As(err, &book)
}

// sync makes all that was committed durable.
func (s *store) sync() error { return s.db.LogData(nil, pebble.Sync) }

// close closes the store once nobody reads from it.
func (s *store) close() error {
	s.lineage.end()
	s.search.making.end()
	s.readers.Wait()
	return s.db.Close()
}

// damagedBy makes an error one that says that stored bytes are not what was written.
func damagedBy(err error) error { return fmt.Errorf("views: %v: %w", err, pebble.ErrCorruption) }

// meta is what the store says about itself.
type meta struct {
	// Layout is the version of the key and value form above, Views those of the
	// views, by name.
	Layout uint64
	Views  map[string]uint64
	// Applied is the last position applied and Hash the leaf hash of its record,
	// which ties the views to one book.
	Applied int64
	Hash    []byte
}

func (m *meta) code(c *coder) {
	integer(c, &m.Layout)
	dictionary(c, &m.Views, func(n *uint64, c *coder) { integer(c, n) })
	integer(c, &m.Applied)
	c.bytes(&m.Hash)
}

const layoutVersion = 5

var metaKey = []byte{byte(tMeta)}

// meta reads what the store says about itself; false for a new store.
func (s *store) meta() (m meta, ok bool, err error) {
	v, closer, err := s.db.Get(metaKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return meta{}, false, nil
	}
	if err != nil {
		return meta{}, false, err
	}
	err = decode(string(v), &m)
	if err != nil {
		err = fmt.Errorf("views: meta row (%v): %w", err, pebble.ErrCorruption)
	}
	return m, err == nil, errors.Join(err, closer.Close())
}

// rowsLog passes on what Pebble says of the views' rows.
func rowsLog(to *slog.Logger) ledger.StoreLog {
	return ledger.StoreLog{To: to, Name: "views", Unwritable: "the process ends because the views cannot be written; nothing is lost, they follow from the book"}
}

// apply makes a batch visible. It is not synced.
func (s *store) apply(b *pebble.Batch) error {
	defer rowsLog(s.log).EndOnPanic("applying records")
	return b.Commit(pebble.NoSync)
}

// flush writes what is in memory into tables, and begins a new log.
func (s *store) flush(why string) error {
	defer rowsLog(s.log).EndOnPanic(why)
	return s.db.Flush()
}
