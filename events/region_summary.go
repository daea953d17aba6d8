package events

// KindRegionSummary is the subject of a summary of the catalog of a region.
const KindRegionSummary = "region_summary"

// StageSealed is the one stage of a summary: another one has another id.
const StageSealed = "sealed"

var regionSummaryTypes = []Type{act[RegionSummarySealed, RegionSummary]("catalog.region_summary.sealed")}

var regionSummaryMoves = moves{"": {"catalog.region_summary.sealed"}}

// RegionSummary is the state of a summary.
//
//	(none) ──sealed──> sealed
type RegionSummary struct {
	Stage string `json:"stage,omitzero"`
}

// RegionSummarySealed is what a region reports upwards of its catalog at the end of a
// period: how many entries were in force, and the root of a Merkle tree over the list of
// them. Anybody who has the records up to AsOf can make the list again; GET
// /v1/catalog/summary does, and says whether it agrees.
type RegionSummarySealed struct {
	RegionSummary string `json:"region_summary"`
	// By is the competent department of Region.
	By     string `json:"by"`
	Region string `json:"region"`
	// Period ends with the moment the list is of: what was in force then.
	Period Period `json:"period"`
	// Entries is how many there are; Counts how many of each sharing attribute.
	Entries int              `json:"entries"`
	Counts  map[string]int64 `json:"counts"`
	// Root is the root over the lines of the list, 32 bytes; of an empty list it is the
	// hash of nothing (RFC 6962).
	Root []byte `json:"root"`
	// AsOf is the position the list speaks for and Head the hash of its record.
	AsOf uint64 `json:"as_of"`
	Head []byte `json:"head"`
}

func (e *RegionSummarySealed) Subject() Subject { return Subject{KindRegionSummary, e.RegionSummary} }
func (e *RegionSummarySealed) names() []Name    { return parties(e.By) }
func (e *RegionSummarySealed) needs() []Subject { return partySubjects(e.By) }

func (e *RegionSummarySealed) validate(c checker) {
	c.required("region_summary", e.RegionSummary, MaxID)
	c.required("by", e.By, MaxID)
	c.required("region", e.Region, MaxCode)
	c.span("period", e.Period)
	c.atLeast("entries", e.Entries, 0)
	for _, attribute := range sortedKeys(e.Counts) {
		c.oneOf("counts", attribute, sharingAttributes)
	}
	c.hash("root", e.Root)
	c.seq("as_of", e.AsOf, 0)
	c.hash("head", e.Head)
}

func (e *RegionSummarySealed) check(s States) error {
	if err := regionSummaryMoves.check("catalog.region_summary.sealed", e.Subject(), stateOf[RegionSummary](s, e.Subject()).Stage); err != nil {
		return err
	}
	return authority(s, "by", e.By, e.Region)
}

func (e *RegionSummarySealed) apply(s *RegionSummary) { s.Stage = StageSealed }
