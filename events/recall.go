package events

// KindRecall is the subject of a recall: a provider calls back what it delivered.
const KindRecall = "recall"

// The stages of a recall.
const (
	StageIssued    = "issued"
	StageConfirmed = "confirmed"
)

var recallTypes = []Type{
	act[RecallIssued, Recall]("share.recall.issued"),
	act[RecallConfirmed, Recall]("share.recall.confirmed"),
}

var recallMoves = moves{
	"":          {"share.recall.issued"},
	StageIssued: {"share.recall.confirmed"},
}

// Recall is the state of a recall.
//
//	(none) ──issued──> issued ──confirmed──> confirmed
type Recall struct {
	Stage     string `json:"stage,omitzero"`
	Agreement string `json:"agreement,omitzero"`
	Consumer  string `json:"consumer,omitzero"`
}

// RecallIssued calls delivered data back: the consumer is not to use it any more.
type RecallIssued struct {
	Recall    string `json:"recall"`
	Agreement string `json:"agreement"`
	// By is the provider; Consumer is who has the data.
	By       string    `json:"by"`
	Consumer string    `json:"consumer"`
	Items    []ItemRef `json:"items"`
	// Period is what the data called back is about; Deliveries are those that
	// brought it.
	Period     Period   `json:"period"`
	Deliveries []string `json:"deliveries,omitzero"`
	// ReplacedBy is the delivery that takes its place.
	ReplacedBy string `json:"replaced_by,omitzero"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// RecallConfirmed says that the consumer gave the data up.
type RecallConfirmed struct {
	Recall    string `json:"recall"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	Rows      int    `json:"rows,omitzero"`
	// Evidence is the digest of what shows it.
	Evidence string `json:"evidence,omitzero"`
}

func (e *RecallIssued) Subject() Subject    { return Subject{KindRecall, e.Recall} }
func (e *RecallConfirmed) Subject() Subject { return Subject{KindRecall, e.Recall} }

func (e *RecallIssued) names() []Name {
	out := append(parties(e.By, e.Consumer), agreementName(e.Agreement))
	for _, i := range e.Items {
		out = append(out, entryName(i.Entry))
	}
	return out
}
func (e *RecallConfirmed) names() []Name { return append(parties(e.By), agreementName(e.Agreement)) }

func (e *RecallIssued) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }

func (e *RecallIssued) needs() []Subject {
	return append(partySubjects(e.By, e.Consumer), agreementSubject(e.Agreement))
}
func (e *RecallConfirmed) needs() []Subject { return partySubjects(e.By) }

func (e *RecallIssued) validate(c checker) {
	c.under("recall", e.Recall, e.Agreement, e.By)
	c.required("consumer", e.Consumer, MaxID)
	c.items("items", e.Items)
	c.span("period", e.Period)
	c.distinct("deliveries", e.Deliveries, MaxID)
	c.text("replaced_by", e.ReplacedBy, MaxID)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

func (e *RecallConfirmed) validate(c checker) {
	c.under("recall", e.Recall, e.Agreement, e.By)
	c.atLeast("rows", e.Rows, 0)
	c.text("evidence", e.Evidence, MaxCode)
}

func (e *RecallIssued) check(s States) error {
	if err := recallMoves.by(s, "share.recall.issued", e.Subject(), stateOf[Recall](s, e.Subject()).Stage, e.By); err != nil {
		return err
	}
	sub := agreementSubject(e.Agreement)
	a := stateOf[Agreement](s, sub)
	if a.Stage == "" {
		return fault("recall.agreement", "agreement", sub, a.Stage, "no such agreement was activated", "name the agreement the data was had under")
	}
	if !succeeds(s, e.By, a.Provider) || !succeeds(s, e.Consumer, a.Consumer) {
		return fault("recall.parties", "by", sub, a.Stage, "the agreement is between "+a.Provider+" and "+a.Consumer, "recall as its provider, from its consumer")
	}
	return nil
}

func (e *RecallConfirmed) check(s States) error {
	now := stateOf[Recall](s, e.Subject())
	if err := recallMoves.by(s, "share.recall.confirmed", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	if e.Agreement != now.Agreement {
		return fault("recall.agreement", "agreement", e.Subject(), now.Stage, "the recall is under the agreement "+quote(now.Agreement), "send that agreement")
	}
	return only(s, "recall.consumer", e.Subject(), now.Stage, e.By, now.Consumer)
}

func (e *RecallIssued) apply(r *Recall)    { *r = Recall{StageIssued, e.Agreement, e.Consumer} }
func (e *RecallConfirmed) apply(r *Recall) { r.Stage = StageConfirmed }
