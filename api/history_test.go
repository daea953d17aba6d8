package api

import (
	"context"
	"strings"
	"testing"

	"ledgerline/events"

	"pgregory.net/rapid"
)

// TestHistory holds for any number of looks: few spans, in order, without holes, and the
// most that was seen is still told.
func TestHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h history
		n := rapid.IntRange(1, 1500).Draw(t, "looks")
		at := rapid.IntRange(0, n-1).Draw(t, "peak at")
		for i := range n {
			look := span{From: events.Time(i), To: events.Time(i), BookBytes: uint64(i)}
			if i == at {
				look.Lag, look.Unpublished = 7, 3
			}
			h.add(look)
		}
		spans := h.list()
		looks := 0
		var lag, unpublished int64
		for i, s := range spans {
			if s.To < s.From || i > 0 && s.From <= spans[i-1].To {
				t.Fatalf("span %d: %+v after %+v", i, s, spans[max(0, i-1)])
			}
			looks += s.looks
			lag, unpublished = max(lag, s.Lag), max(unpublished, s.Unpublished)
		}
		if len(spans) > historySpans || looks != n || lag != 7 || unpublished != 3 || spans[0].From != events.Time(0) || spans[len(spans)-1].BookBytes != uint64(n-1) {
			t.Fatalf("%d looks became %d spans of %d: lag %d, unpublished %d", n, len(spans), looks, lag, unpublished)
		}
	})
}

// TestHealthHistory holds that the page of the ledger's health draws what was seen, and
// says so where nothing was.
func TestHealthHistory(t *testing.T) {
	f := newIdleFixture(t, nil)
	if body := string(f.get("/health?lang=en").body); !strings.Contains(body, texts["history-none"][0]) {
		t.Error("a server that looked at nothing does not say so")
	}
	f.post(registered("D01")) // the views do not move
	ended, end := context.WithCancel(t.Context())
	end()
	f.server.KeepHistory(ended)
	body := string(f.get("/health?lang=en").body)
	for _, want := range []string{"Most: 2.", "records behind, at most", "the book"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if status := string(f.get("/v1/status").body); !strings.Contains(status, `"lag":2,`) {
		t.Errorf("the status: %s", status)
	}
}
