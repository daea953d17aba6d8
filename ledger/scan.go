package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/ledger/proof"
)

// Scan reads the events at positions [from, to) in order, without the bytes of
// their facets, up to the durable head. It stops after yielding an error; an end
// without one is the true end. A long range is decoded on all processors while
// the caller works on what came before; it holds some thousand events at most.
func (l *Ledger) Scan(ctx context.Context, from, to int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		from := max(from, 0)
		to := min(to, l.head.Load().Size)
		if from >= to {
			return
		}
		if to-from > scanPiece && runtime.GOMAXPROCS(0) > 1 {
			l.scanAhead(ctx, from, to, yield)
			return
		}
		err := l.scanRows(ctx, from, to, func(position int64, row []byte) (bool, error) {
			e, err := entryIn(position, row)
			if err != nil {
				return false, err
			}
			return yield(e, nil), nil
		})
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

// entryIn decodes a record row, of which it keeps nothing.
func entryIn(position int64, row []byte) (Entry, error) {
	time, b, err := splitRecordRow(row)
	if err != nil {
		return Entry{}, err
	}
	body, err := proof.ParseBody(b)
	if err != nil {
		return Entry{}, err
	}
	return entry(position, time, body)
}

// scanPiece is how many records are decoded by one goroutine at a time.
const scanPiece = 128

// piece is a run of record rows, and then their events. done is closed when it
// is decoded; err is what ended the scan after the events.
type piece struct {
	first   int64
	rows    []byte
	ends    []int // of each row in rows
	entries []Entry
	err     error
	done    chan struct{}
}

// newPiece makes a piece of about as many bytes as the one before.
func newPiece(first int64, bytes int) *piece {
	return &piece{first: first, rows: make([]byte, 0, bytes+bytes/8), ends: make([]int, 0, scanPiece), done: make(chan struct{})}
}

func (p *piece) decode() {
	defer close(p.done)
	p.entries = make([]Entry, 0, len(p.ends))
	start := 0
	for i, end := range p.ends {
		position := p.first + int64(i)
		e, err := entryIn(position, p.rows[start:end])
		if err != nil {
			p.err = unreadable(position, err)
			return
		}
		p.entries = append(p.entries, e)
		start = end
	}
}

// scanAhead is Scan with one goroutine that reads rows, one for each processor
// that decodes them, and the caller's that takes them in order.
func (l *Ledger) scanAhead(ctx context.Context, from, to int64, yield func(Entry, error) bool) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait() // nothing of the scan outlives it
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	work := make(chan *piece, workers)
	ordered := make(chan *piece, 4*workers) // bounds how far reading is ahead
	for range workers {
		running.Go(func() {
			for p := range work {
				p.decode()
			}
		})
	}
	running.Go(func() {
		defer close(ordered)
		defer close(work)
		l.readPieces(ctx, from, to, func(p *piece) bool {
			select {
			case ordered <- p:
			case <-ctx.Done():
				return false
			}
			work <- p // never long: the workers wait for nothing
			return true
		})
	})
	next := from
	for p := range ordered {
		<-p.done
		for _, e := range p.entries {
			if !yield(e, nil) {
				return
			}
		}
		if p.err != nil {
			yield(Entry{}, p.err)
			return
		}
		next += int64(len(p.entries))
	}
	if next < to { // only an ended context stops the reader without a piece that says why
		yield(Entry{}, ctx.Err())
	}
}

// readPieces cuts rows into pieces until send returns false. The last piece says
// what ended the scan before its end.
func (l *Ledger) readPieces(ctx context.Context, from, to int64, send func(*piece) bool) {
	p := newPiece(from, 0)
	going := true
	err := l.scanRows(ctx, from, to, func(position int64, row []byte) (bool, error) {
		p.rows = append(p.rows, row...)
		if p.ends = append(p.ends, len(p.rows)); len(p.ends) == scanPiece {
			going = send(p)
			p = newPiece(position+1, len(p.rows))
		}
		return going, nil
	})
	if !going || (err == nil && len(p.ends) == 0) {
		return
	}
	p.err = err
	send(p)
}

// scanRows visits record rows in order and misses none: a damaged table ends an
// iterator early, which must not be taken for the end of the book.
func (l *Ledger) scanRows(ctx context.Context, from, to int64, visit func(position int64, row []byte) (more bool, err error)) (err error) {
	if err := l.uses.begin(); err != nil {
		return err
	}
	defer l.uses.end()
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: recordKey(from), UpperBound: recordKey(to)})
	if err != nil {
		return l.damaged("reading records", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	position := from
	for it.First(); it.Valid(); it.Next() {
		if got := int64(binary.BigEndian.Uint64(it.Key()[1:])); got != position {
			return missing(position)
		}
		if position%tileWidth == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		more, err := visit(position, it.Value())
		if err != nil {
			return unreadable(position, err)
		}
		if !more {
			return nil
		}
		position++
	}
	if err := it.Error(); err != nil {
		return l.damaged(fmt.Sprintf("reading the record at position %d", position), err)
	}
	if position != to {
		return missing(position)
	}
	return nil
}

func unreadable(position int64, err error) error {
	return &DamageError{What: fmt.Sprintf("the record at position %d cannot be read", position), LastProvable: position - 1, Fix: verifyFix, Err: err}
}
