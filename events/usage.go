package events

// KindUsage is the subject of a record of use that a consumer keeps, and
// KindCollection of a report that somebody collects what could be shared.
const (
	KindUsage      = "usage"
	KindCollection = "collection"
)

// Records of use are reported facts.
var usageTypes = []Type{
	fact[UsageRecorded]("usage.record.made"),
	fact[DuplicateCollectionReported]("usage.duplicate_collection.reported"),
}

// UsageRecorded is what a consumer has to write down about its use of shared
// data: where, how, to what effect, where it is kept.
type UsageRecorded struct {
	Record    string `json:"record"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	// Period is what the record is about.
	Period Period `json:"period"`
	// Scenario, Process and Effect are free text, kept as facets.
	Scenario string `json:"scenario,omitzero"`
	Process  string `json:"process,omitzero"`
	Effect   string `json:"effect,omitzero"`
	// Storage is a code of where the data is kept, Copies how many there are.
	Storage string `json:"storage"`
	Copies  int    `json:"copies"`
	// Runs are the OpenLineage runs that used it.
	Runs []string `json:"runs,omitzero"`
	// DataStatus is what the consumer found the data to be: fit, partly or unfit for the
	// purpose. Issues are those it reported because of that.
	DataStatus string   `json:"data_status,omitzero"`
	Issues     []string `json:"issues,omitzero"`
}

var dataStatuses = []string{"fit", "partly", "unfit"}

// DuplicateCollectionReported says that a party collects anew what it could have
// had shared.
type DuplicateCollectionReported struct {
	Report    string   `json:"report"`
	By        string   `json:"by"`
	Collector string   `json:"collector"`
	Items     []string `json:"items"`
	// Entry is the catalog entry that has it.
	Entry string `json:"entry"`
	// Description is free text, kept as a facet.
	Description string `json:"description,omitzero"`
}

func (e *UsageRecorded) Subject() Subject               { return Subject{KindUsage, e.Record} }
func (e *DuplicateCollectionReported) Subject() Subject { return Subject{KindCollection, e.Report} }

func (e *UsageRecorded) names() []Name { return append(parties(e.By), agreementName(e.Agreement)) }
func (e *DuplicateCollectionReported) names() []Name {
	return append(parties(e.By, e.Collector), entryName(e.Entry))
}

func (e *UsageRecorded) facets() []facetField {
	return []facetField{{"scenario", "", &e.Scenario}, {"process", "", &e.Process}, {"effect", "", &e.Effect}}
}
func (e *DuplicateCollectionReported) facets() []facetField {
	return []facetField{{"description", "", &e.Description}}
}

func (e *UsageRecorded) validate(c checker) {
	c.under("record", e.Record, e.Agreement, e.By)
	c.span("period", e.Period)
	c.requiredFacet("scenario", e.Scenario != "")
	c.text("scenario", e.Scenario, MaxText)
	c.requiredFacet("process", e.Process != "")
	c.text("process", e.Process, MaxText)
	c.text("effect", e.Effect, MaxText)
	c.required("storage", e.Storage, MaxCode)
	c.atLeast("copies", e.Copies, 0)
	c.distinct("runs", e.Runs, MaxID)
	c.optionOf("data_status", e.DataStatus, dataStatuses)
	c.distinct("issues", e.Issues, MaxID)
}

func (e *DuplicateCollectionReported) validate(c checker) {
	c.required("report", e.Report, MaxID)
	c.required("by", e.By, MaxID)
	c.required("collector", e.Collector, MaxID)
	c.some("items", len(e.Items))
	c.distinct("items", e.Items, MaxName)
	c.required("entry", e.Entry, MaxID)
	c.text("description", e.Description, MaxText)
}
