package projections

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"ledgerline/events"
	"ledgerline/projections/graph"
)

// The kinds of nodes.
const (
	NodeDataset = "dataset"
	NodeColumn  = "column"
	NodeJob     = "job"
	NodeRun     = "run"
	NodeEntry   = "entry"
)

// Dataset names a physical dataset as OpenLineage does.
type Dataset struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (d *Dataset) code(c *coder) { c.texts(&d.Namespace, &d.Name) }

func (d Dataset) key() []byte { return entityKey(tDataset, d.Namespace, d.Name) }

func (d Dataset) compare(o Dataset) int {
	return cmp.Or(cmp.Compare(d.Namespace, o.Namespace), cmp.Compare(d.Name, o.Name))
}

// Node is a thing in the lineage graph.
type Node struct {
	// ID is the node's text form, "dataset:{namespace}/{name}",
	// "column:{namespace}/{name}#{field}", "job:{namespace}/{name}", "run:{uuid}"
	// or "entry:{id}", as is; where that names several nodes, with "/", "#" and
	// "%" in the parts percent-encoded.
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`  // of a run its UUID, of an entry its id
	Field     string `json:"field,omitempty"` // of a column
	Title     string `json:"title,omitempty"` // of an entry
	// Entries are the catalog entries a dataset is a resource of.
	Entries []string `json:"entries,omitempty"`
	// Depth is the distance from the node asked for, in steps from dataset to
	// dataset; a job lies at the depth of the step that it is part of.
	Depth int `json:"depth"`
	// State of a run: NEW, START, RUNNING, COMPLETE, FAIL or ABORT; empty for a run
	// that others name and no event of its own told of.
	State string `json:"state,omitempty"`
	// Fields of the dataset asked for: the columns of its newest schema, as sent.
	Fields []events.LineageField `json:"fields,omitempty"`
	// Dropped is set if a dataset was dropped and not mentioned since.
	Dropped bool `json:"dropped,omitempty"`
	// Removed is set if a column is not in its dataset's newest schema.
	Removed bool `json:"removed,omitempty"`
	// Origin is set if a run or declaration says that nothing is upstream.
	Origin bool `json:"origin,omitempty"`
	// MixesRuns is set if a job's runs did not all read and write the same, and do not
	// tell what came from what: a way through the job may then be of no single run.
	// View=run and a trace follow one run.
	MixesRuns bool `json:"mixes_runs,omitempty"`
	// First is the position of the first record that mentions it.
	First int64 `json:"first"`
}

// vertex identifies a node. Its parts are what it is; the text form may be
// ambiguous.
type vertex struct {
	Kind      string
	Namespace string
	Name      string
	Field     string
}

func datasetVertex(d Dataset) vertex   { return vertex{NodeDataset, d.Namespace, d.Name, ""} }
func jobVertex(j events.JobRef) vertex { return vertex{NodeJob, j.Namespace, j.Name, ""} }

func (v vertex) dataset() Dataset { return Dataset{v.Namespace, v.Name} }

// column is the vertex of a column of v's dataset; the dataset itself for the
// empty field.
func (v vertex) column(field string) vertex {
	if field == "" {
		return datasetVertex(v.dataset())
	}
	return vertex{NodeColumn, v.Namespace, v.Name, field}
}

// text is the plain text form.
func (v vertex) text() string { return v.format(func(s string) string { return s }) }

// exact is the text form that can be read in one way only.
func (v vertex) exact() string { return v.format(escaper.Replace) }

var escaper = strings.NewReplacer("%", "%25", "/", "%2F", "#", "%23")

func (v vertex) format(part func(string) string) string {
	switch v.Kind {
	case NodeRun, NodeEntry:
		return v.Kind + ":" + v.Name
	case NodeColumn:
		return v.Kind + ":" + part(v.Namespace) + "/" + part(v.Name) + "#" + part(v.Field)
	}
	return v.Kind + ":" + part(v.Namespace) + "/" + part(v.Name)
}

// maxNodeText bounds the text of a node, and maxReadings in how many ways one is split:
// reading it tries them all. One that is split in more ways has to be given in its exact
// form.
const (
	maxNodeText = 8192
	maxReadings = 4096
)

// ResolveNode finds a node by its text form. Namespaces and names may hold
// colons and slashes, so the text is matched against what is known as of the
// view's position. The error is an *UnknownNodeError if that gives none or more
// than one.
func (w *View) ResolveNode(ctx context.Context, node string) (n Node, err error) {
	err = w.read(func(r *reader) error {
		v, err := r.resolve(ctx, node)
		if err != nil {
			return err
		}
		if n, err = r.describe(v, 0); err != nil {
			return err
		}
		n.ID = node
		return nil
	})
	return n, err
}

// resolve reads a node's text in every way that names something known.
func (r *reader) resolve(ctx context.Context, text string) (vertex, error) {
	var found []vertex
	for _, v := range readings(text) {
		known, err := r.knows(v)
		if err != nil {
			return vertex{}, err
		}
		if !known || slices.Contains(found, v) {
			continue
		}
		seen, err := r.seesNode(v)
		if err != nil {
			return vertex{}, err
		}
		if seen { // what may not be seen is not told from what is not known
			found = append(found, v)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if r.sight != nil { // names like it may be of what the reader may not see
			return vertex{}, &UnknownNodeError{Node: text}
		}
		near, err := r.near(ctx, text)
		return vertex{}, errors.Join(&UnknownNodeError{Node: text, Near: near}, err)
	}
	unknown := &UnknownNodeError{Node: text, Ambiguous: true}
	for _, v := range found {
		if strings.Contains(text, "%") && v.exact() == text {
			return v, nil // the exact form is of this one, whatever else is called so
		}
		unknown.Near = append(unknown.Near, v.exact())
	}
	return vertex{}, unknown
}

// readings lists what a text may mean: split at each slash (and for a column at
// each "#"), as it stands and percent-decoded.
func readings(text string) []vertex {
	kind, rest, ok := strings.Cut(text, ":")
	ways := strings.Count(rest, "/")
	if kind == NodeColumn {
		ways *= strings.Count(rest, "#")
	}
	if !ok || len(text) > maxNodeText || ways > maxReadings && kind != NodeRun && kind != NodeEntry {
		return nil
	}
	switch kind {
	case NodeRun, NodeEntry:
		return []vertex{{Kind: kind, Name: rest}}
	case NodeDataset, NodeJob:
		return splits(kind, rest, "", nil)
	case NodeColumn:
		var out []vertex
		for i := range len(rest) {
			if rest[i] == '#' {
				out = splits(kind, rest[:i], rest[i+1:], out)
			}
		}
		return out
	}
	return nil
}

func splits(kind, rest, field string, out []vertex) []vertex {
	for i := range len(rest) {
		if rest[i] != '/' {
			continue
		}
		out = append(out, vertex{kind, rest[:i], rest[i+1:], field})
		namespace, err1 := url.PathUnescape(rest[:i])
		name, err2 := url.PathUnescape(rest[i+1:])
		plain, err3 := url.PathUnescape(field)
		if err1 == nil && err2 == nil && err3 == nil {
			out = append(out, vertex{kind, namespace, name, plain})
		}
	}
	return out
}

// knows reports whether a vertex exists as of the reader's position.
func (r *reader) knows(v vertex) (bool, error) {
	switch v.Kind {
	case NodeColumn:
		var d datasetRow
		ok, err := r.find(v.dataset().key(), &d)
		return ok && d.field(v.Field) >= 0, err
	default:
		_, ok, err := r.get(v.key())
		return ok, err
	}
}

// key is the entity of a vertex; a column has none.
func (v vertex) key() []byte {
	switch v.Kind {
	case NodeJob:
		return entityKey(tJob, v.Namespace, v.Name)
	case NodeRun:
		return entityKey(tRun, v.Name)
	case NodeEntry:
		return stepKey(v.Name)
	}
	return v.dataset().key()
}

// describe describes a vertex, whose number is looked up if it is 0. Depth and ID
// are the caller's.
func (r *reader) describe(v vertex, number uint32) (Node, error) {
	n := Node{ID: v.text(), Kind: v.Kind, Namespace: v.Namespace, Name: v.Name, Field: v.Field}
	var err error
	if v.Kind == NodeDataset || v.Kind == NodeJob {
		if number == 0 {
			if number, err = r.node(v); err != nil {
				return n, err
			}
		}
		if _, n.Origin, err = r.get(edgeKey(graph.Edge{Kind: kindOrigin, From: number, To: number})); err != nil {
			return n, err
		}
	}
	switch v.Kind {
	case NodeDataset, NodeColumn:
		var d datasetRow
		if _, err := r.find(v.dataset().key(), &d); err != nil {
			return n, err
		}
		n.Dropped = d.Gone
		if n.First = d.First; v.Kind == NodeDataset {
			n.Entries = d.Entries
		} else if i := d.field(v.Field); i >= 0 {
			n.First = d.Fields[i].First
			n.Removed = d.Schema.Known && !slices.ContainsFunc(d.Schema.Fields, func(f events.LineageField) bool { return f.Name == v.Field })
		}
	case NodeJob:
		var j jobRow
		_, err := r.find(v.key(), &j)
		n.First = j.First
		return n, err
	case NodeRun:
		var run runRow
		known, err := r.find(v.key(), &run)
		if known {
			n.First, n.State = run.First, run.state()
		}
		return n, err
	case NodeEntry:
		e, _, err := r.entry(v.Name, 0)
		n.Title = e.Title
		if err != nil {
			return n, err
		}
		return n, r.history(stepKey(v.Name), r.at, func(row row) (bool, error) {
			n.First = row.position // ends with the oldest
			return true, nil
		})
	}
	return n, nil
}

// nearScan bounds how many known names are compared with an unknown one.
const nearScan = 20_000

// near lists up to five known nodes of the kind asked for whose text shares most
// with the text given.
func (r *reader) near(ctx context.Context, text string) ([]string, error) {
	kind, _, _ := strings.Cut(text, ":")
	table, ok := map[string]table{NodeDataset: tDataset, NodeColumn: tDataset, NodeJob: tJob, NodeRun: tRun, NodeEntry: tEntry}[kind]
	if !ok {
		return nil, nil
	}
	asked := pairsOf(text)
	type scored struct {
		text  string
		score float64
	}
	var best []scored
	seen := 0
	err := r.each(ctx, entityKey(table), nil, func(row row) (bool, error) {
		names, err := parts(row.entity)
		if err != nil {
			return false, err
		}
		v := vertex{Kind: kind, Name: names[0]}
		if len(names) == 2 {
			v.Namespace, v.Name = names[0], names[1]
		}
		if kind == NodeColumn {
			v.Kind = NodeDataset
		}
		if s := shared(asked, pairsOf(v.text())); s > 0.4 {
			best = append(best, scored{v.text(), s})
		}
		seen++
		return seen < nearScan, nil
	})
	slices.SortFunc(best, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.text, b.text))
	})
	var out []string
	for _, s := range best[:min(5, len(best))] {
		out = append(out, s.text)
	}
	return out, err
}

// pairsOf is the set of pairs of neighbouring characters of a text, less its
// kind.
func pairsOf(text string) map[string]bool {
	_, text, _ = strings.Cut(normalise(text), ":")
	runes := []rune(text)
	out := make(map[string]bool, len(runes))
	for i := 1; i < len(runes); i++ {
		out[string(runes[i-1:i+1])] = true
	}
	return out
}

// shared is the Dice coefficient of two sets: 1 if they are equal.
func shared(a, b map[string]bool) float64 {
	n := 0
	for p := range a {
		if b[p] {
			n++
		}
	}
	if len(a)+len(b) == 0 {
		return 0
	}
	return 2 * float64(n) / float64(len(a)+len(b))
}
