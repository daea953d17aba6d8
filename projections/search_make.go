package projections

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"

	"ledgerline/events"
)

// makeSearch makes the index of what was known of entries as of a position. Their rows
// are read once and in the order of their keys: the steps of each entry, and beside
// them what its versions say. Followed event by event each of these rows has to be
// found by itself, which takes many times as long where they come from the disk.
func (s *store) makeSearch(ctx context.Context, at int64) (err error) {
	x := &s.search
	if err := s.countSearched(at); err != nil {
		return err
	}
	steps, err := s.tableRows(tEntry)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, steps.close()) }()
	contents, err := s.tableRows(tContent)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, contents.close()) }()
	made := newSearched()
	for steps.ok {
		key := bytes.Clone(steps.row.entity[1:])
		names, err := parts(steps.row.entity)
		if err != nil {
			return err
		}
		stood, err := rowsUnder[entryStep](steps, key, at)
		if err != nil {
			return err
		}
		said, err := rowsUnder[contentRow](contents, key, at)
		if err := firstError(err, ctx.Err()); err != nil {
			return err
		}
		made.addEntry(names[0], stood, said)
		x.making.taken.Add(1)
	}
	made.next = at + 1
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.next == 0 { // nobody has begun to follow what is applied
		x.searched = made
		x.making.next.Store(x.next)
	}
	return nil
}

// countSearched notes how many entries there are.
func (s *store) countSearched(at int64) (err error) {
	r, err := s.reader(at)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, r.close()) }()
	row, ok, err := r.get(entityKey(tCount, "entries"))
	if err != nil || !ok {
		return err
	}
	n, err := counted(row, at)
	s.search.making.total.Store(n)
	return err
}

// versioned is what a row said from a position on.
type versioned[T any] struct {
	position int64
	value    T
}

// rowsUnder reads the rows of the entities whose keys begin with some parts, as of a
// position; of each entity the latest first. What stands before them is passed over.
func rowsUnder[T any, P rowOf[T]](w *tableRows, parts []byte, at int64) (out []versioned[T], err error) {
	for w.ok && bytes.Compare(w.row.entity[1:], parts) < 0 {
		if err := w.step(); err != nil {
			return nil, err
		}
	}
	for w.ok && bytes.HasPrefix(w.row.entity[1:], parts) {
		if w.row.position <= at {
			v := versioned[T]{position: w.row.position}
			if err := w.row.decode(P(&v.value)); err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		if err := w.step(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// addEntry adds an entry with all its steps, the latest first, and what its versions
// said. Entries come in the order of their ids.
func (x *searched) addEntry(id string, stood []versioned[entryStep], said []versioned[contentRow]) {
	n := int32(len(x.entries))
	e := searchedEntry{id: id}
	text := int32(-1)
	for _, s := range slices.Backward(stood) {
		if text < 0 && !strings.HasPrefix(s.value.Type, stepTypes) {
			continue
		}
		if text < 0 || s.value.Type == typeRevised {
			var d contentRow
			if i := slices.IndexFunc(said, func(c versioned[contentRow]) bool {
				return c.value.Version == s.value.Version && c.position <= s.position
			}); i >= 0 {
				d = said[i].value
			}
			text = x.addText(n, id, (*events.EntryDrafted)(&d))
		}
		e.add(searchedStep{s.position, text, x.code(s.value.Stage), x.code(strconv.FormatBool(s.value.Imported))})
	}
	if text >= 0 {
		x.byID[id], x.entries, x.sorted = n, append(x.entries, e), append(x.sorted, n)
	}
}
