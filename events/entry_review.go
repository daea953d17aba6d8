package events

// The kinds of assessment. The first two are due before an entry is submitted.
const (
	AssessSecrecy     = "secrecy"
	AssessPersonal    = "personal_info"
	AssessSecurity    = "security"
	AssessAggregation = "aggregation"
)

// RoleDepartmentHead is who approves an entry for its department.
const RoleDepartmentHead = "dept_head"

var (
	assessmentKinds   = []string{AssessSecrecy, AssessPersonal, AssessSecurity, AssessAggregation}
	assessmentResults = []string{"passed", "failed"}
	approverRoles     = []string{RoleDepartmentHead}
)

// EntryAssessed records the assessment of a drafted version: whether it would
// give away a secret, how it touches persons.
type EntryAssessed struct {
	Entry   string `json:"entry"`
	Version int    `json:"version"`
	By      string `json:"by"`
	// Kind is secrecy, personal_info, security or aggregation.
	Kind string `json:"kind"`
	// Result is passed or failed. A later one of the same kind takes its place.
	Result string `json:"result"`
	Method string `json:"method,omitzero"`
	// Report is the digest of the report.
	Report string `json:"report,omitzero"`
	// Note is free text, kept as a facet.
	Note string `json:"note,omitzero"`
}

// EntryDepartmentApproved is the approval of a version by the head of the
// provider.
type EntryDepartmentApproved struct {
	Entry   string `json:"entry"`
	Version int    `json:"version"`
	By      string `json:"by"`
	// Approver is the pseudonymous key of the person, ApproverRole dept_head.
	Approver     string `json:"approver"`
	ApproverRole string `json:"approver_role"`
}

// EntrySubmitted hands a version, or the wish to withdraw the version in force,
// to the competent party.
type EntrySubmitted struct {
	Entry   string `json:"entry"`
	Version int    `json:"version"`
	// By is the provider.
	By string `json:"by"`
	// To is the competent party, which alone may publish or return.
	To string `json:"to"`
	// SubmissionKind is first, update or withdrawal.
	SubmissionKind string `json:"submission_kind"`
	// UpdateDuty is the duty that an update answers.
	UpdateDuty string `json:"update_duty,omitzero"`
}

// EntryReturned sends a submitted version back. A returned withdrawal leaves
// the entry published.
type EntryReturned struct {
	Entry   string `json:"entry"`
	Version int    `json:"version"`
	By      string `json:"by"`
	// Reasons say what has to change; free text, kept as a facet.
	Reasons []string `json:"reasons,omitzero"`
	// CompleteList promises that nothing else will be found in this version.
	CompleteList bool `json:"complete_list,omitzero"`
}

// EntryPublished puts a submitted version in force.
type EntryPublished struct {
	Entry   string `json:"entry"`
	Version int    `json:"version"`
	By      string `json:"by"`
	// Announcement refers to the public notice.
	Announcement string `json:"announcement,omitzero"`
}

// EntrySuspended stops the sharing of an entry for a time. It stays in the
// catalog; agreements that rest on it are suspended one by one.
type EntrySuspended struct {
	Entry string `json:"entry"`
	By    string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
	Basis  string `json:"basis,omitzero"`
	// Agreements are those affected.
	Agreements []string `json:"agreements,omitzero"`
}

// EntryResumed lets a suspended entry be shared again.
type EntryResumed struct {
	Entry string `json:"entry"`
	By    string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
	// Basis is the instrument and article that allows it.
	Basis string `json:"basis,omitzero"`
	// Agreements are those affected.
	Agreements []string `json:"agreements,omitzero"`
}

// EntryWithdrawn takes the entry out of force. Agreements that rest on it
// are not ended by that.
type EntryWithdrawn struct {
	Entry string `json:"entry"`
	By    string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
	// Basis is the instrument and article the withdrawal rests on.
	Basis string `json:"basis,omitzero"`
	// Agreements are those affected.
	Agreements []string `json:"agreements,omitzero"`
}

func (e *EntryAssessed) Subject() Subject           { return entrySubject(e.Entry) }
func (e *EntryDepartmentApproved) Subject() Subject { return entrySubject(e.Entry) }
func (e *EntrySubmitted) Subject() Subject          { return entrySubject(e.Entry) }
func (e *EntryReturned) Subject() Subject           { return entrySubject(e.Entry) }
func (e *EntryPublished) Subject() Subject          { return entrySubject(e.Entry) }
func (e *EntrySuspended) Subject() Subject          { return entrySubject(e.Entry) }
func (e *EntryResumed) Subject() Subject            { return entrySubject(e.Entry) }
func (e *EntryWithdrawn) Subject() Subject          { return entrySubject(e.Entry) }

func (e *EntryAssessed) names() []Name           { return append(parties(e.By), entryName(e.Entry)) }
func (e *EntryDepartmentApproved) names() []Name { return append(parties(e.By), entryName(e.Entry)) }
func (e *EntrySubmitted) names() []Name          { return append(parties(e.By, e.To), entryName(e.Entry)) }
func (e *EntryReturned) names() []Name           { return append(parties(e.By), entryName(e.Entry)) }
func (e *EntryPublished) names() []Name          { return append(parties(e.By), entryName(e.Entry)) }
func (e *EntrySuspended) names() []Name          { return affected(e.By, e.Entry, e.Agreements) }
func (e *EntryResumed) names() []Name            { return affected(e.By, e.Entry, e.Agreements) }
func (e *EntryWithdrawn) names() []Name          { return affected(e.By, e.Entry, e.Agreements) }

// affected names an entry and the agreements that what happens to it affects.
func affected(by, entry string, agreements []string) []Name {
	out := append(parties(by), entryName(entry))
	for _, a := range agreements {
		out = append(out, agreementName(a))
	}
	return out
}

func (e *EntryAssessed) facets() []facetField  { return []facetField{{"note", "", &e.Note}} }
func (e *EntryReturned) facets() []facetField  { return []facetField{{"reasons", "", &e.Reasons}} }
func (e *EntrySuspended) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }
func (e *EntryResumed) facets() []facetField   { return []facetField{{"reason", "", &e.Reason}} }
func (e *EntryWithdrawn) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }

func (e *EntryAssessed) needs() []Subject           { return partySubjects(e.By) }
func (e *EntryDepartmentApproved) needs() []Subject { return partySubjects(e.By) }
func (e *EntrySubmitted) needs() []Subject          { return partySubjects(e.By, e.To) }
func (e *EntryReturned) needs() []Subject           { return partySubjects(e.By) }
func (e *EntryPublished) needs() []Subject          { return partySubjects(e.By) }
func (e *EntrySuspended) needs() []Subject          { return partySubjects(e.By) }
func (e *EntryResumed) needs() []Subject            { return partySubjects(e.By) }
func (e *EntryWithdrawn) needs() []Subject          { return partySubjects(e.By) }

// version holds what the events about one version have in common.
func (c checker) version(entry string, version int, by string) {
	c.required("entry", entry, MaxID)
	c.atLeast("version", version, 1)
	c.required("by", by, MaxID)
}

func (e *EntryAssessed) validate(c checker) {
	c.version(e.Entry, e.Version, e.By)
	c.oneOf("kind", e.Kind, assessmentKinds)
	c.oneOf("result", e.Result, assessmentResults)
	c.text("method", e.Method, MaxName)
	c.text("report", e.Report, MaxCode)
	c.text("note", e.Note, MaxText)
}

func (e *EntryDepartmentApproved) validate(c checker) {
	c.version(e.Entry, e.Version, e.By)
	c.required("approver", e.Approver, MaxID)
	c.oneOf("approver_role", e.ApproverRole, approverRoles)
}

func (e *EntrySubmitted) validate(c checker) {
	c.version(e.Entry, e.Version, e.By)
	c.required("to", e.To, MaxID)
	c.oneOf("submission_kind", e.SubmissionKind, submissionKinds)
	c.text("update_duty", e.UpdateDuty, MaxID)
}

func (e *EntryReturned) validate(c checker) {
	c.version(e.Entry, e.Version, e.By)
	c.requiredFacet("reasons", len(e.Reasons) > 0)
	c.texts("reasons", e.Reasons, MaxText)
}

func (e *EntryPublished) validate(c checker) {
	c.version(e.Entry, e.Version, e.By)
	c.text("announcement", e.Announcement, MaxName)
}

func (e *EntrySuspended) validate(c checker) {
	c.required("entry", e.Entry, MaxID)
	c.required("by", e.By, MaxID)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
	c.text("basis", e.Basis, MaxName)
	c.distinct("agreements", e.Agreements, MaxID)
}

func (e *EntryResumed) validate(c checker) {
	c.required("entry", e.Entry, MaxID)
	c.required("by", e.By, MaxID)
	c.text("reason", e.Reason, MaxText)
	c.text("basis", e.Basis, MaxName)
	c.distinct("agreements", e.Agreements, MaxID)
}

func (e *EntryWithdrawn) validate(c checker) {
	c.required("entry", e.Entry, MaxID)
	c.required("by", e.By, MaxID)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
	c.text("basis", e.Basis, MaxName)
	c.distinct("agreements", e.Agreements, MaxID)
}
