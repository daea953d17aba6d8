package events

// KindRectification is the subject of an order to put something right by a day.
const KindRectification = "rectification"

// StageOrdered is the first stage of a rectification; reported, accepted and
// rejected follow.
const StageOrdered = "ordered"

var rectificationTypes = []Type{
	act[RectificationOrdered, Rectification]("oversight.rectification.ordered"),
	act[RectificationReported, Rectification]("oversight.rectification.reported"),
	act[RectificationAccepted, Rectification]("oversight.rectification.accepted"),
	act[RectificationRejected, Rectification]("oversight.rectification.rejected"),
}

var rectificationMoves = moves{
	"":            {"oversight.rectification.ordered"},
	StageOrdered:  {"oversight.rectification.reported", "oversight.rectification.rejected"},
	StageReported: {"oversight.rectification.accepted", "oversight.rectification.rejected"},
}

// Rectification is the state of an order.
//
//	(none) ──ordered──> ordered ──reported──> reported ──accepted──> accepted
//	ordered, reported ──rejected──> rejected     not done, or not well
//
// That the day has passed moves no state; an ordered one is overdue from then on.
type Rectification struct {
	Stage     string `json:"stage,omitzero"`
	By        string `json:"by,omitzero"`
	Party     string `json:"party,omitzero"`
	Agreement string `json:"agreement,omitzero"`
	Due       Time   `json:"due,omitzero"`
}

// RectificationOrdered orders a party to put something right.
type RectificationOrdered struct {
	Rectification string `json:"rectification"`
	// By is the competent department or the provider, Party who is ordered.
	By    string `json:"by"`
	Party string `json:"party"`
	// Agreement is what was broken, Violation the code of the rule, such as
	// cn809:40.3.
	Agreement string `json:"agreement,omitzero"`
	Violation string `json:"violation"`
	Due       Time   `json:"due"`
	// Facts are the positions of the records that show it.
	Facts []uint64 `json:"facts,omitzero"`
	// Demand is free text, kept as a facet.
	Demand string `json:"demand,omitzero"`
}

// RectificationReported says what the party did.
type RectificationReported struct {
	Rectification string `json:"rectification"`
	By            string `json:"by"`
	// Evidence is the digest of what shows it; Measures free text, kept as a facet.
	Evidence string `json:"evidence,omitzero"`
	Measures string `json:"measures,omitzero"`
}

// RectificationAccepted says that it is enough.
type RectificationAccepted struct {
	Rectification string `json:"rectification"`
	By            string `json:"by"`
}

// RectificationRejected says that it is not, or that nothing came.
type RectificationRejected struct {
	Rectification string `json:"rectification"`
	By            string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

func rectificationSubject(id string) Subject { return Subject{KindRectification, id} }

func (e *RectificationOrdered) Subject() Subject  { return rectificationSubject(e.Rectification) }
func (e *RectificationReported) Subject() Subject { return rectificationSubject(e.Rectification) }
func (e *RectificationAccepted) Subject() Subject { return rectificationSubject(e.Rectification) }
func (e *RectificationRejected) Subject() Subject { return rectificationSubject(e.Rectification) }

func (e *RectificationOrdered) names() []Name {
	out := parties(e.By, e.Party)
	if e.Agreement != "" {
		out = append(out, agreementName(e.Agreement))
	}
	return out
}
func (e *RectificationReported) names() []Name { return parties(e.By) }
func (e *RectificationAccepted) names() []Name { return parties(e.By) }
func (e *RectificationRejected) names() []Name { return parties(e.By) }

func (e *RectificationOrdered) facets() []facetField { return []facetField{{"demand", "", &e.Demand}} }
func (e *RectificationReported) facets() []facetField {
	return []facetField{{"measures", "", &e.Measures}}
}
func (e *RectificationRejected) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }

func (e *RectificationOrdered) needs() []Subject  { return partySubjects(e.By, e.Party) }
func (e *RectificationReported) needs() []Subject { return partySubjects(e.By) }
func (e *RectificationAccepted) needs() []Subject { return partySubjects(e.By) }
func (e *RectificationRejected) needs() []Subject { return partySubjects(e.By) }

func (e *RectificationOrdered) validate(c checker) {
	c.required("rectification", e.Rectification, MaxID)
	c.required("by", e.By, MaxID)
	c.required("party", e.Party, MaxID)
	c.text("agreement", e.Agreement, MaxID)
	c.required("violation", e.Violation, MaxCode)
	c.time("due", e.Due)
	c.facts("facts", e.Facts)
	c.text("demand", e.Demand, MaxText)
}

func (e *RectificationReported) validate(c checker) {
	c.required("rectification", e.Rectification, MaxID)
	c.required("by", e.By, MaxID)
	c.text("evidence", e.Evidence, MaxCode)
	c.requiredFacet("measures", e.Measures != "")
	c.text("measures", e.Measures, MaxText)
}

func (e *RectificationAccepted) validate(c checker) {
	c.required("rectification", e.Rectification, MaxID)
	c.required("by", e.By, MaxID)
}

func (e *RectificationRejected) validate(c checker) {
	c.required("rectification", e.Rectification, MaxID)
	c.required("by", e.By, MaxID)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

func (e *RectificationOrdered) check(s States) error {
	if err := rectificationMoves.by(s, "oversight.rectification.ordered", e.Subject(), stateOf[Rectification](s, e.Subject()).Stage, e.By); err != nil {
		return err
	}
	return registered(s, "/data/party", e.Party)
}

// next holds an event of a known order to its stages and to who may send it.
func (r *Rectification) next(s States, typ string, sub Subject, by, party string) error {
	if err := rectificationMoves.by(s, typ, sub, r.Stage, by); err != nil {
		return err
	}
	return only(s, "rectification.party", sub, r.Stage, by, party)
}

func (e *RectificationReported) check(s States) error {
	now := stateOf[Rectification](s, e.Subject())
	return now.next(s, "oversight.rectification.reported", e.Subject(), e.By, now.Party)
}

func (e *RectificationAccepted) check(s States) error {
	now := stateOf[Rectification](s, e.Subject())
	return now.next(s, "oversight.rectification.accepted", e.Subject(), e.By, now.By)
}

func (e *RectificationRejected) check(s States) error {
	now := stateOf[Rectification](s, e.Subject())
	return now.next(s, "oversight.rectification.rejected", e.Subject(), e.By, now.By)
}

func (e *RectificationOrdered) apply(r *Rectification) {
	*r = Rectification{StageOrdered, e.By, e.Party, e.Agreement, e.Due}
}
func (e *RectificationReported) apply(r *Rectification) { r.Stage = StageReported }
func (e *RectificationAccepted) apply(r *Rectification) { r.Stage = StageAccepted }
func (e *RectificationRejected) apply(r *Rectification) { r.Stage = StageRejected }
