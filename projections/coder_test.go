package projections

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rowTypes are the types with a method code.
var rowTypes = []coded{
	new(Access), new(Accountable), new(Agreement), new(Attachment), new(Batch), new(Check), new(Dataset), new(Detailed), new(Disposal), new(Duty), new(Finding), new(Flag), new(Gap), new(Mark),
	new(Missing), new(callBlock), new(callCell), new(Party), new(Producer), new(sequence),
	new(Request), new(Share), new(SharedItems), new(TimelineRow), new(Violation), new(Wording), new(columnFlow), new(columnPair), new(columnsFacet),
	new(columnsRow), new(contentRow), new(dataflow), new(datasetRow), new(dependsFacet), new(edgeRow), new(entryStep), new(fieldRow),
	new(jobPair), new(jobRow), new(lineageFacet), new(link), new(markRow), new(mentions), new(meta), new(nodeName), new(nominalFacet),
	new(numberRow), new(parentFacet), new(published), new(publishedRow), new(rawRow), new(rename), new(runRow), new(sameName), new(schemaFacet),
	new(handmade), new(handAct), new(seenRow), new(stamp), new(statement), new(textRow), new(textsRow), new(told), new(uncoveredInput), new(window),
}

// TestRowTypes: rowTypes has every type whose method code stands in this package.
func TestRowTypes(t *testing.T) {
	listed := make(map[string]bool)
	for _, v := range rowTypes {
		listed[reflect.TypeOf(v).Elem().Name()] = true
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			m, ok := d.(*ast.FuncDecl)
			if !ok || m.Recv == nil || m.Name.Name != "code" {
				continue
			}
			if _, ok := m.Type.Params.List[0].Type.(*ast.StarExpr); !ok { // of searchIndex
				continue
			}
			of := m.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			if name := of.(*ast.Ident).Name; !listed[name] {
				t.Errorf("the row type %s is not tested: add it to rowTypes", name)
			}
		}
	}
}

// TestRowsComeBack: what is read of a row is what was written, field by field, and
// nothing that is shorter or longer is taken for a row.
func TestRowsComeBack(t *testing.T) {
	for _, typ := range rowTypes {
		of := reflect.TypeOf(typ).Elem()
		t.Run(of.Name(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want := reflect.New(of)
				fill(t, want.Elem())
				b := string(encode(nil, want.Interface().(coded)))
				got := reflect.New(of)
				if err := decode(b, got.Interface().(coded)); err != nil {
					t.Fatalf("%+v: %v", want.Elem(), err)
				}
				if !reflect.DeepEqual(got.Interface(), want.Interface()) {
					t.Fatalf("a field that the method code leaves out, or two that it mixes up?\n got %+v\nwant %+v", got.Elem(), want.Elem())
				}
				if _, any := typ.(*rawRow); any {
					return
				}
				if err := decode(b+"\x00", got.Interface().(coded)); err == nil {
					t.Fatal("a byte too many was not noticed")
				}
				if b == "" {
					return
				}
				if err := decode(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")], got.Interface().(coded)); err == nil {
					t.Fatal("a row cut short was not noticed")
				}
			})
		})
	}
}

// fill sets all fields to anything, except those whose tag says that they are not
// in the row.
func fill(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("row") != "-" {
				fill(t, v.Field(i))
			}
		}
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "int"))
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, "uint"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Slice:
		if n := rapid.IntRange(-1, 2).Draw(t, "length"); n >= 0 && v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(t, v.Index(i))
			}
		} else if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(rapid.String().Draw(t, "bytes")))
		}
	case reflect.Map:
		if n := rapid.IntRange(-1, 2).Draw(t, "size"); n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(t, key)
				fill(t, value)
				v.SetMapIndex(key, value)
			}
		}
	default:
		t.Fatalf("a field of kind %s: fill does not know it", v.Kind())
	}
}

// FuzzRows: bytes that are read as a row are that row's only encoding.
func FuzzRows(f *testing.F) {
	for i, v := range rowTypes {
		f.Add(i, encode(nil, v))
	}
	f.Fuzz(func(t *testing.T, typ int, b []byte) {
		if typ < 0 || typ >= len(rowTypes) {
			return
		}
		v := reflect.New(reflect.TypeOf(rowTypes[typ]).Elem()).Interface().(coded)
		if decode(string(b), v) != nil {
			return
		}
		if again := encode(nil, v); !slices.Equal(again, b) {
			t.Errorf("%T: %x was read, and is written as %x", v, b, again)
		}
	})
}
