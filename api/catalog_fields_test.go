package api

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"ledgerline/events"
	"ledgerline/projections"
)

// notExported are the fields of an entry that no export has, and why.
var notExported = map[string]string{
	"note":          "free text, which may be erased: it stands in the record alone",
	"changed_paths": "what a revision changed is told by the history",
}

// fullEntry says something in every field, each text another one.
func fullEntry() *events.EntryDrafted {
	return &events.EntryDrafted{
		Entry: "FULL", Version: 1, Provider: "D01", Title: "标题 one", TitleEN: "title two", Code: "code-3", CodeScheme: "scheme-4", ClassPath: []string{"class 5", "class 6"},
		ClassScheme: "scheme-7", Summary: "summary 8",
		Sharing: events.Sharing{
			Attribute: events.SharingConditional, Reason: "reason 9", Basis: "basis 10", BasisRank: "law", Range: "range 11", Purposes: []string{"statistics"},
			Conditions: "conditions 12", Methods: []string{"verify_only"},
		},
		Items: []events.EntryItem{{
			ID: "id13", Name: "name 14", Type: "datetime", Length: "15.1", Key: true, Nullable: true, Personal: "sensitive", Sharing: events.SharingUnconditional, Grade: "general-4",
			CodeSet: "codeset-16", Description: "description 17",
		}},
		Format: "self_describing", FormatDetail: "detail 18", UpdateFrequency: "other", UpdateInterval: "P19D", Grade: "general-3", Region: "990020",
		Resources:   []events.Resource{{Namespace: "namespace21", Name: "name22", Method: "file", Columns: map[string]string{"id13": "column23"}}},
		DerivedFrom: []string{"from24"}, FusingParty: "D02", Related: []string{"related26"}, Open: events.OpenData{Open: true, Conditions: "open 27"},
		SourceSystems: []string{"system 28"}, BusinessItems: []string{"business 29"}, Period: events.Period{From: 30_000_000, To: 3_100_000_000}, Volume: "volume 32",
		Contact: "contact 33", Specification: "specification-34", ChangedPaths: []string{"/title"}, Note: "note 35",
	}
}

// TestExportsHaveEveryField: whatever an entry says, each of the three exports says, field
// by field; a field that is new is asked for here first.
func TestExportsHaveEveryField(t *testing.T) {
	full := fullEntry()
	notZero(t, "", reflect.ValueOf(*full))
	entry := entryOf(t, full)
	made := map[string]string{}
	for form, x := range catalogForms {
		var out bytes.Buffer
		file, err := x.begin(&out, exportOf{})
		if err == nil {
			err = file.write([]projections.Entry{entry})
		}
		if err == nil {
			err = file.end()
		}
		if err != nil {
			t.Fatal(err)
		}
		made[form] = out.String()
	}
	typed, err := parquet.Read[parquetEntry](strings.NewReader(made["parquet"]), int64(len(made["parquet"])))
	if err != nil {
		t.Fatal(err)
	}
	made["parquet"] = fmt.Sprintf("%+v", typed)

	text, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]any
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	looked := 0
	for name, value := range said {
		for _, leaf := range leaves(value) {
			looked++
			for form, file := range made {
				found := strings.Contains(file, leaf)
				if form == "parquet" && name == "period" {
					found = typed[0].PeriodFrom == int64(full.Period.From) && typed[0].PeriodTo == int64(full.Period.To)
				}
				if form == "dcat" && name == "update_frequency" {
					found = strings.Contains(file, "frequency/OTHER")
				}
				if wanted := notExported[name] == ""; found != wanted {
					t.Errorf("%s: of %s, %q is there: %v", form, name, leaf, found)
				}
			}
		}
	}
	if looked < 40 {
		t.Errorf("%d values: too few to tell", looked)
	}
}

// entryOf is an entry as the views answer it.
func entryOf(t *testing.T, d *events.EntryDrafted) (e projections.Entry) {
	text, err := json.Marshal(d)
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	e.ID = d.Entry
	return e
}

func notZero(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		name := path + "/" + v.Type().Field(i).Name
		switch f := v.Field(i); {
		case f.IsZero():
			t.Errorf("%s says nothing", name)
		case f.Kind() == reflect.Struct:
			notZero(t, name, f)
		case f.Kind() == reflect.Slice && f.Index(0).Kind() == reflect.Struct:
			notZero(t, name, f.Index(0))
		}
	}
}

// leaves are the texts and numbers in a JSON value.
func leaves(v any) (out []string) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			out = append(out, leaves(x)...)
		}
	case map[string]any:
		for name, x := range v {
			if strings.HasPrefix(name, "id") && len(name) > 2 { // an item, as a name
				out = append(out, name)
			}
			out = append(out, leaves(x)...)
		}
	default:
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// TestNoFormulas: whatever somebody writes into an entry, a spreadsheet computes nothing
// of it, whatever it parts cells by and whether it heeds quotes or not; and a text that is
// none stays as it is.
func TestNoFormulas(t *testing.T) {
	for text, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", " =1": " '=1", "\t=1": "\t'=1", "\r=1": "\r'=1", "a\n=1": "a\n'=1", "＝1": "'＝1", "\u3000＝1": "\u3000'＝1",
		"a;=1": "a;'=1", "a,=1": "a,'=1", `a"=1`: `a"'=1`, "a|=1": "a|'=1", "x; @y": "x; '@y",
		"a=1": "a=1", "2025-01-01": "2025-01-01", "身份证号 - 旧": "身份证号 - 旧", "a+b@c": "a+b@c", "": "", "postgres://u@h:1/d": "postgres://u@h:1/d",
	} {
		if got := noFormula(text); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
	}
	hostile := fullEntry()
	v := reflect.ValueOf(hostile).Elem()
	arm(v)
	var out bytes.Buffer
	file, err := newCatalogCSV(&out, exportOf{})
	if err == nil {
		e := entryOf(t, hostile)
		e.Marks, e.Attached = []projections.Mark{{Issue: "=1"}}, []projections.Attachment{{Resource: "=1", Method: "=1", SLA: "=1"}}
		e.Sources, e.ProviderName, e.Assessments = []events.SourceState{{Party: "=1"}}, "=1", []string{"=1"}
		err = file.write([]projections.Entry{e})
	}
	if err == nil {
		err = file.end()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, comma := range ",;\t|" {
		for _, quotes := range []bool{true, false} {
			for n, cell := range cells(t, out.String(), comma, quotes) {
				if trimmed := strings.TrimLeft(cell, " \t\r\n\u3000\""); trimmed != "" && strings.ContainsAny(string([]rune(trimmed)[:1]), "=+-@＝＋－＠") {
					t.Errorf("parted by %q, quotes %v: cell %d is %q", comma, quotes, n, cell)
				}
			}
		}
	}
}

// arm puts a formula into every text, at its beginning and after what parts cells.
func arm(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString("=1+1,=2;=3\t=4|=5\"=6\n=7\r=8 =9")
		}
	case reflect.Struct:
		for i := range v.NumField() {
			arm(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			arm(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			v.SetMapIndex(k, reflect.ValueOf("=1"))
		}
	}
}

// cells are those that a program sees in a file.
func cells(t *testing.T, file string, comma rune, quotes bool) []string {
	if !quotes {
		return strings.FieldsFunc(file, func(r rune) bool { return r == comma || r == '\n' || r == '\r' })
	}
	r := csv.NewReader(strings.NewReader(file))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = comma, true, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(rows...)
}
