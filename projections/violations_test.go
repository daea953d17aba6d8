package projections

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestViolationsSelected: what a query selects is what it would leave of all of them,
// whatever of the calls it does not look at.
func TestViolationsSelected(t *testing.T) {
	b := longScript(newBook(t))
	b.add(law(t, day(1, 1), "cn 2026", "cn-809-2025 2")...)
	b.add(numbered()[1:3]...)
	w := latestView(t, b)
	everything := Page{Limit: MaxLimit}
	all, err := w.Violations(ctx, ViolationQuery{Page: everything})
	if err != nil || all.Next != "" || len(all.LimitsHit) > 0 {
		t.Fatal(err, all.Next, all.LimitsHit)
	}
	queries := []ViolationQuery{{From: day(2, 7), To: day(6, 25)}, {Party: "P2", From: day(6, 1)}}
	for _, v := range all.Violations {
		if at := slices.Sorted(slices.Values(v.Events)); len(at) == 0 || len(slices.Compact(at)) != len(v.Events) {
			t.Errorf("%s by %s names the records %d: none, or one twice", v.Rule, v.Party, v.Events)
		}
		queries = append(queries, ViolationQuery{Party: v.Party}, ViolationQuery{Rule: v.Rule}, ViolationQuery{Code: v.Code, Entry: v.Entry},
			ViolationQuery{Agreement: v.Agreement, Party: v.Party}, ViolationQuery{From: v.Time, To: v.Time + 1})
	}
	for _, q := range queries {
		var want []Violation
		for _, v := range all.Violations {
			if matches(q.Party, v.Party) && matches(q.Rule, v.Rule) && matches(q.Code, v.Code) && matches(q.Entry, v.Entry) && matches(q.Agreement, v.Agreement) && within(v.Time, q.From, q.To) {
				want = append(want, v)
			}
		}
		q.Page = everything
		got, err := w.Violations(ctx, q)
		if err != nil || fmt.Sprintf("%+v", got.Violations) != fmt.Sprintf("%+v", want) {
			t.Errorf("%+v: %d violations, want %d (%v)", q, len(got.Violations), len(want), err)
		}
	}
	if len(all.Violations) < 15 {
		t.Errorf("only %d violations to select from", len(all.Violations))
	}
}

// TestViolationsOfCalls: the list has of every call what its flags say, by the tape and
// by the row.
func TestViolationsOfCalls(t *testing.T) {
	b := longScript(newBook(t))
	b.add(law(t, day(1, 1), "cn 2026", "cn-809-2025 2")...)
	b.add(numbered()[1:3]...)
	w := latestView(t, b)
	text := func(v Violation) string { return fmt.Sprintf("%+v", v) }
	var want, got []string
	err := w.read(func(r *reader) error {
		book, err := r.rulebook()
		if err != nil {
			return err
		}
		return r.history(accessKey, r.at, func(row row) (bool, error) {
			var a Access
			err := row.decode(&a)
			for _, f := range a.Flags {
				party := a.Consumer
				if ofRecords(f.Rule) {
					party = a.Provider
				}
				v := Violation{Rule: f.Rule, Party: party, Agreement: a.Agreement, Entry: a.Entry, Time: a.Time, Detailed: f.Detailed, Events: f.Events, Imported: a.Imported}
				for _, v := range book.judge(v, map[string]string{"provider": a.Provider, "consumer": a.Consumer}) {
					want = append(want, text(v))
				}
			}
			return true, err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.Violations(ctx, ViolationQuery{Page: Page{Limit: MaxLimit}})
	if err != nil || list.Next != "" {
		t.Fatal(err, list.Next)
	}
	for _, v := range list.Violations {
		if slices.Contains(rulesOfAccess, v.Rule) {
			got = append(got, text(v))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) < 5 {
		t.Errorf("the list has\n%s\nthe calls say\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// inputsAreTheRows: the list has of every input that was read without authority what its
// row says.
func inputsAreTheRows(t *testing.T, w *View) {
	t.Helper()
	var want, got []string
	text := func(v Violation) string {
		return fmt.Sprintf("%s %s %d %d %s", v.Party, v.Entry, v.Time, v.Events, v.Detail)
	}
	err := w.read(func(r *reader) error {
		return r.each(ctx, entityKey(tUncovered), nil, func(row row) (bool, error) {
			var u uncoveredInput
			err := row.decode(&u)
			want = append(want, text(Violation{
				Party: u.Party, Entry: u.Entry, Time: u.FirstTime, Events: slices.Compact([]int64{u.First, u.Last}),
				Detailed: find(saidInputNotCovered, u.Job.Namespace+"/"+u.Job.Name, u.FirstTime, u.FirstRun, u.LastTime),
			}))
			return true, err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.Violations(ctx, ViolationQuery{Rule: RuleInputNotCovered, Page: Page{Limit: MaxLimit}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list.Violations {
		got = append(got, text(v))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) == 0 {
		t.Errorf("the list has\n%s\nthe rows say\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
