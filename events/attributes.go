package events

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// An attribute of an event in CloudEvents form. Besides the standard attributes
// these are the extensions the ledger knows; it refuses others, since it would
// have nowhere to keep them.
type attribute struct {
	name string
	// number and boolean admit those JSON kinds beside a string; a time is one in
	// RFC 3339.
	number, boolean, time bool
	set                   func(e *Event, v string) error
	get                   func(e *Event) string // empty if absent
}

// want says what would be accepted.
func (a attribute) want() string {
	switch {
	case a.number:
		return "a whole number from 0 to 2^63-1"
	case a.boolean:
		return "true or false"
	case a.time:
		return "RFC 3339 with a zone, such as 2026-01-08T09:30:00+08:00"
	}
	return "a string"
}

// attributes are in the order in which they are written. specversion, subject,
// dataschema and datacontenttype say nothing that the event does not say
// otherwise: they are checked, and written again from the event.
var attributes = []attribute{
	{name: "specversion"},
	textAttribute("id", func(e *Event) *string { return &e.ID }),
	textAttribute("source", func(e *Event) *string { return &e.Source }),
	textAttribute("type", func(e *Event) *string { return &e.Type }),
	{name: "subject"},
	timeAttribute("time", func(e *Event) *Time { return &e.Time }),
	{name: "dataschema"},
	{name: "datacontenttype"},
	textAttribute("actor", func(e *Event) *string { return &e.Actor }),
	textAttribute("party", func(e *Event) *string { return &e.Party }),
	textAttribute("onbehalfof", func(e *Event) *string { return &e.OnBehalfOf }),
	{name: "producerid",
		set: func(e *Event, v string) error { e.producer().ID = v; return nil },
		get: func(e *Event) string {
			if e.Producer == nil {
				return ""
			}
			return e.Producer.ID
		}},
	{name: "producerseq", number: true,
		set: func(e *Event, v string) error { return parseUint(v, &e.producer().Seq) },
		get: func(e *Event) string {
			if e.Producer == nil {
				return ""
			}
			return strconv.FormatUint(e.Producer.Seq, 10)
		}},
	textAttribute("correlationid", func(e *Event) *string { return &e.Correlation }),
	textAttribute("causationid", func(e *Event) *string { return &e.Causation }),
	{name: "expectedversion", number: true,
		set: func(e *Event, v string) error {
			e.ExpectedVersion = new(uint64)
			return parseUint(v, e.ExpectedVersion)
		},
		get: func(e *Event) string {
			if e.ExpectedVersion == nil {
				return ""
			}
			return strconv.FormatUint(*e.ExpectedVersion, 10)
		}},
	timeAttribute("effectivefrom", func(e *Event) *Time { return &e.EffectiveFrom }),
	timeAttribute("effectiveto", func(e *Event) *Time { return &e.EffectiveTo }),
	textAttribute("grade", func(e *Event) *string { return &e.Grade }),
	textAttribute("retention", func(e *Event) *string { return &e.Retention }),
	{name: "imported", boolean: true,
		set: func(e *Event, v string) error { return parseBool(v, &e.Imported) },
		get: func(e *Event) string {
			if !e.Imported {
				return ""
			}
			return "true"
		}},
	textAttribute("traceparent", func(e *Event) *string { return &e.Trace }),
	bytesAttribute("signature", func(e *Event) *[]byte { return &e.Signature }),
	bytesAttribute("facetsalt", func(e *Event) *[]byte { return &e.FacetSalt }),
}

func (e *Event) producer() *ProducerSeq {
	if e.Producer == nil {
		e.Producer = new(ProducerSeq)
	}
	return e.Producer
}

func textAttribute(name string, field func(*Event) *string) attribute {
	return attribute{
		name: name,
		set:  func(e *Event, v string) error { *field(e) = v; return nil },
		get:  func(e *Event) string { return *field(e) },
	}
}

func bytesAttribute(name string, field func(*Event) *[]byte) attribute {
	return attribute{
		name: name,
		set: func(e *Event, v string) (err error) {
			if *field(e), err = base64.StdEncoding.Strict().DecodeString(v); err != nil {
				return errors.New("it is not base64 with padding (RFC 4648 section 4)")
			}
			return nil
		},
		get: func(e *Event) string { return base64.StdEncoding.EncodeToString(*field(e)) },
	}
}

func timeAttribute(name string, field func(*Event) *Time) attribute {
	return attribute{
		name: name, time: true,
		set: func(e *Event, v string) error { return field(e).UnmarshalText([]byte(v)) },
		get: func(e *Event) string {
			if *field(e) == 0 {
				return ""
			}
			return field(e).String()
		},
	}
}

func parseUint(v string, to *uint64) error {
	n, err := strconv.ParseUint(v, 10, 63)
	if err != nil {
		return fmt.Errorf("%s is not a whole number from 0 to 2^63-1", quote(v))
	}
	*to = n
	return nil
}

func parseBool(v string, to *bool) error {
	if v != "true" && v != "false" {
		return fmt.Errorf("%s is neither true nor false", quote(v))
	}
	*to = v == "true"
	return nil
}

func attributeNamed(name string) (attribute, bool) {
	i := slices.IndexFunc(attributes, func(a attribute) bool { return a.name == name })
	if i < 0 {
		return attribute{}, false
	}
	return attributes[i], true
}

// unknownAttribute refuses an attribute the ledger has no place for.
func unknownAttribute(name string) *Refusal {
	known := make([]string, len(attributes), len(attributes)+1)
	for i, a := range attributes {
		known[i] = a.name
	}
	known = append(known, "data")
	fix := "send none but " + list(known)
	if near := nearest(name, known); near != "" {
		fix = fmt.Sprintf("did you mean %q? Names are lower case", near)
	}
	return malformed("attribute.unknown", pointer(name), "the attribute "+quote(name)+" is not known", fix)
}

// pointer returns the JSON pointer of a member of the event.
func pointer(name string) string { return key("", name) }

// attributeValue reads the value of an attribute. Null means absent, as in the
// JSON format of CloudEvents.
func attributeValue(name string, v jsontext.Value) (value string, present bool, err error) {
	if name == "data_base64" {
		return "", false, malformed("event.data", "/data_base64", "the data is binary", "send the data as a JSON object in the member data")
	}
	a, known := attributeNamed(name)
	if !known {
		return "", false, unknownAttribute(name)
	}
	switch kind := v.Kind(); {
	case kind == 'n':
		return "", false, nil
	case kind == '"':
		if bytes.IndexByte(v, '\\') < 0 { // nearly all; the decoder has checked the text
			return string(v[1 : len(v)-1]), true, nil
		}
		s, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return "", false, syntax(err, pointer(name))
		}
		return string(s), true, nil
	case kind == '0' && a.number, (kind == 't' || kind == 'f') && a.boolean:
		return string(v), true, nil
	}
	return "", false, malformed("attribute.type", pointer(name), "the value has the wrong JSON type", "send "+a.want())
}
