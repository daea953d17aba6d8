package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// pebbleFormat is pinned by number. The default for a new store is the oldest
// format, in which damage in the middle of the log reads as its end; a newer one
// is a one-way step to be taken on purpose.
const pebbleFormat = pebble.FormatMajorVersion(24)

func bookDir(fs vfs.FS, dir string) string { return fs.PathJoin(dir, "book") }

type bookOptions struct {
	create   bool
	readOnly bool
	logs     *logFS // set if the store is to be scrubbed
}

func openBook(o Options, dir string, b bookOptions) (*pebble.DB, error) {
	const memtable = 64 << 20
	cache := NewCache(o.CacheBytes, memtable)
	defer cache.Unref() // the store holds its own reference
	p := &pebble.Options{
		FS:                          o.FS,
		Cache:                       cache,
		FormatMajorVersion:          pebbleFormat,
		ErrorIfExists:               b.create,
		ErrorIfNotExists:            !b.create,
		ReadOnly:                    b.readOnly,
		MemTableSize:                memtable,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       1000,
		// By default Pebble ends the process when a read meets damage. The read's own
		// error says as much, and verifying has to go on.
		EventListener: &pebble.EventListener{DataCorruption: func(info pebble.DataCorruptionInfo) {
			o.Logger.Error("the storage is damaged", "file", info.Path, "error", info.Details)
		}},
	}
	if b.logs != nil {
		p.FS = b.logs
	}
	// Records are appended in order and read in runs: large blocks compress to half
	// of what small ones do. A point read pays some microseconds for it.
	for i := range p.Levels {
		p.Levels[i].BlockSize = 32 << 10
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	p.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	if b.create {
		if err := makeDir(o.FS, bookDir(o.FS, dir)); err != nil {
			return nil, err
		}
	}
	return bookLog(o.Logger).Open(bookDir(o.FS, dir), p)
}

// bookLog passes on what Pebble says of the book.
func bookLog(to *slog.Logger) StoreLog {
	return StoreLog{to, "book", "the process ends because the book cannot be written; what was acknowledged is safe"}
}

// commit applies a batch. It can be read from then on, and is durable when its
// SyncWait returns.
func (l *Ledger) commit(b *pebble.Batch) error {
	defer bookLog(l.opts.Logger).EndOnPanic("recording events")
	return l.db.ApplyNoSyncWait(b, pebble.Sync)
}

// flushBook writes what is in memory into tables, and begins a new log.
func (l *Ledger) flushBook(why string) error {
	defer bookLog(l.opts.Logger).EndOnPanic(why)
	return l.db.Flush()
}

func readSettings(db *pebble.DB) (s settings, err error) {
	v, closer, err := db.Get(metaKey("settings"))
	if errors.Is(err, pebble.ErrNotFound) {
		return s, errNoBeginning
	}
	if err != nil {
		return s, fmt.Errorf("reading the book's settings: %w", err)
	}
	if err := decMode.Unmarshal(v, &s); err != nil {
		return s, errors.Join(fmt.Errorf("reading the book's settings: %w", err), closer.Close())
	}
	return s, closer.Close()
}

// errNoBeginning: the rows that creation writes are not there.
var errNoBeginning = errors.New("the book has no beginning: its creation was interrupted before anything was recorded; remove the directory and create it again")

// tail is the end of a stored book.
type tail struct {
	row  headRow
	edge edge
}

// readTail rebuilds the right edge of the tree from what is stored and checks it
// against the stored head, which only whole, undamaged rows can match.
func readTail(db pebble.Reader) (t tail, err error) {
	v, closer, err := db.Get(headKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return t, errNoBeginning
	}
	if err != nil {
		return t, &DamageError{What: "its head cannot be read", LastProvable: noPosition, Fix: restoreFix, Err: err}
	}
	err = errors.Join(decMode.Unmarshal(v, &t.row), closer.Close())
	if err != nil {
		return t, &DamageError{What: "its head cannot be read", LastProvable: noPosition, Fix: restoreFix, Err: err}
	}
	t.edge, err = readEdge(db, t.row.Size)
	if err != nil {
		return t, &DamageError{What: "the end of its tree cannot be read", LastProvable: noPosition, Fix: verifyFix, Err: err}
	}
	if root := t.edge.root(); root != t.row.Root {
		return t, &DamageError{What: fmt.Sprintf("the tree over %d records does not have the root of the head", t.row.Size), LastProvable: noPosition, Fix: verifyFix}
	}
	return t, nil
}

const (
	verifyFix  = "run ledgerline verify to see where, then restore a backup"
	restoreFix = "restore a backup that holds at least as much, or begin a successor ledger (see docs/operating.md)"
)

func readEdge(db pebble.Reader, size int64) (edge, error) {
	leaves, err := readEdgeLeaves(db, size&^(tileWidth-1), size)
	if err != nil {
		return edge{size: size}, err
	}
	return buildEdge(size, func(level int, n int64) ([]proof.Hash, error) {
		if level == 0 && n == size/tileWidth {
			return leaves, nil
		}
		return readTileRow(db, level, n)
	})
}

// buildEdge makes the right edge of a tree from its tiles: the leaf hashes that
// are not in a full tile, and above them what the full tiles hash to.
func buildEdge(size int64, tile func(level int, n int64) ([]proof.Hash, error)) (edge, error) {
	e := edge{size: size}
	leaves := make([]proof.Hash, 0, tileWidth)
	if size%tileWidth > 0 {
		last, err := tile(0, size/tileWidth)
		if err != nil {
			return e, err
		}
		leaves = append(leaves, last...)
	}
	e.levels = append(e.levels, leaves)
	for level := 1; size>>(tileHeight*level) > 0; level++ {
		count := size >> (tileHeight * level)
		hashes := make([]proof.Hash, 0, tileWidth)
		for n := count &^ (tileWidth - 1); n < count; n++ {
			below, err := tile(level-1, n)
			if err != nil {
				return e, err
			}
			hashes = append(hashes, subtreeRoot(below))
		}
		e.levels = append(e.levels, hashes)
	}
	e.findPeaks()
	return e, nil
}

// readEdgeLeaves joins the rows of leaf hashes since the last full tile.
func readEdgeLeaves(db pebble.Reader, from, to int64) (leaves []proof.Hash, err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: edgeKey(from), UpperBound: edgeKey(to)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	leaves = make([]proof.Hash, 0, tileWidth)
	for it.First(); it.Valid(); it.Next() {
		at := from + int64(len(leaves))
		if string(it.Key()) != string(edgeKey(at)) {
			return nil, fmt.Errorf("leaf hashes from position %d on are missing", at)
		}
		hashes, err := unpackHashes(it.Value())
		if err != nil {
			return nil, fmt.Errorf("leaf hashes from position %d on: %w", at, err)
		}
		leaves = append(leaves, hashes...)
	}
	if err := it.Error(); err != nil {
		return nil, err
	}
	if n := from + int64(len(leaves)); n != to {
		return nil, fmt.Errorf("leaf hashes end at position %d, not %d", n, to)
	}
	return leaves, nil
}

func readTileRow(db pebble.Reader, level int, n int64) ([]proof.Hash, error) {
	v, closer, err := db.Get(tileKey(level, n))
	if err != nil {
		return nil, fmt.Errorf("reading tile %d of level %d: %w", n, level, err)
	}
	hashes, err := unpackHashes(v)
	if err == nil && len(hashes) != tileWidth {
		err = fmt.Errorf("it holds %d hashes, not %d", len(hashes), tileWidth)
	}
	if err := errors.Join(err, closer.Close()); err != nil {
		return nil, fmt.Errorf("reading tile %d of level %d: %w", n, level, err)
	}
	return hashes, nil
}

// checkLast makes sure that the next record will follow the last one. The head's
// row repeats that one's hash and time, and no root covers this row, nor the
// settings; the hash of the record shows both.
func (l *Ledger) checkLast(t tail) error {
	last := t.row.Size - 1
	row, err := l.getRow(recordKey(last))
	if err != nil {
		return err
	}
	if row == nil {
		return missing(last)
	}
	tiles := tileReader{edge: t.edge, load: l.loadTile}
	prev, err := l.prev(tiles, last)
	if err != nil {
		return l.damaged("reading the tree", err)
	}
	r, _, err := l.rebuild(last, prev, row)
	if err == nil && r.Hash == t.row.Leaf && l.leafIs(tiles, last, r.Hash) && binary.BigEndian.Uint64(row) == uint64(t.row.Time) {
		return nil
	}
	return &DamageError{What: fmt.Sprintf("the head does not fit the last record, at position %d", last), LastProvable: last - 1, Fix: verifyFix, Err: err}
}

func (l *Ledger) leafIs(tiles tileReader, position int64, leaf proof.Hash) bool {
	h, err := tiles.node(0, position)
	return err == nil && h == leaf
}

// checkWitness compares the stored end with what the head witness remembers.
func (l *Ledger) checkWitness(t tail, witnessed []byte) error {
	if witnessed == nil {
		return nil
	}
	cp, err := proof.OpenCheckpoint(witnessed, l.origin, l.Keys())
	if err != nil {
		return fmt.Errorf("the head witness %s is not of this ledger: %w", l.opts.HeadFile, err)
	}
	return compareWitness(l.db, t, cp)
}

func compareWitness(db *pebble.DB, t tail, cp proof.Checkpoint) error {
	if cp.Size > t.row.Size {
		return &DamageError{
			What:         fmt.Sprintf("%d records were acknowledged, but only %d are here", cp.Size, t.row.Size),
			LastProvable: t.row.Size - 1,
			Fix:          "the storage lost its end or an old backup was restored, and appending would fork the log: " + restoreFix,
		}
	}
	if cp.Size == 0 {
		return nil
	}
	root, err := tlog.TreeHash(cp.Size, tileReader{edge: t.edge, load: func(level int, n int64) ([]proof.Hash, error) { return readTileRow(db, level, n) }})
	if err != nil {
		return &DamageError{What: "its tree cannot be read", LastProvable: noPosition, Fix: verifyFix, Err: err}
	}
	if root != cp.Root {
		return &DamageError{
			What:         fmt.Sprintf("its first %d records are not those that were acknowledged", cp.Size),
			LastProvable: noPosition, Fix: verifyFix,
		}
	}
	return nil
}

// inspectBook looks at a stored book without writing to it. Opening it for writing
// makes Pebble replay its log and delete what nothing refers to: done to a damaged
// store, that would destroy what could still be recovered.
func inspectBook(dir string, o Options, witnessed []byte) (tail, error) {
	db, err := openBook(o, dir, bookOptions{readOnly: true})
	if err != nil {
		return tail{}, openFailed(dir, o, err, witnessed)
	}
	t, err := newLedger(dir, o, db).inspect(witnessed)
	return t, errors.Join(err, db.Close())
}

// openFailed says what is known when Pebble itself refuses to open.
func openFailed(dir string, o Options, err error, witnessed []byte) error {
	lock, lockErr := pebble.LockDirectory(bookDir(o.FS, dir), o.FS)
	if lockErr != nil {
		return fmt.Errorf("opening %s: another process has it open (or it cannot be written): stop that first: %w", dir, lockErr)
	}
	if errors.Is(err, pebble.ErrDBDoesNotExist) && holdsNothing(o.FS, bookDir(o.FS, dir)) {
		return errors.Join(beginningLost(witnessed, errNoBeginning), lock.Close())
	}
	if newer := newerStorage(o.FS, bookDir(o.FS, dir)); newer > pebbleFormat {
		return errors.Join(fmt.Errorf("the book's storage has format %d of Pebble, and this program knows none above %d: use the program that wrote it, or a newer one; nothing was changed", newer, pebbleFormat), lock.Close())
	}
	return errors.Join(lost(witnessed, "its storage cannot be opened", err), lock.Close())
}

// newerStorage is the format that Pebble says a store has, in the name of a file
// marker.format-version.N.VERSION; 0 if it says none.
func newerStorage(fs vfs.FS, dir string) pebble.FormatMajorVersion {
	names, err := fs.List(dir)
	if err != nil {
		return 0
	}
	newest := uint64(0)
	for _, name := range names {
		if v, ok := strings.CutPrefix(name, "marker.format-version."); ok {
			if _, v, ok = strings.Cut(v, "."); ok {
				if n, err := strconv.ParseUint(v, 10, 32); err == nil {
					newest = max(newest, n)
				}
			}
		}
	}
	return pebble.FormatMajorVersion(newest)
}

// holdsNothing reports whether a directory has no file that ever held a record.
func holdsNothing(fs vfs.FS, dir string) bool {
	names, err := fs.List(dir)
	if err != nil {
		return false
	}
	for _, name := range names {
		switch filepath.Ext(name) {
		case ".sst":
			return false
		case ".log":
			if info, err := fs.Stat(fs.PathJoin(dir, name)); err != nil || info.Size() > 0 {
				return false
			}
		}
	}
	return true
}

// lost is the refusal when a book cannot be read at all: nothing in it can be
// proven, and all that is known is the head that was acknowledged.
func lost(witnessed []byte, what string, err error) *DamageError {
	d := &DamageError{What: what, LastProvable: noPosition, Fix: restoreFix, Err: err}
	if size := acknowledged(witnessed); size != "" {
		d.What += fmt.Sprintf(" (%s records were acknowledged)", size)
	}
	return d
}

// acknowledged is the size that a checkpoint states, as text. The key that signed
// it is in the book, so without the book it is told, not proven.
func acknowledged(checkpoint []byte) string {
	if lines := strings.SplitN(string(checkpoint), "\n", 3); len(lines) == 3 {
		return lines[1]
	}
	return ""
}

// beginningLost tells a book that lost its beginning from one that never had
// anything: only the latter may be removed.
func beginningLost(witnessed []byte, err error) error {
	size := acknowledged(witnessed)
	if errors.Is(err, errNoBeginning) && (size == "" || size == "0") {
		return err
	}
	if errors.Is(err, errNoBeginning) {
		err = nil
	}
	return lost(witnessed, "its beginning cannot be read", err)
}

// damaged turns an error of reading the store into one that says so.
func (l *Ledger) damaged(doing string, err error) error {
	if pebble.IsCorruptionError(err) || errors.Is(err, pebble.ErrCorruption) {
		return &DamageError{What: doing, LastProvable: noPosition, Fix: verifyFix, Err: err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// refold folds the stored states anew if they were folded by another version of
// the rules: states are derived, the records are the truth.
func (l *Ledger) refold() error {
	v, err := l.getRow(metaKey("fold"))
	if err != nil || (len(v) == 1 && v[0] == events.Fold) {
		return err
	}
	l.opts.Logger.Info("folding all states anew", "records", l.tail.size)
	if err := l.db.DeleteRange([]byte{rowState}, []byte{rowState + 1}, pebble.NoSync); err != nil {
		return err
	}
	cells := make(map[proof.Hash]cell)
	flush := func() error {
		defer bookLog(l.opts.Logger).EndOnPanic("folding all states anew")
		b := l.db.NewBatch()
		for hash, c := range cells {
			v, err := c.encode()
			if err == nil {
				err = b.Set(stateKey(hash), v, nil)
			}
			if err != nil {
				return errors.Join(err, b.Close())
			}
		}
		clear(cells)
		return errors.Join(b.Commit(pebble.NoSync), b.Close())
	}
	for position := range l.tail.size {
		_, body, err := l.readBody(position)
		if err != nil {
			return err
		}
		if err := l.fold(cells, body); err != nil {
			return fmt.Errorf("folding position %d: %w", position, err)
		}
		if len(cells) >= recentLimit {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return l.db.Set(metaKey("fold"), []byte{events.Fold}, pebble.Sync)
}

// fold applies one stored event to the state of its subject.
func (l *Ledger) fold(cells map[proof.Hash]cell, body *proof.Body) error {
	if body.Type == proof.ContinuedType {
		return nil // it belongs to the record before it
	}
	typ, err := typeOf(body)
	if err != nil {
		return err
	}
	hash := proof.Key(events.NameSubject, body.Subject[0], body.Subject[1])
	c, ok := cells[hash]
	if !ok {
		if c, err = l.readCell(body.Subject[0], hash); err != nil {
			return err
		}
	}
	c.version++
	if typ.Stateful() { // most events are not: their data need not be decoded
		ev, err := decodeEvent(body)
		if err != nil {
			return err
		}
		c.state = typ.Apply(ev.Data, c.state)
	}
	cells[hash] = c
	return nil
}
