package projections

import (
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Party is a body that shares, receives or keeps data, as of a position.
type Party struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	NameEN        string `json:"name_en,omitempty"`
	USCC          string `json:"uscc,omitempty"`
	Kind          string `json:"kind"`
	Region        string `json:"region"`
	Level         string `json:"level"`
	LineAuthority string `json:"line_authority,omitempty"`
	Parent        string `json:"parent,omitempty"`
	// State is registered, merged or dissolved. A merged party has a Successor,
	// which has it among its Predecessors.
	State        string   `json:"state"`
	Successor    string   `json:"successor,omitempty"`
	Predecessors []string `json:"predecessors,omitempty"`
	// Roles are those it holds, SharingBodies the units that request and answer for
	// it with the terms of their heads.
	Roles         []events.RoleState     `json:"roles,omitempty"`
	SharingBodies []events.SharingOffice `json:"sharing_bodies,omitempty"`
	// Since and Until bound when this holds, [since, until).
	Since events.Time `json:"since"`
	Until events.Time `json:"until,omitzero"`
	// Position is the record that says so, Recorded its time, Type its type.
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	Type     string      `json:"type"`
	// Imported marks what is known from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
}

func (p *Party) code(c *coder) {
	c.texts(&p.ID, &p.Name, &p.NameEN, &p.USCC, &p.Kind, &p.Region, &p.Level, &p.LineAuthority, &p.Parent, &p.State, &p.Successor)
	textList(c, &p.Predecessors)
	list(c, &p.Roles, codeRole)
	list(c, &p.SharingBodies, codeOffice)
	integer(c, &p.Since)
	integer(c, &p.Until)
	integer(c, &p.Position)
	integer(c, &p.Recorded)
	c.text(&p.Type)
	c.bool(&p.Imported)
}

// PartyQuery selects parties; empty fields select everything.
type PartyQuery struct {
	Kind, Region, Level, State, Role string
	// ValidAt selects what held then; 0 the latest known.
	ValidAt events.Time
	Page
}

// PartyList is one part of a list of parties, ordered by id.
type PartyList struct {
	Parties []Party `json:"parties"`
	Next    string  `json:"next,omitempty"`
}

// applyParties keeps, under a party's id, a row per event: the party whole, as it
// stands afterwards.
func applyParties(b *batch, e *ledger.Entry) error {
	switch d := e.Event.Data.(type) {
	case *events.PartyRegistered:
		return applyParty(b, e, d.Party, func(p *Party) {
			*p = Party{
				Name: d.Name, NameEN: d.NameEN, USCC: d.USCC, Kind: d.Kind, Region: d.Region, Level: d.Level,
				LineAuthority: d.LineAuthority, Parent: d.Parent, State: events.StageRegistered,
			}
		})
	case *events.PartyRenamed:
		return applyParty(b, e, d.Party, func(p *Party) {
			p.Name, p.NameEN = d.Name, d.NameEN
			for _, f := range []struct {
				to  *string
				now string
			}{{&p.USCC, d.USCC}, {&p.Region, d.Region}, {&p.Level, d.Level}, {&p.LineAuthority, d.LineAuthority}, {&p.Parent, d.Parent}} {
				if f.now != "" {
					*f.to = f.now
				}
			}
		})
	case *events.PartyMerged:
		if err := applyParty(b, e, d.Party, func(p *Party) { p.State, p.Successor = events.StageMerged, d.Into }); err != nil {
			return err
		}
		return applyParty(b, e, d.Into, func(p *Party) { p.Predecessors = append(slices.Clone(p.Predecessors), d.Party) })
	case *events.PartyDissolved:
		return applyParty(b, e, d.Party, func(p *Party) { p.State = events.StageDissolved })
	case *events.RoleAssigned:
		if err := noteHolder(b, d.Role, d.Scope, d.Party, true); err != nil {
			return err
		}
		return applyParty(b, e, d.Party, func(p *Party) {
			p.Roles = append(slices.Clone(p.Roles), events.RoleState{Role: d.Role, Scope: d.Scope})
		})
	case *events.RoleRevoked:
		if err := noteHolder(b, d.Role, d.Scope, d.Party, false); err != nil {
			return err
		}
		return applyParty(b, e, d.Party, func(p *Party) {
			p.Roles = slices.DeleteFunc(slices.Clone(p.Roles), func(r events.RoleState) bool { return r.Role == d.Role && r.Scope == d.Scope })
		})
	case *events.SharingBodyDesignated:
		return applyParty(b, e, d.Party, func(p *Party) {
			bodies := slices.Clone(p.SharingBodies)
			for i, o := range bodies { // a later head of the unit ends the term of the one before
				if o.Unit == d.Unit && o.From < d.From && (o.To == 0 || o.To > d.From) {
					bodies[i].To = d.From
				}
			}
			p.SharingBodies = append(bodies, events.SharingOffice{Unit: d.Unit, Head: d.Head, From: d.From, To: d.To})
		})
	}
	return nil
}

// holdersKey holds the parties that have a role for a scope.
func holdersKey(role, scope string) []byte { return entityKey(tHolders, role, scope) }

// noteHolder adds a party to those that have a role, or takes it out.
func noteHolder(b *batch, role, scope, party string, has bool) error {
	k := holdersKey(role, scope)
	held, err := recall[textsRow](b, k)
	if err != nil {
		return err
	}
	var next textsRow
	if held != nil {
		next = slices.DeleteFunc(slices.Clone(*held), func(p string) bool { return p == party })
	}
	if has {
		next = append(next, party)
	}
	b.put(k, &next)
	return nil
}

func applyParty(b *batch, e *ledger.Entry, id string, change func(*Party)) error {
	k := entityKey(tParty, id)
	p, known, err := draw[Party](b, k)
	if err != nil {
		return err
	}
	if !known {
		if err := b.count("parties", 1); err != nil {
			return err
		}
	}
	told := p.Imported
	change(&p)
	p.ID, p.Position, p.Recorded, p.Type, p.Imported = id, e.Position, e.Recorded, e.Event.Type, told || e.Event.Imported
	p.Since, p.Until = effective(e), e.Event.EffectiveTo
	b.put(k, &p)
	return nil
}

// Party returns what held of a party at validAt, or the latest known if that is
// 0; false if there is none.
func (w *View) Party(ctx context.Context, id string, validAt events.Time) (p Party, ok bool, err error) {
	err = w.read(func(r *reader) error {
		if p, ok, err = r.party(id, validAt); err == nil && ok {
			ok, err = r.sees(id)
			p.blank(r)
		}
		return err
	})
	return p, ok, err
}

// PartyHistory returns every state of a party known as of the view, oldest first;
// nil if it is not known.
func (w *View) PartyHistory(ctx context.Context, id string) (states []Party, err error) {
	err = w.read(func(r *reader) error {
		if seen, err := r.sees(id); err != nil || !seen {
			return err
		}
		return r.history(entityKey(tParty, id), r.at, func(row row) (bool, error) {
			var p Party
			err := row.decode(&p)
			p.blank(r)
			states = append(states, p)
			return true, firstError(err, ctx.Err())
		})
	})
	slices.Reverse(states)
	return states, err
}

// Parties lists the registered parties.
func (w *View) Parties(ctx context.Context, q PartyQuery) (PartyList, error) {
	list := PartyList{Parties: []Party{}}
	var err error
	list.Next, err = w.pageOfEntities(ctx, entityKey(tParty), q.Page, func(r *reader, id string, _ row) (bool, error) {
		p, ok, err := r.party(id, q.ValidAt)
		if err != nil || !ok {
			return false, err
		}
		if !matches(q.Kind, p.Kind) || !matches(q.Region, p.Region) || !matches(q.Level, p.Level) || !matches(q.State, p.State) ||
			(q.Role != "" && !slices.ContainsFunc(p.Roles, func(r events.RoleState) bool { return r.Role == q.Role })) {
			return false, nil
		}
		if ok, err := r.shows(id); err != nil || !ok {
			return false, err
		}
		p.blank(r)
		list.Parties = append(list.Parties, p)
		return true, nil
	})
	return list, err
}

// party reads what held of a party at a date (0: the latest known).
func (r *reader) party(id string, validAt events.Time) (p Party, ok bool, err error) {
	return standing(r, entityKey(tParty, id), validAt, func(p *Party) (since, until events.Time) { return p.Since, p.Until })
}

// standing reads the state of an entity that has a row per event: the newest, or
// of those that had taken effect by validAt the one recorded last.
func standing[S any, P rowOf[S]](r *reader, entity []byte, validAt events.Time, term func(*S) (since, until events.Time)) (s S, ok bool, err error) {
	if validAt == 0 {
		ok, err = r.find(entity, P(&s))
		return s, ok, err
	}
	err = r.history(entity, r.at, func(row row) (bool, error) {
		var state S
		if err := row.decode(P(&state)); err != nil {
			return false, err
		}
		since, until := term(&state)
		if ok = within(validAt, since, until); ok {
			s = state
		}
		return !ok, nil
	})
	return s, ok, err
}

// partyNames are the names of parties at a date (0: the latest known), by id; those
// that are not registered are left out.
func (w *View) partyNames(validAt events.Time, ids []string) (map[string]string, error) {
	names := make(map[string]string)
	err := w.read(func(r *reader) error {
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			p, ok, err := r.party(id, validAt)
			if err != nil {
				return err
			}
			if ok && id != "" {
				names[id] = p.Name
			}
		}
		return nil
	})
	return names, err
}

// partyName returns a party's name as of the reader's position; empty if it is
// not registered.
func (r *reader) partyName(id string) (string, error) {
	if id == "" {
		return "", nil
	}
	name, known := r.partyNames[id]
	if !known {
		var p Party
		if _, err := r.find(entityKey(tParty, id), &p); err != nil {
			return "", err
		}
		if r.partyNames == nil {
			r.partyNames = make(map[string]string)
		}
		name = p.Name
		r.partyNames[id] = name
	}
	return name, nil
}
