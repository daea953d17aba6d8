package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// sorted lists what the batch writes in the order of keys, a list for each table
// that it writes to.
func (b *batch) sorted(m meta) (out [][]keyValue) {
	b.rows[tMeta] = append(b.rows[tMeta], keyValue{metaKey, encode(nil, &m)})
	for _, row := range b.packed {
		b.rows[row.key[0]] = append(b.rows[row.key[0]], keyValue{row.key, row.value})
	}
	for _, rows := range b.rows {
		if len(rows) > 0 { // many are in order, or in the opposite order, already
			slices.SortFunc(rows, func(a, z keyValue) int { return bytes.Compare(a.key, z.key) })
			out = append(out, rows)
		}
	}
	return out
}

// commit makes the batch visible together with what the store then stands for. It
// is not synced: a crash may take the newest batches, whole and in order, and the
// feed sends them again.
func (b *batch) commit(m meta) (err error) {
	out := b.s.db.NewBatchWithSize(b.size + b.size/4)
	defer func() { err = errors.Join(err, out.Close()) }()
	for _, rows := range b.sorted(m) { // in order: that is what inserting them is fastest in
		write := out.Set
		if rows[0].packed() {
			write = out.Merge
		}
		for _, kv := range rows {
			if err := write(kv.key, kv.value, nil); err != nil {
				return err
			}
		}
	}
	if err := b.s.apply(out); err != nil {
		return err
	}
	b.size = 0
	return nil
}

// ingest is commit for batches of very many rows: they are written to tables in
// order and handed to Pebble whole, past its log and its memory. Each table of
// rows gets files of its own, so that those whose keys follow the position never
// have to be compacted with what was there before. It is synced.
func (b *batch) ingest(ctx context.Context, m meta) (err error) {
	var paths []string
	for _, rows := range b.sorted(m) {
		for len(rows) > 0 {
			n := 1
			for size := 0; n < len(rows) && size < ingestFile; n++ {
				size += len(rows[n].key) + len(rows[n].value)
			}
			path := b.s.fs.PathJoin(b.s.dir, fmt.Sprintf("ingest-%d", len(paths)))
			if err := b.s.writeTable(path, rows[:n]); err != nil {
				return err
			}
			paths, rows = append(paths, path), rows[n:]
		}
	}
	if err := b.s.ingest(ctx, paths); err != nil {
		return err
	}
	b.size = 0
	return nil
}

// ingest takes tables in. That may begin a new log.
func (s *store) ingest(ctx context.Context, paths []string) error {
	defer rowsLog(s.log).EndOnPanic("taking tables in")
	return s.db.Ingest(ctx, paths)
}

// ingestFile is about how large an ingested file gets.
const ingestFile = 16 << 20

// writeTable writes rows, which are in order, as a table of Pebble's.
func (s *store) writeTable(path string, rows []keyValue) (err error) {
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	o := s.opts.MakeWriterOptions(0, s.db.TableFormat())
	o.DisableValueBlocks = true // nearly all versions are older ones, and are read
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), o)
	defer func() { err = errors.Join(err, w.Close()) }() // which syncs and closes the file
	write := w.Set
	if rows[0].packed() {
		write = w.Merge
	}
	for _, kv := range rows {
		if err := write(kv.key, kv.value); err != nil {
			return err
		}
	}
	return nil
}
