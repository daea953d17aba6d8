package proof

import (
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// ProveRange proves that entries [from, to), one at least, stand one after
// another in an RFC 6962 tree of n entries: it returns the hashes of the largest
// subtrees beside them, from left to right. subtree returns the hash over the
// 2^level entries from index·2^level on, all of them below n.
func ProveRange(from, to, n uint64, subtree func(level int, index uint64) (Hash, error)) ([]Hash, error) {
	if from >= to || to > n {
		return nil, fmt.Errorf("entries %d to %d are no range of %d", from, to, n)
	}
	var out []Hash
	err := walkRange(0, n, from, to, func(lo, hi uint64) error {
		h, err := rangeRoot(lo, hi, subtree)
		out = append(out, h)
		return err
	})
	return out, err
}

// walkRange visits, from left to right, the largest subtrees of [lo, hi) that
// hold nothing of [from, to).
func walkRange(lo, hi, from, to uint64, visit func(lo, hi uint64) error) error {
	switch {
	case hi <= from || lo >= to:
		return visit(lo, hi)
	case lo >= from && hi <= to:
		return nil
	}
	mid := lo + largestPower(hi-lo)
	if err := walkRange(lo, mid, from, to, visit); err != nil {
		return err
	}
	return walkRange(mid, hi, from, to, visit)
}

// rangeRoot is the root over [lo, hi), a subtree of an RFC 6962 tree. If it is
// not perfect, it ends at the tree's end.
func rangeRoot(lo, hi uint64, subtree func(level int, index uint64) (Hash, error)) (Hash, error) {
	size := hi - lo
	if size&(size-1) == 0 {
		level := bits.TrailingZeros64(size)
		return subtree(level, lo>>level)
	}
	mid := lo + largestPower(size)
	left, err := rangeRoot(lo, mid, subtree)
	if err != nil {
		return Hash{}, err
	}
	right, err := rangeRoot(mid, hi, subtree)
	return tlog.NodeHash(left, right), err
}

// largestPower is the largest power of two below n > 1.
func largestPower(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// CheckRange reports whether the hashes of entries stand from index from on in
// the RFC 6962 tree of n entries with the given root, as proof shows.
func CheckRange(entries []Hash, from, n uint64, proof []Hash, root Hash) error {
	to := from + uint64(len(entries))
	if len(entries) == 0 || to < from || to > n || n > maxInt {
		return fmt.Errorf("%d entries from %d on are no range of %d", len(entries), from, n)
	}
	c := rangeCheck{entries: entries, from: from, to: to, proof: proof}
	got := c.root(0, n)
	switch {
	case c.short:
		return errors.New("the proof of a range has too few hashes")
	case len(c.proof) > 0:
		return errors.New("the proof of a range has too many hashes")
	case got != root:
		return errors.New("the entries shown are not those of the key's log")
	}
	return nil
}

type rangeCheck struct {
	entries  []Hash
	from, to uint64
	proof    []Hash // not used yet
	short    bool
}

// root computes the root over [lo, hi). It goes deeper only where an entry is
// shown, so hostile sizes cost no more than 64 steps an entry.
func (c *rangeCheck) root(lo, hi uint64) Hash {
	if hi <= c.from || lo >= c.to {
		if len(c.proof) == 0 {
			c.short = true
			return Hash{}
		}
		h := c.proof[0]
		c.proof = c.proof[1:]
		return h
	}
	if hi-lo == 1 {
		return c.entries[lo-c.from]
	}
	mid := lo + largestPower(hi-lo)
	left := c.root(lo, mid)
	return tlog.NodeHash(left, c.root(mid, hi))
}
