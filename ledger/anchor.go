package ledger

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// An Anchor is a head of the log that was timestamped by an outside authority.
type Anchor struct {
	// Position is the record that says so.
	Position int64
	events.HeadAnchored
}

// A Bracket is what outsiders show about when a record was made. The ledger's own
// clock rests on trust in its operator; this does not.
type Bracket struct {
	// NotBefore is the last anchor before the record: the record was made after its
	// time. Nil if there is none.
	NotBefore *Anchor
	// NotAfter is the first anchor whose head covers the record: the record existed
	// at its time. Nil as long as there is none.
	NotAfter *Anchor
}

// Anchor records that a head was timestamped. The caller has checked the token.
func (l *Ledger) Anchor(ctx context.Context, a events.HeadAnchored) (Receipt, error) {
	cp, err := proof.OpenCheckpoint([]byte(a.Checkpoint), l.origin, l.Keys())
	if err != nil {
		return Receipt{}, fmt.Errorf("anchoring a head: %w", err)
	}
	own, err := l.rootAt(cp.Size)
	if err != nil {
		return Receipt{}, fmt.Errorf("anchoring a head of %d records: %w", a.Size, err)
	}
	if own != cp.Root || cp.Size != a.Size {
		return Receipt{}, fmt.Errorf("anchoring a head of %d records: its checkpoint is of %d records with root %s, and is not one of this log", a.Size, cp.Size, cp.Root)
	}
	ev := l.own(&a, "ledger.head.anchored", fmt.Sprintf("anchor-%d-%d", a.Size, a.Time))
	if err := ev.Validate(events.TimeOf(l.opts.Now())); err != nil {
		return Receipt{}, err
	}
	receipts, err := l.append(ctx, []events.Event{ev})
	if err != nil {
		return Receipt{}, err
	}
	return receipts[0], nil
}

// Bracket finds the anchors around a record.
func (l *Ledger) Bracket(position int64) (b Bracket, err error) {
	if err := l.durable(position); err != nil {
		return b, err
	}
	count, err := l.SubjectVersion(events.AnchorsSubject())
	if err != nil || count == 0 {
		return b, err
	}
	// Positions and sizes both grow from anchor to anchor.
	after, err := l.firstAnchor(count, func(a *Anchor) bool { return a.Position >= position })
	if err != nil {
		return b, err
	}
	if after > 0 {
		if b.NotBefore, err = l.anchor(after - 1); err != nil {
			return b, err
		}
	}
	covers, err := l.firstAnchor(count, func(a *Anchor) bool { return a.Size > position })
	if err == nil && covers < count {
		b.NotAfter, err = l.anchor(covers)
	}
	return b, err
}

// firstAnchor returns the index of the first anchor for which holds is true, count
// if there is none.
func (l *Ledger) firstAnchor(count uint64, holds func(*Anchor) bool) (uint64, error) {
	var failed error
	i := sort.Search(int(count), func(i int) bool {
		if failed != nil {
			return true
		}
		a, err := l.anchor(uint64(i))
		if err != nil {
			failed = err
			return true
		}
		return holds(a)
	})
	return uint64(i), failed
}

// anchor reads the anchor with an index, from 0.
func (l *Ledger) anchor(index uint64) (*Anchor, error) {
	e, ok, err := l.version(subjectHash(events.AnchorsSubject()), index+1, l.head.Load().Size)
	if err != nil {
		return nil, err
	}
	data, is := e.Event.Data.(*events.HeadAnchored)
	if !ok || !is {
		return nil, &DamageError{What: fmt.Sprintf("anchor %d cannot be read", index+1), LastProvable: noPosition, Fix: verifyFix}
	}
	return &Anchor{e.Position, *data}, nil
}

// LastAnchor returns the newest anchor; nil if there is none.
func (l *Ledger) LastAnchor() (*Anchor, error) {
	count, err := l.SubjectVersion(events.AnchorsSubject())
	if err != nil || count == 0 {
		return nil, err
	}
	return l.anchor(count - 1)
}

// HasNews reports whether there is a record from a position on that is not one of
// the ledger about itself: an anchor of an anchor would make the next one due.
func (l *Ledger) HasNews(ctx context.Context, from int64) (bool, error) {
	for e, err := range l.Scan(ctx, from, l.head.Load().Size) {
		if err != nil {
			return false, err
		}
		if !strings.HasPrefix(e.Event.Type, "ledger.") {
			return true, nil
		}
	}
	return false, nil
}
