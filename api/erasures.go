package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/ledger/proof"

	"github.com/go-json-experiment/json"
)

// erasureRequest says what is to be erased, and by what right.
type erasureRequest struct {
	// ID makes sending it again harmless.
	ID string `json:"id"`
	// Owner is the owner all of whose content is to go; Facets are single ones. One
	// of the two is given.
	Owner  string          `json:"owner,omitzero"`
	Facets []facetInRecord `json:"facets,omitzero"`
	// Ground is the legal ground, Reason says more. Both are public for ever.
	Ground string `json:"ground"`
	Reason string `json:"reason,omitzero"`
}

type facetInRecord struct {
	Position int64  `json:"position"`
	Name     string `json:"name"`
}

type erasureAnswer struct {
	// Facets counts what was erased.
	Facets int `json:"facets"`
	// Receipts are those of the records that say so.
	Receipts []proof.Receipt `json:"receipts"`
}

// postErasure erases content. The answer comes when its bytes are gone from the
// files of the book.
func postErasure() endpoint {
	return act(func(s *Server, r *http.Request, q erasureRequest) (erasureAnswer, bool, error) {
		e := ledger.Erasure{ID: q.ID, Principal: callOf(r).caller.Name, Owner: q.Owner, Ground: q.Ground, Reason: q.Reason}
		for _, f := range q.Facets {
			e.Facets = append(e.Facets, ledger.FacetAt(f))
		}
		done, err := s.o.Ledger.Erase(r.Context(), e)
		if err != nil {
			return erasureAnswer{}, false, err
		}
		out := erasureAnswer{Facets: done.Facets}
		for _, rc := range done.Receipts {
			out.Receipts = append(out.Receipts, rc.Receipt)
		}
		return out, done.Receipts[0].Repeated, nil
	})
}

// holdRequest says what may not be erased. Owners names owners; the record will
// hold only keyed digests of them.
type holdRequest struct {
	// Hold is the id of the hold, such as a case number.
	Hold string `json:"hold"`
	// Records, Names and Owners say what is held; at least one is given.
	Records []int64           `json:"records,omitzero"`
	Names   []events.HeldName `json:"names,omitzero"`
	Owners  []string          `json:"owners,omitzero"`
	Ground  string            `json:"ground"`
	Reason  string            `json:"reason,omitzero"`
}

func postHold() endpoint {
	return act(func(s *Server, r *http.Request, q holdRequest) (proof.Receipt, bool, error) {
		h := events.HoldPlaced{Hold: q.Hold, Records: q.Records, Names: q.Names, Ground: q.Ground, Reason: q.Reason}
		id, err := s.actID(r, "hold/"+q.Hold)
		if err != nil {
			return proof.Receipt{}, false, err
		}
		rc, err := s.o.Ledger.PlaceHold(r.Context(), callOf(r).caller.Name, id, h, q.Owners...)
		return rc.Receipt, rc.Repeated, err
	})
}

// releaseRequest says why a hold is over.
type releaseRequest struct {
	Ground string `json:"ground"`
	Reason string `json:"reason,omitzero"`
}

func postRelease() endpoint {
	return act(func(s *Server, r *http.Request, q releaseRequest) (proof.Receipt, bool, error) {
		hold, err := pathValue(r, "id")
		if err != nil {
			return proof.Receipt{}, false, err
		}
		id, err := s.actID(r, "release/"+hold)
		if err != nil {
			return proof.Receipt{}, false, err
		}
		rc, err := s.o.Ledger.ReleaseHold(r.Context(), callOf(r).caller.Name, id, events.HoldReleased{Hold: hold, Ground: q.Ground, Reason: q.Reason})
		return rc.Receipt, rc.Repeated, err
	})
}

// actID is the id of an act of the caller upon the ledger: the Idempotency-Key it
// sent, or one that is as good as any because the act is refused when it has
// happened already.
func (s *Server) actID(r *http.Request, name string) (string, error) {
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		if len(key) > events.MaxID {
			return "", problem(http.StatusBadRequest, "idempotency-key.length", sayf("the key is %d bytes long", len(key)), sayf("send at most %d", events.MaxID)).at("Idempotency-Key")
		}
		return key, nil
	}
	return fmt.Sprintf("%s at %d", name, s.o.Ledger.Head().Size), nil
}

type holdsAnswer struct {
	Holds []holdJSON `json:"holds"`
}

// holdJSON is a hold in force.
type holdJSON struct {
	Hold    string            `json:"hold"`
	Records []int64           `json:"records,omitzero"`
	Names   []events.HeldName `json:"names,omitzero"`
	// Owners are keyed digests.
	Owners [][]byte `json:"owners,omitzero"`
	Ground string   `json:"ground"`
	Reason string   `json:"reason,omitzero"`
}

func listHolds(s *Server, _ *http.Request, _ none) (holdsAnswer, error) {
	holds, err := s.o.Ledger.Holds()
	a := holdsAnswer{Holds: []holdJSON{}}
	for _, h := range holds {
		a.Holds = append(a.Holds, holdJSON{h.ID, h.Records, h.Names, h.Owners, h.Ground, h.Reason})
	}
	return a, err
}

// act makes an endpoint of a function that does what a JSON body asks for, and says
// whether that was done before.
func act[Q, R any](do func(*Server, *http.Request, Q) (R, bool, error)) endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		var q Q
		if err := readBody(r, &q); err != nil {
			return err
		}
		result, repeated, err := do(s, r, q)
		if err != nil {
			return s.countRefusal(err)
		}
		status := http.StatusCreated
		if repeated {
			status = http.StatusOK
		}
		return writeJSON(w, r, status, result)
	})
	e.answers = []content{ok[R](http.StatusCreated, "done, and recorded"), ok[R](http.StatusOK, "it was done before")}
	return e.reads(content{0, "application/json", reflect.TypeFor[Q](), ""})
}

// readBody reads a JSON body strictly.
func readBody(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return badBody(err)
	}
	if err = json.Unmarshal(body, into, json.RejectUnknownMembers(true)); err == nil {
		return nil
	}
	detail := sayf("the body cannot be read: %v", err)
	if len(bytes.TrimSpace(body)) == 0 {
		detail = sayf("the body is empty")
	}
	p := problem(http.StatusBadRequest, "body.json", detail, "send a JSON object with the members that /docs lists")
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return p.at(string(semantic.JSONPointer))
	}
	return p
}
