package ledger

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"ledgerline/ledger/proof"
	"ledgerline/ledger/proof/evidence"
)

// BenchmarkEvidence builds a bundle that is complete for 1,000 events of a log of
// 100,000, and has it checked by Check and by verify.py. It tells the time and the
// processor time of each.
func BenchmarkEvidence(b *testing.B) {
	const n, shown = 100_000, 1_000
	dir := b.TempDir()
	fillLog(b, dir, n)
	l, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	}()
	if err := l.CommitIndex(ctx); err != nil {
		b.Fatal(err)
	}
	var built, builtCPU, checked, python, pythonCPU []float64
	for b.Loop() {
		from, err := l.timeOf(n / 2)
		if err != nil {
			b.Fatal(err)
		}
		to, err := l.timeOf(n/2 + shown)
		if err != nil {
			b.Fatal(err)
		}
		start, used := time.Now(), cpuSeconds()
		p, answer, err := l.ProveCompleteness(ctx, proof.Question{Names: []proof.Name{{"entry", "DS02"}}, From: from, To: to}, 0)
		if err != nil || len(answer.Records) != shown {
			b.Fatalf("%d records, %v", len(answer.Records), err)
		}
		var positions []int64
		for _, r := range answer.Records {
			positions = append(positions, int64(r.Leaf.Position))
		}
		size := answer.Checkpoint.Size
		records, err := l.EvidenceOf(ctx, size, positions, func(string) bool { return false })
		if err != nil {
			b.Fatal(err)
		}
		packed, err := l.SignEvidence(size, evidence.Bundle{Records: records, Completeness: p})
		if err != nil {
			b.Fatal(err)
		}
		built, builtCPU = append(built, time.Since(start).Seconds()), append(builtCPU, cpuSeconds()-used)
		start = time.Now()
		if r, err := evidence.Check(packed, evidence.Trust{Keys: l.Keys()}); err != nil || r.Answer != evidence.Whole {
			b.Fatalf("%+v, %v", r, err)
		}
		checked = append(checked, time.Since(start).Seconds())
		file := filepath.Join(b.TempDir(), "bundle.zip")
		if err := os.WriteFile(file, packed, 0o600); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		cmd := exec.Command("python3", "proof/evidence/verify.py", file, "--key", l.VerifierKey())
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("verify.py: %v\n%s", err, out)
		}
		python = append(python, time.Since(start).Seconds())
		pythonCPU = append(pythonCPU, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
		b.ReportMetric(float64(len(packed)), "bytes")
	}
	for name, values := range map[string][]float64{"build-s": built, "build-cpu-s": builtCPU, "check-s": checked, "python-s": python, "python-cpu-s": pythonCPU} {
		b.ReportMetric(middleOf(values), name)
	}
}
