package api

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"ledgerline/events"
	"ledgerline/ledger/proof"
	"ledgerline/ledger/proof/evidence"

	"github.com/go-json-experiment/json"
)

// bundle asks for evidence and checks what comes back.
func (f *fixture) bundle(question string) (evidence.Report, reply) {
	f.t.Helper()
	r := f.do(http.MethodPost, "/v1/evidence", question, "Content-Type", "application/json")
	if r.status != http.StatusOK || r.header.Get("Content-Type") != "application/zip" {
		f.t.Fatalf("%s: %d %s", question, r.status, r.body)
	}
	report, err := evidence.Check(r.body, evidence.Trust{Keys: f.ledger.Keys()})
	if err != nil || report.Verdict != evidence.Signed {
		f.t.Fatalf("%s: %s %v", question, report.Verdict, err)
	}
	return report, r
}

func TestEvidence(t *testing.T) {
	f := newFixture(t, nil)
	f.post(registered("D00"))
	kept := f.ledger.Head()
	f.tell()
	f.post(ce("a2", "share.agreement.suspended", `{"agreement":"A02","by":"D01","cause":"test"}`))
	f.caughtUp()
	checkpoint, err := json.Marshal(string(kept.Checkpoint))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		question          string
		records, withheld int
		answer            evidence.Completeness
	}{
		{`{"events":{"positions":[4,2,4]}}`, 2, 0, evidence.Partial},
		{`{"subject":{"kind":"entry","id":"DS02"}}`, 6, 0, evidence.Whole},
		{`{"subject":{"kind":"entry","id":"DS02"},"complete":false}`, 6, 0, evidence.Partial},
		{`{"subject":{"kind":"entry","id":"nothing"}}`, 0, 0, evidence.Whole}, // nothing, provably
		{`{"subject":{"kind":"entry","id":"DS02","from":"2030-01-01T00:00:00Z"}}`, 0, 0, evidence.Whole},
		{`{"subject":{"kind":"issue","id":"Q1"},"withhold":["description"]}`, 1, 1, evidence.WholeButWithheld},
		{`{"share":{"agreement":"A02"}}`, 4, 0, evidence.Whole}, // activated, two calls, suspended
		{`{"lineage":{"node":"dataset:hive/pop.main","direction":"up","columns":true}}`, 2, 0, evidence.Partial},
		{`{"catalog":{}}`, 6, 0, evidence.Whole},
		{`{"catalog":{},"as_of":"4"}`, 1, 0, evidence.Whole},
	} {
		report, r := f.bundle(c.question)
		if report.Records != c.records || report.Withheld != c.withheld || report.Answer != c.answer {
			t.Errorf("%s: %+v, want %d records, %d withheld, %s", c.question, report, c.records, c.withheld, c.answer)
		}
		if r.header.Get("Ledgerline-Complete") != "true" || report.Question.EN == "" || report.Question.ZH == "" {
			t.Errorf("%s: %v %+v", c.question, r.header, report.Question)
		}
	}
	report, _ := f.bundle(fmt.Sprintf(`{"events":{"positions":[1]},"since":[%s]}`, checkpoint))
	if len(report.Since) != 1 || report.Since[0] != kept.Size {
		t.Errorf("grown since %v, want %d", report.Since, kept.Size)
	}
}

// TestEvidenceOfThePast: what a bundle proves about a past window rests on the first
// commitment over it, so that outsiders who have seen that vouch for the answer.
func TestEvidenceOfThePast(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	rests := func(question string) *proof.Complete {
		t.Helper()
		_, r := f.bundle(question)
		files, err := zip.NewReader(bytes.NewReader(r.body), int64(len(r.body)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := fs.ReadFile(files, "index/completeness.cbor")
		if err != nil {
			t.Fatal(err)
		}
		p, err := proof.ParseCompleteness(b)
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.Check(p.Question, "ledger.example/test", f.ledger.Keys())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := rests(`{"subject":{"kind":"entry","id":"DS02"}}`)
	for n := range 3 {
		f.post(registered(fmt.Sprint("D5", n)))
		f.caughtUp()
		if now := rests(`{"subject":{"kind":"party","id":"D50"}}`); now.Commit <= first.Commit || now.Matches != 1 {
			t.Fatalf("of now: by the commitment at %d, %d match", now.Commit, now.Matches)
		}
		for _, question := range []string{
			`{"subject":{"kind":"entry","id":"DS02"},"as_of":"5"}`, `{"subject":{"kind":"party","id":"D50"},"as_of":"5"}`,
			fmt.Sprintf(`{"subject":{"kind":"entry","id":"DS02","to":%q}}`, events.Time(first.Records[0].Leaf.Time+1)),
		} {
			if c := rests(question); c.Commit != first.Commit || !c.Closed {
				t.Fatalf("%s: by the commitment at %d, closed %v; the first is at %d", question, c.Commit, c.Closed, first.Commit)
			}
		}
	}
}

// TestEvidenceNamesMissingNumbers: a bundle says which numbers of its records' producers
// the ledger does not hold, as of the answer.
func TestEvidenceNamesMissingNumbers(t *testing.T) {
	f := newFixture(t, nil)
	for i, seq := range []int{1, 2, 5, 6, 9} {
		id := fmt.Sprintf("D9%d", i)
		f.post(ce("numbered-"+id, "party.body.registered", fmt.Sprintf(`{"party":%q,"name":"%s","kind":"department","region":"990000","level":"provincial"}`, id, id),
			"producerid", `"gateway"`, "producerseq", fmt.Sprintf("%q", fmt.Sprint(seq))))
	}
	f.post(registered("D00"))
	f.caughtUp()
	for question, want := range map[string]string{
		`{"events":{"positions":[1,5]}}`:           "9 [{3 4} {7 8}]",
		`{"events":{"positions":[1]},"as_of":"4"}`: "6 [{3 4}]",
		`{"events":{"positions":[1]},"as_of":"2"}`: "",
		`{"subject":{"kind":"party","id":"D00"}}`:  "",
		`{"subject":{"kind":"party","id":"D92"}}`:  "9 [{3 4} {7 8}]",
	} {
		report, _ := f.bundle(question)
		got := ""
		for _, n := range report.Numbering {
			got += fmt.Sprint(n.Last, " ", n.Missing)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", question, got, want)
		}
	}
}

// TestEvidenceForms asks for the same bundles as the forms of the pages do.
func TestEvidenceForms(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html"}
	for body, records := range map[string]int{
		"position=2": 1, "entry=DS02": 6, "issue=Q1": 1, "agreement=A02": 3, "lineage=dataset%3Ahive%2Fpop.main": 2, "catalog=": 6,
		"entry=DS02&as_of=3": 1, "catalog=&as_of=1": 0,
	} {
		r := f.do(http.MethodPost, "/evidence", body, form...)
		report, err := evidence.Check(r.body, evidence.Trust{Keys: f.ledger.Keys()})
		if r.status != http.StatusOK || err != nil || report.Records != records {
			t.Errorf("%s: %d %+v %v, want %d records", body, r.status, report, err, records)
		}
	}
	for body, status := range map[string]int{"": 400, "position=x": 400, "position=99": 404, "agreement=A99": 404, "catalog=&as_of=nonsense": 400} {
		r := f.do(http.MethodPost, "/evidence", body, form...)
		if r.status != status || !strings.Contains(string(r.body), "<html") {
			t.Errorf("%s: %d %.200s", body, r.status, r.body)
		}
	}
	if r := f.do(http.MethodPost, "/evidence", "catalog=", append(form, "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site")...); r.status != http.StatusForbidden {
		t.Errorf("a form of another site: %d", r.status)
	}
}

func TestEvidenceRefused(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	other := newFixture(t, nil)
	foreign, err := json.Marshal(string(other.ledger.Head().Checkpoint))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		question    string
		status      int
		rule, field string
	}{
		{`{}`, 400, "evidence.question", ""},
		{`{"events":{"positions":[1]},"catalog":{}}`, 400, "evidence.question", ""},
		{`{"events":{"positions":[]}}`, 400, "evidence.question", "/events/positions"},
		{`{"events":{"positions":[1,99]}}`, 404, "position.unknown", "/events/positions/1"},
		{`{"events":{"position":[1]}}`, 400, "body.syntax", "/events/position"},
		{`{"events":`, 400, "body.syntax", ""},
		{`{"subject":{"kind":"entry"}}`, 400, "evidence.question", "/subject"},
		{`{"share":{"agreement":"A99"}}`, 404, "agreement.unknown", "/share/agreement"},
		{`{"lineage":{"node":"dataset:no/where"}}`, 404, "node.unknown", "/lineage/node"},
		{`{"catalog":{},"as_of":"99"}`, 404, "position.unknown", "as_of"},
		{`{"catalog":{},"since":["not signed"]}`, 400, "evidence.checkpoint", "/since/0"},
		{`{"catalog":{},"since":[` + string(foreign) + `]}`, 400, "evidence.checkpoint", "/since/0"},
	} {
		r := f.do(http.MethodPost, "/v1/evidence", c.question, "Content-Type", "application/json")
		p := r.problem(t)
		if r.status != c.status || p.Rule != c.rule || p.Field != c.field || p.Fix == "" && !strings.HasPrefix(c.rule, "agreement") {
			t.Errorf("%s: %d %s %s (%s), want %d %s %s", c.question, r.status, p.Rule, p.Field, p.Detail, c.status, c.rule, c.field)
		}
	}
}
