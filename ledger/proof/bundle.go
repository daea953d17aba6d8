package proof

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// BundleWidth is the number of entries in a full entry bundle and of hashes in
// a full tile (c2sp.org/tlog-tiles).
const BundleWidth = 256

// AppendEntry appends a leaf to an entry bundle: its length as two bytes in
// big-endian order, then the leaf (c2sp.org/tlog-tiles). It panics if the leaf
// is longer than 65,535 bytes, which no leaf of at most MaxKeys keys is.
func AppendEntry(dst, leaf []byte) []byte {
	if len(leaf) > math.MaxUint16 {
		panic("proof: leaf too long for an entry bundle")
	}
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(leaf))), leaf...)
}

// SplitBundle returns the leaves in an entry bundle, pointing into it.
func SplitBundle(bundle []byte) ([][]byte, error) {
	var leaves [][]byte
	for b := bundle; len(b) > 0; {
		if len(leaves) == BundleWidth {
			return nil, fmt.Errorf("reading entry bundle: more than %d entries", BundleWidth)
		}
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, errors.New("reading entry bundle: the last entry is cut short")
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		leaves = append(leaves, b[2:n:n])
		b = b[n:]
	}
	return leaves, nil
}
