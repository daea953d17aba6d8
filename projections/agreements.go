package projections

import (
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Agreement is who shares what with whom, for what, until when, as of a position.
type Agreement struct {
	ID           string `json:"id"`
	Request      string `json:"request,omitempty"`
	Provider     string `json:"provider"`
	ProviderName string `json:"provider_name,omitempty"`
	Consumer     string `json:"consumer"`
	ConsumerName string `json:"consumer_name,omitempty"`
	// Grants is what may be had now, less what was removed since the activation.
	Grants   []events.Grant `json:"grants"`
	Purposes []string       `json:"purposes"`
	Scope    events.Scope   `json:"scope,omitzero"`
	Method   string         `json:"method"`
	// TermFrom and TermTo bound the agreed term, [from, to).
	TermFrom   events.Time         `json:"term_from"`
	TermTo     events.Time         `json:"term_to"`
	ReviewDate events.Time         `json:"review_date,omitzero"`
	Onward     string              `json:"onward"`
	OnwardTo   []string            `json:"onward_to,omitempty"`
	Disposal   string              `json:"disposal,omitempty"`
	LegalBasis []events.LegalBasis `json:"legal_basis"`
	// ApprovedBy is the key of the head of the provider's sharing body who approved it.
	ApprovedBy string `json:"approved_by,omitempty"`
	// Contract is the digest of the document that has the terms now, if both signed one.
	Contract string `json:"contract,omitempty"`
	// Version counts the terms, from 1; ChangedPaths are what the last amendment
	// says it changed.
	Version      int      `json:"version"`
	ChangedPaths []string `json:"changed_paths,omitempty"`
	// State is active, suspended, terminated, expired or fulfilled. The end of the
	// term alone moves no state: InForce says whether the agreement was active and within its term at
	// the date asked for, or else when the view's position was recorded.
	State   string `json:"state"`
	InForce bool   `json:"in_force"`
	// Since is when the state took effect, Cause why if the event says so, By who
	// decided it.
	Since events.Time `json:"since"`
	Cause string      `json:"cause,omitempty"`
	By    string      `json:"by,omitempty"`
	// Position is the record that brought this about, Recorded its time, Type its
	// type.
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	Type     string      `json:"type"`
	// Imported marks what is known from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
	// Until is when a state stated for a time only ends; 0 for all others.
	Until events.Time `json:"until,omitzero"`
	// Number counts agreements, in the order in which the book brings them up.
	Number uint32 `json:"-"`
}

func (a *Agreement) code(c *coder) {
	c.texts(&a.ID, &a.Request, &a.Provider, &a.ProviderName, &a.Consumer, &a.ConsumerName)
	list(c, &a.Grants, codeGrant)
	textList(c, &a.Purposes)
	codeScope(&a.Scope, c)
	c.text(&a.Method)
	integer(c, &a.TermFrom)
	integer(c, &a.TermTo)
	integer(c, &a.ReviewDate)
	c.text(&a.Onward)
	textList(c, &a.OnwardTo)
	c.text(&a.Disposal)
	list(c, &a.LegalBasis, codeBasis)
	c.texts(&a.ApprovedBy, &a.Contract)
	integer(c, &a.Version)
	textList(c, &a.ChangedPaths)
	c.text(&a.State)
	c.bool(&a.InForce)
	integer(c, &a.Since)
	c.texts(&a.Cause, &a.By)
	integer(c, &a.Position)
	integer(c, &a.Recorded)
	c.text(&a.Type)
	c.bool(&a.Imported)
	integer(c, &a.Until)
	integer(c, &a.Number)
}

// AgreementQuery selects agreements; empty fields select everything.
type AgreementQuery struct {
	// Party is provider or consumer.
	Party, Provider, Consumer, Entry, State string
	// Column selects agreements that grant an item of that id, of Entry if that is given.
	Column string
	// Dataset selects agreements that grant an entry which describes it.
	Dataset Dataset
	// Request selects the agreements that came of a request.
	Request string
	// Purpose selects agreements that name it, Imported those from before the ledger
	// (or, if false, the others); nil takes both.
	Purpose  string
	Imported *bool
	// ValidAt selects by the state in force then; 0 the latest known.
	ValidAt events.Time
	Page
}

// AgreementList is one part of a list of agreements, ordered by id.
type AgreementList struct {
	Agreements []Agreement `json:"agreements"`
	Next       string      `json:"next,omitempty"`
	// PartyNames are the names of the parties in the list, by id, as of the position and
	// date asked for.
	PartyNames map[string]string `json:"party_names"`
}

// applyAgreements keeps, under an agreement's id, a row per event: the agreement
// whole, as it stands afterwards. It also notes the event as a share.
func applyAgreements(b *batch, e *ledger.Entry) error {
	switch d := e.Event.Data.(type) {
	case *events.AgreementActivated:
		return applyAgreement(b, e, d.Agreement, func(a *Agreement) {
			*a = Agreement{
				ID: d.Agreement, Request: d.Request, Provider: d.Provider, Consumer: d.Consumer, Grants: d.Grants, Purposes: d.Purposes,
				Scope: d.Scope, Method: d.Method, TermFrom: d.ValidFrom, TermTo: d.ValidTo, ReviewDate: d.ReviewDate, Onward: d.Onward,
				OnwardTo: d.OnwardTo, Disposal: d.Disposal, LegalBasis: d.LegalBasis, ApprovedBy: d.ApprovedBy, Contract: d.Contract, State: events.StageActive, By: d.Provider, Version: 1,
			}
		})
	case *events.AgreementSuspended:
		return applyAgreement(b, e, d.Agreement, func(a *Agreement) {
			a.State, a.By, a.Cause = events.StageSuspended, d.By, d.Cause
		})
	case *events.AgreementResumed:
		return applyAgreement(b, e, d.Agreement, func(a *Agreement) {
			a.State, a.By, a.Cause = events.StageActive, d.By, d.Cause
			a.Grants = without(a.Grants, d.ItemsRemoved)
		})
	case *events.AgreementAmended:
		return applyAgreement(b, e, d.Agreement, func(a *Agreement) {
			a.Version, a.Grants, a.Purposes, a.Scope, a.Method, a.TermTo = d.Version, d.Grants, d.Purposes, d.Scope, d.Method, d.ValidTo
			a.ReviewDate, a.Onward, a.OnwardTo, a.Disposal, a.Contract, a.ChangedPaths, a.By = d.ReviewDate, d.Onward, d.OnwardTo, d.Disposal, d.Contract, d.ChangedPaths, d.By
		})
	case *events.AgreementTerminated:
		return applyAgreement(b, e, d.Agreement, func(a *Agreement) {
			a.State, a.By, a.Cause = events.StageTerminated, d.By, d.Cause
		})
	case *events.AgreementExpired:
		return applyAgreement(b, e, d.Agreement, func(a *Agreement) {
			a.State, a.By, a.Cause = events.StageExpired, d.By, ""
		})
	case *events.AgreementFulfilled:
		return applyAgreement(b, e, d.Agreement, func(a *Agreement) {
			a.State, a.By, a.Cause = events.StageFulfilled, d.By, d.Cause
		})
	}
	return nil
}

func applyAgreement(b *batch, e *ledger.Entry, id string, change func(*Agreement)) error {
	k := entityKey(tAgreement, id)
	a, known, err := draw[Agreement](b, k)
	if err != nil {
		return err
	}
	if !known {
		err = b.count("agreements", 1)
	} else {
		err = b.count("agreements/"+a.State, -1)
	}
	if err != nil {
		return err
	}
	before, number := a, a.Number
	if !known {
		if number, err = b.nth("agreements"); err != nil {
			return err
		}
	}
	change(&a)
	a.Number = number
	a.ID, a.Type, a.Position, a.Recorded, a.Since, a.Until = id, e.Event.Type, e.Position, e.Recorded, effective(e), e.Event.EffectiveTo
	a.Imported = before.Imported || e.Event.Imported
	if err := b.count("agreements/"+a.State, 1); err != nil {
		return err
	}
	b.put(k, &a)
	noteConcerned(b, &before, &a)
	if err := noteGranted(b, &a); err != nil {
		return err
	}
	return noteShare(b, e, &a)
}

// concernedKey marks an agreement under a party to it, or an entry that it ever
// granted something of; without an id it is the prefix of all of these.
func concernedKey(kind, value string, id ...string) []byte {
	return entityKey(tConcerned, append([]string{kind, value}, id...)...)
}

// noteConcerned marks the agreement under the parties and entries that are new to it.
func noteConcerned(b *batch, before, a *Agreement) {
	for i, party := range []string{a.Provider, a.Consumer} {
		if party != before.Provider && party != before.Consumer && (i == 0 || party != a.Provider) {
			b.putOnce(concernedKey(events.NameParty, party, a.ID), markRow{})
		}
	}
	for i, g := range a.Grants {
		if _, had := before.grant(g.Entry); !had && slices.IndexFunc(a.Grants, func(o events.Grant) bool { return o.Entry == g.Entry }) == i {
			b.putOnce(concernedKey(events.NameEntry, g.Entry, a.ID), markRow{})
		}
	}
}

// without is the grants less some items, leaving out grants that are then empty.
func without(grants []events.Grant, removed []events.ItemRef) []events.Grant {
	var left []events.Grant
	for _, g := range grants {
		items := slices.DeleteFunc(slices.Clone(g.Items), func(item string) bool {
			return slices.Contains(removed, events.ItemRef{Entry: g.Entry, Item: item})
		})
		if g.Items = items; len(items) > 0 {
			left = append(left, g)
		}
	}
	return left
}

// grant returns what an agreement grants of an entry.
func (a *Agreement) grant(entry string) (events.Grant, bool) {
	i := slices.IndexFunc(a.Grants, func(g events.Grant) bool { return g.Entry == entry })
	if i < 0 {
		return events.Grant{}, false
	}
	return a.Grants[i], true
}

// concerned is the prefix of the shortest list that holds all agreements of a query.
func (q AgreementQuery) concerned() []byte {
	if q.Entry != "" {
		return concernedKey(events.NameEntry, q.Entry)
	}
	for _, party := range []string{q.Party, q.Consumer, q.Provider} {
		if party != "" {
			return concernedKey(events.NameParty, party)
		}
	}
	return entityKey(tAgreement)
}

// Agreements lists agreements.
func (w *View) Agreements(ctx context.Context, q AgreementQuery) (AgreementList, error) {
	list := AgreementList{Agreements: []Agreement{}}
	var err error
	list.Next, err = w.pageOfEntities(ctx, q.concerned(), q.Page, func(r *reader, id string, _ row) (bool, error) {
		a, ok, err := r.agreement(id, q.ValidAt, w.recorded)
		if err != nil || !ok {
			return false, err
		}
		if (q.Party != "" && q.Party != a.Provider && q.Party != a.Consumer) ||
			!matches(q.Provider, a.Provider) || !matches(q.Consumer, a.Consumer) || !matches(q.State, a.State) || !matches(q.Request, a.Request) ||
			(q.Purpose != "" && !slices.Contains(a.Purposes, q.Purpose)) || (q.Imported != nil && *q.Imported != a.Imported) {
			return false, nil
		}
		if (q.Entry != "" || q.Column != "") && !slices.ContainsFunc(a.Grants, func(g events.Grant) bool {
			return matches(q.Entry, g.Entry) && (q.Column == "" || slices.Contains(g.Items, q.Column))
		}) {
			return false, nil
		}
		if q.Dataset != (Dataset{}) {
			var d datasetRow
			if _, err := r.find(q.Dataset.key(), &d); err != nil {
				return false, err
			}
			if !slices.ContainsFunc(d.Entries, func(entry string) bool { _, granted := a.grant(entry); return granted }) {
				return false, nil
			}
		}
		if ok, err := r.shows(a.Provider, a.Consumer); err != nil || !ok {
			return false, err
		}
		a.blank(r)
		list.Agreements = append(list.Agreements, a)
		return true, nil
	})
	if err != nil {
		return list, err
	}
	var ids []string
	for _, a := range list.Agreements {
		ids = append(ids, a.Provider, a.Consumer)
	}
	list.PartyNames, err = w.partyNames(q.ValidAt, ids)
	return list, err
}

// Agreement returns the state of an agreement in force at validAt, or the latest
// known if that is 0; false if there is none.
func (w *View) Agreement(ctx context.Context, id string, validAt events.Time) (a Agreement, ok bool, err error) {
	err = w.read(func(r *reader) error {
		if a, ok, err = r.agreement(id, validAt, w.recorded); err == nil && ok {
			ok, err = r.sees(a.Provider, a.Consumer)
			a.blank(r)
		}
		return err
	})
	return a, ok, err
}

// AgreementHistory returns every state of an agreement known as of the view,
// oldest first, as it was recorded: without names of parties, and without a word of
// whether it is in force; nil if it is not known.
func (w *View) AgreementHistory(ctx context.Context, id string) (states []Agreement, err error) {
	err = w.read(func(r *reader) error {
		return r.history(entityKey(tAgreement, id), r.at, func(row row) (bool, error) {
			var a Agreement
			if err := row.decode(&a); err != nil {
				return false, err
			}
			if seen, err := r.sees(a.Provider, a.Consumer); err != nil || !seen {
				return false, err
			}
			a.blank(r)
			states = append(states, a)
			return true, nil
		})
	})
	slices.Reverse(states)
	return states, err
}

// agreement reads an agreement's state at a date (0: the latest known).
func (r *reader) agreement(id string, validAt, now events.Time) (a Agreement, ok bool, err error) {
	if validAt == 0 {
		if ok, err = r.find(entityKey(tAgreement, id), &a); err != nil || !ok {
			return Agreement{}, false, err
		}
		return a, true, r.complete(&a, now)
	}
	look := func(row row) (more bool, err error) {
		a = Agreement{}
		err = row.decode(&a)
		ok = within(validAt, a.Since, a.Until)
		return !ok, err
	}
	k := entityKey(tAgreement, id)
	row, there, err := r.get(k)
	if err != nil || !there {
		return Agreement{}, false, err
	}
	more, err := look(row)
	if err == nil && more { // the latest is mostly the one; what was before takes an iterator
		err = r.history(k, row.position-1, look)
	}
	if err != nil || !ok {
		return Agreement{}, false, err
	}
	return a, true, r.complete(&a, validAt)
}

// complete adds what a row does not hold because it changes by itself.
func (r *reader) complete(a *Agreement, now events.Time) (err error) {
	a.InForce = a.State == events.StageActive && within(now, a.TermFrom, a.TermTo)
	if a.ProviderName, err = r.partyName(a.Provider); err != nil {
		return err
	}
	a.ConsumerName, err = r.partyName(a.Consumer)
	return err
}
