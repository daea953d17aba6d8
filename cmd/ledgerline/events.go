package main

import (
	"errors"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"ledgerline/projections"
)

func eventsCommand(p *program) *cobra.Command {
	var q question
	var newest bool
	filters := map[string]*string{}
	c := &cobra.Command{
		Use:   "events [POSITION]",
		Short: "List what was recorded, or show one record",
		Example: `  ledgerline events --server http://127.0.0.1:8420 --type share. --party D03
  ledgerline events 17 --dir led`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return p.oneEvent(c, &q, args[0])
			}
			v := url.Values{}
			for name, text := range filters {
				value := *text
				if name == "from" || name == "to" {
					var err error
					if value, err = moment(value); err != nil {
						return usage("--%s %s: %w", name, *text, err)
					}
				}
				set(v, name, value)
			}
			if newest {
				v.Set("order", "desc")
			}
			return ask(c, p, &q, "/v1/events", v, func(list projections.Timeline) (string, error) {
				t := newTable("POSITION", "RECORDED", "TYPE", "SUBJECT", "PARTY", "SUMMARY")
				for _, r := range list.Rows {
					t.row(number(r.Position), local(r.Recorded), marked(r.Type, r.Imported), r.Subject.String(), r.Party, r.Summary)
				}
				return list.Next, t.write(p.out, "no records")
			})
		},
	}
	q.flags(c)
	q.pageFlags(c)
	f := c.Flags()
	for name, help := range map[string]string{
		"type":      "a type or the beginning of one, such as catalog.",
		"subject":   "a subject, as kind/id",
		"party":     "id of a party concerned",
		"dataset":   "a dataset concerned, as namespace/name",
		"entry":     "id of a catalog entry concerned",
		"agreement": "id of an agreement concerned",
		"principal": "who wrote it",
		"from":      "recorded at this time or later",
		"to":        "recorded before this time",
	} {
		filters[name] = f.String(name, "", help)
	}
	f.BoolVar(&newest, "newest", false, "the newest first")
	return c
}

// oneEvent shows one record: the event as a CloudEvent, with what the ledger
// added. That is JSON for people too.
func (p *program) oneEvent(c *cobra.Command, q *question, position string) error {
	if _, err := strconv.ParseUint(position, 10, 63); err != nil {
		return usage("%q is not a position; positions are whole numbers from 0", position)
	}
	cl, err := q.target.connect(c.Context(), p)
	if err != nil {
		return err
	}
	body, err := cl.get(c.Context(), "/v1/events/"+position, url.Values{})
	if err := errors.Join(err, cl.close()); err != nil {
		return err
	}
	return p.printJSON(body)
}
