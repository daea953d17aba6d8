package events

// KindAnomaly is the subject of something unusual in how data is called for.
const KindAnomaly = "anomaly"

var anomalyTypes = []Type{fact[AnomalyFlagged]("access.anomaly.flagged")}

// AnomalyFlagged says that calls were unusual: in volume, at what hour, by which columns,
// about whom. That is a suspicion, and no broken rule: what breaks a rule is found by the
// views themselves.
type AnomalyFlagged struct {
	Anomaly string `json:"anomaly"`
	By      string `json:"by"`
	// Rule is the code of what was looked for.
	Rule string `json:"rule"`
	// Provider and Consumer, Agreement, Entry and Credential say whose calls, as far as
	// that is known.
	Provider   string `json:"provider"`
	Consumer   string `json:"consumer,omitzero"`
	Agreement  string `json:"agreement,omitzero"`
	Entry      string `json:"entry,omitzero"`
	Credential string `json:"credential,omitzero"`
	Period     Period `json:"period"`
	// Facts are the positions of the records that show it.
	Facts []uint64 `json:"facts"`
	// Severity is blocking, major or minor.
	Severity string `json:"severity"`
	// Description is free text, kept as a facet.
	Description string `json:"description,omitzero"`
}

func (e *AnomalyFlagged) Subject() Subject { return Subject{KindAnomaly, e.Anomaly} }
func (e *AnomalyFlagged) names() []Name {
	return accessNames(parties(e.By, e.Provider, e.Consumer), e.Agreement, e.Entry, DatasetRef{})
}

func (e *AnomalyFlagged) facets() []facetField {
	return []facetField{{"description", "", &e.Description}}
}

func (e *AnomalyFlagged) validate(c checker) {
	c.required("anomaly", e.Anomaly, MaxID)
	c.required("by", e.By, MaxID)
	c.required("rule", e.Rule, MaxCode)
	c.required("provider", e.Provider, MaxID)
	c.text("consumer", e.Consumer, MaxID)
	c.text("agreement", e.Agreement, MaxID)
	c.text("entry", e.Entry, MaxID)
	c.text("credential", e.Credential, MaxCode)
	c.span("period", e.Period)
	c.some("facts", len(e.Facts))
	c.facts("facts", e.Facts)
	c.oneOf("severity", e.Severity, severity)
	c.text("description", e.Description, MaxText)
}
