package ledger

import (
	"context"
	"time"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// signHead signs the tree that ends with leaf.
func (l *Ledger) signHead(by *signing, e edge, leaf proof.Hash, t int64) (*Head, error) {
	h := &Head{Size: e.size, Root: e.root(), Time: events.Time(t), edge: e, leaf: leaf, next: make(chan struct{})}
	var err error
	h.Checkpoint, err = by.sign(proof.Checkpoint{Origin: l.origin, Size: h.Size, Root: h.Root})
	h.receipt = string(h.Checkpoint)
	return h, err
}

// publish moves the durable head. Only the landing goroutine calls it.
func (l *Ledger) publish(h *Head) {
	old := l.head.Load()
	l.head.Store(h)
	close(old.next)
}

// Head returns the durable head.
func (l *Ledger) Head() Head { return *l.head.Load() }

// Next waits until the durable head is beyond the given one.
func (l *Ledger) Next(ctx context.Context, after Head) (Head, error) {
	for {
		h := l.head.Load()
		if h.Size > after.Size {
			return *h, nil
		}
		select {
		case <-h.next:
		case <-l.stop:
			return *h, ErrClosed
		case <-ctx.Done():
			return *h, ctx.Err()
		}
	}
}

// Wait waits until the record at a position is durable.
func (l *Ledger) Wait(ctx context.Context, position int64) (Head, error) {
	return l.Next(ctx, Head{Size: position})
}

// checkpointEvery is how often the published checkpoint moves at most, so that
// mirrors and witnesses are not asked to follow every commit.
const checkpointEvery = time.Second

// PublishedCheckpoint returns the signed checkpoint that is served to the public.
// It moves at most once a second, and with witnesses as they cosign.
func (l *Ledger) PublishedCheckpoint() []byte { return l.publishedHead().Checkpoint }

func (l *Ledger) publishedHead() *Head {
	p := &l.published
	p.Lock()
	defer p.Unlock()
	if h := l.head.Load(); !p.byHand && h.Size > p.head.Size && time.Since(p.at) >= checkpointEvery {
		p.head, p.at = h, time.Now()
	}
	return p.head
}
