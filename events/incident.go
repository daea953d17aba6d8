package events

// KindIncident is the subject of a security incident, and KindEntrustment of
// work that a party has another one do for it.
const (
	KindIncident    = "incident"
	KindEntrustment = "entrustment"
)

// The stages of an incident and of an entrustment; reported and closed follow.
const (
	StageDetected  = "detected"
	StageContained = "contained"
	StageEnded     = "ended"
)

var incidentKinds = []string{"tamper", "destroy", "leak", "misuse"}

var incidentTypes = []Type{
	factOn[IncidentDetected, Incident]("security.incident.detected"),
	act[IncidentContained, Incident]("security.incident.contained"),
	act[IncidentReported, Incident]("security.incident.reported"),
	act[IncidentClosed, Incident]("security.incident.closed"),
}

var entrustmentTypes = []Type{
	act[EntrustmentApproved, Entrustment]("security.entrustment.approved"),
	act[EntrustmentEnded, Entrustment]("security.entrustment.ended"),
}

// incidentMoves leave out the detection, which is accepted always.
var incidentMoves = moves{
	StageDetected:  {"security.incident.contained", "security.incident.reported"},
	StageContained: {"security.incident.reported"},
	StageReported:  {"security.incident.contained", "security.incident.closed"},
}

var entrustmentMoves = moves{
	"":             {"security.entrustment.approved"},
	StageEntrusted: {"security.entrustment.ended"},
}

// StageEntrusted is the stage of an entrustment that goes on.
const StageEntrusted = "approved"

// Incident is the state of a security incident.
//
//	(none) ──detected──> detected ──contained──> contained ──reported──> reported ──closed──> closed
//	detected ──reported──> reported ──contained──> reported
//
// Detection is a fact: a further one adds and moves nothing. An incident is
// closed once it was both contained and reported.
type Incident struct {
	Stage     string `json:"stage,omitzero"`
	By        string `json:"by,omitzero"`
	Contained bool   `json:"contained,omitzero"`
}

// Entrustment is the state of an entrustment.
//
//	(none) ──approved──> approved ──ended──> ended
type Entrustment struct {
	Stage     string `json:"stage,omitzero"`
	Principal string `json:"principal,omitzero"`
}

// IncidentDetected says that something happened to data.
type IncidentDetected struct {
	Incident string `json:"incident"`
	By       string `json:"by"`
	// Kind is tamper, destroy, leak or misuse.
	Kind string `json:"kind"`
	// Happened bounds when, as far as is known, [from, to).
	Happened Period `json:"happened,omitzero"`
	// Agreements, Items and Datasets are those affected.
	Agreements []string     `json:"agreements,omitzero"`
	Items      []ItemRef    `json:"items,omitzero"`
	Datasets   []DatasetRef `json:"datasets,omitzero"`
	// Credential is the fingerprint of the key that was used, if one was.
	Credential string `json:"credential,omitzero"`
	// Rows and Subjects say how much, as far as is known.
	Rows     int `json:"rows,omitzero"`
	Subjects int `json:"subjects,omitzero"`
	// Description is free text, kept as a facet.
	Description string `json:"description,omitzero"`
}

// IncidentContained says that it goes no further.
type IncidentContained struct {
	Incident string `json:"incident"`
	By       string `json:"by"`
	// Measures is free text, kept as a facet.
	Measures string `json:"measures,omitzero"`
}

// IncidentReported says who was told.
type IncidentReported struct {
	Incident string `json:"incident"`
	By       string `json:"by"`
	// To are the bodies told, parties or not; Reference what they call it.
	To        []string `json:"to"`
	Reference string   `json:"reference,omitzero"`
}

// IncidentClosed ends an incident.
type IncidentClosed struct {
	Incident string `json:"incident"`
	By       string `json:"by"`
	// Cause is a code; Conclusion free text, kept as a facet.
	Cause      string `json:"cause"`
	Conclusion string `json:"conclusion,omitzero"`
}

// EntrustmentApproved lets a contractor work with data for a party.
type EntrustmentApproved struct {
	Entrustment string `json:"entrustment"`
	// By is the principal; Contractor works for it.
	By         string `json:"by"`
	Contractor string `json:"contractor"`
	// Scope says what for; Entries are those it may touch.
	Scope   string   `json:"scope"`
	Entries []string `json:"entries,omitzero"`
	Term    Period   `json:"term,omitzero"`
	// Approval refers to the approval.
	Approval string `json:"approval"`
}

// EntrustmentEnded ends it.
type EntrustmentEnded struct {
	Entrustment string `json:"entrustment"`
	By          string `json:"by"`
	Cause       string `json:"cause"`
}

func (e *IncidentDetected) Subject() Subject    { return Subject{KindIncident, e.Incident} }
func (e *IncidentContained) Subject() Subject   { return Subject{KindIncident, e.Incident} }
func (e *IncidentReported) Subject() Subject    { return Subject{KindIncident, e.Incident} }
func (e *IncidentClosed) Subject() Subject      { return Subject{KindIncident, e.Incident} }
func (e *EntrustmentApproved) Subject() Subject { return Subject{KindEntrustment, e.Entrustment} }
func (e *EntrustmentEnded) Subject() Subject    { return Subject{KindEntrustment, e.Entrustment} }

func (e *IncidentDetected) names() []Name {
	out := parties(e.By)
	for _, a := range e.Agreements {
		out = append(out, agreementName(a))
	}
	for _, i := range e.Items {
		out = append(out, entryName(i.Entry))
	}
	for _, d := range e.Datasets {
		out = append(out, datasetName(d.Namespace, d.Name))
	}
	return out
}
func (e *IncidentContained) names() []Name { return parties(e.By) }
func (e *IncidentReported) names() []Name  { return parties(e.By) }
func (e *IncidentClosed) names() []Name    { return parties(e.By) }
func (e *EntrustmentApproved) names() []Name {
	out := parties(e.By, e.Contractor)
	for _, id := range e.Entries {
		out = append(out, entryName(id))
	}
	return out
}
func (e *EntrustmentEnded) names() []Name { return parties(e.By) }

func (e *IncidentDetected) facets() []facetField {
	return []facetField{{"description", "", &e.Description}}
}
func (e *IncidentContained) facets() []facetField { return []facetField{{"measures", "", &e.Measures}} }
func (e *IncidentClosed) facets() []facetField {
	return []facetField{{"conclusion", "", &e.Conclusion}}
}

func (e *IncidentContained) needs() []Subject   { return partySubjects(e.By) }
func (e *IncidentReported) needs() []Subject    { return partySubjects(e.By) }
func (e *IncidentClosed) needs() []Subject      { return partySubjects(e.By) }
func (e *EntrustmentApproved) needs() []Subject { return partySubjects(e.By, e.Contractor) }
func (e *EntrustmentEnded) needs() []Subject    { return partySubjects(e.By) }

func (e *IncidentDetected) validate(c checker) {
	c.required("incident", e.Incident, MaxID)
	c.required("by", e.By, MaxID)
	c.oneOf("kind", e.Kind, incidentKinds)
	c.period("happened", e.Happened)
	c.distinct("agreements", e.Agreements, MaxID)
	for i, ref := range e.Items {
		at := c.at("items", i)
		at.required("entry", ref.Entry, MaxID)
		at.required("item", ref.Item, MaxID)
	}
	for i, d := range e.Datasets {
		at := c.at("datasets", i)
		at.required("namespace", d.Namespace, MaxName)
		at.required("name", d.Name, MaxName)
	}
	c.text("credential", e.Credential, MaxCode)
	c.atLeast("rows", e.Rows, 0)
	c.atLeast("subjects", e.Subjects, 0)
	c.text("description", e.Description, MaxText)
}

func (e *IncidentContained) validate(c checker) {
	c.required("incident", e.Incident, MaxID)
	c.required("by", e.By, MaxID)
	c.requiredFacet("measures", e.Measures != "")
	c.text("measures", e.Measures, MaxText)
}

func (e *IncidentReported) validate(c checker) {
	c.required("incident", e.Incident, MaxID)
	c.required("by", e.By, MaxID)
	c.some("to", len(e.To))
	c.distinct("to", e.To, MaxName)
	c.text("reference", e.Reference, MaxID)
}

func (e *IncidentClosed) validate(c checker) {
	c.required("incident", e.Incident, MaxID)
	c.required("by", e.By, MaxID)
	c.required("cause", e.Cause, MaxCode)
	c.text("conclusion", e.Conclusion, MaxText)
}

func (e *EntrustmentApproved) validate(c checker) {
	c.required("entrustment", e.Entrustment, MaxID)
	c.required("by", e.By, MaxID)
	c.required("contractor", e.Contractor, MaxID)
	c.required("scope", e.Scope, MaxName)
	c.distinct("entries", e.Entries, MaxID)
	c.period("term", e.Term)
	c.required("approval", e.Approval, MaxID)
}

func (e *EntrustmentEnded) validate(c checker) {
	c.required("entrustment", e.Entrustment, MaxID)
	c.required("by", e.By, MaxID)
	c.required("cause", e.Cause, MaxCode)
}

func (e *IncidentContained) check(s States) error {
	now := stateOf[Incident](s, e.Subject())
	if err := incidentMoves.by(s, "security.incident.contained", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	if now.Contained {
		return illegal("incident.contained-once", e.Subject(), now.Stage, "the incident is already contained", "nothing is left to do")
	}
	return nil
}

func (e *IncidentReported) check(s States) error {
	return incidentMoves.by(s, "security.incident.reported", e.Subject(), stateOf[Incident](s, e.Subject()).Stage, e.By)
}

func (e *IncidentClosed) check(s States) error {
	now := stateOf[Incident](s, e.Subject())
	if err := incidentMoves.by(s, "security.incident.closed", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	if !now.Contained {
		return illegal("incident.contained", e.Subject(), now.Stage, "the incident is not contained", "contain it first (security.incident.contained)")
	}
	return nil
}

func (e *EntrustmentApproved) check(s States) error {
	if err := entrustmentMoves.by(s, "security.entrustment.approved", e.Subject(), stateOf[Entrustment](s, e.Subject()).Stage, e.By); err != nil {
		return err
	}
	return registered(s, "/data/contractor", e.Contractor)
}

func (e *EntrustmentEnded) check(s States) error {
	now := stateOf[Entrustment](s, e.Subject())
	if err := entrustmentMoves.by(s, "security.entrustment.ended", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	return authorityOr(s, "entrustment.principal", e.Subject(), now.Stage, e.By, now.Principal)
}

func (e *IncidentDetected) apply(s *Incident) {
	if s.Stage == "" {
		*s = Incident{Stage: StageDetected, By: e.By}
	}
}

func (e *IncidentContained) apply(s *Incident) {
	if s.Contained = true; s.Stage == StageDetected {
		s.Stage = StageContained
	}
}

func (e *IncidentReported) apply(s *Incident)       { s.Stage = StageReported }
func (e *IncidentClosed) apply(s *Incident)         { s.Stage = StageClosed }
func (e *EntrustmentApproved) apply(s *Entrustment) { *s = Entrustment{StageEntrusted, e.By} }
func (e *EntrustmentEnded) apply(s *Entrustment)    { s.Stage = StageEnded }
