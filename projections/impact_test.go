package projections

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ledgerline/events"
)

// sharedWorld is a small world: register → clean → report; the register is E1 and the
// report E2, each shared under an agreement, and read.
func sharedWorld(t *testing.T) *View {
	t.Helper()
	resource := func(name string) []events.Resource {
		return []events.Resource{{Namespace: "pg", Name: name, Method: "api"}}
	}
	report := activate("A2", "E2", "sum", "phone")
	report.Consumer, report.Provider = "P1", "P3"
	call := func(at events.Time, agreement, entry, consumer string, columns ...string) claim {
		a := access(agreement, columns...)
		a.Entry, a.Consumer, a.RowCount = entry, consumer, 10
		if entry == "E2" {
			a.Provider = "P3"
		}
		return claim{at: at, data: a}
	}
	refused := claim{at: day(3, 4), data: deny("A1", "suspended", "id")}
	return lineageViews(t, slices.Concat([]claim{
		party("P1"), party("P2"), party("P3"),
		{at: day(1, 2), data: draft("E1", "P2", "Register", resource("register"), "id", "phone")},
		{at: day(1, 2), data: draft("E2", "P3", "Report", resource("report"), "sum", "phone")},
		{at: day(1, 2), data: draft("E3", "P2", "Unrelated", resource("elsewhere"), "id")},
	}, inForce("E1", "P2"), inForce("E2", "P3"), inForce("E3", "P2"), []claim{
		{at: day(2, 1), data: activate("A1", "E1", "id", "phone")},
		{at: day(2, 1), data: report},
		{at: day(2, 1), data: activate("A3", "E3", "id")},
		{at: day(2, 1), data: activate("A4", "E1", "id")},
		received(t, sent(1, aRun("r1/clean", "COMPLETE"), reading(ds("register")), writing(ds("clean", columnsOf("register.id>id", "register.phone>phone"))))),
		received(t, sent(2, aRun("r2/report", "COMPLETE"), reading(ds("clean")), writing(ds("report", columnsOf("clean.id>sum"))))),
		received(t, sent(3, aRun("r3/drop", "COMPLETE"), writing(ds("clean", lifecycle("DROP", ""))))),
		call(day(3, 1), "A1", "E1", "P3", "id"),
		call(day(3, 2), "A1", "E1", "P3", "phone"),
		refused,
		call(day(3, 3), "A2", "E2", "P1", "sum"),
		call(day(3, 3), "A3", "E3", "P3", "id"),
		call(day(6, 1), "A2", "E2", "P1"),
		deliver("L1", "A2", "E2", day(5, 1), 30, "sum"),
		deliver("L2", "A2", "E2", day(5, 2), 40, "phone"),
		deliver("L3", "A3", "E3", day(5, 3), 50, "id"),
	})...)
}

func deliver(id, agreement, entry string, at events.Time, rows int, items ...string) claim {
	return claim{at: at, data: &events.DeliveryCompleted{
		Delivery: id, Agreement: agreement, By: "P2", Entry: entry, Items: items, Period: events.Period{From: at, To: at + 1}, Rows: rows, Digest: "d",
	}}
}

func TestImpact(t *testing.T) {
	w := sharedWorld(t)
	impact := func(q ImpactQuery) []string {
		got, err := w.Impact(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Complete {
			t.Errorf("%+v: limits hit: %v", q, got.LimitsHit)
		}
		var out []string
		for _, e := range got.Entries {
			line := fmt.Sprint(e.Depth, " ", e.ID, " ", strings.Join(e.Items, ","))
			for _, h := range e.Holders {
				line += fmt.Sprint("; ", h.Agreement, " ", h.Consumer, " ", strings.Join(h.Items, ","))
				if h.LastAccess != nil {
					line += " " + h.LastAccess.Time.String()[:10]
				}
				if d := h.LastDelivery; d != nil {
					line += fmt.Sprint(" delivered ", d.Time.String()[:10], " ", d.Items, d.Rows)
				}
			}
			out = append(out, line)
		}
		return out
	}
	equal(t, "of the register", impact(ImpactQuery{Node: "dataset:pg/register"}), []string{
		"0 E1 id,phone; A1 P3 id,phone 2026-03-02; A4 P3 id", "2 E2 sum,phone; A2 P1 sum,phone 2026-06-01 delivered 2026-05-02 [phone] 40"})
	equal(t, "of a column that reaches the report", impact(ImpactQuery{Node: "column:pg/register#id"}), []string{
		"0 E1 id; A1 P3 id 2026-03-02; A4 P3 id", "2 E2 sum; A2 P1 sum 2026-06-01 delivered 2026-05-01 [sum] 30"})
	equal(t, "of a column that does not", impact(ImpactQuery{Node: "column:pg/register#phone"}), []string{"0 E1 phone; A1 P3 phone 2026-03-02"})
	equal(t, "of an entry", impact(ImpactQuery{Node: "entry:E2"}), []string{"0 E2 sum,phone; A2 P1 sum,phone 2026-06-01 delivered 2026-05-02 [phone] 40"})
	equal(t, "by the lineage of the first day", impact(ImpactQuery{Node: "dataset:pg/register", ValidAt: day(1, 1)}), []string{"0 E1 id,phone"})
	equal(t, "by the lineage of the second day", impact(ImpactQuery{Node: "dataset:pg/register", ValidAt: day(1, 3)}), []string{"0 E1 id,phone", "2 E2 sum,phone"})
	early, err := viewAt(t, w.v, 25).Impact(ctx, ImpactQuery{Node: "dataset:pg/register"})
	if err != nil || len(early.Entries) != 1 || early.Entries[0].Holders[0].LastAccess != nil {
		t.Errorf("before the runs: %+v %v", early.Entries, err)
	}
}

func TestExposure(t *testing.T) {
	w := sharedWorld(t)
	exposure := func(q ExposureQuery) (out []string) {
		got, err := w.Exposure(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Complete {
			t.Errorf("%+v: limits hit: %v", q, got.LimitsHit)
		}
		for _, e := range got.Exposed {
			line := fmt.Sprint(e.Consumer, " ", e.Agreement, " ", e.Entry, "@", e.Depth, " ", strings.Join(e.Columns, ","), " ", e.Calls, "/", e.Denied, " ", e.Rows)
			if e.ColumnsUnknown {
				line += " ?"
			}
			if e.Deliveries > 0 {
				line += fmt.Sprint(" delivered ", e.Deliveries, ": ", e.Delivered)
			}
			out = append(out, line)
		}
		for _, e := range got.Entitled {
			out = append(out, fmt.Sprint("entitled ", e.Agreement, " ", strings.Join(e.Items, ",")))
		}
		return out
	}
	all := Window{}
	equal(t, "by the lineage of the first day", exposure(ExposureQuery{Node: "dataset:pg/register", ValidAt: day(1, 1)}), []string{"P3 A1 E1@0 id,phone 2/1 20", "entitled A4 id"})
	equal(t, "of the register", exposure(ExposureQuery{Node: "dataset:pg/register", Window: all}), []string{
		"P1 A2 E2@2 phone,sum 2/0 20 ? delivered 2: 70", "P3 A1 E1@0 id,phone 2/1 20", "entitled A4 id"})
	equal(t, "within a window", exposure(ExposureQuery{Node: "dataset:pg/register", Window: Window{day(3, 2), day(3, 4)}}), []string{
		"P1 A2 E2@2 sum 1/0 10", "P3 A1 E1@0 phone 1/0 10", "entitled A4 id"})
	equal(t, "of a column", exposure(ExposureQuery{Node: "column:pg/register#phone", Window: all}), []string{"P3 A1 E1@0 phone 1/0 10"})
	equal(t, "of a column that is delivered", exposure(ExposureQuery{Node: "column:pg/clean#id", Window: Window{day(4, 1), day(5, 2)}}), []string{"P1 A2 E2@1 sum 0/0 0 delivered 1: 30"})
	equal(t, "in the middle", exposure(ExposureQuery{Node: "dataset:pg/clean", Window: all}), []string{"P1 A2 E2@1 phone,sum 2/0 20 ? delivered 2: 70"})
	equal(t, "before all agreements", exposure(ExposureQuery{Node: "dataset:pg/register", Window: Window{0, day(1, 15)}}), nil)
}

func TestLineageDiff(t *testing.T) {
	w := pathViews(t,
		sent(1, aJob("j"), reading(ds("a")), writing(ds("x"))),
		sent(2, aRun("r1", "COMPLETE"), reading(ds("a")), writing(ds("x"))),
		sent(3, aJob("j"), reading(ds("b")), writing(ds("x"))),
		sent(4, aDataset(dataset("b", lifecycle("DROP", "")))))
	diff := func(from, to int64, node string) (out []string) {
		d, err := viewAt(t, w.v, to).LineageDiff(ctx, viewAt(t, w.v, from), 0, LineageQuery{Node: node, Direction: Up, Dropped: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range d.Nodes {
			out = append(out, n.Change+" "+n.ID)
		}
		for _, e := range d.Edges {
			if e.Before != nil {
				out = append(out, e.Change+" "+e.Before.From+">"+e.Before.To)
			} else {
				out = append(out, e.Change+" "+e.After.From+">"+e.After.To)
			}
		}
		slices.Sort(out)
		return out
	}
	equal(t, "another run of the same is no change", diff(1, 2, "dataset:pg/x"), nil)
	equal(t, "a new declaration", diff(2, 3, "dataset:pg/x"), []string{
		"added dataset:pg/b", "added dataset:pg/b>job:etl/j", "changed dataset:pg/a>job:etl/j"})
	equal(t, "a drop", diff(3, 4, "dataset:pg/x"), []string{"changed dataset:pg/b"})
	equal(t, "a node that was not there", diff(0, 1, "dataset:pg/x"), []string{
		"added dataset:pg/a", "added dataset:pg/a>job:etl/j", "added dataset:pg/x", "added job:etl/j", "added job:etl/j>dataset:pg/x"})
	if _, err := viewAt(t, w.v, 1).LineageDiff(ctx, w, 0, LineageQuery{Node: "dataset:pg/x"}); err == nil {
		t.Error("a difference backwards in time")
	}
}
