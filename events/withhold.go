package events

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// plainFields are the fields that readers can be kept from although they are no facets:
// keys of persons and of credentials, numbers of business cases, digests of content,
// references to evidence, and what others asked. Nothing that is shown elsewhere follows
// from their values, no key of a record is made of them, and they stand in the data itself,
// not within one of its members; actor and onbehalfof are attributes.
var plainFields = []string{
	"actor", "approved_by", "approver", "case_no", "credential", "evidence", "head", "onbehalfof", "question",
	"request_digest", "request_no", "response_digest", "sample_refs", "witness",
}

// withholdable are all names of fields that a reader can be kept from.
var withholdable = func() []string {
	all := map[string]bool{OpenLineageFacet: true}
	for _, name := range plainFields {
		all[name] = true
	}
	for _, t := range types {
		if f, ok := t.newData().(faceted); ok {
			for _, field := range f.facets() {
				all[field.name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}()

// WithholdableFields are the names of the fields that a reader can be kept from, sorted:
// those of facets, and some others. A name stands for the field of that name of all types;
// one of a facet stands for the facet alone.
func WithholdableFields() []string { return slices.Clone(withholdable) }

// CheckWithheld refuses names of fields that no reader can be kept from.
func CheckWithheld(names []string) error {
	for _, n := range names {
		if !slices.Contains(withholdable, n) {
			return fmt.Errorf("nobody can be kept from the field %q: it is none of %s", n, strings.Join(withholdable, ", "))
		}
	}
	return nil
}

// isPlain tells whether a member of an event of a type is one of plainFields.
func isPlain(typ, name string) bool {
	if name == "head" { // of a sharing body; a bulletin's is that of the log
		return typ == "party.sharing_body.designated"
	}
	return slices.Contains(plainFields, name)
}

// EncodeWithout is [EncodeStructured] less some fields, for a reader who is kept from
// them, and names those that were left out. A signature goes along with the first that is
// no facet: it would tell whether a value is the one that was signed.
func EncodeWithout(e Event, names []string) (text []byte, withheld []string, err error) {
	e.Facets = slices.DeleteFunc(slices.Clone(e.Facets), func(f Facet) bool {
		left := !f.Erased && slices.Contains(names, f.Name)
		if left && f.Name != OpenLineageFacet { // which is no part of what is written
			withheld = append(withheld, f.Name)
		}
		return left
	})
	if text, err = EncodeStructured(e); err != nil {
		return nil, nil, err
	}
	drop := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !isPlain(e.Type, n) })
	if len(drop) == 0 {
		return text, withheld, nil
	}
	text, struck, err := strike(text, drop)
	return text, append(withheld, struck...), err
}

// Bears tells whether an event bears one of some fields where it cannot be taken out of
// the bytes that were hashed: one that is no facet.
func (e *Event) Bears(names []string) (bool, error) {
	whole := *e
	whole.Facets = nil
	_, withheld, err := EncodeWithout(whole, names)
	return len(withheld) > 0, err
}

// strike leaves members out of an event in structured mode and out of its data.
func strike(text []byte, drop []string) (rest []byte, struck []string, err error) {
	leave := func(name string, value jsontext.Value) jsontext.Value {
		if slices.Contains(drop, name) && !bytes.Equal(value, []byte(`""`)) {
			struck = append(struck, name)
			return nil
		}
		return value
	}
	rest, err = members(text, func(name string, value jsontext.Value) (jsontext.Value, error) {
		if name == "data" {
			return members(value, func(name string, value jsontext.Value) (jsontext.Value, error) { return leave(name, value), nil })
		}
		return leave(name, value), nil
	})
	if err != nil || len(struck) == 0 {
		return rest, nil, err
	}
	drop = []string{"signature"}
	rest, err = members(rest, func(name string, value jsontext.Value) (jsontext.Value, error) { return leave(name, value), nil })
	return rest, struck, err
}

// members writes an object anew with each member's value as keep gives it; one that it
// gives none is left out.
func members(object []byte, keep func(name string, value jsontext.Value) (jsontext.Value, error)) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(object))
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out)
	if _, err := dec.ReadToken(); err != nil {
		return nil, fmt.Errorf("reading an event's members: %w", err)
	}
	w := writer{enc: enc}
	w.token(jsontext.BeginObject)
	for dec.PeekKind() != '}' && w.err == nil {
		token, err := dec.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("reading an event's members: %w", err)
		}
		name := token.String()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("reading an event's member %s: %w", name, err)
		}
		kept, err := keep(name, value)
		if err != nil {
			return nil, err
		}
		if kept == nil {
			continue
		}
		w.token(jsontext.String(name))
		if w.err == nil {
			w.err = enc.WriteValue(kept)
		}
	}
	w.token(jsontext.EndObject)
	if w.err != nil {
		return nil, fmt.Errorf("writing an event less some fields: %w", w.err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}
