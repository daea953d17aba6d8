package ledger

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// An Erasure says what is to be erased, and by what right. Either Owner or Facets
// is given.
type Erasure struct {
	// ID makes a repeat harmless: the same principal and id get the old receipts.
	ID string
	// Principal is who decided.
	Principal string
	// Owner is the owner all of whose content goes, and the key with it.
	Owner string
	// Facets go one by one.
	Facets []FacetAt
	// Ground is the legal ground, Reason says more. Both are public for ever.
	Ground, Reason string
}

// A FacetAt names a facet of a record.
type FacetAt struct {
	Position int64
	Name     string
}

// Erased is what an erasure leaves: the receipts of the records that say so.
type Erased struct {
	Receipts []Receipt
	// Facets counts what was erased.
	Facets int
}

// A target is a facet that is to be erased.
type target struct {
	position int64
	number   int // among the facets of its body
	ref      proof.FacetRef
	body     *proof.Body
}

// Erase erases content for good: it records a ledger.payload.erased, deletes the
// rows in the same batch, destroys the owner's key, and returns when the bytes are
// gone from the files of the book. No hash changes, so every proof stays valid. It
// does not reach copies: backups, see docs/operating.md, and what was read before.
//
// The error is a *events.Refusal if there is nothing to erase or a hold is in force.
// After any other error the erasure may be recorded; it is completed when the
// ledger is opened, or by asking again with the same id.
func (l *Ledger) Erase(ctx context.Context, e Erasure) (Erased, error) {
	if err := e.check(); err != nil {
		return Erased{}, err
	}
	l.erasing.Lock()
	defer l.erasing.Unlock()
	done, found, err := l.erasedBefore(ctx, e)
	if err == nil && !found {
		done, err = l.recordErasure(ctx, e)
	}
	if err != nil {
		return done, err
	}
	if err := l.finishErasures(ctx); err != nil {
		return done, fmt.Errorf("the erasure is recorded at position %d, but its bytes may still be on the disk: %w", done.Receipts[0].Position, err)
	}
	return done, nil
}

func (e *Erasure) check() error {
	refuse := func(field, detail, fix string) error {
		return &events.Refusal{Rule: "erasure.what", Class: events.Malformed, Field: field, Detail: detail, Fix: fix}
	}
	switch {
	case e.ID == "":
		return refuse("/id", "the erasure has no id", "give it one: it makes sending it again harmless")
	case e.Principal == "":
		return refuse("", "nobody decided the erasure", "authenticate")
	case (e.Owner == "") == (len(e.Facets) == 0):
		return refuse("", "what is to be erased is not said, or twice", "give either an owner or a list of facets")
	}
	return nil
}

// actor is the source of what a principal has the ledger itself record. It is
// reserved, so that nobody else can have taken it.
func (l *Ledger) actor(principal string) string {
	return ownSources + l.origin + "/by/" + url.PathEscape(principal)
}

// ownSources is how the sources of the ledger's own events begin.
const ownSources = "ledger:"

// act makes an event that the ledger records for a principal.
func (l *Ledger) act(principal, typ, id string, data events.Data) events.Event {
	ev := l.own(data, typ, id)
	ev.Source, ev.Principal = l.actor(principal), principal
	return ev
}

// erasedBefore looks for the same erasure. What it was about is gone and cannot be
// compared.
func (l *Ledger) erasedBefore(ctx context.Context, e Erasure) (done Erased, found bool, err error) {
	first, found, err := l.Find(l.actor(e.Principal), e.ID)
	if !found || err != nil {
		return done, false, err
	}
	for position, parts := first, 1; position < first+int64(parts); position++ {
		entry, err := l.Get(ctx, position)
		if err != nil {
			return done, true, err
		}
		data, ok := entry.Event.Data.(*events.PayloadErased)
		if !ok {
			return done, true, &events.Refusal{Rule: "id.other-content", Class: events.Conflict, Field: "/id",
				Detail: fmt.Sprintf("the id %q stands for another act, recorded at position %d", e.ID, first), Fix: "give a new erasure a new id"}
		}
		parts = data.Parts
		done.Facets += len(data.Facets)
		leaf, err := l.LeafHash(position)
		if err != nil {
			return done, true, err
		}
		done.Receipts = append(done.Receipts, Receipt{Repeated: true, Receipt: proof.Receipt{
			ID: entry.Event.ID, Source: entry.Event.Source, Position: position, Time: int64(entry.Recorded),
			LeafHash: leaf, Checkpoint: string(l.Head().Checkpoint),
		}})
	}
	return done, true, nil
}

// recordErasure finds what is to go, makes sure that none of it is held, and
// records that it is erased.
func (l *Ledger) recordErasure(ctx context.Context, e Erasure) (Erased, error) {
	targets, err := l.targets(ctx, e, 0)
	if err != nil {
		return Erased{}, err
	}
	if _, err := l.notHeld(targets); err != nil { // before anything is touched
		return Erased{}, err
	}
	if e.Owner != "" {
		if targets, err = l.retireOwner(ctx, e, targets); err != nil {
			return Erased{}, err
		}
	}
	if len(targets) == 0 {
		return Erased{}, &events.Refusal{Rule: "erasure.nothing", Class: events.Illegal, Field: "/owner",
			Detail: "the ledger holds nothing of that owner", Fix: "check the owner as it stands in the records"}
	}
	for range 100 { // each time a hold or erasure came between
		version, err := l.notHeld(targets)
		if err != nil {
			return Erased{}, err
		}
		receipts, err := l.appendErasure(ctx, e, targets, version)
		if r := (*events.Refusal)(nil); errors.As(err, &r) && r.Class == events.Stale {
			continue
		}
		return Erased{Receipts: receipts, Facets: len(targets)}, err
	}
	return Erased{}, ErrOverloaded
}

// retireOwner puts the owner's key aside and returns all that is sealed under it:
// the targets known, found up to a position, and what was recorded since.
func (l *Ledger) retireOwner(ctx context.Context, e Erasure, known []target) ([]target, error) {
	searched := int64(0)
	if n := len(known); n > 0 {
		searched = known[n-1].position + 1
	}
	if err := l.owners.retire(e.Owner); err != nil {
		return nil, err
	}
	// Whatever was sealed under the key has its position by now, or is refused it.
	l.tail.mu.Lock()
	given := l.tail.size
	l.tail.mu.Unlock()
	if _, err := l.Wait(ctx, given-1); err != nil {
		return nil, err
	}
	later, err := l.targets(ctx, e, searched)
	return append(known, later...), err
}

// targets lists the facets that are to go, from a position on.
func (l *Ledger) targets(ctx context.Context, e Erasure, from int64) (found []target, err error) {
	if e.Owner == "" {
		return l.facetsAt(e.Facets)
	}
	size := l.head.Load().Size
	if from >= size {
		return nil, nil
	}
	err = l.scanRows(ctx, from, size, func(position int64, row []byte) (bool, error) {
		_, b, err := splitRecordRow(row)
		if err != nil {
			return false, err
		}
		body, err := proof.ParseBody(b)
		if err != nil {
			return false, err
		}
		for i, ref := range body.Facets {
			if ref.Owner != e.Owner {
				continue
			}
			stored, err := l.getRow(facetKey(position, i))
			if err != nil {
				return false, err
			}
			if stored != nil {
				found = append(found, target{position, i, ref, body})
			}
		}
		return true, nil
	})
	return found, err
}

func (l *Ledger) facetsAt(list []FacetAt) (found []target, err error) {
	for n, f := range list {
		refuse := func(rule string, class events.Class, detail, fix string) error {
			return &events.Refusal{Rule: rule, Class: class, Field: "/facets/" + strconv.Itoa(n), Detail: detail, Fix: fix}
		}
		if err := l.durable(f.Position); err != nil {
			return nil, err
		}
		_, body, err := l.readBody(f.Position)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(body.Facets, func(ref proof.FacetRef) bool { return ref.Name == f.Name })
		if i < 0 {
			return nil, refuse("erasure.facet", events.Malformed, fmt.Sprintf("the record at position %d has no facet %q", f.Position, f.Name),
				"see facets of GET /v1/events/"+strconv.FormatInt(f.Position, 10)+"; what is not a facet cannot be erased")
		}
		if slices.ContainsFunc(found, func(t target) bool { return t.position == f.Position && t.number == i }) {
			return nil, refuse("field.unique", events.Malformed, "the facet is listed twice", "list it once")
		}
		by, err := l.ErasedBy(f.Position, i)
		if err != nil {
			return nil, err
		}
		if by != 0 {
			return nil, refuse("erasure.once", events.Illegal, fmt.Sprintf("the facet was erased before, by the record at position %d", by), "leave it out")
		}
		found = append(found, target{f.Position, i, body.Facets[i], body})
	}
	return found, nil
}

// ErasedBy returns the position of the record that erased a facet, given by its
// place among the facets of its record; 0 if none did.
func (l *Ledger) ErasedBy(position int64, number int) (int64, error) {
	v, err := l.getRow(erasedKey(position, number))
	if v == nil || err != nil {
		return 0, err
	}
	return positionOf(v)
}

// notHeld refuses what a hold is in force on. It returns the version of the payload
// at which it looked.
func (l *Ledger) notHeld(targets []target) (uint64, error) {
	c, err := l.readCell(events.KindPayload, subjectHash(events.PayloadSubject()))
	if err != nil {
		return 0, err
	}
	state, ok := c.state.(*events.Payload)
	if !ok || len(state.Holds) == 0 {
		return c.version, nil
	}
	for _, t := range targets {
		keys := t.body.Keys()
		var owner []byte
		if t.ref.Owner != "" {
			owner = l.OwnerDigest(t.ref.Owner)
		}
		named := func(n events.HeldName) bool {
			_, found := slices.BinarySearchFunc(keys, proof.Key(n.Kind, n.Parts...), proof.CompareHashes)
			return found
		}
		if h, held := state.Holding(t.position, named, owner); held {
			return 0, &events.Refusal{Rule: "erasure.held", Class: events.Illegal, Subject: events.PayloadSubject(), State: "held",
				Detail: fmt.Sprintf("the facet %q of the record at position %d is under the hold %q (%s)", t.ref.Name, t.position, h.ID, h.Ground),
				Fix:    "release the hold first, if its ground is gone"}
		}
	}
	return c.version, nil
}

// OwnerDigest names an owner in public records, where only who has the book can
// tell whom it names.
func (l *Ledger) OwnerDigest(owner string) []byte {
	d := proof.OwnerDigest(l.secret, owner)
	return d[:]
}

// appendErasure records an erasure at a version of the payload.
func (l *Ledger) appendErasure(ctx context.Context, e Erasure, targets []target, version uint64) ([]Receipt, error) {
	var batch []events.Event
	parts := slices.Collect(slices.Chunk(targets, events.MaxErasedFacets))
	now := events.TimeOf(l.opts.Now())
	for i, part := range parts {
		data := &events.PayloadErased{Ground: e.Ground, Reason: e.Reason, Part: i + 1, Parts: len(parts)}
		for _, t := range part {
			data.Facets = append(data.Facets, events.ErasedFacet{Position: t.position, Name: t.ref.Name, Commitment: slices.Clone(t.ref.Commit[:])})
		}
		id := e.ID
		if i > 0 {
			id += "#" + strconv.Itoa(i+1)
		}
		ev := l.act(e.Principal, proof.ErasureType, id, data)
		at := version + uint64(i)
		ev.ExpectedVersion = &at
		if err := ev.Validate(now); err != nil {
			return nil, err
		}
		batch = append(batch, ev)
	}
	owner := ""
	if e.Owner != "" {
		owner = ownerFile(e.Owner)
	}
	req, err := l.prepare(batch)
	if err != nil {
		return nil, err
	}
	for i, part := range parts {
		req.drafts[i].erases = &erasing{targets: part, owner: owner}
	}
	return l.submit(ctx, req)
}

// erasing is what the sequencer deletes in the batch that records an erasure.
type erasing struct {
	targets []target
	owner   string // file of the owner's key that is to be destroyed, if one is
}

// rows deletes the facets in the batch that records it at a position, marks them as
// erased by it, and notes that the erasure has yet to be completed.
func (e *erasing) rows(position int64, set func(key, value []byte), remove func(key []byte)) {
	for _, t := range e.targets {
		remove(facetKey(t.position, t.number))
		set(erasedKey(t.position, t.number), positionValue(position))
	}
	set(unfinishedKey(position), []byte(e.owner))
}

// PlaceHold records that content may not be erased. Owners names owners by what
// they are called; the record holds only their keyed digests.
func (l *Ledger) PlaceHold(ctx context.Context, principal, id string, h events.HoldPlaced, owners ...string) (Receipt, error) {
	for _, o := range owners {
		h.Owners = append(h.Owners, l.OwnerDigest(o))
	}
	return l.decide(ctx, principal, "ledger.hold.placed", id, &h)
}

// ReleaseHold records that a hold is over.
func (l *Ledger) ReleaseHold(ctx context.Context, principal, id string, h events.HoldReleased) (Receipt, error) {
	return l.decide(ctx, principal, "ledger.hold.released", id, &h)
}

// RecordRead records that a principal read sensitive history, and returns when that
// is durable.
func (l *Ledger) RecordRead(ctx context.Context, principal, id string, r events.ReadRecorded) (Receipt, error) {
	return l.decide(ctx, principal, "ledger.read.recorded", id, &r)
}

// RecordExport records that a principal took a file out, and returns when that is
// durable.
func (l *Ledger) RecordExport(ctx context.Context, principal, id string, e events.ExportMade) (Receipt, error) {
	return l.decide(ctx, principal, "ledger.export.made", id, &e)
}

// decide records one act of a principal upon the ledger itself.
func (l *Ledger) decide(ctx context.Context, principal, typ, id string, data events.Data) (Receipt, error) {
	ev := l.act(principal, typ, id, data)
	if err := ev.Validate(events.TimeOf(l.opts.Now())); err != nil {
		return Receipt{}, err
	}
	if ev.Time = l.timeOfRepeat(ev); ev.Time == 0 {
		ev.Time = events.TimeOf(l.opts.Now())
	}
	receipts, err := l.append(ctx, []events.Event{ev})
	if err != nil {
		return Receipt{}, err
	}
	return receipts[0], nil
}

// timeOfRepeat is the time that an act bears which was recorded before: the ledger
// tells the time of its own acts, and a repeat has to say the same.
func (l *Ledger) timeOfRepeat(ev events.Event) events.Time {
	position, ok, err := l.Find(ev.Source, ev.ID)
	if !ok || err != nil {
		return 0
	}
	_, body, err := l.readBody(position)
	if err != nil {
		return 0 // the append meets the same error and tells it
	}
	return events.Time(body.Time)
}

// Holds lists the holds in force, in the order in which they were placed.
func (l *Ledger) Holds() ([]events.Hold, error) {
	c, err := l.readCell(events.KindPayload, subjectHash(events.PayloadSubject()))
	if err != nil {
		return nil, err
	}
	state, ok := c.state.(*events.Payload)
	if !ok {
		return nil, nil
	}
	return state.Holds, nil
}
