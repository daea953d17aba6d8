package projections

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/fxamacker/cbor/v2"

	"ledgerline/ledger"
)

// This file is all that knows Pebble. A row is
//
//	key    table(1) ‖ part… ‖ ^position(8)
//	value  0x00 (a tombstone: gone from this position on)  or  0x01 ‖ det-CBOR
//
// Each part is written with 0x00 as 0x00 0xFF and ends with 0x00 0x01, so that
// parts may hold any bytes, no part's end is another's middle, and the order of
// keys is the order of the parts. table and parts together are the entity; the
// inverted position puts its newest version first. A read as of p seeks
// entity ‖ ^p and takes what it lands on.
//
// Table 0 is not versioned: it holds what the store says about itself.

// formatVersion is Pebble's newest on-disk format of v2.1.7, pinned by number:
// in the default (oldest) one, damage in the middle of the log reads as its end.
const formatVersion = pebble.FormatMajorVersion(24)

// damagedFile marks a store in which damage was met while it was open, so that
// the next Open does not trust it. Pebble's own Open does not read sstables.
const damagedFile = "damaged"

type store struct {
	db   *pebble.DB
	lock *pebble.Lock
	fs   vfs.FS
	dir  string
	log  *slog.Logger
}

// unfitError says why a store has to be built anew.
type unfitError struct{ reason string }

func (e *unfitError) Error() string { return e.reason }

// openStore opens or creates the Pebble store in dir. The error is an *unfitError
// if nobody else holds the store and it cannot be opened all the same.
func openStore(dir string, fs vfs.FS, cacheBytes int64, log *slog.Logger) (_ *store, err error) {
	s := &store{fs: fs, dir: dir, log: log}
	if s.lock, err = pebble.LockDirectory(dir, fs); err != nil {
		return nil, fmt.Errorf("another process may be using the views: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.lock.Close())
		}
	}()
	if _, err := fs.Stat(fs.PathJoin(dir, damagedFile)); err == nil {
		return nil, &unfitError{"damage was met when it was last open"}
	}
	cache := pebble.NewCache(cacheBytes)
	defer cache.Unref()
	o := &pebble.Options{
		FS:                          fs,
		Cache:                       cache,
		Lock:                        s.lock,
		FormatMajorVersion:          formatVersion,
		MemTableSize:                64 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       200,
		Logger:                      pebbleLogger{log},
		EventListener: &pebble.EventListener{
			DataCorruption: func(i pebble.DataCorruptionInfo) { s.markDamaged(errors.New(i.String())) },
			BackgroundError: func(err error) {
				s.log.Error("views: background work of the store failed; it is retried", "error", err)
			},
		},
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	if s.db, err = pebble.Open(dir, o); err != nil {
		return nil, &unfitError{err.Error()}
	}
	return s, nil
}

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

// isDamage reports whether err says that the views' stored bytes are not what was
// written. Damage to the book is another matter.
func isDamage(err error) bool {
	book := (*ledger.DamageError)(nil)
	return pebble.IsCorruptionError(err) && !errors.As(err, &book)
}

func (s *store) close() error { return errors.Join(s.db.Close(), s.lock.Close()) }

// table is the first byte of a key. Numbers are part of the stored form: a
// change of meaning needs a new version of the view that owns the table.
type table byte

const (
	tMeta table = iota
	tCount
	tParty
	tEntry
	tContent
	tAgreement
	tAccess
	tAccessBy
	tShare
	tShareBy
	tFinding
	tEvent
	tEventBy
	tDataset
	tJob
	tRun
	tDeclared
	tDown
	tUp
	tColumns
	tSeen
)

// entityKey is the key of an entity, without a version; with fewer parts than
// the entity has it is the prefix of all entities that begin with these.
func entityKey(t table, parts ...string) []byte {
	n := 1
	for _, p := range parts {
		n += len(p) + 2
	}
	k := append(make([]byte, 0, n+8), byte(t))
	for _, p := range parts {
		k = appendPart(k, p)
	}
	return k
}

func appendPart(k []byte, p string) []byte {
	for i := range len(p) {
		if k = append(k, p[i]); p[i] == 0 {
			k = append(k, 0xFF)
		}
	}
	return append(k, 0, 1)
}

// parts splits an entity key into its parts.
func parts(entity []byte) ([]string, error) {
	var out []string
	var part []byte
	for b := entity[1:]; len(b) > 0; {
		i := bytes.IndexByte(b, 0)
		if i < 0 || i+1 == len(b) || (b[i+1] != 1 && b[i+1] != 0xFF) {
			return nil, fmt.Errorf("views: key %x: %w", entity, pebble.ErrCorruption)
		}
		part = append(part, b[:i]...)
		if b[i+1] == 0xFF {
			part = append(part, 0)
		} else {
			out, part = append(out, string(part)), part[:0]
		}
		b = b[i+2:]
	}
	return out, nil
}

// latest is a position past all others.
const latest = math.MaxInt64

func appendVersion(entity []byte, position int64) []byte {
	return binary.BigEndian.AppendUint64(entity[:len(entity):len(entity)], ^uint64(position))
}

func splitVersion(key []byte) (entity []byte, position int64, err error) {
	if len(key) < 9 {
		return nil, 0, fmt.Errorf("views: key %x is too short: %w", key, pebble.ErrCorruption)
	}
	n := len(key) - 8
	return key[:n], int64(^binary.BigEndian.Uint64(key[n:])), nil
}

// after is the smallest key greater than all that begin with prefix; nil if
// there is none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xFF {
			return append(bytes.Clone(prefix[:i]), prefix[i]+1)
		}
	}
	return nil
}

// row is one version of an entity. Its bytes are valid until the next step of
// what returned it.
type row struct {
	entity   []byte
	position int64
	body     []byte // CBOR
}

// decode reads a row's value. A row that cannot be read is damage.
func (r row) decode(into any) error {
	if err := rowDecoding.Unmarshal(r.body, into); err != nil {
		return fmt.Errorf("views: row %x at %d (%v): %w", r.entity, r.position, err, pebble.ErrCorruption)
	}
	return nil
}

var (
	rowEncoding = must(cbor.CoreDetEncOptions().EncMode())
	rowDecoding = must(cbor.DecOptions{MaxArrayElements: 1 << 24, MaxMapPairs: 1 << 24}.DecMode())
)

// must turns a failure of constant options into a panic at start.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// reader reads rows as of a position. It must be closed and is for one
// goroutine.
type reader struct {
	it *pebble.Iterator
	at int64
}

func (s *store) reader(at int64) (*reader, error) {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	return &reader{it, at}, nil
}

func (r *reader) close() error { return r.it.Close() }

// get returns the version of an entity in force at the reader's position; false
// if there is none.
func (r *reader) get(entity []byte) (row, bool, error) { return r.getAt(entity, r.at) }

func (r *reader) getAt(entity []byte, at int64) (row, bool, error) {
	return landed(r.it, entity, r.it.SeekGE(appendVersion(entity, at)))
}

// landed reads the row under it if it is a version of entity.
func landed(it *pebble.Iterator, entity []byte, valid bool) (row, bool, error) {
	if !valid {
		return row{}, false, it.Error() // the end, or damage that looks like it
	}
	found, position, err := splitVersion(it.Key())
	if err != nil || !bytes.Equal(found, entity) {
		return row{}, false, err
	}
	body, live, err := splitValue(it)
	return row{entity, position, body}, live, err
}

func splitValue(it *pebble.Iterator) (body []byte, live bool, err error) {
	v, err := it.ValueAndErr()
	switch {
	case err != nil:
		return nil, false, err
	case len(v) == 1 && v[0] == 0:
		return nil, false, nil
	case len(v) > 0 && v[0] == 1:
		return v[1:], true, nil
	}
	return nil, false, fmt.Errorf("views: value of %x: %w", it.Key(), pebble.ErrCorruption)
}

// scanner walks entities in the order of their keys, giving of each the version
// in force. It must be closed.
type scanner struct {
	it   *pebble.Iterator
	at   int64
	seek []byte // where to look for the next entity; nil: there is none
}

// scan walks the entities under prefix, beginning after the entity from (nil:
// with the first).
func (r *reader) scan(prefix, from []byte) (*scanner, error) {
	it, err := r.it.Clone(pebble.CloneOptions{IterOptions: &pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)}})
	if err != nil {
		return nil, err
	}
	s := &scanner{it: it, at: r.at, seek: prefix}
	if from != nil {
		s.seek = after(from)
	}
	return s, nil
}

func (s *scanner) close() error { return s.it.Close() }

// next returns the next entity that is there as of the position; false at the
// end.
func (s *scanner) next() (row, bool, error) {
	for s.seek != nil {
		if !s.it.SeekGE(s.seek) {
			return row{}, false, s.it.Error()
		}
		entity, position, err := splitVersion(s.it.Key())
		if err != nil {
			return row{}, false, err
		}
		if position > s.at { // to its version in force, or to the entity after it
			s.seek = appendVersion(bytes.Clone(entity), s.at)
			continue
		}
		entity = bytes.Clone(entity)
		s.seek = after(entity)
		if body, live, err := splitValue(s.it); err != nil || live {
			return row{entity, position, body}, live, err
		}
	}
	return row{}, false, nil
}

// versions walks the versions of one entity with positions in [low, high] that
// the reader may see, newest first or oldest first.
type versions struct {
	it         *pebble.Iterator
	entity     []byte
	descending bool
	started    bool
}

func (r *reader) versions(entity []byte, low, high int64, descending bool) (*versions, error) {
	bounds := &pebble.IterOptions{
		LowerBound: appendVersion(entity, min(high, r.at)),
		UpperBound: append(appendVersion(entity, max(low, 0)), 0),
	}
	it, err := r.it.Clone(pebble.CloneOptions{IterOptions: bounds})
	if err != nil {
		return nil, err
	}
	return &versions{it: it, entity: entity, descending: descending}, nil
}

func (v *versions) close() error { return v.it.Close() }

// next returns the next version that is not a tombstone; false at the end.
func (v *versions) next() (row, bool, error) {
	for {
		var valid bool
		switch {
		case v.descending && v.started:
			valid = v.it.Next()
		case v.descending:
			valid = v.it.First()
		case v.started:
			valid = v.it.Prev()
		default:
			valid = v.it.Last()
		}
		v.started = true
		if !valid {
			return row{}, false, v.it.Error()
		}
		if r, live, err := landed(v.it, v.entity, true); err != nil || live {
			return r, live, err
		}
	}
}

// A batch collects the rows of a run of records, reads its own writes, and is
// committed as one. It is for one goroutine; at moves forward only.
type batch struct {
	s  *store
	b  *pebble.Batch
	r  *reader
	at int64
	// written holds the versions of each entity that the batch wrote, oldest first.
	written map[string][]version
	// decoded holds what recall decoded, by entity, until it is written anew.
	decoded map[string]any
}

// version is a row's content at a position; no body for a tombstone.
type version struct {
	position int64
	body     []byte
}

func (s *store) begin() (*batch, error) {
	r, err := s.reader(latest)
	if err != nil {
		return nil, err
	}
	return &batch{s: s, b: s.db.NewBatch(), r: r, written: make(map[string][]version), decoded: make(map[string]any)}, nil
}

// close drops what was not committed.
func (b *batch) close() error { return errors.Join(b.r.close(), b.b.Close()) }

// get reads the newest version of an entity into a value; false if there is none.
func (b *batch) get(entity []byte, into any) (bool, error) {
	r, ok, err := b.newest(entity)
	if err != nil || !ok {
		return false, err
	}
	return true, r.decode(into)
}

// recall is get for values that the caller leaves as they are: each is decoded
// once in a batch. It returns nil if there is none.
func recall[T any](b *batch, entity []byte) (*T, error) {
	if v, ok := b.decoded[string(entity)].(*T); ok {
		return v, nil
	}
	v := new(T)
	ok, err := b.get(entity, v)
	if err != nil {
		return nil, err
	}
	if !ok {
		v = nil
	}
	b.decoded[string(entity)] = v
	return v, nil
}

// has reports whether an entity is there.
func (b *batch) has(entity []byte) (bool, error) {
	_, ok, err := b.newest(entity)
	return ok, err
}

func (b *batch) newest(entity []byte) (row, bool, error) {
	if own := b.written[string(entity)]; len(own) > 0 {
		v := own[len(own)-1]
		return row{entity, v.position, v.body}, v.body != nil, nil
	}
	return b.r.get(entity)
}

// history visits the versions of an entity, newest first, until visit returns
// false.
func (b *batch) history(entity []byte, visit func(row) (more bool, err error)) error {
	for _, v := range slices.Backward(b.written[string(entity)]) {
		if v.body == nil {
			continue
		}
		if more, err := visit(row{entity, v.position, v.body}); err != nil || !more {
			return err
		}
	}
	return b.r.history(entity, latest, visit)
}

// put writes a version of an entity at the batch's position. The last of several
// at one position counts.
func (b *batch) put(entity []byte, value any) error {
	body, err := rowEncoding.Marshal(value)
	if err != nil {
		return fmt.Errorf("views: encoding row %x: %w", entity, err)
	}
	b.note(entity, body)
	return b.b.Set(appendVersion(entity, b.at), append([]byte{1}, body...), nil)
}

func (b *batch) note(entity, body []byte) {
	delete(b.decoded, string(entity))
	own := b.written[string(entity)]
	if n := len(own); n > 0 && own[n-1].position == b.at {
		own = own[:n-1]
	}
	b.written[string(entity)] = append(own, version{b.at, body})
}

// mark writes a version without content: that it is there says all.
func (b *batch) mark(entity []byte) error {
	return b.b.Set(appendVersion(entity, b.at), marked, nil)
}

// marked is the value of a row that says nothing but that it is there: CBOR null.
var marked = []byte{1, 0xF6}

// remove writes a tombstone.
func (b *batch) remove(entity []byte) error {
	b.note(entity, nil)
	return b.b.Set(appendVersion(entity, b.at), []byte{0}, nil)
}

// count adds to a counter.
func (b *batch) count(name string, delta int64) error {
	if delta == 0 {
		return nil
	}
	k := entityKey(tCount, name)
	var n int64
	if _, err := b.get(k, &n); err != nil {
		return err
	}
	return b.put(k, n+delta)
}

// commit makes the batch visible together with what the store then stands for.
// It is not synced: a crash may take the newest batches, whole and in order, and
// the feed sends them again.
func (b *batch) commit(m meta) error {
	body, err := rowEncoding.Marshal(m)
	if err != nil {
		return err
	}
	if err := b.b.Set(metaKey, body, nil); err != nil {
		return err
	}
	return b.b.Commit(pebble.NoSync)
}

// meta is what the store says about itself.
type meta struct {
	// Layout is the version of the key and value form above, Views those of the
	// views, by name.
	Layout uint64            `cbor:"layout"`
	Views  map[string]uint64 `cbor:"views"`
	// Applied is the last position applied and Hash the leaf hash of its record,
	// which ties the views to one book.
	Applied int64  `cbor:"applied"`
	Hash    []byte `cbor:"hash"`
}

const layoutVersion = 1

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
	err = rowDecoding.Unmarshal(v, &m)
	if err != nil {
		err = fmt.Errorf("views: meta row (%v): %w", err, pebble.ErrCorruption)
	}
	return m, err == nil, errors.Join(err, closer.Close())
}

// pebbleLogger carries Pebble's messages. Pebble calls Fatalf when it cannot go
// on, such as after a failed write of its log, and relies on it not to return.
type pebbleLogger struct{ log *slog.Logger }

func (l pebbleLogger) Infof(format string, args ...any) {
	l.log.Debug("views: " + fmt.Sprintf(format, args...))
}
func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("views: " + fmt.Sprintf(format, args...))
}
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.log.Error("views: " + fmt.Sprintf(format, args...))
	os.Exit(2)
}
