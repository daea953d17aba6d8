package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"

	"github.com/go-json-experiment/json"
)

type followQuery struct {
	From *int64 `query:"from" doc:"first position to send. Default: the next one to be recorded; Last-Event-ID goes before it" min:"0"`
	Type string `query:"type" doc:"only events of this type, or whose type begins so"`
}

// streamed is one record on its way to a follower.
type streamed struct {
	Position  int64       `json:"position"`
	Recorded  events.Time `json:"recorded"`
	Principal string      `json:"principal"`
	Event     cloudEvent  `json:"event"`
	// Withheld names the fields of the event that the client is kept from.
	Withheld []string `json:"withheld,omitzero"`
}

// followEvents sends records as server-sent events, each under its position as
// the event id. So a client that reconnects with Last-Event-ID, as browsers do
// of themselves, misses nothing and gets nothing twice. To callers with a scope an event
// of the name withheld says how many records before its id were left out.
func followEvents() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, q followQuery) error {
		from := s.o.Ledger.Head().Size
		if q.From != nil {
			from = *q.From
		}
		if last := r.Header.Get("Last-Event-ID"); last != "" {
			n, err := strconv.ParseInt(last, 10, 64)
			if err != nil || n < 0 {
				return problem(http.StatusBadRequest, "stream.last-event-id", sayf("%q is not a position", clip(last)), "send the id of the last event received").at("Last-Event-ID")
			}
			from = n + 1
		}
		if size := s.o.Ledger.Head().Size; from > size {
			return problem(http.StatusNotFound, "position.unknown", sayf("position %d is beyond the next one, %d", from, size), "begin at a position that exists, or leave it out")
		}
		release, err := s.followers.take(r)
		if err != nil {
			return err
		}
		defer release()
		if err := s.follow(); err != nil {
			return err
		}
		defer s.following.Done()
		f := newFollower(s, w, r, q.Type)
		f.run(from)
		return nil
	}, text("text/event-stream")).filters()
	return e.streams()
}

// follower sends records to one client. It holds no queue: a client that reads
// slowly is simply further back in the book, and one that does not read within
// the timeout is dropped and can resume.
type follower struct {
	s       *Server
	ctx     context.Context
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	prefix  string
	scope   projections.Scope
}

func newFollower(s *Server, w http.ResponseWriter, r *http.Request, prefix string) *follower {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies that buffer would hold events back
	return &follower{s: s, ctx: r.Context(), w: w, r: r, control: http.NewResponseController(w), prefix: prefix, scope: callOf(r).caller.scope()}
}

// run sends from a position on until the client leaves or the server drains.
func (f *follower) run(from int64) {
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	go func() {
		select {
		case <-f.s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	// Browsers wait this long before they connect again.
	f.send("retry: 2000\n\n")
	for {
		head := f.s.o.Ledger.Head()
		next, err := f.records(ctx, from, head.Size)
		from = next
		if err == nil {
			err = f.wait(ctx, head)
		}
		if ended := (*Problem)(nil); errors.As(err, &ended) {
			f.send(": " + ended.Detail + "\n\n")
			return
		}
		if err != nil {
			if !errors.Is(err, context.Canceled) && !errors.Is(err, ledger.ErrClosed) {
				callOf(f.r).err = err
				panic(http.ErrAbortHandler)
			}
			return
		}
	}
}

// A helping of records is read before it is sent, so that no iterator of the
// store stays open for a client to take its time.
const (
	helpingRecords = 128
	helpingBytes   = 1 << 20
)

// records sends the records of [from, to) and returns where to go on.
func (f *follower) records(ctx context.Context, from, to int64) (int64, error) {
	for from < to {
		if err := f.stillMay(); err != nil {
			return from, err
		}
		var helping bytes.Buffer
		hidden, err := f.hidden(ctx, from, min(to, from+helpingRecords))
		if err != nil {
			return from, err
		}
		withheld := 0
		for e, err := range f.s.o.Ledger.Scan(ctx, from, min(to, from+helpingRecords)) {
			if err == nil && strings.HasPrefix(e.Event.Type, f.prefix) {
				if hidden[e.Position] {
					withheld++
				} else {
					err = f.frame(ctx, &helping, e)
				}
			}
			if err != nil {
				return from, err
			}
			from = e.Position + 1
			if helping.Len() > helpingBytes {
				break
			}
		}
		if withheld > 0 {
			fmt.Fprintf(&helping, "event: withheld\nid: %d\ndata: {\"position\":%d,\"withheld\":%d}\n\n", from-1, from-1, withheld)
		}
		if helping.Len() > 0 {
			f.send(helping.String())
		}
		if ctx.Err() != nil {
			return from, ctx.Err()
		}
	}
	return from, nil
}

// stillMay ends a stream whose client may not follow any more, and holds it to what it
// may read now.
func (f *follower) stillMay() error {
	c, err := f.s.still(f.r, witnesses)
	f.scope = c.scope()
	return err
}

// hidden tells which of the records of [from, to) the follower may not see. That is known
// when the views have them: others' records may wait for that, and are not shown before.
func (f *follower) hidden(ctx context.Context, from, to int64) (map[int64]bool, error) {
	if f.scope.EveryRecord() {
		return nil, nil
	}
	if err := f.s.o.Views.Wait(ctx, to-1); err != nil {
		return nil, err
	}
	positions := make([]int64, 0, to-from)
	for at := from; at < to; at++ {
		positions = append(positions, at)
	}
	view, err := f.s.o.Views.At(f.s.o.Views.Applied())
	if err != nil {
		return nil, err
	}
	hidden, err := view.Within(f.scope).Hidden(ctx, positions...)
	return hidden, joinClose(err, view)
}

// frame writes a record as a server-sent event.
func (f *follower) frame(ctx context.Context, to *bytes.Buffer, e ledger.Entry) error {
	// Scan leaves facets without bytes. Those that are fields of the data belong
	// to the event; a raw body does not, and can be large.
	if slices.ContainsFunc(e.Event.Facets, func(x events.Facet) bool { return x.Name != events.OpenLineageFacet }) {
		var err error
		if e, err = f.s.o.Ledger.Get(ctx, e.Position); err != nil {
			return err
		}
	}
	text, withheld, err := encodeFor(f.r, e.Event)
	if err != nil {
		return err
	}
	data, err := json.Marshal(streamed{e.Position, e.Recorded, e.Event.Principal, text, withheld})
	if err != nil {
		return err
	}
	fmt.Fprintf(to, "id: %d\ndata: %s\n\n", e.Position, data)
	return nil
}

// wait returns when there is more in the book, saying now and then that the
// stream lives.
func (f *follower) wait(ctx context.Context, head ledger.Head) error {
	for {
		idle, cancel := context.WithTimeout(ctx, f.s.o.Limits.Heartbeat)
		_, err := f.s.o.Ledger.Next(idle, head)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if err := f.stillMay(); err != nil {
			return err
		}
		f.send(": still here\n\n")
	}
}

// send writes and flushes. A client that does not take it in time is dropped.
func (f *follower) send(text string) {
	err := supported(f.control.SetWriteDeadline(time.Now().Add(f.s.o.Limits.Timeout)))
	if err == nil {
		_, err = f.w.Write([]byte(text))
	}
	if err == nil {
		err = supported(f.control.Flush())
	}
	if err == nil { // it is the connection's, and would outlive this answer
		err = supported(f.control.SetWriteDeadline(time.Time{}))
	}
	if err != nil {
		callOf(f.r).err = fmt.Errorf("sending to a follower: %w", err)
		panic(http.ErrAbortHandler)
	}
}
