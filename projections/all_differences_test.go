package projections

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"ledgerline/events"
)

// allOf reads the list of all differences in parts of a size, and writes each row as
// a line.
func allOf(t *testing.T, w *View, q DifferenceQuery) (lines []string, parts int) {
	t.Helper()
	for {
		list, err := w.Differences(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if list.Complete != (list.Next == "") || q.Limit > 0 && len(list.Differences)+len(list.Runs) > q.Limit {
			t.Fatalf("%d and %d rows, limit %d, complete %v, next %q", len(list.Differences), len(list.Runs), q.Limit, list.Complete, list.Next)
		}
		parts++
		for _, d := range list.Differences {
			lines = append(lines, fmt.Sprint(d.From, " > ", d.To, " ", d.DeclaredOnly, d.ObservedOnly))
		}
		for _, d := range list.Runs {
			lines = append(lines, fmt.Sprint("run ", d.Run, d.Undeclared, d.Unseen))
		}
		if q.Cursor = list.Next; q.Cursor == "" {
			slices.Sort(lines)
			return slices.Compact(lines), parts // a run that wrote several datasets may come again
		}
	}
}

// TestAllDifferences: without a node every difference is found that asking about each
// dataset finds, as of any position and in parts of any size.
func TestAllDifferences(t *testing.T) {
	both := outputs(olOutput("x", "s", "id", "id", "born", "age"), olOutput("y", "s", "id", "id"), olOutput("z", "r", "a", "b"))
	seen := outputs(olOutput("x", "s", "id", "id", "phone", "age"), olOutput("y", "s", "id", "id", "tel", "tel"), olOutput("z", "r", "a", "b"))
	gone := olOutput("x", "s", "id", "id", "phone", "age")
	gone.Lifecycle.Change = lifecycleDrop
	elsewhere := olOutput("w", "s", "b", "b")
	elsewhere.Namespace = "hive"
	other := olOutput("w", "s", "a", "b")
	other.Namespace = "hive"
	w := lineageViews(t,
		olJob("j", day(1, 1), inputs(olInput("s"), olInput("r")), both),                                                  // 1
		olRun("r1", "j", "COMPLETE", day(1, 2), inputs(olInput("s"), olInput("r")), seen),                                // 2
		olJob("j", day(1, 3), inputs(olInput("s")), outputs(olOutput("x", "s", "id", "id", "phone", "age"))),             // 3: y is declared no more
		olJob("k", day(1, 3), inputs(olInput("s")), outputs(elsewhere)),                                                  // 4
		olRun("r2", "k", "COMPLETE", day(1, 4), inputs(olInput("s")), outputs(other)),                                    // 5
		olRun("r3", "only", "COMPLETE", day(1, 4), inputs(olInput("s")), outputs(olOutput("observed", "s", "id", "id"))), // 6
		olRun("r4", "j", "COMPLETE", day(1, 5), inputs(olInput("s")), outputs(gone)))                                     // 7: x is dropped
	for at := range int64(8) {
		view := viewAt(t, w.v, at)
		var want []string
		for _, node := range []string{"pg/x", "pg/y", "pg/z", "hive/w", "pg/observed", "pg/s", "pg/r"} {
			if at == 7 && node == "pg/x" {
				continue
			}
			list, err := view.Differences(ctx, DifferenceQuery{Node: "dataset:" + node})
			if unknown := (*UnknownNodeError)(nil); errors.As(err, &unknown) {
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			for _, d := range list.Differences {
				want = append(want, fmt.Sprint(d.From, " > ", d.To, " ", d.DeclaredOnly, d.ObservedOnly))
			}
			for _, d := range list.Runs {
				want = append(want, fmt.Sprint("run ", d.Run, d.Undeclared, d.Unseen))
			}
		}
		slices.Sort(want)
		want = slices.Compact(want)
		if (at >= 2) != (len(want) > 0) {
			t.Fatalf("at %d: %v", at, want)
		}
		for _, limit := range []int{0, 1, 2, 3, 1000} {
			got, _ := allOf(t, view, DifferenceQuery{Page: Page{Limit: limit}})
			equal(t, fmt.Sprint("at ", at, " in parts of ", limit), got, want)
		}
	}
	got, _ := allOf(t, w, DifferenceQuery{Namespace: "hive"})
	equal(t, "of a namespace", got, []string{
		"dataset:pg/s > dataset:hive/w [{b b}] [{a b}]", "run r2[{pg s a}] [{pg s b}]",
	})
	for _, q := range []DifferenceQuery{{Page: Page{Cursor: "x"}}, {Page: Page{Cursor: "1.-1"}}, {Page: Page{Cursor: "1.1 "}}, {Page: Page{Cursor: "99999999999.0"}}} {
		if _, err := w.Differences(ctx, q); !errors.As(err, new(*CursorError)) {
			t.Errorf("cursor %q: %v", q.Cursor, err)
		}
	}
	for _, q := range []DifferenceQuery{{Node: "dataset:pg/x", Namespace: "pg"}, {Node: "dataset:pg/x", Page: Page{Cursor: "1.0"}}} {
		if _, err := w.Differences(ctx, q); !errors.As(err, new(*QueryError)) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// TestAllDifferencesInParts: a part that compared many datasets and found nothing
// ends all the same, and the list goes on.
func TestAllDifferencesInParts(t *testing.T) {
	var outs []events.LineageOutput
	for i := range maxCompared + 1 {
		outs = append(outs, olOutput(fmt.Sprint("x", i), "s", "id", "id"))
	}
	last := &outs[maxCompared]
	declared := slices.Clone(outs)
	declared[maxCompared] = olOutput(last.Name, "s", "born", "id")
	w := lineageViews(t, olJob("j", 1, inputs(olInput("s")), declared), olRun("r", "k", "COMPLETE", 2, inputs(olInput("s")), outs))
	got, parts := allOf(t, w, DifferenceQuery{})
	if equal(t, "found", got, []string{"dataset:pg/s > dataset:pg/" + last.Name + " [{born id}] [{id id}]"}); parts != 2 {
		t.Errorf("%d parts", parts)
	}
}

// TestDifferenceWithItself: a dataset that is made of what it was before differs from
// itself by name.
func TestDifferenceWithItself(t *testing.T) {
	w := lineageViews(t,
		olJob("j", day(1, 1), inputs(olInput("x")), outputs(olOutput("x", "x", "n", "n"))),
		olRun("r", "j", "COMPLETE", day(1, 2), inputs(olInput("x")), outputs(olOutput("x", "x", "m", "n"))))
	list, err := w.Differences(ctx, DifferenceQuery{Node: "dataset:pg/x"})
	if err != nil || len(list.Differences) != 1 || list.Differences[0].From != "dataset:pg/x" || list.Differences[0].To != "dataset:pg/x" {
		t.Errorf("%+v, %v", list.Differences, err)
	}
}
