package events

// KindInspection, KindBulletin and KindComplaint are subjects of oversight.
const (
	KindInspection = "inspection"
	KindBulletin   = "bulletin"
	KindComplaint  = "complaint"
)

// StageHandled is the end of a complaint.
const StageHandled = "handled"

var inspectionTypes = []Type{
	act[InspectionOpened, Inspection]("oversight.inspection.opened"),
	act[InspectionFinding, Inspection]("oversight.inspection.finding_recorded"),
	act[InspectionClosed, Inspection]("oversight.inspection.closed"),
}

var oversightTypes = []Type{
	fact[BulletinIssued]("oversight.bulletin.issued"),
	act[ComplaintReceived, Complaint]("oversight.complaint.received"),
	act[ComplaintHandled, Complaint]("oversight.complaint.handled"),
}

var inspectionMoves = moves{
	"":        {"oversight.inspection.opened"},
	StageOpen: {"oversight.inspection.finding_recorded", "oversight.inspection.closed"},
}

var complaintMoves = moves{
	"":            {"oversight.complaint.received"},
	StageReceived: {"oversight.complaint.handled"},
}

// Inspection is the state of an inspection.
//
//	(none) ──opened──> open ──finding_recorded──> open ──closed──> closed
type Inspection struct {
	Stage string `json:"stage,omitzero"`
	By    string `json:"by,omitzero"`
}

// Complaint is the state of a complaint.
//
//	(none) ──received──> received ──handled──> handled
type Complaint struct {
	Stage string `json:"stage,omitzero"`
	By    string `json:"by,omitzero"`
}

// InspectionOpened begins an inspection.
type InspectionOpened struct {
	Inspection string `json:"inspection"`
	// By is the competent department, Parties those inspected.
	By      string   `json:"by"`
	Parties []string `json:"parties"`
	// Scope says what is looked at; Period what time.
	Scope  string `json:"scope"`
	Period Period `json:"period,omitzero"`
}

// InspectionFinding is something that was found.
type InspectionFinding struct {
	Inspection string `json:"inspection"`
	By         string `json:"by"`
	Party      string `json:"party"`
	// Violation is the code of the rule broken, such as cn809:40.3.
	Violation string `json:"violation"`
	// Facts are the positions of the records that show it.
	Facts []uint64 `json:"facts,omitzero"`
	// Description is free text, kept as a facet.
	Description string `json:"description,omitzero"`
}

// InspectionClosed ends an inspection.
type InspectionClosed struct {
	Inspection string `json:"inspection"`
	By         string `json:"by"`
	// Conclusion is free text, kept as a facet.
	Conclusion string `json:"conclusion,omitzero"`
}

// BulletinIssued publishes figures that anybody can compute again: from the
// ledger as of a position, by a version of a view.
type BulletinIssued struct {
	Bulletin string `json:"bulletin"`
	By       string `json:"by"`
	Period   Period `json:"period"`
	Region   string `json:"region,omitzero"`
	// MetricSet names the definitions, Values the figures by name; shares are in
	// millionths.
	MetricSet string           `json:"metric_set"`
	Values    map[string]int64 `json:"values"`
	// AsOf is the position the figures speak for and Head the hash of its record.
	AsOf        uint64 `json:"as_of"`
	Head        []byte `json:"head"`
	ViewVersion uint64 `json:"view_version"`
}

// ComplaintReceived says that somebody complained.
type ComplaintReceived struct {
	Complaint string `json:"complaint"`
	By        string `json:"by"`
	// Against is the party complained of.
	Against string `json:"against,omitzero"`
	// Entry and Agreement are what it is about, as far as it is.
	Entry     string `json:"entry,omitzero"`
	Agreement string `json:"agreement,omitzero"`
	// Kind is a code.
	Kind string `json:"kind"`
	// Complainant is a keyed reference, kept as a facet sealed under that person's
	// key; so is Description, which is free text.
	Complainant string `json:"complainant,omitzero"`
	Description string `json:"description,omitzero"`
}

// ComplaintHandled says what came of a complaint.
type ComplaintHandled struct {
	Complaint string `json:"complaint"`
	By        string `json:"by"`
	// Outcome is a code.
	Outcome string `json:"outcome"`
	// Facts are the positions of the records it rests on.
	Facts []uint64 `json:"facts,omitzero"`
	// Answer is free text, kept as a facet.
	Answer string `json:"answer,omitzero"`
}

func (e *InspectionOpened) Subject() Subject  { return Subject{KindInspection, e.Inspection} }
func (e *InspectionFinding) Subject() Subject { return Subject{KindInspection, e.Inspection} }
func (e *InspectionClosed) Subject() Subject  { return Subject{KindInspection, e.Inspection} }
func (e *BulletinIssued) Subject() Subject    { return Subject{KindBulletin, e.Bulletin} }
func (e *ComplaintReceived) Subject() Subject { return Subject{KindComplaint, e.Complaint} }
func (e *ComplaintHandled) Subject() Subject  { return Subject{KindComplaint, e.Complaint} }

func (e *InspectionOpened) names() []Name  { return parties(append([]string{e.By}, e.Parties...)...) }
func (e *InspectionFinding) names() []Name { return parties(e.By, e.Party) }
func (e *InspectionClosed) names() []Name  { return parties(e.By) }
func (e *BulletinIssued) names() []Name    { return parties(e.By) }
func (e *ComplaintReceived) names() []Name {
	return accessNames(parties(e.By, e.Against), e.Agreement, e.Entry, DatasetRef{})
}
func (e *ComplaintHandled) names() []Name { return parties(e.By) }

func (e *InspectionFinding) facets() []facetField {
	return []facetField{{"description", "", &e.Description}}
}
func (e *InspectionClosed) facets() []facetField {
	return []facetField{{"conclusion", "", &e.Conclusion}}
}
func (e *ComplaintReceived) facets() []facetField {
	return []facetField{{"complainant", e.Complainant, &e.Complainant}, {"description", e.Complainant, &e.Description}}
}
func (e *ComplaintHandled) facets() []facetField { return []facetField{{"answer", "", &e.Answer}} }

func (e *InspectionOpened) needs() []Subject {
	return partySubjects(append([]string{e.By}, e.Parties...)...)
}
func (e *InspectionFinding) needs() []Subject { return partySubjects(e.By, e.Party) }
func (e *InspectionClosed) needs() []Subject  { return partySubjects(e.By) }
func (e *ComplaintReceived) needs() []Subject { return partySubjects(e.By) }
func (e *ComplaintHandled) needs() []Subject  { return partySubjects(e.By) }

// facts holds positions of records.
func (c checker) facts(field string, positions []uint64) {
	for _, p := range positions {
		c.seq(field, p, 0)
	}
}

func (e *InspectionOpened) validate(c checker) {
	c.required("inspection", e.Inspection, MaxID)
	c.required("by", e.By, MaxID)
	c.some("parties", len(e.Parties))
	c.distinct("parties", e.Parties, MaxID)
	c.required("scope", e.Scope, MaxName)
	c.period("period", e.Period)
}

func (e *InspectionFinding) validate(c checker) {
	c.required("inspection", e.Inspection, MaxID)
	c.required("by", e.By, MaxID)
	c.required("party", e.Party, MaxID)
	c.required("violation", e.Violation, MaxCode)
	c.facts("facts", e.Facts)
	c.text("description", e.Description, MaxText)
}

func (e *InspectionClosed) validate(c checker) {
	c.required("inspection", e.Inspection, MaxID)
	c.required("by", e.By, MaxID)
	c.requiredFacet("conclusion", e.Conclusion != "")
	c.text("conclusion", e.Conclusion, MaxText)
}

func (e *BulletinIssued) validate(c checker) {
	c.required("bulletin", e.Bulletin, MaxID)
	c.required("by", e.By, MaxID)
	c.span("period", e.Period)
	c.text("region", e.Region, MaxCode)
	c.required("metric_set", e.MetricSet, MaxCode)
	c.some("values", len(e.Values))
	for _, name := range sortedKeys(e.Values) {
		c.required(key("values", name), name, MaxCode)
	}
	c.seq("as_of", e.AsOf, 0)
	c.hash("head", e.Head)
	c.seq("view_version", e.ViewVersion, 0)
}

func (e *ComplaintReceived) validate(c checker) {
	c.required("complaint", e.Complaint, MaxID)
	c.required("by", e.By, MaxID)
	c.text("against", e.Against, MaxID)
	c.text("entry", e.Entry, MaxID)
	c.text("agreement", e.Agreement, MaxID)
	c.required("kind", e.Kind, MaxCode)
	c.text("complainant", e.Complainant, MaxID)
	c.text("description", e.Description, MaxText)
}

func (e *ComplaintHandled) validate(c checker) {
	c.required("complaint", e.Complaint, MaxID)
	c.required("by", e.By, MaxID)
	c.required("outcome", e.Outcome, MaxCode)
	c.facts("facts", e.Facts)
	c.text("answer", e.Answer, MaxText)
}

func (e *InspectionOpened) check(s States) error {
	if err := inspectionMoves.check("oversight.inspection.opened", e.Subject(), stateOf[Inspection](s, e.Subject()).Stage); err != nil {
		return err
	}
	return authority(s, "by", e.By, "")
}

func (e *InspectionFinding) check(s States) error {
	now := stateOf[Inspection](s, e.Subject())
	if err := inspectionMoves.by(s, "oversight.inspection.finding_recorded", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	if err := registered(s, "/data/party", e.Party); err != nil {
		return err
	}
	return only(s, "inspection.inspector", e.Subject(), now.Stage, e.By, now.By)
}

func (e *InspectionClosed) check(s States) error {
	now := stateOf[Inspection](s, e.Subject())
	if err := inspectionMoves.by(s, "oversight.inspection.closed", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	return only(s, "inspection.inspector", e.Subject(), now.Stage, e.By, now.By)
}

func (e *ComplaintReceived) check(s States) error {
	return complaintMoves.by(s, "oversight.complaint.received", e.Subject(), stateOf[Complaint](s, e.Subject()).Stage, e.By)
}

func (e *ComplaintHandled) check(s States) error {
	now := stateOf[Complaint](s, e.Subject())
	if err := complaintMoves.by(s, "oversight.complaint.handled", e.Subject(), now.Stage, e.By); err != nil {
		return err
	}
	return authorityOr(s, "complaint.receiver", e.Subject(), now.Stage, e.By, now.By)
}

func (e *InspectionOpened) apply(s *Inspection) { *s = Inspection{StageOpen, e.By} }
func (e *InspectionFinding) apply(*Inspection)  {}
func (e *InspectionClosed) apply(s *Inspection) { s.Stage = StageClosed }
func (e *ComplaintReceived) apply(s *Complaint) { *s = Complaint{StageReceived, e.By} }
func (e *ComplaintHandled) apply(s *Complaint)  { s.Stage = StageHandled }
