package api

import (
	"fmt"
	"strings"

	"ledgerline/projections"
)

// A lineage graph in the terms of W3C PROV (PROV-DM, 2013), written as PROV-JSON
// (W3C member submission, 2013-04-24):
//
//	dataset, column      entity; a dataset is a collection of its columns
//	catalog entry        entity, of which its datasets are specializations
//	job                  activity: all of its runs taken together
//	run                  activity, with its times and what it read and wrote
//	reads, writes        used, wasGeneratedBy
//	derives              wasDerivedFrom, with the job as the activity
//	same_as              alternateOf
//	feeds                wasInformedBy: data passed between jobs, which is not told
//	started              wasStartedBy
//	precedes             wasInfluencedBy: it need not have passed anything on
//	job and run          wasInfluencedBy: PROV has no parts of activities
//	provider of an entry agent, to which the entry wasAttributedTo
//	the ledger           agent, to which the answer itself wasAttributedTo
//
// An entity stands for a dataset in all its states: the graph does not tell its
// states apart. Positions in the ledger are kept as attributes.

// provDocument is a PROV-JSON document. The schema allows no other members.
type provDocument struct {
	Prefix           map[string]string     `json:"prefix"`
	Entity           map[string]provRecord `json:"entity"`
	Activity         map[string]provRecord `json:"activity,omitempty"`
	Agent            map[string]provRecord `json:"agent"`
	Used             map[string]provRecord `json:"used,omitempty"`
	WasGeneratedBy   map[string]provRecord `json:"wasGeneratedBy,omitempty"`
	WasDerivedFrom   map[string]provRecord `json:"wasDerivedFrom,omitempty"`
	WasInformedBy    map[string]provRecord `json:"wasInformedBy,omitempty"`
	WasStartedBy     map[string]provRecord `json:"wasStartedBy,omitempty"`
	WasInfluencedBy  map[string]provRecord `json:"wasInfluencedBy,omitempty"`
	WasAttributedTo  map[string]provRecord `json:"wasAttributedTo"`
	SpecializationOf map[string]provRecord `json:"specializationOf,omitempty"`
	AlternateOf      map[string]provRecord `json:"alternateOf,omitempty"`
	HadMember        map[string]provRecord `json:"hadMember,omitempty"`
}

// provRecord holds attributes: a string, a number, a boolean, a provLiteral, or
// several of these.
type provRecord map[string]any

// provLiteral is a value with a type. The types are those of XML Schema, and
// prov:QUALIFIED_NAME for the name of something.
type provLiteral struct {
	Value string `json:"$"`
	Type  string `json:"type"`
}

func provName(name string) provLiteral { return provLiteral{name, "prov:QUALIFIED_NAME"} }

// provCollection is the type of datasets.
var provCollection = []provLiteral{provName("ledger:Dataset"), provName("prov:Collection")}

// provID names a node. The local part is the node's text as the API has it,
// percent-encoded where PROV-N would read something else into it.
func provID(node string) string {
	kind, rest, _ := strings.Cut(node, ":")
	return kind + ":" + provLocal(rest)
}

func provLocal(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_',
			(c == '-' || c == '.' || c == '/') && i > 0 && i < len(s)-1:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// relate adds a relation. Relations have no names of their own; the order of the
// graph numbers them.
func relate(all map[string]provRecord, kind string, r provRecord) {
	all[fmt.Sprintf("_:%s%d", kind, len(all)+1)] = r
}

// provFacts is what a document needs beside the graph.
type provFacts struct {
	origin     string // of the ledger
	checkpoint string // the published one, signed
	standing   Standing
	runs       map[string]projections.Run   // by id
	entries    map[string]projections.Entry // by id
}

// prov writes a graph in the terms of PROV.
func prov(g projections.Graph, facts provFacts) *provDocument {
	d := &provDocument{
		Prefix: map[string]string{
			"ledger": "urn:ledgerline:prov:", "agent": "urn:ledgerline:agent:",
			"dataset": "urn:ledgerline:dataset:", "column": "urn:ledgerline:column:", "job": "urn:ledgerline:job:",
			"run": "urn:ledgerline:run:", "entry": "urn:ledgerline:entry:",
		},
		Entity: map[string]provRecord{}, Activity: map[string]provRecord{}, Agent: map[string]provRecord{},
		Used: map[string]provRecord{}, WasGeneratedBy: map[string]provRecord{}, WasDerivedFrom: map[string]provRecord{},
		WasInformedBy: map[string]provRecord{}, WasStartedBy: map[string]provRecord{},
		WasInfluencedBy: map[string]provRecord{}, WasAttributedTo: map[string]provRecord{}, SpecializationOf: map[string]provRecord{},
		AlternateOf: map[string]provRecord{}, HadMember: map[string]provRecord{},
	}
	d.answer(g, facts)
	for _, n := range g.Nodes {
		d.node(n, facts)
	}
	for _, e := range g.Edges {
		d.edge(e)
	}
	d.describe(g, facts)
	return d
}

// describe adds the catalog entries of the datasets that are not themselves in
// the graph, for the sake of who provides them.
func (d *provDocument) describe(g projections.Graph, facts provFacts) {
	inGraph := make(map[string]bool)
	for _, n := range g.Nodes {
		inGraph[n.ID] = true
	}
	for _, n := range g.Nodes {
		for _, id := range n.Entries {
			e, ok := facts.entries[id]
			text := projections.NodeEntry + ":" + id
			if !ok || inGraph[text] {
				continue
			}
			if _, ok := d.Entity[provID(text)]; !ok {
				d.entry(provID(text), provRecord{}, id, e.Title, facts)
			}
			relate(d.SpecializationOf, "specialization", provRecord{"prov:specificEntity": provID(n.ID), "prov:generalEntity": provID(text)})
		}
	}
}

// answer describes the answer itself: what it speaks for, and the signed
// checkpoint against which the records behind it can be proven.
func (d *provDocument) answer(g projections.Graph, facts provFacts) {
	st := facts.standing
	answer := provRecord{
		"prov:type":             provName("ledger:LineageAnswer"),
		"ledger:ledger":         facts.origin,
		"ledger:node":           g.Node,
		"ledger:direction":      string(g.Direction),
		"ledger:position":       st.Position,
		"ledger:checkpointSize": st.CheckpointSize,
		"ledger:complete":       st.Complete,
	}
	if st.Withheld != nil {
		answer["ledger:withheld"], answer["ledger:says"] = *st.Withheld, st.Says
	}
	if st.Time != 0 {
		answer["ledger:recorded"] = provLiteral{st.Time.String(), "xsd:dateTime"}
	}
	if facts.checkpoint != "" {
		answer["ledger:checkpoint"] = facts.checkpoint
	}
	if len(st.LimitsHit) > 0 {
		answer["ledger:limitsHit"] = st.LimitsHit
	}
	d.Entity["ledger:answer"] = answer
	d.Agent["ledger:self"] = provRecord{"prov:type": provName("prov:SoftwareAgent"), "prov:label": facts.origin}
	relate(d.WasAttributedTo, "attribution", provRecord{"prov:entity": "ledger:answer", "prov:agent": "ledger:self"})
}

// node describes a node of the graph.
func (d *provDocument) node(n projections.Node, facts provFacts) {
	id := provID(n.ID)
	r := provRecord{"prov:label": n.ID, "ledger:first": n.First}
	if n.Dropped {
		r["ledger:dropped"] = true
	}
	if n.Removed {
		r["ledger:removed"] = true
	}
	if n.Origin {
		r["ledger:origin"] = true
	}
	switch n.Kind {
	case projections.NodeDataset:
		r["prov:type"] = provCollection
		d.Entity[id] = r
	case projections.NodeColumn:
		r["prov:type"] = provName("ledger:Column")
		d.Entity[id] = r
		relate(d.HadMember, "member", provRecord{"prov:collection": d.dataset(n.Namespace, n.Name), "prov:entity": id})
	case projections.NodeEntry:
		d.entry(id, r, n.Name, n.Title, facts)
	case projections.NodeJob:
		r["prov:type"] = provName("ledger:Job")
		if n.MixesRuns {
			r["ledger:mixesRuns"] = true
		}
		d.Activity[id] = r
	case projections.NodeRun:
		r["prov:type"] = provName("ledger:Run")
		r["ledger:state"] = n.State
		d.Activity[id] = r
		if run, ok := facts.runs[n.Name]; ok {
			d.run(id, r, run)
		}
	}
}

// dataset names a dataset that the graph may or may not hold: a question about
// columns need not bring the dataset, nor one about a run all that it read.
func (d *provDocument) dataset(namespace, name string) string {
	text := projections.NodeDataset + ":" + namespace + "/" + name
	id := provID(text)
	if _, ok := d.Entity[id]; !ok {
		d.Entity[id] = provRecord{"prov:type": provCollection, "prov:label": text}
	}
	return id
}

// entry describes a catalog entry, called name in the catalog.
func (d *provDocument) entry(id string, r provRecord, name, title string, facts provFacts) {
	r["prov:type"], r["ledger:entry"] = provName("ledger:CatalogEntry"), name
	if title != "" {
		r["prov:label"] = title
	}
	d.Entity[id] = r
	if e, ok := facts.entries[name]; ok && e.Provider != "" {
		d.provider(id, e)
		if e.Imported {
			r["ledger:imported"] = true
		}
	}
}

// provider attributes a catalog entry to who provides it.
func (d *provDocument) provider(entry string, e projections.Entry) {
	agent := "agent:" + provLocal(e.Provider)
	r := provRecord{"prov:type": provName("prov:Organization"), "ledger:party": e.Provider}
	if e.ProviderName != "" {
		r["prov:label"] = e.ProviderName
	}
	d.Agent[agent] = r
	relate(d.WasAttributedTo, "attribution", provRecord{"prov:entity": entry, "prov:agent": agent})
}

// run gives a run its times, and what it read and wrote itself.
func (d *provDocument) run(id string, r provRecord, run projections.Run) {
	if run.Imported {
		r["ledger:imported"] = true
	}
	if run.Started != 0 {
		r["prov:startTime"] = run.Started.String()
	}
	if run.Ended != 0 {
		r["prov:endTime"] = run.Ended.String()
	}
	for _, in := range run.Inputs {
		relate(d.Used, "usage", provRecord{"prov:activity": id, "prov:entity": d.dataset(in.Namespace, in.Name)})
	}
	for _, out := range run.Outputs {
		relate(d.WasGeneratedBy, "generation", provRecord{"prov:activity": id, "prov:entity": d.dataset(out.Namespace, out.Name)})
	}
}

// edge says of an edge what PROV has a word for. That a column is part of a
// dataset is said once, at the column.
func (d *provDocument) edge(e projections.Edge) {
	from, to := provID(e.From), provID(e.To)
	r := provRecord{"ledger:first": e.First, "ledger:last": e.Last, "ledger:runs": e.Runs, "ledger:declared": e.Declared}
	if len(e.Events) > 0 {
		r["ledger:events"] = e.Events
	}
	if len(e.Transformations) > 0 {
		r["ledger:transformations"] = e.Transformations
	}
	if e.Masking {
		r["ledger:masking"] = true
	}
	if e.Imported {
		r["ledger:imported"], r["ledger:importedRuns"] = true, e.ImportedRuns
	}
	if e.Run != "" {
		r["ledger:run"] = provName(provID(projections.NodeRun + ":" + e.Run))
	}
	put := func(all map[string]provRecord, kind, role1, id1, role2, id2 string) {
		r[role1], r[role2] = id1, id2
		relate(all, kind, r)
	}
	switch e.Kind {
	case projections.EdgeReads:
		put(d.Used, "usage", "prov:activity", to, "prov:entity", from)
	case projections.EdgeWrites:
		put(d.WasGeneratedBy, "generation", "prov:activity", from, "prov:entity", to)
	case projections.EdgeDerives:
		if e.Job != "" {
			job := provID(e.Job)
			if _, ok := d.Activity[job]; !ok { // between columns jobs are not nodes
				d.Activity[job] = provRecord{"prov:type": provName("ledger:Job"), "prov:label": e.Job}
			}
			r["prov:activity"] = job
		}
		put(d.WasDerivedFrom, "derivation", "prov:generatedEntity", to, "prov:usedEntity", from)
	case projections.EdgeFeeds:
		put(d.WasInformedBy, "communication", "prov:informed", to, "prov:informant", from)
	case projections.EdgeStarted:
		put(d.WasStartedBy, "start", "prov:activity", to, "prov:starter", from)
	case projections.EdgeRuns, projections.EdgePrecedes:
		put(d.WasInfluencedBy, "influence", "prov:influencee", to, "prov:influencer", from)
	case projections.EdgeResource:
		put(d.SpecializationOf, "specialization", "prov:specificEntity", to, "prov:generalEntity", from)
	case projections.EdgeSameAs:
		put(d.AlternateOf, "alternate", "prov:alternate1", from, "prov:alternate2", to)
	}
}

// provFacts looks up what PROV says beyond the graph: providers and runs.
func (c *question) provFacts(g projections.Graph) (provFacts, error) {
	facts := provFacts{
		origin: c.s.o.Ledger.Origin(), checkpoint: string(c.s.o.Ledger.PublishedCheckpoint()), standing: c.standing(),
		runs: make(map[string]projections.Run), entries: make(map[string]projections.Entry),
	}
	for _, n := range g.Nodes {
		var err error
		switch n.Kind {
		case projections.NodeRun:
			facts.runs[n.Name], _, err = c.view.Run(c.ctx, n.Name)
		case projections.NodeEntry:
			facts.entries[n.Name], _, err = c.view.Entry(c.ctx, n.Name, 0)
		}
		for _, id := range n.Entries {
			if _, ok := facts.entries[id]; !ok && err == nil {
				facts.entries[id], _, err = c.view.Entry(c.ctx, id, 0)
			}
		}
		if err != nil {
			return facts, fmt.Errorf("looking up what is known of %s: %w", n.ID, err)
		}
	}
	return facts, nil
}
