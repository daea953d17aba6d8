package api

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"path"

	"ledgerline/events"
)

// recording answers a question whose being asked is itself recorded: the answer is
// made, the record of it made durable, and then the answer leaves. If it cannot be
// recorded there is no answer. What goes on while it is read is recorded before it
// begins; what is made twice, between the two times.
func (s *Server) recording(rt route, w http.ResponseWriter, r *http.Request) error {
	c := callOf(r).caller
	switch {
	case rt.stream:
		if err := s.recordRead(rt, c, r, taken{}); err != nil {
			return err
		}
		return rt.serve(s, w, r)
	case rt.remade:
		callOf(r).record = func(t taken) error { return s.recordRead(rt, c, r, t) }
		return rt.serve(s, w, r)
	}
	made := &madeAnswer{ResponseWriter: w}
	if err := rt.serve(s, made, r); err != nil {
		return err
	}
	if made.status < http.StatusMultipleChoices {
		sum := sha256.Sum256(made.body.Bytes())
		if err := s.recordRead(rt, c, r, taken{made.body.Len(), sum[:]}); err != nil {
			for _, name := range []string{"Content-Length", "Content-Disposition", "Link"} { // of the answer that is not given
				w.Header().Del(name)
			}
			return err
		}
	}
	if made.status != 0 {
		w.WriteHeader(made.status)
	}
	_, err := w.Write(made.body.Bytes())
	if err != nil {
		callOf(r).err = err // the client is gone
	}
	return nil
}

// openContent is for an answer that bears what is kept beside the records on a route
// that has others too: it refuses those who may not read such content, and records
// that it was read.
func (s *Server) openContent(r *http.Request) error {
	c := callOf(r).caller
	if c.free {
		return nil
	}
	if err := s.allow(c, witnesses); err != nil || s.o.UnrecordedReads {
		return err
	}
	return s.recordRead(route{method: r.Method, path: r.URL.Path, who: witnesses}, c, r, taken{})
}

// taken is what a caller gets: how much, and its SHA-256.
type taken struct {
	bytes  int
	digest []byte
}

// exportSaid is what the record of an export says beside what is known of the request.
type exportSaid struct {
	// parameters are what the question of a body comes to; nil where the address has them.
	parameters url.Values
	handedOn
}

// handedOn is who is to have a file and what for, as the caller says.
type handedOn struct {
	Recipient string `query:"recipient" doc:"who is to have the file: recorded, so name no person"`
	Purpose   string `query:"purpose" doc:"what the file is for: recorded, so name no person"`
}

// recordRead records that a caller asked, and what it got.
func (s *Server) recordRead(rt route, c caller, r *http.Request, got taken) error {
	var id [16]byte
	rand.Read(id[:]) // never fails
	position := max(0, s.o.Ledger.Head().Size-1)
	pattern := rt.method + " " + rt.path
	var err error
	if rt.who.record == recordExport {
		said := callOf(r).export
		export := events.ExportMade{
			Route: pattern, Question: r.URL.RequestURI(), Position: position, Bytes: got.bytes, Digest: got.digest,
			Recipient: said.Recipient, Purpose: said.Purpose,
		}
		if said.parameters != nil {
			export.Question += "?" + said.parameters.Encode()
		}
		_, err = s.o.Ledger.RecordExport(r.Context(), c.Name, hex.EncodeToString(id[:]), export)
		if refusal, ok := errors.AsType[*events.Refusal](err); ok && said.parameters != nil && refusal.Field == "/data/question" {
			// Too much to say, or what looks like a person: the digest still tells which file it was.
			export.Question = r.URL.RequestURI()
			_, err = s.o.Ledger.RecordExport(r.Context(), c.Name, hex.EncodeToString(id[:]), export)
		}
	} else {
		_, err = s.o.Ledger.RecordRead(r.Context(), c.Name, hex.EncodeToString(id[:]), events.ReadRecorded{
			Route: pattern, Question: r.URL.RequestURI(), Position: position, Bytes: got.bytes,
		})
	}
	if refusal, ok := errors.AsType[*events.Refusal](err); ok {
		p := problem(http.StatusBadRequest, "read.unrecordable", sayf("the question has to be recorded, and cannot be: %s", refusal.Detail), "ask a shorter question, without personal data")
		if field := path.Base(refusal.Field); field == "recipient" || field == "purpose" {
			return p.at(field)
		}
		return p
	}
	return err
}

// madeAnswer keeps an answer back.
type madeAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (m *madeAnswer) WriteHeader(status int) {
	if m.status == 0 {
		m.status = status
	}
}

func (m *madeAnswer) Write(b []byte) (int, error) {
	m.WriteHeader(http.StatusOK)
	return m.body.Write(b)
}
