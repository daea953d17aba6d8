package proof

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A Receipt is what a producer gets for an event: where it stands, and the
// signed head of the log as of the commit that made it durable. The signature
// binds the operator to a log of at least Position+1 records with that root;
// the [Inclusion] proof for LeafHash, fetched at any later time, shows that the
// event is among them.
type Receipt struct {
	ID, Source string
	Position   int64
	Time       int64 // the ledger's clock, µs since 1970-01-01T00:00:00Z
	LeafHash   Hash
	Checkpoint string // signed note
}

type receiptJSON struct {
	ID         string `json:"id"`
	Source     string `json:"source"`
	Position   int64  `json:"position"`
	Time       string `json:"time"`
	LeafHash   string `json:"leaf_hash"`
	Checkpoint string `json:"checkpoint"`
}

// timeLayout is RFC 3339 in UTC with all six digits of a microsecond.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// MarshalJSON returns {"id", "source", "position", "time", "leaf_hash",
// "checkpoint"}: the time in RFC 3339 with six fractional digits in UTC, the
// hash in lower-case hex, the checkpoint as the signed note.
func (r Receipt) MarshalJSON() ([]byte, error) {
	return json.Marshal(receiptJSON{
		ID: r.ID, Source: r.Source, Position: r.Position,
		Time:       time.UnixMicro(r.Time).UTC().Format(timeLayout),
		LeafHash:   hex.EncodeToString(r.LeafHash[:]),
		Checkpoint: r.Checkpoint,
	})
}

// UnmarshalJSON reads what [Receipt.MarshalJSON] writes; no member may be
// missing, unknown or repeated.
func (r *Receipt) UnmarshalJSON(b []byte) error {
	var j receiptJSON
	err := readObject(b, map[string]any{
		"id": &j.ID, "source": &j.Source, "position": &j.Position,
		"time": &j.Time, "leaf_hash": &j.LeafHash, "checkpoint": &j.Checkpoint,
	})
	if err != nil {
		return fmt.Errorf("reading receipt: %w", err)
	}
	out := Receipt{ID: j.ID, Source: j.Source, Position: j.Position, Checkpoint: j.Checkpoint}
	t, err := time.Parse(timeLayout, j.Time)
	if err != nil || t.Format(timeLayout) != j.Time {
		return fmt.Errorf("reading receipt: time %q is not of the form %s", j.Time, timeLayout)
	}
	out.Time = t.UnixMicro()
	h, err := hex.DecodeString(j.LeafHash)
	if err != nil || len(h) != HashSize || hex.EncodeToString(h) != j.LeafHash {
		return fmt.Errorf("reading receipt: leaf_hash %q is not 64 lower-case hex digits", j.LeafHash)
	}
	out.LeafHash = Hash(h)
	if out.ID == "" || out.Source == "" || out.Position < 0 || out.Time < 0 {
		return errors.New("reading receipt: id and source must not be empty, position and time not negative")
	}
	*r = out
	return nil
}

// ParseReceipt reads a receipt from JSON. It is not checked yet.
func ParseReceipt(b []byte) (Receipt, error) {
	var r Receipt
	if err := r.UnmarshalJSON(b); err != nil {
		return Receipt{}, err
	}
	return r, nil
}

// Check reports whether the receipt's checkpoint is one of the log named
// origin, signed by one of its keys in v, and covers the position. It returns
// the checkpoint. That the leaf is in the log takes an [Inclusion].
func (r Receipt) Check(origin string, v note.Verifiers) (Checkpoint, error) {
	c, err := OpenCheckpoint([]byte(r.Checkpoint), origin, v)
	if err != nil {
		return Checkpoint{}, err
	}
	if r.Position < 0 || r.Position >= c.Size {
		return Checkpoint{}, fmt.Errorf("the receipt's checkpoint covers %d records and so not record %d", c.Size, r.Position)
	}
	return c, nil
}
