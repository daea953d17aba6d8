package events

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Type is one entry of the vocabulary: a name, a schema version and the rule.
type Type struct {
	// Name is the CloudEvents type: lower case, dotted, past tense.
	Name string
	// Schema is the version of the data's shape, from 1.
	Schema uint64
	// Fact marks a reported fact: always admitted, at most flagged.
	Fact bool
	// Reserved marks types only the ledger itself appends.
	Reserved bool
	// Derived marks types whose data the ledger's entrance makes from raw bytes
	// that it keeps as a facet. They are not taken as CloudEvents: nobody could
	// check the data against bytes that were never sent.
	Derived bool

	// by is the number of the data's field by, -1 if it has none.
	by       int
	newData  func() Data
	copy     func(Data) Data
	holds    func(Data) bool
	needs    func(Data) []Subject
	check    func(Data, States) error
	newState func() any
	apply    func(Data, any) any
}

// validator is implemented by data whose fields bear rules that need no state.
type validator interface {
	validate(checker)
}

type actData[D, S any] interface {
	*D
	Data
	needs() []Subject
	check(States) error
	apply(*S)
}

// act describes an event type whose rule may refuse it.
func act[D, S any, P actData[D, S]](name string) Type {
	t := factOn[D, S, P](name)
	t.Fact = false
	t.needs = func(d Data) []Subject { return d.(P).needs() }
	t.check = func(d Data, s States) error { return d.(P).check(s) }
	return t
}

// fact describes a reported fact with no state of its own.
func fact[D any, P interface {
	*D
	Data
}](name string) Type {
	return Type{
		Name: name, Schema: 1, Fact: true, by: byField(reflect.TypeFor[D]()),
		newData: func() Data { return P(new(D)) },
		copy:    func(d Data) Data { c := *d.(P); return P(&c) },
		holds:   func(d Data) bool { p, ok := d.(P); return ok && p != nil },
	}
}

// reserved marks a type as the ledger's own.
func reserved(t Type) Type {
	t.Reserved = true
	return t
}

// derived marks a type as made by an entrance from raw bytes.
func derived(t Type) Type {
	t.Derived = true
	return t
}

// DataSchema is the CloudEvents dataschema of the type.
func (t Type) DataSchema() string {
	return "urn:ledgerline:" + t.Name + ":" + strconv.FormatUint(t.Schema, 10)
}

// factOn describes a reported fact that moves the state of its subject.
func factOn[D, S any, P interface {
	*D
	Data
	apply(*S)
}](name string) Type {
	t := fact[D, P](name)
	t.newState = func() any { return new(S) }
	t.apply = func(d Data, state any) any {
		next := *state.(*S)
		d.(P).apply(&next)
		return &next
	}
	return t
}

// NewData returns an empty data struct of the type, to decode into.
func (t Type) NewData() Data { return t.newData() }

// Stateful reports whether the type's subject has a state that it reads or moves.
func (t Type) Stateful() bool { return t.apply != nil }

// NewState returns the state of a subject to which nothing has happened, as a
// pointer to decode into; nil if the subject has none.
func (t Type) NewState() any {
	if t.newState == nil {
		return nil
	}
	return t.newState()
}

// Needs lists the subjects whose states Check reads beside the event's own.
func (t Type) Needs(d Data) []Subject {
	if t.needs == nil {
		return nil
	}
	return t.needs(d)
}

// Ruled reports whether Check may refuse the event: never a reported fact.
func (t Type) Ruled() bool { return t.check != nil }

// Check asks whether the event may happen; nil for reported facts. The error is
// a *Refusal.
func (t Type) Check(d Data, s States) error {
	if t.check == nil {
		return nil
	}
	return t.check(d, s)
}

// Apply folds the event into the state and returns the new state, leaving the
// old one as it was. Call it only if Stateful.
func (t Type) Apply(d Data, state any) any { return t.apply(d, state) }

// States gives a rule what it looks at beside the event's data.
type States struct {
	// Recorded is the time the event will bear in the ledger, Time when it
	// happened, as its producer claims.
	Recorded, Time Time
	// Imported marks an event from before the ledger. The order of its subject's
	// stages holds for it like for any other; who had to decide, consent and file,
	// which the law of its day said, is not asked of it.
	Imported bool
	// Of returns a pointer to the state of a subject, as Type.NewState makes it.
	Of func(Subject) any
	// Signer is the Ed25519 public key that signed the event, nil if none did. The
	// ledger has checked the signature.
	Signer []byte
}

// stateOf returns the state of a subject as its type; the zero state if nothing
// happened to it yet.
func stateOf[S any](s States, sub Subject) S {
	if p, ok := s.Of(sub).(*S); ok && p != nil {
		return *p
	}
	var zero S
	return zero
}

// Lookup finds a type by name.
func Lookup(name string) (Type, bool) {
	t, ok := types[name]
	return t, ok
}

// Types returns the vocabulary sorted by name.
func Types() []Type {
	return slices.SortedFunc(maps.Values(types), func(a, b Type) int {
		return strings.Compare(a.Name, b.Name)
	})
}

// types is the vocabulary. It is a constant table: nothing is added at run time.
var types = index(ledgerTypes, payloadTypes, readTypes, noteTypes, partyTypes, signerTypes, roleTypes, entryTypes, updateDutyTypes, resourceTypes, sourceTypes, regionSummaryTypes,
	needTypes, requestTypes, agreementTypes, provisionTypes, deliveryTypes, onwardTypes, recallTypes, usageTypes, disposalTypes,
	accessTypes, batchTypes, anomalyTypes, qualityTypes, issueTypes, correctionTypes, lineageTypes, edgeTypes,
	disputeTypes, inspectionTypes, rectificationTypes, oversightTypes, incidentTypes, entrustmentTypes, rightsTypes, referenceTypes)

func index(lists ...[]Type) map[string]Type {
	m := make(map[string]Type)
	for _, list := range lists {
		for _, t := range list {
			if _, dup := m[t.Name]; dup {
				panic("events: type named twice: " + t.Name)
			}
			m[t.Name] = t
		}
	}
	return m
}

// StateOf returns an empty state for subjects of a kind, to decode a stored
// state into; nil if the kind has none.
func StateOf(kind string) any {
	if f := states[kind]; f != nil {
		return f()
	}
	return nil
}

// states makes the empty state of each kind of subject that has one.
var states = map[string]func() any{
	KindParty:         func() any { return new(Party) },
	KindSigners:       func() any { return new(Signers) },
	KindEntry:         func() any { return new(Entry) },
	KindUpdateDuty:    func() any { return new(UpdateDuty) },
	KindResource:      func() any { return new(AttachedResource) },
	KindRequest:       func() any { return new(Request) },
	KindAgreement:     func() any { return new(Agreement) },
	KindOnward:        func() any { return new(Onward) },
	KindRecall:        func() any { return new(Recall) },
	KindDisposal:      func() any { return new(Disposal) },
	KindQualityRule:   func() any { return new(QualityRule) },
	KindIssue:         func() any { return new(Issue) },
	KindEdge:          func() any { return new(Edge) },
	KindDispute:       func() any { return new(Dispute) },
	KindInspection:    func() any { return new(Inspection) },
	KindRectification: func() any { return new(Rectification) },
	KindComplaint:     func() any { return new(Complaint) },
	KindIncident:      func() any { return new(Incident) },
	KindEntrustment:   func() any { return new(Entrustment) },
	KindPayload:       func() any { return new(Payload) },
	KindRightsRequest: func() any { return new(RightsRequest) },
	KindRulePack:      func() any { return new(Reference) },
	KindCalendar:      func() any { return new(Reference) },
	KindCodeSet:       func() any { return new(Reference) },
	KindRegionSummary: func() any { return new(RegionSummary) },
}

// Fold is the version of all apply functions and state structs together. A
// ledger whose stored states were folded by another version folds them anew from
// its records when it is opened.
const Fold = 2
