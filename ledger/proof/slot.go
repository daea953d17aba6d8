package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// SlotSize is the size in bytes of one of the two slots of the head witness
// file. A slot is written with one write of this size at [SlotOffset], so that
// a torn write can spoil only the older of the two heads.
const SlotSize = 4096

// slotHead is the length, the hash and the sequence number before the note.
const slotHead = 4 + sha256.Size + 8

// SlotOffset returns where in the head witness file the slot of a sequence
// number stands: slots alternate.
func SlotOffset(seq uint64) int64 { return int64(seq%2) * SlotSize }

// EncodeSlot returns a slot of the head witness file, of exactly SlotSize
// bytes: length(4) ‖ SHA-256(seq ‖ checkpoint) ‖ seq(8) ‖ checkpoint ‖ zeros,
// integers in big-endian order, the length being that of what is hashed. It
// fails if the checkpoint is too long for a slot.
func EncodeSlot(seq uint64, checkpoint []byte) ([]byte, error) {
	if len(checkpoint) > SlotSize-slotHead {
		return nil, fmt.Errorf("writing head witness: a checkpoint of %d bytes does not fit in a slot, which holds %d; it has too many signatures", len(checkpoint), SlotSize-slotHead)
	}
	slot := make([]byte, SlotSize)
	binary.BigEndian.PutUint32(slot, uint32(8+len(checkpoint)))
	binary.BigEndian.PutUint64(slot[slotHead-8:], seq)
	copy(slot[slotHead:], checkpoint)
	sum := sha256.Sum256(slot[slotHead-8 : slotHead+len(checkpoint)])
	copy(slot[4:], sum[:])
	return slot, nil
}

// DecodeSlots returns the checkpoint of the valid slot with the highest
// sequence number of a head witness file, and false if no slot is valid. It
// checks no signature.
func DecodeSlots(file []byte) (seq uint64, checkpoint []byte, ok bool) {
	for at := 0; at+SlotSize <= len(file) && at < 2*SlotSize; at += SlotSize {
		s, c, valid := decodeSlot(file[at : at+SlotSize])
		if valid && (!ok || s > seq) {
			seq, checkpoint, ok = s, c, true
		}
	}
	return seq, checkpoint, ok
}

func decodeSlot(slot []byte) (seq uint64, checkpoint []byte, ok bool) {
	n := binary.BigEndian.Uint32(slot)
	if n < 8 || n > SlotSize-slotHead+8 {
		return 0, nil, false
	}
	used := slot[slotHead-8 : slotHead-8+int(n)]
	sum := sha256.Sum256(used)
	padding := slot[slotHead-8+int(n):]
	if !bytes.Equal(sum[:], slot[4:4+sha256.Size]) || len(bytes.Trim(padding, "\x00")) != 0 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(used), used[8:], true
}
