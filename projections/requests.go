package projections

import (
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Request is what a consumer asked of a provider, and what came of it.
type Request struct {
	ID           string `json:"id"`
	Provider     string `json:"provider"`
	ProviderName string `json:"provider_name,omitempty"`
	Consumer     string `json:"consumer"`
	ConsumerName string `json:"consumer_name,omitempty"`
	// Asks are what was asked for, Granted what was granted of it.
	Asks       []events.Ask        `json:"asks"`
	Granted    []events.Grant      `json:"granted,omitempty"`
	Purposes   []string            `json:"purposes"`
	LegalBasis []events.LegalBasis `json:"legal_basis"`
	Scope      events.Scope        `json:"scope,omitzero"`
	Method     string              `json:"method"`
	Term       events.Period       `json:"term"`
	CaseNo     string              `json:"case_no,omitempty"`
	// State is submitted, received, supplement_requested, supplemented, granted,
	// partially_granted, refused or withdrawn.
	State string `json:"state"`
	// Submitted to Answered are when, as claimed; 0 if it did not happen.
	Submitted           events.Time `json:"submitted"`
	Received            events.Time `json:"received,omitzero"`
	SupplementRequested events.Time `json:"supplement_requested,omitzero"`
	Supplemented        events.Time `json:"supplemented,omitzero"`
	Answered            events.Time `json:"answered,omitzero"`
	// Extended is by how many working days, and with whose consent.
	Extended   int    `json:"extended,omitempty"`
	ExtendedBy string `json:"extended_by,omitempty"`
	Consent    string `json:"consent,omitempty"`
	// Ground and Basis say why not all was granted; the reasons in words stay in the
	// book.
	Ground string `json:"ground,omitempty"`
	Basis  string `json:"basis,omitempty"`
	// RequestApprover and AnswerApprover are the keys of the heads who approved.
	RequestApprover string `json:"request_approver"`
	AnswerApprover  string `json:"answer_approver,omitempty"`
	Dispute         string `json:"dispute,omitempty"`
	// Since is when the state took effect.
	Since events.Time `json:"since"`
	Until events.Time `json:"until,omitzero"`
	// Position is the record of the latest change, Recorded its time, Type its type,
	// Events all records about it.
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	Type     string      `json:"type"`
	Events   []int64     `json:"events"`
	// Imported marks what is known from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
	// Number counts requests, in the order in which the book brings them up.
	Number uint32 `json:"-"`
}

func (r *Request) code(c *coder) {
	c.texts(&r.ID, &r.Provider, &r.ProviderName, &r.Consumer, &r.ConsumerName)
	list(c, &r.Asks, codeAsk)
	list(c, &r.Granted, codeGrant)
	textList(c, &r.Purposes)
	list(c, &r.LegalBasis, codeBasis)
	codeScope(&r.Scope, c)
	c.text(&r.Method)
	codePeriod(&r.Term, c)
	c.texts(&r.CaseNo, &r.State)
	integer(c, &r.Submitted)
	integer(c, &r.Received)
	integer(c, &r.SupplementRequested)
	integer(c, &r.Supplemented)
	integer(c, &r.Answered)
	integer(c, &r.Extended)
	c.texts(&r.ExtendedBy, &r.Consent, &r.Ground, &r.Basis, &r.RequestApprover, &r.AnswerApprover, &r.Dispute)
	integer(c, &r.Since)
	integer(c, &r.Until)
	integer(c, &r.Position)
	integer(c, &r.Recorded)
	c.text(&r.Type)
	integerList(c, &r.Events)
	c.bool(&r.Imported)
	integer(c, &r.Number)
}

// RequestQuery selects requests; empty fields select everything.
type RequestQuery struct {
	// Party is provider or consumer.
	Party, Provider, Consumer, Entry, Column, Purpose, State string
	From, To                                                 events.Time // submitted, [From, To)
	// ValidAt selects by the state then; 0 the latest known.
	ValidAt events.Time
	Page
}

// RequestList is one part of a list of requests, ordered by id.
type RequestList struct {
	Requests []Request `json:"requests"`
	Next     string    `json:"next,omitempty"`
	// PartyNames are the names of the parties in the list, by id, as of the position and
	// date asked for.
	PartyNames map[string]string `json:"party_names"`
}

// applyRequests keeps, under a request's id, a row per event: the request whole,
// as it stands afterwards.
func applyRequests(b *batch, e *ledger.Entry) error {
	at := e.Event.Time
	switch d := e.Event.Data.(type) {
	case *events.RequestSubmitted:
		return applyRequest(b, e, d.Request, func(r *Request) {
			*r = Request{
				Provider: d.Provider, Consumer: d.Consumer, Asks: d.Asks, Purposes: d.Purposes, LegalBasis: d.LegalBasis, Scope: d.Scope,
				Method: d.Method, Term: d.Term, CaseNo: d.CaseNo, RequestApprover: d.ApprovedBy, State: events.StageSubmitted, Submitted: at,
			}
		})
	case *events.RequestReceived:
		return applyRequest(b, e, d.Request, func(r *Request) { r.State, r.Received = events.StageReceived, at })
	case *events.SupplementRequested:
		return applyRequest(b, e, d.Request, func(r *Request) { r.State, r.SupplementRequested = events.StageSupplementRequested, at })
	case *events.RequestSupplemented:
		return applyRequest(b, e, d.Request, func(r *Request) { r.State, r.Supplemented = events.StageSupplemented, at })
	case *events.RequestExtended:
		return applyRequest(b, e, d.Request, func(r *Request) { r.Extended, r.ExtendedBy, r.Consent = r.Extended+d.Days, d.Authority, d.Consent })
	case *events.RequestAnswered:
		return applyRequest(b, e, d.Request, func(r *Request) {
			r.State, r.Answered, r.Granted, r.Ground, r.Basis, r.AnswerApprover = d.Outcome, at, d.Grants, d.Ground, d.Basis, d.ApprovedBy
			if d.Dispute != "" {
				r.Dispute = d.Dispute
			}
			if d.Outcome == events.StageGranted && len(d.Grants) == 0 {
				for _, a := range r.Asks {
					r.Granted = append(r.Granted, events.Grant{Entry: a.Entry, EntryVersion: a.EntryVersion, Items: a.Items})
				}
			}
		})
	case *events.RequestWithdrawn:
		return applyRequest(b, e, d.Request, func(r *Request) { r.State = events.StageWithdrawn })
	case *events.DisputeRaised:
		if d.Request == "" {
			return nil
		}
		known, err := b.has(entityKey(tRequest, d.Request))
		if err != nil || !known {
			return err
		}
		return applyRequest(b, e, d.Request, func(r *Request) { r.Dispute = d.Dispute })
	}
	return nil
}

func applyRequest(b *batch, e *ledger.Entry, id string, change func(*Request)) error {
	k := entityKey(tRequest, id)
	r, known, err := draw[Request](b, k)
	if err != nil {
		return err
	}
	if known {
		err = b.count("requests/"+r.State, -1)
	} else {
		err = b.count("requests", 1)
	}
	if err != nil {
		return err
	}
	before, number, told := r.Events, r.Number, r.Imported
	if !known {
		if number, err = b.nth("requests"); err != nil {
			return err
		}
	}
	change(&r)
	r.Number = number
	r.ID, r.Type, r.Position, r.Recorded, r.Since, r.Until = id, e.Event.Type, e.Position, e.Recorded, effective(e), e.Event.EffectiveTo
	r.Imported, r.Events = told || e.Event.Imported, append(before, e.Position)
	if err := b.count("requests/"+r.State, 1); err != nil {
		return err
	}
	b.put(k, &r)
	s := Share{Request: id, Provider: r.Provider, Consumer: r.Consumer, Purposes: r.Purposes, State: r.State, Items: []SharedItems{}}
	for _, a := range r.Asks {
		s.Items = append(s.Items, SharedItems{a.Entry, a.Items})
	}
	return putShare(b, e, s)
}

// Requests lists requests.
func (w *View) Requests(ctx context.Context, q RequestQuery) (RequestList, error) {
	list := RequestList{Requests: []Request{}}
	var err error
	list.Next, err = w.pageOfEntities(ctx, entityKey(tRequest), q.Page, func(r *reader, id string, _ row) (bool, error) {
		req, ok, err := r.request(id, q.ValidAt)
		if err != nil || !ok || !req.matches(q) {
			return false, err
		}
		if ok, err := r.shows(req.Provider, req.Consumer); err != nil || !ok {
			return false, err
		}
		req.blank(r)
		list.Requests = append(list.Requests, req)
		return true, nil
	})
	if err != nil {
		return list, err
	}
	var ids []string
	for _, req := range list.Requests {
		ids = append(ids, req.Provider, req.Consumer)
	}
	list.PartyNames, err = w.partyNames(q.ValidAt, ids)
	return list, err
}

func (req *Request) matches(q RequestQuery) bool {
	asked := slices.ContainsFunc(req.Asks, func(a events.Ask) bool {
		return matches(q.Entry, a.Entry) && (q.Column == "" || slices.Contains(a.Items, q.Column))
	})
	return asked && (matches(q.Party, req.Provider) || matches(q.Party, req.Consumer)) && matches(q.Provider, req.Provider) && matches(q.Consumer, req.Consumer) && matches(q.State, req.State) &&
		(q.Purpose == "" || slices.Contains(req.Purposes, q.Purpose)) && within(req.Submitted, q.From, q.To)
}

// Request returns a request as it stood at validAt, or the latest known if that
// is 0; false if there is none.
func (w *View) Request(ctx context.Context, id string, validAt events.Time) (req Request, ok bool, err error) {
	err = w.read(func(r *reader) error {
		if req, ok, err = r.request(id, validAt); err == nil && ok {
			ok, err = r.sees(req.Provider, req.Consumer)
			req.blank(r)
		}
		return err
	})
	return req, ok, err
}

// RequestHistory returns every state of a request known as of the view, oldest first;
// nil if it is not known.
func (w *View) RequestHistory(ctx context.Context, id string) (states []Request, err error) {
	err = w.read(func(r *reader) error {
		return r.history(entityKey(tRequest, id), r.at, func(row row) (bool, error) {
			var req Request
			if err := row.decode(&req); err != nil {
				return false, err
			}
			if seen, err := r.sees(req.Provider, req.Consumer); err != nil || !seen {
				return false, err
			}
			req.blank(r)
			states = append(states, req)
			return true, nil
		})
	})
	slices.Reverse(states)
	return states, err
}

func (r *reader) request(id string, validAt events.Time) (req Request, ok bool, err error) {
	req, ok, err = standing(r, entityKey(tRequest, id), validAt, func(q *Request) (since, until events.Time) { return q.Since, q.Until })
	if err != nil || !ok {
		return req, ok, err
	}
	if req.ProviderName, err = r.partyName(req.Provider); err != nil {
		return req, false, err
	}
	req.ConsumerName, err = r.partyName(req.Consumer)
	return req, err == nil, err
}
