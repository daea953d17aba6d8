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

// SealedType is the type of the records that seal batches.
const SealedType = "access.batch.sealed"

// A SealedBatch is what a record of type [SealedType] commits to: the calls of the
// producer's numbers First to Last.
type SealedBatch struct {
	First uint64 `cbor:"first"`
	Last  uint64 `cbor:"last"`
	Root  Hash   `cbor:"root"`
}

// Seals returns the batch that the body seals; false if it is not the body of a sealed
// batch, or not of a shape that is known.
func (b *Body) Seals() (s SealedBatch, ok bool) {
	if b.Type != SealedType || b.Schema != 1 {
		return s, false
	}
	err := exactly.Unmarshal(b.Data, &s)
	return s, err == nil && s.First >= 1 && s.Last >= s.First && s.Last-s.First < maxCalls
}

// maxCalls keeps the number of calls of a batch within an int64.
const maxCalls = 1 << 62

// SealedCall is one call with the proof that it is in a batch: what a producer hands
// out. Position is that of the record that seals the batch, which has to be proven
// beside it.
type SealedCall struct {
	Position int64 `json:"position"`
	// Number is the producer's number of the call.
	Number uint64 `json:"number"`
	// Record are the bytes of the call's record, as the producer stores them.
	Record []byte `json:"record"`
	// Path are the hashes from the record's leaf up to the root.
	Path []Hash `json:"path"`
}

// ProveSealed proves the call of a number by all records of its batch, in the order of
// their numbers. It refuses records that are not those that were sealed.
func ProveSealed(batch SealedBatch, position int64, records [][]byte, number uint64) (SealedCall, error) {
	if n := batch.Last - batch.First + 1; uint64(len(records)) != n {
		return SealedCall{}, fmt.Errorf("the batch seals %d calls, and there are %d records", n, len(records))
	}
	if number < batch.First || number > batch.Last {
		return SealedCall{}, fmt.Errorf("the batch seals the calls %d to %d, not %d", batch.First, batch.Last, number)
	}
	root, err := BatchRoot(records)
	if err != nil {
		return SealedCall{}, err
	}
	if root != batch.Root {
		return SealedCall{}, errors.New("these are not the records that were sealed: their root is another")
	}
	i := number - batch.First
	p, err := ProveCall(records, int64(i))
	return SealedCall{position, number, records[i], p.Path}, err
}

// Check checks that the call is in a batch under its number.
func (c *SealedCall) Check(batch SealedBatch) error {
	if c.Number < batch.First || c.Number > batch.Last {
		return fmt.Errorf("call %d is not among those that were sealed, %d to %d", c.Number, batch.First, batch.Last)
	}
	count := int64(batch.Last - batch.First + 1)
	return CheckCall(BatchProof{int64(c.Number - batch.First), count, c.Path}, batch.Root, count, c.Record)
}

// UnmarshalJSON reads a call, which has all members and no others.
func (c *SealedCall) UnmarshalJSON(b []byte) error {
	return readObject(b, map[string]any{"position": &c.Position, "number": &c.Number, "record": &c.Record, "path": &c.Path})
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
