package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// IndexWrong: a commitment to the completeness index does not follow from the
// records before it, so proofs that rest on it prove nothing.
const IndexWrong = "index-wrong"

// checkIndex makes the completeness index again from all records and compares
// every commitment to it. It follows the whole history, so after a kept checkpoint
// it is left out. It takes memory for each key: see proof.Index.
func (v *verification) checkIndex(ctx context.Context) error {
	commits, err := v.l.indexCommits()
	if err != nil {
		return v.unreadable(0, v.tail.row.Size-1, err)
	}
	if len(commits) == 0 {
		return nil
	}
	c := indexCheck{v: v, commits: commits}
	last := commits[len(commits)-1]
	err = v.l.gather(ctx, v.tiles, min(last.Size, v.tail.row.Size), c.add)
	for _, late := range c.commits { // over records that there are not
		v.find(IndexWrong, late.position, late.position, "it commits to an index over %d records, and only those before it can be in it", late.Size)
	}
	return v.unreadable(0, v.tail.row.Size-1, err)
}

// indexCheck compares commitments with the index as it grows.
type indexCheck struct {
	v       *verification
	index   proof.Index
	commits []indexCommit // not compared yet, in the order of position
	last    int64         // how many records the one before is over
}

func (c *indexCheck) add(f *indexFact) error {
	if err := c.index.Add(&f.leaf, f.hash); err != nil {
		return err
	}
	for len(c.commits) > 0 && c.commits[0].Size <= c.index.Size() {
		c.compare(c.commits[0])
		c.commits = c.commits[1:]
	}
	return nil
}

func (c *indexCheck) compare(commit indexCommit) {
	at := commit.position
	defer func() { c.last = max(c.last, commit.Size) }()
	switch {
	case commit.Algorithm != proof.IndexAlgorithm:
		c.v.find(Unreadable, at, at, "it commits to an index by %q, which this program cannot check: use a newer one", commit.Algorithm)
	case commit.Size <= c.last:
		c.v.find(IndexWrong, at, at, "it commits to an index over %d records, and an earlier one was over as many or more", commit.Size)
	case commit.Size > at:
		c.v.find(IndexWrong, at, at, "it commits to an index over %d records, and only those before it can be in it", commit.Size)
	case commit.Root != c.index.Root():
		c.v.find(IndexWrong, at, at, "it commits to the index root %s; the first %d records give %s", commit.Root, commit.Size, c.index.Root())
	}
}

// indexCommits lists the commitments of the book, in the order of position.
func (l *Ledger) indexCommits() (commits []indexCommit, err error) {
	subject := subjectHash((&events.IndexCommitted{}).Subject())
	for version := uint64(1); ; version++ {
		row, err := l.getRow(versionKey(subject, version))
		if row == nil || err != nil {
			return commits, err
		}
		position, err := positionOf(row)
		if err != nil {
			return nil, err
		}
		_, body, err := l.readBody(position)
		if err != nil {
			return nil, err
		}
		if body.Type != proof.IndexCommittedType {
			continue
		}
		c, err := body.IndexCommit()
		if err != nil {
			return nil, fmt.Errorf("position %d: %w", position, err)
		}
		commits = append(commits, indexCommit{position, c})
	}
}

// indexFact is what one record adds to the index: of its leaf, position, time and
// keys.
type indexFact struct {
	leaf proof.Leaf
	hash proof.Hash
}

// gather hands over the leaves of the first end records, in order. The records are
// known to be those of the tiles; keys are derived on all processors, a stretch at
// a time.
func (l *Ledger) gather(ctx context.Context, tiles tileReader, end int64, add func(*indexFact) error) error {
	const stretch = 32 // tiles
	facts := make([]indexFact, stretch*tileWidth)
	for from := int64(0); from < end; from += int64(len(facts)) {
		to := min(from+int64(len(facts)), end)
		workers := runtime.GOMAXPROCS(0)
		errs := make([]error, workers)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for n := from + int64(w)*tileWidth; n < to && errs[w] == nil; n += int64(workers) * tileWidth {
					errs[w] = l.gatherTile(ctx, tiles, n, min(n+tileWidth, to), facts[n-from:])
				}
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		for i := range facts[:to-from] {
			if err := add(&facts[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Ledger) gatherTile(ctx context.Context, tiles tileReader, from, to int64, facts []indexFact) error {
	hashes, err := tiles.tile(0, from/tileWidth)
	if err != nil {
		return err
	}
	return l.scanRows(ctx, from, to, func(position int64, row []byte) (bool, error) {
		time, b, err := splitRecordRow(row)
		if err != nil {
			return false, err
		}
		body, err := proof.ParseBody(b)
		if err != nil {
			return false, err
		}
		keys := body.Keys()
		facts[position-from] = indexFact{
			leaf: proof.Leaf{Position: uint64(position), Time: time, Keys: keys[:min(len(keys), proof.MaxKeys)]},
			hash: hashes[position%tileWidth],
		}
		return true, nil
	})
}
