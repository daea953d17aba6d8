package events

// KindRightsRequest is the subject of a person's request about data on them.
const KindRightsRequest = "rights_request"

// StageAnswered is the end of a rights request.
const StageAnswered = "answered"

var (
	rightsKinds    = []string{"access", "correct", "erase", "explain"}
	rightsOutcomes = []string{"fulfilled", "partly", "refused", "deferred"}
)

var rightsTypes = []Type{
	act[RightsRequested, RightsRequest]("rights.request.received"),
	act[RightsAnswered, RightsRequest]("rights.request.answered"),
}

var rightsMoves = moves{
	"":            {"rights.request.received"},
	StageReceived: {"rights.request.answered"},
}

// RightsRequest is the state of a rights request.
//
//	(none) ──received──> received ──answered──> answered
type RightsRequest struct {
	Stage string `json:"stage,omitzero"`
	By    string `json:"by,omitzero"`
}

// RightsRequested says that a person asks about data on them.
type RightsRequested struct {
	RightsRequest string `json:"rights_request"`
	// By is the party that received it.
	By string `json:"by"`
	// Kind is access, correct, erase or explain.
	Kind string `json:"kind"`
	Due  Time   `json:"due,omitzero"`
	// Entries are those it is about, if it names any.
	Entries []string `json:"entries,omitzero"`
	// DataSubject is the keyed reference of the person, kept as a facet sealed
	// under that person's key; so is Wish, which is free text.
	DataSubject string `json:"data_subject,omitzero"`
	Wish        string `json:"wish,omitzero"`
}

// RightsAnswered says what came of it.
type RightsAnswered struct {
	RightsRequest string `json:"rights_request"`
	By            string `json:"by"`
	// Outcome is fulfilled, partly, refused or deferred.
	Outcome string `json:"outcome"`
	// Basis is what a refusal or deferral rests on.
	Basis string `json:"basis,omitzero"`
	// Answer is free text, kept as a facet.
	Answer string `json:"answer,omitzero"`
}

func (e *RightsRequested) Subject() Subject { return Subject{KindRightsRequest, e.RightsRequest} }
func (e *RightsAnswered) Subject() Subject  { return Subject{KindRightsRequest, e.RightsRequest} }

func (e *RightsRequested) names() []Name {
	out := parties(e.By)
	for _, id := range e.Entries {
		out = append(out, entryName(id))
	}
	return out
}
func (e *RightsAnswered) names() []Name { return parties(e.By) }

func (e *RightsRequested) facets() []facetField {
	return []facetField{{"data_subject", e.DataSubject, &e.DataSubject}, {"wish", e.DataSubject, &e.Wish}}
}
func (e *RightsAnswered) facets() []facetField { return []facetField{{"answer", "", &e.Answer}} }

func (e *RightsRequested) needs() []Subject { return partySubjects(e.By) }
func (e *RightsAnswered) needs() []Subject  { return partySubjects(e.By) }

func (e *RightsRequested) validate(c checker) {
	c.required("rights_request", e.RightsRequest, MaxID)
	c.required("by", e.By, MaxID)
	c.oneOf("kind", e.Kind, rightsKinds)
	c.optionalTime("due", e.Due)
	c.distinct("entries", e.Entries, MaxID)
	c.text("data_subject", e.DataSubject, MaxID)
	c.text("wish", e.Wish, MaxText)
}

func (e *RightsAnswered) validate(c checker) {
	c.required("rights_request", e.RightsRequest, MaxID)
	c.required("by", e.By, MaxID)
	c.oneOf("outcome", e.Outcome, rightsOutcomes)
	c.text("basis", e.Basis, MaxName)
	if e.Outcome == "refused" || e.Outcome == "deferred" {
		c.required("basis", e.Basis, MaxName)
	}
	c.text("answer", e.Answer, MaxText)
}

func (e *RightsRequested) check(s States) error {
	return rightsMoves.by(s, "rights.request.received", e.Subject(), stateOf[RightsRequest](s, e.Subject()).Stage, e.By)
}

func (e *RightsAnswered) check(s States) error {
	now := stateOf[RightsRequest](s, e.Subject())
	if err := rightsMoves.by(s, "rights.request.answered", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	return only(s, "rights_request.receiver", e.Subject(), now.Stage, e.By, now.By)
}

func (e *RightsRequested) apply(s *RightsRequest) { *s = RightsRequest{StageReceived, e.By} }
func (e *RightsAnswered) apply(s *RightsRequest)  { s.Stage = StageAnswered }
