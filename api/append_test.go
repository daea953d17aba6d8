package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ledgerline/ledger/proof"
)

// TestModes: the modes of CloudEvents are one event to the ledger, and a repeat
// in any mode gets the receipt of the first.
func TestModes(t *testing.T) {
	f := newFixture(t, nil)
	event := registered("D01")
	first := f.post(event)
	if first.Position != 1 || first.ID != "register-D01" || first.Source != "urn:test" {
		t.Errorf("receipt %+v", first)
	}
	_, data, _ := strings.Cut(event, `"data":`)
	binary := []string{
		"Content-Type", "application/json", "Ce-Specversion", "1.0", "Ce-Id", "register-D01", "Ce-Source", "urn:test",
		"Ce-Type", "party.body.registered", "Ce-Time", "2026-01-07T01:00:00Z",
	}
	for _, c := range []struct {
		name, body string
		headers    []string
	}{
		{"structured", event, []string{"Content-Type", "application/cloudevents+json; charset=utf-8"}},
		{"plain JSON", event, []string{"Content-Type", "application/json"}},
		{"binary", strings.TrimSuffix(data, "}"), binary},
		{"gzip", gzipped(event), []string{"Content-Type", "application/cloudevents+json", "Content-Encoding", "gzip"}},
	} {
		r := f.do("POST", "/v1/events", c.body, c.headers...)
		var again receipt
		if r.status != http.StatusOK {
			t.Errorf("%s: %d %s", c.name, r.status, r.body)
			continue
		}
		r.into(t, &again)
		if again.Position != first.Position || again.LeafHash != first.LeafHash || again.Time != first.Time {
			t.Errorf("%s: another receipt: %+v, not %+v", c.name, again, first)
		}
		if r.header.Get("Location") != "/v1/events/1" {
			t.Errorf("%s: Location %q", c.name, r.header.Get("Location"))
		}
	}
	if n := f.ledger.Head().Size; n != 2 {
		t.Errorf("the repeats made records: %d", n)
	}
}

// TestReceiptIsEvidence: what a client gets is enough for another to check.
func TestReceiptIsEvidence(t *testing.T) {
	f := newFixture(t, nil)
	r := f.do("POST", "/v1/events", registered("D01"), "Content-Type", "application/json")
	rc, err := proof.ParseReceipt(r.body)
	if err != nil {
		t.Fatal(err)
	}
	v := f.ledger.Keys()
	if _, err := rc.Check("ledger.example/test", v); err != nil {
		t.Error(err)
	}
	p, err := proof.ParseInclusion(f.get(fmt.Sprintf("/v1/proofs/inclusion?position=%d", rc.Position)).body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Check(rc.LeafHash, "ledger.example/test", v); err != nil {
		t.Error(err)
	}
	var rec struct {
		LeafHash         string `json:"leaf_hash"`
		Leaf, Body, Salt []byte
	}
	f.get("/v1/records/1").into(t, &struct {
		LeafHash *string `json:"leaf_hash"`
		Leaf     *[]byte `json:"leaf"`
		Body     *[]byte `json:"body"`
		Salt     *[]byte `json:"salt"`
	}{&rec.LeafHash, &rec.Leaf, &rec.Body, &rec.Salt})
	if proof.LeafHash(rec.Leaf) != rc.LeafHash || hexHash(rc.LeafHash) != rec.LeafHash {
		t.Error("the record is not the one of the receipt")
	}
	if err := proof.CheckRecord(rec.Leaf, rec.Body, (*[32]byte)(rec.Salt)); err != nil {
		t.Error(err)
	}
	for i := range 5 {
		f.post(registered(fmt.Sprint("X", i)))
	}
	var c proof.Consistency
	if err := c.UnmarshalJSON(f.get("/v1/proofs/consistency?from=2").body); err != nil {
		t.Fatal(err)
	}
	if from, to, err := c.Check("ledger.example/test", v); err != nil || from.Size != 2 || to.Size != 7 {
		t.Errorf("consistency: %d, %d, %v", from.Size, to.Size, err)
	}
	asJSON := f.get("/v1/proofs/inclusion?position=1&size=3", "Accept", "application/json")
	if !strings.Contains(string(asJSON.body), hexHash(rc.LeafHash)) {
		t.Errorf("the proof as JSON: %s", asJSON.body)
	}
}

// TestBatch: receipts in order, all or nothing, and earlier events count.
func TestBatch(t *testing.T) {
	f := newFixture(t, nil)
	const media = "application/cloudevents-batch+json"
	r := f.do("POST", "/v1/events", "["+strings.Join(story(), ",")+"]", "Content-Type", media)
	var got struct {
		Receipts []receipt `json:"receipts"`
	}
	r.into(t, &got)
	if r.status != 201 || len(got.Receipts) != len(story()) {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for i, rc := range got.Receipts {
		if rc.Position != int64(i+1) {
			t.Errorf("event %d stands at %d", i, rc.Position)
		}
	}
	if r := f.do("POST", "/v1/events", "["+strings.Join(story()[:3], ",")+"]", "Content-Type", media); r.status != 200 {
		t.Errorf("a batch that was there already: %d", r.status)
	}
	if r := f.do("POST", "/v1/events", "["+story()[0]+","+registered("D99")+"]", "Content-Type", media); r.status != 201 {
		t.Errorf("a batch that was there in part: %d", r.status)
	}
}

// TestIfMatch: read, append if nothing came between, fail if something did.
func TestIfMatch(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	tag := f.get("/v1/catalog/entries/DS02").header.Get("ETag")
	if tag != `"6"` {
		t.Fatalf("ETag %s", tag)
	}
	f.post(ce("r1", "catalog.entry.revised", entryData("DS02", 2, "新标题")), "If-Match", tag)
	again := f.do("POST", "/v1/events", ce("r2", "catalog.entry.revised", entryData("DS02", 2, "又一个")), "Content-Type", "application/json", "If-Match", tag)
	if again.status != http.StatusPreconditionFailed {
		t.Errorf("a stale write: %d %s", again.status, again.body)
	}
	past := f.get("/v1/catalog/entries/DS02?as_of=3").header.Get("ETag")
	if past != `"1"` {
		t.Errorf("ETag as of the first draft: %s", past)
	}
}

// TestBackPressure: views that are further behind than they may be hold appends
// up, and let them go when they have caught up. Nothing is recorded by those
// that were refused.
func TestBackPressure(t *testing.T) {
	f := newIdleFixture(t, func(o *Options) { o.Limits.ViewLag, o.Limits.Wait = 2, 50*time.Millisecond })
	catchUp := func() {
		t.Helper()
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan error, 1)
		go func() { ran <- f.views.Run(ctx) }()
		if err := f.views.Wait(ctx, f.ledger.Head().Size-1); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-ran; err != nil {
			t.Fatal(err)
		}
	}
	catchUp()
	send := func(id string) reply {
		return f.do("POST", "/v1/events", registered(id), "Content-Type", "application/json")
	}
	for _, id := range []string{"D01", "D02", "D03"} { // the third makes the lag one too many
		if r := send(id); r.status != http.StatusCreated {
			t.Fatalf("%s: %d %s", id, r.status, r.body)
		}
	}
	r := send("D04")
	if p := r.problem(t); r.status != http.StatusServiceUnavailable || p.Rule != "views.far-behind" || r.header.Get("Retry-After") != "1" {
		t.Errorf("appending far ahead of the views: %d %s", r.status, r.body)
	}
	if n := f.ledger.Head().Size; n != 4 {
		t.Errorf("%d records", n)
	}
	catchUp()
	if r := send("D04"); r.status != http.StatusCreated {
		t.Errorf("after catching up: %d %s", r.status, r.body)
	}
}
