package main

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ledgerline/events"
	"ledgerline/ledger/proof"
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
					t.row(strconv.Itoa(s.Depth), s.Wrote, local(s.Begun), marked(s.Run, s.Imported), s.Job, s.State, strings.Join(s.Read, ", "))
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
	var record bool
	var namespace string
	c := &cobra.Command{
		Use:   "differences [NODE]",
		Short: "List columns that are declared and were not observed, and the other way round",
		Long: `Differences compares what is declared to go into a dataset, or into all that a job
writes, with what runs showed, and the latest runs with what was declared when they
began: of all datasets, or of NODE. With --record it records of each run that differs
that it does: a fact that stays when the views are made anew.`,
		Example: `  ledgerline differences --namespace warehouse --server http://127.0.0.1:8420
  ledgerline differences job:etl/nightly --dir led
  ledgerline differences run:0198c5a2-6d10-7c3e-9f1b-3a52c7f0e001 --record --server http://127.0.0.1:8420`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{}
			if len(args) > 0 {
				v.Set("node", args[0])
			}
			if record {
				if len(args) == 0 {
					return usage("--record is about one node: name a dataset, job or run")
				}
				return p.recordDifferences(c, &q, args[0])
			}
			set(v, "namespace", namespace)
			return ask(c, p, &q, "/v1/lineage/differences", v, func(list projections.DifferenceList) (string, error) {
				return list.Next, p.differences(list)
			})
		},
	}
	q.flags(c)
	q.pageFlags(c)
	c.Flags().StringVar(&namespace, "namespace", "", "without NODE: only what leads to datasets of this namespace")
	c.Flags().StringVar(&q.target.principal, "principal", "", `who records, with --dir (default "dev", as with serve --dev)`)
	c.Flags().BoolVar(&record, "record", false, "record of each run that differs that it does")
	return c
}

// differences prints what is declared and observed and differs, and then the runs
// that do.
func (p *program) differences(list projections.DifferenceList) error {
	t := newTable("FROM", "TO", "COLUMNS", "ONLY", "RECORDS")
	for _, d := range list.Differences {
		for _, side := range []struct {
			only    string
			pairs   []projections.ColumnPair
			records []int64
		}{{"declared", d.DeclaredOnly, d.Declared}, {"observed", d.ObservedOnly, d.Observed}} {
			for _, pair := range side.pairs {
				t.row(d.From, d.To, pair.From+" → "+pair.To, marked(side.only, d.Imported), positions(side.records))
			}
		}
	}
	of := cmp.Or(list.Node, "all datasets listed here")
	if err := t.write(p.out, fmt.Sprintf("of %s nothing is both declared and observed and differs", of)); err != nil || len(list.Runs) == 0 {
		return err
	}
	fmt.Fprintln(p.out, "\nruns that differ from what was declared when they began:")
	t = newTable("RUN", "JOB", "BEGUN", "NOT DECLARED", "NOT SEEN", "RECORDED AT")
	for _, d := range list.Runs {
		t.row(marked(d.Run, d.Imported), d.Job.Namespace+"/"+d.Job.Name, local(d.Begun), columnRefs(d.Undeclared), columnRefs(d.Unseen), positions(d.Recorded))
	}
	return t.write(p.out, "")
}

func positions(list []int64) string { return strings.Trim(fmt.Sprint(list), "[]") }

func columnRefs(list []events.ColumnRef) string {
	var out []string
	for _, r := range list {
		out = append(out, r.Name+"#"+r.Field)
	}
	return strings.Join(out, ", ")
}

// recordDifferences has the runs that differ recorded.
func (p *program) recordDifferences(c *cobra.Command, q *question, node string) error {
	if q.asOf != "" {
		return usage("--record is about what is known now: leave out --as-of")
	}
	var found struct {
		Receipts []proof.Receipt `json:"receipts"`
	}
	if _, err := q.target.ask(c, p, "/v1/lineage/differences", asked{"node": node}, &found); err != nil {
		return err
	}
	if len(found.Receipts) == 0 {
		fmt.Fprintf(p.out, "no run that wrote %s last differs from what was declared when it began\n", node)
	}
	for _, r := range found.Receipts {
		fmt.Fprintf(p.out, "recorded at position %d\n", r.Position)
	}
	return nil
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
