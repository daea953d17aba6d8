package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// checkDerived compares the rows that follow from the records with the records:
// identities, sources, versions and states. Versions and states need the whole
// history, so after a kept checkpoint only the identities are compared.
func (v *verification) checkDerived(ctx context.Context, from int64) error {
	if len(v.report.Findings) > 0 {
		return nil // what the records say is in doubt already
	}
	d := derived{v: v, cells: make(map[proof.Hash]cell), kinds: make(map[proof.Hash]string), sources: make(map[string]string)}
	err := v.l.scanRows(ctx, from, v.tail.row.Size, func(position int64, row []byte) (bool, error) {
		_, b, err := splitRecordRow(row)
		if err != nil {
			return false, err
		}
		body, err := proof.ParseBody(b)
		if err != nil {
			return false, err
		}
		return true, d.record(position, body, from == 0)
	})
	if err != nil {
		return v.unreadable(from, v.tail.row.Size-1, err)
	}
	d.continued(v.tail.row.Size, nil)
	if err := d.checkEnd(); err != nil || from > 0 {
		return err
	}
	return errors.Join(d.compareStates(), d.compareCounts())
}

type derived struct {
	v       *verification
	cells   map[proof.Hash]cell
	kinds   map[proof.Hash]string // of the subjects in cells
	sources map[string]string
	events  int64 // records that are not continuations
	facets  int64
	// first is the last record if it has continuations, after those seen of them.
	first *proof.Body
	after []*proof.Body
}

func (d *derived) record(position int64, body *proof.Body, whole bool) error {
	if d.continued(position, body); body.Type == proof.ContinuedType {
		return nil // part of the record before it
	}
	l := d.v.l
	got, err := l.readID(idHash(body.Source, body.ID))
	if err != nil {
		return err
	}
	if got != position {
		d.v.find(DerivedRow, position, position, "the identity of the event leads to position %d", got)
	}
	if !whole {
		return nil
	}
	d.events++
	d.facets += int64(len(body.Facets))
	sub := events.Subject{Kind: body.Subject[0], ID: body.Subject[1]}
	hash := subjectHash(sub)
	if _, ok := d.cells[hash]; !ok {
		d.cells[hash] = cell{state: events.StateOf(sub.Kind)}
		d.kinds[hash] = sub.Kind
	}
	if err := l.fold(d.cells, body); err != nil {
		return err
	}
	if err := d.version(position, sub, hash); err != nil {
		return err
	}
	return d.source(position, body)
}

// continued checks that a record with more keys than its leaf holds is followed by
// those that carry the rest: without them answers by these keys lack it. At the
// end of the book body is nil.
func (d *derived) continued(position int64, body *proof.Body) {
	if body != nil && body.Type == proof.ContinuedType {
		d.after = append(d.after, body)
		return
	}
	if d.first != nil {
		if err := proof.CheckContinued(d.first, d.after); err != nil {
			d.v.find(RecordMissing, position, position, "%v", err)
		}
	}
	d.first, d.after = nil, nil
	if body != nil && len(body.Continuations()) > 0 {
		d.first = body
	}
}

func (d *derived) version(position int64, sub events.Subject, hash proof.Hash) error {
	v, err := d.v.l.getRow(versionKey(hash, d.cells[hash].version))
	if err != nil {
		return err
	}
	if got, err := positionOf(v); v == nil || err != nil || got != position {
		d.v.find(DerivedRow, position, position, "version %d of %s does not lead here", d.cells[hash].version, sub)
	}
	return nil
}

func (d *derived) source(position int64, body *proof.Body) error {
	if _, seen := d.sources[body.Source]; seen {
		return nil
	}
	d.sources[body.Source] = body.Principal
	holder, err := d.v.l.readSource(body.Source)
	if err != nil {
		return err
	}
	if holder != body.Principal {
		d.v.find(DerivedRow, position, position, "source %q is bound to %q", body.Source, holder)
	}
	return nil
}

// compareStates compares every stored state with the one folded from the records.
func (d *derived) compareStates() (err error) {
	it, err := d.v.l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{rowState}, UpperBound: []byte{rowState + 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		hash := proof.Hash(it.Key()[1:])
		want, ok := d.cells[hash]
		if !ok {
			d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "there is a state of a subject that no record is about")
			continue
		}
		b, err := want.encode()
		if err != nil {
			return err
		}
		if !bytes.Equal(b, it.Value()) {
			d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "the state of a %s does not follow from its events", d.kinds[hash])
		}
		delete(d.cells, hash)
	}
	if len(d.cells) > 0 {
		d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "%d subjects have no state", len(d.cells))
	}
	return it.Error()
}

// checkEnd compares what the head's row repeats of the last record, and makes
// sure that no record follows it.
func (d *derived) checkEnd() (err error) {
	t := d.v.tail
	if err := d.v.l.checkLast(t); err != nil {
		d.v.find(DerivedRow, t.row.Size-1, t.row.Size-1, "%v", err)
	}
	it, err := d.v.l.db.NewIter(&pebble.IterOptions{LowerBound: recordKey(t.row.Size), UpperBound: []byte{rowRecord + 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if it.Last() {
		d.v.find(Truncated, t.row.Size, int64(binary.BigEndian.Uint64(it.Key()[1:])), "records are stored beyond the head")
	}
	return it.Error()
}

// compareCounts finds rows too many: all that should be there have been found, and
// one more would answer for an event that is not recorded, or put one into the
// history of a subject it is not about.
func (d *derived) compareCounts() error {
	for _, c := range []struct {
		row  byte
		what string
		want int64
	}{
		{rowID, "identities", d.events},
		{rowVersion, "versions", d.events},
		{rowSource, "sources", int64(len(d.sources))},
		{rowFacet, "facets", d.facets},
	} {
		got, err := d.count(c.row)
		if err != nil {
			return err
		}
		if got != c.want {
			d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "%d %s are stored; the records have %d", got, c.what, c.want)
		}
	}
	return nil
}

func (d *derived) count(row byte) (n int64, err error) {
	it, err := d.v.l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{row}, UpperBound: []byte{row + 1}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		n++
	}
	return n, it.Error()
}
