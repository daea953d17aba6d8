package evidence

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"ledgerline/ledger/proof"
)

// A record as JSON, for reading. It is derived from the bytes beside it, and a
// checker derives it again: what a person reads is what was recorded.

type recordView struct {
	Position int64     `json:"position"`
	Time     any       `json:"time"`
	LeafHash string    `json:"leaf_hash"`
	Prev     string    `json:"prev"`
	Keys     []string  `json:"keys"`
	Body     *bodyView `json:"body"` // null: withheld
}

type bodyView struct {
	ID              string          `json:"id"`
	Type            string          `json:"type"`
	Schema          uint64          `json:"schema"`
	Source          string          `json:"source"`
	Subject         [2]string       `json:"subject"`
	Time            any             `json:"time"`
	EffectiveFrom   any             `json:"effective_from,omitzero"`
	EffectiveTo     any             `json:"effective_to,omitzero"`
	Principal       string          `json:"principal"`
	Actor           string          `json:"actor,omitzero"`
	Party           string          `json:"party,omitzero"`
	OnBehalfOf      string          `json:"on_behalf_of,omitzero"`
	Producer        []any           `json:"producer,omitzero"`
	Correlation     string          `json:"correlation,omitzero"`
	Causation       string          `json:"causation,omitzero"`
	ExpectedVersion *uint64         `json:"expected_version,omitzero"`
	Grade           string          `json:"grade,omitzero"`
	Retention       string          `json:"retention,omitzero"`
	Imported        bool            `json:"imported,omitzero"`
	Trace           string          `json:"trace,omitzero"`
	Data            json.RawMessage `json:"data"`
	Facets          []facetView     `json:"facets,omitzero"`
	Signature       string          `json:"signature,omitzero"`
	Names           []proof.Name    `json:"names,omitzero"`
}

type facetView struct {
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Owner     string `json:"owner"`
	Commit    string `json:"commit"`
}

// viewOf writes the view of a record; body is nil if it is withheld.
func viewOf(leafBytes []byte, leaf *proof.Leaf, body *proof.Body) ([]byte, error) {
	hash := proof.LeafHash(leafBytes)
	v := recordView{
		Position: int64(leaf.Position), Time: timeView(leaf.Time), LeafHash: hex.EncodeToString(hash[:]),
		Prev: hex.EncodeToString(leaf.Prev[:]), Keys: make([]string, len(leaf.Keys)),
	}
	for i, k := range leaf.Keys {
		v.Keys[i] = hex.EncodeToString(k[:])
	}
	if body != nil {
		var err error
		if v.Body, err = viewBody(body); err != nil {
			return nil, err
		}
	}
	return encodeJSON(v)
}

func viewBody(b *proof.Body) (*bodyView, error) {
	data, err := proof.ViewJSON(b.Data)
	if err != nil {
		return nil, err
	}
	v := &bodyView{
		ID: b.ID, Type: b.Type, Schema: b.Schema, Source: b.Source, Subject: b.Subject,
		Time: timeView(b.Time), Principal: b.Principal, Actor: b.Actor, Party: b.Party, OnBehalfOf: b.OnBehalfOf,
		Correlation: b.Correlation, Causation: b.Causation, ExpectedVersion: b.ExpectedVersion,
		Grade: b.Grade, Retention: b.Retention, Imported: b.Imported, Trace: b.Trace,
		Data: data, Signature: base64.StdEncoding.EncodeToString(b.Signature), Names: b.Names,
	}
	if b.EffectiveFrom != 0 {
		v.EffectiveFrom = timeView(b.EffectiveFrom)
	}
	if b.EffectiveTo != 0 {
		v.EffectiveTo = timeView(b.EffectiveTo)
	}
	if b.Producer != nil {
		v.Producer = []any{b.Producer.ID, b.Producer.Seq}
	}
	for _, f := range b.Facets {
		v.Facets = append(v.Facets, facetView{f.Name, f.MediaType, f.Owner, hex.EncodeToString(f.Commit[:])})
	}
	return v, nil
}

// timeView is RFC 3339 with six digits in UTC for the years that four digits can
// write, and microseconds since 1970 for all others.
func timeView(us int64) any {
	t := time.UnixMicro(us).UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return us
	}
	return t.Format(timeLayout)
}
