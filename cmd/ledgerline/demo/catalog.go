package demo

import (
	"fmt"
	"time"

	"ledgerline/events"
)

// course is how an entry's first version came into force.
type course struct{ entry, drafted, submitted, published string }

// courses are the plain ones. DS06 came back once, and is told apart.
var courses = []course{
	{"DS01", "2025-08-01 10:05", "2025-08-04 09:12", "2025-08-06 15:02"},
	{"DS02", "2025-08-01 10:31", "2025-08-04 09:14", "2025-08-06 15:04"},
	{"DS03", "2025-08-01 10:52", "2025-08-04 09:15", "2025-08-06 15:05"},
	{"DS04", "2025-08-01 11:20", "2025-08-04 09:17", "2025-08-06 15:07"},
	{"DS05", "2025-08-04 10:02", "2025-08-05 14:20", "2025-08-07 10:11"},
	{"DS07", "2025-08-04 14:10", "2025-08-05 16:33", "2025-08-07 10:16"},
	{"DS08", "2025-08-04 14:35", "2025-08-05 16:34", "2025-08-07 10:17"},
	{"DS09", "2025-08-04 15:02", "2025-08-05 16:36", "2025-08-07 10:19"},
	{"DS10", "2025-08-04 15:21", "2025-08-05 16:38", "2025-08-07 10:20"},
	{"DS11", "2025-08-04 09:30", "2025-08-05 11:02", "2025-08-07 09:31"},
	{"DS12", "2025-08-04 09:55", "2025-08-05 11:04", "2025-08-07 09:33"},
	{"DS14", "2025-08-04 10:18", "2025-08-05 11:05", "2025-08-07 09:34"},
	{"DS26", "2025-08-04 10:40", "2025-08-05 11:07", "2025-08-07 09:36"},
	{"DS13", "2025-08-05 09:40", "2025-08-07 16:01", "2025-08-08 11:42"},
	{"DS18", "2025-08-05 10:02", "2025-08-07 16:03", "2025-08-08 11:45"},
	{"DS19", "2025-08-05 10:15", "2025-08-07 16:04", "2025-08-08 11:46"},
	{"DS15", "2025-08-05 13:30", "2025-08-06 17:10", "2025-08-08 14:20"},
	{"DS16", "2025-08-05 13:58", "2025-08-06 17:12", "2025-08-08 14:21"},
	{"DS17", "2025-08-05 14:21", "2025-08-06 17:13", "2025-08-08 14:23"},
	{"DS23", "2025-08-06 09:10", "2025-08-07 09:02", "2025-08-11 09:30"},
	{"DS24", "2025-08-06 09:48", "2025-08-07 09:05", "2025-08-11 09:32"},
	{"DS21", "2025-08-11 10:20", "2025-08-14 15:00", "2025-08-20 10:05"},
	{"DS22", "2025-08-18 09:33", "2025-08-20 11:20", "2025-08-25 16:12"},
	{"DS20", "2025-09-10 15:40", "2025-09-12 10:10", "2025-09-18 09:55"},
	{"DS25", "2025-12-10 09:20", "2025-12-15 14:30", "2025-12-18 10:40"},
}

// catalogSteps tells how the catalog came to be, and what became of it.
func catalogSteps() []Step {
	var steps []Step
	for _, c := range courses {
		w := writer{entryOf(c.entry), 1}
		steps = append(steps,
			w.drafted(on(c.drafted)))
		steps = append(steps, w.approved(on(c.submitted))...)
		steps = append(steps,
			w.submitted(on(c.submitted), events.SubmissionFirst, nil),
			w.published(on(c.published)))
	}
	steps = append(steps, certificateSteps()...)
	steps = append(steps, revisionSteps()...)
	steps = append(steps, resourceSteps()...)
	return append(steps, withdrawalSteps()...)
}

// certificateSteps: DS06 is returned, because the cause of death was not marked
// as sensitive, and revised.
func certificateSteps() []Step {
	first, second := writer{certificatesFirstDraft(), 1}, writer{entryOf("DS06"), 1}
	steps := append(first.approved(on("2025-08-05 14:22")), second.approved(on("2025-08-13 09:30"))...)
	return append(steps,
		first.drafted(on("2025-08-04 10:27")),
		first.submitted(on("2025-08-05 14:22"), events.SubmissionFirst, nil),
		first.returned(on("2025-08-07 10:14"),
			"根本死因编码属于敏感个人信息，应予标注 The coded cause of death is sensitive personal information and must be marked"),
		second.revised(on("2025-08-12 09:05"), "按退回意见标注 Marked as the return asks", fmt.Sprintf("/items/%d/personal", icdItem)),
		second.submitted(on("2025-08-13 09:30"), events.SubmissionFirst, nil),
		second.published(on("2025-08-15 15:26")),
	)
}

// resourceSteps: the tax office attaches the table of DS19 to its entry, has it
// refreshed for half a year, and takes it down on 20 February 2026. The entry stays
// published, and nothing can be had.
func resourceSteps() []Step {
	w := writer{entryOf("DS19"), 1}
	event := func(at time.Time, verb string, data events.Data) events.Event {
		e := w.event(at, verb, w.provider, data)
		e.Type = "catalog.resource." + verb
		return e
	}
	id := "RS-" + w.id
	steps := []Step{record(event(on("2025-08-08 15:00"), "attached", &events.ResourceAttached{
		Resource: id, Entry: w.id, By: w.provider, Dataset: events.DatasetRef{Namespace: w.table.namespace, Name: w.table.name}, Method: w.method(),
	}), "the table of DS19 is attached")}
	for m := range 6 {
		from := time.Date(2025, time.August+time.Month(m), 1, 0, 0, 0, 0, china)
		to := from.AddDate(0, 1, 0)
		steps = append(steps, record(event(to.Add(5*time.Hour), "refreshed", &events.ResourceRefreshed{
			Resource: id, Entry: w.id, Period: events.Period{From: events.TimeOf(from), To: events.TimeOf(to)}, Rows: 1_100 + 60*m,
			Watermark: events.TimeOf(to), ExpectedBy: events.TimeOf(to.AddDate(0, 1, 1)), Digest: digest(id + to.Format(time.DateOnly)),
		}), "the table of DS19 is refreshed"))
	}
	return append(steps, record(event(on("2026-02-20 18:00"), "detached", &events.ResourceDetached{
		Resource: id, Entry: w.id, By: w.provider, Reason: "接口迁移，恢复时间未定 The interface moves; nobody says until when",
	}), "the table of DS19 is taken down"))
}

// withdrawalSteps: DS26 is withdrawn by the body that took it over.
func withdrawalSteps() []Step {
	w := writer{entryOf("DS26"), 1}
	w.provider = "D02"
	at := on("2025-11-24 14:00")
	return []Step{
		w.submitted(on("2025-11-20 09:40"), events.SubmissionWithdrawal, nil),
		record(w.event(at, "withdrawn", w.authority(), &events.EntryWithdrawn{
			Entry: w.id, By: w.authority(),
			Reason: "九位代码已停用，需求由 DS11 满足 The nine-digit codes are out of use; DS11 answers the need",
			Basis:  "政务数据共享条例 第十七条",
		}), w.id+" is withdrawn"),
	}
}

// writer writes the events of one version of an entry.
type writer struct {
	entry
	version int
}

// authority is the competent department: of the city for the city's bodies.
func (w writer) authority() string {
	if partyOf(w.provider).level == "city" {
		return "C01"
	}
	return "D07"
}

func (w writer) event(at time.Time, verb, party string, data events.Data) events.Event {
	return events.Event{
		ID:     fmt.Sprintf("%s-v%d-%s-%s", w.id, w.version, verb, at.Format("20060102")),
		Source: catalogSource, Type: "catalog.entry." + verb, Time: events.TimeOf(at),
		Party: party, Actor: actor(party, "catalog"), Correlation: fmt.Sprintf("catalog-%s-v%d", w.id, w.version),
		Data: data,
	}
}

func (w writer) drafted(at time.Time) Step {
	d := w.draft(w.version)
	return record(w.event(at, "drafted", w.provider, &d), w.id+" is drafted")
}

// revised is the next draft, with why it is made.
func (w writer) revised(at time.Time, why string, paths ...string) Step {
	d := events.EntryRevised(w.draft(w.version))
	d.ChangedPaths, d.Note = paths, why
	return record(w.event(at, "revised", w.provider, &d), w.id+" is revised")
}

// submitted hands the version in; duty is what it answers, nil for none.
func (w writer) submitted(at time.Time, kind string, duty *updateDuty) Step {
	d := &events.EntrySubmitted{Entry: w.id, Version: w.version, By: w.provider, To: w.authority(), SubmissionKind: kind}
	if duty != nil {
		d.UpdateDuty = duty.id()
	}
	return record(w.event(at, "submitted", w.provider, d), w.id+" is submitted: "+kind)
}

// approved are the two assessments of a version and its approval by the head of
// the department, in the hour and a half before it is submitted.
func (w writer) approved(submitted time.Time) []Step {
	var steps []Step
	for i, kind := range []string{events.AssessSecrecy, events.AssessPersonal} {
		e := w.event(submitted.Add(time.Duration(i-3)*30*time.Minute), "assessed", w.provider, &events.EntryAssessed{
			Entry: w.id, Version: w.version, By: w.provider, Kind: kind, Result: "passed", Method: "云数发〔2025〕11号 附表",
			Report: digest("assessment/" + w.id + "/" + kind),
		})
		e.ID += "-" + kind
		steps = append(steps, record(e, w.id+" passes the assessment: "+kind))
	}
	return append(steps, record(w.event(submitted.Add(-30*time.Minute), "department_approved", w.provider, &events.EntryDepartmentApproved{
		Entry: w.id, Version: w.version, By: w.provider, Approver: actor(w.provider, "dept_head"), ApproverRole: events.RoleDepartmentHead,
	}), w.id+" is approved by the head of its department"))
}

func (w writer) returned(at time.Time, reason string) Step {
	return record(w.event(at, "returned", w.authority(), &events.EntryReturned{
		Entry: w.id, Version: w.version, By: w.authority(), Reasons: []string{reason}, CompleteList: true,
	}), w.id+" is returned")
}

func (w writer) published(at time.Time) Step {
	return record(w.event(at, "published", w.authority(), &events.EntryPublished{
		Entry: w.id, Version: w.version, By: w.authority(),
		Announcement: at.Format("云数通告〔2006〕0102号"),
	}), fmt.Sprintf("%s v%d is published", w.id, w.version))
}
