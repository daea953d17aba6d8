package events

import (
	"fmt"
	"slices"
)

// KindAgreement is the subject of a grant: a provider gives a consumer items of
// entries, for purposes and a term.
const KindAgreement = "agreement"

// The states of an agreement.
const (
	StageActive     = "active"
	StageSuspended  = "suspended"
	StageTerminated = "terminated"
)

// The values of AgreementActivated.Onward.
const (
	OnwardForbidden = "forbidden"
	OnwardListed    = "listed"
)

var onwardRules = []string{OnwardForbidden, OnwardListed}

var agreementTypes = []Type{
	act[AgreementActivated, Agreement]("share.agreement.activated"),
	act[AgreementSuspended, Agreement]("share.agreement.suspended"),
	act[AgreementResumed, Agreement]("share.agreement.resumed"),
	act[AgreementTerminated, Agreement]("share.agreement.terminated"),
}

// Agreement is the state of an agreement.
//
//	(none) ──activated──> active ──suspended──> suspended ──resumed──> active
//	                        │                     │
//	                        └─────terminated──────┴──> terminated
//
// The end of the term moves no state: whether an agreement was in force at a
// moment is asked of its state then and of its term.
type Agreement struct {
	Stage    string       `json:"stage,omitzero"`
	Provider string       `json:"provider,omitzero"`
	Consumer string       `json:"consumer,omitzero"`
	Grants   []GrantState `json:"grants,omitzero"`
}

// GrantState is what is granted of one entry now.
type GrantState struct {
	Entry string   `json:"entry"`
	Items []string `json:"items"`
}

func (s *Agreement) stage() string {
	if s.Stage == "" {
		return "unknown"
	}
	return s.Stage
}

// grants tells whether the item is granted now.
func (s *Agreement) grants(ref ItemRef) bool {
	return slices.ContainsFunc(s.Grants, func(g GrantState) bool {
		return g.Entry == ref.Entry && slices.Contains(g.Items, ref.Item)
	})
}

// without returns the grants less some items, leaving out grants that are then
// empty. The grants it is called on stay as they were.
func (s *Agreement) without(refs []ItemRef) []GrantState {
	var left []GrantState
	for _, g := range s.Grants {
		var items []string
		for _, id := range g.Items {
			if !slices.Contains(refs, ItemRef{g.Entry, id}) {
				items = append(items, id)
			}
		}
		if len(items) > 0 {
			left = append(left, GrantState{g.Entry, items})
		}
	}
	return left
}

// AgreementActivated is the provider's grant taking effect.
type AgreementActivated struct {
	Agreement string `json:"agreement"`
	// Request is the request that was granted.
	Request  string `json:"request,omitzero"`
	Provider string `json:"provider"`
	Consumer string `json:"consumer"`
	// Grants say what may be had, entry by entry.
	Grants   []Grant  `json:"grants"`
	Purposes []string `json:"purposes"`
	// Scope narrows what rows may be had.
	Scope Scope `json:"scope,omitzero"`
	// Method is api, batch, file, database or verify_only.
	Method string `json:"method"`
	// ValidFrom and ValidTo are the term, [from, to).
	ValidFrom Time `json:"valid_from"`
	ValidTo   Time `json:"valid_to"`
	// ReviewDate is when the grant has to be looked at again.
	ReviewDate Time `json:"review_date,omitzero"`
	// Onward says whether the consumer may pass the data on: forbidden, or listed
	// to the parties in OnwardTo.
	Onward   string   `json:"onward"`
	OnwardTo []string `json:"onward_to,omitzero"`
	// Disposal says what happens to the data at the end of the term.
	Disposal string `json:"disposal,omitzero"`
	// LegalBasis is what the grant rests on; at least one.
	LegalBasis []LegalBasis `json:"legal_basis"`
	// ApprovedBy is the pseudonymous key of the person who approved.
	ApprovedBy string `json:"approved_by,omitzero"`
}

// Grant is what may be had of one entry.
type Grant struct {
	Entry string `json:"entry"`
	// EntryVersion is the version whose items are granted: one that is or was in
	// force.
	EntryVersion int      `json:"entry_version"`
	Items        []string `json:"items"`
	// Masking says how an item is obscured before delivery, by item id.
	Masking map[string]string `json:"masking,omitzero"`
}

// Scope narrows a grant to some of an entry's rows.
type Scope struct {
	Region     string `json:"region,omitzero"`
	Population string `json:"population,omitzero"`
	// Filters are conditions as the provider's system writes them.
	Filters []string `json:"filters,omitzero"`
}

// LegalBasis is an instrument, the article relied on, and its kind as in the
// Data Privacy Vocabulary (such as OfficialAuthorityOfController).
type LegalBasis struct {
	Instrument string `json:"instrument"`
	Article    string `json:"article,omitzero"`
	Kind       string `json:"kind,omitzero"`
}

// ItemRef is an item of an entry.
type ItemRef struct {
	Entry string `json:"entry"`
	Item  string `json:"item"`
}

// AgreementSuspended stops an agreement for a time: calls made under it are out
// of order until it is resumed.
type AgreementSuspended struct {
	Agreement string `json:"agreement"`
	// By is the party that suspends, the provider or an authority.
	By string `json:"by"`
	// Cause is a code for why.
	Cause string `json:"cause"`
	// Finding refers to what was found.
	Finding string `json:"finding,omitzero"`
}

// AgreementResumed lets a suspended agreement go on, perhaps with less.
type AgreementResumed struct {
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	Cause     string `json:"cause,omitzero"`
	// ItemsRemoved are granted no more from here on.
	ItemsRemoved []ItemRef `json:"items_removed,omitzero"`
}

// AgreementTerminated ends an agreement for good.
type AgreementTerminated struct {
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	Cause     string `json:"cause"`
	// FilingRef is the filing with the competent department. It is required if the
	// provider ends the agreement.
	FilingRef string `json:"filing_ref,omitzero"`
}

func agreementSubject(id string) Subject { return Subject{KindAgreement, id} }

// Subject is the agreement.
func (e *AgreementActivated) Subject() Subject { return agreementSubject(e.Agreement) }

// Subject is the agreement.
func (e *AgreementSuspended) Subject() Subject { return agreementSubject(e.Agreement) }

// Subject is the agreement.
func (e *AgreementResumed) Subject() Subject { return agreementSubject(e.Agreement) }

// Subject is the agreement.
func (e *AgreementTerminated) Subject() Subject { return agreementSubject(e.Agreement) }

func (e *AgreementActivated) names() []Name {
	out := append([]Name{agreementName(e.Agreement)}, parties(e.Provider, e.Consumer)...)
	for _, g := range e.Grants {
		out = append(out, entryName(g.Entry))
	}
	return append(out, parties(e.OnwardTo...)...)
}

func (e *AgreementSuspended) names() []Name {
	return append(parties(e.By), agreementName(e.Agreement))
}

func (e *AgreementResumed) names() []Name {
	out := append(parties(e.By), agreementName(e.Agreement))
	for _, ref := range e.ItemsRemoved {
		out = append(out, entryName(ref.Entry))
	}
	return out
}

func (e *AgreementTerminated) names() []Name {
	return append(parties(e.By), agreementName(e.Agreement))
}

func (e *AgreementActivated) needs() []Subject {
	out := partySubjects(append([]string{e.Provider, e.Consumer}, e.OnwardTo...)...)
	for _, g := range e.Grants {
		out = append(out, entrySubject(g.Entry))
	}
	return out
}

func (e *AgreementSuspended) needs() []Subject  { return partySubjects(e.By) }
func (e *AgreementResumed) needs() []Subject    { return partySubjects(e.By) }
func (e *AgreementTerminated) needs() []Subject { return partySubjects(e.By) }

func (e *AgreementActivated) validate(c checker) {
	c.required("agreement", e.Agreement, MaxID)
	c.text("request", e.Request, MaxID)
	c.required("provider", e.Provider, MaxID)
	c.required("consumer", e.Consumer, MaxID)
	c.some("grants", len(e.Grants))
	seen := make(map[string]bool, len(e.Grants))
	for i := range e.Grants {
		at := c.at("grants", i)
		e.Grants[i].validate(at)
		if id := e.Grants[i].Entry; seen[id] {
			at.refuse("agreement.grant-unique", "entry", "two grants are of the entry "+quote(id), "grant the items of an entry together")
		} else {
			seen[id] = true
		}
	}
	c.some("purposes", len(e.Purposes))
	c.distinct("purposes", e.Purposes, MaxCode)
	c.text("scope/region", e.Scope.Region, MaxCode)
	c.text("scope/population", e.Scope.Population, MaxName)
	c.texts("scope/filters", e.Scope.Filters, MaxName)
	c.oneOf("method", e.Method, methods)
	c.time("valid_from", e.ValidFrom)
	c.time("valid_to", e.ValidTo)
	c.before("valid_to", e.ValidFrom, e.ValidTo)
	c.optionalTime("review_date", e.ReviewDate)
	c.oneOf("onward", e.Onward, onwardRules)
	if (e.Onward == OnwardListed) != (len(e.OnwardTo) > 0) {
		c.refuse("agreement.onward-to", "onward_to", "parties to pass on to are given exactly if onward is listed",
			"list the parties, or send onward forbidden and no list")
	}
	c.distinct("onward_to", e.OnwardTo, MaxID)
	c.text("disposal", e.Disposal, MaxName)
	c.some("legal_basis", len(e.LegalBasis))
	for i, b := range e.LegalBasis {
		at := c.at("legal_basis", i)
		at.required("instrument", b.Instrument, MaxName)
		at.text("article", b.Article, MaxCode)
		at.text("kind", b.Kind, MaxCode)
	}
	c.text("approved_by", e.ApprovedBy, MaxID)
}

func (g *Grant) validate(c checker) {
	c.required("entry", g.Entry, MaxID)
	c.atLeast("entry_version", g.EntryVersion, 1)
	c.some("items", len(g.Items))
	c.distinct("items", g.Items, MaxID)
	for _, item := range sortedKeys(g.Masking) {
		c.text(key("masking", item), item, MaxID)
		c.required(key("masking", item), g.Masking[item], MaxCode)
		if !slices.Contains(g.Items, item) {
			c.refuse("agreement.masking-item", key("masking", item), quote(item)+" is not among the granted items", "mask granted items only")
		}
	}
}

func (e *AgreementSuspended) validate(c checker) {
	c.required("agreement", e.Agreement, MaxID)
	c.required("by", e.By, MaxID)
	c.required("cause", e.Cause, MaxCode)
	c.text("finding", e.Finding, MaxID)
}

func (e *AgreementResumed) validate(c checker) {
	c.required("agreement", e.Agreement, MaxID)
	c.required("by", e.By, MaxID)
	c.text("cause", e.Cause, MaxCode)
	for i, ref := range e.ItemsRemoved {
		at := c.at("items_removed", i)
		at.required("entry", ref.Entry, MaxID)
		at.required("item", ref.Item, MaxID)
	}
}

func (e *AgreementTerminated) validate(c checker) {
	c.required("agreement", e.Agreement, MaxID)
	c.required("by", e.By, MaxID)
	c.required("cause", e.Cause, MaxCode)
	c.text("filing_ref", e.FilingRef, MaxID)
}

func (e *AgreementActivated) check(s States) error {
	if now := stateOf[Agreement](s, e.Subject()); now.Stage != "" {
		return illegal("agreement.activated-once", e.Subject(), now.stage(), "the agreement already exists", "activate a new agreement under another id")
	}
	if err := registered(s, "/data/provider", e.Provider); err != nil {
		return err
	}
	if err := registered(s, "/data/consumer", e.Consumer); err != nil {
		return err
	}
	for i, id := range e.OnwardTo {
		if err := registered(s, fmt.Sprintf("/data/onward_to/%d", i), id); err != nil {
			return err
		}
	}
	for i := range e.Grants {
		if err := e.Grants[i].check(s, fmt.Sprintf("/data/grants/%d", i)); err != nil {
			return err
		}
	}
	return nil
}

// check holds a grant to the entry it is of: the version is or was in force
// (rule I-08), the items are items of that version (I-12), and neither the
// entry nor an item is kept from sharing.
func (g *Grant) check(s States, at string) error {
	sub := entrySubject(g.Entry)
	entry := stateOf[Entry](s, sub)
	refuse := func(rule, field, detail, fix string, args ...any) error {
		r := illegal(rule, sub, entry.stage(), detail, fix, args...)
		r.Field = at + field
		return r
	}
	if entry.Published == 0 {
		return refuse("agreement.entry-published", "/entry", "no version of the entry is in force", "publish the entry first, or grant another")
	}
	v, ok := entry.version(g.EntryVersion)
	if !ok || !v.Published {
		return refuse("agreement.entry-published", "/entry_version", fmt.Sprintf("version %d was never published", g.EntryVersion),
			"send version %d, which is in force", entry.Published)
	}
	if v.Sharing == SharingNotShared {
		return refuse("agreement.not-shared", "/entry", "the entry is not shared", "grant another entry, such as one that only verifies")
	}
	for i, id := range g.Items {
		field := fmt.Sprintf("/items/%d", i)
		if !slices.Contains(v.Items, id) {
			return refuse("agreement.items-in-entry", field, fmt.Sprintf("%s is not an item of version %d", quote(id), v.Version), "choose among %s", list(v.Items))
		}
		if slices.Contains(v.NotShared, id) {
			return refuse("agreement.not-shared", field, "the item "+quote(id)+" is not shared", "leave the item out")
		}
	}
	return nil
}

func (e *AgreementSuspended) check(s States) error {
	if now := stateOf[Agreement](s, e.Subject()); now.Stage != StageActive {
		return illegal("agreement.active", e.Subject(), now.stage(), "the agreement is not active", "only an active agreement can be suspended")
	}
	return registered(s, "/data/by", e.By)
}

func (e *AgreementResumed) check(s States) error {
	now := stateOf[Agreement](s, e.Subject())
	if now.Stage != StageSuspended {
		return illegal("agreement.suspended", e.Subject(), now.stage(), "the agreement is not suspended", "only a suspended agreement can be resumed")
	}
	for i, ref := range e.ItemsRemoved {
		if !now.grants(ref) {
			r := illegal("agreement.items-granted", e.Subject(), now.stage(), fmt.Sprintf("the item %s of %s is not granted", quote(ref.Item), quote(ref.Entry)), "remove granted items only")
			r.Field = fmt.Sprintf("/data/items_removed/%d", i)
			return r
		}
	}
	if len(now.without(e.ItemsRemoved)) == 0 {
		r := illegal("agreement.items-left", e.Subject(), now.stage(), "no granted item would be left", "terminate the agreement instead")
		r.Field = "/data/items_removed"
		return r
	}
	return registered(s, "/data/by", e.By)
}

func (e *AgreementTerminated) check(s States) error {
	now := stateOf[Agreement](s, e.Subject())
	if now.Stage != StageActive && now.Stage != StageSuspended {
		return illegal("agreement.running", e.Subject(), now.stage(), "the agreement is not running", "only an active or suspended agreement can be terminated")
	}
	if e.By == now.Provider && e.FilingRef == "" {
		r := illegal("agreement.filing-ref", e.Subject(), now.stage(), "a provider that ends an agreement files it with the competent department first",
			"send the reference of the filing")
		r.Field = "/data/filing_ref"
		return r
	}
	return registered(s, "/data/by", e.By)
}

func (e *AgreementActivated) apply(s *Agreement) {
	s.Stage, s.Provider, s.Consumer, s.Grants = StageActive, e.Provider, e.Consumer, nil
	for _, g := range e.Grants {
		s.Grants = append(s.Grants, GrantState{g.Entry, slices.Clone(g.Items)})
	}
}

func (e *AgreementSuspended) apply(s *Agreement) { s.Stage = StageSuspended }

func (e *AgreementResumed) apply(s *Agreement) {
	s.Stage, s.Grants = StageActive, s.without(e.ItemsRemoved)
}

func (e *AgreementTerminated) apply(s *Agreement) { s.Stage = StageTerminated }
