package proof

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const forkFormat = "ledgerline/fork/v1"

// A Fork shows that a log has signed two histories: the log at Newer does not begin
// with the log at Older. It needs nothing but the log's keys to be checked, so whoever
// finds one can show it to everybody.
type Fork struct {
	// Older and Newer are checkpoints, Older the smaller one if they differ in size.
	Older, Newer string
	// Root is the root over the first records of Newer, as many as Older has.
	Root Hash
	// Hashes are the consistency proof (RFC 6962 section 2.1.2) from Root to Newer.
	Hashes []Hash
}

type forkJSON struct {
	Format string   `json:"format"`
	Older  string   `json:"older"`
	Newer  string   `json:"newer"`
	Root   string   `json:"root"`
	Hashes []string `json:"hashes"`
}

// MarshalJSON returns format, older, newer, root and hashes.
func (f Fork) MarshalJSON() ([]byte, error) {
	j := forkJSON{Format: forkFormat, Older: f.Older, Newer: f.Newer, Root: f.Root.String(), Hashes: make([]string, len(f.Hashes))}
	for i, h := range f.Hashes {
		j.Hashes[i] = h.String()
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what [Fork.MarshalJSON] writes; no member may be missing,
// unknown or repeated.
func (f *Fork) UnmarshalJSON(b []byte) error {
	var j forkJSON
	if err := readObject(b, map[string]any{"format": &j.Format, "older": &j.Older, "newer": &j.Newer, "root": &j.Root, "hashes": &j.Hashes}); err != nil {
		return fmt.Errorf("reading the proof of a fork: %w", err)
	}
	if j.Format != forkFormat || len(j.Hashes) > maxPath+1 {
		return fmt.Errorf("reading the proof of a fork: its format is %q with %d hashes", j.Format, len(j.Hashes))
	}
	out := Fork{Older: j.Older, Newer: j.Newer}
	for i, s := range append([]string{j.Root}, j.Hashes...) {
		h, err := tlog.ParseHash(s)
		if err != nil || h.String() != s {
			return fmt.Errorf("reading the proof of a fork: %q is not a hash", s)
		}
		if i == 0 {
			out.Root = h
			continue
		}
		out.Hashes = append(out.Hashes, h)
	}
	*f = out
	return nil
}

// Check returns the two checkpoints if the fork is proven: both are signed by a key in
// v of the log named origin, and no log has both.
func (f Fork) Check(origin string, v note.Verifiers) (older, newer Checkpoint, err error) {
	fail := func(err error) (Checkpoint, Checkpoint, error) {
		return Checkpoint{}, Checkpoint{}, fmt.Errorf("this proves no fork of %q: %w", origin, err)
	}
	if older, err = OpenCheckpoint([]byte(f.Older), origin, v); err != nil {
		return fail(err)
	}
	if newer, err = OpenCheckpoint([]byte(f.Newer), origin, v); err != nil {
		return fail(err)
	}
	if older.Size < 1 || older.Size > newer.Size {
		return fail(fmt.Errorf("it leads from %d records to %d", older.Size, newer.Size))
	}
	if f.Root == older.Root {
		return fail(errors.New("the later log begins with the earlier one"))
	}
	if err := checkTree(f.Hashes, Checkpoint{Size: older.Size, Root: f.Root}, newer); err != nil {
		return fail(err)
	}
	return older, newer, nil
}
