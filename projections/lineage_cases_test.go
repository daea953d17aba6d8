package projections

// rules are the cases of the oracle, in the order of the specification's
// semantics.
func rules() []rule {
	var all []rule
	for _, cases := range [][]rule{facetRules(), runRules(), precedenceRules(), declarationRules(), identityRules(), relationRules(), columnRules(), viewRules()} {
		all = append(all, cases...)
	}
	return all
}

func facetRules() []rule {
	return []rule{
		{"a newer facet replaces the older whole", []object{
			sent(1, aDataset(dataset("x", schemaOf("a", "b"), columnsOf("s.a>a", "s.b>b")))),
			sent(2, aDataset(dataset("x", schemaOf("a"), columnsOf("s.b>a")))),
		}, []want{
			{1, columnsUp("dataset:pg/x"), "s.a=>x.a, s.b=>x.b, x.a in x, x.b in x"},
			{0, columnsUp("dataset:pg/x"), "s.b=>x.a, x.a in x"},
			{0, up("column:pg/x#b"), "x.b!removed"},
		}},
		{"within a run the newest columnLineage of an output counts", []object{
			sent(1, aRun("r1", "START"), reading(ds("s")), writing(ds("x", columnsOf("s.a>a")))),
			sent(2, aRun("r1", "COMPLETE"), writing(ds("x", columnsOf("s.b>b")))),
		}, []want{{0, columnsUp("dataset:pg/x"), "s.b=>x.b, x.b in x"}}},
		{"_deleted removes and does not restore", []object{
			sent(1, aDataset(dataset("x", columnsOf("s.a>a")))),
			sent(2, aDataset(dataset("x", columnsOf("s.b>b"), schemaOf("b"), symlinksTo("y")))),
			sent(3, aDataset(dataset("x", deleted("columnLineage"), deleted("schema"), deleted("symlinks")))),
		}, []want{
			{2, up("dataset:pg/x"), "s=>x, x~y"},
			{0, up("dataset:pg/x"), "x"},
			{0, up("column:pg/x#a"), "x.a"},
		}},
		{"a facet that is not sent again holds", []object{
			sent(1, aDataset(dataset("x", columnsOf("s.a>a"), symlinksTo("y")))),
			sent(2, aDataset(dataset("x", schemaOf("a")))),
		}, []want{{0, up("dataset:pg/x"), "s=>x, x~y"}}},
		{"a deleted lineage facet of a job leaves inputs × outputs", []object{
			sent(1, aJob("j", lineageOfJob("x<a")), reading(ds("a"), ds("b")), writing(ds("x"))),
			sent(2, aJob("j", deleted("lineage"))),
		}, []want{
			{1, up("dataset:pg/x"), "(j)>x, a>(j)"},
			{0, up("dataset:pg/x"), "(j)>x, a>(j), b>(j)"},
		}},
	}
}

func runRules() []rule {
	return []rule{
		{"the events of a run add up", []object{
			sent(1, aRun("r1", "START"), reading(ds("a"))),
			sent(2, aRun("r1", "RUNNING"), reading(ds("b"))),
			sent(3, aRun("r1", "COMPLETE"), writing(ds("x"))),
		}, []want{
			{2, up("dataset:pg/a"), "a"},
			{0, up("dataset:pg/x"), "(j)>x, a>(j), b>(j)"},
		}},
		{"complete snapshots do not add up", []object{
			sent(1, withJob(aRun("r1", "RUNNING"), jobType("COMPLETE_SNAPSHOT")), reading(ds("a")), writing(ds("x"))),
			sent(2, withJob(aRun("r1", "RUNNING"), jobType("COMPLETE_SNAPSHOT")), reading(ds("b")), writing(ds("y", columnsOf("b.k>k")))),
		}, []want{
			{0, up("dataset:pg/y"), "(j)>y, b>(j)"},
			{0, up("dataset:pg/x"), "(j)>x, a>(j)"},
			{0, LineageQuery{Node: "run:r1", Direction: Down}, "(j) ran r1, (j)>x, (j)>y"},
		}},
		{"windows that repeat are one", []object{
			sent(1, withJob(aRun("r1", "START"), jobType("COMPLETE_SNAPSHOT"))),
			sent(2, withJob(aRun("r1", "RUNNING"), jobType("COMPLETE_SNAPSHOT")), reading(ds("a")), writing(ds("x"))),
			sent(3, withJob(aRun("r1", "RUNNING"), jobType("COMPLETE_SNAPSHOT")), reading(ds("a")), writing(ds("x"))),
			sent(4, withJob(aRun("r1", "RUNNING"), jobType("ACCUMULATIVE")), reading(ds("a"), ds("b"))),
		}, []want{{0, up("dataset:pg/x"), "(j)>x, a>(j)"}}},
		{"OTHER before START and after the end counts as data, not as state", []object{
			sent(1, aRun("r1", "OTHER"), reading(ds("a"))),
			sent(2, aRun("r1", "START")),
			sent(3, aRun("r1", "COMPLETE"), writing(ds("x"))),
			sent(4, aRun("r1", "OTHER"), reading(ds("late"))),
			sent(2, aRun("r1", "START"), reading()),
		}, []want{{0, up("dataset:pg/x"), "(j)>x, a>(j), late>(j)"}}},
		{"events without a type are data", []object{
			sent(1, aRun("r1", ""), reading(ds("a")), writing(ds("x"))),
		}, []want{{0, down("dataset:pg/a"), "(j)>x, a>(j)"}}},
	}
}

func precedenceRules() []rule {
	both := reading(ds("a"), ds("b"))
	return []rule{
		{"inputs × outputs", []object{sent(1, aRun("r1", "COMPLETE"), both, writing(ds("x"), ds("y")))},
			[]want{{0, down("dataset:pg/a"), "(j)>x, (j)>y, a>(j)"}}},
		{"columnLineage before inputs × outputs", []object{
			sent(1, aRun("r1", "COMPLETE"), both, writing(ds("x", columnsOf("a.k>k")), ds("y"))),
		}, []want{{0, down("dataset:pg/b"), "(j)>y, b>(j)"}, {0, up("dataset:pg/x"), "(j)>x, a>(j)"}}},
		{"columnLineage without sources says nothing", []object{
			sent(1, aRun("r1", "COMPLETE"), both, writing(ds("x", columnsOf()))),
		}, []want{{0, up("dataset:pg/x"), "(j)>x, a>(j), b>(j)"}}},
		{"the lineage facet before columnLineage", []object{
			sent(1, withJob(aRun("r1", "COMPLETE"), lineageOfJob("x<b")), both, writing(ds("x", columnsOf("a.k>k")), ds("z"))),
		}, []want{
			{0, up("dataset:pg/x"), "(j)>x, b>(j)"},
			{0, down("dataset:pg/a"), "a>(j)"}, // consumed by the job itself
			{0, up("dataset:pg/z"), "(j)>z"},   // produced by the job itself
		}},
		{"entries of the lineage facet add up in a run", []object{
			sent(1, withJob(aRun("r1", "START"), lineageOfJob("x<a")), both, writing(ds("x"))),
			sent(2, withJob(aRun("r1", "COMPLETE"), lineageOfJob("x<b", "y<a"))),
		}, []want{{0, up("dataset:pg/x"), "(j)>x, a>(j), b>(j)"}, {0, up("dataset:pg/y"), "(j)>y, a>(j)"}}},
		{"a columnLineage told before the lineage facet yields to it", []object{
			sent(1, aRun("r1", "START"), both, writing(ds("x", columnsOf("a.k>k")))),
			sent(2, withJob(aRun("r1", "COMPLETE"), lineageOfJob("x<b"))),
		}, []want{{0, columnsUp("dataset:pg/x"), "x | columns_unknown"}}},
		{"the facet of a job is replaced", []object{
			sent(1, aJob("j", lineageOfJob("x<a")), both, writing(ds("x"))),
			sent(2, aJob("j", lineageOfJob("x<b")), both, writing(ds("x"))),
		}, []want{{1, up("dataset:pg/x"), "(j)>x, a>(j)"}, {0, up("dataset:pg/x"), "(j)>x, b>(j)"}}},
		{"jobs as sources and targets; no name is the event's own", []object{
			sent(1, withJob(aRun("r1", "COMPLETE"), lineageOfJob("x<(up)", "y<()", "()<a", "(far)<b,(up)")), both, writing(ds("x"), ds("y"))),
		}, []want{
			{0, up("dataset:pg/x"), "(j)>x, (up)>x"},
			{0, up("dataset:pg/y"), "(j)>y"},
			{0, down("dataset:pg/a"), "a>(j)"},
			{0, LineageQuery{Node: "job:etl/far", Direction: Up}, "(up)>>(far), b>(far)"},
		}},
		{"an empty list of inputs is known to be empty", []object{
			sent(1, withJob(aRun("r1", "COMPLETE"), lineageOfJob("x<")), writing(ds("x"))),
			sent(2, aRun("r2/k", "COMPLETE"), reading(), writing(ds("y"))),
			sent(3, aRun("r3/l", "COMPLETE"), writing(ds("z"))),
		}, []want{
			{0, up("dataset:pg/x"), "(j)>x, x!origin"},
			{0, up("dataset:pg/y"), "(k)!origin, (k)>y"},
			{0, up("dataset:pg/z"), "(l)>z"},
		}},
		{"a job that reads what it writes, and a cycle", []object{
			sent(1, aRun("r1", "COMPLETE"), reading(ds("x"), ds("a")), writing(ds("x", columnsOf("x.k>k", "a.k>k")))),
			sent(2, aRun("r2/k", "COMPLETE"), reading(ds("x")), writing(ds("a"))),
			sent(3, aRun("r3/l", "COMPLETE", facet("parent", object{"run": object{"runId": "r3"}, "job": object{"namespace": "etl", "name": "l"}}))),
		}, []want{
			{0, up("dataset:pg/x"), "(j)>x, (k)>a, a>(j), x>(j), x>(k)"},
			{0, down("dataset:pg/x"), "(j)>x, (k)>a, a>(j), x>(j), x>(k)"},
			{0, columnsUp("column:pg/x#k"), "a.k=>x.k, x.k=>x.k | columns_unknown"},
			{0, LineageQuery{Node: "job:etl/l", Graph: GraphHierarchy}, "(l)"},
		}},
		{"inputs told later undo the emptiness", []object{
			sent(1, aRun("r1", "START"), reading(), writing()),
			sent(2, aRun("r1", "COMPLETE"), reading(ds("a")), writing(ds("x"))),
		}, []want{{0, up("dataset:pg/x"), "(j)>x, a>(j)"}}},
	}
}

func declarationRules() []rule {
	return []rule{
		{"a JobEvent replaces", []object{
			sent(1, aJob("j"), reading(ds("a")), writing(ds("x"))),
			sent(2, aJob("j"), reading(ds("b")), writing(ds("x"))),
		}, []want{{1, up("dataset:pg/x"), "(j)>x, a>(j)"}, {0, up("dataset:pg/x"), "(j)>x, b>(j)"}}},
		{"what a JobEvent does not say stays, an empty list clears", []object{
			sent(1, aJob("j"), reading(ds("a")), writing(ds("x"))),
			sent(2, aJob("j"), writing(ds("y"))),
			sent(3, aJob("j"), reading()),
		}, []want{{2, up("dataset:pg/y"), "(j)>y, a>(j)"}, {0, up("dataset:pg/y"), "(j)!origin, (j)>y"}, {0, up("dataset:pg/x"), "x"}}},
		{"a DatasetEvent replaces its facet", []object{
			sent(1, aDataset(dataset("x", facet("lineage", object{"inputs": sourcesOf("a")})))),
			sent(2, aDataset(dataset("x", facet("lineage", object{"inputs": sourcesOf("b,(maker)")})))),
		}, []want{{1, up("dataset:pg/x"), "a=>x"}, {0, up("dataset:pg/x"), "(maker)>x, b=>x"}}},
		{"the lineage facet of a dataset before its columnLineage", []object{
			sent(1, aDataset(dataset("x", facet("lineage", object{"inputs": sourcesOf("b")})))),
			sent(2, aDataset(dataset("x", columnsOf("a.k>k")))),
			sent(3, aDataset(dataset("x", deleted("lineage")))),
		}, []want{{2, up("dataset:pg/x"), "b=>x"}, {0, up("dataset:pg/x"), "a=>x"}}},
		{"a run does not undo a declaration, nor the other way", []object{
			sent(1, aJob("j"), reading(ds("a")), writing(ds("x"))),
			sent(2, aRun("r1", "COMPLETE"), reading(ds("b")), writing(ds("x"))),
			sent(3, aJob("j"), reading(ds("c")), writing(ds("x"))),
		}, []want{{0, up("dataset:pg/x"), "(j)>x, b>(j), c>(j)"}}},
	}
}

func identityRules() []rule {
	return []rule{
		{"a symlink joins from when it was told", []object{
			sent(1, aRun("r1", "COMPLETE"), reading(ds("a")), writing(ds("path"))),
			sent(2, aRun("r2/k", "COMPLETE"), reading(ds("table")), writing(ds("x"))),
			sent(3, aRun("r2/k", "OTHER"), reading(ds("table", symlinksTo("path")))),
		}, []want{
			{2, up("dataset:pg/x"), "(k)>x, table>(k)"},
			{0, up("dataset:pg/x"), "(j)>path, (k)>x, a>(j), path~table, table>(k)"},
		}},
		{"symlinks are replaced whole", []object{
			sent(1, aDataset(dataset("table", symlinksTo("p1", "p2")))),
			sent(2, aDataset(dataset("table", symlinksTo("p2")))),
		}, []want{{1, up("dataset:pg/p1"), "p1~table, p2~table"}, {0, up("dataset:pg/p1"), "p1"}, {0, up("dataset:pg/p2"), "p2~table"}}},
		{"a link told at both ends outlives one of them", []object{
			sent(1, aDataset(dataset("table", symlinksTo("path")))),
			sent(2, aDataset(dataset("path", symlinksTo("table")))),
			sent(3, aDataset(dataset("table", deleted("symlinks")))),
		}, []want{{0, up("dataset:pg/path"), "path~table"}}},
		{"RENAME carries the old name", []object{
			sent(1, aRun("r1", "COMPLETE"), reading(ds("a")), writing(ds("old"))),
			sent(2, aRun("r2/k", "COMPLETE"), writing(ds("new", lifecycle("RENAME", "old")))),
		}, []want{{1, up("dataset:pg/old"), "(j)>old, a>(j)"}, {0, up("dataset:pg/new"), "(j)>old, (k)>new, a>(j), new~old"}}},
		{"DROP hides until the next event", []object{
			sent(1, aRun("r1", "COMPLETE"), reading(ds("a")), writing(ds("tmp"))),
			sent(2, aRun("r2/k", "COMPLETE"), reading(ds("tmp")), writing(ds("x"))),
			sent(3, aRun("r3/drop", "COMPLETE"), writing(ds("tmp", lifecycle("DROP", "")))),
		}, []want{
			{2, up("dataset:pg/x"), "(j)>tmp, (k)>x, a>(j), tmp>(k)"},
			{0, down("dataset:pg/a"), "a>(j) | dropped"},
			{0, up("dataset:pg/tmp"), "(drop)>tmp, (j)>tmp, a>(j), tmp!dropped"}, // asked for by name
			{0, LineageQuery{Node: "dataset:pg/a", Direction: Down, Dropped: true}, "(j)>tmp, (k)>x, a>(j), tmp!dropped, tmp>(k)"},
		}},
		{"an event resurrects", []object{
			sent(1, aRun("r1", "COMPLETE"), reading(ds("a")), writing(ds("tmp"))),
			sent(2, aRun("r2", "COMPLETE"), writing(ds("tmp", lifecycle("DROP", "")))),
			sent(3, aRun("r3", "COMPLETE"), writing(ds("tmp", lifecycle("CREATE", "")))),
		}, []want{{2, down("dataset:pg/a"), "a>(j) | dropped"}, {0, down("dataset:pg/a"), "(j)>tmp, a>(j)"}}},
		{"an event of before the DROP that comes late does not", []object{
			sent(1, aRun("r1", "START"), reading(ds("a")), writing(ds("tmp"))),
			sent(3, aRun("r2", "COMPLETE"), writing(ds("tmp", lifecycle("DROP", "")))),
			sent(2, aRun("r1", "COMPLETE"), writing(ds("tmp"))),
		}, []want{{0, down("dataset:pg/a"), "a>(j) | dropped"}}},
	}
}

func relationRules() []rule {
	job := func(name string) object { return object{"namespace": "etl", "name": name} }
	parent := func(run, name string) object {
		return facet("parent", object{"run": object{"runId": run}, "job": job(name)})
	}
	old := parent("p1", "dag")
	depends := facet("jobDependencies", object{"upstream": []any{object{"job": job("before"), "run": object{"runId": "b1"}, "status_trigger_rule": "ON_SUCCESS"}}, "downstream": []any{object{"job": job("after")}}})
	hierarchy := func(node string, dir Direction) LineageQuery {
		return LineageQuery{Node: node, Direction: dir, Graph: GraphHierarchy}
	}
	control := func(node string) LineageQuery { return LineageQuery{Node: node, Graph: GraphControl} }
	return []rule{
		{"parents make the hierarchy, of jobs and of runs", []object{
			sent(1, aRun("p1/dag", "START"), reading(), writing()),
			sent(2, aRun("r1/task", "COMPLETE", parent("p1", "dag")), reading(ds("a")), writing(ds("x"))),
			sent(3, aRun("r2/task2", "COMPLETE", facet("parentRun", old["parent"].(object))), reading(ds("x")), writing(ds("y"))),
		}, []want{
			{0, hierarchy("job:etl/dag", Down), "(dag) starts (task), (dag) starts (task2), (dag)!origin"},
			{0, hierarchy("run:r1", Up), "p1 starts r1"},
			{0, hierarchy("run:p1", Down), "p1 starts r1, p1 starts r2"},
			{0, up("dataset:pg/y"), "(task)>x, (task2)>y, a>(task), x>(task2)"}, // not of data flow
		}},
		{"job dependencies make the control flow", []object{
			sent(1, aRun("r1", "START", depends), reading(ds("a")), writing(ds("x"))),
		}, []want{
			{0, control("job:etl/j"), "(before) then (j), (j) then (after)"},
			{0, control("run:r1"), "b1 then r1"},
			{0, up("dataset:pg/x"), "(j)>x, a>(j)"},
			{0, hierarchy("job:etl/j", Both), "(j)"},
		}},
		{"a newer facet of dependencies replaces the older", []object{
			sent(1, aRun("r1", "START", depends)),
			sent(2, aRun("r1", "COMPLETE", facet("jobDependencies", object{"upstream": []any{object{"job": job("other")}}}))),
		}, []want{{0, control("job:etl/j"), "(other) then (j)"}}},
	}
}

func columnRules() []rule {
	return []rule{
		{"what all columns depend on is kept once", []object{
			sent(1, aRun("r1", "COMPLETE"), reading(ds("s")), writing(ds("x", columnsOf("s.a>a", "s.b>b", "s.k>")))),
		}, []want{
			{0, up("column:pg/x#a"), "s.a=>x.a, s.k=>x, x.a in x"},
			{0, down("column:pg/s#k"), "s.k=>x"},
			{0, down("column:pg/s#b"), "s.b=>x.b"},
		}},
	}
}

func viewRules() []rule {
	events := []object{
		sent(1, aJob("j"), reading(ds("a"), ds("planned")), writing(ds("x"))),
		sent(2, aRun("r1", "START"), reading(ds("a"))),
		sent(3, aRun("r1", "COMPLETE"), writing(ds("x"))),
		sent(10, aRun("r2", "COMPLETE"), reading(ds("b")), writing(ds("x"), ds("y"))),
		sent(9, aRun("r0/before", "COMPLETE"), reading(ds("c")), writing(ds("b"))),
	}
	in := func(view LineageView, from, to int, run string) LineageQuery {
		q := LineageQuery{Node: "dataset:pg/x", Direction: Up, View: view, Run: run}
		if from > 0 {
			q.From = day(1, from)
		}
		if to > 0 {
			q.To = day(1, to)
		}
		return q
	}
	of := func(run string) LineageQuery {
		q := columnsUp("column:pg/x#a")
		q.View, q.Run = ViewRun, run
		return q
	}
	return []rule{{"where a value came from in one run", []object{
		sent(1, aRun("r1", "COMPLETE"), reading(ds("s")), writing(ds("x", columnsOf("s.a>a", "s.c>c")))),
		sent(2, aRun("r2", "COMPLETE"), reading(ds("s")), writing(ds("x", columnsOf("s.b>a", "s.c>c")))),
	}, []want{
		{0, of("r1"), "s.a=>x.a"},
		{0, of("r2"), "s.b=>x.a"},
		{0, columnsUp("column:pg/x#a"), "s.a=>x.a, s.b=>x.a"},
	}}, {"views", events, []want{
		{0, in(ViewCumulative, 0, 0, ""), "(before)>b, (j)>x, a>(j), b>(j), c>(before), planned>(j)"},
		{0, in(ViewDeclared, 0, 0, ""), "(j)>x, a>(j), planned>(j)"},
		{0, in(ViewObserved, 0, 0, ""), "(before)>b, (j)>x, a>(j), b>(j), c>(before)"},
		{0, in(ViewObserved, 0, 9, ""), "(j)>x, a>(j)"},
		{0, in(ViewObserved, 3, 4, ""), "(j)>x, a>(j)"},
		{0, in(ViewObserved, 9, 11, ""), "(before)>b, (j)>x, b>(j), c>(before)"},
		{0, in(ViewObserved, 12, 0, ""), "x"},
		{0, in(ViewRun, 0, 0, "r2"), "(j)>x, b>(j)"},
		{0, in(ViewRun, 0, 0, "r1"), "(j)>x, a>(j)"},
	}}}
}
