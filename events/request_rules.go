package events

import (
	"fmt"
	"slices"
)

// check holds to rules I-08 (published, and shared) and I-09 (approved by the
// head of the consumer's sharing body).
func (e *RequestSubmitted) check(s States) error {
	if err := requestMoves.check("share.request.submitted", e.Subject(), stateOf[Request](s, e.Subject()).Stage); err != nil {
		return err
	}
	if err := registered(s, "/data/provider", e.Provider); err != nil {
		return err
	}
	if err := registered(s, "/data/consumer", e.Consumer); err != nil {
		return err
	}
	for i, a := range e.Asks {
		g := Grant{Entry: a.Entry, EntryVersion: a.EntryVersion, Items: a.Items}
		if err := g.check(s, KindRequest, fmt.Sprintf("/data/asks/%d", i)); err != nil {
			return err
		}
		sub := entrySubject(a.Entry)
		if entry := stateOf[Entry](s, sub); !succeeds(s, e.Provider, entry.Provider) {
			return fault("request.provider", "provider", sub, entry.stage(), "the provider of the entry is "+entry.Provider, "ask that party")
		}
	}
	return headOf(s, "approved_by", e.Consumer, e.ApprovedBy)
}

// next holds an event of a known request to its stages and to who may send it.
func (s *Request) next(st States, typ string, sub Subject, by, party string) error {
	if err := requestMoves.by(st, typ, sub, s.Stage, by); err != nil {
		return err
	}
	return only(st, "request.party", sub, s.Stage, by, party)
}

func (e *RequestReceived) check(s States) error {
	now := stateOf[Request](s, e.Subject())
	return now.next(s, "share.request.received", e.Subject(), e.By, now.Provider)
}

func (e *SupplementRequested) check(s States) error {
	now := stateOf[Request](s, e.Subject())
	return now.next(s, "share.request.supplement_requested", e.Subject(), e.By, now.Provider)
}

func (e *RequestSupplemented) check(s States) error {
	now := stateOf[Request](s, e.Subject())
	return now.next(s, "share.request.supplemented", e.Subject(), e.By, now.Consumer)
}

// check holds to rule I-11: a competent department consents, once. That it comes
// before the answer is due, and is not too long, the rule pack says.
func (e *RequestExtended) check(s States) error {
	now := stateOf[Request](s, e.Subject())
	if err := now.next(s, "share.request.extended", e.Subject(), e.By, now.Provider); err != nil {
		return err
	}
	if now.Extended > 0 {
		return fault("request.extended-once", "days", e.Subject(), now.Stage, "the request was already extended", "answer it; what is late is recorded as such")
	}
	return authority(s, "authority", e.Authority, "")
}

// check holds to rules I-09 and I-12.
func (e *RequestAnswered) check(s States) error {
	now := stateOf[Request](s, e.Subject())
	if err := now.next(s, "share.request.answered", e.Subject(), e.By, now.Provider); err != nil {
		return err
	}
	if now.Stage == StageRefused {
		if err := e.settled(s); err != nil {
			return err
		}
	}
	for i, g := range e.Grants {
		if extra := missing(g.Items, itemsOf(now.Asked, g.Entry)); len(extra) > 0 {
			return fault("request.items-asked", fmt.Sprintf("grants/%d/items", i), e.Subject(), now.Stage,
				fmt.Sprintf("%s of %s was not asked for", quote(extra[0]), quote(g.Entry)), "grant what was asked, or less")
		}
	}
	return headOf(s, "approved_by", e.By, e.ApprovedBy)
}

// settled refuses another answer to a refused request unless a dispute about it
// led to one.
func (e *RequestAnswered) settled(s States) error {
	sub := Subject{KindDispute, e.Dispute}
	if e.Dispute == "" || e.Outcome == StageRefused {
		return fault("request.answered-once", "outcome", e.Subject(), StageRefused, "the request was refused", "raise a dispute (dispute.raised); what it settles is answered with its id")
	}
	d := stateOf[Dispute](s, sub)
	if d.Request != e.Request || (d.Stage != StageSettled && d.Stage != StageDecided && d.Stage != StageClosed) {
		return fault("request.dispute-settled", "dispute", sub, d.Stage, "no dispute about this request is settled under that id", "name the dispute that was settled or decided")
	}
	return nil
}

func (e *RequestWithdrawn) check(s States) error {
	now := stateOf[Request](s, e.Subject())
	return now.next(s, "share.request.withdrawn", e.Subject(), e.By, now.Consumer)
}

// itemsOf lists the items of an entry among grants.
func itemsOf(grants []GrantState, entry string) []string {
	i := slices.IndexFunc(grants, func(g GrantState) bool { return g.Entry == entry })
	if i < 0 {
		return nil
	}
	return grants[i].Items
}

func (e *RequestSubmitted) apply(r *Request) {
	*r = Request{Stage: StageSubmitted, Provider: e.Provider, Consumer: e.Consumer}
	for _, a := range e.Asks {
		r.Asked = append(r.Asked, GrantState{Entry: a.Entry, Items: slices.Clone(a.Items)})
	}
}

func (e *RequestReceived) apply(r *Request)     { r.Stage = StageReceived }
func (e *SupplementRequested) apply(r *Request) { r.Stage = StageSupplementRequested }
func (e *RequestSupplemented) apply(r *Request) { r.Stage = StageSupplemented }
func (e *RequestExtended) apply(r *Request)     { r.Extended += e.Days }
func (e *RequestWithdrawn) apply(r *Request)    { r.Stage = StageWithdrawn }

func (e *RequestAnswered) apply(r *Request) {
	r.Stage, r.Granted = e.Outcome, nil
	for _, g := range e.Grants {
		r.Granted = append(r.Granted, GrantState{Entry: g.Entry, Items: slices.Clone(g.Items), Masked: sortedKeys(g.Masking)})
	}
	if e.Outcome == StageGranted && len(e.Grants) == 0 {
		r.Granted = r.Asked
	}
}
