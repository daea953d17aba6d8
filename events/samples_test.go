package events

import "bytes"

import "maps"

// samples holds valid data of every type, with every field set at least once.
func samples() map[string]Data {
	all := make(map[string]Data)
	for _, part := range []map[string]Data{
		ledgerSamples(), partySamples(), entrySamples(), sharingSamples(), agreementSamples(), accessSamples(), qualitySamples(), oversightSamples(),
	} {
		maps.Copy(all, part)
	}
	return all
}

func ledgerSamples() map[string]Data {
	return map[string]Data{
		"ledger.genesis": &Genesis{Origin: "ledger.example/yunze", Keys: []string{"ledger.example/yunze+00000000+AAAA"}, Format: 1,
			Limits: map[string]int64{"batch_events": 10_000}, Predecessor: "old\n1\nAAAA\n"},
		"ledger.clock.confirmed": &ClockConfirmed{Before: at(1, 1), After: at(2, 1), Reason: "the machine was off"},
		"party.key.registered":   &PartyKeyRegistered{Party: "D01", Key: bytes.Repeat([]byte{1}, 32)},
		"party.key.rotated":      &PartyKeyRotated{Party: "D01", Old: bytes.Repeat([]byte{1}, 32), New: bytes.Repeat([]byte{2}, 32), Reason: "the year is over"},
		"party.key.compromised":  &PartyKeyCompromised{Party: "D01", Key: bytes.Repeat([]byte{2}, 32), Since: at(11, 1), Reason: "the card was lost"},
		"party.signing.required": &PartySigningRequired{Party: "D01", Required: true},
		"ledger.key.added":       &KeyChanged{Key: "ledger.example/yunze+89d1ba8b+AQ", Note: "ledgerline/key-change/v1\n"},
		"ledger.key.retired":     &KeyChanged{Key: "ledger.example/yunze+1d4e5c33+AQ", Note: "ledgerline/key-change/v1\n"},
		"ledger.head.anchored":   &HeadAnchored{Authority: "https://tsa.example/tsr", Size: 7, Checkpoint: "ledger.example/yunze\n7\nAAAA\n", Time: at(12, 1), Response: []byte{0x30, 0}},
		"ledger.payload.erased": &PayloadErased{Facets: []ErasedFacet{{Position: 7, Name: "query", Commitment: make([]byte, 32)}}, Ground: "PIPL:47",
			Reason: "no longer needed", Part: 1, Parts: 1},
		"ledger.hold.placed": &HoldPlaced{Hold: "case-12", Records: []int64{7}, Names: []HeldName{{"dataset", []string{"pg", "hj.death"}}}, Owners: [][]byte{make([]byte, 32)},
			Ground: "court order 2025-12", Reason: "pending"},
		"ledger.read.recorded": &ReadRecorded{Route: "GET /v1/accesses", Question: "/v1/accesses?provider=D03", Position: 41, Bytes: 2048},
		"ledger.export.made": &ExportMade{Route: "POST /v1/evidence", Question: "/v1/evidence", Position: 41, Bytes: 4096, Digest: make([]byte, 32),
			Recipient: "the court of Yunze", Purpose: "case 12"},
		"ledger.hold.released":         &HoldReleased{Hold: "case-12", Ground: "court order 2026-1", Reason: "closed"},
		"ledger.index.committed":       &IndexCommitted{Algorithm: "ledgerline/index/v1", Root: make([]byte, 32), Size: 4096},
		"record.continued":             &RecordContinued{Source: "/etl", ID: "e1", Part: 1, Keys: [][]byte{make([]byte, 32)}},
		"ledger.retention.ended":       &RetentionEnded{Class: "usage", Pack: "cn-809-2025", Version: "1", Before: sampleNow - 1},
		"lineage.openlineage.received": lineage(),
		"lineage.edge.declared": &EdgeDeclared{Edge: "E-1", By: "D04", From: ColumnRef{"pg", "aid.check", "hdjl"}, To: ColumnRef{"pg", "aid.payroll", "amount"},
			Transformation: Transformation{"INDIRECT", "FILTER", true}, Job: JobRef{"paper", "roll_up"}, Confidence: "likely", Reason: "the form says so"},
		"lineage.edge.withdrawn": &EdgeWithdrawn{Edge: "E-1", By: "D04", Reason: "the form changed"},
		"lineage.observed_difference.recorded": &DifferenceObserved{Run: "r1", Job: JobRef{"pop", "merge_death"},
			Undeclared: []ColumnRef{{"pg", "hj.death", "zxdw"}}, Unseen: []ColumnRef{{"pg", "hj.death", "zxrq"}}},
	}
}

func partySamples() map[string]Data {
	return map[string]Data{
		"party.body.registered": &PartyRegistered{Party: "D01", Name: "省公安厅", NameEN: "Public Security", USCC: "11990000MB0A000186",
			Kind: "department", Region: "990000", Level: "provincial", LineAuthority: "national", Parent: "D00"},
		"party.body.renamed": &PartyRenamed{Party: "D01", Name: "省公安总队", NameEN: "Public Security Corps", USCC: "11990000MB0A000186",
			Region: "990000", Level: "provincial", LineAuthority: "national", Parent: "D00", Basis: "decision 7/2026"},
		"party.body.merged":             &PartyMerged{Party: "D01", Into: "D07", Basis: "decision 8/2026"},
		"party.body.dissolved":          &PartyDissolved{Party: "D01", Basis: "decision 9/2026"},
		"party.role.assigned":           &RoleAssigned{Party: "D01", Role: RoleAuthority, Scope: "990000", Basis: "cn809:8"},
		"party.role.revoked":            &RoleRevoked{Party: "D01", Role: RoleAuthority, Scope: "990000", Basis: "cn809:8"},
		"party.sharing_body.designated": &SharingBodyDesignated{Party: "D01", Unit: "数据处", Head: "head-D01", From: at(1, 1), To: at(12, 31)},
	}
}

func entrySamples() map[string]Data {
	d := draft()
	return map[string]Data{
		"catalog.entry.drafted": &d,
		"catalog.entry.revised": revision(1),
		"catalog.entry.assessed": &EntryAssessed{Entry: "DS02", Version: 1, By: "D01", Kind: AssessSecrecy, Result: "passed", Method: "checklist 2025",
			Report: "00ff", Note: "no secret"},
		"catalog.entry.department_approved": &EntryDepartmentApproved{Entry: "DS02", Version: 1, By: "D01", Approver: "head-1", ApproverRole: RoleDepartmentHead},
		"catalog.entry.submitted":           &EntrySubmitted{Entry: "DS02", Version: 1, By: "D01", To: "D07", SubmissionKind: SubmissionFirst, UpdateDuty: "UD1"},
		"catalog.entry.returned":            &EntryReturned{Entry: "DS02", Version: 1, By: "D07", Reasons: []string{"no code set", "类目有误"}, CompleteList: true},
		"catalog.entry.published":           &EntryPublished{Entry: "DS02", Version: 1, By: "D07", Announcement: "2025-12"},
		"catalog.entry.suspended":           &EntrySuspended{Entry: "DS02", By: "D07", Reason: "aggregation risk", Basis: "cn809:25", Agreements: []string{"A02"}},
		"catalog.entry.resumed":             &EntryResumed{Entry: "DS02", By: "D07", Reason: "masked", Basis: "cn809:25", Agreements: []string{"A02"}},
		"catalog.entry.withdrawn":           &EntryWithdrawn{Entry: "DS02", By: "D07", Reason: "duty moved", Basis: "cn809:14", Agreements: []string{"A02"}},
		"catalog.update_duty.opened":        &UpdateDutyOpened{Duty: "UD1", Entry: "DS02", Trigger: "duty_change", TriggerDate: at(11, 1), Basis: "decision 5/2025", By: "D07"},
		"catalog.update_duty.extended":      &UpdateDutyExtended{Duty: "UD1", Entry: "DS02", Days: 5, By: "D07", Consent: "C-7", Reason: "two systems"},
		"catalog.update_duty.closed":        &UpdateDutyClosed{Duty: "UD1", Entry: "DS02", ByVersion: 1, By: "D01"},
		"catalog.resource.attached":         attachment(),
		"catalog.resource.changed":          (*ResourceChanged)(attachment()),
		"catalog.resource.detached":         &ResourceDetached{Resource: "RS1", Entry: "DS02", By: "D01", Reason: "system retired"},
		"catalog.resource.refreshed": &ResourceRefreshed{Resource: "RS1", Entry: "DS02", Period: Period{at(11, 1), at(11, 2)}, Rows: 120, Watermark: at(11, 2),
			ExpectedBy: at(11, 3), Digest: "aa", Run: "r1"},
		"catalog.region_summary.sealed": &RegionSummarySealed{RegionSummary: "990000/2025-12", By: "D07", Region: "990000", Period: Period{at(11, 1), at(12, 1)}, Entries: 1,
			Counts: map[string]int64{SharingConditional: 1}, Root: make([]byte, 32), AsOf: 17, Head: make([]byte, 32)},
		"catalog.source.designated": &SourceDesignated{Entry: "DS02", Items: []string{"swrq"}, Party: "D01", By: "D07", Basis: "cn809:19"},
		"catalog.source.relieved":   &SourceRelieved{Entry: "DS02", Items: []string{"swrq"}, Party: "D01", By: "D07", Basis: "cn809:19"},
	}
}

func attachment() *ResourceAttached {
	return &ResourceAttached{Resource: "RS1", Entry: "DS02", By: "D01", Dataset: DatasetRef{"postgres://pop:5432", "hj.death"}, Method: "api",
		Columns: map[string]string{"gmsfhm": "id_no"}, Locator: "bb", SLA: "99.5 %"}
}

func request() *RequestSubmitted {
	return &RequestSubmitted{
		Request: "R02", Provider: "D01", Consumer: "D03", Asks: []Ask{{"DS02", 1, []string{"gmsfhm", "swrq"}}}, Purposes: []string{"benefit_eligibility"},
		LegalBasis: []LegalBasis{{Instrument: "cn809", Article: "20", Kind: "OfficialAuthorityOfController"}}, Scenario: "pensions after death",
		Necessity: "no other source", Scope: Scope{Region: "990000", Population: "pensioners", Filters: []string{"zxyy='1'"}}, Method: "api",
		Term: Period{at(9, 1), at(12, 30)}, ApprovedBy: "head-D03", CaseNo: "N1",
	}
}

func sharingSamples() map[string]Data {
	masked := []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"gmsfhm", "swrq"}, Masking: map[string]string{"gmsfhm": "last4"}}}
	return map[string]Data{
		"share.need.announced": &NeedAnnounced{Need: "N1", By: "D03", To: "D07", Title: "dates of cremation", Items: []string{"hhrq"}, Purposes: []string{"benefit_eligibility"},
			LegalBasis: []LegalBasis{{Instrument: "cn809", Article: "20", Kind: "OfficialAuthorityOfController"}}, Reason: "no entry has them"},
		"share.request.submitted":            request(),
		"share.request.received":             &RequestReceived{"R02", "D01"},
		"share.request.supplement_requested": &SupplementRequested{"R02", "D01", []string{"the legal basis"}},
		"share.request.supplemented":         &RequestSupplemented{"R02", "D03", []string{"the legal basis"}},
		"share.request.extended":             &RequestExtended{"R02", "D01", 10, "D07", "C-8", at(10, 1), "many asks"},
		"share.request.answered": &RequestAnswered{Request: "R02", By: "D01", Outcome: StagePartlyGranted, Grants: masked, Ground: "not_necessary", Basis: "cn809:21",
			Reasons: []string{"the number is not needed in full"}, ApprovedBy: "head-D01", Dispute: "DP1"},
		"share.request.withdrawn":        &RequestWithdrawn{"R02", "D03", "not needed"},
		"share.provision.made_available": &ProvisionAvailable{"P1", "A02", "D01", "api", "RS1", at(10, 1), "provincial platform", "SHA256:aa"},
		"share.provision.changed":        &ProvisionChanged{"P1", "A02", "D01", "new_interface", "v2 of the interface", "K-1", "B-1"},
		"share.provision.interrupted":    &ProvisionInterrupted{"P1", "A02", "D01", "maintenance", at(10, 5), "B-2"},
		"share.provision.restored":       &ProvisionRestored{"P1", "A02", "D01", "repaired"},
		"share.delivery.completed": &DeliveryCompleted{Delivery: "L1", Agreement: "A02", By: "D01", Provision: "P1", Entry: "DS02", EntryVersion: 1,
			Items: []string{"gmsfhm"}, Period: Period{at(10, 1), at(10, 2)}, Rows: 10, Digest: "cc", Manifest: "dd", Masking: "last4"},
		"share.delivery.acknowledged": &DeliveryAcknowledged{"L1", "A02", "D03", 9, "ce", "one row is missing"},
		"share.return_flow.delivered": &ReturnFlowDelivered{Delivery: "L2", From: "D07", To: "C01", Agreement: "A07", Entry: "DS24", EntryVersion: 1,
			Items: []string{"mc"}, Region: "990100", Period: Period{at(10, 1), at(10, 2)}, Rows: 4, Digest: "ee", Complete: true},
		"share.onward.requested": &OnwardRequested{Onward: "O1", Agreement: "A02", By: "D03", Provider: "D01", To: "X1", Items: []ItemRef{{"DS02", "swrq"}},
			Purposes: []string{"benefit_eligibility"}, Term: Period{at(10, 1), at(11, 1)}, Reason: "the platform runs the match"},
		"share.onward.consented": &OnwardConsented{"O1", "A02", "D01", "no copies"},
		"share.onward.refused":   &OnwardRefused{"O1", "A02", "D01", "not needed"},
		"share.recall.issued": &RecallIssued{Recall: "K1", Agreement: "A02", By: "D01", Consumer: "D03", Items: []ItemRef{{"DS02", "swrq"}},
			Period: Period{at(10, 1), at(10, 2)}, Deliveries: []string{"L1"}, ReplacedBy: "L3", Reason: "wrong day"},
		"share.recall.confirmed": &RecallConfirmed{"K1", "A02", "D03", 10, "ff"},
		"usage.record.made": &UsageRecorded{Record: "U1", Agreement: "A02", By: "D03", Period: Period{at(10, 1), at(11, 1)}, Scenario: "pension runs",
			Process: "matched monthly", Effect: "3 payments stopped", Storage: "department_cloud", Copies: 1, Runs: []string{"r1"},
			DataStatus: "partly", Issues: []string{"Q03"}},
		"usage.duplicate_collection.reported": &DuplicateCollectionReported{"DC1", "D07", "D04", []string{"date of death"}, "DS02", "asked on a form"},
		"disposal.duty.opened":                &DisposalOpened{"W1", "A02", "D07", "D01", "D03", StageTerminated, "erase", at(12, 1), "case-1"},
		"disposal.performed": &DisposalPerformed{Disposal: "W1", Agreement: "A02", By: "D03", Method: "erase", Datasets: []DatasetRef{{"pg", "si.death"}},
			Rows: 10, Evidence: "0a", Witness: "X1"},
		"disposal.accepted": &DisposalAccepted{"W1", "A02", "D01"},
		"disposal.rejected": &DisposalRejected{"W1", "A02", "D01", "the derived copy is still there"},
	}
}

func agreementSamples() map[string]Data {
	a := agreement()
	return map[string]Data{
		"share.agreement.activated": a,
		"share.agreement.amended": &AgreementAmended{Agreement: "A02", Version: 2, By: "D03", Grants: a.Grants, Purposes: a.Purposes, Scope: a.Scope,
			Method: "api", ValidTo: a.ValidTo, ReviewDate: a.ReviewDate, Onward: OnwardListed, OnwardTo: a.OnwardTo, Disposal: "erase", Consent: "C-9",
			Contract: "c2", ChangedPaths: []string{"/method"}},
		"share.agreement.suspended":  &AgreementSuspended{Agreement: "A02", By: "D07", Cause: "onward_without_consent", Finding: "F1"},
		"share.agreement.resumed":    &AgreementResumed{Agreement: "A02", By: "D07", Cause: "rectified", ItemsRemoved: []ItemRef{{"DS02", "swrq"}}},
		"share.agreement.terminated": &AgreementTerminated{Agreement: "A02", By: "D01", Cause: "purpose_fulfilled", ConsultRef: "K-1", FilingRef: "B-1", Rectification: "T1"},
		"share.agreement.expired":    &AgreementExpired{"A02", "D07"},
		"share.agreement.fulfilled":  &AgreementFulfilled{"A02", "D03", "purpose_reached", "K-2", "B-2"},
	}
}

func accessSamples() map[string]Data {
	return map[string]Data{
		"access.call.recorded": &AccessRecorded{
			Call: "c-1", Provider: "D01", Consumer: "D03", Operator: "X1", System: "pension_office", Agreement: "A02", AgreementVersion: 1, RequestNo: "N1",
			Purpose: "benefit_eligibility", Entry: "DS02", EntryVersion: 1, Dataset: DatasetRef{"postgres://pop:5432", "hj.death"}, Method: "api",
			Columns: []string{"gmsfhm"}, RowCount: 1, SubjectCount: ptr(1), Masking: "last4", Region: "990100", Result: AccessError, Reason: "timeout",
			Started: at(10, 1), Ended: at(10, 1) + 5, Credential: "SHA256:aa", AuthMethod: "mtls", RequestDigest: "01", ResponseDigest: "02",
			Bytes: 512, DataSubject: "person-9f3a", Query: "gmsfhm = ?",
		},
		"access.call.denied": &CallDenied{
			Call: "c-2", Provider: "D01", Consumer: "D03", Operator: "X1", System: "pension_office", Agreement: "A02", AgreementVersion: 1, RequestNo: "N1", Purpose: "benefit_eligibility", Entry: "DS02",
			EntryVersion: 1, Dataset: DatasetRef{"postgres://pop:5432", "hj.death"}, Method: "api", Columns: []string{"gmsfhm"}, Region: "990100",
			Reason: "expired", Credential: "SHA256:aa", AuthMethod: "mtls", RequestDigest: "01", DataSubject: "person-9f3a", Query: "gmsfhm = ?",
		},
		"access.batch.sealed": &BatchSealed{
			Batch: "B1", Provider: "D01", Producer: "gw-1", Consumer: "D03", Agreement: "A02", Entry: "DS02", EntryVersion: 1,
			Period: Period{at(10, 1), at(10, 2)}, Purposes: []string{"benefit_eligibility"}, Columns: []string{"swrq"}, Regions: []string{"990000"},
			CountOK: 9, CountDenied: 1, Rows: 9, Subjects: ptr(8), First: 11, Last: 20, Root: make([]byte, 32), Previous: make([]byte, 32),
		},
		"access.anomaly.flagged": &AnomalyFlagged{Anomaly: "AN1", By: "X1", Rule: "volume_at_night", Provider: "D01", Consumer: "D03", Agreement: "A02", Entry: "DS02",
			Credential: "SHA256:aa", Period: Period{at(10, 3), at(10, 4)}, Facts: []uint64{17}, Severity: "major", Description: "ten times as many as usual"},
		"access.gap.declared": &GapDeclared{Gap: "G1", Provider: "D01", Producer: "gw-1", By: "X1", Period: Period{at(10, 3), at(10, 4)}, First: 21, Last: 25,
			Cause: "disk_failure", Description: "the buffer was lost"},
	}
}

func qualitySamples() map[string]Data {
	return map[string]Data{
		"quality.rule.published": &QualityRulePublished{Rule: "QR1", Version: 1, Owner: "D01", Dimension: "GB36344:0302", Expression: "length(gmsfhm) = 18",
			Entry: "DS02", Items: []string{"gmsfhm"}, Threshold: 990_000, Severity: "major"},
		"quality.run.completed": &QualityRunCompleted{Run: "M1", By: "D01", Entry: "DS02", EntryVersion: 1, Dataset: DatasetRef{"pg", "hj.death"}, LineageRun: "r1", Batch: "b1",
			Results: []QualityResult{{"QR1", 1, "gmsfhm", 99, 100, true}}, Engine: "checker 2"},
		"quality.issue.reported": &QualityIssueReported{
			Issue: "Q03", By: "D03", Agreement: "A02", Entry: "DS02", EntryVersion: 1, Dataset: DatasetRef{"pg", "hj.death"}, Items: []string{"gmsfhm"},
			Dimension: "GB36344:0302", Symptom: "malformed", Severity: "major", Count: 12, Run: "r1", Description: "15-digit ids", SampleRefs: []string{"k1"},
		},
		"quality.issue.accepted": &QualityIssueAccepted{"Q03", "D07"},
		"quality.issue.rejected": &QualityIssueRejected{"Q03", "D07", "not so"},
		"quality.issue.marked":   &QualityIssueMarked{"Q03", "D07", "DS02", []string{"gmsfhm"}, "before 2010", []string{"D03"}},
		"quality.issue.unmarked": &QualityIssueUnmarked{"Q03", "D07"},
		"quality.issue.traced": &QualityIssueTraced{Issue: "Q03", By: "D07", Origins: []Origin{{"DS02", "gmsfhm", JobRef{"pop", "merge_death"}, "r1", "D01"}},
			AsOf: 17, ViewVersion: 2},
		"quality.issue.assigned":      &QualityIssueAssigned{"Q03", "D07", "D01", "source"},
		"quality.issue.transferred":   &QualityIssueTransferred{"Q03", "D01", "D07", "fusing", "the join is wrong"},
		"quality.issue.rectified":     &QualityIssueRectified{"Q03", "D01", "r2", "b2"},
		"quality.issue.rechecked":     &QualityIssueRechecked{"Q03", "D03", "pass", "M2"},
		"quality.issue.closed":        &QualityIssueClosed{Issue: "Q03", By: "D03", Outcome: "fixed", Reason: "reloaded", FixedByRun: "r2"},
		"quality.issue.reopened":      &QualityIssueReopened{"Q03", "D03", "wrong again"},
		"quality.issue.escalated":     &QualityIssueEscalated{"Q03", "D03", "D07", "nothing has come for a month"},
		"correction.request.received": &CorrectionReceived{"Q03", "D01", "D03"},
		"correction.request.answered": &CorrectionAnswered{"Q03", "D01", VerdictConfirmed, "will_fix_by", at(12, 30), "b2", "typing"},
		"correction.propagated":       &CorrectionPropagated{"Q03", "D01", []Recipient{{"D03", "A02", at(12, 1), at(12, 2)}}},
		"quality.accountability.determined": &AccountabilityDetermined{Issue: "Q03", By: "D07", Party: "D01", Ground: "late_entry", Violation: "cn809:39.6",
			Facts: []uint64{17, 21}},
	}
}

func oversightSamples() map[string]Data {
	return map[string]Data{
		"dispute.raised":                        &DisputeRaised{"DP1", "D03", "D01", "R02", "A02", "DS02", "Q03", "it is within our duty"},
		"dispute.negotiated":                    &DisputeNegotiated{"DP1", "D03", "failed", "none"},
		"dispute.escalated":                     &DisputeEscalated{"DP1", "D03", "D07"},
		"dispute.coordinated":                   &DisputeCoordinated{"DP1", "D07", StageSettled, "granted, masked"},
		"dispute.referred_to_government":        &DisputeReferred{"DP1", "D07", "省人民政府"},
		"dispute.decided":                       &DisputeDecided{"DP1", "D07", "decision 12/2025", "to be shared"},
		"dispute.closed":                        &DisputeClosed{"DP1", "D03"},
		"oversight.inspection.opened":           &InspectionOpened{"I1", "D07", []string{"D03"}, "records of use", Period{at(1, 1), at(2, 1)}},
		"oversight.inspection.finding_recorded": &InspectionFinding{"I1", "D07", "D03", "cn809:40.5", []uint64{17}, "no records"},
		"oversight.inspection.closed":           &InspectionClosed{"I1", "D07", "one finding"},
		"oversight.rectification.ordered":       &RectificationOrdered{"T1", "D07", "D03", "A02", "cn809:40.3", at(12, 20), []uint64{17}, "get the data back"},
		"oversight.rectification.reported":      &RectificationReported{"T1", "D03", "0b", "erased at the bank"},
		"oversight.rectification.accepted":      &RectificationAccepted{"T1", "D07"},
		"oversight.rectification.rejected":      &RectificationRejected{"T1", "D07", "no evidence"},
		"oversight.bulletin.issued": &BulletinIssued{Bulletin: "2025-12", By: "D07", Period: Period{at(11, 1), at(12, 1)}, Region: "990000", MetricSet: "sharing-1",
			Values: map[string]int64{"answered_in_time": 920_000}, AsOf: 17, Head: make([]byte, 32), ViewVersion: 2},
		"oversight.complaint.received": &ComplaintReceived{"CP1", "D07", "D01", "DS02", "A02", "wrong_data", "person-1", "I am alive"},
		"oversight.complaint.handled":  &ComplaintHandled{"CP1", "D07", "corrected", []uint64{17}, "put right"},
		"security.incident.detected": &IncidentDetected{Incident: "S1", By: "D03", Kind: "leak", Happened: Period{at(10, 1), at(10, 2)}, Agreements: []string{"A02"},
			Items: []ItemRef{{"DS02", "gmsfhm"}}, Datasets: []DatasetRef{{"pg", "si.death"}}, Credential: "SHA256:aa", Rows: 10, Subjects: 9, Description: "at a bank"},
		"security.incident.contained": &IncidentContained{"S1", "D03", "key revoked"},
		"security.incident.reported":  &IncidentReported{"S1", "D03", []string{"D07"}, "2025-31"},
		"security.incident.closed":    &IncidentClosed{"S1", "D03", "stolen_key", "told everybody"},
		"security.entrustment.approved": &EntrustmentApproved{Entrustment: "N1", By: "D03", Contractor: "X1", Scope: "runs the match", Entries: []string{"DS02"},
			Term: Period{at(1, 1), at(12, 31)}, Approval: "AP-1"},
		"security.entrustment.ended": &EntrustmentEnded{"N1", "D03", "term"},
		"rights.request.received":    &RightsRequested{"RR1", "D01", "access", at(12, 30), []string{"DS02"}, "person-1", "what do you have on me"},
		"rights.request.answered":    &RightsAnswered{"RR1", "D01", "deferred", "an investigation", "later"},
		"reference.rulepack.published": &RulePackPublished{"house", "1", "D07", `{"id":"house","version":"1","title":{"en":"House rules","zh":"内部规则"},"source":"a notice",` +
			`"calendar":"weekdays","deadlines":[],"violations":[{"code":"H1","by":"provider","basis":"rule 1","title":{"en":"late","zh":"逾期"}}],"retention":[]}`, "the first"},
		"reference.calendar.published": &CalendarPublished{"weekdays", "1", "D07", `{"id":"weekdays","version":"1","zone":"UTC"}`, "the first"},
		"reference.codeset.published": &CodeSetPublished{"GB/T 2260", "2025", "D07", "Codes of administrative divisions", "https://www.mca.gov.cn/mzsj/xzqh",
			bytes.Repeat([]byte{7}, 32), "two counties merged"},
		"ledger.correction.noted": &CorrectionNoted{"D01", 17, "/data/rows", "2850", "the count of another day"},
		"ledger.import.made":      &ImportMade{"D01", "the paper registers of 2019 to 2024", bytes.Repeat([]byte{8}, 32), 2048},
		"ledger.verification.completed": &VerificationCompleted{Verification: "V1", By: "D07", First: 1, Last: 17, Size: 18, Root: make([]byte, 32), Result: "passed",
			Tool: "verify.py", ToolVersion: "1", Description: "all proofs hold"},
	}
}
