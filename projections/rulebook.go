package projections

import (
	"cmp"
	"fmt"
	"slices"

	"ledgerline/events"
	"ledgerline/events/rulepack"
	"ledgerline/ledger"
)

// A published is a version of a rule pack or a calendar, as it was published.
type published struct {
	ID       string      `json:"id"`
	Version  string      `json:"version"`
	Position int64       `json:"position"`
	From     events.Time `json:"from"` // in force from
	Content  string      `json:"content"`
}

func (p *published) code(c *coder) {
	c.texts(&p.ID, &p.Version)
	integer(c, &p.Position)
	integer(c, &p.From)
	c.text(&p.Content)
}

// The packs and the calendars that were published stand in one row each, oldest
// first: there are few, and all are looked at together.
type publishedRow struct {
	List []published `json:"list"`
}

func (r *publishedRow) code(c *coder) { list(c, &r.List, (*published).code) }

func packsKey() []byte     { return entityKey(tReference, "packs") }
func calendarsKey() []byte { return entityKey(tReference, "calendars") }

// applyReference keeps what was published.
func applyReference(b *batch, e *ledger.Entry) error {
	switch d := e.Event.Data.(type) {
	case *events.RulePackPublished:
		return addPublished(b, packsKey(), e, d.Pack, d.Version, d.Content)
	case *events.CalendarPublished:
		return addPublished(b, calendarsKey(), e, d.Calendar, d.Version, d.Content)
	}
	return nil
}

func addPublished(b *batch, key []byte, e *ledger.Entry, id, version, content string) error {
	row, _, err := draw[publishedRow](b, key)
	if err != nil {
		return err
	}
	from := e.Event.Time
	if e.Event.EffectiveFrom != 0 {
		from = e.Event.EffectiveFrom
	}
	row.List = append(row.List, published{id, version, e.Position, from, content})
	b.put(key, &row)
	return nil
}

// A rulebook is what is published as of a position, ready to be used.
type rulebook struct {
	packs     []pack
	published []published // of packs
	calendars []calendar
	// triggers are the event types that some deadline starts, stops or moves at.
	triggers map[string]bool
}

type pack struct {
	published
	*rulepack.Pack
}

type calendar struct {
	published
	*rulepack.Counter
}

// newRulebook makes a rulebook of two rows.
func newRulebook(packs, calendars *publishedRow) (*rulebook, error) {
	book := &rulebook{triggers: make(map[string]bool)}
	for _, x := range packs.List {
		p, err := rulepack.ParsePack([]byte(x.Content))
		if err != nil { // it was checked before it was recorded
			return nil, fmt.Errorf("rule pack %s %s at position %d: %w", x.ID, x.Version, x.Position, err)
		}
		book.packs, book.published = append(book.packs, pack{x, p}), append(book.published, x)
		for _, d := range p.Deadlines {
			for _, t := range slices.Concat([]rulepack.Trigger{d.Starts}, d.Stops, d.Restarts) {
				book.triggers[t.Event] = true
			}
			if d.Extension != nil {
				book.triggers[d.Extension.Event.Event] = true
			}
		}
	}
	for _, x := range calendars.List {
		n, err := rulepack.ParseCalendar([]byte(x.Content))
		if err != nil {
			return nil, fmt.Errorf("calendar %s %s at position %d: %w", x.ID, x.Version, x.Position, err)
		}
		book.calendars = append(book.calendars, calendar{x, n})
	}
	return book, nil
}

// inForce lists the packs that govern what happens at a time: of each id the
// version that took effect last.
func (book *rulebook) inForce(at events.Time) []pack {
	var out []pack
	for _, i := range governing(book.published, at) {
		out = append(out, book.packs[i])
	}
	return out
}

// governing says which of what was published governs what happens at a time, by
// index, each id where it first stood.
func governing(list []published, at events.Time) (out []int) {
	for i, p := range list {
		if p.From > at {
			continue
		}
		j := slices.IndexFunc(out, func(o int) bool { return list[o].ID == p.ID })
		switch {
		case j < 0:
			out = append(out, i)
		case list[out[j]].From <= p.From:
			out[j] = i
		}
	}
	return out
}

// calendarOf is the calendar that deadlines of a pack are counted by: of that id
// the version published last, whatever it covers.
func (book *rulebook) calendarOf(id string) (calendar, bool) {
	for _, c := range slices.Backward(book.calendars) {
		if c.published.ID == id {
			return c, true
		}
	}
	return calendar{}, false
}

// violation finds what a version of a pack says of a code.
func (book *rulebook) violation(id, version, code string) (rulepack.Violation, bool) {
	for _, p := range book.packs {
		if p.published.ID != id || p.published.Version != version {
			continue
		}
		if i := slices.IndexFunc(p.Violations, func(v rulepack.Violation) bool { return v.Code == code }); i >= 0 {
			return p.Violations[i], true
		}
	}
	return rulepack.Violation{}, false
}

// rulebook returns what is published as of the record at hand.
func (b *batch) rulebook() (*rulebook, error) {
	packs, err := recall[publishedRow](b, packsKey())
	if err != nil || packs == nil {
		return nil, err
	}
	calendars, err := recall[publishedRow](b, calendarsKey())
	if err != nil {
		return nil, err
	}
	if calendars == nil {
		calendars = &publishedRow{}
	}
	if k := b.s.book; k.packs == packs && k.calendars == calendars { // rows are decoded once as long as they are current
		return k.book, nil
	}
	book, err := newRulebook(packs, calendars)
	if err == nil {
		b.s.book = keptBook{packs, calendars, book}
	}
	return book, err
}

// keptBook is a rulebook with the rows it was made of.
type keptBook struct {
	packs, calendars *publishedRow
	book             *rulebook
}

// readBook is a rulebook with where the rows stand that it was made of: what a row says
// from a position on never changes.
type readBook struct {
	packs, calendars int64 // -1: there is none
	book             *rulebook
}

// rulebook returns what is published as of the reader's position; nil if nothing
// is.
func (r *reader) rulebook() (*rulebook, error) {
	at := [2]int64{-1, -1}
	for i, key := range [][]byte{packsKey(), calendarsKey()} {
		row, ok, err := r.get(key)
		if err != nil {
			return nil, err
		}
		if ok {
			at[i] = row.position
		}
	}
	if at[0] < 0 {
		return nil, nil
	}
	if k := r.s.books.Load(); k != nil && k.packs == at[0] && k.calendars == at[1] {
		return k.book, nil
	}
	var packs, calendars publishedRow
	if _, err := r.find(packsKey(), &packs); err != nil {
		return nil, err
	}
	if _, err := r.find(calendarsKey(), &calendars); err != nil {
		return nil, err
	}
	book, err := newRulebook(&packs, &calendars)
	if err == nil {
		r.s.books.Store(&readBook{at[0], at[1], book})
	}
	return book, err
}

// A RulePack is a version of a rule pack, as it was published.
type RulePack struct {
	ID, Version string
	Position    int64
	From        events.Time // in force from
	Content     string      // JSON, see rulepack.ParsePack
}

// RulePacks lists the packs in force at a time, what took effect last at the end.
func (w *View) RulePacks(at events.Time) (list []RulePack, err error) {
	err = w.read(func(r *reader) error {
		var packs publishedRow
		if ok, err := r.find(packsKey(), &packs); err != nil || !ok {
			return err
		}
		for _, i := range governing(packs.List, at) {
			list = append(list, RulePack(packs.List[i]))
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b RulePack) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Position, b.Position))
	})
	return list, err
}

// Retention is how long records of a class are kept, as a published pack says.
type Retention struct {
	Pack        string
	PackVersion string
	rulepack.Retention
}

// Retentions lists how long records are kept at least, by the packs in force at a
// time.
func (w *View) Retentions(at events.Time) (list []Retention, err error) {
	err = w.read(func(r *reader) error {
		book, err := r.rulebook()
		if err != nil || book == nil {
			return err
		}
		for _, p := range book.inForce(at) {
			for _, keep := range p.Retention {
				list = append(list, Retention{p.published.ID, p.published.Version, keep})
			}
		}
		return nil
	})
	return list, err
}
