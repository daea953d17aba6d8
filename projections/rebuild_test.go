package projections

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// longBook holds the scenario and many calls after it.
func longBook(t *testing.T) *book {
	b := script(newBook(t))
	for range 4 * swapLength {
		b.add(claim{at: day(6, 1), data: access("A1", "id")})
	}
	return b
}

// rowDirs lists the directories of rows.
func rowDirs(t *testing.T, fs vfs.FS) (dirs []string) {
	t.Helper()
	names, err := fs.List("views")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if n != currentFile && n != lockFile {
			dirs = append(dirs, n)
		}
	}
	return dirs
}

// TestRebuild: the views answer and go on while they are rebuilt; the new rows are
// those of a fresh build; who reads the old ones reads them to the end, and then
// they are gone.
func TestRebuild(t *testing.T) {
	b := longBook(t)
	size := b.Head().Size
	whole := newViews(t, b.Ledger)
	build(t, whole, size)
	for _, bulk := range []int64{5, swapLength, bulkLength} {
		fs := vfs.NewMem()
		v := openAt(t, b.Ledger, fs)
		build(t, v, size-10)
		v.bulkLength = bulk
		w, err := v.At(20)
		if err != nil {
			t.Fatal(err)
		}
		before := v.store
		want, err := viewAt(t, whole, 20).Entries(ctx, EntryQuery{})
		if err != nil {
			t.Fatal(err)
		}
		calls, last := 0, int64(0)
		r, err := v.Rebuild(ctx, func(done, total int64) {
			if done < last || total < done {
				t.Errorf("progress %d of %d after %d", done, total, last)
			}
			if last, calls = done, calls+1; calls > 1 {
				return
			}
			build(t, v, size)
			if got, err := w.Entries(ctx, EntryQuery{}); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("during the rebuild: %+v, %v", got, err)
			}
			if _, err := v.Rebuild(ctx, nil); err == nil {
				t.Error("two rebuilds at once")
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
		if err != nil || r.Records != size || last != size || v.store == before || v.Applied() != size-1 {
			t.Fatalf("%+v, %v, told %d, at %d", r, err, last, v.Applied())
		}
		same(t, "rows after the rebuild", rows(t, v, size), rows(t, whole, size))
		if dirs := rowDirs(t, fs); !slices.Equal(dirs, []string{"rows-2"}) {
			t.Errorf("left: %q", dirs)
		}
		closeViews(t, v)
		v = openAt(t, b.Ledger, fs)
		if v.Applied() != size-1 {
			t.Errorf("reopened at %d", v.Applied())
		}
		closeViews(t, v)
	}
}

// TestRebuildInterrupted: a rebuild that is broken off changes nothing.
func TestRebuildInterrupted(t *testing.T) {
	b := longBook(t)
	size := b.Head().Size
	fs := vfs.NewMem()
	v := openAt(t, b.Ledger, fs)
	defer closeViews(t, v)
	build(t, v, size)
	v.bulkLength = swapLength
	before := rows(t, v, size)
	c, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, err := v.Rebuild(c, func(int64, int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	same(t, "rows", rows(t, v, size), before)
	if dirs := rowDirs(t, fs); !slices.Equal(dirs, []string{"rows-1"}) {
		t.Errorf("left: %q", dirs)
	}
	if _, err := v.Rebuild(ctx, nil); err != nil { // and it can be done again
		t.Error(err)
	}
}

// TestRebuildCrash: whenever the machine stops during a rebuild, the next start
// finds the old views or the new ones, whole, and nothing else.
func TestRebuildCrash(t *testing.T) {
	b := longBook(t)
	size := b.Head().Size
	whole := newViews(t, b.Ledger)
	build(t, whole, size)
	rng := rand.New(rand.NewPCG(5, 6))
	became := map[string]int{}
	for i := range 24 {
		fs := vfs.NewCrashableMem()
		v := openAt(t, b.Ledger, fs)
		build(t, v, size-10)
		if err := v.store.sync(); err != nil {
			t.Fatal(err)
		}
		v.bulkLength = 40
		var crashed vfs.FS
		at := rng.IntN(10)
		crash := func() {
			crashed = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		}
		if _, err := v.Rebuild(ctx, func(int64, int64) {
			if at--; at == 0 {
				crash()
			}
		}); err != nil {
			t.Fatal(err)
		}
		if crashed == nil { // just after the swap
			crash()
		}
		closeViews(t, v)
		again := openAt(t, b.Ledger, crashed)
		if again.Applied() < size-11 {
			t.Fatalf("crash %d: the views are back at %d", i, again.Applied())
		}
		became[fs.PathBase(again.store.dir)]++
		same(t, "rows after the crash", rows(t, again, size), rows(t, whole, again.Applied()))
		if dirs := rowDirs(t, crashed); len(dirs) != 1 {
			t.Errorf("left: %q", dirs)
		}
		build(t, again, size)
		same(t, "rows after going on", rows(t, again, size), rows(t, whole, size))
		closeViews(t, again)
	}
	if len(became) != 2 {
		t.Errorf("crashes left only %v: the test does not test", became)
	}
}
