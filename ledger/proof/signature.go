package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
)

// A producer signs what it says, so that the ledger's operator cannot say it in its
// name. What it signs is the claim: the fields of the body that the producer sets,
// with the data replaced by its hash and facets by their commitments, so that no
// erasure breaks a signature. The signature is a COSE_Sign1 (RFC 9052 section 4.2)
// with the claim detached, of this one form:
//
//	[ h'A2 01 27 04 5820 <public key>', {}, null, <signature, 64 bytes> ]
//
// The protected header says EdDSA and holds the public key, 32 bytes, as key id;
// the external data is [claimAAD]. Whose key it is, the log says elsewhere.

// claimAAD keeps a signature over a claim from being one over anything else.
const claimAAD = "ledgerline/claim/v1"

const facetSaltDomain = "ledgerline/facet-salt/v1\x00"

// notClaimed are the labels of a body that the producer does not set: principal,
// trace, the signature itself and names, which follow from the data.
var notClaimed = [25]bool{9: true, 20: true, 23: true, 24: true}

// Claim returns the claim in a body: the deterministic CBOR of its fields without
// principal, trace, signature and names, and with SHA-256 of the data under label 21.
func Claim(body []byte) ([]byte, error) {
	r := reader{b: body}
	n := r.expect(cborMap, "body")
	fields, count := make([]byte, 0, len(body)), uint64(0)
	for ; n > 0 && r.err == nil; n-- {
		from := r.b
		label := r.uint("label")
		value := r.b
		r.skip(1)
		if r.err != nil || label >= uint64(len(notClaimed)) {
			break
		}
		if notClaimed[label] {
			continue
		}
		count++
		if label == 21 {
			data := Hash(sha256.Sum256(value[:len(value)-len(r.b)]))
			fields = append(fields, from[:len(from)-len(value)]...)
			fields = appendHash(fields, &data)
			continue
		}
		fields = append(fields, from[:len(from)-len(r.b)]...)
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("reading the claim of a body: %w", err)
	}
	return append(appendHead(nil, cborMap, count), fields...), nil
}

// SignClaim signs a claim with a producer's key.
func SignClaim(claim []byte, key ed25519.PrivateKey) []byte {
	pub, _ := key.Public().(ed25519.PublicKey) // it is one, by its contract
	header := claimHeader(pub)
	out := appendBytes([]byte{cborArray | 4}, header)
	out = append(out, cborMap, cborNull)
	return appendBytes(out, ed25519.Sign(key, signed(header, claim)))
}

// claimHeader is {1: -8, 4: public key}.
func claimHeader(pub ed25519.PublicKey) []byte {
	return appendBytes([]byte{cborMap | 2, 0x01, 0x27, 0x04}, pub)
}

// signed is the Sig_structure of COSE: what the signature is over.
func signed(header, claim []byte) []byte {
	b := appendText([]byte{cborArray | 4}, "Signature1")
	b = appendBytes(b, header)
	b = appendBytes(b, []byte(claimAAD))
	return appendBytes(b, claim)
}

var (
	errUnsigned  = errors.New("nobody signed the body but the ledger")
	errNotSign1  = errors.New("the signature is not a COSE_Sign1 of the form that docs/format.md fixes")
	errSignature = errors.New("the signature does not fit: it is over something else, by another key, or damaged")
)

// CheckSignature checks a producer's signature in a body and returns the key that
// made it. That this is a key of the party in whose name the body speaks has to be
// known from elsewhere: from the records of its keys.
func CheckSignature(body []byte) (ed25519.PublicKey, error) {
	b, err := ParseBody(body)
	if err != nil {
		return nil, err
	}
	if len(b.Signature) == 0 {
		return nil, errUnsigned
	}
	const keyAt, sigAt = 1 + 2 + 6, 1 + 2 + 6 + ed25519.PublicKeySize + 2 + 2
	if len(b.Signature) != sigAt+ed25519.SignatureSize {
		return nil, errNotSign1
	}
	pub := ed25519.PublicKey(bytes.Clone(b.Signature[keyAt : keyAt+ed25519.PublicKeySize]))
	header := claimHeader(pub)
	form := append(appendBytes([]byte{cborArray | 4}, header), cborMap, cborNull, cborBytes|24, ed25519.SignatureSize)
	if !bytes.Equal(b.Signature[:sigAt], form) {
		return nil, errNotSign1
	}
	claim, err := Claim(body)
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(pub, signed(header, claim), b.Signature[sigAt:]) {
		return nil, errSignature
	}
	return pub, nil
}

// FacetSalt is the salt of a facet of an event whose producer chose the salts, by
// one seed: HMAC-SHA-256(seed, "ledgerline/facet-salt/v1" ‖ 0x00 ‖ name). The seed is
// not recorded.
func FacetSalt(seed []byte, name string) [32]byte {
	return mac(seed, append([]byte(facetSaltDomain), name...))
}
