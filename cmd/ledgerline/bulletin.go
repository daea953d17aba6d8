package main

import (
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"ledgerline/projections"
)

func bulletinCommand(p *program) *cobra.Command {
	var q question
	var party, region string
	c := &cobra.Command{
		Use:   "bulletin PERIOD",
		Short: "Tell how sharing went in a period, each figure with the records behind it",
		Long: `Bulletin computes the figures of a period from the records up to a position. The same
position, by --as-of, gives the same figures to everybody who asks; --json names all
the records behind each, and says of the bulletins that were issued whether the
ledger agrees with them.

PERIOD is a month such as 2025-12, a quarter such as 2025-Q4, a year, a day, or two
days such as 2025-12-01..2026-01-01, the last not included; in the zone of the
published calendar.`,
		Example: `  ledgerline bulletin 2025-12 --server http://127.0.0.1:8420
  ledgerline bulletin 2025-Q4 --party D01 --as-of 2026-01-31 --dir led --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{}
			set(v, "party", party)
			set(v, "region", region)
			return ask(c, p, &q, "/v1/bulletins/"+url.PathEscape(args[0]), v, func(b bulletinAnswer) (string, error) {
				t := newTable("VALUE", "MADE OF", "RECORDS", "FIGURE", "WHAT")
				for _, f := range b.Bulletin.Figures {
					made := ""
					if f.Unit == projections.UnitMillionths {
						made = strconv.FormatInt(f.Count, 10) + " of " + strconv.FormatInt(f.Of, 10)
					}
					t.row(shownFigure(f), made, strconv.Itoa(len(f.Counted)+len(f.Others)+f.Omitted), f.ID, f.Title.EN)
				}
				for _, i := range b.Issued {
					verdict := "agrees"
					if !i.Agrees {
						verdict = "differs"
					}
					t.row("", "", number(i.Position), "issued/"+i.Bulletin, verdict)
				}
				return "", t.write(p.out, "no figures")
			})
		},
	}
	q.flags(c)
	c.Flags().StringVar(&party, "party", "", "only what this party answers for")
	c.Flags().StringVar(&region, "region", "", "only what bodies of this area answer for")
	return c
}

// bulletinAnswer is what is shown of the answer.
type bulletinAnswer struct {
	Bulletin projections.Bulletin `json:"bulletin"`
	Issued   []struct {
		Position int64  `json:"position"`
		Bulletin string `json:"bulletin"`
		Agrees   bool   `json:"agrees"`
	} `json:"issued"`
}

func shownFigure(f projections.Figure) string {
	if f.Value == nil {
		return "-"
	}
	switch f.Unit {
	case projections.UnitMillionths:
		return strconv.FormatFloat(float64(*f.Value)/10_000, 'f', 1, 64) + " %"
	case projections.UnitSeconds:
		return strconv.FormatFloat(float64(*f.Value)/3600, 'f', 1, 64) + " h"
	case projections.UnitWorkingDays:
		return strconv.FormatInt(*f.Value, 10) + " d"
	}
	return strconv.FormatInt(*f.Value, 10)
}
