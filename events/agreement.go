package events

import "slices"

// KindAgreement is the subject of a grant: a provider gives a consumer items of
// entries, for purposes and a term.
const KindAgreement = "agreement"

// The states of an agreement.
const (
	StageActive     = "active"
	StageSuspended  = "suspended"
	StageTerminated = "terminated"
	StageExpired    = "expired"
	StageFulfilled  = "fulfilled"
)

// CauseBreach is the cause of a termination for breach of the agreement.
const CauseBreach = "breach"

// The values of AgreementActivated.Onward.
const (
	OnwardForbidden = "forbidden"
	OnwardListed    = "listed"
)

var onwardRules = []string{OnwardForbidden, OnwardListed}

var agreementTypes = []Type{
	act[AgreementActivated, Agreement]("share.agreement.activated"),
	act[AgreementAmended, Agreement]("share.agreement.amended"),
	act[AgreementSuspended, Agreement]("share.agreement.suspended"),
	act[AgreementResumed, Agreement]("share.agreement.resumed"),
	act[AgreementTerminated, Agreement]("share.agreement.terminated"),
	act[AgreementExpired, Agreement]("share.agreement.expired"),
	act[AgreementFulfilled, Agreement]("share.agreement.fulfilled"),
}

// Agreement is the state of an agreement.
//
//	(none) ──activated──> active ──suspended──> suspended ──resumed──> active
//	                        │  └──amended──> active, the next version
//	                        ├─────terminated, expired───> terminated, expired
//	                        └─────fulfilled──> fulfilled
//	suspended ──terminated, expired──> terminated, expired
//
// The end of the term alone moves no state: whether an agreement was in force at
// a moment is asked of its state then and of its term.
type Agreement struct {
	Stage    string       `json:"stage,omitzero"`
	Version  int          `json:"version,omitzero"`
	Provider string       `json:"provider,omitzero"`
	Consumer string       `json:"consumer,omitzero"`
	Grants   []GrantState `json:"grants,omitzero"`
	Purposes []string     `json:"purposes,omitzero"`
	Scope    Scope        `json:"scope,omitzero"`
	ValidTo  Time         `json:"valid_to,omitzero"`
	Onward   []string     `json:"onward,omitzero"` // parties that it may be passed on to
}

// GrantState is what is granted of one entry now.
type GrantState struct {
	Entry  string   `json:"entry"`
	Items  []string `json:"items"`
	Masked []string `json:"masked,omitzero"` // items that are obscured
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
		if g.Items = items; len(items) > 0 {
			left = append(left, g)
		}
	}
	return left
}

// AgreementActivated is the provider's grant taking effect.
type AgreementActivated struct {
	Agreement string `json:"agreement"`
	// Request is the request that was granted. An agreement that rests on a mandate,
	// or is from before the ledger, has none.
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
	// Contract is the digest of the document that both signed, which stays with them.
	Contract string `json:"contract,omitzero"`
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
	// ConsultRef is the consultation of the consumer and FilingRef the filing with
	// the competent department. They are required if the provider ends the agreement.
	ConsultRef string `json:"consult_ref,omitzero"`
	FilingRef  string `json:"filing_ref,omitzero"`
	// Rectification is the order that was refused or failed, if the cause is breach.
	Rectification string `json:"rectification,omitzero"`
}

func agreementSubject(id string) Subject { return Subject{KindAgreement, id} }

func (e *AgreementActivated) Subject() Subject  { return agreementSubject(e.Agreement) }
func (e *AgreementSuspended) Subject() Subject  { return agreementSubject(e.Agreement) }
func (e *AgreementResumed) Subject() Subject    { return agreementSubject(e.Agreement) }
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
	if e.Request != "" {
		out = append(out, requestSubject(e.Request))
	}
	for _, g := range e.Grants {
		out = append(out, entrySubject(g.Entry))
	}
	return out
}

func (e *AgreementSuspended) needs() []Subject { return partySubjects(e.By) }
func (e *AgreementResumed) needs() []Subject   { return partySubjects(e.By) }
func (e *AgreementTerminated) needs() []Subject {
	out := partySubjects(e.By)
	if e.Rectification != "" {
		out = append(out, rectificationSubject(e.Rectification))
	}
	return out
}

func (e *AgreementActivated) validate(c checker) {
	c.required("agreement", e.Agreement, MaxID)
	c.text("request", e.Request, MaxID)
	c.required("provider", e.Provider, MaxID)
	c.required("consumer", e.Consumer, MaxID)
	c.grants("grants", e.Grants)
	c.some("purposes", len(e.Purposes))
	c.distinct("purposes", e.Purposes, MaxCode)
	c.scope("scope", e.Scope)
	c.oneOf("method", e.Method, methods)
	c.time("valid_from", e.ValidFrom)
	c.time("valid_to", e.ValidTo)
	c.before("valid_to", e.ValidFrom, e.ValidTo)
	c.optionalTime("review_date", e.ReviewDate)
	c.onward(e.Onward, e.OnwardTo)
	c.text("disposal", e.Disposal, MaxName)
	c.bases("legal_basis", e.LegalBasis)
	c.text("approved_by", e.ApprovedBy, MaxID)
	c.text("contract", e.Contract, MaxCode)
}

// onward holds what is said about passing data on.
func (c checker) onward(rule string, to []string) {
	c.oneOf("onward", rule, onwardRules)
	if (rule == OnwardListed) != (len(to) > 0) {
		c.refuse("agreement.onward-to", "onward_to", "parties to pass on to are given exactly if onward is listed",
			"list the parties, or send onward forbidden and no list")
	}
	c.distinct("onward_to", to, MaxID)
}

// grants holds a list of grants, of which each is of another entry.
func (c checker) grants(field string, grants []Grant) {
	c.some(field, len(grants))
	seen := make(map[string]bool, len(grants))
	for i := range grants {
		at := c.at(field, i)
		grants[i].validate(at)
		if id := grants[i].Entry; seen[id] {
			at.refuse("agreement.grant-unique", "entry", "two grants are of the entry "+quote(id), "grant the items of an entry together")
		} else {
			seen[id] = true
		}
	}
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
	c.text("consult_ref", e.ConsultRef, MaxID)
	c.text("filing_ref", e.FilingRef, MaxID)
	c.text("rectification", e.Rectification, MaxID)
	if e.Cause == CauseBreach {
		c.required("rectification", e.Rectification, MaxID)
	}
}
