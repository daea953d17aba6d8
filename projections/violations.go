package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"ledgerline/events"
	"ledgerline/events/rulepack"
	"ledgerline/ledger"
)

// Violation is a rule that was broken, by whom, and the records that show it.
type Violation struct {
	// Rule is what was found: the id of a deadline that was missed, or of a rule
	// that a reported fact broke, such as access.no-agreement.
	Rule string `json:"rule"`
	// Code and Basis are what Pack in that version calls it; empty if no pack in
	// force then names it.
	Code        string        `json:"code,omitempty"`
	Title       rulepack.Text `json:"title,omitzero"`
	Basis       string        `json:"basis,omitempty"`
	Pack        string        `json:"pack,omitempty"`
	PackVersion string        `json:"pack_version,omitempty"`
	// Party is who broke it, Role what it is in the rule.
	Party     string `json:"party"`
	Role      string `json:"role,omitempty"`
	Agreement string `json:"agreement,omitempty"`
	Entry     string `json:"entry,omitempty"`
	// Duty is the duty that was missed, if it is one.
	Duty string `json:"duty,omitempty"`
	// Time is since when it has been one, as claimed; Ended when a missed duty was
	// done after all.
	Time  events.Time `json:"time"`
	Ended events.Time `json:"ended,omitzero"`
	Detailed
	Events []int64 `json:"events"`
	// Imported: one of these is from before the ledger, and so no native evidence.
	Imported bool `json:"imported,omitempty" row:"-"`
}

func (v *Violation) code(c *coder) {
	c.texts(&v.Rule, &v.Code)
	codeText(&v.Title, c)
	c.texts(&v.Basis, &v.Pack, &v.PackVersion, &v.Party, &v.Role, &v.Agreement, &v.Entry, &v.Duty)
	integer(c, &v.Time)
	integer(c, &v.Ended)
	v.Detailed.code(c)
	integerList(c, &v.Events)
}

// ViolationQuery selects violations; empty fields select everything.
type ViolationQuery struct {
	Party, Code, Rule, Agreement, Entry string
	From, To                            events.Time // of Violation.Time, [From, To)
	// Imported selects what rests on records from before the ledger, or if false the
	// rest; nil both.
	Imported *bool
	Page
}

// ViolationList is one part of a list of violations, in order of time.
type ViolationList struct {
	Violations []Violation `json:"violations"`
	Next       string      `json:"next,omitempty"`
	// LimitsHit says why it is not all: LimitAccesses.
	LimitsHit []string `json:"limits_hit,omitempty"`
	// PartyNames are the names of the parties in the list, by id, as of the position and
	// date asked for.
	PartyNames map[string]string `json:"party_names"`
}

// RuleProvisionUnfiled is broken by a provider that changes what it provides
// without consulting the consumer and filing the change.
const RuleProvisionUnfiled = "provision.changed-unfiled"

// RuleColumnsDiffer is broken by a run that read or wrote other columns than were
// declared, where somebody recorded it. Who runs the job answers for it, as
// RuleInputNotCovered has it; nobody does if that is not known.
const RuleColumnsDiffer = "lineage.columns-differ"

// RuleCollectedAgain is broken by who collects what it could have had shared, where
// somebody reported it.
const RuleCollectedAgain = "usage.duplicate-collection"

// RuleUseNotRecorded is broken by a consumer that had data under an agreement, and had
// written nothing down about its use when the agreement ended.
const RuleUseNotRecorded = "usage.not-recorded"

// RuleDetermined is what a competent department found to be broken: by an order to
// put something right, in an inspection, or when it said who answers for a fault.
const RuleDetermined = "oversight.determined"

// applyViolations keeps a row for each record, other than an access, that shows a
// broken rule by itself.
func applyViolations(b *batch, e *ledger.Entry) error {
	determined := func(code, party, agreement string, facts []uint64) {
		v := Violation{
			Rule: RuleDetermined, Code: code[strings.LastIndexByte(code, ':')+1:], Party: party, Agreement: agreement, Time: e.Event.Time,
			Detailed: find(saidDetermined, e.Event.Type, code), Events: []int64{e.Position},
		}
		for _, f := range facts {
			v.Events = append(v.Events, int64(f))
		}
		b.putOnce(violationKey(e.Position, RuleDetermined), &v)
	}
	switch d := e.Event.Data.(type) {
	case *events.ProvisionChanged:
		applyUnfiled(b, e, d)
	case *events.RectificationOrdered:
		determined(d.Violation, d.Party, d.Agreement, d.Facts)
	case *events.InspectionFinding:
		determined(d.Violation, d.Party, "", d.Facts)
	case *events.DifferenceObserved:
		return applyDiffering(b, e, d)
	case *events.DuplicateCollectionReported:
		b.putOnce(violationKey(e.Position, RuleCollectedAgain), &Violation{
			Rule: RuleCollectedAgain, Party: d.Collector, Entry: d.Entry, Time: e.Event.Time, Events: []int64{e.Position},
			Detailed: find(saidCollectedAgain, d.By, d.Collector, len(d.Items), d.Entry),
		})
	case *events.AccountabilityDetermined:
		if d.Violation != "" {
			determined(d.Violation, d.Party, "", d.Facts)
		}
	}
	return nil
}

// applyUnfiled notes a change that was not consulted on and filed.
func applyUnfiled(b *batch, e *ledger.Entry, d *events.ProvisionChanged) {
	if d.ConsultRef != "" && d.FilingRef != "" {
		return
	}
	missing := saidUnfiled
	switch {
	case d.ConsultRef != "":
		missing = saidUnfiledConsulted
	case d.FilingRef != "":
		missing = saidUnfiledUnasked
	}
	b.putOnce(violationKey(e.Position, RuleProvisionUnfiled), &Violation{
		Rule: RuleProvisionUnfiled, Party: d.By, Agreement: d.Agreement, Time: e.Event.Time,
		Detailed: find(missing, d.Provision), Events: []int64{e.Position},
	})
}

// applyDiffering notes that a run differed from what was declared, once for each
// entry whose columns are concerned.
func applyDiffering(b *batch, e *ledger.Entry, d *events.DifferenceObserved) error {
	var about []Dataset
	for _, ref := range slices.Concat(d.Undeclared, d.Unseen) {
		about = append(about, Dataset{ref.Namespace, ref.Name})
	}
	concerned, err := b.entriesOf(unite(about, nil, Dataset.compare))
	if err != nil {
		return err
	}
	made := concerned
	run, err := recall[runRow](b, entityKey(tRun, d.Run))
	if err != nil {
		return err
	}
	if run != nil {
		if made, err = b.entriesOf(run.Flow.Outputs); err != nil {
			return err
		}
	}
	owners, err := b.ownersOf(d.Job, made)
	if err != nil {
		return err
	}
	entries := slices.Compact(slices.Sorted(slices.Values(slices.Concat(concerned...))))
	if len(owners) == 0 {
		owners = []string{""}
	}
	if len(entries) == 0 {
		entries = []string{""}
	}
	for _, owner := range owners {
		for _, entry := range entries {
			b.putOnce(entityKey(tViolation, fmt.Sprintf("%019d", e.Position), RuleColumnsDiffer, owner, entry), &Violation{
				Rule: RuleColumnsDiffer, Party: owner, Entry: entry, Time: e.Event.Time, Events: []int64{e.Position},
				Detailed: find(saidColumnsDiffer, d.Run, d.Job.Namespace+"/"+d.Job.Name, len(d.Undeclared), len(d.Unseen)),
			})
		}
	}
	return nil
}

// violationKey is where a violation shown by a record is kept, in order of position.
func violationKey(position int64, rule string) []byte {
	return entityKey(tViolation, fmt.Sprintf("%019d", position), rule)
}

// Violations lists which rules were broken, by whom: duties missed as of the
// view's position, and reported facts that break a rule. The list is put together
// anew for each part, since time alone makes violations of open duties.
func (w *View) Violations(ctx context.Context, q ViolationQuery) (ViolationList, error) {
	list := ViolationList{Violations: []Violation{}}
	var found []Violation
	err := w.read(func(r *reader) error {
		book, err := r.rulebook()
		if err != nil {
			return err
		}
		if found, err = r.missed(ctx, book, w.recorded); err != nil {
			return err
		}
		names, err := r.names(w.store)
		if err != nil {
			return err
		}
		judged := func(v Violation) { found = append(found, book.judge(v, nil)...) }
		if err := r.shownByRecord(ctx, judged); err != nil {
			return err
		}
		if err := r.uncovered(names, func(at events.Time) bool { return within(at, q.From, q.To) }, judged); err != nil {
			return err
		}
		if err := r.unrecorded(ctx, judged); err != nil {
			return err
		}
		flagged, err := w.flagged(ctx, r, book, names, q, &list)
		found = append(found, flagged...)
		return err
	})
	if err != nil {
		return list, err
	}
	found = slices.DeleteFunc(found, func(v Violation) bool {
		return !matches(q.Party, v.Party) || !matches(q.Code, v.Code) || !matches(q.Rule, v.Rule) || !matches(q.Agreement, v.Agreement) ||
			!matches(q.Entry, v.Entry) || !within(v.Time, q.From, q.To)
	})
	if found, err = w.importedViolations(found, q.Imported); err != nil {
		return list, err
	}
	if found, err = w.shownViolations(found, q); err != nil {
		return list, err
	}
	from, err := q.offset(len(found))
	if err != nil {
		return list, err
	}
	to := min(len(found), from+q.limit())
	for _, v := range sortedViolations(found)[from:to] {
		list.Violations = append(list.Violations, *v)
	}
	if err := w.detail(ctx, list.Violations); err != nil {
		return list, err
	}
	if to < len(found) {
		list.Next = idCursor(fmt.Sprint(to))
	}
	var ids []string
	for _, v := range list.Violations {
		ids = append(ids, v.Party)
	}
	list.PartyNames, err = w.partyNames(0, ids)
	return list, err
}

// importedViolations marks those that records from before the ledger show, and keeps
// these, the others, or both (nil).
func (w *View) importedViolations(found []Violation, wanted *bool) (kept []Violation, err error) {
	kept = found[:0]
	err = w.read(func(r *reader) error {
		for _, v := range found {
			if v.Imported, err = r.imported(v.Events...); err != nil {
				return err
			}
			if wanted == nil || *wanted == v.Imported {
				kept = append(kept, v)
			}
		}
		return nil
	})
	return kept, err
}

// shownByRecord visits what one record shows to be broken, and what is missing among the
// numbers of producers.
func (r *reader) shownByRecord(ctx context.Context, found func(Violation)) error {
	if err := r.each(ctx, entityKey(tViolation), nil, func(row row) (bool, error) {
		var v Violation
		err := row.decode(&v)
		if err == nil {
			found(v)
		}
		return true, err
	}); err != nil {
		return err
	}
	return r.each(ctx, entityKey(tProducer), nil, func(row row) (bool, error) {
		p, err := r.producer(row)
		for _, v := range p.violations() {
			found(v)
		}
		return true, err
	})
}

// sortedViolations are those of a list in their order; what is equal in that stays as it
// is listed.
func sortedViolations(list []Violation) []*Violation {
	order := make([]int32, len(list)) // they are too large to be moved about
	for i := range list {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		a, b := &list[i], &list[j]
		if a.Time != b.Time {
			return cmp.Compare(a.Time, b.Time)
		}
		return cmp.Or(slices.Compare(a.Events, b.Events), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Code, b.Code), cmp.Compare(i, j))
	})
	sorted := make([]*Violation, len(list))
	for n, i := range order {
		sorted[n] = &list[i]
	}
	return sorted
}

// offset is how many rows of a list that is put together anew come before the page.
func (p Page) offset(rows int) (from int, err error) {
	id, continued, err := p.lastID()
	if err != nil || !continued {
		return 0, err
	}
	if _, err := fmt.Sscanf(id, "%d", &from); err != nil || from < 0 || from > rows {
		return 0, &CursorError{p.Cursor}
	}
	return from, nil
}

// shownViolations keeps those that the reader may see. The others are counted with the
// first part of the list.
func (w *View) shownViolations(found []Violation, q ViolationQuery) (kept []Violation, err error) {
	if w.sight == nil {
		return found, nil
	}
	err = w.read(func(r *reader) error {
		for _, v := range found {
			concerned, err := r.ofAgreement(v.Agreement, v.Entry, v.Party)
			if err != nil {
				return err
			}
			seen, err := r.sees(concerned...)
			if err != nil {
				return err
			}
			switch {
			case seen:
				kept = append(kept, v)
			case q.Cursor == "":
				r.withhold(1)
			}
		}
		return nil
	})
	return kept, err
}

// missed lists the duties that were not done in time.
func (r *reader) missed(ctx context.Context, book *rulebook, now events.Time) (out []Violation, err error) {
	mergers := r.successions()
	err = r.each(ctx, entityKey(tDuty), nil, func(row row) (bool, error) {
		var d Duty
		if err := row.decode(&d); err != nil {
			return false, err
		}
		state := d.at(now)
		if state != DutyLate && state != DutyBreached || d.Violation == "" {
			return true, nil
		}
		party, err := mergers.holder(d.Party, d.Done, d.Before) // who had it when it was missed
		if err != nil {
			return false, err
		}
		v := Violation{
			Rule: d.Rule, Code: d.Violation, Title: d.Title, Basis: d.Basis, Pack: d.Pack, PackVersion: d.PackVersion, Party: party, Role: d.Role,
			Duty: d.ID, Entry: d.Entry, Time: d.Before, Ended: d.Done, Detailed: d.missed(), Events: d.Events,
		}
		if c, ok := book.violation(d.Pack, d.PackVersion, d.Violation); ok {
			v.Title, v.Basis = c.Title, c.Basis
		}
		out = append(out, v)
		return true, nil
	})
	return out, err
}

// missed says how a duty was missed. What is ordered case by case has no calendar.
func (d *Duty) missed() Detailed {
	switch {
	case d.Calendar == "" && d.Done == 0:
		return find(saidDutySetMissed, d.Due)
	case d.Calendar == "":
		return find(saidDutySetLate, d.Due, d.Done)
	case d.Done == 0:
		return find(saidDutyMissed, d.Due, d.Calendar, d.CalendarVersion)
	}
	return find(saidDutyLate, d.Due, d.Calendar, d.CalendarVersion, d.Done)
}

// unrecorded lists the agreements that ended, under which data was had, and about whose
// use the consumer wrote nothing down. Agreements from before the ledger, and what was
// had then, are left out.
func (r *reader) unrecorded(ctx context.Context, found func(Violation)) error {
	mergers := r.successions()
	return r.each(ctx, entityKey(tAgreement), nil, func(row row) (bool, error) {
		var a Agreement
		err := row.decode(&a)
		if err == nil {
			err = r.unrecordedOf(ctx, &a, mergers, found)
		}
		return err == nil, err
	})
}

func (r *reader) unrecordedOf(ctx context.Context, a *Agreement, mergers *successions, found func(Violation)) error {
	if a.Imported || !a.ended() {
		return nil
	}
	had, recorded, err := r.used(ctx, a.ID)
	if err != nil || recorded || had == 0 {
		return err
	}
	party, err := mergers.holder(a.Consumer, 0, a.Since)
	if err != nil {
		return err
	}
	found(Violation{
		Rule: RuleUseNotRecorded, Party: party, Agreement: a.ID, Time: a.Since, Events: []int64{had, a.Position},
		Detailed: find(saidUseNotRecorded, a.ID),
	})
	return nil
}

// ended tells whether an agreement is over.
func (a *Agreement) ended() bool {
	return slices.Contains([]string{events.StageTerminated, events.StageExpired, events.StageFulfilled}, a.State)
}

// used tells of an agreement at what position data was last had under it, 0 if never, and
// whether its use was written down.
func (r *reader) used(ctx context.Context, agreement string) (had int64, recorded bool, err error) {
	look := func(list []byte, visit func(position int64) (more bool, err error)) error {
		s := selection{groups: [][][]byte{{list}}, high: r.at, descending: true}
		return s.walk(ctx, r, visit)
	}
	err = look(shareBy("agreement", agreement), func(position int64) (bool, error) {
		var s Share
		row, ok, err := r.getAt(shareKey, position)
		if err == nil && ok {
			err = row.decode(&s)
		}
		recorded = recorded || s.Type == "usage.record.made"
		if s.delivers() && !s.Imported {
			had = max(had, position)
		}
		return !recorded, err
	})
	if err != nil || recorded {
		return had, recorded, err
	}
	err = look(accessBy("agreement", agreement), func(position int64) (bool, error) {
		a, ok, err := r.access(position)
		if err != nil || !ok {
			return err == nil, err
		}
		answered, _ := a.calls()
		if answered > 0 && !a.Imported {
			had = max(had, position)
		}
		return had == 0, err
	})
	return had, false, err
}

// judge says what the packs in force at the time call a broken rule, or the code that
// was found to be broken. A pack may hold another party to it than the one that
// reported; each code is a violation. What no pack names is one all the same.
func (book *rulebook) judge(v Violation, parties map[string]string) []Violation {
	var out []Violation
	if book != nil {
		for _, p := range book.inForce(v.Time) {
			for _, c := range p.Violations {
				if !slices.Contains(c.Flags, v.Rule) && (v.Code == "" || c.Code != v.Code) {
					continue
				}
				as := v
				as.Code, as.Title, as.Basis, as.Pack, as.PackVersion, as.Role = c.Code, c.Title, c.Basis, p.published.ID, p.published.Version, c.By
				if party := parties[c.By]; party != "" {
					as.Party = party
				}
				out = append(out, as)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, v)
	}
	return out
}
