package bench

import (
	"context"
	"strings"
	"testing"
)

// TestSubjects runs every subject on very little, so that each still works.
func TestSubjects(t *testing.T) {
	for _, sub := range Subjects() {
		t.Run(sub.Name, func(t *testing.T) {
			s := Session{Dir: t.TempDir(), Rounds: 1, Scale: 0.005}
			r, err := s.Run(t.Context(), sub)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Figures) == 0 || r.Machine.Cores == 0 {
				t.Fatalf("nothing was told: %+v", r)
			}
			for _, f := range r.Figures {
				if f.Subject != sub.Name || f.Ours < 0 || (f.Beside != "") != (f.Ratio > 0) {
					t.Errorf("%+v", f)
				}
			}
			var text strings.Builder
			if err := r.Write(&text); err != nil || !strings.Contains(text.String(), r.Figures[0].Case) {
				t.Errorf("%v: %s", err, text.String())
			}
		})
	}
}

// TestInterrupted: what was measured before the end is told.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := Session{Dir: t.TempDir(), Rounds: 1, Scale: 0.005}
	r, err := s.Run(ctx, Subjects()...)
	if err == nil || r == nil {
		t.Errorf("%v, %v", r, err)
	}
}

// Each subject as a Go benchmark, for profiles.
func Benchmark(b *testing.B) {
	for _, sub := range Subjects() {
		b.Run(sub.Name, func(b *testing.B) {
			for b.Loop() {
				s := Session{Dir: b.TempDir(), Rounds: 3, Scale: 0.25}
				r, err := s.Run(b.Context(), sub)
				if err != nil {
					b.Fatal(err)
				}
				for _, f := range r.Figures {
					b.Log(f)
				}
			}
		})
	}
}
