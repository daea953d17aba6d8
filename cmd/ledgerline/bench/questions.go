package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"ledgerline/api"
	"ledgerline/projections"
)

// posed is one of the twenty-five questions of docs/questions.md, with the call that
// asks it about the i-th of what it is about.
type posed struct {
	what string
	path func(w *national, i int) string
}

// query makes a call of a path and parameters, as names and values.
func query(path string, pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + values.Encode()
}

// within is a window of some hours in the profile's year, another for each i.
func windowOf(i, hours int) (from, to string) {
	at := nationalYear.Add(time.Duration(i*7919%8600) * time.Hour)
	return at.Format(time.RFC3339), at.Add(time.Duration(hours) * time.Hour).Format(time.RFC3339)
}

func (w *national) node(kind string, entry int) string {
	text := kind + ":" + nationalStore + "/" + w.table(entry)
	if kind == "column" {
		text += "#" + column(0)
	}
	return text
}

// written is an entry whose dataset some job writes.
func (w *national) written(i int) int {
	j := i % w.jobs
	return (j%(w.entries/layers))*layers + j%(layers-1) + 1
}

var theQuestions = []posed{
	{"1 who could read an item on a day", func(w *national, i int) string {
		e, _ := w.shared(i * 31)
		at, _ := windowOf(i, 1)
		return query("/v1/agreements", "entry", w.entry(e), "column", column(0), "valid_at", at)
	}},
	{"2 deliveries of an entry", func(w *national, i int) string {
		e, c := w.shared(i * 31)
		return query("/v1/shares", "entry", w.entry(e), "consumer", w.party(c))
	}},
	{"3 was an answer lawful", func(w *national, i int) string { return query("/v1/duties", "case", "R-"+w.agreement(i*31)) }},
	{"4 catalog of a region on a day", func(w *national, i int) string {
		at, _ := windowOf(i, 1)
		return query("/v1/catalog/entries", "region", w.region(0), "valid_at", at, "as_of", at)
	}},
	{"5 entries to be brought up to date", func(_ *national, i int) string {
		at, _ := windowOf(i, 1)
		return query("/v1/duties", "rule", "DL-05", "valid_at", at)
	}},
	{"6 what a party approved in a quarter", func(w *national, i int) string {
		return query("/v1/events", "party", w.party(i*31), "type", "share.request.answered", "from", "2024-12-01T00:00:00Z", "to", "2025-03-01T00:00:00Z")
	}},
	{"7 holders of a column and its copies", func(w *national, i int) string {
		return query("/v1/lineage/impact", "node", w.node("column", w.written(i*31)), "columns", "true")
	}},
	{"8 flagged calls of a provider", func(w *national, i int) string {
		return query("/v1/accesses", "provider", w.party(i*31), "flagged", "true")
	}},
	{"9 marks of an entry", func(w *national, i int) string { return "/v1/catalog/entries/" + w.entry(i*31) }},
	{"10 disposal under an agreement", func(w *national, i int) string {
		return query("/v1/events", "agreement", w.agreement(i*31), "type", "disposal.")
	}},
	{"11 where a value came from, run by run", func(w *national, i int) string {
		return query("/v1/lineage/trace", "node", w.node("column", w.written(i*31)), "on", "2025-10-01T00:00:00Z")
	}},
	{"12 what was made anew in a window", func(w *national, i int) string {
		from, to := windowOf(i, 48)
		return query("/v1/lineage", "node", w.node("dataset", w.written(i*31)), "direction", "down", "view", "observed", "from", from, "to", to)
	}},
	{"13 paths between two columns", func(w *national, i int) string {
		j := i * 31 % w.jobs
		layer := j % (layers - 1)
		return query("/v1/lineage/path", "from", w.node("column", (j%(w.entries/layers))*layers+layer), "to", w.node("column", w.written(j)), "columns", "true")
	}},
	{"14 calls by a credential in a window", func(w *national, i int) string {
		from, to := windowOf(i, 3)
		return query("/v1/accesses", "credential", "key-"+w.party(i*31), "from", from, "to", to)
	}},
	{"15 whom to tell of a leak", func(w *national, i int) string {
		return query("/v1/lineage/impact", "node", "entry:"+w.entry(w.written(i*31)))
	}},
	{"16 bulletin of a month", func(_ *national, i int) string { return fmt.Sprintf("/v1/bulletins/2025-%02d", 1+i%12) }},
	{"17 bulletin of a month and party", func(w *national, i int) string {
		return query(fmt.Sprintf("/v1/bulletins/2025-%02d", 1+i%12), "party", w.party(i*31))
	}},
	{"18 entries that cannot be had", func(*national, int) string { return "/v1/catalog/hook-rate" }},
	{"19 refusals", func(*national, int) string { return query("/v1/requests", "state", "refused") }},
	{"20 calls under an agreement in a window", func(w *national, i int) string {
		from, to := windowOf(i, 72)
		return query("/v1/accesses", "agreement", w.agreement(i*31), "type", "access.call.recorded", "from", from, "to", to)
	}},
	{"21 records about an agreement", func(w *national, i int) string {
		return query("/v1/events", "agreement", w.agreement(i*31), "order", "desc")
	}},
	{"22 proof that the log goes on", func(w *national, i int) string {
		return query("/v1/proofs/consistency", "from", strconv.Itoa(1+i*7919%w.total))
	}},
	{"23 duplicate collections", func(*national, int) string { return query("/v1/events", "type", "usage.duplicate_collection.") }},
	{"24 what a party was", func(w *national, i int) string { return "/v1/parties/" + w.party(i*31) + "/history" }},
	{"25 assessments of an entry", func(w *national, i int) string {
		return query("/v1/events", "entry", w.entry(i*31), "type", "catalog.entry.assessed")
	}},
	{"search of the catalog, with facets", func(w *national, i int) string {
		words := []string{"死亡登记", "population", "婚姻", "taxpayers " + w.entry(i * 31)[:4], "机关"}
		return query("/v1/catalog/entries", "text", words[i%len(words)], "facets", "true", "limit", "20")
	}},
}

// Questions puts the twenty-five questions, over HTTP on the loopback, to a ledger
// that Load made, and tells the median and the 95th percentile of each.
func (s *Session) Questions(ctx context.Context, dir string) (err error) {
	w := newNational(s.Scale)
	l, _, err := s.nationalBook(dir, false)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, l.Close()) }()
	v, stop, err := s.running(ctx, l, filepath.Join(dir, "views"))
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, stop()) }()
	if err := s.watch(ctx, l, v); err != nil {
		return err
	}
	if err := s.inMemory(ctx, v); err != nil {
		return err
	}
	h, err := api.New(api.Options{Ledger: l, Views: v, Dev: true, Logger: s.Logger})
	if err != nil {
		return err
	}
	server, err := listen(h)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, server.close()) }()
	base := strings.TrimSuffix(server.url, "/v1/events")
	for n, q := range theQuestions {
		var took []float64
		for i := range askedTimes {
			s.say(int64(n), int64(len(theQuestions)), "%s", q.what)
			from := time.Now()
			if err := answered(ctx, base+q.path(w, i)); err != nil {
				return fmt.Errorf("%s: %w", q.what, err)
			}
			if i > 0 { // the first one fills caches
				took = append(took, time.Since(from).Seconds())
			}
		}
		slices.Sort(took)
		goal := Goal{Most: 0.05}
		if strings.HasPrefix(q.what, "search") {
			goal = Goal{Most: 0.02}
		}
		s.tell(q.what, "p50", "s", took[len(took)/2], Goal{})
		s.tell(q.what, "p95", "s", took[len(took)*95/100], goal)
	}
	return nil
}

// inMemory waits for what the views load into memory at a start.
func (s *Session) inMemory(ctx context.Context, v *projections.Views) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		i := slices.IndexFunc(v.Status(), func(view projections.ViewStatus) bool { return view.Loading })
		if i < 0 {
			return nil
		}
		s.say(0, int64(len(theQuestions)), "loading what is kept in memory")
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// askedTimes is how often each question is asked, about something else each time.
const askedTimes = 41

// answered asks, and reads the answer to its end.
func answered(ctx context.Context, target string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err := firstError(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %.300s", target, resp.Status, body)
	}
	return nil
}
