package api

import (
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

func TestParsePeriod(t *testing.T) {
	zone := time.FixedZone("east", 8*60*60)
	for text, want := range map[string][2]string{
		"2025": {"2025-01-01", "2026-01-01"}, "2025-12": {"2025-12-01", "2026-01-01"}, "2025-Q4": {"2025-10-01", "2026-01-01"},
		"2024-02-28": {"2024-02-28", "2024-02-29"}, "2025-12-15..2026-01-15": {"2025-12-15", "2026-01-15"},
	} {
		from, to, err := parsePeriod(text, zone)
		if err != nil || from.Format(time.DateOnly) != want[0] || to.Format(time.DateOnly) != want[1] || from.Location() != zone {
			t.Errorf("%s: %s to %s, %v", text, from, to, err)
		}
	}
	for _, text := range []string{"", "25", "2025-13", "2025-Q5", "2025-Q0", "2025-02-30", "2026-01-01..2025-01-01", "2026-01-01..2026-01-01", "2025-01..2025-02", "x..y", "2025-12 "} {
		if from, to, err := parsePeriod(text, zone); err == nil {
			t.Errorf("%q is read as %s to %s", text, from, to)
		}
	}
}

// bulletin asks for one.
func (f *fixture) bulletin(query string) bulletinAnswer {
	f.t.Helper()
	var a answer[bulletinAnswer]
	r := f.get("/v1/bulletins/2026-01" + query)
	if err := json.Unmarshal(r.body, &a); err != nil || r.status != 200 {
		f.t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return a.Result
}

// TestIssuedBulletins: a bulletin is issued with the figures that the ledger gave, and
// everybody who asks later is told that they agree, or which do not.
func TestIssuedBulletins(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	b := f.bulletin("")
	if b.Values["access.beyond"] != 1 || b.Values["access.success"] != 1_000_000 || len(b.Issued) != 0 || b.Zone != "UTC" {
		t.Errorf("before one is issued: %+v", b)
	}
	issue := func(id string, change func(map[string]int64, []byte)) {
		values, head := map[string]int64{}, slices.Clone(b.Head)
		for k, v := range b.Values {
			values[k] = v
		}
		change(values, head)
		text, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		f.post(ce(id, "oversight.bulletin.issued", fmt.Sprintf(`{"bulletin":%q,"by":"D07","period":{"from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z"},
			"metric_set":%q,"values":%s,"as_of":%d,"head":%q,"view_version":%d}`,
			id, b.Bulletin.MetricSet, text, b.AsOf, base64.StdEncoding.EncodeToString(head), b.Bulletin.ViewVersion)))
	}
	issue("as-it-is", func(map[string]int64, []byte) {})
	issue("adorned", func(v map[string]int64, _ []byte) { v["access.beyond"] = 0 })
	issue("of-another-book", func(_ map[string]int64, head []byte) { head[0] ^= 1 })
	f.caughtUp()
	got := map[string]string{}
	for _, i := range f.bulletin("").Issued {
		got[i.Bulletin] = fmt.Sprint(i.Agrees, i.Differs)
	}
	for id, want := range map[string]string{"as-it-is": "true []", "adorned": "false [access.beyond]", "of-another-book": "false [head]"} {
		if got[id] != want {
			t.Errorf("%s: %s, want %s", id, got[id], want)
		}
	}
	// The same position gives the same bulletin, whatever came since.
	f.post(ce("c9", "access.call.recorded", `{"call":"c9","provider":"D01","consumer":"D03","agreement":"A02","purpose":"benefit_eligibility","entry":"DS02","entry_version":1,"method":"api","columns":["swrq"],"row_count":1,"result":"ok"}`))
	f.caughtUp()
	if again := f.bulletin(fmt.Sprintf("?as_of=%d", b.AsOf)); fmt.Sprint(again.Values, again.Head) != fmt.Sprint(b.Values, b.Head) {
		t.Errorf("as of position %d: %+v, then %+v", b.AsOf, b, again)
	}
	if now := f.bulletin(""); now.Values["access.beyond"] != 2 {
		t.Errorf("after another call: %v", now.Values)
	}
}

func TestBulletinForms(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	r := f.get("/v1/bulletins/2026-Q1?format=csv&region=990000")
	rows, err := csv.NewReader(strings.NewReader(string(r.body))).ReadAll()
	if err != nil || len(rows) < 10 || rows[0][0] != "figure" || r.header.Get("Ledgerline-Position") == "" {
		t.Fatalf("as CSV: %v %v", rows, err)
	}
	if i := slices.IndexFunc(rows, func(row []string) bool { return row[0] == "access.beyond" }); i < 0 || rows[i][4] != "1" || rows[i][7] == "" || rows[i][11] != "990000" {
		t.Errorf("as CSV: %v", rows)
	}
	page := f.get("/v1/bulletins/2026-Q1?format=html&party=D03")
	for _, want := range []string{"<code>access.beyond</code>", `href="/v1/bulletins/2026-Q1?as_of=`, "100.0 %", `lang="zh-CN"`} {
		if !strings.Contains(string(page.body), want) {
			t.Errorf("the page does not hold %q:\n%s", want, page.body)
		}
	}
	if p := f.get("/v1/bulletins/2026-13").problem(t); p.Status != 400 || p.Field != "period" {
		t.Errorf("%+v", p)
	}
}
