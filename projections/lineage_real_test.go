package projections

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ledgerline/events/openlineage"
)

// TestRealEvents: what Spark sent about two tables made and a third selected from
// them leads to the lineage that the statements mean: SELECT with a join, a
// filter and an aggregate.
func TestRealEvents(t *testing.T) {
	files, err := filepath.Glob("../events/openlineage/testdata/events/spark-*.json")
	if err != nil || len(files) != 9 {
		t.Fatalf("the events of Spark: %v %v", files, err)
	}
	var claims []claim
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		d, at, err := openlineage.Read(raw)
		if err != nil {
			t.Fatal(err)
		}
		claims = append(claims, claim{at: at, data: d})
	}
	w := lineageViews(t, claims...)
	short := strings.NewReplacer("file//tmp/cll_test/", "", "file:/tmp/cll_test/", "", "testColumnLevelLineage/open_lineage_integration_create_table", "app")
	edges := func(q LineageQuery) (out []string) {
		g, err := w.Lineage(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if !g.Complete {
			t.Errorf("%+v: limits hit: %v", q, g.LimitsHit)
		}
		for _, e := range g.Edges {
			out = append(out, short.Replace(fmt.Sprint(e.From, " ", e.Kind, " ", e.To, " ", e.Runs, strings.Join(e.Transformations, ","))))
		}
		slices.Sort(out)
		return out
	}
	const select1 = "job:app.execute_create_hive_table_as_select_command.default_tbl1"
	equal(t, "datasets", edges(LineageQuery{Node: "dataset:file//tmp/cll_test/tbl1", Direction: Up}), []string{
		"dataset:cll_source1 reads " + select1 + " 1", "dataset:cll_source1 same_as dataset:default.cll_source1 0",
		"dataset:cll_source2 reads " + select1 + " 1", "dataset:cll_source2 same_as dataset:default.cll_source2 0",
		"dataset:tbl1 same_as dataset:default.tbl1 0",
		select1 + " writes dataset:tbl1 1",
		"job:app.execute_create_table_command.cll_test_cll_source1 writes dataset:cll_source1 1",
		"job:app.execute_create_table_command.cll_test_cll_source2 writes dataset:cll_source2 1",
	})
	columns := edges(LineageQuery{Node: "dataset:file//tmp/cll_test/tbl1", Direction: Up, Columns: true})
	columns = slices.DeleteFunc(columns, func(e string) bool { return !strings.Contains(e, " derives ") })
	equal(t, "columns", columns, []string{
		"column:cll_source1#a derives column:tbl1#agg 1INDIRECT/FILTER,INDIRECT/GROUP_BY,INDIRECT/JOIN",
		"column:cll_source1#a derives column:tbl1#ident 1DIRECT/IDENTITY,INDIRECT/FILTER,INDIRECT/GROUP_BY,INDIRECT/JOIN",
		"column:cll_source1#a derives column:tbl1#trans 1INDIRECT/FILTER,INDIRECT/GROUP_BY,INDIRECT/JOIN",
		"column:cll_source1#b derives column:tbl1#agg 1INDIRECT/GROUP_BY",
		"column:cll_source1#b derives column:tbl1#ident 1INDIRECT/GROUP_BY",
		"column:cll_source1#b derives column:tbl1#trans 1DIRECT/TRANSFORMATION,INDIRECT/GROUP_BY",
		"column:cll_source2#a derives column:tbl1#agg 1INDIRECT/FILTER,INDIRECT/JOIN",
		"column:cll_source2#a derives column:tbl1#ident 1INDIRECT/FILTER,INDIRECT/JOIN",
		"column:cll_source2#a derives column:tbl1#trans 1INDIRECT/FILTER,INDIRECT/JOIN",
		"column:cll_source2#c derives column:tbl1#agg 1DIRECT/AGGREGATION",
	})
	equal(t, "hierarchy", edges(LineageQuery{Node: "job:testColumnLevelLineage/open_lineage_integration_create_table", Direction: Down, Graph: GraphHierarchy}), []string{
		"job:app started job:app.execute_create_hive_table_as_select_command.default_tbl1 1",
		"job:app started job:app.execute_create_table_command.cll_test_cll_source1 1",
		"job:app started job:app.execute_create_table_command.cll_test_cll_source2 1",
	})
	run, ok, err := w.Run(ctx, "019127df-0850-72bc-b214-b255290588a6")
	if err != nil || !ok || run.State != "COMPLETE" || len(run.Inputs) != 2 || len(run.Outputs) != 1 {
		t.Errorf("the run of the SELECT: %+v %v", run, err)
	}
}
