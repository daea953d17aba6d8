package projections

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

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
		found, err := x.list(r, q, named, list.Facets)
		if err != nil {
			return err
		}
		if q.ValidAt != 0 {
			return w.pageInForce(ctx, r, q, words, found.ids, &list)
		}
		list.Total = len(found.ids)
		if err := w.pageOfLatest(ctx, q, found.ids, &list); err != nil {
			return err
		}
		r.withhold(len(part(found.withheld, q.Page, list.Next)))
		return nil
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

// part is what of a sorted list of ids lies on a page: after the cursor, up to the id with
// which the page ends.
func part(ids []string, p Page, next string) []string {
	if after, paged, _ := p.lastID(); paged {
		ids = idsAfter(ids, after)
	}
	if last, cut, _ := (Page{Cursor: next}).lastID(); cut {
		ids = ids[:len(ids)-len(idsAfter(ids, last))]
	}
	return ids
}

// pageOfLatest reads one page of the entries that match, in their latest versions.
func (w *View) pageOfLatest(ctx context.Context, q EntryQuery, ids []string, list *EntryList) error {
	if after, paged, _ := q.lastID(); paged {
		ids = idsAfter(ids, after)
	}
	if len(ids) > q.limit() {
		ids = ids[:q.limit()]
		list.Next = idCursor(ids[len(ids)-1])
	}
	found, err := w.entries(ctx, ids, 0)
	list.Entries = slices.DeleteFunc(found, func(e Entry) bool { return e.ID == "" })
	return err
}

// pageInForce reads one page of the entries of which a version that may match was
// in force.
func (w *View) pageInForce(ctx context.Context, r *reader, q EntryQuery, words []string, ids []string, list *EntryList) error {
	after, paged, _ := q.lastID()
	whole := q.Facets // what is in force is counted by reading it
	if paged && !whole {
		ids = idsAfter(ids, after)
	}
	for len(ids) > 0 {
		run := ids[:min(len(ids), max(fewEntries, q.limit()-len(list.Entries)+1))]
		ids = ids[len(run):]
		found, err := w.entries(ctx, run, q.ValidAt)
		if err != nil {
			return err
		}
		for i := range found {
			e := &found[i]
			if e.ID == "" || !e.selected(q) {
				continue
			}
			full := len(list.Entries) == q.limit()
			seen, err := r.sees(e.Provider)
			if err != nil {
				return err
			}
			if !seen {
				switch {
				case paged && e.ID <= after:
				case !full:
					r.withhold(1)
				case list.Next == "": // it belongs to the next page
					if list.Next = idCursor(list.Entries[len(list.Entries)-1].ID); !whole {
						return nil
					}
				}
				continue
			}
			if !e.holds(words) {
				continue
			}
			if whole {
				list.Total++
				list.Facets.add(e)
			}
			switch {
			case paged && e.ID <= after:
			case full:
				list.Next = idCursor(list.Entries[len(list.Entries)-1].ID)
				if !whole {
					return nil
				}
			default:
				list.Entries = append(list.Entries, *e)
			}
		}
	}
	return nil
}

// fewEntries is up to how many are read by one goroutine.
const fewEntries = 128

// entries reads entries, whose ids are in order, in their latest versions, or those
// in force at a date that is not 0. Those that are not there are left zero. Many are
// read side by side.
func (w *View) entries(ctx context.Context, ids []string, validAt events.Time) ([]Entry, error) {
	out := make([]Entry, len(ids))
	parts := min(runtime.GOMAXPROCS(0), (len(ids)+fewEntries-1)/fewEntries)
	errs := make([]error, parts)
	var running sync.WaitGroup
	for n := range parts {
		from, to := n*len(ids)/parts, (n+1)*len(ids)/parts
		read := func() {
			errs[n] = w.read(func(r *reader) error { return r.entries(ctx, ids[from:to], validAt, out[from:to]) })
		}
		if n == parts-1 {
			read()
		} else {
			running.Go(read)
		}
	}
	running.Wait()
	return out, errors.Join(errs...)
}

func (r *reader) entries(ctx context.Context, ids []string, validAt events.Time, out []Entry) (err error) {
	l, err := r.lister()
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, l.close()) }()
	for i, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if out[i], err = l.entry(id, validAt); err != nil {
			return err
		}
	}
	return nil
}

// selected tells whether the conditions of a query hold for the entry, save for the words.
func (e *Entry) selected(q EntryQuery) bool {
	return matches(q.Provider, e.Provider) && matches(q.Stage, e.Stage) && matches(q.Sharing, e.Sharing.Attribute) && matches(q.Region, e.Region) &&
		matches(q.Grade, e.Grade) && matches(q.UpdateFrequency, e.UpdateFrequency) && matches(q.Imported, strconv.FormatBool(e.Imported))
}

// holds tells whether the words occur in the entry.
func (e *Entry) holds(words []string) bool {
	text := searchable(e.ID, e.Code, e.Title, e.TitleEN, e.Summary, e.Items) + "\n" + normalise(e.ProviderName)
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// A lister reads entries one after the other, in the order of their ids: each table
// is gone through once, from where the entry before stands, and no entry is looked
// for by itself. It must be closed.
type lister struct {
	r                *reader
	steps, contents  *pebble.Iterator
	attached, marked *cursor
}

func (r *reader) lister() (l *lister, err error) {
	l = &lister{r: r}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.steps, err = r.table(tEntry); err != nil {
		return l, err
	}
	if l.contents, err = r.table(tContent); err != nil {
		return l, err
	}
	if l.attached, err = r.cursor(tAttached); err != nil {
		return l, err
	}
	l.marked, err = r.cursor(tMark)
	return l, err
}

func (l *lister) close() (err error) {
	for _, it := range []*pebble.Iterator{l.steps, l.contents} {
		if it != nil {
			err = errors.Join(err, it.Close())
		}
	}
	for _, c := range []*cursor{l.attached, l.marked} {
		if c != nil {
			err = errors.Join(err, c.s.close())
		}
	}
	return err
}

// entry reads an entry, whose id is after those read before: the latest version, or
// the one in force at a date that is not 0; zero if there is none.
func (l *lister) entry(id string, validAt events.Time) (Entry, error) {
	k := stepKey(id)
	f := force{at: validAt}
	for valid := l.steps.SeekGE(appendVersion(k, l.r.at)); ; valid = l.steps.Next() {
		if err := l.r.cost.spend(1); err != nil {
			return Entry{}, err
		}
		row, ok, err := landed(l.steps, k, valid)
		if err != nil {
			return Entry{}, err
		}
		if !ok {
			break
		}
		if more, err := f.look(row); err != nil {
			return Entry{}, err
		} else if !more {
			break
		}
	}
	s, version, ok := f.step()
	if !ok {
		return Entry{}, nil
	}
	k = contentKey(id, version)
	if err := l.r.cost.spend(1); err != nil {
		return Entry{}, err
	}
	row, ok, err := landed(l.contents, k, l.contents.SeekGE(appendVersion(k, f.position)))
	if err != nil {
		return Entry{}, err
	}
	var d contentRow
	if ok {
		if err := row.decode(&d); err != nil {
			return Entry{}, err
		}
	}
	e := entryWith(id, &s, (*events.EntryDrafted)(&d), version, f.position)
	f.end(&e)
	if e.ProviderName, err = l.r.partyName(d.Provider); err != nil {
		return Entry{}, err
	}
	if err := l.attached.of(id, func(c *cursor) error {
		a, ok, err := l.r.attachment(id, c.second)
		if ok {
			e.Attached = append(e.Attached, a)
		}
		return err
	}); err != nil {
		return Entry{}, err
	}
	err = l.marked.of(id, func(c *cursor) error {
		var m Mark
		err := c.row.decode(&m)
		e.Marks = append(e.Marks, m)
		return err
	})
	return e, err
}

// table goes through a table.
func (r *reader) table(t table) (*pebble.Iterator, error) {
	prefix := []byte{byte(t)}
	return r.it.Clone(pebble.CloneOptions{IterOptions: &pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)}})
}

// A cursor goes through a table whose entities have two parts, forwards.
type cursor struct {
	t             table
	s             *scanner
	first, second string
	row           row
	begun, there  bool // there: the row of first and second is under it
}

func (r *reader) cursor(t table) (*cursor, error) {
	s, err := r.scan(entityKey(t), nil)
	return &cursor{t: t, s: s}, err
}

// of visits the entities whose first part is id, which is after those asked before.
func (c *cursor) of(id string, visit func(*cursor) error) error {
	if !c.begun || c.there && c.first < id {
		c.begun, c.s.seek = true, before(entityKey(c.t, id))
		if err := c.next(); err != nil {
			return err
		}
	}
	for c.there && c.first == id {
		if err := visit(c); err != nil {
			return err
		}
		if err := c.next(); err != nil {
			return err
		}
	}
	return nil
}

func (c *cursor) next() (err error) {
	if c.row, c.there, err = c.s.next(); err != nil || !c.there {
		return err
	}
	names, err := parts(c.row.entity)
	if err != nil {
		return err
	}
	c.first, c.second = names[0], names[1]
	return nil
}
