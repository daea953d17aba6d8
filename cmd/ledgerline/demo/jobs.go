package demo

import (
	"strings"
	"time"
)

// job is one of the jobs that collect, fuse and match the data, as its scheduler
// knows it.
type job struct {
	id      string // J01 … J12
	name    string
	owner   string // party id
	title   string
	parent  bool // started by the nightly workflow of its owner
	dialect string
	// versions in the order in which they came into use.
	versions []jobVersion
}

// jobVersion is what a job does from a day on.
type jobVersion struct {
	from   time.Time
	output string // entry id
	// columns says what each column of the output is made from.
	columns []column
	// keys are the columns that decide which rows there are: joins and filters.
	keys []source
	sql  string
}

// column is one column of the output and its sources.
type column struct {
	name string
	from []source
}

// source is a column that is read, "DS02.swrq", and how.
type source struct {
	ref     string
	typ     string
	subtype string
	note    string
	masking bool
}

// The ways a column is used: the subtypes of the columnLineage facet.
func same(ref string) source { return source{ref: ref, typ: "DIRECT", subtype: "IDENTITY"} }
func made(ref, note string) source {
	return source{ref: ref, typ: "DIRECT", subtype: "TRANSFORMATION", note: note}
}
func total(ref, note string) source {
	return source{ref: ref, typ: "DIRECT", subtype: "AGGREGATION", note: note}
}
func join(ref string) source { return source{ref: ref, typ: "INDIRECT", subtype: "JOIN"} }
func filter(ref, note string) source {
	return source{ref: ref, typ: "INDIRECT", subtype: "FILTER", note: note}
}
func groupBy(ref string) source { return source{ref: ref, typ: "INDIRECT", subtype: "GROUP_BY"} }

// masked marks a source whose value cannot be read from the result.
func masked(s source) source { s.masking = true; return s }

// copies takes columns over unchanged from one entry.
func copies(entry string, names ...string) []column {
	cs := make([]column, len(names))
	for i, n := range names {
		cs[i] = column{n, []source{same(entry + "." + n)}}
	}
	return cs
}

// split returns the entry and the item of a reference.
func (s source) split() (entry, item string) {
	entry, item, _ = strings.Cut(s.ref, ".")
	return entry, item
}

// inputs lists the entries a version reads, each once, in order of mention.
func (v jobVersion) inputs() []string {
	var ids []string
	seen := map[string]bool{}
	add := func(s source) {
		if id, _ := s.split(); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for _, c := range v.columns {
		for _, s := range c.from {
			add(s)
		}
	}
	for _, s := range v.keys {
		add(s)
	}
	return ids
}

// version returns what the job does at a time.
func (j job) version(at time.Time) jobVersion {
	v := j.versions[0]
	for _, next := range j.versions[1:] {
		if !at.Before(next.from) {
			v = next
		}
	}
	return v
}

// jobNamespace is the scheduler of each owner.
var jobNamespace = map[string]string{
	"D02": "dolphinscheduler://etl.scjgj.yunze.example:12345",
	"D03": "dolphinscheduler://etl.rst.yunze.example:12345",
	"D07": "dolphinscheduler://etl.sjj.yunze.example:12345",
	"C02": "dolphinscheduler://etl.mzj.mingchuan.example:12345",
}

// nightly is the workflow of the data bureau that starts the jobs of the
// population library. It reads and writes nothing itself.
var nightly = job{id: "J00", name: "pop", owner: "D07", title: "人口基础库夜间工作流 Nightly workflow of the population library"}

func jobOf(id string) job { return find(jobs, id, func(j job) string { return j.id }) }
