package proof

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A sealed batch commits to call records that a producer keeps for itself: one
// Merkle tree (RFC 6962) over them, in the order of the producer's numbers. A leaf
// is the record's bytes as they are stored, whatever their form; they are hashed,
// never encoded anew. The root stands in the event access.batch.sealed, which is
// proven like any other, so that root and path together prove a single call. See
// docs/format.md, "Sealed batches".

// BatchProof proves that one record is in a sealed batch.
type BatchProof struct {
	// Index is the record's place in the batch, from 0; Count how many the batch has.
	Index int64 `json:"index"`
	Count int64 `json:"count"`
	// Path are the hashes from the record's leaf up to the root.
	Path []Hash `json:"path"`
}

// BatchRoot is the root of the tree over the records of a batch.
func BatchRoot(records [][]byte) (Hash, error) {
	tree, err := batchTree(records)
	if err != nil {
		return Hash{}, err
	}
	root, err := tlog.TreeHash(int64(len(records)), tree)
	return root, err
}

// ProveCall makes the proof of a record of a batch.
func ProveCall(records [][]byte, index int64) (BatchProof, error) {
	if index < 0 || index >= int64(len(records)) {
		return BatchProof{}, fmt.Errorf("the batch has the records 0 to %d, not %d", len(records)-1, index)
	}
	tree, err := batchTree(records)
	if err != nil {
		return BatchProof{}, err
	}
	path, err := tlog.ProveRecord(int64(len(records)), index, tree)
	if err != nil {
		return BatchProof{}, err
	}
	p := BatchProof{Index: index, Count: int64(len(records)), Path: []Hash{}}
	for _, h := range path {
		p.Path = append(p.Path, h)
	}
	return p, nil
}

// CheckCall checks that the record is in the batch with the root, at the place that
// the proof says. The batch must have as many records as the event says: its last
// number less its first, and one.
func CheckCall(p BatchProof, root Hash, count int64, record []byte) error {
	if p.Count != count {
		return fmt.Errorf("the proof is for a batch of %d records, and the event seals %d", p.Count, count)
	}
	if p.Index < 0 || p.Index >= p.Count {
		return fmt.Errorf("the proof is for record %d of %d", p.Index, p.Count)
	}
	var path tlog.RecordProof
	for _, h := range p.Path {
		path = append(path, h)
	}
	if err := tlog.CheckRecord(path, count, root, p.Index, tlog.RecordHash(record)); err != nil {
		return errors.New("the record is not in the batch: its path does not lead to the sealed root")
	}
	return nil
}

// batchTree holds all hashes of the tree over the records.
func batchTree(records [][]byte) (tlog.HashReaderFunc, error) {
	if len(records) == 0 {
		return nil, errors.New("a batch has at least one record")
	}
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, n := range indexes {
			if n >= int64(len(stored)) {
				return nil, fmt.Errorf("hash %d of the batch is not there", n)
			}
			out[i] = stored[n]
		}
		return out, nil
	})
	for i, r := range records {
		hashes, err := tlog.StoredHashes(int64(i), r, read)
		if err != nil {
			return nil, err
		}
		stored = append(stored, hashes...)
	}
	return read, nil
}
