package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"ledgerline/events"
	"ledgerline/events/openlineage"
	"ledgerline/ledger"
	"ledgerline/ledger/proof"
)

// openLineageType is the event that an OpenLineage event becomes.
const openLineageType = "lineage.openlineage.received"

// openLineagePath is where OpenLineage's clients send events.
const openLineagePath = "/api/v1/lineage"

// forSenders is a problem as OpenLineage's clients understand it: those that repeat
// do so on 503, and lose the event on 429.
func forSenders(rt route, err error) error {
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.Status != http.StatusTooManyRequests || !strings.HasPrefix(rt.path, openLineagePath) {
		return err
	}
	told := *p
	told.Status, told.Title = http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable)
	return &told
}

// anyQuery has an endpoint pass over the query: OpenLineage's clients can be set to send
// one, for what lies between them and us.
func (e endpoint) anyQuery() endpoint {
	serve := e.serve
	e.serve = func(s *Server, w http.ResponseWriter, r *http.Request) error {
		plain := *r.URL
		plain.RawQuery = ""
		r = r.WithContext(r.Context())
		r.URL = &plain
		return serve(s, w, r)
	}
	return e
}

// postLineage takes one OpenLineage event as its clients send it. Those of Go
// take nothing but 200 and 201 for success, those of Python repeat on 503, and all
// give up after 5 seconds: by then there is an answer.
func postLineage() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		release, err := s.writeSlot()
		if err != nil {
			return err
		}
		defer release()
		body, err := readWhole(r)
		if err != nil {
			return badBody(err)
		}
		c := callOf(r).caller
		event, err := s.openLineage(c.Name, body)
		if err != nil {
			return s.countRefusal(err)
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.o.Limits.SenderWait)
		defer cancel()
		receipts, err := s.append(ctx, c, []events.Event{event})
		if errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil {
			return problem(http.StatusServiceUnavailable, "openlineage.slow", "the event was not durable within the time allowed; it may be yet",
				"send it again after the time in Retry-After: an event that was written after all will get its old receipt").after(time.Second).because(err)
		}
		if err != nil {
			return s.countRefusal(err)
		}
		status := http.StatusCreated
		if receipts[0].Repeated {
			status = http.StatusOK
		}
		return writeJSON(w, r, status, receipts[0].Receipt)
	})
	e.answers = []content{ok[proof.Receipt](http.StatusCreated, "recorded"), ok[proof.Receipt](http.StatusOK, "it was there already; its old receipt")}
	return e.anyQuery().writes().neutral().reads(content{0, "application/json", reflect.TypeFor[openLineageEvent](), "a RunEvent, JobEvent or DatasetEvent of OpenLineage 2-0-2, read leniently"})
}

// openLineage makes an event of the body of an OpenLineage event. Such an event
// has no id of its own: the keyed hash of its bytes serves, so that a client
// that sends it again gets the old receipt.
func (s *Server) openLineage(principal string, body []byte) (events.Event, error) {
	facts, at, err := openlineage.Read(body)
	if err != nil {
		return events.Event{}, err
	}
	if s.o.StrictOpenLineage {
		if err := openlineage.Strict(facts.Verdict); err != nil {
			return events.Event{}, err
		}
	}
	id := s.o.Ledger.OpenLineageID(body)
	facts.Digest = id
	return events.Event{
		ID: id, Source: "openlineage:" + principal, Type: openLineageType, Schema: 1, Time: at, Data: facts,
		Facets: []events.Facet{{Name: events.OpenLineageFacet, MediaType: "application/json", Bytes: body}},
	}, nil
}

// batchAnswer is what OpenLineage's HTTP API says of a batch, and beside it the
// receipts of what was recorded.
type batchAnswer struct {
	// Status is success or partial_success.
	Status       string          `json:"status"`
	Summary      batchSummary    `json:"summary"`
	FailedEvents []failedEvent   `json:"failed_events"`
	Receipts     []proof.Receipt `json:"receipts"`
}

type batchSummary struct {
	Received     int `json:"received"`
	Successful   int `json:"successful"`
	Failed       int `json:"failed"`
	Retriable    int `json:"retriable"`
	NonRetriable int `json:"non_retriable"`
}

type failedEvent struct {
	Index     int    `json:"index"`
	Reason    string `json:"reason"`
	Retriable bool   `json:"retriable"`
}

// postLineageBatch takes an array of OpenLineage events, each on its own.
func postLineageBatch() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		release, err := s.writeSlot()
		if err != nil {
			return err
		}
		defer release()
		body, err := readWhole(r)
		if err != nil {
			return badBody(err)
		}
		parts, err := openlineage.Split(body)
		if err != nil {
			return s.countRefusal(err)
		}
		return writeJSON(w, r, http.StatusOK, s.appendLineage(r.Context(), callOf(r).caller, parts))
	})
	e.answers = []content{ok[batchAnswer](http.StatusOK, "what became of each event")}
	return e.anyQuery().writes().neutral().reads(content{0, "application/json", reflect.TypeFor[[]openLineageEvent](), "an array of OpenLineage events"})
}

func (s *Server) appendLineage(ctx context.Context, c caller, parts [][]byte) batchAnswer {
	lines := make([]line, len(parts))
	for i, part := range parts {
		lines[i].index = i
		lines[i].event, lines[i].err = s.openLineage(c.Name, part)
	}
	out := batchAnswer{Status: "success", Summary: batchSummary{Received: len(parts)}}
	fail := func(index int, err error) {
		p := problemOf(err)
		out.FailedEvents = append(out.FailedEvents, failedEvent{index, p.Rule + ": " + p.Detail, p.Status >= 500})
	}
	told := 0
	a := appender{s: s, caller: c, width: runEvents}
	stopped := a.each(ctx, lines, func(l line, rc *ledger.Receipt, err error) {
		told++
		if err != nil {
			fail(l.index, err)
		} else {
			out.Receipts = append(out.Receipts, rc.Receipt)
		}
	})
	for ; stopped != nil && told < len(lines); told++ {
		fail(told, stopped) // none after the one that stopped was tried
	}
	out.Summary.Successful, out.Summary.Failed = len(out.Receipts), len(out.FailedEvents)
	for _, f := range out.FailedEvents {
		if f.Retriable {
			out.Summary.Retriable++
		}
	}
	out.Summary.NonRetriable = out.Summary.Failed - out.Summary.Retriable
	if out.Summary.Failed > 0 {
		out.Status = "partial_success"
	}
	return out
}

// openLineageEvent stands for OpenLineage's own schema in the API description.
type openLineageEvent struct{}
