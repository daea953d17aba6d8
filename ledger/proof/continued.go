package proof

import (
	"errors"
	"fmt"
)

// ContinuedType is the type of a continuation record. Its name is not among
// the public "ledger." types because the keys it lists are another record's.
const ContinuedType = "record.continued"

// maxContinued is the most keys one continuation carries. With its own four
// it stays within MaxKeys.
const maxContinued = 1000

// A Continuation is the data of a continuation record: keys that found no room
// in the leaf of the record before it.
type Continuation struct {
	ID, Source string // of the record continued
	Part       uint64 // from 1
	Keys       []Hash // sorted and unique, at most 1,000
}

// Continuations returns the data of the continuation records that must follow
// the record directly, in this order: none unless it has more than MaxKeys
// keys.
func (b *Body) Continuations() []Continuation {
	if len(b.Names) <= MaxKeys-4 { // type, subject, principal, party
		return nil
	}
	keys := b.Keys()
	var out []Continuation
	for at := MaxKeys; at < len(keys); at += maxContinued {
		out = append(out, Continuation{
			ID: b.ID, Source: b.Source,
			Part: uint64(len(out) + 1),
			Keys: keys[at:min(at+maxContinued, len(keys))],
		})
	}
	return out
}

// Data returns the continuation as the data of a body: the deterministic CBOR
// of {"id", "keys", "part", "source"}.
func (c *Continuation) Data() []byte {
	b := make([]byte, 0, 64+len(c.ID)+len(c.Source)+len(c.Keys)*(2+HashSize))
	b = appendHead(b, cborMap, 4)
	b = appendText(appendText(b, "id"), c.ID)
	b = appendHead(appendText(b, "keys"), cborArray, uint64(len(c.Keys)))
	for i := range c.Keys {
		b = appendHash(b, &c.Keys[i])
	}
	b = appendHead(appendText(b, "part"), cborUint, c.Part)
	return appendText(appendText(b, "source"), c.Source)
}

// Continuation returns what the body continues, or false if it is not the
// body of a continuation record.
func (b *Body) Continuation() (Continuation, bool) {
	if b.Type != ContinuedType {
		return Continuation{}, false
	}
	c, err := parseContinuation(b)
	return c, err == nil
}

func parseContinuation(b *Body) (Continuation, error) {
	var c Continuation
	r := reader{b: b.Data}
	if n := r.expect(cborMap, "continuation"); n != 4 {
		r.fail(errors.New("continuation does not have 4 fields"))
	}
	r.label("id")
	c.ID = r.text("id")
	r.label("keys")
	c.Keys = r.keys(maxContinued)
	r.label("part")
	c.Part = r.uint("part")
	r.label("source")
	c.Source = r.text("source")
	if err := r.end(); err != nil {
		return Continuation{}, fmt.Errorf("data of %s: %w", ContinuedType, err)
	}
	if c.ID == "" || c.Source == "" || c.Part == 0 || len(c.Keys) == 0 || len(b.Names) != 0 {
		return Continuation{}, fmt.Errorf("data of %s: it names the record continued, a part from 1 and at least one key, and has no names of its own", ContinuedType)
	}
	return c, nil
}

// label reads the map key want.
func (r *reader) label(want string) {
	if got := r.text("map key"); r.err == nil && got != want {
		r.fail(fmt.Errorf("map key %q stands where %q should", got, want))
	}
}
