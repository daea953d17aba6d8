package bench

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestNational loads a country in miniature, broken off once, and asks about it.
func TestNational(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "national")
	ctx, stop := context.WithCancel(t.Context())
	s := &Session{Rounds: 1, Scale: 0.001, Progress: func(done, total int64, note string) {
		if done > 0 && strings.Contains(note, "events") {
			stop()
		}
	}}
	load := Subject{"load", "", func(ctx context.Context, s *Session) error { return s.Load(ctx, dir) }}
	if _, err := s.Run(ctx, load); err == nil {
		t.Fatal("the load was not broken off")
	}
	w := newNational(s.Scale)
	held := func() int {
		l, _, err := s.nationalBook(dir, false)
		if err != nil {
			t.Fatal(err)
		}
		n, err := w.loaded(l)
		if err := firstError(err, l.Close()); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := held(); n == 0 || n >= w.total {
		t.Fatalf("broken off, the load had come to %d of %d", n, w.total)
	}
	s.Progress = nil
	if _, err := s.Run(t.Context(), load); err != nil {
		t.Fatal(err)
	}
	if n := held(); n != w.total {
		t.Errorf("resumed, the load came to %d of %d", n, w.total)
	}
	r, err := s.Run(t.Context(), Subject{"questions", "", func(ctx context.Context, s *Session) error { return s.Questions(ctx, dir) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Figures) != 2*len(theQuestions) {
		t.Errorf("%d figures for %d questions", len(r.Figures), len(theQuestions))
	}
}

// TestNationalTypes: of each kind there are as many events as the profile says; runs,
// issues and calls all occur.
func TestNationalTypes(t *testing.T) {
	w := newNational(0.01)
	seen := map[string]int{}
	for i := range w.total {
		seen[w.event(i).Type]++
	}
	for typ, want := range map[string]int{
		"party.body.registered": w.parties, "catalog.entry.published": w.entries, "share.agreement.activated": w.agreements, "lineage.openlineage.received": 2 * w.runs,
		"quality.issue.reported": w.issues, "correction.request.answered": w.issues,
	} {
		if seen[typ] != want {
			t.Errorf("%d events are %s, want %d", seen[typ], typ, want)
		}
	}
	if calls := seen["access.call.recorded"] + seen["access.call.denied"]; calls != w.accesses {
		t.Errorf("%d calls, want %d", calls, w.accesses)
	}
}
