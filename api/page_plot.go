package api

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"ledgerline/events"
	"ledgerline/projections"
)

// A plot is a picture of how many there were when, as bars over time.
type plot struct {
	W, H           int
	Label, Caption string
	Lines          []plotLine
	Bars           []plotBar
	Legend         []plotKey
}

// plotLine is an axis or a mark on one, with its text.
type plotLine struct {
	D    string
	X, Y int
	Text string
	End  bool // the text ends at X
}

type plotBar struct {
	X, Y, W, H         int
	Class, Title, Href string
}

type plotKey struct{ Class, Word string }

// plotPoint is something that happened.
type plotPoint struct {
	time  events.Time
	class string
}

// Measures of a plot, in pixels.
const (
	plotWidth, plotHeight = 720, 132
	plotLeft, plotTop     = 34, 10
	plotFloor             = plotHeight - 22
	plotBuckets           = 60
)

// plot counts points by spans of whole days (UTC), of which there are at most
// plotBuckets, and piles up what each span has by class. href, if not nil, leads
// to what a bar stands for.
func (p page) plot(points []plotPoint, classes []plotKey, href func(from, to time.Time) (string, error)) (plot, error) {
	if len(points) == 0 {
		return plot{W: plotWidth, H: plotHeight, Legend: classes}, nil
	}
	first, last := points[0].time, points[0].time
	for _, pt := range points {
		first, last = min(first, pt.time), max(last, pt.time)
	}
	from, span, n := spans(first, last)
	counts := make([]map[string]int, n)
	for _, pt := range points {
		i := int(pt.time.Std().UTC().Sub(from)/day) / span
		if counts[i] == nil {
			counts[i] = make(map[string]int)
		}
		counts[i][pt.class]++
	}
	return p.plotCounts(from, last, span, counts, classes, href)
}

const day = 24 * time.Hour

// spans cuts the time from one moment to another, both included, into spans of
// whole days.
func spans(first, last events.Time) (from time.Time, span, n int) {
	from = first.Std().UTC().Truncate(day)
	days := int(last.Std().UTC().Sub(from)/day) + 1
	span = (days + plotBuckets - 1) / plotBuckets
	return from, span, (days + span - 1) / span
}

// plotCounts draws what was counted, by span and class.
func (p page) plotCounts(from time.Time, last events.Time, span int, counts []map[string]int, classes []plotKey, href func(from, to time.Time) (string, error)) (plot, error) {
	g, n, most := plot{W: plotWidth, H: plotHeight, Legend: classes}, len(counts), 1
	for _, c := range counts {
		total := 0
		for _, of := range c {
			total += of
		}
		most = max(most, total)
	}
	width := (plotWidth - plotLeft - 4) / max(n, 12)
	for i, c := range counts {
		start := from.AddDate(0, 0, i*span)
		end := start.AddDate(0, 0, span)
		y := plotFloor
		for _, k := range classes {
			if c[k.Class] == 0 {
				continue
			}
			h := max(2, c[k.Class]*(plotFloor-plotTop)/most)
			y -= h
			when := writtenDate(start, p.language)
			if span > 1 {
				when += " – " + writtenDate(end.AddDate(0, 0, -1), p.language)
			}
			b := plotBar{plotLeft + 2 + i*width, y, max(1, width-1), h, k.Class, fmt.Sprintf("%s%s%d %s", when, p.texts("colon"), c[k.Class], k.Word), ""}
			if href != nil {
				var err error
				if b.Href, err = href(start, end); err != nil {
					return g, err
				}
			}
			g.Bars = append(g.Bars, b)
		}
	}
	right := plotLeft + 2 + n*width
	g.Lines = []plotLine{
		{fmt.Sprintf("M%d %dH%d", plotLeft, plotFloor, plotWidth), plotLeft, plotHeight - 6, writtenDate(from, p.language), false},
		{fmt.Sprintf("M%d %dv4", right, plotFloor), max(right, plotLeft+150), plotHeight - 6, writtenDate(last.Std(), p.language), true},
		{fmt.Sprintf("M%d %dV%d", plotLeft, plotTop, plotFloor), plotLeft - 4, plotTop + 8, strconv.Itoa(most), true},
	}
	if g.Lines[0].Text == g.Lines[1].Text { // it is all of one day
		g.Lines[1].Text = ""
	}
	g.Caption = p.texts("plot-day")
	if span > 1 {
		g.Caption = fmt.Sprintf(p.texts("plot-days"), span)
	}
	return g, nil
}

// plotAccesses is how many accesses a plot looks at. Where there are more, it
// says so.
const plotAccesses = 5000

// eachAccess visits what a query selects, the last recorded first, and tells whether
// there is more than was looked at. Names are those of the parties.
func (c *question) eachAccess(q projections.AccessQuery, visit func(a projections.Access, names map[string]string)) (cut bool, err error) {
	q.Page = projections.Page{Limit: projections.MaxLimit}
	for seen := 0; ; {
		list, err := c.view.Accesses(c.ctx, q)
		if err != nil {
			return false, err
		}
		for _, a := range list.Accesses {
			visit(a, list.PartyNames)
		}
		if seen += len(list.Accesses); list.Next == "" || seen >= plotAccesses {
			return list.Next != "", nil
		}
		q.Page.Cursor = list.Next
	}
}

// accessPlot draws the calls that a query selects.
func (c *question) accessPlot(p *page, q projections.AccessQuery, pairs ...any) (plot, error) {
	var points []plotPoint
	cut, err := c.eachAccess(q, func(a projections.Access, _ map[string]string) {
		points = append(points, plotPoint{a.Time, accessClass(a)})
	})
	if err != nil {
		return plot{}, err
	}
	return p.accessBars(points, cut, pairs)
}

// accessBars draws calls. Each bar leads to the list of its own, selected by the pairs;
// without any it leads nowhere.
func (p page) accessBars(points []plotPoint, cut bool, pairs []any) (plot, error) {
	href := func(from, to time.Time) (string, error) {
		return p.Href("/accesses", append(slices.Clip(pairs), "from", from.Format(time.RFC3339), "to", to.Format(time.RFC3339))...)
	}
	if pairs == nil {
		href = nil
	}
	g, err := p.plot(points, []plotKey{
		{"fine", p.texts("plot-fine")}, {"denied", p.texts("plot-denied")}, {"flag", p.texts("plot-flag")}, {"other", p.texts("plot-gap")},
	}, href)
	g.Label = fmt.Sprintf(p.texts("plot-calls"), len(points))
	if g.Caption = g.Label + " " + g.Caption; cut {
		g.Caption += " " + p.texts("plot-cut")
	}
	return g, err
}

func accessClass(a projections.Access) string {
	switch {
	case len(a.Flags) > 0:
		return "flag"
	case a.Gap != nil:
		return "other"
	case a.Result == "denied" || a.Result == "error":
		return "denied"
	}
	return "fine"
}

// A track draws a stretch of time against the day by which something was due.
type track struct {
	Class               string
	Due, Done, Overdue  int // x of each; 0: there is none
	OverdueWidth, Width int
	Label               string
}

// Track draws a duty: from its beginning (left) to its due day (the bar), and how
// much longer it took. The scale is the duty's own.
func (p page) Track(d projections.Duty) track {
	const due, width = 80, 132
	t := track{Class: d.State, Due: due, Width: width, Label: p.Word("state", d.State)}
	if d.Before == 0 || d.Before <= d.From {
		t.Due = 0
		return t
	}
	at := func(when events.Time) int {
		x := int(float64(when-d.From) / float64(d.Before-d.From) * due)
		return min(max(x, 3), width-5)
	}
	end := d.Done
	if end == 0 && p.Standing != nil {
		end = p.Standing.Time
	}
	t.Done = at(end)
	if t.Done > due {
		t.Overdue, t.OverdueWidth = due, t.Done-due
	}
	return t
}
