package events

// KindIssue is the subject of a finding about the quality of data.
const KindIssue = "issue"

// The states of an issue.
const (
	StageReported = "reported"
	StageClosed   = "closed"
)

// The vocabulary of quality issues.
var (
	symptoms = []string{"missing", "wrong", "duplicate", "stale", "conflicting", "malformed", "unexpected", "unavailable"}
	severity = []string{"blocking", "major", "minor"}
	outcomes = []string{"fixed", "unfounded", "wont_fix", "duplicate"}
)

var issueTypes = []Type{
	factOn[QualityIssueReported, Issue]("quality.issue.reported"),
	act[QualityIssueClosed, Issue]("quality.issue.closed"),
}

// Issue is the state of a quality issue.
//
//	(none) ──reported──> reported ──closed──> closed
//
// A report is a fact and is admitted in every state. A further report of the
// same issue adds to it and moves nothing: one that comes late does not reopen.
type Issue struct {
	Stage string `json:"stage,omitzero"`
	By    string `json:"by,omitzero"` // who reported it first
	Entry string `json:"entry,omitzero"`
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
	// Outcome is fixed, unfounded, wont_fix or duplicate.
	Outcome string `json:"outcome"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
	// FixedByRun is the run that put the data right.
	FixedByRun string `json:"fixed_by_run,omitzero"`
}

// Subject is the issue.
func (e *QualityIssueReported) Subject() Subject { return Subject{KindIssue, e.Issue} }

// Subject is the issue.
func (e *QualityIssueClosed) Subject() Subject { return Subject{KindIssue, e.Issue} }

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
	if e.Dataset != (DatasetRef{}) {
		c.required("dataset/namespace", e.Dataset.Namespace, MaxName)
		c.required("dataset/name", e.Dataset.Name, MaxName)
	}
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
	switch now := stateOf[Issue](s, e.Subject()); now.Stage {
	case StageReported:
		return registered(s, "/data/by", e.By)
	case StageClosed:
		return illegal("issue.open", e.Subject(), now.Stage, "the issue is already closed", "report a new issue if the data is wrong again")
	default:
		return illegal("issue.open", e.Subject(), "unknown", "no such issue was reported", "report it first (quality.issue.reported)")
	}
}

func (e *QualityIssueReported) apply(s *Issue) {
	if s.Stage == "" {
		*s = Issue{StageReported, e.By, e.Entry}
	}
}

func (e *QualityIssueClosed) apply(s *Issue) { s.Stage = StageClosed }
