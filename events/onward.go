package events

import "fmt"

// KindOnward is the subject of a wish to pass shared data on to a third party.
const KindOnward = "onward"

// The stages of onward provision; StageRefused is the third.
const (
	StageRequested = "requested"
	StageConsented = "consented"
)

var onwardTypes = []Type{
	act[OnwardRequested, Onward]("share.onward.requested"),
	act[OnwardConsented, Onward]("share.onward.consented"),
	act[OnwardRefused, Onward]("share.onward.refused"),
}

var onwardMoves = moves{
	"":             {"share.onward.requested"},
	StageRequested: {"share.onward.consented", "share.onward.refused"},
}

// Onward is the state of a wish to pass data on.
//
//	(none) ──requested──> requested ──consented──> consented
//	                          └──────refused────> refused
type Onward struct {
	Stage     string `json:"stage,omitzero"`
	Agreement string `json:"agreement,omitzero"`
	Provider  string `json:"provider,omitzero"`
}

// OnwardRequested asks the provider for leave to pass data on.
type OnwardRequested struct {
	Onward    string `json:"onward"`
	Agreement string `json:"agreement"`
	// By is the consumer; Provider is whose leave is asked.
	By       string `json:"by"`
	Provider string `json:"provider"`
	// To is the third party.
	To       string    `json:"to"`
	Items    []ItemRef `json:"items"`
	Purposes []string  `json:"purposes"`
	// Term is for how long, [from, to).
	Term Period `json:"term,omitzero"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// OnwardConsented is the provider's leave.
type OnwardConsented struct {
	Onward     string `json:"onward"`
	Agreement  string `json:"agreement"`
	By         string `json:"by"`
	Conditions string `json:"conditions,omitzero"`
}

// OnwardRefused is the provider's refusal.
type OnwardRefused struct {
	Onward    string `json:"onward"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

func (e *OnwardRequested) Subject() Subject { return Subject{KindOnward, e.Onward} }
func (e *OnwardConsented) Subject() Subject { return Subject{KindOnward, e.Onward} }
func (e *OnwardRefused) Subject() Subject   { return Subject{KindOnward, e.Onward} }

func (e *OnwardRequested) names() []Name {
	out := append(parties(e.By, e.Provider, e.To), agreementName(e.Agreement))
	for _, i := range e.Items {
		out = append(out, entryName(i.Entry))
	}
	return out
}
func (e *OnwardConsented) names() []Name { return append(parties(e.By), agreementName(e.Agreement)) }
func (e *OnwardRefused) names() []Name   { return append(parties(e.By), agreementName(e.Agreement)) }

func (e *OnwardRequested) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }
func (e *OnwardRefused) facets() []facetField   { return []facetField{{"reason", "", &e.Reason}} }

func (e *OnwardRequested) needs() []Subject {
	return append(partySubjects(e.By, e.Provider, e.To), agreementSubject(e.Agreement))
}
func (e *OnwardConsented) needs() []Subject { return partySubjects(e.By) }
func (e *OnwardRefused) needs() []Subject   { return partySubjects(e.By) }

func (e *OnwardRequested) validate(c checker) {
	c.under("onward", e.Onward, e.Agreement, e.By)
	c.required("provider", e.Provider, MaxID)
	c.required("to", e.To, MaxID)
	c.items("items", e.Items)
	c.some("purposes", len(e.Purposes))
	c.distinct("purposes", e.Purposes, MaxCode)
	c.period("term", e.Term)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

// items holds a list of items of entries, at least one.
func (c checker) items(field string, refs []ItemRef) {
	c.some(field, len(refs))
	for i, ref := range refs {
		at := c.at(field, i)
		at.required("entry", ref.Entry, MaxID)
		at.required("item", ref.Item, MaxID)
	}
}

func (e *OnwardConsented) validate(c checker) {
	c.under("onward", e.Onward, e.Agreement, e.By)
	c.text("conditions", e.Conditions, MaxName)
}

func (e *OnwardRefused) validate(c checker) {
	c.under("onward", e.Onward, e.Agreement, e.By)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

func (e *OnwardRequested) check(s States) error {
	if err := onwardMoves.by(s, "share.onward.requested", e.Subject(), stateOf[Onward](s, e.Subject()).Stage, e.By); err != nil {
		return err
	}
	sub := agreementSubject(e.Agreement)
	a := stateOf[Agreement](s, sub)
	if a.Stage != StageActive {
		return fault("onward.agreement-active", "agreement", sub, a.Stage, "the agreement is not active", "name an active agreement")
	}
	if !succeeds(s, e.By, a.Consumer) || !succeeds(s, e.Provider, a.Provider) {
		return fault("onward.parties", "by", sub, a.Stage, "the agreement is between "+a.Provider+" and "+a.Consumer, "ask as its consumer, of its provider")
	}
	for i, ref := range e.Items {
		if !a.grants(ref) {
			return fault("onward.items-granted", fmt.Sprintf("items/%d", i), sub, a.Stage, fmt.Sprintf("the item %s of %s is not granted", quote(ref.Item), quote(ref.Entry)), "name granted items only")
		}
	}
	return registered(s, "/data/to", e.To)
}

// answer holds the provider's answer to what was asked.
func (o *Onward) answer(s States, typ string, sub Subject, agreement, by string) error {
	if err := onwardMoves.by(s, typ, sub, o.Stage, by); err != nil {
		return err
	}
	if agreement != o.Agreement {
		return fault("onward.agreement", "agreement", sub, o.Stage, "the request is under the agreement "+quote(o.Agreement), "send that agreement")
	}
	return only(s, "onward.provider", sub, o.Stage, by, o.Provider)
}

func (e *OnwardConsented) check(s States) error {
	now := stateOf[Onward](s, e.Subject())
	return now.answer(s, "share.onward.consented", e.Subject(), e.Agreement, e.By)
}

func (e *OnwardRefused) check(s States) error {
	now := stateOf[Onward](s, e.Subject())
	return now.answer(s, "share.onward.refused", e.Subject(), e.Agreement, e.By)
}

func (e *OnwardRequested) apply(o *Onward) { *o = Onward{StageRequested, e.Agreement, e.Provider} }
func (e *OnwardConsented) apply(o *Onward) { o.Stage = StageConsented }
func (e *OnwardRefused) apply(o *Onward)   { o.Stage = StageRefused }
