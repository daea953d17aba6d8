// Package bench measures a ledger beside baselines that do less.
//
// Absolute figures of a machine that others use say little, so each case takes
// turns with its baseline: one round is ours, then the baseline, and the ratio is
// taken inside the round. What is told are medians over the rounds. The
// baselines are defined in docs/performance.md.
//
// Where to read next: workload.go (the events), then a file per subject.
package bench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
)

// A Session is one run of some subjects. Dir is required.
type Session struct {
	// Dir is an empty directory on the disk to be measured. Each subject removes
	// what it made there.
	Dir string
	// Rounds are the turns that ours and its baseline take; 0 means 5.
	Rounds int
	// Scale multiplies the numbers of events; 0 means 1.
	Scale float64
	// Progress is told what is going on; nil: nobody is.
	Progress func(done, total int64, note string)
	Logger   *slog.Logger // nil: discards

	report  *Report
	subject string
	made    int
}

// A Subject is one thing to be measured.
type Subject struct {
	Name, Short string
	Run         func(context.Context, *Session) error
}

// Subjects lists all subjects in the order in which they are run.
func Subjects() []Subject {
	return []Subject{
		{"append", "synced appends in process, beside raw Pebble", benchAppend},
		{"http", "appends over HTTP, beside the same server without a store, and on raw Pebble", benchHTTP},
		{"views", "events until they are visible in every view, catching up, rebuilding, bytes", benchViews},
		{"read", "questions as of a past position, and proofs, in a small ledger and one ten times as large", benchRead},
		{"lineage", "walks over the lineage graph, beside bare arrays and PostgreSQL where it is installed", benchLineage},
		{"openlineage", "OpenLineage events over HTTP until they are visible, and their lag", benchOpenLineage},
		{"verify", "full verification, beside hashing the same bytes alone", benchVerify},
	}
}

// Report is what was measured, and on what.
type Report struct {
	Machine Machine  `json:"machine"`
	Rounds  int      `json:"rounds"`
	Figures []Figure `json:"figures"`
}

// Figure is one measurement.
type Figure struct {
	Subject string `json:"subject"`
	Case    string `json:"case"`
	// What is measured, and its unit, such as "events/s".
	What string  `json:"what"`
	Unit string  `json:"unit"`
	Ours float64 `json:"ours"`
	// Beside is the baseline's name, Baseline its figure, and Ratio the median of
	// ours divided by the baseline's; without a baseline they are empty.
	Beside   string  `json:"beside,omitempty"`
	Baseline float64 `json:"baseline,omitempty"`
	Ratio    float64 `json:"ratio,omitempty"`
	// Goal is what is asked of the ratio or, without a baseline, of ours, such as
	// "≥ 0.80"; empty if nothing is. Met says whether it is reached.
	Goal string `json:"goal,omitempty"`
	Met  bool   `json:"met,omitempty"`
}

// Run measures subjects one after the other. What was measured before an error,
// or before ctx ended, is in the report all the same.
func (s *Session) Run(ctx context.Context, subjects ...Subject) (*Report, error) {
	s.Rounds = cmp.Or(s.Rounds, 5)
	s.Scale = cmp.Or(s.Scale, 1)
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	s.report = &Report{Machine: thisMachine(s.Dir), Rounds: s.Rounds}
	for _, sub := range subjects {
		s.subject = sub.Name
		if err := sub.Run(ctx, s); err != nil {
			return s.report, fmt.Errorf("measuring %s: %w", sub.Name, err)
		}
	}
	return s.report, nil
}

// Events scales a number of events.
func (s *Session) Events(n int) int { return max(1, int(float64(n)*s.Scale)) }

// MakeDir makes a directory that does not exist yet.
func (s *Session) MakeDir() (string, error) {
	s.made++
	d := filepath.Join(s.Dir, fmt.Sprintf("%s-%d", s.subject, s.made))
	return d, os.Mkdir(d, 0o755)
}

func (s *Session) say(done, total int64, format string, args ...any) {
	if s.Progress != nil {
		s.Progress(done, total, fmt.Sprintf("%s: ", s.subject)+fmt.Sprintf(format, args...))
	}
}

// A Goal bounds a figure: at least Least, or at most Most, whichever is not 0.
type Goal struct{ Least, Most float64 }

func (g Goal) String() string {
	switch {
	case g.Least != 0:
		return "≥ " + number(g.Least)
	case g.Most != 0:
		return "≤ " + number(g.Most)
	}
	return ""
}

func (g Goal) met(v float64) bool {
	return g != Goal{} && (g.Least == 0 || v >= g.Least) && (g.Most == 0 || v <= g.Most)
}

// tell adds a figure that has no baseline.
func (s *Session) tell(of, what, unit string, v float64, g Goal) {
	s.add(Figure{Case: of, What: what, Unit: unit, Ours: v, Goal: g.String(), Met: g.met(v)})
}

func (s *Session) add(f Figure) {
	f.Subject = s.subject
	s.report.Figures = append(s.report.Figures, f)
}

// A Sample is one turn's figures by name.
type Sample map[string]float64

// Compare lets ours and its baseline take turns, and tells of each measure that
// goals name the medians and the median ratio.
func (s *Session) Compare(ctx context.Context, of, beside string, measures []Measure, ours, baseline func(context.Context) (Sample, error)) error {
	var got [2][]Sample
	for round := range s.Rounds {
		for turn, f := range []func(context.Context) (Sample, error){ours, baseline} {
			s.say(int64(2*round+turn), int64(2*s.Rounds), "%s beside %s", of, beside)
			if err := ctx.Err(); err != nil {
				return err
			}
			v, err := f(ctx)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", of, [2]string{"ours", beside}[turn], err)
			}
			got[turn] = append(got[turn], v)
		}
	}
	for _, m := range measures {
		pick := func(f func(i int) float64) float64 {
			vs := make([]float64, s.Rounds)
			for i := range vs {
				vs[i] = f(i)
			}
			return median(vs)
		}
		f := Figure{
			Case: of, What: m.What, Unit: m.Unit, Beside: beside, Goal: m.Goal.String(),
			Ours:     pick(func(i int) float64 { return got[0][i][m.What] }),
			Baseline: pick(func(i int) float64 { return got[1][i][m.What] }),
			Ratio:    pick(func(i int) float64 { return got[0][i][m.What] / got[1][i][m.What] }),
		}
		f.Met = m.Goal.met(f.Ratio)
		s.add(f)
	}
	return nil
}

// A Measure is one name in the samples of a comparison, and what is asked of it.
type Measure struct {
	What, Unit string
	Goal       Goal
}

func median(vs []float64) float64 {
	vs = slices.Sorted(slices.Values(vs))
	if len(vs) == 0 {
		return 0
	}
	return vs[len(vs)/2]
}

// number writes a figure with three digits that mean something.
func number(v float64) string {
	switch a := max(v, -v); {
	case a >= 1e6:
		return fmt.Sprintf("%.2f M", v/1e6)
	case a >= 10_000:
		return fmt.Sprintf("%.1f k", v/1e3)
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.01 || a == 0:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.1e", v)
}

// Write prints the report for people.
func (r *Report) Write(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s\nmedians of %d rounds; a ratio is taken inside each round\n", r.Machine, r.Rounds); err != nil {
		return err
	}
	subject := ""
	for _, f := range r.Figures {
		if f.Subject != subject {
			subject = f.Subject
			if _, err := fmt.Fprintf(w, "\n%s\n", subject); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(w, "  %s\n", f); err != nil {
			return err
		}
	}
	return nil
}

func (f Figure) String() string {
	s := fmt.Sprintf("%-34s %-12s %9s %-9s", f.Case, f.What, number(f.Ours), f.Unit)
	if f.Beside != "" {
		s += fmt.Sprintf(" %9s %-16s ratio %5s", number(f.Baseline), f.Beside, number(f.Ratio))
	}
	if f.Goal != "" {
		verdict := "missed"
		if f.Met {
			verdict = "met"
		}
		s += fmt.Sprintf("  goal %s: %s", f.Goal, verdict)
	}
	return s
}
