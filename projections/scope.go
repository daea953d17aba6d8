package projections

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// A Scope bounds what a reader may see: what concerns one of Parties, a body that was
// merged into one of them, or a body in one of Regions (codes of areas such as 330100,
// or beginnings of them). The zero Scope is that of a reader who may see everything.
//
// What concerns whom:
//
//   - a party: itself; an entry: who provides it; a duty: who has it or had it;
//   - a request, an agreement and what happens under it, a call, a disposal: provider and
//     consumer;
//   - a finding: who reported it, who answers for the entry, who has to put it right;
//   - a violation: who broke the rule, and who the agreement or the entry is of;
//   - a test of data: who measured, and whom the entry, dataset or job concern;
//   - a dataset, and its columns: who provides the entries that describe it or, if none
//     does, who runs the jobs that write it;
//   - a job: who runs the jobs of its namespace, and whom the datasets concern that it
//     reads or writes; a run likewise, by its own datasets;
//   - a record: the parties that it names, and those that follow from its names as of its
//     position. What the ledger says about itself without naming anybody, and published
//     rule packs and calendars, concern everybody.
//
// Regions, mergers and providers are as of the position of the view.
//
// Fields are the names of fields of events that the reader is kept from, whomever the
// record concerns: see events.WithholdableFields.
type Scope struct {
	Parties, Regions []string
	Fields           []string
}

// All tells whether the scope leaves nothing out.
func (s Scope) All() bool { return s.EveryRecord() && len(s.Fields) == 0 }

// EveryRecord tells whether the scope leaves no record out, whatever it leaves out of
// records.
func (s Scope) EveryRecord() bool { return len(s.Parties) == 0 && len(s.Regions) == 0 }

// Within is the view as a reader with the scope sees it. What lies outside is left out
// of answers, before pages, counts and limits of rows, and counted: see Withheld. Both
// are closed together.
func (w *View) Within(s Scope) *View {
	if s.All() {
		return w
	}
	bound := *w
	if !s.EveryRecord() {
		bound.sight = &sight{Scope: s, parties: map[string]bool{}, nodes: map[vertex]bool{}}
	}
	if len(s.Fields) > 0 {
		bound.blanks = &blanks{fields: s.Fields}
	}
	return &bound
}

// Scoped tells whether the view leaves out what its reader may not see.
func (w *View) Scoped() bool { return w.sight != nil || w.blanks != nil }

// Withheld counts what belongs to the answers of this view and was left out of them,
// because it lies outside the scope. A part of a list counts what lies between its first
// row and the first of the next part, so that the parts add up to the list. Words that
// are searched for are not looked for in what is withheld: there everything counts that
// the rest of the question selects. Each field that is left out of what is shown counts.
func (w *View) Withheld() (n int64) {
	if w.blanks != nil {
		n = w.blanks.withheld.Load()
	}
	if w.sight == nil {
		return n
	}
	w.sight.mu.Lock()
	defer w.sight.mu.Unlock()
	return n + w.sight.withheld
}

// whole is the view of a reader who may see everything.
func (w *View) whole() *View {
	if !w.Scoped() {
		return w
	}
	all := *w
	all.sight, all.blanks = nil, nil
	return &all
}

// sight is a scope as of a view, with what was looked up for it.
type sight struct {
	Scope

	mu       sync.Mutex
	parties  map[string]bool
	nodes    map[vertex]bool
	withheld int64
}

func (s *sight) withhold(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.withheld += int64(n)
}

// withhold counts what is left out of an answer.
func (r *reader) withhold(n int) {
	if r.sight != nil {
		r.sight.withhold(n)
	}
}

// shows tells whether what concerns these parties belongs into the answer, and counts
// it if it does not.
func (r *reader) shows(parties ...string) (bool, error) {
	ok, err := r.sees(parties...)
	if err == nil && !ok {
		r.withhold(1)
	}
	return ok, err
}

// sees tells whether the reader may see what concerns these parties.
func (r *reader) sees(parties ...string) (bool, error) {
	if r.sight == nil {
		return true, nil
	}
	for _, p := range parties {
		if ok, err := r.seesParty(p); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// maxMergers bounds how many mergers are followed: records may merge bodies in a circle.
const maxMergers = 64

// seesParty looks a party up, once for each view.
func (r *reader) seesParty(id string) (bool, error) {
	s := r.sight
	if slices.Contains(s.Parties, id) {
		return true, nil
	}
	s.mu.Lock()
	seen, known := s.parties[id]
	s.mu.Unlock()
	if known || id == "" {
		return seen, nil
	}
	for next, n := id, 0; next != "" && !seen && n < maxMergers; n++ {
		var p Party
		if _, err := r.find(entityKey(tParty, next), &p); err != nil {
			return false, err
		}
		seen = slices.Contains(s.Parties, next) || slices.ContainsFunc(s.Regions, func(area string) bool { return InArea(area, p.Region) })
		next = p.Successor
	}
	s.mu.Lock()
	s.parties[id] = seen
	s.mu.Unlock()
	return seen, nil
}

// providerOf is who provides an entry in its latest version; empty if it is not known.
func (r *reader) providerOf(entry string) (string, error) {
	row, ok, err := r.get(stepKey(entry))
	if err != nil || !ok {
		return "", err
	}
	var s entryStep
	if err := row.decode(&s); err != nil {
		return "", err
	}
	var d contentRow
	_, err = r.find(contentKey(entry, s.Version), &d)
	return d.Provider, err
}

// seesNode tells whether the reader may see a node of the lineage graph, and looks it up
// once for each view.
func (r *reader) seesNode(v vertex) (seen bool, err error) {
	if r.sight == nil {
		return true, nil
	}
	if v.Kind == NodeColumn {
		v = datasetVertex(v.dataset())
	}
	s := r.sight
	s.mu.Lock()
	seen, known := s.nodes[v]
	s.mu.Unlock()
	if known {
		return seen, nil
	}
	switch v.Kind {
	case NodeEntry:
		var provider string
		if provider, err = r.providerOf(v.Name); err == nil {
			seen, err = r.sees(provider)
		}
	case NodeDataset:
		seen, err = r.seesDataset(v.dataset())
	case NodeJob:
		seen, err = r.seesJob(events.JobRef{Namespace: v.Namespace, Name: v.Name})
	case NodeRun:
		seen, err = r.seesRun(v.Name)
	}
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	s.nodes[v] = seen
	s.mu.Unlock()
	return seen, nil
}

func (r *reader) seesDataset(d Dataset) (bool, error) {
	var row datasetRow
	if _, err := r.find(d.key(), &row); err != nil {
		return false, err
	}
	for _, entry := range row.Entries {
		if seen, err := r.seesNode(vertex{Kind: NodeEntry, Name: entry}); seen || err != nil {
			return seen, err
		}
	}
	if len(row.Entries) > 0 {
		return false, nil
	}
	return r.anyAt(graph.Up, datasetVertex(d), func(e graph.Edge, job vertex) (bool, error) {
		return r.runsJobs(job.Namespace)
	})
}

// runsJobs tells whether somebody whom the reader may see runs the jobs of a namespace.
func (r *reader) runsJobs(namespace string) (bool, error) {
	var holders textsRow
	if _, err := r.find(holdersKey(events.RoleOperator, namespace), &holders); err != nil {
		return false, err
	}
	return r.sees(holders...)
}

func (r *reader) seesJob(job events.JobRef) (bool, error) {
	if seen, err := r.runsJobs(job.Namespace); seen || err != nil {
		return seen, err
	}
	for _, dir := range []graph.Direction{graph.Up, graph.Down} {
		seen, err := r.anyAt(dir, jobVertex(job), func(_ graph.Edge, set vertex) (bool, error) { return r.seesNode(set) })
		if seen || err != nil {
			return seen, err
		}
	}
	return false, nil
}

func (r *reader) seesRun(id string) (bool, error) {
	var run runRow
	if ok, err := r.find(entityKey(tRun, id), &run); err != nil || !ok {
		return false, err
	}
	if seen, err := r.runsJobs(run.Job.Namespace); seen || err != nil {
		return seen, err
	}
	flow := run.now()
	for _, d := range slices.Concat(flow.Inputs, flow.Outputs) {
		if seen, err := r.seesNode(datasetVertex(d)); seen || err != nil {
			return seen, err
		}
	}
	return false, nil
}

// anyAt asks of the far ends of what was ever read and written at a node until one is
// so: the jobs at a dataset, the datasets at a job.
func (r *reader) anyAt(dir graph.Direction, v vertex, is func(graph.Edge, vertex) (bool, error)) (found bool, err error) {
	number, err := r.node(v)
	if err != nil || number == 0 {
		return false, err
	}
	g, err := r.graph()
	if err != nil {
		return false, err
	}
	var ends []graph.Edge
	g.Ever().Each(dir, number, func(e graph.Edge, _ graph.State) bool {
		if e.Kind == graph.Reads || e.Kind == graph.Writes {
			ends = append(ends, e)
		}
		return true
	})
	for _, e := range ends {
		far := e.From
		if far == number {
			far = e.To
		}
		end, err := r.vertex(far)
		if err != nil {
			return false, err
		}
		if found, err = is(e, end); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// InArea tells whether an area is another or lies in it. Both are codes such as 330100, of
// pairs of digits of which trailing 00 stand for all, or beginnings of them such as 33.
func InArea(area, region string) bool {
	whole := area
	for len(area) >= 6 && len(whole) > 0 && len(whole)%2 == 0 && strings.HasSuffix(whole, "00") {
		whole = whole[:len(whole)-2]
	}
	return region != "" && strings.HasPrefix(region, whole)
}

// ConcernsAll tells whether records of a type concern everybody: what the ledger says of
// itself that names nobody, and published rule packs and calendars.
func ConcernsAll(typ string) bool {
	switch typ {
	case "ledger.genesis", "ledger.clock.confirmed", "ledger.index.committed", "ledger.head.anchored", "ledger.key.added", "ledger.key.retired":
		return true
	}
	return strings.HasPrefix(typ, "reference.")
}

// seesRecord tells whether the reader may see a record.
func (r *reader) seesRecord(row *TimelineRow) (bool, error) {
	if r.sight == nil || ConcernsAll(row.Type) {
		return true, nil
	}
	return r.sees(row.Concerns...)
}

// Hidden tells which of some records the reader may not see. A position that the view
// does not reach is one of them.
func (w *View) Hidden(ctx context.Context, positions ...int64) (hidden map[int64]bool, err error) {
	if w.sight == nil {
		return nil, nil
	}
	hidden = map[int64]bool{}
	err = w.read(func(r *reader) error {
		for _, p := range positions {
			row, ok, err := r.event(p)
			if err == nil && ok {
				ok, err = r.seesRecord(&row)
			}
			if err := cmp.Or(err, ctx.Err()); err != nil {
				return err
			}
			if !ok {
				hidden[p] = true
			}
		}
		return nil
	})
	return hidden, err
}

// Record reads the row of a record; false if there is none, or if the reader may not see
// it, which is counted.
func (w *View) Record(position int64) (row TimelineRow, ok bool, err error) {
	err = w.read(func(r *reader) error {
		if row, ok, err = r.event(position); err != nil || !ok {
			return err
		}
		if ok, err = r.seesRecord(&row); err == nil && !ok {
			row = TimelineRow{}
			r.withhold(1)
		}
		row.blank(r)
		return err
	})
	return row, ok, err
}

// Shows tells whether there is a record at a position and the reader may see it; one that
// it may not see is counted.
func (w *View) Shows(position int64) (ok bool, err error) {
	err = w.read(func(r *reader) error {
		row, there, err := r.event(position)
		if err != nil || !there {
			return err
		}
		if ok, err = r.seesRecord(&row); err == nil && !ok {
			r.withhold(1)
		}
		return err
	})
	return ok, err
}

// ofAgreement adds the parties of an agreement and of an entry, if they are known, to
// some others.
func (r *reader) ofAgreement(agreement, entry string, parties ...string) ([]string, error) {
	if r.sight == nil {
		return parties, nil
	}
	if agreement != "" {
		var a Agreement
		if _, err := r.find(entityKey(tAgreement, agreement), &a); err != nil {
			return nil, err
		}
		parties = append(parties, a.Provider, a.Consumer)
	}
	if entry != "" {
		provider, err := r.providerOf(entry)
		if err != nil {
			return nil, err
		}
		parties = append(parties, provider)
	}
	return parties, nil
}

// keepSeen keeps what the reader may see of a list, and counts the rest.
func keepSeen[T any](r *reader, list []T, sees func(*T) (bool, error)) ([]T, error) {
	if r.sight == nil {
		return list, nil
	}
	kept := list[:0:0]
	for i := range list {
		seen, err := sees(&list[i])
		if err != nil {
			return nil, err
		}
		if seen {
			kept = append(kept, list[i])
		} else {
			r.withhold(1)
		}
	}
	if kept == nil {
		kept = []T{}
	}
	return kept, nil
}

// keepRelatives blanks the jobs and runs that a run names and the reader may not see.
func (r *reader) keepRelatives(run *Run) error {
	if r.sight == nil {
		return nil
	}
	blank := func(v vertex, named bool, remove func()) error {
		if !named {
			return nil
		}
		seen, err := r.seesNode(v)
		if err == nil && !seen {
			remove()
			r.withhold(1)
		}
		return err
	}
	p := &run.Parent
	err := cmp.Or(
		blank(vertex{Kind: NodeRun, Name: p.Run}, p.Run != "", func() { p.Run = "" }),
		blank(jobVertex(p.Job), p.Job != events.JobRef{}, func() { p.Job = events.JobRef{} }),
		blank(vertex{Kind: NodeRun, Name: p.RootRun}, p.RootRun != "", func() { p.RootRun = "" }),
		blank(jobVertex(p.RootJob), p.RootJob != events.JobRef{}, func() { p.RootJob = events.JobRef{} }),
	)
	if err != nil {
		return err
	}
	run.Dependencies, err = keepSeen(r, run.Dependencies, func(d *events.JobDependency) (bool, error) { return r.seesNode(jobVertex(d.Job)) })
	return err
}
