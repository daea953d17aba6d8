package projections

import (
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Access is what was recorded of calls, judged against the agreement they invoked:
// one call, a sealed batch of them, or a gap where records of calls are missing.
type Access struct {
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	Type     string      `json:"type" row:"-"` // follows from the rest
	// Time is when the call was made, as claimed. A batch and a gap go from Time to
	// Until.
	Time      events.Time `json:"time"`
	Until     events.Time `json:"until,omitzero"`
	Call      string      `json:"call,omitempty"`
	Agreement string      `json:"agreement,omitempty"`
	Provider  string      `json:"provider"`
	Consumer  string      `json:"consumer,omitempty"`
	Operator  string      `json:"operator,omitempty"`
	System    string      `json:"system,omitempty"` // the consumer's application that called
	RequestNo string      `json:"request_no,omitempty"`
	Purpose   string      `json:"purpose,omitempty"`
	Entry     string      `json:"entry,omitempty"`
	// EntryVersion is the version the producer named; 0 if it named none.
	EntryVersion int      `json:"entry_version,omitempty"`
	Dataset      *Dataset `json:"dataset,omitempty"`
	Method       string   `json:"method,omitempty"`
	Columns      []string `json:"columns,omitempty"`
	// Region is the area of the rows returned or asked for, where the call named one.
	Region       string `json:"region,omitempty"`
	RowCount     int    `json:"row_count"`
	SubjectCount *int   `json:"subject_count,omitempty"`
	Masking      string `json:"masking,omitempty"`
	// Result is ok, empty, denied or error, Reason why if not ok; batches and gaps
	// have none.
	Result     string `json:"result,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Credential string `json:"credential,omitempty"`
	Batch      *Batch `json:"batch,omitempty"`
	Gap        *Gap   `json:"gap,omitempty"`
	// Imported marks a call from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
	// Flags are the rules the calls broke, as far as was known when they were
	// recorded; empty for lawful calls, and for those that got no data.
	Flags []Flag `json:"flags"`
}

func (a *Access) code(c *coder) {
	integer(c, &a.Position)
	integer(c, &a.Recorded)
	integer(c, &a.Time)
	integer(c, &a.Until)
	c.texts(&a.Call, &a.Agreement, &a.Provider, &a.Consumer, &a.Operator, &a.System, &a.RequestNo, &a.Purpose, &a.Entry)
	integer(c, &a.EntryVersion)
	optional(c, &a.Dataset, (*Dataset).code)
	c.text(&a.Method)
	textList(c, &a.Columns)
	c.text(&a.Region)
	integer(c, &a.RowCount)
	optional(c, &a.Batch, (*Batch).code)
	optional(c, &a.Gap, (*Gap).code)
	optional(c, &a.SubjectCount, func(n *int, c *coder) { integer(c, n) })
	c.texts(&a.Masking, &a.Result, &a.Reason, &a.Credential)
	c.bool(&a.Imported)
	list(c, &a.Flags, (*Flag).code)
}

// Batch is what a sealed batch says of its calls together. The producer keeps the
// records of the calls; Root commits to them.
type Batch struct {
	ID       string `json:"id"`
	Producer string `json:"producer"`
	// First and Last are the producer's numbers of the first and the last call.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Calls counts those that got an answer, Denied the others.
	Calls    int      `json:"calls"`
	Denied   int      `json:"denied"`
	Purposes []string `json:"purposes"`
	Regions  []string `json:"regions,omitempty"`
	Root     []byte   `json:"root"`
}

func (b *Batch) code(c *coder) {
	c.texts(&b.ID, &b.Producer)
	integer(c, &b.First)
	integer(c, &b.Last)
	integer(c, &b.Calls)
	integer(c, &b.Denied)
	textList(c, &b.Purposes)
	textList(c, &b.Regions)
	c.bytes(&b.Root)
}

// Gap says that records of calls are missing, and why.
type Gap struct {
	ID       string `json:"id"`
	Producer string `json:"producer"`
	By       string `json:"by"`
	// First and Last are the numbers that are missing; 0 if none were given out.
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last,omitempty"`
	Cause string `json:"cause"`
}

func (g *Gap) code(c *coder) {
	c.texts(&g.ID, &g.Producer, &g.By, &g.Cause)
	integer(c, &g.First)
	integer(c, &g.Last)
}

// Flag is a rule that a reported fact breaks.
type Flag struct {
	// Rule is a stable id, such as "access.outside-term".
	Rule string `json:"rule"`
	Detailed
	// Events are the positions of the records that show it.
	Events []int64 `json:"events"`
	// Imported: one of these is from before the ledger, and so no native evidence.
	Imported bool `json:"imported,omitempty" row:"-"`
}

func (f *Flag) code(c *coder) {
	c.text(&f.Rule)
	f.Detailed.code(c)
	integerList(c, &f.Events)
}

// The rules an access is judged by.
const (
	RuleNoAgreement        = "access.no-agreement"
	RuleAgreementNotActive = "access.agreement-not-active"
	RuleOutsideTerm        = "access.outside-term"
	RuleEntryNotGranted    = "access.entry-not-granted"
	RuleColumnNotGranted   = "access.column-not-granted"
	RulePurposeNotGranted  = "access.purpose-not-granted"
	RuleConsumerMismatch   = "access.consumer-mismatch"
	RuleProviderMismatch   = "access.provider-mismatch"
	RuleRegionNotGranted   = "access.region-not-granted"
	// RuleBatchOverlaps and RuleBatchUnchained are about a sealed batch itself: it
	// holds numbers that were recorded before, or does not go on from the batch before.
	RuleBatchOverlaps  = "access.batch-overlaps"
	RuleBatchUnchained = "access.batch-unchained"
)

// rulesOfAccess are all rules that an access is judged by, by the number that they have on
// tapeFlags.
var rulesOfAccess = []string{
	RuleNoAgreement, RuleAgreementNotActive, RuleOutsideTerm, RuleEntryNotGranted, RuleColumnNotGranted, RulePurposeNotGranted,
	RuleConsumerMismatch, RuleProviderMismatch, RuleRegionNotGranted, RuleBatchOverlaps, RuleBatchUnchained,
}

// ofRecords tells whether a rule is broken by whoever keeps the records of calls.
func ofRecords(rule string) bool { return rule == RuleBatchOverlaps || rule == RuleBatchUnchained }

// AccessQuery selects accesses; empty fields select everything.
type AccessQuery struct {
	Provider, Consumer, Agreement, Entry, Column, Credential, System, Result, Type string
	Dataset                                                                        Dataset
	FlaggedOnly                                                                    bool
	Purpose                                                                        string
	Imported                                                                       *bool // nil: both
	// From and To bound when calls were made, [From, To); batches and gaps are those
	// that overlap it.
	From, To events.Time
	// ValidAt leaves out calls made later, as claimed; 0 none.
	ValidAt events.Time
	// Gaps also lists the declared gaps, where they fall, in which calls that the query
	// selects may be missing: those of the providers that it can be about.
	Gaps bool
	// Person is the keyed reference of a person: of the calls that name one, those about
	// that person.
	Person string
	// Actor is the pseudonymous key of the person who the event says called.
	Actor string
	Page
}

// AccessList is one part of a list of accesses, the last recorded first.
type AccessList struct {
	Accesses []Access `json:"accesses"`
	Next     string   `json:"next,omitempty"`
	// PartyNames are the names of the parties in the list, by id, as of the position and
	// date asked for.
	PartyNames map[string]string `json:"party_names"`
}

// accessKey holds a row per call, batch and gap, by position; accessBy the posting lists.
var accessKey = entityKey(tAccess)

// anyAccess lists them all.
var anyAccess = accessBy("any", "")

func accessBy(kind string, value ...string) []byte {
	return entityKey(tAccessBy, append([]string{kind}, value...)...)
}

// applyAccesses judges what was recorded of calls and keeps it.
func applyAccesses(b *batch, e *ledger.Entry) error {
	var a Access
	var dataset events.DatasetRef
	switch d := e.Event.Data.(type) {
	case *events.AccessRecorded:
		a = Access{
			Call: d.Call, Agreement: d.Agreement, Provider: d.Provider, Consumer: d.Consumer, Operator: d.Operator, System: d.System, RequestNo: d.RequestNo,
			Purpose: d.Purpose, Entry: d.Entry, EntryVersion: d.EntryVersion, Method: d.Method, Columns: d.Columns, Region: d.Region,
			RowCount: d.RowCount, SubjectCount: d.SubjectCount, Masking: d.Masking, Result: d.Result, Reason: d.Reason, Credential: d.Credential,
		}
		dataset = d.Dataset
	case *events.CallDenied:
		a = Access{
			Call: d.Call, Agreement: d.Agreement, Provider: d.Provider, Consumer: d.Consumer, Operator: d.Operator, System: d.System, RequestNo: d.RequestNo,
			Purpose: d.Purpose, Entry: d.Entry, EntryVersion: d.EntryVersion, Method: d.Method, Columns: d.Columns, Region: d.Region,
			Result: events.AccessDenied, Reason: d.Reason, Credential: d.Credential,
		}
		dataset = d.Dataset
	case *events.BatchSealed:
		a = Access{
			Time: d.Period.From, Until: d.Period.To, Agreement: d.Agreement, Provider: d.Provider, Consumer: d.Consumer, Entry: d.Entry, EntryVersion: d.EntryVersion,
			Columns: d.Columns, RowCount: d.Rows, SubjectCount: d.Subjects,
			Batch: &Batch{
				ID: d.Batch, Producer: d.Producer, First: d.First, Last: d.Last, Calls: d.CountOK, Denied: d.CountDenied,
				Purposes: d.Purposes, Regions: d.Regions, Root: d.Root,
			},
		}
	case *events.GapDeclared:
		a = Access{
			Time: d.Period.From, Until: d.Period.To, Provider: d.Provider,
			Gap: &Gap{ID: d.Gap, Producer: d.Producer, By: d.By, First: d.First, Last: d.Last, Cause: d.Cause},
		}
	default:
		return nil
	}
	a.Position, a.Recorded, a.Imported, a.Flags = e.Position, e.Recorded, e.Event.Imported, []Flag{}
	if a.Time == 0 {
		a.Time = e.Event.Time
	}
	if err := b.follow(&a, e); err != nil {
		return err
	}
	person := ""
	for _, f := range e.Event.Facets {
		if f.Owner != "" && f.Owner != person { // it is sealed under the key of who is asked about
			person = f.Owner
			b.mark(tAccessBy, "person", person)
		}
	}
	return b.keepAccess(&a, dataset)
}

// keepAccess keeps an access under all it can be found by.
func (b *batch) keepAccess(a *Access, dataset events.DatasetRef) error {
	b.mark(tAccessBy, "any", "")
	for _, list := range [][2]string{{"provider", a.Provider}, {"consumer", a.Consumer}, {"entry", a.Entry}, {"result", a.Result}, {"agreement", a.Agreement}, {"credential", a.Credential}, {"system", a.System}} {
		if list[1] != "" {
			b.mark(tAccessBy, list[:]...)
		}
	}
	for _, p := range a.purposes() {
		b.mark(tAccessBy, "purpose", p)
	}
	if dataset != (events.DatasetRef{}) {
		a.Dataset = &Dataset{dataset.Namespace, dataset.Name}
		b.mark(tAccessBy, "dataset", a.Dataset.Namespace, a.Dataset.Name)
	}
	for _, c := range a.Columns {
		b.mark(tAccessBy, "column", c)
	}
	if err := b.judge(a); err != nil {
		return err
	}
	if len(a.Flags) > 0 {
		b.mark(tAccessBy, "flagged", "")
		if err := b.count("accesses/flagged", 1); err != nil {
			return err
		}
	}
	if err := b.count("accesses", 1); err != nil {
		return err
	}
	if err := b.lateAccess(a); err != nil {
		return err
	}
	b.putOnce(accessKey, a)
	return nil
}

// purposes are those that the calls stated.
func (a *Access) purposes() []string {
	switch {
	case a.Batch != nil:
		return a.Batch.Purposes
	case a.Gap != nil:
		return nil
	}
	return []string{a.Purpose}
}

// calls counts those that got an answer, and those that did not.
func (a *Access) calls() (answered, refused int) {
	switch {
	case a.Batch != nil:
		return a.Batch.Calls, a.Batch.Denied
	case a.Gap != nil:
		return 0, 0
	case a.Result == events.AccessOK || a.Result == events.AccessEmpty:
		return 1, 0
	}
	return 0, 1
}

// typ is the type of the event that was recorded.
func (a *Access) typ() string {
	switch {
	case a.Batch != nil:
		return typeBatch
	case a.Gap != nil:
		return typeGap
	case a.Result == events.AccessDenied:
		return typeDenied
	}
	return typeAccess
}

// The types of accesses.
const (
	typeAccess = "access.call.recorded"
	typeDenied = "access.call.denied"
	typeBatch  = "access.batch.sealed"
	typeGap    = "access.gap.declared"
)

// overlaps tells whether a call was made within [from, to), or a batch or a gap
// has a part of it.
func (a *Access) overlaps(from, to events.Time) bool {
	return within(a.Time, from, to) || a.Time < from && a.Until > from
}

// Accesses lists recorded calls, sealed batches of them, and declared gaps.
func (w *View) Accesses(ctx context.Context, q AccessQuery) (AccessList, error) {
	if err := firstError(firstError(w.mayAskBy("credential", q.Credential), w.mayAskBy("data_subject", q.Person)), w.mayAskBy("actor", q.Actor)); err != nil {
		return AccessList{Accesses: []Access{}}, err
	}
	s := selection{high: w.at, descending: true}
	if q.FlaggedOnly {
		s.groups = append(s.groups, group(accessBy("flagged", "")))
	}
	if q.Dataset != (Dataset{}) {
		s.groups = append(s.groups, group(accessBy("dataset", q.Dataset.Namespace, q.Dataset.Name)))
	}
	for _, c := range []struct{ kind, value string }{
		{"person", q.Person}, {"agreement", q.Agreement}, {"entry", q.Entry}, {"consumer", q.Consumer}, {"column", q.Column}, {"provider", q.Provider}, {"purpose", q.Purpose}, {"credential", q.Credential}, {"system", q.System}, {"result", q.Result},
	} {
		if c.value != "" {
			s.groups = append(s.groups, group(accessBy(c.kind, c.value)))
		}
	}
	if q.Actor != "" {
		s.groups = append(s.groups, group(eventBy(name{kind: nameActor, first: q.Actor})))
	}
	if q.Type != "" {
		s.groups = append(s.groups, group(eventBy(name{kind: events.NameType, first: q.Type})))
	}
	list := AccessList{Accesses: []Access{}}
	providers, err := w.providersOf(q)
	if err != nil {
		return list, err
	}
	if q.Gaps && q.Type == "" && !q.FlaggedOnly {
		for i, g := range s.groups {
			s.groups[i] = append(g, eventBy(name{kind: events.NameType, first: typeGap}))
		}
	}
	if len(s.groups) == 0 {
		s.groups = [][][]byte{group(anyAccess)}
	}
	to := endOf(q.ValidAt, q.To)
	if s.low, s.high, err = w.accessPositions(q.From, to); err != nil {
		return list, err
	}
	list.Next, err = w.pageOfPositions(ctx, s, q.Page, func(r *reader, position int64) (bool, error) {
		a, ok, err := r.access(position)
		if err != nil || !ok || !a.overlaps(q.From, to) || a.Gap != nil && providers != nil && !slices.Contains(providers, a.Provider) || (q.Imported != nil && *q.Imported != a.Imported) {
			return false, err
		}
		if ok, err := r.shows(a.Provider, a.Consumer); err != nil || !ok {
			return false, err
		}
		a.blank(r)
		list.Accesses = append(list.Accesses, a)
		return true, nil
	})
	if err != nil {
		return list, err
	}
	var ids []string
	for _, a := range list.Accesses {
		ids = append(ids, a.Provider, a.Consumer, a.Operator)
	}
	list.PartyNames, err = w.partyNames(q.ValidAt, ids)
	return list, err
}

// providersOf lists the providers whose calls a query can be about; nil if these can
// be any. A query that names two lists none.
func (w *View) providersOf(q AccessQuery) (out []string, err error) {
	about := func(of ...string) {
		if out == nil {
			out = append([]string{}, of...)
			return
		}
		out = slices.DeleteFunc(out, func(p string) bool { return !slices.Contains(of, p) })
	}
	if q.Provider != "" {
		about(q.Provider)
	}
	err = w.read(func(r *reader) error {
		if q.Agreement != "" {
			var a Agreement
			if known, err := r.find(entityKey(tAgreement, q.Agreement), &a); err != nil {
				return err
			} else if known {
				about(a.Provider)
			}
		}
		if q.Entry != "" {
			e, known, err := r.entry(q.Entry, 0)
			if err != nil {
				return err
			} else if known {
				about(e.Provider)
			}
		}
		return nil
	})
	return out, err
}

// access reads what was recorded of calls at a position; false if nothing was.
func (r *reader) access(position int64) (a Access, ok bool, err error) {
	row, ok, err := r.getAt(accessKey, position)
	if err != nil || !ok || row.position != position {
		return Access{}, false, err
	}
	err = row.decode(&a)
	a.Type = a.typ()
	for i := range a.Flags {
		if err == nil {
			a.Flags[i].Imported, err = r.imported(a.Flags[i].Events...)
		}
	}
	return a, err == nil, err
}
