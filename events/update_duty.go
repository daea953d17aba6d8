package events

// KindUpdateDuty is the subject of a duty to bring a catalog entry up to date
// after the law or the provider's duties changed.
const KindUpdateDuty = "update_duty"

// The stages of a duty, whatever it is for.
const (
	StageOpen   = "open"
	StageClosed = "closed"
)

var updateTriggers = []string{"law_change", "state_council_decision", "duty_change", "other"}

var updateDutyTypes = []Type{
	act[UpdateDutyOpened, UpdateDuty]("catalog.update_duty.opened"),
	act[UpdateDutyExtended, UpdateDuty]("catalog.update_duty.extended"),
	act[UpdateDutyClosed, UpdateDuty]("catalog.update_duty.closed"),
}

var updateDutyMoves = moves{
	"":        {"catalog.update_duty.opened"},
	StageOpen: {"catalog.update_duty.extended", "catalog.update_duty.closed"},
}

// UpdateDuty is the state of an update duty.
//
//	(none) ──opened──> open ──extended──> open ──closed──> closed
//
// By when it is due is derived from the day it was triggered, a rule pack and a
// calendar, and moves no state.
type UpdateDuty struct {
	Stage    string `json:"stage,omitzero"`
	Entry    string `json:"entry,omitzero"`
	Extended int    `json:"extended,omitzero"` // working days
}

// UpdateDutyOpened says that an entry has to be brought up to date.
type UpdateDutyOpened struct {
	Duty  string `json:"duty"`
	Entry string `json:"entry"`
	// Trigger is law_change, state_council_decision, duty_change or other.
	Trigger string `json:"trigger"`
	// TriggerDate is when the change took effect: the clock runs from then.
	TriggerDate Time `json:"trigger_date"`
	// Basis is the instrument that changed.
	Basis string `json:"basis"`
	// By is the party that raises it.
	By string `json:"by"`
}

// UpdateDutyExtended gives the provider more working days. Once is all there is.
type UpdateDutyExtended struct {
	Duty  string `json:"duty"`
	Entry string `json:"entry"`
	// Days are working days.
	Days int `json:"days"`
	// By is the competent department that consents, Consent its decision.
	By      string `json:"by"`
	Consent string `json:"consent"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// UpdateDutyClosed says that the duty was met by a version of the entry.
type UpdateDutyClosed struct {
	Duty  string `json:"duty"`
	Entry string `json:"entry"`
	// ByVersion is the version that meets it.
	ByVersion int    `json:"by_version"`
	By        string `json:"by"`
}

func (e *UpdateDutyOpened) Subject() Subject   { return Subject{KindUpdateDuty, e.Duty} }
func (e *UpdateDutyExtended) Subject() Subject { return Subject{KindUpdateDuty, e.Duty} }
func (e *UpdateDutyClosed) Subject() Subject   { return Subject{KindUpdateDuty, e.Duty} }

func (e *UpdateDutyOpened) names() []Name   { return append(parties(e.By), entryName(e.Entry)) }
func (e *UpdateDutyExtended) names() []Name { return append(parties(e.By), entryName(e.Entry)) }
func (e *UpdateDutyClosed) names() []Name   { return append(parties(e.By), entryName(e.Entry)) }

func (e *UpdateDutyExtended) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }

func (e *UpdateDutyOpened) needs() []Subject {
	return append(partySubjects(e.By), entrySubject(e.Entry))
}
func (e *UpdateDutyExtended) needs() []Subject { return partySubjects(e.By) }
func (e *UpdateDutyClosed) needs() []Subject {
	return append(partySubjects(e.By), entrySubject(e.Entry))
}

func (e *UpdateDutyOpened) validate(c checker) {
	c.required("duty", e.Duty, MaxID)
	c.required("entry", e.Entry, MaxID)
	c.oneOf("trigger", e.Trigger, updateTriggers)
	c.time("trigger_date", e.TriggerDate)
	c.required("basis", e.Basis, MaxName)
	c.required("by", e.By, MaxID)
}

func (e *UpdateDutyExtended) validate(c checker) {
	c.required("duty", e.Duty, MaxID)
	c.required("entry", e.Entry, MaxID)
	c.atLeast("days", e.Days, 1)
	c.required("by", e.By, MaxID)
	c.required("consent", e.Consent, MaxID)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

func (e *UpdateDutyClosed) validate(c checker) {
	c.required("duty", e.Duty, MaxID)
	c.required("entry", e.Entry, MaxID)
	c.atLeast("by_version", e.ByVersion, 1)
	c.required("by", e.By, MaxID)
}

func (e *UpdateDutyOpened) check(s States) error {
	if err := updateDutyMoves.by(s, "catalog.update_duty.opened", e.Subject(), stateOf[UpdateDuty](s, e.Subject()).Stage, e.By); err != nil {
		return err
	}
	if entry := stateOf[Entry](s, entrySubject(e.Entry)); entry.Published == 0 {
		return fault("update_duty.entry-published", "entry", entrySubject(e.Entry), entry.stage(), "no version of the entry is in force", "name a published entry")
	}
	return nil
}

// of refuses an event that names another entry than its duty is about.
func (d *UpdateDuty) of(sub Subject, entry string) error {
	if entry == d.Entry {
		return nil
	}
	return fault("update_duty.entry", "entry", sub, d.Stage, "the duty is about "+quote(d.Entry), "send that entry")
}

func (e *UpdateDutyExtended) check(s States) error {
	now := stateOf[UpdateDuty](s, e.Subject())
	if err := updateDutyMoves.check("catalog.update_duty.extended", e.Subject(), now.Stage); err != nil {
		return err
	}
	if err := now.of(e.Subject(), e.Entry); err != nil {
		return err
	}
	if now.Extended > 0 {
		return fault("update_duty.extended-once", "days", e.Subject(), now.Stage, "the duty was already extended", "meet it; what is late is recorded as such")
	}
	return authority(s, "by", e.By, "")
}

func (e *UpdateDutyClosed) check(s States) error {
	now := stateOf[UpdateDuty](s, e.Subject())
	if err := updateDutyMoves.by(s, "catalog.update_duty.closed", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	if err := now.of(e.Subject(), e.Entry); err != nil {
		return err
	}
	entry := stateOf[Entry](s, entrySubject(e.Entry))
	if _, ok := entry.version(e.ByVersion); !ok {
		return fault("update_duty.version", "by_version", entrySubject(e.Entry), entry.stage(), "the entry has no such version", "name a version that was drafted")
	}
	return nil
}

func (e *UpdateDutyOpened) apply(d *UpdateDuty)   { *d = UpdateDuty{Stage: StageOpen, Entry: e.Entry} }
func (e *UpdateDutyExtended) apply(d *UpdateDuty) { d.Extended = e.Days }
func (e *UpdateDutyClosed) apply(d *UpdateDuty)   { d.Stage = StageClosed }
