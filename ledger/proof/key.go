package proof

import (
	"crypto/sha256"
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
)

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

// A KeyCache remembers the keys of names that recur from record to record. It may
// be used by many goroutines; nil remembers nothing.
type KeyCache struct {
	seed  maphash.Seed
	slots [1 << 14]atomic.Pointer[cachedKey]
}

type cachedKey struct {
	name Name
	key  Hash
}

// maxCachedName bounds the bytes of a name that is remembered, and so the memory
// of the cache, to about 4 MiB.
const maxCachedName = 128

// NewKeyCache returns an empty cache.
func NewKeyCache() *KeyCache { return &KeyCache{seed: maphash.MakeSeed()} }

// Key is [Key], remembered.
func (c *KeyCache) Key(kind string, parts ...string) Hash {
	if c == nil {
		return Key(kind, parts...)
	}
	sum, length := maphash.String(c.seed, kind), 0
	for _, p := range parts {
		sum = sum*31 ^ maphash.String(c.seed, p)
		length += len(p)
	}
	slot := &c.slots[sum%uint64(len(c.slots))]
	if k := slot.Load(); k != nil && k.name[0] == kind && slices.Equal(k.name[1:], parts) {
		return k.key
	}
	key := Key(kind, parts...)
	if length <= maxCachedName {
		name := make(Name, 1+len(parts))
		name[0] = kind
		for i, p := range parts {
			name[1+i] = strings.Clone(p) // which may be a piece of something large
		}
		slot.Store(&cachedKey{name, key})
	}
	return key
}
