package api

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ledgerline/events"
)

// TestReadsAreRecorded: who reads sensitive history, and who takes a file out, stands
// in the book before the answer leaves; what cannot be recorded is not answered.
func TestReadsAreRecorded(t *testing.T) {
	tokens, bearer := principals(t)
	f := newFixture(t, func(o *Options) { o.Dev, o.Tokens = false, tokens })
	ask := func(method, path, body string, who Role) reply {
		media := "application/json"
		if path == "/evidence" {
			media = "application/x-www-form-urlencoded"
		}
		return f.do(method, path, body, "Content-Type", media, "Authorization", "Bearer "+bearer[who])
	}
	last := func() events.Event {
		t.Helper()
		e, err := f.ledger.Get(t.Context(), f.ledger.Head().Size-1)
		if err != nil {
			t.Fatal(err)
		}
		return e.Event
	}
	size := f.ledger.Head().Size
	r := ask("GET", "/v1/accesses?provider=D03", "", RoleAuditor)
	read, ok := last().Data.(*events.ReadRecorded)
	if r.status != http.StatusOK || !ok || f.ledger.Head().Size != size+1 {
		t.Fatalf("%d %s, recorded: %T", r.status, r.body, last().Data)
	}
	if want := (events.ReadRecorded{Route: "GET /v1/accesses", Question: "/v1/accesses?provider=D03", Position: size - 1, Bytes: len(r.body)}); *read != want || last().Principal != "the-auditor" {
		t.Errorf("recorded of %s: %+v, want %+v", last().Principal, *read, want)
	}
	r = ask("POST", "/v1/evidence", `{"events":{"positions":[0]}}`, RoleAuditor)
	made, ok := last().Data.(*events.ExportMade)
	sum := sha256.Sum256(r.body)
	if r.status != http.StatusOK || !ok || !bytes.Equal(made.Digest, sum[:]) || made.Bytes != len(r.body) || r.header.Get("Content-Type") != "application/zip" {
		t.Errorf("a bundle: %d %v, recorded: %+v", r.status, r.header, last().Data)
	}
	if want := fmt.Sprintf("/v1/evidence?as_of=%d&positions=0", size); made.Question != want || made.Recipient != "" {
		t.Errorf("a bundle is recorded as the answer to %s of %q, want %s", made.Question, made.Recipient, want)
	}
	positions := strings.Repeat("0,", 5000) + "0"
	for _, c := range []struct {
		method, path, body string
		want               events.ExportMade // what is said of it
	}{
		{"POST", "/v1/evidence", `{"catalog":{},"complete":false,"recipient":"the court","purpose":"case 12","withhold":["query"]}`,
			events.ExportMade{Question: "/v1/evidence?as_of=%d&catalog=&withhold=query", Recipient: "the court", Purpose: "case 12"}},
		{"POST", "/v1/evidence", `{"events":{"positions":[` + positions + `]},"purpose":"case 12"}`, events.ExportMade{Question: "/v1/evidence", Purpose: "case 12"}}, // too long to say
		{"POST", "/evidence", "position=0&recipient=the+court&purpose=case+12",
			events.ExportMade{Question: "/evidence?as_of=%d&positions=0", Recipient: "the court", Purpose: "case 12"}},
		{"GET", "/v1/catalog/export?recipient=the+court&purpose=case+12", "",
			events.ExportMade{Question: "/v1/catalog/export?recipient=the+court&purpose=case+12", Recipient: "the court", Purpose: "case 12"}},
	} {
		at := f.ledger.Head().Size - 1
		r := ask(c.method, c.path, c.body, RoleAuditor)
		made, ok := last().Data.(*events.ExportMade)
		if r.status != http.StatusOK || !ok {
			t.Errorf("%s: %d %.300s, recorded: %+v", c.path, r.status, r.body, last().Data)
			continue
		}
		if want := strings.ReplaceAll(c.want.Question, "%d", fmt.Sprint(at)); made.Question != want || made.Recipient != c.want.Recipient || made.Purpose != c.want.Purpose {
			t.Errorf("%s is recorded as %+v, want %s %+v", c.path, made, want, c.want)
		}
	}
	r = ask("POST", "/v1/evidence", `{"catalog":{},"complete":false,"recipient":"13800138000"}`, RoleAuditor)
	if r.status != http.StatusBadRequest || !strings.Contains(string(r.body), `"read.unrecordable"`) || !strings.Contains(string(r.body), `"recipient"`) {
		t.Errorf("a telephone number as the recipient: %d %s", r.status, r.body)
	}
	size = f.ledger.Head().Size
	for _, c := range []struct {
		path   string
		who    Role
		status int
	}{
		{"/v1/parties", RoleAuditor, 200},                                     // nothing that is sensitive
		{"/v1/accesses", RoleOperator, 403},                                   // got nothing
		{"/v1/accesses?limit=x", RoleAuditor, 400},                            // got nothing
		{"/v1/accesses?entry=" + strings.Repeat("x", 5000), RoleAuditor, 400}, // cannot be recorded
		{"/v1/accesses?entry=13800138000", RoleAuditor, 400},                  // would record a telephone number for ever
	} {
		if r := ask("GET", c.path, "", c.who); r.status != c.status {
			t.Errorf("%.80s: %d %s", c.path, r.status, r.body)
		}
	}
	if got := f.ledger.Head().Size; got != size {
		t.Errorf("%d records of nothing", got-size)
	}
}

// TestContentIsWithheld: what is kept beside a record is not shown where reading it
// is not recorded.
func TestContentIsWithheld(t *testing.T) {
	tokens, bearer := principals(t)
	f := newFixture(t, func(o *Options) { o.Dev, o.Tokens, o.PublicReads = false, tokens, true })
	const query = "select swrq from deaths"
	d := &events.AccessRecorded{Call: "c", Provider: "D01", Consumer: "D03", Purpose: "benefit", Entry: "DS02", Method: "api", Columns: []string{"swrq"}, RowCount: 1, Result: events.AccessOK, Query: query}
	receipts, err := f.ledger.Append(t.Context(), events.Event{ID: "c", Source: "/tests", Type: "access.call.recorded", Schema: 1, Time: 1, Principal: "p", Data: d})
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("/v1/events/%d", receipts[0].Position)
	ask := func(path string, headers ...string) string { return string(f.do("GET", path, "", headers...).body) }
	auditor := []string{"Authorization", "Bearer " + bearer[RoleAuditor]}
	for _, headers := range [][]string{nil, auditor} {
		for _, path := range []string{at, strings.TrimPrefix(at, "/v1")} {
			if body := ask(path, headers...); strings.Contains(body, query) {
				t.Errorf("%s shows %q: %s", path, query, body)
			}
		}
		if body := ask(at, headers...); !strings.Contains(body, `"name":"query"`) || !strings.Contains(body, `"withheld":true`) {
			t.Errorf("%s does not say what it withholds: %s", at, body)
		}
	}
	if body := ask(at+"/facets/query", auditor...); body != `"`+query+`"` {
		t.Errorf("the facet, for an auditor: %s", body)
	}
	size := f.ledger.Head().Size
	const export = "/v1/lineage?node=dataset:a/b&format=openlineage"
	if r := f.do("GET", export, ""); r.status != http.StatusUnauthorized || f.ledger.Head().Size != size {
		t.Errorf("raw bodies for anybody: %d %s", r.status, r.body)
	}
	f.do("GET", export, "", auditor...)
	if f.ledger.Head().Size != size+1 {
		t.Error("that raw bodies were asked for is not recorded")
	}
}
