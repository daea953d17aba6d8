package api

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// TestOpenAPIFile keeps the description in the tree the one that is served. The
// document must be valid by another's reading of the standard.
func TestOpenAPIFile(t *testing.T) {
	made, err := openAPIDocument()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.json", made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile("openapi.json")
	if err != nil || !bytes.Equal(kept, made) {
		t.Errorf("openapi.json is stale (%v); run: go test ./api -run TestOpenAPIFile -update", err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(made)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Error(err)
	}
	if !doc.IsOpenAPI31OrLater() {
		t.Error("the document is not OpenAPI 3.1")
	}
	seen := make(map[string]bool)
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			if seen[op.OperationID] || op.OperationID == "" {
				t.Errorf("operation id %q is not unique", op.OperationID)
			}
			seen[op.OperationID] = true
		}
	}
}

// TestRoutesComplete: what the router serves, the table lists, the document
// describes and the page shows are the same.
func TestRoutesComplete(t *testing.T) {
	f := newFixture(t, nil)
	served := make(map[string]bool)
	err := chi.Walk(f.server.handler.(chi.Routes), func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		served[method+" "+path] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	page := string(f.get("/docs").body)
	paths := openAPI(routes())["paths"].(object)
	for _, rt := range routes() {
		name := rt.method + " " + rt.path
		if !served[name] {
			t.Errorf("%s is not served", name)
		}
		delete(served, name)
		if _, ok := paths[openPath(rt.path)].(object)[strings.ToLower(rt.method)]; !ok {
			t.Errorf("%s is not described", name)
		}
		if !strings.Contains(page, `id="`+operationID(rt)+`"`) {
			t.Errorf("%s is not on the page of documentation", name)
		}
		if rt.summary == "" || len(rt.answers) == 0 || rt.method == post && len(rt.accepts) == 0 {
			t.Errorf("%s does not say all about itself", name)
		}
	}
	for _, twin := range []string{"POST /api/v1/lineage/", "POST /api/v1/lineage/batch/"} {
		delete(served, twin) // the same with the slash that some clients add
	}
	if len(served) > 0 {
		t.Errorf("served without a line in the table: %v", served)
	}
}

// TestExamples runs the examples of the documentation.
func TestExamples(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	f.request()
	ids := strings.NewReplacer("/log/body/{position}", "/log/body/0", "{position}", "14", "{name}", "openlineage", "/entries/{id}", "/entries/DS02", "/parties/{id}", "/parties/D01",
		"/agreements/{id}", "/agreements/A02", "/requests/{id}", "/requests/R02", "/findings/{id}", "/findings/Q1", "/runs/{id}", "/runs/"+runID, "/holds/{id}", "/holds/case-12", "/log/tile/entries/*", "/log/tile/entries/000.p/1", "/log/tile/*", "/log/tile/0/000.p/1", "/debug/pprof/*", "/debug/pprof/heap", "{period}", "2026-01")
	table := routes()
	slices.SortStableFunc(table, func(a, b route) int { return -strings.Compare(a.method, b.method) }) // what is asked for is there by then
	for _, rt := range table {
		if rt.path == "/v1/events/stream" {
			continue // has no end; see TestFollow
		}
		if strings.HasPrefix(rt.path, "/sign-in/") || rt.method == post && rt.path == "/sign-in" {
			continue // takes somebody who may sign in; see TestSignIn and TestSignInAtProvider
		}
		var r reply
		if rt.method == post {
			r = f.do(post, ids.Replace(rt.path), rt.example, "Content-Type", rt.accepts[0].media)
		} else {
			r = f.get(ids.Replace(rt.path) + rt.example)
		}
		if r.status >= 300 {
			t.Errorf("%s %s%s: %d %s", rt.method, rt.path, rt.example, r.status, r.body)
		}
		f.caughtUp()
	}
}
