package ledger

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// seen knows of nearly every new event that it is new, without asking the store.
// That question is asked for each event, its answer is nearly always the same, and
// the store pays for it with a random read: of the memtable, and of a block of
// every level whose filter does not rule it out.
//
// It is a Bloom filter over the identities in the book, so it errs to one side
// only: what it never saw is not there, what it may have seen has to be looked up.
// Identities are SHA-256 hashes, whose bits serve as the filter's hash functions.
type seen struct {
	// whole: the filter has all identities that the book had when it was opened.
	// Until it does, it rules nothing out.
	whole  atomic.Bool
	loaded chan struct{} // closed when loading ended, however
	// parts are added to in turn, the last one being filled. Only the sequencer
	// changes the list.
	parts atomic.Pointer[[]*seenPart]
	limit int64 // bytes of all parts
}

const (
	seenBits   = 16       // of memory for each identity: one in a thousand errs
	seenProbes = 7        // bits set for each identity, in one block
	seenFirst  = 16 << 10 // identities that the first part of an empty book has room for
	seenGrowth = 4        // a part has room for so many times more than the one before
)

// A seenPart is a blocked Bloom filter: all bits of an identity lie in one block,
// which is a line of the processor's cache.
type seenPart struct {
	blocks [][8]atomic.Uint64
	room   int // identities until another part is begun
}

func newSeenPart(identities, limit int64) *seenPart {
	bytes := min(identities*seenBits/8, limit)
	n := max(1, bytes/64)
	return &seenPart{blocks: make([][8]atomic.Uint64, n), room: int(n * 512 / seenBits)}
}

// newSeen makes the filter for a book of a number of identities. They have to be
// loaded before it rules anything out.
func newSeen(identities, limit int64) *seen {
	s := &seen{limit: limit, loaded: make(chan struct{})}
	parts := []*seenPart{newSeenPart(seenFirst, limit)}
	if identities > 0 {
		parts = []*seenPart{newSeenPart(identities, limit), parts[0]}
	} else {
		s.whole.Store(true)
		close(s.loaded)
	}
	s.parts.Store(&parts)
	return s
}

// never reports that an identity is certainly not in the book, nor among those
// the sequencer gave a place to.
func (s *seen) never(id [32]byte) bool {
	if !s.whole.Load() {
		return false
	}
	for _, p := range *s.parts.Load() {
		if p.has(id) {
			return false
		}
	}
	return true
}

// add is called by the sequencer, before the identity's place can be known to
// anyone.
func (s *seen) add(id [32]byte) {
	parts := *s.parts.Load()
	last := parts[len(parts)-1]
	last.add(id)
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

// load adds the identities that the book had when it was opened, to the first
// part, which nothing else adds to.
func (s *seen) load(it *pebble.Iterator, stop <-chan struct{}) error {
	first := (*s.parts.Load())[0]
	for n, ok := 0, it.First(); ok; n, ok = n+1, it.Next() {
		if key := it.Key(); len(key) == 33 {
			first.add([32]byte(key[1:]))
		}
		if n%4096 == 0 {
			select {
			case <-stop:
				return ErrClosed
			default:
			}
		}
	}
	if err := it.Error(); err != nil {
		return err
	}
	s.whole.Store(true)
	return nil
}

func (p *seenPart) has(id [32]byte) bool {
	block, probes := p.place(id)
	for range seenProbes {
		if block[probes>>6&7].Load()&(1<<(probes&63)) == 0 {
			return false
		}
		probes >>= 9
	}
	return true
}

func (p *seenPart) add(id [32]byte) {
	block, probes := p.place(id)
	for range seenProbes {
		block[probes>>6&7].Or(1 << (probes & 63))
		probes >>= 9
	}
}

// place returns an identity's block, and nine bits for each of its bits there.
func (p *seenPart) place(id [32]byte) (*[8]atomic.Uint64, uint64) {
	n, _ := bits.Mul64(binary.LittleEndian.Uint64(id[:8]), uint64(len(p.blocks)))
	return &p.blocks[n], binary.LittleEndian.Uint64(id[8:])
}

// loadSeen fills the filter while the ledger is at work already. If the store
// cannot be read to the end, the filter never rules anything out, and the look-ups
// come upon what is wrong.
func (l *Ledger) loadSeen() error {
	if l.seen.whole.Load() {
		return nil
	}
	if err := l.uses.begin(); err != nil {
		return err
	}
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{rowID}, UpperBound: []byte{rowID + 1}})
	if err != nil {
		l.uses.end()
		return err
	}
	go func() {
		defer l.uses.end()
		defer close(l.seen.loaded)
		err := l.seen.load(it, l.stop)
		if err := errors.Join(err, it.Close()); err != nil && !errors.Is(err, ErrClosed) {
			l.opts.Logger.Warn("the identities in the book cannot be read; each event is looked up instead", "err", err)
		}
	}()
	return nil
}
