package projections

import (
	"context"
	"slices"

	"ledgerline/events"
)

// Share is one thing that happened in sharing: an agreement taking effect,
// changing state, or being used.
type Share struct {
	Position  int64       `json:"position"`
	Recorded  events.Time `json:"recorded"`
	Time      events.Time `json:"time"` // when it happened or took effect, as claimed
	Type      string      `json:"type"`
	Agreement string      `json:"agreement,omitempty"`
	Provider  string      `json:"provider"`
	Consumer  string      `json:"consumer"`
	// Items are those granted afterwards, or those read by an access.
	Items    []SharedItems `json:"items"`
	Purposes []string      `json:"purposes,omitempty"`
	// State is that of the agreement afterwards, or the result of the access.
	State string `json:"state"`
	Rows  int    `json:"rows,omitempty"` // read by the access
	Flags []Flag `json:"flags,omitempty"`
}

// SharedItems are items of one entry.
type SharedItems struct {
	Entry string   `json:"entry"`
	Items []string `json:"items"`
}

// ShareQuery selects shares; empty fields select everything.
type ShareQuery struct {
	Provider, Consumer, Entry, Column string
	From, To                          events.Time // of Share.Time, [From, To)
	Page
}

// ShareList is one part of a list of shares, the last recorded first.
type ShareList struct {
	Shares []Share `json:"shares"`
	Next   string  `json:"next,omitempty"`
}

// shareKey holds, by position, the id of the agreement whose event it was.
// Accesses are not repeated here: they have rows of their own.
var shareKey = entityKey(tShare)

func shareBy(kind, value string) []byte { return entityKey(tShareBy, kind, value) }

// anyShare lists all events of agreements.
var anyShare = shareBy("any", "")

const typeAccess = "access.call.recorded"

// noteShare indexes an agreement's event.
func noteShare(b *batch, a *Agreement) error {
	b.mark(tShareBy, "any", "")
	b.mark(tShareBy, "provider", a.Provider)
	b.mark(tShareBy, "consumer", a.Consumer)
	for _, g := range a.Grants {
		b.mark(tShareBy, "entry", g.Entry)
		for _, item := range g.Items {
			b.mark(tShareBy, "column", item)
		}
	}
	return b.put(shareKey, a.ID)
}

// Shares lists who shared what with whom and when, as far as this vocabulary
// goes: the events of agreements, and accesses.
func (w *View) Shares(ctx context.Context, q ShareQuery) (ShareList, error) {
	s := selection{high: w.at, descending: true}
	for _, c := range []struct{ kind, value string }{
		{"entry", q.Entry}, {"consumer", q.Consumer}, {"column", q.Column}, {"provider", q.Provider},
	} {
		if c.value != "" {
			s.groups = append(s.groups, group(shareBy(c.kind, c.value), accessBy(c.kind, c.value)))
		}
	}
	if len(s.groups) == 0 {
		s.groups = [][][]byte{group(anyShare, anyAccess)}
	}
	list := ShareList{Shares: []Share{}}
	var err error
	list.Next, err = w.pageOfPositions(ctx, s, q.Page, func(r *reader, position int64) (bool, error) {
		share, ok, err := r.share(position)
		if err != nil || !ok || !within(share.Time, q.From, q.To) || !share.covers(q) {
			return false, err
		}
		list.Shares = append(list.Shares, share)
		return true, nil
	})
	return list, err
}

// covers reports whether the column asked for is one of the entry asked for.
func (s *Share) covers(q ShareQuery) bool {
	return q.Entry == "" || q.Column == "" || slices.ContainsFunc(s.Items, func(i SharedItems) bool {
		return i.Entry == q.Entry && slices.Contains(i.Items, q.Column)
	})
}

// share makes the row of a position from the access or the agreement's state.
func (r *reader) share(position int64) (Share, bool, error) {
	a, ok, err := r.access(position)
	if err != nil {
		return Share{}, false, err
	}
	if ok {
		return Share{
			Position: position, Recorded: a.Recorded, Time: a.Time, Type: typeAccess, Agreement: a.Agreement, Provider: a.Provider,
			Consumer: a.Consumer, Items: []SharedItems{{a.Entry, a.Columns}}, Purposes: []string{a.Purpose}, State: a.Result,
			Rows: a.RowCount, Flags: a.Flags,
		}, true, nil
	}
	row, ok, err := r.getAt(shareKey, position)
	if err != nil || !ok || row.position != position {
		return Share{}, false, err
	}
	var id string
	if err := row.decode(&id); err != nil {
		return Share{}, false, err
	}
	row, ok, err = r.getAt(entityKey(tAgreement, id), position)
	if err != nil || !ok {
		return Share{}, false, err
	}
	var g Agreement
	if err := row.decode(&g); err != nil {
		return Share{}, false, err
	}
	s := Share{
		Position: position, Recorded: g.Recorded, Time: g.Since, Type: g.Type, Agreement: id, Provider: g.Provider, Consumer: g.Consumer,
		Items: []SharedItems{}, Purposes: g.Purposes, State: g.State,
	}
	for _, grant := range g.Grants {
		s.Items = append(s.Items, SharedItems{grant.Entry, grant.Items})
	}
	return s, true, nil
}
