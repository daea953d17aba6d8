package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"ledgerline/ledger/proof"
)

// proven fetches a completeness proof in both forms and checks it as a stranger.
func (f *fixture) proven(query string) (completenessJSON, *proof.Complete) {
	f.t.Helper()
	r := f.get("/v1/proofs/completeness?" + query)
	if r.status != 200 {
		f.t.Fatalf("%s: %d %s", query, r.status, r.body)
	}
	var view completenessJSON
	r.into(f.t, &view)
	p, err := proof.ParseCompleteness(view.Proof)
	if err != nil {
		f.t.Fatal(err)
	}
	c, err := p.Check(p.Question, "ledger.example/test", f.ledger.Keys())
	if err != nil {
		f.t.Fatal(err)
	}
	if len(view.Records) != len(c.Records) || view.Matches != c.Matches || view.Size != c.Size || view.Commit != c.Commit || view.Closed != c.Closed || view.NotCovered == "" {
		f.t.Fatalf("%s: the view %+v is not what the proof shows, %+v", query, view, c)
	}
	cbor := f.get("/v1/proofs/completeness?"+query, "Accept", "application/cbor")
	if q, err := proof.ParseCompleteness(cbor.body); err != nil || len(q.Records) != len(p.Records) || cbor.header.Get("Content-Type") != "application/cbor" {
		f.t.Fatalf("%s: as CBOR: %v, %v", query, err, cbor.header)
	}
	return view, c
}

// TestCompleteness: what the route proves is what was told.
func TestCompleteness(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	for query, want := range map[string]int{
		"key=entry:DS02":                                                10,
		"key=entry:DS99":                                                0,
		"key=party:D01":                                                 9,
		"key=agreement:A02":                                             3,
		"key=type:access.call.recorded":                                 2,
		"key=subject:entry/DS02":                                        6,
		"key=dataset:postgres://pop:5432/hj.death":                      3, // two runs, and the draft that names it
		"key=entry:DS02&also=type:access.call.recorded":                 2,
		"key=entry:DS02&to=2026-01-08T01:30:00Z":                        0,
		"key=" + url.QueryEscape(`["entry","DS02"]`):                    10,
		"key=" + url.QueryEscape(`[["agreement","A02"],["party","X"]]`): 3,
	} {
		_, c := f.proven(query)
		if c.Matches != want {
			t.Errorf("%s: %d records match, want %d", query, c.Matches, want)
		}
	}
	// As of a position, nothing later is shown, and that is for good.
	_, c := f.proven("key=entry:DS02&as_of=5")
	if !c.Closed || c.Matches != 3 {
		t.Errorf("as of position 5: closed %v, %d match", c.Closed, c.Matches)
	}
	// By the first commitment over it, however many come later; each can be asked for.
	f.post(ce("q98", "quality.issue.reported", `{"issue":"Q98","by":"D03","entry":"DS02","dimension":"timeliness","symptom":"stale","severity":"major","description":"x"}`))
	_, newest := f.proven("key=entry:DS02")
	if newest.Commit == c.Commit || newest.Matches != 11 {
		t.Errorf("a new record: the proof rests on %d again, %d match", newest.Commit, newest.Matches)
	}
	if _, again := f.proven("key=entry:DS02&as_of=5"); again.Commit != c.Commit || again.Size != c.Size || again.Matches != 3 {
		t.Errorf("as of position 5, asked again: by the commitment at %d over %d, %d match; it was %d over %d", again.Commit, again.Size, again.Matches, c.Commit, c.Size)
	}
	if _, then := f.proven(fmt.Sprint("key=entry:DS02&commit=", c.Commit)); then.Commit != c.Commit || then.Size != c.Size || then.Matches != 10 || then.Closed {
		t.Errorf("as of the commitment at %d: by that at %d over %d, %d match, closed %v", c.Commit, then.Commit, then.Size, then.Matches, then.Closed)
	}
}

func TestCompletenessBadInput(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	f.proven("key=entry:DS02") // there is a commitment
	for query, rule := range map[string]string{
		"": "query.required", "key=DS02": "query.value", "key=person:x": "query.value", "key=entry:": "query.value",
		"key=subject:DS02": "query.value", "key=dataset:nowhere/x": "node.unknown", "key=" + url.QueryEscape(`["entry"]`): "query.value",
		"key=" + url.QueryEscape(`[["entry","a"],["entry","a"]]`): "query.value", "key=" + url.QueryEscape(`[1]`): "query.value",
		"key=entry:a&also=entry:a": "query.value", "key=entry:a&from=2026-01-08T02:00:00Z&to=2026-01-08T01:00:00Z": "query.value",
		"key=entry:a&as_of=9999": "position.unknown", "key=entry:a&commit=1": "commit.unknown", "key=entry:a&commit=9999": "commit.unknown",
		"key=entry:a&commit=0": "query.value", "key=entry:a&as_of=1&commit=1": "query.contradiction", "key=entry:a&format=xml": "query.value", "key=entry:a&limit=3": "query.unknown",
	} {
		r := f.get("/v1/proofs/completeness?" + query)
		if p := r.problem(t); p.Rule != rule || p.Fix == "" {
			t.Errorf("%q: %d %s: %s", query, r.status, p.Rule, p.Detail)
		}
	}
}

// TestProvenAnswers: answers that ask for it say what their completeness rests on,
// and the proof they name shows it.
func TestProvenAnswers(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	f.post(ce("an1", "access.anomaly.flagged", `{"anomaly":"AN1","by":"D01","rule":"volume","provider":"D01","consumer":"D03","agreement":"A02","entry":"DS02","period":{"from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z"},"facts":[11],"severity":"major","description":"x"}`)) // no call, though its type begins as theirs
	for _, path := range []string{
		"/v1/events?subject=entry/DS02", "/v1/events?party=D01", "/v1/events?entry=DS02&type=access.", "/v1/events?entry=DS02&type=access.call.recorded",
		"/v1/events?dataset=postgres://pop:5432/hj.death", "/v1/events?agreement=A02&party=D03", "/v1/events?principal=anonymous", "/v1/events", "/v1/events?type=catalog.",
		"/v1/events?type=no.such", "/v1/events?party=D01&text=DS02", "/v1/events?party=D01&limit=2", "/v1/events?party=D01&order=desc&as_of=6",
		"/v1/events?party=D01&from=2026-01-08T01:30:00Z&to=2026-01-08T01:30:00.02Z",
		"/v1/events?entry=DS02&from=0001-01-01T00:00:00Z", "/v1/events?from=9999-01-01T00:00:00Z&to=0001-01-02T00:00:00Z",
		"/v1/shares", "/v1/shares?provider=D01", "/v1/shares?consumer=D03&entry=DS02", "/v1/shares?entry=DS99",
		"/v1/accesses", "/v1/accesses?flagged=true", "/v1/accesses?agreement=A02", "/v1/accesses?provider=D01&consumer=D03", "/v1/accesses?entry=DS02&as_of=7",
		"/v1/agreements", "/v1/agreements?party=D01", "/v1/agreements?provider=D03", "/v1/agreements?entry=DS02&state=active",
	} {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		var a struct {
			Ledger Standing `json:"ledger"`
		}
		r := f.get(path + sep + "proof=complete")
		if r.status != 200 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
			continue
		}
		r.into(t, &a)
		b := a.Ledger.Basis
		if b == nil || len(b.Names) == 0 || b.NotCovered == "" {
			t.Fatalf("%s: the answer has the basis %+v", path, b)
		}
		_, c := f.proven(strings.TrimPrefix(b.Proof, "/v1/proofs/completeness?"))
		same := func(a, b proof.Name) bool { return slices.Equal(a, b) }
		if path == "/v1/events?party=D01" && b.Derived != 2 { // the publication and the issue name the entry only, not its provider
			t.Errorf("%s: %d derived rows", path, b.Derived)
		}
		if c.Matches != b.Matches || !slices.EqualFunc(c.Names, b.Names, same) || !slices.EqualFunc(c.Also, b.Also, same) {
			t.Errorf("%s: %+v, but its proof shows %+v", path, b, c)
		}
	}
	for path, rule := range map[string]string{
		"/v1/events?source=urn:test&id=e1&proof=complete":                    "proof.unsupported",
		"/v1/agreements?dataset=postgres://pop:5432/hj.death&proof=complete": "proof.unsupported",
		"/v1/events?proof=some": "query.value",
	} {
		if p := f.get(path).problem(t); p.Rule != rule {
			t.Errorf("%s: %s", path, p.Rule)
		}
	}
	// Asking adds at most one commitment for what was appended.
	if size := f.ledger.Head().Size; size > int64(len(story())+5) {
		t.Errorf("asking has brought the ledger to %d records", size)
	}
}

// TestProvenContinuation: a record with more keys than its leaf holds is proven by
// its continuation.
func TestProvenContinuation(t *testing.T) {
	f := newFixture(t, nil)
	var inputs []string
	for i := range 1500 {
		inputs = append(inputs, fmt.Sprintf(`{"namespace":"pg","name":"t%04d"}`, i))
	}
	if r := f.do("POST", "/api/v1/lineage", fmt.Sprintf(`{"eventType":"START","eventTime":"2026-01-07T01:30:00Z","run":{"runId":%q},"job":{"namespace":"etl","name":"merge"},
		"inputs":[%s],"producer":"https://example.org/etl","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}`, runID, strings.Join(inputs, ","))); r.status != 201 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	f.caughtUp()
	continued := 0
	for i := range 40 {
		path := fmt.Sprintf("/v1/events?dataset=pg/t%04d&proof=complete", i*37)
		if r := f.get(path); r.status != 200 {
			t.Fatalf("%s: %d %s", path, r.status, r.body)
		}
		_, c := f.proven(fmt.Sprintf("key=dataset:pg/t%04d", i*37))
		if len(c.Records) != 1 {
			t.Fatalf("%s: %d records", path, len(c.Records))
		}
		if c.Records[0].Body.Type == proof.ContinuedType {
			continued++
		}
	}
	if continued == 0 || continued == 40 {
		t.Errorf("%d of 40 names lead to the continuation", continued)
	}
}

// TestClaimAgrees: an answer that does not hold against the book is not given.
func TestClaimAgrees(t *testing.T) {
	shown := &proof.Complete{Size: 10, Matches: 2}
	for _, at := range []uint64{3, 5} {
		shown.Records = append(shown.Records, proof.CompleteRecord{Leaf: proof.Leaf{Position: at}, Matches: true})
	}
	shown.Records = append(shown.Records, proof.CompleteRecord{Leaf: proof.Leaf{Position: 6}})
	for _, c := range []struct {
		rows    []int64
		whole   bool
		ok      bool
		derived int
	}{
		{[]int64{3, 5}, true, true, 0}, {[]int64{5}, false, true, 0}, {[]int64{5}, true, false, 0}, {[]int64{3, 5, 6}, true, true, 1},
		{[]int64{4}, false, true, 1}, {[]int64{3, 5, 12}, true, true, 0}, {nil, false, true, 0}, {nil, true, false, 0}, {[]int64{4, 7}, true, false, 0},
	} {
		cl := claim{rows: c.rows, whole: c.whole}
		if derived, err := cl.agrees(shown, nil); (err == nil) != c.ok || derived != c.derived {
			t.Errorf("%+v: %d derived, %v", c, derived, err)
		}
	}
}

// TestOtherNames: all that is recorded about a dataset includes what is recorded
// under the names that symlinks and renames give it.
func TestOtherNames(t *testing.T) {
	f := newFixture(t, nil)
	post := func(n int, dataset string) {
		t.Helper()
		body := fmt.Sprintf(`{"eventTime":"2026-01-07T01:3%d:00Z","dataset":%s,"producer":"https://example.org/etl","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent"}`, n, dataset)
		if r := f.do("POST", "/api/v1/lineage", body); r.status != 201 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	facet := func(f string) string {
		return `"_producer":"https://example.org/etl","_schemaURL":"https://openlineage.io/spec/facets/1-0-1/` + f + `.json"`
	}
	post(0, `{"namespace":"pg","name":"old"}`)
	post(1, `{"namespace":"pg","name":"new","facets":{"lifecycleStateChange":{`+facet("LifecycleStateChangeDatasetFacet")+`,"lifecycleStateChange":"RENAME","previousIdentifier":{"namespace":"pg","name":"old"}}}}`)
	post(2, `{"namespace":"hive","name":"copy","facets":{"symlinks":{`+facet("SymlinksDatasetFacet")+`,"identifiers":[{"namespace":"pg","name":"new","type":"TABLE"}]}}}`)
	post(3, `{"namespace":"pg","name":"unrelated"}`)
	f.caughtUp()
	for _, name := range []string{"pg/old", "pg/new", "hive/copy"} {
		view, c := f.proven("key=dataset:" + name)
		if len(view.Names) != 3 || c.Matches != 3 {
			t.Errorf("%s: the names %q, %d records", name, view.Names, c.Matches)
		}
	}
}

func TestPublicBody(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	f.proven("key=entry:DS02") // makes a commitment
	state, err := f.ledger.IndexState()
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, state.Commit} {
		r := f.get(fmt.Sprint("/log/body/", at))
		rec, err := f.ledger.Record(at)
		if err != nil || r.status != 200 || string(r.body) != string(rec.Body) {
			t.Fatalf("position %d: %d, %v", at, r.status, err)
		}
	}
	if p := f.get("/log/body/1").problem(t); p.Rule != "body.private" {
		t.Errorf("a body that is not public: %s", p.Rule)
	}
}
