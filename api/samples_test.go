package api

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"ledgerline/events/rulepack"
)

// ce writes a structured event.
func ce(id, typ, data string, attributes ...string) string {
	more := ""
	for i := 0; i < len(attributes); i += 2 {
		more += fmt.Sprintf(`,%q:%s`, attributes[i], attributes[i+1])
	}
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"urn:test","type":%q,"time":"2026-01-07T09:00:00+08:00"%s,"data":%s}`, id, typ, more, data)
}

func registered(id string) string { return body(id, "department") }

func body(id, kind string) string {
	return ce("register-"+id, "party.body.registered", fmt.Sprintf(`{"party":%q,"name":"部门 %s","name_en":"Department %s","kind":%q,"region":"990000","level":"provincial"}`, id, id, id, kind))
}

func entryData(id string, version int, title string) string {
	return fmt.Sprintf(`{"entry":%q,"version":%d,"provider":"D01","title":%q,"title_en":"Deaths","sharing":{"attribute":"conditional","range":"省级部门","purposes":["benefit_eligibility"]},
		"items":[{"id":"gmsfhm","name":"公民身份号码","type":"text"},{"id":"swrq","name":"死亡日期","type":"date"}],
		"update_frequency":"daily","grade":"general-2","region":"990000","resources":[{"namespace":"postgres://pop:5432","name":"hj.death","method":"database"}]}`, id, version, title)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// story are events that touch every view, in an order that is legal.
func story() []string {
	return []string{
		registered("D01"), registered("D03"),
		ce("e1", "catalog.entry.drafted", entryData("DS02", 1, "户籍注销信息")),
		ce("e1a", "catalog.entry.assessed", `{"entry":"DS02","version":1,"by":"D01","kind":"secrecy","result":"passed"}`),
		ce("e1b", "catalog.entry.assessed", `{"entry":"DS02","version":1,"by":"D01","kind":"personal_info","result":"passed"}`),
		ce("e1c", "catalog.entry.department_approved", `{"entry":"DS02","version":1,"by":"D01","approver":"9c01","approver_role":"dept_head"}`),
		body("D07", "authority"),
		ce("e2", "catalog.entry.submitted", `{"entry":"DS02","version":1,"by":"D01","to":"D07","submission_kind":"first"}`),
		ce("e3", "catalog.entry.published", `{"entry":"DS02","version":1,"by":"D07"}`),
		ce("a1", "share.agreement.activated", `{"agreement":"A02","provider":"D01","consumer":"D03","grants":[{"entry":"DS02","entry_version":1,"items":["gmsfhm"]}],"purposes":["benefit_eligibility"],"method":"api","valid_from":"2026-01-01T00:00:00+08:00","valid_to":"2026-12-31T00:00:00+08:00","onward":"forbidden","legal_basis":[{"instrument":"cn809","article":"21"}]}`),
		ce("c1", "access.call.recorded", `{"call":"c1","provider":"D01","consumer":"D03","agreement":"A02","purpose":"benefit_eligibility","entry":"DS02","entry_version":1,"method":"api","columns":["gmsfhm"],"row_count":1,"result":"ok"}`),
		ce("c2", "access.call.recorded", `{"call":"c2","provider":"D01","consumer":"D03","agreement":"A02","purpose":"benefit_eligibility","entry":"DS02","entry_version":1,"method":"api","columns":["swrq"],"row_count":1,"result":"ok"}`),
		ce("q1", "quality.issue.reported", `{"issue":"Q1","by":"D03","entry":"DS02","dimension":"timeliness","symptom":"stale","severity":"major","description":"两周未更新"}`),
	}
}

// tell appends the story and two runs of a job.
func (f *fixture) tell() {
	f.t.Helper()
	for _, e := range story() {
		f.post(e)
	}
	for _, state := range []string{"START", "COMPLETE"} {
		if r := f.do("POST", "/api/v1/lineage", runEvent(state)); r.status != 201 {
			f.t.Fatalf("%d %s", r.status, r.body)
		}
	}
	f.caughtUp()
}

// request tells of a request for what was shared without one.
func (f *fixture) request() {
	f.t.Helper()
	f.post(ce("h1", "party.sharing_body.designated", `{"party":"D03","unit":"数据处","head":"h3","from":"2026-01-01T00:00:00+08:00"}`))
	f.post(ce("r2", "share.request.submitted", `{"request":"R02","provider":"D01","consumer":"D03","asks":[{"entry":"DS02","entry_version":1,"items":["swrq"]}],"purposes":["benefit_eligibility"],
		"legal_basis":[{"instrument":"cn809","article":"20"}],"scenario":"待遇核验","necessity":"别无来源","method":"api","term":{"from":"2026-02-01T00:00:00+08:00","to":"2027-02-01T00:00:00+08:00"},"approved_by":"h3"}`))
	f.caughtUp()
}

// answered tells of a request that had to be supplemented and was granted in part, of
// the agreement that came of it, of its use, and of the law that it is under.
func (f *fixture) answered() {
	f.t.Helper()
	f.request()
	for i, text := range append(rulepack.Calendars(), rulepack.Packs()...) {
		content, err := json.Marshal(text)
		if err != nil {
			f.t.Fatal(err)
		}
		var of struct{ ID, Version string }
		if err := json.Unmarshal([]byte(text), &of, json.MatchCaseInsensitiveNames(true)); err != nil {
			f.t.Fatal(err)
		}
		kind, typ := "calendar", "reference.calendar.published"
		if i >= len(rulepack.Calendars()) {
			kind, typ = "pack", "reference.rulepack.published"
		}
		f.post(ce(fmt.Sprintf("law%d", i), typ, fmt.Sprintf(`{%q:%q,"version":%q,"by":"D07","content":%s}`, kind, of.ID, of.Version, content), "party", `"D07"`))
	}
	f.post(ce("h2", "party.sharing_body.designated", `{"party":"D01","unit":"数据处","head":"h1","from":"2026-01-01T00:00:00+08:00"}`))
	f.post(ce("r3", "share.request.submitted", `{"request":"R03","provider":"D01","consumer":"D03","asks":[{"entry":"DS02","entry_version":1,"items":["gmsfhm","swrq"]}],"purposes":["benefit_eligibility"],
		"legal_basis":[{"instrument":"cn809","article":"20"}],"scenario":"待遇核验","necessity":"别无来源","method":"api","term":{"from":"2026-02-01T00:00:00+08:00","to":"2027-02-01T00:00:00+08:00"},"approved_by":"h3"}`))
	for _, step := range [][2]string{
		{"received", `"by":"D01"`}, {"supplement_requested", `"by":"D01","missing":["授权书"]`}, {"supplemented", `"by":"D03","given":["授权书"]`},
		{"answered", `"by":"D01","outcome":"partially_granted","grants":[{"entry":"DS02","entry_version":1,"items":["swrq"]}],"ground":"not_necessary","reasons":["身份号码不必提供"],"approved_by":"h1"`},
	} {
		f.post(ce("r3-"+step[0], "share.request."+step[0], `{"request":"R03",`+step[1]+`}`))
	}
	f.post(ce("a3", "share.agreement.activated", `{"agreement":"A03","request":"R03","provider":"D01","consumer":"D03","grants":[{"entry":"DS02","entry_version":1,"items":["swrq"]}],"purposes":["benefit_eligibility"],"method":"api","valid_from":"2026-01-01T00:00:00+08:00","valid_to":"2026-12-31T00:00:00+08:00","onward":"forbidden","legal_basis":[{"instrument":"cn809","article":"21"}],"approved_by":"h1"}`))
	f.post(ce("c3", "access.call.recorded", `{"call":"c3","provider":"D01","consumer":"D03","agreement":"A03","purpose":"benefit_eligibility","entry":"DS02","entry_version":1,"method":"api","columns":["swrq"],"row_count":2,"result":"ok","data_subject":"person-9f3a"}`, "party", `"D03"`, "actor", `"official-7c"`))
	f.post(ce("u3", "usage.record.made", `{"record":"U03","agreement":"A03","by":"D03","period":{"from":"2026-01-01T00:00:00+08:00","to":"2026-01-07T00:00:00+08:00"},"scenario":"核验","process":"逐件比对","storage":"department_cloud","copies":1}`, "party", `"D03"`, "actor", `"official-7c"`))
	f.caughtUp()
}

const runID = "0198c5a2-6d10-7c3e-9f1b-3a52c7f0e001"

func runEvent(state string) string {
	return `{"eventType":"` + state + `","eventTime":"2026-01-07T01:30:00Z","run":{"runId":"` + runID + `"},"job":{"namespace":"etl","name":"merge"},
		"inputs":[{"namespace":"postgres://pop:5432","name":"hj.death"}],
		"outputs":[{"namespace":"hive","name":"pop.main","facets":{"columnLineage":{"_producer":"https://example.org/etl","_schemaURL":"https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json","fields":{"died":{"inputFields":[{"namespace":"postgres://pop:5432","name":"hj.death","field":"swrq"}]}}}}}],
		"producer":"https://example.org/etl","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}`
}
