package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Access is one recorded call, judged against the agreement it invoked.
type Access struct {
	Position  int64       `json:"position"`
	Recorded  events.Time `json:"recorded"`
	Time      events.Time `json:"time"` // when the call was made, as claimed
	Call      string      `json:"call"`
	Agreement string      `json:"agreement,omitempty"`
	Provider  string      `json:"provider"`
	Consumer  string      `json:"consumer"`
	Operator  string      `json:"operator,omitempty"`
	RequestNo string      `json:"request_no,omitempty"`
	Purpose   string      `json:"purpose"`
	Entry     string      `json:"entry"`
	// EntryVersion is the version the producer named; 0 if it named none.
	EntryVersion int      `json:"entry_version,omitempty"`
	Dataset      *Dataset `json:"dataset,omitempty"`
	Method       string   `json:"method"`
	Columns      []string `json:"columns,omitempty"`
	// Region is the area of the rows returned or asked for, where the call named one.
	Region       string `json:"region,omitempty"`
	RowCount     int    `json:"row_count"`
	SubjectCount *int   `json:"subject_count,omitempty"`
	Masking      string `json:"masking,omitempty"`
	// Result is ok, empty, denied or error, Reason why if not ok.
	Result     string `json:"result"`
	Reason     string `json:"reason,omitempty"`
	Credential string `json:"credential,omitempty"`
	// Imported marks a call from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
	// Flags are the rules the call broke, as far as was known when it was
	// recorded; empty for a lawful call, and for one that got no data.
	Flags []Flag `json:"flags"`
}

func (a *Access) code(c *coder) {
	integer(c, &a.Position)
	integer(c, &a.Recorded)
	integer(c, &a.Time)
	c.texts(&a.Call, &a.Agreement, &a.Provider, &a.Consumer, &a.Operator, &a.RequestNo, &a.Purpose, &a.Entry)
	integer(c, &a.EntryVersion)
	optional(c, &a.Dataset, (*Dataset).code)
	c.text(&a.Method)
	textList(c, &a.Columns)
	c.text(&a.Region)
	integer(c, &a.RowCount)
	optional(c, &a.SubjectCount, func(n *int, c *coder) { integer(c, n) })
	c.texts(&a.Masking, &a.Result, &a.Reason, &a.Credential)
	c.bool(&a.Imported)
	list(c, &a.Flags, (*Flag).code)
}

// Flag is a rule that a reported fact breaks.
type Flag struct {
	// Rule is a stable id, such as "access.outside-term".
	Rule string `json:"rule"`
	// Detail says what was found, in words.
	Detail string `json:"detail"`
	// Events are the positions of the records that show it.
	Events []int64 `json:"events"`
}

func (f *Flag) code(c *coder) {
	c.texts(&f.Rule, &f.Detail)
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
)

// AccessQuery selects accesses; empty fields select everything.
type AccessQuery struct {
	Provider, Consumer, Agreement, Entry, Column, Result string
	Dataset                                              Dataset
	FlaggedOnly                                          bool
	Purpose                                              string
	Imported                                             *bool       // nil: both
	From, To                                             events.Time // of Access.Time, [From, To)
	Page
}

// AccessList is one part of a list of accesses, the last recorded first.
type AccessList struct {
	Accesses []Access `json:"accesses"`
	Next     string   `json:"next,omitempty"`
}

// accessKey holds a row per call, by position; accessBy the posting lists.
var accessKey = entityKey(tAccess)

// anyAccess lists all calls.
var anyAccess = accessBy("any", "")

func accessBy(kind string, value ...string) []byte {
	return entityKey(tAccessBy, append([]string{kind}, value...)...)
}

// applyAccesses judges a call and keeps it.
func applyAccesses(b *batch, e *ledger.Entry) error {
	var a Access
	var dataset events.DatasetRef
	switch d := e.Event.Data.(type) {
	case *events.AccessRecorded:
		a = Access{
			Call: d.Call, Agreement: d.Agreement, Provider: d.Provider, Consumer: d.Consumer, Operator: d.Operator, RequestNo: d.RequestNo,
			Purpose: d.Purpose, Entry: d.Entry, EntryVersion: d.EntryVersion, Method: d.Method, Columns: d.Columns, Region: d.Region,
			RowCount: d.RowCount, SubjectCount: d.SubjectCount, Masking: d.Masking, Result: d.Result, Reason: d.Reason, Credential: d.Credential,
		}
		dataset = d.Dataset
	case *events.CallDenied:
		a = Access{
			Call: d.Call, Agreement: d.Agreement, Provider: d.Provider, Consumer: d.Consumer, Operator: d.Operator, RequestNo: d.RequestNo,
			Purpose: d.Purpose, Entry: d.Entry, EntryVersion: d.EntryVersion, Method: d.Method, Columns: d.Columns, Region: d.Region,
			Result: events.AccessDenied, Reason: d.Reason, Credential: d.Credential,
		}
		dataset = d.Dataset
	default:
		return nil
	}
	a.Position, a.Recorded, a.Time, a.Imported, a.Flags = e.Position, e.Recorded, e.Event.Time, e.Event.Imported, []Flag{}
	for _, list := range [][2]string{{"any"}, {"provider", a.Provider}, {"consumer", a.Consumer}, {"entry", a.Entry}, {"result", a.Result}, {"purpose", a.Purpose}} {
		b.mark(tAccessBy, list[:]...)
	}
	if dataset != (events.DatasetRef{}) {
		a.Dataset = &Dataset{dataset.Namespace, dataset.Name}
		b.mark(tAccessBy, "dataset", a.Dataset.Namespace, a.Dataset.Name)
	}
	if a.Agreement != "" {
		b.mark(tAccessBy, "agreement", a.Agreement)
	}
	for _, c := range a.Columns {
		b.mark(tAccessBy, "column", c)
	}
	if err := b.judge(&a); err != nil {
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
	return b.put(accessKey, &a)
}

// judge holds a call that got an answer to the agreement it invoked, as the
// agreement stood when the call was made according to all that was recorded
// before the call. (A suspension recorded later, but effective earlier, does not
// change the flag: it shows in the agreement's own history.)
func (b *batch) judge(a *Access) error {
	if a.Result != events.AccessOK && a.Result != events.AccessEmpty {
		return nil
	}
	flag := func(rule string, shown int64, detail string, args ...any) {
		f := Flag{Rule: rule, Detail: fmt.Sprintf(detail, args...), Events: []int64{a.Position}}
		if shown >= 0 {
			f.Events = []int64{shown, a.Position}
		}
		a.Flags = append(a.Flags, f)
	}
	if a.Agreement == "" {
		free, err := b.unconditional(a)
		if err == nil && !free && a.Provider != a.Consumer {
			flag(RuleNoAgreement, -1, "the call invoked no agreement")
		}
		return err
	}
	was, err := b.agreementAt(a.Agreement, a.Time)
	switch {
	case err != nil:
		return err
	case was == nil:
		flag(RuleNoAgreement, -1, "no agreement %q was known when the call was recorded", a.Agreement)
		return nil
	case !within(a.Time, was.Since, was.Until):
		flag(RuleAgreementNotActive, was.Position, "the agreement took effect at %s, after the call at %s", was.Since, a.Time)
	case was.State != events.StageActive:
		flag(RuleAgreementNotActive, was.Position, "the agreement was %s since %s when the call was made at %s", was.State, was.Since, a.Time)
	}
	if !within(a.Time, was.TermFrom, was.TermTo) {
		flag(RuleOutsideTerm, was.Position, "the call at %s is outside the term from %s to %s", a.Time, was.TermFrom, was.TermTo)
	}
	if a.Provider != was.Provider {
		flag(RuleProviderMismatch, was.Position, "the agreement is with provider %q, the call was to %q", was.Provider, a.Provider)
	}
	if a.Consumer != was.Consumer {
		flag(RuleConsumerMismatch, was.Position, "the agreement is with consumer %q, the call was by %q", was.Consumer, a.Consumer)
	}
	if !slices.Contains(was.Purposes, a.Purpose) {
		flag(RulePurposeNotGranted, was.Position, "the purpose %q is not among %q", a.Purpose, was.Purposes)
	}
	if a.Region != "" && !covers(was.Scope.Region, a.Region) {
		flag(RuleRegionNotGranted, was.Position, "the region %q is not within %q", a.Region, was.Scope.Region)
	}
	grant, ok := was.grant(a.Entry)
	if !ok {
		flag(RuleEntryNotGranted, was.Position, "the agreement grants nothing of entry %q", a.Entry)
		return nil
	}
	if extra := beyond(a.Columns, grant.Items); len(extra) > 0 {
		flag(RuleColumnNotGranted, was.Position, "not granted: %s", strings.Join(extra, ", "))
	}
	return nil
}

// agreementAt reads an agreement's state at a time: of the states that had taken
// effect by then, the one recorded last. If none had, it is the first state of
// all; nil if the agreement is not known.
func (b *batch) agreementAt(id string, at events.Time) (*Agreement, error) {
	k := entityKey(tAgreement, id)
	state, err := recall[Agreement](b, k)
	if err != nil || state == nil || within(at, state.Since, state.Until) {
		return state, err
	}
	err = b.history(k, func(row row) (bool, error) {
		state = new(Agreement)
		if err := row.decode(state); err != nil {
			return false, err
		}
		return !within(at, state.Since, state.Until), nil
	})
	return state, err
}

// covers reports whether a region lies in another, by the codes of GB/T 2260: of
// six digits, 990000 is a province, 990100 a city of it, 990102 a district of that;
// longer codes go on from there. An empty region is everywhere; of codes of another
// kind each is a region by itself.
func covers(granted, region string) bool {
	if granted == "" || granted == region {
		return true
	}
	if len(granted) < 6 || len(region) < len(granted) {
		return false
	}
	whole := granted[:6]
	for _, end := range []string{"0000", "00"} {
		if strings.HasSuffix(whole, end) {
			return len(granted) == 6 && strings.HasPrefix(region, strings.TrimSuffix(whole, end))
		}
	}
	return strings.HasPrefix(region, granted)
}

// beyond lists what is asked for but not granted.
func beyond(asked, granted []string) []string {
	return slices.DeleteFunc(slices.Clone(asked), func(c string) bool { return slices.Contains(granted, c) })
}

// unconditional reports whether what was called for is shared without condition,
// so that no agreement is needed: the entry in the version in force now, and each
// column read.
func (b *batch) unconditional(a *Access) (bool, error) {
	step, err := recall[entryStep](b, stepKey(a.Entry))
	if err != nil || step == nil || step.Published == 0 {
		return false, err
	}
	d, err := b.content(a.Entry, step.Published)
	if err != nil {
		return false, err
	}
	if d.Sharing.Attribute != events.SharingUnconditional {
		return false, nil
	}
	return !slices.ContainsFunc(d.Items, func(it events.EntryItem) bool {
		own := it.Sharing != "" && it.Sharing != events.SharingUnconditional
		return own && (len(a.Columns) == 0 || slices.Contains(a.Columns, it.ID))
	}), nil
}

// Accesses lists recorded calls.
func (w *View) Accesses(ctx context.Context, q AccessQuery) (AccessList, error) {
	s := selection{high: w.at, descending: true}
	if q.FlaggedOnly {
		s.groups = append(s.groups, group(accessBy("flagged", "")))
	}
	if q.Dataset != (Dataset{}) {
		s.groups = append(s.groups, group(accessBy("dataset", q.Dataset.Namespace, q.Dataset.Name)))
	}
	for _, c := range []struct{ kind, value string }{
		{"agreement", q.Agreement}, {"entry", q.Entry}, {"consumer", q.Consumer}, {"column", q.Column}, {"provider", q.Provider}, {"purpose", q.Purpose}, {"result", q.Result},
	} {
		if c.value != "" {
			s.groups = append(s.groups, group(accessBy(c.kind, c.value)))
		}
	}
	if len(s.groups) == 0 {
		s.groups = [][][]byte{group(anyAccess)}
	}
	list := AccessList{Accesses: []Access{}}
	var err error
	list.Next, err = w.pageOfPositions(ctx, s, q.Page, func(r *reader, position int64) (bool, error) {
		a, ok, err := r.access(position)
		if err != nil || !ok || !within(a.Time, q.From, q.To) || (q.Imported != nil && *q.Imported != a.Imported) {
			return false, err
		}
		list.Accesses = append(list.Accesses, a)
		return true, nil
	})
	return list, err
}

// access reads the call recorded at a position; false if none was.
func (r *reader) access(position int64) (a Access, ok bool, err error) {
	row, ok, err := r.getAt(accessKey, position)
	if err != nil || !ok || row.position != position {
		return Access{}, false, err
	}
	err = row.decode(&a)
	return a, err == nil, err
}
