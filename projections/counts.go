package projections

import (
	"context"
	"strings"
)

// Counts is what the ledger holds as of a position. Maps hold no zeros.
type Counts struct {
	Events int64 `json:"events"`
	// Imported is how many of Events are about the time before the ledger. All other
	// figures tell what the ledger holds, that included.
	Imported          int64            `json:"imported"`
	EventsByType      map[string]int64 `json:"events_by_type"`
	Parties           int64            `json:"parties"`
	Entries           int64            `json:"entries"`
	EntriesByStage    map[string]int64 `json:"entries_by_stage"`
	Agreements        int64            `json:"agreements"`
	AgreementsByState map[string]int64 `json:"agreements_by_state"`
	Accesses          int64            `json:"accesses"`
	FlaggedAccesses   int64            `json:"flagged_accesses"`
	Findings          int64            `json:"findings"`
	FindingsByState   map[string]int64 `json:"findings_by_state"`
	Datasets          int64            `json:"datasets"`
	Jobs              int64            `json:"jobs"`
	Runs              int64            `json:"runs"`
}

// Counts returns what the ledger holds, for a start page and for metrics. Each
// figure is a counter that the views keep as they go: nothing is scanned. A reader with
// a scope gets Events alone, which the size of the log tells as well.
func (w *View) Counts(ctx context.Context) (Counts, error) {
	c := Counts{
		Events: w.at + 1, EventsByType: map[string]int64{}, EntriesByStage: map[string]int64{},
		AgreementsByState: map[string]int64{}, FindingsByState: map[string]int64{},
	}
	if w.sight != nil {
		return c, nil
	}
	one := map[string]*int64{
		"imported": &c.Imported, "parties": &c.Parties, "entries": &c.Entries, "agreements": &c.Agreements, "accesses": &c.Accesses,
		"accesses/flagged": &c.FlaggedAccesses, "findings": &c.Findings, "datasets": &c.Datasets, "jobs": &c.Jobs, "runs": &c.Runs,
	}
	many := map[string]map[string]int64{
		"events": c.EventsByType, "entries": c.EntriesByStage, "agreements": c.AgreementsByState, "findings": c.FindingsByState,
	}
	err := w.read(func(r *reader) error {
		return r.each(ctx, entityKey(tCount), nil, func(row row) (bool, error) {
			name, err := parts(row.entity)
			if err != nil {
				return false, err
			}
			n, err := counted(row, w.at)
			if err != nil || n == 0 {
				return true, err
			}
			if p := one[name[0]]; p != nil {
				*p = n
			} else if of, value, ok := strings.Cut(name[0], "/"); ok && many[of] != nil {
				many[of][value] = n
			}
			return true, nil
		})
	})
	return c, err
}
