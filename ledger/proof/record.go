package proof

import (
	"fmt"
	"slices"
)

// CheckRecord reports whether a body belongs to a leaf: the leaf commits to
// these bytes under this salt, its keys are exactly those of the body, and a
// public body has the zero salt. A leaf's own place in the log is checked by an
// [Inclusion], or against its neighbours.
func CheckRecord(leaf, body []byte, salt *[32]byte) error {
	l, err := ParseLeaf(leaf)
	if err != nil {
		return err
	}
	if CommitBody(salt, body) != l.Body {
		return fmt.Errorf("record %d: the body or its salt is not what the leaf commits to", l.Position)
	}
	b, err := ParseBody(body)
	if err != nil {
		return fmt.Errorf("record %d: %w", l.Position, err)
	}
	if b.Public() && *salt != ([32]byte{}) {
		return fmt.Errorf("record %d: a %s event is public and must have the zero salt", l.Position, b.Type)
	}
	keys := b.Keys()
	if !slices.Equal(l.Keys, keys[:min(len(keys), MaxKeys)]) {
		return fmt.Errorf("record %d: the leaf's keys are not those of the body", l.Position)
	}
	return nil
}

// CheckContinued reports whether the bodies directly after first are the
// continuations it must have. Without them its keys are incomplete, and so are
// answers by those keys.
func CheckContinued(first *Body, after []*Body) error {
	want := first.Continuations()
	if len(after) < len(want) {
		return fmt.Errorf("record %s of %s: %d of its %d continuations are missing", first.ID, first.Source, len(want)-len(after), len(want))
	}
	for i, w := range want {
		got, ok := after[i].Continuation()
		if !ok || got.ID != w.ID || got.Source != w.Source || got.Part != w.Part || !slices.Equal(got.Keys, w.Keys) {
			return fmt.Errorf("record %s of %s: continuation %d is not the one its names make", first.ID, first.Source, w.Part)
		}
	}
	return nil
}

// EncodeRecord returns a record as evidence keeps it: det-CBOR [leaf, body,
// salt], or [leaf, null, null] if the body is nil because it is withheld.
func EncodeRecord(leaf, body []byte, salt *[32]byte) []byte {
	out := make([]byte, 0, len(leaf)+len(body)+48)
	out = appendBytes(append(out, cborArray|3), leaf)
	if body == nil {
		return append(out, cborNull, cborNull)
	}
	return appendBytes(appendBytes(out, body), salt[:])
}

// DecodeRecord reads what [EncodeRecord] writes; body is nil if it is withheld.
// The bytes point into b. [CheckRecord] tells whether body and leaf belong
// together.
func DecodeRecord(b []byte) (leaf, body []byte, salt [32]byte, err error) {
	r := reader{b: b}
	if n := r.expect(cborArray, "record"); r.err == nil && n != 3 {
		r.fail(fmt.Errorf("record has %d fields instead of 3", n))
	}
	leaf = r.bytes("leaf")
	if len(r.b) == 2 && r.b[0] == cborNull && r.b[1] == cborNull {
		return leaf, nil, salt, nil
	}
	body = r.bytes("body")
	r.hash((*Hash)(&salt), "salt")
	if err := r.end(); err != nil {
		return nil, nil, [32]byte{}, fmt.Errorf("reading record: %w", err)
	}
	return leaf, body, salt, nil
}
