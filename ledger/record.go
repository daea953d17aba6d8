package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// encMode and decMode are deterministic CBOR as docs/format.md fixes it.
var (
	encMode = must(cbor.CoreDetEncOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   64,
		MaxArrayElements:  1 << 24,
		MaxMapPairs:       1 << 20,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // constant options: a mistake of this file
	}
	return v
}

// A draft is an event made ready for its place in the book: everything that does
// not depend on the place is fixed, so that the sequencer only orders and chains,
// and so that replicas given the same order build the same bytes.
type draft struct {
	event   *events.Event
	typ     events.Type
	body    *proof.Body
	bytes   []byte     // the body, as stored and hashed
	commit  proof.Hash // body commitment in the leaf
	keys    []proof.Hash
	facets  [][]byte // stored forms, in the order of body.Facets
	id      [32]byte
	subject proof.Hash
	size    int64 // stored bytes, for the limits
	ahead   lookahead
	sealed  []*[32]byte       // owners' keys that facets were sealed under
	signer  ed25519.PublicKey // who signed it, nil if nobody did
	erases  *erasing          // what the event says is erased, if it says so
	signing *signing          // who signs heads from here on, if the event says so
	// continues are the records that carry the keys this one has no room for.
	continues []*draft
}

// draft prepares an event. It may create owner keys, and leaves ev.Facets split.
func (l *Ledger) draft(ev *events.Event) (*draft, error) {
	typ, ok := events.Lookup(ev.Type)
	if !ok {
		return nil, &events.Refusal{Rule: "type.unknown", Field: "/type", Detail: fmt.Sprintf("there is no event type %q", ev.Type), Fix: "use a type of the vocabulary, see docs/events.md"}
	}
	if err := ev.Split(); err != nil {
		return nil, err
	}
	d := &draft{event: ev, typ: typ, subject: l.subjectHash(ev.Data.Subject()), id: idHash(ev.Source, ev.ID), body: bodyOf(ev)}
	if err := l.draftFacets(d, ev); err != nil {
		return nil, err
	}
	if err := l.finish(d); err != nil {
		return nil, err
	}
	if err := d.checkSignature(); err != nil {
		return nil, err
	}
	if len(d.keys) > proof.MaxKeys {
		if err := l.continueKeys(d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// bodyOf puts an event into the form of a body, without its data and facets.
func bodyOf(ev *events.Event) *proof.Body {
	sub := ev.Data.Subject()
	b := &proof.Body{
		ID: ev.ID, Type: ev.Type, Schema: ev.Schema, Source: ev.Source,
		Subject: [2]string{sub.Kind, sub.ID},
		Time:    int64(ev.Time), EffectiveFrom: int64(ev.EffectiveFrom), EffectiveTo: int64(ev.EffectiveTo),
		Principal: ev.Principal, Actor: ev.Actor, Party: ev.Party, OnBehalfOf: ev.OnBehalfOf,
		Correlation: ev.Correlation, Causation: ev.Causation, ExpectedVersion: ev.ExpectedVersion,
		Grade: ev.Grade, Retention: ev.Retention, Imported: ev.Imported, Trace: ev.Trace, Signature: ev.Signature,
	}
	if ev.Producer != nil {
		b.Producer = &proof.Producer{ID: ev.Producer.ID, Seq: ev.Producer.Seq}
	}
	b.Names = proofNames(ev.Names())
	return b
}

// proofNames puts names into the form of a body, all in one array.
func proofNames(names []events.Name) []proof.Name {
	n := 0
	for i := range names {
		n += 1 + len(names[i].Parts)
	}
	all := make([]string, 0, n)
	out := make([]proof.Name, len(names))
	for i := range names {
		from := len(all)
		all = append(append(all, names[i].Kind), names[i].Parts...)
		out[i] = all[from:len(all):len(all)]
	}
	return out
}

// finish encodes the body and commits to it.
func (l *Ledger) finish(d *draft) error {
	var err error
	if d.bytes, err = d.body.MarshalData(d.event.Data); err != nil {
		return fmt.Errorf("encoding a %s: %w", d.body.Type, err)
	}
	salt := l.bodySalt(d.body)
	d.commit = proof.CommitBody(&salt, d.bytes)
	d.keys = d.body.KeysFrom(l.keys)
	d.size += int64(len(d.bytes))
	return nil
}

// bodySalt hides the body from holders of leaves; bodies about the ledger itself
// are public and have none.
func (l *Ledger) bodySalt(b *proof.Body) (salt [32]byte) {
	if b.Public() {
		return salt
	}
	return l.salter.BodySalt(b.Source, b.ID)
}

func (l *Ledger) draftFacets(d *draft, ev *events.Event) error {
	for i := range ev.Facets {
		f := &ev.Facets[i]
		salt := saltOf(ev, f)
		stored := proof.EncodeFacet(&salt, f.Bytes)
		if f.Owner != "" {
			key, err := l.owners.key(f.Owner)
			if err != nil {
				return fmt.Errorf("sealing facet %q: %w", f.Name, err)
			}
			if stored, err = proof.SealFacet(key, d.body.Source, d.body.ID, f.Name, &salt, f.Bytes, rand.Reader); err != nil {
				return fmt.Errorf("sealing facet %q: %w", f.Name, err)
			}
			d.sealed = append(d.sealed, key)
		}
		d.body.Facets = append(d.body.Facets, proof.FacetRef{
			Name: f.Name, MediaType: f.MediaType, Owner: f.Owner, Commit: proof.CommitFacet(&salt, f.Bytes),
		})
		d.facets = append(d.facets, stored)
		d.size += int64(len(stored))
	}
	return nil
}

// saltOf draws the salt of a facet, or takes that of the producer.
func saltOf(ev *events.Event, f *events.Facet) (salt [32]byte) {
	if len(ev.FacetSalt) > 0 {
		return proof.FacetSalt(ev.FacetSalt, f.Name)
	}
	rand.Read(salt[:]) // never fails, by its contract
	return salt
}

// continueKeys moves the keys beyond proof.MaxKeys into continuation records,
// which follow directly in the same batch.
func (l *Ledger) continueKeys(d *draft) error {
	d.keys = d.keys[:proof.MaxKeys]
	for _, c := range d.body.Continuations() {
		data := &events.RecordContinued{Source: c.Source, ID: c.ID, Part: c.Part}
		for _, k := range c.Keys {
			data.Keys = append(data.Keys, bytes.Clone(k[:]))
		}
		next, err := l.draft(&events.Event{
			ID: fmt.Sprintf("%s#keys-%d", c.ID, c.Part), Source: c.Source, Type: proof.ContinuedType, Schema: 1,
			Time: events.Time(d.body.Time), Principal: d.body.Principal, Data: data,
		})
		if err != nil {
			return err
		}
		d.continues = append(d.continues, next)
		d.size += next.size
	}
	return nil
}

// A cell is what the book keeps of a subject: how many events it has had, and
// its state if its kind has one.
type cell struct {
	version uint64
	state   any
}

// newCell is the cell of a subject that nothing has happened to.
func newCell(kind string) cell { return cell{state: events.StateOf(kind)} }

type storedCell struct {
	_       struct{} `cbor:",toarray"`
	Version uint64
	State   cbor.RawMessage
}

// encode writes a storedCell; the sequencer does for every event.
func (c cell) encode() ([]byte, error) {
	version, err := encMode.Marshal(c.version)
	state := []byte{0xf6} // null
	if c.state != nil && err == nil {
		state, err = encMode.Marshal(c.state)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding a state: %w", err)
	}
	return append(append([]byte{0x82}, version...), state...), nil // an array of two
}

func decodeCell(kind string, b []byte) (cell, error) {
	var s storedCell
	if err := decMode.Unmarshal(b, &s); err != nil {
		return cell{}, fmt.Errorf("reading the state of a %s: %w", kind, err)
	}
	c := cell{version: s.Version, state: events.StateOf(kind)}
	if c.state != nil && !bytes.Equal(s.State, []byte{0xf6}) {
		if err := decMode.Unmarshal(s.State, c.state); err != nil {
			return cell{}, fmt.Errorf("reading the state of a %s: %w", kind, err)
		}
	}
	return c, nil
}

var errShortRow = errors.New("the row is too short to be a record")

func splitRecordRow(row []byte) (time int64, body []byte, err error) {
	if len(row) < 9 {
		return 0, nil, errShortRow
	}
	return int64(binary.BigEndian.Uint64(row)), row[8:], nil
}

// typeOf finds the vocabulary entry of a stored body.
func typeOf(b *proof.Body) (events.Type, error) {
	typ, ok := events.Lookup(b.Type)
	if !ok || b.Schema != typ.Schema {
		return typ, fmt.Errorf("this program does not know %s schema %d; use one at least as new as the ledger", b.Type, b.Schema)
	}
	return typ, nil
}

// decodeEvent turns a stored body into the event it records, without the bytes of
// its facets.
func decodeEvent(b *proof.Body) (events.Event, error) {
	ev := events.Event{
		Signature: b.Signature,
		ID:        b.ID, Source: b.Source, Type: b.Type, Schema: b.Schema,
		Time: events.Time(b.Time), EffectiveFrom: events.Time(b.EffectiveFrom), EffectiveTo: events.Time(b.EffectiveTo),
		Principal: b.Principal, Actor: b.Actor, Party: b.Party, OnBehalfOf: b.OnBehalfOf,
		Correlation: b.Correlation, Causation: b.Causation, ExpectedVersion: b.ExpectedVersion,
		Grade: b.Grade, Retention: b.Retention, Imported: b.Imported, Trace: b.Trace,
	}
	if b.Producer != nil {
		ev.Producer = &events.ProducerSeq{ID: b.Producer.ID, Seq: b.Producer.Seq}
	}
	typ, err := typeOf(b)
	if err != nil {
		return ev, err
	}
	ev.Data = typ.NewData()
	if err := decMode.Unmarshal(b.Data, ev.Data); err != nil {
		return ev, fmt.Errorf("reading the data of a %s: %w", b.Type, err)
	}
	for _, f := range b.Facets {
		ev.Facets = append(ev.Facets, events.Facet{Name: f.Name, MediaType: f.MediaType, Owner: f.Owner})
	}
	return ev, nil
}
