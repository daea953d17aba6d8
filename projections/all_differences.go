package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"ledgerline/projections/graph"
)

// maxCompared is how many datasets one part of the list of all differences compares.
// Of those that it passes over, only the graph in memory is looked at.
const maxCompared = 1000

// allDifferences compares all datasets of which columns were both declared and
// observed at some time, until the part is full.
func (r *reader) allDifferences(ctx context.Context, q DifferenceQuery, list *DifferenceList) error {
	at, err := q.differencesAfter()
	if err != nil {
		return err
	}
	w, err := newWalk(r, vertex{}, LineageQuery{}) // from nowhere: only edges are read
	if err != nil {
		return err
	}
	room, compared, listed := q.limit(), 0, make(map[string]bool)
	ever, nodes := w.g.Ever(), w.g.Nodes()
	for ; int(at.node) < len(nodes); at = at.next() {
		if at.node%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if nodes[at.node] != graph.Dataset || w.g.Dropped(at.node) {
			continue
		}
		told, err := w.toldBoth(ever, at.node)
		if err != nil {
			return err
		}
		if !told {
			clear(w.same) // there may be millions
			continue
		}
		v, known, err := r.named(at.node)
		if err != nil {
			return err
		}
		if !known { // the others were named later, too
			break
		}
		if q.Namespace != "" && v.Namespace != q.Namespace {
			continue
		}
		if room == 0 || compared == maxCompared {
			list.Next = at.cursor()
			break
		}
		compared++
		found, runs, err := w.differencesOf(ctx, at.node)
		if err != nil {
			return err
		}
		rows := len(found) + len(runs)
		end := min(at.done+room, rows)
		room -= max(end-at.done, 0)
		for i := at.done; i < end; i++ {
			if i < len(found) {
				list.Differences = append(list.Differences, found[i])
			} else if d := runs[i-len(found)]; !listed[d.Run] {
				list.Runs, listed[d.Run] = append(list.Runs, d), true
			}
		}
		if end < rows {
			list.Next = differencesPlace{at.node, end}.cursor()
			break
		}
	}
	list.LimitsHit = w.limits()
	list.Complete = len(list.LimitsHit) == 0 && list.Next == ""
	return r.keepRuns(list)
}

// differencesPlace is where a part of the list of all differences begins: at a
// dataset, of which so many rows were listed before.
type differencesPlace struct {
	node uint32
	done int
}

func (p differencesPlace) next() differencesPlace { return differencesPlace{node: p.node + 1} }

func (p differencesPlace) cursor() string { return fmt.Sprintf("%d.%d", p.node, p.done) }

func (q DifferenceQuery) differencesAfter() (p differencesPlace, err error) {
	if q.Cursor == "" {
		return differencesPlace{node: 1}, nil
	}
	if n, err := fmt.Sscanf(q.Cursor, "%d.%d", &p.node, &p.done); n != 2 || err != nil || p.done < 0 || p.cursor() != q.Cursor {
		return p, &CursorError{q.Cursor}
	}
	return p, nil
}

const toldTwice = graph.Declared | graph.Observed

// toldBoth reports whether columns that go into a dataset were declared and columns
// were observed, now or before. Of several names of one dataset it is true of the first
// of which either was.
func (w *walk) toldBoth(ever graph.View, node uint32) (bool, error) {
	told, err := w.toldAt(ever, node)
	if told == 0 || err != nil {
		return false, err
	}
	names, err := w.sameAs(node)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if name == node {
			continue
		}
		also, err := w.toldAt(ever, name)
		if err != nil || also != 0 && name < node && !w.g.Dropped(name) {
			return false, err
		}
		told |= also
	}
	return told == toldTwice, nil
}

func (w *walk) toldAt(ever graph.View, node uint32) (told graph.State, err error) {
	looked := int64(1)
	ever.Each(graph.Up, node, func(e graph.Edge, s graph.State) bool {
		looked++
		if e.Kind == graph.Flow && e.Set != 0 {
			told |= s & toldTwice
		}
		return told != toldTwice
	})
	return told, w.r.cost.spend(looked)
}

// differencesOf compares what leads to a dataset, and each job's latest run that
// wrote it.
func (w *walk) differencesOf(ctx context.Context, node uint32) (found []Difference, runs []RunDifference, err error) {
	if found, err = w.differences(node); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(found, func(a, b Difference) int { return cmp.Compare(a.From, b.From) })
	names, err := w.sameAs(node)
	if err != nil {
		return nil, nil, err
	}
	writes, err := w.writes(graph.Up, names)
	if err != nil {
		return nil, nil, err
	}
	runs, err = w.runDifferences(ctx, writes)
	return found, runs, err
}
