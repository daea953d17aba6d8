package ledger

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger/proof"
)

// CommitIndex makes a commitment to the completeness index if a record of others
// than the ledger itself is not covered yet, and returns when it is durable. So
// what was durable before can be proven complete afterwards.
func (l *Ledger) CommitIndex(ctx context.Context) error {
	reply := make(chan error, 1)
	select {
	case l.index.asked <- reply:
	case <-l.index.done:
		_, err := l.IndexState()
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting for a commitment to the completeness index: %w", ctx.Err())
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting for a commitment to the completeness index: %w", ctx.Err())
	}
}

// IndexState is how far the completeness index has come.
type IndexState struct {
	// Commit is the position of the newest commitment that can be proven from,
	// Size the number of records it covers, Root the root of the index over them.
	Commit, Size int64
	Root         proof.Hash
}

// IndexState returns the newest commitment that can be proven from. The error is
// an ErrNoIndex if there is none yet.
func (l *Ledger) IndexState() (IndexState, error) {
	l.index.mu.RLock()
	defer l.index.mu.RUnlock()
	v, err := l.index.current()
	if err != nil {
		return IndexState{}, err
	}
	return IndexState{v.commit, v.size, v.tree.Root()}, nil
}

// current is the view to prove from. The caller holds x.mu while it is used.
func (x *indexer) current() (*indexView, error) {
	if x.view == nil {
		if x.err != nil {
			return nil, x.err
		}
		return nil, fmt.Errorf("%w: nothing has been committed to yet", ErrNoIndex)
	}
	return x.view, nil
}

// ProveCompleteness proves which records answer a question, as of a commitment to
// the index: the one recorded at a position or, if that is 0, the newest; see
// proof.Completeness. Bodies are shown of the records that match. The proof was
// checked before it is returned, with what it shows. The error is an ErrNoIndex, an
// ErrNoCommitment or a *ProofSizeError.
func (l *Ledger) ProveCompleteness(ctx context.Context, q proof.Question, commit int64) (*proof.Completeness, *proof.Complete, error) {
	if err := q.Validate(); err != nil {
		return nil, nil, fmt.Errorf("proving completeness: %w", err)
	}
	if err := l.uses.begin(); err != nil {
		return nil, nil, err
	}
	defer l.uses.end()
	l.index.mu.RLock()
	defer l.index.mu.RUnlock()
	v, err := l.index.at(commit)
	if err != nil {
		return nil, nil, err
	}
	pr := prover{l: l, q: q, view: v, head: l.head.Load(), p: &proof.Completeness{Question: q}}
	if err := pr.run(ctx); err != nil {
		return nil, nil, fmt.Errorf("proving completeness: %w", err)
	}
	shown, err := pr.p.Check(q, l.origin, l.Keys())
	if err != nil {
		return nil, nil, fmt.Errorf("proving completeness: what the index holds does not check: %w", err)
	}
	return pr.p, shown, nil
}

// ProofSizeError says that more records belong to an answer than one proof shows.
type ProofSizeError struct{ Records, Limit int }

func (e *ProofSizeError) Error() string {
	return fmt.Sprintf("%d records belong to the answer; a proof shows at most %d", e.Records, e.Limit)
}

// prover makes one completeness proof.
type prover struct {
	l      *Ledger
	q      proof.Question
	view   *indexView
	head   *Head
	p      *proof.Completeness
	closed bool
}

func (pr *prover) run(ctx context.Context) error {
	pr.p.Checkpoint = pr.head.Checkpoint
	commit, leaf, err := pr.proven(pr.view.commit)
	if err != nil {
		return err
	}
	pr.p.Commit = proof.ProvenRecord{ProvenLeaf: leaf, Body: commit.Body}
	rows := indexReader{r: pr.view.rows, end: pr.view.end}
	var positions []int64
	for _, name := range pr.q.Names {
		if positions, err = pr.part(&rows, name.Key(), positions); err != nil {
			break
		}
	}
	if cerr := rows.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	slices.Sort(positions)
	if err := pr.show(ctx, slices.Compact(positions)); err != nil {
		return err
	}
	return pr.next()
}

// proven reads a record, with the audit path of its leaf.
func (pr *prover) proven(position int64) (Record, proof.ProvenLeaf, error) {
	r, err := pr.l.Record(position)
	if err != nil {
		return r, proof.ProvenLeaf{}, err
	}
	path, err := tlog.ProveRecord(pr.head.Size, position, pr.l.tilesOf(pr.head))
	return r, proof.ProvenLeaf{Path: path, Leaf: r.Leaf}, err
}

// part proves what the index holds for a key within the window, and adds the
// positions to those of other keys.
func (pr *prover) part(rows *indexReader, key proof.Hash, positions []int64) ([]int64, error) {
	lookup, err := pr.view.tree.Lookup(key, rows.leaves)
	if err != nil {
		return nil, err
	}
	log, err := newKeyLogReader(pr.view.rows, key)
	if err != nil {
		return nil, err
	}
	part, first, end, err := proof.ProvePart(lookup, key, pr.q.From, pr.q.To, log.reader())
	limit := uint64(pr.l.opts.Index.ProofRecords)
	if err == nil && end-first+uint64(len(positions)) > limit {
		err = &ProofSizeError{Records: int(end-first) + len(positions), Limit: int(limit)}
	}
	for i := first; i < end && err == nil; i++ {
		var e proof.IndexEntry
		e, err = log.entry(i)
		positions = append(positions, e.Position)
	}
	if cerr := log.close(); err == nil {
		err = cerr
	}
	pr.p.Parts = append(pr.p.Parts, part)
	pr.closed = pr.closed || part.Range != nil && part.Range.After != nil
	return positions, err
}

// show reads the records that belong. The body is shown of those that match, and
// of those of which the leaf alone does not tell.
func (pr *prover) show(ctx context.Context, positions []int64) error {
	also := make([]proof.Hash, len(pr.q.Also))
	for i, n := range pr.q.Also {
		also[i] = n.Key()
	}
	for _, position := range positions {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := pr.l.Record(position)
		if err != nil {
			return err
		}
		shown := proof.ShownRecord{Leaf: r.Leaf}
		leaf, err := proof.ParseLeaf(r.Leaf)
		if err != nil {
			return err
		}
		missing := slices.ContainsFunc(also, func(k proof.Hash) bool { return !slices.Contains(leaf.Keys, k) })
		if !missing || len(leaf.Keys) == proof.MaxKeys {
			shown.Body, shown.Salt = r.Body, &r.Salt
		}
		pr.p.Records = append(pr.p.Records, shown)
	}
	return nil
}

// next shows the first record that is not covered, if that closes the window and
// nothing else does.
func (pr *prover) next() error {
	v := pr.view
	if pr.closed || pr.q.To == proof.EndOfTime || v.size == v.commit {
		return nil
	}
	t, err := pr.l.timeOf(v.size)
	if err != nil || t < pr.q.To {
		return err
	}
	_, leaf, err := pr.proven(v.size)
	pr.p.Next = &leaf
	return err
}
