package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// contents are all files below a directory, by path.
func contents(t *testing.T, fs vfs.FS, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			for p, b := range contents(t, fs, path) {
				all[p] = b
			}
			continue
		}
		b, err := readFile(fs, path)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = string(b)
	}
	return all
}

// setSettings changes the settings of a closed book.
func setSettings(t *testing.T, l *testLog, change func(*settings)) {
	t.Helper()
	db, err := openBook(l.opts.withDefaults(testDir), testDir, bookOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSettings(db)
	if err != nil {
		t.Fatal(err)
	}
	change(&s)
	b, err := encMode.Marshal(s)
	if err == nil {
		err = db.Set(metaKey("settings"), b, pebble.Sync)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestVersionGate: a book of another format, newer or older, is refused with what to
// do, and not a byte of it is changed; the right format opens again.
func TestVersionGate(t *testing.T) {
	for _, c := range []struct {
		name        string
		spoil, mend func(t *testing.T, l *testLog)
		says        string
	}{
		{"newer rows", func(t *testing.T, l *testLog) { setSettings(t, l, func(s *settings) { s.Format = format + 1 }) },
			func(t *testing.T, l *testLog) { setSettings(t, l, func(s *settings) { s.Format = format }) },
			fmt.Sprintf("the book has format %d, and this program knows none above %d: use the program that wrote it, or a newer one", format+1, format)},
		{"older rows", func(t *testing.T, l *testLog) { setSettings(t, l, func(s *settings) { s.Format = format - 1 }) },
			func(t *testing.T, l *testLog) { setSettings(t, l, func(s *settings) { s.Format = format }) },
			`"Upgrade"`},
		{"newer storage", func(t *testing.T, l *testLog) { renameMarker(t, l.fs, int(pebbleFormat), 99) },
			func(t *testing.T, l *testLog) { renameMarker(t, l.fs, 99, int(pebbleFormat)) },
			"the book's storage has format 99 of Pebble, and this program knows none above"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newTestLog(t, Options{})
			l.append(party(1))
			l.close()
			c.spoil(t, l)
			before := contents(t, l.fs, testDir)
			o := l.opts
			opened, err := Open(testDir, o)
			if err == nil {
				opened.Close()
				t.Fatal("it was opened")
			}
			if damage := (*DamageError)(nil); errors.As(err, &damage) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "nothing was changed") {
				t.Errorf("refused with: %v", err)
			}
			for path, b := range contents(t, l.fs, testDir) {
				if was, ok := before[path]; !ok || was != b {
					t.Errorf("%s was changed (was there: %v)", path, ok)
				}
				delete(before, path)
			}
			for path := range before {
				t.Errorf("%s is gone", path)
			}
			c.mend(t, l)
			if opened, err = Open(testDir, o); err != nil {
				t.Fatal(err)
			}
			if err := opened.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// renameMarker says in the name of a marker of Pebble's that the book's storage has
// another format.
func renameMarker(t *testing.T, fs vfs.FS, from, to int) {
	t.Helper()
	dir := bookDir(fs, testDir)
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker.format-version.") && strings.HasSuffix(name, fmt.Sprintf(".%03d", from)) {
			if err := fs.Rename(fs.PathJoin(dir, name), fs.PathJoin(dir, strings.TrimSuffix(name, fmt.Sprintf("%03d", from))+fmt.Sprintf("%03d", to))); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("there is no marker of format %d among %v", from, names)
}

// TestIndexOfAnotherFormat: an index of another format, which is derived, is made anew.
func TestIndexOfAnotherFormat(t *testing.T) {
	l := newTestLog(t, Options{})
	l.append(party(1))
	if err := l.CommitIndex(ctx); err != nil {
		t.Fatal(err)
	}
	l.close()
	o := l.opts.withDefaults(testDir)
	dir := o.FS.PathJoin(testDir, "index")
	store, err := openIndexStore(o, dir)
	if err != nil {
		t.Fatal(err)
	}
	store.meta.Format++
	b, err := encMode.Marshal(store.meta)
	if err == nil {
		err = errors.Join(store.db.Set([]byte{indexMetaRow}, b, pebble.NoSync), store.db.Flush(), store.db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openIndexStore(o, dir); !errors.Is(err, errIndexRows) || !strings.Contains(err.Error(), "format") {
		t.Fatalf("the store opens with %v", err)
	}
	opened, err := Open(testDir, l.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if err := opened.CommitIndex(ctx); err != nil {
		t.Errorf("after it was made anew: %v", err)
	}
}

// TestErasuresOfNewerProgram: what this program does not know of a remembered erasure
// it does not leave undone in silence.
func TestErasuresOfNewerProgram(t *testing.T) {
	l := newTestLog(t, Options{})
	l.close()
	file := l.fs.PathJoin(testDir, "erasures")
	line := []byte(`{"source":"s","id":"x","principal":"p","time":"2026-01-08T00:00:00Z","erased":{},"more":1}` + "\n")
	if err := writeFileAtomic(l.fs, file, line); err != nil {
		t.Fatal(err)
	}
	opened, err := Open(testDir, l.opts)
	if err == nil {
		opened.Close()
		t.Fatal("it was opened")
	}
	if !strings.Contains(err.Error(), `unknown field "more"`) || !strings.Contains(err.Error(), "the program that wrote it") {
		t.Errorf("refused with: %v", err)
	}
	if b, err := readFile(l.fs, file); err != nil || !bytes.Equal(b, line) {
		t.Errorf("the file is %q, %v", b, err)
	}
}

// TestManifestOfNewerProgram: a backup whose manifest says what this program does not know
// is not restored, and nothing is put into the directory.
func TestManifestOfNewerProgram(t *testing.T) {
	l := newTestLog(t, Options{})
	l.append(party(1))
	if _, err := l.Backup(ctx, "backup"); err != nil {
		t.Fatal(err)
	}
	l.close()
	if err := errors.Join(l.fs.RemoveAll(bookDir(l.fs, testDir)), l.fs.Remove(testDir+"/head")); err != nil {
		t.Fatal(err)
	}
	file := l.fs.PathJoin("backup", manifestName)
	made, err := readFile(l.fs, file)
	if err != nil {
		t.Fatal(err)
	}
	before := contents(t, l.fs, testDir)
	for name, c := range map[string]struct{ old, new, says string }{
		"a newer format": {`"format": 1`, `"format": 2`, "has format 2, and this program knows none above 1: use the program that wrote it, or a newer one"},
		"a new member":   {`"format": 1`, `"format": 1, "parts": 3`, "with the program that wrote it or a newer one"},
		"both":           {`"format": 1`, `"parts": 3, "format": 2`, "the program that wrote it"},
	} {
		if err := writeFileAtomic(l.fs, file, bytes.Replace(made, []byte(c.old), []byte(c.new), 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(ctx, "backup", testDir, RestoreOptions{FS: l.fs}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if after := contents(t, l.fs, testDir); len(after) != len(before) {
			t.Errorf("%s: the directory was changed", name)
		}
	}
	// One that was written before manifests had a format is read as it was.
	if err := writeFileAtomic(l.fs, file, bytes.Replace(made, []byte(`"format": 1,`), nil, 1)); err != nil {
		t.Fatal(err)
	}
	if m, err := Restore(ctx, "backup", testDir, RestoreOptions{FS: l.fs}); err != nil || m.Size != 2 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestWitnessOfNewerProgram: a head witness in a form that this program does not know is
// refused with what to do, and not written over.
func TestWitnessOfNewerProgram(t *testing.T) {
	l := newTestLog(t, Options{})
	l.append(party(1))
	l.close()
	newer := append([]byte("ledgerline/witness/v2\n"), make([]byte, 2*4096)...)
	if err := writeFileAtomic(l.fs, testDir+"/head", newer); err != nil {
		t.Fatal(err)
	}
	opened, err := Open(testDir, l.opts)
	if err == nil {
		opened.Close()
		t.Fatal("it was opened")
	}
	if !strings.Contains(err.Error(), "if a newer program wrote it, use that one") || !strings.Contains(err.Error(), testDir+"/head") {
		t.Errorf("refused with: %v", err)
	}
	if b, err := readFile(l.fs, testDir+"/head"); err != nil || !bytes.Equal(b, newer) {
		t.Errorf("the file was changed: %v", err)
	}
}

// deniedFS is what another user sees of a directory that is for its owner alone.
type deniedFS struct{ vfs.FS }

func (deniedFS) Stat(name string) (vfs.FileInfo, error) {
	return nil, &os.PathError{Op: "stat", Path: name, Err: syscall.EACCES}
}

// TestOpenAsAnotherUser: a book that cannot be seen is not taken for one that is not there,
// or somebody would begin another in its place.
func TestOpenAsAnotherUser(t *testing.T) {
	l := newTestLog(t, Options{})
	l.close()
	o := l.opts
	o.FS = deniedFS{l.fs}
	if _, err := Open(testDir, o); err == nil || errors.Is(err, ErrNotExist) || !errors.Is(err, os.ErrPermission) {
		t.Errorf("opened with: %v", err)
	}
}
