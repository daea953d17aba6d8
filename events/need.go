package events

// KindNeed is the subject of a need for data that no catalog entry has.
const KindNeed = "need"

var needTypes = []Type{fact[NeedAnnounced]("share.need.announced")}

// NeedAnnounced says that a party needs data which it finds in no catalog. Whose it is
// then has to say whether there is such data, and to catalog it: by when is for a rule
// pack to tell, since laws differ.
type NeedAnnounced struct {
	Need string `json:"need"`
	// By needs the data; To is who may have it, or the competent department.
	By string `json:"by"`
	To string `json:"to"`
	// Title says what data in a few words, Items what of it.
	Title string   `json:"title"`
	Items []string `json:"items,omitzero"`
	// Purposes say for what, LegalBasis on what ground.
	Purposes   []string     `json:"purposes"`
	LegalBasis []LegalBasis `json:"legal_basis"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

func (e *NeedAnnounced) Subject() Subject { return Subject{KindNeed, e.Need} }
func (e *NeedAnnounced) names() []Name    { return parties(e.By, e.To) }

func (e *NeedAnnounced) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }

func (e *NeedAnnounced) validate(c checker) {
	c.required("need", e.Need, MaxID)
	c.required("by", e.By, MaxID)
	c.required("to", e.To, MaxID)
	c.required("title", e.Title, MaxName)
	c.distinct("items", e.Items, MaxName)
	c.some("purposes", len(e.Purposes))
	c.distinct("purposes", e.Purposes, MaxCode)
	c.bases("legal_basis", e.LegalBasis)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}
