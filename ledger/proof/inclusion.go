package proof

import (
	"bytes"
	"errors"
	"fmt"

	tlogproof "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// An Inclusion proves that a leaf stands at a position of the log that a
// checkpoint describes. Its text is a C2SP tlog-proof (c2sp.org/tlog-proof).
type Inclusion struct {
	Position   int64
	Hashes     []Hash // audit path, from the leaf upwards (RFC 6962 §2.1.1)
	Checkpoint []byte // signed note
}

// maxPath is the longest audit path: a tree of 2^63 leaves has 63 levels.
const maxPath = 63

// Marshal returns the proof as C2SP tlog-proof text.
func (p Inclusion) Marshal() []byte {
	hashes := make([][HashSize]byte, len(p.Hashes))
	for i, h := range p.Hashes {
		hashes[i] = h
	}
	return tlogproof.TLogProof{Index: uint64(p.Position), Hashes: hashes, Checkpoint: p.Checkpoint}.Marshal()
}

// ParseInclusion reads C2SP tlog-proof text. It accepts exactly what
// [Inclusion.Marshal] can write; a proof with an extra line is refused, because
// nothing in it is protected. Nothing is proven before it is checked.
func ParseInclusion(text []byte) (Inclusion, error) {
	var tp tlogproof.TLogProof
	if err := tp.Unmarshal(text); err != nil {
		return Inclusion{}, fmt.Errorf("reading inclusion proof: %w", err)
	}
	if tp.Index > maxInt || len(tp.Hashes) > maxPath {
		return Inclusion{}, errors.New("reading inclusion proof: index or number of hashes out of range")
	}
	p := Inclusion{Position: int64(tp.Index), Checkpoint: tp.Checkpoint}
	for _, h := range tp.Hashes {
		p.Hashes = append(p.Hashes, h)
	}
	if !bytes.Equal(p.Marshal(), text) {
		return Inclusion{}, errors.New("reading inclusion proof: it is not in its one text form, or has an extra line")
	}
	return p, nil
}

// Check reports whether the proof shows the leaf of the given hash at
// p.Position of the log named origin, under a checkpoint signed by one of the
// log's keys in v, and returns that checkpoint.
func (p Inclusion) Check(leaf Hash, origin string, v note.Verifiers) (Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, origin, v)
	if err != nil {
		return Checkpoint{}, err
	}
	if err := p.CheckRoot(leaf, c); err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

// CheckRoot is [Inclusion.Check] under a checkpoint that was checked before, such
// as one that many proofs share; it must be that of p.Checkpoint.
func (p Inclusion) CheckRoot(leaf Hash, c Checkpoint) error {
	if err := tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Position, leaf); err != nil {
		return fmt.Errorf("record %d is not shown to be among the %d of %s: %w", p.Position, c.Size, c.Origin, err)
	}
	return nil
}

// CheckLeaf is [Inclusion.Check] for a leaf's own bytes. It also refuses a leaf
// that states another position than the one it is proven at.
func (p Inclusion) CheckLeaf(leaf []byte, origin string, v note.Verifiers) (Leaf, Checkpoint, error) {
	l, err := ParseLeaf(leaf)
	if err != nil {
		return Leaf{}, Checkpoint{}, err
	}
	if l.Position != uint64(p.Position) {
		return Leaf{}, Checkpoint{}, fmt.Errorf("the leaf says it is record %d, the proof is for %d", l.Position, p.Position)
	}
	c, err := p.Check(LeafHash(leaf), origin, v)
	if err != nil {
		return Leaf{}, Checkpoint{}, err
	}
	return l, c, nil
}
