package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// incompressible is content that no compression hides from a search.
func incompressible(seed uint64) []byte {
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	b := make([]byte, 96)
	rng.Read(b)
	return b
}

// sensitive is an event with one facet of given bytes.
func sensitive(id, owner string, content []byte) events.Event {
	ev := lineage(id, 2)
	ev.Facets = []events.Facet{{Name: "raw", MediaType: "application/octet-stream", Owner: owner, Bytes: content}}
	return ev
}

// stored returns the bytes in which a facet lies in the book.
func (tl *testLog) stored(position int64) []byte {
	tl.t.Helper()
	b, err := tl.getRow(facetKey(position, 0))
	if err != nil || b == nil {
		tl.t.Fatalf("the facet of position %d: %x, %v", position, b, err)
	}
	return b
}

// filesWith lists the files under a directory in which some bytes occur.
func filesWith(t testing.TB, dir string, what []byte) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if wentMeanwhile(path, err) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if wentMeanwhile(path, err) {
			return nil
		}
		if bytes.Contains(b, what) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// newDiskLog creates a ledger on the disk, in testDir of a directory of its own.
func newDiskLog(t *testing.T) *testLog {
	t.Helper()
	t.Chdir(t.TempDir())
	return newTestLog(t, Options{FS: vfs.Default})
}

// TestEraseReachesTheDisk searches every file for what was erased: as it was given,
// and as it lay in the book. What stays is found, so the search can find.
func TestEraseReachesTheDisk(t *testing.T) {
	for _, flushed := range []bool{false, true} {
		t.Run(fmt.Sprintf("flushed=%v", flushed), func(t *testing.T) {
			tl := newDiskLog(t)
			secret, public, kept := incompressible(1), incompressible(2), incompressible(3)
			tl.append(sensitive("of-a", "person-a", secret), sensitive("plain", "", public), sensitive("of-b", "person-b", kept))
			sealed, other := tl.stored(1), tl.stored(3)
			key, err := readFile(tl.fs, tl.owners.path("person-a"))
			if err != nil {
				t.Fatal(err)
			}
			key = bytes.Clone(key)
			if flushed {
				for range 3 { // several tables, and logs that wait to be used again
					tl.fill("more", 20)
					if err := tl.db.Flush(); err != nil {
						t.Fatal(err)
					}
				}
			}
			for what, b := range map[string][]byte{"sealed": sealed, "plain": public, "other": other, "key": key} {
				if len(filesWith(t, testDir, b)) == 0 {
					t.Fatalf("the %s bytes are in no file before the erasure: the search cannot find them", what)
				}
			}
			tl.erase(Erasure{ID: "1", Owner: "person-a"}, 1)
			tl.erase(Erasure{ID: "2", Facets: []FacetAt{{2, "raw"}}}, 1)
			for what, b := range map[string][]byte{"given": secret, "sealed": sealed, "plain": public, "key": key} {
				if found := filesWith(t, testDir, b); len(found) > 0 {
					t.Errorf("the %s bytes are in %q", what, found)
				}
			}
			if len(filesWith(t, testDir, other)) == 0 {
				t.Error("what was not erased is gone")
			}
			tl.check()
			tl.verify()
			if got := tl.facet(3); !bytes.Equal(got.Bytes, kept) || got.Erased {
				t.Errorf("the facet of another owner is %+v", got)
			}
		})
	}
}

// erase erases as the officer, and tells the model.
func (tl *testLog) erase(e Erasure, want int) Erased {
	tl.t.Helper()
	e.Principal, e.Ground = "officer", "PIPL:47"
	done, err := tl.Erase(ctx, e)
	if err != nil {
		tl.t.Fatalf("erasing %+v: %v", e, err)
	}
	if done.Facets != want {
		tl.t.Fatalf("%d facets were erased; want %d", done.Facets, want)
	}
	for _, r := range done.Receipts {
		if _, err := r.Check(tl.Origin(), verifiers(tl.Ledger)); err != nil {
			tl.t.Fatal(err)
		}
		if !r.Repeated {
			tl.learn(r.Position)
		}
	}
	return done
}

// learn takes a record that the ledger made by itself into the model, with what it
// says was erased.
func (tl *testLog) learn(position int64) {
	tl.t.Helper()
	e, err := tl.Get(ctx, position)
	if err != nil {
		tl.t.Fatal(err)
	}
	tl.model.put(position, e.Event)
	if data, ok := e.Event.Data.(*events.PayloadErased); ok {
		for _, f := range data.Facets {
			tl.model.erase(f.Position, f.Name, position)
		}
	}
}

// facet reads the first facet of a record.
func (tl *testLog) facet(position int64) events.Facet {
	tl.t.Helper()
	e, err := tl.Get(ctx, position)
	if err != nil {
		tl.t.Fatal(err)
	}
	return e.Event.Facets[0]
}

// TestErase: proofs made before stay valid, the record says what happened, a repeat
// is harmless, and new content of the owner is kept under a new key.
func TestErase(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(access("a1", "person-a"), access("b1", "person-b"), access("a2", "person-a"), access("none", ""))
	proofs := make(map[int64]proof.Inclusion)
	for p := range tl.Head().Size {
		in, err := tl.ProveInclusion(p, 0)
		if err != nil {
			t.Fatal(err)
		}
		proofs[p] = in
	}
	receipt := tl.append(access("a1", "person-a"))[0]

	done := tl.erase(Erasure{ID: "1", Owner: "person-a", Reason: "asked"}, 4)
	for p, in := range proofs {
		r, err := tl.Record(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Check(r.Hash, tl.Origin(), verifiers(tl.Ledger)); err != nil {
			t.Errorf("the proof of position %d, made before: %v", p, err)
		}
	}
	if again := tl.append(access("a1", "person-a"))[0]; !again.Repeated || again.Position != receipt.Position {
		t.Errorf("a repeat after the erasure gets %+v", again)
	}
	if again := tl.erase(Erasure{ID: "1", Owner: "person-a"}, 4); len(again.Receipts) != 1 || again.Receipts[0].Position != done.Receipts[0].Position {
		t.Errorf("erasing again gives %+v", again)
	}
	for _, p := range []int64{1, 3} {
		if f := tl.facet(p); !f.Erased || f.ErasedBy != done.Receipts[0].Position || f.Bytes != nil {
			t.Errorf("the facet of position %d is %+v", p, f)
		}
	}
	tl.append(access("a3", "person-a"))
	tl.check()
	tl.verify()
	tl.erase(Erasure{ID: "2", Owner: "person-a"}, 2)
	tl.check()
	tl.verify()
	tl.check()
}

func TestEraseRefuses(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(access("a1", "person-a"), access("none", ""))
	tl.erase(Erasure{ID: "gone", Facets: []FacetAt{{2, "query"}}}, 1)
	refused := func(e Erasure, rule string) {
		t.Helper()
		before := tl.Head().Size
		e.Principal, e.Ground = "officer", "PIPL:47"
		_, err := tl.Erase(ctx, e)
		var r *events.Refusal
		if !errors.As(err, &r) || r.Rule != rule || r.Detail == "" || r.Fix == "" {
			t.Errorf("erasing %+v: %v; want a refusal by %s", e, err, rule)
		}
		if tl.Head().Size != before {
			t.Errorf("a refused erasure was recorded")
		}
	}
	refused(Erasure{ID: "1", Owner: "nobody"}, "erasure.nothing")
	refused(Erasure{ID: "1"}, "erasure.what")
	refused(Erasure{Owner: "person-a"}, "erasure.what")
	refused(Erasure{ID: "1", Owner: "person-a", Facets: []FacetAt{{1, "query"}}}, "erasure.what")
	refused(Erasure{ID: "1", Facets: []FacetAt{{1, "purpose"}}}, "erasure.facet")
	refused(Erasure{ID: "1", Facets: []FacetAt{{1, "query"}, {1, "query"}}}, "field.unique")
	refused(Erasure{ID: "1", Facets: []FacetAt{{2, "query"}}}, "erasure.once")
	if _, err := tl.Erase(ctx, Erasure{ID: "1", Principal: "officer", Owner: "person-a"}); err == nil || !strings.Contains(err.Error(), "/data/ground") {
		t.Errorf("without a ground: %v", err)
	}
	var beyond *PositionError
	if _, err := tl.Erase(ctx, Erasure{ID: "1", Principal: "officer", Ground: "x", Facets: []FacetAt{{99, "query"}}}); !errors.As(err, &beyond) {
		t.Errorf("beyond the head: %v", err)
	}
	tl.refuse(events.Refusal{Rule: "source.reserved", Class: events.Forbidden}, func() events.Event {
		ev := issue("x", "Q")
		ev.Source = tl.actor("officer")
		return ev
	}())
	tl.check()
}

// TestHolds: what is held is not erased, by whatever the hold names it.
func TestHolds(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(access("a1", "person-a"), access("b1", "person-b"))
	n := 0
	for name, h := range map[string]struct {
		hold   events.HoldPlaced
		owners []string
	}{
		"record":  {hold: events.HoldPlaced{Records: []int64{1}}},
		"entry":   {hold: events.HoldPlaced{Names: []events.HeldName{{Kind: "entry", Parts: []string{"E1"}}}}},
		"subject": {hold: events.HoldPlaced{Names: []events.HeldName{{Kind: "subject", Parts: []string{"access", "P001"}}}}},
		"owner":   {owners: []string{"person-a"}},
	} {
		n++
		id := fmt.Sprint(n)
		h.hold.Hold, h.hold.Ground = "case-"+name, "court"
		placed, err := tl.PlaceHold(ctx, "officer", "hold-"+id, h.hold, h.owners...)
		if err != nil {
			t.Fatal(name, err)
		}
		tl.learn(placed.Position)
		if again, err := tl.PlaceHold(ctx, "officer", "hold-"+id, h.hold, h.owners...); err != nil || !again.Repeated || again.Position != placed.Position {
			t.Errorf("%s: placing it again: %+v, %v", name, again, err)
		}
		for _, e := range []Erasure{{Owner: "person-a"}, {Facets: []FacetAt{{1, "query"}}}} {
			e.ID, e.Principal, e.Ground = "erase-"+id, "officer", "PIPL:47"
			var r *events.Refusal
			if _, err := tl.Erase(ctx, e); !errors.As(err, &r) || r.Rule != "erasure.held" || !strings.Contains(r.Detail, "case-"+name) {
				t.Errorf("held by %s: %v", name, err)
			}
		}
		if f := tl.facet(1); f.Erased {
			t.Fatalf("%s: erased though held", name)
		}
		tl.reopen() // holds are in the book
		holds, err := tl.Holds()
		if err != nil || len(holds) != 1 || holds[0].ID != "case-"+name {
			t.Fatalf("%s: the holds are %+v, %v", name, holds, err)
		}
		r, err := tl.ReleaseHold(ctx, "officer", "release-"+id, events.HoldReleased{Hold: "case-" + name, Ground: "over"})
		if err != nil {
			t.Fatal(name, err)
		}
		tl.learn(r.Position)
	}
	tl.erase(Erasure{ID: "last", Owner: "person-a"}, 2)
	tl.check()
	tl.verify()
}

// TestEraseUnderLoad erases an owner over and over while others append content of
// the same owner: all of it is either erased or can be read.
func TestEraseUnderLoad(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(access("first", "person-a"))
	tl.model.partial = true
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := tl.Append(ctx, access(fmt.Sprintf("w%d-%d", w, i), "person-a")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range fewer(8) {
		_, err := tl.Erase(ctx, Erasure{ID: fmt.Sprint(i), Principal: "officer", Owner: "person-a", Ground: "x"})
		if r := (*events.Refusal)(nil); err != nil && !(errors.As(err, &r) && r.Rule == "erasure.nothing") {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	for p := range tl.Head().Size {
		e, err := tl.Get(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range e.Event.Facets {
			if f.Erased && f.ErasedBy == 0 {
				t.Fatalf("position %d: facet %s cannot be read and no record says that it was erased", p, f.Name)
			}
		}
	}
	tl.verify()
}

// TestEraseCrash stops the machine at many moments of an erasure. When the ledger is
// opened again it is either not recorded and all is there, or completed.
func TestEraseCrash(t *testing.T) {
	content := incompressible(7)
	rng := seeded(t)
	recorded, lost := 0, 0
	for n := 1; ; n += 1 + rng.IntN(fewer(4)) {
		mem := vfs.NewCrashableMem()
		var calls atomic.Int64 // that change something, from when the erasure begins
		calls.Store(math.MinInt32)
		var after *vfs.MemFS
		tl := newTestLog(t, Options{FS: errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && calls.Add(1) == int64(n) {
				after = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * rng.IntN(3), RNG: rng})
			}
			return nil
		}))})
		tl.append(sensitive("of-a", "person-a", content))
		sealed := tl.stored(1)
		key, err := readFile(mem, tl.owners.path("person-a"))
		if err != nil {
			t.Fatal(err)
		}
		key = bytes.Clone(key)
		calls.Store(0)
		if _, err := tl.Erase(ctx, Erasure{ID: "1", Principal: "officer", Owner: "person-a", Ground: "x"}); err != nil {
			t.Fatal(err)
		}
		calls.Store(math.MinInt32)
		tl.close()
		if after == nil { // it came to its end before
			break
		}
		l, err := Open(testDir, Options{FS: after, CacheBytes: 8 << 20})
		if err != nil {
			t.Fatalf("stopped at call %d: %v", n, err)
		}
		e, err := l.Get(ctx, 1)
		if err != nil {
			t.Fatalf("stopped at call %d: %v", n, err)
		}
		if f := e.Event.Facets[0]; f.Erased {
			recorded++
			if f.ErasedBy != 2 {
				t.Fatalf("stopped at call %d: %+v", n, f)
			}
			for what, b := range map[string][]byte{"sealed": sealed, "key": key} {
				if where := memFilesWith(t, after, b); len(where) > 0 {
					t.Fatalf("stopped at call %d: the %s bytes are in %q", n, what, where)
				}
			}
		} else {
			lost++
			if !bytes.Equal(f.Bytes, content) {
				t.Fatalf("stopped at call %d: not recorded, and not there: %+v", n, f)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if r := verifyStore(t, after, VerifyOptions{}); !r.OK() {
			t.Fatalf("stopped at call %d: %+v", n, r.Findings)
		}
	}
	t.Logf("%d crashes before it was recorded, %d after", lost, recorded)
	if recorded == 0 || lost == 0 {
		t.Error("no crash hit one of the sides: the test has lost sight of what it checks")
	}
}

func memFilesWith(t testing.TB, fs vfs.FS, what []byte) (found []string) {
	t.Helper()
	for _, path := range listFiles(fs, "") {
		b, err := readFile(fs, path)
		if wentMeanwhile(path, err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, what) {
			found = append(found, path)
		}
	}
	return found
}

// wentMeanwhile tells files of the completeness index that were listed and are
// gone: it works beside the caller, and holds hashes only.
func wentMeanwhile(path string, err error) bool {
	return errors.Is(err, errNotExist) && strings.Contains(path, "/index/")
}

// TestEraseAndRestore: a backup made before an erasure, restored after it, and an
// old copy of the owner's key do not bring the content back.
func TestEraseAndRestore(t *testing.T) {
	tl := newDiskLog(t)
	content, later := incompressible(8), incompressible(9)
	tl.append(sensitive("of-a", "person-a", content), sensitive("plain", "", later))
	sealed := tl.stored(1)
	keyFile := tl.owners.path("person-a")
	key, err := readFile(tl.fs, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	key = bytes.Clone(key)
	tl.backup("backup")
	tl.erase(Erasure{ID: "1", Owner: "person-a", Reason: "asked"}, 1)
	tl.erase(Erasure{ID: "2", Facets: []FacetAt{{2, "raw"}}}, 1)
	tl.close()

	// The book and the head witness are lost; what remembers the erasures is not.
	for _, path := range []string{"book", "head"} {
		if err := os.RemoveAll(filepath.Join(testDir, path)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Restore(ctx, "backup", testDir, RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, key, 0o600); err != nil { // and somebody restores the keys too
		t.Fatal(err)
	}
	if len(filesWith(t, testDir, sealed)) == 0 {
		t.Fatal("the backup does not hold the content: this shows nothing")
	}
	l, err := Open(testDir, tl.opts)
	if err != nil {
		t.Fatal(err)
	}
	tl.Ledger = l
	for p, by := range map[int64]int64{1: 3, 2: 4} {
		if f := tl.facet(p); !f.Erased || f.ErasedBy != by {
			t.Errorf("after the restore, the facet of position %d is %+v", p, f)
		}
	}
	for what, b := range map[string][]byte{"given": content, "sealed": sealed, "plain": later, "key": key} {
		if found := filesWith(t, testDir, b); len(found) > 0 {
			t.Errorf("the %s bytes are in %q", what, found)
		}
	}
	size := l.Head().Size
	tl.reopen()
	if tl.Head().Size != size {
		t.Errorf("opening again recorded %d more", tl.Head().Size-size)
	}
	tl.close()
	if r := verifyStore(t, tl.fs, VerifyOptions{}); !r.OK() || r.Erased != 2 {
		t.Errorf("verifying: %+v", r)
	}
}

// TestVerifyTellsErasedFromGone: what is gone is erased only if a record says so.
func TestVerifyTellsErasedFromGone(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(access("a1", "person-a"), access("b1", "person-b"), access("none", ""))
	tl.erase(Erasure{ID: "1", Facets: []FacetAt{{1, "query"}, {3, "query"}}}, 2)
	tl.close()
	fs := tl.fs.(*vfs.MemFS)
	if r := verifyStore(t, copyFS(t, fs), VerifyOptions{}); !r.OK() || r.Erased != 2 {
		t.Fatalf("as it is: %+v", r)
	}
	for name, c := range map[string]struct {
		edit func(t *testing.T, fs vfs.FS)
		want []finding
	}{
		"a facet deleted behind the ledger's back": {func(t *testing.T, fs vfs.FS) {
			tamper(t, fs, deleteRow(facetKey(2, 0)))
		}, []finding{{PayloadMissing, 2, 2}}},
		"and marked as erased": {func(t *testing.T, fs vfs.FS) {
			tamper(t, fs, edits(deleteRow(facetKey(2, 0)), addRow(erasedKey(2, 0), positionValue(4))))
		}, []finding{{PayloadMissing, 2, 2}}},
		"an erased facet put back": {func(t *testing.T, fs vfs.FS) {
			tamper(t, fs, addRow(facetKey(3, 0), []byte("x")))
		}, []finding{{PayloadSwapped, 3, 3}, {PayloadKept, 3, 3}}},
		"the mark of an erasure led elsewhere": {func(t *testing.T, fs vfs.FS) {
			tamper(t, fs, addRow(erasedKey(3, 0), positionValue(2)))
		}, []finding{{DerivedRow, 3, 3}}},
		"an owner's key deleted": {func(t *testing.T, fs vfs.FS) {
			if err := fs.Remove(newOwners(fs, testDir).path("person-b")); err != nil {
				t.Fatal(err)
			}
		}, []finding{{PayloadMissing, 2, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			fs := copyFS(t, fs)
			c.edit(t, fs)
			r := verifyStore(t, fs, VerifyOptions{})
			var got []finding
			for _, f := range r.Findings {
				got = append(got, finding{f.Kind, f.From, f.To})
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("found %v; want %v: %+v", got, c.want, r.Findings)
			}
		})
	}
}

// TestEraseUnfinished: an erasure that was recorded and not completed is completed
// by asking again.
func TestEraseUnfinished(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(access("a1", "person-a"))
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	e := Erasure{ID: "1", Principal: "officer", Owner: "person-a", Ground: "x"}
	if err := tl.owners.retire("person-a"); err != nil { // one that was given up
		t.Fatal(err)
	}
	if _, err := tl.Erase(canceled, e); err == nil {
		t.Fatal("erased with a canceled context")
	}
	tl.erase(e, 2)
	left, err := tl.unfinishedErasures()
	if err != nil || len(left) > 0 {
		t.Fatalf("unfinished: %+v, %v", left, err)
	}
	if names, err := tl.fs.List(tl.owners.dir); err != nil || len(names) > 0 {
		t.Fatalf("keys are left: %q, %v", names, err)
	}
}
