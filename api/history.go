package api

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ledgerline/events"
)

// How the ledger did since this server began: what the book does not record. It is kept
// in memory, in a bounded number of spans that grow longer as time goes on.

// span is what was seen in a part of the time since the server began.
type span struct {
	From events.Time `json:"from"`
	To   events.Time `json:"to"`
	// Lag and Unpublished are the most that was seen: records that the slowest view was
	// behind, and records that were not yet under the published checkpoint.
	Lag         int64 `json:"lag"`
	Unpublished int64 `json:"unpublished"`
	// BookBytes and ViewBytes are what was last seen on the disk.
	BookBytes uint64 `json:"book_bytes"`
	ViewBytes uint64 `json:"view_bytes"`

	looks int // how many went into it
}

const (
	historySpans = 120             // kept at most
	historyEvery = 5 * time.Second // between two looks
)

// history keeps the spans, oldest first.
type history struct {
	mu    sync.Mutex
	spans []span // guarded by mu
	looks int    // of a full span; guarded by mu
}

// add takes a look into the last span, or begins another. Where there are too many,
// each two become one: none of what was seen at most is lost.
func (h *history) add(look span) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looks = max(h.looks, 1)
	look.looks = 1
	if n := len(h.spans); n > 0 && h.spans[n-1].looks < h.looks {
		h.spans[n-1] = h.spans[n-1].and(look)
		return
	}
	if len(h.spans) == historySpans {
		for i := range historySpans / 2 {
			h.spans[i] = h.spans[2*i].and(h.spans[2*i+1])
		}
		h.spans, h.looks = h.spans[:historySpans/2], 2*h.looks
	}
	h.spans = append(h.spans, look)
}

// and is a span with a later one.
func (s span) and(later span) span {
	later.From, later.looks = s.From, s.looks+later.looks
	later.Lag, later.Unpublished = max(s.Lag, later.Lag), max(s.Unpublished, later.Unpublished)
	return later
}

func (h *history) list() []span {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]span{}, h.spans...)
}

// KeepHistory looks at the ledger now and then, for the page of its health, until ctx is
// done.
func (s *Server) KeepHistory(ctx context.Context) {
	tick := time.NewTicker(historyEvery)
	defer tick.Stop()
	for {
		if err := s.look(); err != nil {
			s.o.Logger.Warn("the history of the ledger's health has a hole", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) look() error {
	book, err := s.o.Ledger.DiskBytes()
	if err != nil {
		return err
	}
	view, err := s.o.Views.At(s.o.Views.Applied())
	if err != nil {
		return err
	}
	now := events.TimeOf(s.o.Now())
	look := span{From: now, To: now, BookBytes: book, ViewBytes: view.DiskBytes(), Unpublished: s.o.Ledger.Head().Size - s.publishedSize()}
	for _, v := range s.o.Views.Status() {
		look.Lag = max(look.Lag, v.Lag)
	}
	s.history.add(look)
	return view.Close()
}

// historyPlot draws one of the figures of spans, of several classes piled up; text writes
// a figure.
func (p page) historyPlot(spans []span, classes []plotKey, of func(span, string) uint64, text func(uint64) string) plot {
	g := plot{W: plotWidth, H: plotHeight}
	if len(classes) > 1 {
		g.Legend = classes
	}
	var most uint64
	for _, s := range spans {
		var sum uint64
		for _, k := range classes {
			sum += of(s, k.Class)
		}
		most = max(most, sum)
	}
	const width = (plotWidth - plotLeft - 4) / historySpans
	for i, s := range spans {
		y := plotFloor
		for _, k := range classes {
			v := of(s, k.Class)
			if v == 0 {
				continue
			}
			h := max(1, int(float64(v)/float64(most)*(plotFloor-plotTop)))
			y -= h
			title := fmt.Sprintf("%s – %s: %s %s", s.From.Std().UTC().Format(time.DateTime), s.To.Std().UTC().Format(time.TimeOnly), text(v), k.Word)
			g.Bars = append(g.Bars, plotBar{plotLeft + 2 + i*width, y, width - 1, h, k.Class, title, ""})
		}
	}
	g.Lines = []plotLine{{fmt.Sprintf("M%d %dH%d", plotLeft, plotFloor, plotLeft+2+historySpans*width), plotLeft, plotHeight - 6, "", false}}
	if n := len(spans); n > 0 {
		right := plotLeft + 2 + n*width
		g.Lines[0].Text = spans[0].From.Std().UTC().Format("2006-01-02 15:04:05")
		g.Lines = append(g.Lines, plotLine{fmt.Sprintf("M%d %dv4", right, plotFloor), max(right, plotLeft+270), plotHeight - 6, spans[n-1].To.Std().UTC().Format("2006-01-02 15:04:05"), true})
	}
	g.Label = fmt.Sprintf(p.texts("history-most"), text(most))
	g.Caption = g.Label
	return g
}
