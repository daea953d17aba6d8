package projections

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"ledgerline/events"
)

// Calls are by far the most of what bulletins count: a country makes a million in a
// month. What is counted of the answered ones stands a third time in blocks: one row for
// each run of callBlockWidth records, with a cell for each agreement and its two
// parties. A block is written with the last record of its run, and so, like all rows, by
// what was recorded up to there. A bulletin takes the cells of the blocks that lie in its
// period, and reads the tape where a period or the position begins or ends within one.
//
// What is not so simple, because nothing was answered or because it is from before the
// ledger, is in no block, but on a tape of its own (tapeOthers); rules that calls broke
// are on another (tapeFlags).

// callBlockWidth is how many records a block is of; a power of two.
const callBlockWidth = 1 << 16

// callBlock is what is counted of the calls in a run of records.
type callBlock struct {
	From int64 // the first position of the run
	// First and Last are when the first and the last of them were made, as claimed.
	First, Last events.Time
	Cells       []callCell // by Names
}

// callCell counts the calls of an agreement.
type callCell struct {
	Names uint32 // stand for agreement, provider and consumer, as on tapeCalls
	// Records are calls and batches of which some was answered; Answered and Refused the
	// calls that these are.
	Records, Answered, Refused int64
}

func (l *callBlock) code(c *coder) {
	integer(c, &l.From)
	integer(c, &l.First)
	integer(c, &l.Last)
	n := 0
	if l.Cells != nil {
		n = len(l.Cells) + 1
	}
	if n = c.length(n, 1); c.reading { // into the cells of the block read before, if there is one
		switch {
		case n == 0:
			l.Cells = nil
		case cap(l.Cells) < n-1 || l.Cells == nil:
			l.Cells = make([]callCell, n-1)
		default:
			l.Cells = l.Cells[:n-1]
		}
	}
	for i := range l.Cells {
		l.Cells[i].code(c)
	}
}

func (l *callCell) code(c *coder) {
	integer(c, &l.Names)
	integer(c, &l.Records)
	integer(c, &l.Answered)
	integer(c, &l.Refused)
}

// callBlocks holds the blocks, each at the last position of its run.
var callBlocks = entityKey(tCallBlock)

// counted tells whether a call is one that blocks count.
func (e *taped) counted() bool { return e.state&callAnswered != 0 && !e.imported }

// An openBlock is the block that is not full yet, in memory.
type openBlock struct {
	from        int64 // the first position
	first, last events.Time
	cells       map[uint32]callCell
}

func (o *openBlock) add(e *taped, answered, refused int) {
	c := o.cells[e.names]
	o.cells[e.names] = callCell{e.names, c.Records + 1, c.Answered + int64(answered), c.Refused + int64(refused)}
	if len(o.cells) == 1 && c.Records == 0 {
		o.first, o.last = e.times[0], e.times[0]
	}
	o.first, o.last = min(o.first, e.times[0]), max(o.last, e.times[0])
}

// block is the open block of the record at hand. It is made anew from the tape where the
// program has not followed it from its beginning.
func (b *batch) block() (*openBlock, error) {
	from := b.at &^ (b.s.blockWidth - 1)
	if o := b.s.block; o != nil && o.from == from {
		return o, nil
	}
	o := &openBlock{from: from, cells: map[uint32]callCell{}}
	if b.s.block == nil { // else all calls before the record at hand were followed
		r, err := b.reader()
		if err != nil {
			return nil, err
		}
		if err := r.tape(tapeCalls, from, b.at-1, false, func(e *taped) error {
			if !e.counted() {
				return nil
			}
			answered, refused, err := r.callsOf(e)
			o.add(e, int(answered), int(refused))
			return err
		}); err != nil {
			return nil, err
		}
	}
	b.s.block = o
	return o, nil
}

// endBlock writes the open block if the record at hand is the last of its run.
func (b *batch) endBlock() error {
	if (b.at+1)&(b.s.blockWidth-1) != 0 {
		return nil
	}
	o, err := b.block()
	if err != nil {
		return err
	}
	full := &callBlock{o.from, o.first, o.last, slices.SortedFunc(maps.Values(o.cells), func(x, y callCell) int { return cmp.Compare(x.Names, y.Names) })}
	b.putOnce(callBlocks, full)
	return nil
}

// callsOf is how many calls an entry of tapeCalls or tapeOthers is of: answered, and not.
func (r *reader) callsOf(e *taped) (answered, refused int64, err error) {
	if e.state&callBatch == 0 {
		return int64(e.state & callAnswered), int64(e.state & callRefused >> 1), nil
	}
	a, ok, err := r.access(e.position)
	if err == nil && !ok {
		err = badTape(e)
	}
	got, not := a.calls()
	return int64(got), int64(not), err
}

// answered goes over the calls that blocks count at positions in [low, high], the latest
// first: whole blocks, and where there is none, or it is not taken, the positions to be
// read call by call. A block is good until the next.
func (r *reader) answered(width, low, high int64, take func(l *callBlock, from, to int64) (bool, error), rest func(low, high int64) error) error {
	var l callBlock
	high = min(high, r.at)
	for low = max(low, 0); high >= low; {
		from := high &^ (width - 1)
		if to := from + width - 1; from >= low && to <= high {
			row, ok, err := r.getAt(callBlocks, to)
			if err != nil {
				return err
			}
			if ok && row.position == to {
				if err := row.decode(&l); err != nil {
					return err
				}
				if l.From != from {
					return damagedBy(fmt.Errorf("a block of calls that ends at %d begins at %d, not at %d", to, l.From, from))
				}
				if taken, err := take(&l, from, to); err != nil {
					return err
				} else if taken {
					high = from - 1
					continue
				}
			}
		}
		if err := rest(max(from, low), high); err != nil {
			return err
		}
		high = from - 1
	}
	return nil
}

// callByCall visits those that blocks count, one by one, the latest first.
func (r *reader) callByCall(low, high int64, visit func(*taped) error) error {
	return r.tape(tapeCalls, low, high, true, func(e *taped) error {
		if !e.counted() {
			return nil
		}
		return visit(e)
	})
}
