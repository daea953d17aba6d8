package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A stream of lines is read, recorded and answered at once. One goroutine reads
// and decodes lines into a queue of bounded size; the handler takes what has
// gathered there, appends it as one batch, and answers line by line. So a slow
// disk gives larger batches, a slow client smaller ones, and memory stays
// bounded. Only one append is under way at a time: the order of the lines is the
// order in the ledger.

const (
	// runEvents bounds the lines appended as one batch.
	runEvents = 512
	// queueBytes bounds the lines read ahead of the append, beside the last one.
	queueBytes = 8 << 20
)

// line is one event of a stream or of a batch whose events stand alone.
type line struct {
	index int // place in the stream, from 0; blank lines do not count
	event events.Event
	err   error // why there is no event
	size  int
}

// appendStream answers a stream of lines.
func (s *Server) appendStream(w http.ResponseWriter, r *http.Request) error {
	out := newLineWriter(w, r, s.o.Limits.Timeout)
	// First of all: who is refused learns so while the rest of the stream is unsent. That
	// must not be read as the next request.
	if err := out.duplex(); err != nil {
		return err
	}
	leave, err := s.senders.take(r)
	if err != nil {
		w.Header().Set("Connection", "close")
		return err
	}
	defer leave()
	if err := s.follow(); err != nil {
		w.Header().Set("Connection", "close")
		return err
	}
	defer s.following.Done()
	q := newLineQueue()
	read := make(chan struct{})
	go func() {
		defer close(read)
		q.finish(s.readLines(out.reader(r.Body), q))
	}()
	defer func() {
		q.abandon()
		if !q.finished() {
			out.stopReading() // the reader may wait for a client that waits for us
		}
		<-read
		if sent := callOf(r).wire; sent != nil && !sent.ended { // nil: there is no body
			lastOf(callOf(r))
		}
	}()
	a := appender{s: s, caller: callOf(r).caller, width: runEvents}
	next := 0
	for {
		// Without a place among those who append, and not counted among those who want a
		// processor: a client may take its time.
		s.congestion.rest()
		lines, end := q.take(r.Context(), s.stop)
		s.congestion.work()
		if len(lines) == 0 {
			if !errors.Is(end, io.EOF) {
				out.problem(next, end)
			}
			out.flush()
			return nil
		}
		var err error
		if a.caller, err = s.still(r, writers); err != nil {
			out.problem(lines[0].index, err)
			out.flush()
			return nil
		}
		stopped := s.appendLines(r.Context(), &a, lines, out)
		next = lines[len(lines)-1].index + 1
		if stopped != nil {
			return nil // the last line says why
		}
	}
}

// appendLines appends what gathered, in a place among those who append, and answers line
// by line. It returns what stopped it before the last one; the answer says that as well.
func (s *Server) appendLines(ctx context.Context, a *appender, lines []line, out *lineWriter) error {
	defer out.flush()
	release, err := s.awaitWriteSlot(ctx)
	if err != nil {
		out.problem(lines[0].index, err)
		return err
	}
	defer release()
	return a.each(ctx, lines, func(l line, rc *ledger.Receipt, err error) {
		if err != nil {
			out.problem(l.index, err)
		} else {
			out.receipt(rc)
		}
	})
}

// readLines decodes lines into the queue until the body ends.
func (s *Server) readLines(body *lineReader, q *lineQueue) error {
	in := bufio.NewReaderSize(body, 64<<10)
	for index := 0; ; {
		body.begin()
		text, err := readLine(in, s.o.Limits.BodyBytes)
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, errLineTooLong) {
			if len(bytes.TrimSpace(text)) > 0 || errors.Is(err, errLineTooLong) {
				l := line{index: index, size: len(text)}
				index++
				if errors.Is(err, errLineTooLong) {
					l.err = problem(http.StatusRequestEntityTooLarge, "line.too-large", sayf("the line is longer than %d bytes", s.o.Limits.BodyBytes), "send large content as OpenLineage events, or in parts")
					err = nil
				} else {
					l.event, l.err = events.DecodeStructured(text)
				}
				if !q.put(l) {
					return nil
				}
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return io.EOF
			}
			return badBody(err)
		}
	}
}

var errLineTooLong = errors.New("line too long")

// readLine returns the next line without its end. A line beyond the limit is
// read to its end and dropped, so that the stream can go on after it.
func readLine(in *bufio.Reader, limit int64) ([]byte, error) {
	var text []byte
	tooLong := false
	for {
		part, err := in.ReadSlice('\n')
		if int64(len(text)+len(part)) > limit {
			tooLong, text = true, nil
		}
		if !tooLong {
			text = append(text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case tooLong && (err == nil || errors.Is(err, io.EOF)):
			return nil, errLineTooLong // at the end, the next call says so
		}
		return text, err
	}
}

// appender appends events that stand alone: a refused one does not take the
// others with it. It tries them in runs, because a run costs one commit.
type appender struct {
	s      *Server
	caller caller
	// width is the length of the next run. Refusals make runs short, so that a
	// stream of nothing but bad events is not prepared again and again.
	width int
}

// each appends lines in order and tells the fate of each. It returns the error
// that stopped it before the last line; done has been told of it as well.
func (a *appender) each(ctx context.Context, lines []line, done func(line, *ledger.Receipt, error)) error {
	for len(lines) > 0 {
		n := 0
		for n < len(lines) && n < a.width && lines[n].err == nil {
			n++
		}
		if n == 0 {
			done(lines[0], nil, a.s.countRefusal(lines[0].err))
			lines = lines[1:]
			continue
		}
		receipts, err := a.run(ctx, lines[:n])
		refusal, refused := errors.AsType[*events.Refusal](err)
		switch {
		case err == nil:
			for i := range receipts {
				done(lines[i], &receipts[i], nil)
			}
			lines = lines[n:]
			a.width = min(2*a.width, runEvents)
		case refused && refusal.Index == 0:
			done(lines[0], nil, a.s.countRefusal(err))
			lines = lines[1:]
			a.width = 1
		case refused:
			a.width = min(refusal.Index, n-1) // those before it, then it alone
		default:
			done(lines[0], nil, err)
			return err
		}
	}
	return nil
}

// run appends lines as one batch, waiting while the ledger is overloaded or its
// views are far behind: the stream itself is what slows the client down.
func (a *appender) run(ctx context.Context, lines []line) ([]ledger.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, a.s.o.Limits.Timeout)
	defer cancel()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		batch := make([]events.Event, len(lines))
		for i, l := range lines {
			batch[i] = l.event
		}
		receipts, err := a.s.append(ctx, a.caller, batch)
		if !errors.Is(err, ledger.ErrOverloaded) && !errors.Is(err, errViewsFarBehind) {
			return receipts, err
		}
		select {
		case <-time.After(pause):
		case <-a.s.stop:
			return nil, err
		case <-ctx.Done():
			return nil, err
		}
	}
}

// lineQueue is what was read and is not yet appended.
type lineQueue struct {
	mu    sync.Mutex
	lines []line
	bytes int
	end   error // why no more will come; nil while more may

	more chan struct{} // holds a token when lines or end changed
	room chan struct{} // holds a token when lines were taken
	gone chan struct{} // closed when nobody takes lines any more
}

func newLineQueue() *lineQueue {
	return &lineQueue{more: make(chan struct{}, 1), room: make(chan struct{}, 1), gone: make(chan struct{})}
}

// put adds a line, waiting for room. False: nobody wants it any more.
func (q *lineQueue) put(l line) bool {
	for {
		q.mu.Lock()
		fits := len(q.lines) == 0 || q.bytes+l.size <= queueBytes && len(q.lines) < 2*runEvents
		if fits {
			q.lines = append(q.lines, l)
			q.bytes += l.size
		}
		q.mu.Unlock()
		if fits {
			wake(q.more)
			return true
		}
		select {
		case <-q.room:
		case <-q.gone:
			return false
		}
	}
}

// finish says that no more lines will come, and why: io.EOF at the end.
func (q *lineQueue) finish(why error) {
	q.mu.Lock()
	q.end = why
	q.mu.Unlock()
	wake(q.more)
}

// finished reports whether no more lines will come.
func (q *lineQueue) finished() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end != nil
}

// abandon says that no more lines will be taken.
func (q *lineQueue) abandon() { close(q.gone) }

// take returns what has gathered, waiting until there is something. No lines
// come with the reason for which none will.
func (q *lineQueue) take(ctx context.Context, stop <-chan struct{}) ([]line, error) {
	gone := ctx.Done()
	for {
		select {
		case <-stop:
			return nil, stoppingStream()
		default:
		}
		q.mu.Lock()
		lines, end := q.lines, q.end
		q.lines, q.bytes = nil, 0
		q.mu.Unlock()
		if len(lines) > 0 {
			wake(q.room)
			return lines, nil
		}
		if end != nil {
			return nil, end
		}
		select {
		case <-q.more:
		case <-stop:
		case <-gone:
			gone = nil // reading from the client failed: whoever reads is about to say why
		}
	}
}

func stoppingStream() error {
	return problem(http.StatusServiceUnavailable, "server.stopping", "the server is being stopped; this event and those after it were not recorded", "send them again when it is back").after(5 * time.Second)
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// lineAnswer describes the lines of the answer for the API description: a
// receipt, or a problem, told apart by the member "type".
type lineAnswer struct{}

// lineWriter writes the lines of an answer and keeps the first error.
type lineWriter struct {
	r       *http.Request
	control *http.ResponseController
	buffer  *bufio.Writer
	timeout time.Duration
	err     error
}

func newLineWriter(w http.ResponseWriter, r *http.Request, timeout time.Duration) *lineWriter {
	w.Header().Set("Content-Type", mediaTypeLines)
	w.Header().Set("Cache-Control", "no-store")
	return &lineWriter{r: r, control: http.NewResponseController(w), buffer: bufio.NewWriterSize(w, 32<<10), timeout: timeout}
}

// duplex lets an HTTP/1 server answer before it has read all of the request.
func (o *lineWriter) duplex() error { return supported(o.control.EnableFullDuplex()) }

// supported drops the error of a connection that lacks a feature: HTTP/2 is
// always duplex, and a test's recorder has no deadlines.
func supported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// lastOf has the connection end with the answer of a call, whose header is sent
// already. What the client still sends of its body would be taken for its next
// request, or be read by the HTTP server beside that: a server that answers before
// it has read all does not guard against either. To exceed a limit is the one way to
// tell it so late.
func lastOf(c *call) {
	over := http.MaxBytesReader(c.conn, io.NopCloser(strings.NewReader("xx")), 1)
	io.Copy(io.Discard, over) // fails, as it should; where it is not HTTP/1 nothing comes of it
}

// lineReader reads a body of lines, and gives up on a client that takes longer than the
// timeout to send one, however little by little. The deadline is the connection's, and
// the server goes on to watch the connection when the body has ended: a deadline left
// behind would cancel this request and those after it.
type lineReader struct {
	body    io.Reader
	control *http.ResponseController
	timeout time.Duration
	until   time.Time // when the line has to be there
}

func (o *lineWriter) reader(body io.Reader) *lineReader {
	return &lineReader{body: body, control: o.control, timeout: o.timeout}
}

// begin says that a line is waited for from now on.
func (l *lineReader) begin() { l.until = time.Now().Add(l.timeout) }

func (l *lineReader) Read(p []byte) (int, error) {
	if err := supported(l.control.SetReadDeadline(l.until)); err != nil {
		return 0, err
	}
	n, err := l.body.Read(p)
	if errors.Is(err, io.EOF) {
		if err := supported(l.control.SetReadDeadline(time.Time{})); err != nil {
			return n, err
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = problem(http.StatusRequestTimeout, "stream.idle", sayf("no line came for %s", l.timeout), "go on with the next event in another request").because(err)
	}
	return n, err
}

// stopReading makes a Read that waits for the client return.
func (o *lineWriter) stopReading() {
	if err := supported(o.control.SetReadDeadline(time.Unix(1, 0))); err != nil && o.err == nil {
		o.err = err
	}
}

// receipt writes the receipt of one line. That of an event which was there
// already says so.
func (o *lineWriter) receipt(rc *ledger.Receipt) {
	b, err := json.Marshal(rc.Receipt)
	if err == nil && rc.Repeated {
		b = append(b[:len(b)-1], `,"repeated":true}`...)
	}
	o.line(b, err)
}

func (o *lineWriter) problem(index int, err error) {
	p := *problemOf(err)
	p.Index, p.Instance = &index, instance(o.r)
	b, err := json.Marshal(&p, jsontext.AllowInvalidUTF8(true))
	o.line(b, err)
}

func (o *lineWriter) line(b []byte, err error) {
	if err == nil && o.err == nil {
		_, err = o.buffer.Write(append(b, '\n'))
	}
	if o.err == nil {
		o.err = err
	}
}

// flush sends what was written. If that fails, or takes a client that does not
// read longer than the timeout, the connection is given up: the answer has
// begun, so there is no other way to say that it is not whole.
func (o *lineWriter) flush() {
	if o.err == nil {
		o.err = supported(o.control.SetWriteDeadline(time.Now().Add(o.timeout)))
	}
	if o.err == nil {
		o.err = o.buffer.Flush()
	}
	if o.err == nil {
		o.err = supported(o.control.Flush())
	}
	if o.err == nil { // it is the connection's, and would outlive this answer
		o.err = supported(o.control.SetWriteDeadline(time.Time{}))
	}
	if o.err != nil {
		callOf(o.r).err = fmt.Errorf("answering a stream: %w", o.err)
		panic(http.ErrAbortHandler)
	}
}
