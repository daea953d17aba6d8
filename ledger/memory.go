package ledger

import "github.com/cockroachdb/pebble/v2"

// Memory is what the storage engine keeps of a store in memory, in bytes. Both grow
// from nothing to their bound and stay there, whatever is recorded: who looks for
// memory that is lost subtracts them.
type Memory struct {
	// Cache are blocks that were read: at most Options.CacheBytes, or
	// IndexOptions.CacheBytes, and as much as the memtables leave of their share of the
	// cache (NewCache).
	Cache int64
	// Memtables are rows that no table on the disk has yet: of the book and the views at
	// most five times 64 MiB, of the index 32 MiB; mostly one or two of these.
	Memtables int64
}

// NewCache makes the cache of a store that is to keep so many bytes of blocks while it
// is written to. Pebble takes the memtables out of the cache: that of a store with
// memtables of 64 MiB would, with one being written and one flushed, have nothing left of
// 128 MiB, and each look into a table would read its filter from the file anew. So the
// cache has room for two memtables besides.
func NewCache(blocks, memtable int64) *pebble.Cache { return pebble.NewCache(blocks + 2*memtable) }

// MemoryOf is the memory of an open store.
func MemoryOf(db *pebble.DB) Memory {
	m := db.Metrics()
	return Memory{Cache: m.BlockCache.Size, Memtables: int64(m.MemTable.Size + m.MemTable.ZombieSize)}
}

// Memory is that of the book, and that of the completeness index as of its last
// commitment.
func (l *Ledger) Memory() (book, index Memory, err error) {
	if err := l.uses.begin(); err != nil {
		return book, index, err
	}
	defer l.uses.end()
	if m := l.index.memory.Load(); m != nil {
		index = *m
	}
	return MemoryOf(l.db), index, nil
}
