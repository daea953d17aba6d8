package events

// KindDispute is the subject of a dispute between parties about sharing.
const KindDispute = "dispute"

// The stages of a dispute. Settled ones are closed next.
const (
	StageRaised            = "raised"
	StageNegotiationFailed = "negotiation_failed"
	StageEscalated         = "escalated"
	StageCoordination      = "coordination_failed"
	StageReferred          = "referred_to_government"
	StageDecided           = "decided"
	StageSettled           = "settled"
)

var disputeOutcomes = []string{StageSettled, "failed"}

var disputeTypes = []Type{
	act[DisputeRaised, Dispute]("dispute.raised"),
	act[DisputeNegotiated, Dispute]("dispute.negotiated"),
	act[DisputeEscalated, Dispute]("dispute.escalated"),
	act[DisputeCoordinated, Dispute]("dispute.coordinated"),
	act[DisputeReferred, Dispute]("dispute.referred_to_government"),
	act[DisputeDecided, Dispute]("dispute.decided"),
	act[DisputeClosed, Dispute]("dispute.closed"),
}

// disputeMoves hold to rule I-21: the rungs in order, each after the one before
// failed.
var disputeMoves = moves{
	"":                     {"dispute.raised"},
	StageRaised:            {"dispute.negotiated"},
	StageNegotiationFailed: {"dispute.escalated"},
	StageEscalated:         {"dispute.coordinated"},
	StageCoordination:      {"dispute.referred_to_government"},
	StageReferred:          {"dispute.decided"},
	StageDecided:           {"dispute.closed"},
	StageSettled:           {"dispute.closed"},
}

// Dispute is the state of a dispute.
//
//	(none) ──raised──> raised ──negotiated──> settled or negotiation_failed
//	negotiation_failed ──escalated──> escalated ──coordinated──> settled or coordination_failed
//	coordination_failed ──referred_to_government──> referred_to_government ──decided──> decided
//	settled, decided ──closed──> closed
type Dispute struct {
	Stage   string   `json:"stage,omitzero"`
	Request string   `json:"request,omitzero"`
	Parties []string `json:"parties,omitzero"`
	// With is who has to coordinate or decide.
	With string `json:"with,omitzero"`
}

// DisputeRaised begins a dispute.
type DisputeRaised struct {
	Dispute string `json:"dispute"`
	By      string `json:"by"`
	Against string `json:"against"`
	// Request, Agreement, Entry and Issue are what it is about, as far as it is.
	Request   string `json:"request,omitzero"`
	Agreement string `json:"agreement,omitzero"`
	Entry     string `json:"entry,omitzero"`
	Issue     string `json:"issue,omitzero"`
	// Claim is free text, kept as a facet.
	Claim string `json:"claim,omitzero"`
}

// DisputeNegotiated is what the parties came to among themselves.
type DisputeNegotiated struct {
	Dispute string `json:"dispute"`
	By      string `json:"by"`
	// Outcome is settled or failed.
	Outcome string `json:"outcome"`
	// Terms is free text, kept as a facet.
	Terms string `json:"terms,omitzero"`
}

// DisputeEscalated brings a dispute before the competent department.
type DisputeEscalated struct {
	Dispute string `json:"dispute"`
	By      string `json:"by"`
	// To is the competent department of both, or their common superior.
	To string `json:"to"`
}

// DisputeCoordinated is what the competent department brought about.
type DisputeCoordinated struct {
	Dispute string `json:"dispute"`
	By      string `json:"by"`
	// Outcome is settled or failed.
	Outcome string `json:"outcome"`
	// Terms is free text, kept as a facet.
	Terms string `json:"terms,omitzero"`
}

// DisputeReferred brings a dispute before the people's government of the level.
type DisputeReferred struct {
	Dispute string `json:"dispute"`
	By      string `json:"by"`
	// Government names it; it need not be a party.
	Government string `json:"government"`
}

// DisputeDecided is the government's decision.
type DisputeDecided struct {
	Dispute string `json:"dispute"`
	By      string `json:"by"`
	// Decision refers to the decision; Terms is free text, kept as a facet.
	Decision string `json:"decision"`
	Terms    string `json:"terms,omitzero"`
}

// DisputeClosed ends a dispute that was settled or decided.
type DisputeClosed struct {
	Dispute string `json:"dispute"`
	By      string `json:"by"`
}

func disputeSubject(id string) Subject { return Subject{KindDispute, id} }

func (e *DisputeRaised) Subject() Subject      { return disputeSubject(e.Dispute) }
func (e *DisputeNegotiated) Subject() Subject  { return disputeSubject(e.Dispute) }
func (e *DisputeEscalated) Subject() Subject   { return disputeSubject(e.Dispute) }
func (e *DisputeCoordinated) Subject() Subject { return disputeSubject(e.Dispute) }
func (e *DisputeReferred) Subject() Subject    { return disputeSubject(e.Dispute) }
func (e *DisputeDecided) Subject() Subject     { return disputeSubject(e.Dispute) }
func (e *DisputeClosed) Subject() Subject      { return disputeSubject(e.Dispute) }

func (e *DisputeRaised) names() []Name {
	return accessNames(parties(e.By, e.Against), e.Agreement, e.Entry, DatasetRef{})
}
func (e *DisputeNegotiated) names() []Name  { return parties(e.By) }
func (e *DisputeEscalated) names() []Name   { return parties(e.By, e.To) }
func (e *DisputeCoordinated) names() []Name { return parties(e.By) }
func (e *DisputeReferred) names() []Name    { return parties(e.By) }
func (e *DisputeDecided) names() []Name     { return parties(e.By) }
func (e *DisputeClosed) names() []Name      { return parties(e.By) }

func (e *DisputeRaised) facets() []facetField      { return []facetField{{"claim", "", &e.Claim}} }
func (e *DisputeNegotiated) facets() []facetField  { return []facetField{{"terms", "", &e.Terms}} }
func (e *DisputeCoordinated) facets() []facetField { return []facetField{{"terms", "", &e.Terms}} }
func (e *DisputeDecided) facets() []facetField     { return []facetField{{"terms", "", &e.Terms}} }

func (e *DisputeRaised) needs() []Subject      { return partySubjects(e.By, e.Against) }
func (e *DisputeNegotiated) needs() []Subject  { return partySubjects(e.By) }
func (e *DisputeEscalated) needs() []Subject   { return partySubjects(e.By, e.To) }
func (e *DisputeCoordinated) needs() []Subject { return partySubjects(e.By) }
func (e *DisputeReferred) needs() []Subject    { return partySubjects(e.By) }
func (e *DisputeDecided) needs() []Subject     { return partySubjects(e.By) }
func (e *DisputeClosed) needs() []Subject      { return partySubjects(e.By) }

func (c checker) dispute(id, by string) {
	c.required("dispute", id, MaxID)
	c.required("by", by, MaxID)
}

func (e *DisputeRaised) validate(c checker) {
	c.dispute(e.Dispute, e.By)
	c.required("against", e.Against, MaxID)
	c.text("request", e.Request, MaxID)
	c.text("agreement", e.Agreement, MaxID)
	c.text("entry", e.Entry, MaxID)
	c.text("issue", e.Issue, MaxID)
	c.requiredFacet("claim", e.Claim != "")
	c.text("claim", e.Claim, MaxText)
}

func (e *DisputeNegotiated) validate(c checker) {
	c.dispute(e.Dispute, e.By)
	c.oneOf("outcome", e.Outcome, disputeOutcomes)
	c.text("terms", e.Terms, MaxText)
}

func (e *DisputeEscalated) validate(c checker) {
	c.dispute(e.Dispute, e.By)
	c.required("to", e.To, MaxID)
}

func (e *DisputeCoordinated) validate(c checker) {
	c.dispute(e.Dispute, e.By)
	c.oneOf("outcome", e.Outcome, disputeOutcomes)
	c.text("terms", e.Terms, MaxText)
}

func (e *DisputeReferred) validate(c checker) {
	c.dispute(e.Dispute, e.By)
	c.required("government", e.Government, MaxName)
}

func (e *DisputeDecided) validate(c checker) {
	c.dispute(e.Dispute, e.By)
	c.required("decision", e.Decision, MaxName)
	c.text("terms", e.Terms, MaxText)
}

func (e *DisputeClosed) validate(c checker) { c.dispute(e.Dispute, e.By) }

func (e *DisputeRaised) check(s States) error {
	if err := disputeMoves.by(s, "dispute.raised", e.Subject(), stateOf[Dispute](s, e.Subject()).Stage, e.By); err != nil {
		return err
	}
	return registered(s, "/data/against", e.Against)
}

// next holds an event of a known dispute to its rung, and to who may send it.
func (d *Dispute) next(s States, typ string, sub Subject, by string, allowed ...string) error {
	if err := disputeMoves.by(s, typ, sub, d.Stage, by); err != nil {
		return err
	}
	return only(s, "dispute.party", sub, d.Stage, by, allowed...)
}

func (e *DisputeNegotiated) check(s States) error {
	now := stateOf[Dispute](s, e.Subject())
	return now.next(s, "dispute.negotiated", e.Subject(), e.By, now.Parties...)
}

func (e *DisputeEscalated) check(s States) error {
	now := stateOf[Dispute](s, e.Subject())
	if err := now.next(s, "dispute.escalated", e.Subject(), e.By, now.Parties...); err != nil {
		return err
	}
	return authority(s, "to", e.To, "")
}

func (e *DisputeCoordinated) check(s States) error {
	now := stateOf[Dispute](s, e.Subject())
	return now.next(s, "dispute.coordinated", e.Subject(), e.By, now.With)
}

func (e *DisputeReferred) check(s States) error {
	now := stateOf[Dispute](s, e.Subject())
	return now.next(s, "dispute.referred_to_government", e.Subject(), e.By, append([]string{now.With}, now.Parties...)...)
}

func (e *DisputeDecided) check(s States) error {
	now := stateOf[Dispute](s, e.Subject())
	if err := disputeMoves.check("dispute.decided", e.Subject(), now.Stage); err != nil {
		return err
	}
	return authority(s, "by", e.By, "")
}

func (e *DisputeClosed) check(s States) error {
	now := stateOf[Dispute](s, e.Subject())
	return now.next(s, "dispute.closed", e.Subject(), e.By, append([]string{now.With}, now.Parties...)...)
}

func (e *DisputeRaised) apply(d *Dispute) {
	*d = Dispute{Stage: StageRaised, Request: e.Request, Parties: []string{e.By, e.Against}}
}

func (e *DisputeNegotiated) apply(d *Dispute) {
	d.Stage = StageNegotiationFailed
	if e.Outcome == StageSettled {
		d.Stage = StageSettled
	}
}

func (e *DisputeEscalated) apply(d *Dispute) { d.Stage, d.With = StageEscalated, e.To }

func (e *DisputeCoordinated) apply(d *Dispute) {
	d.Stage = StageCoordination
	if e.Outcome == StageSettled {
		d.Stage = StageSettled
	}
}

func (e *DisputeReferred) apply(d *Dispute) { d.Stage = StageReferred }
func (e *DisputeDecided) apply(d *Dispute)  { d.Stage = StageDecided }
func (e *DisputeClosed) apply(d *Dispute)   { d.Stage = StageClosed }
