package projections

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/cockroachdb/pebble/v2"
)

// Posting lists and counters have something to say of nearly every record, and a
// row for each would be most of all rows. They are packed instead: positions are
// cut into chunks, and an entity has one row for each chunk in which something
// happened to it,
//
//	key    entity ‖ ^(first position of the chunk)
//	value  of a posting list: offset(2)…
//	       of a counter: value before the chunk(8) ‖ (offset(2) ‖ change(2))…
//	       of a tape: see tape.go
//
// with offsets into the chunk, ascending. A batch adds to the end of the value by
// a Pebble merge, which concatenates, and does so once however many records of
// its run add something. What a row says of positions up to p never changes, and
// a reader as of p takes that and leaves the rest.

// chunkWidth is the number of positions in a chunk.
const chunkWidth = 1 << 13

func chunkOf(position int64) int64 { return position &^ (chunkWidth - 1) }

// packed reports whether a table's rows are packed.
func (t table) packed() bool {
	switch t {
	case tCount, tAccessBy, tShareBy, tEventBy, tTape:
		return true
	}
	return false
}

func badPacked(r row) error {
	return fmt.Errorf("views: packed row %x from %d: %w", r.entity, r.position, pebble.ErrCorruption)
}

// packedRow is what a batch adds to a packed row.
type packedRow struct {
	key, value []byte
	few        [8]byte // of value, while it is short: most are
}

func (b *batch) packedRow(key []byte) *packedRow {
	row := b.packed[string(key)]
	if row == nil {
		row = &packedRow{key: b.kept(key)}
		row.value = row.few[:0]
		b.packed[string(key)] = row
		b.size += len(key)
	}
	return row
}

// mark notes the batch's position in the posting list of an entity, named by its
// parts. A second time changes nothing.
func (b *batch) mark(t table, parts ...string) {
	b.key = append(b.key[:0], byte(t))
	for _, p := range parts {
		b.key = appendPart(b.key, p)
	}
	chunk := chunkOf(b.at)
	b.key = binary.BigEndian.AppendUint64(append(b.key, 0, 0), ^uint64(chunk))
	row := b.packedRow(b.key)
	offset := uint16(b.at - chunk)
	if n := len(row.value); n > 0 && binary.BigEndian.Uint16(row.value[n-2:]) == offset {
		return
	}
	row.value = binary.BigEndian.AppendUint16(row.value, offset)
	b.size += 2
}

// counter is what the newest row of a counter says.
type counter struct {
	entity []byte
	value  int64 // after its last change
	chunk  int64 // of its last change; -1 if there was none
	// row is what the batch of that serial adds to the chunk.
	batch uint64
	row   *packedRow
}

// count adds to a counter. Several changes at one position are several entries.
func (b *batch) count(name string, change int64) error {
	if change == 0 {
		return nil
	}
	if change < math.MinInt16 || change > math.MaxInt16 {
		return fmt.Errorf("views: counter %s cannot change by %d at once", name, change)
	}
	c, err := b.counter(name)
	if err != nil {
		return err
	}
	chunk := chunkOf(b.at)
	if c.batch != b.serial || c.chunk != chunk {
		c.batch, c.row = b.serial, b.packedRow(appendVersion(c.entity, chunk))
	}
	row := c.row
	if c.chunk != chunk {
		row.value = binary.BigEndian.AppendUint64(row.value, uint64(c.value))
	}
	row.value = binary.BigEndian.AppendUint16(row.value, uint16(b.at-chunk))
	row.value = binary.BigEndian.AppendUint16(row.value, uint16(int16(change)))
	b.size += 4
	c.chunk, c.value = chunk, c.value+change
	return nil
}

// counter returns what a counter says before the batch adds to it again.
func (b *batch) counter(name string) (*counter, error) {
	if c := b.s.counters[name]; c != nil {
		return c, nil
	}
	r, err := b.reader()
	if err != nil {
		return nil, err
	}
	c := &counter{entity: entityKey(tCount, name), chunk: -1}
	row, ok, err := r.get(c.entity)
	if err != nil {
		return nil, err
	}
	if ok {
		c.chunk = row.position
		if c.value, err = counted(row, latest); err != nil {
			return nil, err
		}
	}
	b.s.counters[name] = c
	return c, nil
}

// counted is a counter's value.
func (b *batch) counted(name string) (int64, error) {
	c, err := b.counter(name)
	if err != nil {
		return 0, err
	}
	return c.value, nil
}

// counted reads a counter's row as of a position.
func counted(r row, at int64) (int64, error) {
	if len(r.body) < 8 || len(r.body)%4 != 0 {
		return 0, badPacked(r)
	}
	n := int64(binary.BigEndian.Uint64(r.body))
	for e := r.body[8:]; len(e) > 0; e = e[4:] {
		if r.position+int64(binary.BigEndian.Uint16(e)) > at {
			break
		}
		n += int64(int16(binary.BigEndian.Uint16(e[2:])))
	}
	return n, nil
}

// A chunk is one row of a posting list: its positions, ascending.
type chunk struct {
	base    int64
	offsets []byte
}

// chunkIn reads a row of a posting list. The chunk shares the row's bytes.
func chunkIn(r row) (chunk, error) {
	if len(r.body) == 0 || len(r.body)%2 != 0 || r.position != chunkOf(r.position) {
		return chunk{}, badPacked(r)
	}
	return chunk{r.position, r.body}, nil
}

func (c chunk) len() int { return len(c.offsets) / 2 }

func (c chunk) at(i int) int64 { return c.base + int64(binary.BigEndian.Uint16(c.offsets[2*i:])) }

// search finds the first position that is not below p.
func (c chunk) search(p int64) int {
	return sort.Search(c.len(), func(i int) bool { return c.at(i) >= p })
}

func (c chunk) has(p int64) bool {
	i := c.search(p)
	return i < c.len() && c.at(i) == p
}

// postings walks the positions of one list that lie in [low, high].
type postings struct {
	it         *pebble.Iterator
	entity     []byte
	low, high  int64
	descending bool
	started    bool
	chunk      chunk
	next       int // index in the chunk
	cost       *Cost
}

// postings walks a list as far as the reader may see.
func (r *reader) postings(list []byte, low, high int64, descending bool) (*postings, error) {
	low, high = max(low, 0), min(high, r.at)
	it, err := r.it.Clone(pebble.CloneOptions{IterOptions: &pebble.IterOptions{
		LowerBound: appendVersion(list, chunkOf(high)),
		UpperBound: past(list, chunkOf(low)),
	}})
	if err != nil {
		return nil, err
	}
	return &postings{it: it, entity: list, low: low, high: high, descending: descending, cost: r.cost}, nil
}

func (p *postings) close() error { return p.it.Close() }

// step returns the next position; false at the end.
func (p *postings) step() (int64, bool, error) {
	for {
		for p.started && p.next >= 0 && p.next < p.chunk.len() {
			at := p.chunk.at(p.next)
			if p.descending {
				p.next--
			} else {
				p.next++
			}
			if at >= p.low && at <= p.high {
				return at, true, nil
			}
			if p.descending == (at < p.low) {
				return 0, false, nil // what follows is further out
			}
		}
		if ok, err := p.load(); err != nil || !ok {
			return 0, false, err
		}
	}
}

// chunkRow goes to the row of the next chunk; false at the end. Newer chunks have
// smaller keys.
func (p *postings) chunkRow() (row, bool, error) {
	if err := p.cost.spend(1); err != nil {
		return row{}, false, err
	}
	var valid bool
	switch {
	case p.descending && p.started:
		valid = p.it.Next()
	case p.descending:
		valid = p.it.First()
	case p.started:
		valid = p.it.Prev()
	default:
		valid = p.it.Last()
	}
	p.started = true
	if !valid {
		return row{}, false, p.it.Error()
	}
	return landed(p.it, p.entity, true)
}

// load goes to the next chunk of a list; false at the end.
func (p *postings) load() (bool, error) {
	row, ok, err := p.chunkRow()
	if err != nil || !ok {
		return false, err
	}
	if p.chunk, err = chunkIn(row); err != nil {
		return false, err
	}
	if p.descending {
		p.next = min(p.chunk.search(p.high+1), p.chunk.len()) - 1
	} else {
		p.next = p.chunk.search(p.low)
	}
	return true, nil
}

// member answers whether positions are in a list. It keeps the chunk that it
// looked at last: positions are mostly asked in order.
type member struct {
	list  []byte
	known bool
	chunk chunk
}

func (m *member) has(r *reader, position int64) (bool, error) {
	if !m.known || m.chunk.base != chunkOf(position) {
		row, ok, err := r.getAt(m.list, position)
		if err != nil {
			return false, err
		}
		m.known, m.chunk = true, chunk{base: chunkOf(position)}
		if ok && row.position == m.chunk.base {
			if m.chunk, err = chunkIn(row); err != nil {
				return false, err
			}
			m.chunk.offsets = slices.Clone(m.chunk.offsets)
		}
	}
	return m.chunk.has(position), nil
}
