package events

// KindProvision is the subject of a provision: the way in which a provider makes
// an agreement's data available.
const KindProvision = "provision"

// Provisions are reported facts: that one came late, changed without notice or
// stopped is what the ledger has to show, not to prevent.
var provisionTypes = []Type{
	fact[ProvisionAvailable]("share.provision.made_available"),
	fact[ProvisionChanged]("share.provision.changed"),
	fact[ProvisionInterrupted]("share.provision.interrupted"),
	fact[ProvisionRestored]("share.provision.restored"),
}

// ProvisionAvailable says that what an agreement grants can be had.
type ProvisionAvailable struct {
	Provision string `json:"provision"`
	Agreement string `json:"agreement"`
	// By is the provider, or who provides for it.
	By string `json:"by"`
	// Method is api, batch, file, database or verify_only.
	Method string `json:"method"`
	// Resource is the attached resource it comes from.
	Resource string `json:"resource,omitzero"`
	// FirstAvailable is from when it could be had.
	FirstAvailable Time `json:"first_available"`
	// Channel is the platform or exchange system used, Credential the fingerprint
	// of the key that was issued.
	Channel    string `json:"channel,omitzero"`
	Credential string `json:"credential,omitzero"`
}

// ProvisionChanged says that the provision is another than before.
type ProvisionChanged struct {
	Provision string `json:"provision"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	// Cause is a code; Change says what is other now, free text kept as a facet.
	Cause  string `json:"cause"`
	Change string `json:"change,omitzero"`
	// ConsultRef and FilingRef are the consultation of the consumer and the filing
	// with the competent department before a lasting change.
	ConsultRef string `json:"consult_ref,omitzero"`
	FilingRef  string `json:"filing_ref,omitzero"`
}

// ProvisionInterrupted says that the data cannot be had for now.
type ProvisionInterrupted struct {
	Provision string `json:"provision"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	Cause     string `json:"cause"`
	// ExpectedBack is until when it is thought to last.
	ExpectedBack Time `json:"expected_back,omitzero"`
	// FilingRef is the filing of an interruption that lasts.
	FilingRef string `json:"filing_ref,omitzero"`
}

// ProvisionRestored ends an interruption.
type ProvisionRestored struct {
	Provision string `json:"provision"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	// Cause is a code of what ended it.
	Cause string `json:"cause,omitzero"`
}

func (e *ProvisionAvailable) Subject() Subject   { return Subject{KindProvision, e.Provision} }
func (e *ProvisionChanged) Subject() Subject     { return Subject{KindProvision, e.Provision} }
func (e *ProvisionInterrupted) Subject() Subject { return Subject{KindProvision, e.Provision} }
func (e *ProvisionRestored) Subject() Subject    { return Subject{KindProvision, e.Provision} }

func (e *ProvisionAvailable) names() []Name {
	return append(parties(e.By), agreementName(e.Agreement))
}
func (e *ProvisionChanged) names() []Name {
	return append(parties(e.By), agreementName(e.Agreement))
}
func (e *ProvisionInterrupted) names() []Name {
	return append(parties(e.By), agreementName(e.Agreement))
}
func (e *ProvisionRestored) names() []Name {
	return append(parties(e.By), agreementName(e.Agreement))
}

func (e *ProvisionChanged) facets() []facetField { return []facetField{{"change", "", &e.Change}} }

// under holds what the events under an agreement have in common.
func (c checker) under(field, id, agreement, by string) {
	c.required(field, id, MaxID)
	c.required("agreement", agreement, MaxID)
	c.required("by", by, MaxID)
}

func (e *ProvisionAvailable) validate(c checker) {
	c.under("provision", e.Provision, e.Agreement, e.By)
	c.oneOf("method", e.Method, methods)
	c.text("resource", e.Resource, MaxID)
	c.time("first_available", e.FirstAvailable)
	c.text("channel", e.Channel, MaxName)
	c.text("credential", e.Credential, MaxCode)
}

func (e *ProvisionChanged) validate(c checker) {
	c.under("provision", e.Provision, e.Agreement, e.By)
	c.required("cause", e.Cause, MaxCode)
	c.text("change", e.Change, MaxText)
	c.text("consult_ref", e.ConsultRef, MaxID)
	c.text("filing_ref", e.FilingRef, MaxID)
}

func (e *ProvisionInterrupted) validate(c checker) {
	c.under("provision", e.Provision, e.Agreement, e.By)
	c.required("cause", e.Cause, MaxCode)
	c.optionalTime("expected_back", e.ExpectedBack)
	c.text("filing_ref", e.FilingRef, MaxID)
}

func (e *ProvisionRestored) validate(c checker) {
	c.under("provision", e.Provision, e.Agreement, e.By)
	c.text("cause", e.Cause, MaxCode)
}
