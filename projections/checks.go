package projections

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Check is what a test of data found: a rule of the catalog as a measurement
// applied it, or an assertion or test that an OpenLineage event tells of. It is a
// reported fact. One that failed shows at the data, and acts on nothing: an issue is
// what a party reports.
type Check struct {
	// Entry is given by measurements, Dataset by both where it is known; neither for a
	// test of a run that says of no data.
	Entry   string   `json:"entry,omitempty"`
	Dataset *Dataset `json:"dataset,omitempty"`
	// On are the items tested as the catalog describes the dataset at the view's
	// position; without an item the entry as a whole. A column that no entry lists is
	// of the dataset alone.
	On []events.ItemRef `json:"on,omitempty" row:"-"`
	// Rule and RuleVersion are of a measurement, Assertion and Name of an OpenLineage
	// event; Column is the column or item tested, if it is one.
	Rule        string `json:"rule,omitempty"`
	RuleVersion int    `json:"rule_version,omitempty"`
	Assertion   string `json:"assertion,omitempty"`
	Name        string `json:"name,omitempty"`
	Column      string `json:"column,omitempty"`
	// Outcome is pass, fail or skip.
	Outcome  string `json:"outcome"`
	Severity string `json:"severity,omitempty"`
	// Conforming of Measured rows were in order; of a measurement.
	Conforming int `json:"conforming,omitempty"`
	Measured   int `json:"measured,omitempty"`
	// By is the party that measured; Job and Run those that tested. Of a measurement Run
	// is its own, LineageRun the OpenLineage run whose output it was, Batch what holds it.
	By         string         `json:"by,omitempty"`
	Job        *events.JobRef `json:"job,omitempty"`
	Run        string         `json:"run,omitempty"`
	LineageRun string         `json:"lineage_run,omitempty"`
	Batch      string         `json:"batch,omitempty"`
	// Time is when, as claimed; Position the record that says so, Recorded its time.
	Time     events.Time `json:"time"`
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	// Imported marks what is known from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
	// Of a measurement, Dimension is that of the rule and Provider who answered for the
	// entry, as was known when it was recorded; Number counts measurements of one rule, in
	// the order in which the book brings them up.
	Dimension, Provider string `json:"-"`
	Number              uint32 `json:"-"`
}

func (k *Check) code(c *coder) {
	c.text(&k.Entry)
	optional(c, &k.Dataset, (*Dataset).code)
	c.text(&k.Rule)
	integer(c, &k.RuleVersion)
	c.texts(&k.Assertion, &k.Name, &k.Column, &k.Outcome, &k.Severity)
	integer(c, &k.Conforming)
	integer(c, &k.Measured)
	c.text(&k.By)
	optional(c, &k.Job, codeJob)
	c.texts(&k.Run, &k.LineageRun, &k.Batch)
	integer(c, &k.Time)
	integer(c, &k.Position)
	integer(c, &k.Recorded)
	c.bool(&k.Imported)
	c.texts(&k.Dimension, &k.Provider)
	integer(c, &k.Number)
}

// CheckQuery selects checks; empty fields select everything.
type CheckQuery struct {
	// Entry selects what was tested of it and of the datasets that it describes.
	Entry   string
	Dataset Dataset
	// Column is a column or an item.
	Column, Outcome, Severity string
	// Run selects what one run or measurement found, and all of it. Else of each check
	// the newest outcome counts, as claimed.
	Run string
	// ValidAt leaves out what is claimed to be later; 0 nothing.
	ValidAt events.Time
	Page
}

// CheckList is one part of a list of checks.
type CheckList struct {
	Checks []Check `json:"checks"`
	Next   string  `json:"next,omitempty"`
}

// applyChecks keeps each outcome under what was tested and how, newest first by the
// time claimed: a set, whatever the order in which its members come. Under the run a
// row leads to each.
func applyChecks(b *batch, e *ledger.Entry) error {
	switch d := e.Event.Data.(type) {
	case *events.QualityRulePublished:
		dimension := textRow(d.Dimension)
		b.put(ruleKey(d.Rule, d.Version), &dimension)
		b.put(ruleKey(d.Rule, 0), &dimension)
	case *events.QualityRunCompleted:
		content, err := b.latestContent(d.Entry)
		if err != nil {
			return err
		}
		for _, r := range d.Results {
			k := Check{
				Entry: d.Entry, Rule: r.Rule, RuleVersion: r.RuleVersion, Column: r.Item, Outcome: events.CheckFailed,
				Conforming: r.Conforming, Measured: r.Measured, By: d.By, Run: d.Run, LineageRun: d.LineageRun, Batch: d.Batch, Time: e.Event.Time,
				Provider: content.Provider,
			}
			if of, err := recall[textRow](b, ruleKey(r.Rule, r.RuleVersion)); err != nil {
				return err
			} else if of != nil {
				k.Dimension = string(*of)
			}
			if r.Pass {
				k.Outcome = events.CheckPassed
			}
			if d.Dataset != (events.DatasetRef{}) {
				k.Dataset = &Dataset{d.Dataset.Namespace, d.Dataset.Name}
			}
			if err := keepCheck(b, e, k); err != nil {
				return err
			}
		}
	case *events.OpenLineageReceived:
		for _, c := range d.Checks {
			k := Check{Assertion: c.Assertion, Name: c.Name, Column: c.Column, Outcome: c.Outcome, Severity: c.Severity, Run: d.Run, Time: d.EventTime}
			if c.Dataset != (events.DatasetRef{}) {
				k.Dataset = &Dataset{c.Dataset.Namespace, c.Dataset.Name}
			}
			if d.Job != (events.JobRef{}) {
				k.Job = &d.Job
			}
			if err := keepCheck(b, e, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// gravity orders the outcomes that one run claims of one check at one time: the
// gravest counts.
var gravity = []string{events.CheckSkipped, events.CheckPassed, events.CheckFailed}

func keepCheck(b *batch, e *ledger.Entry, k Check) error {
	k.Position, k.Recorded, k.Imported = e.Position, e.Recorded, e.Event.Imported
	of := k.parts()
	entity := entityKey(tCheck, append(of[:len(of):len(of)], latestFirst(k.Time), k.Run)...)
	before, err := recall[Check](b, entity)
	if err != nil || before != nil && slices.Index(gravity, before.Outcome) >= slices.Index(gravity, k.Outcome) {
		return err
	}
	switch {
	case before != nil:
		k.Number = before.Number
	case k.Rule != "":
		if err := b.count("measures", 1); err != nil {
			return err
		}
		if k.Number, err = b.nth("measures"); err != nil {
			return err
		}
	}
	b.put(entity, &k)
	if k.Run == "" {
		return nil
	}
	entry := entityKey(tCheckRun, append([]string{k.Run}, of...)...)
	at := textRow(entity)
	newest, err := recall[textRow](b, entry)
	if err == nil && (newest == nil || at < *newest) { // what a run claims last counts
		b.put(entry, &at)
	}
	return err
}

// ruleKey holds the dimension of a version of a quality rule; 0 is the newest.
func ruleKey(rule string, version int) []byte {
	return entityKey(tQualityRule, rule, strconv.Itoa(version))
}

// Of what a check can be.
const (
	checkOfEntry   = "entry"
	checkOfDataset = "dataset"
	checkOfJob     = "job"
)

// parts are those of a check's key that do not tell one outcome of it from another.
func (k *Check) parts() []string {
	var of [3]string
	switch {
	case k.Entry != "":
		of = [3]string{checkOfEntry, k.Entry}
	case k.Dataset != nil:
		of = [3]string{checkOfDataset, k.Dataset.Namespace, k.Dataset.Name}
	case k.Job != nil:
		of = [3]string{checkOfJob, k.Job.Namespace, k.Job.Name}
	}
	return append(of[:], k.Rule, k.Assertion, k.Name, k.Column)
}

// latestFirst writes a time so that later ones come first.
func latestFirst(t events.Time) string { return fmt.Sprintf("%020d", uint64(math.MaxInt64)-uint64(t)) }

// Checks lists what tests of data found, in the order of their keys: of an entry, a
// dataset or a run, or of all.
func (w *View) Checks(ctx context.Context, q CheckQuery) (CheckList, error) {
	list := CheckList{Checks: []Check{}}
	after, _, err := q.lastID()
	if err != nil {
		return list, err
	}
	err = w.read(func(r *reader) error {
		named := describer{r: r, entries: make(map[string]Entry)}
		prefixes, err := r.checked(q)
		if err != nil {
			return err
		}
		last := []byte(after)
		for _, prefix := range prefixes {
			if bytes.Compare(last, prefix) > 0 && !bytes.HasPrefix(last, prefix) { // it came before
				continue
			}
			err := r.eachCheck(ctx, prefix, last, q, func(key []byte, k Check) (bool, error) {
				if !matches(q.Outcome, k.Outcome) || !matches(q.Severity, k.Severity) {
					return true, nil
				}
				var err error
				if k.On, err = named.on(&k); err != nil {
					return false, err
				}
				if q.Entry != "" && k.Entry != q.Entry && !slices.ContainsFunc(k.On, func(i events.ItemRef) bool { return i.Entry == q.Entry }) ||
					q.Column != "" && q.Column != k.Column && !slices.ContainsFunc(k.On, func(i events.ItemRef) bool { return i.Item == q.Column }) {
					return true, nil
				}
				if len(list.Checks) == q.limit() {
					list.Next = idCursor(string(last))
					return false, nil
				}
				if seen, err := r.showsCheck(&k); err != nil || !seen {
					return err == nil, err
				}
				list.Checks, last = append(list.Checks, k), key
				return true, nil
			})
			if err != nil || list.Next != "" {
				return err
			}
		}
		return nil
	})
	return list, err
}

// showsCheck tells whether the reader may see a check, and counts it if not: it concerns
// who measured, and whom the entry, the dataset or else the job concern that was tested.
// Of the items tested it keeps those of entries that the reader may see.
func (r *reader) showsCheck(k *Check) (bool, error) {
	if r.sight == nil {
		return true, nil
	}
	seen, err := r.sees(k.By)
	for _, v := range k.tested() {
		if err == nil && !seen {
			seen, err = r.seesNode(v)
		}
	}
	if err != nil || !seen {
		r.withhold(1)
		return false, err
	}
	k.On, err = keepSeen(r, k.On, func(i *events.ItemRef) (bool, error) { return r.seesNode(vertex{Kind: NodeEntry, Name: i.Entry}) })
	return true, err
}

// tested are the nodes that a check is of.
func (k *Check) tested() (nodes []vertex) {
	if k.Entry != "" {
		nodes = append(nodes, vertex{Kind: NodeEntry, Name: k.Entry})
	}
	if k.Dataset != nil {
		nodes = append(nodes, datasetVertex(*k.Dataset))
	}
	if len(nodes) == 0 && k.Job != nil {
		nodes = append(nodes, jobVertex(*k.Job))
	}
	return nodes
}

// checked lists the beginnings of the keys that a query is about, in their order.
func (r *reader) checked(q CheckQuery) ([][]byte, error) {
	ofDataset := func(d Dataset) []byte { return entityKey(tCheck, checkOfDataset, d.Namespace, d.Name) }
	switch {
	case q.Run != "":
		return [][]byte{entityKey(tCheckRun, q.Run)}, nil
	case q.Entry != "":
		out := [][]byte{entityKey(tCheck, checkOfEntry, q.Entry)}
		datasets, err := r.datasetsOf(q.Entry)
		for _, d := range datasets {
			if q.Dataset == (Dataset{}) || q.Dataset == d {
				out = append(out, ofDataset(d))
			}
		}
		slices.SortFunc(out, bytes.Compare)
		return out, err
	case q.Dataset != Dataset{}:
		return [][]byte{ofDataset(q.Dataset)}, nil
	}
	return [][]byte{entityKey(tCheck)}, nil
}

// datasetsOf lists the datasets that an entry describes, each once.
func (r *reader) datasetsOf(entry string) ([]Dataset, error) {
	e, ok, err := r.entry(entry, 0)
	if err != nil || !ok {
		return nil, err
	}
	var out []Dataset
	for _, a := range e.Attached {
		out = append(out, a.Dataset)
	}
	for _, res := range e.Resources {
		out = append(out, Dataset{res.Namespace, res.Name})
	}
	return unite(out, nil, Dataset.compare), nil
}

// eachCheck visits the checks under a prefix, after the key last, each once by the
// outcome that counts.
func (r *reader) eachCheck(ctx context.Context, prefix, last []byte, q CheckQuery, visit func(key []byte, k Check) (bool, error)) (err error) {
	s, err := r.scan(prefix, nil)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, s.close()) }()
	if bytes.HasPrefix(last, prefix) && s.seek != nil {
		s.seek = before(after(last))
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		row, ok, err := s.next()
		if err != nil || !ok {
			return err
		}
		var k Check
		key := row.entity
		if table(row.entity[0]) == tCheckRun {
			var at textRow
			if err := row.decode(&at); err != nil {
				return err
			}
			if _, err := r.find([]byte(at), &k); err != nil {
				return err
			}
			if q.ValidAt != 0 && k.Time > q.ValidAt || q.Dataset != (Dataset{}) && (k.Dataset == nil || *k.Dataset != q.Dataset) {
				continue
			}
		} else {
			if err := row.decode(&k); err != nil {
				return err
			}
			of := k.parts()
			if q.ValidAt != 0 && k.Time > q.ValidAt {
				s.seek = before(entityKey(tCheck, append(of, latestFirst(q.ValidAt))...))
				continue
			}
			key = entityKey(tCheck, of...)
			s.seek = before(after(key))
			if q.Dataset != (Dataset{}) && (k.Dataset == nil || *k.Dataset != q.Dataset) {
				continue
			}
		}
		if more, err := visit(key, k); err != nil || !more {
			return err
		}
	}
}

// A describer finds the items that the columns of datasets are, reading each entry
// once.
type describer struct {
	r       *reader
	entries map[string]Entry
}

func (n *describer) entry(id string) (Entry, error) {
	e, known := n.entries[id]
	if known {
		return e, nil
	}
	e, _, err := n.r.entry(id, 0)
	n.entries[id] = e
	return e, err
}

// on lists the items that a check is of.
func (n *describer) on(k *Check) ([]events.ItemRef, error) {
	if k.Entry != "" {
		return []events.ItemRef{{Entry: k.Entry, Item: k.Column}}, nil
	}
	if k.Dataset == nil {
		return nil, nil
	}
	var ds datasetRow
	if _, err := n.r.find(k.Dataset.key(), &ds); err != nil {
		return nil, err
	}
	var out []events.ItemRef
	for _, id := range ds.Entries {
		e, err := n.entry(id)
		if err != nil {
			return nil, err
		}
		out = append(out, events.ItemRef{Entry: id, Item: e.itemOf(*k.Dataset, k.Column)})
	}
	return out, nil
}

// itemOf is the item that a column of a dataset is to an entry; empty if the entry
// lists none.
func (e *Entry) itemOf(d Dataset, column string) string {
	named := func(columns map[string]string) string {
		for _, item := range e.Items {
			if name, ok := columns[item.ID]; ok && name == column || !ok && item.ID == column {
				return item.ID
			}
		}
		return ""
	}
	if column == "" {
		return ""
	}
	for _, a := range e.Attached {
		if item := named(a.Columns); a.Dataset == d && item != "" {
			return item
		}
	}
	for _, r := range e.Resources {
		if item := named(r.Columns); (Dataset{r.Namespace, r.Name}) == d && item != "" {
			return item
		}
	}
	return ""
}
