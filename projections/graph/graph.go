// Package graph keeps the lineage graph in memory, its history included, and
// walks it as of any past position.
//
// Nodes and edges are numbers; names and provenance stay on disk, with who uses
// this package. An edge has a state (who shows it), and the time in which it has
// one state is a span [begin, end) of steps: a step is one record that changed
// the graph. So the graph as of a position is the spans that hold it, and no
// past moment has to be rebuilt.
//
// Most spans lie in compressed adjacency arrays, sorted and in both directions
// (csr.go). What came since they were made lies in an overlay of short lists
// (overlay.go), which a background rebuild folds in (fold.go). Readers take no
// lock: a span's end is set once, the lists only grow, and a reader passes over
// all that begins after its position.
//
// Where to read next: step.go (what changes a graph, and its stored form),
// view.go (reading), reach.go and columns.go (walking).
package graph

import (
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
)

// Kind is the kind of an edge. Numbers are part of the stored form.
type Kind uint8

// The kinds of edges. Dropped and Born are none, but what changes a node.
const (
	Flow     Kind = iota // dataset to dataset, by Job, with the columns Set
	Precedes             // job to job or run to run, with the rules Set
	Reads                // dataset to job
	Writes               // job to dataset
	Feeds                // job to job
	Started              // job to job or run to run
	Same                 // dataset to another name of it; kept in both directions
	Dropped              // From is a dataset, dropped while the state is not 0
	Born                 // From is a new node and To its NodeKind
	kinds
)

// flows reports whether edges of the kind bear a Job and a Set.
func (k Kind) flows() bool { return k <= Precedes }

// NodeKind is the kind of a node. Numbers are part of the stored form.
type NodeKind uint8

// The kinds of nodes.
const (
	Dataset NodeKind = iota + 1
	Job
	Run
)

// State says who shows an edge; 0 is nobody.
type State uint8

// The parts of a state. An edge is mixed if what came from what is not told: it
// leads through its job to all mixed edges at the other side.
const (
	Observed State = 1 << iota // a run
	Declared                   // a job or dataset
	MixedObserved
	MixedDeclared
	states
)

// Edge identifies an edge. Node 0 does not exist: Job is 0 if a dataset declares
// the flow itself, Set if columns or rules are not known.
type Edge struct {
	Kind               Kind
	From, To, Job, Set uint32
}

// maxTagged bounds jobs and sets of flows, which share a word with a tag.
const maxTagged = 1<<29 - 1

// open is the end of a span that has none yet, and past every step.
const open = math.MaxUint32

// Options of a graph. The zero value is usable.
type Options struct {
	Logger *slog.Logger // nil: discards
	// FoldEdges is how many spans the overlay may hold before it is folded in; 0
	// means 65536 or an eighth of the arrays, whichever is more.
	FoldEdges int
}

// Graph is a temporal graph. Any number may read while one writes.
type Graph struct {
	log       *slog.Logger
	foldEdges int

	now     atomic.Pointer[snapshot]
	steps   atomic.Pointer[[]int64] // positions by step; step 0 stands before all
	nodes   atomic.Pointer[[]NodeKind]
	sets    atomic.Pointer[[]columnSet]
	dropped dropped
	renamed atomic.Bool // some edge is a Same
	scratch sync.Pool   // of *marks

	mu      sync.Mutex      // held by who writes
	pending []pendingChange // since a fold began; nil if none is going on
	folding bool
	folded  sync.WaitGroup
}

// snapshot is one generation of arrays and the overlay over them.
type snapshot struct {
	base   *arrays
	over   overlay
	recent map[Edge]ends // the overlay's open spans, for who writes
}

// New returns an empty graph.
func New(o Options) *Graph {
	return newGraph(o, new(arrays), []int64{-1}, []NodeKind{0}, []columnSet{{}})
}

func newGraph(o Options, base *arrays, steps []int64, nodes []NodeKind, sets []columnSet) *Graph {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Graph{log: o.Logger, foldEdges: o.FoldEdges}
	g.steps.Store(&steps)
	g.nodes.Store(&nodes)
	g.sets.Store(&sets)
	g.now.Store(newSnapshot(base))
	return g
}

// Applied is the position of the last step, -1 if there is none.
func (g *Graph) Applied() int64 {
	steps := *g.steps.Load()
	return steps[len(steps)-1]
}

// Apply adds a step. One that is not later than the last is skipped, so that
// steps may be sent again. An error says that the steps do not fit together: the
// graph is of no more use.
func (g *Graph) Apply(s *Step) error {
	if err := s.check(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	steps := *g.steps.Load()
	if s.Position <= steps[len(steps)-1] {
		return nil
	}
	if len(steps) >= open {
		return fmt.Errorf("lineage graph: more than %d steps", uint32(open))
	}
	at := uint32(len(steps))
	g.learn(s)
	for _, c := range s.Changes {
		if g.folding && c.Kind < Dropped {
			g.pending = append(g.pending, pendingChange{at, c})
		}
		if err := g.change(g.now.Load(), at, c); err != nil {
			return fmt.Errorf("lineage graph, step of position %d: %w", s.Position, err)
		}
	}
	steps = append(steps, s.Position) // readers see what it holds from here on
	g.steps.Store(&steps)
	g.startFold()
	return nil
}

// learn takes in what a step says about nodes and sets.
func (g *Graph) learn(s *Step) {
	if len(s.Sets) > 0 {
		sets := *g.sets.Load()
		for _, c := range s.Sets {
			sets = putSet(sets, c)
		}
		g.sets.Store(&sets)
	}
	before := *g.nodes.Load()
	nodes := before
	for i := range s.Changes {
		nodes = putNodes(nodes, &s.Changes[i])
		if s.Changes[i].Kind == Same {
			g.renamed.Store(true)
		}
	}
	if len(nodes) > len(before) {
		g.nodes.Store(&nodes)
	}
}

// putNodes notes the nodes of a change. Their numbers come in order, so that what
// readers hold is not written to.
func putNodes(nodes []NodeKind, c *Change) []NodeKind {
	last, kind := max(c.From, c.To, c.Job), NodeKind(0)
	if c.Kind == Born {
		last, kind = c.From, NodeKind(c.To)
	}
	for int(last) > len(nodes) {
		nodes = append(nodes, 0)
	}
	if int(last) == len(nodes) {
		nodes = append(nodes, kind)
	}
	return nodes
}

// change closes an edge's span and opens the next.
func (g *Graph) change(s *snapshot, at uint32, c Change) error {
	switch {
	case c.Kind == Born:
		return nil
	case c.Kind == Dropped:
		g.dropped.change(c.From, at, c.Is != 0)
		return nil
	}
	if c.Was == c.Is {
		s.openSpan(at, c.Edge, c.Is)
		return s.closeSpan(at, c.Edge)
	}
	if c.Was != 0 {
		if err := s.closeSpan(at, c.Edge); err != nil {
			return err
		}
	}
	if c.Is != 0 {
		s.openSpan(at, c.Edge, c.Is)
	}
	return nil
}

// Size says how large a graph is.
type Size struct {
	Nodes, Spans, Steps int
	// Recent is how many of the spans lie in the overlay.
	Recent int
	// Bytes is what arrays, steps and node kinds hold; Columns what the sets of
	// columns do.
	Bytes, Columns int64
}

// Size measures the graph. It looks at every set of columns.
func (g *Graph) Size() Size {
	s := g.now.Load()
	nodes, steps := len(*g.nodes.Load())-1, len(*g.steps.Load())-1
	size := Size{Nodes: nodes, Steps: steps, Recent: int(s.over.spans.Load())}
	size.Spans = len(s.base.out.list) + len(s.base.down.list) + size.Recent
	size.Bytes = s.base.bytes() + int64(steps)*8 + int64(nodes) + int64(size.Recent)*recentBytes
	for _, c := range *g.sets.Load() {
		size.Columns += c.bytes()
	}
	return size
}
