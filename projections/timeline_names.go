package projections

import (
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// A name is something that a record can be found by. Those of the kinds subject
// and dataset are pairs.
type name struct{ kind, first, second string }

func (n name) pair() bool { return n.kind == events.NameSubject || n.kind == events.NameDataset }

// nameActor is a kind of name in this view only: the records have no key of it,
// because a key names no natural person.
const nameActor = "actor"

// nameRetention is one likewise: the class that says how long a record is kept.
const nameRetention = "retention"

// nameList collects the names of a record.
type nameList struct{ list []name }

// fewNames is up to where a name is looked for before it is added. What is listed
// twice is marked once all the same.
const fewNames = 32

func (l *nameList) add(kind, first, second string) {
	n := name{kind, first, second}
	if len(l.list) <= fewNames && slices.Contains(l.list, n) {
		return
	}
	l.list = append(l.list, n)
}

func (l *nameList) entry(id string)      { l.add(events.NameEntry, id, "") }
func (l *nameList) party(id string)      { l.add(events.NameParty, id, "") }
func (l *nameList) dataset(ns, n string) { l.add(events.NameDataset, ns, n) }

// nameRecord lists in b.names what a record can be found by: the names in the
// event, and those that follow from them as of its position.
func (b *batch) nameRecord(e *ledger.Entry) error {
	l := &b.names
	l.list = l.list[:0]
	subject := e.Event.Data.Subject()
	l.add(events.NameType, e.Event.Type, "")
	l.add(events.NameSubject, subject.Kind, subject.ID)
	l.add(events.NamePrincipal, e.Event.Principal, "")
	if e.Event.Party != "" {
		l.party(e.Event.Party)
	}
	if e.Event.Actor != "" {
		l.add(nameActor, e.Event.Actor, "")
	}
	if e.Event.Retention != "" {
		l.add(nameRetention, e.Event.Retention, "")
	}
	if e.Event.Imported {
		l.add(nameImported, "", "")
	}
	for _, n := range e.Event.Names() {
		second := ""
		if len(n.Parts) > 1 {
			second = n.Parts[1]
		}
		l.add(n.Kind, n.Parts[0], second)
	}
	if err := b.nameOfSubject(e, subject); err != nil {
		return err
	}
	for i := range len(l.list) {
		if n := l.list[i]; n.kind == events.NameAgreement {
			if err := b.nameOfAgreement(n.first, subject.Kind == events.KindAgreement); err != nil {
				return err
			}
		}
	}
	for i := range len(l.list) {
		if err := b.nameOfData(l.list[i]); err != nil {
			return err
		}
	}
	return nil
}

// nameOfSubject adds the entry of an issue, the parties and entries of a request,
// and the job of a run.
func (b *batch) nameOfSubject(e *ledger.Entry, subject events.Subject) error {
	l := &b.names
	switch subject.Kind {
	case events.KindIssue:
		f, err := recall[Finding](b, b.look(tFinding, subject.ID))
		if err != nil || f == nil { // named, but never reported
			return err
		}
		l.entry(f.Entry)
		if f.Agreement != "" {
			l.add(events.NameAgreement, f.Agreement, "")
		}
		if f.Dataset != nil {
			l.dataset(f.Dataset.Namespace, f.Dataset.Name)
		}
	case events.KindRequest:
		q, err := recall[Request](b, b.look(tRequest, subject.ID))
		if err != nil || q == nil {
			return err
		}
		l.party(q.Provider)
		l.party(q.Consumer)
		for _, a := range q.Asks {
			l.entry(a.Entry)
		}
	case events.KindRun:
		if d, ok := e.Event.Data.(*events.OpenLineageReceived); ok && d.Kind == events.OpenLineageRun {
			l.add(events.NameSubject, events.KindJob, d.Job.Namespace+"/"+d.Job.Name)
		}
	}
	return nil
}

// nameOfAgreement adds the parties of an agreement; for its own events also the
// entries that it grants.
func (b *batch) nameOfAgreement(id string, own bool) error {
	a, err := recall[Agreement](b, b.look(tAgreement, id))
	if err != nil || a == nil { // invoked, but never recorded
		return err
	}
	b.names.party(a.Provider)
	b.names.party(a.Consumer)
	for _, g := range a.Grants {
		if own {
			b.names.entry(g.Entry)
		}
	}
	return nil
}

// nameOfData adds the provider and the datasets of an entry, and the entries of a
// dataset.
func (b *batch) nameOfData(n name) error {
	switch n.kind {
	case events.NameEntry:
		d, err := b.latestContent(n.first)
		if err != nil {
			return err
		}
		if d.Provider != "" {
			b.names.party(d.Provider)
		}
		for _, r := range d.Resources {
			b.names.dataset(r.Namespace, r.Name)
		}
	case events.NameDataset:
		d, err := recall[datasetRow](b, b.look(tDataset, n.first, n.second))
		if err != nil || d == nil { // named, but by no event that tells of it
			return err
		}
		for _, entry := range d.Entries {
			b.names.entry(entry)
		}
	}
	return nil
}

// concerned lists whom a record concerns: the parties among its names, who provides the
// entries that describe its datasets, and who runs the jobs of the namespace of its job.
func (b *batch) concerned(e *ledger.Entry) ([]string, error) {
	var parties []string
	add := func(party string) {
		if party != "" && !slices.Contains(parties, party) {
			parties = append(parties, party)
		}
	}
	for _, n := range b.names.list {
		switch n.kind {
		case events.NameParty:
			add(n.first)
		case events.NameEntry:
			d, err := b.latestContent(n.first)
			if err != nil {
				return nil, err
			}
			add(d.Provider)
		}
	}
	if d, ok := e.Event.Data.(*events.OpenLineageReceived); ok && d.Job.Namespace != "" {
		holders, err := recall[textsRow](b, holdersKey(events.RoleOperator, d.Job.Namespace))
		if err != nil {
			return nil, err
		}
		if holders != nil {
			for _, party := range *holders {
				add(party)
			}
		}
	}
	slices.Sort(parties)
	return parties, nil
}
