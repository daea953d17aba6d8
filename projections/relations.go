package projections

import (
	"context"
	"strings"

	"ledgerline/events"
)

// relationEdges lists the edges of control flow and hierarchy that a run's facets
// tell: between the jobs, and between the runs where both are named.
func relationEdges(id string, job events.JobRef, parent events.RunParent, depends []events.JobDependency, out map[edgeID]bool) {
	run := vertex{Kind: NodeRun, Name: id}
	add := func(kind string, from, to vertex, detail string) {
		if from != to {
			out[edgeID{Kind: kind, From: from, To: to, Detail: detail}] = false
		}
	}
	if parent.Run != "" {
		add(EdgeStarted, vertex{Kind: NodeRun, Name: parent.Run}, run, "")
	}
	if parent.Job != (events.JobRef{}) {
		add(EdgeStarted, jobVertex(parent.Job), jobVertex(job), "")
	}
	for _, d := range depends {
		rules := strings.Join([]string{d.Type, d.Sequence, d.Status}, ruleSeparator)
		ends := [2]vertex{jobVertex(d.Job), jobVertex(job)}
		runs := [2]vertex{{Kind: NodeRun, Name: d.Run}, run}
		if d.Downstream {
			ends[0], ends[1] = ends[1], ends[0]
			runs[0], runs[1] = runs[1], runs[0]
		}
		add(EdgePrecedes, ends[0], ends[1], rules)
		if d.Run != "" {
			add(EdgePrecedes, runs[0], runs[1], rules)
		}
	}
}

// ruleSeparator stands between the parts of a control edge's detail.
const ruleSeparator = "\x00"

// noteRelated keeps the jobs that a run's facets name.
func noteRelated(b *batch, d *events.OpenLineageReceived) error {
	jobs := []events.JobRef{d.Parent.Job, d.Parent.RootJob}
	for _, dep := range d.Dependencies {
		jobs = append(jobs, dep.Job)
	}
	for _, j := range jobs {
		if err := noteJob(b, j, 0); err != nil {
			return err
		}
	}
	return nil
}

// expandRelation follows control flow or hierarchy from a job or run.
func (w *walk) expandRelation(ctx context.Context, v vertex, depth int) error {
	edges, err := w.edgesAt(ctx, v)
	if err != nil {
		return err
	}
	for _, e := range edges {
		far := e.other(w.dir)
		if depth >= w.depth {
			if w.nodesMissing(e) {
				w.limit[LimitDepth] = true
			}
			continue
		}
		room, err := w.reach(far, depth+1)
		if err != nil {
			return err
		}
		if !room {
			continue
		}
		edge := w.link(e.id.Kind, e.id.From, e.id.To, events.JobRef{}, e.row)
		if rules := strings.Split(e.id.Detail, ruleSeparator); len(rules) == 3 {
			edge.Dependency = &Dependency{Type: rules[0], Sequence: rules[1], Status: rules[2]}
		}
	}
	return nil
}
