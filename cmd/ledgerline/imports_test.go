package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// directions says what each package may import beside the standard library:
// a module path, or a package of this module. A package that is not listed may
// not exist: adding one is a decision, made here.
var directions = []struct {
	pkg string
	may []string
}{
	{"events", []string{json2, "ledgerline/events/rulepack"}},
	{"events/openlineage", []string{"ledgerline/events", json2}},
	{"events/rulepack", []string{json2}},
	{"ledger/proof", []string{cbor, xmod, "github.com/transparency-dev/formats"}},
	{"ledger/proof/evidence", []string{"ledgerline/ledger/proof", xmod, "github.com/digitorus/pkcs7", "github.com/digitorus/timestamp", "github.com/transparency-dev/formats"}},
	{"ledger", []string{"ledgerline/events", "ledgerline/events/openlineage", "ledgerline/ledger/proof", "ledgerline/ledger/proof/evidence", pebble, cbor, xmod, "github.com/transparency-dev/formats"}},
	{"ledger/faultfs", []string{pebble}},
	{"ledger/notary", []string{"ledgerline/events", "ledgerline/ledger", "ledgerline/ledger/proof", "ledgerline/ledger/proof/evidence", xmod, "github.com/digitorus/timestamp", "github.com/transparency-dev/formats"}},
	{"projections", []string{"ledgerline/events", "ledgerline/events/openlineage", "ledgerline/events/rulepack", "ledgerline/ledger", "ledgerline/ledger/proof", "ledgerline/projections/graph", pebble, watermill, cbor, json2, "github.com/google/uuid"}},
	{"projections/graph", nil},
	{"projections/scheduler", []string{"ledgerline/events", "ledgerline/ledger", "ledgerline/projections"}},
	{"api", []string{"ledgerline/api/relay", "ledgerline/events", "ledgerline/events/rulepack", "ledgerline/events/openlineage", "ledgerline/ledger", "ledgerline/ledger/notary", "ledgerline/ledger/proof", "ledgerline/ledger/proof/evidence", "ledgerline/projections", "ledgerline/projections/scheduler", chi, xmod, json2,
		"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "golang.org/x/net", "golang.org/x/time", "github.com/google/uuid", "github.com/klauspost/compress", "github.com/prometheus/client_golang", parquet, telemetry}},
	{"api/relay", []string{"ledgerline/events", "ledgerline/ledger", "ledgerline/ledger/proof", "ledgerline/projections", watermill, "github.com/cenkalti/backoff", nats, json2, telemetry}},
	{"cmd/ledgerline/bench", []string{"ledgerline/events", "ledgerline/events/rulepack", "ledgerline/api", "ledgerline/ledger", "ledgerline/ledger/proof", "ledgerline/projections", "ledgerline/projections/graph", pebble, xmod}},
	{"cmd/ledgerline/demo", []string{"ledgerline/events", "ledgerline/events/rulepack", "ledgerline/api", "github.com/google/uuid"}},
	{"cmd/ledgerline", []string{"ledgerline", "github.com/spf13/cobra", "github.com/coreos/go-systemd/v22/daemon", "github.com/pelletier/go-toml/v2", xmod, json2, "golang.org/x/text", "github.com/transparency-dev/formats", telemetry}},
}

const (
	json2     = "github.com/go-json-experiment/json"
	cbor      = "github.com/fxamacker/cbor/v2"
	xmod      = "golang.org/x/mod"
	pebble    = "github.com/cockroachdb/pebble/v2"
	watermill = "github.com/ThreeDotsLabs/watermill"
	chi       = "github.com/go-chi/chi/v5"
	nats      = "github.com/nats-io/nats.go"
	parquet   = "github.com/parquet-go/parquet-go"
	telemetry = "go.opentelemetry.io/otel"
)

// confined lists what must not leak out of its packages even in tests. The bench
// has raw Pebble as a baseline.
var confined = map[string][]string{
	pebble:    {"ledger", "ledger/faultfs", "projections", "cmd/ledgerline/bench"},
	watermill: {"projections", "api/relay"},
	nats:      {"api/relay"},
	chi:       {"api"},
	parquet:   {"api"},
}

// topLevel is everything that may stand beside the README, dotfiles excepted.
var topLevel = []string{"cmd", "events", "projections", "ledger", "api", "docs", "go.mod", "go.sum", "README.md", "LICENSE"}

type goPackage struct {
	ImportPath, Dir, Doc               string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports []string
}

func (p goPackage) name() string { return strings.TrimPrefix(p.ImportPath, "ledgerline/") }

// modulePackages lists the packages of this module as the go command sees them.
func modulePackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = moduleRoot(t)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list ./...: %v", err)
	}
	var list []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatalf("go list ./...: %v", err)
		}
		list = append(list, p)
	}
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// under reports whether an import path is the module or package or lies in it.
func under(path, module string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// exactly is under, save that packages of this module must be named one by one.
func permitted(path string, may []string) bool {
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") && first != "ledgerline" {
		return true // standard library
	}
	return slices.ContainsFunc(may, func(m string) bool {
		if strings.HasPrefix(m, "ledgerline/") {
			return path == m
		}
		return under(path, m)
	})
}

func TestImportDirections(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range modulePackages(t) {
		seen[p.name()] = true
		i := slices.IndexFunc(directions, func(d struct {
			pkg string
			may []string
		}) bool {
			return d.pkg == p.name()
		})
		if i < 0 {
			t.Errorf("package %s is not in the house: fold it into one of those listed in imports_test.go, or argue for it there", p.name())
			continue
		}
		for _, path := range p.Imports {
			if !permitted(path, directions[i].may) {
				t.Errorf("%s imports %s; it may import the standard library and %v", p.name(), path, directions[i].may)
			}
		}
		if strings.TrimSpace(p.Doc) == "" {
			t.Errorf("%s has no package comment: say its job in one sentence, directly above the package clause", p.name())
		}
	}
	for _, need := range []string{"events", "ledger", "ledger/proof", "projections", "api", "cmd/ledgerline"} {
		if !seen[need] {
			t.Errorf("package %s is missing", need)
		}
	}
}

func TestConfinedModules(t *testing.T) {
	for _, p := range modulePackages(t) {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if path == pebble+"/vfs" && !slices.Contains(p.Imports, path) {
				continue // tests may keep a ledger in memory
			}
			for module, home := range confined {
				if under(path, module) && !slices.Contains(home, p.name()) {
					t.Errorf("%s imports %s, which belongs in %v only", p.name(), path, home)
				}
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	for _, p := range modulePackages(t) {
		switch base := filepath.Base(p.ImportPath); base {
		case "util", "utils", "common", "helper", "helpers", "misc", "shared", "base":
			t.Errorf("package %s: %q says nothing; name it after its one job", p.ImportPath, base)
		}
	}
}

func TestTopLevel(t *testing.T) {
	list, err := os.ReadDir(moduleRoot(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		built := e.Name() == "ledgerline" && e.Type().IsRegular() // go build ./cmd/ledgerline; ignored by git
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) && !built {
			t.Errorf("%s stands at the top level; only %v may", e.Name(), topLevel)
		}
	}
}

// machinePath finds paths that exist only on somebody's machine.
var machinePath = regexp.MustCompile(`(^|[\s"'(=` + "`" + `])(/(work|farm|home|Users)/[\w.]|\.\./(shared|\.library)\b)`)

func TestNoMachinePaths(t *testing.T) {
	root := moduleRoot(t)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if rel == ".git" || strings.HasSuffix(rel, "testdata/fuzz") {
				return filepath.SkipDir
			}
			return nil
		}
		switch filepath.Ext(path) {
		case ".go", ".md", ".txt", ".py", ".sh", ".js", ".html", ".css", ".mod", "":
		default:
			return nil
		}
		if strings.HasSuffix(path, "imports_test.go") || (filepath.Ext(path) == "" && !strings.HasPrefix(rel, ".ci/")) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			if machinePath.MatchString(line) {
				t.Errorf("%s:%d names a path of one machine: %s", rel, i+1, strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIteratorErrors holds every Pebble iterator to account: a damaged table
// makes an iterator stop early without a word, so a loop that does not ask
// Error(), or take the error of Close(), takes damage for the end.
func TestIteratorErrors(t *testing.T) {
	found := 0
	for _, p := range modulePackages(t) {
		if !slices.Contains(confined[pebble], p.name()) {
			continue
		}
		fset := token.NewFileSet()
		for _, file := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range f.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				if !ok || fn.Body == nil {
					continue
				}
				for _, it := range iterators(fn.Body) {
					found++
					if !accountsFor(fn.Body, it.Name) {
						t.Errorf("%s: iterator %s: nothing asks %[2]s.Error() or takes the error of %[2]s.Close()", fset.Position(it.Pos()), it.Name)
					}
				}
			}
		}
	}
	if found == 0 {
		t.Error("no iterator found: this check has lost sight of what it checks")
	}
}

// iterators returns the variables that a NewIter call is assigned to.
func iterators(body *ast.BlockStmt) (list []*ast.Ident) {
	ast.Inspect(body, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Rhs) != 1 || len(assign.Lhs) == 0 {
			return true
		}
		if call, ok := assign.Rhs[0].(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(sel.Sel.Name, "NewIter") {
				if id, ok := assign.Lhs[0].(*ast.Ident); ok && id.Name != "_" {
					list = append(list, id)
				}
			}
		}
		return true
	})
	return list
}

// accountsFor reports whether the body calls name.Error(), uses the result of
// name.Close(), or hands the iterator on to somebody who can.
func accountsFor(body *ast.BlockStmt, name string) (ok bool) {
	dropped := map[ast.Node]bool{} // calls whose result is thrown away
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ExprStmt:
			dropped[n.X] = true
		case *ast.DeferStmt:
			dropped[n.Call] = true
		case *ast.ReturnStmt:
			for _, r := range n.Results {
				if id, is := r.(*ast.Ident); is && id.Name == name {
					ok = true
				}
			}
		case *ast.KeyValueExpr:
			if id, is := n.Value.(*ast.Ident); is && id.Name == name {
				ok = true
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if id, is := e.(*ast.Ident); is && id.Name == name {
					ok = true
				}
			}
		case *ast.CallExpr:
			if sel, is := n.Fun.(*ast.SelectorExpr); is {
				if id, is := sel.X.(*ast.Ident); is && id.Name == name && !dropped[n] {
					ok = ok || sel.Sel.Name == "Error" || sel.Sel.Name == "Close"
				}
			}
			for _, arg := range n.Args {
				if id, is := arg.(*ast.Ident); is && id.Name == name {
					ok = true
				}
			}
		}
		return true
	})
	return ok
}

// The budgets by which drift is seen. Only the file budget fails a build.
const fileBudget = 600

// TestPackageSizes prints how large each package is, for -v and the CI log.
func TestPackageSizes(t *testing.T) {
	var out strings.Builder
	fmt.Fprintf(&out, "%-22s %6s %6s %7s %9s %9s\n", "package", "files", "lines", "longest", "exported", "comments")
	for _, p := range modulePackages(t) {
		var lines, longest, exported, comments int
		fset := token.NewFileSet()
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			n := fset.File(f.Pos()).LineCount()
			lines, longest = lines+n, max(longest, n)
			if n > fileBudget {
				t.Logf("%s/%s has %d lines; is it still about one thing?", p.name(), file, n)
			}
			exported += exportedNames(f)
			for _, c := range f.Comments {
				comments += fset.Position(c.End()).Line - fset.Position(c.Pos()).Line + 1
			}
		}
		fmt.Fprintf(&out, "%-22s %6d %6d %7d %9d %8d%%\n", p.name(), len(p.GoFiles), lines, longest, exported, 100*comments/max(lines, 1))
	}
	t.Log("\n" + out.String())
}

// exportedNames counts exported top-level names, methods excepted.
func exportedNames(f *ast.File) (n int) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.IsExported() {
				n++
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						n++
					}
				case *ast.ValueSpec:
					for _, id := range s.Names {
						if id.IsExported() {
							n++
						}
					}
				}
			}
		}
	}
	return n
}
