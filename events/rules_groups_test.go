package events

import (
	"bytes"
	"fmt"
)

// A ruleGroup is one kind of subject: histories that lead to its states, and acts
// to try in each. The first act of a type stands for it in docs/rules.md.
type ruleGroup struct {
	title     string
	subject   Subject
	histories [][]step
	acts      []step
}

func ruleGroups() []ruleGroup {
	groups := []ruleGroup{payloadRules(), partyRules(), signerRules(), entryRules(), updateDutyRules(), resourceRules(), requestRules(), agreementRules(), issueRules(), disputeRules()}
	return append(groups, smallRules()...)
}

func payloadRules() ruleGroup {
	return ruleGroup{"payload", PayloadSubject(), [][]step{nil, {held}, {held, heldMore}, {held, released}}, []step{held, released, of("ledger.payload.erased")}}
}

func signerRules() ruleGroup {
	one, two, three := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{3}, 32)
	by := func(signer []byte, name, typ string, d Data) step {
		return step{name: name, typ: typ, data: d, signer: signer}
	}
	first := by(nil, "key 1 registered", "party.key.registered", &PartyKeyRegistered{"D01", one})
	rotated := by(one, "rotated 1 to 2 by 1", "party.key.rotated", &PartyKeyRotated{Party: "D01", Old: one, New: two})
	lost := by(one, "key 1 compromised by 1", "party.key.compromised", &PartyKeyCompromised{Party: "D01", Key: one})
	required := by(one, "signing required by 1", "party.signing.required", &PartySigningRequired{"D01", true})
	return ruleGroup{"signers", SignersSubject("D01"), [][]step{nil, {first}, {first, rotated}, {first, lost}, {first, required}}, []step{
		first, rotated, lost, required,
		by(nil, "key 2 registered by nobody", "party.key.registered", &PartyKeyRegistered{"D01", two}),
		by(one, "key 2 registered by 1", "party.key.registered", &PartyKeyRegistered{"D01", two}),
		by(three, "key 2 registered by a stranger", "party.key.registered", &PartyKeyRegistered{"D01", two}),
		by(two, "rotated 1 to 2 by 2", "party.key.rotated", &PartyKeyRotated{Party: "D01", Old: one, New: two}),
		by(two, "rotated 2 to 1 by 2", "party.key.rotated", &PartyKeyRotated{Party: "D01", Old: two, New: one}),
		by(nil, "key 1 compromised by nobody", "party.key.compromised", &PartyKeyCompromised{Party: "D01", Key: one}),
		by(nil, "signing not required by nobody", "party.signing.required", &PartySigningRequired{"D01", false}),
	}}
}

func partyRules() ruleGroup {
	d09 := register("D09", "department")
	about := func(typ string, d Data) step { return step{name: typ, typ: typ, data: d} }
	merged := about("party.body.merged", &PartyMerged{Party: "D09", Into: "D07", Basis: "x"})
	assign := func(role string) step {
		return step{name: "party.role.assigned " + role, typ: "party.role.assigned", data: &RoleAssigned{Party: "D09", Role: role}}
	}
	dissolved := about("party.body.dissolved", &PartyDissolved{Party: "D09", Basis: "x"})
	return ruleGroup{"party", Subject{KindParty, "D09"}, [][]step{
		nil, {d09}, {d09, assign(RoleAdministrator)}, {d09, assign(RoleAuditor)}, {d09, merged}, {d09, dissolved},
	}, []step{
		d09, about("party.body.renamed", &PartyRenamed{Party: "D09", Name: "y", Region: "990100", Level: "city", Basis: "x"}), merged,
		changed(merged, "into D99", func(e *PartyMerged) { e.Into = "D99" }), dissolved, assign(RoleAuditor), assign(RoleAdministrator),
		about("party.role.revoked", &RoleRevoked{Party: "D09", Role: RoleAuditor}),
		about("party.sharing_body.designated", &SharingBodyDesignated{Party: "D09", Unit: "u", Head: "h", From: at(2, 1)}),
	}}
}

func entryRules() ruleGroup {
	suspend, resume := of("catalog.entry.suspended"), of("catalog.entry.resumed")
	designated, relieved := of("catalog.source.designated"), of("catalog.source.relieved")
	update := then(version2, submit(2, "update"))
	return ruleGroup{"entry", entrySubject("DS02"), [][]step{
		nil, {drafted}, {drafted, assess(1, AssessSecrecy, "passed")}, then([]step{drafted}, approved(1)...),
		then(then([]step{drafted}, approved(1)...), submit(1, "first")), then(then([]step{drafted}, approved(1)...), submit(1, "first"), giveBack(1)),
		inForce, then(inForce, suspend), then(inForce, designated), then(inForce, revise(2)), version2, update, then(update, publish(2)),
		then(inForce, submit(1, "withdrawal")), then(inForce, submit(1, "withdrawal"), giveBack(1)), then(inForce, withdrawn),
	}, []step{
		drafted, revise(1), revise(2), revise(3),
		changed(revise(2), "by D03", func(e *EntryRevised) { e.Provider = "D03" }),
		assess(1, AssessSecrecy, "passed"), assess(1, AssessSecrecy, "failed"), assess(2, AssessPersonal, "passed"), approve(1), approve(2),
		changed(approve(1), "by D03", func(e *EntryDepartmentApproved) { e.By = "D03" }),
		submit(1, "first"), submit(1, "update"), submit(2, "update"), submit(1, "withdrawal"),
		changed(submit(1, "first"), "by D03", func(e *EntrySubmitted) { e.By = "D03" }),
		giveBack(1), giveBack(2), publish(1), publish(2),
		changed(publish(1), "by D01", func(e *EntryPublished) { e.By = "D01" }),
		suspend, changed(suspend, "by the provider", func(e *EntrySuspended) { e.By = "D01" }), changed(suspend, "by D03", func(e *EntrySuspended) { e.By = "D03" }),
		resume, withdrawn,
		changed(drafted, "of D99", func(e *EntryDrafted) { e.Provider = "D99" }),
		changed(submit(1, "first"), "to D99", func(e *EntrySubmitted) { e.To = "D99" }),
		changed(submit(1, "first"), "to D03", func(e *EntrySubmitted) { e.To = "D03" }),
		changed(withdrawn, "by D99", func(e *EntryWithdrawn) { e.By = "D99" }),
		designated, changed(designated, "of all items", func(e *SourceDesignated) { e.Items = nil }),
		changed(designated, "of lxdh", func(e *SourceDesignated) { e.Items = []string{"lxdh"} }), relieved,
	}}
}

func updateDutyRules() ruleGroup {
	opened, extended, done := of("catalog.update_duty.opened"), of("catalog.update_duty.extended"), of("catalog.update_duty.closed")
	return ruleGroup{"update duty", Subject{KindUpdateDuty, "UD1"}, [][]step{
		nil, {drafted}, then(inForce, opened), then(inForce, opened, extended), then(inForce, opened, done),
	}, []step{
		opened, extended, changed(extended, "by D01", func(e *UpdateDutyExtended) { e.By = "D01" }),
		done, changed(done, "of DS03", func(e *UpdateDutyClosed) { e.Entry = "DS03" }), changed(done, "by v9", func(e *UpdateDutyClosed) { e.ByVersion = 9 }),
	}}
}

func resourceRules() ruleGroup {
	attached, changedTo, detached := of("catalog.resource.attached"), of("catalog.resource.changed"), of("catalog.resource.detached")
	return ruleGroup{"resource", Subject{KindResource, "RS1"}, [][]step{
		nil, {drafted}, inForce, then(inForce, attached), then(inForce, attached, detached),
	}, []step{
		attached, changed(attached, "with lxdh", func(e *ResourceAttached) { e.Columns = map[string]string{"lxdh": "tel"} }),
		changed(attached, "to DS03", func(e *ResourceAttached) { e.Entry = "DS03" }), changedTo, detached,
	}}
}

func requestRules() ruleGroup {
	submitted, got := of("share.request.submitted"), of("share.request.received")
	missingAsked, supplied, extended := of("share.request.supplement_requested"), of("share.request.supplemented"), of("share.request.extended")
	anew := changed(answer(StageGranted), "after DP1", func(e *RequestAnswered) { e.Dispute = "DP1" })
	beyond := changed(answer(StagePartlyGranted), "beyond", func(e *RequestAnswered) {
		e.Grants = []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"zxyy"}}}
	})
	refused := then(received, answer(StageRefused))
	return ruleGroup{"request", requestSubject("R02"), [][]step{
		nil, {drafted}, inForce, then(inForce, of("catalog.entry.suspended")), requested, received, then(received, missingAsked),
		then(received, missingAsked, supplied), then(received, extended), granted, then(received, answer(StagePartlyGranted)), refused,
		then(refused, of("dispute.raised"), of("dispute.negotiated"), of("dispute.escalated"), of("dispute.coordinated")),
		then(requested, of("share.request.withdrawn")),
	}, []step{
		submitted, changed(submitted, "for zxyy", func(e *RequestSubmitted) { e.Asks = []Ask{{"DS02", 1, []string{"zxyy"}}} }),
		changed(submitted, "of D07", func(e *RequestSubmitted) { e.Provider = "D07" }),
		changed(submitted, "by nobody's head", func(e *RequestSubmitted) { e.ApprovedBy = "head-D01" }),
		got, changed(got, "by D03", func(e *RequestReceived) { e.By = "D03" }), missingAsked, supplied, extended,
		changed(extended, "with D03's leave", func(e *RequestExtended) { e.Authority = "D03" }),
		answer(StageGranted), answer(StageRefused), beyond, anew,
		changed(answer(StageGranted), "by nobody's head", func(e *RequestAnswered) { e.ApprovedBy = "head-D03" }),
		of("share.request.withdrawn"),
	}}
}

func agreementRules() ruleGroup {
	amended := of("share.agreement.amended")
	amended.data.(*AgreementAmended).Consent = ""
	grown := changed(amended, "with zxyy", func(e *AgreementAmended) { e.Purposes = append([]string{"statistics"}, e.Purposes...) })
	breach := changed(ended, "for breach", func(e *AgreementTerminated) { e.By, e.Cause, e.Rectification = "D01", CauseBreach, "T1" })
	ordered, rejected := of("oversight.rectification.ordered"), of("oversight.rectification.rejected")
	bare := changed(activated, "without a request", func(a *AgreementActivated) { a.Request = "" })
	return ruleGroup{"agreement", agreementSubject("A02"), [][]step{
		nil, {drafted}, inForce, granted, then(received, answer(StagePartlyGranted)), then(granted, revise(2)),
		then(granted, withdrawn), active, then(active, suspended), then(active, suspended, resumed), then(active, suspended, ordered, rejected),
		then(active, ended), then(active, expired), then(active, of("share.agreement.fulfilled")),
	}, []step{
		activated, bare, changed(bare, "by D07", func(a *AgreementActivated) { a.Provider = "D07" }),
		changed(bare, "v2", func(a *AgreementActivated) {
			a.Grants = []Grant{{Entry: "DS02", EntryVersion: 2, Items: []string{"swrq"}}}
		}),
		changed(bare, "of a not-shared item", func(a *AgreementActivated) {
			a.Grants = []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"swrq", "zxyy"}}}
		}),
		changed(bare, "of an unknown item", func(a *AgreementActivated) {
			a.Grants = []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"lxdh"}}}
		}),
		changed(activated, "to D99", func(a *AgreementActivated) { a.Consumer = "D99" }),
		changed(activated, "to D07", func(a *AgreementActivated) { a.Consumer = "D07" }),
		changed(activated, "of D99", func(a *AgreementActivated) { a.Provider = "D99" }),
		changed(activated, "onward D99", func(a *AgreementActivated) { a.OnwardTo = []string{"D99"} }),
		amended, grown, changed(grown, "with consent", func(e *AgreementAmended) { e.Consent = "C-1" }),
		changed(amended, "v3", func(e *AgreementAmended) { e.Version = 3 }),
		suspended, changed(suspended, "by D99", func(a *AgreementSuspended) { a.By = "D99" }), changed(suspended, "by D03", func(a *AgreementSuspended) { a.By = "D03" }),
		resumed, changed(resumed, "and gmsfhm", func(a *AgreementResumed) { a.ItemsRemoved = []ItemRef{{"DS02", "swrq"}, {"DS02", "gmsfhm"}} }),
		ended, changed(ended, "by provider", func(a *AgreementTerminated) { a.By = "D01" }),
		changed(ended, "by provider, consulted", func(a *AgreementTerminated) { a.By, a.ConsultRef = "D01", "K-1" }),
		changed(ended, "by provider, consulted and filed", func(a *AgreementTerminated) { a.By, a.ConsultRef, a.FilingRef = "D01", "K-1", "B-1" }),
		breach, changed(ended, "by X1", func(a *AgreementTerminated) { a.By = "X1" }),
		expired, of("share.agreement.expired"), of("share.agreement.fulfilled"),
	}}
}

func issueRules() ruleGroup {
	accepted, rejected, marked, unmarked := of("quality.issue.accepted"), of("quality.issue.rejected"), of("quality.issue.marked"), of("quality.issue.unmarked")
	assigned, transferred := of("quality.issue.assigned"), of("quality.issue.transferred")
	got, confirmed := of("correction.request.received"), of("correction.request.answered")
	unfounded := changed(confirmed, "unfounded", func(e *CorrectionAnswered) { e.Verdict, e.Action = VerdictUnfounded, "refused" })
	rectified, passed := of("quality.issue.rectified"), of("quality.issue.rechecked")
	failed := changed(passed, "fail", func(e *QualityIssueRechecked) { e.Outcome = "fail" })
	reopened, blamed := of("quality.issue.reopened"), of("quality.accountability.determined")
	closeAs := func(outcome string) step {
		return step{name: "quality.issue.closed as " + outcome, typ: "quality.issue.closed", data: &QualityIssueClosed{Issue: "Q03", By: "D03", Outcome: outcome, Reason: "x"}}
	}
	working := []step{reported, accepted, assigned, got}
	fixing := then(working, confirmed, rectified)
	fixed := then(fixing, passed, closeAs("fixed"))
	return ruleGroup{"issue", issueSubject("Q03"), [][]step{
		nil, {reported}, {reported, accepted}, {reported, accepted, marked}, {reported, rejected}, {reported, accepted, assigned}, working, then(working, confirmed),
		then(working, unfounded), fixing, then(fixing, passed), then(fixing, failed), fixed, then(fixed, reported), then(fixed, reopened),
	}, []step{
		reported, accepted, rejected, marked, unmarked, of("quality.issue.traced"), assigned, transferred, got, confirmed,
		changed(confirmed, "by D03", func(e *CorrectionAnswered) { e.By = "D03" }), unfounded,
		rectified, changed(rectified, "by D03", func(e *QualityIssueRectified) { e.By = "D03" }),
		passed, failed, changed(passed, "by D01", func(e *QualityIssueRechecked) { e.By = "D01" }),
		closeAs("fixed"), closeAs("unfounded"), closeAs("wont_fix"),
		changed(closeAs("wont_fix"), "by D99", func(e *QualityIssueClosed) { e.By = "D99" }), reopened, blamed,
		changed(blamed, "by D03", func(e *AccountabilityDetermined) { e.By = "D03" }),
		of("quality.issue.escalated"), changed(of("quality.issue.escalated"), "to D01", func(e *QualityIssueEscalated) { e.To = "D01" }),
	}}
}

func disputeRules() ruleGroup {
	raised, escalated, referred, decided, done := of("dispute.raised"), of("dispute.escalated"), of("dispute.referred_to_government"), of("dispute.decided"), of("dispute.closed")
	negotiated, settled := of("dispute.negotiated"), changed(of("dispute.negotiated"), "settled", func(e *DisputeNegotiated) { e.Outcome = StageSettled })
	coordinated := of("dispute.coordinated")
	stuck := changed(coordinated, "failed", func(e *DisputeCoordinated) { e.Outcome = "failed" })
	before := []step{raised, negotiated, escalated}
	return ruleGroup{"dispute", disputeSubject("DP1"), [][]step{
		nil, {raised}, {raised, settled}, {raised, negotiated}, before, then(before, coordinated), then(before, stuck),
		then(before, stuck, referred), then(before, stuck, referred, decided), then(before, stuck, referred, decided, done),
	}, []step{
		raised, negotiated, settled, changed(negotiated, "by X1", func(e *DisputeNegotiated) { e.By = "X1" }),
		escalated, changed(escalated, "to D01", func(e *DisputeEscalated) { e.To = "D01" }), coordinated,
		changed(coordinated, "by D01", func(e *DisputeCoordinated) { e.By = "D01" }), stuck, referred, decided, done,
	}}
}

// smallRules are the subjects with few states, whose samples are one life.
func smallRules() []ruleGroup {
	var groups []ruleGroup
	for _, g := range []struct {
		title  string
		before []step
		types  []string
		more   []step
	}{
		{"onward", active, []string{"share.onward.requested", "share.onward.consented", "share.onward.refused"}, []step{
			changed(of("share.onward.requested"), "for zxyy", func(e *OnwardRequested) { e.Items = []ItemRef{{"DS02", "zxyy"}} }),
			changed(of("share.onward.requested"), "to D99", func(e *OnwardRequested) { e.To = "D99" }),
			changed(of("share.onward.consented"), "by D03", func(e *OnwardConsented) { e.By = "D03" }),
		}},
		{"recall", active, []string{"share.recall.issued", "share.recall.confirmed"}, []step{
			changed(of("share.recall.issued"), "by D03", func(e *RecallIssued) { e.By = "D03" }),
			changed(of("share.recall.confirmed"), "by D01", func(e *RecallConfirmed) { e.By = "D01" }),
		}},
		{"disposal", then(active, ended), []string{"disposal.duty.opened", "disposal.performed", "disposal.rejected", "disposal.accepted"}, []step{
			changed(of("disposal.duty.opened"), "as expired", func(e *DisposalOpened) { e.Cause = StageExpired }),
			changed(of("disposal.performed"), "by D01", func(e *DisposalPerformed) { e.By = "D01" }),
			changed(of("disposal.accepted"), "by D03", func(e *DisposalAccepted) { e.By = "D03" }),
		}},
		{"quality rule", nil, []string{"quality.rule.published"}, []step{
			changed(of("quality.rule.published"), "v2", func(e *QualityRulePublished) { e.Version = 2 }),
		}},
		{"declared edge", then(nil, register("D04", "department")), []string{"lineage.edge.declared", "lineage.edge.withdrawn"}, []step{
			changed(of("lineage.edge.withdrawn"), "by D01", func(e *EdgeWithdrawn) { e.By = "D01" }),
		}},
		{"inspection", nil, []string{"oversight.inspection.opened", "oversight.inspection.finding_recorded", "oversight.inspection.closed"}, []step{
			changed(of("oversight.inspection.opened"), "by D03", func(e *InspectionOpened) { e.By = "D03" }),
		}},
		{"rectification", active, []string{"oversight.rectification.ordered", "oversight.rectification.reported", "oversight.rectification.accepted", "oversight.rectification.rejected"}, []step{
			changed(of("oversight.rectification.reported"), "by D01", func(e *RectificationReported) { e.By = "D01" }),
		}},
		{"complaint", nil, []string{"oversight.complaint.received", "oversight.complaint.handled"}, []step{
			changed(of("oversight.complaint.handled"), "by D01", func(e *ComplaintHandled) { e.By = "D01" }),
		}},
		{"incident", nil, []string{"security.incident.detected", "security.incident.contained", "security.incident.reported", "security.incident.closed"}, nil},
		{"entrustment", nil, []string{"security.entrustment.approved", "security.entrustment.ended"}, []step{
			changed(of("security.entrustment.ended"), "by D01", func(e *EntrustmentEnded) { e.By = "D01" }),
		}},
		{"rule pack", nil, []string{"reference.rulepack.published"}, nil},
		{"calendar", nil, []string{"reference.calendar.published"}, nil},
		{"code set", nil, []string{"reference.codeset.published"}, nil},
		{"region summary", nil, []string{"catalog.region_summary.sealed"}, []step{
			changed(of("catalog.region_summary.sealed"), "by D03", func(e *RegionSummarySealed) { e.By = "D03" }),
			changed(of("catalog.region_summary.sealed"), "of 990100", func(e *RegionSummarySealed) { e.Region = "990100" }),
		}},
		{"rights request", nil, []string{"rights.request.received", "rights.request.answered"}, []step{
			changed(of("rights.request.answered"), "by D03", func(e *RightsAnswered) { e.By = "D03" }),
		}},
	} {
		life := all(g.types...)
		group := ruleGroup{title: g.title, subject: life[0].data.Subject(), acts: then(life, g.more...)}
		group.histories = append(group.histories, nil)
		if g.before != nil {
			group.histories = append(group.histories, g.before)
		}
		lives := [][]step{life}
		switch g.title {
		case "onward":
			lives = [][]step{life[:2], {life[0], life[2]}}
		case "disposal":
			lives = [][]step{life[:3], {life[0], life[1], life[3]}}
		case "rectification":
			lives = [][]step{life[:3], {life[0], life[1], life[3]}}
		}
		seen := map[string]bool{}
		for _, life := range lives {
			for i := range life {
				h := then(g.before, life[:i+1]...)
				if key := fmt.Sprint(namesOf(h)); !seen[key] {
					seen[key] = true
					group.histories = append(group.histories, h)
				}
			}
		}
		groups = append(groups, group)
	}
	return groups
}
