package notary

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
)

// anchors makes anchors for as long as the ledger is open. The first record after a
// pause is anchored soon, a stream of them every AnchorEvery.
func (n *Notary) anchors(ctx context.Context) {
	settle := min(n.o.AnchorEvery/10, 5*time.Second)
	head, failures := ledger.Head{}, 0
	for {
		next, err := n.o.Ledger.Next(ctx, head)
		if err != nil {
			return // closed, or told to end
		}
		if !sleep(ctx, settle) { // what comes together is anchored together
			return
		}
		head = next
		made, err := n.AnchorNow(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, ledger.ErrClosed):
			return
		case err != nil:
			failures++
			n.o.Logger.Warn("a head could not be timestamped; appends go on", "authority", n.o.Authority.URL, "failures", failures, "error", err)
			head = ledger.Head{} // what is there is still to be anchored
		default:
			failures = 0
		}
		if made != nil || err != nil {
			if !sleep(ctx, backoff(n.o.AnchorEvery, failures)) {
				return
			}
		}
	}
}

// AnchorNow has the durable head timestamped and records it, if there is anything to
// anchor: a record since the last anchored head that is not the ledger's own. It
// returns nil if there is not.
func (n *Notary) AnchorNow(ctx context.Context) (*ledger.Anchor, error) {
	a, err := n.anchor(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.status.Authority
	switch {
	case err != nil:
		s.Failures++
		s.Error = err.Error()
	case a != nil:
		s.Size, s.Time, s.Failures, s.Error = a.Size, a.Time, 0, ""
	}
	return a, err
}

func (n *Notary) anchor(ctx context.Context) (*ledger.Anchor, error) {
	last, err := n.o.Ledger.LastAnchor()
	if err != nil {
		return nil, err
	}
	from := int64(0)
	if last != nil {
		from = last.Size
		n.mu.Lock()
		n.status.Authority.Size, n.status.Authority.Time = last.Size, last.HeadAnchored.Time
		n.mu.Unlock()
	}
	head := n.o.Ledger.Head()
	if news, err := n.o.Ledger.HasNews(ctx, from); err != nil || !news {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, n.o.Timeout)
	defer cancel()
	response, at, err := n.o.Authority.Stamp(ctx, n.o.Client, head.Checkpoint)
	if err != nil {
		return nil, err
	}
	a := events.HeadAnchored{
		Authority: n.o.Authority.URL, Size: head.Size, Checkpoint: string(head.Checkpoint),
		Time: events.TimeOf(at), Response: response,
	}
	if apart := at.Sub(n.o.Now()).Abs(); apart > 5*time.Minute {
		n.o.Logger.Warn("the clocks of the authority and of this machine differ", "authority", n.o.Authority.URL, "by", apart)
	}
	r, err := n.o.Ledger.Anchor(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("recording an anchor: %w", err)
	}
	return &ledger.Anchor{Position: r.Position, HeadAnchored: a}, nil
}
