package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// The rows of the book. This file is the only place that builds their keys, and
// docs/format.md ("In the book") describes them. All integers are big endian, so
// that Pebble's byte order is their order.
//
//	'm' name                      settings made at creation, never changed
//	'h'                           the head: size, root, last leaf hash, last time
//	'r' position                  record: time(8) ‖ body bytes
//	'f' position ‖ number(2)      a facet of that record, plain or sealed
//	'x' position ‖ number(2)      position of the record that erased that facet
//	'm' "erasing" ‖ position      an erasure recorded there is not completed: owner's key file, or nothing
//	'c' size                      a checkpoint over size records with the cosignatures of witnesses
//	't' level ‖ tile number       a full tile: 256 hashes of 32 bytes
//	'e' position                  leaf hashes from position on, since the last full tile
//	'i' SHA-256(source, id)       position of the event: idempotency (continuations have none)
//	'o' SHA-256(source)           principal that first used the source
//	's' subject key ‖ version     position of that version
//	'S' subject key               version and state of the subject
//
// The first five are the truth. The rest are derived from the records, written
// with them in one batch, and re-derived by a full verification.
const (
	rowMeta    = 'm'
	rowHead    = 'h'
	rowRecord  = 'r'
	rowFacet   = 'f'
	rowErased  = 'x'
	rowTile    = 't'
	rowCosign  = 'c'
	rowEdge    = 'e'
	rowID      = 'i'
	rowSource  = 'o'
	rowVersion = 's'
	rowState   = 'S'
)

func metaKey(name string) []byte { return append([]byte{rowMeta}, name...) }

var headKey = []byte{rowHead}

func recordKey(position int64) []byte { return positionKey(rowRecord, position) }

// setRecord puts a record into a batch: its time and its body. Position is the
// row's key, prev stands in the tile, and keys and commitment follow from the body,
// so that nothing is stored twice.
func setRecord(b *pebble.Batch, position, time int64, body []byte) error {
	op := b.SetDeferred(9, 8+len(body))
	op.Key[0] = rowRecord
	binary.BigEndian.PutUint64(op.Key[1:], uint64(position))
	binary.BigEndian.PutUint64(op.Value, uint64(time))
	copy(op.Value[8:], body)
	return op.Finish()
}

func edgeKey(position int64) []byte { return positionKey(rowEdge, position) }

func cosignedKey(size int64) []byte { return positionKey(rowCosign, size) }

// positionIn reads the number in a key that positionKey made.
func positionIn(key []byte) (int64, error) {
	if len(key) != 9 {
		return 0, fmt.Errorf("the row %x is not one that this program makes", key)
	}
	return int64(binary.BigEndian.Uint64(key[1:])), nil
}

func positionKey(tag byte, position int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{tag}, uint64(position))
}

func facetKey(position int64, number int) []byte {
	return binary.BigEndian.AppendUint16(positionKey(rowFacet, position), uint16(number))
}

func erasedKey(position int64, number int) []byte {
	return binary.BigEndian.AppendUint16(positionKey(rowErased, position), uint16(number))
}

func unfinishedKey(position int64) []byte {
	return binary.BigEndian.AppendUint64(metaKey("erasing"), uint64(position))
}

func tileKey(level int, n int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{rowTile, byte(level)}, uint64(n))
}

// idHash is the identity of an event for idempotency. The length of the source
// stands before it, so that no two pairs share a hash.
func idHash[T string | []byte](source, id T) [32]byte {
	var buf [256]byte // longer ones allocate
	b := binary.BigEndian.AppendUint64(buf[:0], uint64(len(source)))
	b = append(b, source...)
	return sha256.Sum256(append(b, id...))
}

func idKey(hash [32]byte) []byte { return append([]byte{rowID}, hash[:]...) }

func setID(b *pebble.Batch, hash [32]byte, position int64) error {
	var key [1 + 32]byte
	var value [binary.MaxVarintLen64]byte
	return b.Set(append(append(key[:0], rowID), hash[:]...), binary.AppendUvarint(value[:0], uint64(position)), nil)
}

func sourceKey(source string) []byte {
	sum := sha256.Sum256([]byte(source))
	return append([]byte{rowSource}, sum[:]...)
}

// subjectHash is the subject's key in the records, which serves as its fixed
// width in row keys as well.
func subjectHash(s events.Subject) proof.Hash {
	return proof.Key(events.NameSubject, s.Kind, s.ID)
}

// subjectHash is subjectHash, remembered for subjects that recur.
func (l *Ledger) subjectHash(s events.Subject) proof.Hash {
	return l.keys.Key(events.NameSubject, s.Kind, s.ID)
}

func versionKey(subject proof.Hash, version uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte{rowVersion}, subject[:]...), version)
}

func setVersion(b *pebble.Batch, subject proof.Hash, version uint64, position int64) error {
	var key [1 + proof.HashSize + 8]byte
	var value [binary.MaxVarintLen64]byte
	return b.Set(binary.BigEndian.AppendUint64(append(append(key[:0], rowVersion), subject[:]...), version),
		binary.AppendUvarint(value[:0], uint64(position)), nil)
}

func stateKey(subject proof.Hash) []byte { return append([]byte{rowState}, subject[:]...) }
