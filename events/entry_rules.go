package events

import (
	"fmt"
	"maps"
	"slices"
)

func (e *EntryDrafted) check(s States) error {
	if now := stateOf[Entry](s, e.Subject()); now.Stage != "" {
		return illegal("entry.drafted-once", e.Subject(), now.stage(), "the entry already exists",
			"send catalog.entry.revised with version %d, or choose another id", now.nextVersion())
	}
	if err := registered(s, "/data/provider", e.Provider); err != nil {
		return err
	}
	return e.grounded(s)
}

// grounded holds to rule I-05: what is not shared rests on an instrument of the rank that
// the law asks for, be it the entry or an item. Imported events are not asked.
func (e *EntryDrafted) grounded(s States) error {
	withheld := e.Sharing.Attribute == SharingNotShared
	what := "the entry"
	for _, it := range e.Items {
		if !withheld && it.Sharing == SharingNotShared {
			withheld, what = true, "the item "+quote(it.ID)
		}
	}
	if !withheld || s.Imported {
		return nil
	}
	now := stateOf[Entry](s, e.Subject())
	for _, f := range []struct{ field, value, fix string }{
		{"sharing/reason", e.Sharing.Reason, "say why"},
		{"sharing/basis", e.Sharing.Basis, "name the provision"},
		{"sharing/basis_rank", e.Sharing.BasisRank, "send law, administrative_regulation or state_council_decision; on any other basis it has to be shared"},
	} {
		if f.value == "" {
			return fault("entry.not-shared-basis", f.field, e.Subject(), now.stage(), what+" is not shared, and the entry does not say on what basis", "%s", f.fix)
		}
	}
	return nil
}

func (e *EntryRevised) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	switch now.Stage {
	case StageDrafted, StageApproved, StageReturned, StagePublished:
	case "":
		return illegal("entry.drafted-first", e.Subject(), now.stage(), "no such entry was drafted", "send catalog.entry.drafted with version 1")
	case StageSubmitted:
		return illegal("entry.revisable", e.Subject(), now.stage(), "the entry is with "+now.To+" for review", "wait until it is published or returned")
	default:
		return illegal("entry.revisable", e.Subject(), now.stage(), "the entry is withdrawn", "draft a new entry under another id")
	}
	if want := now.nextVersion(); e.Version != want {
		r := illegal("entry.version-next", e.Subject(), now.stage(), fmt.Sprintf("a revision now cannot have version %d", e.Version),
			"send version %d: a version keeps its number until it is published, and is never changed after that", want)
		r.Field = "/data/version"
		return r
	}
	if err := registered(s, "/data/provider", e.Provider); err != nil {
		return err
	}
	if !s.Imported && !succeeds(s, e.Provider, now.Provider) && !slices.Contains(now.Sources, SourceState{Party: e.Provider}) {
		return fault("entry.provider", "provider", e.Subject(), now.stage(), quote(e.Provider)+" does not provide the entry",
			"let %s revise it, or have the competent department designate another source of all its items first (catalog.source.designated)", quote(now.Provider))
	}
	return (*EntryDrafted)(e).grounded(s)
}

func (e *EntryAssessed) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	if now.Stage != StageDrafted {
		return illegal("entry.assessable", e.Subject(), now.stage(), "there is no draft to assess", "draft the entry, or revise it, first")
	}
	if err := now.isAt(e.Subject(), e.Version); err != nil {
		return err
	}
	return registered(s, "/data/by", e.By)
}

// check holds to rule I-04: both assessments are of the version as it now reads,
// and the department's own head approves it.
func (e *EntryDepartmentApproved) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	if now.Stage != StageDrafted {
		return illegal("entry.approvable", e.Subject(), now.stage(), "there is no draft to approve", "draft the entry, or revise it, first")
	}
	if err := now.isAt(e.Subject(), e.Version); err != nil {
		return err
	}
	for _, kind := range []string{AssessSecrecy, AssessPersonal} {
		if !slices.Contains(now.Assessed, kind) {
			return illegal("entry.assessed", e.Subject(), now.stage(), "the version has not passed the assessment "+kind,
				"assess it first (catalog.entry.assessed); a revision has to be assessed anew")
		}
	}
	if err := registered(s, "/data/by", e.By); err != nil {
		return err
	}
	return only(s, "entry.provider", e.Subject(), now.stage(), e.By, now.Provider)
}

func (e *EntrySubmitted) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	want := SubmissionFirst
	switch {
	case e.SubmissionKind == SubmissionWithdrawal:
		if now.Stage != StagePublished {
			return illegal("entry.submittable", e.Subject(), now.stage(), "only a published entry can be submitted for withdrawal",
				"publish or return the version under way first")
		}
		want = SubmissionWithdrawal
	case now.Stage == StageDrafted:
		return illegal("entry.submittable", e.Subject(), now.stage(), "the draft is not approved by its department",
			"have it assessed and approved first (catalog.entry.assessed, catalog.entry.department_approved)")
	case now.Stage != StageApproved:
		return illegal("entry.submittable", e.Subject(), now.stage(), "there is no draft to submit",
			"draft the entry, or revise it, and have it approved first")
	case now.Published > 0:
		want = SubmissionUpdate
	}
	if e.SubmissionKind != want {
		return fault("entry.submission-kind", "submission_kind", e.Subject(), now.stage(), fmt.Sprintf("this is not a submission of the kind %s", e.SubmissionKind), "send %s", want)
	}
	if err := now.isAt(e.Subject(), e.Version); err != nil {
		return err
	}
	if err := registered(s, "/data/by", e.By); err != nil {
		return err
	}
	if err := only(s, "entry.provider", e.Subject(), now.stage(), e.By, now.Provider); err != nil {
		return err
	}
	return authority(s, "to", e.To, stateOf[Party](s, partySubject(e.By)).Region)
}

func (e *EntryReturned) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	return now.underReview(s, e.Subject(), e.Version, e.By)
}

func (e *EntryPublished) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	if now.Stage == StageSubmitted && now.Submission == SubmissionWithdrawal {
		return illegal("entry.publishable", e.Subject(), now.stage(), "the entry was submitted for withdrawal",
			"send catalog.entry.withdrawn, or catalog.entry.returned to keep it published")
	}
	return now.underReview(s, e.Subject(), e.Version, e.By)
}

func (e *EntrySuspended) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	switch {
	case now.Published == 0:
		return illegal("entry.in-force", e.Subject(), now.stage(), "no version of the entry is in force", "only a published entry can be suspended")
	case now.Suspended:
		return illegal("entry.not-suspended", e.Subject(), now.stage(), "the entry is already suspended", "nothing is left to do")
	}
	return authorityOr(s, "entry.authority-or-provider", e.Subject(), now.stage(), e.By, now.Provider)
}

func (e *EntryResumed) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	if !now.Suspended {
		return illegal("entry.suspended", e.Subject(), now.stage(), "the entry is not suspended", "only a suspended entry can be resumed")
	}
	return authorityOr(s, "entry.authority-or-provider", e.Subject(), now.stage(), e.By, now.Provider)
}

func (e *EntryWithdrawn) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	switch {
	case now.Stage == StageWithdrawn:
		return illegal("entry.in-force", e.Subject(), now.stage(), "the entry is already withdrawn", "nothing is left to do")
	case now.Published == 0:
		return illegal("entry.in-force", e.Subject(), now.stage(), "no version of the entry is in force", "only a published entry can be withdrawn")
	}
	return authorityOr(s, "entry.authority-or-provider", e.Subject(), now.stage(), e.By, now.Provider)
}

// underReview refuses a decision on a version that is not before the party that
// decides (rule I-06: the competent party alone publishes or returns, if it is
// competent that day).
func (s *Entry) underReview(st States, sub Subject, version int, by string) error {
	if s.Stage != StageSubmitted {
		return illegal("entry.submitted", sub, s.stage(), "the entry is not submitted", "submit it first (catalog.entry.submitted)")
	}
	if err := s.isAt(sub, version); err != nil {
		return err
	}
	if !succeeds(st, by, s.To) {
		return fault("entry.competent", "by", sub, s.stage(), "the entry was submitted to "+s.To+", not to "+by, "only %s can publish or return it", s.To)
	}
	return authority(st, "by", by, "")
}

// isAt refuses an act on another version than the latest.
func (s *Entry) isAt(sub Subject, version int) error {
	if version == s.Version {
		return nil
	}
	r := illegal("entry.version-latest", sub, s.stage(), fmt.Sprintf("version %d is not the latest", version), "send version %d", s.Version)
	r.Field = "/data/version"
	return r
}

func (e *EntryDrafted) apply(s *Entry) {
	content := EntryVersionState{Version: e.Version, Sharing: e.Sharing.Attribute}
	for _, it := range e.Items {
		content.Items = append(content.Items, it.ID)
		if it.Sharing == SharingNotShared {
			content.NotShared = append(content.NotShared, it.ID)
		}
	}
	s.Stage, s.Version, s.Provider = StageDrafted, e.Version, e.Provider
	s.To, s.Submission, s.Assessed = "", "", nil
	versions := slices.DeleteFunc(slices.Clone(s.Versions), func(v EntryVersionState) bool { return v.Version == e.Version })
	s.Versions = append(versions, content)
}

func (e *EntryRevised) apply(s *Entry) { (*EntryDrafted)(e).apply(s) }

func (e *EntryAssessed) apply(s *Entry) {
	s.Assessed = slices.DeleteFunc(slices.Clone(s.Assessed), func(k string) bool { return k == e.Kind })
	if e.Result == "passed" {
		s.Assessed = append(s.Assessed, e.Kind)
	}
}

func (e *EntryDepartmentApproved) apply(s *Entry) { s.Stage = StageApproved }

func (e *EntrySuspended) apply(s *Entry) { s.Suspended = true }
func (e *EntryResumed) apply(s *Entry)   { s.Suspended = false }

func (e *EntrySubmitted) apply(s *Entry) {
	s.Stage, s.To, s.Submission = StageSubmitted, e.To, e.SubmissionKind
}

func (e *EntryReturned) apply(s *Entry) {
	s.Stage = StageReturned
	if s.Submission == SubmissionWithdrawal {
		s.Stage = StagePublished
	}
	s.To, s.Submission = "", ""
}

func (e *EntryPublished) apply(s *Entry) {
	s.Stage, s.Published = StagePublished, e.Version
	s.To, s.Submission = "", ""
	s.Versions = slices.Clone(s.Versions)
	for i := range s.Versions {
		if s.Versions[i].Version == e.Version {
			s.Versions[i].Published = true
		}
	}
}

func (e *EntryWithdrawn) apply(s *Entry) {
	s.Stage, s.Published, s.Suspended = StageWithdrawn, 0, false
	s.To, s.Submission = "", ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
