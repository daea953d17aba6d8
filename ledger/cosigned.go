package ledger

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/ledger/proof"
)

// With witnesses, the published checkpoint does not move by itself: it is published
// with their cosignatures, or without when they took too long. Cosigned checkpoints
// are kept: each is evidence that outsiders saw one log of that size.

// PublishByHand stops the published checkpoint from moving by itself; from then on
// [Ledger.Publish] moves it.
func (l *Ledger) PublishByHand() {
	l.published.Lock()
	defer l.published.Unlock()
	l.published.byHand = true
}

// Publish makes a head of the log the published one, with the checkpoint given: the
// head's own, with further signatures or without. Checkpoints that were published
// never go back.
func (l *Ledger) Publish(h Head, signed []byte) error {
	cp, err := proof.OpenCheckpoint(signed, l.origin, l.Keys())
	if err != nil {
		return fmt.Errorf("publishing a checkpoint: %w", err)
	}
	if cp.Size != h.Size || cp.Root != h.Root {
		return fmt.Errorf("publishing a checkpoint: it is of %d records, the head of %d", cp.Size, h.Size)
	}
	l.published.Lock()
	defer l.published.Unlock()
	if h.Size < l.published.head.Size {
		return nil
	}
	h.Checkpoint = signed
	l.published.head = &h
	return nil
}

// KeepCosigned stores a checkpoint with cosignatures. The caller has checked these.
func (l *Ledger) KeepCosigned(h Head, signed []byte) error {
	cp, err := proof.OpenCheckpoint(signed, l.origin, l.Keys())
	if err != nil {
		return fmt.Errorf("keeping a cosigned checkpoint: %w", err)
	}
	if cp.Size != h.Size || cp.Root != h.Root {
		return fmt.Errorf("keeping a cosigned checkpoint: it is of %d records, the head of %d", cp.Size, h.Size)
	}
	if err := l.uses.begin(); err != nil {
		return err
	}
	defer l.uses.end()
	return l.db.Set(cosignedKey(h.Size), signed, pebble.Sync)
}

// CosignedAt returns the checkpoint over size records with the cosignatures that are
// kept of it; nil if there are none.
func (l *Ledger) CosignedAt(size int64) ([]byte, error) { return l.getRow(cosignedKey(size)) }

// Cosigned returns the newest checkpoint that is kept with cosignatures and the
// number of its records; nil if there is none.
func (l *Ledger) Cosigned() (signed []byte, size int64, err error) {
	return l.cosignedUpTo(l.head.Load().Size)
}

// cosignedUpTo is Cosigned for heads of at most some number of records.
func (l *Ledger) cosignedUpTo(most int64) (signed []byte, size int64, err error) {
	if err := l.uses.begin(); err != nil {
		return nil, 0, err
	}
	defer l.uses.end()
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: cosignedKey(0), UpperBound: cosignedKey(most + 1)})
	if err != nil {
		return nil, 0, l.damaged("reading the cosigned checkpoints", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.Last() {
		return nil, 0, it.Error()
	}
	size, err = positionIn(it.Key())
	return bytes.Clone(it.Value()), size, err
}
