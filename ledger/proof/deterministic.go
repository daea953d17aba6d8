package proof

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// MaxDepth bounds the nesting of arrays and maps in the data of a body, so that
// no reader needs more stack than this.
const MaxDepth = 32

// checkDeterministic reports whether b is exactly one item in the profile of
// the format: RFC 8949 §4.2.1 core deterministic encoding; integers within
// int64; no tags, floats, undefined or other simple values than false, true and
// null; valid UTF-8; map keys of text; nested at most MaxDepth deep.
func checkDeterministic(b []byte) error {
	r := reader{b: b}
	r.skip(1)
	return r.end()
}

// skip reads one item, checking it as checkDeterministic says.
func (r *reader) skip(depth int) {
	if len(r.b) > 0 && r.b[0] >= cborFalse && r.b[0] <= cborNull {
		r.b = r.b[1:]
		return
	}
	major, n := r.head()
	if r.err != nil {
		return
	}
	switch major {
	case cborUint, cborNegint: // a negint n stands for -1-n
		if n > math.MaxInt64 {
			r.fail(errors.New("CBOR integer does not fit in 64 bits with sign"))
		}
	case cborBytes:
		r.take(n)
	case cborText:
		if !utf8.Valid(r.take(n)) {
			r.fail(errors.New("CBOR text is not valid UTF-8"))
		}
	case cborArray:
		if depth > MaxDepth {
			r.fail(fmt.Errorf("CBOR is nested deeper than %d levels", MaxDepth))
		}
		for ; n > 0 && r.err == nil; n-- {
			r.skip(depth + 1)
		}
	case cborMap:
		if depth > MaxDepth {
			r.fail(fmt.Errorf("CBOR is nested deeper than %d levels", MaxDepth))
		}
		r.skipPairs(n, depth)
	default:
		r.fail(errors.New("CBOR tags are not allowed"))
	}
}

func (r *reader) skipPairs(n uint64, depth int) {
	var last []byte
	for ; n > 0 && r.err == nil; n-- {
		from := r.b
		if len(from) == 0 || from[0]&0xe0 != cborText {
			r.fail(errors.New("CBOR map key is not text"))
			return
		}
		r.skip(depth + 1)
		key := from[:len(from)-len(r.b)]
		if last != nil && bytes.Compare(last, key) >= 0 {
			r.fail(errors.New("CBOR map keys are not in order, or repeated"))
			return
		}
		last = key
		r.skip(depth + 1)
	}
}
