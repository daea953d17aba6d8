package ledger

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// ctx is the context of tests that are not about contexts.
var ctx = context.Background()

var seedFlag = flag.Uint64("seed", 0, "replay the random operations of this seed; 0 draws a fresh one")

// seeded returns a source of randomness whose seed a failing test shows.
func seeded(t testing.TB) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay with: go test ./ledger -run '^%s$' -seed %d", t.Name(), seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// fewer is n, or less under the race detector.
func fewer(n int) int {
	if underRace {
		return max(1, n/4)
	}
	return n
}

const testDir = "ledger"

// A testLog is a ledger under test, where it lives, and the model of what it has
// to hold.
type testLog struct {
	*Ledger
	t     testing.TB
	fs    vfs.FS
	opts  Options
	model *model
}

// newTestLog creates a ledger in memory, or on the file system of the options.
func newTestLog(t testing.TB, o Options) *testLog {
	t.Helper()
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	if o.Origin == "" {
		o.Origin = "ledger.example/test"
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 8 << 20
	}
	if o.Index.Age == 0 { // a slow machine must not add a record that the model does not expect
		o.Index.Age = 1000 * time.Hour
	}
	l, err := Create(testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	tl := &testLog{Ledger: l, t: t, fs: o.FS, opts: o, model: newModel()}
	t.Cleanup(tl.close)
	if !o.Index.Off {
		// Until the index is taken up, which this waits for: there is nothing to commit
		// to yet. Pebble's file system in memory deadlocks if it is copied in the moment
		// in which a directory is being locked (MemFS.Lock reads its lock twice), and the
		// index locks its own beside the caller.
		if err := l.CommitIndex(ctx); err != nil {
			t.Fatal(err)
		}
	}
	genesis, err := l.Get(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	tl.model.put(0, genesis.Event)
	return tl
}

func (tl *testLog) close() {
	if tl.Ledger == nil {
		return
	}
	if err := tl.Ledger.Close(); err != nil {
		tl.t.Errorf("closing: %v", err)
	}
	tl.Ledger = nil
}

// reopen closes the ledger and opens it again.
func (tl *testLog) reopen() {
	tl.t.Helper()
	tl.close()
	l, err := Open(testDir, tl.opts)
	if err != nil {
		tl.t.Fatalf("reopening: %v", err)
	}
	tl.Ledger = l
}

func (tl *testLog) check() {
	tl.t.Helper()
	checkLedger(tl.t, tl.Ledger, tl.model)
}

// append appends events that have to be admitted, and holds the receipts to what
// the model expects.
func (tl *testLog) append(batch ...events.Event) []Receipt {
	tl.t.Helper()
	sent := slices.Clone(batch)
	receipts, err := tl.Append(ctx, batch...)
	if err != nil {
		tl.t.Fatalf("appending %d events, the first a %s: %v", len(batch), sent[0].Type, err)
	}
	if len(receipts) != len(sent) {
		tl.t.Fatalf("%d receipts for %d events", len(receipts), len(sent))
	}
	for i, r := range receipts {
		tl.checkReceipt(sent[i], r)
	}
	return receipts
}

func (tl *testLog) checkReceipt(sent events.Event, r Receipt) {
	tl.t.Helper()
	want, known := tl.model.ids[identity{sent.Source, sent.ID}]
	if !known {
		want = tl.model.next()
		tl.model.put(want, sent)
	}
	if r.Position != want || r.Repeated != known || r.ID != sent.ID || r.Source != sent.Source {
		tl.t.Fatalf("receipt for %s is %+v; want position %d, repeated %v", sent.ID, r, want, known)
	}
	if _, err := r.Check(tl.Origin(), verifiers(tl.Ledger)); err != nil {
		tl.t.Fatalf("receipt for %s: %v", sent.ID, err)
	}
	leaf, err := tl.LeafHash(r.Position)
	if err != nil || leaf != r.LeafHash {
		tl.t.Fatalf("receipt for %s has leaf hash %s; the tree has %s (%v)", sent.ID, r.LeafHash, leaf, err)
	}
}

// refuse appends a batch that has to be refused as a whole.
func (tl *testLog) refuse(want events.Refusal, batch ...events.Event) {
	tl.t.Helper()
	before := tl.Head()
	_, err := tl.Append(ctx, batch...)
	var r *events.Refusal
	if !errors.As(err, &r) {
		tl.t.Fatalf("want a refusal by %s, got %v", want.Rule, err)
	}
	if r.Rule != want.Rule || r.Class != want.Class || r.Index != want.Index {
		tl.t.Fatalf("refused as %s, class %d, event %d: %v\nwant %s, class %d, event %d", r.Rule, r.Class, r.Index, r, want.Rule, want.Class, want.Index)
	}
	if r.Detail == "" || r.Fix == "" {
		tl.t.Fatalf("the refusal %s does not say what is wrong and what would be accepted: %+v", r.Rule, r)
	}
	if after := tl.Head(); after.Size != before.Size || after.Root != before.Root {
		tl.t.Fatalf("a refused batch moved the head from %d to %d records", before.Size, after.Size)
	}
}

// copyFS copies a whole file system in memory.
func copyFS(t testing.TB, from vfs.FS) *vfs.MemFS {
	t.Helper()
	to := vfs.NewMem()
	if _, err := vfs.Clone(from, to, "", ""); err != nil {
		t.Fatal(err)
	}
	return to
}

// tamper edits the rows of a closed store behind the ledger's back.
func tamper(t testing.TB, fs vfs.FS, edit func(db *pebble.DB) error) {
	t.Helper()
	db, err := openBook(Options{FS: fs, CacheBytes: 1 << 20}.withDefaults(testDir), testDir, bookOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(edit(db), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// damaged asserts that an error is a DamageError.
func asDamage(t testing.TB, err error) *DamageError {
	t.Helper()
	var d *DamageError
	if !errors.As(err, &d) {
		t.Fatalf("want a *DamageError, got %v", err)
	}
	if d.What == "" || d.Fix == "" {
		t.Fatalf("the error does not say what happened and what to do: %+v", d)
	}
	return d
}

// A clock is set by the test.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func (c *clock) move(d time.Duration) { c.now = c.now.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)} }

// The events of the tests. Each call makes an event that shares nothing with
// another.

func event(id, typ string, data events.Data) events.Event {
	return events.Event{ID: id, Source: "/tests", Type: typ, Schema: 1, Time: 1, Principal: "tester", Data: data}
}

func party(n int) events.Event {
	id := fmt.Sprintf("P%03d", n)
	return event("reg-"+id, "party.body.registered",
		&events.PartyRegistered{Party: id, Name: "Party " + id, Kind: "department", Region: "990000", Level: "provincial"})
}

func issue(id, about string) events.Event {
	return event(id, "quality.issue.reported", &events.QualityIssueReported{
		Issue: about, By: "P001", Entry: "E1", Dimension: "GB36344:0302", Symptom: "wrong", Severity: "minor",
		Description: "seen by " + id, SampleRefs: []string{"s-" + id},
	})
}

func closing(id, about string) events.Event {
	return event(id, "quality.issue.closed", &events.QualityIssueClosed{Issue: about, By: "P001", Outcome: "wont_fix", Reason: "reloaded"})
}

// access is an event with two facets: sealed if it names a person, else one
// plain one.
func access(id, person string) events.Event {
	subjects := 1
	return event(id, "access.call.recorded", &events.AccessRecorded{
		Call: id, Provider: "P001", Consumer: "P002", Purpose: "benefit", Entry: "E1", Method: "api", Columns: []string{"a", "b"},
		RowCount: 3, SubjectCount: &subjects, Result: events.AccessOK, DataSubject: person, Query: "select a, b for " + id,
	})
}

// lineage is an event found by a number of dataset names.
func lineage(id string, names int) events.Event {
	d := &events.OpenLineageReceived{Kind: events.OpenLineageRun, EventType: "COMPLETE", EventTime: 5, Run: "run-" + id, Digest: "00ff"}
	d.Verdict.Conformant = true
	for i := range names {
		d.Inputs = append(d.Inputs, events.LineageInput{Namespace: "pg", Name: fmt.Sprintf("%s.t%05d", id, i)})
	}
	ev := event(id, "lineage.openlineage.received", d)
	ev.Facets = []events.Facet{{Name: events.OpenLineageFacet, MediaType: "application/json", Bytes: []byte(strings.Repeat("{}", 20))}}
	return ev
}

// fill appends n varied events in batches of at most 50.
func (tl *testLog) fill(prefix string, n int) {
	tl.t.Helper()
	for n > 0 {
		batch := make([]events.Event, 0, 50)
		for len(batch) < min(n, 50) {
			id := fmt.Sprintf("%s-%d-%d", prefix, n, len(batch))
			switch len(batch) % 4 {
			case 0:
				batch = append(batch, issue(id, prefix))
			case 1:
				batch = append(batch, access(id, "person-"+prefix))
			case 2:
				batch = append(batch, access(id, ""))
			default:
				batch = append(batch, lineage(id, 3))
			}
		}
		tl.append(batch...)
		n -= len(batch)
	}
}

// continuations counts the records that must follow an event: one for each 1,000
// keys beyond the first 1,024.
func continuations(ev events.Event) int64 {
	keys := map[string]bool{"type": true, "subject": true, "principal": true}
	if ev.Party != "" {
		keys["party "+ev.Party] = true
	}
	for _, n := range ev.Names() {
		keys[n.Kind+" "+strings.Join(n.Parts, "\x00")] = true
	}
	return int64(max(0, len(keys)-proof.MaxKeys)+999) / 1000
}

// verify closes the ledger, verifies its store, and opens it again.
func (tl *testLog) verify() {
	tl.t.Helper()
	tl.close()
	if r := verifyStore(tl.t, tl.fs, VerifyOptions{}); !r.OK() {
		tl.t.Fatalf("verifying found %+v", r.Findings)
	}
	tl.reopen()
}

func verifyStore(t testing.TB, fs vfs.FS, o VerifyOptions) *Report {
	t.Helper()
	o.FS = fs
	r, err := Verify(ctx, testDir, o)
	if err != nil {
		t.Fatalf("verifying: %v", err)
	}
	return r
}
