package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"ledgerline/events"
	"ledgerline/ledger/proof"

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
	Party, Actor, Uses             string // who acted, as claimed; Uses is the page of what the actor read
	VerifierKey                    string
	Changes                        []keyChangeLine
	Words                          []field
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
	view, err := s.o.Views.At(min(p.Standing.Position, s.o.Views.Applied()))
	if err != nil {
		return err
	}
	if err := joinClose(s.labelsFrom(view, p.moment(s.o.Now()), &p), view); err != nil {
		return err
	}
	p.JSON = fmt.Sprintf("/v1/events/%d", position)
	var facts struct {
		Type    string         `json:"type"`
		Subject string         `json:"subject"`
		Time    events.Time    `json:"time"`
		Party   string         `json:"party"`
		Actor   string         `json:"actor"`
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
	changes, err := p.keyChanges(s.o.Ledger.KeyChanges())
	if err != nil {
		return err
	}
	uses := ""
	if facts.Actor != "" && (subject.Kind == events.KindAccess || subject.Kind == events.KindUsage) {
		if uses, err = p.Href("/uses", "actor", facts.Actor); err != nil {
			return err
		}
	}
	return render(w, r, "event.html", eventPage{
		Told: told, Party: facts.Party, Actor: facts.Actor, Uses: uses,
		page: &p, Event: event,
		Type: facts.Type, Subject: subject, Happened: facts.Time, Pretty: string(pretty), VerifierKey: s.o.Ledger.VerifierKey(), Changes: changes, Words: p.proofWords(),
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
			return problem(http.StatusNotFound, "record.later", sayf("record %d was not there yet as of position %d", position, at), "leave as_of out to see it").at("as_of")
		}
		last, err := s.o.Ledger.Get(r.Context(), at)
		if err != nil {
			return err
		}
		standing = s.standing(at, last.Recorded)
		standing.Withheld, standing.Says = head.Withheld, head.Says
	}
	p.speaksFor(standing, head.Position)
	return nil
}

// keyChangeLine is a change of the ledger's key, in words and as it was signed.
type keyChangeLine struct{ Text, Note string }

// keyChanges says what changes of the ledger's key say. Whether they are to be
// believed is for the browser to find out.
func (p page) keyChanges(notes []string) ([]keyChangeLine, error) {
	lines := make([]keyChangeLine, len(notes))
	for i, signed := range notes {
		c, err := proof.OpenKeyChange([]byte(signed))
		if err != nil {
			return nil, err
		}
		text := fmt.Sprintf(p.texts("key-added"), keyID(c.New), keyID(c.Old))
		if c.What == proof.KeyRetired {
			text = fmt.Sprintf(p.texts("key-retired"), keyID(c.Old), c.Size, keyID(c.New))
		}
		lines[i] = keyChangeLine{text, signed}
	}
	return lines, nil
}

// keyID is the part of a verifier key that its signatures bear.
func keyID(vkey string) string {
	parts := strings.SplitN(vkey, "+", 3)
	return parts[min(1, len(parts)-1)]
}

// proofWords are the words that proof.js may have to say, by the names it has for
// them.
func (p page) proofWords() []field {
	var list []field
	for name := range proofTexts {
		list = append(list, field{name, proofTexts[name][p.language]})
	}
	slices.SortFunc(list, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	return list
}
