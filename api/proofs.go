package api

import (
	"encoding/hex"
	"net/http"
	"strings"

	"ledgerline/ledger/proof"
)

// Evidence (receipts, records, proofs) is served as the proof package reads it,
// without the "ledger" member of answers: it speaks for itself.

type inclusionQuery struct {
	Position *int64 `query:"position,required" doc:"the position to prove" min:"0"`
	Size     int64  `query:"size" doc:"the number of records of the tree to prove it in. Default: all that are durable" min:"1"`
	Format   string `query:"format" doc:"form of the proof. Default: text, or json if Accept asks for it" enum:"text,json"`
}

// inclusionJSON is a proof of inclusion for programs that would rather not parse
// the text. It holds the leaf hash too, which the text leaves to the verifier.
type inclusionJSON struct {
	Position   int64        `json:"position"`
	LeafHash   string       `json:"leaf_hash"` // hex, as in receipts
	Hashes     []proof.Hash `json:"hashes"`
	Checkpoint string       `json:"checkpoint"`
}

func proveInclusion() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, q inclusionQuery) error {
		p, err := s.o.Ledger.ProveInclusion(*q.Position, q.Size)
		if err == nil {
			err = s.showRecord(r, *q.Position) // the leaf tells who knows a name that the record bears it
		}
		if err != nil {
			return err
		}
		if q.Format == "text" || q.Format == "" && !strings.Contains(r.Header.Get("Accept"), "application/json") {
			writeBody(w, r, http.StatusOK, "text/plain; charset=utf-8", p.Marshal())
			return nil
		}
		leaf, err := s.o.Ledger.LeafHash(p.Position)
		if err != nil {
			return err
		}
		return writeJSON(w, r, http.StatusOK, inclusionJSON{p.Position, hexHash(leaf), p.Hashes, string(p.Checkpoint)})
	})
	e = e.filters()
	e.answers = []content{
		{http.StatusOK, "text/plain", nil, "C2SP tlog-proof"},
		ok[inclusionJSON](http.StatusOK, "the same as JSON"),
	}
	return e
}

type consistencyQuery struct {
	From int64 `query:"from,required" doc:"the earlier number of records" min:"1"`
	To   int64 `query:"to" doc:"the later number of records. Default: all that are durable" min:"1"`
}

func proveConsistency(s *Server, _ *http.Request, q consistencyQuery) (proof.Consistency, error) {
	if to := q.To; to != 0 && q.From > to {
		return proof.Consistency{}, problem(http.StatusBadRequest, "proof.order", sayf("from is %d, after to, which is %d", q.From, to), "give the earlier size as from").at("from")
	}
	if size := s.o.Ledger.Head().Size; q.From > size {
		return proof.Consistency{}, problem(http.StatusNotFound, "position.unknown", sayf("the log holds %d records, not %d", size, q.From), "a log that was larger before has lost records: keep the checkpoint that says so").at("from")
	}
	return s.o.Ledger.ProveConsistency(q.From, q.To)
}

// recordJSON is the evidence behind one record.
type recordJSON struct {
	Position int64  `json:"position"`
	LeafHash string `json:"leaf_hash"` // hex, as in receipts
	Leaf     []byte `json:"leaf"`
	Body     []byte `json:"body"`
	Salt     []byte `json:"salt"`
	// Facets are the commitments that stand in the body for what is kept beside
	// it and can be erased.
	Facets []facetJSON `json:"facets"`
}

type facetJSON struct {
	Name      string     `json:"name"`
	MediaType string     `json:"media_type"`
	Owner     string     `json:"owner,omitzero"`
	Commit    proof.Hash `json:"commit"`
	// ErasedBy is the position of the record that says that it was erased.
	ErasedBy int64 `json:"erased_by,omitzero"`
}

// hexHash is how leaf hashes are written.
func hexHash(h proof.Hash) string { return hex.EncodeToString(h[:]) }

func getRecord(s *Server, r *http.Request, _ none) (recordJSON, error) {
	position, err := pathPosition(r)
	if err != nil {
		return recordJSON{}, err
	}
	rec, err := s.o.Ledger.Record(position)
	if err == nil {
		err = s.showRecord(r, position)
	}
	if err == nil {
		err = s.showBody(r, position)
	}
	if err != nil {
		return recordJSON{}, err
	}
	body, err := proof.ParseBody(rec.Body)
	if err != nil {
		return recordJSON{}, err
	}
	out := recordJSON{Position: position, LeafHash: hexHash(rec.Hash), Leaf: rec.Leaf, Body: rec.Body, Salt: rec.Salt[:]}
	for i, f := range body.Facets {
		by, err := s.o.Ledger.ErasedBy(position, i)
		if err != nil {
			return recordJSON{}, err
		}
		out.Facets = append(out.Facets, facetJSON{f.Name, f.MediaType, f.Owner, f.Commit, by})
	}
	return out, nil
}
