package api

import (
	"net/http"
	"slices"
	"strings"

	"ledgerline/events"
	"ledgerline/ledger/proof"
	"ledgerline/projections"

	"github.com/go-chi/chi/v5"
	"github.com/go-json-experiment/json/jsontext"
)

type eventsQuery struct {
	reading
	paging
	window
	proving
	imported
	Type      string `query:"type" doc:"the type of event, or the beginning of it, such as catalog."`
	Subject   string `query:"subject" doc:"what the event is about, as {kind}/{id}"`
	Party     string `query:"party" doc:"id of a party concerned"`
	Entry     string `query:"entry" doc:"id of a catalog entry concerned"`
	Agreement string `query:"agreement" doc:"id of an agreement concerned"`
	Dataset   string `query:"dataset" doc:"a dataset concerned, as {namespace}/{name}"`
	Actor     string `query:"actor" doc:"pseudonymous key of the person the event says acted"`
	Text      string `query:"text" doc:"words that type, subject, id or summary all contain"`
	Principal string `query:"principal" doc:"who sent the event, as the ledger knows it"`
	Source    string `query:"source" doc:"with id: the one event of that identity"`
	ID        string `query:"id" doc:"with source: the one event of that identity"`
	Order     string `query:"order" doc:"order of position" enum:"asc,desc" default:"asc"`
}

func listEvents(c *question, q eventsQuery) (projections.Timeline, error) {
	query := projections.TimelineQuery{
		TypePrefix: q.Type, Party: q.Party, Entry: q.Entry, Agreement: q.Agreement, Principal: q.Principal,
		Actor: q.Actor, Text: q.Text, Imported: q.wanted(),
		From: q.From, To: q.To, Descending: q.Order == "desc", Gaps: q.Proof == "", Page: c.page(q.paging),
	}
	var err error
	if query.Dataset, err = c.dataset(q.Dataset); err != nil {
		return projections.Timeline{}, err
	}
	if q.Subject != "" {
		sub, ok := events.ParseSubject(q.Subject)
		if !ok {
			return projections.Timeline{}, problem(http.StatusBadRequest, "query.value", "the subject has no kind", "write it as {kind}/{id}, such as entry/population").at("subject")
		}
		query.Subject = sub
	}
	if q.Source != "" || q.ID != "" {
		if q.Proof != "" {
			return projections.Timeline{}, unprovable("proof", "source and id name one event", "ask for its proof of inclusion: /v1/proofs/inclusion")
		}
		return c.identified(q.Source, q.ID)
	}
	list, err := c.view.Timeline(c.ctx, query)
	if err == nil && q.Proof != "" {
		err = c.prove(q.claim(query, list))
	}
	c.next(&list.Next)
	return list, err
}

// claim is what a list of records says about the book.
func (q *eventsQuery) claim(query projections.TimelineQuery, list projections.Timeline) claim {
	names := someNames(proof.KindAgreement, q.Agreement, proof.KindEntry, q.Entry, proof.KindParty, q.Party, proof.KindPrincipal, q.Principal)
	if sub := query.Subject; sub != (events.Subject{}) {
		names = append([]proof.Name{{proof.KindSubject, sub.Kind, sub.ID}}, names...)
	}
	if d := query.Dataset; d != (projections.Dataset{}) {
		names = append(names, proof.Name{proof.KindDataset, d.Namespace, d.Name})
	}
	cl := claim{from: q.From, to: q.To, whole: list.Next == "" && q.Cursor == "" && q.Actor == "" && q.Text == "" && q.Imported == ""}
	types := typeNames(q.Type)
	switch {
	case len(names) == 0 && len(types) == 0: // of no type there is
		cl.names = []proof.Name{{proof.KindType, q.Type}}
	case len(names) == 0:
		cl.names = types
	case len(types) == 1:
		cl.names, cl.also = names[:1], append(names[1:], types...)
	default:
		cl.names, cl.also = names[:1], names[1:]
		cl.whole = cl.whole && q.Type == ""
	}
	for _, r := range list.Rows {
		cl.rows = append(cl.rows, r.Position)
	}
	return cl
}

// identified returns the record of one source and id: a list of one or none.
func (c *question) identified(source, id string) (projections.Timeline, error) {
	if source == "" || id == "" {
		return projections.Timeline{}, problem(http.StatusBadRequest, "query.value", "source and id name an event together", "give both").at("source")
	}
	position, ok, err := c.s.o.Ledger.Find(source, id)
	if err != nil || !ok || position > c.view.Position() {
		return projections.Timeline{}, err
	}
	list := projections.Timeline{Rows: []projections.TimelineRow{}}
	row, ok, err := c.view.Record(position)
	if ok {
		list.Rows = append(list.Rows, row)
	}
	return list, err
}

// eventAnswer is one record: the event, and what the ledger added.
type eventAnswer struct {
	Ledger   Standing    `json:"ledger"`
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	// Principal is who sent it, as the ledger knows it; LeafHash is its hash in
	// the log, in hex.
	Principal string     `json:"principal"`
	LeafHash  string     `json:"leaf_hash"`
	Event     cloudEvent `json:"event"`
	// Withheld names the fields that the event bears and the caller is kept from.
	Withheld []string `json:"withheld,omitzero"`
	// Facets lists what is kept beside the event and can be erased. Outside
	// development it is withheld here, also where it is a field of the data, and read
	// at /v1/events/{position}/facets/{name}.
	Facets []eventFacet `json:"facets"`
	// NotBefore and NotAfter are what an outside authority shows about when it was
	// recorded; see /v1/proofs/time. Absent as far as there is no anchor yet.
	NotBefore *anchorJSON `json:"not_before,omitzero"`
	NotAfter  *anchorJSON `json:"not_after,omitzero"`
	// Imported: the record is about the time before the ledger. What the ledger proves is
	// that it was told so, not that it was so.
	Imported bool `json:"imported,omitzero"`
	// CorrectedBy are the records that note that this one is wrong
	// (ledger.correction.noted), as far as the views know.
	CorrectedBy []int64 `json:"corrected_by,omitzero"`
}

type eventFacet struct {
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Bytes     int    `json:"bytes"`
	// Withheld: it is left out of the event's data here.
	Withheld bool `json:"withheld,omitzero"`
	Erased   bool `json:"erased,omitzero"`
	// ErasedBy is the position of the record that says that it was erased. Without
	// one the owner's key is missing, and nobody answers for it.
	ErasedBy int64 `json:"erased_by,omitzero"`
}

// cloudEvent is an event in the JSON format of CloudEvents 1.0.
type cloudEvent jsontext.Value

// MarshalJSON returns the event as it is.
func (e cloudEvent) MarshalJSON() ([]byte, error) { return e, nil }

func getEvent(s *Server, r *http.Request, _ none) (eventAnswer, error) {
	position, err := pathPosition(r)
	if err != nil {
		return eventAnswer{}, err
	}
	return s.event(r, position)
}

// event reads one record. What is kept beside it is withheld, also where it is a
// field of the data: those who may read it do so where that is recorded.
func (s *Server) event(r *http.Request, position int64) (eventAnswer, error) {
	e, err := s.o.Ledger.Get(r.Context(), position)
	if err != nil {
		return eventAnswer{}, err
	}
	if err := s.showRecord(r, position); err != nil {
		return eventAnswer{}, err
	}
	withheld := !callOf(r).caller.free
	facets := e.Event.Facets
	if withheld {
		e.Event.Facets = slices.DeleteFunc(slices.Clone(facets), func(f events.Facet) bool { return !f.Erased })
	}
	hash, err := s.o.Ledger.LeafHash(position)
	if err != nil {
		return eventAnswer{}, err
	}
	text, fields, err := encodeFor(r, e.Event)
	if err != nil {
		return eventAnswer{}, err
	}
	out := eventAnswer{
		Ledger: s.headStanding(), Position: e.Position, Recorded: e.Recorded, Principal: e.Event.Principal,
		LeafHash: hexHash(hash), Event: text, Withheld: fields, Imported: e.Event.Imported,
	}
	if out.CorrectedBy, err = s.corrections(r, position, &out.Ledger); err != nil {
		return eventAnswer{}, err
	}
	b, err := s.o.Ledger.Bracket(position)
	if err != nil {
		return eventAnswer{}, err
	}
	out.NotBefore, out.NotAfter = anchorOf(b.NotBefore), anchorOf(b.NotAfter)
	kept := int64(len(fields))
	for _, f := range facets {
		out.Facets = append(out.Facets, eventFacet{f.Name, f.MediaType, len(f.Bytes), withheld && !f.Erased, f.Erased, f.ErasedBy})
		if withheld && !f.Erased {
			kept++
		}
	}
	if kept > 0 || !callOf(r).caller.scope().All() {
		out.Ledger.withhold(kept)
	}
	return out, nil
}

// corrections finds the records that note that a record is wrong.
func (s *Server) corrections(r *http.Request, position int64, standing *Standing) (found []int64, err error) {
	at := s.o.Views.Applied()
	if at <= position {
		return nil, nil
	}
	view, err := s.viewAt(r.Context(), at)
	if err != nil {
		return nil, err
	}
	list, err := view.Within(callOf(r).caller.scope()).Timeline(r.Context(), projections.TimelineQuery{
		Subject: events.CorrectionSubject(uint64(position)), Page: projections.Page{Limit: projections.MaxLimit},
	})
	for _, row := range list.Rows {
		found = append(found, row.Position)
	}
	if list.Next != "" {
		standing.Complete, standing.LimitsHit = false, append(standing.LimitsHit, "corrected_by")
	}
	return found, joinClose(err, view)
}

// goneFacet says what became of a facet.
func goneFacet(r *http.Request, f events.Facet) error {
	records := "/v1/records/" + chi.URLParam(r, "position")
	if f.ErasedBy == 0 {
		return problem(http.StatusGone, "facet.key-missing", "the key of the facet's owner is missing, and no record says that it was erased", sayf("restore the owners' keys; see %s for the commitment", records))
	}
	return problem(http.StatusGone, "facet.erased", sayf("the facet was erased by the record at position %d; that it existed is proven by its commitment", f.ErasedBy),
		sayf("see %s for the commitment, /v1/events/%d for the erasure", records, f.ErasedBy))
}

// getFacet serves a facet as it was received.
func getFacet() endpoint {
	return raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		position, err := pathPosition(r)
		if err != nil {
			return err
		}
		name, err := pathValue(r, "name")
		if err != nil {
			return err
		}
		e, err := s.o.Ledger.Get(r.Context(), position)
		if err == nil {
			err = s.showRecord(r, position)
		}
		if err != nil {
			return err
		}
		for _, f := range e.Event.Facets {
			switch {
			case f.Name != name:
			case keptFrom(r, name):
				return withheldField(r, "name")
			case f.Erased:
				return goneFacet(r, f)
			default:
				// It is somebody's content, and must not run as a page of ours.
				w.Header().Set("Content-Disposition", "attachment")
				media := f.MediaType
				if strings.ContainsAny(media, "\r\n") || media == "" {
					media = "application/octet-stream"
				}
				writeBody(w, r, http.StatusOK, media, f.Bytes)
				return nil
			}
		}
		return problem(http.StatusNotFound, "facet.unknown", "the event has no such facet", sayf("see facets of /v1/events/%s", chi.URLParam(r, "position")))
	}, content{http.StatusOK, "*/*", nil, "the facet as it was received"}).filters()
}
