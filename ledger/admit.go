package ledger

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// admission is what the sequencer remembers between requests. Only its goroutine
// touches it.
type admission struct {
	ids     recent[[32]byte, int64]
	cells   recent[proof.Hash, cell]
	sources recent[string, string]
	// What one request needs, used again for the next.
	overlay  overlay
	versions []uint64
	// clockConfirmed: an operator accepted a clock behind the last record. Times
	// then creep on by a microsecond a record until the clock catches up.
	clockConfirmed bool
}

func newAdmission(size int64) admission {
	return admission{
		ids: newRecent[[32]byte, int64](size), cells: newRecent[proof.Hash, cell](size), sources: newRecent[string, string](size),
		overlay: overlay{cells: make(map[proof.Hash]cell), sources: make(map[string]string)},
	}
}

// rotate forgets what is long past, and tells whether it forgot subjects. It must
// be called while nothing is in a pool that the store does not show.
func (a *admission) rotate(next int64) (subjects bool) {
	a.ids.rotate(next)
	a.sources.rotate(next)
	return a.cells.rotate(next)
}

// recent holds all changes from position floor on, so that a value read at or
// after floor is current unless it is in here. Two generations bound its memory.
type recent[K comparable, V any] struct {
	newer, older map[K]V
	floor, from  int64 // older begins at floor, newer at from
}

// recentLimit bounds a generation.
const recentLimit = 1 << 16

func newRecent[K comparable, V any](size int64) recent[K, V] {
	return recent[K, V]{newer: make(map[K]V), floor: size, from: size}
}

func (r *recent[K, V]) get(k K) (V, bool) {
	v, ok := r.newer[k]
	if !ok {
		v, ok = r.older[k]
	}
	return v, ok
}

func (r *recent[K, V]) put(k K, v V) { r.newer[k] = v }

func (r *recent[K, V]) rotate(next int64) bool {
	if len(r.newer) < recentLimit {
		return false
	}
	r.older, r.newer = r.newer, make(map[K]V)
	r.floor, r.from = r.from, next
	return true
}

// An overlay holds what a request would change. It is merged only when the whole
// request passes, so that a failing batch changes nothing.
type overlay struct {
	cells   map[proof.Hash]cell
	sources map[string]string
}

// begin returns an empty overlay for the next request.
func (a *admission) begin() *overlay {
	clear(a.overlay.cells)
	clear(a.overlay.sources)
	return &a.overlay
}

// admit asks the rules about a request and places it in the pool if all of it may
// happen.
func (l *Ledger) admit(p *pool, r *request) ([]place, error) {
	now, err := l.believe(p.time, r.confirms)
	if err != nil {
		return nil, err
	}
	o := l.admission.begin()
	places := make([]place, len(r.drafts))
	versions := slices.Grow(l.admission.versions[:0], len(r.drafts))[:len(r.drafts)]
	l.admission.versions = versions
	for i, d := range r.drafts {
		old, found, err := l.repeated(p, d)
		if err != nil {
			return nil, at(i, err)
		}
		if found {
			places[i] = old
			continue
		}
		if versions[i], err = l.check(o, d, now); err != nil {
			return nil, at(i, err)
		}
	}
	if err := l.placeAll(p, r, places, versions); errors.Is(err, errKeyRetired) {
		return nil, err
	} else if err != nil {
		p.broken = err
		return nil, err
	}
	for k, c := range o.cells {
		p.cells[k] = c
		l.admission.cells.put(k, c)
		l.warm.put(k)
	}
	for source, principal := range o.sources {
		if err := p.batch.Set(sourceKey(source), []byte(principal), nil); err != nil {
			p.broken = err
			return nil, err
		}
		l.admission.sources.put(source, principal)
	}
	if r.confirms {
		l.admission.clockConfirmed = true
	}
	return places, nil
}

// placeAll orders the request's new events, under the lock that PositionAt takes:
// a question about a time is answered for good before anything later gets it.
func (l *Ledger) placeAll(p *pool, r *request, places []place, versions []uint64) error {
	l.tail.mu.Lock()
	defer l.tail.mu.Unlock()
	// Under the lock: an erasure that retired a key then asks for the last position
	// given, and finds all that was sealed under it.
	for _, d := range r.drafts {
		if slices.ContainsFunc(d.sealed, l.owners.isRetired) {
			return errKeyRetired
		}
	}
	now := int64(events.TimeOf(l.opts.Now()))
	for i, d := range r.drafts {
		if places[i].repeated {
			continue
		}
		var err error
		if places[i], err = l.place(p, d, l.tick(p, now), versions[i]); err != nil {
			return err
		}
		l.seen.add(d.id)
		if versions[i] == 1 {
			l.seen.add(d.subject)
		}
		l.admission.ids.put(d.id, places[i].position)
		for _, c := range d.continues { // part of d, without identity or version of their own
			if _, err := l.place(p, c, l.tick(p, now), 0); err != nil {
				return err
			}
		}
	}
	l.tail.size, l.tail.time = p.edge.size, p.time
	return nil
}

// errKeyRetired: a facet was sealed under a key that is about to be destroyed.
var errKeyRetired = errors.New("the owner's key was retired while the event waited")

// tick is the recorded time of the next record: strictly increasing, and later
// than any moment a question was answered for.
func (l *Ledger) tick(p *pool, now int64) int64 {
	return max(now, p.time+1, l.tail.asked+1)
}

// believe returns the clock's time, unless it is too far from the last record.
func (l *Ledger) believe(last int64, confirmed bool) (events.Time, error) {
	now := events.TimeOf(l.opts.Now())
	if last == 0 || confirmed {
		return max(now, events.Time(last+1)), nil
	}
	lim := l.opts.Limits
	apart := now.Std().Sub(events.Time(last).Std())
	if -apart > lim.ClockBehind && !l.admission.clockConfirmed {
		return 0, &ClockError{Clock: now, Last: events.Time(last), Bound: lim.ClockBehind}
	}
	if apart > lim.ClockAhead {
		return 0, &ClockError{Clock: now, Last: events.Time(last), Bound: lim.ClockAhead}
	}
	return max(now, events.Time(last+1)), nil
}

// repeated looks for the same source and id. If the content is the same too, the
// event's old place is the answer; if not, the id is refused.
func (l *Ledger) repeated(p *pool, d *draft) (place, bool, error) {
	if l.seen.never(d.id) {
		return place{}, false, nil
	}
	position, ok := l.admission.ids.get(d.id)
	if !ok {
		if position = d.ahead.recorded; d.ahead.asOf < l.admission.ids.floor {
			var err error
			if position, err = l.readID(d.id); err != nil {
				return place{}, false, err
			}
		}
	}
	if position == noPosition {
		return place{}, false, nil
	}
	if position >= p.start { // not in the store yet
		q := p.placed[position-p.start]
		if !sameContent(d, q.draft.body, q.draft.event.Facets) {
			return place{}, false, conflict(d, position)
		}
		q.place.repeated = true
		return q.place, true, nil
	}
	return l.compare(d, position)
}

// compare reads the stored event and tells whether the draft repeats it.
func (l *Ledger) compare(d *draft, position int64) (place, bool, error) {
	time, body, err := l.readBody(position)
	if err != nil {
		return place{}, false, err
	}
	facets, err := l.readFacets(position, body)
	if err != nil {
		return place{}, false, err
	}
	if !sameContent(d, body, facets) {
		return place{}, false, conflict(d, position)
	}
	leaf, err := l.appliedLeaf(position)
	if err != nil {
		return place{}, false, err
	}
	return place{position: position, time: time, leaf: leaf, repeated: true}, true, nil
}

// sameContent tells whether a draft says what the stored event says: all the
// producer set, and the facets that still exist. Salts differ and do not count.
func sameContent(d *draft, stored *proof.Body, facets []events.Facet) bool {
	a, b := *d.body, *stored
	if len(a.Facets) != len(b.Facets) || a.Principal != b.Principal {
		return false
	}
	for i := range a.Facets {
		fa, fb := a.Facets[i], b.Facets[i]
		if fa.Name != fb.Name || fa.MediaType != fb.MediaType || fa.Owner != fb.Owner {
			return false
		}
		if !facets[i].Erased && !bytes.Equal(d.event.Facets[i].Bytes, facets[i].Bytes) {
			return false
		}
	}
	a.Facets, b.Facets = nil, nil
	a.Signature, b.Signature = nil, nil // over other salts it is another one
	ab, aerr := a.Marshal()
	bb, berr := b.Marshal()
	return aerr == nil && berr == nil && bytes.Equal(ab, bb)
}

func conflict(d *draft, position int64) error {
	return &events.Refusal{Rule: "id.other-content", Class: events.Conflict, Field: "/id",
		Detail: fmt.Sprintf("source %q used id %q for other content, recorded at position %d", d.event.Source, d.event.ID, position),
		Fix:    "give a new event a new id; a correction is an event of its own"}
}

// check asks the rules about one event on top of the overlay, applies it there,
// and returns the subject version it gets.
func (l *Ledger) check(o *overlay, d *draft, now events.Time) (uint64, error) {
	if err := l.checkSource(o, d); err != nil {
		return 0, err
	}
	sub := d.event.Data.Subject()
	c, err := l.cell(o, d, sub.Kind, d.subject)
	if err != nil {
		return 0, err
	}
	if want := d.event.ExpectedVersion; want != nil && *want != c.version {
		return 0, &events.Refusal{Rule: "subject.version", Class: events.Stale, Field: "/expectedversion", Subject: sub,
			State:  fmt.Sprintf("version %d", c.version),
			Detail: fmt.Sprintf("%s is at version %d, not %d", sub, c.version, *want), Fix: "read the subject again and decide anew"}
	}
	if err := l.checkSigner(o, d); err != nil {
		return 0, err
	}
	if d.typ.Ruled() {
		if err := l.judge(o, d, now); err != nil {
			return 0, err
		}
	}
	c.version++
	if d.typ.Stateful() {
		c.state = d.typ.Apply(d.event.Data, c.state)
	}
	o.cells[d.subject] = c
	return c.version, nil
}

// judge asks the event's rule.
func (l *Ledger) judge(o *overlay, d *draft, now events.Time) error {
	var readErr error
	states := events.States{Recorded: now, Time: d.event.Time, Imported: d.event.Imported, Signer: d.signer, Of: func(s events.Subject) any {
		c, err := l.cell(o, d, s.Kind, l.subjectHash(s))
		readErr = errors.Join(readErr, err)
		return c.state
	}}
	err := d.typ.Check(d.event.Data, states)
	return cmp.Or(readErr, err)
}

// cell returns what is known of a subject, the request's own changes included.
func (l *Ledger) cell(o *overlay, d *draft, kind string, subject proof.Hash) (cell, error) {
	if c, ok := o.cells[subject]; ok {
		return c, nil
	}
	if c, ok := l.admission.cells.get(subject); ok {
		return c, nil
	}
	if c, ok := d.ahead.cell(subject, l.admission.cells.floor); ok {
		return c, nil
	}
	return l.readCell(kind, subject)
}

// checkSource binds a source to the first principal that uses it, so that nobody
// squats another's ids.
func (l *Ledger) checkSource(o *overlay, d *draft) error {
	source := d.event.Source
	holder, ok := o.sources[source]
	if !ok {
		holder, ok = l.admission.sources.get(source)
	}
	if !ok {
		// What is bound stays bound; only that it is free can be out of date.
		if holder = d.ahead.holder; holder == "" && d.ahead.asOf < l.admission.sources.floor {
			var err error
			if holder, err = l.readSource(source); err != nil {
				return err
			}
		}
	}
	if holder == "" {
		o.sources[source] = d.event.Principal
		return nil
	}
	if holder != d.event.Principal {
		return &events.Refusal{Rule: "source.bound", Class: events.Forbidden, Field: "/source",
			Detail: fmt.Sprintf("source %q belongs to another principal", source), Fix: "use a source of your own"}
	}
	return nil
}
