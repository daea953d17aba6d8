package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// Manifest says what a backup holds. It is written last, so that a directory
// without one is not a backup.
type Manifest struct {
	// Format is the version of the manifest; 0 in those that were written before it had one.
	Format int    `json:"format,omitempty"`
	Origin string `json:"origin"`
	// Checkpoint is the signed head that was durable when the backup began. The
	// backup holds at least its records.
	Checkpoint string      `json:"checkpoint"`
	Size       int64       `json:"size"`
	Time       events.Time `json:"time"` // recorded time of the last of them
}

const manifestName = "backup.json"

// manifestFormat is the version of the manifest. A program refuses a newer one, and one
// that says what it does not know: a backup would be taken for what it is not.
const manifestFormat = 1

// Backup copies the book into a new directory while the ledger goes on. The copy
// shares files with the book until they are compacted away, if both are on one
// file system. It holds neither the signing key, nor owner keys (a backup of them
// would outlive an erasure), nor the head witness, nor the views.
func (l *Ledger) Backup(ctx context.Context, dest string) (Manifest, error) {
	fs := l.opts.FS
	if _, err := fs.Stat(dest); err == nil {
		return Manifest{}, fmt.Errorf("backing up to %s: it exists; name a new directory", dest)
	}
	head := l.Head()
	m := Manifest{Format: manifestFormat, Origin: l.origin, Checkpoint: string(head.Checkpoint), Size: head.Size, Time: head.Time}
	if err := makeDir(fs, dest); err != nil {
		return m, fmt.Errorf("backing up to %s: %w", dest, err)
	}
	if err := l.uses.begin(); err != nil {
		return m, err
	}
	defer l.uses.end()
	if err := l.copyBook(dest, m); err != nil {
		return m, fmt.Errorf("backing up to %s: %w", dest, err)
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = writeFileAtomic(fs, fs.PathJoin(dest, manifestName), append(b, '\n'))
	}
	if err != nil {
		return m, fmt.Errorf("backing up to %s: %w", dest, err)
	}
	return m, ctx.Err()
}

// copyBook copies the book and makes sure that the copy can be read and holds the
// manifest's head.
//
// Pebble v2.1.7 copies of its own MANIFEST what this process has written, which is
// nothing if it found no log to replay: such a copy cannot be opened, and no error
// says so. A flush makes it write one.
func (l *Ledger) copyBook(dest string, m Manifest) error {
	to := bookDir(l.opts.FS, dest)
	err := l.db.Checkpoint(to, pebble.WithFlushedWAL())
	if err != nil {
		return err
	}
	if err = checkManifest(l.opts, dest, m); err == nil {
		return nil
	}
	l.opts.Logger.Warn("the copy of the book cannot be read; making another", "to", dest, "error", err)
	if err := errors.Join(l.opts.FS.RemoveAll(to), l.flushBook("backing up")); err != nil {
		return err
	}
	if err := l.db.Checkpoint(to, pebble.WithFlushedWAL()); err != nil {
		return err
	}
	return checkManifest(l.opts, dest, m)
}

// RestoreOptions say where a backup goes.
type RestoreOptions struct {
	FS       vfs.FS // nil is the disk
	HeadFile string // the head witness, by default DIR/head
	// Progress, if set, is told how many of how many bytes were copied.
	Progress func(done, total int64)
}

// Restore puts the book of a backup into dir, which must hold none. It verifies
// the backup first, and refuses with a *DamageError one that ends before the head
// that dir's head witness remembers: going on from there would give positions that
// were acknowledged to other events.
func Restore(ctx context.Context, backup, dir string, o RestoreOptions) (Manifest, error) {
	opts := Options{FS: o.FS, HeadFile: o.HeadFile}.withDefaults(dir)
	m, err := readManifest(opts.FS, backup)
	if err != nil {
		return m, err
	}
	if _, err := opts.FS.Stat(bookDir(opts.FS, dir)); err == nil {
		return m, fmt.Errorf("restoring into %s: there is a book; move it away first, it may hold more than the backup", dir)
	}
	if err := checkBackup(ctx, opts, backup, m); err != nil {
		return m, err
	}
	tmp := bookDir(opts.FS, dir) + ".restoring"
	if err := opts.FS.RemoveAll(tmp); err != nil {
		return m, fmt.Errorf("removing what an interrupted restore left: %w", err)
	}
	if err := copyDir(ctx, opts.FS, bookDir(opts.FS, backup), tmp, o.Progress); err != nil {
		return m, fmt.Errorf("copying the book: %w", err)
	}
	if err := opts.FS.Rename(tmp, bookDir(opts.FS, dir)); err != nil {
		return m, fmt.Errorf("putting the book in place: %w", err)
	}
	return m, syncDir(opts.FS, dir)
}

func readManifest(fs vfs.FS, backup string) (m Manifest, err error) {
	b, err := readFile(fs, fs.PathJoin(backup, manifestName))
	if errors.Is(err, errNotExist) {
		return m, fmt.Errorf("%s is not a complete backup: it has no %s", backup, manifestName)
	}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		err = d.Decode(&m)
	}
	switch {
	case m.Format > manifestFormat:
		return m, fmt.Errorf("the manifest of backup %s has format %d, and this program knows none above %d: use the program that wrote it, or a newer one; nothing was changed", backup, m.Format, manifestFormat)
	case err != nil:
		return m, fmt.Errorf("reading the manifest of backup %s, with the program that wrote it or a newer one it may be readable: %w", backup, err)
	}
	return m, nil
}

// checkBackup verifies a backup against its own manifest and against the head
// witness of the place it is to go to.
func checkBackup(ctx context.Context, opts Options, backup string, m Manifest) error {
	witnessed, _, err := readWitness(opts.FS, opts.HeadFile)
	if err != nil {
		return err
	}
	report, err := Verify(ctx, backup, VerifyOptions{FS: opts.FS, HeadFile: opts.HeadFile})
	if err != nil {
		return fmt.Errorf("verifying the backup: %w", err)
	}
	if !report.OK() {
		f := report.Findings[0]
		if f.Kind == Truncated {
			return &DamageError{
				What:         "the backup is older than what was acknowledged: " + f.Detail,
				LastProvable: report.LastProvable, Fix: "use a newer backup, or begin a successor ledger from this one (see docs/operating.md)",
			}
		}
		return &DamageError{What: fmt.Sprintf("the backup: %s at positions %d to %d: %s", f.Kind, f.From, f.To, f.Detail), LastProvable: report.LastProvable, Fix: "use another backup"}
	}
	if err := checkManifest(opts, backup, m); err != nil {
		return err
	}
	if witnessed == nil {
		opts.Logger.Warn("there is no head witness where the backup goes, so nothing can tell whether it is the newest", "file", opts.HeadFile)
	}
	return nil
}

// checkManifest makes sure that the manifest's head is a head of the book beside
// it, so that a manifest cannot be put to another book.
func checkManifest(opts Options, backup string, m Manifest) error {
	db, err := openBook(opts, backup, bookOptions{readOnly: true})
	if err != nil {
		return fmt.Errorf("opening the backup: %w", err)
	}
	err = compareManifest(newLedger(backup, opts, db), m)
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("comparing the backup with its manifest: %w", err)
	}
	return nil
}

func compareManifest(l *Ledger, m Manifest) error {
	s, err := readSettings(l.db)
	if err != nil {
		return err
	}
	t, err := readTail(l.db)
	if err != nil {
		return err
	}
	if err := l.adopt(s); err != nil {
		return err
	}
	keys, err := l.readSigning(s.VKey, t.row.Size)
	if err != nil {
		return err
	}
	cp, err := proof.OpenCheckpoint([]byte(m.Checkpoint), s.Origin, keys.keys)
	if err != nil {
		return err
	}
	return compareWitness(l.db, t, cp)
}

// copyDir copies a flat directory durably.
func copyDir(ctx context.Context, fs vfs.FS, from, to string, progress func(done, total int64)) error {
	names, err := fs.List(from)
	if err != nil {
		return err
	}
	if err := makeDir(fs, to); err != nil {
		return err
	}
	var done, total int64
	for _, name := range names {
		info, err := fs.Stat(fs.PathJoin(from, name))
		if err != nil {
			return err
		}
		total += info.Size()
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := copyFile(fs, fs.PathJoin(from, name), fs.PathJoin(to, name))
		if err != nil {
			return fmt.Errorf("copying %s: %w", name, err)
		}
		if done += n; progress != nil {
			progress(done, total)
		}
	}
	return syncDir(fs, to)
}

func copyFile(fs vfs.FS, from, to string) (n int64, err error) {
	src, err := fs.Open(from)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	dst, err := fs.Create(to, vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	return n, errors.Join(err, dst.Close())
}
