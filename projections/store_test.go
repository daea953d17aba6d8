package projections

import (
	"bytes"
	"cmp"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"ledgerline/ledger"
)

func openAt(t *testing.T, l *ledger.Ledger, fs vfs.FS) *Views {
	t.Helper()
	v, err := Open("views", l, Options{FS: fs, CacheBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func closeViews(t *testing.T, v *Views) {
	t.Helper()
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKeys: parts come back whole, and keys sort as their parts do, versions
// newest first, whatever bytes the parts hold. (A table's keys have one number of
// parts, or one per first part.)
func TestKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringOf(rapid.SampledFrom([]rune{0, 1, 'a', 0xFF, '界'}))
		n := rapid.IntRange(1, 3).Draw(t, "parts")
		a, b := rapid.SliceOfN(part, n, n).Draw(t, "a"), rapid.SliceOfN(part, n, n).Draw(t, "b")
		got, err := parts(entityKey(tEvent, a...))
		if err != nil || !slices.Equal(got, a) {
			t.Fatalf("%q came back as %q, %v", a, got, err)
		}
		p, q := rapid.Int64Range(0, 1<<40).Draw(t, "p"), rapid.Int64Range(0, 1<<40).Draw(t, "q")
		want := slices.Compare(a, b)
		if want == 0 {
			want = cmp.Compare(q, p)
		}
		if got := bytes.Compare(appendVersion(entityKey(tEvent, a...), p), appendVersion(entityKey(tEvent, b...), q)); got != want {
			t.Fatalf("%q at %d against %q at %d: %d, want %d", a, p, b, q, got, want)
		}
	})
}

// TestCrash: what a crash leaves is the views at some position, whole, from which
// they go on to the same rows.
func TestCrash(t *testing.T) {
	b := script(newBook(t))
	size := b.Head().Size
	whole := newViews(t, b.Ledger)
	build(t, whole, size)
	rng := rand.New(rand.NewPCG(1, 2))
	behind := 0
	for range 40 {
		fs := vfs.NewCrashableMem()
		v := openAt(t, b.Ledger, fs)
		v.bulkLength = 3 // some runs are ingested
		stop := rng.Int64N(size) + 1
		for n := int64(0); n < stop; n += 1 + rng.Int64N(4) {
			build(t, v, min(n+1, stop))
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		closeViews(t, v)
		again := openAt(t, b.Ledger, crashed)
		if again.Applied() < stop-1 {
			behind++
		}
		same(t, "rows after the crash", rows(t, again, size), rows(t, whole, again.Applied()))
		build(t, again, size)
		same(t, "rows after going on", rows(t, again, size), rows(t, whole, size))
		closeViews(t, again)
	}
	if behind == 0 {
		t.Error("no crash lost anything: the test does not test")
	}
}

// TestReopen: views go on where they stood.
func TestReopen(t *testing.T) {
	b := script(newBook(t))
	fs := vfs.NewMem()
	v := openAt(t, b.Ledger, fs)
	build(t, v, 10)
	closeViews(t, v)
	v = openAt(t, b.Ledger, fs)
	defer closeViews(t, v)
	if v.Applied() != 9 || v.Status()[0].Rebuilding {
		t.Errorf("reopened at %d, rebuilding %v", v.Applied(), v.Status()[0].Rebuilding)
	}
	if _, err := v.At(10); err == nil || !strings.Contains(err.Error(), "not yet 10") {
		t.Errorf("at 10: %v", err)
	}
}

// TestThrownAway: a store that is damaged, of another version, of another book or
// ahead of its book is built anew; one that another process holds is left alone.
func TestThrownAway(t *testing.T) {
	b := script(newBook(t))
	size := b.Head().Size
	whole := newViews(t, b.Ledger)
	build(t, whole, size)
	for name, spoil := range map[string]func(t *testing.T, fs vfs.FS){
		"manifest cut": func(t *testing.T, fs vfs.FS) {
			damage(t, fs, "MANIFEST", func(b []byte) []byte { return b[:len(b)/2] })
		},
		"manifest gone":       func(t *testing.T, fs vfs.FS) { remove(t, fs, "MANIFEST") },
		"sstable cut":         func(t *testing.T, fs vfs.FS) { damage(t, fs, ".sst", func(b []byte) []byte { return b[:len(b)/2] }) },
		"sstable gone":        func(t *testing.T, fs vfs.FS) { remove(t, fs, ".sst") },
		"not current":         func(t *testing.T, fs vfs.FS) { removePath(t, fs, "views/current") },
		"current is nonsense": func(t *testing.T, fs vfs.FS) { removePath(t, fs, "views/current"); create(t, fs, "../current") },
		"rows gone":           func(t *testing.T, fs vfs.FS) { removePath(t, fs, firstRows) },
		"marked":              func(t *testing.T, fs vfs.FS) { create(t, fs, damagedFile) },
		"meta of a future":    func(t *testing.T, fs vfs.FS) { setMeta(t, b, fs, func(m *meta) { m.Layout++ }) },
		"view of a future":    func(t *testing.T, fs vfs.FS) { setMeta(t, b, fs, func(m *meta) { m.Views["lineage"]++ }) },
		"ahead":               func(t *testing.T, fs vfs.FS) { setMeta(t, b, fs, func(m *meta) { m.Applied = size }) },
		"of another book":     func(t *testing.T, fs vfs.FS) { setMeta(t, b, fs, func(m *meta) { m.Hash[0]++ }) },
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			v := openAt(t, b.Ledger, fs)
			build(t, v, size)
			if err := v.store.db.Flush(); err != nil {
				t.Fatal(err)
			}
			closeViews(t, v)
			spoil(t, fs)
			v = openAt(t, b.Ledger, fs)
			if name == "sstable cut" && v.Applied() >= 0 { // Pebble reads tables when asked
				if _, err := entriesNow(t, v); err == nil {
					t.Fatal("a damaged table was read without an error")
				}
				closeViews(t, v)
				v = openAt(t, b.Ledger, fs)
			}
			defer closeViews(t, v)
			if name == "manifest cut" { // its beginning is an earlier state, which may do
				same(t, "rows", rows(t, v, size), rows(t, whole, v.Applied()))
			} else if v.Applied() != -1 || !v.Status()[0].Rebuilding {
				t.Fatalf("still at %d", v.Applied())
			}
			build(t, v, size)
			same(t, "rows", rows(t, v, size), rows(t, whole, size))
		})
	}
	t.Run("held", func(t *testing.T) {
		fs := vfs.NewMem()
		v := openAt(t, b.Ledger, fs)
		build(t, v, size)
		if _, err := Open("views", b.Ledger, Options{FS: fs}); err == nil {
			t.Fatal("opened twice")
		}
		closeViews(t, v)
		v = openAt(t, b.Ledger, fs)
		defer closeViews(t, v)
		if v.Applied() != size-1 {
			t.Errorf("the second opening took the store away: at %d", v.Applied())
		}
	})
}

// TestFlippedBytes: whatever byte of a table is flipped, a question is answered
// rightly or not at all.
func TestFlippedBytes(t *testing.T) {
	b := script(newBook(t))
	size := b.Head().Size
	whole := newViews(t, b.Ledger)
	build(t, whole, size)
	want, err := entriesNow(t, whole)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for range 60 {
		fs := vfs.NewMem()
		v := openAt(t, b.Ledger, fs)
		build(t, v, size)
		if err := v.store.db.Flush(); err != nil {
			t.Fatal(err)
		}
		closeViews(t, v)
		damage(t, fs, ".sst", func(b []byte) []byte { b[rng.IntN(len(b))] ^= 1 << rng.IntN(8); return b })
		v = openAt(t, b.Ledger, fs)
		if v.Applied() < 0 {
			refused++
		} else if got, err := entriesNow(t, v); err != nil {
			refused++
		} else if len(got.Entries) != len(want.Entries) || got.Entries[0].Title != want.Entries[0].Title {
			t.Fatalf("a flipped byte gave another answer: %+v", got)
		}
		closeViews(t, v)
	}
	if refused == 0 {
		t.Error("no flip was noticed: the test does not test")
	}
}

// entriesNow lists the catalog and leaves no view open.
func entriesNow(t *testing.T, v *Views) (EntryList, error) {
	t.Helper()
	w, err := v.At(v.Applied())
	if err != nil {
		return EntryList{}, err
	}
	list, err := w.Entries(ctx, EntryQuery{})
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	return list, err
}

// firstRows is where the first store of views is.
const firstRows = "views/rows-1"

// named finds a file of the store by a part of its name.
func named(t *testing.T, fs vfs.FS, part string) string {
	t.Helper()
	names, err := fs.List(firstRows)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, n := range names {
		if strings.Contains(n, part) && !strings.HasPrefix(n, "marker") {
			return fs.PathJoin(firstRows, n)
		}
	}
	t.Fatalf("no file like %s among %s", part, names)
	return ""
}

func damage(t *testing.T, fs vfs.FS, part string, change func([]byte) []byte) {
	t.Helper()
	path := named(t, fs, part)
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(change(b)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, fs vfs.FS, part string) {
	t.Helper()
	if err := fs.Remove(named(t, fs, part)); err != nil {
		t.Fatal(err)
	}
}

func removePath(t *testing.T, fs vfs.FS, path string) {
	t.Helper()
	if err := fs.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, fs vfs.FS, name string) {
	t.Helper()
	f, err := fs.Create(fs.PathJoin(firstRows, name), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func setMeta(t *testing.T, b *book, fs vfs.FS, change func(*meta)) {
	t.Helper()
	v := openAt(t, b.Ledger, fs)
	m, _, err := v.store.meta()
	if err != nil {
		t.Fatal(err)
	}
	change(&m)
	batch := v.store.begin()
	if err := batch.commit(m); err != nil {
		t.Fatal(err)
	}
	if err := batch.close(); err != nil {
		t.Fatal(err)
	}
	closeViews(t, v)
}
