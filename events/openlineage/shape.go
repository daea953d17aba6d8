package openlineage

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// A shape says what a JSON value has to look like. It is the part of JSON
// Schema that OpenLineage uses, and no more: the value's kind, the format of a
// string, the members of an object.
type shape struct {
	// kind is '{', '[', '"', '0' or 't'; zero admits any value.
	kind jsontext.Kind
	// format judges the text of a string or number; it returns the broken rule
	// and what is wrong, or nothing. Nil admits any.
	format func(text []byte) (rule, detail string)
	// remark is found wherever such a value stands, whatever it is: it marks
	// members that may not be there at all.
	remark *remark

	// members of an object. A name not listed has the shape rest; nil admits any
	// value.
	members map[string]member
	rest    *shape
	// names are the members' names in the order of their bits; must has the bits
	// of the required ones.
	names []string
	must  uint64
	// mustBy has the bits also required by the value of the member "type".
	mustBy map[string]uint64
	// together has the bits of members of which all or none are present.
	together uint64
	// deletable marks a facet of which only the base is required when its member
	// "_deleted" is true.
	deletable bool

	// items of an array.
	items *shape
}

type remark struct{ rule, detail string }

// A member of an object: its shape and its bit in the set of members present.
type member struct {
	name  string
	must  bool
	bit   uint64
	shape *shape
}

// must is a member that is required; may is one that is not.
func must(name string, s *shape) member { return member{name: name, must: true, shape: s} }
func may(name string, s *shape) member  { return member{name: name, shape: s} }

// object is the shape of an object with these members (64 at most) and any
// others.
func object(members ...member) *shape {
	s := &shape{kind: '{', members: make(map[string]member, len(members))}
	for i, m := range members {
		m.bit = 1 << i
		s.members[m.name] = m
		s.names = append(s.names, m.name)
		if m.must {
			s.must |= m.bit
		}
	}
	return s
}

func list(items *shape) *shape      { return &shape{kind: '[', items: items} }
func dictionary(rest *shape) *shape { return &shape{kind: '{', rest: rest} }

// when adds what is required of an object whose member "type" has this value.
func (s *shape) when(tag string, names ...string) *shape {
	if s.mustBy == nil {
		s.mustBy = make(map[string]uint64)
	}
	s.mustBy[tag] = s.bits(names)
	return s
}

// allOrNone adds that of these members either all or none are present.
func (s *shape) allOrNone(names ...string) *shape {
	s.together = s.bits(names)
	return s
}

func (s *shape) bits(names []string) (set uint64) {
	for _, name := range names {
		m, ok := s.members[name]
		if !ok {
			panic("openlineage: shape has no member " + name)
		}
		set |= m.bit
	}
	return set
}

// but is the same shape, with a remark where it stands.
func (s *shape) but(rule, detail string) *shape {
	c := *s
	c.remark = &remark{rule, detail}
	return &c
}

// A checker walks a JSON text, known to be well formed, along a shape and
// collects what does not fit. It takes time linear in the text: what no shape
// describes is skipped, and a pointer is only made for a finding that is kept.
type checker struct {
	cursor
	verdict *verdict
	items   int // elements and members seen of arrays and dictionaries
	// here is where the value at hand stands.
	here []token
}

// A token is a part of a pointer: the name of a member as the text writes it, or the
// index of an element where that is nil.
type token struct {
	quoted []byte
	index  int
}

func (c *checker) value(s *shape) error {
	if s == nil {
		c.skip()
		return nil
	}
	kind := c.kind()
	if kind == 'f' {
		kind = 't'
	}
	if s.kind != 0 && s.kind != kind {
		c.skip()
		c.remark(s)
		c.found("openlineage.type", fmt.Sprintf("is %s; the specification wants %s", kindName(kind), kindName(s.kind)))
		return nil
	}
	switch {
	case kind == '{' && s.kind != 0:
		return c.object(s)
	case kind == '[' && s.kind != 0:
		return c.array(s)
	case s.format == nil:
		c.skip()
		c.remark(s)
		return nil
	}
	var text []byte
	if kind == '"' {
		text = unquoted(c.quoted())
	} else {
		text = c.scalar()
	}
	c.remark(s)
	if rule, detail := s.format(text); rule != "" {
		c.found(rule, detail)
	}
	return nil
}

func (c *checker) array(s *shape) error {
	c.pass()
	c.remark(s)
	depth := len(c.here)
	for i := 0; c.kind() != ']'; i++ {
		c.here = append(c.here[:depth], token{index: i})
		if err := c.item(); err != nil {
			return err
		}
		if err := c.value(s.items); err != nil {
			return err
		}
	}
	c.here = c.here[:depth]
	c.pass()
	return nil
}

func (c *checker) object(s *shape) error {
	c.pass()
	c.remark(s)
	var present uint64
	var tag string
	var deleted bool
	depth := len(c.here)
	for c.kind() != '}' {
		quoted := c.quoted()
		c.here = append(c.here[:depth], token{quoted: quoted})
		m, known := s.members[string(unquoted(quoted))]
		if !known {
			m.shape = s.rest
			if err := c.item(); err != nil {
				return err
			}
		}
		present |= m.bit
		switch {
		case m.name == "type" && s.mustBy != nil && c.kind() == '"':
			tag = c.tag(s)
			continue
		case m.name == "_deleted" && s.deletable:
			deleted = c.kind() == 't'
		}
		if err := c.value(m.shape); err != nil {
			return err
		}
	}
	c.here = c.here[:depth]
	c.pass()
	c.missing(s, present, tag, deleted)
	return nil
}

// item counts what an event can have any number of, and refuses an event with
// more than is worth reading before memory is spent on it.
func (c *checker) item() error {
	c.items++
	if c.items > maxItems {
		return tooLarge(shorten(c.pointer()), fmt.Sprintf("the event lists more than %d things", maxItems),
			"send the datasets over several events of the run: they add up")
	}
	return nil
}

// tag reads the member "type" that decides what else its object needs.
func (c *checker) tag(s *shape) string {
	tag := string(unquoted(c.quoted()))
	if _, ok := s.mustBy[tag]; !ok {
		c.found("openlineage.enum", "is not one of the values the specification lists")
	}
	return tag
}

// missing finds the required members that an object just read does not have.
func (c *checker) missing(s *shape, present uint64, tag string, deleted bool) {
	want := s.must
	if deleted {
		want = facetBase
	}
	want |= s.mustBy[tag]
	if present&s.together != 0 {
		want |= s.together
	}
	if want&^present == 0 {
		return
	}
	for i, name := range s.names {
		if want&^present&(1<<i) != 0 && c.verdict.room() {
			c.verdict.add(c.pointer().AppendToken(name), "openlineage.required", "is required and missing")
		}
	}
}

// remark notes that a value of the shape stands here.
func (c *checker) remark(s *shape) {
	if s.remark != nil {
		c.found(s.remark.rule, s.remark.detail)
	}
}

func (c *checker) found(rule, detail string) {
	if c.verdict.room() {
		c.verdict.add(c.pointer(), rule, detail)
	}
}

func (c *checker) pointer() jsontext.Pointer {
	var p []byte
	for _, t := range c.here {
		if t.quoted == nil {
			p = strconv.AppendInt(append(p, '/'), int64(t.index), 10)
		} else {
			p = append(p, jsontext.Pointer("").AppendToken(string(unquoted(t.quoted)))...)
		}
	}
	return jsontext.Pointer(p)
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	}
	return "null"
}
