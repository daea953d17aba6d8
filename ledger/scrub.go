package ledger

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A facetRow is the place of a stored facet.
type facetRow struct {
	position int64
	number   int
}

// scrubRanges is how many ranges are compacted one by one; if there are more, the
// span from the first to the last is.
const scrubRanges = 64

// scrub makes the storage forget deleted rows and returns when no file holds them.
// A deletion in a log-structured store only hides: the bytes stay in the log they
// were written to, which may lie about to be used again, and in the tables they
// were flushed to, until those are compacted.
func (l *Ledger) scrub(ctx context.Context, rows []facetRow) error {
	if err := l.uses.begin(); err != nil {
		return err
	}
	defer l.uses.end()
	l.logs.fresh.Store(true)
	defer l.logs.fresh.Store(false)
	logs, err := l.bookFiles(".log")
	if err != nil {
		return err
	}
	if err := l.flushBook("removing erased content"); err != nil {
		return err
	}
	for _, r := range scrubSpans(rows) {
		if err := l.db.Compact(ctx, facetKey(r[0].position, r[0].number), facetKey(r[1].position, r[1].number+1), false); err != nil {
			return fmt.Errorf("compacting: %w", err)
		}
	}
	tables, err := l.deadTables()
	if err != nil {
		return err
	}
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		left, err := l.bookFiles(".log")
		if err != nil {
			return err
		}
		dead, err := l.deadTables() // what was being written above is part of the store by now
		if err != nil {
			return err
		}
		oldLogs, oldTables := common(logs, left), common(tables, dead)
		if oldLogs+oldTables == 0 {
			return nil
		}
		if oldLogs > 0 { // each flush takes one of those that wait to be used again
			if err := l.flushBook("removing erased content"); err != nil {
				return err
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d old files to be removed (a reader may hold them): %w", oldLogs+oldTables, ctx.Err())
		}
	}
}

// scrubSpans joins rows to ranges, both ends included.
func scrubSpans(rows []facetRow) (spans [][2]facetRow) {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b facetRow) int {
		return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.number, b.number))
	})
	for _, r := range rows {
		if n := len(spans) - 1; n >= 0 && r.position <= spans[n][1].position+1 {
			spans[n][1] = r
			continue
		}
		spans = append(spans, [2]facetRow{r, r})
	}
	if len(spans) > scrubRanges {
		spans = [][2]facetRow{{rows[0], rows[len(rows)-1]}}
	}
	return spans
}

func common(a, b map[string]bool) (n int) {
	for name := range a {
		if b[name] {
			n++
		}
	}
	return n
}

// deadTables lists the table files that are not part of the store any more and are
// yet to be removed.
func (l *Ledger) deadTables() (map[string]bool, error) {
	files, err := l.bookFiles(".sst")
	if err != nil {
		return nil, err
	}
	levels, err := l.db.SSTables()
	if err != nil {
		return nil, err
	}
	for _, level := range levels {
		for _, t := range level {
			delete(files, fmt.Sprintf("%06d.sst", uint64(t.FileNum)))
		}
	}
	return files, nil
}

func (l *Ledger) bookFiles(suffixes ...string) (map[string]bool, error) {
	names, err := l.opts.FS.List(bookDir(l.opts.FS, l.dir))
	if err != nil {
		return nil, err
	}
	files := make(map[string]bool)
	for _, name := range names {
		if slices.Contains(suffixes, path.Ext(name)) && !strings.HasSuffix(name, ".new") {
			files[name] = true
		}
	}
	return files, nil
}

// logFS lets a scrub replace Pebble's log files. Pebble keeps some that are done
// with and writes the next log over one of them, of which what is longer survives.
type logFS struct {
	vfs.FS
	fresh *atomic.Bool // do not write over: remove, and make a new one
}

// ReuseForWrite is allowed by its contract to make a new file.
func (f logFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !f.fresh.Load() {
		return f.FS.ReuseForWrite(oldname, newname, category)
	}
	if err := f.FS.Remove(oldname); err != nil {
		return nil, err
	}
	return f.FS.Create(newname, category)
}
