package ledger

import "sync"

// queue is where requests wait for the sequencer.
type queue struct {
	mu     sync.Mutex // guards what follows
	reqs   []*request
	events int
	bytes  int64
	closed error

	more chan struct{} // capacity 1: something was pushed
}

func (q *queue) push(r *request, lim Limits) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil {
		return q.closed
	}
	if q.events > 0 && (q.events+len(r.drafts) > lim.QueueEvents || q.bytes+r.size > lim.QueueBytes) {
		return ErrOverloaded
	}
	q.reqs = append(q.reqs, r)
	q.events += len(r.drafts)
	q.bytes += r.size
	select {
	case q.more <- struct{}{}:
	default:
	}
	return nil
}

// idle tells whether nothing waits and requests are still taken.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.reqs) == 0 && q.closed == nil
}

// take removes waiting requests in order, up to a number of events but at least
// one request if there is any.
func (q *queue) take(limit int) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, events := 0, 0
	for n < len(q.reqs) && (n == 0 || events+len(q.reqs[n].drafts) <= limit) {
		events += len(q.reqs[n].drafts)
		q.bytes -= q.reqs[n].size
		n++
	}
	q.events -= events
	out := q.reqs[:n:n]
	q.reqs = q.reqs[n:]
	if len(q.reqs) == 0 {
		q.reqs = nil
	} else {
		select {
		case q.more <- struct{}{}:
		default:
		}
	}
	return out
}

// close refuses further requests and returns those that still wait.
func (q *queue) close(reason error) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed == nil {
		q.closed = reason
	}
	left := q.reqs
	q.reqs, q.events, q.bytes = nil, 0, 0
	return left
}
