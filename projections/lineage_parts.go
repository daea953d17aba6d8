package projections

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"ledgerline/projections/graph"
)

// StreamNodes bounds an answer that is given in parts.
const StreamNodes = 500_000

// partNodes is about how many nodes a part describes.
const partNodes = 200

// GraphPart is a part of a graph. Nodes come nearest first; an edge comes when
// both of its ends have come.
type GraphPart struct {
	Depth int    `json:"depth"` // of its nodes, and of the farther ends of its edges
	Nodes []Node `json:"nodes"`
	Edges []Edge `json:"edges"`
}

// LineageParts is Lineage, told in parts by depth as they are found, for answers
// that are large: the first part does not wait for the last. MaxNodes is bounded
// by StreamNodes. Nodes whose parts hold "/", "#" or "%" go by their exact form,
// since others that read alike may still come. It returns the limits that were
// hit.
func (w *View) LineageParts(ctx context.Context, q LineageQuery, tell func(GraphPart) error) (limits []string, err error) {
	err = w.read(func(r *reader) error {
		start, err := r.resolve(ctx, q.Node)
		if err != nil {
			return err
		}
		most := cmp.Or(q.MaxNodes, StreamNodes)
		walk, err := newWalk(r, start, q)
		if err != nil {
			return err
		}
		walk.maxNodes = min(most, StreamNodes)
		if err := walk.find(ctx, q.Direction.ways()...); err != nil {
			return err
		}
		t := &telling{walk: walk, tell: tell, told: make(map[graph.Spot]bool), seen: make(map[graph.Spot]bool)}
		err = t.all(ctx)
		limits = walk.limits()
		return err
	})
	return limits, err
}

// telling tells what a walk found, level by level.
type telling struct {
	*walk
	tell func(GraphPart) error
	told map[graph.Spot]bool
	// seen tells of each node told whether the reader may see it.
	seen map[graph.Spot]bool
}

// toldEdge stands for an edge that was told.
var toldEdge = new(Edge)

// shows tells whether the reader may see a node, and counts it if not.
func (t *telling) shows(s graph.Spot) (bool, error) {
	v, err := t.names.full(s)
	if err != nil {
		return false, err
	}
	seen, err := t.r.seesNode(v)
	if err == nil && !seen {
		t.r.withhold(1)
	}
	return seen, err
}

func (t *telling) all(ctx context.Context) error {
	byDepth := make(map[int][]graph.Spot)
	for s, depth := range t.nodes {
		byDepth[depth] = append(byDepth[depth], s)
	}
	deepest := slices.Max(slices.Collect(maps.Keys(byDepth)))
	for depth := 0; depth <= deepest+1; depth++ {
		level := byDepth[depth]
		slices.SortFunc(level, compareSpots)
		for chunk := range slices.Chunk(level, partNodes) {
			if err := t.part(depth, chunk); err != nil {
				return err
			}
		}
		for _, way := range t.ways { // what the level before leads to, and other names
			if depth > 0 && depth <= len(way.levels) {
				if err := t.gatherLevel(ctx, way, depth-1); err != nil {
					return err
				}
			}
		}
		var fresh []graph.Spot // columns of datasets on the way
		for _, k := range t.fresh {
			for _, s := range []graph.Spot{k.from, k.to} {
				if !t.told[s] && t.nodes[s] <= depth {
					fresh = append(fresh, s)
				}
			}
		}
		if err := t.part(depth, unite(fresh, nil, compareSpots)); err != nil {
			return err
		}
	}
	return nil
}

// part tells nodes, and the edges that are found and not told and of which both
// ends are.
func (t *telling) part(depth int, nodes []graph.Spot) error {
	p := GraphPart{Depth: depth, Nodes: []Node{}, Edges: []Edge{}}
	texts := make(map[graph.Spot]string)
	name := func(s graph.Spot) error {
		v, err := t.names.full(s)
		if texts[s] = v.text(); strings.ContainsAny(v.Namespace+v.Name+v.Field, "/#%") {
			texts[s] = v.exact()
		}
		return err
	}
	for _, s := range nodes {
		if t.told[s] {
			continue
		}
		t.told[s] = true
		err := name(s)
		if err != nil {
			return err
		}
		if t.seen[s], err = t.shows(s); err != nil {
			return err
		}
		if !t.seen[s] {
			continue
		}
		n, err := t.node(s, texts[s], t.nodes[s])
		if err == nil {
			err = t.r.keepEntries(&n)
		}
		if err != nil {
			return err
		}
		p.Nodes = append(p.Nodes, n)
	}
	wait := t.fresh[:0]
	for _, k := range t.fresh {
		if !t.told[k.from] || !t.told[k.to] {
			wait = append(wait, k)
			continue
		}
		if !t.seen[k.from] || !t.seen[k.to] {
			t.edges[k] = toldEdge
			continue
		}
		if err := cmp.Or(name(k.from), name(k.to)); err != nil {
			return err
		}
		e, err := t.edge(k, texts)
		if err != nil {
			return err
		}
		p.Edges, t.edges[k] = append(p.Edges, e), toldEdge
	}
	t.fresh = wait
	if len(p.Nodes)+len(p.Edges) == 0 {
		return nil
	}
	slices.SortFunc(p.Nodes, func(a, b Node) int { return cmp.Or(cmp.Compare(a.Depth, b.Depth), cmp.Compare(a.ID, b.ID)) })
	slices.SortFunc(p.Edges, byEnds)
	return t.tell(p)
}
