package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/ledger/proof"
)

// A checker is what one worker needs to go over records: cursors that move on
// through the book, and memory that every record uses again. What it finds out
// beyond its tiles is joined at the end, so that workers do not wait for each
// other.
type checker struct {
	v       *verification
	records cursor
	facets  cursor
	rehash  *proof.Rehasher
	view    proof.View
	said    *said // nil if derived rows are not compared
	// identities: look up the identity of each record, at random.
	identities bool
	bytes      int64 // read, of records and facets
}

func (v *verification) newChecker() *checker {
	w := &checker{
		v: v, rehash: proof.NewRehasher(v.l.secret),
		records: cursor{db: v.l.db, row: rowRecord}, facets: cursor{db: v.l.db, row: rowFacet},
	}
	if v.derived != nil {
		w.said = v.derived.newSaid()
	}
	return w
}

func (w *checker) close() error { return errors.Join(w.records.close(), w.facets.close()) }

// A cursor moves through the rows of one kind in the order of positions. What
// follows the last row read is read without seeking anew.
type cursor struct {
	db     *pebble.DB
	row    byte
	it     *pebble.Iterator
	passed int64 // rows
	broken bool  // an earlier iterator met an error
}

// to moves to the first row from a position on.
func (c *cursor) to(position int64) (err error) {
	key := positionKey(c.row, position)
	if c.it != nil && c.it.Valid() && bytes.HasPrefix(c.it.Key(), key) {
		return nil
	}
	if c.it != nil && c.it.Error() != nil {
		c.broken = true
		c.it.Close() // gives the same error once more
		c.it = nil
	}
	if c.it == nil {
		if c.it, err = c.db.NewIter(&pebble.IterOptions{LowerBound: []byte{c.row}, UpperBound: []byte{c.row + 1}}); err != nil {
			return err
		}
	}
	c.it.SeekGE(key)
	return nil
}

// next passes the row it stands at.
func (c *cursor) next() {
	c.passed++
	c.it.Next()
}

// pass passes all rows before a key, and returns the value if that has a row.
func (c *cursor) pass(key []byte) (value []byte, ok bool) {
	for ; c.it.Valid(); c.next() {
		switch bytes.Compare(c.it.Key(), key) {
		case 0:
			return c.it.Value(), true
		case 1:
			return nil, false
		}
	}
	return nil, false
}

// failed reports whether an error was met, so that passed is not all.
func (c *cursor) failed() bool { return c.broken || c.it != nil && c.it.Error() != nil }

func (c *cursor) close() error {
	if c.it == nil {
		return nil
	}
	broken := c.it.Error() != nil // and told where it was met
	err := c.it.Close()
	if c.it = nil; broken {
		return nil
	}
	return err
}

// walk visits the record rows of a tile in order; row is nil if there is none, and
// valid until visit returns.
func (c *cursor) walk(ctx context.Context, t *tileCheck, visit func(position int64, row []byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.to(t.first); err != nil {
		return err
	}
	position := t.first
	for ; c.it.Valid(); c.next() {
		got := int64(binary.BigEndian.Uint64(c.it.Key()[1:]))
		if got >= t.end {
			break
		}
		for ; position < got; position++ {
			visit(position, nil)
		}
		visit(position, c.it.Value())
		position++
	}
	if err := c.it.Error(); err != nil {
		t.fault(Unreadable, position, t.end-1, "%s", reason(err))
		return nil
	}
	for ; position < t.end; position++ {
		visit(position, nil)
	}
	return nil
}

// checkTile hashes the records of a tile. It reports whether they have the hashes
// that the tile has, and the tile the one above it.
func (w *checker) checkTile(ctx context.Context, c *tileCheck) (sound bool, err error) {
	c.stored, c.err = w.v.tiles.tile(0, c.n)
	if c.err == nil {
		var prev proof.Hash
		if prev, c.err = w.v.l.prev(w.v.tiles, c.first); c.err == nil {
			if err := w.checkRecords(ctx, c, prev); err != nil {
				return false, err
			}
		}
	}
	return c.err == nil && len(c.faults) == 0 && w.v.fitsAbove(0, c.n, c.stored), nil
}

// checkRecords rebuilds the leaves of a tile from the stored rows.
func (w *checker) checkRecords(ctx context.Context, c *tileCheck, prev proof.Hash) error {
	if err := w.facets.to(c.first); err != nil {
		return err
	}
	err := w.records.walk(ctx, c, func(position int64, row []byte) {
		before, want := prev, c.stored[position-c.first]
		prev = want
		if row == nil {
			c.fault(RecordMissing, position, position, "no record is stored")
			return
		}
		c.read++
		w.bytes += int64(len(row))
		hash, body, err := w.leafHash(position, before, row)
		switch {
		case err != nil:
			c.fault(RecordEdited, position, position, "the record cannot be read: %v", err)
		case hash != want:
			c.fault(RecordEdited, position, position, "the record hashes to %s; the tree holds %s", hash, want)
		default:
			w.checkFacets(position)
			if w.identities {
				w.checkIdentity(position)
			}
			if w.said == nil {
				return
			}
			if err := w.said.read(position, hash, body, w); err != nil {
				w.v.find(Unreadable, position, position, "%s", reason(err))
			}
		}
	})
	w.facets.pass(positionKey(rowFacet, c.end)) // rows that no record speaks of
	return err
}

// leafHash hashes the leaf that a stored row has after the leaf with hash prev. It
// does what rebuild does, and leaves the body in the view.
func (w *checker) leafHash(position int64, prev proof.Hash, row []byte) (hash proof.Hash, body []byte, err error) {
	time, body, err := splitRecordRow(row)
	if err == nil && time < 0 {
		err = errRecordTime
	}
	if err == nil {
		err = w.view.Read(body)
	}
	if err != nil {
		return hash, nil, err
	}
	return w.rehash.LeafHash(position, prev, time, body, &w.view), body, nil
}

// checkFacets compares the facets of the record in the view with their
// commitments. Facets lie in the order of their records, so they are read
// alongside.
func (w *checker) checkFacets(position int64) {
	for i := range w.view.Facets {
		f := &w.view.Facets[i]
		stored, ok := w.facets.pass(facetKey(position, i))
		if !ok && w.facets.it.Error() != nil { // tell by itself each facet that is lost with it
			row, err := w.v.l.getRow(facetKey(position, i))
			if err != nil {
				w.v.find(Unreadable, position, position, "facet %q: %s", f.Name, reason(err))
				continue
			}
			stored, ok = row, row != nil
		}
		if !ok {
			w.v.mu.Lock()
			w.v.erasures.miss(position, i, f)
			w.v.mu.Unlock()
			continue
		}
		w.bytes += int64(len(stored))
		switch err := w.openFacet(f, stored); {
		case errors.Is(err, errNoOwnerKey) && w.v.backup:
			w.v.unopened.Add(1)
		case errors.Is(err, errNoOwnerKey):
			w.v.find(PayloadMissing, position, position, "the owner's key of facet %q is gone, and no record says that it was erased", f.Name)
		case err != nil:
			w.v.find(PayloadSwapped, position, position, "facet %q: %v", f.Name, err)
		}
	}
}

// checkIdentity looks up the identity of the record in the view.
func (w *checker) checkIdentity(position int64) {
	if w.view.Continued() {
		return // it has none
	}
	got, err := w.v.l.readID(idHash(w.view.Source, w.view.ID))
	switch {
	case err != nil:
		w.v.find(Unreadable, position, position, "the identity of the event: %s", reason(err))
	case got != position:
		w.v.find(DerivedRow, position, position, "the identity of the event leads to position %d", got)
	}
}

// openFacet compares a stored facet with its commitment.
func (w *checker) openFacet(f *proof.FacetView, stored []byte) error {
	if len(f.Owner) == 0 { // most are plain: no body is needed to open them
		salt, b, err := proof.DecodeFacet(stored)
		if err == nil && proof.CommitFacet(&salt, b) != f.Commit {
			err = errNotCommitted
		}
		return err
	}
	body := &proof.Body{Source: string(w.view.Source), ID: string(w.view.ID)}
	_, err := w.v.l.openFacet(body, proof.FacetRef{Name: string(f.Name), Owner: string(f.Owner), Commit: f.Commit}, stored)
	return err
}
