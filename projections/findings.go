package projections

import (
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Finding is an issue about the quality of data, and what became of it. What was
// written about it in words stays in the book.
type Finding struct {
	ID string `json:"id"`
	// By is the party that reported it first, Provider the one that answered for
	// the entry then.
	By           string   `json:"by"`
	Provider     string   `json:"provider,omitempty"`
	Agreement    string   `json:"agreement,omitempty"`
	Entry        string   `json:"entry"`
	EntryVersion int      `json:"entry_version,omitempty"`
	Dataset      *Dataset `json:"dataset,omitempty"`
	// Items are those of all reports.
	Items     []string `json:"items,omitempty"`
	Dimension string   `json:"dimension"`
	Symptom   string   `json:"symptom"`
	Severity  string   `json:"severity"`
	Count     int      `json:"count,omitempty"`
	Run       string   `json:"run,omitempty"`
	// State is reported, accepted, rejected, assigned, confirmed, unfounded,
	// rectified, rechecked or closed; Outcome, ClosedBy and FixedByRun are those of a
	// closed one.
	State      string `json:"state"`
	Outcome    string `json:"outcome,omitempty"`
	ClosedBy   string `json:"closed_by,omitempty"`
	FixedByRun string `json:"fixed_by_run,omitempty"`
	// Assigned is who has to put it right, in what capacity: source, fusing or
	// delivering.
	Assigned string `json:"assigned,omitempty"`
	Capacity string `json:"capacity,omitempty"`
	// Origins are where it may come from, as the lineage told at position TracedAt.
	Origins  []events.Origin `json:"origins,omitempty"`
	TracedAt uint64          `json:"traced_at,omitempty"`
	// Marked tells that its items bear a mark now.
	Marked bool `json:"marked,omitempty"`
	// CorrectionReceived and CorrectionAnswered are when the request to correct
	// reached the party that answers for it, and when it answered; Verdict and Action
	// what.
	CorrectionReceived events.Time `json:"correction_received,omitzero"`
	CorrectionAnswered events.Time `json:"correction_answered,omitzero"`
	Verdict            string      `json:"verdict,omitempty"`
	Action             string      `json:"action,omitempty"`
	FixBy              events.Time `json:"fix_by,omitzero"`
	RectifiedBy        string      `json:"rectified_by,omitempty"`
	RecheckedBy        string      `json:"rechecked_by,omitempty"`
	Recheck            string      `json:"recheck,omitempty"` // pass or fail
	// EscalatedTo is the competent department that it was taken to.
	EscalatedTo string `json:"escalated_to,omitempty"`
	// Told are the recipients of the data that were told of the correction.
	Told []events.Recipient `json:"told,omitempty"`
	// Accountable is who was found to answer for it, and on what.
	Accountable []Accountable `json:"accountable,omitempty"`
	// Reported and Closed are when, as claimed.
	Reported events.Time `json:"reported"`
	Closed   events.Time `json:"closed,omitzero"`
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
	// Number counts findings, in the order in which the book brings them up.
	Number uint32 `json:"-"`
}

func (f *Finding) code(c *coder) {
	c.texts(&f.ID, &f.By, &f.Provider, &f.Agreement, &f.Entry)
	integer(c, &f.EntryVersion)
	optional(c, &f.Dataset, (*Dataset).code)
	textList(c, &f.Items)
	c.texts(&f.Dimension, &f.Symptom, &f.Severity)
	integer(c, &f.Count)
	c.texts(&f.Run, &f.State, &f.Outcome, &f.ClosedBy, &f.FixedByRun, &f.Assigned, &f.Capacity)
	list(c, &f.Origins, codeOrigin)
	integer(c, &f.TracedAt)
	c.bool(&f.Marked)
	integer(c, &f.CorrectionReceived)
	integer(c, &f.CorrectionAnswered)
	c.texts(&f.Verdict, &f.Action)
	integer(c, &f.FixBy)
	c.texts(&f.RectifiedBy, &f.RecheckedBy, &f.Recheck, &f.EscalatedTo)
	list(c, &f.Told, codeRecipient)
	list(c, &f.Accountable, (*Accountable).code)
	integer(c, &f.Reported)
	integer(c, &f.Closed)
	integer(c, &f.Since)
	integer(c, &f.Until)
	integer(c, &f.Position)
	integer(c, &f.Recorded)
	integerList(c, &f.Events)
	c.bool(&f.Imported)
	integer(c, &f.Number)
}

// Accountable is a decision on who answers for a fault.
type Accountable struct {
	Party     string   `json:"party"`
	By        string   `json:"by"`
	Ground    string   `json:"ground"`
	Violation string   `json:"violation,omitempty"`
	Facts     []uint64 `json:"facts"`
	Position  int64    `json:"position"`
}

func (a *Accountable) code(c *coder) {
	c.texts(&a.Party, &a.By, &a.Ground, &a.Violation)
	integerList(c, &a.Facts)
	integer(c, &a.Position)
}

// FindingQuery selects findings; empty fields select everything.
type FindingQuery struct {
	// Party is who reported it, who answers for the entry or who it is assigned to.
	State, Entry, Party, Severity string
	// Open selects those that are neither closed nor rejected.
	Open bool
	// ValidAt selects by the state then; 0 the latest known.
	ValidAt events.Time
	Page
}

// FindingList is one part of a list of findings, ordered by id.
type FindingList struct {
	Findings []Finding `json:"findings"`
	Next     string    `json:"next,omitempty"`
	// PartyNames are the names of the parties in the list, by id, as of the position and
	// date asked for.
	PartyNames map[string]string `json:"party_names"`
}

// applyFindings keeps a row per issue, under its id.
func applyFindings(b *batch, e *ledger.Entry) error {
	switch d := e.Event.Data.(type) {
	case *events.QualityIssueReported:
		return applyFinding(b, e, d.Issue, func(f *Finding, known bool) error {
			if known { // a further report adds to the first and moves nothing
				for _, item := range d.Items {
					if !slices.Contains(f.Items, item) {
						f.Items = append(f.Items, item)
					}
				}
				return nil
			}
			*f = Finding{
				By: d.By, Agreement: d.Agreement, Entry: d.Entry, EntryVersion: d.EntryVersion, Items: d.Items, Dimension: d.Dimension,
				Symptom: d.Symptom, Severity: d.Severity, Count: d.Count, Run: d.Run, State: events.StageReported, Reported: e.Event.Time,
			}
			if d.Dataset != (events.DatasetRef{}) {
				f.Dataset = &Dataset{d.Dataset.Namespace, d.Dataset.Name}
			}
			content, err := b.latestContent(d.Entry)
			if err == nil {
				f.Provider = content.Provider
			}
			return err
		})
	case *events.QualityIssueAccepted:
		return moveFinding(b, e, d.Issue, func(f *Finding) { f.State = events.StageAccepted })
	case *events.QualityIssueRejected:
		return moveFinding(b, e, d.Issue, func(f *Finding) { f.State = events.StageRejected })
	case *events.QualityIssueMarked:
		if err := mark(b, e, d); err != nil {
			return err
		}
		return moveFinding(b, e, d.Issue, func(f *Finding) { f.Marked = true })
	case *events.QualityIssueUnmarked:
		if err := unmark(b, d.Issue); err != nil {
			return err
		}
		return moveFinding(b, e, d.Issue, func(f *Finding) { f.Marked = false })
	case *events.QualityIssueTraced:
		return moveFinding(b, e, d.Issue, func(f *Finding) { f.Origins, f.TracedAt = d.Origins, d.AsOf })
	case *events.QualityIssueAssigned:
		return moveFinding(b, e, d.Issue, func(f *Finding) {
			f.State, f.Assigned, f.Capacity = events.StageAssigned, d.To, d.Capacity
		})
	case *events.QualityIssueTransferred:
		return moveFinding(b, e, d.Issue, func(f *Finding) { f.Assigned, f.Capacity = d.To, d.Capacity })
	case *events.CorrectionReceived:
		return moveFinding(b, e, d.Issue, func(f *Finding) { f.CorrectionReceived, f.CorrectionAnswered = e.Event.Time, 0 })
	case *events.CorrectionAnswered:
		return moveFinding(b, e, d.Issue, func(f *Finding) {
			f.State, f.CorrectionAnswered, f.Verdict, f.Action, f.FixBy = events.StageConfirmed, e.Event.Time, d.Verdict, d.Action, d.FixBy
			if d.Verdict == events.VerdictUnfounded {
				f.State = events.StageUnfounded
			}
		})
	case *events.CorrectionPropagated:
		return moveFinding(b, e, d.Issue, func(f *Finding) { f.Told = append(slices.Clone(f.Told), d.Recipients...) })
	case *events.QualityIssueRectified:
		return moveFinding(b, e, d.Issue, func(f *Finding) { f.State, f.RectifiedBy, f.FixedByRun = events.StageRectified, d.By, d.Run })
	case *events.QualityIssueRechecked:
		return moveFinding(b, e, d.Issue, func(f *Finding) {
			f.State, f.RecheckedBy, f.Recheck = events.StageRechecked, d.By, d.Outcome
			if d.Outcome == "fail" {
				f.State = events.StageAssigned
			}
		})
	case *events.AccountabilityDetermined:
		return moveFinding(b, e, d.Issue, func(f *Finding) {
			f.Accountable = append(slices.Clone(f.Accountable), Accountable{d.Party, d.By, d.Ground, d.Violation, d.Facts, e.Position})
		})
	case *events.QualityIssueClosed:
		return moveFinding(b, e, d.Issue, func(f *Finding) {
			f.State, f.Outcome, f.ClosedBy, f.Closed = events.StageClosed, d.Outcome, d.By, e.Event.Time
			if d.FixedByRun != "" {
				f.FixedByRun = d.FixedByRun
			}
		})
	case *events.QualityIssueEscalated:
		return moveFinding(b, e, d.Issue, func(f *Finding) { f.EscalatedTo = d.To })
	case *events.QualityIssueReopened:
		return moveFinding(b, e, d.Issue, func(f *Finding) {
			f.State, f.Outcome, f.ClosedBy, f.Closed = events.StageAccepted, "", "", 0
		})
	}
	return nil
}

// moveFinding changes an issue that was reported. Its propagation is a fact, which
// may name an issue that nobody reported: that stands in the timeline alone.
func moveFinding(b *batch, e *ledger.Entry, id string, change func(*Finding)) error {
	known, err := b.has(entityKey(tFinding, id))
	if err != nil || !known {
		return err
	}
	return applyFinding(b, e, id, func(f *Finding, _ bool) error {
		change(f)
		return nil
	})
}

func applyFinding(b *batch, e *ledger.Entry, id string, change func(f *Finding, known bool) error) error {
	k := entityKey(tFinding, id)
	f, known, err := draw[Finding](b, k)
	if err != nil {
		return err
	}
	if known {
		err = b.count("findings/"+f.State, -1)
	} else {
		err = b.count("findings", 1)
	}
	if err != nil {
		return err
	}
	number, told := f.Number, f.Imported
	if !known {
		if number, err = b.nth("findings"); err != nil {
			return err
		}
	}
	if err := change(&f, known); err != nil {
		return err
	}
	f.Number = number
	f.ID, f.Position, f.Recorded, f.Events = id, e.Position, e.Recorded, append(f.Events, e.Position)
	f.Since, f.Until, f.Imported = effective(e), e.Event.EffectiveTo, told || e.Event.Imported
	if err := b.count("findings/"+f.State, 1); err != nil {
		return err
	}
	b.put(k, &f)
	return nil
}

// Findings lists quality issues.
func (w *View) Findings(ctx context.Context, q FindingQuery) (FindingList, error) {
	list := FindingList{Findings: []Finding{}}
	var err error
	list.Next, err = w.pageOfEntities(ctx, entityKey(tFinding), q.Page, func(r *reader, id string, _ row) (bool, error) {
		f, ok, err := r.finding(id, q.ValidAt)
		if err != nil || !ok {
			return false, err
		}
		if !matches(q.State, f.State) || !matches(q.Entry, f.Entry) || !matches(q.Severity, f.Severity) ||
			(q.Party != "" && q.Party != f.By && q.Party != f.Provider && q.Party != f.Assigned) ||
			(q.Open && (f.State == events.StageClosed || f.State == events.StageRejected)) {
			return false, nil
		}
		if ok, err := r.shows(f.concerns()...); err != nil || !ok {
			return false, err
		}
		list.Findings = append(list.Findings, f)
		return true, nil
	})
	if err != nil {
		return list, err
	}
	var ids []string
	for _, f := range list.Findings {
		ids = append(ids, f.By, f.Provider, f.Assigned)
	}
	list.PartyNames, err = w.partyNames(q.ValidAt, ids)
	return list, err
}

// concerns are the parties that a finding concerns.
func (f *Finding) concerns() []string { return []string{f.By, f.Provider, f.Assigned} }

// Finding returns a quality issue as it stood at validAt, or the latest known if
// that is 0; false if there is none.
func (w *View) Finding(ctx context.Context, id string, validAt events.Time) (f Finding, ok bool, err error) {
	err = w.read(func(r *reader) error {
		if f, ok, err = r.finding(id, validAt); err == nil && ok {
			ok, err = r.sees(f.concerns()...)
		}
		return err
	})
	return f, ok, err
}

func (r *reader) finding(id string, validAt events.Time) (Finding, bool, error) {
	return standing(r, entityKey(tFinding, id), validAt, func(f *Finding) (since, until events.Time) { return f.Since, f.Until })
}
