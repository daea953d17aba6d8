package proof

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 value: of a leaf, of a node of the tree, of a name, or a
// commitment. Its text form is standard base64.
type Hash = tlog.Hash

// HashSize is the size of a Hash in bytes.
const HashSize = tlog.HashSize

// LeafVersion is the version of the leaf's layout and of its hash suite. It
// means "as docs/format.md says, with SHA-256". Another layout or another hash
// gets another number; what 1 means never changes.
const LeafVersion = 1

// MaxKeys is the most keys one leaf holds, which keeps the largest leaf
// (35 KB) within the 65,535 bytes of an entry of the C2SP log. The rest of a
// record's keys stand in continuation records: see [Body.Continuations].
const MaxKeys = 1024

// maxLeaf is above the length of the longest leaf.
const maxLeaf = 64 + (MaxKeys+2)*(2+HashSize)

// A Leaf is what the Merkle tree is built over: everything about a record that
// anyone may see.
type Leaf struct {
	Version  uint64 // LeafVersion
	Position uint64 // index of the leaf in the tree, from 0
	// Prev is the hash of the leaf at Position-1; of the leaf at position 0, it
	// is the [GenesisPrev] of the genesis data.
	Prev Hash
	Time int64 // the ledger's clock, in µs since 1970-01-01T00:00:00Z; strictly increasing
	// Keys are the hashes of the names the record can be found by, sorted and
	// unique: the first MaxKeys of [Body.Keys].
	Keys []Hash
	Body Hash // commitment to the body: see [CommitBody]
}

// Append appends the leaf's deterministic CBOR to dst and returns it. These
// are the bytes that are hashed. It panics if the version, the time or the
// order or number of the keys makes the leaf one that [ParseLeaf] refuses:
// such a leaf, once written, could never be verified.
func (l *Leaf) Append(dst []byte) []byte {
	if l.Version != LeafVersion || l.Position > maxInt || l.Time < 0 || len(l.Keys) > MaxKeys {
		panic("proof: leaf out of range")
	}
	dst = append(dst, cborArray|6, byte(l.Version))
	dst = appendHead(dst, cborUint, l.Position)
	dst = appendHash(dst, &l.Prev)
	dst = appendHead(dst, cborUint, uint64(l.Time))
	dst = appendHead(dst, cborArray, uint64(len(l.Keys)))
	for i := range l.Keys {
		if i > 0 && bytes.Compare(l.Keys[i-1][:], l.Keys[i][:]) >= 0 {
			panic("proof: keys of a leaf are not sorted and unique")
		}
		dst = appendHash(dst, &l.Keys[i])
	}
	return appendHash(dst, &l.Body)
}

// maxInt is the largest position and time.
const maxInt = 1<<63 - 1

// ParseLeaf reads a leaf. It accepts exactly the byte strings that
// [Leaf.Append] can write.
func ParseLeaf(b []byte) (Leaf, error) {
	if len(b) > maxLeaf {
		return Leaf{}, fmt.Errorf("reading leaf: %d bytes are more than a leaf can have", len(b))
	}
	var l Leaf
	r := reader{b: b}
	if n := r.expect(cborArray, "leaf"); r.err == nil && n != 6 {
		r.fail(fmt.Errorf("leaf has %d fields instead of 6", n))
	}
	l.Version = r.uint("version")
	if r.err == nil && l.Version != LeafVersion {
		r.fail(fmt.Errorf("leaf version %d is not %d: a newer program is needed to check it", l.Version, LeafVersion))
	}
	l.Position = r.uint("position")
	r.hash(&l.Prev, "prev")
	l.Time = int64(r.uint("time"))
	l.Keys = r.keys(MaxKeys)
	r.hash(&l.Body, "body commitment")
	if err := r.end(); err != nil {
		return Leaf{}, fmt.Errorf("reading leaf: %w", err)
	}
	return l, nil
}

// keys reads an array of at most limit key hashes, sorted and unique.
func (r *reader) keys(limit uint64) []Hash {
	n := r.expect(cborArray, "keys")
	if n > limit {
		r.fail(fmt.Errorf("%d keys are more than %d", n, limit))
		return nil
	}
	keys := make([]Hash, n)
	for i := range keys {
		r.hash(&keys[i], "key")
		if r.err == nil && i > 0 && bytes.Compare(keys[i-1][:], keys[i][:]) >= 0 {
			r.fail(fmt.Errorf("key %d is not above the key before it", i))
		}
	}
	return keys
}

// LeafHash returns SHA-256(0x00 ‖ leaf), the hash of a leaf in the tree
// (RFC 6962 §2.1), which is also the prev of the leaf after it.
func LeafHash(leaf []byte) Hash {
	var buf [1024]byte // a leaf of up to 27 keys: no allocation
	return sha256.Sum256(append(buf[:1], leaf...))
}

func sortKeys(keys []Hash) []Hash {
	slices.SortFunc(keys, CompareHashes)
	return slices.Compact(keys)
}

// CompareHashes compares bytewise. The first eight bytes nearly always tell.
func CompareHashes(a, b Hash) int {
	if x, y := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(b[:8]); x != y {
		return cmp.Compare(x, y)
	}
	return bytes.Compare(a[:], b[:])
}
