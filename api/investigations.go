package api

import (
	"errors"
	"net/http"

	"ledgerline/events"
	"ledgerline/projections"
)

// Questions about lineage that go beyond the graph around a node.

// lineageView is which of the three graphs is walked, and which edges count.
type lineageView struct {
	Graph   projections.GraphKind   `query:"graph" doc:"which graph: what data went where, which job or run starts after which, or which started which. The last two are walked from a job or run" enum:"data,control,hierarchy" default:"data"`
	View    projections.LineageView `query:"view" doc:"which edges count: all, those declared by jobs and datasets, those that runs showed within from and to, or those of one run" enum:"cumulative,declared,observed,run" default:"cumulative"`
	From    events.Time             `query:"from" doc:"view=observed: runs that were going on at this RFC 3339 time or later, by what their events claim"`
	To      events.Time             `query:"to" doc:"view=observed: runs that began before this RFC 3339 time"`
	ValidAt events.Time             `query:"valid_at" doc:"what was in force at this RFC 3339 time, as far as it was known: what events that claim no later time declare, and what runs showed that had begun by then. Default: all that was known"`
	Run     string                  `query:"run" doc:"view=run: the run, by its id"`
	Dropped bool                    `query:"dropped" doc:"show datasets that were dropped, and go through them"`
}

type pathQuery struct {
	reading
	From      string                  `query:"from,required" doc:"where the data came from: a node, named as for /v1/lineage"`
	To        string                  `query:"to,required" doc:"where it went: a node. A path ends at the first of the datasets that a job or run reads, or that an entry describes"`
	Columns   bool                    `query:"columns" doc:"paths from column to column"`
	MaxPaths  int                     `query:"max_paths" doc:"most paths to return, the shortest first; what is left out is said" default:"10" min:"1" max:"1000"`
	MaxLength int                     `query:"max_length" doc:"most steps of a path" default:"20" min:"1" max:"1000"`
	View      projections.LineageView `query:"view" doc:"which edges count, as for /v1/lineage" enum:"cumulative,declared,observed,run" default:"cumulative"`
	ValidAt   events.Time             `query:"valid_at" doc:"what was in force at this RFC 3339 time, as for /v1/lineage"`
	Since     events.Time             `query:"since" doc:"view=observed: runs that were going on at this RFC 3339 time or later"`
	Until     events.Time             `query:"until" doc:"view=observed: runs that began before this RFC 3339 time"`
	Run       string                  `query:"run" doc:"view=run: the run, by its id"`
}

func getPaths(c *question, q pathQuery) (projections.PathList, error) {
	list, err := c.view.Paths(c.ctx, projections.PathQuery{
		From: q.From, To: q.To, Columns: q.Columns, MaxPaths: q.MaxPaths, MaxLength: q.MaxLength,
		View: q.View, Window: projections.Window{From: q.Since, To: q.Until}, ValidAt: q.ValidAt, Run: q.Run,
	})
	if unknown := (*projections.UnknownNodeError)(nil); errors.As(err, &unknown) {
		field := "from"
		if unknown.Node == q.To {
			field = "to"
		}
		return list, problemOf(err).at(field)
	}
	c.hit(list.LimitsHit...)
	return list, err
}

type impactQuery struct {
	reading
	Node     string      `query:"node,required" doc:"what changes or fails: a node, named as for /v1/lineage"`
	Depth    int         `query:"depth" doc:"how many steps from dataset to dataset" default:"20" min:"1" max:"1000"`
	Columns  bool        `query:"columns" doc:"only what the columns reach, and the items that hold them"`
	MaxNodes int         `query:"max_nodes" doc:"most nodes to return; what is left out is said" default:"2000" min:"1" max:"50000"`
	ValidAt  events.Time `query:"valid_at" doc:"the lineage, as for /v1/lineage, and the agreements that were in force at this RFC 3339 time. Default: all lineage known, and agreements as of the answer's moment"`
}

func getImpact(c *question, q impactQuery) (projections.Impact, error) {
	impact, err := c.view.Impact(c.ctx, projections.ImpactQuery{
		Node: q.Node, Depth: q.Depth, Columns: q.Columns, MaxNodes: q.MaxNodes, ValidAt: q.ValidAt,
	})
	c.hit(impact.LimitsHit...)
	return impact, err
}

type lineageDiffQuery struct {
	From      Moment                  `query:"from,required" doc:"the earlier moment: a position, or an RFC 3339 time"`
	To        Moment                  `query:"to" doc:"the later moment. Default: all the views have applied"`
	ValidAt   events.Time             `query:"valid_at" doc:"what was in force at this RFC 3339 time, as for /v1/lineage, at both moments"`
	ValidFrom events.Time             `query:"valid_from" doc:"in the place of valid_at at the earlier moment: with from=to, this compares two dates by what is known at one moment"`
	View      projections.LineageView `query:"view" doc:"which edges count, as for /v1/lineage" enum:"cumulative,declared,observed" default:"cumulative"`
	Node      string                  `query:"node,required" doc:"where to begin: a node, named as for /v1/lineage"`
	Direction projections.Direction   `query:"direction" doc:"where to go" enum:"up,down,both" default:"both"`
	Depth     int                     `query:"depth" doc:"how many steps from dataset to dataset" default:"20" min:"1" max:"1000"`
	Columns   bool                    `query:"columns" doc:"edges between columns instead of datasets"`
	MaxNodes  int                     `query:"max_nodes" doc:"most nodes of each graph; if there are more, it is said" default:"2000" min:"1" max:"50000"`
	Graph     projections.GraphKind   `query:"graph" doc:"which graph, as for /v1/lineage" enum:"data,control,hierarchy" default:"data"`
}

// when makes the later moment the one the answer speaks for.
func (q lineageDiffQuery) when() reading { return reading{AsOf: q.To} }

// diffLineage compares two graphs. Dropped datasets are in both, marked, so that
// a drop shows as what it is.
func diffLineage(c *question, q lineageDiffQuery) (projections.LineageDiff, error) {
	at, err := c.s.resolve(c.ctx, q.From, "from")
	if err != nil {
		return projections.LineageDiff{}, err
	}
	if at > c.view.Position() {
		return projections.LineageDiff{}, problem(http.StatusBadRequest, "diff.order", sayf("from is position %d, after to, which is %d", at, c.view.Position()), "give the earlier moment as from").at("from")
	}
	earlier, err := c.s.viewAt(c.ctx, at)
	if err != nil {
		return projections.LineageDiff{}, err
	}
	diff, err := c.view.LineageDiff(c.ctx, earlier, q.ValidFrom, projections.LineageQuery{
		Node: q.Node, Direction: q.Direction, Depth: q.Depth, Columns: q.Columns, MaxNodes: q.MaxNodes, Graph: q.Graph, Dropped: true,
		View: q.View, ValidAt: q.ValidAt,
	})
	c.hit(diff.LimitsHit...)
	return diff, joinClose(err, earlier)
}

type exposureQuery struct {
	reading
	window
	Node     string      `query:"node,required" doc:"what may have got out: a node, named as for /v1/lineage"`
	Depth    int         `query:"depth" doc:"how many steps from dataset to dataset" default:"20" min:"1" max:"1000"`
	Columns  bool        `query:"columns" doc:"only what the columns reach"`
	MaxNodes int         `query:"max_nodes" doc:"most nodes to look at; if there are more, it is said" default:"50000" min:"1" max:"50000"`
	ValidAt  events.Time `query:"valid_at" doc:"the lineage that was in force at this RFC 3339 time, as for /v1/lineage, whatever from and to"`
}

func getExposure(c *question, q exposureQuery) (projections.Exposure, error) {
	exposure, err := c.view.Exposure(c.ctx, projections.ExposureQuery{
		Node: q.Node, Depth: q.Depth, Columns: q.Columns, MaxNodes: q.MaxNodes, Window: projections.Window{From: q.From, To: q.To},
		ValidAt: q.ValidAt,
	})
	c.hit(exposure.LimitsHit...)
	return exposure, err
}
