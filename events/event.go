package events

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// Event is one thing that happened or was decided, as its producer states it.
// The ledger adds what only it can know (position, recorded time, hashes) and
// keeps that apart from the event.
type Event struct {
	// ID identifies the event within Source; the pair is the idempotency key.
	ID     string
	Source string
	// Type and Schema name the vocabulary entry that Data belongs to.
	Type   string
	Schema uint64
	// Time is when it happened, as claimed. It may be long before the ledger
	// recorded it.
	Time Time
	// EffectiveFrom and EffectiveTo bound when it is in force, [from, to); zero
	// means "from Time" and "without end".
	EffectiveFrom, EffectiveTo Time
	// Principal is who authenticated, as the ledger knows it. It is set by the
	// ledger's entrance and never taken from the event itself.
	Principal string
	// Actor, Party and OnBehalfOf are claims of the event: a pseudonymous key of
	// the acting person, the responsible body, and the body acted for.
	Actor, Party, OnBehalfOf string
	// Producer numbers the events of one producer without gaps, so that a loss
	// before the ledger shows. Nil if the producer does not number.
	Producer *ProducerSeq
	// Correlation and Causation tie the events of one business case together.
	Correlation, Causation string
	// ExpectedVersion, if not nil, is the subject version the producer believes
	// to be current; the event is refused as stale if it is not.
	ExpectedVersion *uint64
	Grade           string // sensitivity of the event's own content
	Retention       string // retention class
	Imported        bool   // from before the ledger: never native evidence
	Trace           string // W3C traceparent
	// Signature is the producer's: a COSE_Sign1 over the claim, see docs/format.md.
	Signature []byte
	// FacetSalt is the seed of the facets' salts, 32 bytes, if the producer signs; it
	// is not recorded.
	FacetSalt []byte

	Data Data
	// Facets are the erasable parts of Data (free text, personal fields, raw
	// bodies), sorted by name. Decoding splits them out of Data; Merge puts those
	// still present back.
	Facets []Facet
}

// Data is the typed content of an event. Every implementation is a pointer to
// one of this package's event structs.
type Data interface {
	// Subject is what the event is about. Subject versions count its events.
	Subject() Subject
	// names lists what else the event can be found by: entries, datasets,
	// parties, agreements. Type, subject, principal and Event.Party are added by
	// the record format and need not be listed.
	names() []Name
}

// Names lists what an event's data can be found by beside its type, subject,
// principal and party, without duplicates, in the order first mentioned.
func (e *Event) Names() []Name {
	names := e.Data.names()
	out := names[:0] // made for this call, as all names are
	if len(names) <= fewNames {
		for _, n := range names {
			if !slices.ContainsFunc(out, n.equal) {
				out = append(out, n)
			}
		}
		return out
	}
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		if k := n.String(); !seen[k] {
			seen[k] = true
			out = append(out, n)
		}
	}
	return out
}

// fewNames is up to where comparing each with each is cheaper than a map. Nearly
// all events have fewer; a lineage run may have thousands.
const fewNames = 16

// ProducerSeq is a producer's own gapless numbering of its events, from 1.
type ProducerSeq struct {
	ID  string
	Seq uint64
}

// Facet is an erasable part of an event, kept beside the record under a salted
// commitment so that its erasure changes no hash.
type Facet struct {
	// Name is unique in the event. The facets of data fields bear the field's
	// JSON name.
	Name      string
	MediaType string
	// Owner is the data subject or party under whose key the facet is sealed;
	// empty means stored plain.
	Owner string
	Bytes []byte
	// Erased is set on reading when the bytes are gone and only the commitment
	// is left. ErasedBy is the position of the record that says so; 0 if none does:
	// then the owner's key is missing, and nobody answers for it.
	Erased   bool
	ErasedBy int64
}

// Facets of a data struct: see facetField.
type faceted interface {
	facets() []facetField
}

// A facetField names a field of a data struct that is kept as a facet. The
// field must be tagged omitzero, and absent from the data when split out.
type facetField struct {
	name  string
	owner string
	value any // pointer to the field
}

// Time is an instant in microseconds since 1970-01-01T00:00:00Z. Its text form
// is RFC 3339 in UTC; zero means absent.
type Time int64

// TimeOf converts t, dropping what is finer than a microsecond.
func TimeOf(t time.Time) Time { return Time(t.UnixMicro()) }

// Std returns t as a time.Time in UTC.
func (t Time) Std() time.Time { return time.UnixMicro(int64(t)).UTC() }

func (t Time) String() string { return t.Std().Format("2006-01-02T15:04:05.999999Z07:00") }

// MarshalText writes RFC 3339 in UTC with up to six fractional digits.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads RFC 3339 with a zone. Digits finer than a microsecond are
// dropped; a missing zone is an error, because the instant would be a guess.
func (t *Time) UnmarshalText(b []byte) error {
	v, err := time.Parse(time.RFC3339, string(b))
	// time.Parse also takes an hour of one digit, and a comma for the point.
	if err != nil || b[13] != ':' || bytes.IndexByte(b, ',') >= 0 {
		return fmt.Errorf("%q is not an RFC 3339 time with a zone, such as 2026-01-08T09:30:00+08:00", b)
	}
	*t = TimeOf(v)
	return nil
}
