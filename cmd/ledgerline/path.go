package main

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ledgerline/projections"
)

func pathCommand(p *program) *cobra.Command {
	var q question
	var view viewFlags
	var columns bool
	var paths, length int
	c := &cobra.Command{
		Use:   "path FROM TO",
		Short: "Show how data got from one node to another",
		Long: `Path lists the ways from one node to another in the direction in which data flows,
the shortest first: through which datasets and columns, by which jobs, and in which
record each step was shown last. It says so if there may be more ways than it lists.
A job that mixes several runs did not tell what came from what, and its runs differ: a
way through it may be of no single run. With --view run ways are of one.`,
		Example: `  ledgerline path entry:DS02 entry:DS25 --server http://127.0.0.1:8420
  ledgerline path column:warehouse/orders#amount column:warehouse/sales#total --dir led`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{"from": {args[0]}, "to": {args[1]}}
			if err := view.values(v, "since", "until"); err != nil {
				return err
			}
			if columns {
				v.Set("columns", "true")
			}
			positive(v, "max_paths", paths)
			positive(v, "max_length", length)
			return ask(c, p, &q, "/v1/lineage/path", v, func(list projections.PathList) (string, error) {
				return "", p.paths(list)
			})
		},
	}
	q.flags(c)
	q.validFlag(c)
	view.flags(c)
	f := c.Flags()
	f.BoolVar(&columns, "columns", false, "ways from column to column")
	f.IntVar(&paths, "max-paths", 0, "most ways to list (default 10)")
	f.IntVar(&length, "max-length", 0, "most steps of a way (default 20)")
	return c
}

// paths prints each way as its steps.
func (p *program) paths(list projections.PathList) error {
	t := newTable("PATH", "STEP", "FROM", "TO", "BY", "RUNS", "LAST")
	for i, way := range list.Paths {
		for j, s := range way.Steps {
			var by []string
			runs, last, imported := int64(0), int64(0), false
			for _, e := range s.Edges {
				if job := jobOf(e); job != "" && !slices.Contains(by, job) {
					by = append(by, job)
				}
				runs, last, imported = max(runs, e.Runs), max(last, e.Last), imported || e.Imported
			}
			for i, job := range by {
				if slices.Contains(s.MixesRuns, job) {
					by[i] += " (mixes several runs)"
				}
			}
			if len(by) == 0 {
				by = []string{s.Edges[0].Kind}
			}
			t.row(strconv.Itoa(i+1), strconv.Itoa(j+1), s.From, s.To, marked(strings.Join(by, ", "), imported), number(runs), number(last))
		}
	}
	return t.write(p.out, fmt.Sprintf("nothing is known to have gone from %s to %s", list.From, list.To))
}

// jobOf is the job that an edge is about, if one is.
func jobOf(e projections.Edge) string {
	switch {
	case e.Job != "":
		return e.Job
	case e.Kind == projections.EdgeReads:
		return e.To
	case e.Kind == projections.EdgeWrites:
		return e.From
	}
	return ""
}
