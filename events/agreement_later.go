package events

import (
	"fmt"
	"reflect"
	"slices"
)

// AgreementAmended gives an agreement other terms, whole: what it does not say is
// granted no more.
type AgreementAmended struct {
	Agreement string `json:"agreement"`
	// Version counts the terms of the agreement; those it was activated with are 1.
	Version    int      `json:"version"`
	By         string   `json:"by"`
	Grants     []Grant  `json:"grants"`
	Purposes   []string `json:"purposes"`
	Scope      Scope    `json:"scope,omitzero"`
	Method     string   `json:"method"`
	ValidTo    Time     `json:"valid_to"`
	ReviewDate Time     `json:"review_date,omitzero"`
	Onward     string   `json:"onward"`
	OnwardTo   []string `json:"onward_to,omitzero"`
	Disposal   string   `json:"disposal,omitzero"`
	// Consent is the provider's consent, required where the terms grow: in items,
	// purposes, rows, time or recipients.
	Consent string `json:"consent,omitzero"`
	// Contract is the digest of the document that has these terms, if both signed one.
	Contract string `json:"contract,omitzero"`
	// ChangedPaths are the JSON pointers of what changed, for readers.
	ChangedPaths []string `json:"changed_paths,omitzero"`
}

// AgreementExpired says that the term of an agreement ended.
type AgreementExpired struct {
	Agreement string `json:"agreement"`
	By        string `json:"by"`
}

// AgreementFulfilled says that the purpose of an agreement was reached before
// the end of its term.
type AgreementFulfilled struct {
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	Cause     string `json:"cause,omitzero"`
	// ConsultRef is the consultation of the consumer and FilingRef the filing with
	// the competent department. They are required if the provider ends the agreement.
	ConsultRef string `json:"consult_ref,omitzero"`
	FilingRef  string `json:"filing_ref,omitzero"`
}

func (e *AgreementAmended) Subject() Subject   { return agreementSubject(e.Agreement) }
func (e *AgreementExpired) Subject() Subject   { return agreementSubject(e.Agreement) }
func (e *AgreementFulfilled) Subject() Subject { return agreementSubject(e.Agreement) }

func (e *AgreementAmended) names() []Name {
	out := append(parties(e.By), agreementName(e.Agreement))
	for _, g := range e.Grants {
		out = append(out, entryName(g.Entry))
	}
	return append(out, parties(e.OnwardTo...)...)
}
func (e *AgreementExpired) names() []Name {
	return append(parties(e.By), agreementName(e.Agreement))
}
func (e *AgreementFulfilled) names() []Name {
	return append(parties(e.By), agreementName(e.Agreement))
}

func (e *AgreementAmended) needs() []Subject {
	out := partySubjects(append([]string{e.By}, e.OnwardTo...)...)
	for _, g := range e.Grants {
		out = append(out, entrySubject(g.Entry))
	}
	return out
}
func (e *AgreementExpired) needs() []Subject   { return partySubjects(e.By) }
func (e *AgreementFulfilled) needs() []Subject { return partySubjects(e.By) }

func (e *AgreementAmended) validate(c checker) {
	c.required("agreement", e.Agreement, MaxID)
	c.atLeast("version", e.Version, 2)
	c.required("by", e.By, MaxID)
	c.grants("grants", e.Grants)
	c.some("purposes", len(e.Purposes))
	c.distinct("purposes", e.Purposes, MaxCode)
	c.scope("scope", e.Scope)
	c.oneOf("method", e.Method, methods)
	c.time("valid_to", e.ValidTo)
	c.optionalTime("review_date", e.ReviewDate)
	c.onward(e.Onward, e.OnwardTo)
	c.text("disposal", e.Disposal, MaxName)
	c.text("consent", e.Consent, MaxID)
	c.text("contract", e.Contract, MaxCode)
	c.texts("changed_paths", e.ChangedPaths, MaxName)
}

func (e *AgreementExpired) validate(c checker) {
	c.required("agreement", e.Agreement, MaxID)
	c.required("by", e.By, MaxID)
}

func (e *AgreementFulfilled) validate(c checker) {
	c.required("agreement", e.Agreement, MaxID)
	c.required("by", e.By, MaxID)
	c.text("cause", e.Cause, MaxCode)
	c.text("consult_ref", e.ConsultRef, MaxID)
	c.text("filing_ref", e.FilingRef, MaxID)
}

func (e *AgreementAmended) check(s States) error {
	now := stateOf[Agreement](s, e.Subject())
	if now.Stage != StageActive {
		return illegal("agreement.active", e.Subject(), now.stage(), "the agreement is not active", "only an active agreement can be amended")
	}
	if e.Version != now.Version+1 {
		return fault("agreement.version-next", "version", e.Subject(), now.stage(), fmt.Sprintf("the terms now cannot have version %d", e.Version), "send version %d", now.Version+1)
	}
	for i, id := range e.OnwardTo {
		if err := registered(s, fmt.Sprintf("/data/onward_to/%d", i), id); err != nil {
			return err
		}
	}
	for i := range e.Grants {
		if err := e.Grants[i].check(s, KindAgreement, fmt.Sprintf("/data/grants/%d", i)); err != nil {
			return err
		}
		if now.covers(grantStates(e.Grants[i : i+1])) {
			continue
		}
		if err := e.Grants[i].of(s, now.Provider, fmt.Sprintf("grants/%d", i)); err != nil {
			return err
		}
	}
	if err := registered(s, "/data/by", e.By); err != nil {
		return err
	}
	if err := only(s, "agreement.party", e.Subject(), now.stage(), e.By, now.Provider, now.Consumer); err != nil {
		return err
	}
	return e.consented(s, now)
}

// consented holds to rule I-15: what grows was consented to by the provider first.
func (e *AgreementAmended) consented(s States, now Agreement) error {
	if s.Imported || e.Consent != "" || succeeds(s, e.By, now.Provider) {
		return nil
	}
	field := ""
	switch {
	case !now.covers(grantStates(e.Grants)):
		field = "grants"
	case len(missing(e.Purposes, now.Purposes)) > 0:
		field = "purposes"
	case !reflect.DeepEqual(e.Scope, now.Scope):
		field = "scope" // whether other rows are more rows, no rule can tell
	case e.ValidTo > now.ValidTo:
		field = "valid_to"
	case len(missing(e.OnwardTo, now.Onward)) > 0:
		field = "onward_to"
	default:
		return nil
	}
	return fault("agreement.provider-consent", field, e.Subject(), now.stage(), "the terms grow without the provider's consent", "send the reference of the consent in consent")
}

// covers tells whether other grants give nothing that is not granted now.
func (s *Agreement) covers(other []GrantState) bool {
	for _, g := range other {
		i := slices.IndexFunc(s.Grants, func(have GrantState) bool { return have.Entry == g.Entry })
		if i < 0 || len(missing(g.Items, s.Grants[i].Items)) > 0 {
			return false
		}
		for _, item := range s.Grants[i].Masked {
			if slices.Contains(g.Items, item) && !slices.Contains(g.Masked, item) {
				return false
			}
		}
	}
	return true
}

func (e *AgreementExpired) check(s States) error {
	now := stateOf[Agreement](s, e.Subject())
	if now.Stage != StageActive && now.Stage != StageSuspended {
		return illegal("agreement.running", e.Subject(), now.stage(), "the agreement is not running", "only an active or suspended agreement can expire")
	}
	if s.Time < now.ValidTo {
		return illegal("agreement.term-ended", e.Subject(), now.stage(), "the term goes on until "+now.ValidTo.String(), "wait for its end, or terminate the agreement")
	}
	return registered(s, "/data/by", e.By)
}

// check holds to rule I-16: a provider consults and files first, whatever it calls the
// end of the agreement.
func (e *AgreementFulfilled) check(s States) error {
	now := stateOf[Agreement](s, e.Subject())
	if now.Stage != StageActive {
		return illegal("agreement.active", e.Subject(), now.stage(), "the agreement is not active", "only an active agreement can be fulfilled")
	}
	if err := now.consulted(s, e.Subject(), e.By, e.ConsultRef, e.FilingRef); err != nil {
		return err
	}
	return authorityOr(s, "agreement.party", e.Subject(), now.stage(), e.By, now.Provider, now.Consumer)
}

func (e *AgreementAmended) apply(s *Agreement) {
	s.Version, s.Grants, s.Purposes, s.Scope = e.Version, grantStates(e.Grants), slices.Clone(e.Purposes), e.Scope
	s.ValidTo, s.Onward = e.ValidTo, slices.Clone(e.OnwardTo)
}

func (e *AgreementExpired) apply(s *Agreement)   { s.Stage = StageExpired }
func (e *AgreementFulfilled) apply(s *Agreement) { s.Stage = StageFulfilled }
