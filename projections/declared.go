package projections

import (
	"context"
	"encoding/binary"
	"slices"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// What was declared on a date is another question than what was known to be
// declared at a position: a declaration may be recorded late, and the one in
// force is then told from the times that events claim. For that each statement
// of a job or dataset is kept by its time, and each edge's declarers with it.

// statementKey orders a declarer's statements by the time that they claim.
func statementKey(by vertex, at stamp) []byte {
	when := binary.BigEndian.AppendUint64(nil, uint64(at.Time)^1<<63)
	return entityKey(tStatement, by.Kind, by.Namespace, by.Name, string(when), at.Digest)
}

// declarersOf is the prefix of the keys of an edge's declarers.
func declarersOf(e graph.Edge) []byte {
	k := edgeKey(e)
	k[0] = byte(tDeclarer)
	return k
}

// keepStatement keeps what an event declares, and who declares its edges: also
// those that a newer statement has replaced already, and that do not hold now.
func keepStatement(b *batch, d *events.OpenLineageReceived, by vertex, said told, shown edgeSet) error {
	if err := keepDeclarer(b, by, shown); err != nil {
		return err
	}
	b.putOnce(statementKey(by, stampOf(d)), &statement{Job: d.Job, Said: said})
	return nil
}

// keepDeclarer keeps who declares edges.
func keepDeclarer(b *batch, by vertex, shown edgeSet) error {
	n, err := b.node(by)
	if err != nil {
		return err
	}
	for e := range shown {
		k := binary.BigEndian.AppendUint32(declarersOf(e), n)
		known, err := b.has(k)
		if err == nil && !known {
			b.put(k, (*numberRow)(&n))
			if e.Kind != kindOrigin {
				known, err = b.has(edgeKey(e))
			}
			if err == nil && !known && e.Kind != kindOrigin {
				b.step.tell(e) // nobody shows it
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type statement struct {
	Job  events.JobRef `json:"job"`
	Said told          `json:"said"`
}

func (s *statement) code(c *coder) {
	codeJob(&s.Job, c)
	s.Said.code(c)
}

// A declaration is the view of what jobs and datasets declared on a date.
type declaration struct {
	r    *reader
	on   events.Time
	held map[uint32]edgeSet // by declarer
}

func (d *declaration) lens() *lens {
	return &lens{need: graph.Declared, mixed: graph.MixedDeclared, see: d.edge, ever: true}
}

// edge counts the declarers in force on the date.
func (d *declaration) edge(e graph.Edge) (out edgeRow, in bool, err error) {
	var by []uint32
	if err := d.r.each(context.Background(), declarersOf(e), nil, func(row row) (bool, error) {
		by = append(by, binary.BigEndian.Uint32(row.entity[len(row.entity)-4:]))
		return true, nil
	}); err != nil || len(by) == 0 {
		return out, false, err
	}
	if err := d.r.history(edgeKey(e), d.r.at, func(v row) (bool, error) { // the newest that is not its end
		return false, v.decode(&out)
	}); err != nil {
		return out, false, err
	}
	declaredEdges(e, &out)
	out.Mixed, out.Declared, out.MixedDeclared = 0, 0, 0
	for _, n := range by {
		edges, err := d.by(n)
		if err != nil {
			return out, false, err
		}
		if mixed, ok := edges[e]; ok {
			out.Declared, out.MixedDeclared = out.Declared+1, out.MixedDeclared+one(mixed)
		}
	}
	return out, out.Declared > 0, nil
}

// by is what a declarer declared on the date: its statements until then, folded.
func (d *declaration) by(n uint32) (edgeSet, error) {
	if edges, ok := d.held[n]; ok {
		return edges, nil
	}
	v, err := d.r.vertex(n)
	if err != nil {
		return nil, err
	}
	if v.Kind == events.KindEdge {
		edges, err := d.byHand(v)
		d.held[n] = edges
		return edges, err
	}
	var all told
	var job events.JobRef
	until := statementKey(v, stamp{Time: d.on + 1})
	if err := d.r.each(context.Background(), entityKey(tStatement, v.Kind, v.Namespace, v.Name), nil, func(row row) (bool, error) {
		if slices.Compare(row.entity, until) >= 0 {
			return false, nil
		}
		var s statement
		if err := row.decode(&s); err != nil {
			return false, err
		}
		all.add(s.Said, false)
		job = s.Job
		return true, nil
	}); err != nil {
		return nil, err
	}
	flow, err := all.flow(func(sets ...[]columnFlow) ([]columnFlow, error) { // no two facets of a declarer tell the same flow
		return unite(nil, slices.Concat(sets...), func(a, b columnFlow) int { return a.compare(b.flowEnds) }), nil
	})
	if err != nil {
		return nil, err
	}
	edges := make(edgeSet)
	err = flow.edges(d.r, job, edges)
	d.held[n] = edges
	return edges, err
}

// byHand is what an edge declared by hand declared on the date.
func (d *declaration) byHand(v vertex) (edgeSet, error) {
	var h handmade
	if _, err := d.r.find(handKey(v), &h); err != nil {
		return nil, err
	}
	if a := h.on(d.on); a != nil {
		return a.edges(d.r)
	}
	return nil, nil
}
