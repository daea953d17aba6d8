package events

import "fmt"

// KindLedger is the subject of what the ledger says about itself; there is one
// such subject per book. KindRecord is a record that is continued.
const (
	KindLedger = "ledger"
	KindRecord = "record"
)

// theAnchors is the subject of the heads that were timestamped: its versions count
// them, so that the ones around a record are found by halving.
var theAnchors = Subject{KindLedger, "anchors"}

// AnchorsSubject is the subject of the heads that were timestamped.
func AnchorsSubject() Subject { return theAnchors }

// theKeys is the subject of the changes of the signing key, whose versions are
// their order.
var theKeys = Subject{KindLedger, "keys"}

// KeysSubject is the subject of the changes of the signing key.
func KeysSubject() Subject { return theKeys }

// theLedger is the subject of all events of the ledger about itself, whatever
// its origin: a book holds one ledger.
var theLedger = Subject{KindLedger, "self"}

var ledgerTypes = []Type{
	reserved(fact[Genesis]("ledger.genesis")),
	reserved(fact[ClockConfirmed]("ledger.clock.confirmed")),
	reserved(fact[IndexCommitted]("ledger.index.committed")),
	reserved(fact[HeadAnchored]("ledger.head.anchored")),
	reserved(fact[KeyChanged]("ledger.key.added")),
	reserved(fact[KeyChanged]("ledger.key.retired")),
	reserved(fact[RecordContinued]("record.continued")),
	reserved(fact[RetentionEnded]("ledger.retention.ended")),
}

// Genesis is the record at position 0. The hash of its data is what the
// whole chain starts from.
type Genesis struct {
	// Origin is the name under which checkpoints are signed: a host name and
	// path without scheme, such as example.org/ledger.
	Origin string `json:"origin"`
	// Keys are the note verifier keys (name+hash+base64) that may sign
	// checkpoints from here on.
	Keys []string `json:"keys"`
	// Format is the version of the record format, see docs/format.md.
	Format uint64 `json:"format"`
	// Limits are what the ledger accepts at most, by name, as it was created.
	Limits map[string]int64 `json:"limits,omitzero"`
	// Predecessor is the last provable checkpoint (a signed note) of the ledger
	// that this one succeeds; empty if it succeeds none.
	Predecessor string `json:"predecessor,omitzero"`
}

// ClockConfirmed says that an operator looked at a jump of the ledger's clock
// that was too large to be taken on trust, and confirmed the new time.
type ClockConfirmed struct {
	// Before is the time of the last record, After the clock's confirmed time.
	Before Time `json:"before"`
	After  Time `json:"after"`
	// Reason is what the operator found. It is public and names no person.
	Reason string `json:"reason"`
}

// IndexCommitted commits the ledger to its completeness index: which records
// bear which key. Whoever holds the leaves can make the index again and compare.
type IndexCommitted struct {
	// Algorithm names how the index is made and hashed, see docs/format.md.
	Algorithm string `json:"algorithm"`
	// Root is the root of the index, 32 bytes, over the records at positions 0 to
	// Size-1.
	Root []byte `json:"root"`
	// Size is at most the position of this event.
	Size uint64 `json:"size"`
}

// HeadAnchored says when a head of the log was timestamped by an authority that is
// not the ledger (RFC 3161). All records under that head existed at that time; all
// records after this one were made after it.
type HeadAnchored struct {
	// Authority is the URL of the timestamping authority.
	Authority string `json:"authority"`
	// Size is the number of records under the head, and Checkpoint its signed note,
	// byte for byte what was timestamped.
	Size       int64  `json:"size"`
	Checkpoint string `json:"checkpoint"`
	// Time is the authority's time in the token.
	Time Time `json:"time"`
	// Response is the authority's answer, a DER-encoded TimeStampResp over the SHA-256
	// of the checkpoint.
	Response []byte `json:"response"`
}

// KeyChanged says that a key signs the heads of the log from here on, together with
// the one before it, or that the one before it signs no more. It is signed by both.
type KeyChanged struct {
	// Key is the verifier key (name+hash+base64) that was added or retired.
	Key string `json:"key"`
	// Note is the signed note of both keys, see docs/format.md, "Change of keys".
	Note string `json:"note"`
}

// MaxTimestamp is how long the answer of a timestamping authority may be.
const MaxTimestamp = 64 << 10

// RecordContinued carries the keys of a record that has more than fit in its
// leaf. It follows that record directly, in the same batch.
type RecordContinued struct {
	// Source and ID name the continued event.
	Source string `json:"source"`
	ID     string `json:"id"`
	// Part counts the continuations of the event, from 1.
	Part uint64 `json:"part"`
	// Keys are further keys of the event, 32 bytes each, sorted.
	Keys [][]byte `json:"keys"`
}

// Subject is the ledger itself.
func (e *Genesis) Subject() Subject { return theLedger }

// Subject is the ledger itself.
func (e *ClockConfirmed) Subject() Subject { return theLedger }

// Subject is the ledger itself.
func (e *IndexCommitted) Subject() Subject { return theLedger }

// Subject is the heads that were timestamped.
func (e *HeadAnchored) Subject() Subject { return theAnchors }

// Subject is the keys that sign heads.
func (e *KeyChanged) Subject() Subject { return theKeys }

// Subject is the continued record. A source holds no space, so the id is
// unambiguous.
func (e *RecordContinued) Subject() Subject { return Subject{KindRecord, e.Source + " " + e.ID} }

func (e *Genesis) names() []Name         { return nil }
func (e *ClockConfirmed) names() []Name  { return nil }
func (e *IndexCommitted) names() []Name  { return nil }
func (e *HeadAnchored) names() []Name    { return nil }
func (e *KeyChanged) names() []Name      { return nil }
func (e *RecordContinued) names() []Name { return nil }

func (e *Genesis) validate(c checker) {
	c.required("origin", e.Origin, MaxSource)
	c.some("keys", len(e.Keys))
	c.distinct("keys", e.Keys, MaxName)
	c.seq("format", e.Format, 1)
	for name := range e.Limits {
		c.required(key("limits", name), name, MaxCode)
	}
	c.text("predecessor", e.Predecessor, MaxText)
}

func (e *ClockConfirmed) validate(c checker) {
	c.time("before", e.Before)
	c.time("after", e.After)
	c.required("reason", e.Reason, MaxName)
}

func (e *IndexCommitted) validate(c checker) {
	c.required("algorithm", e.Algorithm, MaxName)
	c.seq("size", e.Size, 1)
	if len(e.Root) != 32 {
		c.refuse("field.length", "root", "a root has 32 bytes", "send a SHA-256 digest")
	}
}

func (e *HeadAnchored) validate(c checker) {
	c.required("authority", e.Authority, MaxSource)
	if e.Size < 1 {
		c.refuse("field.range", "size", "the head holds no record", "anchor a head that does")
	}
	c.required("checkpoint", e.Checkpoint, MaxText)
	c.time("time", e.Time)
	if len(e.Response) == 0 || len(e.Response) > MaxTimestamp {
		c.refuse("field.length", "response", "the answer of the authority is empty or too long", fmt.Sprintf("send at most %d bytes", MaxTimestamp))
	}
}

func (e *KeyChanged) validate(c checker) {
	c.required("key", e.Key, MaxName)
	c.required("note", e.Note, MaxText)
}

func (e *RecordContinued) validate(c checker) {
	c.required("source", e.Source, MaxSource)
	c.required("id", e.ID, MaxID)
	c.seq("part", e.Part, 1)
	c.some("keys", len(e.Keys))
	for i, k := range e.Keys {
		if len(k) != 32 {
			c.at("keys", i).refuse("field.length", "", "a key has 32 bytes", "send SHA-256 digests")
		}
	}
}

// KindRetention is the subject of a class that says how long records are kept.
const KindRetention = "retention"

// RetentionEnded says that records of a class were kept for as long as a rule pack
// asks. It erases nothing: what a hold or another law keeps stays, and an erasure is
// decided by somebody.
type RetentionEnded struct {
	Class string `json:"class"`
	// Pack in this version says how long the class is kept.
	Pack    string `json:"pack"`
	Version string `json:"version"`
	// Before bounds the records: they were recorded before.
	Before Time `json:"before"`
}

// RetentionSubject is the subject of a retention class.
func RetentionSubject(class string) Subject { return Subject{KindRetention, class} }

func (e *RetentionEnded) Subject() Subject { return RetentionSubject(e.Class) }
func (e *RetentionEnded) names() []Name    { return nil }

func (e *RetentionEnded) validate(c checker) {
	c.required("class", e.Class, MaxCode)
	c.required("pack", e.Pack, MaxID)
	c.required("version", e.Version, MaxCode)
	c.time("before", e.Before)
}
