package projections

import (
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// A person can declare an edge by hand, where no run and no job tells of it. Who
// declares it is the edge itself, a contributor like a job or a dataset: its edges
// hold from the record that declares it to the one that withdraws it. Which of its
// acts is in force on a date is told from when they take effect.

// handmade is an edge declared by hand: all acts about it, in the order of the
// book. They are few.
type handmade struct {
	Acts []handAct
}

func (h *handmade) code(c *coder) { list(c, &h.Acts, (*handAct).code) }

// handAct says that the edge is there from a time on, until To if that is given;
// or, without flows, that it is not.
type handAct struct {
	From, To events.Time
	Job      events.JobRef
	Flow     dataflow
}

func (a *handAct) code(c *coder) {
	integer(c, &a.From)
	integer(c, &a.To)
	codeJob(&a.Job, c)
	a.Flow.code(c)
}

// handVertex stands for an edge declared by hand, so that it has a number. It is
// no node of any graph.
func handVertex(id string) vertex { return vertex{Kind: events.KindEdge, Name: id} }

func handKey(v vertex) []byte { return entityKey(tHandmade, v.Name) }

// edges are what an act declares.
func (a *handAct) edges(n numbering) (edgeSet, error) {
	out := make(edgeSet)
	return out, a.Flow.edges(n, a.Job, out)
}

// on is the act in force on a date: the last of those that have taken effect by
// then; nil if there is none, or it had ended.
func (h *handmade) on(date events.Time) *handAct {
	for i := range slices.Backward(h.Acts) {
		if a := &h.Acts[i]; a.From <= date {
			if a.To != 0 && a.To <= date {
				return nil
			}
			return a
		}
	}
	return nil
}

// applyHandmade folds an edge's declaration and its withdrawal.
func applyHandmade(b *batch, e *ledger.Entry) error {
	act := handAct{From: effective(e), To: e.Event.EffectiveTo}
	var id string
	switch d := e.Event.Data.(type) {
	case *events.EdgeDeclared:
		id, act.Job = d.Edge, d.Job
		if err := act.declare(b, d); err != nil {
			return err
		}
	case *events.EdgeWithdrawn:
		id = d.Edge
	default:
		return nil
	}
	by := handVertex(id)
	row, _, err := draw[handmade](b, handKey(by))
	if err != nil {
		return err
	}
	before := make(edgeSet)
	if n := len(row.Acts); n > 0 {
		if before, err = row.Acts[n-1].edges(b); err != nil {
			return err
		}
	}
	now, err := act.edges(b)
	if err != nil {
		return err
	}
	if err := contribute(b, contributor{time: act.From}, before, now, now); err != nil {
		return err
	}
	if err := keepDeclarer(b, by, now); err != nil {
		return err
	}
	row.Acts = append(row.Acts, act)
	b.put(handKey(by), &row)
	return nil
}

// declare reads what an act declares, and keeps what it names.
func (a *handAct) declare(b *batch, d *events.EdgeDeclared) error {
	ends := flowEnds{Dataset{d.From.Namespace, d.From.Name}, Dataset{d.To.Namespace, d.To.Name}}
	var pairs []columnPair
	if d.From.Field != "" || d.To.Field != "" {
		in := events.ColumnInput{Field: d.From.Field}
		if d.Transformation != (events.Transformation{}) {
			in.Transformations = []events.Transformation{d.Transformation}
		}
		pairs = []columnPair{pairOf(&in, d.To.Field)}
	}
	flows, err := putFlows(b, map[flowEnds][]columnPair{ends: pairs})
	if err != nil {
		return err
	}
	a.Flow = dataflow{Inputs: []Dataset{ends.From}, Outputs: []Dataset{ends.To}, Complete: true, Flows: flows}
	return noteJob(b, d.Job, 0)
}
