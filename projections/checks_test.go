package projections

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ledgerline/events"
)

func olCheck(dataset, column, outcome string) events.LineageCheck {
	c := events.LineageCheck{Assertion: "not_null", Column: column, Outcome: outcome, Severity: "error"}
	if dataset != "" {
		c.Dataset = events.DatasetRef{Namespace: "pg", Name: dataset}
	}
	return c
}

// tested is an event of a run that tested.
func tested(run string, at events.Time, checks ...events.LineageCheck) claim {
	c := olRun(run, "test", "COMPLETE", at, nil, nil)
	c.data.(*events.OpenLineageReceived).Checks = checks
	return c
}

// outcomes writes checks as texts, for comparison.
func outcomes(list CheckList) (out []string) {
	for _, k := range list.Checks {
		of := k.Entry
		if k.Dataset != nil {
			of += k.Dataset.Name
		}
		text := fmt.Sprintf("%s.%s %s%s %s by %s", of, k.Column, k.Rule, k.Assertion, k.Outcome, k.Run)
		for _, i := range k.On {
			text += " on " + i.Entry + "." + i.Item
		}
		out = append(out, text)
	}
	return out
}

// TestChecks: what runs and measurements found shows at the entries that describe
// the data, column by column, by the newest claim; as known then, and as it was then.
func TestChecks(t *testing.T) {
	b := newBook(t)
	first := b.add(append([]claim{
		party("P1"), party("P2"), party("P3"),
		{at: day(1, 2), data: draft("E1", "P2", "title", []events.Resource{{Namespace: "pg", Name: "raw", Method: "api", Columns: map[string]string{"date": "swrq"}}}, "id", "date")},
	}, inForce("E1", "P2")...)...)
	b.add(
		tested("r1", day(2, 1), olCheck("raw", "swrq", events.CheckFailed), olCheck("raw", "id", events.CheckPassed), olCheck("raw", "", events.CheckSkipped)),
		tested("r2", day(2, 9), olCheck("raw", "swrq", events.CheckPassed), olCheck("other", "id", events.CheckFailed)),
		tested("late", day(2, 5), olCheck("raw", "swrq", events.CheckSkipped), olCheck("", "", events.CheckFailed)),
		claim{at: day(2, 10), data: &events.QualityRunCompleted{Run: "m1", By: "P2", Entry: "E1", Results: []events.QualityResult{{Rule: "R1", Item: "date", Measured: 9, Conforming: 4}}}},
	)
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	for _, c := range []struct {
		what string
		at   int64
		q    CheckQuery
		want []string
	}{
		{"an entry", first + 4, CheckQuery{Entry: "E1"}, []string{"raw. not_null skip by r1 on E1.", "raw.id not_null pass by r1 on E1.id", "raw.swrq not_null pass by r2 on E1.date", "E1.date R1 fail by m1 on E1.date"}},
		{"what failed of it", first + 4, CheckQuery{Entry: "E1", Outcome: events.CheckFailed}, []string{"E1.date R1 fail by m1 on E1.date"}},
		{"what failed, as known before", first + 1, CheckQuery{Entry: "E1", Outcome: events.CheckFailed}, []string{"raw.swrq not_null fail by r1 on E1.date"}},
		{"what failed on a day", first + 4, CheckQuery{Entry: "E1", Outcome: events.CheckFailed, ValidAt: day(2, 4)}, []string{"raw.swrq not_null fail by r1 on E1.date"}},
		{"told late", first + 4, CheckQuery{Entry: "E1", Column: "date", ValidAt: day(2, 6)}, []string{"raw.swrq not_null skip by late on E1.date"}},
		{"not told yet", first + 2, CheckQuery{Entry: "E1", Column: "date", ValidAt: day(2, 6)}, []string{"raw.swrq not_null fail by r1 on E1.date"}},
		{"before all", first + 4, CheckQuery{ValidAt: day(1, 31)}, nil},
		{"a dataset that no entry describes", first + 4, CheckQuery{Dataset: Dataset{"pg", "other"}}, []string{"other.id not_null fail by r2"}},
		{"a run", first + 4, CheckQuery{Run: "r1"}, []string{"raw. not_null skip by r1 on E1.", "raw.id not_null pass by r1 on E1.id", "raw.swrq not_null fail by r1 on E1.date"}},
		{"a run, of data unknown", first + 4, CheckQuery{Run: "late", Outcome: events.CheckFailed}, []string{". not_null fail by late"}},
		{"a column", first + 4, CheckQuery{Column: "swrq"}, []string{"raw.swrq not_null pass by r2 on E1.date"}},
	} {
		w := viewAt(t, v, c.at)
		list, err := w.Checks(ctx, c.q)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, c.what, slices.Sorted(slices.Values(outcomes(list))), slices.Sorted(slices.Values(c.want)))
		var parts CheckList
		for c.q.Limit = 1; ; c.q.Cursor = parts.Next { // one at a time it is the same
			part, err := w.Checks(ctx, c.q)
			if err != nil {
				t.Fatal(err)
			}
			if parts.Checks, parts.Next = append(parts.Checks, part.Checks...), part.Next; part.Next == "" {
				break
			}
		}
		equal(t, c.what+", part by part", outcomes(parts), outcomes(list))
	}
}

// TestChecksInAnyOrder: in whatever order events come, what tests found is the same.
func TestChecksInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var claims []claim
		for i := range rapid.IntRange(1, 8).Draw(rt, "events") {
			outcome := rapid.SampledFrom(gravity).Draw(rt, "outcome")
			claims = append(claims, tested(fmt.Sprint("r", i%3), day(2, 1+rapid.IntRange(0, 3).Draw(rt, "day")), olCheck("raw", "id", outcome), olCheck("", "", outcome)))
		}
		in := func(claims []claim) (out [][]string) {
			w := lineageViews(t, claims...)
			for _, q := range []CheckQuery{{}, {ValidAt: day(2, 2)}, {Run: "r0"}, {Run: "r1"}} {
				list, err := w.Checks(ctx, q)
				if err != nil {
					rt.Fatal(err)
				}
				out = append(out, outcomes(list))
			}
			return out
		}
		want, got := in(claims), in(rapid.Permutation(claims).Draw(rt, "order"))
		if fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Errorf("got %v, want %v", got, want)
		}
	})
}
