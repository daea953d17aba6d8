package main

import (
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"ledgerline/projections"
)

func dutiesCommand(p *program) *cobra.Command {
	var q question
	var party, rule, caseID, entry, state, imported string
	c := &cobra.Command{
		Use:   "duties",
		Short: "List what has to be done by when, and whether it was",
		Long: `Duties lists what published rules say has to be done by a day, counted by a published
calendar of working days: open, met, late, breached. --as-of asks what was known
then, --valid-at what state a duty was in at a time.`,
		Example: `  ledgerline duties --state breached --server http://127.0.0.1:8420
  ledgerline duties --party D01 --as-of 2025-12-31 --dir led`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			v := url.Values{}
			for name, text := range map[string]string{"party": party, "rule": rule, "case": caseID, "entry": entry, "state": state, "imported": imported} {
				set(v, name, text)
			}
			return ask(c, p, &q, "/v1/duties", v, func(list projections.DutyList) (string, error) {
				t := newTable("DUE", "STATE", "PARTY", "RULE", "CASE", "FROM", "DONE", "CALENDAR", "WHAT", "WHY")
				for _, d := range list.Duties {
					party := d.Party
					if d.Was != "" {
						party += " (was " + d.Was + ")"
					}
					t.row(d.Due, marked(d.State, d.Imported), party, d.Pack+" "+d.Rule, d.Case, local(d.From), local(d.Done), d.Calendar+" "+d.CalendarVersion, d.Title.EN, why(d))
				}
				return list.Next, t.write(p.out, "no duties")
			})
		},
	}
	q.flags(c)
	q.validFlag(c)
	q.pageFlags(c)
	f := c.Flags()
	f.StringVar(&party, "party", "", "who has to act")
	f.StringVar(&rule, "rule", "", "the rule, such as DL-02")
	f.StringVar(&caseID, "case", "", "what it is about, such as the id of a request")
	f.StringVar(&entry, "entry", "", "the catalog entry that it is about")
	f.StringVar(&state, "state", "", "open, met, late, breached or undetermined")
	f.StringVar(&imported, "imported", "", onlyImported)
	return c
}

// why is what made a duty to update begin.
func why(d projections.Duty) string {
	if d.Trigger == "" {
		return ""
	}
	return d.Entry + ": " + d.Trigger + ", " + d.Instrument
}

func violationsCommand(p *program) *cobra.Command {
	var q question
	filters := map[string]*string{}
	c := &cobra.Command{
		Use:   "violations",
		Short: "List which rules were broken, by whom, with the records that show it",
		Example: `  ledgerline violations --code 39.4 --server http://127.0.0.1:8420
  ledgerline violations --party C02 --from 2026-01-01 --dir led`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
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
			return ask(c, p, &q, "/v1/violations", v, func(list projections.ViolationList) (string, error) {
				t := newTable("SINCE", "CODE", "PARTY", "RULE", "AGREEMENT", "ENTRY", "RECORDS", "WHAT")
				for _, x := range list.Violations {
					var records []string
					for _, at := range x.Events {
						records = append(records, number(at))
					}
					t.row(local(x.Time), strings.TrimSpace(x.Pack+" "+x.Code), x.Party, marked(x.Rule, x.Imported), x.Agreement, x.Entry, strings.Join(records, ","), x.Detail)
				}
				return list.Next, t.write(p.out, "no violations")
			})
		},
	}
	q.flags(c)
	q.pageFlags(c)
	for name, help := range map[string]string{
		"party": "who broke the rule", "code": "its code in the rule pack, such as 39.4", "rule": "what was found, such as access.no-agreement",
		"agreement": "id of the agreement concerned", "entry": "id of the catalog entry concerned",
		"imported": onlyImported, "from": "since this time or later", "to": "since before this time",
	} {
		filters[name] = c.Flags().String(name, "", help)
	}
	return c
}
