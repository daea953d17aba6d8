package openlineage

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// A cursor walks over a text that classify found to be JSON, and so checks
// nothing again: it only tells where values begin and end. On any other text it
// may panic. Commas and colons say nothing that the order of values does not, and
// are passed over like space.
type cursor struct {
	text []byte
	at   int
}

// kind is the kind of the next value, or '}' or ']' at the end of an object or
// array. The cursor then stands at its first byte.
func (c *cursor) kind() jsontext.Kind {
	for {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\n', '\r', ',', ':':
			c.at++
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			return '0'
		default:
			return jsontext.Kind(b)
		}
	}
}

// pass passes over the brace that kind found.
func (c *cursor) pass() { c.at++ }

// quoted reads a string or the name of a member, and returns it as it is written,
// with its quotes.
func (c *cursor) quoted() []byte {
	c.kind()
	start := c.at
	c.at++
	for {
		c.at += bytes.IndexByte(c.text[c.at:], '"')
		end := c.at
		c.at++
		before := end
		for c.text[before-1] == '\\' {
			before--
		}
		if (end-before)%2 == 0 { // no backslash, or each escapes the next
			return c.text[start:c.at:c.at]
		}
	}
}

// scalar reads a number, true, false or null.
func (c *cursor) scalar() []byte {
	c.kind()
	start := c.at
	for c.at < len(c.text) {
		switch c.text[c.at] {
		case ' ', '\t', '\n', '\r', ',', ':', '}', ']':
			return c.text[start:c.at:c.at]
		}
		c.at++
	}
	return c.text[start:]
}

// skip passes over a value, whatever lies in it.
func (c *cursor) skip() {
	switch c.kind() {
	case '"':
		c.quoted()
	case '{', '[':
		for depth := 0; ; {
			switch c.text[c.at] {
			case '"':
				c.quoted()
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					c.at++
					return
				}
			}
			c.at++
		}
	default:
		c.scalar()
	}
}

// unquoted is the text that a quoted string stands for. Where nothing in it is
// escaped, it is a part of that.
func unquoted(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		panic("openlineage: a string that was found to be well formed is not: " + err.Error())
	}
	return text
}
