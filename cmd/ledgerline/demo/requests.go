package demo

import (
	"strings"
	"time"

	"ledgerline/events"
)

// requestSteps tells how each agreement was asked for and answered, and when its
// data could first be had. Law gives the provider one working day to answer where
// data is shared without condition, ten where there are conditions, and twenty to
// provide; which ones were late, a view derives.
func requestSteps() []Step {
	var steps []Step
	for _, a := range agreements {
		if a.old() {
			continue
		}
		steps = append(steps, a.requested()...)
		switch a.id {
		case "A04":
			steps = append(steps, a.disputed()...)
		case "A06":
			steps = append(steps, record(a.share(on("2025-10-14 15:00"), "request.extended", a.provider, &events.RequestExtended{
				Request: a.request(), By: a.provider, Days: 10, Authority: "D07", Consent: "云数函〔2025〕88号",
				ConsumerNotified: events.TimeOf(on("2025-10-14 15:30")), Reason: "涉及两个系统，需联合测试 Two systems have to be tested together",
			}), "the answer to A06's request is extended, with the data bureau's consent"))
		case "A10":
			steps = append(steps,
				record(a.share(on("2025-11-12 10:00"), "request.supplement_requested", a.provider, &events.SupplementRequested{
					Request: a.request(), By: a.provider, Missing: []string{"核对对象授权书样式 The form by which applicants consent"}}), "D04 asks once for what is missing"),
				record(a.share(on("2025-11-14 09:30"), "request.supplemented", a.consumer, &events.RequestSupplemented{
					Request: a.request(), By: a.consumer, Given: []string{"核对对象授权书样式 The form by which applicants consent"}}), "C02 gives what was missing"))
		}
		granted := a.answer(on(a.granted).Add(-10 * time.Minute))
		steps = append(steps, granted, record(a.share(on(a.provided), "provision.made_available", a.provider, &events.ProvisionAvailable{
			Provision: "P-" + a.id, Agreement: a.id, By: a.provider, Method: a.method, FirstAvailable: events.TimeOf(on(a.provided)),
			Channel: "云泽省政务数据共享平台", Credential: "sha256:" + digest("credential/"+a.consumer),
		}), "the data of "+a.id+" can be had"))
	}
	return steps
}

func (a agreement) share(at time.Time, verb, party string, data events.Data) events.Event {
	return events.Event{
		ID: a.id + "-" + verb, Source: gatewaySource, Type: "share." + verb, Time: events.TimeOf(at),
		Party: party, Actor: actor(party, "sharing_body_officer"), Correlation: "case-" + a.id, Data: data,
	}
}

// requested is the request, and its receipt the same morning.
func (a agreement) requested() []Step {
	asked := on(a.asked)
	r := &events.RequestSubmitted{
		Request: a.request(), Provider: a.provider, Consumer: a.consumer, Purposes: []string{a.purpose}, Method: a.method,
		LegalBasis: []events.LegalBasis{{Instrument: "政务数据共享条例（国务院令第809号）", Article: "20", Kind: "OfficialAuthorityOfController"}},
		Scenario:   a.story, Necessity: "现有数据不能满足 What is at hand does not answer the question", Scope: events.Scope{Region: a.region},
		Term:       events.Period{From: events.TimeOf(asked), To: events.TimeOf(asked.AddDate(1, 1, 0))},
		ApprovedBy: actor(a.consumer, "sharing_body_head"), CaseNo: "R-" + a.id,
	}
	if a.filter != "" {
		r.Scope.Filters = []string{a.filter}
	}
	for _, g := range a.grants {
		r.Asks = append(r.Asks, events.Ask{Entry: g.entry, EntryVersion: 1, Items: strings.Fields(g.items)})
	}
	return []Step{
		record(a.share(asked, "request.submitted", a.consumer, r), a.consumer+" asks "+a.provider+" for what "+a.id+" grants"),
		record(a.share(asked.Add(25*time.Minute), "request.received", a.provider, &events.RequestReceived{Request: a.request(), By: a.provider}),
			a.provider+" has the request of "+a.id),
	}
}

// answer is the answer that the agreement follows on.
func (a agreement) answer(at time.Time) Step {
	d := &events.RequestAnswered{Request: a.request(), By: a.provider, Outcome: events.StageGranted, ApprovedBy: actor(a.provider, "sharing_body_head")}
	switch a.id {
	case "A04":
		d.Dispute = "DP-A04"
	case "A12":
		d.Outcome, d.Ground, d.Reasons = events.StagePartlyGranted, "not_necessary", []string{"身份号码以密钥散列提供即可 Identity numbers are needed as keyed hashes only"}
		for _, g := range a.grants {
			d.Grants = append(d.Grants, events.Grant{Entry: g.entry, EntryVersion: 1, Items: strings.Fields(g.items), Masking: g.masking})
		}
	}
	e := a.share(at, "request.answered", a.provider, d)
	if a.id == "A04" {
		e.ID += "-anew"
	}
	return record(e, "the request of "+a.id+" is "+d.Outcome)
}

// disputed tells of the refusal of A04's request and of the dispute about it,
// which the data bureau, the common superior, settled.
func (a agreement) disputed() []Step {
	dispute := func(at, verb, party string, data events.Data) Step {
		return record(events.Event{
			ID: "DP-A04-" + verb, Source: gatewaySource, Type: "dispute." + verb, Time: events.TimeOf(on(at)),
			Party: party, Actor: actor(party, "sharing_body_head"), Correlation: "case-" + a.id, Data: data,
		}, "the dispute about A04 is "+verb)
	}
	return []Step{
		record(a.share(on("2025-09-12 16:00"), "request.answered", a.provider, &events.RequestAnswered{
			Request: a.request(), By: a.provider, Outcome: events.StageRefused, Ground: "not_in_duty", Basis: "政务数据共享条例 第二十一条",
			Reasons: []string{"超出所述职责范围 Beyond the stated duty"}, ApprovedBy: actor(a.provider, "sharing_body_head"),
		}), "the request of A04 is refused: beyond the stated duty"),
		dispute("2025-09-15 10:00", "raised", a.consumer, &events.DisputeRaised{
			Dispute: "DP-A04", By: a.consumer, Against: a.provider, Request: a.request(), Entry: "DS04",
			Claim: "核对职责由社会救助暂行办法规定 The duty to check is laid down in the measures on social assistance"}),
		dispute("2025-09-26 17:00", "negotiated", a.consumer, &events.DisputeNegotiated{Dispute: "DP-A04", By: a.consumer, Outcome: "failed"}),
		dispute("2025-09-28 09:00", "escalated", a.consumer, &events.DisputeEscalated{Dispute: "DP-A04", By: a.consumer, To: "D07"}),
		dispute("2025-10-20 11:00", "coordinated", "D07", &events.DisputeCoordinated{
			Dispute: "DP-A04", By: "D07", Outcome: events.StageSettled, Terms: "按城市范围提供 To be provided for the city"}),
		dispute("2025-10-21 09:00", "closed", "D07", &events.DisputeClosed{Dispute: "DP-A04", By: "D07"}),
	}
}

// afterSteps tell what followed on a leak, a change without notice, and the end of
// an agreement.
func afterSteps() []Step {
	a02, a11, a13, a14 := agreementOf("A02"), agreementOf("A11"), agreementOf("A13"), agreementOf("A14")
	told := func(a agreement, at, typ, party string, data events.Data, note string) Step {
		e := a.share(on(at), typ, party, data)
		e.ID, e.Type = a.id+"-"+typ, typ
		return record(e, note)
	}
	return []Step{
		told(a11, "2026-01-15 17:30", "security.incident.detected", "D07", &events.IncidentDetected{
			Incident: "incident-2026-0115", By: "D07", Kind: "leak", Happened: events.Period{From: events.TimeOf(on("2026-01-14 21:40")), To: events.TimeOf(on("2026-01-15 03:00"))},
			Agreements: []string{"A11"}, Items: []events.ItemRef{{Entry: "DS23", Item: "xm"}, {Entry: "DS23", Item: "lxdh"}},
			Credential: "sha256:" + digest("credential/X2"), Rows: 182_406, Description: "银行营销名单含基础库姓名和电话 A bank's list holds names and numbers of the library",
		}, "names and telephone numbers of the library are found at a bank"),
		told(a11, "2026-01-16 18:05", "security.incident.contained", "D07", &events.IncidentContained{
			Incident: "incident-2026-0115", By: "D07", Measures: "协议中止，承包商凭证吊销 The agreement is suspended, the contractor's key revoked"}, "the leak is contained"),
		told(a11, "2026-01-17 10:00", "security.incident.reported", "D07", &events.IncidentReported{
			Incident: "incident-2026-0115", By: "D07", To: []string{"省委网信办", "省公安厅"}, Reference: "云网信〔2026〕3号"}, "the leak is reported"),
		told(a11, "2026-01-16 18:10", "oversight.rectification.ordered", "D07", &events.RectificationOrdered{
			Rectification: "RT-A11", By: "D07", Party: "D03", Agreement: "A11", Violation: "cn809:40.3", Due: events.TimeOf(day("2026-02-07")),
			Demand: "追回并删除外传数据，清退承包商 Get the data back, erase it, dismiss the contractor"}, "D03 is ordered to put it right by 6 February"),
		told(a11, "2026-02-05 16:00", "oversight.rectification.reported", "D03", &events.RectificationReported{
			Rectification: "RT-A11", By: "D03", Evidence: digest("rectification/A11"), Measures: "银行出具删除证明 The bank certifies the erasure"}, "D03 reports what it did"),
		told(a11, "2026-02-06 17:00", "oversight.rectification.accepted", "D07", &events.RectificationAccepted{
			Rectification: "RT-A11", By: "D07"}, "the data bureau accepts it"),
		told(a11, "2026-02-10 09:00", "security.incident.closed", "D07", &events.IncidentClosed{
			Incident: "incident-2026-0115", By: "D07", Cause: "contractor", Conclusion: "协议恢复，不再含电话 The agreement goes on without telephone numbers"}, "the incident is closed"),
		told(a11, "2026-01-19 09:00", "share.recall.issued", "D07", &events.RecallIssued{
			Recall: "RC-A11", Agreement: "A11", By: "D07", Consumer: "D03", Items: []events.ItemRef{{Entry: "DS23", Item: "xm"}, {Entry: "DS23", Item: "lxdh"}},
			Period: events.Period{From: events.TimeOf(on("2025-12-19 08:30")), To: events.TimeOf(on("2026-01-16 18:00"))},
			Reason: "姓名和电话被外传 Names and telephone numbers were passed on",
		}, "D07 calls names and telephone numbers back"),
		told(a11, "2026-02-05 15:30", "share.recall.confirmed", "D03", &events.RecallConfirmed{
			Recall: "RC-A11", Agreement: "A11", By: "D03", Rows: 182_406, Evidence: digest("recall/A11")}, "D03 gave them up"),
		told(a13, "2026-03-02 08:00", "share.provision.changed", "D03", &events.ProvisionChanged{
			Provision: "P-A13", Agreement: "A13", By: "D03", Cause: "new_interface", Change: "接口升级 The interface is another"}, "D03 changes the interface of A13 without notice or filing"),
		told(a14, "2026-03-10 15:25", "disposal.duty.opened", "D07", &events.DisposalOpened{
			Disposal: "W-A14", Agreement: "A14", By: "D07", Provider: "D02", Consumer: "C03", Cause: events.StageFulfilled, Method: "erase",
			Due: events.TimeOf(day("2026-03-25"))}, "C03 has to dispose of what it had under A14"),
		told(a14, "2026-03-16 14:00", "disposal.performed", "C03", &events.DisposalPerformed{
			Disposal: "W-A14", Agreement: "A14", By: "C03", Method: "erase", Rows: 2_240, Evidence: digest("disposal/A14"), Witness: "X1"}, "C03 erases it"),
		told(a14, "2026-03-18 10:00", "disposal.accepted", "D02", &events.DisposalAccepted{
			Disposal: "W-A14", Agreement: "A14", By: "D02"}, "D02 accepts the disposal"),
		told(a14, "2026-02-27 17:00", "usage.record.made", "C03", &events.UsageRecorded{
			Record: "U-A14-2026-02", Agreement: "A14", By: "C03", Period: events.Period{From: events.TimeOf(day("2026-02-01")), To: events.TimeOf(day("2026-03-01"))},
			Scenario: "用地申请人资格核验 Applicants for land", Process: "逐件比对 Compared one by one", Effect: "退回两件 Two sent back", Storage: "department_cloud", Copies: 1, DataStatus: "fit",
		}, "C03 records its use"),
		told(a02, "2025-12-30 17:00", "usage.record.made", "D03", &events.UsageRecorded{
			Record: "U-A02-2025-12", Agreement: "A02", By: "D03", Period: events.Period{From: events.TimeOf(day("2025-12-01")), To: events.TimeOf(day("2025-12-30"))},
			Scenario: "养老待遇资格核验 Who may draw a pension", Process: "每月比对 Compared each month", Effect: "停发两人 Two pensions stopped", Storage: "department_cloud", Copies: 1,
			DataStatus: "partly", Issues: []string{"Q01"},
		}, "D03 records its use, and that some dates of death came late"),
	}
}

// publicSteps: a duplicate collection is reported, and a citizen asks who used data
// about them.
func publicSteps() []Step {
	told := func(at, id, typ, party string, data events.Data, note string) Step {
		return record(events.Event{
			ID: id, Source: gatewaySource, Type: typ, Time: events.TimeOf(on(at)), Party: party, Actor: actor(party, "sharing_body_officer"), Data: data,
		}, note)
	}
	return []Step{
		told("2026-02-26 10:00", "DC-C03-DS11", "usage.duplicate_collection.reported", "D07", &events.DuplicateCollectionReported{
			Report: "DC-C03-DS11", By: "D07", Collector: "C03", Items: []string{"mc", "clrq", "djzt"}, Entry: "DS11",
			Description: "用地申请表仍要求填报已共享的登记信息 Applicants for land still fill in what is shared",
		}, "C03 is found to collect what D02 shares"),
		told("2026-03-18 14:00", "RR-2026-7-received", "rights.request.received", "D07", &events.RightsRequested{
			RightsRequest: "RR-2026-7", By: "D07", Kind: "access", Due: events.TimeOf(day("2026-04-09")), DataSubject: aCitizen,
			Wish: "请告知过去一年哪些部门使用了我的数据 Who used data about me last year?",
		}, "a citizen asks who used data about them"),
		told("2026-03-25 16:00", "RR-2026-7-answered", "rights.request.answered", "D07", &events.RightsAnswered{
			RightsRequest: "RR-2026-7", By: "D07", Outcome: "fulfilled", Answer: "附调用清单 The calls are listed in the annex",
		}, "the citizen is answered"),
	}
}

// aCitizen is one of the newborns' mothers whom the hospitals asked for under A06.
var aCitizen = digest("person/A06/DS01/3")
