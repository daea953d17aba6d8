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

	"ledgerline/projections/graph"
)

// A batch collects the rows of a run of records, reads its own writes, and is
// committed as one. It is for one goroutine; at moves forward only.
type batch struct {
	s  *store
	at int64
	r  *reader // opened at the first need
	// written holds the versions of each entity that the batch wrote, oldest first;
	// packed what it adds to packed rows, by key.
	written map[string][]version
	packed  map[string]*packedRow
	size    int    // bytes of rows, about
	key     []byte // of mark, made anew each time
	// step is what the record at hand changed in the lineage graph, steps what those
	// before it did.
	step  stepChanges
	steps []*graph.Step
}

// packedRow is what is added to a packed row.
type packedRow struct{ value []byte }

// version is a row's content at a position; no body for a tombstone.
type version struct {
	position int64
	body     []byte
}

// begin begins a batch. Only one may be open.
func (s *store) begin() *batch {
	return &batch{s: s, written: make(map[string][]version), packed: make(map[string]*packedRow)}
}

// close drops what was not committed.
func (b *batch) close() error {
	if len(b.written)+len(b.packed) > 0 { // the newest versions kept in memory are not those of the store
		b.s.newest.clear()
		clear(b.s.counters)
	}
	if b.r == nil {
		return nil
	}
	return b.r.close()
}

func (b *batch) reader() (*reader, error) {
	var err error
	if b.r == nil {
		b.r, err = b.s.reader(latest)
	}
	return b.r, err
}

// get reads the newest version of an entity into a value; false if there is none.
func (b *batch) get(entity []byte, into coded) (bool, error) {
	h, err := b.newest(entity)
	if err != nil || h.body == nil {
		return false, err
	}
	return true, row{entity, h.position, h.body}.decode(into)
}

// recall is get for values that the caller leaves as they are: each is decoded
// once as long as it is kept in memory. It returns nil if there is none.
func recall[T any, P rowOf[T]](b *batch, entity []byte) (*T, error) {
	h, err := b.newest(entity)
	if err != nil || h.body == nil {
		return nil, err
	}
	if v, ok := h.decoded.(*T); ok {
		return v, nil
	}
	v := new(T)
	if err := (row{entity, h.position, h.body}).decode(P(v)); err != nil {
		return nil, err
	}
	h.decoded = v
	return v, nil
}

// has reports whether an entity is there.
func (b *batch) has(entity []byte) (bool, error) {
	h, err := b.newest(entity)
	return err == nil && h.body != nil, err
}

// newest returns the newest version of an entity; one without a body if there is
// none.
func (b *batch) newest(entity []byte) (*held, error) {
	if h := b.s.newest.get(entity); h != nil {
		return h, nil
	}
	h := new(held)
	if own := b.written[string(entity)]; len(own) > 0 {
		h.version = own[len(own)-1]
	} else {
		r, err := b.reader()
		if err != nil {
			return nil, err
		}
		row, ok, err := r.get(entity)
		if err != nil {
			return nil, err
		}
		if ok {
			h.version = version{row.position, bytes.Clone(row.body)}
		}
	}
	b.s.newest.put(string(entity), h)
	return h, nil
}

// history visits the versions of an entity, newest first, until visit returns
// false.
func (b *batch) history(entity []byte, visit func(row) (more bool, err error)) error {
	for _, v := range slices.Backward(b.written[string(entity)]) {
		if v.body == nil {
			continue
		}
		if more, err := visit(row{entity, v.position, v.body}); err != nil || !more {
			return err
		}
	}
	r, err := b.reader()
	if err != nil {
		return err
	}
	return r.history(entity, latest, visit)
}

// put writes a version of an entity at the batch's position. The last of several
// at one position counts.
func (b *batch) put(entity []byte, value coded) error { return b.note(entity, value, nil) }

// keep is put of a value that will be asked for again by recall. The caller
// changes it no more.
func keep[T any, P rowOf[T]](b *batch, entity []byte, value P) error {
	return b.note(entity, value, (*T)(value))
}

func (b *batch) note(entity []byte, value coded, decoded any) error {
	b.write(entity, encode([]byte{}, value), decoded)
	return nil
}

// putOnce is put for an entity that has one version only, and that no batch asks
// for.
func (b *batch) putOnce(entity []byte, value coded) { b.writeOnce(entity, encode([]byte{}, value)) }

func (b *batch) writeOnce(entity, body []byte) {
	b.written[string(entity)] = []version{{b.at, body}}
	b.size += len(entity) + len(body) + versionLength
}

// remove writes a tombstone.
func (b *batch) remove(entity []byte) { b.write(entity, nil, nil) }

func (b *batch) write(entity, body []byte, decoded any) {
	k, v := string(entity), version{b.at, body}
	own := b.written[k]
	if n := len(own); n > 0 && own[n-1].position == b.at {
		own = own[:n-1]
	}
	b.written[k] = append(own, v)
	b.size += len(k) + len(body) + versionLength
	b.s.newest.put(k, &held{version: v, decoded: decoded})
}

func (b *batch) packedRow(key []byte) *packedRow {
	row := b.packed[string(key)]
	if row == nil {
		row = new(packedRow)
		b.packed[string(key)] = row
		b.size += len(key)
	}
	return row
}

// rows lists what the batch writes, in the order of keys.
func (b *batch) rows(m meta) []keyValue {
	out := make([]keyValue, 0, 1+len(b.written)+len(b.packed))
	out = append(out, keyValue{metaKey, encode(nil, &m)})
	for entity, versions := range b.written {
		for _, v := range versions {
			value := []byte{0}
			if v.body != nil {
				value = append(append(make([]byte, 0, 1+len(v.body)), 1), v.body...)
			}
			out = append(out, keyValue{appendVersion([]byte(entity), v.position), value})
		}
	}
	for key, row := range b.packed {
		out = append(out, keyValue{[]byte(key), row.value})
	}
	slices.SortFunc(out, func(a, z keyValue) int { return bytes.Compare(a.key, z.key) })
	return out
}

type keyValue struct{ key, value []byte }

// merge reports whether the value is added to what is there, instead of put in
// its place.
func (kv keyValue) merge() bool { return table(kv.key[0]).packed() }

// commit makes the batch visible together with what the store then stands for. It
// is not synced: a crash may take the newest batches, whole and in order, and the
// feed sends them again.
func (b *batch) commit(m meta) (err error) {
	out := b.s.db.NewBatchWithSize(b.size + b.size/4)
	defer func() { err = errors.Join(err, out.Close()) }()
	for _, kv := range b.rows(m) { // in order: that is what inserting them is fastest in
		if kv.merge() {
			err = errors.Join(err, out.Merge(kv.key, kv.value, nil))
		} else {
			err = errors.Join(err, out.Set(kv.key, kv.value, nil))
		}
	}
	if err != nil {
		return err
	}
	if err := b.s.apply(out); err != nil {
		return err
	}
	b.written, b.packed = nil, nil
	return nil
}

// ingest is commit for batches of very many rows: they are written to tables in
// order and handed to Pebble whole, past its log and its memory. Each table of
// rows gets files of its own, so that those whose keys follow the position never
// have to be compacted with what was there before. It is synced.
func (b *batch) ingest(ctx context.Context, m meta) (err error) {
	rows := b.rows(m)
	var paths []string
	for len(rows) > 0 {
		n := 1
		for size := 0; n < len(rows) && rows[n].key[0] == rows[0].key[0] && size < ingestFile; n++ {
			size += len(rows[n].key) + len(rows[n].value)
		}
		path := b.s.fs.PathJoin(b.s.dir, fmt.Sprintf("ingest-%d", len(paths)))
		if err := b.s.writeTable(path, rows[:n]); err != nil {
			return err
		}
		paths, rows = append(paths, path), rows[n:]
	}
	if err := b.s.db.Ingest(ctx, paths); err != nil {
		return err
	}
	b.written, b.packed = nil, nil
	return nil
}

// ingestFile is about how large an ingested file gets.
const ingestFile = 16 << 20

// writeTable writes rows, which are in order, as a table of Pebble's.
func (s *store) writeTable(path string, rows []keyValue) (err error) {
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), s.opts.MakeWriterOptions(0, s.db.TableFormat()))
	defer func() { err = errors.Join(err, w.Close()) }() // which syncs and closes the file
	for _, kv := range rows {
		if kv.merge() {
			err = w.Merge(kv.key, kv.value)
		} else {
			err = w.Set(kv.key, kv.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// newest keeps the newest versions of entities in memory, so that what happens to
// the same few again and again needs no look into the store. Two generations
// make it forget what was not asked for in a while.
type newest struct {
	young, old map[string]*held
	bytes      int // of the young, about
}

// held is the newest version of an entity; one without a body says that there is
// none.
type held struct {
	version
	decoded any // of recall
}

// newestBytes bounds each generation. Decoded values come on top, and take about
// as much again.
const newestBytes = 32 << 20

func (n *newest) clear() { *n = newest{young: make(map[string]*held)} }

func (n *newest) get(entity []byte) *held {
	if h := n.young[string(entity)]; h != nil {
		return h
	}
	h := n.old[string(entity)]
	if h != nil {
		n.put(string(entity), h)
	}
	return h
}

func (n *newest) put(entity string, h *held) {
	if n.bytes += len(entity) + len(h.body) + 100; n.bytes > newestBytes {
		n.young, n.old, n.bytes = make(map[string]*held), n.young, 0
	}
	n.young[entity] = h
}
