package demo

import (
	"slices"
	"time"

	"ledgerline/events"
)

// issue is a finding about the quality of data, and its end if it had one.
type issue struct {
	id        string // Q01 … Q60
	by        string // party id
	agreement string // under which the finder has the data
	entry     string
	items     []string
	dimension string // indicator of GB/T 36344-2018
	symptom   string
	severity  string
	count     int
	reported  string
	text      string
	// run is the job and start of the run whose output showed it.
	run string
	end *closing
}

// closing is how an issue ended.
type closing struct {
	at, by, outcome string
	text            string
	run             string // job and start of the run that put it right
}

// issues are those of the story, and what the quality platform found by itself.
var issues = slices.Concat(toldIssues, measuredIssues(len(toldIssues)+1))

var toldIssues = []issue{
	{
		id: "Q01", by: "D03", agreement: "A02", entry: "DS02", items: []string{"swrq"}, dimension: "0502", symptom: "stale", severity: "major", count: 312,
		reported: "2025-12-08 10:10",
		text:     "死亡后40至180天才注销户籍，其间待遇照发 Deregistered 40 to 180 days after the death; pensions were paid meanwhile",
		end: &closing{"2025-12-24 10:30", "D07", "fixed",
			"12月19日核实并更正源数据，12月24日批次后基础库一致 Corrected at the source on 19 December; the library agrees since the run of the 24th", "J04 2025-12-24"},
	},
	{
		id: "Q02", by: "D07", entry: "DS23", items: []string{"swrq"}, dimension: "0401", symptom: "conflicting", severity: "major", count: 1_847,
		reported: "2025-11-12 16:40", run: "J04 2025-11-12",
		text: "公安、民政死亡日期不一致（差日或仅有年月） Dates of death differ between police and civil affairs, by days or to the month only",
	},
	{
		id: "Q03", by: "D03", agreement: "A03", entry: "DS08", items: []string{"gmsfhm"}, dimension: "0302", symptom: "malformed", severity: "major", count: 96,
		reported: "2025-09-25 09:35",
		text:     "身份号码为15位或校验位错误，无法匹配 Identity numbers of 15 digits or with a wrong check digit; the rows match nobody",
		end: &closing{"2025-12-12 15:00", "D03", "fixed",
			"殡仪馆补录并复核 Entered again by the funeral homes and checked", ""},
	},
	{
		id: "Q04", by: "C02", agreement: "A15", entry: "DS06", items: []string{"gmsfhm"}, dimension: "0201", symptom: "missing", severity: "minor", count: 58,
		reported: "2026-03-28 11:05",
		text:     "约3%为空（新生儿、身份不明），规则未设豁免 Empty for 3 % (newborns, unknown persons); the rule has no exemption for them",
	},
	{
		id: "Q05", by: "D07", entry: "DS01", items: []string{"gmsfhm"}, dimension: "0303", symptom: "duplicate", severity: "blocking", count: 23,
		reported: "2025-10-15 15:20", run: "J01 2025-10-15",
		text: "一人多号、多人一号 Two numbers for one person, and one number for two",
	},
	{
		id: "Q06", by: "C02", agreement: "A10", entry: "DS07", items: []string{"zt"}, dimension: "0402", symptom: "conflicting", severity: "major", count: 141,
		reported: "2026-01-08 14:45",
		text:     "已登记离婚，户籍婚姻状况仍为已婚 Divorce registered, but the household register still says married",
	},
	{
		id: "Q07", by: "D05", agreement: "A01", entry: "DS11", items: []string{"hydm"}, dimension: "0105", symptom: "wrong", severity: "minor", count: 2_310,
		reported: "2025-09-18 10:00",
		text:     "行业代码沿用旧版 GB/T 4754 Industry codes of the previous edition",
		end: &closing{"2025-11-05 09:50", "D05", "fixed",
			"已按现行版批量转换并抽检 Converted to the current edition; a sample was checked", ""},
	},
	{
		id: "Q08", by: "D02", agreement: "A08", entry: "DS18", items: []string{"nsrzt"}, dimension: "0401", symptom: "conflicting", severity: "minor", count: 407,
		reported: "2026-01-26 09:15",
		text:     "市场主体已注销，税务状态仍为正常 Struck off at market regulation, still an active taxpayer",
		end: &closing{"2026-02-06 16:30", "D05", "unfounded",
			"清税程序未结，状态无误 Tax clearance was still under way; the state was right", ""},
	},
	{
		id: "Q09", by: "D02", agreement: "A13", entry: "DS15", items: []string{"cbdw"}, dimension: "0302", symptom: "malformed", severity: "minor", count: 664,
		reported: "2026-02-04 10:25",
		text:     "参保单位仍为旧九位组织机构代码 Employers still bear the old nine-digit code",
	},
	{
		id: "Q10", by: "C02", agreement: "A05", entry: "DS21", items: []string{"qlr_sfzh"}, dimension: "0201", symptom: "missing", severity: "major", count: 5_120,
		reported: "2025-11-20 11:30",
		text:     "2008年以前登记缺权利人身份号码 Owners' identity numbers are missing in records from before 2008",
		end: &closing{"2026-03-20 17:10", "C03", "wont_fix",
			"待档案扫描补录，预计2027年完成 Waits for the archive to be scanned, expected in 2027", ""},
	},
	{
		id: "Q11", by: "D07", entry: "DS12", items: []string{"cyrs", "zcze"}, dimension: "0501", symptom: "stale", severity: "minor", count: 1_032,
		reported: "2025-09-10 14:00",
		text:     "2024年度年报填写2023年数据 Reports for 2024 hold the figures of 2023",
		end: &closing{"2025-10-22 10:40", "D07", "fixed",
			"企业更正后复核 Checked after the companies corrected them", ""},
	},
	{
		id: "Q12", by: "D04", agreement: "A09", entry: "DS23", items: []string{"shzt"}, dimension: "0304", symptom: "wrong", severity: "blocking", count: 7,
		reported: "2026-01-05 09:25", run: "J04 2025-12-31",
		text: "健在人员被标为死亡（按姓名加出生日期匹配误配） Living persons marked dead, matched by name and date of birth",
		end: &closing{"2026-01-28 11:00", "D04", "fixed",
			"融合规则改为仅按身份号码匹配；答复逾期 The match now goes by identity number only; the answer came late", "J04 2026-01-28"},
	},
	{
		id: "Q13", by: "C02", agreement: "A04", entry: "DS04", items: []string{"zt"}, dimension: "0502", symptom: "stale", severity: "major", count: 38,
		reported: "2025-12-15 16:05",
		text:     "报废车辆仍为正常，救助申请被拒 Scrapped cars still registered as in use; applicants were refused for them",
		end: &closing{"2026-01-15 10:20", "C02", "fixed",
			"状态改为逐日推送 The state is now sent every day", ""},
	},
	{
		id: "Q14", by: "D07", entry: "DS03", dimension: "0601", symptom: "unavailable", severity: "major",
		reported: "2026-02-25 09:40", run: "J05 2026-02-25",
		text: "居住证接口中断三天，未提前告知 The interface to the residence permits was down for three days without notice",
		end: &closing{"2026-03-02 09:00", "D07", "fixed",
			"接口恢复并补采 The interface is back and the gap was loaded", "J05 2026-02-27 10:20"},
	},
}

// A correction is what the law asks of the provider within ten working days. CR2
// was four days late.
type correction struct{ received, answered, verdict, action string }

var corrections = map[string]correction{
	"Q01": {"2025-12-08 10:30", "2025-12-19 16:00", events.VerdictConfirmed, "fixed"},
	"Q12": {"2026-01-05 10:00", "2026-01-23 17:20", events.VerdictConfirmed, "fixed"},
	"Q08": {"2026-01-26 09:40", "2026-02-06 16:00", events.VerdictUnfounded, "refused"},
}

// issueSteps reports the issues and tells the loop of those that came to an end:
// taken up by the data bureau, assigned to the provider, answered, put right,
// checked again by who found it, closed.
func issueSteps() []Step {
	var steps []Step
	for _, q := range issues {
		steps = append(steps, record(q.event(on(q.reported), "reported", q.by, q.report()), q.id+" is reported: "+q.text))
		if q.end != nil {
			steps = append(steps, q.loop()...)
		}
	}
	steps = append(steps, markSteps()...)
	return append(steps, propagationSteps()...)
}

func (q issue) loop() []Step {
	c := q.end
	end, provider := on(c.at), entryOf(q.entry).provider
	took := on(q.reported).Add(20 * time.Minute)
	steps := []Step{
		record(q.event(took, "accepted", "D07", &events.QualityIssueAccepted{Issue: q.id, By: "D07"}), q.id+" is accepted"),
		record(q.event(took.Add(5*time.Minute), "assigned", "D07", &events.QualityIssueAssigned{
			Issue: q.id, By: "D07", To: provider, Capacity: capacity(q.entry)}), q.id+" is assigned to "+provider),
	}
	if c.outcome != events.OutcomeWontFix {
		received, answered := took.Add(10*time.Minute), took.AddDate(0, 0, 6)
		if last := end.Add(-3 * time.Hour); answered.After(last) {
			answered = last
		}
		verdict, action := events.VerdictConfirmed, "fixed"
		if cr, ok := corrections[q.id]; ok {
			received, answered, verdict, action = on(cr.received).Add(time.Hour), on(cr.answered), cr.verdict, cr.action
		}
		steps = append(steps,
			record(q.correction(received, "received", provider, &events.CorrectionReceived{Issue: q.id, By: provider, From: q.by}), provider+" has the request to correct "+q.id),
			record(q.correction(answered, "answered", provider, &events.CorrectionAnswered{
				Issue: q.id, By: provider, Verdict: verdict, Action: action, Reason: c.text}), provider+" answers: "+verdict))
	}
	if c.outcome == events.OutcomeFixed {
		steps = append(steps,
			record(q.event(end.Add(-2*time.Hour), "rectified", provider, &events.QualityIssueRectified{Issue: q.id, By: provider, Run: runID(c.run)}), provider+" put "+q.id+" right"),
			record(q.event(end.Add(-time.Hour), "rechecked", c.by, &events.QualityIssueRechecked{Issue: q.id, By: c.by, Outcome: "pass"}), q.id+" is checked again by "+c.by))
	}
	return append(steps, record(q.event(end, "closed", c.by, &events.QualityIssueClosed{
		Issue: q.id, By: c.by, Outcome: c.outcome, Reason: c.text, FixedByRun: runID(c.run),
	}), q.id+" is closed: "+c.outcome))
}

// capacity is what the provider of an entry is to its data.
func capacity(entry string) string {
	if entryOf(entry).fused {
		return "fusing"
	}
	return "source"
}

// markSteps: that one person has two numbers is blocking, so the column bears a
// mark until it is put right; so did the column that called living persons dead.
func markSteps() []Step {
	q05, q12 := issueOf("Q05"), issueOf("Q12")
	at := on("2025-10-16 09:00")
	return []Step{
		record(q05.event(at, "accepted", "D07", &events.QualityIssueAccepted{Issue: q05.id, By: "D07"}), "Q05 is accepted"),
		record(q05.mark(at.Add(10*time.Minute), "重号人员 persons with two numbers"), "DS01's identity numbers are marked as disputed"),
		record(q05.event(at.Add(30*time.Minute), "assigned", "D07", &events.QualityIssueAssigned{
			Issue: q05.id, By: "D07", To: "D01", Capacity: "source"}), "Q05 is assigned to D01"),
		record(q12.mark(on("2026-01-05 11:30"), "按姓名匹配人员 persons matched by name"), "DS23's state of life is marked as disputed"),
		record(q12.event(on("2026-01-28 10:30"), "unmarked", "D07", &events.QualityIssueUnmarked{Issue: q12.id, By: "D07"}), "the mark on DS23 is taken away"),
	}
}

// mark says that the items of an issue are disputed.
func (q issue) mark(at time.Time, scope string) events.Event {
	return q.event(at, "marked", "D07", &events.QualityIssueMarked{Issue: q.id, By: "D07", Entry: q.entry, Items: q.items, Scope: scope})
}

func issueOf(id string) issue { return find(issues, id, func(q issue) string { return q.id }) }

// propagationSteps tell the recipients of DS02 that Q01 was put right there.
func propagationSteps() []Step {
	q, at := issueOf("Q01"), on("2025-12-19 17:00")
	return []Step{record(q.correction(at, "propagated", "D01", &events.CorrectionPropagated{Issue: q.id, By: "D01", Recipients: []events.Recipient{
		{Party: "D03", Agreement: "A02", Told: events.TimeOf(at), Acknowledged: events.TimeOf(on("2025-12-22 09:10"))},
		{Party: "D07", Told: events.TimeOf(at), Acknowledged: events.TimeOf(on("2025-12-20 08:40"))},
	}}), "D03 and D07 are told that DS02 was put right")}
}

func (q issue) correction(at time.Time, verb, party string, data events.Data) events.Event {
	e := q.event(at, verb, party, data)
	e.ID, e.Type = q.id+"-correction-"+verb, "correction.request."+verb
	if verb == "propagated" {
		e.Type = "correction.propagated"
	}
	return e
}

func (q issue) event(at time.Time, verb, party string, data events.Data) events.Event {
	return events.Event{
		ID: q.id + "-" + verb, Source: qualitySource, Type: "quality.issue." + verb, Time: events.TimeOf(at),
		Party: party, Actor: actor(party, "data_steward"), Correlation: "issue-" + q.id, Data: data,
	}
}

func (q issue) report() *events.QualityIssueReported {
	e := entryOf(q.entry)
	r := &events.QualityIssueReported{
		Issue: q.id, By: q.by, Agreement: q.agreement,
		Entry: q.entry, EntryVersion: versionAt(q.entry, on(q.reported)),
		Dataset: events.DatasetRef{Namespace: e.table.namespace, Name: e.table.name}, Items: q.items,
		Dimension: "GB36344:" + q.dimension, Symptom: q.symptom, Severity: q.severity, Count: q.count,
		Run: runID(q.run), Description: q.text,
	}
	if q.count > 0 { // a keyed reference to a row, as the finder's system makes them
		r.SampleRefs = []string{digest("sample/" + q.id + "/1"), digest("sample/" + q.id + "/2")}
	}
	return r
}

// runID finds the first run that a job began at a day, or at a day and time, "J04
// 2025-12-24"; empty for none.
func runID(ref string) string {
	if ref == "" {
		return ""
	}
	r := find(runs(), ref, func(r run) string {
		return (r.job.id + " " + r.start.Format("2006-01-02 15:04"))[:len(ref)]
	})
	return r.id()
}
