package api

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ledgerline/ledger/proof"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// elsewhere makes of the story's events those of other bodies. Whatever is theirs alone
// has HIDDEN in its name.
var elsewhere = strings.NewReplacer(`D01`, `HIDDENp`, `D03`, `HIDDENc`, `DS02`, `HIDDENe`, `A02`, `HIDDENa`, `"Q1"`, `"HIDDENq"`, `"c1"`, `"HIDDENc1"`, `"c2"`, `"HIDDENc2"`,
	`hj.death`, `HIDDEN.death`, `pop.main`, `HIDDEN.main`, `户籍注销信息`, `HIDDEN 信息`, `两周未更新`, `HIDDEN`, `"id":"`, `"id":"HIDDEN-`, runID, `0198c5a2-6d10-7c3e-9f1b-3a52c7f0eeee`)

// scopedFixture holds the story twice, of D01 and D03 and of others, and gives tokens of
// an auditor who may see everything and of one who may see what concerns D01.
func scopedFixture(t *testing.T) (f *fixture, all, bound string) {
	tokens, bearer := principals(t)
	bound = mint(t, tokens, Principal{Name: "bound", Roles: []Role{RoleAuditor, RoleReviewer}, ReadParties: []string{"D01"}}, time.Time{})
	f = newFixture(t, func(o *Options) { o.Tokens, o.UnrecordedReads = tokens, true })
	f.tell()
	for _, e := range story() {
		if !strings.Contains(e, `"register-D07"`) {
			f.post(strings.ReplaceAll(elsewhere.Replace(e), `"HIDDEN-gmsfhm"`, `"gmsfhm"`))
		}
	}
	for _, state := range []string{"START", "COMPLETE"} {
		if r := f.do("POST", "/api/v1/lineage", elsewhere.Replace(runEvent(state))); r.status != 201 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	// Both were asked about one person.
	call := ce("p1", "access.call.recorded", fmt.Sprintf(called, "HIDp1"))
	f.post(strings.ReplaceAll(call, "HIDp1", "p1"))
	f.post(strings.ReplaceAll(elsewhere.Replace(call), `"gmsfhm = 4711"`, `"HID = 4711"`))
	// One job reads what both have.
	joint := strings.NewReplacer("hj.death", "HIDDEN.death", runID, "0198c5a2-6d10-7c3e-9f1b-3a52c7f0dddd").Replace(runEvent("COMPLETE"))
	if r := f.do("POST", "/api/v1/lineage", joint); r.status != 201 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	f.caughtUp()
	return f, bearer[RoleAuditor], bound
}

// scopedRoute says how a route is tried: what lies within the scope, and what does not.
type scopedRoute struct {
	// own is a question whose answer has something to show; rows is the list in it of which
	// each row that is left out counts as one.
	own, rows string
	// other asks for what lies outside, and is answered with that status.
	other  string
	status int
	body   string
}

// scopedRoutes has a row for each route that gives callers with a scope what lies in it.
// {mine} and {theirs} are positions of records.
var scopedRoutes = map[string]scopedRoute{
	"GET /v1/events":                          {own: "?limit=1000", rows: "rows"},
	"GET /v1/events/{position}":               {own: "/{mine}", other: "/{theirs}", status: 403},
	"GET /v1/events/{position}/facets/{name}": {own: "/{mine}/facets/description", other: "/{theirs}/facets/description", status: 403},
	"GET /v1/records/{position}":              {own: "/{mine}", other: "/{theirs}", status: 403},
	"GET /v1/catalog/entries":                 {own: "?facets=true", rows: "entries"},
	"GET /v1/catalog/entries/{id}":            {own: "/DS02", other: "/HIDDENe", status: 404},
	"GET /v1/catalog/entries/{id}/history":    {own: "/DS02/history", other: "/HIDDENe/history", status: 404},
	"GET /v1/catalog/diff":                    {own: "?from=0", rows: "entries"},
	"GET /v1/catalog/export":                  {own: "?format=dcat"},
	"GET /v1/catalog/hook-rate":               {own: ""},
	"GET /v1/checks":                          {own: "", rows: "checks"},
	"GET /v1/parties":                         {own: "", rows: "parties"},
	"GET /v1/parties/{id}":                    {own: "/D01", other: "/HIDDENp", status: 404},
	"GET /v1/parties/{id}/history":            {own: "/D01/history", other: "/HIDDENp/history", status: 404},
	"GET /v1/requests":                        {own: "", rows: "requests"},
	"GET /v1/requests/{id}":                   {other: "/HIDDENr", status: 404},
	"GET /v1/agreements":                      {own: "", rows: "agreements"},
	"GET /v1/agreements/{id}":                 {own: "/A02", other: "/HIDDENa", status: 404},
	"GET /v1/shares":                          {own: "", rows: "shares"},
	"GET /v1/accesses":                        {own: "", rows: "accesses"},
	"GET /v1/producers":                       {own: "", rows: "producers"},
	"GET /v1/findings":                        {own: "", rows: "findings"},
	"GET /v1/findings/{id}":                   {own: "/Q1", other: "/HIDDENq", status: 404},
	"GET /v1/findings/{id}/attribution":       {own: "/Q1/attribution", other: "/HIDDENq/attribution", status: 404},
	"GET /v1/duties":                          {own: "", rows: "duties"},
	"GET /v1/disposals":                       {own: "", rows: "disposals"},
	"GET /v1/violations":                      {own: "", rows: "violations"},
	"GET /v1/bulletins/{period}":              {own: "/2026"},
	"GET /v1/lineage":                         {own: "?node={node}", rows: "nodes", other: "?node={hidden}", status: 404},
	"GET /v1/lineage/path":                    {own: "?from={node}&to=entry:DS02", other: "?from={node}&to={hidden}", status: 404},
	"GET /v1/lineage/impact":                  {own: "?node={node}", other: "?node={hidden}", status: 404},
	"GET /v1/lineage/diff":                    {own: "?node={node}&from=0", other: "?node={hidden}&from=0", status: 404},
	"GET /v1/lineage/trace":                   {own: "?node={node}", other: "?node={hidden}", status: 404},
	"GET /v1/lineage/differences":             {own: "?node={node}", other: "?node={hidden}", status: 404},
	"GET /v1/lineage/loose":                   {own: "?kind=dead_end", rows: "datasets"},
	"GET /v1/exposure":                        {own: "?node={node}", other: "?node={hidden}", status: 404},
	"GET /v1/runs/{id}":                       {own: "/" + runID, other: "/0198c5a2-6d10-7c3e-9f1b-3a52c7f0eeee", status: 404},
	"GET /v1/proofs/inclusion":                {own: "?position={mine}", other: "?position={theirs}", status: 403},
	"GET /v1/proofs/completeness":             {own: "?key=party:D01"},
	"POST /v1/uses":                           {body: `{"person":"person-9f3a"}`, rows: "accesses"},
	"POST /v1/evidence":                       {body: `{"subject":{"kind":"entry","id":"DS02"}}`},
	"GET /log/body/{position}":                {own: "/0", other: "/{theirs}", status: 403},
	"GET /v1/status":                          {own: ""},
	"GET /v1/events/stream":                   {own: "stream"}, // see TestScopeOfStreams
	"GET /":                                   {own: ""},
	"GET /events":                             {own: "?order=desc"},
	"GET /investigate":                        {own: "?node={node}"},
	"GET /case":                               {own: "?records={mine}", other: "?records={theirs}", status: 403},
	"POST /evidence":                          {body: "entry=DS02"},
	"GET /events/{position}":                  {own: "/{mine}", other: "/{theirs}", status: 403},
	"GET /catalog":                            {own: ""},
	"GET /entries/{id}":                       {own: "/DS02", other: "/HIDDENe", status: 404},
	"GET /lineage":                            {own: "?node={node}"},
	"GET /lineage/picture":                    {own: "?node={node}", other: "?node={hidden}", status: 404},
	"GET /lineage/differences":                {own: ""},
	"GET /sharing":                            {own: ""},
	"GET /catalog/changes":                    {own: ""},
	"GET /requests/{id}":                      {other: "/HIDDENr", status: 404},
	"GET /uses":                               {own: "?provider=D01"},
	"POST /uses":                              {body: "person=person-9f3a"},
	"GET /lineage/part":                       {own: "?node={node}"},
	"GET /agreements/{id}":                    {own: "/A02", other: "/HIDDENa", status: 404},
	"GET /accesses":                           {own: ""},
	"GET /findings":                           {own: ""},
	"GET /findings/{id}":                      {own: "/Q1", other: "/HIDDENq", status: 404},
	"GET /duties":                             {own: ""},
	"GET /violations":                         {own: ""},
	"GET /parties":                            {own: ""},
	"GET /bulletin":                           {own: "?period=2026"},
	"GET /health":                             {own: ""},
}

// TestScopeOfEveryRoute: a caller with a scope gets from each route what lies in it and
// nothing else, and the answer says how much is withheld. A route that is not in the
// table fails, unless it gives such callers nothing or tells of no party.
func TestScopeOfEveryRoute(t *testing.T) {
	f, all, bound := scopedFixture(t)
	mine, theirs := f.find(t, "Q1"), f.find(t, "HIDDENq")
	fill := strings.NewReplacer("{mine}", fmt.Sprint(mine), "{theirs}", fmt.Sprint(theirs),
		"{node}", url.QueryEscape("dataset:postgres://pop:5432/hj.death"), "{hidden}", url.QueryEscape("dataset:postgres://pop:5432/HIDDEN.death"))
	tried := 0
	for _, rt := range routes() {
		name := rt.method + " " + rt.path
		row, ok := scopedRoutes[name]
		if ok != (rt.scoping == scopeFiltered) {
			t.Errorf("%s: it filters (%v), and the table of this test has a row (%v)", name, rt.scoping == scopeFiltered, ok)
		}
		base, _, _ := strings.Cut(rt.path, "/{")
		if rt.scoping == scopeRefused && !rt.who.public {
			path := strings.NewReplacer("{id}", "x", "*", "0/000").Replace(rt.path)
			if r := f.do(rt.method, path, "{}", "Authorization", "Bearer "+bound); r.status != 403 {
				t.Errorf("%s: %d, which a caller with a scope should be refused", name, r.status)
			} else if rule := r.problem(t).Rule; rule != "scope.unsupported" && rule != "auth.role" {
				t.Errorf("%s: refused for %s", name, rule)
			}
			continue
		}
		if !ok || row.own == "stream" {
			continue
		}
		tried++
		headers := []string{"Content-Type", "application/json"}
		if rt.method == post && !strings.HasPrefix(rt.path, "/v1") {
			headers[1] = "application/x-www-form-urlencoded"
		}
		ask := func(question, who string) reply {
			return f.do(rt.method, fill.Replace(base+question), row.body, append([]string{"Authorization", "Bearer " + who}, headers...)...)
		}
		if row.other != "" {
			if r := ask(row.other, bound); r.status != row.status {
				t.Errorf("%s%s: %d, want %d: %.300s", name, row.other, r.status, row.status, r.body)
			}
			if row.status == 404 && !strings.HasSuffix(rt.path, "r") && !strings.Contains(rt.path, "/requests/") {
				if r := ask(row.other, all); r.status != 200 {
					t.Errorf("%s%s is not there for anybody: %d", name, row.other, r.status)
				}
			}
			if row.own == "" {
				continue
			}
		}
		r, whole := ask(row.own, bound), ask(row.own, all)
		if r.status != 200 || whole.status != 200 {
			t.Errorf("%s%s: %d and %d: %.300s", name, row.own, r.status, whole.status, r.body)
			continue
		}
		content := unpacked(t, r)
		if i := strings.Index(content, "HIDDEN"); i >= 0 {
			t.Errorf("%s shows what lies outside: …%.120s…", name, content[max(0, i-60):])
		}
		if strings.Contains(content, "pop.main") {
			t.Errorf("%s shows what is of nobody", name)
		}
		switch media := r.header.Get("Content-Type"); {
		case strings.HasPrefix(media, "text/html") && rt.path != "/bulletin":
			if !strings.Contains(content, "Complete for what you may see.") || strings.Contains(unpacked(t, whole), "may see.") && rt.path != "/events/{position}" {
				t.Errorf("%s: the page does not say that it is not all, or does to somebody who sees all", name)
			}
			zh := f.do(rt.method, fill.Replace(base+row.own), row.body, append([]string{"Authorization", "Bearer " + bound, "Accept-Language", "zh-CN"}, headers...)...)
			if !strings.Contains(string(zh.body), "在您的可见范围内完整。") {
				t.Errorf("%s: not in Chinese", name)
			}
		case media == "application/json" && strings.Contains(content, `"ledger":`) && rt.path != "/v1/status":
			st := standingOf(t, r)
			if st.Withheld == nil || st.Says == "" || st.Complete && !strings.HasPrefix(st.Says, "complete for what you may see, ") {
				t.Errorf("%s does not say what is withheld: %+v", name, st)
			} else if row.rows != "" {
				if left := int64(count(t, whole, row.rows) - count(t, r, row.rows)); *st.Withheld != left {
					t.Errorf("%s: %d are said to be withheld, and %d are", name, *st.Withheld, left)
				}
			}
			if full := standingOf(t, whole); full.Withheld != nil && rt.path != "/v1/events/{position}" {
				t.Errorf("%s says to somebody who sees all that something is withheld", name)
			}
		}
	}
	if tried < 50 {
		t.Errorf("%d routes were tried", tried)
	}
}

// find is the position of the record that is about an issue.
func (f *fixture) find(t *testing.T, issue string) int64 {
	t.Helper()
	var list struct {
		Rows []struct {
			Position int64 `json:"position"`
		} `json:"rows"`
	}
	f.get("/v1/events?subject=issue/"+issue).into(t, &list)
	if len(list.Rows) == 0 {
		t.Fatalf("no record is about %s", issue)
	}
	return list.Rows[0].Position
}

// count is the length of a list of an answer.
func count(t *testing.T, r reply, list string) int {
	t.Helper()
	var members map[string]jsontext.Value
	r.into(t, &members)
	var rows []jsontext.Value
	if err := json.Unmarshal(members[list], &rows); err != nil {
		t.Fatalf("%s: %v in %.200s", list, err, r.body)
	}
	return len(rows)
}

// unpacked is an answer with what is packed in it, and without what is encoded.
func unpacked(t *testing.T, r reply) string {
	t.Helper()
	if r.header.Get("Content-Type") != "application/zip" {
		return string(r.body)
	}
	z, err := zip.NewReader(bytes.NewReader(r.body), int64(len(r.body)))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range z.File {
		f, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(file.Name, "verify") {
			if _, err := io.Copy(&all, f); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
	}
	return all.String()
}

// TestScopeOfProofs: a proof of completeness shows of records that a caller may not see
// that they are there, and not what they say.
func TestScopeOfProofs(t *testing.T) {
	f, all, bound := scopedFixture(t)
	type answer struct {
		Matches  int    `json:"matches"`
		Withheld int    `json:"withheld"`
		Proof    []byte `json:"proof"`
	}
	ask := func(key, who string) (a answer) {
		r := f.get("/v1/proofs/completeness?key="+url.QueryEscape(key), "Authorization", "Bearer "+who)
		if r.status != 200 || who == bound && strings.Contains(string(r.body), "HIDDEN") {
			t.Fatalf("%s: %d %s", key, r.status, r.body)
		}
		r.into(t, &a)
		return a
	}
	for key, withheld := range map[string]int{"party:D01": 0, "type:quality.issue.reported": 1, "party:D07": -1} {
		whole, mine := ask(key, all), ask(key, bound)
		if whole.Withheld != 0 || mine.Matches != whole.Matches || withheld >= 0 && mine.Withheld != withheld || withheld < 0 && mine.Withheld == 0 {
			t.Errorf("%s: %d of %d withheld; in full %d of %d", key, mine.Withheld, mine.Matches, whole.Withheld, whole.Matches)
		}
		p, err := proof.ParseCompleteness(mine.Proof)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := p.Check(p.Question, f.ledger.Origin(), f.ledger.Keys())
		if err != nil || shown.Withheld != mine.Withheld || shown.Matches != whole.Matches {
			t.Errorf("%s: checked: %+v, %v", key, shown, err)
		}
		if bytes.Contains(mine.Proof, []byte("HIDDEN")) || !bytes.Contains(whole.Proof, []byte("HIDDEN")) && key != "party:D01" {
			t.Errorf("%s: the proof holds what is withheld", key)
		}
	}
	// A list that is proven says the same.
	r := f.get("/v1/events?type=quality.issue.reported&proof=complete", "Authorization", "Bearer "+bound)
	st := standingOf(t, r)
	if st.Basis == nil || st.Basis.Matches != 2 || st.Basis.Withheld != 1 || *st.Withheld != 1 || strings.Contains(string(r.body), "HIDDEN") {
		t.Errorf("%s", r.body)
	}
	// A bundle of a question that reaches beyond the scope.
	b := f.do(post, "/v1/evidence", `{"catalog":{}}`, "Content-Type", "application/json", "Authorization", "Bearer "+bound)
	if text := unpacked(t, b); b.status != 200 || strings.Contains(text, "HIDDEN") || !strings.Contains(text, `"withheld"`) {
		t.Errorf("%d %.500s", b.status, text)
	}
	b = f.do(post, "/v1/evidence", fmt.Sprintf(`{"events":{"positions":[%d]}}`, f.find(t, "HIDDENq")), "Content-Type", "application/json", "Authorization", "Bearer "+bound)
	if b.status != 403 || b.problem(t).Rule != "scope.outside" || b.problem(t).Field != "/events/positions/0" {
		t.Errorf("%d %s", b.status, b.body)
	}
}

// TestScopeOfStreams: who follows the records is told how many were left out.
func TestScopeOfStreams(t *testing.T) {
	f, _, bound := scopedFixture(t)
	r, err := http.NewRequestWithContext(t.Context(), get, f.http.URL+"/v1/events/stream?from=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+bound)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	size := f.ledger.Head().Size
	var text strings.Builder
	buffer := make([]byte, 4096)
	withheld, sent, last := int64(0), int64(0), int64(-1)
	for last < size-1 {
		n, err := resp.Body.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(buffer[:n])
		withheld, sent, last = 0, 0, -1
		frames := strings.Split(text.String(), "\n\n")
		for _, frame := range frames[:len(frames)-1] {
			for line := range strings.SplitSeq(frame, "\n") {
				if _, err := fmt.Sscanf(line, "id: %d", &last); err == nil && !strings.HasPrefix(frame, "event: withheld") {
					sent++
				}
				var at, n int64
				if _, err := fmt.Sscanf(line, `data: {"position":%d,"withheld":%d}`, &at, &n); err == nil {
					withheld += n
				}
			}
		}
	}
	if strings.Contains(text.String(), "HIDDEN") || withheld == 0 || sent == 0 || sent+withheld != size {
		t.Errorf("%d sent and %d withheld of %d: %.400s", sent, withheld, size, text.String())
	}
}

// TestScopeOfCursors: a cursor goes on within the scope that it was given for.
func TestScopeOfCursors(t *testing.T) {
	f, all, bound := scopedFixture(t)
	var first struct {
		Next string `json:"next"`
	}
	f.get("/v1/events?limit=2", "Authorization", "Bearer "+bound).into(t, &first)
	if r := f.get("/v1/events?limit=2&cursor="+first.Next, "Authorization", "Bearer "+bound); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := f.get("/v1/events?limit=2&cursor="+first.Next, "Authorization", "Bearer "+all); r.status != 400 || r.problem(t).Rule != "cursor.foreign" {
		t.Errorf("another's cursor: %d %s", r.status, r.body)
	}
}
