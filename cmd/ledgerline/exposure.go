package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ledgerline/projections"
)

func exposureCommand(p *program) *cobra.Command {
	var q question
	var from, to string
	var columns bool
	c := &cobra.Command{
		Use:   "exposure NODE",
		Short: "Show who got a node, or anything made from it, and under which agreement",
		Long: `Exposure goes to everything that was made from a node and lists the recorded calls
for it and deliveries of it within a window of time, by consumer, agreement and
catalog entry. Then it lists who had an agreement in that time, and no recorded call
or delivery.`,
		Example: `  ledgerline exposure column:pg/register#phone --from 2026-02-01 --to 2026-03-01 --server http://127.0.0.1:8420`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{"node": args}
			for name, text := range map[string]string{"from": from, "to": to} {
				if err := setMoment(v, name, text); err != nil {
					return err
				}
			}
			if columns {
				v.Set("columns", "true")
			}
			return ask(c, p, &q, "/v1/exposure", v, func(e projections.Exposure) (string, error) {
				return "", p.exposure(e)
			})
		},
	}
	q.flags(c)
	q.validFlag(c)
	f := c.Flags()
	f.StringVar(&from, "from", "", "calls made at this time or later")
	f.StringVar(&to, "to", "", "calls made before this time")
	f.BoolVar(&columns, "columns", false, "only what the columns reach")
	return c
}

// setMoment sets a parameter to a moment that was given.
func setMoment(v url.Values, name, text string) error {
	m, err := moment(text)
	if err != nil {
		return usage("--%s %s: %w", name, text, err)
	}
	set(v, name, m)
	return nil
}

// exposure prints who got what, and who may have.
func (p *program) exposure(e projections.Exposure) error {
	t := newTable("CONSUMER", "AGREEMENT", "ENTRY", "DEPTH", "CALLS", "ROWS", "DELIVERED", "DENIED", "FLAGGED", "COLUMNS", "FIRST", "LAST")
	for _, x := range e.Exposed {
		columns := strings.Join(x.Columns, ",")
		if x.ColumnsUnknown {
			columns = strings.TrimPrefix(columns+",(not said)", ",")
		}
		delivered := ""
		if x.Deliveries > 0 {
			delivered = fmt.Sprintf("%d in %d", x.Delivered, x.Deliveries)
		}
		t.row(marked(both(x.Consumer, x.ConsumerName), x.Imported), x.Agreement, x.Entry, strconv.Itoa(x.Depth), strconv.Itoa(x.Calls), strconv.Itoa(x.Rows), delivered,
			strconv.Itoa(x.Denied), strconv.Itoa(x.Flagged), columns, local(x.First), local(x.Last))
	}
	if err := t.write(p.out, fmt.Sprintf("no call or delivery is recorded for %s or what was made from it (%d datasets)", e.Node, e.Reached)); err != nil || len(e.Entitled) == 0 {
		return err
	}
	fmt.Fprintln(p.out, "\nentitled, without a recorded call or delivery:")
	t = newTable("CONSUMER", "AGREEMENT", "ENTRY", "ITEMS", "FROM", "TO")
	for _, x := range e.Entitled {
		t.row(both(x.Consumer, x.ConsumerName), marked(x.Agreement, x.Imported), x.Entry, strings.Join(x.Items, ","), local(x.TermFrom), local(x.TermTo))
	}
	return t.write(p.out, "")
}
