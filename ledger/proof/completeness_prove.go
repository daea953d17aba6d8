package proof

import "sort"

// A KeyReader reads the log of one key, for proving.
type KeyReader struct {
	// Entry returns an entry by its index.
	Entry func(i uint64) (IndexEntry, error)
	// Subtree returns the hash over the 2^level entries from index·2^level on.
	Subtree func(level int, index uint64) (Hash, error)
}

// LeafBefore returns the leaf of a key as it was when the log held the records
// below a position, the first of its count entries among them.
func (r KeyReader) LeafBefore(key Hash, count uint64, position int64) (IndexLeaf, error) {
	var err error
	n := sort.Search(int(count), func(i int) bool {
		if err != nil {
			return true
		}
		var e IndexEntry
		e, err = r.Entry(uint64(i))
		return e.Position >= position
	})
	if err != nil {
		return IndexLeaf{}, err
	}
	root, err := rangeRoot(0, uint64(n), r.Subtree)
	return IndexLeaf{Key: key, Count: uint64(n), Root: root}, err
}

// ProvePart shows what the index holds for the key of a lookup within the window
// [from, to) of recorded time, and returns the index of the first entry within
// the window and that of the first after it. The records of these entries are
// the [ShownRecord]s that the part needs beside it.
func ProvePart(lookup IndexLookup, key Hash, from, to int64, log KeyReader) (part CompletePart, first, end uint64, err error) {
	part.Lookup = lookup
	if lookup.Leaf == nil || lookup.Leaf.Key != key {
		return part, 0, 0, nil
	}
	count := lookup.Leaf.Count
	notBefore := func(t int64) uint64 {
		return uint64(sort.Search(int(count), func(i int) bool {
			if err != nil {
				return true
			}
			var e IndexEntry
			e, err = log.Entry(uint64(i))
			return e.Time >= t
		}))
	}
	first = notBefore(from)
	if end = count; to != EndOfTime {
		end = notBefore(to)
	}
	r := &CompleteRange{First: first}
	neighbour := func(i uint64) *IndexEntry {
		e, eerr := log.Entry(i)
		if err == nil {
			err = eerr
		}
		return &e
	}
	lo, hi := first, end
	if first > 0 {
		lo, r.Before = first-1, neighbour(first-1)
	}
	if end < count {
		hi, r.After = end+1, neighbour(end)
	}
	if err != nil {
		return part, 0, 0, err
	}
	part.Range = r
	r.Hashes, err = ProveRange(lo, hi, count, log.Subtree)
	return part, first, end, err
}
