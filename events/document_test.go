package events

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestDocument keeps docs/events.md, the vocabulary for people, in step with the
// code: its texts are the doc comments, its examples the samples of the tests.
func TestDocument(t *testing.T) {
	src := sources(t)
	var b strings.Builder
	b.WriteString(`# The vocabulary

<!-- made by: go test ./events -run TestDocument -update -->

Every event is a CloudEvent 1.0 whose ` + "`type`" + ` is one of those below and whose ` + "`data`" + ` has exactly the fields listed. An **act** is
refused when the state of its subject forbids it; a **reported fact** is always recorded when it is well formed. Fields marked
*erasable* are kept beside the record and can be deleted without touching a hash. Beside the attributes of CloudEvents an event may
bear ` + "`actor`, `party`, `onbehalfof`, `producerid` and `producerseq`, `correlationid`, `causationid`, `expectedversion`, `effectivefrom`, `effectiveto`, `grade`, `retention`, `imported`, `signature`, `facetsalt`" + ` and
` + "`traceparent`" + `; no others.

| type | kind | about |
|---|---|---|
`)
	for _, typ := range Types() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", typ.Name, strings.ReplaceAll(typ.Name, ".", ""), kindOf(typ), samples()[typ.Name].Subject().Kind)
	}
	for _, typ := range Types() {
		data := samples()[typ.Name]
		structType := reflect.TypeOf(data).Elem()
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| field | JSON | meaning |\n|---|---|---|\n", typ.Name, plain(structType.Name(), src.structs[structType.Name()]))
		erasable := make(map[string]bool)
		if f, ok := data.(faceted); ok {
			for _, field := range f.facets() {
				erasable[field.name] = true
			}
		}
		src.fields(&b, "", structType, erasable)
		if typ.Reserved || typ.Derived {
			continue
		}
		ev := Event{ID: "1", Source: "https://example.org/registry", Type: typ.Name, Schema: typ.Schema, Time: at(11, 3), Data: data}
		text, err := EncodeStructured(ev)
		if err != nil {
			t.Fatal(err)
		}
		var indented strings.Builder
		enc := json.NewEncoder(&indented)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(json.RawMessage(text)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n```json\n%s```\n", indented.String())
	}
	golden(t, filepath.Join("..", "docs", "events.md"), b.String())
}

func kindOf(t Type) string {
	switch {
	case t.Reserved:
		return "made by the ledger"
	case t.Derived:
		return "reported fact, through the OpenLineage endpoint"
	case t.Fact:
		return "reported fact"
	}
	return "act"
}

// comments are the doc comments of the package's structs and of their fields.
type comments struct {
	structs map[string]string
	members map[string]map[string]string
	same    map[string]string // types declared as another
}

func sources(t *testing.T) comments {
	t.Helper()
	c := comments{make(map[string]string), make(map[string]map[string]string), make(map[string]string)}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.TYPE {
				for _, spec := range d.Specs {
					c.note(d, spec.(*ast.TypeSpec))
				}
			}
		}
	}
	return c
}

func (c comments) note(d *ast.GenDecl, spec *ast.TypeSpec) {
	c.structs[spec.Name.Name] = d.Doc.Text()
	switch s := spec.Type.(type) {
	case *ast.Ident:
		c.same[spec.Name.Name] = s.Name
	case *ast.StructType:
		members := make(map[string]string)
		for _, f := range s.Fields.List {
			for _, name := range f.Names {
				members[name.Name] = f.Doc.Text() + f.Comment.Text()
			}
		}
		c.members[spec.Name.Name] = members
	}
}

// plain turns a doc comment, which begins with a Go name, into a sentence about
// the thing.
func plain(name, text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for _, begin := range []string{name + " is ", name + " are ", name + " "} {
		if rest, ok := strings.CutPrefix(text, begin); ok && !strings.HasPrefix(rest, "and ") {
			if word, _, _ := strings.Cut(rest, " "); strings.HasSuffix(word, ",") {
				return rest // a list of values, to be sent as they stand
			}
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return text
}

// fields writes the rows of a struct's fields, those of structs within after them.
func (c comments) fields(b *strings.Builder, prefix string, s reflect.Type, erasable map[string]bool) {
	owner := s.Name()
	if base, ok := c.same[owner]; ok {
		owner = base
	}
	for i := range s.NumField() {
		f := s.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		text := plain(f.Name, c.members[owner][f.Name])
		var notes []string
		if strings.Contains(option, "omit") {
			notes = append(notes, "optional")
		}
		if erasable[name] {
			notes = append(notes, "erasable")
		}
		if len(notes) > 0 {
			text = strings.TrimSpace(text + " *" + strings.Join(notes, ", ") + "*")
		}
		element, json := jsonType(f.Type)
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", prefix+name, json, strings.ReplaceAll(text, "|", `\|`))
		if element != nil {
			suffix := "."
			if strings.HasPrefix(json, "array") {
				suffix = "[]."
			}
			c.fields(b, prefix+name+suffix, element, nil)
		}
	}
}

// jsonType names the JSON form of a field, and returns the struct in it, if any.
func jsonType(t reflect.Type) (element reflect.Type, name string) {
	switch {
	case t == reflect.TypeFor[Time]():
		return nil, "time"
	case t.Kind() == reflect.Pointer:
		return jsonType(t.Elem())
	case t == reflect.TypeFor[[]byte]():
		return nil, "base64"
	case t.Kind() == reflect.Slice:
		element, name = jsonType(t.Elem())
		return element, "array of " + name
	case t.Kind() == reflect.Map:
		_, name = jsonType(t.Elem())
		return nil, "object of " + name
	case t.Kind() == reflect.Struct:
		return t, "object"
	case t.Kind() == reflect.Bool:
		return nil, "boolean"
	case t.Kind() == reflect.String:
		return nil, "string"
	}
	return nil, "integer"
}
