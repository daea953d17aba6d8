package ledger

import "sync/atomic"

// uses counts the reads under way, so that Close can wait for them and refuse
// later ones: Pebble panics when it is used after it was closed. It is not a
// lock, because who reads in a loop over a scan holds two at once.
type uses struct {
	n      atomic.Int64
	closed atomic.Bool
	idle   chan struct{} // capacity 1: the last read ended after closing
}

// begin admits a read that has to call end; ErrClosed if the ledger is closed.
func (u *uses) begin() error {
	u.n.Add(1)
	if u.closed.Load() {
		u.end()
		return ErrClosed
	}
	return nil
}

func (u *uses) end() {
	if u.n.Add(-1) == 0 && u.closed.Load() {
		select {
		case u.idle <- struct{}{}:
		default:
		}
	}
}

// close refuses further reads and waits until those under way have ended.
func (u *uses) close() {
	u.closed.Store(true)
	for u.n.Load() > 0 {
		<-u.idle
	}
}
