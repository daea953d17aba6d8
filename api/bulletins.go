package api

import (
	"bytes"
	"encoding/csv"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ledgerline/events"
	"ledgerline/projections"
)

type bulletinQuery struct {
	reading
	Party  string `query:"party" doc:"only what this party answers for, by its id"`
	Region string `query:"region" doc:"only what bodies of this area answer for, by the region code"`
	Format string `query:"format" doc:"form of the bulletin: JSON with the records behind each figure, a line for each figure as CSV, or a page to print" enum:"json,csv,html" default:"json"`
}

// bulletinAnswer is a bulletin with what it needs to be computed again, and to be
// issued as oversight.bulletin.issued: values, as_of, head and view_version.
type bulletinAnswer struct {
	Period   string               `json:"period"`
	Zone     string               `json:"zone"`
	Bulletin projections.Bulletin `json:"bulletin"`
	Values   map[string]int64     `json:"values"`
	// AsOf is the position that the figures speak for, Head the hash of its record.
	AsOf int64  `json:"as_of"`
	Head []byte `json:"head"`
	// Issued are the bulletins of the period that were issued, held against the
	// figures as of the position that each speaks for; the latest first.
	Issued []issuedBulletin `json:"issued"`
}

// issuedBulletin is a bulletin as it was published, and whether the ledger agrees.
type issuedBulletin struct {
	Position int64  `json:"position"`
	Bulletin string `json:"bulletin"`
	By       string `json:"by"`
	AsOf     uint64 `json:"as_of"`
	Agrees   bool   `json:"agrees"`
	// Differs names what is not as the ledger has it: figures, head, view_version.
	Differs []string `json:"differs"`
	// Imported marks what was issued before the ledger: no native evidence.
	Imported bool `json:"imported,omitzero"`
}

// comparedBulletins is how many issued bulletins are computed again for one answer.
const comparedBulletins = 5

// getBulletin answers with the figures of a period.
func getBulletin() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, q bulletinQuery) error {
		c, err := s.ask(w, r, q.reading, "")
		if err != nil {
			return err
		}
		var b bulletinAnswer
		text, err := pathValue(r, "period")
		if err == nil {
			b, err = c.bulletin(text, q)
		}
		standing := c.standing()
		c.sayStanding()
		if err := errors.Join(err, c.close()); err != nil {
			return err
		}
		switch q.Format {
		case "csv":
			body, err := bulletinCSV(b)
			if err != nil {
				return err
			}
			writeBody(w, r, http.StatusOK, "text/csv; charset=utf-8", body)
			return nil
		case "html":
			return render(w, r, "bulletin_print.html", printedBulletin{b, standing})
		}
		return writeJSON(w, r, http.StatusOK, answer[bulletinAnswer]{standing, b})
	})
	e = e.filters()
	e.answers = []content{
		{http.StatusOK, "application/json", reflect.TypeFor[answer[bulletinAnswer]](), "format=json"},
		{http.StatusOK, "text/csv", nil, "format=csv: RFC 4180, a line for each figure, with a header; text that a spreadsheet would take for a formula has an apostrophe before it"},
		{http.StatusOK, "text/html", nil, "format=html: a page to print"},
	}
	return e
}

func (c *question) bulletin(text string, q bulletinQuery) (bulletinAnswer, error) {
	zone, err := c.view.Zone()
	if err != nil {
		return bulletinAnswer{}, err
	}
	from, to, err := parsePeriod(text, zone)
	if err != nil {
		return bulletinAnswer{}, err
	}
	query := projections.BulletinQuery{From: events.TimeOf(from), To: events.TimeOf(to), Party: q.Party, Region: q.Region}
	out := bulletinAnswer{Period: text, Zone: zone.String(), AsOf: c.view.Position(), Issued: []issuedBulletin{}}
	if out.Bulletin, err = c.view.Bulletin(c.ctx, query); err != nil {
		return out, err
	}
	c.hit(out.Bulletin.LimitsHit...)
	out.Values = out.Bulletin.Values()
	if out.AsOf >= 0 {
		head, err := c.s.o.Ledger.LeafHash(out.AsOf)
		if err != nil {
			return out, err
		}
		out.Head = head[:]
	}
	if q.Party == "" { // a bulletin is issued for all
		out.Issued, err = c.issued(query)
	}
	return out, err
}

// issued finds the bulletins of a period and area, and computes each again.
func (c *question) issued(q projections.BulletinQuery) (out []issuedBulletin, err error) {
	out = []issuedBulletin{}
	all, err := c.s.viewAt(c.ctx, c.view.Position())
	if err != nil {
		return nil, err
	}
	defer func() { err = joinClose(err, all) }()
	page := projections.Page{Limit: projections.MaxLimit}
	for {
		list, err := all.Timeline(c.ctx, projections.TimelineQuery{TypePrefix: "oversight.bulletin.issued", Descending: true, Page: page})
		if err != nil {
			return nil, err
		}
		for _, row := range list.Rows {
			e, err := c.s.o.Ledger.Get(c.ctx, row.Position)
			if err != nil {
				return nil, err
			}
			d, ok := e.Event.Data.(*events.BulletinIssued)
			if !ok || d.Period != (events.Period{From: q.From, To: q.To}) || d.Region != q.Region || d.MetricSet != projections.BulletinMetrics {
				continue
			}
			if _, seen, err := c.view.Record(row.Position); err != nil {
				return nil, err
			} else if !seen {
				continue
			}
			if len(out) == comparedBulletins {
				c.hit("compared_bulletins")
				return out, nil
			}
			differs, err := c.recompute(q, d)
			if err != nil {
				return nil, err
			}
			out = append(out, issuedBulletin{row.Position, d.Bulletin, d.By, d.AsOf, len(differs) == 0, differs, row.Imported})
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return out, nil
		}
	}
}

// recompute names what of an issued bulletin is not as the ledger has it.
func (c *question) recompute(q projections.BulletinQuery, d *events.BulletinIssued) (differs []string, err error) {
	differs = []string{}
	if d.ViewVersion != projections.BulletinVersion {
		return append(differs, "view_version"), nil
	}
	at := int64(d.AsOf)
	if at > c.view.Position() {
		return append(differs, "as_of"), nil
	}
	head, err := c.s.o.Ledger.LeafHash(at)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(head[:], d.Head) {
		differs = append(differs, "head")
	}
	then, err := c.s.viewAt(c.ctx, at)
	if err != nil {
		return nil, err
	}
	b, err := then.Bulletin(c.ctx, q)
	if err := errors.Join(err, then.Close()); err != nil {
		return nil, err
	}
	values := b.Values()
	for _, id := range slices.Sorted(maps.Keys(d.Values)) {
		if v, ok := values[id]; !ok || v != d.Values[id] {
			differs = append(differs, id)
		}
	}
	return differs, nil
}

var periodQuarter = regexp.MustCompile(`^(\d{4})-Q([1-4])$`)

// parsePeriod reads a period: a year, a quarter, a month, a day, or two days with ..
// between them, the last not included.
func parsePeriod(text string, zone *time.Location) (from, to time.Time, err error) {
	wrong := problem(http.StatusBadRequest, "bulletin.period", sayf("%q is not a period", clip(text)),
		"write a month such as 2025-12, a quarter such as 2025-Q4, a year, a day, or 2025-12-01..2026-01-01 with the last day not included").at("period")
	if a, b, ok := strings.Cut(text, ".."); ok {
		from, errFrom := time.ParseInLocation(time.DateOnly, a, zone)
		to, errTo := time.ParseInLocation(time.DateOnly, b, zone)
		if errFrom != nil || errTo != nil || !from.Before(to) {
			return from, to, wrong
		}
		return from, to, nil
	}
	if q := periodQuarter.FindStringSubmatch(text); q != nil {
		year, _ := strconv.Atoi(q[1])
		quarter, _ := strconv.Atoi(q[2])
		from = time.Date(year, time.Month(3*quarter-2), 1, 0, 0, 0, 0, zone)
		return from, from.AddDate(0, 3, 0), nil
	}
	for _, p := range []struct {
		layout              string
		years, months, days int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {time.DateOnly, 0, 0, 1}} {
		if from, err := time.ParseInLocation(p.layout, text, zone); err == nil {
			return from, from.AddDate(p.years, p.months, p.days), nil
		}
	}
	return from, to, wrong
}

// bulletinCSV writes a line for each figure.
func bulletinCSV(b bulletinAnswer) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	rows := [][]string{{"figure", "title_en", "title_zh", "unit", "value", "count", "of", "records", "period", "zone", "party", "region", "metric_set", "view_version", "as_of"}}
	for _, f := range b.Bulletin.Figures {
		value := ""
		if f.Value != nil {
			value = strconv.FormatInt(*f.Value, 10)
		}
		var records []string
		for _, p := range slices.Concat(f.Counted, f.Others) {
			records = append(records, strconv.FormatInt(p, 10))
		}
		rows = append(rows, []string{noFormula(f.ID), noFormula(f.Title.EN), noFormula(f.Title.ZH), f.Unit, value, strconv.FormatInt(f.Count, 10), strconv.FormatInt(f.Of, 10),
			strings.Join(records, " "), b.Period, b.Zone, noFormula(b.Bulletin.Party), noFormula(b.Bulletin.Region), b.Bulletin.MetricSet,
			strconv.FormatUint(b.Bulletin.ViewVersion, 10), strconv.FormatInt(b.AsOf, 10)})
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// printedBulletin is a bulletin as a page to print, in both languages.
type printedBulletin struct {
	bulletinAnswer
	Ledger Standing
}

// Shown is the value of a figure as people read it, working days as d.
func (printedBulletin) Shown(f projections.Figure) string { return shownFigure(f, "h", "d") }

// shownFigure writes a value with its unit, for which hours and working days have words.
func shownFigure(f projections.Figure, hours, days string) string {
	if f.Value == nil {
		return "–"
	}
	switch f.Unit {
	case projections.UnitMillionths:
		return strconv.FormatFloat(float64(*f.Value)/10_000, 'f', 1, 64) + " %"
	case projections.UnitSeconds:
		return strconv.FormatFloat(float64(*f.Value)/3600, 'f', 1, 64) + " " + hours
	case projections.UnitWorkingDays:
		return strconv.FormatInt(*f.Value, 10) + " " + days
	}
	return strconv.FormatInt(*f.Value, 10)
}

// Query is the same bulletin for programs.
func (b printedBulletin) Query() (string, error) {
	values, err := valuesOf([]any{"party", b.Bulletin.Party, "region", b.Bulletin.Region, "as_of", b.AsOf})
	return withQuery("/v1/bulletins/"+b.Period, values), err
}
