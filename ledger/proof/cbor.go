package proof

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// The major types of RFC 8949 §3.1 that the format uses, already shifted into
// the high bits of the initial byte.
const (
	cborUint   = 0 << 5
	cborNegint = 1 << 5
	cborBytes  = 2 << 5
	cborText   = 3 << 5
	cborArray  = 4 << 5
	cborMap    = 5 << 5
	cborSimple = 7 << 5

	cborFalse = cborSimple | 20
	cborTrue  = cborSimple | 21
	cborNull  = cborSimple | 22

	// hash32 is the head of a byte string of 32 bytes: 0x58 0x20.
	hash32 = cborBytes | 24
)

// appendHead appends the head of a data item in its shortest form, as
// RFC 8949 §4.2.1 demands.
func appendHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func appendInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendHead(dst, cborNegint, uint64(-1-n))
	}
	return appendHead(dst, cborUint, uint64(n))
}

func appendText(dst []byte, s string) []byte {
	return append(appendHead(dst, cborText, uint64(len(s))), s...)
}

func appendTexts(dst []byte, texts ...string) []byte {
	dst = appendHead(dst, cborArray, uint64(len(texts)))
	for _, s := range texts {
		dst = appendText(dst, s)
	}
	return dst
}

func appendBytes(dst, b []byte) []byte {
	return append(appendHead(dst, cborBytes, uint64(len(b))), b...)
}

func appendHash(dst []byte, h *Hash) []byte {
	return append(append(dst, hash32, HashSize), h[:]...)
}

// A reader takes deterministic CBOR apart from the front. The first fault
// sticks, and everything read after it is zero.
type reader struct {
	b   []byte
	err error
}

var errTruncated = errors.New("CBOR ends too early")

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// head reads the initial byte and argument of the next item. Anything but the
// shortest form is a fault, and so are indefinite lengths.
func (r *reader) head() (major byte, n uint64) {
	if len(r.b) == 0 {
		r.fail(errTruncated)
		return 0, 0
	}
	major, info := r.b[0]&0xe0, r.b[0]&0x1f
	if major == cborSimple {
		r.fail(errors.New("CBOR floats and simple values other than false, true and null are not allowed"))
		return 0, 0
	}
	if info < 24 {
		r.b = r.b[1:]
		return major, uint64(info)
	}
	if info > 27 {
		r.fail(errors.New("CBOR of indefinite length or with reserved bits is not deterministic"))
		return 0, 0
	}
	size := 1 << (info - 24)
	if len(r.b) < 1+size {
		r.fail(errTruncated)
		return 0, 0
	}
	for _, c := range r.b[1 : 1+size] {
		n = n<<8 | uint64(c)
	}
	r.b = r.b[1+size:]
	shortest := n >= 24
	if size > 1 {
		shortest = n>>(4*size) != 0
	}
	if !shortest {
		r.fail(errors.New("CBOR integer or length is not in its shortest form"))
		return 0, 0
	}
	return major, n
}

// expect reads a head of the given major type and returns its argument.
func (r *reader) expect(major byte, what string) uint64 {
	m, n := r.head()
	if r.err == nil && m != major {
		r.fail(fmt.Errorf("%s has the wrong CBOR type", what))
	}
	if r.err != nil {
		return 0
	}
	return n
}

// uint reads an unsigned integer within int64.
func (r *reader) uint(what string) uint64 {
	n := r.expect(cborUint, what)
	if n > math.MaxInt64 {
		r.fail(fmt.Errorf("%s is above 2^63-1", what))
		return 0
	}
	return n
}

// int reads an integer within int64.
func (r *reader) int(what string) int64 {
	major, n := r.head()
	switch {
	case r.err != nil:
	case n > math.MaxInt64:
		r.fail(fmt.Errorf("%s does not fit in 64 bits with sign", what))
	case major == cborUint:
		return int64(n)
	case major == cborNegint:
		return -1 - int64(n)
	default:
		r.fail(fmt.Errorf("%s has the wrong CBOR type", what))
	}
	return 0
}

// take reads n bytes.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail(errTruncated)
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// bytes reads a byte string. The result points into the input.
func (r *reader) bytes(what string) []byte { return r.take(r.expect(cborBytes, what)) }

// text reads a text string.
func (r *reader) text(what string) string {
	b := r.take(r.expect(cborText, what))
	if !utf8.Valid(b) {
		r.fail(fmt.Errorf("%s is not valid UTF-8", what))
		return ""
	}
	return string(b)
}

// hash reads a byte string of 32 bytes.
func (r *reader) hash(h *Hash, what string) {
	if b := r.bytes(what); len(b) == HashSize {
		copy(h[:], b)
	} else {
		r.fail(fmt.Errorf("%s is not a byte string of %d bytes", what, HashSize))
	}
}

// end reports the first fault, or that something follows the last item.
func (r *reader) end() error {
	if r.err == nil && len(r.b) != 0 {
		r.fail(fmt.Errorf("%d bytes follow the end of the CBOR item", len(r.b)))
	}
	return r.err
}
