package api

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/ledger/proof"
)

const mediaTypeLines = "application/x-ndjson"

// receiptsAnswer are the receipts of a batch, in its order.
type receiptsAnswer struct {
	Receipts []proof.Receipt `json:"receipts"`
}

// postEvents takes CloudEvents 1.0 over HTTP: structured, binary or batch mode,
// or a stream of lines, told apart by their content type.
func postEvents() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		if isStream(r) {
			return s.appendStream(w, r)
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.o.Limits.Timeout)
		defer cancel()
		release, err := s.writeSlot()
		if err != nil {
			return err
		}
		defer release()
		batch, single, err := decodeEvents(r)
		if err != nil {
			return s.countRefusal(err)
		}
		if err := s.checkBatch(batch, r, single); err != nil {
			return s.countRefusal(err)
		}
		receipts, err := s.append(ctx, callOf(r).caller, batch)
		if err != nil {
			return s.countRefusal(err)
		}
		status := http.StatusOK
		for _, rc := range receipts {
			if !rc.Repeated {
				status = http.StatusCreated
			}
		}
		if single {
			w.Header().Set("Location", "/v1/events/"+strconv.FormatInt(receipts[0].Position, 10))
			return writeJSON(w, r, status, receipts[0].Receipt)
		}
		answer := receiptsAnswer{make([]proof.Receipt, len(receipts))}
		for i, rc := range receipts {
			answer.Receipts[i] = rc.Receipt
		}
		return writeJSON(w, r, status, answer)
	})
	e.answers = []content{
		ok[proof.Receipt](http.StatusCreated, "one event: recorded"), ok[proof.Receipt](http.StatusOK, "one event: it was there already; its old receipt"),
		ok[receiptsAnswer](http.StatusCreated, "a batch: recorded"), ok[receiptsAnswer](http.StatusOK, "a batch: all of it was there already"),
		{http.StatusOK, mediaTypeLines, reflect.TypeFor[lineAnswer](), "a stream: a receipt or a problem for each line, in order"},
	}
	return e.streams().neutral().reads(
		content{0, events.MediaTypeStructured, reflect.TypeFor[cloudEvent](), "one event, structured mode"},
		content{0, "application/json", nil, "one event: structured, or binary mode with ce- headers"},
		content{0, events.MediaTypeBatch, reflect.TypeFor[[]cloudEvent](), "a batch, recorded whole or not at all"},
		content{0, mediaTypeLines, nil, "one structured event a line, each on its own; read the answer while sending"},
	)
}

// isStream reports whether a request sends a stream of lines.
func isStream(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == mediaTypeLines
}

// decodeEvents reads the events of a request that is not a stream.
func decodeEvents(r *http.Request) (batch []events.Event, single bool, err error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	binary := len(r.Header.Values("Ce-Specversion")) > 0
	if !binary && media != events.MediaTypeStructured && media != events.MediaTypeBatch && media != "application/json" {
		return nil, false, problem(http.StatusUnsupportedMediaType, "body.media-type", sayf("events are not read from %q", clip(r.Header.Get("Content-Type"))),
			sayf("send %s, %s, %s or binary mode with ce- headers", events.MediaTypeStructured, events.MediaTypeBatch, mediaTypeLines)).at("Content-Type")
	}
	body, err := readWhole(r)
	if err != nil {
		return nil, false, badBody(err)
	}
	var e events.Event
	switch {
	case media == events.MediaTypeBatch:
		batch, err = events.DecodeBatch(body)
		return batch, false, err
	case media == events.MediaTypeStructured || !binary:
		e, err = events.DecodeStructured(body)
	default:
		e, err = events.DecodeBinary(r.Header, body)
	}
	return []events.Event{e}, true, err
}

// badBody says what went wrong in reading a body. What is not a problem already
// is a connection that broke, or a client that sent less than it announced.
func badBody(err error) error {
	var p *Problem
	var tooLong *http.MaxBytesError
	if errors.As(err, &p) || errors.As(err, &tooLong) {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return problem(http.StatusRequestTimeout, "body.slow", "the body did not come within the time allowed", "send it faster, or in parts").because(err)
	}
	return problem(http.StatusBadRequest, "body.incomplete", "the body ended before it was whole", "send it again").because(err)
}

// checkBatch applies what HTTP adds to a batch: its size, and If-Match.
func (s *Server) checkBatch(batch []events.Event, r *http.Request, single bool) error {
	if len(batch) == 0 {
		return problem(http.StatusBadRequest, "batch.empty", "the batch holds no event", "send at least one")
	}
	if most := s.o.Limits.BatchEvents; len(batch) > most {
		return problem(http.StatusRequestEntityTooLarge, "limit.batch-events", sayf("the batch holds %d events; the limit is %d", len(batch), most), sayf("send it in parts, or as %s", mediaTypeLines))
	}
	match := r.Header.Get("If-Match")
	if match == "" {
		return nil
	}
	if !single {
		return problem(http.StatusBadRequest, "if-match.batch", "If-Match speaks of one subject, and this is a batch", "give each event the attribute expectedversion instead").at("If-Match")
	}
	text, found := strings.CutPrefix(match, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	version, err := strconv.ParseUint(text, 10, 63)
	if err != nil || !found || !closed {
		return problem(http.StatusBadRequest, "if-match.syntax", sayf("%q is not the version of a subject", clip(match)), `send the ETag of the subject as it was read, such as "3"`).at("If-Match")
	}
	if given := batch[0].ExpectedVersion; given != nil && *given != version {
		return problem(http.StatusBadRequest, "if-match.differs", sayf("If-Match says %d and the attribute expectedversion %d", version, *given), "give one of them").at("If-Match")
	}
	batch[0].ExpectedVersion = &version
	return nil
}

// Record records events under the principal of a bearer token, as if they had come
// over HTTP: it may append what the token may, waits for views that are far behind,
// and counts.
func (s *Server) Record(ctx context.Context, token string, batch []events.Event) ([]ledger.Receipt, error) {
	c, err := s.bearer(ctx, token)
	if err != nil {
		return nil, err
	}
	receipts, err := s.append(ctx, c, batch)
	return receipts, s.countRefusal(err)
}

// append records the events of a caller who may append them, and counts what came
// of it.
func (s *Server) append(ctx context.Context, c caller, batch []events.Event) ([]ledger.Receipt, error) {
	if !c.free {
		if err := c.admit(batch, func(party string) (string, error) { return s.regionOf(ctx, party) }); err != nil {
			return nil, err
		}
	}
	for i := range batch {
		batch[i].Principal = c.Name
	}
	if err := s.keepUp(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	receipts, err := s.o.Append(ctx, batch...)
	s.metrics.timeAppend(began, receipts)
	s.traceAppend(ctx, began, batch, receipts, err)
	for _, rc := range receipts {
		if rc.Repeated {
			s.metrics.repeated.Inc()
		} else {
			s.metrics.appended.Inc()
		}
	}
	return receipts, err
}

// regionOf tells where a party is, as the views know now; empty if there is none.
func (s *Server) regionOf(ctx context.Context, party string) (string, error) {
	view, err := s.o.Views.At(s.o.Views.Applied()) // a stream asks for each event: it is not charged
	if err != nil {
		return "", err
	}
	p, _, err := view.Party(ctx, party, 0)
	return p.Region, joinClose(err, view)
}

var errViewsFarBehind = errors.New("the views are too far behind what was recorded")

// keepUp holds an append up while the views are further behind than they may be:
// a ledger that records faster than it can show is asked for what it cannot
// answer.
func (s *Server) keepUp(ctx context.Context) error {
	most := int64(s.o.Limits.ViewLag)
	if most < 0 || s.o.Views.Lag() <= most {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Limits.Wait)
	defer cancel()
	err := s.o.Views.Wait(ctx, s.o.Ledger.Head().Size-1-most)
	if err != nil && s.o.Views.Lag() > most { // else they have stopped, which is told elsewhere
		return errViewsFarBehind
	}
	return nil
}

// countRefusal counts err if it is the refusal of an event.
func (s *Server) countRefusal(err error) error {
	if r, ok := errors.AsType[*events.Refusal](err); ok {
		s.metrics.refusals.WithLabelValues(r.Rule).Inc()
	}
	return err
}

// awaitWriteSlot waits for a place among those who append at once: a stream of lines is
// slowed down, and not refused.
func (s *Server) awaitWriteSlot(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Limits.Timeout)
	defer cancel()
	select {
	case s.writes <- struct{}{}:
		return func() { <-s.writes }, nil
	case <-s.stop:
		return nil, stoppingStream()
	case <-ctx.Done():
		return nil, ledger.ErrOverloaded
	}
}

// writeSlot takes a place among those who append at once, or refuses.
func (s *Server) writeSlot() (release func(), err error) {
	select {
	case s.writes <- struct{}{}:
		return func() { <-s.writes }, nil
	default:
		return nil, ledger.ErrOverloaded
	}
}
