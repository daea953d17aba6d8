package proof

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// A Body is what a record says: the event, without the facets that can be
// erased. Its bytes are what a leaf's commitment is made over. Labels and order
// are those of docs/format.md; a zero value means absent, except of the fields
// that always stand.
type Body struct {
	ID              string          `cbor:"1,keyasint"`
	Type            string          `cbor:"2,keyasint"`
	Schema          uint64          `cbor:"3,keyasint"` // version of the data's shape, from 1
	Source          string          `cbor:"4,keyasint"`
	Subject         [2]string       `cbor:"5,keyasint"` // kind, id
	Time            int64           `cbor:"6,keyasint"` // when it happened as claimed, µs since 1970
	EffectiveFrom   int64           `cbor:"7,keyasint,omitempty"`
	EffectiveTo     int64           `cbor:"8,keyasint,omitempty"`
	Principal       string          `cbor:"9,keyasint"`
	Actor           string          `cbor:"10,keyasint,omitempty"`
	Party           string          `cbor:"11,keyasint,omitempty"`
	OnBehalfOf      string          `cbor:"12,keyasint,omitempty"`
	Producer        *Producer       `cbor:"13,keyasint,omitempty"`
	Correlation     string          `cbor:"14,keyasint,omitempty"`
	Causation       string          `cbor:"15,keyasint,omitempty"`
	ExpectedVersion *uint64         `cbor:"16,keyasint,omitempty"`
	Grade           string          `cbor:"17,keyasint,omitempty"`
	Retention       string          `cbor:"18,keyasint,omitempty"`
	Imported        bool            `cbor:"19,keyasint,omitempty"`
	Trace           string          `cbor:"20,keyasint,omitempty"`
	Data            cbor.RawMessage `cbor:"21,keyasint"`           // map with text keys
	Facets          []FacetRef      `cbor:"22,keyasint,omitempty"` // sorted by unique name
	Signature       []byte          `cbor:"23,keyasint,omitempty"` // reserved for producers' signatures
	Names           []Name          `cbor:"24,keyasint,omitempty"` // in the order of first mention
}

// Producer is a producer's own gapless numbering of its events.
type Producer struct {
	_   struct{} `cbor:",toarray"`
	ID  string
	Seq uint64
}

// A FacetRef stands in a body for a facet that is kept beside it: the
// commitment remains when the facet is erased.
type FacetRef struct {
	_         struct{} `cbor:",toarray"`
	Name      string
	MediaType string
	Owner     string // under whose key it is sealed; "" means stored plain
	Commit    Hash   // see [CommitFacet]
}

// check reports the first rule of the format, beyond CBOR's own, that the body
// breaks.
func (b *Body) check() error {
	switch {
	case b.ID == "" || b.Type == "" || b.Source == "" || b.Principal == "":
		return errors.New("id, type, source and principal must not be empty")
	case b.Subject[0] == "" || b.Subject[1] == "":
		return errors.New("the subject needs a kind and an id")
	case b.Schema == 0:
		return errors.New("the schema version counts from 1")
	case b.Producer != nil && b.Producer.ID == "":
		return errors.New("a producer that numbers its events needs an id")
	case len(b.Data) == 0 || b.Data[0]&0xe0 != cborMap:
		return errors.New("the data must be a CBOR map")
	}
	for i := range b.Facets {
		if i > 0 && b.Facets[i-1].Name >= b.Facets[i].Name || b.Facets[i].Name == "" {
			return fmt.Errorf("facet %q: facets are sorted by a unique name", b.Facets[i].Name)
		}
	}
	if err := checkNames(b.Names); err != nil {
		return err
	}
	if b.Type == ContinuedType {
		if _, err := parseContinuation(b); err != nil {
			return err
		}
	}
	return nil
}

// fewNames is up to where comparing each with each is cheaper than a map.
const fewNames = 16

func checkNames(names []Name) error {
	for _, n := range names {
		if len(n) < 2 || !knownKind(n[0]) {
			return fmt.Errorf("name %q: a name is one of the known kinds and its parts", n)
		}
	}
	if len(names) <= fewNames {
		for i, n := range names {
			if slices.ContainsFunc(names[:i], func(o Name) bool { return slices.Equal(n, o) }) {
				return fmt.Errorf("name %q is listed twice", n)
			}
		}
		return nil
	}
	seen := make(map[string]bool, len(names))
	var buf []byte
	for _, n := range names {
		buf = appendTexts(buf[:0], n...)
		if seen[string(buf)] {
			return fmt.Errorf("name %q is listed twice", n)
		}
		seen[string(buf)] = true
	}
	return nil
}

// Public reports whether the body is one of the ledger's own, which anyone may
// see. Its salt is zero and it is never erased.
func (b *Body) Public() bool { return strings.HasPrefix(b.Type, "ledger.") }

// Keys returns the keys of the record, sorted and unique: those of its type,
// subject, principal, party and names, and for a continuation those it
// continues. There can be more than MaxKeys; the leaf then holds the first of
// them and [Body.Continuations] the rest. Keys depend on the body alone, so
// that whoever sees a body can check them without knowing its type.
func (b *Body) Keys() []Hash { return b.KeysFrom(nil) }

// KeysFrom is [Body.Keys] with a cache that many records share.
func (b *Body) KeysFrom(cache *KeyCache) []Hash {
	keys := make([]Hash, 0, 4+len(b.Names))
	keys = append(keys,
		cache.Key(KindType, b.Type),
		cache.Key(KindSubject, b.Subject[0], b.Subject[1]),
		cache.Key(KindPrincipal, b.Principal))
	if b.Party != "" {
		keys = append(keys, cache.Key(KindParty, b.Party))
	}
	for _, n := range b.Names {
		keys = append(keys, cache.Key(n[0], n[1:]...))
	}
	if b.Type == ContinuedType {
		// Cannot fail: check has read it, or Marshal will say so.
		if c, err := parseContinuation(b); err == nil {
			keys = append(keys, c.Keys...)
		}
	}
	return sortKeys(keys)
}
