package proof

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// The completeness index says, of every key, which records bear it. It is made
// of leaves alone, so whoever holds these can make it again, and its root is an
// event of the log ([IndexCommit]), so that the same checkpoints cover it:
//
//	record ─▶ entries, one for each key ─▶ log of the key ─▶ leaf of the prefix tree ─▶ root
//
// docs/format.md, "Completeness index", is normative.

// IndexAlgorithm names how the index is made and hashed. Another way gets
// another name; what this one means never changes.
const IndexAlgorithm = "ledgerline/index/v1"

const (
	indexLeafDomain = "ledgerline/index-leaf/v1\x00"
	indexNodeDomain = "ledgerline/index-node/v1\x00"
)

// An IndexEntry stands in the log of a key for one record that bears it.
type IndexEntry struct {
	Position int64
	Time     int64 // recorded, µs since 1970-01-01T00:00:00Z
	Leaf     Hash  // hash of the record's leaf
}

// append appends the entry's deterministic CBOR, [position, time, leaf hash].
func (e *IndexEntry) append(dst []byte) []byte {
	dst = appendHead(append(dst, cborArray|3), cborUint, uint64(e.Position))
	return appendHash(appendHead(dst, cborUint, uint64(e.Time)), &e.Leaf)
}

// Hash returns SHA-256(0x00 ‖ entry): the hash of a leaf in the log of a key
// (RFC 6962 §2.1).
func (e IndexEntry) Hash() Hash {
	var buf [64]byte // the longest entry has 53 bytes
	return sha256.Sum256(e.append(buf[:1]))
}

// A KeyLog is the RFC 6962 tree over the entries of one key, as far as is needed
// to append to it: the roots of the perfect subtrees it is made of, the largest
// first. The zero value is the empty log.
type KeyLog struct {
	Count uint64
	Peaks []Hash // as many as Count has bits set
}

// Add appends an entry, of which it takes the hash.
func (l *KeyLog) Add(entry Hash) {
	n := bits.TrailingZeros64(^l.Count) // subtrees that the entry makes whole
	keep := len(l.Peaks) - n
	for i := len(l.Peaks) - 1; i >= keep; i-- {
		entry = tlog.NodeHash(l.Peaks[i], entry)
	}
	l.Peaks = append(l.Peaks[:keep], entry)
	l.Count++
}

// Root returns the RFC 6962 tree hash over the entries.
func (l *KeyLog) Root() Hash {
	if l.Count == 0 {
		return emptyRoot
	}
	root := l.Peaks[len(l.Peaks)-1]
	for i := len(l.Peaks) - 2; i >= 0; i-- {
		root = tlog.NodeHash(l.Peaks[i], root)
	}
	return root
}

// Leaf returns what stands in the prefix tree for the log.
func (l *KeyLog) Leaf(key Hash) IndexLeaf { return IndexLeaf{Key: key, Count: l.Count, Root: l.Root()} }

// An IndexLeaf stands in the prefix tree for a key: how many records bear it,
// and the root of its log.
type IndexLeaf struct {
	Key   Hash
	Count uint64 // at least 1
	Root  Hash
}

// append appends the leaf's deterministic CBOR, [key, count, root].
func (l *IndexLeaf) append(dst []byte) []byte {
	dst = appendHash(append(dst, cborArray|3), &l.Key)
	return appendHash(appendHead(dst, cborUint, l.Count), &l.Root)
}

// Hash returns SHA-256("ledgerline/index-leaf/v1" ‖ 0x00 ‖ det-CBOR [key, count,
// root]).
func (l IndexLeaf) Hash() Hash {
	var buf [len(indexLeafDomain) + 80]byte
	return sha256.Sum256(l.append(append(buf[:0], indexLeafDomain...)))
}

// emptyIndex is the hash of a subtree without keys. Nothing that is known hashes
// to 32 zero bytes.
var emptyIndex Hash

// indexNodeHash returns SHA-256("ledgerline/index-node/v1" ‖ 0x00 ‖ left ‖
// right).
func indexNodeHash(left, right Hash) Hash {
	var buf [len(indexNodeDomain) + 2*HashSize]byte
	n := copy(buf[:], indexNodeDomain)
	n += copy(buf[n:], left[:])
	copy(buf[n:], right[:])
	return sha256.Sum256(buf[:])
}

// keyBit returns bit i of a key, bit 0 being the highest of the first byte.
func keyBit(key *Hash, i int) int { return int(key[i/8]>>(7-i%8)) & 1 }

// sharedBits returns how many bits two keys have in common at the front.
func sharedBits(a, b *Hash) int {
	for i := 0; i < HashSize; i += 8 {
		if x := binary.BigEndian.Uint64(a[i:]) ^ binary.BigEndian.Uint64(b[i:]); x != 0 {
			return 8*i + bits.LeadingZeros64(x)
		}
	}
	return 8 * HashSize
}

func compareKeys(a, b IndexLeaf) int { return CompareHashes(a.Key, b.Key) }
