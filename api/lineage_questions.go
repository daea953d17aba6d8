package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"

	"ledgerline/events"
	"ledgerline/ledger/proof"
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
	paging
	Node      string `query:"node" doc:"a dataset, of which what leads to it is compared, a job: all that it writes, or a run. Default: all datasets but dropped ones, in parts"`
	Namespace string `query:"namespace" doc:"without a node: only what leads to datasets of this namespace"`
}

func listDifferences(c *question, q differencesQuery) (projections.DifferenceList, error) {
	list, err := c.view.Differences(c.ctx, projections.DifferenceQuery{Node: q.Node, Namespace: q.Namespace, Page: c.page(q.paging)})
	c.hit(list.LimitsHit...)
	c.next(&list.Next)
	return list, err
}

// differencesRequest says of what to record the differences.
type differencesRequest struct {
	// Node is a dataset, job or run, named as for GET.
	Node string `json:"node"`
}

// differencesRecorded are the runs that differ as of a position, and the receipts
// of the records that say so, in their order.
type differencesRecorded struct {
	Position int64                       `json:"position"`
	Runs     []projections.RunDifference `json:"runs"`
	Receipts []proof.Receipt             `json:"receipts"`
}

// postDifferences records each run that differs from what was declared, by all that
// is recorded now, as a fact that the caller reports: found by the views, and kept
// though they be made anew. What was recorded already gets its old receipt.
func postDifferences() endpoint {
	return act(func(s *Server, r *http.Request, q differencesRequest) (found differencesRecorded, repeated bool, err error) {
		if err := s.authorize(r, readers); err != nil { // the answer tells what was found
			return found, false, err
		}
		if q.Node == "" { // what is to be recorded is said by name, and not by leaving it out
			return found, false, problem(http.StatusBadRequest, "query.required", "node is required", "name a dataset, job or run").at("node")
		}
		found.Position = s.o.Ledger.Head().Size - 1
		if err := s.waitApplied(r.Context(), found.Position); err != nil {
			return found, false, err
		}
		view, err := s.viewAt(r.Context(), found.Position)
		if err != nil {
			return found, false, err
		}
		list, err := view.Differences(r.Context(), projections.DifferenceQuery{Node: q.Node})
		if err := joinClose(err, view); err != nil {
			return found, false, err
		}
		if !list.Complete {
			return found, false, problem(http.StatusBadRequest, "differences.too-many", "the node has more outputs than are compared", "name a dataset or a run").at("node")
		}
		found.Runs, repeated = list.Runs, true
		caller := callOf(r).caller
		for _, d := range list.Runs {
			event, err := differenceEvent(caller.Name, d)
			if err != nil {
				return found, false, err
			}
			receipts, err := s.append(r.Context(), caller, []events.Event{event})
			if err != nil {
				return found, false, err
			}
			found.Receipts, repeated = append(found.Receipts, receipts[0].Receipt), repeated && receipts[0].Repeated
		}
		return found, repeated, nil
	})
}

// differenceEvent says that a run differs. Its id follows from what it says and from
// when the run began, so that the same finding is recorded once.
func differenceEvent(principal string, d projections.RunDifference) (events.Event, error) {
	data := &events.DifferenceObserved{Run: d.Run, Job: d.Job, Undeclared: d.Undeclared, Unseen: d.Unseen}
	body, err := json.Marshal(data, json.Deterministic(true))
	if err != nil {
		return events.Event{}, fmt.Errorf("writing down a difference: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(body, " %d", d.Begun))
	return events.Event{
		ID: hex.EncodeToString(sum[:]), Source: "differences:" + principal, Type: "lineage.observed_difference.recorded", Schema: 1, Time: d.Begun, Data: data,
	}, nil
}
