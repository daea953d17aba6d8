package events

import (
	"maps"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TestEncodeWithout: of events of every type, each field that readers can be kept from is
// left out and named, and all else stays, byte for byte.
func TestEncodeWithout(t *testing.T) {
	seen := map[string]bool{}
	for _, typ := range Types() {
		e := sampleEvent(typ.Name)
		e.Actor, e.OnBehalfOf, e.Signature = "u-77", "D09", []byte("signed")
		if err := e.Split(); err != nil {
			t.Fatal(err)
		}
		whole, none, err := EncodeWithout(e, nil)
		if err != nil || len(none) > 0 {
			t.Fatalf("%s: %v, %v", typ.Name, none, err)
		}
		plain, err := EncodeStructured(e)
		if err != nil || string(plain) != string(whole) {
			t.Fatalf("%s: without nothing it is another: %v", typ.Name, err)
		}
		for _, field := range WithholdableFields() {
			text, withheld, err := EncodeWithout(e, []string{field})
			if err != nil {
				t.Fatalf("%s without %s: %v", typ.Name, field, err)
			}
			want, wantData := parted(t, whole)
			got, data := parted(t, text)
			facet := slices.ContainsFunc(e.Facets, func(f Facet) bool { return f.Name == field })
			bears, err := e.Bears([]string{field})
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case facet && field != OpenLineageFacet:
				delete(wantData, field)
				if !slices.Equal(withheld, []string{field}) || bears {
					t.Errorf("%s without the facet %s: %v, %v", typ.Name, field, withheld, bears)
				}
			case isPlain(typ.Name, field) && (want[field] != nil || wantData[field] != nil):
				delete(want, field)
				delete(wantData, field)
				delete(want, "signature")
				if !slices.Equal(withheld, []string{field, "signature"}) || !bears {
					t.Errorf("%s without %s: %v, %v", typ.Name, field, withheld, bears)
				}
			default:
				if len(withheld) > 0 || bears {
					t.Errorf("%s has no %s, and it is left out: %v", typ.Name, field, withheld)
				}
				if string(text) != string(whole) {
					t.Errorf("%s is another without %s", typ.Name, field)
				}
				continue
			}
			seen[field] = true
			same := func(a, b map[string]jsontext.Value) bool {
				return maps.EqualFunc(a, b, func(x, y jsontext.Value) bool { return string(x) == string(y) })
			}
			if !same(got, want) || !same(data, wantData) {
				t.Errorf("%s without %s: %s", typ.Name, field, text)
			}
		}
	}
	for _, field := range WithholdableFields() {
		if !seen[field] && field != OpenLineageFacet {
			t.Errorf("no type bears %s", field)
		}
	}
	if err := CheckWithheld([]string{"actor", "provider"}); err == nil {
		t.Error("what a record is found by can be withheld")
	}
}

// parted reads the members of an event but its data, and those of its data.
func parted(t *testing.T, text []byte) (attributes, data map[string]jsontext.Value) {
	t.Helper()
	if err := json.Unmarshal(text, &attributes); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(attributes["data"], &data); err != nil {
		t.Fatal(err)
	}
	delete(attributes, "data")
	return attributes, data
}
