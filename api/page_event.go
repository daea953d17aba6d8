package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"ledgerline/events"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type eventPage struct {
	*page
	Event                          eventAnswer
	Type, Pretty                   string
	Told                           []toldMember
	Subject                        events.Subject
	Happened                       events.Time
	VerifierKey                    string
	Previous, Next                 bool
	PreviousPosition, NextPosition int64
}

func serveEvent(s *Server, w http.ResponseWriter, r *http.Request, q momentQuery) error {
	position, err := pathPosition(r)
	if err != nil {
		return err
	}
	event, err := s.event(r, position)
	if err != nil {
		return err
	}
	p := newPage(w, r, q.pageQuery, "title-record")
	if err := s.recordSpeaksFor(r, q, position, event.Ledger, &p); err != nil {
		return err
	}
	p.JSON = fmt.Sprintf("/v1/events/%d", position)
	var facts struct {
		Type    string         `json:"type"`
		Subject string         `json:"subject"`
		Time    events.Time    `json:"time"`
		Data    jsontext.Value `json:"data"`
	}
	pretty := jsontext.Value(bytes.Clone(event.Event))
	if err := errors.Join(json.Unmarshal(event.Event, &facts), pretty.Indent(jsontext.WithIndent("  "))); err != nil {
		return fmt.Errorf("reading back position %d: %w", position, err)
	}
	subject, _ := events.ParseSubject(facts.Subject) // without a kind it has no page
	if subject == (events.Subject{}) {
		subject.ID = facts.Subject
	}
	told, err := p.tell(facts.Data)
	if err != nil {
		return err
	}
	return render(w, r, "event.html", eventPage{
		Told: told,
		page: &p, Event: event,
		Type: facts.Type, Subject: subject, Happened: facts.Time, Pretty: string(pretty), VerifierKey: s.o.Ledger.VerifierKey(),
		Previous: position > 0, PreviousPosition: position - 1, Next: position < p.Standing.Position, NextPosition: position + 1,
	})
}

// recordSpeaksFor notes what the page of a record speaks for: the head of the
// book or, if it was asked for as of a moment, that one. A record that came later
// was not known then.
func (s *Server) recordSpeaksFor(r *http.Request, q momentQuery, position int64, head Standing, p *page) error {
	moment, err := q.moment()
	if err != nil {
		return err
	}
	standing := head
	if moment.given {
		at, err := s.resolve(r.Context(), moment, "as_of")
		if err != nil {
			return err
		}
		if at < position {
			return problem(http.StatusNotFound, "record.later", fmt.Sprintf("record %d was not there yet as of position %d", position, at), "leave as_of out to see it").at("as_of")
		}
		last, err := s.o.Ledger.Get(r.Context(), at)
		if err != nil {
			return err
		}
		standing = s.standing(at, last.Recorded)
	}
	p.speaksFor(standing, head.Position)
	return nil
}
