package projections

import (
	"cmp"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// A stamp orders what OpenLineage events say by the time they claim and, where
// that is equal, by the digest of their bodies. It never looks at the order of
// arrival, of which OpenLineage promises nothing: so whatever order events come
// in, the same one counts as the newest.
type stamp struct {
	Time   events.Time
	Digest string
}

func (s *stamp) code(c *coder) {
	integer(c, &s.Time)
	c.text(&s.Digest)
}

// stampDigest is how much of a digest tells events of one time apart.
const stampDigest = 16

func stampOf(d *events.OpenLineageReceived) stamp {
	return stamp{Time: d.EventTime, Digest: d.Digest[:min(len(d.Digest), stampDigest)]}
}

func (s stamp) compare(o stamp) int {
	return cmp.Or(cmp.Compare(s.Time, o.Time), cmp.Compare(s.Digest, o.Digest))
}

// supersedes reports whether what is said at s replaces what was said at o. An
// event supersedes itself, so that a repeated one changes nothing.
func (s stamp) supersedes(o stamp) bool { return s.compare(o) >= 0 }

// datasetRow is a dataset that a record mentioned. Its facets are atomic: the
// newest replaces the one before whole, or deletes it.
type datasetRow struct {
	First int64 `json:"first"`
	// Fields are all columns ever known, sorted by name; Schema is the newest
	// schema facet.
	Fields []fieldRow  `json:"fields"`
	Schema schemaFacet `json:"schema"`
	// Symlinks is the newest symlinks facet, Renames are the names it had before,
	// less those said before the newest deletion of such a statement.
	Symlinks []Dataset `json:"symlinks"` // sorted
	Renames  []rename  `json:"renames"`
	Retold   stamp     `json:"retold"`
	// SameAs are its other names in force, told at either end, sorted.
	SameAs []sameName `json:"same_as"`
	// Dropped is the newest DROP. It holds until an event newer than it mentions
	// the dataset (see seenRow); Gone says that it does.
	Dropped stamp `json:"dropped"`
	Gone    bool  `json:"gone"`
	// Entries are the catalog entries that describe it, sorted.
	Entries []string `json:"entries"`
}

func (d *datasetRow) code(c *coder) {
	integer(c, &d.First)
	list(c, &d.Fields, (*fieldRow).code)
	d.Schema.code(c)
	list(c, &d.Symlinks, (*Dataset).code)
	list(c, &d.Renames, (*rename).code)
	d.Retold.code(c)
	list(c, &d.SameAs, (*sameName).code)
	d.Dropped.code(c)
	c.bool(&d.Gone)
	textList(c, &d.Entries)
}

type fieldRow struct {
	Name  string `json:"name"`
	First int64  `json:"first"`
}

func (f *fieldRow) code(c *coder) {
	c.text(&f.Name)
	integer(c, &f.First)
}

type schemaFacet struct {
	Known  bool                  `json:"known"`
	Fields []events.LineageField `json:"fields"` // as sent
}

// equal reports whether the newest schema lists these fields; nil stands for a
// deleted one.
func (f *schemaFacet) equal(fields []events.LineageField) bool {
	return f.Known == (fields != nil) && slices.Equal(f.Fields, fields)
}

func (f *schemaFacet) code(c *coder) {
	c.bool(&f.Known)
	list(c, &f.Fields, codeField)
}

// rename says that the dataset was called Previous.
type rename struct {
	At       stamp   `json:"at"`
	Previous Dataset `json:"previous"`
}

func (r *rename) code(c *coder) {
	r.At.code(c)
	r.Previous.code(c)
}

// sameName is another name. Mine is set if this dataset's events tell it, Theirs
// if those of the other do.
type sameName struct {
	Dataset
	First  int64 `json:"first"`
	Mine   bool  `json:"mine"`
	Theirs bool  `json:"theirs"`
}

func (n *sameName) code(c *coder) {
	n.Dataset.code(c)
	integer(c, &n.First)
	c.bools(&n.Mine, &n.Theirs)
}

// seenRow are the newest events that mention a dataset without dropping it (At),
// and that tell a schema or symlinks, or delete them. It is a row of its own, being
// written with every event, while what events say is mostly what was said before.
type seenRow struct{ At, Schema, Symlinks stamp }

func (r *seenRow) code(c *coder) {
	r.At.code(c)
	r.Schema.code(c)
	r.Symlinks.code(c)
}

// newer is what is newest after an event.
func (r seenRow) newer(o *events.LineageOutput, at stamp) seenRow {
	fold := func(newest *stamp, told bool) {
		if told && at.supersedes(*newest) {
			*newest = at
		}
	}
	fold(&r.At, o.Lifecycle.Change != lifecycleDrop)
	fold(&r.Schema, o.Fields != nil || slices.Contains(o.Deleted, "schema"))
	fold(&r.Symlinks, o.Symlinks != nil || slices.Contains(o.Deleted, "symlinks"))
	return r
}

// field finds a column among those ever known; -1 if it is not.
func (d *datasetRow) field(name string) int {
	i, ok := slices.BinarySearchFunc(d.Fields, name, compareField)
	if !ok {
		return -1
	}
	return i
}

func compareField(f fieldRow, name string) int { return cmp.Compare(f.Name, name) }

// noteDatasets keeps what an event says about the datasets that it lists.
func noteDatasets(b *batch, d *events.OpenLineageReceived) error {
	for i := range d.Inputs {
		in := &d.Inputs[i]
		if err := describe(b, d, &events.LineageOutput{
			Namespace: in.Namespace, Name: in.Name, Fields: in.Fields, Symlinks: in.Symlinks, Lifecycle: in.Lifecycle, Deleted: in.Deleted,
		}); err != nil {
			return err
		}
	}
	for i := range d.Outputs {
		if err := describe(b, d, &d.Outputs[i]); err != nil {
			return err
		}
	}
	return describe(b, d, &d.Dataset)
}

// describe folds the facets of one dataset of an event.
func describe(b *batch, d *events.OpenLineageReceived, o *events.LineageOutput) error {
	ds, at := Dataset{o.Namespace, o.Name}, stampOf(d)
	if ds == (Dataset{}) {
		return nil
	}
	seen, err := noteSeen(b, ds, o, at)
	if err != nil {
		return err
	}
	known, err := recall[datasetRow](b, b.look(tDataset, ds.Namespace, ds.Name))
	if err != nil || (known != nil && known.repeats(o, at, seen)) {
		return err
	}
	wasGone, gone := false, false
	var before, now []Dataset
	if err := updateDataset(b, ds, func(row *datasetRow) (changed bool) {
		before = row.names()
		for _, f := range o.Fields {
			changed = row.addField(f.Name, b.at) || changed
		}
		changed = row.facets(o, at, seen) || changed
		now = row.names()
		wasGone, gone = row.Gone, row.Dropped != (stamp{}) && row.Dropped.compare(seen.At) > 0
		row.Gone = gone
		return changed || gone != wasGone
	}); err != nil {
		return err
	}
	if gone != wasGone {
		n, err := nodeOf(b, ds)
		if err != nil {
			return err
		}
		b.step.change(graph.Change{Edge: graph.Edge{Kind: graph.Dropped, From: n}, Was: holding(wasGone), Is: holding(gone)})
	}
	// Names are known from when they are told, whether they hold or not.
	for _, n := range append(o.Symlinks[:len(o.Symlinks):len(o.Symlinks)], o.Lifecycle.Previous) {
		if n != (events.DatasetRef{}) {
			if err := noteDataset(b, Dataset(n), nil); err != nil {
				return err
			}
		}
	}
	return noteNames(b, ds, before, now)
}

const lifecycleDrop = "DROP"

// repeats reports whether an event says nothing that the row does not, as most
// events of a run do.
func (d *datasetRow) repeats(o *events.LineageOutput, at stamp, seen seenRow) bool {
	return o.Symlinks == nil && o.Deleted == nil && o.Lifecycle == (events.Lifecycle{}) && d.Dropped == (stamp{}) &&
		(o.Fields == nil || seen.Schema != at || d.Schema.equal(o.Fields)) &&
		!slices.ContainsFunc(o.Fields, func(f events.LineageField) bool { return d.field(f.Name) < 0 })
}

// facets folds the newest schema, symlinks and change of state.
func (d *datasetRow) facets(o *events.LineageOutput, at stamp, seen seenRow) (changed bool) {
	if seen.Schema == at && !d.Schema.equal(o.Fields) {
		d.Schema, changed = schemaFacet{Known: o.Fields != nil, Fields: o.Fields}, true
	}
	if seen.Symlinks == at {
		names := make([]Dataset, 0, len(o.Symlinks))
		for _, s := range o.Symlinks {
			names = append(names, Dataset(s))
		}
		d.Symlinks, changed = unite(names, nil, Dataset.compare), true
	}
	if slices.Contains(o.Deleted, "lifecycleStateChange") && at.supersedes(d.Retold) {
		d.Retold, changed = at, true
	}
	if o.Lifecycle.Change == lifecycleDrop && at.supersedes(d.Dropped) {
		d.Dropped, changed = at, true
	}
	if p := Dataset(o.Lifecycle.Previous); p != (Dataset{}) {
		i, found := slices.BinarySearchFunc(d.Renames, p, func(r rename, p Dataset) int { return r.Previous.compare(p) })
		switch {
		case !found:
			d.Renames, changed = slices.Insert(d.Renames, i, rename{at, p}), true
		case at.compare(d.Renames[i].At) > 0:
			d.Renames[i].At, changed = at, true
		}
	}
	return changed
}

// names lists the other names that the dataset's own events give it.
func (d *datasetRow) names() []Dataset {
	names := slices.Clone(d.Symlinks)
	for _, r := range d.Renames {
		if r.At.compare(d.Retold) > 0 {
			names = append(names, r.Previous)
		}
	}
	return unite(names, nil, Dataset.compare)
}

// noteNames moves the identity links of a dataset, which both ends keep, from
// the names that its events gave it before to those they give it now.
func noteNames(b *batch, ds Dataset, before, now []Dataset) error {
	for _, other := range unite(before, now, Dataset.compare) {
		_, had := slices.BinarySearchFunc(before, other, Dataset.compare)
		_, has := slices.BinarySearchFunc(now, other, Dataset.compare)
		if had == has || other == ds {
			continue
		}
		var was, is bool
		if err := updateDataset(b, ds, func(row *datasetRow) bool {
			was, is = row.link(other, b.at, func(n *sameName) { n.Mine = has })
			return true
		}); err != nil {
			return err
		}
		if err := updateDataset(b, other, func(row *datasetRow) bool {
			row.link(ds, b.at, func(n *sameName) { n.Theirs = has })
			return true
		}); err != nil {
			return err
		}
		x, err := nodeOf(b, ds)
		if err != nil {
			return err
		}
		y, err := nodeOf(b, other)
		if err != nil {
			return err
		}
		for _, e := range []graph.Edge{{Kind: graph.Same, From: x, To: y}, {Kind: graph.Same, From: y, To: x}} {
			b.step.change(graph.Change{Edge: e, Was: holding(was), Is: holding(is)})
		}
	}
	return nil
}

// link changes the link to another name, and reports whether there was one and is
// one; one that nobody tells is gone.
func (d *datasetRow) link(other Dataset, at int64, change func(*sameName)) (was, is bool) {
	i, found := slices.BinarySearchFunc(d.SameAs, other, func(n sameName, o Dataset) int { return n.Dataset.compare(o) })
	if !found {
		d.SameAs = slices.Insert(d.SameAs, i, sameName{Dataset: other, First: at})
	}
	if change(&d.SameAs[i]); !d.SameAs[i].Mine && !d.SameAs[i].Theirs {
		d.SameAs = slices.Delete(d.SameAs, i, i+1)
		return found, false
	}
	return found, true
}

// addField makes sure that a column is known.
func (d *datasetRow) addField(name string, at int64) bool {
	i, found := slices.BinarySearchFunc(d.Fields, name, compareField)
	if found || name == "" {
		return false
	}
	d.Fields = slices.Insert(d.Fields, i, fieldRow{name, at})
	return true
}

// noteDataset makes sure that a dataset and columns of it are known.
func noteDataset(b *batch, ds Dataset, fields []string) error {
	return updateDataset(b, ds, func(row *datasetRow) (changed bool) {
		for _, name := range fields {
			changed = row.addField(name, b.at) || changed
		}
		return changed
	})
}

// holding is the state of what holds or does not.
func holding(b bool) graph.State {
	if b {
		return graph.Declared
	}
	return 0
}

// noteSeen keeps what is newest of a dataset after an event, and returns it.
func noteSeen(b *batch, ds Dataset, o *events.LineageOutput, at stamp) (seenRow, error) {
	k := b.look(tSeen, ds.Namespace, ds.Name)
	seen, _, err := draw[seenRow](b, k)
	if err != nil {
		return seen, err
	}
	newest := seen.newer(o, at)
	if newest != seen {
		b.put(k, &newest)
	}
	return newest, nil
}

// updateDataset changes a dataset's row, making it if it is new. change reports
// whether there is something to write.
func updateDataset(b *batch, ds Dataset, change func(*datasetRow) bool) error {
	before, err := recall[datasetRow](b, b.look(tDataset, ds.Namespace, ds.Name))
	if err != nil {
		return err
	}
	row := datasetRow{First: b.at}
	if before != nil {
		row = *before // what is changed in its lists belongs to the row kept below
	} else {
		if err := b.count("datasets", 1); err != nil {
			return err
		}
		if _, err := nodeOf(b, ds); err != nil {
			return err
		}
	}
	if !change(&row) && before != nil {
		return nil
	}
	b.put(ds.key(), &row)
	return nil
}
