package events

// KindIssue is the subject of a finding about the quality of data.
const KindIssue = "issue"

// The stages of an issue; accepted and rejected are those of a disposal.
const (
	StageReported  = "reported"
	StageAssigned  = "assigned"
	StageUnfounded = "unfounded"
	StageRectified = "rectified"
	StageRechecked = "rechecked"
)

// The outcomes of a closed issue.
const (
	OutcomeFixed     = "fixed"
	OutcomeUnfounded = "unfounded"
	OutcomeWontFix   = "wont_fix"
	OutcomeDuplicate = "duplicate"
)

// The vocabulary of quality issues.
var (
	symptoms = []string{"missing", "wrong", "duplicate", "stale", "conflicting", "malformed", "unexpected", "unavailable"}
	severity = []string{"blocking", "major", "minor"}
	outcomes = []string{OutcomeFixed, OutcomeUnfounded, OutcomeWontFix, OutcomeDuplicate}
)

var issueTypes = []Type{
	factOn[QualityIssueReported, Issue]("quality.issue.reported"),
	act[QualityIssueAccepted, Issue]("quality.issue.accepted"),
	act[QualityIssueRejected, Issue]("quality.issue.rejected"),
	act[QualityIssueMarked, Issue]("quality.issue.marked"),
	act[QualityIssueUnmarked, Issue]("quality.issue.unmarked"),
	act[QualityIssueTraced, Issue]("quality.issue.traced"),
	act[QualityIssueAssigned, Issue]("quality.issue.assigned"),
	act[QualityIssueTransferred, Issue]("quality.issue.transferred"),
	act[QualityIssueRectified, Issue]("quality.issue.rectified"),
	act[QualityIssueRechecked, Issue]("quality.issue.rechecked"),
	act[QualityIssueClosed, Issue]("quality.issue.closed"),
	act[QualityIssueReopened, Issue]("quality.issue.reopened"),
	act[QualityIssueEscalated, Issue]("quality.issue.escalated"),
}

// issueMoves leave out the report, which is accepted always.
var issueMoves = moves{
	StageReported: {"quality.issue.accepted", "quality.issue.rejected", "quality.issue.closed", "quality.issue.escalated", "correction.request.received"},
	StageAccepted: {"quality.issue.marked", "quality.issue.unmarked", "quality.issue.traced", "quality.issue.assigned", "quality.issue.closed",
		"quality.issue.escalated", "correction.request.received"},
	StageAssigned: {"quality.issue.marked", "quality.issue.unmarked", "quality.issue.traced", "quality.issue.transferred", "quality.issue.closed",
		"quality.issue.escalated", "correction.request.received", "correction.request.answered"},
	StageConfirmed: {"quality.issue.marked", "quality.issue.unmarked", "quality.issue.traced", "quality.issue.rectified", "quality.issue.closed",
		"quality.issue.escalated", "quality.accountability.determined"},
	StageUnfounded: {"quality.issue.unmarked", "quality.issue.closed"},
	StageRectified: {"quality.issue.marked", "quality.issue.unmarked", "quality.issue.rechecked", "quality.issue.escalated", "quality.accountability.determined"},
	StageRechecked: {"quality.issue.unmarked", "quality.issue.closed", "quality.accountability.determined"},
	StageRejected:  {"quality.issue.closed", "quality.issue.reopened"},
	StageClosed:    {"quality.issue.unmarked", "quality.issue.reopened", "quality.accountability.determined"},
}

// Issue is the state of a quality issue.
//
//	(none) ──reported──> reported ──accepted──> accepted ──assigned──> assigned
//	                        └──rejected──> rejected
//	assigned ──answered──> confirmed or unfounded
//	confirmed ──rectified──> rectified ──rechecked──> rechecked; assigned if it failed
//	rechecked, unfounded, rejected ──closed──> closed
//	reported, accepted, assigned, confirmed ──closed──> closed   as a duplicate, or left as it is
//	closed, rejected ──reopened──> accepted
//
// Between, an issue is marked and unmarked, traced, transferred, escalated. A report is a
// fact and is admitted in every state. A further report of the same issue adds to
// it and moves nothing: one that comes late does not reopen.
type Issue struct {
	Stage string `json:"stage,omitzero"`
	By    string `json:"by,omitzero"` // who reported it first
	Entry string `json:"entry,omitzero"`
	// Assigned is who has to put it right, Rectified who says that it did.
	Assigned  string `json:"assigned,omitzero"`
	Rectified string `json:"rectified,omitzero"`
	// Received tells that a request for correction is running.
	Received bool `json:"received,omitzero"`
	Marked   bool `json:"marked,omitzero"`
}

// QualityIssueReported says that data was found wrong.
type QualityIssueReported struct {
	Issue string `json:"issue"`
	// By is the party that found it; Agreement is what it had the data under, if
	// it is a consumer.
	By        string `json:"by"`
	Agreement string `json:"agreement,omitzero"`
	// Entry, Dataset and Items say where.
	Entry        string     `json:"entry"`
	EntryVersion int        `json:"entry_version,omitzero"`
	Dataset      DatasetRef `json:"dataset,omitzero"`
	Items        []string   `json:"items,omitzero"`
	// Dimension is the code of a quality dimension, with its scheme, such as
	// GB36344:0302.
	Dimension string `json:"dimension"`
	// Symptom is missing, wrong, duplicate, stale, conflicting, malformed,
	// unexpected or unavailable.
	Symptom string `json:"symptom"`
	// Severity is blocking, major or minor.
	Severity string `json:"severity"`
	// Count is the number of rows affected, if known.
	Count int `json:"count,omitzero"`
	// Run is the OpenLineage run whose output it was found in.
	Run string `json:"run,omitzero"`
	// Description is free text, kept as a facet.
	Description string `json:"description,omitzero"`
	// SampleRefs are keyed references to rows that show it, never the rows.
	SampleRefs []string `json:"sample_refs,omitzero"`
}

// QualityIssueClosed ends an issue.
type QualityIssueClosed struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
	// Outcome is fixed, unfounded, wont_fix or duplicate. Fixed is what somebody
	// else checked again.
	Outcome string `json:"outcome"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
	// FixedByRun is the run that put the data right.
	FixedByRun string `json:"fixed_by_run,omitzero"`
}

func issueSubject(id string) Subject { return Subject{KindIssue, id} }

func (e *QualityIssueReported) Subject() Subject { return issueSubject(e.Issue) }
func (e *QualityIssueClosed) Subject() Subject   { return issueSubject(e.Issue) }

func (e *QualityIssueReported) names() []Name {
	out := append(parties(e.By), entryName(e.Entry))
	if e.Agreement != "" {
		out = append(out, agreementName(e.Agreement))
	}
	if e.Dataset != (DatasetRef{}) {
		out = append(out, datasetName(e.Dataset.Namespace, e.Dataset.Name))
	}
	return out
}

func (e *QualityIssueClosed) names() []Name { return parties(e.By) }

func (e *QualityIssueReported) facets() []facetField {
	return []facetField{{"description", "", &e.Description}}
}

func (e *QualityIssueClosed) facets() []facetField {
	return []facetField{{"reason", "", &e.Reason}}
}

func (e *QualityIssueClosed) needs() []Subject { return partySubjects(e.By) }

func (e *QualityIssueReported) validate(c checker) {
	c.required("issue", e.Issue, MaxID)
	c.required("by", e.By, MaxID)
	c.text("agreement", e.Agreement, MaxID)
	c.required("entry", e.Entry, MaxID)
	c.atLeast("entry_version", e.EntryVersion, 0)
	c.dataset("dataset", e.Dataset)
	c.distinct("items", e.Items, MaxID)
	c.required("dimension", e.Dimension, MaxCode)
	c.oneOf("symptom", e.Symptom, symptoms)
	c.oneOf("severity", e.Severity, severity)
	c.atLeast("count", e.Count, 0)
	c.text("run", e.Run, MaxID)
	c.requiredFacet("description", e.Description != "")
	c.text("description", e.Description, MaxText)
	c.distinct("sample_refs", e.SampleRefs, MaxID)
}

func (e *QualityIssueClosed) validate(c checker) {
	c.required("issue", e.Issue, MaxID)
	c.required("by", e.By, MaxID)
	c.oneOf("outcome", e.Outcome, outcomes)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
	c.text("fixed_by_run", e.FixedByRun, MaxID)
}

func (e *QualityIssueClosed) check(s States) error {
	now := stateOf[Issue](s, e.Subject())
	switch now.Stage {
	case "":
		return illegal("issue.open", e.Subject(), "unknown", "no such issue was reported", "report it first (quality.issue.reported)")
	case StageClosed:
		return illegal("issue.open", e.Subject(), now.Stage, "the issue is already closed", "reopen it if the data is wrong again (quality.issue.reopened)")
	}
	if err := issueMoves.by(s, "quality.issue.closed", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	want := []string{OutcomeWontFix, OutcomeDuplicate}
	switch now.Stage {
	case StageRechecked:
		want = []string{OutcomeFixed}
	case StageUnfounded, StageRejected:
		want = []string{OutcomeUnfounded, OutcomeDuplicate}
	}
	if len(missing([]string{e.Outcome}, want)) > 0 {
		return fault("issue.outcome", "outcome", e.Subject(), now.Stage, "an issue that is "+now.Stage+" cannot be closed as "+e.Outcome,
			"send %s; fixed needs quality.issue.rectified and a re-check by somebody else, unfounded a verdict or a rejection", list(want))
	}
	return nil
}

func (e *QualityIssueReported) apply(s *Issue) {
	if s.Stage == "" {
		*s = Issue{Stage: StageReported, By: e.By, Entry: e.Entry}
	}
}

func (e *QualityIssueClosed) apply(s *Issue) { s.Stage = StageClosed }
