package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// A store is what a ledger left on its file system, and what it holds.
type store struct {
	fs      *vfs.MemFS
	content []content // by position
	key     string    // verifier key
}

type content struct {
	hash     proof.Hash
	recorded events.Time
	event    events.Event
}

// A damage is one thing done to a copy of a store.
type damage struct {
	name string
	do   func(fs vfs.FS) error
}

// damagedStore has records in tables and records in the log only, like a store
// whose process was killed.
func damagedStore(t *testing.T) store {
	t.Helper()
	tl := newTestLog(t, Options{FS: vfs.NewCrashableMem()})
	tl.append(party(1), party(2))
	tl.fill("table", 60)
	if err := tl.db.Flush(); err != nil {
		t.Fatal(err)
	}
	tl.fill("second-table", 20)
	if err := tl.db.Flush(); err != nil {
		t.Fatal(err)
	}
	tl.fill("log", 60)
	s := store{key: tl.VerifierKey(), content: readContent(t, tl.Ledger)}
	witnessed(t, tl.Ledger, tl.fs)
	s.fs = copyFS(t, tl.fs.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))}))
	return s
}

// witnessed waits until the head witness holds the durable head.
func witnessed(t testing.TB, l *Ledger, fs vfs.FS) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if cp, _, err := readWitness(fs, l.opts.HeadFile); err == nil && bytes.Equal(cp, l.Head().Checkpoint) {
			return
		}
	}
	t.Fatal("the head witness does not get to the durable head")
}

func readContent(t testing.TB, l *Ledger) (out []content) {
	t.Helper()
	all, err := tryContent(l)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// tryContent reads everything that a ledger holds, evidence included.
func tryContent(l *Ledger) (out []content, err error) {
	size := l.Head().Size
	for e, err := range l.Scan(ctx, 0, size) {
		if err != nil {
			return nil, err
		}
		r, err := l.Record(e.Position)
		if err != nil {
			return nil, err
		}
		got, err := l.Get(ctx, e.Position)
		if err != nil {
			return nil, err
		}
		p, ok, err := l.Find(e.Event.Source, e.Event.ID)
		if err != nil {
			return nil, err
		}
		if !ok || p != e.Position {
			return nil, fmt.Errorf("event %s is found at %d %v, not at %d", e.Event.ID, p, ok, e.Position)
		}
		out = append(out, content{r.Hash, e.Recorded, got.Event})
	}
	if int64(len(out)) != size {
		return nil, fmt.Errorf("%d records are read of %d", len(out), size)
	}
	for c := range slices.Values(out) {
		sub := c.event.Data.Subject()
		want := 0
		for d := range slices.Values(out) {
			if d.event.Data.Subject() == sub {
				want++
			}
		}
		if got, err := l.SubjectVersion(sub); err != nil || got != uint64(want) {
			return nil, fmt.Errorf("%s is at version %d, not %d: %w", sub, got, want, err)
		}
		break
	}
	return out, nil
}

// TestDamagedFiles damages the files of a store in many ways. Whatever was done:
// the store is refused, or reading it fails, or it yields the same content; never
// other content, fewer records, a panic or a hang.
func TestDamagedFiles(t *testing.T) {
	rng := seeded(t)
	s := damagedStore(t)
	outcomes := make(map[string]int)
	for _, d := range damages(t, s.fs, rng) {
		fs := copyFS(t, s.fs)
		if err := d.do(fs); err != nil {
			t.Fatal(err)
		}
		outcomes[s.survives(t, d.name, fs)]++
	}
	t.Logf("outcomes: %v", outcomes)
	if outcomes["refused"] == 0 || outcomes["same"] == 0 {
		t.Fatalf("the damage is not varied enough to show anything: %v", outcomes)
	}
}

// damages lists what is done to the files: bytes flipped all over, ends cut off
// or zeroed, files emptied or deleted.
func damages(t *testing.T, fs vfs.FS, rng *rand.Rand) (out []damage) {
	t.Helper()
	flips := fewer(5)
	for _, path := range listFiles(fs, "") {
		b, err := readFile(fs, path)
		if err != nil {
			t.Fatal(err)
		}
		change := func(name string, f func(b []byte) []byte) {
			out = append(out, damage{name + " in " + path, func(fs vfs.FS) error { return writeFileAtomic(fs, path, f(bytes.Clone(b))) }})
		}
		out = append(out, damage{"deleting " + path, func(fs vfs.FS) error { return fs.Remove(path) }})
		if len(b) == 0 {
			continue
		}
		n := flips
		if len(b) > 32<<10 {
			n *= 3
		}
		for range n {
			at, bit := rng.IntN(len(b)), rng.IntN(8)
			change(fmt.Sprintf("flipping bit %d of byte %d of %d", bit, at, len(b)), func(b []byte) []byte {
				b[at] ^= 1 << bit
				return b
			})
		}
		for range fewer(3) {
			at := rng.IntN(len(b))
			change(fmt.Sprintf("cutting off all from byte %d of %d", at, len(b)), func(b []byte) []byte { return b[:at] })
			change(fmt.Sprintf("zeroing all from byte %d of %d", at, len(b)), func(b []byte) []byte {
				clear(b[at:])
				return b
			})
		}
		change("dropping the content", func([]byte) []byte { return nil })
	}
	return out
}

// listFiles lists all files but locks, in order.
func listFiles(fs vfs.FS, dir string) (out []string) {
	names, err := fs.List(dir)
	if err != nil {
		return []string{dir}
	}
	slices.Sort(names)
	for _, name := range names {
		if name != "LOCK" {
			out = append(out, listFiles(fs, fs.PathJoin(dir, name))...)
		}
	}
	return out
}

// survives opens, reads and verifies a damaged store and names the outcome.
func (s store) survives(t *testing.T, name string, fs *vfs.MemFS) string {
	t.Helper()
	type result struct {
		outcome string
		err     error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
			done <- r
		}()
		r.outcome, r.err = s.tryDamaged(fs)
	}()
	select {
	case r := <-done:
		if r.err != nil {
			t.Errorf("after %s: %v", name, r.err)
		}
		return r.outcome
	case <-time.After(60 * time.Second):
		t.Fatalf("after %s: it hangs", name)
	}
	return ""
}

func (s store) tryDamaged(fs *vfs.MemFS) (string, error) {
	verifying := copyOf(fs)
	report, verr := Verify(ctx, testDir, VerifyOptions{FS: verifying, Verifier: s.key, Workers: 1})
	found := verr != nil || !report.OK()
	l, err := Open(testDir, Options{FS: fs, CacheBytes: 1 << 20})
	if err != nil {
		if !found && !strings.Contains(err.Error(), "signing key") {
			return "", fmt.Errorf("opening gives %q, but verifying finds nothing", err)
		}
		if err := sameFiles(verifying, fs); err != nil {
			return "", fmt.Errorf("opening refuses, but changed the store: %w", err)
		}
		return "refused", tells(err)
	}
	got, err := tryContent(l)
	if cerr := l.Close(); err == nil && cerr != nil {
		return "", cerr
	}
	if err != nil {
		if !found {
			return "", fmt.Errorf("reading gives %q, but verifying finds nothing", err)
		}
		var d *DamageError
		if !errors.As(err, &d) {
			return "", fmt.Errorf("reading gives %q, which is no *DamageError", err)
		}
		return "unreadable", nil
	}
	erased := erasedAll(s.content, got)
	if !erased && !reflect.DeepEqual(got, s.content) {
		return "", fmt.Errorf("other content is served: %d records of %d", len(got), len(s.content))
	}
	if erased {
		return "erased", nil
	}
	return "same", nil
}

// sameFiles asserts that a refused store was left as it was found, so that what
// is left of it can be recovered.
func sameFiles(want, got vfs.FS) error {
	was, is := listFiles(want, ""), listFiles(got, "")
	if !slices.Equal(was, is) {
		return fmt.Errorf("there are the files %q; there were %q", is, was)
	}
	for _, path := range was {
		a, err := readFile(want, path)
		if err != nil {
			return err
		}
		b, err := readFile(got, path)
		if err != nil || !bytes.Equal(a, b) {
			return fmt.Errorf("%s was rewritten (%v)", path, err)
		}
	}
	return nil
}

// tells asserts that a refusal says what the operator has to know.
func tells(err error) error {
	var d *DamageError
	if errors.As(err, &d) {
		if d.What == "" || d.Fix == "" {
			return fmt.Errorf("the refusal %q does not say what happened and what to do", err)
		}
		return nil
	}
	for _, about := range []string{"signing key", "head witness", "owner key"} {
		if strings.Contains(err.Error(), about) {
			return nil
		}
	}
	return fmt.Errorf("the refusal is neither a *DamageError nor about a file beside the book: %w", err)
}

// erasedAll reports whether the contents differ exactly in facets that are gone:
// what destroying an owner's key does.
func erasedAll(want, got []content) bool {
	if len(want) != len(got) {
		return false
	}
	erased := false
	for i := range want {
		a, b := want[i].event, got[i].event
		if want[i].hash != got[i].hash || len(a.Facets) != len(b.Facets) {
			return false
		}
		for j := range a.Facets {
			if b.Facets[j].Erased && a.Facets[j].Owner != "" {
				erased = true
			} else if !reflect.DeepEqual(a.Facets[j], b.Facets[j]) {
				return false
			}
		}
	}
	return erased
}

func copyOf(fs vfs.FS) *vfs.MemFS {
	to := vfs.NewMem()
	if _, err := vfs.Clone(fs, to, "", ""); err != nil {
		panic(err)
	}
	return to
}

// rowEdit rewrites one row.
func rowEdit(key []byte, f func(v []byte) []byte) func(db *pebble.DB) error {
	return func(db *pebble.DB) error {
		v, closer, err := db.Get(key)
		if err != nil {
			return fmt.Errorf("row %q: %w", key, err)
		}
		edited := f(bytes.Clone(v))
		if err := closer.Close(); err != nil {
			return err
		}
		return db.Set(key, edited, pebble.Sync)
	}
}
