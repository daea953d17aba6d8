package projections

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger"
)

// day is a moment of the scenarios: noon of a day of 2026, UTC.
func day(month time.Month, day int) events.Time {
	return events.TimeOf(time.Date(2026, month, day, 12, 0, 0, 0, time.UTC))
}

// book is a ledger in memory and a count of the ids given out.
type book struct {
	*ledger.Ledger
	t   testing.TB
	ids int
}

func newBook(t testing.TB) *book {
	t.Helper()
	fs := vfs.NewMem()
	if err := fs.MkdirAll("ledger", 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Create("ledger", ledger.Options{Origin: "ledger.test/views", FS: fs, CacheBytes: 8 << 20,
		Index: ledger.IndexOptions{Age: 1000 * time.Hour}}) // a slow machine must not add a record
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return &book{Ledger: l, t: t}
}

// claim is an event as a test states it.
type claim struct {
	at        events.Time
	effective events.Time
	until     events.Time
	party     string
	imported  bool
	number    uint64 // of producer gateway-1; 0: none
	data      events.Data
}

func (b *book) event(c claim) events.Event {
	b.ids++
	typ := ""
	for _, t := range events.Types() {
		if fmt.Sprintf("%T", t.NewData()) == fmt.Sprintf("%T", c.data) {
			typ = t.Name
		}
	}
	if ol, ok := c.data.(*events.OpenLineageReceived); ok { // as in life: one body, one digest
		ol.Digest = ""
		ol.Digest = digestOf(b.t, ol)
	}
	var producer *events.ProducerSeq
	if c.number != 0 {
		producer = &events.ProducerSeq{ID: "gateway-1", Seq: c.number}
	}
	return events.Event{
		Producer: producer, ID: fmt.Sprint(b.ids), Source: "/tests", Type: typ, Schema: 1, Time: c.at, EffectiveFrom: c.effective, EffectiveTo: c.until,
		Principal: "tester", Party: c.party, Imported: c.imported, Data: c.data,
	}
}

func digestOf(t testing.TB, data events.Data) string {
	t.Helper()
	body, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(body))
}

// add records claims, which must be admitted, and returns the position of the
// last.
func (b *book) add(claims ...claim) int64 {
	b.t.Helper()
	last := int64(-1)
	for _, c := range claims {
		rs, err := b.Append(context.Background(), b.event(c))
		if err != nil {
			b.t.Fatalf("%T: %v", c.data, err)
		}
		last = rs[0].Position
	}
	return last
}

// try records a claim if the rules allow it.
func (b *book) try(c claim) {
	b.t.Helper()
	_, err := b.Append(context.Background(), b.event(c))
	if r := (*events.Refusal)(nil); err != nil && !errors.As(err, &r) {
		b.t.Fatalf("%T: %v", c.data, err)
	}
}

// newViews opens empty views over a book.
func newViews(t testing.TB, l *ledger.Ledger) *Views {
	t.Helper()
	v, err := Open("views", l, Options{FS: vfs.NewMem(), CacheBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// newBlockedViews are newViews with blocks of calls so short that the books of tests fill
// some.
func newBlockedViews(t testing.TB, l *ledger.Ledger) *Views {
	t.Helper()
	v := newViews(t, l)
	v.blockWidth, v.store.blockWidth = 8, 8
	return v
}

// build applies the first n records in one run.
func build(t testing.TB, v *Views, n int64) {
	t.Helper()
	if err := v.apply(context.Background(), run{0, n}); err != nil {
		t.Fatal(err)
	}
}

// current opens a view of all that was applied.
func current(t testing.TB, v *Views) *View { return viewAt(t, v, v.Applied()) }

func viewAt(t testing.TB, v *Views, position int64) *View {
	t.Helper()
	w, err := v.At(position)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// rows dumps every row with a position up to at.
func rows(t testing.TB, v *Views, at int64) []byte {
	t.Helper()
	r, err := v.store.reader(latest)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for valid := r.it.SeekGE(before([]byte{byte(tMeta) + 1})); valid; valid = r.it.Next() {
		_, position, err := splitVersion(r.it.Key())
		if err != nil {
			t.Fatal(err)
		}
		if said := upTo(r.it.Key(), r.it.Value(), position, at); position <= at && said != nil {
			fmt.Fprintf(&out, "%x %x\n", r.it.Key(), said)
		}
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var tapes = []tape{tapeCalls, tapeShares, tapeRequests, tapeFindings, tapeDuties, tapeAgreements, tapeEntries, tapeResources}

// upTo is what a row says of positions up to at: of a packed row, its beginning;
// nil if that is nothing.
func upTo(key, value []byte, base, at int64) []byte {
	head, width := 0, 2
	switch t := table(key[0]); {
	case !t.packed():
		return value
	case t == tCount:
		head, width = 8, 4
	case t == tTape:
		for _, on := range tapes {
			if bytes.HasPrefix(key, on.key) {
				width = on.width()
			}
		}
	}
	for n := head; n < len(value); n += width {
		if base+int64(binary.BigEndian.Uint16(value[n:])) > at {
			if value = value[:n]; n == head {
				value = nil
			}
			break
		}
	}
	return value
}

// answers asks a fixed set of questions that reaches every view, and writes the
// answers as JSON.
func answers(t testing.TB, w *View) []byte {
	t.Helper()
	ctx := context.Background()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	say := func(answer any, err error) {
		if unknown := (*UnknownNodeError)(nil); errors.As(err, &unknown) {
			answer = unknown
		} else if err != nil {
			t.Fatal(err)
		}
		if err := enc.Encode(answer); err != nil {
			t.Fatal(err)
		}
	}
	one := func(answer any, _ bool, err error) { say(answer, err) }
	all := Page{Limit: MaxLimit}

	for _, id := range []string{"P1", "P4"} {
		history, err := w.PartyHistory(ctx, id)
		say(history, err)
	}
	for _, at := range []events.Time{0, day(2, 1), day(6, 1)} {
		parties, err := w.Parties(ctx, PartyQuery{ValidAt: at, Page: all})
		say(parties, err)
		requests, err := w.Requests(ctx, RequestQuery{ValidAt: at, Page: all})
		say(requests, err)
		findings, err := w.Findings(ctx, FindingQuery{ValidAt: at, Page: all})
		say(findings, err)
		for _, text := range []string{"", "登记", "date", "殡", "nowhere"} {
			entries, err := w.Entries(ctx, EntryQuery{Text: text, ValidAt: at, Facets: true, Page: all})
			say(entries, err)
		}
		disposals, err := w.Disposals(ctx, DisposalQuery{ValidAt: at, Page: all})
		say(disposals, err)
		agreements, err := w.Agreements(ctx, AgreementQuery{ValidAt: at, Page: all})
		say(agreements, err)
	}
	for _, q := range []CheckQuery{{}, {ValidAt: day(3, 1)}, {Entry: "E1"}, {Run: "r1"}, {Dataset: Dataset{"pg", "raw"}, Outcome: events.CheckFailed}} {
		q.Page = all
		checks, err := w.Checks(ctx, q)
		say(checks, err)
	}
	for _, id := range []string{"E1", "E2", "E3"} {
		history, err := w.EntryHistory(ctx, id)
		say(history, err)
	}
	for _, at := range []events.Time{0, day(6, 1)} {
		diff, err := w.CatalogDiff(ctx, viewAt(t, w.v, w.Position()/2), 0, at, all)
		say(diff, err)
	}
	accesses, err := w.Accesses(ctx, AccessQuery{Page: all})
	say(accesses, err)
	producers, err := w.Producers(ctx, ProducerQuery{Page: all})
	say(producers, err)
	for _, q := range []ShareQuery{{}, {Dataset: Dataset{"pg", "raw"}}, {Purpose: "statistics"}} {
		q.Page = all
		shares, err := w.Shares(ctx, q)
		say(shares, err)
	}
	hooked, err := w.HookRate(ctx, "")
	say(hooked, err)
	findings, err := w.Findings(ctx, FindingQuery{Page: all})
	say(findings, err)
	duties, err := w.Duties(ctx, DutyQuery{Page: all})
	say(duties, err)
	violations, err := w.Violations(ctx, ViolationQuery{Page: all})
	say(violations, err)
	for _, q := range []BulletinQuery{{From: day(1, 1), To: day(12, 28)}, {From: day(1, 1), To: day(3, 1), Party: "P2"}, {From: day(2, 1), To: day(12, 1), Region: "990000"}} {
		bulletin, err := w.Bulletin(ctx, q)
		say(bulletin, err)
	}
	for _, q := range []TimelineQuery{{}, {Entry: "E1"}, {Party: "P2"}, {Agreement: "A1", Descending: true}, {Dataset: Dataset{"pg", "raw"}}, {TypePrefix: "catalog."}} {
		q.Page = all
		timeline, err := w.Timeline(ctx, q)
		say(timeline, err)
	}
	for _, node := range []string{"dataset:pg/raw", "dataset:pg/clean", "job:etl/clean", "run:r1", "entry:E1", "column:pg/clean#id"} {
		for _, columns := range []bool{false, true} {
			g, err := w.Lineage(ctx, LineageQuery{Node: node, Columns: columns})
			say(g, err)
		}
	}
	for _, q := range []LineageQuery{
		{Node: "dataset:pg/clean", View: ViewDeclared}, {Node: "dataset:pg/clean", View: ViewObserved, From: day(2, 1), To: day(3, 10), Dropped: true},
		{Node: "dataset:pg/clean", View: ViewRun, Run: "r1"}, {Node: "job:etl/clean", Graph: GraphHierarchy},
		{Node: "dataset:pg/paper", ValidAt: day(6, 3)}, {Node: "dataset:pg/raw", View: ViewDeclared, ValidAt: day(7, 2)},
	} {
		g, err := w.Lineage(ctx, q)
		say(g, err)
	}
	for _, to := range []string{"dataset:pg/report", "entry:E1", "column:pg/clean#id"} {
		paths, err := w.Paths(ctx, PathQuery{From: "dataset:pg/raw", To: to})
		say(paths, err)
	}
	impact, err := w.Impact(ctx, ImpactQuery{Node: "dataset:pg/raw"})
	say(impact, err)
	exposure, err := w.Exposure(ctx, ExposureQuery{Node: "dataset:pg/raw"})
	say(exposure, err)
	changed, err := w.LineageDiff(ctx, viewAt(t, w.v, w.Position()/2), 0, LineageQuery{Node: "dataset:pg/raw"})
	say(changed, err)
	one(w.Run(ctx, "r1"))
	counts, err := w.Counts(ctx)
	say(counts, err)
	return out.Bytes()
}

// same compares dumps line by line.
func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range max(len(g), len(w)) {
		switch {
		case i >= len(g):
			t.Fatalf("%s: line %d is missing: %s", what, i, w[i])
		case i >= len(w):
			t.Fatalf("%s: line %d is too much: %s", what, i, g[i])
		case !bytes.Equal(g[i], w[i]):
			t.Fatalf("%s: line %d\n got %s\nwant %s", what, i, g[i], w[i])
		}
	}
}
