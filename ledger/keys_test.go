package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// signedBy counts which of the keys signed a checkpoint.
func signedBy(t testing.TB, signed []byte, vkeys ...string) string {
	t.Helper()
	var by []string
	for i, vkey := range vkeys {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := note.Open(signed, note.VerifierList(v)); err == nil {
			by = append(by, fmt.Sprint(i))
		}
	}
	return strings.Join(by, "+")
}

func trusting(t testing.TB, vkey string, changes ...string) *proof.Keys {
	t.Helper()
	keys, err := proof.NewKeys(vkey)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if keys, err = keys.Change([]byte(c)); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

// TestRotation follows the key over two changes: who signs, who can check, what
// becomes of the private keys, and that a retired key counts for nothing.
func TestRotation(t *testing.T) {
	tl := newTestLog(t, Options{})
	keyFile := tl.fs.PathJoin(testDir, "keys", "ledger.key")
	tl.fill("before", 20)
	first := tl.VerifierKey()
	old, before := tl.Keys(), tl.Head().Checkpoint
	if _, err := tl.RetireKey(ctx); !errors.Is(err, ErrKeyChange) {
		t.Fatalf("the only key was retired: %v", err)
	}
	added, err := tl.AddKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	second := tl.VerifierKey()
	if second == first {
		t.Fatal("the key is the same")
	}
	if _, err := tl.AddKey(ctx); !errors.Is(err, ErrKeyChange) {
		t.Fatalf("a third key was added: %v", err)
	}
	tl.record(t, 1)
	for range 2 { // the second time after a restart
		tl.fill(fmt.Sprint("between", tl.Head().Size), 20)
		if by := signedBy(t, tl.Head().Checkpoint, first, second); by != "0+1" {
			t.Errorf("between the changes heads are signed by %s", by)
		}
		tl.verify()
	}
	between := tl.Head().Checkpoint
	retired, err := tl.RetireKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tl.record(t, 1)
	if _, err := tl.fs.Stat(nextKeyFile(tl.Ledger.opts)); err == nil {
		t.Error("the new key was not put in the place of the old")
	}
	if vkey, _, err := readKeyFile(tl.fs, keyFile); err != nil || vkey != second {
		t.Errorf("the key file holds %s: %v", vkey, err)
	}
	for range 2 {
		tl.fill(fmt.Sprint("after", tl.Head().Size), 20)
		if by := signedBy(t, tl.Head().Checkpoint, first, second); by != "1" {
			t.Errorf("after the changes heads are signed by %s", by)
		}
		tl.verify()
	}
	after := tl.Head().Checkpoint
	for what, c := range map[string]struct {
		keys                   *proof.Keys
		before, between, after bool
	}{
		"the ledger's own":                {tl.Keys(), true, true, true},
		"those of before":                 {old, true, true, false},
		"the first":                       {trusting(t, first), true, true, false},
		"the first and a change":          {trusting(t, first, added), true, true, true},
		"the first and both changes":      {trusting(t, first, added, retired), true, true, true},
		"the second":                      {trusting(t, second), false, true, true},
		"the second and the first change": {trusting(t, second, added), false, true, true},
		"the second and both":             {trusting(t, second, added, retired), true, true, true},
	} {
		for name, got := range map[string]struct {
			signed []byte
			want   bool
		}{"before": {before, c.before}, "between": {between, c.between}, "after": {after, c.after}} {
			if _, err := proof.OpenCheckpoint(got.signed, tl.Origin(), c.keys); (err == nil) != got.want {
				t.Errorf("with %s, the head of %s: %v", what, name, err)
			}
		}
	}
	for _, key := range []string{first, second, ""} { // whichever the auditor has
		tl.close()
		if r := verifyStore(t, tl.fs, VerifyOptions{Verifier: key, Since: before}); !r.OK() {
			t.Errorf("verifying with %s: %+v", key, r.Findings)
		}
		tl.reopen()
	}
	if got := tl.KeyChanges(); len(got) != 2 || got[0] != added || got[1] != retired {
		t.Errorf("the changes are %q", got)
	}
	if g, err := tl.ProveConsistency(10, 0); err != nil {
		t.Error(err)
	} else if _, _, err := g.Check(tl.Origin(), trusting(t, first, added)); err != nil {
		t.Error(err)
	}
}

// record takes into the model what the ledger said itself.
func (tl *testLog) record(t testing.TB, n int64) {
	t.Helper()
	size := tl.Head().Size
	for at := size - n; at < size; at++ {
		if e, err := tl.Get(ctx, at); err != nil {
			t.Fatal(err)
		} else {
			tl.model.put(at, e.Event)
		}
	}
}

// TestRetiredKeyRefused: what the holder of a retired key signs counts for nothing,
// and a ledger is not opened with it.
func TestRetiredKeyRefused(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.fill("x", 10)
	keyFile := tl.Ledger.opts.KeyFile
	stolen, err := readFile(tl.fs, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	thief, _, err := parseKey(stolen)
	if err != nil {
		t.Fatal(err)
	}
	added, err := tl.AddKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	retired, err := tl.RetireKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := proof.OpenKeyChange([]byte(retired))
	if err != nil {
		t.Fatal(err)
	}
	forged := func(size int64) []byte {
		signed, err := proof.Checkpoint{Origin: tl.Origin(), Size: size, Root: proof.Hash{1}}.Sign(thief)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	keys := trusting(t, c.Old, added, retired)
	if _, err := proof.OpenCheckpoint(forged(c.Size+1), tl.Origin(), keys); err == nil {
		t.Error("a retired key signed a later head, and it counts")
	}
	if _, err := proof.OpenCheckpoint(forged(c.Size), tl.Origin(), keys); err != nil {
		t.Errorf("what a key signs up to where it was retired counts: %v", err)
	}
	if _, err := note.Open(forged(c.Size), keys); err == nil {
		t.Error("for what has no size a retired key counts")
	}
	// To leave out that it was retired does not help, if the new key is known.
	if _, err := proof.OpenCheckpoint(forged(c.Size), tl.Origin(), trusting(t, c.New, added)); err == nil {
		t.Error("a new key vouches for an old one that is said to be in force")
	}
	if _, err := proof.OpenKeyChange([]byte(strings.Replace(retired, c.New, c.Old, 1))); err == nil {
		t.Error("an edited change is taken")
	}
	tl.close()
	if err := writeFileAtomic(tl.fs, keyFile, stolen); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testDir, tl.opts); err == nil || !strings.Contains(err.Error(), "but the ledger's is "+c.New) {
		t.Errorf("opened with a retired key: %v", err)
	}
}

// TestRotationCrash cuts the power at each step of a rotation. The ledger opens with
// the keys that are in force by its records, no acknowledged head is lost, and the
// rotation can be gone on with.
func TestRotationCrash(t *testing.T) {
	for _, percent := range []int{0, 50, 100} {
		rng := seeded(t)
		var cuts []crash
		base := vfs.NewCrashableMem()
		var mu sync.Mutex // guards cuts, watching and rng
		var watching bool
		fs := &cutting{FS: base, cut: func() {
			mu.Lock()
			defer mu.Unlock()
			if watching {
				cuts = append(cuts, crash{fs: base.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})})
			}
		}}
		tl := newTestLog(t, Options{FS: fs, Index: IndexOptions{Off: true}})
		tl.append(access("a", "person"), access("b", ""))
		first := tl.VerifierKey()
		for _, change := range []func() (string, error){
			func() (string, error) { return tl.AddKey(ctx) }, func() (string, error) { return tl.RetireKey(ctx) },
		} {
			mu.Lock()
			watching = true
			mu.Unlock()
			_, err := change()
			fs.cut()
			mu.Lock()
			watching = false
			mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			tl.record(t, 1)
			tl.append(access(fmt.Sprint("c", tl.Head().Size), ""))
		}
		second := tl.VerifierKey()
		if len(cuts) < 6 {
			t.Fatalf("only %d steps were seen", len(cuts))
		}
		for i, c := range cuts {
			checkRotated(t, fmt.Sprintf("unsynced %d%%, cut %d of %d", percent, i, len(cuts)), c.fs, first, second)
		}
	}
}

// checkRotated opens what a power cut left and completes the rotation.
func checkRotated(t *testing.T, name string, fs vfs.FS, first, second string) {
	t.Helper()
	o := Options{FS: fs, CacheBytes: 8 << 20, Index: IndexOptions{Off: true}}
	l, err := Open(testDir, o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Errorf("%s: closing: %v", name, err)
		}
		if r := verifyStore(t, fs, VerifyOptions{Verifier: first}); !r.OK() {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}()
	changes := len(l.KeyChanges())
	want := []string{"0", "0+1", "1"}[changes]
	if by := signedBy(t, l.Head().Checkpoint, first, second); by != want {
		t.Fatalf("%s: after %d changes the head is signed by %s", name, changes, by)
	}
	if _, err := l.Append(ctx, access("later", "")); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if changes == 0 {
		if _, err := l.AddKey(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if changes < 2 {
		if _, err := l.RetireKey(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if vkey, _, err := readKeyFile(fs, l.opts.KeyFile); err != nil || vkey != l.VerifierKey() || vkey == first {
		t.Errorf("%s: the key file holds %s: %v", name, vkey, err)
	}
}

// cutting calls cut before each operation that changes what a power cut leaves.
type cutting struct {
	vfs.FS
	cut func()
}

func (c *cutting) Create(name string, w vfs.DiskWriteCategory) (vfs.File, error) {
	c.cut()
	f, err := c.FS.Create(name, w)
	return cuttingFile{f, c.cut}, err
}

func (c *cutting) OpenReadWrite(name string, w vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := c.FS.OpenReadWrite(name, w, opts...)
	return cuttingFile{f, c.cut}, err
}

func (c *cutting) OpenDir(name string) (vfs.File, error) {
	f, err := c.FS.OpenDir(name)
	return cuttingFile{f, c.cut}, err
}

func (c *cutting) Rename(from, to string) error {
	c.cut()
	return c.FS.Rename(from, to)
}

type cuttingFile struct {
	vfs.File
	cut func()
}

func (f cuttingFile) Sync() error {
	f.cut()
	return f.File.Sync()
}

// TestKeyEventsAreTheLedgersOwn: nobody else changes the key, and a change that is
// none of this ledger is found.
func TestKeyEventsAreTheLedgersOwn(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.refuse(events.Refusal{Rule: "type.reserved", Class: events.Forbidden}, event("k", "ledger.key.added", &events.KeyChanged{Key: "k", Note: "n"}))
	ev := tl.own(&events.KeyChanged{Key: "k", Note: "ledgerline/key-change/v1\n"}, "ledger.key.added", "forged")
	if _, err := tl.Ledger.append(ctx, []events.Event{ev}); err != nil {
		t.Fatal(err)
	}
	tl.close()
	if r := verifyStore(t, tl.fs, VerifyOptions{}); r.OK() {
		t.Error("verifying found nothing")
	}
	_, err := Open(testDir, tl.opts)
	asDamage(t, err)
}

// TestSecretsAreForTheUserAlone: signing keys and owners' keys are made for nobody
// else, and a signing key that others may read is told of.
func TestSecretsAreForTheUserAlone(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	o := Options{Origin: "ledger.example/secret", Logger: slog.New(slog.NewTextHandler(&log, nil)), Index: IndexOptions{Off: true}}
	l, err := Create(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddKey(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := l.owners.key("somebody"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "keys", "ledger.key")
	files, err := filepath.Glob(filepath.Join(dir, "owners", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range append(files, key, key+".next") {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	for _, c := range []struct {
		file, dir os.FileMode
		told      bool
	}{{0o600, 0o755, false}, {0o644, 0o700, false}, {0o640, 0o750, true}, {0o644, 0o755, true}} {
		log.Reset()
		if err := errors.Join(os.Chmod(key, c.file), os.Chmod(filepath.Dir(key), c.dir)); err != nil {
			t.Fatal(err)
		}
		l, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(log.String(), "others than the ledger's user"); told != c.told {
			t.Errorf("a key of %v in a directory of %v: told %v\n%s", c.file, c.dir, told, log.String())
		}
	}
}
