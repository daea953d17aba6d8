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
	// State is reported or closed; Outcome, ClosedBy and FixedByRun are those of a
	// closed one.
	State      string `json:"state"`
	Outcome    string `json:"outcome,omitempty"`
	ClosedBy   string `json:"closed_by,omitempty"`
	FixedByRun string `json:"fixed_by_run,omitempty"`
	// Reported and Closed are when, as claimed.
	Reported events.Time `json:"reported"`
	Closed   events.Time `json:"closed,omitzero"`
	// Position is the record of the latest change, Recorded its time, Events all
	// records about it.
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	Events   []int64     `json:"events"`
}

// FindingQuery selects findings; empty fields select everything.
type FindingQuery struct {
	// Party is who reported it or who answers for the entry.
	State, Entry, Party, Severity string
	Page
}

// FindingList is one part of a list of findings, ordered by id.
type FindingList struct {
	Findings []Finding `json:"findings"`
	Next     string    `json:"next,omitempty"`
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
	case *events.QualityIssueClosed:
		return applyFinding(b, e, d.Issue, func(f *Finding, _ bool) error {
			f.State, f.Outcome, f.ClosedBy, f.FixedByRun, f.Closed = events.StageClosed, d.Outcome, d.By, d.FixedByRun, e.Event.Time
			return nil
		})
	}
	return nil
}

func applyFinding(b *batch, e *ledger.Entry, id string, change func(f *Finding, known bool) error) error {
	k := entityKey(tFinding, id)
	var f Finding
	known, err := b.get(k, &f)
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
	if err := change(&f, known); err != nil {
		return err
	}
	f.ID, f.Position, f.Recorded, f.Events = id, e.Position, e.Recorded, append(f.Events, e.Position)
	if err := b.count("findings/"+f.State, 1); err != nil {
		return err
	}
	return b.put(k, f)
}

// Findings lists quality issues.
func (w *View) Findings(ctx context.Context, q FindingQuery) (FindingList, error) {
	list := FindingList{Findings: []Finding{}}
	var err error
	list.Next, err = w.pageOfEntities(ctx, tFinding, q.Page, func(_ *reader, _ string, row row) (bool, error) {
		var f Finding
		if err := row.decode(&f); err != nil {
			return false, err
		}
		if !matches(q.State, f.State) || !matches(q.Entry, f.Entry) || !matches(q.Severity, f.Severity) ||
			(q.Party != "" && q.Party != f.By && q.Party != f.Provider) {
			return false, nil
		}
		list.Findings = append(list.Findings, f)
		return true, nil
	})
	return list, err
}

// Finding returns one quality issue; false if there is none.
func (w *View) Finding(ctx context.Context, id string) (f Finding, ok bool, err error) {
	err = w.read(func(r *reader) error {
		ok, err = r.find(entityKey(tFinding, id), &f)
		return err
	})
	return f, ok, err
}
