package api

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"
)

// explore*.go make the graph that the lineage page draws: what lies around a node,
// with what the reader opened, expanded and collapsed, as of one moment or between
// two.

// maxExpanded bounds how many boxes one picture is expanded at.
const maxExpanded = 40

// A scene is a graph as the lineage page draws it.
type scene struct {
	graph projections.Graph
	// shown are the ids of nodes that are drawn. What else is in the graph is known
	// to be there, and the boxes next to it say so.
	shown map[string]bool
	// change says what became of nodes and edges between two moments.
	change map[string]string
	diff   *projections.LineageDiff
}

// explore collects the graph that a page asks for.
func (c *question) explore(q lineagePageQuery) (*scene, error) {
	if q.Compare != "" {
		return c.compare(q)
	}
	asked := projections.LineageQuery{Node: q.Node, Direction: q.Direction, Depth: q.Depth + 1, Columns: q.Columns}
	g, err := c.view.Lineage(c.ctx, asked)
	if err != nil {
		return nil, err
	}
	s := &scene{graph: g, shown: make(map[string]bool)}
	for _, n := range g.Nodes {
		if n.Depth <= q.Depth {
			s.shown[n.ID] = true
		}
	}
	for _, box := range boxCodes(q.More) {
		if err := c.expand(s, box, asked); err != nil {
			return nil, err
		}
	}
	if opened := boxCodes(q.Open); len(opened) > 0 && !q.Columns {
		if err := c.open(s, opened, asked); err != nil {
			return nil, err
		}
	}
	s.collapse(boxCodes(q.Less))
	return s, nil
}

// boxCodes are the boxes that a parameter names.
func boxCodes(list string) []string {
	if list == "" {
		return nil
	}
	out := strings.Split(list, ".")
	return out[:min(len(out), maxExpanded)]
}

// codeOf names a box in addresses, in every picture alike.
func codeOf(identity string) string { return strings.TrimPrefix(svgID(identity), "ll-") }

// named finds a node that is drawn in a box, the box's own if it is known.
func (s *scene) named(box string) (n projections.Node, ok bool) {
	for _, of := range s.graph.Nodes {
		if codeOf(boxIdentity(of)) == box {
			if n, ok = of, true; n.Kind != projections.NodeColumn {
				return n, ok
			}
		}
	}
	return n, ok
}

// expand shows the neighbours of a box, and takes up those beyond. A box that is
// not there as of this moment is passed over: the moment may have been changed.
func (c *question) expand(s *scene, box string, asked projections.LineageQuery) error {
	at, ok := s.named(box)
	if !ok {
		return nil
	}
	asked.Node, asked.Depth, asked.Direction = at.ID, 2, projections.Both
	g, err := c.view.Lineage(c.ctx, asked)
	if err != nil {
		return err
	}
	for i := range g.Nodes {
		if g.Nodes[i].Depth <= 1 {
			s.shown[g.Nodes[i].ID] = true
		}
		g.Nodes[i].Depth += at.Depth
	}
	s.unite(g)
	return nil
}

// unite adds what the scene lacks.
func (s *scene) unite(g projections.Graph) {
	known := make(map[string]bool)
	for _, n := range s.graph.Nodes {
		known[n.ID] = true
	}
	for _, n := range g.Nodes {
		if !known[n.ID] {
			s.graph.Nodes = append(s.graph.Nodes, n)
		}
	}
	edges := make(map[string]bool)
	for _, e := range s.graph.Edges {
		edges[edgeKey(e)] = true
	}
	for _, e := range g.Edges {
		if !edges[edgeKey(e)] {
			s.graph.Edges = append(s.graph.Edges, e)
		}
	}
	for _, l := range g.LimitsHit {
		if !slices.Contains(s.graph.LimitsHit, l) {
			s.graph.LimitsHit = append(s.graph.LimitsHit, l)
		}
	}
	slices.SortFunc(s.graph.Edges, func(a, b projections.Edge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Job, b.Job))
	})
}

// edgeKey tells the edges of a graph apart.
func edgeKey(e projections.Edge) string {
	return strings.Join([]string{e.From, e.To, e.Kind, e.Job}, "\x00")
}

// open lists the columns of some datasets, with the edges between columns of those
// that are open; the other ends of edges are the datasets.
func (c *question) open(s *scene, opened []string, asked projections.LineageQuery) error {
	asked.Columns = true
	g, err := c.view.Lineage(c.ctx, asked)
	if err != nil {
		return err
	}
	boxes := make(map[string]projections.Node) // of the opened datasets that are drawn
	for _, n := range s.graph.Nodes {
		if n.Kind == projections.NodeDataset && s.shown[n.ID] && slices.Contains(opened, codeOf(boxIdentity(n))) {
			boxes[boxIdentity(n)] = n
		}
	}
	datasets := make(map[string]string) // ids of all that are drawn, by identity
	for _, n := range s.graph.Nodes {
		if n.Kind == projections.NodeDataset {
			datasets[boxIdentity(n)] = n.ID
		}
	}
	place, listed := make(map[string]string), make(map[string]bool)
	var more projections.Graph
	for _, n := range g.Nodes {
		if n.Kind != projections.NodeColumn {
			continue
		}
		identity := boxIdentity(n)
		if box, open := boxes[identity]; open {
			place[n.ID] = n.ID
			listed[identity+"\x00"+n.Field] = true
			n.Depth = box.Depth
			more.Nodes = append(more.Nodes, n)
			s.shown[n.ID] = true
		} else {
			place[n.ID] = datasets[identity]
		}
	}
	for _, e := range g.Edges {
		if from, to := place[e.From], place[e.To]; from != "" && to != "" && (from == e.From || to == e.To) && e.Kind != projections.EdgePartOf {
			e.From, e.To = from, to
			more.Edges = append(more.Edges, e)
		}
	}
	for identity, box := range boxes { // columns that nothing is known to flow through
		full, err := c.view.ResolveNode(c.ctx, datasetText(box.Namespace, box.Name))
		if err != nil {
			return err
		}
		for _, f := range full.Fields {
			if listed[identity+"\x00"+f.Name] {
				continue
			}
			n := projections.Node{ID: columnText(box.Namespace, box.Name, f.Name), Kind: projections.NodeColumn, Namespace: box.Namespace, Name: box.Name, Field: f.Name, Depth: box.Depth, First: box.First}
			more.Nodes = append(more.Nodes, n)
			s.shown[n.ID] = true
		}
	}
	if slices.Contains(g.LimitsHit, projections.LimitColumns) {
		more.LimitsHit = []string{projections.LimitColumns}
	}
	slices.SortFunc(more.Nodes, func(a, b projections.Node) int { return cmp.Compare(a.ID, b.ID) })
	s.unite(more)
	return nil
}

// columnText names a column in the form that can be read in one way only.
func columnText(namespace, name, field string) string {
	exact := strings.NewReplacer("%", "%25", "/", "%2F", "#", "%23")
	return projections.NodeColumn + strings.TrimPrefix(datasetText(namespace, name), projections.NodeDataset) + "#" + exact.Replace(field)
}

// collapse hides what can be reached from the node asked for only through some
// boxes.
func (s *scene) collapse(boxes []string) {
	if len(boxes) == 0 {
		return
	}
	box, shut := make(map[string]string), make(map[string]bool)
	start := ""
	for _, n := range s.graph.Nodes {
		identity := boxIdentity(n)
		box[n.ID] = identity
		if n.ID == s.graph.Node {
			start = identity
		}
		if slices.Contains(boxes, codeOf(identity)) {
			shut[identity] = true
		}
	}
	next := make(map[string][]string)
	for _, e := range s.graph.Edges {
		if from, to := box[e.From], box[e.To]; s.shown[e.From] && s.shown[e.To] && from != to {
			next[from], next[to] = append(next[from], to), append(next[to], from)
		}
	}
	reached := map[string]bool{start: true}
	for todo := []string{start}; len(todo) > 0; todo = todo[1:] {
		if at := todo[0]; at == start || !shut[at] {
			for _, to := range next[at] {
				if !reached[to] {
					reached[to] = true
					todo = append(todo, to)
				}
			}
		}
	}
	for _, n := range s.graph.Nodes {
		if !reached[box[n.ID]] {
			delete(s.shown, n.ID)
		}
	}
}

// compare makes the graph of two moments in one: what is there at the later, and
// what is gone since the earlier.
func (c *question) compare(q lineagePageQuery) (*scene, error) {
	moment, err := momentQuery{AsOf: q.Compare}.moment()
	if err != nil {
		return nil, problemOf(err).at("compare")
	}
	asked := lineageDiffQuery{From: moment, Node: q.Node, Direction: q.Direction, Depth: q.Depth, Columns: q.Columns, MaxNodes: projections.DefaultNodes}
	diff, err := diffLineage(c, asked)
	if err != nil {
		return nil, err
	}
	g, err := c.view.Lineage(c.ctx, projections.LineageQuery{Node: q.Node, Direction: q.Direction, Depth: q.Depth, Columns: q.Columns, Dropped: true})
	if err != nil {
		return nil, err
	}
	s := &scene{graph: g, shown: make(map[string]bool), change: make(map[string]string), diff: &diff}
	var gone projections.Graph
	for _, n := range diff.Nodes {
		s.change[n.ID] = n.Change
		if n.After == nil {
			gone.Nodes = append(gone.Nodes, *n.Before)
		}
	}
	for _, e := range diff.Edges {
		edge := cmp.Or(e.After, e.Before)
		s.change[edgeKey(*edge)] = e.Change
		if e.After == nil {
			gone.Edges = append(gone.Edges, *edge)
		}
	}
	s.unite(gone)
	for _, n := range s.graph.Nodes {
		s.shown[n.ID] = true
	}
	return s, nil
}

// moments are those at which the graph around a node changed, as far as is known
// by now, whatever moment is looked at.
func (c *question) moments(q lineagePageQuery) ([]int64, error) {
	latest, err := c.s.viewAt(c.ctx, c.s.o.Views.Applied())
	if err != nil {
		return nil, err
	}
	latest = latest.Within(callOf(c.r).caller.scope())
	g, err := latest.Lineage(c.ctx, projections.LineageQuery{Node: q.Node, Direction: q.Direction, Depth: q.Depth, Dropped: true})
	if unknown := (*projections.UnknownNodeError)(nil); errors.As(err, &unknown) {
		return nil, latest.Close()
	}
	var list []int64
	if err == nil {
		list, err = latest.Moments(c.ctx, g.Nodes)
	}
	for _, e := range g.Edges { // that an entry describes a dataset is in the catalog
		if e.Kind == projections.EdgeResource && !slices.Contains(list, e.First) {
			list = append(list, e.First)
		}
	}
	slices.Sort(list)
	return list, joinClose(err, latest)
}

// recordedAt is when a position was recorded.
func (c *question) recordedAt(position int64) (events.Time, error) {
	e, err := c.s.o.Ledger.Get(c.ctx, position)
	if err != nil {
		return 0, err
	}
	return e.Recorded, nil
}
