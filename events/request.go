package events

// KindRequest is the subject of a request for data: one consumer asks one
// provider.
const KindRequest = "request"

// The stages of a request.
const (
	StageReceived            = "received"
	StageSupplementRequested = "supplement_requested"
	StageSupplemented        = "supplemented"
	StageGranted             = "granted"
	StagePartlyGranted       = "partially_granted"
	StageRefused             = "refused"
)

var (
	requestOutcomes = []string{StageGranted, StagePartlyGranted, StageRefused}
	refusalGrounds  = []string{"not_in_duty", "not_necessary", "scope_too_wide", "law_forbids", "security_unmet", "data_absent", "other"}
)

var requestTypes = []Type{
	act[RequestSubmitted, Request]("share.request.submitted"),
	act[RequestReceived, Request]("share.request.received"),
	act[SupplementRequested, Request]("share.request.supplement_requested"),
	act[RequestSupplemented, Request]("share.request.supplemented"),
	act[RequestExtended, Request]("share.request.extended"),
	act[RequestAnswered, Request]("share.request.answered"),
	act[RequestWithdrawn, Request]("share.request.withdrawn"),
}

// requestMoves hold to rule I-10: after one supplement there is only the answer.
var requestMoves = moves{
	"":                       {"share.request.submitted"},
	StageSubmitted:           {"share.request.received", "share.request.withdrawn"},
	StageReceived:            {"share.request.supplement_requested", "share.request.extended", "share.request.answered", "share.request.withdrawn"},
	StageSupplementRequested: {"share.request.supplemented", "share.request.withdrawn"},
	StageSupplemented:        {"share.request.extended", "share.request.answered", "share.request.withdrawn"},
	StageRefused:             {"share.request.answered"},
}

// Request is the state of a request.
//
//	(none) ──submitted──> submitted ──received──> received
//	received ──supplement_requested──> supplement_requested ──supplemented──> supplemented
//	received, supplemented ──extended──> as before, once
//	received, supplemented ──answered──> granted, partially_granted or refused
//	refused ──answered──> granted or partially_granted   if a dispute was settled so
//	submitted … supplemented ──withdrawn──> withdrawn
type Request struct {
	Stage    string       `json:"stage,omitzero"`
	Provider string       `json:"provider,omitzero"`
	Consumer string       `json:"consumer,omitzero"`
	Asked    []GrantState `json:"asked,omitzero"`
	Extended int          `json:"extended,omitzero"` // working days
	Granted  []GrantState `json:"granted,omitzero"`
}

// Ask is what is asked for of one entry.
type Ask struct {
	Entry        string   `json:"entry"`
	EntryVersion int      `json:"entry_version"`
	Items        []string `json:"items"`
}

// RequestSubmitted is a consumer asking a provider for data.
type RequestSubmitted struct {
	Request  string `json:"request"`
	Provider string `json:"provider"`
	Consumer string `json:"consumer"`
	// Asks say what is asked for, entry by entry.
	Asks []Ask `json:"asks"`
	// Purposes say for what, LegalBasis on what ground.
	Purposes   []string     `json:"purposes"`
	LegalBasis []LegalBasis `json:"legal_basis"`
	// Scenario is where the data is used and Necessity why less would not do; free
	// text, kept as facets.
	Scenario  string `json:"scenario,omitzero"`
	Necessity string `json:"necessity,omitzero"`
	Scope     Scope  `json:"scope,omitzero"`
	// Method is api, batch, file, database or verify_only.
	Method string `json:"method"`
	// Term is how long the data is wanted, [from, to).
	Term Period `json:"term"`
	// ApprovedBy is the key of the head of the consumer's sharing body.
	ApprovedBy string `json:"approved_by"`
	// CaseNo is the number of the business case.
	CaseNo string `json:"case_no,omitzero"`
}

// RequestReceived says that the provider has the request: its clock starts.
type RequestReceived struct {
	Request string `json:"request"`
	By      string `json:"by"`
}

// SupplementRequested asks the consumer for all that is missing, which may be
// done once.
type SupplementRequested struct {
	Request string `json:"request"`
	By      string `json:"by"`
	// Missing is the complete list; free text, kept as a facet.
	Missing []string `json:"missing,omitzero"`
}

// RequestSupplemented gives what was missing.
type RequestSupplemented struct {
	Request string `json:"request"`
	By      string `json:"by"`
	// Given says what; free text, kept as a facet.
	Given []string `json:"given,omitzero"`
}

// RequestExtended gives the provider more working days to answer.
type RequestExtended struct {
	Request string `json:"request"`
	By      string `json:"by"`
	Days    int    `json:"days"`
	// Authority is the competent department that consents, Consent its decision.
	Authority string `json:"authority"`
	Consent   string `json:"consent"`
	// ConsumerNotified is when the consumer was told.
	ConsumerNotified Time `json:"consumer_notified"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// RequestAnswered grants or refuses.
type RequestAnswered struct {
	Request string `json:"request"`
	By      string `json:"by"`
	// Outcome is granted, partially_granted or refused.
	Outcome string `json:"outcome"`
	// Grants are what is granted, and how it is masked; all that was asked if
	// granted without any, nothing if refused.
	Grants []Grant `json:"grants,omitzero"`
	// Ground is not_in_duty, not_necessary, scope_too_wide, law_forbids,
	// security_unmet, data_absent or other, where not all is granted.
	Ground string `json:"ground,omitzero"`
	// Basis is the instrument and article a refusal rests on.
	Basis string `json:"basis,omitzero"`
	// Reasons are due where not all is granted; free text, kept as a facet.
	Reasons []string `json:"reasons,omitzero"`
	// ApprovedBy is the key of the head of the provider's sharing body.
	ApprovedBy string `json:"approved_by"`
	// Dispute is the dispute whose outcome a refused request is answered anew by.
	Dispute string `json:"dispute,omitzero"`
}

// RequestWithdrawn takes a request back.
type RequestWithdrawn struct {
	Request string `json:"request"`
	By      string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

func requestSubject(id string) Subject { return Subject{KindRequest, id} }

func (e *RequestSubmitted) Subject() Subject    { return requestSubject(e.Request) }
func (e *RequestReceived) Subject() Subject     { return requestSubject(e.Request) }
func (e *SupplementRequested) Subject() Subject { return requestSubject(e.Request) }
func (e *RequestSupplemented) Subject() Subject { return requestSubject(e.Request) }
func (e *RequestExtended) Subject() Subject     { return requestSubject(e.Request) }
func (e *RequestAnswered) Subject() Subject     { return requestSubject(e.Request) }
func (e *RequestWithdrawn) Subject() Subject    { return requestSubject(e.Request) }

func (e *RequestSubmitted) names() []Name {
	out := parties(e.Provider, e.Consumer)
	for _, a := range e.Asks {
		out = append(out, entryName(a.Entry))
	}
	return out
}
func (e *RequestReceived) names() []Name     { return parties(e.By) }
func (e *SupplementRequested) names() []Name { return parties(e.By) }
func (e *RequestSupplemented) names() []Name { return parties(e.By) }
func (e *RequestExtended) names() []Name     { return parties(e.By, e.Authority) }
func (e *RequestAnswered) names() []Name {
	out := parties(e.By)
	for _, g := range e.Grants {
		out = append(out, entryName(g.Entry))
	}
	return out
}
func (e *RequestWithdrawn) names() []Name { return parties(e.By) }

func (e *RequestSubmitted) facets() []facetField {
	return []facetField{{"scenario", "", &e.Scenario}, {"necessity", "", &e.Necessity}}
}
func (e *SupplementRequested) facets() []facetField { return []facetField{{"missing", "", &e.Missing}} }
func (e *RequestSupplemented) facets() []facetField { return []facetField{{"given", "", &e.Given}} }
func (e *RequestExtended) facets() []facetField     { return []facetField{{"reason", "", &e.Reason}} }
func (e *RequestAnswered) facets() []facetField     { return []facetField{{"reasons", "", &e.Reasons}} }
func (e *RequestWithdrawn) facets() []facetField    { return []facetField{{"reason", "", &e.Reason}} }

func (e *RequestSubmitted) needs() []Subject {
	out := partySubjects(e.Provider, e.Consumer)
	for _, a := range e.Asks {
		out = append(out, entrySubject(a.Entry))
	}
	return out
}
func (e *RequestReceived) needs() []Subject     { return partySubjects(e.By) }
func (e *SupplementRequested) needs() []Subject { return partySubjects(e.By) }
func (e *RequestSupplemented) needs() []Subject { return partySubjects(e.By) }
func (e *RequestExtended) needs() []Subject     { return partySubjects(e.By, e.Authority) }
func (e *RequestAnswered) needs() []Subject {
	out := partySubjects(e.By)
	if e.Dispute != "" {
		out = append(out, Subject{KindDispute, e.Dispute})
	}
	return out
}
func (e *RequestWithdrawn) needs() []Subject { return partySubjects(e.By) }

func (e *RequestSubmitted) validate(c checker) {
	c.required("request", e.Request, MaxID)
	c.required("provider", e.Provider, MaxID)
	c.required("consumer", e.Consumer, MaxID)
	c.some("asks", len(e.Asks))
	seen := make(map[string]bool, len(e.Asks))
	for i, a := range e.Asks {
		at := c.at("asks", i)
		at.required("entry", a.Entry, MaxID)
		at.atLeast("entry_version", a.EntryVersion, 1)
		at.some("items", len(a.Items))
		at.distinct("items", a.Items, MaxID)
		if seen[a.Entry] {
			at.refuse("request.ask-unique", "entry", "two asks are of the entry "+quote(a.Entry), "ask for the items of an entry together")
		}
		seen[a.Entry] = true
	}
	c.some("purposes", len(e.Purposes))
	c.distinct("purposes", e.Purposes, MaxCode)
	c.bases("legal_basis", e.LegalBasis)
	c.requiredFacet("scenario", e.Scenario != "")
	c.text("scenario", e.Scenario, MaxText)
	c.requiredFacet("necessity", e.Necessity != "")
	c.text("necessity", e.Necessity, MaxText)
	c.scope("scope", e.Scope)
	c.oneOf("method", e.Method, methods)
	c.span("term", e.Term)
	c.required("approved_by", e.ApprovedBy, MaxID)
	c.text("case_no", e.CaseNo, MaxID)
}

func (e *RequestReceived) validate(c checker) {
	c.required("request", e.Request, MaxID)
	c.required("by", e.By, MaxID)
}

func (e *SupplementRequested) validate(c checker) {
	c.required("request", e.Request, MaxID)
	c.required("by", e.By, MaxID)
	c.requiredFacet("missing", len(e.Missing) > 0)
	c.texts("missing", e.Missing, MaxText)
}

func (e *RequestSupplemented) validate(c checker) {
	c.required("request", e.Request, MaxID)
	c.required("by", e.By, MaxID)
	c.requiredFacet("given", len(e.Given) > 0)
	c.texts("given", e.Given, MaxText)
}

func (e *RequestExtended) validate(c checker) {
	c.required("request", e.Request, MaxID)
	c.required("by", e.By, MaxID)
	c.atLeast("days", e.Days, 1)
	c.required("authority", e.Authority, MaxID)
	c.required("consent", e.Consent, MaxID)
	c.time("consumer_notified", e.ConsumerNotified)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

func (e *RequestAnswered) validate(c checker) {
	c.required("request", e.Request, MaxID)
	c.required("by", e.By, MaxID)
	c.oneOf("outcome", e.Outcome, requestOutcomes)
	for i := range e.Grants {
		e.Grants[i].validate(c.at("grants", i))
	}
	switch {
	case e.Outcome == StageRefused && len(e.Grants) > 0:
		c.refuse("request.grants-refused", "grants", "a refusal grants nothing", "leave the list out, or send partially_granted")
	case e.Outcome == StagePartlyGranted && len(e.Grants) == 0:
		c.some("grants", 0)
	}
	if e.Outcome != StageGranted { // rule I-11
		c.oneOf("ground", e.Ground, refusalGrounds)
		c.requiredFacet("reasons", len(e.Reasons) > 0)
	}
	c.optionOf("ground", e.Ground, refusalGrounds)
	c.text("basis", e.Basis, MaxName)
	c.texts("reasons", e.Reasons, MaxText)
	c.required("approved_by", e.ApprovedBy, MaxID)
	c.text("dispute", e.Dispute, MaxID)
}

func (e *RequestWithdrawn) validate(c checker) {
	c.required("request", e.Request, MaxID)
	c.required("by", e.By, MaxID)
	c.text("reason", e.Reason, MaxText)
}
