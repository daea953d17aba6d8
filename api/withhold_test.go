package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ledgerline/events"
	"ledgerline/ledger/proof/evidence"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// secretly puts a value that begins with SECRET into each field of the story that readers
// can be kept from, as far as there is one.
var secretly = strings.NewReplacer(`"source":"urn:test"`, `"source":"urn:test","actor":"SECRETactor","onbehalfof":"SECRETother"`,
	`"approver":"9c01"`, `"approver":"SECRETapprover"`, `"method":"api","valid_from"`, `"approved_by":"SECRETapproved","method":"api","valid_from"`,
	`"row_count":1,"result"`, `"credential":"SECRETkey","request_no":"SECRETcase","request_digest":"SECRETasked","row_count":1,"result"`,
	"两周未更新", `SECRETtext","sample_refs":["SECRETrow"],"run":"`+runID, "person-9f3a", "SECRETperson", "gmsfhm = 4711", "SECRETquery",
	`"head":"h3"`, `"head":"SECREThead"`, `"approved_by":"h3"`, `"case_no":"SECRETno","approved_by":"SECREThead"`, "待遇核验", "SECRETscenario", "别无来源", "SECRETneed")

// withholdingFixture holds the story full of secrets, and gives tokens of an auditor who
// may see them and of one who is kept from every field.
func withholdingFixture(t *testing.T, change func(*Options)) (f *fixture, all, kept string) {
	tokens, bearer := principals(t)
	kept = mint(t, tokens, Principal{Name: "kept", Roles: []Role{RoleAuditor, RoleReviewer}, Withhold: events.WithholdableFields()}, time.Time{})
	f = newFixture(t, func(o *Options) {
		o.Tokens, o.UnrecordedReads = tokens, true
		if change != nil {
			change(o)
		}
	})
	told := append(story(), ce("p1", "access.call.recorded", fmt.Sprintf(called, "p1")),
		ce("h1", "party.sharing_body.designated", `{"party":"D03","unit":"数据处","head":"h3","from":"2026-01-01T00:00:00+08:00"}`),
		ce("r2", "share.request.submitted", `{"request":"R02","provider":"D01","consumer":"D03","asks":[{"entry":"DS02","entry_version":1,"items":["swrq"]}],"purposes":["benefit_eligibility"],
			"legal_basis":[{"instrument":"cn809","article":"20"}],"scenario":"待遇核验","necessity":"别无来源","method":"api","term":{"from":"2026-02-01T00:00:00+08:00","to":"2027-02-01T00:00:00+08:00"},"approved_by":"h3"}`),
		ce("d1", "disposal.duty.opened", `{"disposal":"X1","agreement":"A02","by":"D03","provider":"D01","consumer":"D03","cause":"not_needed","method":"erase","due":"2026-03-01T00:00:00+08:00"}`),
		ce("d2", "disposal.performed", `{"disposal":"X1","agreement":"A02","by":"D03","method":"erase","rows":1,"evidence":"SECRETdigest","witness":"SECRETwitness"}`))
	for _, e := range told {
		f.post(secretly.Replace(e))
	}
	run := strings.Replace(runEvent("COMPLETE"), `"job":{"namespace":"etl","name":"merge"}`,
		`"job":{"namespace":"etl","name":"merge","facets":{"sql":{"_producer":"https://example.org/etl","_schemaURL":"https://openlineage.io/spec/facets/1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet","query":"SECRETsql"}}}`, 1)
	if r := f.do("POST", "/api/v1/lineage", run); r.status != 201 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	f.caughtUp()
	return f, bearer[RoleAuditor], kept
}

// askedBySecret are questions that only who may see a field can ask.
var askedBySecret = []string{"/v1/events?actor=SECRETactor", "/events?actor=SECRETactor", "/v1/accesses?credential=SECRETkey", "/v1/accesses?actor=SECRETactor", "/uses?actor=SECRETactor", "/uses?credential=SECRETkey", "/v1/events/{call}/facets/query", "/v1/records/{call}"}

// TestWithheldFieldsOfEveryRoute: a caller who is kept from fields gets from each route all
// but these, and k counts them one by one.
func TestWithheldFieldsOfEveryRoute(t *testing.T) {
	f, all, kept := withholdingFixture(t, nil)
	fill := strings.NewReplacer("{mine}", fmt.Sprint(f.find(t, "Q1")), "{node}", url.QueryEscape("dataset:postgres://pop:5432/hj.death"))
	told := 0
	ask := func(rt route, question, body, who string) reply {
		headers := []string{"Content-Type", "application/json", "Authorization", "Bearer " + who}
		if rt.method == post && !strings.HasPrefix(rt.path, "/v1") {
			headers[1] = "application/x-www-form-urlencoded"
		}
		base, _, _ := strings.Cut(rt.path, "/{")
		return f.do(rt.method, fill.Replace(base+question), body, headers...)
	}
	for _, rt := range routes() {
		name := rt.method + " " + rt.path
		row, ok := scopedRoutes[name]
		if !ok || row.own == "stream" || row.own == "" && row.other != "" {
			continue
		}
		own, body := row.own, strings.ReplaceAll(row.body, "person-9f3a", "SECRETperson")
		if strings.HasSuffix(name, "/requests/{id}") {
			own = "/R02"
		}
		whole, r := ask(rt, own, body, all), ask(rt, own, body, kept)
		if whole.status != 200 {
			t.Errorf("%s%s: %d %.200s", name, own, whole.status, whole.body)
			continue
		}
		shown := unpacked(t, whole)
		secrets := int64(strings.Count(shown, "SECRET"))
		told += min(int(secrets), 1)
		if r.status == 403 && r.header.Get("Content-Type") == "application/problem+json" {
			if p := r.problem(t); p.Rule != "field.withheld" || p.Field == "" || rt.path != "/v1/records/{position}" && rt.path != "/v1/events/{position}/facets/{name}" && !strings.HasSuffix(rt.path, "/uses") {
				t.Errorf("%s%s: %+v", name, own, p)
			}
			continue
		}
		content := unpacked(t, r)
		if i := strings.Index(content, "SECRET"); i >= 0 || r.status != 200 {
			t.Errorf("%s%s: %d, shows what is withheld: …%.120s…", name, own, r.status, content[max(0, i-60):])
		}
		switch media := r.header.Get("Content-Type"); {
		case strings.HasPrefix(media, "text/html") && rt.path != "/bulletin":
			if !strings.Contains(content, "Complete for what you may see.") {
				t.Errorf("%s: the page does not say that it is not all", name)
			}
		case media == "application/json" && strings.Contains(content, `"ledger":`) && rt.path != "/v1/status" && rt.path != "/v1/proofs/completeness":
			st, full := standingOf(t, r), standingOf(t, whole)
			if full.Withheld != nil { // erasable content, on the route of one record
				secrets += *full.Withheld
			}
			if st.Withheld == nil || *st.Withheld != secrets || st.Says != fmt.Sprintf("complete for what you may see, %d withheld", secrets) && st.Complete {
				t.Errorf("%s%s: %d are withheld, and it says %+v", name, own, secrets, st)
			}
		}
	}
	if told < 12 {
		t.Errorf("%d routes have something to withhold", told)
	}
	// The OpenLineage events behind a graph are shown as they were received, or not at all.
	where := fill.Replace("/v1/lineage?node={node}&format=openlineage")
	whole, mine := f.get(where, "Authorization", "Bearer "+all), f.get(where, "Authorization", "Bearer "+kept)
	if !strings.Contains(string(whole.body), "SECRETsql") || strings.TrimSpace(string(mine.body)) != "[]" || mine.header.Get("Ledgerline-Withheld") != "1" {
		t.Errorf("%s, %s, %v", whole.body, mine.body, mine.header)
	}
}

// TestWithheldFieldsAreNotAskedBy: an answer that depends on a field tells what it holds.
func TestWithheldFieldsAreNotAskedBy(t *testing.T) {
	f, all, kept := withholdingFixture(t, nil)
	call := strings.NewReplacer("{call}", fmt.Sprint(positionOf(t, f, "p1")))
	for _, path := range askedBySecret {
		path = call.Replace(path)
		if r := f.get(path, "Authorization", "Bearer "+all); r.status != 200 {
			t.Errorf("%s: %d to somebody who may see it", path, r.status)
		}
		r := f.get(path, "Authorization", "Bearer "+kept)
		if r.status != 403 || strings.Contains(string(r.body), "SECRETactor\"") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

// positionOf is the position of the event of the tests' source with an id.
func positionOf(t *testing.T, f *fixture, id string) int64 {
	t.Helper()
	at, ok, err := f.ledger.Find("urn:test", id)
	if err != nil || !ok {
		t.Fatalf("no event %s: %v", id, err)
	}
	return at
}

// TestWithheldFieldsOfProofs: a body that bears a field from which its reader is kept is
// left out of proofs and bundles whole, and erasable parts by themselves; both stay
// verifiable and count what they lack.
func TestWithheldFieldsOfProofs(t *testing.T) {
	f, all, kept := withholdingFixture(t, nil)
	received := f.ledger.Head().Size - 1 // the last told: an OpenLineage event
	var whole, mine struct {
		Matches  int `json:"matches"`
		Withheld int `json:"withheld"`
	}
	f.get("/v1/proofs/completeness?key=agreement:A02", "Authorization", "Bearer "+all).into(t, &whole)
	r := f.get("/v1/proofs/completeness?key=agreement:A02", "Authorization", "Bearer "+kept)
	r.into(t, &mine)
	if whole.Withheld != 0 || mine.Matches != whole.Matches || mine.Withheld != whole.Matches {
		t.Errorf("%+v, %+v", whole, mine)
	}
	for _, c := range []struct {
		body          string
		parts, answer int
	}{
		{`{"share":{"agreement":"A02"}}`, whole.Matches, 1}, // the answer shows the agreement, with who approved it
		{fmt.Sprintf(`{"events":{"positions":[%d,0]}}`, positionOf(t, f, "p1")), 1, 0},
		// Of an OpenLineage event the raw body alone is a field that can be withheld.
		{fmt.Sprintf(`{"events":{"positions":[%d]}}`, received), 1, 0},
	} {
		r := f.do(post, "/v1/evidence", c.body, "Content-Type", "application/json", "Authorization", "Bearer "+kept)
		if r.status != 200 {
			t.Fatalf("%s: %d %s", c.body, r.status, r.body)
		}
		text := unpacked(t, r)
		report, err := evidence.Check(r.body, evidence.Trust{Keys: f.ledger.Keys()})
		if err != nil || strings.Contains(text, "SECRET") || report.Withheld != c.parts || !strings.Contains(text, fmt.Sprintf("%d withheld", c.parts+c.answer)) {
			t.Errorf("%s: %d parts are withheld, want %d: %v\n%.1200s", c.body, report.Withheld, c.parts, err, text)
		}
	}
}

// TestWithheldFieldsOfStreams: followers get events less the fields, which are named; and a
// right to follow that ends, ends the stream.
func TestWithheldFieldsOfStreams(t *testing.T) {
	var tokens *Tokens
	f, _, kept := withholdingFixture(t, func(o *Options) { tokens = o.Tokens; o.Limits.Heartbeat = 20 * time.Millisecond })
	r, err := http.NewRequestWithContext(t.Context(), get, f.http.URL+"/v1/events/stream?from=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+kept)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	buffer := make([]byte, 4096)
	ended := false
	for {
		n, err := resp.Body.Read(buffer)
		text.Write(buffer[:n])
		if err != nil {
			break
		}
		if !ended && strings.Contains(text.String(), "still here") {
			list, err := tokens.List()
			if err != nil {
				t.Fatal(err)
			}
			if found, err := tokens.Revoke(list[len(list)-1].ID); err != nil || !found {
				t.Fatal(found, err)
			}
			ended = true
			f.post(registered("D88"))
		}
	}
	all := text.String()
	if !ended || strings.Contains(all, "D88") || !strings.Contains(all, ": the token is not known, or has expired or been revoked") {
		t.Errorf("the stream goes on after its token was revoked: %.300s", all[max(0, len(all)-300):])
	}
	if strings.Contains(all, "SECRET") || !strings.Contains(all, `"withheld":["data_subject","query","actor","onbehalfof"]`) {
		t.Errorf("%.600s", all[max(0, strings.Index(all, `"call":"p1"`)):])
	}
}

// TestWithholding: who is kept from what, by token and role; and the questions of others go
// along.
func TestWithholding(t *testing.T) {
	tokens, bearer := principals(t)
	f := newFixture(t, func(o *Options) {
		o.Tokens, o.Dev, o.PublicReads = tokens, false, true
		o.Withhold = Withholding{RoleReviewer: {"actor"}, RoleAnonymous: {"actor", "credential"}}
	})
	c := func(p Principal, known bool) string {
		return strings.Join(f.server.o.Withhold.from(caller{Principal: p, authenticated: known}), " ")
	}
	for _, x := range []struct{ got, want string }{
		{c(Principal{Roles: []Role{RoleAuditor}}, true), ""},
		{c(Principal{Roles: []Role{RoleReviewer, RoleAuditor}}, true), "actor question"},
		{c(Principal{Roles: []Role{RoleReviewer}, Withhold: []string{"query"}}, true), "actor query question"},
		{c(Principal{}, false), "actor credential question"},
	} {
		if x.got != x.want {
			t.Errorf("kept from %q, want %q", x.got, x.want)
		}
	}
	if r := f.get("/v1/accesses?credential=SECRETkey", "Authorization", "Bearer "+bearer[RoleAuditor]); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	f.caughtUp()
	at := f.ledger.Head().Size - 1
	for who, sees := range map[string]bool{bearer[RoleAuditor]: true, bearer[RoleReviewer]: false, "": false} {
		headers := []string{"Authorization", "Bearer " + who}
		if who == "" {
			headers = nil
		}
		r := f.get(fmt.Sprintf("/v1/events/%d", at), headers...)
		var e struct {
			Withheld []string       `json:"withheld"`
			Event    jsontext.Value `json:"event"`
		}
		if err := json.Unmarshal(r.body, &e); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(e.Event), "SECRETkey") != sees || (len(e.Withheld) == 0) != sees {
			t.Errorf("sees what others asked (%v): %s", sees, r.body)
		}
	}
	if _, err := New(Options{Ledger: f.ledger, Views: f.views, Withhold: Withholding{RoleAuditor: {"provider"}}}); err == nil {
		t.Error("a field that records are found by can be withheld")
	}
	if err := (Principal{Name: "x", Roles: []Role{RoleAuditor}, Withhold: []string{"nonsense"}}).check(); err == nil {
		t.Error("a principal can be kept from what is no field")
	}
}
