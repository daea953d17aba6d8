package projections

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/projections/graph"
)

// This file and store.go, batch.go and packed.go are all that knows Pebble. A row
// is
//
//	key    table(1) ‖ part… ‖ ^position(8)
//	value  0x00 (a tombstone: gone from this position on)  or  0x01 ‖ what coder.go writes
//
// Each part is written with 0x00 as 0x00 0xFF and ends with 0x00 0x01, so that
// parts may hold any bytes, no part's end is another's middle, and the order of
// keys is the order of the parts. table and parts together are the entity; the
// inverted position puts its newest version first. A read as of p seeks
// entity ‖ ^p and takes what it lands on.
//
// Posting lists and counters are packed: one row holds what happened in a chunk
// of positions, see packed.go. Table 0 is not versioned: it holds what the store
// says about itself.

// table is the first byte of a key. Numbers are part of the stored form: a
// change of meaning needs a new version of the view that owns the table.
type table byte

const (
	tMeta table = iota
	tCount
	tParty
	tEntry
	tContent
	tAgreement
	tAccess
	tAccessBy
	tShare
	tShareBy
	tFinding
	tEvent
	tEventBy
	tDataset
	tJob
	tRun
	tDeclared
	tSeen
	tNode
	tNodeName
	tEdge
	tStep
	tColumns
	tColumnSet
	tWord
	tWordText
	tStatement
	tDeclarer
	tRequest
	tResource
	tAttached
	tMark
	tReference
	tDuty
	tDutyOpen
	tViolation
	tProducer
	tDisposal
	tHandmade
	tGranted
	tUncovered
	tHolders
	tCheck
	tCheckRun
	tConcerned
	tDutyOf
	tTape
	tNames
	tNamesOf
	tQualityRule
	tCallBlock
	tables // how many there are
)

// tableOf names the view that a table's rows are of.
var tableOf = map[table]string{
	tCount: "counts", tParty: "parties", tEntry: "catalog", tContent: "catalog", tAgreement: "agreements", tShare: "agreements", tShareBy: "agreements",
	tAccess: "accesses", tAccessBy: "accesses", tFinding: "findings", tEvent: "timeline", tEventBy: "timeline",
	tDataset: "lineage", tJob: "lineage", tRun: "lineage", tDeclared: "lineage", tSeen: "lineage", tNode: "lineage",
	tNodeName: "lineage", tEdge: "lineage", tStep: "lineage", tColumns: "lineage", tColumnSet: "lineage", tWord: "lineage", tWordText: "lineage", tStatement: "lineage", tDeclarer: "lineage", tHandmade: "lineage",
	tRequest: "requests", tResource: "catalog", tAttached: "catalog", tMark: "findings",
	tReference: "duties", tDuty: "duties", tDutyOpen: "duties", tViolation: "violations",
	tProducer: "producers", tDisposal: "disposals", tGranted: "agreements", tUncovered: "coverage", tHolders: "parties", tCheck: "checks", tCheckRun: "checks", tQualityRule: "checks",
	tConcerned: "agreements", tDutyOf: "duties", tTape: bulletinsView, tNames: bulletinsView, tNamesOf: bulletinsView, tCallBlock: bulletinsView,
}

// remembered reports whether batches ask for the history of a table's entities.
func (t table) remembered() bool { return t == tAgreement }

// entityKey is the key of an entity, without a version; with fewer parts than
// the entity has it is the prefix of all entities that begin with these.
func entityKey(t table, parts ...string) []byte {
	n := 1
	for _, p := range parts {
		n += len(p) + 2
	}
	k := append(make([]byte, 0, n+8), byte(t))
	for _, p := range parts {
		k = appendPart(k, p)
	}
	return k
}

func appendPart(k []byte, p string) []byte {
	for i := range len(p) {
		if k = append(k, p[i]); p[i] == 0 {
			k = append(k, 0xFF)
		}
	}
	return append(k, 0, 1)
}

// parts splits an entity key into its parts.
func parts(entity []byte) ([]string, error) {
	var out []string
	var part []byte
	for b := entity[1:]; len(b) > 0; {
		i := bytes.IndexByte(b, 0)
		if i < 0 || i+1 == len(b) || (b[i+1] != 1 && b[i+1] != 0xFF) {
			return nil, fmt.Errorf("views: key %x: %w", entity, pebble.ErrCorruption)
		}
		part = append(part, b[:i]...)
		if b[i+1] == 0xFF {
			part = append(part, 0)
		} else {
			out, part = append(out, string(part)), part[:0]
		}
		b = b[i+2:]
	}
	return out, nil
}

// A version at the end of a key is two zero bytes and ^position. No entity holds
// two zero bytes in a row (appendPart escapes a zero, and ends a part by 0 and 1),
// so that where the version begins can be told from any key, with a version or
// without: Pebble compares both kinds.
const (
	versionLength  = versionMark + positionLength
	versionMark    = 2
	positionLength = 8
)

// latest is a position past all others.
const latest = math.MaxInt64

func appendVersion(entity []byte, position int64) []byte {
	return binary.BigEndian.AppendUint64(append(entity[:len(entity):len(entity)], 0, 0), ^uint64(position))
}

func splitVersion(key []byte) (entity []byte, position int64, err error) {
	n := splitKey(key)
	if n == len(key) {
		return nil, 0, fmt.Errorf("views: key %x has no version: %w", key, pebble.ErrCorruption)
	}
	return key[:n-versionMark], int64(^binary.BigEndian.Uint64(key[n:])), nil
}

// splitKey is the length of a key without its position: of an entity and the mark
// of a version, or all of a key that has no version.
func splitKey(key []byte) int {
	if n := len(key) - versionLength; n > 0 && key[n] == 0 && key[n+1] == 0 {
		return n + versionMark
	}
	return len(key)
}

// before is a key before all versions of an entity and of those behind it.
func before(entity []byte) []byte {
	if entity == nil {
		return nil
	}
	return append(entity[:len(entity):len(entity)], make([]byte, versionLength)...)
}

// past is a key just past the version of an entity at a position.
func past(entity []byte, position int64) []byte {
	if position > 0 {
		return appendVersion(entity, position-1)
	}
	return before(after(entity))
}

// after is the smallest key greater than all that begin with prefix; nil if
// there is none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xFF {
			return append(bytes.Clone(prefix[:i]), prefix[i]+1)
		}
	}
	return nil
}

// row is one version of an entity. Its bytes are valid until the next step of
// what returned it.
type row struct {
	entity   []byte
	position int64
	body     []byte // see coder.go
}

// decode reads a row's value. A row that cannot be read is damage.
func (r row) decode(into coded) error {
	if err := decode(string(r.body), into); err != nil {
		return fmt.Errorf("views: row %x at %d (%v): %w", r.entity, r.position, err, pebble.ErrCorruption)
	}
	return nil
}

// reader reads rows as of a position. It must be closed and is for one
// goroutine.
type reader struct {
	it *pebble.Iterator
	at int64
	// partyNames are those asked for so far.
	partyNames map[string]string
	// graph is the lineage graph as of at; of a reader that a view made.
	graph func() (graph.View, error)
	cost  *Cost // of the question; nil: it is not counted
	// sight is what its answers are bound to, blanks the fields that they leave out; nil:
	// they leave nothing out.
	sight  *sight
	blanks *blanks
	s      *store // that it reads
	importedRecords
}

func (s *store) reader(at int64) (*reader, error) {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	return &reader{it: it, at: at, s: s}, nil
}

func (r *reader) close() error { return r.it.Close() }

// get returns the version of an entity in force at the reader's position; false
// if there is none.
func (r *reader) get(entity []byte) (row, bool, error) { return r.getAt(entity, r.at) }

func (r *reader) getAt(entity []byte, at int64) (row, bool, error) {
	if at < 0 { // nothing was known before the first record
		return row{}, false, nil
	}
	if err := r.cost.spend(1); err != nil {
		return row{}, false, err
	}
	return landed(r.it, entity, r.it.SeekPrefixGE(appendVersion(entity, at)))
}

// landed reads the row under it if it is a version of entity.
func landed(it *pebble.Iterator, entity []byte, valid bool) (row, bool, error) {
	if !valid {
		return row{}, false, it.Error() // the end, or damage that looks like it
	}
	found, position, err := splitVersion(it.Key())
	if err != nil || !bytes.Equal(found, entity) {
		return row{}, false, err
	}
	body, live, err := splitValue(it)
	return row{entity, position, body}, live, err
}

func splitValue(it *pebble.Iterator) (body []byte, live bool, err error) {
	v, err := it.ValueAndErr()
	switch {
	case err != nil:
		return nil, false, err
	case table(it.Key()[0]).packed():
		return v, true, nil
	case len(v) == 1 && v[0] == 0:
		return nil, false, nil
	case len(v) > 0 && v[0] == 1:
		return v[1:], true, nil
	}
	return nil, false, fmt.Errorf("views: value of %x: %w", it.Key(), pebble.ErrCorruption)
}

// scanner walks entities in the order of their keys, giving of each the version
// in force. It must be closed.
type scanner struct {
	it   *pebble.Iterator
	at   int64
	seek []byte // where to look for the next entity; nil: there is none
	cost *Cost
}

// scan walks the entities under prefix, beginning after the entity from (nil:
// with the first).
func (r *reader) scan(prefix, from []byte) (*scanner, error) {
	it, err := r.it.Clone(pebble.CloneOptions{IterOptions: &pebble.IterOptions{LowerBound: before(prefix), UpperBound: before(after(prefix))}})
	if err != nil {
		return nil, err
	}
	s := &scanner{it: it, at: r.at, seek: before(prefix), cost: r.cost}
	switch {
	case r.at < 0:
		s.seek = nil
	case from != nil:
		s.seek = before(after(from))
	}
	return s, nil
}

func (s *scanner) close() error { return s.it.Close() }

// next returns the next entity that is there as of the position; false at the
// end.
func (s *scanner) next() (row, bool, error) {
	for s.seek != nil {
		if err := s.cost.spend(1); err != nil {
			return row{}, false, err
		}
		if !s.it.SeekGE(s.seek) {
			return row{}, false, s.it.Error()
		}
		entity, position, err := splitVersion(s.it.Key())
		if err != nil {
			return row{}, false, err
		}
		if position > s.at { // to its version in force, or to the entity after it
			s.seek = appendVersion(bytes.Clone(entity), s.at)
			continue
		}
		entity = bytes.Clone(entity)
		s.seek = before(after(entity))
		if body, live, err := splitValue(s.it); err != nil || live {
			return row{entity, position, body}, live, err
		}
	}
	return row{}, false, nil
}

// versions walks the versions of one entity with positions in [low, high] that
// the reader may see, newest first or oldest first.
type versions struct {
	it         *pebble.Iterator
	entity     []byte
	descending bool
	started    bool
	cost       *Cost
}

func (r *reader) versions(entity []byte, low, high int64, descending bool) (*versions, error) {
	bounds := &pebble.IterOptions{
		LowerBound: appendVersion(entity, max(min(high, r.at), 0)),
		UpperBound: past(entity, max(low, 0)),
	}
	if r.at < 0 {
		bounds.UpperBound = bounds.LowerBound
	}
	it, err := r.it.Clone(pebble.CloneOptions{IterOptions: bounds})
	if err != nil {
		return nil, err
	}
	return &versions{it: it, entity: entity, descending: descending, cost: r.cost}, nil
}

func (v *versions) close() error { return v.it.Close() }

// next returns the next version that is not a tombstone; false at the end.
func (v *versions) next() (row, bool, error) {
	for {
		if err := v.cost.spend(1); err != nil {
			return row{}, false, err
		}
		var valid bool
		switch {
		case v.descending && v.started:
			valid = v.it.Next()
		case v.descending:
			valid = v.it.First()
		case v.started:
			valid = v.it.Prev()
		default:
			valid = v.it.Last()
		}
		v.started = true
		if !valid {
			return row{}, false, v.it.Error()
		}
		if r, live, err := landed(v.it, v.entity, true); err != nil || live {
			return r, live, err
		}
	}
}
