package projections

import (
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Share is one thing that happened in sharing: a request and its answer, an
// agreement taking effect or changing, a provision, a delivery, a recall, use, a
// disposal, a call.
type Share struct {
	Position  int64       `json:"position"`
	Recorded  events.Time `json:"recorded"`
	Time      events.Time `json:"time"` // when it happened or took effect, as claimed
	Type      string      `json:"type"`
	Request   string      `json:"request,omitempty"`
	Agreement string      `json:"agreement,omitempty"`
	Provider  string      `json:"provider"`
	Consumer  string      `json:"consumer"`
	// Items are those asked for or granted afterwards, delivered, or read.
	Items    []SharedItems `json:"items"`
	Purposes []string      `json:"purposes,omitempty"`
	// State is that of the request or agreement afterwards, the result of a call, or
	// what became of a duty to dispose.
	State string `json:"state,omitempty"`
	Rows  int    `json:"rows,omitempty"` // delivered or read
	Flags []Flag `json:"flags,omitempty"`
	// Imported marks what is known from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
}

func (s *Share) code(c *coder) {
	integer(c, &s.Position)
	integer(c, &s.Recorded)
	integer(c, &s.Time)
	c.texts(&s.Type, &s.Request, &s.Agreement, &s.Provider, &s.Consumer)
	list(c, &s.Items, (*SharedItems).code)
	textList(c, &s.Purposes)
	c.text(&s.State)
	integer(c, &s.Rows)
	list(c, &s.Flags, (*Flag).code)
	c.bool(&s.Imported)
}

// SharedItems are items of one entry.
type SharedItems struct {
	Entry string   `json:"entry"`
	Items []string `json:"items"`
}

func (s *SharedItems) code(c *coder) {
	c.text(&s.Entry)
	textList(c, &s.Items)
}

// ShareQuery selects shares; empty fields select everything.
type ShareQuery struct {
	Provider, Consumer, Entry, Column, Purpose string
	// Dataset selects shares of an entry that describes it.
	Dataset  Dataset
	From, To events.Time // of Share.Time, [From, To)
	// ValidAt leaves out what took effect later, as claimed; 0 nothing.
	ValidAt events.Time
	// Imported selects what is from before the ledger, or if false the rest; nil both.
	Imported *bool
	Page
}

// ShareList is one part of a list of shares, the last recorded first.
type ShareList struct {
	Shares []Share `json:"shares"`
	Next   string  `json:"next,omitempty"`
	// PartyNames are the names of the parties in the list, by id, as of the position and
	// date asked for.
	PartyNames map[string]string `json:"party_names"`
}

// shareKey holds a row per event of sharing, by position. Accesses are not
// repeated here: they have rows of their own.
var shareKey = entityKey(tShare)

func shareBy(kind, value string) []byte { return entityKey(tShareBy, kind, value) }

// anyShare lists all events of agreements.
var anyShare = shareBy("any", "")

// noteShare notes an agreement's event.
func noteShare(b *batch, e *ledger.Entry, a *Agreement) error {
	s := Share{Request: a.Request, Agreement: a.ID, Provider: a.Provider, Consumer: a.Consumer, Purposes: a.Purposes, State: a.State, Items: []SharedItems{}}
	for _, g := range a.Grants {
		s.Items = append(s.Items, SharedItems{g.Entry, g.Items})
	}
	return putShare(b, e, s)
}

// putShare keeps a share under all it can be found by.
func putShare(b *batch, e *ledger.Entry, s Share) error {
	s.Position, s.Recorded, s.Time, s.Type, s.Imported = e.Position, e.Recorded, effective(e), e.Event.Type, e.Event.Imported
	b.mark(tShareBy, "any", "")
	b.mark(tShareBy, "provider", s.Provider)
	b.mark(tShareBy, "consumer", s.Consumer)
	b.mark(tShareBy, "agreement", s.Agreement)
	for _, p := range s.Purposes {
		b.mark(tShareBy, "purpose", p)
	}
	for _, i := range s.Items {
		b.mark(tShareBy, "entry", i.Entry)
		for _, item := range i.Items {
			b.mark(tShareBy, "column", item)
		}
	}
	b.putOnce(shareKey, &s)
	return nil
}

// applyShares notes what happens under agreements: provisions, deliveries, onward
// provision, recalls, use and disposal.
func applyShares(b *batch, e *ledger.Entry) error {
	under := func(agreement, state string, change func(*Share)) error {
		a, err := recall[Agreement](b, entityKey(tAgreement, agreement))
		if err != nil {
			return err
		}
		s := Share{Agreement: agreement, State: state, Items: []SharedItems{}}
		if a != nil {
			s.Request, s.Provider, s.Consumer, s.Purposes = a.Request, a.Provider, a.Consumer, a.Purposes
			for _, g := range a.Grants {
				s.Items = append(s.Items, SharedItems{g.Entry, g.Items})
			}
		}
		if change != nil {
			change(&s)
		}
		return putShare(b, e, s)
	}
	switch d := e.Event.Data.(type) {
	case *events.ProvisionAvailable:
		return under(d.Agreement, "available", nil)
	case *events.ProvisionChanged:
		return under(d.Agreement, "available", nil)
	case *events.ProvisionInterrupted:
		return under(d.Agreement, "interrupted", nil)
	case *events.ProvisionRestored:
		return under(d.Agreement, "available", nil)
	case *events.DeliveryCompleted:
		return under(d.Agreement, "completed", func(s *Share) { s.Items, s.Rows = []SharedItems{{d.Entry, d.Items}}, d.Rows })
	case *events.DeliveryAcknowledged:
		return under(d.Agreement, "acknowledged", func(s *Share) { s.Rows = d.Rows })
	case *events.ReturnFlowDelivered:
		return under(d.Agreement, "completed", func(s *Share) {
			s.Provider, s.Consumer, s.Items, s.Rows = d.From, d.To, []SharedItems{{d.Entry, d.Items}}, d.Rows
		})
	case *events.OnwardRequested:
		return under(d.Agreement, events.StageRequested, func(s *Share) { s.Items, s.Purposes = itemsByEntry(d.Items), d.Purposes })
	case *events.OnwardConsented:
		return under(d.Agreement, events.StageConsented, nil)
	case *events.OnwardRefused:
		return under(d.Agreement, events.StageRefused, nil)
	case *events.RecallIssued:
		return under(d.Agreement, events.StageIssued, func(s *Share) { s.Items = itemsByEntry(d.Items) })
	case *events.RecallConfirmed:
		return under(d.Agreement, events.StageConfirmed, func(s *Share) { s.Rows = d.Rows })
	case *events.UsageRecorded:
		return under(d.Agreement, "used", nil)
	case *events.DisposalOpened:
		return under(d.Agreement, events.StageOpen, nil)
	case *events.DisposalPerformed:
		return under(d.Agreement, events.StagePerformed, func(s *Share) { s.Rows = d.Rows })
	case *events.DisposalAccepted:
		return under(d.Agreement, events.StageAccepted, nil)
	case *events.DisposalRejected:
		return under(d.Agreement, events.StageRejected, nil)
	}
	return nil
}

// itemsByEntry puts the items of an entry together, in the order first mentioned.
func itemsByEntry(refs []events.ItemRef) []SharedItems {
	var out []SharedItems
	for _, ref := range refs {
		i := slices.IndexFunc(out, func(s SharedItems) bool { return s.Entry == ref.Entry })
		if i < 0 {
			i = len(out)
			out = append(out, SharedItems{Entry: ref.Entry})
		}
		out[i].Items = append(out[i].Items, ref.Item)
	}
	return out
}

// Shares lists who shared what with whom and when: requests and their answers,
// what happened to agreements and under them, and accesses.
func (w *View) Shares(ctx context.Context, q ShareQuery) (ShareList, error) {
	s := selection{high: w.at, descending: true}
	to := endOf(q.ValidAt, q.To)
	for _, c := range []struct{ kind, value string }{
		{"entry", q.Entry}, {"consumer", q.Consumer}, {"column", q.Column}, {"purpose", q.Purpose}, {"provider", q.Provider},
	} {
		if c.value != "" {
			s.groups = append(s.groups, group(shareBy(c.kind, c.value), accessBy(c.kind, c.value)))
		}
	}
	list := ShareList{Shares: []Share{}}
	if q.Dataset != (Dataset{}) {
		var d datasetRow
		if err := w.read(func(r *reader) error { _, err := r.find(q.Dataset.key(), &d); return err }); err != nil {
			return list, err
		}
		lists := [][]byte{accessBy("dataset", q.Dataset.Namespace, q.Dataset.Name)}
		for _, entry := range d.Entries {
			lists = append(lists, shareBy("entry", entry), accessBy("entry", entry))
		}
		s.groups = append(s.groups, lists)
	}
	if len(s.groups) == 0 {
		s.groups = [][][]byte{group(anyShare, anyAccess)}
	}
	var err error
	list.Next, err = w.pageOfPositions(ctx, s, q.Page, func(r *reader, position int64) (bool, error) {
		share, ok, err := r.share(position)
		if err != nil || !ok || !within(share.Time, q.From, to) || !share.covers(q) || (q.Imported != nil && *q.Imported != share.Imported) {
			return false, err
		}
		if ok, err := r.shows(share.Provider, share.Consumer); err != nil || !ok {
			return false, err
		}
		list.Shares = append(list.Shares, share)
		return true, nil
	})
	if err != nil {
		return list, err
	}
	var ids []string
	for _, s := range list.Shares {
		ids = append(ids, s.Provider, s.Consumer)
	}
	list.PartyNames, err = w.partyNames(q.ValidAt, ids)
	return list, err
}

// endOf is where a window ends that leaves out what is after validAt.
func endOf(validAt, to events.Time) events.Time {
	if validAt != 0 && (to == 0 || validAt < to) {
		return validAt + 1
	}
	return to
}

// covers reports whether the column asked for is one of the entry asked for.
func (s *Share) covers(q ShareQuery) bool {
	return q.Entry == "" || q.Column == "" || slices.ContainsFunc(s.Items, func(i SharedItems) bool {
		return i.Entry == q.Entry && slices.Contains(i.Items, q.Column)
	})
}

// share reads the row of a position, or makes it from the access.
func (r *reader) share(position int64) (s Share, ok bool, err error) {
	a, ok, err := r.access(position)
	if err != nil {
		return Share{}, false, err
	}
	if ok {
		return Share{
			Position: position, Recorded: a.Recorded, Time: a.Time, Type: a.Type, Agreement: a.Agreement, Provider: a.Provider,
			Consumer: a.Consumer, Items: []SharedItems{{a.Entry, a.Columns}}, Purposes: a.purposes(), State: a.Result,
			Rows: a.RowCount, Flags: a.Flags, Imported: a.Imported,
		}, a.Gap == nil, nil
	}
	row, ok, err := r.getAt(shareKey, position)
	if err != nil || !ok || row.position != position {
		return Share{}, false, err
	}
	err = row.decode(&s)
	return s, err == nil, err
}

// delivers reports whether it is a delivery. One has items of one entry.
func (s *Share) delivers() bool {
	return (s.Type == "share.delivery.completed" || s.Type == "share.return_flow.delivered") && len(s.Items) == 1
}
