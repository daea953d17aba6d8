package bench

import (
	"context"
	"testing"
)

func BenchmarkViews(b *testing.B) {
	s := Session{Dir: b.TempDir(), Rounds: 1, Scale: 0.25}
	r, err := s.Run(context.Background(), Subjects()[1])
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range r.Figures {
		b.Log(f)
	}
}
