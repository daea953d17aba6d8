package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ledgerline/projections"
)

func lineageCommand(p *program) *cobra.Command {
	var q question
	var direction string
	var depth int
	var columns, dot bool
	c := &cobra.Command{
		Use:   "lineage NODE",
		Short: "Show where data came from and where it went, as of any moment",
		Long: `Lineage walks the graph around a node: dataset:{namespace}/{name},
column:{namespace}/{name}#{field}, job:{namespace}/{name}, run:{uuid} or entry:{id}.
With --dot it prints the graph for Graphviz.`,
		Example: `  ledgerline lineage entry:DS25 --direction up --columns --server http://127.0.0.1:8420
  ledgerline lineage dataset:warehouse/sales --dir led --dot | dot -Tsvg > sales.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{"node": args, "direction": {direction}}
			if depth > 0 {
				v.Set("depth", strconv.Itoa(depth))
			}
			if columns {
				v.Set("columns", "true")
			}
			if dot {
				return p.dot(c, &q, v)
			}
			return ask(c, p, &q, "/v1/lineage", v, func(g projections.Graph) (string, error) {
				return "", p.graph(g)
			})
		},
	}
	q.flags(c)
	f := c.Flags()
	f.StringVar(&direction, "direction", "both", "up, down or both")
	f.IntVar(&depth, "depth", 0, "most steps from dataset to dataset (default 20)")
	f.BoolVar(&columns, "columns", false, "edges between columns instead of datasets")
	f.BoolVar(&dot, "dot", false, "print the graph in the language of Graphviz")
	return c
}

// dot prints the graph as the server draws it in DOT.
func (p *program) dot(c *cobra.Command, q *question, v url.Values) (err error) {
	general, err := q.values()
	if err != nil {
		return err
	}
	for name := range general {
		v.Set(name, general.Get(name))
	}
	v.Set("format", "dot")
	cl, err := q.target.connect(c.Context(), p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cl.close()) }()
	if err := cl.wait(c.Context(), "after", v); err != nil {
		return err
	}
	text, err := cl.getText(c.Context(), "/v1/lineage", v)
	if err != nil {
		return err
	}
	_, err = p.out.Write(text)
	return err
}

// graph prints a graph as a table of edges, nearest first.
func (p *program) graph(g projections.Graph) error {
	depth := make(map[string]int, len(g.Nodes))
	for _, n := range g.Nodes {
		depth[n.ID] = n.Depth
	}
	far := func(e projections.Edge) int { return max(depth[e.From], depth[e.To]) }
	slices.SortStableFunc(g.Edges, func(a, b projections.Edge) int { return far(a) - far(b) })
	t := newTable("DEPTH", "FROM", "TO", "KIND", "HOW", "RUNS", "FIRST", "LAST")
	for _, e := range g.Edges {
		how := e.Job
		if len(e.Transformations) > 0 {
			how = strings.TrimSpace(how + " " + strings.Join(e.Transformations, ","))
		}
		if e.Masking {
			how += " masked"
		}
		t.row(strconv.Itoa(far(e)), e.From, e.To, e.Kind, how, number(e.Runs), number(e.First), number(e.Last))
	}
	return t.write(p.out, fmt.Sprintf("%s is known, and nothing leads to it or away from it that way", g.Node))
}
