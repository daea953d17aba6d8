package ledger

import (
	"fmt"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// IndexWrong: a commitment to the completeness index does not follow from the
// records before it, so proofs that rest on it prove nothing.
const IndexWrong = "index-wrong"

// indexCheck makes the completeness index again while the records are hashed, and
// compares every commitment to it. It takes memory for each key: see proof.Index.
type indexCheck struct {
	inOrder[indexFact]
	end     int64 // as many records are in the index of the newest commitment
	index   proof.Index
	commits []indexCommit // not compared yet, in the order of position
	last    int64         // how many records the one before is over
	right   int64         // commitments that follow from the records
	err     error         // why the commitments are not known
	found   []Finding     // told only if the records are as acknowledged
}

// indexFact is what one record adds to the index: of its leaf, position, time and
// keys.
type indexFact struct {
	leaf proof.Leaf
	hash proof.Hash
}

func newIndexCheck(v *verification) *indexCheck {
	c := new(indexCheck)
	c.apply = c.add
	if c.commits, c.err = v.l.indexCommits(); c.err == nil && len(c.commits) > 0 {
		c.end = min(c.commits[len(c.commits)-1].Size, v.tail.row.Size)
	}
	return c
}

// checkIndex tells what is wrong with the commitments to the index. It follows the
// whole history, so after a kept checkpoint it is left out.
func (v *verification) checkIndex() error {
	c := v.derived.index
	if c.err != nil {
		return v.unreadable(0, v.tail.row.Size-1, c.err)
	}
	for _, late := range c.commits { // over records that there are not
		c.find(IndexWrong, late.position, "it commits to an index over %d records, and only those before it can be in it", late.Size)
	}
	v.report.Findings = append(v.report.Findings, c.found...)
	v.report.IndexCommits = c.right
	return nil
}

func (c *indexCheck) find(kind string, at int64, format string, args ...any) {
	c.found = append(c.found, Finding{kind, at, at, fmt.Sprintf(format, args...)})
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
		c.find(Unreadable, at, "it commits to an index by %q, which this program cannot check: use a newer one", commit.Algorithm)
	case commit.Size <= c.last:
		c.find(IndexWrong, at, "it commits to an index over %d records, and an earlier one was over as many or more", commit.Size)
	case commit.Size > at:
		c.find(IndexWrong, at, "it commits to an index over %d records, and only those before it can be in it", commit.Size)
	case commit.Root != c.index.Root():
		c.find(IndexWrong, at, "it commits to the index root %s; the first %d records give %s", commit.Root, commit.Size, c.index.Root())
	default:
		c.right++
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
