package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"ledgerline/api"
	"ledgerline/ledger"
)

// The demo, asked over HTTP alone: the investigations whose answers are known, and
// the questions of docs/questions.md.

// told is a served demo.
type told struct {
	*testing.T
	url  string
	book *ledger.Ledger
}

// tellDemo loads the demo and serves it until the test ends.
func tellDemo(t *testing.T) told {
	t.Helper()
	p := &program{out: io.Discard, err: io.Discard}
	s, err := p.openDemo(context.Background(), t.TempDir()+"/demo", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	handler, err := s.handler(api.Options{Dev: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return told{t, server.URL, s.book}
}

func TestDemo(t *testing.T) {
	d := tellDemo(t)
	for name, test := range map[string]func(told){
		"deadlines of the agreements": deadlinesOfTheAgreements, "faults of the agreements": faultsOfTheAgreements,
		"paid after death": paidAfterDeath, "leaked numbers": leakedNumbers, "the catalog at the end of 2025": catalogAtTheEndOf2025,
		"input without authority": inputWithoutAuthority, "figures of bulletins": figuresByHand,
	} {
		t.Run(name, func(t *testing.T) { test(told{t, d.url, d.book}) })
	}
	t.Run("questions", func(t *testing.T) { questionsAreAnswered(told{t, d.url, d.book}) })
}

// get asks, and reads the answer; pairs are names and values of parameters.
func get[R any](t told, path string, pairs ...string) (answer R) {
	t.Helper()
	body := t.ask(path, pairs...)
	var a struct {
		Ledger struct {
			Complete  bool
			LimitsHit []string `json:"limits_hit"`
		}
	}
	if err := errors.Join(json.Unmarshal(body, &a), json.Unmarshal(body, &answer)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if !a.Ledger.Complete && !slices.Equal(a.Ledger.LimitsHit, []string{"depth"}) { // depth is asked for
		t.Errorf("%s %v is not complete: %v", path, pairs, a.Ledger.LimitsHit)
	}
	return answer
}

func (t told) ask(path string, pairs ...string) []byte {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	r, err := http.Get(t.url + path + "?" + values.Encode())
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s %v: %s: %v\n%s", path, pairs, r.Status, err, body)
	}
	return body
}

// The story is told in UTC+8.
func at(s string) string { return strings.Replace(s, " ", "T", 1) + ":00+08:00" }

func dayOf(t time.Time) string {
	return t.In(time.FixedZone("CST", 8*60*60)).Format(time.DateOnly)
}

type duties struct {
	Duties []struct {
		Rule, Case, Party, Due, State, Violation string
		Extended                                 int
		Done                                     time.Time
	}
}

func deadlinesOfTheAgreements(t told) {
	list := get[duties](t, "/v1/duties", "limit", "1000", "valid_at", at("2026-04-10 00:00"))
	got := map[string]string{}
	for _, d := range list.Duties {
		if agreement, ok := strings.CutPrefix(d.Case, "R-"); ok {
			kind := "answer"
			if d.Rule == "DL-03" {
				kind = "provide"
			}
			got[agreement+" "+kind] = d.Due + " " + dayOf(d.Done) + " " + d.State
		}
	}
	want := map[string]string{
		"A01 answer": "2025-08-12 2025-08-12 met", "A01 provide": "2025-09-09 2025-08-20 met",
		"A02 answer": "2025-09-01 2025-08-28 met", "A02 provide": "2025-09-25 2025-10-14 late",
		"A03 answer": "2025-09-03 2025-09-02 met", "A03 provide": "2025-09-29 2025-09-19 met",
		"A04 answer": "2025-09-15 2025-09-12 met", "A04 provide": "2025-11-17 2025-11-12 met",
		"A05 answer": "2025-10-11 2025-10-10 met", "A05 provide": "2025-11-06 2025-10-27 met",
		"A06 answer": "2025-10-30 2025-10-28 met", "A06 provide": "2025-11-25 2025-11-21 met",
		"A07 answer": "2025-10-14 2025-10-14 met", "A07 provide": "2025-11-11 2025-10-30 met",
		"A08 answer": "2025-11-03 2025-11-07 late", "A08 provide": "2025-12-05 2025-12-03 met",
		"A09 answer": "2025-11-17 2025-11-14 met", "A09 provide": "2025-12-12 2025-12-01 met",
		"A10 answer": "2025-11-24 2025-11-20 met", "A10 provide": "2025-12-18 2025-12-10 met",
		"A11 answer": "2025-12-08 2025-12-05 met", "A11 provide": "2026-01-05 2025-12-19 met",
		"A12 answer": "2025-12-15 2025-12-12 met", "A12 provide": "2026-01-12 2026-01-08 met",
		"A13 answer": "2025-12-29 2025-12-26 met", "A13 provide": "2026-01-26 2026-01-21 met",
		"A14 answer": "2026-01-13 2026-01-13 met", "A14 provide": "2026-02-10 2026-01-20 met",
		"A15 answer": "2026-03-04 2026-03-05 late", "A15 provide": "2026-04-02 2026-03-27 met",
	}
	if len(got) != len(want) {
		t.Errorf("%d terms of requests, want %d: %v", len(got), len(want), got)
	}
	for what, is := range want {
		if got[what] != is {
			t.Errorf("%s: %q, want %q", what, got[what], is)
		}
	}
}

type violations struct {
	Violations []struct {
		Rule, Code, Party, Agreement, Entry, Duty string
		Time                                      time.Time
		Events                                    []int64
	}
}

// faultsOfTheAgreements: what the law calls what went wrong, by whom; every fault of
// the agreements and of the catalog's duty, and no other until the story ends.
func faultsOfTheAgreements(t told) {
	got := map[string]int{}
	for _, v := range get[violations](t, "/v1/violations", "limit", "1000", "to", at("2026-03-31 00:00")).Violations {
		about := v.Agreement
		if v.Duty != "" {
			about = strings.Split(v.Duty, "/")[2]
		}
		if about == "" {
			about = v.Entry
		}
		got[strings.Join([]string{v.Code, v.Party, about}, " ")]++
		if len(v.Events) == 0 {
			t.Errorf("no record shows %+v", v)
		}
	}
	want := map[string]int{
		"39.4 D01 R-A02": 1, "39.4 D05 R-A08": 1, "39.4 D06 R-A15": 1, "40.3 D03 A11": 1, "39.7 D03 A13": 1, // the agreements
		"39.1 D01 UD-DS03": 1, "39.1 D06 UD-DS05": 1, // the catalog
		"40.1 C03 DS11": 1,                                                          // collected again, as somebody reported
		"39.6 D07 Q12":  1,                                                          // the second correction
		"40.2 C02 DS20": 7, "40.2 D03 A11": 1, "40.2 D04 A09": 1, "40.2 D05 A12": 1, // calls, and what the runs read
	}
	for what := range want {
		if got[what] != want[what] {
			t.Errorf("%s: %d violations, want %d", what, got[what], want[what])
		}
	}
	for what := range got {
		if want[what] == 0 {
			t.Errorf("%s: %d violations that nobody knows of", what, got[what])
		}
	}
}

const (
	library           = "postgres://jck.sjj.yunze.example:5432/jck.rkk.rkjbxx" // DS23
	deaths            = "oracle://db.gat.yunze.example:1521/RKGL.HKGL.SWZXXX"  // DS02
	cremations        = "mysql://db.mzt.yunze.example:3306/bzgl.hhxx"          // DS08
	deathCertificates = "mssql://db.wjw.yunze.example:1433/QYRK.dbo.SWYXZM"    // DS06
	suspected         = "oracle://db.rst.yunze.example:1521/SHBX.JCGL.SWLQYD"  // DS25
	pensions          = "oracle://db.rst.yunze.example:1521/SHBX.DYFF.YLDYFF"  // DS16
)

// payments counts the pensions paid from a time on, until a time: one on the first of
// each month.
func payments(from, to time.Time) (n int) {
	for d := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, from.Location()); d.Before(to); d = d.AddDate(0, 1, 0) {
		if !d.Before(from) {
			n++
		}
	}
	return n
}

// paidAfterDeath: two persons whose pensions were paid on after they had died. Whose
// delay caused it is not the same for both.
func paidAfterDeath(t told) {
	day := func(s string) time.Time {
		d, err := time.Parse(time.RFC3339, at(s+" 00:00"))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	// P1 stood in DS02 on 20 September. By law D03 should have had it on the 25th.
	provided := get[duties](t, "/v1/duties", "case", "R-A02", "rule", "DL-03").Duties
	if len(provided) != 1 || provided[0].Due != "2025-09-25" || provided[0].Party != "D01" || provided[0].Violation != "39.4" {
		t.Fatalf("A02 had to be provided for: %+v", provided)
	}
	live := provided[0].Done
	if n := payments(day(provided[0].Due).AddDate(0, 0, 1), live); n != 1 {
		t.Errorf("%d payments between the day on which D03 should have known and %s, want 1", n, live)
	}
	// P2 died on 30 August and stood in DS02 on 2 December: A02 had long been live.
	died, known := day("2025-08-30"), day("2025-12-02")
	if n := payments(died, known); n != 4 || !live.Before(known) {
		t.Errorf("%d payments, want 4; A02 was live from %s", n, live)
	}
	// The crematorium's row was delivered on 19 September, with a number that matches nobody.
	type shares struct {
		Shares []struct {
			Type, Agreement string
			Time            time.Time
		}
	}
	var first time.Time
	for _, s := range get[shares](t, "/v1/shares", "entry", "DS08", "consumer", "D03", "to", at("2025-10-01 00:00")).Shares {
		if s.Type == "share.delivery.completed" && (first.IsZero() || s.Time.Before(first)) {
			first = s.Time
		}
	}
	if dayOf(first) != "2025-09-19" || payments(first, known) != 3 {
		t.Errorf("cremations were first delivered on %s, which would have stopped %d payments, want 2025-09-19 and 3", first, payments(first, known))
	}
	type finding struct {
		Finding struct {
			By, Provider, Agreement, Entry, Symptom, Assigned string
			Items                                             []string
		}
	}
	q03 := get[finding](t, "/v1/findings/Q03").Finding
	if q03.By != "D03" || q03.Assigned != "D04" || q03.Agreement != "A03" || q03.Symptom != "malformed" || !slices.Equal(q03.Items, []string{"gmsfhm"}) {
		t.Errorf("the wrong numbers of the crematoria: %+v", q03)
	}
	if q01 := get[finding](t, "/v1/findings/Q01").Finding; q01.Entry != "DS02" || q01.Symptom != "stale" || q01.Assigned != "D01" {
		t.Errorf("the late deregistrations: %+v", q01)
	}
	// Nobody had asked the hospitals before A15.
	type requests struct {
		Requests []struct {
			ID        string
			Submitted time.Time
		}
	}
	if asked := get[requests](t, "/v1/requests", "entry", "DS06").Requests; len(asked) != 1 || asked[0].ID != "R-A15" || dayOf(asked[0].Submitted) != "2026-02-12" {
		t.Errorf("certificates of death were asked for by %+v", asked)
	}
	// Where the date of death came from: the run of 3 December, by its own account.
	type trace struct {
		Steps []struct {
			Depth int
			Wrote string
			Job   string
			Begun time.Time
			Read  []string
		}
	}
	steps := get[trace](t, "/v1/lineage/trace", "node", "column:"+library+"#swrq", "on", at("2025-12-03 12:00")).Steps
	if len(steps) == 0 || !strings.HasSuffix(steps[0].Job, "/pop.merge_death") || dayOf(steps[0].Begun) != "2025-12-03" {
		t.Fatalf("the run that wrote the date of death: %+v", steps)
	}
	reads := func(dataset string) bool {
		return slices.ContainsFunc(steps[0].Read, func(c string) bool { return strings.HasPrefix(c, "column:"+dataset+"#") })
	}
	if !reads(deaths) || !reads(cremations) || reads(deathCertificates) {
		t.Errorf("the date of death was made of %v, want DS02 and DS08, and not DS06", steps[0].Read)
	}
	type paths struct {
		Paths []struct {
			Nodes []string
			Steps []struct{ Edges []struct{ Job string } }
		}
	}
	path := func(from, to, asOf string) paths {
		columns := fmt.Sprint(strings.HasPrefix(from, "column:"))
		return get[paths](t, "/v1/lineage/path", "from", from, "to", to, "columns", columns, "as_of", at(asOf))
	}
	found := path("column:"+deaths+"#swrq", "column:"+suspected+"#swrq", "2025-12-31 00:00").Paths
	if len(found) == 0 || !slices.Equal(found[0].Nodes, []string{"column:" + deaths + "#swrq", "column:" + library + "#swrq", "column:" + suspected + "#swrq"}) ||
		!strings.HasSuffix(found[0].Steps[1].Edges[0].Job, "/si.match_death") {
		t.Errorf("from DS02 to DS25: %+v", found)
	}
	if found := path("column:"+pensions+"#ffje", "column:"+suspected+"#ffje", "2025-12-31 00:00").Paths; len(found) == 0 || len(found[0].Nodes) != 2 {
		t.Errorf("from DS16 to DS25: %+v", found)
	}
	for asOf, want := range map[string]bool{"2026-03-29 00:00": false, "2026-03-31 00:00": true} {
		if leads := len(path("dataset:"+deathCertificates, "dataset:"+library, asOf).Paths) > 0; leads != want {
			t.Errorf("as of %s, DS06 goes into DS23: %v, want %v", asOf, leads, want)
		}
	}
}

type agreements struct{ Agreements []agreement }

type agreement struct {
	ID      string
	InForce bool `json:"in_force"`
	Grants  []struct {
		Entry string
		Items []string
	}
}

// grant lists the agreements of a list that grant an item.
func (l agreements) grant(entry, item string) (ids []string) {
	for _, a := range l.Agreements {
		for _, g := range a.Grants {
			if g.Entry == entry && slices.Contains(g.Items, item) {
				ids = append(ids, a.ID)
			}
		}
	}
	return ids
}

// leakedNumbers: names and telephone numbers of the population library turned up at a
// bank.
func leakedNumbers(t told) {
	granted := get[agreements](t, "/v1/agreements", "entry", "DS23", "valid_at", at("2026-01-14 21:40")).grant("DS23", "lxdh")
	if !slices.Equal(granted, []string{"A11"}) {
		t.Errorf("telephone numbers were granted by %v, want A11 alone", granted)
	}
	type accesses struct {
		Accesses []struct {
			Position                              int64
			Agreement, Consumer, Operator, Result string
			Time                                  time.Time
			RowCount                              int `json:"row_count"`
			Columns                               []string
			Flags                                 []struct{ Rule string }
		}
	}
	var most struct {
		rows           int
		operator, time string
	}
	for _, a := range get[accesses](t, "/v1/accesses", "entry", "DS23", "column", "lxdh", "from", at("2026-01-14 00:00"), "to", at("2026-01-16 00:00")).Accesses {
		if a.RowCount > most.rows {
			most.rows, most.operator, most.time = a.RowCount, a.Operator, a.Time.UTC().Format(time.DateTime)
		}
	}
	if most.rows != 182_406 || most.operator != "X2" || most.time != "2026-01-14 13:40:00" {
		t.Errorf("the call that took the most: %+v", most)
	}
	type records struct {
		Rows []struct {
			Type string
			Time time.Time
		}
	}
	var course []string
	for _, e := range get[records](t, "/v1/events", "agreement", "A11", "type", "share.agreement.").Rows {
		course = append(course, strings.TrimPrefix(e.Type, "share.agreement.")+" "+dayOf(e.Time))
	}
	if want := []string{"activated 2025-12-05", "suspended 2026-01-16", "resumed 2026-02-09"}; !slices.Equal(course, want) {
		t.Errorf("what became of A11: %v, want %v", course, want)
	}
	if onward := get[records](t, "/v1/events", "agreement", "A11", "type", "share.onward.").Rows; len(onward) > 0 {
		t.Errorf("consent to pass the data on: %v", onward)
	}
	if still := get[agreements](t, "/v1/agreements", "entry", "DS23").grant("DS23", "lxdh"); len(still) > 0 {
		t.Errorf("telephone numbers are granted still, by %v", still)
	}
	type impact struct{ Entries []struct{ ID string } }
	derived := func(node string) (ids []string) {
		for _, e := range get[impact](t, "/v1/lineage/impact", "node", node, "columns", "true").Entries {
			ids = append(ids, e.ID)
		}
		return ids
	}
	if got := derived("column:" + library + "#lxdh"); slices.Contains(got, "DS25") {
		t.Errorf("telephone numbers went on into %v", got)
	}
	if got := derived("column:" + library + "#swrq"); !slices.Contains(got, "DS25") {
		t.Errorf("dates of death went on into %v, want DS25 among them", got)
	}
}

// catalogAtTheEndOf2025: a duty had begun, and the content had not changed.
func catalogAtTheEndOf2025(t told) {
	type entry struct {
		Entry struct {
			Stage              string
			Version, Published int
			Items              []struct{ ID string }
		}
	}
	for _, c := range []struct {
		known, valid       string
		stage              string
		version, published int
		items              int
	}{
		{known: "2025-12-31 23:59", stage: "published", version: 1, published: 1, items: 7},
		{known: "2026-01-07 20:00", stage: "submitted", version: 2, published: 1, items: 8},
		{known: "2026-01-07 20:00", valid: "2026-01-07 20:00", stage: "published", version: 1, published: 1, items: 7},
		{known: "2026-03-31 00:00", valid: "2025-12-31 23:59", stage: "published", version: 1, items: 7},
		{known: "2026-03-31 00:00", stage: "published", version: 2, published: 2, items: 8},
	} {
		pairs := []string{"as_of", at(c.known)}
		if c.valid != "" {
			pairs = append(pairs, "valid_at", at(c.valid))
		}
		e := get[entry](t, "/v1/catalog/entries/DS03", pairs...).Entry
		if e.Stage != c.stage || e.Version != c.version || c.published != 0 && e.Published != c.published || len(e.Items) != c.items {
			t.Errorf("known %s, in force %s: %+v", c.known, c.valid, e)
		}
	}
	for _, d := range []struct{ rule, of, due, done string }{{"DL-05", "UD-DS03", "2026-01-06", "2026-01-07"}, {"DL-06", "DS03", "2026-01-09", "2026-01-08"}} {
		list := get[duties](t, "/v1/duties", "rule", d.rule, "case", d.of).Duties
		if len(list) != 1 || list[0].Due != d.due || dayOf(list[0].Done) != d.done {
			t.Errorf("%s of %s: %+v, want due %s and done %s", d.rule, d.of, list, d.due, d.done)
		}
	}
	// The bulletin that was issued for the region still is what the ledger says.
	type bulletin struct {
		Issued []struct {
			Bulletin string
			Agrees   bool
			Differs  []string
		}
	}
	issued := get[bulletin](t, "/v1/bulletins/2025-12", "region", "990000").Issued
	if len(issued) != 1 || !issued[0].Agrees {
		t.Errorf("the bulletin that was issued: %+v", issued)
	}
	// The list of what the province had in force then still has the root that was sealed.
	type summary struct {
		Entries int
		Root    []byte
		Sealed  []struct {
			Position int64
			Agrees   bool
			Differs  []string
		}
	}
	sum := get[summary](t, "/v1/catalog/summary/2025-12", "region", "990000")
	if len(sum.Sealed) != 1 || !sum.Sealed[0].Agrees {
		t.Fatalf("the summary that was sealed: %+v", sum)
	}
	type sealed struct {
		Event struct{ Data struct{ Root []byte } }
	}
	if root := get[sealed](t, fmt.Sprint("/v1/events/", sum.Sealed[0].Position)).Event.Data.Root; !slices.Equal(root, sum.Root) {
		t.Errorf("the root known today is %x, sealed was %x", sum.Root, root)
	}
}

// inputWithoutAuthority: everything that a job reads belongs to its owner, or is
// collected on a mandate, or was agreed on, but for one.
func inputWithoutAuthority(t told) {
	type parties struct {
		Parties []struct {
			ID    string
			Roles []struct{ Role, Scope string }
		}
	}
	collects := map[string]bool{}
	for _, p := range get[parties](t, "/v1/parties").Parties {
		for _, r := range p.Roles {
			collects[p.ID+" "+r.Scope] = collects[p.ID+" "+r.Scope] || r.Role == "collector_for"
		}
	}
	type entries struct {
		Entries []struct {
			ID, Provider string
			Resources    []struct{ Namespace, Name string }
		}
	}
	type edges struct {
		Nodes []struct {
			ID      string
			Entries []string
		}
		Edges []struct {
			From, To, Kind string
			First          int64
		}
	}
	owners := map[string]string{"etl.scjgj.yunze": "D02", "etl.rst.yunze": "D03", "etl.sjj.yunze": "D07", "etl.mzj.mingchuan": "C02"}
	providers := map[string]string{}
	list := get[entries](t, "/v1/catalog/entries", "limit", "1000").Entries
	for _, e := range list {
		providers[e.ID] = e.Provider
	}
	uncovered := map[string]string{}
	for _, e := range list {
		if len(e.Resources) == 0 {
			continue
		}
		g := get[edges](t, "/v1/lineage", "node", "dataset:"+e.Resources[0].Namespace+"/"+e.Resources[0].Name, "direction", "up", "depth", "1")
		describes := map[string][]string{}
		for _, n := range g.Nodes {
			describes[n.ID] = n.Entries
		}
		for _, read := range g.Edges {
			if read.Kind != "reads" {
				continue
			}
			owner := ""
			for host, party := range owners {
				if strings.Contains(read.To, host) {
					owner = party
				}
			}
			type record struct{ Event struct{ Time time.Time } }
			first := get[record](t, fmt.Sprint("/v1/events/", read.First)).Event.Time
			for _, input := range describes[read.From] {
				if providers[input] == owner || collects[owner+" "+e.ID] {
					continue
				}
				under := get[agreements](t, "/v1/agreements", "consumer", owner, "entry", input, "valid_at", first.Format(time.RFC3339)).Agreements
				if !slices.ContainsFunc(under, func(a agreement) bool { return a.InForce }) {
					uncovered[owner+" "+input] = dayOf(first)
				}
			}
		}
	}
	if len(uncovered) != 1 || uncovered["C02 DS20"] != "2026-01-16" {
		t.Errorf("inputs without authority: %v, want C02's of DS20 from 2026-01-16 on", uncovered)
	}
	found := get[violations](t, "/v1/violations", "party", "C02", "entry", "DS20", "rule", "access.no-agreement").Violations
	if len(found) != 6 || found[0].Code != "40.2" || dayOf(found[0].Time) != "2026-01-16" {
		t.Errorf("what the ledger itself makes of the calls: %+v", found)
	}
	inputs := get[violations](t, "/v1/violations", "rule", "lineage.input-not-covered").Violations
	if len(inputs) != 1 || inputs[0].Party != "C02" || inputs[0].Entry != "DS20" || inputs[0].Code != "40.2" || dayOf(inputs[0].Time) != "2026-01-16" {
		t.Errorf("what the ledger itself makes of the runs: %+v", inputs)
	}
}
