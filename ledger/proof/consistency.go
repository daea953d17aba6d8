package proof

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Consistency proves that the log at one checkpoint begins with all of the
// log at an earlier one: nothing was changed or dropped between them.
type Consistency struct {
	From, To string // signed checkpoints, the earlier first
	Hashes   []Hash // RFC 6962 §2.1.2; none if From is of size 0 or of To's size
}

type consistencyJSON struct {
	From   string   `json:"from"`
	To     string   `json:"to"`
	Hashes []string `json:"hashes"`
}

// MarshalJSON returns {"from": …, "to": …, "hashes": […]}: two signed notes and
// the hashes in base64.
func (c Consistency) MarshalJSON() ([]byte, error) {
	j := consistencyJSON{From: c.From, To: c.To, Hashes: make([]string, len(c.Hashes))}
	for i, h := range c.Hashes {
		j.Hashes[i] = h.String()
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what [Consistency.MarshalJSON] writes; no member may be
// missing, unknown or repeated. Nothing is proven before it is checked.
func (c *Consistency) UnmarshalJSON(b []byte) error {
	var j consistencyJSON
	if err := readObject(b, map[string]any{"from": &j.From, "to": &j.To, "hashes": &j.Hashes}); err != nil {
		return fmt.Errorf("reading consistency proof: %w", err)
	}
	if len(j.Hashes) > maxPath+1 {
		return errors.New("reading consistency proof: too many hashes")
	}
	out := Consistency{From: j.From, To: j.To}
	for _, s := range j.Hashes {
		h, err := tlog.ParseHash(s)
		if err != nil || h.String() != s {
			return fmt.Errorf("reading consistency proof: %q is not a hash", s)
		}
		out.Hashes = append(out.Hashes, h)
	}
	*c = out
	return nil
}

// Check reports whether both checkpoints are signed by one of the keys in v of
// the log named origin, and the log at To begins with the log at From. It
// returns both.
func (c Consistency) Check(origin string, v note.Verifiers) (from, to Checkpoint, err error) {
	if from, err = OpenCheckpoint([]byte(c.From), origin, v); err != nil {
		return Checkpoint{}, Checkpoint{}, err
	}
	return c.grown(from, origin, v)
}

// CheckPast is [Consistency.Check] for a From that is of use because others have
// signed it: the log's own signature on it, perhaps by a key that is retired, is
// not checked. What it says has to be so by what the log signed at To.
func (c Consistency) CheckPast(origin string, v note.Verifiers) (from, to Checkpoint, err error) {
	unverified := (*note.UnverifiedNoteError)(nil)
	if _, err := note.Open([]byte(c.From), note.VerifierList()); !errors.As(err, &unverified) {
		return Checkpoint{}, Checkpoint{}, fmt.Errorf("reading checkpoint of %q: %w", origin, err)
	}
	if from, err = parseCheckpoint(unverified.Note.Text); err == nil && from.Origin != origin {
		err = fmt.Errorf("it is of %q", from.Origin)
	}
	if err != nil {
		return Checkpoint{}, Checkpoint{}, fmt.Errorf("reading checkpoint of %q: %w", origin, err)
	}
	return c.grown(from, origin, v)
}

func (c Consistency) grown(from Checkpoint, origin string, v note.Verifiers) (_, to Checkpoint, err error) {
	to, err = OpenCheckpoint([]byte(c.To), origin, v)
	if err != nil {
		return Checkpoint{}, Checkpoint{}, err
	}
	if err := checkTree(c.Hashes, from, to); err != nil {
		return Checkpoint{}, Checkpoint{}, fmt.Errorf("%s: the log of %d records is not shown to begin with the log of %d: %w", origin, to.Size, from.Size, err)
	}
	return from, to, nil
}

func checkTree(hashes []Hash, from, to Checkpoint) error {
	if from.Size == 0 { // begins every log; RFC 6962 knows no proof for it
		if len(hashes) != 0 {
			return errors.New("a proof from the empty log has no hashes")
		}
		return nil
	}
	return tlog.CheckTree(hashes, to.Size, to.Root, from.Size, from.Root)
}
