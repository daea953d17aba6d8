package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

func (tl *testLog) backup(dest string) Manifest {
	tl.t.Helper()
	m, err := tl.Backup(ctx, dest)
	if err != nil {
		tl.t.Fatal(err)
	}
	return m
}

// dropBook removes the book and leaves what lies beside it.
func dropBook(t *testing.T, fs vfs.FS, dir string) {
	t.Helper()
	if err := fs.RemoveAll(bookDir(fs, dir)); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreNewest(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(party(1), party(2))
	tl.fill("x", 300)
	m := tl.backup("backup")
	if m.Size != tl.Head().Size || m.Origin != tl.Origin() {
		t.Fatalf("the manifest says %+v", m)
	}
	if _, err := tl.Backup(ctx, "backup"); err == nil {
		t.Fatal("a backup was overwritten")
	}
	if _, err := Restore(ctx, "backup", testDir, RestoreOptions{FS: tl.fs}); err == nil {
		t.Fatal("a book was overwritten")
	}
	tl.close()
	dropBook(t, tl.fs, testDir)
	_, err := Open(testDir, tl.opts)
	if d := asDamage(t, err); !strings.Contains(d.What, "303 records") {
		t.Fatalf("without its book the ledger is refused with %v", err)
	}
	var done, total int64
	restored, err := Restore(ctx, "backup", testDir, RestoreOptions{FS: tl.fs, Progress: func(d, n int64) { done, total = d, n }})
	if err != nil || restored != m || done != total || total == 0 {
		t.Fatalf("restored %+v with progress %d of %d: %v", restored, done, total, err)
	}
	tl.reopen()
	tl.check()
	tl.append(access("after", "person-x"))
	tl.check()
	tl.verify()
}

// TestRestoreOld: a backup that ends before what was acknowledged would give its
// positions away a second time. It is refused however it gets there.
func TestRestoreOld(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(party(1), party(2))
	tl.fill("x", 100)
	m := tl.backup("backup")
	tl.fill("y", 20)
	tl.close()
	dropBook(t, tl.fs, testDir)

	_, err := Restore(ctx, "backup", testDir, RestoreOptions{FS: tl.fs})
	if d := asDamage(t, err); d.LastProvable != m.Size-1 {
		t.Fatalf("restoring is refused with last provable position %d, not %d: %v", d.LastProvable, m.Size-1, err)
	}
	// By hand, past the guard of Restore.
	if _, err := vfs.Clone(tl.fs, tl.fs, "backup/book", bookDir(tl.fs, testDir)); err != nil {
		t.Fatal(err)
	}
	_, err = Open(testDir, tl.opts)
	if d := asDamage(t, err); d.LastProvable != m.Size-1 {
		t.Fatalf("opening is refused with last provable position %d, not %d: %v", d.LastProvable, m.Size-1, err)
	}
	checkFindings(t, verifyStore(t, tl.fs, VerifyOptions{}), []finding{{Truncated, m.Size, m.Size + 19}})

	// The way forward is a ledger of its own that says whom it succeeds.
	next, err := Create("next", Options{FS: tl.fs, Origin: "ledger.example/test-2", Predecessor: []byte(m.Checkpoint), CacheBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := next.Get(ctx, 0)
	if err != nil || genesis.Event.Data.(*events.Genesis).Predecessor != m.Checkpoint {
		t.Fatalf("the successor's genesis is %+v, %v", genesis.Event.Data, err)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreDamagedOrForeign(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(party(1))
	tl.backup("backup")
	tl.close()
	dropBook(t, tl.fs, testDir)
	restore := func(change func(fs vfs.FS)) error {
		fs := copyFS(t, tl.fs)
		change(fs)
		_, err := Restore(ctx, "backup", testDir, RestoreOptions{FS: fs})
		if _, serr := fs.Stat(bookDir(fs, testDir)); serr == nil {
			t.Fatal("a refused backup was put in place")
		}
		return err
	}
	if err := restore(func(fs vfs.FS) { fs.Remove("backup/" + manifestName) }); err == nil || !strings.Contains(err.Error(), "not a complete backup") {
		t.Fatalf("without a manifest: %v", err)
	}
	err := restore(func(fs vfs.FS) {
		if err := fs.Rename("backup/book", testDir+"/book"); err != nil {
			t.Fatal(err)
		}
		tamper(t, fs, rowEdit(recordKey(1), flipAt(7)))
		if err := fs.Rename(testDir+"/book", "backup/book"); err != nil {
			t.Fatal(err)
		}
	})
	if d := asDamage(t, err); d.LastProvable != 0 {
		t.Fatalf("an edited backup: %v", err)
	}
	other := newTestLog(t, Options{Origin: "ledger.example/other"})
	other.backup("backup")
	if err := restore(func(fs vfs.FS) {
		b, err := readFile(other.fs, "backup/"+manifestName)
		if err == nil {
			err = writeFileAtomic(fs, "backup/"+manifestName, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}); err == nil {
		t.Fatal("a backup was taken with the manifest of another")
	}
}

// TestBackupUnderLoad backs up while others append: each backup is whole and a
// beginning of the ledger.
func TestBackupUnderLoad(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(party(1))
	tl.model.partial = true
	var made []Manifest
	for i := range 4 {
		var wg sync.WaitGroup
		for w := range 3 {
			wg.Go(func() {
				for n := range 10 {
					if _, err := tl.Append(ctx, batchOf(w, 100*i+n, 7)...); err != nil {
						t.Error(err)
					}
				}
			})
		}
		if _, err := tl.Wait(ctx, tl.Head().Size+40); err != nil {
			t.Fatal(err)
		}
		made = append(made, tl.backup(fmt.Sprint("backup-", i)))
		tl.check() // of the ledger itself, under load
		wg.Wait()
	}
	tl.close()
	for i, m := range made {
		dir := fmt.Sprint("restored-", i)
		if _, err := Restore(ctx, fmt.Sprint("backup-", i), dir, RestoreOptions{FS: tl.fs}); err != nil {
			t.Fatal(err)
		}
		// A backup holds no owners' keys: without them what is sealed cannot be opened.
		r, err := Verify(ctx, dir, VerifyOptions{FS: tl.fs, Since: []byte(m.Checkpoint)})
		if err != nil || len(r.Findings) == 0 || r.Findings[0].Kind != PayloadMissing {
			t.Fatalf("backup %d without the owners' keys: %+v, %v", i, r, err)
		}
		if _, err := vfs.Clone(tl.fs, tl.fs, testDir+"/owners", dir+"/owners"); err != nil {
			t.Fatal(err)
		}
		r, err = Verify(ctx, dir, VerifyOptions{FS: tl.fs, Since: []byte(m.Checkpoint)})
		if err != nil || !r.OK() || r.Size < m.Size {
			t.Fatalf("backup %d: %+v, %v", i, r, err)
		}
		// It is a beginning of what the ledger went on to hold.
		if r, err = Verify(ctx, testDir, VerifyOptions{FS: tl.fs, Since: []byte(m.Checkpoint)}); err != nil || !r.OK() {
			t.Fatalf("the ledger does not begin with backup %d: %+v, %v", i, r, err)
		}
	}
	tl.reopen()
	tl.check()
}

func TestCreateAndOpenAreDifferent(t *testing.T) {
	fs := vfs.NewMem()
	o := Options{FS: fs, Origin: "ledger.example/test", CacheBytes: 8 << 20}
	if _, err := Open(testDir, o); !errors.Is(err, ErrNotExist) {
		t.Fatalf("opening nothing gives %v", err)
	}
	for _, origin := range []string{"", "with space", "plus+sign", "new\nline"} {
		if _, err := Create(testDir, Options{FS: fs, Origin: origin}); err == nil {
			t.Fatalf("the origin %q was taken", origin)
		}
	}
	l, err := Create(testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(testDir, o); !errors.Is(err, ErrExists) {
		t.Fatalf("creating twice gives %v", err)
	}
	if _, err := Open(testDir, o); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Fatalf("opening twice at once gives %v", err)
	}
	if _, err := Verify(ctx, testDir, VerifyOptions{FS: fs}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Fatalf("verifying an open store gives %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dropBook(t, fs, testDir)
	if _, err := Create(testDir, o); err == nil || !strings.Contains(err.Error(), "head witness") {
		t.Fatalf("creating over the head witness of another ledger gives %v", err)
	}
}

func TestSigningKey(t *testing.T) {
	tl := newTestLog(t, Options{})
	other := newTestLog(t, Options{Origin: "ledger.example/test"})
	foreign, err := readFile(other.fs, other.Ledger.opts.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	path := tl.Ledger.opts.KeyFile
	tl.close()
	own, err := readFile(tl.fs, path)
	if err != nil {
		t.Fatal(err)
	}
	for what, content := range map[string][]byte{"foreign": foreign, "garbage": []byte("PRIVATE+KEY+x"), "empty": nil} {
		if err := writeFileAtomic(tl.fs, path, content); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(testDir, tl.opts); err == nil || !strings.Contains(err.Error(), "signing key") {
			t.Fatalf("with a %s key: %v", what, err)
		}
	}
	if err := tl.fs.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testDir, tl.opts); err == nil || !strings.Contains(err.Error(), "signing key") {
		t.Fatalf("without a key: %v", err)
	}
	if err := writeFileAtomic(tl.fs, path, own); err != nil {
		t.Fatal(err)
	}
	tl.reopen()
	tl.check()
}

func TestHeadWitness(t *testing.T) {
	tl := newTestLog(t, Options{HeadFile: "elsewhere"})
	tl.append(party(1), party(2))
	tl.fill("x", 60)
	tl.close()
	older, _, err := readWitness(tl.fs, "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	tl.reopen()
	tl.fill("y", 10)
	witnessed(t, tl.Ledger, tl.fs)
	tl.close()
	newest, _, err := readWitness(tl.fs, "elsewhere")
	if err != nil || bytes.Equal(older, newest) {
		t.Fatalf("the head witness did not move: %v", err)
	}
	// An older head, as a power cut may leave, still fits.
	if err := createWitness(tl.fs, "elsewhere", older); err != nil {
		t.Fatal(err)
	}
	tl.reopen()
	tl.check()
	tl.append(access("later", ""))
	tl.close()
	// Another ledger's does not.
	other := newTestLog(t, Options{Origin: "ledger.example/other"})
	if err := createWitness(tl.fs, "elsewhere", other.Head().Checkpoint); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testDir, tl.opts); err == nil || !strings.Contains(err.Error(), "head witness") {
		t.Fatalf("with another ledger's head: %v", err)
	}
	// None at all is told and begun anew.
	if err := tl.fs.Remove("elsewhere"); err != nil {
		t.Fatal(err)
	}
	var log sharedBuffer
	tl.opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
	tl.reopen()
	if !strings.Contains(log.String(), "no head witness") {
		t.Fatalf("the log says %q", log.String())
	}
	tl.check()
	cp, _, err := readWitness(tl.fs, "elsewhere")
	if err != nil || !bytes.Equal(cp, tl.Head().Checkpoint) {
		t.Fatalf("the new head witness holds %q: %v", cp, err)
	}
	if _, err := proof.OpenCheckpoint(cp, tl.Origin(), verifiers(tl.Ledger)); err != nil {
		t.Fatal(err)
	}
}

// TestWaiting: readers wait for positions and heads, and are woken by what they
// wait for, the end of their context, or the end of the ledger.
func TestWaiting(t *testing.T) {
	tl := newTestLog(t, Options{})
	head := tl.Head()
	woken := make(chan error, 2)
	go func() {
		h, err := tl.Next(ctx, head)
		if err == nil && h.Size <= head.Size {
			err = fmt.Errorf("woken with a head of %d", h.Size)
		}
		woken <- err
	}()
	go func() {
		h, err := tl.Wait(ctx, 5)
		if err == nil && h.Size < 6 {
			err = fmt.Errorf("woken with a head of %d", h.Size)
		}
		woken <- err
	}()
	for i := range 5 {
		tl.append(party(i))
	}
	for range 2 {
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, err := tl.Wait(short, 1000); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("after its time, waiting gives %v", err)
	}
	l := tl.Ledger
	go func() {
		_, err := l.Wait(ctx, 1000)
		woken <- err
	}()
	tl.close()
	if err := <-woken; !errors.Is(err, ErrClosed) {
		t.Fatalf("when the ledger closes, waiting gives %v", err)
	}
	if _, err := l.Append(ctx, party(9)); !errors.Is(err, ErrClosed) {
		t.Fatalf("appending to a closed ledger gives %v", err)
	}
}

// TestAppendContext: a producer that stops waiting does not stop its events.
func TestAppendContext(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.Ledger.turn.Lock() // nothing is ordered meanwhile
	gone, cancel := context.WithCancel(ctx)
	cancel()
	batch := []events.Event{access("a", "person"), access("b", "")}
	_, err := tl.Append(gone, batch...)
	batch[0], batch[1] = events.Event{}, events.Event{} // the caller goes on
	tl.Ledger.turn.Unlock()
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("appending without time gives %v", err)
	}
	if _, err := tl.Wait(ctx, 2); err != nil {
		t.Fatal(err)
	}
	receipts, err := tl.Append(ctx, access("a", "person"), access("b", ""))
	if err != nil || !receipts[0].Repeated || receipts[1].Position != 2 {
		t.Fatalf("sent again they get %+v, %v", receipts, err)
	}
}

// TestReadsAtClose: readers that are under way when the ledger closes end well or
// with ErrClosed.
func TestReadsAtClose(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(party(1), party(2))
	tl.fill("x", 300)
	l := tl.Ledger
	reads := []func() error{
		func() error { _, err := l.Get(ctx, 7); return err },
		func() error { _, err := l.Record(0); return err },
		func() error { _, err := l.ProveInclusion(7, 0); return err },
		func() error { _, err := l.EntryTile(0, 256); return err },
		func() error { _, err := l.PositionAt(ctx, events.Time(1)); return err },
		func() error { _, err := l.Append(ctx, access("x-0-0", "")); return err },
		func() error {
			for e, err := range l.Scan(ctx, 0, 300) {
				if err != nil {
					return err
				}
				if _, err := l.Get(ctx, e.Position); err != nil {
					return err
				}
			}
			return nil
		},
	}
	var wg sync.WaitGroup
	for _, read := range reads {
		wg.Go(func() {
			for {
				if err := read(); errors.Is(err, ErrClosed) {
					return
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	tl.close()
	wg.Wait()
}
