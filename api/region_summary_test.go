package api

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// TestRegionSummary: the list of what a region has in force is made again by hand, and
// what was sealed of it is held against it.
func TestRegionSummary(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	type summary struct {
		Period  events.Period
		Entries int
		Counts  map[string]int64
		Root    []byte
		Lines   []string
		AsOf    int64 `json:"as_of"`
		Head    []byte
		Sealed  []struct {
			RegionSummary string `json:"region_summary"`
			Agrees        bool
			Differs       []string
		}
	}
	ask := func(query string) (s summary) {
		t.Helper()
		f.caughtUp()
		r := f.get("/v1/catalog/summary/2026?region=990000" + query)
		if err := json.Unmarshal(r.body, &s); err != nil || r.status != http.StatusOK {
			t.Fatalf("%d %s: %v", r.status, r.body, err)
		}
		return s
	}
	now := ask("&list=true")
	if now.Entries != 1 || len(now.Lines) != 1 || now.Counts["conditional"] != 1 || len(now.Sealed) != 0 {
		t.Fatalf("the summary is %+v", now)
	}
	var shown struct {
		Entry struct {
			Position int64 `json:"position"`
		} `json:"entry"`
	}
	f.get("/v1/catalog/entries/DS02").into(t, &shown)
	leaf, err := f.ledger.LeafHash(shown.Entry.Position)
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("DS02\t1\t%d\t%x\n", shown.Entry.Position, leaf[:])
	root, err := proof.BatchRoot([][]byte{[]byte(line)})
	if err != nil || now.Lines[0] != line || !bytes.Equal(now.Root, root[:]) {
		t.Errorf("the root is %x over %q, want %x over %q", now.Root, now.Lines, root, line)
	}
	empty := sha256.Sum256(nil)
	if before := ask("&as_of=1"); before.Entries != 0 || !bytes.Equal(before.Root, empty[:]) || before.Counts == nil {
		t.Errorf("before there were entries: %+v", before)
	}
	// Sealed as it is, with another root, and by nobody who may.
	seal := func(id, by string, root []byte) string {
		text := base64.StdEncoding.EncodeToString
		return ce(id, "catalog.region_summary.sealed", fmt.Sprintf(`{"region_summary":%q,"by":%q,"region":"990000","period":{"from":%q,"to":%q},"entries":1,"counts":{"conditional":1},"root":%q,"as_of":%d,"head":%q}`,
			id, by, now.Period.From, now.Period.To, text(root), now.AsOf, text(now.Head)))
	}
	f.post(seal("true", "D07", now.Root))
	f.post(seal("false", "D07", now.Head))
	if r := f.do("POST", "/v1/events", seal("other", "D01", now.Root), "Content-Type", "application/cloudevents+json"); r.problem(t).Rule != "party.competent" {
		t.Errorf("sealed by the provider: %d %s", r.status, r.body)
	}
	sealed := ask("").Sealed
	if len(sealed) != 2 || sealed[0].Agrees || !slices.Equal(sealed[0].Differs, []string{"root"}) || !sealed[1].Agrees || sealed[1].RegionSummary != "true" {
		t.Errorf("what was sealed: %+v", sealed)
	}
	if r := f.get("/v1/catalog/summary/never?region=990000"); r.problem(t).Rule != "bulletin.period" {
		t.Errorf("of no period: %s", r.body)
	}
	if r := f.get("/v1/catalog/summary/2026"); r.problem(t).Status != http.StatusBadRequest {
		t.Errorf("of no region: %s", r.body)
	}
}

// TestCorrections: a record that was noted as wrong says so, and stays as it is.
func TestCorrections(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	const wrong = 3
	before := f.get(fmt.Sprintf("/v1/events/%d", wrong))
	note := f.post(ce("note", "ledger.correction.noted", fmt.Sprintf(`{"by":"D01","record":%d,"pointer":"/data/title","right":"another","description":"typed wrong"}`, wrong)))
	f.caughtUp()
	var after, first struct {
		LeafHash    string  `json:"leaf_hash"`
		CorrectedBy []int64 `json:"corrected_by"`
	}
	f.get(fmt.Sprintf("/v1/events/%d", wrong)).into(t, &after)
	if err := json.Unmarshal(before.body, &first); err != nil || len(first.CorrectedBy) != 0 || !slices.Equal(after.CorrectedBy, []int64{note.Position}) || after.LeafHash != first.LeafHash {
		t.Errorf("before %+v, after %+v, noted by %d (%v)", first, after, note.Position, err)
	}
	for lang, text := range map[string]string{"en": "Noted as wrong", "zh-CN": "已有记录指出此记录有误"} {
		page := f.get(fmt.Sprintf("/events/%d?lang=%s", wrong, lang), "Accept", "text/html")
		if !bytes.Contains(page.body, []byte(text)) || !bytes.Contains(page.body, fmt.Appendf(nil, `/events/%d`, note.Position)) {
			t.Errorf("the page in %s does not say so", lang)
		}
	}
}

// TestImportedIsSaid: what is from before the ledger says so wherever it is shown.
func TestImportedIsSaid(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	old := f.post(ce("old", "access.call.recorded", `{"call":"o","provider":"D01","consumer":"D03","purpose":"benefit_eligibility","entry":"DS02","method":"api","columns":["swrq"],"row_count":1,"result":"ok"}`,
		"imported", "true"))
	f.caughtUp()
	var record struct {
		Imported bool `json:"imported"`
	}
	f.get(fmt.Sprintf("/v1/events/%d", old.Position)).into(t, &record)
	if !record.Imported {
		t.Error("the record does not say that it was imported")
	}
	for _, path := range []string{fmt.Sprintf("/events/%d", old.Position), "/events?order=desc", "/accesses"} {
		for lang, text := range map[string]string{"en": "from before the ledger", "zh-CN": "账本启用前"} {
			page := f.get(path, "Accept", "text/html", "Accept-Language", lang)
			if n := bytes.Count(page.body, []byte(text)); n != 1 {
				t.Errorf("%s in %s says %d times that something is from before the ledger, want once", path, lang, n)
			}
		}
	}
	// In a bundle, the words for people say so, beside the mark in the record itself.
	bundle := f.do("POST", "/v1/evidence", fmt.Sprintf(`{"events":{"positions":[%d]}}`, old.Position), "Content-Type", "application/json")
	files, err := zip.NewReader(bytes.NewReader(bundle.body), int64(len(bundle.body)))
	if err != nil {
		t.Fatalf("%d %.200s: %v", bundle.status, bundle.body, err)
	}
	for name, texts := range map[string][]string{
		"README.txt": {"1 are about the time before the ledger", "账本启用之前"}, "summary.html": {"from before the ledger", "账本启用前"},
		fmt.Sprintf("records/%019d.json", old.Position): {`"imported":`},
	} {
		var text []byte
		if file, err := files.Open(name); err == nil {
			text, _ = io.ReadAll(file)
		}
		for _, want := range texts {
			if !bytes.Contains(text, []byte(want)) {
				t.Errorf("%s of the bundle does not say %q: %.300s", name, want, text)
			}
		}
	}
}
