package events

import "fmt"

// Sealed batches stand for calls too many to record one by one; gaps say where
// records are missing. Both are reported facts about the provider's access log.
var batchTypes = []Type{
	fact[BatchSealed]("access.batch.sealed"),
	fact[GapDeclared]("access.gap.declared"),
}

// BatchSealed commits to a batch of call records that the producer keeps: a
// Merkle tree over them, as docs/format.md tells under "Sealed batches". Any one
// call can be proven by its path later. A producer numbers its calls without
// gaps; a batch holds the calls First to Last.
type BatchSealed struct {
	Batch    string `json:"batch"`
	Provider string `json:"provider"`
	// Producer numbers the calls: a gateway of the provider.
	Producer string `json:"producer"`
	Consumer string `json:"consumer"`
	// Agreement is what all calls of the batch invoked; empty if none.
	Agreement    string `json:"agreement,omitzero"`
	Entry        string `json:"entry"`
	EntryVersion int    `json:"entry_version,omitzero"`
	// Period is when the calls were made, [from, to).
	Period Period `json:"period"`
	// Purposes, Columns and Regions are all that occur.
	Purposes []string `json:"purposes"`
	Columns  []string `json:"columns,omitzero"`
	Regions  []string `json:"regions,omitzero"`
	// CountOK and CountDenied count the calls, Rows what they returned. Subjects
	// estimates the distinct persons in it.
	CountOK     int  `json:"count_ok"`
	CountDenied int  `json:"count_denied"`
	Rows        int  `json:"rows"`
	Subjects    *int `json:"subjects,omitzero"`
	// First and Last are the producer's numbers of the first and last call.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Root is the root of the tree over the call records, 32 bytes.
	Root []byte `json:"root"`
	// Previous is the root of the producer's batch before; none in its first.
	Previous []byte `json:"previous,omitzero"`
}

// GapDeclared says that call records are missing, and why: a silence is explained.
type GapDeclared struct {
	Gap      string `json:"gap"`
	Provider string `json:"provider"`
	Producer string `json:"producer"`
	By       string `json:"by"`
	// Period is when the missing calls were made, [from, to).
	Period Period `json:"period"`
	// First and Last are the numbers that are missing, if numbers were given out.
	First uint64 `json:"first,omitzero"`
	Last  uint64 `json:"last,omitzero"`
	// Cause is a code; Description is free text, kept as a facet.
	Cause       string `json:"cause"`
	Description string `json:"description,omitzero"`
}

func (e *BatchSealed) Subject() Subject { return Subject{KindAccess, e.Provider} }
func (e *GapDeclared) Subject() Subject { return Subject{KindAccess, e.Provider} }

func (e *BatchSealed) names() []Name {
	return accessNames(parties(e.Provider, e.Consumer), e.Agreement, e.Entry, DatasetRef{})
}
func (e *GapDeclared) names() []Name { return parties(e.Provider, e.By) }

func (e *GapDeclared) facets() []facetField {
	return []facetField{{"description", "", &e.Description}}
}

func (e *BatchSealed) validate(c checker) {
	c.required("batch", e.Batch, MaxID)
	c.required("provider", e.Provider, MaxID)
	c.required("producer", e.Producer, MaxID)
	c.required("consumer", e.Consumer, MaxID)
	c.text("agreement", e.Agreement, MaxID)
	c.required("entry", e.Entry, MaxID)
	c.atLeast("entry_version", e.EntryVersion, 0)
	c.span("period", e.Period)
	c.some("purposes", len(e.Purposes))
	c.distinct("purposes", e.Purposes, MaxCode)
	c.distinct("columns", e.Columns, MaxID)
	c.distinct("regions", e.Regions, MaxCode)
	c.atLeast("count_ok", e.CountOK, 0)
	c.atLeast("count_denied", e.CountDenied, 0)
	c.atLeast("rows", e.Rows, 0)
	if e.Subjects != nil {
		c.atLeast("subjects", *e.Subjects, 0)
	}
	c.numbers(e.First, e.Last)
	if n := uint64(e.CountOK) + uint64(e.CountDenied); *c.first == nil && n != e.Last-e.First+1 {
		c.refuse("access.batch-count", "count_ok", fmt.Sprintf("%d calls are counted, and the numbers %d to %d are %d", n, e.First, e.Last, e.Last-e.First+1),
			"seal the calls of one run of numbers, all of them")
	}
	c.hash("root", e.Root)
	if len(e.Previous) > 0 {
		c.hash("previous", e.Previous)
	}
}

// numbers holds a run of a producer's numbers.
func (c checker) numbers(first, last uint64) {
	c.seq("first", first, 1)
	c.seq("last", last, 1)
	if last < first {
		c.refuse("field.interval", "last", fmt.Sprintf("the last number %d is before the first %d", last, first), "send first and last, both included")
	}
}

func (c checker) hash(field string, b []byte) {
	if len(b) != 32 {
		c.refuse("field.length", field, fmt.Sprintf("a hash has 32 bytes, not %d", len(b)), "send a SHA-256 digest in base64")
	}
}

func (e *GapDeclared) validate(c checker) {
	c.required("gap", e.Gap, MaxID)
	c.required("provider", e.Provider, MaxID)
	c.required("producer", e.Producer, MaxID)
	c.required("by", e.By, MaxID)
	c.span("period", e.Period)
	if e.First != 0 || e.Last != 0 {
		c.numbers(e.First, e.Last)
	}
	c.required("cause", e.Cause, MaxCode)
	c.text("description", e.Description, MaxText)
}
