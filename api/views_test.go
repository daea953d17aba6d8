package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"ledgerline/events"
)

// standingOf reads what an answer speaks for.
func standingOf(t *testing.T, r reply) Standing {
	t.Helper()
	var a struct {
		Ledger Standing `json:"ledger"`
	}
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	r.into(t, &a)
	return a.Ledger
}

// TestQuestions asks every question about the views, and holds each answer to
// its description and to something it must say.
func TestQuestions(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	last := f.ledger.Head().Size - 1
	node := url.QueryEscape("dataset:hive/pop.main")
	for path, says := range map[string]string{
		"/v1/events":                                              `"type":"ledger.genesis"`,
		"/v1/events?type=access.&order=desc":                      `"position":12`,
		"/v1/events?subject=entry/DS02":                           `catalog.entry.published`,
		"/v1/events?party=D03":                                    `share.agreement.activated`,
		"/v1/events?entry=DS02&type=quality":                      `quality.issue.reported`,
		"/v1/events?agreement=A02":                                `access.call.recorded`,
		"/v1/events?dataset=hive/pop.main":                        `lineage.openlineage.received`,
		"/v1/events?principal=dev&limit=2":                        `"complete":false`,
		"/v1/events?source=urn:test&id=e1":                        `catalog.entry.drafted`,
		"/v1/events?source=urn:test&id=none":                      `"rows":[]`,
		"/v1/events/13":                                           `两周未更新`,
		"/v1/catalog/entries":                                     `户籍注销信息`,
		"/v1/catalog/entries?text=" + url.QueryEscape("死亡"):       `"id":"DS02"`,
		"/v1/catalog/entries?text=deaths&stage=published":         `"id":"DS02"`,
		"/v1/catalog/entries?stage=withdrawn":                     `"entries":[]`,
		"/v1/catalog/entries/DS02":                                `"subject_version":6`,
		"/v1/catalog/entries/DS02?as_of=3":                        `"stage":"drafted"`,
		"/v1/catalog/entries/DS02?valid_at=2026-01-08T02:00:00Z":  `"id":"DS02"`,
		"/v1/catalog/entries/DS02/history":                        `catalog.entry.submitted`,
		"/v1/catalog/diff?from=2":                                 `"change":"added"`,
		"/v1/catalog/diff?from=3&to=9":                            `"DS02"`,
		"/v1/parties":                                             `部门 D01`,
		"/v1/parties/D03":                                         `"subject_version":1`,
		"/v1/agreements?party=D03&state=active":                   `"A02"`,
		"/v1/agreements/A02":                                      `"subject_version":1`,
		"/v1/shares?consumer=D03":                                 `"A02"`,
		"/v1/accesses":                                            `"c1"`,
		"/v1/accesses?flagged=true":                               `access.column-not-granted`,
		"/v1/findings?state=reported":                             `"Q1"`,
		"/v1/findings/Q1":                                         `"severity":"major"`,
		"/v1/lineage?node=" + node:                                `hj.death`,
		"/v1/lineage?node=" + node + "&columns=true&direction=up": `swrq`,
		"/v1/lineage?node=" + node + "&max_nodes=1":               `"complete":false`,
		"/v1/runs/" + runID:                                       `COMPLETE`,
		"/v1/status":                                              `"origin":"ledger.example/test"`,
		"/healthz":                                                `"status":"ok"`,
		"/readyz":                                                 `"ready":true`,
	} {
		r := f.get(path)
		if r.status != 200 || !strings.Contains(string(r.body), says) {
			t.Errorf("%s: %d, no %s in %s", path, r.status, says, r.body)
			continue
		}
		if strings.HasPrefix(path, "/v1/") && !strings.Contains(path, "as_of") && !strings.Contains(path, "to=") {
			if st := standingOf(t, r); st.Position != last || st.Time == 0 {
				t.Errorf("%s speaks for %+v, not for %d", path, st, last)
			}
		}
	}
	dot := f.get("/v1/lineage?format=dot&node=" + node)
	if dot.status != 200 || !strings.HasPrefix(dot.header.Get("Content-Type"), "text/vnd.graphviz") || !strings.Contains(string(dot.body), "digraph lineage") || !strings.Contains(string(dot.body), "hj.death") {
		t.Errorf("dot: %d %s", dot.status, dot.body)
	}
}

// TestAsOf: the same question, of any past moment, by position or by time, has
// the answer it had then.
func TestAsOf(t *testing.T) {
	f := newFixture(t, nil)
	var then []string
	question := func(at string) string {
		r := f.get("/v1/catalog/entries" + at)
		if r.status != 200 {
			t.Fatalf("%s: %d %s", at, r.status, r.body)
		}
		_, entries, _ := strings.Cut(string(r.body), `"entries":`)
		return entries
	}
	times := []string{}
	for _, e := range story() {
		rc := f.post(e)
		then = append(then, question(fmt.Sprintf("?after=%d&as_of=%d", rc.Position, rc.Position)))
		times = append(times, rc.Time)
	}
	for i := range then {
		if got := question(fmt.Sprintf("?as_of=%d", i+1)); got != then[i] {
			t.Errorf("as of %d: %s\nthen: %s", i+1, got, then[i])
		}
		for _, at := range []string{url.QueryEscape(times[i]), zoned(t, times[i])} {
			if got := question("?as_of=" + at); got != then[i] {
				t.Errorf("as of %s: %s\nthen: %s", at, got, then[i])
			}
		}
	}
}

// zoned writes a time in the zone of China, with the + that queries spoil.
func zoned(t *testing.T, s string) string {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.In(time.FixedZone("", 8*3600)).Format(time.RFC3339Nano)
}

// TestPages: the parts of a list make the whole, without a row twice or missing,
// whatever is appended between them; and a cursor serves its own question only.
func TestPages(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	var whole, parts []int64
	type list struct {
		Ledger Standing `json:"ledger"`
		Rows   []struct {
			Position int64 `json:"position"`
		} `json:"rows"`
		Next string `json:"next"`
	}
	var all list
	f.get("/v1/events").into(t, &all)
	for _, row := range all.Rows {
		whole = append(whole, row.Position)
	}
	cursor := ""
	for i := 0; ; i++ {
		var part list
		r := f.get("/v1/events?limit=2&cursor=" + cursor)
		r.into(t, &part)
		for _, row := range part.Rows {
			parts = append(parts, row.Position)
		}
		if part.Ledger.Position != all.Ledger.Position {
			t.Errorf("part %d speaks for %d, the first for %d", i, part.Ledger.Position, all.Ledger.Position)
		}
		if more := part.Next != ""; part.Ledger.Complete == more || len(part.Ledger.LimitsHit) > 0 != more || strings.Contains(r.header.Get("Link"), `rel="next"`) != more {
			t.Errorf("part %d is not honest about what follows: %s", i, r.body)
		}
		if cursor = part.Next; cursor == "" {
			break
		}
		f.post(registered(fmt.Sprint("X", i)))
		f.caughtUp()
	}
	if fmt.Sprint(whole) != fmt.Sprint(parts) {
		t.Errorf("in parts %v, whole %v", parts, whole)
	}
	var part list
	f.get("/v1/events?limit=2").into(t, &part)
	if p := f.get("/v1/events?limit=2&type=access.&cursor=" + part.Next).problem(t); p.Rule != "cursor.foreign" {
		t.Errorf("a cursor of another question: %+v", p)
	}
	if p := f.get("/v1/events?limit=2&as_of=3&cursor=" + part.Next).problem(t); p.Rule != "cursor.position" {
		t.Errorf("a cursor of another position: %+v", p)
	}
}

// TestAfter: one reads one's own write, and waits no longer than allowed.
func TestAfter(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Limits.Wait = 2 * time.Second })
	rc := f.post(registered("D01"))
	if r := f.get(fmt.Sprintf("/v1/parties/D01?after=%d", rc.Position)); r.status != 200 {
		t.Errorf("one's own write: %d %s", r.status, r.body)
	}
	idle := newIdleFixture(t, func(o *Options) { o.Limits.Wait = time.Millisecond })
	rc = idle.post(registered("D01"))
	for _, query := range []string{"after", "as_of"} { // recorded, but not in the views
		if p := idle.get(fmt.Sprintf("/v1/parties?%s=%d", query, rc.Position)).problem(t); p.Status != 504 || p.Rule != "after.not-reached" {
			t.Errorf("%s: %+v", query, p)
		}
	}
	if st := standingOf(t, idle.get("/v1/parties")); st.Position != -1 {
		t.Errorf("views that know nothing speak for %+v", st)
	}
}

// TestReady: not before the views have caught up.
func TestReady(t *testing.T) {
	idle := newIdleFixture(t, nil)
	if r := idle.get("/readyz"); r.status != 503 || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := idle.get("/"); r.status != 200 {
		t.Errorf("the start page before the views are built: %d %s", r.status, r.body)
	}
	f := newFixture(t, nil)
	f.caughtUp()
	for deadline := time.Now().Add(10 * time.Second); f.get("/readyz").status != 200; {
		if time.Now().After(deadline) {
			t.Fatalf("caught up, and not ready: %s", f.get("/readyz").body)
		}
	}
}

// TestEventRoundTrip: an event read back can be sent again, and is the same one.
func TestEventRoundTrip(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	var got struct {
		Event cloudEventRead `json:"event"`
	}
	f.get("/v1/events/9").into(t, &got)
	back, err := events.DecodeStructured(got.Event)
	if err != nil {
		t.Fatal(err)
	}
	if r := f.do("POST", "/v1/events", string(got.Event), "Content-Type", "application/json"); r.status != 200 {
		t.Errorf("the event read back is not the event sent (%s): %d %s", back.ID, r.status, r.body)
	}
}

type cloudEventRead []byte

func (c *cloudEventRead) UnmarshalJSON(b []byte) error {
	*c = append(cloudEventRead{}, b...)
	return nil
}
