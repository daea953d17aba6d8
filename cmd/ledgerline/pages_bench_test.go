package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"ledgerline/api"
)

// BenchmarkPages asks for the pages of the demo, each with what costs it most.
func BenchmarkPages(b *testing.B) {
	ctx := context.Background()
	p := &program{out: io.Discard, err: io.Discard}
	s, err := p.openDemo(ctx, b.TempDir()+"/demo", slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	handler, err := s.handler(api.Options{Dev: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	for _, page := range []struct{ name, path string }{
		{"start", "/"}, {"catalog", "/catalog"}, {"search", "/catalog?text=%E6%AD%BB%E4%BA%A1"}, {"entry", "/entries/DS23"},
		{"lineage", "/lineage?node=entry:DS23"}, {"lineage-compared", "/lineage?node=entry:DS23&depth=10&compare=180"}, {"lineage-columns", "/lineage?node=entry:DS23&columns=true&depth=10"},
		{"investigation", "/investigate?node=entry:DS23"}, {"case", "/case?records=5191.5193"}, {"sharing", "/sharing"}, {"agreement", "/agreements/A11"},
		{"request", "/requests/R-A04"}, {"uses", "/uses?consumer=D03"}, {"changes", "/catalog/changes"},
		{"accesses", "/accesses"}, {"findings", "/findings"}, {"finding", "/findings/Q01"}, {"duties", "/duties"}, {"violations", "/violations"},
		{"bulletin", "/bulletin?period=2026-01"}, {"parties", "/parties"}, {"records", "/events"}, {"record", "/events/3067"}, {"health", "/health"},
	} {
		b.Run(page.name, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, page.path, nil))
				if w.Code != http.StatusOK {
					b.Fatalf("%s: %d %s", page.path, w.Code, w.Body)
				}
			}
		})
	}
}
