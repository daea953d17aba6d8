package projections

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ledgerline/events"
)

// sifted keeps what a rule keeps of a list, and counts what it leaves out, within what it
// keeps as well.
func sifted[T any](list []T, keep func(*T) (kept bool, struck int)) (out []T, withheld int64) {
	out = []T{}
	for _, x := range list {
		kept, struck := keep(&x)
		if kept {
			out, withheld = append(out, x), withheld+int64(struck)
		} else {
			withheld++
		}
	}
	return out, withheld
}

// whether is a rule of sifted that strikes nothing.
func whether[T any](sees func(*T) bool) func(*T) (bool, int) {
	return func(x *T) (bool, int) { return sees(x), 0 }
}

// strikes keeps of a list what a rule sees, and adds to struck what it leaves out.
func strikes[T any](list *[]T, struck *int, sees func(*T) bool) {
	if *list == nil {
		return
	}
	kept, n := sifted(*list, whether(sees))
	*list, *struck = kept, *struck+int(n)
}

// jsonOf writes an answer for comparison.
func jsonOf(t *testing.T, answer any) string {
	t.Helper()
	b, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestScopeOfAnswers holds what is answered about attribution, traces, differences and
// tests of data, within every scope, to the whole answer sifted by hand.
func TestScopeOfAnswers(t *testing.T) {
	b := scopedBook(t)
	declared := olJob("stage", day(7, 2), inputs(olInput("report", "id", "name")), outputs(olOutput("stage7", "report", "name", "name")))
	declared.data.(*events.OpenLineageReceived).Job.Namespace = "etl7"
	again := olRun("r8", "stage", "COMPLETE", day(7, 20), inputs(olInput("report", "id"), olInput("raw", "date")), outputs(olOutput("stage7", "report", "id", "id")))
	again.data.(*events.OpenLineageReceived).Job.Namespace = "etl7"
	mixed := olRun("r9", "join", "COMPLETE", day(7, 21), inputs(olInput("stage7", "id"), olInput("report", "id")), outputs(olOutput("joined", "stage7", "id", "id")))
	checked := again
	checked.data.(*events.OpenLineageReceived).Checks = []events.LineageCheck{olCheck("report", "id", events.CheckFailed), olCheck("stage7", "id", events.CheckPassed), olCheck("raw", "date", events.CheckFailed), olCheck("", "", events.CheckFailed)}
	b.add(declared, checked, mixed,
		claim{at: day(7, 22), data: &events.QualityRunCompleted{Run: "m6", By: "P7", Entry: "E6", Results: []events.QualityResult{{Rule: "R1", Item: "id", Measured: 9, Conforming: 4}}}},
		claim{at: day(7, 22), data: &events.QualityRunCompleted{Run: "m1", By: "P2", Entry: "E1", Dataset: events.DatasetRef{Namespace: "pg", Name: "report"}, Results: []events.QualityResult{{Rule: "R2", Item: "id", Measured: 9, Conforming: 9, Pass: true}}}},
		claim{at: day(7, 23), data: &events.QualityIssueReported{Issue: "Q8", By: "P7", Entry: "E6", Dataset: events.DatasetRef{Namespace: "pg", Name: "report"}, Items: []string{"id"}, Dimension: "d", Symptom: "wrong", Severity: "minor", Description: "x"}},
	)
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	w := current(t, v)
	agreements, err := w.Agreements(ctx, AgreementQuery{Page: Page{Limit: MaxLimit}})
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]Agreement{}
	for _, a := range agreements.Agreements {
		of[a.ID] = a
	}
	issues, err := w.Findings(ctx, FindingQuery{Page: Page{Limit: MaxLimit}})
	if err != nil {
		t.Fatal(err)
	}
	compared := map[string]int{}
	hold := func(what string, s Scope, bound *View, got, want any, withheld int64) {
		t.Helper()
		if g, x := jsonOf(t, got), jsonOf(t, want); g != x {
			t.Errorf("%s within %v:\n got %s\nwant %s", what, s, g, x)
		}
		if bound.Withheld() != withheld {
			t.Errorf("%s within %v: %d are said to be withheld, and %d are", what, s, bound.Withheld(), withheld)
		}
		if withheld > 0 {
			compared[what]++
		}
	}
	for _, s := range scopesTried {
		sees := brute(t, w, s)
		visible := bruteNodes(t, w, sees)
		run := func(id string) bool {
			r, ok, err := w.Run(ctx, id)
			if err != nil || !ok {
				t.Fatal(id, ok, err)
			}
			at := func(sets []Dataset) bool {
				return slices.ContainsFunc(sets, func(d Dataset) bool { return visible("dataset:" + d.Namespace + "/" + d.Name) })
			}
			return r.Job.Namespace == "etl7" && sees("P7") || at(r.Inputs) || at(r.Outputs)
		}
		for _, f := range issues.Findings {
			if !sees(f.By, f.Provider, f.Assigned) {
				continue
			}
			whole, ok, err := w.Attribute(ctx, f.ID, 0)
			bound := w.Within(s)
			mine, shown, err2 := bound.Attribute(ctx, f.ID, 0)
			if err != nil || err2 != nil || !ok || !shown {
				t.Fatal(f.ID, ok, shown, err, err2)
			}
			var n1, n2, n3 int64
			whole.Origins, n1 = sifted(whole.Origins, whether(func(o *FaultOrigin) bool { return visible("entry:" + o.Entry) }))
			whole.Responsible, n2 = sifted(whole.Responsible, whether(func(r *Responsible) bool { return sees(r.Party) }))
			whole.Recipients, n3 = sifted(whole.Recipients, whether(func(r *FaultRecipient) bool {
				a := of[r.Agreement]
				return sees(r.Party, a.Provider, a.Consumer)
			}))
			hold("attribution", s, bound, mine, whole, n1+n2+n3)
		}
		for _, node := range []string{"dataset:pg/stage7", "dataset:pg/joined", "column:pg/joined#id", "dataset:pg/report"} {
			if !visible(node) {
				continue
			}
			whole, err := w.Trace(ctx, TraceQuery{Node: node})
			bound := w.Within(s)
			mine, err2 := bound.Trace(ctx, TraceQuery{Node: node})
			if err != nil || err2 != nil {
				t.Fatal(node, err, err2)
			}
			var n int64
			whole.Steps, n = sifted(whole.Steps, func(x *TraceStep) (bool, int) {
				struck := 0
				strikes(&x.Read, &struck, func(id *string) bool { return visible(*id) })
				return visible(x.Wrote), struck
			})
			hold("trace", s, bound, mine, whole, n)
		}
		for _, node := range []string{"dataset:pg/stage7", "job:etl7/stage", "run:r8", "run:r7"} {
			if id, ok := strings.CutPrefix(node, NodeRun+":"); ok && !run(id) || !ok && !visible(node) {
				continue
			}
			whole, err := w.Differences(ctx, DifferenceQuery{Node: node})
			bound := w.Within(s)
			mine, err2 := bound.Differences(ctx, DifferenceQuery{Node: node})
			if err != nil || err2 != nil {
				t.Fatal(node, err, err2)
			}
			var n1, n2 int64
			whole.Differences, n1 = sifted(whole.Differences, whether(func(d *Difference) bool { return visible(d.From) && visible(d.To) }))
			whole.Runs, n2 = sifted(whole.Runs, func(d *RunDifference) (bool, int) {
				struck := 0
				column := func(c *events.ColumnRef) bool { return visible("dataset:" + c.Namespace + "/" + c.Name) }
				strikes(&d.Undeclared, &struck, column)
				strikes(&d.Unseen, &struck, column)
				return run(d.Run), struck
			})
			hold("differences", s, bound, mine, whole, n1+n2)
		}
		for _, q := range []CheckQuery{{}, {Run: "r8"}, {Outcome: events.CheckFailed}, {Entry: "E6"}, {ValidAt: day(7, 20)}} {
			all := q
			all.Limit = MaxLimit
			whole, err := w.Checks(ctx, all)
			if err != nil {
				t.Fatal(err)
			}
			want, withheld := sifted(whole.Checks, func(k *Check) (bool, int) {
				struck := 0
				seen := sees(k.By) || k.Entry != "" && visible("entry:"+k.Entry) || k.Dataset != nil && visible("dataset:"+k.Dataset.Namespace+"/"+k.Dataset.Name)
				if k.Entry == "" && k.Dataset == nil {
					seen = seen || visible("job:"+k.Job.Namespace+"/"+k.Job.Name)
				}
				strikes(&k.On, &struck, func(i *events.ItemRef) bool { return visible("entry:" + i.Entry) })
				return seen, struck
			})
			for _, limit := range []int{1, 2, 7, MaxLimit} {
				got, n := []Check{}, int64(0)
				part := q
				part.Limit = limit
				for {
					bound := w.Within(s)
					list, err := bound.Checks(ctx, part)
					if err != nil {
						t.Fatal(err)
					}
					got, n = append(got, list.Checks...), n+bound.Withheld()
					if part.Cursor = list.Next; list.Next == "" {
						break
					}
				}
				if g, x := jsonOf(t, got), jsonOf(t, want); g != x || n != withheld {
					t.Errorf("checks %+v by %d within %v: %d withheld, want %d\n got %s\nwant %s", q, limit, s, n, withheld, g, x)
				}
			}
			if withheld > 0 {
				compared["checks"]++
			}
		}
	}
	for _, what := range []string{"attribution", "trace", "differences", "checks"} {
		if compared[what] == 0 {
			t.Errorf("nothing was withheld of any answer: %s (%s)", what, fmt.Sprint(compared))
		}
	}
}
