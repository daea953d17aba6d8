package api

import (
	"fmt"
	"strconv"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/ledger/notary"
	"ledgerline/projections"
)

// The page of the ledger's own state: the book, who attests it, how far the views
// and the background verification are, and how it all grew.

type healthPageQuery struct{ momentQuery }

type healthPage struct {
	*page
	Origin, VerifierKey string
	Head                ledger.Head
	Published           int64
	Checkpoint          string
	Index               *indexAnswer
	Outsiders           notary.Status
	Views               []projections.ViewStatus
	Patrol              patrolAnswer
	Book, ViewBytes     string
	Growth              plot
	Started             events.Time
	// Past figures since the server began: views' lag, records not published, storage.
	Lags, Unpublished, Disk plot
	Looked                  bool
	// Acts are the latest records of the ledger about itself.
	Acts projections.Timeline
	// Verified are the latest verifications by others, by means of their own.
	Verified projections.Timeline
	Well     bool
}

// ledgerActs is how many records about itself the page shows.
const ledgerActs = 12

func showHealth(c *question, _ healthPageQuery, p *page) (any, error) {
	s := c.s
	d := healthPage{
		page: p, Origin: s.o.Ledger.Origin(), VerifierKey: s.o.Ledger.VerifierKey(), Head: s.o.Ledger.Head(),
		Published: s.publishedSize(), Checkpoint: string(s.o.Ledger.PublishedCheckpoint()), Index: s.indexAnswer(),
		Outsiders: s.outsiders(), Views: s.o.Views.Status(), Patrol: patrolOf(s.o.Ledger.PatrolStatus()),
	}
	d.Well = len(d.Patrol.Findings) == 0 && d.Patrol.Error == ""
	for _, v := range d.Views {
		d.Well = d.Well && v.Err == "" && !v.Rebuilding && !v.Loading && v.LagSeconds <= s.o.Limits.ReadyLag.Seconds()
	}
	for _, w := range d.Outsiders.Witnesses {
		d.Well = d.Well && !w.Ahead
	}
	book, err := s.o.Ledger.DiskBytes()
	if err != nil {
		return nil, err
	}
	d.Book, d.ViewBytes = bytesText(book), bytesText(c.view.DiskBytes())
	if d.Growth, err = c.growth(p); err != nil {
		return nil, err
	}
	spans := s.history.list()
	d.Started, d.Looked = s.started, len(spans) > 0
	count := func(n uint64) string { return strconv.FormatUint(n, 10) }
	d.Lags = p.historyPlot(spans, []plotKey{{"fine", p.texts("history-lag")}}, func(of span, _ string) uint64 { return uint64(max(0, of.Lag)) }, count)
	d.Unpublished = p.historyPlot(spans, []plotKey{{"fine", p.texts("history-unpublished")}}, func(of span, _ string) uint64 { return uint64(max(0, of.Unpublished)) }, count)
	d.Disk = p.historyPlot(spans, []plotKey{{"fine", p.texts("history-book")}, {"other", p.texts("history-views")}}, func(of span, class string) uint64 {
		if class == "fine" {
			return of.BookBytes
		}
		return of.ViewBytes
	}, bytesText)
	d.Acts, err = c.view.Timeline(c.ctx, projections.TimelineQuery{TypePrefix: "ledger.", Descending: true, Page: projections.Page{Limit: ledgerActs}})
	if err != nil {
		return nil, err
	}
	p.JSON = "/v1/status"
	d.Verified, err = c.latest("ledger.verification.completed", projections.TimelineQuery{})
	return d, err
}

// growth counts the records of each span of days, from the first to the page's.
func (c *question) growth(p *page) (plot, error) {
	if c.view.Position() < 0 {
		return plot{W: plotWidth, H: plotHeight}, nil
	}
	first, last := events.TimeOf(p.begun), c.view.Recorded()
	from, span, n := spans(first, last)
	counts := make([]map[string]int, n)
	before := int64(-1)
	for i := range counts {
		end := from.AddDate(0, 0, (i+1)*span)
		at := c.view.Position()
		if end.Before(last.Std()) {
			var err error
			if at, err = c.s.o.Ledger.PositionAt(c.ctx, events.TimeOf(end.Add(-time.Microsecond))); err != nil {
				return plot{}, err
			}
		}
		counts[i] = map[string]int{"fine": int(at - before)}
		before = at
	}
	g, err := p.plotCounts(from, last, span, counts, []plotKey{{"fine", p.texts("records")}}, func(from, to time.Time) (string, error) {
		return p.Href("/events", "from", from.Format(time.RFC3339), "to", to.Format(time.RFC3339))
	})
	g.Label = fmt.Sprintf(p.texts("growth"), c.view.Position()+1)
	g.Caption, g.Legend = g.Label, nil // there is one kind
	return g, err
}

// bytesText writes a size for people.
func bytesText(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v := float64(n)
	i := 0
	for ; v >= 1024 && i < len(units)-1; i++ {
		v /= 1024
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}
