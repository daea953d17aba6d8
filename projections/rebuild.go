package projections

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/ledger"
)

// The directory of the views holds the store that is read from, in a directory
// rows-N of its own, and the file "current", which names it. A store that is
// being built is another rows-N. What "current" does not name was left by a crash
// or an interrupt and is removed: so a build changes nothing until it is whole.

const (
	currentFile = "current"
	rowsPrefix  = "rows-"
)

// openCurrent opens the store that is named current.
func (v *Views) openCurrent() error {
	name, err := v.current()
	if errors.Is(err, fs.ErrNotExist) {
		names, err := v.fs.List(v.dir)
		if err == nil && len(names) > 1 { // beside the lock: rows without a name, or of an earlier layout
			err = &unfitError{"it does not say which of its rows are current"}
		}
		if err != nil {
			return err
		}
		return v.openNew()
	}
	if err != nil {
		return err
	}
	if _, err := v.fs.Stat(v.fs.PathJoin(v.dir, name)); errors.Is(err, fs.ErrNotExist) {
		return &unfitError{"its current rows are not there"}
	}
	s, err := v.openStore(name)
	if err != nil {
		return err
	}
	if err := v.adopt(s); err != nil {
		return errors.Join(err, s.close())
	}
	v.store = s
	return nil
}

// openNew begins with an empty store.
func (v *Views) openNew() error {
	s, err := v.newStore()
	if err != nil {
		return err
	}
	if err := v.makeCurrent(s); err != nil {
		return errors.Join(err, s.close())
	}
	v.store = s
	return nil
}

// newStore makes a store beside those that are there.
func (v *Views) newStore() (*store, error) {
	names, err := v.fs.List(v.dir)
	if err != nil {
		return nil, err
	}
	last := 0
	for _, name := range names {
		if n, err := strconv.Atoi(strings.TrimPrefix(name, rowsPrefix)); err == nil && strings.HasPrefix(name, rowsPrefix) {
			last = max(last, n)
		}
	}
	return v.openStore(rowsPrefix + strconv.Itoa(last+1))
}

// openStore opens or creates the store of a name.
func (v *Views) openStore(name string) (*store, error) {
	s, err := openStore(v.fs.PathJoin(v.dir, name), v.fs, v.cacheBytes, v.log)
	if err == nil {
		s.blockWidth = v.blockWidth
	}
	return s, err
}

// current reads which store is current.
func (v *Views) current() (string, error) {
	f, err := v.fs.Open(v.fs.PathJoin(v.dir, currentFile))
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	name := strings.TrimSuffix(string(b), "\n")
	if _, err := strconv.Atoi(strings.TrimPrefix(name, rowsPrefix)); err != nil || !strings.HasPrefix(name, rowsPrefix) {
		return "", &unfitError{fmt.Sprintf("%q is no name of rows", name)}
	}
	return name, nil
}

// makeCurrent names a store current: whole, or, if it crashes, not at all.
func (v *Views) makeCurrent(s *store) (err error) {
	next := v.fs.PathJoin(v.dir, currentFile+".next")
	f, err := v.fs.Create(next, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, v.fs.PathBase(s.dir)+"\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := v.fs.Rename(next, v.fs.PathJoin(v.dir, currentFile)); err != nil {
		return err
	}
	return syncDir(v.fs, v.dir)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeOthers removes all that is not of the store in keep.
func (v *Views) removeOthers(keep string) error {
	names, err := v.fs.List(v.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == currentFile || name == v.fs.PathBase(keep) || name == lockFile {
			continue
		}
		if err := v.fs.RemoveAll(v.fs.PathJoin(v.dir, name)); err != nil {
			return fmt.Errorf("removing what is left of earlier views: %w", err)
		}
	}
	return nil
}

// lockFile is the name that Pebble gives to a lock.
const lockFile = "LOCK"

// Rebuilt says what a rebuild did.
type Rebuilt struct {
	Records int64
	Took    time.Duration
	// Swap is how long nothing was applied, and no question begun, while the new
	// rows took the place of the old.
	Swap time.Duration
}

// Rebuild builds all views anew from the book, beside those that are there, which
// answer meanwhile and go on to follow the book; then the new ones take their
// place at once. If ctx ends, or anything fails, or the machine does, nothing has
// changed. progress, if not nil, is told how many records of how many are done.
func (v *Views) Rebuild(ctx context.Context, progress func(done, total int64)) (r Rebuilt, err error) {
	if !v.building.TryLock() {
		return r, errors.New("the views are being rebuilt already, or closed")
	}
	defer v.building.Unlock()
	began := time.Now()
	s, err := v.newStore()
	if err != nil {
		return r, fmt.Errorf("making new views: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("rebuilding the views: %w", err), s.close(), v.fs.RemoveAll(s.dir))
		}
	}()
	s.startLoading(-1, func(error) {}) // there is nothing to load; applying says what fails
	next := int64(0)
	apply := func(to int64) error {
		return v.applyTo(ctx, s, run{next, to}, func(e ledger.Entry) {
			next = e.Position + 1
			if progress != nil {
				progress(next, v.Applied()+1)
			}
		})
	}
	// Nearly up to the old views, with these going on; then the rest, without.
	for size := v.Applied() + 1; size-next > swapLength; size = v.Applied() + 1 {
		if err := apply(min(size, next+v.bulkLength)); err != nil {
			return r, err
		}
	}
	if err := errors.Join(s.sync(), s.followSearch(ctx, next-1)); err != nil { // no question is to wait for the index
		return r, err
	}
	old, swap, err := v.swap(s, func() error { return apply(v.Applied() + 1) })
	if err != nil {
		return r, err
	}
	r = Rebuilt{Records: next, Took: time.Since(began), Swap: swap}
	v.log.Info("views: rebuilt from the book", "records", r.Records, "took", r.Took, "swap", r.Swap)
	if err := errors.Join(old.close(), v.fs.RemoveAll(old.dir)); err != nil { // waits for who still reads
		v.log.Warn("views: the old rows cannot be removed; the next start will", "dir", old.dir, "error", err)
	}
	return r, nil
}

// swapLength is how many records the new views may be behind the old when these
// are held up.
const swapLength = 64

// swap puts a store in the place of the one that is read from, once it has
// caught up with it.
func (v *Views) swap(s *store, catchUp func() error) (old *store, took time.Duration, err error) {
	v.applying.Lock()
	defer v.applying.Unlock()
	began := time.Now()
	if err := catchUp(); err != nil {
		return nil, 0, err
	}
	if err := errors.Join(s.sync(), v.makeCurrent(s)); err != nil {
		return nil, 0, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	old, v.store = v.store, s
	v.startSearch(s, v.applied)
	return old, time.Since(began), nil
}

// Bytes is what the rows of each view take on the disk, and what all of them share
// (counters) under "counts". What is still in memory is written first.
func (v *Views) Bytes() (map[string]uint64, error) {
	v.applying.Lock() // so that the store is not swapped
	defer v.applying.Unlock()
	if err := v.store.flush("measuring the views"); err != nil {
		return nil, err
	}
	sizes := make(map[string]uint64)
	for t, view := range tableOf {
		n, err := v.store.db.EstimateDiskUsage(before([]byte{byte(t)}), before([]byte{byte(t) + 1}))
		if err != nil {
			return nil, v.store.noteDamage(err)
		}
		sizes[view] += n
	}
	return sizes, nil
}

// Memory is what the storage engine keeps of all views in memory.
func (w *View) Memory() ledger.Memory { return ledger.MemoryOf(w.store.db) }

// DiskBytes is what all views take on the disk now, logs included.
func (w *View) DiskBytes() uint64 { return w.store.db.Metrics().DiskSpaceUsage() }
