package api

import (
	"net/http"

	"ledgerline/events"
	"ledgerline/ledger"
)

// anchorJSON is a head of the log that an authority timestamped.
type anchorJSON struct {
	// Position is the record that says so; Time is the authority's.
	Position  int64       `json:"position"`
	Time      events.Time `json:"time"`
	Authority string      `json:"authority"`
}

func anchorOf(a *ledger.Anchor) *anchorJSON {
	if a == nil {
		return nil
	}
	return &anchorJSON{a.Position, a.HeadAnchored.Time, a.Authority}
}

// timeJSON is what outsiders show about when a record was made.
type timeJSON struct {
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"` // by the ledger's own clock
	// NotBefore is the last anchor before the record, which was made after its time:
	// the chain from it to the record says so. Absent if there is none.
	NotBefore *timestampJSON `json:"not_before,omitzero"`
	// NotAfter is the first anchor whose head covers the record, which existed at its
	// time: an inclusion proof under its checkpoint says so. Absent as long as there
	// is none.
	NotAfter *timestampJSON `json:"not_after,omitzero"`
}

// timestampJSON is an anchor with its evidence. The response is over the SHA-256 of
// the checkpoint; openssl ts -verify -data CHECKPOINT -in RESPONSE checks it.
type timestampJSON struct {
	Position   int64       `json:"position"`
	Time       events.Time `json:"time"`
	Authority  string      `json:"authority"`
	Size       int64       `json:"size"`
	Checkpoint string      `json:"checkpoint"`
	Response   []byte      `json:"response"`
}

type timeQuery struct {
	Position int64 `query:"position,required" doc:"position of the record" min:"0"`
}

func proveTime(s *Server, r *http.Request, q timeQuery) (timeJSON, error) {
	e, err := s.o.Ledger.Get(r.Context(), q.Position)
	if err != nil {
		return timeJSON{}, err
	}
	b, err := s.o.Ledger.Bracket(q.Position)
	return timeJSON{q.Position, e.Recorded, timestampOf(b.NotBefore), timestampOf(b.NotAfter)}, err
}

func timestampOf(a *ledger.Anchor) *timestampJSON {
	if a == nil {
		return nil
	}
	return &timestampJSON{a.Position, a.HeadAnchored.Time, a.Authority, a.Size, a.Checkpoint, a.Response}
}
