package proof

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// EndOfTime as the end of a window means that it has none.
const EndOfTime = maxInt

// A Question is what a completeness proof answers: which records were recorded
// within a window that bear one of some names, and each of some further ones.
type Question struct {
	// Names are those that the proof covers, each by itself: the names of one
	// thing, of its renames and symlinks. A record that bears any of them belongs.
	Names []Name
	// Also are names that a match bears besides; none for all that belong. Every
	// leaf that belongs is shown, so that anyone sees which match.
	Also []Name
	// From and To bound the recorded time, [From, To), in µs since
	// 1970-01-01T00:00:00Z; To may be EndOfTime.
	From, To int64
}

// A Completeness proves that certain records, and no others among those that
// the index covers, answer a question. It holds all that is needed to check it
// but the log's key. What is derived from the data that a name stands for, under
// other names, is not covered.
type Completeness struct {
	Question
	Checkpoint []byte // signed note, which the paths below lead to
	// Commit is the record of the IndexCommit, with its audit path.
	Commit ProvenRecord
	// Parts show what the index holds for each of Names, in that order.
	Parts []CompletePart
	// Records are those that belong, in order of position.
	Records []ShownRecord
	// Next is the leaf of the first record that the index does not cover, with its
	// audit path. It is there only if its time shows that no record after it can
	// fall into the window, and neither the commit nor a part's After does.
	Next *ProvenLeaf
}

// A ProvenLeaf is a leaf and its audit path (RFC 6962 §2.1.1).
type ProvenLeaf struct {
	Path []Hash
	Leaf []byte
}

// A ProvenRecord is a record of the ledger itself, which is public.
type ProvenRecord struct {
	ProvenLeaf
	Body []byte
}

// A CompletePart shows what the index holds for one name.
type CompletePart struct {
	Lookup IndexLookup
	// Range shows the entries within the window; nil if no record bears the name.
	Range *CompleteRange
}

// A CompleteRange shows that the entries of the records that bear the name stand
// one after another in the key's log, between neighbours outside the window.
type CompleteRange struct {
	First         uint64      // how many entries stand before the window
	Before, After *IndexEntry // the neighbours; nil at the ends of the log
	Hashes        []Hash      // of [ProveRange], for the entries with their neighbours
}

// A ShownRecord is a leaf, and body and salt if they are shown.
type ShownRecord struct {
	Leaf []byte
	Body []byte    // nil: not shown
	Salt *[32]byte // nil: not shown
}

// Complete is what a completeness proof shows.
type Complete struct {
	Question
	Checkpoint Checkpoint
	// Commit is the position of the commitment, Size the number of records it is
	// over: the answer holds as of position Size-1.
	Commit, Size int64
	// Closed says that no record can fall into the window that the index does not
	// cover: the answer is for good.
	Closed  bool
	Records []CompleteRecord
	// Matches counts the records that bear all names, Withheld those of them whose
	// body is not shown.
	Matches, Withheld int
}

// A CompleteRecord is a record that belongs.
type CompleteRecord struct {
	Leaf    Leaf
	Hash    Hash
	Matches bool  // it bears Also as well
	Body    *Body // nil if it is not shown
}

// Check reports whether the proof answers exactly the question asked, from the
// log named origin, whose keys are in v. The records' own places in the log are
// vouched for by the commitment to the index, which everybody who holds the
// leaves can make again; an [Inclusion] shows one without that.
func (p *Completeness) Check(asked Question, origin string, v note.Verifiers) (*Complete, error) {
	if !p.Question.equal(asked) {
		return nil, errors.New("the proof answers another question: other names or another window than asked for")
	}
	if err := asked.Validate(); err != nil {
		return nil, err
	}
	if len(p.Parts) != len(p.Names) {
		return nil, fmt.Errorf("%d names have %d parts", len(p.Names), len(p.Parts))
	}
	cp, err := OpenCheckpoint(p.Checkpoint, origin, v)
	if err != nil {
		return nil, err
	}
	c := completeCheck{p: p, out: &Complete{Question: asked, Checkpoint: cp}}
	if err := c.commit(); err != nil {
		return nil, err
	}
	if err := c.records(); err != nil {
		return nil, err
	}
	for i := range p.Parts {
		if err := c.part(i); err != nil {
			return nil, fmt.Errorf("%q: %w", p.Names[i], err)
		}
	}
	if i := slices.Index(c.used, false); i >= 0 {
		return nil, fmt.Errorf("record %d bears none of the names", c.out.Records[i].Leaf.Position)
	}
	return c.out, c.next()
}

func (q *Question) equal(o Question) bool {
	same := func(a, b Name) bool { return slices.Equal(a, b) }
	return q.From == o.From && q.To == o.To && slices.EqualFunc(q.Names, o.Names, same) && slices.EqualFunc(q.Also, o.Also, same)
}

// Validate reports whether the question can be asked.
func (q *Question) Validate() error {
	if q.From < 0 || q.To < q.From {
		return errors.New("a window begins at a time from 1970 on and does not end before that")
	}
	if len(q.Names) == 0 {
		return errors.New("a question about completeness needs a name")
	}
	return checkNames(append(slices.Clip(q.Names), q.Also...))
}

type completeCheck struct {
	p     *Completeness
	out   *Complete
	root  Hash   // of the index
	used  []bool // records that a part has shown
	time  int64  // of the commit
	after bool   // an entry after the window is covered
}

// commit checks the commitment that all rests on.
func (c *completeCheck) commit() error {
	leaf, err := c.included(&c.p.Commit.ProvenLeaf)
	if err != nil {
		return fmt.Errorf("the commitment to the index: %w", err)
	}
	commit, err := CheckIndexCommit(c.p.Commit.Leaf, c.p.Commit.Body)
	if err != nil {
		return err
	}
	c.root, c.time = commit.Root, leaf.Time
	c.out.Commit, c.out.Size = int64(leaf.Position), commit.Size
	return nil
}

// included checks that a leaf stands in the log at the position it states.
func (c *completeCheck) included(l *ProvenLeaf) (Leaf, error) {
	leaf, err := ParseLeaf(l.Leaf)
	if err != nil {
		return leaf, err
	}
	cp := c.out.Checkpoint
	if err := tlog.CheckRecord(l.Path, cp.Size, cp.Root, int64(leaf.Position), LeafHash(l.Leaf)); err != nil {
		return leaf, fmt.Errorf("record %d is not shown to be among the %d of %s: %w", leaf.Position, cp.Size, cp.Origin, err)
	}
	return leaf, nil
}

// records reads the records that are shown: in order, covered by the index, within
// the window, and each what its leaf commits to.
func (c *completeCheck) records() error {
	also := make([]Hash, len(c.out.Also))
	for i, n := range c.out.Also {
		also[i] = n.Key()
	}
	last := int64(-1)
	for i := range c.p.Records {
		r, err := c.p.Records[i].check(also)
		if err != nil {
			return err
		}
		position := int64(r.Leaf.Position)
		switch {
		case position <= last:
			return fmt.Errorf("record %d is shown out of order", position)
		case position >= c.out.Size:
			return fmt.Errorf("record %d is not among the %d that the index covers", position, c.out.Size)
		case r.Leaf.Time < c.out.From || r.Leaf.Time >= c.out.To:
			return fmt.Errorf("record %d was not recorded within the window", position)
		}
		last = position
		if r.Matches {
			c.out.Matches++
			if r.Body == nil {
				c.out.Withheld++
			}
		}
		c.out.Records = append(c.out.Records, r)
	}
	c.used = make([]bool, len(c.out.Records))
	return nil
}

// check reads a shown record and decides whether it bears further keys.
func (s *ShownRecord) check(also []Hash) (r CompleteRecord, err error) {
	if r.Leaf, err = ParseLeaf(s.Leaf); err != nil {
		return r, err
	}
	r.Hash, r.Matches = LeafHash(s.Leaf), true
	keys := r.Leaf.Keys
	if s.Body != nil {
		if err := CheckRecord(s.Leaf, s.Body, s.Salt); err != nil {
			return r, err
		}
		if r.Body, err = ParseBody(s.Body); err != nil {
			return r, err
		}
		keys = r.Body.Keys()
	}
	for _, key := range also {
		if hasKey(keys, key) {
			continue
		}
		if s.Body == nil && len(keys) == MaxKeys {
			return r, fmt.Errorf("record %d has more keys than its leaf can show: without its body nobody can tell whether it matches", r.Leaf.Position)
		}
		// A continuation has its own keys and part of another record's: it is shown,
		// and its reader has to look at that record.
		r.Matches = r.Body != nil && r.Body.Type == ContinuedType
	}
	return r, nil
}

// part checks what the index holds for one name: the records that bear it are its
// entries within the window, all of them.
func (c *completeCheck) part(i int) error {
	part, key := &c.p.Parts[i], c.out.Names[i].Key()
	leaf, err := part.Lookup.Check(key, c.root)
	if err != nil {
		return err
	}
	var entries []Hash
	for j := range c.out.Records {
		if r := &c.out.Records[j]; hasKey(r.Leaf.Keys, key) {
			c.used[j] = true
			entries = append(entries, IndexEntry{Position: int64(r.Leaf.Position), Time: r.Leaf.Time, Leaf: r.Hash}.Hash())
		}
	}
	if leaf == nil || part.Range == nil {
		if leaf == nil && part.Range == nil && len(entries) == 0 {
			return nil
		}
		return errors.New("what is shown does not fit what the index holds: no record, or some")
	}
	return c.span(part.Range, leaf, entries)
}

// span checks that entries fill the window in the log of a key.
func (c *completeCheck) span(r *CompleteRange, leaf *IndexLeaf, entries []Hash) error {
	n := uint64(len(entries))
	if r.First > leaf.Count || n > leaf.Count-r.First {
		return fmt.Errorf("%d records after %d others are more than the %d of the index", n, r.First, leaf.Count)
	}
	from := r.First
	if (r.Before != nil) != (r.First > 0) || (r.After != nil) != (r.First+n < leaf.Count) {
		return errors.New("a neighbour of the window is missing, or one too many is shown")
	}
	if b := r.Before; b != nil {
		if b.Time >= c.out.From {
			return fmt.Errorf("record %d, before those shown, was recorded within the window: something is left out", b.Position)
		}
		entries = slices.Insert(entries, 0, b.Hash())
		from--
	}
	if a := r.After; a != nil {
		if a.Time < c.out.To {
			return fmt.Errorf("record %d, after those shown, was recorded within the window: something is left out", a.Position)
		}
		entries = append(entries, a.Hash())
		c.after = true
	}
	return CheckRange(entries, from, leaf.Count, r.Hashes, leaf.Root)
}

// next decides whether the window is closed. Recorded time only grows, so one
// covered record at or after its end is enough; or the first record not covered.
func (c *completeCheck) next() error {
	uncovered := c.out.Size == c.out.Commit && c.time >= c.out.To // the commit is the first
	c.out.Closed = c.after || uncovered
	if c.p.Next == nil {
		return nil
	}
	leaf, err := c.included(c.p.Next)
	if err != nil {
		return fmt.Errorf("the first record not covered: %w", err)
	}
	if c.out.Closed || int64(leaf.Position) != c.out.Size || leaf.Time < c.out.To {
		return fmt.Errorf("record %d is shown for nothing: it does not close the window", leaf.Position)
	}
	c.out.Closed = true
	return nil
}

// hasKey reports whether sorted keys hold one.
func hasKey(keys []Hash, key Hash) bool {
	_, ok := slices.BinarySearchFunc(keys, key, CompareHashes)
	return ok
}
