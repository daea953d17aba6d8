package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// TestSpansAreSent: a server that is told where sends its spans there, at the
// latest when it is stopped.
func TestSpansAreSent(t *testing.T) {
	var mu sync.Mutex
	var names []string
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		var got collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(b, &got)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, rs := range got.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					names = append(names, s.GetName())
				}
			}
		}
	}))
	defer sink.Close()
	dir := filepath.Join(t.TempDir(), "led")
	command(t, "init", "--dir", dir, "--origin", "ledger.example/spans")
	s := serveDir(t, dir, "--trace-url", sink.URL+"/v1/traces")
	res, err := http.Get(s.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"GET /healthz", "views: apply"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no span %s among %s", want, strings.Join(names, ", "))
		}
	}
}
