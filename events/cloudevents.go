package events

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The media types of CloudEvents 1.0.
const (
	MediaTypeStructured = "application/cloudevents+json"
	MediaTypeBatch      = "application/cloudevents-batch+json"
)

// DecodeStructured reads one event in the JSON format of CloudEvents 1.0
// (structured mode; also one line of NDJSON) and holds it to every rule that
// needs neither state nor clock. Facet fields are split out. The error is a
// *Refusal.
func DecodeStructured(b []byte) (Event, error) {
	dec := newDecoder(b)
	e, err := decodeObject(dec, b, "")
	if err != nil {
		return Event{}, err
	}
	if err := atEnd(dec); err != nil {
		return Event{}, err
	}
	return e, nil
}

// newDecoder reads from a bytes.Buffer because jsontext then works on b itself:
// with other readers it moves its buffer, and a pointer in an error may lose the
// names that stood in what was moved. Names given twice it lets pass: decodeObject
// looks for them among the attributes, decodeData in the data.
func newDecoder(b []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true))
}

// DecodeBatch reads a JSON array of events (application/cloudevents-batch+json).
// The error is a *Refusal whose Index is the place of the first bad event.
func DecodeBatch(b []byte) ([]Event, error) {
	dec := newDecoder(b)
	if dec.PeekKind() != '[' {
		if _, err := dec.ReadValue(); err != nil {
			return nil, syntax(err, "")
		}
		return nil, malformed("event.json", "", "a batch is a JSON array of events", "send an array, or one event as "+MediaTypeStructured)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, syntax(err, "")
	}
	batch := []Event{}
	for dec.PeekKind() != ']' {
		e, err := decodeObject(dec, b, "/"+strconv.Itoa(len(batch)))
		if err != nil {
			return nil, inBatch(len(batch), err)
		}
		batch = append(batch, e)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, syntax(err, "")
	}
	if err := atEnd(dec); err != nil {
		return nil, err
	}
	return batch, nil
}

// inBatch notes the place of the refused event.
func inBatch(i int, err error) error {
	if r, ok := errors.AsType[*Refusal](err); ok {
		r.Index = i
	}
	return err
}

// decodeObject reads the members of an event's JSON object. The decoder reads from
// in, where base is the pointer to the event.
func decodeObject(dec *jsontext.Decoder, in []byte, base string) (Event, error) {
	unreadable := func(err error) error {
		r := syntax(err, "")
		r.Field = strings.TrimPrefix(r.Field, base)
		return r
	}
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return Event{}, unreadable(err)
		}
		return Event{}, malformed("event.json", "", "an event is a JSON object", "send a CloudEvents 1.0 object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return Event{}, unreadable(err)
	}
	var few [16]attributeGiven
	given := givenAttributes(few[:0])
	var data []byte
	var absent []string // attributes given as null
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return Event{}, unreadable(err)
		}
		name := token.String()
		if _, twice := given.get(name); twice || slices.Contains(absent, name) || name == "data" && data != nil {
			return Event{}, duplicateAt(pointer(name))
		}
		value, err := dec.ReadValue()
		if err != nil {
			return Event{}, unreadable(err)
		}
		if name == "data" {
			end := dec.InputOffset() // the value itself is good until the next one
			data = in[end-int64(len(value)) : end]
			continue
		}
		v, present, err := attributeValue(name, value)
		if err != nil {
			return Event{}, err
		}
		if present {
			given = append(given, attributeGiven{name, v})
		} else {
			absent = append(absent, name)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return Event{}, unreadable(err)
	}
	return build(given, data)
}

// DecodeBinary reads one event in the binary mode of the CloudEvents HTTP
// binding: attributes as ce- headers, the data as body. An http.Header is a
// header. The error is a *Refusal; its Field points as if the event had been
// sent in structured mode.
func DecodeBinary(header map[string][]string, body []byte) (Event, error) {
	var given givenAttributes
	names := sortedKeys(header)
	for _, h := range names {
		name, ok := strings.CutPrefix(strings.ToLower(h), "ce-")
		if lower := strings.ToLower(h); lower == "content-type" {
			name, ok = "datacontenttype", true
		} else if name == "datacontenttype" || name == "data" {
			return Event{}, malformed("attribute.unknown", pointer(name), "in binary mode there is no header "+quote(h), "use Content-Type and the body")
		}
		if !ok {
			continue
		}
		if _, known := attributeNamed(name); !known {
			return Event{}, unknownAttribute(name)
		}
		if _, twice := given.get(name); twice || len(header[h]) > 1 {
			return Event{}, malformed("attribute.duplicate", pointer(name), "the header "+quote(h)+" is sent more than once", "send it once")
		}
		if len(header[h]) == 0 {
			continue
		}
		v, err := headerValue(header[h][0], name != "datacontenttype")
		if err != nil {
			return Event{}, malformed("attribute.encoding", pointer(name), err.Error(), "percent-encode as the CloudEvents HTTP binding says")
		}
		given = append(given, attributeGiven{name, v})
	}
	return build(given, body)
}

// headerValue undoes, first, the quotes of RFC 7230 section 3.2.6, which older
// senders use, and then one round of percent-encoding.
func headerValue(v string, percent bool) (string, error) {
	if !percent {
		return v, nil
	}
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		var b strings.Builder
		for inner := v[1 : len(v)-1]; inner != ""; {
			if inner[0] == '\\' && len(inner) > 1 {
				inner = inner[1:]
			}
			b.WriteByte(inner[0])
			inner = inner[1:]
		}
		v = b.String()
	}
	if !strings.Contains(v, "%") {
		return v, nil
	}
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] != '%' {
			out = append(out, v[i])
			continue
		}
		if i+2 >= len(v) {
			return "", errors.New("the value ends within a percent-encoded byte")
		}
		n, err := strconv.ParseUint(v[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("%q is not a percent-encoded byte", v[i:i+3])
		}
		out = append(out, byte(n))
		i += 2
	}
	return string(out), nil
}

// givenAttributes are the attributes of an event, each once, in the order in which
// they were given. They are so few that looking through them is the fastest.
type givenAttributes []attributeGiven

type attributeGiven struct{ name, value string }

// get returns the value of an attribute; false if it was not given.
func (g givenAttributes) get(name string) (string, bool) {
	for i := range g {
		if g[i].name == name {
			return g[i].value, true
		}
	}
	return "", false
}

// build makes an event of its attributes and its data.
func build(given givenAttributes, data []byte) (Event, error) {
	e := Event{Schema: 1}
	switch v, _ := given.get("specversion"); v {
	case "1.0":
	case "":
		return e, malformed("field.required", "/specversion", "the attribute is absent", `send "1.0"`)
	default:
		return e, malformed("attribute.specversion", "/specversion", "the version "+quote(v)+" of CloudEvents is not known", `send "1.0"`)
	}
	for _, a := range attributes {
		v, ok := given.get(a.name)
		if !ok || a.set == nil {
			continue
		}
		if v == "" { // CloudEvents: an attribute that is present is not empty
			return e, malformed("field.required", pointer(a.name), "the attribute is empty", "send a value, or leave it out")
		}
		if err := a.set(&e, v); err != nil {
			return e, malformed("attribute.type", pointer(a.name), err.Error(), "send "+a.want())
		}
	}
	if e.Type == "" {
		return e, malformed("field.required", "/type", "the attribute is absent", "send the type of the event")
	}
	t, ok := Lookup(e.Type)
	if !ok {
		return e, unknownType(e.Type)
	}
	if err := t.accepts(given); err != nil {
		return e, err
	}
	var err error
	if e.Data, err = decodeData(t, data); err != nil {
		return e, err
	}
	if err := e.Validate(0); err != nil {
		return e, err
	}
	if v, ok := given.get("subject"); ok && v != e.Data.Subject().String() {
		return e, malformed("attribute.subject", "/subject", "the subject "+quote(v)+" is not what the data is about",
			"send "+quote(e.Data.Subject().String())+", or leave it out")
	}
	return e, e.Split()
}

// accepts holds the attributes that repeat what the type says to saying the
// same, and refuses types that are not taken from outside.
func (t Type) accepts(given givenAttributes) error {
	switch {
	case t.Reserved:
		r := malformed("type.reserved", "/type", t.Name+" is appended by the ledger itself", "send an event of another type")
		r.Class = Forbidden
		return r
	case t.Derived:
		r := malformed("type.derived", "/type", t.Name+" is made by the ledger from the OpenLineage event it receives", "send that event to /api/v1/lineage")
		r.Class = Forbidden
		return r
	}
	if v, ok := given.get("dataschema"); ok && v != t.DataSchema() {
		return malformed("attribute.dataschema", "/dataschema", "the schema "+quote(v)+" is not one of "+t.Name, "send "+t.DataSchema()+", or leave it out")
	}
	if v, ok := given.get("datacontenttype"); ok {
		if media, params, err := mime.ParseMediaType(v); err != nil || media != "application/json" || !utf8Charset(params) {
			return malformed("attribute.datacontenttype", "/datacontenttype", "the content type "+quote(v)+" is not accepted", "send application/json, in UTF-8")
		}
	}
	return nil
}

// utf8Charset tells whether the parameters of a media type leave the text in
// UTF-8: JSON has no other, but clients like to say so.
func utf8Charset(params map[string]string) bool {
	charset, ok := params["charset"]
	return len(params) == 0 || ok && len(params) == 1 && strings.EqualFold(charset, "utf-8")
}
