package ledger

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger/proof"
)

// Record is the evidence of one position: the exact bytes that were hashed.
type Record struct {
	Leaf, Body []byte
	Salt       [32]byte
	Hash       proof.Hash // of Leaf
}

// Record returns the bytes behind a position. The leaf is put together from what
// is stored and must have the hash that stands in the tree, or the record was
// changed: then the error is a *DamageError.
func (l *Ledger) Record(position int64) (Record, error) {
	if err := l.durable(position); err != nil {
		return Record{}, err
	}
	row, err := l.getRow(recordKey(position))
	if err != nil {
		return Record{}, err
	}
	if row == nil {
		return Record{}, missing(position)
	}
	leaves := l.durableTiles()
	want, err := leaves.node(0, position)
	if err != nil {
		return Record{}, err
	}
	prev, err := l.prev(leaves, position)
	if err != nil {
		return Record{}, err
	}
	r, _, err := l.rebuild(position, prev, row)
	if err == nil && r.Hash != want {
		err = &DamageError{What: fmt.Sprintf("the record at position %d is not the one that was acknowledged", position), LastProvable: position - 1, Fix: verifyFix}
	}
	return r, err
}

// prev is the leaf hash of the record before a position; for genesis, the hash of
// its parameters.
func (l *Ledger) prev(tiles tileReader, position int64) (proof.Hash, error) {
	if position > 0 {
		return tiles.node(0, position-1)
	}
	return l.first, nil
}

// rebuild puts a leaf together from a stored row.
func (l *Ledger) rebuild(position int64, prev proof.Hash, row []byte) (Record, *proof.Body, error) {
	time, b, err := splitRecordRow(row)
	if err == nil && time < 0 {
		err = errRecordTime
	}
	if err != nil {
		return Record{}, nil, err
	}
	body, err := proof.ParseBody(b)
	if err != nil {
		return Record{}, nil, err
	}
	r := Record{Body: b, Salt: l.bodySalt(body)}
	keys := body.KeysFrom(l.keys)
	leaf := proof.Leaf{
		Version: proof.LeafVersion, Position: uint64(position), Prev: prev, Time: time,
		Keys: keys[:min(len(keys), proof.MaxKeys)], Body: proof.CommitBody(&r.Salt, b),
	}
	r.Leaf = leaf.Append(make([]byte, 0, 128+(proof.HashSize+2)*len(leaf.Keys)))
	r.Hash = proof.LeafHash(r.Leaf)
	return r, body, nil
}

// errRecordTime: no leaf can be made of such a row.
var errRecordTime = errors.New("the time of the record is before 1970")

func (l *Ledger) durableTiles() tileReader { return l.tilesOf(l.head.Load()) }

// tilesOf reads the tree that a head ends.
func (l *Ledger) tilesOf(h *Head) tileReader { return tileReader{h.edge, l.loadTile, &l.tiles} }

// loadTile reads a full tile, which never changes.
func (l *Ledger) loadTile(level int, n int64) ([]proof.Hash, error) {
	if err := l.uses.begin(); err != nil {
		return nil, err
	}
	defer l.uses.end()
	at := tileAt{level, n}
	if known := l.tiles.get(at); known != nil && len(known.nodes[0]) == tileWidth {
		return known.nodes[0], nil
	}
	hashes, err := readTileRow(l.db, level, n)
	if err == nil {
		l.tiles.put(at, &knownTile{nodes: [tileHeight][]proof.Hash{hashes}})
	}
	return hashes, err
}

// LeafHash returns the hash of the record at a position.
func (l *Ledger) LeafHash(position int64) (proof.Hash, error) {
	if err := l.durable(position); err != nil {
		return proof.Hash{}, err
	}
	return l.durableTiles().node(0, position)
}

// appliedLeaf is LeafHash for records not durable yet; for the sequencer only.
func (l *Ledger) appliedLeaf(position int64) (proof.Hash, error) {
	return tileReader{edge: l.tail.edge, load: l.loadTile}.node(0, position)
}

// CheckpointAt signs the head the log had when it held size records, or returns it
// with the cosignatures that are kept of it.
func (l *Ledger) CheckpointAt(size int64) ([]byte, error) { return l.checkpointAt(l.head.Load(), size) }

func (l *Ledger) checkpointAt(head *Head, size int64) ([]byte, error) {
	if size < 1 || size > head.Size {
		return nil, &PositionError{Position: size - 1, Head: head.Size - 1}
	}
	if kept, err := l.CosignedAt(size); kept != nil || err != nil {
		return kept, err
	}
	if size == head.Size {
		return head.Checkpoint, nil
	}
	root, err := tlog.TreeHash(size, l.tilesOf(head))
	if err != nil {
		return nil, err
	}
	return l.signing.Load().sign(proof.Checkpoint{Origin: l.origin, Size: size, Root: root})
}

// rootAt is the root that the log had when it held size records.
func (l *Ledger) rootAt(size int64) (proof.Hash, error) {
	if size < 1 || size > l.head.Load().Size {
		return proof.Hash{}, &PositionError{Position: size - 1, Head: l.head.Load().Size - 1}
	}
	return tlog.TreeHash(size, l.durableTiles())
}

// ProveInclusion proves that the record at position is in the tree of the first
// size records; size 0 means the durable head.
func (l *Ledger) ProveInclusion(position, size int64) (proof.Inclusion, error) {
	head := l.head.Load()
	if size == 0 {
		size = head.Size
	}
	if position < 0 || position >= size {
		return proof.Inclusion{}, &PositionError{Position: position, Head: size - 1}
	}
	checkpoint, err := l.checkpointAt(head, size)
	if err != nil {
		return proof.Inclusion{}, err
	}
	hashes, err := tlog.ProveRecord(size, position, l.tilesOf(head))
	if err != nil {
		return proof.Inclusion{}, fmt.Errorf("proving position %d: %w", position, err)
	}
	return proof.Inclusion{Position: position, Hashes: hashes, Checkpoint: checkpoint}, nil
}

// ProveConsistency proves that the log of from records is the beginning of the
// log of to records; to 0 means the durable head.
func (l *Ledger) ProveConsistency(from, to int64) (proof.Consistency, error) {
	head := l.head.Load()
	if to == 0 {
		to = head.Size
	}
	if from > to {
		return proof.Consistency{}, &PositionError{Position: from - 1, Head: to - 1}
	}
	older, err := l.checkpointAt(head, from)
	if err != nil {
		return proof.Consistency{}, err
	}
	newer, err := l.checkpointAt(head, to)
	if err != nil {
		return proof.Consistency{}, err
	}
	hashes, err := tlog.ProveTree(to, from, l.tilesOf(head))
	if err != nil {
		return proof.Consistency{}, fmt.Errorf("proving that %d records grew to %d: %w", from, to, err)
	}
	return proof.Consistency{From: string(older), To: string(newer), Hashes: hashes}, nil
}

// Tile returns a tile of the tree as C2SP tlog-tiles serves it: width hashes of
// 32 bytes, 256 for a full tile. ErrNoTile if the published tree does not hold it.
func (l *Ledger) Tile(level int, n int64, width int) ([]byte, error) {
	hashes, err := l.tilesOf(l.publishedHead()).tile(level, n)
	if err != nil {
		return nil, err
	}
	if width < 1 || width > len(hashes) {
		return nil, ErrNoTile
	}
	return packHashes(hashes[:width]), nil
}

// EntryTile returns the leaves of a level-0 tile as a C2SP entry bundle.
func (l *Ledger) EntryTile(n int64, width int) ([]byte, error) {
	head := l.publishedHead()
	first := n * tileWidth
	if n < 0 || n > head.Size/tileWidth || width < 1 || width > tileWidth || first+int64(width) > head.Size {
		return nil, ErrNoTile
	}
	tiles := l.tilesOf(head)
	prev, err := l.prev(tiles, first)
	if err != nil {
		return nil, err
	}
	var bundle []byte
	err = l.scanRows(context.Background(), first, first+int64(width), func(position int64, row []byte) (bool, error) {
		r, _, err := l.rebuild(position, prev, row)
		if err != nil {
			return false, err
		}
		prev = r.Hash
		bundle = proof.AppendEntry(bundle, r.Leaf)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	last, err := tiles.node(0, first+int64(width)-1)
	if err == nil && last != prev {
		err = &DamageError{What: fmt.Sprintf("the records at positions %d to %d are not those that were acknowledged", first, first+int64(width)-1), LastProvable: first - 1, Fix: verifyFix}
	}
	return bundle, err
}
