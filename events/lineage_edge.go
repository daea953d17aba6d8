package events

// KindEdge is the subject of an edge of lineage that somebody declares by hand:
// a paper process, a contractor's program, what no run tells.
const KindEdge = "edge"

// The stages of a declared edge; StageWithdrawn is the other.
const StageDeclared = "declared"

var edgeConfidence = []string{"certain", "likely", "possible"}

var edgeTypes = []Type{
	act[EdgeDeclared, Edge]("lineage.edge.declared"),
	act[EdgeWithdrawn, Edge]("lineage.edge.withdrawn"),
	fact[DifferenceObserved]("lineage.observed_difference.recorded"),
}

var edgeMoves = moves{
	"":             {"lineage.edge.declared"},
	StageDeclared:  {"lineage.edge.withdrawn"},
	StageWithdrawn: {"lineage.edge.declared"},
}

// Edge is the state of a declared edge.
//
//	(none), withdrawn ──declared──> declared ──withdrawn──> withdrawn
type Edge struct {
	Stage string `json:"stage,omitzero"`
	By    string `json:"by,omitzero"`
}

// ColumnRef is a column of a dataset; without a field, the whole dataset.
type ColumnRef struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Field     string `json:"field,omitzero"`
}

// EdgeDeclared says that data goes from one place to another. The event's
// effectivefrom and effectiveto say when.
type EdgeDeclared struct {
	Edge string `json:"edge"`
	By   string `json:"by"`
	// From and To are datasets, or columns of datasets.
	From ColumnRef `json:"from"`
	To   ColumnRef `json:"to"`
	// Transformation says how, as OpenLineage does.
	Transformation Transformation `json:"transformation,omitzero"`
	// Job is what carries the data, if it has a name.
	Job JobRef `json:"job,omitzero"`
	// Confidence is certain, likely or possible.
	Confidence string `json:"confidence"`
	// Reason says how it is known; free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// EdgeWithdrawn takes a declaration back.
type EdgeWithdrawn struct {
	Edge string `json:"edge"`
	By   string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// DifferenceObserved says that a run read or wrote other columns than its job
// declares.
type DifferenceObserved struct {
	Run string `json:"run"`
	Job JobRef `json:"job"`
	// Undeclared were seen and not declared, Unseen declared and not seen.
	Undeclared []ColumnRef `json:"undeclared,omitzero"`
	Unseen     []ColumnRef `json:"unseen,omitzero"`
}

func (e *EdgeDeclared) Subject() Subject       { return Subject{KindEdge, e.Edge} }
func (e *EdgeWithdrawn) Subject() Subject      { return Subject{KindEdge, e.Edge} }
func (e *DifferenceObserved) Subject() Subject { return Subject{KindRun, e.Run} }

func (e *EdgeDeclared) names() []Name {
	return append(parties(e.By), datasetName(e.From.Namespace, e.From.Name), datasetName(e.To.Namespace, e.To.Name))
}
func (e *EdgeWithdrawn) names() []Name { return parties(e.By) }
func (e *DifferenceObserved) names() []Name {
	var out []Name
	for _, list := range [][]ColumnRef{e.Undeclared, e.Unseen} {
		for _, r := range list {
			out = append(out, datasetName(r.Namespace, r.Name))
		}
	}
	return out
}

func (e *EdgeDeclared) facets() []facetField  { return []facetField{{"reason", "", &e.Reason}} }
func (e *EdgeWithdrawn) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }

func (e *EdgeDeclared) needs() []Subject  { return partySubjects(e.By) }
func (e *EdgeWithdrawn) needs() []Subject { return partySubjects(e.By) }

func (c checker) column(r ColumnRef) {
	c.required("namespace", r.Namespace, MaxName)
	c.required("name", r.Name, MaxName)
	c.text("field", r.Field, MaxName)
}

func (e *EdgeDeclared) validate(c checker) {
	c.required("edge", e.Edge, MaxID)
	c.required("by", e.By, MaxID)
	c.in("from").column(e.From)
	c.in("to").column(e.To)
	c.text("transformation/type", e.Transformation.Type, MaxCode)
	c.text("transformation/subtype", e.Transformation.Subtype, MaxCode)
	c.text("job/namespace", e.Job.Namespace, MaxName)
	c.text("job/name", e.Job.Name, MaxName)
	c.oneOf("confidence", e.Confidence, edgeConfidence)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

func (e *EdgeWithdrawn) validate(c checker) {
	c.required("edge", e.Edge, MaxID)
	c.required("by", e.By, MaxID)
	c.requiredFacet("reason", e.Reason != "")
	c.text("reason", e.Reason, MaxText)
}

func (e *DifferenceObserved) validate(c checker) {
	c.required("run", e.Run, MaxID)
	c.required("job/namespace", e.Job.Namespace, MaxName)
	c.required("job/name", e.Job.Name, MaxName)
	c.some("undeclared", len(e.Undeclared)+len(e.Unseen))
	for i, r := range e.Undeclared {
		c.at("undeclared", i).column(r)
	}
	for i, r := range e.Unseen {
		c.at("unseen", i).column(r)
	}
}

func (e *EdgeDeclared) check(s States) error {
	return edgeMoves.by(s, "lineage.edge.declared", e.Subject(), stateOf[Edge](s, e.Subject()).Stage, e.By)
}

func (e *EdgeWithdrawn) check(s States) error {
	now := stateOf[Edge](s, e.Subject())
	if err := edgeMoves.by(s, "lineage.edge.withdrawn", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	return authorityOr(s, "edge.declarer", e.Subject(), now.Stage, e.By, now.By)
}

func (e *EdgeDeclared) apply(s *Edge)  { *s = Edge{StageDeclared, e.By} }
func (e *EdgeWithdrawn) apply(s *Edge) { s.Stage = StageWithdrawn }
