package api

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"ledgerline/events"
	"ledgerline/projections"
)

// Questions about lineage whose answers are not a graph, and graphs told in parts.

// lineageLine is a line of format=ndjson: parts by depth, then one that says what
// the answer speaks for and whether it is complete. An answer without that last
// line was cut off.
type lineageLine struct {
	Part    *projections.GraphPart `json:"part,omitzero"`
	Ledger  *Standing              `json:"ledger,omitzero"`
	Problem *Problem               `json:"problem,omitzero"`
}

// streamLineage tells a graph in parts, nearest first, each as soon as it is known.
func streamLineage(c *question, q projections.LineageQuery) error {
	flush := http.NewResponseController(c.w).Flush
	begun := false
	line := func(p lineageLine) error {
		body, err := json.Marshal(p, json.FormatNilSliceAsNull(false), json.Deterministic(true))
		if err != nil {
			return err
		}
		if !begun {
			begun = true
			c.w.Header().Set("Content-Type", mediaTypeLines)
			c.w.Header().Set("Cache-Control", "private, no-cache")
			c.w.WriteHeader(http.StatusOK)
		}
		if _, err = c.w.Write(append(body, '\n')); err == nil {
			err = flush()
		}
		return err
	}
	limits, err := c.view.LineageParts(c.ctx, q, func(p projections.GraphPart) error { return line(lineageLine{Part: &p}) })
	c.hit(limits...)
	standing := c.standing()
	switch {
	case err != nil && !begun:
		return err
	case err != nil: // the answer has begun: it says itself how it ends
		return line(lineageLine{Problem: problemOf(err)})
	}
	return line(lineageLine{Ledger: &standing})
}

type looseQuery struct {
	reading
	paging
	Kind      projections.LooseKind `query:"kind,required" doc:"orphan: nothing is known to lead to it, and nobody says that it has no source; dead_end: nothing is known to be made from it; isolated: neither" enum:"orphan,dead_end,isolated"`
	Namespace string                `query:"namespace" doc:"only datasets of this namespace"`
}

func listLoose(c *question, q looseQuery) (projections.LooseList, error) {
	list, err := c.view.Loose(c.ctx, projections.LooseQuery{Kind: q.Kind, Namespace: q.Namespace, Page: c.page(q.paging)})
	c.next(&list.Next)
	return list, err
}

type traceQuery struct {
	reading
	Node  string      `query:"node,required" doc:"a dataset or column, named as for /v1/lineage"`
	On    events.Time `query:"on" doc:"the value that the run wrote which had begun last at this RFC 3339 time, by what its events claim. Default: the newest"`
	Depth int         `query:"depth" doc:"how many runs to go back" default:"20" min:"1" max:"1000"`
}

func getTrace(c *question, q traceQuery) (projections.Trace, error) {
	trace, err := c.view.Trace(c.ctx, projections.TraceQuery{Node: q.Node, On: q.On, Depth: q.Depth})
	c.hit(trace.LimitsHit...)
	return trace, err
}

type differencesQuery struct {
	reading
	Node string `query:"node,required" doc:"a dataset, of which what leads to it is compared, or a job: all that it writes"`
}

func listDifferences(c *question, q differencesQuery) (projections.DifferenceList, error) {
	return c.view.Differences(c.ctx, projections.DifferenceQuery{Node: q.Node})
}
