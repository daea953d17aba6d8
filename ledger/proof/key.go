package proof

import "crypto/sha256"

// keyDomain separates key hashes from every other hash of the format.
const keyDomain = "ledgerline/key/v1\x00"

// A Name is something a record can be found by: a kind, then one or more
// parts. The kinds are a closed list.
type Name []string

// The kinds of names. Every kind is part of the bytes that are hashed, so one
// may be added but none renamed or given another meaning.
const (
	KindType      = "type"      // type of the event
	KindSubject   = "subject"   // kind and id of a subject
	KindEntry     = "entry"     // catalog entry
	KindDataset   = "dataset"   // namespace and name of a dataset
	KindParty     = "party"     // responsible body
	KindAgreement = "agreement" // sharing agreement
	KindPrincipal = "principal" // who authenticated
)

// knownKind reports whether kind is one of the closed list of kinds.
func knownKind(kind string) bool {
	switch kind {
	case KindType, KindSubject, KindEntry, KindDataset, KindParty, KindAgreement, KindPrincipal:
		return true
	}
	return false
}

// Key returns the hash under which a name stands in leaves and in the
// completeness index: SHA-256("ledgerline/key/v1" ‖ 0x00 ‖ det-CBOR [kind,
// parts…]). It is never truncated.
func Key(kind string, parts ...string) Hash {
	var buf [256]byte // longer names allocate
	b := append(buf[:0], keyDomain...)
	b = appendHead(b, cborArray, uint64(1+len(parts)))
	b = appendText(b, kind)
	for _, p := range parts {
		b = appendText(b, p)
	}
	return sha256.Sum256(b)
}

// Key returns the hash of the name, which must have at least a kind.
func (n Name) Key() Hash { return Key(n[0], n[1:]...) }
