package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/events/rulepack"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// A clock is the hand of a test on time.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(month time.Month, day int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = time.Date(2026, month, day, 12, 0, 0, 0, time.UTC)
}

func day(month time.Month, day int) events.Time {
	return events.TimeOf(time.Date(2026, month, day, 12, 0, 0, 0, time.UTC))
}

// fixture is a ledger in memory, its views, and a clock at 2026-01-02.
type fixture struct {
	t     *testing.T
	book  *ledger.Ledger
	views *projections.Views
	clock *clock
	ids   int
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: &clock{}}
	f.clock.set(1, 2)
	fs := vfs.NewMem()
	if err := fs.MkdirAll("ledger", 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	f.book, err = ledger.Create("ledger", ledger.Options{Origin: "ledger.test/clock", FS: fs, CacheBytes: 8 << 20, Now: f.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.book.Close(); err != nil {
			t.Error(err)
		}
	})
	f.views = f.follow("views") // closed before the book
	for _, p := range []string{"P1", "P2", "P3"} {
		kind := "department"
		if p == "P1" {
			kind = "authority"
		}
		f.add(&events.PartyRegistered{Party: p, Name: "机关 " + p, Kind: kind, Region: "990000", Level: "provincial"})
	}
	return f
}

// follow opens views of the ledger and runs them.
func (f *fixture) follow(dir string) *projections.Views {
	f.t.Helper()
	views, err := projections.Open(dir, f.book, projections.Options{FS: vfs.NewMem(), CacheBytes: 8 << 20})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- views.Run(ctx) }()
	f.t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, views.Close()); err != nil {
			f.t.Error(err)
		}
	})
	return views
}

// add records data at the clock's time, under a retention class if one is given.
func (f *fixture) add(data events.Data, class ...string) int64 {
	f.t.Helper()
	return f.addAt(events.TimeOf(f.clock.Now()), false, data, class...)
}

func (f *fixture) addAt(at events.Time, imported bool, data events.Data, class ...string) int64 {
	f.t.Helper()
	f.ids++
	e := events.Event{ID: fmt.Sprint(f.ids), Source: "/tests", Schema: 1, Time: at, Principal: "tester", Imported: imported, Retention: strings.Join(class, ""), Data: data}
	for _, t := range events.Types() {
		if fmt.Sprintf("%T", t.NewData()) == fmt.Sprintf("%T", data) {
			e.Type = t.Name
		}
	}
	rs, err := f.book.Append(context.Background(), e)
	if err != nil {
		f.t.Fatalf("%T: %v", data, err)
	}
	return rs[0].Position
}

// publish brings an entry of P2 into force.
func (f *fixture) publish(entry string) {
	f.t.Helper()
	assessed := func(kind string) *events.EntryAssessed {
		return &events.EntryAssessed{Entry: entry, Version: 1, By: "P2", Kind: kind, Result: "passed"}
	}
	for _, d := range []events.Data{
		&events.EntryDrafted{
			Entry: entry, Version: 1, Provider: "P2", Title: "t", Items: []events.EntryItem{{ID: "id", Name: "项", Type: "text"}}, UpdateFrequency: "daily",
			Grade: "general-2", Region: "990000", Sharing: events.Sharing{Attribute: events.SharingUnconditional},
		},
		assessed(events.AssessSecrecy), assessed(events.AssessPersonal),
		&events.EntryDepartmentApproved{Entry: entry, Version: 1, By: "P2", Approver: "head", ApproverRole: events.RoleDepartmentHead},
		&events.EntrySubmitted{Entry: entry, Version: 1, By: "P2", To: "P1", SubmissionKind: events.SubmissionFirst},
		&events.EntryPublished{Entry: entry, Version: 1, By: "P1"},
	} {
		f.add(d)
	}
}

func agreement(id string, to events.Time) *events.AgreementActivated {
	return &events.AgreementActivated{
		Agreement: id, Provider: "P2", Consumer: "P3", Grants: []events.Grant{{Entry: "E1", EntryVersion: 1, Items: []string{"id"}}},
		Purposes: []string{"statistics"}, Method: "api", ValidFrom: day(1, 1), ValidTo: to, Onward: events.OnwardForbidden, Disposal: "return",
		LegalBasis: []events.LegalBasis{{Instrument: "cn809"}},
	}
}

// pass makes a pass and says what it recorded.
func pass(t *testing.T, s *Scheduler) (out []string) {
	t.Helper()
	done, err := s.Pass(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range done {
		out = append(out, d.Type+" "+d.ID+" "+d.Time.Std().Format("01-02"))
	}
	return out
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestAgreementsEnd: the end of a term, and each end whatever its cause, brings
// about what has to follow, once, at the time at which it fell due.
func TestAgreementsEnd(t *testing.T) {
	f := newFixture(t)
	f.publish("E1")
	for id, to := range map[string]events.Time{"A1": day(3, 1), "A2": day(9, 1), "A3": day(9, 1), "A4": day(2, 1)} {
		f.add(agreement(id, to))
	}
	old := agreement("A5", day(1, 2)-1)
	f.addAt(day(1, 1), true, old)
	f.addAt(day(1, 2)-1, true, &events.AgreementExpired{Agreement: "A5", By: "P2"}) // ended before the ledger
	f.add(&events.AgreementSuspended{Agreement: "A4", By: "P1", Cause: "x"})
	s := New(f.book, f.views, nil)
	equal(t, "nothing is due", pass(t, s), nil)
	f.clock.set(1, 10)
	f.add(&events.AgreementFulfilled{Agreement: "A2", By: "P3"})
	f.clock.set(2, 15)
	f.add(&events.AgreementFulfilled{Agreement: "A3", By: "P3"})
	f.add(&events.DisposalOpened{Disposal: "W3", Agreement: "A3", By: "P2", Provider: "P2", Consumer: "P3", Cause: events.StageFulfilled, Method: "erase"})
	equal(t, "in February", pass(t, s), []string{
		"disposal.duty.opened disposal/A2 01-10", "share.agreement.expired expired/A4 02-01", "disposal.duty.opened disposal/A4 02-01",
	})
	size := f.book.Head().Size
	equal(t, "again", pass(t, s), nil)
	equal(t, "another one, with views of its own", pass(t, New(f.book, f.follow("others"), nil)), nil)
	if got := f.book.Head().Size; got != size {
		t.Errorf("%d records, %d before", got, size)
	}
	f.clock.set(3, 1)
	equal(t, "on the first of March", pass(t, s), []string{"share.agreement.expired expired/A1 03-01", "disposal.duty.opened disposal/A1 03-01"})
	view, err := f.views.At(f.views.Applied())
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	list, err := view.Disposals(context.Background(), projections.DisposalQuery{Agreement: "A1"})
	if err != nil || len(list.Disposals) != 1 || list.Disposals[0].Method != "return" || list.Disposals[0].State != events.StageOpen {
		t.Errorf("%+v %v", list, err)
	}
}

// TestCrashBetween: a pass that ends anywhere is taken up where it ended, and two at
// once record each thing once.
func TestCrashBetween(t *testing.T) {
	f := newFixture(t)
	f.publish("E1")
	var want []string
	for i := range 8 {
		id := fmt.Sprintf("A%d", i)
		f.add(agreement(id, day(3, 1)))
		want = append(want, "expired/"+id, "disposal/"+id)
	}
	f.clock.set(4, 1)
	s := New(f.book, f.views, nil)
	due, err := s.Due(context.Background())
	if err != nil || len(due) != 8 {
		t.Fatalf("%d are due %v", len(due), err)
	}
	for _, d := range due[:3] { // all that came of it
		if _, err := f.book.FallDue(context.Background(), d.Type, d.ID, d.Time, d.Data); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if done, err := s.Pass(ctx); !errors.Is(err, context.Canceled) || len(done) > 0 {
		t.Errorf("a pass after the end: %v %v", done, err)
	}
	others := f.follow("others")
	var wg sync.WaitGroup
	for _, v := range []*projections.Views{f.views, others, f.views} {
		wg.Go(func() {
			if _, err := New(f.book, v, nil).Pass(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var got []string
	for e, err := range f.book.Scan(context.Background(), 0, f.book.Head().Size) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Event.Source, "/due") {
			got = append(got, e.Event.ID)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	equal(t, "recorded", got, want)
}

// TestMergedPartiesEntries: what a merged party had in the catalog has to be brought
// up to date, and its agreements end in the name of its successor.
func TestMergedPartiesEntries(t *testing.T) {
	f := newFixture(t)
	f.publish("E1")
	f.publish("E2")
	f.add(agreement("A1", day(3, 1)))
	f.add(&events.PartyMerged{Party: "P2", Into: "P1", Basis: "b"})
	s := New(f.book, f.views, nil)
	equal(t, "merged", pass(t, s), []string{"catalog.update_duty.opened update/E1/P2 01-02", "catalog.update_duty.opened update/E2/P2 01-02"})
	f.clock.set(3, 2)
	equal(t, "ended", pass(t, s), []string{"share.agreement.expired expired/A1 03-01", "disposal.duty.opened disposal/A1 03-01"})
	e, err := f.book.Get(context.Background(), f.book.Head().Size-1)
	if d, ok := e.Event.Data.(*events.DisposalOpened); err != nil || !ok || d.By != "P1" || d.Provider != "P2" {
		t.Errorf("%+v %v", e.Event.Data, err)
	}
}

// TestInvariant_I23: that the time of a class of records has ended is told when the
// pack's time is over and not before, once a month, if there are such records.
func TestInvariant_I23(t *testing.T) {
	f := newFixture(t)
	pack := `{"id":"p","version":"1","title":{"en":"t","zh":"t"},"source":"s","calendar":"c","deadlines":[],"violations":[],
		"retention":[{"class":"usage","title":{"en":"t","zh":"t"},"basis":"b","keep":{"months":2}},{"class":"other","title":{"en":"t","zh":"t"},"basis":"b","keep":{"days":1}}]}`
	if _, err := rulepack.ParsePack([]byte(pack)); err != nil {
		t.Fatal(err)
	}
	f.add(&events.RulePackPublished{Pack: "p", Version: "1", By: "P1", Content: pack})
	use := func() {
		f.add(&events.UsageRecorded{Record: fmt.Sprint(f.ids), Agreement: "A1", By: "P3", Period: events.Period{From: day(1, 1), To: day(1, 2)}, Scenario: "s", Process: "p", Storage: "s"}, "usage")
	}
	use()
	s := New(f.book, f.views, nil)
	for _, month := range []time.Month{1, 2, 3} { // kept from 2 January to 2 March, and told when that month is over
		f.clock.set(month, 28)
		equal(t, month.String(), pass(t, s), nil)
	}
	f.clock.set(4, 1)
	use()
	equal(t, "in April", pass(t, s), []string{"ledger.retention.ended retention/p/usage/2026-04 04-01"})
	f.clock.set(5, 31)
	equal(t, "in May", pass(t, s), nil)
	f.clock.set(7, 1)
	equal(t, "in July", pass(t, s), []string{"ledger.retention.ended retention/p/usage/2026-07 07-01"})
	equal(t, "again", pass(t, s), nil)
}

// TestRefusedIsLeftOut: what the rules refuse keeps nothing else from being
// recorded, and a clock that is not believed everything.
func TestRefusedIsLeftOut(t *testing.T) {
	f := newFixture(t)
	f.publish("E1")
	f.add(agreement("A1", day(3, 1)))
	f.clock.set(3, 2)
	d := Due{"expired/A9", "share.agreement.expired", day(3, 1), &events.AgreementExpired{Agreement: "A9", By: "P2"}}
	if _, err := f.book.FallDue(context.Background(), d.Type, d.ID, d.Time, d.Data); err == nil {
		t.Error("an agreement nobody knows has ended")
	}
	s := New(f.book, f.views, nil)
	if got := pass(t, s); len(got) != 2 {
		t.Errorf("%q", got)
	}
	f.clock.now = f.clock.now.AddDate(2, 0, 0)
	var wrong *ledger.ClockError
	if _, err := s.Pass(context.Background()); !errors.As(err, &wrong) {
		t.Errorf("two years ahead: %v", err)
	}
}

// TestRun makes passes until it is told to stop.
func TestRun(t *testing.T) {
	f := newFixture(t)
	f.publish("E1")
	f.add(agreement("A1", day(3, 1)))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	size := f.book.Head().Size
	go func() {
		defer close(done)
		New(f.book, f.views, nil).Run(ctx, time.Millisecond)
	}()
	f.clock.set(3, 2)
	if _, err := f.book.Wait(context.Background(), size+1); err != nil { // both records
		t.Fatal(err)
	}
	stop()
	<-done
}

// TestDissolvedPartiesEntries: what a dissolved party left in the catalog is a duty
// raised by the competent department of its region; where there is none, nothing is
// recorded in anybody's name.
func TestDissolvedPartiesEntries(t *testing.T) {
	f := newFixture(t)
	f.publish("E1")
	f.add(&events.PartyDissolved{Party: "P2", Basis: "b"})
	f.add(&events.PartyDissolved{Party: "P3", Basis: "b"}) // has no entries
	s := New(f.book, f.views, nil)
	equal(t, "dissolved", pass(t, s), []string{"catalog.update_duty.opened update/E1/P2 01-02"})
	e, err := f.book.Get(context.Background(), f.book.Head().Size-1)
	if d, ok := e.Event.Data.(*events.UpdateDutyOpened); err != nil || !ok || d.By != "P1" || d.Trigger != "duty_change" || !strings.Contains(d.Basis, "P2 was dissolved") {
		t.Errorf("%+v %v", e.Event.Data, err)
	}
	equal(t, "again", pass(t, s), nil)
	equal(t, "another one, with views of its own", pass(t, New(f.book, f.follow("others"), nil)), nil)

	lone := newFixture(t)
	lone.publish("E1")
	lone.add(&events.PartyDissolved{Party: "P1", Basis: "b"})
	lone.add(&events.PartyDissolved{Party: "P2", Basis: "b"})
	equal(t, "nobody is competent", pass(t, New(lone.book, lone.views, nil)), nil)
}

// TestUpdateDutiesClose: a duty to bring an entry up to date ends by the first version
// that comes into force after it was opened, once; one that somebody closed stays as it
// is.
func TestUpdateDutiesClose(t *testing.T) {
	f := newFixture(t)
	f.publish("E1")
	for _, duty := range []string{"U1", "U2"} {
		f.add(&events.UpdateDutyOpened{Duty: duty, Entry: "E1", Trigger: "law_change", TriggerDate: day(1, 1), Basis: "b", By: "P1"})
	}
	s := New(f.book, f.views, nil)
	equal(t, "the version in force is older", pass(t, s), nil)
	f.clock.set(1, 5)
	for _, d := range []events.Data{
		&events.EntryRevised{
			Entry: "E1", Version: 2, Provider: "P2", Title: "t2", Items: []events.EntryItem{{ID: "id", Name: "项", Type: "text"}}, UpdateFrequency: "daily",
			Grade: "general-2", Region: "990000", Sharing: events.Sharing{Attribute: events.SharingUnconditional}, ChangedPaths: []string{"/title"},
		},
		&events.EntryAssessed{Entry: "E1", Version: 2, By: "P2", Kind: events.AssessSecrecy, Result: "passed"},
		&events.EntryAssessed{Entry: "E1", Version: 2, By: "P2", Kind: events.AssessPersonal, Result: "passed"},
		&events.EntryDepartmentApproved{Entry: "E1", Version: 2, By: "P2", Approver: "head", ApproverRole: events.RoleDepartmentHead},
		&events.EntrySubmitted{Entry: "E1", Version: 2, By: "P2", To: "P1", SubmissionKind: events.SubmissionUpdate},
	} {
		f.add(d)
	}
	equal(t, "it is not in force yet", pass(t, s), nil)
	f.clock.set(1, 6)
	f.add(&events.EntryPublished{Entry: "E1", Version: 2, By: "P1"})
	f.add(&events.UpdateDutyClosed{Duty: "U2", Entry: "E1", ByVersion: 2, By: "P2"})
	f.clock.set(1, 9)
	equal(t, "in force", pass(t, s), []string{"catalog.update_duty.closed met/U1 01-06"})
	e, err := f.book.Get(context.Background(), f.book.Head().Size-1)
	if d, ok := e.Event.Data.(*events.UpdateDutyClosed); err != nil || !ok || d.ByVersion != 2 || d.By != "P1" {
		t.Errorf("%+v %v", e.Event.Data, err)
	}
	equal(t, "again", pass(t, s), nil)
	equal(t, "another one, with views of its own", pass(t, New(f.book, f.follow("others"), nil)), nil)
}
