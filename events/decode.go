package events

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decodeData reads the data of an event strictly: unknown members, repeated
// members, names in another case, invalid UTF-8, fractions where whole numbers
// belong are all refused.
func decodeData(t Type, b []byte) (Data, error) {
	if len(b) == 0 {
		return nil, malformed("field.required", "/data", "the event has no data", "send the data of "+t.Name+" as a JSON object")
	}
	data := t.NewData()
	err := json.Unmarshal(b, data, json.RejectUnknownMembers(true))
	if err != nil {
		return nil, dataRefusal(t, err)
	}
	if jsontext.Value(b).Kind() != '{' {
		return nil, malformed("field.type", "/data", "the data is not a JSON object", "send the data of "+t.Name+" as a JSON object")
	}
	return data, nil
}

// dataRefusal tells what is wrong with the data of an event, and where.
func dataRefusal(t Type, err error) *Refusal {
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return syntax(err, "/data")
	}
	at := semantic.JSONPointer
	field := "/data" + string(at)
	if errors.Is(err, json.ErrUnknownName) {
		known := fieldsAt(reflect.TypeOf(t.NewData()), at.Parent())
		fix := "the fields here are " + list(known)
		if near := nearest(at.LastToken(), known); near != "" {
			fix = fmt.Sprintf("did you mean %q? %s", near, fix)
		}
		return malformed("field.unknown", field, quote(at.LastToken())+" is not a field of "+t.Name, fix)
	}
	if semantic.GoType == reflect.TypeFor[Time]() {
		return malformed("field.time", field, "the value is not a time", "send RFC 3339 with a zone, such as 2026-01-08T09:30:00+08:00")
	}
	detail := "the value has the wrong type"
	if v := semantic.JSONValue; len(v) > 0 { // given where the type is right and the value is not
		detail = "the value " + quote(string(v)) + " is not a whole number or is out of range"
	}
	return malformed("field.type", field, detail, "send "+jsonKind(semantic.GoType))
}

// jsonKind names the JSON form of a Go type to a producer.
func jsonKind(t reflect.Type) string {
	if t == nil {
		return "the documented type"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return jsonKind(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number within ±(2^63-1)"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

// fieldsAt lists the JSON names of the struct that a pointer into a type leads
// to.
func fieldsAt(t reflect.Type, at jsontext.Pointer) []string {
	for token := range at.Tokens() {
		t = member(t, token)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for i := range t.NumField() {
		names = append(names, jsonName(t.Field(i)))
	}
	return names
}

// member returns the type of an element or field of t; nil if there is none.
func member(t reflect.Type, token string) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return t.Elem()
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); jsonName(f) == token {
				return f.Type
			}
		}
	}
	return nil
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// atEnd refuses anything but white space after the value that was read.
func atEnd(dec *jsontext.Decoder) error {
	switch _, err := dec.ReadToken(); {
	case err == io.EOF:
		return nil
	case err == nil:
		return malformed("event.json", "", "more than one JSON value was sent",
			"send one event, a batch as "+MediaTypeBatch+", or one event a line as application/x-ndjson")
	default:
		return syntax(err, "")
	}
}

// duplicateAt refuses a field that is given twice.
func duplicateAt(field string) *Refusal {
	return malformed("field.duplicate", field, "the field is given twice", "give it once")
}

// syntax refuses text that is not strict JSON. base is where the text stands in
// the event.
func syntax(err error, base string) *Refusal {
	if err == io.EOF {
		return malformed("event.json", base, "nothing was sent", "send JSON as RFC 8259 says")
	}
	field, detail := base, "the JSON cannot be read: "+err.Error()
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		field += string(s.JSONPointer)
		detail = fmt.Sprintf("the JSON is malformed near byte %d: %v", s.ByteOffset, s.Err)
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return duplicateAt(field)
	case strings.Contains(detail, "invalid UTF-8"): // jsontext exports no error for it
		return malformed("field.text", field, "the text is not valid UTF-8", "send UTF-8")
	}
	return malformed("event.json", field, detail, "send JSON as RFC 8259 says")
}
