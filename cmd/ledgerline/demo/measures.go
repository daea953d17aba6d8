package demo

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"ledgerline/events"
)

// measure is a quality rule of the platform, measured on the first Monday of each
// month, and the months (1 to 12, from September on) in which too few rows conformed.
// Each of these was reported as an issue.
type measure struct {
	entry, item string
	dimension   string // indicator of GB/T 36344-2018
	symptom     string
	severity    string
	expression  string
	failed      []int
	text        string
}

var measures = []measure{
	{"DS01", "hjd_qh", "0105", "wrong", "minor", "hjd_qh IN (SELECT code FROM gbt2260)", []int{9, 12, 3}, "行政区划代码已撤销 Region codes that no longer exist"},
	{"DS02", "swrq", "0301", "wrong", "major", "swrq <= zxrq", []int{9, 10, 11, 1}, "死亡日期晚于注销日期 Dates of death after the deregistration"},
	{"DS04", "syr_sfzh", "0302", "malformed", "minor", "check_digit(syr_sfzh)", []int{10, 1}, "所有人号码校验位错误 Owners' numbers with a wrong check digit"},
	{"DS05", "fqsfzh", "0201", "missing", "minor", "fqsfzh IS NOT NULL", []int{9, 10, 11, 12, 1, 2}, "父亲身份号码为空 No number of the father"},
	{"DS06", "swyy_icd", "0105", "wrong", "minor", "swyy_icd IN (SELECT code FROM icd10)", []int{11, 2}, "死因编码不在值域 Causes of death outside the code list"},
	{"DS07", "djrq", "0301", "wrong", "minor", "djrq <= CURRENT_DATE", []int{12}, "登记日期在未来 Dates of registration in the future"},
	{"DS08", "swrq", "0201", "missing", "major", "swrq IS NOT NULL", []int{9, 10, 11, 12}, "死亡日期仅有年月 Dates of death to the month only"},
	{"DS10", "fddbr", "0201", "missing", "minor", "fddbr IS NOT NULL", []int{10, 2}, "法定代表人为空 No legal representative"},
	{"DS11", "djjg_qh", "0105", "wrong", "minor", "djjg_qh IN (SELECT code FROM gbt2260)", []int{9, 1, 2}, "登记机关区划有误 Wrong region of the registering office"},
	{"DS12", "cyrs", "0301", "wrong", "minor", "cyrs BETWEEN 0 AND 500000", []int{11, 12}, "从业人数异常 Impossible numbers of employees"},
	{"DS15", "jfjs", "0301", "wrong", "major", "jfjs BETWEEN floor AND ceiling", []int{10, 11, 1, 2}, "缴费基数越界 Contribution bases out of bounds"},
	{"DS16", "ffje", "0303", "duplicate", "major", "count(*) OVER (PARTITION BY grbh, ffyf) = 1", []int{9, 12, 2}, "同月重复发放 Paid twice in a month"},
	{"DS18", "tyshxydm", "0302", "malformed", "minor", "check_digit(tyshxydm)", []int{10, 12, 1}, "信用代码校验错误 Credit codes with a wrong check character"},
	{"DS21", "mj", "0301", "wrong", "minor", "mj > 0", []int{11, 1, 2}, "面积为零 Areas of zero"},
	{"DS23", "csrq", "0401", "conflicting", "major", "csrq = substr(gmsfhm, 7, 8)", []int{10, 12, 3}, "出生日期与身份号码不符 Dates of birth that contradict the number"},
	{"DS24", "clrq", "0401", "conflicting", "minor", "clrq = source.clrq", []int{3}, "成立日期与来源不一致 Founding dates that differ from the source"},
}

// platform measures, and reports what it finds.
const platform = "X1"

func (m measure) rule() string { return "QR-" + m.entry + "-" + m.item }

// measuredOn is when a month's measurement is made: its first Monday.
func measuredOn(month int) time.Time {
	year := 2025
	if month < 8 {
		year++
	}
	d := time.Date(year, time.Month(month), 1, 8, 0, 0, 0, china)
	return d.AddDate(0, 0, (8-int(d.Weekday()))%7)
}

// measureSteps publish the rules and tell what each measurement found.
func measureSteps() []Step {
	var steps []Step
	published := on("2025-08-28 10:00")
	for _, m := range measures {
		steps = append(steps, recordAt(published, events.Event{
			ID: m.rule() + "-v1", Source: qualitySource, Type: "quality.rule.published", Time: events.TimeOf(published), Party: "D07", Actor: actor("D07", "data_steward"),
			Data: &events.QualityRulePublished{
				Rule: m.rule(), Version: 1, Owner: "D07", Dimension: "GB36344:" + m.dimension, Expression: m.expression,
				Entry: m.entry, Items: []string{m.item}, Threshold: 995_000, Severity: m.severity,
			},
		}, "a rule for "+m.entry+"."+m.item+" is published"))
		for _, month := range []int{9, 10, 11, 12, 1, 2, 3} {
			steps = append(steps, m.run(month))
		}
	}
	return steps
}

// run is a month's measurement.
func (m measure) run(month int) Step {
	at, e := measuredOn(month), entryOf(m.entry)
	measured := 40_000 + int(draw(60_000, m.rule(), fmt.Sprint(month)))
	d := &events.QualityRunCompleted{
		Run: m.runID(month), By: platform, Entry: m.entry, EntryVersion: versionAt(m.entry, at),
		Dataset: events.DatasetRef{Namespace: e.table.namespace, Name: e.table.name}, Engine: "云泽省数据质量平台 2.4",
		Batch: m.entry + at.Format("-200601"),
		Results: []events.QualityResult{{
			Rule: m.rule(), RuleVersion: 1, Item: m.item, Measured: measured, Conforming: measured - m.wrong(month, measured), Pass: !slices.Contains(m.failed, month),
		}},
	}
	return record(events.Event{
		ID: d.Run, Source: qualitySource, Type: "quality.run.completed", Time: events.TimeOf(at), Party: platform, Data: d,
	}, m.entry+"."+m.item+" is measured")
}

func (m measure) runID(month int) string { return m.rule() + measuredOn(month).Format("-200601") }

// wrong is how many rows did not conform: above or below one in two hundred.
func (m measure) wrong(month, measured int) int {
	allowed := measured / 200
	n := int(draw(uint64(allowed), "wrong", m.runID(month)))
	if slices.Contains(m.failed, month) {
		n += allowed + 1
	}
	return n
}

// measuredIssues are the issues of the measurements, numbered on from those of the
// story, in the order in which they were reported. Those of March are still open.
func measuredIssues(first int) []issue {
	var found []issue
	for _, m := range measures {
		for _, month := range m.failed {
			at := measuredOn(month).Add(90 * time.Minute)
			q := issue{
				by: platform, entry: m.entry, items: []string{m.item}, dimension: m.dimension, symptom: m.symptom, severity: m.severity,
				count: m.wrong(month, 80_000), reported: at.Format("2006-01-02 15:04"), text: m.text,
			}
			if days := 4 + int(draw(4, "days", m.runID(month))); month != 3 {
				q.end = &closing{
					at: at.AddDate(0, 0, days).Add(6 * time.Hour).Format("2006-01-02 15:04"), by: platform, outcome: events.OutcomeFixed,
					text: "来源已更正，复测通过 Corrected at the source; measured again and passed",
				}
			}
			found = append(found, q)
		}
	}
	slices.SortStableFunc(found, func(a, b issue) int { return cmp.Compare(a.reported, b.reported) })
	for i := range found {
		found[i].id = fmt.Sprintf("Q%02d", first+i)
	}
	return found
}
