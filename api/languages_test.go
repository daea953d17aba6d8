package api

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// sourceOf parses the Go files of a directory, tests aside.
func sourceOf(t *testing.T, dir string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v", dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// literal is the value of an expression that is a string literal, or several of them
// joined.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		x, okX := literal(e.X)
		y, okY := literal(e.Y)
		return x + y, okX && okY
	}
	return "", false
}

// TestProblemsInChinese: whatever a request can be refused with is said in Chinese,
// too. Details and fixes are literals or made by sayf, so that their forms can be found
// in the source.
func TestProblemsInChinese(t *testing.T) {
	takes := map[string][]int{"problem": {2, 3}, "badName": {0}, "unprovable": {1, 2}, "foreignCursor": {0}, "tooMuchToExport": {0}, "sayf": {0}}
	used := make(map[string]bool)
	for _, f := range sourceOf(t, ".") {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, ok := call.Fun.(*ast.Ident)
			if !ok || takes[name.Name] == nil {
				return true
			}
			for _, i := range takes[name.Name] {
				if i >= len(call.Args) {
					continue
				}
				switch arg := call.Args[i].(type) {
				case *ast.BasicLit, *ast.BinaryExpr:
					form, ok := literal(arg)
					if !ok {
						t.Errorf("%s is told %s, which is put together: use sayf", name.Name, place(arg))
					}
					used[form] = true
				case *ast.CallExpr:
					if fun, ok := arg.Fun.(*ast.SelectorExpr); ok && (fun.Sel.Name == "Sprintf" || fun.Sel.Name == "Error") {
						t.Errorf("%s is told %s, whose form cannot be found: use sayf or saidOf", name.Name, place(arg))
					}
				}
			}
			return true
		})
	}
	for _, f := range sourceOf(t, "../projections") { // reasons of QueryError
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && len(lit.Elts) == 2 {
				if of, ok := lit.Type.(*ast.Ident); ok && of.Name == "QueryError" {
					if reason, ok := literal(lit.Elts[1]); ok {
						used[reason] = true
					}
				}
			}
			return true
		})
	}
	if len(used) < 200 {
		t.Fatalf("only %d forms were found", len(used))
	}
	for form := range used {
		if _, ok := chinesePhrases[form]; ok {
			continue
		}
		if _, ok := chineseDocs[form]; !ok && form != "" {
			t.Errorf("without Chinese: %q", form)
		}
	}
	for form, chinese := range chinesePhrases {
		if got, want := verbs(chinese), verbs(form); !slices.Equal(got, want) {
			t.Errorf("%q has %v, in Chinese %v", form, want, got)
		}
		if strings.Contains(fmt.Sprintf(chinese, valuesFor(form)...), "%!") {
			t.Errorf("%q: %s", form, fmt.Sprintf(chinese, valuesFor(form)...))
		}
	}
}

func place(e ast.Expr) string { return fmt.Sprintf("an expression at offset %d", e.Pos()) }

var verb = regexp.MustCompile(`%(?:\[(\d)\])?([sdqvgx])`)

// verbs are those of a form, in the order of its values.
func verbs(form string) []string {
	found := verb.FindAllStringSubmatch(form, -1)
	out := make([]string, len(found))
	for i, m := range found {
		at := i
		if m[1] != "" {
			at, _ = strconv.Atoi(m[1])
			at--
		}
		if at < len(out) {
			out[at] = m[2]
		}
	}
	return out
}

// valuesFor are values that fit a form.
func valuesFor(form string) []any {
	var values []any
	for _, v := range verbs(form) {
		switch v {
		case "d":
			values = append(values, 7)
		case "g":
			values = append(values, 1.5)
		default:
			values = append(values, "x")
		}
	}
	return values
}

// TestErrorsAsPhrases: errors of other packages are told in the words that they have
// there.
func TestErrorsAsPhrases(t *testing.T) {
	now := events.TimeOf(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))
	for _, err := range []error{
		&ledger.PositionError{Position: 9, Head: 3}, &ledger.FutureError{Asked: now, Now: now}, &ledger.ProofSizeError{Records: 9, Limit: 3},
		&ledger.ClockError{Clock: now, Last: now + 1e9, Bound: time.Hour}, &ledger.ClockError{Clock: now + 1e9, Last: now, Bound: time.Hour},
		&projections.NotAppliedError{Position: 9, Applied: 3}, &projections.LoadingError{What: "lineage graph", Loaded: 1, Total: 9}, &projections.LoadingError{What: "index of the catalog's words", Loaded: 1, Total: 9}, &projections.CostError{Cost: 9, Limit: 3},
		&projections.UnknownNodeError{Node: "a"}, &projections.UnknownNodeError{Node: "a", Near: []string{"b"}}, &projections.UnknownNodeError{Node: "a", Near: []string{"b"}, Ambiguous: true},
		&projections.QueryError{Field: "view", Reason: "a run belongs to view=run"}, errBadToken, errProvider,
	} {
		p := saidOf(err)
		if p.Error() != err.Error() {
			t.Errorf("%T says %q, and %q here", err, err, p)
		}
		if text, ok := p.in(1); !ok || !strings.ContainsFunc(text, isChinese) {
			t.Errorf("%T in Chinese: %q", err, text)
		}
	}
	if text, ok := sayf("the form cannot be read: %v", errors.New("of a library")).in(1); !ok || text != "无法读取表单：of a library" {
		t.Errorf("%q", text)
	}
	if text, ok := sayf("%s is %v", "limit", docText("most rows to return")).in(1); !ok || text != "limit：最多返回的行数" {
		t.Errorf("%q", text)
	}
	if text, ok := sayf("what nobody translated").in(1); ok || text != "what nobody translated" {
		t.Errorf("%q", text)
	}
	if text, _ := sayf("at %s this ledger had not begun", now).in(1); text != "2026年3月4日 05:06:07 时本账本尚未创建" {
		t.Errorf("%q", text)
	}
}

// TestDocsInChinese: the description of each route is there in Chinese.
func TestDocsInChinese(t *testing.T) {
	need := func(where, doc string) {
		if text, ok := docText(doc).in(1); !ok {
			t.Errorf("%s: without Chinese: %q", where, text)
		}
	}
	for _, rt := range routes() {
		where := rt.method + " " + rt.path
		need(where, rt.summary)
		need(where, rt.who.says(roleNames).form)
		for _, p := range paramsOf(rt.query) {
			need(where+" "+p.name, p.doc)
		}
		for _, c := range slices.Concat(rt.accepts, rt.answers) {
			need(where+" "+c.media, c.doc)
		}
	}
}

// TestVocabularyHasWords: each type of event, each value of a code list of events and
// each rule that can be broken is called something in both languages.
func TestVocabularyHasWords(t *testing.T) {
	var p [2]page
	p[1].language = 1
	called := func(field, value string) {
		kind := cmp.Or(wordKinds[field], field)
		for language, page := range p {
			if word := page.WordOf(kind, value); word == "" {
				t.Errorf("%s/%s is called nothing in %s", kind, value, languages[language])
			} else if han := strings.ContainsFunc(word, isChinese); han != (language == 1) {
				t.Errorf("%s/%s is called %q in %s", kind, value, word, languages[language])
			}
		}
	}
	for _, typ := range events.Types() {
		called("event", typ.Name)
	}
	for _, f := range sourceOf(t, "../projections") {
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 && strings.HasPrefix(spec.Names[0].Name, "Rule") {
				if rule, ok := literal(spec.Values[0]); ok {
					called("rule", rule)
				}
			}
			return true
		})
	}
	lists, constants := make(map[string][]ast.Expr), make(map[string]string)
	files := sourceOf(t, "../events")
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) == 0 {
				return true
			}
			for i, name := range spec.Names {
				if i >= len(spec.Values) {
					break
				}
				if s, ok := literal(spec.Values[i]); ok {
					constants[name.Name] = s
				} else if list, ok := spec.Values[i].(*ast.CompositeLit); ok {
					lists[name.Name] = list.Elts
				}
			}
			return true
		})
	}
	for name, value := range constants {
		if strings.HasPrefix(name, "Kind") {
			called("subject", value)
		}
	}
	checked := 0
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			if fun, ok := call.Fun.(*ast.SelectorExpr); !ok || !slices.Contains([]string{"oneOf", "eachOf", "optionalOneOf"}, fun.Sel.Name) {
				return true
			}
			field, ok := literal(call.Args[0])
			list, okList := call.Args[2].(*ast.Ident)
			if !ok || !okList || len(lists[list.Name]) == 0 {
				return true
			}
			for _, e := range lists[list.Name] {
				value, ok := literal(e)
				if name, named := e.(*ast.Ident); named {
					value, ok = constants[name.Name]
				}
				if !ok {
					t.Errorf("a value of %s cannot be read", list.Name)
				}
				called(field, value)
				checked++
			}
			return true
		})
	}
	if checked < 100 {
		t.Errorf("only %d values were found", checked)
	}
}

// TestTemplatesHoldNoWords: what stands in a template is markup, code and names; words
// come from texts. The bulletin that is printed has both languages.
func TestTemplatesHoldNoWords(t *testing.T) {
	names, err := fs.Glob(web, "web/*.html")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	action, comment := regexp.MustCompile(`\{\{[^}]*(?:\}[^}]+)*\}\}`), regexp.MustCompile(`(?s)<!--.*?-->`)
	code := regexp.MustCompile(`(?s)<a href="/[^"]*">/[a-z/.0-9?=]*</a>|<(code|pre|script|style)\b.*?</(?:code|pre|script|style)>`)
	shown := regexp.MustCompile(`(?:aria-label|title|alt|data-none|data-now)="([^"]*)"`)
	word := regexp.MustCompile(`[A-Za-z]{2,}`)
	known := []string{"Ledgerline", "JSON", "UTC", "PNG", "SVG", "DOT", "PROV"}
	for _, name := range names {
		if name == "web/bulletin_print.html" {
			continue
		}
		b, err := web.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := code.ReplaceAllString(comment.ReplaceAllString(action.ReplaceAllString(string(b), ""), ""), "")
		var texts []string
		for _, m := range shown.FindAllStringSubmatch(text, -1) {
			texts = append(texts, m[1])
		}
		texts = append(texts, regexp.MustCompile(`<[^>]*>`).Split(text, -1)...)
		for _, s := range texts {
			for _, w := range word.FindAllString(s, -1) {
				if !slices.Contains(known, w) {
					t.Errorf("%s holds the word %q, in %q", name, w, strings.TrimSpace(s))
				}
			}
			if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				t.Errorf("%s holds %q", name, s)
			}
		}
	}
}

// TestMarkChinese: only what is Chinese is marked, and only where a mark can stand.
func TestMarkChinese(t *testing.T) {
	for in, want := range map[string]string{
		`<p>no more</p>`: `<p>no more</p>`,
		`<p title="死亡">死亡日期 (swrq)</p>`:                          `<p title="死亡"><span lang="zh">死亡日期</span> (swrq)</p>`,
		`<title>死亡</title><td>部门 D01 局</td>`:                     `<title>死亡</title><td><span lang="zh">部门 D01 局</span></td>`,
		`<svg viewBox="0"><text>死亡</text></svg>死亡`:               `<svg viewBox="0"><text>死亡</text></svg><span lang="zh">死亡</span>`,
		`<select><option value="a">死亡</option></select><b>、</b>`: `<select><option value="a">死亡</option></select><b><span lang="zh">、</span></b>`,
		`死<titles>`: `<span lang="zh">死</span><titles>`,
	} {
		if got := string(markChinese([]byte(in))); got != want {
			t.Errorf("%s\nbecomes %s\nnot     %s", in, got, want)
		}
	}
}

// TestDates: dates, articles and lists are written as the language writes them.
func TestDates(t *testing.T) {
	var en, zh page
	zh.language = 1
	if en.Date("2026-03-04") != "2026-03-04" || zh.Date("2026-03-04") != "2026年3月4日" || zh.Date("soon") != "soon" {
		t.Errorf("%s %s", en.Date("2026-03-04"), zh.Date("2026-03-04"))
	}
	for number, want := range map[string]string{"1": "第一条", "10": "第十条", "20": "第二十条", "21": "第二十一条", "110": "第一百一十条", "206": "第二百零六条", "600": "第六百条", "995": "第九百九十五条", "21(1)": "第 21(1) 条"} {
		if got := zh.Article(number); got != want {
			t.Errorf("%s is %s, not %s", number, got, want)
		}
	}
	if got := en.Article("21"); got != "article 21" {
		t.Error(got)
	}
	if got := zh.Words("purpose", []string{"credit", "statistics"}); got != "信用管理、统计分析" {
		t.Error(got)
	}
}
