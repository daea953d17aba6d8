package proof

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"
)

// Domain strings, each ended by a zero byte, keep a hash made for one purpose
// from being passed off as one made for another.
const (
	bodyDomain          = "ledgerline/body/v1\x00"
	facetDomain         = "ledgerline/facet/v1\x00"
	saltDomain          = "ledgerline/salt/v1\x00"
	genesisDomain       = "ledgerline/genesis/v1\x00"
	openLineageIDDomain = "ledgerline/openlineage-id/v1\x00"
	ownerDomain         = "ledgerline/owner/v1\x00"
)

// CommitBody returns the commitment to a body that a leaf holds:
// SHA-256("ledgerline/body/v1" ‖ 0x00 ‖ salt ‖ body). The salt keeps the
// holders of leaves from guessing the body; it is [BodySalt] or, for the
// ledger's own public events, 32 zero bytes.
func CommitBody(salt *[32]byte, body []byte) Hash { return commit(bodyDomain, salt, body) }

// CommitFacet returns the commitment to a facet that a body holds:
// SHA-256("ledgerline/facet/v1" ‖ 0x00 ‖ salt ‖ bytes). The salt is random and
// is erased together with the bytes, after which nothing can be guessed.
func CommitFacet(salt *[32]byte, b []byte) Hash { return commit(facetDomain, salt, b) }

func commit(domain string, salt *[32]byte, b []byte) Hash {
	var buf [1024]byte
	in := append(buf[:0], domain...)
	in = append(in, salt[:]...)
	return sha256.Sum256(append(in, b...))
}

// BodySalt returns the salt of the body of event (source, id):
// HMAC-SHA-256(secret, "ledgerline/salt/v1" ‖ 0x00 ‖ det-CBOR [source, id]).
// The secret is the book's and never leaves it; a salt may be given to whoever
// may see the body.
func BodySalt(secret []byte, source, id string) [32]byte {
	return NewSalter(secret).BodySalt(source, id)
}

// A Salter makes the salts of one book. It keeps what of each HMAC depends on the
// secret alone, which is half the work. It may be used by many goroutines.
type Salter struct{ keyed sync.Pool } // of hash.Hash

// NewSalter returns the salter for a book's secret, which it keeps a copy of.
func NewSalter(secret []byte) *Salter {
	secret = bytes.Clone(secret)
	return &Salter{sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}}
}

// BodySalt is [BodySalt] with the salter's secret.
func (s *Salter) BodySalt(source, id string) (salt [32]byte) {
	var buf [256]byte // longer names allocate
	in := appendTexts(append(buf[:0], saltDomain...), source, id)
	m := s.keyed.Get().(hash.Hash)
	defer s.keyed.Put(m)
	m.Reset()
	m.Write(in) // a hash never fails to be written to
	m.Sum(salt[:0])
	return salt
}

// OpenLineageID returns the id given to an OpenLineage event, which brings
// none: the hex form of HMAC-SHA-256(secret, "ledgerline/openlineage-id/v1" ‖
// 0x00 ‖ body), body being the bytes as received, decompressed. A repeat of
// the same bytes so gets the same id. It is keyed because the raw body can be
// erased and its plain hash would betray it.
func OpenLineageID(secret, body []byte) string {
	in := make([]byte, 0, len(openLineageIDDomain)+len(body))
	in = append(in, openLineageIDDomain...)
	id := mac(secret, append(in, body...))
	return hex.EncodeToString(id[:])
}

// OwnerDigest names a facet's owner in a public record:
// HMAC-SHA-256(secret, "ledgerline/owner/v1" ‖ 0x00 ‖ owner). Only who has the
// book's secret can tell whose digest it is.
func OwnerDigest(secret []byte, owner string) [32]byte {
	return mac(secret, append([]byte(ownerDomain), owner...))
}

// GenesisPrev returns the prev of the leaf at position 0:
// SHA-256("ledgerline/genesis/v1" ‖ 0x00 ‖ data), data being the deterministic
// CBOR of the genesis event's data, label 21 of its body.
func GenesisPrev(data []byte) Hash {
	return sha256.Sum256(append([]byte(genesisDomain), data...))
}

func mac(secret, in []byte) (out [32]byte) {
	m := hmac.New(sha256.New, secret)
	m.Write(in) // a hash never fails to be written to
	m.Sum(out[:0])
	return out
}
