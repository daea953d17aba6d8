package events

import (
	"fmt"
	"slices"
	"strconv"
)

// KindEntry is the subject of a catalog entry: the description of one data
// resource that a body holds and may have to share.
const KindEntry = "entry"

// The sharing attributes of an entry or an item.
const (
	SharingUnconditional = "unconditional"
	SharingConditional   = "conditional"
	SharingNotShared     = "not_shared"
)

// The values of EntrySubmitted.SubmissionKind.
const (
	SubmissionFirst      = "first"
	SubmissionUpdate     = "update"
	SubmissionWithdrawal = "withdrawal"
)

// The stages of an entry's latest version.
const (
	StageDrafted   = "drafted"
	StageApproved  = "department_approved"
	StageSubmitted = "submitted"
	StageReturned  = "returned"
	StagePublished = "published"
	StageWithdrawn = "withdrawn"
)

// The vocabulary of the catalog.
var (
	sharingAttributes = []string{SharingUnconditional, SharingConditional, SharingNotShared}
	methods           = []string{"api", "batch", "file", "database", "verify_only"}
	itemTypes         = []string{"text", "number", "integer", "boolean", "date", "datetime", "binary", "other"}
	basisRanks        = []string{"law", "administrative_regulation", "state_council_decision"}
	personalKinds     = []string{"none", "personal", "sensitive"}
	frequencies       = []string{"realtime", "daily", "weekly", "monthly", "quarterly", "yearly", "other"}
	grades            = []string{"core", "important", "general-1", "general-2", "general-3", "general-4"}
	submissionKinds   = []string{SubmissionFirst, SubmissionUpdate, SubmissionWithdrawal}
	formats           = []string{"electronic_file", "spreadsheet", "database", "image", "streaming", "self_describing", "service_interface"}
)

var entryTypes = []Type{
	act[EntryDrafted, Entry]("catalog.entry.drafted"),
	act[EntryRevised, Entry]("catalog.entry.revised"),
	act[EntryAssessed, Entry]("catalog.entry.assessed"),
	act[EntryDepartmentApproved, Entry]("catalog.entry.department_approved"),
	act[EntrySubmitted, Entry]("catalog.entry.submitted"),
	act[EntryReturned, Entry]("catalog.entry.returned"),
	act[EntryPublished, Entry]("catalog.entry.published"),
	act[EntrySuspended, Entry]("catalog.entry.suspended"),
	act[EntryResumed, Entry]("catalog.entry.resumed"),
	act[EntryWithdrawn, Entry]("catalog.entry.withdrawn"),
}

// Entry is the state of a catalog entry. Stage is about the latest version;
// Published is the version in force, which stays in force while a later one is
// drafted and reviewed.
//
//	(none)    ──drafted──────────────> drafted     version 1
//	drafted   ──revised──────────────> drafted     the same version
//	drafted   ──assessed─────────────> drafted
//	drafted   ──department_approved──> department_approved  if assessed
//	department_approved ──revised────> drafted     to be assessed anew
//	department_approved ──submitted──> submitted   first or update
//	submitted ──returned─────────────> returned
//	returned  ──revised──────────────> drafted     the same version
//	submitted ──published────────────> published   now in force
//	published ──revised──────────────> drafted     the next version
//	published ──submitted────────────> submitted   withdrawal
//	submitted ──returned─────────────> published   if it was a withdrawal
//	any with a version in force ──withdrawn──> withdrawn
//	any with a version in force ──suspended──> as before, not to be shared until resumed
//
// One rule numbers the versions: the first is 1; revising a version that was
// never published keeps its number; revising a published one takes the next.
// So a version that was published never changes.
type Entry struct {
	Stage     string `json:"stage,omitzero"`
	Version   int    `json:"version,omitzero"`   // latest drafted
	Published int    `json:"published,omitzero"` // in force; 0 if none
	Provider  string `json:"provider,omitzero"`  // of the latest version
	// To and Submission are the competent party that has the entry and what it
	// was asked, while Stage is submitted.
	To         string `json:"to,omitzero"`
	Submission string `json:"submission,omitzero"`
	// Assessed has the kinds of assessment that the latest version passed, as it
	// now reads.
	Assessed []string `json:"assessed,omitzero"`
	// Suspended tells that the version in force is not to be shared for now.
	Suspended bool `json:"suspended,omitzero"`
	// Sources are the parties designated to keep items for everybody.
	Sources []SourceState `json:"sources,omitzero"`
	// Versions holds what agreements need of each version, in ascending order.
	Versions []EntryVersionState `json:"versions,omitzero"`
}

// EntryVersionState is what rules need to know of a version of an entry.
type EntryVersionState struct {
	Version   int      `json:"version"`
	Published bool     `json:"published,omitzero"` // was ever in force
	Sharing   string   `json:"sharing"`
	Items     []string `json:"items"`               // ids of all items
	NotShared []string `json:"not_shared,omitzero"` // ids of items that are not shared by their own attribute
}

// version returns a version of the entry and whether there is one.
func (s *Entry) version(v int) (EntryVersionState, bool) {
	i := slices.IndexFunc(s.Versions, func(e EntryVersionState) bool { return e.Version == v })
	if i < 0 {
		return EntryVersionState{}, false
	}
	return s.Versions[i], true
}

// nextVersion is the number that a revision has to bear.
func (s *Entry) nextVersion() int {
	if v, ok := s.version(s.Version); ok && v.Published {
		return s.Version + 1
	}
	return s.Version
}

// stage names the stage for messages.
func (s *Entry) stage() string {
	if s.Stage == "" {
		return "unknown"
	}
	name := s.Stage + " v" + strconv.Itoa(s.Version)
	if s.Suspended {
		name += ", suspended"
	}
	return name
}

// EntryDrafted is the first draft of a catalog entry. It holds the whole entry:
// to rebuild the catalog at a date needs no applying of differences.
type EntryDrafted struct {
	Entry string `json:"entry"`
	// Version is 1 in a first draft; see Entry for its rule.
	Version int `json:"version"`
	// Provider is the party that holds the data and answers for it.
	Provider string `json:"provider"`
	Title    string `json:"title"`
	TitleEN  string `json:"title_en,omitzero"`
	// Code is the entry's code in the scheme CodeScheme; no rule reads it.
	Code       string `json:"code,omitzero"`
	CodeScheme string `json:"code_scheme,omitzero"`
	// ClassPath is the classification, from the widest class to the narrowest, in the
	// scheme ClassScheme.
	ClassPath   []string `json:"class_path,omitzero"`
	ClassScheme string   `json:"class_scheme,omitzero"`
	Summary     string   `json:"summary,omitzero"`
	Sharing     Sharing  `json:"sharing"`
	// Items are the columns described, in order.
	Items []EntryItem `json:"items"`
	// Format is electronic_file, spreadsheet, database, image, streaming,
	// self_describing or service_interface; FormatDetail says more.
	Format       string `json:"format,omitzero"`
	FormatDetail string `json:"format_detail,omitzero"`
	// UpdateFrequency is realtime, daily, weekly, monthly, quarterly, yearly or
	// other.
	UpdateFrequency string `json:"update_frequency"`
	// UpdateInterval is the time from one update to the next as an ISO 8601 duration,
	// such as P10D, where the frequency does not say it.
	UpdateInterval string `json:"update_interval,omitzero"`
	// Grade is core, important or general-1 to general-4 (GB/T 43697-2024).
	Grade  string `json:"grade"`
	Region string `json:"region,omitzero"`
	// Resources are the physical datasets that hold the data.
	Resources []Resource `json:"resources,omitzero"`
	// DerivedFrom are the entries this one is made from, and FusingParty the
	// party that makes it, where it is derived.
	DerivedFrom []string `json:"derived_from,omitzero"`
	FusingParty string   `json:"fusing_party,omitzero"`
	// Related are entries that belong with this one.
	Related []string `json:"related,omitzero"`
	// Open says whether the public may have the data, and on what conditions.
	Open OpenData `json:"open,omitzero"`
	// SourceSystems are the business systems the data comes from, BusinessItems
	// the services it is made in.
	SourceSystems []string `json:"source_systems,omitzero"`
	BusinessItems []string `json:"business_items,omitzero"`
	// Period bounds the time the data is about; Volume says how much there is.
	Period Period `json:"period,omitzero"`
	Volume string `json:"volume,omitzero"`
	// Contact is the unit to ask, never a person.
	Contact string `json:"contact,omitzero"`
	// Specification is the catalog specification, with its version, that the entry
	// was compiled under.
	Specification string `json:"specification,omitzero"`
	// ChangedPaths are the JSON pointers of what a revision changed, for readers.
	// A first draft has none.
	ChangedPaths []string `json:"changed_paths,omitzero"`
	// Note says why the version is as it is; free text, kept as a facet.
	Note string `json:"note,omitzero"`
}

// OpenData says whether an entry is open to the public.
type OpenData struct {
	Open       bool   `json:"open"`
	Conditions string `json:"conditions,omitzero"`
}

// Period is a stretch of time, [From, To); either may be open.
type Period struct {
	From Time `json:"from,omitzero"`
	To   Time `json:"to,omitzero"`
}

// EntryRevised is a later state of a catalog entry, whole again. It may be sent
// while the entry is a draft, was returned, or is published, by the provider, what became
// of it by mergers, or the party that is designated the source of all items.
type EntryRevised EntryDrafted

// Sharing is the sharing attribute of an entry and what the law asks to go with
// it: a reason and a basis if not shared, a range and purposes if conditional.
type Sharing struct {
	Attribute string `json:"attribute"`
	Reason    string `json:"reason,omitzero"`
	Basis     string `json:"basis,omitzero"`
	// BasisRank is what kind of instrument the basis is: law, administrative_regulation
	// or state_council_decision. Nothing below these keeps data from being shared.
	BasisRank string `json:"basis_rank,omitzero"`
	// Range says who may have the data, Purposes for what.
	Range    string   `json:"range,omitzero"`
	Purposes []string `json:"purposes,omitzero"`
	// Conditions are what else is asked of those who want the data.
	Conditions string `json:"conditions,omitzero"`
	// Methods are the ways of delivery: api, batch, file, database, verify_only.
	Methods []string `json:"methods,omitzero"`
}

// EntryItem is a column of an entry.
type EntryItem struct {
	// ID is unique in the entry and keeps its meaning over versions.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Type is text, number, integer, boolean, date, datetime, binary or other.
	Type string `json:"type"`
	// Length is the length as written in catalogs: "18", or "12.2" for 12 digits
	// of which 2 are decimals.
	Length string `json:"length,omitzero"`
	Key    bool   `json:"key,omitzero"`
	// Nullable tells that a row may lack it.
	Nullable bool `json:"nullable,omitzero"`
	// Personal is none, personal or sensitive; empty means not assessed.
	Personal string `json:"personal,omitzero"`
	// Sharing overrides the entry's sharing attribute for this item.
	Sharing string `json:"sharing,omitzero"`
	// Grade overrides the entry's grade for this item.
	Grade       string `json:"grade,omitzero"`
	CodeSet     string `json:"code_set,omitzero"`
	Description string `json:"description,omitzero"`
}

// Resource is a physical dataset (an OpenLineage namespace and name) that holds
// the data of an entry.
type Resource struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Method is how it is delivered: api, batch, file, database or verify_only.
	Method string `json:"method"`
	// Columns maps item ids to column names where they differ.
	Columns map[string]string `json:"columns,omitzero"`
}

func entrySubject(id string) Subject { return Subject{KindEntry, id} }

func (e *EntryDrafted) Subject() Subject { return entrySubject(e.Entry) }

func (e *EntryRevised) Subject() Subject { return entrySubject(e.Entry) }

func (e *EntryDrafted) names() []Name {
	out := []Name{entryName(e.Entry)}
	out = append(out, parties(e.Provider, e.FusingParty)...)
	for _, r := range e.Resources {
		out = append(out, datasetName(r.Namespace, r.Name))
	}
	for _, id := range slices.Concat(e.DerivedFrom, e.Related) {
		out = append(out, entryName(id))
	}
	return out
}

func (e *EntryRevised) names() []Name { return (*EntryDrafted)(e).names() }

func (e *EntryDrafted) facets() []facetField { return []facetField{{"note", "", &e.Note}} }
func (e *EntryRevised) facets() []facetField { return (*EntryDrafted)(e).facets() }

func (e *EntryDrafted) needs() []Subject { return partySubjects(e.Provider) }
func (e *EntryRevised) needs() []Subject { return partySubjects(e.Provider) }

func (e *EntryDrafted) validate(c checker) {
	c.required("entry", e.Entry, MaxID)
	if e.Version != 1 {
		c.refuse("entry.version-first", "version", fmt.Sprintf("a first draft cannot have version %d", e.Version), "send 1; a later version is catalog.entry.revised")
	}
	if len(e.ChangedPaths) > 0 {
		c.refuse("entry.changed-paths", "changed_paths", "a first draft changes nothing", "leave the field out")
	}
	e.validateContent(c)
}

func (e *EntryRevised) validate(c checker) {
	c.required("entry", e.Entry, MaxID)
	c.atLeast("version", e.Version, 1)
	c.texts("changed_paths", e.ChangedPaths, MaxName)
	(*EntryDrafted)(e).validateContent(c)
}

func (e *EntryDrafted) validateContent(c checker) {
	c.required("provider", e.Provider, MaxID)
	c.required("title", e.Title, MaxName)
	c.text("title_en", e.TitleEN, MaxName)
	c.text("code", e.Code, MaxCode)
	c.text("code_scheme", e.CodeScheme, MaxCode)
	c.texts("class_path", e.ClassPath, MaxName)
	c.text("class_scheme", e.ClassScheme, MaxCode)
	c.text("summary", e.Summary, MaxText)
	e.Sharing.validate(c.in("sharing"))
	c.some("items", len(e.Items))
	seen := make(map[string]bool, len(e.Items))
	for i := range e.Items {
		at := c.at("items", i)
		e.Items[i].validate(at)
		if id := e.Items[i].ID; seen[id] {
			at.refuse("entry.item-unique", "id", "two items have the id "+quote(id), "give each item its own id")
		} else {
			seen[id] = true
		}
	}
	c.optionOf("format", e.Format, formats)
	c.text("format_detail", e.FormatDetail, MaxName)
	c.oneOf("update_frequency", e.UpdateFrequency, frequencies)
	c.duration("update_interval", e.UpdateInterval)
	c.oneOf("grade", e.Grade, grades)
	c.text("region", e.Region, MaxCode)
	for i := range e.Resources {
		e.Resources[i].validate(c.at("resources", i), seen)
	}
	c.distinct("derived_from", e.DerivedFrom, MaxID)
	c.text("fusing_party", e.FusingParty, MaxID)
	c.distinct("related", e.Related, MaxID)
	c.text("open/conditions", e.Open.Conditions, MaxName)
	c.texts("source_systems", e.SourceSystems, MaxName)
	c.texts("business_items", e.BusinessItems, MaxName)
	c.period("period", e.Period)
	c.text("volume", e.Volume, MaxCode)
	c.text("contact", e.Contact, MaxName)
	c.text("specification", e.Specification, MaxCode)
	c.text("note", e.Note, MaxText)
}

// validate holds to rule I-05: what is not shared says why and on what basis;
// what is shared on conditions says with whom and for what.
func (s *Sharing) validate(c checker) {
	c.oneOf("attribute", s.Attribute, sharingAttributes)
	switch s.Attribute {
	case SharingNotShared:
		c.required("reason", s.Reason, MaxName)
		c.required("basis", s.Basis, MaxName)
	case SharingConditional:
		c.required("range", s.Range, MaxName)
		c.some("purposes", len(s.Purposes))
	}
	c.text("reason", s.Reason, MaxName)
	c.text("basis", s.Basis, MaxName)
	c.optionOf("basis_rank", s.BasisRank, basisRanks)
	c.text("range", s.Range, MaxName)
	c.distinct("purposes", s.Purposes, MaxCode)
	c.text("conditions", s.Conditions, MaxName)
	c.eachOf("methods", s.Methods, methods)
}

func (it *EntryItem) validate(c checker) {
	c.required("id", it.ID, MaxID)
	c.required("name", it.Name, MaxName)
	c.oneOf("type", it.Type, itemTypes)
	c.text("length", it.Length, MaxCode)
	c.optionOf("personal", it.Personal, personalKinds)
	c.optionOf("sharing", it.Sharing, sharingAttributes)
	c.optionOf("grade", it.Grade, grades)
	c.text("code_set", it.CodeSet, MaxCode)
	c.text("description", it.Description, MaxName)
}

func (r *Resource) validate(c checker, items map[string]bool) {
	c.required("namespace", r.Namespace, MaxName)
	c.required("name", r.Name, MaxName)
	c.oneOf("method", r.Method, methods)
	for _, item := range sortedKeys(r.Columns) {
		c.text(key("columns", item), item, MaxID)
		c.required(key("columns", item), r.Columns[item], MaxName)
		if !items[item] {
			c.refuse("entry.column-item", key("columns", item), quote(item)+" is not an item of the entry", "map from the ids in items")
		}
	}
}
