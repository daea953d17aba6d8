package proof

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/maphash"
	"slices"
)

// A Rehasher hashes stored records again, as [BodySalt], [CommitBody],
// [Body.Keys] and [LeafHash] together do, without allocating: a verification goes
// over millions. It is not safe for concurrent use; each worker has its own.
type Rehasher struct {
	salts hash.Hash // HMAC keyed with the book's secret
	salt  [32]byte
	buf   []byte
	leaf  Leaf
	known keyCache
}

// NewRehasher returns a Rehasher for the records of the book with this secret.
func NewRehasher(secret []byte) *Rehasher {
	return &Rehasher{salts: hmac.New(sha256.New, secret), known: keyCache{seed: maphash.MakeSeed()}}
}

// LeafHash returns the hash of the leaf that a record has: at this position, after
// the leaf with hash prev, recorded at this time, with this body. The time must
// not be negative.
func (h *Rehasher) LeafHash(position int64, prev Hash, time int64, body []byte, v *View) Hash {
	h.leaf.Version, h.leaf.Position, h.leaf.Prev, h.leaf.Time = LeafVersion, uint64(position), prev, time
	h.leaf.Body = h.commit(body, v)
	h.keys(v)
	h.buf = h.leaf.Append(append(h.buf[:0], 0)) // the prefix of RFC 6962
	return sha256.Sum256(h.buf)
}

// Leaf is the leaf that was hashed last. It holds until the next one is.
func (h *Rehasher) Leaf() *Leaf { return &h.leaf }

// SubjectKey returns the key of the body's subject.
func (h *Rehasher) SubjectKey(v *View) Hash {
	b := appendHead(h.buf[:0], cborArray, 3)
	b = appendText(b, KindSubject)
	b = append(appendHead(b, cborText, uint64(len(v.SubjectKind))), v.SubjectKind...)
	b = append(appendHead(b, cborText, uint64(len(v.SubjectID))), v.SubjectID...)
	h.buf = b
	return h.known.key(b)
}

func (h *Rehasher) commit(body []byte, v *View) Hash {
	h.salt = [32]byte{}
	if !v.Public() {
		b := append(h.buf[:0], saltDomain...)
		b = appendHead(b, cborArray, 2)
		b = append(appendHead(b, cborText, uint64(len(v.Source))), v.Source...)
		b = append(appendHead(b, cborText, uint64(len(v.ID))), v.ID...)
		h.buf = b
		h.salts.Reset()
		h.salts.Write(b) // a hash never fails to be written to
		h.salts.Sum(h.salt[:0])
	}
	b := append(h.buf[:0], bodyDomain...)
	b = append(b, h.salt[:]...)
	h.buf = append(b, body...)
	return sha256.Sum256(h.buf)
}

// keys puts the keys of the leaf into it: the first MaxKeys of [Body.Keys].
func (h *Rehasher) keys(v *View) {
	keys := append(h.leaf.Keys[:0], h.nameKey(KindType, v.Type), h.SubjectKey(v), h.nameKey(KindPrincipal, v.Principal))
	if len(v.Party) > 0 {
		keys = append(keys, h.nameKey(KindParty, v.Party))
	}
	for _, n := range v.names {
		keys = append(keys, h.known.key(n))
	}
	if v.Continued() {
		// Cannot fail: the view has read it.
		if c, err := parseContinuation(&Body{Data: v.Data}); err == nil {
			keys = append(keys, c.Keys...)
		}
	}
	if len(keys) > fewNames {
		keys = sortKeys(keys)
	} else {
		keys = slices.Compact(insertionSort(keys))
	}
	h.leaf.Keys = keys[:min(len(keys), MaxKeys)]
}

func (h *Rehasher) nameKey(kind string, part []byte) Hash {
	b := appendHead(h.buf[:0], cborArray, 2)
	b = appendText(b, kind)
	h.buf = append(appendHead(b, cborText, uint64(len(part))), part...)
	return h.known.key(h.buf)
}

// insertionSort sorts few hashes. Their first eight bytes nearly always tell.
func insertionSort(keys []Hash) []Hash {
	for i := 1; i < len(keys); i++ {
		k := keys[i]
		first := binary.BigEndian.Uint64(k[:])
		j := i
		for ; j > 0; j-- {
			before := binary.BigEndian.Uint64(keys[j-1][:])
			if before < first || before == first && bytes.Compare(keys[j-1][:], k[:]) <= 0 {
				break
			}
			keys[j] = keys[j-1]
		}
		keys[j] = k
	}
	return keys
}

// keyCache remembers the keys of names: the same types, parties and entries stand
// in record after record. A name has one slot it may be in, and takes it from
// whichever was there.
type keyCache struct {
	seed  maphash.Seed
	slots [1024]keySlot
}

type keySlot struct {
	size int // of the name; 0 if the slot is free
	name [88]byte
	key  Hash
}

// key returns the key of a name, given as det-CBOR [kind, parts…].
func (c *keyCache) key(name []byte) Hash {
	s := &c.slots[maphash.Bytes(c.seed, name)%uint64(len(c.slots))]
	if s.size == len(name) && bytes.Equal(s.name[:s.size], name) {
		return s.key
	}
	var buf [256]byte // longer names allocate
	k := sha256.Sum256(append(append(buf[:0], keyDomain...), name...))
	if len(name) <= len(s.name) {
		s.size, s.key = copy(s.name[:], name), k
	}
	return k
}
