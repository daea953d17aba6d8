package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// open takes up the index after the newest commitment of the book. Rows that
// cannot be read or do not fit the book are made anew: they are derived.
func (x *indexer) open(ctx context.Context) error {
	last, ok, err := x.l.lastIndexCommit()
	if err != nil {
		return err
	}
	err = x.takeUp(ctx, last, ok)
	if err == nil || ctx.Err() != nil || !errors.Is(err, errIndexRows) && x.store != nil {
		return err
	}
	x.l.opts.Logger.Warn("the completeness index is made anew from the records", "dir", x.dir, "why", err)
	if x.store != nil {
		err = x.store.db.Close()
		x.store = nil
	}
	if err := errors.Join(err, x.l.opts.FS.RemoveAll(x.dir)); err != nil {
		return fmt.Errorf("removing the rows of the completeness index: %w", err)
	}
	return x.takeUp(ctx, last, ok)
}

// takeUp opens the store and brings it to the newest commitment.
func (x *indexer) takeUp(ctx context.Context, last indexCommit, ok bool) error {
	store, err := openIndexStore(x.l.opts, x.dir)
	if err != nil {
		return fmt.Errorf("opening the completeness index: %w", err)
	}
	x.store = store
	if err := x.fits(); err != nil {
		return err
	}
	if !ok {
		return nil
	}
	if x.other = last.Size; store.meta.Size > last.Size {
		// A commitment was being made. It is due, or the rows are not of this book.
		due, err := x.look(ctx, x.l.Head().Size)
		if err == nil && !due {
			err = fmt.Errorf("%w: they are ahead of the newest commitment", errIndexRows)
		}
		return err
	}
	fresh := store.meta.Size == 0
	if err := x.catchUp(ctx, last); err != nil {
		return err
	}
	if root := store.tree.Root(); root != last.Root {
		err := fmt.Errorf("the records have root %s, and position %d commits to %s", root, last.position, last.Root)
		if !fresh {
			return fmt.Errorf("%w: %w", errIndexRows, err)
		}
		x.l.opts.Logger.Error("the newest commitment to the completeness index does not follow from the records: run ledgerline verify", "error", err)
		return nil // the next one will
	}
	x.committed(last.position, last.Size)
	return nil
}

// fits reports whether the rows are of the records that the book holds.
func (x *indexer) fits() error {
	m := x.store.meta
	if m.Size == 0 {
		return nil
	}
	if head := x.l.Head(); m.Size > head.Size {
		return fmt.Errorf("%w: they are of %d records, and the book holds %d", errIndexRows, m.Size, head.Size)
	}
	leaf, err := x.l.LeafHash(m.Size - 1)
	if err == nil && leaf != m.Last {
		err = fmt.Errorf("%w: they are of other records than the book's", errIndexRows)
	}
	return err
}

// indexCommit is a commitment and where it stands.
type indexCommit struct {
	position int64
	proof.IndexCommit
}

// catchUp brings the store to the newest commitment, by way of those before: what
// each is over can be proven from.
func (x *indexer) catchUp(ctx context.Context, last indexCommit) error {
	if x.store.meta.Size == last.Size {
		return nil
	}
	var missed []indexCommit
	err := x.l.lastIndexCommits(func(c indexCommit) bool {
		missed = append(missed, c)
		return c.Size > x.store.meta.Size
	})
	for _, c := range slices.Backward(missed) {
		if err == nil {
			err = x.advance(ctx, c.Size)
		}
	}
	return err
}

// lastIndexCommit finds the newest commitment.
func (l *Ledger) lastIndexCommit() (c indexCommit, ok bool, err error) {
	err = l.lastIndexCommits(func(last indexCommit) bool {
		c, ok = last, true
		return false
	})
	if err == nil && ok && c.Algorithm != proof.IndexAlgorithm {
		err = fmt.Errorf("position %d commits to an index by %q, which this program does not know: use a newer one", c.position, c.Algorithm)
	}
	return c, ok && err == nil, err
}

// lastIndexCommits finds the commitments among the events of the ledger about
// itself, from the newest back, until visit returns false.
func (l *Ledger) lastIndexCommits(visit func(indexCommit) bool) error {
	self := (&events.IndexCommitted{}).Subject()
	version, err := l.SubjectVersion(self)
	if err != nil {
		return err
	}
	for ; version > 0; version-- {
		row, err := l.getRow(versionKey(subjectHash(self), version))
		if err != nil {
			return err
		}
		position, err := positionOf(row)
		if err != nil {
			return err
		}
		_, body, err := l.readBody(position)
		if err != nil {
			return err
		}
		if body.Type != proof.IndexCommittedType {
			continue
		}
		commit, err := body.IndexCommit()
		if err != nil || !visit(indexCommit{position, commit}) {
			return err
		}
	}
	return nil
}
