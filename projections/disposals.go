package projections

import (
	"context"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Disposal is a consumer's duty to dispose of what it had under an agreement, and
// what became of it.
type Disposal struct {
	ID        string `json:"id"`
	Agreement string `json:"agreement"`
	Provider  string `json:"provider"`
	Consumer  string `json:"consumer"`
	// Cause is how the agreement ended, or not_needed; Method how to dispose of it.
	Cause  string `json:"cause"`
	Method string `json:"method"`
	// Hold is the case for which the data has to stay for now.
	Hold string `json:"hold,omitempty"`
	// State is open, performed, accepted or rejected.
	State string `json:"state"`
	// Opened to Accepted are when, as claimed; 0 if it did not happen. Due is by when
	// the opening asks for it.
	Opened    events.Time `json:"opened"`
	Due       events.Time `json:"due,omitzero"`
	Performed events.Time `json:"performed,omitzero"`
	Accepted  events.Time `json:"accepted,omitzero"`
	// Datasets, Rows, Evidence and Witness are of the last performance: what is gone,
	// the digest of what shows it, and who saw it.
	Datasets []Dataset `json:"datasets,omitempty"`
	Rows     int       `json:"rows,omitempty"`
	Evidence string    `json:"evidence,omitempty"`
	Witness  string    `json:"witness,omitempty"`
	// Since is when the state took effect.
	Since events.Time `json:"since"`
	Until events.Time `json:"until,omitzero"`
	// Position is the record of the latest change, Recorded its time, Events all
	// records about it.
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	Events   []int64     `json:"events"`
	// Imported marks what is known from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
}

func (d *Disposal) code(c *coder) {
	c.texts(&d.ID, &d.Agreement, &d.Provider, &d.Consumer, &d.Cause, &d.Method, &d.Hold, &d.State, &d.Evidence, &d.Witness)
	for _, t := range []*events.Time{&d.Opened, &d.Due, &d.Performed, &d.Accepted, &d.Since, &d.Until, &d.Recorded} {
		integer(c, t)
	}
	list(c, &d.Datasets, (*Dataset).code)
	integer(c, &d.Rows)
	integer(c, &d.Position)
	integerList(c, &d.Events)
	c.bool(&d.Imported)
}

// DisposalQuery selects disposals; empty fields select everything.
type DisposalQuery struct {
	// Party is provider or consumer.
	Party, Agreement, State string
	// ValidAt selects by the state then; 0 the latest known.
	ValidAt events.Time
	Page
}

// DisposalList is one part of a list of disposals, ordered by id.
type DisposalList struct {
	Disposals []Disposal `json:"disposals"`
	Next      string     `json:"next,omitempty"`
}

// applyDisposals keeps, under a disposal's id, a row per event.
func applyDisposals(b *batch, e *ledger.Entry) error {
	at := e.Event.Time
	switch d := e.Event.Data.(type) {
	case *events.DisposalOpened:
		return applyDisposal(b, e, d.Disposal, func(x *Disposal) {
			*x = Disposal{
				Agreement: d.Agreement, Provider: d.Provider, Consumer: d.Consumer, Cause: d.Cause, Method: d.Method, Hold: d.Hold,
				State: events.StageOpen, Opened: at, Due: d.Due,
			}
		})
	case *events.DisposalPerformed:
		return applyDisposal(b, e, d.Disposal, func(x *Disposal) {
			x.State, x.Performed, x.Method, x.Rows, x.Evidence, x.Witness = events.StagePerformed, at, d.Method, d.Rows, d.Evidence, d.Witness
			x.Datasets = nil
			for _, set := range d.Datasets {
				x.Datasets = append(x.Datasets, Dataset{set.Namespace, set.Name})
			}
		})
	case *events.DisposalAccepted:
		return applyDisposal(b, e, d.Disposal, func(x *Disposal) { x.State, x.Accepted = events.StageAccepted, at })
	case *events.DisposalRejected:
		return applyDisposal(b, e, d.Disposal, func(x *Disposal) { x.State = events.StageRejected })
	}
	return nil
}

func applyDisposal(b *batch, e *ledger.Entry, id string, change func(*Disposal)) error {
	k := entityKey(tDisposal, id)
	d, _, err := draw[Disposal](b, k)
	if err != nil {
		return err
	}
	before, told := d.Events, d.Imported
	change(&d)
	d.ID, d.Position, d.Recorded, d.Since, d.Until = id, e.Position, e.Recorded, effective(e), e.Event.EffectiveTo
	d.Events, d.Imported = append(before, e.Position), told || e.Event.Imported
	b.put(k, &d)
	return nil
}

// Disposals lists duties to dispose of data, and what became of them.
func (w *View) Disposals(ctx context.Context, q DisposalQuery) (DisposalList, error) {
	list := DisposalList{Disposals: []Disposal{}}
	var err error
	list.Next, err = w.pageOfEntities(ctx, entityKey(tDisposal), q.Page, func(r *reader, id string, _ row) (bool, error) {
		d, ok, err := standing(r, entityKey(tDisposal, id), q.ValidAt, func(d *Disposal) (since, until events.Time) { return d.Since, d.Until })
		if err != nil || !ok || !matches(q.Agreement, d.Agreement) || !matches(q.State, d.State) ||
			q.Party != "" && q.Party != d.Provider && q.Party != d.Consumer {
			return false, err
		}
		if ok, err := r.shows(d.Provider, d.Consumer); err != nil || !ok {
			return false, err
		}
		d.blank(r)
		list.Disposals = append(list.Disposals, d)
		return true, nil
	})
	return list, err
}
