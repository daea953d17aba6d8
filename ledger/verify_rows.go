package ledger

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// rowParts is into how many ranges of hashes the rows of a kind are cut, to be
// scanned by all workers.
const rowParts = 16

// storedRows is what the scans of the derived rows found.
type storedRows struct {
	mu        sync.Mutex // guards what follows
	ids       rowSum
	versions  rowSum
	stateless int64     // subjects with versions and without a state row
	states    []Finding // told only if the versions are right
}

// compare compares all derived rows with what the records say.
func (d *derived) compare(ctx context.Context) error {
	var rows storedRows
	err := d.v.inParallel(ctx, 2*rowParts, nil, func() (worker, error) {
		s := &rowScan{d: d, hash: rowHasher{key: d.key}, rows: &rows}
		return worker{do: s.part, end: s.join}, nil
	})
	if err == nil {
		err = d.compareSources()
	}
	if err != nil {
		return err
	}
	found := len(d.v.report.Findings)
	if err := d.compareCounts(rows.ids.n, rows.versions.n); err != nil {
		return err
	}
	right := rows.versions == d.versions
	folded, err := d.folded()
	if err != nil {
		return err
	}
	if right && folded {
		d.v.report.Findings = append(d.v.report.Findings, rows.states...)
		d.missingStates(rows.stateless)
	}
	if right && rows.ids == d.ids {
		return nil
	}
	versions, err := d.lookUp(ctx, 0)
	if err == nil && !right && folded {
		err = d.compareStates(ctx, versions)
	}
	if err == nil && len(d.v.report.Findings) == found {
		d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "identities or versions are not written as they follow from the records")
	}
	return err
}

// folded reports whether the states are of this version of the rules. Others, and
// those half folded anew when a process ended, decide nothing: Open folds them
// before anybody reads them.
func (d *derived) folded() (bool, error) {
	v, err := d.v.l.getRow(metaKey("fold"))
	return len(v) == 1 && v[0] == events.Fold, err
}

func (d *derived) missingStates(n int64) {
	if n > 0 {
		d.v.find(DerivedRow, 0, d.v.tail.row.Size-1, "%d subjects have no state", n)
	}
}

// compareCounts finds rows too many: one more would answer for an event that is not
// recorded, or put one into the history of a subject it is not about.
func (d *derived) compareCounts(ids, versions int64) error {
	last := d.v.tail.row.Size - 1
	sources, err := d.count([]byte{rowSource}, []byte{rowSource + 1})
	if err != nil {
		return err
	}
	uncounted := []byte{rowFacet}
	if d.facetRows >= 0 { // those of the records were counted alongside
		uncounted = positionKey(rowFacet, last+1)
	}
	facets, err := d.count(uncounted, []byte{rowFacet + 1})
	if err != nil {
		return err
	}
	facets += max(d.facetRows, 0)
	erased, err := d.count([]byte{rowErased}, []byte{rowErased + 1})
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
			d.v.find(DerivedRow, 0, last, "%d %s are stored; the records have %d", c.got, c.what, c.want)
		}
	}
	return nil
}

func (d *derived) count(from, to []byte) (n int64, err error) {
	err = scan(d.v.l.db, from, to, func(*pebble.Iterator) error {
		n++
		return nil
	})
	return n, err
}

// scan visits the rows of a range.
func scan(db *pebble.DB, from, to []byte, visit func(*pebble.Iterator) error) (err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
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

// A rowScan is one worker's scan of derived rows.
type rowScan struct {
	d         *derived
	hash      rowHasher
	rows      *storedRows
	ids       rowSum
	versions  rowSum
	stateless int64
	states    []Finding
}

func (s *rowScan) join() error {
	r := s.rows
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids.join(s.ids)
	r.versions.join(s.versions)
	r.stateless += s.stateless
	r.states = append(r.states, s.states...)
	return nil
}

// part scans one range of the identities, or of the versions and states.
func (s *rowScan) part(ctx context.Context, task int64) error {
	part := task / 2
	if task%2 == 0 {
		return s.scanIDs(ctx, part)
	}
	return s.scanVersions(ctx, part)
}

// partOf is the part that the rows of a subject lie in.
func partOf(subject proof.Hash) int { return int(subject[0]) / (256 / rowParts) }

// partBounds are the keys between which a part of the rows of a kind lies.
func partBounds(row byte, part int64) (from, to []byte) {
	from, to = []byte{row, byte(part * 256 / rowParts)}, []byte{row, byte((part + 1) * 256 / rowParts)}
	if part == 0 {
		from = from[:1] // a key without a hash is a row too many
	}
	if part == rowParts-1 {
		to = []byte{row + 1}
	}
	return from, to
}

func (s *rowScan) scanIDs(ctx context.Context, part int64) error {
	from, to := partBounds(rowID, part)
	return scan(s.d.v.l.db, from, to, func(it *pebble.Iterator) error {
		hash, rest, ok := hashOf(it.Key())
		position, err := positionOf(it.Value())
		if !ok || len(rest) != 0 || err != nil || !shortest(it.Value()) {
			s.ids.wrong()
			return nil
		}
		if s.ids.add(s.hash.row(hash, position)); s.ids.n%rowsBetween == 0 {
			return ctx.Err()
		}
		return nil
	})
}

// rowsBetween is how many rows are read between two looks at whether to go on.
const rowsBetween = 4096

// hashOf takes apart the key of a row that begins with a hash.
func hashOf(key []byte) (hash proof.Hash, rest []byte, ok bool) {
	if len(key) < 1+proof.HashSize {
		return hash, nil, false
	}
	copy(hash[:], key[1:])
	return hash, key[1+proof.HashSize:], true
}

// shortest reports whether a varint that can be read is written as briefly as it
// can be.
func shortest(v []byte) bool { return len(v) == 1 || v[len(v)-1] != 0 }

// scanVersions goes over versions and states side by side: both lie in the order
// of subjects. The records do not say which version each is, so the sum is over
// subjects and positions; that the versions of a subject count from 1 in the order
// of positions is seen here.
func (s *rowScan) scanVersions(ctx context.Context, part int64) (err error) {
	from, to := partBounds(rowState, part)
	states, err := s.d.v.l.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, states.Close()) }()
	states.First()
	var at subjectVersions
	from, to = partBounds(rowVersion, part)
	err = scan(s.d.v.l.db, from, to, func(it *pebble.Iterator) error {
		subject, rest, ok := hashOf(it.Key())
		position, err := positionOf(it.Value())
		if !ok || len(rest) != 8 || err != nil || !shortest(it.Value()) {
			s.versions.wrong()
			return nil
		}
		if at.n == 0 || subject != at.subject {
			if err := s.endSubject(&at, states); err != nil {
				return err
			}
			at = subjectVersions{subject: subject, first: position, last: noPosition}
		}
		if at.n++; binary.BigEndian.Uint64(rest) != at.n || position <= at.last {
			s.versions.bad = true
		}
		at.last = position
		if s.versions.add(s.hash.row(subject, position)); s.versions.n%rowsBetween == 0 {
			return ctx.Err()
		}
		return nil
	})
	if err == nil {
		err = s.endSubject(&at, states)
	}
	for ; err == nil && states.Valid(); states.Next() {
		s.strayState()
	}
	return errors.Join(err, states.Error())
}

// subjectVersions are the versions of one subject.
type subjectVersions struct {
	subject     proof.Hash
	n           uint64
	first, last int64 // positions
}

// endSubject compares the state of a subject, all of whose versions were read.
func (s *rowScan) endSubject(at *subjectVersions, states *pebble.Iterator) error {
	if at.n == 0 {
		return nil // the first subject begins
	}
	key := stateKey(at.subject)
	for states.Valid() && bytes.Compare(states.Key(), key) < 0 {
		s.strayState()
		states.Next()
	}
	if !states.Valid() || !bytes.Equal(states.Key(), key) {
		s.stateless++
		return nil
	}
	if same, err := s.d.states[partOf(at.subject)].is(at.subject, at.n, states.Value()); err != nil {
		return err
	} else if !same {
		s.states = append(s.states, Finding{DerivedRow, at.first, at.last, "the state of a subject does not follow from its events, the first and the last of which are here"})
	}
	states.Next()
	return nil
}

func (s *rowScan) strayState() {
	s.states = append(s.states, Finding{DerivedRow, 0, s.d.v.tail.row.Size - 1, "there is a state of a subject that no record is about"})
}

// compareStates compares every stored state with the number of versions that the
// records give its subject, when the rows of the versions are not right.
func (d *derived) compareStates(ctx context.Context, versions map[proof.Hash]uint64) error {
	last := d.v.tail.row.Size - 1
	err := scan(d.v.l.db, []byte{rowState}, []byte{rowState + 1}, func(it *pebble.Iterator) error {
		subject, rest, ok := hashOf(it.Key())
		n := versions[subject]
		if !ok || len(rest) != 0 || n == 0 {
			d.v.find(DerivedRow, 0, last, "there is a state of a subject that no record is about")
			return nil
		}
		delete(versions, subject)
		same, err := d.states[partOf(subject)].is(subject, n, it.Value())
		if err == nil && !same {
			d.v.find(DerivedRow, 0, last, "the state of a subject does not follow from its events")
		}
		return errors.Join(err, ctx.Err())
	})
	d.missingStates(int64(len(versions)))
	return err
}

// A rowSum stands for a set of rows, each a hash that leads to a position, in
// whatever order they are added.
type rowSum struct {
	n      int64
	lo, hi uint64
	bad    bool // a row is not written as such rows are
}

func (s *rowSum) add(lo, hi uint64) {
	s.n++
	s.lo += lo
	s.hi += hi
}

func (s *rowSum) wrong() {
	s.n++
	s.bad = true
}

func (s *rowSum) join(o rowSum) {
	s.n += o.n
	s.lo += o.lo
	s.hi += o.hi
	s.bad = s.bad || o.bad
}

// A rowKey is drawn anew for every verification, so that nobody can choose rows
// that add up to what others do.
type rowKey struct{ block cipher.Block }

func newRowKey() rowKey {
	var key [16]byte
	rand.Read(key[:]) // never fails, by its contract
	return rowKey{must(aes.NewCipher(key[:]))}
}

// A rowHasher gives each row its share of a sum: AES-CBC-MAC, which is a
// pseudo-random function of inputs of one length, as these are.
type rowHasher struct {
	key rowKey
	buf [aes.BlockSize]byte
}

func (h *rowHasher) row(hash [32]byte, position int64) (lo, hi uint64) {
	copy(h.buf[:], hash[:16])
	h.key.block.Encrypt(h.buf[:], h.buf[:])
	h.mix(binary.NativeEndian.Uint64(hash[16:]), binary.NativeEndian.Uint64(hash[24:]))
	h.mix(uint64(position), 0)
	return binary.NativeEndian.Uint64(h.buf[:]), binary.NativeEndian.Uint64(h.buf[8:])
}

func (h *rowHasher) mix(a, b uint64) {
	binary.NativeEndian.PutUint64(h.buf[:], binary.NativeEndian.Uint64(h.buf[:])^a)
	binary.NativeEndian.PutUint64(h.buf[8:], binary.NativeEndian.Uint64(h.buf[8:])^b)
	h.key.block.Encrypt(h.buf[:], h.buf[:])
}
