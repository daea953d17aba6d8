package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"ledgerline/ledger/proof"
)

// A tileCheck is what was found of one tile of leaf hashes and its records.
//
// Each record is hashed with the hash that the tile has for the one before it, so
// an edited record does not blame the next, and tiles are checked in parallel.
// Where they disagree, the tile or the record may be at fault. The tiles that are
// suspect are then read again in order, each record chained to what the one
// before it hashes to: if that leads to the tree's root, the records are right.
type tileCheck struct {
	n, first, end int64        // tile number and positions [first, end)
	stored        []proof.Hash // nil if the tile cannot be read
	err           error        // why not
	faults        []Finding    // of the records, if the tile is right
	chain         []proof.Hash // what the records hash to; nil if one is missing
	read          int64        // records that are there
}

func (c *tileCheck) fault(kind string, from, to int64, format string, args ...any) {
	c.faults = append(c.faults, Finding{kind, from, to, fmt.Sprintf(format, args...)})
}

// runTiles is how many tiles a worker reads in one go: enough that seeking does
// not count, few enough that workers end together.
const runTiles = 32

// checkTiles hashes the records tile by tile, a run of them by each worker at a
// time.
func (v *verification) checkTiles(ctx context.Context, from int64) error {
	v.derived = newDerived(v, from)
	tiles := (v.tail.row.Size + tileWidth - 1) / tileWidth
	first := from / tileWidth
	err := v.inParallel(ctx, (tiles-first+runTiles-1)/runTiles, v.derived.room, func() (worker, error) {
		w := v.newChecker()
		return worker{
			do: func(ctx context.Context, run int64) error {
				n := first + run*runTiles
				return w.checkRun(ctx, run, n, min(n+runTiles, tiles))
			},
			end: func() error {
				v.derived.join(w)
				return w.close()
			},
		}, nil
	})
	v.report.Checked = v.checked.Load()
	if err != nil {
		return err
	}
	return v.settle(ctx)
}

// A worker does tasks one after the other; end is called when there are no more.
type worker struct {
	do  func(ctx context.Context, task int64) error
	end func() error
}

// workers is how many there are to be.
func (v *verification) workers() int {
	if v.opts.Workers > 0 {
		return v.opts.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// inParallel hands out the tasks [0, n) in order to the workers. The first error
// ends all. Before a task is handed out something is put into room, if there is
// one; who does the task has to take it out again.
func (v *verification) inParallel(ctx context.Context, n int64, room chan struct{}, hire func() (worker, error)) error {
	group, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(int64(v.workers()), n) {
		wg.Go(func() {
			w, err := hire()
			if err != nil {
				cancel(err)
				return
			}
			for {
				if room != nil { // before the task is known, so that the first always has a place
					select {
					case room <- struct{}{}:
					case <-group.Done():
					}
				}
				task := next.Add(1) - 1
				if group.Err() != nil || task >= n {
					break
				}
				if err := w.do(group, task); err != nil {
					cancel(err)
				}
			}
			if err := w.end(); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(group)
}

// checkRun checks the tiles [from, to), which follow one another.
func (w *checker) checkRun(ctx context.Context, run, from, to int64) error {
	v, allSound := w.v, true
	for n := from; n < to; n++ {
		c := &tileCheck{n: n, first: n * tileWidth, end: min((n+1)*tileWidth, v.tail.row.Size)}
		sound, err := w.checkTile(ctx, c)
		if err != nil {
			return err
		}
		if !sound {
			allSound = false
			v.mu.Lock()
			v.suspects = append(v.suspects, c)
			v.mu.Unlock()
		}
		done := v.checked.Add(c.read)
		if v.opts.Progress != nil {
			v.opts.Progress(done, v.tail.row.Size)
		}
	}
	return v.derived.fold(run, w.said, allSound)
}

// fitsAbove compares a tile with the hash it has in the tile above, if that is
// full. Tiles above that are not full are made from those below, and the root
// tells.
func (v *verification) fitsAbove(level int, n int64, hashes []proof.Hash) bool {
	parent, ok := v.parent(level, n)
	if !ok {
		return true
	}
	if parent == nil || subtreeRoot(hashes) != parent[n%tileWidth] {
		return false
	}
	return n%tileWidth < tileWidth-1 || v.fitsAbove(level+1, n/tileWidth, parent)
}

// parent reads the tile above; ok if it is full and thus stored, nil if it cannot
// be read.
func (v *verification) parent(level int, n int64) (hashes []proof.Hash, ok bool) {
	above := v.tail.row.Size >> (tileHeight * (level + 1))
	if (n/tileWidth+1)*tileWidth > above {
		return nil, false
	}
	hashes, err := v.tiles.tile(level+1, n/tileWidth)
	if err != nil {
		return nil, true
	}
	return hashes, true
}

// walk visits the record rows of one tile in order.
func (v *verification) walk(ctx context.Context, c *tileCheck, visit func(position int64, row []byte)) error {
	records := cursor{db: v.l.db, row: rowRecord}
	return errors.Join(records.walk(ctx, c, visit), records.close())
}

// follow chains the records of a suspect tile to one another.
func (v *verification) follow(ctx context.Context, c *tileCheck, prev proof.Hash) error {
	chain, whole := make([]proof.Hash, 0, tileWidth), true
	again := &tileCheck{first: c.first, end: c.end}
	err := v.walk(ctx, again, func(position int64, row []byte) {
		if !whole || row == nil {
			whole = false
			return
		}
		r, _, err := v.l.rebuild(position, prev, row)
		if err != nil {
			whole = false
			return
		}
		prev = r.Hash
		chain = append(chain, prev)
	})
	if whole && len(again.faults) == 0 {
		c.chain = chain
	}
	return err
}

// settle decides, where tiles and records disagree, which of them are at fault.
func (v *verification) settle(ctx context.Context) error {
	if v.sound && len(v.suspects) == 0 {
		return nil
	}
	slices.SortFunc(v.suspects, func(a, b *tileCheck) int { return cmp.Compare(a.n, b.n) })
	chains := make(map[int64][]proof.Hash, len(v.suspects))
	for _, c := range v.suspects {
		prev, err := v.l.prev(v.tiles, c.first)
		if chain := chains[c.n-1]; chain != nil {
			prev, err = chain[tileWidth-1], nil
		}
		if err != nil {
			continue // the tile before it is lost, and a record of it too
		}
		if err := v.follow(ctx, c, prev); err != nil {
			return err
		}
		if c.chain != nil {
			chains[c.n] = c.chain
		}
	}
	e, err := v.edgeWith(chains)
	recordsRight := err == nil && e.root() == v.tail.row.Root
	if !v.sound {
		v.settleHead(e, err, recordsRight)
	}
	for _, c := range v.suspects {
		if err := v.blame(ctx, c, recordsRight); err != nil {
			return err
		}
	}
	return nil
}

// edgeWith is the right edge of the tree that has the given tiles of leaf hashes
// in the place of the stored ones.
func (v *verification) edgeWith(chains map[int64][]proof.Hash) (edge, error) {
	return buildEdge(v.tail.row.Size, func(level int, n int64) ([]proof.Hash, error) {
		if chain := chains[n]; level == 0 && chain != nil {
			return chain, nil
		}
		return v.tiles.tile(level, n)
	})
}

// settleHead decides which tree to go on with when the stored one does not have
// the root of the head: that of the records, if it has, or if tiles and records
// agree and only the head differs. If neither has, no more is known of any part of
// it than earlier heads prove.
func (v *verification) settleHead(e edge, err error, recordsRight bool) {
	last := v.tail.row.Size - 1
	switch {
	case recordsRight:
		v.tiles.edge = e
	case err == nil && len(v.suspects) == 0:
		v.tiles.edge = e
		v.find(DerivedRow, last, last, "the stored head has root %s; the records have %s", v.tail.row.Root, e.root())
	default:
		v.doubtful = true
	}
}

// blame reports what is wrong with one suspect tile.
func (v *verification) blame(ctx context.Context, c *tileCheck, recordsRight bool) error {
	parent, ok := v.parent(0, c.n)
	if ok {
		recordsRight = parent != nil && c.chain != nil && subtreeRoot(c.chain) == parent[c.n%tileWidth]
	}
	if recordsRight && c.chain != nil {
		return v.blameTile(ctx, c)
	}
	v.mu.Lock()
	v.report.Findings = append(v.report.Findings, c.faults...)
	v.mu.Unlock()
	switch {
	case c.err != nil:
		v.find(Unreadable, c.first, c.end-1, "the tile of leaf hashes: %s", reason(c.err))
	case len(c.faults) == 0, ok && (parent == nil || subtreeRoot(c.stored) != parent[c.n%tileWidth]):
		v.find(TileEdited, c.first, c.end-1, "the tile of leaf hashes does not have the hash above it")
	}
	return nil
}

// blameTile reports the leaf hashes that are not those of the records, which are
// right, and checks what was left out before: the facets of those.
func (v *verification) blameTile(ctx context.Context, c *tileCheck) error {
	if len(c.stored) != len(c.chain) {
		v.find(TileEdited, c.first, c.end-1, "the tile of leaf hashes cannot be read: %v", c.err)
	} else {
		for i, h := range c.stored {
			if h != c.chain[i] {
				v.find(TileEdited, c.first+int64(i), c.first+int64(i), "the tree holds %s; the record hashes to %s", h, c.chain[i])
			}
		}
	}
	w := v.newChecker()
	if err := w.facets.to(c.first); err != nil {
		return err
	}
	err := w.records.walk(ctx, c, func(position int64, row []byte) {
		i := position - c.first
		if len(c.stored) == len(c.chain) && c.stored[i] == c.chain[i] && (i == 0 || c.stored[i-1] == c.chain[i-1]) {
			return
		}
		if _, b, err := splitRecordRow(row); err == nil && w.view.Read(b) == nil {
			w.checkFacets(position)
		}
	})
	return errors.Join(err, w.close())
}
