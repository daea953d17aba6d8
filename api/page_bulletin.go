package api

import (
	"time"

	"ledgerline/projections"
)

// The page of a bulletin, made to be read on a screen and to be printed.

type bulletinPageQuery struct {
	momentQuery
	Period string `query:"period" doc:"a month such as 2025-12, a quarter such as 2025-Q4, a year, a day, or two days with .. between them, the last not included. Default: the month of the page's moment"`
	Party  string `query:"party" doc:"only what this party answers for, by its id"`
	Region string `query:"region" doc:"only what bodies of this area answer for, by the region code"`
}

type bulletinPage struct {
	*page
	printedBulletin
	Query   bulletinPageQuery
	Parties []projections.Party
	Months  []link
}

// bulletinMonths is how many months the page offers.
const bulletinMonths = 12

func showBulletin(c *question, q bulletinPageQuery, p *page) (any, error) {
	zone, err := c.view.Zone()
	if err != nil {
		return nil, err
	}
	month := c.view.Recorded().Std().In(zone)
	if q.Period == "" {
		q.Period = month.Format("2006-01")
	}
	d := bulletinPage{page: p, Query: q}
	if d.bulletinAnswer, err = c.bulletin(q.Period, bulletinQuery{Party: q.Party, Region: q.Region}); err != nil {
		if said := problemOf(err); said.Rule == "bulletin.period" {
			return nil, said.at("period")
		}
		return nil, err
	}
	parties, err := c.view.Parties(c.ctx, projections.PartyQuery{Page: projections.Page{Limit: offeredParties}})
	if err != nil {
		return nil, err
	}
	d.Parties = parties.Parties
	first := time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, zone)
	for i := range bulletinMonths {
		m := first.AddDate(0, -i, 0)
		if !p.begun.IsZero() && m.AddDate(0, 1, 0).Before(p.begun) {
			break
		}
		href, err := p.Href("/bulletin", "period", m.Format("2006-01"), "party", q.Party, "region", q.Region)
		if err != nil {
			return nil, err
		}
		d.Months = append(d.Months, link{m.Format("2006-01"), href})
	}
	p.JSON, err = d.printedBulletin.Query()
	return d, err
}

// Shown is the value of a figure, its unit in the page's language.
func (d bulletinPage) Shown(f projections.Figure) string {
	days := d.texts("unit-days")
	if f.Value != nil && *f.Value == 1 {
		days = d.texts("unit-day")
	}
	return shownFigure(f, d.texts("unit-hours"), days)
}

// Bar is the width of a share's bar, of 100.
func (bulletinPage) Bar(f projections.Figure) int {
	if f.Value == nil || f.Unit != projections.UnitMillionths {
		return 0
	}
	return int(*f.Value / 10_000)
}

// First are the records of a figure that the page names; the JSON answer has more.
func (bulletinPage) First(list []int64) []int64 { return list[:min(len(list), 12)] }
