package events

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// EncodeStructured writes an event in the JSON format of CloudEvents 1.0, for
// reading back. Facets that are fields of the data stand in the data again.
// Those that are erased are left out there and named, separated by commas, in
// the extension attribute erased, so that nobody takes what is gone for what
// never was. Other facets, such as raw bodies, are not written.
//
// What DecodeStructured reads from the result is the event again, less Principal
// (the ledger sets it), if nothing is erased.
func EncodeStructured(e Event) ([]byte, error) {
	t, ok := Lookup(e.Type)
	if !ok {
		return nil, unknownType(e.Type)
	}
	if err := e.Merge(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out)
	w := writer{enc: enc}
	w.token(jsontext.BeginObject)
	for _, a := range attributes {
		w.attribute(a, t, &e)
	}
	if erased := e.erased(); erased != "" {
		w.member("erased", jsontext.String(erased))
	}
	w.token(jsontext.String("data"))
	if w.err == nil {
		w.err = json.MarshalEncode(enc, e.Data, json.Deterministic(true))
	}
	w.token(jsontext.EndObject)
	if w.err != nil {
		return nil, fmt.Errorf("writing event %s of %s as JSON: %w", e.ID, e.Source, w.err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// A writer writes JSON tokens and keeps the first error.
type writer struct {
	enc *jsontext.Encoder
	err error
}

func (w *writer) token(t jsontext.Token) {
	if w.err == nil {
		w.err = w.enc.WriteToken(t)
	}
}

func (w *writer) member(name string, v jsontext.Token) {
	w.token(jsontext.String(name))
	w.token(v)
}

func (w *writer) attribute(a attribute, t Type, e *Event) {
	var v string
	switch a.name {
	case "specversion":
		v = "1.0"
	case "subject":
		v = e.Data.Subject().String()
	case "dataschema":
		v = t.DataSchema()
	case "datacontenttype":
		v = "application/json"
	default:
		v = a.get(e)
	}
	switch n, err := strconv.ParseInt(v, 10, 32); {
	case v == "":
	case a.number && err == nil:
		// The integers of CloudEvents have 32 bits. Larger ones are written as
		// strings, which the decoder takes too.
		w.member(a.name, jsontext.Int(n))
	case a.boolean:
		w.member(a.name, jsontext.True)
	default:
		w.member(a.name, jsontext.String(v))
	}
}

// erased names the facets that are gone.
func (e *Event) erased() string {
	var names []string
	for _, f := range e.Facets {
		if f.Erased {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}
