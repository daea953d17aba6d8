package projections

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
)

// Entries lists catalog entries.
func (w *View) Entries(ctx context.Context, q EntryQuery) (EntryList, error) {
	list := EntryList{Entries: []Entry{}}
	words := strings.Fields(normalise(q.Text))
	if _, _, err := q.lastID(); err != nil {
		return list, err
	}
	if q.Facets {
		list.Facets = newFacets()
	}
	err := w.read(func(r *reader) error {
		x, err := w.search(ctx, r)
		if err != nil {
			return err
		}
		named, err := r.wantedOf(ctx, words)
		if err != nil {
			return err
		}
		ids := x.list(w.at, q, named, list.Facets)
		if q.ValidAt != 0 {
			return w.pageInForce(ctx, r, q, words, ids, &list)
		}
		list.Total = len(ids)
		return w.pageOfLatest(ctx, r, q, ids, &list)
	})
	return list, err
}

// idsAfter is the part of a sorted list of ids that is after one.
func idsAfter(ids []string, id string) []string {
	i, found := slices.BinarySearch(ids, id)
	if found {
		i++
	}
	return ids[i:]
}

// pageOfLatest reads one page of the entries that match, in their latest versions.
func (w *View) pageOfLatest(ctx context.Context, r *reader, q EntryQuery, ids []string, list *EntryList) (err error) {
	if after, paged, _ := q.lastID(); paged {
		ids = idsAfter(ids, after)
	}
	if len(ids) > q.limit() {
		ids = ids[:q.limit()]
		list.Next = idCursor(ids[len(ids)-1])
	}
	if len(ids) == 0 {
		return nil
	}
	l, err := r.lister(ctx, ids[0], ids[len(ids)-1])
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, l.close()) }()
	list.Entries = slices.Grow(list.Entries, len(ids))
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, ok, err := l.entry(id)
		if err != nil {
			return err
		}
		if ok {
			list.Entries = append(list.Entries, e)
		}
	}
	return nil
}

// pageInForce reads one page of the entries of which a version that may match was
// in force.
func (w *View) pageInForce(ctx context.Context, r *reader, q EntryQuery, words []string, ids []string, list *EntryList) error {
	after, paged, _ := q.lastID()
	whole := q.Facets // what is in force is counted by reading it
	if paged && !whole {
		ids = idsAfter(ids, after)
	}
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		full := len(list.Entries) == q.limit()
		e, ok, err := r.entry(id, q.ValidAt)
		if err != nil {
			return err
		}
		if !ok || !e.matches(q, words) {
			continue
		}
		if whole {
			list.Total++
			list.Facets.add(&e)
		}
		switch {
		case paged && id <= after:
		case full:
			list.Next = idCursor(list.Entries[len(list.Entries)-1].ID)
			if !whole {
				return nil
			}
		default:
			list.Entries = append(list.Entries, e)
		}
	}
	return nil
}

func (e *Entry) matches(q EntryQuery, words []string) bool {
	if !matches(q.Provider, e.Provider) || !matches(q.Stage, e.Stage) || !matches(q.Sharing, e.Sharing.Attribute) || !matches(q.Region, e.Region) ||
		!matches(q.Grade, e.Grade) || !matches(q.UpdateFrequency, e.UpdateFrequency) {
		return false
	}
	text := searchable(e.ID, e.Code, e.Title, e.TitleEN, e.Summary, e.Items) + "\n" + normalise(e.ProviderName)
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// A lister reads the latest versions of entries one after the other, in the order
// of their ids: each table is gone through once, from where the entry before
// stands, and no entry is looked for by itself. It must be closed.
type lister struct {
	r               *reader
	steps, contents *pebble.Iterator
	names           map[string]string // of providers
	attached        map[string][]Attachment
	marked          map[string][]Mark
}

// lister lists entries with ids from first to last.
func (r *reader) lister(ctx context.Context, first, last string) (_ *lister, err error) {
	l := &lister{r: r, names: make(map[string]string), attached: make(map[string][]Attachment), marked: make(map[string][]Mark)}
	if l.steps, err = r.table(tEntry); err != nil {
		return nil, err
	}
	if l.contents, err = r.table(tContent); err != nil {
		return nil, errors.Join(err, l.steps.Close())
	}
	err = r.between(ctx, tAttached, first, last, func(entry, id string, _ row) error {
		a, ok, err := r.attachment(entry, id)
		if ok {
			l.attached[entry] = append(l.attached[entry], a)
		}
		return err
	})
	if err == nil {
		err = r.between(ctx, tMark, first, last, func(entry, _ string, row row) error {
			var m Mark
			err := row.decode(&m)
			l.marked[entry] = append(l.marked[entry], m)
			return err
		})
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lister) close() error { return errors.Join(l.steps.Close(), l.contents.Close()) }

// entry reads an entry, whose id is after those read before; false if there is none.
func (l *lister) entry(id string) (Entry, bool, error) {
	k := stepKey(id)
	row, ok, err := landed(l.steps, k, l.steps.SeekGE(appendVersion(k, l.r.at)))
	if err != nil || !ok {
		return Entry{}, false, err
	}
	var s entryStep
	if err := row.decode(&s); err != nil {
		return Entry{}, false, err
	}
	position := row.position
	k = contentKey(id, s.Version)
	if row, ok, err = landed(l.contents, k, l.contents.SeekGE(appendVersion(k, position))); err != nil {
		return Entry{}, false, err
	}
	var d contentRow
	if ok {
		if err := row.decode(&d); err != nil {
			return Entry{}, false, err
		}
	}
	name, known := l.names[d.Provider]
	if !known {
		if name, err = l.r.partyName(d.Provider); err != nil {
			return Entry{}, false, err
		}
		l.names[d.Provider] = name
	}
	e := entryWith(id, &s, (*events.EntryDrafted)(&d), s.Version, position)
	e.ProviderName, e.Attached, e.Marks = name, l.attached[id], l.marked[id]
	return e, true, nil
}

// table goes through a table.
func (r *reader) table(t table) (*pebble.Iterator, error) {
	prefix := []byte{byte(t)}
	return r.it.Clone(pebble.CloneOptions{IterOptions: &pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)}})
}

// between visits the entities of two parts of which the first lies between first
// and last.
func (r *reader) between(ctx context.Context, t table, first, last string, visit func(first, second string, row row) error) (err error) {
	s, err := r.scan(entityKey(t), nil)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, s.close()) }()
	if s.seek != nil {
		s.seek = before(entityKey(t, first))
	}
	end := after(entityKey(t, last))
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		row, ok, err := s.next()
		if err != nil || !ok || bytes.Compare(row.entity, end) >= 0 {
			return err
		}
		names, err := parts(row.entity)
		if err != nil {
			return err
		}
		if err := visit(names[0], names[1], row); err != nil {
			return err
		}
	}
}
