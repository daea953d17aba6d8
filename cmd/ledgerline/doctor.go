package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ledgerline/api"
	"ledgerline/events"
	"ledgerline/ledger"
)

func doctorCommand(p *program) *cobra.Command {
	var dir string
	var where places
	c := &cobra.Command{
		Use:   "doctor --dir DIR",
		Short: "Look for what is wrong with a ledger and its surroundings, and say what to do",
		Long: `Doctor looks at a directory and at this machine: who may read the keys, room on
the disk, file descriptors, tokens, whether the book can be opened (which checks
key, head witness, stored versions and the end of the log), the clock, and the
views. It changes nothing. Of a directory that a server has open it tells what can
be told from outside. It does not read the whole book: that is ledgerline verify.

The exit code is 1 if something is wrong. What is marked "note" is not, and good to
know.`,
		Example: `  ledgerline doctor --dir led`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d := &doctor{dir: dir, places: where}
			d.examine(c.Context())
			t := newTable("", "CHECK", "FOUND", "DO")
			for _, f := range d.findings {
				t.row(f.mark, f.check, f.found, f.fix)
			}
			if err := t.write(p.out, ""); err != nil {
				return err
			}
			if d.wrong {
				return errShown
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "the ledger's directory")
	where.flags(c)
	return required(c, "dir")
}

// doctor gathers what it finds.
type doctor struct {
	dir string
	places
	findings []finding
	wrong    bool
}

type finding struct{ mark, check, found, fix string }

func (d *doctor) ok(check, format string, args ...any) {
	d.findings = append(d.findings, finding{"ok", check, fmt.Sprintf(format, args...), ""})
}

func (d *doctor) note(check, fix, format string, args ...any) {
	d.findings = append(d.findings, finding{"note", check, fmt.Sprintf(format, args...), fix})
}

func (d *doctor) bad(check, fix, format string, args ...any) {
	d.findings = append(d.findings, finding{"WRONG", check, fmt.Sprintf(format, args...), fix})
	d.wrong = true
}

func (d *doctor) examine(ctx context.Context) {
	there, err := holdsLedger(d.dir)
	switch {
	case err != nil:
		d.bad("directory", "let this user read it", "%v", err)
		return
	case !there:
		d.bad("directory", "name the right one, restore a backup, or begin with: ledgerline init", "there is no book in %s", d.dir)
		return
	}
	d.ok("directory", "%s", d.dir)
	d.permissions()
	d.space()
	d.descriptors()
	if info, err := os.Stat(tokensFile(d.dir)); err == nil && info.Mode().Perm()&0o077 != 0 {
		d.bad("tokens", "chmod go= "+tokensFile(d.dir), "the server does not read them: others may open %s (%v)", tokensFile(d.dir), info.Mode().Perm())
	} else if _, err := api.LoadTokens(tokensFile(d.dir)); err != nil {
		d.bad("tokens", "restore the file, or delete it and make new tokens", "%v", err)
	} else {
		d.ok("tokens", "they can be read")
	}
	d.book(ctx)
}

// permissions looks at what nobody but the ledger's user should read or write.
func (d *doctor) permissions() {
	key := d.key
	if key == "" {
		key = filepath.Join(d.dir, "keys", "ledger.key")
	}
	wrong := false
	for _, path := range []string{key, tokensFile(d.dir), filepath.Join(d.dir, "owners"), filepath.Join(d.dir, "control")} {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // what has to be there is told of by the book
		}
		if err != nil {
			wrong = true
			d.bad("permissions", "let this user read it", "%v", err)
		} else if around, err := os.Stat(filepath.Dir(path)); err == nil && info.Mode().Perm()&0o077 != 0 && around.Mode().Perm()&0o011 != 0 {
			wrong = true // others may come to it, and use it
			d.bad("permissions", fmt.Sprintf("chmod go= %s %s", path, filepath.Dir(path)), "others may use %s (%v)", path, info.Mode().Perm())
		}
	}
	if !wrong {
		d.ok("permissions", "keys and tokens are for this user alone")
	}
}

// leastSpace is what a ledger should have left: compactions need room beside what
// they replace.
const leastSpace = 2 << 30

func (d *doctor) space() {
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &s); err != nil {
		d.bad("disk", "see to the disk", "%v", err)
		return
	}
	free := s.Bavail * uint64(s.Bsize)
	if free < leastSpace {
		d.bad("disk", "make room, or move the directory: a full disk ends the server", "%.1f GiB are free", float64(free)/(1<<30))
		return
	}
	d.ok("disk", "%.1f GiB are free", float64(free)/(1<<30))
}

func (d *doctor) descriptors() {
	n, err := descriptors()
	switch {
	case err != nil:
		d.bad("descriptors", "", "%v", err)
	case n < leastDescriptors:
		d.bad("descriptors", moreDescriptors, "a process may open %d files; a server should be given %d", n, leastDescriptors)
	default:
		d.ok("descriptors", "a process may open %d files", n)
	}
}

// book looks into the book, unless a server has it open.
func (d *doctor) book(ctx context.Context) {
	if _, done, err := askControl(ctx, d.dir); err == nil {
		done()
		d.ok("book", "a server has it open: ask its /readyz and /v1/status")
		return
	}
	if n, err := descriptors(); err == nil && n < fewestDescriptors { // told of already
		d.bad("book", moreDescriptors, "it is not looked into: that takes more file descriptors")
		return
	}
	seen, err := ledger.Inspect(d.dir, ledger.Options{HeadFile: d.head, KeyFile: d.key, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		err = openError(d.dir, err)
		fix := "do what it says"
		if f := (*failure)(nil); errors.As(err, &f) && f.fix != "" {
			fix = f.fix
		} else if damage := (*ledger.DamageError)(nil); errors.As(err, &damage) {
			fix = "keep a copy; ledgerline verify --dir " + d.dir + " says more"
		}
		d.bad("book", fix, "%v", err)
		return
	}
	if seen.Witnessed {
		d.ok("book", "%d records; key, head witness and stored versions fit", seen.Size)
	} else {
		d.ok("book", "%d records; key and stored versions fit", seen.Size)
		d.note("head witness", "put it back, or name it with --head-file; else the next start makes a new one", "there is none: that this book is not an older one cannot be told here")
	}
	d.clock(seen.Time)
	d.views()
}

// views looks whether there are rows. What is wrong with them is told, and mended, at the
// next start.
func (d *doctor) views() {
	switch _, err := os.Stat(filepath.Join(d.dir, "views", "current")); {
	case err == nil:
		d.ok("views", "there are rows; the next start brings them up to date")
	case errors.Is(err, fs.ErrNotExist):
		d.note("views", "nothing: that takes as long as ledgerline rebuild", "there are none yet: the next start builds them")
	default:
		d.bad("views", "let this user read it", "%v", err)
	}
}

func (d *doctor) clock(last events.Time) {
	now := time.Now()
	if ahead := last.Std().Sub(now); ahead > 5*time.Minute {
		d.bad("clock", "set the clock right, or see --confirm-clock of serve", "it is %s behind the last record", ahead.Round(time.Second))
		return
	}
	d.ok("clock", "%s; the last record is of %s", now.UTC().Format(time.RFC3339), last)
}
