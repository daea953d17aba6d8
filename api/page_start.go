package api

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"
)

type startPage struct {
	*page
	Origin, VerifierKey string
	Head                ledger.Head
	Published           int64
	Checkpoint          string
	MayRead             bool
	Counts              []countLink
	Views               []projections.ViewStatus
	Recent              []projections.TimelineRow
	Examples            []link
	// Today is the day of the page's moment, and what follows is about it.
	Today   string
	Changed []typeCount
	DayCut  bool
	Diff    projections.CatalogDiff
	// Due are the next open duties; DueCount counts all, Missed those that are late.
	Due              []projections.Duty
	DueCount, Missed int
	DutiesCut        bool
	Issues           []projections.Finding
	IssueCount       int
	IssuesCut        bool
	Flagged          []projections.Access
	FlaggedCount     int64
}

// typeCount is how many records of a type there are.
type typeCount struct {
	Type string
	N    int
}

// How much the cards of the start page list.
const (
	cardRows   = 5
	cardCounts = projections.MaxLimit // beyond, "more than" is said
)

type countLink struct {
	Name string
	N    int64
	Href string
}

type link struct{ Name, Href string }

// recentRecords is how many records the start page shows.
const recentRecords = 10

func serveStart(s *Server, w http.ResponseWriter, r *http.Request, q momentQuery) error {
	shared := newPage(w, r, q.pageQuery, "title-start")
	p := startPage{
		page:   &shared,
		Origin: s.o.Ledger.Origin(), VerifierKey: s.o.Ledger.VerifierKey(), Head: s.o.Ledger.Head(),
		Published: s.publishedSize(), Checkpoint: string(s.o.Ledger.PublishedCheckpoint()),
		MayRead: s.may(callOf(r).caller, readers), Views: s.o.Views.Status(),
	}
	if p.MayRead {
		c, err := s.askForPage(w, r, q, "", p.page)
		if err != nil {
			return err
		}
		err = fillStart(c, &p)
		standing := c.standing()
		p.Standing = &standing
		if err := joinClose(err, c.view); err != nil {
			return err
		}
	}
	return render(w, r, "start.html", p)
}

// fillStart adds what only readers may see.
func fillStart(c *question, p *startPage) error {
	if c.view.Scoped() { // nothing is counted that the reader may not see
		return fillScopedStart(c, p)
	}
	n, err := c.view.Counts(c.ctx)
	if err != nil {
		return err
	}
	p.FlaggedCount = n.FlaggedAccesses
	for _, count := range []struct {
		name  string
		n     int64
		path  string
		pairs []any
	}{
		{"entries", n.Entries, "/catalog", nil}, {"agreements", n.Agreements, "/sharing", nil}, {"accesses", n.Accesses, "/accesses", nil},
		{"flagged", n.FlaggedAccesses, "/accesses", []any{"flagged", true}}, {"findings", n.Findings, "/findings", nil},
		{"parties", n.Parties, "/parties", nil}, {"datasets", n.Datasets, "/lineage", nil}, {"runs", n.Runs, "", nil},
	} {
		href := ""
		if count.path != "" {
			if href, err = p.Href(count.path, count.pairs...); err != nil {
				return err
			}
		}
		p.Counts = append(p.Counts, countLink{count.name, count.n, href})
	}
	list, err := c.view.Timeline(c.ctx, projections.TimelineQuery{Descending: true, Page: projections.Page{Limit: recentRecords}})
	if err != nil {
		return err
	}
	p.Recent = list.Rows
	if p.JSON = "/v1/status"; p.Past { // which knows the present only
		if p.JSON, err = p.Data("/v1/events", "order", "desc", "limit", recentRecords); err != nil {
			return err
		}
	}
	for _, fill := range []func(*question, *startPage) error{fillDay, fillDuties, fillTroubles, fillExamples} {
		if err := fill(c, p); err != nil {
			return err
		}
	}
	return nil
}

// fillScopedStart adds what a reader with a scope may see. The latest records are those
// of the day: all that were ever recorded would have to be looked through.
func fillScopedStart(c *question, p *startPage) error {
	if err := fillDay(c, p); err != nil {
		return err
	}
	list, err := c.view.Timeline(c.ctx, projections.TimelineQuery{From: startOfDay(c), Descending: true, Page: projections.Page{Limit: recentRecords}})
	if err != nil {
		return err
	}
	p.Recent = list.Rows
	p.JSON, err = p.Data("/v1/events", "order", "desc", "limit", recentRecords)
	for _, fill := range []func(*question, *startPage) error{fillDuties, fillTroubles} {
		if err == nil {
			err = fill(c, p)
		}
	}
	p.FlaggedCount = int64(len(p.Flagged))
	return err
}

// startOfDay is the midnight before the view's moment.
func startOfDay(c *question) events.Time {
	return events.TimeOf(c.view.Recorded().Std().UTC().Truncate(day))
}

// fillDay adds what was recorded on the day of the page's moment.
func fillDay(c *question, p *startPage) error {
	if c.view.Position() < 0 {
		return nil
	}
	midnight := startOfDay(c).Std()
	p.Today = midnight.Format(time.DateOnly)
	list, err := c.view.Timeline(c.ctx, projections.TimelineQuery{From: events.TimeOf(midnight), Descending: true, Page: projections.Page{Limit: cardCounts}})
	if err != nil {
		return err
	}
	p.DayCut = list.Next != ""
	counts := make(map[string]int)
	for _, row := range list.Rows {
		counts[row.Type]++
	}
	for _, typ := range slices.Sorted(maps.Keys(counts)) {
		p.Changed = append(p.Changed, typeCount{typ, counts[typ]})
	}
	slices.SortStableFunc(p.Changed, func(a, b typeCount) int { return b.N - a.N })
	before, err := c.s.o.Ledger.PositionAt(c.ctx, events.TimeOf(midnight)-1)
	if err != nil {
		return err
	}
	earlier, err := c.s.viewAt(c.ctx, before)
	if err != nil {
		return err
	}
	p.Diff, err = c.view.CatalogDiff(c.ctx, earlier, 0, 0, projections.Page{Limit: cardRows})
	return joinClose(err, earlier)
}

// fillDuties adds what is due next.
func fillDuties(c *question, p *startPage) error {
	native := false // what was due before the ledger is nobody's task now
	for _, state := range []string{projections.DutyOpen, projections.DutyBreached} {
		list, err := c.view.Duties(c.ctx, projections.DutyQuery{State: state, Imported: &native, Page: projections.Page{Limit: cardCounts}})
		if err != nil {
			return err
		}
		p.DutiesCut = p.DutiesCut || list.Next != ""
		if state == projections.DutyBreached {
			p.Missed = len(list.Duties)
			continue
		}
		slices.SortStableFunc(list.Duties, func(a, b projections.Duty) int { return cmp.Compare(a.Before, b.Before) })
		p.Due, p.DueCount = list.Duties[:min(len(list.Duties), cardRows)], len(list.Duties)
	}
	return nil
}

// fillTroubles adds open issues and calls that broke a rule.
func fillTroubles(c *question, p *startPage) error {
	issues, err := c.view.Findings(c.ctx, projections.FindingQuery{Open: true, Page: projections.Page{Limit: cardCounts}})
	if err != nil {
		return err
	}
	p.IssueCount, p.IssuesCut = len(issues.Findings), issues.Next != ""
	slices.SortStableFunc(issues.Findings, func(a, b projections.Finding) int { return cmp.Compare(b.Reported, a.Reported) })
	p.Issues = issues.Findings[:min(len(issues.Findings), cardRows)]
	flagged, err := c.view.Accesses(c.ctx, projections.AccessQuery{FlaggedOnly: true, Page: projections.Page{Limit: cardRows}})
	p.Flagged = flagged.Accesses
	return err
}

// fillExamples adds questions that have an answer here.
func fillExamples(c *question, p *startPage) error {
	at := c.view.Position()
	last := p.Head.Size - 1
	if p.Past {
		last = at
	}
	early := *p.page
	early.asOf = strconv.FormatInt(max(0, at/2), 10)
	var err error
	add := func(name string, href string, failed error) {
		if err == nil {
			err = failed
		}
		p.Examples = append(p.Examples, link{name, href})
	}
	page := func(name string, q page, path string, pairs ...any) {
		href, failed := q.Href(path, pairs...)
		add(name, href, failed)
	}
	page("ask-catalog", *p.page, "/catalog", "stage", events.StagePublished)
	page("ask-flagged", *p.page, "/accesses", "flagged", true)
	node, ok, failed := c.lineageExample()
	if failed != nil {
		return failed
	}
	if ok {
		page("ask-lineage", *p.page, "/lineage", "node", node)
	}
	page("ask-past", early, "/catalog")
	shares, failed := p.Data("/v1/shares")
	add("ask-shares", shares, failed)
	page("ask-timeline", *p.page, "/events", "order", "desc")
	page("ask-diff", *p.page, "/catalog/changes", "from", "0")
	add("ask-proof", "/v1/proofs/inclusion?position="+strconv.FormatInt(max(0, last), 10), nil)
	return err
}

// lineageExample finds a dataset that something was told about.
func (c *question) lineageExample() (node string, found bool, err error) {
	rows, err := c.view.Timeline(c.ctx, projections.TimelineQuery{TypePrefix: openLineageType, Descending: true, Page: projections.Page{Limit: 1}})
	if err != nil || len(rows.Rows) == 0 {
		return "", false, err
	}
	e, err := c.s.o.Ledger.Get(c.ctx, rows.Rows[0].Position)
	if err != nil {
		return "", false, err
	}
	facts, ok := e.Event.Data.(*events.OpenLineageReceived)
	if !ok || len(facts.Outputs) == 0 {
		return "", false, nil
	}
	return projections.NodeDataset + ":" + facts.Outputs[0].Namespace + "/" + facts.Outputs[0].Name, true, nil
}
