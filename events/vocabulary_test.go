package events

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// Every type keeps the conventions that the record format and the views rely on.
func TestVocabulary(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(\.[a-z_]+)+$`)
	kinds := []string{NameEntry, NameDataset, NameParty, NameAgreement}
	for _, typ := range Types() {
		t.Run(typ.Name, func(t *testing.T) {
			if !name.MatchString(typ.Name) {
				t.Error("the name is not lower case and dotted")
			}
			if typ.Fact == (typ.check != nil) {
				t.Error("a type is either a fact or has a check")
			}
			data := samples()[typ.Name]
			if data == nil {
				t.Fatal("no sample")
			}
			complete(t, typ.Name, reflect.ValueOf(data).Elem())
			wireable(t, typ.Name, reflect.TypeOf(data).Elem())
			e := sampleEvent(typ.Name)
			if err := e.Validate(sampleNow); err != nil {
				t.Errorf("the sample is refused: %v", err)
			}
			for _, n := range e.Names() {
				if !slices.Contains(kinds, n.Kind) {
					t.Errorf("names() gives the kind %q, which is not in the closed list", n.Kind)
				}
			}
			if typ.Stateful() && reflect.TypeOf(typ.NewState()) != reflect.TypeOf(StateOf(data.Subject().Kind)) {
				t.Errorf("the type's state is %T, its subject's is %T", typ.NewState(), StateOf(data.Subject().Kind))
			}
			b, err := json.Marshal(data)
			if err != nil {
				t.Fatal(err)
			}
			back := typ.NewData()
			if err := json.Unmarshal(b, back, json.RejectUnknownMembers(true)); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(back, data) {
				t.Errorf("JSON round trip: got %+v, want %+v", back, data)
			}
		})
	}
	if len(samples()) != len(Types()) {
		t.Errorf("%d samples for %d types", len(samples()), len(Types()))
	}
}

// complete checks that a sample sets every field: the other tests reach only
// what it sets. A field that the rules forbid in this type is excepted; elements
// of a list after the first may be bare.
func complete(t *testing.T, path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			complete(t, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		if v.Len() > 0 && v.Type().Elem().Kind() == reflect.Struct {
			complete(t, path, v.Index(0))
		}
	}
	if v.IsZero() && path != "catalog.entry.drafted.ChangedPaths" {
		t.Errorf("the sample leaves %s unset", path)
	}
}

// wireable checks that a data struct holds only what deterministic CBOR can: no
// floats, interfaces or embedded structs, and every field named in snake case.
func wireable(t *testing.T, path string, typ reflect.Type) {
	switch typ.Kind() {
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint8:
	case reflect.Slice, reflect.Pointer:
		wireable(t, path, typ.Elem())
	case reflect.Map:
		if typ.Key().Kind() != reflect.String {
			t.Errorf("%s: a map's keys are strings", path)
		}
		wireable(t, path, typ.Elem())
	case reflect.Struct:
		snake := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
		for i := range typ.NumField() {
			f := typ.Field(i)
			if f.Anonymous || !snake.MatchString(jsonName(f)) {
				t.Errorf("%s.%s: not a named field with a snake_case JSON name", path, f.Name)
			}
			wireable(t, path+"."+f.Name, f.Type)
		}
	default:
		t.Errorf("%s: kind %s", path, typ.Kind())
	}
}

func TestSplitMerge(t *testing.T) {
	for _, typ := range Types() {
		t.Run(typ.Name, func(t *testing.T) {
			raw := Facet{Name: "zz-raw", MediaType: "application/octet-stream", Bytes: []byte{1}}
			e := sampleEvent(typ.Name)
			e.Facets = []Facet{raw}
			want := sampleEvent(typ.Name)
			if err := e.Split(); err != nil {
				t.Fatal(err)
			}
			split := e
			facetFields(t, typ, e)
			if err := e.Validate(sampleNow); err != nil {
				t.Errorf("refused after splitting: %v", err)
			}
			if err := e.Split(); err != nil || !reflect.DeepEqual(e, split) {
				t.Errorf("splitting twice changed the event (err %v)", err)
			}
			if err := e.Merge(); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(e.Data, want.Data) || !reflect.DeepEqual(e.Facets, []Facet{raw}) {
				t.Errorf("Merge after Split: got %+v and facets %+v", e.Data, e.Facets)
			}
		})
	}
}

// facetFields checks a split event against its type's facet fields.
func facetFields(t *testing.T, typ Type, e Event) {
	t.Helper()
	var fields []string
	if f, ok := typ.NewData().(faceted); ok {
		for _, field := range f.facets() {
			fields = append(fields, field.name)
			tag := ""
			for i, rt := 0, reflect.TypeOf(typ.NewData()).Elem(); i < rt.NumField(); i++ {
				if jsonName(rt.Field(i)) == field.name {
					tag = rt.Field(i).Tag.Get("json")
				}
			}
			if !strings.HasSuffix(tag, ",omitzero") {
				t.Errorf("the facet field %s is tagged %q: it must be omitzero", field.name, tag)
			}
		}
	}
	b, err := json.Marshal(e.Data)
	if err != nil {
		t.Fatal(err)
	}
	var left map[string]any
	if err := json.Unmarshal(b, &left); err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		if _, ok := left[f]; ok {
			t.Errorf("%s is still in the data after Split", f)
		}
	}
	if len(e.Facets) != len(fields)+1 || !slices.IsSortedFunc(e.Facets, func(a, b Facet) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("facets after Split: %+v", e.Facets)
	}
}

func TestSplitSealsUnderTheDataSubject(t *testing.T) {
	e := sampleEvent("access.call.recorded")
	given := *e.Data.(*AccessRecorded)
	if err := e.Split(); err != nil {
		t.Fatal(err)
	}
	for _, f := range e.Facets {
		if f.Owner != given.DataSubject {
			t.Errorf("facet %s has the owner %q", f.Name, f.Owner)
		}
	}
	if b, _ := json.Marshal(e.Data); strings.Contains(string(b), given.DataSubject) {
		t.Errorf("the data subject stands in the data: %s", b)
	}
	e.Facets[0].Erased, e.Facets[0].Bytes = true, nil
	if err := e.Merge(); err != nil {
		t.Fatal(err)
	}
	got := e.Data.(*AccessRecorded)
	if got.DataSubject != "" || got.Query != given.Query || len(e.Facets) != 1 {
		t.Errorf("merged with an erased facet: %+v, facets %+v", got, e.Facets)
	}
	empty := Event{Type: "catalog.entry.returned", Data: &EntryReturned{Reasons: []string{}}}
	if err := empty.Split(); err != nil || empty.Data.(*EntryReturned).Reasons != nil || len(empty.Facets) != 0 {
		t.Errorf("an empty list is not an absent facet: %+v (%v)", empty, err)
	}
}

func TestLineageNames(t *testing.T) {
	e := Event{Type: "lineage.openlineage.received", Data: lineage()}
	var got []string
	for _, n := range e.Names() {
		got = append(got, strings.Join(n.Parts, " "))
	}
	want := []string{"pg pop.main", "hive pop.main", "pg pop.old", "pg hj.burial", "pg hj.death", "hive hj.death"}
	if !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
}

// Everything exported is documented, struct fields excepted: theirs may stand
// together.
func TestDocumented(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && !slices.Contains([]string{"Error", "String", "Subject"}, d.Name.Name) {
					t.Errorf("%s: %s has no doc comment", name, d.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok && s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
						t.Errorf("%s: %s has no doc comment", name, s.Name)
					}
				}
			}
		}
	}
}

func TestTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-08T09:30:00+08:00":    "2026-01-08T01:30:00Z",
		"2026-01-08T01:30:00.1234567Z": "2026-01-08T01:30:00.123456Z",
		"1969-12-31T23:59:59.999999Z":  "1969-12-31T23:59:59.999999Z",
		"2026-01-08T09:30:00":          "", // no zone
		"2026-01-08T9:30:00Z":          "",
		"2026-01-08T09:30:00,5Z":       "",
		"2026-01-08":                   "",
		"2026-02-30T00:00:00Z":         "",
		"":                             "",
	} {
		var got Time
		err := got.UnmarshalText([]byte(text))
		if s := fmt.Sprint(got); (err == nil) != (want != "") || err == nil && s != want {
			t.Errorf("%q: got %s, %v; want %q", text, s, err, want)
		}
	}
}
