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
	var view viewFlags
	var direction, graph, since, validFrom string
	var depth int
	var columns, dot, impact, dropped bool
	c := &cobra.Command{
		Use:   "lineage NODE",
		Short: "Show where data came from and where it went, as of any moment",
		Long: `Lineage walks the graph around a node: dataset:{namespace}/{name},
column:{namespace}/{name}#{field}, job:{namespace}/{name}, run:{uuid} or entry:{id}.
With --dot it prints the graph for Graphviz, with --impact who holds what was made
from the node, with --diff what changed around it since a moment.`,
		Example: `  ledgerline lineage entry:DS25 --direction up --columns --server http://127.0.0.1:8420
  ledgerline lineage dataset:warehouse/sales --dir led --dot | dot -Tsvg > sales.svg
  ledgerline lineage dataset:warehouse/sales --dir led --view observed --from 2026-03-01 --to 2026-03-02
  ledgerline lineage dataset:warehouse/orders --dir led --impact
  ledgerline lineage dataset:warehouse/sales --dir led --diff 2026-01-01
  ledgerline lineage dataset:warehouse/sales --dir led --as-of 2026-04-01 --valid-at 2026-03-01`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{"node": args}
			positive(v, "depth", depth)
			if columns {
				v.Set("columns", "true")
			}
			switch {
			case impact && since != "":
				return usage("--impact and --diff are two questions: ask one")
			case impact && view != (viewFlags{}), since != "" && view != (viewFlags{view: view.view}):
				return usage("--impact looks at all edges, --diff at those of --view: leave out --from, --to and --run")
			case validFrom != "" && since == "":
				return usage("--valid-from is the date of the earlier moment, which --diff gives")
			case impact:
				return p.impact(c, &q, v)
			case since != "":
				v.Set("direction", direction)
				set(v, "graph", graph)
				set(v, "view", view.view)
				if err := setMoment(v, "valid_from", validFrom); err != nil {
					return err
				}
				return p.lineageDiff(c, &q, v, since)
			}
			v.Set("direction", direction)
			set(v, "graph", graph)
			if err := view.values(v, "from", "to"); err != nil {
				return err
			}
			if dropped {
				v.Set("dropped", "true")
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
	q.validFlag(c)
	view.flags(c)
	f := c.Flags()
	f.StringVar(&direction, "direction", "both", "up, down or both")
	f.StringVar(&graph, "graph", "", "data, control (which job starts after which) or hierarchy (which started which)")
	f.BoolVar(&dropped, "dropped", false, "show datasets that were dropped, and go through them")
	f.BoolVar(&impact, "impact", false, "list the catalog entries affected, and who holds them")
	f.StringVar(&since, "diff", "", "list what changed since this moment, a position or a time; --as-of is the later one")
	f.StringVar(&validFrom, "valid-from", "", "with --diff: what was in force at this time, in the place of --valid-at, at the earlier moment")
	f.IntVar(&depth, "depth", 0, "most steps from dataset to dataset (default 20)")
	f.BoolVar(&columns, "columns", false, "edges between columns instead of datasets")
	f.BoolVar(&dot, "dot", false, "print the graph in the language of Graphviz")
	return c
}

// viewFlags choose the edges that count.
type viewFlags struct{ view, from, to, run string }

func (v *viewFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&v.view, "view", "", "edges that count: cumulative (the default), declared, observed or run")
	f.StringVar(&v.from, "from", "", "with --view observed: runs going on at this time or later")
	f.StringVar(&v.to, "to", "", "with --view observed: runs begun before this time")
	f.StringVar(&v.run, "run", "", "with --view run: the run, by its id")
}

// values sets the parameters; from and to are those of the window.
func (v *viewFlags) values(to url.Values, from, until string) error {
	set(to, "view", v.view)
	set(to, "run", v.run)
	for name, text := range map[string]string{from: v.from, until: v.to} {
		m, err := moment(text)
		if err != nil {
			return usage("the window, %s: %w", text, err)
		}
		set(to, name, m)
	}
	return nil
}

// positive sets a number that was given.
func positive(v url.Values, name string, n int) {
	if n > 0 {
		v.Set(name, strconv.Itoa(n))
	}
}

// impact prints the entries affected by a node, one line per holder.
func (p *program) impact(c *cobra.Command, q *question, v url.Values) error {
	return ask(c, p, q, "/v1/lineage/impact", v, func(i projections.Impact) (string, error) {
		t := newTable("DEPTH", "ENTRY", "TITLE", "ITEMS", "HOLDER", "AGREEMENT", "STATE", "LAST ACCESS", "LAST DELIVERY")
		for _, e := range i.Entries {
			if len(e.Holders) == 0 {
				t.row(strconv.Itoa(e.Depth), e.ID, e.Title, strings.Join(e.Items, ","), "", "", "", "", "")
			}
			for _, h := range e.Holders {
				last, delivery := "", ""
				if h.LastAccess != nil {
					last = local(h.LastAccess.Time)
				}
				if h.LastDelivery != nil {
					delivery = local(h.LastDelivery.Time)
				}
				t.row(strconv.Itoa(e.Depth), e.ID, e.Title, strings.Join(h.Items, ","), both(h.Consumer, h.ConsumerName), marked(h.Agreement, h.Imported), h.State, last, delivery)
			}
		}
		return "", t.write(p.out, fmt.Sprintf("no catalog entry describes %s or what was made from it (%d nodes)", i.Node, len(i.Nodes)))
	})
}

// lineageDiff prints what changed around a node.
func (p *program) lineageDiff(c *cobra.Command, q *question, v url.Values, since string) error {
	if err := setMoment(v, "from", since); err != nil {
		return err
	}
	later := *q // the later moment goes by another name here
	if err := setMoment(v, "to", q.asOf); err != nil {
		return err
	}
	later.asOf, later.until = "", "to"
	return ask(c, p, &later, "/v1/lineage/diff", v, func(d projections.LineageDiff) (string, error) {
		t := newTable("CHANGE", "WHAT", "FROM", "TO", "KIND")
		for _, n := range d.Nodes {
			t.row(n.Change, n.ID, "", "", "node")
		}
		for _, e := range d.Edges {
			edge := e.After
			if edge == nil {
				edge = e.Before
			}
			t.row(e.Change, edge.Job, edge.From, edge.To, marked(edge.Kind, edge.Imported))
		}
		return "", t.write(p.out, fmt.Sprintf("nothing changed around %s between positions %d and %d", d.Node, d.From, d.To))
	})
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
		t.row(strconv.Itoa(far(e)), e.From, e.To, marked(e.Kind, e.Imported), how, number(e.Runs), number(e.First), number(e.Last))
	}
	if err := t.write(p.out, fmt.Sprintf("%s is known, and nothing leads to it or away from it that way", g.Node)); err != nil {
		return err
	}
	for _, n := range g.Nodes {
		if n.MixesRuns {
			fmt.Fprintf(p.out, "%s mixes several runs, which differ: a way through it may be of no single run\n", n.ID)
		}
	}
	return nil
}
