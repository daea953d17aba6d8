package projections

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// every visits every version of every entity of a table, in the order of their
// keys.
func (s *store) every(t table, visit func(row) error) (err error) {
	w, err := s.tableRows(t)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, w.close()) }()
	for w.ok {
		if err := visit(w.row); err != nil {
			return err
		}
		if err := w.step(); err != nil {
			return err
		}
	}
	return nil
}

// tableRows stands on one after the other of the rows that every visits.
type tableRows struct {
	it  *pebble.Iterator
	row row
	ok  bool // it stands on one; else at the end
}

// tableRows stands on the first row of a table. It must be closed.
func (s *store) tableRows(t table) (*tableRows, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{byte(t)}, UpperBound: []byte{byte(t) + 1}})
	if err != nil {
		return nil, err
	}
	w := &tableRows{it: it}
	if err := w.land(it.First()); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *tableRows) close() error { return w.it.Close() }

// step goes to the next row.
func (w *tableRows) step() error { return w.land(w.it.Next()) }

// land reads the row that the iterator is at, or the next that is no tombstone.
func (w *tableRows) land(valid bool) error {
	for ; valid; valid = w.it.Next() {
		entity, position, err := splitVersion(w.it.Key())
		if err != nil {
			return err
		}
		body, live, err := splitValue(w.it)
		if err != nil {
			return err
		}
		if w.row, w.ok = (row{entity, position, body}), live; live {
			return nil
		}
	}
	w.row, w.ok = row{}, false
	return w.it.Error()
}
