package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// Receipt is the evidence a producer gets: where its event stands, and a head
// signed over it.
type Receipt struct {
	proof.Receipt
	// Repeated: the same event was there already. This is its old place; nothing
	// new was recorded.
	Repeated bool
	// Ordered is when the sequencer had given every event of the commit its place:
	// what came before was waiting and checking, what came after making it durable.
	Ordered time.Time
}

// A request is one Append on its way through the sequencer.
type request struct {
	drafts   []*draft
	size     int64
	confirms bool         // an operator vouches for the clock
	done     chan outcome // buffered, so that nobody waits for a caller that left
}

// outcome is what the sequencer decided, released when all it rested on is
// durable.
type outcome struct {
	err     error
	places  []place
	head    *Head
	ordered time.Time
}

// place is where an event stands in the book.
type place struct {
	position int64
	time     int64
	leaf     proof.Hash
	repeated bool
}

// Append admits a batch, all of it or nothing, and returns when it is durable.
//
// The error is a *events.Refusal if an event may not happen, cannot be read or
// exceeds a limit (its Index is the place in the batch); ErrOverloaded or a
// *ClockError if nothing can be recorded now; ErrClosed. When ctx ends first the
// events may still be recorded: send them again with the same ids.
func (l *Ledger) Append(ctx context.Context, batch ...events.Event) ([]Receipt, error) {
	now := events.TimeOf(l.opts.Now())
	batch = slices.Clone(batch) // the caller may go on before the ledger is done with it
	err := inChunks(len(batch), func(from, to int) error {
		for i := from; i < to; i++ {
			ev := &batch[i]
			if strings.HasPrefix(ev.Source, ownSources) {
				return &events.Refusal{Rule: "source.reserved", Class: events.Forbidden, Field: "/source", Index: i,
					Detail: "sources that begin with " + ownSources + " are those of the ledger itself", Fix: "use a source of your own, such as a URL"}
			}
			if typ, ok := events.Lookup(ev.Type); ok && typ.Reserved {
				return &events.Refusal{Rule: "type.reserved", Class: events.Forbidden, Field: "/type", Index: i,
					Detail: ev.Type + " is appended by the ledger itself", Fix: "send an event of another type"}
			}
			if err := ev.Validate(now); err != nil {
				return at(i, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l.append(ctx, batch)
}

// chunkEvents is the least number of events that is worth a goroutine.
const chunkEvents = 32

// inChunks cuts a batch of n events into a chunk for each processor and works on
// all at once: a single producer's batch would otherwise keep one busy. The error
// is that of the first chunk that has one.
func inChunks(n int, do func(from, to int) error) error {
	chunks := min(runtime.GOMAXPROCS(0), n/chunkEvents)
	if chunks <= 1 {
		return do(0, n)
	}
	errs := make([]error, chunks)
	var wg sync.WaitGroup
	for i := range chunks {
		wg.Go(func() { errs[i] = do(i*n/chunks, (i+1)*n/chunks) })
	}
	wg.Wait()
	return cmp.Or(errs...)
}

// append is Append for events the ledger itself makes as well.
func (l *Ledger) append(ctx context.Context, batch []events.Event) ([]Receipt, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	for {
		req, err := l.prepare(batch)
		if err != nil {
			return nil, err
		}
		receipts, err := l.submit(ctx, req)
		if !errors.Is(err, errKeyRetired) { // else it is sealed anew, under another key
			return receipts, err
		}
	}
}

// submit has a request ordered and waits until what came of it is durable.
func (l *Ledger) submit(ctx context.Context, req *request) ([]Receipt, error) {
	if !l.alone(req) {
		if err := l.queue.push(req, l.opts.Limits); err != nil {
			return nil, err
		}
	}
	select {
	case out := <-req.done:
		return receipts(req, out)
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the events to be durable (they may still be; send them again with the same ids): %w", ctx.Err())
	}
}

// prepare does in the caller's goroutine all that needs no order.
func (l *Ledger) prepare(batch []events.Event) (*request, error) {
	lim := l.opts.Limits
	if len(batch) > lim.BatchEvents {
		return nil, &events.Refusal{Rule: "limit.batch-events", Class: events.TooLarge, Index: lim.BatchEvents,
			Detail: fmt.Sprintf("the batch holds %d events; the limit is %d", len(batch), lim.BatchEvents), Fix: "send it in parts"}
	}
	req := &request{done: make(chan outcome, 1), drafts: make([]*draft, len(batch))}
	err := inChunks(len(batch), func(from, to int) error {
		for i := from; i < to; i++ {
			d, err := l.draft(&batch[i])
			if err != nil {
				return at(i, err)
			}
			if d.size > lim.EventBytes {
				return &events.Refusal{Rule: "limit.event-bytes", Class: events.TooLarge, Index: i,
					Detail: fmt.Sprintf("the event takes %d bytes; the limit is %d", d.size, lim.EventBytes), Fix: "split it, or put large content elsewhere and refer to it by digest"}
			}
			req.drafts[i] = d
		}
		return l.lookAhead(req.drafts[from:to])
	})
	if err != nil {
		return nil, err
	}
	if err := allDiffer(req.drafts); err != nil {
		return nil, err
	}
	for i, d := range req.drafts {
		if req.size += d.size; req.size > lim.BatchBytes {
			return nil, &events.Refusal{Rule: "limit.batch-bytes", Class: events.TooLarge, Index: i,
				Detail: fmt.Sprintf("the batch takes more than %d bytes", lim.BatchBytes), Fix: "send it in parts"}
		}
	}
	return req, nil
}

// allDiffer refuses a batch that holds an event twice.
func allDiffer(drafts []*draft) error {
	if len(drafts) < 2 {
		return nil
	}
	first := make(map[[32]byte]int, len(drafts))
	for i, d := range drafts {
		if j, twice := first[d.id]; twice {
			return at(i, &events.Refusal{Rule: "id.repeated-in-batch", Class: events.Conflict, Field: "/id",
				Detail: fmt.Sprintf("events %d and %d of the batch bear the same source and id", j, i), Fix: "send each event once"})
		}
		first[d.id] = i
	}
	return nil
}

// at names the place in the batch that an error is about.
func at(i int, err error) error {
	var r *events.Refusal
	if errors.As(err, &r) {
		r.Index = i
		return r
	}
	return fmt.Errorf("event %d of the batch: %w", i, err)
}

func receipts(req *request, out outcome) ([]Receipt, error) {
	if out.err != nil {
		return nil, out.err
	}
	rs := make([]Receipt, len(req.drafts))
	for i, d := range req.drafts {
		p := out.places[i]
		rs[i] = Receipt{Repeated: p.repeated, Ordered: out.ordered, Receipt: proof.Receipt{
			ID: d.event.ID, Source: d.event.Source, Position: p.position, Time: p.time,
			LeafHash: p.leaf, Checkpoint: out.head.receipt,
		}}
	}
	return rs, nil
}

// A pool is the batch being built: the records of many requests that will become
// durable together.
type pool struct {
	batch    *pebble.Batch
	start    int64 // first position
	edge     edge
	full     []tile
	leaf     proof.Hash // of the last record
	time     int64      // of the last record
	signing  *signing   // who signs the head after the last record
	cells    map[proof.Hash]cell
	placed   []placed // of this pool, in order
	requests []*request
	outcomes []outcome
	ordered  time.Time
	bytes    int64
	// broken: part of a request is in the batch and the rest could not be put there.
	// The pool must not be applied, or a refused request would half happen.
	broken error
}

// placed is a draft that has its place.
type placed struct {
	draft   *draft
	place   place
	version uint64 // of the subject; 0 if it only continues the record before it
}

// poolEvents and poolBytes bound one group commit, so that a flood does not make
// everyone wait for one huge batch.
const (
	poolEvents = 16_384
	poolBytes  = 64 << 20
)

// sequence is the sequencer: the one goroutine that orders what waits. While a
// batch is being synced it builds the next, taking in all that arrives meanwhile,
// so that a sync is never waited for with idle hands and never shared by few.
func (l *Ledger) sequence() {
	defer l.endFlights()
	for {
		select {
		case <-l.queue.more:
		case <-l.stop:
			return
		}
		l.turn.Lock()
		ok := l.order()
		l.turn.Unlock()
		if !ok {
			return
		}
	}
}

// order builds one pool of what waits and sends it off. It returns false if the
// ledger stops.
func (l *Ledger) order() bool {
	waiting := l.queue.take(poolEvents)
	if len(waiting) == 0 {
		return true // taken into an earlier pool
	}
	p := l.newPool()
	l.admitAll(p, waiting)
	for l.flying.Load() {
		more := l.queue.more
		if len(p.placed) >= poolEvents || p.bytes >= poolBytes {
			more = nil
		}
		select {
		case <-l.landed: // perhaps of an earlier flight
		case <-more:
			l.admitAll(p, l.queue.take(poolEvents-len(p.placed)))
		case <-l.stop:
			p.resolve(nil, errors.Join(ErrClosed, p.batch.Close()))
			return false
		}
	}
	return l.fly(p)
}

// alone orders a request in its caller's goroutine, if nothing else waits or
// flies: a single writer is spared two changes of goroutine for each event.
func (l *Ledger) alone(r *request) bool {
	if !l.turn.TryLock() {
		return false
	}
	defer l.turn.Unlock()
	if l.flying.Load() || !l.queue.idle() {
		return false
	}
	p := l.newPool()
	l.admitAll(p, []*request{r})
	l.fly(p)
	return true
}

// fly applies a pool and hands it on to be landed. It returns false, and has told
// the pool's requests, if that failed.
func (l *Ledger) fly(p *pool) bool {
	if err := l.seal(p); err != nil {
		l.fatal("building a batch", err)
		p.resolve(nil, err)
		return false
	}
	p.ordered = time.Now()
	l.flying.Store(true)
	l.flights <- p // has room: no other pool flies
	return true
}

// endFlights says that no pool will follow. Who orders alone finds the queue closed
// from now on.
func (l *Ledger) endFlights() {
	l.turn.Lock()
	defer l.turn.Unlock()
	close(l.flights)
}

func (l *Ledger) newPool() *pool {
	if l.admission.rotate(l.tail.edge.size) {
		l.warm.clear()
		l.kept.floor.Store(l.admission.cells.floor)
	}
	return &pool{
		batch: l.db.NewBatch(), start: l.tail.edge.size,
		edge: l.tail.edge.clone(), leaf: l.tail.leaf, time: l.tail.time, signing: l.tail.signing,
		cells: make(map[proof.Hash]cell),
	}
}

func (l *Ledger) admitAll(p *pool, reqs []*request) {
	for _, r := range reqs {
		places, err := l.admit(p, r)
		p.requests = append(p.requests, r)
		p.outcomes = append(p.outcomes, outcome{err: err, places: places})
	}
}

// place gives an admitted draft its position and time and puts its record into
// the batch.
func (l *Ledger) place(p *pool, d *draft, time int64, version uint64) (place, error) {
	position := p.edge.size
	leaf := proof.Leaf{
		Version: proof.LeafVersion, Position: uint64(position), Prev: p.leaf,
		Time: time, Keys: d.keys, Body: d.commit,
	}
	l.leafBuf = leaf.Append(l.leafBuf[:0])
	hash := proof.LeafHash(l.leafBuf)
	p.full = p.edge.append(hash, p.full)
	p.leaf, p.time = hash, time
	if d.signing != nil {
		p.signing = d.signing
	}
	p.bytes += d.size
	at := place{position: position, time: time, leaf: hash}
	p.placed = append(p.placed, placed{d, at, version})

	err := setRecord(p.batch, position, time, d.bytes)
	set := func(key, value []byte) {
		if err == nil {
			err = p.batch.Set(key, value, nil)
		}
	}
	for i, f := range d.facets {
		set(facetKey(position, i), f)
	}
	if d.erases != nil {
		d.erases.rows(position, set, func(key []byte) {
			if err == nil {
				err = p.batch.Delete(key, nil)
			}
		})
	}
	return at, err
}

// seal completes the batch with the rows it has one of, and applies it. From then
// on it can be read, but it is not durable.
func (l *Ledger) seal(p *pool) error {
	if p.broken != nil {
		return p.broken
	}
	if len(p.placed) == 0 {
		return nil // only refusals and repeats: nothing to write
	}
	if err := p.sealNames(); err != nil {
		return err
	}
	for hash, c := range p.cells {
		v, err := c.encode()
		if err != nil {
			return err
		}
		if err := p.batch.Set(stateKey(hash), v, nil); err != nil {
			return err
		}
	}
	if err := p.sealTree(); err != nil {
		return err
	}
	head := headRow{Size: p.edge.size, Root: p.edge.root(), Leaf: p.leaf, Time: p.time}
	b, err := encMode.Marshal(head)
	if err != nil {
		return err
	}
	if err := p.batch.Set(headKey, b, nil); err != nil {
		return err
	}
	if err := l.commit(p.batch); err != nil {
		return err
	}
	l.tail.edge, l.tail.leaf, l.tail.signing = p.edge, p.leaf, p.signing
	return nil
}

// sealNames writes under which names the events are found again: identity, and
// subject with version. They go in the order of their keys, in which the memtable
// takes them with less searching.
func (p *pool) sealNames() error {
	var named []*placed
	for i := range p.placed {
		if p.placed[i].version > 0 {
			named = append(named, &p.placed[i])
		}
	}
	slices.SortFunc(named, func(a, b *placed) int { return bytes.Compare(a.draft.id[:], b.draft.id[:]) })
	for _, n := range named {
		if err := setID(p.batch, n.draft.id, n.place.position); err != nil {
			return err
		}
	}
	slices.SortFunc(named, func(a, b *placed) int {
		return cmp.Or(bytes.Compare(a.draft.subject[:], b.draft.subject[:]), cmp.Compare(a.version, b.version))
	})
	for _, n := range named {
		if err := setVersion(p.batch, n.draft.subject, n.version, n.place.position); err != nil {
			return err
		}
	}
	return nil
}

// sealTree writes the tiles that became full and the leaf hashes after them. The
// leaf hashes of a partial tile lie in rows of their own, one a batch, so that a
// commit writes only what is new; they go when their tile is full.
func (p *pool) sealTree() error {
	for _, t := range p.full {
		if err := p.batch.Set(tileKey(t.level, t.n), packHashes(t.hashes), nil); err != nil {
			return err
		}
	}
	first := max(p.start, p.edge.size&^(tileWidth-1)) // first leaf not in a full tile
	if first > p.start {
		if err := p.batch.DeleteRange(edgeKey(0), edgeKey(first), nil); err != nil {
			return err
		}
	}
	if first == p.edge.size {
		return nil
	}
	hashes := make([]byte, 0, (p.edge.size-first)*proof.HashSize)
	for _, d := range p.placed[first-p.start:] {
		hashes = append(hashes, d.place.leaf[:]...)
	}
	return p.batch.Set(edgeKey(first), hashes, nil)
}

// land is the second goroutine: it signs each head while its batch is being
// synced, and releases it, and everyone who waits for it, once it is durable.
func (l *Ledger) land() {
	defer close(l.done)
	for p := range l.flights {
		head, err := l.landPool(p)
		if err != nil {
			l.fatal("making events durable", err)
			err = fmt.Errorf("%w after a storage error, and whether these events are durable is not known: %w", ErrClosed, err)
		}
		// The next pool may go before everyone has been told of this one.
		l.flying.Store(false)
		select {
		case l.landed <- struct{}{}:
		default: // the sequencer will look anyway
		}
		p.resolve(head, err)
	}
}

func (l *Ledger) landPool(p *pool) (*Head, error) {
	if err := l.Failed(); err != nil {
		return nil, err // all that comes after what did not become durable rests on it
	}
	if len(p.placed) == 0 {
		return l.head.Load(), p.batch.Close()
	}
	head, err := l.signHead(p.signing, p.edge, p.leaf, p.time)
	if serr := p.batch.SyncWait(); serr != nil {
		return nil, serr
	}
	if err == nil {
		err = l.witness.failed()
	}
	if err != nil {
		return nil, err
	}
	l.signing.Store(p.signing)
	l.publish(head)
	l.witness.remember(head.Checkpoint)
	return head, p.batch.Close()
}

// resolve tells every request of the pool what became of it. Whatever the pool
// decided rested at most on its own records and those before, all durable now.
func (p *pool) resolve(head *Head, err error) {
	for i, r := range p.requests {
		out := p.outcomes[i]
		if out.head, out.ordered = head, p.ordered; err != nil {
			out = outcome{err: fmt.Errorf("the ledger stopped before the events were durable: %w", err)}
		}
		r.done <- out
	}
}
