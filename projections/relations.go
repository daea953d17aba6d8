package projections

import (
	"strings"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// relationEdges lists the edges of control flow and hierarchy that a run's facets
// tell: between the jobs, and between the runs where both are named.
func relationEdges(n numbering, id string, job events.JobRef, parent events.RunParent, depends []events.JobDependency, out edgeSet) error {
	nodes := &numbers{n: n}
	run := vertex{Kind: NodeRun, Name: id}
	add := func(kind graph.Kind, from, to vertex, rules uint32) {
		if from != to {
			out.add(graph.Edge{Kind: kind, From: nodes.of(from), To: nodes.of(to), Set: rules}, false)
		}
	}
	if parent.Run != "" {
		add(graph.Started, vertex{Kind: NodeRun, Name: parent.Run}, run, 0)
	}
	if parent.Job != (events.JobRef{}) {
		add(graph.Started, jobVertex(parent.Job), jobVertex(job), 0)
	}
	for _, d := range depends {
		rules, err := n.word(strings.Join([]string{d.Type, d.Sequence, d.Status}, ruleSeparator))
		if err != nil {
			return err
		}
		ends := [2]vertex{jobVertex(d.Job), jobVertex(job)}
		runs := [2]vertex{{Kind: NodeRun, Name: d.Run}, run}
		if d.Downstream {
			ends[0], ends[1] = ends[1], ends[0]
			runs[0], runs[1] = runs[1], runs[0]
		}
		add(graph.Precedes, ends[0], ends[1], rules)
		if d.Run != "" {
			add(graph.Precedes, runs[0], runs[1], rules)
		}
	}
	return nodes.err
}

// ruleSeparator stands between the parts of a control edge's rules.
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
