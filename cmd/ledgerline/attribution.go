package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ledgerline/projections"
)

func attributionCommand(p *program) *cobra.Command {
	var q question
	c := &cobra.Command{
		Use:   "attribution FINDING",
		Short: "Show where faulty data came from, and what speaks of whose responsibility",
		Long: `Attribution follows the lineage upstream from what a finding is about, as it was when
the finding was reported (or at --valid-at), and lists the parties that answer for,
merged, or are the designated source of what it reaches, with the records that show
it: what they knew, which deadlines they missed, what was decided. Then it lists who
has the data, and was told or not. It decides nothing.`,
		Example: `  ledgerline attribution Q12 --server http://127.0.0.1:8420`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return ask(c, p, &q, "/v1/findings/"+url.PathEscape(args[0])+"/attribution", url.Values{}, func(a projections.Attribution) (string, error) {
				return "", p.attribution(&a)
			})
		},
	}
	q.flags(c)
	q.validFlag(c)
	return c
}

// attribution prints origins, parties and recipients.
func (p *program) attribution(a *projections.Attribution) error {
	t := newTable("ORIGIN", "DEPTH", "DATASET", "COLUMNS", "RECORDS")
	for _, o := range a.Origins {
		t.row(marked(o.Entry, o.Imported), strconv.Itoa(o.Depth), o.Dataset, strings.Join(o.Columns, ","), positions(o.Events))
	}
	if err := t.write(p.out, "no origins"); err != nil {
		return err
	}
	fmt.Fprintln(p.out)
	t = newTable("PARTY", "GROUND", "ENTRY", "FACT", "RECORDS")
	for _, r := range a.Responsible {
		for _, f := range r.Facts {
			t.row(both(r.Party, r.Name), marked(f.Ground, f.Imported), f.Entry, f.Detail, positions(f.Events))
		}
	}
	if err := t.write(p.out, "nobody is known to have to do with it"); err != nil {
		return err
	}
	fmt.Fprintln(p.out)
	t = newTable("RECIPIENT", "AGREEMENT", "TOLD", "ACKNOWLEDGED")
	for _, r := range a.Recipients {
		t.row(both(r.Party, r.Name), marked(r.Agreement, r.Imported), local(r.Told), local(r.Acknowledged))
	}
	return t.write(p.out, "nobody has it under an agreement")
}

func disposalsCommand(p *program) *cobra.Command {
	return listing[projections.DisposalList]{
		use: "disposals", short: "List duties to dispose of shared data, and what became of them",
		example: `  ledgerline disposals --agreement A14 --server http://127.0.0.1:8420`,
		path:    "/v1/disposals", validAt: true,
		filters: map[string]string{"party": "provider or consumer", "agreement": "the agreement", "state": "open, performed, accepted or rejected"},
		show: func(p *program, list projections.DisposalList) (string, error) {
			t := newTable("DISPOSAL", "STATE", "AGREEMENT", "CONSUMER", "METHOD", "OPENED", "PERFORMED", "ACCEPTED", "EVIDENCE", "RECORDS")
			for _, d := range list.Disposals {
				t.row(marked(d.ID, d.Imported), d.State, d.Agreement, d.Consumer, d.Method, local(d.Opened), local(d.Performed), local(d.Accepted), d.Evidence, positions(d.Events))
			}
			return list.Next, t.write(p.out, "no disposals")
		},
	}.command(p)
}

func producersCommand(p *program) *cobra.Command {
	return listing[projections.ProducerList]{
		use: "producers", short: "List who numbers its events or calls, how far, and which numbers are missing",
		example: `  ledgerline producers --gaps true --server http://127.0.0.1:8420`,
		path:    "/v1/producers",
		filters: map[string]string{"party": "who answers for the producer", "gaps": "true: only producers that miss numbers, declared or not"},
		show: func(p *program, list projections.ProducerList) (string, error) {
			t := newTable("PRODUCER", "NUMBERS", "PARTY", "LAST", "MISSING")
			for _, x := range list.Producers {
				var missing []string
				for _, m := range x.Missing {
					run := fmt.Sprintf("%d-%d", m.First, m.Last)
					if m.Declared != 0 {
						run += fmt.Sprintf(" (declared at %d)", m.Declared)
					}
					missing = append(missing, run)
				}
				if x.Unlisted > 0 {
					missing = append(missing, fmt.Sprintf("%d more", x.Unlisted))
				}
				t.row(x.ID, x.Numbers, x.Party, strconv.FormatUint(x.Last, 10), strings.Join(missing, ", "))
			}
			return list.Next, t.write(p.out, "no producers")
		},
	}.command(p)
}
