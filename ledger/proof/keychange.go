package proof

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// A log's signing key changes in two steps, each a [KeyChange]: a new key is added,
// and both sign; then the old one is retired. A change is a signed note of both
// keys, so it shows by itself that the holder of the one and that of the other
// agreed.

// keyChangeFormat is the first line of the text of a change.
const keyChangeFormat = "ledgerline/key-change/v1"

// What a change does.
const (
	KeyAdded   = "added"
	KeyRetired = "retired"
)

// A KeyChange is one step from one signing key of a log to the next.
type KeyChange struct {
	Origin string
	// What is KeyAdded or KeyRetired.
	What string
	// Old and New are verifier keys, name+hash+base64.
	Old, New string
	// Size is of KeyRetired: the old key counts for heads of at most so many records.
	Size int64
}

// Text returns what is signed.
func (c KeyChange) Text() string {
	text := strings.Join([]string{keyChangeFormat, c.Origin, c.What, c.Old, c.New}, "\n") + "\n"
	if c.What == KeyRetired {
		text += strconv.FormatInt(c.Size, 10) + "\n"
	}
	return text
}

// Sign returns the change as a note that both keys signed.
func (c KeyChange) Sign(old, next note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.Text()}, old, next)
	if err != nil {
		return nil, fmt.Errorf("signing a change of keys: %w", err)
	}
	if _, err := OpenKeyChange(signed); err != nil {
		return nil, err
	}
	return signed, nil
}

// IsKeyChange reports whether b is meant to be a change of keys.
func IsKeyChange(b []byte) bool { return strings.HasPrefix(string(b), keyChangeFormat+"\n") }

// OpenKeyChange reads a change and checks that the two keys it names have signed
// it. Whether one of them is to be trusted is for [Keys.Change] to say.
func OpenKeyChange(signed []byte) (c KeyChange, err error) {
	fail := func(err error) (KeyChange, error) {
		return KeyChange{}, fmt.Errorf("checking a change of keys: %w", err)
	}
	text, _, _ := strings.Cut(string(signed), "\n\n")
	lines := strings.Split(text, "\n")
	if len(lines) < 5 || lines[0] != keyChangeFormat {
		return fail(errors.New("it is none"))
	}
	c = KeyChange{Origin: lines[1], What: lines[2], Old: lines[3], New: lines[4]}
	if c.What == KeyRetired && len(lines) == 6 {
		if c.Size, err = strconv.ParseInt(lines[5], 10, 64); err != nil || c.Size < 1 {
			return fail(fmt.Errorf("%q is no size", lines[5]))
		}
	}
	if c.What != KeyAdded && c.What != KeyRetired || c.Old == c.New {
		return fail(errors.New("it changes nothing"))
	}
	var both []note.Verifier
	for _, vkey := range []string{c.Old, c.New} {
		v, err := logKey(vkey, c.Origin)
		if err != nil {
			return fail(err)
		}
		both = append(both, v)
	}
	n, err := note.Open(signed, note.VerifierList(both...))
	switch {
	case err != nil:
		return fail(err)
	case len(n.Sigs) != 2 || !oneForm(n.Sigs[0].Base64) || !oneForm(n.Sigs[1].Base64):
		return fail(errors.New("not both keys have signed it"))
	case n.Text != c.Text():
		return fail(errors.New("it is not in its one text form"))
	}
	return c, nil
}

// logKey reads a verifier key of the log of an origin.
func logKey(vkey, origin string) (note.Verifier, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	if v.Name() != origin {
		return nil, fmt.Errorf("the key %s is none of %s", vkey, origin)
	}
	return v, nil
}

// Keys are the keys of one log, over all changes. They are [note.Verifiers] for
// what is signed now; [OpenCheckpoint] asks them for the keys that count for a head
// of its size, so that what a retired key signed before it was retired can still be
// checked, and what it signs afterwards counts for nothing.
type Keys struct{ known []knownKey }

type knownKey struct {
	note.Verifier
	vkey  string
	until int64 // counts for heads of at most so many records
}

// NewKeys begins with keys that the checker trusts.
func NewKeys(vkeys ...string) (*Keys, error) {
	var k Keys
	for _, vkey := range vkeys {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, err
		}
		k.known = append(k.known, knownKey{v, vkey, math.MaxInt64})
	}
	if len(k.known) == 0 {
		return nil, errors.New("there is no key")
	}
	return &k, nil
}

// Name is the name that the keys bear: the origin of the log.
func (k *Keys) Name() string { return k.known[0].Name() }

// Verifier returns a key that is not retired.
func (k *Keys) Verifier(name string, hash uint32) (note.Verifier, error) {
	return k.at(math.MaxInt64).Verifier(name, hash)
}

// at returns the keys that count for a head of size records.
func (k *Keys) at(size int64) note.Verifiers {
	var list []note.Verifier
	for _, known := range k.known {
		if size <= known.until {
			list = append(list, known.Verifier)
		}
	}
	return note.VerifierList(list...)
}

// Change returns the keys after changes, which are signed notes in their order.
// Trust goes on from an old key to the one that it signed for, and back from a new
// key only as far as it says that the old one counts: whoever got hold of a retired
// key does not speak for the log by leaving out that it was retired. A change that
// no trusted key signed adds nothing; one that is not what it says is an error.
func (k *Keys) Change(changes ...[]byte) (*Keys, error) {
	next := &Keys{slices.Clone(k.known)}
	all := make([]KeyChange, len(changes))
	for i, signed := range changes {
		c, err := OpenKeyChange(signed)
		if err != nil {
			return nil, err
		}
		all[i] = c
		if old := next.find(c.Old); old >= 0 && next.known[old].until == math.MaxInt64 {
			if next.find(c.New) < 0 {
				err = next.add(c.New, math.MaxInt64)
			}
			if c.What == KeyRetired {
				next.known[old].until = c.Size
			}
		}
		if err != nil {
			return nil, err
		}
	}
	for _, c := range slices.Backward(all) {
		by := next.find(c.New)
		if c.What != KeyRetired || by < 0 || next.find(c.Old) >= 0 {
			continue
		}
		if err := next.add(c.Old, min(c.Size, next.known[by].until)); err != nil {
			return nil, err
		}
	}
	return next, nil
}

func (k *Keys) find(vkey string) int {
	return slices.IndexFunc(k.known, func(known knownKey) bool { return known.vkey == vkey })
}

func (k *Keys) add(vkey string, until int64) error {
	v, err := note.NewVerifier(vkey)
	if err == nil {
		k.known = append(k.known, knownKey{v, vkey, until})
	}
	return err
}

// Has reports whether a verifier key is one of the log's, retired or not.
func (k *Keys) Has(vkey string) bool { return k.find(vkey) >= 0 }

// Current lists the verifier keys that are not retired, the newest last.
func (k *Keys) Current() (vkeys []string) {
	for _, known := range k.known {
		if known.until == math.MaxInt64 {
			vkeys = append(vkeys, known.vkey)
		}
	}
	return vkeys
}
