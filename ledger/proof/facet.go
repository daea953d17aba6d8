package proof

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

const (
	facetKeyDomain = "ledgerline/facet-key/v1\x00"
	facetAAD       = "ledgerline/facet/v1"
	nonceSize      = 12
	tagSize        = 16
)

// EncodeFacet returns a facet as it is stored plain: det-CBOR [salt, bytes].
func EncodeFacet(salt *[32]byte, b []byte) []byte {
	out := make([]byte, 0, 1+2+32+9+len(b))
	out = append(out, cborArray|2)
	out = appendBytes(out, salt[:])
	return appendBytes(out, b)
}

// DecodeFacet reads a facet stored plain. It accepts exactly the byte strings
// that [EncodeFacet] can write. The bytes returned point into stored. The
// caller compares [CommitFacet] with the commitment in the body.
func DecodeFacet(stored []byte) (salt [32]byte, b []byte, err error) {
	r := reader{b: stored}
	if n := r.expect(cborArray, "facet"); r.err == nil && n != 2 {
		r.fail(fmt.Errorf("facet has %d fields instead of 2", n))
	}
	r.hash((*Hash)(&salt), "salt")
	b = r.bytes("facet bytes")
	if err := r.end(); err != nil {
		return [32]byte{}, nil, fmt.Errorf("reading facet: %w", err)
	}
	return salt, b, nil
}

// SealFacet returns a facet as it is stored under its owner's key:
// nonce(12) ‖ AES-256-GCM of [EncodeFacet], under a key derived for this facet
// of this event. The nonce is read from rand, because a retried append may seal
// other bytes under the same derived key. Destroying the owner's key destroys
// every facet sealed under it.
func SealFacet(ownerKey *[32]byte, source, id, name string, salt *[32]byte, b []byte, rand io.Reader) ([]byte, error) {
	gcm, err := facetCipher(ownerKey, source, id, name)
	if err != nil {
		return nil, fmt.Errorf("sealing facet %q: %w", name, err)
	}
	plain := EncodeFacet(salt, b)
	out := make([]byte, nonceSize, nonceSize+len(plain)+tagSize)
	if _, err := io.ReadFull(rand, out); err != nil {
		return nil, fmt.Errorf("sealing facet %q: drawing a nonce: %w", name, err)
	}
	return gcm.Seal(out, out, plain, []byte(facetAAD)), nil
}

// OpenFacet opens what [SealFacet] sealed under the same key for the same
// facet of the same event. The caller compares [CommitFacet] with the
// commitment in the body, which alone says that these are the bytes recorded.
func OpenFacet(ownerKey *[32]byte, source, id, name string, sealed []byte) (salt [32]byte, b []byte, err error) {
	if len(sealed) < nonceSize+tagSize {
		return [32]byte{}, nil, fmt.Errorf("opening facet %q: %d bytes are too few for a sealed facet", name, len(sealed))
	}
	gcm, err := facetCipher(ownerKey, source, id, name)
	if err != nil {
		return [32]byte{}, nil, fmt.Errorf("opening facet %q: %w", name, err)
	}
	plain, err := gcm.Open(nil, sealed[:nonceSize], sealed[nonceSize:], []byte(facetAAD))
	if err != nil {
		return [32]byte{}, nil, fmt.Errorf("opening facet %q: %w", name, errSealed)
	}
	return DecodeFacet(plain)
}

var errSealed = errors.New("it is damaged, or sealed under another owner's key or for another event or facet")

// facetKey derives the key one facet of one event is sealed under:
// HKDF-SHA-256(ikm = owner key, no salt, info = "ledgerline/facet-key/v1" ‖
// 0x00 ‖ det-CBOR [source, id, name]).
func facetKey(ownerKey *[32]byte, source, id, name string) ([]byte, error) {
	info := appendTexts([]byte(facetKeyDomain), source, id, name)
	return hkdf.Key(sha256.New, ownerKey[:], nil, string(info), 32)
}

func facetCipher(ownerKey *[32]byte, source, id, name string) (cipher.AEAD, error) {
	key, err := facetKey(ownerKey, source, id, name)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
