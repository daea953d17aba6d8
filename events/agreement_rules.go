package events

import (
	"fmt"
	"slices"
)

func (e *AgreementActivated) check(s States) error {
	if now := stateOf[Agreement](s, e.Subject()); now.Stage != "" {
		return illegal("agreement.activated-once", e.Subject(), now.stage(), "the agreement already exists", "activate a new agreement under another id")
	}
	if err := registered(s, "/data/provider", e.Provider); err != nil {
		return err
	}
	if err := registered(s, "/data/consumer", e.Consumer); err != nil {
		return err
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
	}
	if e.Request != "" {
		return e.asked(s)
	}
	for i := range e.Grants {
		if err := e.Grants[i].of(s, e.Provider, fmt.Sprintf("grants/%d", i)); err != nil {
			return err
		}
	}
	return nil
}

// of holds a grant that no request asked for to what the provider of its agreement has to
// give: entries of its own, or items that it is designated the source of. Imported events
// are not asked.
func (g *Grant) of(s States, provider, at string) error {
	sub := entrySubject(g.Entry)
	entry := stateOf[Entry](s, sub)
	elsewhere := func(item string) bool {
		return !slices.Contains(entry.Sources, SourceState{item, provider}) && !slices.Contains(entry.Sources, SourceState{"", provider})
	}
	if s.Imported || succeeds(s, provider, entry.Provider) || !slices.ContainsFunc(g.Items, elsewhere) {
		return nil
	}
	return fault("agreement.provider", at+"/entry", sub, entry.stage(), quote(provider)+" does not provide the entry", "let %s grant it", quote(entry.Provider))
}

// asked holds an agreement to the request it answers (rule I-12: what it grants
// was granted there).
func (e *AgreementActivated) asked(s States) error {
	sub := requestSubject(e.Request)
	r := stateOf[Request](s, sub)
	if r.Stage != StageGranted && r.Stage != StagePartlyGranted {
		return fault("agreement.request-granted", "request", sub, r.Stage, "the request was not granted", "answer it first (share.request.answered); an agreement that rests on a mandate names no request")
	}
	if !succeeds(s, e.Provider, r.Provider) || !succeeds(s, e.Consumer, r.Consumer) {
		return fault("agreement.request-parties", "request", sub, r.Stage, "the request is by "+r.Consumer+" to "+r.Provider, "activate the agreement between those")
	}
	for i, g := range e.Grants {
		if extra := missing(g.Items, itemsOf(r.Granted, g.Entry)); len(extra) > 0 {
			return fault("agreement.items-granted", fmt.Sprintf("grants/%d/items", i), sub, r.Stage,
				fmt.Sprintf("%s of %s was not granted to the request", quote(extra[0]), quote(g.Entry)), "grant what the answer granted, or less")
		}
	}
	return nil
}

// check holds a grant to the entry it is of: the version is or was in force
// (rule I-08), the items are items of that version (I-12), and neither the
// entry nor an item is kept from sharing.
func (g *Grant) check(s States, kind, at string) error {
	sub := entrySubject(g.Entry)
	entry := stateOf[Entry](s, sub)
	refuse := func(rule, field, detail, fix string, args ...any) error {
		r := illegal(kind+rule, sub, entry.stage(), detail, fix, args...)
		r.Field = at + field
		return r
	}
	if entry.Published == 0 {
		return refuse(".entry-published", "/entry", "no version of the entry is in force", "publish the entry first, or grant another")
	}
	v, ok := entry.version(g.EntryVersion)
	if !ok || !v.Published {
		return refuse(".entry-published", "/entry_version", fmt.Sprintf("version %d was never published", g.EntryVersion),
			"send version %d, which is in force", entry.Published)
	}
	if entry.Suspended {
		return refuse(".entry-suspended", "/entry", "the entry is suspended", "wait until it is resumed")
	}
	if v.Sharing == SharingNotShared {
		return refuse(".not-shared", "/entry", "the entry is not shared", "grant another entry, such as one that only verifies")
	}
	for i, id := range g.Items {
		field := fmt.Sprintf("/items/%d", i)
		if !slices.Contains(v.Items, id) {
			return refuse(".items-in-entry", field, fmt.Sprintf("%s is not an item of version %d", quote(id), v.Version), "choose among %s", list(v.Items))
		}
		if slices.Contains(v.NotShared, id) {
			return refuse(".not-shared", field, "the item "+quote(id)+" is not shared", "leave the item out")
		}
	}
	return nil
}

func (e *AgreementSuspended) check(s States) error {
	now := stateOf[Agreement](s, e.Subject())
	if now.Stage != StageActive {
		return illegal("agreement.active", e.Subject(), now.stage(), "the agreement is not active", "only an active agreement can be suspended")
	}
	return authorityOr(s, "agreement.authority-or-provider", e.Subject(), now.stage(), e.By, now.Provider)
}

func (e *AgreementResumed) check(s States) error {
	now := stateOf[Agreement](s, e.Subject())
	if now.Stage != StageSuspended {
		return illegal("agreement.suspended", e.Subject(), now.stage(), "the agreement is not suspended", "only a suspended agreement can be resumed")
	}
	for i, ref := range e.ItemsRemoved {
		if !now.grants(ref) {
			return fault("agreement.items-granted", fmt.Sprintf("items_removed/%d", i), e.Subject(), now.stage(),
				fmt.Sprintf("the item %s of %s is not granted", quote(ref.Item), quote(ref.Entry)), "remove granted items only")
		}
	}
	if len(now.without(e.ItemsRemoved)) == 0 {
		return fault("agreement.items-left", "items_removed", e.Subject(), now.stage(), "no granted item would be left", "terminate the agreement instead")
	}
	return authorityOr(s, "agreement.authority-or-provider", e.Subject(), now.stage(), e.By, now.Provider)
}

// check holds to rules I-16 (a provider consults and files first) and I-17 (for
// breach only after a suspension and a rectification that came to nothing).
func (e *AgreementTerminated) check(s States) error {
	now := stateOf[Agreement](s, e.Subject())
	if now.Stage != StageActive && now.Stage != StageSuspended {
		return illegal("agreement.running", e.Subject(), now.stage(), "the agreement is not running", "only an active or suspended agreement can be terminated")
	}
	if e.Cause == CauseBreach {
		if err := e.afterRectification(s, now); err != nil {
			return err
		}
	} else if err := now.consulted(s, e.Subject(), e.By, e.ConsultRef, e.FilingRef); err != nil {
		return err
	}
	return authorityOr(s, "agreement.party", e.Subject(), now.stage(), e.By, now.Provider, now.Consumer)
}

// consulted refuses the end of an agreement by its provider without a consultation and a
// filing. Imported events are not asked.
func (s *Agreement) consulted(st States, sub Subject, by, consult, filing string) error {
	if st.Imported || !succeeds(st, by, s.Provider) {
		return nil
	}
	if consult == "" {
		return fault("agreement.consult-ref", "consult_ref", sub, s.stage(), "a provider that ends an agreement consults the consumer first",
			"send the reference of the consultation")
	}
	if filing == "" {
		return fault("agreement.filing-ref", "filing_ref", sub, s.stage(), "a provider that ends an agreement files it with the competent department first",
			"send the reference of the filing")
	}
	return nil
}

func (e *AgreementTerminated) afterRectification(s States, now Agreement) error {
	if now.Stage != StageSuspended {
		return illegal("agreement.breach-suspended", e.Subject(), now.stage(), "the agreement is not suspended", "suspend it and order a rectification first")
	}
	sub := rectificationSubject(e.Rectification)
	r := stateOf[Rectification](s, sub)
	overdue := r.Stage == StageOrdered && s.Recorded >= r.Due
	if r.Agreement != e.Agreement || r.Stage != StageRejected && !overdue {
		return fault("agreement.breach-rectification", "rectification", sub, r.Stage, "no rectification of this agreement was rejected or is overdue under that id",
			"order it first (oversight.rectification.ordered), and wait for what comes of it")
	}
	return nil
}

func (e *AgreementActivated) apply(s *Agreement) {
	*s = Agreement{
		Stage: StageActive, Version: 1, Provider: e.Provider, Consumer: e.Consumer, Grants: grantStates(e.Grants),
		Purposes: slices.Clone(e.Purposes), Scope: e.Scope, ValidTo: e.ValidTo, Onward: slices.Clone(e.OnwardTo),
	}
}

func grantStates(grants []Grant) []GrantState {
	var out []GrantState
	for _, g := range grants {
		out = append(out, GrantState{g.Entry, slices.Clone(g.Items), sortedKeys(g.Masking)})
	}
	return out
}

func (e *AgreementSuspended) apply(s *Agreement) { s.Stage = StageSuspended }

func (e *AgreementResumed) apply(s *Agreement) {
	s.Stage, s.Grants = StageActive, s.without(e.ItemsRemoved)
}

func (e *AgreementTerminated) apply(s *Agreement) { s.Stage = StageTerminated }
