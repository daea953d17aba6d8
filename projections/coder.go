package projections

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// A row's value is its fields one after the other, without names: who changes a
// row type gives its view a new version, and all rows are made anew.
//
//	integer   zigzag varint
//	bool      0x00 or 0x01
//	text      length (varint), bytes
//	list      0x00 for nil, or length + 1 (varint), elements
//	map       a list of keys, in order, and the values
//	optional  0x00, or 0x01 and the value
//
// A row type lists its fields once, in its method code, which both writes and
// reads them. Varints have the shortest form: so a value has one encoding only,
// and what does not decode, or leaves bytes over, is damage.
type coded interface{ code(*coder) }

// rowOf is a pointer to a row type.
type rowOf[T any] interface {
	*T
	coded
}

// A coder writes values behind each other, or reads them. After an error it
// reads zeros.
type coder struct {
	reading bool
	out     []byte
	in      string // what is still to be read; texts share its bytes
	err     error
}

var errCoded = errors.New("not the encoding of a row")

// encode appends the encoding of a value to b.
func encode(b []byte, v coded) []byte {
	c := coder{out: b}
	v.code(&c)
	return c.out
}

// decode reads a value from its encoding, whose bytes its texts share.
func decode(in string, into coded) error {
	c := coder{reading: true, in: in}
	into.code(&c)
	if c.err == nil && c.in != "" {
		c.err = errCoded
	}
	return c.err
}

func (c *coder) fail() {
	c.err, c.in = errCoded, ""
}

// varint writes n, or reads what it returns.
func (c *coder) varint(n uint64) uint64 {
	if !c.reading {
		c.out = binary.AppendUvarint(c.out, n)
		return n
	}
	if c.in != "" && c.in[0] < 0x80 { // nearly all lengths
		n, c.in = uint64(c.in[0]), c.in[1:]
		return n
	}
	n = 0
	for i := 0; i < len(c.in) && i < binary.MaxVarintLen64; i++ {
		b := c.in[i]
		n |= uint64(b&0x7F) << (7 * i)
		if b >= 0x80 {
			continue
		}
		if (b == 0 && i > 0) || (i == binary.MaxVarintLen64-1 && b > 1) { // longer than it need be, or than 64 bits
			break
		}
		c.in = c.in[i+1:]
		return n
	}
	c.fail()
	return 0
}

// length is varint for a number of things of one byte or more each.
func (c *coder) length(n, more int) int {
	got := c.varint(uint64(n))
	if c.reading && got > uint64(len(c.in)+more) {
		c.fail()
		return 0
	}
	return int(got)
}

// integer codes any integer that fits 64 bits.
func integer[T ~int | ~int64 | ~uint32 | ~uint64](c *coder, v *T) {
	n := int64(*v)
	u := c.varint(uint64(n)<<1 ^ uint64(n>>63))
	if c.reading {
		n = int64(u>>1) ^ -int64(u&1)
		if *v = T(n); int64(*v) != n {
			*v = 0
			c.fail()
		}
	}
}

func (c *coder) bool(v *bool) {
	if !c.reading {
		b := byte(0)
		if *v {
			b = 1
		}
		c.out = append(c.out, b)
		return
	}
	if c.in == "" || c.in[0] > 1 {
		*v = false
		c.fail()
		return
	}
	*v, c.in = c.in[0] == 1, c.in[1:]
}

func (c *coder) bools(vs ...*bool) {
	for _, v := range vs {
		c.bool(v)
	}
}

func (c *coder) text(v *string) {
	n := c.length(len(*v), 0)
	if c.reading {
		*v, c.in = c.in[:n], c.in[n:]
	} else {
		c.out = append(c.out, *v...)
	}
}

func (c *coder) bytes(v *[]byte) {
	s := string(*v)
	if c.text(&s); c.reading {
		*v = []byte(s)
	}
}

func (c *coder) texts(vs ...*string) {
	for _, v := range vs {
		c.text(v)
	}
}

// list codes a list by what codes an element.
func list[T any](c *coder, v *[]T, element func(*T, *coder)) {
	n := 0
	if *v != nil {
		n = len(*v) + 1
	}
	n = c.length(n, 1)
	if c.reading {
		if *v = nil; n > 0 {
			*v = make([]T, n-1)
		}
	}
	for i := range *v {
		element(&(*v)[i], c)
	}
}

func textList(c *coder, v *[]string) { list(c, v, func(s *string, c *coder) { c.text(s) }) }

func integerList[T ~int | ~int64 | ~uint32 | ~uint64](c *coder, v *[]T) {
	list(c, v, func(n *T, c *coder) { integer(c, n) })
}

// dictionary codes a map by what codes a value.
func dictionary[T any](c *coder, v *map[string]T, value func(*T, *coder)) {
	var keys []string
	if *v != nil && !c.reading {
		keys = slices.AppendSeq(make([]string, 0, len(*v)), maps.Keys(*v))
		slices.Sort(keys)
	}
	textList(c, &keys)
	if c.reading {
		if *v = nil; keys != nil {
			*v = make(map[string]T, len(keys))
		}
	}
	for i, k := range keys {
		if i > 0 && keys[i-1] >= k {
			c.fail()
		}
		each := (*v)[k]
		value(&each, c)
		(*v)[k] = each
	}
}

func textMap(c *coder, v *map[string]string) {
	dictionary(c, v, func(s *string, c *coder) { c.text(s) })
}

// optional codes what may be absent.
func optional[T any](c *coder, v **T, value func(*T, *coder)) {
	there := *v != nil
	if c.bool(&there); !there {
		*v = nil
		return
	}
	if c.reading {
		*v = new(T)
	}
	value(*v, c)
}

// Rows of one value.

type textRow string

func (t *textRow) code(c *coder) { c.text((*string)(t)) }

type textsRow []string

func (t *textsRow) code(c *coder) { textList(c, (*[]string)(t)) }

type numberRow uint32

func (n *numberRow) code(c *coder) { integer(c, n) }

// rawRow is bytes that have a form of their own, up to the end.
type rawRow []byte

func (r *rawRow) code(c *coder) {
	if !c.reading {
		c.out = append(c.out, *r...)
		return
	}
	*r, c.in = rawRow(c.in), ""
}

// markRow says that something is, by being there.
type markRow struct{}

func (markRow) code(*coder) {}
