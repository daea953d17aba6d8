package events

// QualityIssueAccepted takes a report up.
type QualityIssueAccepted struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
}

// QualityIssueRejected turns a report down.
type QualityIssueRejected struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// QualityIssueMarked makes it visible that data is disputed until it is put right.
type QualityIssueMarked struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
	// Entry and Items are what is marked; no items mark the entry.
	Entry string   `json:"entry"`
	Items []string `json:"items,omitzero"`
	// Scope says which rows, in words.
	Scope string `json:"scope,omitzero"`
	// VisibleTo are the parties that see the mark; none means everybody.
	VisibleTo []string `json:"visible_to,omitzero"`
}

// QualityIssueUnmarked takes the marks of an issue away.
type QualityIssueUnmarked struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
}

// QualityIssueTraced lists where the fault may come from, as the lineage told.
type QualityIssueTraced struct {
	Issue   string   `json:"issue"`
	By      string   `json:"by"`
	Origins []Origin `json:"origins"`
	// AsOf is the position of the ledger whose lineage was asked, ViewVersion the
	// version of the view that answered.
	AsOf        uint64 `json:"as_of"`
	ViewVersion uint64 `json:"view_version,omitzero"`
}

// Origin is a place where a fault may come from.
type Origin struct {
	Entry string `json:"entry,omitzero"`
	Item  string `json:"item,omitzero"`
	Job   JobRef `json:"job,omitzero"`
	Run   string `json:"run,omitzero"`
	// Party is who answers for it.
	Party string `json:"party,omitzero"`
}

// QualityIssueAssigned says who has to answer for the fault.
type QualityIssueAssigned struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
	To    string `json:"to"`
	// Capacity is source, fusing or delivering: what the party is to the data.
	Capacity string `json:"capacity"`
}

// QualityIssueTransferred hands an assigned issue to another party.
type QualityIssueTransferred struct {
	Issue    string `json:"issue"`
	By       string `json:"by"`
	To       string `json:"to"`
	Capacity string `json:"capacity"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// QualityIssueRectified says that the data was put right.
type QualityIssueRectified struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
	// Run is the OpenLineage run that did it, Batch the batch that holds it.
	Run   string `json:"run,omitzero"`
	Batch string `json:"batch,omitzero"`
}

// QualityIssueRechecked says what somebody else found afterwards.
type QualityIssueRechecked struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
	// Outcome is pass or fail. QualityRun is the measurement it rests on.
	Outcome    string `json:"outcome"`
	QualityRun string `json:"quality_run,omitzero"`
}

// QualityIssueReopened takes a closed or rejected issue up again.
type QualityIssueReopened struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// QualityIssueEscalated takes an open issue to a competent department, because it does
// not come on. It moves no stage: who has to put the data right still has.
type QualityIssueEscalated struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
	// To is the competent department.
	To string `json:"to"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

var (
	capacities      = []string{"source", "fusing", "delivering"}
	recheckOutcomes = []string{"pass", "fail"}
)

func (e *QualityIssueAccepted) Subject() Subject    { return issueSubject(e.Issue) }
func (e *QualityIssueRejected) Subject() Subject    { return issueSubject(e.Issue) }
func (e *QualityIssueMarked) Subject() Subject      { return issueSubject(e.Issue) }
func (e *QualityIssueUnmarked) Subject() Subject    { return issueSubject(e.Issue) }
func (e *QualityIssueTraced) Subject() Subject      { return issueSubject(e.Issue) }
func (e *QualityIssueAssigned) Subject() Subject    { return issueSubject(e.Issue) }
func (e *QualityIssueTransferred) Subject() Subject { return issueSubject(e.Issue) }
func (e *QualityIssueRectified) Subject() Subject   { return issueSubject(e.Issue) }
func (e *QualityIssueRechecked) Subject() Subject   { return issueSubject(e.Issue) }
func (e *QualityIssueReopened) Subject() Subject    { return issueSubject(e.Issue) }
func (e *QualityIssueEscalated) Subject() Subject   { return issueSubject(e.Issue) }

func (e *QualityIssueAccepted) names() []Name { return parties(e.By) }
func (e *QualityIssueRejected) names() []Name { return parties(e.By) }
func (e *QualityIssueMarked) names() []Name {
	return append(parties(append([]string{e.By}, e.VisibleTo...)...), entryName(e.Entry))
}
func (e *QualityIssueUnmarked) names() []Name { return parties(e.By) }
func (e *QualityIssueTraced) names() []Name {
	out := parties(e.By)
	for _, o := range e.Origins {
		out = append(out, parties(o.Party)...)
		if o.Entry != "" {
			out = append(out, entryName(o.Entry))
		}
	}
	return out
}
func (e *QualityIssueAssigned) names() []Name    { return parties(e.By, e.To) }
func (e *QualityIssueTransferred) names() []Name { return parties(e.By, e.To) }
func (e *QualityIssueRectified) names() []Name   { return parties(e.By) }
func (e *QualityIssueRechecked) names() []Name   { return parties(e.By) }
func (e *QualityIssueReopened) names() []Name    { return parties(e.By) }
func (e *QualityIssueEscalated) names() []Name   { return parties(e.By, e.To) }

func (e *QualityIssueRejected) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }
func (e *QualityIssueTransferred) facets() []facetField {
	return []facetField{{"reason", "", &e.Reason}}
}
func (e *QualityIssueReopened) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }
func (e *QualityIssueEscalated) facets() []facetField {
	return []facetField{{"reason", "", &e.Reason}}
}

func (e *QualityIssueAccepted) needs() []Subject    { return partySubjects(e.By) }
func (e *QualityIssueRejected) needs() []Subject    { return partySubjects(e.By) }
func (e *QualityIssueMarked) needs() []Subject      { return partySubjects(e.By) }
func (e *QualityIssueUnmarked) needs() []Subject    { return partySubjects(e.By) }
func (e *QualityIssueTraced) needs() []Subject      { return partySubjects(e.By) }
func (e *QualityIssueAssigned) needs() []Subject    { return partySubjects(e.By, e.To) }
func (e *QualityIssueTransferred) needs() []Subject { return partySubjects(e.By, e.To) }
func (e *QualityIssueRectified) needs() []Subject   { return partySubjects(e.By) }
func (e *QualityIssueRechecked) needs() []Subject   { return partySubjects(e.By) }
func (e *QualityIssueReopened) needs() []Subject    { return partySubjects(e.By) }
func (e *QualityIssueEscalated) needs() []Subject   { return partySubjects(e.By, e.To) }

// issue holds what the events about an issue have in common.
func (c checker) issue(id, by string) {
	c.required("issue", id, MaxID)
	c.required("by", by, MaxID)
}

func (e *QualityIssueAccepted) validate(c checker) { c.issue(e.Issue, e.By) }
func (e *QualityIssueUnmarked) validate(c checker) { c.issue(e.Issue, e.By) }

func (e *QualityIssueRejected) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

func (e *QualityIssueMarked) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.required("entry", e.Entry, MaxID)
	c.distinct("items", e.Items, MaxID)
	c.text("scope", e.Scope, MaxName)
	c.distinct("visible_to", e.VisibleTo, MaxID)
}

func (e *QualityIssueTraced) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.some("origins", len(e.Origins))
	for i, o := range e.Origins {
		at := c.at("origins", i)
		at.text("entry", o.Entry, MaxID)
		at.text("item", o.Item, MaxID)
		at.text("job/namespace", o.Job.Namespace, MaxName)
		at.text("job/name", o.Job.Name, MaxName)
		at.text("run", o.Run, MaxID)
		at.text("party", o.Party, MaxID)
	}
	c.seq("as_of", e.AsOf, 0)
	c.seq("view_version", e.ViewVersion, 0)
}

func (e *QualityIssueAssigned) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.required("to", e.To, MaxID)
	c.oneOf("capacity", e.Capacity, capacities)
}

func (e *QualityIssueTransferred) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.required("to", e.To, MaxID)
	c.oneOf("capacity", e.Capacity, capacities)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

func (e *QualityIssueRectified) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.text("run", e.Run, MaxID)
	c.text("batch", e.Batch, MaxID)
}

func (e *QualityIssueRechecked) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.oneOf("outcome", e.Outcome, recheckOutcomes)
	c.text("quality_run", e.QualityRun, MaxID)
}

func (e *QualityIssueReopened) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

func (e *QualityIssueEscalated) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.required("to", e.To, MaxID)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

// moved holds an event to the stages of its issue, and its party to being
// registered.
func (e *Issue) moved(s States, typ string, sub Subject, by string) error {
	return issueMoves.by(s, typ, sub, e.Stage, by)
}

func (e *QualityIssueAccepted) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	return now.moved(s, "quality.issue.accepted", e.Subject(), e.By)
}

func (e *QualityIssueRejected) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	return now.moved(s, "quality.issue.rejected", e.Subject(), e.By)
}

func (e *QualityIssueMarked) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	return now.moved(s, "quality.issue.marked", e.Subject(), e.By)
}

func (e *QualityIssueUnmarked) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	if err := now.moved(s, "quality.issue.unmarked", e.Subject(), e.By); err != nil {
		return err
	}
	if !now.Marked {
		return illegal("issue.marked", e.Subject(), now.Stage, "the issue bears no mark", "mark it first (quality.issue.marked)")
	}
	return nil
}

func (e *QualityIssueTraced) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	return now.moved(s, "quality.issue.traced", e.Subject(), e.By)
}

func (e *QualityIssueAssigned) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	if err := now.moved(s, "quality.issue.assigned", e.Subject(), e.By); err != nil {
		return err
	}
	return registered(s, "/data/to", e.To)
}

func (e *QualityIssueTransferred) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	if err := now.moved(s, "quality.issue.transferred", e.Subject(), e.By); err != nil {
		return err
	}
	return registered(s, "/data/to", e.To)
}

func (e *QualityIssueRectified) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	if err := now.moved(s, "quality.issue.rectified", e.Subject(), e.By); err != nil {
		return err
	}
	return only(s, "issue.assigned", e.Subject(), now.Stage, e.By, now.Assigned)
}

// check holds to the second half of rule I-20: who put the data right does not
// check it again.
func (e *QualityIssueRechecked) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	if err := now.moved(s, "quality.issue.rechecked", e.Subject(), e.By); err != nil {
		return err
	}
	if e.By == now.Rectified {
		return fault("issue.four-eyes", "by", e.Subject(), now.Stage, now.Rectified+" put the data right itself", "have another party check it again")
	}
	return nil
}

func (e *QualityIssueReopened) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	return now.moved(s, "quality.issue.reopened", e.Subject(), e.By)
}

func (e *QualityIssueEscalated) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	if err := now.moved(s, "quality.issue.escalated", e.Subject(), e.By); err != nil {
		return err
	}
	return authority(s, "to", e.To, "")
}

func (e *QualityIssueAccepted) apply(s *Issue)    { s.Stage = StageAccepted }
func (e *QualityIssueRejected) apply(s *Issue)    { s.Stage = StageRejected }
func (e *QualityIssueMarked) apply(s *Issue)      { s.Marked = true }
func (e *QualityIssueUnmarked) apply(s *Issue)    { s.Marked = false }
func (e *QualityIssueTraced) apply(*Issue)        {}
func (e *QualityIssueEscalated) apply(*Issue)     {}
func (e *QualityIssueAssigned) apply(s *Issue)    { s.Stage, s.Assigned = StageAssigned, e.To }
func (e *QualityIssueTransferred) apply(s *Issue) { s.Assigned = e.To }
func (e *QualityIssueRectified) apply(s *Issue)   { s.Stage, s.Rectified = StageRectified, e.By }
func (e *QualityIssueReopened) apply(s *Issue)    { s.Stage, s.Received = StageAccepted, false }

func (e *QualityIssueRechecked) apply(s *Issue) {
	s.Stage = StageRechecked
	if e.Outcome == "fail" {
		s.Stage = StageAssigned
	}
}
