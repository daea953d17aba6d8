package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ledgerline/events"
	"ledgerline/events/openlineage"
)

// listener is a server that remembers what was posted, and at what time by the
// clock of the story.
type listener struct {
	*httptest.Server
	clock  time.Time
	heard  []Step
	posts  int
	refuse int // the post to answer with 409, from 1; 0: none
	issued [][]byte
	lose   string // a batch of OpenLineage events that holds it is not taken whole
}

func listen(t *testing.T) *listener {
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			l.answer(t, w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if l.posts++; l.posts == l.refuse {
			http.Error(w, `{"type":"about:blank","title":"refused"}`, http.StatusConflict)
			return
		}
		if got := r.Header.Get("Authorization"); got != "Bearer secret" {
			t.Errorf("the token is sent as %q", got)
		}
		if bytes.Contains(body, []byte(`"oversight.bulletin.issued"`)) || bytes.Contains(body, []byte(`"catalog.region_summary.sealed"`)) {
			l.issued = append(l.issued, body)
			w.WriteHeader(http.StatusCreated)
			return
		}
		switch kind := r.URL.Path + " " + r.Header.Get("Content-Type"); kind {
		case "/v1/events " + events.MediaTypeStructured:
			l.heard = append(l.heard, Step{At: l.clock, Kind: KindEvent, Body: body})
		case "/v1/events " + events.MediaTypeBatch:
			var batch []json.RawMessage
			if err := json.Unmarshal(body, &batch); err != nil {
				t.Error(err)
			}
			for _, b := range batch {
				l.heard = append(l.heard, Step{At: l.clock, Kind: KindEvent, Body: b})
			}
		case "/api/v1/lineage application/json":
			l.heard = append(l.heard, Step{At: l.clock, Kind: KindOpenLineage, Body: body})
		case "/api/v1/lineage/batch application/json":
			parts, err := openlineage.Split(body)
			if err != nil {
				t.Error(err)
			}
			for _, b := range parts {
				l.heard = append(l.heard, Step{At: l.clock, Kind: KindOpenLineage, Body: b})
			}
			answer := `{"failed_events":[]}`
			if l.lose != "" && bytes.Contains(body, []byte(l.lose)) {
				answer = `{"failed_events":[{"index":3,"reason":"openlineage.shape: refused"}]}`
			}
			w.WriteHeader(http.StatusOK)
			io.WriteString(w, answer)
			return
		default:
			t.Errorf("unexpected post: %s", kind)
		}
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(l.Close)
	return l
}

// answer gives what the loader needs to issue a bulletin.
func (l *listener) answer(t *testing.T, w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v1/events":
		known := ""
		for _, body := range l.issued {
			if bytes.Contains(body, fmt.Appendf(nil, `"id":%q`, r.URL.Query().Get("id"))) {
				known = "{}"
			}
		}
		fmt.Fprintf(w, `{"rows":[%s]}`, known)
	case "/v1/status":
		io.WriteString(w, `{"ledger":{"position":4321}}`)
	case "/v1/bulletins/2025-12":
		if got := r.URL.Query().Get("as_of"); got != "4321" {
			t.Errorf("the bulletin is asked for as of %s", got)
		}
		io.WriteString(w, `{"bulletin":{"from":"2025-11-30T16:00:00Z","to":"2025-12-31T16:00:00Z","metric_set":"m","view_version":1},
			"values":{"access.success":978260},"as_of":4321,"head":"`+strings.Repeat("A", 43)+`="}`)
	case "/v1/catalog/summary/2025-12":
		if got := r.URL.Query().Get("as_of"); got != "4321" {
			t.Errorf("the summary is asked for as of %s", got)
		}
		io.WriteString(w, `{"period":{"from":"2025-11-30T16:00:00Z","to":"2025-12-31T16:00:00Z"},"entries":23,"counts":{"conditional":23},
			"root":"`+strings.Repeat("B", 43)+`=","as_of":4321,"head":"`+strings.Repeat("A", 43)+`="}`)
	default:
		t.Errorf("unexpected question: %s", r.URL)
	}
}

func TestLoadTellsTheStory(t *testing.T) {
	l := listen(t)
	last := 0
	err := Load(context.Background(), l.Client(), l.URL+"/", "secret", func(at time.Time) { l.clock = at }, func(done, total int) {
		if done <= last || total != len(Story()) {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(Story(), func(s Step) bool { return s.Kind == KindBulletin || s.Kind == KindSummary })
	same := slices.EqualFunc(l.heard, want, func(a, b Step) bool {
		return a.At.Equal(b.At) && a.Kind == b.Kind && bytes.Equal(a.Body, b.Body)
	})
	if len(l.issued) != 2 {
		t.Fatalf("%d bulletins and summaries are issued, want 2", len(l.issued))
	}
	e, err := events.DecodeStructured(l.issued[0])
	if err != nil {
		t.Fatal(err)
	}
	if d := e.Data.(*events.BulletinIssued); d.Values["access.success"] != 978_260 || d.AsOf != 4321 || len(d.Head) != 32 || e.Validate(events.TimeOf(l.clock)) != nil {
		t.Errorf("the bulletin is %+v", d)
	}
	if e, err = events.DecodeStructured(l.issued[1]); err != nil {
		t.Fatal(err)
	}
	if d := e.Data.(*events.RegionSummarySealed); d.Entries != 23 || len(d.Root) != 32 || d.AsOf != 4321 || e.Validate(events.TimeOf(l.clock)) != nil {
		t.Errorf("the summary is %+v", d)
	}
	if err := Load(context.Background(), l.Client(), l.URL, "secret", nil, nil); err != nil || len(l.issued) != 2 {
		t.Errorf("loaded again: %v, and %d bulletins and summaries are issued", err, len(l.issued))
	}
	l.heard = l.heard[:len(want)]
	if !same || last != len(Story()) {
		t.Errorf("the ledger heard %d steps, and progress said %d; want the %d of the story, each at its time", len(l.heard), last, len(Story()))
	}
	if l.posts >= len(l.heard) {
		t.Errorf("%d posts for %d steps: nothing was posted as a batch", l.posts, len(l.heard))
	}
}

func TestLoadSaysWhatWasRefused(t *testing.T) {
	l := listen(t)
	l.refuse = 5
	err := Load(context.Background(), l.Client(), l.URL, "secret", nil, nil)
	if err == nil {
		t.Fatal("a refused step is no error")
	}
	for _, want := range []string{"step 44 of ", "DS03 is drafted", "POST /v1/events: 409 Conflict", `"refused"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error %q does not say %q", err, want)
		}
	}
	if l.posts != 5 {
		t.Errorf("loading went on after a refusal: %d posts", l.posts)
	}
}

// OpenLineage answers a batch of which a part was refused with 200.
func TestLoadSaysWhichRunWasRefused(t *testing.T) {
	l := listen(t)
	l.lose = "COMPLETE"
	err := Load(context.Background(), l.Client(), l.URL, "secret", nil, nil)
	if err == nil {
		t.Fatal("a batch of which a part was refused is no error")
	}
	for _, want := range []string{"J01 starts", "POST /api/v1/lineage/batch", "1 events were refused, the first at 3: openlineage.shape: refused"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error %q does not say %q", err, want)
		}
	}
}

func TestLoadStopsWithItsContext(t *testing.T) {
	l := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	err := Load(ctx, l.Client(), l.URL, "secret", nil, func(done, _ int) { stop() })
	if err == nil || l.posts != 1 {
		t.Errorf("after the context ended: error %v, %d posts", err, l.posts)
	}
}

// What the tour names is in the story.
func TestTourIsAboutTheStory(t *testing.T) {
	tour := Tour("http://127.0.0.1:8420/")
	if strings.Contains(tour, "URL") || !strings.Contains(tour, "curl -s 'http://127.0.0.1:8420/v1/accesses?flagged=true'") {
		t.Error("the tour does not name the server")
	}
	e, err := events.DecodeStructured([]byte(example))
	if err != nil {
		t.Fatalf("the tour's own event: %v", err)
	}
	if got := e.Data.Subject().ID; slices.ContainsFunc(issues, func(q issue) bool { return q.id == got }) {
		t.Errorf("the tour's own event reports %s, which the story reports", got)
	}
	if !strings.Contains(tour, " -d '"+example+"'\n") || !strings.Contains(tour, "/v1/findings/"+e.Data.Subject().ID) {
		t.Error("the tour does not post its own event and look for it")
	}
	at(t, toldEvents(t), "GW20260114214000.000-D03-DS23")
	library := entryOf("DS23").table
	for _, want := range []string{"GW20260114214000.000-D03-DS23", gatewaySource, "column:" + library.namespace + "/" + library.name + "%23swrq"} {
		if !strings.Contains(tour, want) {
			t.Errorf("the tour does not name %s", want)
		}
	}
}
