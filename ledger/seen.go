package ledger

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// seen knows of nearly every new event that it is new, and of nearly every new
// subject that nothing has happened to it, without asking the store. Those questions
// are asked for each event, their answers are nearly always the same, and the store
// pays for each with a random read: of the memtable, and of a block of every level
// whose filter does not rule it out.
//
// It is a Bloom filter over the identities and the subjects in the book, so it errs to
// one side only: what it never saw is not there, what it may have seen has to be looked
// up. Both are SHA-256 hashes, whose bits serve as the filter's hash functions.
type seen struct {
	// whole: the filter has all that the book had when it was opened. Until it does, it
	// rules nothing out.
	whole  atomic.Bool
	loaded chan struct{} // closed when loading ended, however
	// parts are added to in turn, the last one being filled. Only the sequencer
	// changes the list.
	parts atomic.Pointer[[]*seenPart]
	limit int64 // bytes of all parts
}

const (
	seenBits   = 16       // of memory for each hash: one in a thousand errs
	seenProbes = 7        // bits set for each hash, in one block
	seenFirst  = 32 << 10 // hashes that the first part of an empty book has room for
	seenGrowth = 4        // a part has room for so many times more than the one before
)

// A seenPart is a blocked Bloom filter: all bits of a hash lie in one block,
// which is a line of the processor's cache.
type seenPart struct {
	blocks [][8]uint64
	room   int // hashes until another part is begun
}

func newSeenPart(hashes, limit int64) *seenPart {
	bytes := min(hashes*seenBits/8, limit)
	n := max(1, bytes/64)
	return &seenPart{blocks: make([][8]uint64, n), room: int(n * 512 / seenBits)}
}

// newSeen makes the filter for a book of a number of events, each with an identity and
// at most one subject of its own. They have to be loaded before it rules anything out.
func newSeen(events, limit int64) *seen {
	s := &seen{limit: limit, loaded: make(chan struct{})}
	parts := []*seenPart{newSeenPart(seenFirst, limit)}
	if events > 0 {
		parts = []*seenPart{newSeenPart(2*events, limit), parts[0]}
	} else {
		s.whole.Store(true)
		close(s.loaded)
	}
	s.parts.Store(&parts)
	return s
}

// never reports that a hash is certainly that of no identity and no subject in the
// book, nor of those the sequencer gave a place to.
func (s *seen) never(hash [32]byte) bool {
	if !s.whole.Load() {
		return false
	}
	for _, p := range *s.parts.Load() {
		if p.has(hash) {
			return false
		}
	}
	return true
}

// add is called by the sequencer, before the place of the event can be known to anyone.
func (s *seen) add(hash [32]byte) {
	parts := *s.parts.Load()
	last := parts[len(parts)-1]
	last.add(hash)
	if last.room--; last.room == 0 {
		s.grow(parts)
	}
}

// grow begins another part, if the limit leaves memory for one. If not, the last
// one goes on filling up, and errs more often.
func (s *seen) grow(parts []*seenPart) {
	left := s.limit
	for _, p := range parts {
		left -= int64(len(p.blocks)) * 64
	}
	room := int64(len(parts[len(parts)-1].blocks)) * 512 / seenBits * seenGrowth
	if left < seenFirst*seenBits/8 {
		return
	}
	grown := append(parts[:len(parts):len(parts)], newSeenPart(room, left))
	s.parts.Store(&grown)
}

// load adds the hashes that one kind of row had as keys when the book was opened, to
// the first part. Nothing else adds to that, and nobody reads it before it is whole.
func (s *seen) load(it *pebble.Iterator, stop <-chan struct{}) error {
	first := (*s.parts.Load())[0]
	for n, ok := 0, it.First(); ok; n, ok = n+1, it.Next() {
		if key := it.Key(); len(key) == 33 {
			first.addAlone([32]byte(key[1:]))
		}
		if n%4096 == 0 {
			select {
			case <-stop:
				return ErrClosed
			default:
			}
		}
	}
	return it.Error()
}

func (p *seenPart) has(hash [32]byte) bool {
	block, probes := p.place(hash)
	for range seenProbes {
		if atomic.LoadUint64(&block[probes>>6&7])&(1<<(probes&63)) == 0 {
			return false
		}
		probes >>= 9
	}
	return true
}

func (p *seenPart) add(hash [32]byte) {
	block, probes := p.place(hash)
	for range seenProbes {
		atomic.OrUint64(&block[probes>>6&7], 1<<(probes&63))
		probes >>= 9
	}
}

// addAlone is add while nobody else adds or reads.
func (p *seenPart) addAlone(hash [32]byte) {
	block, probes := p.place(hash)
	for range seenProbes {
		block[probes>>6&7] |= 1 << (probes & 63)
		probes >>= 9
	}
}

// place returns a hash's block, and nine bits for each of its bits there. Blocks are in
// the order of the hashes: loading, which reads these in their order, goes through memory
// from one end to the other.
func (p *seenPart) place(hash [32]byte) (*[8]uint64, uint64) {
	n, _ := bits.Mul64(binary.BigEndian.Uint64(hash[:8]), uint64(len(p.blocks)))
	return &p.blocks[n], binary.LittleEndian.Uint64(hash[8:])
}

// loadSeen fills the filter while the ledger is at work already. If the store
// cannot be read to the end, the filter never rules anything out, and the look-ups
// come upon what is wrong. It must be called while the states are whole: what has a
// state and is not in the filter would be taken for new.
func (l *Ledger) loadSeen() (err error) {
	if l.seen.whole.Load() {
		return nil
	}
	if err := l.uses.begin(); err != nil {
		return err
	}
	var its []*pebble.Iterator // opened now: what comes later is added by the sequencer
	for _, kind := range []byte{rowID, rowState} {
		it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
		if err != nil {
			for _, it := range its {
				err = errors.Join(err, it.Close())
			}
			l.uses.end()
			return err
		}
		its = append(its, it)
	}
	go func() {
		defer l.uses.end()
		defer close(l.seen.loaded)
		var err error
		for _, it := range its {
			if err == nil {
				err = l.seen.load(it, l.stop)
			}
			err = errors.Join(err, it.Close())
		}
		if err == nil {
			l.seen.whole.Store(true)
		} else if !errors.Is(err, ErrClosed) {
			l.opts.Logger.Warn("the identities and subjects in the book cannot be read; each is looked up instead", "error", err)
		}
	}()
	return nil
}
