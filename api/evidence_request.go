package api

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"

	"github.com/go-json-experiment/json"
)

// evidenceRequest asks for a bundle. Exactly one of the questions is given.
type evidenceRequest struct {
	Events  *evidenceEvents  `json:"events,omitzero"`
	Subject *evidenceSubject `json:"subject,omitzero"`
	Share   *evidenceShare   `json:"share,omitzero"`
	Lineage *evidenceLineage `json:"lineage,omitzero"`
	Catalog *evidenceCatalog `json:"catalog,omitzero"`
	// AsOf is a position or an RFC 3339 time: what was known then. Default: now.
	AsOf Moment `json:"as_of,omitzero"`
	// Since are signed checkpoints that the recipient holds: the bundle shows that
	// the log grew from each.
	Since []string `json:"since,omitzero"`
	// Complete false gives a bundle without the proof that nothing was left out. It
	// is there by default for all questions but events and lineage, which no index
	// answers.
	Complete *bool `json:"complete,omitzero"`
	// Withhold names facets, such as description, that the recipient is not to see.
	Withhold []string `json:"withhold,omitzero"`
	// Recipient and Purpose are who is to have the bundle and what for. They are
	// recorded with the question, so they name no person.
	Recipient string `json:"recipient,omitzero"`
	Purpose   string `json:"purpose,omitzero"`
}

// parameters are the question as an address would ask it, of the view at a position.
func (q evidenceRequest) parameters(position int64) url.Values {
	v := url.Values{"as_of": {strconv.FormatInt(position, 10)}}
	switch {
	case q.Events != nil:
		at := make([]string, len(q.Events.Positions))
		for i, n := range q.Events.Positions {
			at[i] = strconv.FormatInt(n, 10)
		}
		v.Set("positions", strings.Join(at, ","))
	case q.Subject != nil:
		v.Set("subject", q.Subject.Kind+"/"+q.Subject.ID)
		for name, t := range map[string]events.Time{"from": q.Subject.From, "to": q.Subject.To} {
			if t != 0 {
				v.Set(name, t.String())
			}
		}
	case q.Share != nil:
		v.Set("agreement", q.Share.Agreement)
	case q.Lineage != nil:
		v.Set("lineage", q.Lineage.Node)
		v.Set("direction", string(q.Lineage.Direction))
		v.Set("depth", strconv.Itoa(q.Lineage.Depth))
		v.Set("columns", strconv.FormatBool(q.Lineage.Columns))
	case q.Catalog != nil:
		v.Set("catalog", "")
	}
	if len(q.Withhold) > 0 {
		v.Set("withhold", strings.Join(q.Withhold, ","))
	}
	return v
}

// evidenceEvents asks for single records.
type evidenceEvents struct {
	Positions []int64 `json:"positions"`
}

// evidenceSubject asks for all that was recorded about a subject, within a window
// of recorded time.
type evidenceSubject struct {
	Kind string      `json:"kind"`
	ID   string      `json:"id"`
	From events.Time `json:"from,omitzero"`
	To   events.Time `json:"to,omitzero"`
}

// evidenceShare asks for the whole history of an agreement: its own events, its
// uses, and whatever else names it.
type evidenceShare struct {
	Agreement string `json:"agreement"`
}

// evidenceLineage asks for a graph and the records that show its edges.
type evidenceLineage struct {
	Node      string                `json:"node"`
	Direction projections.Direction `json:"direction,omitzero"`
	Depth     int                   `json:"depth,omitzero"`
	Columns   bool                  `json:"columns,omitzero"`
}

// evidenceCatalog asks for the catalog as of a moment: every entry, and the
// records it stands on.
type evidenceCatalog struct{}

func readEvidenceRequest(r *http.Request) (q evidenceRequest, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return q, badBody(err)
	}
	if err := json.Unmarshal(body, &q, json.RejectUnknownMembers(true)); err != nil {
		var at *json.SemanticError
		field := ""
		if errors.As(err, &at) {
			field = string(at.JSONPointer)
		}
		return q, problem(http.StatusBadRequest, "body.syntax", sayf("the question cannot be read: %v", err), `send an object such as {"subject":{"kind":"agreement","id":"A11"}}; see /docs`).at(field)
	}
	asked := 0
	for _, given := range []bool{q.Events != nil, q.Subject != nil, q.Share != nil, q.Lineage != nil, q.Catalog != nil} {
		if given {
			asked++
		}
	}
	if asked != 1 {
		return q, problem(http.StatusBadRequest, "evidence.question", sayf("%d questions are asked", asked), "give exactly one of events, subject, share, lineage and catalog")
	}
	return q, nil
}

// readEvidenceForm reads the question that a page's form asks.
func readEvidenceForm(r *http.Request) (q evidenceRequest, err error) {
	if err := r.ParseForm(); err != nil {
		return q, problem(http.StatusBadRequest, "body.syntax", sayf("the form cannot be read: %v", err), "send it from a page of this server, or ask /v1/evidence")
	}
	f := r.PostForm
	q.Recipient, q.Purpose = f.Get("recipient"), f.Get("purpose")
	if at := f.Get("as_of"); at != "" {
		if q.AsOf, err = (momentQuery{AsOf: at}).moment(); err != nil {
			return q, err
		}
	}
	switch {
	case f.Has("position"):
		n, err := strconv.ParseInt(f.Get("position"), 10, 64)
		if err != nil {
			return q, problem(http.StatusBadRequest, "query.value", sayf("%q is not a position", clip(f.Get("position"))), "positions are whole numbers from 0").at("position")
		}
		q.Events = &evidenceEvents{Positions: []int64{n}}
	case f.Has("positions"):
		positions, err := parsePositions(f.Get("positions"))
		if err != nil {
			return q, err
		}
		q.Events = &evidenceEvents{Positions: positions}
	case f.Has("entry"):
		q.Subject = &evidenceSubject{Kind: events.KindEntry, ID: f.Get("entry")}
	case f.Has("issue"):
		q.Subject = &evidenceSubject{Kind: events.KindIssue, ID: f.Get("issue")}
	case f.Has("request"):
		q.Subject = &evidenceSubject{Kind: events.KindRequest, ID: f.Get("request")}
	case f.Has("agreement"):
		q.Share = &evidenceShare{Agreement: f.Get("agreement")}
	case f.Has("lineage"):
		q.Lineage = &evidenceLineage{Node: f.Get("lineage")}
	case f.Has("catalog"):
		q.Catalog = &evidenceCatalog{}
	default:
		return q, problem(http.StatusBadRequest, "evidence.question", "the form asks for nothing", "give one of position, positions, entry, issue, request, agreement, lineage, catalog")
	}
	return q, nil
}
