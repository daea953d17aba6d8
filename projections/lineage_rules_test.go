package projections

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ledgerline/events"
	"ledgerline/events/openlineage"
)

// The oracle: what an OpenLineage consumer has to make of events, rule by rule.
// Events are written as clients send them and read as they are read in life.

type object = map[string]any

// sent makes an event of a day in January.
func sent(at int, members ...object) object {
	e := object{"eventTime": fmt.Sprintf("2026-01-%02dT12:00:00Z", at), "producer": "https://example.org", "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}
	for _, m := range members {
		maps.Copy(e, m)
	}
	return e
}

// aRun is an event of run id of the job "j", or of another after a slash.
func aRun(id, state string, facets ...object) object {
	id, job, other := strings.Cut(id, "/")
	if !other {
		job = "j"
	}
	e := object{"run": object{"runId": id, "facets": united(facets)}, "job": object{"namespace": "etl", "name": job}}
	if state != "" {
		e["eventType"] = state
	}
	return e
}

func aJob(name string, facets ...object) object {
	return object{"job": object{"namespace": "etl", "name": name, "facets": united(facets)}}
}

func aDataset(d object) object           { return object{"dataset": d} }
func reading(list ...any) object         { return object{"inputs": append([]any{}, list...)} }
func writing(list ...any) object         { return object{"outputs": append([]any{}, list...)} }
func ds(name string, f ...object) any    { return dataset(name, f...) }
func facet(name string, f object) object { return object{name: f} }
func deleted(name string) object         { return object{name: object{"_deleted": true}} }

func dataset(name string, facets ...object) object {
	return object{"namespace": "pg", "name": name, "facets": united(facets)}
}

func united(facets []object) object {
	all := object{}
	for _, f := range facets {
		maps.Copy(all, f)
	}
	for _, f := range all {
		f.(object)["_producer"], f.(object)["_schemaURL"] = "https://example.org", "https://example.org/f.json"
	}
	return all
}

// columnsOf is a columnLineage facet: pairs "source.column>column", or
// "source.column>" for what the dataset as a whole depends on.
func columnsOf(pairs ...string) object {
	fields, whole := object{}, []any{}
	for _, p := range pairs {
		from, to, _ := strings.Cut(p, ">")
		name, field, _ := strings.Cut(from, ".")
		in := object{"namespace": "pg", "name": name, "field": field, "transformations": []any{object{"type": "DIRECT", "subtype": "IDENTITY"}}}
		if to == "" {
			in["transformations"] = []any{object{"type": "INDIRECT", "subtype": "FILTER"}}
			whole = append(whole, in)
			continue
		}
		list, _ := fields[to].(object)
		if list == nil {
			list = object{"inputFields": []any{}}
			fields[to] = list
		}
		list["inputFields"] = append(list["inputFields"].([]any), in)
	}
	return facet("columnLineage", object{"fields": fields, "dataset": whole})
}

// lineageOfJob is a lineage facet of a job: entries "target<source,source". A name
// in parentheses is a job, "()" the event's own.
func lineageOfJob(entries ...string) object {
	var list []any
	for _, e := range entries {
		to, from, _ := strings.Cut(e, "<")
		entry := target(to)
		entry["inputs"] = sourcesOf(from)
		list = append(list, entry)
	}
	return facet("lineage", object{"entries": list})
}

func sourcesOf(from string) []any {
	list := []any{}
	for _, s := range strings.FieldsFunc(from, func(r rune) bool { return r == ',' }) {
		list = append(list, target(s))
	}
	return list
}

func target(s string) object {
	switch {
	case s == "()":
		return object{"type": "JOB"}
	case strings.HasPrefix(s, "("):
		return object{"type": "JOB", "namespace": "etl", "name": strings.Trim(s, "()")}
	}
	return object{"type": "DATASET", "namespace": "pg", "name": s}
}

func schemaOf(fields ...string) object {
	var list []any
	for _, f := range fields {
		list = append(list, object{"name": f, "type": "text"})
	}
	return facet("schema", object{"fields": list})
}

func symlinksTo(names ...string) object {
	list := []any{}
	for _, n := range names {
		list = append(list, object{"namespace": "pg", "name": n, "type": "TABLE"})
	}
	return facet("symlinks", object{"identifiers": list})
}

func lifecycle(change, previous string) object {
	f := object{"lifecycleStateChange": change}
	if previous != "" {
		f["previousIdentifier"] = object{"namespace": "pg", "name": previous}
	}
	return facet("lifecycleStateChange", f)
}

func jobType(mode string) object {
	return facet("jobType", object{"processingType": "STREAMING", "integration": "X", "emissionPattern": object{"eventTrigger": "PERIODIC", "eventContentMode": mode}})
}

// withJob puts facets on the job of a run event.
func withJob(run object, facets ...object) object {
	run["job"].(object)["facets"] = united(facets)
	return run
}

// received reads an event as the server does.
func received(t testing.TB, e object) claim {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	d, at, err := openlineage.Read(raw)
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return claim{at: at, data: d}
}

// drawn writes a graph in one line: its edges, and the nodes that no edge names
// or about which there is something to say. Namespaces are left out, jobs stand
// in parentheses.
func drawn(g Graph) string {
	short := func(id string) string {
		kind, name, _ := strings.Cut(id, ":")
		name = strings.TrimPrefix(strings.TrimPrefix(name, "pg/"), "etl/")
		if kind == NodeJob {
			return "(" + name + ")"
		}
		return strings.Replace(name, "#", ".", 1)
	}
	arrows := map[string]string{EdgeReads: ">", EdgeWrites: ">", EdgeDerives: "=>", EdgeSameAs: "~", EdgePrecedes: " then ", EdgeStarted: " starts ", EdgePartOf: " in ", EdgeRuns: " ran ", EdgeFeeds: ">>"}
	var out []string
	named := make(map[string]bool)
	for _, e := range g.Edges {
		named[e.From], named[e.To] = true, true
		out = append(out, short(e.From)+arrows[e.Kind]+short(e.To))
	}
	for _, n := range g.Nodes {
		flags := ""
		for _, f := range []struct {
			is   bool
			mark string
		}{{n.Dropped, "dropped"}, {n.Removed, "removed"}, {n.Origin, "origin"}} {
			if f.is {
				flags += "!" + f.mark
			}
		}
		if flags != "" || !named[n.ID] {
			out = append(out, short(n.ID)+flags)
		}
	}
	slices.Sort(out)
	line := strings.Join(out, ", ")
	if !g.Complete {
		line += " | " + strings.Join(g.LimitsHit, " ")
	}
	return line
}

// rule is one case: events, and what is then answered. Answers are about the
// head, or with At about the state after that many events.
type rule struct {
	name   string
	events []object
	want   []want
}

type want struct {
	at    int64 // 0: the head
	q     LineageQuery
	graph string
}

func up(node string) LineageQuery   { return LineageQuery{Node: node, Direction: Up} }
func down(node string) LineageQuery { return LineageQuery{Node: node, Direction: Down} }

func columnsUp(node string) LineageQuery {
	return LineageQuery{Node: node, Direction: Up, Columns: true}
}

func TestRules(t *testing.T) {
	for _, c := range rules() {
		t.Run(c.name, func(t *testing.T) {
			var claims []claim
			for _, e := range c.events {
				claims = append(claims, received(t, e))
			}
			w := lineageViews(t, claims...)
			for _, x := range c.want {
				v := w
				if x.at > 0 {
					v = viewAt(t, w.v, x.at)
				}
				g, err := v.Lineage(ctx, x.q)
				if err != nil {
					t.Errorf("%+v: %v", x.q, err)
					continue
				}
				if got := drawn(g); got != x.graph {
					t.Errorf("%s %s at %d\n got %s\nwant %s", x.q.Direction, x.q.Node, x.at, got, x.graph)
				}
			}
		})
	}
}

// TestRulesInAnyOrder: the same events in every order and repeated come to the same
// answers at the head; positions, and which record showed an edge last, aside.
func TestRulesInAnyOrder(t *testing.T) {
	for _, c := range rules() {
		t.Run(c.name, func(t *testing.T) {
			var claims []claim
			for _, e := range c.events {
				claims = append(claims, received(t, e))
			}
			first := headAnswers(t, lineageViews(t, claims...), c)
			n := 0
			permute(len(claims), func(order []int) {
				var told []claim
				for i, at := range order {
					if told = append(told, claims[at]); i == n%len(order) { // once more, at once
						told = append(told, claims[at])
					}
				}
				told = append(told, claims[n%len(claims)]) // and once more, late
				n++
				if got := headAnswers(t, lineageViews(t, told...), c); got != first {
					t.Fatalf("in the order %v\n got %s\nwant %s", order, got, first)
				}
			})
		})
	}
}

// TestAllRulesInAnyOrder: the events of all cases told to one ledger, where they
// share runs, jobs and datasets and contradict each other, in any order and
// repeated, come to the same answers to all questions.
func TestAllRulesInAnyOrder(t *testing.T) {
	var all rule
	var claims []claim
	for _, c := range rules() {
		all.want = append(all.want, c.want...)
		for _, e := range c.events {
			claims = append(claims, received(t, e))
		}
	}
	first := headAnswers(t, lineageViews(t, claims...), all)
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.Permutation(claims).Draw(rt, "order")
		order = append(order, rapid.SliceOfN(rapid.SampledFrom(claims), 0, 20).Draw(rt, "again")...)
		got := headAnswers(t, lineageViews(t, order...), all)
		a, z := strings.Split(got, "\n"), strings.Split(first, "\n")
		for i := range min(len(a), len(z)) {
			if a[i] != z[i] {
				rt.Fatalf("answer %d\n got %s\nwant %s", i, a[i], z[i])
			}
		}
	})
}

// permute visits all orders of n things.
func permute(n int, visit func(order []int)) {
	var extend func(order []int)
	extend = func(order []int) {
		if len(order) == n {
			visit(order)
			return
		}
		for i := range n {
			if !slices.Contains(order, i) {
				extend(append(slices.Clip(order), i))
			}
		}
	}
	extend(nil)
}

// headAnswers asks a case's questions at the head, and writes down all of the
// answers that does not speak of positions.
func headAnswers(t *testing.T, w *View, c rule) string {
	t.Helper()
	var out strings.Builder
	for _, x := range c.want {
		g, err := w.Lineage(ctx, x.q)
		if err != nil {
			fmt.Fprintln(&out, err)
			continue
		}
		for i := range g.Nodes {
			g.Nodes[i].First = 0
		}
		for i := range g.Edges {
			e := &g.Edges[i]
			e.First, e.Last, e.Events, e.Run, e.Time = 0, 0, nil, "", 0
		}
		b, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", b)
	}
	for _, id := range []string{"r1", "r2"} {
		run, ok, err := w.Run(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if run.First, run.Last = 0, 0; ok {
			fmt.Fprintf(&out, "%+v\n", run)
		}
	}
	return out.String()
}

// TestRunFacets: a run's facets are replaced whole, and an empty list of inputs is
// told from none.
func TestRunFacets(t *testing.T) {
	parent := facet("parent", object{"run": object{"runId": "p1"}, "job": object{"namespace": "etl", "name": "dag"},
		"root": object{"run": object{"runId": "p0"}, "job": object{"namespace": "etl", "name": "root"}}})
	later := facet("parent", object{"run": object{"runId": "p2"}, "job": object{"namespace": "etl", "name": "dag"}})
	w := lineageViews(t, received(t, sent(1, aRun("r1", "START", parent))), received(t, sent(2, aRun("r1", "COMPLETE", later))), received(t, sent(3, aRun("r2", "COMPLETE", parent), reading())))
	run, _, err := w.Run(ctx, "r1")
	if err != nil || run.Parent.Run != "p2" || run.Parent.RootRun != "" || run.InputsKnown {
		t.Errorf("the newer parent facet does not replace the older whole: %+v %v", run.Parent, err)
	}
	if run, _, err = w.Run(ctx, "r2"); err != nil || run.Parent.RootJob != (events.JobRef{Namespace: "etl", Name: "root"}) || !run.InputsKnown || len(run.Inputs) != 0 {
		t.Errorf("run r2: %+v %v", run, err)
	}
}
