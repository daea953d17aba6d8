package demo

import (
	"time"

	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// notices are when the State Council announced the holidays of a year, by the
// version of the calendar that knows them.
var notices = map[string]string{"2025": "2025-08-01 09:05", "2026": "2025-11-04 16:00"}

// lawSteps publish the regulation that the story is under, and the calendars its
// deadlines are counted by, each when it was known.
func lawSteps() []Step {
	publish := func(at time.Time, typ, id string, data events.Data, note string) Step {
		return recordAt(at, events.Event{
			ID: id, Source: catalogSource, Type: typ, Time: events.TimeOf(at), Party: "D07", Actor: actor("D07", "registrar"), Data: data,
		}, note)
	}
	var steps []Step
	for _, text := range rulepack.Calendars() {
		n, err := rulepack.ParseCalendar([]byte(text))
		if err != nil {
			panic("demo: " + err.Error()) // shipped with the program
		}
		c := n.Calendar()
		if at, told := notices[c.Version]; told && c.ID == "cn" {
			steps = append(steps, publish(on(at), "reference.calendar.published", "calendar-cn-"+c.Version,
				&events.CalendarPublished{Calendar: c.ID, Version: c.Version, By: "D07", Content: text, Change: c.Version + " 年节假日与调休 The holidays of the year, with the weekends moved for them"},
				"the working days of "+c.Version+" are known"))
		}
	}
	for _, text := range rulepack.Packs() {
		p, err := rulepack.ParsePack([]byte(text))
		if err != nil {
			panic("demo: " + err.Error())
		}
		if p.ID == "cn-809-2025" {
			steps = append(steps, publish(on("2025-08-01 09:05"), "reference.rulepack.published", "rulepack-"+p.ID,
				&events.RulePackPublished{Pack: p.ID, Version: p.Version, By: "D07", Content: text}, "the regulation takes effect"))
		}
	}
	return append(steps, publish(on("2026-03-30 10:00"), "reference.rulepack.published", "rulepack-yunze-terms",
		&events.RulePackPublished{Pack: "yunze-terms", Version: "1", By: "D07", Content: provinceTerms, Change: "首次发布 Published for the first time"}, "the province says what its departments call things"))
}

// provinceTerms is what the province calls fields and codes, in both languages. The pages
// use these words from then on; what it does not name they call as before.
const provinceTerms = `{
  "id": "yunze-terms", "version": "1",
  "title": {"en": "Words of the province of Yunze", "zh": "云泽省政务数据用语"},
  "source": "云数发〔2026〕12号",
  "labels": {
    "field": {
      "agreement": {"en": "sharing agreement", "zh": "共享协议"},
      "consumer": {"en": "using department", "zh": "用数部门"},
      "entry": {"en": "catalog entry", "zh": "目录条目"},
      "entry_version": {"en": "version of the entry", "zh": "目录版本"},
      "issue": {"en": "data quality issue", "zh": "数据质量问题"},
      "items": {"en": "items of the entry", "zh": "目录信息项"},
      "legal_basis": {"en": "legal basis of sharing", "zh": "共享依据"},
      "provider": {"en": "source department", "zh": "供数部门"},
      "purpose": {"en": "purpose of use", "zh": "用数目的"},
      "purposes": {"en": "purposes of use", "zh": "用数目的"},
      "request": {"en": "sharing request", "zh": "共享申请单"}
    },
    "method": {
      "api": {"en": "interface on the platform", "zh": "平台接口"},
      "batch": {"en": "exchange of batches", "zh": "批量交换"},
      "file": {"en": "file exchange", "zh": "文件交换"}
    },
    "severity": {
      "blocking": {"en": "stops the service", "zh": "影响办理"},
      "major": {"en": "serious", "zh": "较重"},
      "minor": {"en": "slight", "zh": "较轻"}
    },
    "sharing": {
      "conditional": {"en": "shared on conditions", "zh": "有条件共享类"},
      "not_shared": {"en": "not shared", "zh": "不予共享类"},
      "unconditional": {"en": "shared without conditions", "zh": "无条件共享类"}
    }
  }
}`
