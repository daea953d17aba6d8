package projections

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// The lineage graph knows nodes, columns and the rules of control flow by number.
// Numbers are given in the order in which the book names things first, so they
// are the same in every build, and a number is never given again.

// numbering is what gives or finds numbers: a batch or a reader.
type numbering interface {
	// node is the number of a dataset, job or run; 0 of the zero vertex.
	node(vertex) (uint32, error)
	// word is the number of a column's name or of rules; 0 of the empty text.
	word(string) (uint32, error)
}

var nodeKinds = map[string]graph.NodeKind{NodeDataset: graph.Dataset, NodeJob: graph.Job, NodeRun: graph.Run}

func nodeKey(v vertex) []byte { return entityKey(tNode, v.Kind, v.Namespace, v.Name) }

// numberKey is the key of what a number stands for.
func numberKey(t table, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{byte(t)}, n) }

// node gives a new vertex a number.
func (b *batch) node(v vertex) (uint32, error) {
	if v.Name == "" && v.Namespace == "" {
		return 0, nil
	}
	v.Field = ""
	return b.number(b.look(tNode, v.Kind, v.Namespace, v.Name), tNodeName, func(n uint32) coded {
		b.step.change(graph.Change{Edge: graph.Edge{Kind: graph.Born, From: n, To: uint32(nodeKinds[v.Kind])}, Is: graph.Declared})
		return &nodeName{Kind: v.Kind, Namespace: v.Namespace, Name: v.Name}
	})
}

type nodeName struct {
	Kind, Namespace, Name string
}

func (n *nodeName) code(c *coder) { c.texts(&n.Kind, &n.Namespace, &n.Name) }

func (b *batch) word(text string) (uint32, error) {
	if text == "" {
		return 0, nil
	}
	return b.number(b.look(tWord, text), tWordText, func(uint32) coded { return (*textRow)(&text) })
}

// number finds the number under a key, which it looks at only, or gives the next one and keeps what it
// stands for in a table of numbers.
func (b *batch) number(key []byte, t table, name func(uint32) coded) (uint32, error) {
	known, err := recall[numberRow](b, key)
	if err != nil || known != nil {
		return value(known), err
	}
	n, err := b.nextNumber(t)
	if err != nil {
		return 0, err
	}
	given := numberRow(n)
	b.put(key, &given)
	if t == tColumnSet { // whose columns are asked for by the number
		b.put(numberKey(t, n), name(n))
	} else {
		b.putOnce(numberKey(t, n), name(n))
	}
	return n, nil
}

// nextNumber gives the number after the last one of a table.
func (b *batch) nextNumber(t table) (uint32, error) {
	n, known := b.s.numbers[t]
	if !known {
		r, err := b.reader()
		if err != nil {
			return 0, err
		}
		if n, err = r.lastNumber(t); err != nil {
			return 0, err
		}
	}
	if n == maxNumber {
		return 0, fmt.Errorf("more than %d numbers of table %d: there are no more", maxNumber, t)
	}
	b.s.numbers[t] = n + 1
	if t == tNodeName && b.born == 0 {
		b.born = n + 1
	}
	return n + 1, nil
}

// lastNumber is the greatest number that stands for something in a table; 0 if
// there is none.
func (r *reader) lastNumber(t table) (uint32, error) {
	if !r.it.SeekLT([]byte{byte(t) + 1}) || r.it.Key()[0] != byte(t) {
		return 0, r.it.Error()
	}
	entity, _, err := splitVersion(r.it.Key())
	if err == nil && len(entity) != 5 {
		err = damagedBy(fmt.Errorf("%x is no key of a number", entity))
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(entity[1:]), nil
}

// maxNumber leaves room above for the numbers that a walk makes up: see
// walk.number.
const maxNumber = 1<<32 - 1<<16

func value(n *numberRow) uint32 {
	if n == nil {
		return 0
	}
	return uint32(*n)
}

// node finds a vertex's number; 0 if it has none.
func (r *reader) node(v vertex) (n uint32, err error) {
	_, err = r.find(nodeKey(v), (*numberRow)(&n))
	return n, err
}

func (r *reader) word(text string) (n uint32, err error) {
	_, err = r.find(entityKey(tWord, text), (*numberRow)(&n))
	return n, err
}

// vertex reads what a node's number stands for.
func (r *reader) vertex(n uint32) (vertex, error) {
	v, ok, err := r.named(n)
	if err == nil && !ok {
		err = damagedBy(fmt.Errorf("node %d of the lineage graph has no name", n))
	}
	return v, err
}

// named is vertex for a number that may have been given later; false if it was.
func (r *reader) named(n uint32) (v vertex, known bool, err error) {
	var name nodeName
	known, err = r.find(numberKey(tNodeName, n), &name)
	return vertex{Kind: name.Kind, Namespace: name.Namespace, Name: name.Name}, known, err
}

func (r *reader) text(word uint32) (text string, err error) {
	_, err = r.find(numberKey(tWordText, word), (*textRow)(&text))
	return text, err
}

// nodeOf and jobOf are the numbers of datasets and jobs.
func nodeOf(n numbering, d Dataset) (uint32, error) { return n.node(datasetVertex(d)) }

func jobOf(n numbering, j events.JobRef) (uint32, error) { return n.node(jobVertex(j)) }

// stepChanges are what the record at hand changed in the graph.
type stepChanges struct {
	changes map[graph.Edge]graph.Change
	sets    []graph.ColumnSet
}

// change notes a change; of several of one edge what they come to.
func (s *stepChanges) change(c graph.Change) {
	if s.changes == nil {
		s.changes = make(map[graph.Edge]graph.Change)
	}
	if before, ok := s.changes[c.Edge]; ok {
		c.Was = before.Was
	}
	s.changes[c.Edge] = c
	if c.Was == c.Is {
		delete(s.changes, c.Edge)
	}
}

// tell notes an edge that was declared and does not hold.
func (s *stepChanges) tell(e graph.Edge) {
	if _, changes := s.changes[e]; changes {
		return
	}
	s.change(graph.Change{Edge: e, Is: graph.Declared})
	s.changes[e] = graph.Change{Edge: e, Was: graph.Declared, Is: graph.Declared}
}

// keepStep keeps what the record changed, in a row of its own, and begins anew.
func (b *batch) keepStep() error {
	if len(b.step.changes)+len(b.step.sets) == 0 {
		return nil
	}
	s := &graph.Step{Position: b.at, Sets: b.step.sets}
	s.Changes = slices.SortedFunc(maps.Values(b.step.changes), func(x, y graph.Change) int {
		return cmp.Or(cmp.Compare(y.Kind, x.Kind), cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To), cmp.Compare(x.Job, y.Job), cmp.Compare(x.Set, y.Set))
	})
	b.step, b.steps = stepChanges{}, append(b.steps, s)
	stored := rawRow(s.Append(nil))
	b.putOnce(stepKeyAt(b.at), &stored)
	return nil
}

// stepKeyAt is the key of a step; the steps follow each other in their order.
func stepKeyAt(position int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{byte(tStep)}, uint64(position))
}
