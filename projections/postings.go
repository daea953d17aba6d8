package projections

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// A posting list says at which positions something happened. A selection walks
// the positions that stand in at least one list of each group: a conjunction of
// disjunctions; without any, all positions.
type selection struct {
	// groups begin with the one expected to be the shortest, which is walked; the
	// others are looked up.
	groups     [][][]byte
	low, high  int64 // positions, both included
	descending bool
}

// walk calls visit with each selected position in order until it returns false.
func (s selection) walk(ctx context.Context, r *reader, visit func(position int64) (more bool, err error)) (err error) {
	if len(s.groups) == 0 {
		return s.all(ctx, r, visit)
	}
	u, err := r.union(s.groups[0], s.low, s.high, s.descending)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, u.close()) }()
	var others [][]member
	for _, group := range s.groups[1:] {
		var ms []member
		for _, list := range group {
			ms = append(ms, member{list: list})
		}
		others = append(others, ms)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		position, ok, err := u.next()
		if err != nil || !ok {
			return err
		}
		in, err := inAll(r, others, position)
		if err != nil {
			return err
		}
		if !in {
			continue
		}
		if more, err := visit(position); err != nil || !more {
			return err
		}
	}
}

// all is walk without conditions.
func (s selection) all(ctx context.Context, r *reader, visit func(position int64) (more bool, err error)) error {
	low, high := max(s.low, 0), min(s.high, r.at)
	for n := range high - low + 1 {
		position := low + n
		if s.descending {
			position = high - n
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if more, err := visit(position); err != nil || !more {
			return err
		}
	}
	return nil
}

// inAll looks a position up in all groups.
func inAll(r *reader, groups [][]member, position int64) (bool, error) {
	for _, group := range groups {
		in := false
		for i := range group {
			var err error
			if in, err = group[i].has(r, position); err != nil {
				return false, err
			}
			if in {
				break
			}
		}
		if !in {
			return false, nil
		}
	}
	return true, nil
}

// A union merges posting lists into one, in order and without repeats.
type union struct {
	lists      []*postings
	heads      []int64 // of each list; -1 when it has ended
	descending bool
}

func (r *reader) union(lists [][]byte, low, high int64, descending bool) (*union, error) {
	u := &union{descending: descending}
	if low > min(high, r.at) {
		return u, nil
	}
	for _, list := range lists {
		p, err := r.postings(list, low, high, descending)
		if err != nil {
			return nil, firstError(err, u.close())
		}
		u.lists, u.heads = append(u.lists, p), append(u.heads, -1)
		if err := u.advance(len(u.lists) - 1); err != nil {
			return nil, firstError(err, u.close())
		}
	}
	return u, nil
}

func (u *union) advance(i int) error {
	position, ok, err := u.lists[i].step()
	if u.heads[i] = -1; ok {
		u.heads[i] = position
	}
	return err
}

func (u *union) next() (int64, bool, error) {
	best := int64(-1)
	for _, h := range u.heads {
		if h >= 0 && (best < 0 || (h > best) == u.descending && h != best) {
			best = h
		}
	}
	for i, h := range u.heads {
		if h == best && best >= 0 {
			if err := u.advance(i); err != nil {
				return 0, false, err
			}
		}
	}
	return best, best >= 0, nil
}

func (u *union) close() (err error) {
	for _, v := range u.lists {
		err = firstError(err, v.close())
	}
	return err
}

// firstError is err, or what closing said if all else went well. Closing a
// Pebble iterator repeats the error that stopped it.
func firstError(err, closing error) error {
	if err != nil {
		return err
	}
	return closing
}

// limit is the number of rows a page asks for.
func (p Page) limit() int {
	switch {
	case p.Limit <= 0:
		return DefaultLimit
	case p.Limit > MaxLimit:
		return MaxLimit
	}
	return p.Limit
}

// Cursors are the position or the id of the last row given, with a mark of
// which of the two it is.

func positionCursor(position int64) string { return idCursorOf("p", strconv.FormatInt(position, 10)) }
func idCursor(id string) string            { return idCursorOf("i", id) }

func idCursorOf(mark, last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(mark + last))
}

func (p Page) last(mark string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	last, ok := strings.CutPrefix(string(b), mark)
	if err != nil || !ok {
		return "", &CursorError{p.Cursor}
	}
	return last, nil
}

// bound narrows a selection to what comes after the page's cursor.
func (p Page) bound(s *selection) error {
	if p.Cursor == "" {
		return nil
	}
	last, err := p.last("p")
	if err != nil {
		return err
	}
	position, err := strconv.ParseInt(last, 10, 64)
	if err != nil || position < 0 {
		return &CursorError{p.Cursor}
	}
	if s.descending {
		s.high = min(s.high, position-1)
	} else {
		s.low = max(s.low, position+1)
	}
	return nil
}

// lastID is the id after which the page begins; false for the first page.
func (p Page) lastID() (string, bool, error) {
	if p.Cursor == "" {
		return "", false, nil
	}
	id, err := p.last("i")
	return id, err == nil, err
}

// pageOfPositions walks a selection for one page. add makes the row of a
// position and says whether it belongs in the list.
func (w *View) pageOfPositions(ctx context.Context, s selection, p Page, add func(r *reader, position int64) (bool, error)) (next string, err error) {
	if err := p.bound(&s); err != nil {
		return "", err
	}
	err = w.read(func(r *reader) error {
		n, last := 0, int64(0)
		return s.walk(ctx, r, func(position int64) (bool, error) {
			if n == p.limit() { // there is more: this one, at least to look at
				next = positionCursor(last)
				return false, nil
			}
			ok, err := add(r, position)
			if ok {
				n, last = n+1, position
			}
			return true, err
		})
	})
	return next, err
}

// pageOfEntities scans the entities under a prefix, which have one part more, their
// id, for one page. add makes the row and says whether it belongs in the list.
func (w *View) pageOfEntities(ctx context.Context, prefix []byte, p Page, add func(r *reader, id string, row row) (bool, error)) (next string, err error) {
	id, ok, err := p.lastID()
	if err != nil {
		return "", err
	}
	var from []byte
	if ok {
		from = appendPart(slices.Clone(prefix), id)
	}
	err = w.read(func(r *reader) error {
		n, last := 0, ""
		return r.each(ctx, prefix, from, func(row row) (bool, error) {
			if n == p.limit() {
				next = idCursor(last)
				return false, nil
			}
			names, err := parts(row.entity)
			if err != nil {
				return false, err
			}
			id := names[len(names)-1]
			ok, err := add(r, id, row)
			if ok {
				n, last = n+1, id
			}
			return true, err
		})
	})
	return next, err
}

// each visits the entities under prefix, after the entity from, until visit
// returns false.
func (r *reader) each(ctx context.Context, prefix, from []byte, visit func(row) (more bool, err error)) (err error) {
	s, err := r.scan(prefix, from)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, s.close()) }()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		row, ok, err := s.next()
		if err != nil || !ok {
			return err
		}
		if more, err := visit(row); err != nil || !more {
			return err
		}
	}
}

// history visits the versions of an entity with positions up to high, newest
// first, until visit returns false.
func (r *reader) history(entity []byte, high int64, visit func(row) (more bool, err error)) (err error) {
	if min(high, r.at) < 0 {
		return nil
	}
	v, err := r.versions(entity, 0, high, true)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, v.close()) }()
	for {
		row, ok, err := v.next()
		if err != nil || !ok {
			return err
		}
		if more, err := visit(row); err != nil || !more {
			return err
		}
	}
}

// find reads the version of an entity in force into a value.
func (r *reader) find(entity []byte, into coded) (bool, error) {
	row, ok, err := r.get(entity)
	if err != nil || !ok {
		return false, err
	}
	return true, row.decode(into)
}

// read runs a query on a reader at the view's position.
func (w *View) read(query func(r *reader) error) (err error) {
	r, err := w.store.reader(w.at)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, r.close()) }()
	r.graph, r.cost, r.sight, r.blanks = w.graph, w.cost, w.sight, w.blanks
	return w.store.noteDamage(query(r))
}

// matches reports whether a condition that may be empty holds.
func matches(condition, value string) bool { return condition == "" || condition == value }

// within reports whether t lies in [from, to), zero bounds being open.
func within[T ~int64](t, from, to T) bool { return (from == 0 || t >= from) && (to == 0 || t < to) }

// group is a disjunction of posting lists.
func group(lists ...[]byte) [][]byte { return slices.Clip(lists) }
