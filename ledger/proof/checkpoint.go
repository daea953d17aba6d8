package proof

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
)

// A Checkpoint says what the whole log was at one size. Signed, it is a C2SP
// checkpoint (c2sp.org/tlog-checkpoint) without extension lines, and the one
// thing trust rests on.
type Checkpoint struct {
	Origin string // names the log, for ever; also the name of its signing keys
	Size   int64  // number of records
	Root   Hash   // RFC 6962 tree hash over their leaves
}

// Text returns what is signed: origin, size and root, a line each.
func (c Checkpoint) Text() string {
	return string(log.Checkpoint{Origin: c.Origin, Size: uint64(c.Size), Hash: c.Root[:]}.Marshal())
}

// Sign returns the checkpoint as a signed note. The name of the first signer
// must be the origin, or [OpenCheckpoint] would refuse the note.
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	if len(signers) == 0 || signers[0].Name() != c.Origin {
		return nil, fmt.Errorf("signing checkpoint of %q: the first signing key must bear the log's origin as its name", c.Origin)
	}
	if c.Size < 0 {
		return nil, fmt.Errorf("signing checkpoint of %q: size %d is negative", c.Origin, c.Size)
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
	if err != nil {
		return nil, fmt.Errorf("signing checkpoint of %q: %w", c.Origin, err)
	}
	return signed, nil
}

// OpenCheckpoint checks and reads a signed checkpoint. It accepts one only if
// its text is exactly [Checkpoint.Text] of the given origin and at least one
// key of v that bears the origin as its name has signed it: a witness's
// signature alone makes no checkpoint. Signatures by keys not in v are ignored; of
// [Keys], those that count for a head of its size are taken.
func OpenCheckpoint(signed []byte, origin string, v note.Verifiers) (Checkpoint, error) {
	if keys, ok := v.(*Keys); ok {
		v = keys.at(statedSize(signed))
	}
	text, err := OpenNote(signed, origin, v)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checking checkpoint of %q: %w", origin, err)
	}
	c, err := parseCheckpoint(text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checking checkpoint of %q: %w", origin, err)
	}
	if c.Origin != origin {
		return Checkpoint{}, fmt.Errorf("checking checkpoint of %q: it is of %q", origin, c.Origin)
	}
	return c, nil
}

// OpenNote reads a signed note of a log and returns its text. At least one key of v
// that bears the origin as its name has to have signed it, in the one form that an
// encoder writes.
func OpenNote(signed []byte, origin string, v note.Verifiers) (text string, err error) {
	n, err := note.Open(signed, v)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return s.Name == origin && oneForm(s.Base64) }) {
		return "", errors.New("no known key of the log has signed it")
	}
	return n.Text, nil
}

// statedSize is the size that a checkpoint states; 0 if it states none, and is none.
func statedSize(signed []byte) int64 {
	lines := strings.SplitN(string(signed), "\n", 3)
	if len(lines) < 3 {
		return 0
	}
	size, _ := strconv.ParseInt(lines[1], 10, 64) // if it is none, the text is not that of a checkpoint
	return size
}

// oneForm reports whether s is the base64 an encoder writes. Package note also
// reads a signature whose last digit has stray bits, which would let one
// checkpoint stand in several texts.
func oneForm(s string) bool {
	b, err := base64.StdEncoding.DecodeString(s)
	return err == nil && base64.StdEncoding.EncodeToString(b) == s
}

func parseCheckpoint(text string) (Checkpoint, error) {
	var lc log.Checkpoint
	rest, err := lc.Unmarshal([]byte(text))
	if err != nil {
		return Checkpoint{}, err
	}
	if len(rest) != 0 {
		return Checkpoint{}, errors.New("extension lines are not part of this format")
	}
	if len(lc.Hash) != HashSize || lc.Size > maxInt {
		return Checkpoint{}, errors.New("size or root is out of range")
	}
	c := Checkpoint{Origin: lc.Origin, Size: int64(lc.Size), Root: Hash(lc.Hash)}
	if c.Text() != text { // such as leading zeros, or base64 with stray bits
		return Checkpoint{}, errors.New("it is not in its one text form")
	}
	if c.Size == 0 && c.Root != emptyRoot {
		return Checkpoint{}, errors.New("the root of an empty log is SHA-256 of nothing")
	}
	return c, nil
}

// emptyRoot is the tree hash of no leaves, SHA-256 of the empty string
// (RFC 6962 §2.1).
var emptyRoot = Hash(sha256.Sum256(nil))
