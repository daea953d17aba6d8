package ledger

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
)

// patrolUntil runs a patrol until what its status says will do, and returns that.
func patrolUntil(t *testing.T, l *Ledger, o PatrolOptions, enough func(PatrolStatus) bool) PatrolStatus {
	t.Helper()
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- l.Patrol(run, o) }()
	deadline := time.Now().Add(30 * time.Second)
	for !enough(l.PatrolStatus()) {
		if time.Now().After(deadline) {
			t.Fatalf("the patrol does not get there: %+v", l.PatrolStatus())
		}
		time.Sleep(time.Millisecond)
	}
	status := l.PatrolStatus()
	stop()
	if err := <-ended; err != nil {
		t.Fatalf("the patrol ended with %v", err)
	}
	if l.PatrolStatus().On {
		t.Fatal("a patrol that was stopped is said to go on")
	}
	return status
}

// A patrolled ledger has a clock by which a pass begins when the test says so.
type patrolled struct {
	*testLog
	hours *atomic.Int64
}

func newPatrolled(t *testing.T, o Options) patrolled {
	t.Helper()
	hours := new(atomic.Int64)
	o.Now = func() time.Time { return time.Now().Add(time.Duration(hours.Load()) * time.Hour) }
	return patrolled{newTestLog(t, o), hours}
}

// pass runs one whole pass that begins after the call, behind what is left of one
// that was interrupted.
func (p patrolled) pass(t *testing.T) PatrolStatus {
	t.Helper()
	p.hours.Add(2)
	from := events.TimeOf(p.opts.Now())
	return patrolUntil(t, p.Ledger, PatrolOptions{Rate: 1 << 40, Every: time.Hour}, func(s PatrolStatus) bool {
		return s.Began >= from && s.LastEnded > s.Began
	})
}

// TestPatrolFindsDamage: what is edited under a running ledger is found and named
// as a verification names it, logged once, and forgotten when it is repaired.
func TestPatrolFindsDamage(t *testing.T) {
	var log sharedBuffer
	tl := newPatrolled(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	tl.append(party(1), party(2))
	tl.fill("x", tamperSize-3)
	if s := tl.pass(t); len(s.Findings) != 0 || s.LastSize != tamperSize {
		t.Fatalf("of a sound book: %+v", s)
	}
	for name, c := range map[string]struct {
		rows [][]byte
		edit func(*pebble.DB) error
		want []finding
	}{
		"a record edited":        {[][]byte{recordKey(100)}, rowEdit(recordKey(100), flipAt(7)), []finding{{RecordEdited, 100, 100}}},
		"a record removed":       {[][]byte{recordKey(256)}, deleteRow(recordKey(256)), []finding{{RecordMissing, 256, 256}}},
		"the last record edited": {[][]byte{recordKey(tamperSize - 1)}, rowEdit(recordKey(tamperSize-1), flipAt(7)), []finding{{RecordEdited, tamperSize - 1, tamperSize - 1}}},
		"a tile edited":          {[][]byte{tileKey(0, 0)}, rowEdit(tileKey(0, 0), flipAt(40*32)), []finding{{TileEdited, 40, 40}}},
		"the end of a tile":      {[][]byte{tileKey(0, 0)}, rowEdit(tileKey(0, 0), flipAt(255*32)), []finding{{TileEdited, 255, 255}}},
		"a facet edited":         {[][]byte{facetKey(3, 0)}, rowEdit(facetKey(3, 0), flipAt(40)), []finding{{PayloadSwapped, 3, 3}}},
		"a facet removed":        {[][]byte{facetKey(3, 0)}, deleteRow(facetKey(3, 0)), []finding{{PayloadMissing, 3, 3}}},
		"an identity astray": {[][]byte{idKey(idHash("/tests", "reg-P001"))}, addRow(idKey(idHash("/tests", "reg-P001")), positionValue(7)),
			[]finding{{DerivedRow, 1, 1}}},
		"the head's root": {[][]byte{headKey}, editHead(func(h *headRow) { h.Root[0] ^= 1 }), []finding{{TailRewritten, tamperSize - 1, tamperSize - 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			was := make([][]byte, len(c.rows))
			for i, key := range c.rows {
				v, err := rowOf(tl.db, key)
				if err != nil {
					t.Fatal(err)
				}
				was[i] = v
			}
			if err := c.edit(tl.db); err != nil {
				t.Fatal(err)
			}
			log.Reset()
			s := tl.pass(t)
			var got []finding
			for _, f := range s.Findings {
				got = append(got, finding{f.Kind, f.From, f.To})
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("found %+v, want %v", s.Findings, c.want)
			}
			tl.pass(t)
			if n := strings.Count(log.String(), "level=ERROR"); n != len(c.want) {
				t.Errorf("logged %d errors in two passes, want %d:\n%s", n, len(c.want), log.String())
			}
			for i, key := range c.rows {
				if err := addRow(key, was[i])(tl.db); err != nil {
					t.Fatal(err)
				}
			}
			if s := tl.pass(t); len(s.Findings) != 0 {
				t.Errorf("after the repair: %+v", s.Findings)
			}
		})
	}
}

// TestManyFacetsGone: of a record that lacks many facets a patrol and a verification say the
// same each time, so that the log has one error for it.
func TestManyFacetsGone(t *testing.T) {
	var log strings.Builder
	tl := newPatrolled(t, Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))})
	ev := lineage("many", 2)
	ev.Facets = nil
	for i := range 16 {
		ev.Facets = append(ev.Facets, events.Facet{Name: fmt.Sprintf("f%02d", i), MediaType: "text/plain", Bytes: []byte("x")})
	}
	tl.append(ev)
	if err := tl.db.DeleteRange(facetKey(1, 0), facetKey(2, 0), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	want := []Finding{{PayloadMissing, 1, 1, `facet "f00" is gone, and no record says that it was erased`}}
	for range 3 {
		if s := tl.pass(t); !slices.Equal(s.Findings, want) {
			t.Errorf("found %+v", s.Findings)
		}
	}
	tl.close()
	if r := verifyStore(t, tl.fs, VerifyOptions{}); !slices.Equal(r.Findings, want) {
		t.Errorf("a verification finds %+v", r.Findings)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d errors are logged:\n%s", n, log.String())
	}
}

// sharedBuffer takes a log that goes on while it is read.
type sharedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *sharedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *sharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *sharedBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Reset()
}

// TestPatrolGoesOn: a pass goes on where it stopped, over a restart as well, and
// keeps to its rate.
func TestPatrolGoesOn(t *testing.T) {
	tl := newPatrolled(t, Options{})
	tl.append(party(1), party(2))
	tl.fill("x", tamperSize-3)
	for _, at := range []int64{10, 300} {
		if err := rowEdit(recordKey(at), flipAt(7))(tl.db); err != nil {
			t.Fatal(err)
		}
	}
	// At a byte a second the first tile is read, and then there is a long wait.
	first := func(s PatrolStatus) bool { return s.Position == tileWidth }
	if s := patrolUntil(t, tl.Ledger, PatrolOptions{Rate: 1}, first); len(s.Findings) != 1 || s.Findings[0].From != 10 {
		t.Fatalf("after the first tile: %+v", s)
	}
	if err := rowEdit(recordKey(10), flipAt(7))(tl.db); err != nil { // repaired
		t.Fatal(err)
	}
	tl.reopen()
	s := patrolUntil(t, tl.Ledger, PatrolOptions{Rate: 1 << 40, Every: 1000 * time.Hour}, func(s PatrolStatus) bool { return s.LastSize > 0 })
	if len(s.Findings) != 2 || s.Findings[0].From != 10 || s.Findings[1].From != 300 || s.LastSize != tamperSize {
		t.Fatalf("the pass did not go on where it stopped: %+v", s)
	}
	if s := tl.pass(t); len(s.Findings) != 1 || s.Findings[0].From != 300 {
		t.Fatalf("after another pass: %+v", s)
	}
	kept, err := readFile(tl.fs, tl.fs.PathJoin(testDir, "patrol"))
	if err != nil {
		t.Fatal(err)
	}
	for name, state := range map[string][]byte{"lost": []byte("{"), "of another program": bytes.Replace(kept, []byte(`"format": 1`), []byte(`"format": 2`), 1)} {
		if err := writeFileAtomic(tl.fs, tl.fs.PathJoin(testDir, "patrol"), state); err != nil {
			t.Fatal(err)
		}
		tl.reopen()
		if s := patrolUntil(t, tl.Ledger, PatrolOptions{Rate: 1}, first); s.LastSize != 0 {
			t.Errorf("its state is %s, and is taken up: %+v", name, s)
		}
		if s := tl.pass(t); len(s.Findings) != 1 || s.LastSize != tamperSize {
			t.Fatalf("after its state was %s: %+v", name, s)
		}
	}
}

// TestPatrolBesideWork: appends and erasures go on beside a patrol, which finds
// nothing; and a facet that is gone without a record of it is found all the same.
func TestPatrolBesideWork(t *testing.T) {
	tl := newPatrolled(t, Options{})
	tl.append(party(1), party(2))
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- tl.Patrol(run, PatrolOptions{Rate: 1 << 40, Every: time.Nanosecond}) }()
	tl.fill("x", 300)
	tl.append(access("named", "person-a"))
	tl.erase(Erasure{ID: "1", Owner: "person-a"}, 2)
	tl.fill("y", 300)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if s := tl.pass(t); len(s.Findings) != 0 || s.LastSize != tl.Head().Size {
		t.Fatalf("found %+v in %d records", s.Findings, tl.Head().Size)
	}
	at, ok, err := tl.Find("/tests", "named")
	if err != nil || !ok {
		t.Fatal(at, ok, err)
	}
	if err := deleteRow(erasedKey(at, 0))(tl.db); err != nil {
		t.Fatal(err)
	}
	if s := tl.pass(t); len(s.Findings) != 1 || s.Findings[0].Kind != PayloadMissing || s.Findings[0].From != at {
		t.Fatalf("a facet gone without a reason: %+v", s.Findings)
	}
}
