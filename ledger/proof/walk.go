package proof

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// A walker goes through deterministic CBOR as fast as it can be done, and tells
// whether it is sound but not why it is not: [reader] reads again and says so. The
// two accept the same, which the fuzz tests hold them to. Once bad it stays bad,
// and all that it returns is empty.
type walker struct {
	b   []byte
	at  int // of the next byte; len(b) once bad
	bad bool
}

func (w *walker) fail() { w.at, w.bad = len(w.b), true }

// head reads the head of an item.
func (w *walker) head() (major byte, n uint64) {
	if w.at >= len(w.b) {
		w.bad = true
		return 0xff, 0
	}
	x := w.b[w.at]
	if x&0x1f < 24 && x < cborSimple {
		w.at++
		return x & 0xe0, uint64(x & 0x1f)
	}
	return w.longHead()
}

// longHead reads a head whose argument stands in bytes of its own, in the
// shortest form.
func (w *walker) longHead() (major byte, n uint64) {
	x, rest := w.b[w.at], w.b[w.at+1:]
	size, least := 0, uint64(0)
	switch {
	case x >= cborSimple:
	case x&0x1f == 24 && len(rest) >= 1:
		size, least, n = 1, 24, uint64(rest[0])
	case x&0x1f == 25 && len(rest) >= 2:
		size, least, n = 2, 1<<8, uint64(binary.BigEndian.Uint16(rest))
	case x&0x1f == 26 && len(rest) >= 4:
		size, least, n = 4, 1<<16, uint64(binary.BigEndian.Uint32(rest))
	case x&0x1f == 27 && len(rest) >= 8:
		size, least, n = 8, 1<<32, binary.BigEndian.Uint64(rest)
	}
	if size == 0 || n < least {
		w.fail()
		return 0xff, 0
	}
	w.at += 1 + size
	return x & 0xe0, n
}

// expect reads a head of a major type and returns its argument.
func (w *walker) expect(major byte) uint64 {
	m, n := w.head()
	if m != major {
		w.fail()
		return 0
	}
	return n
}

// uint reads an unsigned integer within int64.
func (w *walker) uint() uint64 {
	n := w.expect(cborUint)
	if n > math.MaxInt64 {
		w.fail()
	}
	return n
}

// int reads an integer within int64.
func (w *walker) int() int64 {
	major, n := w.head()
	switch {
	case n > math.MaxInt64:
	case major == cborUint:
		return int64(n)
	case major == cborNegint:
		return -1 - int64(n)
	}
	w.fail()
	return 0
}

// take reads n bytes.
func (w *walker) take(n uint64) []byte {
	if n > uint64(len(w.b)-w.at) {
		w.fail()
		return nil
	}
	from := w.at
	w.at += int(n)
	return w.b[from:w.at:w.at]
}

// text reads a text string, in place.
func (w *walker) text() []byte {
	n := w.expect(cborText)
	from := w.at
	t := w.take(n)
	if !w.ascii(from, len(t)) && !utf8.Valid(t) {
		w.fail()
		return nil
	}
	return t
}

const highBits = 0x8080808080808080

// ascii reports whether the n bytes from a place on surely are. Most texts are
// short, so the last bytes are looked at with those that follow them.
func (w *walker) ascii(from, n int) bool {
	for ; n >= 8; from, n = from+8, n-8 {
		if binary.LittleEndian.Uint64(w.b[from:])&highBits != 0 {
			return false
		}
	}
	if n == 0 {
		return true
	}
	if len(w.b)-from >= 8 {
		return binary.LittleEndian.Uint64(w.b[from:])<<(64-8*n)&highBits == 0
	}
	for _, c := range w.b[from : from+n] {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// skip passes over one item, holding it to what checkDeterministic asks.
func (w *walker) skip(depth int) {
	if w.at < len(w.b) {
		if x := w.b[w.at]; x >= cborFalse && x <= cborNull {
			w.at++
			return
		}
	}
	major, n := w.head()
	switch {
	case w.bad:
	case major == cborText:
		from := w.at
		if t := w.take(n); !w.ascii(from, len(t)) && !utf8.Valid(t) {
			w.fail()
		}
	case major <= cborNegint:
		if n > math.MaxInt64 {
			w.fail()
		}
	case major == cborBytes:
		w.take(n)
	case depth > MaxDepth || major > cborMap:
		w.fail()
	case major == cborArray:
		for ; n > 0 && !w.bad; n-- {
			w.skip(depth + 1)
		}
	default:
		w.skipPairs(n, depth)
	}
}

func (w *walker) skipPairs(n uint64, depth int) {
	var last []byte
	for ; n > 0 && !w.bad; n-- {
		from := w.at
		w.text()
		key := w.b[from:w.at]
		if last != nil && bytes.Compare(last, key) >= 0 {
			w.fail()
			return
		}
		last = key
		w.skip(depth + 1)
	}
}
