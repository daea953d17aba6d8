package projections

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"ledgerline/events"
)

// A columnPair says that a column of the source went into a column of the
// target. An empty field is the dataset as a whole: an empty To is what every
// column depends on (a filter, a join key), kept once and not per column.
type columnPair struct {
	From            string   `json:"from"`
	To              string   `json:"to"`
	Transformations []string `json:"transformations"`
	Masking         bool     `json:"masking"`
}

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

// columnFlow is a flow between datasets and the hash of its columns; no hash if
// the columns are not known.
type columnFlow struct {
	flowEnds
	Columns []byte `json:"columns"`
}

func (f columnFlow) equal(o columnFlow) bool {
	return f.flowEnds == o.flowEnds && bytes.Equal(f.Columns, o.Columns)
}

// putFlows stores the columns of flows, keeps the columns that they name, and
// returns the flows in order.
func putFlows(b *batch, columns map[flowEnds][]columnPair) ([]columnFlow, error) {
	var flows []columnFlow
	for _, ends := range slices.SortedFunc(maps.Keys(columns), flowEnds.compare) {
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
		hash, err := putColumns(b, pairs)
		if err != nil {
			return nil, err
		}
		flows = append(flows, columnFlow{ends, hash})
	}
	return flows, nil
}

// putColumns stores a set of pairs under its hash and returns the hash; nil for
// no pairs. Runs of a job mostly repeat the same columns, so that a run costs one
// small row and not one per column.
func putColumns(b *batch, pairs []columnPair) ([]byte, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	body, err := rowEncoding.Marshal(pairs)
	if err != nil {
		return nil, fmt.Errorf("views: encoding columns: %w", err)
	}
	sum := sha256.Sum256(body)
	k := entityKey(tColumns, string(sum[:]))
	if known, err := b.has(k); err != nil || known {
		return sum[:], err
	}
	return sum[:], b.put(k, pairs)
}

// mergeFlows unites flows; those with the same ends unite their columns.
func mergeFlows(b *batch, sets ...[]columnFlow) ([]columnFlow, error) {
	flows := make(map[flowEnds]columnFlow)
	for _, f := range slices.Concat(sets...) {
		if old, ok := flows[f.flowEnds]; ok && !bytes.Equal(old.Columns, f.Columns) {
			var a, z []columnPair
			if err := b.columns(old.Columns, &a); err != nil {
				return nil, err
			}
			if err := b.columns(f.Columns, &z); err != nil {
				return nil, err
			}
			hash, err := putColumns(b, mergePairs(a, z))
			if err != nil {
				return nil, err
			}
			f.Columns = hash
		}
		flows[f.flowEnds] = f
	}
	return slices.SortedFunc(maps.Values(flows), func(a, z columnFlow) int { return a.flowEnds.compare(z.flowEnds) }), nil
}

// columns reads a set of pairs by its hash.
func (b *batch) columns(hash []byte, into *[]columnPair) error {
	if len(hash) == 0 {
		return nil
	}
	_, err := b.get(entityKey(tColumns, string(hash)), into)
	return err
}

// unite is the sorted union of two sets.
func unite[T any](a, b []T, compare func(T, T) int) []T {
	all := slices.SortedFunc(slices.Values(slices.Concat(a, b)), compare)
	return slices.CompactFunc(all, func(x, y T) bool { return compare(x, y) == 0 })
}
