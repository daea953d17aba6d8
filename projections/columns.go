package projections

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// A columnPair says that a column of the source went into a column of the
// target. An empty field is the dataset as a whole: an empty To is what every
// column depends on (a filter, a join key), kept once and not per column.
type columnPair struct {
	From string `json:"from"`
	To   string `json:"to"`
	// FromWord and ToWord are the numbers of From and To.
	FromWord        uint32   `json:"from_word"`
	ToWord          uint32   `json:"to_word"`
	Transformations []string `json:"transformations"`
	Masking         bool     `json:"masking"`
}

func (p *columnPair) code(c *coder) {
	c.texts(&p.From, &p.To)
	integer(c, &p.FromWord)
	integer(c, &p.ToWord)
	textList(c, &p.Transformations)
	c.bool(&p.Masking)
}

// columnsRow is a set of pairs.
type columnsRow []columnPair

func (r *columnsRow) code(c *coder) { list(c, (*[]columnPair)(r), (*columnPair).code) }

func pairOf(in *events.ColumnInput, field string) columnPair {
	p := columnPair{From: in.Field, To: field}
	for _, t := range in.Transformations {
		name := t.Type
		if t.Subtype != "" {
			name += "/" + t.Subtype
		}
		p.Transformations = append(p.Transformations, name)
		p.Masking = p.Masking || t.Masking
	}
	return p
}

// comparePairs orders pairs by their columns.
func comparePairs(a, b columnPair) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

// mergePairs unites sets of pairs; equal pairs unite their transformations.
func mergePairs(sets ...[]columnPair) []columnPair {
	type ends struct{ from, to string }
	all := make(map[ends]columnPair)
	for _, set := range sets {
		for _, p := range set {
			k := ends{p.From, p.To}
			have := all[k]
			have.From, have.To, have.Masking = p.From, p.To, have.Masking || p.Masking
			have.FromWord, have.ToWord = max(have.FromWord, p.FromWord), max(have.ToWord, p.ToWord)
			have.Transformations = slices.Concat(have.Transformations, p.Transformations)
			slices.Sort(have.Transformations)
			have.Transformations = slices.Compact(have.Transformations)
			all[k] = have
		}
	}
	return slices.SortedFunc(maps.Values(all), comparePairs)
}

type flowEnds struct {
	From Dataset `json:"from"`
	To   Dataset `json:"to"`
}

func (f flowEnds) compare(o flowEnds) int { return cmp.Or(f.From.compare(o.From), f.To.compare(o.To)) }

// columnFlow is a flow between datasets and the number of the set of its columns;
// 0 if the columns are not known.
type columnFlow struct {
	flowEnds
	Columns uint32 `json:"columns"`
}

func (f *columnFlow) code(c *coder) {
	f.From.code(c)
	f.To.code(c)
	integer(c, &f.Columns)
}

// putFlows stores the columns of flows, keeps the columns that they name, and
// returns the flows in order.
func putFlows(b *batch, columns map[flowEnds][]columnPair) ([]columnFlow, error) {
	var flows []columnFlow
	for _, ends := range slices.SortedFunc(maps.Keys(columns), flowEnds.compare) {
		k := b.flowKey(ends, columns[ends])
		if set, known := b.s.flows[string(k)]; known {
			flows = append(flows, columnFlow{ends, set})
			continue
		}
		key := string(k)
		pairs := mergePairs(columns[ends])
		var from, to []string
		for _, p := range pairs {
			from, to = append(from, p.From), append(to, p.To)
		}
		if err := noteDataset(b, ends.From, from); err != nil {
			return nil, err
		}
		if err := noteDataset(b, ends.To, to); err != nil {
			return nil, err
		}
		set, err := putColumns(b, pairs)
		if err != nil {
			return nil, err
		}
		if len(b.s.flows) == keptFlows {
			clear(b.s.flows)
		}
		b.s.flows[key] = set
		flows = append(flows, columnFlow{ends, set})
	}
	return flows, nil
}

// keptFlows is of how many flows it is kept in memory that they are known, and by
// which set of columns: nearly all runs repeat what others told.
const keptFlows = 1 << 14

// flowKey is what an event tells of a flow, in bytes that are good until the next
// look.
func (b *batch) flowKey(ends flowEnds, pairs []columnPair) []byte {
	b.coder.out = b.looked[:0]
	ends.From.code(&b.coder)
	ends.To.code(&b.coder)
	list(&b.coder, &pairs, (*columnPair).code)
	b.looked = b.coder.out
	return b.looked
}

// putColumns stores a set of pairs and returns its number; 0 for no pairs. Runs of
// a job mostly repeat the same columns, so that a run costs one small row and not
// one per column.
func putColumns(b *batch, pairs []columnPair) (uint32, error) {
	if len(pairs) == 0 {
		return 0, nil
	}
	var err error
	for i := range pairs {
		p := &pairs[i]
		if p.FromWord, err = b.word(p.From); err != nil {
			return 0, err
		}
		if p.ToWord, err = b.word(p.To); err != nil {
			return 0, err
		}
	}
	sum := sha256.Sum256(encode(nil, (*columnsRow)(&pairs)))
	return b.number(b.look(tColumns, string(sum[:])), tColumnSet, func(n uint32) coded {
		set := graph.ColumnSet{ID: n}
		for _, p := range pairs {
			set.Pairs = append(set.Pairs, graph.Pair{From: p.FromWord, To: p.ToWord})
		}
		b.step.sets = append(b.step.sets, set)
		return (*columnsRow)(&pairs)
	})
}

// mergeFlows unites flows; those with the same ends unite their columns.
func (b *batch) mergeFlows(sets ...[]columnFlow) ([]columnFlow, error) {
	flows := make(map[flowEnds]columnFlow)
	for _, f := range slices.Concat(sets...) {
		if old, ok := flows[f.flowEnds]; ok && old.Columns != f.Columns {
			a, err := b.columns(old.Columns)
			if err != nil {
				return nil, err
			}
			z, err := b.columns(f.Columns)
			if err != nil {
				return nil, err
			}
			if f.Columns, err = putColumns(b, mergePairs(a, z)); err != nil {
				return nil, err
			}
		}
		flows[f.flowEnds] = f
	}
	return slices.SortedFunc(maps.Values(flows), func(a, z columnFlow) int { return a.flowEnds.compare(z.flowEnds) }), nil
}

// columns reads a set of pairs, which the caller leaves as it is.
func (b *batch) columns(set uint32) ([]columnPair, error) {
	if set == 0 {
		return nil, nil
	}
	pairs, err := recall[columnsRow](b, numberKey(tColumnSet, set))
	if err != nil || pairs == nil {
		return nil, err
	}
	return *pairs, nil
}

// unite is the sorted union of two sets.
func unite[T any](a, b []T, compare func(T, T) int) []T {
	all := slices.SortedFunc(slices.Values(slices.Concat(a, b)), compare)
	return slices.CompactFunc(all, func(x, y T) bool { return compare(x, y) == 0 })
}
