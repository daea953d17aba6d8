package events

// KindResource is the subject of a resource attached to a catalog entry: the
// table, interface or file from which the data can really be had.
const KindResource = "resource"

// The stages of a resource.
const (
	StageAttached = "attached"
	StageDetached = "detached"
)

var resourceTypes = []Type{
	act[ResourceAttached, AttachedResource]("catalog.resource.attached"),
	act[ResourceChanged, AttachedResource]("catalog.resource.changed"),
	act[ResourceDetached, AttachedResource]("catalog.resource.detached"),
	fact[ResourceRefreshed]("catalog.resource.refreshed"),
}

var resourceMoves = moves{
	"":            {"catalog.resource.attached"},
	StageAttached: {"catalog.resource.changed", "catalog.resource.detached"},
	StageDetached: {"catalog.resource.attached"},
}

// AttachedResource is the state of a resource.
//
//	(none), detached ──attached──> attached ──changed──> attached ──detached──> detached
//
// Refreshes are facts and move nothing.
type AttachedResource struct {
	Stage string `json:"stage,omitzero"`
	Entry string `json:"entry,omitzero"`
}

// ResourceAttached hooks a physical dataset to a published entry.
type ResourceAttached struct {
	Resource string `json:"resource"`
	Entry    string `json:"entry"`
	// By is the party that attaches it.
	By string `json:"by"`
	// Dataset is the dataset as OpenLineage names it.
	Dataset DatasetRef `json:"dataset"`
	// Method is api, batch, file, database or verify_only.
	Method string `json:"method"`
	// Columns maps item ids to column names where they differ.
	Columns map[string]string `json:"columns,omitzero"`
	// Locator is a digest of where the dataset is reached; the address itself stays
	// with its keeper.
	Locator string `json:"locator,omitzero"`
	// SLA says what availability is promised.
	SLA string `json:"sla,omitzero"`
}

// ResourceChanged is another state of an attached resource, whole.
type ResourceChanged ResourceAttached

// ResourceDetached takes a resource from its entry.
type ResourceDetached struct {
	Resource string `json:"resource"`
	Entry    string `json:"entry"`
	By       string `json:"by"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// ResourceRefreshed says that a resource holds newer data.
type ResourceRefreshed struct {
	Resource string `json:"resource"`
	Entry    string `json:"entry"`
	// Period is what the new data is about.
	Period Period `json:"period"`
	Rows   int    `json:"rows"`
	// Watermark is up to when the data is complete; ExpectedBy when the next
	// refresh is to come.
	Watermark  Time `json:"watermark,omitzero"`
	ExpectedBy Time `json:"expected_by,omitzero"`
	// Digest is of the content, Run the OpenLineage run that wrote it.
	Digest string `json:"digest,omitzero"`
	Run    string `json:"run,omitzero"`
}

func (e *ResourceAttached) Subject() Subject  { return Subject{KindResource, e.Resource} }
func (e *ResourceChanged) Subject() Subject   { return Subject{KindResource, e.Resource} }
func (e *ResourceDetached) Subject() Subject  { return Subject{KindResource, e.Resource} }
func (e *ResourceRefreshed) Subject() Subject { return Subject{KindResource, e.Resource} }

func (e *ResourceAttached) names() []Name {
	return append(parties(e.By), entryName(e.Entry), datasetName(e.Dataset.Namespace, e.Dataset.Name))
}
func (e *ResourceChanged) names() []Name   { return (*ResourceAttached)(e).names() }
func (e *ResourceDetached) names() []Name  { return append(parties(e.By), entryName(e.Entry)) }
func (e *ResourceRefreshed) names() []Name { return []Name{entryName(e.Entry)} }

func (e *ResourceDetached) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }

func (e *ResourceAttached) needs() []Subject {
	return append(partySubjects(e.By), entrySubject(e.Entry))
}
func (e *ResourceChanged) needs() []Subject  { return (*ResourceAttached)(e).needs() }
func (e *ResourceDetached) needs() []Subject { return partySubjects(e.By) }

func (e *ResourceAttached) validate(c checker) {
	c.required("resource", e.Resource, MaxID)
	c.required("entry", e.Entry, MaxID)
	c.required("by", e.By, MaxID)
	c.required("dataset/namespace", e.Dataset.Namespace, MaxName)
	c.required("dataset/name", e.Dataset.Name, MaxName)
	c.oneOf("method", e.Method, methods)
	for _, item := range sortedKeys(e.Columns) {
		c.text(key("columns", item), item, MaxID)
		c.required(key("columns", item), e.Columns[item], MaxName)
	}
	c.text("locator", e.Locator, MaxCode)
	c.text("sla", e.SLA, MaxName)
}

func (e *ResourceChanged) validate(c checker) { (*ResourceAttached)(e).validate(c) }

func (e *ResourceDetached) validate(c checker) {
	c.required("resource", e.Resource, MaxID)
	c.required("entry", e.Entry, MaxID)
	c.required("by", e.By, MaxID)
	c.text("reason", e.Reason, MaxText)
}

func (e *ResourceRefreshed) validate(c checker) {
	c.required("resource", e.Resource, MaxID)
	c.required("entry", e.Entry, MaxID)
	c.span("period", e.Period)
	c.atLeast("rows", e.Rows, 0)
	c.optionalTime("watermark", e.Watermark)
	c.optionalTime("expected_by", e.ExpectedBy)
	c.text("digest", e.Digest, MaxCode)
	c.text("run", e.Run, MaxID)
}

func (e *ResourceAttached) check(s States) error {
	now := stateOf[AttachedResource](s, e.Subject())
	if err := resourceMoves.by(s, "catalog.resource.attached", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	if now.Entry != "" && now.Entry != e.Entry {
		return now.of(e.Subject(), e.Entry)
	}
	return e.fits(s)
}

func (e *ResourceChanged) check(s States) error {
	now := stateOf[AttachedResource](s, e.Subject())
	if err := resourceMoves.by(s, "catalog.resource.changed", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	if err := now.of(e.Subject(), e.Entry); err != nil {
		return err
	}
	return (*ResourceAttached)(e).fits(s)
}

// fits refuses columns that are no items of the version in force.
func (e *ResourceAttached) fits(s States) error {
	sub := entrySubject(e.Entry)
	entry := stateOf[Entry](s, sub)
	if entry.Published == 0 {
		return fault("resource.entry-published", "entry", sub, entry.stage(), "no version of the entry is in force", "publish the entry first")
	}
	v, _ := entry.version(entry.Published)
	if extra := missing(sortedKeys(e.Columns), v.Items); len(extra) > 0 {
		return fault("resource.columns", key("columns", extra[0]), sub, entry.stage(), quote(extra[0])+" is not an item of the version in force", "map from %s", list(v.Items))
	}
	return nil
}

// of refuses an event that names another entry than the resource's.
func (r *AttachedResource) of(sub Subject, entry string) error {
	if entry == r.Entry {
		return nil
	}
	return fault("resource.entry", "entry", sub, r.Stage, "the resource belongs to the entry "+quote(r.Entry), "send that entry, or use another resource id")
}

func (e *ResourceDetached) check(s States) error {
	now := stateOf[AttachedResource](s, e.Subject())
	if err := resourceMoves.by(s, "catalog.resource.detached", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	return now.of(e.Subject(), e.Entry)
}

func (e *ResourceAttached) apply(r *AttachedResource) {
	r.Stage, r.Entry = StageAttached, e.Entry
}
func (e *ResourceChanged) apply(*AttachedResource)    {}
func (e *ResourceDetached) apply(r *AttachedResource) { r.Stage = StageDetached }
