package events

import (
	"fmt"
	"slices"
	"strings"
)

// KindPayload is the subject of what is done to the erasable content of the
// ledger as a whole. There is one such subject per book, so that an erasure and
// a hold cannot pass each other by: each is admitted at a version of it.
const KindPayload = "payload"

var thePayload = Subject{KindPayload, "all"}

// PayloadSubject is the subject of erasures and holds.
func PayloadSubject() Subject { return thePayload }

var payloadTypes = []Type{
	reserved(factOn[PayloadErased, Payload]("ledger.payload.erased")),
	reserved(act[HoldPlaced, Payload]("ledger.hold.placed")),
	reserved(act[HoldReleased, Payload]("ledger.hold.released")),
}

// Payload is the state of the erasable content: the holds in force.
type Payload struct {
	Holds []Hold `json:"holds,omitzero"`
}

// Hold keeps content from being erased: because of a case, an audit, an order.
type Hold struct {
	ID      string     `json:"id"`
	Records []int64    `json:"records,omitzero"`
	Names   []HeldName `json:"names,omitzero"`
	Owners  [][]byte   `json:"owners,omitzero"`
	Ground  string     `json:"ground"`
	Reason  string     `json:"reason,omitzero"`
}

// HeldName is a name whose records are held, those to come included.
type HeldName struct {
	// Kind is subject, entry, dataset, party, agreement, principal or type.
	Kind string `json:"kind"`
	// Parts are what the kind asks for: an id; for a dataset namespace and name;
	// for a subject its kind and id.
	Parts []string `json:"parts"`
}

// Holding returns the first hold in force on a facet of a record: its position,
// what the record can be found by, and the keyed digest of the facet's owner, nil
// if it has none.
func (p *Payload) Holding(position int64, names func(HeldName) bool, owner []byte) (Hold, bool) {
	for _, h := range p.Holds {
		if slices.Contains(h.Records, position) || slices.ContainsFunc(h.Names, names) ||
			owner != nil && slices.ContainsFunc(h.Owners, func(o []byte) bool { return slices.Equal(o, owner) }) {
			return h, true
		}
	}
	return Hold{}, false
}

// PayloadErased says that content was erased. What it was is not told; that it
// existed stays proven by its commitments.
//
// That none of it is held is known by the records that the facets belong to,
// which a rule does not see: the ledger looks, and expects the version of the
// payload at which it looked.
type PayloadErased struct {
	// Facets are what was erased.
	Facets []ErasedFacet `json:"facets"`
	// Ground is the legal ground, such as PIPL:47 or an order's number. It is
	// public and names no person.
	Ground string `json:"ground"`
	// Reason says more, in words. It is public and names no person.
	Reason string `json:"reason,omitzero"`
	// Part and Parts count the records of one erasure, from 1; a large one has
	// several, appended together.
	Part  int `json:"part"`
	Parts int `json:"parts"`
}

// ErasedFacet is one facet of one record.
type ErasedFacet struct {
	Position int64  `json:"position"`
	Name     string `json:"name"`
	// Commitment is the facet's commitment in that record's body, 32 bytes.
	Commitment []byte `json:"commitment"`
}

// MaxErasedFacets is how many facets one record of an erasure lists at most.
const MaxErasedFacets = 10_000

// HoldPlaced says that content may not be erased until the hold is released.
type HoldPlaced struct {
	// Hold is the id of the hold, such as a case number. It is public.
	Hold string `json:"hold"`
	// Records are positions whose content is held, Names what held records can be
	// found by, Owners the keyed digests of owners all of whose content is held.
	// At least one of them is given.
	Records []int64    `json:"records,omitzero"`
	Names   []HeldName `json:"names,omitzero"`
	Owners  [][]byte   `json:"owners,omitzero"`
	// Ground is the legal ground. It is public and names no person.
	Ground string `json:"ground"`
	Reason string `json:"reason,omitzero"`
}

// HoldReleased says that a hold is over.
type HoldReleased struct {
	Hold   string `json:"hold"`
	Ground string `json:"ground"`
	Reason string `json:"reason,omitzero"`
}

// Subject is the erasable content of the ledger.
func (e *PayloadErased) Subject() Subject { return thePayload }

// Subject is the erasable content of the ledger.
func (e *HoldPlaced) Subject() Subject { return thePayload }

// Subject is the erasable content of the ledger.
func (e *HoldReleased) Subject() Subject { return thePayload }

func (e *PayloadErased) names() []Name { return nil }
func (e *HoldPlaced) names() []Name    { return nil }
func (e *HoldReleased) names() []Name  { return nil }

func (e *HoldPlaced) needs() []Subject   { return nil }
func (e *HoldReleased) needs() []Subject { return nil }

func (e *PayloadErased) validate(c checker) {
	c.some("facets", len(e.Facets))
	if len(e.Facets) > MaxErasedFacets {
		c.refuse("field.range", "facets", fmt.Sprintf("%d facets are listed", len(e.Facets)), fmt.Sprintf("list at most %d", MaxErasedFacets))
	}
	for i, f := range e.Facets {
		at := c.at("facets", i)
		at.required("name", f.Name, MaxCode)
		if f.Position < 0 {
			at.refuse("field.range", "position", "the position is negative", "send the position of a record")
		}
		if len(f.Commitment) != 32 {
			at.refuse("field.length", "commitment", "a commitment has 32 bytes", "send the one that stands in the record's body")
		}
	}
	c.required("ground", e.Ground, MaxName)
	c.text("reason", e.Reason, MaxName)
	c.atLeast("part", e.Part, 1)
	c.atLeast("parts", e.Parts, e.Part)
}

func (e *HoldPlaced) validate(c checker) {
	c.required("hold", e.Hold, MaxID)
	c.some("records", len(e.Records)+len(e.Names)+len(e.Owners))
	for i, p := range e.Records {
		if p < 0 {
			c.at("records", i).refuse("field.range", "", "the position is negative", "send the position of a record")
		}
	}
	for i, n := range e.Names {
		n.validate(c.at("names", i))
	}
	for i, o := range e.Owners {
		if len(o) != 32 {
			c.at("owners", i).refuse("field.length", "", "a keyed digest has 32 bytes", "send the digest that the ledger makes of an owner")
		}
	}
	c.required("ground", e.Ground, MaxName)
	c.text("reason", e.Reason, MaxName)
}

// nameParts is how many parts a name of a kind has.
var nameParts = map[string]int{NameType: 1, NameSubject: 2, NameEntry: 1, NameDataset: 2, NameParty: 1, NameAgreement: 1, NamePrincipal: 1}

func (n HeldName) validate(c checker) {
	want, known := nameParts[n.Kind]
	if !known {
		c.refuse("field.enum", "kind", quote(n.Kind)+" is not a kind of name", "send type, subject, entry, dataset, party, agreement or principal")
		return
	}
	if len(n.Parts) != want {
		c.refuse("field.length", "parts", fmt.Sprintf("a name of kind %s has %d parts, not %d", n.Kind, want, len(n.Parts)), "send its parts")
	}
	c.texts("parts", n.Parts, 2*MaxName+1)
}

// String is the form kind/part/part of a held name.
func (n HeldName) String() string { return n.Kind + "/" + strings.Join(n.Parts, "/") }

func (e *HoldReleased) validate(c checker) {
	c.required("hold", e.Hold, MaxID)
	c.required("ground", e.Ground, MaxName)
	c.text("reason", e.Reason, MaxName)
}

func (e *HoldPlaced) check(s States) error {
	p := stateOf[Payload](s, thePayload)
	if p.hold(e.Hold) >= 0 {
		return illegal("hold.placed-once", thePayload, "held", "the hold "+quote(e.Hold)+" is in force already", "give another hold another id, or release this one first")
	}
	return nil
}

func (e *HoldReleased) check(s States) error {
	p := stateOf[Payload](s, thePayload)
	if p.hold(e.Hold) < 0 {
		return illegal("hold.in-force", thePayload, "not held", "no hold "+quote(e.Hold)+" is in force", "see GET /v1/holds for those that are")
	}
	return nil
}

func (p *Payload) hold(id string) int {
	return slices.IndexFunc(p.Holds, func(h Hold) bool { return h.ID == id })
}

func (e *PayloadErased) apply(*Payload) {}

func (e *HoldPlaced) apply(p *Payload) {
	p.Holds = append(slices.Clone(p.Holds), Hold{e.Hold, e.Records, e.Names, e.Owners, e.Ground, e.Reason})
}

func (e *HoldReleased) apply(p *Payload) {
	p.Holds = slices.DeleteFunc(slices.Clone(p.Holds), func(h Hold) bool { return h.ID == e.Hold })
	if len(p.Holds) == 0 {
		p.Holds = nil // a state says what is, not what was
	}
}
