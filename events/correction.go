package events

// Events about the correction that an issue asks for. Their subject is the issue.
var correctionTypes = []Type{
	act[CorrectionReceived, Issue]("correction.request.received"),
	act[CorrectionAnswered, Issue]("correction.request.answered"),
	fact[CorrectionPropagated]("correction.propagated"),
	act[AccountabilityDetermined, Issue]("quality.accountability.determined"),
}

// The verdicts on a request for correction.
const (
	VerdictConfirmed = "confirmed"
	VerdictPartly    = "partly"
	VerdictUnfounded = "unfounded"
)

var (
	verdicts          = []string{VerdictConfirmed, VerdictPartly, VerdictUnfounded}
	correctionActions = []string{"fixed", "will_fix_by", "refused"}
)

// CorrectionReceived says that a provider has a request to correct its data: its
// clock starts.
type CorrectionReceived struct {
	Issue string `json:"issue"`
	// By is the party that received it.
	By string `json:"by"`
	// From is the party that asks.
	From string `json:"from"`
}

// CorrectionAnswered is the verdict of the party that the issue is assigned to.
type CorrectionAnswered struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
	// Verdict is confirmed, partly or unfounded.
	Verdict string `json:"verdict"`
	// Action is fixed, will_fix_by or refused; FixBy when, if it will be.
	Action string `json:"action"`
	FixBy  Time   `json:"fix_by,omitzero"`
	// Batch is the batch that holds the corrected data.
	Batch string `json:"batch,omitzero"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// CorrectionPropagated says who was told of a correction.
type CorrectionPropagated struct {
	Issue      string      `json:"issue"`
	By         string      `json:"by"`
	Recipients []Recipient `json:"recipients"`
}

// Recipient is a party that was told.
type Recipient struct {
	Party        string `json:"party"`
	Agreement    string `json:"agreement,omitzero"`
	Told         Time   `json:"told"`
	Acknowledged Time   `json:"acknowledged,omitzero"`
}

// AccountabilityDetermined says who answers for a fault, and on what facts.
type AccountabilityDetermined struct {
	Issue string `json:"issue"`
	// By is who decides, Party who answers.
	By    string `json:"by"`
	Party string `json:"party"`
	// Ground is a code; Violation the code of the rule broken, such as cn809:39.6.
	Ground    string `json:"ground"`
	Violation string `json:"violation,omitzero"`
	// Facts are the positions of the records that show it.
	Facts []uint64 `json:"facts"`
}

func (e *CorrectionReceived) Subject() Subject       { return issueSubject(e.Issue) }
func (e *CorrectionAnswered) Subject() Subject       { return issueSubject(e.Issue) }
func (e *CorrectionPropagated) Subject() Subject     { return issueSubject(e.Issue) }
func (e *AccountabilityDetermined) Subject() Subject { return issueSubject(e.Issue) }

func (e *CorrectionReceived) names() []Name { return parties(e.By, e.From) }
func (e *CorrectionAnswered) names() []Name { return parties(e.By) }
func (e *CorrectionPropagated) names() []Name {
	out := parties(e.By)
	for _, r := range e.Recipients {
		out = append(out, parties(r.Party)...)
		if r.Agreement != "" {
			out = append(out, agreementName(r.Agreement))
		}
	}
	return out
}
func (e *AccountabilityDetermined) names() []Name { return parties(e.By, e.Party) }

func (e *CorrectionAnswered) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }

func (e *CorrectionReceived) needs() []Subject       { return partySubjects(e.By, e.From) }
func (e *CorrectionAnswered) needs() []Subject       { return partySubjects(e.By) }
func (e *AccountabilityDetermined) needs() []Subject { return partySubjects(e.By, e.Party) }

func (e *CorrectionReceived) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.required("from", e.From, MaxID)
}

func (e *CorrectionAnswered) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.oneOf("verdict", e.Verdict, verdicts)
	c.oneOf("action", e.Action, correctionActions)
	c.optionalTime("fix_by", e.FixBy)
	if e.Action == "will_fix_by" {
		c.time("fix_by", e.FixBy)
	}
	c.text("batch", e.Batch, MaxID)
	c.requiredFacet("reason", e.Reason != "" || e.Verdict == VerdictConfirmed)
	c.text("reason", e.Reason, MaxText)
}

func (e *CorrectionPropagated) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.some("recipients", len(e.Recipients))
	for i, r := range e.Recipients {
		at := c.at("recipients", i)
		at.required("party", r.Party, MaxID)
		at.text("agreement", r.Agreement, MaxID)
		at.time("told", r.Told)
		at.optionalTime("acknowledged", r.Acknowledged)
	}
}

func (e *AccountabilityDetermined) validate(c checker) {
	c.issue(e.Issue, e.By)
	c.required("party", e.Party, MaxID)
	c.required("ground", e.Ground, MaxCode)
	c.text("violation", e.Violation, MaxCode)
	c.some("facts", len(e.Facts))
	for _, f := range e.Facts {
		c.seq("facts", f, 0)
	}
}

func (e *CorrectionReceived) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	if err := now.moved(s, "correction.request.received", e.Subject(), e.By); err != nil {
		return err
	}
	if now.Received {
		return illegal("issue.correction-once", e.Subject(), now.Stage, "a request for correction is already running", "answer that first (correction.request.answered)")
	}
	return registered(s, "/data/from", e.From)
}

// check holds to the first half of rule I-20: the party assigned answers, nobody
// else.
func (e *CorrectionAnswered) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	if err := now.moved(s, "correction.request.answered", e.Subject(), e.By); err != nil {
		return err
	}
	if !now.Received {
		return illegal("issue.correction-received", e.Subject(), now.Stage, "no request for correction is running", "record its receipt first (correction.request.received)")
	}
	return only(s, "issue.assigned", e.Subject(), now.Stage, e.By, now.Assigned)
}

func (e *AccountabilityDetermined) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	if err := now.moved(s, "quality.accountability.determined", e.Subject(), e.By); err != nil {
		return err
	}
	if err := registered(s, "/data/party", e.Party); err != nil {
		return err
	}
	return authority(s, "by", e.By, "")
}

func (e *CorrectionReceived) apply(s *Issue) { s.Received = true }

func (e *CorrectionAnswered) apply(s *Issue) {
	s.Stage, s.Received = StageConfirmed, false
	if e.Verdict == VerdictUnfounded {
		s.Stage = StageUnfounded
	}
}

func (e *AccountabilityDetermined) apply(*Issue) {}
