package projections

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"ledgerline/events"
)

// TestForms: each code has a form in both languages, with the same parameters, and the
// languages are those they should be.
func TestForms(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "wordings.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := make(map[string]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "said") {
			code := strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)
			if codes[code] {
				t.Errorf("two codes are %q", code)
			}
			codes[code] = true
		}
		return true
	})
	for code := range codes {
		if _, ok := forms[code]; !ok {
			t.Errorf("%s has no form", code)
		}
	}
	if len(codes) != len(forms) || len(codes) == 0 {
		t.Errorf("%d codes and %d forms", len(codes), len(forms))
	}
	for code, f := range forms {
		var parameters [2][]string
		for language, pieces := range parsedForms[code] {
			for _, p := range pieces {
				if p.Name != "" {
					parameters[language] = append(parameters[language], p.Name+":"+p.Kind)
				}
			}
			slices.Sort(parameters[language])
			if len(slices.Compact(slices.Clone(parameters[language]))) != len(parameters[language]) {
				t.Errorf("%s names a parameter twice: %v", code, parameters[language])
			}
		}
		if f[0] == "" || f[1] == "" || !slices.Equal(parameters[0], parameters[1]) {
			t.Errorf("%s lacks a language, or its parameters differ: %q", code, f)
		}
		if strings.ContainsFunc(f[0], func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: %q is not English", code, f[0])
		}
		for _, p := range parsedForms[code][1] {
			if p.Name == "" && strings.ContainsFunc(p.Text, func(r rune) bool { return r < 128 && unicode.IsLetter(r) }) {
				t.Errorf("%s: %q is not Chinese", code, p.Text)
			}
		}
	}
}

// TestDetailed says one thing in both languages: the order of parameters differs, what
// stands for them does not.
func TestDetailed(t *testing.T) {
	d := find(saidColumnsDiffer, "r1", "etl/merge", 2, 0)
	if d.Detail != "run r1 of the job etl/merge: 2 columns seen and not declared, 0 declared and not seen" || d.DetailCode != "columns-differ" {
		t.Errorf("%+v", d)
	}
	if want := map[string]string{"run": "r1", "job": "etl/merge", "undeclared": "2", "unseen": "0"}; !maps.Equal(d.DetailParameters, want) {
		t.Errorf("%v", d.DetailParameters)
	}
	chinese := ""
	for _, p := range d.Said.Pieces(1) {
		chinese += p.Text
	}
	if chinese != "作业 etl/merge 的运行 r1：观察到而未声明的列 2 个，声明而未观察到的列 0 个" {
		t.Error(chinese)
	}
	var back Detailed
	if err := decode(string(encode(nil, &d)), &back); err != nil || back.Detail != d.Detail || !maps.Equal(back.DetailParameters, d.DetailParameters) {
		t.Errorf("%+v came back as %+v: %v", d, back, err)
	}
	if got := say(saidPurpose, []string{"a", "b"}, []string{"c"}).String(); got != "the purpose a, b is not among c" {
		t.Error(got)
	}
	if got := say(saidDutySetLate, "2026-01-05", events.Time(0)).String(); got != "due 2026-01-05 as ordered, done 1970-01-01T00:00:00Z" {
		t.Error(got)
	}
	if w := (Wording{Code: "none of ours", Values: []string{"x"}}); w.String() != "" || len(w.Pieces(1)) != 0 {
		t.Errorf("an unknown form says %q %v", w, w.Pieces(1))
	}
}
