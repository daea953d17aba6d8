package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// A lookahead is what a caller read for a draft before it was queued, so that the
// sequencer need not. It holds as far as nothing it read was changed from position
// asOf on; the sequencer knows what was.
type lookahead struct {
	asOf     int64
	recorded int64  // position of the event if it is in the book already
	holder   string // principal that the source is bound to, "" if to none
	cells    []subjectCell
}

// A subjectCell is the cell of a subject that the rules will ask for, as of a position
// of its own: it may have been read for an earlier draft.
type subjectCell struct {
	subject proof.Hash
	cell    cell
	asOf    int64
}

// cell finds a subject among the few of a draft, if it was read at floor or after.
func (a *lookahead) cell(subject proof.Hash, floor int64) (cell, bool) {
	for i := range a.cells {
		if c := &a.cells[i]; c.subject == subject {
			return c.cell, c.asOf >= floor
		}
	}
	return cell{}, false
}

// lookAhead reads the rows the rules will ask for. The position is taken first:
// what the reads see beyond it only makes them newer.
func (l *Ledger) lookAhead(drafts []*draft) error {
	r := aheadReader{l: l, asOf: l.head.Load().Size}
	if len(drafts) > 1 {
		r.seen = make(map[proof.Hash]cell)
	}
	var doubtful []*draft
	for _, d := range drafts {
		if err := r.read(d); err != nil {
			return err
		}
		if d.ahead.recorded = noPosition; !l.seen.never(d.id) {
			doubtful = append(doubtful, d)
		}
	}
	// In the order of their rows, one read finds in the cache what the one before it
	// passed.
	slices.SortFunc(doubtful, func(a, b *draft) int { return bytes.Compare(a.id[:], b.id[:]) })
	for _, d := range doubtful {
		var err error
		if d.ahead.recorded, err = l.readID(d.id); err != nil {
			return err
		}
	}
	return nil
}

// An aheadReader looks ahead for drafts of one batch, which often are about the
// same subjects.
type aheadReader struct {
	l    *Ledger
	asOf int64
	seen map[proof.Hash]cell // nil if there is one draft only
}

func (r *aheadReader) read(d *draft) (err error) {
	a := &d.ahead
	a.asOf = r.asOf
	if a.holder, err = r.l.holders.of(r.l, d.event.Source); err != nil {
		return err
	}
	if err := r.readCell(a, d.body.Subject[0], d.subject); err != nil {
		return err
	}
	if party := d.event.Party; party != "" {
		if err := r.readCell(a, events.KindSigners, r.l.subjectHash(events.SignersSubject(party))); err != nil {
			return err
		}
	}
	for _, s := range d.typ.Needs(d.event.Data) {
		if err := r.readCell(a, s.Kind, r.l.subjectHash(s)); err != nil {
			return err
		}
	}
	return nil
}

func (r *aheadReader) readCell(a *lookahead, kind string, subject proof.Hash) (err error) {
	if r.l.warm.has(subject) {
		return nil
	}
	if kept := r.l.kept.get(subject); kept != nil {
		a.cells = append(a.cells, *kept)
		return nil
	}
	c, ok := r.seen[subject]
	if !ok {
		if r.l.seen.never(subject) {
			a.cells = append(a.cells, subjectCell{subject, newCell(kind), r.asOf})
			return nil
		}
		if c, err = r.l.readCell(kind, subject); err != nil {
			return err
		}
		if r.seen != nil {
			r.seen[subject] = c
		}
		r.l.kept.put(subjectCell{subject, c, r.asOf})
	}
	a.cells = append(a.cells, subjectCell{subject, c, r.asOf})
	return nil
}

// keptCells are cells that callers read, for those who ask for the same subject next:
// many events name the same few parties, which seldom change. What the sequencer
// changed since, it knows; what it may have forgotten is not given out.
type keptCells struct {
	floor atomic.Int64 // of the sequencer's memory
	slots [4096]atomic.Pointer[subjectCell]
}

func (k *keptCells) slot(subject proof.Hash) *atomic.Pointer[subjectCell] {
	return &k.slots[binary.LittleEndian.Uint64(subject[:])%uint64(len(k.slots))]
}

// put keeps a cell. One that nothing has happened to is not kept: it is mostly about to
// get its first event.
func (k *keptCells) put(c subjectCell) {
	if c.cell.version > 0 {
		k.slot(c.subject).Store(&c)
	}
}

// get returns the cell of a subject; nil if it is not kept, or was read too long ago.
func (k *keptCells) get(subject proof.Hash) *subjectCell {
	if c := k.slot(subject).Load(); c != nil && c.subject == subject && c.asOf >= k.floor.Load() {
		return c
	}
	return nil
}

// A warmth tells callers which subjects the sequencer remembers anyway, so that
// they need not read ahead for it. It may be wrong both ways: then a row is read
// twice, or by the sequencer itself.
type warmth struct {
	slots [4096]atomic.Uint64 // by some bits of a subject's hash, other bits of it
}

func (w *warmth) slot(subject proof.Hash) (*atomic.Uint64, uint64) {
	return &w.slots[binary.LittleEndian.Uint64(subject[:])%uint64(len(w.slots))], binary.LittleEndian.Uint64(subject[8:]) | 1
}

func (w *warmth) put(subject proof.Hash) {
	if slot, mark := w.slot(subject); slot.Load() != mark {
		slot.Store(mark)
	}
}

func (w *warmth) has(subject proof.Hash) bool {
	slot, mark := w.slot(subject)
	return slot.Load() == mark
}

func (w *warmth) clear() {
	for i := range w.slots {
		w.slots[i].Store(0)
	}
}

// holders remembers which principals sources are bound to. A binding never
// changes, so what was read once holds for good.
type holders struct {
	mu    sync.RWMutex
	known map[string]string // bounded by holdersKnown
}

const holdersKnown = 4096

// of reads the principal that a source is bound to, "" if to none yet.
func (h *holders) of(l *Ledger, source string) (string, error) {
	h.mu.RLock()
	holder := h.known[source]
	h.mu.RUnlock()
	if holder != "" {
		return holder, nil
	}
	holder, err := l.readSource(source)
	if holder == "" || err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) >= holdersKnown || h.known == nil {
		h.known = make(map[string]string)
	}
	h.known[source] = holder
	return holder, nil
}

// noPosition says that an event is not in the book.
const noPosition = -1

func (l *Ledger) readID(hash [32]byte) (int64, error) {
	v, err := l.getRow(idKey(hash))
	if v == nil {
		return noPosition, err
	}
	return positionOf(v)
}

func (l *Ledger) readSource(source string) (principal string, err error) {
	v, err := l.getRow(sourceKey(source))
	return string(v), err
}

func (l *Ledger) readCell(kind string, subject proof.Hash) (cell, error) {
	v, err := l.getRow(stateKey(subject))
	if err != nil {
		return cell{}, err
	}
	if v == nil {
		return newCell(kind), nil
	}
	return decodeCell(kind, v)
}

func positionValue(position int64) []byte {
	return binary.AppendUvarint(nil, uint64(position))
}

func positionOf(v []byte) (int64, error) {
	p, n := binary.Uvarint(v)
	if n != len(v) || p > 1<<62 {
		return 0, fmt.Errorf("%x is not a position", v)
	}
	return int64(p), nil
}

// getRow reads a row into memory of its own; nil if there is none.
func (l *Ledger) getRow(key []byte) ([]byte, error) {
	if err := l.uses.begin(); err != nil {
		return nil, err
	}
	defer l.uses.end()
	v, closer, err := l.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, l.damaged(fmt.Sprintf("reading row %c", key[0]), err)
	}
	out := bytes.Clone(v)
	return out, closer.Close()
}
