package openlineage

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"ledgerline/events"
)

// A verdict says that it is cut, and how much.
func TestFindingsAreBounded(t *testing.T) {
	e, _, err := Read(replaced(t, `[{"namespace": "db", "name": "in", "facets": {}, "inputFacets": {}}]`, "["+strings.Repeat(`{},`, 99)+`{}]`))
	if err != nil {
		t.Fatal(err)
	}
	admissible(t, e)
	if e.Verdict.Conformant || len(e.Verdict.Findings) != maxFindings+1 {
		t.Fatalf("the verdict is %v with %d findings", e.Verdict.Conformant, len(e.Verdict.Findings))
	}
	// 100 inputs lack two members each and an identity.
	last := e.Verdict.Findings[maxFindings]
	if want := fmt.Sprintf("there are %d more findings; a verdict lists %d", 300-maxFindings, maxFindings); last.Rule != "openlineage.findings" || last.Detail != want {
		t.Errorf("the last finding is %v, want %s", last, want)
	}
}

// A pointer too long to keep becomes that of a value around it.
func TestPointersAreBounded(t *testing.T) {
	column := strings.Repeat("列/", 600)
	e, _, err := Read(replaced(t, outDataset, outDataset+`"columnLineage": {`+base+`, "fields": {"`+column+`": {}, "a\u0000b": {}}}`))
	if err != nil {
		t.Fatal(err)
	}
	admissible(t, e)
	const fields = "/outputs/0/facets/columnLineage/fields"
	wantFindings(t, e.Verdict, []string{fields + " openlineage.required", fields + " openlineage.required", fields + " openlineage.limit"})
	if n := len(e.Outputs[0].ColumnLineage); n != 1 {
		t.Errorf("%d columns are kept, want the one whose name can be", n)
	}
}

// Names of 4,000 characters, and of anything.
func TestLongAndStrangeNames(t *testing.T) {
	for _, name := range []string{strings.Repeat("x", 4000), strings.Repeat("😀", 1000), "人口.身份-证/号", "a~b\\c", " "} {
		e, _, err := Read(replaced(t, `"in"`, fmt.Sprintf("%q", name)))
		if err != nil {
			t.Fatal(err)
		}
		admissible(t, e)
		same(t, "name", e.Inputs[0].Name, name)
		wantFindings(t, e.Verdict, nil)
	}
}

// What would take quadratic time or memory if it were read naively: nesting,
// columns whose paths repeat a long prefix, very many things.
func TestHostileSizes(t *testing.T) {
	nested := func(open, end string, n int) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	many := func(part string, n int) string { return strings.TrimSuffix(strings.Repeat(part+",", n), ",") }
	long := strings.Repeat("p", 4000)
	schema := func(fields string) string {
		return inputDataset + `"schema": {` + base + `, "fields": [` + fields + `]}`
	}
	for _, c := range []struct{ name, old, new, rule string }{
		{"unknown facet 9,000 deep", jobFacets, jobFacets + `"x": {` + base + `, "a": ` + nested("[", "]", 9000) + `}`, ""},
		{"unknown facet 11,000 deep", jobFacets, jobFacets + `"x": {` + base + `, "a": ` + nested("[", "]", 11000) + `}`, "openlineage.json"},
		{"fields 4,500 deep", inputDataset, schema(strings.Repeat(`{"name":"f","fields":[`, 4500) + strings.Repeat(`]}`, 4500)), ""},
		{"conditions 9,000 deep, each wrong", inputFacets, inputFacets + `"subset": {` + base + `, "inputCondition": ` + strings.Repeat(`{"type":"x","left":`, 9000) + `1` + strings.Repeat(`}`, 9000) + `}`, ""},
		{"300,000 columns under a long name", inputDataset, schema(`{"name":"` + long + `","fields":[` + many(`{"name":"f"}`, 300_000) + `]}`), ""},
		{"a long name 100 times over 1,000 columns", inputDataset, schema(many(`{"name":"`+long+`","fields":[`+many(`{"name":"f"}`, 1000)+`]}`, 100)), ""},
		{"200,000 inputs", `{"namespace": "db", "name": "in", "facets": {}, "inputFacets": {}}`, many(`{"namespace":"db","name":"in"}`, 200_000), ""},
		{"1,000,001 inputs", `{"namespace": "db", "name": "in", "facets": {}, "inputFacets": {}}`, many(`{}`, 1_000_001), "openlineage.limit"},
		{"1,000,001 members", inputDataset, inputDataset + `"dataQualityMetrics": {` + base + `, "columnMetrics": {` + members(1_000_001) + `}}`, "openlineage.limit"},
		{"too many bytes", jobFacets, jobFacets + strings.Repeat(" ", maxBytes), "openlineage.limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := replaced(t, c.old, c.new)
			e, _, err := Read(raw)
			if c.rule != "" {
				r, ok := err.(*events.Refusal)
				if !ok || r.Rule != c.rule {
					t.Fatalf("got %v, want a refusal by %s", err, c.rule)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			admissible(t, e)
			bytes := 0
			for _, in := range e.Inputs {
				for _, f := range in.Fields {
					bytes += len(f.Name)
				}
			}
			if bytes > maxPaths+len(raw) {
				t.Errorf("the columns' names take %d bytes", bytes)
			}
		})
	}
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":{}`, i)
	}
	return b.String()[1:]
}

// TestWorkIsLinear: four times as much of anything makes about four times the work,
// counted as memory asked for, and not sixteen times.
func TestWorkIsLinear(t *testing.T) {
	many := func(part string, n int) string { return strings.TrimSuffix(strings.Repeat(part+",", n), ",") }
	for _, c := range []struct {
		name string
		of   func(n int) (old, new string)
	}{
		{"inputs", func(n int) (string, string) {
			return `{"namespace": "db", "name": "in", "facets": {}, "inputFacets": {}}`, many(`{"namespace":"db","name":"in"}`, n)
		}},
		{"columns", func(n int) (string, string) {
			return inputDataset, inputDataset + `"schema": {` + base + `, "fields": [` + many(`{"name":"f","type":"text"}`, n) + `]}`
		}},
		{"column lineage", func(n int) (string, string) {
			return outDataset, outDataset + `"columnLineage": {` + base + `, "fields": {"k": {"inputFields": [` + many(`{"namespace":"db","name":"in","field":"f"}`, n) + `]}}}`
		}},
		{"wrong conditions, nested", func(n int) (string, string) {
			return inputFacets, inputFacets + `"subset": {` + base + `, "inputCondition": ` + strings.Repeat(`{"type":"x","left":`, n) + `1` + strings.Repeat(`}`, n) + `}`
		}},
		{"unknown facets", func(n int) (string, string) {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `"x.y-%d": {%s}, `, i, base)
			}
			return jobFacets, jobFacets + strings.TrimSuffix(b.String(), ", ")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			work := func(n int) uint64 {
				old, new := c.of(n)
				raw := replaced(t, old, new)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if _, _, err := Read(raw); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				return after.TotalAlloc - before.TotalAlloc
			}
			const n = 2000
			work(n) // what is made once
			if little, much := work(n), work(4*n); much > 8*little+1<<20 {
				t.Errorf("%d bytes for %d, %d for four times as many", little, n, much)
			}
		})
	}
}
