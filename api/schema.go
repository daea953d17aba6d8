package api

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"ledgerline/events"
	"ledgerline/ledger/proof"

	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object of the API description.
type object = map[string]any

// schemas makes JSON Schema (2020-12, as OpenAPI 3.1 has it) of Go types as the
// JSON encoder writes them. Named structs become components.
type schemas struct {
	components object
	types      map[string]reflect.Type // of the components, to notice two of one name
}

func newSchemas() *schemas {
	return &schemas{components: object{}, types: make(map[string]reflect.Type)}
}

// known are types whose JSON form is not that of their Go fields.
var known = map[reflect.Type]object{
	reflect.TypeFor[events.Time]():    {"type": "string", "format": "date-time"},
	reflect.TypeFor[time.Time]():      {"type": "string", "format": "date-time"},
	reflect.TypeFor[Moment]():         {"type": "string", "pattern": instantPattern, "description": "a position, or an RFC 3339 time"},
	reflect.TypeFor[proof.Hash]():     {"type": "string", "contentEncoding": "base64", "minLength": 44, "maxLength": 44},
	reflect.TypeFor[[]byte]():         {"type": "string", "contentEncoding": "base64"},
	reflect.TypeFor[jsontext.Value](): {},
	reflect.TypeFor[any]():            {},
	reflect.TypeFor[proof.Receipt]():  receiptSchema,
	reflect.TypeFor[proof.Consistency](): {
		"type": "object", "required": []string{"from", "to", "hashes"},
		"properties": object{
			"from":   object{"type": "string", "description": "the earlier signed checkpoint"},
			"to":     object{"type": "string", "description": "the later signed checkpoint"},
			"hashes": object{"type": "array", "items": object{"type": "string", "contentEncoding": "base64"}},
		},
	},
	reflect.TypeFor[cloudEvent](): {
		"type": "object", "required": []string{"specversion", "id", "source", "type", "data"},
		"description": "an event in the JSON format of CloudEvents 1.0",
		"properties": object{
			"specversion": object{"type": "string", "const": "1.0"},
			"id":          object{"type": "string"},
			"source":      object{"type": "string"},
			"type":        object{"type": "string"},
			"time":        object{"type": "string", "format": "date-time"},
			"data":        object{"type": "object"},
		},
		"additionalProperties": true,
	},
	reflect.TypeFor[openLineageEvent](): {
		"type": "object", "required": []string{"eventTime"},
		"description":          "see https://openlineage.io/spec/2-0-2/OpenLineage.json",
		"additionalProperties": true,
	},
	reflect.TypeFor[lineAnswer](): {
		"oneOf": []any{object{"$ref": "#/components/schemas/Receipt"}, object{"$ref": "#/components/schemas/Problem"}},
	},
}

var receiptSchema = object{
	"type": "object", "required": []string{"id", "source", "position", "time", "leaf_hash", "checkpoint"},
	"properties": object{
		"id":         object{"type": "string"},
		"source":     object{"type": "string"},
		"position":   object{"type": "integer", "minimum": 0},
		"time":       object{"type": "string", "format": "date-time", "description": "when the ledger recorded it"},
		"leaf_hash":  object{"type": "string", "pattern": "^[0-9a-f]{64}$"},
		"checkpoint": object{"type": "string", "description": "a signed head that covers it"},
		"repeated":   object{"type": "boolean", "description": "in a stream: it was there already"},
	},
}

// named are the components among the known types.
var named = map[reflect.Type]string{
	reflect.TypeFor[proof.Receipt]():     "Receipt",
	reflect.TypeFor[proof.Consistency](): "ConsistencyProof",
	reflect.TypeFor[cloudEvent]():        "CloudEvent",
	reflect.TypeFor[openLineageEvent]():  "OpenLineageEvent",
}

// of returns the schema of a type, or a reference to it.
func (s *schemas) of(t reflect.Type) object {
	if o, ok := known[t]; ok {
		name, ok := named[t]
		if !ok {
			return o
		}
		s.components[name] = o
		return object{"$ref": "#/components/schemas/" + name}
	}
	if t.Kind() == reflect.Pointer {
		return s.of(t.Elem()) // always omitted when nil: see required
	}
	if t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Struct:
		return s.structure(t)
	}
	panic(fmt.Sprintf("api: no JSON Schema for %s", t)) // a mistake in the table of routes
}

// structure returns a reference to the component of a struct. Answers, which
// are generic, have no name of their own and stand where they are used.
func (s *schemas) structure(t reflect.Type) object {
	name := t.Name()
	if name == "" || strings.Contains(name, "[") {
		return s.fields(t)
	}
	name = strings.ToUpper(name[:1]) + name[1:]
	if have, ok := s.types[name]; ok && have != t {
		panic(fmt.Sprintf("api: %s and %s would be one component, %s", have, t, name))
	}
	if _, ok := s.types[name]; !ok {
		s.types[name] = t // before its fields: types may hold themselves
		s.components[name] = s.fields(t)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

func (s *schemas) fields(t reflect.Type) object {
	properties, required := object{}, []string{}
	s.addFields(t, properties, &required)
	o := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func (s *schemas) addFields(t reflect.Type, properties object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-" || !f.IsExported():
			continue
		case f.Anonymous && name == "" || options == "embed":
			s.addFields(f.Type, properties, required)
			continue
		case name == "":
			name = f.Name
		}
		properties[name] = s.of(f.Type)
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
	}
}
