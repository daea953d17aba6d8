package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ledgerline/events"
)

// revision is a later version of an entry, and how it came into force.
type revision struct {
	entry                         string
	revised, submitted, published string
	// change makes the version of the one before, and says which path changed.
	change func(*entry) string
	// duty is what it answers; nil for a revision that nobody had to ask for.
	duty *updateDuty
}

// updateDuty is a duty to bring an entry up to date: the law gives ten working days
// from the day that triggered it.
type updateDuty struct {
	entry, opened    string
	trigger, on      string
	basis            string
	closed, closedBy string // empty: it is still open
}

// permitsDuty: a duty moved by law on 22 December 2025, so the second version of
// DS03 was due on 6 January. It came on the 7th and was published on the 8th;
// until then the first version was in force.
var permitsDuty = updateDuty{
	entry: "DS03", opened: "2025-12-23 09:20", trigger: "duty_change", on: "2025-12-22", basis: "云泽省居住证管理办法 第八条",
	closed: "2026-01-07 10:16", closedBy: "D01",
}

// openDuties are not met when the story ends: the first is overdue by then, the
// second due three working days later.
var openDuties = []updateDuty{
	{entry: "DS05", opened: "2026-03-10 10:00", trigger: "law_change", on: "2026-03-09", basis: "出生医学证明管理办法（2026年修订）"},
	{entry: "DS07", opened: "2026-03-23 10:00", trigger: "state_council_decision", on: "2026-03-20", basis: "婚姻登记全国通办的决定"},
}

// revisions in the order in which they came into force.
var revisions = []revision{
	{"DS12", "2025-10-20 10:00", "2025-10-21 09:30", "2025-10-22 09:40", says("自本年起按报告年度校验。Checked against the year reported, from this year on."), nil},
	{"DS11", "2025-11-03 10:10", "2025-11-04 09:30", "2025-11-05 09:30", coded("hydm", "GB/T 4754-2017"), nil},
	{"DS16", "2025-11-17 14:00", "2025-11-18 10:00", "2025-11-19 15:00", says("每月1日发放。Paid on the first of each month."), nil},
	{"DS24", "2025-12-01 09:40", "2025-12-02 10:20", "2025-12-03 11:00", coded("nsrzt", "税务登记状态代码"), nil},
	{"DS08", "2025-12-09 09:30", "2025-12-10 09:00", "2025-12-11 14:00", coded("gmsfhm", "GB 11643-1999"), nil},
	{"DS17", "2025-12-08 15:10", "2025-12-09 16:00", "2025-12-11 09:20", says("含灵活就业人员。Includes persons in flexible employment."), nil},
	{"DS02", "2025-12-22 10:30", "2025-12-23 11:00", "2025-12-24 16:30", says("死亡日期以证明文件为准。The date of death is that of the certificate."), nil},
	{"DS03", "2026-01-05 16:20", "2026-01-07 10:15", "2026-01-08 10:00", permitsRevised, &permitsDuty},
	{"DS04", "2026-01-12 10:00", "2026-01-13 10:00", "2026-01-14 16:00", says("状态逐日推送。The state is sent every day."), nil},
	{"DS23", "2026-01-26 10:00", "2026-01-27 09:30", "2026-01-28 09:00", says("死亡信息仅按身份号码匹配。Deaths are matched by identity number only."), nil},
	{"DS18", "2026-02-02 10:00", "2026-02-03 10:00", "2026-02-04 15:40", coded("nsrzt", "税务登记状态代码"), nil},
	{"DS15", "2026-02-09 09:30", "2026-02-10 09:30", "2026-02-11 10:10", coded("cbdw", "GB 32100-2015"), nil},
	{"DS25", "2026-02-24 10:00", "2026-02-25 10:00", "2026-02-26 11:20", coded("swly", "数源目录代码"), nil},
	{"DS21", "2026-03-16 10:00", "2026-03-17 10:00", "2026-03-18 14:30", says("2008年以前的登记可能缺权利人号码。Records from before 2008 may lack the owner's number."), nil},
}

// says adds a sentence to the summary.
func says(sentence string) func(*entry) string {
	return func(e *entry) string {
		e.abstract += sentence
		return "/summary"
	}
}

// coded gives an item another code set.
func coded(id, codes string) func(*entry) string {
	return func(e *entry) string {
		i := slices.IndexFunc(e.items, func(it item) bool { return it.id == id })
		e.items = slices.Clone(e.items)
		name, _, _ := strings.Cut(e.items[i].title, "（")
		e.items[i].title = name + "（" + codes + "）"
		return fmt.Sprintf("/items/%d/code_set", i)
	}
}

// permitsRevised: the permit now names the community as well.
func permitsRevised(e *entry) string {
	at := slices.IndexFunc(e.items, func(i item) bool { return i.id == "jzd_qh" }) + 1
	e.items = slices.Insert(slices.Clone(e.items), at, item{"jzd_sq", "C12", "", "居住地社区", "community of residence"})
	return fmt.Sprintf("/items/%d", at)
}

// revisionSteps tells the later versions, and the duties to make them.
func revisionSteps() []Step {
	var steps []Step
	for _, r := range revisions {
		w, path := r.writer()
		steps = append(steps, w.approved(on(r.submitted))...)
		steps = append(steps,
			w.revised(on(r.revised), r.why(), path),
			w.submitted(on(r.submitted), events.SubmissionUpdate, r.duty),
			w.published(on(r.published)))
		if r.duty != nil {
			steps = append(steps, r.duty.steps(w)...)
		}
	}
	for _, d := range openDuties {
		e, version := entryAt(d.entry, on(d.opened))
		steps = append(steps, d.steps(writer{e, version + 1})...)
	}
	return steps
}

// why is what the department says of the version.
func (r revision) why() string {
	if r.duty != nil {
		return "依据 As laid down in " + r.duty.basis
	}
	return "年度核对 The yearly check of the catalog"
}

// writer writes the events of the version, whose change it also names.
func (r revision) writer() (w writer, path string) {
	e, version := entryAt(r.entry, on(r.revised))
	path = r.change(&e)
	return writer{e, version + 1}, path
}

// steps open the duty, and close it by the version of w.
func (d updateDuty) steps(w writer) []Step {
	event := func(at, verb, party string, data events.Data) events.Event {
		e := w.event(on(at), verb, party, data)
		e.Type = "catalog.update_duty." + verb
		return e
	}
	steps := []Step{record(event(d.opened, "opened", "D07", &events.UpdateDutyOpened{
		Duty: d.id(), Entry: d.entry, Trigger: d.trigger, TriggerDate: events.TimeOf(day(d.on)), Basis: d.basis, By: "D07",
	}), d.entry+" has to be brought up to date: "+d.trigger)}
	if d.closed == "" {
		return steps
	}
	return append(steps, record(event(d.closed, "closed", d.closedBy, &events.UpdateDutyClosed{
		Duty: d.id(), Entry: d.entry, ByVersion: w.version, By: d.closedBy,
	}), fmt.Sprintf("the duty is met by version %d", w.version)))
}

func (d updateDuty) id() string { return "UD-" + d.entry }

// entryAt is the entry, and its version, in force at a time.
func entryAt(id string, at time.Time) (entry, int) {
	e, version := entryOf(id), 1
	for _, r := range revisions {
		if r.entry == id && !at.Before(on(r.published)) {
			r.change(&e) // of a copy
			version++
		}
	}
	return e, version
}

// versionAt is the version of an entry in force at a time.
func versionAt(id string, at time.Time) int {
	_, version := entryAt(id, at)
	return version
}
