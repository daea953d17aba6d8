package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ledgerline/projections"
)

func traceCommand(p *program) *cobra.Command {
	var q question
	var on string
	var depth int
	c := &cobra.Command{
		Use:   "trace NODE",
		Short: "Show which runs a value came from",
		Long: `Trace follows the value of a dataset or column back from run to run: the run that
wrote it last on a day, then for each thing which that run read the run that wrote
it last before, and so on.`,
		Example: `  ledgerline trace column:warehouse/sales#total --on 2026-03-02 --dir led`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{"node": args}
			positive(v, "depth", depth)
			m, err := moment(on)
			if err != nil {
				return usage("--on %s: %w", on, err)
			}
			set(v, "on", m)
			return ask(c, p, &q, "/v1/lineage/trace", v, func(trace projections.Trace) (string, error) {
				t := newTable("DEPTH", "WROTE", "BEGUN", "RUN", "JOB", "STATE", "READ")
				for _, s := range trace.Steps {
					t.row(strconv.Itoa(s.Depth), s.Wrote, local(s.Begun), s.Run, s.Job, s.State, strings.Join(s.Read, ", "))
				}
				return "", t.write(p.out, fmt.Sprintf("no run is known to have written %s until then", trace.Node))
			})
		},
	}
	q.flags(c)
	f := c.Flags()
	f.StringVar(&on, "on", "", "the value written by the run that had begun last at this time (default: the newest)")
	f.IntVar(&depth, "depth", 0, "how many runs to go back (default 20)")
	return c
}

func differencesCommand(p *program) *cobra.Command {
	var q question
	c := &cobra.Command{
		Use:     "differences NODE",
		Short:   "List columns that are declared and were not observed, and the other way round",
		Example: `  ledgerline differences job:etl/nightly --dir led`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return ask(c, p, &q, "/v1/lineage/differences", url.Values{"node": args}, func(list projections.DifferenceList) (string, error) {
				t := newTable("FROM", "TO", "COLUMNS", "ONLY", "RECORDS")
				for _, d := range list.Differences {
					for _, side := range []struct {
						only    string
						pairs   []projections.ColumnPair
						records []int64
					}{{"declared", d.DeclaredOnly, d.Declared}, {"observed", d.ObservedOnly, d.Observed}} {
						for _, pair := range side.pairs {
							t.row(d.From, d.To, pair.From+" → "+pair.To, side.only, strings.Trim(fmt.Sprint(side.records), "[]"))
						}
					}
				}
				return "", t.write(p.out, fmt.Sprintf("of %s nothing is both declared and observed and differs", list.Node))
			})
		},
	}
	q.flags(c)
	return c
}

func looseCommand(p *program) *cobra.Command {
	var q question
	var namespace string
	c := &cobra.Command{
		Use:   "loose KIND",
		Short: "List datasets where lineage begins or ends without a reason",
		Long: `Loose lists datasets that nothing is known to lead to, though nobody says that they
have no source (orphan), from which nothing is known to be made (dead_end), or both
(isolated).`,
		Example: `  ledgerline loose orphan --dir led --namespace warehouse`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{"kind": args}
			set(v, "namespace", namespace)
			return ask(c, p, &q, "/v1/lineage/loose", v, func(list projections.LooseList) (string, error) {
				t := newTable("DATASET", "ENTRIES", "FIRST")
				for _, n := range list.Datasets {
					t.row(n.ID, strings.Join(n.Entries, ","), number(n.First))
				}
				return list.Next, t.write(p.out, "there are none")
			})
		},
	}
	q.flags(c)
	q.pageFlags(c)
	c.Flags().StringVar(&namespace, "namespace", "", "only datasets of this namespace")
	return c
}
