package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sort"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// Entry is a recorded event: what was said, and where and when the ledger wrote
// it down.
type Entry struct {
	Position int64
	// Recorded is the ledger's own time of the record; Event.Time is the claim.
	Recorded events.Time
	// Event has its data decoded. Its facets have bytes only if Get read them.
	Event events.Event
}

// Get reads the event at a position with its facets. Facets that were erased are
// marked so. The error is a *PositionError beyond the durable head.
func (l *Ledger) Get(ctx context.Context, position int64) (Entry, error) {
	if err := l.durable(position); err != nil {
		return Entry{}, err
	}
	time, body, err := l.readBody(position)
	if err != nil {
		return Entry{}, err
	}
	e, err := entry(position, time, body)
	if err != nil {
		return e, err
	}
	e.Event.Facets, err = l.readFacets(position, body)
	return e, err
}

// durable refuses positions that do not exist or may still be lost.
func (l *Ledger) durable(position int64) error {
	if size := l.head.Load().Size; position < 0 || position >= size {
		return &PositionError{Position: position, Head: size - 1}
	}
	return nil
}

func entry(position, time int64, body *proof.Body) (Entry, error) {
	ev, err := decodeEvent(body)
	if err != nil {
		return Entry{}, fmt.Errorf("reading position %d: %w", position, err)
	}
	return Entry{Position: position, Recorded: events.Time(time), Event: ev}, nil
}

// readBody reads a record, durable or not.
func (l *Ledger) readBody(position int64) (time int64, body *proof.Body, err error) {
	row, err := l.getRow(recordKey(position))
	if err != nil {
		return 0, nil, err
	}
	if row == nil {
		return 0, nil, missing(position)
	}
	time, b, err := splitRecordRow(row)
	if err == nil {
		body, err = proof.ParseBody(b)
	}
	if err != nil {
		return 0, nil, &DamageError{What: fmt.Sprintf("the record at position %d cannot be read", position), LastProvable: position - 1, Fix: verifyFix, Err: err}
	}
	return time, body, nil
}

func missing(position int64) error {
	return &DamageError{What: fmt.Sprintf("the record at position %d is missing", position), LastProvable: position - 1, Fix: verifyFix}
}

// readFacets reads and unseals the facets of a record.
func (l *Ledger) readFacets(position int64, body *proof.Body) ([]events.Facet, error) {
	var out []events.Facet
	for i, ref := range body.Facets {
		f := events.Facet{Name: ref.Name, MediaType: ref.MediaType, Owner: ref.Owner}
		stored, err := l.getRow(facetKey(position, i))
		if err != nil {
			return nil, err
		}
		if stored != nil {
			f.Bytes, err = l.openFacet(body, ref, stored)
		}
		if stored == nil || errors.Is(err, errNoOwnerKey) {
			f.Erased = true
			if f.ErasedBy, err = l.ErasedBy(position, i); err != nil {
				return nil, err
			}
		} else if err != nil {
			return nil, &DamageError{What: fmt.Sprintf("facet %q of position %d is not what was committed to", ref.Name, position), LastProvable: position, Fix: verifyFix, Err: err}
		}
		out = append(out, f)
	}
	return out, nil
}

func (l *Ledger) openFacet(body *proof.Body, ref proof.FacetRef, stored []byte) ([]byte, error) {
	_, b, err := l.unsealFacet(body, ref, stored)
	return b, err
}

// unsealFacet opens a stored facet and holds it against its commitment.
func (l *Ledger) unsealFacet(body *proof.Body, ref proof.FacetRef, stored []byte) (salt [32]byte, b []byte, err error) {
	if ref.Owner == "" {
		salt, b, err = proof.DecodeFacet(stored)
	} else {
		salt, b, err = l.unseal(body, ref, stored)
	}
	if err != nil {
		return salt, nil, err
	}
	if proof.CommitFacet(&salt, b) != ref.Commit {
		return salt, nil, errNotCommitted
	}
	return salt, b, nil
}

// unseal opens a sealed facet under the owner's key, or one that was put aside by
// an erasure that is not recorded yet.
func (l *Ledger) unseal(body *proof.Body, ref proof.FacetRef, stored []byte) (salt [32]byte, b []byte, err error) {
	for _, aside := range []bool{false, true} {
		keys, kerr := l.owners.find(ref.Owner, aside)
		if kerr != nil {
			return salt, nil, kerr
		}
		for _, key := range keys {
			if salt, b, err = proof.OpenFacet(key, body.Source, body.ID, ref.Name, stored); err == nil {
				return salt, b, nil
			}
		}
	}
	return salt, nil, err
}

var errNotCommitted = errors.New("its commitment does not match")

// Subject reads the events about a subject in the order of their versions, which
// count from 1 without a gap. Facets have no bytes.
func (l *Ledger) Subject(ctx context.Context, s events.Subject) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		hash := subjectHash(s)
		size := l.head.Load().Size
		for version := uint64(1); ; version++ {
			e, ok, err := l.version(hash, version, size)
			if err == nil && ok {
				err = ctx.Err()
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !ok || !yield(e, nil) {
				return
			}
		}
	}
}

func (l *Ledger) version(subject proof.Hash, version uint64, size int64) (Entry, bool, error) {
	v, err := l.getRow(versionKey(subject, version))
	if v == nil || err != nil {
		return Entry{}, false, err
	}
	position, err := positionOf(v)
	if err != nil || position >= size {
		return Entry{}, false, err
	}
	time, body, err := l.readBody(position)
	if err != nil {
		return Entry{}, false, err
	}
	e, err := entry(position, time, body)
	return e, err == nil, err
}

// SubjectVersion counts the durable events about a subject.
func (l *Ledger) SubjectVersion(s events.Subject) (uint64, error) {
	hash := subjectHash(s)
	size := l.head.Load().Size
	c, err := l.readCell(s.Kind, hash)
	if err != nil {
		return 0, err
	}
	// The row may be ahead of the durable head by what is being synced.
	for v := c.version; v > 0; v-- {
		row, err := l.getRow(versionKey(hash, v))
		if err != nil {
			return 0, err
		}
		if row == nil {
			return 0, &DamageError{What: fmt.Sprintf("version %d of %s is missing", v, s), LastProvable: noPosition, Fix: verifyFix}
		}
		position, err := positionOf(row)
		if err != nil || position < size {
			return v, err
		}
	}
	return 0, nil
}

// Find returns the position of an event by its identity, if it is durable.
func (l *Ledger) Find(source, id string) (position int64, ok bool, err error) {
	position, err = l.readID(idHash(source, id))
	return position, err == nil && position != noPosition && position < l.head.Load().Size, err
}

// OpenLineageID names an OpenLineage event, which bears no id of its own, by a
// keyed hash of its bytes as decompressed.
func (l *Ledger) OpenLineageID(body []byte) string { return proof.OpenLineageID(l.secret, body) }

// PositionAt returns the position of the last record whose recorded time is not
// after t, or -1 if there is none. The answer is for good: whatever is recorded
// later bears a later time. (For a t after the last record, and over a restart,
// that rests on the clock not stepping back: what was asked is not stored.) The
// error is a *FutureError if t has not come yet.
func (l *Ledger) PositionAt(ctx context.Context, t events.Time) (int64, error) {
	if now := events.TimeOf(l.opts.Now()); t > now && t > l.head.Load().Time {
		return 0, &FutureError{Asked: t, Now: now}
	}
	l.tail.mu.Lock()
	l.tail.asked = max(l.tail.asked, int64(t))
	given, last := l.tail.size, l.tail.time
	l.tail.mu.Unlock()
	head := l.head.Load()
	if t >= head.Time && last > int64(head.Time) {
		// Records at or before t may be on their way; they belong to the answer.
		if h, err := l.Wait(ctx, given-1); err == nil {
			head = &h
		} else {
			return 0, err
		}
	}
	var failed error
	n := sort.Search(int(head.Size), func(i int) bool {
		if failed != nil {
			return true
		}
		recorded, err := l.timeOf(int64(i))
		failed = err
		return recorded > int64(t)
	})
	return int64(n) - 1, failed
}

func (l *Ledger) timeOf(position int64) (int64, error) {
	if err := l.uses.begin(); err != nil {
		return 0, err
	}
	defer l.uses.end()
	v, closer, err := l.db.Get(recordKey(position))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, missing(position)
	}
	if err != nil {
		return 0, l.damaged(fmt.Sprintf("reading the record at position %d", position), err)
	}
	t, _, err := splitRecordRow(v)
	return t, errors.Join(err, closer.Close())
}
