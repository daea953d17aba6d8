package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// bulkBook makes a closed book of n records and some, as appending calls for data
// makes one and then compacting it, but without asking rules and without syncing:
// rows are written to tables in their order, and taken in. A verification finds
// nothing wrong with it.
func bulkBook(t testing.TB, dir string, n int64) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Origin: "ledger.example/bulk", Index: IndexOptions{Off: true}}
	l, err := Create(dir, o)
	check(err)
	check(l.Close())
	o = o.withDefaults(dir)
	db, err := openBook(o, dir, bookOptions{})
	check(err)
	b := &bulk{l: newLedger(dir, o, db), fs: vfs.Default, dir: dir, subjects: make(map[proof.Hash][]int64)}
	witnessed, _, err := readWitness(vfs.Default, o.HeadFile)
	check(err)
	b.tail, err = b.l.inspect(witnessed)
	check(err)
	check(b.records(n))
	check(b.derived())
	check(b.end(o.HeadFile))
	check(db.Close())
}

// bulk is a book being made.
type bulk struct {
	l    *Ledger
	fs   vfs.FS
	dir  string
	tail tail

	paths    []string
	file     *sstable.Writer
	size     int
	ids      []bulkID
	subjects map[proof.Hash][]int64 // positions of their versions
}

type bulkID struct {
	hash     [32]byte
	position int64
}

// set adds a row, in order, to the tables of its kind.
func (b *bulk) set(key, value []byte) error {
	if b.file == nil {
		path := b.fs.PathJoin(b.dir, fmt.Sprintf("bulk-%d.sst", len(b.paths)))
		f, err := b.fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		b.paths = append(b.paths, path)
		b.file = sstable.NewWriter(objstorageprovider.NewFileWritable(f), sstable.WriterOptions{
			TableFormat: b.l.db.TableFormat(), BlockSize: 32 << 10, FilterPolicy: bloom.FilterPolicy(10), Compression: block.BalancedCompression,
		})
		b.size = 0
	}
	if b.size += len(key) + len(value); b.size > 64<<20 {
		defer func() { b.file = nil }()
		return errors.Join(b.file.Set(key, value), b.file.Close())
	}
	return b.file.Set(key, value)
}

// cut ends the table that is being written.
func (b *bulk) cut() error {
	if b.file == nil {
		return nil
	}
	err := b.file.Close()
	b.file = nil
	return err
}

// records writes the records, and the tiles that become full.
func (b *bulk) records(n int64) error {
	const providers = 50 // as benchEvent has
	var templates [providers][]byte
	var subject [providers]proof.Hash
	for i := range templates {
		ev := benchEvent(int64(i))
		d, err := b.l.draft(&ev)
		if err != nil {
			return err
		}
		templates[i], subject[i] = d.bytes, d.subject
	}
	rehash, view := proof.NewRehasher(b.l.secret), proof.View{}
	leaf, last := b.tail.row.Leaf, b.tail.row.Time
	var full []tile
	for i := range n {
		position := b.tail.row.Size + i
		last++
		body := bytes.ReplaceAll(templates[i%providers], fmt.Appendf(nil, "call-%012d", i%providers), fmt.Appendf(nil, "call-%012d", i))
		row := append(binary.BigEndian.AppendUint64(nil, uint64(last)), body...)
		if err := view.Read(body); err != nil {
			return err
		}
		leaf = rehash.LeafHash(position, leaf, last, body, &view)
		full = b.tail.edge.append(leaf, full)
		b.ids = append(b.ids, bulkID{idHash(view.Source, view.ID), position})
		b.subjects[subject[i%providers]] = append(b.subjects[subject[i%providers]], position)
		if err := b.set(recordKey(position), row); err != nil {
			return err
		}
	}
	b.tail.row = headRow{Size: b.tail.edge.size, Root: b.tail.edge.root(), Leaf: leaf, Time: last}
	slices.SortStableFunc(full, func(x, y tile) int { return x.level - y.level })
	err := b.cut()
	for _, t := range full {
		err = errors.Join(err, b.set(tileKey(t.level, t.n), packHashes(t.hashes)))
	}
	return errors.Join(err, b.cut())
}

// derived writes the rows that follow from the records.
func (b *bulk) derived() (err error) {
	slices.SortFunc(b.ids, func(x, y bulkID) int { return bytes.Compare(x.hash[:], y.hash[:]) })
	for _, id := range b.ids {
		err = errors.Join(err, b.set(idKey(id.hash), positionValue(id.position)))
	}
	b.ids = nil
	err = errors.Join(err, b.cut(), b.set(sourceKey("/tests"), []byte("tester")), b.cut())
	hashes := make([]proof.Hash, 0, len(b.subjects))
	for h := range b.subjects {
		hashes = append(hashes, h)
	}
	slices.SortFunc(hashes, func(x, y proof.Hash) int { return bytes.Compare(x[:], y[:]) })
	for _, h := range hashes {
		for i, position := range b.subjects[h] {
			err = errors.Join(err, b.set(versionKey(h, uint64(i+1)), positionValue(position)))
		}
	}
	err = errors.Join(err, b.cut())
	for _, h := range hashes {
		row, cerr := cell{version: uint64(len(b.subjects[h]))}.encode()
		err = errors.Join(err, cerr, b.set(stateKey(h), row))
	}
	return errors.Join(err, b.cut())
}

// end takes in the tables and moves the head to the last record.
func (b *bulk) end(headFile string) error {
	if err := b.l.db.Ingest(ctx, b.paths); err != nil {
		return err
	}
	batch := b.l.db.NewBatch()
	first := b.tail.row.Size &^ (tileWidth - 1)
	row, err := encMode.Marshal(b.tail.row)
	err = errors.Join(err,
		batch.DeleteRange(edgeKey(0), edgeKey(b.tail.row.Size), nil),
		batch.Set(headKey, row, nil))
	if first < b.tail.row.Size {
		err = errors.Join(err, batch.Set(edgeKey(first), packHashes(b.tail.edge.levels[0]), nil))
	}
	if err = errors.Join(err, batch.Commit(pebble.Sync)); err != nil {
		return err
	}
	head, err := b.l.signHead(b.l.signing.Load(), b.tail.edge, b.tail.row.Leaf, b.tail.row.Time)
	if err != nil {
		return err
	}
	return createWitness(b.fs, headFile, head.Checkpoint)
}

// TestBulkBook: a book made in bulk is one that a verification and a ledger take
// for what it is.
func TestBulkBook(t *testing.T) {
	dir := t.TempDir()
	bulkBook(t, dir, 2000)
	r, err := Verify(ctx, dir, VerifyOptions{})
	if err != nil || !r.OK() || r.Size < 2000 {
		t.Fatal(r, err)
	}
	l, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Append(ctx, benchEvent(1999)); err != nil {
		t.Fatal(err)
	}
	if size := l.Head().Size; size != r.Size {
		t.Fatalf("an event that is there was recorded again: %d records, not %d", size, r.Size)
	}
}

// BenchmarkOpen opens books of which each is ten times as large as the one before,
// closed in order or killed with some tens of MB only in the log.
func BenchmarkOpen(all *testing.B) {
	for _, size := range []int64{100_000, 1_000_000, 10_000_000} {
		dir := all.TempDir()
		made := false
		for _, killed := range []bool{false, true} {
			all.Run(fmt.Sprintf("records=%d/killed=%v", size, killed), func(b *testing.B) {
				if !made {
					bulkBook(b, dir, size)
					made = true
				}
				from := dir
				if killed {
					from = killedCopy(b, dir)
				}
				for b.Loop() {
					b.StopTimer()
					at := from
					if killed { // opening replays the log, so each round needs its own
						at = b.TempDir()
						copyBook(b, from, at)
					}
					b.StartTimer()
					start := startSpending()
					l, err := Open(at, Options{Index: IndexOptions{Off: true}})
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(1e3*start.spent().cpu, "cpu-ms/op")
					b.StopTimer()
					if err := l.Close(); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
			})
		}
	}
}

// killedCopy appends to a copy of a book, and copies it as a process that is killed
// then would leave it.
func killedCopy(b *testing.B, dir string) string {
	b.Helper()
	live, dead := b.TempDir(), b.TempDir()
	copyBook(b, dir, live)
	l, err := Open(live, Options{Index: IndexOptions{Off: true}})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	appendBatches(b, l, 1000, 50_000)
	witnessed(b, l, vfs.Default)
	if err := l.db.Checkpoint(bookDir(vfs.Default, dead), pebble.WithFlushedWAL()); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"head", "keys"} {
		if _, err := vfs.Clone(vfs.Default, vfs.Default, vfs.Default.PathJoin(live, name), vfs.Default.PathJoin(dead, name)); err != nil {
			b.Fatal(err)
		}
	}
	return dead
}

// copyBook copies what opening a ledger needs. Tables, which never change, are
// linked.
func copyBook(b *testing.B, from, to string) {
	b.Helper()
	if _, err := vfs.Clone(vfs.Default, vfs.Default, from, to, vfs.CloneTryLink); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBytes tells how many bytes an event takes in a compacted book, by
// component, and what part of its JSON that is.
func BenchmarkBytes(all *testing.B) {
	for _, workload := range []string{"access", "mixed"} {
		all.Run(workload, func(b *testing.B) {
			const size = 200_000
			for b.Loop() { // once is enough
			}
			l := diskLog(b)
			before := l.Head().Size
			m := newMix()
			var sample []events.Event
			if workload == "mixed" {
				if _, err := l.Append(ctx, m.setup()...); err != nil {
					b.Fatal(err)
				}
				before = l.Head().Size
				fillMixed(b, l, m, size)
				sample = m.next(2000)
			} else {
				appendBatches(b, l, 1000, size)
				for i := range int64(2000) {
					sample = append(sample, benchEvent(i))
				}
			}
			if err := errors.Join(l.db.Flush(), l.db.Compact(ctx, []byte{0}, []byte{0xff}, true)); err != nil {
				b.Fatal(err)
			}
			n := float64(l.Head().Size - before)
			total := 0.0
			for name, row := range map[string]byte{"record": rowRecord, "facet": rowFacet, "tree": rowTile, "identity": rowID, "version": rowVersion, "state": rowState} {
				used, err := l.db.EstimateDiskUsage([]byte{row}, []byte{row + 1})
				if err != nil {
					b.Fatal(err)
				}
				total += float64(used) / n
				b.ReportMetric(float64(used)/n, name+"-B/event")
			}
			b.ReportMetric(total, "B/event")
			b.ReportMetric(jsonBytes(b, sample), "json-B/event")
			b.ReportMetric(total/jsonBytes(b, sample), "of-json")
		})
	}
}
