package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// derived is what the rows that follow from the records should be: identities,
// sources, versions and states. It is gathered while the records are hashed, so
// that they are read once: each worker works out what a tile of records says by
// itself, and the tiles are then folded in order.
//
// Rows lie in the order of hashes and records in that of positions; looking up
// the rows of each record would be reading at random. So both sides are summed up,
// and only if the sums differ are the rows looked up, to find out where.
type derived struct {
	v     *verification
	whole bool     // from the first record on: versions and states can be told
	key   [32]byte // of the sums, drawn for this verification

	mu      sync.Mutex // guards what follows
	next    int64      // number of the tile to fold
	waiting map[int64]*tileCheck
	broken  bool // a tile could not be read: nothing after it can be told

	subjects map[proof.Hash]subjectFold
	sources  map[string]binding
	ids      rowSum
	versions rowSum
	facets   int64
	// first is the last record if it has continuations, after those seen of them.
	first    *proof.Body
	after    []*proof.Body
	findings []Finding // told only if the records are as acknowledged
}

type subjectFold struct {
	cell
	kind string
}

// A binding is the first use of a source.
type binding struct {
	position  int64
	principal string
}

// A fact is what one record says, as far as it can be worked out by itself.
type fact struct {
	position  int64
	body      *proof.Body
	subject   proof.Hash
	data      events.Data // nil if no state is made of it
	continues bool        // by the records after it
}

func newDerived(v *verification, from int64) *derived {
	d := &derived{
		v: v, whole: from == 0, next: from / tileWidth, waiting: make(map[int64]*tileCheck),
		subjects: make(map[proof.Hash]subjectFold), sources: make(map[string]binding),
	}
	rand.Read(d.key[:]) // never fails, by its contract
	return d
}

// read works out what a record of a tile says.
func (d *derived) read(c *tileCheck, position int64, body *proof.Body) error {
	f := fact{position: position, body: body}
	if body.Type == payloadErased {
		if err := d.readErasure(position, body); err != nil {
			return err
		}
	}
	if body.Type != proof.ContinuedType {
		f.continues = len(body.Continuations()) > 0
	}
	if d.whole && body.Type != proof.ContinuedType {
		typ, err := typeOf(body)
		if err != nil {
			return err
		}
		if typ.Stateful() {
			ev, err := decodeEvent(body)
			if err != nil {
				return err
			}
			f.data = ev.Data
		}
		f.subject = subjectHash(events.Subject{Kind: body.Subject[0], ID: body.Subject[1]})
		c.ids.add(&d.key, idKey(idHash(body.Source, body.ID)), positionValue(position))
	}
	c.facts = append(c.facts, f)
	return nil
}

// payloadErased is the type of the records that say what was erased.
const payloadErased = "ledger.payload.erased"

func (d *derived) readErasure(position int64, body *proof.Body) error {
	ev, err := decodeEvent(body)
	if err != nil {
		return err
	}
	data, ok := ev.Data.(*events.PayloadErased)
	if !ok {
		return errors.New("it is not an erasure")
	}
	d.v.mu.Lock()
	defer d.v.mu.Unlock()
	d.v.erasures.claim(position, data)
	return nil
}

// tile takes in a tile, whose turn may be later.
func (d *derived) tile(c *tileCheck, sound bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken = d.broken || !sound; d.broken {
		clear(d.waiting)
		return
	}
	d.waiting[c.n] = c
	for {
		c, ok := d.waiting[d.next]
		if !ok {
			return
		}
		delete(d.waiting, d.next)
		d.next++
		d.ids.join(c.ids)
		for i := range c.facts {
			d.record(&c.facts[i])
		}
		c.facts = nil
	}
}

func (d *derived) record(f *fact) {
	body := f.body
	if d.continued(f); body.Type == proof.ContinuedType || !d.whole {
		return // part of the record before it, or of a subject whose beginning was not read
	}
	d.facets += int64(len(body.Facets))
	s, ok := d.subjects[f.subject]
	if !ok {
		s = subjectFold{cell{state: events.StateOf(body.Subject[0])}, body.Subject[0]}
	}
	s.version++
	if f.data != nil {
		typ, _ := events.Lookup(body.Type) // read found it
		s.state = typ.Apply(f.data, s.state)
	}
	d.subjects[f.subject] = s
	d.versions.add(&d.key, versionKey(f.subject, s.version), positionValue(f.position))
	if _, ok := d.sources[body.Source]; !ok {
		d.sources[body.Source] = binding{f.position, body.Principal}
	}
}

// continued checks that a record with more keys than its leaf holds is followed by
// those that carry the rest: without them answers by these keys lack it. The end
// of the book is a fact without a body.
func (d *derived) continued(f *fact) {
	if f.body != nil && f.body.Type == proof.ContinuedType {
		d.after = append(d.after, f.body)
		return
	}
	if d.first != nil {
		if err := proof.CheckContinued(d.first, d.after); err != nil {
			d.findings = append(d.findings, Finding{RecordMissing, f.position, f.position, err.Error()})
		}
	}
	d.first, d.after = nil, nil
	if f.continues {
		d.first = f.body
	}
}

// checkDerived compares the rows that follow from the records with the records.
// Versions and states need the whole history, so after a kept checkpoint only the
// identities are compared.
func (v *verification) checkDerived(ctx context.Context, from int64) error {
	d := v.derived
	if len(v.report.Findings) > 0 {
		return nil // what the records say is in doubt already
	}
	if d.broken {
		return errors.New("the book changed while it was verified")
	}
	d.continued(&fact{position: v.tail.row.Size})
	v.report.Findings = append(v.report.Findings, d.findings...)
	err := d.checkEnd()
	if err == nil && d.whole {
		err = d.compare(ctx)
	} else if err == nil {
		err = d.lookUp(ctx, from)
	}
	return v.unreadable(from, v.tail.row.Size-1, err)
}

// compare compares all rows. The scans are independent of one another.
func (d *derived) compare(ctx context.Context) error {
	var wg sync.WaitGroup
	var ids, versions rowSum
	var errs [4]error
	wg.Go(func() { ids, errs[0] = d.sum(rowID) })
	wg.Go(func() { versions, errs[1] = d.sum(rowVersion) })
	wg.Go(func() { errs[2] = d.compareStates() })
	wg.Go(func() { errs[3] = d.compareSources() })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	found := len(d.v.report.Findings)
	if err := d.compareCounts(ids.n, versions.n); err != nil {
		return err
	}
	if ids == d.ids && versions == d.versions {
		return nil
	}
	if err := d.lookUp(ctx, 0); err != nil {
		return err
	}
	if len(d.v.report.Findings) == found {
		d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "identities or versions are not written as they follow from the records")
	}
	return nil
}

// lookUp compares the identity, and if all records are read the version, of every
// record from a position on by itself.
func (d *derived) lookUp(ctx context.Context, from int64) error {
	l, versions := d.v.l, make(map[proof.Hash]uint64)
	return l.scanRows(ctx, from, d.v.tail.row.Size, func(position int64, row []byte) (bool, error) {
		_, b, err := splitRecordRow(row)
		if err != nil {
			return false, err
		}
		body, err := proof.ParseBody(b)
		if err != nil || body.Type == proof.ContinuedType {
			return true, err
		}
		got, err := l.readID(idHash(body.Source, body.ID))
		if err != nil {
			return false, err
		}
		if got != position {
			d.v.find(DerivedRow, position, position, "the identity of the event leads to position %d", got)
		}
		if !d.whole {
			return true, nil
		}
		sub := events.Subject{Kind: body.Subject[0], ID: body.Subject[1]}
		hash := subjectHash(sub)
		versions[hash]++
		v, err := l.getRow(versionKey(hash, versions[hash]))
		if err != nil {
			return false, err
		}
		if got, err := positionOf(v); v == nil || err != nil || got != position {
			d.v.find(DerivedRow, position, position, "version %d of %s does not lead here", versions[hash], sub)
		}
		return true, nil
	})
}

// compareSources compares who the sources are bound to with who used them first.
func (d *derived) compareSources() error {
	for source, b := range d.sources {
		holder, err := d.v.l.readSource(source)
		if err != nil {
			return err
		}
		if holder != b.principal {
			d.v.find(DerivedRow, b.position, b.position, "source %q is bound to %q", source, holder)
		}
	}
	return nil
}

// compareStates compares every stored state with the one folded from the records.
func (d *derived) compareStates() error {
	err := d.scan(rowState, func(it *pebble.Iterator) error {
		var hash proof.Hash
		n := copy(hash[:], it.Key()[1:])
		want, ok := d.subjects[hash]
		if !ok || 1+n != len(it.Key()) {
			d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "there is a state of a subject that no record is about")
			return nil
		}
		b, err := want.encode()
		if err == nil && !bytes.Equal(b, it.Value()) {
			d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "the state of a %s does not follow from its events", want.kind)
		}
		delete(d.subjects, hash)
		return err
	})
	if len(d.subjects) > 0 && err == nil {
		d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "%d subjects have no state", len(d.subjects))
	}
	return err
}

// checkEnd compares what the head's row repeats of the last record, and makes
// sure that no record follows it.
func (d *derived) checkEnd() (err error) {
	t := d.v.tail
	if err := d.v.l.checkLast(t); err != nil {
		d.v.find(DerivedRow, t.row.Size-1, t.row.Size-1, "%v", err)
	}
	it, err := d.v.l.db.NewIter(&pebble.IterOptions{LowerBound: recordKey(t.row.Size), UpperBound: []byte{rowRecord + 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if it.Last() {
		d.v.find(Truncated, t.row.Size, int64(binary.BigEndian.Uint64(it.Key()[1:])), "records are stored beyond the head")
	}
	return it.Error()
}

// compareCounts finds rows too many: one more would answer for an event that is not
// recorded, or put one into the history of a subject it is not about.
func (d *derived) compareCounts(ids, versions int64) error {
	sources, err := d.count(rowSource)
	if err != nil {
		return err
	}
	facets, err := d.count(rowFacet)
	if err != nil {
		return err
	}
	erased, err := d.count(rowErased)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what      string
		got, want int64
	}{
		{"identities", ids, d.ids.n},
		{"versions", versions, d.versions.n},
		{"sources", sources, int64(len(d.sources))},
		{"facets", facets, d.facets - d.v.erasures.gone},
		{"erased facets", erased, d.v.erasures.gone},
	} {
		if c.got != c.want {
			d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "%d %s are stored; the records have %d", c.got, c.what, c.want)
		}
	}
	return nil
}

// sum adds up all rows of a kind.
func (d *derived) sum(row byte) (s rowSum, err error) {
	err = d.scan(row, func(it *pebble.Iterator) error {
		s.add(&d.key, it.Key(), it.Value())
		return nil
	})
	return s, err
}

func (d *derived) count(row byte) (n int64, err error) {
	err = d.scan(row, func(*pebble.Iterator) error {
		n++
		return nil
	})
	return n, err
}

// scan visits all rows of a kind.
func (d *derived) scan(row byte, visit func(*pebble.Iterator) error) (err error) {
	it, err := d.v.l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{row}, UpperBound: []byte{row + 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		if err := visit(it); err != nil {
			return err
		}
	}
	return it.Error()
}

// A rowSum stands for a set of rows, in whatever order they are added: the sum of
// their hashes, each under a key that is drawn anew for every verification, so
// that nobody can choose rows that add up to what others do.
type rowSum struct {
	n   int64
	sum [4]uint64
}

func (s *rowSum) add(key *[32]byte, row, value []byte) {
	var buf [128]byte // an identity or a version: no allocation
	b := append(append(buf[:0], key[:]...), byte(len(row)))
	h := sha256.Sum256(append(append(b, row...), value...))
	s.n++
	for i := range s.sum {
		s.sum[i] += binary.BigEndian.Uint64(h[8*i:])
	}
}

func (s *rowSum) join(o rowSum) {
	s.n += o.n
	for i := range s.sum {
		s.sum[i] += o.sum[i]
	}
}
