package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"ledgerline/projections/graph"
)

// benchLineage: walks over the lineage graph in memory, now and as of a past
// position, beside a bare walk over adjacency arrays that know no history, and
// beside PostgreSQL's recursive query where postgres is installed.
func benchLineage(ctx context.Context, s *Session) (err error) {
	pg, err := startPostgres(ctx)
	if errors.Is(err, errNoPostgres) {
		s.say(0, 1, "%v: its part is left out", err)
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pg.stop()) }()
	for _, edges := range []int{10_000, 100_000, 1_000_000} {
		if err := s.walks(ctx, pg, s.Events(edges)); err != nil {
			return err
		}
	}
	if err := s.large(ctx, s.Events(10_000_000)); err != nil {
		return err
	}
	return s.estate(ctx, s.Events(2_000_000))
}

// dag is a layered graph of datasets, each made from two or three of the layers
// before: a tenth of its edges skip layers, a tenth end after the middle of
// history, and a tenth begin after it.
type dag struct {
	nodes, edges int
	from, to     []uint32
	begin, end   []int64 // moments; end 0: still there
	middle       int64
	sinks        []uint32 // of the last layer
}

const dagLayers = 20

func newDAG(edges int) *dag {
	rng := rand.New(rand.NewPCG(3, uint64(edges)))
	width := max(3, edges*2/5/dagLayers)
	d := &dag{nodes: width * dagLayers, middle: int64(edges) / 2}
	for layer := 1; layer < dagLayers; layer++ {
		for i := range width {
			to := uint32(layer*width + i + 1)
			for range 2 + rng.IntN(2) {
				back := 1
				if rng.IntN(10) == 0 {
					back += rng.IntN(min(layer, 4))
				}
				from := uint32((layer-back)*width + rng.IntN(width) + 1)
				begin, end := int64(rng.IntN(int(d.middle)+1)), int64(0)
				switch rng.IntN(10) {
				case 0:
					begin = d.middle + 1 + int64(rng.IntN(int(d.middle)))
				case 1:
					end = d.middle + 1 + int64(rng.IntN(int(d.middle)))
				}
				d.from, d.to = append(d.from, from), append(d.to, to)
				d.begin, d.end = append(d.begin, begin), append(d.end, end)
			}
		}
	}
	d.edges = len(d.from)
	for range 200 {
		d.sinks = append(d.sinks, uint32((dagLayers-1)*width+rng.IntN(width)+1))
	}
	return d
}

// graph loads the DAG as flows that datasets declare, a step for each change.
func (d *dag) graph() (*graph.Graph, error) {
	type change struct {
		at int64
		i  uint32
		is graph.State
	}
	changes := make([]change, 0, d.edges+d.edges/8)
	for i := range d.from {
		changes = append(changes, change{d.begin[i], uint32(i), graph.Declared})
		if d.end[i] != 0 {
			changes = append(changes, change{d.end[i], uint32(i), 0})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return int(a.at - b.at) })
	middle := d.middle // from here on a position
	l := graph.NewLoader()
	var step graph.Step
	for i, c := range changes {
		change := graph.Change{Edge: graph.Edge{Kind: graph.Flow, From: d.from[c.i], To: d.to[c.i], Set: c.i%1024 + 1}, Is: c.is}
		if c.is == 0 {
			change.Was = graph.Declared
		}
		step.Changes = append(step.Changes, change)
		if i%2 == 0 && i+1 < len(changes) && (c.at > middle) == (changes[i+1].at > middle) {
			continue // two edges to a record
		}
		if step.Position = int64(i); c.at <= middle {
			d.middle = step.Position
		}
		if err := l.Add(&step); err != nil {
			return nil, err
		}
		step.Changes = step.Changes[:0]
	}
	return l.Graph(graph.Options{}), nil
}

// bare is what a walk over adjacency arrays is without history: the edges that
// are there now, by their end.
type bare struct {
	off, from []uint32
	seen      []bool
	queue     []uint32
}

func (d *dag) bare() *bare {
	b := &bare{off: make([]uint32, d.nodes+2), seen: make([]bool, d.nodes+1)}
	for i, to := range d.to {
		if d.end[i] == 0 {
			b.off[to+1]++
		}
	}
	for n := range d.nodes + 1 {
		b.off[n+1] += b.off[n]
	}
	next := slices.Clone(b.off)
	b.from = make([]uint32, b.off[d.nodes+1])
	for i, to := range d.to {
		if d.end[i] == 0 {
			b.from[next[to]] = d.from[i]
			next[to]++
		}
	}
	return b
}

// ancestors is how many nodes are reached from a node, itself included.
func (b *bare) ancestors(n uint32, depth int) int {
	b.queue = append(b.queue[:0], n)
	b.seen[n] = true
	level := 0
	for at, end := 0, 1; at < len(b.queue) && level < depth; level++ {
		for ; at < end; at++ {
			v := b.queue[at]
			for _, from := range b.from[b.off[v]:b.off[v+1]] {
				if !b.seen[from] {
					b.seen[from] = true
					b.queue = append(b.queue, from)
				}
			}
		}
		end = len(b.queue)
	}
	for _, v := range b.queue {
		b.seen[v] = false
	}
	return len(b.queue)
}

// allDepths is more steps than there are layers.
const allDepths = 1000

// ask walks up from each of the sinks and returns the time of a walk and the
// nodes it came to, on average.
func ask(ctx context.Context, v graph.View, sinks []uint32, depth int) (seconds, nodes float64, err error) {
	start := time.Now()
	for _, n := range sinks {
		r, err := v.Reach(ctx, graph.Query{Direction: graph.Up, Seeds: [][]uint32{{n}}, Depth: depth})
		if err != nil {
			return 0, 0, err
		}
		nodes += float64(r.Count())
	}
	return time.Since(start).Seconds() / float64(len(sinks)), nodes / float64(len(sinks)), nil
}

// walks measures walks over a DAG of about so many edges.
func (s *Session) walks(ctx context.Context, pg *postgres, edges int) error {
	d := newDAG(edges)
	g, err := d.graph()
	if err != nil {
		return err
	}
	b, name := d.bare(), number(float64(d.edges))+" edges"
	now, past := g.At(g.Applied()), g.At(d.middle)
	sinks := d.sinks[:max(2, min(len(d.sinks), 2_000_000/d.edges))]
	ours := func(v graph.View, depth int) func(context.Context) (Sample, error) {
		return func(ctx context.Context) (Sample, error) {
			t, n, err := ask(ctx, v, sinks, depth)
			return Sample{"walk": t * 1e6, "per node": t * 1e9 / n, "nodes": n}, err
		}
	}
	naked := func(depth int) func(context.Context) (Sample, error) {
		return func(context.Context) (Sample, error) {
			start, n := time.Now(), 0
			for _, v := range sinks {
				n += b.ancestors(v, depth)
			}
			t := time.Since(start).Seconds() / float64(len(sinks))
			return Sample{"walk": t * 1e6, "nodes": float64(n) / float64(len(sinks))}, nil
		}
	}
	if err := s.Compare(ctx, "all ancestors, "+name, "bare arrays", []Measure{{"walk", "µs", Goal{Most: 2}}, {"nodes", "", Goal{Least: 1, Most: 1}}}, ours(now, allDepths), naked(allDepths)); err != nil {
		return err
	}
	if err := s.Compare(ctx, "as of the middle, "+name, "now", []Measure{{"per node", "ns", Goal{Most: 1.4}}}, ours(past, allDepths), ours(now, allDepths)); err != nil {
		return err
	}
	five, _, err := ask(ctx, now, d.sinks, 5)
	if err != nil {
		return err
	}
	s.tell("5 steps up, "+name, "walk", "µs", five*1e6, Goal{Most: 60})
	if pg == nil {
		return nil
	}
	if err := pg.load(ctx, d); err != nil {
		return err
	}
	few := sinks[:2]
	return s.Compare(ctx, "all ancestors, "+name, "PostgreSQL", []Measure{{"walks", "/s", Goal{Least: 18}}, {"nodes", "", Goal{Least: 1, Most: 1}}},
		func(ctx context.Context) (Sample, error) {
			t, n, err := ask(ctx, now, few, allDepths)
			return Sample{"walks": 1 / t, "nodes": n}, err
		},
		func(ctx context.Context) (Sample, error) {
			var took time.Duration
			n := 0
			for _, v := range few {
				t, count, err := pg.ancestors(ctx, v)
				if err != nil {
					return nil, err
				}
				took, n = took+t, n+count
			}
			return Sample{"walks": float64(len(few)) / took.Seconds(), "nodes": float64(n) / float64(len(few))}, nil
		})
}

// large measures what a large graph takes, and a question that comes to about ten
// thousand edges, now and as of a past position.
func (s *Session) large(ctx context.Context, edges int) error {
	d := newDAG(edges)
	g, err := d.graph()
	if err != nil {
		return err
	}
	name, size := number(float64(d.edges))+" edges", g.Size()
	s.tell("memory, "+name, "arrays", "MB", float64(size.Bytes)/1e6, Goal{Most: 450})
	now, past := g.At(g.Applied()), g.At(d.middle)
	depth := 1
	for ; depth < dagLayers; depth++ { // until about 4000 nodes, which 10,000 edges lead to
		if _, n, err := ask(ctx, now, d.sinks[:20], depth); err != nil || n > 4000 {
			if err != nil {
				return err
			}
			break
		}
	}
	d.from, d.to, d.begin, d.end = nil, nil, nil, nil
	runtime.GC()
	for _, when := range []struct {
		name string
		v    graph.View
	}{{"now", now}, {"as of the middle", past}} {
		var times []float64
		var nodes float64
		for range s.Rounds {
			t, n, err := ask(ctx, when.v, d.sinks, depth)
			if err != nil {
				return err
			}
			times, nodes = append(times, t), n
		}
		s.tell(fmt.Sprintf("%d steps up %s, %s", depth, when.name, name), "walk", "µs", median(times)*1e6, Goal{Most: 1000})
		s.tell(fmt.Sprintf("%d steps up %s, %s", depth, when.name, name), "nodes", "", nodes, Goal{})
	}
	return nil
}

// estate measures a graph shaped like that of a large organisation: assets are
// datasets and the jobs between them; most datasets are used a few times, some by
// thousands of jobs; half of the jobs tell which columns came from which, the
// others only what they read and wrote.
func (s *Session) estate(ctx context.Context, assets int) error {
	rng := rand.New(rand.NewPCG(5, uint64(assets)))
	jobs := max(2, assets*3/10)
	datasets := max(8, assets-jobs)
	source := func(near int) uint32 { // an early dataset: often one near by, sometimes a hub
		if rng.IntN(4) == 0 {
			return uint32(1 + int(float64(datasets-1)*pow4(rng.Float64())))
		}
		return uint32(1 + max(0, near-1-rng.IntN(2000)))
	}
	const columns, sets = 20, 500
	l := graph.NewLoader()
	step := graph.Step{}
	for i := range uint32(sets) {
		set := graph.ColumnSet{ID: i + 1}
		for c := range uint32(columns) {
			set.Pairs = append(set.Pairs, graph.Pair{From: 1 + (c+i)%columns, To: 1 + c})
		}
		step.Sets = append(step.Sets, set)
	}
	for j := range jobs {
		job, state := uint32(datasets+1+j), graph.Observed
		tells := j%2 == 0
		if !tells {
			state |= graph.MixedObserved
		}
		step.Changes = step.Changes[:0]
		at := 1 + j*(datasets-1)/jobs
		for n := range 1 + rng.IntN(2) {
			to := uint32(1 + min(at+n, datasets-1))
			step.Changes = append(step.Changes, graph.Change{Edge: graph.Edge{Kind: graph.Writes, From: job, To: to}, Is: state})
			for range 1 + rng.IntN(3) {
				from := source(at)
				read := graph.Change{Edge: graph.Edge{Kind: graph.Reads, From: from, To: job}, Is: state}
				if slices.Contains(step.Changes, read) {
					continue
				}
				step.Changes = append(step.Changes, read)
				if tells {
					step.Changes = append(step.Changes, graph.Change{Edge: graph.Edge{Kind: graph.Flow, From: from, To: to, Job: job, Set: 1 + uint32(rng.IntN(sets))}, Is: graph.Observed})
				}
			}
		}
		step.Position = int64(j)
		if err := l.Add(&step); err != nil {
			return err
		}
		step.Sets = nil
	}
	g := l.Graph(graph.Options{})
	size, v := g.Size(), g.At(int64(jobs))
	name := number(float64(assets)) + " assets"
	s.tell(name, "edges", "", float64(size.Spans), Goal{})
	s.tell(name, "arrays", "MB", float64(size.Bytes)/1e6, Goal{})
	for _, dir := range []graph.Direction{graph.Up, graph.Down} {
		for _, by := range []string{"datasets", "columns"} {
			var times, reached []float64
			for range 200 {
				n := uint32(1 + rng.IntN(datasets))
				start, count := time.Now(), 0
				if by == "datasets" {
					r, err := v.Reach(ctx, graph.Query{Direction: dir, Seeds: [][]uint32{{n}}, Depth: 5})
					if err != nil {
						return err
					}
					count = r.Count()
				} else {
					r, err := v.ReachColumns(ctx, graph.ColumnQuery{Direction: dir, Seeds: [][]graph.Spot{{{Node: n, Field: 1}}}, Depth: 5})
					if err != nil {
						return err
					}
					for _, l := range r.Levels {
						count += len(l)
					}
				}
				times, reached = append(times, time.Since(start).Seconds()*1e6), append(reached, float64(count))
			}
			slices.Sort(times)
			of := fmt.Sprintf("5 steps %s by %s, %s", [2]string{"down", "up"}[dir], by, name)
			s.tell(of, "p50", "µs", times[len(times)/2], Goal{})
			s.tell(of, "p95", "µs", times[len(times)*95/100], Goal{})
			s.tell(of, "nodes", "", median(reached), Goal{})
		}
	}
	return nil
}

func pow4(v float64) float64 { return v * v * v * v }
