package events

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// facetMediaType is the media type of facets that were fields of the data: the
// field's value in JSON.
const facetMediaType = "application/json"

// Split moves the erasable fields out of Data into Facets, as JSON, and sorts
// Facets by name. Fields that are absent make no facet. The data struct that the
// caller gave stays as it was: Data is replaced by a copy if it has anything to move.
// Splitting twice is splitting once.
func (e *Event) Split() error {
	t, err := e.typeOfData("split")
	if err != nil {
		return err
	}
	if f, ok := e.Data.(faceted); !ok || !slices.ContainsFunc(f.facets(), facetField.stands) {
		sortFacets(e.Facets)
		return nil
	}
	data := t.copy(e.Data)
	facets := slices.Clone(e.Facets)
	for _, field := range data.(faceted).facets() {
		if field.empty() {
			field.clear() // an empty list is not left behind as one
			continue
		}
		if slices.ContainsFunc(facets, func(f Facet) bool { return f.Name == field.name }) {
			return malformed("facet.twice", "/data/"+field.name, "the field is given both in the data and as a facet", "give it once")
		}
		b, err := json.Marshal(field.value, json.Deterministic(true))
		if err != nil {
			return malformed("field.text", "/data/"+field.name, fmt.Sprintf("the field of %s cannot be written as JSON: %v", t.Name, err), "send valid UTF-8")
		}
		facets = append(facets, Facet{Name: field.name, MediaType: facetMediaType, Owner: field.owner, Bytes: b})
		field.clear()
	}
	sortFacets(facets)
	e.Data, e.Facets = data, facets
	return nil
}

// Merge puts the facets that are fields of the data back into Data, which it
// replaces by a copy, and leaves in Facets the others: those that are erased and
// those that never were fields.
func (e *Event) Merge() error {
	t, err := e.typeOfData("merge")
	if err != nil {
		return err
	}
	if _, ok := e.Data.(faceted); !ok {
		return nil
	}
	data := t.copy(e.Data)
	fields := data.(faceted).facets()
	var left []Facet
	for _, facet := range e.Facets {
		i := slices.IndexFunc(fields, func(f facetField) bool { return f.name == facet.Name })
		if i < 0 || facet.Erased {
			left = append(left, facet)
			continue
		}
		if err := json.Unmarshal(facet.Bytes, fields[i].value); err != nil {
			return fmt.Errorf("merge facet %q of %s %s: its bytes are not the JSON they were written as: %w", facet.Name, e.Source, e.ID, err)
		}
	}
	e.Data, e.Facets = data, left
	return nil
}

// typeOfData returns the type of the event, whose data is of it.
func (e *Event) typeOfData(doing string) (Type, error) {
	t, ok := Lookup(e.Type)
	if !ok {
		return Type{}, unknownType(e.Type)
	}
	if e.Data == nil || !t.holds(e.Data) {
		return Type{}, fmt.Errorf("%s event %s %s: its data is a %T, which is not the data of %s", doing, e.Source, e.ID, e.Data, e.Type)
	}
	return t, nil
}

func sortFacets(fs []Facet) {
	slices.SortFunc(fs, func(a, b Facet) int { return strings.Compare(a.Name, b.Name) })
}

// stands tells whether there is anything in the field, an empty list included.
func (f facetField) stands() bool {
	if list, ok := f.value.(*[]string); ok {
		return *list != nil
	}
	return !f.empty()
}

// empty tells whether the field is absent; an empty list is absent too.
func (f facetField) empty() bool {
	switch v := f.value.(type) {
	case *string:
		return *v == ""
	case *[]string:
		return len(*v) == 0
	}
	panic(fmt.Sprintf("events: facet field %s has the unknown kind %T", f.name, f.value))
}

func (f facetField) clear() {
	switch v := f.value.(type) {
	case *string:
		*v = ""
	case *[]string:
		*v = nil
	}
}
