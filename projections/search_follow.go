package projections

import (
	"context"
	"sync/atomic"
	"time"
)

// searchMaking is the background work on a store's index of words.
type searchMaking struct {
	stop context.CancelFunc
	done chan struct{}
	// made is closed when the index has what was applied at the start, or cannot be made.
	made chan struct{}
	// next is the first position that is not in the index; taken and total count entries
	// until made is closed.
	next, taken, total atomic.Int64
}

const (
	// searchPart is how many events of entries are taken in at a time: about as much as a
	// question may wait for.
	searchPart = 512
	// searchBehind is how many records the index may be behind before it follows without
	// being asked. A question takes in the rest.
	searchBehind = 1 << 16
)

// search returns the index, up to the view's position at least. The caller holds no
// lock; it reads under mu. A question waits until it is made, and takes in what came
// since, but for no longer than it waits for anything: the error is then a *LoadingError.
func (w *View) search(ctx context.Context, r *reader) (*searchIndex, error) {
	const what = "index of the catalog's words"
	x, patience := &w.store.search, time.NewTimer(loadPatience)
	defer patience.Stop()
	select {
	case <-x.making.made:
	case <-patience.C:
		_, taken, total := x.making.progress()
		return nil, &LoadingError{what, taken, total}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for began := time.Now(); ; {
		x.mu.RLock()
		next := x.next
		x.mu.RUnlock()
		switch {
		case next > w.at:
			return x, nil
		case time.Since(began) > loadPatience:
			return nil, &LoadingError{what, next, w.at + 1}
		}
		if err := x.follow(ctx, r, searchPart); err != nil {
			return nil, err
		}
	}
}

// follow reads what happened to entries up to the reader's position, and at most so
// many events.
func (x *searchIndex) follow(ctx context.Context, r *reader, most int) (err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	defer func() { x.making.next.Store(x.next) }()
	if x.next > r.at {
		return nil
	}
	u, err := r.union(stepLists, x.next, r.at, false)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, u.close()) }()
	for range most {
		position, ok, err := u.next()
		if err != nil {
			return err
		}
		if !ok {
			x.next = r.at + 1
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.add(r, position); err != nil {
			return err
		}
		x.next = position + 1 // what is in is not read again, should the next fail
	}
	return nil
}

// followSearch brings the index up to a position.
func (s *store) followSearch(ctx context.Context, at int64) (err error) {
	m := &s.search.making
	if m.next.Load() > at {
		return nil
	}
	if m.next.Load() == 0 {
		if err := s.makeSearch(ctx, at); err != nil {
			return err
		}
	}
	r, err := s.reader(at)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, r.close()) }()
	for err == nil && m.next.Load() <= at {
		err = s.search.follow(ctx, r, searchPart)
	}
	return err
}

// startSearch makes the index of a store that has applied so much in the background,
// and has it follow what is applied.
func (v *Views) startSearch(s *store, applied int64) {
	m := &s.search.making
	var ctx context.Context
	ctx, m.stop = context.WithCancel(context.Background())
	m.done, m.made = make(chan struct{}), make(chan struct{})
	if applied < 0 { // there is nothing to make it of
		close(m.made)
	}
	go func() {
		defer close(m.done)
		var err error
		if applied >= 0 {
			began := time.Now()
			err = s.followSearch(ctx, applied)
			close(m.made)
			if err == nil {
				s.log.Info("views: index of the catalog's words made", "took", time.Since(began))
			}
		}
		for err == nil {
			v.mu.Lock()
			applied, moved, current := v.applied, v.moved, v.store == s
			v.mu.Unlock()
			if current && applied-m.next.Load() >= searchBehind {
				err = s.followSearch(ctx, applied)
				continue
			}
			select {
			case <-moved:
			case <-ctx.Done():
				return
			}
		}
		if ctx.Err() == nil {
			s.log.Error("views: the index of the catalog's words is made by questions alone, since it cannot be in the background", "error", err)
		}
	}()
}

// end stops what goes on in the background.
func (m *searchMaking) end() {
	if m.stop != nil {
		m.stop()
		<-m.done
	}
}

// progress reports whether the index is still being made, and how far that is.
func (m *searchMaking) progress() (loading bool, taken, total int64) {
	select {
	case <-m.made:
		return false, 0, 0
	default:
		return true, m.taken.Load(), m.total.Load()
	}
}
