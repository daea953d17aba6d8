package proof

import "github.com/fxamacker/cbor/v2"

// AnchoredType is the type of the records that hold a timestamp over an earlier head.
const AnchoredType = "ledger.head.anchored"

// exactly reads fields by their exact names.
var exactly = func() cbor.DecMode {
	m, err := cbor.DecOptions{FieldNameMatching: cbor.FieldNameMatchingCaseSensitive}.DecMode()
	if err != nil {
		panic(err) // constant options: a mistake of this file
	}
	return m
}()

// An AnchoredHead is a head of the log with the answer of a timestamping authority
// (RFC 3161) over the SHA-256 of its checkpoint.
type AnchoredHead struct {
	Size       int64  `cbor:"size"`
	Time       int64  `cbor:"time"` // of the token, as the ledger read it
	Checkpoint string `cbor:"checkpoint"`
	Response   []byte `cbor:"response"`
}

// Anchors returns the head that the body says was timestamped; false if it is not
// the body of an anchor, or not of a shape that is known. The timestamp is not checked.
func (b *Body) Anchors() (h AnchoredHead, ok bool) {
	if b.Type != AnchoredType || b.Schema != 1 || !b.Public() {
		return h, false
	}
	if exactly.Unmarshal(b.Data, &h) != nil || h.Size < 1 || h.Checkpoint == "" || len(h.Response) == 0 {
		return AnchoredHead{}, false
	}
	return h, true
}
