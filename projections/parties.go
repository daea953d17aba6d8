package projections

import (
	"context"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Party is a body that shares, receives or keeps data.
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
	// Position is the record that says so, Recorded its time.
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
}

// PartyList is one part of a list of parties, ordered by id.
type PartyList struct {
	Parties []Party `json:"parties"`
	Next    string  `json:"next,omitempty"`
}

// applyParties keeps a row per party, under its id.
func applyParties(b *batch, e *ledger.Entry) error {
	d, ok := e.Event.Data.(*events.PartyRegistered)
	if !ok {
		return nil
	}
	k := entityKey(tParty, d.Party)
	known, err := b.has(k)
	if err != nil {
		return err
	}
	if !known {
		if err := b.count("parties", 1); err != nil {
			return err
		}
	}
	return b.put(k, Party{
		ID: d.Party, Name: d.Name, NameEN: d.NameEN, USCC: d.USCC, Kind: d.Kind, Region: d.Region, Level: d.Level,
		LineAuthority: d.LineAuthority, Parent: d.Parent, Position: e.Position, Recorded: e.Recorded,
	})
}

// Party returns a registered party; false if there is none.
func (w *View) Party(ctx context.Context, id string) (p Party, ok bool, err error) {
	err = w.read(func(r *reader) error {
		ok, err = r.find(entityKey(tParty, id), &p)
		return err
	})
	return p, ok, err
}

// Parties lists the registered parties.
func (w *View) Parties(ctx context.Context, p Page) (PartyList, error) {
	list := PartyList{Parties: []Party{}}
	var err error
	list.Next, err = w.pageOfEntities(ctx, tParty, p, func(_ *reader, _ string, row row) (bool, error) {
		var p Party
		if err := row.decode(&p); err != nil {
			return false, err
		}
		list.Parties = append(list.Parties, p)
		return true, nil
	})
	return list, err
}

// partyName returns a party's name as of the reader's position; empty if it is
// not registered.
func (r *reader) partyName(id string) (string, error) {
	if id == "" {
		return "", nil
	}
	var p Party
	_, err := r.find(entityKey(tParty, id), &p)
	return p.Name, err
}
