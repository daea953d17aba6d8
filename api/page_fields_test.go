package api

import (
	"fmt"
	"strings"
	"testing"
)

// TestPagesOfEntriesSayAllTheyHold: what the law asks an entry and an agreement to say is
// on their pages, in both languages, and so is what was flagged, announced and verified
// beside them; not before it was recorded.
func TestPagesOfEntriesSayAllTheyHold(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	entry := strings.Replace(entryData("DS40", 1, "火化信息"), `"sharing":{`, `"class_path":["民政","殡葬"],"class_scheme":"gc-2017","format":"spreadsheet","format_detail":"xlsx","update_interval":"P10D",
		"note":"首次编制","open":{"open":true,"conditions":"逐户查询"},"source_systems":["殡葬系统"],"contact":"民政厅共享处","specification":"guide-2025","sharing":{"conditions":"不得留存","methods":["api"],`, 1)
	entry = strings.Replace(entry, `"id":"gmsfhm","name":"公民身份号码","type":"text"`, `"id":"gmsfhm","name":"公民身份号码","type":"text","code_set":"GB 11643"`, 1)
	f.post(oneLine(ce("e40", "catalog.entry.drafted", entry)))
	agreement := `{"agreement":"A40","provider":"D01","consumer":"D03","grants":[{"entry":"DS02","entry_version":1,"items":["gmsfhm"]}],"purposes":["audit"],"method":"api",
		"valid_from":"2026-01-01T00:00:00+08:00","valid_to":"2026-12-31T00:00:00+08:00","onward":"forbidden","legal_basis":[{"instrument":"cn809","article":"21"}],"approved_by":"h1","contract":"c0ffee40"}`
	f.post(oneLine(ce("a40", "share.agreement.activated", agreement)))
	f.caughtUp()
	before := f.ledger.Head().Size - 1
	digest := strings.Repeat("A", 43) + "="
	anomaly := f.post(ce("n40", "access.anomaly.flagged", `{"anomaly":"AN40","by":"D07","rule":"volume_at_night","provider":"D01","consumer":"D03","agreement":"A40","entry":"DS02",
		"period":{"from":"2026-01-05T00:00:00+08:00","to":"2026-01-06T00:00:00+08:00"},"facts":[1],"severity":"major"}`)).Position
	need := f.post(ce("w40", "share.need.announced", `{"need":"N40","by":"D03","to":"D07","title":"火化日期","purposes":["benefit_eligibility"],"legal_basis":[{"instrument":"cn809","article":"20"}],"reason":"目录中没有"}`)).Position
	set := f.post(ce("s40", "reference.codeset.published", `{"code_set":"GB 11643","version":"1999","by":"D07","title":"公民身份号码","source":"https://std.samr.gov.cn","digest":"`+digest+`"}`, "party", `"D07"`)).Position
	verified := f.post(ce("v40", "ledger.verification.completed", `{"verification":"V40","by":"D07","first":0,"last":3,"result":"passed","tool":"verify.py","tool_version":"1"}`)).Position
	f.caughtUp()
	for page, words := range map[string][2][]string{
		"/entries/DS40":    {{"民政 › 殡葬", "spreadsheet", "xlsx", "P10D", "不得留存", "interface", "GB 11643", "gc-2017", "逐户查询", "殡葬系统", "民政厅共享处", "guide-2025"}, {"电子表格", "接口", "每日"}},
		"/agreements/A40":  {{"c0ffee40", "h1", "audit"}, {"合同文本", "审计监督"}},
		"/duties":          {{"Needs announced", "火化日期"}, {"已公布的数据需求"}},
		"/entries/DS02":    {{"Unusual calls"}, {"异常调用"}},
		"/health":          {{"Verified by others"}, {"由他人核验"}},
		"/catalog?text=火化": {{"火化信息"}, {}},
	} {
		for language, lang := range []string{"en", "zh-CN"} {
			body := string(f.get(withParam(page, "lang="+lang)).body)
			for _, word := range words[language] {
				if !strings.Contains(body, word) {
					t.Errorf("%s in %s lacks %q", page, lang, word)
				}
			}
		}
	}
	for _, c := range []struct {
		page     string
		position int64
	}{
		{"/entries/DS02", anomaly}, {"/agreements/A40", anomaly}, {"/duties", need}, {"/duties?party=D03", need},
		{"/entries/DS40", set}, {"/health", verified},
	} {
		link := fmt.Sprintf("/events/%d", c.position)
		if body := string(f.get(c.page).body); !strings.Contains(body, link+`"`) {
			t.Errorf("%s does not lead to %s", c.page, link)
		}
		if body := string(f.get(withParam(c.page, fmt.Sprintf("as_of=%d", before))).body); strings.Contains(body, link+`"`) || strings.Contains(body, link+"?") {
			t.Errorf("%s as of %d leads to %s, which is later", c.page, before, link)
		}
	}
	for page, link := range map[string]string{"/agreements/A02": fmt.Sprintf("/events/%d", anomaly), "/duties?state=open": fmt.Sprintf("/events/%d", need)} {
		if body := string(f.get(page).body); strings.Contains(body, link+`"`) {
			t.Errorf("%s leads to %s, which is about something else", page, link)
		}
	}
}

// TestAnswersSayAllTheyHold: optional fields reach the answers about what they are of.
func TestAnswersSayAllTheyHold(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	const call = `"provider":"D01","consumer":"D03","system":"pension_office","agreement":"A02","purpose":"benefit_eligibility","entry":"DS02","method":"api","columns":["gmsfhm"]`
	f.post(ce("c50", "access.call.recorded", `{"call":"c50",`+call+`,"row_count":1,"result":"ok"}`))
	f.post(ce("c51", "access.call.denied", `{"call":"c51",`+call+`,"agreement_version":1,"reason":"rate"}`))
	f.post(ce("m50", "quality.run.completed", `{"run":"M50","by":"D01","entry":"DS02","batch":"b50","results":[{"rule":"QR1","conforming":1,"measured":2,"pass":false}]}`))
	f.post(ce("a50", "share.agreement.amended", `{"agreement":"A02","version":2,"by":"D01","grants":[{"entry":"DS02","entry_version":1,"items":["gmsfhm"]}],"purposes":["benefit_eligibility"],"method":"api",
		"valid_to":"2026-12-31T00:00:00+08:00","onward":"forbidden","contract":"c0ffee50"}`))
	f.caughtUp()
	for path, want := range map[string]string{
		"/v1/accesses?agreement=A02&result=ok":     `"system":"pension_office"`,
		"/v1/accesses?agreement=A02&result=denied": `"system":"pension_office"`,
		"/v1/accesses?system=pension_office":       `"call":"c51"`,
		"/accesses?system=pension_office":          `<span class="small">pension_office</span>`,
		"/v1/checks?entry=DS02":                    `"batch":"b50"`,
		"/v1/agreements/A02":                       `"contract":"c0ffee50"`,
	} {
		if r := f.get(path); !strings.Contains(string(r.body), want) {
			t.Errorf("%s lacks %s: %d %s", path, want, r.status, r.body)
		}
	}
	if r := f.get("/v1/accesses?system=nobody"); !strings.Contains(string(r.body), `"accesses":[]`) {
		t.Errorf("calls of an application that made none: %s", r.body)
	}
}
