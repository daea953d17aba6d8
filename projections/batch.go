package projections

import (
	"bytes"
	"encoding/binary"

	"ledgerline/projections/graph"
)

// A batch collects the rows of a run of records, reads its own writes, and is
// committed as one (commit.go). It is for one goroutine; at moves forward only.
type batch struct {
	s  *store
	at int64
	r  *reader // opened at the first need
	// serial tells batches of a store apart.
	serial uint64
	// rows are those written, table by table, no two with the same key; packed what
	// is added to packed rows, by key.
	rows   [tables][]keyValue
	packed map[string]*packedRow
	arena  []byte // keys and values of rows
	coder  coder
	size   int      // bytes of rows written and read, about
	key    []byte   // of mark, made anew each time
	looked []byte   // of look
	names  nameList // of the record at hand
	// born is the first node that the batch gave a number; 0 if it gave none. What bears
	// that number or a later one is in no store yet.
	born uint32
	// step is what the record at hand changed in the lineage graph, steps what those
	// before it did.
	step  stepChanges
	steps []*graph.Step
	// counts are rows put for the record at hand that bulletins count.
	counts []tapable
}

type keyValue struct{ key, value []byte }

// packed reports whether the value is added to what is there, instead of put in
// its place.
func (kv keyValue) packed() bool { return table(kv.key[0]).packed() }

// begin begins a batch. Only one may be open.
func (s *store) begin() *batch {
	s.newest.turn()
	s.batches++
	return &batch{s: s, serial: s.batches, packed: make(map[string]*packedRow)}
}

// close drops what was not committed.
func (b *batch) close() error {
	if b.size > 0 { // the newest versions kept in memory are not those of the store
		b.s.newest.clear()
		clear(b.s.counters)
		clear(b.s.numbers)
		clear(b.s.flows)
		b.s.block = nil
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

// look is entityKey, in bytes that are good until the next look.
func (b *batch) look(t table, parts ...string) []byte {
	b.looked = append(b.looked[:0], byte(t))
	for _, p := range parts {
		b.looked = appendPart(b.looked, p)
	}
	return b.looked
}

// recall returns the newest version of an entity; nil if there is none. It is kept
// in memory: the caller leaves it as it is.
func recall[T any, P rowOf[T]](b *batch, entity []byte) (*T, error) {
	h, err := b.newest(entity)
	if err != nil || !h.there {
		return nil, err
	}
	if v, ok := h.value.(P); ok {
		return v, nil
	}
	v := new(T)
	if err := (row{entity, h.position, h.body}).decode(P(v)); err != nil {
		return nil, err
	}
	h.value, h.body = P(v), nil
	return v, nil
}

// draw is recall of a copy that the caller changes, and then puts. Its lists are
// those of the version before, which nobody looks at again: so they may grow.
func draw[T any, P rowOf[T]](b *batch, entity []byte) (v T, known bool, err error) {
	before, err := recall[T, P](b, entity)
	if before == nil {
		return v, false, err
	}
	return *before, true, nil
}

// has reports whether an entity is there.
func (b *batch) has(entity []byte) (bool, error) {
	h, err := b.newest(entity)
	return err == nil && h.there, err
}

// newest returns the newest version of an entity, which may say that there is
// none.
func (b *batch) newest(entity []byte) (*held, error) {
	if h := b.s.newest.get(entity); h != nil {
		return h, nil
	}
	r, err := b.reader()
	if err != nil {
		return nil, err
	}
	row, ok, err := r.get(entity)
	if err != nil {
		return nil, err
	}
	h := &held{position: row.position, there: ok, body: bytes.Clone(row.body)}
	b.s.newest.put(string(entity), h, len(row.body))
	b.size += len(entity) + len(row.body)
	return h, nil
}

// history visits the versions of an entity of a remembered table, newest first,
// until visit returns false.
func history[T any, P rowOf[T]](b *batch, entity []byte, visit func(*T) (more bool)) error {
	h, err := b.newest(entity)
	if err != nil {
		return err
	}
	for ; h != nil && h.batch == b.serial; h = h.before {
		if v, ok := h.value.(P); ok && h.there && !visit(v) {
			return nil
		}
	}
	r, err := b.reader()
	if err != nil {
		return err
	}
	return r.history(entity, latest, func(row row) (bool, error) {
		v := new(T)
		err := row.decode(P(v))
		return err == nil && visit(v), err
	})
}

// put writes a version of an entity at the batch's position. The last of several
// at one position counts. The caller changes the value no more.
func (b *batch) put(entity []byte, value coded) { b.write(entity, value) }

// remove writes a tombstone.
func (b *batch) remove(entity []byte) { b.write(entity, nil) }

func (b *batch) write(entity []byte, value coded) {
	b.noteCounted(value)
	kv, rows := b.encoded(entity, value), &b.rows[entity[0]]
	h := b.s.newest.get(entity)
	if h == nil {
		h = new(held)
		b.s.newest.put(string(entity), h, len(kv.value))
	}
	if h.batch == b.serial && h.position == b.at {
		(*rows)[h.row] = kv
	} else {
		var before *held
		if h.batch == b.serial && table(entity[0]).remembered() {
			of := *h
			before = &of
		}
		*h = held{batch: b.serial, row: len(*rows), before: before}
		*rows = append(*rows, kv)
	}
	h.position, h.there, h.value, h.body = b.at, value != nil, value, nil
}

// putOnce is put for what is put once at a position, and no batch asks for.
func (b *batch) putOnce(entity []byte, value coded) {
	b.noteCounted(value)
	b.rows[entity[0]] = append(b.rows[entity[0]], b.encoded(entity, value))
}

func (b *batch) noteCounted(value coded) {
	if row, ok := value.(tapable); ok {
		b.counts = append(b.counts, row)
	}
}

const (
	arenaLeast = 16 << 10 // most batches are of a few records
	arenaMost  = 1 << 20
	arenaSpare = 4 << 10 // what is larger moves the arena's bytes
)

// room makes sure that the arena has some.
func (b *batch) room() {
	if cap(b.arena)-len(b.arena) < arenaSpare {
		b.arena = make([]byte, 0, min(max(arenaLeast, 2*cap(b.arena)), arenaMost))
	}
}

// kept copies bytes into the arena.
func (b *batch) kept(p []byte) []byte {
	b.room()
	start := len(b.arena)
	b.arena = append(b.arena, p...)
	return b.arena[start:len(b.arena):len(b.arena)]
}

// encoded makes the row of a version at the batch's position; of a tombstone
// without a value.
func (b *batch) encoded(entity []byte, value coded) keyValue {
	b.room()
	start := len(b.arena)
	out := binary.BigEndian.AppendUint64(append(append(b.arena, entity...), 0, 0), ^uint64(b.at))
	end := len(out)
	if value == nil {
		b.arena = append(out, 0)
	} else {
		b.coder.out = append(out, 1)
		value.code(&b.coder)
		b.arena = b.coder.out
	}
	b.size += len(b.arena) - start
	return keyValue{b.arena[start:end:end], b.arena[end:len(b.arena):len(b.arena)]}
}

// newest keeps the newest versions of entities in memory, decoded, so that what
// happens to the same few again and again needs no look into the store. Two
// generations make it forget what was not asked for in a while; what the open
// batch wrote it does not forget.
type newest struct {
	young, old map[string]*held
	bytes      int // of the young, encoded
}

// held is the newest version of an entity, or that there is none.
type held struct {
	position int64
	there    bool
	value    coded  // nil until it is asked for
	body     []byte // what value is to be read from
	// batch is the serial of the batch that wrote it, row where it stands there, and
	// before the version before, if that was written by the same batch and the table
	// is one whose history is asked for.
	batch  uint64
	row    int
	before *held
}

// newestBytes bounds each generation, beside what one batch adds. Decoded values
// take about three times as much.
const newestBytes = 16 << 20

func (n *newest) clear() { *n = newest{young: make(map[string]*held)} }

// turn begins a generation if the young has grown old.
func (n *newest) turn() {
	if n.bytes > newestBytes {
		n.young, n.old, n.bytes = make(map[string]*held), n.young, 0
	}
}

func (n *newest) get(entity []byte) *held {
	if h := n.young[string(entity)]; h != nil {
		return h
	}
	h := n.old[string(entity)]
	if h != nil {
		n.put(string(entity), h, len(h.body))
	}
	return h
}

func (n *newest) put(entity string, h *held, bytes int) {
	n.bytes += len(entity) + bytes + 100
	n.young[entity] = h
}
