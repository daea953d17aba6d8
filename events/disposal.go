package events

import "slices"

// KindDisposal is the subject of a duty to dispose of shared data.
const KindDisposal = "disposal"

// The stages of a disposal; it begins open.
const (
	StagePerformed = "performed"
	StageAccepted  = "accepted"
	StageRejected  = "rejected"
)

// CauseNotNeeded opens a disposal while its agreement goes on.
const CauseNotNeeded = "not_needed"

var (
	disposalCauses  = []string{StageFulfilled, StageExpired, StageTerminated, CauseNotNeeded}
	disposalMethods = []string{"erase", "return", "anonymise", "seal", "retained_by_law"}
)

// DisposalMethod is what the terms of an agreement ask for, if they name a method of
// disposal, and else erase.
func DisposalMethod(terms string) string {
	if slices.Contains(disposalMethods, terms) {
		return terms
	}
	return disposalMethods[0]
}

var disposalTypes = []Type{
	act[DisposalOpened, Disposal]("disposal.duty.opened"),
	act[DisposalPerformed, Disposal]("disposal.performed"),
	act[DisposalAccepted, Disposal]("disposal.accepted"),
	act[DisposalRejected, Disposal]("disposal.rejected"),
}

var disposalMoves = moves{
	"":             {"disposal.duty.opened"},
	StageOpen:      {"disposal.performed"},
	StagePerformed: {"disposal.accepted", "disposal.rejected"},
	StageRejected:  {"disposal.performed"},
}

// Disposal is the state of a disposal duty.
//
//	(none) ──duty.opened──> open ──performed──> performed ──accepted──> accepted
//	                          performed ──rejected──> rejected ──performed──> performed
type Disposal struct {
	Stage     string `json:"stage,omitzero"`
	Agreement string `json:"agreement,omitzero"`
	Provider  string `json:"provider,omitzero"`
	Consumer  string `json:"consumer,omitzero"`
}

// DisposalOpened says that a consumer has to dispose of what it had under an
// agreement.
type DisposalOpened struct {
	Disposal  string `json:"disposal"`
	Agreement string `json:"agreement"`
	// By opens the duty; Provider and Consumer are those of the agreement.
	By       string `json:"by"`
	Provider string `json:"provider"`
	Consumer string `json:"consumer"`
	// Cause is fulfilled, expired, terminated or not_needed.
	Cause string `json:"cause"`
	// Method is erase, return, anonymise, seal or retained_by_law.
	Method string `json:"method"`
	// Due is by when; Hold the case for which the data has to stay for now.
	Due  Time   `json:"due,omitzero"`
	Hold string `json:"hold,omitzero"`
}

// DisposalPerformed says that the data is gone, and its copies with it.
type DisposalPerformed struct {
	Disposal  string `json:"disposal"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	// Method is erase, return, anonymise, seal or retained_by_law.
	Method string `json:"method"`
	// Datasets are those disposed of, copies derived from them included.
	Datasets []DatasetRef `json:"datasets,omitzero"`
	Rows     int          `json:"rows,omitzero"`
	// Evidence is the digest of what shows it, Witness who saw it.
	Evidence string `json:"evidence"`
	Witness  string `json:"witness,omitzero"`
}

// DisposalAccepted is the provider's word that the duty is met.
type DisposalAccepted struct {
	Disposal  string `json:"disposal"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
}

// DisposalRejected is the provider's word that it is not.
type DisposalRejected struct {
	Disposal  string `json:"disposal"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

func (e *DisposalOpened) Subject() Subject    { return Subject{KindDisposal, e.Disposal} }
func (e *DisposalPerformed) Subject() Subject { return Subject{KindDisposal, e.Disposal} }
func (e *DisposalAccepted) Subject() Subject  { return Subject{KindDisposal, e.Disposal} }
func (e *DisposalRejected) Subject() Subject  { return Subject{KindDisposal, e.Disposal} }

func (e *DisposalOpened) names() []Name {
	return append(parties(e.By, e.Provider, e.Consumer), agreementName(e.Agreement))
}
func (e *DisposalPerformed) names() []Name {
	out := append(parties(e.By, e.Witness), agreementName(e.Agreement))
	for _, d := range e.Datasets {
		out = append(out, datasetName(d.Namespace, d.Name))
	}
	return out
}
func (e *DisposalAccepted) names() []Name { return append(parties(e.By), agreementName(e.Agreement)) }
func (e *DisposalRejected) names() []Name { return append(parties(e.By), agreementName(e.Agreement)) }

func (e *DisposalRejected) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }

func (e *DisposalOpened) needs() []Subject {
	return append(partySubjects(e.By), agreementSubject(e.Agreement))
}
func (e *DisposalPerformed) needs() []Subject { return partySubjects(e.By) }
func (e *DisposalAccepted) needs() []Subject  { return partySubjects(e.By) }
func (e *DisposalRejected) needs() []Subject  { return partySubjects(e.By) }

func (e *DisposalOpened) validate(c checker) {
	c.under("disposal", e.Disposal, e.Agreement, e.By)
	c.required("provider", e.Provider, MaxID)
	c.required("consumer", e.Consumer, MaxID)
	c.oneOf("cause", e.Cause, disposalCauses)
	c.oneOf("method", e.Method, disposalMethods)
	c.optionalTime("due", e.Due)
	c.text("hold", e.Hold, MaxID)
}

func (e *DisposalPerformed) validate(c checker) {
	c.under("disposal", e.Disposal, e.Agreement, e.By)
	c.oneOf("method", e.Method, disposalMethods)
	for i, d := range e.Datasets {
		at := c.at("datasets", i)
		at.required("namespace", d.Namespace, MaxName)
		at.required("name", d.Name, MaxName)
	}
	c.atLeast("rows", e.Rows, 0)
	c.required("evidence", e.Evidence, MaxCode)
	c.text("witness", e.Witness, MaxID)
}

func (e *DisposalAccepted) validate(c checker) {
	c.under("disposal", e.Disposal, e.Agreement, e.By)
}

func (e *DisposalRejected) validate(c checker) {
	c.under("disposal", e.Disposal, e.Agreement, e.By)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

// check holds to rules I-18 and I-19: the end of an agreement opens the duty,
// its suspension does not.
func (e *DisposalOpened) check(s States) error {
	if err := disposalMoves.by(s, "disposal.duty.opened", e.Subject(), stateOf[Disposal](s, e.Subject()).Stage, e.By); err != nil {
		return err
	}
	sub := agreementSubject(e.Agreement)
	a := stateOf[Agreement](s, sub)
	switch {
	case a.Stage == "":
		return fault("disposal.agreement", "agreement", sub, a.Stage, "no such agreement was activated", "name the agreement the data was had under")
	case e.Cause == CauseNotNeeded && a.Stage == StageSuspended, e.Cause != CauseNotNeeded && a.Stage != e.Cause:
		return fault("disposal.cause", "cause", sub, a.Stage, "the agreement is "+a.Stage,
			"open the duty when the agreement has ended, with how it ended as the cause, or with not_needed while it is active")
	case a.Provider != e.Provider || a.Consumer != e.Consumer:
		return fault("disposal.parties", "provider", sub, a.Stage, "the agreement is between "+a.Provider+" and "+a.Consumer, "send these as provider and consumer")
	}
	return nil
}

// next holds an event of a known duty to its stages and to who may send it.
func (d *Disposal) next(s States, typ string, sub Subject, agreement, by, party string) error {
	if err := disposalMoves.by(s, typ, sub, d.Stage, by); err != nil {
		return err
	}
	if agreement != d.Agreement {
		return fault("disposal.agreement", "agreement", sub, d.Stage, "the duty is under the agreement "+quote(d.Agreement), "send that agreement")
	}
	return only(s, "disposal.party", sub, d.Stage, by, party)
}

func (e *DisposalPerformed) check(s States) error {
	now := stateOf[Disposal](s, e.Subject())
	return now.next(s, "disposal.performed", e.Subject(), e.Agreement, e.By, now.Consumer)
}

func (e *DisposalAccepted) check(s States) error {
	now := stateOf[Disposal](s, e.Subject())
	return now.next(s, "disposal.accepted", e.Subject(), e.Agreement, e.By, now.Provider)
}

func (e *DisposalRejected) check(s States) error {
	now := stateOf[Disposal](s, e.Subject())
	return now.next(s, "disposal.rejected", e.Subject(), e.Agreement, e.By, now.Provider)
}

func (e *DisposalOpened) apply(d *Disposal) {
	*d = Disposal{StageOpen, e.Agreement, e.Provider, e.Consumer}
}
func (e *DisposalPerformed) apply(d *Disposal) { d.Stage = StagePerformed }
func (e *DisposalAccepted) apply(d *Disposal)  { d.Stage = StageAccepted }
func (e *DisposalRejected) apply(d *Disposal)  { d.Stage = StageRejected }
