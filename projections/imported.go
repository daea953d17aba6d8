package projections

// What is told about the time before the ledger is marked as imported, and is no native
// evidence: the ledger shows that it was told so, and has not been changed since. It is
// marked wherever it is answered, and in no figure together with what is native. What is
// put together of several records is marked if one of them is.

// nameImported is a kind of name in this view only: the records that are imported have it.
const nameImported = "imported"

var importedList = eventBy(name{kind: nameImported})

// importedRecords answers which records are imported. Those that are mostly stand at the
// beginning of the book, or there are none.
type importedRecords struct {
	known bool
	last  int64 // the latest of them; -1: there is none
	list  member
}

// imported tells whether one of these records is about the time before the ledger.
func (r *reader) imported(positions ...int64) (bool, error) {
	m := &r.importedRecords
	if !m.known {
		p, err := r.postings(importedList, 0, r.at, true)
		if err != nil {
			return false, err
		}
		last, ok, err := p.step()
		if err = firstError(err, p.close()); err != nil {
			return false, err
		}
		if !ok {
			last = -1
		}
		*m = importedRecords{known: true, last: last, list: member{list: importedList}}
	}
	for _, position := range positions {
		if position < 0 || position > m.last {
			continue
		}
		if in, err := m.list.has(r, position); err != nil || in {
			return in, err
		}
	}
	return false, nil
}

// Imported tells whether one of these records is about the time before the ledger, and so
// no native evidence.
func (w *View) Imported(positions ...int64) (imported bool, err error) {
	err = w.read(func(r *reader) error {
		imported, err = r.imported(positions...)
		return err
	})
	return imported, err
}
