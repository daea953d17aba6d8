package projections

import (
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Attachment is a physical dataset hooked to a catalog entry.
type Attachment struct {
	Resource string            `json:"resource"`
	Entry    string            `json:"entry"`
	Dataset  Dataset           `json:"dataset"`
	Method   string            `json:"method"`
	Columns  map[string]string `json:"columns,omitempty"`
	SLA      string            `json:"sla,omitempty"`
	// State is attached or detached.
	State string `json:"state"`
	// Refreshed is when it last got newer data, as claimed, Watermark up to when that
	// is complete, Rows how many there were, ExpectedBy when more is to come.
	Refreshed  events.Time `json:"refreshed,omitzero"`
	Watermark  events.Time `json:"watermark,omitzero"`
	Rows       int         `json:"rows,omitempty"`
	ExpectedBy events.Time `json:"expected_by,omitzero"`
	// Overdue tells that what was expected had not come when the view's position was
	// recorded.
	Overdue bool `json:"overdue,omitempty"`
	// Since is when it was attached or changed; Position the latest record about it.
	Since    events.Time `json:"since"`
	Position int64       `json:"position"`
	Imported bool        `json:"imported,omitempty"`
	// Refresh tells that the latest record about it is of a refresh.
	Refresh bool `json:"-"`
	// Number counts resources, in the order in which the book brings them up.
	Number uint32 `json:"-"`
}

func (a *Attachment) code(c *coder) {
	c.texts(&a.Resource, &a.Entry)
	a.Dataset.code(c)
	c.text(&a.Method)
	textMap(c, &a.Columns)
	c.texts(&a.SLA, &a.State)
	integer(c, &a.Refreshed)
	integer(c, &a.Watermark)
	integer(c, &a.Rows)
	integer(c, &a.ExpectedBy)
	c.bool(&a.Overdue)
	integer(c, &a.Since)
	integer(c, &a.Position)
	c.bool(&a.Imported)
	c.bool(&a.Refresh)
	integer(c, &a.Number)
}

// HookRate is how many of the entries that have to be shared can really be had:
// those in force whose sharing attribute is not not_shared, and of these the ones
// with a resource attached or named by the entry itself.
type HookRate struct {
	Shareable int      `json:"shareable"`
	Hooked    int      `json:"hooked"`
	Unhooked  []string `json:"unhooked"` // ids of the others
	// Imported are entries in force as was told about the time before the ledger, which
	// are in none of these; and a resource that was told of so hooks nothing.
	Imported int `json:"imported"`
}

// applyResources keeps a row per resource, under its id, and under each entry the
// resources that were ever attached to it.
func applyResources(b *batch, e *ledger.Entry) error {
	switch d := e.Event.Data.(type) {
	case *events.ResourceAttached:
		return applyResource(b, e, d.Resource, func(a *Attachment) { attach(a, d, effective(e)) })
	case *events.ResourceChanged:
		return applyResource(b, e, d.Resource, func(a *Attachment) { attach(a, (*events.ResourceAttached)(d), effective(e)) })
	case *events.ResourceDetached:
		return applyResource(b, e, d.Resource, func(a *Attachment) { a.State, a.Since = events.StageDetached, effective(e) })
	case *events.ResourceRefreshed:
		known, err := b.has(entityKey(tResource, d.Resource))
		if err != nil || !known { // a report about a resource that nobody attached stands in the timeline
			return err
		}
		return applyResource(b, e, d.Resource, func(a *Attachment) {
			a.Refresh, a.Refreshed, a.Watermark, a.Rows, a.ExpectedBy = true, e.Event.Time, d.Watermark, d.Rows, d.ExpectedBy
		})
	}
	return nil
}

func attach(a *Attachment, d *events.ResourceAttached, since events.Time) {
	a.Entry, a.Dataset, a.Method, a.Columns, a.SLA = d.Entry, Dataset{d.Dataset.Namespace, d.Dataset.Name}, d.Method, d.Columns, d.SLA
	a.State, a.Since = events.StageAttached, since
}

func applyResource(b *batch, e *ledger.Entry, id string, change func(*Attachment)) error {
	k := entityKey(tResource, id)
	a, known, err := draw[Attachment](b, k)
	if err == nil && !known {
		if err = b.count("resources", 1); err == nil {
			a.Number, err = b.nth("resources")
		}
	}
	if err != nil {
		return err
	}
	before := a
	a.Refresh = false
	change(&a)
	a.Resource, a.Position = id, e.Position
	a.Imported = e.Event.Imported || before.Imported && before.State == events.StageAttached // who attaches it anew says all anew
	b.put(k, &a)
	b.put(entityKey(tAttached, a.Entry, id), markRow{})
	return linkAttached(b, before, a)
}

// linkAttached notes at the datasets which entry describes them. A dataset that is
// detached stays linked if the entry names it itself.
func linkAttached(b *batch, before, now Attachment) error {
	var old, own, current []events.Resource
	step, err := recall[entryStep](b, stepKey(now.Entry))
	if err != nil {
		return err
	}
	if step != nil {
		for _, version := range []int{step.Version, step.Published} {
			d, err := b.content(now.Entry, version)
			if err != nil {
				return err
			}
			own = append(own, d.Resources...)
		}
	}
	if before.State == events.StageAttached {
		old = []events.Resource{{Namespace: before.Dataset.Namespace, Name: before.Dataset.Name}}
	}
	if now.State == events.StageAttached {
		current = []events.Resource{{Namespace: now.Dataset.Namespace, Name: now.Dataset.Name}}
	}
	return linkResources(b, now.Entry, old, append(current, own...))
}

// attachments reads the resources attached to an entry as of the reader's
// position.
func (r *reader) attachments(entry string) (out []Attachment, err error) {
	err = r.each(context.Background(), entityKey(tAttached, entry), nil, func(row row) (bool, error) {
		names, err := parts(row.entity)
		if err != nil {
			return false, err
		}
		a, ok, err := r.attachment(entry, names[1])
		if ok {
			out = append(out, a)
		}
		return true, err
	})
	return out, err
}

// attachment reads a resource, if it is attached to an entry.
func (r *reader) attachment(entry, id string) (a Attachment, ok bool, err error) {
	ok, err = r.find(entityKey(tResource, id), &a)
	return a, ok && a.State == events.StageAttached && a.Entry == entry, err
}

// HookRate counts the entries in force that can really be had.
func (w *View) HookRate(ctx context.Context, region string) (h HookRate, err error) {
	h.Unhooked = []string{}
	err = w.read(func(r *reader) error {
		names, err := r.names(w.store)
		if err != nil {
			return err
		}
		return r.inForce(names, w.recorded, func(e *entryInForce) error {
			if !matches(region, e.region) {
				return nil
			}
			if shown, err := r.shows(e.provider); err != nil || !shown {
				return err
			}
			switch {
			case e.imported:
				h.Imported++
			case e.sharing == events.SharingNotShared:
			case e.hooked:
				h.Shareable, h.Hooked = h.Shareable+1, h.Hooked+1
			default:
				h.Shareable, h.Unhooked = h.Shareable+1, append(h.Unhooked, e.id)
			}
			return ctx.Err()
		})
	})
	slices.Sort(h.Unhooked)
	return h, err
}
