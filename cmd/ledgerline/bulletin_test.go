package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
)

// The figures of bulletins of the demo, worked out a second time from the book alone: by
// plain loops over all events, that know nothing of views.

// handmadeFigure is a figure as the loops have it.
type handmadeFigure struct {
	count, of int64
	value     int64 // of what is no share
	records   map[int64]bool
}

type handmadeBulletin struct {
	book     []ledger.Entry
	from, to events.Time
	party    string
	region   string
	figures  map[string]*handmadeFigure
}

func (h *handmadeBulletin) figure(id string) *handmadeFigure {
	if h.figures[id] == nil {
		h.figures[id] = &handmadeFigure{records: map[int64]bool{}}
	}
	return h.figures[id]
}

func (h *handmadeBulletin) share(id string, so bool, records ...int64) {
	f := h.figure(id)
	if f.of++; so {
		f.count++
	}
	for _, r := range records {
		f.records[r] = true
	}
}

func (h *handmadeBulletin) in(at events.Time) bool { return at >= h.from && at < h.to }

// of tells whether what a party answers for counts.
func (h *handmadeBulletin) of(party string) bool {
	if h.party != "" && h.party != party {
		return false
	}
	region := ""
	for _, e := range h.book {
		switch d := e.Event.Data.(type) {
		case *events.PartyRegistered:
			if d.Party == party {
				region = d.Region
			}
		case *events.PartyRenamed:
			if d.Party == party {
				region = d.Region
			}
		}
	}
	return h.region == "" || strings.HasPrefix(region, strings.TrimRight(h.region, "0"))
}

// version is what of an entry was in force at a time, with the record of its
// publication; nil if nothing was.
func (h *handmadeBulletin) version(entry string, at events.Time) (d *events.EntryDrafted, position int64) {
	drafts := map[int]*events.EntryDrafted{}
	for _, e := range h.book {
		switch x := e.Event.Data.(type) {
		case *events.EntryDrafted:
			if x.Entry == entry {
				drafts[x.Version] = x
			}
		case *events.EntryRevised:
			if x.Entry == entry {
				drafts[x.Version] = (*events.EntryDrafted)(x)
			}
		case *events.EntryPublished:
			if x.Entry == entry && max(e.Event.Time, e.Event.EffectiveFrom) <= at {
				d, position = drafts[x.Version], e.Position
			}
		case *events.EntryWithdrawn:
			if x.Entry == entry && max(e.Event.Time, e.Event.EffectiveFrom) <= at {
				d = nil
			}
		}
	}
	return d, position
}

// end is the end of the period, or of the book if that is before.
func (h *handmadeBulletin) end() events.Time { return min(h.to-1, h.book[len(h.book)-1].Recorded) }

func (h *handmadeBulletin) catalog() {
	entries := map[string]bool{}
	for _, e := range h.book {
		if d, ok := e.Event.Data.(*events.EntryDrafted); ok {
			entries[d.Entry] = true
		}
	}
	for id := range entries {
		d, position := h.version(id, h.end())
		if d == nil || !h.of(d.Provider) {
			continue
		}
		clear := !slices.Contains([]string{d.Title, d.Provider, d.Format, d.UpdateFrequency, d.Grade, d.Sharing.Attribute}, "") && len(d.Items)*len(d.ClassPath) > 0
		if d.Sharing.Attribute == "not_shared" {
			clear = clear && d.Sharing.Reason+d.Sharing.Basis != ""
		} else {
			clear = clear && len(d.Sharing.Methods) > 0 && (d.Sharing.Attribute == "unconditional" || len(d.Sharing.Purposes) > 0 && d.Sharing.Range != "")
		}
		h.share("catalog.complete", clear, position)
	}
}

// refreshes expects the only frequency that resources of the demo have, or the day that a
// refresh names.
func (h *handmadeBulletin) refreshes(t *testing.T) {
	h.figure("resource.refreshed_in_time")
	zone := time.FixedZone("CST", 8*60*60)
	for _, e := range h.book {
		attached, ok := e.Event.Data.(*events.ResourceAttached)
		if !ok {
			continue
		}
		if d, _ := h.version(attached.Entry, e.Event.Time); d.UpdateFrequency != "monthly" {
			t.Fatalf("%s is refreshed %s: this count knows months only", attached.Entry, d.UpdateFrequency)
		} else if !h.of(d.Provider) {
			continue
		}
		began, due := e.Position, events.TimeOf(e.Event.Time.Std().In(zone).AddDate(0, 1, 0))
		missed := func(before events.Time, records ...int64) {
			for n := 0; ; n++ {
				at := events.TimeOf(due.Std().In(zone).AddDate(0, n, 0))
				if at >= before || at > h.end() {
					return
				}
				if h.in(at) {
					h.share("resource.refreshed_in_time", false, append(records, began)...)
				}
			}
		}
		detached := false
		for _, later := range h.book[e.Position+1:] {
			switch d := later.Event.Data.(type) {
			case *events.ResourceRefreshed:
				if d.Resource != attached.Resource {
					continue
				}
				if at := later.Event.Time; at > due {
					missed(at, later.Position)
				} else if h.in(due) && due <= h.end() {
					h.share("resource.refreshed_in_time", true, began, later.Position)
				}
				began, due = later.Position, cmp.Or(d.ExpectedBy, events.TimeOf(later.Event.Time.Std().In(zone).AddDate(0, 1, 0)))
			case *events.ResourceDetached:
				if d.Resource == attached.Resource {
					missed(later.Event.Time)
					detached = true
				}
			}
			if detached {
				break
			}
		}
		if !detached {
			missed(h.end() + 1)
		}
	}
}

func (h *handmadeBulletin) requests() {
	h.figure("request.met")
	var seconds []int64
	answers := h.figure("request.answer_time_p90")
	refused, based := h.figure("request.refused"), h.figure("request.refused_with_basis")
	for _, e := range h.book {
		asked, ok := e.Event.Data.(*events.RequestSubmitted)
		if !ok || !h.of(asked.Provider) {
			continue
		}
		var records []int64
		var received, answered events.Time
		outcome, basis, agreement, provided := "", "", "", int64(0)
		for _, later := range h.book {
			at := later.Event.Time
			switch d := later.Event.Data.(type) {
			case *events.RequestReceived:
				if d.Request == asked.Request {
					received = at
				}
			case *events.RequestAnswered:
				if d.Request == asked.Request {
					answered, outcome, basis = at, d.Outcome, d.Basis
				}
			case *events.AgreementActivated:
				if d.Request == asked.Request {
					agreement = d.Agreement
				}
			case *events.ProvisionAvailable:
				if agreement != "" && d.Agreement == agreement && provided == 0 {
					provided = later.Position
				}
			}
			if s := later.Event.Data.Subject(); s.Kind == "request" && s.ID == asked.Request {
				records = append(records, later.Position)
			}
			if d, ok := later.Event.Data.(*events.DisputeRaised); ok && d.Request == asked.Request {
				records = append(records, later.Position)
			}
		}
		if answered == 0 || !h.in(answered) {
			continue
		}
		if met := outcome != "refused" && provided != 0; met {
			h.share("request.met", true, append(records, provided)...)
		} else {
			h.share("request.met", false, records...)
		}
		if outcome == "refused" {
			refused.value++
			if basis != "" {
				based.value++
			}
		}
		seconds = append(seconds, int64(answered-received)/1_000_000)
		for _, r := range records {
			answers.records[r] = true
		}
	}
	slices.Sort(seconds)
	for i, s := range seconds { // the first that nine in ten do not exceed
		if 10*(i+1) >= 9*len(seconds) {
			answers.value = s
			break
		}
	}
}

func (h *handmadeBulletin) measures() {
	dimension := map[string]string{}
	for _, e := range h.book {
		switch d := e.Event.Data.(type) {
		case *events.QualityRulePublished:
			dimension[d.Rule] = d.Dimension
		case *events.QualityRunCompleted:
			if entry, _ := h.version(d.Entry, e.Event.Time); !h.in(e.Event.Time) || !h.of(entry.Provider) {
				continue
			}
			for _, r := range d.Results {
				f := h.figure("quality.conforming/" + dimension[r.Rule][:len("GB36344:00")])
				f.count, f.of = f.count+int64(r.Conforming), f.of+int64(r.Measured)
				f.records[e.Position] = true
			}
		}
	}
}

func (h *handmadeBulletin) recurrences() {
	h.figure("quality.recurred")
	issues := map[string]*events.QualityIssueReported{}
	type fixed struct {
		of       *events.QualityIssueReported
		at       events.Time
		position int64
	}
	var closings []fixed
	back := func(e ledger.Entry, same func(*events.QualityIssueReported) bool) {
		var last *fixed
		for i, c := range closings {
			if same(c.of) && c.at <= e.Event.Time && e.Event.Time <= c.at+events.TimeOf(time.Unix(90*24*60*60, 0)) && (last == nil || c.at > last.at) {
				last = &closings[i]
			}
		}
		records := []int64{e.Position}
		if last != nil {
			records = append(records, last.position)
		}
		h.share("quality.recurred", last != nil, records...)
	}
	for _, e := range h.book {
		switch d := e.Event.Data.(type) {
		case *events.QualityIssueReported:
			again := issues[d.Issue] != nil
			if !again {
				issues[d.Issue] = d
			}
			entry, _ := h.version(d.Entry, e.Event.Time)
			if again || !h.in(e.Event.Time) || !h.of(entry.Provider) {
				continue
			}
			back(e, func(o *events.QualityIssueReported) bool {
				return o.Entry == d.Entry && o.Dimension == d.Dimension && (len(o.Items)+len(d.Items) == 0 || slices.ContainsFunc(o.Items, func(i string) bool { return slices.Contains(d.Items, i) }))
			})
		case *events.QualityIssueClosed:
			if d.Outcome == "fixed" {
				closings = append(closings, fixed{issues[d.Issue], e.Event.Time, e.Position})
			}
		case *events.QualityIssueReopened:
			of := issues[d.Issue]
			if entry, _ := h.version(of.Entry, e.Event.Time); h.in(e.Event.Time) && h.of(entry.Provider) {
				back(e, func(o *events.QualityIssueReported) bool { return o == of })
			}
		}
	}
}

// figuresByHand holds bulletins of the demo against the loops.
func figuresByHand(t told) {
	var book []ledger.Entry
	for e, err := range t.book.Scan(context.Background(), 0, t.book.Head().Size) {
		if err != nil {
			t.Fatal(err)
		}
		book = append(book, e)
	}
	type answer struct {
		Bulletin struct {
			From, To events.Time
			Figures  []struct {
				ID              string
				Value           *int64
				Count, Of       int64
				Counted, Others []int64
				Omitted         int
			}
		}
		AsOf int64 `json:"as_of"`
	}
	seen := map[string]int64{}
	for _, q := range [][]string{
		{"2025-12", "region", "990000"}, {"2026-01"}, {"2025-Q4", "party", "D01"}, {"2026-03", "party", "D10"}, {"2026"}, {"2025-11", "region", "990100"},
		{"2026-01", "as_of", "2026-01-20T00:00:00Z"}, {"2025-09", "as_of", "2025-10-01T00:00:00Z"},
	} {
		a := get[answer](t, "/v1/bulletins/"+q[0], q[1:]...)
		h := &handmadeBulletin{book: book[:a.AsOf+1], from: a.Bulletin.From, to: a.Bulletin.To, figures: map[string]*handmadeFigure{}}
		if len(q) > 1 && q[1] == "party" {
			h.party = q[2]
		} else if len(q) > 1 && q[1] == "region" {
			h.region = q[2]
		}
		h.catalog()
		h.refreshes(t.T)
		h.requests()
		h.measures()
		h.recurrences()
		for _, f := range a.Bulletin.Figures {
			want := h.figures[f.ID]
			delete(h.figures, f.ID)
			if want == nil {
				if strings.HasPrefix(f.ID, "quality.conforming/") {
					t.Errorf("%v: %s is counted, by hand it is not", q, f.ID)
				}
				continue
			}
			seen[f.ID] += max(f.Of, f.Count)
			if f.Of != want.of || want.of > 0 && f.Count != want.count || want.of == 0 && f.Value != nil && *f.Value != want.value {
				t.Errorf("%v: %s is %d of %d, by hand it is %+v", q, f.ID, f.Count, f.Of, want)
			}
			if want.of > 0 && *f.Value != want.count*1_000_000/want.of {
				t.Errorf("%v: %s is %d", q, f.ID, *f.Value)
			}
			records := map[int64]bool{}
			for _, r := range slices.Concat(f.Counted, f.Others) {
				records[r] = true
			}
			if len(want.records) > 0 && !maps.Equal(records, want.records) {
				t.Errorf("%v: %s has the records %v, by hand %v", q, f.ID, slices.Sorted(maps.Keys(records)), slices.Sorted(maps.Keys(want.records)))
			}
		}
		for id, f := range h.figures {
			if f.of > 0 {
				t.Errorf("%v: the bulletin leaves out %s: %+v", q, id, f)
			}
		}
	}
	for _, id := range []string{"catalog.complete", "resource.refreshed_in_time", "request.met", "request.refused", "quality.recurred", "quality.conforming/GB36344:03"} {
		if seen[id] == 0 {
			t.Errorf("no bulletin tried has %s: the demo shows nothing of it", id)
		}
	}
}
